"""What a rule reaches on rows: criteria with intervals, beside one cut for all."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.criteria import Criterion, Rate, gap_interval, get_rate, group_intervals
from skfair.groups import Groups
from skfair.postprocessing._constraints import Constraints, bound_name
from skfair.postprocessing.rule import ThresholdRule
from skfair.tally import Tally

Floats = NDArray[np.float64]
Rows = tuple[Floats, NDArray[np.bool_], Groups, Floats]


def rule_tally(
    rule: ThresholdRule,
    scores: Floats,
    positive: NDArray[np.bool_],
    groups: Groups,
    weights: Floats,
) -> Tally:
    """Tally of a deterministic rule's decisions."""
    selected = rule.apply(scores, rule.codes(groups))
    return Tally.from_arrays(
        positive.astype(int), selected.astype(int), groups, sample_weight=weights
    )


def upper_end(
    rule: ThresholdRule, rows: Rows, criterion: Criterion, confidence_level: float
) -> float:
    """Upper end of the interval of a deterministic rule's violation, in the groups it knows.

    One group has nothing that it could differ from.
    """
    if len(rule.labels) < 2:
        return 0.0
    tally = rule_tally(rule, *_of_known_groups(rule, rows))
    found = gap_interval(tally, criterion, confidence_level=confidence_level)
    return float(1 - found.low if criterion.gap == "ratio" else found.high)


def expected_rows(rule: ThresholdRule, rows: Rows) -> Floats:
    """Cells of the expected decisions of any rule, of shape (n_groups, 4)."""
    scores, positive, groups, weights = rows
    chance = rule.probability(scores, rule.codes(groups))
    cells = np.zeros((groups.n_groups, 4))
    parts = (
        (~positive, 1 - chance),
        (~positive, chance),
        (positive, 1 - chance),
        (positive, chance),
    )
    for k, (rows_, share) in enumerate(parts):
        cells[:, k] = np.bincount(groups.codes, rows_ * share * weights, groups.n_groups)
    return cells


def _of_known_groups(rule: ThresholdRule, rows: Rows) -> Rows:
    """Rows of the groups that have a cut of their own."""
    scores, positive, groups, weights = rows
    if len(rule.labels) == groups.n_groups:
        return rows
    known = np.array([label in rule.labels for label in groups.labels])
    kept = np.flatnonzero(known[groups.codes])
    return scores[kept], positive[kept], groups.take(kept), weights[kept]


def reached(
    rule: ThresholdRule,
    single: ThresholdRule,
    rows: Rows,
    asked: Constraints,
    confidence_level: float,
) -> pd.DataFrame:
    """Lay out estimate, interval, violation, allowance, and the estimate of one cut for all.

    Criteria come first, then each bound of a rate with the worst group's value and its interval,
    then the budget with that of the share selected. Randomized rules have no intervals.
    """
    rows = _of_known_groups(rule, rows)
    cells, plain = expected_rows(rule, rows), expected_rows(single, rows)
    tally = rule_tally(rule, *rows) if rule.is_deterministic else None
    table = {}
    for criterion, tol in asked.criteria:
        estimate, low, high = float(criterion(cells)), np.nan, np.nan
        if tally is not None and tally.n_groups > 1:
            low, high = gap_interval(tally, criterion, confidence_level=confidence_level)[1:3]
        violation = 1 - estimate if criterion.gap == "ratio" else estimate
        allowed = max(rule.effective_tol.get(criterion.name, tol), tol)
        table[criterion.name] = (estimate, low, high, violation, allowed, float(criterion(plain)))
    for rate, limit, sign in asked.one_sided:
        g, worst = _worst(rate, cells, sign)
        low, high = _limits(tally, rate, g, confidence_level)
        short, of_single = max(sign * (limit - worst), 0.0), _worst(rate, plain, sign)[1]
        table[bound_name(rate, limit, sign)] = (worst, low, high, short, 0.0, of_single)
    if asked.budget is not None:
        share, of_single = (float(c[:, [1, 3]].sum() / c.sum()) for c in (cells, plain))
        whole = None if tally is None else tally.whole()
        low, high = _limits(whole, get_rate("selection_rate"), 0, confidence_level)
        table["budget"] = (share, low, high, max(share - asked.budget, 0.0), 0.0, of_single)
    columns = ["estimate", "low", "high", "violation", "allowed", "single_cut"]
    return pd.DataFrame.from_dict(table, orient="index", columns=columns)


def _worst(rate: Rate, cells: Floats, sign: float) -> tuple[int, float]:
    """Group with the lowest value, or with a sign of -1 the highest, and that value."""
    values = rate(cells)
    if np.isnan(values).all():
        return 0, float("nan")
    g = int(np.nanargmin(sign * values))
    return g, float(values[g])


def _limits(tally: Tally | None, rate: Rate, g: int, level: float) -> tuple[float, float]:
    """Find the ends of the interval of a group's rate; NaN for randomized rules."""
    if tally is None:
        return float("nan"), float("nan")
    found = group_intervals(tally, rate, confidence_level=level)
    return float(found.low[g]), float(found.high[g])
