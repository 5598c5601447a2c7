"""Tallies in files: JSON or Parquet, which hold data and never code."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.optional import import_optional
from skfair.groups import as_label

FORMAT = "skfair tally"
VERSIONS = (1, 2)  # 2: predictions without labels, which version 1 would take for labelled

_SUMS = {"weight": np.float64, "weight2": np.float64, "count": np.int64}
_TAGS: dict[str, Callable[[str], Hashable]] = {
    "date": date.fromisoformat,
    "timestamp": lambda text: datetime.fromisoformat(text) and pd.Timestamp(text),
    "float": float,
}


class Saved:
    """What saves tallies to files and reads them."""

    def save(self, path: str | Path) -> None:
        """Write the tally to a file, from which :meth:`load` makes an equal one.

        Parts of the data can so be counted where they are, and their tallies added up elsewhere.
        The file holds no code and no rows, but the labels of groups and the numbers of rows in
        each cell.

        Parameters
        ----------
        path : str or Path
            Ends in ``.json`` or ``.parquet``; the latter needs pyarrow
            (``pip install "skfair[data]"``). A file that is there is replaced.

        Raises
        ------
        ValueError
            If the path ends in something else.
        TypeError
            If a label is none of str, int, float, bool, date, timestamp without a time zone, or a
            tuple of these.

        Examples
        --------
        >>> import tempfile
        >>> from skfair.tally import Tally
        >>> tally = Tally.from_arrays([0, 1], [0, 1], ["f", "m"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tally.save(f"{folder}/part.json")
        ...     total = tally + Tally.load(f"{folder}/part.json")
        >>> total.n_samples
        4
        """
        place, is_json = _check_path(path)
        header, sums = _header(self), {name: getattr(self, name) for name in _SUMS}
        if is_json:
            header |= {name: values.ravel().tolist() for name, values in sums.items()}
            place.write_text(json.dumps(header, allow_nan=False), encoding="utf-8")
        else:
            _write_parquet(place, header, sums)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tally that :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        tally : of the class that ``load`` is called on

        Raises
        ------
        ValueError
            If the file is no tally of this class, is damaged, or comes from a later version.
        """
        place, is_json = _check_path(path)
        try:
            header = _read_json(place) if is_json else _read_parquet(place)
            return cls(**_arguments(header, cls.__name__, {f.name for f in fields(cls)}))  # type: ignore[arg-type]
        except (OSError, ImportError):
            raise
        except Exception as error:
            raise ValueError(
                f"{str(place)!r} is no file of a {cls.__name__}, or a damaged one: {error}"
            ) from error


def _check_path(path: str | Path) -> tuple[Path, bool]:
    place = Path(path)
    if place.suffix.lower() not in (".json", ".parquet"):
        raise ValueError(f"the path must end in .json or .parquet, got {str(place)!r}")
    return place, place.suffix.lower() == ".json"


def _header(tally: Any) -> dict[str, Any]:
    header = {
        "format": FORMAT,
        "version": VERSIONS[not getattr(tally, "has_labels", True)],
        "class": type(tally).__name__,
        "names": list(tally.names),
        "labels": [_to_json(label) for label in tally.labels],
        "classes": [_to_json(label) for label in tally.classes],
        "shape": list(tally.count.shape),
    }
    edges = getattr(tally, "edges", None)
    if edges is None:
        return header if tally.has_labels else header | {"has_labels": False}
    positive = None if tally.positive is None else _to_json(tally.positive)
    return header | {"edges": edges.tolist(), "positive": positive}


def _arguments(header: Any, name: str, wanted: set[str]) -> dict[str, Any]:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("it holds something else")
    if header["version"] not in VERSIONS:
        raise ValueError(f"its version is {header['version']}, and {VERSIONS} can be read here")
    if header["class"] != name:
        raise ValueError(f"it holds a {header['class']}: use {header['class']}.load")
    found: dict[str, Any] = {
        "names": tuple(_strings(header["names"])),
        "labels": tuple(as_label(_from_json(label)) for label in _listed(header["labels"])),
        "classes": tuple(_from_json(label) for label in _listed(header["classes"])),
    }
    shape = tuple(header["shape"])
    found |= {key: _numbers(header[key], dtype).reshape(shape) for key, dtype in _SUMS.items()}
    if "has_labels" in wanted:
        found["has_labels"] = header.get("has_labels", True)
        if not isinstance(found["has_labels"], bool):
            raise ValueError("has_labels is neither true nor false")
    if "edges" in wanted:
        found["edges"] = _numbers(header["edges"], np.float64)
        positive = header.get("positive")
        found["positive"] = None if positive is None else _from_json(positive)
    _check_sizes(found, shape)
    return found


def _check_sizes(found: dict[str, Any], shape: tuple[int, ...]) -> None:
    n_classes = len(found["classes"])
    last = n_classes if "edges" not in found else len(found["edges"]) + 1
    if shape != (len(found["labels"]), n_classes, last):
        raise ValueError("its sums don't fit its labels")
    for name in ("labels", "classes"):
        if len(set(found[name])) < len(found[name]):
            raise ValueError(f"{name} occur twice")
    n_names = len(found["names"])
    sizes = {len(label) if isinstance(label, tuple) else 1 for label in found["labels"]}
    tuples = {isinstance(label, tuple) for label in found["labels"]}
    if sizes - {n_names} or tuples - {n_names > 1} or not n_names:
        raise ValueError("its labels don't fit the names of sensitive features")
    if any((found[name] < 0).any() for name in _SUMS):
        raise ValueError("sums are negative")
    if (np.diff(found.get("edges", np.zeros(1))) <= 0).any():
        raise ValueError("edges don't increase")


def _numbers(values: Any, dtype: type) -> NDArray[Any]:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in ("iu" if dtype is np.int64 else "iuf"):
        raise ValueError("sums are no numbers")
    if array.ndim != 1 or not np.isfinite(array.astype(np.float64)).all():
        raise ValueError("sums are no lists of finite numbers")
    return array.astype(dtype)


def _listed(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise ValueError(f"{values!r} is no list")
    return values


def _strings(values: Any) -> list[str]:
    if not all(isinstance(value, str) for value in _listed(values)):
        raise ValueError("names are no strings")
    return list(values)


def _to_json(label: Hashable) -> Any:
    """Spell a label: text, booleans and finite numbers as they are, tuples as lists."""
    value = label.item() if isinstance(label, np.generic) else label
    if isinstance(value, tuple):
        return [_to_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime) and value.tzinfo is None:
        return {"timestamp": value.isoformat()}
    if isinstance(value, date) and not isinstance(value, datetime):
        return {"date": value.isoformat()}
    raise TypeError(
        f"a label of type {type(value).__name__} can't be saved: {value!r}; make it a string first"
    )


def _from_json(value: Any) -> Hashable:
    if isinstance(value, list):
        return tuple(_from_json(part) for part in value)
    if isinstance(value, dict):
        ((tag, text),) = value.items()
        return _TAGS[tag](text)
    if not isinstance(value, str | bool | int | float):
        raise ValueError(f"{value!r} is no label")
    return value


def _read_json(place: Path) -> Any:
    return json.loads(place.read_text(encoding="utf-8"))


def _write_parquet(place: Path, header: dict[str, Any], sums: dict[str, NDArray[Any]]) -> None:
    arrow = import_optional("pyarrow", extra="data", purpose="saving to Parquet")
    parquet = import_optional("pyarrow.parquet", extra="data", purpose="saving to Parquet")
    table = arrow.table({name: values.ravel() for name, values in sums.items()})
    text = json.dumps(header, allow_nan=False).encode()
    parquet.write_table(table.replace_schema_metadata({FORMAT: text}), place)


def _read_parquet(place: Path) -> Any:
    parquet = import_optional("pyarrow.parquet", extra="data", purpose="reading Parquet")
    table = parquet.read_table(place)
    text = (table.schema.metadata or {}).get(FORMAT.encode())
    if text is None:
        return None
    return json.loads(text) | {name: table[name].to_numpy() for name in _SUMS}
