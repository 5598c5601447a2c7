"""RejectOptionClassifier: bands by hand, the best of all candidates, and what it reaches."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skfair.criteria import CRITERIA, RATES, gap_interval, get_criterion, read_objective
from skfair.groups import Groups
from skfair.metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equalized_odds_difference,
    performance_scorer,
)
from skfair.postprocessing import RejectOptionClassifier
from skfair.postprocessing._bands import Grid, band_cells, choose_band, violations
from skfair.tally import Tally

ACCURACY = performance_scorer("accuracy")


class Given(ClassifierMixin, BaseEstimator):
    """Its probability of the second class is the first column of X."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        positive = np.asarray(X)[:, 0].astype(float)
        return np.column_stack([1 - positive, positive])


def biased(n=1200, seed=0, shifts=(-1.0, 0.5)):
    """Probabilities that are right, and lower for some groups."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, len(shifts), n)
    p = expit(1.5 * rng.normal(size=n) + np.array(shifts)[group])
    return np.column_stack([np.round(p, 3), group]), (rng.random(n) < p).astype(int)


def band_by_hand(X, deprived, threshold, margin):
    """Decisions as the paper has them: outside the band the score decides, inside the group."""
    score = X[:, 0]
    lower, upper = round(threshold - margin, 12), round(threshold + margin, 12)
    inside = (score > lower) & (score <= upper)
    return np.where(inside, np.isin(X[:, 1], deprived), score > threshold).astype(int)


# The search


def test_cells_of_bands_by_hand():
    scores = np.array([0.2, 0.4, 0.5, 0.6, 0.3, 0.5, 0.7, 0.9])
    positive = np.array([0, 0, 1, 1, 0, 1, 0, 1], dtype=bool)
    groups, weights = Groups.read(list("ffffmmmm")), np.arange(1.0, 9.0)
    grid = Grid.make([0.5], [0.0, 0.1, 0.3], None)
    cells = band_cells(scores, positive, groups, weights, np.array([True, False]), grid)
    assert_allclose(cells[0], [[3, 0, 3, 4], [5, 7, 6, 8]])  # above 0.5 in both groups
    assert_allclose(cells[1], [[3, 0, 0, 7], [5, 7, 6, 8]])  # above 0.4 in f, above 0.6 in m
    assert_allclose(cells[2], [[1, 2, 0, 7], [12, 0, 6, 8]])  # not above 0.2, above 0.8 in m


def test_a_grid_of_probabilities_stays_within_0_and_1():
    grid = Grid.make(9, 6, None)
    assert_allclose(np.unique(grid.threshold), np.arange(1, 10) / 10)
    assert_allclose(np.unique(np.round(grid.margin, 9)), np.arange(6) / 10)
    assert grid.lower.min() >= 0
    assert grid.upper.max() <= 1
    assert len(grid.margin) == 9 + 9 + 7 + 5 + 3 + 1
    assert 0.3 in grid.lower  # 0.4 - 0.1 is a little less
    everything = Grid.make(99, 51, None)
    assert 0.5 in everything.threshold
    assert len(np.unique(np.append(everything.lower, everything.upper))) == 101


def test_a_grid_of_other_scores_follows_them():
    scores = np.linspace(-3, 5, 81)
    grid = Grid.make(3, 5, scores)
    assert_allclose(np.unique(grid.threshold), [-1, 0, 1, 3])
    assert_allclose(np.unique(grid.margin), [0, 1, 2, 3, 4])
    assert grid.lower.min() >= -3
    assert grid.upper.max() <= 5


@given(
    seed=st.integers(0, 500),
    name=st.sampled_from([*CRITERIA, "false_negative_rate"]),
    tol=st.sampled_from([0.0, 0.05, 0.2]),
    objective=st.sampled_from(["balanced_accuracy_score", "accuracy_score"]),
)
@settings(max_examples=50)
def test_the_band_is_the_best_of_all(seed, name, tol, objective):
    """Every candidate is tried row by row."""
    X, y = biased(80, seed)
    X[:, 0] = np.round(X[:, 0], 1)  # many ties, and on the cuts
    groups, criterion = Groups.read(X[:, 1]), get_criterion(name)
    grid = Grid.make([0.3, 0.5, 0.6], [0.0, 0.1, 0.25, 0.3], None)
    goal = read_objective(objective, np.array([(y == 0).sum(), (y == 1).sum()], float))
    cells = band_cells(X[:, 0], y == 1, groups, None, np.array([True, False]), grid)
    score = {"accuracy_score": accuracy_score, "balanced_accuracy_score": balanced_accuracy_score}
    off, worth = [], []
    for threshold, margin in zip(grid.threshold, grid.margin, strict=True):
        decided = band_by_hand(X, [0], threshold, margin)
        tally = Tally.from_arrays(y, decided, groups)
        value = float(criterion(tally.cells()))
        undefined = any(
            np.isnan(rate(tally.cells())).any() for rate in criterion.rates if not rate.is_linear
        )
        value = 1 - value if criterion.gap == "ratio" else value
        off.append(np.inf if undefined or np.isnan(value) else value)
        worth.append(score[objective](y, decided))
    assert_allclose(violations(criterion, cells), off)
    band = choose_band(cells, grid, criterion, goal, tol)
    allowed = np.array(off) <= max(tol, min(off)) + 1e-12
    assert_allclose(band.value, np.array(worth)[allowed].max())
    assert band.violation <= max(tol, min(off)) + 1e-12


def test_of_equal_bands_the_narrowest_and_most_central_is_taken():
    grid = Grid.make([0.3, 0.4, 0.5], [0.0, 0.1, 0.2], None)
    cells = np.tile([[5.0, 0, 0, 5], [5, 0, 0, 5]], (len(grid.margin), 1, 1))
    goal = read_objective("accuracy_score", np.array([10.0, 10]))
    band = choose_band(cells, grid, CRITERIA["demographic_parity"], goal, 0.1)
    assert (band.threshold, band.margin) == (0.4, 0.0)


def test_a_group_that_is_never_selected_has_no_precision_and_is_no_candidate():
    never, often, seldom = [5.0, 0, 5, 0], [4.0, 1, 1, 4], [3.0, 2, 1, 4]
    cells = np.array([[never, often, seldom], [seldom, often, seldom]])
    found = violations(CRITERIA["predictive_parity"], cells)
    assert_allclose(found, [np.inf, 4 / 5 - 4 / 6])
    nobody = np.zeros((2, 1, 4))  # a group without weight is no group
    assert_allclose(violations(CRITERIA["predictive_parity"], np.append(cells, nobody, 1)), found)


# The classifier


@pytest.mark.parametrize("deprived", [None, 0.0, [0.0]])
def test_decisions_are_those_of_the_band(deprived):
    X, y = biased()
    model = RejectOptionClassifier(Given(), sensitive_features=1, deprived=deprived).fit(X, y)
    assert model.deprived_ == (0.0,)
    assert model.margin_ > 0
    found = model.predict(X)
    assert_array_equal(found, band_by_hand(X, [0], model.threshold_, model.margin_))
    lower, upper = model.threshold_ - model.margin_, model.threshold_ + model.margin_
    assert_allclose(model.cuts_, [lower, upper])
    assert demographic_parity_difference(y, found, sensitive_features=X[:, 1]) <= 0.05
    plain = (X[:, 0] > 0.5).astype(int)
    assert demographic_parity_difference(y, plain, sensitive_features=X[:, 1]) > 0.2
    assert_allclose(model.objective_value_, balanced_accuracy_score(y, found))


def test_what_is_reached_is_told_with_its_interval():
    X, y = biased()
    model = RejectOptionClassifier(Given(), sensitive_features=1).fit(X, y)
    row = model.criteria_.loc["demographic_parity"]
    groups, plain = Groups.read(X[:, 1]), (X[:, 0] > 0.5).astype(int)
    expected = gap_interval(Tally.from_arrays(y, model.predict(X), groups), "demographic_parity")
    assert_allclose(row[["estimate", "low", "high"]].astype(float), expected[:3])
    assert row["violation"] == row["estimate"]
    assert row["allowed"] == 0.05
    assert_allclose(
        row["plain"], demographic_parity_difference(y, plain, sensitive_features=groups)
    )


def test_a_ratio_is_bounded_by_its_shortfall():
    X, y = biased()
    model = RejectOptionClassifier(
        Given(), sensitive_features=1, constraints="disparate_impact", tol=0.2
    ).fit(X, y)
    found = demographic_parity_ratio(y, model.predict(X), sensitive_features=X[:, 1])
    assert_allclose(model.criteria_.loc["disparate_impact", "estimate"], found)
    assert found >= 0.8 - 1e-12
    assert_allclose(model.criteria_.loc["disparate_impact", "violation"], 1 - found)


@pytest.mark.parametrize("objective", ["accuracy_score", "balanced_accuracy_score"])
def test_fresh_rows_are_fairer_at_little_cost(objective):
    (X, y), (fresh, y_fresh) = biased(3000, 1), biased(6000, 2)
    model = RejectOptionClassifier(
        LogisticRegression(),
        sensitive_features=1,
        constraints="equalized_odds",
        objective=objective,
    ).fit(X, y)
    plain = LogisticRegression().fit(X, y).predict(fresh)
    found = model.predict(fresh)
    before = equalized_odds_difference(y_fresh, plain, sensitive_features=fresh[:, 1])
    after = equalized_odds_difference(y_fresh, found, sensitive_features=fresh[:, 1])
    assert after < 0.1 < 0.2 < before
    assert accuracy_score(y_fresh, found) > accuracy_score(y_fresh, plain) - 0.05


def test_groups_below_the_overall_selection_rate_are_deprived():
    X, y = biased(3000, shifts=(-1.0, 0.8, -0.6, 1.5))
    model = RejectOptionClassifier(Given(), sensitive_features=1, tol=0.3).fit(X, y)
    assert model.deprived_ == (0.0, 2.0)
    assert_array_equal(model.predict(X), band_by_hand(X, [0, 2], model.threshold_, model.margin_))
    weights = np.where(X[:, 1] == 0, 1000.0, 1.0)  # then all rows are much like those of group 0
    model.set_params(tol=1.0).fit(X, y, sample_weight=weights)
    assert model.deprived_ == (0.0,)
    weights = np.where((X[:, 1] == 0) & (X[:, 0] > 0.5), 100.0, 1.0)  # then it is selected most
    model.fit(X, y, sample_weight=weights)
    assert model.deprived_ == (1.0, 2.0, 3.0)


def test_named_groups_are_deprived_whatever_their_rates():
    X, y = biased(shifts=(-1.0, 0.0, 1.0))
    with pytest.warns(UserWarning, match="no band has demographic_parity within tol=0.05"):
        model = RejectOptionClassifier(
            Given(), sensitive_features=1, deprived=2.0, thresholds=[0.5]
        ).fit(X, y)
    assert model.deprived_ == (2.0,)
    assert model.margin_ == 0
    sex = np.array(["f", "m"])[(X[:, 1] > 0).astype(int)]
    both = pd.DataFrame({"sex": sex, "old": np.arange(1200) % 2})
    pair = RejectOptionClassifier(Given(), deprived=("f", 1), tol=1.0)
    assert pair.fit(X, y, sensitive_features=both).deprived_ == (("f", 1),)
    pairs = RejectOptionClassifier(Given(), deprived=[("f", 1), ("f", 0)])
    assert pairs.fit(X, y, sensitive_features=both).deprived_ == (("f", 0), ("f", 1))


def test_without_a_feasible_band_the_nearest_is_taken_and_the_users_line_is_told():
    X, y = biased()
    model = RejectOptionClassifier(
        Given(), sensitive_features=1, thresholds=[0.4, 0.5, 0.6], margins=[0.0, 0.01], tol=0.01
    )
    with pytest.warns(UserWarning, match="no band has demographic_parity within") as caught:
        model.fit(X, y)
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]
    offs = [
        demographic_parity_difference(y, band_by_hand(X, [0], t, m), sensitive_features=X[:, 1])
        for t in (0.4, 0.5, 0.6)
        for m in (0.0, 0.01)
    ]
    assert_allclose(model.criteria_["violation"], min(offs))
    plain = model.criteria_.loc["demographic_parity", "plain"]
    for figure in (
        "tol=0.01",
        f"violation, {min(offs):.3g},",
        f"demographic_parity is {plain:.3g}",
    ):
        assert figure in str(caught[0].message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constraints": ["demographic_parity"]}, "takes one criterion.*several"),
        ({"constraints": None}, "takes one criterion"),
        ({"constraints": "equalised_odds"}, "did you mean 'equalized_odds'"),
        ({"tol": "0.05"}, "tol must be a number between 0 and 1, got '0.05'"),
        ({"tol": True}, "tol must be a number"),
        ({"tol": 5}, "5 % is 0.05"),
        ({"tol": [0.1, 0.2]}, "1 constraints have 2 tolerances"),
        ({"objective": "acuracy"}, "did you mean 'accuracy'"),
    ],
)
def test_mistakes_of_constraints_are_named(options, message):
    X, y = biased(100)
    with pytest.raises(ValueError, match=message):
        RejectOptionClassifier(Given(), sensitive_features=1, **options).fit(X, y)


def test_rates_and_names_of_scorers_and_of_fairlearn_are_known():
    X, y = biased()
    models = [
        RejectOptionClassifier(Given(), sensitive_features=1, constraints=c, objective=o, tol=0.1)
        for c, o in (
            ("true_positive_rate_parity", "balanced_accuracy"),
            (RATES["true_positive_rate"], "balanced_accuracy_score"),
        )
    ]
    one, other = (model.fit(X, y) for model in models)
    assert_array_equal(one.predict(X), other.predict(X))
    assert one.criteria_.index.tolist() == ["true_positive_rate"]


def test_a_decision_function_has_a_band_around_its_own_cuts():
    X, y = biased()
    X[:, 0] = 10 * X[:, 0]
    svm = LinearSVC()
    model = RejectOptionClassifier(svm, sensitive_features=1).fit(X, y)
    scores = model.estimator_.decision_function(X)
    assert_array_equal(model.predict(X) == 1, scores > model.cuts_.to_numpy()[X[:, 1].astype(int)])
    assert model.criteria_["violation"].item() <= 0.05
    assert model.deprived_ == (0.0,)


def test_labels_are_strings_and_the_positive_one_is_named():
    X, y = biased()
    numbers = RejectOptionClassifier(Given(), sensitive_features=1).fit(X, y)
    names = np.where(y == 1, "hire", "no")
    flipped = X.copy()
    flipped[:, 0] = 1 - X[:, 0]  # of "no", the second class
    model = RejectOptionClassifier(Given(), sensitive_features=1, pos_label="hire")
    model.fit(flipped, names)
    assert model.deprived_ == numbers.deprived_
    assert np.mean((model.predict(flipped) == "hire") == (numbers.predict(X) == 1)) > 0.99
    assert set(model.predict(flipped)) == {"hire", "no"}
    with pytest.raises(ValueError, match="pos_label is not specified"):
        clone(model).set_params(pos_label=None).fit(flipped, names)
    assert 0.6 < model.score(flipped, names) < 1


def test_there_are_no_probabilities():
    X, y = biased(300)
    model = RejectOptionClassifier(Given(), sensitive_features=1).fit(X, y)
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        assert not hasattr(model, method)
    bag = BaggingClassifier(
        RejectOptionClassifier(LogisticRegression(), sensitive_features=1), 2, random_state=0
    )
    assert bag.fit(X, y).predict(X).shape == (300,)  # by votes


def test_weights_count_as_repeated_rows_do():
    X, y = biased(400)
    weights = 1 + np.arange(400) % 3
    rows = np.repeat(np.arange(400), weights)
    model = RejectOptionClassifier(Given().fit(X, y), sensitive_features=1, cv="prefit")
    repeated = clone(model).set_params(estimator=model.estimator)
    model.fit(X, y, sample_weight=weights / 7)
    repeated.fit(X[rows], y[rows])
    assert (model.threshold_, model.margin_) == (repeated.threshold_, repeated.margin_)
    assert_allclose(model.criteria_["estimate"], repeated.criteria_["estimate"])
    assert_allclose(model.objective_value_, repeated.objective_value_)
    plain = RejectOptionClassifier(model.estimator, sensitive_features=1, cv="prefit").fit(X, y)
    assert abs(plain.criteria_["estimate"] - model.criteria_["estimate"]).item() > 1e-6


def test_rows_of_weight_zero_are_no_rows():
    X, y = biased(400)
    weights = np.where(np.arange(400) % 5 == 2, 0.0, 1.0)
    kept = weights > 0
    for inner in (Given(), LinearSVC()):
        model = RejectOptionClassifier(inner, sensitive_features=1)
        expected = clone(model).fit(X[kept], y[kept])
        found = clone(model).fit(X, y, sample_weight=weights)
        assert_allclose(found.cuts_, expected.cuts_, rtol=1e-4)


def test_metadata_columns_and_frames_give_the_same():
    X, y = biased(600)
    frame = pd.DataFrame({"score": X[:, 0], "sex": np.where(X[:, 1] == 1, "f", "m")})
    model = RejectOptionClassifier(Given(), sensitive_features="sex")
    expected = clone(model).fit(frame, y).predict(frame)
    turned = frame.set_index(np.arange(600)[::-1])
    assert_array_equal(clone(model).fit(turned, pd.Series(y)).predict(turned), expected)
    polars = pl.from_pandas(frame)
    assert_array_equal(clone(model).fit(polars, pl.Series(y)).predict(polars), expected)
    by_metadata = RejectOptionClassifier(Given())
    by_metadata.fit(X, y, sensitive_features=turned["sex"])
    assert_array_equal(by_metadata.predict(X, sensitive_features=polars["sex"]), expected)
    turned_groups = np.where(X[:, 1] == 1, "m", "f")
    assert (by_metadata.predict(X, sensitive_features=turned_groups) != expected).any()
    with pytest.raises(ValueError, match="needs sensitive features"):
        by_metadata.predict(X)


def test_an_unseen_group_is_refused_or_has_no_band():
    X, y = biased()
    new = X[:200].copy()
    new[:, 1] = 5
    model = RejectOptionClassifier(Given(), sensitive_features=1).fit(X, y)
    with pytest.raises(ValueError, match=r"unseen at fit: \[5\.0\]"):
        model.predict(new)
    model.set_params(fallback="pooled").fit(X, y)
    assert_array_equal(model.predict(new), new[:, 0] > model.threshold_)


def test_missing_values_are_a_group():
    X, y = biased(600)
    sex = np.where(X[:, 1] == 1, "f", "m").astype(object)
    sex[::6] = None
    model = RejectOptionClassifier(Given(), tol=0.3).fit(X, y, sensitive_features=sex)
    assert model.group_labels_ == ("f", "m", "<missing>")
    with pytest.raises(ValueError, match="missing values"):
        RejectOptionClassifier(Given(), missing="raise").fit(X, y, sensitive_features=sex)


def test_a_group_without_positives_is_left_out_by_name():
    X, y = biased(900, shifts=(-1.0, 0.5, 0.0))
    y[X[:, 1] == 2] = 0
    model = RejectOptionClassifier(Given(), sensitive_features=1, constraints="equal_opportunity")
    with pytest.warns(UndefinedMetricWarning, match=r"true_positive_rate of group 2\.0"):
        model.fit(X, y)
    assert model.criteria_["violation"].item() <= 0.05


def test_searches_carry_it(routing):
    X, y = biased(300)
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    model = RejectOptionClassifier(pipe, cv=2)
    search = GridSearchCV(model, {"tol": [0.1, 0.3]}, scoring=ACCURACY, cv=2)
    search.fit(X, y, sensitive_features=X[:, 1], sample_weight=np.ones(300))
    assert search.best_estimator_.predict(X, sensitive_features=X[:, 1]).shape == (300,)
    model.set_params(tol=0.3)
    params = {"sensitive_features": X[:, 1]}
    inside = cross_val_score(model, X, y, params=params, scoring=ACCURACY, cv=3)
    column = clone(model).set_params(sensitive_features=1)
    assert_allclose(inside, cross_val_score(column, X, y, params={}, scoring=ACCURACY, cv=3))


def test_clone_pickle_and_repetition_change_nothing():
    X, y = biased(400)
    model = RejectOptionClassifier(LogisticRegression(), sensitive_features=1).fit(X, y)
    expected = model.predict(X)
    assert_array_equal(clone(model).fit(X, y).predict(X), expected)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    assert model.uses_group_at_predict


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tol": -0.1}, "tol must be"),
        ({"tol": np.nan}, "tol must be"),
        ({"constraints": "parity"}, "no criterion is named"),
        ({"objective": "speed"}, "no objective is named"),
        ({"deprived": "x"}, r"deprived groups \['x'\] are not among \[0\.0, 1\.0\]"),
        ({"deprived": [0.0, 1.0]}, "and not all"),
        ({"deprived": []}, "some of the groups"),
        ({"thresholds": 0}, "thresholds must be an integer of at least 1"),
        ({"margins": True}, "margins must be an integer of at least 2"),
        ({"margins": [-0.1]}, "margins must be at least 0"),
        ({"thresholds": [np.nan]}, "a list of finite numbers"),
        ({"thresholds": [0.5], "margins": [0.6]}, "no band lies within"),
        ({"fallback": "guess"}, "fallback must be"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    X, y = biased(100)
    with pytest.raises(ValueError, match=message):
        RejectOptionClassifier(Given(), sensitive_features=1, **params).fit(X, y)


def test_what_cant_be_compared_is_refused():
    X, y = biased(100)
    with pytest.raises(ValueError, match=r"rows of one group only: \['all'\]"):
        RejectOptionClassifier(Given()).fit(X, y, sensitive_features=["all"] * 100)
    y[X[:, 1] == 0] = 0
    model = RejectOptionClassifier(Given(), sensitive_features=1, constraints="equal_opportunity")
    with pytest.raises(ValueError, match="equal_opportunity is undefined"):
        model.fit(X, y)


def test_large_scores_are_not_rounded_away():
    scores = np.array([1e9, 2e9, 3e9])
    grid = Grid.make([2e9], [0.0, 5e8], scores)
    assert_array_equal(grid.lower, [2e9, 1.5e9])
    assert_array_equal(grid.upper, [2e9, 2.5e9])
