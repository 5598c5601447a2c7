from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

from skfair import metrics
from skfair.groups import Groups
from skfair.metrics import selection_rate, true_negative_rate, true_positive_rate

REPRODUCIBLE = settings(max_examples=20)

# Three groups with (tn, fp, fn, tp) = (4, 1, 1, 4), (2, 2, 3, 1) and (1, 3, 0, 2).
CELLS = {"a": (4, 1, 1, 4), "b": (2, 2, 3, 1), "c": (1, 3, 0, 2)}
CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # y_true, y_pred of tn, fp, fn, tp
ROWS = [
    (true, pred, group)
    for group, counts in CELLS.items()
    for (true, pred), count in zip(CORNERS, counts, strict=True)
    for _ in range(count)
]
Y_TRUE, Y_PRED, GROUP = (list(column) for column in zip(*ROWS, strict=True))

# rate: of all rows, of a, of b, of c
BY_HAND = {
    "selection_rate": (F(13, 24), F(5, 10), F(3, 8), F(5, 6)),
    "true_positive_rate": (F(7, 11), F(4, 5), F(1, 4), F(2, 2)),
    "true_negative_rate": (F(7, 13), F(4, 5), F(2, 4), F(1, 4)),
    "false_positive_rate": (F(6, 13), F(1, 5), F(2, 4), F(3, 4)),
    "false_negative_rate": (F(4, 11), F(1, 5), F(3, 4), F(0, 2)),
    "positive_predictive_value": (F(7, 13), F(4, 5), F(1, 3), F(2, 5)),
    "negative_predictive_value": (F(7, 11), F(4, 5), F(2, 5), F(1, 1)),
    "false_discovery_rate": (F(6, 13), F(1, 5), F(2, 3), F(3, 5)),
    "false_omission_rate": (F(4, 11), F(1, 5), F(3, 5), F(0, 1)),
}
RATES = list(BY_HAND)

# One row a cell: the weights are the weighted cells. "b" has no false negative.
WEIGHTED = [
    (0, 0, "a", 3.0),
    (0, 1, "a", 1.0),
    (1, 0, "a", 0.5),
    (1, 1, "a", 1.5),
    (0, 0, "b", 1.0),
    (0, 1, "b", 0.25),
    (1, 1, "b", 0.75),
]
WEIGHTED_BY_HAND = {
    "selection_rate": (F(7, 16), F(5, 12), F(1, 2)),  # 3.5/8, 2.5/6, 1/2
    "true_positive_rate": (F(9, 11), F(3, 4), F(1, 1)),  # 2.25/2.75, 1.5/2, .75/.75
    "true_negative_rate": (F(16, 21), F(3, 4), F(4, 5)),  # 4/5.25, 3/4, 1/1.25
    "false_positive_rate": (F(5, 21), F(1, 4), F(1, 5)),
    "false_negative_rate": (F(2, 11), F(1, 4), F(0)),
    "positive_predictive_value": (F(9, 14), F(3, 5), F(3, 4)),  # 2.25/3.5, 1.5/2.5, .75/1
    "negative_predictive_value": (F(8, 9), F(6, 7), F(1, 1)),  # 4/4.5, 3/3.5, 1/1
    "false_discovery_rate": (F(5, 14), F(2, 5), F(1, 4)),
    "false_omission_rate": (F(1, 9), F(1, 7), F(0)),
}


def numbers(fractions):
    return [float(fraction) for fraction in fractions]


@pytest.mark.parametrize("name", RATES)
def test_rates_of_three_groups_by_hand(name):
    rate = getattr(metrics, name)
    overall, *by_group = numbers(BY_HAND[name])

    whole = rate(Y_TRUE, Y_PRED)
    assert type(whole) is float
    assert whole == pytest.approx(overall, abs=1e-15)

    series = rate(Y_TRUE, Y_PRED, sensitive_features=GROUP)
    assert list(series.index) == ["a", "b", "c"]
    assert series.name == name
    assert series.dtype == np.float64
    assert series.to_list() == pytest.approx(by_group, abs=1e-15)


@pytest.mark.parametrize("name", RATES)
def test_weighted_rates_by_hand(name):
    rate = getattr(metrics, name)
    y_true, y_pred, group, weight = (list(column) for column in zip(*WEIGHTED, strict=True))
    overall, *by_group = numbers(WEIGHTED_BY_HAND[name])

    assert rate(y_true, y_pred, sample_weight=weight) == pytest.approx(overall, abs=1e-15)
    series = rate(y_true, y_pred, sample_weight=weight, sensitive_features=group)
    assert series.to_list() == pytest.approx(by_group, abs=1e-15)


