from __future__ import annotations

import numpy as np

from skfair.groups import Groups
from skfair.model_selection._pool_choice import PoolPart, choose_rows, neighbours_shares


def chosen(score, points, n, candidates, seed=0):
    part = PoolPart(np.arange(len(score)), np.asarray(score, dtype=float), 1.0)
    table = np.asarray(points, dtype=float)[:, None]
    return choose_rows([part], n, table, candidates, np.random.default_rng(seed)).tolist()


def test_clusters_are_weighted_by_the_score():
    # alike are 0 and 1, but telling them apart is worth more than reaching 10
    assert chosen([1000, 999, 0.01], [0, 1, 10], 2, 5) == [0, 1]
    assert chosen([1, 0.9, 0.8], [0, 1, 10], 2, 5) == [0, 2]


def test_only_the_best_rows_are_candidates():
    score, points = [0.9, 0.8, 0.7, 0.6, 0.5], [0, 1, 2, 3, 1000]
    assert 4 not in chosen(score, points, 2, 2)
    assert chosen(score, points, 2, 3) == [0, 4]


def test_scores_of_zero_are_chosen_as_well():
    assert sorted(chosen([0, 0, 0, 0], [0, 0, 5, 5], 2, 2, seed=1)) in (
        [0, 2],
        [0, 3],
        [1, 2],
        [1, 3],
    )


def test_parts_alternate_by_their_shares():
    parts = [
        PoolPart(np.array([0, 1, 2]), np.array([3.0, 2.0, 1.0]), 1.0),
        PoolPart(np.array([7, 8, 9, 10]), np.array([1.0, 2.0, 3.0, 4.0]), 3.0),
    ]
    found = choose_rows(parts, 4, None, 1, np.random.default_rng(0))
    assert sorted(found.tolist()) == [0, 8, 9, 10]
    assert found.tolist()[0] == 10
    everything = choose_rows(parts, 7, None, 1, np.random.default_rng(0))
    assert sorted(everything.tolist()) == [0, 1, 2, 7, 8, 9, 10]


def test_fewer_than_ten_neighbours_are_all():
    found = neighbours_shares(Groups.read(["f", "m"]), np.zeros((2, 1)), np.ones((3, 1)))
    assert found.tolist() == [[0.5, 0.5]] * 3
