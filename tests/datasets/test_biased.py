from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skfair.datasets import make_biased_classification

Z = 4.5  # about 7 in a million per comparison; seeds are fixed besides
N = 100_000
PLANTED = {
    "groups": {"a": 5, "b": 3, "c": 2},
    "base_rates": {"a": 0.6, "b": 0.4, "c": 0.5},
    "flip_positives": {"a": 0.0, "b": 0.25, "c": 0.4},
    "flip_negatives": {"a": 0.1, "b": 0.0, "c": 0.05},
    "proxy_correlation": 0.6,
    "class_separation": 1.5,
}


@pytest.fixture(scope="module")
def planted():
    return make_biased_classification(N, n_features=4, random_state=7, **PLANTED)


def assert_rate(successes, planted_rate):
    error = math.sqrt(planted_rate * (1 - planted_rate) / len(successes))
    assert abs(np.mean(successes) - planted_rate) <= Z * error


def test_truth_by_hand(planted):
    truth = planted.truth
    assert truth.shares == pytest.approx({"a": 0.5, "b": 0.3, "c": 0.2})
    assert truth.observed_rates == pytest.approx({"a": 0.64, "b": 0.3, "c": 0.325})
    assert truth.noise_rates == pytest.approx({"a": 0.04, "b": 0.1, "c": 0.225})
    assert truth.base_rate_difference == pytest.approx(0.2)
    assert truth.observed_rate_difference == pytest.approx(0.34)
    assert truth.auc == pytest.approx(0.855578, abs=1e-6)  # normal table: Phi(1.06066)


def test_groups_have_their_exact_sizes(planted):
    sizes = planted.sensitive_features.value_counts().to_dict()
    assert sizes == {"a": 50_000, "b": 30_000, "c": 20_000}


def test_sizes_are_rounded_to_the_largest_remainder():
    bunch = make_biased_classification(10, groups={"a": 1, "b": 1, "c": 1}, random_state=0)
    assert bunch.sensitive_features.value_counts().to_dict() == {"a": 4, "b": 3, "c": 3}


@pytest.mark.parametrize("group", ["a", "b", "c"])
def test_rates_are_the_planted_ones(planted, group):
    rows = (planted.sensitive_features == group).to_numpy()
    true, observed = planted.true_target[rows], planted.target[rows]
    truth = planted.truth
    assert_rate(true, truth.base_rates[group])
    assert_rate(observed, truth.observed_rates[group])
    assert_rate(true != observed, truth.noise_rates[group])
    assert_rate(observed[true == 1] == 0, truth.flip_positives[group])
    assert_rate(observed[true == 0] == 1, truth.flip_negatives[group])


def test_observed_difference_is_the_planted_one(planted):
    rates = planted.target.groupby(planted.sensitive_features).agg(["mean", "size"])
    error = math.sqrt((rates["mean"] * (1 - rates["mean"]) / rates["size"]).sum())
    realised = rates["mean"].max() - rates["mean"].min()
    assert abs(realised - planted.truth.observed_rate_difference) <= Z * error


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.6, 0.95])
def test_proxy_has_the_planted_correlation(rho):
    bunch = make_biased_classification(
        N, groups=PLANTED["groups"], proxy_correlation=rho, random_state=3
    )
    position = bunch.sensitive_features.map({"a": 0, "b": 1, "c": 2})
    realised = np.corrcoef(bunch.data["proxy"], position)[0, 1]
    # Fisher's z has a standard error of 1 / sqrt(n - 3) for normal data; we take twice that.
    assert abs(np.arctanh(realised) - np.arctanh(rho)) <= 2 * Z / math.sqrt(N - 3)


def test_a_perfect_proxy_is_the_group():
    bunch = make_biased_classification(200, proxy_correlation=1.0, random_state=0)
    assert bunch.data["proxy"].groupby(bunch.sensitive_features).nunique().tolist() == [1, 1]


def test_proxy_is_blind_to_the_label_within_groups(planted):
    for _, rows in planted.frame.groupby("group"):
        correlation = np.corrcoef(rows["proxy"], planted.true_target[rows.index])[0, 1]
        assert abs(correlation) <= Z / math.sqrt(len(rows))


@pytest.mark.parametrize("group", ["a", "b", "c"])
def test_legitimate_features_reach_the_planted_auc_in_every_group(planted, group):
    rows = (planted.sensitive_features == group).to_numpy()
    score = planted.data.drop(columns="proxy").sum(axis=1)[rows]
    truth, true = planted.truth, planted.true_target[rows]
    error = math.sqrt(truth.auc * (1 - truth.auc) / min(true.sum(), (1 - true).sum()))
    assert abs(roc_auc_score(true, score) - truth.auc) <= Z * error


