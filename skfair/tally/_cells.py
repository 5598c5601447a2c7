"""Cells of a class against the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def one_against_rest(table: NDArray[np.float64], k: int | None) -> NDArray[np.float64]:
    """Fold C x C tables into (tn, fp, fn, tp) of class k against the rest.

    Parameters
    ----------
    table : ndarray of shape (..., C, C)
        By y_true and y_pred.
    k : int or None
        The positive class; None: no row is or is called positive.

    Returns
    -------
    cells : ndarray of shape (..., 4)

    Examples
    --------
    >>> one_against_rest(np.array([[5.0, 1, 0], [2, 7, 0], [0, 3, 9]]), 1)
    array([14.,  4.,  2.,  7.])
    """
    if k is None:
        total = table.sum(axis=(-2, -1))
        zero = np.zeros_like(total)
        return np.stack([total, zero, zero, zero], axis=-1)
    rest = [i for i in range(table.shape[-1]) if i != k]
    fp, fn = table[..., rest, k].sum(axis=-1), table[..., k, rest].sum(axis=-1)
    tn = table[..., rest, :][..., rest].sum(axis=(-2, -1))  # total less the others is never quite 0
    return np.stack([tn, fp, fn, table[..., k, k]], axis=-1)
