from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skfair.criteria import wilson_interval
from skfair.datasets import load_adult
from skfair.detection import find_duplicates, find_leakage
from skfair.groups import Groups

Z = 1.959963984540054

X = pd.DataFrame(
    {
        "age": [30.0, 40.0, 30.0, np.nan, 30.0, np.nan, 50.0],
        "job": ["a", "b", "a", "c", "a", "c", None],
    },
    index=[5, 5, 4, 3, 2, 1, 0],
)
SEX = ["f", "f", "f", "m", None, "m", "m"]


def partition(clusters):
    """Clusters as sets of rows."""
    return {frozenset(np.flatnonzero(clusters == k).tolist()) for k in set(clusters) - {-1}}


def test_exact_duplicates_by_hand():
    found = find_duplicates(X)
    assert found.clusters.tolist() == [0, -1, 0, 1, 0, 1, -1]
    assert found.duplicated.tolist() == [False, False, True, False, True, True, False]
    assert found.duplicated.dtype == bool
    assert (found.n_duplicates, found.n_clusters) == (3, 2)
    assert found.pairs.to_dict("list") == {
        "row_a": [0, 0, 3],
        "row_b": [2, 4, 5],
        "distance": [0.0, 0.0, 0.0],
    }
    assert found.near is False


def test_every_kind_of_table_gives_the_same_clusters():
    expected = [0, -1, 0, 1, 0, 1, -1]
    rows = [tuple(row) for row in X.astype(object).to_numpy().tolist()]
    for table in (pl.from_pandas(X), X.to_numpy(), rows, dict(X), X.convert_dtypes()):
        assert find_duplicates(table).clusters.tolist() == expected


def test_shares_by_group_with_wilsons_interval():
    table = find_duplicates(X, sensitive_features=pd.Series(SEX, name="sex")).by_group
    assert table.index.tolist() == ["f", "m", "<missing>"]
    assert table.index.name == "sex"
    assert table["n"].tolist() == [3, 3, 1]
    assert table["n_duplicates"].tolist() == [1, 1, 1]
    assert table["share"].tolist() == pytest.approx([1 / 3, 1 / 3, 1])
    low, high = wilson_interval(np.array([1 / 3, 1 / 3, 1]), np.array([3.0, 3.0, 1.0]), Z)
    np.testing.assert_allclose(table["low"], low)
    np.testing.assert_allclose(table["high"], high)


def test_without_groups_there_is_one_line_for_all():
    table = find_duplicates(X, confidence_level=0.5).by_group
    assert table.index.tolist() == ["all"]
    assert table[["n", "n_duplicates"]].to_numpy().tolist() == [[7, 3]]
    wide = find_duplicates(X).by_group
    assert wide.loc["all", "low"] < table.loc["all", "low"] < 3 / 7


@pytest.mark.parametrize("copied", [0, 4])
def test_none_and_all_duplicated(copied):
    table = np.arange(5.0)[:, None] if copied == 0 else np.ones((5, 1))
    found = find_duplicates(table, sensitive_features=list("ffmmm"))
    assert (found.n_duplicates, found.n_clusters) == (copied, min(copied, 1))
    assert found.by_group["n_duplicates"].sum() == copied
    assert len(found.pairs) == copied


def test_several_features_make_intersections_and_groups_are_taken_as_they_are():
    both = {"sex": SEX, "old": [1, 1, 0, 0, 0, 1, 1]}
    table = find_duplicates(X, sensitive_features=both).by_group
    assert table.index.names == ["sex", "old"]
    assert table.loc[("f", 0)].tolist()[:3] == [1, 1, 1.0]
    groups = find_duplicates(X, sensitive_features=Groups.read(both)).by_group
    pd.testing.assert_frame_equal(groups, table)


