from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom, kstest, norm

from skfair.monitoring._processes import ChangeTests
from skfair.monitoring._sequences import (
    bound_factors,
    change_evidence,
    on_boundary,
    rate_sequence,
    score_steps,
    start_weights,
    window_scores,
)


def ints(*values):
    return np.array(values, dtype=np.int64)


# scores


def test_the_score_is_the_normal_quantile_of_the_hypergeometric_law():
    # 2 of 3 rows now, 2 of 6 in all: P(0, 1, 2) = 1/5, 3/5, 1/5
    score = window_scores(ints(2), ints(3), ints(2), ints(6), np.array([0.5]))
    np.testing.assert_allclose(score, norm.ppf(0.8 + 0.1))
    score = window_scores(ints(1), ints(3), ints(2), ints(6), np.array([0.25]))
    np.testing.assert_allclose(score, norm.ppf(0.2 + 0.25 * 0.6))


@given(
    before=st.integers(0, 400),
    n=st.integers(1, 200),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    lot=st.floats(0.01, 0.99),
)
@settings(max_examples=60)
def test_scores_agree_with_scipy(before, n, shares, lot):
    k, old = round(n * shares[0]), round(before * shares[1])
    law = hypergeom(n + before, k + old, n)
    chance = law.cdf(k - 1) + lot * law.pmf(k)
    score = window_scores(ints(k), ints(n), ints(k + old), ints(n + before), np.array([lot]))
    if 1e-12 < chance < 1 - 1e-12:
        np.testing.assert_allclose(norm.cdf(score), chance, rtol=1e-8, atol=1e-12)
    assert np.isfinite(score).all()


def test_large_windows_and_far_tails_keep_their_precision():
    k, n = ints(30_300, 2_000), ints(100_000, 2_000)
    total, rows = ints(600_300, 2_000), ints(2_100_000, 1_002_000)
    scores = window_scores(k, n, total, rows, np.array([0.5, 0.5]))
    p = 600_300 / 2_100_000
    expected = (30_300 - 100_000 * p) / np.sqrt(100_000 * p * (1 - p) * 2 / 2.1)
    np.testing.assert_allclose(scores[0], expected, rtol=1e-2)  # as the normal law has it
    assert scores[1] > 35  # all successes lie in the window: as far as numbers go


def test_scores_of_successive_windows_are_independent_and_uniform_exactly():
    # every outcome of a reference of 2 rows and windows of 2 and 3, at a rate that is far from 1/2
    sizes, p = (2, 2, 3), 0.2
    for a, b in product((0.1, 0.37, 0.8), repeat=2):
        joint = 0.0
        for counts in product(*(range(size + 1) for size in sizes)):
            chance = np.prod([binom.pmf(k, n, p) for k, n in zip(counts, sizes, strict=True)])
            for j, limit in ((1, a), (2, b)):
                total, rows = sum(counts[: j + 1]), sum(sizes[: j + 1])
                law = hypergeom(rows, total, sizes[j])
                below, point = law.cdf(counts[j] - 1), law.pmf(counts[j])
                chance *= np.clip((limit - below) / point, 0, 1)  # over the lots
            joint += chance
        np.testing.assert_allclose(joint, a * b)


def test_scores_are_normal_from_small_counts():
    rng = np.random.default_rng(0)
    k0, k = rng.binomial(30, 0.05, 4000), rng.binomial(8, 0.05, 4000)
    n = np.full(4000, 8)
    scores = window_scores(k, n, k0 + k, n + 30, rng.random(4000))
    assert kstest(scores, "norm").pvalue > 0.01


# evidence


def test_steps_add_up_to_the_information_of_two_samples():
    n = ints(10, 30, 60)
    rows = 100 + np.cumsum(n)
    information = 100.0**2 * (score_steps(n, rows) ** 2).sum()
    np.testing.assert_allclose(information, 100 * 100 / 200)
    assert score_steps(ints(0, 5), ints(10, 5)).tolist() == [0, 0]


def test_the_evidence_by_hand():
    # 50 rows before, 150 after: information 37.5
    rows, now = np.array([[50.0]]), np.array([200.0])
    got = change_evidence(np.array([[0.1]]), rows, np.array([0.3]), now, np.array([0.5]))
    signal, terms = 50 * 0.2, []
    for scale in (0.03, 0.1, 0.3):
        spread = 1 + scale**2 * 37.5
        terms.append(np.exp(scale**2 * signal**2 / (2 * spread)) / np.sqrt(spread))
    np.testing.assert_allclose(np.exp(got), 0.5 * np.mean(terms))


def test_the_evidence_is_1_on_average_without_a_change():
    rows, now = np.array([[500.0]]), np.array([600.0])
    step = np.sqrt(100 / (600 * 500))
    z = np.linspace(-38, 38, 40_001)
    drift = np.repeat(step * z[None], 1, axis=0)[0]
    values = np.exp(change_evidence(np.zeros((1, 1)), rows, drift, now, np.ones(1)))[0]
    np.testing.assert_allclose((values * norm.pdf(z)).sum() * (z[1] - z[0]), 1, rtol=1e-6)


def test_weights_of_starts_add_up_to_at_most_1():
    weights = start_weights(np.arange(3_000_000))
    assert weights[0] == 0.4
    assert 0.999 < weights.sum() <= 1
    assert (np.diff(weights[1:]) < 0).all()


