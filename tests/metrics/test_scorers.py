from __future__ import annotations

import pickle
import re
from fractions import Fraction as F

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, make_scorer, precision_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

from skfair import metrics
from skfair.base import GroupsAtPredictMixin
from skfair.criteria import CRITERIA, RATES
from skfair.groups import Bins
from skfair.metrics import fairness_scorer, fairness_scoring, performance_scorer

CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # y_true, y_pred of tn, fp, fn, tp
ROUTING = {"enable_metadata_routing": True}


class PredictColumn(ClassifierMixin, BaseEstimator):
    """Predicts what stands in a column of X."""

    def __init__(self, column="prediction"):
        self.column = column

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.asarray(X[self.column])


class PredictGroup(GroupsAtPredictMixin, ClassifierMixin, BaseEstimator):
    """Selects the rows of one group; the groups come as metadata at fit and at predict."""

    def __init__(self, selected="f", sensitive_features=None):
        self.selected = selected
        self.sensitive_features = sensitive_features

    def fit(self, X, y, *, sensitive_features=None, sample_weight=None):
        self.labels_ = self._read_groups(X, sensitive_features).labels
        self.classes_ = np.unique(y)
        return self

    def _share(self, X, sensitive_features):
        groups = self._read_groups(X, sensitive_features)
        return (groups.encode(self.labels_) == self.labels_.index(self.selected)).astype(float)

    def predict(self, X, *, sensitive_features=None):
        return self.classes_[self._share(X, sensitive_features).astype(int)]

    def predict_proba(self, X, *, sensitive_features=None):
        share = 0.1 + 0.8 * self._share(X, sensitive_features)
        return np.column_stack([1 - share, share])


def table_of(cells):
    """Frame of group and prediction, and y, with these counts of (tn, fp, fn, tp) by group."""
    rows = [
        (group, pred, true)
        for group, counts in cells.items()
        for (true, pred), count in zip(CORNERS, counts, strict=True)
        for _ in range(count)
    ]
    frame = pd.DataFrame(rows, columns=["sex", "prediction", "y"])
    return frame[["sex", "prediction"]], frame["y"]


THREE = {"a": (4, 1, 1, 4), "b": (2, 2, 3, 1), "c": (1, 3, 0, 2)}

# criterion: difference, ratio
BY_HAND = {
    "demographic_parity": (F(11, 24), F(9, 20)),
    "disparate_impact": (F(11, 24), F(9, 20)),
    "equal_opportunity": (F(3, 4), F(1, 4)),
    "predictive_equality": (F(11, 20), F(4, 15)),
    "equalized_odds": (F(3, 4), F(1, 4)),
    "average_odds": (F(1, 2), F(3, 7)),
    "average_abs_odds": (F(13, 20), (F(1, 4) + F(4, 15)) / 2),
    "predictive_parity": (F(7, 15), F(5, 12)),
    "accuracy_parity": (F(17, 40), F(15, 32)),
}


def everything_at_once(n):
    """A "cross-validation" whose one test set is all rows."""
    return [(np.arange(n), np.arange(n))]


def fitted(column="prediction"):
    X, y = table_of(THREE)
    return PredictColumn(column).fit(X, y), X, y


def test_every_criterion_is_tested_by_hand():
    assert set(BY_HAND) == set(CRITERIA)


@pytest.mark.parametrize("criterion", BY_HAND)
def test_differences_score_negative_and_ratios_positive(criterion):
    model, X, y = fitted()
    difference, ratio = map(float, BY_HAND[criterion])
    score = fairness_scorer(f"{criterion}_difference", sensitive_features="sex")(model, X, y)
    assert type(score) is float
    assert score == pytest.approx(-difference, abs=1e-15)
    score = fairness_scorer(f"{criterion}_ratio", sensitive_features="sex")(model, X, y)
    assert score == pytest.approx(ratio, abs=1e-15)


def test_disparate_impact_needs_no_suffix():
    model, X, y = fitted()
    score = fairness_scorer("disparate_impact", sensitive_features="sex")(model, X, y)
    assert score == pytest.approx(9 / 20)