def test_columns_restrict_the_comparison():
    assert find_duplicates(X, columns=["job"]).clusters.tolist() == [0, -1, 0, 1, 0, 1, -1]
    assert find_duplicates(X.assign(id=range(7))).n_duplicates == 0
    assert find_duplicates(X.assign(id=range(7)), columns=["job", 0]).n_duplicates == 3
    table = [[1, 2], [1, 3], [2, 3]]
    assert find_duplicates(table, columns=0).clusters.tolist() == [0, 0, -1]
    assert find_duplicates(np.array(table), columns=[1]).clusters.tolist() == [-1, 0, 0]
    named = {"a": [1, 1, 2], "b": [2, 3, 3]}
    assert find_duplicates(named, columns="b").clusters.tolist() == [-1, 0, 0]
    with pytest.raises(ValueError, match="income"):
        find_duplicates(X, columns=["income"])


def test_near_copies_join_exact_ones_and_chain_over_others():
    table = np.array([[0.0], [10.0], [0.05], [0.0], [0.1], [-10.0], [10.0]])
    tol = 0.06 / table.std()
    found = find_duplicates(table, near=True, tol=tol)
    assert found.clusters.tolist() == [0, 1, 0, 0, 0, -1, 1]
    assert found.pairs[["row_a", "row_b"]].to_numpy().tolist() == [[0, 2], [0, 3], [1, 6], [2, 4]]
    assert found.pairs["distance"].tolist() == pytest.approx(
        [0.05 / table.std(), 0, 0, 0.05 / table.std()]
    )
    assert found.n_duplicates == 4
    assert find_duplicates(table, tol=tol).n_duplicates == 2


def test_near_copies_may_differ_in_a_category_if_asked():
    table = pd.DataFrame({"x": [1.0, 1.0001, 3.0], "sex": ["f", "m", "m"]})
    assert find_duplicates(table, near=True).n_duplicates == 0
    assert find_duplicates(table, near=True, max_different=1).clusters.tolist() == [0, 0, -1]


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_shuffled_rows_give_the_same_clusters(seed, near):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(80, 2))).assign(c=rng.choice(["u", "v", None], 80))
    table = pd.concat([table, table.sample(30, random_state=seed % 1000)], ignore_index=True)
    found = find_duplicates(table, near=near, tol=0.1)
    order = rng.permutation(len(table))
    again = find_duplicates(table.iloc[order], near=near, tol=0.1)
    back = np.empty_like(again.clusters)
    back[order] = again.clusters
    assert partition(back) == partition(found.clusters)
    assert found.n_duplicates == again.n_duplicates >= 30


def test_the_repr_says_what_was_found():
    text = repr(find_duplicates(X, sensitive_features={"sex": SEX}))
    assert text.startswith("Duplicates(3 of 7 rows, n_clusters=2, exact)\n")
    assert "0.3333" in text
    assert "near, tol=0.05" in repr(find_duplicates(X, near=True, tol=0.05))


def test_bad_input_of_find_duplicates_is_refused():
    with pytest.raises(ValueError, match="inconsistent numbers"):
        find_duplicates(X, sensitive_features=SEX[:3])
    with pytest.raises(ValueError, match="missing values"):
        find_duplicates(X, sensitive_features=SEX, missing="raise")
    with pytest.raises(ValueError, match="confidence_level"):
        find_duplicates(X, confidence_level=1.0)
    with pytest.raises(ValueError, match="tol must be"):
        find_duplicates(X, near=True, tol=0)


TRAIN = pd.DataFrame({"age": [1, 2, 2, 3], "job": ["a", "b", "b", None]}, index=list("wxyz"))
TEST = pl.DataFrame({"job": ["b", None, "a", "b"], "age": [2.0, 3.0, 9.0, 2.0]})
VALID = pd.DataFrame({"age": [9], "job": ["a"]})
SPLITS = {"train": TRAIN, "test": TEST, "validation": VALID}


def test_leakage_by_hand():
    found = find_leakage(SPLITS)
    assert {key: mask.astype(int).tolist() for key, mask in found.copies.items()} == {
        ("train", "test"): [0, 1, 1, 1],
        ("train", "validation"): [0, 0, 0, 0],
        ("test", "train"): [1, 1, 0, 1],
        ("test", "validation"): [0, 0, 1, 0],
        ("validation", "train"): [0],
        ("validation", "test"): [1],
    }
    assert found.pairs.to_numpy().tolist() == [
        ["train", 1, "test", 0, 0.0],
        ["train", 1, "test", 3, 0.0],
        ["train", 2, "test", 0, 0.0],
        ["train", 3, "test", 1, 0.0],
        ["test", 2, "validation", 0, 0.0],
    ]
    assert found.rows("test", "train").tolist() == [0, 1, 3]
    assert found.by_group is None


