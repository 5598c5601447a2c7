"""ReductionsGridSearch: a fit for each point of a grid."""

import numpy as np
import pytest
from reductions import GAP, NUMBERS, SEX, Y, make_frame
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair.inprocessing import BoundedGroupLoss, ReductionsGridSearch
from skfair.inprocessing.reductions_grid_search import lattice


def test_the_best_point_within_tolerance_is_kept():
    model = ReductionsGridSearch(LogisticRegression(), tol=0.05, grid_size=31, grid_limit=1.0)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    table = model.results_
    fair = table[table["demographic_parity"] <= 0.05]
    assert model.best_index_ == fair["objective"].idxmax()
    assert GAP(Y, model.predict(NUMBERS), sensitive_features=SEX) <= 0.05
    predicted = model.predictors_[model.best_index_].predict(NUMBERS)
    np.testing.assert_array_equal(model.predict(NUMBERS), predicted)
    assert model.score(NUMBERS, Y) == pytest.approx(table["objective"][model.best_index_])
    assert [*model.multipliers_.columns] == ["selection_rate: m"]


def test_multipliers_push_the_rates():
    grid = [[-0.8], [-0.3], [0.0], [0.3], [0.8]]
    model = ReductionsGridSearch(LogisticRegression(), tol=0.5, grid=grid)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    share = [
        m.predict(NUMBERS)[SEX == "m"].mean() - m.predict(NUMBERS)[SEX == "f"].mean()
        for m in model.predictors_
    ]
    assert np.all(np.diff(share) <= 1e-9)
    assert share[0] > 0.2 > 0 > share[-1]


def test_points_of_ones_own_and_equal_ones_once():
    model = ReductionsGridSearch(LogisticRegression(), tol=1.0, grid=[[0.0], [0.3], [0.3]])
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    assert model.n_oracle_calls_ == 2
    assert len(model.results_) == 3
    plain = LogisticRegression().fit(NUMBERS, Y)
    np.testing.assert_allclose(model.predictors_[0].coef_, plain.coef_)


def test_jobs_give_the_same():
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    one, two = (ReductionsGridSearch(pipe, tol=0.05, grid_size=5, n_jobs=n) for n in (None, 2))
    with pytest.warns(UserWarning, match="the predictor kept violates"):
        one.fit(NUMBERS, Y, sensitive_features=SEX)
    with pytest.warns(UserWarning, match="the predictor kept violates"):
        two.fit(NUMBERS, Y, sensitive_features=SEX)
    np.testing.assert_array_equal(one.predict_proba(NUMBERS), two.predict_proba(NUMBERS))
    assert one.n_oracle_calls_ == two.n_oracle_calls_ == 5


def test_several_groups_and_rates():
    frame, y, group = make_frame(1500, 2, 3)
    model = ReductionsGridSearch(
        LogisticRegression(), constraints="equalized_odds", tol=0.15, grid_size=45
    ).fit(frame[["a", "b", "c"]], y, sensitive_features=group)
    assert model.multipliers_.shape[1] == 4
    assert model.violation_["equalized_odds"] <= 0.15


def test_worst_loss_falls_as_its_group_gains_weight():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 1))
    group = np.repeat(["a", "b"], [500, 100])
    y = np.where(group == "a", X[:, 0], -X[:, 0]) + rng.normal(size=600) / 5
    plain = ReductionsGridSearch(
        LinearRegression(), constraints=BoundedGroupLoss(), grid=[[0.0, 0.0]]
    ).fit(X, y, sensitive_features=group)
    model = ReductionsGridSearch(
        LinearRegression(), constraints=BoundedGroupLoss(), grid_size=21
    ).fit(X, y, sensitive_features=group)
    assert model.results_["objective"].max() > plain.results_["objective"].max() + 0.5


@pytest.mark.parametrize(
    ("n", "size", "count"), [(1, 4, 3), (1, 9, 9), (2, 13, 13), (3, 7, 7), (0, 5, 1)]
)
def test_lattices_are_as_fine_as_the_size_allows(n, size, count):
    points = lattice(n, size)
    assert len(points) == count
    assert np.abs(points).sum(axis=1).max(initial=0) <= 1
    assert len({tuple(p) for p in points}) == count


def test_positive_lattices():
    assert lattice(2, 6, signed=False).min() == 0
    assert len(lattice(2, 6, signed=False)) == 6


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"grid_size": 2}, "at least 3 points"),
        ({"grid_size": 0}, "grid_size"),
        ({"grid_limit": 0.0}, "grid_limit"),
        ({"grid": [[1.0, 2.0]]}, "shape"),
    ],
)
def test_bad_grids_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        ReductionsGridSearch(LogisticRegression(), **params).fit(NUMBERS, Y, sensitive_features=SEX)


def test_nothing_to_compare_leaves_the_plain_estimator():
    with pytest.warns(UserWarning, match="nothing to compare"):
        model = ReductionsGridSearch(LogisticRegression()).fit(
            NUMBERS, Y, sensitive_features=["all"] * len(Y)
        )
    plain = LogisticRegression().fit(NUMBERS, Y)
    np.testing.assert_allclose(model.predict_proba(NUMBERS), plain.predict_proba(NUMBERS))
    free = ReductionsGridSearch(LogisticRegression(), constraints=[])
    np.testing.assert_array_equal(
        free.fit(NUMBERS, Y, sensitive_features=SEX).predict(NUMBERS), model.predict(NUMBERS)
    )


def test_a_constant_predictor_is_kept_only_with_a_warning():
    rng = np.random.default_rng(0)
    x, group = rng.normal(size=(500, 1)), rng.choice(["f", "m"], 500)
    y = (rng.random(500) < 0.1).astype(int)
    with pytest.warns(UserWarning, match="the same for all rows"):
        ReductionsGridSearch(LogisticRegression(), grid=[[0.0]]).fit(x, y, sensitive_features=group)


@pytest.mark.parametrize("grid", [[[np.nan]], [[np.inf]]])
def test_grids_must_be_finite(grid):
    with pytest.raises(ValueError, match="must be finite"):
        ReductionsGridSearch(LogisticRegression(), grid=grid).fit(
            NUMBERS, Y, sensitive_features=SEX
        )


def test_prices_of_losses_cannot_be_negative():
    model = ReductionsGridSearch(
        LinearRegression(), constraints=BoundedGroupLoss(), grid=[[-1.0, 0.0]]
    )
    with pytest.raises(ValueError, match="at least 0"):
        model.fit(NUMBERS, NUMBERS["a"], sensitive_features=SEX)
