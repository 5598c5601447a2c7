"""The base of rules by group on the scores of a wrapped classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.metrics import accuracy_score
from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skfair._utils.columns import n_rows
from skfair._utils.validation import (
    check_same_length,
)
from skfair.base import BaseMetaMitigator, GroupsAtScoreMixin, read_two_classes, wants
from skfair.groups import Groups, labels_index
from skfair.postprocessing._out_of_fold import out_of_fold_scores, positive_scores, score_method
from skfair.postprocessing.rule import known_codes

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

_HUGE = np.finfo(np.float64).max


def _gives_no_scores(self: Any) -> bool:
    raise AttributeError(f"{type(self).__name__} gives decisions by group")


class BaseScoreRule(GroupsAtScoreMixin, BaseMetaMitigator):
    """Base of two-class rules by group that are fitted to out-of-fold scores.

    A subclass overrides ``_fit_rule`` and ``_select``.
    """

    fallback: str
    cv: Any
    n_jobs: int | None
    _needs_positive = True
    _takes_infinite = False

    def _check_parameters(self) -> None:
        """Raise ValueError for a parameter out of its range."""

    def _see_rows(self, X: Any, labels: Codes, groups: Groups, weights: Floats) -> None:
        """Learn what a rule needs from the rows beside their scores."""

    def _fit_rule(
        self, scores: Floats, positive: NDArray[np.bool_], groups: Groups, weights: Floats
    ) -> None:
        raise NotImplementedError

    def _select(self, scores: Floats, codes: Codes, X: Any) -> NDArray[np.bool_]:
        """Tell which rows get the positive class; code -1 is a group unseen at fit.

        The rows themselves are for lots that hang on them.
        """
        raise NotImplementedError

    def _fit(
        self, X: Any, y: Any, groups: Groups, sample_weight: Any, metadata: dict[str, Any]
    ) -> None:
        if self.fallback not in ("raise", "pooled"):
            raise ValueError(f'fallback must be "raise" or "pooled", got {self.fallback!r}')
        self._check_parameters()
        read = read_two_classes(
            y,
            getattr(self, "pos_label", None),
            sample_weight,
            owner=type(self).__name__,
            needs_positive=self._needs_positive,
        )
        check_same_length(X=range(n_rows(X)), y=read.is_positive)
        positive = read.classes.tolist()[1]
        scores, self.estimator_ = out_of_fold_scores(
            self.estimator,
            X,
            y,
            groups,
            positive=positive,
            sample_weight=sample_weight,
            metadata=metadata,
            cv=self.cv,
            n_jobs=self.n_jobs,
        )
        self._check_scores(scores)
        known = getattr(self.estimator_, "classes_", read.classes)
        if len(known) != 2:
            raise ValueError(
                f"{type(self).__name__} is for two classes, and the fitted estimator knows "
                f"{len(known)}: {list(known[:10])}"
            )
        self.pos_label_, self.group_labels_, self._names = (
            positive,
            groups.labels,
            groups.names,
        )
        self._see_rows(X, read.is_positive.astype(np.int8), groups, read.weights)
        self._fit_rule(scores, read.is_positive, groups, read.weights)

    def _by_group(self, values: Any, name: str | None = None) -> pd.Series:
        return pd.Series(values, index=labels_index(self.group_labels_, self._names), name=name)

    def _read_codes(self, X: Any, sensitive_features: Any) -> Codes:
        """Codes of the rows' groups in those of fit; -1 if unseen and the fallback is pooled."""
        groups = self._read_groups(X, sensitive_features)
        if self.fallback == "raise":
            return known_codes(groups, self.group_labels_)
        place = {label: i for i, label in enumerate(self.group_labels_)}
        return np.array([place.get(label, -1) for label in groups.labels])[groups.codes]

    def _score_rows(
        self, X: Any, sensitive_features: Any, params: dict[str, Any]
    ) -> tuple[Floats, Codes]:
        """Scores of rows by the fitted estimator, and codes of their groups."""
        check_is_fitted(self)
        codes = self._read_codes(X, sensitive_features)
        method = score_method(self.estimator_)
        offered = dict(params)
        if sensitive_features is not None:
            offered["sensitive_features"] = sensitive_features
        if offered and get_config()["enable_metadata_routing"]:
            offered = process_routing(self, "predict", **offered).estimator[method]
        elif not wants(self.estimator_, method):
            offered.pop("sensitive_features", None)
        scores = positive_scores(self.estimator_, X, self.pos_label_, **offered)
        self._check_scores(scores)
        return scores, codes

    def _check_scores(self, scores: Floats) -> None:
        if not self._takes_infinite and np.abs(scores).max(initial=0.0) >= _HUGE:
            raise ValueError("Input scores contains infinity: only ThresholdOptimizer takes that")

    def _positive_column(self) -> int:
        return list(self.classes_).index(self.pos_label_)

    def predict(self, X: Any, *, sensitive_features: Any = None, **params: Any) -> Any:
        """Predict classes by the rule of each row's group.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        **params : dict
            Metadata for the wrapped estimator.

        Returns
        -------
        y_pred : ndarray of shape (n,)

        Raises
        ------
        ValueError
            If a group was unseen at fit and ``fallback="raise"``; the message names it.
        """
        selected = self._select(*self._score_rows(X, sensitive_features, params), X)
        place = self._positive_column()
        return self.classes_[np.where(selected, place, 1 - place)]

    def score(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        **params: Any,
    ) -> float:
        """Accuracy of ``predict``; parameters as there, and weights."""
        predicted = self.predict(X, sensitive_features=sensitive_features, **params)
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))

    @available_if(_gives_no_scores)
    def decision_function(self, X: Any) -> Any:
        """Not offered: the wrapped estimator's scores aren't what decides."""

    @available_if(_gives_no_scores)
    def predict_proba(self, X: Any) -> Any:
        """Not offered: the wrapped estimator's probabilities aren't what decides."""

    @available_if(_gives_no_scores)
    def predict_log_proba(self, X: Any) -> Any:
        """Not offered: the wrapped estimator's probabilities aren't what decides."""

    def _own_request(self) -> MetadataRequest:
        request = super()._own_request()
        asks = self.sensitive_features is None
        of_method = request.predict_log_proba
        if of_method.requests.get("sensitive_features") is None:
            of_method.add_request(param="sensitive_features", alias=asks)
        return request

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn what this object asks for and what goes to the wrapped estimator."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        for caller in ("predict", "predict_proba", "predict_log_proba", "score"):
            for callee in ("predict_proba", "decision_function"):
                mapping.add(caller=caller, callee=callee)
        router = MetadataRouter(owner=type(self).__name__)
        router.add_self_request(self._own_request())
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_class = False
        return tags


