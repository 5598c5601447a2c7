"""Comparisons with the same algorithm of a peer, and of the best of both sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from skfair.criteria import holm

from .measure import HEADLINES, violation
from .methods import Method
from .place import GAINS, Place, differences, each
from .registry import methods
from .statistics import (
    Estimate,
    NonInferiority,
    choose_no_less_fair,
    estimated,
    frontier,
    non_inferiority,
)

MARGIN = 0.01  # of accuracy, within which skfair is no worse
GAP_MARGIN = 0.02  # of violation, within which it is no less fair
SLACK = 0.005  # of violation on validation rows, that both sides are granted at a level
FEWEST = 3  # repetitions that a verdict needs


class Worst(NamedTuple):
    """The value of the peer's knob at which skfair does worst."""

    knob: str
    gained: NonInferiority
    n: int


class Comparison(NamedTuple):
    """Skfair's method less a peer's at equal violation on validation rows."""

    ours: str
    peer: str
    criterion: str
    gain: str
    gained: NonInferiority
    gap: Estimate  # violation on test, ours less theirs
    worst: Worst
    n: int  # repetitions that both have
    asked: int  # that the peer has

    @property
    def no_less_fair(self) -> str:
        """Whether violation is no worse by the margin: yes, no, or unclear."""
        if np.isnan(self.gap.low):
            return "-"
        if self.gap.high <= GAP_MARGIN:
            return "yes"
        return "no" if self.gap.low > GAP_MARGIN else "unclear"


class Missing(NamedTuple):
    """A pair of which skfair has no result where the peer has; why, if it failed."""

    ours: str
    peer: str
    criterion: str
    error: str


def compare(
    place: Place, ours: str, peer: str, criterion: str, gain: str = "accuracy"
) -> Comparison | None:
    """At each violation of either side's frontier on validation rows: the best of both.

    Both take their most accurate value that is within this violation and the slack on validation
    rows, or their fairest where they have none. So a method equals itself, and to swap the sides
    only turns the sign. Differences are averaged over the levels, so that a repetition is one
    observation.
    """
    mine, theirs = (place.of(criterion, name, gain) for name in (ours, peer))
    by_repetition = dict(iter(mine.groupby("repetition")))
    gained, wider, by_knob = [], [], dict[str, list[np.ndarray]]()
    for repetition, part in theirs.groupby("repetition"):
        if repetition not in by_repetition:
            continue
        found = _at_levels(by_repetition[repetition], part, criterion, gain)
        if not found:
            continue
        gained.append(np.mean([better for _, better, _ in found], axis=0))
        wider.append(np.mean([gap for _, _, gap in found], axis=0))
        for knob, better, _ in found:
            if knob is not None:
                by_knob.setdefault(knob, []).append(better)
    if not gained:
        return None
    return Comparison(
        ours,
        peer,
        criterion,
        gain,
        non_inferiority(estimated(gained), MARGIN),
        estimated(wider),
        _worst(by_knob, len(gained)),
        len(gained),
        theirs["repetition"].nunique(),
    )


def _at_levels(
    mine: pd.DataFrame, theirs: pd.DataFrame, criterion: str, gain: str
) -> list[tuple[str | None, np.ndarray, np.ndarray]]:
    """The peer's knob, gain and violation (ours less theirs) at the levels of both frontiers.

    Levels of the peer alone would favour it: its values get there by what is lucky on validation
    rows, and the other side must match them. There is nothing to compare where all violations of
    a side are undefined.
    """
    mine, theirs = (part[part["violation"].notna()] for part in (mine, theirs))
    if mine.empty or theirs.empty:
        return []
    found = []
    for side in (mine, theirs):
        for place in frontier(side["violation"], side["gain"]):
            level = side["violation"].iloc[place] + SLACK
            a, b = (
                part["tests"].iloc[choose_no_less_fair(part["violation"], part["gain"], level)]
                for part in (mine, theirs)
            )
            better = each(GAINS[gain], a) - each(GAINS[gain], b)
            gaps = [each(lambda cells: violation(cells, criterion), tests) for tests in (a, b)]
            knob = side["knob"].iloc[place] if side is theirs else None
            found.append((knob, better, gaps[0] - gaps[1]))
    return found


