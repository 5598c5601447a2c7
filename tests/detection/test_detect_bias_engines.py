"""detect_bias where the rows are, also of columns in which nearly every row has its own value."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from engines import ENGINES, MARKED, QUIET
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from skfair.detection import BiasDetector, detect_bias
from skfair.groups import Bins
from skfair.tally import _frame, _quantiles

pytestmark = QUIET

N = 4000
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def draw(n=N, seed=2):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    income = rng.lognormal(3, 1, n)
    likely = np.where(income > 30, 0.7, 0.3)
    start = datetime.datetime(2024, 1, 1)
    return pa.table(
        {
            "income": np.where(rng.random(n) < 0.05, np.nan, income),
            "id": 2**60 + rng.permutation(n),
            "code": [f"c{k}" for k in rng.permutation(n)],
            "at": [start + datetime.timedelta(minutes=k) for k in range(n)],
            "town": rng.choice(["a'b", "c;d", None], n).tolist(),
            "sex": sex.tolist(),
            "w": rng.integers(0, 3, n).astype(float),
            "y": np.where(rng.random(n) < likely, "yes", "no").tolist(),
        }
    )


TABLE = draw()
SEARCH = {"target": "y", "pos_label": "yes"}
WEIGHTED = {
    **SEARCH,
    "candidates": ["income", "town"],
    "sensitive_features": "sex",
    "sample_weight": "w",
}


@pytest.fixture(scope="module", params=MARKED)
def frame(request):
    return ENGINES[request.param]()(TABLE)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(_frame, "MAX_COMBINATIONS", 1000)
    monkeypatch.setattr(_quantiles, "_GRID", 900)


@pytest.fixture(scope="module")
def of_pandas():
    return detect_bias(TABLE.to_pandas(), **WEIGHTED)


def test_engines_agree(frame, of_pandas):
    found = detect_bias(frame, **WEIGHTED)
    for name in ("values", "features", "groups", "proxies"):
        assert_frame_equal(getattr(found, name), getattr(of_pandas, name), **CLOSE)


@pytest.fixture(scope="module")
def detector():
    rows = TABLE.to_pandas()
    detector = BiasDetector(candidates=["income"], pos_label="yes")
    return detector.fit(rows, rows["y"], sample_weight=rows["w"])


@pytest.mark.usefixtures("few")
def test_more_values_than_come_to_memory(frame, detector):
    with pytest.warns(UserWarning, match=r"left out: 'code': more distinct values.*; 'at': dates"):
        found = detect_bias(frame, sample_weight="w", **SEARCH)
    assert set(found.features["feature"]) == {"income", "id", "town", "sex"}
    assert found.biased_features == ["income"]
    values = found.values.query("feature == 'income' and kind == 'value'")
    bins = values["value"].str.startswith(("income", "<miss")) | values["value"].str.contains(
        "<inc"
    )
    assert len(values) == 11
    assert bins.all()
    assert_allclose(values["n"].iloc[:-1], values["n"].iloc[:-1].mean(), rtol=0.1)
    ours = found.features.set_index("feature").loc["income"]
    theirs = detector.features_.set_index("feature").loc["income"]
    for name in ("skewness", "normality_pvalue", "missing_share"):
        assert ours[name] == pytest.approx(theirs[name], rel=1e-9)
    assert ours["effect"] == pytest.approx(theirs["effect"], abs=0.01)


@pytest.mark.usefixtures("few")
def test_counts_of_bins_are_exact(frame):
    found = detect_bias(frame, candidates="income", **SEARCH)
    values = found.values.query("kind == 'value'")
    edges = [float(value.rpartition("<=")[2]) for value in values["value"].iloc[:-2]]
    given = detect_bias(TABLE.to_pandas(), candidates=Bins("income", edges), **SEARCH)
    assert_frame_equal(found.values, given.values, **CLOSE)
    assert all(len(f"{edge:.15g}") <= 6 for edge in edges)


@pytest.mark.usefixtures("few")
def test_roles_in_which_many_values_are_refused():
    frame = ENGINES["polars lazy"]()(TABLE)
    with pytest.raises(ValueError, match=r"more than 1000 distinct combinations of \['id'\]"):
        detect_bias(frame, target="id")
    with pytest.raises(ValueError, match=r"column .income. alone has 100"):
        detect_bias(frame, candidates="town", sensitive_features="income", **SEARCH)
    with pytest.raises(ValueError, match=r"BiasDetector, which makes strata"):
        detect_bias(frame, candidates="town", control_features="income", **SEARCH)
    only = {"candidates": "code", **SEARCH}
    with pytest.warns(UserWarning, match="left out"), pytest.raises(ValueError, match="are groups"):
        detect_bias(frame, **only)


def test_columns_of_lists_are_named():
    table = TABLE.select(["y", "sex"]).append_column("tags", pa.array([[1]] * N))
    with pytest.raises(TypeError, match="'tags' must hold single values"):
        detect_bias(ENGINES["polars lazy"]()(table), **SEARCH)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["DuckDB", "polars lazy"])
def test_more_than_a_million_values(name):
    n = (1 << 20) + 200_000
    rng = np.random.default_rng(0)
    score = rng.normal(size=n)
    y = (rng.random(n) < np.where(score > 1, 0.6, 0.4)).astype(int)
    table = pa.table({"score": score, "id": np.arange(n) + 2**60, "y": y})
    table = table.append_column("text", table["id"].cast(pa.string()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "columns left out: 'text'")
        found = detect_bias(ENGINES[name]()(table), target="y")
    assert found.biased_features == ["score"]
    counts = found.values.query("kind == 'value'")["n"]
    assert len(counts) == 20
    assert_allclose(counts, n / 10, rtol=0.05)
    assert isinstance(found.features, pd.DataFrame)
