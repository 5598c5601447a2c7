from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chisquare

from skfair.preprocessing._cells import cell_targets, draw_rows, take_labels

REPRODUCIBLE = settings(max_examples=80)
STRATEGIES = ("balance", "parity", "size")
METHODS = ("over", "under", "both")
SIZES = np.array([[30.0, 10.0], [20.0, 40.0]])  # groups f and m; labels 0 and 1


def targets(strategy, method="both", sizes=SIZES):
    return cell_targets(np.array(sizes, dtype=float), strategy, method, "fmx"[: len(sizes)], [0, 1])


@st.composite
def tables(draw, least=1):
    n_groups, n_classes = draw(st.integers(2, 5)), draw(st.integers(2, 4))
    row = st.lists(st.integers(least, 40), min_size=n_classes, max_size=n_classes)
    return np.array(draw(st.lists(row, min_size=n_groups, max_size=n_groups)), dtype=float)


def of_table(sizes, strategy, method):
    groups, classes = (range(n) for n in sizes.shape)
    return cell_targets(sizes, strategy, method, list(groups), list(classes))


# Sizes by hand


@pytest.mark.parametrize(
    ("strategy", "method", "expected"),
    [
        ("balance", "both", [[25, 25], [25, 25]]),
        ("balance", "over", [[40, 40], [40, 40]]),
        ("balance", "under", [[10, 10], [10, 10]]),
        ("parity", "both", [[20, 20], [30, 30]]),
        ("parity", "over", [[30, 30], [40, 40]]),
        ("parity", "under", [[10, 10], [20, 20]]),
        ("size", "both", [[37.5, 12.5], [16.7, 33.3]]),
        ("size", "over", [[45, 15], [20, 40]]),
        ("size", "under", [[30, 10], [13.3, 26.7]]),
    ],
)
def test_sizes_by_hand(strategy, method, expected):
    assert_allclose(targets(strategy, method), expected, atol=0.5)


@pytest.mark.parametrize(
    ("strategy", "method", "expected"),
    [
        ({("f", 1): 25}, "over", [[30, 25], [20, 40]]),
        ({("f", 1): 2.5}, "over", [[30, 25], [20, 40]]),
        ({("f", 0): 0.5, ("m", 1): 7}, "under", [[15, 10], [20, 7]]),
        ({("f", 0): 0.25, ("m", 0): np.int64(33)}, "both", [[8, 10], [33, 40]]),
        ({("f", 0): 2, ("f", 1): 1.0}, "both", [[2, 1], [20, 40]]),
        ({("f", 0): 0}, "under", [[0, 10], [20, 40]]),
        ({}, "over", [[30, 10], [20, 40]]),
    ],
)
def test_a_dict_has_whole_numbers_as_sizes_and_fractions_as_factors(strategy, method, expected):
    assert targets(strategy, method).tolist() == expected


# What is promised, over random tables


@REPRODUCIBLE
@given(tables(), st.sampled_from(METHODS))
def test_balance_makes_cells_equal(sizes, method):
    found = of_table(sizes, "balance", method)
    assert np.ptp(found) <= (method == "both")  # the number of rows stays
    expected = {"over": sizes.max(), "under": sizes.min(), "both": sizes.mean()}[method]
    assert abs(found - expected).max() <= (1 if method == "both" else 0.5)


@REPRODUCIBLE
@given(tables(), st.sampled_from(METHODS))
def test_parity_gives_each_group_the_overall_shares(sizes, method):
    found = of_table(sizes, "parity", method)
    shares = sizes.sum(axis=0) / sizes.sum()
    factor = sizes / shares
    of_group = {"over": factor.max(axis=1), "under": factor.min(axis=1), "both": sizes.sum(axis=1)}
    off = 1 if method == "both" else 0.5
    assert_allclose(found, np.outer(of_group[method], shares), atol=off + 1e-9)


