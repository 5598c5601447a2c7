"""Parquet files: which ones a path names, and who reads them."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from skfair._utils.optional import import_optional


def paths_of(source: Any) -> list[str] | None:
    """Files, patterns and addresses that a source names; None if it is no path and no paths."""
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
        found = sorted(set(glob.glob(str(path), recursive=True)))
    if not found:
        raise FileNotFoundError(f"there is no Parquet file {str(path)!r}")
    return found


def scan_parquet(paths: list[str]) -> tuple[Any, dict[str, str]]:
    """Open files with DuckDB, or with polars where only that is installed.

    Returns
    -------
    scanned : relation or lazy frame
    mixed : dict of str to str
        Columns that are of types in different files that no common one holds.
    """
    if find_spec("duckdb") is None and find_spec("polars") is not None:
        return _scan_with_polars(paths), {}
    engine = import_optional("duckdb", extra="data", purpose="reading Parquet files")
    connection = engine.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def find(pattern: str) -> list[str]:
        return [name for (name,) in connection.execute("FROM glob(?)", [pattern]).fetchall()]

    _check_distinct(paths, find)
    named = list(_literal(paths))
    mixed, widen = _compare_types(connection, named)
    scanned = connection.read_parquet(
        named, hive_partitioning=_partitioned(paths), union_by_name=widen
    )
    return scanned, mixed


def _compare_types(connection: Any, paths: list[str]) -> tuple[dict[str, str], bool]:
    """Find columns of mixed types, and whether some are whole numbers here, and decimal there.

    By itself the engine casts all files to the types of the first, which rounds what follows.
    """
    if len(paths) == 1 and not _is_remote_pattern(paths[0]):
        return {}, False
    found = connection.execute(
        "SELECT name, count(DISTINCT file_name), array_agg(DISTINCT duckdb_type) "
        "FROM parquet_schema(?) WHERE duckdb_type IS NOT NULL GROUP BY name",
        [paths],
    ).fetchall()
    everywhere = max((n for _, n, _ in found), default=0)
    kinds = {name: {_kind(kind) for kind in types} - {"null"} for name, _, types in found}
    widen = any(kind == _NUMBERS for kind in kinds.values())
    mixed = {
        name: " and ".join(sorted(kind))
        for name, kind in kinds.items()
        if len(kind) > 1 and kind != _NUMBERS
    }
    return mixed, widen and all(n == everywhere for _, n, _ in found)


_NUMBERS = {"whole numbers", "decimal numbers"}


def _kind(type_: str) -> str:
    """Kind of a column by DuckDB's name of its type; different ones aren't cast to each other."""
    name = type_.strip('"').partition("(")[0]
    if name.endswith("INT") or name == "INTEGER" or name.endswith("INTEGER"):
        return "whole numbers"
    if name.startswith("TIMESTAMP") and "ZONE" not in name:
        return "times"
    kinds = {"DOUBLE": "decimal numbers", "FLOAT": "decimal numbers", "DECIMAL": "decimal numbers"}
    kinds |= {"VARCHAR": "text", "ENUM": "text", "NULL": "null"}
    return kinds.get(name, name.lower())


def _scan_with_polars(paths: list[str]) -> Any:
    polars = import_optional("polars", extra="data", purpose="reading Parquet files")
    _check_distinct(paths, lambda pattern: [pattern])
    local = not any("://" in path for path in paths)
    zoned = polars.selectors.datetime(time_zone="*")
    hive = _partitioned(paths)
    scanned = polars.scan_parquet(paths, glob=not local, hive_partitioning=hive)
    return scanned.with_columns(zoned.dt.convert_time_zone("UTC"))


def _check_distinct(paths: list[str], find: Callable[[str], list[str]]) -> None:
    """Raise ValueError if a file is named twice; ``find`` lists files of a remote pattern."""
    if len(paths) < 2:
        return
    seen: set[str] = set()
    for path in paths:
        for name in find(path) if _is_remote_pattern(path) else [path]:
            local = name.removeprefix("file://")
            place = local if "://" in local else os.path.realpath(local)
            if place in seen:
                raise ValueError(
                    f"the file {name!r} is named twice, by a path, a folder, a pattern or a link: "
                    "its rows would count twice"
                )
            seen.add(place)


def _is_remote_pattern(path: str) -> bool:
    return "://" in path and not path.startswith("http") and glob.has_magic(path)


def _literal(paths: Iterable[str]) -> Iterable[str]:
    """Keep the engine from reading a pattern into the name of a file that exists."""
    return (path if "://" in path else glob.escape(path) for path in paths)


def _partitioned(paths: Iterable[str]) -> bool:
    """Tell whether folders hold values of a column, as ``region=north`` does."""
    return any("=" in folder for path in paths for folder in Path(path).parts[:-1])
