from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skfair._utils.plotting import (
    COLORS,
    grid_shape,
    line_style,
    short_names,
)
from skfair.base import GroupsAtPredictMixin
from skfair.groups import Bins, Groups
from skfair.metrics.displays._base import (
    positive_scores,
    read_groups_of,
    respond,
)


class ShiftByGroup(GroupsAtPredictMixin, ClassifierMixin, BaseEstimator):
    """Its score is the first column, shifted for the group "m"."""

    def __init__(self, sensitive_features=None, shift=10.0):
        self.sensitive_features = sensitive_features
        self.shift = shift

    def fit(self, X, y, *, sensitive_features=None):
        self.labels_ = self._read_groups(X, sensitive_features).labels
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X, *, sensitive_features=None):
        codes = self._read_groups(X, sensitive_features).encode(self.labels_)
        return np.asarray(X["x"], dtype=float) + self.shift * (codes == self.labels_.index("m"))

    def predict(self, X, *, sensitive_features=None):
        scores = self.decision_function(X, sensitive_features=sensitive_features)
        return self.classes_[(scores > 5).astype(int)]


X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "sex": [*"fmfm"], "race": [*"bbww"]})
Y = np.array([0, 1, 0, 1])


# names


def test_short_names_keep_short_ones_and_join_intersections():
    assert short_names(["f", 3, ("Black", "Female")]) == ["f", "3", "Black, Female"]


def test_short_names_keep_both_ends_of_long_ones():
    name = "start " + "x" * 300 + " end"
    (short,) = short_names([name], width=20)
    assert len(short) == 20
    assert short.startswith("start")
    assert short.endswith("end")
    assert "…" in short


def test_short_names_are_never_alike():
    names = short_names(["a" * 300, "a" * 299 + "ab", "a" * 310, "b", 1, "1"], width=12)
    assert len(set(names)) == 6
    assert all(len(name) <= 12 for name in names)


def test_short_names_are_one_line_and_no_formula():
    assert short_names(["two\nlines\t here", "$5 to $6"]) == ["two lines here", r"\$5 to \$6"]


def test_a_name_that_starts_with_an_underscore_is_not_hidden_by_matplotlib():
    (name,) = short_names(["_other"])
    assert not name.startswith("_")
    assert name.endswith("_other")


# styles and grids


def test_the_first_groups_differ_in_colour_and_the_next_in_line():
    styles = [line_style(i) for i in range(20)]
    assert len({style["color"] for style in styles[: len(COLORS)]}) == len(COLORS)
    assert len({(style["color"], style["linestyle"]) for style in styles}) == 20


@pytest.mark.parametrize(("n", "shape"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 3)), (12, (3, 4))])
def test_grids_are_even_and_have_room_for_all(n, shape):
    assert grid_shape(n) == shape


# groups of X, or values


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ("sex", ("f", "m")),
        (1, ("f", "m")),
        (["sex"], ("f", "m")),
        (["race", "sex"], (("b", "f"), ("b", "m"), ("w", "f"), ("w", "m"))),
        (Bins("x", [1]), ("x<=1", "x>1")),
        (["sex", Bins("x", [5])], (("f", "x<=5"), ("m", "x<=5"))),
        (lambda X: ["all"] * 4, ("all",)),
    ],
)
def test_columns_of_X_are_read(make, given, labels):
    groups, values = read_groups_of(
        make(X.to_dict("list")), given, missing="group", owner="display"
    )
    assert groups.labels == labels
    again = Groups.read(values)
    assert again.labels == labels
    assert again.codes.tolist() == groups.codes.tolist()


@pytest.mark.parametrize(
    "values",
    [[*"fmfm"], [*"abcd"], [0, 1, 0, 1], [3, 2, 1, 0], np.array([*"fmfm"]), pd.Series([*"fmfm"])],
)
def test_values_are_read_and_passed_on_as_they_are(values):
    groups, passed = read_groups_of(X, values, missing="group", owner="display")
    assert passed is values
    expected = Groups.read(values)
    assert groups.labels == expected.labels
    assert groups.codes.tolist() == expected.codes.tolist()


