from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.tree import DecisionTreeClassifier

from skfair.criteria import RATES, Rate
from skfair.metrics import _rates, true_positive_rate
from skfair.metrics._uncertainty import rate_intervals
from skfair.metrics.displays._rates import DEFAULT_RATES, RatesByGroupDisplay
from skfair.tally import Tally

with warnings.catch_warnings():  # an old matplotlib with a new pyparsing
    warnings.simplefilter("ignore")
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated - use:DeprecationWarning")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def make_data(n_groups=3, n=600, seed=0, name="Group {}"):
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_groups, size=n)
    y_true = rng.integers(2, size=n)
    y_pred = (rng.random(n) < 0.2 + 0.4 * y_true + 0.1 * codes / n_groups).astype(int)
    names = np.array([name.format(chr(65 + i)) for i in range(n_groups)], dtype=object)
    return y_true, y_pred, names[codes]


def draw(*args, **options):
    return RatesByGroupDisplay.from_predictions(*args, **options)


def drawn_dots(panel):
    (dots,) = [line for line in panel.lines if line.get_marker() == "o"]
    return dots.get_xdata(), dots.get_ydata()


def drawn_whiskers(panel):
    (whiskers,) = panel.collections
    return np.array([segment[:, 0] for segment in whiskers.get_segments()])


def tick_labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_what_is_drawn_is_what_the_metrics_give():
    y_true, y_pred, group = make_data()
    display = draw(y_true, y_pred, sensitive_features=group)
    assert list(display.overall.index) == list(DEFAULT_RATES)
    for panel, name in zip(display.axes_, DEFAULT_RATES, strict=True):
        metric = getattr(_rates, name)
        x, places = drawn_dots(panel)
        assert_allclose(x, metric(y_true, y_pred, sensitive_features=group))
        assert_array_equal(places, [0, 1, 2])
        table = rate_intervals(y_true, y_pred, sensitive_features=group, rates=name)
        assert_allclose(drawn_whiskers(panel), table[["low", "high"]])
        overall = [line for line in panel.lines if line.get_linestyle() == "--"]
        assert overall[0].get_xdata()[0] == metric(y_true, y_pred) == display.overall[name]


def test_labels_have_the_names_and_sizes_of_groups_and_first_is_on_top():
    y_true, y_pred, group = make_data()
    display = draw(y_true, y_pred, sensitive_features=group, rates=["accuracy"])
    sizes = pd.Series(group).value_counts()
    expected = [f"Group {c} (n = {sizes[f'Group {c}']})" for c in "ABC"]
    assert tick_labels(display.ax_) == expected
    low, high = display.ax_.get_ylim()
    assert low > high
    assert display.counts.tolist() == sizes.sort_index().tolist()


def test_gap_and_rate_of_all_rows_are_told():
    y_pred, sex = [1, 0, 1, 1], [*"ffmm"]
    display = draw(None, y_pred, sensitive_features=sex, rates="selection_rate")
    assert [text.get_text() for text in display.ax_.texts] == ["all rows 0.750 (dashed), gap 0.500"]
    assert display.ax_.get_title(loc="left") == "selection rate"
    assert display.ax_.get_xlabel() == "with 95 % intervals"


def test_confidence_level_sets_the_whiskers():
    y_true, y_pred, group = make_data()
    options = {"sensitive_features": group, "rates": "accuracy"}
    wide = draw(y_true, y_pred, **options, confidence_level=0.99)
    narrow = draw(y_true, y_pred, **options, confidence_level=0.5)
    assert (
        np.ptp(drawn_whiskers(wide.ax_), axis=1) > np.ptp(drawn_whiskers(narrow.ax_), axis=1)
    ).all()
    assert wide.ax_.get_xlabel() == "with 99 % intervals"


def test_weights_are_honoured():
    y_true, y_pred, group = make_data()
    weight = np.random.default_rng(1).random(len(group))
    display = draw(
        y_true, y_pred, sensitive_features=group, sample_weight=weight, rates="true_positive_rate"
    )
    expected = true_positive_rate(y_true, y_pred, weight, sensitive_features=group)
    assert_allclose(drawn_dots(display.ax_)[0], expected)


def test_string_labels_need_pos_label_and_give_the_same():
    y_true, y_pred, group = make_data()
    words = np.array(["no", "yes"])
    with pytest.raises(ValueError, match="pos_label is not specified"):
        draw(words[y_true], words[y_pred], sensitive_features=group)
    same = draw(words[y_true], words[y_pred], sensitive_features=group, pos_label="yes")
    pd.testing.assert_frame_equal(
        same.intervals, draw(y_true, y_pred, sensitive_features=group).intervals
    )


