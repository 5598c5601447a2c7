from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy import sparse
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from skfair.datasets import load_adult
from skfair.detection import find_proxies
from skfair.detection._proxies import normalized_mutual_information
from skfair.groups import MISSING

RNG = np.random.default_rng(0)
N = 400
SEX = RNG.choice(["f", "m"], N)
X = pd.DataFrame(
    {
        "noise": RNG.normal(size=N),
        "title": np.where(SEX == "f", "Ms", "Mr"),
        "height": np.where(SEX == "f", 165, 178) + RNG.normal(0, 7, N),
        "colour": RNG.choice(["red", "green", "blue"], N),
    }
)


def by_feature(table):
    return table.set_index("feature")


def test_the_strongest_proxy_is_first():
    table = find_proxies(X, sensitive_features={"sex": SEX})
    assert table.columns.tolist() == [
        "sensitive_feature",
        "feature",
        "normalized_mutual_information",
        "auc",
    ]
    assert table["feature"].tolist()[:2] == ["title", "height"]
    assert set(table["sensitive_feature"]) == {"sex"}
    assert table.loc[0, ["normalized_mutual_information", "auc"]].tolist() == [1, 1]
    assert table["auc"].is_monotonic_decreasing
    auc = by_feature(table)["auc"]
    assert auc["height"] == pytest.approx(0.9, abs=0.05)  # normal: Phi(13 / (7 sqrt 2))
    assert auc[["noise", "colour"]].between(0.4, 0.6).all()


def test_mutual_information_is_scikit_learns():
    table = by_feature(find_proxies(X, sensitive_features=SEX))
    for name in ("title", "colour"):
        expected = normalized_mutual_info_score(X[name], SEX)
        assert_allclose(table.loc[name, "normalized_mutual_information"], expected, atol=1e-12)


def test_mutual_information_by_hand():
    # I = ln 2 - H(1/4, 3/4), H(V) = ln 2, H(S) = ln 2
    table = np.array([[3.0, 1.0], [1.0, 3.0]])
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    expected = (np.log(2) - entropy) / np.log(2)
    assert_allclose(normalized_mutual_information(table), expected)
    assert_allclose(normalized_mutual_information(0.1 * table), expected)
    assert normalized_mutual_information(np.array([[2.0, 2.0], [1.0, 1.0]])) == pytest.approx(0)
    assert normalized_mutual_information(np.array([[2.0], [1.0]])) == 0
    assert np.isnan(normalized_mutual_information(np.zeros((2, 2))))


def test_what_is_to_be_seen_on_held_out_folds_only_is_nothing():
    """As many values as rows would give everything away where they were seen."""
    codes = pd.DataFrame({"code": np.arange(N).astype(str)[RNG.permutation(N)]})
    codes["code"] = codes["code"].str[:-1]  # ten rows a value
    auc = find_proxies(codes, sensitive_features=SEX)["auc"].item()
    assert 0.4 < auc < 0.6


def test_a_tree_of_two_leaves_by_hand():
    """A fold has the AUC (sensitivity + specificity) / 2; folds are not pooled."""
    sex = np.repeat(["f", "m"], [100, 300])
    hints = np.repeat(["a", "b", "a", "b"], [80, 20, 90, 210])
    auc = find_proxies(pd.DataFrame({"hint": hints}), sensitive_features=sex)["auc"].item()
    assert_allclose(auc, (0.8 + 0.7) / 2)


def test_the_auc_is_that_of_trees_on_the_column():
    """Up to the deal of the folds, it is what a tree on the rows themselves gets."""
    tree = DecisionTreeClassifier(max_leaf_nodes=8, random_state=0)
    table = by_feature(find_proxies(X, sensitive_features=SEX, n_bins=30))
    for name, values in (
        ("height", X[["height"]]),
        ("colour", OneHotEncoder(sparse_output=False).fit_transform(X[["colour"]])),
    ):
        score = cross_val_predict(tree, values, SEX == "f", cv=5, method="predict_proba")[:, 1]
        above = score[SEX == "f"][:, None] - score[SEX == "m"][None]
        expected = np.mean((above > 0) + 0.5 * (above == 0))
        assert_allclose(table.loc[name, "auc"], expected, atol=0.06)


def test_several_groups_are_each_told_from_the_rest():
    race = RNG.choice(["a", "b", "c"], N, p=[0.5, 0.3, 0.2])
    known = pd.DataFrame({"is_a": race == "a", "copy": race})
    table = by_feature(find_proxies(known, sensitive_features=race))
    assert table.loc["copy", "auc"] == 1
    # a is told (1); b from a at best by its share of the rest, c likewise: above a half, below 1
    assert 0.75 < table.loc["is_a", "auc"] < 0.95


def test_each_sensitive_feature_and_their_intersection():
    race = RNG.choice(["a", None], N)
    table = find_proxies(X[["title", "noise"]], sensitive_features={"sex": SEX, "race": race})
    assert table["sensitive_feature"].tolist() == ["sex"] * 2 + ["race"] * 2 + ["sex x race"] * 2
    by = table.set_index(["sensitive_feature", "feature"])["auc"]
    assert by["sex", "title"] == 1
    assert 0.4 < by["race", "title"] < 0.6
    assert 0.6 < by["sex x race", "title"] < 0.9
    with pytest.raises(ValueError, match="missing values"):
        find_proxies(X, sensitive_features=race, missing="raise")


def test_missing_values_are_a_value():
    column = pd.DataFrame({"income": np.where(SEX == "f", np.nan, RNG.normal(size=N))})
    assert find_proxies(column, sensitive_features=SEX)["auc"].item() == 1
    labels = find_proxies(column, sensitive_features=np.where(SEX == "f", None, "m"))
    assert labels["auc"].item() == 1
    assert MISSING not in labels["feature"].tolist()


