from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.stats import binomtest, norm
from scipy.stats import t as student
from sklearn.exceptions import UndefinedMetricWarning

from skfair.criteria import CRITERIA, RATES, ClassSums, Criterion, Rate, get_criterion
from skfair.criteria._limits import (
    CellSums,
    Limits,
    difference_limits,
    effective_size,
    mean_limits,
    ratio_limits,
    wilson_interval,
)
from skfair.criteria._simultaneous import critical_value, pairs_critical_value
from skfair.criteria.inference import gap_interval, group_intervals, pair_intervals
from skfair.tally import Tally

REPRODUCIBLE = settings(max_examples=60)
Z = 1.959963984540054
FAMILY = ["true_positive_rate", "false_positive_rate"]


def tally_of(cells, labels="abcdefghijkl", weight=1.0):
    """Tally of counted (tn, fp, fn, tp) by group, each row with this weight."""
    count = np.array(cells, dtype=np.int64).reshape(-1, 2, 2)
    w = np.asarray(weight, dtype=float)
    return Tally(tuple(labels)[: len(count)], ("g",), (0, 1), count * w, count * w**2, count)


def weighted_rows(n=400, seed=0, n_groups=3):
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.integers(2, size=n), rng.integers(2, size=n)
    weight = rng.gamma(1.0, size=n) * (1 + 2 * y_pred)
    return y_true, y_pred, np.array(list("abc"))[rng.integers(n_groups, size=n)], weight


def weighted(**options):
    *arrays, weight = weighted_rows(**options)
    return Tally.from_arrays(*arrays, sample_weight=weight)


# ---------------------------------------------------------------- one group


def test_wilson_by_hand():
    # p = 0.2, n = 50, z = 2: (0.2 + 0.04 -+ 2 sqrt(0.0032 + 0.0004)) / 1.08
    low, high = wilson_interval(np.array(0.2), np.array(50.0), 2.0)
    assert_allclose([low, high], [(0.24 - 0.12) / 1.08, (0.24 + 0.12) / 1.08], rtol=1e-14)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize(("k", "n"), [(0, 7), (1, 7), (7, 7), (3, 200), (150, 1000), (1, 1)])
def test_unweighted_intervals_are_scipys(k, n, level):
    found = group_intervals(
        tally_of([[0, 0, n - k, k]]), "true_positive_rate", confidence_level=level
    )
    expected = binomtest(k, n).proportion_ci(level, method="wilson")
    assert_allclose([found.low[0], found.high[0]], expected, rtol=1e-9, atol=1e-15)
    assert (found.n[0], found.effective_size[0]) == (n, pytest.approx(n, rel=1e-12))


@pytest.mark.parametrize(
    ("rate", "k", "n"),
    [
        ("selection_rate", 7, 20),
        ("true_positive_rate", 5, 8),
        ("false_positive_rate", 2, 12),
        ("positive_predictive_value", 5, 7),
        ("negative_predictive_value", 10, 13),
        ("accuracy", 15, 20),
        ("base_rate", 8, 20),
    ],
)
def test_the_denominator_counts(rate, k, n):
    found = group_intervals(tally_of([[10, 2, 3, 5], [1, 1, 1, 1]]), rate)
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert_allclose([found.low[0], found.high[0]], expected, rtol=1e-9)
    assert (found.rate[0], found.n[0]) == (pytest.approx(k / n), n)


def test_intervals_of_a_rate_and_its_complement_mirror_each_other():
    a, b = (group_intervals(weighted(), f"{x}_negative_rate") for x in ("true", "false"))
    c, d = (group_intervals(weighted(), f"{x}_positive_rate") for x in ("false", "true"))
    for found, other in ((a, c), (b, d)):
        assert_allclose(found.low, 1 - other.high, rtol=1e-9)
        assert_allclose(found.effective_size, other.effective_size, rtol=1e-9)


def size_from_rows(chosen, w, prior=20.0):
    """Effective size and degrees of freedom of a weighted share, from the rows themselves."""
    r = np.average(chosen, weights=w)
    parts = [w[chosen == side] for side in (0, 1)]
    own = [part.var(ddof=1) / part.mean() ** 2 for part in parts]
    less = [len(part) - 1 for part in parts]
    pooled = np.average(own, weights=less)
    terms, noise = [], []
    for part, cv2, pull in zip(parts, own, (r, 1 - r), strict=True):
        shrunk = (len(part) * cv2 + prior * pooled) / (len(part) + prior)
        spread = max(cv2, shrunk)
        once = len(part) * part.mean() ** 2 * pull**2 / w.sum() ** 2
        terms.append(once * (1 + spread))
        noise.append((once * spread) ** 2 / (len(part) - 1))
    variance = sum(terms)
    return r, r * (1 - r) / variance, variance**2 / sum(noise)


