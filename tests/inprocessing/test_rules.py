"""Which member or cut decides without drawing lots."""

import numpy as np
import pytest
from reductions import make_problem

from skfair.inprocessing._cuts import candidate_cuts
from skfair.inprocessing._merits import Standard, judge, merits_at_price, set_standard
from skfair.inprocessing._problems import LossProblem
from skfair.inprocessing._rules import MixtureRule, best_within, choose_rule

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
    standard = set_standard(problem, sums_of_all[:3])
    constant = [len(np.unique(one)) == 1 for one in every]
    excess = np.maximum(problem.excess(sums_of_all), np.where(constant, problem.resolution, 0))
    values = problem.value(sums_of_all)
    beyond = np.minimum(values, standard.value) - standard.gain * (excess / standard.excess + 0.25)
    merits = np.where(excess <= 1e-12, values, beyond)
    assert judge(problem, sums[None], standard)[0] == pytest.approx(merits.max())


def test_the_standard_is_the_best_mixture_of_the_members():
    sums = np.array([[FAIR, RIGHT_FOR_ONE]])  # accuracies 1/2 and 3/4, violations 0 and 1/2
    problem = make_problem(Y, CODES, "demographic_parity", 0.4)
    standard = set_standard(problem, np.array([problem.count(one) for one in sums[0]]))
    np.testing.assert_allclose(standard.chances, [0.2, 0.8])  # 0.8 / 2 is allowed
    assert standard.value == pytest.approx(0.7)
    assert standard.gain == pytest.approx(0.2)  # a constant is right for a half
    assert standard.excess == problem.resolution == 0.25  # more than 1/2 - 0.4


def test_no_mixture_that_gains_nothing_is_a_standard():
    problem = make_problem(Y, CODES, "demographic_parity", 0.0)
    standard = set_standard(problem, np.array([problem.count(o) for o in (FAIR, RIGHT_FOR_ONE)]))
    assert (standard.value, standard.gain) == pytest.approx((0.75, 0.25))


def test_where_no_mixture_meets_the_tolerances_the_best_member_is_the_standard():
    problem = make_problem(Y, CODES, "demographic_parity", 0.1)
    nearer = np.array([0, 0, 1, 1, 1, 1, 1, 0], dtype=np.int8)  # violates 1/4, right for 5/8
    sums = np.array([problem.count(one) for one in (nearer, RIGHT_FOR_ONE)])
    standard = set_standard(problem, sums)
    assert (standard.value, standard.gain, standard.excess) == pytest.approx((0.75, 0.25, 0.4))


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


@pytest.mark.parametrize("tol", [0.0, 0.019, 0.035, 0.06])
def test_a_crude_rule_within_gives_way_to_one_that_is_somewhat_beyond(tol):
    y, codes = np.tile([0, 1], 100), np.repeat([0, 1], 100)
    crude, nearly = np.zeros(200, dtype=np.int8), y.copy().astype(np.int8)
    crude[[0, 100]] = 1  # nobody but two: no violation, accuracy .49
    nearly[1:7:2] = 0  # 3 of the first group's 50 positives are missed: .06, accuracy .985
    problem = make_problem(y, codes, "equal_opportunity", tol)
    sums = [problem.count(one) for one in (crude, nearly)]
    assert choose_rule(problem, sums, {})[0] == MixtureRule(member=1)


@pytest.mark.parametrize(
    ("tol", "merit"),
    [
        (0.2, 0.95),  # within, and better than the mixture
        (0.15, 0.9 - 0.4 * (0.05 / 0.2 + 0.25)),  # beyond, and worth no more than the mixture
        (
            0.0,
            0.9 - 0.4 * (0.2 / 0.2 + 0.25),
        ),  # as far beyond as the best predictor: a quarter less
    ],
)
def test_what_exceeds_the_tolerances_has_a_price(tol, merit):
    y, codes = np.tile([0, 1], 100), np.repeat([0, 1], 100)
    beyond = y.copy().astype(np.int8)
    beyond[1:21:2] = 0  # 10 of the first group's 50 positives are missed: .2, accuracy .95
    problem = make_problem(y, codes, "equal_opportunity", tol)
    standard = Standard(0.9, 0.4, 0.2, np.ones(1))
    assert judge(problem, problem.count(beyond)[None], standard) == pytest.approx(merit)


def test_of_losses_the_price_is_in_units_of_the_mean_predictors():
    y, codes = np.array([0.0, 2.0, 0.0, 2.0]), np.array([0, 0, 1, 1])
    problem = LossProblem(y, codes, 2, np.ones(4), "squared_error", 0.5, ("a", "b"))
    assert problem.unit == 1
    exact, half, mean = y, np.array([0.0, 2.0, 1.0, 1.0]), np.ones(4)
    sums = np.array([problem.describe(own) for own in (half, mean)])
    standard = set_standard(problem, sums)  # none meets 0.5: the better is the standard
    assert standard[:3] == pytest.approx((-0.5, 0.5, 0.5))
    assert judge(problem, sums, standard) == pytest.approx([-0.5 - 0.625, -1 - 0.625])
    assert best_within(problem, sums) == 0
    assert best_within(problem, np.array([*sums, problem.describe(exact)])) == 2


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


def test_merits_count_rounding_as_nothing():
    values, excess = np.array([0.9, 0.8, 0.9 + 1e-15]), np.array([0.02, 0.0, 1e-15])
    merits = merits_at_price(values, excess, 2.0, surcharge=0.1)
    np.testing.assert_allclose(merits, [0.76, 0.8, 0.9])
