from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, recall_score

from skfair.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    make_derived_metric,
    selection_rate,
)
from skfair.metrics.displays._models import plot_model_comparison

with warnings.catch_warnings():  # an old matplotlib with a new pyparsing
    warnings.simplefilter("ignore")
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated - use:DeprecationWarning")
Y = np.array([0, 1, 1, 1, 0, 1])
SEX = [*"ffffmm"]
MODELS = {"plain": [0, 1, 1, 0, 0, 1], "fair": [0, 1, 1, 1, 1, 1], "none": [0, 0, 0, 0, 0, 0]}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def draw(**options):
    defaults = {
        "y_preds": MODELS,
        "y_true": Y,
        "sensitive_features": SEX,
        "x_axis_metric": demographic_parity_difference,
        "y_axis_metric": accuracy_score,
    }
    return plot_model_comparison(**{**defaults, **options})


def points(ax):
    (scatter,) = ax.collections
    return np.asarray(scatter.get_offsets())


def expected(x_metric=demographic_parity_difference):
    return [
        (x_metric(Y, y_pred, sensitive_features=SEX), accuracy_score(Y, y_pred))
        for y_pred in MODELS.values()
    ]


@pytest.mark.parametrize(
    "y_preds",
    [MODELS, list(MODELS.values()), np.array(list(MODELS.values())), pd.DataFrame(MODELS).T],
    ids=["dict", "list", "array", "frame"],
)
def test_a_point_a_model_at_both_metrics(y_preds):
    assert_allclose(points(draw(y_preds=y_preds)), expected())


def test_one_model_is_a_row_of_predictions():
    assert_allclose(points(draw(y_preds=MODELS["fair"])), expected()[1:2])
    assert_allclose(points(draw(y_preds=np.array(MODELS["fair"]))), expected()[1:2])


def test_string_labels_are_compared_too():
    words = {name: np.array(["no", "yes"])[y_pred] for name, y_pred in MODELS.items()}
    ax = draw(
        y_preds=words,
        y_true=np.array(["no", "yes"])[Y],
        x_axis_metric=partial(demographic_parity_difference, pos_label="yes"),
    )
    assert_allclose(points(ax), expected())
    assert ax.get_xlabel() == "demographic parity difference"


@pytest.mark.parametrize("groups", [SEX, np.array(SEX), pd.Series(SEX), {"sex": SEX}])
def test_groups_are_read_from_anything(groups):
    assert_allclose(points(draw(sensitive_features=groups)), expected())


def test_intersections_reach_the_metric():
    both = pd.DataFrame({"sex": SEX, "race": [*"ababab"]})
    ax = draw(sensitive_features=both)
    gaps = [
        demographic_parity_difference(Y, y_pred, sensitive_features=both)
        for y_pred in MODELS.values()
    ]
    assert_allclose(points(ax)[:, 0], gaps)


def test_a_rate_by_group_is_taken_over_all_rows():
    ax = draw(y_axis_metric=selection_rate)
    assert_allclose(points(ax)[:, 1], [np.mean(y_pred) for y_pred in MODELS.values()])


def test_metrics_that_take_groups_as_any_keyword_get_them():
    def gap(y_true, y_pred, **params):
        return demographic_parity_difference(y_true, y_pred, **params)

    def blind(y_true, y_pred, **params):
        return accuracy_score(y_true, y_pred, **params)

    assert_allclose(points(draw(x_axis_metric=gap, y_axis_metric=blind)), expected())
    derived = make_derived_metric(metric=selection_rate, transform="difference")
    ax = draw(x_axis_metric=derived)
    assert_allclose(points(ax), expected())
    assert ax.get_xlabel() == "selection rate difference"


def test_an_error_of_a_metric_is_not_hidden():
    def broken(y_true, y_pred, *, sensitive_features):
        raise TypeError("broken inside")

    with pytest.raises(TypeError, match="broken inside"):
        draw(x_axis_metric=broken)


def test_labels_and_groups_are_not_needed_where_no_metric_needs_them():
    ax = draw(
        y_true=None,
        sensitive_features=None,
        x_axis_metric=selection_rate,
        y_axis_metric=lambda y_true, y_pred: np.mean(y_pred == 0),
    )
    assert_allclose(points(ax).sum(axis=1), 1)


