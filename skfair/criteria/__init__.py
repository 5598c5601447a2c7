"""Criteria: pure functions over cells, for numpy arrays and torch tensors.

``rates`` are ratios of two linear sums over (tn, fp, fn, tp), ``gaps`` compare groups, and a
``Criterion`` is rates x gap x combination under one name.
"""

from __future__ import annotations

from skfair.criteria.criterion import (
    CRITERIA,
    Criterion,
    Evaluation,
    evaluate,
    get_criterion,
    parse_metric,
)
from skfair.criteria.gaps import between, difference, ratio, to_overall, worst
from skfair.criteria.rates import RATES, Rate, get_rate

__all__ = [
    "CRITERIA",
    "RATES",
    "Criterion",
    "Evaluation",
    "Rate",
    "between",
    "difference",
    "evaluate",
    "get_criterion",
    "get_rate",
    "parse_metric",
    "ratio",
    "to_overall",
    "worst",
]
