"""Figures worked by hand: corrected intervals, choices, frontiers and volumes."""

from __future__ import annotations

import numpy as np
import pytest
from _quality.statistics import (
    choose_no_less_fair,
    choose_within,
    corrected,
    frontier,
    hypervolume,
    non_inferiority,
    pool,
)


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
    found = non_inferiority([-0.01, 0.0, 0.01], margin=0.01, share=1 / 3)
    assert found.pvalue == pytest.approx(0.172673, abs=1e-5)  # 1/2 - t / (2 sqrt(2 + t^2))
    assert found.low == pytest.approx(-2.919986 * 0.01 * np.sqrt(2 / 3), rel=1e-5)
    assert found.high == pytest.approx(-found.low)


@pytest.mark.parametrize(("value", "pvalue"), [(-0.005, 0.0), (-0.01, 1.0), (-0.02, 1.0)])
def test_non_inferiority_without_spread(value, pvalue):
    found = non_inferiority([value, value, value], margin=0.01)
    assert (found.mean, found.low, found.pvalue) == (value, value, pvalue)


def test_one_split_proves_nothing():
    assert np.isnan(non_inferiority([0.5]).pvalue)


def test_pooled_cells_are_sums():
    one, other = [[1, 2, 3, 4], [5, 6, 7, 8]], [[1, 0, 0, 0], [0, 0, 0, 1]]
    assert pool([one, other]).tolist() == [[2, 2, 3, 4], [5, 6, 7, 9]]


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


def test_beaten_points_and_those_beyond_the_corner_add_nothing():
    points = [0.1, 0.3, 0.2, 0.5, 0.0], [0.7, 0.9, 0.65, 0.99, 0.5]
    assert hypervolume(*points, (0.4, 0.5)) == pytest.approx(0.4)


def test_the_best_there_could_be_has_all_of_the_volume():
    assert hypervolume([0.0], [1.0], (0.4, 0.5)) == pytest.approx(1.0)
    assert hypervolume([0.4], [1.0], (0.4, 0.5)) == 0.0
    assert hypervolume([], [], (0.4, 0.5)) == 0.0
