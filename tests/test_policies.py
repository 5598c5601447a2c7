"""The policies, row by row, through the public API; then the known silent wrong answers.

Every object answers each of these cases in one way: rightly, or not at all.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skfair import metrics
from skfair.base import GroupsAtPredictMixin
from skfair.metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    disparate_impact,
    equal_opportunity_difference,
    equalized_odds_difference,
    fairness_scorer,
    predictive_parity_difference,
    select_fair,
    selection_rate,
    true_positive_rate,
)
from skfair.model_selection import GroupLabelStratifiedKFold
from skfair.preprocessing import Reweighter
from skfair.tally import Tally


def public_names(*modules):
    """Names of the public functions of these modules of skfair.metrics."""
    homes = {f"skfair.metrics.{module}" for module in modules}
    return [name for name in metrics.__all__ if getattr(metrics, name).__module__ in homes]


GAPS, RATES = public_names("_odds", "_parity"), public_names("_rates")
CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # y_true, y_pred of tn, fp, fn, tp


class PredictColumn(ClassifierMixin, BaseEstimator):
    """Predicts what stands in a column of X."""

    def __init__(self, column="prediction"):
        self.column = column

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.asarray(X[self.column])


class RecallWeights(ClassifierMixin, BaseEstimator):
    """Keeps the weights it was fitted with."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.weights_ = np.asarray(sample_weight)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


class RateByGroup(GroupsAtPredictMixin, ClassifierMixin, BaseEstimator):
    """Predicts the majority label of a row's group."""

    def __init__(self, sensitive_features=None):
        self.sensitive_features = sensitive_features

    def fit(self, X, y, *, sensitive_features=None):
        groups = self._read_groups(X, sensitive_features)
        self.classes_, self.labels_ = np.unique(y), groups.labels
        self.majority_ = (
            np.bincount(groups.codes, weights=np.asarray(y)) / np.bincount(groups.codes) > 0.5
        )
        return self

    def predict(self, X, *, sensitive_features=None):
        codes = self._read_groups(X, sensitive_features).encode(self.labels_)
        return self.classes_[self.majority_[codes].astype(int)]


def rows_of(cells):
    """y_true, y_pred and groups with these counts of (tn, fp, fn, tp) by group."""
    rows = [
        (true, pred, group)
        for group, counts in cells.items()
        for (true, pred), count in zip(CORNERS, counts, strict=True)
        for _ in range(count)
    ]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def model_of(y_true, y_pred, group):
    """A model that predicts y_pred, the X it reads it from, and y_true."""
    X = pd.DataFrame({"sex": np.asarray(group), "prediction": y_pred})
    return PredictColumn().fit(X, y_true), X, y_true


def score_of(metric, y_true, y_pred, group, **options):
    scorer = fairness_scorer(metric, sensitive_features="sex", **options)
    return scorer(*model_of(y_true, y_pred, group))


FOUR = rows_of({"a": (4, 1, 1, 4), "b": (2, 2, 3, 1)})


# binary string labels: pos_label is needed, else ValueError


def as_words(labels):
    return np.where(np.asarray(labels) == 1, "yes", "no")


NEEDING_POSITIVE = [name for name in [*GAPS, *RATES] if not name.startswith("accuracy")]


def test_accuracy_needs_no_positive_class_and_takes_any_number_of_classes():
    y_true, y_pred, group = [0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 1, 2], list("fffmmm")
    expected = pytest.approx(1 - 1 / 3)
    assert metrics.accuracy_parity_difference(y_true, y_pred, sensitive_features=group) == expected
    words = np.array(["low", "middle", "high"])
    in_words = metrics.accuracy_parity_difference(
        words[y_true], words[y_pred], sensitive_features=group
    )
    assert in_words == expected