def test_groups_with_fewer_rows_than_folds_are_left_out_of_the_auc():
    group = np.where(np.arange(N) < 3, "x", SEX)
    table = by_feature(find_proxies(X, sensitive_features=group))
    assert table.loc["title", "auc"] == 1
    assert table.loc["title", "normalized_mutual_information"] < 1
    alone = find_proxies(X, sensitive_features=["a"] * (N - 3) + ["b"] * 3)
    assert alone["auc"].isna().all()
    assert alone["normalized_mutual_information"].notna().all()
    single = find_proxies(X, sensitive_features=["a"] * N)
    assert single["auc"].isna().all()
    assert (single["normalized_mutual_information"] == 0).all()


def test_constant_columns_know_nothing():
    table = find_proxies(pd.DataFrame({"one": [1] * N, "none": [None] * N}), sensitive_features=SEX)
    assert (table["normalized_mutual_information"] == 0).all()
    assert (table["auc"] == 0.5).all()


def test_weights():
    weights = RNG.integers(1, 4, N)
    weighted = by_feature(find_proxies(X, sensitive_features=SEX, sample_weight=weights))
    expected = normalized_mutual_info_score(
        np.repeat(X["colour"], weights), np.repeat(SEX, weights)
    )
    found = weighted["normalized_mutual_information"]
    assert_allclose(found["colour"], expected, atol=1e-12)
    scaled = by_feature(find_proxies(X, sensitive_features=SEX, sample_weight=weights * 0.25))
    assert_allclose(scaled["auc"], weighted["auc"].loc[scaled.index])
    assert_allclose(
        scaled["normalized_mutual_information"],
        weighted["normalized_mutual_information"].loc[scaled.index],
        atol=1e-12,
    )
    kept = X["colour"] == "red"
    hidden = find_proxies(X, sensitive_features=SEX, sample_weight=kept.astype(float))
    assert by_feature(hidden).loc["colour", "normalized_mutual_information"] == pytest.approx(0)
    nothing = find_proxies(X, sensitive_features=SEX, sample_weight=np.zeros(N))
    assert nothing["auc"].isna().all()


def test_tables_of_all_kinds():
    numbers = X[["noise", "height"]]
    plain = find_proxies(numbers, sensitive_features=SEX)
    odd = numbers.set_index(np.arange(N)[::-1])
    assert_frame_equal(
        find_proxies(odd, sensitive_features=pd.Series(SEX)),
        plain.assign(sensitive_feature="sensitive_feature_0"),
    )
    polars = find_proxies(pl.from_pandas(numbers), sensitive_features=SEX)
    assert_frame_equal(polars, plain)
    for make in (np.asarray, sparse.csr_matrix):
        matrix = find_proxies(make(numbers.to_numpy()), sensitive_features=SEX)
        assert matrix["feature"].tolist() == ["x1", "x0"]
        assert_allclose(matrix["auc"], plain["auc"])


def test_the_same_again_and_in_any_order_of_columns():
    first = find_proxies(X, sensitive_features=SEX)
    assert_frame_equal(find_proxies(X, sensitive_features=SEX), first)
    assert_frame_equal(find_proxies(X[X.columns[::-1]], sensitive_features=SEX), first)
    other = find_proxies(X, sensitive_features=SEX, random_state=1)
    assert not other.equals(first)


def test_only_the_wanted_columns():
    table = find_proxies(X, sensitive_features=SEX, columns=["colour", 0])
    assert set(table["feature"]) == {"colour", "noise"}
    with pytest.raises(ValueError, match="X has no columns"):
        find_proxies(X, sensitive_features=SEX, columns=["age"])


def test_columns_without_groups_are_left_out():
    with pytest.warns(UserWarning, match="'note': 400 distinct values") as caught:
        table = find_proxies(X.assign(note=[f"text {i}" for i in range(N)]), sensitive_features=SEX)
    assert "note" not in table["feature"].tolist()
    assert caught[0].filename == __file__


def test_bad_input():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        find_proxies(X, sensitive_features=SEX[1:])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        find_proxies(X, sensitive_features=SEX, sample_weight=[1.0])
    with pytest.raises(ValueError, match="n_bins must be an integer"):
        find_proxies(X, sensitive_features=SEX, n_bins=1)


def test_adults_proxies_of_sex():
    bunch = load_adult()
    columns = [c for c in bunch.data.columns if c != "sex"]
    table = find_proxies(bunch.data, sensitive_features=bunch.data["sex"], columns=columns)
    assert table["feature"].tolist()[:2] == ["relationship", "marital-status"]
    assert set(table["sensitive_feature"]) == {"sex"}


def test_trees_are_not_judged_by_the_rows_they_were_fitted_to():
    rng = np.random.default_rng(0)
    found = [
        find_proxies(
            rng.normal(size=(60, 1)), sensitive_features=np.resize(["f", "m"], 60), n_bins=30
        )["auc"].item()
        for _ in range(20)
    ]
    assert np.mean(found) < 0.57  # by those rows: 0.8


@pytest.mark.parametrize("n_values", [10, 50, 300])
def test_a_proxy_of_many_values_is_seen_through(n_values):
    rng = np.random.default_rng(0)
    value = rng.integers(0, n_values, 3000)
    X = pd.DataFrame({"code": value.astype(str), "noise": rng.integers(0, 300, 3000).astype(str)})
    table = find_proxies(X, sensitive_features={"sex": value % 2}).set_index("feature")
    assert table.loc["code", "auc"] > 0.99
    assert abs(table.loc["noise", "auc"] - 0.5) < 0.04
