"""What estimators read of a table, and its columns as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator

from skfair.base import (
    NumericFeaturesMixin,
    as_matrix,
    feature_positions,
    numeric_matrix,
    read_table,
)


class Reader(NumericFeaturesMixin, BaseEstimator):
    def __init__(self, sensitive_features=None, takes_sparse=False):
        self.sensitive_features = sensitive_features
        self.takes_sparse = takes_sparse

    def read(self, X, reset=True):
        return self._read_features(X, reset)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.takes_sparse
        tags.input_tags.string = True
        return tags


TABLE = {"age": [20, 30], "sex": ["f", "m"], "pay": [1.5, 2.5]}
ROWS = [[20, "f", 1.5], [30, "m", 2.5]]


@pytest.mark.parametrize(
    ("X", "sensitive"),
    [
        (pd.DataFrame(TABLE, index=[7, 7]), "sex"),
        (pl.DataFrame(TABLE), "sex"),
        (ROWS, 1),
        (tuple(map(tuple, ROWS)), 1),
        (np.array(ROWS, dtype=object), 1),
    ],
    ids=["pandas", "polars", "list", "tuple", "numpy"],
)
def test_sensitive_columns_are_no_features(X, sensitive):
    reader = Reader(sensitive)
    features = reader.read(X)
    assert features.dtype == np.float64
    assert_array_equal(features, [[20, 1.5], [30, 2.5]])
    assert_array_equal(reader.read(X, reset=False), features)
    assert reader.n_features_in_ == 3


def test_other_words_are_refused_by_name():
    with pytest.raises(ValueError, match=r"columns \['sex'\] are not numeric"):
        Reader("age").read(pd.DataFrame(TABLE))


def test_a_table_of_sensitive_columns_has_no_features():
    with pytest.raises(ValueError, match="all n_features=2 columns are sensitive"):
        feature_positions(np.zeros((1, 2)), [0, 1])


def test_another_number_of_columns_is_refused():
    reader = Reader()
    reader.read(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"2 features.*expecting 3"):
        reader.read(np.ones((2, 2)), reset=False)


@pytest.mark.parametrize("of", [np.ones((0, 2)), pd.DataFrame({"a": np.zeros(0)})])
def test_no_rows_are_refused(of):
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        Reader().read(of)


def test_a_sparse_table_stays_sparse_where_it_is_taken():
    X = sparse.coo_array(np.array([[1, 0, 2], [0, 3, 0]]))
    features = Reader(0, takes_sparse=True).read(X)
    assert features.format == "csr"
    assert_array_equal(features.toarray(), [[0.0, 2.0], [3.0, 0.0]])
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        read_table(Reader(), X, reset=True)


def test_infinity_in_a_sparse_table_is_refused():
    X = sparse.csr_array(np.array([[1.0, np.inf]]))
    with pytest.raises(ValueError, match="infinity"):
        Reader(takes_sparse=True).read(X)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32, np.float64])
def test_arrays_of_numbers_are_read_as_columns_are(dtype):
    X = np.asfortranarray(np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype))
    found = numeric_matrix(X, [2, 0])
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    assert_array_equal(found, numeric_matrix(X.astype(object), [2, 0]))
    assert_array_equal(found, [[1, 0], [1, 1]])
    found[:] = 9
    assert X.max() <= 1


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize("dtype", [np.float64, object])
def test_missing_and_infinite_numbers_are_refused_by_column(value, word, dtype):
    X = np.array([[1.0, value, value]]).astype(dtype)
    with pytest.raises(ValueError, match=rf"{word} in columns \['x2'\]"):
        numeric_matrix(X, [0, 2])


def test_numbers_beside_words_stay_numbers():
    found = as_matrix(ROWS)
    assert found.dtype == object
    assert found[0].tolist() == [20, "f", 1.5]
    assert as_matrix([[1, 2.5]]).dtype == np.float64
    frame = pd.DataFrame(TABLE)
    assert as_matrix(frame) is frame