@REPRODUCIBLE
@given(tables(least=0), st.sampled_from(METHODS))
def test_size_makes_groups_equal_and_keeps_their_shares(sizes, method):
    sizes[:, 0] += 1  # no group is empty
    found = of_table(sizes, "size", method)
    of_group = sizes.sum(axis=1, keepdims=True)
    whole = {"over": of_group.max(), "under": of_group.min(), "both": of_group.mean()}[method]
    off = 1 if method == "both" else 0.5
    assert_allclose(found, sizes / of_group * whole, atol=off + 1e-9)


@REPRODUCIBLE
@given(tables(), st.sampled_from(STRATEGIES))
def test_methods_move_one_way_or_keep_the_number_of_rows(sizes, strategy):
    over, under, both = (of_table(sizes, strategy, method) for method in METHODS)
    assert (over >= sizes).all()
    assert (under <= sizes).all()
    assert (over == sizes).any()
    assert (under == sizes).any()
    assert both.sum() == round(sizes.sum())


@REPRODUCIBLE
@given(tables(), st.sampled_from(STRATEGIES), st.sampled_from(METHODS))
def test_the_order_of_groups_and_classes_does_not_matter(sizes, strategy, method):
    turned = of_table(sizes[::-1, ::-1], strategy, method)
    # halves are rounded by the last bit
    assert_allclose(turned[::-1, ::-1], of_table(sizes, strategy, method), atol=1)


# Empty cells


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("strategy", ["balance", "parity"])
def test_an_empty_cell_is_named(strategy, method):
    with pytest.raises(ValueError, match=r"cells \[\('m', 1\)\] of \(group, label\): merge"):
        targets(strategy, method, [[30, 10], [20, 0]])


@pytest.mark.parametrize("method", METHODS)
def test_size_leaves_empty_cells_empty(method):
    found = targets("size", method, [[30, 10], [20, 0]])
    expected = {"over": [[30, 10], [40, 0]], "under": [[15, 5], [20, 0]]}
    assert found.tolist() == expected.get(method, [[23, 7], [30, 0]])


@pytest.mark.parametrize("method", METHODS)
def test_a_group_that_weighs_nothing_stays_empty(method):
    sizes = [[30, 10], [0, 0], [10, 10]]
    for strategy in STRATEGIES:
        found = targets(strategy, method, sizes)
        assert found[1].tolist() == [0, 0]
        assert_array_equal(found[[0, 2]], targets(strategy, method, [[30, 10], [10, 10]]))


@pytest.mark.parametrize("method", METHODS)
def test_a_class_that_weighs_nothing_stays_empty_under_parity(method):
    assert targets("parity", method, [[30, 0], [20, 0]]).tolist() == [[30, 0], [20, 0]]


def test_a_dict_that_wants_rows_of_an_empty_cell_is_refused():
    with pytest.raises(ValueError, match=r"no rows to draw from in cells \[\('m', 1\)\]"):
        targets({("m", 1): 5}, "over", [[30, 10], [20, 0]])
    assert targets({("m", 1): 5.5}, "over", [[30, 10], [20, 0]]).tolist() == [[30, 10], [20, 0]]


def test_of_many_cells_of_one_and_a_half_rows_half_are_rounded_up():
    assert (
        sorted(targets("balance", "both", [[1, 2], [3, 0.5], [1, 1.5]]).ravel())
        == [1] * 3 + [2] * 3
    )
    sizes = np.tile([[1.0, 2.0]], (25, 1))
    assert cell_targets(sizes, "balance", "both", range(25), [0, 1]).sum() == 75


def test_sizes_and_factors_far_from_what_there_is_warn():
    with pytest.warns(UserWarning, match=r"\('f', 0\): 30 to 1; \('m', 1\): 40 to 801.*are sizes"):
        targets({("f", 0): 1, ("m", 1): 801.0}, "both")
    assert targets({("f", 0): 0, ("m", 1): 800}, "both").tolist() == [[0, 10], [20, 800]]


def test_sizes_fed_back_are_sizes():
    found = targets("parity", "both")
    again = {(g, c): float(found[i, c]) for i, g in enumerate("fm") for c in (0, 1)}
    assert_array_equal(targets(again, "both"), found)


