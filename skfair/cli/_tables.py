"""Read a table: CSV, Parquet, or a bundled set by name."""

from __future__ import annotations

import codecs
import glob
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from skfair._utils.text import did_you_mean, listed
from skfair.cli._problems import CommandError, telling
from skfair.datasets import load_adult, load_german, load_heart

Kind = Literal["bundled", "csv", "parquet"]

BUNDLED: dict[str, Callable[..., Any]] = {
    "adult": load_adult,
    "german": load_german,
    "heart": load_heart,
}
_CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".csv.bz2", ".csv.zip", ".csv.xz")
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Format:
    """How text is to be read.

    Parameters
    ----------
    encoding : str, default="utf-8"
    separator : str or None, default=None
        None: a comma, and a tab in files named ``.tsv``.
    decimal : str, default="."
    """

    encoding: str = "utf-8"
    separator: str | None = None
    decimal: str = "."


def kind_of(data: str) -> Kind:
    """Tell how a table is to be read.

    Raises
    ------
    CommandError
        If there is no such file and no bundled set of that name, or it has no known ending.
    """
    path = Path(data)
    if data in BUNDLED and not path.exists():
        return "bundled"
    if any(sign in data for sign in "*?[") and not path.exists():
        if data.endswith(_PARQUET):
            return "parquet"
    elif not path.exists() and "://" not in data:
        raise CommandError(f"there is no file {data!r}{_nearest(path)}")
    if path.is_dir() or data.lower().endswith(_PARQUET):
        return "parquet"
    if data.lower().endswith(_CSV):
        return "csv"
    raise CommandError(
        f"{data!r} has no ending that tells its format: it should be {listed([*_CSV, *_PARQUET])}"
    )


def read_table(data: str, form: Format) -> pd.DataFrame:
    """Read a whole table to memory.

    Raises
    ------
    CommandError
        If it can't be read, or has no rows.
    """
    kind = kind_of(data)
    if kind == "bundled":
        return BUNDLED[data]().frame
    frame = _read_csv(data, form) if kind == "csv" else _read_parquet(data)
    if not len(frame):
        raise CommandError(f"{data} has columns and no rows: there is nothing to look at")
    frame.columns = [str(name) for name in frame.columns]
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise CommandError(f"{data} has two columns named {twice[0]!r}: rename one of them")
    return frame


def _read_csv(data: str, form: Format) -> pd.DataFrame:
    separator = form.separator or ("\t" if ".tsv" in data.lower() else ",")
    encoding = _known_encoding(form.encoding)
    try:
        frame = pd.read_csv(
            data, sep=separator, encoding=encoding, decimal=form.decimal, low_memory=False
        )
    except pd.errors.EmptyDataError as error:
        raise CommandError(
            f"{data} is empty: it should have a line of column names, then rows"
        ) from error
    except UnicodeError as error:
        raise CommandError(
            f"{data} isn't {form.encoding} text ({error}): name its encoding, for instance "
            "--encoding cp1252 (Windows, Western Europe), latin-1 or utf-16"
        ) from error
    except pd.errors.ParserError as error:
        raise CommandError(
            f"{data} isn't a table of {separator!r}-separated values ({error}): mend that line, or "
            "name the separator with --separator"
        ) from error
    except (OSError, ValueError) as error:
        raise CommandError(f"{data} can't be read: {error}") from error
    others = [sign for sign in ";\t|," if sign != separator and sign in str(frame.columns[0])]
    if frame.shape[1] == 1 and others:
        raise CommandError(
            f"{data} has the one column {str(frame.columns[0])!r}: its separator seems to be "
            f"{others[0]!r}; say so with --separator {_shell(others[0])}"
        )
    _refuse_decimal_commas(frame, data)
    return frame


def _refuse_decimal_commas(frame: pd.DataFrame, data: str) -> None:
    """Say so where numbers would be read as text, each a category of its own."""
    for name in frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        values = frame[name].dropna().head(1000).astype(str)
        if len(values) and values.str.fullmatch(r"\s*[-+]?\d+,\d+\s*").mean() > 0.5:
            raise CommandError(
                f"{data} has numbers with commas in the column {str(name)!r}, such as "
                f"{values.iloc[0]!r}: say so with --decimal ','"
            )


def _known_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name).name
    except LookupError as error:
        raise CommandError(
            f"there is no encoding {name!r}; common ones are utf-8, cp1252, latin-1 and utf-16"
        ) from error
    return "utf-8-sig" if found == "utf-8" else found


def _shell(sign: str) -> str:
    return "$'\\t'" if sign == "\t" else f"'{sign}'"


def files_of(data: str) -> str | list[str]:
    """List the files that a pattern stands for; anything else stays as it is."""
    is_pattern = not Path(data).exists() and "://" not in data
    return sorted(glob.glob(data)) if is_pattern else data


def _read_parquet(data: str) -> pd.DataFrame:
    files = files_of(data)
    with telling(f"{data} can't be read as Parquet", Exception):
        if isinstance(files, str):
            return pd.read_parquet(files)
        return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


def _nearest(path: Path) -> str:
    beside = []
    if path.parent.is_dir():
        beside = [str(path.with_name(found.name)) for found in path.parent.iterdir()]
    near = did_you_mean(str(path), [*beside, *BUNDLED])
    return near or f": give a CSV or Parquet file, or a bundled set ({', '.join(BUNDLED)})"
