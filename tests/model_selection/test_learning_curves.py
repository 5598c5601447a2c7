from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from skfair.model_selection._learning_curves import fit_power_law, resample_curves, thin
from skfair.model_selection._verdicts import rows_in_words

REPRODUCIBLE = settings(max_examples=40)
ROWS = np.array([50.0, 100.0, 200.0, 400.0])


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0, 1.5])
def test_a_power_law_is_found_again(exponent):
    law = fit_power_law(ROWS, 0.1 + 3 * ROWS**-exponent)
    assert law.exponent == pytest.approx(exponent)
    assert law.floor == pytest.approx(0.1)
    assert law.at(800.0) == pytest.approx(0.1 + 3 * 800**-exponent)
    goal = 0.1 + 3 * 1234**-exponent
    assert law.rows_for(goal) == pytest.approx(1234)


def test_what_is_below_the_floor_is_never_reached():
    law = fit_power_law(ROWS, 0.1 + 3 / ROWS)
    assert np.isinf(law.rows_for(0.09))
    assert np.isinf(law.rows_for(0.1 + 3 / 500_000))  # 1250 times 400
    assert np.isfinite(law.rows_for(0.1 + 3 / 300_000))


def test_a_curve_that_doesnt_fall_is_flat():
    law = fit_power_law(ROWS, np.array([0.2, 0.3, 0.3, 0.4]))
    assert (law.scale, law.floor) == (0, pytest.approx(0.3))
    assert np.isinf(law.rows_for(0.29))
    assert law.rows_for(0.35) == 0


def test_no_error_is_below_zero():
    law = fit_power_law(ROWS, np.array([0.5, 0.2, 0.01, 0.0]))
    assert law.floor >= 0
    assert law.at(1e9) >= 0


@given(errors=st.lists(st.floats(0, 1), min_size=4, max_size=4))
@REPRODUCIBLE
def test_no_other_power_law_is_closer(errors):
    law = fit_power_law(ROWS, np.array(errors))
    found = np.linalg.norm(law.at(ROWS) - errors)
    for exponent in np.linspace(0.1, 2.0, 39):
        design = np.column_stack([np.ones(4), (ROWS / 400) ** -exponent])
        assert found <= nnls(design, errors)[1] + 1e-9


def test_many_at_once():
    errors = np.array([0.1 + 3 / ROWS, 0.2 + ROWS**-0.5])
    both = fit_power_law(ROWS, errors)
    for k in range(2):
        alone = fit_power_law(ROWS, errors[k])
        assert (both.floor[k], both.exponent[k]) == (alone.floor, alone.exponent)


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)
@REPRODUCIBLE
def test_thinned_sets_are_nested_and_in_proportion(sizes, fraction, seed):
    cells = np.repeat(np.arange(len(sizes)), sizes)
    places = thin(cells, cells % 2, np.random.default_rng(seed))
    kept = np.bincount(cells[places < fraction], minlength=len(sizes))
    assert (abs(kept - fraction * np.array(sizes)) <= 2).all()
    assert set(cells[places < 1e-9] % 2) == set(cells % 2)  # each label from the start
    assert (places < 1).all()


def test_resampled_curves_are_of_one_repeat_and_weighted():
    losses = np.array([[[0.0, 1.0], [0.5, 0.5]]])
    rng = np.random.default_rng(0)
    drawn = resample_curves(losses, np.ones(2), np.repeat([0, 1], 200), rng)[:, 0]
    assert set(drawn[:200].tolist()) == {0, 0.5, 1}
    assert set(drawn[200:].tolist()) == {0.5}
    heavy = resample_curves(losses, np.array([1.0, 3.0]), np.zeros(400, int), rng)[:, 0]
    assert set(heavy.tolist()) == {0, 0.75, 1}


def test_rows_without_a_prediction_are_left_out():
    losses = np.array([[[np.nan, 1.0, 1.0]]])
    drawn = resample_curves(losses, np.ones(3), np.zeros(50, int), np.random.default_rng(0))
    assert np.isin(drawn[~np.isnan(drawn)], 1).all()


def test_a_repeat_of_some_rows_says_how_far_it_is_from_all_repeats():
    # rows differ, and fits don't: which half of the rows a fit has predicted says nothing
    rng = np.random.default_rng(0)
    rows, tested = rng.random(200), np.array([rng.permutation(200) < 100 for _ in range(10)])
    slots = rng.integers(10, size=2000)
    whole = resample_curves(np.broadcast_to(rows, (1, 10, 200)), np.ones(200), slots, rng)
    halves = resample_curves(np.where(tested, rows, np.nan)[None], np.ones(200), slots, rng)
    assert whole.std() == pytest.approx(rows.std() / np.sqrt(200), rel=0.1)
    assert halves.std() == pytest.approx(whole.std(), rel=0.05)
    # a fit that is worse by 1 on the rows that it has predicted
    halves = np.where(tested, rows, np.nan)
    halves[0] += 1
    drawn = resample_curves(halves[None], np.ones(200), slots, rng)[:, 0]
    apart = drawn[slots == 0].mean() - drawn[slots != 0].mean()
    assert apart == pytest.approx(1, abs=0.1)


def test_draws_need_no_memory_of_their_own():
    losses = np.zeros((2, 3, 60_000), dtype=np.float32)
    tracemalloc.start()
    resample_curves(losses, np.ones(60_000), np.zeros(50, int), np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6  # 50 draws of 60,000 counts are 24 MB


def test_words():
    assert rows_in_words(np.inf, 50.0, np.inf).startswith("perhaps no number")
    assert rows_in_words(np.inf, 0.0, np.inf).endswith("can't be told from those at hand")
    assert rows_in_words(1200.4, 0.0, 5000.0) == "about 1,200 more rows of this group (0 to 5,000)"
    assert (
        "about 20,000 more rows of this group (at least 1,900; perhaps no number"
        in rows_in_words(20236, 1902, np.inf)
    )
    assert rows_in_words(np.inf, 1234.0, np.inf).endswith("at least 1,200 more")