# What can't be


@pytest.mark.parametrize(
    ("strategy", "method", "message"),
    [
        ({("f", 0): 29}, "over", r'method="over" can\'t make cells \[\(\'f\', 0\)\] shrink'),
        ({("f", 1): 11, ("m", 0): 9}, "under", r"\[\('f', 1\)\] grow: use method=\"both\""),
        ({("x", 0): 9}, "over", r"names cells \[\('x', 0\)\]; cells .*\('f', 0\), \('f', 1\)"),
        ({"f": 9}, "over", r"names cells \['f'\]"),
        ({("f", 0): -1}, "both", r"strategy\[\('f', 0\)\] must be at least 0, got -1"),
        ({("f", 0): True}, "both", r"must be a number, a size .* got True"),
        ({("f", 0): "900"}, "both", r"must be a number, a size .* got '900'"),
        ({("f", 0): np.nan}, "both", r"must be at least 0, got nan"),
        ({("f", 0): np.inf}, "both", r"must be at least 0, got inf"),
        ("equal", "both", r"strategy must be one of .*or a dict, got 'equal'"),
        ("parity", "sideways", r"method must be one of .*'over'.*got 'sideways'"),
        ({}, "sideways", "method must be one of"),
    ],
)
def test_what_cannot_be_is_refused(strategy, method, message):
    with pytest.raises(ValueError, match=message):
        targets(strategy, method)


# Rows


@st.composite
def wishes(draw):
    """Cells of rows, weights, and targets of the cells that weigh something."""
    n = draw(st.integers(1, 40))
    cells = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    weight = st.one_of(st.just(0.0), st.floats(0.01, 5))
    weights = np.array(draw(st.lists(weight, min_size=n, max_size=n)))
    wanted = np.array(draw(st.lists(st.integers(0, 60), min_size=4, max_size=4)))
    return cells, weights, wanted, draw(st.integers(0, 1000))


def times_of(rows, n):
    return np.bincount(rows, minlength=n)


@REPRODUCIBLE
@given(wishes(), st.booleans(), st.booleans())
def test_rows_are_repeated_as_expected_up_to_one(wish, weighted, near):
    cells, weights, wanted, seed = wish
    weights = weights if weighted else np.ones(len(cells))
    sums = np.bincount(cells, weights, minlength=4)
    wanted = np.where(sums > 0, wanted, 0)
    rows = draw_rows(
        cells,
        wanted,
        weights=weights if weighted else None,
        nearness=np.random.default_rng(seed).normal(size=len(cells)).round(1) if near else None,
        rng=np.random.default_rng(seed),
    )
    assert (np.diff(rows) >= 0).all()
    assert_array_equal(np.bincount(cells[rows], minlength=4), wanted)
    times = times_of(rows, len(cells))
    expected = wanted[cells] * weights / np.where(sums > 0, sums, 1)[cells]
    assert (abs(times - expected) < 1 + 1e-6).all()
    assert (times[weights == 0] == 0).all()


def test_whole_expectations_are_met_exactly():
    weights = np.array([1.0, 2.0, 3.0, 0.0])
    rows = draw_rows(
        np.zeros(4, int), np.array([12]), weights=weights, rng=np.random.default_rng(0)
    )
    assert times_of(rows, 4).tolist() == [2, 4, 6, 0]
    rows = draw_rows(np.repeat([1, 0], 3), np.array([9, 3]), rng=np.random.default_rng(0))
    assert times_of(rows, 6).tolist() == [1, 1, 1, 3, 3, 3]


@pytest.mark.parametrize("target", [2, 5, 17])
def test_on_average_rows_are_repeated_in_proportion_to_their_weights(target):
    weights = np.array([0.3, 1.1, 2.0, 0.0, 0.7, 1.4])
    cells, n_draws = np.zeros(6, dtype=int), 3000
    rng = np.random.default_rng(0)
    draws = np.array(
        [
            times_of(draw_rows(cells, np.array([target]), weights=weights, rng=rng), 6)
            for _ in range(n_draws)
        ]
    )
    error = 5 * np.sqrt(0.25 / n_draws)  # a fraction is rounded up or down
    assert_allclose(draws.mean(axis=0), target * weights / weights.sum(), atol=error)
    assert (draws[:, 3] == 0).all()


