from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score, roc_auc_score

from skfair.criteria import RATES
from skfair.groups import MISSING
from skfair.metrics import (
    disparate_impact,
    equalized_odds_difference,
    true_positive_rate,
)
from skfair.metrics._classes import one_vs_rest_gaps, worst_class_recall, worst_group_score

REPRODUCIBLE = settings(max_examples=40)
ANIMALS = st.sampled_from(["cat", "cow", "dog"])
ROW = st.tuples(ANIMALS, ANIMALS, st.sampled_from("ab"), st.integers(1, 3))

Y_TRUE = ["cat", "cat", "dog", "cow", "cat", "dog", "dog", "cow"]
Y_PRED = ["cat", "dog", "dog", "cow", "cat", "cat", "cow", "cow"]
GROUP = list("aaaabbbb")


def columns(rows):
    true, pred, group, weight = (np.array(c) for c in zip(*rows, strict=True))
    return true, pred, group, weight


def sample(n=300, seed=0):
    rng = np.random.default_rng(seed)
    true, group = rng.integers(0, 2, n), rng.integers(0, 3, n)
    return true, np.where(rng.random(n) < 0.3, 1 - true, true), group, rng.random(n)


# the worst group


def test_the_worst_group_by_hand():
    assert worst_group_score(Y_TRUE, Y_PRED, sensitive_features=GROUP) == 2 / 4
    assert worst_group_score(Y_TRUE, Y_PRED, sensitive_features=GROUP, score="error_rate") == 2 / 4
    score = {"score": "true_positive_rate", "pos_label": "dog"}
    assert worst_group_score(Y_TRUE, Y_PRED, sensitive_features=GROUP, **score) == 0.0
    score = {"score": "false_positive_rate", "pos_label": "dog"}
    assert worst_group_score(Y_TRUE, Y_PRED, sensitive_features=GROUP, **score) == 1 / 3
    # cow against the rest: 4 of 4 and 3 of 4 are right
    assert worst_group_score(Y_TRUE, Y_PRED, sensitive_features=GROUP, pos_label="cow") == 3 / 4


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_worst_group_of_every_rate_is_the_worst_of_its_rates(name, weighted):
    true, pred, group, weight = sample()
    weight = weight if weighted else None
    worst = min if RATES[name].higher_is_better else max
    values = []
    for g in range(3):
        rows = group == g
        w = np.ones(rows.sum()) if weight is None else weight[rows]
        cells = [w[(true[rows] == y) & (pred[rows] == p)].sum() for y in (0, 1) for p in (0, 1)]
        values.append(RATES[name](cells))
    found = worst_group_score(
        true, pred, sensitive_features=group, score=name, sample_weight=weight
    )
    assert found == pytest.approx(worst(values))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_callable_is_called_for_each_group(weighted):
    true, pred, group, weight = sample(seed=1)
    options = {"sensitive_features": group, "sample_weight": weight if weighted else None}
    named = worst_group_score(true, pred, **options)
    assert worst_group_score(true, pred, score=accuracy_score, **options) == pytest.approx(named)
    values = [
        balanced_accuracy_score(
            true[group == g],
            pred[group == g],
            sample_weight=weight[group == g] if weighted else None,
        )
        for g in range(3)
    ]
    options["score"] = balanced_accuracy_score
    assert worst_group_score(true, pred, **options) == pytest.approx(min(values))
    options["higher_is_better"] = False
    assert worst_group_score(true, pred, **options) == pytest.approx(max(values))


def test_a_callable_may_take_scores_and_numbers():
    def worst_miss(y_true, y_pred):
        return np.abs(np.asarray(y_true) - y_pred).max()

    score = worst_group_score(
        pl.Series([1.0, 2.0, 3.0]),
        pa.array([1.5, 2.0, 7.0]),
        sensitive_features=pl.Series(["a", "a", "b"]),
        score=worst_miss,
        higher_is_better=False,
    )
    assert score == 4.0


def test_a_rate_of_the_users_own_and_one_without_labels():
    assert (
        worst_group_score(None, [1, 0, 1], sensitive_features=[*"aab"], score="selection_rate")
        == 0.5
    )
    rate = RATES["false_negative_rate"]
    value = worst_group_score([1, 1, 1], [1, 0, 1], sensitive_features=[*"aab"], score=rate)
    assert value == 0.5


