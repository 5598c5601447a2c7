"""Criteria: pure functions over cells, for numpy arrays and torch tensors.

``rates`` are ratios of two linear sums over (tn, fp, fn, tp), ``gaps`` compare groups, and a
``Criterion`` is rates x gap x combination under one name.
"""

from __future__ import annotations

from skfair.criteria._limits import wilson_interval
from skfair.criteria._permutation import DisparityTest, disparity_test
from skfair.criteria.cells import cells_of
from skfair.criteria.criterion import (
    CRITERIA,
    Combination,
    Criterion,
    Evaluation,
    Gap,
    Method,
    evaluate,
    get_criterion,
    parse_metric,
)
from skfair.criteria.gaps import between, difference, ratio, to_overall, worst
from skfair.criteria.inference import (
    GapInterval,
    GroupIntervals,
    PairIntervals,
    gap_interval,
    group_intervals,
    pair_intervals,
)
from skfair.criteria.rates import RATES, Rate, get_rate

__all__ = [
    "CRITERIA",
    "RATES",
    "Combination",
    "Criterion",
    "DisparityTest",
    "Evaluation",
    "Gap",
    "GapInterval",
    "GroupIntervals",
    "Method",
    "PairIntervals",
    "Rate",
    "between",
    "cells_of",
    "difference",
    "disparity_test",
    "evaluate",
    "gap_interval",
    "get_criterion",
    "get_rate",
    "group_intervals",
    "pair_intervals",
    "parse_metric",
    "ratio",
    "to_overall",
    "wilson_interval",
    "worst",
]
