from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import binomtest, fisher_exact
from sklearn.exceptions import UndefinedMetricWarning

from skfair.criteria import Limits, holm, ratio_limits, wilson_interval
from skfair.detection import RepresentationReport, compare_representation
from skfair.groups import MISSING, Groups

REPRODUCIBLE = settings(max_examples=60)
Z = 1.959963984540054
COUNTS = st.lists(st.integers(1, 40), min_size=2, max_size=5)
SEX = ["f"] * 20 + ["m"] * 80
HALF = {"f": 0.5, "m": 0.5}
TWO = pd.DataFrame({"sex": list("ffmmmmmmmm"), "race": list("abbbaabbab")})
FOUR = {("f", "a"): 0.25, ("f", "b"): 0.25, ("m", "a"): 0.25, ("m", "b"): 0.25}


def wilson(k, n):
    low, high = wilson_interval(np.array(k / n), np.array(float(n)), Z)
    return float(low), float(high)


def rows_of(counts):
    return np.repeat([f"g{i}" for i in range(len(counts))], counts)


def test_known_shares_by_hand():
    table = compare_representation(SEX, shares=HALF).table
    low, high = wilson(20, 100)
    assert table["n"].tolist() == [20, 80]
    assert_allclose(table["share"], [0.2, 0.8])
    assert_allclose(table["reference_share"], [0.5, 0.5])
    assert_allclose(table["ratio"], [0.4, 1.6])
    assert_allclose(table.loc["f", ["low", "high"]].astype(float), [low / 0.5, high / 0.5])
    assert table["is_under_represented"].tolist() == [True, False]
    assert table["n_to_collect"].tolist() == [60, 0]  # 80 of 160


def test_two_groups_are_one_test():
    p = compare_representation(SEX, shares=HALF).table["pvalue"]
    assert_allclose(p, binomtest(20, 100, 0.5).pvalue)


def test_holm_by_hand():
    counts, shares = [10, 35, 55], [0.2, 0.4, 0.4]
    raw = [binomtest(k, 100, r).pvalue for k, r in zip(counts, shares, strict=True)]
    assert raw[2] < raw[0] < raw[1]
    shares = dict(zip(["g0", "g1", "g2"], shares, strict=True))
    table = compare_representation(rows_of(counts), shares=shares).table
    assert_allclose(table["adjusted_pvalue"], [2 * raw[0], max(raw[1], 2 * raw[0]), 3 * raw[2]])
    assert table["is_under_represented"].tolist() == [True, False, False]


def test_holm_never_falls():
    """The second p-value times 2 is below the first times 3, and is raised to it."""
    counts, shares = [40, 30, 30], {"g0": 0.31, "g1": 0.395, "g2": 0.295}
    raw = sorted(binomtest(k, 100, r).pvalue for k, r in zip(counts, shares.values(), strict=True))
    found = compare_representation(rows_of(counts), shares=shares).table["adjusted_pvalue"]
    assert 2 * raw[1] < 3 * raw[0]
    assert_allclose(sorted(found)[:2], 3 * raw[0])


def test_a_ratio_below_1_alone_is_no_flag():
    table = compare_representation(["f"] * 45 + ["m"] * 55, shares=HALF).table
    assert table.loc["f", "ratio"] == pytest.approx(0.9)
    assert not table["is_under_represented"].any()


def test_the_level_sets_the_flag_and_the_interval():
    values = ["f"] * 40 + ["m"] * 60
    at_95, at_90 = (
        compare_representation(values, shares=HALF, confidence_level=level).table
        for level in (0.95, 0.9)
    )
    assert 0.05 < at_95.loc["f", "adjusted_pvalue"] < 0.1
    assert not at_95.loc["f", "is_under_represented"]
    assert at_90.loc["f", "is_under_represented"]
    assert at_90.loc["f", "low"] > at_95.loc["f", "low"]


def test_sample_by_hand():
    table = compare_representation(SEX, reference=["f"] * 30 + ["m"] * 30).table
    expected = ratio_limits(Limits(0.2, *wilson(20, 100)), Limits(0.5, *wilson(30, 60)))
    assert_allclose(table.loc["f", ["ratio", "low", "high"]].astype(float), expected)
    assert table.loc["f", "adjusted_pvalue"] == pytest.approx(fisher_exact([[20, 80], [30, 30]])[1])
    assert table["is_under_represented"].tolist() == [True, False]
    assert table["n_to_collect"].tolist() == [60, 0]


