"""What columns of a frame or relation hold: their kinds, and their distinct values counted."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from skfair.tally._frame import Key, aggregate, check_first_rows
from skfair.tally._sources import open_table

Kind = Literal["number", "time", "object", "other"]


class ValueCounts(NamedTuple):
    """Distinct values of a column, with the rows that have them and these rows' weight.

    Rows of weight 0 aren't counted, and values of such rows alone left out.
    """

    values: Any
    rows: NDArray[np.int64]
    weight: NDArray[np.float64]


def column_kinds(source: Any) -> dict[str, Kind]:
    """Kind of each column: numbers (no booleans), times, objects of any type, or anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> column_kinds(pd.DataFrame({"age": [20, 30], "is_in": [True, False]}))
    {'age': 'number', 'is_in': 'other'}
    """
    return {name: _kind(dtype) for name, dtype in open_table(source).dtypes.items()}


def count_values(source: Any, column: str, *, sample_weight: str | None = None) -> ValueCounts:
    """Count the distinct values of a column with one group-by.

    Parameters
    ----------
    source : frame, relation, path or list of paths
        As in :meth:`Tally.from_frame`.
    column : str
        Name of the column.
    sample_weight : str, default=None
        Name of the column of sampling weights.

    Returns
    -------
    ValueCounts

    Raises
    ------
    ValueError
        If a column is not there, has too many distinct values, or a weight is missing, infinite
        or negative.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [20, 30, 30]})
    >>> found = count_values(frame, "age")
    >>> dict(zip(found.values.tolist(), found.rows.tolist()))
    {20: 1, 30: 2}
    """
    table = open_table(source)
    table.check_columns(column, *([] if sample_weight is None else [sample_weight]))
    cells = aggregate(table, [Key(column, table.column(column))], [], sample_weight)
    weight, _, rows = cells.sums
    kept = np.flatnonzero(rows)
    sums = rows[kept].astype(np.int64), weight[kept].astype(np.float64)
    return ValueCounts(cells.values[0][kept], *sums)


def check_few_values(source: Any, column: str) -> None:
    """Raise TooManyValuesError if the first two million rows show that a column has too many.

    So a column in which nearly every row has a value of its own is refused at little cost. One
    that passes may still be refused when all its rows are counted.

    Parameters
    ----------
    source : frame, relation, path or list of paths
        As in :meth:`Tally.from_frame`.
    column : str
        Name of the column.

    Raises
    ------
    TooManyValuesError
        If there are more than about a million distinct values.

    Examples
    --------
    >>> import pandas as pd
    >>> check_few_values(pd.DataFrame({"age": [20, 30]}), "age")
    """
    table = open_table(source)
    table.check_columns(column)
    check_first_rows(table, Key(column, table.column(column)))


def _kind(dtype: Any) -> Kind:
    if dtype.is_numeric():
        return "number"
    if str(dtype).startswith(("Date", "Duration", "Time")):
        return "time"
    return "object" if dtype in (nw.Object, nw.Unknown) else "other"
