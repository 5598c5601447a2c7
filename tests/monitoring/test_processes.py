from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from skfair.monitoring._processes import BoundTests, ChangeTests
from skfair.monitoring._sequences import (
    change_evidence,
    rate_sequence,
    score_steps,
    start_weights,
    window_scores,
)


def ints(*values):
    return np.array(values, dtype=np.int64)


def two_looks():
    tests = ChangeTests(ints(40, 10), ints(100, 50), [2])
    tests.look(ints(15, 9), ints(30, 25), np.array([0.5, 0.25]), 7)
    return tests, tests.look(ints(14, 8), ints(25, 20), np.array([0.1, 0.9]), 8)


def test_two_looks_by_hand():
    _, log_e = two_looks()
    total, rows = (
        np.array([[40, 10], [55, 19], [69, 27]]),
        np.array([[100, 50], [130, 75], [155, 95]]),
    )
    n = np.diff(rows, axis=0)
    lots = np.array([[0.5, 0.25], [0.1, 0.9]])
    drift = np.zeros((3, 2))
    for t in range(2):
        k = total[t + 1] - total[t]
        z = window_scores(k, n[t], total[t + 1], rows[t + 1], lots[t])
        drift[t + 1] = drift[t] + score_steps(n[t], rows[t + 1]) * z
    weights = start_weights(np.arange(2))
    parts = change_evidence(drift[:2], rows[:2].astype(float), drift[2], rows[2] * 1.0, weights)
    np.testing.assert_allclose(log_e, np.log(np.exp(parts).sum(axis=0).mean()))


def test_a_test_keeps_its_largest_evidence():
    tests = ChangeTests(ints(500), ints(1000), [1])
    strong = tests.look(ints(95), ints(100), np.array([0.5]), 0)
    weak = tests.look(ints(51), ints(100), np.array([0.5]), 1)
    assert weak < strong
    assert tests.log_e == strong


def test_a_look_waits_for_enough_rows():
    once, twice = (ChangeTests(ints(50), ints(100), [1]) for _ in range(2))
    half = np.array([0.5])
    for window in range(2):
        twice.look(ints(9), ints(10), half, window)
    assert twice.rows == 120
    once.look(ints(18), ints(20), half, 1)
    np.testing.assert_allclose(twice.drift, once.drift)
    assert not twice.waiting.any()


def test_without_a_reference_the_first_window_becomes_one():
    tests = ChangeTests(ints(0), ints(0), [1])
    half = np.array([0.5])
    assert tests.look(ints(900), ints(1000), half, 0)[0] <= 0
    for window in range(1, 6):
        log_e = tests.look(ints(500), ints(1000), half, window)
    assert log_e[0] > np.log(1000)


def test_old_starts_thin_out_and_a_change_is_still_found():
    rng = np.random.default_rng(0)
    tests = ChangeTests(ints(500), ints(1000), [1])
    for window in range(400):
        k = rng.binomial(100, 0.5 if window < 380 else 0.3, 1)
        tests.look(k, ints(100), rng.random(1), window)
    assert len(tests.starts) <= 128
    assert tests.starts[0] == 0
    assert (np.diff(tests.starts) > 0).all()
    assert tests.log_e[0] > np.log(1000)
    found = tests.finding(0, 0.05)
    assert 376 <= found.window <= 384
    assert found.low[0] < 0.3 < found.high[0] < 0.5


def test_a_finding_counts_the_rows_since_the_most_likely_start():
    tests = ChangeTests(ints(500), ints(1000), [1])
    for window, k in enumerate((50, 51, 49, 20, 21)):
        tests.look(ints(k), ints(100), np.array([0.5]), window + 10)
    found = tests.finding(0, 0.05)
    assert (found.window, found.n.tolist()) == (13, [200])
    np.testing.assert_allclose(found.value, 0.205)


# bounds


def bound_tests():
    terms, sides = np.array([[0, 1], [1, 0]]), np.array([[1.0, -1.0], [1.0, -1.0]])
    return BoundTests(ints(50, 40), ints(100, 100), terms, sides, np.array([0.1, 0.1]))


def test_a_gap_beyond_its_bound_is_found_and_explained():
    tests = bound_tests()
    for window in range(40):
        tests.look(ints(60, 35), ints(100, 100), window)
    assert tests.log_e[0] > np.log(1000)
    found = tests.finding(0, 0.05)
    np.testing.assert_allclose(found.value, [0.6, 0.35])


