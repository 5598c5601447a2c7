"""What every estimator stands on: groups by one protocol, weights, and wrapped estimators."""

from __future__ import annotations

from skfair.base._calls import check_is_estimator, read_either
from skfair.base._cell_sizes import name_cells, named_sizes, round_to_total, strategy_shape
from skfair.base._features import (
    NumericFeaturesMixin,
    as_matrix,
    as_numbers,
    column_names,
    feature_positions,
    numeric_matrix,
    read_table,
)
from skfair.base._labels import TwoClasses, read_two_classes
from skfair.base._meta import BaseMetaMitigator
from skfair.base._metadata import take_metadata
from skfair.base._plain import (
    check_description,
    from_plain,
    known_params,
    plain_params,
    telling_damage,
    to_plain,
)
from skfair.base._protocol import (
    ControlFeaturesMixin,
    GroupsAtPartialFitMixin,
    GroupsAtPredictMixin,
    GroupsAtScoreMixin,
    SensitiveFeaturesMixin,
    read_groups,
    sensitive_positions,
    wants,
    withdraw_request,
)
from skfair.base._refit import unchanged_on_error
from skfair.base._resampling import BaseResamplingMitigator, Resampled
from skfair.base._transform import (
    BaseGroupTransformer,
    GroupsAtTransformMixin,
    check_same_features,
)
from skfair.base._weights import fit_weighted

__all__ = [
    "BaseGroupTransformer",
    "BaseMetaMitigator",
    "BaseResamplingMitigator",
    "ControlFeaturesMixin",
    "GroupsAtPartialFitMixin",
    "GroupsAtPredictMixin",
    "GroupsAtScoreMixin",
    "GroupsAtTransformMixin",
    "NumericFeaturesMixin",
    "Resampled",
    "SensitiveFeaturesMixin",
    "TwoClasses",
    "as_matrix",
    "as_numbers",
    "check_description",
    "check_is_estimator",
    "check_same_features",
    "column_names",
    "feature_positions",
    "fit_weighted",
    "from_plain",
    "known_params",
    "name_cells",
    "named_sizes",
    "numeric_matrix",
    "plain_params",
    "read_either",
    "read_groups",
    "read_table",
    "read_two_classes",
    "round_to_total",
    "sensitive_positions",
    "strategy_shape",
    "take_metadata",
    "telling_damage",
    "to_plain",
    "unchanged_on_error",
    "wants",
    "withdraw_request",
]
