"""Markdown tables of the report, each a function of results only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .analysis import (
    LEVELS,
    Comparison,
    Picked,
    candidates,
    hypervolumes,
    paired,
    pick,
    pick_within,
    reference,
)
from .measure import CRITERIA
from .registry import methods
from .statistics import Estimate, choose_no_less_fair, corrected

SIDES = {"none": 0, "skfair": 1}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def percent(found: Estimate, digits: int = 1) -> str:
    if np.isnan(found.low):
        return f"{100 * found.mean:.{digits}f}"
    return f"{100 * found.mean:.{digits}f} ± {100 * (found.high - found.mean):.{digits}f}"


def plain(found: Estimate, digits: int = 3) -> str:
    if np.isnan(found.low):
        return f"{found.mean:.{digits}f}"
    return f"{found.mean:.{digits}f} ± {found.high - found.mean:.{digits}f}"


def signed(found: Estimate) -> str:
    if np.isnan(found.low):
        return f"{found.mean:+.3f}"
    return f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def ordered(frame: pd.DataFrame) -> list[str]:
    """Methods that have results: the plain model, skfair's, then the peers'."""
    there = set(frame["method"])
    return [name for name in methods() if name in there]


def reached_cell(chosen: Picked, criterion: str, *, large: bool) -> str:
    """Accuracy and violation on test, or in how many splits validation rows found a value."""
    if not chosen.reached:
        return f"in {len(chosen.cells)} of {chosen.asked}"
    gaps = corrected(chosen.violations(criterion)).mean
    return (
        f"{percent(corrected(chosen.gains()))} ({gaps:.3f})"
        if large
        else (f"{100 * chosen.gains().mean():.1f} ({gaps:.3f})")
    )


def levels_table(frame: pd.DataFrame, criterion: str, *, large: bool) -> str:
    """Accuracy (violation) on test by level of violation, and the hypervolume."""
    levels = LEVELS if large else LEVELS[1:]
    corner = reference(frame, criterion)
    rows = []
    for name in ordered(candidates(frame, criterion)):
        found = candidates(frame[frame["method"] == name], criterion)
        picked = [reached_cell(pick_within(found, v), criterion, large=large) for v in levels]
        volume = corrected(hypervolumes(found, criterion, corner))
        shown = plain(volume, 2) if large else f"{volume.mean:.2f}"
        rows.append([name, *picked, shown])
    return table(["", *(f"violation <= {v:.2f}" for v in levels), "hypervolume"], rows)


def sides_table(frame: pd.DataFrame, criterion: str) -> str:
    """The best of all skfair methods and of all peers', both chosen on validation rows."""
    rows = []
    for level in LEVELS:
        cells = [f"{level:.2f}"]
        both = best_of_sides(frame, criterion, level)
        cells += [reached_cell(chosen, criterion, large=True) for chosen in both]
        rows.append([*cells, _difference(*both)])
    corner = reference(frame, criterion)
    volumes = [hypervolumes(part, criterion, corner) for part in _sides(frame, criterion)]
    if all(len(v) for v in volumes) and len(volumes[0]) == len(volumes[1]):
        gained = plain(corrected(volumes[0] - volumes[1]), 3)
        rows.append(["hypervolume", *(plain(corrected(v)) for v in volumes), gained])
    header = ["violation at most", "best of skfair", "best of the peers", "difference, points"]
    return table(header, rows)


def _sides(frame: pd.DataFrame, criterion: str) -> list[pd.DataFrame]:
    found = candidates(frame, criterion)
    ours = found["side"] == "skfair"
    return [found[ours], found[~ours & (found["side"] != "none")]]


def best_of_sides(frame: pd.DataFrame, criterion: str, level: float) -> list[Picked]:
    return [pick_within(part, level) for part in _sides(frame, criterion)]


def _difference(ours: Picked, theirs: Picked) -> str:
    if not (ours.reached and theirs.reached):
        return "-"
    return percent(corrected(paired(ours, theirs)), 2)


def comparisons_table(found: list[tuple[str, Comparison, float]]) -> str:
    """Skfair less the same algorithm of a peer, at the peer's violation."""
    rows = []
    for place, c, pvalue in found:
        verdict = "-" if np.isnan(pvalue) else ("yes" if pvalue < 0.05 else "**no**")
        rows.append(
            [
                place,
                c.ours,
                c.peer,
                f"{100 * c.gained.mean:+.2f}",
                "-" if np.isnan(c.gained.low) else f"{100 * c.gained.low:+.2f}",
                signed(c.gap),
                "-" if np.isnan(pvalue) else f"{pvalue:.3f}",
                verdict,
            ]
        )
    header = [
        "",
        "skfair",
        "peer",
        "points",
        "lower limit",
        "violation",
        "p (Holm)",
        "no worse by 1",
    ]
    return table(header, rows)


def described_table(found: list[tuple[str, Comparison]]) -> str:
    """The same of small tables: described, neither tested nor ranked."""
    rows = [
        [place, c.ours, c.peer, f"{100 * c.gained.mean:+.1f}", f"{c.gap.mean:+.3f}"]
        for place, c in found
    ]
    return table(["", "skfair", "peer", "points", "violation"], rows)


def measures_table(frame: pd.DataFrame, labels: Sequence[str], level: float = 0.05) -> str:
    """Every measure on test, knobs chosen on validation for demographic parity."""
    criterion, rows = "demographic_parity", []
    short = [name.replace("_", " ") for name in CRITERIA]
    for name in ordered(candidates(frame, criterion)):
        found = candidates(frame[frame["method"] == name], criterion)
        chosen = pick(found, lambda v, g: choose_no_less_fair(v, g, level))
        means = chosen.means()
        rows.append(
            [
                name,
                f"{100 * means['accuracy']:.1f}",
                f"{100 * means['balanced_accuracy']:.1f}",
                *(f"{means[c]:.3f}" for c in CRITERIA),
                *_error_rates(chosen),
            ]
        )
    rates = [f"{rate} {label}" for rate in ("FPR", "FNR") for label in labels]
    return table(["", "accuracy", "balanced", *short, *rates], rows)


def _error_rates(chosen: Picked) -> list[str]:
    cells = np.mean(list(chosen.cells.values()), axis=0)
    tn, fp, fn, tp = cells.T
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = [*(fp / (fp + tn)), *(fn / (fn + tp))]
    return [f"{rate:.3f}" for rate in rates]


def errors_table(rows: list[dict[str, Any]]) -> str:
    """What failed, where, how often."""
    failed = pd.DataFrame([row for row in rows if "error" in row])
    if failed.empty:
        return "Nothing failed.\n"
    keys = ["method", "data", "sensitive", "model", "error"]
    counts = failed.groupby(keys, sort=False).size()
    cells = [[*(str(part) for part in key), str(n)] for key, n in counts.items()]
    shown = [[part.replace("|", "/")[:160] for part in row] for row in cells]
    return table(["method", "data", "groups", "model", "error", "cells"], shown)