@pytest.mark.parametrize("n", [40, 4000])
def test_weighted_intervals_from_the_rows(n):
    rng = np.random.default_rng(3)
    chosen = (rng.random(n) < 0.3).astype(int)
    w = rng.gamma(1.0, size=n) * (1 + chosen)
    found = group_intervals(
        Tally.from_arrays(np.ones(n, dtype=int), chosen, ["a"] * n, sample_weight=w),
        "selection_rate",
    )
    r, size, freedom = size_from_rows(chosen, w)
    assert_allclose(found.effective_size, size, rtol=1e-10)
    expected = wilson_interval(r, size, student.isf(0.025, freedom))
    assert_allclose([found.rate[0], found.low[0], found.high[0]], [r, *expected], rtol=1e-10)
    if n == 4000:  # the corrections fade: linearisation alone
        raw = ((w * (chosen - r)) ** 2).sum() / w.sum() ** 2
        assert_allclose(size, r * (1 - r) / raw, rtol=0.01)


@pytest.mark.parametrize("rate", ["selection_rate", "true_positive_rate", "f1_score", "accuracy"])
def test_weighted_effective_sizes_agree_with_resampled_cells(rate):
    tally = weighted(n=6000)
    values = RATES[rate](tally.resampled_cells(4000, random_state=0))
    found = group_intervals(tally, rate)
    expected = found.rate * (1 - found.rate) / values.var(axis=0)
    assert_allclose(found.effective_size, expected, rtol=0.1)


def test_equal_weights_are_no_weights():
    cells = [[10, 2, 3, 5], [4, 0, 1, 0]]
    for rate in RATES:
        plain = group_intervals(tally_of(cells), rate)
        heavy = group_intervals(tally_of(cells, weight=0.1), rate)
        for a, b in zip(plain, heavy, strict=True):
            assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_weights_scale_away():
    *arrays, w = weighted_rows()
    found = [
        group_intervals(Tally.from_arrays(*arrays, sample_weight=w * factor), "f1_score")
        for factor in (1.0, 1e-6, 1e6)
    ]
    for other in found[1:]:
        assert_allclose(found[0], other, rtol=1e-9)


def test_rates_without_rows_have_no_interval_whatever_the_weights():
    weight = [0.8, 0.6, 0.5, 0.3, 0.3, 0.1]
    tally = Tally.from_arrays(
        [0] * 3 + [1] * 3, [1] * 3 + [0, 1, 1], ["a"] * 6, sample_weight=weight
    )
    found = group_intervals(tally, "true_negative_rate")
    assert (found.rate[0], found.low[0]) == (0, 0)
    assert found.effective_size[0] == pytest.approx(1.9**2 / (0.64 + 0.36 + 0.25))
    all_positive = tally_of([[0, 0, 3, 4]], weight=np.array([[[1, 1], [0.1, 0.7]]]))
    assert np.isnan(group_intervals(all_positive, "true_negative_rate")[0])


@pytest.mark.parametrize(
    ("count", "weight", "most"), [([1, 1], [1.0, 100.0], 2), ([1, 1], [3.0, 1.0], 2)]
)
def test_one_row_a_cell_is_worth_no_more_than_the_rows(count, weight, most):
    tally = tally_of([[0, 0, *count]], weight=np.array([[0, 0], weight]))
    found = group_intervals(tally, "true_positive_rate")
    assert found.effective_size[0] <= most == found.n[0]
    r = weight[1] / sum(weight)
    expected = min(
        most,
        r * (1 - r) * sum(weight) ** 2 / (r**2 * weight[0] ** 2 + weight[1] ** 2 * (1 - r) ** 2),
    )
    assert found.effective_size[0] == pytest.approx(expected)


def test_rows_that_weigh_by_outcome_may_be_worth_more_than_their_number():
    # r = 100 / 101, v = 2 x 50 x 100^2 / (101^2 x 50)^2
    tally = tally_of([[0, 0, 50, 50]], weight=np.array([[0, 0], [1.0, 100.0]]))
    found = group_intervals(tally, "true_positive_rate")
    assert (found.n[0], found.effective_size[0]) == (100, pytest.approx(101**2 / 4))


@pytest.mark.parametrize("chosen", [0, 1])
def test_rates_of_0_and_1_have_kishs_size(chosen):
    w = np.array([1.0, 1.0, 2.0, 4.0])
    tally = Tally.from_arrays([1] * 4, [chosen] * 4, ["a"] * 4, sample_weight=w)
    found = group_intervals(tally, "true_positive_rate")
    assert found.effective_size[0] == pytest.approx(64 / 22)
    ends = binomtest(0, 4).proportion_ci(method="wilson")
    assert found.low[0] == (0 if chosen == 0 else pytest.approx(1 - found.high[0] + found.low[0]))
    assert (found.low[0] == 0) == (chosen == 0)
    assert (found.high[0] == 1) == (chosen == 1)
    assert found.high[0] - found.low[0] > ends.high - ends.low


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_ends_of_the_unit_interval_are_met_exactly(level):
    n = np.arange(1.0, 400)
    none, every = (
        wilson_interval(np.full_like(n, p), n, critical_value(level)) for p in (0.0, 1.0)
    )
    assert (none[0] == 0).all()
    assert (every[1] == 1).all()
    assert_allclose(none[1], 1 - every[0], rtol=1e-12)