def test_missing_values_are_a_group_or_refused():
    display = draw(None, [1, 0, 1], sensitive_features=["f", "f", None], rates="selection_rate")
    assert tick_labels(display.ax_) == ["f (n = 2)", "<missing> (n = 1)"]
    with pytest.raises(ValueError, match="missing values"):
        draw(
            None,
            [1, 0, 1],
            sensitive_features=["f", "f", None],
            missing="raise",
            rates="selection_rate",
        )


def test_an_undefined_rate_is_said_where_its_dot_would_be():
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate"):
        display = draw(
            [0, 1, 0, 0], [0, 1, 1, 0], sensitive_features=[*"ffmm"], rates="true_positive_rate"
        )
    assert_array_equal(drawn_dots(display.ax_)[1], [0])
    note = next(text for text in display.ax_.texts if text.get_text() == "undefined (0/0)")
    assert note.xy[1] == 1


def test_a_tally_gives_the_same_as_its_rows():
    y_true, y_pred, group = make_data()
    parts = [Tally.from_arrays(y_true[k::2], y_pred[k::2], group[k::2]) for k in (0, 1)]
    display = RatesByGroupDisplay.from_tally(sum(parts))
    whole = draw(y_true, y_pred, sensitive_features=group)
    pd.testing.assert_frame_equal(display.intervals, whole.intervals)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_from_estimator_predicts_and_reads_columns_of_X(make):
    y_true, _, group = make_data()
    x = np.random.default_rng(0).random(len(group))
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(x[:, None], y_true)

    class FirstColumn:
        def predict(self, X):
            return model.predict(np.asarray(X["x"])[:, None])

    X = make({"x": x, "sex": group.astype(str)})
    display = RatesByGroupDisplay.from_estimator(FirstColumn(), X, y_true, sensitive_features="sex")
    expected = draw(y_true, model.predict(x[:, None]), sensitive_features={"sex": group})
    pd.testing.assert_frame_equal(display.intervals, expected.intervals)
    assert display.labels == expected.labels


def test_intersections_are_named_in_one_line():
    display = draw(
        None,
        [0, 1, 1, 0],
        sensitive_features={"race": [*"bbww"], "sex": [*"fmfm"]},
        rates=["selection_rate"],
    )
    assert tick_labels(display.ax_)[0] == "b, f (n = 1)"
    assert display.labels[0] == ("b", "f")


def test_long_names_are_shortened_and_kept_in_full():
    y_true, y_pred, group = make_data(n_groups=12, name="x" * 300 + " {}")
    display = draw(y_true, y_pred, sensitive_features=group)
    assert len(display.labels[0]) == 302
    labels = tick_labels(display.axes_[0])
    assert len(set(labels)) == 12
    assert max(map(len, labels)) < 50
    display.plot(name_width=10)
    assert max(map(len, tick_labels(display.axes_[0]))) < 25


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [2, 5, 12])
@pytest.mark.parametrize("name", ["{}", "x" * 300 + "{}"], ids=["short", "long"])
def test_nothing_lies_outside_the_figure_or_over_something_else(n_groups, name):
    y_true, y_pred, group = make_data(n_groups, name=name)
    figure = draw(y_true, y_pred, sensitive_features=group).figure_
    figure.draw_without_rendering()
    whole, renderer = figure.bbox.padded(1), figure.canvas.get_renderer()
    for ax in figure.axes:
        box = ax.get_tightbbox(renderer)
        assert whole.x0 <= box.x0 <= box.x1 <= whole.x1
        assert whole.y0 <= box.y0 <= box.y1 <= whole.y1
        notes = [text.get_window_extent(renderer) for text in ax.texts]
        for other in figure.axes:
            if other is not ax:
                boxes = [text.get_window_extent(renderer) for text in other.texts]
                assert not any(note.overlaps(b) for note in notes for b in boxes)


def test_an_ax_that_is_given_is_drawn_on():
    figure, (left, right) = plt.subplots(1, 2)
    y_true, y_pred, group = make_data()
    display = draw(y_true, y_pred, sensitive_features=group, rates="accuracy", ax=right)
    assert display.ax_ is right
    assert display.axes_ == [right]
    assert display.figure_ is figure
    assert not left.lines
    assert plt.get_fignums() == [figure.number]


def test_several_rates_share_the_room_of_an_ax():
    figure, ax = plt.subplots(figsize=(9, 3))
    y_true, y_pred, group = make_data()
    display = draw(y_true, y_pred, sensitive_features=group, ax=ax)
    assert display.ax_ is ax
    assert len(display.axes_) == len(ax.child_axes) == 3
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()
    boxes = [panel.get_window_extent() for panel in display.axes_]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))


def test_plot_draws_the_same_numbers_anew():
    y_true, y_pred, group = make_data()
    display = draw(y_true, y_pred, sensitive_features=group)
    first = display.figure_
    again = display.plot(color="red")
    assert again is display
    assert display.figure_ is not first
    assert drawn_dots(display.axes_[0])[0].tolist() == drawn_dots(first.axes[0])[0].tolist()


