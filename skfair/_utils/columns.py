"""Columns of whatever the user calls a table: pandas, polars, pyarrow, numpy, sparse, dicts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

_NO_TABLES = (np.ndarray, list, tuple, dict)
"""Types that narwhals doesn't know, and looks long at."""


def is_frame(X: Any) -> bool:
    """Tell whether X is an eager data frame that narwhals knows."""
    if type(X) in _NO_TABLES:
        return False
    return isinstance(nw.from_native(X, pass_through=True, eager_only=True), nw.DataFrame)


def is_series(values: Any) -> bool:
    """Tell whether values is a series that narwhals knows."""
    if type(values) in _NO_TABLES:
        return False
    native = nw.from_native(values, pass_through=True, series_only=True)
    return isinstance(native, nw.Series)


def _is_lazy(X: Any) -> bool:
    if type(X) in _NO_TABLES:
        return False
    return isinstance(nw.from_native(X, pass_through=True), nw.LazyFrame)


def to_array(column: Any) -> Any:
    """One column as a numpy or pandas array: categoricals stay so, missing values stay missing."""
    if isinstance(column, pd.Series | pd.Index):
        return column.array if isinstance(column.dtype, pd.CategoricalDtype) else column.to_numpy()
    if isinstance(column, pd.api.extensions.ExtensionArray):
        return column
    if isinstance(column, np.ma.MaskedArray):
        column = column.tolist()  # None where masked
    if is_series(column):
        series = nw.from_native(column, series_only=True)
        if series.dtype in (nw.Categorical, nw.Enum):
            series = series.cast(nw.String)
        return series.to_numpy()
    if isinstance(column, list | tuple):
        if len(column) and hasattr(column[0], "as_py"):  # scalars of pyarrow
            column = [value.as_py() for value in column]
        return pd.Series(list(column)).to_numpy()
    return np.asarray(column)


def as_floats(column: Any) -> NDArray[np.float64]:
    """One column of numbers as floats, NaN where missing.

    Raises
    ------
    ValueError
        If a value is no number.

    Examples
    --------
    >>> as_floats(pd.array([1, None], dtype="Int64"))
    array([ 1., nan])
    """
    series = pd.Series(column)
    return series.where(series.notna(), np.nan).astype(float).to_numpy()


def n_rows(X: Any) -> int:
    """Count the rows of a frame, matrix, list or anything that converts to an array."""
    if hasattr(X, "shape"):
        return int(X.shape[0])
    return len(X) if hasattr(X, "__len__") else len(np.asarray(X))


def named_columns(values: Any) -> list[tuple[Hashable | None, Any]]:
    """Split a series, frame, dict, array or list into (name, one-dimensional array) pairs.

    Raises
    ------
    ValueError
        If the values have more than two dimensions or the columns differ in length.
    """
    if isinstance(values, str):
        raise ValueError(
            f"{values!r} is no column of values: expected one or two dimensions (estimators and "
            "scorers take names of columns of X; here give the values, X[...])"
        )
    if isinstance(values, pd.Index):
        pairs = [
            (name, to_array(values.get_level_values(i))) for i, name in enumerate(values.names)
        ]
    elif isinstance(values, Mapping):
        pairs = [(name, to_array(column)) for name, column in values.items()]
    elif is_frame(values):
        frame = nw.from_native(values, eager_only=True)
        pairs = [(name, to_array(frame[:, i].to_native())) for i, name in enumerate(frame.columns)]
    elif is_series(values):
        pairs = [(nw.from_native(values, series_only=True).name or None, to_array(values))]
    elif _is_lazy(values):
        raise ValueError("sensitive features are a lazy frame: collect() it first")
    else:
        pairs = [(None, column) for column in _split_array(values)]
    if len({len(column) for _, column in pairs}) > 1:
        raise ValueError(f"columns differ in length: { {n: len(c) for n, c in pairs} }")
    return pairs


