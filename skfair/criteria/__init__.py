"""Criteria: pure functions over cells, for numpy arrays and torch tensors.

``rates`` are ratios of two linear sums over (tn, fp, fn, tp), ``gaps`` compare groups, and a
``Criterion`` is rates x gap x combination under one name.
"""

from __future__ import annotations

from skfair.criteria._bounds import rate_steps, read_criteria, read_decisive
from skfair.criteria._limits import (
    Limits,
    average_limits,
    difference_limits,
    ratio_limits,
    wilson_interval,
)
from skfair.criteria._multiple import holm, never_zero
from skfair.criteria._permutation import DisparityTest, disparity_test
from skfair.criteria._simultaneous import critical_value
from skfair.criteria.cells import cells_of
from skfair.criteria.contrasts import Contrasts, contrasts, contrasts_to_rest, whole_rows
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
from skfair.criteria.distributions import (
    DIVERGENCES,
    ClassSums,
    Divergence,
    divergence_limits,
    lp_divergence,
    ordered_limits,
    share_limits,
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
from skfair.criteria.objective import Objective, read_objective
from skfair.criteria.rates import RATES, Rate, get_rate

__all__ = [
    "CRITERIA",
    "DIVERGENCES",
    "RATES",
    "ClassSums",
    "Combination",
    "Contrasts",
    "Criterion",
    "DisparityTest",
    "Divergence",
    "Evaluation",
    "Gap",
    "GapInterval",
    "GroupIntervals",
    "Limits",
    "Method",
    "Objective",
    "PairIntervals",
    "Rate",
    "average_limits",
    "between",
    "cells_of",
    "contrasts",
    "contrasts_to_rest",
    "critical_value",
    "difference",
    "difference_limits",
    "disparity_test",
    "divergence_limits",
    "evaluate",
    "gap_interval",
    "get_criterion",
    "get_rate",
    "group_intervals",
    "holm",
    "lp_divergence",
    "never_zero",
    "ordered_limits",
    "pair_intervals",
    "parse_metric",
    "rate_steps",
    "ratio",
    "ratio_limits",
    "read_criteria",
    "read_decisive",
    "read_objective",
    "share_limits",
    "to_overall",
    "whole_rows",
    "wilson_interval",
    "worst",
]
