from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_curve

from skfair.tally import ScoreTally, Tally

REPRODUCIBLE = settings(max_examples=60)
EIGHTHS = st.integers(-2, 10).map(lambda k: k / 8)  # on, between and outside the edges


def cells_at(threshold, true, score, group, weight):
    """Tn, fp, fn, tp by group of a hard threshold, straight from the arrays."""
    selected = score >= threshold
    parts = (~true & ~selected, ~true & selected, true & ~selected, true & selected)
    return [[weight[part & (group == g)].sum() for part in parts] for g in np.unique(group)]


def small():
    return ScoreTally.from_arrays(
        [0, 1, 1, 0],
        [0.2, 0.5, 0.9, 0.5],
        list("abab"),
        edges=[0.25, 0.5],
        sample_weight=[1, 2, 3, 4],
    )


def test_bins_by_hand():
    tally = small()
    # by group, label (negative, positive), bin (below 0.25, below 0.5, from 0.5)
    assert tally.weight.tolist() == [[[1, 0, 0], [0, 0, 3]], [[0, 0, 4], [0, 0, 2]]]
    assert tally.weight2.tolist() == [[[1, 0, 0], [0, 0, 9]], [[0, 0, 16], [0, 0, 4]]]
    assert tally.count.sum() == 4
    assert tally.classes == (False, True)
    assert tally.thresholds.tolist() == [-np.inf, 0.25, 0.5, np.inf]
    assert tally.cells().tolist() == [
        [[0, 1, 0, 3], [0, 4, 0, 2]],
        [[1, 0, 0, 3], [0, 4, 0, 2]],
        [[1, 0, 0, 3], [0, 4, 0, 2]],
        [[1, 0, 3, 0], [4, 0, 2, 0]],
    ]


@REPRODUCIBLE
@given(st.data())
def test_cells_at_every_edge_equal_a_hard_threshold(data):
    row = st.tuples(st.booleans(), EIGHTHS, st.sampled_from("abc"), st.integers(0, 8))
    rows = data.draw(st.lists(row, min_size=1, max_size=25))
    edges = sorted(data.draw(st.sets(EIGHTHS, min_size=1, max_size=6)))
    true, score, group, weight = (np.array(column) for column in zip(*rows, strict=True))
    weight = weight / 4
    tally = ScoreTally.from_arrays(true, score, group, edges=edges, sample_weight=weight)
    expected = [cells_at(t, true, score, group, weight) for t in (-np.inf, *edges, np.inf)]
    assert_array_equal(tally.cells(), expected)


@pytest.mark.parametrize("n_bins", [2, 10, 200])
def test_a_number_of_edges_is_a_number_of_equal_bins(n_bins):
    rng = np.random.default_rng(1)
    score = np.concatenate([rng.random(500), [0.0, 1.0], np.arange(n_bins) / n_bins])
    true = rng.random(len(score)) < 0.5
    tally = ScoreTally.from_arrays(true, score, np.zeros(len(score)), edges=n_bins)
    assert tally.count.shape == (1, 2, n_bins)
    assert_allclose(tally.edges, np.linspace(0, 1, n_bins + 1)[1:-1], rtol=1e-15)
    ones = np.ones(len(score))
    for threshold, cells in zip(tally.thresholds, tally.cells(), strict=True):
        assert_array_equal(cells, cells_at(threshold, true, score, np.zeros(len(score)), ones))


def test_edges_at_all_scores_give_the_roc_curve_of_scikit_learn():
    rng = np.random.default_rng(2)
    true, score = rng.random(300) < 0.4, rng.integers(0, 40, 300) / 40
    weight = rng.exponential(size=300)
    tally = ScoreTally.from_arrays(
        true, score, np.zeros(300), edges=np.unique(score), sample_weight=weight
    )
    fpr, tpr, thresholds = roc_curve(true, score, sample_weight=weight, drop_intermediate=False)
    tn, fp, fn, tp = tally.cells()[1:, 0].T
    assert_array_equal(tally.thresholds[1:], thresholds[::-1])
    assert_allclose(fp / (fp + tn), fpr[::-1], atol=1e-12)
    assert_allclose(tp / (tp + fn), tpr[::-1], atol=1e-12)


