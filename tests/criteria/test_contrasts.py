from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import fisher_exact, hypergeom, norm

from skfair.criteria import (
    ClassSums,
    contrasts,
    contrasts_to_rest,
    difference_limits,
    share_limits,
    whole_rows,
)

REPRODUCIBLE = settings(max_examples=40)
CELL = st.integers(0, 4)
Z = 1.959963984540054


def counts(values):
    array = np.array(values, dtype=float)
    return ClassSums(array, array, array)


def permuted(levels, group):
    """P-value by dealing the labels of each level to its rows in every way there is."""
    ways, observed, expected = [], 0, 0.0
    for level in np.array(levels, dtype=int):
        n, positives, inside = level.sum(), level[:, 1].sum(), level[group].sum()
        ways.append([sum(i < inside for i in c) for c in combinations(range(n), positives)])
        observed += level[group, 1]
        expected += inside * positives / n if n else 0
    sums = np.array([sum(way) for way in product(*ways)])
    return np.mean(np.abs(sums - expected) >= abs(observed - expected) - 1e-9)


def test_differences_and_newcombes_limits_by_hand():
    sums = counts([[6, 4], [3, 7], [5, 5]])  # shares of class 1: 0.4, 0.7, 0.5
    found = contrasts_to_rest(sums, 1)
    assert_allclose(found.difference, [0.4 - 12 / 20, 0.7 - 9 / 20, 0.5 - 11 / 20])
    sides = [share_limits(counts(x), Z) for x in ([[6, 4]], [[8, 12]])]
    expected = difference_limits(*sides)
    assert_allclose([found.low[0], found.high[0]], [expected.low[0, 1], expected.high[0, 1]])


def test_other_classes_are_the_rest():
    found = contrasts_to_rest(counts([[2, 4, 4], [5, 3, 2]]), 1)
    pooled = contrasts_to_rest(counts([[6, 4], [7, 3]]), 1)
    assert_allclose(np.stack(found), np.stack(pooled))
    assert_allclose(found.difference, [0.1, -0.1])


def test_a_reference_takes_the_place_of_the_rest():
    sums = counts([[6, 4], [3, 7], [5, 5]])
    found = contrasts_to_rest(sums, 1, reference=2)
    alone = contrasts_to_rest(counts([[6, 4], [5, 5]]), 1)
    assert_allclose([part[0] for part in found], [part[0] for part in alone])
    assert all(np.isnan(part[2]) for part in found)  # nothing to compare it with
    assert sums.weight[2].tolist() == [5, 5]


def test_levels_are_averaged_as_by_mantel_and_haenszel():
    levels = counts([[[4, 1], [5, 10]], [[2, 8], [1, 4]]])
    # weights 5 x 15 / 20 = 3.75 and 10 x 5 / 15 = 10 / 3
    apart = np.array([1 / 5 - 10 / 15, 8 / 10 - 4 / 5])
    expected = (3.75 * apart[0] + 10 / 3 * apart[1]) / (3.75 + 10 / 3)
    found = contrasts_to_rest(levels, 1)
    assert_allclose(found.difference, [expected, -expected])
    share = np.array([3.75, 10 / 3]) / (3.75 + 10 / 3)
    each = [contrasts_to_rest(counts(level), 1) for level in levels.weight]
    down = [share[i] * (each[i].difference[0] - each[i].low[0]) for i in (0, 1)]
    assert_allclose(found.low[0], expected - np.hypot(*down))


@pytest.mark.parametrize(("a", "b"), [([3, 1], [1, 3]), ([0, 6], [6, 0]), ([8, 2], [3, 7])])
def test_groups_of_equal_size_have_fishers_p_value(a, b):
    """There the distribution is symmetric, and all readings of "two-sided" agree."""
    found = contrasts_to_rest(counts([a, b]), 1).pvalue
    assert_allclose(found, fisher_exact([a, b]).pvalue)


@REPRODUCIBLE
@given(table=st.lists(st.tuples(CELL, CELL), min_size=2, max_size=3))
def test_p_values_are_those_of_all_permutations(table):
    found = contrasts_to_rest(counts(table), 1)
    for group in range(len(table)):
        if not np.isnan(found.difference[group]):
            assert_allclose(found.pvalue[group], permuted([table], group))


@REPRODUCIBLE
@given(
    table=st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=2),
        min_size=2,
        max_size=3,
    )
)
def test_p_values_over_levels_are_those_of_all_permutations_within_levels(table):
    found = contrasts_to_rest(counts(table), 1)
    for group in (0, 1):
        if not np.isnan(found.difference[group]):
            assert_allclose(found.pvalue[group], permuted(table, group))


