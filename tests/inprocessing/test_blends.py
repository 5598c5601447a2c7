"""Means of probabilities, and the linear programmes that move them."""

import numpy as np
import pytest
from reductions import make_problem

from skfair.inprocessing._blends import (
    climb,
    cut_best,
    draw_weights,
    search_blends,
    tell_slopes,
)
from skfair.inprocessing._merits import set_standard
from skfair.inprocessing._programmes import solve_move
from skfair.inprocessing._requirements import Band, require_bands
from skfair.inprocessing._rules import choose_rule


def blind_and_seeing():
    """Scores that tell labels apart in the first group or in the second, and in neither."""
    y, codes = np.tile([0, 1], 20), np.repeat([0, 1], 20)
    first, second = (np.where(codes == k, y, 0.5) for k in (0, 1))
    return y, codes, np.array([first, second, np.full(40, 0.5)])


def noisy(n=400, n_members=3, seed=0, tol=0.01, weights=None):
    """Probabilities that tell labels apart, the better for the second group, and a standard."""
    rng = np.random.default_rng(seed)
    y, codes = rng.integers(0, 2, n), rng.integers(0, 2, n)
    noise = rng.random((n_members, n)) * (1 + codes)
    table = np.clip(0.3 * y + 0.2 * codes * (np.arange(n_members) % 2)[:, None] + 0.3 * noise, 0, 1)
    problem = make_problem(y, codes, "equalized_odds", tol, weights)
    sums = np.array([problem.count((own > 0.5).astype(np.int8)) for own in table])
    return problem, table, set_standard(problem, sums), sums


def test_weights_are_drawn_alike_each_time_and_begin_even():
    for n in (1, 2, 3, 30):
        weights = draw_weights(n)
        assert weights.shape == (31, n)
        np.testing.assert_allclose(weights.sum(axis=1), 1)
        assert weights.min() >= 0
        np.testing.assert_allclose(weights[0], 1 / n)
        np.testing.assert_array_equal(weights, draw_weights(n))
    few = (draw_weights(30)[1:] > 0.05).sum(axis=1)
    assert few.min() >= 1
    assert np.median(few) <= 6


def test_a_mean_of_probabilities_decides_where_no_cut_of_one_does():
    y, codes, table = blind_and_seeing()
    problem = make_problem(y, codes, "equalized_odds", 0.05)
    members = [problem.count((own > 0.5).astype(np.int8)) for own in table]
    scores = {("probability", k): own for k, own in enumerate(table)}
    rule, sums = choose_rule(problem, members, scores)
    assert problem.value(sums) == pytest.approx(1.0)
    assert (rule.score, rule.member) == ("probability", None)
    assert sum(rule.weights) == pytest.approx(1)
    decided = rule.decides(np.array(rule.weights) @ table)
    np.testing.assert_array_equal(decided, y == 1)