@pytest.mark.parametrize("rate", RATES)
def test_the_name_of_a_rate_stands_for_its_equality(rate):
    model, X, y = fitted()
    score = fairness_scorer(f"{rate}_difference", sensitive_features="sex")(model, X, y)
    if rate in metrics.__all__:
        rates = getattr(metrics, rate)(y, X["prediction"], sensitive_features=X["sex"])
        assert score == pytest.approx(rates.min() - rates.max())
    else:
        by_hand = {"accuracy": 17 / 40, "error_rate": 17 / 40, "base_rate": 1 / 6}
        by_hand["f1_score"] = 8 / 10 - 2 / 7  # 8/10, 2/7, 4/7
        assert score == pytest.approx(-by_hand[rate])


def test_a_search_does_not_prefer_the_model_that_is_biased_the_other_way():
    rows = pd.DataFrame({"sex": ["f"] * 20 + ["m"] * 20})
    select = {"reversed": (13, 7), "near": (10, 11)}  # gaps of m to f: -0.3 and +0.05
    for name, counts in select.items():
        rows[name] = np.concatenate([np.arange(20) < count for count in counts]).astype(int)
    y = np.tile([0, 1], 20)

    grid = {"column": ["reversed", "near"]}
    for metric, expected in [
        ("demographic_parity_difference", [-0.3, -0.05]),
        ("disparate_impact", [7 / 13, 10 / 11]),
    ]:
        scorer = fairness_scorer(metric, sensitive_features="sex")
        search = GridSearchCV(PredictColumn(), grid, scoring=scorer, cv=everything_at_once(40))
        search.fit(rows, y)
        assert search.best_params_ == {"column": "near"}
        assert_allclose(search.cv_results_["mean_test_score"], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("sex", -1 / 2),
        (0, -1 / 2),
        (["sex", "age"], -1.0),
        ([0, "age"], -1.0),
        (Bins("age", [30]), -4 / 5),
        (["sex", Bins("age", [30])], -1.0),
        (lambda X: X["sex"], -1 / 2),
        (lambda X: {"sex": X["sex"], "age": X["age"]}, -1.0),
    ],
    ids=["name", "position", "names", "mixed", "bins", "name and bins", "callable", "callable, 2"],
)
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_column_form_takes_every_way_to_name_columns(spec, expected, frame):
    X = frame(
        {
            "sex": ["f", "f", "f", "m", "m", "m", "m", "f"],
            "age": [20, 50, 30, 30, 40, 50, 50, 40],
            "prediction": [1, 0, 1, 1, 0, 0, 0, 1],
        }
    )
    y = [0, 1] * 4  # selected: f 3/4, m 1/4; at most thirty 3/3, older 1/5
    model = PredictColumn().fit(X, y)
    scorer = fairness_scorer("demographic_parity_difference", sensitive_features=spec)
    assert scorer(model, X, y) == pytest.approx(expected)


def test_column_form_reads_matrices_by_position():
    X, y = np.array([[0, 1], [0, 0], [1, 1], [1, 1]]), [0, 1, 0, 1]
    model = DummyClassifier(strategy="constant", constant=1).fit(X, y)
    assert fairness_scorer("demographic_parity_ratio", sensitive_features=0)(model, X, y) == 1.0
    with pytest.raises(ValueError, match="without column names"):
        fairness_scorer("demographic_parity_ratio", sensitive_features="sex")(model, X, y)


def test_a_missing_column_is_named_beside_those_there_are():
    model, X, y = fitted()
    with pytest.raises(ValueError, match=r"no column 'gender'.*\['sex', 'prediction'\]"):
        fairness_scorer("disparate_impact", sensitive_features="gender")(model, X, y)


def test_metadata_form_takes_groups_with_the_call():
    model, X, y = fitted()
    scorer = fairness_scorer("equalized_odds_difference")
    assert scorer(model, X, y, sensitive_features=X["sex"]) == -0.75
    assert scorer(model, X, y, sensitive_features=X["sex"].to_numpy()) == -0.75


def test_groups_that_are_not_given_are_asked_for():
    model, X, y = fitted()
    with pytest.raises(ValueError, match="needs sensitive features"):
        fairness_scorer("equalized_odds_difference")(model, X, y)


def test_groups_that_are_given_twice_are_refused():
    model, X, y = fitted()
    scorer = fairness_scorer("equalized_odds_difference", sensitive_features="sex")
    with pytest.raises(ValueError, match="sensitive features twice"):
        scorer(model, X, y, sensitive_features=X["sex"])


