from __future__ import annotations

from itertools import chain

import numpy as np
import pandas as pd
import polars as pl
import pytest
from doubles import RowChecker, WatchingMitigator, make_rows, row_ids
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skfair.groups import Bins
from skfair.metrics import fairness_scoring, select_fair
from skfair.preprocessing import GroupBalancer, balancing_weights
from skfair.preprocessing.group_balancer import as_matrix

REPRODUCIBLE = settings(max_examples=60)
STRATEGIES = ("keep", "parity", "balance")
LINEAR = make_pipeline(StandardScaler(), LogisticRegression())
SHAPE = (2, 2)


def sums(weights, groups, labels, shape=SHAPE):
    cells = np.ravel_multi_index((groups, labels), shape)
    return np.bincount(cells, weights, minlength=np.prod(shape)).reshape(shape)


# The weights, by hand


GROUPS = np.array([0, 0, 0, 1, 1, 1, 1, 0])
LABELS = np.array([0, 0, 1, 0, 1, 1, 1, 0])  # cells: a 3 and 1, b 1 and 3
CHANCE = np.array([0.5, 0.25, 1.0, 0.5, 0.5, 0.25, 0.25, 0.5])
# 1 / chance: a0 2, 4, 2; a1 1; b0 2; b1 2, 4, 4


@pytest.mark.parametrize(
    ("strategy", "cells"),
    [("keep", [[3, 1], [1, 3]]), ("parity", [[2, 2], [2, 2]]), ("balance", [[2, 2], [2, 2]])],
)
def test_weights_by_hand(strategy, cells):
    weights, clipped = balancing_weights(CHANCE, GROUPS, LABELS, SHAPE, strategy=strategy)
    (a0, a1), (b0, b1) = cells
    expected = [a0 / 4, a0 / 2, a1, b0, b1 / 5, 2 * b1 / 5, 2 * b1 / 5, a0 / 4]
    assert_allclose(weights, expected)
    assert clipped == 0


def test_parity_and_balance_differ_where_margins_do():
    groups, labels = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 0, 1])
    chance = np.full(6, 0.5)
    weights, _ = balancing_weights(chance, groups, labels, SHAPE, strategy="parity")
    assert_allclose(sums(weights, groups, labels), [[16 / 6, 8 / 6], [8 / 6, 4 / 6]])
    weights, _ = balancing_weights(chance, groups, labels, SHAPE, strategy="balance")
    assert_allclose(sums(weights, groups, labels), np.full(SHAPE, 1.5))
    weights, _ = balancing_weights(chance, groups, labels, SHAPE)
    assert_allclose(weights, np.ones(6))


def test_sampling_weights_by_hand():
    own = np.array([1, 2, 4, 1, 1, 1, 2, 1.0])
    weights, _ = balancing_weights(CHANCE, GROUPS, LABELS, SHAPE, weights=own)
    # a0 weighs 4 of 13, with shares 2, 8, 2 of 12; b1 4, with 2, 4, 8 of 14
    eighth = 8 / 13
    expected = [2 / 3, 8 / 3, 4, 1, 8 / 14, 16 / 14, 32 / 14, 2 / 3]
    assert_allclose(weights, np.array(expected) * eighth)
    assert weights.sum() == pytest.approx(8)


def test_clipping_by_hand():
    # one cell each; a: 1 / chance is 1, 1, 1, 9, with mean 3; b: 2, 2
    groups, labels = np.array([0, 0, 0, 0, 1, 1]), np.zeros(6, dtype=int)
    chance = np.array([1, 1, 1, 1 / 9, 0.5, 0.5])
    weights, clipped = balancing_weights(chance, groups, labels, (2, 1), clip=2.0)
    assert_allclose(weights, [4 / 9, 4 / 9, 4 / 9, 24 / 9, 1, 1])  # 1, 1, 1, 6 of 9
    assert clipped == pytest.approx(1 / 6)
    weights, clipped = balancing_weights(chance, groups, labels, (2, 1), clip=3.0)
    assert_allclose(weights, [4 / 12, 4 / 12, 4 / 12, 36 / 12, 1, 1])
    assert clipped == 0
    weights, clipped = balancing_weights(chance, groups, labels, (2, 1), clip=1.0)
    assert_allclose(weights, [4 / 6, 4 / 6, 4 / 6, 12 / 6, 1, 1])
    weights, clipped = balancing_weights(chance, groups, labels, (2, 1), clip=np.inf)
    assert_allclose(weights[3], 3)


