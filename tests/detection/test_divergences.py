from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy import stats
from sklearn.exceptions import UndefinedMetricWarning

from skfair.detection import (
    earth_movers_distance,
    js_divergence,
    kl_divergence,
    kolmogorov_smirnov,
    label_disparity,
    lp_distance,
    skewness,
    total_variation,
)
from skfair.groups import MISSING
from skfair.tally import Tally

DISTANCES = [kl_divergence, js_divergence, lp_distance, total_variation, kolmogorov_smirnov]
WITH_TALLY = [*DISTANCES, earth_movers_distance]
EVERYTHING = [*WITH_TALLY, skewness]

# 2 groups, 3 classes: f 0.2, 0.3, 0.5 and m 0.5, 0.3, 0.2
Y = np.repeat([0, 1, 2, 0, 1, 2], [2, 3, 5, 5, 3, 2])
SEX = np.repeat(["f", "m"], 10)


def every(functions):
    return pytest.mark.parametrize("function", functions, ids=lambda f: f.__name__)


BY_HAND = {
    kl_divergence: 0.3 * np.log(2.5),  # 0.5 ln(0.5 / 0.2) + 0.2 ln(0.2 / 0.5)
    js_divergence: 0.2 * np.log(4 / 7) + 0.5 * np.log(10 / 7),
    lp_distance: np.sqrt(0.18),
    total_variation: 0.3,
    kolmogorov_smirnov: 0.3,
    earth_movers_distance: 0.6,  # 0.3 + 0.3
}


@every(BY_HAND)
def test_by_hand(function):
    found = function(Y, sensitive_features={"sex": SEX})
    assert found.columns.tolist() == ["estimate", "low", "high"]
    assert found.index.tolist() == ["f", "m"]
    assert found.index.name == "sex"
    assert_allclose(found["estimate"], BY_HAND[function])
    assert (found["low"] < found["estimate"]).all()
    assert (found["high"] > found["estimate"]).all()


def test_kl_is_the_divergence_of_the_rest_from_the_group():
    y, group = [1, 1, 0, 0, 1, 0, 0, 0], ["f"] * 4 + ["m"] * 4
    found = kl_divergence(y, sensitive_features=group)["estimate"]
    assert_allclose(found["f"], 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5))
    assert_allclose(found["m"], 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75))


def test_three_groups_are_each_compared_with_the_two_others():
    y = [0, 1, 0, 0, 1, 1, 1, 1, 0, 0]
    group = ["a"] * 2 + ["b"] * 3 + ["c"] * 5
    found = total_variation(y, sensitive_features=group)["estimate"]
    assert_allclose(found, [abs(4 / 8 - 1 / 2), abs(4 / 7 - 1 / 3), abs(2 / 5 - 3 / 5)])
    found = total_variation(y, sensitive_features=group, reference="b")["estimate"]
    assert_allclose(found, [1 / 2 - 1 / 3, 0, 3 / 5 - 1 / 3])


@every([total_variation, kolmogorov_smirnov])
def test_of_two_classes_limits_are_those_of_the_disparity(function):
    y = Y > 1
    found, plain = (f(y, sensitive_features=SEX) for f in (function, label_disparity))
    row = plain.loc["m"]
    assert row["estimate"] > 0 > row["low"]
    assert_allclose(found.loc["m"], [row["estimate"], 0, row["high"]])


def test_order_of_the_distance():
    options = {"sensitive_features": SEX}
    assert_allclose(lp_distance(Y, p=1, **options)["estimate"], 0.6)
    assert_allclose(lp_distance(Y, p=3, **options)["estimate"], 0.3 * 2 ** (1 / 3))
    with pytest.raises(ValueError, match="p must be at least 1"):
        lp_distance(Y, p=0, **options)


def test_classes_that_a_group_lacks():
    y, group = ["x", "y", "x", "y", "z"], ["f", "f", "m", "m", "m"]
    found = kl_divergence(y, sensitive_features=group)
    assert found.loc["f", ["estimate", "high"]].tolist() == [np.inf, np.inf]
    assert np.isfinite(found.loc["f", "low"])
    assert_allclose(found.loc["m", "estimate"], np.log(1.5))  # the rest lacks z
    found = js_divergence(y, sensitive_features=group)["estimate"]
    halves = 0.5 * np.log(0.5 / (5 / 12)) + (2 / 6) * np.log((1 / 3) / (5 / 12))
    assert_allclose(found, halves + (1 / 6) * np.log(2))


@every(DISTANCES)
def test_classes_that_only_a_third_group_has_change_nothing(function):
    y, group = np.append(Y, 7), np.append(SEX, "x")
    found = function(y, sensitive_features=group, reference="m")
    assert_allclose(found.loc["f", "estimate"], BY_HAND[function])
    assert found.loc["m"].tolist() == [0, 0, 0]


