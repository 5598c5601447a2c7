from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from skfair._utils.columns import column_positions
from skfair.detection._features import read_features
from skfair.groups import MISSING

REPRODUCIBLE = settings(max_examples=60)
AGES = [20, 30, 40, 50, 60, 70, 80, 90]


def read(values, **options):
    (feature,) = read_features(pd.DataFrame({"age": values}), **options)
    return feature


def decode(feature):
    return [feature.groups.labels[code] for code in feature.groups.codes]


def test_few_numbers_are_values():
    feature = read([3, 1, 3, 2])
    assert feature.groups.labels == (1, 2, 3)
    assert feature.numbers.tolist() == [3, 1, 3, 2]
    assert (feature.name, feature.position) == ("age", 0)


def test_many_numbers_are_cut_at_quantiles_that_are_values():
    # a quarter of 8 rows is 2: the second, fourth and sixth of the sorted values
    feature = read(AGES, n_bins=4)
    assert feature.groups.labels == ("age<=30", "30<age<=50", "50<age<=70", "age>70")
    assert feature.groups.codes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_values_that_fill_several_quantiles_are_one_bin():
    feature = read([0] * 12 + [1, 2, 3, 4], n_bins=4)
    assert feature.groups.labels == ("age<=0", "age>0")


def test_a_column_almost_all_of_whose_values_are_the_largest_is_cut_below_it():
    feature = read([9] * 20 + [1, 2, 3], n_bins=2)
    assert feature.groups.labels == ("age<=3", "age>3")
    assert np.bincount(feature.groups.codes).tolist() == [3, 20]


def test_no_cut_is_above_the_largest_value():
    feature = read([1] * 8 + [2, 3] + [9] * 10, n_bins=3)  # cut at a third: 1, two thirds: 9
    assert feature.groups.n_groups == 2
    assert np.bincount(feature.groups.codes).tolist() == [8, 12]


@REPRODUCIBLE
@given(
    values=st.lists(st.integers(-50, 50), min_size=1, max_size=60),
    n_bins=st.integers(2, 8),
)
def test_bins_are_few_full_and_in_order(values, n_bins):
    feature = read(values, n_bins=n_bins)
    codes, array = feature.groups.codes, np.array(values)
    assert feature.groups.n_groups <= n_bins
    assert (np.bincount(codes) > 0).all()
    assert (np.diff(codes[np.argsort(array)]) >= 0).all()
    assert feature.groups.n_groups > 1 or len(set(values)) == 1


def test_missing_numbers_are_a_group_and_move_no_cut():
    feature = read([*AGES, None, np.nan], n_bins=4)
    assert feature.groups.labels == ("age<=30", "30<age<=50", "50<age<=70", "age>70", MISSING)
    assert feature.groups.codes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert np.isnan(feature.numbers[-2:]).all()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([*AGES, None], dtype="Int64"),
        pd.Series([*AGES, None], dtype="Float32"),
        pd.Series([*AGES, None], dtype=object),
        pd.Series([*AGES, np.nan], index=range(9, 0, -1)),
        pl.Series([*AGES, None]),
    ],
    ids=["Int64", "Float32", "object", "odd index", "polars"],
)
def test_numbers_of_any_type_are_read_alike(column):
    frame = (pl if isinstance(column, pl.Series) else pd).DataFrame({"age": column})
    (feature,) = read_features(frame, n_bins=4)
    assert feature.groups.labels == ("age<=30", "30<age<=50", "50<age<=70", "age>70", MISSING)
    assert_array_equal(feature.numbers, [*AGES, np.nan])


@pytest.mark.parametrize("values", [[None, None], [np.nan, np.nan], ["b", "a"], [True, False]])
def test_all_else_is_grouped_by_value(values):
    feature = read(values)
    assert feature.groups.n_groups == len(set(map(str, values)))
    assert feature.numbers is None or np.isnan(feature.numbers).all()


def test_categories_that_are_numbers_are_no_numbers():
    feature = read(pd.Categorical([10, 9, 10]))
    assert feature.numbers is None
    assert feature.groups.labels == (9, 10)


@pytest.mark.parametrize(
    "make", [np.array, sparse.csr_matrix, sparse.coo_matrix, np.ndarray.tolist]
)
def test_matrices_have_numbered_columns(make):
    matrix = np.array([[0, 5], [1, 0], [0, 5]])
    features = read_features(make(matrix))
    assert [f.name for f in features] == ["x0", "x1"]
    assert [decode(f) for f in features] == [[0, 1, 0], [5, 0, 5]]


