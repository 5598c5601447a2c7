"""The file of results: one run of one machine, versions and code."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from _quality.cells import installed
from _quality.store import machine

import skfair

from .case import Case, Size

PEERS = ("imbalanced-learn", "smclarify", "skorch")  # beyond those of the table of quality
HERE = Path(__file__).parent


def code() -> str:
    """Digest of what is timed and what times it."""
    files = [*Path(skfair.__file__).parent.rglob("*.py"), *HERE.glob("*.py")]
    files += [HERE.parent / name for name in ("neural.py", "thresholds.py")]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def here() -> dict[str, Any]:
    found = machine()
    found["libraries"] |= {name: installed(name) for name in PEERS}
    return {"machine": found, "code": code()}


class Store:
    """Cells that were measured; those of another machine or code are put away."""

    def __init__(self, file: Path, *, keep: bool = False) -> None:
        self.file, self.about, self.cells = file, here(), list[dict[str, Any]]()
        if not file.exists():
            return
        old = json.loads(file.read_text())
        about = {name: old[name] for name in self.about}
        if keep or about == self.about:
            self.about, self.cells = about, old["cells"]
        else:
            file.replace(old_file := file.with_suffix(".old.json"))
            print(f"another machine, version or code: what was measured is now in {old_file}")

    def find(self, case: Case, size: Size) -> dict[str, Any] | None:
        key = {"case": case.name, **size._asdict()}
        return next((c for c in self.cells if key.items() <= c.items()), None)

    def add(self, cell: dict[str, Any]) -> None:
        key = [cell[name] for name in ("case", *Size._fields)]
        others = [c for c in self.cells if [c[name] for name in ("case", *Size._fields)] != key]
        self.cells = [*others, cell]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps({**self.about, "cells": self.cells}, indent=1) + "\n")
        part.replace(self.file)

    def skips(self, case: Case, size: Size, limit: float) -> dict[str, str]:
        """Sides that took too long at a smaller size to be tried at this one, and why."""
        found: dict[str, str] = {}
        for cell in self.cells:
            known = Size(*(cell[name] for name in Size._fields))
            smaller = known.rows <= size.rows and known.columns <= size.columns
            smaller &= known.groups <= 2 * size.groups
            if cell["case"] != case.name or size in (case.base, known) or not smaller:
                continue
            for name, row in cell["sides"].items():
                if row["status"] == "limit":
                    found[name] = f"> {cell['limit']:g} s at {known.text}"
                elif row["status"] == "ok" and max(row["wall"]) > limit * case.patience / 4:
                    found[name] = f"{max(row['wall']):.0f} s at {known.text}"
        return found