def test_groups_of_another_length_are_refused():
    model, X, y = fitted()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fairness_scorer("disparate_impact")(model, X, y, sensitive_features=X["sex"][:-1])


@pytest.mark.parametrize("name", ["demographic_parity", "nonsense_difference", "accuracy", ""])
def test_an_unknown_fairness_metric_is_refused_with_a_list(name):
    with pytest.raises(ValueError, match="demographic_parity"):
        fairness_scorer(name)


def test_an_unknown_performance_metric_is_refused():
    with pytest.raises(ValueError, match="nonsense"):
        performance_scorer("nonsense")
    with pytest.raises(ValueError, match="nonsense"):
        fairness_scoring("disparate_impact", "nonsense")
    with pytest.raises(ValueError, match="no scorer"):
        performance_scorer(lambda model, X, y: 1.0)


def random_rows(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "skill": rng.normal(size=n)})
    X["prediction"] = (X["skill"] + (X["sex"] == "m") + rng.normal(size=n) > 0.5).astype(int)
    y = (X["skill"] + rng.normal(size=n) > 0).astype(int).rename("y")
    X.index = y.index = pd.Index(rng.permutation(n) + 1000)
    return X, y, rng.choice([0.5, 1.0, 4.0], n)


def by_fold(metric, X, y, cv, weight=None):
    """Score of the column "prediction" on each test set."""
    return [
        metric(
            y.iloc[test],
            X["prediction"].iloc[test],
            sensitive_features=X["sex"].iloc[test],
            sample_weight=None if weight is None else weight[test],
        )
        for _, test in cv.split(X, y)
    ]


def test_cross_validation_scores_the_groups_of_each_fold_in_column_form():
    X, y, _ = random_rows()
    cv = KFold(3, shuffle=True, random_state=1)
    scorer = fairness_scorer("demographic_parity_difference", sensitive_features="sex")
    scores = cross_val_score(PredictColumn(), X, y, scoring=scorer, cv=cv, error_score="raise")
    assert_allclose(-scores, by_fold(metrics.demographic_parity_difference, X, y, cv))


def test_cross_validation_scores_the_groups_of_each_fold_in_metadata_form():
    X, y, weight = random_rows()
    cv = KFold(3, shuffle=True, random_state=1)
    scorer = fairness_scorer("equalized_odds_ratio")
    with config_context(**ROUTING):
        for params, used in [
            ({"sensitive_features": X["sex"]}, None),
            ({"sensitive_features": X["sex"].to_numpy(), "sample_weight": weight}, weight),
        ]:
            result = cross_validate(
                PredictColumn(), X, y, scoring=scorer, cv=cv, params=params, error_score="raise"
            )
            expected = by_fold(metrics.equalized_odds_ratio, X, y, cv, used)
            assert_allclose(result["test_score"], expected)


def test_both_forms_agree_in_a_search_over_several_metrics():
    X, y, _ = random_rows()
    cv = KFold(2, shuffle=True, random_state=0)
    names = ("accuracy", "demographic_parity_difference", "disparate_impact")
    grid = {"logisticregression__C": [0.01, 1.0]}
    numbers = FunctionTransformer(lambda X: X[["skill", "prediction"]])
    pipe = make_pipeline(numbers, StandardScaler(), LogisticRegression())

    def scores(search):
        return [search.cv_results_[f"mean_test_{name}"].tolist() for name in names]

    options = {"cv": cv, "refit": "accuracy", "error_score": "raise"}
    columns = fairness_scoring(*names, sensitive_features="sex")
    by_column = GridSearchCV(pipe, grid, scoring=columns, **options).fit(X, y)
    with config_context(**ROUTING):
        search = GridSearchCV(pipe, grid, scoring=fairness_scoring(*names), **options)
        search.fit(X, y, sensitive_features=X["sex"])
    assert scores(search) == scores(by_column)
    assert by_column.best_params_ == search.best_params_