def test_selection_rates_do_not_look_at_a_y_true_of_scores():
    y_pred, group = [0, 1, 1, 1], list("ffmm")
    for y_true in (None, [0.1, 0.2, 0.3, 0.4], [0.0, np.nan, 1.0, 1.0]):
        assert metrics.selection_rate(y_true, y_pred) == 0.75
        gap = metrics.demographic_parity_difference(y_true, y_pred, sensitive_features=group)
        assert gap == 0.5
    with pytest.raises(ValueError, match="inconsistent"):
        metrics.selection_rate([0.1, 0.2], y_pred)


@pytest.mark.parametrize("name", [name for name in GAPS if name in NEEDING_POSITIVE])
def test_binary_string_labels_need_pos_label_in_metrics(name):
    y_true, y_pred, group = FOUR
    metric = getattr(metrics, name)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        metric(as_words(y_true), as_words(y_pred), sensitive_features=group)
    in_words = metric(as_words(y_true), as_words(y_pred), sensitive_features=group, pos_label="yes")
    assert in_words == metric(y_true, y_pred, sensitive_features=group)


@pytest.mark.parametrize("name", RATES)
def test_binary_string_labels_need_pos_label_in_rates(name):
    y_true, y_pred, _ = FOUR
    rate = getattr(metrics, name)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        rate(as_words(y_true), as_words(y_pred))
    in_words = rate(as_words(y_true), as_words(y_pred), pos_label="yes")
    assert in_words == rate(y_true, y_pred)


def test_binary_string_labels_need_pos_label_in_scorers():
    y_true, y_pred, group = FOUR
    with pytest.raises(ValueError, match="pos_label is not specified"):
        score_of("equalized_odds_difference", as_words(y_true), as_words(y_pred), group)
    in_words = score_of(
        "equalized_odds_difference", as_words(y_true), as_words(y_pred), group, pos_label="yes"
    )
    assert in_words == -equalized_odds_difference(y_true, y_pred, sensitive_features=group)


def test_binary_string_labels_of_one_class_need_pos_label_too():
    no = ["no", "no", "no", "no"]
    with pytest.raises(ValueError, match="pos_label is not specified"):
        selection_rate(no, no)
    assert selection_rate(no, no, pos_label="yes") == 0.0


def test_binary_string_labels_are_reweighted_as_they_are():
    y, _, group = FOUR
    X = pd.DataFrame({"sex": group})
    words = Reweighter(RecallWeights(), sensitive_features="sex").fit(X, as_words(y))
    numbers = Reweighter(RecallWeights(), sensitive_features="sex").fit(X, y)
    assert_array_equal(words.estimator_.weights_, numbers.estimator_.weights_)
    assert list(words.cell_weights_.index) == ["no", "yes"]


# multiclass predictions into a binary metric: ValueError that says how to ask for one class


@pytest.mark.parametrize("third", ["y_true", "y_pred", "both"])
@pytest.mark.parametrize("name", NEEDING_POSITIVE)
def test_multiclass_into_a_binary_metric_is_refused_with_advice(name, third):
    y_true, y_pred, group = FOUR
    if third != "y_pred":
        y_true = np.where(np.arange(len(y_true)) % 5 == 0, 2, y_true)
    if third != "y_true":
        y_pred = np.where(np.arange(len(y_pred)) % 4 == 0, 2, y_pred)
    metric = getattr(metrics, name)
    with pytest.raises(ValueError, match=r"3 classes.*pos_label=<class>"):
        metric(y_true, y_pred, sensitive_features=group)
    against_rest = metric(y_true, y_pred, sensitive_features=group, pos_label=1)
    folded = metric(y_true == 1, y_pred == 1, sensitive_features=group)
    assert_allclose(against_rest, folded)


def test_multiclass_into_a_scorer_is_refused_with_advice():
    y_true, y_pred, group = [0, 1, 2, 0, 1, 2], [0, 1, 2, 1, 1, 0], [*"ffmmfm"]
    with pytest.raises(ValueError, match="pos_label=<class>"):
        score_of("demographic_parity_difference", y_true, y_pred, group)
    assert score_of("demographic_parity_ratio", y_true, y_pred, group, pos_label=1) == 0.5