def test_a_chance_of_nothing_is_a_large_weight_and_no_infinite_one():
    weights, clipped = balancing_weights(
        np.array([0.0, 1.0] * 20), np.repeat([0, 1], 20), np.zeros(40, int), (2, 1), clip=1.5
    )
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(40)
    assert clipped == 0.5


def test_an_empty_cell_may_stay_empty_or_is_refused():
    groups, labels, chance = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 0]), np.full(4, 0.5)
    assert_allclose(balancing_weights(chance, groups, labels, SHAPE)[0], 1)
    for strategy in ("parity", "balance"):
        with pytest.raises(ValueError, match=f"strategy='{strategy}' needs rows in every"):
            balancing_weights(chance, groups, labels, SHAPE, strategy=strategy)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"strategy": "size"}, 'must be "keep", "parity" or "balance", got \'size\''),
        ({"clip": 0.9}, "clip must be at least 1, got 0.9"),
        ({"clip": np.nan}, "clip must be at least 1, got nan"),
    ],
)
def test_no_strategy_and_no_clip_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        balancing_weights(CHANCE, GROUPS, LABELS, SHAPE, **params)


@st.composite
def occupied(draw):
    n_groups, n_labels = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    rows = st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 3)), min_size=1, max_size=8)
    cells = [draw(rows) for _ in range(n_groups * n_labels)]
    codes = np.repeat(np.arange(len(cells)), [len(c) for c in cells])
    chance, own = (np.array(column) for column in zip(*chain(*cells), strict=True))
    return chance, own + 0.01, codes // n_labels, codes % n_labels, (n_groups, n_labels)


@REPRODUCIBLE
@given(occupied(), st.sampled_from(STRATEGIES), st.floats(1, 20), st.booleans())
def test_cell_totals_are_exact(table, strategy, clip, weighted):
    chance, own, groups, labels, shape = table
    weights, clipped = balancing_weights(
        chance,
        groups,
        labels,
        shape,
        strategy=strategy,
        clip=clip,
        weights=own if weighted else None,
    )
    own = own if weighted else np.ones(len(own))
    before, after = (sums(w, groups, labels, shape) for w in (own, weights))
    before = before / before.sum() * len(own)
    margins = before.sum(axis=1, keepdims=True) * before.sum(axis=0, keepdims=True) / len(own)
    even = np.full(shape, len(own) / before.size)
    assert_allclose(after, {"keep": before, "parity": margins, "balance": even}[strategy])
    assert (weights > 0).all()
    assert 0 <= clipped <= 1
    relative = weights / own * chance  # in a cell, alike where nothing was cut
    for cell in range(before.size):
        member = (groups * shape[1] + labels) == cell
        if clipped == 0:
            assert_allclose(relative[member], relative[member][0])


# The truth, where it is known


