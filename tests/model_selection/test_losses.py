from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t
from sklearn.dummy import DummyClassifier, DummyRegressor

from skfair.groups import Groups
from skfair.model_selection._losses import (
    Target,
    divide_squared,
    divide_zero_one,
    limits_by_group,
)

REPRODUCIBLE = settings(max_examples=60)
NONE = np.nan

# four rows, four fits; the true class is 1
VOTES = np.array(
    [
        [1.0, 0.0, 0.0, 1.0],
        [1.0, 0.0, 0.0, 1.0],
        [1.0, 0.0, 1.0, 0.0],
        [1.0, 0.0, 0.0, 0.0],
    ]
)


def test_zero_one_by_hand():
    found = divide_zero_one(VOTES, np.ones(4), 2)
    assert found["error"].tolist() == [0, 1, 0.75, 0.5]
    assert found["bias"].tolist() == [0, 1, 1, 0.5]  # the last row is a tie
    assert found["variance_unbiased"].tolist() == [0, 0, 0, 0.25]
    assert found["variance_biased"].tolist() == [0, 0, 0.25, 0.25]
    assert found["variance"].tolist() == [0, 0, -0.25, 0]


def test_three_classes_by_hand():
    # main prediction 2, once right by chance: only that one takes away from the error
    votes = np.array([[2.0], [2.0], [0.0], [1.0]])
    found = divide_zero_one(votes, np.array([1.0]), 3)
    assert found["bias"].item() == 1
    assert found["variance_biased"].item() == 0.25
    assert found["error"].item() == 0.75
    # unbiased: two of four others
    found = divide_zero_one(votes, np.array([2.0]), 3)
    assert (found["bias"].item(), found["variance_unbiased"].item()) == (0, 0.5)


def test_a_class_that_y_lacks_is_always_wrong():
    votes = np.array([[-1.0], [-1.0], [0.0]])
    found = divide_zero_one(votes, np.array([0.0]), 2)
    assert found["bias"].item() == 1
    assert found["error"].item() == pytest.approx(2 / 3)


def test_rows_with_fewer_predictions():
    votes = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, NONE]])
    found = divide_zero_one(votes, np.ones(2), 2)
    assert found["error"].tolist() == pytest.approx([1 / 3, 0])


@given(
    votes=arrays(np.int8, (5, 6), elements=st.integers(0, 2)),
    true=arrays(np.int8, 6, elements=st.integers(0, 2)),
)
@REPRODUCIBLE
def test_the_parts_add_up_to_the_error(votes, true):
    found = divide_zero_one(votes.astype(float), true.astype(float), 3)
    assert found["error"] == pytest.approx((votes != true).mean(axis=0))
    assert found["error"] == pytest.approx(found["bias"] + found["variance"])
    parts = found["variance_unbiased"] - found["variance_biased"]
    assert found["variance"] == pytest.approx(parts)
    squared = divide_squared(votes.astype(float), true.astype(float))
    assert squared["error"] == pytest.approx(((votes - true.astype(float)) ** 2).mean(axis=0))


def test_squared_by_hand():
    predictions = np.array([[1.0, 2.0], [3.0, 2.0], [NONE, 2.0]])
    found = divide_squared(predictions, np.array([1.0, 0.0]))
    assert found["variance"].tolist() == [2, 0]
    assert found["bias"].tolist() == [0, 4]  # (2 - 1)^2 less 2 / 2
    assert found["error"].tolist() == [2, 4]


def test_squared_bias_is_unbiased():
    rng = np.random.default_rng(0)
    found = divide_squared(rng.normal(size=(4, 20_000)), np.zeros(20_000))
    assert abs(found["bias"].mean()) < 0.02
    assert found["variance"].mean() == pytest.approx(1, abs=0.03)


