from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skfair.similarity import combine_codes, equal_pairs, row_codes

VALUES = st.sampled_from([0, 1, 2.0, 0.5, "a", "b", None, np.nan])


def codes_of(table):
    (codes,) = row_codes(table)
    return codes.tolist()


def test_equal_rows_share_a_code_in_order_of_first_occurrence():
    X = pd.DataFrame({"a": [5, 1, 5, 1], "b": ["x", "y", "x", "x"]}, index=[9, 9, 3, "z"])
    assert codes_of(X) == [0, 1, 0, 2]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [3, 4, 3], "b": ["x", "y", "x"]}),
        pd.DataFrame({"a": [3, 4, 3], "b": pd.Categorical(["x", "y", "x"])}),
        pd.DataFrame({"a": [3, 4, 3], "b": ["x", "y", "x"]}).convert_dtypes(),
        pl.DataFrame({"a": [3, 4, 3], "b": ["x", "y", "x"]}),
        pl.DataFrame({"a": [3, 4, 3], "b": ["x", "y", "x"]}, schema_overrides={"b": pl.Enum("xy")}),
        pl.DataFrame({"a": [3, 4, 3], "b": ["x", "y", "x"]}).to_arrow(),
        {"a": [3, 4, 3], "b": ["x", "y", "x"]},
        np.array([[3, "x"], [4, "y"], [3, "x"]], dtype=object),
        np.array([[3.0, 1.0], [4.0, 1.0], [3.0, 1.0]]),
        np.array([3, 4, 3]),
        [[3, "x"], [4, "y"], [3, "x"]],
        pd.DataFrame({"t": pd.to_datetime(["2020-01-01", "2021-01-01", "2020-01-01"])}),
    ],
)
def test_tables_of_every_kind(table):
    assert codes_of(table) == [0, 1, 0]


def test_missing_values_of_every_kind_are_equal_to_each_other_and_nothing_else():
    assert codes_of({"a": np.array([None, np.nan, pd.NA, pd.NaT, 0, "nan"], dtype=object)}) == [
        *(0, 0, 0, 0, 1, 2)
    ]
    train = pd.DataFrame({"a": [1.0, np.nan]})
    test = pl.DataFrame({"a": [None, 1, 2]})
    again = pd.DataFrame({"a": pd.array([None, 2], dtype="Int64")})
    found = [codes.tolist() for codes in row_codes(train, test, again)]
    assert found == [[0, 1], [1, 0, 2], [1, 2]]


def test_columns_are_matched_by_name_and_without_names_by_position():
    one = pd.DataFrame({"a": [1, 2], "b": [2, 1]})
    two = pl.DataFrame({"b": [2.0], "a": [1.0]})
    assert [c.tolist() for c in row_codes(one, two)] == [[0, 1], [0]]
    assert [c.tolist() for c in row_codes(one, np.array([[2, 1]]))] == [[0, 1], [1]]


def test_numbers_are_equal_by_value_whatever_their_type():
    parts = [np.array([1, 0]), np.array([1.0, -0.0]), np.array([True, False])]
    parts += [np.array([1, 0], dtype=t) for t in ("uint64", "int8", "float32", "float16", object)]
    for part in row_codes(*parts):
        assert part.tolist() == [0, 1]


def test_large_integers_are_not_rounded_to_floats():
    large = 1 << 53
    ints, floats = np.array([large + 1, large]), np.array([float(large)])
    assert [c.tolist() for c in row_codes(ints, floats)] == [[0, 1], [1]]
    unsigned = np.array([2**64 - 1, large + 1], dtype=np.uint64)
    assert [c.tolist() for c in row_codes(ints, unsigned)] == [[0, 1], [2, 0]]
    assert [c.tolist() for c in row_codes(-ints, unsigned)] == [[0, 1], [2, 3]]


def test_large_integers_beside_missing_ones_are_not_rounded_either():
    large = 1 << 53
    values, expected = [large + 1, None, large, large + 1], [0, 1, 2, 0]
    assert codes_of(pd.DataFrame({"id": pd.array(values, dtype="Int64")})) == expected
    assert codes_of(pl.DataFrame({"id": values})) == expected
    assert codes_of(pl.Series("id", [-v if v else v for v in values])) == expected
    assert codes_of(pl.DataFrame({"id": values}).to_arrow()) == expected
    small = pd.array([1, None, 2, 1], dtype="Int64")
    assert codes_of({"id": small, "n": pl.Series(values)}) == expected


