from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.exceptions import UndefinedMetricWarning

from skfair.groups import MISSING
from skfair.metrics._individual import (
    between_group_entropy_index,
    consistency_score,
    generalized_entropy_index,
    theil_index,
)

REPRODUCIBLE = settings(max_examples=20)
ALPHAS = [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]
ROW = st.tuples(st.booleans(), st.booleans(), st.sampled_from("abc"), st.integers(1, 3))

# benefits 1, 2, 0, 1 and 1, 1: means 1 and 1 (of all rows: 1)
Y_TRUE = [0, 0, 1, 1, 1, 0]
Y_PRED = [0, 1, 0, 1, 1, 0]
GROUP = list("aaaabb")


def entropy(benefit, alpha, weight=None):
    """The index by its formula, row by row."""
    share = np.ones(len(benefit)) if weight is None else np.asarray(weight, float)
    share = share / share.sum()
    relative = benefit / (share @ benefit)
    with np.errstate(divide="ignore", invalid="ignore"):
        if alpha == 1:
            return share @ np.where(relative > 0, relative * np.log(relative), 0.0)
        if alpha == 0:
            return -(share @ np.log(relative))
        return (share @ relative**alpha - 1) / (alpha * (alpha - 1))


def columns(rows):
    true, pred, group, weight = (np.array(c) for c in zip(*rows, strict=True))
    return true, pred, group, weight


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(2.0, 1 / 6), (1.0, 2 / 6 * log(2)), (3.0, (8 - 2) / 6 / 6), (0.0, np.inf), (-1.0, np.inf)],
)
def test_index_by_hand(alpha, expected):
    assert generalized_entropy_index(Y_TRUE, Y_PRED, alpha=alpha) == pytest.approx(expected)


def test_index_by_group_by_hand():
    index = generalized_entropy_index(Y_TRUE, Y_PRED, sensitive_features={"g": GROUP})
    assert index.to_dict() == {"a": 0.25, "b": 0.0}
    assert (index.name, index.index.name) == ("generalized_entropy_index", "g")
    theil = theil_index(Y_TRUE, Y_PRED, sensitive_features=GROUP)
    assert theil.to_dict() == pytest.approx({"a": log(2) / 2, "b": 0.0})
    assert theil.name == "theil_index"


def test_the_between_group_part_by_hand():
    # benefits 2, 1 of a and 0, 1 of b: means 3/2 and 1/2 of 1
    y_true, y_pred, group = [0, 0, 1, 1], [1, 0, 0, 1], list("aabb")
    part = between_group_entropy_index(y_true, y_pred, sensitive_features=group)
    assert part == pytest.approx(((9 / 4 + 1 / 4) / 2 - 1) / 2)
    assert between_group_entropy_index(Y_TRUE, Y_PRED, sensitive_features=GROUP) == 0.0


