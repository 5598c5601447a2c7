"""ROC curves and areas by group from a tally of binned scores, beside those of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import trapezoid
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import roc_auc_score

from skfair.metrics import RocCurveByGroupDisplay, roc_auc_by_group, roc_curve_by_group
from skfair.tally import ScoreTally

REPRODUCIBLE = settings(max_examples=60)
SCORES = st.one_of(st.integers(-2, 6).map(float), st.floats(-3, 7, width=16))
ROWS = st.lists(
    st.tuples(st.booleans(), SCORES, st.sampled_from("ab"), st.integers(0, 3)),
    min_size=2,
    max_size=30,
)
EDGES = st.lists(SCORES, min_size=1, max_size=6, unique=True).map(sorted)


def unzip(rows):
    y, score, group, weight = (np.array(part) for part in zip(*rows, strict=True))
    assume(np.unique(y[weight > 0]).size == 2)
    return y, score, group, weight.astype(float)


def draw(n=400, seed=0):
    rng = np.random.default_rng(seed)
    y, group = rng.integers(2, size=n), rng.choice(["f", "m"], n)
    score = np.clip((rng.normal(size=n) + y + (group == "m")) / 6 + 0.5, 0, 1)
    return y, score, group, rng.integers(1, 4, n).astype(float)


def test_by_hand():
    # f: negatives 0.1, 0.6; positives 0.2, 0.7. m: negative 0.9, positive 0.1
    y, score = [0, 0, 1, 1, 0, 1], [0.1, 0.6, 0.2, 0.7, 0.9, 0.1]
    tally = ScoreTally.from_arrays(y, score, {"sex": list("ffffmm")}, edges=[0.5])
    table = roc_auc_by_group(tally)
    assert table.index.name == "sex"
    assert table.columns.tolist() == [
        "n_positive",
        "n_negative",
        "roc_auc",
        "roc_auc_low",
        "roc_auc_high",
        "roc_auc_least",
        "roc_auc_most",
    ]
    # of f's four pairs one is right, one wrong, two in a bin
    assert table.loc["f", ["roc_auc_least", "roc_auc", "roc_auc_most"]].tolist() == [
        0.25,
        0.5,
        0.75,
    ]
    assert table.loc["m", ["roc_auc_least", "roc_auc", "roc_auc_most"]].tolist() == [0, 0, 0]
    curve = roc_curve_by_group(tally)
    assert curve.loc["f", "threshold"].tolist() == [np.inf, 0.5, -np.inf]
    assert curve.loc["f", "fpr"].tolist() == [0, 0.5, 1]
    assert curve.loc["m", "fpr"].tolist() == [0, 1, 1]
    assert curve.loc["m", "tpr"].tolist() == [0, 0, 1]


@REPRODUCIBLE
@given(ROWS, EDGES, st.booleans())
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_bounds_contain_the_area_of_the_rows(rows, edges, weighted):
    y, score, group, weight = unzip(rows)
    w = weight if weighted else None
    tally = ScoreTally.from_arrays(y, score, group, edges=edges, sample_weight=w)
    binned = roc_auc_by_group(tally)
    exact = roc_auc_by_group(y, score, sensitive_features=group, sample_weight=w)
    assert binned[["n_positive", "n_negative"]].equals(exact[["n_positive", "n_negative"]])
    for label, row in binned.iterrows():
        area = exact.loc[label, "roc_auc"]
        assert np.isnan(area) == np.isnan(row["roc_auc"]) == np.isnan(row["roc_auc_most"])
        if not np.isnan(area):
            assert row["roc_auc_least"] - 1e-12 <= area <= row["roc_auc_most"] + 1e-12
            middle = (row["roc_auc_least"] + row["roc_auc_most"]) / 2
            assert_allclose(row["roc_auc"], middle, atol=1e-12)
            assert row["roc_auc_low"] <= row["roc_auc_least"] + 1e-9
            assert row["roc_auc_high"] >= row["roc_auc_most"] - 1e-9
            mine = group == label
            bins = np.searchsorted(edges, score[mine], side="right")
            expected = roc_auc_score(y[mine], bins, sample_weight=None if w is None else w[mine])
            assert_allclose(row["roc_auc"], expected, atol=1e-12)


@REPRODUCIBLE
@given(ROWS, EDGES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_points_lie_on_the_curve_of_the_rows(rows, edges):
    y, score, group, weight = unzip(rows)
    tally = ScoreTally.from_arrays(y, score, group, edges=edges, sample_weight=weight)
    curve = roc_curve_by_group(tally)
    for label, points in curve.groupby(level=0):
        mine = group == label
        for _, (threshold, fpr, tpr) in points.iterrows():
            above = score[mine] >= threshold
            for value, kind in ((fpr, 0), (tpr, 1)):
                own = weight[mine] * (y[mine] == kind)
                assert_allclose(value, own[above].sum() / own.sum(), atol=1e-12)


def test_bins_of_single_scores_give_the_figures_of_the_rows():
    y, score, group, weight = draw()
    tally = ScoreTally.from_arrays(y, score, group, edges=np.unique(score), sample_weight=weight)
    binned = roc_auc_by_group(tally, confidence_level=0.9)
    exact = roc_auc_by_group(
        y, score, sensitive_features=group, sample_weight=weight, confidence_level=0.9
    )
    assert_allclose(binned["roc_auc"], exact["roc_auc"], rtol=1e-12)
    hidden = binned["roc_auc_most"] - binned["roc_auc"]  # scores clipped to 1 are tied
    assert_allclose(binned["roc_auc_low"], exact["roc_auc_low"] - hidden, rtol=1e-9)
    assert_allclose(binned["roc_auc_high"], exact["roc_auc_high"] + hidden, rtol=1e-9)


def test_bounds_close_with_more_bins_and_parts_add_up():
    y, score, group, _ = draw(4000)
    widths = []
    for n_bins in (5, 50, 500):
        parts = [
            ScoreTally.from_arrays(y[i::2], score[i::2], group[i::2], edges=n_bins)
            for i in range(2)
        ]
        table = roc_auc_by_group(sum(parts))
        widths.append((table["roc_auc_most"] - table["roc_auc_least"]).max())
    assert widths[0] > 4 * widths[1] > 16 * widths[2]


def test_curves_of_rows_are_scikit_learns_and_area_is_theirs():
    y, score, group, weight = draw()
    table = roc_curve_by_group(y, score, sensitive_features={"g": group}, sample_weight=weight)
    areas = roc_auc_by_group(y, score, sensitive_features=group, sample_weight=weight)
    for label, points in table.groupby(level=0):
        assert_allclose(trapezoid(points["tpr"], points["fpr"]), areas.loc[label, "roc_auc"])
        assert points["threshold"].is_monotonic_decreasing
    assert table.index.name == "g"


def test_several_features_and_string_labels():
    groups = {"sex": ["f", "f", "m", "m"], "race": ["a", "a", "b", "b"]}
    y, score = ["no", "yes", "no", "yes"], [0.1, 0.9, 0.2, 0.3]
    tally = ScoreTally.from_arrays(y, score, groups, edges=4, pos_label="yes")
    table = roc_curve_by_group(tally)
    assert table.index.names == ["sex", "race"]
    rows = roc_curve_by_group(y, score, sensitive_features=groups, pos_label="yes")
    assert rows.index.names == ["sex", "race"]
    assert roc_auc_by_group(tally).loc[("f", "a"), "roc_auc"] == 1


def test_groups_of_one_class_have_no_curve():
    tally = ScoreTally.from_arrays([0, 1, 1], [0.1, 0.9, 0.9], ["f", "f", "m"], edges=2)
    with pytest.warns(UndefinedMetricWarning, match=r"\['m'\]"):
        table = roc_curve_by_group(tally)
    assert set(table.index) == {"f"}
    with pytest.warns(UndefinedMetricWarning, match="roc_auc of group 'm'"):
        areas = roc_auc_by_group(tally)
    assert areas.loc["m", "roc_auc":].isna().all()


def test_display_draws_a_tally():
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    y, score, group, weight = draw()
    tally = ScoreTally.from_arrays(y, score, group, edges=100, sample_weight=weight)
    display = RocCurveByGroupDisplay.from_predictions(tally, confidence_level=0.8)
    pd.testing.assert_frame_equal(display.table, roc_auc_by_group(tally, confidence_level=0.8))
    assert display.labels == ("f", "m")
    assert [len(curve.fpr) for curve in display.curves] == [101, 101]
    exact = RocCurveByGroupDisplay.from_predictions(
        y, score, sensitive_features=group, sample_weight=weight
    )
    assert_allclose(display.overall.roc_auc, exact.overall.roc_auc, atol=1e-3)
    assert display.overall.roc_auc != exact.overall.roc_auc
    for display_ in (display, exact):
        plt.close(display_.figure_)


@pytest.mark.parametrize("function", [roc_auc_by_group, roc_curve_by_group])
def test_bad_input(function):
    tally = ScoreTally.from_arrays([0, 1], [0.1, 0.9], ["f", None], edges=2)
    with pytest.raises(ValueError, match=r"leave out \['sensitive_features'\]"):
        function(tally, sensitive_features=["f", "m"])
    with pytest.raises(ValueError, match=r"leave out \['y_score', 'pos_label'\]"):
        function(tally, [0.1, 0.9], pos_label=1)
    with pytest.raises(ValueError, match="missing values"):
        function(tally, missing="raise")
    with pytest.raises(ValueError, match="y_score is needed"):
        function([0, 1], sensitive_features=["f", "m"])
    with pytest.raises(ValueError, match="sensitive_features is needed"):
        function([0, 1], [0.1, 0.9])
