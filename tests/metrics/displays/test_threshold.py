from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score

from skfair.criteria import Rate, gap_interval
from skfair.metrics import (
    demographic_parity_difference,
    disparate_impact,
    equalized_odds_difference,
    selection_rate,
)
from skfair.metrics.displays._calibration import CalibrationByGroupDisplay
from skfair.metrics.displays._models import plot_model_comparison
from skfair.metrics.displays._rates import RatesByGroupDisplay
from skfair.metrics.displays._roc import RocCurveByGroupDisplay, plot_roc_curve_by_group
from skfair.metrics.displays._threshold import CriterionThresholdDisplay
from skfair.tally import ScoreTally, Tally

with warnings.catch_warnings():  # an old matplotlib with a new pyparsing
    warnings.simplefilter("ignore")
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated - use:DeprecationWarning")
THRESHOLDS = [0.2, 0.5, 0.8]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def make_data(n_groups=3, n=600, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_groups, size=n)
    score = rng.random(n) ** (1 + codes / n_groups)
    y_true = (rng.random(n) < score).astype(int)
    return y_true, score, np.array([*"abcdefghijkl"])[codes]


def draw(y_true, y_score, group, **options):
    options = {"thresholds": THRESHOLDS, "confidence_level": None, **options}
    return CriterionThresholdDisplay.from_predictions(
        y_true, y_score, sensitive_features=group, **options
    )


@pytest.mark.parametrize(
    ("criterion", "metric"),
    [
        ("demographic_parity", demographic_parity_difference),
        ("equalized_odds", equalized_odds_difference),
        ("disparate_impact", disparate_impact),
    ],
)
def test_gaps_and_rates_are_those_of_the_decisions_at_each_threshold(criterion, metric):
    y_true, score, group = make_data()
    display = draw(y_true, score, group, criterion=criterion)
    assert display.table.index.tolist() == THRESHOLDS
    for t, row in display.table.iterrows():
        y_pred = (score >= t).astype(int)
        assert row[display.metric] == metric(y_true, y_pred, sensitive_features=group)
        assert row["accuracy"] == accuracy_score(y_true, y_pred)
        assert row["selection_rate"] == selection_rate(None, y_pred)


def test_what_is_drawn_is_the_table():
    y_true, score, group = make_data()
    display = draw(y_true, score, group)
    gap, rates = display.axes_
    assert display.metric == "demographic_parity_difference"
    assert_array_equal(gap.lines[0].get_ydata(), display.table[display.metric])
    for line, name in zip(rates.lines, ("accuracy", "selection_rate"), strict=True):
        assert_array_equal(line.get_xydata(), np.c_[THRESHOLDS, display.table[name]])
        assert line.get_label() == name.replace("_", " ")
    assert gap.get_title(loc="left") == "demographic parity difference"
    assert gap.get_ylabel() == "gap (0 is fair)"
    assert rates.get_xlabel() == "Threshold"


def test_intervals_are_those_of_the_decisions_at_each_threshold():
    y_true, score, group = make_data()
    display = draw(y_true, score, group, confidence_level=0.9)
    for t, row in display.table.iterrows():
        tally = Tally.from_arrays(y_true, (score >= t).astype(int), group)
        found = gap_interval(tally, "demographic_parity", confidence_level=0.9)
        assert row[f"{display.metric}_low"] == pytest.approx(found.low)
        assert row[f"{display.metric}_high"] == pytest.approx(found.high)
    (band,) = display.axes_[0].collections
    assert band.get_paths()[0].vertices[:, 1].max() == display.table[f"{display.metric}_high"].max()
    assert display.axes_[0].get_title(loc="left").endswith("with 90 % intervals")


def test_a_threshold_is_marked_with_the_figures_at_the_nearest_one_known():
    y_true, score, group = make_data()
    display = draw(y_true, score, group, threshold=0.52)
    values = display.table.loc[0.5]
    title = display.axes_[0].get_title(loc="left")
    assert title == f"demographic parity difference = {values.iloc[0]:.3f} at 0.5"
    assert display.axes_[1].lines[0].get_label() == f"accuracy = {values['accuracy']:.3f} at 0.5"
    for panel in display.axes_:
        assert [0.52, 0.52] in [list(line.get_xdata()) for line in panel.lines]


def test_a_number_of_thresholds_cuts_the_range_of_scores():
    y_true, score, group = make_data()
    display = draw(y_true, score, group, thresholds=4)
    assert display.table.index.tolist() == [0.25, 0.5, 0.75]
    wider = draw(y_true, 10 * score - 5, group, thresholds=4).table.index
    low, high = (10 * score - 5).min(), (10 * score - 5).max()
    assert_allclose(wider, low + (high - low) * np.array([0.25, 0.5, 0.75]))
    assert draw(y_true, np.full(len(score), 7.0), group, thresholds=4).table.index.tolist() == [7]