def test_f1_has_the_size_of_its_linearised_variance():
    # tp = 30, fp = 10, fn = 20: F = 60 / 90; v = (30 (2/3)^2 + 30 (2/3)^2) / 90^2
    found = group_intervals(tally_of([[7, 10, 20, 30]]), "f1_score")
    assert found.n[0] == 60
    assert found.effective_size[0] == pytest.approx((2 / 9) / ((30 + 30) * (4 / 9) / 8100))


@pytest.mark.parametrize(("cells", "size"), [([5, 10, 20, 0], 15.0), ([5, 0, 0, 30], 60.0)])
def test_f1_of_0_and_1_has_the_limit_of_that_size(cells, size):
    assert group_intervals(tally_of([cells]), "f1_score").effective_size[0] == pytest.approx(size)
    nearly = np.array([cells]) * 1e6 + [[0, size == 60, 0, size == 15]]
    limit = group_intervals(tally_of(nearly), "f1_score").effective_size[0] / 1e6
    assert limit == pytest.approx(size, rel=1e-4)


def test_undefined_groups_are_nan():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = group_intervals(tally_of([[5, 5, 0, 0], [1, 1, 1, 1]]), "true_positive_rate")
    assert np.isnan([part[0] for part in (found.rate, found.low, found.high)]).all()
    assert np.isnan(found.effective_size[0])
    assert found.n.tolist() == [0, 2]
    assert not np.isnan(found.low[1])


def test_rows_without_weight_leave_a_rate_undefined():
    tally = Tally.from_arrays([1, 1, 1], [0, 1, 1], list("aab"), sample_weight=[0.0, 0.0, 1.0])
    found = group_intervals(tally, "true_positive_rate")
    assert np.isnan(found.low).tolist() == [True, False]


def test_heavy_weights_widen_the_interval():
    rng = np.random.default_rng(0)
    w = rng.lognormal(0, 1.5, size=300)
    chosen = [1, 0] * 150
    tally = Tally.from_arrays([1] * 300, chosen, ["a"] * 300, sample_weight=w)
    found = group_intervals(tally, "true_positive_rate")
    plain = wilson_interval(found.rate, 300.0, Z)
    assert found.high - found.low > 1.5 * (plain[1] - plain[0])


def test_few_rows_borrow_the_spread_of_weights_from_the_others():
    # three positives that happen to weigh the same say little about weights
    w = np.array([1.0] * 3 + [0.1, 1.9] * 50)
    tally = Tally.from_arrays([1] * 103, [1] * 3 + [0] * 100, ["a"] * 103, sample_weight=w)
    own = group_intervals(tally, "true_positive_rate")
    r = 3 / 103
    linearised = r * (1 - r) / ((3 * (1 - r) ** 2 + (w[3:] ** 2).sum() * r**2) / 103**2)
    assert own.effective_size[0] < 0.75 * linearised


def test_a_ratio_that_is_not_bound_to_the_unit_interval_is_refused():
    odds = Rate("odds", (0, 1, 0, 1), (1, 0, 1, 0))
    with pytest.raises(ValueError, match=r"odds isn't bound to \[0, 1\]"):
        group_intervals(tally_of([[1, 2, 3, 4]]), odds)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, float("nan")])
def test_levels_outside_0_and_1_are_refused(level):
    for function in (group_intervals, pair_intervals, gap_interval):
        with pytest.raises(ValueError, match="confidence_level must be between 0 and 1"):
            function(tally_of([[1, 2, 3, 4]] * 2), "selection_rate", confidence_level=level)


