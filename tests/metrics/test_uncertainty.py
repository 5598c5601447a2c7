from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy.stats import binomtest
from sklearn.exceptions import UndefinedMetricWarning

from skfair import metrics
from skfair.criteria import CRITERIA, RATES, Criterion, Rate, inference
from skfair.groups import Groups
from skfair.metrics._uncertainty import (
    disparity_test,
    gap_interval,
    pairwise_differences,
    rate_intervals,
)
from skfair.tally import ScoreTally, Tally


def sample(n=300, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m", "x"], size=n)
    race = rng.choice(["b", "w"], size=n)
    y_true, y_pred = rng.integers(2, size=(2, n))
    return y_true, y_pred, sex, race, rng.gamma(2.0, size=n)


Y_TRUE, Y_PRED, SEX, RACE, WEIGHT = sample()
TALLY = Tally.from_arrays(Y_TRUE, Y_PRED, {"sex": SEX}, sample_weight=WEIGHT)
ARRAYS = {"y_true": Y_TRUE, "y_pred": Y_PRED, "sensitive_features": {"sex": SEX}}
FUNCTIONS = [
    lambda *a, **k: rate_intervals(*a, rates="true_positive_rate", **k),
    lambda *a, **k: pairwise_differences("equalized_odds", *a, **k),
    lambda *a, **k: gap_interval("equalized_odds_difference", *a, **k),
    lambda *a, **k: disparity_test("equalized_odds", *a, **k),
]
every_function = pytest.mark.parametrize(
    "function", FUNCTIONS, ids=["rates", "pairs", "gap", "test"]
)


def same(a, b):
    if isinstance(a, pd.DataFrame):
        assert_frame_equal(a, b)
    else:
        assert a == b


@every_function
def test_arrays_and_tallies_agree(function):
    same(function(**ARRAYS, sample_weight=WEIGHT), function(TALLY))


@every_function
def test_frames_of_any_kind_agree(function):
    expected = function(**ARRAYS)
    for library in (pd, pl):
        groups = library.DataFrame({"sex": SEX})
        found = function(library.Series(Y_TRUE), library.Series(Y_PRED), sensitive_features=groups)
        same(found, expected)


@every_function
def test_a_tally_takes_no_arrays(function):
    for extra in ({"y_pred": Y_PRED}, {"sensitive_features": SEX}, {"sample_weight": WEIGHT}):
        with pytest.raises(ValueError, match="a tally holds predictions, groups and weights"):
            function(TALLY, **extra)


@every_function
def test_arrays_need_groups_and_labels(function):
    with pytest.raises(ValueError, match="sensitive_features is needed"):
        function(Y_TRUE, Y_PRED)
    with pytest.raises(ValueError, match="requires y_true to be passed"):
        function(None, Y_PRED, sensitive_features=SEX)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(Y_TRUE[1:], Y_PRED, sensitive_features=SEX)


@every_function
def test_string_labels_need_the_positive_class(function):
    labels = np.array(["no", "yes"])
    arrays = {**ARRAYS, "y_true": labels[Y_TRUE], "y_pred": labels[Y_PRED]}
    with pytest.raises(ValueError, match="pos_label"):
        function(**arrays)
    same(function(**arrays, pos_label="yes"), function(**ARRAYS))


@every_function
def test_missing_groups_are_a_group_or_refused(function):
    sex = SEX.astype(object)
    sex[:40] = None
    function(Y_TRUE, Y_PRED, sensitive_features={"sex": sex})
    with pytest.raises(ValueError, match="missing"):
        function(Y_TRUE, Y_PRED, sensitive_features={"sex": sex}, missing="raise")


# ---------------------------------------------------------------- rates


def test_one_rate_is_indexed_by_group():
    found = rate_intervals(**ARRAYS, rates="accuracy", confidence_level=0.9)
    assert list(found.columns) == ["rate", "low", "high", "n", "effective_n"]
    assert found.index.name == "sex"
    for group in "fmx":
        right = (Y_TRUE == Y_PRED)[group == SEX]
        expected = binomtest(int(right.sum()), len(right)).proportion_ci(0.9, method="wilson")
        assert_allclose(found.loc[group, ["low", "high"]].astype(float), expected)
        assert found.loc[group, "n"] == len(right)
    assert found["n"].dtype == np.int64


def test_several_rates_add_a_level():
    rates = ["true_positive_rate", RATES["false_positive_rate"]]
    found = rate_intervals(**ARRAYS, rates=rates)
    assert found.index.names == ["sex", "rate"]
    assert list(found.index[:3]) == [
        ("f", "true_positive_rate"),
        ("f", "false_positive_rate"),
        ("m", "true_positive_rate"),
    ]
    one = rate_intervals(**ARRAYS, rates="false_positive_rate")
    assert_frame_equal(found.xs("false_positive_rate", level="rate"), one)
    listed = rate_intervals(**ARRAYS, rates=["accuracy"])
    assert listed.index.names == ["sex", "rate"]
    assert rate_intervals(**ARRAYS).index.names == ["sex", "rate"]


def test_intersections_keep_their_levels():
    groups = {"sex": SEX, "race": RACE}
    found = rate_intervals(Y_TRUE, Y_PRED, sensitive_features=groups, rates="accuracy")
    assert found.index.names == ["sex", "race"]
    several = rate_intervals(Y_TRUE, Y_PRED, sensitive_features=groups)
    assert several.index.names == ["sex", "race", "rate"]
    assert several.loc[("f", "w", "selection_rate"), "n"] == ((SEX == "f") & (RACE == "w")).sum()


def test_rates_are_those_of_the_named_functions():
    for name in ("selection_rate", "true_negative_rate", "positive_predictive_value"):
        found = rate_intervals(TALLY, rates=name)["rate"]
        expected = getattr(metrics, name)(**ARRAYS, sample_weight=WEIGHT)
        assert_allclose(found, expected, rtol=1e-12)


def test_weights_show_in_the_effective_size():
    found = rate_intervals(TALLY, rates="accuracy")
    assert (found["effective_n"] < 0.9 * found["n"]).all()
    plain = rate_intervals(**ARRAYS, rates="accuracy")
    assert_allclose(plain["effective_n"], plain["n"])


def test_selection_rates_need_no_labels():
    a = rate_intervals(None, Y_PRED, sensitive_features=SEX)
    assert_frame_equal(a, rate_intervals(Y_TRUE, Y_PRED, sensitive_features=SEX))


def test_undefined_rates_are_nan_and_named():
    y_true = np.where(SEX == "m", 0, Y_TRUE)
    expected = (
        r"^undefined \(0/0\) and NaN: true_positive_rate of groups \['m'\]; "
        r"false_negative_rate of groups \['m'\]$"
    )
    with pytest.warns(UndefinedMetricWarning, match=expected) as caught:
        found = rate_intervals(
            y_true,
            Y_PRED,
            sensitive_features=SEX,
            rates=["true_positive_rate", "accuracy", "false_negative_rate"],
        )
    assert caught[0].filename == __file__
    assert found["low"].isna().sum() == 2
    assert found.loc[("m", "true_positive_rate"), "n"] == 0


def test_no_rates_are_refused():
    with pytest.raises(ValueError, match="rates is empty"):
        rate_intervals(**ARRAYS, rates=())


def test_unknown_rates_are_refused():
    with pytest.raises(ValueError, match="no rate is named 'tpr'"):
        rate_intervals(**ARRAYS, rates=["tpr"])


# ---------------------------------------------------------------- pairs


def test_pairs_are_indexed_by_group_and_reference():
    found = pairwise_differences("accuracy", **ARRAYS)
    assert found.index.names == ["group", "reference"]
    assert list(found.index) == [("f", "m"), ("f", "x"), ("m", "x")]
    assert list(found.columns) == ["difference", "low", "high"]
    rates = rate_intervals(**ARRAYS, rates="accuracy")["rate"]
    assert found.loc[("f", "x"), "difference"] == pytest.approx(rates["f"] - rates["x"])


def test_pairs_of_several_rates_add_a_level():
    found = pairwise_differences("equalized_odds", **ARRAYS, simultaneous=False)
    assert found.index.names == ["group", "reference", "rate"]
    for name in ("true_positive_rate", "false_positive_rate"):
        one = pairwise_differences(RATES[name], **ARRAYS, simultaneous=False)
        assert_frame_equal(found.xs(name, level="rate"), one)
    assert (pairwise_differences("equalized_odds", **ARRAYS)["low"] < found["low"]).all()


def test_pairs_of_intersections_are_labelled_by_tuples():
    groups = {"sex": SEX, "race": RACE}
    found = pairwise_differences("accuracy", Y_TRUE, Y_PRED, sensitive_features=groups)
    assert len(found) == 15
    assert found.index[0] == (("f", "b"), ("f", "w"))
    assert found.index.nlevels == 2


def test_pairs_without_a_rate_are_not_listed():
    y_true = np.where(SEX == "m", 0, Y_TRUE)
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate.*'m'") as caught:
        found = pairwise_differences("equalized_odds", y_true, Y_PRED, sensitive_features=SEX)
    assert caught[0].filename == __file__
    assert len(found) == 4
    assert len(found.xs("true_positive_rate", level="rate")) == 1


def test_a_rate_without_pairs_costs_the_others_nothing():
    ones = np.ones(300, dtype=int)
    with pytest.warns(UndefinedMetricWarning, match="no differences of false_positive_rate"):
        found = pairwise_differences("equalized_odds", ones, Y_PRED, sensitive_features=SEX)
    expected = pairwise_differences("true_positive_rate", ones, Y_PRED, sensitive_features=SEX)
    assert_frame_equal(found.droplevel("rate"), expected)


def test_pairs_of_one_group_are_none():
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups"):
        found = pairwise_differences("accuracy", Y_TRUE, Y_PRED, sensitive_features=["a"] * 300)
    assert found.shape == (0, 3)
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups"):
        found = pairwise_differences("equalized_odds", **ARRAYS, min_group_size=1000)
    assert found.shape == (0, 3)


def test_a_rate_of_the_users_own():
    jaccard = Rate("jaccard", (0, 0, 0, 1), (0, 1, 1, 1))
    found = pairwise_differences(jaccard, **ARRAYS)
    rates = rate_intervals(**ARRAYS, rates=jaccard)["rate"]
    assert_allclose(found["difference"].iloc[0], rates.iloc[0] - rates.iloc[1])
    assert 0 < disparity_test(jaccard, **ARRAYS).pvalue <= 1
    own = Criterion("own", (jaccard, RATES["accuracy"]))
    assert len(pairwise_differences(own, **ARRAYS)) == 6


# ---------------------------------------------------------------- gaps


@pytest.mark.parametrize(
    "name",
    [
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "disparate_impact",
        "equal_opportunity_difference",
        "equalized_odds_difference",
        "equalized_odds_ratio",
        "average_odds_difference",
        "average_abs_odds_difference",
        "predictive_parity_ratio",
        "accuracy_parity_difference",
    ],
)
def test_estimates_are_those_of_the_named_metrics(name):
    found = gap_interval(name, **ARRAYS, sample_weight=WEIGHT)
    expected = getattr(metrics, name)(**ARRAYS, sample_weight=WEIGHT)
    assert found.estimate == pytest.approx(expected)
    assert found.low <= expected <= found.high
    assert found.confidence_level == 0.95


def test_options_reach_the_gap():
    for options in ({"method": "to_overall"}, {"agg": "mean"}):
        found = gap_interval("equalized_odds_difference", **ARRAYS, **options)
        expected = metrics.equalized_odds_difference(**ARRAYS, **options)
        assert found.estimate == pytest.approx(expected)
    narrow = gap_interval("equalized_odds_difference", **ARRAYS, confidence_level=0.5)
    wide = gap_interval("equalized_odds_difference", **ARRAYS, confidence_level=0.99)
    assert wide.low <= narrow.low
    assert narrow.high < wide.high


def test_small_groups_leave_the_gap_by_name():
    sex = SEX.astype(object)
    sex[:3] = "tiny"
    with pytest.warns(UndefinedMetricWarning, match=r"left out: \['tiny'\]") as caught:
        found = gap_interval(
            "accuracy_difference", Y_TRUE, Y_PRED, sensitive_features=sex, min_group_size=10
        )
    assert caught[0].filename == __file__
    kept = sex != "tiny"
    expected = gap_interval(
        "accuracy_difference", Y_TRUE[kept], Y_PRED[kept], sensitive_features=sex[kept]
    )
    assert found == expected


def test_unknown_metrics_are_refused():
    with pytest.raises(ValueError, match="no fairness metric is named"):
        gap_interval("equalized_odds", **ARRAYS)
    with pytest.raises(ValueError, match="ratio to overall"):
        gap_interval("disparate_impact", **ARRAYS, method="to_overall")
    with pytest.raises(ValueError, match="confidence_level"):
        gap_interval("disparate_impact", **ARRAYS, confidence_level=95)
    with pytest.raises(ValueError, match='agg must be "worst_case" or "mean"'):
        gap_interval("equalized_odds_difference", **ARRAYS, agg="worst")


def test_a_criterion_of_the_users_own_has_an_interval():
    for name, metric in (
        ("equalized_odds", "equalized_odds_difference"),
        ("disparate_impact", "disparate_impact"),
    ):
        assert gap_interval(CRITERIA[name], **ARRAYS) == gap_interval(metric, **ARRAYS)


def test_tallies_may_come_in_parts():
    half = len(Y_TRUE) // 2
    parts = [
        Tally.from_arrays(Y_TRUE[rows], Y_PRED[rows], {"sex": SEX[rows]})
        for rows in (slice(half), slice(half, None))
    ]
    assert gap_interval("equalized_odds_difference", sum(parts)) == gap_interval(
        "equalized_odds_difference", **ARRAYS
    )
    assert inference.gap_interval(sum(parts), "equalized_odds") == gap_interval(
        "equalized_odds_difference", sum(parts)
    )


# ---------------------------------------------------------------- tests


def test_control_features_are_read_like_groups():
    tally = Tally.from_arrays(Y_TRUE, Y_PRED, {"sex": SEX, "race": RACE})
    expected = disparity_test("accuracy", tally, control_features="race")
    for control in (RACE, {"dept": RACE}, pd.Series(RACE), Groups.read(RACE)):
        assert disparity_test("accuracy", **ARRAYS, control_features=control) == expected
    assert disparity_test("accuracy", tally, control_features=["race"]) == expected
    assert disparity_test("accuracy", **ARRAYS) != expected
    # the names may even be the same
    clash = disparity_test(
        "accuracy", Y_TRUE, Y_PRED, sensitive_features=SEX, control_features=RACE
    )
    assert clash == expected


def test_a_feature_may_bear_the_name_of_a_control_feature():
    expected = disparity_test("accuracy", **ARRAYS, control_features=RACE)
    for name in ("control_0", "control_1"):
        groups = {name: SEX}
        found = disparity_test(
            "accuracy", Y_TRUE, Y_PRED, sensitive_features=groups, control_features=RACE
        )
        assert found == expected
    crossed = [
        disparity_test(
            "accuracy",
            Y_TRUE,
            Y_PRED,
            sensitive_features={first: SEX, "z": np.arange(300) % 2},
            control_features=RACE,
        )
        for first in ("sex", "control_0")
    ]
    assert crossed[0] == crossed[1]


def test_values_are_no_control_features_of_a_tally():
    with pytest.raises(ValueError, match=r"names of its features, \('sex',\)"):
        disparity_test("accuracy", TALLY, control_features=RACE)


def test_intersections_within_several_control_features():
    site = np.arange(300) % 2
    groups, control = {"sex": SEX, "race": RACE}, {"site": site, "half": np.arange(300) < 150}
    found = disparity_test(
        "accuracy", Y_TRUE, Y_PRED, sensitive_features=groups, control_features=control
    )
    tally = Tally.from_arrays(Y_TRUE, Y_PRED, {**groups, **control})
    expected = disparity_test("accuracy", tally, control_features=["site", "half"])
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.pvalue == pytest.approx(expected.pvalue, abs=0.02)


def test_control_features_have_as_many_rows():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        disparity_test("accuracy", **ARRAYS, control_features=RACE[1:])


def test_the_test_is_deterministic_by_default():
    found = [disparity_test("equalized_odds", **ARRAYS) for _ in range(2)]
    assert found[0] == found[1] == disparity_test("equalized_odds", **ARRAYS, random_state=0)
    assert found[0] != disparity_test("equalized_odds", **ARRAYS, random_state=1)


def test_weighted_tests_say_that_they_are_approximate():
    assert disparity_test("equalized_odds", TALLY).approximate
    assert not disparity_test("equalized_odds", **ARRAYS).approximate


def test_undefined_groups_leave_the_test_by_name():
    y_true = np.where(SEX == "m", 0, Y_TRUE)
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate.*'m'") as caught:
        disparity_test("equal_opportunity", y_true, Y_PRED, sensitive_features=SEX)
    assert caught[0].filename == __file__


def test_defined_data_are_measured_in_silence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for function in FUNCTIONS:
            function(**ARRAYS)
            function(TALLY)


def test_the_path_of_a_tally_is_no_tally():
    with pytest.raises(ValueError, match=r"path 'tally\.json': give Tally\.load"):
        rate_intervals("tally.json", None, rates=["selection_rate"])


def test_scores_are_no_decisions():
    scores = ScoreTally.from_arrays([0, 1], [0.1, 0.9], ["f", "m"])
    with pytest.raises(ValueError, match=r"score_tally\.at\(threshold\)"):
        gap_interval("equalized_odds_difference", scores)
