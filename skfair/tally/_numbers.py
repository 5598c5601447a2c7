"""Quantiles and moments of a column of numbers, summed where the rows are."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import to_array
from skfair.tally._quantiles import number_range, quantile_edges
from skfair.tally._sources import Table, collect, open_table


class NumberSummary(NamedTuple):
    """Quantiles and standardised moments of a column of numbers.

    Rows without a number, and rows of weight 0, don't count.

    Parameters
    ----------
    edges : ndarray of float
        Increasing edges of bins that hold about as many rows each; none where all numbers agree.
    rows : int
        Rows that have a number.
    skewness, kurtosis : float
        Third and fourth standardised moment of the rows, NaN where all numbers agree.
    weighted_skewness : float
        Of the weights' distribution.
    """

    edges: NDArray[np.float64]
    rows: int
    skewness: float
    kurtosis: float
    weighted_skewness: float


def summarise_numbers(
    source: Any, column: str, *, bins: int, sample_weight: str | None = None
) -> NumberSummary:
    """Summarise a column of numbers in a few passes, however many distinct values it has.

    Moments are sums of powers of centred numbers. The edges are exact quantiles where the rows
    are in memory, and else the closest of a fine grid.

    Parameters
    ----------
    source : frame, relation, path or list of paths
        As in :meth:`Tally.from_frame`.
    column : str
        Name of the column.
    bins : int
        Number of bins, at least 2.
    sample_weight : str, default=None
        Name of the column of sampling weights.

    Returns
    -------
    NumberSummary

    Raises
    ------
    ValueError
        If a column is not there or not numeric, or there are no numbers, or infinite ones.

    Examples
    --------
    >>> import pandas as pd
    >>> found = summarise_numbers(pd.DataFrame({"age": [20, 30, 40, 90]}), "age", bins=2)
    >>> found.edges.tolist(), round(found.skewness, 3)
    ([40.0], 0.922)
    """
    table = open_table(source)
    table.check_columns(column, *([] if sample_weight is None else [sample_weight]))
    found = number_range(table, column)
    if not found.is_finite:
        raise ValueError(f"column {column!r} contains infinity, or no number at all")
    if found.low == found.high:
        nothing = (math.nan, math.nan, math.nan)
        return NumberSummary(np.zeros(0), found.known, *nothing)
    scale = math.ldexp(1.0, -math.frexp(max(abs(found.low), abs(found.high)))[1])
    rows, skewness, kurtosis = _moments(table, column, scale, None, sample_weight)
    weighted = skewness
    if sample_weight is not None:
        _, weighted, _ = _moments(table, column, scale, sample_weight, sample_weight)
    edges = quantile_edges(table, column, bins, sample_weight, found)
    return NumberSummary(edges, int(rows), skewness, kurtosis, weighted)


def _moments(
    table: Table, column: str, scale: float, weight: str | None, sample_weight: str | None
) -> tuple[float, float, float]:
    """Sum of weights, and the third and fourth standardised moment, of rows that have weight."""
    x, w = nw.col("x"), nw.col("w")
    read = [(table.number(column) * nw.lit(scale)).alias("x")]
    if sample_weight is not None:
        read.append(table.number(sample_weight).alias("w"))
    frame = table.frame.select(*read).filter(~x.is_null())
    if sample_weight is not None:
        frame = frame.filter(w > 0)
    if weight is None:
        frame = frame.with_columns(nw.lit(1.0).alias("w"))
    total, first = _sums(frame, w, w * x)
    centred = frame.with_columns((x - nw.lit(first / total)).alias("x"))
    square = centred.with_columns((x * x).alias("x2"))
    x2 = nw.col("x2")
    second, third, fourth = (s / total for s in _sums(square, w * x2, w * x2 * x, w * x2 * x2))
    return total, third / second**1.5, fourth / second**2


def _sums(frame: Any, *expressions: nw.Expr) -> list[float]:
    names = [f"s{i}" for i in range(len(expressions))]
    terms = frame.select(*(e.alias(n) for e, n in zip(expressions, names, strict=True)))
    found = collect(terms.select(*(nw.col(name).sum() for name in names)))
    return [float(to_array(found[name].to_native())[0]) for name in names]