def test_as_many_names_of_columns_as_rows_are_columns():
    groups, _ = read_groups_of(X.iloc[:2], ["sex", "race"], missing="group", owner="display")
    assert groups.names == ("sex", "race")


def test_values_of_a_wrong_length_are_no_columns():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        read_groups_of(X, [0, 1, 0], missing="group", owner="display")


def test_errors_of_reading_groups_are_clear():
    with pytest.raises(ValueError, match=r"no column 'gender'; its columns are \['x', 'sex'"):
        read_groups_of(X, "gender", missing="group", owner="display")
    with pytest.raises(ValueError, match="MyDisplay needs sensitive features"):
        read_groups_of(X, None, missing="group", owner="MyDisplay")
    with pytest.raises(ValueError, match="missing"):
        read_groups_of(X, ["f", None, "f", "m"], missing="raise", owner="display")


def test_groups_give_their_values_as_a_series_or_a_frame():
    single = Groups.read({"sex": ["f", "m", None]}).to_values()
    assert single.tolist() == ["f", "m", "<missing>"]
    assert single.name == "sex"
    several = Groups.read({"sex": ["f", "m", "f"], "old": [0, 0, 1]}).to_values()
    assert several.to_dict("list") == {"sex": ["f", "m", "f"], "old": [0, 0, 1]}


# responses


def test_groups_reach_an_estimator_that_asks_for_them_only():
    model = ShiftByGroup().fit(X, Y, sensitive_features=X["sex"])
    assert respond(model, X, "predict", X["sex"]).tolist() == [0, 1, 0, 1]
    by_column = ShiftByGroup(sensitive_features="sex").fit(X, Y)
    assert respond(by_column, X, "predict", X["race"]).tolist() == [0, 1, 0, 1]
    plain = LogisticRegression().fit(X[["x"]], Y)
    assert respond(plain, X[["x"]], "predict", X["sex"]).shape == (4,)


def test_groups_reach_the_best_estimator_of_a_search(routing):
    big = pd.concat([X] * 4, ignore_index=True)
    search = GridSearchCV(ShiftByGroup(), {"shift": [10.0, 20.0]}, cv=2, scoring=lambda *_: 0.0)
    search.fit(big, np.tile(Y, 4), sensitive_features=big["sex"])
    assert respond(search, X, "predict", X["sex"]).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("labels", [[0, 1, 0, 1], ["no", "yes", "no", "yes"]])
def test_scores_are_those_of_the_positive_class(labels):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[["x"]], labels)
    proba = model.predict_proba(X[["x"]])
    first, last = dict.fromkeys(labels)
    scores = positive_scores(model, X[["x"]], None, pos_label=last)
    assert scores.tolist() == proba[:, 1].tolist()
    scores = positive_scores(model, X[["x"]], None, pos_label=first)
    assert scores.tolist() == proba[:, 0].tolist()


def test_decision_functions_are_turned_where_the_first_class_is_positive():
    model = RidgeClassifier().fit(X[["x"]], ["no", "yes", "no", "yes"])
    yes = positive_scores(model, X[["x"]], None, pos_label="yes")
    assert yes.tolist() == model.decision_function(X[["x"]]).tolist()
    assert positive_scores(model, X[["x"]], None, pos_label="no").tolist() == (-yes).tolist()


def test_scores_of_one_class_of_many():
    model = LogisticRegression().fit(X[["x"]], [*"abca"])
    scores = positive_scores(model, X[["x"]], None, pos_label="b")
    assert scores.tolist() == model.predict_proba(X[["x"]])[:, 1].tolist()


def test_scores_that_cannot_be_had_are_refused():
    model = LogisticRegression().fit(X[["x"]], ["no", "yes", "no", "yes"])
    with pytest.raises(ValueError, match="pos_label is not specified"):
        positive_scores(model, X[["x"]], None, pos_label=None)
    svc = LinearSVC().fit(X[["x"]], Y)
    with pytest.raises(ValueError, match="LinearSVC is no classifier with predict_proba"):
        positive_scores(svc, X[["x"]], None, pos_label=None, methods=("predict_proba",))
    lone = ShiftByGroup(sensitive_features="sex").fit(X, [0] * 4)
    with pytest.raises(ValueError, match="knows no positive class"):
        positive_scores(lone, X, None, pos_label=None)