def _worst(by_knob: dict[str, list[np.ndarray]], n: int) -> Worst:
    """The least mean among values that are on the frontier in half of the repetitions."""
    often = {k: v for k, v in by_knob.items() if 2 * len(v) >= n} or by_knob
    tested = {k: non_inferiority(estimated(v), MARGIN) for k, v in often.items()}
    knob = min(tested, key=lambda k: tested[k].mean)
    return Worst(knob, tested[knob], len(often[knob]))


def partners(peer: Method) -> list[str]:
    """Skfair's methods of the same algorithm; of those that draw lots, also those that don't."""
    found = []
    for name in peer.pairs:
        found += [name, methods()[name].without_lots]
    return [name for name in dict.fromkeys(found) if name]


def compare_all(place: Place) -> tuple[list[Comparison], list[Missing]]:
    """Every peer that is there against skfair's methods of the same algorithm.

    Pairs that maximise balanced accuracy are judged by it and by accuracy.
    """
    found, missing = list[Comparison](), list[Missing]()
    for criterion in HEADLINES:
        there = place.methods(criterion)
        for peer in (methods()[name] for name in there):
            for ours in partners(peer):
                for gain in _gains(peer, methods()[ours]):
                    one = compare(place, ours, peer.name, criterion, gain)
                    found += [one] if one else []
                if ours not in there and _could_be_there(place, ours, criterion):
                    error = place.errors.get(ours, "")
                    missing.append(Missing(ours, peer.name, criterion, error))
    return found, missing


def _gains(peer: Method, ours: Method) -> list[str]:
    """What a pair is judged by: accuracy, and what both maximise where it is something else."""
    return list(dict.fromkeys(["accuracy", *([peer.gain] if peer.gain == ours.gain else [])]))


def _could_be_there(place: Place, ours: str, criterion: str) -> bool:
    method = methods()[ours]
    return place.key[2] in method.models and bool({"any", criterion} & set(method.criteria))


def price_of_certainty(place: Place) -> list[Comparison]:
    """Skfair's rules that decide alike each time against its own that draw lots."""
    drawn = [m for m in methods().values() if m.without_lots]
    steady = [(name, m.name) for m in drawn for name in (m.without_lots, m.by_row) if name]
    found = [compare(place, *pair, c) for c in HEADLINES for pair in steady]
    return [comparison for comparison in found if comparison is not None]


def adjusted(comparisons: list[Comparison]) -> dict[int, float]:
    """Holm's p-values of being worse by the margin over all of them, by the object's id."""
    tested = [c for c in comparisons if not np.isnan(c.gained.pvalue)]
    pvalues = holm(np.array([c.gained.pvalue for c in tested], dtype=float)) if tested else []
    return dict(zip(map(id, tested), map(float, pvalues), strict=True))


class Sides(NamedTuple):
    """The best of skfair and of the peers at one level, or their volumes (level 0)."""

    level: float
    reached: tuple[int, int]  # repetitions, ours and theirs
    asked: int
    gained: Estimate
    gap: Estimate


def sides_at(place: Place, criterion: str, level: float) -> Sides:
    """Best of both sides at one level of violation on validation rows."""
    ours, theirs = (place.pick_within(part, level) for part in place.sides(criterion))
    reached = len(ours.tests), len(theirs.tests)
    gained = differences(ours.figures(GAINS["accuracy"]), theirs.figures(GAINS["accuracy"]))
    gaps = [p.figures(lambda cells: violation(cells, criterion)) for p in (ours, theirs)]
    found = estimated(gained), estimated(differences(*gaps))
    return Sides(level, reached, len(place.repetitions), *found)


def sides_volume(place: Place, criterion: str) -> Sides:
    """Hypervolumes of both sides, in the repetitions that both have."""
    ours, theirs = (place.hypervolumes(part, criterion) for part in place.sides(criterion))
    reached, none = (len(ours), len(theirs)), estimated([])
    found = estimated(differences(ours, theirs))
    return Sides(0.0, reached, len(place.repetitions), found, none)