def test_a_sample_is_less_sure_than_shares():
    sample = compare_representation(SEX, reference=["f", "m"] * 30).table
    known = compare_representation(SEX, shares=HALF).table
    assert (sample["high"] - sample["low"] > known["high"] - known["low"]).all()


def test_groups_of_one_side_only_are_listed():
    table = compare_representation(["a"] * 5 + ["b"] * 5, reference=["b"] * 8 + ["c"] * 8).table
    assert table.index.tolist() == ["a", "b", "c"]
    assert table["n"].tolist() == [5, 5, 0]
    assert table["ratio"].tolist() == [np.inf, 1.0, 0.0]
    assert table.loc["a", "high"] == np.inf
    assert 0 < table.loc["a", "low"] < np.inf
    assert table.loc["c", "low"] == 0
    assert 0 < table.loc["c", "high"] < 1
    assert table["n_to_collect"].tolist() == [0, 0, 10]  # 10 of 20
    assert table["n_to_collect_jointly"].tolist() == [0, 0, 5]


def test_groups_without_a_known_share_are_infinite():
    table = compare_representation(["a", "b", "b"], shares={"b": 1.0}).table
    assert table["reference_share"].tolist() == [0, 1]
    assert table.loc["a", "ratio"] == np.inf
    assert table.loc["a", "pvalue"] == np.finfo(float).tiny
    assert table["n_to_collect"].tolist() == [0, np.inf]


def test_a_share_of_0_without_rows_is_undefined():
    with pytest.warns(UndefinedMetricWarning, match=r"ratio .*\['c'\] of sex"):
        report = compare_representation({"sex": ["a", "b"]}, shares={"a": 0.5, "b": 0.5, "c": 0.0})
    assert report.table["ratio"].isna().tolist() == [False, False, True]
    assert not report.table.loc["c", "is_under_represented"]


@REPRODUCIBLE
@given(COUNTS, st.data())
def test_collecting_alone_reaches_the_share(counts, data):
    parts = np.array([data.draw(st.integers(1, 9)) for _ in counts])
    shares = dict(zip([f"g{i}" for i in range(len(counts))], parts / parts.sum(), strict=True))
    table = compare_representation(rows_of(counts), shares=shares).table
    n = np.array(counts)
    for i, more in enumerate(table["n_to_collect"].astype(int)):
        grown = (n[i] + more) / (n.sum() + more)
        assert grown >= parts[i] / parts.sum() - 1e-9
        if more > 0:
            assert (n[i] + more - 1) / (n.sum() + more - 1) < parts[i] / parts.sum()


@REPRODUCIBLE
@given(COUNTS, st.data())
def test_collecting_jointly_reaches_all_shares(counts, data):
    parts = np.array([data.draw(st.integers(1, 9)) for _ in counts])
    shares = dict(zip([f"g{i}" for i in range(len(counts))], parts / parts.sum(), strict=True))
    table = compare_representation(rows_of(counts), shares=shares).table
    more = table["n_to_collect_jointly"].to_numpy()
    assert (more >= 0).all()
    assert more.min() == 0  # the group that sets the total gets none
    grown = np.array(counts) + more
    assert (np.abs(grown - parts / parts.sum() * grown.sum()) <= len(counts)).all()


def test_collecting_jointly_by_hand():
    """80 rows of a half make 160; each of the others needs 40."""
    shares = {"g0": 0.25, "g1": 0.25, "g2": 0.5}
    table = compare_representation(rows_of([10, 30, 80]), shares=shares).table
    assert table["n_to_collect_jointly"].tolist() == [30, 10, 0]
    assert table["n_to_collect"].tolist() == [27, 0, 0]  # 37 of 147


def test_features_and_their_intersection():
    report = compare_representation(TWO, shares=FOUR)
    assert list(report.tables) == ["sex", "race", "sex x race"]
    assert report.tables["sex"]["n"].tolist() == [2, 8]
    assert report.tables["sex"]["reference_share"].tolist() == [0.5, 0.5]
    assert report.tables["race"]["n"].to_dict() == {"a": 4, "b": 6}
    assert report.table["n"].to_dict() == {
        ("f", "a"): 1, ("f", "b"): 1, ("m", "a"): 3, ("m", "b"): 5,
    }  # fmt: skip
    assert report.table.index.names == ["sex", "race"]
    assert report.n == 10
    assert report.n_reference is None