@every(WITH_TALLY)
def test_a_reference(function):
    found = function(Y, sensitive_features=SEX, reference="m")
    plain = function(Y, sensitive_features=SEX)
    assert_allclose(found.loc["f"], plain.loc["f"])
    assert found.loc["m"].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="no group 'x' to refer to"):
        function(Y, sensitive_features=SEX, reference="x")


def test_ordered_kolmogorov_smirnov_is_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 40).round(1), rng.normal(0.4, 2, 70).round(1)
    y, group = np.concatenate([a, b]), ["a"] * 40 + ["b"] * 70
    found = kolmogorov_smirnov(y, sensitive_features=group, ordered=True)
    expected = stats.ks_2samp(a, b).statistic
    band = np.sqrt(-np.log(0.025) / 2) * np.sqrt(1 / 40 + 1 / 70)
    assert_allclose(found["estimate"], expected)
    assert_allclose(found["low"], max(expected - band, 0))
    assert_allclose(found["high"], expected + band)
    unordered = kolmogorov_smirnov(y, sensitive_features=group)["estimate"]
    assert (unordered < expected).all()


def test_ordered_categories_keep_their_order():
    grades = pd.Categorical.from_codes(Y, ["poor", "fair", "excellent"], ordered=True)
    found = kolmogorov_smirnov(grades, sensitive_features=SEX, ordered=True)
    assert_allclose(found["estimate"], 0.3)  # 0.2 - 0.5, then 0.5 - 0.8
    y = pd.Categorical.from_codes([0, 2, 1, 1], ["poor", "fair", "excellent"], ordered=True)
    found = kolmogorov_smirnov(y, sensitive_features=["f", "f", "m", "m"], ordered=True)
    assert_allclose(found["estimate"], 0.5)  # alphabetic: 0.5, too; unordered: 1
    assert_allclose(kolmogorov_smirnov(y, sensitive_features=list("ffmm"))["estimate"], 1)


def test_the_earth_movers_distance_is_scipys():
    rng = np.random.default_rng(1)
    a, b = rng.gamma(2, 10, 40).round(), rng.gamma(3, 10, 70).round()
    weights = rng.integers(1, 4, 110)
    y, group = np.concatenate([a, b]), ["a"] * 40 + ["b"] * 70
    found = earth_movers_distance(y, sensitive_features=group)
    assert_allclose(found["estimate"], stats.wasserstein_distance(a, b))
    found = earth_movers_distance(y, sensitive_features=group, sample_weight=weights)
    expected = stats.wasserstein_distance(a, b, weights[:40], weights[40:])
    assert_allclose(found["estimate"], expected)


def test_the_earth_movers_distance_moves_with_the_unit():
    found, scaled = (earth_movers_distance(c * Y - 4, sensitive_features=SEX) for c in (1.0, -2.5))
    assert_allclose(scaled, 2.5 * found)


def test_the_earth_movers_distance_needs_numbers():
    with pytest.raises(ValueError, match="the earth mover's distance needs numbers"):
        earth_movers_distance(["x", "y"], sensitive_features=["f", "m"])


def test_skewness_is_scipys():
    rng = np.random.default_rng(2)
    values = rng.gamma(2, 10, 90)
    group = np.resize(["a", "b", "c"], 90)
    found = skewness(values, sensitive_features=group)
    expected = [stats.skew(values[group == g]) for g in "abc"]
    assert_allclose(found["estimate"], expected)
    assert (found["low"] < expected).all()
    assert (found["high"] > expected).all()


def test_skewness_and_its_limits_by_hand():
    # mean 1, deviations -1, -1, 2: variance 2, third moment 6 / 3 = 2; 2 / 2^1.5 = 0.7071
    skew = 2 / 2**1.5
    z = np.array([-1, -1, 2]) / np.sqrt(2)
    influence = z**3 - 3 * z - skew - 1.5 * skew * (z**2 - 1)
    half = 1.959964 * np.sqrt((influence**2).sum()) / 3
    found = skewness([0, 0, 3], sensitive_features=["f"] * 3)
    assert_allclose(found.loc["f"], [skew, skew - half, skew + half], rtol=1e-6)


def test_skewness_changes_its_sign_with_the_values_and_not_with_the_unit():
    values = np.array([0, 0, 3, 1.0, 5, 9])
    plain, scaled, turned = (
        skewness(v, sensitive_features=list("fffmmm"))
        for v in (values, 1e6 * values + 5e6, -values)
    )
    assert_allclose(scaled, plain, rtol=1e-6, atol=1e-9)
    assert_allclose(turned["estimate"], -plain["estimate"], atol=1e-12)
    assert_allclose(turned["low"], -plain["high"])


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9 / 3])
@pytest.mark.parametrize("n", [1, 3, 7])
def test_a_constant_has_no_skewness(value, n):
    y, group = [value] * n + [1, 2, 9], ["f"] * n + ["m"] * 3
    with pytest.warns(UndefinedMetricWarning, match=r"skewness of groups \['f'\] is undefined"):
        found = skewness(y, sensitive_features=group)
    assert found.loc["f"].isna().all()
    assert found.loc["m"].notna().all()


