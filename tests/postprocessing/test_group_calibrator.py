"""GroupCalibrator: planted miscalibration goes, and small groups don't suffer."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.svm import LinearSVC

from skfair.groups import Groups
from skfair.metrics import calibration_gap, performance_scorer
from skfair.postprocessing import GroupCalibrator
from skfair.postprocessing._calibration import (
    SHRINKAGES,
    GroupCalibration,
    Isotonic,
    Sigmoid,
    choose_shrinkage,
    effective_sizes,
    fit_isotonic,
    fit_sigmoid,
    rows_of_groups,
    shares,
)


class Given(ClassifierMixin, BaseEstimator):
    """Its probability of the second class is the first column of X."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.n_features_in_ = np.shape(X)[1]
        return self

    def predict_proba(self, X):
        positive = np.asarray(X)[:, 0].astype(float)
        return np.column_stack([1 - positive, positive])

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]


def planted(n, shift=1.5, seed=0, small=None):
    """Probabilities that are right for group 0 and too low for group 1, by a shift of the logit."""
    rng = np.random.default_rng(seed)
    group = (np.arange(n) < (n // 2 if small is None else small)).astype(int)
    score = rng.normal(size=n) * 1.5
    y = (rng.random(n) < expit(score + shift * group)).astype(int)
    return np.column_stack([expit(score), group]), y


# Maps


def test_platts_map_has_the_gradient_zero_of_its_smoothed_likelihood():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(3, 2, size=80), rng.random(80) + 0.1
    positive = rng.random(80) < expit(scores - 3)
    found = fit_sigmoid(scores, positive, weights)
    sizes = [w.sum() ** 2 / (w**2).sum() for w in (weights[~positive], weights[positive])]
    target = np.where(positive, (sizes[1] + 1) / (sizes[1] + 2), 1 / (sizes[0] + 2))
    residual = weights * (target - found(scores))
    assert_allclose([residual.sum(), residual @ scores], 0, atol=1e-6)
    assert_allclose(found, fit_sigmoid(scores, positive, weights * 1e6))


def test_platts_map_of_right_probabilities_leaves_them():
    X, y = planted(200_000, shift=0)
    slope, intercept = fit_sigmoid(logit(X[:, 0]), y == 1, np.ones(len(y)))
    assert_allclose([slope, intercept], [1, 0], atol=0.02)


def test_separated_and_constant_scores_have_a_map():
    scores, positive = np.arange(6.0), np.arange(6) > 2
    found = fit_sigmoid(scores, positive, np.ones(6))(scores)
    assert (np.diff(found) > 0).all()
    assert 0 < found[0] < 0.5 < found[-1] < 1
    alone = fit_sigmoid(np.full(4, 2.0), np.ones(4, dtype=bool), np.ones(4))
    assert_allclose(alone, [0, np.log(5)])  # 5/6 against 1/6


def test_an_isotonic_map_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    scores, weights = rng.random(50), rng.random(50) + 0.1
    positive = rng.random(50) < scores
    expected = IsotonicRegression(out_of_bounds="clip").fit(scores, positive, weights)
    grid = np.linspace(-1, 2, 31)
    assert_allclose(fit_isotonic(scores, positive, weights)(grid), expected.predict(grid))


def test_a_share_is_the_size_over_the_size_and_k():
    assert_allclose(shares(np.array([30.0, 90, 0]), 30), [0.5, 0.75, 0])
    assert_allclose(shares(np.array([30.0, 0]), 0), [1, 0])
    assert_allclose(shares(np.array([30.0, 0]), np.inf), [0, 0])


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=30))
@settings(max_examples=30)
def test_rows_of_groups_are_found(codes):
    codes = np.array(codes)
    for group, rows in enumerate(rows_of_groups(codes, 4)):
        assert_array_equal(rows, np.flatnonzero(codes == group))


def test_effective_sizes_dont_hang_on_the_scale_of_weights():
    codes, weights = np.array([0, 0, 1, 1]), np.array([1.0, 3, 2, 2])
    assert_allclose(effective_sizes(codes, 2, weights), [1.6, 2])
    assert_allclose(effective_sizes(codes, 2, weights * 1e-7), [1.6, 2])


