from __future__ import annotations

import copy
import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from skfair.detection import class_imbalance, compare_representation
from skfair.groups import (
    MAX_NUMERIC_GROUPS,
    MISSING,
    Bins,
    Groups,
    cross,
    is_missing_label,
    labels_index,
)
from skfair.tally import Tally

REPRODUCIBLE = settings(max_examples=60)
ODD_INDEX = [7, 7, -1, 0]

STRINGS = ["m", "f", "x", "f"]
STRING_KINDS = {
    "list": STRINGS,
    "tuple": tuple(STRINGS),
    "list of one-value rows": [[value] for value in STRINGS],
    "numpy str": np.array(STRINGS),
    "numpy object": np.array(STRINGS, dtype=object),
    "numpy column": np.array(STRINGS)[:, None],
    "masked array": np.ma.array(STRINGS, mask=False),
    "Series": pd.Series(STRINGS, index=ODD_INDEX),
    "Series object": pd.Series(STRINGS, dtype=object, index=ODD_INDEX),
    "Series string": pd.Series(STRINGS, dtype="string", index=ODD_INDEX),
    "string array": pd.array(STRINGS, dtype="string"),
    "Series category": pd.Series(STRINGS, dtype="category", index=ODD_INDEX),
    "Index": pd.Index(STRINGS),
    "CategoricalIndex": pd.CategoricalIndex(STRINGS),
    "Categorical": pd.Categorical(STRINGS),
    "Categorical, unused": pd.Categorical(STRINGS, categories=["z", "x", "m", "a", "f"]),
    "Categorical, ordered": pd.Categorical(STRINGS, categories=["f", "m", "x"], ordered=True),
    "Categorical, ordered, unused": pd.Categorical(STRINGS, categories=list("afmx"), ordered=True),
    "DataFrame": pd.DataFrame({"sex": STRINGS}, index=ODD_INDEX),
    "dict": {"sex": STRINGS},
    "dict of Categorical": {"sex": pd.Categorical(STRINGS)},
    "polars Series": pl.Series("sex", STRINGS),
    "polars Categorical": pl.Series("sex", STRINGS, dtype=pl.Categorical),
    "polars Enum": pl.Series("sex", STRINGS, dtype=pl.Enum(["z", "x", "m", "f"])),
    "polars DataFrame": pl.DataFrame({"sex": STRINGS}),
    "pyarrow Array": pa.array(STRINGS),
    "pyarrow ChunkedArray": pa.chunked_array([STRINGS[:1], STRINGS[1:]]),
    "pyarrow dictionary": pa.array(STRINGS).dictionary_encode(),
    "pyarrow chunked dictionary": pa.chunked_array([STRINGS]).dictionary_encode(),
    "pyarrow Table": pa.table({"sex": STRINGS}),
}

MISSING_KINDS = {
    "None in list": ["b", None, "a"],
    "nan in list": ["b", float("nan"), "a"],
    "None in rows": [["b"], [None], ["a"]],
    "None in object array": np.array(["b", None, "a"], dtype=object),
    "nan in object array": np.array(["b", np.nan, "a"], dtype=object),
    "NA in object array": np.array(["b", pd.NA, "a"], dtype=object),
    "NaT in object array": np.array(["b", pd.NaT, "a"], dtype=object),
    "masked": np.ma.array(["b", "z", "a"], mask=[False, True, False]),
    "masked rows": np.ma.array([["b"], ["z"], ["a"]], mask=[[False], [True], [False]]),
    "Series": pd.Series(["b", None, "a"]),
    "Series string": pd.Series(["b", pd.NA, "a"], dtype="string"),
    "Index": pd.Index(["b", None, "a"]),
    "Categorical": pd.Categorical(["b", None, "a"]),
    "Categorical, ordered": pd.Categorical(["b", None, "a"], list("zab"), ordered=True),
    "DataFrame": pd.DataFrame({"sex": ["b", None, "a"]}),
    "polars": pl.Series(["b", None, "a"]),
    "polars Categorical": pl.Series(["b", None, "a"], dtype=pl.Categorical),
    "polars Enum": pl.Series(["b", None, "a"], dtype=pl.Enum(["b", "a"])),
    "pyarrow": pa.array(["b", None, "a"]),
    "pyarrow chunked": pa.chunked_array([["b", None], ["a"]]),
    "pyarrow dictionary": pa.array(["b", None, "a"]).dictionary_encode(),
}

