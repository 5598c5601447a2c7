"""Blocks of the section on what changed from one model to another."""

from __future__ import annotations

from collections.abc import Iterator

from skfair.reporting._blocks import (
    Block,
    Cell,
    Charts,
    Fold,
    Heading,
    Intervals,
    Items,
    Table,
    Text,
    folded,
)
from skfair.reporting._cells import (
    SHORT,
    count_cell,
    described,
    figure_of,
    gap_cell,
    name_cell,
    plain_cell,
    points_cell,
    share_cell,
)
from skfair.reporting._document_frontier import frontier_blocks
from skfair.reporting._plain import Plain
from skfair.reporting._words import CRITERIA, RATES, SIDES, count, group_name

_GAPS = {"up": "wider", "down": "narrower", "unclear": "no clear change", "undefined": "undefined"}
_RATIOS = _GAPS | {"up": "nearer to parity", "down": "further from parity"}
_RATES = {"up": "higher", "down": "lower", "unclear": "no clear change", "undefined": "undefined"}
_MOST_NAMES = 8


def mitigation_sentences(part: Plain) -> list[str]:
    """Say in sentences what changed clearly, what it cost, and who is worse off than before."""
    found = [f"Accuracy {_changed(line)}." for line in part["cost"] if line["rate"] == "accuracy"]
    unclear = []
    for by in part["criteria"]:
        for line in by["criteria"]:
            if len(by["by"]) > 1 or line["gap"] == "ratio":
                continue
            name = f"{CRITERIA[line['criterion']].title} by {by['by'][0]}"
            if line["direction"] in ("up", "down"):
                found.append(f"{name}: the gap {_changed(line)}.")
            else:
                unclear.append(name)
    if unclear:
        found.append(f"No clear change of the gaps of: {', '.join(unclear)}.")
    return found + _worse([by for by in part["groups"] if len(by["by"]) == 1])


def _changed(line: Plain) -> str:
    if line["direction"] == "undefined":
        return "is undefined before or after"
    before, after = (f"{100 * line[side]['estimate']:.1f}" for side in SIDES)
    change = points_cell(line["change"]).text
    unclear = ", no clear change" if line["direction"] == "unclear" else ""
    return f"went from {before} to {after}: {change} points{unclear}"


def _worse(parts: list[Plain]) -> list[str]:
    """Name the groups of which a rate is clearly worse than before."""
    found = []
    for by in parts:
        for rate in by["rates"]:
            worse = "up" if rate["rate"] == "false_positive_rate" else "down"
            if rate["rate"] == "selection_rate":
                continue  # being selected is no good or ill by itself
            names = [
                group_name(line["group"], SHORT)
                for line in rate["groups"]
                if line["direction"] == worse
            ]
            if names:
                more = len(names) - _MOST_NAMES
                rest = f" and {more} more" if more > 0 else ""
                found.append(
                    f"{RATES[rate['rate']].title} by {' and '.join(by['by'])} is clearly "
                    f"{_RATES[worse]} than before for: {'; '.join(names[:_MOST_NAMES])}{rest}."
                )
    features = " or ".join(" and ".join(by["by"]) for by in parts)
    return found or [f"No group by {features} has a rate that is clearly worse than before."]


def _worse_together(part: Plain) -> list[str]:
    together = [by for by in part["groups"] if len(by["by"]) > 1]
    return _worse(together) if together else []


def mitigation_blocks(part: Plain) -> Iterator[Block]:
    """Lay the section on a change of model out."""
    yield Text(_how_compared(part))
    yield Items([*mitigation_sentences(part), *_worse_together(part)])
    yield from _cost(part["cost"])
    yield from frontier_blocks(part.get("frontier", []))
    yield from _criteria(part["criteria"])
    yield from _groups(part["groups"])


def _how_compared(part: Plain) -> str:
    rows = part["n_rows"]
    how = (
        f"Both models decided on the same {count(rows['after'])} rows, and changes are measured "
        "row by row."
        if part["is_paired"]
        else f"Before, the model decided on {count(rows['before'])} rows, afterwards on "
        f"{count(rows['after'])}; they are compared as independent samples."
    )
    return (
        f"{how} Mending one criterion can break another, so all of them, and all groups, are "
        "checked again. A change is called clear where its interval leaves 0 out; of many such "
        "intervals some do so by chance. Changes are in percentage points."
    )


def _cost(lines: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "What it cost")
    yield Table(
        "All rows together, before and after",
        ["Rate", "Before", "After", "Change", "In words"],
        [
            [
                Cell(RATES[line["rate"]].title),
                share_cell(line["before"]),
                share_cell(line["after"]),
                points_cell(line["change"]),
                Cell(_RATES[line["direction"]]),
            ]
            for line in lines
        ],
        texts=[4],
    )


def _criteria(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "Every criterion, before and after")
    yield Charts([_gaps(part) for part in parts])
    for part in parts:
        table = Table(
            f"Gaps by {' and '.join(part['by'])}",
            ["Criterion", "Before", "After", "Change", "In words"],
            [_gap_line(line) for line in part["criteria"]],
            texts=[4],
        )
        yield table if len(part["by"]) == 1 else folded(part["by"], [table])


def _gaps(part: Plain) -> Intervals:
    title = f"Gaps by {' and '.join(part['by'])}, before and after"
    lines = [
        (CRITERIA[line["criterion"]].title, [figure_of(line[side]) for side in SIDES])
        for line in part["criteria"]
        if line["gap"] == "difference"
    ]
    spoken = [
        (f"{name} {when}", figure)
        for name, figures in lines
        for when, figure in zip(SIDES, figures, strict=True)
    ]
    return Intervals(title, described(title, spoken, most=20), lines, SIDES)


def _gap_line(line: Plain) -> list[Cell]:
    is_ratio = line["gap"] == "ratio"
    return [
        Cell(CRITERIA[line["criterion"]].title),
        *(gap_cell(line[side], line["gap"]) for side in SIDES),
        plain_cell(line["change"]) if is_ratio else points_cell(line["change"]),
        Cell((_RATIOS if is_ratio else _GAPS)[line["direction"]]),
    ]


def _groups(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "Every group, before and after")
    for part in parts:
        lines = [
            [
                name_cell(line["group"]),
                Cell(RATES[rate["rate"]].title),
                count_cell(line["n_after"]),
                share_cell(line["before"]),
                share_cell(line["after"]),
                points_cell(line["change"]),
                Cell(_RATES[line["direction"]]),
            ]
            for rate in part["rates"]
            for line in rate["groups"]
        ]
        table = Table(
            f"Rates by {' and '.join(part['by'])}, before and after",
            ["Group", "Rate", "Rows", "Before", "After", "Change", "In words"],
            lines,
            texts=[1, 6],
        )
        yield Fold(f"By {' and '.join(part['by'])}", [table])