def test_shares_of_each_feature_by_itself():
    by_feature = {"race": {"a": 0.5, "b": 0.5}, "sex": pd.Series({"f": 0.4, "m": 0.6})}
    report = compare_representation(TWO, shares=by_feature)
    assert list(report.tables) == ["sex", "race"]
    assert report.tables["sex"]["ratio"].to_dict() == pytest.approx({"f": 0.5, "m": 0.8 / 0.6})
    only = compare_representation(TWO, shares={"race": {"a": 0.5, "b": 0.5}})
    assert list(only.tables) == ["race"]


def test_shares_as_a_series_with_levels_in_another_order():
    series = pd.Series(
        {(r, s): v for (s, r), v in FOUR.items()} | {("a", "f"): 0.1, ("b", "m"): 0.4}
    )
    series.index.names = ["race", "sex"]
    table = compare_representation(TWO, shares=series).table
    assert table.loc[("f", "a"), "reference_share"] == pytest.approx(0.1)
    assert table.loc[("m", "b"), "reference_share"] == pytest.approx(0.4)


def test_reference_columns_in_another_order():
    reference = pd.DataFrame({"race": list("abab") * 3, "sex": list("ffmmmmmmffff")})
    straight = compare_representation(TWO, reference=reference[["sex", "race"]])
    turned = compare_representation(TWO, reference=reference)
    pd.testing.assert_frame_equal(straight.to_frame(), turned.to_frame())
    assert turned.table.index.tolist() == sorted(FOUR)
    fewer = compare_representation(TWO[TWO["sex"] == "m"], reference=reference)
    assert fewer.table.index.tolist() == sorted(FOUR)
    bare = compare_representation(TWO, reference=reference[["sex", "race"]].to_numpy())
    pd.testing.assert_frame_equal(straight.to_frame(), bare.to_frame())


def test_weights_repeat_rows():
    weights = [3.0, 1.0, 1.0]
    weighted = compare_representation(["f", "m", "m"], shares=HALF, sample_weight=weights).table
    assert weighted["n"].tolist() == [1, 2]
    assert_allclose(weighted["share"], [0.6, 0.4])
    assert weighted["n_to_collect"].tolist() == [0, 1]  # shares 1.8 and 1.2 of 3 rows
    equal = compare_representation(SEX, shares=HALF, sample_weight=[7.0] * 100)
    plain = compare_representation(SEX, shares=HALF)
    pd.testing.assert_frame_equal(equal.table, plain.table)


def test_uneven_weights_cost_certainty():
    weights = np.tile([1.0, 9.0], 50)  # effective size 100 x 25 / 41 = 61
    found = compare_representation(SEX, shares=HALF, sample_weight=weights).table
    plain = compare_representation(SEX, shares=HALF).table
    assert_allclose(found["share"], [0.2, 0.8])
    assert found.loc["f", "high"] - found.loc["f", "low"] > 1.2 * (
        plain.loc["f", "high"] - plain.loc["f", "low"]
    )
    assert_allclose(found["adjusted_pvalue"], binomtest(12, 60, 0.5).pvalue)


def test_weights_of_the_reference():
    found = compare_representation(
        ["f", "m"], reference=["f", "m", "m"], reference_weight=[2.0, 1.0, 1.0]
    ).table
    assert_allclose(found["reference_share"], [0.5, 0.5])


def test_missing_values_are_a_group():
    table = compare_representation(
        ["m", None, "f", "m"], shares={None: 0.2, "f": 0.4, "m": 0.4}
    ).table
    assert table.index.tolist() == ["f", "m", MISSING]
    assert table["reference_share"].tolist() == pytest.approx([0.4, 0.4, 0.2])
    apart = compare_representation(["a", None], reference=["a", "z"]).table
    assert apart.index.tolist() == ["a", "z", MISSING]
    late = compare_representation(["m", "f"], reference=["m", "f", np.nan]).table
    assert late.index.tolist() == ["f", "m", MISSING]
    with pytest.raises(ValueError, match="missing values"):
        compare_representation(["m", None], shares=HALF, missing="raise")
    with pytest.raises(ValueError, match="missing values"):
        compare_representation(["m", "f"], reference=["m", None], missing="raise")


@pytest.mark.parametrize(
    "make",
    [
        list,
        np.array,
        lambda v: pd.Series(v, index=range(500, 400, -1)),
        pl.Series,
        lambda v: pl.DataFrame({"sensitive_feature_0": v}),
        Groups.read,
    ],
)
def test_containers_are_alike(make):
    expected = compare_representation(SEX, shares=HALF).table
    found = compare_representation(make(SEX), shares=HALF).table
    assert found.index.tolist() == ["f", "m"]
    np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy())


