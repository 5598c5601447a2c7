from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import mean_absolute_error, mean_squared_error

from skfair.groups import MISSING
from skfair.metrics._regression import (
    mean_absolute_error_difference,
    mean_residual_difference,
    residuals_by_group,
    root_mean_squared_error_difference,
)

REPRODUCIBLE = settings(max_examples=30)
GAPS = {
    "mean_residual": mean_residual_difference,
    "mean_absolute_error": mean_absolute_error_difference,
    "root_mean_squared_error": root_mean_squared_error_difference,
}
# residuals 3, -1 of a; 0, 2, 4 of b; -5 of c
Y_TRUE = [4.0, 2.0, 1.0, 5.0, 6.0, 0.0]
Y_PRED = [1.0, 3.0, 1.0, 3.0, 2.0, 5.0]
GROUP = list("aabbbc")
NUMBERS = st.integers(-20, 20).map(lambda k: k / 4)


def sample(n=400, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.normal(size=n)
    return true, true + rng.normal(size=n), rng.integers(0, 3, n), rng.exponential(size=n)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean_residual", 2 - -5),
        ("mean_absolute_error", 5 - 2),
        ("root_mean_squared_error", 5 - 5**0.5),
    ],
)
def test_gaps_by_hand(name, expected):
    assert GAPS[name](Y_TRUE, Y_PRED, sensitive_features=GROUP) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean_residual", 5 + 0.5),  # of all rows: 3 / 6
        ("mean_absolute_error", 5 - 15 / 6),
        ("root_mean_squared_error", 5 - (55 / 6) ** 0.5),
    ],
)
def test_gaps_to_all_rows_by_hand(name, expected):
    gap = GAPS[name](Y_TRUE, Y_PRED, sensitive_features=GROUP, method="to_overall")
    assert gap == pytest.approx(expected)


def test_table_by_hand():
    with pytest.warns(UndefinedMetricWarning, match="mean_residual_low, mean_residual_high of"):
        table = residuals_by_group(Y_TRUE, Y_PRED, sensitive_features={"g": GROUP})
    assert table.index.name == "g"
    assert table["n"].tolist() == [2, 3, 1]
    assert table["mean_true"].tolist() == [3, 4, 0]
    assert table["mean_pred"].tolist() == [2, 2, 5]
    assert table["mean_residual"].tolist() == [1, 2, -5]
    assert table["mean_absolute_error"].tolist() == [2, 2, 5]
    assert_allclose(table["root_mean_squared_error"], [5**0.5, (20 / 3) ** 0.5, 5])
    low, high = stats.t.interval(0.95, 2, 2, 2 / 3**0.5)
    assert_allclose(table.loc["b", ["mean_residual_low", "mean_residual_high"]], [low, high])
    assert table.loc["c", ["mean_residual_low", "mean_residual_high"]].isna().all()


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_are_those_of_scikit_learn(weighted):
    true, pred, group, weight = sample()
    weight = weight if weighted else None
    table = residuals_by_group(true, pred, sensitive_features=group, sample_weight=weight)
    for g in range(3):
        rows = group == g
        of_rows = {"sample_weight": None if weight is None else weight[rows]}
        absolute = mean_absolute_error(true[rows], pred[rows], **of_rows)
        squared = mean_squared_error(true[rows], pred[rows], **of_rows)
        assert table.loc[g, "mean_absolute_error"] == pytest.approx(absolute, rel=1e-12)
        assert table.loc[g, "root_mean_squared_error"] == pytest.approx(squared**0.5, rel=1e-12)
    for name, gap in GAPS.items():
        expected = table[name].max() - table[name].min()
        value = gap(true, pred, sensitive_features=group, sample_weight=weight)
        assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", GAPS)
@REPRODUCIBLE
@given(
    rows=st.lists(
        st.tuples(NUMBERS, NUMBERS, st.sampled_from("ab"), st.integers(1, 3)), min_size=2
    ),
    random=st.randoms(use_true_random=False),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_gaps_ignore_order_and_scale_of_weights_and_weights_are_repeated_rows(name, rows, random):
    def gap(rows, scale=1.0):
        true, pred, group, weight = zip(*rows, strict=True)
        return GAPS[name](
            true, pred, sensitive_features=group, sample_weight=scale * np.array(weight)
        )

    value = gap(rows)
    assert np.isnan(value) or value >= 0
    assert gap(random.sample(rows, len(rows))) == pytest.approx(value, abs=1e-9, nan_ok=True)
    assert gap(rows, 1e3) == pytest.approx(value, abs=1e-9, nan_ok=True)
    repeated = [(*row[:3], 1) for row in rows for _ in range(row[3])]
    assert gap(repeated) == pytest.approx(value, abs=1e-9, nan_ok=True)


def test_the_interval_covers_with_and_without_weights():
    rng = np.random.default_rng(2)
    group, residual = np.repeat(np.arange(1000), 20).astype(str), rng.standard_t(5, 20_000)
    weight = rng.choice([1.0, 3.0], 20_000)
    for sample_weight in (None, weight):
        table = residuals_by_group(
            residual + 7,
            np.full(20_000, 4.0),
            sensitive_features=group,
            sample_weight=sample_weight,
            confidence_level=0.9,
        )
        covered = (table["mean_residual_low"] <= 3) & (table["mean_residual_high"] >= 3)
        assert 0.87 <= covered.mean() <= 0.93


@pytest.mark.parametrize("name", GAPS)
def test_policies_of_gaps(name):
    gap = GAPS[name]
    with pytest.warns(UndefinedMetricWarning, match=f"{name} of group 'c'") as caught:
        value = gap(Y_TRUE, Y_PRED, sensitive_features=GROUP, sample_weight=[1, 1, 1, 1, 1, 0])
    assert value == pytest.approx(gap(Y_TRUE[:5], Y_PRED[:5], sensitive_features=GROUP[:5]))
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 2 rows are left out: \['c'\]"):
        assert value == gap(Y_TRUE, Y_PRED, sensitive_features=GROUP, min_group_size=2)
    with pytest.warns(UndefinedMetricWarning, match="NaN: fewer than two groups"):
        assert np.isnan(gap([1.0], [2.0], sensitive_features=["a"]))
    with pytest.raises(ValueError, match="has 1 missing"):
        gap([1.0, 2.0], [1.0, 2.0], sensitive_features=["a", None], missing="raise")
    assert gap([1.0, 2.0], [1.0, 4.0], sensitive_features=["a", None]) == 2.0


def test_policies_of_the_table():
    with pytest.warns(UndefinedMetricWarning) as caught:
        table = residuals_by_group(
            [1.0, 2.0, 3.0],
            [1.0, 2.0, 4.0],
            sensitive_features=["a", "a", None],
            sample_weight=[1, 1, 0],
        )
    assert table.index.tolist() == ["a", MISSING]
    assert table.loc[MISSING].drop("n").isna().all()
    assert "root_mean_squared_error of group '<missing>'" in str(caught[0].message)
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.raises(ValueError, match="confidence_level must be between 0 and 1"):
        residuals_by_group(Y_TRUE, Y_PRED, sensitive_features=GROUP, confidence_level=95)


@pytest.mark.parametrize("kind", [pd.Series, pl.Series, pa.array])
def test_other_frames(kind):
    value = mean_residual_difference(
        kind(Y_TRUE), kind(Y_PRED), sensitive_features=kind(GROUP), sample_weight=kind([1.0] * 6)
    )
    assert value == 7.0
