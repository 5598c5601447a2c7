"""The base of mitigators that wrap an estimator."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Self

from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skfair._utils.lots import prepare_lots
from skfair.base._protocol import SensitiveFeaturesMixin
from skfair.base._weights import fit_weighted
from skfair.groups import Groups

_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score")


def _estimator_has(method: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


class BaseMetaMitigator(SensitiveFeaturesMixin, MetaEstimatorMixin, BaseEstimator):
    """Base of mitigators that wrap an estimator, often a whole Pipeline.

    A subclass overrides one method, ``_fit(X, y, groups, sample_weight, fit_params)``, which sets
    ``estimator_``. All that the wrapped estimator can do after fit, this one can do as well, and
    metadata are routed to it.

    Attributes
    ----------
    uses_group_at_predict : bool
        Whether predictions depend on the group beyond X: different rules by group can be unlawful.
    infers_group : bool
        Whether the group is guessed from X at predict.
    """

    uses_group_at_predict = False
    infers_group = False

    estimator: Any
    estimator_: Any

    def _fit(
        self, X: Any, y: Any, groups: Groups, sample_weight: Any, metadata: dict[str, Any]
    ) -> None:
        raise NotImplementedError

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        **fit_params: Any,
    ) -> Self:
        """Fit the wrapped estimator under the mitigation.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
            Training data.
        y : array-like of shape (n,)
            Labels.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.
        **fit_params : dict
            Metadata for the wrapped estimator.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If groups are given twice or not at all.
        """
        groups = self._read_groups(X, sensitive_features)
        if hasattr(self, "randomized"):
            prepare_lots(self, X)
        metadata = dict(fit_params)
        if sensitive_features is not None:
            metadata["sensitive_features"] = sensitive_features
        self._fit(X, y, groups, sample_weight, metadata)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
            elif hasattr(self, name):  # of an earlier fit
                delattr(self, name)
        return self

    def _fit_clone(self, X: Any, y: Any, sample_weight: Any, metadata: dict[str, Any]) -> None:
        self.estimator_ = fit_weighted(clone(self.estimator), X, y, sample_weight, **metadata)

    def _call(self, method: str, *args: Any, **params: Any) -> Any:
        check_is_fitted(self)
        if params and get_config()["enable_metadata_routing"]:
            params = process_routing(self, method, **params).estimator[method]
        return getattr(self.estimator_, method)(*args, **params)

    @property
    def classes_(self) -> Any:
        """Classes of the wrapped estimator."""
        return self.estimator_.classes_

    @available_if(_estimator_has("predict"))
    def predict(self, X: Any, **params: Any) -> Any:
        """Predict with the wrapped estimator; ``params`` are metadata for it."""
        return self._call("predict", X, **params)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> Any:
        """Probabilities from the wrapped estimator, of shape (n, n_classes)."""
        return self._call("predict_proba", X, **params)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Any, **params: Any) -> Any:
        """Log probabilities from the wrapped estimator, of shape (n, n_classes)."""
        return self._call("predict_log_proba", X, **params)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> Any:
        """Decision scores from the wrapped estimator."""
        return self._call("decision_function", X, **params)

    @available_if(_estimator_has("score"))
    def score(self, X: Any, y: Any, **params: Any) -> Any:
        """Score of the wrapped estimator."""
        return self._call("score", X, y, **params)

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn what this object asks for and what goes to the wrapped estimator."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        for method in _METHODS:
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=type(self).__name__)
        router.add_self_request(self._own_request())
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = deepcopy(get_tags(self.estimator))
        for name in ("estimator_type", "classifier_tags", "regressor_tags", "target_tags"):
            setattr(tags, name, getattr(inner, name))
        tags.input_tags = inner.input_tags
        tags.non_deterministic = inner.non_deterministic
        tags.target_tags.multi_output = False  # a group has the rates of one label
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags
