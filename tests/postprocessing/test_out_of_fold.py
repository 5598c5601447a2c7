"""Scores come from models that haven't seen their rows, with the rows' own groups and weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skfair.groups import Groups
from skfair.model_selection import GroupLabelStratifiedKFold
from skfair.postprocessing._out_of_fold import (
    out_of_fold_scores,
    positive_scores,
    scores_of_class,
    take_metadata,
)


class Memory(ClassifierMixin, BaseEstimator):
    """Scores 1 the rows it was fitted to (by the first column), and says what it was given."""

    __metadata_request__fit = {"sensitive_features": True, "extra": True}  # noqa: RUF012
    __metadata_request__predict_proba = {"sensitive_features": True}  # noqa: RUF012

    def fit(self, X, y, sample_weight=None, sensitive_features=None, extra=None):
        X = np.asarray(X)
        for given in (sample_weight, sensitive_features, extra):
            if given is not None:
                assert_array_equal(np.asarray(given), X[:, 1])
        self.seen_ = set(X[:, 0])
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X, sensitive_features=None):
        X = np.asarray(X)
        if sensitive_features is not None:
            assert_array_equal(np.asarray(sensitive_features), X[:, 1])
        seen = np.array([float(x in self.seen_) for x in X[:, 0]])
        return np.column_stack([1 - seen, seen])


def make(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n), rng.normal(size=n)])
    y = (X[:, 0] + rng.normal(size=n) > 0).astype(int)
    return X, y, Groups.read(rng.choice(["f", "m", "x"], n))


def labelled_rows(n=40):
    """Second column: the group, the weight and the extra metadata, all in one."""
    X = np.column_stack([np.arange(n), 1.0 + np.arange(n) % 3])
    return X, np.arange(n) % 2, Groups.read(X[:, 1])


def test_no_row_is_scored_by_a_model_that_has_seen_it():
    X, y, groups = labelled_rows()
    scores, model = out_of_fold_scores(Memory(), X, y, groups, positive=1)
    assert_array_equal(scores, np.zeros(40))
    assert_array_equal(positive_scores(model, X, 1), np.ones(40))


def test_weights_groups_and_metadata_stay_with_their_rows():
    X, y, groups = labelled_rows()
    metadata = {"sensitive_features": X[:, 1], "extra": X[:, 1]}
    scores, _ = out_of_fold_scores(
        Memory(), X, y, groups, positive=1, sample_weight=X[:, 1], metadata=metadata, cv=4
    )
    assert_array_equal(scores, np.zeros(40))
    turned = {"extra": np.roll(X[:, 1], 1)}
    with pytest.raises(AssertionError):
        out_of_fold_scores(Memory(), X, y, groups, positive=1, metadata=turned)


def test_metadata_are_split_if_they_are_by_row():
    groups = Groups.read(list("fmf"))
    values = {
        "sensitive_features": list("fmf"),
        "by_row": [1, 2, 3],
        "other": [1, 2],
        "name": "abc",
        "number": np.float64(3),
        "nothing": None,
        "options": {"a": 1, "b": 2, "c": 3},
    }
    taken = take_metadata(values, groups, np.array([2, 1]))
    assert list(taken.pop("sensitive_features")) == ["f", "m"]
    assert taken.pop("by_row") == [3, 2]
    assert taken == {key: values[key] for key in ("other", "name", "number", "nothing", "options")}


@pytest.mark.parametrize("cv", [KFold(4), GroupLabelStratifiedKFold(4), 4])
def test_a_splitter_gives_what_cross_val_predict_gives(cv):
    X, y, groups = make()
    scores, model = out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1, cv=cv)
    splitter = GroupLabelStratifiedKFold(4) if cv == 4 else cv
    needs = {"sensitive_features": groups} if not isinstance(cv, KFold) else {}
    splits = list(splitter.split(X, y, **needs))
    expected = cross_val_predict(LogisticRegression(), X, y, cv=splits, method="predict_proba")
    assert_allclose(scores, expected[:, 1])
    listed, _ = out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1, cv=splits)
    assert_array_equal(listed, scores)
    assert_allclose(model.coef_, LogisticRegression().fit(X, y).coef_)


def test_weights_are_those_of_every_fit():
    X, y, groups = make()
    weights = np.linspace(0.1, 3, len(y))
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    folds = list(KFold(3).split(X))
    scores, model = out_of_fold_scores(
        pipe, X, y, groups, positive=1, sample_weight=weights, cv=folds
    )
    for train, test in folds:
        pipe.fit(X[train], y[train], logisticregression__sample_weight=weights[train])
        assert_allclose(scores[test], pipe.predict_proba(X[test])[:, 1])
    pipe.fit(X, y, logisticregression__sample_weight=weights)
    assert_allclose(model[-1].coef_, pipe[-1].coef_)


def test_rows_of_weight_zero_are_in_no_fold_of_others():
    X, y, groups = make(80)
    weights = np.where(np.arange(80) % 4 == 1, 0.0, 1.0)
    kept = np.flatnonzero(weights)
    scores, _ = out_of_fold_scores(
        LogisticRegression(), X, y, groups, positive=1, sample_weight=weights
    )
    alone, _ = out_of_fold_scores(
        LogisticRegression(), X[kept], y[kept], groups.take(kept), positive=1
    )
    assert_allclose(scores[kept], alone, rtol=1e-5)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("labels", [("no", "yes"), ("yes", "no")])
@pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC()])
def test_the_score_is_that_of_the_positive_class(labels, model):
    X, y, groups = make(200)
    names = np.array(labels)[y]  # positive first or last in the alphabet
    scores, _ = out_of_fold_scores(model, X, names, groups, positive=labels[1])
    assert np.corrcoef(scores, X[:, 0])[0, 1] > 0.5
    flipped, _ = out_of_fold_scores(model, X, names, groups, positive=labels[0])
    expected = 1 - scores if isinstance(model, LogisticRegression) else -scores
    assert_allclose(flipped, expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["pandas", "polars", "lists"])
def test_frames_and_lists_have_the_same_scores(kind):
    X, y, groups = make()
    expected, _ = out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1)
    table = {
        "pandas": pd.DataFrame(X, index=np.arange(60)[::-1], columns=["a", "b"]),
        "polars": pl.DataFrame(X, schema=["a", "b"]),
        "lists": X.tolist(),
    }[kind]
    scores, _ = out_of_fold_scores(LogisticRegression(), table, y.tolist(), groups, positive=1)
    assert_allclose(scores, expected)


def test_folds_can_be_fitted_in_parallel():
    X, y, groups = make()
    one, _ = out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1)
    two, _ = out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1, n_jobs=2)
    assert_array_equal(one, two)


def test_a_search_can_be_wrapped():
    X, y, groups = make()
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
    scores, model = out_of_fold_scores(search, X, y, groups, positive=1, cv=2)
    assert scores.shape == (60,)
    assert model.best_params_


def test_a_fitted_estimator_is_used_as_it_is():
    X, y, groups = make()
    model = LogisticRegression().fit(X[:30], y[:30])
    expected = model.predict_proba(X)[:, 1]
    for estimator, cv in ((model, "prefit"), (FrozenEstimator(model), 5)):
        scores, fitted = out_of_fold_scores(estimator, X, y, groups, positive=1, cv=cv)
        assert_array_equal(scores, expected)
        assert fitted is estimator
    with pytest.raises(NotFittedError):
        out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1, cv="prefit")


def test_groups_reach_a_fitted_estimator_that_asks_for_them():
    X, y, groups = labelled_rows()
    model = Memory().fit(X, y)
    metadata = {"sensitive_features": X[:, 1]}
    scores, _ = out_of_fold_scores(model, X, y, groups, positive=1, metadata=metadata, cv="prefit")
    assert_array_equal(scores, np.ones(40))
    shifted = Groups.read(np.roll(X[:, 1], 1))
    with pytest.raises(AssertionError):
        out_of_fold_scores(model, X, y, shifted, positive=1, metadata=metadata, cv="prefit")


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (None, "cv must be"),
        ("five", "cv must be"),
        (True, "cv must be"),
        (1, "n_splits"),
        (ShuffleSplit(3, random_state=0), "hold each row once"),
        ([(np.arange(30), np.arange(30, 60))], "hold each row once"),
    ],
)
def test_what_is_no_partition_is_refused(cv, message):
    X, y, groups = make()
    with pytest.raises(ValueError, match=message):
        out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1, cv=cv)


def test_bad_input_is_refused():
    X, y, groups = make()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        out_of_fold_scores(LogisticRegression(), X[:-1], y, groups, positive=1)
    with pytest.raises(ValueError, match="Negative values"):
        out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1, sample_weight=-y)
    with pytest.raises(ValueError, match="a training set lacks it"):
        scores_of_class([[1.0]], [0], 1, "predict_proba")
    with pytest.raises(ValueError, match="predict_proba contains NaN"):
        scores_of_class([[0.5, np.nan]], [0, 1], 1, "predict_proba")

    class Silent(LogisticRegression):
        predict_proba = decision_function = property()

    with pytest.raises(TypeError, match="Silent has neither"):
        out_of_fold_scores(Silent(), X, y, groups, positive=1)


def test_small_cells_make_no_noise():
    X, y, _ = make()
    groups = Groups.read(np.where(np.arange(60) == 3, "rare", "common"))
    scores, _ = out_of_fold_scores(LogisticRegression(), X, y, groups, positive=1)
    assert np.isfinite(scores).all()