def known(n=6000, seed=0):
    """Groups whose chance given x and y is known: a logistic function of x[0] and y."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    y = (x[:, 1] + rng.normal(size=n) > 0).astype(int)
    chance = 1 / (1 + np.exp(-(1.0 * x[:, 0] + 0.6 * y - 0.3)))
    group = (rng.random(n) < chance).astype(int)
    return pd.DataFrame(x, columns=["proxy", "skill"]), y, group, chance


def fitted(group_estimator=None, strategy="keep", **params):
    X, y, group, _ = known()
    model = GroupBalancer(
        LogisticRegression(), group_estimator=group_estimator, strategy=strategy, **params
    )
    return model.fit(X, y, sensitive_features=group)


@pytest.fixture(scope="module")
def boosted():
    return fitted()


@pytest.fixture(scope="module")
def linear():
    return fitted(LINEAR)


def told_apart(weights):
    """Weighted AUC of a model that tells the group from x and y, within each label."""
    X, y, group, _ = known()
    score = X["proxy"]
    return [
        roc_auc_score(group[y == c], score[y == c], sample_weight=weights[y == c]) for c in (0, 1)
    ]


def test_weights_are_close_to_the_true_ones(linear, boosted):
    _, y, group, chance = known()
    own = np.where(group, chance, 1 - chance)
    truth, _ = balancing_weights(own, group, y, SHAPE)
    assert_allclose(linear.weights_, truth, rtol=0.4)
    assert abs(linear.weights_ - truth).mean() < 0.06
    assert abs(boosted.weights_ - truth).mean() < 0.12
    assert np.corrcoef(boosted.weights_, truth)[0, 1] > 0.9


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_under_the_weights_the_group_cannot_be_told_from_x(linear, boosted, strategy):
    assert min(told_apart(np.ones(6000))) > 0.7
    models = [linear, boosted] if strategy == "keep" else [fitted(LINEAR, strategy)]
    for model in models:
        assert_allclose(told_apart(model.weights_), 0.5, atol=0.03)


def test_under_the_weights_a_new_model_cannot_tell_the_group(linear):
    X, y, group, _ = known()
    for c in (0, 1):
        of_label = y == c
        spy = LogisticRegression().fit(
            X[of_label], group[of_label], sample_weight=linear.weights_[of_label]
        )
        assert abs(spy.coef_).max() < 0.12
        assert LogisticRegression().fit(X[of_label], group[of_label]).coef_[0, 0] > 0.8


def test_the_distribution_of_x_within_each_label_stays(linear, boosted):
    X, y, group, _ = known()
    for model in (linear, boosted):
        for c in (0, 1):
            of_label = y == c
            for moment in (X, X**2):
                assert_allclose(
                    np.average(moment[of_label], axis=0, weights=model.weights_[of_label]),
                    moment[of_label].mean(),
                    atol=0.1,
                )
        assert abs(X["proxy"][group == 1].mean() - X["proxy"][group == 0].mean()) > 0.7


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_totals_of_the_cells_are_as_promised(strategy):
    _, y, group, _ = known()
    weights = fitted(LINEAR, strategy).weights_
    before, after = sums(np.ones(6000), group, y), sums(weights, group, y)
    if strategy == "keep":
        assert_allclose(after, before)
    elif strategy == "parity":
        assert_allclose(after, np.outer(before.sum(axis=1), before.sum(axis=0)) / 6000)
    else:
        assert_allclose(after, 1500)


def test_sampling_weights_count_as_repeated_rows():
    X, y, group, _ = known(1500)
    times = np.random.default_rng(1).integers(1, 4, 1500)

    class Whole(GroupBalancer):
        """Estimates chances from all rows, so that folds don't matter."""

        def _chances(self, X, labels, groups, weights):
            features = np.column_stack([X, labels])
            model = LogisticRegression(tol=1e-8, max_iter=1000)
            model.fit(features, groups.codes, sample_weight=weights)
            found = model.predict_proba(features)
            return found[np.arange(len(found)), groups.codes]

    def weights_of(model, X, y, group, weights=None):
        return model.fit(X, y, sensitive_features=group, sample_weight=weights).weights_

    rows = np.repeat(np.arange(1500), times)
    model = Whole(LogisticRegression())
    weighted = weights_of(model, X, y, group, times) / 1500
    repeated = weights_of(model, X.iloc[rows], y[rows], group[rows]) / len(rows)
    assert_allclose(weighted, np.bincount(rows, repeated), rtol=1e-4)


