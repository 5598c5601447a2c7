from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy.stats import fisher_exact, normaltest, skew
from sklearn.exceptions import NotFittedError

from skfair.criteria import holm, wilson_interval
from skfair.datasets import load_adult, load_german
from skfair.detection import (
    BiasDetector,
    class_imbalance,
    conditional_demographic_disparity,
    find_proxies,
    js_divergence,
    kolmogorov_smirnov,
    label_disparity,
    sample_disparity,
    total_variation,
)
from skfair.detection._report import ranked
from skfair.detection._value_tests import shape_of
from skfair.groups import MISSING

Z = 1.959963984540054


def plant(seed=0, n=1500, effect=1.0):
    """Three features of which labels hang on region and age, one numeric and one text of noise."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "noise": rng.lognormal(0, 1.5, n),
            "region": rng.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
            "age": rng.integers(18, 80, n),
            "city": rng.integers(0, 12, n).astype(str),
        }
    )
    chance = 0.5 - 0.25 * effect * (X["region"] == "west") - 0.2 * effect * (X["age"] < 40)
    return X, (rng.random(n) < chance).astype(int).to_numpy()


X, Y = plant()
RNG = np.random.default_rng(7)
SEX = np.where(RNG.random(len(Y)) < 0.4 + 0.1 * Y, "f", "m")


def row(detector, feature, value):
    report = detector.report_
    return report[(report["feature"] == feature) & (report["value"] == value)].iloc[0]


@pytest.fixture(scope="module")
def fitted():
    return BiasDetector().fit(X, Y)


def test_planted_bias_is_found_and_nothing_else(fitted):
    assert set(fitted.biased_features_) == {"region", "age"}
    assert set(fitted.features_["feature"][:2]) == {"region", "age"}
    assert fitted.features_["is_detected"].tolist() == [True, True, False, False]


def test_figures_of_a_value_by_hand(fitted):
    west = (X["region"] == "west").to_numpy()
    found, n = row(fitted, "region", "west"), len(Y)
    a, b, c, d = (
        (west & (Y == 1)).sum(),
        (west & (Y == 0)).sum(),
        (~west & (Y == 1)).sum(),
        (~west & (Y == 0)).sum(),
    )
    own, rest = a / (a + b), c / (c + d)
    expected = {
        "n": a + b,
        "share": (a + b) / n,
        "positive_rate": own,
        "label_disparity": rest - own,
        "demographic_disparity": b / (b + d) - a / (a + c),
        "class_imbalance": (c + d - a - b) / n,
        "sample_disparity": (a + b) / (c + d),
        "total_variation": abs(rest - own),
        "kolmogorov_smirnov": abs(rest - own),
        "kl_divergence": rest * np.log(rest / own) + (1 - rest) * np.log((1 - rest) / (1 - own)),
    }
    assert_allclose(found[list(expected)].astype(float), list(expected.values()))
    assert (found["kind"], found["class"]) == ("value", 1)
    smooth = np.array([b + 0.5, a + 0.5]) / (a + b + 1)
    everyone = np.array([b + d + 0.5, a + c + 0.5]) / (n + 1)
    assert_allclose(found["kl_to_all"], (smooth * np.log(smooth / everyone)).sum())
    low, high = wilson_interval(np.array(own), np.array(float(a + b)), Z)
    assert_allclose(found[["positive_rate_low", "positive_rate_high"]].astype(float), [low, high])


def test_p_values_are_exact():
    group = ["a"] * 50 + ["b"] * 50
    y = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15
    report = BiasDetector().fit(pd.DataFrame({"g": group}), y).report_
    assert_allclose(report["pvalue"], fisher_exact([[20, 30], [35, 15]]).pvalue)
    assert_allclose(report["adjusted_pvalue"], 2 * report["pvalue"])


def test_figures_agree_with_the_functions(fitted):
    pairs = {
        "label_disparity": label_disparity,
        "demographic_disparity": conditional_demographic_disparity,
        "js_divergence": js_divergence,
        "total_variation": total_variation,
        "kolmogorov_smirnov": kolmogorov_smirnov,
    }
    found = fitted.report_[fitted.report_["feature"] == "city"]
    for name, function in pairs.items():
        expected = function(Y, sensitive_features=X["city"])
        assert_allclose(found[name], expected["estimate"], atol=1e-12)
    expected = label_disparity(Y, sensitive_features=X["city"])
    assert_allclose(found["label_disparity_low"], expected["low"])
    assert_allclose(found["label_disparity_high"], expected["high"])
    assert_allclose(found["pvalue"], expected["pvalue"])
    assert_allclose(found["class_imbalance"], class_imbalance(X["city"])["estimate"])
    assert_allclose(found["sample_disparity"], sample_disparity(X["city"])["estimate"])


def test_numbers_are_compared_below_and_above_inner_cuts(fitted):
    report = fitted.report_[fitted.report_["feature"] == "age"]
    values, cuts = (report[report["kind"] == kind] for kind in ("value", "cut"))
    assert len(values) == 10
    assert len(cuts) == 7  # nine edges, less the first and last bin, which are values
    edges = [int(value.removeprefix("age<=")) for value in cuts["value"]]
    assert edges == sorted(edges)
    below = (X["age"] <= edges[2]).to_numpy()
    assert cuts["n"].iloc[2] == below.sum()
    expected = Y[~below].mean() - Y[below].mean()
    assert_allclose(cuts["label_disparity"].iloc[2], expected)
    assert (report["kind"] == "cut").any()
    assert (fitted.report_.loc[fitted.report_["feature"] == "city", "kind"] == "value").all()


def test_missing_numbers_are_on_no_side_of_a_cut():
    age = X["age"].where(np.arange(len(X)) % 5 > 0)
    detector = BiasDetector().fit(age.to_frame(), Y)
    report = detector.report_
    assert report.loc[report["value"] == MISSING, "n"].item() == 300
    cut = report[report["kind"] == "cut"].iloc[0]
    edge = float(cut["value"].removeprefix("age<="))
    assert_allclose(cut["label_disparity"], Y[age > edge].mean() - Y[age <= edge].mean())
    assert detector.features_["missing_share"].item() == 0.2


def test_values_that_stand_for_themselves_are_cut_too():
    numbers = pd.DataFrame({"years": X["age"] // 10})
    report = BiasDetector().fit(numbers, Y).report_
    assert report["value"].tolist() == [*range(1, 8), *(f"years<={k}" for k in range(2, 6))]
    few = BiasDetector().fit(pd.DataFrame({"years": X["age"] // 30}), Y).report_
    assert set(few["kind"]) == {"value"}


def test_the_three_tests_and_their_share(fitted):
    report = fitted.report_
    adjusted = holm(report["pvalue"].to_numpy())
    assert_allclose(report["adjusted_pvalue"], adjusted)
    assert (report["is_significant"] == (adjusted <= 0.05)).all()
    assert (report["is_disparate"] == (report["label_disparity"].abs() >= 0.05)).all()
    assert (report["is_divergent"] == (report["kl_to_all"] >= 0.005)).all()
    tests = report[["is_significant", "is_disparate", "is_divergent"]]
    assert_allclose(report["weight"], report["is_significant"] * tests.sum(axis=1) / 3)
    largest = report.groupby("feature")["weight"].max()
    assert_allclose(fitted.weights_, largest[fitted.weights_.index])
    assert fitted.weights_.is_monotonic_decreasing


def test_features_are_summed_up(fitted):
    table = fitted.features_.set_index("feature")
    report = fitted.report_
    of_region = report[(report["feature"] == "region") & report["is_significant"]]
    assert_allclose(table.loc["region", "effect"], of_region["label_disparity"].abs().max())
    assert_allclose(table.loc["region", "adjusted_pvalue"], of_region["adjusted_pvalue"].min())
    assert table["position"].to_dict() == {"noise": 0, "region": 1, "age": 2, "city": 3}
    assert_allclose(table.loc["noise", "skewness"], skew(X["noise"]))
    assert_allclose(table.loc["noise", "normality_pvalue"], normaltest(X["noise"]).pvalue)
    assert table.loc[["region", "city"], ["skewness", "normality_pvalue"]].isna().all().all()
    assert (table["missing_share"] == 0).all()


def test_the_effect_is_that_of_significant_values():
    rare = np.where(np.arange(len(Y)) == Y.argmin(), "rare", X["region"])
    detector = BiasDetector().fit(pd.DataFrame({"g": rare}), Y)
    report = detector.report_.set_index("value")["label_disparity"].abs()
    assert report["rare"] > report["west"]
    assert_allclose(detector.features_["effect"], report["west"])


def test_what_is_significant_but_small_is_not_detected(fitted):
    strict = BiasDetector(tolerance=0.99).fit(X, Y)
    assert strict.biased_features_ == []
    significant = strict.report_["is_significant"]
    assert_series_equal(significant, fitted.report_["is_significant"])


def test_what_is_large_but_not_significant_is_not_detected():
    few = BiasDetector().fit(pd.DataFrame({"g": list("aabb")}), [0, 1, 1, 1])
    assert few.report_["is_disparate"].all()
    assert few.biased_features_ == []


def test_thresholds_move_the_tests(fitted):
    other = BiasDetector(kl_threshold=0.0, alpha=1e-12, tolerance=0.2).fit(X, Y)
    assert other.report_["is_divergent"].all()
    assert other.report_["is_significant"].sum() < fitted.report_["is_significant"].sum()
    assert other.report_["is_disparate"].sum() < fitted.report_["is_disparate"].sum()
    wide = other.report_["label_disparity_high"] - other.report_["label_disparity_low"]
    narrow = fitted.report_["label_disparity_high"] - fitted.report_["label_disparity_low"]
    assert (wide > narrow).all()  # intervals are of level 1 - alpha


@pytest.mark.slow
def test_permuted_labels_flag_nothing_more_often_than_alpha():
    rng = np.random.default_rng(1)
    flagged = [bool(BiasDetector().fit(X, rng.permutation(Y)).biased_features_) for _ in range(60)]
    assert np.mean(flagged) <= 0.1


@pytest.mark.slow
def test_permuted_labels_flag_nothing_more_often_than_alpha_in_a_large_simulation():
    rng = np.random.default_rng(1)
    detector = BiasDetector(tolerance=0.0)
    flagged = [bool(detector.fit(X, rng.permutation(Y)).biased_features_) for _ in range(500)]
    assert np.mean(flagged) <= 0.075  # standard error 0.01


def test_candidates_restrict_the_search():
    detector = BiasDetector(candidates=["city", 1]).fit(X, Y)
    assert set(detector.features_["feature"]) == {"city", "region"}
    assert detector.biased_features_ == ["region"]
    alone = BiasDetector(candidates="region").fit(X, Y)
    assert alone.features_["feature"].tolist() == ["region"]
    # fewer tests, so smaller adjusted values
    assert (
        row(alone, "region", "west").adjusted_pvalue
        < row(detector, "region", "west").adjusted_pvalue
    )


def test_more_bins():
    report = BiasDetector(candidates="age", n_bins=30).fit(X, Y).report_
    assert (report["kind"] == "value").sum() == 30


def test_the_order_of_rows_and_columns_doesnt_matter(fitted):
    order = np.random.default_rng(2).permutation(len(Y))
    by = ["feature", "kind", "value"]
    sort = lambda report: report.drop(columns="position").sort_values(by).reset_index(drop=True)  # noqa: E731
    kept = fitted.report_.assign(value=fitted.report_["value"].astype(str))
    for moved in (
        BiasDetector().fit(X.iloc[order], Y[order]),
        BiasDetector().fit(X[X.columns[::-1]], Y),
    ):
        found = moved.report_.assign(value=moved.report_["value"].astype(str))
        assert_frame_equal(sort(found), sort(kept))
        assert moved.features_["feature"].tolist() == fitted.features_["feature"].tolist()


def test_the_same_again(fitted):
    again = BiasDetector().fit(X, Y)
    assert_frame_equal(again.report_, fitted.report_)
    assert_frame_equal(again.features_, fitted.features_)


def test_a_fitted_detector_forgets_what_it_was_fitted_to_before():
    detector = BiasDetector(control_features="city").fit(X, Y, sensitive_features=SEX)
    assert detector.strata_ is not None
    assert detector.groups_ is not None
    detector.set_params(control_features=None).fit(X, Y)
    assert detector.strata_ is None
    assert detector.groups_ is detector.proxies_ is None


# Odd columns


def test_constant_and_missing_columns_are_never_flagged():
    odd = X.assign(one=1.5, a="a", nothing=np.nan, none=None, flag=True)
    detector = BiasDetector().fit(odd, Y)
    assert set(detector.biased_features_) == {"region", "age"}
    assert len(detector.features_) == 9
    of_odd = detector.features_.set_index("feature").loc[["one", "a", "nothing", "none", "flag"]]
    assert (of_odd["weight"] == 0).all()
    assert of_odd["missing_share"].tolist() == [0, 0, 1, 1, 0]
    found = row(detector, "one", 1.5)
    assert np.isnan(found["label_disparity"])
    assert found["pvalue"] == 1
    assert found["share"] == 1


def test_missing_values_may_be_what_goes_with_the_label():
    income = pd.Series(np.arange(len(Y), dtype=float)).where((Y == 1) | (RNG.random(len(Y)) < 0.7))
    detector = BiasDetector().fit(pd.DataFrame({"income": income}), Y)
    assert detector.biased_features_ == ["income"]
    assert row(detector, "income", MISSING)["is_significant"]


def test_a_text_a_row_is_left_out_and_never_dropped():
    texts = X.assign(note=[f"note {i}" for i in range(len(X))])
    detector = BiasDetector(action="drop")
    with pytest.warns(UserWarning, match="'note': 1500 distinct values in 1500 rows are no groups"):
        detector.fit(texts, Y)
    assert "note" not in detector.features_["feature"].tolist()
    assert detector.transform(texts).columns.tolist() == ["noise", "city", "note"]


def test_nothing_to_search():
    texts = pd.DataFrame({"note": [f"note {i}" for i in range(50)], "a": [0, 1] * 25})
    with (
        pytest.warns(UserWarning, match="'note'"),
        pytest.raises(ValueError, match="no candidate has values that are groups"),
    ):
        BiasDetector(candidates="note").fit(texts, [0, 1] * 25)
    with pytest.raises(ValueError, match="no candidates are left to search"):
        BiasDetector(control_features=["a", "note"]).fit(texts, [0, 1] * 25)
    with (
        pytest.warns(UserWarning, match="'note'"),
        pytest.raises(ValueError, match="no control feature has values that are groups"),
    ):
        BiasDetector(candidates="a", control_features="note").fit(texts, [0, 1] * 25)


# Labels


def test_string_labels():
    y = np.where(Y == 1, "yes", "no")
    detector = BiasDetector(pos_label="yes").fit(X, y)
    plain = BiasDetector().fit(X, Y)
    assert_frame_equal(detector.report_.drop(columns="class"), plain.report_.drop(columns="class"))
    assert set(detector.report_["class"]) == {"yes"}
    assert detector.classes_.tolist() == ["no", "yes"]
    turned = BiasDetector(pos_label="no").fit(X, y).report_
    assert_allclose(turned["label_disparity"], -plain.report_["label_disparity"])
    with pytest.raises(ValueError, match="pos_label is not specified"):
        BiasDetector().fit(X, y)
    with pytest.raises(ValueError, match="pos_label='maybe' is not a valid label"):
        BiasDetector(pos_label="maybe").fit(X, y)


@pytest.mark.parametrize("variant", ["corrected", "paper"])
def test_one_class_is_nothing_to_go_with(variant):
    with pytest.raises(ValueError, match="y has one class only, \\[1\\]"):
        BiasDetector(variant=variant).fit(X, np.ones(len(X), dtype=int))


def test_continuous_labels():
    with pytest.raises(ValueError, match="Unknown label type"):
        BiasDetector().fit(X, np.linspace(0, 1, len(X)))


THREE = np.where(Y == 1, "granted", np.where(RNG.random(len(Y)) < 0.5, "refused", "waiting"))


def test_a_class_of_several_against_the_rest():
    found = BiasDetector(pos_label="granted").fit(X, THREE)
    plain = BiasDetector().fit(X, Y)
    names = ["positive_rate", "label_disparity", "demographic_disparity", "pvalue"]
    assert_frame_equal(found.report_[names], plain.report_[names])
    assert found.biased_features_ == plain.biased_features_


def test_without_pos_label_each_class_is_tested():
    detector = BiasDetector().fit(X, THREE)
    assert set(detector.biased_features_) == {"region", "age"}
    assert set(detector.report_["class"]) <= {"granted", "refused", "waiting"}
    each = {
        k: BiasDetector(pos_label=k).fit(X, THREE).report_
        for k in ("granted", "refused", "waiting")
    }
    pvalues = pd.DataFrame({k: report["pvalue"] for k, report in each.items()})
    expected = np.minimum(3 * pvalues.min(axis=1), 1)
    assert_allclose(detector.report_["pvalue"], expected)
    assert detector.report_["class"].tolist() == pvalues.idxmin(axis=1).tolist()
    chosen = [each[k]["label_disparity"].iloc[i] for i, k in enumerate(detector.report_["class"])]
    assert_allclose(detector.report_["label_disparity"], chosen)


def test_other_methods_need_two_classes():
    with pytest.raises(ValueError, match="needs two classes, or pos_label"):
        BiasDetector(variant="paper").fit(X, THREE)
    with pytest.raises(ValueError, match="control_features need two classes, or pos_label"):
        BiasDetector(control_features="city").fit(X, THREE)


# Weights


def test_equal_weights_are_no_weights(fitted):
    weighted = BiasDetector().fit(X, Y, sample_weight=np.full(len(Y), 0.3))
    assert_frame_equal(weighted.report_, fitted.report_)


def test_integer_weights_are_repeated_rows_for_estimates():
    weights = np.random.default_rng(3).integers(1, 4, len(Y))
    columns = ["positive_rate", "label_disparity", "demographic_disparity", "class_imbalance"]
    columns += ["sample_disparity", "js_divergence", "share"]
    kept = X[["region", "city"]]
    weighted = BiasDetector().fit(kept, Y, sample_weight=weights).report_
    repeated = (
        BiasDetector().fit(kept.loc[np.repeat(kept.index, weights)], np.repeat(Y, weights)).report_
    )
    assert_frame_equal(weighted[columns], repeated[columns])
    assert (weighted["n"] < repeated["n"]).all()
    assert weighted["pvalue"].iloc[:3].min() > repeated["pvalue"].iloc[:3].min()


def test_weights_that_hide_the_bias():
    west = (X["region"] == "west").to_numpy()
    odds = [Y[rows].mean() / (1 - Y[rows].mean()) for rows in (west, ~west)]
    weights = np.where(west & (Y == 0), odds[0] / odds[1], 1.0)  # the west's odds are the rest's
    balanced = BiasDetector(candidates="region").fit(X, Y, sample_weight=weights)
    found = row(balanced, "region", "west")
    assert_allclose(found["label_disparity"], 0, atol=1e-12)
    assert_allclose(found["pvalue"], 1)


def test_weights_of_0_only():
    with pytest.raises(ValueError, match="Sample weights must contain at least one non-zero"):
        BiasDetector().fit(X, Y, sample_weight=np.zeros(len(Y)))


def test_the_positive_rate_is_that_of_all_rows(fitted):
    assert_allclose(fitted.positive_rate_, Y.mean())
    weighted = BiasDetector(pos_label=0).fit(X, Y, sample_weight=1 + Y).positive_rate_
    assert_allclose(weighted, (1 - Y).sum() / (1 + Y).sum())


# Sensitive features


def test_without_sensitive_features_there_are_no_groups(fitted):
    assert fitted.groups_ is None
    assert fitted.proxies_ is None


def test_groups_are_those_of_the_functions():
    detector = BiasDetector().fit(X, Y, sensitive_features={"sex": SEX})
    found = detector.groups_
    assert found.columns.tolist() == [
        "sensitive_feature",
        "group",
        "metric",
        "estimate",
        "low",
        "high",
    ]
    of = found[found["metric"] == "label_disparity"].set_index("group")
    expected = label_disparity(Y, sensitive_features=SEX)
    assert_allclose(of[["estimate", "low", "high"]], expected[["estimate", "low", "high"]])
    assert set(found["metric"]) == {
        "class_imbalance",
        "sample_disparity",
        "kl_divergence",
        "js_divergence",
        "lp_distance",
        "total_variation",
        "kolmogorov_smirnov",
        "label_disparity",
        "label_disparate_impact",
        "conditional_demographic_disparity",
    }
    assert set(found["sensitive_feature"]) == {"sex"}
    assert_frame_equal(detector.proxies_, find_proxies(X, sensitive_features={"sex": SEX}))


def test_features_named_as_columns_are_no_proxies_of_themselves():
    for named in ("region", ["region"], np.array(["region"]), pd.Index(["region"]), 1):
        detector = BiasDetector(sensitive_features=named).fit(X, Y)
        assert set(detector.proxies_["feature"]) == {"noise", "age", "city"}
        assert "region" in detector.features_["feature"].tolist()


def test_each_sensitive_feature_and_their_intersection():
    race = np.where(np.arange(len(Y)) % 3 == 0, None, "b")
    found = BiasDetector().fit(X, Y, sensitive_features={"sex": SEX, "race": race}).groups_
    names = found["sensitive_feature"].unique().tolist()
    assert names == ["sex", "race", "sex x race"]
    assert found.loc[found["sensitive_feature"] == "race", "group"].unique().tolist() == [
        "b",
        MISSING,
    ]
    with pytest.raises(ValueError, match="missing values"):
        BiasDetector(missing="raise").fit(X, Y, sensitive_features=race)


def test_several_classes_have_no_positive_groups():
    found = BiasDetector().fit(X, THREE, sensitive_features=SEX).groups_
    assert "label_disparity" not in set(found["metric"])
    assert "kl_divergence" in set(found["metric"])


def test_sensitive_features_are_given_once():
    with pytest.raises(ValueError, match="got sensitive features twice"):
        BiasDetector(sensitive_features="region").fit(X, Y, sensitive_features=SEX)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        BiasDetector().fit(X, Y, sensitive_features=SEX[1:])


# Control features


def merits(seed, flips, n=3000):
    """Labels hang on merit; a copy of merit goes with them; flips harm the west."""
    rng = np.random.default_rng(seed)
    merit = rng.normal(size=n)
    X = pd.DataFrame(
        {
            "copy": merit + rng.normal(size=n),
            "levels": pd.cut(merit + rng.normal(size=n), 4, labels=list("abcd")),
            "region": rng.choice(["north", "west"], n, p=[0.7, 0.3]),
            "merit": merit,
        }
    )
    y = rng.random(n) < 1 / (1 + np.exp(-2 * merit))
    return X, (y & ~((X["region"] == "west") & (rng.random(n) < flips))).astype(int).to_numpy()


def test_copies_of_what_is_legitimate_are_not_flagged_and_planted_bias_is():
    data, y = merits(0, 0.3)
    plain = BiasDetector(candidates=["copy", "levels", "region"]).fit(data, y)
    assert set(plain.biased_features_) == {"copy", "levels", "region"}
    held = BiasDetector(control_features="merit").fit(data, y)
    assert held.biased_features_ == ["region"]
    assert "merit" not in held.features_["feature"].tolist()
    assert len(np.unique(held.strata_)) == 20
    for seed in range(1, 5):
        assert BiasDetector(control_features="merit").fit(*merits(seed, 0.0)).biased_features_ == []


def test_few_combinations_are_strata():
    """As label_disparity with control features."""
    detector = BiasDetector(control_features="region", candidates=["city"]).fit(X, Y)
    assert len(np.unique(detector.strata_)) == 3
    expected = label_disparity(Y, sensitive_features=X["city"], control_features=X["region"])
    found = detector.report_
    assert_allclose(found["label_disparity"], expected["estimate"])
    assert_allclose(found["label_disparity_low"], expected["low"])
    assert_allclose(found["pvalue"], expected["pvalue"])
    assert found["n"].sum() == len(Y)


def test_control_features_that_explain_everything():
    detector = BiasDetector(control_features=["region", "age"]).fit(
        X.assign(half=np.where(X["region"] == "west", "w", "other")), Y
    )
    assert detector.biased_features_ == []


# The paper's variant


def test_the_paper_weighs_as_printed():
    detector = BiasDetector(variant="paper").fit(X, Y)
    report = detector.report_
    tests = ["skewed", "not_normal", "kolmogorov_smirnov", "sample_disparity", "kl_divergence"]
    assert_allclose(report["weight"], 0.1 * report[tests].sum(axis=1))
    assert not report[["kolmogorov_smirnov", "kl_divergence"]].to_numpy().any()
    skewed = report.groupby("feature", sort=False)["skewed"].all()
    assert skewed.to_dict() == {"noise": True, "region": False, "age": False, "city": False}
    of_region = report[report["feature"] == "region"].set_index("value")
    of_class = pd.crosstab(X["region"], Y, normalize="columns")
    assert (of_region["sample_disparity"] == (of_class[1] > of_class[0])).all()
    table = detector.features_
    assert table["is_detected"].tolist() == (table["weight"] == table["weight"].max()).tolist()
    assert detector.biased_features_ == ["noise"]  # for being skewed
    assert len(report[report["feature"] == "noise"]) == X["noise"].nunique()


def test_the_paper_always_detects_something():
    detector = BiasDetector(variant="paper").fit(X[["region"]], Y)
    assert detector.biased_features_ == ["region"]
    with pytest.raises(ValueError, match="knows no control_features"):
        BiasDetector(variant="paper", control_features="city").fit(X, Y)


def test_the_paper_with_weights_and_missing_values():
    odd = pd.DataFrame({"a": [1.0, np.nan, 1.0, 2.0], "b": ["u", None, "u", "u"]})
    report = (
        BiasDetector(variant="paper").fit(odd, [1, 0, 0, 1], sample_weight=[3, 1, 1, 1]).report_
    )
    assert report["value"].tolist() == [1, 2, MISSING, "u", MISSING]
    assert report["n"].tolist() == [2, 1, 1, 3, 1]
    # class 1 weighs 4, class 0 weighs 2: 3/4 > 1/2, 1/4 > 0, 0 < 1/2; 1 > 1/2, 0 < 1/2
    assert report["sample_disparity"].tolist() == [True, True, False, True, False]


# Bad parameters


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "other"}, "variant must be one of"),
        ({"action": "keep"}, "action must be one of"),
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"alpha": 1.5}, "alpha must be between 0 and 1"),
        ({"tolerance": -0.1}, "tolerance must be at least 0"),
        ({"tolerance": np.nan}, "tolerance must be at least 0"),
        ({"kl_threshold": -1}, "kl_threshold must be at least 0"),
        ({"skewness_threshold": -1}, "skewness_threshold must be at least 0"),
        ({"n_bins": 1}, "n_bins must be an integer from 2 to 30"),
        ({"n_strata": 1}, "n_strata must be an integer from 2 to 50"),
        ({"n_strata": 2.5}, "n_strata must be an integer from 2 to 50"),
        ({"candidates": "wages"}, r"X has no columns \['wages'\]"),
        ({"control_features": ["wages"]}, r"X has no columns \['wages'\]"),
        ({"sensitive_features": "wages"}, "X has no column 'wages'"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        BiasDetector(**options).fit(X, Y)


def test_bad_data():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        BiasDetector().fit(X, Y[1:])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        BiasDetector().fit(X, Y, sample_weight=[1.0])
    with pytest.raises(ValueError, match="infinity in column 'noise'"):
        BiasDetector().fit(X.assign(noise=np.inf), Y)
    with pytest.raises(NotFittedError):
        BiasDetector().transform(X)


# Real data


def test_adult():
    bunch = load_adult()
    detector = BiasDetector(sensitive_features="sex", pos_label=">50K").fit(
        bunch.data, bunch.target
    )
    assert {"sex", "race", "age"} <= set(detector.biased_features_)
    assert "fnlwgt" not in detector.biased_features_
    assert detector.proxies_["feature"].tolist()[:2] == ["relationship", "marital-status"]
    assert_allclose(row(detector, "sex", "Female")["label_disparity"], 0.1945, atol=0.0005)


def test_german():
    bunch = load_german()
    detector = BiasDetector(candidates=["age"], pos_label="good").fit(bunch.data, bunch.target)
    assert detector.biased_features_ == ["age"]
    strongest = detector.report_.loc[detector.report_["pvalue"].idxmin()]
    assert strongest["kind"] == "cut"
    assert strongest["label_disparity"] > 0.1  # the young are good less often


# Weights of 0, unequal weights


@pytest.mark.parametrize("make", [lambda x: x, pl.from_pandas], ids=["pandas", "polars"])
def test_rows_of_weight_0_are_no_rows(make):
    weights = np.where(np.arange(len(Y)) % 3 == 0, 0, 1 + Y)
    lacking = X.assign(noise=X["noise"].where(np.arange(len(Y)) % 6 != 0))
    kept = np.flatnonzero(weights)
    options = {"control_features": ["age", "noise"]}
    for control in (options, {}):
        found = BiasDetector(**control).fit(
            make(lacking), Y, sensitive_features=SEX, sample_weight=weights
        )
        alone = BiasDetector(**control).fit(
            make(lacking.iloc[kept]),
            Y[kept],
            sensitive_features=SEX[kept],
            sample_weight=weights[kept],
        )
        assert_frame_equal(found.report_, alone.report_)
        assert_frame_equal(found.features_, alone.features_)
        assert_frame_equal(found.groups_, alone.groups_)
        assert_frame_equal(found.proxies_, alone.proxies_)
        if control:
            assert found.strata_[kept].tolist() == alone.strata_.tolist()
            assert (found.strata_[weights == 0] == -1).all()


def test_shapes_of_columns_are_weighted():
    weights = np.random.default_rng(0).integers(1, 4, len(Y))
    lacking = X[["noise", "city"]].where(np.random.default_rng(1).random((len(Y), 2)) < 0.8)
    shape = ["skewness", "missing_share"]
    weighted, repeated = (
        d.features_.set_index("feature").sort_index()[shape]
        for d in (
            BiasDetector().fit(lacking, Y, sample_weight=weights),
            BiasDetector().fit(
                lacking.loc[np.repeat(lacking.index, weights)], np.repeat(Y, weights)
            ),
        )
    )
    assert_frame_equal(weighted, repeated)


def test_unequal_weights_flag_no_more_by_chance():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        data = pd.DataFrame(
            {f"c{j}": rng.zipf(1.6, 1000).clip(0, 200).astype(str) for j in range(4)}
        )
        y, weights = (rng.random(1000) < 0.08).astype(int), rng.uniform(0.5, 1.5, 1000)
        assert BiasDetector().fit(data, y, sample_weight=weights).biased_features_ == []


# The order of features


def test_detected_features_come_before_loud_noise():
    """Ten rows of a rare value are disparate and divergent by chance, and that weighs nothing."""
    rng = np.random.default_rng(1)
    n = 4000
    data = pd.DataFrame({"rare": rng.integers(0, 400, n).astype(str), "sex": ["f", "m"] * (n // 2)})
    y = (rng.random(n) < np.where(data["sex"] == "f", 0.45, 0.55)).astype(int)
    detector = BiasDetector(kl_threshold=1.0).fit(data, y)
    assert detector.biased_features_ == ["sex"]
    assert detector.features_["feature"].tolist() == ["sex", "rare"]
    rare = detector.report_[detector.report_["feature"] == "rare"]
    assert rare["is_disparate"].any()
    assert not rare["is_significant"].any()
    assert (rare["weight"] == 0).all()
    assert detector.weights_["rare"] == 0


def test_a_detected_feature_comes_before_one_of_more_weight():
    features = pd.DataFrame({"feature": ["a", "b"], "is_detected": [False, True]})
    ranks = ranked(features.assign(weight=[1.0, 2 / 3], effect=[0.9, 0.1]))
    assert ranks["feature"].tolist() == ["b", "a"]


# Several classes, warnings, p-values


def test_rates_of_several_classes_are_not_drawn():
    y = np.where(np.arange(len(Y)) % 7 == 0, 2, Y)
    detector = BiasDetector(candidates="region").fit(X, y)
    assert detector.positive_rate_ is None
    with pytest.raises(ValueError, match="pass pos_label"):
        detector.plot()
    one = BiasDetector(candidates="region", pos_label=2).fit(X, y)
    assert_allclose(one.positive_rate_, (y == 2).mean())


def test_columns_left_out_are_warned_of_at_the_callers_line():
    with pytest.warns(UserWarning, match="columns left out") as found:
        BiasDetector().fit(X.assign(text=[f"row {i}" for i in range(len(X))]), Y)
    assert found[0].filename == __file__


def test_p_values_are_never_0():
    data = pd.DataFrame({"g": ["a"] * 5000 + ["b"] * 5000})
    report = BiasDetector().fit(data, (data["g"] == "a").astype(int)).report_
    assert (report["pvalue"] == np.finfo(float).tiny).all()
    assert (report["adjusted_pvalue"] > 0).all()


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_the_skewness_of_tiny_and_huge_numbers(factor):
    assert_allclose(shape_of(factor * X["noise"].to_numpy()), shape_of(X["noise"].to_numpy()))


def test_a_column_cannot_be_searched_and_controlled_for():
    X, y = pd.DataFrame({"a": [0, 1] * 10, "b": [0, 0, 1, 1] * 5}), [0, 1, 1, 0] * 5
    with pytest.raises(ValueError, match="both candidates and control_features"):
        BiasDetector(candidates=["a", "b"], control_features="b").fit(X, y)
