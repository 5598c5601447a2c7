"""One cell of the table: a case at a size, in a process of its own."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from .case import FLOOR, OURS, Case, Size
from .measure import First, Timing, in_child, measure

SMALL = 1_000  # rows on which every side runs first, so that imports are no part of its time
LIBRARIES = (
    *("skfair.metrics", "skfair.detection", "skfair.preprocessing", "skfair.postprocessing"),
    *("skfair.inprocessing", "fairlearn.metrics", "fairlearn.postprocessing"),
    *("fairlearn.reductions", "fairlearn.adversarial", "aif360.sklearn.preprocessing"),
    *("aif360.sklearn.metrics", "imblearn.over_sampling", "smclarify.bias.report", "torch"),
)


def preload() -> None:
    """Import what cells need once, before they are forked off."""
    logging.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LIBRARIES:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


@dataclass(frozen=True)
class Limits:
    """Seconds that a first run may take, and that the rounds of a cell should take."""

    run: float = 20.0
    rounds: float = 2.0
    patient: bool = True  # with cases that need it

    def of(self, case: Case) -> float:
        return self.run * case.patience if self.patient else self.run


def run_cell(case: Case, size: Size, limits: Limits, skip: dict[str, str]) -> dict[str, Any]:
    """Measure a case at a size; a result is plain data for JSON."""
    found: dict[str, Any] = {
        "case": case.name,
        **size._asdict(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "limit": limits.of(case),
    }
    if hasattr(os, "getloadavg"):
        found["load"] = os.getloadavg()[0]
    status, sides = in_child(lambda: _measure(case, size, limits, skip))
    return {**found, "sides": sides} if status == "ok" else {**found, "sides": {}, "error": sides}


def _measure(case: Case, size: Size, limits: Limits, skip: dict[str, str]) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        if size.rows:
            _warm_up(case, size)
        made = case.make(size)
        firsts, rounds = measure(made, limits.of(case), limits.rounds, skip)
    table: dict[str, Any] = {name: {"status": "not installed"} for name in case.peers}
    table |= {name: {"status": "not tried", "note": note} for name, note in skip.items()}
    own = firsts[OURS].answer
    for name, first in firsts.items():
        table[name] = _row(first, rounds.get(name, []))
        if name not in (OURS, FLOOR) or (name == FLOOR and case.atol is not None):
            table[name]["agreement"] = case.agreement(own, first.answer)
    return table


def _warm_up(case: Case, size: Size) -> None:
    small = Size(min(size.rows, SMALL), min(size.groups, 10), min(size.columns, 10))
    with contextlib.suppress(Exception):
        for side in case.make(small):
            with contextlib.suppress(Exception):
                side.solve()


def _row(first: First, rounds: list[Timing]) -> dict[str, Any]:
    timings = rounds or ([first.timing] if first.timing else [])
    peak = first.peak if first.peak is not None and np.isfinite(first.peak) else None
    return {
        "status": first.status,
        "note": first.note,
        "rounds": len(rounds),
        "wall": [timing.wall for timing in timings],
        "cpu": [timing.cpu for timing in timings],
        "peak": peak,
    }
