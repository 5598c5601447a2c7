"""How the comparisons of a run end: counts, and tables by method and by place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skfair.criteria import holm

from .analysis import FEWEST, MARGIN, Comparison
from .findings import Findings
from .place import Place
from .registry import methods
from .statistics import pvalue_in_the_limit
from .tables import table

Compared = list[tuple[Place, Comparison]]

TERMS = """\
A comparison is of the same algorithm, skfair's and a peer's, on one table with one division into
groups and one base model, for one criterion: the accuracy on test rows of skfair less the peer,
where both keep to the same violations (the largest difference of the criterion's rates between
groups). It is *shown* where skfair is no worse by a point, over all comparisons at once (Holm);
*worse* where skfair is surely behind, by itself, and not shown to be within a point; else *open*. A
rule *draws lots* where the same row may get another answer the next time.
"""
READING = """\
Next comes where skfair is behind, or isn't shown not to be. Differences are skfair less the peer on
test rows, in points of accuracy; limits are 95 % limits of each comparison by itself.
"""


def summary(found: Findings, tested: Compared, equal: Compared) -> str:
    """Terms, counts, and how the comparisons end by method and by place.

    ``tested`` are the comparisons on large tables with enough repetitions, and ``equal`` those of
    them in which skfair is shown to be no worse by a point.
    """
    few = sum(p.large and c.n < FEWEST for p, c in found.compared)
    if not tested and not few:
        return "Small tables are described and not ranked: nothing here says who is ahead.\n"
    lines = [*_counts(tested, equal), *_apart(tested, equal), *_later(found, tested)]
    if few:
        lines.append(f"{few} more have fewer than {FEWEST} repetitions and say nothing yet.")
    bullets = "".join(f"- {line}\n" for line in lines)
    return "\n".join([TERMS, bullets, _by_method(tested, equal), _by_place(tested, equal), READING])


def is_worse(c: Comparison) -> bool:
    """Whether skfair is surely behind, by itself."""
    return c.gained.high < 0


def decides_alike(c: Comparison) -> bool:
    """Whether both sides draw lots, or neither does."""
    pairs = methods()[c.peer].pairs
    return c.ours not in {methods()[name].without_lots for name in pairs}


def _counts(tested: Compared, equal: Compared) -> Iterator[str]:
    """How many comparisons there are, of how many pairs, and how they end."""
    pairs = {(c.ours, c.peer) for _, c in tested}
    tables = ", ".join(dict.fromkeys(Path(p.key[0]).stem for p, _ in tested))
    shown, still_open, worse = _endings(tested, equal)
    yield (
        f"{len(tested)} comparisons of {len(pairs)} pairs on large tables ({tables}): {shown} "
        f"shown, {still_open} open, {worse} worse."
    )
    fair = sum(c.no_less_fair == "yes" for _, c in equal)
    yield f"In {fair} of those shown skfair's violation is no worse by 0.02, too."
    alike = [c for _, c in tested if decides_alike(c)]
    if len(alike) < len(tested):
        yield (
            f"In {len(alike)} both sides draw lots, or neither does: "
            f"{sum(decides_alike(c) for _, c in equal)} shown. In the others a rule that decides "
            "alike each time meets a peer's that draws lots."
        )


def _apart(tested: Compared, equal: Compared) -> Iterator[str]:
    """What to know of some comparisons before they are counted."""
    same = sum(_is_same(c) for _, c in tested)
    if same:
        yield f"In {same} both sides decide the same on every row."
    free = [c for _, c in tested if methods()[c.ours].criteria == ("any",)]
    if free:
        shown = sum(methods()[c.ours].criteria == ("any",) for _, c in equal)
        yield (
            f"{len(free)} are of methods that know no criterion, whose same fits count for each: "
            f"{shown} shown."
        )
    balanced = sum(c.gain != "accuracy" for _, c in tested)
    if balanced:
        yield f"{balanced} are in points of balanced accuracy, which both sides maximise there."
    other = sum(methods()[c.ours].gain != methods()[c.peer].gain for _, c in tested)
    if other:
        yield f"In {other} skfair maximises accuracy and the peer balanced accuracy."


def _later(found: Findings, tested: Compared) -> Iterator[str]:
    """How many more could be shown by further splits."""
    unsure = [c for _, c in tested if not found.pvalue(c) < 0.05]
    limits = [pvalue_in_the_limit(c.gained, c.n, MARGIN) for c in unsure]
    if unsure:
        yield (
            f"Of the {len(unsure)} not shown, any number of further splits of the same rows would "
            f"show {int(np.sum(holm(np.array(limits)) < 0.05))} at most, if means and spreads "
            "stay: splits share rows."
        )


def _is_same(c: Comparison) -> bool:
    return bool(c.gained.mean == c.gained.low == c.gap.mean == 0)


def _endings(own: Compared, equal: Compared) -> tuple[int, int, int]:
    """How many are shown, open and worse."""
    sure = {id(c) for _, c in equal}
    shown = sum(id(c) in sure for _, c in own)
    worse = sum(is_worse(c) and id(c) not in sure for _, c in own)
    return shown, len(own) - shown - worse, worse


def _by_method(tested: Compared, equal: Compared) -> str:
    """How the comparisons of each method of skfair end."""
    rows = []
    for name in sorted({c.ours for _, c in tested}):
        own = [(p, c) for p, c in tested if c.ours == name]
        peers = ", ".join(sorted({c.peer.split()[0] for _, c in own}))
        same = sum(_is_same(c) for _, c in own)
        rows.append([name, peers, *map(str, [len(own), *_endings(own, equal), same])])
    header = ["skfair", "peers", "comparisons", "shown", "open", "worse", "the same on every row"]
    return table(header, rows)


def _by_place(tested: Compared, equal: Compared) -> str:
    """How the comparisons of each place and criterion end."""
    rows = []
    for place, criterion in dict.fromkeys((p, c.criterion) for p, c in tested):
        own = [(p, c) for p, c in tested if p is place and c.criterion == criterion]
        counts = map(str, [len(own), *_endings(own, equal)])
        rows.append([str(place), criterion.replace("_", " "), *counts])
    return table(["", "criterion", "comparisons", "shown", "open", "worse"], rows)