# What it is for


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_the_calibration_gap_falls_on_fresh_data(method):
    X, y = planted(3000, seed=1)
    fresh, y_fresh = planted(6000, seed=2)
    model = GroupCalibrator(Given(), sensitive_features=1, method=method).fit(X, y)
    before = calibration_gap(y_fresh, fresh[:, 0], sensitive_features=fresh[:, 1])
    after = calibration_gap(
        y_fresh, model.predict_proba(fresh)[:, 1], sensitive_features=fresh[:, 1]
    )
    pooled = clone(model).set_params(shrinkage=np.inf).fit(X, y).predict_proba(fresh)[:, 1]
    assert before > 0.2
    assert calibration_gap(y_fresh, pooled, sensitive_features=fresh[:, 1]) > 0.2
    assert after < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "most"), [(0.0, 0.01), (1.5, -0.02)])
def test_a_small_group_is_no_worse_off_than_with_pooled_calibration(shift, most):
    losses = []
    for seed in range(10):
        X, y = planted(640, shift=shift, seed=seed, small=40)
        fresh, y_fresh = planted(4000, shift=shift, seed=100 + seed, small=4000)
        loss = []
        for k in ("auto", np.inf, None):
            model = GroupCalibrator(Given(), sensitive_features=1, shrinkage=k, cv="prefit")
            model.set_params(estimator=Given().fit(X, y)).fit(X, y)
            loss.append(log_loss(y_fresh, model.predict_proba(fresh)))
        losses.append(loss)
    auto, pooled, own = np.mean(losses, axis=0)
    assert auto - pooled < most
    assert shift or auto - pooled < (own - pooled) / 2


def test_groups_that_dont_differ_are_calibrated_alike():
    chosen = []
    for seed in range(10):
        X, y = planted(1000, shift=0, seed=seed)
        model = GroupCalibrator(Given().fit(X, y), sensitive_features=1, cv="prefit").fit(X, y)
        chosen.append(model.shrinkage_)
    assert chosen.count(np.inf) >= 8


def test_groups_have_one_map_unless_it_is_clearly_worse():
    X, y = planted(600, shift=0.6, seed=1)
    found = choose_shrinkage(
        X[:, 0], y == 1, Groups.read(X[:, 1]), np.ones(600), method="sigmoid", edge=1e-3
    )
    assert found.losses[-1] > found.losses[:-1].min()  # a little
    assert found.k == np.inf


def test_groups_that_differ_much_are_hardly_shrunk():
    X, y = planted(2000, shift=3)
    model = GroupCalibrator(Given(), sensitive_features=1).fit(X, y)
    assert model.shrinkage_ <= 100
    assert model.group_shares_.min() > 0.9
    assert model.shrinkage_losses_.idxmin() <= model.shrinkage_


def test_the_chosen_k_is_the_largest_within_one_standard_error():
    X, y = planted(600, shift=1.0, seed=300)
    groups, weights = Groups.read(X[:, 1]), np.ones(600)
    found = choose_shrinkage(X[:, 0], y == 1, groups, weights, method="sigmoid", edge=1e-3)
    best = SHRINKAGES[np.argmin(found.losses)]
    assert best < found.k < np.inf  # else this says nothing
    for factor in (1e-6, 1e6):
        scaled = choose_shrinkage(
            X[:, 0], y == 1, groups, weights * factor, method="sigmoid", edge=1e-3
        )
        assert scaled.k == found.k
        assert_allclose(scaled.losses, found.losses)


# Probabilities


