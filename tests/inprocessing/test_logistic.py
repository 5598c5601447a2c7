"""Objective, penalties and searches of logistic regressions, as pure functions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import approx_fprime
from scipy.special import expit

from skfair.criteria import CRITERIA, RATES, Criterion, get_criterion
from skfair.inprocessing._covariance import (
    GroupRates,
    SquaredSpread,
    depends_on_positive,
    flip,
)
from skfair.inprocessing._gap_penalty import SoftRates
from skfair.inprocessing._logistic import Design, LogisticObjective, perturbed
from skfair.inprocessing._logistic_bounds import minimise_within
from skfair.inprocessing._mutual_information import PrejudiceIndex
from skfair.tally import soft_cells

SCALES = np.array([1.0, 30.0, 0.02])
LINEAR = [
    *("demographic_parity", "equal_opportunity", "predictive_equality", "equalized_odds"),
    *("average_odds", "accuracy_parity", "true_negative_rate", "error_rate"),
]


def make_rows(n=80, n_groups=4, seed=0):
    """Features of unlike scales, labels, groups, and unequal shares that add up to 1."""
    rng = np.random.default_rng(seed)
    codes = np.r_[np.arange(n_groups), np.arange(n_groups), rng.integers(0, n_groups, n)]
    n = len(codes)
    X = (rng.normal(size=(n, 3)) + codes[:, None] / 3 + [0, 5, 1]) * SCALES
    y = (X[:, 0] + rng.normal(size=n) > 0.5).astype(float)
    y[: 2 * n_groups] = np.repeat([0, 1], n_groups)
    shares = rng.exponential(size=n)
    return X, y, codes, shares / shares.sum()


def make_objective(X, y, shares, *, l1=0.0, parts=None, fit_intercept=True):
    design = Design.read(X, shares, fit_intercept=fit_intercept, parts=parts)
    return LogisticObjective(design, 2 * y - 1, shares, l2=0.01, l1=l1)


def rates_of(kind, criterion, y, codes, shares):
    compared = get_criterion(criterion).compared
    return kind.read(compared, y, codes, codes.max() + 1, shares)


# Coordinates


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_decisions_are_those_of_the_coefficients(as_sparse, fit_intercept):
    X, _, codes, shares = make_rows()
    given = sparse.csr_array(X) if as_sparse else X
    theta = np.random.default_rng(1).normal(size=3 + fit_intercept)
    design = Design.read(given, shares, fit_intercept=fit_intercept)
    coef, intercept = design.model(theta)
    assert_allclose(design.decision(theta), X @ coef[0] + intercept[0])
    if not fit_intercept:
        assert intercept == 0.0
    parts = tuple(np.flatnonzero(codes == g) for g in range(4))
    several = Design.read(given, shares, fit_intercept=fit_intercept, parts=parts)
    theta = np.random.default_rng(1).normal(size=4 * (3 + fit_intercept))
    coef, intercept = several.model(theta)
    by_hand = [X[i] @ coef[g] + intercept[g] for i, g in enumerate(codes)]
    assert_allclose(several.decision(theta), by_hand)


def test_columns_are_measured_with_weights_and_constant_ones_left():
    X = np.array([[1.0, 7.0, 0.1], [3.0, 7.0, 0.1], [9.0, 7.0, 0.1]])
    design = Design.read(X, np.array([0.5, 0.5, 0.0]))
    assert_allclose(design.centre, [2.0, 7.0, 0.1])
    assert_allclose(design.scale, [1.0, 1.0, 1.0])
    weights = np.random.default_rng(0).exponential(size=1000)
    for value in (0.1, 1e6 / 3, -7e-9):
        column = np.full((1000, 1), value)
        for given in (column, sparse.csr_array(column)):
            assert Design.read(given, weights).scale == 1.0
    raw = Design.read(X[:2], None, fit_intercept=False)
    assert_allclose(raw.centre, 0)
    assert_allclose(raw.scale, [np.sqrt(5), 7.0, 0.1])


# Gradients


def penalties(y, codes, shares):
    for criterion in LINEAR:
        for kind in (GroupRates, SoftRates):
            spread = SquaredSpread(rates_of(kind, criterion, y, codes, shares), 3.0)
            yield f"{kind.__name__} {criterion}", spread
    yield "index", PrejudiceIndex.read(codes, codes.max() + 1, shares, 3.0)
    yield "nothing", None


@pytest.mark.parametrize("n_groups", [2, 4])
@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("separate", [False, True])
def test_gradients_are_those_of_finite_differences(n_groups, as_sparse, separate):
    X, y, codes, shares = make_rows(n_groups=n_groups)
    given = sparse.csr_array(X) if as_sparse else X
    parts = tuple(np.flatnonzero(codes == g) for g in range(n_groups)) if separate else None
    objective = make_objective(given, y, shares, parts=parts)
    theta = np.random.default_rng(2).normal(size=len(objective.start()))
    for name, penalty in penalties(y, codes, shares):
        gradient = objective.smooth(theta, penalty)[1]
        assert abs(gradient).max() > 1e-3
        numeric = approx_fprime(theta, lambda v, p=penalty: objective.smooth(v, p)[0], 1e-7)
        assert_allclose(gradient, numeric, atol=3e-6, err_msg=name)
        if penalty is not None:  # alone, where the loss can't hide it
            decision = objective.design.decision(theta)
            slopes = penalty(decision)[1]
            numeric = approx_fprime(decision, lambda d, p=penalty: p(d)[0], 1e-6)
            assert_allclose(slopes, numeric, atol=1e-6, rtol=1e-4, err_msg=name)


def test_split_coefficients_have_the_gradient_of_finite_differences():
    X, y, codes, shares = make_rows()
    objective = make_objective(X, y, shares, l1=0.05)
    penalty = SquaredSpread(rates_of(SoftRates, "equalized_odds", y, codes, shares), 2.0)
    split = np.abs(np.random.default_rng(3).normal(size=7))
    value, gradient = objective._split_value(split, penalty)
    numeric = approx_fprime(split, lambda v: objective._split_value(v, penalty)[0], 1e-7)
    assert_allclose(gradient, numeric, atol=2e-6)
    theta = objective._join(split)
    assert_allclose(objective._join(objective._split(theta)), theta)
    assert value > objective.value(theta, penalty)  # u and v are both above 0
    at = objective._split(theta)
    assert objective._split_value(at, penalty)[0] == pytest.approx(objective.value(theta, penalty))


def test_pairs_pull_what_they_differ_by():
    _, y, codes, shares = make_rows()
    for kind in (GroupRates, SoftRates):
        pairs = rates_of(kind, "equalized_odds", y, codes, shares).pairs()
        decision = np.random.default_rng(4).normal(size=len(y))
        assert len(pairs.differences(decision)) == 2 * 6
        u = np.random.default_rng(5).normal(size=12)
        numeric = approx_fprime(decision, lambda d, u=u, p=pairs: u @ p.differences(d), 1e-7)
        assert_allclose(pairs.pull_differences(decision, u), numeric, atol=1e-7)


# Rates


@pytest.mark.parametrize("criterion", LINEAR)
def test_soft_rates_are_those_of_soft_cells(criterion):
    _, y, codes, shares = make_rows()
    decision = 3 * np.random.default_rng(6).normal(size=len(y))
    found = rates_of(SoftRates, criterion, y, codes, shares)
    cells = soft_cells(y, expit(decision), codes, 4, shares)
    expected = get_criterion(criterion).group_rates(cells)
    assert_allclose(found.rates(decision), expected.ravel())
    assert_allclose(found.worst(decision), np.ptp(expected, axis=-1))


def test_linear_rates_are_mean_decision_values_by_hand():
    y, codes = np.array([1, 1, 0, 1, 0, 0.0]), np.array([0, 0, 0, 1, 1, 1])
    shares = np.array([1, 3, 4, 2, 2, 4]) / 16
    d = np.array([1.0, 2.0, -1.0, 4.0, 0.5, -2.0])
    found = {
        name: rates_of(GroupRates, name, y, codes, shares).rates(d)
        for name in ("demographic_parity", "true_positive_rate", "true_negative_rate", "accuracy")
    }
    assert_allclose(found["demographic_parity"], [(1 + 6 - 4) / 8, (8 + 1 - 8) / 8])
    assert_allclose(found["true_positive_rate"], [7 / 4, 4])
    assert_allclose(found["true_negative_rate"], [1, (-0.5 * 2 + 2 * 4) / 6])
    assert_allclose(found["accuracy"], [(1 + 6 + 4) / 8, (8 - 1 + 8) / 8])  # mean margins
    average = rates_of(GroupRates, "average_odds", y, codes, shares).rates(d)
    assert_allclose(average, [(7 / 4 - 1) / 2, (4 - 7 / 6) / 2])


def test_of_two_groups_the_difference_is_the_covariance_over_the_shares():
    X, y, codes, shares = make_rows(n_groups=2)
    decision = X[:, 0]
    means = rates_of(GroupRates, "demographic_parity", y, codes, shares).rates(decision)
    share = shares @ codes
    covariance = shares @ ((codes - share) * decision)
    assert means[1] - means[0] == pytest.approx(covariance / (share * (1 - share)))


def test_groups_without_rows_for_a_rate_are_left_out_of_it():
    y, codes = np.array([1, 0, 0, 1, 0.0]), np.array([0, 0, 1, 2, 2])
    rates = rates_of(GroupRates, "equalized_odds", y, codes, np.full(5, 0.2))
    assert_array_equal(rates.coordinate, [0, 0, 1, 1, 1])
    assert_array_equal(rates.group, [0, 2, 0, 1, 2])
    pairs = rates.pairs()
    assert len(pairs.first) == 1 + 3
    worst = rates.worst(np.array([1.0, 0.0, 5.0, 4.0, 2.0]))
    assert_allclose(worst, [3.0, 5.0])


def test_the_spread_is_that_around_the_plain_mean_of_groups():
    _, y, codes, shares = make_rows()
    rates = rates_of(GroupRates, "equalized_odds", y, codes, shares)
    decision = np.random.default_rng(7).normal(size=len(y))
    by_rate = rates.rates(decision).reshape(2, 4)
    expected = ((by_rate - by_rate.mean(axis=1, keepdims=True)) ** 2).sum()
    assert SquaredSpread(rates, 2.5)(decision)[0] == pytest.approx(2.5 * expected)


@pytest.mark.parametrize("criterion", LINEAR)
def test_flipped_rates_are_those_of_the_other_class(criterion):
    _, y, codes, shares = make_rows()
    cells = soft_cells(y, (y + codes) % 2, codes, 4, shares)
    for rate in get_criterion(criterion).rates:
        assert_allclose(flip(rate)(cells), rate(cells[:, ::-1]))
        assert flip(flip(rate)) == rate


def test_which_criteria_depend_on_the_positive_class():
    symmetric = {"demographic_parity", "equalized_odds", "average_odds", "average_abs_odds"}
    symmetric |= {"accuracy_parity", "disparate_impact"}
    found = {name for name, c in CRITERIA.items() if c.is_linear and not depends_on_positive(c)}
    assert found == symmetric
    rates = {name for name in RATES if not depends_on_positive(get_criterion(name))}
    assert {"selection_rate", "accuracy", "error_rate"} <= rates
    assert not {"true_positive_rate", "false_positive_rate"} & rates


def test_complements_of_a_mean_of_rates_flip_together():
    def mean(*names):
        return Criterion("own", tuple(RATES[n] for n in names), combination="mean_rate")

    assert depends_on_positive(mean("selection_rate", "accuracy"))
    assert not depends_on_positive(mean("accuracy", "accuracy"))
    assert not depends_on_positive(mean("true_positive_rate", "false_positive_rate"))
    assert depends_on_positive(mean("true_positive_rate", "true_negative_rate", "selection_rate"))
    worst = Criterion("own", (RATES["selection_rate"], RATES["accuracy"]))
    assert not depends_on_positive(worst)
    assert depends_on_positive(Criterion("own", (RATES["true_positive_rate"],)))


# The prejudice index


@pytest.mark.parametrize("chance", [1e-5, 1e-9])
def test_the_index_of_small_rates_by_hand(chance):
    codes, shares = np.array([0, 0, 1, 1]), np.full(4, 0.25)
    decision = np.log(np.array([chance, chance, 5 * chance, 5 * chance]))  # rare, so about chances
    p = expit(decision)

    def by_hand(p):
        a, b = p[:2].mean(), p[2:].mean()
        m = (a + b) / 2
        parts = [a * np.log(a / m), b * np.log(b / m)]
        parts += [(1 - c) * (np.log1p(-c) - np.log1p(-m)) for c in (a, b)]
        return sum(parts) / 2

    value, slopes = PrejudiceIndex.read(codes, 2, shares, 1.0)(decision)
    assert value == pytest.approx(by_hand(p), rel=1e-4)
    a, b = p[0], p[2]
    m = (a + b) / 2
    odds = [np.log(c / m) - np.log1p(-c) + np.log1p(-m) for c in (a, b)]
    expected = 0.25 * np.repeat(odds, 2) * p * (1 - p)
    assert_allclose(slopes, expected, rtol=1e-6)


def test_the_index_is_the_published_sum_row_by_row():
    _, _, codes, shares = make_rows()
    decision = np.random.default_rng(8).normal(size=len(codes)) + codes
    p = expit(decision)
    of_all = shares @ p
    expected = 0.0
    for i, g in enumerate(codes):
        inside = codes == g
        of_group = shares[inside] @ p[inside] / shares[inside].sum()
        expected += shares[i] * p[i] * np.log(of_group / of_all)
        expected += shares[i] * (1 - p[i]) * np.log((1 - of_group) / (1 - of_all))
    index = PrejudiceIndex.read(codes, 4, shares, 2.0)
    assert index(decision)[0] == pytest.approx(2 * expected)
    assert expected > 0.01


def test_the_index_of_sure_predictions_is_a_number():
    codes, shares = np.array([0, 1]), np.array([0.5, 0.5])
    value, slopes = PrejudiceIndex.read(codes, 2, shares, 1.0)(np.array([1000.0, -1000.0]))
    assert value == pytest.approx(np.log(2))
    assert np.isfinite(slopes).all()
    value, slopes = PrejudiceIndex.read(codes, 2, shares, 1.0)(np.array([3.0, 3.0]))
    assert value == pytest.approx(0, abs=1e-15)
    assert_allclose(slopes, 0, atol=1e-15)


# Searches


def lagrangian_slope(objective, pairs, bounded):
    """Gradient of the Lagrangian by finite differences, at the multipliers that were found."""
    u = bounded.upper - bounded.lower

    def value(theta):
        decision = objective.design.decision(theta)
        return objective.smooth(theta)[0] + u @ pairs.differences(decision)

    theta, step = bounded.found.theta, 1e-5
    moves = step * np.eye(len(theta))
    return np.array([(value(theta + m) - value(theta - m)) / (2 * step) for m in moves])


@pytest.mark.parametrize("kind", [GroupRates, SoftRates])
@pytest.mark.parametrize("criterion", ["demographic_parity", "equalized_odds", "accuracy_parity"])
@pytest.mark.parametrize("n_groups", [2, 4])
def test_conditions_of_karush_kuhn_and_tucker_hold(kind, criterion, n_groups):
    X, y, codes, shares = make_rows(400, n_groups)
    objective = make_objective(X, y, shares)
    pairs = rates_of(kind, criterion, y, codes, shares).pairs()
    free = objective.minimise(objective.start(), tol=1e-8, max_iter=1000)
    before = pairs.differences(objective.design.decision(free.theta))
    tol = abs(before).max() / 3
    widths = np.full(len(before), tol)
    bounded = minimise_within(objective, free.theta, pairs, widths, tol=1e-8, max_iter=1000)
    assert bounded.found.converged
    assert bounded.excess == 0
    values = pairs.differences(objective.design.decision(bounded.found.theta))
    assert abs(values).max() <= tol * (1 + 1e-6)  # feasibility
    assert (bounded.upper >= 0).all()
    assert (bounded.lower >= 0).all()
    assert max(bounded.upper.max(), bounded.lower.max()) > 1e-3  # some bound is at work
    assert_allclose(np.minimum(bounded.upper, tol - values), 0, atol=1e-6 * tol)  # slackness
    assert_allclose(np.minimum(bounded.lower, tol + values), 0, atol=1e-6 * tol)
    assert_allclose(lagrangian_slope(objective, pairs, bounded), 0, atol=3e-7)  # stationarity


def test_bounds_that_hold_anyway_change_nothing():
    X, y, codes, shares = make_rows()
    objective = make_objective(X, y, shares)
    pairs = rates_of(GroupRates, "demographic_parity", y, codes, shares).pairs()
    free = objective.minimise(objective.start(), tol=1e-9, max_iter=1000)
    widths = np.full(6, 100.0)
    bounded = minimise_within(objective, free.theta, pairs, widths, tol=1e-9, max_iter=1000)
    assert_allclose(bounded.found.theta, free.theta, atol=1e-7)
    assert_array_equal(bounded.upper + bounded.lower, 0)


def test_absolute_values_within_bounds_are_as_low_as_another_solver_gets():
    from scipy.optimize import minimize

    X, y, codes, shares = make_rows(200, 2)
    objective = make_objective(X, y, shares, l1=0.05)
    pairs = rates_of(GroupRates, "demographic_parity", y, codes, shares).pairs()
    start = objective.start()
    found = minimise_within(objective, start, pairs, np.array([0.3]), tol=1e-8, max_iter=1000).found

    def differences(split):
        return pairs.differences(objective.design.decision(objective._join(split)))

    slsqp = minimize(
        lambda split: objective._split_value(split, None),
        objective._split(start),
        jac=True,
        method="SLSQP",
        bounds=objective._split_bounds(),
        constraints=[
            {"type": "ineq", "fun": lambda split: 0.3 - differences(split)},
            {"type": "ineq", "fun": lambda split: 0.3 + differences(split)},
        ],
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert found.converged
    assert found.value == pytest.approx(slsqp.fun, abs=1e-8)
    assert_allclose(found.theta, objective._join(slsqp.x), atol=1e-4)


def test_a_bound_of_zero_is_met():
    X, y, codes, shares = make_rows(200)
    objective = make_objective(X, y, shares)
    pairs = rates_of(GroupRates, "demographic_parity", y, codes, shares).pairs()
    found = minimise_within(
        objective, objective.start(), pairs, np.zeros(6), tol=1e-7, max_iter=1000
    )
    assert found.found.converged
    assert_allclose(pairs.differences(objective.design.decision(found.found.theta)), 0, atol=1e-7)


def test_a_search_that_is_cut_short_says_so():
    X, y, _, shares = make_rows()
    objective = make_objective(X, y, shares)
    assert not objective.minimise(objective.start(), tol=1e-9, max_iter=1).converged


@pytest.mark.parametrize("C", [1e-8, 1e-6, 1e-2])
def test_a_stalled_search_is_not_taken_for_a_converged_one(C):
    # with columns of such unlike scales, steps along the slope change nothing
    X, y, _, shares = make_rows(200, 2)
    X, shares = (X - X.mean(axis=0)) / X.std(axis=0) * [1e-6, 1, 1e6], np.full(len(X), 1 / len(X))
    design = Design.read(X, shares)
    objective = LogisticObjective(design, 2 * y - 1, shares, l2=1 / (C * len(X)))
    found = objective.minimise(objective.start(), tol=1e-6, max_iter=1000)
    slope = abs(objective.smooth(found.theta)[1]).max()
    assert not found.converged or slope <= 1e-5
    shrunk = LogisticObjective(design.shrunk(objective.l2), 2 * y - 1, shares, l2=objective.l2)
    best = shrunk.minimise(shrunk.start(), tol=1e-6, max_iter=1000)
    assert best.converged
    assert abs(shrunk.smooth(best.theta)[1]).max() <= 1e-6
    assert best.value <= found.value + 1e-12


def test_a_line_search_without_a_way_down_has_not_converged():
    X, y, _, shares = make_rows()
    objective = make_objective(X, y, shares)

    def misleading(decision):
        return 0.0, 5 * np.sin(np.arange(len(decision)))

    assert not objective.minimise(objective.start(), misleading, tol=1e-6, max_iter=1000).converged


def test_a_search_goes_on_from_where_it_stalled(monkeypatch):
    from skfair.inprocessing import _logistic

    X, y, _, shares = make_rows()
    objective = make_objective(X, y, shares)
    expected = objective.minimise(objective.start(), tol=1e-8, max_iter=1000)
    descend, calls = _logistic._descend, []

    def stalls_once(function, start, bounds, tol, max_iter):
        calls.append(max_iter)
        return descend(function, start, bounds, 0.1 if len(calls) == 1 else tol, max_iter)

    monkeypatch.setattr(_logistic, "_descend", stalls_once)
    found = objective.minimise(objective.start(), tol=1e-8, max_iter=1000)
    assert len(calls) == 2
    assert calls[1] < calls[0] == 1000
    assert found.converged
    assert_allclose(found.theta, expected.theta, atol=1e-6)


def test_random_starts_spread_about_the_first():
    starts = perturbed(np.array([3.0, -4.0]), 200, np.random.default_rng(0))
    assert len(starts) == 200
    assert_array_equal(starts[:2], [[3, -4], [0, 0]])
    assert np.std(starts[2:], axis=0) == pytest.approx([3.5, 3.5], rel=0.2)
    assert np.std(perturbed(np.zeros(2), 200, np.random.default_rng(0))[2:]) > 0.05
    assert len(perturbed(np.ones(2), 1, np.random.default_rng(0))) == 1


def test_bounds_that_are_missed_are_told():
    X, y, codes, shares = make_rows()
    objective = make_objective(X, y, shares)
    pairs = rates_of(SoftRates, "demographic_parity", y, codes, shares).pairs()
    theta = np.array([1.0, -1.0, 1.0, 0.5])
    values = pairs.differences(objective.design.decision(theta))
    cut = minimise_within(objective, theta, pairs, np.zeros(6), tol=1e-8, max_iter=1)
    found = pairs.differences(objective.design.decision(cut.found.theta))
    assert abs(values).max() > 0.1
    assert cut.excess == pytest.approx(abs(found).max(), abs=1e-8)


def test_a_custom_criterion_of_means_is_one_rate():
    mean = Criterion("both", (RATES["selection_rate"], RATES["accuracy"]), combination="mean_rate")
    _, y, codes, shares = make_rows()
    assert_array_equal(rates_of(SoftRates, mean, y, codes, shares).coordinate, [0] * 4)
