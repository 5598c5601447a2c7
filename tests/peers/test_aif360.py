"""The metrics agree with AIF360's, in both of its APIs; Reweighter's weights with Reweighing's."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin

from skfair import metrics
from skfair.preprocessing import Reweighter
from skfair.preprocessing.reweighter import reweighing_weights

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what its imports import
    aif360_functions = pytest.importorskip("aif360.sklearn.metrics")
    aif360_preprocessing = pytest.importorskip("aif360.sklearn.preprocessing")
    aif360_datasets = pytest.importorskip("aif360.datasets")
    aif360_classes = pytest.importorskip("aif360.metrics")

pytestmark = pytest.mark.peers

REPRODUCIBLE = settings(max_examples=50)

# ours: AIF360's function, AIF360's method of ClassificationMetric
DIFFERENCES = {
    "demographic_parity_difference": (
        "statistical_parity_difference",
        "statistical_parity_difference",
    ),
    "equal_opportunity_difference": (
        "equal_opportunity_difference",
        "equal_opportunity_difference",
    ),
    "average_odds_difference": ("average_odds_difference", "average_odds_difference"),
    "average_abs_odds_difference": ("average_odds_error", "average_abs_odds_difference"),
}


class RecallWeights(ClassifierMixin, BaseEstimator):
    """Keeps the weights it was fitted with."""

    def fit(self, X, y, sample_weight=None):
        self.weights_ = sample_weight
        return self


@st.composite
def tables(draw, max_groups=2, labels=(0, 1)):
    """Rows of (y_true, y_pred, group, weight) with every label in each group."""
    groups = range(draw(st.integers(2, max_groups)))
    weights = st.floats(0.1, 10.0)
    certain = [
        (label, draw(st.sampled_from(labels)), group, draw(weights))
        for group, label in product(groups, labels)
    ]
    row = st.tuples(
        st.sampled_from(labels), st.sampled_from(labels), st.sampled_from(groups), weights
    )
    rows = certain + draw(st.lists(row, max_size=40))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def by_function(name, table, *, weighted, privileged):
    """Figure of ``aif360.sklearn.metrics``, which reads the groups from the index of y."""
    y_true, y_pred, group, weight = table
    return getattr(aif360_functions, name)(
        pd.Series(y_true, index=pd.Index(group, name="group")),
        y_pred,
        prot_attr="group",
        priv_group=privileged,
        sample_weight=weight if weighted else None,
    )


def by_class(name, table, *, weighted, privileged):
    """Figure of ``aif360.metrics.ClassificationMetric``."""
    y_true, y_pred, group, weight = table
    data = aif360_datasets.BinaryLabelDataset(
        df=pd.DataFrame({"group": group, "label": y_true}, dtype=float),
        label_names=["label"],
        protected_attribute_names=["group"],
    )
    if weighted:
        data.instance_weights = weight
    predicted = data.copy()
    predicted.labels = y_pred.astype(float)[:, None]
    metric = aif360_classes.ClassificationMetric(
        data,
        predicted,
        unprivileged_groups=[{"group": float(1 - privileged)}],
        privileged_groups=[{"group": float(privileged)}],
    )
    return getattr(metric, name)()


def ours(name, table, *, weighted):
    y_true, y_pred, group, weight = table
    return getattr(metrics, name)(
        y_true, y_pred, sensitive_features=group, sample_weight=weight if weighted else None
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("name", DIFFERENCES)
@given(table=tables(), privileged=st.sampled_from([0, 1]))
@REPRODUCIBLE
def test_differences_agree_by_magnitude(name, weighted, table, privileged):
    function, method = DIFFERENCES[name]
    value = ours(name, table, weighted=weighted)
    options = {"weighted": weighted, "privileged": privileged}
    assert value == pytest.approx(abs(by_function(function, table, **options)), abs=1e-12)
    assert value == pytest.approx(abs(by_class(method, table, **options)), abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@given(table=tables(), privileged=st.sampled_from([0, 1]))
@REPRODUCIBLE
def test_disparate_impact_agrees_up_to_which_group_divides(weighted, table, privileged):
    _, y_pred, group, _ = table
    assume(all(y_pred[group == g].any() for g in (0, 1)))  # else AIF360 divides by 0
    options = {"weighted": weighted, "privileged": privileged}
    for theirs in (
        by_function("disparate_impact_ratio", table, **options),
        by_class("disparate_impact", table, **options),
    ):
        for name in ("disparate_impact", "demographic_parity_ratio"):
            value = ours(name, table, weighted=weighted)
            assert value == pytest.approx(min(theirs, 1 / theirs), rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@given(table=tables(max_groups=4, labels=(0, 1, 2)))
@REPRODUCIBLE
def test_reweighing_agrees(weighted, table):
    y, _, group, weight = table
    index = pd.Index(group, name="group")
    X = pd.DataFrame({"x": np.zeros(len(y)), "group": group}, index=index)
    given_weight = weight if weighted else None
    _, theirs = aif360_preprocessing.Reweighing("group").fit_transform(
        X, pd.Series(y, index=index), sample_weight=given_weight
    )
    assert_allclose(reweighing_weights(y, group, given_weight), theirs, rtol=1e-12)
    model = Reweighter(RecallWeights(), sensitive_features="group")
    model.fit(X, y, sample_weight=given_weight)
    assert_allclose(model.estimator_.weights_, theirs, rtol=1e-12)
