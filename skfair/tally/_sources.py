"""Whatever holds the rows: frames of any engine that narwhals knows, and Parquet files."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd

from skfair._utils.optional import import_optional


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
    """

    native: Any
    frame: Any
    places: dict[str, int]
    dtypes: dict[str, Any]

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
        If several columns have one name.
    """
    paths = _paths(source)
    native = nw.from_native(source if paths is None else _scan_parquet(paths))
    names = _names(native)
    frame = _numbered(native, len(names))
    dtypes = frame.collect_schema().dtypes()
    places = {name: i for i, name in enumerate(names)}
    return Table(native, frame, places, dict(zip(names, dtypes, strict=True)))


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


def _paths(source: Any) -> list[str] | None:
    several = source if isinstance(source, list | tuple) else [source]
    if not several or not all(isinstance(path, str | Path) for path in several):
        return None
    return [name for path in several for name in _files(path)]


def _files(path: str | Path) -> list[str]:
    if isinstance(path, str) and "://" in path:
        return [path]
    if Path(path).is_dir():
        found = sorted(str(name) for name in Path(path).rglob("*.parquet"))
    elif Path(path).exists():
        found = [str(path)]
    else:
        found = sorted(glob.glob(str(path), recursive=True))
    if not found:
        raise FileNotFoundError(f"there is no Parquet file {str(path)!r}")
    return found


def _scan_parquet(paths: list[str]) -> Any:
    if find_spec("duckdb") is None and find_spec("polars") is not None:
        return _scan_with_polars(paths)
    engine = import_optional("duckdb", extra="data", purpose="reading Parquet files")
    connection = engine.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.read_parquet(list(_literal(paths)), hive_partitioning=_partitioned(paths))


def _scan_with_polars(paths: list[str]) -> Any:
    polars = import_optional("polars", extra="data", purpose="reading Parquet files")
    local = not any("://" in path for path in paths)
    zoned = polars.selectors.datetime(time_zone="*")
    hive = _partitioned(paths)
    scanned = polars.scan_parquet(paths, glob=not local, hive_partitioning=hive)
    return scanned.with_columns(zoned.dt.convert_time_zone("UTC"))


def _literal(paths: Iterable[str]) -> Iterable[str]:
    """Keep the engine from reading a pattern into the name of a file that exists."""
    return (path if "://" in path else glob.escape(path) for path in paths)


def _partitioned(paths: Iterable[str]) -> bool:
    """Tell whether folders hold values of a column, as ``region=north`` does."""
    return any("=" in folder for path in paths for folder in Path(path).parts[:-1])