def test_a_probability_mixes_the_groups_map_with_that_of_all_rows():
    X, y = planted(400)
    model = GroupCalibrator(Given().fit(X, y), sensitive_features=1, shrinkage=200, cv="prefit")
    model.fit(X, y)
    assert_allclose(model.group_shares_, [0.5, 0.5])
    scores = logit(X[:, 0])
    pooled = fit_sigmoid(scores, y == 1, np.ones(400))(scores)
    for group in (0, 1):
        rows = X[:, 1] == group
        own = fit_sigmoid(scores[rows], y[rows] == 1, np.ones(rows.sum()))
        assert_allclose(model.maps_.loc[group], own, rtol=1e-6)
        expected = (pooled[rows] + own(scores[rows])) / 2
        assert_allclose(model.predict_proba(X[rows])[:, 1], expected)
    assert_array_equal(model.predict(X), model.predict_proba(X)[:, 1] > 0.5)
    assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))
    assert model.score(X, y) == np.mean(model.predict(X) == y)
    weights = np.arange(400.0)
    right = model.predict(X) == y
    assert_allclose(model.score(X, y, sample_weight=weights), np.average(right, weights=weights))


def test_without_shrinkage_one_group_is_scikit_learns_calibration():
    X, y = planted(300, shift=0.5)
    frozen = FrozenEstimator(Given().fit(X, y))
    model = GroupCalibrator(
        frozen, sensitive_features=lambda X: np.zeros(len(X)), method="isotonic"
    )
    expected = CalibratedClassifierCV(frozen, method="isotonic").fit(X, y)
    assert_allclose(
        model.set_params(shrinkage=None).fit(X, y).predict_proba(X), expected.predict_proba(X)
    )


def test_probabilities_of_0_and_1_are_no_infinite_scores():
    X, y = planted(200)
    X[:10, 0], X[10:20, 0] = 0.0, 1.0
    model = GroupCalibrator(Given(), sensitive_features=1).fit(X, y)
    chance = model.predict_proba(X)
    assert ((chance > 0) & (chance < 1)).all()
    edge = X.copy()
    edge[:10, 0], edge[10:20, 0] = 1 / 400, 1 - 1 / 400
    assert_array_equal(model.predict_proba(edge), chance)


def test_a_decision_function_is_calibrated_as_it_is():
    X, y = planted(500)
    model = GroupCalibrator(LinearSVC(), sensitive_features=1, shrinkage=None).fit(X, y)
    scores = model.estimator_.decision_function(X)
    expected = Sigmoid(*model.maps_.loc[1.0])(scores[X[:, 1] == 1])
    assert_allclose(model.predict_proba(X[X[:, 1] == 1])[:, 1], expected)
    assert not hasattr(model, "decision_function")


def test_either_class_may_be_the_positive_one():
    X, y = planted(400)
    names = np.where(y == 1, "hire", "no")
    model = GroupCalibrator(LogisticRegression(), sensitive_features=1)
    as_numbers, as_names = clone(model).fit(X, y), clone(model).fit(X, names)
    assert_allclose(as_names.predict_proba(X)[:, 0], as_numbers.predict_proba(X)[:, 1], atol=1e-6)
    assert set(as_names.predict(X)) == {"hire", "no"}


# Groups, weights, input


def test_metadata_and_columns_give_the_same():
    X, y = planted(300)
    column = GroupCalibrator(Given(), sensitive_features=1).fit(X, y)
    given_ = GroupCalibrator(Given()).fit(X, y, sensitive_features=X[:, 1])
    expected = column.predict_proba(X)
    assert_array_equal(given_.predict_proba(X, sensitive_features=X[:, 1]), expected)
    assert_array_equal(given_.predict(X, sensitive_features=X[:, 1]), column.predict(X))
    turned = given_.predict_proba(X, sensitive_features=1 - X[:, 1])
    assert abs(turned - expected).max() > 0.1
    with pytest.raises(ValueError, match="needs sensitive features"):
        given_.predict(X)
    with pytest.raises(ValueError, match="twice"):
        column.predict(X, sensitive_features=X[:, 1])


