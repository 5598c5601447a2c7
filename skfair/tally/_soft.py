"""Expected cells of probabilistic decisions, for numpy and for torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from skfair._utils.arrays import as_float, namespace
from skfair._utils.validation import check_same_length


def soft_cells(
    y_true: Any, probability: Any, codes: Any, n_groups: int, sample_weight: Any = None
) -> Any:
    r"""Sum expected true negatives, false positives, false negatives and true positives by group.

    A row of group g with label y and probability p of a positive decision adds
    :math:`w ((1-y)(1-p), (1-y)p, y(1-p), yp)` to the cells of g. With p in {0, 1} these are the
    cells of a :class:`Tally`; with p from a network they are differentiable.

    Parameters
    ----------
    y_true : ndarray or tensor of shape (n,)
        Labels 0 and 1 (or the probability of 1).
    probability : ndarray or tensor of float of shape (n,)
        Probability that the decision is positive.
    codes : ndarray or tensor of int of shape (n,)
        Group of each row, in ``range(n_groups)``.
    n_groups : int
        Number of groups.
    sample_weight : ndarray or tensor of shape (n,), default=None
        Sampling weights.

    Returns
    -------
    cells : ndarray or tensor of float of shape (n_groups, 4)
        In the order tn, fp, fn, tp; of the type of ``probability``.

    Raises
    ------
    ValueError
        If an input is not one-dimensional, lengths differ, or codes are not integers in
        ``range(n_groups)``.

    Examples
    --------
    >>> soft_cells([1, 0], np.array([0.75, 0.5]), [0, 0], 1)
    array([[0.5 , 0.5 , 0.25, 0.75]])
    """
    p = as_float(probability)
    y = _like(y_true, p)
    weight = None if sample_weight is None else _like(sample_weight, p)
    places = _check_codes(codes, n_groups, p)
    inputs = {"y_true": y, "probability": p, "codes": places, "sample_weight": weight}
    for name, array in inputs.items():
        if array is not None and array.ndim != 1:
            raise ValueError(f"{name} must be one-dimensional, got shape {tuple(array.shape)}")
    check_same_length(**inputs)
    parts = [(1 - y) * (1 - p), (1 - y) * p, y * (1 - p), y * p]
    if weight is not None:
        parts = [part * weight for part in parts]
    if namespace(p) is np:
        return np.stack([np.bincount(places, part, n_groups) for part in parts], axis=1)
    return _index_add(parts, places, n_groups)


def _index_add(parts: list[Any], places: Any, n_groups: int) -> Any:
    xp = namespace(places)
    rows = xp.stack(parts, dim=1)
    # one row is added after the other: short floats would stand still at a large sum
    wide = xp.float32 if rows.device.type == "mps" else xp.float64  # which knows no float64
    sums = xp.zeros((n_groups, len(parts)), dtype=wide, device=rows.device)
    return sums.index_add(0, places, rows.to(wide)).to(rows.dtype)


def _check_codes(codes: Any, n_groups: int, reference: Any) -> Any:
    xp = namespace(reference)
    if xp is np:
        found: Any = np.asarray(codes)
        whole = found.dtype.kind in "biu"
    else:
        found = xp.as_tensor(codes)
        whole = not found.is_floating_point()
    if not whole and tuple(found.shape) != (0,):
        raise ValueError(f"codes must be integers, got {found.dtype}")
    places: Any = found.astype(np.intp) if xp is np else found.to(xp.int64)
    if bool(((places < 0) | (places >= n_groups)).any()):
        raise ValueError(f"codes must lie in range({n_groups})")
    return places if xp is np else places.to(reference.device)


def _like(values: Any, reference: Any) -> Any:
    xp = namespace(reference)
    if xp is np:
        return np.asarray(values, dtype=reference.dtype)
    return xp.as_tensor(values, dtype=reference.dtype, device=reference.device)
