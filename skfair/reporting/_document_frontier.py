"""Blocks of the part on models that were weighed against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skfair.reporting._blocks import (
    Block,
    Cell,
    Charts,
    Heading,
    Point,
    Points,
    Table,
    Text,
    folded,
)
from skfair.reporting._cells import SHORT, figure_of, gap_cell, share_cell
from skfair.reporting._plain import Plain
from skfair.reporting._words import CRITERIA, group_name

_ABOUT = (
    "Each model's accuracy against its violation of a criterion, on the rows of this report. A "
    "model is unbeaten where no other is as accurate and as fair, and better in one of the two. To "
    "choose a model by these figures would flatter it: choose on other rows, and judge it here."
)


def frontier_blocks(parts: Sequence[Plain]) -> Iterator[Block]:
    """Lay out what the models gave up and gained; nothing where only two were compared."""
    if not parts or len(parts[0]["models"]) < 3:
        return
    yield Heading(3, "What was weighed")
    yield Text(_ABOUT)
    for by in dict.fromkeys(tuple(part["by"]) for part in parts):
        own = [part for part in parts if tuple(part["by"]) == by]
        blocks: list[Charts | Table] = [Charts([_chart(part) for part in own]), _table(own)]
        if len(by) == 1:
            yield from blocks
        else:
            yield folded(by, blocks)


def _title(part: Plain) -> str:
    return f"{CRITERIA[part['criterion']].title} by {' and '.join(part['by'])}"


def _chart(part: Plain) -> Points:
    points = [
        Point(
            group_name([line["name"]], SHORT),
            figure_of(line["violation"]),
            figure_of(line["accuracy"]),
            line["is_unbeaten"],
        )
        for line in part["models"]
    ]
    said = "; ".join(
        f"{group_name([line['name']], SHORT)} {share_cell(line['accuracy']).text} at "
        f"{gap_cell(line['violation'], 'difference').text}"
        for line in part["models"][:12]
    )
    more = len(points) - 12
    rest = f"; and {more} more" if more > 0 else ""
    title = _title(part)
    alt = f"{title}: accuracy at a violation in points, {said}{rest}."
    return Points(title, alt, "Violation, points", "Accuracy, %", points)


def _table(parts: Sequence[Plain]) -> Table:
    names = [CRITERIA[part["criterion"]].title for part in parts]
    lines = []
    for same in zip(*(part["models"] for part in parts), strict=True):
        cells = [gap_cell(line["violation"], "difference") for line in same]
        unbeaten = [n.lower() for n, line in zip(names, same, strict=True) if line["is_unbeaten"]]
        words = Cell(", ".join(unbeaten) or "none")
        lines.append([Cell(same[0]["name"]), share_cell(same[0]["accuracy"]), *cells, words])
    return Table(
        f"Models by {' and '.join(parts[0]['by'])}: accuracy, and violations in points",
        ["Model", "Accuracy", *names, "Unbeaten for"],
        lines,
        texts=[2 + len(names)],
    )
