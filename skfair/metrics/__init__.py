"""Named metrics, scorers, and the choice of a fair model."""

from __future__ import annotations

from skfair.metrics import _families
from skfair.metrics._base_metrics import count, mean_prediction
from skfair.metrics._derived import make_derived_metric
from skfair.metrics._families import *  # noqa: F403
from skfair.metrics._metric_frame import MetricFrame
from skfair.metrics._odds import (
    average_abs_odds_difference,
    average_odds_difference,
    equal_opportunity_difference,
    equal_opportunity_ratio,
    equalized_odds_difference,
    equalized_odds_ratio,
    predictive_equality_difference,
    predictive_equality_ratio,
)
from skfair.metrics._parity import (
    accuracy_parity_difference,
    demographic_parity_difference,
    demographic_parity_ratio,
    disparate_impact,
    predictive_parity_difference,
    predictive_parity_ratio,
)
from skfair.metrics._rates import (
    false_discovery_rate,
    false_negative_rate,
    false_omission_rate,
    false_positive_rate,
    negative_predictive_value,
    positive_predictive_value,
    selection_rate,
    true_negative_rate,
    true_positive_rate,
)
from skfair.metrics._scorers import fairness_scorer, fairness_scoring, performance_scorer
from skfair.metrics._selection import select_fair

__all__ = [
    "MetricFrame",
    "accuracy_parity_difference",
    "average_abs_odds_difference",
    "average_odds_difference",
    "count",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "disparate_impact",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
    "fairness_scorer",
    "fairness_scoring",
    "false_discovery_rate",
    "false_negative_rate",
    "false_omission_rate",
    "false_positive_rate",
    "make_derived_metric",
    "mean_prediction",
    "negative_predictive_value",
    "performance_scorer",
    "positive_predictive_value",
    "predictive_equality_difference",
    "predictive_equality_ratio",
    "predictive_parity_difference",
    "predictive_parity_ratio",
    "select_fair",
    "selection_rate",
    "true_negative_rate",
    "true_positive_rate",
]
__all__ += _families.__all__
