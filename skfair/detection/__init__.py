"""Find bias in data before a model is trained, and in a model's errors afterwards."""

from __future__ import annotations

from skfair.detection._agreement import annotator_agreement
from skfair.detection._bias_detector import BiasDetector
from skfair.detection._detect_bias import BiasReport, detect_bias
from skfair.detection._divergences import (
    earth_movers_distance,
    js_divergence,
    kl_divergence,
    kolmogorov_smirnov,
    lp_distance,
    skewness,
    total_variation,
)
from skfair.detection._duplicates import Duplicates, find_duplicates
from skfair.detection._label_noise import SuspectLabels, suspect_labels
from skfair.detection._leakage import Leakage, find_leakage
from skfair.detection._pretraining import (
    class_imbalance,
    conditional_demographic_disparity,
    label_disparate_impact,
    label_disparity,
    sample_disparity,
)
from skfair.detection._proxies import find_proxies
from skfair.detection._representation import RepresentationReport, compare_representation
from skfair.detection._slices import WeakSlices, find_weak_slices
from skfair.detection.displays import FeatureDistributionDisplay, PositiveRatesDisplay

__all__ = [
    "BiasDetector",
    "BiasReport",
    "Duplicates",
    "FeatureDistributionDisplay",
    "Leakage",
    "PositiveRatesDisplay",
    "RepresentationReport",
    "SuspectLabels",
    "WeakSlices",
    "annotator_agreement",
    "class_imbalance",
    "compare_representation",
    "conditional_demographic_disparity",
    "detect_bias",
    "earth_movers_distance",
    "find_duplicates",
    "find_leakage",
    "find_proxies",
    "find_weak_slices",
    "js_divergence",
    "kl_divergence",
    "kolmogorov_smirnov",
    "label_disparate_impact",
    "label_disparity",
    "lp_distance",
    "sample_disparity",
    "skewness",
    "suspect_labels",
    "total_variation",
]