def _alarms(n_reference, *, known, n_sims, looks):
    """Share of simulations in which one of 10 tests is rejected at 5 % although nothing changes."""
    rng = np.random.default_rng(7)
    m = 10 * n_sims
    rate = np.tile(np.linspace(0.05, 0.9, 10), n_sims)
    n = np.full(m, n_reference)
    k = rng.binomial(n, rate)
    if known:
        k, n = k * 1_000_000, n * 1_000_000
    tests = ChangeTests(k, n, [1] * m)
    size = np.full(m, 25)
    for window in range(looks):
        tests.look(rng.binomial(size, rate), size, rng.random(m), window)
    return (tests.log_e.reshape(n_sims, 10).max(axis=1) > np.log(10 / 0.05)).mean()


def test_the_level_holds_with_an_estimated_reference():
    assert _alarms(200, known=False, n_sims=200, looks=60) <= 0.06


def test_a_reference_taken_as_known_would_raise_false_alarms():
    assert _alarms(200, known=True, n_sims=100, looks=60) > 0.3


# bounds


@pytest.mark.parametrize("truth", [(0.5, 0.4), (0.12, 0.02), (0.3, 0.2), (0.1, 0.0), (0.2, 0.6)])
@pytest.mark.parametrize("anchor", [(0.45, 0.35), (0.9, 0.2), (0.0, 1.0)])
def test_factors_are_at_most_1_on_average_below_the_bound(truth, anchor):
    sizes = (7, 12)
    k = np.array(list(product(*(range(size + 1) for size in sizes))))
    chance = np.prod([binom.pmf(k[:, i], sizes[i], truth[i]) for i in range(2)], axis=0)
    n, m = np.broadcast_to(sizes, k.shape), len(k)
    sides, limit = np.tile([1.0, -1.0], (m, 1)), np.full(m, 0.1)
    factors = np.exp(bound_factors(k, n, sides, limit, np.tile(anchor, (m, 1))))
    assert (chance @ factors <= 1 + 1e-12).all()


def test_factors_of_ratios_and_of_means_are_at_most_1_on_average():
    # 0.8 p0 - p1 <= 0 and the mean difference of two rates <= 0.1
    cases = [
        ((0.8, -1.0), 0.0, (0.5, 0.4), (5, 9)),
        ((0.5, 0.5, -0.5, -0.5), 0.1, (0.6, 0.3, 0.4, 0.3), (3, 4, 3, 2)),
    ]
    for sides, limit, truth, sizes in cases:
        k = np.array(list(product(*(range(size + 1) for size in sizes))))
        chance = np.prod([binom.pmf(k[:, i], n, truth[i]) for i, n in enumerate(sizes)], axis=0)
        m = len(k)
        factors = bound_factors(
            k,
            np.broadcast_to(sizes, k.shape),
            np.tile(sides, (m, 1)),
            np.full(m, limit),
            np.tile(truth, (m, 1)),
        )
        assert (chance @ np.exp(factors) <= 1 + 1e-12).all()
        assert (chance @ np.exp(factors) > 0.9).any()  # on the boundary little is given away


def test_one_factor_by_hand():
    # one row a group, anchors 0.5 and 0.4: the variance is 0.49, the stake of the excess 0.2 0.4082
    stake = 0.2 / 0.49
    got = bound_factors(
        np.array([[1, 0]]),
        np.array([[1, 1]]),
        np.array([[1.0, -1.0]]),
        np.array([0.1]),
        np.array([[0.5, 0.4]]),
    )
    np.testing.assert_allclose(got[0, -1], np.log1p(stake * 0.5) + np.log1p(stake * 0.4))


def test_moving_to_the_boundary_meets_the_bound():
    rates = np.array([[0.7, 0.2], [0.2, 0.7]])
    sides, limit = np.tile([0.8, -1.0], (2, 1)), np.zeros(2)
    moved = on_boundary(rates, np.array([[10, 90], [10, 90]]), sides, limit)
    np.testing.assert_allclose((sides * moved).sum(axis=1), 0, atol=1e-12)
    assert abs(moved[0, 0] - 0.7) > abs(moved[0, 1] - 0.2)  # the smaller sample gives way


# confidence sequences


def test_the_sequence_ends_where_the_likelihood_is_too_small():
    from scipy.special import betaln

    low, high = rate_sequence(ints(3), ints(20), np.log(20))
    for p in (low[0], high[0]):
        mixture = betaln(3.5, 17.5) - betaln(0.5, 0.5)
        np.testing.assert_allclose(mixture - 3 * np.log(p) - 17 * np.log(1 - p), np.log(20))


def test_the_sequence_of_nothing_and_of_extreme_counts():
    low, high = rate_sequence(ints(0, 0, 30), ints(0, 30, 30), np.log(20))
    assert low[0] == 0
    assert high[0] == 1
    assert (low[1], high[2]) == (0, 1)
    assert high[1] < 0.25
    assert low[2] > 0.75


def test_the_sequence_covers_at_all_looks_together():
    rng = np.random.default_rng(1)
    k = np.cumsum(rng.binomial(10, 0.3, (200, 100)), axis=1)
    n = np.broadcast_to(10 * np.arange(1, 101), k.shape)
    low, high = rate_sequence(k, n, np.log(20))
    assert ((low > 0.3) | (high < 0.3)).any(axis=1).mean() <= 0.05
