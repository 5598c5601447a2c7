from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from skfair.datasets import load_german, load_heart
from skfair.similarity import cluster_pairs, near_pairs, radius_pairs


def as_set(pairs):
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def test_distance_is_the_root_mean_square_of_standardised_differences():
    # standard deviations 2 and 10: differences of 0.5 and 0 deviations
    X = np.array([[0.0, 0.0], [4.0, 20.0], [0.0, 20.0], [4.0, 0.0]])
    later = np.array([[1.0, 0.0]])
    pairs = near_pairs(X, later, tol=0.4)
    assert as_set(pairs) == {(0, 4)}
    assert pairs.distance == pytest.approx([np.sqrt(0.5**2 / 2)])
    assert as_set(near_pairs(X, later, tol=0.35)) == set()


def test_the_threshold_does_not_hang_on_the_number_of_columns():
    column = np.array([0.0, 0.03, 1.0, 2.0, 3.0])
    one = near_pairs(column[:, None], tol=0.05)
    ten = near_pairs(np.repeat(column[:, None], 10, axis=1), tol=0.05)
    assert as_set(one) == as_set(ten) == {(0, 1)}
    assert one.distance == pytest.approx(ten.distance)


def test_the_first_table_gives_the_deviations():
    narrow, wide = np.array([[0.0], [1.0], [2.0]]), np.array([[0.01], [1000.0]])
    assert as_set(near_pairs(narrow, wide)) == {(0, 3)}
    assert as_set(near_pairs(wide, narrow)) == {(0, 2), (0, 3), (0, 4), (2, 3), (2, 4), (3, 4)}


def test_columns_that_are_not_numeric_must_be_equal():
    X = pd.DataFrame({"x": [0.0, 0.001, 0.002, 5.0], "sex": ["f", "m", "f", "f"]})
    assert as_set(near_pairs(X)) == {(0, 2)}
    assert as_set(near_pairs(X.assign(sex=X.sex == "f"))) == {(0, 2)}
    coded = X.assign(sex=pd.Categorical([0, 1, 0, 0]))
    assert as_set(near_pairs(coded, tol=100)) == {(0, 2), (0, 3), (2, 3)}
    assert as_set(near_pairs(pl.from_pandas(X))) == {(0, 2)}


def test_max_different_lets_so_many_of_them_differ():
    X = pd.DataFrame(
        {
            "x": [0.0, 0.001, 0.002, 5.0],
            "sex": ["f", "m", "m", "f"],
            "race": ["b", "b", None, "b"],
        }
    )
    assert as_set(near_pairs(X)) == set()
    once = near_pairs(X, max_different=1)
    assert as_set(once) == {(0, 1), (1, 2)}
    everything = near_pairs(X, max_different=7)
    assert as_set(everything) == {(0, 1), (0, 2), (1, 2)}
    assert everything.first.tolist() == [0, 0, 1]


def test_equal_pairs_up_to_one_category_are_listed_once():
    X = pd.DataFrame({"x": [1.0, 1.0001, 4.0], "a": list("uuv"), "b": list("uuv")})
    assert near_pairs(X, max_different=1).second.tolist() == [1]


def test_missing_values_are_near_missing_values_only():
    nan = np.nan
    X = np.array([[0.0, nan], [0.001, nan], [0.0, 0.0], [0.001, 1.0], [9.0, 9.0], [nan, 9.0]])
    pairs = near_pairs(X)
    assert as_set(pairs) == {(0, 1)}
    deviation = np.nanstd(X[:, 0])
    assert pairs.distance == pytest.approx([0.001 / deviation])  # over the column that is there
    nullable = pd.DataFrame(X, columns=["a", "b"]).astype("Float64")
    assert as_set(near_pairs(nullable)) == {(0, 1)}
    assert as_set(near_pairs(nullable.astype(object))) == {(0, 1)}


def test_a_missing_value_is_not_near_the_mean():
    X = np.array([[-1.0, 4.0], [0.0, np.nan], [0.001, 5.0], [1.0, 6.0]])
    assert as_set(near_pairs(X)) == set()


def test_rows_that_miss_every_number_are_blocked_by_the_rest():
    X = pd.DataFrame({"x": [np.nan] * 4, "a": ["u", "v", "u", "v"]})
    assert as_set(near_pairs(X)) == set()  # equal rows are searched as one
    assert as_set(near_pairs(X, max_different=1)) == {(0, 1)}


def test_constant_columns_are_left_out_and_never_hide_a_difference():
    x = np.array([0.0, 0.001, 5.0, 9.0])
    constant = np.full(4, 0.1)
    constant[1] = 0.3 - 0.2  # 0.1 but for rounding
    assert constant[1] != constant[0]
    pairs = near_pairs(np.c_[x, constant])
    assert as_set(pairs) == {(0, 1)}
    assert pairs.distance == pytest.approx([0.001 / x.std()])
    later = np.array([[0.0005, 7.0], [0.0005, 0.1]])
    found = near_pairs(np.c_[x, np.full(4, 0.1)], later)
    assert as_set(found) == {(0, 1), (0, 5), (1, 5)}  # row 4 has another constant
    assert as_set(near_pairs(np.full((4, 1), np.nan), np.array([[1.0], [9.0]]))) == set()


def test_equal_rows_are_searched_as_one():
    X = np.array([[0.0], [0.0], [0.001], [0.001], [7.0], [7.0]])
    assert as_set(near_pairs(X)) == {(0, 2)}
    assert len(near_pairs(np.repeat(X, 5000, axis=0)).first) == 1