def test_two_calls_give_the_same_picture(tmp_path):
    y_true, y_pred, group = make_data()
    for name in ("a.png", "b.png"):
        draw(y_true, y_pred, sensitive_features=group).figure_.savefig(tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_own_rates_are_drawn_and_wrong_ones_refused():
    own = Rate("my_rate", (0, 1, 0, 0), (0, 1, 1, 1))
    y_true, y_pred, group = make_data()
    display = draw(y_true, y_pred, sensitive_features=group, rates=[own, "accuracy"])
    expected = own(Tally.from_arrays(y_true, y_pred, group).cells())
    assert_allclose(drawn_dots(display.axes_[0])[0], expected)
    with pytest.raises(ValueError, match="no rate is named 'fairness'"):
        draw(y_true, y_pred, sensitive_features=group, rates=["fairness"])
    with pytest.raises(ValueError, match="rates is empty"):
        draw(y_true, y_pred, sensitive_features=group, rates=[])


def test_every_rate_can_be_drawn_at_once():
    y_true, y_pred, group = make_data()
    display = draw(y_true, y_pred, sensitive_features=group, rates=list(RATES))
    assert [ax.get_title(loc="left").replace(" ", "_") for ax in display.axes_] == list(RATES)
    assert len(display.figure_.axes) == len(RATES)


def test_rates_that_treat_all_classes_alike_need_no_positive_class():
    y_true, y_pred, group = [0, 1, 2, 2], [0, 2, 2, 1], [*"ffmm"]
    display = draw(y_true, y_pred, sensitive_features=group, rates="accuracy")
    assert display.overall.to_dict() == {"accuracy": 0.5}
    with pytest.raises(ValueError, match="3 classes"):
        draw(y_true, y_pred, sensitive_features=group, rates=["accuracy", "selection_rate"])
    # the line of all rows is of the same rates as the dots
    display = draw(
        *(y_true, y_pred),
        sensitive_features=["all"] * 4,
        rates=["accuracy", "selection_rate"],
        pos_label=2,
    )
    for panel, overall in zip(display.axes_, display.overall, strict=True):
        assert drawn_dots(panel)[0].tolist() == [overall]
    assert display.overall.to_dict() == {"accuracy": 0.5, "selection_rate": 0.5}


@pytest.mark.parametrize("n_rates", [3, 5])
def test_words_above_panels_in_a_narrow_ax_do_not_lie_over_each_other(n_rates):
    y_true, y_pred, group = make_data()
    names = [*DEFAULT_RATES, "accuracy", "positive_predictive_value"][:n_rates]
    figure, (left, _) = plt.subplots(1, 2, figsize=(11, 5))
    display = draw(y_true, y_pred, sensitive_features=group, rates=names, ax=left)
    figure.canvas.draw()
    boxes = [[panel._left_title, panel.xaxis.label, *panel.texts] for panel in display.axes_]
    boxes = [[text.get_window_extent() for text in texts] for texts in boxes]
    for i, own in enumerate(boxes):
        others = [box for k, texts in enumerate(boxes) if k != i for box in texts]
        assert not any(box.overlaps(other) for box in own for other in others)
        assert not any(a.overlaps(b) for a, b in pairwise(own))
    for panel, name in zip(display.axes_, names, strict=True):
        assert panel.get_title(loc="left") == name.replace("_", " ")
        assert panel.texts[0].get_text().startswith(f"all rows {display.overall[name]:.3f}")
        assert "gap" in panel.texts[0].get_text()


def test_words_above_panels_stay_in_one_line_where_there_is_room():
    y_true, y_pred, group = make_data()
    _, ax = plt.subplots(figsize=(15, 4))
    display = draw(y_true, y_pred, sensitive_features=group, ax=ax)
    assert all("(dashed), gap" in panel.texts[0].get_text() for panel in display.axes_)
    sizes = {panel._left_title.get_fontsize() for panel in display.axes_}
    assert sizes == {display.figure_.axes[0].title.get_fontsize()}


def test_warnings_are_on_the_users_line():
    y_true, y_pred, group = [0, 1, 0, 0], [0, 1, 1, 0], [*"ffmm"]
    options = {"rates": "true_positive_rate"}
    with pytest.warns(UndefinedMetricWarning) as rows:
        RatesByGroupDisplay.from_predictions(y_true, y_pred, sensitive_features=group, **options)
    tally = Tally.from_arrays(y_true, y_pred, group)
    with pytest.warns(UndefinedMetricWarning) as tallied:
        RatesByGroupDisplay.from_tally(tally, **options)
    assert [warning.filename for warning in (*rows, *tallied)] == [__file__] * 2


def test_a_drawing_that_fails_leaves_no_figure_open():
    y_true, y_pred, group = make_data()
    with pytest.raises(ValueError, match="no colour"):
        draw(y_true, y_pred, sensitive_features=group, color="no colour")
    assert plt.get_fignums() == []