def test_dates_of_different_units_are_equal_and_are_no_integers():
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[s]")
    found = row_codes(days, days.astype("datetime64[ns]"))
    assert [c.tolist() for c in found] == [[0, 1], [0, 1]]
    with pytest.raises(ValueError, match="dates in one table and numbers in another"):
        row_codes(days, days.astype("int64"))
    with_text = np.array([pd.Timestamp("2020-01-01"), "x"], dtype=object)
    assert [c.tolist() for c in row_codes(days, with_text)] == [[0, 1], [0, 2]]


def test_many_columns_of_many_values_are_combined_without_overflow_or_collision():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 1000, size=(1000, 20))
    X[500:] = X[:500]
    X[999, 0] += 1
    assert codes_of(X) == [*range(500), *range(499), 500]


def test_a_difference_in_the_first_of_many_columns_is_kept():
    # three values and "missing" make four codes: beyond 32 columns a 64-bit number wraps around
    X = np.tile(np.array([[0], [1], [2]]), 40)
    X = np.vstack([X, X[:1]])
    X[3, 0] = 1
    assert codes_of(X) == [0, 1, 2, 3]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
)
def test_codes_agree_with_equality_of_rows_in_any_order(rows, random):
    plain = [tuple(None if v is None or v != v else v for v in row) for row in rows]
    codes = codes_of(np.array(rows, dtype=object))
    for i in range(len(rows)):
        assert [c == codes[i] for c in codes] == [row == plain[i] for row in plain]
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = codes_of(np.array([rows[i] for i in order], dtype=object))
    pairs = {(codes[i], shuffled[place]) for place, i in enumerate(order)}
    assert len(pairs) == len(set(codes)) == len(set(shuffled))


def test_equal_pairs_connect_each_row_to_the_first_of_its_kind():
    pairs = equal_pairs(np.array([7, 3, 7, 3, 5, 7]))
    assert pairs.first.tolist() == [0, 0, 1]
    assert pairs.second.tolist() == [2, 5, 3]
    assert pairs.distance.tolist() == [0, 0, 0]


def test_combined_codes_count_from_0():
    codes = combine_codes([(np.array([4, 2, 4]), 5), (np.array([0, 0, 1]), 2)])
    assert codes.tolist() == [0, 1, 2]


def test_tables_whose_columns_differ_are_refused_with_their_names():
    one, two = pd.DataFrame({"a": [1], "b": [1]}), pd.DataFrame({"a": [1], "c": [1]})
    with pytest.raises(ValueError, match=r"table 1 lacks \['b'\] of the first and adds \['c'\]"):
        row_codes(one, two)
    with pytest.raises(ValueError, match=r"different numbers of columns: \[2, 3\]"):
        row_codes(one, np.ones((1, 3)))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"a": []}), "0 sample"),
        (pd.DataFrame(index=[0, 1]), "0 feature"),
        (np.ones((2, 0)), "0 feature"),
        (pd.DataFrame({"tags": [["x"], ["y"]]}), "column 'tags' holds values that can't be"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "[Uu]nique"),
        (pd.MultiIndex.from_arrays([[1], [2]], names=["a", "a"]), "occur twice"),
        ({"a": [1, 2], "b": [1]}, "differ in length"),
        ("age", "no column of values"),
    ],
)
def test_bad_tables_are_refused(table, message):
    with pytest.raises(ValueError, match=message):
        row_codes(table)


def test_no_table_and_sparse_tables_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match="at least one table"):
        row_codes()
    with pytest.raises(ValueError, match="toarray"):
        row_codes(sparse.csr_array(np.eye(2)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([30, 40], ["30", "40"]),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), ["2020-01-01", "2021-01-01"]),
        (pd.Categorical(["1", "2"]), [1.0, 2.0]),
    ],
)
def test_text_beside_numbers_or_dates_is_refused(one, other):
    with pytest.raises(ValueError, match=r"column 'a' holds .* in one table and .* in another"):
        row_codes(pd.DataFrame({"a": one}), pd.DataFrame({"a": other}))
    lacking = pd.DataFrame({"a": [None, None]})
    assert len(row_codes(pd.DataFrame({"a": one}), lacking)) == 2
