from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit, logit
from scipy.stats import norm, t
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import roc_auc_score

from skfair.groups import MISSING
from skfair.metrics._ranking import roc_auc_by_group, roc_auc_gap

REPRODUCIBLE = settings(max_examples=30)
ROW = st.tuples(
    st.booleans(), st.integers(0, 4).map(float), st.sampled_from("ab"), st.integers(1, 3)
)


def auc_table(rows, scale=1.0, **options):
    true, score, group, weight = zip(*rows, strict=True)
    weight = None if scale is None else scale * np.array(weight)
    return roc_auc_by_group(true, score, sensitive_features=group, sample_weight=weight, **options)


def test_areas_and_interval_by_hand():
    # positives 3, 1, 2 and negatives 2, 0, of ranks: 3 > both, 1 > 0 only, 2 ties with 2
    table = roc_auc_by_group(
        [1, 1, 1, 0, 0], [3.0, 1, 2, 2, 0], sensitive_features={"g": ["a"] * 5}
    )
    assert table.index.name == "g"
    assert table[["n_positive", "n_negative"]].loc["a"].tolist() == [3, 2]
    area = (2 + 1 + 1.5) / 6
    assert table.loc["a", "roc_auc"] == area
    positive, negative = np.array([1, 0.5, 0.75]), np.array([1.5 / 3, 3 / 3])
    parts = np.array([positive.var(ddof=1) / 3, negative.var(ddof=1) / 2])
    freedom = parts.sum() ** 2 / (parts**2 / [2, 1]).sum()
    step = t.ppf(0.975, freedom) * parts.sum() ** 0.5 / (area * (1 - area))
    expected = expit(logit(area) + step * np.array([-1, 1]))
    assert_allclose(table.loc["a", ["roc_auc_low", "roc_auc_high"]], expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("digits", [1, 12])
def test_areas_are_those_of_scikit_learn(weighted, digits):
    rng = np.random.default_rng(0)
    true, group = rng.random(20_000) < 0.3, rng.integers(0, 5, 20_000)
    score = (rng.normal(size=20_000) + true).round(digits)
    weight = rng.exponential(size=20_000) if weighted else None
    table = roc_auc_by_group(true, score, sensitive_features=group, sample_weight=weight)
    for g in range(5):
        rows = group == g
        of_rows = None if weight is None else weight[rows]
        expected = roc_auc_score(true[rows], score[rows], sample_weight=of_rows)
        assert abs(table.loc[g, "roc_auc"] - expected) < 1e-12
    gap = roc_auc_gap(true, score, sensitive_features=group, sample_weight=weight)
    assert abs(gap - (table["roc_auc"].max() - table["roc_auc"].min())) < 1e-12


@REPRODUCIBLE
@given(st.lists(ROW, min_size=2, max_size=25), st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_areas_ignore_order_scale_and_monotone_maps_and_weights_are_repeated_rows(rows, random):
    table = auc_table(rows)
    assert_allclose(auc_table(random.sample(rows, len(rows))), table, atol=1e-9)
    assert_allclose(auc_table(rows, 1e3), table, atol=1e-9)
    grown = [(y, np.exp(s), *rest) for y, s, *rest in rows]
    assert_allclose(auc_table(grown), table, atol=1e-9)
    repeated = [row for row in rows for _ in range(row[3])]
    assert_allclose(auc_table(repeated, None)["roc_auc"], table["roc_auc"], atol=1e-9)
    turned = auc_table([(not y, s, *rest) for y, s, *rest in rows])
    assert_allclose(turned["roc_auc"], 1 - table["roc_auc"], atol=1e-9)
    assert_allclose(turned["roc_auc_low"], 1 - table["roc_auc_high"], atol=1e-6)


@REPRODUCIBLE
@given(st.lists(ROW, min_size=2, max_size=25))
def test_every_defined_area_has_an_interval_around_it(rows):
    assume({(y, g) for y, _, g, _ in rows} == {(y, g) for y in (0, 1) for _, _, g, _ in rows})
    table = auc_table(rows)
    assert (table["roc_auc_low"] >= 0).all()
    assert (table["roc_auc_low"] <= table["roc_auc"]).all()
    assert (table["roc_auc_high"] >= table["roc_auc"]).all()
    assert (table["roc_auc_high"] <= 1).all()
    assert (table["roc_auc_high"] - table["roc_auc_low"] > 0.01).all()


@pytest.mark.parametrize(
    ("positives", "negatives", "spread", "low", "high"),
    [
        (50, 150, 1.0, 0.93, 0.97),
        (15, 15, 1.0, 0.93, 0.99),
        (10, 40, 2.0, 0.93, 0.98),
        (5, 60, 1.5, 0.91, 0.97),
        (8, 8, 4.0, 0.93, 1.0),  # often separated perfectly
    ],
)
def test_delongs_interval_covers(positives, negatives, spread, low, high):
    rng = np.random.default_rng(1)
    n_groups, size = 1000, positives + negatives
    true = np.tile(np.arange(size) < positives, n_groups)
    score = rng.normal(size=len(true)) + spread * true
    groups = np.repeat(np.arange(n_groups), size).astype(str)
    table = roc_auc_by_group(true, score, sensitive_features=groups)
    area = norm.cdf(spread / 2**0.5)
    covered = (table["roc_auc_low"] <= area) & (area <= table["roc_auc_high"])
    assert low <= covered.mean() <= high


def test_the_interval_covers_where_weights_undo_a_biased_sample():
    rng = np.random.default_rng(2)
    true = rng.random((500, 1500)) < 0.4
    score = rng.normal(size=true.shape) + true
    share = np.where(score > 0.5, 0.06, 0.18)
    kept = rng.random(true.shape) < share
    groups = np.broadcast_to(np.arange(500).astype(str)[:, None], true.shape)
    table = roc_auc_by_group(
        true[kept], score[kept], sensitive_features=groups[kept], sample_weight=1 / share[kept]
    )
    area = norm.cdf(1 / 2**0.5)
    assert abs(table["roc_auc"].mean() - area) < 0.006
    covered = (table["roc_auc_low"] <= area) & (area <= table["roc_auc_high"])
    assert 0.92 <= covered.mean() <= 0.98


@pytest.mark.parametrize("n", [1, 10])
def test_perfect_separation_is_no_certainty(n):
    true = np.r_[np.zeros(n), np.ones(n)]
    table = roc_auc_by_group(true, true, sensitive_features=["a"] * 2 * n)
    assert table.loc["a", ["roc_auc", "roc_auc_high"]].tolist() == [1.0, 1.0]
    bound = table.loc["a", "roc_auc_low"]
    extra = n - 1  # Newcombe's method 5, its equation
    variance = bound * (1 - bound) / n**2
    variance *= 1 + extra * (1 - bound) / (2 - bound) + extra * bound / (1 + bound)
    assert (1 - bound) ** 2 == pytest.approx(norm.ppf(0.975) ** 2 * variance)
    if n == 1:
        assert bound == pytest.approx(1 / (1 + norm.ppf(0.975) ** 2))  # Wilson's of one row
    turned = roc_auc_by_group(true, -true, sensitive_features=["a"] * 2 * n)
    assert turned.loc["a", "roc_auc_high"] == pytest.approx(1 - bound)
    assert turned.loc["a", "roc_auc_low"] == 0.0


def test_perfect_separation_survives_the_rounding_of_weights():
    rng = np.random.default_rng(3)
    true, groups = np.tile(np.arange(20) < 10, 500), np.repeat(np.arange(500), 20).astype(str)
    weight = rng.random(10_000)
    table = roc_auc_by_group(true, true, sensitive_features=groups, sample_weight=weight)
    assert (table["roc_auc"] <= 1).all()
    assert_allclose(table["roc_auc"], 1, rtol=1e-14)
    assert table["roc_auc_low"].between(0.3, 0.95).all()
    assert (table["roc_auc_high"] <= 1).all()


def test_the_confidence_level_widens_the_interval():
    rows = [(k % 2 == 0, float(k % 7), "a", 1) for k in range(40)]
    narrow, wide = (auc_table(rows, confidence_level=level).loc["a"] for level in (0.8, 0.99))
    assert wide["roc_auc_low"] < narrow["roc_auc_low"] < narrow["roc_auc"]
    assert narrow["roc_auc"] < narrow["roc_auc_high"] < wide["roc_auc_high"]


def test_a_group_of_one_class_is_left_out_with_a_warning_that_names_it():
    true, score = [0, 1, 0, 1, 1, 1], [0.1, 0.2, 0.5, 0.4, 0.3, 0.2]
    group = ["a", "a", "b", "b", "c", "c"]
    with pytest.warns(UndefinedMetricWarning, match="roc_auc of group 'c'") as caught:
        table = roc_auc_by_group(true, score, sensitive_features=group)
    with pytest.warns(UndefinedMetricWarning, match="roc_auc of group 'c'") as again:
        gap = roc_auc_gap(true, score, sensitive_features=group)
    assert table.loc["c", ["roc_auc", "roc_auc_low", "roc_auc_high"]].isna().all()
    assert gap == 1.0
    assert [warning.filename for warning in (*caught, *again)] == [__file__] * 2
    with pytest.warns(UndefinedMetricWarning, match="roc_auc of group 'b'"):
        assert np.isnan(
            roc_auc_gap(
                true[:4], score[:4], sensitive_features=group[:4], sample_weight=[1, 1, 1, 0]
            )
        )
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 3 rows are left out: \['a'\]"):
        gap = roc_auc_gap(
            [*true[:4], 0, 1, 0, 1, 0],
            [*score[:4], 0.1, 0.2, 0.1, 0.3, 0.3],
            sensitive_features=[*"aabb", *"bdddd"],
            min_group_size=3,
        )
    assert gap == 2.5 / 4 - 1 / 2


def test_missing_groups():
    true, score = [0, 1, 0, 1], [0.1, 0.2, 0.5, 0.4]
    table = roc_auc_by_group(true, score, sensitive_features=["a", "a", None, None])
    assert table["roc_auc"].to_dict() == {"a": 1.0, MISSING: 0.0}
    with pytest.raises(ValueError, match="has 2 missing"):
        roc_auc_gap(true, score, sensitive_features=["a", "a", None, None], missing="raise")


@pytest.mark.parametrize("kind", [list, pd.Series, pl.Series, pa.array])
def test_other_frames_string_labels_and_intersections(kind):
    sex, race = kind(["f", "f", "m", "m"]), kind(["b", "b", "w", "w"])
    table = roc_auc_by_group(
        kind(["no", "yes", "yes", "no"]),
        kind([0.1, 0.2, 0.3, 0.4]),
        sensitive_features={"sex": sex, "race": race},
        pos_label="yes",
        sample_weight=kind([1.0, 2.0, 3.0, 4.0]),
    )
    assert table["roc_auc"].to_dict() == {("f", "b"): 1.0, ("m", "w"): 0.0}
    assert table.index.names == ["sex", "race"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_score": [0.1, np.nan]}, "Input y_score contains NaN"),
        ({"y_score": [0.1, np.inf]}, "Input y_score contains infinity"),
        ({"y_score": [0.1]}, "inconsistent numbers of samples"),
        ({"y_score": [[0.1, 0.9], [0.2, 0.8]]}, "should be a 1d array"),
        ({"y_true": ["no", "yes"]}, "pos_label is not specified"),
        ({"y_true": [0, np.nan]}, "Input y_true contains NaN"),
        ({"sample_weight": [1.0]}, "inconsistent numbers of samples"),
    ],
)
@pytest.mark.parametrize("function", [roc_auc_by_group, roc_auc_gap])
def test_bad_input_is_refused(function, changed, message):
    good = {"y_true": [0, 1], "y_score": [0.1, 0.9], "sensitive_features": ["a", "a"]}
    with pytest.raises(ValueError, match=message):
        function(**{**good, **changed})


def test_a_bad_confidence_level_is_refused():
    with pytest.raises(ValueError, match="confidence_level"):
        roc_auc_by_group([0, 1], [0, 1], sensitive_features=["a", "a"], confidence_level=1.0)


def test_a_warning_of_many_groups_stays_short():
    groups = (np.arange(1000) // 2).astype(str)
    with pytest.warns(UndefinedMetricWarning, match="and 490 more") as caught:
        roc_auc_by_group(np.ones(1000, dtype=int), np.arange(1000), sensitive_features=groups)
    assert len(str(caught[0].message)) < 1000