def test_skewness_takes_finite_numbers():
    with pytest.raises(ValueError, match="Input y contains NaN"):
        skewness([1, np.nan], sensitive_features=["f", "m"])
    with pytest.raises(ValueError, match="could not convert string to float"):
        skewness(["x", "y"], sensitive_features=["f", "m"])


@every(EVERYTHING)
def test_integer_weights_are_repeated_rows_for_estimates(function):
    weights = np.resize([1, 3, 2, 5, 1], len(Y))
    weighted = function(Y, sensitive_features=SEX, sample_weight=weights)
    repeated = function(np.repeat(Y, weights), sensitive_features=np.repeat(SEX, weights))
    assert_allclose(weighted["estimate"], repeated["estimate"])
    assert (weighted["high"] > repeated["high"]).all()


@every(EVERYTHING)
def test_the_scale_of_weights_doesnt_matter(function):
    found = function(Y, sensitive_features=SEX, sample_weight=np.full(len(Y), 0.01))
    assert_allclose(found, function(Y, sensitive_features=SEX), atol=1e-9)


@every(DISTANCES)
def test_labels_of_any_type(function):
    names = np.array(["no", "perhaps", "yes"])
    found = function(names[Y], sensitive_features=SEX)
    assert_frame_equal(found, function(Y, sensitive_features=SEX))


@every(DISTANCES)
def test_one_class_is_at_distance_0(function):
    found = function(["x"] * 4, sensitive_features=list("ffmm"))
    assert_allclose(found[["estimate", "low"]], 0)  # high: classes may be yet unseen


@every(DISTANCES)
def test_a_group_of_one_row(function):
    found = function([0, 1, 0, 1], sensitive_features=list("fmmm"))
    assert found.loc["f", "low"] <= found.loc["f", "estimate"] <= found.loc["f", "high"]
    assert found["estimate"].notna().all()


@every(WITH_TALLY)
def test_a_single_group_has_nothing_to_compare_with(function):
    with pytest.warns(UndefinedMetricWarning, match=rf"{function.__name__} of groups \['f'\]"):
        assert function([0, 1], sensitive_features=["f", "f"]).isna().to_numpy().all()


@every(EVERYTHING)
def test_warnings_point_at_the_line_of_the_call(function):
    with pytest.warns(UndefinedMetricWarning) as caught:
        function([0, 1], sensitive_features=["f", "f"], sample_weight=[0, 0])
    assert caught[0].filename == __file__


@every(EVERYTHING)
def test_several_features_intersect_and_missing_ones_are_a_group(function):
    features = {"sex": SEX, "race": np.resize(["x", None], 20)}
    found = function(Y, sensitive_features=features)
    assert found.index.tolist() == [(s, r) for s in "fm" for r in ("x", MISSING)]
    joined = function(
        Y, sensitive_features=[f"{s}{r}" for s, r in zip(*features.values(), strict=True)]
    )
    assert_allclose(found, joined.to_numpy()[[1, 0, 3, 2]])  # "fNone" sorts before "fx"
    with pytest.raises(ValueError, match="missing values"):
        function(Y, sensitive_features=features, missing="raise")


@every(EVERYTHING)
def test_tables_of_all_kinds_and_odd_indices(function):
    plain = function(Y, sensitive_features={"sex": SEX})
    odd = np.arange(len(Y))[::-1]
    others = [
        function(pd.Series(Y, index=odd), sensitive_features=pd.DataFrame({"sex": SEX})),
        function(pl.Series(Y), sensitive_features=pl.DataFrame({"sex": SEX})),
        function(Y.tolist(), sensitive_features=pd.Series(SEX, name="sex", index=odd)),
    ]
    for other in others:
        assert_frame_equal(other, plain)


@every(WITH_TALLY)
def test_a_tally_is_as_good_as_arrays(function):
    weights = np.resize([1.0, 2.5], len(Y))
    tally = Tally.from_arrays(Y, Y[::-1], {"sex": SEX}, sample_weight=weights)
    assert_frame_equal(
        function(tally), function(Y, sensitive_features={"sex": SEX}, sample_weight=weights)
    )
    with pytest.raises(ValueError, match="a tally brings its groups and weights along"):
        function(tally, sensitive_features=SEX)


