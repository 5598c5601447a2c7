"""What a rule reaches on rows: criteria with intervals, beside one cut for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair.criteria import Criterion, Rate, gap_interval
from skfair.groups import Groups
from skfair.postprocessing._constraints import Constraints
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
    """Upper end of the interval of a deterministic rule's violation, in the groups it knows."""
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

    Criteria come first, then each bound of a rate with the worst group's value, then the budget.
    """
    rows = _of_known_groups(rule, rows)
    cells, plain = expected_rows(rule, rows), expected_rows(single, rows)
    table = {}
    for criterion, tol in asked.criteria:
        estimate, low, high = float(criterion(cells)), np.nan, np.nan
        if rule.is_deterministic:
            found: Any = gap_interval(
                rule_tally(rule, *rows), criterion, confidence_level=confidence_level
            )
            low, high = found.low, found.high
        violation = 1 - estimate if criterion.gap == "ratio" else estimate
        allowed = max(rule.effective_tol.get(criterion.name, tol), tol)
        of_single = float(criterion(plain))
        table[criterion.name] = (estimate, low, high, violation, allowed, of_single)
    for rate, low, high in asked.rate_bounds:
        for limit, sign in ((low, 1.0), (high, -1.0)):
            if 0 < limit < 1:
                worst, of_single = (_worst(rate, c, sign) for c in (cells, plain))
                short = max(sign * (limit - worst), 0.0)
                name = f"{rate.name} {'>=' if sign > 0 else '<='} {limit:g}"
                table[name] = (worst, np.nan, np.nan, short, 0.0, of_single)
    if asked.budget is not None:
        share, of_single = (float(c[:, [1, 3]].sum() / c.sum()) for c in (cells, plain))
        over = max(share - asked.budget, 0.0)
        table["budget"] = (share, np.nan, np.nan, over, 0.0, of_single)
    columns = ["estimate", "low", "high", "violation", "allowed", "single_cut"]
    return pd.DataFrame.from_dict(table, orient="index", columns=columns)


def _worst(rate: Rate, cells: Floats, sign: float) -> float:
    """Lowest value of a group, or with a sign of -1 the highest."""
    values = divide(cells @ np.array(rate.numerator), cells @ np.array(rate.denominator))
    return float(sign * np.nanmin(sign * values)) if not np.isnan(values).all() else float("nan")
