"""Figures worked by hand: corrected intervals, choices, frontiers and volumes."""

from __future__ import annotations

import numpy as np
import pytest
from _quality.statistics import (
    chance_violation,
    choose_no_less_fair,
    choose_within,
    corrected,
    estimated,
    frontier,
    hypervolume,
    leave_out,
    non_inferiority,
    pvalue_in_the_limit,
)
from scipy.stats import norm


def test_the_variance_factor_is_that_of_nadeau_and_bengio():
    # variance of 1, 2, 3 is 1; (1/3 + 1/3) * 1 under the root; t(0.975, 2) = 4.302653
    found = corrected([1.0, 2.0, 3.0], share=1 / 3)
    assert found.mean == 2.0
    assert found.error == pytest.approx(np.sqrt(2 / 3))
    assert found.high - found.mean == pytest.approx(4.302653 * np.sqrt(2 / 3), rel=1e-6)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_without_shared_rows_it_is_students_interval():
    found = corrected([1.0, 2.0, 3.0], share=0.0)
    assert found.error == pytest.approx(1 / np.sqrt(3))


def test_more_repetitions_do_not_help_beyond_the_share():
    many = corrected(np.tile([0.0, 1.0], 5000), share=1 / 3)
    assert many.error == pytest.approx(0.5 * np.sqrt(1 / 3), rel=1e-3)


def test_one_value_has_no_interval_and_none_no_mean():
    assert np.isnan(corrected([0.3]).low)
    assert corrected([0.3]).mean == 0.3
    assert np.isnan(corrected([]).mean)
    assert corrected([]).n == 0


def test_non_inferiority_by_hand():
    # mean 0, sd 0.01, error 0.01 * sqrt(2/3); t = 0.01 / error = 1.224745 with 2 degrees
    found = non_inferiority(corrected([-0.01, 0.0, 0.01], share=1 / 3), margin=0.01)
    assert found.pvalue == pytest.approx(0.172673, abs=1e-5)  # 1/2 - t / (2 sqrt(2 + t^2))
    assert found.low == pytest.approx(-2.919986 * 0.01 * np.sqrt(2 / 3), rel=1e-5)
    assert found.high == pytest.approx(-found.low)


@pytest.mark.parametrize(("value", "pvalue"), [(-0.005, 0.0), (-0.01, 1.0), (-0.02, 1.0)])
def test_non_inferiority_without_spread(value, pvalue):
    found = non_inferiority(corrected([value] * 3), margin=0.01)
    assert (found.mean, found.low, found.pvalue) == (value, value, pvalue)


def test_one_split_proves_nothing():
    assert np.isnan(non_inferiority(corrected([0.5])).pvalue)


def test_cells_are_pooled_and_left_out_fold_by_fold():
    one, other = [[1, 2, 3, 4], [5, 6, 7, 8]], [[1, 0, 0, 0], [0, 0, 0, 1]]
    assert leave_out([one, other]).tolist() == [[[2, 2, 3, 4], [5, 6, 7, 9]], other, one]
    assert leave_out([one]).tolist() == [one]


def test_errors_of_pooled_figures_come_from_folds():
    # two repetitions of three folds with shares of 0.2, 0.4 and 0.6: left out, the others' mean;
    # pseudo-values 3 * 0.4 - 2 * 0.5 and so on are the folds' own shares
    figure = np.array([0.4, 0.5, 0.4, 0.3])
    found = estimated([figure, figure])
    assert found.mean == pytest.approx(0.4)
    assert found.n == 6
    spread = np.std([0.2, 0.4, 0.6] * 2, ddof=1)
    assert found.error == pytest.approx(spread * np.sqrt(1 / 6 + 1 / 3))


def test_the_mean_is_that_of_pooled_figures_though_pseudo_values_differ():
    # largest of folds, say: pooled 0.3, left out 0.35 and 0.35; pseudo-values 0.25 and 0.25
    found = estimated([np.array([0.3, 0.35, 0.35])])
    assert (found.mean, found.low, found.high) == (pytest.approx(0.3),) * 3


def test_single_folds_are_repetitions_own_figures():
    assert estimated([np.array([v]) for v in (1.0, 2.0, 3.0)]) == corrected([1.0, 2.0, 3.0])
    assert np.isnan(estimated([]).mean)