def test_levels_without_rows_change_nothing():
    levels = [[[4, 1], [2, 5]], [[1, 3], [0, 3]]]
    empty = [[0, 0], [0, 0]]
    without, with_empty = (contrasts_to_rest(counts(x), 1) for x in (levels, [*levels, empty]))
    assert_allclose(np.stack(without), np.stack(with_empty))


def test_levels_of_other_groups_change_nothing_for_a_reference():
    levels = [[[4, 1], [2, 5], [0, 0]], [[0, 0], [0, 0], [2, 2]]]
    found = contrasts_to_rest(counts(levels), 1, reference=0)
    alone = contrasts_to_rest(counts([[4, 1], [2, 5]]), 1)
    assert_allclose([part[1] for part in found], [part[1] for part in alone])


def test_nothing_to_compare_is_nan():
    found = contrasts_to_rest(counts([[3, 4], [0, 0]]), 1)
    assert all(np.isnan(part).all() for part in found)
    assert_array_equal(contrasts_to_rest(counts([[3, 4]]), 1).pvalue, [np.nan])


def test_equal_shares_have_the_p_value_1():
    assert_allclose(contrasts_to_rest(counts([[10, 30], [20, 60]]), 1).pvalue, 1)
    assert_allclose(contrasts_to_rest(counts([[10, 0], [20, 0]]), 1).pvalue, 1)


def test_a_tenth_below_is_as_far_as_a_tenth_above():
    """Counts tied with the observed one by distance count, whatever rounding does."""
    # 3 of 10 drawn from 30 with 15 positives: expected 5; 7 is as far
    found = contrasts_to_rest(counts([[7, 3], [8, 12]]), 1).pvalue[0]
    chance = hypergeom(30, 15, 10)
    assert_allclose(found, chance.cdf(3) + chance.sf(6))


def test_thousands_of_rows_over_levels_are_approximated_by_the_normal_distribution():
    levels = np.array([[[1900, 2100], [2050, 1950]], [[1000, 3000], [1020, 2980]]])
    found = contrasts_to_rest(counts(levels), 1).pvalue
    own = [hypergeom.pmf(np.arange(4001), 8000, k, 4000) for k in (4050, 5980)]
    chance = np.convolve(*own)
    expected = (4050 + 5980) / 2
    far = np.abs(np.arange(len(chance)) - expected) >= 5100 - expected
    assert_allclose(found, chance[far].sum(), rtol=0.01)
    variance = sum(4000 * k / 8000 * (1 - k / 8000) * 4000 / 7999 for k in (4050, 5980))
    z = (5100 - expected - 0.5) / np.sqrt(variance)
    assert_allclose(found, 2 * norm.sf(z))
    assert found[0] == found[1]


def test_thousands_of_rows_without_the_other_class_have_the_p_value_1():
    assert_array_equal(contrasts_to_rest(counts([[[0, 3000]] * 2] * 2), 1).pvalue, [1, 1])


def test_the_number_of_rows_of_one_level_is_no_obstacle():
    found = contrasts_to_rest(counts([[300_000, 200_000], [299_000, 201_000]]), 1).pvalue
    pooled = 401_000 / 1_000_000
    z = 0.002 / np.sqrt(pooled * (1 - pooled) * 2 / 500_000)
    assert_allclose(found, 2 * norm.sf(z), rtol=0.02)


def test_equal_weights_are_no_weights():
    table = np.array([[[4.0, 1], [2, 5]], [[1, 3], [0, 3]]])
    plain = contrasts_to_rest(counts(table), 1)
    heavier = contrasts_to_rest(ClassSums(2.5 * table, 6.25 * table, table), 1)
    assert_allclose(np.stack(heavier), np.stack(plain))


def test_nearly_equal_weights_are_near_no_weights():
    table = np.array([[300.0, 200], [330, 170]])
    plain = contrasts_to_rest(counts(table), 1)
    nearly = contrasts_to_rest(ClassSums(table, table * 1.001, table), 1)
    assert_allclose(nearly.difference, plain.difference)
    assert_allclose(nearly.pvalue, plain.pvalue, rtol=0.2)
    assert (nearly.pvalue != plain.pvalue).all()


def test_unequal_weights_give_larger_p_values_and_wider_intervals():
    table = np.array([[300.0, 200], [330, 170]])
    plain = contrasts_to_rest(counts(table), 1)
    spread = contrasts_to_rest(ClassSums(table, table * 3, table), 1)
    assert (spread.pvalue > plain.pvalue + 0.05).all()
    assert (spread.high - spread.low > 1.3 * (plain.high - plain.low)).all()


def test_other_sets_of_rows_than_groups():
    own, rest = counts([[3, 1], [4, 4]]), counts([[1, 5], [0, 2]])
    found = contrasts(own, rest, 1)
    each = [contrasts_to_rest(counts([own.weight[i], rest.weight[i]]), 1) for i in (0, 1)]
    assert_allclose(np.stack(found), np.stack([[p[0] for p in each[i]] for i in (0, 1)]).T)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_confidence_levels_are_between_0_and_1(level):
    with pytest.raises(ValueError, match="confidence_level"):
        contrasts_to_rest(counts([[1, 2], [2, 1]]), 1, confidence_level=level)


