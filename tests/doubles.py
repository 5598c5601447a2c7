"""Estimators that know each row by its id and raise where groups, labels or weights are not its.

The first column of X is the row's id; group, label and weight are fixed functions of it. A test
that passes shifted groups to the same estimators must see them raise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metadata_routing import UNUSED

from skfair.base import BaseMetaMitigator, GroupsAtPredictMixin
from skfair.groups import Groups

N_ROWS = 120


class Misaligned(Exception):
    """A row came with what belongs to another row."""


def group_of(ids):
    return np.asarray(ids).astype(int) * 7 % 5 // 2  # 0, 1 and (half as often) 2


def label_of(ids):
    return np.asarray(ids).astype(int) * 13 % 11 % 2


def weight_of(ids):
    return 1 + np.asarray(ids) / 1000  # no two rows have the same


def make_rows(n=N_ROWS, seed=0):
    """X in a random order of ids, labels, groups and weights; X holds the groups as well."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(n)
    X = pd.DataFrame(
        {"row": ids.astype(float), "x": rng.normal(size=n), "group": group_of(ids)},
        index=rng.permutation(n) + 1000,
    )
    return X, label_of(ids), group_of(ids), weight_of(ids)


def row_ids(X):
    if isinstance(X, pd.DataFrame | pl.DataFrame):
        return X["row"].to_numpy()
    return np.asarray(X)[:, 0]


def check_aligned(what, got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape or not np.array_equal(got, expected):
        raise Misaligned(f"{what} belong to other rows")


def check_groups(X, groups: Groups):
    """Check one sensitive feature, or several copies of it that intersect."""
    labels = np.asarray(groups.labels).reshape(groups.n_groups, -1)
    for of_one_feature in labels[groups.codes].T:
        check_aligned("groups", of_one_feature, group_of(row_ids(X)))


class RowChecker(ClassifierMixin, BaseEstimator):
    """Checks labels and, with ``weights="known"``, weights; predicts by the sign of a column."""

    def __init__(self, weights="any", level=0.0):
        self.weights = weights
        self.level = level

    def fit(self, X, y, sample_weight=None):
        ids = row_ids(X)
        check_aligned("labels", y, label_of(ids))
        if self.weights == "known":
            check_aligned("weights", sample_weight, weight_of(ids))
        self.rows_ = ids
        self.n_features_in_ = X.shape[1]
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return (np.asarray(X)[:, 1] - self.level).astype(float)

    def predict_proba(self, X):
        positive = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.column_stack([1 - positive, positive])

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


class UnweightedRowChecker(RowChecker):
    """Takes no weights."""

    def fit(self, X, y):
        return super().fit(X, y)


class WatchingMitigator(BaseMetaMitigator):
    """Checks groups and, with ``weights="known"``, weights; fits the inner estimator with them."""

    def __init__(self, estimator, *, sensitive_features=None, missing="group", weights="any"):
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.missing = missing
        self.weights = weights

    def _fit(self, X, y, groups, sample_weight, metadata):
        check_groups(X, groups)
        if self.weights == "known":
            check_aligned("weights", sample_weight, weight_of(row_ids(X)))
        self.rows_ = row_ids(X)
        self._fit_clone(X, y, sample_weight, metadata)


class UnweightedMitigator(WatchingMitigator):
    """Takes no weights, so that bagging draws rows instead of weighting them."""

    __metadata_request__fit = {"sample_weight": UNUSED}  # noqa: RUF012

    def fit(self, X, y, *, sensitive_features=None, **fit_params):
        return super().fit(X, y, sensitive_features=sensitive_features, **fit_params)


class GroupRule(GroupsAtPredictMixin, ClassifierMixin, BaseEstimator):
    """Has a threshold for each group, so it needs the right groups at predict as well."""

    def __init__(self, sensitive_features=None, level=0.0):
        self.sensitive_features = sensitive_features
        self.level = level

    def fit(self, X, y, *, sensitive_features=None, sample_weight=None):
        check_groups(X, self._read_groups(X, sensitive_features))
        self.rows_ = row_ids(X)
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X, *, sensitive_features=None):
        groups = self._read_groups(X, sensitive_features)
        check_groups(X, groups)
        values = np.asarray(X)[:, 1].astype(float)
        return values - self.level - 0.5 * np.asarray(groups.labels)[groups.codes]

    def predict_proba(self, X, *, sensitive_features=None):
        scores = self.decision_function(X, sensitive_features=sensitive_features)
        positive = 1 / (1 + np.exp(-scores))
        return np.column_stack([1 - positive, positive])

    def predict(self, X, *, sensitive_features=None):
        scores = self.decision_function(X, sensitive_features=sensitive_features)
        return self.classes_[(scores > 0).astype(int)]


def watchers(model):
    """All fitted doubles inside a fitted model."""
    if isinstance(model, list | tuple):
        return [found for part in model for found in watchers(part)]
    here = [model] if hasattr(model, "rows_") else []
    inside = ("steps", "best_estimator_", "estimator_", "estimators_", "calibrated_classifiers_")
    if isinstance(model, BaseEstimator):
        parts = [getattr(model, name) for name in inside if hasattr(model, name)]
        return here + watchers(parts)
    if hasattr(model, "calibrators"):  # one of calibrated_classifiers_
        return watchers(model.estimator)
    return here
