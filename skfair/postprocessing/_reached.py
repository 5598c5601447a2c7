"""What a rule reaches on rows: criteria with intervals, beside one cut for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.criteria import Criterion, gap_interval
from skfair.groups import Groups
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


def expected_gap(rule: ThresholdRule, rows: Rows, criterion: Criterion) -> float:
    """Gap of the expected decisions of any rule."""
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
    return float(criterion(cells))


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
    criteria: tuple[tuple[Criterion, float], ...],
    confidence_level: float,
) -> pd.DataFrame:
    """Lay out estimate, interval, violation, allowance, and the estimate of one cut for all."""
    table = {}
    rows = _of_known_groups(rule, rows)
    for criterion, tol in criteria:
        estimate, low, high = expected_gap(rule, rows, criterion), np.nan, np.nan
        if rule.is_deterministic:
            found: Any = gap_interval(
                rule_tally(rule, *rows), criterion, confidence_level=confidence_level
            )
            low, high = found.low, found.high
        allowed = rule.effective_tol.get(criterion.name, tol)
        table[criterion.name] = {
            "estimate": estimate,
            "low": low,
            "high": high,
            "violation": 1 - estimate if criterion.gap == "ratio" else estimate,
            "allowed": max(allowed, tol),
            "single_cut": expected_gap(single, rows, criterion),
        }
    columns = ["estimate", "low", "high", "violation", "allowed", "single_cut"]
    return pd.DataFrame.from_dict(table, orient="index", columns=columns)