def test_numbers_and_ordered_categories_keep_their_order():
    table = compare_representation([10, 9, 10], shares={9: 0.5, 10: 0.5}).table
    assert table.index.tolist() == [9, 10]
    ages = pd.Categorical(["young", "old"] * 3, ["young", "old"], ordered=True)
    table = compare_representation(ages, shares={"old": 0.5, "young": 0.5}).table
    assert table.index.tolist() == ["young", "old"]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"f": 50, "m": 50}, r"sum to 100, not to 1"),
        ({"f": 0.5, "m": 0.4}, r"sum to 0\.9"),
        ({"f": -0.5, "m": 1.5}, "at least 0"),
        ({"f": np.nan, "m": 1.0}, "finite"),
        ({}, "dict or Series"),
        ([0.5, 0.5], "dict or Series"),
        ({"F": 0.5, "M": 0.5}, "no group of .* both sides"),
        ({"sex": {"f": 1.0}}, "shares of"),
        (pd.Series([0.5, 0.5], index=["f", "f"]), "twice"),
    ],
)
def test_bad_shares(shares, message):
    with pytest.raises(ValueError, match=message):
        compare_representation(SEX, shares=shares)


def test_rounded_shares_are_scaled():
    table = compare_representation(list("abc"), shares=dict.fromkeys("abc", 0.333)).table
    assert_allclose(table["ratio"], 1.0)


def test_bad_input():
    with pytest.raises(ValueError, match="either"):
        compare_representation(SEX)
    with pytest.raises(ValueError, match="either"):
        compare_representation(SEX, reference=SEX, shares=HALF)
    with pytest.raises(ValueError, match="reference_weight"):
        compare_representation(SEX, shares=HALF, reference_weight=[1.0])
    with pytest.raises(ValueError, match="tuples of 2"):
        compare_representation(TWO, shares=HALF)
    with pytest.raises(ValueError, match="reference has the sensitive features"):
        compare_representation(TWO, reference=SEX)
    with pytest.raises(ValueError, match="features differ"):
        compare_representation(TWO, reference=TWO.rename(columns={"race": "age"}))
    with pytest.raises(ValueError, match="all of sample_weight are 0"):
        compare_representation(["f", "m"], shares=HALF, sample_weight=[0, 0])
    with pytest.raises(ValueError, match="Negative"):
        compare_representation(["f", "m"], shares=HALF, sample_weight=[-1, 2])
    with pytest.raises(ValueError, match="inconsistent"):
        compare_representation(["f", "m"], shares=HALF, sample_weight=[1.0])
    with pytest.raises(ValueError, match="confidence_level"):
        compare_representation(SEX, shares=HALF, confidence_level=95)
    with pytest.raises(ValueError, match="share a name"):
        compare_representation(Groups(np.array([0]), (("f", "a"),), ("x", "x")), shares=FOUR)


def test_report_as_frame_and_text():
    report = compare_representation(TWO, shares=FOUR)
    assert isinstance(report, RepresentationReport)
    frame = report.to_frame()
    assert frame["feature"].tolist() == ["sex"] * 2 + ["race"] * 2 + ["sex x race"] * 4
    assert frame["group"].tolist() == ["f", "m", "a", "b", *FOUR]
    assert frame["n"].tolist() == [2, 8, 4, 6, 1, 1, 3, 5]
    assert "10 rows against known shares" in repr(report)
    text = repr(compare_representation(SEX, reference=["f", "m"] * 30))
    assert "100 rows against 60 rows, 95 % intervals" in text
    assert "under-represented ['f']" in text


def test_p_values_are_raw_and_adjusted_and_never_0():
    table = compare_representation(["a"] * 4000 + ["b", "c"], shares={"a": 0.2, "b": 0.4, "c": 0.4})
    assert (table.table["pvalue"] == np.finfo(float).tiny).any()
    raw = [binomtest(k, 4002, r).pvalue for k, r in ((4000, 0.2), (1, 0.4), (1, 0.4))]
    expected = holm(np.maximum(raw, np.finfo(float).tiny))
    assert_allclose(table.table["adjusted_pvalue"], expected)
    assert (table.table["adjusted_pvalue"] > 0).all()


def test_weighted_rows_are_no_evidence_of_more_rows_than_they_are_worth():
    """Effective sizes are rounded down, and counts towards the reference share."""
    found = compare_representation(
        list("fmmm"), shares={"f": 0.9, "m": 0.1}, sample_weight=[1.0, 1, 1, 2]
    ).table  # effective size 25 / 7 = 3.6: f has 0.2 of 3, rounded up to 1
    assert_allclose(found["pvalue"], binomtest(1, 3, 0.9).pvalue)