# ---------------------------------------------------------------- pairs


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [  # Newcombe (1998), table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_newcombes_own_examples(a, b, low, high):
    cells = [[0, 0, n - k, k] for k, n in (a, b)]
    found = pair_intervals(tally_of(cells), "true_positive_rate")
    assert_allclose([found.low[0, 0], found.high[0, 0]], [low, high], atol=6e-5)


def test_pairs_are_all_pairs_in_order():
    cells = [[5, 5, 2, 8], [5, 5, 4, 6], [5, 5, 9, 1]]
    found = pair_intervals(tally_of(cells), "true_positive_rate")
    assert found.group.tolist() == [0, 0, 1]
    assert found.reference.tolist() == [1, 2, 2]
    assert_allclose(found.difference[0], [0.2, 0.7, 0.5])
    assert found.rates == ("true_positive_rate",)


def test_turning_a_pair_around_turns_its_interval():
    cells = [[5, 5, 2, 8], [5, 5, 4, 60]]
    a = pair_intervals(tally_of(cells), "true_positive_rate")
    b = pair_intervals(tally_of(cells[::-1]), "true_positive_rate")
    assert_allclose([a.difference, a.low, a.high], [-b.difference, -b.high, -b.low])


def test_criteria_compare_each_of_their_rates():
    tally = weighted()
    both = pair_intervals(tally, "equalized_odds", simultaneous=False)
    assert both.rates == tuple(FAMILY)
    for row, name in enumerate(FAMILY):
        one = pair_intervals(tally, name, simultaneous=False)
        for part in ("difference", "low", "high"):
            assert_allclose(getattr(both, part)[row], getattr(one, part)[0])


def test_the_mean_of_rates_has_one_interval():
    cells = [[60, 40, 20, 80], [80, 20, 30, 70]]
    found = pair_intervals(tally_of(cells), "average_odds")
    assert found.rates == ("mean of true_positive_rate and false_positive_rate",)
    parts = [pair_intervals(tally_of(cells), name) for name in FAMILY]
    assert_allclose(found.difference[0], np.mean([p.difference[0] for p in parts], axis=0))
    # independent: half the root of the sum of squares
    down = np.hypot(*[p.difference - p.low for p in parts]) / 2
    assert_allclose(found.low, found.difference - down, rtol=1e-12)


def test_rates_that_share_rows_get_the_bound_for_their_mean():
    shared = Criterion(
        "x", (RATES["true_positive_rate"], RATES["accuracy"]), combination="mean_rate"
    )
    cells = [[60, 40, 20, 80], [80, 20, 30, 70]]
    found = pair_intervals(tally_of(cells), shared)
    a, b = Limits(0.5, 0.4, 0.7), Limits(0.3, 0.1, 0.4)
    assert_allclose(mean_limits([a, b], independent=False), [0.4, 0.25, 0.55])
    assert_allclose(mean_limits([a, b], independent=True)[1], 0.4 - np.hypot(0.1, 0.2) / 2)
    own = CRITERIA["average_odds"]
    assert (found.high - found.low > 0).all()
    assert pair_intervals(tally_of(cells), own).rates != found.rates


@pytest.mark.parametrize("name", ["selection_rate", "equalized_odds", "average_odds"])
def test_simultaneous_intervals_hold_the_single_ones(name):
    tally = weighted()
    one = pair_intervals(tally, name, simultaneous=False)
    all_ = pair_intervals(tally, name)
    assert (all_.low < one.low).all()
    assert (all_.high > one.high).all()


def test_two_groups_and_one_rate_need_no_correction():
    tally = tally_of([[5, 5, 2, 8], [5, 5, 4, 6]])
    one = pair_intervals(tally, "selection_rate", simultaneous=False)
    assert_array_equal(pair_intervals(tally, "selection_rate").low, one.low)


def test_undefined_groups_cost_nothing():
    three = tally_of([[5, 5, 2, 8], [5, 5, 0, 0], [5, 5, 4, 6]])
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate.*'b'"):
        found = pair_intervals(three, "true_positive_rate")
    alone = pair_intervals(three.drop_groups(["b"]), "true_positive_rate")
    assert np.isnan(found.low[0]).tolist() == [True, False, True]
    assert found.low[0, 1] == alone.low[0, 0]


def test_a_rate_without_pairs_costs_nothing_and_is_told():
    cells = [[0, 0, 2, 8], [0, 0, 4, 6], [5, 5, 9, 1]]
    message = "'b'; no differences of false_positive_rate: fewer than two groups have it$"
    with pytest.warns(UndefinedMetricWarning, match=message) as caught:
        found = pair_intervals(tally_of(cells), "equalized_odds")
    assert "the result is NaN" not in str(caught[0].message)
    assert [warning.filename for warning in caught] == [__file__]
    alone = pair_intervals(tally_of(cells), "true_positive_rate")
    assert_array_equal(found.low[0], alone.low[0])
    assert np.isnan(found.low[1]).all()


def test_small_groups_leave_the_pairs():
    tally = tally_of([[5, 5, 2, 8], [1, 0, 0, 1], [5, 5, 4, 6]])
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 10 rows are left out: \['b'\]"):
        found = pair_intervals(tally, "true_positive_rate", min_group_size=10)
    assert (found.group.tolist(), found.reference.tolist()) == ([0], [2])


def test_one_group_has_no_pairs():
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups"):
        found = pair_intervals(tally_of([[5, 5, 2, 8]]), "equalized_odds")
    assert found.low.shape == (2, 0)


# ---------------------------------------------------------------- critical values


def test_critical_values_of_tables():
    # Tukey's studentised range at 5 %, infinite df: 2.772, 3.314, 3.633, 4.622
    for k, q in ((2, 2.772), (3, 3.314), (4, 3.633), (12, 4.622)):
        assert pairs_critical_value(0.95, k) == pytest.approx(q / 2**0.5, abs=5e-4)


def test_critical_values_of_families_are_sidaks():
    level = 0.95**0.5
    assert critical_value(0.95, contrasts=2) == pytest.approx(norm.ppf((1 + level) / 2))
    assert critical_value(0.95, contrasts=4) == pytest.approx(norm.ppf((1 + 0.95**0.25) / 2))
    assert pairs_critical_value(0.95, 2, n_families=4) == critical_value(0.95, contrasts=4)
    assert pairs_critical_value(level, 4) == pairs_critical_value(0.95, 4, n_families=2)


def test_the_largest_of_many_normal_differences_stays_below():
    rng = np.random.default_rng(0)
    for sd in (np.ones(6), np.geomspace(0.1, 3, 6)):
        x = rng.standard_normal((100_000, 6)) * sd
        i, j = np.triu_indices(6, 1)
        largest = (np.abs(x[:, i] - x[:, j]) / np.hypot(sd[i], sd[j])).max(axis=1)
        share = (largest <= pairs_critical_value(0.95, 6)).mean()
        assert 0.947 < share < (0.953 if sd.max() == 1 else 0.985)


# ---------------------------------------------------------------- ratios


def test_limits_of_a_ratio_solve_the_interval_of_the_difference():
    a, b = (Limits(p, *wilson_interval(p, n, Z)) for p, n in ((0.15, 80.0), (0.4, 60.0)))
    found = ratio_limits(a, b)

    def end(ratio, side):
        scaled = Limits(*(ratio * x for x in b))
        return difference_limits(a, scaled)[side]

    assert found.value == pytest.approx(0.375)
    assert found.low == pytest.approx(brentq(end, 1e-6, 0.375, args=(1,)), rel=1e-8)
    assert found.high == pytest.approx(brentq(end, 0.375, 5, args=(2,)), rel=1e-8)


def test_limits_of_a_ratio_of_rare_rates():
    # the upper limit of b is above 2 b, where Fieller's quadratic changes its sign
    a, b = (Limits(k / 50, *wilson_interval(k / 50, 50.0, Z)) for k in (10, 1))
    found = ratio_limits(a, b)
    assert 1 < found.low < 10 < found.high < np.inf
    scaled = Limits(*(found.low * x for x in b))
    assert difference_limits(a, scaled).low == pytest.approx(0, abs=1e-12)


def test_ratios_of_zero_counts():
    zero, some = (Limits(p, *wilson_interval(p, 50.0, Z)) for p in (0.0, 0.2))
    assert ratio_limits(zero, some).low == 0
    assert 0 < ratio_limits(zero, some).high < 1
    assert ratio_limits(some, zero).high == np.inf
    assert ratio_limits(zero, zero)[1:] == (0, np.inf)


# ---------------------------------------------------------------- gaps


def test_the_gap_of_two_groups_is_the_magnitude_of_their_difference():
    tally = tally_of([[5, 5, 20, 80], [5, 5, 40, 60]])
    pair = pair_intervals(tally, "true_positive_rate")
    found = gap_interval(tally, "equal_opportunity")
    assert found[:3] == pytest.approx((0.2, pair.low[0, 0], pair.high[0, 0]))
    turned = gap_interval(tally_of([[5, 5, 40, 60], [5, 5, 20, 80]]), "equal_opportunity")
    assert turned[:3] == pytest.approx(found[:3])
    assert found.confidence_level == 0.95
    assert found.method == "Newcombe, towards no gap simultaneous over pairs"


def test_a_gap_that_may_be_0_reaches_0():
    pair = pair_intervals(tally_of([[0, 0, 20, 80], [0, 0, 24, 76]]), "true_positive_rate")
    found = gap_interval(tally_of([[0, 0, 20, 80], [0, 0, 24, 76]]), "true_positive_rate")
    assert pair.low[0, 0] < 0 < pair.high[0, 0]
    assert found.low == 0
    assert found.high == pytest.approx(max(-pair.low[0, 0], pair.high[0, 0]))


def ends_of(pairs):
    near = [max(a, -b, 0.0) for a, b in zip(pairs.low.ravel(), pairs.high.ravel(), strict=True)]
    far = [max(-a, b) for a, b in zip(pairs.low.ravel(), pairs.high.ravel(), strict=True)]
    return np.array(near).reshape(pairs.low.shape), np.array(far).reshape(pairs.low.shape)


@pytest.mark.parametrize("name", [*CRITERIA, "f1_score", "accuracy"])
def test_gaps_of_many_groups_are_mapped_from_all_pairs(name):
    """All pairs at once towards no gap, each pair by itself at the far end."""
    tally, criterion = weighted(), get_criterion(name)
    averaged = criterion.combination == "mean"
    combine = np.mean if averaged else np.max
    near = ends_of(pair_intervals(tally, name))[0]
    far = ends_of(pair_intervals(tally, name, simultaneous=False))[1]
    found = gap_interval(tally, name, gap="difference")
    assert found.low == pytest.approx(combine(near.max(axis=1)))
    if averaged:  # both far ends have to hold
        assert found.high > combine(far.max(axis=1))
    else:
        assert found.high == pytest.approx(combine(far.max(axis=1)))
    assert found.estimate == pytest.approx(float(criterion(tally.cells(), gap="difference")))


def test_the_far_end_of_a_mean_of_gaps_holds_for_both_rates():
    cells = [[60, 40, 20, 80], [80, 20, 50, 50]]
    found = gap_interval(tally_of(cells), "average_abs_odds")
    pairs = pair_intervals(tally_of(cells), "equalized_odds")  # two groups: only two rates
    assert found.high == pytest.approx(pairs.high.mean())
    assert found.low == pytest.approx(pairs.low.mean())
    asked = gap_interval(tally_of(cells), "equalized_odds", combination="mean")
    assert asked == found


@given(
    cells=st.lists(st.lists(st.integers(0, 60), min_size=4, max_size=4), min_size=2, max_size=5),
    name=st.sampled_from([*CRITERIA, "f1_score"]),
    gap=st.sampled_from(["difference", "ratio"]),
    method=st.sampled_from(["between_groups", "to_overall"]),
    weight=st.sampled_from([1.0, 0.3]),
)
@REPRODUCIBLE
def test_every_interval_holds_its_estimate(cells, name, gap, method, weight):
    if (gap, method) == ("ratio", "to_overall"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        found = gap_interval(tally_of(cells, weight=weight), name, gap=gap, method=method)
    if np.isnan(found.estimate):
        assert np.isnan([found.low, found.high]).all()
    else:
        assert -1e-12 <= found.low <= found.estimate + 1e-12
        assert found.estimate - 1e-12 <= found.high <= 1 + 1e-9


def test_the_order_of_groups_does_not_matter():
    cells = np.array([[9, 3, 4, 8], [20, 5, 4, 6], [5, 5, 9, 1], [50, 20, 30, 31]])
    for options in ({}, {"gap": "ratio"}, {"method": "to_overall"}, {"combination": "mean"}):
        a, b = (
            gap_interval(tally_of(c), "equalized_odds", **options) for c in (cells, cells[::-1])
        )
        assert a[:3] == pytest.approx(b[:3], rel=1e-12)


def test_more_data_and_less_confidence_shorten_the_interval():
    cells = np.array([[9, 3, 4, 8], [20, 5, 4, 6], [5, 5, 9, 1]])
    whole = gap_interval(tally_of(cells), "equalized_odds")
    more = gap_interval(tally_of(cells * 100), "equalized_odds")
    less = gap_interval(tally_of(cells), "equalized_odds", confidence_level=0.5)
    for found in (more, less):
        assert whole.low < found.low < found.estimate < found.high < whole.high
    assert (more.high - more.low) * 5 < whole.high - whole.low


def test_ratio_gaps_of_two_groups():
    tally = tally_of([[40, 10, 0, 0], [50, 50, 0, 0]])
    a, b = (Limits(p, *wilson_interval(p, n, Z)) for p, n in ((0.2, 50.0), (0.5, 100.0)))
    found = gap_interval(tally, "disparate_impact")
    assert_allclose(found[:3], (0.4, *ratio_limits(a, b)[1:]), rtol=1e-9)
    turned = gap_interval(tally_of([[50, 50, 0, 0], [40, 10, 0, 0]]), "disparate_impact")
    assert turned[:3] == pytest.approx(found[:3])


def test_a_ratio_that_may_be_1_reaches_1():
    found = gap_interval(tally_of([[30, 20, 0, 0], [55, 45, 0, 0]]), "disparate_impact")
    assert found.low < found.estimate < found.high == 1


def test_the_ratio_of_many_groups_is_the_lowest():
    cells = [[40, 10, 0, 0], [50, 50, 0, 0], [30, 70, 0, 0]]
    found = gap_interval(tally_of(cells), "disparate_impact")
    p, n = np.array([0.2, 0.5, 0.7]), np.array([50.0, 100.0, 100.0])
    ends = []
    for critical in (Z, pairs_critical_value(0.95, 3)):
        limits = [Limits(*x) for x in zip(p, *wilson_interval(p, n, critical), strict=True)]
        ends.append([ratio_limits(limits[i], limits[j]) for i, j in ((0, 1), (0, 2), (1, 2))])
    assert found.low == pytest.approx(min(x.low for x in ends[0]))
    assert found.high == pytest.approx(min(x.high for x in ends[1]))


def test_groups_that_are_never_selected_have_no_ratio():
    with pytest.warns(UndefinedMetricWarning, match="the result is NaN"):
        found = gap_interval(tally_of([[10, 0, 0, 0], [20, 0, 0, 0]]), "disparate_impact")
    assert np.isnan(found[:3]).all()
    some = gap_interval(tally_of([[10, 0, 0, 0], [20, 20, 0, 0]]), "disparate_impact")
    assert (some.estimate, some.low) == (0, 0)
    assert 0 < some.high < 1


def test_the_distance_to_overall_of_two_groups():
    # r = (0.2 + 0.4) / 2 with half the rows each: both are 0.1 away
    tally = tally_of([[160, 40, 0, 0], [120, 80, 0, 0]])
    found = gap_interval(tally, "demographic_parity", method="to_overall")
    pair = gap_interval(tally, "demographic_parity")
    noise = Z * 0.2 * np.sqrt(0.25 / 400)
    assert found.estimate == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 - np.hypot((0.2 - pair.low) / 2, noise), rel=1e-4)
    assert found.high == pytest.approx(0.1 + np.hypot((pair.high - 0.2) / 2, noise), rel=1e-4)
    assert found.method == "Newcombe, towards no gap simultaneous over groups"


@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
def test_the_end_towards_no_gap_holds_for_all_rates(method):
    cells = np.array([[90, 30, 40, 80], [200, 50, 40, 60], [50, 50, 90, 10]])
    both = gap_interval(tally_of(cells), "equalized_odds", method=method)
    each = [
        gap_interval(tally_of(cells), name, method=method, confidence_level=0.95**0.5)
        for name in FAMILY
    ]
    assert both.low == pytest.approx(max(x.low for x in each))
    alone = [gap_interval(tally_of(cells), name, method=method) for name in FAMILY]
    assert both.high == pytest.approx(max(x.high for x in alone))
    assert both.low < max(x.low for x in alone)


def test_groups_left_out_still_count_in_the_whole():
    tally = tally_of([[50, 50, 0, 0], [30, 70, 0, 0], [0, 9, 0, 0]])
    with pytest.warns(UndefinedMetricWarning, match="left out"):
        found = gap_interval(tally, "selection_rate", method="to_overall", min_group_size=10)
    assert found.estimate == pytest.approx(max(129 / 209 - 0.5, 0.7 - 129 / 209))
    assert found.low <= found.estimate <= found.high


@pytest.mark.parametrize("cells", [[[0, 0, 0, 2], [0, 0, 40, 0]], [[0, 0, 2, 0], [0, 0, 0, 40]]])
def test_distances_to_overall_stay_in_the_unit_interval(cells):
    found = gap_interval(tally_of(cells), "true_positive_rate", method="to_overall")
    assert found.estimate == pytest.approx(40 / 42)
    assert found.high == 1


def test_groups_without_the_rate_cost_nothing_in_the_distance_to_overall():
    for cells in (
        [[5, 5, 6, 19], [5, 5, 17, 8]],
        [[5, 5, 60, 90], [5, 5, 120, 80], [5, 5, 90, 60]],
    ):
        alone = gap_interval(tally_of(cells), "true_positive_rate", method="to_overall")
        with pytest.warns(UndefinedMetricWarning, match="left out"):
            found = gap_interval(
                tally_of([*cells, [9, 9, 0, 0]]), "true_positive_rate", method="to_overall"
            )
        assert found[:3] == pytest.approx(alone[:3], rel=1e-12)
        assert found.low > 0.01


def test_the_mean_of_two_rates_is_corrected_where_one_of_them_knows_a_third_group():
    cells = [[50, 50, 60, 90], [50, 70, 20, 80]]
    two = gap_interval(tally_of(cells), "average_odds", method="to_overall")
    with pytest.warns(UndefinedMetricWarning, match="left out"):
        found = gap_interval(tally_of([*cells, [1, 1, 0, 0]]), "average_odds", method="to_overall")
    assert found.low < two.low - 0.003


def test_the_ratio_to_overall_is_refused():
    with pytest.raises(ValueError, match="ratio to overall isn't offered"):
        gap_interval(tally_of([[1, 1, 1, 1]] * 2), "disparate_impact", method="to_overall")


@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
def test_fewer_than_two_groups_have_no_gap(method):
    for tally in (tally_of([[5, 5, 2, 8]]), tally_of([[5, 5, 2, 8], [5, 5, 0, 0]])):
        with pytest.warns(UndefinedMetricWarning, match="fewer than two groups|'b'"):
            found = gap_interval(tally, "equal_opportunity", method=method)
        assert np.isnan(found[:3]).all()
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups"):
        found = gap_interval(
            tally_of([[5, 5, 2, 8]] * 2), "equal_opportunity", method=method, min_group_size=99
        )
    assert np.isnan(found[:3]).all()


def test_an_empty_group_costs_nothing():
    tally = tally_of([[5, 5, 2, 8], [15, 5, 5, 6]])
    wider = tally + replace(tally_of([[0, 0, 0, 0]]), labels=("c",))
    for options in ({}, {"method": "to_overall"}, {"gap": "ratio"}):
        with pytest.warns(UndefinedMetricWarning, match="'c'"):
            found = gap_interval(wider, "equalized_odds", **options)
        expected = gap_interval(tally, "equalized_odds", **options)
        assert found[:3] == pytest.approx(expected[:3])


def test_string_labels_need_the_positive_class():
    tally = Tally.from_arrays(["y", "n"] * 20, ["y", "y"] * 20, ["a"] * 20 + ["b"] * 20)
    with pytest.raises(ValueError, match="pos_label"):
        gap_interval(tally, "equal_opportunity")
    assert gap_interval(tally, "equal_opportunity", pos_label="y").estimate == 0
    assert group_intervals(tally, "true_positive_rate", pos_label="n").rate.tolist() == [0, 0]


def test_one_class_of_several_against_the_rest():
    y = np.array([0, 1, 2] * 30)
    tally = Tally.from_arrays(y, np.roll(y, 1), ["a", "b"] * 45)
    found = group_intervals(tally, "selection_rate", pos_label=2)
    assert found.n.tolist() == [45, 45]


@pytest.mark.parametrize(
    ("name", "options", "method"),
    [
        ("equal_opportunity", {}, "Newcombe, towards no gap simultaneous over pairs"),
        ("average_odds", {}, "Newcombe, towards no gap simultaneous over pairs"),
        ("equalized_odds", {}, "Newcombe, towards no gap simultaneous over pairs and rates"),
        (
            "average_abs_odds",
            {},
            "Newcombe, towards no gap simultaneous over pairs and rates, away from it over rates",
        ),
        ("disparate_impact", {}, "Donner and Zou, towards no gap simultaneous over pairs"),
        (
            "equalized_odds",
            {"method": "to_overall"},
            "Newcombe, towards no gap simultaneous over groups and rates",
        ),
    ],
)
def test_the_method_is_told(name, options, method):
    assert gap_interval(weighted(), name, **options).method == method


@pytest.mark.parametrize("sums_of", [CellSums, ClassSums])
def test_others_of_a_far_heavier_group(sums_of):
    scale = np.array([1.0, 1e8, 1.0, 1e-8])[:, None]
    parts = [scale * [0.1, 0.2, 0.3, 0.7], scale**2 * [0.1, 0.2, 0.3, 0.7], np.ones((4, 4))]
    found = sums_of(*(np.stack([part, part]) for part in parts)).others()
    for others, part in zip(found, parts, strict=True):
        for group in range(4):
            expected = np.delete(part, group, axis=0).sum(axis=0)
            assert_allclose(others[0, group], expected, rtol=1e-15)
            assert_array_equal(others[1], others[0])


def test_classes_without_rows_leave_no_residue():
    cells = ClassSums(*[np.array([[0.1, 0.0, 0.0], [0.1, 0.2, 0.3]])] * 3).against_rest(0)
    assert cells.weight[0].tolist() == [0, 0, 0, 0.1]
    small = ClassSums(*[np.array([[1e20, 1.0, 2.0]])] * 3).against_rest(0)
    assert small.weight[0].tolist() == [3.0, 0, 0, 1e20]


def test_rows_of_weight_0_are_no_rows():
    y_pred = [1, 0, 1] + [0] * 1000
    weight = [1, 1, 1] + [0] * 1000
    masked = Tally.from_arrays([1] * 1003, y_pred, ["a"] * 1003, sample_weight=weight)
    alone = Tally.from_arrays([1] * 3, y_pred[:3], ["a"] * 3)
    found = [group_intervals(tally, "true_positive_rate") for tally in (masked, alone)]
    assert_array_equal(found[0], found[1])
    assert (found[0].n[0], found[0].effective_size[0]) == (3, pytest.approx(3))


def test_sums_of_others():
    sums = CellSums.of(weighted(), [RATES["selection_rate"]])
    others = sums.others()
    assert_allclose(others.weight[0], sums.weight[1:].sum(axis=0))
    single = CellSums.of(weighted().drop_groups(["b", "c"]), [RATES["selection_rate"]]).others()
    assert all((array == 0).all() for array in single)


def test_degrees_of_freedom_are_infinite_without_weights():
    sums = CellSums.of(
        tally_of([[10, 2, 3, 5], [4, 0, 1, 0]], weight=0.1), [RATES["selection_rate"]]
    )
    assert np.isinf(effective_size(RATES["accuracy"], sums)[1]).all()
    heavy = effective_size(RATES["accuracy"], CellSums.of(weighted(), [RATES["selection_rate"]]))[1]
    assert np.isfinite(heavy).all()


def test_accuracy_has_intervals_with_any_number_of_classes():
    y_true, y_pred = list("aabbcc") * 10, list("abbbca") * 10
    tally = Tally.from_arrays(y_true, y_pred, ["f", "m"] * 30)
    found = group_intervals(tally, "accuracy")
    right = np.array(y_true) == np.array(y_pred)
    for i, part in enumerate((right[::2], right[1::2])):
        low, high = binomtest(int(part.sum()), len(part)).proportion_ci(method="wilson")
        assert_allclose((found.low[i], found.high[i]), (low, high))
    gap = gap_interval(tally, "accuracy_parity")
    assert gap.estimate == pytest.approx(abs(right[::2].mean() - right[1::2].mean()))
