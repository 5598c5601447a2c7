from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skfair.finetuning._rows import TuningRows, held_out


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=5),
    st.floats(0.05, 0.95),
    st.integers(0, 5),
)
def test_every_cell_is_split_alike(sizes, fraction, seed):
    rng = np.random.default_rng(seed)
    cells = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    first, second = held_out(cells, fraction, rng)
    assert_array_equal(np.sort(np.concatenate([first, second])), np.arange(len(cells)))
    assert (np.diff(first) > 0).all()
    assert (np.diff(second) > 0).all()
    for cell, size in enumerate(sizes):
        held = (cells[second] == cell).sum()
        if size == 1:
            assert held == 1
        else:
            assert 1 <= held <= size - 1
            assert held in (1, size - 1) or abs(held - fraction * size) <= 0.5


def test_rows_are_drawn():
    cells = np.zeros(50, dtype=int)
    parts = [held_out(cells, 0.5, np.random.default_rng(seed))[1] for seed in (0, 0, 1)]
    assert_array_equal(parts[0], parts[1])
    assert parts[0].tolist() != parts[2].tolist()
    assert parts[0].tolist() != list(range(25))


def test_without_a_share_all_rows_serve_for_both():
    first, second = held_out(np.array([1, 0, 1]), 0.0, np.random.default_rng(0))
    assert first.tolist() == second.tolist() == [0, 1, 2]


def test_rows_know_their_cells():
    rows = TuningRows(
        np.eye(3), np.array([True, False, True]), np.array([0, 1, 1], np.uint8), 2, np.ones(3)
    )
    assert rows.cells().tolist() == [1, 2, 3]
    few = rows.take(np.array([2]))
    assert (few.cells().tolist(), few.n_groups, few.X.tolist()) == ([3], 2, [[0.0, 0.0, 1.0]])
    with pytest.raises(IndexError):
        rows.take(np.array([5]))
