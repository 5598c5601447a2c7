"""Blocks of the section on the model."""

from __future__ import annotations

from collections.abc import Iterator

from skfair.reporting._blocks import (
    Block,
    Cell,
    Charts,
    Curves,
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
    percent_cell,
    plain_cell,
    points_cell,
    pvalue_cell,
    share_cell,
)
from skfair.reporting._document_data import MOST_DRAWN
from skfair.reporting._plain import Plain
from skfair.reporting._words import CONFLICT, CRITERIA, RATES, count, group_name, percent

_MOST_CURVES = 10


def model_blocks(model: Plain) -> Iterator[Block]:
    """Lay the section on the model out."""
    if "performance" in model or "rates" in model:
        yield Items([f"{words.title}: {words.meaning}" for words in RATES.values()])
    if "performance" in model:
        yield from _performance(model["performance"])
    if "rates" in model:
        yield from _rates(model["rates"])
    if "criteria" in model:
        yield from _criteria(model["criteria"])
    if "roc" in model:
        yield from _roc(model["roc"])
    if "calibration" in model:
        yield from _calibration(model["calibration"])
    if "weak_slices" in model:
        yield from _weak_slices(model["weak_slices"])
    if model.get("attribution"):
        yield from _attribution(model["attribution"])


def _performance(lines: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "All rows together")
    yield Table(
        "Rates of all rows",
        ["Rate", "Estimate", "Rows"],
        [
            [
                Cell(RATES[line["rate"]].title),
                share_cell(line),
                count_cell(line["n"]),
            ]
            for line in lines
        ],
    )


def _rates(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "Rates by group")
    yield Text(
        "n is the number of rows that a rate is about: of the true positive rate those with a "
        "positive label, of the precision those that the model calls positive."
    )
    for part in parts:
        blocks: list[Charts | Table] = []
        if len(part["rates"][0]["groups"]) <= MOST_DRAWN:
            drawn = [rate for rate in part["rates"] if rate["rate"] != "base_rate"]
            blocks.append(Charts([_rate_chart(rate, part["by"]) for rate in drawn]))
        blocks.append(_rate_table(part))
        if len(part["by"]) == 1:
            yield from blocks
        else:
            yield folded(part["by"], blocks)


def _rate_chart(rate: Plain, by: list[str]) -> Intervals:
    title = f"{RATES[rate['rate']].title} by {' and '.join(by)}"
    figures = [
        (f"{group_name(line['group'], SHORT)} (n = {count(line['n'])})", figure_of(line))
        for line in rate["groups"]
    ]
    return Intervals(
        title, described(title, figures), [(name, [figure]) for name, figure in figures]
    )


def _rate_table(part: Plain) -> Table:
    return Table(
        f"Rates by {' and '.join(part['by'])}",
        ["Group", "Rows", *(RATES[rate["rate"]].title for rate in part["rates"])],
        [
            [
                name_cell(lines[0]["group"]),
                count_cell(lines[0]["n"]),
                *(share_cell(line) for line in lines),
            ]
            for lines in zip(*(rate["groups"] for rate in part["rates"]), strict=True)
        ],
    )


def _criteria(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "Criteria")
    yield Text(CONFLICT)
    yield Items([f"{words.title}: {words.meaning}" for words in CRITERIA.values()])
    yield Text(
        "A gap is the largest difference between any two groups, in percentage points: 0 is "
        "parity. Its interval holds for all pairs of groups. The p-value says how often chance "
        "alone would make groups differ so, if the rates were equal; it is adjusted for all "
        "criteria and features. A small one doesn't make a gap large, and a large one doesn't "
        "make it none."
    )
    for part in parts:
        table = Table(
            f"Gaps by {' and '.join(part['by'])}",
            ["Criterion", "Gap", "p (adjusted)", "In words"],
            [
                [
                    Cell(CRITERIA[line["criterion"]].title),
                    gap_cell(line, line["gap"]),
                    pvalue_cell(line["adjusted_pvalue"])
                    if line["gap"] == "difference"
                    else Cell("as parity"),
                    Cell(line["sentence"]),
                ]
                for line in part["criteria"]
            ],
            texts=[3],
        )
        yield table if len(part["by"]) == 1 else folded(part["by"], [table])


def _roc(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "How well scores rank within each group")
    yield Text(
        "The area under the ROC curve is the chance that a positive row has a higher score than "
        "a negative one of the same group: 0.5 is chance, 1 is perfect. Equal areas don't make one "
        "threshold treat groups alike."
    )
    charts = [chart for part in parts if (chart := _curves(part)) is not None]
    if charts:
        yield Charts(charts)
    for part in parts:
        table = Table(
            f"Area under the ROC curve by {' and '.join(part['by'])}",
            ["Group", "Positive rows", "Negative rows", "Area"],
            [
                [
                    name_cell(line["group"]),
                    count_cell(line["n_positive"]),
                    count_cell(line["n_negative"]),
                    plain_cell(line, 3),
                ]
                for line in part["groups"]
            ],
        )
        yield table if len(part["by"]) == 1 else folded(part["by"], [table])


def _curves(part: Plain) -> Curves | None:
    groups = [line for line in part["groups"] if len(line["fpr"]) > 1]
    if not groups or len(groups) > _MOST_CURVES:
        return None
    title = f"ROC curves by {' and '.join(part['by'])}"
    areas = [(group_name(line["group"], SHORT), figure_of(line)) for line in groups]
    alt = described(f"{title}, with the areas under them", areas, is_share=False)
    lines = [(group_name(line["group"], SHORT), line["fpr"], line["tpr"]) for line in groups]
    return Curves(title, alt, "False positive rate", "True positive rate", lines)


def _calibration(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "Whether probabilities mean what they say")
    yield Text(
        "In the large: the share of positive labels less the mean probability, in percentage "
        "points; above 0 the group's chance is underestimated. The error is the typical "
        "distance within bins of the probability, less what chance adds; an error below 0 is to be "
        "read as 0."
    )
    for part in parts:
        table = Table(
            f"Calibration by {' and '.join(part['by'])}",
            ["Group", "Rows", "Positive labels", "Mean probability", "In the large", "Error"],
            [
                [
                    name_cell(line["group"]),
                    count_cell(line["n"]),
                    percent_cell(line["mean_label"]),
                    percent_cell(line["mean_probability"]),
                    points_cell(line["in_the_large"]),
                    points_cell(line["error"]),
                ]
                for line in part["groups"]
            ],
        )
        yield table if len(part["by"]) == 1 else folded(part["by"], [table])


def _weak_slices(part: Plain) -> Iterator[Block]:
    yield Heading(3, "Where errors concentrate")
    yield Text(
        f"Of all rows {percent(part['mean_error'])} are predicted wrong. These combinations of "
        "values have more; the difference, in percentage points, is to all other rows. P-values "
        f"are corrected for the {count(part['n_tested'])} slices that could have been reported; "
        "intervals aren't, so the largest differences are somewhat too large."
    )
    if not part["slices"]:
        return
    yield Table(
        "Weak slices",
        ["Slice", "Rows", "Wrong", "Wrong elsewhere", "Difference", "p (corrected)"],
        [
            [
                Cell(line["slice"]),
                count_cell(line["n"]),
                percent_cell(line["mean_error"]),
                percent_cell(line["rest_error"]),
                points_cell(line),
                pvalue_cell(line["adjusted_pvalue"]),
            ]
            for line in part["slices"]
        ],
    )


def _attribution(parts: list[Plain]) -> Iterator[Block]:
    yield Heading(3, "What moves a group's predictions")
    yield Text(
        "Shapley values share a group's mean prediction, less that of all others, out among the "
        "features. They say what the model does, and not why; intervals are over sampled rows."
    )
    for part in parts:
        table = Table(
            f"Features that move predictions by {' and '.join(part['by'])}",
            ["Feature", "Group", "Moves the mean score by"],
            [
                [Cell(line["feature"]), name_cell(line["group"]), plain_cell(line, 3)]
                for line in part["gaps"]
            ],
            texts=[1],
        )
        is_long = len(table.lines) > MOST_DRAWN
        yield Fold(f"By {part['by'][0]}", [table]) if is_long else table
