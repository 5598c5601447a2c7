"""Mitigations that change the decisions of a trained model."""

from __future__ import annotations

from skfair.postprocessing._curves import ScoreCurves
from skfair.postprocessing.calibrated_equalized_odds import (
    CalibratedEqualizedOdds,
    mixing_table,
)
from skfair.postprocessing.displays import ThresholdRuleDisplay
from skfair.postprocessing.group_calibrator import GroupCalibrator
from skfair.postprocessing.optimal import optimal_thresholds
from skfair.postprocessing.reject_option import RejectOptionClassifier
from skfair.postprocessing.rule import ThresholdRule
from skfair.postprocessing.threshold_optimizer import ThresholdOptimizer

__all__ = [
    "CalibratedEqualizedOdds",
    "GroupCalibrator",
    "RejectOptionClassifier",
    "ScoreCurves",
    "ThresholdOptimizer",
    "ThresholdRule",
    "ThresholdRuleDisplay",
    "mixing_table",
    "optimal_thresholds",
]