def test_scorers_mix_with_scikit_learns_names_and_share_its_keys():
    X, y, _ = random_rows()
    scoring = {
        "accuracy": "accuracy",
        "auc": "roc_auc",
        "gap": fairness_scorer("demographic_parity_difference", sensitive_features="sex"),
        "impact": fairness_scorer("disparate_impact", sensitive_features="sex"),
        "precision": make_scorer(precision_score),
        "ours": performance_scorer("roc_auc"),
    }
    pipe = make_pipeline(FunctionTransformer(lambda X: X[["skill"]]), LogisticRegression())
    cv = KFold(3, shuffle=True, random_state=2)
    result = cross_validate(pipe, X, y, scoring=scoring, cv=cv, error_score="raise")
    assert_allclose(result["test_auc"], result["test_ours"])
    assert (result["test_gap"] <= 0).all()
    assert (result["test_impact"] >= 0).all()
    for name in ("accuracy", "precision"):
        alone = cross_val_score(pipe, X, y, scoring=name, cv=cv)
        assert_allclose(result[f"test_{name}"], alone)

    grid = {"logisticregression__C": [0.05, 1.0]}
    search = GridSearchCV(pipe, grid, scoring=scoring, refit="gap", cv=cv, error_score="raise")
    search.fit(X, y)
    means = search.cv_results_["mean_test_gap"]
    assert search.best_index_ == np.argmax(means)
    assert search.best_score_ == means.max()


def test_options_reach_the_metric():
    X, y = table_of({"a": (2, 2, 0, 4), "b": (3, 1, 2, 2), "c": (0, 1, 0, 1)})
    model = PredictColumn().fit(X, y)

    def score(**options):
        return fairness_scorer("equal_opportunity_difference", **options)(model, X, y)

    assert score(sensitive_features="sex") == -0.5
    overall = score(sensitive_features="sex", method="to_overall")
    assert overall == pytest.approx(-(7 / 9 - 1 / 2))
    # the class 0 as the positive one: 1/2, 3/4, 0
    assert score(sensitive_features="sex", pos_label=0) == -0.75
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 3 rows.*\['c'\]"):
        assert score(sensitive_features="sex", pos_label=0, min_group_size=3) == -0.25


def test_missing_values_are_a_group_or_refused():
    X, y = table_of({"a": (2, 2, 2, 2), "b": (4, 0, 4, 0)})
    X["sex"] = X["sex"].astype(object).where(X["sex"] == "a", None)
    model = PredictColumn().fit(X, y)
    options = {"sensitive_features": "sex"}
    score = fairness_scorer("demographic_parity_difference", **options)(model, X, y)
    assert score == -0.5
    with pytest.raises(ValueError, match="8 missing values"):
        fairness_scorer("demographic_parity_difference", missing="raise", **options)(model, X, y)


def test_string_labels_need_the_positive_one():
    X, y = table_of(THREE)
    X["prediction"] = np.where(X["prediction"] == 1, "yes", "no")
    y = pd.Series(np.where(y == 1, "yes", "no"))
    model = PredictColumn().fit(X, y)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        fairness_scorer("equalized_odds_ratio", sensitive_features="sex")(model, X, y)
    scorer = fairness_scorer("equalized_odds_ratio", sensitive_features="sex", pos_label="yes")
    assert scorer(model, X, y) == 0.25


# Strict NaN: undefined because of the predictions is not the same as undefined by the data.


@pytest.mark.parametrize("metric", ["predictive_parity_difference", "predictive_parity_ratio"])
def test_a_model_that_never_selects_a_group_has_no_predictive_parity(metric):
    X, y = table_of({"a": (2, 2, 2, 2), "b": (4, 0, 4, 0), "c": (3, 1, 1, 3)})
    model = PredictColumn().fit(X, y)
    with pytest.warns(UndefinedMetricWarning, match="positive_predictive_value of group 'b'"):
        assert np.isnan(fairness_scorer(metric, sensitive_features="sex")(model, X, y))
    # the reported metric leaves the group out, with that warning
    with pytest.warns(UndefinedMetricWarning, match="positive_predictive_value of group 'b'"):
        gap = getattr(metrics, metric)(y, X["prediction"], sensitive_features=X["sex"])
    assert gap == pytest.approx(0.25 if metric.endswith("difference") else 2 / 3)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("equal_opportunity_difference", -0.25),
        ("equal_opportunity_ratio", 2 / 3),
        ("equalized_odds_difference", -0.5),
    ],
)
def test_a_group_without_positives_in_a_fold_is_left_out(metric, expected):
    X, y = table_of({"a": (2, 2, 2, 2), "b": (4, 0, 0, 0), "c": (3, 1, 1, 3)})
    model = PredictColumn().fit(X, y)
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'b'"):
        score = fairness_scorer(metric, sensitive_features="sex")(model, X, y)
    assert score == pytest.approx(expected)


