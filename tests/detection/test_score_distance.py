"""Kolmogorov and Smirnov's distance of scores, from a tally of their bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import ks_2samp
from sklearn.exceptions import UndefinedMetricWarning

from skfair.detection import kolmogorov_smirnov
from skfair.tally import ScoreTally

SCORES = st.one_of(st.integers(-2, 6).map(float), st.floats(-3, 7, width=16))
ROWS = st.lists(
    st.tuples(SCORES, st.sampled_from("abc"), st.integers(1, 3)), min_size=2, max_size=30
)
EDGES = st.lists(SCORES, min_size=1, max_size=6, unique=True).map(sorted)


def distance(tally, **options):
    return kolmogorov_smirnov(tally, ordered=True, **options)


def test_by_hand():
    # shares below 0.5: f 1/2, m 1/4; within the first bin m may have none when f has all of its own
    score, group = [0.1, 0.2, 0.8, 0.9, 0.3, 0.6, 0.7, 0.8], list("ffffmmmm")
    tally = ScoreTally.from_arrays([0, 1] * 4, score, {"sex": group}, edges=[0.5])
    table = distance(tally)
    assert table.columns.tolist() == ["estimate", "low", "high", "most"]
    assert table.index.name == "sex"
    assert_allclose(table["estimate"], 0.25)
    assert_allclose(table["most"], 0.75)  # above the edge m may be at its end, and f at 1/2 - 0.5


@settings(max_examples=60)
@given(ROWS, EDGES, st.sampled_from([None, 0.5]))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_bounds_contain_the_distance_of_the_rows(rows, edges, scale):
    score, group, weight = (np.array(part) for part in zip(*rows, strict=True))
    w = None if scale is None else scale * weight
    tally = ScoreTally.from_arrays(
        np.arange(len(score)) % 2, score, group, edges=edges, sample_weight=w
    )
    for reference in (None, group[0]):
        binned = distance(tally, reference=reference)
        exact = kolmogorov_smirnov(
            score, sensitive_features=group, ordered=True, sample_weight=w, reference=reference
        )
        assert (binned["estimate"].isna() == exact["estimate"].isna()).all()
        known = exact.dropna().index
        binned, exact = binned.loc[known], exact.loc[known]
        assert (binned["estimate"] <= exact["estimate"] + 1e-12).all()
        assert (binned["most"] >= exact["estimate"] - 1e-12).all()
        assert (binned["low"] <= exact["low"] + 1e-12).all()
        assert (binned["high"] >= exact["high"] - 1e-12).all()


def test_bins_of_single_scores_give_the_distance_of_the_rows():
    rng = np.random.default_rng(0)
    score, group = rng.normal(size=300), np.repeat(["f", "m"], 150)
    score[group == "m"] += 0.5
    tally = ScoreTally.from_arrays(score > 0, score, group, edges=np.sort(score))
    table = distance(tally)
    expected = ks_2samp(score[group == "f"], score[group == "m"]).statistic
    assert_allclose(table["estimate"], expected)
    assert_allclose(table["most"], expected, atol=2 / 150)


def test_a_reference_is_at_parity_and_empty_groups_are_undefined():
    tally = ScoreTally.from_arrays(
        [0, 1, 0], [0.1, 0.9, 0.9], ["f", "m", "x"], edges=2, sample_weight=[1, 1, 0]
    )
    with pytest.warns(UndefinedMetricWarning, match=r"\['x'\]"):
        table = distance(tally, reference="f")
    assert table.loc["f", ["estimate", "most"]].tolist() == [0, 0]
    assert table.loc["m", ["estimate", "most"]].tolist() == [1, 1]
    assert table.loc["x"].isna().all()


def test_bad_input():
    tally = ScoreTally.from_arrays([0, 1], [0.1, 0.9], ["f", None], edges=2)
    with pytest.raises(ValueError, match="ordered=True"):
        kolmogorov_smirnov(tally)
    with pytest.raises(ValueError, match="give y alone"):
        distance(tally, sensitive_features=["f", "m"])
    with pytest.raises(ValueError, match="missing values"):
        distance(tally, missing="raise")
    with pytest.raises(ValueError, match="no group 'x'"):
        distance(tally, reference="x")
