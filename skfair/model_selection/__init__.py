"""Splitters by group, what to collect next, and which groups a model fits badly."""

from __future__ import annotations

from skfair.model_selection._active_sampler import ActiveSampler
from skfair.model_selection._clusters import cluster_ids, split_without_leakage
from skfair.model_selection._diagnosis import FitDiagnosis, diagnose_fit
from skfair.model_selection._fit_display import FitDiagnosisDisplay
from skfair.model_selection._split import GroupLabelStratifiedKFold

__all__ = [
    "ActiveSampler",
    "FitDiagnosis",
    "FitDiagnosisDisplay",
    "GroupLabelStratifiedKFold",
    "cluster_ids",
    "diagnose_fit",
    "split_without_leakage",
]