def test_weighted_cells_are_never_negative():
    rng = np.random.default_rng(3)
    score, weight = rng.random(10_000), rng.exponential(size=10_000)
    tally = ScoreTally.from_arrays(score > 0.5, score, np.zeros(10_000), sample_weight=weight)
    assert tally.cells().min() == 0.0


@pytest.mark.parametrize("threshold", [-np.inf, 0.25, 0.5, np.inf])
def test_at_an_edge_is_the_tally_of_the_decisions(threshold):
    tally = small().at(threshold)
    decisions = np.array([0.2, 0.5, 0.9, 0.5]) >= threshold
    expected = Tally.from_arrays(
        np.array([False, True, True, False]), decisions, list("abab"), sample_weight=[1, 2, 3, 4]
    )
    assert tally.labels == expected.labels
    assert tally.classes == expected.classes
    assert_array_equal(tally.weight, expected.weight)
    assert_array_equal(tally.weight2, expected.weight2)
    assert_array_equal(tally.count, expected.count)
    assert tally.count.dtype == np.int64


@pytest.mark.parametrize("threshold", [0.3, 0.0, np.nan])
def test_at_a_threshold_between_edges_is_refused(threshold):
    with pytest.raises(ValueError, match="is not an edge"):
        small().at(threshold)


def test_addition_by_hand():
    more = ScoreTally.from_arrays([1], [0.3], ["c"], edges=[0.25, 0.5])
    total = small() + more
    assert total.labels == ("a", "b", "c")
    assert total.weight[:2].tolist() == small().weight.tolist()
    assert total.weight[2].tolist() == [[0, 0, 0], [0, 1, 0]]
    assert total.edges.tolist() == [0.25, 0.5]
    assert total.at(0.25).cells()[2].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("score", [pd.Series([0.1, 0.9], index=[4, 4]), [[0.1], [0.9]]])
@pytest.mark.parametrize("pos_label", ["yes", "no"])
def test_string_labels_and_columns_of_scores(score, pos_label):
    tally = ScoreTally.from_arrays(
        ["no", "yes"], score, ["a", "a"], edges=[0.5], pos_label=pos_label
    )
    expected = [[1, 0, 0, 1]] if pos_label == "yes" else [[0, 1, 1, 0]]
    assert tally.at(0.5).cells().tolist() == expected


def test_data_without_positives():
    tally = ScoreTally.from_arrays(
        ["no", "no"], [0.1, 0.9], ["a", "a"], edges=[0.5], pos_label="yes"
    )
    assert tally.at(0.5).cells().tolist() == [[1, 1, 0, 0]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_score": [0.1, np.nan]}, "Input y_score contains NaN"),
        ({"y_score": [0.1, None]}, "Input y_score contains NaN"),
        ({"y_score": [0.1, 1.5]}, r"outside \[0, 1\]"),
        ({"y_score": [-0.1, 0.5]}, r"outside \[0, 1\]"),
        ({"edges": 1}, "at least 2 bins"),
        ({"edges": []}, "strictly increasing"),
        ({"edges": [0.5, 0.5]}, "strictly increasing"),
        ({"edges": [0.5, 0.2]}, "strictly increasing"),
        ({"edges": [[0.5]]}, "strictly increasing"),
        ({"edges": [np.nan]}, "strictly increasing and finite"),
        ({"edges": [0.5, np.inf]}, "strictly increasing and finite"),
        ({"y_score": [0.1]}, "inconsistent numbers of samples"),
        ({"sample_weight": [1, -1]}, "Negative values"),
        ({"y_true": ["no", "yes"]}, "pos_label is not specified"),
        ({"y_true": [0, None]}, "Input y_true contains NaN"),
        ({"sensitive_features": ["a", None], "missing": "raise"}, "has 1 missing"),
    ],
)
def test_bad_scores_are_refused(changed, message):
    good = {"y_true": [0, 1], "y_score": [0.1, 0.9], "sensitive_features": ["a", "b"]}
    with pytest.raises(ValueError, match=message):
        ScoreTally.from_arrays(**{**good, **changed})


def test_rows_of_weight_0_are_no_rows():
    tally = ScoreTally.from_arrays(
        [0, 1, 1], [0.2, 0.6, 0.9], ["a", "a", "a"], edges=[0.5], sample_weight=[1, 0, 3]
    )
    assert tally.group_counts.tolist() == [2]
    assert tally.at(0.5).count.tolist() == [[[1, 0], [0, 1]]]
