from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold

from skfair.metrics import fairness_scoring, select_fair

NAN = float("nan")
REPRODUCIBLE = settings(max_examples=100)


def results(**scores):
    """``cv_results_`` of a search with these mean scores, one a candidate."""
    n = len(next(iter(scores.values())))
    return {
        "params": [{"C": i} for i in range(n)],
        **{f"mean_test_{name}": np.array(values) for name, values in scores.items()},
    }


def test_the_most_accurate_within_the_bound_is_chosen():
    rule = select_fair("accuracy", equalized_odds_difference=0.05)
    index = rule(
        results(
            accuracy=[0.90, 0.84, 0.86, 0.85],
            equalized_odds_difference=[-0.10, -0.01, -0.04, -0.05],
        )
    )
    assert index == 2
    assert type(index) is int


def test_a_candidate_on_the_bound_is_within_it():
    rule = select_fair("accuracy", demographic_parity_difference=0.3)
    scores = results(accuracy=[0.9, 0.8], demographic_parity_difference=[-(0.1 + 0.2), -0.1])
    assert rule(scores) == 0  # 0.1 + 0.2 > 0.3 by rounding alone
    rule = select_fair("accuracy", disparate_impact=0.8)
    assert rule(results(accuracy=[0.9, 0.8], disparate_impact=[0.8, 0.9])) == 0


def test_a_bound_on_a_ratio_is_a_floor():
    rule = select_fair("accuracy", demographic_parity_ratio=0.8)
    scores = results(accuracy=[0.9, 0.8, 0.7], demographic_parity_ratio=[0.5, 0.85, 1.0])
    assert rule(scores) == 1


def test_a_bound_on_another_score_is_a_floor():
    rule = select_fair("demographic_parity_difference", accuracy=0.75, neg_log_loss=-0.6)
    scores = results(
        accuracy=[0.9, 0.8, 0.76, 0.6],
        neg_log_loss=[-0.3, -0.5, -0.7, -0.5],
        demographic_parity_difference=[-0.3, -0.2, -0.1, -0.0],
    )
    assert rule(scores) == 1


def test_all_bounds_must_hold():
    rule = select_fair("accuracy", equal_opportunity_difference=0.1, disparate_impact=0.8)
    scores = results(
        accuracy=[0.95, 0.90, 0.85, 0.80],
        equal_opportunity_difference=[-0.05, -0.20, -0.08, -0.01],
        disparate_impact=[0.70, 0.90, 0.80, 0.99],
    )
    assert rule(scores) == 2


def test_differences_are_bound_by_magnitude_whatever_their_sign():
    rule = select_fair("accuracy", demographic_parity_difference=0.1)
    scores = results(accuracy=[0.9, 0.8], demographic_parity_difference=[0.3, 0.05])
    assert rule(scores) == 1


def test_an_undefined_bound_is_infeasible():
    rule = select_fair("accuracy", predictive_parity_difference=0.5, disparate_impact=0.1)
    scores = results(
        accuracy=[0.9, 0.8, 0.7],
        predictive_parity_difference=[NAN, -0.4, -0.1],
        disparate_impact=[0.9, NAN, 0.9],
    )
    assert rule(scores) == 2


def test_an_undefined_objective_is_never_chosen():
    rule = select_fair("accuracy", disparate_impact=0.8)
    assert rule(results(accuracy=[NAN, 0.6], disparate_impact=[1.0, 0.9])) == 1
    with pytest.warns(UserWarning, match="candidate 1"):
        assert rule(results(accuracy=[NAN, 0.6], disparate_impact=[1.0, 0.5])) == 1


def test_the_first_of_equals_is_chosen():
    rule = select_fair("accuracy", disparate_impact=0.8)
    scores = results(accuracy=[0.7, 0.9, 0.9, 0.9], disparate_impact=[1.0, 0.5, 0.8, 1.0])
    assert rule(scores) == 2


def test_where_none_is_within_bounds_the_nearest_is_chosen_with_a_warning_that_names_it():
    rule = select_fair("accuracy", equalized_odds_difference=0.05)
    scores = results(accuracy=[0.9, 0.8, 0.7], equalized_odds_difference=[-0.3, -0.12, -0.2])
    with pytest.warns(UserWarning, match="no candidate is within") as caught:
        assert rule(scores) == 1
    message = str(caught[0].message)
    assert "{'equalized_odds_difference': 0.05}" in message  # the bounds
    assert "candidate 1 ({'C': 1})" in message
    assert "reaches {'equalized_odds_difference': 0.12}" in message


def test_the_nearest_is_the_one_whose_worst_miss_is_least():
    rule = select_fair("accuracy", equal_opportunity_difference=0.1, disparate_impact=0.8)
    scores = results(
        accuracy=[0.95, 0.90, 0.85],
        equal_opportunity_difference=[-0.10, -0.25, -0.40],  # misses 0, 0.15, 0.3
        disparate_impact=[0.50, 0.70, 0.80],  # misses 0.3, 0.1, 0
    )
    with pytest.warns(UserWarning, match="candidate 1"):
        assert rule(scores) == 1


def test_of_equally_near_candidates_the_most_accurate_is_chosen():
    rule = select_fair("accuracy", disparate_impact=0.8)
    scores = results(accuracy=[0.7, 0.9, 0.8], disparate_impact=[0.5, 0.5, 0.5])
    with pytest.warns(UserWarning, match="candidate 1"):
        assert rule(scores) == 1


def test_undefined_candidates_are_never_the_nearest():
    rule = select_fair("accuracy", disparate_impact=0.8)
    scores = results(accuracy=[0.9, 0.6], disparate_impact=[NAN, 0.1])
    with pytest.warns(UserWarning, match="candidate 1"):
        assert rule(scores) == 1


def test_nothing_can_be_chosen_where_all_is_undefined():
    rule = select_fair("accuracy", disparate_impact=0.8)
    with pytest.raises(ValueError, match="accuracy is NaN for every candidate"):
        rule(results(accuracy=[NAN, NAN], disparate_impact=[0.9, 0.9]))
    with pytest.raises(ValueError, match="no candidate has defined values"):
        rule(results(accuracy=[0.9, 0.8], disparate_impact=[NAN, NAN]))
    with pytest.raises(ValueError, match="no candidate has defined values"):
        rule(results(accuracy=[NAN, 0.8], disparate_impact=[0.9, NAN]))


@pytest.mark.parametrize(
    "rule",
    [
        select_fair("precision", disparate_impact=0.8),
        select_fair("accuracy", equalized_odds_difference=0.1),
    ],
    ids=["objective", "bound"],
)
def test_an_unknown_metric_is_refused_with_those_there_are(rule):
    with pytest.raises(ValueError, match=r"no metric.*\['accuracy', 'disparate_impact'\]"):
        rule(results(accuracy=[0.9], disparate_impact=[0.9]))


def test_a_rule_without_bounds_is_refused():
    with pytest.raises(ValueError, match="needs a bound"):
        select_fair("accuracy")


@pytest.mark.parametrize("name", ["disparate_impact", "accuracy_difference", "average_odds_ratio"])
@pytest.mark.parametrize("bound", [-0.05, 1.2, 80, NAN])
def test_a_fairness_bound_outside_the_unit_interval_is_refused(name, bound):
    with pytest.raises(ValueError, match=rf"{name}=.*outside \[0, 1\]"):
        select_fair("accuracy", **{name: bound})


def test_the_ends_of_the_unit_interval_are_bounds():
    scores = results(accuracy=[0.9, 0.8], demographic_parity_difference=[-0.1, -0.0])
    assert select_fair("accuracy", demographic_parity_difference=0)(scores) == 1
    assert select_fair("accuracy", demographic_parity_difference=1)(scores) == 0


def test_other_scores_may_have_any_bound():
    rule = select_fair("accuracy", neg_mean_squared_error=-25.0)
    assert rule(results(accuracy=[0.9, 0.8], neg_mean_squared_error=[-30.0, -20.0])) == 1


@given(
    table=st.lists(
        st.tuples(
            st.sampled_from([0.5, 0.6, 0.7, NAN]),
            st.sampled_from([0.0, -0.1, -0.2, NAN]),
            st.sampled_from([1.0, 0.8, 0.5, NAN]),
        ),
        min_size=1,
        max_size=8,
    )
)
@REPRODUCIBLE
def test_the_choice_is_the_best_of_the_feasible(table):
    feasible = [
        (-objective, i)
        for i, (objective, gap, ratio) in enumerate(table)
        if abs(gap) <= 0.1 and ratio >= 0.8 and not np.isnan(objective)
    ]
    if not feasible:
        return
    accuracy, gap, ratio = zip(*table, strict=True)
    rule = select_fair("accuracy", demographic_parity_difference=0.1, disparate_impact=0.8)
    scores = results(accuracy=accuracy, demographic_parity_difference=gap, disparate_impact=ratio)
    assert rule(scores) == min(feasible)[1]


# In a search


class SelectAbove(ClassifierMixin, BaseEstimator):
    """Selects rows whose skill, plus a bonus for women, is above 0."""

    def __init__(self, bonus=0.0):
        self.bonus = bonus

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return (X["skill"] + self.bonus * (X["sex"] == "f") > 0).astype(int)


