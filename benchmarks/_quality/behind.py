"""The report's first lines: where skfair is behind, where it isn't known, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .analysis import FEWEST, MARGIN, Comparison, Sides, sides_at, sides_volume
from .findings import Findings
from .measure import HEADLINES
from .place import LEVELS, Place
from .summary import decides_alike, is_worse, summary
from .tables import name_of, points

SEEN = 0.005  # points that two decimals show
FEW_NAMES = 3  # comparisons of a place up to which each is named


def first_lines(found: Findings) -> list[str]:
    """Counts, then losses, then what isn't known or missing, each under a heading of its own."""
    tested = [(p, c) for p, c in found.compared if p.large and c.n >= FEWEST]
    unsure = [(p, c) for p, c in tested if not found.pvalue(c) < 0.05]
    equal = [(p, c) for p, c in tested if found.pvalue(c) < 0.05]
    twins = {(id(p), c.ours, c.peer, c.criterion): c for p, c in tested if c.gain != "accuracy"}
    ranked = [p for p in found.places if p.large and len(p.repetitions) >= FEWEST]
    sections = {
        "Worse": [*_losses([(p, c) for p, c in unsure if is_worse(c)], twins), *_small(found)],
        "Behind on average, and not shown to be within a point": _losses(
            [(p, c) for p, c in unsure if c.gained.mean < 0 and not is_worse(c)], twins
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
    lines = [summary(found, tested, equal), "## Where skfair is behind, or isn't known not to be\n"]
    for title, bullets in sections.items():
        lines += [f"### {title}\n", *bullets, ""] if bullets else []
    return lines


def _losses(
    found: list[tuple[Place, Comparison]], twins: dict[tuple[Any, ...], Comparison]
) -> list[str]:
    """The same rules a line each, then rules without lots against a peer's with them by place."""
    found = sorted(found, key=lambda one: one[1].gained.mean)
    return [_loss(p, c, twins) for p, c in found if decides_alike(c)] + _grouped(
        [(p, c, _short(c)) for p, c in found if not decides_alike(c)],
        "deciding alike each time against a peer that draws lots: ",
    )


def _where(place: Place, criterion: str) -> str:
    return f"{place}, {criterion.replace('_', ' ')}"


def _pair(c: Comparison) -> str:
    ours, peer = name_of(c)
    return f"{ours} against {peer}"


def _loss(place: Place, c: Comparison, twins: dict[tuple[Any, ...], Comparison]) -> str:
    """One comparison; if both sides maximise balanced accuracy, with what it is by that."""
    unit = "points" if c.gain == "accuracy" else "points of balanced accuracy"
    twin = twins.get((id(place), c.ours, c.peer, c.criterion))
    other = ""
    if twin is not None and c.gain == "accuracy":
        other = f"; both maximise balanced accuracy, and there it is {points(twin.gained.mean)}"
    return (
        f"- {_where(place, c.criterion)}: {_pair(c)}: {points(c.gained.mean)} {unit} "
        f"(lower limit {points(c.gained.low)}), violation {c.gap.mean:+.3f}{other}."
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
            elif 100 * sides.gained.mean <= -SEEN:
                yield _side_line(f"at {level:.2f}", where, sides, 100, " points")
        volumes = sides_volume(place, criterion)
        if volumes.gained.mean <= -SEEN / 10:
            yield _side_line("by hypervolume", where, volumes, 1, "")


def _side_line(at: str, where: str, sides: Sides, scale: int, unit: str) -> str:
    gained, digits = sides.gained, 2 if scale > 1 else 3
    sure = "" if gained.high < 0 else ", within the noise"
    return f"- {where}, {at}: {scale * gained.mean:+.{digits}f}{unit}{sure}."


def _small(found: Findings) -> list[str]:
    """Small tables are described only; surely worse is still said."""
    worse = [(p, c) for p, c in found.compared if not p.large and is_worse(c)]
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
