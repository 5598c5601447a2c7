"""Whatever holds the rows: frames of any engine that narwhals knows, and Parquet files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import pandas as pd

from skfair.tally._parquet import paths_of, scan_parquet

_ENGINES = ("duckdb", "_duckdb", "polars", "narwhals")
_COMPLAINTS = {
    r"No magic bytes|too small to be a Parquet file|File out of specification": (
        "the path leads to a file that is no Parquet: give CSV as polars.scan_csv(path) or "
        "duckdb.read_csv(path), a table of a database as connection.table(name)"
    ),
    r"schema mismatch in glob|trying to read it as type|outside of expected schema"
    r"|did not find column|data type mismatch for column": (
        "the Parquet files differ in their columns or types: write them alike, or give a relation "
        "that says how they go together, such as "
        "duckdb.read_parquet(paths, union_by_name=True).project(...)"
    ),
    r"Hive partition mismatch|not present in the given Hive schema": (
        "some of the Parquet files lie in folders such as region=north, and others not, or in "
        "folders of other names: give files of one layout, or a relation, "
        "duckdb.read_parquet(paths, hive_partitioning=False)"
    ),
}
"""What engines say of files that they can't read, and what helps."""


@dataclass(frozen=True)
class Table:
    """A frame of any engine, with the names and types of its columns.

    Parameters
    ----------
    native : narwhals DataFrame or LazyFrame
        The frame as it was given.
    frame : narwhals LazyFrame
        The same, lazy; its columns may bear other names, but stand in the same places.
    places : dict of str to int
    dtypes : dict of str to narwhals dtype
    mixed : dict of str to str
        The types of columns that are of different types in different files.
    """

    native: Any
    frame: Any
    places: dict[str, int]
    dtypes: dict[str, Any]
    mixed: dict[str, str] = field(default_factory=dict)

    @property
    def is_eager(self) -> bool:
        """Whether the rows are in memory already."""
        return isinstance(self.native, nw.DataFrame)

    def check_columns(self, *names: Any) -> None:
        """Raise TypeError for what is no name, ValueError for columns that aren't there."""
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"columns of the frame are given by name, got {list(names)}")
        lacking = [name for name in names if name not in self.places]
        if lacking:
            raise ValueError(f"the frame has no column {lacking}; its columns are {[*self.places]}")
        for name in names:
            if name in self.mixed:
                raise ValueError(
                    f"column {name!r} is of different types in different files, "
                    f"{self.mixed[name]}: write them alike"
                )

    def is_number(self, name: str) -> bool:
        """Tell whether a column's type is one of numbers, or boolean."""
        dtype = self.dtypes[name]
        return bool(dtype.is_numeric()) or dtype == nw.Boolean

    def column(self, name: str) -> nw.Expr:
        """Read a column's values; decimals become floats, which compare with labels in memory."""
        values = nw.nth(self.places[name])
        if self.dtypes[name].is_nested():
            raise TypeError(f"column {name!r} must hold single values, got {self.dtypes[name]}")
        if self.dtypes[name] == nw.Decimal:
            return values.cast(nw.Float64)
        return values.cast(nw.String) if self._is_arrow_dictionary(name) else values

    def _is_arrow_dictionary(self, name: str) -> bool:
        """Tell what pandas before 3 groups wrongly: it gives rows without a value to others."""
        frame = self.native.to_native()
        if not isinstance(frame, pd.DataFrame) or self.dtypes[name] != nw.Categorical:
            return False
        return isinstance(frame[name].dtype, pd.ArrowDtype)

    def number(self, name: str) -> nw.Expr:
        """Read a column as floats, null where it is null or NaN.

        Raises
        ------
        ValueError
            If the column holds text or anything else that is no number.
        """
        if not self.is_number(name) and self.dtypes[name] not in (nw.Object, nw.Unknown):
            raise ValueError(f"column {name!r} must be numeric, got {self.dtypes[name]}")
        values = nw.nth(self.places[name])
        if self.dtypes[name] in (nw.Int64, nw.UInt64):
            values = values / 1  # Arrow casts no number of more than 53 bits
        return values.cast(nw.Float64).fill_nan(None)