def test_every_public_rate_is_tested_by_hand():
    home = "skfair.metrics._rates"
    public = {name for name in metrics.__all__ if getattr(metrics, name).__module__ == home}
    assert public == set(BY_HAND) == set(WEIGHTED_BY_HAND)


@pytest.mark.parametrize("name", [name for name in RATES if name != "selection_rate"])
def test_weights_and_positive_label_may_be_positional_as_in_fairlearn(name):
    rate = getattr(metrics, name)
    flipped = ["yes" if y == 0 else "no" for y in Y_TRUE]
    predicted = ["yes" if y == 0 else "no" for y in Y_PRED]
    weight = np.linspace(0.5, 2.0, len(Y_TRUE))
    expected = rate(Y_TRUE, Y_PRED, sample_weight=weight, pos_label=0)
    assert rate(flipped, predicted, weight, "yes") == expected
    assert expected != rate(flipped, predicted, weight, "no")


def test_the_index_bears_the_name_of_the_series():
    sex = pd.Series(GROUP, name="sex", index=range(100, 124))
    assert selection_rate(Y_TRUE, Y_PRED, sensitive_features=sex).index.name == "sex"


def test_nameless_features_get_a_numbered_name():
    assert (
        selection_rate(Y_TRUE, Y_PRED, sensitive_features=GROUP).index.name == "sensitive_feature_0"
    )


@pytest.mark.parametrize(
    "frame",
    [dict, pd.DataFrame, pl.DataFrame, pa.table],
    ids=["dict", "pandas", "polars", "pyarrow"],
)
def test_several_features_give_a_multiindex_of_the_groups_there_are(frame):
    features = frame({"sex": ["f", "m", "f", "m", "m"], "region": ["s", "s", "n", "s", "s"]})
    rates = selection_rate(None, [1, 0, 0, 1, 1], sensitive_features=features)
    assert isinstance(rates.index, pd.MultiIndex)
    assert list(rates.index.names) == ["sex", "region"]
    assert rates.to_dict() == {("f", "n"): 0.0, ("f", "s"): 1.0, ("m", "s"): 2 / 3}
    assert rates.loc["m", "s"] == 2 / 3


def test_one_column_of_a_frame_gives_a_plain_index():
    rates = selection_rate(None, [1, 0], sensitive_features=pd.DataFrame({"sex": ["f", "m"]}))
    assert not isinstance(rates.index, pd.MultiIndex)
    assert rates.index.name == "sex"


def test_one_group_gives_a_series_of_one():
    rates = selection_rate(None, [1, 0], sensitive_features=["f", "f"])
    assert rates.to_dict() == {"f": 0.5}


def test_groups_that_are_read_already_are_taken_as_they_are():
    groups = Groups.read({"sex": GROUP})
    rates = selection_rate(Y_TRUE, Y_PRED, sensitive_features=groups)
    assert rates.index.name == "sex"
    assert rates.to_list() == numbers(BY_HAND["selection_rate"][1:])


def test_integer_and_boolean_groups_keep_their_type():
    rates = selection_rate(None, [1, 0, 1], sensitive_features=[2, 10, 2])
    assert rates.index.to_list() == [2, 10]
    rates = selection_rate(None, [1, 0, 1], sensitive_features=[True, False, True])
    assert rates.loc[True] == 1.0
    assert rates.loc[False] == 0.0


def test_rows_without_a_sensitive_value_come_last():
    rates = selection_rate(None, [1, 0, 1, 0], sensitive_features=["z", None, "a", float("nan")])
    assert rates.to_dict() == {"a": 1.0, "z": 1.0, "<missing>": 0.0}
    assert list(rates.index) == ["a", "z", "<missing>"]


def test_rows_without_a_sensitive_value_are_refused_on_request():
    with pytest.raises(ValueError, match="missing values"):
        selection_rate(None, [1, 0], sensitive_features=["a", None], missing="raise")


def test_selection_rate_does_without_labels():
    assert selection_rate(None, Y_PRED) == 13 / 24
    assert selection_rate(None, ["no", "yes", "no", "no"], pos_label="yes") == 0.25


