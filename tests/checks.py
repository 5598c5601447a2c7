"""scikit-learn's checks as parameters, and what estimators that go through them are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, estimator_checks


def parametrize_with_checks(estimators, **options):
    """scikit-learn's own, with the name of each estimator worked out once."""
    mark = estimator_checks.parametrize_with_checks(estimators, **options)
    return pytest.mark.parametrize(*mark.args, ids=cache(mark.kwargs["ids"]))


@dataclass
class IsPositive:
    """A callable of X: each row's group comes from its own values, never from the batch."""

    column: int

    def __call__(self, X):
        values = check_array(X, accept_sparse="csc")[:, [self.column]]
        return (values.toarray() if sparse.issparse(values) else values).ravel() > 0


@dataclass
class IsOdd(IsPositive):
    """Groups of which there are two where all values have one sign as well."""

    def __call__(self, X):
        values = check_array(X, accept_sparse="csc")[:, [self.column]]
        values = values.toarray() if sparse.issparse(values) else values
        return np.floor(abs(values.ravel()) * 7) % 2


PIPELINE = make_pipeline(StandardScaler(with_mean=False), LogisticRegression())  # takes sparse X