def null_tables(n_tables, seed=0):
    """Two levels of two groups, in which the label hangs on the level alone."""
    rng = np.random.default_rng(seed)
    for _ in range(n_tables):
        sizes = rng.integers(15, 60, size=(2, 2))
        positives = rng.binomial(sizes, [[0.3], [0.7]])
        yield np.stack([sizes - positives, positives], axis=-1).astype(float)


@pytest.mark.slow
def test_p_values_are_small_no_more_often_than_they_should():
    found = np.array([contrasts_to_rest(counts(t), 1).pvalue[0] for t in null_tables(300)])
    assert np.mean(found <= 0.05) <= 0.075
    assert np.mean(found <= 0.5) <= 0.58


@pytest.mark.slow
def test_p_values_and_intervals_hold_their_levels_in_large_simulations():
    found = [contrasts_to_rest(counts(table), 1) for table in null_tables(10_000)]
    pvalues = np.array([f.pvalue[0] for f in found])
    for level in (0.01, 0.05, 0.1, 0.5):  # exact, so discrete: at most the level
        assert 0.6 * level <= np.mean(pvalues <= level) <= level + 3 * np.sqrt(level / 10_000)
    covered = np.mean([f.low[0] <= 0 <= f.high[0] for f in found])
    assert 0.94 <= covered <= 0.97


@pytest.mark.slow
def test_weighted_p_values_and_intervals_hold_their_levels_in_large_simulations():
    rng = np.random.default_rng(0)
    small, covered = [], []
    for _ in range(4000):
        label, weight = rng.random((2, 100)) < 0.4, rng.lognormal(0, 0.7, (2, 100))
        arrays = (
            np.stack([(x * ~label).sum(axis=1), (x * label).sum(axis=1)], axis=-1)
            for x in (weight, weight**2, np.ones_like(weight))
        )
        found = contrasts_to_rest(ClassSums(*arrays), 1)
        small.append(found.pvalue[0] <= 0.05)
        covered.append(found.low[0] <= 0 <= found.high[0])
    assert 0.02 <= np.mean(small) <= 0.06  # whole rows are fewer than there are
    assert 0.94 <= np.mean(covered) <= 0.97


def test_a_tiny_group_of_unequal_weights_has_no_small_p_value():
    """One positive row among 2000 of which 5 % are positive has the chance 0.05."""
    rows = np.array([[0.0, 1], [1900, 99]])
    weight2 = rows * [[1.0], [1.08]]  # effective size of the others: 1999 / 1.08 = 1850, less 1
    found = contrasts_to_rest(ClassSums(rows, weight2, rows), 1)
    count = np.ceil(1849 * 99 / 1999)
    assert_allclose(found.pvalue, (count + 1) / 1850)


def test_whole_rows_show_less_of_a_difference_and_no_more_rows():
    inside, outside = whole_rows(
        np.array([[0.5, 0.25, np.nan]]),
        np.array([[9.9, 6.5, np.nan]]),
        np.array([True, False, True]),
    )
    assert_array_equal(inside, [[4, 2, 0]])  # of 4.5 and 1.5
    assert_array_equal(inside + outside, [[9, 6, 0]])


def test_whole_rows_over_levels_lose_one_altogether():
    shares, sizes = np.full((20, 2), 0.5), np.full((20, 2), 1.75)  # 35 rows, 17.5 in the class
    inside, outside = whole_rows(shares, sizes, np.array([True, False]))
    assert_array_equal((inside + outside).sum(axis=0), [35, 35])
    assert_array_equal(inside.sum(axis=0), [17, 18])
    assert (outside >= 0).all()


def test_whole_counts_stay_as_they_are():
    inside, outside = whole_rows(
        np.array([[3 / 7, 0.1]]), np.array([[7.0, 10.0]]), np.ones(2, bool)
    )
    assert_array_equal([inside[0], outside[0]], [[3, 1], [4, 9]])


def test_groups_are_tested_alike_from_either_side():
    """Two groups are one table: the smaller one's counts say how many there are."""
    found = contrasts_to_rest(counts([[[297_000, 3000], [8, 2]]] * 2), 1).pvalue
    assert_allclose(found[0], found[1], rtol=1e-6)
    one = hypergeom(300_010, 3002, 10).pmf(np.arange(11))
    both = np.convolve(one, one)
    assert_allclose(found, both[4:].sum(), rtol=1e-6)


def test_p_values_are_never_0():
    found = contrasts_to_rest(counts([[0, 10_000], [10_000, 0]]), 1).pvalue
    assert_array_equal(found, np.finfo(float).tiny)
