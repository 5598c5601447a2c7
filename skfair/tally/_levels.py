"""Levels of control features: what is compared only among rows that share them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from skfair.groups import Groups
from skfair.tally._tally import Tally

Floats = NDArray[np.float64]


def split_levels(
    tally: Tally, control_features: str | Sequence[str], sums: Iterable[Floats]
) -> tuple[tuple[Hashable, ...], tuple[str, ...], list[Floats]]:
    """Part the groups of a tally into levels of its control features and the groups proper.

    Parameters
    ----------
    tally : Tally
    control_features : str or sequence of str
        Those of the tally's ``names`` to hold constant; none: one level.
    sums : iterable of ndarray of float of shape (n_groups, ...)
        What the tally has of each group.

    Returns
    -------
    labels : tuple
        Labels of the groups without their control features.
    names : tuple of str
    levels : list of ndarray of float of shape (n_levels, n_labels, ...)

    Raises
    ------
    ValueError
        If a control feature isn't among the tally's names, or no other name is left.

    Examples
    --------
    >>> groups = {"sex": ["f", "m", "f"], "site": ["x", "x", "y"]}
    >>> tally = Tally.from_arrays([1, 0, 1], [1, 1, 0], groups)
    >>> labels, names, (weight,) = split_levels(tally, "site", [tally.weight])
    >>> labels, names, weight.sum(axis=(2, 3)).tolist()
    (('f', 'm'), ('sex',), [[1.0, 1.0], [1.0, 0.0]])
    """
    control = [control_features] if isinstance(control_features, str) else control_features
    if not isinstance(control, Sequence) or not all(isinstance(name, str) for name in control):
        raise ValueError(
            f"control features of a tally are some of the names of its features, {tally.names}"
        )
    unknown = [name for name in control if name not in tally.names]
    if unknown:
        raise ValueError(f"no sensitive feature of the tally is named {unknown}: {tally.names}")
    rest = [i for i, name in enumerate(tally.names) if name not in control]
    if not rest:
        raise ValueError(f"all features of the tally are control features: {tally.names}")
    if not control:
        return tally.labels, tally.names, [array[None] for array in sums]
    held = [i for i in range(len(tally.names)) if i not in rest]
    features = Groups(np.arange(tally.n_groups), tally.labels, tally.names).split()
    groups, levels = (_intersection([features[i] for i in part]) for part in (rest, held))
    spread = []
    for array in sums:
        out = np.zeros((levels.n_groups, groups.n_groups, *array.shape[1:]))
        out[levels.codes, groups.codes] = array
        spread.append(out)
    return groups.labels, groups.names, spread


def _intersection(features: Sequence[Groups]) -> Groups:
    """Cross features as :class:`Groups` does, in its order."""
    if len(features) == 1:
        return features[0]
    places = np.stack([feature.codes for feature in features])
    present, codes = np.unique(places, axis=1, return_inverse=True)
    labels = [
        tuple(feature.labels[j] for feature, j in zip(features, column, strict=True))
        for column in present.T
    ]
    return Groups(codes.ravel(), tuple(labels), tuple(name for f in features for name in f.names))
