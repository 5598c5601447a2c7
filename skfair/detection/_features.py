"""Columns of a table as groups: each value, or each bin of a numeric column, is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import column_positions, select_column
from skfair._utils.validation import check_count
from skfair._utils.warning import warn_user
from skfair.groups import MAX_NUMERIC_GROUPS, Bins, Groups, is_a_value_a_row

DATES = "dates are no groups: derive an age, a year or a season"


@dataclass(frozen=True, eq=False)
class Feature:
    """One column, its rows grouped by value.

    Parameters
    ----------
    name : str or int
        Name of the column; ``x0``, ``x1``, ... where X has no names.
    position : int
        Place of the column in X.
    groups : Groups
        A group a value, or a bin of a numeric column (``'25<age<=60'``); missing values are the
        group ``"<missing>"``.
    numbers : ndarray of float of shape (n,) or None
        Values of a numeric column, NaN where missing; None if it isn't numeric.
    edges : tuple of float or None
        Edges of the bins; None where each value is a group.
    """

    name: Any
    position: int
    groups: Groups
    numbers: NDArray[np.float64] | None
    edges: tuple[float, ...] | None = None


def read_features(
    X: Any, *, columns: str | int | Sequence[str | int] | None = None, n_bins: int = 10
) -> list[Feature]:
    """Read columns of X as features.

    A numeric column with more than ``n_bins`` distinct values is cut at its quantiles, which are
    values of the data. A column of text or other objects in which a value has fewer than two rows
    on average, and a column of dates, is left out with a warning: its values are no groups.

    Parameters
    ----------
    X : data frame or matrix of shape (n, n_features)
    columns : sequence of str or int, default=None
        Names or positions; all columns by default.
    n_bins : int, default=10
        Most bins of a numeric column, 2 to 30.

    Returns
    -------
    features : list of Feature

    Raises
    ------
    ValueError
        If there is no such column, or ``n_bins`` is out of range.

    Warns
    -----
    UserWarning
        If a column is left out; the message names it.

    Examples
    --------
    >>> X = pd.DataFrame({"age": [20, 30, 40, None], "sex": ["f", "m", "m", "f"]})
    >>> for feature in read_features(X, n_bins=2):
    ...     print(feature.name, feature.groups.labels)
    age ('age<=30', 'age>30', '<missing>')
    sex ('f', 'm')
    """
    check_count("n_bins", n_bins, least=2, most=MAX_NUMERIC_GROUPS)
    features, refused = [], {}
    for position in column_positions(X, columns):
        name, values = select_column(X, position)
        numbers, reason = as_numbers(values), None
        if numbers is None:
            reason = _why_no_groups(values)
        if reason is None:
            edges = None if numbers is None else quantile_edges(numbers, str(name), n_bins)
            features.append(
                Feature(name, position, _group(X, position, name, values, edges), numbers, edges)
            )
        else:
            refused[name] = reason
    tell_left_out(refused)
    return features


def tell_left_out(reasons: Mapping[Any, str]) -> None:
    """Warn of columns that are left out, by name, with the reasons."""
    if reasons:
        notes = "; ".join(f"{name!r}: {reason}" for name, reason in reasons.items())
        warn_user(f"columns left out: {notes}")


def as_numbers(values: Any) -> NDArray[np.float64] | None:
    """Values of a numeric column as floats with NaN; None for any other column, booleans too."""
    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        return None
    column = pd.Series(values)
    if column.dtype == object:
        column = column.infer_objects()
    if not pd.api.types.is_numeric_dtype(column.dtype) or column.dtype.kind in "bc":
        return None
    return column.astype(float).to_numpy()


def _why_no_groups(values: Any) -> str | None:
    column = pd.Series(values)
    if _is_of_times(column):
        return DATES
    if column.dtype.kind == "c":
        raise ValueError("Complex data not supported")
    return why_too_many(int(column.nunique()), int(column.notna().sum()))


def _is_of_times(column: pd.Series) -> bool:
    if column.dtype.kind in "mM":
        return True
    present = column.dropna()
    return len(present) > 0 and all(
        isinstance(value, date | time | timedelta) for value in present.unique()
    )


def why_too_many(n_distinct: int, n_present: int) -> str | None:
    """Say why so many distinct values in so many rows are no groups; None if they are."""
    if is_a_value_a_row(n_distinct, n_present):
        return f"{n_distinct} distinct values in {n_present} rows are no groups"
    return None


def _group(
    X: Any, position: int, name: Any, values: Any, edges: tuple[float, ...] | None
) -> Groups:
    if edges is None:
        return Groups.read({str(name): values})
    return Groups.from_columns(X, Bins(position, edges))


def quantile_edges(
    numbers: NDArray[np.float64],
    name: str,
    n_bins: int,
    counts: NDArray[np.integer] | None = None,
) -> tuple[float, ...] | None:
    """Cut points of a column of many values; None where each value can stand for itself.

    Parameters
    ----------
    numbers : ndarray of float of shape (n,)
        NaN where missing.
    name : str
        Name of the column, for messages.
    n_bins : int
    counts : ndarray of int of shape (n,), default=None
        Number of rows that have each of the numbers; None: one.

    Raises
    ------
    ValueError
        If a number is infinite.
    """
    known = ~np.isnan(numbers)
    present = numbers[known]
    if not np.isfinite(present).all():
        raise ValueError(f"Input X contains infinity in column {name!r}")
    distinct = np.unique(present)
    if len(distinct) <= n_bins:
        return None
    shares = np.arange(1, n_bins) / n_bins
    if counts is None:
        edges = np.unique(np.quantile(present, shares, method="inverted_cdf"))
    else:
        edges = np.unique(_counted_quantiles(present, counts[known], shares))
    edges = edges[edges < distinct[-1]] if edges[0] < distinct[-1] else distinct[-2:-1]
    above = distinct[np.searchsorted(distinct, edges) + 1]
    return tuple(shortest_between(low, high) for low, high in zip(edges, above, strict=True))


def _counted_quantiles(
    numbers: NDArray[np.float64], counts: NDArray[np.integer], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quantiles of repeated numbers, the least that so large a share of them don't exceed."""
    order = np.argsort(numbers)
    ends = np.cumsum(counts[order])
    ranks = np.ceil(ends[-1] * shares)
    return numbers[order][np.searchsorted(ends, ranks)]


def shortest_between(low: float, high: float) -> float:
    """Find the number with the fewest digits in [low, high), so that labels are readable."""
    for digits in range(1, 17):
        unit = 10.0 ** (np.floor(np.log10(max(abs(low), 1e-300))) + 1 - digits)
        rounded = float(f"{np.ceil(low / unit) * unit:.{digits}g}")
        if low <= rounded < high:
            return rounded
    return float(low)
