"""The report's first lines: where skfair is behind, where it isn't known, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from skfair.criteria import holm

from .analysis import (
    FEWEST,
    MARGIN,
    Comparison,
    Missing,
    Sides,
    adjusted,
    compare_all,
    sides_at,
    sides_volume,
)
from .measure import HEADLINES
from .place import LEVELS, Key, Place, read_frame
from .registry import methods
from .statistics import pvalue_in_the_limit
from .store import Store, other_code
from .tables import name_of, points, table

READING = """\
Next comes where skfair is behind, or isn't shown not to be. Differences are skfair less the peer on
test rows, in points of accuracy. What is shown is shown over all comparisons at once (Holm); limits
are 95 % limits of each by itself, and worse is what is surely below zero by itself and not shown to
be within a point.
"""
TINY = 1e-9  # what sums of equal accuracies may differ by
FEW_NAMES = 3  # comparisons of a place up to which each is named


class Findings:
    """Results of a run, cut by data, groups and model, and compared."""

    def __init__(self, store: Store, data: Sequence[str] = ()) -> None:
        kept = [row for row in store.latest() if not data or row["data"] in data]
        self.rows = [row for row in kept if not row["rows"]] or kept
        self.machines = store.machines()
        self.frame = read_frame(self.rows)
        parts = self.frame.groupby(["data", "sensitive", "model"], sort=False)
        self.places = [self._place(tuple(map(str, key)), part) for key, part in parts]  # type: ignore[arg-type]
        self.compared: list[tuple[Place, Comparison]] = []
        self.missing: list[tuple[Place, Missing]] = []
        for place in self.places:
            found, missing = compare_all(place)
            self.compared += [(place, c) for c in found]
            self.missing += [(place, m) for m in missing]
        self._pvalues = adjusted([c for place, c in self.compared if place.large])

    def _place(self, key: Key, part: pd.DataFrame) -> Place:
        names = ("data", "sensitive", "model")
        failed = [r for r in self.rows if "error" in r and tuple(r[n] for n in names) == key]
        return Place(key, part, failed)

    def pvalue(self, comparison: Comparison) -> float:
        """By Holm over the comparisons on large tables; NaN where it isn't one."""
        return self._pvalues.get(id(comparison), float("nan"))

    def codes(self) -> pd.DataFrame:
        """Results by method and whether they come from the present code."""
        names = set(self.frame["method"])
        kept = [row for row in self.rows if row["method"] in names and "error" not in row]
        told = pd.DataFrame([(row["method"], other_code(row)) for row in kept])
        counts = told.value_counts().unstack(fill_value=0)
        return counts.reindex(columns=["same", "other", "untold"], fill_value=0)


def first_lines(found: Findings) -> list[str]:
    """Counts, then losses, then what isn't known or missing, each under a heading of its own."""
    tested = [(p, c) for p, c in found.compared if p.large and c.n >= FEWEST]
    unsure = [(p, c) for p, c in tested if not found.pvalue(c) < 0.05]
    equal = [(p, c) for p, c in tested if found.pvalue(c) < 0.05]
    ranked = [p for p in found.places if p.large and len(p.repetitions) >= FEWEST]
    sections = {
        "Worse": [*_losses([(p, c) for p, c in unsure if _is_worse(c)]), *_small(found)],
        "Behind on average, and not shown to be within a point": _losses(
            [(p, c) for p, c in unsure if c.gained.mean < 0 and not _is_worse(c)]
        ),
        "Within a point, at a larger violation": _grouped(
            [(p, c, _gap(c)) for p, c in equal if c.no_less_fair == "no"]
        ),
        "Best of skfair behind the best of the peers": [
            line for place in ranked for line in _sides_behind(place)
        ],
        "Ahead on average, or level, but not shown to be within a point": _grouped(
            [(p, c, _short(c)) for p, c in unsure if c.gained.mean >= 0]
        ),
        "Within a point on average, but not shown to be so at one value of the peer's knob": (
            _grouped([(p, c, _worst(c)) for p, c in equal if c.worst.gained.low <= -MARGIN])
        ),
        "Within a point, but violation isn't shown to be no worse by 0.02": _grouped(
            [(p, c, _gap(c)) for p, c in equal if c.no_less_fair == "unclear"]
        ),
    }
    if tested and not any(sections.values()):
        sections = {"Worse": ["- Nowhere in this run."]}
    sections["Not compared"] = [*_not_asked(found), *_missing(found)]
    lines = [_counts(found, tested, equal), "## Where skfair is behind, or isn't known not to be\n"]
    for title, bullets in sections.items():
        lines += [f"### {title}\n", *bullets, ""] if bullets else []
    return lines