def test_a_group_of_weight_zero_is_no_fault_of_the_predictions():
    X, y = table_of({"a": (2, 2, 2, 2), "b": (4, 0, 4, 0), "c": (3, 1, 1, 3)})
    model = PredictColumn().fit(X, y)
    scorer = fairness_scorer("predictive_parity_difference", sensitive_features="sex")
    with pytest.warns(UndefinedMetricWarning, match="group 'b'"):
        score = scorer(model, X, y, sample_weight=(X["sex"] != "b").astype(float))
    assert score == -0.25


def test_predictions_that_select_nobody_have_no_ratio():
    X, y = table_of({"a": (2, 0, 2, 0), "b": (4, 0, 4, 0)})
    model = PredictColumn().fit(X, y)
    with pytest.warns(UndefinedMetricWarning, match="NaN"):
        assert np.isnan(fairness_scorer("disparate_impact", sensitive_features="sex")(model, X, y))


def test_a_search_never_chooses_the_model_whose_precision_is_undefined():
    X, y = table_of({"a": (2, 2, 2, 2), "b": (3, 1, 1, 3), "c": (3, 1, 2, 2)})
    X["skips b"] = X["prediction"].where(X["sex"] != "b", 0)  # equal on the rest: 1/2 and 2/3
    scorer = fairness_scorer("predictive_parity_difference", sensitive_features="sex")
    search = GridSearchCV(
        PredictColumn(),
        {"column": ["skips b", "prediction"]},
        scoring=scorer,
        cv=everything_at_once(len(X)),
    )
    with (
        pytest.warns(UndefinedMetricWarning, match="group 'b'"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(X, y)
    assert search.best_params_ == {"column": "prediction"}


# Metadata requests


def requests(scorer):
    with config_context(**ROUTING):
        return dict(get_routing_for_object(scorer).score.requests)


def test_scorers_ask_for_groups_and_weights_by_default():
    assert requests(fairness_scorer("disparate_impact")) == {
        "sensitive_features": True,
        "sample_weight": True,
    }
    assert requests(performance_scorer("accuracy")) == {
        "sensitive_features": True,
        "sample_weight": True,
    }


def test_scorers_of_columns_ask_for_weights_alone():
    assert requests(fairness_scorer("disparate_impact", sensitive_features="sex")) == {
        "sensitive_features": False,
        "sample_weight": True,
    }


def test_requests_can_be_changed_one_by_one_and_given_aliases():
    with config_context(**ROUTING):
        scorer = fairness_scorer("disparate_impact").set_score_request(sensitive_features="sex")
    assert requests(scorer) == {"sensitive_features": "sex", "sample_weight": True}
    with config_context(**ROUTING):
        scorer = performance_scorer("accuracy").set_score_request(sample_weight=False)
    assert requests(scorer) == {"sensitive_features": True, "sample_weight": False}


def test_aliases_reach_the_metric():
    X, y, weight = random_rows()
    cv = KFold(3, shuffle=True, random_state=1)
    with config_context(**ROUTING):
        scorer = fairness_scorer("demographic_parity_ratio")
        scorer.set_score_request(sensitive_features="sex", sample_weight="importance")
        params = {"sex": X["sex"], "importance": weight}
        scores = cross_val_score(
            PredictColumn(), X, y, scoring=scorer, cv=cv, params=params, error_score="raise"
        )
    assert_allclose(scores, by_fold(metrics.demographic_parity_ratio, X, y, cv, weight))


def test_weights_reach_the_metric():
    X, y, weight = random_rows()
    model = PredictColumn().fit(X, y)
    for name, scorer in fairness_scoring(
        "demographic_parity_ratio", "predictive_parity_ratio", sensitive_features="sex"
    ).items():
        weighted = getattr(metrics, name)(
            y, X["prediction"], sensitive_features=X["sex"], sample_weight=weight
        )
        assert scorer(model, X, y, sample_weight=weight) == pytest.approx(weighted)
        assert scorer(model, X, y) != pytest.approx(weighted)


# performance_scorer


def yes_and_no(seed=3, n=80):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = np.where(X[:, 0] + rng.normal(size=n) > 0.3, "yes", "no")
    return LogisticRegression().fit(X[:40], y[:40]), X, y, rng.choice([0.5, 2.0], n)


STOCK = ["accuracy", "balanced_accuracy", "roc_auc", "neg_log_loss", "f1_macro", "neg_brier_score"]


@pytest.mark.parametrize("name", [*STOCK, "f1", "precision", "recall", "average_precision"])
def test_performance_scorers_equal_scikit_learns(name):
    model, X, y, weight = yes_and_no()
    y = (y == "yes").astype(int)
    model = LogisticRegression().fit(X[:40], y[:40])
    stock, ours = get_scorer(name), performance_scorer(name)
    assert ours(model, X, y) == stock(model, X, y)
    weighted = ours(model, X, y, sample_weight=weight)
    assert weighted == stock(model, X, y, sample_weight=weight)
    assert weighted != ours(model, X, y)


@pytest.mark.parametrize("pos_label", ["yes", "no"])
@pytest.mark.parametrize("name", ["f1", "precision", "recall", "average_precision"])
def test_performance_scorers_take_the_positive_label(name, pos_label):
    model, X, y, _ = yes_and_no()
    stock = get_scorer(name)
    reference = type(stock)(
        stock._score_func,
        stock._sign,
        {**stock._kwargs, "pos_label": pos_label},
        stock._response_method,
    )
    assert performance_scorer(name, pos_label=pos_label)(model, X, y) == reference(model, X, y)


def test_f1_with_a_positive_label_by_hand():
    X = pd.DataFrame({"prediction": ["yes", "yes", "no", "no", "yes"]})
    y = ["yes", "no", "yes", "no", "yes"]
    model = PredictColumn().fit(X, y)
    assert performance_scorer("f1", pos_label="yes")(model, X, y) == pytest.approx(2 / 3)
    assert performance_scorer("f1", pos_label="no")(model, X, y) == 0.5


@pytest.mark.parametrize("name", [n for n in STOCK if n != "neg_brier_score"])
def test_metrics_without_a_positive_class_ignore_the_label(name):
    model, X, y, _ = yes_and_no()
    for pos_label in ("yes", "no"):
        scorer = performance_scorer(name, pos_label=pos_label)
        assert scorer(model, X, y) == get_scorer(name)(model, X, y)


def test_performance_scorers_take_scorers_of_make_scorer():
    model, X, y, _ = yes_and_no()
    made = make_scorer(precision_score, greater_is_better=False, pos_label="yes")
    assert performance_scorer(made)(model, X, y) == made(model, X, y) < 0


def largest_miss(y_true, y_pred):
    return np.abs(y_true - y_pred).max()


def test_a_weight_is_kept_from_metrics_that_take_none():
    X, y = table_of(THREE)
    model = PredictColumn().fit(X, y)
    scorer = performance_scorer(make_scorer(largest_miss))
    assert scorer(model, X, y, sample_weight=np.ones(len(y))) == 1.0


# Estimators that need the groups at predict


def test_scorers_hand_the_groups_to_estimators_that_ask_for_them_at_predict():
    X, y, weight = random_rows()
    sex, skill = X["sex"].to_numpy(), X[["skill"]]
    names = ("accuracy", "roc_auc", "neg_log_loss", "demographic_parity_difference")
    cv = KFold(3, shuffle=True, random_state=0)
    for model in (PredictGroup("m"), make_pipeline(StandardScaler(), PredictGroup("m"))):
        with config_context(**ROUTING):
            if not isinstance(model, PredictGroup):
                model[0].set_fit_request(sample_weight=False)
            result = cross_validate(
                model,
                skill,
                y,
                scoring=fairness_scoring(*names),
                cv=cv,
                params={"sensitive_features": sex, "sample_weight": weight},
                error_score="raise",
            )
        assert result["test_demographic_parity_difference"].tolist() == [-1.0, -1.0, -1.0]
        expected = []
        for _, test in cv.split(skill):
            right = (sex[test] == "m") == (y.iloc[test] == 1)
            expected.append(np.average(right, weights=weight[test]))
        assert_allclose(result["test_accuracy"], expected)
        log_loss = [np.log(0.9) * a + np.log(0.1) * (1 - a) for a in expected]
        assert_allclose(result["test_neg_log_loss"], log_loss)


def test_a_search_over_estimators_that_need_the_groups_at_predict():
    X, y, _ = random_rows()
    with config_context(**ROUTING):
        search = GridSearchCV(
            PredictGroup(),
            {"selected": ["f", "m"]},
            scoring=fairness_scoring("accuracy", "demographic_parity_ratio"),
            refit="accuracy",
            error_score="raise",
        ).fit(X, y, sensitive_features=X["sex"])
        selected = {
            p["selected"]: score
            for p, score in zip(
                search.cv_results_["params"], search.cv_results_["mean_test_accuracy"], strict=True
            )
        }
    assert selected["f"] == pytest.approx(1 - selected["m"])
    assert search.best_params_["selected"] == max(selected, key=selected.get)
    predicted = search.best_estimator_.predict(X, sensitive_features=X["sex"])
    assert set(X["sex"][predicted == 1]) == {search.best_params_["selected"]}


class MayUseGroups(PredictGroup):
    """Selects a group where it is told the groups, else nobody."""

    def predict(self, X, *, sensitive_features=None):
        if sensitive_features is None:
            return np.repeat(self.classes_[:1], len(X))
        return super().predict(X, sensitive_features=sensitive_features)


@pytest.mark.parametrize("order", [["stock", "ours"], ["ours", "stock"]], ids="first ".join)
def test_predictions_with_groups_and_without_are_kept_apart(order):
    X, y, _ = random_rows()
    scorers = {"stock": "accuracy", "ours": performance_scorer("accuracy")}
    cv = KFold(2, shuffle=True, random_state=0)
    with config_context(**ROUTING):
        result = cross_validate(
            MayUseGroups("m"),
            X,
            y,
            scoring={name: scorers[name] for name in order},
            cv=cv,
            params={"sensitive_features": X["sex"]},
            error_score="raise",
        )
    tests = [test for _, test in cv.split(X)]
    assert_allclose(result["test_stock"], [(y.iloc[test] == 0).mean() for test in tests])
    right = (X["sex"] == "m") == (y == 1)
    assert_allclose(result["test_ours"], [right.iloc[test].mean() for test in tests])


def test_scikit_learns_own_scorers_do_not_hand_the_groups_on():
    X, y, _ = random_rows()
    with config_context(**ROUTING), pytest.raises(ValueError, match="needs sensitive features"):
        cross_validate(
            PredictGroup(),
            X,
            y,
            scoring={"stock": "accuracy", "ours": fairness_scorer("disparate_impact")},
            params={"sensitive_features": X["sex"]},
            error_score="raise",
        )


def test_estimators_that_read_a_column_need_nothing_forwarded():
    X, y, _ = random_rows()
    scoring = {
        "accuracy": "accuracy",
        "gap": fairness_scorer("demographic_parity_difference", sensitive_features="sex"),
    }
    model = PredictGroup("m", sensitive_features="sex")
    result = cross_validate(model, X, y, scoring=scoring, error_score="raise")
    assert result["test_gap"].tolist() == [-1.0] * 5


# fairness_scoring


def test_scoring_dicts_keep_order_and_pass_the_options_on():
    scoring = fairness_scoring(
        "f1",
        "equalized_odds_difference",
        "disparate_impact",
        sensitive_features="sex",
        pos_label="yes",
        method="to_overall",
    )
    assert list(scoring) == ["f1", "equalized_odds_difference", "disparate_impact"]
    X, y = table_of(THREE)
    X["prediction"] = np.where(X["prediction"] == 1, "yes", "no")
    y = np.where(y == 1, "yes", "no")
    model = PredictColumn().fit(X, y)
    scores = {name: scorer(model, X, y) for name, scorer in scoring.items()}
    assert scores["f1"] == pytest.approx(14 / 24)
    assert scores["equalized_odds_difference"] == pytest.approx(-17 / 44)
    assert scores["disparate_impact"] == pytest.approx(13 / 20)


def test_no_metrics_make_no_scoring():
    assert fairness_scoring() == {}


# Objects


SCORERS = {
    "column": fairness_scorer("disparate_impact", sensitive_features="sex", method="to_overall"),
    "columns": fairness_scorer("equalized_odds_difference", sensitive_features=["sex", "skill"]),
    "bins": fairness_scorer("accuracy_difference", sensitive_features=Bins("skill", [0.0])),
    "performance": performance_scorer("f1", pos_label=0),
}


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize(
    "copy",
    [lambda s: pickle.loads(pickle.dumps(s)), lambda s: clone(s, safe=False)],
    ids=["pickle", "clone"],
)
def test_copies_score_alike(name, copy):
    scorer = SCORERS[name]
    X, y, _ = random_rows()
    X["skill"] = (X["skill"] > 0).astype(int)
    model = PredictColumn().fit(X, y)
    twin = copy(scorer)
    assert twin is not scorer
    assert repr(twin) == repr(scorer)
    assert twin(model, X, y) == scorer(model, X, y)
    assert requests(twin) == requests(scorer)


@pytest.mark.parametrize(
    "copy",
    [
        lambda s: pickle.loads(pickle.dumps(s)),
        lambda s: clone(GridSearchCV(PredictColumn(), {}, scoring=s)).scoring,
    ],
    ids=["pickle", "clone of a search"],
)
def test_copies_keep_their_requests(copy):
    with config_context(**ROUTING):
        scorer = fairness_scorer("disparate_impact").set_score_request(sensitive_features="sex")
    assert requests(copy(scorer)) == {"sensitive_features": "sex", "sample_weight": True}


def test_searches_with_our_scorers_can_be_cloned_and_pickled():
    X, y, _ = random_rows()
    scoring = fairness_scoring("accuracy", "disparate_impact", sensitive_features="sex")
    pipe = make_pipeline(FunctionTransformer(only_skill), LogisticRegression())
    grid = {"logisticregression__C": [0.1, 1.0]}
    search = clone(GridSearchCV(pipe, grid, scoring=scoring, refit="disparate_impact", cv=2))
    search.fit(X, y)
    twin = pickle.loads(pickle.dumps(search))
    assert twin.best_params_ == search.best_params_
    assert twin.score(X, y) == search.score(X, y)


def only_skill(X):
    return X[["skill"]]


def test_reprs_name_the_metric():
    assert repr(SCORERS["column"]) == (
        "fairness_scorer('disparate_impact', sensitive_features='sex', method='to_overall')"
    )
    assert re.fullmatch(
        r"performance_scorer\(make_scorer\(f1_score.*\)", repr(SCORERS["performance"])
    )


def test_jobs_in_parallel_score_alike():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 2, 80), rng.normal(size=80)])
    y = (X[:, 1] + rng.normal(size=80) > 0).astype(int)
    scoring = fairness_scoring("roc_auc", "demographic_parity_difference", sensitive_features=0)
    serial, parallel = (
        cross_validate(LogisticRegression(), X, y, scoring=scoring, cv=2, n_jobs=jobs)
        for jobs in (1, 2)
    )
    for name in scoring:
        assert_allclose(parallel[f"test_{name}"], serial[f"test_{name}"], rtol=0)


