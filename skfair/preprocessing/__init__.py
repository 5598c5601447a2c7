"""Mitigations that change the data before a model is trained."""

from __future__ import annotations

from skfair.preprocessing.correlation_remover import CorrelationRemover, remove_correlation
from skfair.preprocessing.disparate_impact_remover import (
    DisparateImpactRemover,
    repair_disparate_impact,
)
from skfair.preprocessing.group_balancer import GroupBalancer, balancing_weights
from skfair.preprocessing.label_massager import LabelMassager
from skfair.preprocessing.learned_fair_representation import LearnedFairRepresentation
from skfair.preprocessing.optimized_preprocessor import OptimizedPreprocessor
from skfair.preprocessing.resampler import Resampler
from skfair.preprocessing.reweighter import Reweighter, reweighing_weights

__all__ = [
    "CorrelationRemover",
    "DisparateImpactRemover",
    "GroupBalancer",
    "LabelMassager",
    "LearnedFairRepresentation",
    "OptimizedPreprocessor",
    "Resampler",
    "Reweighter",
    "balancing_weights",
    "remove_correlation",
    "repair_disparate_impact",
    "reweighing_weights",
]
