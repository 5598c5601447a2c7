"""Rows that are nearly equal: neighbours within a radius of standardised differences."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from scipy.spatial import KDTree
from sklearn.utils import gen_batches

from skfair.similarity._columns import StackedColumn, stack_columns
from skfair.similarity._exact import combine_codes
from skfair.similarity._pairs import RowPairs

MAX_PAIRS = 10_000_000
"""A search that finds more pairs is refused: it would tell nothing and fill the memory."""

NEAR_TOL = 0.02
"""Largest distance between near copies by default, in standard deviations."""

_ROUNDING = 1e-9
_BATCH = 1024
_Codes = list[tuple[NDArray[np.int64], int]]


def near_pairs(
    *tables: Any,
    tol: float = NEAR_TOL,
    max_different: int = 0,
    n_jobs: int | None = None,
) -> RowPairs:
    r"""Pairs of different rows whose numbers are nearly equal.

    The distance of two rows is the root mean square of their standardised differences,

    .. math:: d(i, j) = \sqrt{\frac{1}{k} \sum_{c=1}^{k}
        \left(\frac{x_{ic} - x_{jc}}{s_c}\right)^2},

    over the k numeric columns, so that the threshold doesn't hang on their number. The standard
    deviation s_c is the first table's; a column that is constant there takes the deviation of all
    tables, and is left out if that is 0 too. All other columns (text, booleans, dates, categories)
    must be equal. A missing value is near a missing value only; the mean is then over the columns
    that both rows have.

    Rows that are equal in every column are searched as one, the first of them: join the result
    with :func:`equal_pairs`.

    Parameters
    ----------
    *tables : data frame, matrix, dict of columns or list of rows
        As in :func:`row_codes`. Several tables are searched as one, stacked in their order.
    tol : float, default=0.02
        Largest distance. Copies with noise of 1 % of each column's standard deviation lie within
        0.02 with a probability of 0.954 if there is one numeric column, and more if there are
        several (0.99998 for ten).
    max_different : int, default=0
        In how many of the columns that aren't numeric two near rows may differ. The search is
        repeated for every choice of so many columns.
    n_jobs : int, default=None
        Number of threads; -1 takes all processors.

    Returns
    -------
    pairs : RowPairs
        Positions among the stacked rows and distances, sorted by first row, then second.

    Raises
    ------
    ValueError
        If ``tol`` isn't positive and finite, ``max_different`` isn't a number from 0, a numeric
        column contains infinity, more than ten million pairs are that near, or as in
        :func:`row_codes`.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"age": [20.0, 20.1, 60.0, 60.1], "sex": ["f", "f", "f", "m"]})
    >>> pairs = near_pairs(X)
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.distance.round(4).tolist()
    ([0], [1], [0.005])
    >>> near_pairs(X, max_different=1).second.tolist()
    [1, 3]
    """
    if not np.isfinite(tol) or tol <= 0:
        raise ValueError(f"tol must be positive and finite, got {tol!r}")
    if not isinstance(max_different, int | np.integer) or max_different < 0:
        raise ValueError(f"max_different must be an integer from 0, got {max_different!r}")
    columns, sizes = stack_columns(tables)
    kept = _first_rows(columns)
    points, pattern, categories = _embed(columns, sizes[0], kept)
    left_out = min(int(max_different), len(categories))
    found = RowPairs.empty()
    for chosen in combinations(range(len(categories)), len(categories) - left_out):
        blocks = combine_codes([pattern, *(categories[c] for c in chosen)])
        found = found.join(radius_pairs(points, tol, blocks=blocks, n_jobs=n_jobs))
    keys = found.first.astype(np.int64) * len(kept) + found.second
    once = np.unique(keys, return_index=True)[1]
    return RowPairs(kept[found.first[once]], kept[found.second[once]], found.distance[once])


def radius_pairs(
    points: NDArray[np.float64],
    radius: float,
    *,
    blocks: NDArray[np.integer] | None = None,
    n_jobs: int | None = None,
    max_pairs: int = MAX_PAIRS,
) -> RowPairs:
    """Pairs of points within a Euclidean radius, by one k-d tree.

    Parameters
    ----------
    points : ndarray of float of shape (n, n_features)
    radius : float
        Largest distance, above 0.
    blocks : ndarray of int of shape (n,), default=None
        Only points of the same block make pairs.
    n_jobs : int, default=None
        Number of threads; -1 takes all processors.
    max_pairs : int, default=10_000_000
        More pairs are refused, before memory is taken for them.

    Returns
    -------
    pairs : RowPairs
        Sorted by first row, then second.

    Raises
    ------
    ValueError
        If there are more than ``max_pairs`` pairs.

    Examples
    --------
    >>> pairs = radius_pairs(np.array([[0.0, 0.0], [3.0, 4.0], [9.0, 9.0]]), 5.0)
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist()
    ([0], [1], [5.0])
    """
    placed = points
    if blocks is not None:  # one more axis, along which blocks are out of each other's reach
        placed = np.column_stack([points, 4.0 * radius * blocks])
    reach = radius * (1 + _ROUNDING)  # what lies on the edge is decided below, not by the tree
    near = np.flatnonzero(_count_neighbours(placed, reach, n_jobs, max_pairs))
    if not len(near):
        return RowPairs.empty()
    pairs = near[KDTree(placed[near]).query_pairs(reach, output_type="ndarray")]
    first, second = pairs.min(axis=1), pairs.max(axis=1)
    distance = _distances(points, first, second)
    inside = distance <= radius
    return RowPairs(first[inside], second[inside], distance[inside]).sort()


def _count_neighbours(
    points: NDArray[np.float64], reach: float, n_jobs: int | None, max_pairs: int
) -> NDArray[np.intp]:
    tree, workers = KDTree(points), effective_n_jobs(n_jobs)
    counts = np.zeros(len(points), dtype=np.intp)
    total = 0
    for rows in gen_batches(len(points), _BATCH):
        found = tree.query_ball_point(points[rows], reach, workers=workers, return_length=True)
        counts[rows] = found - 1  # without the point itself
        total += int(counts[rows].sum())
        if total > 2 * max_pairs:  # each pair counts twice in the end
            raise ValueError(
                f"more than {max_pairs} pairs lie within a distance of {reach:g}: choose a smaller "
                "one, or compare more columns"
            )
    return counts


def _distances(
    points: NDArray[np.float64], first: NDArray[np.intp], second: NDArray[np.intp]
) -> NDArray[np.float64]:
    squares = np.zeros(len(first))
    for column in points.T:  # a column at a time, because there may be millions of pairs
        squares += (column[first] - column[second]) ** 2
    return np.sqrt(squares)


def _first_rows(columns: list[StackedColumn]) -> NDArray[np.intp]:
    """Position of the first of all rows that are equal."""
    codes = combine_codes(column.codes() for column in columns)
    return np.unique(codes, return_index=True)[1]


def _embed(
    columns: list[StackedColumn], n_reference: int, kept: NDArray[np.intp]
) -> tuple[NDArray[np.float64], tuple[NDArray[np.int64], int], _Codes]:
    """Rows as points, code of what they miss, and codes of the columns that aren't numeric.

    Between points of the same pattern, the Euclidean distance is the root mean square.
    """
    scaled, missing, categories = [], [], []
    for column in columns:
        numbers = column.numbers()
        if numbers is None:
            codes, size = column.codes()
            categories.append((codes[kept], size))
            continue
        lacking = np.isnan(numbers)
        missing.append((lacking[kept].astype(np.int64), 2))
        z = _standardise(numbers, n_reference, column.name)
        if z is not None:
            scaled.append(z[kept])
    pattern = combine_codes(missing) if missing else np.zeros(len(kept), dtype=np.int64)
    points = np.column_stack(scaled) if scaled else np.zeros((len(kept), 0))
    n_present = np.isfinite(points).sum(axis=1, keepdims=True)
    points = np.nan_to_num(points) / np.sqrt(np.maximum(n_present, 1))
    return points, (pattern, int(pattern.max()) + 1), categories


def _standardise(
    numbers: NDArray[np.float64], n_reference: int, name: Any
) -> NDArray[np.float64] | None:
    """Centre and scale by the reference rows, or by all; None if all are one value."""
    if np.isinf(numbers).any():
        raise ValueError(f"Input X contains infinity in column {name!r}")
    largest = np.nanmax(np.abs(numbers), initial=0.0)
    if largest == 0:
        return None
    numbers = numbers / largest  # so that no square overflows
    for part in (numbers[:n_reference], numbers):
        present = np.sort(part[~np.isnan(part)])  # sums that don't hang on the rows' order
        if len(present) == 0:
            continue
        deviation = present.std()
        if deviation > 10 * np.finfo(np.float64).eps * np.abs(present).max():
            return (numbers - present.mean()) / deviation
    return None
