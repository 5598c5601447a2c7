"""Blocks of the section on the data."""

from __future__ import annotations

from collections.abc import Iterator

from skfair.reporting._blocks import Block, Cell, Charts, Heading, Intervals, Table, Text, folded
from skfair.reporting._cells import (
    SHORT,
    count_cell,
    described,
    figure_of,
    name_cell,
    number_cell,
    plain_cell,
    points_cell,
    pvalue_cell,
    share_cell,
)
from skfair.reporting._plain import Plain
from skfair.reporting._words import count, group_name

MOST_DRAWN = 24


def data_blocks(data: Plain) -> Iterator[Block]:
    """Lay the section on the data out."""
    if "representation" in data:
        yield from _representation(data["representation"])
    if "pretraining" in data:
        yield from _pretraining(data["pretraining"])
    if data.get("proxies"):
        yield from _proxies(data["proxies"])
    if "duplicates" in data:
        yield from _duplicates(data["duplicates"])
    if "label_noise" in data:
        yield from _label_noise(data["label_noise"])


def _representation(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "Who is in the data")
    yield Text(
        "The base rate is the share of a group's rows whose label is positive. It is what the "
        "labels say, not what people deserve."
    )
    charts = [_base_rates(part) for part in parts if len(part["groups"]) <= MOST_DRAWN]
    if charts:
        yield Charts(charts)
    for part in parts:
        table = Table(
            f"Rows and base rates by {' and '.join(part['by'])}",
            ["Group", "Rows", "Share of rows", "Base rate"],
            [
                [
                    name_cell(line["group"]),
                    count_cell(line["n"]),
                    share_cell(line["share"]),
                    share_cell(line["base_rate"]),
                ]
                for line in part["groups"]
            ],
        )
        yield table if len(part["by"]) == 1 else folded(part["by"], [table])


def _base_rates(part: Plain) -> Intervals:
    title = f"Base rate by {' and '.join(part['by'])}"
    figures = [
        (
            f"{group_name(line['group'], SHORT)} (n = {count(line['n'])})",
            figure_of(line["base_rate"]),
        )
        for line in part["groups"]
    ]
    return Intervals(
        title, described(title, figures), [(name, [figure]) for name, figure in figures]
    )


def _pretraining(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "What the labels say by group")
    yield Text(
        "Each group against all others, before any model. The label disparity is the share of "
        "positive labels among the others less that in the group, in percentage points: above 0 "
        "the group has fewer. The ratio divides the group's share by that of the others: 1 is "
        "parity. The Jensen-Shannon divergence is 0 where labels are distributed alike."
    )
    for part in parts:
        table = Table(
            f"Labels by {' and '.join(part['by'])}",
            ["Group", "Label disparity", "p", "Ratio", "Jensen-Shannon divergence"],
            [
                [
                    name_cell(line["group"]),
                    points_cell(line["label_disparity"]),
                    pvalue_cell(line["label_disparity"]["pvalue"]),
                    plain_cell(line["label_disparate_impact"]),
                    plain_cell(line["js_divergence"], 3),
                ]
                for line in part["groups"]
            ],
        )
        yield table if len(part["by"]) == 1 else folded(part["by"], [table])


def _proxies(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "Columns that give a group away")
    yield Text(
        "Leaving a sensitive column out doesn't help where others stand in for it. The AUC says "
        "how well a column alone tells the groups apart on rows that weren't used to learn it: 0.5 "
        "is not at all, 1 is perfectly. These figures have no interval."
    )
    for part in parts:
        table = Table(
            f"Proxies of {' and '.join(part['by'])}",
            ["Column", "AUC", "Normalised mutual information"],
            [
                [
                    Cell(line["column"]),
                    number_cell(line["auc"]),
                    number_cell(line["normalized_mutual_information"]),
                ]
                for line in part["columns"]
            ],
        )
        yield table if len(part["by"]) == 1 else folded(part["by"], [table])


def _duplicates(part: Plain) -> Iterator[Block]:
    yield Heading(3, "Copies")
    if not part["n_duplicates"]:
        yield Text("No two rows have the same features.")
        return
    yield Text(
        f"{count(part['n_duplicates'])} rows have the same features as an earlier row. That "
        "may be chance where columns are few or coarse; copies of one person count twice, and "
        "make intervals too narrow."
    )
    table = Table(
        f"Copies by {' and '.join(part['by'])}",
        ["Group", "Rows", "Copies", "Share"],
        [
            [
                name_cell(line["group"]),
                count_cell(line["n"]),
                count_cell(line["n_duplicates"]),
                share_cell(line),
            ]
            for line in part["groups"]
        ],
    )
    yield table if len(part["by"]) == 1 else folded(part["by"], [table])


def _label_noise(part: Plain) -> Iterator[Block]:
    yield Heading(3, "Labels that the scores contradict")
    yield Text(
        "The share of labels that confident learning suspects. Where classes overlap it is too "
        "large, and a larger share in a group is no evidence that its labels are worse."
    )
    yield Table(
        f"Suspect labels by {' and '.join(part['by'])}",
        ["Group", "Rows", "Suspects", "Share"],
        [
            [
                name_cell(line["group"]),
                count_cell(line["n"]),
                count_cell(line["n_suspect"]),
                share_cell(line),
            ]
            for line in part["groups"]
        ],
    )
