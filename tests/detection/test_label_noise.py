from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from skfair.criteria import wilson_interval
from skfair.detection import suspect_labels
from skfair.groups import MISSING

pytest.importorskip("cleanlab", reason="the extra audit")

Z = 1.959963984540054
GROUP = np.array(["f", "m"])

# 4 + 4 rows, of which the last yes looks like a no
Y = ["no"] * 4 + ["yes"] * 4
PROBA = np.array([[0.9, 0.1]] * 4 + [[0.2, 0.8]] * 3 + [[0.95, 0.05]])


def planted(seed, wrong=(0.05, 0.20), base=(0.5, 0.5), apart=4.0, n=1000):
    """Two groups of n normal rows in each of two classes, with labels flipped at given rates."""
    rng = np.random.default_rng(seed)
    group = np.arange(2 * n) % 2
    y = (rng.random(2 * n) < np.array(base)[group]).astype(int)
    X = np.c_[apart * y + rng.normal(size=2 * n), rng.normal(size=2 * n), group]
    flipped = rng.random(2 * n) < np.array(wrong)[group]
    return X, np.where(flipped, 1 - y, y), GROUP[group], flipped


def shares(X, y, group):
    found = suspect_labels(y, estimator=LogisticRegression(), X=X, sensitive_features=group)
    return found.table["suspect_share"]


def true_shares(flipped, group):
    return pd.Series(flipped).groupby(group).mean()


def test_the_odd_row_by_hand():
    found = suspect_labels(Y, PROBA)
    assert_array_equal(np.flatnonzero(found.is_suspect), [7])
    row = found.table.loc["all"]
    low, high = wilson_interval(np.array(1 / 8), np.array(8.0), Z)
    assert row[["n", "n_suspect", "suspect_share"]].tolist() == [8, 1, 0.125]
    assert_allclose(row[["low", "high", "effective_n"]].astype(float), [low, high, 8])
    assert found.ranking.index.tolist() == [7]
    assert found.ranking.iloc[0].tolist() == ["all", "yes", "no", pytest.approx(0.05)]
    assert "1 of 8 rows" in repr(found)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("wrong", "base"),
    [((0.05, 0.2), (0.5, 0.5)), ((0.2, 0.05), (0.5, 0.5)), ((0.05, 0.2), (0.3, 0.7))],
)
def test_planted_errors_of_separable_classes(seed, wrong, base):
    """A Bayes error of 2.3 %: each group's share is within 3 points."""
    X, y, group, flipped = planted(seed, wrong, base)
    off = shares(X, y, group) - true_shares(flipped, group)
    assert off.abs().max() < 0.03


def test_errors_that_are_planted_are_those_that_are_found():
    X, y, group, flipped = planted(0)
    found = suspect_labels(y, estimator=LogisticRegression(), X=X, sensitive_features=group)
    assert flipped[found.is_suspect].mean() > 0.85
    first = found.ranking.index[:50]
    assert flipped[first].all()


def test_the_share_is_biased_upward_where_classes_overlap():
    """A Bayes error of 16 %: 5 % wrong labels read more than 9 %."""
    X, y, group, flipped = planted(0, (0.05, 0.05), apart=2.0)
    assert (true_shares(flipped, group) < 0.06).all()
    assert (shares(X, y, group) > 0.09).all()


def test_overlap_alone_makes_groups_differ():
    """Neither group has a wrong label, but the classes of one overlap more."""
    X, y, group, _ = planted(0, (0.0, 0.0), apart=1.0)
    X[group == "m", 0] += 3 * y[group == "m"]
    found = shares(X, y, group)
    assert found["f"] > found["m"] + 0.1


def test_thresholds_are_those_of_the_group():
    X, y, group, _ = planted(1)
    proba = cross_val_predict(LogisticRegression(), X, y, method="predict_proba")
    both = suspect_labels(y, proba, sensitive_features=group)
    for label in GROUP:
        inside = group == label
        alone = suspect_labels(y[inside], proba[inside])
        assert_array_equal(both.is_suspect[inside], alone.is_suspect)
        own = both.ranking[both.ranking["group"] == label]
        assert_array_equal(np.flatnonzero(inside)[alone.ranking.index], own.index)
    assert not np.array_equal(both.is_suspect, suspect_labels(y, proba).is_suspect)


