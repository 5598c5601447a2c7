"""What logistic regressions under a fairness penalty share: reading of data, and predictions."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, log_expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skfair._utils.text import listed
from skfair._utils.validation import (
    check_any_weight,
    check_count,
    check_number,
    check_same_length,
    check_share,
    check_weights,
    encode_labels,
)
from skfair._utils.warning import warn_user
from skfair.base import NumericFeaturesMixin
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.inprocessing._logistic import Design, Floats, Found, LogisticObjective


class TrainingRows(NamedTuple):
    """Rows to fit: features, labels 0 and 1, groups, and weights (all 1 where none are given)."""

    X: Any
    y: Floats
    groups: Groups
    weights: Floats


class BaseFairLogistic(NumericFeaturesMixin, ClassifierMixin, BaseEstimator):
    """Base of logistic regressions under a fairness penalty.

    A subclass overrides ``_fit_rows(rows)``, which returns the objective and where its search
    ended, and ``_check_parameters``.
    """

    uses_group_at_predict = False
    infers_group = False

    sensitive_features: ColumnSpec | None
    missing: Missing
    C: float
    l1_ratio: float
    fit_intercept: bool
    n_starts: int
    solver_tol: float
    max_iter: int

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : data frame, array-like or sparse array of shape (n, n_features)
            Numeric, but for the columns that are named as sensitive.
        y : array-like of shape (n,)
            Labels of two classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights. A row of weight 0 is as good as absent.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If groups are given twice or not at all, features aren't numeric, or there are not two
            classes.
        """
        self._check_parameters()
        groups = self._read_groups(X, sensitive_features)
        rows = self._read_rows(self._read_features(X, reset=True), y, groups, sample_weight)
        objective, found = self._fit_rows(rows)
        self.coef_, self.intercept_ = objective.design.model(found.theta)
        self.n_iter_, self.converged_ = found.n_iter, found.converged
        if not found.converged:
            warn_user(
                f"{type(self).__name__} stopped before it converged (max_iter={self.max_iter}, "
                f"solver_tol={self.solver_tol}): raise max_iter or solver_tol, or bring columns to "
                "like scales",
                ConvergenceWarning,
            )
        return self

    def _fit_rows(self, rows: TrainingRows) -> tuple[LogisticObjective, Found]:
        raise NotImplementedError

    def _objective(self, rows: TrainingRows, parts: Any = None) -> LogisticObjective:
        """Make the log loss of these rows, with C as in scikit-learn's LogisticRegression."""
        total = float(rows.weights.sum())
        design = Design.read(
            rows.X,
            rows.weights / total,
            fit_intercept=self.fit_intercept,
            parts=parts,
        )
        net = 1.0 / (self.C * total)
        l2 = net * (1 - self.l1_ratio)
        return LogisticObjective(
            design.shrunk(l2),
            signs=2 * rows.y - 1,
            shares=rows.weights / total,
            l2=l2,
            l1=net * self.l1_ratio,
        )

    def decision_function(self, X: Any) -> Floats:
        """Logarithm of the odds of ``classes_[1]``.

        Parameters
        ----------
        X : data frame, array-like or sparse array of shape (n, n_features)
            As at fit, the sensitive columns included; groups are not needed.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self._decide(X)

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of the two classes.

        Parameters
        ----------
        X : data frame, array-like or sparse array of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, 2)
        """
        return probabilities(self._decide(X))

    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithms of the probabilities of the two classes.

        Parameters
        ----------
        X : data frame, array-like or sparse array of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, 2)
        """
        return log_probabilities(self._decide(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the more probable class.

        Parameters
        ----------
        X : data frame, array-like or sparse array of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n,)
        """
        return self._choose(self._decide(X))

    def _choose(self, decision: Floats) -> NDArray[Any]:
        return self.classes_[(decision > 0).astype(np.intp)]

    def _decide(self, X: Any) -> Floats:
        check_is_fitted(self)
        found = self._read_features(X, reset=False) @ self.coef_[0] + self.intercept_[0]
        return np.asarray(found)

    def _read_rows(self, X: Any, y: Any, groups: Groups, sample_weight: Any) -> TrainingRows:
        labels = _read_labels(y, X.shape[0])
        weights = check_weights(sample_weight, X.shape[0])
        if weights is None:
            weights = np.ones(X.shape[0])
        check_any_weight(weights)
        kept = np.flatnonzero(weights)
        if len(kept) < len(weights):
            X, labels, weights = X[kept], labels[kept], weights[kept]
            groups = groups.take(kept)
        (codes,), classes = encode_labels(("y", labels))
        _check_two_classes(classes)
        self.classes_ = np.array(classes)
        return TrainingRows(X, codes.astype(np.float64), groups, weights)

    def _check_parameters(self) -> None:
        check_number("solver_tol", self.solver_tol, above=0)
        strength = self.C
        if strength != np.inf:  # which is no penalty
            check_number("C", strength, above=0)
        check_share("l1_ratio", self.l1_ratio)
        check_count("n_starts", self.n_starts)
        check_count("max_iter", self.max_iter)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        tags.input_tags.string = True  # in sensitive columns
        return tags


def probabilities(decision: Floats) -> Floats:
    """Probabilities of both classes.

    Examples
    --------
    >>> probabilities(np.array([0.0, 800.0]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    return np.column_stack([expit(-decision), expit(decision)])


def log_probabilities(decision: Floats) -> Floats:
    """Their logarithms, which stay finite.

    Examples
    --------
    >>> log_probabilities(np.array([800.0]))
    array([[-800.,   -0.]])
    """
    return np.column_stack([log_expit(-decision), log_expit(decision)])


def _read_labels(y: Any, n: int) -> NDArray[Any]:
    if y is None:
        encode_labels(("y", y))
    labels = column_or_1d(y, warn=True)
    if labels.dtype == object:  # booleans
        labels = pd.Series(labels).infer_objects().to_numpy()
    check_same_length(X=range(n), y=labels)
    assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    return labels


def _check_two_classes(classes: tuple[Hashable, ...]) -> None:
    if len(classes) == 1:
        raise ValueError(
            "This solver needs samples of at least 2 classes in the data, but the data contains "
            f"only one class: {classes[0]!r}"
        )
    if len(classes) > 2:
        raise ValueError(
            "Only binary classification is supported. The type of the target is multiclass: "
            f"{listed(classes)}"
        )