def test_multiclass_labels_are_reweighted():
    X = pd.DataFrame({"sex": [*"ffffmmmm"]})
    y = ["a", "a", "b", "c", "a", "b", "c", "c"]
    weights = Reweighter(RecallWeights(), sensitive_features="sex").fit(X, y).estimator_.weights_
    by_cell = pd.crosstab(np.array(y), X["sex"].to_numpy(), weights, aggfunc="sum")
    assert_allclose(by_cell["f"], by_cell["m"])  # independent: both groups are half of the rows


# undefined rate (0/0): NaN, with a warning that names group and rate; left out of reported gaps;
# scorers and bounds give NaN where the predictions are to blame


NO_POSITIVES = rows_of({"a": (2, 2, 2, 2), "b": (3, 1, 0, 0), "c": (3, 1, 1, 3)})
NEVER_SELECTED = rows_of({"a": (2, 2, 2, 2), "b": (4, 0, 4, 0), "c": (3, 1, 1, 3)})


def test_an_undefined_rate_is_nan_with_a_warning_that_names_group_and_rate():
    y_true, y_pred, group = NO_POSITIVES
    with pytest.warns(UndefinedMetricWarning, match=r"true_positive_rate of groups \['b'\]"):
        rates = true_positive_rate(y_true, y_pred, sensitive_features=group)
    assert_array_equal(rates, [0.5, np.nan, 0.75])


def test_an_undefined_rate_is_left_out_of_a_reported_gap_with_that_warning():
    y_true, y_pred, group = NO_POSITIVES
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'b'"):
        gap = equal_opportunity_difference(y_true, y_pred, sensitive_features=group)
    assert gap == 0.25
    y_true, y_pred, group = NEVER_SELECTED
    with pytest.warns(UndefinedMetricWarning, match="positive_predictive_value of group 'b'"):
        gap = predictive_parity_difference(y_true, y_pred, sensitive_features=group)
    assert gap == 0.25


def test_an_undefined_rate_leaves_nan_where_fewer_than_two_groups_remain():
    y_true, y_pred, group = rows_of({"a": (2, 2, 2, 2), "b": (3, 1, 0, 0)})
    with pytest.warns(UndefinedMetricWarning, match=r"group 'b'.*fewer than two|group 'b'.*NaN"):
        gap = equal_opportunity_difference(y_true, y_pred, sensitive_features=group)
    assert np.isnan(gap)


def test_an_undefined_rate_makes_a_scorer_nan_where_the_predictions_are_to_blame():
    with pytest.warns(UndefinedMetricWarning, match="group 'b'"):
        assert np.isnan(score_of("predictive_parity_difference", *NEVER_SELECTED))
    with pytest.warns(UndefinedMetricWarning, match="group 'b'"):
        assert score_of("equal_opportunity_difference", *NO_POSITIVES) == -0.25


def test_an_undefined_rate_is_out_of_bounds():
    rule = select_fair("accuracy", predictive_parity_difference=0.5)
    scores = {
        "params": [{}, {}],
        "mean_test_accuracy": [0.9, 0.6],
        "mean_test_predictive_parity_difference": [float("nan"), -0.25],
    }
    assert rule(scores) == 1


def test_an_empty_cell_has_no_weight_and_breaks_none():
    y, _, group = NO_POSITIVES
    X = pd.DataFrame({"sex": group})
    with pytest.warns(UserWarning, match=r"no rows in cells \[\('b', 1\)\]"):
        model = Reweighter(RecallWeights(), sensitive_features="sex").fit(X, y)
    assert np.isnan(model.cell_weights_.loc[1, "b"])
    assert np.isfinite(model.estimator_.weights_).all()


# small group: min_group_size=None by default; set, it leaves groups out by name, with a warning


SMALL = rows_of({"a": (4, 4, 4, 4), "b": (4, 4, 4, 4), "tiny": (0, 0, 0, 2)})


