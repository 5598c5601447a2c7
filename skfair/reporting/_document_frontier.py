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
from skfair.reporting._cells import figure_of, gap_cell, name_cell, share_cell
from skfair.reporting._plain import Plain
from skfair.reporting._words import CRITERIA, SIDES, group_name

_MOST_NAMED = 12
_SHORT = 34
_ABOUT = (
    "Each model's accuracy against its violation of a criterion. A model is unbeaten where no "
    "other is as accurate and as fair, and better in one of the two; intervals overlap, so on "
    "other rows it may be another one. To choose a model by these figures would flatter it: choose "
    "on other rows, and judge it here. In a chart of many models, those that are beaten are small "
    "dots without a name."
)


def frontier_blocks(parts: Sequence[Plain]) -> Iterator[Block]:
    """Lay out what the models gave up and gained; nothing where only two were compared."""
    if not parts or len(parts[0]["models"]) < 3:
        return
    yield Heading(3, "What was weighed")
    yield Text(_ABOUT)
    for by in dict.fromkeys(tuple(part["by"]) for part in parts):
        own = [part for part in parts if tuple(part["by"]) == by]
        charts = [chart for part in own if (chart := _chart(part)) is not None]
        blocks = [Charts(charts)] * bool(charts) + [_table(own)]
        if len(by) == 1:
            yield from blocks
        else:
            yield folded(by, blocks)


def _chart(part: Plain) -> Points | None:
    has_names = len(part["models"]) <= _MOST_NAMED
    points = [
        Point(
            group_name([line["name"]], _SHORT),
            figure_of(line["violation"]),
            figure_of(line["accuracy"]),
            line["is_unbeaten"],
            has_names or line["is_unbeaten"] or line["name"] in SIDES,
        )
        for line in part["models"]
    ]
    if not any(point.is_defined for point in points):
        return None
    title = f"{CRITERIA[part['criterion']].title} by {' and '.join(part['by'])}"
    named = [
        f"{point.name} {share_cell(line['accuracy']).text} at "
        f"{gap_cell(line['violation'], 'difference').text}"
        for point, line in zip(points, part["models"], strict=True)
        if point.is_named
    ]
    rest = f"; and {more} more" if (more := len(points) - len(named)) else ""
    alt = f"{title}: accuracy at a violation in points, {'; '.join(named)}{rest}."
    return Points(title, alt, "Violation, points", "Accuracy, %", points)


def _table(parts: Sequence[Plain]) -> Table:
    names = [CRITERIA[part["criterion"]].title for part in parts]
    lines = []
    for same in zip(*(part["models"] for part in parts), strict=True):
        cells = [gap_cell(line["violation"], "difference") for line in same]
        unbeaten = [n.lower() for n, line in zip(names, same, strict=True) if line["is_unbeaten"]]
        words = Cell(", ".join(unbeaten) or "none")
        lines.append([name_cell([same[0]["name"]]), share_cell(same[0]["accuracy"]), *cells, words])
    return Table(
        f"Models by {' and '.join(parts[0]['by'])}: accuracy, and violations in points",
        ["Model", "Accuracy", *names, "Unbeaten for"],
        lines,
        texts=[2 + len(names)],
    )
