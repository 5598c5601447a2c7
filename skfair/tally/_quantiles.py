"""Edges between bins of numbers that hold about as many rows each."""

from __future__ import annotations

import math
from typing import NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import to_array
from skfair._utils.validation import check_count
from skfair.tally._frame import Key, collect_cells
from skfair.tally._sources import Table, collect

_GRID = 1 << 16
_PASSES = 5
_EVEN = 0.1  # of a bin's rows, by which an edge may miss its quantile
_NARROWER = 8.0  # times, for a finer grid to be worth a pass
_LEAST_EXPONENT = -1000  # of the grid's step, so that the step's inverse is a number


class NumberRange(NamedTuple):
    """How many rows there are, how many have a number, and between which these lie."""

    rows: int
    known: int
    low: float
    high: float

    @property
    def is_finite(self) -> bool:
        """Whether there are numbers, and no infinite ones."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def quantile_edges(
    table: Table, column: str, bins: int, sample_weight: str | None, found: NumberRange
) -> NDArray[np.float64]:
    """Edges of bins with about as many rows each: exact quantiles, or the nearest of a fine grid.

    The steps of the grid are powers of two, so that a number is never rounded to the other side of
    an edge. Where a few cells hold the rows between the first quantile and the last, beside values
    far away, a finer grid parts these cells.

    Parameters
    ----------
    table : Table
    column : str
        Name of the column of numbers; rows without one don't count.
    bins : int
        Number of bins.
    sample_weight : str or None
        Name of the column of weights; rows of weight 0 don't count.
    found : NumberRange
        Of the column; it has numbers, all of them finite.

    Returns
    -------
    edges : ndarray of float
        At least one, and fewer than ``bins``.
    """
    check_count("bins", bins, least=2)
    if found.low == found.high:
        return np.array([found.low])
    if table.is_eager:
        return _exact_edges(_numbers(table, column, sample_weight), bins)
    return _nearest_edges(table, column, bins, sample_weight, found.low, found.high)


def number_range(
    table: Table, column: str, within: tuple[float, float] | None = None
) -> NumberRange:
    """Numbers of rows and of values of a column, its least and its largest value.

    Parameters
    ----------
    table : Table
    column : str
    within : (float, float), default=None
        Count only numbers from the first up to, but not including, the second.

    Raises
    ------
    ValueError
        If there are no rows, or the column isn't numeric.
    """
    number = nw.col("number")
    frame = table.frame.select(table.number(column).alias("number"))
    if within is not None:
        frame = frame.filter((number >= within[0]) & (number < within[1]))
    sums = (number.count().alias("known"), number.min().alias("low"), number.max().alias("high"))
    found = collect(frame.select(nw.len().alias("rows"), *sums))
    rows, known, low, high = (to_array(found[name].to_native())[0] for name in found.columns)
    if rows == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required")
    if known == 0:
        low = high = math.nan
    return NumberRange(int(rows), int(known), float(low), float(high))


def _numbers(table: Table, column: str, sample_weight: str | None) -> NDArray[np.float64]:
    numbers = nw.col("number")
    read = [table.number(column).alias("number")]
    if sample_weight is not None:
        table.check_columns(sample_weight)
        read.append(table.number(sample_weight).alias("w"))
    frame = collect(table.frame.select(*read).filter(~numbers.is_null()))
    counted = frame if sample_weight is None else frame.filter(nw.col("w") > 0)
    chosen = (counted if len(counted) else frame).select(numbers)["number"]
    values: NDArray[np.float64] = np.asarray(chosen.to_numpy(), dtype=np.float64)
    return values


def _exact_edges(numbers: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    cuts = np.unique(np.quantile(numbers, np.arange(1, bins) / bins, method="higher"))
    above = numbers[numbers > numbers.min()]
    return np.unique(np.maximum(cuts, above.min())) if len(above) else cuts[:1]


def _nearest_edges(
    table: Table, column: str, bins: int, sample_weight: str | None, low: float, high: float
) -> NDArray[np.float64]:
    edges = np.array([low])
    for _ in range(_PASSES):
        step = _step(low, high)
        places, rows = _histogram(table, column, sample_weight, step, low, high)
        points, is_even = _grid_edges(places, rows, bins)
        edges = points * step
        first, last = _cells_of_quantiles(places, rows, bins)
        if is_even or (last + 1 - first) * step * _NARROWER > high - low:
            break
        inner = number_range(table, column, (first * step, (last + 1) * step))
        if inner.low == inner.high or (inner.high - inner.low) * _NARROWER > high - low:
            break
        low, high = inner.low, inner.high
    return edges


def _step(low: float, high: float) -> float:
    """Find the power of two that parts the range into at most as many steps as the grid has."""
    largest = max(abs(low), abs(high))
    finest = max(high / _GRID - low / _GRID, largest * 2.0**-50)
    return math.ldexp(1.0, max(math.ceil(math.log2(finest)), _LEAST_EXPONENT))


def _histogram(
    table: Table, column: str, sample_weight: str | None, step: float, low: float, high: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by cell of the grid, all below the range in one cell and all above it in another."""
    below, above = math.floor(low / step) - 1.0, math.floor(high / step) + 1.0
    missing = below - 1.0  # engines make no whole numbers of nulls, or of infinity

    def place(numbers: nw.Expr) -> nw.Expr:
        cell = numbers * nw.lit(1.0 / step)
        cell = nw.when(cell < below).then(nw.lit(below)).otherwise(cell)
        cell = nw.when(cell > above).then(nw.lit(above)).otherwise(cell)
        cell = nw.when(numbers.is_null()).then(nw.lit(missing)).otherwise(cell)
        return cell.floor().cast(nw.Int64)

    if sample_weight is not None:
        table.check_columns(sample_weight)
    cells = collect_cells(table, [Key(column, table.number(column), place)], sample_weight)
    places = to_array(cells["k0"].to_native()).astype(np.int64)
    rows = to_array(cells["rows"].to_native()).astype(np.int64)
    counted = rows if sample_weight is None else to_array(cells["count"].to_native())
    known = places != missing
    places, rows, counted = places[known], rows[known], counted[known].astype(np.int64)
    if not counted.any():
        counted = rows
    order = np.argsort(places)
    return places[order], counted[order]


def _cells_of_quantiles(
    places: NDArray[np.int64], rows: NDArray[np.int64], bins: int
) -> tuple[int, int]:
    """Cells in which the first quantile lies, and the last."""
    ends = np.cumsum(rows)
    within = np.searchsorted(ends, ends[-1] * np.array([1, bins - 1]) / bins)
    return int(places[within[0]]), int(places[within[1]])


def _grid_edges(
    places: NDArray[np.int64], rows: NDArray[np.int64], bins: int
) -> tuple[NDArray[np.float64], bool]:
    """Points of the grid, each between a cell and the next, that are nearest to the quantiles.

    Also tell whether they are near enough for bins of about as many rows.
    """
    places, rows = places[rows > 0], rows[rows > 0]
    below = np.cumsum(rows)[:-1]  # rows below the start of each cell but the first
    if not len(below):
        return places[:1].astype(np.float64), False
    wanted = below[-1] + rows[-1]
    targets = wanted * np.arange(1, bins) / bins
    after = np.searchsorted(below, targets).clip(0, len(below) - 1)
    before = (after - 1).clip(0)
    nearest = np.where(targets - below[before] < below[after] - targets, before, after)
    is_even = np.abs(below[nearest] - targets).max() <= _EVEN * wanted / bins
    return places[1:][np.unique(nearest)].astype(np.float64), bool(is_even)
