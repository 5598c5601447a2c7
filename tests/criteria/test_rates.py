from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import metrics

from skfair.criteria import RATES, Rate, get_rate

REPRODUCIBLE = settings(max_examples=60)

# tn, fp, fn, tp of three groups: 20, 20 and 10 rows
CELLS = [[8, 2, 6, 4], [12, 4, 1, 3], [3, 1, 0, 6]]

BY_HAND = {
    "selection_rate": ("3/10", "7/20", "7/10"),
    "true_positive_rate": ("2/5", "3/4", "1"),
    "true_negative_rate": ("4/5", "3/4", "3/4"),
    "false_positive_rate": ("1/5", "1/4", "1/4"),
    "false_negative_rate": ("3/5", "1/4", "0"),
    "positive_predictive_value": ("2/3", "3/7", "6/7"),
    "negative_predictive_value": ("4/7", "12/13", "1"),
    "false_discovery_rate": ("1/3", "4/7", "1/7"),
    "false_omission_rate": ("3/7", "1/13", "0"),
    "accuracy": ("3/5", "3/4", "9/10"),
    "error_rate": ("2/5", "1/4", "1/10"),
    "base_rate": ("1/2", "1/5", "3/5"),
    "f1_score": ("1/2", "6/11", "12/13"),
}
LINEAR = {
    "selection_rate",
    "true_positive_rate",
    "true_negative_rate",
    "false_positive_rate",
    "false_negative_rate",
    "accuracy",
    "error_rate",
    "base_rate",
}
LOWER_IS_BETTER = {
    "false_positive_rate",
    "false_negative_rate",
    "false_discovery_rate",
    "false_omission_rate",
    "error_rate",
}
# cells without a denominator
UNDEFINED = {
    "selection_rate": [0, 0, 0, 0],
    "true_positive_rate": [1, 1, 0, 0],
    "true_negative_rate": [0, 0, 1, 1],
    "false_positive_rate": [0, 0, 1, 1],
    "false_negative_rate": [1, 1, 0, 0],
    "positive_predictive_value": [1, 0, 1, 0],
    "negative_predictive_value": [0, 1, 0, 1],
    "false_discovery_rate": [1, 0, 1, 0],
    "false_omission_rate": [0, 1, 0, 1],
    "accuracy": [0, 0, 0, 0],
    "error_rate": [0, 0, 0, 0],
    "base_rate": [0, 0, 0, 0],
    "f1_score": [1, 0, 0, 0],
}
COMPLEMENTS = [
    ("true_positive_rate", "false_negative_rate"),
    ("true_negative_rate", "false_positive_rate"),
    ("positive_predictive_value", "false_discovery_rate"),
    ("negative_predictive_value", "false_omission_rate"),
    ("accuracy", "error_rate"),
]
COUNTS = hnp.arrays(np.float64, (5, 4), elements=st.integers(0, 6).map(float))

rates = pytest.mark.parametrize("name", RATES)


def test_the_tables_here_know_every_rate():
    assert set(BY_HAND) == set(UNDEFINED) == set(RATES)
    assert all(rate.name == name for name, rate in RATES.items())


@rates
def test_rates_by_hand(name, make):
    expected = [float(Fraction(value)) for value in BY_HAND[name]]
    found = RATES[name](make(CELLS))
    assert type(found) is type(make(CELLS))
    assert_allclose(np.asarray(found), expected, rtol=1e-15)


@rates
def test_a_rate_without_a_denominator_is_nan_without_a_warning(name, make):
    assert np.isnan(np.asarray(RATES[name](make([UNDEFINED[name]])))).tolist() == [True]


@rates
def test_is_linear_where_the_denominator_ignores_the_decisions(name):
    assert RATES[name].is_linear == (name in LINEAR)
    flipped = np.array(CELLS, dtype=float)[:, [1, 0, 3, 2]]  # decide the opposite
    denominator = np.array(RATES[name].denominator)
    same = np.array_equal(flipped @ denominator, np.array(CELLS) @ denominator)
    assert same == RATES[name].is_linear