def test_a_gap_on_its_bound_is_not():
    tests = bound_tests()
    for window in range(200):
        tests.look(ints(50, 40) if window % 2 else ints(80, 70), ints(100, 100), window)
    assert tests.log_e[0] < np.log(2)


def test_a_window_without_one_of_the_groups_is_left_out():
    tests, other = bound_tests(), bound_tests()
    assert tests.look(ints(10, 0), ints(20, 0), 0)[0] <= 0
    assert tests.look(ints(0, 3), ints(0, 10), 1)[0] <= 0
    assert not tests.won.any()
    other.look(ints(5, 3), ints(10, 10), 2)
    tests.look(ints(5, 3), ints(10, 10), 2)
    np.testing.assert_allclose(tests.won, other.won)  # nor do its rows move the guess
    np.testing.assert_array_equal(tests.total, [[55, 43], [43, 55]])


def test_groups_that_never_meet_have_no_gap_though_rates_wander():
    # 0.6 on weekdays, 0.3 at weekends, alike for both groups, of which each comes at its time
    tests, rng = bound_tests(), np.random.default_rng(0)
    for day in range(100):
        week = day % 7 < 5
        n = ints(20, 0) if week else ints(0, 20)
        tests.look(rng.binomial(n, 0.6 if week else 0.3), n, day)
    assert tests.log_e[0] <= 0


def test_anchors_don_t_know_the_rows_that_are_bet_on():
    # rates on the bound: the mean over all that can happen is at most 1, and near it
    factors, chances = [], []
    for counts in product(range(4), repeat=2):
        one, sides = np.array([[0, 1]]), np.array([[1.0, -1.0]])
        tests = BoundTests(ints(1, 1), ints(2, 2), one, sides, np.array([0.1]))
        tests.look(ints(*counts), ints(3, 3), 0)
        factors.append(np.exp(tests.won[0]))
        chances.append(binom.pmf(counts, 3, (0.5, 0.4)).prod())
    mean = np.array(chances) @ np.array(factors)
    assert (mean <= 1 + 1e-12).all()
    assert (mean > 0.9).any()


# findings


def test_the_interval_of_a_change_holds_for_all_starts_together():
    tests = ChangeTests(ints(500), ints(1000), [1])
    for window, k in enumerate((50, 51, 49, 20, 21)):
        tests.look(ints(k), ints(100), np.array([0.5]), window)
    found = tests.finding(0, 0.05)
    weight = 0.6 * 100 / (102 * 103)  # of the start before the window of number 3
    low, high = rate_sequence(np.array([41.0]), np.array([200.0]), -np.log(0.05 * weight))
    np.testing.assert_allclose([found.low, found.high], [low, high])


def test_the_intervals_of_a_gap_share_the_level():
    tests = bound_tests()
    for window in range(20):
        tests.look(ints(60, 20), ints(100, 100), window)
    found, sums = tests.finding(0, 0.05), np.array([1200.0, 400.0])
    assert (found.window, found.n.tolist()) == (0, [2000, 2000])
    low, high = rate_sequence(sums, np.array([2000.0, 2000.0]), -np.log(0.05 / 2 * 0.4))
    np.testing.assert_allclose([found.low, found.high], [low, high])


def test_a_finding_is_of_the_look_at_which_evidence_was_largest():
    tests = ChangeTests(ints(5000), ints(10_000), [1])
    for window in range(60):
        tests.look(ints(60 if window < 10 else 50), ints(100), np.array([0.5]), window)
    found = tests.finding(0, 0.05)
    assert (found.window, found.n.tolist(), found.value.tolist()) == (0, [1000], [0.6])


# files


def test_a_state_is_restored():
    tests, _ = two_looks()
    other = ChangeTests(ints(40, 10), ints(100, 50), [2])
    other.restore(tests.state())
    args = ints(9, 9), ints(20, 20), np.array([0.3, 0.3]), 9
    assert tests.look(*args) == other.look(*args)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total", np.zeros(3, dtype=np.int64)),
        ("drift", np.zeros(2, dtype=np.int64)),
        ("starts", np.arange(5)),
        ("log_e", [0.0]),
        ("peak", np.array([[0, 0, 2, 1, 1]])),
    ],
)
def test_a_damaged_state_is_refused(name, value):
    tests, _ = two_looks()
    other = ChangeTests(ints(40, 10), ints(100, 50), [2])
    with pytest.raises(ValueError, match="the file is damaged"):
        other.restore({**tests.state(), name: value})
