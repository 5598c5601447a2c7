from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from skfair.criteria import between, difference, ratio, to_overall, worst

REPRODUCIBLE = settings(max_examples=60)
NAN = float("nan")
RATES = hnp.arrays(
    np.float64, st.integers(1, 6), elements=st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0, NAN])
)


@pytest.mark.parametrize(
    ("rates", "expected_difference", "expected_ratio"),
    [
        ([0.5, 0.25], 0.25, 0.5),
        ([0.25, 0.5], 0.25, 0.5),
        ([0.5, 0.25, 0.75], 0.5, 1 / 3),
        ([0.5, 0.5], 0.0, 1.0),
        ([0.0, 0.5], 0.5, 0.0),
        ([0.0, 1.0], 1.0, 0.0),
        ([0.0, 0.0], 0.0, NAN),
        ([0.5, NAN, 0.75], 0.25, 2 / 3),
        ([NAN, 0.0, 0.0], 0.0, NAN),
        ([0.5, NAN], NAN, NAN),
        ([NAN, NAN], NAN, NAN),
        ([0.5], NAN, NAN),
    ],
)
def test_difference_and_ratio_by_hand(make, rates, expected_difference, expected_ratio):
    assert_allclose(float(difference(make(rates))), expected_difference, rtol=1e-15)
    assert_allclose(float(ratio(make(rates))), expected_ratio, rtol=1e-15)


@pytest.mark.parametrize(
    ("rates", "overall", "expected_difference", "expected_ratio"),
    [
        ([0.5, 0.25], 0.3, 0.2, 0.6),
        ([0.5, 0.25], 0.375, 0.125, 2 / 3),
        ([0.5, 0.1], 0.2, 0.3, 0.4),
        ([0.0, 0.5], 0.25, 0.25, 0.0),
        ([0.0, 0.0], 0.0, 0.0, NAN),
        ([0.5, NAN, 0.25], 0.3, 0.2, 0.6),
        ([0.5, NAN], 0.5, NAN, NAN),
        ([NAN, NAN], NAN, NAN, NAN),
    ],
)
def test_distance_to_the_whole_by_hand(make, rates, overall, expected_difference, expected_ratio):
    rates, overall = make(rates), make(overall)
    assert_allclose(float(to_overall(rates, overall)), expected_difference, rtol=1e-14)
    found = to_overall(rates, overall, as_ratio=True)
    assert_allclose(float(found), expected_ratio, rtol=1e-14)


def test_between_is_signed_and_keeps_every_group(make):
    rates = make([[0.5, 0.25, NAN], [0.25, 0.5, 0.75]])
    expected = [[0.25, 0.0, NAN], [-0.25, 0.0, 0.25]]
    assert_array_equal(np.asarray(between(rates, 1)), expected)


def test_worst_is_the_rate_of_the_worst_off_group(make):
    rates = make([[0.5, 0.25, NAN], [NAN, NAN, NAN]])
    assert_array_equal(np.asarray(worst(rates)), [0.25, NAN])
    assert_array_equal(np.asarray(worst(rates, higher_is_better=False)), [0.5, NAN])


@REPRODUCIBLE
@given(RATES, st.randoms(use_true_random=False))
def test_gaps_lie_in_the_unit_interval_and_ignore_the_order_of_groups(rates, random):
    shuffled = list(rates)
    random.shuffle(shuffled)
    for gap in (difference, ratio):
        value = float(gap(rates))
        assert np.isnan(value) or 0 <= value <= 1
        assert_array_equal(gap(shuffled), value)


@REPRODUCIBLE
@given(RATES)
def test_leaving_undefined_groups_out_is_dropping_them(rates):
    known = rates[~np.isnan(rates)]
    assert np.isnan(difference(rates)) == (len(known) < 2)
    if len(known) >= 2:
        assert float(difference(rates)) == known.max() - known.min()
        assert_array_equal(ratio(rates), ratio(known))
        assert_array_equal(to_overall(rates, 0.5), to_overall(known, 0.5))


@REPRODUCIBLE
@given(RATES, st.sampled_from([0.125, 0.5, 1.0]))
def test_distance_to_the_whole_is_the_largest_over_groups(rates, overall):
    known = rates[~np.isnan(rates)]
    if len(known) >= 2:
        assert float(to_overall(rates, overall)) == max(abs(known - overall))
        ratios = [min(r / overall, overall / r) if r else 0.0 for r in known]
        assert_allclose(to_overall(rates, overall, as_ratio=True), min(ratios), rtol=1e-12)


@pytest.mark.parametrize("gap", [difference, ratio, worst])
def test_leading_axes_are_a_batch(make, gap):
    rates = np.random.default_rng(0).random((3, 4, 5))
    rates[0, 0] = NAN
    rates[1, 1, 1:] = NAN
    expected = [[float(gap(row)) for row in rows] for rows in rates]
    assert_array_equal(np.asarray(gap(make(rates))), expected)


@pytest.mark.parametrize("gap", [difference, ratio])
def test_gradients_are_finite_where_groups_are_undefined(gap):
    torch = pytest.importorskip("torch")
    rates = torch.tensor([[0.5, NAN, 0.25], [NAN, NAN, 0.5]], requires_grad=True)
    gap(rates)[0].backward()
    assert torch.isfinite(rates.grad).all()
    assert rates.grad[0, 1] == 0
    assert (rates.grad[1] == 0).all()