def test_frames_of_any_kind_and_index_give_the_same():
    X, y = planted(300)
    frame = pd.DataFrame({"score": X[:, 0], "sex": np.where(X[:, 1] == 1, "f", "m")})
    expected = GroupCalibrator(Given(), sensitive_features="sex").fit(frame, y).predict_proba(frame)
    turned = frame.set_index(np.arange(300)[::-1])
    labels = pd.Series(y, index=np.arange(300) + 7)
    model = GroupCalibrator(Given(), sensitive_features="sex")
    assert_allclose(model.fit(turned, labels).predict_proba(turned), expected)
    polars = pl.from_pandas(frame)
    assert_allclose(model.fit(polars, pl.Series(y)).predict_proba(polars), expected)


def test_several_features_and_missing_values_are_groups():
    X, y = planted(400)
    sex = np.where(X[:, 1] == 1, "f", "m").astype(object)
    sex[:25] = None
    both = {"sex": sex, "old": np.arange(400) % 2}
    model = GroupCalibrator(Given()).fit(X, y, sensitive_features=pd.DataFrame(both))
    assert model.group_shares_.index.names == ["sex", "old"]
    assert ("<missing>", 1) in model.group_shares_.index
    assert model.predict_proba(X, sensitive_features=pd.DataFrame(both)).shape == (400, 2)
    with pytest.raises(ValueError, match="missing values"):
        GroupCalibrator(Given(), missing="raise").fit(X, y, sensitive_features=sex)


def test_an_unseen_group_is_refused_or_gets_the_pooled_map():
    X, y = planted(400)
    model = GroupCalibrator(Given(), sensitive_features=1, shrinkage=None).fit(X, y)
    new = X.copy()
    new[:3, 1] = 7
    with pytest.raises(ValueError, match=r"unseen at fit: \[7\.0\]"):
        model.predict(new)
    model.set_params(fallback="pooled").fit(X, y)
    found = model.predict_proba(new)[:, 1]
    pooled = clone(model).set_params(shrinkage=np.inf).fit(X, y).predict_proba(X)[:, 1]
    assert_allclose(found[:3], pooled[:3])
    assert_allclose(found[3:], model.predict_proba(X)[3:, 1])


def test_rows_of_weight_zero_are_no_rows():
    X, y = planted(400, seed=5)
    weights = np.where(np.arange(400) % 5 == 2, 0.0, 2.0)
    kept = weights > 0
    model = GroupCalibrator(Given(), sensitive_features=1)
    expected = clone(model).fit(X[kept], y[kept])
    found = clone(model).fit(X, y, sample_weight=weights)
    assert found.shrinkage_ == expected.shrinkage_
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=1e-6)


def test_a_group_of_weight_zero_is_known_and_gets_the_pooled_map():
    X, y = planted(400)
    X[:8, 1] = 2
    weights = np.where(X[:, 1] == 2, 0.0, 1.0)
    model = GroupCalibrator(Given(), sensitive_features=1, shrinkage=None)
    model.fit(X, y, sample_weight=weights)
    assert model.group_shares_.loc[2.0] == 0
    pooled = clone(model).set_params(shrinkage=np.inf).fit(X, y, sample_weight=weights)
    assert_allclose(model.predict_proba(X[:8]), pooled.predict_proba(X[:8]))


def test_weights_move_the_maps():
    X, y = planted(400)
    model = GroupCalibrator(Given(), sensitive_features=1, shrinkage=None)
    heavy = np.where(y == 1, 4.0, 1.0)
    plain = clone(model).fit(X, y).predict_proba(X)[:, 1]
    assert (clone(model).fit(X, y, sample_weight=heavy).predict_proba(X)[:, 1] > plain).all()


def test_clone_pickle_and_repetition_change_nothing():
    X, y = planted(300)
    for method in ("sigmoid", "isotonic"):
        forest = RandomForestClassifier(5, random_state=0)
        model = GroupCalibrator(forest, sensitive_features=1, method=method).fit(X, y)
        expected = model.predict_proba(X)
        assert_array_equal(clone(model).fit(X, y).predict_proba(X), expected)
        assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
    assert model.maps_ is None
    assert isinstance(model._calibration.maps.pooled, Isotonic)
    assert model.uses_group_at_predict
    assert model.n_features_in_ == 2


