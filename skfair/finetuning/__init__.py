"""Mitigations that change a network which is already trained."""

from __future__ import annotations

from skfair.finetuning.adversarial import AdversarialFineTuner
from skfair.finetuning.bias_gradient import BiasGradientFineTuner
from skfair.finetuning.compare import compare_debiasers
from skfair.finetuning.comparison import DebiaserComparison
from skfair.finetuning.last_layer import LastLayerRetrainer
from skfair.finetuning.layerwise import LayerwiseDebiaser
from skfair.finetuning.pruning import PruningDebiaser
from skfair.finetuning.random_perturbation import RandomPerturbationDebiaser

__all__ = [
    "AdversarialFineTuner",
    "BiasGradientFineTuner",
    "DebiaserComparison",
    "LastLayerRetrainer",
    "LayerwiseDebiaser",
    "PruningDebiaser",
    "RandomPerturbationDebiaser",
    "compare_debiasers",
]