NUMBER_KINDS = {
    "int list": ([10, 9, 10], (9, 10)),
    "int8": (np.array([10, 9, 10], dtype=np.int8), (9, 10)),
    "negative int64": (np.array([4, -4, 4]), (-4, 4)),
    "wide int64": (np.array([10**6, 9, 10**6]), (9, 10**6)),
    "uint64 beyond int64": (np.array([2**64 - 1, 2**64 - 2, 2**64 - 1], dtype=np.uint64), None),
    "float": (np.array([1.5, -0.5, 1.5]), (-0.5, 1.5)),
    "bool": (np.array([True, False, True]), (False, True)),
    "Int64": (pd.Series([10, 9, 10], dtype="Int64"), (9, 10)),
    "Float64": (pd.array([1.5, -0.5, 1.5], dtype="Float64"), (-0.5, 1.5)),
    "boolean": (pd.Series([True, False, True], dtype="boolean"), (False, True)),
    "category of int": (pd.Series([10, 9, 10], dtype="category"), (9, 10)),
    "polars int": (pl.Series([10, 9, 10]), (9, 10)),
    "polars bool": (pl.Series([True, False, True]), (False, True)),
    "pyarrow int": (pa.array([10, 9, 10]), (9, 10)),
    "pyarrow bool": (pa.chunked_array([[True], [False, True]]), (False, True)),
}

INTEGERS_WITH_MISSING = {
    "list": [10, None, 9],
    "float array": np.array([10, np.nan, 9]),
    "masked array": np.ma.array([10, 0, 9], mask=[False, True, False]),
    "Int64": pd.Series([10, None, 9], dtype="Int64"),
    "Int64 array": pd.array([10, None, 9], dtype="Int64"),
    "polars": pl.Series([10, None, 9]),
    "pyarrow": pa.array([10, None, 9]),
}


def cases(table):
    return pytest.mark.parametrize("values", table.values(), ids=table)


def assert_same(groups, other):
    assert groups.labels == other.labels
    assert groups.names == other.names
    assert_array_equal(groups.codes, other.codes)


def decoded(groups):
    return [groups.labels[code] for code in groups.codes]


def frame():
    return pd.DataFrame({"sex": ["f", "m", "f"], "race": ["w", "b", None], "age": [20, 40, 60]})


# what goes in


@cases(STRING_KINDS)
def test_every_kind_of_input_gives_the_same_codes_and_labels(values):
    groups = Groups.read(values)
    assert groups.labels == ("f", "m", "x")
    assert groups.codes.tolist() == [1, 0, 2, 0]
    assert len(groups) == 4
    assert groups.n_groups == 3
    assert all(type(label) is str for label in groups.labels)


@pytest.mark.parametrize(("values", "labels"), NUMBER_KINDS.values(), ids=NUMBER_KINDS)
def test_numbers_and_booleans_are_sorted_plain_labels(values, labels):
    labels = labels or (2**64 - 2, 2**64 - 1)
    groups = Groups.read(values)
    assert groups.labels == labels
    assert groups.codes.tolist() == [1, 0, 1]
    assert {type(label) for label in groups.labels} <= {int, float, bool}


@cases(MISSING_KINDS)
def test_every_missing_marker_is_the_last_group(values):
    groups = Groups.read(values)
    assert groups.labels == ("a", "b", MISSING)
    assert groups.codes.tolist() == [1, 2, 0]


@cases(MISSING_KINDS)
def test_missing_values_are_refused_on_request(values):
    with pytest.raises(ValueError, match="has 1 missing values"):
        Groups.read(values, missing="raise")


@cases(INTEGERS_WITH_MISSING)
def test_missing_values_do_not_turn_integers_into_floats(values):
    groups = Groups.read(values)
    assert groups.labels == (9, 10, MISSING)
    assert [type(label) for label in groups.labels] == [int, int, str]
    assert groups.codes.tolist() == [1, 2, 0]


def test_fractions_beside_missing_values_stay_fractions():
    assert Groups.read([1.0, 2.5, None]).labels == (1.0, 2.5, MISSING)


def test_nan_and_null_of_polars_are_the_same_group():
    groups = Groups.read(pl.Series([0.5, None, float("nan")]))
    assert groups.labels == (0.5, MISSING)
    assert groups.codes.tolist() == [0, 1, 1]