def test_estimator_and_its_probabilities_are_alike():
    X, y, group, _ = planted(2, n=200)
    names = np.array(["no", "yes"])[y]
    cv = StratifiedKFold(4)
    proba = cross_val_predict(LogisticRegression(), X, names, cv=cv, method="predict_proba")
    given = suspect_labels(names, proba, sensitive_features=group)
    found = suspect_labels(
        names, estimator=LogisticRegression(), X=X, cv=cv, sensitive_features=group
    )
    pd.testing.assert_frame_equal(found.table, given.table)
    pd.testing.assert_frame_equal(found.ranking, given.ranking)
    ordered = pd.Categorical(names, ["yes", "no"], ordered=True)
    again = suspect_labels(
        ordered, estimator=LogisticRegression(), X=X, cv=cv, sensitive_features=group
    )
    pd.testing.assert_frame_equal(again.ranking, given.ranking)
    turned = suspect_labels(
        names,
        estimator=LogisticRegression(),
        X=X,
        cv=cv,
        sensitive_features=group,
        classes=["yes", "maybe", "no"],
    )
    assert_array_equal(turned.is_suspect, given.is_suspect)
    assert set(turned.ranking["suggested"]) <= {"no", "yes"}


def test_classes_name_the_columns():
    turned = suspect_labels(Y, PROBA[:, ::-1], classes=["yes", "no"])
    pd.testing.assert_frame_equal(turned.ranking, suspect_labels(Y, PROBA).ranking)
    ordered = pd.Categorical(Y, ["yes", "no"], ordered=True)
    pd.testing.assert_frame_equal(
        suspect_labels(ordered, PROBA).ranking, suspect_labels(Y, PROBA).ranking
    )
    wider = suspect_labels(Y, np.c_[PROBA, np.zeros(8)], classes=["no", "yes", "zzz"])
    assert wider.ranking.index.tolist() == [7]


def test_ranking():
    """Three classes: by margin row 5 is the worst, by self-confidence row 4."""
    proba = np.array([[0.8, 0.1, 0.1]] * 4 + [[0.1, 0.45, 0.45], [0.15, 0.85, 0.0]])
    proba = np.r_[proba, [[0.1, 0.7, 0.2]] * 6, [[0.0, 0.3, 0.7]] * 6]
    y = [0] * 6 + [1] * 6 + [2] * 6
    proba[4] = [0.1, 0.72, 0.18]
    by_margin, by_confidence = (
        suspect_labels(y, proba, rank_by=name).ranking
        for name in ("normalized_margin", "self_confidence")
    )
    assert by_margin.index.tolist() == [5, 4]
    assert by_confidence.index.tolist() == [4, 5]
    assert_allclose(by_margin["score"], [(0.15 - 0.85 + 1) / 2, (0.1 - 0.72 + 1) / 2])
    assert_allclose(by_confidence["score"], [0.1, 0.15])
    assert by_margin["suggested"].tolist() == [1, 1]


def test_weights_change_the_share_only():
    weights = np.r_[np.ones(7), 3.0]
    found, plain = suspect_labels(Y, PROBA, sample_weight=weights), suspect_labels(Y, PROBA)
    assert_array_equal(found.is_suspect, plain.is_suspect)
    assert found.table.loc["all", "suspect_share"] == pytest.approx(0.3)
    assert found.table.loc["all", "n_suspect"] == 1
    assert found.table.loc["all", "effective_n"] < 8
    pd.testing.assert_frame_equal(found.ranking, plain.ranking)


def test_a_group_of_one_label_is_undefined():
    group = ["f"] * 8 + ["m"] * 2
    y, proba = [*Y, "no", "no"], np.r_[PROBA, [[0.1, 0.9]] * 2]
    with pytest.warns(UndefinedMetricWarning, match=r"suspect_share .*\['m'\]"):
        found = suspect_labels(y, proba, sensitive_features=group)
    assert found.table["suspect_share"].isna().tolist() == [False, True]
    assert found.table.loc["m", ["low", "high"]].isna().all()
    assert found.table["n"].tolist() == [8, 2]
    with pytest.warns(UndefinedMetricWarning, match=r"\['m'\]"):
        weightless = suspect_labels(
            Y, PROBA, sensitive_features=list("ffmmffmm"), sample_weight=[1, 1, 0, 0] * 2
        )
    assert np.isnan(weightless.table.loc["m", "suspect_share"])


