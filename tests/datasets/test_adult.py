from __future__ import annotations

import re
import socket

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair.datasets import load_adult

MISSING = {"workclass": 2799, "occupation": 2809, "native-country": 857}
BASE_RATES = {
    "sex": {"Female": (16192, 1769), "Male": (32650, 9918)},
    "race": {
        "Amer-Indian-Eskimo": (470, 55),
        "Asian-Pac-Islander": (1519, 409),
        "Black": (4685, 566),
        "Other": (406, 50),
        "White": (41762, 10607),
    },
}


@pytest.fixture(scope="module")
def adult():
    return load_adult()


def test_bunch_has_scikit_learns_entries(adult):
    assert set(adult) == {
        "data",
        "target",
        "frame",
        "feature_names",
        "target_names",
        "sensitive_feature_names",
        "n_train",
        "DESCR",
        "licence",
        "license",
        "citation",
        "filename",
        "data_module",
    }
    assert adult.licence == adult.license == "CC BY 4.0"
    assert "10.24432/C5XW20" in adult.citation
    assert adult.sensitive_feature_names == ["sex", "race", "age"]
    assert adult.target_names == ["<=50K", ">50K"]


def test_shapes_and_dtypes(adult):
    assert adult.data.shape == (48842, 14)
    assert adult.frame.shape == (48842, 15)
    assert adult.feature_names == list(adult.data.columns)
    assert adult.target.name == "income"
    assert (adult.frame.dtypes == "category").sum() == 9
    assert (adult.data.dtypes == "int64").sum() == 6
    assert all(isinstance(level, str) for level in adult.data["race"].cat.categories)


def test_labels_of_both_parts_are_spelled_alike(adult):
    assert adult.target.value_counts().to_dict() == {"<=50K": 37155, ">50K": 11687}
    assert (adult.target[: adult.n_train] == ">50K").sum() == 7841


def test_training_part_comes_first(adult):
    first, first_of_test = adult.frame.iloc[0], adult.frame.iloc[adult.n_train]
    assert (first["age"], first["workclass"], first["fnlwgt"]) == (39, "State-gov", 77516)
    assert (first_of_test["age"], first_of_test["education"]) == (25, "11th")
    assert len(adult.frame) - adult.n_train == 16281


def test_missing_values(adult):
    missing = adult.frame.isna().sum()
    assert missing[missing > 0].to_dict() == MISSING
    assert adult.frame.isna().any(axis=1).sum() == 3620
    assert not (adult.frame.astype(str) == "?").any(axis=None)


@pytest.mark.parametrize("column", sorted(BASE_RATES))
def test_rows_and_positives_by_group(adult, column):
    positive = (adult.target == ">50K").groupby(adult.data[column], observed=True)
    counts = {group: (int(n), int(k)) for group, n, k in positive.agg(["size", "sum"]).itertuples()}
    assert counts == BASE_RATES[column]


def test_description_states_the_same_figures(adult):
    for column in adult.feature_names:
        pattern = rf"^{column} +(?:integer|category) +{adult.data[column].isna().sum():,} "
        assert re.search(pattern, adult.DESCR, re.MULTILINE), column
    for groups in BASE_RATES.values():
        for group, (n, k) in groups.items():
            pattern = rf"^{group} +{n:,} +{k:,} +{k / n:.3f}$"
            assert re.search(pattern, adult.DESCR, re.MULTILINE), group


def test_return_X_y(adult):
    X, y = load_adult(return_X_y=True)
    assert X.equals(adult.data)
    assert y.equals(adult.target)


def test_arrays():
    bunch = load_adult(as_frame=False)
    assert bunch.frame is None
    assert isinstance(bunch.data, np.ndarray)
    assert bunch.data.shape == (48842, 14)
    assert bunch.data[0, :2].tolist() == [39, "State-gov"]
    assert pd.isna(bunch.data).sum() == sum(MISSING.values())
    assert (bunch.target == ">50K").sum() == 11687


def test_every_call_gives_a_fresh_copy(adult):
    bunch = load_adult()
    bunch.data.loc[0, "age"] = -1
    bunch.target.iloc[0] = ">50K"
    assert bunch.frame.loc[0, "age"] == 39
    assert bunch.frame.loc[0, "income"] == "<=50K"
    assert load_adult().data.equals(adult.data)


def test_needs_no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a loader opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    load_adult()


def test_labels_suit_scikit_learns_classifiers(adult):
    X, y = adult.data[:2000].drop(columns="fnlwgt"), adult.target[:2000]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
        remainder=StandardScaler(),
    )
    model = make_pipeline(encode, LogisticRegression(max_iter=500)).fit(X, y)
    assert model.classes_.tolist() == adult.target_names
    assert model.score(X, y) > 0.8