@cases(
    {
        "pandas": pd.Series([True, None, False], dtype="boolean"),
        "polars": pl.Series([True, None, False]),
        "pyarrow": pa.array([True, None, False]),
    }
)
def test_nullable_booleans_stay_booleans(values):
    groups = Groups.read(values)
    assert groups.labels == (False, True, MISSING)
    assert groups.codes.tolist() == [1, 2, 0]


@cases(
    {
        "pandas": pd.Series(pd.to_datetime(["2024-02-01", None, "2024-01-01"])),
        "polars": pl.Series([datetime.date(2024, 2, 1), None, datetime.date(2024, 1, 1)]),
        "dates": [datetime.date(2024, 2, 1), None, datetime.date(2024, 1, 1)],
        "datetimes": [datetime.datetime(2024, 2, 1), None, datetime.datetime(2024, 1, 1)],
        "arrow": pa.array([datetime.date(2024, 2, 1), None, datetime.date(2024, 1, 1)]),
        "numpy": np.array(["2024-02-01", "NaT", "2024-01-01"], dtype="datetime64[D]"),
        "pandas of Arrow": pd.Series(
            [datetime.date(2024, 2, 1), None, datetime.date(2024, 1, 1)],
            dtype=pd.ArrowDtype(pa.date32()),
        ),
        "categorical": pd.Categorical([datetime.date(2024, 2, 1), None, datetime.date(2024, 1, 1)]),
    }
)
def test_dates_are_groups_and_nat_is_missing(values):
    groups = Groups.read(values)
    assert groups.labels == (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01"), MISSING)
    assert groups.codes.tolist() == [1, 2, 0]
    assert {type(label) for label in groups.labels} == {pd.Timestamp, str}


def test_a_date_and_its_midnight_are_one_group():
    day = datetime.date(2024, 2, 1)
    values = [day, None, datetime.datetime(2024, 2, 1), datetime.date(2023, 1, 1), "never"]
    groups = Groups.read(values)
    assert set(groups.labels) == {pd.Timestamp(day), pd.Timestamp("2023-01-01"), "never", MISSING}
    assert groups.n_groups == 4
    assert groups.to_values().tolist() == [
        pd.Timestamp(day),
        MISSING,
        pd.Timestamp(day),
        pd.Timestamp("2023-01-01"),
        "never",
    ]


DAYS = pd.date_range("2024-01-01", periods=MAX_NUMERIC_GROUPS + 1)


@cases(
    {
        "timestamps": DAYS,
        "dates": [day.date() for day in DAYS],
        "zoned": DAYS.tz_localize("America/New_York"),
        "durations": (DAYS - DAYS[0]).as_unit("s"),
        "clock": [datetime.time(k % 24, k) for k in range(MAX_NUMERIC_GROUPS + 1)],
        "polars": pl.Series([day.date() for day in DAYS]),
        "arrow": pa.array([day.date() for day in DAYS]),
    }
)
def test_many_dates_are_refused_and_a_handful_are_groups(values):
    message = "sensitive feature 'at' has 31 distinct dates or times, .* derive an age, a year"
    with pytest.raises(ValueError, match=message):
        Groups.read({"at": values})
    frame = pd.DataFrame({"at": np.asarray(values)})
    with pytest.raises(ValueError, match=message):
        Groups.from_columns(frame, "at")
    assert Groups.from_columns(frame[:-1], "at").n_groups == MAX_NUMERIC_GROUPS


def test_dates_that_were_cut_are_groups():
    assert Groups.read(pd.Categorical(DAYS)).n_groups == len(DAYS)


def test_an_ordered_categorical_keeps_its_order_and_loses_unused_categories():
    values = pd.Categorical(["old", "young"], ["young", "middle", "old"], ordered=True)
    groups = Groups.read(values)
    assert groups.labels == ("young", "old")
    assert groups.codes.tolist() == [1, 0]


def test_values_that_do_not_compare_are_sorted_by_type_and_text():
    assert Groups.read(["b", 2, "a", 10, None]).labels == (10, 2, "a", "b", MISSING)


def test_the_text_of_the_missing_label_joins_the_missing_rows():
    groups = Groups.read([MISSING, None, "z"])
    assert groups.labels == ("z", MISSING)
    assert groups.codes.tolist() == [1, 1, 0]


def test_the_text_of_the_missing_label_is_sorted_last_without_missing_rows_too():
    groups = Groups.read([MISSING, "a", "z"])
    assert groups.labels == ("a", "z", MISSING)
    assert groups.codes.tolist() == [2, 0, 1]


def test_groups_pass_through():
    groups = Groups.read(["a", None])
    assert Groups.read(groups) is groups
    with pytest.raises(ValueError, match="has missing values"):
        Groups.read(groups, missing="raise")
    whole = Groups.read(["a", "b"])
    assert Groups.read(whole, missing="raise") is whole


# several columns

PAIRS = [["f", "w"], ["m", "b"], ["f", None], ["m", "b"]]
PAIR_KINDS = {
    "rows": PAIRS,
    "tuples": [tuple(row) for row in PAIRS],
    "arrays": [np.array(row, dtype=object) for row in PAIRS],
    "object array": np.array(PAIRS, dtype=object),
    "masked array": np.ma.masked_equal(
        np.array([["f", "w"], ["m", "b"], ["f", "?"], ["m", "b"]]), "?"
    ),
    "DataFrame": pd.DataFrame(PAIRS, columns=["sex", "race"], index=ODD_INDEX),
    "MultiIndex": pd.MultiIndex.from_tuples(PAIRS),
    "dict": {"sex": ["f", "m", "f", "m"], "race": pd.Categorical(["w", "b", None, "b"])},
    "polars": pl.DataFrame({"sex": ["f", "m", "f", "m"], "race": ["w", "b", None, "b"]}),
    "pyarrow": pa.table({"sex": ["f", "m", "f", "m"], "race": ["w", "b", None, "b"]}),
}


@cases(PAIR_KINDS)
def test_several_columns_intersect_to_the_groups_that_occur(values):
    groups = Groups.read(values)
    assert groups.labels == (("f", "w"), ("f", MISSING), ("m", "b"))
    assert groups.codes.tolist() == [0, 2, 1, 2]
    assert len(groups.names) == 2


def test_an_intersection_of_three_features_with_a_missing_value():
    groups = Groups.read({"a": [1, 1, 0], "b": ["x", None, "x"], "c": [True, True, False]})
    assert groups.labels == ((0, "x", False), (1, "x", True), (1, MISSING, True))
    assert groups.codes.tolist() == [1, 2, 0]
    assert groups.name == "a x b x c"


def test_missing_values_in_one_of_several_columns_are_refused_by_its_name():
    with pytest.raises(ValueError, match="'race' has 1 missing"):
        Groups.read(frame()[["sex", "race"]], missing="raise")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["a"], ("sensitive_feature_0",)),
        ([["a", "b"]], ("sensitive_feature_0", "sensitive_feature_1")),
        (pd.Series(["a"]), ("sensitive_feature_0",)),
        (pd.Series(["a"], name="sex"), ("sex",)),
        (pd.Index(["a"], name="sex"), ("sex",)),
        (
            pd.MultiIndex.from_tuples([("a", "b")], names=["sex", None]),
            ("sex", "sensitive_feature_1"),
        ),
        (pd.DataFrame({"sex": ["a"], 0: ["b"]}), ("sex", "0")),
        ({"sex": ["a"]}, ("sex",)),
        (pl.Series("sex", ["a"]), ("sex",)),
        (pl.Series(["a"]), ("sensitive_feature_0",)),
        (pa.table({"sex": ["a"]}), ("sex",)),
    ],
)
def test_names_come_from_the_input_or_from_the_position(values, names):
    assert Groups.read(values).names == names