def test_legitimate_features_have_unit_variance_within_labels(planted):
    features = planted.data.drop(columns="proxy")
    residuals = features - features.groupby(planted.true_target).transform("mean")
    error = math.sqrt(2 / N)
    assert (abs(residuals.var() - 1) <= Z * error).all()


def test_other_flips_change_only_the_recorded_labels():
    some = make_biased_classification(500, flip_positives=0.1, random_state=1)
    more = make_biased_classification(500, flip_positives=0.6, random_state=1)
    pd.testing.assert_frame_equal(some.data, more.data)
    assert_array_equal(some.true_target, more.true_target)
    assert (more.target <= some.target).all()
    assert more.target.sum() < some.target.sum()


def test_other_base_rates_keep_groups_and_proxy():
    low = make_biased_classification(500, base_rates=0.2, random_state=1)
    high = make_biased_classification(500, base_rates=0.7, random_state=1)
    assert_array_equal(low.sensitive_features, high.sensitive_features)
    assert_array_equal(low.data["proxy"], high.data["proxy"])


def test_defaults_bias_the_last_group():
    truth = make_biased_classification(groups=["x", "y", "z"], random_state=0).truth
    assert truth.flip_positives == {"x": 0.0, "y": 0.0, "z": 0.3}
    assert truth.observed_rates == pytest.approx({"x": 0.5, "y": 0.5, "z": 0.35})


def test_without_flips_both_labels_agree():
    bunch = make_biased_classification(flip_positives=0.0, random_state=0)
    assert_array_equal(bunch.target, bunch.true_target)


def test_frames():
    bunch = make_biased_classification(50, n_features=3, random_state=0)
    assert bunch.feature_names == ["legitimate_0", "legitimate_1", "proxy"]
    assert list(bunch.frame.columns) == [*bunch.feature_names, "group", "target"]
    assert bunch.data.shape == (50, 3)
    assert (bunch.target.name, bunch.target.dtype) == ("target", np.int64)
    assert set(bunch.sensitive_features) == {"a", "b"}


def test_arrays_hold_the_same():
    frames = make_biased_classification(50, random_state=0)
    arrays = make_biased_classification(50, random_state=0, as_frame=False)
    assert arrays.frame is None
    for key in ("data", "target", "true_target", "sensitive_features"):
        assert isinstance(arrays[key], np.ndarray)
        assert_array_equal(arrays[key], frames[key].to_numpy())


def test_random_state():
    first = make_biased_classification(100, random_state=5)
    again = make_biased_classification(100, random_state=np.random.RandomState(5))
    other = make_biased_classification(100, random_state=6)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert not first.data.equals(other.data)


def test_a_classifier_learns_the_planted_bias():
    bunch = make_biased_classification(20_000, flip_positives={"a": 0, "b": 0.5}, random_state=0)
    predicted = LogisticRegression().fit(bunch.data, bunch.target).predict(bunch.data)
    selected = pd.Series(predicted).groupby(bunch.sensitive_features).mean()
    assert selected["a"] - selected["b"] > 0.15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 1}, "n_samples must be an integer of at least 2"),
        ({"n_samples": 10.5}, "n_samples must be an integer"),
        ({"n_features": 1}, "n_features must be an integer of at least 2"),
        ({"groups": ["a"]}, "two or more different names"),
        ({"groups": ["a", "a"]}, "two or more different names"),
        ({"groups": "ab"}, "sequence of names"),
        ({"groups": [0, 1]}, "sequence of names"),
        ({"groups": {"a": 1, "b": 0}}, "positive and finite"),
        ({"groups": {"a": 1, "b": math.nan}}, "positive and finite"),
        ({"groups": {"a": 1, "b": 1e-9}}, "group 'b' would get none of the 1000 rows"),
        ({"base_rates": 1.5}, r"base_rates must lie in \[0, 1\]"),
        ({"base_rates": {"a": 0.5}}, "base_rates must name the groups"),
        ({"flip_positives": {"a": 0.5, "B": 0.5}}, "flip_positives must name the groups"),
        ({"flip_negatives": -0.1}, r"flip_negatives must lie in \[0, 1\]"),
        ({"proxy_correlation": 1.1}, r"proxy_correlation must lie in \[-1, 1\]"),
        ({"class_separation": -1}, "class_separation must lie in"),
        ({"class_separation": math.inf}, "class_separation must lie in"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_biased_classification(**arguments)