def test_a_small_group_counts_like_any_other_by_default():
    y_true, y_pred, group = SMALL
    assert demographic_parity_difference(y_true, y_pred, sensitive_features=group) == 0.5
    assert score_of("demographic_parity_difference", *SMALL) == -0.5


def test_a_small_group_is_left_out_by_name_on_request():
    y_true, y_pred, group = SMALL
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 10 rows.*\['tiny'\]"):
        gap = demographic_parity_difference(
            y_true, y_pred, sensitive_features=group, min_group_size=10
        )
    assert gap == 0.0
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 10 rows.*\['tiny'\]"):
        assert score_of("demographic_parity_difference", *SMALL, min_group_size=10) == 0.0


# missing sensitive value: its own group, labelled <missing>; missing="raise" refuses


MISSING_FORMS = {
    "None": ["f", "f", "m", "m", None, None],
    "NaN": ["f", "f", "m", "m", float("nan"), float("nan")],
    "None and NaN": ["f", "f", "m", "m", None, float("nan")],
    "pd.NA": pd.Series(["f", "f", "m", "m", pd.NA, pd.NA], dtype="string"),
    "categorical": pd.Categorical(["f", "f", "m", "m", None, None]),
    "polars null": pl.Series(["f", "f", "m", "m", None, None]),
}


@pytest.mark.parametrize("form", MISSING_FORMS)
def test_missing_sensitive_values_are_a_group_of_their_own(form):
    groups = MISSING_FORMS[form]
    y_pred = [1, 1, 1, 0, 0, 0]
    rates = selection_rate(None, y_pred, sensitive_features=groups)
    assert rates.to_dict() == {"f": 1.0, "m": 0.5, "<missing>": 0.0}
    assert demographic_parity_difference(None, y_pred, sensitive_features=groups) == 1.0


@pytest.mark.parametrize("form", MISSING_FORMS)
def test_missing_sensitive_values_are_refused_on_request(form):
    groups = MISSING_FORMS[form]
    with pytest.raises(ValueError, match="2 missing values"):
        demographic_parity_difference(
            None, [1, 1, 1, 0, 0, 0], sensitive_features=groups, missing="raise"
        )
    with pytest.raises(ValueError, match="2 missing values"):
        Reweighter(RecallWeights(), missing="raise").fit(
            np.zeros((6, 1)), [0, 1, 0, 1, 0, 1], sensitive_features=groups
        )


@pytest.mark.filterwarnings("ignore:no rows in cells")
@pytest.mark.parametrize("form", MISSING_FORMS)
def test_missing_sensitive_values_are_reweighted_as_a_group(form):
    X, y = np.zeros((6, 1)), [0, 1, 0, 1, 0, 0]
    model = Reweighter(RecallWeights()).fit(X, y, sensitive_features=MISSING_FORMS[form])
    assert list(model.cell_weights_.columns) == ["f", "m", "<missing>"]
    assert_allclose(model.estimator_.weights_, [4 / 3, 2 / 3, 4 / 3, 2 / 3, 2 / 3, 2 / 3])


def test_missing_sensitive_values_in_a_scorer():
    X = pd.DataFrame({"sex": MISSING_FORMS["None"], "prediction": [1, 1, 1, 1, 1, 0]})
    model = PredictColumn().fit(X, [0, 1] * 3)
    options = {"sensitive_features": "sex"}
    score = fairness_scorer("demographic_parity_ratio", **options)(model, X, [0, 1] * 3)
    assert score == 0.5
    with pytest.raises(ValueError, match="2 missing values"):
        fairness_scorer("disparate_impact", missing="raise", **options)(model, X, [0, 1] * 3)


# group unseen at fit: ValueError that names it


def test_a_group_unseen_at_fit_is_refused_by_name_at_predict():
    X = pd.DataFrame({"sex": [*"ffmm"]})
    model = RateByGroup("sex").fit(X, [1, 1, 0, 0])
    assert_array_equal(model.predict(X), [1, 1, 0, 0])
    assert_array_equal(model.predict(X[2:]), [0, 0])  # fewer groups than at fit, codes as at fit
    with pytest.raises(ValueError, match=r"unseen at fit: \['x'\].*\['f', 'm'\]"):
        model.predict(pd.DataFrame({"sex": ["x", "f"]}))


