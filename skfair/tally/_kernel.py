"""The one loop over rows: blocked counting of integer cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

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

    A row of weight 0 counts as no row, so that leaving rows out and giving them no weight is the
    same.

    Blocks of rows stay in the processor's cache; they have no fewer rows than the table has cells,
    so that every block pays for its pass over the table. The memory needed beside the input is in
    proportion to the table.

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
    size = n_cells(shape)
    count = np.zeros(size, dtype=np.int64)
    weight, weight2 = np.zeros(size), np.zeros(size)
    for rows, cells in _blocks(codes, shape):
        if sample_weight is None:
            count += np.bincount(cells, minlength=size)
            continue
        w = sample_weight[rows]
        count += np.bincount(cells if w.all() else cells[w != 0], minlength=size)
        weight += np.bincount(cells, w, size)
        weight2 += np.bincount(cells, w * w, size)
    if sample_weight is None:
        weight, weight2 = count.astype(np.float64), count.astype(np.float64)
    return weight.reshape(shape), weight2.reshape(shape), count.reshape(shape)


def sum_cells(
    codes: Sequence[NDArray[np.integer]],
    shape: tuple[int, ...],
    values: NDArray[np.float64],
    sample_weight: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Sum values, times weights, in each cell of a table of codes, and nothing else.

    Parameters
    ----------
    codes, shape
        As in :func:`count_cells`.
    values : ndarray of float of shape (n,)
        What is summed.
    sample_weight : ndarray of float of shape (n,), default=None
        Without weights every row weighs 1.

    Returns
    -------
    sums : ndarray of float of shape ``shape``

    Raises
    ------
    ValueError
        If the table would have more than 2**26 cells.

    Examples
    --------
    >>> sum_cells([np.array([0, 1, 1])], (2,), np.array([1.0, 2.0, 4.0])).tolist()
    [1.0, 6.0]
    """
    size = n_cells(shape)
    sums = np.zeros(size)
    for rows, cells in _blocks(codes, shape):
        scaled = values[rows] if sample_weight is None else values[rows] * sample_weight[rows]
        sums += np.bincount(cells, scaled, size)
    return sums.reshape(shape)


def n_cells(shape: tuple[int, ...]) -> int:
    """Count the cells of a table.

    Raises
    ------
    ValueError
        If it is more than ``MAX_CELLS``.

    Examples
    --------
    >>> n_cells((3, 2, 2))
    12
    """
    size = math.prod(shape)
    if size > MAX_CELLS:
        raise ValueError(
            f"a tally of shape {shape} has {size} cells, more than {MAX_CELLS}: use fewer groups, "
            "classes or bins"
        )
    return size


def _blocks(
    codes: Sequence[NDArray[np.integer]], shape: tuple[int, ...]
) -> Iterator[tuple[slice, NDArray[np.intp]]]:
    """Rows, and the flat cell of each of them."""
    block = max(_BLOCK, math.prod(shape))
    for start in range(0, len(codes[0]), block):
        rows = slice(start, start + block)
        yield rows, _flatten([c[rows] for c in codes], shape)


def _flatten(codes: Sequence[NDArray[np.integer]], shape: tuple[int, ...]) -> NDArray[np.intp]:
    cells = codes[0].astype(np.intp)
    for axis, size in zip(codes[1:], shape[1:], strict=True):
        cells *= size
        cells += axis
    return cells
