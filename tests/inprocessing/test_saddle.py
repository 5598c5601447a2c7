"""The linear programme and the game: certificates of optimality."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from reductions import LookupClassifier, make_problem
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skfair.datasets import load_adult
from skfair.inprocessing import ExponentiatedGradient, _saddle
from skfair.inprocessing._oracle import Oracle
from skfair.inprocessing._problems import DecisionProblem
from skfair.inprocessing._programmes import solve_master
from skfair.inprocessing._requirements import Band, require_bands, require_below
from skfair.inprocessing._saddle import Game, solve


@pytest.fixture
def rows():
    """Rows of six kinds, whose labels and groups go with the kind."""
    rng = np.random.default_rng(0)
    kind = rng.integers(6, size=400)
    group = (rng.random(400) < 0.2 + 0.12 * kind).astype(int)
    y = (rng.random(400) < 0.1 + 0.15 * kind).astype(int)
    return kind.reshape(-1, 1).astype(float), y, group


def best_of_all_tables(problem, X):
    """The best mixture of all tables from kind to class, by one linear programme."""
    kinds = X[:, 0].astype(int)
    tables = np.array(list(product([0, 1], repeat=kinds.max() + 1)))
    sums = np.array([problem.count(table[kinds].astype(np.int8)) for table in tables])
    return solve_master(sums, problem.loss, problem.requirements(), 1e4)


@pytest.mark.parametrize(
    ("constraints", "tol"),
    [
        ("demographic_parity", 0.0),
        ("demographic_parity", 0.05),
        ("equalized_odds", 0.02),
        ("average_abs_odds", 0.05),
        ("disparate_impact", 0.1),
        (["equal_opportunity", "accuracy"], [0.02, 0.1]),
    ],
)
def test_an_exact_oracle_leads_to_the_optimum(rows, constraints, tol):
    X, y, group = rows
    weights = np.random.default_rng(1).uniform(0.5, 2, len(y))
    problem = make_problem(y, group, constraints, tol, weights)
    game = Game(problem, Oracle(LookupClassifier(), X, y, classes=[0, 1]))
    found = solve(game, max_iter=100, solver_tol=1e-9)
    best = best_of_all_tables(problem, X)
    assert best.excess == pytest.approx(0, abs=1e-9)
    assert found.gap <= 1e-9
    assert -problem.value(found.mixed) == pytest.approx(best.value, abs=1e-8)
    assert problem.excess(found.mixed) <= 1e-8


def test_the_gap_bounds_what_is_missing_at_every_round(rows):
    X, y, group = rows
    problem = make_problem(y, group, "equalized_odds", 0.01)
    best = best_of_all_tables(problem, X)
    for rounds in range(1, 6):
        game = Game(problem, Oracle(LookupClassifier(), X, y, classes=[0, 1]))
        found = solve(game, max_iter=rounds, solver_tol=0.0)
        last = found.history[-1]
        penalised = -last.objective
        assert penalised - found.gap <= best.value + 1e-9


def test_nothing_is_fitted_twice(rows):
    X, y, group = rows
    problem = make_problem(y, group, "demographic_parity", 1.0)
    oracle = Oracle(LogisticRegression(), X, y, classes=[0, 1])
    found = solve(Game(problem, oracle), max_iter=10, solver_tol=1e-6)
    assert oracle.n_calls == 1
    assert found.gap == 0
    assert found.chances.tolist() == [1.0]


def test_multipliers_satisfy_complementary_slackness(rows):
    _, y, group = rows
    problem = make_problem(y, group, "equalized_odds", 0.05)
    rng = np.random.default_rng(0)
    sums = np.array([problem.count(rng.integers(0, 2, 400).astype(np.int8)) for _ in range(12)])
    needs = problem.requirements()
    master = solve_master(sums, problem.loss, needs, 100.0)
    assert (master.multipliers >= -1e-12).all()
    price = problem.loss + needs.on_sums.T @ master.multipliers
    costs = sums @ price
    active = master.chances > 1e-9
    np.testing.assert_allclose(costs[active], costs.min(), atol=1e-9)
    np.testing.assert_allclose(needs.on_ends.T @ master.multipliers, 0, atol=1e-9)


def test_the_worst_loss_is_as_small_as_a_mixture_can_make_it():
    losses = np.array([[4.0, 1.0], [1.0, 3.0], [2.0, 2.5]])
    master = solve_master(losses, np.zeros(2), require_below(np.eye(2), None), 100.0)
    direct = linprog(
        [0, 0, 0, 1],
        A_ub=np.hstack([losses.T, -np.ones((2, 1))]),
        b_ub=[0, 0],
        A_eq=[[1, 1, 1, 0]],
        b_eq=[1],
    )
    assert master.value == pytest.approx(direct.fun)
    assert (master.chances @ losses).max() == pytest.approx(direct.fun)


def test_a_mean_of_gaps_is_bound_as_its_own_programme_says(rows):
    X, y, group = rows
    tol = 0.02
    problem = make_problem(y, group, "average_abs_odds", tol)
    found = solve(
        Game(problem, Oracle(LookupClassifier(), X, y, classes=[0, 1])),
        max_iter=100,
        solver_tol=1e-9,
    )
    tables = np.array(list(product([0, 1], repeat=6)))[:, X[:, 0].astype(int)]
    gaps = [
        [np.diff([t[(group == g) & (y == c)].mean() for g in (0, 1)])[0] for c in (1, 0)]
        for t in tables
    ]
    signs = np.array(list(product([-1, 1], repeat=2)))
    best = linprog(
        (tables != y).mean(axis=1),
        A_ub=signs @ np.array(gaps).T / 2,
        b_ub=np.full(4, tol),
        A_eq=np.ones((1, len(tables))),
        b_eq=[1.0],
    )
    assert problem.value(found.mixed) == pytest.approx(1 - best.fun, abs=1e-8)
    assert problem.violations(found.mixed)["average_abs_odds"] == pytest.approx(tol, abs=1e-8)


def test_probes_go_on_where_the_oracle_errs(rows):
    class Timid(LookupClassifier):
        """Answers only half of the price that it is asked: an oracle that errs."""

        def fit(self, X, y, sample_weight=None):
            strong = sample_weight > 1.5 * np.median(sample_weight)
            return super().fit(X, y, np.where(strong, sample_weight / 2, sample_weight))

    X, y, group = rows
    problem = make_problem(y, group, "demographic_parity", 0.02)
    found = solve(
        Game(problem, Oracle(Timid(), X, y, classes=[0, 1])), max_iter=50, solver_tol=1e-6
    )
    assert found.history[-1].n_oracle_calls > len(found.history)
    assert problem.excess(found.mixed) <= 1e-8


def test_detours_pull_groups_against_all_rows():
    three = Band(np.eye(4)[:3], 0.1, sizes=np.array([1.0, 1.0, 2.0]))
    two = Band(np.eye(4)[2:], 0.2, sizes=np.array([1.0, 3.0]))
    found = require_bands([three, two], 4)
    whole, other = [0.25, 0.25, 0.5, 0.0], [0.0, 0.0, 0.25, 0.75]
    above, below = found.detours
    np.testing.assert_allclose(above[[0, 1, 2, 6, 7]], [whole] * 3 + [other] * 2)
    np.testing.assert_allclose(below[[3, 4, 5, 8, 9]], -np.array([whole] * 3 + [other] * 2))
    kept = [3, 4, 5, 8, 9]
    np.testing.assert_allclose(above[kept], found.on_sums[kept])
    kept = [0, 1, 2, 6, 7]
    np.testing.assert_allclose(below[kept], found.on_sums[kept])
    assert require_bands([two], 4).detours == ()


def test_detours_find_what_a_logistic_regression_answers_better(monkeypatch):
    monkeypatch.setattr(_saddle, "tells_probabilities", lambda member: False)
    X, y = load_adult(return_X_y=True)
    part = X.sample(2000, random_state=0)
    race, rich = part["race"].astype(str).to_numpy(), (y[part.index] == ">50K").to_numpy()
    features = StandardScaler().fit_transform(part.select_dtypes("number"))
    model = ExponentiatedGradient(LogisticRegression(), tol=0.09, randomized=True, random_state=0)
    own = model.fit(features, rich, sensitive_features=race).objective_["mixture"]
    asked = DecisionProblem.requirements
    monkeypatch.setattr(
        DecisionProblem, "requirements", lambda self: replace(asked(self), detours=())
    )
    without = model.fit(features, rich, sensitive_features=race).objective_["mixture"]
    assert own > without + 0.01


def test_both_detours_are_asked_for_and_only_before_the_end(rows, monkeypatch):
    X, y, _ = rows
    problem = make_problem(y, X[:, 0].astype(int) // 2, "demographic_parity", 0.02)
    game = Game(problem, Oracle(LogisticRegression(), X, y, classes=[0, 1]))
    asked, masters, answer = [], [], game.answer
    game.answer = lambda price: asked.append(price) or answer(price)

    def recorded(*args):
        masters.append(solve_master(*args))
        return masters[-1]

    monkeypatch.setattr(_saddle, "solve_master", recorded)
    n_rounds = len(solve(game, max_iter=50, solver_tol=1e-6).history)
    multipliers, loss = masters[-2].multipliers, problem.loss / abs(problem.loss).max()
    assert multipliers.any()
    for detour in problem.requirements().detours:
        price = loss + detour.T @ multipliers
        assert any(np.allclose(price, other, atol=1e-12) for other in asked)
    n_probed, rest = divmod(len(asked) - 1 - n_rounds, 6)  # four other sizes and both detours
    assert (rest, 1 <= n_probed < n_rounds) == (0, True)