def test_other_rates_ask_for_labels():
    with pytest.raises(ValueError, match="y_true"):
        true_positive_rate(None, Y_PRED)


def test_every_rate_asks_for_predictions():
    with pytest.raises(ValueError, match="y_pred"):
        selection_rate(None, None)
    with pytest.raises(ValueError, match="y_pred"):
        true_positive_rate(Y_TRUE, None)


def test_labels_are_checked_even_where_they_are_not_used():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        selection_rate([0, 1, 1], [0, 1])


@pytest.mark.parametrize(
    ("name", "y_true", "y_pred"),
    [
        ("true_positive_rate", [0, 0], [0, 1]),
        ("false_negative_rate", [0, 0], [0, 1]),
        ("true_negative_rate", [1, 1], [0, 1]),
        ("false_positive_rate", [1, 1], [0, 1]),
        ("positive_predictive_value", [0, 1], [0, 0]),
        ("false_discovery_rate", [0, 1], [0, 0]),
        ("negative_predictive_value", [0, 1], [1, 1]),
        ("false_omission_rate", [0, 1], [1, 1]),
    ],
)
def test_a_rate_of_nothing_is_nan_with_a_warning_that_names_rate_and_group(name, y_true, y_pred):
    rate = getattr(metrics, name)
    with pytest.warns(UndefinedMetricWarning, match=rf"{name} is undefined \(0/0\)"):
        assert np.isnan(rate(y_true, y_pred))
    with pytest.warns(UndefinedMetricWarning, match=rf"{name} of groups \['x'\]") as caught:
        series = rate([*y_true, 0, 0, 1, 1], [*y_pred, 0, 1, 0, 1], sensitive_features=[*"xxyyyy"])
    assert np.isnan(series["x"])
    assert series["y"] == 0.5
    assert [warning.filename for warning in caught] == [__file__]  # the caller's line


def test_a_group_of_zero_weight_has_no_rate():
    with pytest.warns(UndefinedMetricWarning, match="'b'"):
        rates = selection_rate(None, [1, 1], sample_weight=[1, 0], sensitive_features=["a", "b"])
    assert rates["a"] == 1.0
    assert np.isnan(rates["b"])


@pytest.mark.parametrize("name", RATES)
@given(
    rows=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30),
    data=st.data(),
)
@REPRODUCIBLE
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_rates_are_shares_that_ignore_order_and_scale_of_weights(name, rows, data):
    rate = getattr(metrics, name)
    y_true, y_pred = (list(column) for column in zip(*rows, strict=True))
    weight = data.draw(
        st.lists(st.sampled_from([0.25, 1.0, 3.0]), min_size=len(rows), max_size=len(rows))
    )
    order = data.draw(st.permutations(range(len(rows))))
    value = rate(y_true, y_pred, sample_weight=weight)
    assert np.isnan(value) or 0 <= value <= 1
    shuffled = [[column[i] for i in order] for column in (y_true, y_pred, weight)]
    assert rate(*shuffled[:2], sample_weight=shuffled[2]) == pytest.approx(value, nan_ok=True)
    heavier = [1e3 * w for w in weight]
    assert rate(y_true, y_pred, sample_weight=heavier) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    ("name", "complement"),
    [
        ("true_positive_rate", "false_negative_rate"),
        ("true_negative_rate", "false_positive_rate"),
        ("positive_predictive_value", "false_discovery_rate"),
        ("negative_predictive_value", "false_omission_rate"),
    ],
)
def test_complements_sum_to_one(name, complement):
    rates, others = (
        getattr(metrics, n)(Y_TRUE, Y_PRED, sensitive_features=GROUP) for n in (name, complement)
    )
    assert (rates + others).to_list() == pytest.approx([1.0, 1.0, 1.0])


def test_the_other_positive_class_turns_sensitivity_into_specificity():
    assert true_positive_rate(Y_TRUE, Y_PRED, pos_label=0) == true_negative_rate(Y_TRUE, Y_PRED)


def test_one_class_against_the_rest():
    y_true = ["a", "b", "c", "b", "a", "c"]
    y_pred = ["a", "b", "b", "c", "c", "c"]
    assert true_positive_rate(y_true, y_pred, pos_label="b") == 1 / 2
    assert true_negative_rate(y_true, y_pred, pos_label="b") == 3 / 4
    assert selection_rate(y_true, y_pred, pos_label="c") == 3 / 6
