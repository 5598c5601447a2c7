from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from skfair._utils.validation import (
    as_column,
    check_any_weight,
    check_count,
    check_number,
    check_same_length,
    check_share,
    check_weights,
    encode_labels,
    generator,
    is_number,
    merge_sorted,
    positive_class,
)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2],
        (1, 2),
        [[1], [2]],
        np.array([[1], [2]]),
        pd.Series([1, 2], index=[5, 5]),
        pl.Series([1, 2]),
    ],
)
def test_a_column_is_one_dimensional(values):
    assert_array_equal(as_column(values, "y"), [1, 2])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "y is None"),
        ([], r"0 sample\(s\) in y"),
        ([[1, 0], [0, 1]], r"y should be a 1d array, got an array of shape \(2, 2\)"),
        (np.ones((2, 2)), r"y should be a 1d array, got an array of shape \(2, 2\)"),
        (3, r"y should be a 1d array, got an array of shape \(\)"),
    ],
)
def test_what_is_no_column_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        as_column(values, "y")


def test_differing_lengths_are_listed():
    check_same_length(a=[1], b=None, c=[2])
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \{'a': 1, 'c': 2\}"):
        check_same_length(a=[1], b=None, c=[2, 3])


@pytest.mark.parametrize(
    "weights",
    [
        [1, 2],
        np.array([1.0, 2.0]),
        pd.Series([1, 2], dtype="Float64"),
        pl.Series([1, 2]),
        pa.array([1, 2]),
    ],
    ids=["list", "numpy", "nullable", "polars", "pyarrow"],
)
def test_weights_become_floats(weights):
    checked = check_weights(weights, 2)
    assert checked.dtype == np.float64
    assert_array_equal(checked, [1.0, 2.0])
    assert check_weights(None, 2) is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1e-9], "Negative values"),
        ([1.0, float("nan")], "contains NaN or infinity"),
        ([1.0, float("inf")], "contains NaN or infinity"),
        ([1.0, None], "contains NaN or infinity"),
        (pl.Series([1.0, None]), "contains NaN or infinity"),
        ([1.0], "inconsistent numbers of samples"),
    ],
)
def test_bad_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weights, 2)


def test_labels_are_coded_in_their_common_classes():
    codes, classes = encode_labels(("y_true", ["b", "c"]), ("y_pred", ["a", "c"]))
    assert classes == ("a", "b", "c")
    assert [c.tolist() for c in codes] == [[1, 2], [0, 2]]


