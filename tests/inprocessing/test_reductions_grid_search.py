"""ReductionsGridSearch: a fit for each point of a grid."""

from types import SimpleNamespace

import numpy as np
import pytest
from reductions import GAP, NUMBERS, SEX, Y, make_frame
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair.inprocessing import BoundedGroupLoss, ReductionsGridSearch, _price_grid
from skfair.inprocessing._price_grid import lattice, sweep_lattice, sweep_line


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


@pytest.mark.slow
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


def short_of(prices, tol, size, limit=0.5):
    """Points that a sweep of one price tries, where the plain gap of .3 falls by the price."""

    class Fits:
        problem = SimpleNamespace(excess=lambda sums: abs(sums[0]) - tol)
        moves = np.array([[1.0]])
        points, sums = np.zeros((0, 1)), []

        def add(self, points):
            self.points = np.concatenate([self.points, points])
            self.sums = self.sums + [np.array([prices(p[0])]) for p in points]

    fits = Fits()
    sweep_line(fits, size, limit)
    return fits.points[:, 0]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_line_is_searched_on_one_side_and_then_near_the_tolerance(sign):
    points = sign * short_of(lambda p: sign * 0.3 - p, 0.1, 11)
    assert points[:6] == pytest.approx(0.5 * np.arange(6) ** 2 / 25)  # 0, .02, .08, .18, .32, .5
    # 0.2 is enough: between .18 and .32, thirds, and thirds of the first third, and of its first
    first = [0.18 + 0.14 / 3, 0.18 + 0.28 / 3]
    second = [0.18 + 0.14 / 9, 0.18 + 0.28 / 9]
    assert points[6:10] == pytest.approx([*first, *second])
    assert len(points) == 11


def test_a_line_goes_beyond_a_limit_that_is_too_small():
    points = short_of(lambda p: 0.3 - p, 0.1, 9, limit=0.05)
    assert points[4] == 0.05
    assert points[5:7] == pytest.approx([0.1, 0.2])
    assert points[7:] == pytest.approx([0.1 + 0.1 / 3, 0.1 + 0.2 / 3])


def test_a_line_ends_where_the_plain_predictor_is_fair_or_nothing_is_left_between():
    assert len(short_of(lambda p: 0.05 - p, 0.1, 21)) == 11
    jump = short_of(lambda p: 0.3 if p < 0.2 else 0.0, 0.1, 101)
    near = np.sort(np.abs(jump - 0.2))
    assert near[1] < 1e-3 * 0.5
    assert len(jump) < 101


def test_a_gap_that_turns_around_between_two_points_is_caught():
    points = short_of(lambda p: 0.3 - 40 * max(p - 0.19, 0), 0.01, 31)
    assert np.min(np.abs(0.3 - 40 * (points - 0.19))) <= 0.01


@pytest.mark.parametrize(("n", "size"), [(2, 21), (2, 5), (3, 40), (1, 13)])
def test_a_lattice_is_searched_more_closely_around_its_best(n, size):
    goal = np.array([0.11, -0.07, 0.02])[:n]

    class Fits:
        moves, points, sums = np.eye(n), np.zeros((0, n)), []

        def add(self, points):
            self.points = np.concatenate([self.points, points])

    def distance(points):
        return np.abs(points - goal).sum(axis=1)

    fits = Fits()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            _price_grid, "best_within", lambda problem, sums: int(np.argmin(distance(fits.points)))
        )
        fits.problem = None
        sweep_lattice(fits, size, 0.5, signed=True)
    coarse = lattice(n, max(2 * size // 3, 2 * n + 1))
    spread = coarse * np.abs(coarse).sum(axis=1, keepdims=True) * 0.5
    assert fits.points[: len(coarse)] == pytest.approx(spread)
    assert len(fits.points) <= size
    assert np.abs(fits.points).sum(axis=1).max() <= 0.5 + 1e-9
    assert len(np.unique(fits.points.round(9), axis=0)) == len(fits.points)
    if size > len(coarse) + 2 * n:
        assert distance(fits.points).min() < distance(spread).min()


def test_prices_of_losses_stay_positive():
    class Fits:
        moves, points, sums, problem = np.eye(2), np.zeros((0, 2)), [], None

        def add(self, points):
            self.points = np.concatenate([self.points, points])

    fits = Fits()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_price_grid, "best_within", lambda problem, sums: 0)
        sweep_lattice(fits, 12, 0.5, signed=False)
    assert fits.points.min() >= 0
    assert len(fits.points) > len(lattice(2, 8, signed=False))


@pytest.mark.parametrize("tol", [0.02, 0.05, 0.1])
def test_the_price_is_narrowed_down_to_the_tolerance(tol):
    model = ReductionsGridSearch(LogisticRegression(), tol=tol).fit(
        NUMBERS, Y, sensitive_features=SEX
    )
    table, prices = model.results_, model.multipliers_.iloc[:, 0]
    assert model.n_oracle_calls_ <= len(table) <= 21
    assert prices.min() >= 0  # the second group's rate is above the first's
    assert tol - 0.01 <= table["demographic_parity"][model.best_index_] <= tol
    plain = ReductionsGridSearch(LogisticRegression(), tol=tol, grid=[[0.0]])
    with pytest.warns(UserWarning, match="objective 0"):
        plain.fit(NUMBERS, Y, sensitive_features=SEX)
    np.testing.assert_array_equal(
        plain.predict(NUMBERS),
        model.predictors_[int(np.flatnonzero(prices == 0)[0])].predict(NUMBERS),
    )


def test_equal_weights_are_fitted_once_however_late_they_come():
    rng = np.random.default_rng(0)
    X, group = rng.normal(size=(300, 1)), np.repeat(["a", "b"], [200, 100])
    y = np.where(group == "a", X[:, 0], -X[:, 0]) + rng.normal(size=300) / 5
    model = ReductionsGridSearch(
        LinearRegression(), constraints=BoundedGroupLoss(), grid_size=40
    ).fit(X, y, sensitive_features=group)
    points = model.multipliers_.to_numpy()
    sizes = np.array([200, 100]) / 300
    prices = np.where(points.any(axis=1, keepdims=True), points / sizes, 1.0)
    directions = np.round(prices / prices.max(axis=1, keepdims=True), 9)
    assert model.n_oracle_calls_ == len(np.unique(directions, axis=0)) < len(points)
