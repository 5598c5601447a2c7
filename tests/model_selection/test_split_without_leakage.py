from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skfair.model_selection import cluster_ids, split_without_leakage


@pytest.fixture
def data():
    """Clusters of 60 rows, half of them alone, labels and groups."""
    rng = np.random.default_rng(0)
    clusters = np.where(rng.random(60) < 0.5, -1, rng.integers(0, 8, 60))
    return clusters, np.array(["a", "b"])[rng.integers(0, 2, 60)], rng.choice(["f", "m", "x"], 60)


def check_folds(folds, clusters, n_splits):
    assert len(folds) == n_splits
    assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(60))
    for train, test in folds:
        assert_array_equal(np.sort(np.r_[train, test]), np.arange(60))
        assert not set(clusters[train][clusters[train] >= 0]) & set(clusters[test])


@pytest.mark.parametrize("shuffle", [False, True])
def test_clusters_stay_on_one_side(data, shuffle):
    clusters, y, groups = data
    for options in (
        {},
        {"y": y},
        {"sensitive_features": groups},
        {"y": y, "sensitive_features": groups},
    ):
        folds = split_without_leakage(clusters, n_splits=3, shuffle=shuffle, **options)
        check_folds(folds, clusters, 3)
        sizes = [len(test) for _, test in folds]
        assert min(sizes) >= 8


def test_shuffling_hangs_on_the_seed(data):
    clusters, y, _ = data
    for options in ({}, {"y": y}):
        one, same, other = (
            split_without_leakage(clusters, n_splits=3, shuffle=True, random_state=s, **options)
            for s in (0, 0, 1)
        )
        assert [t.tolist() for _, t in one] == [t.tolist() for _, t in same]
        assert [t.tolist() for _, t in one] != [t.tolist() for _, t in other]


def test_cells_of_label_and_group_are_spread():
    y, groups = np.tile([0, 0, 1, 1], 10), np.tile(["f", "m"], 20)
    folds = split_without_leakage(np.full(40, -1), y, sensitive_features=groups, n_splits=5)
    for _, test in folds:
        cells = Counter(zip(y[test].tolist(), groups[test].tolist(), strict=True))
        assert list(cells.values()) == [2, 2, 2, 2]


def test_folds_serve_searches(data):
    clusters, y, _ = data
    X = np.random.default_rng(0).normal(size=(60, 2))
    folds = split_without_leakage(clusters, y, n_splits=3)
    assert cross_val_score(LogisticRegression(), X, y, cv=folds).shape == (3,)


def test_rows_without_a_copy_are_clusters_of_their_own():
    assert cluster_ids([-1, 3, -1, 3]).tolist() == [4, 3, 5, 3]
    assert cluster_ids(np.array([-1, -1], dtype=np.int8)).tolist() == [0, 1]


def test_refusals(data):
    clusters, y, groups = data
    for call, reason in [
        (lambda: split_without_leakage(clusters, y[:9]), "inconsistent numbers"),
        (lambda: split_without_leakage(clusters, sensitive_features=groups[:9]), "inconsistent"),
        (lambda: split_without_leakage(clusters, y, n_splits=1), "n_splits"),
        (lambda: split_without_leakage(clusters, y, random_state=0), "shuffle=True"),
        (lambda: split_without_leakage(clusters, np.linspace(0, 1, 60)), "continuous"),
        (lambda: split_without_leakage([0, 0, 1, 1], n_splits=3), "n_splits"),
        (lambda: cluster_ids([0.5, 1]), "one integer a row"),
        (lambda: cluster_ids([]), "one integer a row"),
    ]:
        with pytest.raises(ValueError, match=reason):
            call()