def test_the_summary_has_a_line_for_each_ordered_pair_of_splits():
    table = find_leakage(SPLITS).summary
    assert table.index.names == ["split", "found_in"]
    assert len(table) == 6
    line = table.loc[("test", "train")]
    low, high = wilson_interval(np.array(0.75), np.array(4.0), Z)
    assert line.tolist() == pytest.approx([4, 3, 0.75, float(low), float(high)])
    assert table.loc[("validation", "test"), "n_copies"] == 1
    assert table["n_copies"].dtype.kind == "i"


def test_groups_of_the_splits_that_have_them():
    sex = {"test": pd.Series(["f", "m", "m", None], name="sex"), "train": None}
    table = find_leakage(SPLITS, sensitive_features=sex).by_group
    assert table.index.names == ["split", "found_in", "sex"]
    assert table.loc[("test", "train")].index.tolist() == ["f", "m", "<missing>"]
    assert table.loc[("test", "train"), "share"].tolist() == [1, 0.5, 1]
    assert table.loc[("test", "validation"), "n_copies"].tolist() == [0, 1, 0]
    assert set(table.index.get_level_values("split")) == {"test"}


def test_splits_given_one_by_one_are_numbered():
    found = find_leakage(TRAIN, TEST, sensitive_features={1: list("ffmm")})
    assert found.rows(1, 0).tolist() == [0, 1, 3]
    assert found.by_group.loc[(1, 0, "m"), "share"] == 0.5
    assert found.pairs["split_a"].tolist() == [0, 0, 0, 0]


def test_columns_restrict_the_splits_by_name_and_by_position():
    with pytest.raises(ValueError, match="different columns"):
        find_leakage(TRAIN, TEST.drop("age"))
    found = find_leakage(TRAIN, TEST.drop("age"), columns=["job"])
    assert found.copies[1, 0].tolist() == [True, True, True, True]
    by_place = find_leakage(np.array([[1, 2], [3, 4]]), pd.DataFrame({"a": [3]}), columns=[0])
    assert by_place.rows(1, 0).tolist() == [0]


def test_near_leakage_goes_both_ways_and_over_equal_rows():
    train = np.array([[0.0], [100.0], [0.0], [50.0]])
    test = np.array([[0.1], [70.0], [0.1], [0.0]])
    found = find_leakage(train, test, near=True)
    assert found.rows(0, 1).tolist() == [0, 2]
    assert found.rows(1, 0).tolist() == [0, 2, 3]
    near = 0.1 / train.std()
    assert found.pairs.drop(columns=["split_a", "split_b"]).to_numpy().tolist() == [
        [0, 0, pytest.approx(near)],
        [0, 2, pytest.approx(near)],
        [0, 3, 0.0],
        [2, 0, pytest.approx(near)],
        [2, 3, 0.0],
    ]
    assert len(find_leakage(train, test).pairs) == 2


def test_near_rows_within_one_split_are_no_leakage():
    found = find_leakage(np.array([[0.0], [0.001], [9.0]]), np.array([[5.0], [5.001]]), near=True)
    assert found.summary["n_copies"].tolist() == [0, 0]
    assert found.pairs.empty
    assert list(found.pairs) == ["split_a", "row_a", "split_b", "row_b", "distance"]


def test_many_equal_rows_make_few_pairs():
    found = find_leakage(np.ones((3000, 2)), np.ones((2000, 2)), near=True)
    assert len(found.pairs) == 4999
    assert found.summary["share"].tolist() == [1, 1]


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_each_row_with_a_copy_is_in_the_pairs(seed, near):
    rng = np.random.default_rng(seed)
    splits = {name: rng.integers(0, 6, size=(n, 2)) for name, n in (("a", 12), ("b", 8), ("c", 9))}
    found = find_leakage(splits, near=near, tol=0.6)
    tables = found.pairs
    for (split, other), mask in found.copies.items():
        first = (tables["split_a"] == split) & (tables["split_b"] == other)
        second = (tables["split_b"] == split) & (tables["split_a"] == other)
        rows = {*tables.loc[first, "row_a"], *tables.loc[second, "row_b"]}
        assert rows == set(np.flatnonzero(mask).tolist())
        if not near:
            there = set(map(tuple, splits[other].tolist()))
            assert mask.tolist() == [tuple(row) in there for row in splits[split].tolist()]