def test_targets():
    known = Target.read(["no", "yes", "no"], "auto", None, DummyClassifier())
    assert (known.loss, known.classes, known.bounded) == ("zero_one", ("no", "yes"), True)
    assert known.encode(["yes", "perhaps", "no"]).tolist() == [1, -1, 0]
    losses = known.losses(np.array([[0.0, 0.0, NONE]]))
    assert np.array_equal(losses, [[0, 1, NONE]], equal_nan=True)
    numbers = Target.read([1, 2], "auto", None, DummyRegressor())
    assert (numbers.loss, numbers.bounded, numbers.strata.tolist()) == ("squared", False, [0, 0])
    assert numbers.losses(np.array([3.0, 2.0])).tolist() == [4, 0]


@pytest.mark.parametrize(
    ("loss", "counted"),
    [("false_negative_rate", [0, 1, 0, 1]), ("false_positive_rate", [1, 0, 1, 0])],
)
def test_rates_count_some_rows(loss, counted):
    target = Target.read(["a", "b", "c", "b"], loss, "b", DummyClassifier())
    assert target.counted.tolist() == [bool(c) for c in counted]
    predicted = target.encode(np.array(["c", "b", "b", "a"]))
    assert target.losses(predicted).tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="pos_label"):
        Target.read(["no", "yes"], loss, None, DummyClassifier())
    with pytest.raises(ValueError, match="no positive"):
        Target.read([0, 0], loss, None, DummyClassifier())


def test_refused_targets():
    with pytest.raises(ValueError, match="loss must be one of"):
        Target.read([0, 1], "log", None, DummyClassifier())
    with pytest.raises(ValueError, match="continuous"):
        Target.read([0.5, 1.5], "zero_one", None, DummyClassifier())
    with pytest.raises(ValueError, match="NaN"):
        Target.read([0.5, np.nan], "squared", None, DummyRegressor())


def test_limits_of_zeros_and_ones_are_wilsons():
    groups = Groups.read(["f"] * 50 + ["m"] * 4)
    values = np.r_[np.repeat([1.0, 0.0], [10, 40]), np.zeros(4)]
    found = limits_by_group(values, groups, None, bounded=True, confidence_level=0.95)
    assert found.value.tolist() == [0.2, 0]
    assert [found.low[0], found.high[0]] == pytest.approx([0.1124, 0.3304], abs=1e-4)
    assert found.high[1] == pytest.approx(1.96**2 / (4 + 1.96**2), abs=1e-4)


def test_losses_between_have_no_shorter_interval_than_rows_allow():
    groups = Groups.single(3)
    found = limits_by_group(
        np.array([0.5, 0.5, 0.51]), groups, None, bounded=True, confidence_level=0.95
    )
    assert found.high - found.low > 0.5


def test_other_limits_are_students():
    values = np.array([1.0, 2.0, 4.0, NONE])
    found = limits_by_group(values, Groups.single(4), None, bounded=False, confidence_level=0.9)
    half = t.ppf(0.95, 2) * values[:3].std(ddof=1) / np.sqrt(3)
    assert found.value.item() == pytest.approx(7 / 3)
    assert found.high.item() == pytest.approx(7 / 3 + half)


def test_weights_are_sampling_weights():
    values, groups = np.array([0.0, 1.0, 1.0, 0.0]), Groups.single(4)
    weights = np.array([2.0, 1.0, 1.0, 0.0])
    found = limits_by_group(values, groups, weights, bounded=True, confidence_level=0.95)
    assert found.value.item() == 0.5
    scaled = limits_by_group(values, groups, weights * 5, bounded=True, confidence_level=0.95)
    assert np.allclose(found, scaled)
    equal = limits_by_group(values[1:], Groups.single(3), None, bounded=True, confidence_level=0.95)
    assert found.high - found.low > equal.high - equal.low  # 16 / 6 rows


def test_a_group_without_rows_has_no_mean():
    groups = Groups.read(["f", "m"])
    found = limits_by_group(
        np.array([0.0, 1.0]), groups, np.array([1.0, 0.0]), bounded=True, confidence_level=0.95
    )
    assert np.isnan([end[1] for end in found]).all()
