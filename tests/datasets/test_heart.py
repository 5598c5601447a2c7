from __future__ import annotations

import re
import socket

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skfair.datasets import load_heart
from skfair.groups import Bins, Groups


@pytest.fixture(scope="module")
def heart():
    return load_heart()


def test_bunch_has_scikit_learns_entries(heart):
    assert set(heart) == {
        "data",
        "target",
        "frame",
        "feature_names",
        "target_names",
        "sensitive_feature_names",
        "DESCR",
        "licence",
        "license",
        "citation",
        "filename",
        "data_module",
    }
    assert heart.licence == heart.license == "CC BY 4.0"
    assert "10.24432/C52P4X" in heart.citation
    assert heart.sensitive_feature_names == ["sex", "age"]
    assert set(heart.sensitive_feature_names) <= set(heart.feature_names)


def test_shapes_and_dtypes(heart):
    assert heart.data.shape == (303, 13)
    assert heart.frame.shape == (303, 14)
    assert heart.target.name == "heart_disease"
    assert (heart.data.dtypes == "int64").sum() == 4
    assert (heart.data.dtypes == "float64").sum() == 2
    assert (heart.data.dtypes == "category").sum() == 7


def test_only_ca_and_thal_have_missing_values(heart):
    missing = heart.frame.isna().sum()
    assert missing[missing > 0].to_dict() == {"ca": 4, "thal": 2}


def test_labels(heart):
    assert heart.target.value_counts().to_dict() == {"absence": 164, "presence": 139}
    assert heart.target_names == ["presence", "absence"]


def test_first_and_last_row_are_those_of_the_source(heart):
    first, last = heart.frame.iloc[0].tolist(), heart.frame.iloc[-1]
    assert first == [
        *(63, "male", "typical angina", 145, 233, "above 120 mg/dl"),
        *("left ventricular hypertrophy", 150, "no", 2.3, "downsloping", 0.0),
        *("fixed defect", "absence"),
    ]
    assert last[["age", "sex", "thalach", "heart_disease"]].tolist() == [38, "male", 173, "absence"]
    assert pd.isna(last["ca"])


def test_means_are_those_of_the_source(heart):
    means = heart.data[["age", "trestbps", "chol", "thalach", "oldpeak"]].mean().round(2)
    assert means.tolist() == [54.44, 131.69, 246.69, 149.61, 1.04]


@pytest.mark.parametrize(
    ("column", "counts"),
    [
        ("sex", {"male": 206, "female": 97}),
        (
            "cp",
            {
                "asymptomatic": 144,
                "non-anginal pain": 86,
                "atypical angina": 50,
                "typical angina": 23,
            },
        ),
        ("fbs", {"120 mg/dl or less": 258, "above 120 mg/dl": 45}),
        (
            "restecg",
            {"normal": 151, "left ventricular hypertrophy": 148, "ST-T wave abnormality": 4},
        ),
        ("exang", {"no": 204, "yes": 99}),
        ("slope", {"upsloping": 142, "flat": 140, "downsloping": 21}),
        ("ca", {0: 176, 1: 65, 2: 38, 3: 20}),
        ("thal", {"normal": 166, "reversible defect": 117, "fixed defect": 18}),
    ],
)
def test_codes_are_spelled_out(heart, column, counts):
    assert heart.data[column].value_counts().to_dict() == counts


def test_the_table_of_base_rates_in_the_description_is_right(heart):
    ill = heart.target == "presence"
    age = Groups.from_columns(heart.data, Bins("age", [54]))
    older = pd.Series(age.codes == 1)
    female = heart.data["sex"] == "female"
    parts = {
        "sex female": female,
        "sex male": ~female,
        "age up to 54": ~older,
        "age above 54": older,
        "female, age up to 54": female & ~older,
        "female, age above 54": female & older,
        "male, age up to 54": ~female & ~older,
        "male, age above 54": ~female & older,
    }
    for name, rows in parts.items():
        n, k = rows.sum(), ill[rows].sum()
        assert re.search(rf"^{name} +{n} +{k} {k / n:.3f}$", heart.DESCR, re.MULTILINE), name


def test_description_lists_every_column_and_the_caveats(heart):
    for column in heart.feature_names:
        assert re.search(rf"^{column} +(?:integer|float|category) +\d ", heart.DESCR, re.MULTILINE)
    for text in ("more than 50 %", "61 rows", "10.24432/C52P4X", "CC BY 4.0", "Janosi"):
        assert text in heart.DESCR


def test_return_X_y_and_arrays(heart):
    X, y = load_heart(return_X_y=True, as_frame=False)
    bunch = load_heart(as_frame=False)
    assert X.shape == (303, 13)
    assert X[0, 0] == 63
    assert (y == "presence").sum() == 139
    assert bunch.frame is None
    frame, target = load_heart(return_X_y=True)
    pd.testing.assert_frame_equal(frame, heart.data)
    pd.testing.assert_series_equal(target, heart.target)


def test_every_call_gives_a_fresh_copy(heart):
    bunch = load_heart()
    bunch.data.loc[0, "age"] = -1
    assert bunch.frame.loc[0, "age"] == 63
    pd.testing.assert_frame_equal(load_heart().data, heart.data)


def test_needs_no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a loader opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    load_heart()


def test_labels_suit_scikit_learns_classifiers(heart):
    X = heart.data.select_dtypes("int64")
    model = LogisticRegression(max_iter=2000).fit(X / X.max(), heart.target)
    assert set(model.classes_) == set(heart.target_names)