def test_missing_values_unseen_at_fit_are_such_a_group():
    model = RateByGroup().fit(np.zeros((4, 1)), [1, 1, 0, 0], sensitive_features=[*"ffmm"])
    with pytest.raises(ValueError, match=r"unseen at fit: \['<missing>'\]"):
        model.predict(np.zeros((2, 1)), sensitive_features=["f", None])


def test_an_intersection_unseen_at_fit_is_such_a_group():
    X = pd.DataFrame({"sex": [*"ffm"], "race": [*"bwb"]})
    model = RateByGroup(["sex", "race"]).fit(X, [1, 1, 0])
    with pytest.raises(ValueError, match=r"sex x race unseen at fit: \[\('m', 'w'\)\]"):
        model.predict(pd.DataFrame({"sex": ["m"], "race": ["w"]}))


# a numeric column with very many values as groups: ValueError that suggests Bins


def test_a_numeric_column_with_many_values_is_refused_with_the_advice_to_bin_it():
    n = 60
    X = pd.DataFrame({"age": np.arange(n, dtype=float), "prediction": [0, 1] * (n // 2)})
    y = [0, 0, 1] * (n // 3)
    advice = r'60 distinct values.*Bins\("age", \[29\.5\]\)'
    with pytest.raises(ValueError, match=advice):
        demographic_parity_difference(y, X["prediction"], sensitive_features=X["age"])
    with pytest.raises(ValueError, match=advice):
        selection_rate(y, X["prediction"], sensitive_features=X[["age"]])
    model = PredictColumn().fit(X, y)
    with pytest.raises(ValueError, match=advice):
        fairness_scorer("disparate_impact", sensitive_features="age")(model, X, y)
    with pytest.raises(ValueError, match=advice):
        Reweighter(RecallWeights(), sensitive_features="age").fit(X, y)
    with pytest.raises(ValueError, match=advice):
        next(GroupLabelStratifiedKFold(2, sensitive_features="age").split(X, y))


# randomness: only with random_state; deterministic by default


def test_nothing_is_random_without_a_random_state():
    X = np.arange(40.0)[:, None]
    y, sex = np.tile([0, 1], 20), np.repeat([*"fm"], 20)

    def folds(**options):
        splitter = GroupLabelStratifiedKFold(4, **options)
        return [test.tolist() for _, test in splitter.split(X, y, sensitive_features=sex)]

    assert folds() == folds()
    first, second = (
        Reweighter(LogisticRegression()).fit(X, y, sensitive_features=sex) for _ in range(2)
    )
    assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_a_random_state_makes_randomness_repeatable():
    y, sex = np.tile([0, 1], 20), np.repeat([*"fm"], 20)

    def folds(seed):
        splitter = GroupLabelStratifiedKFold(4, shuffle=True, random_state=seed)
        return [test.tolist() for _, test in splitter.split(y, y, sensitive_features=sex)]

    assert folds(0) == folds(0) != folds(1)

    tally = Tally.from_arrays(y, np.roll(y, 7), sex)
    first, again, other = (tally.resample(20, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_the_global_random_state_is_neither_read_nor_moved():
    y, sex = np.tile([0, 1], 20), np.repeat([*"fm"], 20)
    tally = Tally.from_arrays(y, np.roll(y, 7), sex)

    def draws(seed):
        np.random.seed(seed)  # noqa: NPY002
        drawn = tally.resample(5, random_state=3)
        splitter = GroupLabelStratifiedKFold(4, shuffle=True, random_state=3)
        folds = [test.tolist() for _, test in splitter.split(y, y, sensitive_features=sex)]
        return drawn.tolist(), folds, np.random.random()  # noqa: NPY002

    drawn, folds, after = draws(0)
    np.random.seed(0)  # noqa: NPY002
    assert after == np.random.random()  # noqa: NPY002
    assert (drawn, folds) == draws(1)[:2]


# sample_weight: sampling weights, honoured everywhere; frequency counts are repeated rows


WEIGHT = np.array([3, 1, 2, 1, 1, 2, 3, 1, 1, 1, 2, 2, 1, 3, 1, 1, 2, 2])


@pytest.mark.parametrize("name", [*GAPS, *RATES])
def test_weights_count_as_repeated_rows_in_metrics(name):
    y_true, y_pred, group = FOUR
    metric = getattr(metrics, name)
    weighted = metric(y_true, y_pred, sensitive_features=group, sample_weight=WEIGHT)
    repeated = metric(
        np.repeat(y_true, WEIGHT),
        np.repeat(y_pred, WEIGHT),
        sensitive_features=np.repeat(group, WEIGHT),
    )
    assert_allclose(weighted, repeated)
    assert not np.allclose(weighted, metric(y_true, y_pred, sensitive_features=group))


def test_weights_count_as_repeated_rows_in_scorers():
    model, X, y = model_of(*FOUR)
    scorer = fairness_scorer("equalized_odds_difference", sensitive_features="sex")
    weighted = scorer(model, X, y, sample_weight=WEIGHT)
    repeated = scorer(model, X.loc[X.index.repeat(WEIGHT)], np.repeat(y, WEIGHT))
    assert weighted == pytest.approx(repeated)
    assert weighted != pytest.approx(scorer(model, X, y))


def test_weights_multiply_the_weights_of_a_reweighter():
    y, _, group = FOUR
    X = pd.DataFrame({"sex": group})
    model = Reweighter(RecallWeights(), sensitive_features="sex").fit(X, y, sample_weight=WEIGHT)
    repeated = Reweighter(RecallWeights(), sensitive_features="sex").fit(
        X.loc[X.index.repeat(WEIGHT)], np.repeat(y, WEIGHT)
    )
    assert_allclose(
        np.repeat(model.estimator_.weights_ / WEIGHT, WEIGHT), repeated.estimator_.weights_
    )
    assert_allclose(model.cell_weights_, repeated.cell_weights_)


def test_weights_are_sampling_weights_whose_effective_number_of_rows_is_kept():
    y_true, y_pred, group = FOUR
    tally = Tally.from_arrays(y_true, y_pred, group, sample_weight=WEIGHT)
    a = WEIGHT[group == "a"]
    assert tally.effective_sizes[0] == pytest.approx(a.sum() ** 2 / (a**2).sum())
    assert tally.n_samples == len(y_true)
    repeated = Tally.from_arrays(*(np.repeat(v, WEIGHT) for v in (y_true, y_pred, group)))
    assert_array_equal(repeated.effective_sizes, repeated.group_counts)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0] * 17, "inconsistent numbers of samples"),
        ([-1.0] + [1.0] * 17, "Negative values"),
        ([np.nan] + [1.0] * 17, "NaN"),
        ([np.inf] + [1.0] * 17, "infinity"),
    ],
)
def test_weights_that_are_none_are_refused(weight, message):
    y_true, y_pred, group = FOUR
    with pytest.raises(ValueError, match=message):
        equalized_odds_difference(y_true, y_pred, sensitive_features=group, sample_weight=weight)
    model, X, y = model_of(*FOUR)
    scorer = fairness_scorer("disparate_impact", sensitive_features="sex")
    with pytest.raises(ValueError, match=message):
        scorer(model, X, y, sample_weight=weight)
    with pytest.raises(ValueError, match=message):
        Reweighter(RecallWeights(), sensitive_features="sex").fit(X, y, sample_weight=weight)


# wrong length, empty input, NaN scores, one class only


@pytest.mark.parametrize("name", [*GAPS, *RATES])
@pytest.mark.parametrize("short", ["y_true", "y_pred", "sensitive_features"])
def test_wrong_lengths_are_refused(name, short):
    values = dict(zip(["y_true", "y_pred", "sensitive_features"], FOUR, strict=True))
    values[short] = values[short][:-1]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        getattr(metrics, name)(**values)


def test_wrong_lengths_are_refused_by_estimators_and_splitters():
    X, y, group = np.zeros((18, 1)), FOUR[0], FOUR[2]
    for bad in ({"y": y[:-1]}, {"sensitive_features": group[:-1]}):
        values = {"y": y, "sensitive_features": group, **bad}
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            Reweighter(RecallWeights()).fit(X, **values)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            next(GroupLabelStratifiedKFold(2).split(X, **values))


@pytest.mark.parametrize("name", [*GAPS, *RATES])
def test_empty_input_is_refused(name):
    with pytest.raises(ValueError, match="0 sample"):
        getattr(metrics, name)([], [], sensitive_features=[])


@pytest.mark.parametrize("name", RATES)
def test_empty_input_without_groups_is_refused(name):
    with pytest.raises(ValueError, match="0 sample"):
        getattr(metrics, name)([], [])


def test_empty_input_is_refused_by_a_reweighter():
    with pytest.raises(ValueError, match="0 sample"):
        Reweighter(RecallWeights()).fit(np.zeros((0, 1)), [], sensitive_features=[])


@pytest.mark.parametrize("lacking", [float("nan"), None], ids=["NaN", "None"])
@pytest.mark.parametrize("where", ["y_true", "y_pred"])
def test_missing_labels_are_refused(where, lacking):
    values = {"y_true": [0, 1, 0, 1], "y_pred": [0, 1, 1, 1]}
    values[where] = [*values[where][:-1], lacking]
    with pytest.raises(ValueError, match=f"Input {where} contains NaN"):
        equalized_odds_difference(**values, sensitive_features=[*"ffmm"])


def test_missing_labels_are_refused_by_a_reweighter():
    with pytest.raises(ValueError, match="Input y contains NaN"):
        Reweighter(RecallWeights()).fit(
            np.zeros((3, 1)), [0, 1, np.nan], sensitive_features=[*"ffm"]
        )


def test_scores_in_place_of_decisions_are_refused_with_advice():
    for scores in ([0.2, 0.7, 0.4, 0.9], [0.2, 0.7, 0.2, 0.7]):
        with pytest.raises(ValueError, match="threshold the scores"):
            demographic_parity_difference([0, 1, 0, 1], scores, sensitive_features=[*"ffmm"])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only_leaves_the_rates_that_are_defined(label):
    y, group = [label] * 4, [*"ffmm"]
    assert selection_rate(y, y) == label
    assert demographic_parity_difference(y, y, sensitive_features=group) == 0.0
    known = equal_opportunity_difference(y, y, sensitive_features=group)
    other = metrics.predictive_equality_difference(y, y, sensitive_features=group)
    assert (known, other) == pytest.approx((0.0, np.nan) if label else (np.nan, 0.0), nan_ok=True)
    assert np.isnan(equalized_odds_difference(y, y, sensitive_features=group))


def test_one_class_only_is_refused_in_the_words_of_the_wrapped_estimator():
    X = np.arange(4.0)[:, None]
    with pytest.raises(ValueError, match="at least 2 classes"):
        Reweighter(LogisticRegression()).fit(X, [1, 1, 1, 1], sensitive_features=[*"ffmm"])


# The known silent wrong answers: each is right here, or refused


def test_yes_and_no_give_the_answer_of_one_and_zero_and_never_nothing():
    y_true, y_pred, group = rows_of({"f": (14, 2, 14, 1), "m": (8, 7, 6, 10)})  # 3/31 and 17/31
    gap = demographic_parity_difference(y_true, y_pred, sensitive_features=group)
    assert round(gap, 4) == 0.4516
    with pytest.raises(ValueError, match="pos_label"):
        demographic_parity_difference(as_words(y_true), as_words(y_pred), sensitive_features=group)
    assert gap == demographic_parity_difference(
        as_words(y_true), as_words(y_pred), sensitive_features=group, pos_label="yes"
    )


def test_a_group_without_positives_is_no_group_of_rate_zero():
    y_true, y_pred, group = rows_of({"a": (8, 2, 31, 39), "b": (7, 3, 0, 0), "c": (8, 2, 30, 40)})
    assert round(39 / 70, 3) == 0.557  # what counting b's rate as 0 would give, against a alone
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'b'"):
        gap = equalized_odds_difference(y_true, y_pred, sensitive_features=group)
    assert gap == pytest.approx(0.1)  # the false positive rates: 0.2, 0.3, 0.2
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'b'"):
        gap = equal_opportunity_difference(y_true, y_pred, sensitive_features=group)
    assert gap == pytest.approx(1 / 70)


def test_two_groups_of_which_one_has_no_positives_have_no_equalized_odds():
    y_true, y_pred, group = rows_of({"a": (8, 2, 31, 39), "b": (7, 3, 0, 0)})
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'b'"):
        assert np.isnan(equalized_odds_difference(y_true, y_pred, sensitive_features=group))


def test_predictions_that_are_all_negative_differ_by_zero_and_have_no_ratio():
    y_true, y_pred, group = rows_of({"a": (3, 0, 2, 0), "b": (1, 0, 4, 0)})
    options = {"sensitive_features": group}
    assert demographic_parity_difference(y_true, y_pred, **options) == 0.0
    assert equalized_odds_difference(y_true, y_pred, **options) == 0.0
    for ratio in (demographic_parity_ratio, disparate_impact, metrics.equal_opportunity_ratio):
        with pytest.warns(UndefinedMetricWarning, match="the result is NaN"):
            assert np.isnan(ratio(y_true, y_pred, **options))


def test_a_group_of_two_rows_is_left_out_where_that_is_asked_for():
    y_true, y_pred, group = rows_of({"a": (2, 2, 2, 3), "b": (2, 2, 2, 3), "tiny": (1, 0, 1, 0)})
    gap = demographic_parity_difference(y_true, y_pred, sensitive_features=group)
    assert round(gap, 3) == 0.556
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 5 rows.*\['tiny'\]"):
        gap = demographic_parity_difference(
            y_true, y_pred, sensitive_features=group, min_group_size=5
        )
    assert gap == 0.0


@pytest.mark.filterwarnings("ignore:no rows in cells")
def test_rows_without_a_sensitive_value_are_in_no_group_but_their_own():
    y_pred = [1] * 10 + [0] * 10 + [1] * 20
    group = ["0"] * 10 + [None] * 10 + ["1"] * 20
    assert demographic_parity_difference(None, y_pred, sensitive_features=group) == 1.0
    weights = Reweighter(RecallWeights()).fit(
        np.zeros((40, 1)), [0, 1] * 5 + [0] * 10 + [0, 1] * 10, sensitive_features=group
    )
    assert list(weights.cell_weights_.columns) == ["0", "1", "<missing>"]


@pytest.mark.parametrize("metric", ["demographic_parity_difference", "disparate_impact"])
def test_a_search_does_not_choose_the_most_biased_model_of_the_other_direction(metric):
    X = pd.DataFrame({"sex": np.repeat(["f", "m"], 20)})
    for name, counts in {"reversed": (13, 7), "near": (10, 11), "plain": (4, 16)}.items():
        X[name] = np.concatenate([np.arange(20) < count for count in counts]).astype(int)
    search = GridSearchCV(
        PredictColumn(),
        {"column": ["reversed", "near", "plain"]},  # gaps of m to f: -0.3, +0.05, +0.6
        scoring=fairness_scorer(metric, sensitive_features="sex"),
        cv=[(np.arange(40), np.arange(40))],
    )
    search.fit(X, np.tile([0, 1], 20))
    assert search.best_params_ == {"column": "near"}
    assert search.cv_results_["rank_test_score"].tolist() == [2, 1, 3]
