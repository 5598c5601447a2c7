"""One group-by through narwhals, the same for every data frame and relation.

Engines agree on sums, counts and least values of plain columns, after nulls and NaN are one, and on
little else: so all else is done before the group-by or on its result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import to_array
from skfair._utils.validation import check_scale
from skfair.groups import MISSING, Bins, ColumnSpec, Groups, Missing
from skfair.tally._kernel import Sums, n_cells
from skfair.tally._sources import Table, collect

MAX_COMBINATIONS = 1 << 20
"""A group-by with more distinct combinations of keys than this is refused."""

_WEIGHT, _WEIGHT2, _POSITIVE, _LEAST, _KNOWN, _COUNT, _ROWS = (
    "w", "w2", "positive", "least", "known", "count", "rows"
)  # fmt: skip


class TooManyValuesError(ValueError):
    """More distinct combinations of values than groups and classes can have."""


@dataclass(frozen=True)
class Key:
    """What is grouped by: a column, and what is made of it before the group-by.

    Parameters
    ----------
    name : str
        Name of the column, for messages.
    read : narwhals Expr
        Reads the column.
    change : callable, default=None
        What is made of it, from one Expr to another.
    """

    name: str
    read: nw.Expr
    change: Callable[[nw.Expr], nw.Expr] | None = None


@dataclass(frozen=True)
class AggregatedCells:
    """What a group-by brought: a row a distinct combination of keys and values."""

    keys: pd.DataFrame
    values: list[Any]
    sums: tuple[NDArray[Any], ...]

    def take(self, rows: NDArray[np.intp]) -> AggregatedCells:
        """Keep some of the combinations."""
        keys = self.keys.iloc[rows].reset_index(drop=True)
        return AggregatedCells(
            keys, [v[rows] for v in self.values], tuple(s[rows] for s in self.sums)
        )

    def groups(self, sensitive_features: ColumnSpec, missing: Missing) -> Groups:
        """Read the group of each combination; refuse missing values by how many rows they have."""
        allowed: Missing = "group" if missing == "raise" else missing
        found = Groups.from_columns(self.keys, sensitive_features, missing=allowed)
        for part in found.split() if missing == "raise" else ():
            if MISSING in part.labels:
                lacking = part.codes == part.labels.index(MISSING)
                rows = int(self.sums[2][lacking].sum())
                raise ValueError(f"sensitive feature {part.name!r} has {rows} missing values")
        return found

    def add_up(self, codes: Sequence[NDArray[np.integer]], shape: tuple[int, ...]) -> Sums:
        """Sum the combinations into a table; several may fall in one cell (bins, missing)."""
        size = n_cells(shape)
        cells = np.ravel_multi_index([np.asarray(c, dtype=np.intp) for c in codes], shape)
        tables: list[Any] = [np.zeros(size), np.zeros(size), np.zeros(size, dtype=np.int64)]
        for table, values in zip(tables, self.sums, strict=True):
            np.add.at(table, cells, values)
        return tables[0].reshape(shape), tables[1].reshape(shape), tables[2].reshape(shape)


def aggregate(
    table: Table, values: Sequence[Key], sensitive_features: ColumnSpec, sample_weight: str | None
) -> AggregatedCells:
    """Group by sensitive features and values; sum rows, weights and squared weights.

    A numeric column that is only used cut in bins is cut first, so that it makes as many
    combinations as it has bins. Rows of weight 0 make their groups and classes known, but aren't
    counted.

    Raises
    ------
    ValueError
        If a column is not there, a weight is missing, infinite, negative or out of scale, or there
        are no rows.
    TooManyValuesError
        If there are too many distinct combinations.
    TypeError
        If the sensitive features aren't columns.
    """
    cuts = key_columns(sensitive_features)
    table.check_columns(*cuts, *([] if sample_weight is None else [sample_weight]))
    keys = [_key(table, name, edges) for name, edges in cuts.items()]
    grouped = collect_cells(table, [*keys, *values], sample_weight)
    column = {name: _read(grouped[name]) for name in grouped.columns}
    if sample_weight is not None:
        _check_weight_sums(column)
    rows = column[_ROWS].astype(np.int64)
    sums = [column.get(name, rows) for name in (_WEIGHT, _WEIGHT2, _COUNT)]
    found = {
        key.name: column[f"k{i}"] if key.change is None else _representatives(cut, column[f"k{i}"])
        for i, (key, cut) in enumerate(zip(keys, cuts.values(), strict=True))
    }
    return AggregatedCells(
        keys=pd.DataFrame(found),
        values=[column[f"k{i}"] for i in range(len(keys), len(keys) + len(values))],
        sums=tuple(sums),
    )


def collect_cells(table: Table, keys: Sequence[Key], sample_weight: str | None) -> Any:
    """Group by keys, named k0, k1, ..., sum rows and weights, and bring the result to memory."""
    read = [key.read.alias(f"k{i}") for i, key in enumerate(keys)]
    changed = [
        key.change(nw.col(f"k{i}")).alias(f"k{i}") for i, key in enumerate(keys) if key.change
    ]
    sums = [nw.len().alias(_ROWS)]
    if sample_weight is not None:
        read.append(table.number(sample_weight).alias(_WEIGHT))
        changed += _weight_columns()
        sums += [nw.col(name).sum() for name in (_WEIGHT, _WEIGHT2, _COUNT)]
        sums += [nw.col(_WEIGHT).count().alias(_KNOWN), nw.col(_POSITIVE).min().alias(_LEAST)]
    frame = table.frame.select(*read)
    if changed:
        frame = frame.with_columns(*changed)
    grouped = frame.group_by([f"k{i}" for i in range(len(keys))]).agg(*sums)
    cells = collect(grouped.head(MAX_COMBINATIONS + 1))
    if len(cells) == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required")
    if len(cells) > MAX_COMBINATIONS:
        _refuse_many(cells, keys)
    return cells


def check_first_rows(table: Table, key: Key) -> None:
    """Raise TooManyValuesError if the first rows alone have too many values, of all else unread."""
    first = replace(table, frame=table.frame.head(2 * MAX_COMBINATIONS))
    collect_cells(first, [key], None)


def bin_index(edges: Sequence[float], *, closed: str) -> Callable[[nw.Expr], nw.Expr]:
    """Expression of the number of edges below a number, or up to it; -1 where it is null.

    Parameters
    ----------
    edges : sequence of float
        Increasing.
    closed : {"left", "right"}
        The side on which a bin holds its edge: as ``numpy.searchsorted`` with the other side.

    Returns
    -------
    expression : callable
        From the Expr of a number to the Expr of its bin.
    """

    def place(values: nw.Expr, low: int, high: int) -> nw.Expr:
        if low == high:
            return nw.lit(low)
        middle = (low + high) // 2
        edge = float(edges[middle])
        above = values >= edge if closed == "left" else values > edge
        upper, lower = place(values, middle + 1, high), place(values, low, middle)
        return nw.when(above).then(upper).otherwise(lower)

    def index(values: nw.Expr) -> nw.Expr:
        found = place(values, 0, len(edges))
        return nw.when(values.is_null()).then(nw.lit(-1)).otherwise(found)

    return index


def key_columns(sensitive_features: ColumnSpec) -> dict[str, list[float] | None]:
    """Columns that sensitive features are made of, and all edges at which each may be cut.

    The edges are None for a column whose values count as they are.
    """
    if isinstance(sensitive_features, str | Bins):
        sensitive_features = [sensitive_features]
    if not isinstance(sensitive_features, list | tuple):
        raise TypeError(
            "sensitive features of a frame are column names, Bins, or a list of them, got "
            f"{sensitive_features!r}"
        )
    cuts: dict[str, list[float] | None] = {}
    for item in sensitive_features:
        name = item.column if isinstance(item, Bins) else item
        if not isinstance(name, str):
            raise TypeError(f"name the columns of sensitive features, got {name!r}")
        known = cuts.get(name, [])
        if isinstance(item, Bins) and known is not None:
            cuts[name] = np.union1d(known, np.asarray(item.edges, dtype=float)).tolist()
        else:
            cuts[name] = None
    return cuts


def _key(table: Table, name: str, edges: list[float] | None) -> Key:
    if not edges or not np.isfinite(edges).all() or not table.is_number(name):
        return Key(name, table.column(name))  # Bins itself says what is wrong
    return Key(name, table.number(name), bin_index(edges, closed="right"))


def _representatives(edges: list[float] | None, codes: NDArray[Any]) -> NDArray[np.float64]:
    """Give a number of each bin: its upper edge, which it holds, or the least above the last."""
    cuts = np.asarray(edges, dtype=np.float64)
    return np.concatenate([cuts, [np.nextafter(cuts[-1], np.inf), np.nan]])[codes.astype(np.intp)]


def _weight_columns() -> list[nw.Expr]:
    weight = nw.col(_WEIGHT)
    return [
        (weight * weight).alias(_WEIGHT2),
        nw.when(weight > 0).then(nw.lit(1)).otherwise(nw.lit(0)).alias(_COUNT),
        nw.when(weight != 0).then(weight).otherwise(nw.lit(np.inf)).alias(_POSITIVE),
    ]


def _read(column: Any) -> Any:
    """Values of a column of the result; whole numbers stay so beside missing ones, zones too."""
    if column.dtype == nw.Datetime and column.dtype.time_zone:
        return pd.DatetimeIndex(column.to_list()).array
    if column.dtype.is_integer() and column.null_count():
        return np.array(column.to_list(), dtype=object)
    return to_array(column.to_native())


def _check_weight_sums(column: dict[str, Any]) -> None:
    if (column[_KNOWN] != column[_ROWS]).any() or not np.isfinite(column[_WEIGHT]).all():
        raise ValueError("Input sample_weight contains NaN or infinity.")
    least = column[_LEAST].min()
    if least < 0:
        raise ValueError("Negative values in data passed to `sample_weight`")
    check_scale(least, column[_WEIGHT])


def _refuse_many(cells: Any, keys: Sequence[Key]) -> None:
    sizes = [cells[f"k{i}"].n_unique() for i in range(len(keys))]
    widest = int(np.argmax(sizes))
    raise TooManyValuesError(
        f"more than {MAX_COMBINATIONS} distinct combinations of {[key.name for key in keys]}; "
        f"column {keys[widest].name!r} alone has {sizes[widest]} distinct values or more, too many "
        "to be groups or classes: cut numbers with Bins, derive years or seasons of dates, and "
        "merge rare values"
    )