def test_integers_floats_and_booleans_are_the_same_labels():
    codes, classes = encode_labels(("y_true", [0, 1]), ("y_pred", [1.0, 0.0]), ("z", [True, True]))
    assert classes == (0, 1)
    assert [c.tolist() for c in codes] == [[0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
@pytest.mark.parametrize("other", ["a", 1.0])
def test_missing_labels_are_refused_by_name(missing, other):
    with pytest.raises(ValueError, match=r"Input y_pred contains NaN\."):
        encode_labels(("y_true", [other, other]), ("y_pred", [other, missing]))


def test_strings_beside_numbers_are_refused():
    with pytest.raises(ValueError, match=r"mix strings and numbers: .*'y_pred': \['1'\]"):
        encode_labels(("y_true", [0, 1]), ("y_pred", ["1", "1"]))


@pytest.mark.parametrize(
    ("parts", "merged"),
    [
        ([["z", "a"], ["a"]], ("z", "a")),
        ([["a"], ["z", "a"]], ("z", "a")),
        ([["b"], ["a"]], ("a", "b")),
        ([[2], ["a"], [10]], (10, 2, "a")),
        ([[], []], ()),
    ],
)
def test_merged_labels_keep_the_order_of_a_part_that_has_them_all(parts, merged):
    assert merge_sorted(parts) == merged


@pytest.mark.parametrize(
    ("classes", "pos_label", "position"),
    [
        ((0, 1), None, 1),
        ((-1, 1), None, 1),
        ((False, True), None, 1),
        ((0.0, 1.0), None, 1),
        ((1,), None, 0),
        ((0,), None, None),
        ((-1,), None, None),
        ((0, 1), 0, 0),
        ((0, 1), np.int64(1), 1),
        (("no", "yes"), "no", 0),
        (("no",), "yes", None),
        (("a", "b", "c"), "b", 1),
    ],
)
def test_the_positive_class(classes, pos_label, position):
    assert positive_class(classes, pos_label) == position


@pytest.mark.parametrize(
    ("classes", "pos_label", "message"),
    [
        (("no", "yes"), None, "pos_label is not specified"),
        (("no",), None, "pos_label is not specified"),
        ((1, 2), None, "pos_label is not specified"),
        ((0, 1, 2), None, "3 classes in a binary metric"),
        ((-1, 0, 1), None, "3 classes in a binary metric"),
        ((0.2, 0.7), None, "labels are continuous"),
        ((0, 1), 2, r"pos_label=2 is not a valid label: \[0, 1\]"),
        ((0,), "yes", "pos_label='yes' is not a valid label"),
        (("no", "yes"), 1, "pos_label=1 is not a valid label"),
    ],
)
def test_a_positive_class_that_can_not_be_told_is_refused(classes, pos_label, message):
    with pytest.raises(ValueError, match=message):
        positive_class(classes, pos_label)


def test_generators_are_reproducible():
    assert generator(3).random() == generator(3).random()
    state = np.random.RandomState
    assert generator(state(3)).random() == generator(state(3)).random()
    own = np.random.default_rng(3)
    assert generator(own) is own


def test_fractions_are_continuous_with_a_positive_class_too():
    with pytest.raises(ValueError, match="continuous"):
        positive_class((0.0, 0.4, 1.0), 1)


def test_weights_that_are_all_zero_are_refused():
    check_any_weight(None)
    check_any_weight(np.array([0.0, 1e-9]))
    with pytest.raises(ValueError, match="all sample weights are zero"):
        check_any_weight(np.zeros(2))


@pytest.mark.parametrize(
    ("value", "limits", "allowed"),
    [
        (1, {}, "at least 1"),
        (np.int32(0), {"least": 0}, "at least 0"),
        (2, {"least": 2, "most": 3}, "from 2 to 3"),
        (3, {"least": 2, "most": 3}, "from 2 to 3"),
    ],
)
def test_counts_are_integers_within_limits(value, limits, allowed):
    check_count("n", value, **limits)
    least, most = limits.get("least", 1), limits.get("most")
    for bad in (
        least - 1,
        float(value),
        True,
        str(value),
        None,
        *([] if most is None else [most + 1]),
    ):
        with pytest.raises(ValueError, match=f"n must be an integer .*{allowed}, got"):
            check_count("n", bad, **limits)


@pytest.mark.parametrize(
    ("limits", "good", "bad", "allowed"),
    [
        ({}, [0, 0.5, np.float32(2)], [-1e-9], "of at least 0"),
        ({"above": 0}, [1e-300, np.int64(1)], [0, -1.0], "above 0"),
        ({"above": 1}, [1.5], [1, 0.5], "above 1"),
    ],
)
def test_numbers_are_finite_and_within_limits(limits, good, bad, allowed):
    for value in good:
        check_number("size", value, **limits)
    for value in (*bad, np.nan, np.inf, -np.inf, True, np.True_, "2", None, 2 + 0j, [2.0]):
        with pytest.raises(ValueError, match=f"size must be a number {allowed}, got"):
            check_number("size", value, **limits)


def test_shares_lie_between_0_and_1():
    for value in (0, 0.5, np.float32(1)):
        check_share("alpha", value)
    check_share("alpha", 0.5, ends=False)
    for value in (-1e-9, 1.1, np.nan, True, "0.5", None):
        with pytest.raises(ValueError, match="alpha must be between 0 and 1, got"):
            check_share("alpha", value)
    for value in (0, 1.0):
        with pytest.raises(ValueError, match="alpha must be between 0 and 1, got"):
            check_share("alpha", value, ends=False)


def test_booleans_strings_and_complex_numbers_are_no_real_numbers():
    assert all(map(is_number, (1, 1.0, np.int8(1), np.nan)))
    assert not any(map(is_number, (True, np.True_, "1", 1j, None, np.ones(1))))
