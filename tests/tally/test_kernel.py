from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfair.tally._kernel import MAX_CELLS, count_cells, sum_cells


@pytest.mark.parametrize("n", [1, 2**16 - 1, 2**16, 2**16 + 1, 3 * 2**16 + 5])
def test_blocks_of_rows_count_like_one_loop(n):
    rng = np.random.default_rng(n)
    shape = (5, 2, 3)
    codes = [rng.integers(size, size=n).astype(np.int8) for size in shape]
    weights = rng.integers(0, 16, size=n) / 4  # sums of quarters are exact
    weight, weight2, count = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64)
    np.add.at(weight, tuple(codes), weights)
    np.add.at(weight2, tuple(codes), weights**2)
    np.add.at(count, tuple(codes), 1)
    weighty = np.zeros(shape, dtype=np.int64)
    np.add.at(weighty, tuple(codes), (weights > 0).astype(int))
    for found, expected in zip(
        count_cells(codes, shape, weights), (weight, weight2, weighty), strict=True
    ):
        assert_array_equal(found, expected)
    for found in count_cells(codes, shape):
        assert_array_equal(found, count)
    values = rng.integers(-16, 16, size=n) / 4
    sums, weighted_sums = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, tuple(codes), values)
    np.add.at(weighted_sums, tuple(codes), values * weights)
    assert_array_equal(sum_cells(codes, shape, values), sums)
    assert_array_equal(sum_cells(codes, shape, values, weights), weighted_sums)


@pytest.mark.parametrize("n", [1, 199_999, 200_000, 200_001, 450_000])
def test_a_table_larger_than_a_block_of_rows(n):
    rng = np.random.default_rng(n)
    shape = (400, 500)
    codes = [rng.integers(size, size=n).astype(np.int16) for size in shape]
    weights = rng.integers(0, 16, size=n) / 4
    places = codes[0].astype(int) * 500 + codes[1]
    expected = [np.bincount(places, w, 200_000).reshape(shape) for w in (weights, weights**2)]
    weight, weight2, count = count_cells(codes, shape, weights)
    assert_array_equal(weight, expected[0])
    assert_array_equal(weight2, expected[1])
    weighty = places[weights > 0]
    assert_array_equal(count, np.bincount(weighty, minlength=200_000).reshape(shape))
    assert_array_equal(sum_cells(codes, shape, weights), expected[0])
    assert_array_equal(sum_cells(codes, shape, weights, weights), expected[1])


def test_a_table_takes_as_few_passes_as_there_are_rows_for(monkeypatch):
    passes = []

    def bincount(cells, *args, **kwargs):
        passes.append(len(cells))
        return np_bincount(cells, *args, **kwargs)

    np_bincount = np.bincount
    monkeypatch.setattr(np, "bincount", bincount)
    codes = [np.zeros(2**17 + 1, dtype=np.int8)]
    sum_cells(codes, (10,), np.ones(2**17 + 1))
    assert passes == [2**16, 2**16, 1]
    passes.clear()
    sum_cells(codes, (100_000,), np.ones(2**17 + 1))
    assert passes == [100_000, 2**17 + 1 - 100_000]


def test_many_groups_of_small_codes_do_not_overflow():
    codes = [np.full(3, 126, dtype=np.int8), np.full(3, 120, dtype=np.int8)]
    table = count_cells(codes, (127, 121))[2]
    assert table[126, 120] == table.sum() == 3


def test_uneven_weights_agree_to_rounding():
    rng = np.random.default_rng(0)
    codes, weights = [rng.integers(3, size=100_000)], rng.exponential(size=100_000)
    weight, weight2, _ = count_cells(codes, (3,), weights)
    for k in range(3):
        assert_allclose(weight[k], weights[codes[0] == k].sum(), rtol=1e-12)
        assert_allclose(weight2[k], (weights[codes[0] == k] ** 2).sum(), rtol=1e-12)


def test_a_table_that_is_too_large_is_refused_before_it_is_made():
    codes = [np.zeros(1, dtype=np.int8)] * 2
    with pytest.raises(ValueError, match="use fewer groups, classes or bins"):
        count_cells(codes, (MAX_CELLS, 2))
    with pytest.raises(ValueError, match="use fewer groups, classes or bins"):
        sum_cells(codes, (MAX_CELLS, 2), np.zeros(1))