@rates
def test_needs_labels_unless_only_decisions_count(name):
    assert RATES[name].needs_labels == (name != "selection_rate")


@rates
def test_higher_is_better_except_for_errors(name):
    assert RATES[name].higher_is_better == (name not in LOWER_IS_BETTER)


@pytest.mark.parametrize(("name", "other"), COMPLEMENTS)
@REPRODUCIBLE
@given(COUNTS)
def test_complements_add_up_to_one(name, other, cells):
    total = RATES[name](cells) + RATES[other](cells)
    assert_allclose(total[~np.isnan(total)], 1.0, rtol=1e-15)
    assert_array_equal(np.isnan(RATES[name](cells)), np.isnan(RATES[other](cells)))


@rates
@REPRODUCIBLE
@given(COUNTS, st.sampled_from([0.25, 8.0]))
def test_rates_lie_in_the_unit_interval_and_ignore_the_scale_of_weights(name, cells, scale):
    found = RATES[name](cells)
    assert ((found >= 0) & (found <= 1) | np.isnan(found)).all()
    assert_array_equal(RATES[name](scale * cells), found)


@REPRODUCIBLE
@given(COUNTS)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(cells):
    ppv, tpr = RATES["positive_predictive_value"](cells), RATES["true_positive_rate"](cells)
    known = (ppv > 0) & (tpr > 0)
    mean = 2 / (1 / ppv[known] + 1 / tpr[known])
    assert_allclose(RATES["f1_score"](cells)[known], mean, rtol=1e-12)


@rates
def test_numpy_and_torch_agree_for_rates(name):
    torch = pytest.importorskip("torch")
    cells = np.random.default_rng(0).integers(0, 4, size=(50, 6, 4)) * 0.3
    cells[::7, 0] = 0
    expected = RATES[name](cells)
    assert np.isnan(expected).any()
    assert_allclose(RATES[name](torch.as_tensor(cells)).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("accuracy", metrics.accuracy_score),
        ("true_positive_rate", metrics.recall_score),
        ("positive_predictive_value", metrics.precision_score),
        ("f1_score", metrics.f1_score),
        ("error_rate", metrics.zero_one_loss),
    ],
)
def test_rates_are_those_of_scikit_learn(name, score):
    rng = np.random.default_rng(1)
    y_true, y_pred, weight = rng.integers(2, size=80), rng.integers(2, size=80), rng.random(80)
    table = metrics.confusion_matrix(y_true, y_pred, sample_weight=weight)
    expected = score(y_true, y_pred, sample_weight=weight)
    assert float(RATES[name](table.ravel())) == pytest.approx(expected, rel=1e-12)


def test_a_rate_of_ones_own():
    cost = Rate("cost", (0, 1, 5, 0), (1, 1, 1, 1), higher_is_better=False)
    assert get_rate(cost) is cost
    assert cost.is_linear
    assert cost.needs_labels
    assert_allclose(cost(CELLS), [32 / 20, 9 / 20, 1 / 10], rtol=1e-15)


@pytest.mark.parametrize(
    ("numerator", "denominator", "is_linear", "needs_labels"),
    [
        ((0, 1, 0, 1), (1, 1, 0, 1), False, True),
        ((0, 1, 0, 1), (0, 1, 1, 1), False, True),
        ((0, 1, 0, 2), (1, 1, 1, 1), True, True),
        ((2, 1, 0, 1), (1, 1, 1, 1), True, True),
        ((0, 1, 0, 1), (3, 2, 3, 2), False, False),
    ],
)
def test_the_kind_of_a_rate_follows_from_all_its_coefficients(
    numerator, denominator, is_linear, needs_labels
):
    own = Rate("own", numerator, denominator)
    assert (own.is_linear, own.needs_labels) == (is_linear, needs_labels)


def test_an_unknown_rate_lists_those_there_are():
    assert get_rate("accuracy") is RATES["accuracy"]
    with pytest.raises(ValueError, match=r"'recall'; there are \['selection_rate', .*'f1_score'\]"):
        get_rate("recall")