def test_sampling_weights_are_honoured_in_the_estimate():
    X, y, group, _ = known()
    # half of the population of one group with a low proxy was left out, and weighs double
    rng = np.random.default_rng(2)
    thin = (group == 1) & (X["proxy"] < 0)
    kept = np.flatnonzero(~thin | (rng.random(6000) < 0.5))
    weights = np.where(thin, 2.0, 1.0)[kept]
    model = GroupBalancer(LogisticRegression(), group_estimator=LINEAR)
    model.fit(X.iloc[kept], y[kept], sensitive_features=group[kept], sample_weight=weights)
    for c in (0, 1):
        rows = y[kept] == c
        found = roc_auc_score(
            group[kept][rows], X["proxy"].iloc[kept][rows], sample_weight=model.weights_[rows]
        )
        assert found == pytest.approx(0.5, abs=0.03)
        mean = np.average(X["proxy"].iloc[kept][rows], weights=model.weights_[rows])
        assert mean == pytest.approx(X["proxy"][y == c].mean(), abs=0.06)


# Figures and parameters


def test_the_effective_sample_size_is_kishs(boosted):
    weights = boosted.weights_
    assert weights.sum() == pytest.approx(6000)
    expected = sum(weights) ** 2 / sum(w * w for w in weights)
    assert boosted.effective_sample_size_ == pytest.approx(expected)
    assert 3000 < boosted.effective_sample_size_ < 6000
    assert boosted.clipped_share_ < 0.01
    cut = fitted(LINEAR, clip=1.2)
    assert 0.05 < cut.clipped_share_ < 0.5
    assert cut.effective_sample_size_ > boosted.effective_sample_size_
    X, y, group, _ = known(300)
    even = GroupBalancer(LogisticRegression(), group_estimator=LINEAR, columns=[])
    even.fit(X, y, sensitive_features=group)
    assert even.effective_sample_size_ == pytest.approx(300, rel=1e-3)


def test_resampling_draws_rows_in_proportion_to_the_weights():
    X, y, group, _ = known(2000)
    model = GroupBalancer(
        KNeighborsClassifier(), group_estimator=LINEAR, method="resample", random_state=0
    )
    model.fit(X, y, sensitive_features=group)
    times = np.bincount(model.sample_indices_, minlength=2000)
    assert times.sum() == 2000
    assert (abs(times - model.weights_) < 1).all()
    again = GroupBalancer(group_estimator=LINEAR, method="resample", random_state=0)
    rows, labels = again.fit_resample(X, y, sensitive_features=group)
    assert_array_equal(again.sample_indices_, model.sample_indices_)
    assert_array_equal(rows, X.iloc[model.sample_indices_])
    assert_array_equal(labels, y[model.sample_indices_])
    assert_array_equal(again.groups_.codes, group[model.sample_indices_])
    other = again.set_params(random_state=1)
    other.fit_resample(X, y, sensitive_features=group)
    assert not np.array_equal(other.sample_indices_, model.sample_indices_)


def test_the_estimator_is_fitted_with_the_weights():
    X, y, group, _ = known(600)
    model = GroupBalancer(LINEAR, group_estimator=LINEAR)
    model.fit(X, y, sensitive_features=group)
    plain = LogisticRegression().fit(
        StandardScaler().fit_transform(X), y, sample_weight=model.weights_
    )
    assert_allclose(model.estimator_[-1].coef_, plain.coef_)
    with pytest.raises(TypeError, match="takes no sample_weight"):
        GroupBalancer(KNeighborsClassifier(), group_estimator=LINEAR).fit(
            X, y, sensitive_features=group
        )


