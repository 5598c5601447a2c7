"""Families of metrics over groups: difference, ratio, minimum and maximum of each base metric."""

from __future__ import annotations

from sklearn import metrics as skm

from skfair.metrics import _rates
from skfair.metrics._derived import make_derived_metric as _derive

accuracy_score_difference = _derive(metric=skm.accuracy_score, transform="difference")
accuracy_score_ratio = _derive(metric=skm.accuracy_score, transform="ratio")
accuracy_score_group_min = _derive(metric=skm.accuracy_score, transform="group_min")
accuracy_score_group_max = _derive(metric=skm.accuracy_score, transform="group_max")

zero_one_loss_difference = _derive(metric=skm.zero_one_loss, transform="difference")
zero_one_loss_ratio = _derive(metric=skm.zero_one_loss, transform="ratio")
zero_one_loss_group_min = _derive(metric=skm.zero_one_loss, transform="group_min")
zero_one_loss_group_max = _derive(metric=skm.zero_one_loss, transform="group_max")

selection_rate_difference = _derive(metric=_rates.selection_rate, transform="difference")
selection_rate_ratio = _derive(metric=_rates.selection_rate, transform="ratio")
selection_rate_group_min = _derive(metric=_rates.selection_rate, transform="group_min")
selection_rate_group_max = _derive(metric=_rates.selection_rate, transform="group_max")

true_positive_rate_difference = _derive(metric=_rates.true_positive_rate, transform="difference")
true_positive_rate_ratio = _derive(metric=_rates.true_positive_rate, transform="ratio")
true_positive_rate_group_min = _derive(metric=_rates.true_positive_rate, transform="group_min")
true_positive_rate_group_max = _derive(metric=_rates.true_positive_rate, transform="group_max")

true_negative_rate_difference = _derive(metric=_rates.true_negative_rate, transform="difference")
true_negative_rate_ratio = _derive(metric=_rates.true_negative_rate, transform="ratio")
true_negative_rate_group_min = _derive(metric=_rates.true_negative_rate, transform="group_min")
true_negative_rate_group_max = _derive(metric=_rates.true_negative_rate, transform="group_max")

false_positive_rate_difference = _derive(metric=_rates.false_positive_rate, transform="difference")
false_positive_rate_ratio = _derive(metric=_rates.false_positive_rate, transform="ratio")
false_positive_rate_group_min = _derive(metric=_rates.false_positive_rate, transform="group_min")
false_positive_rate_group_max = _derive(metric=_rates.false_positive_rate, transform="group_max")

false_negative_rate_difference = _derive(metric=_rates.false_negative_rate, transform="difference")
false_negative_rate_ratio = _derive(metric=_rates.false_negative_rate, transform="ratio")
false_negative_rate_group_min = _derive(metric=_rates.false_negative_rate, transform="group_min")
false_negative_rate_group_max = _derive(metric=_rates.false_negative_rate, transform="group_max")

positive_predictive_value_difference = _derive(
    metric=_rates.positive_predictive_value, transform="difference"
)
positive_predictive_value_ratio = _derive(
    metric=_rates.positive_predictive_value, transform="ratio"
)
positive_predictive_value_group_min = _derive(
    metric=_rates.positive_predictive_value, transform="group_min"
)
positive_predictive_value_group_max = _derive(
    metric=_rates.positive_predictive_value, transform="group_max"
)

negative_predictive_value_difference = _derive(
    metric=_rates.negative_predictive_value, transform="difference"
)
negative_predictive_value_ratio = _derive(
    metric=_rates.negative_predictive_value, transform="ratio"
)
negative_predictive_value_group_min = _derive(
    metric=_rates.negative_predictive_value, transform="group_min"
)
negative_predictive_value_group_max = _derive(
    metric=_rates.negative_predictive_value, transform="group_max"
)

false_discovery_rate_difference = _derive(
    metric=_rates.false_discovery_rate, transform="difference"
)
false_discovery_rate_ratio = _derive(metric=_rates.false_discovery_rate, transform="ratio")
false_discovery_rate_group_min = _derive(metric=_rates.false_discovery_rate, transform="group_min")
false_discovery_rate_group_max = _derive(metric=_rates.false_discovery_rate, transform="group_max")

