from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skfair.criteria import holm, never_zero

REPRODUCIBLE = settings(max_examples=60)
PVALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_by_hand():
    # sorted 0.01, 0.02, 0.04, 0.3: times 4, 3, 2, 1 is 0.04, 0.06, 0.08, 0.3
    assert_allclose(holm(np.array([0.3, 0.01, 0.04, 0.02])), [0.3, 0.04, 0.08, 0.06])


def test_adjusted_values_never_fall_in_the_order_of_the_raw_ones():
    # 0.03 x 3 = 0.09, 0.031 x 2 = 0.062 is raised to 0.09, 0.032 x 1 too
    assert_allclose(holm(np.array([0.031, 0.03, 0.032])), [0.09, 0.09, 0.09])


def test_no_value_is_above_1():
    assert holm(np.array([0.6, 0.7])).tolist() == [1, 1]


def test_what_is_no_test_is_not_counted():
    assert_array_equal(holm(np.array([np.nan, 0.02, 0.04, np.nan])), [np.nan, 0.04, 0.04, np.nan])


def test_nothing_to_adjust():
    assert holm(np.array([])).tolist() == []
    assert_array_equal(holm(np.array([np.nan])), [np.nan])


@REPRODUCIBLE
@given(pvalues=PVALUES, seed=st.integers(0, 99))
def test_between_the_raw_value_and_bonferronis_whatever_the_order(pvalues, seed):
    raw = np.array(pvalues)
    adjusted = holm(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(len(raw) * raw, 1) + 1e-12).all()
    order = np.random.default_rng(seed).permutation(len(raw))
    assert_allclose(holm(raw[order]), adjusted[order])


def test_p_values_of_0_are_the_least_number_and_none_stay_none():
    found = never_zero(np.array([0.0, 0.2, np.nan]))
    assert_array_equal(found, [np.finfo(float).tiny, 0.2, np.nan])
