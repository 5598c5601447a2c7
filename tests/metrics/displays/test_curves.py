from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score, roc_curve

from skfair.metrics._calibration import calibration_by_group
from skfair.metrics._ranking import roc_auc_by_group
from skfair.metrics.displays._calibration import CalibrationByGroupDisplay
from skfair.metrics.displays._roc import RocCurveByGroupDisplay, plot_roc_curve_by_group

with warnings.catch_warnings():  # an old matplotlib with a new pyparsing
    warnings.simplefilter("ignore")
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated - use:DeprecationWarning")
DISPLAYS = [RocCurveByGroupDisplay, CalibrationByGroupDisplay]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def make_data(n_groups=3, n=900, seed=0, name="Group {}"):
    rng = np.random.default_rng(seed)
    codes = np.r_[np.arange(n_groups), rng.integers(n_groups, size=n - n_groups)]
    score = rng.random(n).round(3)
    y_true = (rng.random(n) < score ** (1 + codes / n_groups)).astype(int)
    names = np.array([name.format(chr(65 + i)) for i in range(n_groups)], dtype=object)
    return y_true, score, names[codes]


def lines(ax):
    return {line.get_label().split(" (")[0]: line for line in ax.lines}


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# the numbers


def test_roc_curves_and_areas_are_those_of_the_rows_of_each_group():
    y_true, score, group = make_data()
    display = RocCurveByGroupDisplay.from_predictions(y_true, score, sensitive_features=group)
    for name, curve in zip(display.labels, display.curves, strict=True):
        rows = group == name
        fpr, tpr, thresholds = roc_curve(y_true[rows], score[rows])
        assert_array_equal(curve.thresholds, thresholds)
        assert curve.roc_auc == roc_auc_score(y_true[rows], score[rows])
        assert_array_equal(lines(display.ax_)[name].get_xydata(), np.c_[fpr, tpr])
    assert display.overall.roc_auc == roc_auc_score(y_true, score)
    expected = roc_auc_by_group(y_true, score, sensitive_features=group)
    pd.testing.assert_frame_equal(display.table, expected)
    assert_allclose(display.table["roc_auc"], [curve.roc_auc for curve in display.curves])


def test_roc_legend_tells_area_and_interval():
    y_true, score, group = make_data()
    display = RocCurveByGroupDisplay.from_predictions(
        y_true, score, sensitive_features=group, confidence_level=0.5
    )
    table = roc_auc_by_group(y_true, score, sensitive_features=group, confidence_level=0.5)
    area, low, high = table.loc["Group A", ["roc_auc", "roc_auc_low", "roc_auc_high"]]
    chance, overall, first, *_ = legend_texts(display.ax_)
    assert chance == "Chance level (AUC = 0.50)"
    assert overall == f"Overall (AUC = {roc_auc_score(y_true, score):.2f})"
    assert first == f"Group A (AUC = {area:.2f}, {low:.2f} to {high:.2f})"


