"""The metrics agree with fairlearn's, but where it is silently wrong.

The second half pins fairlearn's answers, so that a release that mends one is noticed.
"""

from __future__ import annotations

import inspect
import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression

from skfair import metrics
from skfair.base import GroupsAtPredictMixin
from skfair.groups import Groups
from skfair.preprocessing import Reweighter

fairlearn_metrics = pytest.importorskip("fairlearn.metrics")
fairlearn_reductions = pytest.importorskip("fairlearn.reductions")
fairlearn_postprocessing = pytest.importorskip("fairlearn.postprocessing")

pytestmark = pytest.mark.peers

REPRODUCIBLE = settings(max_examples=40)
PARITY = ["demographic_parity_difference", "demographic_parity_ratio"]
OPPORTUNITY = ["equal_opportunity_difference", "equal_opportunity_ratio"]
ODDS = ["equalized_odds_difference", "equalized_odds_ratio"]
RATES = [
    "selection_rate",
    "true_positive_rate",
    "true_negative_rate",
    "false_positive_rate",
    "false_negative_rate",
]


@st.composite
def tables(draw):
    """Rows of (y_true, y_pred, group, weight) with both classes in each of 2 to 4 groups."""
    groups = "abcd"[: draw(st.integers(2, 4))]
    predictions, weights = st.sampled_from([0, 1]), st.floats(0.1, 10.0)
    certain = [
        (label, draw(predictions), group, draw(weights)) for group, label in product(groups, [0, 1])
    ]
    row = st.tuples(st.sampled_from([0, 1]), predictions, st.sampled_from(groups), weights)
    rows = certain + draw(st.lists(row, max_size=40))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def agree(ours, theirs):
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
@pytest.mark.parametrize("name", [*PARITY, *OPPORTUNITY])
@given(table=tables())
@REPRODUCIBLE
def test_gaps_agree(name, method, weighted, table):
    y_true, y_pred, group, weight = table
    assume((y_true * y_pred).any())  # else the ratios are 0/0
    options = {"sensitive_features": group, "method": method}
    if weighted:
        options["sample_weight"] = weight
    ours, theirs = (getattr(module, name) for module in (metrics, fairlearn_metrics))
    agree(ours(y_true, y_pred, **options), theirs(y_true, y_pred, **options))


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("agg", ["worst_case", "mean"])
@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
@pytest.mark.parametrize("name", ODDS)
@given(table=tables())
@REPRODUCIBLE
def test_equalized_odds_agree(name, method, agg, weighted, table):
    y_true, y_pred, group, weight = table
    assume((y_true * y_pred).any() and ((1 - y_true) * y_pred).any())
    options = {"sensitive_features": group, "method": method, "agg": agg}
    if weighted:
        options["sample_weight"] = weight
    ours, theirs = (getattr(module, name) for module in (metrics, fairlearn_metrics))
    agree(ours(y_true, y_pred, **options), theirs(y_true, y_pred, **options))


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("name", RATES)
@given(table=tables())
@REPRODUCIBLE
def test_rates_agree_overall_and_by_group(name, weighted, table):
    y_true, y_pred, group, weight = table
    options = {"sample_weight": weight} if weighted else {}
    ours, theirs = (getattr(module, name) for module in (metrics, fairlearn_metrics))
    agree(ours(y_true, y_pred, **options), theirs(y_true, y_pred, **options))

    frame = fairlearn_metrics.MetricFrame(
        metrics=theirs,
        y_true=y_true,
        y_pred=y_pred,
        sensitive_features=group,
        sample_params=options or None,
    )
    series = ours(y_true, y_pred, sensitive_features=group, **options)
    assert series.index.to_list() == frame.by_group.index.to_list()
    agree(series.to_list(), frame.by_group.to_list())


@given(table=tables())
@REPRODUCIBLE
def test_intersections_agree(table):
    y_true, y_pred, group, _ = table
    other = np.where(np.arange(len(group)) % 2, "x", "y")
    features = np.column_stack([group, other])
    assume(y_pred.any())
    for name in PARITY:
        ours, theirs = (getattr(module, name) for module in (metrics, fairlearn_metrics))
        agree(
            ours(y_true, y_pred, sensitive_features=features),
            theirs(y_true, y_pred, sensitive_features=features),
        )


