"""CalibratedEqualizedOdds: mixing rates by hand, equal costs, and what randomness does."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags

from skfair.groups import Groups
from skfair.postprocessing import CalibratedEqualizedOdds, GroupCalibrator, mixing_table

COSTS = ("fnr", "fpr", "weighted")


class Given(ClassifierMixin, BaseEstimator):
    """Its probability of the second class is the first column of X."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        positive = np.asarray(X)[:, 0].astype(float)
        return np.column_stack([1 - positive, positive])


# Two groups of 4: f has probabilities 0.6, 0.4 of each class; m has 0.9 and 0.1.
BY_HAND = np.array([0.6, 0.6, 0.4, 0.4, 0.9, 0.9, 0.1, 0.1])
Y_BY_HAND = np.array([1, 0, 1, 0, 1, 1, 0, 0])
SEX = Groups.read({"sex": list("ffffmmmm")})


def calibrated(n=4000, seed=0, slopes=(1.0, 2.0, 5.0)):
    """Right probabilities that say more of one group than of another."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, len(slopes), n)
    p = expit(rng.normal(size=n) * np.array(slopes)[group])
    return np.column_stack([p, group]), (rng.random(n) < p).astype(int)


def generalised(y, p, group, weights=None):
    """Generalised costs of each group, written out."""
    weights = np.ones(len(y)) if weights is None else weights
    found = {cost: [] for cost in COSTS}
    for g in np.unique(group):
        rows = group == g
        positive, negative = rows & (y == 1), rows & (y == 0)
        fnr = np.average(1 - p[positive], weights=weights[positive])
        fpr = np.average(p[negative], weights=weights[negative])
        rate = weights[positive].sum() / weights[rows].sum()
        found["fnr"].append(fnr)
        found["fpr"].append(fpr)
        found["weighted"].append((rate * fnr + (1 - rate) * fpr) / 2)
    return found


# Mixing rates


@pytest.mark.parametrize(
    ("cost", "costs", "trivial", "rate"),
    [
        # fnr: f has (0.4 + 0.6) / 2, m has 0.1, and 1 - 1/2 at the base rate: 0.4 / 0.4
        ("fnr", [0.5, 0.1], [0.5, 0.5], 1.0),
        ("fpr", [0.5, 0.1], [0.5, 0.5], 1.0),
        ("weighted", [0.25, 0.05], [0.25, 0.25], 1.0),
    ],
)
def test_rates_by_hand(cost, costs, trivial, rate):
    table = mixing_table(BY_HAND, Y_BY_HAND == 1, SEX, cost=cost)
    assert_allclose(table["cost"], costs)
    assert_allclose(table["base_rate_cost"], trivial)
    assert_allclose(table["mixing_rate"], [0, rate])
    assert_allclose(table["mixed_cost"], costs[0])


def test_a_rate_between_0_and_1_by_hand():
    # f: positives 0.7, 0.7, 0.2 (1.4 / 3), negative 0.6; base rate 3/4
    # m: positive 0.8 (0.2), negatives 0.3, 0.5, 0.1 (0.3); base rate 1/4
    p = np.array([0.7, 0.7, 0.2, 0.6, 0.8, 0.3, 0.5, 0.1])
    positive = np.array([1, 1, 1, 0, 1, 0, 0, 0], dtype=bool)
    fnr = mixing_table(p, positive, SEX, cost="fnr").loc["m"]
    assert_allclose(fnr["mixing_rate"], (1.4 / 3 - 0.2) / (0.75 - 0.2))
    fpr = mixing_table(p, positive, SEX, cost="fpr")
    assert_allclose(fpr["cost"], [0.6, 0.3])
    assert_allclose(fpr["base_rate_cost"], [0.75, 0.25])
    assert_allclose(fpr["mixing_rate"], 0)  # the base rate of m costs less than its probabilities
    both = mixing_table(p, positive, SEX, cost="weighted")
    assert_allclose(both["cost"], [(1.4 + 0.6) / 8, (0.2 + 0.9) / 8])
    assert_allclose(both["base_rate_cost"], 3 / 16)
    assert_allclose(both["mixing_rate"], [0, 1])
    assert_allclose(both["mixed_cost"], [2 / 8, 3 / 16])  # as near as it gets


def test_every_group_goes_to_the_largest_cost():
    p = np.repeat([0.6, 0.7, 0.9], 2)
    p[1::2] = 1 - p[1::2]
    groups = Groups.read(np.repeat(["a", "b", "c"], 2))
    table = mixing_table(p, np.tile([True, False], 3), groups, cost="fpr")
    assert_allclose(table["mixing_rate"], [0, 0.1 / 0.2, 0.3 / 0.4])
    assert_allclose(table["mixed_cost"], 0.4)


@given(
    seed=st.integers(0, 1000), cost=st.sampled_from(COSTS), scale=st.sampled_from([1e-3, 1.0, 50.0])
)
@settings(max_examples=40)
def test_costs_are_those_of_the_weighted_rows(seed, cost, scale):
    X, y = calibrated(200, seed)
    weights = np.random.default_rng(seed).integers(1, 4, 200)
    groups = Groups.read(X[:, 1])
    table = mixing_table(X[:, 0], y == 1, groups, weights * scale, cost=cost)
    assert_allclose(table["cost"], generalised(y, X[:, 0], X[:, 1], weights)[cost])
    base = table["base_rate"].to_numpy()[X[:, 1].astype(int)]
    assert_allclose(table["base_rate_cost"], generalised(y, base, X[:, 1], weights)[cost])
    repeated = np.repeat(np.arange(200), weights)
    again = mixing_table(X[repeated, 0], y[repeated] == 1, groups.take(repeated), cost=cost)
    pd.testing.assert_frame_equal(table, again)
    assert table["mixing_rate"].between(0, 1).all()
    assert table["mixing_rate"].min() == 0
    reached = table["mixing_rate"].between(1e-9, 1 - 1e-9) | (table["cost"] == table["cost"].max())
    assert_allclose(table["mixed_cost"][reached], table["cost"].max())


# The estimator


@pytest.mark.parametrize("cost", COSTS)
def test_expected_costs_are_equal_on_the_rows_of_fit(cost):
    X, y = calibrated()
    model = CalibratedEqualizedOdds(
        Given().fit(X, y), sensitive_features=1, cost=cost, cv="prefit", calibration=None
    ).fit(X, y)
    found = generalised(y, model.predict_proba(X)[:, 1], X[:, 1])[cost]
    assert_allclose(found, max(generalised(y, X[:, 0], X[:, 1])[cost]))
    rates = model.mixing_rates_.to_numpy()
    assert rates[0] == 0 < rates[1] < rates[2] < 1
    assert_allclose(model.base_rates_, [y[X[:, 1] == g].mean() for g in range(3)])
    assert_allclose(model.costs_["mixed_cost"], found)


@pytest.mark.parametrize("cost", COSTS)
def test_costs_are_nearly_equal_on_fresh_rows_and_randomized_too(cost):
    (X, y), (fresh, y_fresh) = calibrated(seed=1), calibrated(20_000, seed=2)
    model = CalibratedEqualizedOdds(Given(), sensitive_features=1, cost=cost).fit(X, y)
    before = np.ptp(generalised(y_fresh, fresh[:, 0], fresh[:, 1])[cost])
    for randomized in (False, True):
        model.set_params(randomized=randomized, random_state=0)
        after = generalised(y_fresh, model.predict_proba(fresh)[:, 1], fresh[:, 1])[cost]
        assert np.ptp(after) < 0.2 * before


def test_randomized_probabilities_stay_calibrated_and_expected_ones_shrink():
    X, y = calibrated(20_000)
    model = CalibratedEqualizedOdds(Given(), sensitive_features=1, cost="fnr", cv=2).fit(X, y)
    sure = X[:, 1] == 2

    def excess(p):
        """By how much labels exceed high probabilities."""
        high = sure & (p > 0.6)
        return (y - p)[high].mean()

    assert abs(excess(model.set_params(randomized=True, random_state=0).predict_proba(X)[:, 1])) < (
        0.03
    )
    assert excess(model.set_params(randomized=False).predict_proba(X)[:, 1]) > 0.1


def test_the_expectation_is_that_of_the_draws():
    X, y = calibrated(600)
    model = CalibratedEqualizedOdds(Given(), sensitive_features=1).fit(X, y)
    expected, chance = model.predict_proba(X), model.decision_probability(X)
    rows = np.repeat(np.arange(600), 400)
    model.set_params(randomized=True, random_state=3)
    drawn = model.predict_proba(X[rows])[:, 1].reshape(600, 400)
    assert_allclose(drawn.mean(axis=1), expected[:, 1], atol=0.12)
    assert_allclose(drawn.mean(), expected[:, 1].mean(), atol=0.003)
    assert_allclose(model.predict(X[rows]).reshape(600, 400).mean(axis=1), chance, atol=0.12)
    rates = np.append(model.mixing_rates_, 0)[X[:, 1].astype(int)]
    base = model.base_rates_.to_numpy()[X[:, 1].astype(int)]
    kept = np.isclose(drawn[:, 0], base)
    assert 0 < kept.mean() < 1
    assert_allclose((drawn == base[:, None]).mean(axis=1), rates, atol=0.12)


def test_draws_are_repeated_by_a_seed_only():
    X, y = calibrated(500)
    model = CalibratedEqualizedOdds(
        Given(), sensitive_features=1, randomized=True, random_state=0
    ).fit(X, y)
    first = model.predict_proba(X)
    assert_array_equal(model.predict_proba(X), first)
    assert_array_equal(model.predict(X), first[:, 1] > 0.5)
    assert not np.array_equal(model.set_params(random_state=1).predict_proba(X), first)
    state = model.set_params(random_state=np.random.RandomState(0))
    assert not np.array_equal(state.predict_proba(X), state.predict_proba(X))
    assert not get_tags(state).non_deterministic
    assert get_tags(model.set_params(random_state=None)).non_deterministic
    assert not get_tags(model.set_params(randomized=False)).non_deterministic


def test_probabilities_are_calibrated_by_group_first():
    X, y = calibrated(3000, slopes=(1.0, 1.0))
    X[:, 0] = np.where(X[:, 1] == 1, X[:, 0] ** 3, X[:, 0])  # too low for group 1
    model = CalibratedEqualizedOdds(Given(), sensitive_features=1).fit(X, y)
    calibrator = GroupCalibrator(Given(), sensitive_features=1).fit(X, y)
    expected = calibrator.predict_proba(X)[:, 1]
    rates = model.mixing_rates_.to_numpy()[X[:, 1].astype(int)]
    base = model.base_rates_.to_numpy()[X[:, 1].astype(int)]
    assert_allclose(model.predict_proba(X)[:, 1], (1 - rates) * expected + rates * base)
    assert model.mixing_rates_.max() < 0.15  # calibrated groups that are as easy as each other
    raw = clone(model).set_params(calibration=None)
    with pytest.warns(UserWarning, match="can't be equalised"):
        raw.fit(X, y)
    assert raw.mixing_rates_.max() > 0.3


def test_labels_are_strings_and_the_positive_one_is_named():
    X, y = calibrated(600)
    numbers = CalibratedEqualizedOdds(Given(), sensitive_features=1).fit(X, y)
    names = np.where(y == 1, "hire", "no")
    flipped = X.copy()
    flipped[:, 0] = 1 - X[:, 0]  # of "no", the second class
    model = CalibratedEqualizedOdds(Given(), sensitive_features=1, pos_label="hire")
    model.fit(flipped, names)
    assert_allclose(model.mixing_rates_, numbers.mixing_rates_, atol=1e-6)
    assert_allclose(model.predict_proba(flipped)[:, 0], numbers.predict_proba(X)[:, 1], atol=1e-6)
    assert_array_equal(model.predict(flipped) == "hire", numbers.predict(X) == 1)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        clone(model).set_params(pos_label=None).fit(flipped, names)
    with pytest.raises(ValueError, match="not a valid label"):
        clone(model).set_params(pos_label="HIRE").fit(flipped, names)


def test_a_group_without_the_cost_is_named_and_not_mixed():
    X, y = calibrated(600)
    X[:10, 1], y[:10] = 3, 0
    model = CalibratedEqualizedOdds(Given(), sensitive_features=1)
    with pytest.warns(UndefinedMetricWarning, match=r"false negative rate of groups \[3\.0\]"):
        model.fit(X, y)
    assert model.mixing_rates_.loc[3.0] == 0
    assert np.isnan(model.costs_.loc[3.0, "mixed_cost"])
    assert np.isfinite(model.predict_proba(X)).all()
    weighted = clone(model).set_params(cost="weighted")  # defined without positives, and large
    with pytest.warns(UserWarning, match="weighted cost can't be equalised"):
        weighted.fit(X, y)
    assert weighted.costs_["cost"].idxmax() == 3.0


def test_costs_out_of_reach_are_told():
    X, y = calibrated(2000, slopes=(0.5, 2.0))
    rare = (X[:, 1] == 1) & (y == 0)
    keep = ~rare | (np.arange(2000) % 10 == 0)  # group 1 has a high base rate, so a low fnr
    X, y = X[keep], y[keep]
    model = CalibratedEqualizedOdds(Given(), sensitive_features=1)
    with pytest.warns(
        UserWarning, match=r"can't be equalised: that of groups \[1\.0\] stays below"
    ):
        model.fit(X, y)
    assert_allclose(model.mixing_rates_, [0, 1])
    assert_allclose(model.predict_proba(X[X[:, 1] == 1])[:, 1], model.base_rates_.loc[1.0])


def test_an_unseen_group_is_refused_or_not_mixed():
    X, y = calibrated(900)
    new = X[:20].copy()
    new[:, 1] = 9
    model = CalibratedEqualizedOdds(
        Given().fit(X, y), sensitive_features=1, calibration=None, cv="prefit"
    ).fit(X, y)
    with pytest.raises(ValueError, match=r"unseen at fit: \[9\.0\]"):
        model.predict(new)
    model.set_params(fallback="pooled").fit(X, y)
    assert_allclose(model.predict_proba(new)[:, 1], new[:, 0])
    assert_array_equal(model.decision_probability(new), new[:, 0] > 0.5)


def test_metadata_weights_clone_and_pickle():
    X, y = calibrated(500)
    weights = 1 + np.arange(500.0) % 3
    column = CalibratedEqualizedOdds(LogisticRegression(), sensitive_features=1)
    column.fit(X, y, sample_weight=weights)
    given_ = CalibratedEqualizedOdds(LogisticRegression())
    given_.fit(X, y, sample_weight=weights, sensitive_features=X[:, 1])
    expected = column.predict_proba(X)
    assert_allclose(given_.predict_proba(X, sensitive_features=X[:, 1]), expected)
    assert_allclose(
        given_.decision_probability(X, sensitive_features=X[:, 1]), column.decision_probability(X)
    )
    assert_allclose(pickle.loads(pickle.dumps(column)).predict_proba(X), expected)
    assert_allclose(clone(column).fit(X, y, sample_weight=weights).predict_proba(X), expected)
    assert abs(clone(column).fit(X, y).predict_proba(X) - expected).max() > 1e-3
    assert column.uses_group_at_predict


def test_one_group_is_left_alone():
    X, y = calibrated(300, slopes=(1.0,))
    model = CalibratedEqualizedOdds(Given(), sensitive_features=1).fit(X, y)
    assert_array_equal(model.mixing_rates_, [0])


@pytest.mark.parametrize(
    ("model", "params", "message"),
    [
        (Given(), {"cost": "tpr"}, "cost must be among"),
        (Given(), {"calibration": "beta"}, "calibration method"),
        (LinearSVC(), {"calibration": None}, "needs an estimator with predict_proba"),
        (Given(), {"fallback": "guess"}, "fallback must be"),
    ],
)
def test_bad_parameters_are_refused(model, params, message):
    X, y = calibrated(100)
    with pytest.raises(ValueError, match=message):
        CalibratedEqualizedOdds(model, sensitive_features=1, **params).fit(X, y)
