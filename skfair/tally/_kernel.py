"""The one loop over rows: blocked counting of integer cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 16
MAX_CELLS = 1 << 26

Sums = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]
"""Sums of weights, sums of squared weights and row counts, by cell."""


def count_cells(
    codes: Sequence[NDArray[np.integer]],
    shape: tuple[int, ...],
    sample_weight: NDArray[np.float64] | None = None,
) -> Sums:
    """Sum weights, squared weights and rows in each cell of a table of codes.

    Blocks of rows stay in the processor's cache, so the memory needed beside the input is
    constant.

    Parameters
    ----------
    codes : sequence of k arrays of int of shape (n,)
        A row's place on each axis of the table.
    shape : tuple of k ints
        Size of each axis.
    sample_weight : ndarray of float of shape (n,), default=None
        Without weights every row weighs 1.

    Returns
    -------
    weight, weight2 : ndarray of float of shape ``shape``
    count : ndarray of int of shape ``shape``

    Raises
    ------
    ValueError
        If the table would have more than 2**26 cells.

    Examples
    --------
    >>> count_cells([np.array([0, 1, 1]), np.array([0, 0, 1])], (2, 2))[2].tolist()
    [[1, 0], [1, 1]]
    """
    size = math.prod(shape)
    if size > MAX_CELLS:
        raise ValueError(
            f"a tally of shape {shape} has {size} cells, more than {MAX_CELLS}: use fewer groups, "
            "classes or bins"
        )
    count = np.zeros(size, dtype=np.int64)
    weight, weight2 = np.zeros(size), np.zeros(size)
    for start in range(0, len(codes[0]), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cells = _flatten([c[rows] for c in codes], shape)
        count += np.bincount(cells, minlength=size)
        if sample_weight is not None:
            w = sample_weight[rows]
            weight += np.bincount(cells, w, size)
            weight2 += np.bincount(cells, w * w, size)
    if sample_weight is None:
        weight, weight2 = count.astype(np.float64), count.astype(np.float64)
    return weight.reshape(shape), weight2.reshape(shape), count.reshape(shape)


def _flatten(codes: Sequence[NDArray[np.integer]], shape: tuple[int, ...]) -> NDArray[np.intp]:
    cells = codes[0].astype(np.intp)
    for axis, size in zip(codes[1:], shape[1:], strict=True):
        cells *= size
        cells += axis
    return cells