def _is_worse(c: Comparison) -> bool:
    return c.gained.high < 0


def _losses(found: list[tuple[Place, Comparison]]) -> list[str]:
    """The same rules a line each, then rules without lots against a peer's with them by place."""
    found = sorted(found, key=lambda one: one[1].gained.mean)
    return [_loss(p, c) for p, c in found if _decides_alike(c)] + _grouped(
        [(p, c, _short(c)) for p, c in found if not _decides_alike(c)],
        "deciding alike each time against a peer that draws lots: ",
    )


def _counts(
    found: Findings, tested: list[tuple[Place, Comparison]], equal: list[tuple[Place, Comparison]]
) -> str:
    """How many comparisons there are, of how many pairs, and how they end."""
    pairs = {(c.ours, c.peer) for _, c in tested}
    fair = sum(c.no_less_fair == "yes" for _, c in equal)
    few = sum(p.large and c.n < FEWEST for p, c in found.compared)
    if not tested and not few:
        return "Small tables are described and not ranked: nothing here says who is ahead.\n"
    text = (
        f"{len(tested)} comparisons of {len(pairs)} pairs of the same algorithm on large tables "
        f"({', '.join(dict.fromkeys(Path(p.key[0]).stem for p, _ in tested))}): "
        f"in {len(equal)} skfair is shown to be no worse than the peer by a point of accuracy, and "
        f"in {fair} of these its violation no worse by 0.02."
    )
    same = sum(c.gained.mean == c.gained.low == c.gap.mean == 0 for _, c in tested)
    if same:
        text += f" In {same} both sides decide the same on every row."
    other = sum(not _aims_alike(c) for _, c in tested)
    if other:
        text += f" In {other} skfair maximises accuracy and the peer balanced accuracy."
    alike = sum(_decides_alike(c) for _, c in tested)
    if alike < len(tested):
        shown = sum(_decides_alike(c) for _, c in equal)
        text += (
            f" In {alike} comparisons both sides draw lots, or neither does: shown in {shown}; in "
            "the others a rule that decides alike each time meets a peer's that draws lots."
        )
    unsure = [c for p, c in tested if not found.pvalue(c) < 0.05]
    limits = [pvalue_in_the_limit(c.gained, c.n, MARGIN) for c in unsure]
    later = int(np.sum(holm(np.array(limits)) < 0.05)) if limits else 0
    if unsure:
        text += (
            f" Of the {len(unsure)} that aren't shown, however many further splits would show "
            f"{later} at these means and spreads, since splits share rows."
        )
    if few:
        text += f" {few} more have fewer than {FEWEST} repetitions and say nothing yet."
    return "\n".join([text + "\n", _overview(found, tested), READING])


def _decides_alike(c: Comparison) -> bool:
    """Whether both sides draw lots, or neither does."""
    pairs = methods()[c.peer].pairs
    return c.ours not in {methods()[name].without_lots for name in pairs}


def _overview(found: Findings, tested: list[tuple[Place, Comparison]]) -> str:
    """How the comparisons of each place and criterion end."""
    rows = []
    for place, criterion in dict.fromkeys((p, c.criterion) for p, c in tested):
        own = [c for p, c in tested if p is place and c.criterion == criterion]
        shown = sum(found.pvalue(c) < 0.05 for c in own)
        worse = sum(_is_worse(c) and not found.pvalue(c) < 0.05 for c in own)
        where = [str(place), criterion.replace("_", " "), len(own)]
        rows.append([*map(str, where), str(shown), str(len(own) - shown - worse), str(worse)])
    header = ["", "criterion", "comparisons", "shown within a point", "open", "worse"]
    return table(header, rows)


def _aims_alike(c: Comparison) -> bool:
    return methods()[c.ours].gain == methods()[c.peer].gain


def _where(place: Place, criterion: str) -> str:
    return f"{place}, {criterion.replace('_', ' ')}"


def _pair(c: Comparison) -> str:
    ours, peer = name_of(c)
    return f"{ours} against {peer}"