def select_column(X: Any, column: str | int) -> tuple[Hashable, Any]:
    """One column of X by name or position.

    Raises
    ------
    ValueError
        If X has no such column; the message lists those that there are.

    Examples
    --------
    >>> name, values = select_column(pd.DataFrame({"sex": ["f", "m"], "age": [30, 40]}), "sex")
    >>> name, list(values)
    ('sex', ['f', 'm'])
    """
    if is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        names = list(frame.columns)
        position = _position(column, names)
        return names[position], to_array(frame[:, position].to_native())
    if isinstance(column, str):
        raise ValueError(
            f"sensitive feature {column!r} is named, but X is a {type(X).__name__} without column "
            "names: pass a data frame, or give the column's position"
        )
    if isinstance(X, list | tuple) and all(map(_is_row, X)):
        if not all(0 <= column < len(row) for row in X):
            raise ValueError(f"rows of X have no column {column}")
        return f"x{column}", to_array([row[column] for row in X])
    matrix: Any = X if hasattr(X, "shape") else np.asarray(X)
    if len(matrix.shape) == 2 and matrix.shape[1] == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={tuple(matrix.shape)}) while a minimum of 1 is "
            "required."
        )
    if len(matrix.shape) != 2 or not 0 <= column < matrix.shape[1]:
        raise ValueError(f"X of shape {tuple(matrix.shape)} has no column {column}")
    if hasattr(matrix, "tocsc"):
        return f"x{column}", matrix.tocsc()[:, [column]].toarray().ravel()
    values = matrix[:, column]
    return f"x{column}", to_array(values)


def column_positions(X: Any, columns: str | int | Sequence[str | int] | None = None) -> list[int]:
    """Positions in X of named or numbered columns, of all by default.

    Raises
    ------
    ValueError
        If X has no such column, or isn't two-dimensional.

    Examples
    --------
    >>> column_positions(pd.DataFrame({"age": [20], "sex": ["f"]}), ["sex"])
    [1]
    """
    if is_frame(X):
        names = list(nw.from_native(X, eager_only=True).columns)
    else:
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
        if len(shape) != 2:
            raise ValueError(f"Expected 2D array, got an array of shape {shape}")
        names = [f"x{j}" for j in range(shape[1])]
    if columns is None:
        return list(range(len(names)))
    if isinstance(columns, str | int | np.integer):
        columns = [columns]
    unknown = [
        c for c in columns if (c not in names if isinstance(c, str) else not 0 <= c < len(names))
    ]
    if unknown:
        raise ValueError(f"X has no columns {unknown}; its columns are {names}")
    return [names.index(c) if isinstance(c, str) else int(c) for c in columns]


def take_columns(X: Any, positions: Iterable[int]) -> Any:
    """Columns of X by position, in the type that X has, dtypes kept.

    Examples
    --------
    >>> take_columns(pd.DataFrame({"a": [1], "b": ["x"], "c": [2.0]}), [0, 2]).columns.tolist()
    ['a', 'c']
    """
    places = [int(j) for j in positions]
    if isinstance(X, pd.DataFrame):
        return X.iloc[:, places]
    if is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        return frame.select([frame.columns[j] for j in places]).to_native()
    if isinstance(X, list | tuple):
        return [[row[j] for j in places] for row in X]
    return X[:, places]


def take_rows(X: Any, rows: Any) -> Any:
    """Rows of a frame, series, matrix or list by position or mask, in the type that X has.

    Examples
    --------
    >>> take_rows(pd.Series(["a", "b"]), [1, 1]).tolist(), take_rows([[1], [2]], [1])
    (['b', 'b'], [[2]])
    """
    places = np.asarray(rows)
    places = np.flatnonzero(places) if places.dtype == bool else places.astype(np.intp)
    if isinstance(X, pd.DataFrame | pd.Series):
        return X.iloc[places]
    if is_frame(X):
        return nw.from_native(X, eager_only=True)[places].to_native()
    if is_series(X):
        return nw.from_native(X, series_only=True)[places.tolist()].to_native()
    if isinstance(X, list | tuple):
        return [X[i] for i in places]
    if hasattr(X, "tocsr"):
        return X.tocsr()[places]  # not every sparse format has rows
    return (X if hasattr(X, "shape") else np.asarray(X))[places]


def _position(column: str | int, names: list[Any]) -> int:
    if isinstance(column, str):
        if column in names:
            return names.index(column)
    elif 0 <= column < len(names):
        return int(column)
    raise ValueError(f"X has no column {column!r}; its columns are {names}")


def _split_array(values: Any) -> list[Any]:
    if isinstance(values, np.ma.MaskedArray) and values.ndim == 2:
        return [to_array(values[:, j]) for j in range(values.shape[1])]
    if isinstance(values, list | tuple) and any(map(_is_row, values[:1])):
        if not all(map(_is_row, values)) or len({len(row) for row in values}) > 1:
            raise ValueError("rows of sensitive features differ in length")
        if any(map(_is_row, values[0])):
            raise ValueError("expected one or two dimensions, got rows of rows")
        return [to_array(column) for column in zip(*values, strict=True)]
    array = to_array(values)
    if array.ndim == 1:
        return [array]
    if array.ndim != 2:
        raise ValueError(f"expected one or two dimensions, got an array of shape {array.shape}")
    return [array[:, j] for j in range(array.shape[1])]


def _is_row(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)
