"""The oracle of reductions: the wrapped estimator, fitted again and again on other weights."""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from skfair.base import fit_weighted, wants
from skfair.inprocessing._mixture import PredictorMixture, call, constant_classifier, is_constant

Floats = NDArray[np.float64]


class Oracle:
    """Fits clones of an estimator to the same rows under other labels and weights.

    Transformers of a Pipeline don't see weights, so they are fitted once, to the labels as they
    are, and only its last step is fitted again, unless a transformer asks for metadata. Logistic
    regressions start from the last solution, which their convex loss allows.

    Parameters
    ----------
    estimator : estimator
        It stays as it is.
    X, y : array-like
        Training data; y as the user gave it.
    classes : sequence, default=None
        Labels that any classifier should know; None for regressors.
    metadata : dict, default=None
        For the estimator's ``fit``, as in :func:`skfair.base.fit_weighted`; sensitive features go
        to ``predict``, too, where the estimator asks for them.
    warm_start : bool, default=True
        Start logistic regressions from the last solution.

    Attributes
    ----------
    prefix : Pipeline or None
        Transformers that were fitted once.
    n_calls : int
        Fits so far; answers that are constant are none.
    seconds : float
        Time that fits took.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        classes: Sequence[Any] | None = None,
        metadata: dict[str, Any] | None = None,
        warm_start: bool = True,
    ) -> None:
        self.warm_start = warm_start
        self.metadata = metadata or {}
        self.classes, self.n_calls, self.seconds = classes, 0, 0.0
        self.prefix, self.estimator, self._previous = None, estimator, None
        self.last_step = ""
        self._train = self._X = X
        start = time.perf_counter()
        if _is_splittable(estimator, self.metadata):
            self.prefix, self.estimator = clone(estimator[:-1]), estimator[-1]
            self.last_step = estimator.steps[-1][0]
            self._train = self.prefix.fit_transform(X, y)
            self._X = self.prefix.transform(X)
        self.seconds += time.perf_counter() - start

    def fit(self, labels: Any, weights: Floats) -> Any:
        """Fit a member to labels and weights, or answer a constant where one label has all weight.

        Parameters
        ----------
        labels : ndarray of shape (n,)
        weights : ndarray of float of shape (n,)

        Returns
        -------
        member : estimator
            It takes what the ``prefix`` gives.
        """
        if self.classes is not None:
            known = [c for c in self.classes if weights[labels == c].any()]
            if len(known) < 2:
                return constant_classifier(self.classes, (known or self.classes)[0])
        start = time.perf_counter()
        fresh, restore = self._fresh()
        member = fit_weighted(fresh, self._train, labels, weights, **self.metadata)
        if restore is not None:
            member.set_params(warm_start=restore)
            self._previous = member
        self.n_calls += 1
        self.seconds += time.perf_counter() - start
        return member

    def predict(self, member: Any) -> Any:
        """Predict the training rows."""
        params = self._params(member, "predict")
        return np.asarray(call(member, "predict", self._X, params))

    def probability(self, member: Any, label: Any) -> Floats:
        """Probability of a class by a member, of the training rows."""
        params = self._params(member, "predict_proba")
        table = np.asarray(call(member, "predict_proba", self._X, params))
        return table[:, list(member.classes_).index(label)]

    def _params(self, member: Any, method: str) -> dict[str, Any]:
        """Pass groups on to a member that asks for them."""
        groups = self.metadata.get("sensitive_features")
        if groups is None or is_constant(member) or not wants(member, method):
            return {}
        return {"sensitive_features": groups}

    def mixture(self, members: Sequence[Any], chances: Floats) -> PredictorMixture:
        """Mix members."""
        chances = np.asarray(chances, dtype=float)
        return PredictorMixture(list(members), chances, self.prefix, self.last_step)

    def _fresh(self) -> tuple[Any, Any]:
        """Make an unfitted estimator, or one at the last solution and its own ``warm_start``."""
        if not self.warm_start or type(self.estimator) is not LogisticRegression:
            return clone(self.estimator), None
        if self._previous is None:
            return clone(self.estimator), self.estimator.warm_start
        return deepcopy(self._previous).set_params(warm_start=True), self.estimator.warm_start


def _is_splittable(estimator: Any, metadata: dict[str, Any]) -> bool:
    """Tell whether a Pipeline's transformers can be fitted once and apart from its last step."""
    if type(estimator) is not Pipeline or len(estimator.steps) < 2:
        return False
    if estimator.steps[-1][1] in (None, "passthrough") or any("__" in name for name in metadata):
        return False
    steps = [step for _, step in estimator.steps[:-1] if step not in (None, "passthrough")]
    return not any(
        wants(step, method, name)
        for step in steps
        for name in {*metadata, "sensitive_features"}
        for method in ("fit", "transform")
    )