# columns of X


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pd", "pl", "pa"])
@pytest.mark.parametrize(
    ("columns", "names", "labels", "codes"),
    [
        ("sex", ("sex",), ("f", "m"), [0, 1, 0]),
        (0, ("sex",), ("f", "m"), [0, 1, 0]),
        (np.int64(0), ("sex",), ("f", "m"), [0, 1, 0]),
        (["race"], ("race",), ("b", "w", MISSING), [1, 0, 2]),
        (pd.Index(["sex"]), ("sex",), ("f", "m"), [0, 1, 0]),
        (Bins("age", [25, 40]), ("age",), ("age<=25", "25<age<=40", "age>40"), [0, 1, 2]),
        (
            ["sex", 1, Bins(2, (40,))],
            ("sex", "race", "age"),
            (("f", "w", "age<=40"), ("f", MISSING, "age>40"), ("m", "b", "age<=40")),
            [0, 2, 1],
        ),
    ],
)
def test_columns_by_name_position_and_bins(make, columns, names, labels, codes):
    X = make({"sex": ["f", "m", "f"], "race": ["w", "b", None], "age": [20, 40, 60]})
    groups = Groups.from_columns(X, columns)
    assert (groups.names, groups.labels, groups.codes.tolist()) == (names, labels, codes)


