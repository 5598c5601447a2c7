"""The search over windows is exact: it equals looking at every combination of cuts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skfair.postprocessing._windows import RangeMaximum, best_in_window


def brute_force(coordinates, worth, widths):
    best = -np.inf
    for places in itertools.product(*[range(len(v)) for v in worth]):
        chosen = np.array([x[i] for x, i in zip(coordinates, places, strict=True)])
        if (np.ptp(chosen, axis=0) <= widths + 1e-9).all():
            best = max(best, sum(v[i] for v, i in zip(worth, places, strict=True)))
    return best


@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(1, 2))
def test_the_best_choice_equals_exhaustive_search(seed, n_groups, n_axes):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 8, n_groups)
    coordinates = [np.sort(rng.integers(0, 12, (m, n_axes)), axis=0) / 12 for m in sizes]
    worth = [rng.normal(size=m) for m in sizes]
    widths = rng.choice([0, 0.1, 0.25, 1.0], n_axes)
    found, best = (
        best_in_window(coordinates, worth, widths),
        brute_force(coordinates, worth, widths),
    )
    if best == -np.inf:
        assert found.places is None
    else:
        assert found.value == pytest.approx(best, abs=1e-9)
        chosen = np.array([x[i] for x, i in zip(coordinates, found.places, strict=True)])
        assert (np.ptp(chosen, axis=0) <= widths + 1e-9).all()
        assert sum(v[i] for v, i in zip(worth, found.places, strict=True)) == pytest.approx(best)


def test_without_axes_every_group_takes_its_best():
    found = best_in_window([np.zeros((3, 0))] * 2, [np.array([1, 5, 2]), np.array([0, 0, 3])], [])
    assert (found.places, found.value) == ([1, 2], 8.0)


def test_coordinates_that_fall_are_refused():
    with pytest.raises(ValueError, match="must not decrease"):
        best_in_window([np.array([[1.0], [0.0]])], [np.zeros(2)], [0.1])


def test_a_search_without_time_tells_how_much_better_a_choice_may_be():
    rng = np.random.default_rng(0)
    coordinates = [np.sort(rng.random((5000, 2)), axis=0) for _ in range(4)]
    worth = [rng.normal(size=5000) for _ in range(4)]
    cut_short = best_in_window(coordinates, worth, [0.01, 0.01], time_limit=-1.0)
    whole = best_in_window(coordinates, worth, [0.01, 0.01])
    assert cut_short.bound >= whole.value - 1e-9
    assert cut_short.bound > cut_short.value
    assert whole.bound == whole.value


@given(st.integers(0, 10**6), st.integers(1, 2000))
def test_maxima_of_ranges(seed, n):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n)
    start, stop = rng.integers(0, n + 1, (2, 50))
    expected = [values[a:b].max(initial=-np.inf) for a, b in zip(start, stop, strict=True)]
    np.testing.assert_array_equal(RangeMaximum(values)(start, stop), expected)


@pytest.mark.parametrize("n", [1, 31, 32, 33, 64, 1024])
def test_maxima_of_all_ranges_around_the_edges_of_blocks(n):
    values = np.random.default_rng(n).normal(size=n)
    near = np.unique(np.clip([0, 1, 30, 31, 32, 33, 63, 64, n - 1, n], 0, n))
    start, stop = (grid.ravel() for grid in np.meshgrid(near, near))
    expected = [values[a:b].max(initial=-np.inf) for a, b in zip(start, stop, strict=True)]
    np.testing.assert_array_equal(RangeMaximum(values)(start, stop), expected)