def test_it_can_be_searched_with_groups_as_metadata(routing):
    X, y = planted(200)
    accuracy, methods = performance_scorer("accuracy"), {"method": ["sigmoid", "isotonic"]}
    model = GroupCalibrator(LogisticRegression(), cv=2)
    search = GridSearchCV(model, methods, scoring=accuracy, cv=2)
    search.fit(X, y, sensitive_features=X[:, 1], sample_weight=np.ones(200))
    found = search.best_estimator_.predict(X, sensitive_features=X[:, 1])
    assert found.shape == (200,)
    column = clone(model).set_params(sensitive_features=1)
    params = {"sensitive_features": X[:, 1]}
    inside = cross_val_score(model, X, y, scoring=accuracy, params=params, cv=3)
    assert_allclose(inside, cross_val_score(column, X, y, params={}, scoring=accuracy, cv=3))


def test_groups_are_asked_for_wherever_they_are_needed():
    for asks in (True, False):
        model = GroupCalibrator(LogisticRegression(), sensitive_features=None if asks else 1)
        routing = model.get_metadata_routing()
        for method in ("fit", "predict", "predict_proba", "predict_log_proba", "score"):
            asked = routing.consumes(method, ["sensitive_features"])
            assert asked == ({"sensitive_features"} if asks else set())
    assert routing.consumes("score", ["sample_weight"])


def test_groups_reach_a_wrapped_estimator_that_asks_for_them(routing):
    X, y = planted(300)
    inner = GroupCalibrator(Given(), shrinkage=None, cv=2)
    model = GroupCalibrator(inner, shrinkage=np.inf, cv=2)
    model.fit(X, y, sensitive_features=X[:, 1])
    gap = calibration_gap(
        y, model.predict_proba(X, sensitive_features=X[:, 1])[:, 1], sensitive_features=X[:, 1]
    )
    assert gap < 0.05  # by the inner one


def test_groups_reach_it_without_routing_too():
    X, y = planted(300)
    model = GroupCalibrator(GroupCalibrator(Given(), cv=2), cv=2)
    model.fit(X, y, sensitive_features=X[:, 1])
    assert model.predict(X, sensitive_features=X[:, 1]).shape == (300,)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": "beta"}, "calibration method"),
        ({"shrinkage": -1}, "shrinkage must be"),
        ({"shrinkage": "much"}, "shrinkage must be"),
        ({"shrinkage": True}, "shrinkage must be"),
        ({"fallback": "guess"}, "fallback must be"),
    ],
)
def test_parameters_out_of_range_are_refused(params, message):
    X, y = planted(50)
    with pytest.raises(ValueError, match=message):
        GroupCalibrator(Given(), sensitive_features=1, **params).fit(X, y)


def test_more_or_fewer_than_two_classes_are_refused():
    X, _ = planted(60)
    model = GroupCalibrator(Given(), sensitive_features=1)
    with pytest.raises(ValueError, match=r"for two classes, and y has 3.*OneVsRestClassifier"):
        model.fit(X, np.arange(60) % 3)
    with pytest.raises(ValueError, match="one class only"):
        model.fit(X, np.zeros(60))
    with pytest.raises(ValueError, match="one class only"):
        model.fit(X, np.arange(60) % 2, sample_weight=np.arange(60) % 2)
    with pytest.raises(ValueError, match="weights are zero"):
        model.fit(X, np.arange(60) % 2, sample_weight=np.zeros(60))


def test_maps_of_groups_know_no_other_rows():
    scores, codes = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 1, 0, 1])
    positive = np.array([False, True, True, False])
    groups = Groups(codes, ("a", "b"), ("g",))
    maps = GroupCalibration.fit(scores, positive, groups, np.ones(4), method="isotonic", edge=None)
    pooled, own = maps.predict(scores, codes)
    assert_allclose(own, [0, 0.5, 1, 0.5])
    assert_allclose(pooled, [0, 2 / 3, 2 / 3, 2 / 3])
    assert_allclose(maps.predict(scores, np.full(4, -1))[1], pooled)