def test_a_class_that_a_group_lacks():
    """Group m has no label c: its rows are suspected of being a or b only."""
    proba = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    y = np.tile(list("abc"), 5)
    more = np.array([[0.8, 0.1, 0.1]] * 4 + [[0.1, 0.8, 0.1]] * 4 + [[0.1, 0.0, 0.9]])
    found = suspect_labels(
        [*y, *"aaaabbbba"],
        np.r_[np.tile(proba, (5, 1)), more],
        sensitive_features=["f"] * 15 + ["m"] * 9,
    )
    assert not found.is_suspect.any()
    assert found.ranking.empty
    assert found.ranking.columns.tolist() == ["group", "label", "suggested", "score"]


def test_missing_sensitive_values():
    group = ["f", None] * 4
    y, proba = ["a", "a", "b", "b"] * 2, [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]] * 2
    found = suspect_labels(y, proba, sensitive_features=group)
    assert found.table.index.tolist() == ["f", MISSING]
    with pytest.raises(ValueError, match="missing values"):
        suspect_labels(y, proba, sensitive_features=group, missing="raise")


@pytest.mark.parametrize(
    ("wrap", "frame"),
    [
        (list, np.ndarray.tolist),
        (lambda v: pd.Series(v, index=range(50, 50 - len(v), -1)), pd.DataFrame),
        (lambda v: pl.Series(list(v)), pl.DataFrame),
    ],
)
def test_containers_are_alike(wrap, frame):
    group = np.array(list("ffmmffmm"))
    expected = suspect_labels(np.array(Y), PROBA, sensitive_features=group)
    found = suspect_labels(
        wrap(Y), frame(PROBA), sensitive_features=wrap(group), sample_weight=wrap([1.0] * 8)
    )
    assert_allclose(found.table.to_numpy(), expected.table.to_numpy())
    assert found.ranking.index.tolist() == expected.ranking.index.tolist()


def test_input_stays_as_it_is():
    before = PROBA.copy()
    suspect_labels(Y, PROBA)
    assert_array_equal(PROBA, before)


@pytest.mark.parametrize(
    ("y", "proba", "options", "message"),
    [
        (Y, None, {}, "either pred_proba"),
        (Y, PROBA, {"X": PROBA}, "either pred_proba"),
        (Y, PROBA, {"estimator": LogisticRegression(), "X": PROBA}, "either pred_proba"),
        (Y, None, {"estimator": LogisticRegression()}, "either pred_proba"),
        (Y, PROBA[:, :1], {}, "a column for each of the 2 classes"),
        (Y, PROBA[:, 1], {}, "a column for each"),
        (Y, PROBA[:7], {}, "inconsistent"),
        (Y, 2 * PROBA, {}, "must be probabilities"),
        (Y, PROBA * [1, 0.5], {}, "must be probabilities"),
        (Y, np.where(PROBA > 0.9, np.nan, PROBA), {}, "must be probabilities"),
        (Y, PROBA, {"classes": ["no", "maybe"]}, "classes"),
        (Y, PROBA, {"rank_by": "entropy"}, "rank_by"),
        (["no"] * 8, PROBA, {}, "one class"),
        ([*Y[:7], None], PROBA, {}, "NaN"),
        (Y, PROBA, {"sensitive_features": ["f"]}, "inconsistent"),
        (Y, PROBA, {"sample_weight": [-1.0] * 8}, "Negative"),
        (Y, PROBA, {"confidence_level": 2}, "confidence_level"),
    ],
)
def test_bad_input(y, proba, options, message):
    with pytest.raises(ValueError, match=message):
        suspect_labels(y, proba, **options)


def test_without_cleanlab(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ImportError, match=r"skfair\[audit\]"):
        suspect_labels(Y, PROBA)


def test_rows_without_weight_are_no_suspects_of_a_group():
    found = suspect_labels(Y, PROBA, sample_weight=[1] * 7 + [0])
    assert found.table[["n", "n_suspect", "suspect_share"]].iloc[0].tolist() == [7, 0, 0]
    assert found.ranking.index.tolist() == [7]


def test_classes_that_a_group_lacks_are_not_suggested():
    y = np.array([0, 1] * 30 + [2] * 10 + [0] * 10)
    proba = np.full((80, 3), 0.2)
    proba[np.arange(80), y] = 0.6
    proba[:6] = [[0.48, 0.01, 0.51] if label else [0.01, 0.48, 0.51] for label in y[:6]]
    proba[6:60] = [[0.3, 0.5, 0.2] if label else [0.5, 0.3, 0.2] for label in y[6:60]]
    found = suspect_labels(y, proba, sensitive_features=["a"] * 60 + ["b"] * 20).ranking
    assert len(found) > 0
    assert (found["group"] == "a").all()
    assert (found["suggested"] == 1 - found["label"]).all()
