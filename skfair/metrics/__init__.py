"""Named metrics, tables and displays by group, intervals and tests, scorers, model choice."""

from __future__ import annotations

from skfair.metrics import _families
from skfair.metrics._base_metrics import count, mean_prediction
from skfair.metrics._calibration import calibration_by_group, calibration_gap
from skfair.metrics._classes import one_vs_rest_gaps, worst_class_recall, worst_group_score
from skfair.metrics._derived import make_derived_metric
from skfair.metrics._families import *  # noqa: F403
from skfair.metrics._individual import (
    between_group_entropy_index,
    consistency_score,
    generalized_entropy_index,
    theil_index,
)
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
from skfair.metrics._ranking import roc_auc_by_group, roc_auc_gap
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
from skfair.metrics._regression import (
    mean_absolute_error_difference,
    mean_residual_difference,
    residuals_by_group,
    root_mean_squared_error_difference,
)
from skfair.metrics._roc_curves import roc_curve_by_group
from skfair.metrics._scorers import fairness_scorer, fairness_scoring, performance_scorer
from skfair.metrics._selection import select_fair
from skfair.metrics._subgroups import Subgroup, SubgroupViolation, subgroup_violation
from skfair.metrics._uncertainty import (
    disparity_test,
    gap_interval,
    pairwise_differences,
    rate_intervals,
)
from skfair.metrics._verification import verification_rates
from skfair.metrics.displays import (
    CalibrationByGroupDisplay,
    CriterionThresholdDisplay,
    RatesByGroupDisplay,
    RocCurveByGroupDisplay,
    plot_model_comparison,
    plot_roc_curve_by_group,
)

__all__ = [
    "CalibrationByGroupDisplay",
    "CriterionThresholdDisplay",
    "MetricFrame",
    "RatesByGroupDisplay",
    "RocCurveByGroupDisplay",
    "Subgroup",
    "SubgroupViolation",
    "accuracy_parity_difference",
    "average_abs_odds_difference",
    "average_odds_difference",
    "between_group_entropy_index",
    "calibration_by_group",
    "calibration_gap",
    "consistency_score",
    "count",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "disparate_impact",
    "disparity_test",
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
    "gap_interval",
    "generalized_entropy_index",
    "make_derived_metric",
    "mean_absolute_error_difference",
    "mean_prediction",
    "mean_residual_difference",
    "negative_predictive_value",
    "one_vs_rest_gaps",
    "pairwise_differences",
    "performance_scorer",
    "plot_model_comparison",
    "plot_roc_curve_by_group",
    "positive_predictive_value",
    "predictive_equality_difference",
    "predictive_equality_ratio",
    "predictive_parity_difference",
    "predictive_parity_ratio",
    "rate_intervals",
    "residuals_by_group",
    "roc_auc_by_group",
    "roc_auc_gap",
    "roc_curve_by_group",
    "root_mean_squared_error_difference",
    "select_fair",
    "selection_rate",
    "subgroup_violation",
    "theil_index",
    "true_negative_rate",
    "true_positive_rate",
    "verification_rates",
    "worst_class_recall",
    "worst_group_score",
]
__all__ += _families.__all__