def test_only_the_wanted_columns_are_read_by_name_or_position():
    X = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0, 0]})
    assert [f.name for f in read_features(X, columns=["c", 1])] == ["c", "b"]
    assert [f.position for f in read_features(X, columns=["c", 1])] == [2, 1]


TEXTS = [f"text {i}" for i in range(40)]
LEFT_OUT = {
    "a text a row": (TEXTS, "40 distinct values in 40 rows are no groups"),
    "texts, some missing": ([*TEXTS, None], "40 distinct values in 40 rows are no groups"),
    "categories": (pd.Categorical(TEXTS), "40 distinct values in 40 rows are no groups"),
    "dates": ([datetime.datetime(2020, 1, 1)] * 40, "dates are no groups"),
    "durations": ([datetime.timedelta(1)] * 40, "dates are no groups"),
}


@pytest.mark.parametrize(("values", "reason"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_is_no_groups_is_left_out_with_a_warning(values, reason):
    X = pd.DataFrame({"kept": [0] * len(values), "note": values})
    with pytest.warns(UserWarning, match=f"columns left out: 'note': {reason}"):
        features = read_features(X)
    assert [f.name for f in features] == ["kept"]


@pytest.mark.parametrize("values", [TEXTS * 2, TEXTS[:30], list(range(1000))])
def test_what_may_be_groups_is_kept(values):
    assert read(values).name == "age"


@pytest.mark.parametrize("n_bins", [1, 31, 2.0, None, "many"])
def test_the_number_of_bins_is_an_integer_in_range(n_bins):
    with pytest.raises(ValueError, match="n_bins must be an integer from 2 to 30"):
        read([1, 2], n_bins=n_bins)


def test_infinite_numbers_are_refused():
    with pytest.raises(ValueError, match="infinity in column 'age'"):
        read([1, np.inf])


def test_complex_numbers_are_refused():
    with pytest.raises(ValueError, match="Complex data not supported"):
        read([1j, 2])


X = pd.DataFrame({"a": [1], "b": [2], "c": [3]})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (None, [0, 1, 2]),
        ("b", [1]),
        (2, [2]),
        (np.int64(1), [1]),
        (["c", 0], [2, 0]),
        (np.array(["c", "a"]), [2, 0]),
        (pd.Index(["b"]), [1]),
    ],
)
def test_positions(columns, expected):
    assert column_positions(X, columns) == expected


@pytest.mark.parametrize("columns", ["d", 3, -1, ["a", "d"], [0, 5]])
def test_columns_that_arent_there(columns):
    with pytest.raises(
        ValueError, match=r"X has no columns \[.+\]; its columns are \['a', 'b', 'c'\]"
    ):
        column_positions(X, columns)


def test_one_dimension_is_no_table():
    with pytest.raises(ValueError, match="Expected 2D array"):
        column_positions([1, 2, 3])


def test_features_know_the_edges_of_their_bins():
    ages, sex = read_features(
        pd.DataFrame({"age": [18, 19, 21, 22], "sex": list("fmfm")}), n_bins=2
    )
    assert (ages.edges, ages.groups.labels) == ((20.0,), ("age<=20", "age>20"))
    assert sex.edges is None


@pytest.mark.parametrize(
    "dates",
    [
        pd.date_range("2024-01-01", periods=60),
        [datetime.date(2024, 1, 1) + datetime.timedelta(days=k) for k in range(60)],
        pd.array(
            [datetime.date(2024, 1, 1) + datetime.timedelta(days=k) for k in range(60)],
            dtype=object,
        ),
        [datetime.time(k % 24, k) for k in range(60)],
        [datetime.timedelta(seconds=k) for k in range(60)],
    ],
)
def test_dates_and_times_of_any_type_are_left_out(dates):
    X = pd.DataFrame({"opened": np.tile(np.asarray(dates, dtype=object), 3), "n": range(180)})
    for frame in (X, X.infer_objects()):
        with pytest.warns(UserWarning, match="'opened': dates are no groups"):
            (feature,) = read_features(frame)
        assert feature.name == "n"


def test_dates_of_arrow_are_left_out():
    pyarrow = pytest.importorskip("pyarrow")
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=k) for k in range(60)]
    for kind in (pyarrow.date32(), pyarrow.timestamp("s")):
        X = pd.DataFrame({"opened": pd.array(days, dtype=pd.ArrowDtype(kind)), "n": range(60)})
        with pytest.warns(UserWarning, match="'opened': dates are no groups"):
            (feature,) = read_features(X)
        assert feature.name == "n"