def open_table(source: Any) -> Table:
    """Read a frame, a relation, or the paths of Parquet files.

    Parameters
    ----------
    source : frame or relation that narwhals knows, str, Path, or list of str and Path
        A string or path names a Parquet file, a folder of such, a pattern (``"part-*.parquet"``),
        or an address (``"s3://..."``), which is left to the engine.

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If no engine that reads Parquet files is installed.
    TypeError
        If the source is nothing of that kind.
    ValueError
        If several columns have one name, a file is named twice, or is no Parquet file.
    """
    paths = paths_of(source)
    mixed: dict[str, str] = {}
    with explained():
        if paths is None:
            native = _from_native(source)
        else:
            scanned, mixed = scan_parquet(paths)
            native = nw.from_native(scanned)
        names = _names(native)
        frame = _numbered(native, len(names))
        dtypes = _dtypes(native, frame)
    places = {name: i for i, name in enumerate(names)}
    return Table(native, frame, places, dict(zip(names, dtypes, strict=True)), mixed)


def collect(frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Run what a lazy frame asks for, and say what helps where its files can't be read."""
    with explained():
        return frame.collect()


@contextmanager
def explained() -> Iterator[None]:
    """Say what helps where an engine can't read files; all other errors pass as they are.

    Raises
    ------
    ValueError
        With the engine's words and, as its cause, the engine's error.

    Examples
    --------
    >>> with explained():
    ...     raise ValueError("No magic bytes")  # of no engine
    Traceback (most recent call last):
        ...
    ValueError: No magic bytes
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] in _ENGINES:
            for pattern, advice in _COMPLAINTS.items():
                if re.search(pattern, str(error)):
                    said = str(error).partition("\n")[0]
                    raise ValueError(f"{advice} ({said})") from error
        raise


def _from_native(source: Any) -> Any:
    try:
        return nw.from_native(source)
    except TypeError as error:
        if not (hasattr(source, "table") and hasattr(source, "sql")):
            raise
        raise TypeError(
            "a connection holds many tables: give one of them, connection.table(name), or a "
            "query, connection.sql(query)"
        ) from error


def _dtypes(native: Any, frame: Any) -> list[Any]:
    """Types of the columns; times with a zone are so also where pandas' name of it is unusual."""
    found = frame.collect_schema().dtypes()
    engine = native.implementation
    if not (engine.is_pandas_like() or engine.is_dask()):
        return list(found)
    return [
        nw.Datetime(kind.unit, kind.tz)
        if dtype == nw.Unknown and isinstance(kind, pd.DatetimeTZDtype)
        else dtype
        for dtype, kind in zip(found, native.to_native().dtypes, strict=True)
    ]


def _names(native: Any) -> list[str]:
    """Names of the columns, each once."""
    lazy = isinstance(native, nw.LazyFrame) and not native.implementation.is_polars()
    names = list(native.to_native().columns if lazy else native.collect_schema().names())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the frame has several columns of one name, {twice}: rename them")
    return names


def _numbered(native: Any, n_columns: int) -> Any:
    """Lazy frame whose columns bear numbers where its engine would read more into some names."""
    given = native.to_native()
    names = [f"c{i}" for i in range(n_columns)]
    if native.implementation.is_duckdb():  # "*", and names that differ in case alone
        given = given.project(", ".join(f"#{i + 1} AS {name}" for i, name in enumerate(names)))
        return nw.from_native(given)
    if native.implementation.is_polars():  # early versions read patterns
        return native.rename(dict(zip(_names(native), names, strict=True))).lazy()
    if hasattr(given, "toDF"):  # dots and backticks are expressions
        return nw.from_native(given.toDF(*names))
    return native.lazy()
