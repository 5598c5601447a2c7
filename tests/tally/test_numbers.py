"""Quantiles and moments of columns of numbers, on engines that hold the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from engines import ENGINES, MARKED, QUIET
from numpy.testing import assert_allclose
from scipy.stats import kurtosis, skew

from skfair.tally import (
    TooManyValuesError,
    _frame,
    _quantiles,
    check_few_values,
    summarise_numbers,
)

pytestmark = QUIET

N = 3000
RNG = np.random.default_rng(5)
LOGNORMAL = RNG.lognormal(0, 2, N)
WEIGHT = RNG.integers(0, 3, N) / 2
COLUMNS = {
    "income": LOGNORMAL,
    "far": np.concatenate([LOGNORMAL[:-2], [1e300, -1e300]]),
    "ids": (2**62 + RNG.integers(0, 2**55, N)),
    "tiny": LOGNORMAL * 1e-290,
    "few": RNG.integers(0, 5, N).astype(float),
    "gaps": np.where(RNG.random(N) < 0.2, np.nan, LOGNORMAL),
}
TABLE = pa.table({**COLUMNS, "w": WEIGHT})


@pytest.fixture(scope="module", params=MARKED)
def frame(request):
    return ENGINES[request.param]()(TABLE)


@pytest.mark.parametrize(
    ("name", "weight"), [*((name, None) for name in COLUMNS), ("far", "w"), ("gaps", "w")]
)
def test_bins_hold_about_as_many_rows(frame, name, weight):
    found = summarise_numbers(frame, name, bins=8, sample_weight=weight)
    values = COLUMNS[name].astype(float)
    kept = ~np.isnan(values) & ((WEIGHT > 0) | (weight is None))
    rows = np.histogram(values[kept], [-np.inf, *found.edges, np.inf])[0]
    assert found.rows == rows.sum() == kept.sum()
    if name == "few":
        assert (rows > 0).all()
        assert len(rows) == 5
    else:
        assert len(rows) == 8
        assert np.abs(rows / rows.sum() - 1 / 8).max() < 0.013


@pytest.mark.parametrize("name", ["tiny", "gaps"])
def test_moments_are_those_of_the_rows(frame, name):
    values = COLUMNS[name][~np.isnan(COLUMNS[name])]
    values = values * 2.0**960 if name == "tiny" else values
    found = summarise_numbers(frame, name, bins=2)
    expected = skew(values), kurtosis(values, fisher=False)
    assert_allclose((found.skewness, found.kurtosis), expected, rtol=1e-9)
    assert found.weighted_skewness == found.skewness


def test_weights_count_as_repeated_rows():
    values, weight = COLUMNS["gaps"], (2 * WEIGHT).astype(int)
    known = ~np.isnan(values)
    found = summarise_numbers(TABLE, "gaps", bins=2, sample_weight="w")
    assert_allclose(found.weighted_skewness, skew(np.repeat(values[known], weight[known])))
    counted = values[known & (weight > 0)]
    assert_allclose(
        (found.skewness, found.kurtosis), (skew(counted), kurtosis(counted, fisher=False))
    )


def test_one_pass_where_the_grid_is_fine_enough(monkeypatch):
    passes = []
    real = _quantiles._histogram
    monkeypatch.setattr(_quantiles, "_histogram", lambda *a: passes.append(a[1]) or real(*a))
    zeros = np.where(np.arange(N) < N - 9, 0.0, LOGNORMAL)
    more = {"even": RNG.random(N), "zeros": zeros}
    lazy = ENGINES["polars lazy"]()(pa.table({**COLUMNS, **more}))
    for name in ("even", "few", "ids", "zeros"):
        summarise_numbers(lazy, name, bins=10)
    assert passes == ["even", "few", "ids", "zeros"]
    summarise_numbers(lazy, "far", bins=10)
    assert 1 < passes.count("far") < 5


def test_numbers_that_all_agree():
    found = summarise_numbers(pd.DataFrame({"x": [3.0, 3.0, None]}), "x", bins=4)
    assert (len(found.edges), found.rows) == (0, 2)
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [([1.0, np.inf], "infinity"), ([None, np.nan], "no number"), (["a", "b"], "must be numeric")],
)
def test_what_can_not_be_summarised(values, message):
    for name in ("polars", "polars lazy", "pyarrow"):
        with pytest.raises(ValueError, match=message):
            summarise_numbers(ENGINES[name]()(pa.table({"x": values})), "x", bins=2)


def test_first_rows_tell_of_many_values(frame, monkeypatch):
    monkeypatch.setattr(_frame, "MAX_COMBINATIONS", 1000)
    check_few_values(frame, "few")
    with pytest.raises(TooManyValuesError, match=r"\['income'\].*1001 distinct values or more"):
        check_few_values(frame, "income")
    with pytest.raises(ValueError, match="no column"):
        check_few_values(frame, "none")
