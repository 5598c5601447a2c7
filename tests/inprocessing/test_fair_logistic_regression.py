from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError, UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair.criteria import RATES, Criterion
from skfair.groups import Bins
from skfair.inprocessing import FairLogisticRegression
from skfair.inprocessing._logistic import Found
from skfair.inprocessing._logistic_bounds import Bounded
from skfair.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    fairness_scorer,
    true_positive_rate,
)

EXACT = {"solver_tol": 1e-9, "max_iter": 5000}


def biased_rows(n=600, seed=0):
    """Skill decides, sex pushes; a proxy tells of sex. Features have unlike scales."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    skill = rng.normal(size=n)
    proxy = 1.5 * (sex == "m") + rng.normal(size=n)
    y = np.where(skill + (sex == "m") + 0.5 * rng.normal(size=n) > 0.5, "hire", "reject")
    X = pd.DataFrame({"skill": 100 * skill, "sex": sex, "proxy": proxy})
    return X, y, rng.exponential(size=n)


def features(X):
    return X[["skill", "proxy"]].to_numpy()


def model(**options):
    return FairLogisticRegression(**{"sensitive_features": "sex", "random_state": 0} | options)


def plain(X, y, weights=None, **options):
    solver = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000} | options
    return LogisticRegression(**solver).fit(X, y, sample_weight=weights)


# Without a penalty


@pytest.mark.parametrize("method", ["covariance", "gap"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_strength_0_is_logistic_regression(method, fit_intercept, weighted, C):
    X, y, weights = biased_rows()
    weights = weights if weighted else None
    fitted = model(strength=0, method=method, C=C, fit_intercept=fit_intercept, **EXACT)
    fitted.fit(X, y, sample_weight=weights)
    expected = plain(features(X), y, weights, C=C, fit_intercept=fit_intercept)
    assert_allclose(fitted.coef_, expected.coef_, atol=1e-6)
    assert_allclose(fitted.intercept_, expected.intercept_, atol=1e-6)
    assert_allclose(fitted.predict_proba(X), expected.predict_proba(features(X)), atol=1e-6)
    assert_array_equal(fitted.classes_, expected.classes_)
    assert_array_equal(fitted.predict(X), expected.predict(features(X)))


def test_strength_0_is_logistic_regression_without_any_penalty():
    X, y, _ = biased_rows()
    fitted = model(strength=0, C=np.inf, **EXACT).fit(X, y)
    expected = plain(features(X), y, C=1e12)
    assert_allclose(fitted.coef_, expected.coef_, atol=1e-6)


@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_strength_0_is_logistic_regression_with_absolute_values(l1_ratio):
    X, y, weights = biased_rows()
    scaled = np.column_stack([features(X) / [100, 1], np.random.default_rng(1).normal(size=600)])
    options = {"l1_ratio": l1_ratio, "C": 0.02}
    fitted = FairLogisticRegression(strength=0, **options, **EXACT)
    fitted.fit(scaled, y, sensitive_features=X["sex"], sample_weight=weights)
    saga = LogisticRegression(
        **({"penalty": "elasticnet"} if "1.6" in sklearn_version() else {}),
        solver="saga",
        tol=1e-9,
        max_iter=20_000,
        random_state=0,
        **options,
    ).fit(scaled, y, sample_weight=weights)
    assert_allclose(fitted.coef_, saga.coef_, atol=1e-5)  # saga's own tolerance
    assert_allclose(fitted.intercept_, saga.intercept_, atol=1e-5)
    if l1_ratio == 1.0:
        assert fitted.coef_[0, 2] == 0.0


def sklearn_version():
    import sklearn

    return ".".join(sklearn.__version__.split(".")[:2])


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix, sparse.coo_array])
@pytest.mark.parametrize("options", [{"strength": 0}, {"strength": 1}, {"tol": 0.3}])
def test_sparse_is_dense(kind, options):
    X, y, weights = biased_rows(200)
    dense = features(X) * (np.random.default_rng(2).random((200, 2)) < 0.5)
    fitted, expected = (
        model(sensitive_features=None, **options, **EXACT).fit(
            given, y, sensitive_features=X["sex"], sample_weight=weights
        )
        for given in (kind(dense), dense)
    )
    assert_allclose(fitted.coef_, expected.coef_, atol=1e-5)
    assert_allclose(
        fitted.decision_function(kind(dense)), expected.decision_function(dense), atol=3e-5
    )
    assert_array_equal(fitted.predict(kind(dense)), expected.predict(dense))
    with_group = kind(np.column_stack([dense, X["sex"] == "m"]))
    named = model(sensitive_features=[2], **options, **EXACT)
    named.fit(with_group, y, sample_weight=weights)
    assert_allclose(named.coef_, expected.coef_, atol=1e-5)


def test_sparse_rows_are_never_made_dense(monkeypatch):
    X, y, _ = biased_rows(100)
    given = sparse.csr_array(features(X))

    def refuse(*_, **__):
        raise AssertionError("densified")

    for name in ("toarray", "todense"):
        monkeypatch.setattr(type(given), name, refuse)
    fitted = model(sensitive_features=None, method="gap").fit(given, y, sensitive_features=X["sex"])
    fitted.predict_proba(given)


# With a penalty


CRITERIA = ["demographic_parity", "equal_opportunity", "equalized_odds", "accuracy_parity"]


def with_race(X):
    """Four groups, and features enough to make them alike."""
    rng = np.random.default_rng(3)
    more = {f"more{k}": rng.normal(size=len(X)) + X["proxy"] for k in range(4)}
    return X.assign(race=rng.choice(["b", "w"], len(X)), **more)


@pytest.mark.parametrize("method", ["covariance", "gap"])
@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_surrogate_falls_as_strength_grows(method, criterion):
    X, y, weights = biased_rows()
    X = with_race(X)
    spreads = []
    for strength in (0, 0.01, 0.1, 1, 10, 100):
        fitted = model(
            sensitive_features=["sex", "race"],
            constraints=criterion,
            strength=strength,
            method=method,
            pos_label="hire",
            solver_tol=1e-8,
        ).fit(X, y, sample_weight=weights)
        rates = fitted.group_rates_.to_numpy()
        spreads.append(((rates - rates.mean(axis=1, keepdims=True)) ** 2).sum())
    assert (np.diff(spreads) < 0).all()
    assert spreads[-1] < 0.1 * spreads[0]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["covariance", "gap"])
@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_surrogate_is_within_tol_and_the_loss_falls_as_tol_grows(method, criterion):
    X, y, weights = biased_rows()
    X = with_race(X)
    options = {
        "sensitive_features": ["sex", "race"],
        "constraints": criterion,
        "method": method,
        "pos_label": "hire",
    }
    start = model(strength=0, **options).fit(X, y, sample_weight=weights)
    most = start.violation_.loc[criterion, "surrogate"]
    losses = []
    for share in (0, 0.1, 0.5, 0.9, 2):
        fitted = model(tol=share * most, **options).fit(X, y, sample_weight=weights)
        surrogate = fitted.violation_.loc[criterion, "surrogate"]
        assert surrogate <= share * most * (1 + 1e-6) + 1e-8
        assert surrogate == pytest.approx(min(share, 1) * most, rel=1e-5, abs=1e-7)
        assert fitted.converged_
        hired = y == fitted.classes_[1]
        margins = np.where(hired, 1, -1) * fitted.decision_function(X)
        net = (fitted.coef_**2).sum() / 2
        losses.append(weights @ np.logaddexp(0, -margins) + net)
    assert (np.diff(losses) < 1e-6).all()
    assert losses[0] > losses[-1] + 1


def test_group_rates_and_violations_are_those_of_the_training_rows():
    X, y, weights = biased_rows()
    options = {"constraints": ["equal_opportunity", "demographic_parity"], "pos_label": "hire"}
    fitted = model(method="gap", strength=0.1, **options).fit(X, y, sample_weight=weights)
    chance = fitted.predict_proba(X)[:, 0]
    for g in "fm":
        rows = (X["sex"] == g).to_numpy()
        hired = rows & (y == "hire")
        found = fitted.group_rates_[g]
        recall = np.average(chance[hired], weights=weights[hired])
        assert found["true_positive_rate"] == pytest.approx(recall)
        assert found["selection_rate"] == pytest.approx(
            np.average(chance[rows], weights=weights[rows])
        )
    metric = {"sensitive_features": X["sex"], "sample_weight": weights, "pos_label": "hire"}
    predicted = fitted.predict(X)
    assert_allclose(
        fitted.violation_["predictions"],
        [
            equal_opportunity_difference(y, predicted, **metric),
            demographic_parity_difference(y, predicted, **metric),
        ],
    )
    assert_allclose(fitted.violation_["surrogate"], np.ptp(fitted.group_rates_, axis=1))
    linear = model(strength=0.1, **options).fit(X, y, sample_weight=weights)
    towards = -linear.decision_function(X)
    rows = ((X["sex"] == "f") & (y == "hire")).to_numpy()
    expected = np.average(towards[rows], weights=weights[rows])
    assert linear.group_rates_.loc["true_positive_rate", "f"] == pytest.approx(expected)


def test_predictions_of_new_rows_are_fairer():
    X, y, _ = biased_rows(4000)
    train, test = slice(0, 2000), slice(2000, None)
    gaps = {}
    for name, options in {
        "nothing": {"strength": 0},
        "covariance": {"tol": 0.0},
        "gap": {"tol": 0.01, "method": "gap"},
    }.items():
        fitted = model(**options).fit(X[train], y[train])
        metric = {"sensitive_features": X["sex"][test], "pos_label": "hire"}
        gaps[name] = demographic_parity_difference(y[test], fitted.predict(X[test]), **metric)
        assert fitted.score(X[test], y[test]) > 0.7
    assert gaps["nothing"] > 0.12
    assert gaps["covariance"] < gaps["nothing"] / 2
    assert gaps["gap"] < gaps["nothing"] / 2


def test_tolerances_one_for_each_constraint():
    X, y, _ = biased_rows()
    tols = [0.02, 0.2]
    names = ["demographic_parity", "predictive_equality"]
    fitted = model(constraints=names, tol=tols, method="gap", pos_label="hire").fit(X, y)
    assert_allclose(fitted.violation_["surrogate"] <= np.array(tols) * (1 + 1e-6), True)
    assert fitted.violation_["surrogate"].iloc[0] == pytest.approx(0.02, rel=1e-5)
    loose = model(constraints=names, tol=np.array([0.2, 0.2]), method="gap", pos_label="hire")
    assert loose.fit(X, y).violation_["surrogate"].iloc[0] > 0.1


def test_more_starts_are_no_worse_and_random_state_repeats():
    X, y, _ = biased_rows(100)

    def loss(fitted):
        margins = np.where(y == "reject", 1, -1) * fitted.decision_function(X)
        spread = np.ptp(fitted.group_rates_.to_numpy()) ** 2 / 2
        return np.logaddexp(0, -margins).mean() + 20 * spread + (fitted.coef_**2).sum() / 200

    options = {"method": "gap", "strength": 20.0}
    one, many, again = (model(n_starts=n, random_state=3, **options).fit(X, y) for n in (1, 6, 6))
    assert loss(many) <= loss(one) + 1e-9
    assert_array_equal(many.coef_, again.coef_)


# Labels


def test_the_positive_class_matters_only_where_it_matters():
    X, y, _ = biased_rows()
    for criterion in ("demographic_parity", "equalized_odds", "accuracy_parity"):
        one, other, none = (
            model(constraints=criterion, method="gap", tol=0.05, n_starts=1, pos_label=label)
            for label in ("hire", "reject", None)
        )
        expected = none.fit(X, y).coef_
        assert_allclose(one.fit(X, y).coef_, expected, atol=1e-4)
        assert_allclose(other.fit(X, y).coef_, expected, atol=1e-4)
        assert_allclose(one.violation_, none.violation_, atol=1e-4)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        model(constraints="equal_opportunity").fit(X, y)
    with pytest.raises(ValueError, match="pos_label='other' is not a valid label"):
        model(pos_label="other").fit(X, y)


@pytest.mark.parametrize("method", ["covariance", "gap"])
def test_recall_of_either_class_by_its_name(method):
    X, y, _ = biased_rows()
    options = {"constraints": "equal_opportunity", "method": method, "tol": 0.01}
    first = model(pos_label="hire", **options).fit(X, y)
    renamed = model(**options).fit(X, (y == "hire").astype(int))
    assert_allclose(first.coef_, -renamed.coef_, atol=1e-5)
    assert_allclose(first.violation_, renamed.violation_, atol=1e-5)
    assert_allclose(first.group_rates_, renamed.group_rates_, atol=1e-5)
    second = model(pos_label="reject", **options).fit(X, y)
    assert abs(second.coef_ - first.coef_).max() > 1e-3
    if method == "gap":
        recalls = [
            true_positive_rate(
                y[X["sex"] == g], second.predict(X[X["sex"] == g]), pos_label="reject"
            )
            for g in "fm"
        ]
        assert abs(recalls[0] - recalls[1]) < 0.1


@pytest.mark.parametrize("labels", [(0, 1), (-1, 1), (False, True), (3, 7), ("b", "a")])
def test_labels_of_any_kind_come_back(labels):
    X, y, _ = biased_rows(100)
    given = np.array(labels)[(y == "hire").astype(int)]
    fitted = model().fit(X, given)
    assert_array_equal(fitted.classes_, np.unique(given))
    assert set(fitted.predict(X)) == set(given)
    assert fitted.score(X, given) > 0.7
    towards = fitted.decision_function(X) > 0
    assert_array_equal(fitted.predict(X), fitted.classes_[towards.astype(int)])
    assert_allclose(np.exp(fitted.predict_log_proba(X)), fitted.predict_proba(X))
    assert_allclose(fitted.predict_proba(X).sum(axis=1), 1)


# Groups, weights and tables


def test_groups_from_a_column_a_callable_and_values():
    X, y, weights = biased_rows()
    by_column = model().fit(X, y, sample_weight=weights)
    by_values = model(sensitive_features=None).fit(
        features(X), y, sensitive_features=X["sex"], sample_weight=weights
    )
    by_call = model(sensitive_features=lambda Z: X["sex"].to_numpy()).fit(
        features(X), y, sample_weight=weights
    )
    for other in (by_values, by_call):
        assert_allclose(by_column.coef_, other.coef_)
    assert_array_equal(by_column.predict(X), by_values.predict(features(X)))
    assert list(by_column.feature_names_in_) == ["skill", "sex", "proxy"]
    assert by_column.n_features_in_ == 3
    assert by_column.coef_.shape == (1, 2)
    assert list(by_column.group_rates_.columns) == ["f", "m"]


def test_predictions_read_no_group():
    X, y, _ = biased_rows()
    fitted = model().fit(X, y)
    swapped = X.assign(sex="never seen")
    assert_array_equal(fitted.predict_proba(swapped), fitted.predict_proba(X))
    assert not fitted.uses_group_at_predict
    assert not fitted.infers_group


def test_polars_numpy_lists_and_odd_indices_give_the_same_model():
    X, y, weights = biased_rows()
    expected = model().fit(X, y, sample_weight=weights).predict_proba(X)
    frame = pl.from_pandas(X)
    found = model().fit(frame, pl.Series(y), sample_weight=pl.Series(weights))
    assert_allclose(found.predict_proba(frame), expected)
    odd = X.set_axis(np.arange(600)[::-1])
    found = model().fit(odd, pd.Series(y), sample_weight=pd.Series(weights, index=odd.index))
    assert_allclose(found.predict_proba(odd), expected)
    rows, sex = features(X), X["sex"]
    for given in (rows, rows.tolist()):
        found = model(sensitive_features=None)
        found.fit(
            given, y.tolist(), sensitive_features=sex.tolist(), sample_weight=weights.tolist()
        )
        assert_allclose(found.predict_proba(given), expected)
    table = X.to_numpy(dtype=object)
    found = model(sensitive_features=1).fit(table, y, sample_weight=weights)
    assert_allclose(found.predict_proba(table), expected)


@pytest.mark.parametrize("options", [{"strength": 1}, {"tol": 0.1}, {"method": "gap"}])
def test_whole_weights_are_repeated_rows_and_rows_without_weight_are_absent(options):
    X, y, _ = biased_rows(150)
    times = np.random.default_rng(0).integers(0, 3, 150)
    weighted = model(solver_tol=1e-8, **options).fit(X, y, sample_weight=times)
    repeated = model(solver_tol=1e-8, **options)
    repeated.fit(X.loc[X.index.repeat(times)], np.repeat(y, times))
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-4, atol=1e-6)
    y[times == 0] = "a third class"
    X.loc[times == 0, "sex"] = "a third group"
    again = model(solver_tol=1e-8, **options).fit(X, y, sample_weight=times)
    assert_array_equal(again.coef_, weighted.coef_)


def test_the_scale_of_weights_is_c_as_in_logistic_regression():
    X, y, weights = biased_rows()
    X["constant"] = 0.1
    expected = model(C=1.0, strength=2.0).fit(X, y, sample_weight=weights)
    for factor in (10.0, 1e-100, 1e100):
        scaled = model(C=1 / factor, strength=2.0).fit(X, y, sample_weight=factor * weights)
        assert_allclose(scaled.coef_, expected.coef_, rtol=1e-5, atol=1e-9)


def test_missing_values_are_a_group_and_bins_cut():
    X, y, _ = biased_rows()
    X.loc[:99, "sex"] = None
    fitted = model(tol=0.0).fit(X, y)
    assert list(fitted.group_rates_.columns) == ["f", "m", "<missing>"]
    assert np.ptp(fitted.group_rates_.to_numpy()) < 1e-6
    with pytest.raises(ValueError, match=r"'sex' has .* missing values"):
        model(missing="raise").fit(X, y)
    cut = model(sensitive_features=Bins("proxy", [0.0, 1.0]))
    cut.fit(X[["skill", "proxy"]], y)
    assert cut.coef_.shape == (1, 1)
    assert cut.group_rates_.shape == (1, 3)


def test_a_group_without_rows_for_a_rate_is_left_out_with_a_warning():
    X, y, _ = biased_rows()
    X.loc[y == "hire", "sex"] = X["sex"].where(X["sex"] == "m", "m")
    X.loc[:2, "sex"] = "x"
    y[:3] = ["hire", "hire", "reject"]
    options = {"constraints": "equal_opportunity", "pos_label": "hire", "tol": 0.5}
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'f'"):
        fitted = model(**options).fit(X, y)
    assert fitted.group_rates_.isna().to_numpy().tolist() == [[True, False, False]]
    assert fitted.violation_.loc["equal_opportunity", "surrogate"] == pytest.approx(0.5)


@pytest.mark.parametrize("options", [{"strength": 1}, {"tol": 0.1}, {"method": "gap", "tol": 0.1}])
def test_one_group_is_logistic_regression_with_a_warning(options):
    X, y, _ = biased_rows()
    X["sex"] = "f"
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups remain"):
        fitted = model(**options, **EXACT).fit(X, y)
    assert_allclose(fitted.coef_, plain(features(X), y).coef_, atol=1e-6)
    assert fitted.violation_.isna().to_numpy().all()


def test_large_offsets_and_scales_do_no_harm():
    X, y, _ = biased_rows()
    moved = X.assign(skill=1e4 + 1e3 * X["skill"], proxy=1e-4 * X["proxy"])
    same, other = (model(C=1e12, strength=1.0, **EXACT).fit(Z, y) for Z in (X, moved))
    assert_allclose(same.predict_proba(X), other.predict_proba(moved), atol=1e-6)
    constant = X.assign(constant=0.1)
    assert model().fit(constant, y).coef_[0, 2] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("C", [1e-8, 1e-6, 1e-4, 1.0])
@pytest.mark.parametrize("options", [{"strength": 0}, {"strength": 1e6}, {"tol": 0.01}])
def test_columns_of_very_unlike_scales_and_a_small_c(C, options):
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], 400)
    Z = rng.normal(size=(400, 3)) + (sex == "m")[:, None]
    y = (Z.sum(axis=1) + rng.normal(size=400) > 1).astype(int)
    X = Z * [1e-6, 1, 1e6]
    fitted = model(sensitive_features=None, C=C, **options).fit(X, y, sensitive_features=sex)
    assert fitted.converged_
    # the free intercept makes the mean residual 0
    assert abs(np.mean(fitted.predict_proba(X)[:, 1] - y)) < 2e-6


@pytest.mark.parametrize("method", ["covariance", "gap"])
def test_a_rate_that_cannot_be_compared_leaves_the_others_told(method):
    X, y, _ = biased_rows()
    y[X["sex"] == "f"] = "reject"
    options = {"constraints": "equalized_odds", "pos_label": "hire", "tol": 0.1, "method": method}
    with pytest.warns(UndefinedMetricWarning):
        fitted = model(**options).fit(X, y)
    surrogate = fitted.violation_.loc["equalized_odds", "surrogate"]
    assert surrogate == pytest.approx(np.ptp(fitted.group_rates_.to_numpy()[1]))
    assert 0.05 < surrogate <= 0.1 + 1e-6


def test_iterations_are_those_of_the_free_search_and_of_the_kept_one(monkeypatch):
    X, y, _ = biased_rows()
    module = "skfair.inprocessing.fair_logistic_regression.minimise_within"

    def pretend(objective, start, *_, **__):
        return Bounded(Found(start, 0.0, 1000, converged=True), np.zeros(1), np.zeros(1), 0.0)

    free = model(strength=0).fit(X, y).n_iter_
    monkeypatch.setattr(module, pretend)
    assert model(tol=0.1).fit(X, y).n_iter_ == 1000 + free > 1000


def test_a_criterion_of_means_needs_a_positive_class():
    mean = Criterion("both", (RATES["selection_rate"], RATES["accuracy"]), combination="mean_rate")
    X, y, _ = biased_rows()
    with pytest.raises(ValueError, match="pos_label"):
        model(constraints=mean).fit(X, y)
    by_label = {p: model(constraints=mean, pos_label=p).fit(X, y) for p in ("hire", "reject")}
    hire, reject = (fitted.group_rates_.to_numpy() for fitted in by_label.values())
    assert abs(abs(hire) - abs(reject)).max() > 0.01


# scikit-learn's habits


def test_a_list_of_rows_of_numbers_and_text():
    X, y, _ = biased_rows(100)
    rows = X[["skill", "proxy", "sex"]]
    listed = model(sensitive_features=2).fit(rows.to_numpy().tolist(), y)
    assert_allclose(listed.coef_, model().fit(rows, y).coef_)
    assert_array_equal(listed.predict(rows.to_numpy().tolist()), model().fit(rows, y).predict(rows))


@pytest.mark.parametrize("kind", [bool, object])
def test_booleans_are_labels(kind):
    X, y, _ = biased_rows(100)
    labels = (y == "reject").astype(kind)
    fitted = model(constraints="equal_opportunity").fit(X, labels)
    assert fitted.classes_.tolist() == [False, True]
    named = model(constraints="equal_opportunity", pos_label="reject").fit(X, y)
    assert_allclose(fitted.coef_, named.coef_)


def test_pickle_and_clone():
    X, y, _ = biased_rows(100)
    fitted = model(method="gap").fit(X, y)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(NotFittedError):
        clone(fitted).predict(X)


def test_a_search_over_strength_in_both_forms(routing):
    X, y, _ = biased_rows()
    grid = {"fairlogisticregression__strength": [0.0, 10.0]}
    scorer = fairness_scorer(
        "demographic_parity_difference", sensitive_features="sex", pos_label="hire"
    )
    column = GridSearchCV(
        make_pipeline(model()), grid, scoring=scorer, cv=3, error_score="raise"
    ).fit(X, y)
    assert column.best_params_ == {"fairlogisticregression__strength": 10.0}
    scorer = fairness_scorer("demographic_parity_difference", pos_label="hire")
    pipe = make_pipeline(StandardScaler(), model(sensitive_features=None))
    routed = GridSearchCV(pipe, grid, scoring=scorer, cv=3, error_score="raise")
    sex = X["sex"].to_numpy()
    routed.fit(X[["skill", "proxy"]], y, sensitive_features=sex)
    assert routed.best_params_ == {"fairlogisticregression__strength": 10.0}
    assert routed.best_score_ == pytest.approx(column.best_score_, abs=0.02)
    routed.predict(X[["skill", "proxy"]])


def test_a_search_that_is_cut_short_warns():
    X, y, _ = biased_rows()
    for options in ({}, {"tol": 0.1}, {"method": "gap"}):
        with pytest.warns(ConvergenceWarning, match="raise max_iter or solver_tol"):
            fitted = model(max_iter=1, **options).fit(X, y)
        assert not fitted.converged_
        assert fitted.n_iter_ >= 1


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": -1}, "strength must be a number of at least 0"),
        ({"strength": np.nan}, "strength must be a number of at least 0"),
        ({"tol": -0.1}, "tol must be a number of at least 0"),
        ({"tol": [0.1, 0.1]}, "1 constraints have 2 tolerances"),
        ({"tol": "0.1"}, "tol must be a number of at least 0"),
        ({"C": 0}, "C must be a number above 0"),
        ({"C": "1"}, "C must be a number above 0"),
        ({"solver_tol": 0}, "solver_tol must be a number above 0"),
        ({"l1_ratio": 1.5}, "l1_ratio must be between 0 and 1"),
        ({"n_starts": 0}, "n_starts must be an integer of at least 1"),
        ({"max_iter": 1.5}, "max_iter must be an integer"),
        ({"max_iter": True}, "max_iter must be an integer"),
        ({"n_starts": True}, "n_starts must be an integer"),
        ({"solver_tol": np.inf}, "solver_tol must be a number above 0"),
        ({"method": "gap", "tol": 5}, "between 0 and 1: got 5"),
        ({"tol": pd.Series([0.1, 0.1])}, "1 constraints have 2 tolerances"),
        ({"method": "both"}, 'method must be "covariance" or "gap"'),
        ({"constraints": "equalised_odds"}, "did you mean 'equalized_odds'"),
        ({"constraints": []}, "constraints is empty"),
        ({"constraints": "predictive_parity"}, "predictive_parity can't be a constraint"),
        ({"constraints": ["accuracy", "f1_score"]}, "f1_score can't be a constraint"),
        ({"constraints": "disparate_impact"}, "disparate_impact is a ratio.*'selection_rate'"),
        ({"constraints": "base_rate"}, "'base_rate'. don't depend on decisions"),
        ({"sensitive_features": "gender"}, "no column 'gender'"),
        ({"sensitive_features": None}, "needs sensitive features"),
        ({"missing": "drop"}, "missing must be"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    X, y, _ = biased_rows(50)
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y)


def test_bad_rows_are_refused():
    X, y, weights = biased_rows(50)
    sex, rows = X["sex"], features(X)
    unnamed = model(sensitive_features=None)
    for bad, message in ((np.nan, "NaN"), (np.inf, "infinity")):
        broken = X.assign(skill=X["skill"].where(X.index > 0, bad))
        with pytest.raises(ValueError, match=rf"{message}.* \['skill'\]"):
            model().fit(broken, y)
        for given in (features(broken), sparse.csr_array(features(broken))):
            with pytest.raises(ValueError, match=f"Input X contains {message}"):
                unnamed.fit(given, y, sensitive_features=sex)
    with pytest.raises(ValueError, match="all n_features=1 columns are sensitive"):
        model().fit(X[["sex"]], y)
    with pytest.raises(ValueError, match=r"columns \['city'\] are not numeric"):
        model().fit(X.assign(city="Bern"), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model().fit(X, y[:-1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model().fit(X, y, sample_weight=weights[:-1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        unnamed.fit(rows, y, sensitive_features=sex[:-1])
    with pytest.raises(ValueError, match="got sensitive features twice"):
        model().fit(X, y, sensitive_features=sex)
    with pytest.raises(ValueError, match="Negative values"):
        model().fit(X, y, sample_weight=-weights)
    with pytest.raises(ValueError, match="weights are zero"):
        model().fit(X, y, sample_weight=np.zeros(50))
    with pytest.raises(ValueError, match=r"at least 2 classes.*only one class: 'hire'"):
        model().fit(X, np.full(50, "hire"))
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        model().fit(X, np.arange(50) % 3)
    with pytest.raises(ValueError, match="Unknown label type"):
        model().fit(X, weights)
    fitted = model().fit(X, y)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(X[["skill", "proxy", "sex"]].rename(columns={"sex": "gender"}))


def test_within_bounds_comes_before_a_low_loss(monkeypatch):
    X, y, _ = biased_rows(50)
    outcomes = iter([(0.1, 0.1), (0.0, 0.5), (0.0, 0.4), (0.2, 0.0)])

    def pretend(objective, start, *_, **__):
        excess, value = next(outcomes)
        found = Found(np.full(len(start), value), value, 1, converged=True)
        return Bounded(found, np.zeros(1), np.zeros(1), excess)

    module = "skfair.inprocessing.fair_logistic_regression.minimise_within"
    monkeypatch.setattr(module, pretend)
    fitted = model(method="gap", tol=0.1, n_starts=4).fit(X, y)
    scale = np.sqrt(features(X).var(axis=0) + 4 / 50)  # and the penalty's curvature
    assert_allclose(fitted.coef_ * scale, 0.4)