def test_axes_are_labelled_as_asked():
    ax = draw()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("demographic parity difference", "accuracy score")
    ax = draw(axis_labels=["gap", "hits"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("gap", "hits")
    ax = draw(axis_labels=False)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("", "")


def test_points_are_labelled_as_asked():
    assert not draw().texts
    assert [text.get_text() for text in draw(point_labels=True).texts] == list(MODELS)
    by_position = draw(y_preds=list(MODELS.values()), point_labels=True)
    assert [text.get_text() for text in by_position.texts] == ["0", "1", "2"]
    ax = draw(point_labels=["a", "b", "x" * 300], point_labels_position=(0.1, -0.2))
    assert [text.get_text() for text in ax.texts][:2] == ["a", "b"]
    assert len(ax.texts[2].get_text()) < 40
    shift = np.array([text.get_position() for text in ax.texts]) - points(ax)
    assert_allclose(shift, [[0.1, -0.2]] * 3)


def test_scatter_gets_other_options_and_the_legend_their_label():
    ax = draw(legend=True, label="models", color="red", s=99)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["models"]
    assert ax.collections[0].get_sizes() == [99]
    assert draw().get_legend() is None


def test_an_ax_that_is_given_is_drawn_on_and_else_a_new_figure():
    _, given = plt.subplots()
    assert draw(ax=given) is given
    assert draw(ax=given, color="red") is given
    assert len(given.collections) == 2
    assert draw().figure is not given.figure


def test_show_plot_shows(monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(True))
    draw()
    assert not shown
    draw(show_plot=True)
    assert shown == [True]


def test_a_model_whose_metric_is_undefined_is_told():
    def precision(y_true, y_pred):
        selected = np.asarray(y_pred) == 1
        return np.mean(y_true[selected]) if selected.any() else np.nan

    with pytest.warns(UndefinedMetricWarning, match=r"models \['none'\] have no point"):
        ax = draw(y_axis_metric=precision, point_labels=True)
    assert [text.get_text() for text in ax.texts] == ["plain", "fair"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_true": Y[:-1]}, "inconsistent numbers of samples"),
        ({"sensitive_features": SEX[:-1]}, "inconsistent numbers of samples"),
        ({"y_preds": [[0, 1], [0, 1, 1]]}, "inconsistent numbers of samples"),
        ({"y_preds": {}}, "y_preds is empty"),
        ({"axis_labels": "gap"}, "axis_labels must be"),
        ({"axis_labels": ["gap"]}, "axis_labels must be"),
        ({"point_labels": "abc"}, "point_labels must be"),
        ({"point_labels": ["a", "b"]}, "2 point_labels for 3 models"),
        ({"point_labels_position": 1}, "point_labels_position must be"),
        ({"point_labels_position": (1, "a")}, "point_labels_position must be"),
        ({"legend": 1}, "legend must be True or False"),
        ({"show_plot": "yes"}, "show_plot must be True or False"),
        ({"x_axis_metric": None}, "x_axis_metric must be a metric"),
        ({"y_axis_metric": "accuracy"}, "y_axis_metric must be a metric"),
        ({"y_axis_metric": partial(recall_score, average=None)}, "must give one number"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        draw(**options)


def test_undefined_gaps_warn_as_the_metric_does():
    with pytest.warns(UndefinedMetricWarning) as caught:
        draw(y_true=np.array([0, 0, 0, 0, 0, 1]), x_axis_metric=equal_opportunity_difference)
    messages = [str(warning.message) for warning in caught]
    assert any("true_positive_rate of group 'f'" in message for message in messages)
    assert any("have no point" in message for message in messages)


def test_an_error_that_groups_cause_inside_a_metric_of_any_keywords_is_not_hidden():
    def broken(y_true, y_pred, **params):
        if "sensitive_features" in params:
            raise TypeError("broken inside")
        return 0.0

    with pytest.raises(TypeError, match="broken inside"):
        draw(x_axis_metric=broken)


def test_a_table_with_a_column_a_model_is_refused_with_advice():
    with pytest.raises(ValueError, match=r"one row a model; pass a dict"):
        draw(y_preds=pd.DataFrame(MODELS))
    with pytest.raises(ValueError, match=r"one row a model; pass a dict"):
        draw(y_preds=np.array(list(MODELS.values())).T)
    with pytest.raises(ValueError, match="inconsistent") as caught:
        draw(y_preds={"short": [0, 1]})
    assert "one row a model" not in str(caught.value)


def test_an_axis_bears_the_name_of_a_metric_without_its_surroundings():
    def share_selected(y_true, y_pred):
        return np.mean(y_pred)

    class Hits:
        def __call__(self, y_true, y_pred):
            return np.mean(y_true == y_pred)

    ax = draw(x_axis_metric=partial(share_selected), y_axis_metric=Hits())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("share selected", "Hits")


def test_a_drawing_that_fails_leaves_no_figure_open():
    with pytest.raises(AttributeError):
        draw(no_such_option=1)
    assert plt.get_fignums() == []


def test_the_warning_of_a_missing_point_is_on_the_users_line():
    with pytest.warns(UndefinedMetricWarning, match="no point") as caught:
        plot_model_comparison(
            y_preds=MODELS,
            y_true=Y,
            x_axis_metric=selection_rate,
            y_axis_metric=lambda y_true, y_pred: np.nan,
        )
    assert [warning.filename for warning in caught] == [__file__]
