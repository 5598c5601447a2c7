"""Edges between bins of scores that hold about as many rows each."""

from __future__ import annotations

import math
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import to_array
from skfair._utils.validation import check_count
from skfair.tally._frame import Key, collect_cells
from skfair.tally._sources import Table

_GRID = 1 << 16
_LEAST_EXPONENT = -1000  # of the grid's step, so that the step's inverse is a number


def quantile_edges(
    table: Table, y_score: str, bins: int, sample_weight: str | None
) -> NDArray[np.float64]:
    """Edges of bins with about as many rows each: exact quantiles, or the nearest of a fine grid.

    The steps of the grid are powers of two, so that a score is never rounded to the other side of
    an edge.

    Parameters
    ----------
    table : Table
    y_score : str
        Name of the column of scores.
    bins : int
        Number of bins.
    sample_weight : str or None
        Name of the column of weights; rows of weight 0 don't count.

    Returns
    -------
    edges : ndarray of float
        At least one, and fewer than ``bins``.

    Raises
    ------
    ValueError
        If there are no scores, or they are missing or infinite.
    """
    check_count("bins", bins, least=2)
    low, high = _range(table, y_score)
    if low == high:
        return np.array([low])
    if table.is_eager:
        return _exact_edges(_scores(table, y_score, sample_weight), bins)
    step = _step(low, high)
    places, rows = _histogram(table, y_score, sample_weight, step)
    return _grid_edges(places, rows, bins) * step


def _range(table: Table, y_score: str) -> tuple[float, float]:
    scores = nw.col("score")
    found = (
        table.frame.select(table.number(y_score).alias("score"))
        .select(
            nw.len().alias("rows"),
            scores.count().alias("known"),
            scores.min().alias("low"),
            scores.max().alias("high"),
        )
        .collect()
    )
    rows, known, low, high = (to_array(found[name].to_native())[0] for name in found.columns)
    if rows == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required")
    if known < rows:
        raise ValueError("Input y_score contains NaN.")
    if not math.isfinite(low) or not math.isfinite(high):
        raise ValueError("Input y_score contains infinity: give the edges of the bins yourself.")
    return float(low), float(high)


def _scores(table: Table, y_score: str, sample_weight: str | None) -> NDArray[np.float64]:
    scores = nw.col("score")
    read = [table.number(y_score).alias("score")]
    if sample_weight is not None:
        table.check_columns(sample_weight)
        read.append(table.number(sample_weight).alias("w"))
    frame = table.frame.select(*read).collect()
    counted = frame if sample_weight is None else frame.filter(nw.col("w") > 0)
    chosen = (counted if len(counted) else frame).select(scores)["score"]
    values: NDArray[np.float64] = np.asarray(chosen.to_numpy(), dtype=np.float64)
    return values


def _exact_edges(scores: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    cuts = np.unique(np.quantile(scores, np.arange(1, bins) / bins, method="higher"))
    above = scores[scores > scores.min()]
    return np.unique(np.maximum(cuts, above.min())) if len(above) else cuts[:1]


def _step(low: float, high: float) -> float:
    """Find the power of two that parts the range into at most as many steps as the grid has."""
    largest = max(abs(low), abs(high))
    finest = max(high / _GRID - low / _GRID, largest * 2.0**-50)
    return math.ldexp(1.0, max(math.ceil(math.log2(finest)), _LEAST_EXPONENT))


def _histogram(
    table: Table, y_score: str, sample_weight: str | None, step: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    def place(scores: nw.Expr) -> nw.Expr:
        return (scores * nw.lit(1.0 / step)).floor().cast(nw.Int64)

    if sample_weight is not None:
        table.check_columns(sample_weight)
    cells = collect_cells(table, [Key(y_score, table.number(y_score), place)], sample_weight)
    counted: Any = to_array(cells["rows" if sample_weight is None else "count"].to_native())
    if not counted.any():
        counted = to_array(cells["rows"].to_native())
    places = to_array(cells["k0"].to_native()).astype(np.int64)
    order = np.argsort(places)
    return places[order], counted[order].astype(np.int64)


def _grid_edges(
    places: NDArray[np.int64], rows: NDArray[np.int64], bins: int
) -> NDArray[np.float64]:
    """Points of the grid, each between a cell and the next, that are nearest to the quantiles."""
    places, rows = places[rows > 0], rows[rows > 0]
    below = np.cumsum(rows)[:-1]  # rows below the start of each cell but the first
    if not len(below):
        return places[:1].astype(np.float64)
    wanted = below[-1] + rows[-1]
    targets = wanted * np.arange(1, bins) / bins
    after = np.searchsorted(below, targets).clip(0, len(below) - 1)
    before = (after - 1).clip(0)
    nearest = np.where(targets - below[before] < below[after] - targets, before, after)
    return places[1:][np.unique(nearest)].astype(np.float64)
