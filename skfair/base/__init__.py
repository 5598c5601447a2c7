"""What every estimator stands on: groups by one protocol, weights, and wrapped estimators."""

from __future__ import annotations

from skfair.base._meta import BaseMetaMitigator
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
    column_names,
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
    "column_names",
    "fit_weighted",
    "read_groups",
    "sensitive_positions",
    "wants",
    "withdraw_request",
]
