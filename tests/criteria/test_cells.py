from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skfair.criteria import RATES, cells_of

TABLE = np.array([[5.0, 1, 0], [2, 7, 0], [0, 3, 9]])
CLASSES = ("a", "b", "c")


def test_only_rates_that_treat_both_classes_alike_need_no_positive_class():
    free = [name for name, rate in RATES.items() if not rate.needs_positive]
    assert free == ["accuracy", "error_rate"]


@pytest.mark.parametrize(("name", "value"), [("accuracy", 21 / 27), ("error_rate", 6 / 27)])
def test_accuracy_counts_every_class(name, value):
    assert RATES[name](cells_of(TABLE, CLASSES, [RATES[name]])) == pytest.approx(value)


def test_other_rates_read_the_positive_class_against_the_rest():
    cells = cells_of(TABLE, CLASSES, [RATES["true_positive_rate"], RATES["accuracy"]], "b")
    assert cells.tolist() == [14, 4, 2, 7]
    with pytest.raises(ValueError, match="pos_label"):
        cells_of(TABLE, CLASSES, [RATES["true_positive_rate"]])


def test_leading_axes_stay():
    cells = cells_of(np.stack([TABLE, 2 * TABLE]), CLASSES, [RATES["accuracy"]])
    assert cells.tolist() == [[21, 6, 0, 0], [42, 12, 0, 0]]


def test_fractions_are_no_classes():
    with pytest.raises(ValueError, match="continuous"):
        cells_of(TABLE[:2, :2], (0.2, 0.9), [RATES["accuracy"]])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_no_wrong_rows_are_exactly_none(seed):
    rng = np.random.default_rng(seed)
    n_classes = rng.integers(2, 6)
    table = np.diag(rng.lognormal(size=n_classes))
    cells = cells_of(table, list("abcdef")[:n_classes], [RATES["accuracy"]])
    assert cells[1] == 0
    table[0, 1] = 1e-20  # which a total would swallow
    assert cells_of(table, list("abcdef")[:n_classes], [RATES["accuracy"]])[1] == 1e-20
