"""A folder of results: one JSON line a cell, one file an environment, or one for all of them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .cells import installed, present_key
from .digests import whole_digests
from .registry import methods

LIBRARIES = (
    "skfair",
    "scikit-learn",
    "numpy",
    "scipy",
    "pandas",
    "torch",
    "fairlearn",
    "aif360",
    "error-parity",
    "scikit-lego",
)
PUBLISHED = "published.jsonl"
IDENTITY = (
    "data",
    "sensitive",
    "model",
    "method",
    "criterion",
    "knob",
    "repetition",
    "fold",
    "rows",
)


def machine() -> dict[str, Any]:
    """The processor, its cores, and the versions that are installed."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    libraries = {name: installed(name) for name in LIBRARIES}
    python = ".".join(map(str, sys.version_info[:3]))
    return {"cpu": model, "cores": os.cpu_count(), "python": python, "libraries": libraries}


class Store:
    """Results of earlier runs, and a file to add to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        here = machine()
        name = hashlib.sha256(json.dumps(here, sort_keys=True).encode()).hexdigest()[:10]
        self.file = folder / f"{name}.jsonl"
        self.machine = here
        self._borrowed: list[dict[str, Any]] = []
        self._lenders: list[Path] = []

    def rows(self) -> Iterator[dict[str, Any]]:
        yield from self._borrowed
        for file in sorted(self.folder.glob("*.jsonl")):
            yield from read_published(file) if file.name == PUBLISHED else _lines(file)

    def borrow(self, folder: Path, wanted: set[str]) -> None:
        """Take results of the peers from another folder, those of some keys, as if they were here.

        A key says versions and settings, so what is borrowed is what a fit would give.
        """
        self._lenders.append(folder)
        self._borrowed += [
            row
            for row in read_published(folder / PUBLISHED)
            if row["key"] in wanted and methods()[row["method"]].side not in ("skfair", "none")
        ]

    def done(self, *, retry: bool = False) -> set[str]:
        """Keys that need no work; with ``retry`` those of errors do.

        What couldn't be imported isn't done, unless the key says that it is not installed.
        """
        newest = _newest(self.rows(), lambda row: row["key"])
        return {
            key
            for key, row in newest.items()
            if not (retry and "error" in row)
            and ("not installed" in row["versions"].values() or not not_imported(row))
        }

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        if not self.file.exists():
            self.file.with_suffix(".machine.json").write_text(json.dumps(self.machine, indent=1))
        with self.file.open("a") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)

    def latest(self) -> list[dict[str, Any]]:
        """The newest row of each cell, whether a result or an error.

        An import that failed is no result: it is told only where there is nothing else.
        """
        return list(_newest(self.rows(), lambda row: tuple(row[n] for n in IDENTITY)).values())

    def machines(self) -> list[dict[str, Any]]:
        found = [
            json.loads(file.read_text())
            for folder in (self.folder, *self._lenders)
            for file in sorted(folder.glob("*.machine.json"))
        ]
        return [machine for i, machine in enumerate(found) if machine not in found[:i]]

    def publish(self, folder: Path) -> None:
        """Write the newest row of each cell to a folder for good, and the machines.

        Each line says only what differs from the one above; cells to 2 decimals, AUC to 5.
        """
        folder.mkdir(parents=True, exist_ok=True)
        rows = sorted(self.latest(), key=lambda row: json.dumps([row[n] for n in IDENTITY]))
        before: dict[str, Any] = {}
        with (folder / PUBLISHED).open("w") as out:
            for row in rows:
                now = dict.fromkeys(before) | _rounded(row)
                changes = {k: v for k, v in now.items() if k not in before or before[k] != v}
                out.write(json.dumps(changes, separators=(",", ":")) + "\n")
                before = now
        for file in self.folder.glob("*.machine.json"):
            (folder / file.name).write_text(file.read_text())


def read_published(file: Path) -> Iterator[dict[str, Any]]:
    """Rows that :meth:`Store.publish` wrote; a null is a part that the row hasn't."""
    row: dict[str, Any] = {}
    for line in file.read_text().splitlines():
        row = row | json.loads(line)
        yield {k: v for k, v in row.items() if v is not None or k == "knob"}


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    digits = {"cells": 2, "auc": 5, "auc_by_group": 5}
    return row | {
        part: {k: _round(v, digits[k]) if k in digits else v for k, v in row[part].items()}
        for part in ("validation", "test")
        if part in row
    }


def _round(value: Any, digits: int) -> Any:
    if isinstance(value, list):
        return [_round(one, digits) for one in value]
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else round(value, digits)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:  # a line that was cut off when a run was stopped
            continue


Rows = Iterable[dict[str, Any]]


def _newest(rows: Rows, place: Callable[[dict[str, Any]], Any]) -> dict[Any, dict[str, Any]]:
    """By place, the row that was stored last; files of other environments count by their dates."""
    kept: dict[Any, dict[str, Any]] = {}
    for row in rows:
        old = kept.get(place(row))
        if old is None or _rank(row) >= _rank(old):
            kept[place(row)] = row
    return kept


def _rank(row: dict[str, Any]) -> tuple[bool, str]:
    return not not_imported(row), row["date"]


def not_imported(row: dict[str, Any]) -> bool:
    """Whether the row tells of an import that failed, of a peer, of skfair or of the benchmark."""
    return row.get("error", "").startswith(("ImportError", "ModuleNotFoundError", "SyntaxError"))


def other_code(row: dict[str, Any]) -> str:
    """Whether a result comes from the present code: "same", "other", or "untold".

    Results of other methods than skfair's hang on the benchmark's own code only.
    """
    method = methods()[row["method"]]
    if row["key"] != present_key(row):
        return "other"
    if "tree" not in row:
        return "untold"
    needed = ["benchmark", *(["skfair"] if method.side == "skfair" else [])]
    now = whole_digests()
    return "same" if all(row["tree"][name] == now[name] for name in needed) else "other"