def test_weights_are_those_of_the_members_that_tell_probabilities():
    y, codes, table = blind_and_seeing()
    problem = make_problem(y, codes, "equalized_odds", 0.05)
    constant = problem.count(np.zeros(40, dtype=np.int8))
    members = [constant, *(problem.count((own > 0.5).astype(np.int8)) for own in table), constant]
    scores = {("probability", k + 1): own for k, own in enumerate(table)}
    rule, sums = choose_rule(problem, members, scores)
    assert problem.value(sums) == pytest.approx(1.0)
    assert len(rule.weights) == 5
    assert rule.weights[0] == rule.weights[4] == 0
    np.testing.assert_array_equal(rule.decides(np.array(rule.weights[1:4]) @ table), y == 1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_as_good_as_all_starts_and_a_fine_lattice(seed, weighted):
    weights = np.random.default_rng(seed + 9).integers(0, 3, 400) if weighted else None
    problem, table, standard, _ = noisy(seed=seed, weights=weights)
    found = search_blends(problem, table, standard)
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights.min() >= 0
    decided = (found.weights @ table >= found.cut - 1e-9).astype(np.int8)
    np.testing.assert_allclose(found.sums, problem.count(decided))
    ticks = np.linspace(0, 1, 13)
    lattice = [[a, b, 1 - a - b] for a in ticks for b in ticks if a + b <= 1 + 1e-9]
    of_lattice = max(cut_best(problem, table, np.array(w), standard).merit for w in lattice)
    of_starts = max(cut_best(problem, table, w, standard).merit for w in draw_weights(3))
    alone = max(cut_best(problem, table, w, standard).merit for w in np.eye(3))
    assert found.merit >= of_starts
    assert max(found.merit, alone) >= of_lattice - 2e-3  # one alone is cut before means are


def test_climbing_gains_on_most_starts_and_loses_on_none():
    problem, table, standard, _ = noisy(n=2000, n_members=6, seed=1)
    gains = []
    for own in draw_weights(6)[:12]:
        start = cut_best(problem, table, own, standard)
        gains.append(climb(problem, table, start, standard).merit - start.merit)
    assert min(gains) >= 0
    assert np.median(gains) > 0.01


def test_scores_that_are_all_0_select_nobody():
    y, codes, table = blind_and_seeing()
    problem = make_problem(y, codes, "equalized_odds", 0.05)
    standard = set_standard(problem, problem.count(y.astype(np.int8))[None])
    found = search_blends(problem, 0 * table, standard)
    np.testing.assert_allclose(found.sums, problem.count(np.zeros(40, dtype=np.int8)))


def test_slopes_are_what_the_cells_gain_where_scores_are_dense():
    rng = np.random.default_rng(0)
    n, weights, cut, step = 400_000, np.array([0.5, 0.3, 0.2]), 0.5, 0.01
    y, codes = rng.integers(0, 2, n), rng.integers(0, 2, n)
    table = np.clip(rng.random((3, n)) * (0.8 + 0.2 * y) + 0.1 * codes, 0, 1)
    problem = make_problem(y, codes, "equalized_odds", 0.01, rng.uniform(0.5, 2, n))
    slopes = tell_slopes(problem, table, weights, cut, near=0.05)
    assert slopes.shape == (4, 8)

    def cells(weights, cut):
        return problem.count((weights @ table >= cut).astype(np.int8))

    for k in range(3):
        up, down = weights + step * np.eye(3)[k], weights - step * np.eye(3)[k]
        gained = (cells(up, cut) - cells(down, cut)) / (2 * step)
        np.testing.assert_allclose(slopes[k], gained, atol=0.02, rtol=0.05)
    gained = (cells(weights, cut + step) - cells(weights, cut - step)) / (2 * step)
    np.testing.assert_allclose(slopes[3], gained, atol=0.02, rtol=0.05)


def test_the_kernel_by_hand():
    scores = np.array([[0.4, 0.5, 0.55, 0.6, 0.7]])
    problem = make_problem(np.array([0, 1, 1, 0, 1]), np.zeros(5, dtype=int), "equalized_odds", 0.1)
    slopes = tell_slopes(problem, scores, np.ones(1), 0.5, near=1.0)
    at = 0.75 * (1 - (np.array([0.1, 0, 0.05, 0.1]) / 0.2) ** 2) / 0.2 / 5  # .2: the farthest
    negatives = [at[0] * 0.4 + at[3] * 0.6, -(at[0] + at[3])]
    positives = [at[1] * 0.5 + at[2] * 0.55, -(at[1] + at[2])]
    expected = [[-neg, neg, -pos, pos] for neg, pos in zip(negatives, positives, strict=True)]
    np.testing.assert_allclose(slopes, expected)


def test_rows_without_weight_are_as_if_left_out():
    weights = np.random.default_rng(3).integers(0, 2, 400).astype(float)
    problem, table, _, _ = noisy(weights=weights)
    kept = weights > 0
    rest = make_problem(
        problem.labels[kept], problem.codes[kept], "equalized_odds", 0.01, weights[kept]
    )
    own = np.ones(3) / 3
    np.testing.assert_allclose(
        tell_slopes(problem, table, own, 0.4, near=0.3),
        tell_slopes(rest, table[:, kept], own, 0.4, near=0.3),
    )


def test_ties_at_the_cut_have_finite_slopes():
    y, codes, table = blind_and_seeing()
    problem = make_problem(y, codes, "equalized_odds", 0.05)
    slopes = tell_slopes(problem, table, np.array([0.0, 0.0, 1.0]), 0.5, near=0.1)
    assert np.isfinite(slopes).all()
    assert slopes[2].reshape(2, 2, 2)[..., 1].min() > 0


GIVEN = require_bands([Band(np.eye(2), 0.1)], 2)  # rates of two groups, .1 apart at most
LOSS = np.array([-1.0, -1.0])


def test_a_move_gains_the_most_within_its_bounds_and_the_requirements():
    slopes = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    bounds = [(-0.2, 0.3)] * 2 + [(0, 0)]
    move = solve_move(slopes, np.array([0.3, 0.5]), LOSS, GIVEN, 9.0, bounds)
    gap = (0.5 + move[1]) - (0.3 + move[0])
    assert move[:2].sum() == pytest.approx(0)
    assert abs(gap) <= 0.1 + 1e-9
    free = solve_move(np.diag([2.0, 1.0]), np.array([0.5, 0.5]), LOSS, GIVEN, 0.1, [(-1, 1)] * 2)
    assert free.tolist() == pytest.approx([0, 1])  # the last is the cut's, in no sum


def test_a_move_of_the_cut_helps_where_weights_do_not():
    slopes = np.array([[0.0, 0.0], [0.0, 0.0], [-1.0, -2.0]])
    move = solve_move(slopes, np.array([0.2, 0.2]), LOSS, GIVEN, 9.0, [(-0.5, 0.5)] * 3)
    assert move[2] == pytest.approx(-0.1)  # rates grow by .1 and .2: then .1 apart


def test_a_cheap_excess_is_worth_what_it_gains():
    slopes = np.array([[0.0, 0.0], [0.0, 0.0], [-1.0, -2.0]])
    for most, moved in ((2.9, -0.5), (3.1, -0.1)):  # of a unit, the loss falls by 3
        move = solve_move(slopes, np.array([0.2, 0.2]), LOSS, GIVEN, most, [(-0.5, 0.5)] * 3)
        assert move[2] == pytest.approx(moved)


def test_no_move_where_none_can_be():
    slopes, bounds = np.ones((2, 2)), [(0.1, 0.2), (0, 0)]  # one weight can't change by itself
    np.testing.assert_array_equal(
        solve_move(slopes, np.zeros(2), LOSS, GIVEN, 9.0, bounds), np.zeros(2)
    )