@pytest.mark.parametrize(
    ("criterion", "spread"),
    [
        ("demographic_parity", np.sqrt(0.25 * 2 / 1000)),  # selection rates are one half
        ("equal_opportunity", np.sqrt(0.16 * 2 / 500)),  # true positive rates 0.8
    ],
)
def test_noise_is_that_of_two_equal_rates(criterion, spread):
    # the mean of the absolute value of a normal variable is sqrt(2 / pi) of its deviation
    cells = [[400, 100, 100, 400], [400, 100, 100, 400]]
    assert chance_violation(cells, criterion) == pytest.approx(spread * np.sqrt(2 / np.pi), rel=0.1)


def test_noise_keeps_labels_as_they_are():
    # the second group has 4 positives: a true positive rate of theirs is hardly known
    cells = [[400, 100, 100, 400], [600, 150, 1, 3]]
    found = chance_violation(cells, "equal_opportunity")
    assert found == pytest.approx(np.sqrt(0.16 / 4) * np.sqrt(2 / np.pi), rel=0.15)
    assert found > 5 * chance_violation(cells, "demographic_parity")


VIOLATION, GAIN = [0.01, 0.04, 0.05, 0.2], [0.70, 0.82, 0.80, 0.9]


@pytest.mark.parametrize(
    ("level", "place"), [(0.005, None), (0.01, 0), (0.049, 1), (0.1, 1), (0.3, 3)]
)
def test_the_best_within_a_level(level, place):
    assert choose_within(VIOLATION, GAIN, level) == place


def test_undefined_violations_are_not_within():
    assert choose_within([np.nan, 0.3], [0.9, 0.5], 0.4) == 1
    assert choose_no_less_fair([np.nan, 0.3], [0.9, 0.5], 0.1) == 1


def test_else_the_fairest_and_of_equally_fair_ones_the_better():
    assert choose_no_less_fair([0.3, 0.2, 0.2], [0.9, 0.5, 0.6], 0.1) == 2
    assert choose_no_less_fair(VIOLATION, GAIN, 0.1) == 1


def test_the_frontier_by_rising_violation():
    places = frontier([0.3, 0.1, 0.2, 0.1, np.nan], [0.9, 0.5, 0.4, 0.6, 1.0])
    assert places.tolist() == [3, 0]


def test_volume_of_two_steps():
    # box: violation 0 to 0.4, gain 0.5 to 1. From 0.1 the step is 0.2 high, from 0.3 it is 0.4:
    # (0.2 * 0.2 + 0.1 * 0.4) / (0.4 * 0.5) = 0.4
    assert hypervolume([0.1, 0.3], [0.7, 0.9], (0.4, 0.5)) == pytest.approx(0.4)


def test_a_point_that_falls_behind_takes_its_share_back():
    # the second rule of validation rows is at 0.3 on test, the third at 0.2: a step back of 0.1
    found = hypervolume([0.1, 0.3, 0.2], [0.7, 0.8, 0.9], (0.4, 0.5))
    assert found == pytest.approx((0.2 * 0.2 - 0.1 * 0.3 + 0.2 * 0.4) / 0.2)


def test_more_rules_of_the_same_quality_do_not_win_by_luck():
    rng = np.random.default_rng(0)

    def volume(n):
        true = np.linspace(0.05, 0.35, n)
        draws = [(true + rng.normal(0, 0.03, n), 0.8 + rng.normal(0, 0.02, n)) for _ in range(400)]
        return np.mean([hypervolume(*draw, (0.4, 0.5)) for draw in draws])

    assert volume(40) == pytest.approx(volume(5), abs=0.01)


def test_points_beyond_the_corner_and_undefined_ones_add_nothing():
    points = [0.1, 0.3, np.nan, 0.5], [0.7, 0.9, 0.95, 0.99]
    assert hypervolume(*points, (0.4, 0.5)) == pytest.approx(0.4)
    assert hypervolume([0.1], [0.4], (0.4, 0.5)) == 0.0


def test_the_best_there_could_be_has_all_of_the_volume():
    assert hypervolume([0.0], [1.0], (0.4, 0.5)) == pytest.approx(1.0)
    assert hypervolume([0.4], [1.0], (0.4, 0.5)) == 0.0
    assert hypervolume([], [], (0.4, 0.5)) == 0.0


def test_splits_that_share_rows_leave_noise_in_the_limit():
    some = non_inferiority(corrected([0.01, 0.02, 0.03, 0.04]))
    error = np.std([0.01, 0.02, 0.03, 0.04], ddof=1) * np.sqrt(1 / 3)
    expected = norm.sf((0.025 + 0.01) / error)
    assert pvalue_in_the_limit(some, 4) == pytest.approx(expected)
    same = non_inferiority(corrected([0.01, 0.01]))
    assert pvalue_in_the_limit(same, 2) == 0
    assert pvalue_in_the_limit(same, 2, margin=-0.02) == 1