def test_reliability_curves_are_means_of_bins():
    y_true, prob, group = make_data()
    display = CalibrationByGroupDisplay.from_predictions(
        y_true, prob, sensitive_features=group, n_bins=4, strategy="uniform"
    )
    for name, bins in zip(display.labels, display.bins, strict=True):
        rows = group == name
        place = np.minimum(prob[rows] * 4 // 1, 3)
        part = pd.DataFrame({"p": prob[rows], "y": y_true[rows]}).groupby(place)
        assert_allclose(bins[["mean_probability", "mean_label"]], part.mean())
        assert_array_equal(bins["n"], part.size())
        assert_allclose(
            lines(display.ax_)[name].get_xydata(), bins[["mean_probability", "mean_label"]]
        )
    expected = calibration_by_group(
        y_true, prob, sensitive_features=group, n_bins=4, strategy="uniform"
    )
    pd.testing.assert_frame_equal(display.table, expected)


def test_whiskers_of_reliability_curves_are_wilsons():
    n, k = 50, 10
    y_true = np.r_[np.ones(k), np.zeros(n - k)].astype(int)
    display = CalibrationByGroupDisplay.from_predictions(
        y_true, np.full(n, 0.25), sensitive_features=["a"] * n, n_bins=1
    )
    bins = display.bins[0]
    assert_allclose(bins[["low", "high"]], [[0.1124, 0.3304]], atol=5e-5)
    (whiskers,) = display.ax_.collections
    assert_allclose(whiskers.get_segments()[0], [[0.25, bins["low"][0]], [0.25, bins["high"][0]]])
    assert legend_texts(display.ax_)[1] == "a (observed - predicted: -0.050)".replace("-", "\u2212")


def test_quantile_bins_have_as_many_rows_each():
    y_true, prob, group = make_data()
    display = CalibrationByGroupDisplay.from_predictions(y_true, prob, sensitive_features=group)
    for bins in display.bins:
        assert len(bins) == 5
        assert np.ptp(bins["n"]) <= 3


def test_roc_curves_honour_weights():
    y_true, score, group = make_data()
    weight = np.random.default_rng(1).integers(0, 3, size=len(group))
    display = RocCurveByGroupDisplay.from_predictions(
        y_true, score, sensitive_features=group, sample_weight=weight
    )
    repeated = RocCurveByGroupDisplay.from_predictions(
        *(np.repeat(values, weight) for values in (y_true, score)),
        sensitive_features=np.repeat(group, weight),
    )
    for curve, expected in zip(display.curves, repeated.curves, strict=True):
        assert curve.roc_auc == pytest.approx(expected.roc_auc)
    assert display.overall.roc_auc == pytest.approx(repeated.overall.roc_auc)
    assert_allclose(display.table["roc_auc"], repeated.table["roc_auc"])


def test_reliability_curves_honour_weights_and_drop_bins_without():
    y_true, prob, group = make_data()
    weight = np.random.default_rng(1).integers(1, 4, size=len(group)).astype(float)
    weight[(prob < 0.25) & (group == "Group A")] = 0
    display = CalibrationByGroupDisplay.from_predictions(
        y_true, prob, sensitive_features=group, sample_weight=weight, n_bins=4, strategy="uniform"
    )
    assert [len(bins) for bins in display.bins] == [3, 4, 4]
    for name, bins in zip(display.labels, display.bins, strict=True):
        rows = (group == name) & (prob >= 0.75)
        assert bins["mean_label"].iloc[-1] == pytest.approx(
            np.average(y_true[rows], weights=weight[rows])
        )
        assert bins["mean_probability"].iloc[-1] == pytest.approx(
            np.average(prob[rows], weights=weight[rows])
        )


@pytest.mark.parametrize("cls", DISPLAYS)
def test_string_labels_need_pos_label_and_give_the_same(cls):
    y_true, score, group = make_data()
    words = np.array(["no", "yes"])[y_true]
    with pytest.raises(ValueError, match="pos_label is not specified"):
        cls.from_predictions(words, score, sensitive_features=group)
    same = cls.from_predictions(words, score, sensitive_features=group, pos_label="yes")
    expected = cls.from_predictions(y_true, score, sensitive_features=group)
    pd.testing.assert_frame_equal(same.table, expected.table)


@pytest.mark.parametrize("cls", DISPLAYS)
def test_missing_values_are_a_group_or_refused(cls):
    y_true, score, group = make_data()
    group = np.where(group == "Group C", None, group)
    display = cls.from_predictions(y_true, score, sensitive_features=group)
    assert display.labels == ("Group A", "Group B", "<missing>")
    assert "<missing>" in lines(display.ax_)
    with pytest.raises(ValueError, match="missing values"):
        cls.from_predictions(y_true, score, sensitive_features=group, missing="raise")


def test_a_group_of_one_class_has_no_roc_curve_and_the_legend_says_so():
    y_true, score = [0, 1, 0, 1, 0, 0, 1, 1], np.arange(8) / 8
    with pytest.warns(UndefinedMetricWarning, match="'m'"):
        display = RocCurveByGroupDisplay.from_predictions(
            y_true, score, sensitive_features=[*"ffffmmxx"]
        )
    assert len(display.curves[1].fpr) == 0
    assert np.isnan(display.curves[1].roc_auc)
    assert "m (no AUC: no positives)" in legend_texts(display.ax_)
    assert "x (no AUC: no negatives)" in legend_texts(display.ax_)


def test_probabilities_beyond_0_and_1_are_refused():
    with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
        CalibrationByGroupDisplay.from_predictions([0, 1], [0.5, 1.5], sensitive_features=[*"fm"])


# estimators


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("cls", DISPLAYS)
def test_from_estimator_scores_and_reads_columns_of_X(cls, make):
    y_true, score, group = make_data()
    X = make({"x": score, "sex": group.astype(str)})
    words = np.array(["no", "yes"])[y_true]

    class OnFirstColumn(LogisticRegression):
        def predict_proba(self, X):
            return super().predict_proba(np.asarray(X["x"], dtype=float)[:, None])

    model = OnFirstColumn().fit(score[:, None], words)
    display = cls.from_estimator(model, X, words, sensitive_features="sex", pos_label="yes")
    proba = model.predict_proba(X)[:, 1]
    expected = cls.from_predictions(y_true, proba, sensitive_features={"sex": group})
    pd.testing.assert_frame_equal(display.table, expected.table)


def test_from_estimator_takes_decision_functions_for_roc_curves_only():
    y_true, score, group = make_data()
    model = RidgeClassifier().fit(score[:, None], y_true)
    display = RocCurveByGroupDisplay.from_estimator(
        model, score[:, None], y_true, sensitive_features=group
    )
    assert display.overall.roc_auc == roc_auc_score(y_true, score)
    with pytest.raises(ValueError, match="no classifier with predict_proba"):
        CalibrationByGroupDisplay.from_estimator(
            model, score[:, None], y_true, sensitive_features=group
        )


# the picture


def test_what_a_roc_display_draws_besides_can_be_left_out():
    y_true, score, group = make_data()
    display = RocCurveByGroupDisplay.from_predictions(y_true, score, sensitive_features=group)
    assert list(lines(display.ax_)) == ["Chance level", "Overall", "Group A", "Group B", "Group C"]
    display.plot(plot_overall=False)
    assert list(lines(display.ax_)) == ["Chance level", "Group A", "Group B", "Group C"]
    display.plot(plot_overall=False, plot_chance_level=False)
    assert list(lines(display.ax_)) == ["Group A", "Group B", "Group C"]


@pytest.mark.parametrize("cls", DISPLAYS)
def test_more_than_seven_groups_get_a_panel_each(cls):
    y_true, score, group = make_data(n_groups=8)
    display = cls.from_predictions(y_true, score, sensitive_features=group)
    assert len(display.axes_) == len(display.figure_.axes) == 8
    assert [ax.get_title(loc="left").split("\n")[0] for ax in display.axes_] == list(display.labels)
    own = [line for line in display.axes_[3].lines if line.get_label() == "this group"]
    assert_array_equal(own[0].get_xdata(), display._line(3)[0])
    others = [line for line in display.axes_[3].lines if line.get_color() == "0.8"]
    assert len(others) == 7
    y_true, score, group = make_data(n_groups=7)
    assert len(cls.from_predictions(y_true, score, sensitive_features=group).axes_) == 1


@pytest.mark.parametrize("cls", DISPLAYS)
def test_layout_can_be_chosen(cls):
    y_true, score, group = make_data(n_groups=8)
    display = cls.from_predictions(y_true, score, sensitive_features=group, layout="overlay")
    assert len(display.axes_) == 1
    styles = {(line.get_color(), line.get_linestyle()) for line in display.ax_.lines}
    assert len(styles) == len(display.ax_.lines)
    assert len(display.plot(layout="panels").axes_) == 8
    with pytest.raises(ValueError, match="layout must be"):
        display.plot(layout="grid")


@pytest.mark.parametrize("cls", DISPLAYS)
def test_an_ax_that_is_given_is_drawn_on(cls):
    y_true, score, group = make_data(n_groups=8)
    figure, (left, right) = plt.subplots(1, 2)
    display = cls.from_predictions(y_true, score, sensitive_features=group, ax=right)
    assert display.ax_ is right
    assert display.axes_ == [right]
    assert not left.lines
    assert len(lines(right)) >= 8
    panels = display.plot(left, layout="panels").axes_
    assert panels == left.child_axes
    assert plt.get_fignums() == [figure.number]


@pytest.mark.slow
@pytest.mark.parametrize("cls", DISPLAYS)
@pytest.mark.parametrize("n_groups", [2, 5, 12])
@pytest.mark.parametrize("name", ["{}", "x" * 300 + "{}"], ids=["short", "long"])
def test_nothing_lies_outside_the_figure(cls, n_groups, name):
    y_true, score, group = make_data(n_groups, name=name)
    display = cls.from_predictions(y_true, score, sensitive_features=group)
    assert {len(label) for label in display.labels} == {len(name) - 1}
    figure = display.figure_
    figure.draw_without_rendering()
    whole, renderer = figure.bbox.padded(2), figure.canvas.get_renderer()
    for ax in figure.axes:
        box = ax.get_tightbbox(renderer)
        assert whole.x0 <= box.x0 <= box.x1 <= whole.x1
        assert whole.y0 <= box.y0 <= box.y1 <= whole.y1
    boxes = [ax.get_tightbbox(renderer).padded(-2) for ax in figure.axes]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    shown = (
        legend_texts(display.ax_)
        if len(display.axes_) == 1
        else [ax.get_title(loc="left").split("\n")[0] for ax in display.axes_]
    )
    assert len(set(shown)) == len(shown)
    assert max(map(len, shown)) < 75


def test_a_legend_that_would_hide_the_curves_is_below_them():
    y_true, score, group = make_data(name="x" * 300 + "{}")
    display = RocCurveByGroupDisplay.from_predictions(y_true, score, sensitive_features=group)
    display.figure_.canvas.draw()
    legend = display.ax_.get_legend().get_window_extent()
    assert legend.y1 < display.ax_.xaxis.label.get_window_extent().y0
    assert legend.y0 >= 0
    figure = display.figure_.bbox
    assert display.ax_.get_window_extent().width > 0.8 * figure.width  # they keep their room
    assert figure.height > figure.width


@pytest.mark.parametrize("cls", DISPLAYS)
def test_names_that_matplotlib_would_misread_are_shown(cls):
    y_true, score, group = make_data()
    group = np.where(group == "Group A", "_other", np.where(group == "Group B", "$1 to $2", "c"))
    display = cls.from_predictions(y_true, score, sensitive_features=group)
    display.figure_.canvas.draw()
    texts = legend_texts(display.ax_)
    assert any("_other" in text for text in texts)
    assert any(r"\$1 to \$2" in text for text in texts)


@pytest.mark.parametrize("cls", DISPLAYS)
def test_two_calls_give_the_same_picture(cls, tmp_path):
    y_true, score, group = make_data()
    for name in ("a.png", "b.png"):
        display = cls.from_predictions(y_true, score, sensitive_features=group)
        display.figure_.savefig(tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


# fairlearn's function


def test_plot_roc_curve_by_group_draws_all_curves_on_one_ax():
    y_true, score, group = make_data(n_groups=9)
    ax = plot_roc_curve_by_group(y_true, score, sensitive_features=group, title="A model")
    assert list(lines(ax)) == ["Chance level", "Overall", *(f"Group {c}" for c in "ABCDEFGHI")]
    assert ax.get_title() == "A model"
    assert ax.get_xlabel() == "False positive rate"
    rows = group == "Group B"
    fpr, tpr, _ = roc_curve(y_true[rows], score[rows])
    assert_array_equal(lines(ax)["Group B"].get_xydata(), np.c_[fpr, tpr])
    assert f"Group B (AUC = {roc_auc_score(y_true[rows], score[rows]):.2f}" in (
        lines(ax)["Group B"].get_label()
    )


def test_plot_roc_curve_by_group_respects_its_options():
    y_true, score, group = make_data()
    _, given = plt.subplots()
    ax = plot_roc_curve_by_group(
        np.array(["no", "yes"])[y_true],
        score,
        sensitive_features=group,
        ax=given,
        plot_overall=False,
        plot_chance_level=False,
        pos_label="yes",
    )
    assert ax is given
    assert len(ax.lines) == 3
    assert ax.get_title() == ""


def test_plot_roc_curve_by_group_draws_intersections_and_missing_values():
    y_true, score, group = make_data(n_groups=2)
    other = np.where(np.arange(len(group)) % 3 == 0, None, "x")
    ax = plot_roc_curve_by_group(y_true, score, sensitive_features={"a": group, "b": other})
    assert list(lines(ax))[2:] == [
        *("Group A, x", "Group A, <missing>", "Group B, x", "Group B, <missing>"),
    ]


def test_plot_roc_curve_by_group_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        plot_roc_curve_by_group([0, 1], [0.1, 0.2, 0.3], sensitive_features=[*"fm"])
    with pytest.raises(ValueError, match="NaN"):
        plot_roc_curve_by_group([0, 1], [0.1, np.nan], sensitive_features=[*"fm"])


# groups without weight, or of one class


@pytest.mark.parametrize("idle", ["Group A", "Group Z"])
def test_groups_without_weight_have_no_say_in_the_limits_of_the_axes(idle):
    prob, group = np.repeat([0.1, 0.2], 50), np.tile([idle, "Group M"], 50)
    y_true = np.arange(100) % 20 < 2
    with pytest.warns(UndefinedMetricWarning, match=idle) as caught:
        display = CalibrationByGroupDisplay.from_predictions(
            y_true, prob, sensitive_features=group, sample_weight=group == "Group M"
        )
    largest = display.bins[display.labels.index("Group M")]["high"].max()
    assert largest < 0.5
    assert display.ax_.get_xlim() == pytest.approx((-0.02, 1.05 * largest))
    assert f"{idle} (no rows with weight)" in legend_texts(display.ax_)
    assert [warning.filename for warning in caught] == [__file__]


def test_without_any_weight_the_axes_have_their_full_length():
    with pytest.warns(UndefinedMetricWarning):
        display = CalibrationByGroupDisplay.from_predictions(
            [0, 1], [0.2, 0.3], sensitive_features=[*"ab"], sample_weight=[0, 0]
        )
    assert display.ax_.get_xlim() == (-0.02, 1.02)


def test_the_roc_legend_names_the_class_that_has_no_weight():
    with pytest.warns(UndefinedMetricWarning, match="'a'") as caught:
        display = RocCurveByGroupDisplay.from_predictions(
            [0, 1, 0, 1],
            [0.1, 0.9, 0.2, 0.8],
            sensitive_features=[*"aabb"],
            sample_weight=[1, 0, 1, 1],
        )
    assert "a (no AUC: no positives)" in legend_texts(display.ax_)
    assert [warning.filename for warning in caught] == [__file__]


def test_rows_of_one_class_have_no_overall_area_and_the_legend_says_so():
    with pytest.warns(UndefinedMetricWarning):
        display = RocCurveByGroupDisplay.from_predictions(
            [0, 0, 0, 0], [0.1, 0.9, 0.2, 0.8], sensitive_features=[*"aabb"]
        )
    texts = legend_texts(display.ax_)
    assert "Overall (no AUC: one class only)" in texts
    assert not any("nan" in text for text in texts)


def test_the_label_of_panels_in_a_narrow_ax_is_just_below_them():
    y_true, prob, group = make_data(n_groups=8)
    figure, (left, _) = plt.subplots(1, 2, figsize=(12, 5))
    display = CalibrationByGroupDisplay.from_predictions(
        y_true, prob, sensitive_features=group, ax=left, layout="panels"
    )
    figure.canvas.draw()
    label = next(t for t in left.texts if t.get_text() == "Mean predicted probability")
    gap = display.axes_[-1].get_window_extent().y0 - label.get_window_extent().y1
    assert 0 < gap < 0.5 * figure.dpi


@pytest.mark.parametrize("cls", DISPLAYS)
def test_a_drawing_that_fails_leaves_no_figure_open(cls):
    y_true, score, group = make_data()
    display = cls.from_predictions(y_true, score, sensitive_features=group)
    plt.close("all")
    with pytest.raises(TypeError):
        display.plot(name_width="wide")
    assert plt.get_fignums() == []
    figure, ax = plt.subplots()
    with pytest.raises(TypeError):
        display.plot(ax, name_width="wide")
    assert plt.get_fignums() == [figure.number]
