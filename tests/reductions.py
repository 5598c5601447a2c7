"""Rows, problems and an exact oracle for the tests of mitigators inside training."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from skfair.criteria import read_criteria, read_objective
from skfair.inprocessing._problems import DecisionProblem
from skfair.metrics import demographic_parity_difference


class LookupClassifier(ClassifierMixin, BaseEstimator):
    """The class with the most weight among rows of the same first column: an exact oracle."""

    def fit(self, X, y, sample_weight=None):
        X, y = np.asarray(X), np.asarray(y)
        w = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        self.table_ = {
            value: self.classes_[
                np.argmax([w[(X[:, 0] == value) & (y == c)].sum() for c in self.classes_])
            ]
            for value in np.unique(X[:, 0])
        }
        return self

    def predict(self, X):
        return np.array([self.table_[value] for value in np.asarray(X)[:, 0]])


def make_problem(y, codes, constraints, tol, weights=None, objective="accuracy_score"):
    weights = np.ones(len(y)) if weights is None else weights
    return DecisionProblem(
        np.array([0, 1]),
        np.asarray(y, dtype=np.int8),
        codes,
        np.zeros(len(y), dtype=int),
        (1, codes.max() + 1),
        weights,
        read_criteria(constraints, tol),
        read_objective(objective, np.bincount(y, weights).astype(float)),
    )


def make_frame(n=1200, seed=0, n_groups=2):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n)
    x = rng.normal(size=(n, 3)) + 0.7 * group[:, None] * [1, 0, 0]
    y = (x.sum(axis=1) + 0.5 * group + rng.normal(size=n) > 0.6).astype(int)
    X = pd.DataFrame(x, columns=["a", "b", "c"], index=rng.permutation(n))
    return X.assign(site=np.where(rng.random(n) < 0.5, "x", "y")), y, np.array(list("fmno"))[group]


X, Y, SEX = make_frame()
NUMBERS = X[["a", "b", "c"]]
GAP = demographic_parity_difference