class Spy(ClassifierMixin, BaseEstimator):
    """Keeps what it was fitted with; knows as much of each group as there are of it."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y):
        self.seen.append((X, y))
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))

    def predict(self, X):
        return np.zeros(len(X))


@pytest.fixture
def spy():
    Spy.seen.clear()
    return Spy()


def mixed(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "age": rng.integers(20, 70, n),
            "job": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "pay": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "town": pd.Series(rng.choice(["u", "v"], n)).where(rng.random(n) < 0.8, None),
            "old": rng.random(n) < 0.5,
        }
    ), rng.choice(["no", "yes"], n)


@pytest.mark.parametrize(
    ("sensitive", "columns", "used"),
    [
        ("sex", None, ["age", "job", "pay", "town", "old"]),
        (["sex", "job"], None, ["age", "pay", "town", "old"]),
        (["sex", Bins("age", [40])], None, ["job", "pay", "town", "old"]),
        (np.array(["sex"]), None, ["age", "job", "pay", "town", "old"]),
        ("sex", ["pay", "sex", 1], ["pay", "age"]),
        (lambda X: X["sex"], ["pay"], ["pay"]),
        ("sex", [], []),
    ],
)
def test_sensitive_columns_are_not_estimated_from(spy, sensitive, columns, used):
    X, y = mixed()
    model = GroupBalancer(
        method="resample", sensitive_features=sensitive, group_estimator=spy, columns=columns, cv=3
    )
    model.fit_resample(X, y)
    assert len(spy.seen) == 3
    features, _ = spy.seen[0]
    positions = [X.columns.get_loc(name) for name in used]
    matrix, _ = as_matrix(X, positions)
    assert features.shape == (40, len(used) + 1)
    whole = np.column_stack([matrix, y == "yes"])
    rows = {tuple(row) for row in np.nan_to_num(whole, nan=-9)}
    assert {tuple(row) for row in np.nan_to_num(features, nan=-9)} <= rows


def test_chances_are_out_of_fold(spy):
    X, y = mixed()
    X["row"] = np.arange(60)
    asked = []

    class Watching(Spy):
        def fit(self, X, y):
            self.rows_ = set(X[:, 0])
            return super().fit(X, y)

        def predict_proba(self, X):
            assert not self.rows_ & set(X[:, 0])
            asked.extend(X[:, 0])
            return super().predict_proba(X)

    ranker = Watching()
    GroupBalancer(
        method="resample", sensitive_features="sex", columns=["row"], group_estimator=ranker
    ).fit_resample(X, y)
    assert sorted(asked) == list(range(60))
    assert not hasattr(ranker, "rows_")  # a clone is fitted
    assert len(spy.seen) == 5


def test_there_are_as_many_folds_as_the_smallest_group_has_rows(spy):
    X, y = mixed()
    X["sex"] = ["x", "x", "x", *(["f", "m"] * 29)[:57]]
    model = GroupBalancer(method="resample", sensitive_features="sex", group_estimator=spy)
    model.fit_resample(X, y)
    assert len(spy.seen) == 3


def test_mixed_columns_are_numbers_and_codes():
    X, _ = mixed()
    matrix, is_category = as_matrix(X, [1, 2, 3, 4, 5])
    assert is_category == [False, True, False, True, True]
    assert_array_equal(matrix[:, 0], X["age"])
    assert_array_equal(matrix[:, 1], X["job"].cat.codes)
    assert_array_equal(matrix[:, 2], X["pay"])
    assert_array_equal(matrix[:, 3], X["town"].map({"u": 0.0, "v": 1.0}))
    assert_array_equal(matrix[:, 4], X["old"])
    same, flags = as_matrix(pl.from_pandas(X), [1, 2, 3, 4, 5])
    assert_array_equal(same, matrix)
    assert flags == is_category
    same, flags = as_matrix(X.astype(object).to_numpy(), [1, 3])
    assert_array_equal(same, matrix[:, [0, 2]])
    assert flags == [False, False]
    names = np.array([f"n{i:03}" for i in range(300)], dtype=object)[:, None]
    matrix, flags = as_matrix(names, [0])
    assert_array_equal(matrix[:, 0], np.arange(300))
    assert flags == [False]  # boosting takes no more than 255 categories
    assert as_matrix(X, [])[0].shape == (60, 0)


def test_categories_and_missing_values_tell_the_group_and_are_balanced():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 3000)
    job = np.where(rng.random(3000) < 0.5, group, rng.integers(0, 3, 3000))
    X = pd.DataFrame(
        {
            "sex": np.array(["f", "m", "x"])[group],
            "job": np.array(["a", "b", "c"])[job],
            "pay": np.where((group == 0) & (rng.random(3000) < 0.5), np.nan, rng.normal(size=3000)),
        }
    )
    y = rng.integers(0, 2, 3000)
    sampler = GroupBalancer(sensitive_features="sex")
    sampler.fit_resample(X, y)
    weights, first = sampler.weights_, X["job"] == "a"
    balanced = [np.average(first[group == g], weights=weights[group == g]) for g in range(3)]
    assert np.ptp(first.groupby(X["sex"]).mean()) > 0.4
    assert np.ptp(balanced) < 0.1
    # only women lack their pay: nobody else can stand for them
    assert weights[X["pay"].isna()].mean() < 0.7 * weights[(group == 0) & X["pay"].notna()].mean()


# Groups, labels and errors


@pytest.mark.parametrize(
    ("sex", "message"),
    [
        (["f"] * 30 + ["m"] * 29 + ["x"], r"groups \['x'\] have 1 sample: too few"),
        (["f"] * 58 + ["m", "x"], r"groups \['m', 'x'\] have 1 sample"),
        (["f"] * 60, r"there is one group only, \['f'\]"),
        (["f", "m"] * 29 + ["f", None], r"groups \['<missing>'\] have 1 sample"),
    ],
)
def test_groups_that_are_too_small_are_refused(sex, message):
    X, y = mixed()
    with pytest.raises(ValueError, match=message):
        GroupBalancer(LogisticRegression(), sensitive_features="sex").fit(X.assign(sex=sex), y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": "both"}, 'method must be "weight" or "resample", got \'both\''),
        ({"strategy": "size"}, "strategy must be"),
        ({"clip": 0.5}, "clip must be at least 1"),
        ({"columns": ["height"]}, r"no columns \['height'\]"),
        ({"cv": 1}, "n_splits=1|number of folds"),
        ({"missing": "raise", "sensitive_features": "town"}, "'town' has"),
    ],
)
def test_what_cannot_be_is_refused(params, message):
    X, y = mixed()
    params = {"sensitive_features": "sex", "group_estimator": Spy()} | params
    with pytest.raises(ValueError, match=rf"{message}"):
        GroupBalancer(**params).fit_resample(X, y)


def test_continuous_labels_are_refused():
    X, _ = mixed()
    with pytest.raises(ValueError, match="Unknown label type"):
        GroupBalancer(sensitive_features="sex").fit_resample(X, np.linspace(0.1, 0.9, 60))


def test_missing_groups_intersections_and_three_classes():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"sex": rng.choice(["f", "m"], 400), "race": rng.choice(["u", "v"], 400)})
    X["x"] = rng.normal(size=400) + (X["sex"] == "m")
    X.loc[:99, "sex"] = None
    y = rng.choice(["a", "b", "c"], 400)
    sampler = GroupBalancer(
        sensitive_features=["sex", "race"], strategy="balance", group_estimator=LINEAR
    )
    sampler.fit_resample(X, y)
    groups = sampler.groups_
    assert groups.labels[-1] == ("<missing>", "v")
    codes = np.unique(y, return_inverse=True)[1]
    assert_allclose(sums(sampler.weights_, groups.codes, codes, (6, 3)), 400 / 18)


def test_rows_and_groups_stay_together():
    X, y, groups, _ = make_rows()
    model = GroupBalancer(
        WatchingMitigator(RowChecker()),
        group_estimator=LogisticRegression(),
        columns=["x"],
        method="resample",
        random_state=0,
    )
    model.fit(X, y, sensitive_features=groups)
    assert_array_equal(model.estimator_.rows_, row_ids(X)[model.sample_indices_])


def numbers(X):
    return X[["skill", "proxy"]]


def test_a_search_over_strategies_and_methods_scores_alike_in_both_forms():
    rng = np.random.default_rng(1)
    sex = np.where(rng.random(300) < 0.4, "f", "m")
    table = pd.DataFrame({"sex": sex, "skill": rng.normal(size=300)})
    table["proxy"] = rng.normal(size=300) + (sex == "m")
    y = (table["skill"] + 1.5 * (sex == "m") + rng.normal(size=300) > 0.5).to_numpy().astype(int)
    model = make_pipeline(FunctionTransformer(numbers), LogisticRegression())
    params = {"columns": ["skill", "proxy"], "group_estimator": LINEAR, "cv": 3, "random_state": 0}
    metrics = ("roc_auc", "demographic_parity_difference")
    options = {
        "cv": 3,
        "error_score": "raise",
        "refit": select_fair("roc_auc", demographic_parity_difference=0.5),
    }
    grid = {"strategy": ["keep", "parity", "balance"], "method": ["weight", "resample"]}
    by_column = GridSearchCV(
        GroupBalancer(model, sensitive_features="sex", **params),
        grid,
        scoring=fairness_scoring(*metrics, sensitive_features="sex"),
        **options,
    ).fit(table, y)
    with config_context(enable_metadata_routing=True):
        by_metadata = GridSearchCV(
            GroupBalancer(model, **params), grid, scoring=fairness_scoring(*metrics), **options
        ).fit(table, y, sensitive_features=sex)
    for name in metrics:
        scores = by_column.cv_results_[f"mean_test_{name}"]
        assert_array_equal(scores, by_metadata.cv_results_[f"mean_test_{name}"])
        assert len(set(scores)) > 3
    assert by_column.best_params_ == by_metadata.best_params_


def test_features_that_give_the_group_away_are_told():
    rng = np.random.default_rng(0)
    sex = rng.integers(0, 2, 400)
    X = pd.DataFrame({"title": sex, "skill": rng.normal(size=400)})
    y = rng.integers(0, 2, 400)
    with pytest.warns(UserWarning, match="give the group of 100% of the rows away"):
        GroupBalancer(LogisticRegression()).fit(X, y, sensitive_features=sex)
    skills = GroupBalancer(LogisticRegression(), columns=["skill"])
    assert skills.fit(X, y, sensitive_features=sex).effective_sample_size_ < 400


class Untouched(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        raise AssertionError("nothing should be fitted")


def test_empty_cells_are_named_before_anything_is_fitted():
    X = pd.DataFrame({"sex": list("ffmm") * 5, "x": np.arange(20.0)})
    y = np.where((X["sex"] == "f") | (X["x"] % 2 == 0), "no", "yes")
    model = GroupBalancer(
        LogisticRegression(),
        sensitive_features="sex",
        strategy="parity",
        group_estimator=Untouched(),
    )
    with pytest.raises(ValueError, match=r"none in cells \[\('f', 'yes'\)\]"):
        model.fit(X, y)


def test_a_group_without_weight_is_no_group():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=81)})
    y, groups = rng.integers(0, 2, 81), np.array(["f", "m"] * 40 + ["x"])
    options = {"strategy": "balance", "group_estimator": LogisticRegression()}
    model = GroupBalancer(**options)
    weights = np.r_[np.ones(80), 0.0]
    model.fit_resample(X, y, sensitive_features=groups, sample_weight=weights)
    assert model.weights_[80] == 0
    alone = GroupBalancer(**options)
    alone.fit_resample(X[:80], y[:80], sensitive_features=groups[:80], sample_weight=weights[:80])
    share = alone.weights_ / alone.weights_.sum()
    assert_allclose(model.weights_[:80] / model.weights_.sum(), share)
