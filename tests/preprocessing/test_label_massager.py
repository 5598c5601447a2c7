from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfair.groups import Groups
from skfair.metrics import fairness_scoring, select_fair
from skfair.preprocessing import CorrelationRemover, LabelMassager
from skfair.preprocessing.label_massager import labels_to_flip

REPRODUCIBLE = settings(max_examples=80)


class Scores(ClassifierMixin, BaseEstimator):
    """Scores rows by the values of a column."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.labels_ = y
        return self

    def predict_proba(self, X):
        score = np.asarray(X["score"], dtype=float)
        return np.column_stack([1 - score, score])

    def predict(self, X):
        return self.classes_[(np.asarray(X["score"]) > 0.5).astype(int)]


# Group a has 1 of 5 positive, group b 4 of 5: each should have 2.5
X = pd.DataFrame(
    {
        "g": list("aaaaabbbbb"),
        "score": [0.9, 0.3, 0.7, 0.2, 0.6, 0.1, 0.9, 0.55, 0.8, 0.45],
    }
)
Y = np.array([1, 0, 0, 0, 0, 0, 1, 1, 1, 1])


def flips(positive, codes, scores, weights=None, max_flips=None):
    codes = np.asarray(codes)
    weights = None if weights is None else np.asarray(weights, dtype=float)
    return labels_to_flip(
        np.asarray(positive, dtype=bool),
        codes,
        int(codes.max()) + 1,
        np.asarray(scores, dtype=float),
        weights,
        max_flips,
    ).tolist()


# Which labels, by hand


def test_the_nearest_to_the_boundary_change():
    # 1.5 of a are to be promoted: row 2, the highest negative, and a tie between 1 and 2 rows
    # stays at 1; 1.5 of b are to be demoted: row 9, its lowest positive
    assert flips(Y, X["g"] == "b", X["score"]) == [2, 9]


def test_as_many_as_come_nearest_to_the_overall_rate():
    positive = np.repeat([1, 0, 1, 0], [1, 5, 4, 2])
    codes = np.repeat([0, 1], 6)
    scores = np.linspace(0, 1, 12)
    # 5 of 12: 2.5 of 6 each; a wants 1.5, b loses 1.5, ties stay below
    assert flips(positive, codes, scores) == [5, 6]
    positive = np.repeat([1, 0, 1, 0], [1, 6, 5, 2])
    codes = np.repeat([0, 1], 7)
    # 6 of 14: 3 of 7 each, so two of each are changed
    assert flips(positive, codes, np.linspace(0, 1, 14)) == [6, 5, 7, 8]
    positive = np.repeat([1, 0, 1, 0], [0, 5, 8, 2])
    codes = np.repeat([0, 1], [5, 10])
    # 8 of 15: a should have 2.67, so 3 (nearer than 2), b 5.33, so 5
    assert flips(positive, codes, np.arange(15)) == [4, 3, 2, 5, 6, 7]


def test_of_rows_as_near_the_first_change():
    positive = [0, 0, 0, 0, 1, 1, 1, 1]
    assert flips(positive, np.repeat([0, 1], 4), np.full(8, 0.5)) == [0, 1, 4, 5]


def test_fair_labels_stay():
    assert flips([1, 0, 1, 0], [0, 0, 1, 1], [0.1, 0.9, 0.2, 0.8]) == []
    assert flips([1, 0, 1], [0, 0, 0], [0.1, 0.9, 0.2]) == []


def test_the_most_flips_are_shared_out():
    positive = np.repeat([0, 1], 10)
    codes, scores = np.repeat([0, 1], 10), np.arange(20)
    assert flips(positive, codes, scores) == [9, 8, 7, 6, 5, 10, 11, 12, 13, 14]
    assert flips(positive, codes, scores, max_flips=10) == [9, 8, 7, 6, 5, 10, 11, 12, 13, 14]
    assert flips(positive, codes, scores, max_flips=6) == [9, 8, 7, 10, 11, 12]
    assert flips(positive, codes, scores, max_flips=5) == [9, 8, 10, 11]
    assert flips(positive, codes, scores, max_flips=0) == []


def test_weights_by_hand():
    # a weighs 6 with 1 positive, b 6 with 5: each should have 3
    positive = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    codes = np.repeat([0, 1], 4)
    scores = [0.5, 0.9, 0.7, 0.1, 0.3, 0.6, 0.9, 0.2]
    weights = [1, 2, 2, 1, 2, 2, 1, 1]
    assert flips(positive, codes, scores, weights) == [1, 4]
    # a row of weight 0 is no row
    weights = [1, 0, 2, 3, 2, 2, 1, 1]
    assert flips(positive, codes, scores, weights) == [2, 4]
    # 3.9 is nearer to 2 than nothing is
    weights = [1, 3.9, 0.6, 0.5, 2, 2, 1, 1]
    assert flips(positive, codes, scores, weights) == [1, 4]
    weights = [1, 4.1, 0.5, 0.4, 2, 2, 1, 1]
    assert flips(positive, codes, scores, weights) == [4]


random_rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 20)), min_size=2, max_size=60
)


def rates(positive, codes):
    return [positive[codes == g].mean() for g in np.unique(codes)]


@REPRODUCIBLE
@given(random_rows)
def test_base_rates_meet_up_to_half_a_row(rows):
    positive, codes, scores = (np.array(column) for column in zip(*rows, strict=True))
    codes = np.unique(codes, return_inverse=True)[1]
    changed = flips(positive, codes, scores)
    assert len(set(changed)) == len(changed)
    new = positive.copy()
    new[changed] ^= True
    overall = positive.mean()
    for group in range(codes.max() + 1):
        member = codes == group
        assert abs(new[member].sum() - overall * member.sum()) <= 0.5 + 1e-9
        # one way only, and nearest first
        of_group = [row for row in changed if member[row]]
        assert len({bool(positive[row]) for row in of_group}) <= 1
        if of_group:
            promoted = not positive[of_group[0]]
            left = member & (positive != promoted)
            left[of_group] = False
            sign = 1 if promoted else -1
            worst = min(sign * scores[of_group])
            assert all(sign * scores[left] <= worst)
    assert abs(new.sum() - positive.sum()) <= (codes.max() + 1) / 2
    if codes.max() == 1:
        assert new.sum() == positive.sum()


@REPRODUCIBLE
@given(random_rows, st.integers(0, 20))
def test_the_most_flips_are_kept_and_the_nearest_come_first(rows, most):
    positive, codes, scores = (np.array(column) for column in zip(*rows, strict=True))
    codes = np.unique(codes, return_inverse=True)[1]
    whole = flips(positive, codes, scores)
    some = flips(positive, codes, scores, max_flips=most)
    assert len(some) <= most
    assert set(some) <= set(whole)
    for group in range(codes.max() + 1):
        of_group = [row for row in whole if codes[row] == group]
        kept = [row for row in some if codes[row] == group]
        assert kept == of_group[: len(kept)]
        assert len(kept) > len(of_group) * min(1, most / max(len(whole), 1)) - 1
    if len(whole) <= most:
        assert some == whole


@REPRODUCIBLE
@given(random_rows, st.randoms(use_true_random=False))
def test_weighted_base_rates_meet_up_to_half_a_row(rows, random):
    positive, codes, scores = (np.array(column) for column in zip(*rows, strict=True))
    codes = np.unique(codes, return_inverse=True)[1]
    weights = np.array([random.choice([0, 0.5, 1, 2.5]) for _ in rows]) + 1e-3
    new = positive.copy()
    new[flips(positive, codes, scores, weights)] ^= True
    overall = np.average(positive, weights=weights)
    for group in range(codes.max() + 1):
        member = codes == group
        gap = (new * weights)[member].sum() - overall * weights[member].sum()
        assert abs(gap) <= max(weights[member]) / 2 + 1e-9


# The estimator


def test_the_estimator_sees_the_changed_labels():
    model = LabelMassager(Scores(), sensitive_features="g").fit(X, Y)
    expected = Y.copy()
    expected[[2, 9]] = [1, 0]
    assert_array_equal(model.estimator_.labels_, expected)
    assert_array_equal(Y, [1, 0, 0, 0, 0, 0, 1, 1, 1, 1])  # the caller's labels stay
    assert model.flips_.to_dict("list") == {
        "row": [2, 9],
        "group": ["a", "b"],
        "old": [0, 1],
        "new": [1, 0],
        "score": [0.7, 0.45],
    }
    assert model.base_rates_.index.tolist() == ["a", "b"]
    assert_allclose(model.base_rates_, [[0.2, 0.4], [0.8, 0.6]])
    assert model.base_rates_.columns.tolist() == ["before", "after"]
    assert_array_equal(model.sample_indices_, np.arange(10))


def test_the_overall_base_rate_stays():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"g": rng.choice(list("abc"), 200, p=[0.5, 0.3, 0.2])})
    table["score"] = rng.random(200)
    y = (rng.random(200) < 0.2 + 0.3 * (table["g"] == "b")).astype(int)
    model = LabelMassager(Scores(), sensitive_features="g").fit(table, y)
    assert abs(model.estimator_.labels_.sum() - y.sum()) <= 1
    after = model.base_rates_["after"]
    sizes = table["g"].value_counts()
    assert (abs(after - y.mean()) * sizes <= 0.5 + 1e-9).all()
    before = y.groupby(table["g"]).mean()
    assert_allclose(model.base_rates_["before"], before)


def test_a_given_ranker_ranks_and_by_default_the_estimator_does():
    ranked = LabelMassager(LogisticRegression(), sensitive_features="g", ranker=Scores())
    table = X.assign(g=(X["g"] == "b").astype(int))
    assert ranked.fit(table, Y).flips_["row"].tolist() == [2, 9]
    alone = LabelMassager(LogisticRegression(), sensitive_features="g").fit(table, Y)
    assert alone.flips_["score"].tolist() != ranked.flips_["score"].tolist()
    turned = LabelMassager(sensitive_features="g", ranker=Scores())
    turned.fit_resample(X.assign(score=1 - X["score"]), Y)
    assert turned.flips_["row"].tolist() == [3, 6]


def test_scores_are_out_of_fold():
    class Remembers(Scores):
        def fit(self, X, y):
            self.rows_ = set(X.index)
            return super().fit(X, y)

        def predict_proba(self, X):
            assert not self.rows_ & set(X.index)
            return super().predict_proba(X)

    ranker = Remembers()
    LabelMassager(sensitive_features="g", ranker=ranker).fit_resample(X, Y)
    assert not hasattr(ranker, "rows_")  # a clone is fitted


def test_weights_count_rows_and_reach_the_estimator():
    class Weighted(Scores):
        def fit(self, X, y, sample_weight=None):
            self.weights_ = sample_weight
            return super().fit(X, y)

    weights = np.array([1, 1, 2, 1, 1, 1, 1, 1, 1, 2.0])
    model = LabelMassager(Weighted(), sensitive_features="g").fit(X, Y, sample_weight=weights)
    # a: 1 of 6, b: 5 of 6: 2 due each
    assert model.flips_["row"].tolist() == [2, 9]
    assert_allclose(model.base_rates_, [[1 / 6, 0.5], [5 / 6, 0.5]])
    assert_array_equal(model.estimator_.weights_, weights)
    twice = pd.concat([X, X], ignore_index=True)
    model.fit(twice, np.tile(Y, 2), sample_weight=np.where(twice["g"] == "a", 0.0, 1.0))
    assert model.base_rates_.loc["a"].isna().all()
    assert model.flips_.empty
    assert list(model.flips_.columns) == ["row", "group", "old", "new", "score"]


def test_max_flips_narrows_the_gap():
    model = LabelMassager(Scores(), sensitive_features="g", max_flips=1).fit(X, Y)
    assert model.flips_.empty  # one flip can't be shared by two groups
    big = pd.concat([X] * 4, ignore_index=True)
    gaps = []
    for most in (0, 4, 8, None):
        model = LabelMassager(Scores(), sensitive_features="g", max_flips=most)
        model.fit(big, np.tile(Y, 4))
        assert most is None or len(model.flips_) <= most
        gaps.append(np.ptp(model.base_rates_["after"]))
    assert_allclose(gaps, [0.6, 0.4, 0.2, 0.0], atol=1e-12)


# Labels, groups and tables


@pytest.mark.parametrize(
    "labels", [[0, 1], [-1, 1], [False, True], ["no", "yes"], ["yes", "a no"], [3, 2]]
)
def test_labels_of_all_kinds(labels):
    params = {} if 1 in labels or True in labels else {"pos_label": labels[1]}
    y = np.array(labels)[Y]
    sampler = LabelMassager(sensitive_features="g", ranker=Scores(), **params)
    rising = labels[1] > labels[0]  # the ranker's second column is that of the greater label
    table = X if rising else X.assign(score=1 - X["score"])
    _, new = sampler.fit_resample(table, y)
    expected = y.copy()
    expected[[2, 9]] = expected[[0, 1]]
    assert_array_equal(new, expected)
    assert new.dtype == y.dtype
    assert sampler.flips_["row"].tolist() == [2, 9]
    assert sampler.flips_["new"].tolist() == [labels[1], labels[0]]
    assert_allclose(sampler.base_rates_["before"], [0.2, 0.8])


def test_series_keep_their_index():
    y = pd.Series(Y, index=list("klmnopqrst"), name="hired", dtype="Int8")
    table = X.set_axis(y.index)
    rows, new = LabelMassager(sensitive_features="g", ranker=Scores()).fit_resample(table, y)
    assert rows is table
    assert_array_equal(new.index, y.index)
    assert (new.name, new.dtype) == ("hired", y.dtype)
    assert new[new != y].index.tolist() == ["m", "t"]
    rows, new = LabelMassager(sensitive_features="g", ranker=Scores()).fit_resample(
        pl.from_pandas(X), pl.Series("hired", Y)
    )
    assert isinstance(new, pl.Series)
    assert np.flatnonzero(new.to_numpy() != Y).tolist() == [2, 9]


def test_three_groups_a_missing_one_and_intersections():
    table = pd.DataFrame(
        {
            "sex": ["f", "m", None] * 8,
            "race": np.repeat(["u", "v"], 12),
            "score": np.linspace(0.01, 0.99, 24),
        }
    )
    y = ((table["sex"] == "m") | (np.arange(24) % 4 == 0)).astype(int)
    sampler = LabelMassager(sensitive_features="sex", ranker=Scores())
    sampler.fit_resample(table, y)
    assert sampler.base_rates_.index.tolist() == ["f", "m", "<missing>"]
    assert_allclose(sampler.base_rates_["before"], [0.25, 1, 0.25])
    assert_allclose(sampler.base_rates_["after"], [0.5, 0.5, 0.5])
    assert sampler.flips_["group"].tolist() == ["f"] * 2 + ["m"] * 4 + ["<missing>"] * 2
    sampler.set_params(sensitive_features=["sex", "race"]).fit_resample(table, y)
    assert sampler.base_rates_.index.names == ["sex", "race"]
    assert_allclose(sampler.base_rates_["after"], np.full(6, 0.5))
    assert ("f", "u") in sampler.flips_["group"].tolist()


# What can't be


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({"ranker": None}, Y, "without an estimator needs a ranker"),
        ({"max_flips": -1}, Y, "max_flips must be an integer of at least 0, got -1"),
        ({}, np.arange(10) % 3, "Only binary classification is supported.*needs two classes"),
        ({}, np.ones(10, int), "got 1 class"),
        ({}, np.where(Y, "yes", "no"), "pos_label"),
        ({"pos_label": 2}, Y, "pos_label=2 is not a valid label"),
        ({}, Y + np.linspace(0.1, 0.5, 10), "Unknown label type"),
        ({"ranker": LinearRegression()}, Y, "LinearRegression ranks nothing: it has no predict_p"),
        ({}, np.r_[np.ones(9, int), 0], "two rows of each class at least"),
        ({"missing": "never"}, Y, 'missing must be "group" or "raise"'),
    ],
)
def test_what_cannot_be_is_refused(params, y, message):
    sampler = LabelMassager(**({"sensitive_features": "g", "ranker": Scores()} | params))
    with pytest.raises(ValueError, match=f"(?s){message}"):
        sampler.fit_resample(X, y)


def numbers(X):
    return X[["skill", "proxy"]]


def test_a_search_over_flips_scores_alike_in_both_forms():
    rng = np.random.default_rng(1)
    sex = np.where(rng.random(300) < 0.4, "f", "m")
    table = pd.DataFrame({"sex": sex, "skill": rng.normal(size=300)})
    table["proxy"] = 0.3 * rng.normal(size=300) + (sex == "m")
    y = (table["skill"] + 1.5 * (sex == "m") > 0.5).astype(int)
    model = make_pipeline(FunctionTransformer(numbers), LogisticRegression())
    metrics = ("accuracy", "demographic_parity_difference")
    options = {
        "cv": 3,
        "error_score": "raise",
        "refit": select_fair("accuracy", demographic_parity_difference=0.4),
    }
    grid = {"max_flips": [0, 20, None]}
    by_column = GridSearchCV(
        LabelMassager(model, sensitive_features="sex"),
        grid,
        scoring=fairness_scoring(*metrics, sensitive_features="sex"),
        **options,
    ).fit(table, y)
    with config_context(enable_metadata_routing=True):
        by_metadata = GridSearchCV(
            LabelMassager(model), grid, scoring=fairness_scoring(*metrics), **options
        ).fit(table, y, sensitive_features=sex)
    for name in metrics:
        scores = by_column.cv_results_[f"mean_test_{name}"]
        assert_array_equal(scores, by_metadata.cv_results_[f"mean_test_{name}"])
    gaps = by_column.cv_results_["mean_test_demographic_parity_difference"]
    assert gaps[0] < gaps[2] - 0.1
    assert by_column.best_params_ == by_metadata.best_params_


# The ranker


def test_fewer_flips_promote_as_many_as_they_demote_over_three_groups():
    positive = np.r_[np.ones(9), np.zeros(1), np.zeros(7), np.ones(3), np.zeros(10)].astype(bool)
    codes = np.repeat([0, 1, 2], 10)
    scores = np.linspace(0.1, 0.9, 30)
    for most in range(11):
        rows = labels_to_flip(positive, codes, 3, scores, None, most)
        assert (~positive[rows]).sum() == positive[rows].sum() == min(most // 2, 5)


def test_flips_are_whole_numbers():
    with pytest.raises(ValueError, match=r"max_flips must be an integer .* got 2\.7"):
        LabelMassager(Scores(), sensitive_features="g", max_flips=2.7).fit(X, Y)


def test_the_positive_class_is_asked_of_the_estimator():
    with pytest.raises(ValueError, match=r"pass pos_label=\.\.\. to LabelMassager"):
        LabelMassager(Scores(), sensitive_features="g").fit(X, np.array(["no", "yes"])[Y])


def test_the_ranker_gets_labels_weights_and_mixed_rows():
    seen = []

    class Watching(Scores):
        def fit(self, X, y, sample_weight=None):
            seen.append((set(X.index), set(y), sample_weight.tolist()))
            return super().fit(X, y)

    weights = np.r_[np.zeros(1), np.arange(1.0, 10)]
    LabelMassager(Scores(), ranker=Watching(), sensitive_features="g", pos_label="yes")._resample(
        X, np.array(["no", "yes"])[Y], Groups.read(X["g"]), weights
    )
    rows = [sorted(r) for r, _, _ in seen]
    assert all(labels == {"no", "yes"} for _, labels, _ in seen)
    assert all(w == weights[sorted(r)].tolist() for r, _, w in seen)
    assert not any(0 in r for r in rows)  # it weighs nothing
    left_out = [sorted(set(range(1, 10)) - set(r)) for r in rows]
    assert any(np.diff(r).max(initial=1) > 1 for r in left_out if len(r) > 1)  # folds are mixed


def test_a_class_without_weight_is_no_class():
    y = np.where(np.arange(11) == 10, 2, np.r_[Y, 0])
    table = pd.concat([X, X.iloc[:1]], ignore_index=True)
    sampler = LabelMassager(sensitive_features="g", ranker=WeightedScores(), pos_label=1)
    _, new = sampler.fit_resample(table, y, sample_weight=np.r_[np.ones(10), 0.0])
    assert sampler.flips_["row"].tolist() == [2, 9]
    assert new[10] == 2


class WeightedScores(Scores):
    """Takes weights."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)


def test_a_ranker_that_asks_for_groups_gets_those_of_its_rows(routing):
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b"], 60)
    table = pd.DataFrame({"x": rng.normal(size=120), "z": rng.normal(size=120) + (group == "b")})
    y = (table["z"] + rng.normal(size=120) > 0.5).astype(int)
    inner = make_pipeline(CorrelationRemover(), LogisticRegression())
    model = LabelMassager(inner).fit(table, y, sensitive_features=group)
    assert_allclose(np.ptp(model.base_rates_["after"]), 0, atol=0.02)
