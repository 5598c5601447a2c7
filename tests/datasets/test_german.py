from __future__ import annotations

import re
import socket

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skfair.datasets import load_german


@pytest.fixture(scope="module")
def german():
    return load_german()


def test_bunch_has_scikit_learns_entries(german):
    assert set(german) == {
        "data",
        "target",
        "frame",
        "feature_names",
        "target_names",
        "sensitive_feature_names",
        "legacy_sex",
        "DESCR",
        "licence",
        "license",
        "citation",
        "filename",
        "data_module",
    }
    assert german.licence == german.license == "CC BY 4.0"
    assert "10.24432/C5NC77" in german.citation
    assert german.sensitive_feature_names == ["age"]


def test_shapes_and_dtypes(german):
    assert german.data.shape == (1000, 20)
    assert german.frame.shape == (1000, 21)
    assert german.target.name == "credit_risk"
    assert (german.data.dtypes == "int64").sum() == 7
    assert (german.data.dtypes == "category").sum() == 13
    assert not german.frame.isna().any(axis=None)


def test_labels(german):
    assert german.target.value_counts().to_dict() == {"good": 700, "bad": 300}
    assert german.target_names == ["bad", "good"]


def test_good_risks_by_age(german):
    young = german.data["age"] <= 25
    assert young.sum() == 190
    assert (german.target[young] == "good").sum() == 110
    assert (german.target[~young] == "good").sum() == 590


@pytest.mark.parametrize(
    ("column", "counts"),
    [
        ("checking_status", {"no checking account": 394, "less than 0 DM": 274}),
        ("credit_history", {"no credits taken, or all paid back duly": 40}),
        ("purpose", {"others": 12, "business": 97, "radio or television": 280, "retraining": 9}),
        ("personal_status", {"male: single": 548, "male: divorced or separated": 50}),
        ("other_debtors", {"none": 907}),
        ("housing", {"own": 713, "rent": 179, "for free": 108}),
        ("foreign_worker", {"yes": 963, "no": 37}),
    ],
)
def test_codes_are_spelled_out(german, column, counts):
    found = german.data[column].value_counts()
    assert found[list(counts)].to_dict() == counts


def test_no_code_is_left(german):
    text = german.frame.select_dtypes("category").astype(str)
    assert not text.apply(lambda column: column.str.fullmatch(r"A\d+")).any(axis=None)


def test_legacy_sex_stands_beside_the_features(german):
    assert not any("sex" in name for name in german.feature_names)
    assert german.legacy_sex.value_counts().to_dict() == {"male": 690, "female": 310}
    good = (german.target == "good").groupby(german.legacy_sex, observed=True).sum()
    assert good.to_dict() == {"female": 201, "male": 499}
    assert german.legacy_sex.index.equals(german.data.index)
    assert "can't be recovered" in german.DESCR


def test_description_lists_every_column(german):
    for column in german.feature_names:
        assert re.search(rf"^{column} +(?:integer|category) +0 ", german.DESCR, re.MULTILINE)


def test_return_X_y_and_arrays(german):
    X, y = load_german(return_X_y=True, as_frame=False)
    bunch = load_german(as_frame=False)
    assert X.shape == (1000, 20)
    assert (y == "good").sum() == 700
    assert bunch.frame is None
    assert (bunch.legacy_sex == german.legacy_sex.to_numpy()).all()
    assert X[0, 1] == 6


def test_every_call_gives_a_fresh_copy(german):
    bunch = load_german()
    bunch.data.loc[0, "age"] = -1
    assert bunch.frame.loc[0, "age"] == 67
    pd.testing.assert_frame_equal(load_german().data, german.data)


def test_needs_no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a loader opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    load_german()


def test_labels_suit_scikit_learns_classifiers(german):
    X = german.data.select_dtypes("number")
    model = LogisticRegression(max_iter=2000).fit(X / X.max(), german.target)
    assert model.classes_.tolist() == german.target_names
