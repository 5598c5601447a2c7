"""What every estimator stands on: groups by one protocol, weights, and wrapped estimators."""

from __future__ import annotations

from skfair.base._meta import BaseMetaMitigator
from skfair.base._metadata import take_metadata
from skfair.base._protocol import (
    GroupsAtPredictMixin,
    SensitiveFeaturesMixin,
    read_groups,
    sensitive_positions,
    wants,
    withdraw_request,
)
from skfair.base._resampling import BaseResamplingMitigator, Resampled
from skfair.base._transform import (
    BaseGroupTransformer,
    GroupsAtTransformMixin,
    as_numbers,
    check_same_features,
    column_names,
    numeric_matrix,
)
from skfair.base._weights import fit_weighted

__all__ = [
    "BaseGroupTransformer",
    "BaseMetaMitigator",
    "BaseResamplingMitigator",
    "GroupsAtPredictMixin",
    "GroupsAtTransformMixin",
    "Resampled",
    "SensitiveFeaturesMixin",
    "as_numbers",
    "check_same_features",
    "column_names",
    "fit_weighted",
    "numeric_matrix",
    "read_groups",
    "sensitive_positions",
    "take_metadata",
    "wants",
    "withdraw_request",
]
