"""Predictions of a mixture: what its estimator answers, with lots or without."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skfair._utils.lots import lots_move, lots_of
from skfair.base import wants
from skfair.inprocessing._mixture import PredictorMixture
from skfair.inprocessing._reduction import BaseReduction
from skfair.inprocessing._rules import MixtureRule

Floats = NDArray[np.float64]


def _decides(self: Any) -> bool:
    if not hasattr(self, "rule_") and not is_classifier(self.estimator):
        raise AttributeError(f"{type(self.estimator).__name__} is no classifier")
    return True


def _gives_probabilities(self: Any) -> bool:
    getattr(self.estimator, "predict_proba")  # noqa: B009
    return True


def _gives_no_scores(self: Any) -> bool:
    raise AttributeError(f"{type(self).__name__} gives no decision scores, only probabilities")


class BaseMixtureReduction(BaseReduction):
    """Base of reductions whose answer is a mixture of predictors.

    A subclass sets ``estimator_``, and for classifiers ``rule_`` and ``pos_label_``.
    """

    randomized: bool | str | list[str | int]
    random_state: Any
    estimator_: PredictorMixture
    rule_: MixtureRule
    pos_label_: Any

    @property
    def classes_(self) -> Any:
        """Classes, sorted."""
        return self.estimator_.classes_

    def _params(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if "sensitive_features" in params and not wants(self.estimator, "predict"):
            raise TypeError(
                f"predictions of {type(self).__name__} need no sensitive_features: leave them out"
            )
        if params and get_config()["enable_metadata_routing"]:
            return dict(process_routing(self, method, **params).estimator["predict"])
        return params

    def predict(self, X: Any, **params: Any) -> Any:
        """Predict classes by the rule, or the mean of the members' numbers.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n, n_features)
        **params : dict
            Metadata for the wrapped estimator.

        Returns
        -------
        y_pred : ndarray of shape (n,)
            If ``randomized``, each row is decided by a member that is drawn.
        """
        check_is_fitted(self)
        return self._predict(X, self._params("predict", params))

    def _predict(self, X: Any, params: dict[str, Any]) -> Any:
        mixture = self.estimator_
        if self.randomized:
            return mixture.draw(X, lots_of(self, X), **params)
        if not hasattr(self, "rule_"):
            return mixture.mean(X, **params)
        if self.rule_.member is not None:
            mixture = mixture.alone(self.rule_.member)
        elif self.rule_.weights is not None:
            mixture = mixture.reweighted(self.rule_.weights)
        if self.rule_.score is None:
            return next(np.asarray(y) for _, y in mixture.predictions(X, **params))
        place = int(np.flatnonzero(self.classes_ == self.pos_label_)[0])
        if self.rule_.score == "vote":
            scores = mixture.votes(X, self.pos_label_, **params)
        else:
            scores = mixture.predict_proba(X, **params)[:, place]
        return self.classes_[np.where(self.rule_.decides(scores), place, 1 - place)]

    @available_if(_decides)
    def decision_probability(self, X: Any, **params: Any) -> Floats:
        """Chance of the positive class under the mixture: the vote of its members.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n, n_features)
        **params : dict
            Metadata for the wrapped estimator.

        Returns
        -------
        probability : ndarray of float of shape (n,)
        """
        check_is_fitted(self)
        params = self._params("predict", params)
        return self.estimator_.votes(X, self.pos_label_, **params)

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any, **params: Any) -> Floats:
        """Mean of the members' probabilities, of shape (n, 2), which ``predict`` doesn't cut."""
        return self._call("predict_proba", X, **params)

    @available_if(_gives_no_scores)
    def decision_function(self, X: Any) -> Any:
        """Not offered: members' scores have no common scale."""

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Any, **params: Any) -> Floats:
        """Logarithm of ``predict_proba``."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X, **params))

    def score(self, X: Any, y: Any, *, sample_weight: Any = None, **params: Any) -> float:
        """Accuracy of ``predict``, or R2 of numbers; parameters as there, and weights."""
        check_is_fitted(self)
        predicted = self._predict(X, self._params("score", params))
        measure = accuracy_score if is_classifier(self.estimator) else r2_score
        return float(measure(y, predicted, sample_weight=sample_weight))

    def _own_request(self) -> MetadataRequest:
        request = super()._own_request()
        if request.score.requests.get("sample_weight") is None:
            request.score.add_request(param="sample_weight", alias=True)
        return request

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn what this object asks for and what goes to the wrapped estimator."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        mapping.add(caller="predict", callee="predict").add(caller="score", callee="predict")
        mapping.add(caller="predict_proba", callee="predict_proba")
        router = MetadataRouter(owner=type(self).__name__)
        router.add_self_request(self._own_request())
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic |= lots_move(self)
        return tags
