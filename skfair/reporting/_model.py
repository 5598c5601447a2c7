"""The section on the model: rates by group, criteria with intervals and p-values."""

from __future__ import annotations

from typing import Any

import numpy as np

from skfair.criteria import (
    CRITERIA,
    Criterion,
    Limits,
    disparity_test,
    gap_interval,
    group_intervals,
    holm,
)
from skfair.reporting import _words
from skfair.reporting._inputs import Audited
from skfair.reporting._options import Options
from skfair.reporting._plain import Plain, estimate, group_values, number
from skfair.tally import Tally

RATES = tuple(_words.RATES)
_WIDTH = 40


def performance(audited: Audited, level: float) -> list[Plain]:
    """Rates of all rows together."""
    return rates_of_groups(audited.tally.whole(), audited.pos_label, level, overall=True)


def rates(audited: Audited, level: float) -> list[Plain]:
    """Rates of each group."""
    return [
        {"by": [*view.names], "rates": rates_of_groups(view, audited.pos_label, level)}
        for view in audited.views()
    ]


def rates_of_groups(
    view: Tally, pos_label: Any, level: float, *, overall: bool = False
) -> list[Plain]:
    """Every rate that a report shows, of every group of a tally."""
    found = []
    for name in RATES:
        part = group_intervals(view, name, confidence_level=level, pos_label=pos_label)
        lines = [
            {"n": int(part.n[i]), **estimate(part.rate[i], part.low[i], part.high[i])}
            for i in range(view.n_groups)
        ]
        if overall:
            found.append({"rate": name, **lines[0]})
        else:
            groups = [
                {"group": group_values(label), **line}
                for label, line in zip(view.labels, lines, strict=True)
            ]
            found.append({"rate": name, "groups": groups})
    return found


def criteria(audited: Audited, options: Options) -> list[Plain]:
    """Gaps between groups, with intervals, p-values and a sentence on each."""
    found: list[Plain] = []
    lines: list[Plain] = []
    for view in audited.views():
        part = [
            _criterion(CRITERIA[name], view, audited.pos_label, options) for name in _words.CRITERIA
        ]
        found.append({"by": [*view.names], "criteria": part})
        lines += part
    _adjust(lines)
    return found


def gap_limits(criterion: Criterion, view: Tally, pos_label: Any, options: Options) -> Limits:
    """Gap of a criterion between the groups of a tally that are large enough."""
    found = gap_interval(
        view,
        criterion,
        confidence_level=options.confidence_level,
        pos_label=pos_label,
        min_group_size=options.min_group_size,
    )
    return Limits(found.estimate, found.low, found.high)


def _criterion(criterion: Criterion, view: Tally, pos_label: Any, options: Options) -> Plain:
    line: Plain = {
        "criterion": criterion.name,
        "gap": criterion.gap,
        "fair_value": 0 if criterion.gap == "difference" else 1,
        **estimate(*gap_limits(criterion, view, pos_label, options)),
        "pvalue": None,
        "adjusted_pvalue": None,
        "is_approximate": None,
        **_furthest(criterion, view, pos_label, options.min_group_size),
    }
    if criterion.gap == "difference" and line["estimate"] is not None:
        test = disparity_test(
            view,
            criterion,
            pos_label=pos_label,
            min_group_size=options.min_group_size,
            random_state=options.random_state,
            n_resamples=options.n_resamples,
        )
        line |= {"pvalue": number(test.pvalue), "is_approximate": bool(test.approximate)}
    return line | {"sentence": _sentence(line)}


def _furthest(criterion: Criterion, view: Tally, pos_label: Any, min_group_size: int) -> Plain:
    """Find the rate and the two groups that are furthest apart."""
    cells = view.cells(pos_label)
    kept = np.flatnonzero(view.group_counts >= min_group_size)
    best: Plain = {"rate": None, "lowest": None, "highest": None}
    widest = -1.0
    for rate in criterion.rates:
        values = rate(cells[kept]) if len(kept) else np.empty(0)
        defined = np.flatnonzero(~np.isnan(values))
        if len(defined) < 2:
            continue
        low = defined[values[defined].argmin()]
        high = defined[values[defined].argmax()]
        if values[high] - values[low] > widest:
            widest = float(values[high] - values[low])
            ends = [
                {"group": group_values(view.labels[kept[i]]), "estimate": number(values[i])}
                for i in (low, high)
            ]
            best = {"rate": rate.name, "lowest": ends[0], "highest": ends[1]}
    return best


def _sentence(line: Plain) -> str:
    if line["estimate"] is None or line["lowest"] is None:
        return "Not defined here: fewer than two groups can be compared."
    rate = _words.RATES[line["rate"]].title
    low, high = (
        f"{_words.percent(end['estimate'])} for {_words.group_name(end['group'], _WIDTH)}"
        for end in (line["lowest"], line["highest"])
    )
    where = f"{low}, {high}"
    if line["lowest"]["estimate"] == line["highest"]["estimate"]:
        where = f"{_words.percent(line['lowest']['estimate'])} in all groups"
    if line["gap"] == "ratio":
        size = (
            f"the ratio is {_words.plain(line['estimate'])} "
            f"({_words.plain(line['low'])} to {_words.plain(line['high'])})"
        )
    else:
        size = (
            f"{100 * line['estimate']:.1f} points apart "
            f"({100 * line['low']:.1f} to {100 * line['high']:.1f})"
        )
    return f"{rate}: {where}; {size}."


def _adjust(lines: list[Plain]) -> None:
    """Add Holm's p-values over all criteria and features."""
    tested = [line for line in lines if line["pvalue"] is not None]
    if tested:
        adjusted = holm(np.array([line["pvalue"] for line in tested]))
        for line, value in zip(tested, adjusted, strict=True):
            line["adjusted_pvalue"] = number(value)