@every(EVERYTHING)
def test_bad_input(function):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(Y[1:], sensitive_features=SEX)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(Y, sensitive_features=SEX, sample_weight=[1.0])
    with pytest.raises(ValueError, match="NaN or infinity"):
        function(Y, sensitive_features=SEX, sample_weight=np.full(20, np.nan))
    with pytest.raises(ValueError, match="sensitive_features is None"):
        function(Y)
    with pytest.raises(ValueError, match="confidence_level must be between 0 and 1"):
        function(Y, sensitive_features=SEX, confidence_level=1)


@every(EVERYTHING)
def test_parameters_are_those_described(function):
    described = function.__doc__.split("Parameters\n")[1].split("Returns\n")[0]
    names = [line.split(" : ")[0].strip() for line in described.splitlines() if " : " in line[:30]]
    assert sorted(names) == sorted(set(function.__annotations__) - {"return"})


def skewness_coverage(draw, true, n, n_samples, weights=None):
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(25), n)
    held = []
    for _ in range(n_samples // 25):
        weight = None if weights is None else weights(rng, 25 * n)
        found = skewness(draw(rng, 25 * n), sensitive_features=group, sample_weight=weight)
        held.append((found["low"] <= true) & (true <= found["high"]))
    return np.mean(held)


def normal(rng, n):
    return rng.normal(size=n)


def beta(rng, n):
    return rng.beta(2, 5, n)


BETA = 2 * (5 - 2) * np.sqrt(8) / (9 * np.sqrt(10))


@pytest.mark.parametrize(("draw", "true"), [(normal, 0), (beta, BETA)])
def test_intervals_hold_the_true_skewness(draw, true):
    assert skewness_coverage(draw, true, 200, 1000) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "true", "n", "least"),
    [
        (normal, 0, 50, 0.88),
        (normal, 0, 1000, 0.935),
        (beta, BETA, 50, 0.88),
        (beta, BETA, 1000, 0.935),
    ],
)
def test_intervals_hold_the_true_skewness_in_large_simulations(draw, true, n, least):
    assert least <= skewness_coverage(draw, true, n, 5000) <= 0.97


@pytest.mark.slow
def test_weighted_intervals_hold_the_true_skewness_in_large_simulations():
    found = skewness_coverage(normal, 0, 1000, 5000, lambda rng, n: rng.lognormal(0, 0.5, n))
    assert 0.93 <= found <= 0.97


@pytest.mark.slow
@every([earth_movers_distance, kolmogorov_smirnov])
def test_intervals_hold_the_true_distance_of_numbers(function):
    rng = np.random.default_rng(0)
    options = {"ordered": True} if function is kolmogorov_smirnov else {}
    true = 0.5 if options else 1.0  # of the uniform distributions on 0 to 2 and 1 to 3
    held = []
    for _ in range(1000):
        y = np.concatenate([rng.uniform(0, 2, 50), rng.uniform(1, 3, 80)])
        found = function(y, sensitive_features=["a"] * 50 + ["b"] * 80, **options).iloc[0]
        held.append(found["low"] <= true <= found["high"])
    assert np.mean(held) >= 0.95


def test_the_earth_movers_distance_orders_numbers_and_not_their_digits():
    y, group = ["10", "9", "2", "2"], list("ffmm")
    assert_allclose(earth_movers_distance(y, sensitive_features=group)["estimate"], 7.5)


def test_strings_without_an_order_have_no_distribution_function():
    levels, group = ["low", "mid", "high"], list("aaabb")
    y = [*levels, "mid", "high"]
    for unordered in (y, pd.Series(y), pl.Series(y), pd.Categorical(y)):
        with pytest.raises(ValueError, match="order of the labels"):
            kolmogorov_smirnov(unordered, sensitive_features=group, ordered=True)
    with pytest.raises(ValueError, match="order of the labels"):
        kolmogorov_smirnov(Tally.from_arrays(y, y, group), ordered=True)
    ordered = pd.Categorical(y, levels, ordered=True)
    enum = pl.Series(y, dtype=pl.Enum(levels))
    for y in (ordered, pd.Series(ordered, index=range(5, 0, -1)), enum):
        found = kolmogorov_smirnov(y, sensitive_features=group, ordered=True)
        assert_allclose(found["estimate"], 1 / 3)  # 1/3, 2/3, 1 and 0, 1/2, 1; alphabetic: 1/6
    found = kolmogorov_smirnov(Tally.from_arrays(ordered, ordered, group), ordered=True)
    assert_allclose(found["estimate"], 1 / 3)


def test_the_skewness_of_tiny_and_of_huge_numbers_in_one_column():
    group = list("aaabbb")
    values = np.array([1.0, 2, 5, 1, 2, 5])
    found = skewness(values * np.repeat([1e-200, 1e200], 3), sensitive_features=group)
    assert_frame_equal(found, skewness(values, sensitive_features=group))
