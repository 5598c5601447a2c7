"""Find, measure and mitigate bias with scikit-learn.

Subpackages load when they are first used, so ``import skfair`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from skfair._version import __version__

if TYPE_CHECKING:
    from skfair.detection import BiasDetector
    from skfair.inprocessing import AdversarialDebiasedClassifier
    from skfair.monitoring import FairnessMonitor
    from skfair.postprocessing import ThresholdOptimizer
    from skfair.preprocessing import Resampler, Reweighter

_SUBPACKAGES = (
    "base",
    "criteria",
    "datasets",
    "detection",
    "finetuning",
    "groups",
    "inprocessing",
    "metrics",
    "model_selection",
    "monitoring",
    "postprocessing",
    "preprocessing",
    "reporting",
    "similarity",
    "tally",
    "vision",
)
_NEED_TORCH = ("nn",)
_EXPORTS = {
    "AdversarialDebiasedClassifier": "skfair.inprocessing",
    "BiasDetector": "skfair.detection",
    "FairnessMonitor": "skfair.monitoring",
    "Resampler": "skfair.preprocessing",
    "Reweighter": "skfair.preprocessing",
    "ThresholdOptimizer": "skfair.postprocessing",
}

__all__ = [
    "AdversarialDebiasedClassifier",
    "BiasDetector",
    "FairnessMonitor",
    "Resampler",
    "Reweighter",
    "ThresholdOptimizer",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in (*_SUBPACKAGES, *_NEED_TORCH):
        return importlib.import_module(f"skfair.{name}")
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'skfair' has no attribute {name!r}")


def __dir__() -> list[str]:
    there = _NEED_TORCH if find_spec("torch") else ()
    return sorted({*globals(), *_SUBPACKAGES, *there, *_EXPORTS})
