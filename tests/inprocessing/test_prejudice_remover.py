from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair.base import wants
from skfair.inprocessing import PrejudiceRemover
from skfair.metrics import demographic_parity_difference, fairness_scorer

EXACT = {"solver_tol": 1e-9, "max_iter": 5000}


def biased_rows(n=600, seed=0):
    """Skill decides, sex pushes; a proxy tells of sex, of which there are three values."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m", "x"], n)
    skill = rng.normal(size=n)
    proxy = 1.5 * (sex == "m") + rng.normal(size=n)
    y = np.where(skill + (sex == "m") + 0.5 * rng.normal(size=n) > 0.5, "hire", "reject")
    X = pd.DataFrame({"skill": 100 * skill, "sex": sex, "proxy": proxy})
    return X, y, rng.exponential(size=n)


def features(X):
    return X[["skill", "proxy"]].to_numpy()


def model(**options):
    return PrejudiceRemover(**{"sensitive_features": "sex", "random_state": 0} | options)


def index_by_hand(chance, sex, weights):
    shares = weights / weights.sum()
    found = 0.0
    for of_class in (chance, 1 - chance):
        whole = shares @ of_class
        for g in np.unique(sex):
            inside = (sex == g).to_numpy()
            size = shares[inside].sum()
            mean = shares[inside] @ of_class[inside] / size
            found += size * mean * np.log(mean / whole)
    return found


def plain(X, y, weights=None, **options):
    solver = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000} | options
    return LogisticRegression(**solver).fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("weighted", [False, True])
def test_eta_0_is_logistic_regression(weighted):
    X, y, weights = biased_rows()
    weights = weights if weighted else None
    fitted = model(eta=0, C=0.5, **EXACT).fit(X, y, sample_weight=weights)
    expected = plain(features(X), y, weights, C=0.5)
    assert_allclose(fitted.coef_, expected.coef_, atol=1e-6)
    assert_allclose(fitted.intercept_, expected.intercept_, atol=1e-6)
    sparse_rows = sparse.csr_array(features(X))
    again = model(eta=0, C=0.5, sensitive_features=None, **EXACT)
    again.fit(sparse_rows, y, sensitive_features=X["sex"], sample_weight=weights)
    assert_allclose(again.coef_, expected.coef_, atol=1e-6)


def test_eta_0_with_separate_models_is_a_logistic_regression_of_each_group():
    X, y, weights = biased_rows()
    fitted = model(eta=0, separate=True, **EXACT).fit(X, y, sample_weight=weights)
    assert fitted.group_labels_ == ("f", "m", "x")
    for g, label in enumerate(fitted.group_labels_):
        rows = (X["sex"] == label).to_numpy()
        expected = plain(features(X[rows]), y[rows], weights[rows])
        assert_allclose(fitted.coef_[g], expected.coef_[0], atol=1e-6)
        assert_allclose(fitted.intercept_[g], expected.intercept_[0], atol=1e-6)
        chances = expected.predict_proba(features(X[rows]))
        assert_allclose(fitted.predict_proba(X[rows]), chances, atol=1e-6)


@pytest.mark.parametrize("separate", [False, True])
def test_the_index_falls_as_eta_grows_and_is_that_of_training_rows(separate):
    X, y, weights = biased_rows()
    found = []
    for eta in (0, 0.1, 1, 10, 100):
        fitted = model(eta=eta, separate=separate).fit(X, y, sample_weight=weights)
        chance = fitted.predict_proba(X)[:, 1]
        by_hand = index_by_hand(chance, X["sex"], weights)
        assert fitted.prejudice_index_ == pytest.approx(by_hand, rel=1e-6, abs=1e-12)
        assert fitted.converged_
        found.append(fitted.prejudice_index_)
    assert (np.diff(found) < 0).all()
    assert found[-1] < 0.02 * found[0]


def test_no_model_nearby_has_a_lower_objective():
    X, y, weights = biased_rows()
    eta, C = 3.0, 0.2
    fitted = model(eta=eta, C=C, **EXACT).fit(X, y, sample_weight=weights)

    def objective(coef, intercept):
        decision = features(X) @ coef + intercept
        loss = weights @ np.logaddexp(0, -np.where(y == "reject", 1, -1) * decision)
        index = index_by_hand(expit(decision), X["sex"], weights)
        return (loss + coef @ coef / (2 * C)) / weights.sum() + eta * index

    best = objective(fitted.coef_[0], fitted.intercept_[0])
    rng = np.random.default_rng(0)
    for _ in range(30):
        moves = rng.normal(size=3) * [1e-4, 1e-2, 1e-2]
        assert objective(fitted.coef_[0] + moves[:2], fitted.intercept_[0] + moves[2]) > best


def test_predictions_of_new_rows_are_fairer():
    X, y, _ = biased_rows(3000)
    train, test = slice(0, 1500), slice(1500, None)
    gaps = {}
    for eta, separate in ((0, False), (30, False), (30, True)):
        fitted = model(eta=eta, separate=separate).fit(X[train], y[train])
        predicted = fitted.predict(X[test])
        assert fitted.score(X[test], y[test]) == np.mean(predicted == y[test])
        assert fitted.score(X[test], y[test]) > 0.7
        gaps[eta, separate] = demographic_parity_difference(
            y[test], predicted, sensitive_features=X["sex"][test], pos_label="hire"
        )
    assert gaps[30, False] < gaps[0, False] / 2
    assert gaps[30, True] < gaps[0, False] / 2


def test_which_label_is_second_and_how_groups_are_given_changes_nothing():
    X, y, _ = biased_rows()
    expected = model().fit(X, y)
    mirrored = model().fit(X, np.where(y == "hire", 1, 0))
    assert_allclose(mirrored.coef_, -expected.coef_, atol=1e-5)
    assert mirrored.prejudice_index_ == pytest.approx(expected.prejudice_index_, rel=1e-4)
    frame = pl.from_pandas(X)
    assert_allclose(model().fit(frame, y).predict_proba(frame), expected.predict_proba(X))
    values = model(sensitive_features=None).fit(features(X), y, sensitive_features=X["sex"])
    assert_allclose(values.coef_, expected.coef_)
    assert_array_equal(values.predict(features(X)), expected.predict(X))


def test_groups_are_needed_at_predict_with_separate_models_only():
    X, y, _ = biased_rows()
    rows, sex = features(X), X["sex"].to_numpy()
    shared = model(sensitive_features=None).fit(rows, y, sensitive_features=sex)
    separate = model(sensitive_features=None, separate=True).fit(rows, y, sensitive_features=sex)
    assert not shared.uses_group_at_predict
    assert separate.uses_group_at_predict
    shared.predict(rows)
    with pytest.raises(ValueError, match="needs sensitive features"):
        separate.predict(rows)
    with pytest.raises(ValueError, match=r"unseen at fit: \['y'\]"):
        separate.predict(rows[:1], sensitive_features=["y"])
    by_column = model(separate=True).fit(X, y)
    for method in ("decision_function", "predict_proba", "predict_log_proba"):
        found = getattr(separate, method)(rows[::-1], sensitive_features=sex[::-1])
        assert_allclose(found[::-1], getattr(by_column, method)(X))
    found = separate.predict(rows[::-1], sensitive_features=sex[::-1])
    assert_array_equal(found[::-1], by_column.predict(X))
    assert separate.score(rows, y, sensitive_features=sex) == by_column.score(X, y)
    swapped = X.assign(sex=np.roll(sex, 1))
    assert not np.array_equal(by_column.predict(swapped), by_column.predict(X))


def test_predictions_are_those_of_the_fit_whatever_separate_is_set_to_later():
    X, y, _ = biased_rows()
    for separate in (True, False):
        fitted = model(separate=separate).fit(X, y)
        expected = fitted.decision_function(X)
        fitted.set_params(separate=not separate)
        assert_array_equal(fitted.decision_function(X), expected)


def test_groups_of_other_names_are_refused():
    X, y, _ = biased_rows()
    rows, sex = features(X), X["sex"].to_numpy()
    fitted = model(sensitive_features=None, separate=True)
    fitted.fit(rows, y, sensitive_features={"sex": sex})
    with pytest.raises(ValueError, match="same ones in the same order"):
        fitted.predict(rows, sensitive_features={"race": sex})


@pytest.mark.parametrize("separate", [False, True])
def test_groups_are_asked_for_where_they_are_needed(separate):
    by_values, by_column = (model(sensitive_features=s, separate=separate) for s in (None, "sex"))
    assert wants(by_values, "fit")
    assert not wants(by_column, "fit")
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function", "score"):
        assert wants(by_values, method) == separate
        assert not wants(by_column, method)


@pytest.mark.parametrize("separate", [False, True])
def test_a_search_over_eta_in_both_forms(routing, separate):
    X, y, _ = biased_rows()
    grid = {"prejudiceremover__eta": [0.0, 100.0]}
    options = {"separate": separate, "n_starts": 1}
    scorer = fairness_scorer(
        "demographic_parity_difference", sensitive_features="sex", pos_label="hire"
    )
    pipe = make_pipeline(model(**options))
    column = GridSearchCV(pipe, grid, scoring=scorer, cv=3, error_score="raise").fit(X, y)
    assert column.best_params_ == {"prejudiceremover__eta": 100.0}
    scorer = fairness_scorer("demographic_parity_difference", pos_label="hire")
    pipe = make_pipeline(StandardScaler(), model(sensitive_features=None, **options))
    routed = GridSearchCV(pipe, grid, scoring=scorer, cv=3, error_score="raise")
    sex = X["sex"].to_numpy()
    routed.fit(X[["skill", "proxy"]], y, sensitive_features=sex)
    assert routed.best_params_ == {"prejudiceremover__eta": 100.0}
    groups = {"sensitive_features": sex} if separate else {}
    predicted = routed.best_estimator_.predict(X[["skill", "proxy"]], **groups)
    assert np.mean(predicted == y) > 0.6


def test_whole_weights_are_repeated_rows():
    X, y, _ = biased_rows(200)
    times = np.random.default_rng(0).integers(0, 3, 200)
    weighted = model(n_starts=1, solver_tol=1e-8).fit(X, y, sample_weight=times)
    repeated = model(n_starts=1, solver_tol=1e-8)
    repeated.fit(X.loc[X.index.repeat(times)], np.repeat(y, times))
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-4, atol=1e-6)
    assert weighted.prejudice_index_ == pytest.approx(repeated.prejudice_index_, rel=1e-4)


def test_one_group_and_missing_groups():
    X, y, _ = biased_rows()
    alone = X.assign(sex="f")
    with pytest.warns(UndefinedMetricWarning, match="one group only, 'f'"):
        fitted = model(**EXACT).fit(alone, y)
    assert_allclose(fitted.coef_, plain(features(X), y).coef_, atol=1e-6)
    assert fitted.prejudice_index_ == pytest.approx(0, abs=1e-15)
    X.loc[:49, "sex"] = None
    assert model(separate=True).fit(X, y).group_labels_ == ("f", "m", "x", "<missing>")
    with pytest.raises(ValueError, match="missing values"):
        model(missing="raise").fit(X, y)


def test_a_group_of_one_class_has_a_model():
    X, y, _ = biased_rows()
    y[X["sex"] == "x"] = "hire"
    fitted = model(separate=True).fit(X, y)
    assert np.isfinite(fitted.coef_).all()
    assert fitted.prejudice_index_ < 0.2


def test_pickle_clone_and_determinism():
    X, y, _ = biased_rows(150)
    fitted = model(separate=True, random_state=4).fit(X, y)
    again = clone(fitted).fit(X, y)
    assert_array_equal(again.coef_, fitted.coef_)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))


def test_a_search_that_is_cut_short_warns():
    X, y, _ = biased_rows()
    with pytest.warns(ConvergenceWarning, match="PrejudiceRemover stopped"):
        assert not model(max_iter=1).fit(X, y).converged_


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eta": -1}, "eta must be a number of at least 0"),
        ({"eta": np.inf}, "eta must be a number of at least 0"),
        ({"eta": "1"}, "eta must be a number"),
        ({"C": -1}, "C must be a number above 0"),
        ({"n_starts": 0}, "n_starts must be an integer"),
        ({"sensitive_features": None}, "needs sensitive features"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    X, y, _ = biased_rows(50)
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y)
