from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from scipy import sparse

from skfair._utils.columns import (
    is_frame,
    is_series,
    named_columns,
    select_column,
    take_columns,
    take_rows,
    to_array,
)


@pytest.mark.parametrize(
    ("values", "frame", "series"),
    [
        (pd.DataFrame({"a": [1]}), True, False),
        (pl.DataFrame({"a": [1]}), True, False),
        (pa.table({"a": [1]}), True, False),
        (pl.LazyFrame({"a": [1]}), False, False),
        (pd.Series([1]), False, True),
        (pl.Series([1]), False, True),
        (pa.chunked_array([[1]]), False, True),
        (np.ones((2, 2)), False, False),
        ([1], False, False),
        (None, False, False),
    ],
)
def test_frames_and_series_are_recognised(values, frame, series):
    assert (is_frame(values), is_series(values)) == (frame, series)


def test_categoricals_stay_categoricals():
    values = pd.Categorical(["b", "a"], ["b", "a"], ordered=True)
    assert to_array(pd.Series(values)).equals(values)
    assert to_array(pd.CategoricalIndex(values)).equals(values)
    assert to_array(values) is values


def test_columns_keep_their_names_and_order():
    pairs = named_columns(pl.DataFrame({"b": [1], "a": [2]}))
    assert [(name, values.tolist()) for name, values in pairs] == [("b", [1]), ("a", [2])]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pd", "pl", "pa"])
@pytest.mark.parametrize("column", ["b", 1])
def test_select_column_by_name_or_position(make, column):
    name, values = select_column(make({"a": [1, 2], "b": ["x", "y"]}), column)
    assert name == "b"
    assert_array_equal(values, ["x", "y"])


def test_a_position_is_a_position_also_where_names_are_numbers():
    X = pd.DataFrame({1: ["x"], 0: ["y"]})
    assert select_column(X, 0)[0] == 1


def test_a_column_of_rows_keeps_its_types_and_missing_values():
    rows = [["f", 1], [np.nan, 2], ["m", 3]]
    name, values = select_column(rows, 0)
    assert name == "x0"
    assert pd.isna(values).tolist() == [False, True, False]
    assert select_column([[0, "u"], [1, "v"]], 0)[1].tolist() == [0, 1]
    with pytest.raises(ValueError, match="no column 2"):
        select_column(rows, 2)


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, 1.5]}, index=[7, 7])


@pytest.mark.parametrize("positions", [[2, 0], np.array([2, 0]), (np.int64(2), 0)])
def test_take_columns_of_frames_keeps_type_dtypes_and_index(positions):
    assert_frame_equal(take_columns(FRAME, positions), FRAME[["c", "a"]])
    polars = pl.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, 1.5]})
    found = take_columns(polars, positions)
    assert found.equals(polars.select("c", "a"))
    assert found.schema == polars.select("c", "a").schema
    table = take_columns(polars.to_arrow(), positions)
    assert isinstance(table, pa.Table)
    assert table.column_names == ["c", "a"]


def test_take_columns_by_position_where_names_are_numbers_or_twice_the_same():
    twice = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    assert take_columns(twice, [2, 1]).to_numpy().tolist() == [[3, 2]]
    assert take_columns(pd.DataFrame([[1, 2]], columns=[1, 0]), [0]).columns.tolist() == [1]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_take_columns_of_matrices_keeps_their_type(make):
    matrix = make(np.array([[1, 0, 3], [0, 5, 6]], dtype=np.float32))
    found = take_columns(matrix, [2, 0])
    assert type(found) is type(matrix)
    assert found.dtype == np.float32
    dense = found.toarray() if sparse.issparse(found) else found
    assert dense.tolist() == [[3, 1], [6, 0]]


def test_take_columns_of_rows():
    assert take_columns([[1, "u", 2.5], [2, None, 3.5]], [1, 2]) == [["u", 2.5], [None, 3.5]]
    assert take_columns([[1, 2]], []) == [[]]


def test_take_no_columns():
    assert take_columns(FRAME, []).shape == (2, 0)
    assert take_columns(np.ones((2, 3)), []).shape == (2, 0)


@pytest.mark.parametrize(
    "make", [list, np.array, pd.Series, pl.Series, lambda v: pd.DataFrame({"a": v})]
)
def test_take_rows_by_mask(make):
    by_place = take_rows(make([10, 20, 30]), [1, 2])
    for mask in ([False, True, True], np.array([False, True, True])):
        found = take_rows(make([10, 20, 30]), mask)
        assert np.array(found).ravel().tolist() == [20, 30]
        assert type(found) is type(by_place)
