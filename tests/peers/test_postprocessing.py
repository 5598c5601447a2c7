"""Mixing rates are AIF360's, and bands decide and are chosen as AIF360's reject option does."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin

from skfair.groups import Groups
from skfair.metrics import demographic_parity_difference
from skfair.postprocessing import CalibratedEqualizedOdds, RejectOptionClassifier, mixing_table

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what its imports import
    aif360_postprocessing = pytest.importorskip("aif360.algorithms.postprocessing")
    aif360_datasets = pytest.importorskip("aif360.datasets")

pytestmark = pytest.mark.peers

REPRODUCIBLE = settings(max_examples=30)
SIDES = {"unprivileged_groups": [{"sex": 0}], "privileged_groups": [{"sex": 1}]}


class Given(ClassifierMixin, BaseEstimator):
    """Its probability of the second class is the first column of X."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        positive = np.asarray(X)[:, 0]
        return np.column_stack([1 - positive, positive])


def rows(n, seed, slopes=(1.0, 3.0), shifts=(-0.5, 0.5)):
    rng = np.random.default_rng(seed)
    sex = rng.integers(0, 2, n)
    p = expit(rng.normal(size=n) * np.array(slopes)[sex] + np.array(shifts)[sex])
    return p, sex, (rng.random(n) < p).astype(int)


def as_aif360(p, sex, y, weights=None):
    """AIF360's data sets of labels and of scores."""
    frame = pd.DataFrame({"sex": sex, "y": y, "w": np.ones(len(y)) if weights is None else weights})
    true = aif360_datasets.BinaryLabelDataset(
        df=frame,
        label_names=["y"],
        protected_attribute_names=["sex"],
        instance_weights_name="w",
    )
    predicted = true.copy(deepcopy=True)
    predicted.scores = p[:, None].copy()
    predicted.labels = (p > 0.5).astype(float)[:, None]
    return true, predicted


@given(
    seed=st.integers(0, 10_000),
    cost=st.sampled_from(["fnr", "fpr", "weighted"]),
    weigh=st.booleans(),
)
@REPRODUCIBLE
def test_mixing_rates_are_aif360s(seed, cost, weigh):
    p, sex, y = rows(300, seed)
    weights = np.random.default_rng(seed).random(300) + 0.1 if weigh else np.ones(300)
    theirs = aif360_postprocessing.CalibratedEqOddsPostprocessing(
        **SIDES, cost_constraint=cost
    ).fit(*as_aif360(p, sex, y, weights))
    expected = np.array([theirs.unpriv_mix_rate, theirs.priv_mix_rate])
    assume(((expected >= 0) & (expected <= 1)).all())  # theirs aren't cut to [0, 1]
    table = mixing_table(p, y == 1, Groups.read(sex), weights, cost=cost)
    assert_allclose(table["mixing_rate"], expected, atol=1e-9)
    assert_allclose(table["base_rate"], [theirs.base_rate_unpriv, theirs.base_rate_priv])


def test_the_estimator_has_aif360s_rates():
    p, sex, y = rows(2000, 0, shifts=(0, 0))
    X = np.column_stack([p, sex])
    model = CalibratedEqualizedOdds(
        Given().fit(X, y), sensitive_features=1, calibration=None, cv="prefit"
    ).fit(X, y)
    theirs = aif360_postprocessing.CalibratedEqOddsPostprocessing(
        **SIDES, cost_constraint="fnr"
    ).fit(*as_aif360(p, sex, y))
    assert 0 < theirs.priv_mix_rate < 1
    assert_allclose(model.mixing_rates_, [theirs.unpriv_mix_rate, theirs.priv_mix_rate])


def reject_option(p, sex, y, **params):
    return aif360_postprocessing.RejectOptionClassification(
        **SIDES,
        low_class_thresh=0.1,
        high_class_thresh=0.9,
        num_class_thresh=9,
        num_ROC_margin=6,
        metric_name="Statistical parity difference",
        **params,
    ).fit(*as_aif360(p, sex, y))


@pytest.mark.parametrize("seed", range(3))
def test_bands_decide_as_aif360s_do(seed):
    p, sex, y = rows(500, seed)
    X = np.column_stack([p, sex])
    theirs = reject_option(p, sex, y, metric_ub=0.05, metric_lb=-0.05)
    model = RejectOptionClassifier(
        Given().fit(X, y),
        sensitive_features=1,
        deprived=0.0,
        cv="prefit",
        thresholds=[theirs.classification_threshold],
        margins=[theirs.ROC_margin],
        tol=1.0,
    ).fit(X, y)
    expected = theirs.predict(as_aif360(p, sex, y)[1]).labels.ravel()
    assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("seed", range(3))
def test_bands_are_worth_no_less_than_aif360s(seed):
    p, sex, y = rows(500, seed)
    X = np.column_stack([p, sex])
    theirs = reject_option(p, sex, y, metric_ub=0.05, metric_lb=-0.05)
    expected = theirs.predict(as_aif360(p, sex, y)[1]).labels.ravel()
    model = RejectOptionClassifier(Given().fit(X, y), sensitive_features=1, cv="prefit").fit(X, y)
    found = model.predict(X)
    assert demographic_parity_difference(y, found, sensitive_features=sex) <= 0.05
    balanced = np.mean([expected[y == 1].mean(), 1 - expected[y == 0].mean()])
    assert model.objective_value_ > balanced - 0.005  # on a grid with other cuts