def test_a_callable_derives_the_groups_from_X():
    groups = Groups.from_columns(frame(), lambda X: X["age"] > 30)
    assert groups.names == ("age",)
    assert groups.labels == (False, True)
    assert groups.codes.tolist() == [0, 1, 1]


def test_a_callable_that_returns_another_number_of_rows_is_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Groups.from_columns(frame(), lambda X: X["sex"][:2])


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dok"])
@pytest.mark.parametrize("family", ["matrix", "array"])
def test_a_column_of_a_sparse_matrix_by_position(kind, family):
    X = getattr(sparse, f"{kind}_{family}")(np.array([[0.0, 1], [5, 0], [0, 3]]))
    groups = Groups.from_columns(X, 1)
    assert groups.names == ("x1",)
    assert groups.labels == (0.0, 1.0, 3.0)
    assert groups.codes.tolist() == [1, 0, 2]


@pytest.mark.parametrize("X", [np.array([[1, 7], [2, 8]]), [[1, 7], [2, 8]]], ids=["array", "list"])
def test_columns_of_an_array_by_position(X):
    groups = Groups.from_columns(X, [1, 0])
    assert groups.names == ("x1", "x0")
    assert groups.labels == ((7, 1), (8, 2))


def test_missing_in_a_column_of_X_is_refused_on_request():
    with pytest.raises(ValueError, match="'race' has 1 missing"):
        Groups.from_columns(frame(), "race", missing="raise")


@pytest.mark.parametrize(
    ("X", "columns", "message"),
    [
        (frame(), "gender", r"no column 'gender'; its columns are \['sex', 'race', 'age'\]"),
        (
            frame(),
            ["sex", "gender"],
            r"no column 'gender'; its columns are \['sex', 'race', 'age'\]",
        ),
        (
            frame(),
            Bins("years", [1]),
            r"no column 'years'; its columns are \['sex', 'race', 'age'\]",
        ),
        (frame(), 3, r"no column 3; its columns are"),
        (frame(), -1, r"no column -1; its columns are"),
        (np.zeros((3, 2)), 2, r"X of shape \(3, 2\) has no column 2"),
        (np.zeros(3), 0, r"X of shape \(3,\) has no column 0"),
        (np.zeros((3, 2)), "sex", r"'sex' is named, but X is a ndarray without column names"),
        (sparse.csr_array((3, 2)), "sex", "without column names"),
        (frame(), [], "empty list: name at least one column"),
        (frame(), True, "True names no column"),
        (frame(), [True], "True names no column"),
        (frame(), None, "None names no column"),
        (frame(), 1.0, "1.0 names no column"),
    ],
)
def test_a_column_that_is_not_there_is_refused(X, columns, message):
    with pytest.raises(ValueError, match=message):
        Groups.from_columns(X, columns)


# bins


@pytest.mark.parametrize(
    "age",
    [
        pd.Series([25, 25.5, 61, None]),
        pd.Series([25, 26, 61, None], dtype="Int64"),
        pd.Series([25, 26, 61, None], dtype=object),
    ],
    ids=["float", "Int64", "object"],
)
def test_bins_are_closed_on_the_right_and_keep_missing_rows_apart(age):
    groups = Groups.from_columns(pd.DataFrame({"age": age}), Bins("age", [25, 60]))
    assert groups.labels == ("age<=25", "25<age<=60", "age>60", MISSING)
    assert groups.codes.tolist() == [0, 1, 2, 3]


def test_bins_keep_the_order_of_their_edges_not_of_their_text():
    groups = Groups.from_columns(pd.DataFrame({"age": [200, 5]}), Bins("age", [10, 100]))
    assert groups.labels == ("age<=10", "age>100")