class BaseProbabilityRule(BaseScoreRule):
    """Base of rules that change probabilities by group, and decide at 0.5.

    A subclass overrides ``_fit_rule`` and ``_probability``.
    """

    def _probability(self, scores: Floats, codes: Codes, X: Any) -> Floats:
        """Probability of the positive class; code -1 is a group unseen at fit."""
        raise NotImplementedError

    def _select(self, scores: Floats, codes: Codes, X: Any) -> NDArray[np.bool_]:
        return self._probability(scores, codes, X) > 0.5

    def predict_proba(self, X: Any, *, sensitive_features: Any = None, **params: Any) -> Floats:
        """Probabilities of the classes by the rule of each row's group.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        **params : dict
            Metadata for the wrapped estimator.

        Returns
        -------
        probabilities : ndarray of float of shape (n, 2)
            In the order of ``classes_``.

        Raises
        ------
        ValueError
            If a group was unseen at fit and ``fallback="raise"``; the message names it.
        """
        positive = self._probability(*self._score_rows(X, sensitive_features, params), X)
        columns = (1 - positive, positive) if self._positive_column() else (positive, 1 - positive)
        return np.column_stack(columns)

    def predict_log_proba(self, X: Any, *, sensitive_features: Any = None, **params: Any) -> Floats:
        """Logarithms of ``predict_proba``; parameters as there."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X, sensitive_features=sensitive_features, **params))