def test_a_group_nobody_is_selected_from_makes_a_hole_and_no_closed_gap():
    y_true, score = [1, 0, 1, 0, 1, 0], [0.9, 0.9, 0.9, 0.2, 0.6, 0.6]
    display = draw(y_true, score, [*"aabbcc"], criterion="predictive_parity", thresholds=[0.5, 0.8])
    assert_array_equal(display.table[display.metric], [0.5, np.nan])
    with_interval = draw(
        *(y_true, score, [*"aabbcc"]),
        criterion="predictive_parity",
        thresholds=[0.5, 0.8],
        confidence_level=0.95,
    )
    assert with_interval.table.iloc[1, :3].isna().all()


def test_a_group_without_positives_is_left_out_with_one_warning():
    y_true, score = [0, 1, 1, 0, 1, 0, 0, 0], [0.9, 0.9, 0.3, 0.2, 0.6, 0.1, 0.8, 0.9]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        display = draw(
            *(y_true, score, [*"aaaabbcc"]), criterion="equal_opportunity", confidence_level=0.95
        )
    told = [w for w in caught if issubclass(w.category, UndefinedMetricWarning)]
    assert len(told) == 1
    assert "true_positive_rate of groups ['c'] is undefined" in str(told[0].message)
    assert told[0].filename == __file__
    assert_array_equal(display.table[display.metric], [0, 0.5, 0.5])


def test_small_groups_are_left_out_by_name():
    y_true, score, group = make_data()
    y_true, score, group = np.r_[y_true, 1], np.r_[score, 0.0], np.append(group, "tiny")
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 5 rows: \['tiny'\]"):
        display = draw(y_true, score, group, min_group_size=5, confidence_level=0.95)
    expected = draw(y_true[:-1], score[:-1], group[:-1], confidence_level=0.95)
    columns = list(expected.table.columns[:3])
    pd.testing.assert_frame_equal(display.table[columns], expected.table[columns])


def test_weights_count_like_repeated_rows():
    y_true, score, group = make_data()
    weight = np.random.default_rng(1).integers(0, 3, size=len(group))
    weighted = draw(y_true, score, group, sample_weight=weight, criterion="equalized_odds")
    repeated = draw(
        *(np.repeat(v, weight) for v in (y_true, score, group)), criterion="equalized_odds"
    )
    pd.testing.assert_frame_equal(weighted.table, repeated.table)


def test_a_tally_of_scores_gives_the_same_as_its_rows():
    y_true, score, group = make_data()
    parts = [
        ScoreTally.from_arrays(y_true[k::2], score[k::2], group[k::2], edges=THRESHOLDS)
        for k in (0, 1)
    ]
    display = CriterionThresholdDisplay.from_tally(sum(parts), confidence_level=None)
    pd.testing.assert_frame_equal(display.table, draw(y_true, score, group).table)


def test_string_labels_need_pos_label_and_missing_values_are_a_group():
    y_true, score, group = make_data()
    words = np.array(["no", "yes"])[y_true]
    with pytest.raises(ValueError, match="pos_label is not specified"):
        draw(words, score, group)
    same = draw(words, score, group, pos_label="yes")
    pd.testing.assert_frame_equal(same.table, draw(y_true, score, group).table)
    lacking = np.where(group == "c", None, group.astype(object))
    pd.testing.assert_frame_equal(draw(y_true, score, lacking).table, same.table)
    with pytest.raises(ValueError, match="missing values"):
        draw(y_true, score, lacking, missing="raise")


def test_own_rates_or_none_are_drawn_below():
    y_true, score, group = make_data()
    own = Rate("my_rate", (1, 0, 0, 0), (1, 1, 1, 1))
    display = draw(y_true, score, group, rates=[own])
    assert display.table.columns.tolist() == ["demographic_parity_difference", "my_rate"]
    assert len(draw(y_true, score, group, rates=()).axes_) == 1


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_from_estimator_scores_and_reads_columns_of_X(make):
    y_true, score, group = make_data()

    class OnFirstColumn(LogisticRegression):
        def predict_proba(self, X):
            return super().predict_proba(np.asarray(X["x"], dtype=float)[:, None])

    X = make({"x": score, "sex": group})
    model = OnFirstColumn().fit(score[:, None], y_true)
    display = CriterionThresholdDisplay.from_estimator(
        model, X, y_true, sensitive_features="sex", thresholds=THRESHOLDS, confidence_level=None
    )
    expected = draw(y_true, model.predict_proba(X)[:, 1], group)
    pd.testing.assert_frame_equal(display.table, expected.table)