def test_bins_with_large_edges_have_distinct_labels():
    edges = [1_000_000, 1_000_001, 1_000_002.5]
    groups = Groups.from_columns(pd.DataFrame({"pay": [1_000_001, 1_000_002]}), Bins("pay", edges))
    assert groups.labels == ("1000000<pay<=1000001", "1000001<pay<=1000002.5")


@pytest.mark.parametrize("edges", [[], [2, 1], [1, 1], [[1]], [float("nan")], [1, float("inf")]])
def test_bins_refuse_edges_that_do_not_increase(edges):
    with pytest.raises(ValueError, match="strictly increasing, finite edges"):
        Bins("age", edges)(frame())


# what is refused


@pytest.mark.parametrize("as_float", [False, True])
def test_too_many_numbers_suggest_bins(as_float):
    values = np.arange(MAX_NUMERIC_GROUPS + 1)
    values = pd.Series(values.astype(float) if as_float else values, name="age")
    with pytest.raises(ValueError, match=r'31 distinct values.*Bins\("age", \[15\]\)'):
        Groups.read(values)


@cases(
    {
        "as many numbers as allowed": np.arange(MAX_NUMERIC_GROUPS),
        "many strings": [f"{k:03d}" for k in range(100)],
        "many categories of numbers": pd.Categorical(np.arange(100)),
    }
)
def test_many_groups_are_fine_if_they_are_no_measurement(values):
    groups = Groups.read(values)
    assert groups.n_groups == len(values)
    assert_array_equal(groups.codes, np.arange(len(values)))


@pytest.mark.parametrize("n", [127, 128, 40_000])
def test_codes_hold_any_number_of_groups(n):
    groups = Groups.read([f"{k:05d}" for k in range(n)])
    assert_array_equal(groups.codes, np.arange(n))
    assert groups.codes.dtype.itemsize == (1 if n < 128 else 2 if n < 2**15 else 4)


@cases(
    {
        "list": [],
        "array": np.empty(0),
        "no columns": np.empty((3, 0)),
        "DataFrame": pd.DataFrame(),
        "no rows": pd.DataFrame({"sex": []}),
        "dict": {},
        "rows": [[], []],
        "polars": pl.Series([], dtype=pl.String),
    }
)
def test_empty_input_is_refused(values):
    with pytest.raises(ValueError, match="sensitive features are empty"):
        Groups.read(values)


@cases({"array": np.zeros((2, 2, 2)), "lists": [[["a"]], [["b"]]], "scalar": "sex"})
def test_other_than_one_or_two_dimensions_are_refused(values):
    with pytest.raises(ValueError, match="one or two dimensions"):
        Groups.read(values)


def test_no_values_at_all_are_refused():
    with pytest.raises(ValueError, match="sensitive_features is None"):
        Groups.read(None)


@cases(
    {
        "dict": {"a": [1, 2], "b": [1]},
        "rows": [["a", "b"], ["c"]],
        "rows, longer": [["a"], ["b", "c"]],
        "rows and values": [["a"], "b"],
    }
)
def test_columns_of_differing_lengths_are_refused(values):
    with pytest.raises(ValueError, match="differ in length"):
        Groups.read(values)


def test_an_unknown_policy_for_missing_values_is_refused():
    with pytest.raises(ValueError, match='missing must be "group" or "raise"'):
        Groups.read(["a"], missing="drop")


# what comes out


def test_take_keeps_the_order_of_labels_and_drops_groups_without_rows():
    groups = Groups.read(pd.Categorical(list("zxyz"), list("zyx"), ordered=True))
    taken = groups.take([3, 1, 1])
    assert taken.labels == ("z", "x")
    assert taken.codes.tolist() == [0, 1, 1]
    assert taken.names == groups.names
    assert decoded(groups.take(np.array([False, True, True, False]))) == ["x", "y"]


def test_encode_gives_codes_in_the_groups_of_the_fit():
    fitted = Groups.read(["b", "a", "c"])
    assert Groups.read(["c", "b", "c"]).encode(fitted.labels).tolist() == [2, 1, 2]


def test_encode_names_the_groups_unseen_at_fit():
    groups = Groups.read(pd.Series(["b", "new", None], name="sex"))
    with pytest.raises(
        ValueError, match=r"groups of sex unseen at fit: \['new', '<missing>'\].*\['a', 'b'\]"
    ):
        groups.encode(["a", "b"])