@pytest.mark.parametrize("scale", [1e-300, 1e-5, 1e300])
def test_scale_and_offset_do_not_matter(scale):
    x = np.array([0.0, 0.01, 1.0, -1.0])
    expected = near_pairs(x[:, None])
    found = near_pairs((x * scale)[:, None])
    assert as_set(found) == as_set(expected) == {(0, 1)}
    assert found.distance == pytest.approx(expected.distance)
    assert near_pairs(x[:, None] + 1e9).distance == pytest.approx(expected.distance, rel=1e-4)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([0.1, 0.3, 1.0]))
def test_it_finds_what_comparing_all_rows_finds(seed, p, tol):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, p)).round(1)
    X = X[np.sort(np.unique(X, axis=0, return_index=True)[1])]
    block = rng.integers(0, 3, len(X))
    table = pd.DataFrame(X).assign(block=np.array(["u", "v", "w"])[block])
    z = X / X.std(axis=0)
    distance = cdist(z, z) / np.sqrt(p)
    same = block[:, None] == block
    edge = np.abs(distance - tol) < 1e-9
    found = as_set(near_pairs(table, tol=tol))
    for i, j in zip(*np.triu_indices(len(X), 1), strict=True):
        assert edge[i, j] or ((i, j) in found) == (same[i, j] and distance[i, j] <= tol)


def test_the_edge_belongs_to_the_radius_and_order_does_not_move_it():
    points = np.array([[0.1], [0.4], [0.7], [1.0]])
    radius = np.abs(0.4 - 0.1)
    expected = {(i, i + 1) for i in range(3) if np.abs(points[i + 1] - points[i]) <= radius}
    assert (0, 1) in expected
    assert as_set(radius_pairs(points, radius)) == expected


def test_points_pair_within_their_block_only():
    points = np.zeros((4, 0))
    assert as_set(radius_pairs(points, 1.0, blocks=np.array([0, 1, 0, 1]))) == {(0, 2), (1, 3)}


def test_threads_change_nothing():
    X = np.random.default_rng(3).normal(size=(500, 2))
    one, two = near_pairs(X, tol=0.1), near_pairs(X, tol=0.1, n_jobs=2)
    assert len(one.first) > 100
    for left, right in zip(one, two, strict=True):
        np.testing.assert_array_equal(left, right)


def test_pairs_are_sorted_and_the_first_row_lies_before_the_second():
    pairs = near_pairs(np.random.default_rng(0).normal(size=(300, 2)), tol=0.2)
    keys = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert keys == sorted(set(keys))
    assert (pairs.first < pairs.second).all()


def test_too_many_pairs_are_refused_before_they_are_made():
    # more points than one batch of the count, none of the first near another
    lonely = np.c_[np.arange(1500) * 1000.0 + 1e6, np.zeros(1500)]
    points = np.r_[lonely, np.random.default_rng(0).normal(size=(100, 2))]
    with pytest.raises(ValueError, match="more than 4949 pairs lie within a distance of 50:"):
        radius_pairs(points, 50.0, max_pairs=4949)
    assert len(radius_pairs(points, 50.0, max_pairs=4950).first) == 4950


def test_pairs_are_counted_over_all_batches():
    points = np.repeat(np.arange(1000.0), 2)[:, None]
    with pytest.raises(ValueError, match="more than 999 pairs"):
        radius_pairs(points, 0.5, max_pairs=999)
    assert len(radius_pairs(points, 0.5, max_pairs=1000).first) == 1000


@pytest.mark.parametrize("tol", [0, -1, np.nan, np.inf])
def test_a_bad_tol_is_refused(tol):
    with pytest.raises(ValueError, match="tol must be positive"):
        near_pairs(np.eye(3), tol=tol)


@pytest.mark.parametrize("max_different", [-1, 0.5, "1"])
def test_a_bad_max_different_is_refused(max_different):
    with pytest.raises(ValueError, match="max_different must be"):
        near_pairs(np.eye(3), max_different=max_different)


def test_infinity_is_refused_by_name():
    with pytest.raises(ValueError, match="infinity in column 'a'"):
        near_pairs(pd.DataFrame({"a": [1.0, np.inf]}))


def planted(X, k, seed):
    """Stack X and k rows of it, noise of 1 % of the standard deviation on each numeric column."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(X), k, replace=False)
    copies = X.iloc[rows].copy()
    for name in X.select_dtypes("number"):
        noise = rng.normal(scale=0.01 * X[name].std(), size=k)
        copies[name] = copies[name].to_numpy(dtype=float) + noise
    return copies, {(row, len(X) + place) for place, row in enumerate(rows.tolist())}


def normal_table():
    X = np.random.default_rng(1).normal(size=(2000, 10))
    return pd.DataFrame(X, columns=list("abcdefghij"))


@pytest.mark.parametrize(
    "load",
    [
        normal_table,
        lambda: load_heart(return_X_y=True)[0],
        lambda: load_heart(return_X_y=True)[0].select_dtypes("number"),
        lambda: load_german(return_X_y=True)[0],
        lambda: load_german(return_X_y=True)[0].select_dtypes("number"),
    ],
)
def test_planted_near_copies_are_found(load):
    X = load()
    hits = n_found = n_planted = 0
    for seed in range(3):
        copies, truth = planted(X, len(X) // 6, seed)
        found = {pair for pair in as_set(near_pairs(X, copies)) if pair[1] >= len(X)}
        hits, n_found = hits + len(found & truth), n_found + len(found)
        n_planted += len(truth)
    assert hits / n_planted >= 0.95
    assert hits / n_found >= 0.95


def test_clusters_connect_rows_over_others_and_leave_single_rows_out():
    clusters = cluster_pairs(7, np.array([5, 1, 2]), np.array([6, 2, 4]))
    assert clusters.tolist() == [-1, 0, 0, -1, 0, 1, 1]
    none = np.zeros(0, dtype=int)
    assert cluster_pairs(3, none, none).tolist() == [-1, -1, -1]