def test_from_estimator_takes_decision_functions():
    y_true, score, group = make_data()
    model = RidgeClassifier().fit(score[:, None], y_true)
    display = CriterionThresholdDisplay.from_estimator(
        model, score[:, None], y_true, sensitive_features=group, thresholds=3
    )
    assert len(display.table) == 2


def test_an_ax_that_is_given_is_shared_by_both_panels():
    y_true, score, group = make_data()
    figure, (left, right) = plt.subplots(1, 2)
    display = draw(y_true, score, group, ax=right)
    assert display.ax_ is right
    assert display.axes_ == right.child_axes
    assert not left.lines
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()
    upper, lower = (panel.get_window_extent() for panel in display.axes_)
    assert upper.y0 > lower.y1


def test_nothing_lies_outside_the_figure():
    y_true, score, group = make_data(n_groups=12)
    figure = draw(y_true, score, group, criterion="average_abs_odds", threshold=0.5).figure_
    figure.draw_without_rendering()
    whole, renderer = figure.bbox.padded(1), figure.canvas.get_renderer()
    for ax in figure.axes:
        box = ax.get_tightbbox(renderer)
        assert whole.x0 <= box.x0 <= box.x1 <= whole.x1
        assert whole.y0 <= box.y0 <= box.y1 <= whole.y1


def test_two_calls_give_the_same_picture(tmp_path):
    y_true, score, group = make_data()
    for name in ("a.png", "b.png"):
        draw(y_true, score, group).figure_.savefig(tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_wrong_names_and_thresholds_are_refused():
    y_true, score, group = make_data()
    with pytest.raises(ValueError, match="no criterion is named 'fairness'"):
        draw(y_true, score, group, criterion="fairness")
    with pytest.raises(ValueError, match="strictly increasing"):
        draw(y_true, score, group, thresholds=[0.5, 0.2])


# without matplotlib


@pytest.mark.parametrize(
    "display",
    [
        RatesByGroupDisplay,
        RocCurveByGroupDisplay,
        CalibrationByGroupDisplay,
        CriterionThresholdDisplay,
    ],
)
def test_without_matplotlib_displays_say_what_to_install(display, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    line = rf'{display.__name__} needs matplotlib: pip install "skfair\[plot\]"'
    with pytest.raises(ImportError, match=line):
        display.from_predictions(None, None, sensitive_features=None)
    with pytest.raises(ImportError, match=line):
        display.from_estimator(None, None, None, sensitive_features=None)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda: plot_model_comparison(y_preds=None), "plot_model_comparison"),
        (
            lambda: plot_roc_curve_by_group(None, None, sensitive_features=None),
            "RocCurveByGroupDisplay",
        ),
    ],
)
def test_without_matplotlib_functions_say_what_to_install(function, named, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf'{named} needs matplotlib: pip install "skfair\[plot'):
        function()


def test_a_rate_may_stand_alone_as_in_the_display_of_rates():
    y_true, score, group = make_data()
    one = draw(y_true, score, group, rates="accuracy")
    assert one.table.columns.tolist() == ["demographic_parity_difference", "accuracy"]
    several = draw(y_true, score, group, rates=["accuracy", "accuracy"])
    pd.testing.assert_frame_equal(one.table, several.table)
    own = Rate("my_rate", (1, 0, 0, 0), (1, 1, 1, 1))
    assert draw(y_true, score, group, rates=own).rates == ("my_rate",)


def test_rates_beyond_0_and_1_are_drawn_whole():
    y_true, score, group = make_data()
    own = Rate("twice_accuracy", (2, 0, 0, 2), (1, 1, 1, 1))
    debt = Rate("debt", (-1, 0, 0, -1), (1, 1, 1, 1))
    display = draw(y_true, score, group, rates=[own, debt])
    low, high = display.axes_[1].get_ylim()
    assert high > display.table["twice_accuracy"].max() > 1.02
    assert low < display.table["debt"].min() < -0.02
    assert draw(y_true, score, group).axes_[1].get_ylim() == (-0.02, 1.02)


@pytest.mark.parametrize("thresholds", [1, 0, -3])
def test_too_few_thresholds_are_refused_by_name(thresholds):
    y_true, score, group = make_data()
    with pytest.raises(ValueError, match="thresholds must be at least 2"):
        draw(y_true, score, group, thresholds=thresholds)
    with pytest.raises(ValueError, match="thresholds must be at least 2"):
        draw(y_true, score * 10, group, thresholds=thresholds)


def test_a_drawing_that_fails_leaves_no_figure_open():
    y_true, score, group = make_data()
    with pytest.raises((TypeError, ValueError)):
        draw(y_true, score, group, threshold="x")
    assert plt.get_fignums() == []
