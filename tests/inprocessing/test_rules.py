"""Which member or cut decides without drawing lots."""

import numpy as np
import pytest
from reductions import make_problem

from skfair.inprocessing._rules import MixtureRule, best_at_price, candidate_cuts, choose_rule

Y = np.array([0, 0, 1, 1, 0, 0, 1, 1])
CODES = np.array([0, 0, 0, 0, 1, 1, 1, 1])
FAIR = np.array([0, 1, 1, 0, 0, 1, 1, 0], dtype=np.int8)
RIGHT_FOR_ONE = np.array([0, 0, 1, 1, 1, 1, 1, 1], dtype=np.int8)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_best_of_all_members_and_cuts(seed):
    rng = np.random.default_rng(seed)
    y, codes = rng.integers(0, 2, 60), np.repeat([0, 1], 30)
    problem = make_problem(y, codes, "equalized_odds", 0.15)
    members = [rng.integers(0, 2, 60).astype(np.int8) for _ in range(3)]
    scores = {("vote", None): rng.integers(0, 5, 60) / 4, ("probability", 1): rng.random(60)}
    rule, sums = choose_rule(problem, [problem.count(m) for m in members], scores)
    key = rule.score, rule.member
    decided = members[rule.member] if rule.score is None else rule.decides(scores[key])
    np.testing.assert_allclose(sums, problem.count(decided.astype(np.int8)))
    every = members + [
        (values >= cut).astype(np.int8) for values in scores.values() for cut in np.unique(values)
    ]
    sums_of_all = np.array([problem.count(one) for one in every])
    constant = [len(np.unique(one)) == 1 for one in every]
    excess = np.maximum(problem.excess(sums_of_all), np.where(constant, problem.resolution, 0))
    worth = problem.value(sums_of_all) - 10 * np.maximum(excess, 0)
    within = worth[excess <= 1e-12].max(initial=-np.inf)
    expected = within if within >= worth.max() - 0.02 else worth.max()
    assert problem.value(sums) - 10 * max(problem.excess(sums), 0) == pytest.approx(expected)


def test_the_best_fair_member_decides_before_a_better_unfair_one():
    problem = make_problem(Y, CODES, "demographic_parity", 0.1)
    sums = [problem.count(FAIR), problem.count(RIGHT_FOR_ONE)]
    assert choose_rule(problem, sums, {})[0] == MixtureRule(member=0)
    loose = make_problem(Y, CODES, "demographic_parity", 0.5)
    assert choose_rule(loose, sums, {})[0] == MixtureRule(member=1)


def test_a_vote_of_one_third_plus_one_third_reaches_two_thirds():
    votes = np.array([1 / 3 + 1 / 3, 2 / 3, 0.5])
    (low, high) = candidate_cuts(votes)
    assert MixtureRule(score="vote", cut=high).decides(votes).tolist() == [True, True, False]
    assert low == 0.5


def test_many_scores_are_thinned_to_their_quantiles():
    assert len(candidate_cuts(np.linspace(0, 1, 50_000))) == 1000


@pytest.mark.parametrize(("tol", "chosen"), [(0.0, 0), (0.019, 1), (0.035, 1), (0.06, 1)])
def test_a_hundredth_beyond_the_tolerance_is_worth_a_tenth(tol, chosen):
    y, codes = np.tile([0, 1], 100), np.repeat([0, 1], 100)
    crude, nearly = np.zeros(200, dtype=np.int8), y.copy().astype(np.int8)
    crude[[0, 100]] = 1  # nobody but two: no violation, accuracy .49
    nearly[1:7:2] = 0  # 3 of the first group's 50 positives are missed: .06, accuracy .985
    problem = make_problem(y, codes, "equal_opportunity", tol)
    sums = [problem.count(one) for one in (crude, nearly)]
    assert choose_rule(problem, sums, {})[0] == MixtureRule(member=chosen)


def test_a_rule_within_the_tolerance_is_kept_where_it_costs_little():
    y, codes = np.tile([0, 1], 100), np.repeat([0, 1], 100)
    within, beyond = y.copy().astype(np.int8), y.copy().astype(np.int8)
    within[[1, 101, 0]] = [0, 0, 1]  # one positive missed in each group, one negative selected
    beyond[1] = 0
    problem = make_problem(y, codes, "equal_opportunity", 0.019)
    sums = [problem.count(one) for one in (within, beyond)]
    assert choose_rule(problem, sums, {})[0] == MixtureRule(member=0)


def test_a_constant_gives_way_to_what_is_as_good_within_the_resolution():
    y, codes = np.tile([0, 1], 40), np.repeat([0, 1], 40)
    nearly = y.copy().astype(np.int8)
    nearly[1] = 0  # one positive of the first group is missed: rates differ by 1 / 20
    problem = make_problem(y, codes, "equal_opportunity", 0.0)
    sums = [problem.count(np.zeros(80, dtype=np.int8)), problem.count(nearly)]
    assert problem.resolution == pytest.approx(1 / 20)
    assert choose_rule(problem, sums, {})[0] == MixtureRule(member=1)


@pytest.mark.parametrize(
    ("values", "excess", "place"),
    [
        ([0.9, 0.8], [0.0, 0.0], 0),
        ([0.8, 0.9], [0.0, 0.0], 1),
        ([0.9095, 0.89], [1e-9, 0.0], 1),  # 0.0195 for nothing violated
        ([0.9105, 0.89], [1e-9, 0.0], 0),  # 0.0205
        ([0.9, 0.8], [0.0079, 0.0], 0),  # 0.079 at the price of 10
        ([0.9, 0.8], [0.0081, 0.0], 1),
        ([0.9, 0.8], [0.02, 0.0105], 0),  # none is within: 0.7 and 0.695
        ([0.9, 0.8], [0.02, 0.0095], 1),
        ([0.9, 0.9 + 1e-15], [0.0, 1e-15], 0),
    ],
)
def test_what_is_violated_has_a_price_where_the_best_within_is_crude(values, excess, place):
    assert best_at_price(np.array(values), np.array(excess)) == place