def test_without_weights_every_row_is_as_likely_to_be_drawn():
    rng = np.random.default_rng(0)
    drawn = sum(
        times_of(draw_rows(np.zeros(8, int), np.array([11]), rng=rng), 8) - 1 for _ in range(2000)
    )
    assert drawn.sum() == 6000
    assert chisquare(drawn).pvalue > 0.001


def test_the_generator_decides_which_rows_are_drawn():
    cells, wanted = np.repeat([0, 1], 50), np.array([70, 20])
    first, again, other = (
        draw_rows(cells, wanted, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rows_nearest_the_boundary_are_doubled_and_dropped_first():
    # Kamiran and Calders: what is nearest the boundary is repeated in cells that grow, left out in
    # cells that shrink. Rows 0 to 4 grow to 7, rows 5 to 9 shrink to 3.
    nearness = np.array([0.1, 0.9, 0.5, 0.7, 0.2, 0.1, 0.9, 0.5, 0.7, 0.2])
    cells = np.repeat([0, 1], 5)
    rng = np.random.default_rng(0)
    rows = draw_rows(cells, np.array([7, 3]), nearness=nearness, rng=rng)
    assert rows.tolist() == [0, 1, 1, 2, 3, 3, 4, 5, 7, 9]
    rows = draw_rows(cells, np.array([11, 0]), nearness=nearness, rng=rng)
    assert times_of(rows, 10).tolist() == [2, 3, 2, 2, 2, 0, 0, 0, 0, 0]


def test_of_rows_as_near_the_first_are_doubled_and_kept():
    rows = draw_rows(
        np.repeat([0, 1], 3), np.array([4, 2]), nearness=np.zeros(6), rng=np.random.default_rng(0)
    )
    assert rows.tolist() == [0, 0, 1, 2, 3, 4]


def test_weights_come_before_nearness():
    # expected: 0.4, 1.6, 2, 0: the second and the first may get one more, the last nothing
    weights = np.array([0.4, 1.6, 2.0, 0.0])
    rows = draw_rows(
        np.zeros(4, int),
        np.array([4]),
        weights=weights,
        nearness=np.array([0.5, 0.1, 0.7, 0.9]),
        rng=np.random.default_rng(0),
    )
    assert times_of(rows, 4).tolist() == [1, 1, 2, 0]


def test_a_cell_that_weighs_nothing_is_left_out():
    rows = draw_rows(
        np.array([0, 1, 1]),
        np.array([2, 0, 0]),
        weights=np.array([1.0, 0.0, 0.0]),
        rng=np.random.default_rng(0),
    )
    assert rows.tolist() == [0, 0]


# Labels in the type of y


def test_labels_of_a_series_keep_dtype_and_name():
    y = pd.Series(pd.Categorical(["no", "yes", "no"]), name="hired", index=[7, 8, 9])
    found = take_labels(y, np.array([0, 1, 0], dtype=np.int8), np.array([1, 1, 0, 1]))
    assert found.tolist() == ["yes", "yes", "no", "yes"]
    assert (found.dtype, found.name) == (y.dtype, "hired")
    found = take_labels(pl.Series("hired", [3, 1], dtype=pl.Int16), np.array([1, 0]), np.array([1]))
    assert found.to_list() == [3]
    assert (found.dtype, found.name) == (pl.Int16, "hired")


@pytest.mark.parametrize("y", [["b", "a", "b"], ("b", "a", "b"), np.array(["b", "a", "b"], object)])
def test_labels_of_lists_and_arrays(y):
    found = take_labels(y, np.array([1, 0, 1]), np.array([0, 1]))
    assert list(found) == ["a", "b"]
    assert isinstance(found, np.ndarray) == isinstance(y, np.ndarray)