@pytest.mark.parametrize("alpha", ALPHAS)
@REPRODUCIBLE
@given(rows=st.lists(ROW, min_size=1, max_size=20), random=st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_the_index_is_its_formula_and_splits_between_and_within_groups(alpha, rows, random):
    true, pred, group, weight = columns(rows)
    benefit = pred.astype(float) - true + 1
    index = generalized_entropy_index(true, pred, alpha=alpha, sample_weight=weight)
    if benefit.sum() == 0:
        assert np.isnan(index)
        return
    assert index == pytest.approx(entropy(benefit, alpha, weight), abs=1e-12)
    assert index >= -1e-12
    repeated = [row for row in rows for _ in range(row[3])]
    shuffled = columns(random.sample(repeated, len(repeated)))
    assert generalized_entropy_index(*shuffled[:2], alpha=alpha) == pytest.approx(index, abs=1e-12)

    options = {"sensitive_features": group, "alpha": alpha, "sample_weight": 1e3 * weight}
    between = between_group_entropy_index(true, pred, **options)
    within_groups = generalized_entropy_index(true, pred, **options)
    within = 0.0
    mean = (weight @ benefit) / weight.sum()
    for g, value in within_groups.items():
        rows_of = group == g
        relative = (weight[rows_of] @ benefit[rows_of]) / weight[rows_of].sum() / mean
        if relative > 0:
            within += weight[rows_of].sum() / weight.sum() * relative**alpha * value
    assert between + within == pytest.approx(index, abs=1e-12)


def test_theil_is_alpha_one():
    rng = np.random.default_rng(0)
    true, pred, weight = rng.integers(0, 2, 50), rng.integers(0, 2, 50), rng.random(50)
    expected = generalized_entropy_index(true, pred, alpha=1, sample_weight=weight)
    assert theil_index(true, pred, sample_weight=weight) == expected
    near = generalized_entropy_index(true, pred, alpha=1 + 1e-6, sample_weight=weight)
    assert near == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("function", [generalized_entropy_index, theil_index])
def test_a_group_without_benefit_is_undefined(function):
    name = function.__name__
    with pytest.warns(UndefinedMetricWarning, match=f"{name} of group 'b'") as caught:
        index = function([0, 1], [0, 0], sensitive_features=["a", "b"])
    assert index["a"] == 0.0
    assert np.isnan(index["b"])
    with pytest.warns(UndefinedMetricWarning, match=f"NaN: {name}$") as whole:
        assert np.isnan(function([1, 1], [0, 0]))
    assert [warning.filename for warning in (*caught, *whole)] == [__file__] * 2


def test_the_between_group_part_without_benefit_is_undefined():
    with pytest.warns(UndefinedMetricWarning, match="mean benefit is 0") as caught:
        assert np.isnan(between_group_entropy_index([1, 1], [0, 0], sensitive_features=["a", "b"]))
    assert [warning.filename for warning in caught] == [__file__]
    value = between_group_entropy_index(
        [0, 1, 0], [0, 0, 1], sensitive_features=["a", "a", "b"], sample_weight=[1, 1, 0]
    )
    assert value == 0.0  # a group without weight adds nothing


@pytest.mark.parametrize(
    "function", [generalized_entropy_index, theil_index, between_group_entropy_index]
)
@pytest.mark.parametrize("kind", [pd.Series, pl.Series, pa.array])
def test_policies_of_the_entropies(function, kind):
    y_true, y_pred = kind(["no", "no", "yes", "yes"]), kind(["yes", "no", "no", "yes"])
    groups = kind(["a", "a", "b", None])
    with pytest.raises(ValueError, match="pos_label is not specified"):
        function(y_true, y_pred, sensitive_features=groups)
    with pytest.raises(ValueError, match="has 1 missing"):
        function(y_true, y_pred, sensitive_features=groups, pos_label="yes", missing="raise")
    if function is not between_group_entropy_index:
        with pytest.warns(UndefinedMetricWarning, match="'b'"):
            index = function(y_true, y_pred, sensitive_features=groups, pos_label="yes")
        assert index.index.tolist() == ["a", "b", MISSING]
    swapped = function(y_true, y_pred, sensitive_features=kind(list("abab")), pos_label="no")
    with pytest.raises(ValueError, match="inconsistent"):
        function(y_true, kind(["yes"]), sensitive_features=groups, pos_label="yes")
    assert np.all(swapped == function([1, 1, 0, 0], [0, 1, 1, 0], sensitive_features=list("abab")))


# consistency

X = np.array([[0.0], [1.0], [3.0], [10.0], [11.5]])
Y = [0, 1, 1, 0, 0]  # neighbours, nearest two: 1 2, 0 2, 1 0, 4 2, 3 2


def test_consistency_by_hand():
    assert consistency_score(X, Y, n_neighbors=1) == 3 / 5  # 0-1 and 1-0 disagree
    assert consistency_score(X, Y, n_neighbors=2) == pytest.approx((0 + 1 + 1 + 1 + 1) / 2 / 5)
    by_group = consistency_score(X, Y, n_neighbors=2, sensitive_features={"g": list("aabbb")})
    assert by_group.to_dict() == pytest.approx({"a": 1 / 4, "b": 1 / 2})
    assert (by_group.name, by_group.index.name) == ("consistency_score", "g")
    weighted = consistency_score(X, Y, n_neighbors=1, sample_weight=[2, 0, 1, 1, 0])
    assert weighted == 2 / 4


def test_consistency_of_binary_predictions_is_zemels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    distance = ((X[:, None] - X[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, :5]
    expected = 1 - np.abs(y - y[nearest].mean(axis=1)).mean()
    assert consistency_score(X, y) == pytest.approx(expected)
    assert consistency_score(X, np.array(["no", "yes"])[y]) == pytest.approx(expected)
    order = rng.permutation(60)
    assert consistency_score(X[order], y[order]) == pytest.approx(expected)
    weight = rng.random(60)
    twice = [consistency_score(X, y, sample_weight=w) for w in (weight, 7 * weight)]
    assert twice[0] == pytest.approx(twice[1])
    assert twice[0] == pytest.approx(
        1 - np.average(np.abs(y - y[nearest].mean(axis=1)), weights=weight)
    )


def test_duplicates_of_a_row_are_neighbours_but_not_the_row_itself():
    X = np.zeros((4, 2))
    assert consistency_score(X, [1, 0, 0, 0], n_neighbors=3) == pytest.approx((0 + 3 * 2 / 3) / 4)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, csr_array])
def test_consistency_reads_frames_and_sparse_matrices(kind):
    features = kind(X) if kind is csr_array else kind({"x": X[:, 0]})
    series = pl.Series if kind is pl.DataFrame else pd.Series
    score = consistency_score(features, series(Y), n_neighbors=2)
    assert score == consistency_score(X, Y, n_neighbors=2)


def test_policies_of_consistency():
    with pytest.warns(UndefinedMetricWarning, match="consistency_score of group 'b'") as caught:
        score = consistency_score(
            X,
            Y,
            n_neighbors=1,
            sensitive_features=["a", "a", "b", None, None],
            sample_weight=[1, 1, 0, 1, 1],
        )
    assert score.index.tolist() == ["a", "b", MISSING]
    assert_allclose(score, [0, np.nan, 1])
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.raises(ValueError, match="has 2 missing"):
        consistency_score(X, Y, sensitive_features=["a", "a", "b", None, None], missing="raise")
    with pytest.raises(ValueError, match="n_neighbors"):
        consistency_score(X, Y, n_neighbors=5)
    with pytest.raises(ValueError, match="NaN"):
        consistency_score([[np.nan], [1.0]], [0, 1], n_neighbors=1)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        consistency_score(X, Y[:4], n_neighbors=1)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        consistency_score(X, Y, n_neighbors=1, sensitive_features=["a"])
    with pytest.raises(ValueError, match="Input y_pred contains NaN"):
        consistency_score(X, [0, 1, 1, 0, None], n_neighbors=1)


def test_consistency_of_scores_is_refused():
    with pytest.raises(ValueError, match="continuous"):
        consistency_score(np.arange(8.0)[:, None], np.linspace(0.1, 0.8, 8))


@pytest.mark.parametrize("alpha", [np.nan, np.inf, -np.inf])
def test_an_alpha_that_is_no_number_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha must be a finite number"):
        generalized_entropy_index(Y_TRUE, Y_PRED, alpha=alpha)
    with pytest.raises(ValueError, match="alpha must be a finite number"):
        between_group_entropy_index(Y_TRUE, Y_PRED, sensitive_features=GROUP, alpha=alpha)


def test_that_ties_of_distances_are_settled_by_the_order_of_rows_is_said():
    X, y_pred = np.array([[0.0], [1.0], [-1.0]]), np.array([1, 1, 0])
    turned = [0, 2, 1]
    scores = {
        consistency_score(X, y_pred, n_neighbors=1),
        consistency_score(X[turned], y_pred[turned], n_neighbors=1),
    }
    assert len(scores) == 2
    assert "depends on the order of the rows" in " ".join(consistency_score.__doc__.split())