def skewed_rows(n=400):
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], n)
    skill = rng.normal(size=n) + np.where(sex == "m", 0.5, -0.5)
    return pd.DataFrame({"sex": sex, "skill": skill}), (skill > 0).astype(int)


def search_over_bonuses(refit):
    scoring = fairness_scoring(
        "accuracy", "demographic_parity_difference", sensitive_features="sex"
    )
    grid = {"bonus": [0.0, 0.5, 1.0, 3.0]}
    return GridSearchCV(SelectAbove(), grid, scoring=scoring, refit=refit, cv=KFold(2))


def test_a_search_refits_the_chosen_candidate():
    X, y = skewed_rows()
    search = search_over_bonuses(select_fair("accuracy", demographic_parity_difference=0.1))
    search.fit(X, y)
    accuracy = search.cv_results_["mean_test_accuracy"]
    gaps = -search.cv_results_["mean_test_demographic_parity_difference"]
    assert np.argmax(accuracy) == 0  # the most accurate is not chosen
    assert gaps[0] > 0.1
    assert search.best_index_ == max(np.flatnonzero(gaps <= 0.1), key=accuracy.__getitem__)
    assert search.best_params_ == {"bonus": 1.0}
    assert search.best_estimator_.bonus == 1.0


def test_a_search_warns_where_no_candidate_is_within_bounds():
    X, y = skewed_rows()
    search = search_over_bonuses(select_fair("accuracy", demographic_parity_difference=0.0))
    with pytest.warns(UserWarning, match=r"nearest, candidate 2 \(\{'bonus': 1.0\}\)"):
        search.fit(X, y)
    assert search.best_params_ == {"bonus": 1.0}


def test_a_search_without_the_metric_says_so():
    X, y = np.arange(20.0)[:, None], np.tile([0, 1], 10)
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [1.0]},
        scoring={"accuracy": "accuracy"},
        refit=select_fair("accuracy", disparate_impact=0.8),
    )
    with pytest.raises(ValueError, match=r"no metric 'disparate_impact'.*\['accuracy'\]"):
        search.fit(X, y)


@pytest.mark.parametrize(
    "duplicate",
    [
        lambda rule: pickle.loads(pickle.dumps(rule)),
        copy.deepcopy,
        lambda rule: clone(search_over_bonuses(rule)).refit,
    ],
    ids=["pickle", "deepcopy", "clone of a search"],
)
def test_copies_choose_alike(duplicate):
    rule = select_fair("accuracy", equalized_odds_difference=0.05, disparate_impact=0.8)
    twin = duplicate(rule)
    assert repr(twin) == repr(rule)
    scores = results(
        accuracy=[0.9, 0.8, 0.7],
        equalized_odds_difference=[-0.1, -0.04, -0.01],
        disparate_impact=[0.9, 0.9, 0.9],
    )
    assert twin(scores) == rule(scores) == 1


def test_reprs_read_as_the_call():
    rule = select_fair("accuracy", equalized_odds_difference=0.05, disparate_impact=0.8)
    assert repr(rule) == (
        "select_fair('accuracy', equalized_odds_difference=0.05, disparate_impact=0.8)"
    )


def test_a_bound_on_a_renamed_difference_is_refused_not_turned_round():
    results = {"mean_test_acc": [0.8, 0.9], "mean_test_eo": [-0.2, -0.1]}
    with pytest.raises(ValueError, match="bears its metric's name"):
        select_fair("acc", eo=0.3)(results)


def test_a_bound_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="is no number"):
        select_fair("accuracy", recall="high")


def test_a_search_scores_by_the_objective():
    X = np.array([[0, 0], [1, 0], [0, 1], [1, 1]] * 20)
    y = X[:, 1]
    scoring = fairness_scoring("accuracy", "accuracy_parity_difference", sensitive_features=0)
    rule = select_fair("accuracy", accuracy_parity_difference=0.5)
    search = GridSearchCV(DummyClassifier(), {"strategy": ["prior"]}, scoring=scoring, refit=rule)
    assert search.fit(X, y).score(X, y) == 0.5
    assert rule == "accuracy"
    assert rule != select_fair("accuracy", accuracy_parity_difference=0.1)


def test_an_infinitely_bad_objective_within_the_bound_is_chosen_rather_than_a_breach():
    results = {
        "mean_test_score": [0.9, -np.inf],
        "mean_test_accuracy_difference": [-0.5, -0.05],
    }
    assert select_fair("score", accuracy_difference=0.1)(results) == 1
