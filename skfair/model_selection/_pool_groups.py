"""How a pool is divided among groups, those that aren't known or seen included."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.text import listed
from skfair.groups import Groups, is_missing_label
from skfair.model_selection._pool_choice import PoolPart

Floats = NDArray[np.float64]

UNKNOWN = -1
"""Code of a row whose group isn't known."""


def known_codes(labels: Sequence[Any]) -> list[int]:
    """Positions of the labels of which none is missing; of all of them if each one is.

    Examples
    --------
    >>> known_codes(["f", "<missing>", ("m", "<missing>")]), known_codes(["<missing>"])
    ([0], [0])
    """
    known = [k for k, label in enumerate(labels) if not is_missing_label(label)]
    return known or list(range(len(labels)))


def has_unknown(groups: Groups | None, known: Sequence[Any]) -> bool:
    """Tell whether some row of a pool is of unknown group, given the labels that are known."""
    return groups is None or any(_is_unknown(label, known) for label in groups.labels)


def _is_unknown(label: Any, known: Sequence[Any]) -> bool:
    return is_missing_label(label) and label not in known


def pool_codes(groups: Groups | None, n: int, known: Sequence[Any]) -> NDArray[np.intp]:
    """Find the place of each row's group among the known labels.

    Returns
    -------
    ndarray of int of shape (n,)
        ``UNKNOWN`` where a group is missing, and the number of known labels where it is none of
        them.

    Raises
    ------
    ValueError
        If the groups of the pool are none of the known ones, but for rows where they are missing.

    Warns
    -----
    UserWarning
        If some are none of them.
    """
    if groups is None:
        return np.full(n, UNKNOWN)
    place = {label: k for k, label in enumerate(known)}
    unseen = [g for g in groups.labels if g not in place and not _is_unknown(g, known)]
    if unseen:
        said = f"groups of the pool that fit hasn't seen: {listed(unseen)}"
        if not any(label in place for label in groups.labels):
            raise ValueError(f"{said}, and no other; groups seen: {listed(place)}")
        warnings.warn(f"{said}; they are taken as one group with the pooled error", UserWarning, 4)
    place |= dict.fromkeys(unseen, len(place))
    return np.array([place.get(g, UNKNOWN) for g in groups.labels], np.intp)[groups.codes]


def divide_pool(
    score: Floats, codes: NDArray[np.intp], needs: Floats, expected: Floats, focus: float
) -> list[PoolPart]:
    """Divide the pool into groups; rows of unknown group, and of unseen ones, are one part.

    A group's share is divided between its rows and the unknown ones that it may well have.

    Parameters
    ----------
    score : ndarray of float of shape (n,)
    codes : ndarray of int of shape (n,)
        As :func:`pool_codes` gives them.
    needs : ndarray of float of shape (k + 1,)
        Of the known groups, and of unseen ones.
    expected : ndarray of float of shape (n_unknown, k)
        How probable it is that an unknown row is of each known group.
    focus : float

    Returns
    -------
    list of PoolPart

    Examples
    --------
    >>> score, codes = np.array([0.5, 0.5, 0.5, 0.5]), np.array([0, 0, 1, UNKNOWN])
    >>> parts = divide_pool(score, codes, np.array([0.4, 0.2, 0.3]), np.array([[0.0, 1.0]]), 1.0)
    >>> [(part.rows.tolist(), round(float(part.share), 2)) for part in parts]
    [([0, 1], 1.0), ([2], 0.25), ([3], 0.25)]
    """
    own = np.bincount(codes[codes != UNKNOWN], minlength=len(needs))
    rows = own + np.append(expected.sum(axis=0), 0.0)
    shares = _focused(np.where(rows > 0, needs, 0.0), focus) * (rows > 0)
    of_rows = divide(shares, rows)
    parts = [
        PoolPart(np.flatnonzero(codes == g), score[codes == g], own[g] * of_rows[g])
        for g in np.flatnonzero(own)
    ]
    unknown = np.flatnonzero(codes == UNKNOWN)
    if len(unknown):
        weighted = score[unknown] * _focused(expected @ needs[:-1], focus)
        share = float((expected.sum(axis=0) * np.nan_to_num(of_rows[:-1])).sum())
        parts.append(PoolPart(unknown, weighted, share))
    return parts


def _focused(needs: Floats, focus: float) -> Floats:
    """Needs to a power, with 1 for the largest, so that no power makes all of them 0."""
    return np.maximum((needs / needs.max()) ** focus, np.finfo(np.float64).tiny)