@REPRODUCIBLE
@given(st.lists(ROW, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_the_worst_accuracy_ignores_order_and_scale_and_weights_are_repeated_rows(rows, random):
    true, pred, group, weight = columns(rows)
    value = worst_group_score(true, pred, sensitive_features=group, sample_weight=weight)
    expected = [
        accuracy_score(true[group == g], pred[group == g], sample_weight=weight[group == g])
        for g in np.unique(group)
    ]
    assert value == pytest.approx(min(expected))
    true, pred, group, weight = columns(random.sample(rows, len(rows)))
    again = worst_group_score(true, pred, sensitive_features=group, sample_weight=1e3 * weight)
    assert again == pytest.approx(value)
    true, pred, group, _ = columns([row for row in rows for _ in range(row[3])])
    assert worst_group_score(true, pred, sensitive_features=group) == pytest.approx(value)


def test_undefined_and_small_groups_are_left_out_by_name():
    true, pred, group = [1, 1, 0, 1], [1, 0, 0, 0], ["a", "a", "b", "c"]
    options = {"sensitive_features": group, "score": "true_positive_rate"}
    with pytest.warns(UndefinedMetricWarning, match=r"rate is undefined.* \['b'\]") as caught:
        assert worst_group_score(true, pred, **options) == 0.0
    with pytest.warns(UndefinedMetricWarning, match=r"than 2 rows are left out: \['b', 'c'\]$"):
        assert worst_group_score(true, pred, **options, min_group_size=2) == 0.5
    with pytest.warns(UndefinedMetricWarning, match="the result is NaN"):
        assert np.isnan(worst_group_score(true, pred, **options, min_group_size=9))
    assert [warning.filename for warning in caught] == [__file__]

    def fickle(y_true, y_pred):
        return 0.25 if y_true.any() else np.nan

    with pytest.warns(UndefinedMetricWarning, match=r"fickle is undefined.*\['b'\]"):
        value = worst_group_score(np.array(true), pred, sensitive_features=group, score=fickle)
    assert value == 0.25


def test_policies_of_the_worst_group():
    with pytest.raises(ValueError, match="3 classes in a binary metric"):
        worst_group_score(Y_TRUE, Y_PRED, sensitive_features=GROUP, score="f1_score")
    with pytest.raises(ValueError, match="no rate is named 'recall'"):
        worst_group_score(Y_TRUE, Y_PRED, sensitive_features=GROUP, score="recall")
    with pytest.raises(ValueError, match="has 1 missing"):
        worst_group_score([0, 1], [0, 1], sensitive_features=["a", None], missing="raise")
    assert worst_group_score([0, 1], [0, 0], sensitive_features=["a", None]) == 0.0
    for score in ("accuracy", accuracy_score):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            worst_group_score([0, 1], [0], sensitive_features=["a", "b"], score=score)


def test_probabilities_are_no_labels():
    for options in ({}, {"score": "error_rate"}, {"pos_label": 1}):
        with pytest.raises(ValueError, match="labels are continuous"):
            worst_group_score([0, 1], [0.2, 0.9], sensitive_features=["a", "b"], **options)
    assert worst_group_score([0, 1], [0.0, 1.0], sensitive_features=["a", "b"]) == 1.0


def test_a_warning_of_many_groups_stays_short():
    groups = (np.arange(1000) // 2).astype(str)
    options = {"sensitive_features": groups, "score": "true_positive_rate"}
    with pytest.warns(UndefinedMetricWarning, match="and 490 more") as caught:
        worst_group_score(np.zeros(1000), np.zeros(1000), **options)
    assert len(str(caught[0].message)) < 1000
    with pytest.warns(UndefinedMetricWarning, match="and 490 more") as caught:
        worst_group_score(
            Y_TRUE[:2] * 500, Y_PRED[:2] * 500, sensitive_features=groups, min_group_size=3
        )
    assert len(str(caught[0].message)) < 1000


# the worst class


def test_the_worst_class_by_hand():
    assert worst_class_recall(Y_TRUE, Y_PRED) == 1 / 3  # dog; cat 2/3, cow 1
    by_group = worst_class_recall(Y_TRUE, Y_PRED, sensitive_features={"g": GROUP})
    assert by_group.to_dict() == {"a": 0.5, "b": 0.0}
    assert (by_group.name, by_group.index.name) == ("worst_class_recall", "g")
    weighted = worst_class_recall(Y_TRUE, Y_PRED, sample_weight=[1, 5, 1, 1, 1, 0, 1, 1])
    assert weighted == 2 / 7  # cat


@REPRODUCIBLE
@given(st.lists(ROW, min_size=1, max_size=20), st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_the_worst_recall_is_that_of_scikit_learn(rows, random):
    true, pred, _, weight = columns(random.sample(rows, len(rows)))
    recalls = recall_score(true, pred, labels=np.unique(true), average=None, sample_weight=weight)
    value = worst_class_recall(true, pred, sample_weight=weight)
    assert value == pytest.approx(min(recalls))
    true, pred, _, _ = columns([row for row in rows for _ in range(row[3])])
    assert worst_class_recall(true, pred) == pytest.approx(value)


def test_a_class_without_rows_is_left_out_by_name():
    with pytest.warns(UndefinedMetricWarning, match=r"class 'cow' of group 'a'$") as caught:
        by_group = worst_class_recall(
            ["cat", "cat", "cow", "cat"], ["cat", "cow", "cow", "cat"], sensitive_features=[*"aabb"]
        )
    assert by_group.to_dict() == {"a": 0.5, "b": 1.0}
    with pytest.warns(UndefinedMetricWarning, match=r"left out: class 1$") as whole:
        assert worst_class_recall([0, 0], [0, 1]) == 0.5
    assert [warning.filename for warning in (*caught, *whole)] == [__file__] * 2
    with pytest.warns(UndefinedMetricWarning):
        by_group = worst_class_recall(
            [0, 1, 0], [0, 1, 0], sensitive_features=["a", "a", None], sample_weight=[1, 1, 0]
        )
    assert_allclose(by_group, [1, np.nan])
    assert by_group.index.tolist() == ["a", MISSING]
    with pytest.raises(ValueError, match="has 1 missing"):
        worst_class_recall([0, 1], [0, 1], sensitive_features=["a", None], missing="raise")


# one class against the rest


def test_gaps_of_each_class_are_those_of_the_binary_metric():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = one_vs_rest_gaps(
            Y_TRUE,
            Y_PRED,
            sensitive_features=GROUP,
            metric=["equalized_odds_difference", "disparate_impact"],
        )
    assert table.index.tolist() == ["cat", "cow", "dog"]
    assert table.index.name == "class"
    for label in ("cat", "cow", "dog"):
        options = {"sensitive_features": GROUP, "pos_label": label}
        expected = [
            equalized_odds_difference(Y_TRUE, Y_PRED, **options),
            disparate_impact(Y_TRUE, Y_PRED, **options),
        ]
        assert table.loc[label].tolist() == pytest.approx(expected)
    # dogs: a finds 1 of 1, b 0 of 2; others taken for dogs: 1 of 3 and 0 of 2
    assert table.loc["dog", "equalized_odds_difference"] == 1.0


@pytest.mark.parametrize("kind", [list, pd.Series, pl.Series, pa.array])
def test_weights_method_and_frames(kind):
    weight = [1.0, 2.0, 3.0, 1.0, 1.0, 5.0, 1.0, 2.0]
    table = one_vs_rest_gaps(
        kind(Y_TRUE),
        kind(Y_PRED),
        sensitive_features=kind(GROUP),
        sample_weight=kind(weight),
        metric="equal_opportunity_difference",
        method="to_overall",
    )
    assert table.columns.tolist() == ["equal_opportunity_difference"]
    for label in table.index:
        options = {"sample_weight": weight, "pos_label": label}
        whole = true_positive_rate(Y_TRUE, Y_PRED, **options)
        rates = true_positive_rate(Y_TRUE, Y_PRED, sensitive_features=GROUP, **options)
        assert table.loc[label].item() == pytest.approx((rates - whole).abs().max())


@REPRODUCIBLE
@given(st.lists(ROW, min_size=2, max_size=20), st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_gaps_ignore_order_and_scale_and_weights_are_repeated_rows(rows, random):
    def table_of(rows, scale):
        true, pred, group, weight = columns(rows)
        weight = None if scale is None else scale * weight
        return one_vs_rest_gaps(true, pred, sensitive_features=group, sample_weight=weight)

    table = table_of(rows, 1)
    assert_allclose(table_of(random.sample(rows, len(rows)), 1e3), table, atol=1e-9)
    assert_allclose(table_of([row for row in rows for _ in range(row[3])], None), table, atol=1e-9)


def test_policies_of_gaps_by_class():
    true, pred = ["cat", "dog", "cat", "dog", "dog"], ["cat", "cat", "cat", "dog", "dog"]
    group = ["a", "a", "b", "b", None]
    message = "equal_opportunity of class 'cat': undefined.*true_positive_rate of group '<missing>'"
    with pytest.warns(UndefinedMetricWarning, match=message) as caught:
        table = one_vs_rest_gaps(
            true, pred, sensitive_features=group, metric="equal_opportunity_difference"
        )
    assert table["equal_opportunity_difference"].to_dict() == {"cat": 0.0, "dog": 1.0}
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 2 rows are left out: \['<m"):
        small = one_vs_rest_gaps(true, pred, sensitive_features=group, min_group_size=2)
    expected = one_vs_rest_gaps(true[:4], pred[:4], sensitive_features=group[:4])
    assert_allclose(small, expected)
    assert expected.loc["cat"].item() == equalized_odds_difference(
        true[:4], pred[:4], sensitive_features=group[:4], pos_label="cat"
    )
    with pytest.raises(ValueError, match="has 1 missing"):
        one_vs_rest_gaps(true, pred, sensitive_features=group, missing="raise")
    with pytest.raises(ValueError, match="no fairness metric is named 'odds'"):
        one_vs_rest_gaps(true, pred, sensitive_features=group, metric="odds")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        one_vs_rest_gaps(true, pred[:4], sensitive_features=group)


@pytest.mark.parametrize("function", [worst_class_recall, one_vs_rest_gaps])
def test_scores_are_no_classes(function):
    with pytest.raises(ValueError, match="continuous"):
        function([0, 1, 1, 0], [0.1, 0.7, 0.4, 0.2], sensitive_features=list("ffmm"))


# what a callable gets


def misses(y_true, y_pred):
    return float(np.mean(y_true != y_pred))


def test_a_callable_may_take_a_matrix_of_predictions():
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]])

    def mean_of_true(y_true, y_pred):
        return float(np.mean(y_pred[np.arange(len(y_true)), y_true]))

    options = {"sensitive_features": list("aabb"), "score": mean_of_true}
    assert worst_group_score([0, 1, 0, 1], proba, **options) == pytest.approx(0.65)
    assert worst_group_score([0, 1, 0, 1], pl.DataFrame(proba), **options) == pytest.approx(0.65)
    with pytest.raises(ValueError, match="inconsistent"):
        worst_group_score([0, 1, 0], proba, **options)
    with pytest.raises(ValueError, match="y_true has no value a row"):
        worst_group_score(None, proba, **options)


@pytest.mark.parametrize(
    "form",
    [
        lambda values: pd.DataFrame({"y": values}),
        lambda values: np.array(values)[:, None],
        lambda values: pd.Series(values, dtype="category"),
    ],
)
def test_a_callable_gets_plain_arrays_without_a_second_axis(form):
    options = {"sensitive_features": list("aabb"), "score": misses, "higher_is_better": False}
    assert worst_group_score([0, 1, 0, 1], form([1, 1, 1, 1]), **options) == 0.5
    assert worst_group_score(form([0, 1, 0, 1]), [0, 0, 0, 1], **options) == 0.5
    assert worst_group_score(form([0, 1, 0, 1]), form([1, 1, 1, 1]), **options) == 0.5


@pytest.mark.parametrize("score", [roc_auc_score, partial(roc_auc_score, max_fpr=1.0)])
def test_a_callable_does_not_guess_the_positive_word(score):
    words, scores = ["accept", "reject"] * 2, [0.9, 0.2, 0.8, 0.6]
    options = {"sensitive_features": list("aabb"), "score": score}
    with pytest.raises(ValueError, match="make y_true 0 and 1"):
        worst_group_score(words, scores, **options)
    assert worst_group_score([1, 0, 1, 0], scores, **options) == 1.0


def test_a_group_without_weight_is_left_out_of_a_callables_score():
    true, pred, weight = [1, 0, 1, 0], [1, 1, 0, 1], [1, 1, 0, 0]
    options = {"sensitive_features": list("aabb"), "sample_weight": weight}
    for score in (accuracy_score, "accuracy"):
        with pytest.warns(UndefinedMetricWarning, match=r"left out for groups \['b'\]"):
            assert worst_group_score(true, pred, score=score, **options) == 0.5


def test_a_partial_is_named_by_its_function():
    with pytest.warns(UndefinedMetricWarning, match="accuracy_score is undefined"):
        worst_group_score(
            [1, 0],
            [1, 1],
            sensitive_features=["a", "b"],
            sample_weight=[1, 0],
            score=partial(accuracy_score, normalize=True),
        )


@pytest.mark.parametrize("score", ["accuracy", accuracy_score])
def test_rows_without_weight_do_not_make_a_group_large(score):
    true, pred, group = [1, 0, 1, 0, 0], [1, 1, 0, 0, 0], list("aabbb")
    options = {"sensitive_features": group, "score": score, "min_group_size": 2}
    assert worst_group_score(true, pred, **options) == 0.5
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 2 rows are left out: \['a'\]"):
        value = worst_group_score(true, pred, sample_weight=[1, 0, 1, 1, 1], **options)
    assert value == pytest.approx(2 / 3)
