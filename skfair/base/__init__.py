"""What every estimator stands on: groups by one protocol, weights, and wrapped estimators."""

from __future__ import annotations

from skfair.base._meta import BaseMetaMitigator
from skfair.base._protocol import (
    GroupsAtPredictMixin,
    SensitiveFeaturesMixin,
    read_groups,
    wants,
    withdraw_request,
)
from skfair.base._weights import fit_weighted

__all__ = [
    "BaseMetaMitigator",
    "GroupsAtPredictMixin",
    "SensitiveFeaturesMixin",
    "fit_weighted",
    "read_groups",
    "wants",
    "withdraw_request",
]
