"""Columns of one or several tables, stacked below each other without changing a value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import as_floats, is_frame, is_series, named_columns
from skfair._utils.text import listed

_LARGEST_EXACT = 1 << 53  # floats hold every integer up to here


class StackedColumn(NamedTuple):
    """One column of all tables: the first table's rows, then the second's.

    ``is_category`` says that a table calls the column categorical, so that numbers in it are
    names.
    """

    name: Hashable | None
    values: NDArray[Any]
    is_category: bool

    def codes(self) -> tuple[NDArray[np.int64], int]:
        """Code each value exactly; 0 is missing, and the number of codes comes second."""
        try:
            codes, found = pd.factorize(self.values)
        except TypeError as error:
            raise ValueError(
                f"column {self.name!r} holds values that can't be compared: {error}"
            ) from error
        return codes.astype(np.int64) + 1, len(found) + 1

    def numbers(self) -> NDArray[np.float64] | None:
        """Values as floats, NaN where missing; None for booleans, text, dates and categories."""
        kind = self.values.dtype.kind
        if self.is_category or kind not in "iufO":
            return None
        if kind != "O":
            return self.values.astype(np.float64)
        found = pd.api.types.infer_dtype(self.values, skipna=True)
        if found not in ("integer", "floating", "mixed-integer-float", "decimal"):
            return None
        return as_floats(self.values)


def stack_columns(tables: Sequence[Any]) -> tuple[list[StackedColumn], list[int]]:
    """Stack tables, columns matched by name where all have names and by position otherwise.

    Parameters
    ----------
    tables : sequence of data frames, matrices, dicts of columns or lists of rows

    Returns
    -------
    columns : list of StackedColumn
        In the order of the first table.
    sizes : list of int
        Rows of each table.

    Raises
    ------
    ValueError
        If there is no table, a table is sparse or has no row or column, or the tables' columns
        differ.

    Examples
    --------
    >>> one, two = pd.DataFrame({"a": [1], "b": ["x"]}), pd.DataFrame({"b": ["y"], "a": [2.5]})
    >>> columns, sizes = stack_columns([one, two])
    >>> [(column.name, column.values.tolist()) for column in columns], sizes
    ([('a', [1.0, 2.5]), ('b', ['x', 'y'])], [1, 1])
    """
    if not tables:
        raise ValueError("give at least one table")
    read = [_read(table) for table in tables]
    sizes = [len(pairs[0][1]) for pairs in read]
    if any(name is None for pairs in read for name, _ in pairs):
        _check_same_number([len(pairs) for pairs in read])
        parts = [[values for _, values in pairs] for pairs in read]
    else:
        by_name = [dict(pairs) for pairs in read]
        for place, other in enumerate(by_name[1:], start=1):
            _check_same_names(by_name[0], other, place)
        parts = [[table[name] for name in by_name[0]] for table in by_name]
    names = [name for name, _ in read[0]]
    columns = [_stack(name, column) for name, *column in zip(names, *parts, strict=True)]
    return columns, sizes


def _read(table: Any) -> list[tuple[Hashable | None, Any]]:
    if hasattr(table, "tocsc"):
        raise ValueError("sparse matrices can't be compared row by row here: pass X.toarray()")
    pairs = named_columns(table)
    if not pairs or len(pairs[0][1]) == 0:
        raise ValueError(
            "Found array with 0 sample(s) or 0 feature(s) while a minimum of 1 is required"
        )
    names = [name for name, _ in pairs if name is not None]
    if len(set(names)) < len(names):
        raise ValueError(f"names of columns occur twice: {listed(names)}")
    if isinstance(table, Mapping):
        sources = list(table.values())
    elif is_frame(table):
        frame = nw.from_native(table, eager_only=True)
        sources = [frame[:, place].to_native() for place in range(len(pairs))]
    else:
        sources = [table] * len(pairs)
    return [
        (name, _unrounded(source, array))
        for source, (name, array) in zip(sources, pairs, strict=True)
    ]


def _unrounded(source: Any, array: Any) -> Any:
    """Take large integers as objects where missing ones beside them made all of them floats."""
    if not is_series(source) or array.dtype.kind != "f":
        return array
    series = nw.from_native(source, series_only=True)
    largest = np.nanmax(np.abs(array), initial=0)
    if series.dtype not in (nw.Int64, nw.UInt64) or largest < _LARGEST_EXACT:
        return array
    return np.array(series.to_list(), dtype=object)


def _check_same_number(counts: list[int]) -> None:
    if len(set(counts)) > 1:
        raise ValueError(f"tables without names have different numbers of columns: {counts}")


def _check_same_names(first: dict[Any, Any], other: dict[Any, Any], place: int) -> None:
    lacking = [name for name in first if name not in other]
    extra = [name for name in other if name not in first]
    if lacking or extra:
        raise ValueError(
            f"tables have different columns: table {place} lacks {listed(lacking)} of the first "
            f"and adds {listed(extra)}; compare the columns that they share"
        )


_KINDS = {
    "string": "text",
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "numbers"),
    **dict.fromkeys(("datetime64", "datetime", "date"), "dates"),
}


def _check_same_kind(name: Hashable | None, parts: list[Any]) -> None:
    """Refuse text beside numbers or dates: equal values would look different."""
    kinds = []
    for part in parts:
        values = part.categories if isinstance(part, pd.Categorical) else part
        kinds.append(_KINDS.get(pd.api.types.infer_dtype(values, skipna=True)))
    found = sorted({kind for kind in kinds if kind})
    if len(found) > 1:
        raise ValueError(
            f"column {name!r} holds {' in one table and '.join(found)} in another, so that equal "
            "values would not be found: read both with one type"
        )


def _stack(name: Hashable | None, parts: list[Any]) -> StackedColumn:
    _check_same_kind(name, parts)
    is_category = any(isinstance(part.dtype, pd.CategoricalDtype) for part in parts)
    arrays = [np.asarray(part) for part in parts]
    dtype = _common_dtype(arrays)
    if dtype is object:
        arrays = [pd.Series(array).astype(object).to_numpy() for array in arrays]
    else:
        arrays = [array.astype(dtype, copy=False) for array in arrays]
    return StackedColumn(name, np.concatenate(arrays), is_category)


def _common_dtype(arrays: list[NDArray[Any]]) -> Any:
    """Find a type that holds every value as it is: numpy would round and turn numbers to text."""
    dtypes = {array.dtype for array in arrays}
    kinds = {dtype.kind for dtype in dtypes}
    if kinds == {"M"} or kinds == {"m"} or kinds == {"b"}:
        return np.result_type(*dtypes)
    if not kinds <= set("biuf") or any(d.kind == "f" and d.itemsize > 8 for d in dtypes):
        return object
    integers = [array for array in arrays if array.dtype.kind in "iu" and array.size]
    low = min((array.min().item() for array in integers), default=0)
    high = max((array.max().item() for array in integers), default=0)
    if "f" in kinds:
        exact = len(kinds) == 1 or max(-low, high) <= _LARGEST_EXACT
        return np.float64 if exact else object
    if high <= np.iinfo(np.int64).max:
        return np.int64
    return np.uint64 if low >= 0 else object