def plant(table, noise, rng, n_fresh=1000, n_copies=1000):
    """Test rows of which some are copies of training rows, and which are."""
    order = rng.permutation(len(table))
    fresh, train = table.iloc[order[:n_fresh]], table.iloc[order[n_fresh:]]
    copies = train.sample(n_copies, random_state=0)
    numbers = table.select_dtypes("number")
    scale = noise * train[list(numbers)].std().to_numpy()
    copies[list(numbers)] = copies[list(numbers)] + scale * rng.normal(size=(n_copies, len(scale)))
    shuffled = rng.permutation(n_fresh + n_copies)
    test = pd.concat([fresh.astype(dict.fromkeys(numbers, float)), copies]).iloc[shuffled]
    return train, test, shuffled >= n_fresh


def make_normal():
    table = np.random.default_rng(0).normal(size=(5000, 10))
    return pd.DataFrame(table, columns=list("abcdefghij"))


@pytest.mark.parametrize("load", [make_normal, lambda: load_adult(return_X_y=True)[0]])
def test_planted_copies_across_splits_are_found(load):
    table, rng = load(), np.random.default_rng(1)
    for noise, recall in ((0.0, 1.0), (0.01, 0.95)):
        train, test, planted = plant(table, noise, rng)
        found = find_leakage({"train": train, "test": test}, near=noise > 0)
        copied = found.copies["test", "train"]
        assert copied[planted].mean() >= recall
        assert planted[copied].mean() >= 0.95


def test_the_repr_of_leakage_shows_the_finest_table():
    assert repr(find_leakage(SPLITS)).startswith("Leakage(exact)\n")
    assert "validation" in repr(find_leakage(SPLITS))
    text = repr(find_leakage(SPLITS, near=True, sensitive_features={"validation": ["x-ray"]}))
    assert text.startswith("Leakage(near, tol=0.02)\n")
    assert "x-ray" in text


def test_bad_input_of_find_leakage_is_refused():
    with pytest.raises(ValueError, match="two or more splits, got 1"):
        find_leakage(TRAIN)
    with pytest.raises(ValueError, match="two or more splits, got 1"):
        find_leakage({"train": TRAIN})
    with pytest.raises(ValueError, match=r"the splits are \['train', 'test'"):
        find_leakage(SPLITS, sensitive_features={"trian": list("ffmm")})
    with pytest.raises(ValueError, match="must be a mapping"):
        find_leakage(TRAIN, TEST, sensitive_features=[list("ffmm"), list("ffmm")])
    with pytest.raises(ValueError, match=r"sensitive_features\['test'\] has 2, the data have 4"):
        find_leakage(SPLITS, sensitive_features={"test": ["f", "m"]})
    with pytest.raises(ValueError, match="missing values"):
        find_leakage(SPLITS, sensitive_features={"validation": [None]}, missing="raise")
    with pytest.raises(ValueError, match="another number of columns"):
        find_leakage(
            SPLITS, sensitive_features={"validation": ["f"], "test": {"a": SEX[:4], "b": SEX[:4]}}
        )
    with pytest.raises(ValueError, match="no such splits"):
        find_leakage(SPLITS).rows("train", "train")


@pytest.mark.parametrize(
    "make",
    [
        lambda v: pd.DataFrame({"id": pd.array(v, dtype="Int64"), "x": 1}),
        lambda v: pl.DataFrame({"id": v, "x": [1] * len(v)}),
        lambda v: {"id": pd.Series(v, dtype="Int64"), "x": np.ones(len(v))},
    ],
)
def test_large_integers_beside_missing_ones_are_told_apart_in_chosen_columns(make):
    table = make([2**53, 2**53 + 1, None, None])
    assert find_duplicates(table, columns=["id"]).clusters.tolist() == [-1, -1, 0, 0]