false_omission_rate_difference = _derive(metric=_rates.false_omission_rate, transform="difference")
false_omission_rate_ratio = _derive(metric=_rates.false_omission_rate, transform="ratio")
false_omission_rate_group_min = _derive(metric=_rates.false_omission_rate, transform="group_min")
false_omission_rate_group_max = _derive(metric=_rates.false_omission_rate, transform="group_max")

balanced_accuracy_score_group_min = _derive(
    metric=skm.balanced_accuracy_score, transform="group_min"
)
balanced_accuracy_score_group_max = _derive(
    metric=skm.balanced_accuracy_score, transform="group_max"
)

f1_score_group_min = _derive(metric=skm.f1_score, transform="group_min")
f1_score_group_max = _derive(metric=skm.f1_score, transform="group_max")

precision_score_group_min = _derive(metric=skm.precision_score, transform="group_min")
precision_score_group_max = _derive(metric=skm.precision_score, transform="group_max")

recall_score_group_min = _derive(metric=skm.recall_score, transform="group_min")
recall_score_group_max = _derive(metric=skm.recall_score, transform="group_max")

r2_score_group_min = _derive(metric=skm.r2_score, transform="group_min")
r2_score_group_max = _derive(metric=skm.r2_score, transform="group_max")

roc_auc_score_group_min = _derive(metric=skm.roc_auc_score, transform="group_min")
roc_auc_score_group_max = _derive(metric=skm.roc_auc_score, transform="group_max")

log_loss_group_min = _derive(metric=skm.log_loss, transform="group_min")
log_loss_group_max = _derive(metric=skm.log_loss, transform="group_max")

mean_absolute_error_group_min = _derive(metric=skm.mean_absolute_error, transform="group_min")
mean_absolute_error_group_max = _derive(metric=skm.mean_absolute_error, transform="group_max")

mean_squared_error_group_min = _derive(metric=skm.mean_squared_error, transform="group_min")
mean_squared_error_group_max = _derive(metric=skm.mean_squared_error, transform="group_max")

__all__ = [
    "accuracy_score_difference",
    "accuracy_score_group_max",
    "accuracy_score_group_min",
    "accuracy_score_ratio",
    "balanced_accuracy_score_group_max",
    "balanced_accuracy_score_group_min",
    "f1_score_group_max",
    "f1_score_group_min",
    "false_discovery_rate_difference",
    "false_discovery_rate_group_max",
    "false_discovery_rate_group_min",
    "false_discovery_rate_ratio",
    "false_negative_rate_difference",
    "false_negative_rate_group_max",
    "false_negative_rate_group_min",
    "false_negative_rate_ratio",
    "false_omission_rate_difference",
    "false_omission_rate_group_max",
    "false_omission_rate_group_min",
    "false_omission_rate_ratio",
    "false_positive_rate_difference",
    "false_positive_rate_group_max",
    "false_positive_rate_group_min",
    "false_positive_rate_ratio",
    "log_loss_group_max",
    "log_loss_group_min",
    "mean_absolute_error_group_max",
    "mean_absolute_error_group_min",
    "mean_squared_error_group_max",
    "mean_squared_error_group_min",
    "negative_predictive_value_difference",
    "negative_predictive_value_group_max",
    "negative_predictive_value_group_min",
    "negative_predictive_value_ratio",
    "positive_predictive_value_difference",
    "positive_predictive_value_group_max",
    "positive_predictive_value_group_min",
    "positive_predictive_value_ratio",
    "precision_score_group_max",
    "precision_score_group_min",
    "r2_score_group_max",
    "r2_score_group_min",
    "recall_score_group_max",
    "recall_score_group_min",
    "roc_auc_score_group_max",
    "roc_auc_score_group_min",
    "selection_rate_difference",
    "selection_rate_group_max",
    "selection_rate_group_min",
    "selection_rate_ratio",
    "true_negative_rate_difference",
    "true_negative_rate_group_max",
    "true_negative_rate_group_min",
    "true_negative_rate_ratio",
    "true_positive_rate_difference",
    "true_positive_rate_group_max",
    "true_positive_rate_group_min",
    "true_positive_rate_ratio",
    "zero_one_loss_difference",
    "zero_one_loss_group_max",
    "zero_one_loss_group_min",
    "zero_one_loss_ratio",
]
