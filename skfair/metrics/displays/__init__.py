"""Displays in scikit-learn's style: rates, curves, calibration and thresholds by group."""

from __future__ import annotations

from skfair.metrics.displays._calibration import CalibrationByGroupDisplay
from skfair.metrics.displays._models import plot_model_comparison
from skfair.metrics.displays._rates import RatesByGroupDisplay
from skfair.metrics.displays._roc import RocCurveByGroupDisplay, plot_roc_curve_by_group
from skfair.metrics.displays._threshold import CriterionThresholdDisplay

__all__ = [
    "CalibrationByGroupDisplay",
    "CriterionThresholdDisplay",
    "RatesByGroupDisplay",
    "RocCurveByGroupDisplay",
    "plot_model_comparison",
    "plot_roc_curve_by_group",
]