def test_check_length_compares_rows():
    groups = Groups.read(["a", "b"])
    assert groups.check_length(sparse.csr_array((2, 5))) is groups
    assert groups.check_length([[1], [2]]) is groups
    with pytest.raises(ValueError, match="sensitive_features has 2, the data have 3"):
        groups.check_length(frame())


def test_to_index_is_a_plain_or_a_multi_index():
    plain = Groups.read({"sex": ["m", "f"]}).to_index()
    pd.testing.assert_index_equal(plain, pd.Index(["f", "m"], name="sex"))
    crossed = Groups.read({"sex": ["m", "f"], "race": [1, 2]}).to_index()
    expected = pd.MultiIndex.from_tuples([("f", 2), ("m", 1)], names=["sex", "race"])
    pd.testing.assert_index_equal(crossed, expected)
    assert labels_index(crossed, ["sex", "race"]).equals(crossed)


@pytest.mark.parametrize(
    ("label", "is_missing"),
    [(MISSING, True), (("f", MISSING), True), ("f", False), (("f", "w"), False), (0, False)],
)
def test_missing_labels_are_told_apart(label, is_missing):
    assert is_missing_label(label) is is_missing


def test_cross_numbers_the_cells_code_major_without_overflow():
    groups = Groups.read([f"{k:03d}" for k in range(100)])
    cells = cross(np.full(100, 9, dtype=np.int8), 10, groups)
    assert_array_equal(cells, 900 + np.arange(100))


# laws

VALUES = st.one_of(
    st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=20),
    st.lists(st.none() | st.integers(-9, 9), min_size=1, max_size=20),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=20),
    st.lists(st.none() | st.sampled_from([-1.5, 0.25, 3.75]), min_size=1, max_size=20),
    st.lists(st.sampled_from(["a", "b", 2, 1.5, None]), min_size=1, max_size=20),
)


@REPRODUCIBLE
@given(VALUES)
def test_codes_decode_to_the_input(values):
    groups = Groups.read(values)
    assert decoded(groups) == [MISSING if value is None else value for value in values]
    assert len(set(groups.labels)) == groups.n_groups == len(set(values))


@REPRODUCIBLE
@given(VALUES, st.randoms(use_true_random=False))
def test_permuting_rows_permutes_codes(values, random):
    rows = list(range(len(values)))
    random.shuffle(rows)
    groups, permuted = Groups.read(values), Groups.read([values[i] for i in rows])
    assert permuted.labels == groups.labels
    assert_array_equal(permuted.codes, groups.codes[rows])
    assert_same(groups.take(rows), permuted)


@REPRODUCIBLE
@given(st.data())
def test_a_row_of_an_intersection_is_the_pair_of_its_single_groups(data):
    n = data.draw(st.integers(1, 15))
    columns = {
        "a": data.draw(st.lists(st.sampled_from(["x", "y", None]), min_size=n, max_size=n)),
        "b": data.draw(st.lists(st.sampled_from([3, 20, None]), min_size=n, max_size=n)),
    }
    single = [Groups.read({name: column}) for name, column in columns.items()]
    pairs = list(zip(*(decoded(groups) for groups in single), strict=True))
    groups = Groups.read(columns)
    assert decoded(groups) == pairs
    assert set(groups.labels) == set(pairs)
    places = [
        tuple(g.labels.index(v) for g, v in zip(single, p, strict=True)) for p in groups.labels
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "duplicate",
    [lambda g: pickle.loads(pickle.dumps(g)), copy.deepcopy],
    ids=["pickle", "deepcopy"],
)
@cases({"single": ["b", None, "a"], "crossed": {"sex": ["m", "f"], "age": [1, None]}})
def test_pickle_and_deepcopy_round_trip(duplicate, values):
    groups = Groups.read(values)
    assert_same(duplicate(groups), groups)


def test_bins_are_equal_and_survive_pickle():
    bins = Bins("age", (25, 60))
    assert pickle.loads(pickle.dumps(bins)) == bins == copy.deepcopy(bins)


