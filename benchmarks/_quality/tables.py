"""Markdown tables of the report, each a function of results only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .analysis import MARGIN, Comparison, Sides, sides_at, sides_volume
from .place import LEVELS, Picked, Place, all_measures
from .registry import methods
from .statistics import Estimate, estimated

MANY = 3  # groups from which rates are told from the least to the most


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def number(found: Estimate, digits: int = 3) -> str:
    if np.isnan(found.mean):
        return "-"
    if np.isnan(found.low):
        return f"{found.mean:.{digits}f}"
    return f"{found.mean:.{digits}f} ± {found.high - found.mean:.{digits}f}"


def percent(found: Estimate, digits: int = 1) -> str:
    scaled = found._replace(mean=100 * found.mean, low=100 * found.low, high=100 * found.high)
    return number(scaled, digits)


def signed(found: Estimate, digits: int = 3) -> str:
    if np.isnan(found.low):
        return f"{found.mean:+.{digits}f}"
    return f"{found.mean:+.{digits}f} ({found.low:+.{digits}f} to {found.high:+.{digits}f})"


def points(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:+.2f}"


def small_p(pvalue: float) -> str:
    if np.isnan(pvalue):
        return "-"
    return "< 0.001" if pvalue < 0.001 else f"{pvalue:.3f}"


def floor_text(place: Place, criterion: str) -> str:
    """What noise alone makes, and which levels are therefore not asked for."""
    levels, floor = place.levels(criterion), place.noise(criterion)
    skipped = ", ".join(f"{v:.2f}" for v in LEVELS if v not in levels)
    least = f"Where there is no violation, a test of this size shows {floor:.3f} on average"
    if not skipped:
        return f"{least}.\n"
    return f"{least}; so levels below it ({skipped}) aren't asked for.\n"


def reached_cell(chosen: Picked, criterion: str, not_run: int = 0) -> str:
    """Accuracy and violation on test, or in how many splits validation rows found a value."""
    if not chosen.reached:
        lacking = f", {not_run} not run" if not_run else ""
        return f"in {len(chosen.tests)} of {len(chosen.asked)}{lacking}"
    return f"{percent(chosen.accuracy())} ({chosen.violation(criterion).mean:.3f})"


def levels_table(place: Place, criterion: str) -> str:
    """Accuracy (violation) on test by level of violation, and the hypervolume."""
    levels, rows = place.levels(criterion), []
    for name in place.methods(criterion):
        found = place.of(criterion, name)
        lacking = place.not_run(name)
        picked = [reached_cell(place.pick_within(found, v), criterion, lacking) for v in levels]
        rows.append([name, *picked, number(_volume(place, found, criterion), 2)])
    return table(["", *(f"violation <= {v:.2f}" for v in levels), "hypervolume"], rows)


def sides_table(place: Place, criterion: str) -> str:
    """The best of all skfair methods and of all peers', both chosen on validation rows."""
    rows, parts = [], place.sides(criterion)
    for level in place.levels(criterion):
        cells = [reached_cell(place.pick_within(part, level), criterion) for part in parts]
        rows.append([f"{level:.2f}", *cells, *_difference(sides_at(place, criterion, level))])
    volumes = [_volume(place, part, criterion) for part in parts]
    if all(v.n for v in volumes):
        gained = _without_limits(place, sides_volume(place, criterion).gained)
        rules = " and ".join(str(round(len(p) / len(place.repetitions))) for p in parts)
        name = f"hypervolume, of {rules} rules a repetition"
        rows.append([name, *map(number, volumes), signed(gained), ""])
    if not rows:
        return "There is no level to ask for.\n"
    header = ["violation at most", "best of skfair", "best of the peers", "points", "violation"]
    return table(header, rows)


def _volume(place: Place, found: pd.DataFrame, criterion: str) -> Estimate:
    return _without_limits(place, estimated(list(place.hypervolumes(found, criterion).values())))


def _without_limits(place: Place, found: Estimate) -> Estimate:
    """On small tables a volume jumps with every row; its interval would say nothing."""
    return found if place.large else found._replace(low=np.nan, high=np.nan)


def _difference(found: Sides) -> list[str]:
    if found.reached != (found.asked, found.asked):
        return ["-", "-"]
    gained = found.gained
    scaled = gained._replace(mean=100 * gained.mean, low=100 * gained.low, high=100 * gained.high)
    return [signed(scaled, 2), signed(found.gap)]


def name_of(c: Comparison) -> tuple[str, str]:
    """Both names, with the repetitions if some lack, and the gain if it isn't accuracy."""
    some = f" ({c.n} of {c.asked} repetitions)" if c.n < c.asked else ""
    gain = "" if c.gain == "accuracy" else f", {c.gain.replace('_', ' ')}"
    aim = methods()[c.peer].gain
    other = "" if aim == methods()[c.ours].gain else f" (which maximises {aim.replace('_', ' ')})"
    return c.ours + some, c.peer + gain + other


def comparisons_table(found: Sequence[tuple[str, Comparison, float]]) -> str:
    """Skfair less the same algorithm of a peer, at equal violation on validation rows."""
    rows = []
    for where, c, pvalue in found:
        verdict = "-" if np.isnan(pvalue) else ("yes" if pvalue < 0.05 else "**no**")
        fair = c.no_less_fair
        worst = f"{points(c.worst.gained.mean)} ({points(c.worst.gained.low)})"
        rows.append(
            [
                where,
                *name_of(c),
                points(c.gained.mean),
                points(c.gained.low),
                small_p(pvalue),
                verdict,
                f"{worst} at {c.worst.knob}" if c.worst.knob != "None" else "-",
                signed(c.gap),
                f"**{fair}**" if fair == "no" else fair,
            ]
        )
    header = ["", "skfair", "peer", "points", "lower limit", "p (Holm)"]
    header += [f"no worse by {100 * MARGIN:.0f}", "at the worst value", "violation"]
    return table([*header, "violation no worse by 0.02"], rows)


def measures_table(place: Place, criterion: str, level: float) -> str:
    """Every measure on test with its interval, knobs chosen on validation for a criterion."""
    rows, figures = [], dict(all_measures())
    for name in place.methods(criterion):
        chosen = place.pick_near(place.of(criterion, name), level)
        values = [
            percent(chosen.estimate(f))
            if c in ("accuracy", "balanced")
            else number(chosen.estimate(f))
            for c, f in figures.items()
        ]
        rows.append([name, *values[:2], number(chosen.auc()), *values[2:], *_rates(chosen)])
    names = list(figures)
    header = ["", *names[:2], "AUC", *names[2:]]
    if len(place.labels) > MANY:
        rates = ["FPR, least to most", "FNR, least to most"]
    else:
        rates = [f"{rate} {label}" for rate in ("FPR", "FNR") for label in place.labels]
    return table([*header, *rates], rows)


def _rates(chosen: Picked) -> list[str]:
    found = chosen.rates()
    if found.shape[1] > MANY:
        return [f"{np.nanmin(rate):.3f} to {np.nanmax(rate):.3f}" for rate in found]
    return [f"{rate:.3f}" for rate in found.ravel()]


def codes_table(counts: pd.DataFrame) -> str:
    """How many results of a method come from the present code, from other code, or don't tell."""
    kept = counts[counts[["other", "untold"]].sum(axis=1) > 0]
    names = ("same", "other", "untold")
    rows = [[str(name), *(str(int(row[n])) for n in names)] for name, row in kept.iterrows()]
    return table(["method", "present code", "other code", "not told"], rows)


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