def test_a_scorer_scores_what_it_is_given_not_what_it_was_fitted_on():
    model, X, y = fitted()
    scorer = fairness_scorer("demographic_parity_difference", sensitive_features="sex")
    two = (X["sex"] != "c").to_numpy()
    assert scorer(model, X[two], y[two]) == pytest.approx(-1 / 8)


@pytest.mark.parametrize(
    "names", [("roc_auc", "average_precision"), ("average_precision", "roc_auc")]
)
def test_scores_of_a_positive_class_that_sorts_first_keep_apart_in_a_search(names):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = np.where(X[:, 0] + 0.3 * rng.normal(size=300) > 0, "default", "repaid")
    scoring = fairness_scoring(*names, pos_label="default")
    together = cross_validate(LogisticRegression(), X, y, cv=3, scoring=scoring)
    for name in names:
        alone = cross_validate(LogisticRegression(), X, y, cv=3, scoring=scoring[name])
        np.testing.assert_array_equal(together[f"test_{name}"], alone["test_score"])
        assert (alone["test_score"] > 0.9).all()


def test_a_typo_in_a_fairness_metric_lists_the_fairness_metrics():
    with pytest.raises(ValueError, match="demographic_parity"):
        fairness_scoring("accuracy", "demografic_parity_difference")
