from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from skfair._utils.encoding import factorize, smallest_codes, sort_labels

REPRODUCIBLE = settings(max_examples=60)


@REPRODUCIBLE
@given(
    hnp.arrays(
        st.sampled_from([np.bool_, np.int8, np.uint8, np.int16, np.int64, np.uint64, np.float64]),
        st.integers(0, 20),
    ).filter(lambda a: not np.isnan(a).any())
)
def test_codes_point_at_the_sorted_distinct_values(values):
    codes, uniques = factorize(values)
    expected, inverse = np.unique(values, return_inverse=True)
    assert uniques == expected.tolist()
    assert_array_equal(codes, inverse)


@pytest.mark.parametrize("low", [-(2**63), -2000, -1, 0, 3, 126, 2**63 - 5])
def test_narrow_integers_anywhere_in_the_range(low):
    values = np.array([low + 4, low, low + 4], dtype=np.int64)
    codes, uniques = factorize(values)
    assert codes.tolist() == [1, 0, 1]
    assert uniques == [low, low + 4]


@pytest.mark.parametrize(
    ("categories", "ordered", "uniques", "codes"),
    [
        (["b", "a"], False, ["a", "b"], [1, -1, 0]),
        (["b", "a"], True, ["b", "a"], [0, -1, 1]),
        (["b", "z", "a"], False, ["a", "b"], [1, -1, 0]),
        (["z", "b", "a"], True, ["b", "a"], [0, -1, 1]),
    ],
)
def test_categories_in_use(categories, ordered, uniques, codes):
    found = factorize(pd.Categorical(["b", None, "a"], categories, ordered=ordered))
    assert (found[1], found[0].tolist()) == (uniques, codes)


def test_the_values_are_not_changed():
    values = np.array([5, 4, 5])
    factorize(values)
    assert values.tolist() == [5, 4, 5]


@pytest.mark.parametrize(
    ("n", "dtype"), [(127, np.int8), (128, np.int16), (2**15, np.int32), (2**31, np.int64)]
)
def test_codes_take_the_smallest_type(n, dtype):
    assert smallest_codes(np.array([-1, 0]), n).dtype == dtype


def test_labels_that_do_not_compare_are_sorted_by_type_and_text():
    assert sort_labels(["b", 9, 10, "a"]) == [10, 9, "a", "b"]
    assert sort_labels([10, 9]) == [9, 10]