def test_split_gives_each_feature_alone():
    groups = Groups.read({"sex": ["f", "m", None, "f"], "age": [10, 9, 10, None]})
    sex, age = groups.split()
    assert (sex.labels, sex.names) == (("f", "m", MISSING), ("sex",))
    assert (age.labels, age.names) == ((9, 10, MISSING), ("age",))
    assert sex.codes.tolist() == [0, 1, 2, 0]
    assert age.codes.tolist() == [1, 0, 1, 2]


def test_split_of_one_feature_is_itself():
    groups = Groups.read(["b", "a"])
    assert groups.split() == (groups,)


@REPRODUCIBLE
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["b", "a", None]), st.sampled_from([10, 9]), st.sampled_from("zy")
        ),
        min_size=1,
        max_size=12,
    )
)
def test_split_is_what_was_crossed(rows):
    columns = dict(zip(("u", "v", "w"), zip(*rows, strict=True), strict=True))
    for alone, (name, values) in zip(
        Groups.read({k: list(v) for k, v in columns.items()}).split(), columns.items(), strict=True
    ):
        assert_same(alone, Groups.read({name: list(values)}))


def test_features_of_an_intersection_keep_the_order_of_bins_and_categories():
    rows = [(a, s, z) for a in (70, 20, 40) for s in "mf" for z in ("small", "large")]
    X = pd.DataFrame(rows, columns=["age", "sex", "size"])
    X["size"] = pd.Categorical(X["size"], ["small", "large"], ordered=True)
    groups = Groups.from_columns(X, ["sex", Bins("age", [25, 60]), "size"])
    alone = [part.labels for part in groups.split()]
    assert alone == [("f", "m"), ("age<=25", "25<age<=60", "age>60"), ("small", "large")]


def test_one_feature_whose_values_are_tuples():
    groups = Groups.read(pd.Series([("a", "b"), ("c", "d"), ("a", "b")], name="cell"))
    assert groups.to_index().tolist() == [("a", "b"), ("c", "d")]
    values = groups.to_values()
    assert values.name == "cell"
    assert values.tolist() == [("a", "b"), ("c", "d"), ("a", "b")]


def test_a_column_cut_in_two_ways_has_two_names():
    bins = [Bins("age", [25]), Bins("age", [35])]
    groups = Groups.from_columns(pd.DataFrame({"age": [20, 30, 40]}), bins)
    assert groups.names == ("age", "age (2)")
    assert groups.to_values()["age (2)"].tolist() == ["age<=35", "age<=35", "age>35"]


def test_one_group_of_all_rows():
    groups = Groups.single(3, label="all rows", name="")
    assert (groups.codes.tolist(), groups.labels, groups.names) == ([0] * 3, ("all rows",), ("",))


def test_bins_whose_edges_differ_late_have_labels_of_their_own():
    near = 2.0**60
    edges = [0.1, 5, near, near + 256]
    numbers = [0.1, 1, near, near + 256, near + 512]
    groups = Groups.from_columns(pd.DataFrame({"id": numbers}), Bins("id", edges))
    assert groups.labels == (
        "id<=0.1",
        "0.1<id<=5",
        "5<id<=1.152921504606847e+18",
        "1.152921504606847e+18<id<=1.1529215046068472e+18",
        "id>1.1529215046068472e+18",
    )
    assert groups.codes.tolist() == [0, 1, 2, 3, 4]


@REPRODUCIBLE
@given(start=st.floats(1e-300, 1e300), steps=st.integers(1, 8))
def test_neighbouring_numbers_are_bins_of_their_own(start, steps):
    edges = [start]
    for _ in range(steps):
        edges.append(float(np.nextafter(edges[-1], np.inf)))
    groups = Groups.from_columns(pd.DataFrame({"s": [*edges, np.inf]}), Bins("s", edges))
    assert groups.n_groups == steps + 2
    assert groups.codes.tolist() == list(range(steps + 2))


def test_dates_that_are_typed_find_their_groups():
    first, second = datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)
    days = [first, first, first, second]
    assert Groups.read(days).encode((second, first)).tolist() == [1, 1, 1, 0]
    tally = Tally.from_arrays([0] * 4, [0] * 4, days)
    assert tally.drop_groups([first]).labels == (pd.Timestamp(second),)
    table = class_imbalance(days, reference=first)
    assert table["estimate"].tolist() == [0.0, 0.5]
    found = compare_representation(days, shares={first: 0.5, second: 0.5})
    assert found.to_frame()["share"].tolist() == [0.75, 0.25]
