"""Cuts of a fitted classifier's probability: predictors that cost no further fit."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

Floats = NDArray[np.float64]

SLACK = 1e-9  # of sums of floating-point numbers
_MOST = 1000


def candidate_cuts(scores: Floats, most: int = _MOST) -> Floats:
    """Scores that occur, above 0; of more than so many, quantiles."""
    found = np.unique(np.round(scores, 9))
    found = found[found > SLACK]
    if len(found) <= most:
        return found
    return np.unique(np.quantile(found, np.linspace(0, 1, most), method="nearest"))


class CutClassifier(ClassifierMixin, BaseEstimator):
    """A fitted classifier that decides for a class where its probability reaches a cut.

    It stays fitted as it is: ``fit`` and ``clone`` change nothing.

    Parameters
    ----------
    estimator : estimator
        Fitted, with ``predict_proba``, for two classes.
    cut : float
        Least probability.
    pos_label : label
        The class.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> often = DummyClassifier(strategy="prior").fit([[0]] * 4, [0, 1, 1, 1])
    >>> [CutClassifier(often, cut, 1).predict([[0]]).item() for cut in (0.7, 0.8)]
    [1, 0]
    """

    def __init__(self, estimator: Any, cut: float, pos_label: Any) -> None:
        self.estimator = estimator
        self.cut = cut
        self.pos_label = pos_label

    def __getattr__(self, name: str) -> Any:
        """``classes_`` and features are those of the estimator."""
        if name in ("classes_", "n_features_in_", "feature_names_in_"):
            return getattr(self.estimator, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Self:
        return self

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Do nothing."""
        return self

    def reaches(self, scores: Floats) -> NDArray[np.bool_]:
        """Whether probabilities of the class reach the cut."""
        return scores >= self.cut - SLACK

    def decide(self, table: Any) -> NDArray[Any]:
        """Classes by probabilities of shape (n, 2)."""
        classes = np.asarray(self.classes_)
        place = int(np.flatnonzero(classes == self.pos_label)[0])
        return classes[np.where(self.reaches(np.asarray(table)[:, place]), place, 1 - place)]

    def predict(self, X: Any, **params: Any) -> NDArray[Any]:
        """Decide for the class where its probability reaches the cut."""
        return self.decide(self.predict_proba(X, **params))

    def predict_proba(self, X: Any, **params: Any) -> Any:
        """Probabilities of the estimator, which ``predict`` doesn't cut at one half."""
        return self.estimator.predict_proba(X, **params)

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn that metadata of predictions go to the estimator."""
        mapping = MethodMapping().add(caller="predict", callee="predict_proba")
        mapping.add(caller="predict_proba", callee="predict_proba")
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(estimator=self.estimator, method_mapping=mapping)
