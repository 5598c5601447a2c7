"""A folder of results: one JSON line a cell, one file an environment."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .cells import installed

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

    def rows(self) -> Iterator[dict[str, Any]]:
        for file in sorted(self.folder.glob("*.jsonl")):
            for line in file.read_text().splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:  # a line that was cut off when a run was stopped
                    continue

    def done(self, *, retry: bool = False) -> set[str]:
        """Keys that need no work; with ``retry`` those of errors do."""
        return {row["key"] for row in self.rows() if not (retry and "error" in row)}

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        if not self.file.exists():
            self.file.with_suffix(".machine.json").write_text(json.dumps(self.machine, indent=1))
        with self.file.open("a") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)

    def latest(self) -> list[dict[str, Any]]:
        """One row a cell: one without an error if there is one, and of those the newest."""
        kept: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in self.rows():
            place = tuple(row[name] for name in IDENTITY)
            old = kept.get(place)
            if old is None or _rank(row) >= _rank(old):
                kept[place] = row
        return list(kept.values())

    def machines(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_text()) for file in sorted(self.folder.glob("*.machine.json"))]


def _rank(row: dict[str, Any]) -> tuple[bool, str]:
    return "error" not in row, row["date"]