@pytest.mark.parametrize("name", [*PARITY, *OPPORTUNITY, *ODDS, *RATES])
def test_calls_of_fairlearns_need_another_import_and_nothing_else(name):
    ours, theirs = (
        inspect.signature(getattr(module, name)).parameters
        for module in (metrics, fairlearn_metrics)
    )
    positional = [n for n, p in theirs.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert list(ours)[: len(positional)] == positional
    for parameter in theirs.values():
        assert ours[parameter.name].kind is parameter.kind
        if parameter.name != "pos_label":  # theirs is 1 in selection_rate: see the string labels
            assert ours[parameter.name].default == parameter.default


# Where fairlearn is silently wrong


def silently(call):
    """Result of a call that gives no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return call()


CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # y_true, y_pred of tn, fp, fn, tp


def rows_of(cells):
    """y_true, y_pred and groups with these counts of (tn, fp, fn, tp) by group."""
    rows = [
        (true, pred, group)
        for group, counts in cells.items()
        for (true, pred), count in zip(CORNERS, counts, strict=True)
        for _ in range(count)
    ]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def test_string_labels_are_zero_there_and_refused_here():
    y_true, y_pred, group = rows_of({"f": (14, 2, 14, 1), "m": (8, 7, 6, 10)})
    words = [np.where(y == 1, "yes", "no") for y in (y_true, y_pred)]
    options = {"sensitive_features": group}
    theirs = fairlearn_metrics.demographic_parity_difference
    assert round(theirs(y_true, y_pred, **options), 4) == 0.4516
    assert silently(lambda: theirs(*words, **options)) == 0.0

    ours = metrics.demographic_parity_difference
    with pytest.raises(ValueError, match="pos_label"):
        ours(*words, **options)
    agree(ours(*words, pos_label="yes", **options), theirs(y_true, y_pred, **options))


def test_multiclass_predictions_are_a_number_there_and_refused_here():
    y_true, y_pred, group = [0, 1, 2, 0, 1, 2], [1, 1, 2, 0, 1, 0], [*"aaabbb"]
    options = {"sensitive_features": group}
    theirs = silently(
        lambda: fairlearn_metrics.demographic_parity_difference(y_true, y_pred, **options)
    )
    assert theirs == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="3 classes"):
        metrics.demographic_parity_difference(y_true, y_pred, **options)
    agree(metrics.demographic_parity_difference(y_true, y_pred, pos_label=1, **options), theirs)


def test_a_group_without_positives_has_rate_zero_there_and_none_here():
    y_true, y_pred, group = rows_of({"a": (8, 2, 31, 39), "b": (7, 3, 0, 0), "c": (8, 2, 31, 39)})
    options = {"sensitive_features": group}
    theirs = silently(
        lambda: fairlearn_metrics.equalized_odds_difference(y_true, y_pred, **options)
    )
    assert round(theirs, 3) == 0.557
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'b'"):
        ours = metrics.equalized_odds_difference(y_true, y_pred, **options)
    assert ours == pytest.approx(0.1)


def test_ratios_of_predictions_that_select_nobody_are_nan_here_with_a_warning():
    y_true, y_pred, group = rows_of({"a": (3, 0, 2, 0), "b": (1, 0, 4, 0)})
    options = {"sensitive_features": group}
    theirs = silently(lambda: fairlearn_metrics.demographic_parity_ratio(y_true, y_pred, **options))
    assert np.isnan(theirs)
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(metrics.demographic_parity_ratio(y_true, y_pred, **options))


def test_a_group_of_two_rows_can_be_left_out_here():
    y_true, y_pred, group = rows_of({"a": (2, 2, 2, 3), "b": (2, 2, 2, 3), "tiny": (1, 0, 1, 0)})
    options = {"sensitive_features": group}
    theirs = silently(
        lambda: fairlearn_metrics.demographic_parity_difference(y_true, y_pred, **options)
    )
    assert round(theirs, 3) == 0.556
    agree(metrics.demographic_parity_difference(y_true, y_pred, **options), theirs)
    with pytest.warns(UndefinedMetricWarning, match="tiny"):
        ours = metrics.demographic_parity_difference(y_true, y_pred, min_group_size=5, **options)
    assert ours == 0.0


def training_rows(n=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 1))
    return X, (X[:, 0] + rng.normal(size=n) > 0).astype(int), np.arange(n) % 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fairlearn 0.15 on pandas 3.1
def test_rows_without_a_sensitive_value_escape_the_constraints_there_and_are_a_group_here():
    X, y, third = training_rows()
    group = np.array(["f", "m", None], dtype=object)[third]
    reduction = fairlearn_reductions.ExponentiatedGradient(
        LogisticRegression(), fairlearn_reductions.DemographicParity(), max_iter=2
    )
    reduction.fit(X, y, sensitive_features=group)  # without a word about the rows that it drops
    assert set(reduction.lambda_vecs_.index.get_level_values(-1)) == {"f", "m"}

    ours = Reweighter(LogisticRegression()).fit(X, y, sensitive_features=group)
    assert list(ours.cell_weights_.columns) == ["f", "m", "<missing>"]


def test_rows_without_a_sensitive_value_are_measured_here():
    y_pred, group = [1, 1, 0, 0], ["a", "a", None, None]
    with pytest.raises(ValueError, match="missing values"):
        fairlearn_metrics.demographic_parity_difference(y_pred, y_pred, sensitive_features=group)
    assert metrics.demographic_parity_difference(None, y_pred, sensitive_features=group) == 1.0


class RuleByGroup(GroupsAtPredictMixin, ClassifierMixin, BaseEstimator):
    """A rule that knows its groups."""

    sensitive_features = None

    def fit(self, X, y, *, sensitive_features=None):
        self.labels_ = self._read_groups(X, sensitive_features).labels
        return self

    def predict(self, X, *, sensitive_features=None):
        return self._read_groups(X, sensitive_features).encode(self.labels_)


def test_a_group_unseen_at_fit_is_rejected_whole_there_and_refused_here():
    X, y, third = training_rows()
    group, unseen = np.where(third > 0, "f", "m"), np.repeat("x", len(y))
    optimizer = fairlearn_postprocessing.ThresholdOptimizer(
        estimator=LogisticRegression(),
        constraints="demographic_parity",
        predict_method="predict_proba",
    ).fit(X, y, sensitive_features=group)
    assert optimizer.predict(X, sensitive_features=group, random_state=0).any()
    theirs = silently(lambda: optimizer.predict(X, sensitive_features=unseen, random_state=0))
    assert not theirs.any()

    with pytest.raises(ValueError, match=r"unseen at fit: \['x'\]"):
        RuleByGroup().fit(X, y, sensitive_features=group).predict(X, sensitive_features=unseen)
    with pytest.raises(ValueError, match=r"unseen at fit: \['x'\]"):
        Groups.read(unseen).encode(("f", "m"))