def _loss(place: Place, c: Comparison) -> str:
    unit = "points" if c.gain == "accuracy" else "points of balanced accuracy"
    return (
        f"- {_where(place, c.criterion)}: {_pair(c)}: {points(c.gained.mean)} {unit} "
        f"(lower limit {points(c.gained.low)}), violation {c.gap.mean:+.3f}."
    )


def _short(c: Comparison) -> str:
    limit = f"lower limit {points(c.gained.low)}, violation {c.gap.mean:+.3f}"
    return f"{_pair(c)}: {points(c.gained.mean)}, {limit}"


def _worst(c: Comparison) -> str:
    worst = c.worst
    low = f"lower limit {points(worst.gained.low)}"
    return f"{_pair(c)} at {worst.knob}: {points(worst.gained.mean)}, {low}"


def _gap(c: Comparison) -> str:
    low, high = (f"{end:+.3f}" for end in (c.gap.low, c.gap.high))
    return f"{_pair(c)}: violation {c.gap.mean:+.3f} ({low} to {high})"


def _grouped(found: list[tuple[Place, Comparison, str]], lead: str = "") -> list[str]:
    """A line a place and criterion; names where they are few."""
    lines = []
    for where in dict.fromkeys(_where(p, c.criterion) for p, c, _ in found):
        texts = [text for p, c, text in found if _where(p, c.criterion) == where]
        shown = "; ".join(texts[:FEW_NAMES])
        more = f"; {len(texts) - FEW_NAMES} more in the table" if len(texts) > FEW_NAMES else ""
        lines.append(f"- {where}: {lead}{shown}{more}.")
    return lines


def _sides_behind(place: Place) -> Iterator[str]:
    """Levels that only peers reach, and where the best of the peers is ahead."""
    for criterion in HEADLINES:
        where = _where(place, criterion)
        for level in place.levels(criterion):
            sides = sides_at(place, criterion, level)
            if sides.reached[0] < sides.reached[1]:
                yield (
                    f"- {where}, at {level:.2f}: skfair keeps to the level in "
                    f"{sides.reached[0]} of {sides.asked} repetitions, peers in {sides.reached[1]}."
                )
            elif sides.gained.mean < -TINY:
                yield _side_line(f"at {level:.2f}", where, sides, 100, " points")
        volumes = sides_volume(place, criterion)
        if volumes.gained.mean < -TINY:
            yield _side_line("by hypervolume", where, volumes, 1, "")


def _side_line(at: str, where: str, sides: Sides, scale: int, unit: str) -> str:
    gained, digits = sides.gained, 2 if scale > 1 else 3
    sure = "" if gained.high < 0 else ", within the noise"
    return f"- {where}, {at}: {scale * gained.mean:+.{digits}f}{unit}{sure}."


def _small(found: Findings) -> list[str]:
    """Small tables are described only; surely worse is still said."""
    worse = [(p, c) for p, c in found.compared if not p.large and _is_worse(c)]
    return _grouped(
        [(p, c, f"{_pair(c)}: {points(c.gained.mean)} points") for p, c in worse],
        "a small table, by itself, one-sided: ",
    )


def _not_asked(found: Findings) -> list[str]:
    """Levels of large tables at which the best of both sides aren't compared, being noise."""
    skipped = []
    for place in (p for p in found.places if p.large):
        for criterion in HEADLINES:
            below = [f"{v:.2f}" for v in LEVELS if v not in place.levels(criterion)]
            if below:
                skipped.append(f"{', '.join(below)} ({_where(place, criterion)})")
    text = "Levels not asked for, since tests of this size show larger violations by noise alone"
    return [f"- {text}: {'; '.join(skipped)}."] if skipped else []


def _missing(found: Findings) -> list[str]:
    """Pairs of which skfair has no result, because it failed or wasn't run."""
    lines = []
    for failed in (True, False):
        for place in found.places:
            named = [m for p, m in found.missing if p is place and bool(m.error) == failed]
            pairs = dict.fromkeys(f"{m.ours} against {m.peer}" for m in named)
            errors = dict.fromkeys(m.error[:80] for m in named if m.error)
            why = f"skfair failed ({'; '.join(errors)})" if failed else "not in this run"
            if pairs:
                lines.append(f"- No comparison ({place}), {why}: {'; '.join(pairs)}.")
    return lines
