from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from doubles import RowChecker, check_groups, make_rows, row_ids
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import ADASYN, SMOTE, SMOTENC, RandomOverSampler
from imblearn.under_sampling import ClusterCentroids, NearMiss, RandomUnderSampler
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

from skfair.base import BaseMetaMitigator
from skfair.datasets import load_adult
from skfair.groups import Bins, Groups
from skfair.metrics import fairness_scoring, select_fair
from skfair.preprocessing import CorrelationRemover, Resampler

REPRODUCIBLE = settings(max_examples=20)


def rows_of(counts, seed=None):
    """Rows of a table of groups a, b, ... and labels 0, 1, ..., with ids, in a random order."""
    counts = np.asarray(counts)
    groups, labels = (np.repeat(i.ravel(), counts.ravel()) for i in np.indices(counts.shape))
    order = np.arange(len(labels))
    if seed is not None:
        order = np.random.default_rng(seed).permutation(order)
    X = pd.DataFrame({"g": np.array(list("abcde"))[groups[order]], "row": np.arange(len(order))})
    return X, labels[order]


def table_of(X, y):
    return pd.crosstab(np.asarray(X["g"]), np.asarray(y)).to_numpy()


def drawn(X, y, **params):
    sampler = Resampler(sensitive_features="g", **({"random_state": 0} | params))
    rows, labels = sampler.fit_resample(X, y)
    return table_of(rows, labels)


class Scores(ClassifierMixin, BaseEstimator):
    """Scores rows by the values of a column."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        score = np.asarray(X["score"], dtype=float)
        return np.column_stack([1 - score, score])

    def predict(self, X):
        return self.classes_[(np.asarray(X["score"]) > 0.5).astype(int)]


class Decides(Scores):
    """Has no probabilities."""

    predict_proba = property()

    def decision_function(self, X):
        return np.asarray(X["score"], dtype=float) * 10 - 5


# Sizes


@st.composite
def tables(draw):
    n_groups, n_classes = draw(st.integers(2, 5)), draw(st.integers(2, 4))
    row = st.lists(st.integers(1, 15), min_size=n_classes, max_size=n_classes)
    return np.array(draw(st.lists(row, min_size=n_groups, max_size=n_groups)))


@REPRODUCIBLE
@given(tables(), st.sampled_from(["over", "under", "both"]), st.integers(0, 99))
def test_after_balance_all_cells_are_equal(counts, method, seed):
    found = drawn(*rows_of(counts, seed), strategy="balance", method=method)
    expected = {"over": counts.max(), "under": counts.min(), "both": counts.mean()}[method]
    assert found.shape == counts.shape
    assert abs(found - expected).max() <= (1 if method == "both" else 0.5)
    assert method != "both" or found.sum() == counts.sum()


@REPRODUCIBLE
@given(tables(), st.sampled_from(["over", "under", "both"]), st.integers(0, 99))
def test_after_parity_all_groups_have_the_same_base_rates(counts, method, seed):
    X, y = rows_of(counts * 7, seed)  # no cell is rounded to nothing
    found = drawn(X, y, strategy="parity", method=method)
    shares = counts.sum(axis=0) / counts.sum()
    sizes = found.sum(axis=1, keepdims=True)
    # up to rounding of each count, and so of the sums of the counts
    assert_allclose(found, sizes * shares, atol=0.5 + shares.max() * counts.shape[1] / 2)


@REPRODUCIBLE
@given(tables(), st.sampled_from(["over", "under", "both"]), st.integers(0, 99))
def test_after_size_groups_are_equal_and_keep_their_base_rates(counts, method, seed):
    X, y = rows_of(counts * 7, seed)
    found = drawn(X, y, strategy="size", method=method)
    sizes = found.sum(axis=1)
    assert np.ptp(sizes) <= counts.shape[1]
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert_allclose(found, shares * sizes[:, None], atol=0.5 + counts.shape[1] / 2)


def test_sizes_before_and_after_are_remembered():
    X, y = rows_of([[30, 10], [20, 40]], seed=0)
    sampler = Resampler(sensitive_features="g", random_state=0)
    sampler.fit_resample(X, np.where(y, "yes", "no"))
    sizes = sampler.cell_sizes_
    assert sizes.columns.tolist() == ["no", "yes"]
    assert sizes.index.tolist() == [(when, g) for when in ("before", "after") for g in "ab"]
    assert sizes.index.names == ["rows", "g"]
    assert sizes.loc["before"].to_numpy().tolist() == [[30, 10], [20, 40]]
    assert sizes.loc["after"].to_numpy().tolist() == [[20, 20], [30, 30]]


@pytest.mark.parametrize(
    ("strategy", "method", "expected"),
    [
        ({("a", 1): 17}, "over", [[30, 17], [20, 40]]),
        ({("a", 1): 1.5, ("b", 1): 0.5}, "both", [[30, 15], [20, 20]]),
        ({("b", 1): 0}, "under", [[30, 10], [20, 0]]),
    ],
)
def test_a_dict_gives_sizes_and_factors(strategy, method, expected):
    X, y = rows_of([[30, 10], [20, 40]], seed=0)
    assert drawn(X, y, strategy=strategy, method=method).tolist() == expected


def test_cells_of_intersections_and_string_labels():
    X = pd.DataFrame({"sex": list("ffmm") * 6, "race": list("uvuv") * 6, "n": np.arange(24)})
    y = np.where(X["n"] % 3 == 0, "yes", "no")
    strategy = {(("f", "u"), "yes"): 9, (("m", "v"), "no"): 2.5}
    sampler = Resampler(sensitive_features=["sex", "race"], strategy=strategy, random_state=0)
    rows, labels = sampler.fit_resample(X, y)
    found = pd.crosstab([rows["sex"], rows["race"]], np.asarray(labels))
    expected = pd.crosstab([X["sex"], X["race"]], y)
    expected.loc[("f", "u"), "yes"], expected.loc[("m", "v"), "no"] = 9, 10
    assert_array_equal(found, expected)
    assert sampler.cell_sizes_.loc[("after", "f", "u"), "yes"] == 9
    sampler.set_params(strategy="balance", method="over").fit_resample(X, y)
    assert (sampler.cell_sizes_.loc["after"] == 4).all(axis=None)
    with pytest.raises(ValueError, match=r"names cells \[\('f', 'yes'\)\].*\(\('f', 'u'\), 'no'\)"):
        sampler.set_params(strategy={("f", "yes"): 3}).fit_resample(X, y)


def test_an_empty_cell_is_named():
    X, y = rows_of([[3, 2, 1], [4, 2, 0]])
    for method in ("over", "under", "both"):
        with pytest.raises(ValueError, match=r"no rows to draw from in cells \[\('b', 2\)\]"):
            drawn(X, y, method=method)


def test_continuous_labels_are_refused():
    X, y = rows_of([[3, 2], [4, 2]])
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        drawn(X, y + np.linspace(0.1, 0.5, len(y)))


# Weights


def test_cells_are_measured_by_weight_and_rows_are_drawn_by_it():
    X, y = rows_of([[4, 2], [2, 4]])
    weights = np.array([1, 1, 1, 0, 3, 3, 1, 2, 1, 1, 0, 1.0])
    sampler = Resampler(sensitive_features="g", strategy="size", random_state=0)
    sampler.fit_resample(X, y, sample_weight=weights)
    # a: 3 and 6 of 15, b: 3 and 3; of 12 rows that is 2.4, 4.8, 2.4, 2.4
    sizes = sampler.cell_sizes_
    assert_allclose(sizes.loc["before"], [[2.4, 4.8], [2.4, 2.4]])
    assert sizes.loc["after"].to_numpy().tolist() == [[2, 4], [3, 3]]
    assert not set(sampler.sample_indices_.tolist()) & {3, 10}
    assert np.bincount(sampler.sample_indices_)[7] == 2
    assert sampler.sample_weight_ is None


def test_whole_weights_are_as_good_as_repeated_rows():
    X, y = rows_of([[3, 2], [5, 1]])
    weights = np.array([2, 2, 2, 3, 3, 1, 1, 1, 1, 1, 5])
    repeated = np.repeat(np.arange(11), weights)
    factor = {"method": "over", "strategy": "parity"}
    by_weight = Resampler(sensitive_features="g", **factor)
    by_weight.fit_resample(X, y, sample_weight=weights)
    by_rows = Resampler(sensitive_features="g", **factor)
    by_rows.fit_resample(X.iloc[repeated], y[repeated])
    after = [s.cell_sizes_.loc["after"] * s.cell_sizes_.loc["before"].to_numpy().sum() for s in
             (by_weight, by_rows)]  # fmt: skip
    assert_allclose(after[0] / 11**2, after[1] / 22**2, atol=0.1)


def test_on_average_rows_are_drawn_in_proportion_to_their_weights():
    X, y = rows_of([[4, 3], [3, 4]])
    weights = np.random.default_rng(0).exponential(size=14)
    weights[5] = 0
    times = np.zeros(14)
    sampler = Resampler(sensitive_features="g", random_state=np.random.RandomState(0))
    for _ in range(150):
        sampler.fit_resample(X, y, sample_weight=weights)
        times += np.bincount(sampler.sample_indices_, minlength=14)
    after = sampler.cell_sizes_.loc["after"].to_numpy().ravel()
    cells = (X["g"] == "b") * 2 + y
    expected = after[cells] * weights / np.bincount(cells, weights)[cells]
    assert_allclose(times / 150, expected, atol=5 * np.sqrt(0.25 / 150))
    assert times[5] == 0


# Draws


def test_random_state_decides_the_rows():
    X, y = rows_of([[30, 10], [20, 40]], seed=0)

    def indices(state):
        sampler = Resampler(sensitive_features="g", random_state=state)
        sampler.fit_resample(X, y)
        return sampler.sample_indices_.tolist()

    assert indices(1) == indices(1) != indices(2)
    assert indices(np.random.RandomState(1)) == indices(np.random.RandomState(1))
    state = np.random.RandomState(1)
    assert indices(state) != indices(state)


def test_rows_are_copies_of_the_rows_they_were():
    X, y = rows_of([[30, 10], [20, 40]], seed=0)
    sampler = Resampler(sensitive_features="g", strategy="balance", method="over", random_state=0)
    rows, labels = sampler.fit_resample(X, y)
    expected = X.iloc[sampler.sample_indices_].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, expected)
    assert_array_equal(labels, y[sampler.sample_indices_])
    groups = sampler.groups_
    assert_array_equal(np.array(groups.labels)[groups.codes], rows["g"])
    times = np.bincount(sampler.sample_indices_)
    assert times.min() == 1
    assert set(times[(X["g"] == "b") & (y == 0)]) == {2}


def preferential():
    # a has 4 negatives and 2 positives, b 2 and 4: each cell should have 3
    X = pd.DataFrame(
        {
            "g": list("aaaaaabbbbbb"),
            "score": [0.1, 0.4, 0.2, 0.3, 0.6, 0.9, 0.3, 0.2, 0.9, 0.6, 0.7, 0.8],
        }
    )
    return X, np.array([0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1])


@pytest.mark.parametrize("ranker", [Scores(), Decides()])
def test_preferential_sampling_by_hand(ranker):
    X, y = preferential()
    sampler = Resampler(sensitive_features="g", ranker=ranker)
    sampler.fit_resample(X, y)
    # row 1, the highest negative of a, goes, and row 4, its lowest positive, is doubled; row 6,
    # the highest negative of b, is doubled, and row 9, its lowest positive, goes
    assert sampler.sample_indices_.tolist() == [0, 2, 3, 4, 4, 5, 6, 6, 7, 8, 10, 11]


def test_preferential_sampling_needs_to_know_the_positive_class():
    X, y = preferential()
    words = np.array(["bad", "good"])
    sampler = Resampler(sensitive_features="g", ranker=Scores())
    with pytest.raises(ValueError, match="pos_label"):
        sampler.fit_resample(X, words[y])
    sampler.set_params(pos_label="good").fit_resample(X, words[y])
    assert sampler.sample_indices_.tolist() == [0, 2, 3, 4, 4, 5, 6, 6, 7, 8, 10, 11]
    sampler.set_params(pos_label="bad").fit_resample(X, words[y])
    assert sampler.sample_indices_.tolist() == [0, 2, 3, 4, 4, 5, 6, 6, 7, 8, 10, 11]


def test_the_ranker_is_asked_about_rows_it_has_not_seen():
    X, y = preferential()
    seen = []

    class Watching(Scores):
        def fit(self, X, y):
            self.rows_ = set(X.index)
            return super().fit(X, y)

        def predict_proba(self, X):
            assert not self.rows_ & set(X.index)
            seen.extend(X.index)
            return super().predict_proba(X)

    ranker = Watching()
    Resampler(sensitive_features="g", ranker=ranker).fit_resample(X, y)
    assert sorted(seen) == list(range(12))
    assert not hasattr(ranker, "rows_")  # a clone is fitted


def test_rankers_that_cannot_rank_are_refused():
    X, y = preferential()
    with pytest.raises(ValueError, match="FunctionTransformer ranks nothing"):
        Resampler(sensitive_features="g", ranker=FunctionTransformer()).fit_resample(X, y)
    with pytest.raises(ValueError, match="a ranker or a sampler, not both"):
        Resampler(
            sensitive_features="g", ranker=Scores(), sampler=RandomOverSampler()
        ).fit_resample(X, y)
    with pytest.raises(ValueError, match="needs two classes"):
        Resampler(sensitive_features="g", ranker=Scores()).fit_resample(X, np.arange(12) % 3)
    few = [0, 1, 6, 11]
    with pytest.raises(ValueError, match="two rows of each class"):
        Resampler(sensitive_features="g", strategy="size", ranker=Scores()).fit_resample(
            X.iloc[few], y[few]
        )


# Samplers of imbalanced-learn


def numeric(seed=0, n=120):
    """Numbers; the first column is the group, the second a number of the cell."""
    rng = np.random.default_rng(seed)
    group = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    y = (rng.random(n) < 0.25 + 0.2 * group).astype(int)
    X = pd.DataFrame({"group": group, "cell": 10.0 * group + y, "x": rng.normal(size=n)})
    return X, y


def check_cells(X, y, groups):
    """Each row's cell, told by a column that only rows of the cell have, is its label and group."""
    assert_allclose(X["cell"], 10.0 * np.asarray(groups) + np.asarray(y))
    assert_allclose(X["group"], groups)


@pytest.mark.parametrize("strategy", ["balance", "parity", "size"])
@pytest.mark.parametrize("method", ["over", "both"])
def test_synthetic_rows_bear_their_cells_label_and_group(strategy, method):
    X, y = numeric()
    options = {"strategy": strategy, "method": method, "random_state": 0}
    sampler = Resampler(sensitive_features="group", sampler=SMOTE(k_neighbors=3), **options)
    rows, labels = sampler.fit_resample(X, y)
    plain = Resampler(sensitive_features="group", **options)
    plain.fit_resample(X, y)
    pd.testing.assert_frame_equal(sampler.cell_sizes_, plain.cell_sizes_)
    check_cells(rows, labels, np.array(sampler.groups_.labels)[sampler.groups_.codes])
    known = sampler.sample_indices_ >= 0
    assert 0 < known.sum() < len(labels)
    assert_array_equal(rows[known], X.iloc[sampler.sample_indices_[known]])
    assert not rows.loc[~known, "x"].isin(X["x"]).all()


def test_other_samplers_choose_and_tell_their_rows():
    X, y = numeric()
    for sampler in (RandomOverSampler(), RandomUnderSampler(), NearMiss(n_neighbors=2)):
        under = not isinstance(sampler, RandomOverSampler)
        resampler = Resampler(
            sensitive_features="group",
            strategy="balance",
            method="under" if under else "over",
            sampler=sampler,
            random_state=0,
        )
        rows, labels = resampler.fit_resample(X, y)
        assert_array_equal(rows, X.iloc[resampler.sample_indices_])
        assert_array_equal(labels, y[resampler.sample_indices_])
        check_cells(rows, labels, np.array([0, 1, 2])[resampler.groups_.codes])
        after = resampler.cell_sizes_.loc["after"]
        assert len(np.unique(after)) == 1


def test_cells_that_a_sampler_does_not_change_are_drawn():
    X, y = numeric()
    for sampler in (SMOTE(k_neighbors=3), RandomUnderSampler()):
        resampler = Resampler(
            sensitive_features="group", strategy="balance", sampler=sampler, random_state=0
        )
        resampler.fit_resample(X, y)
        assert (resampler.cell_sizes_.loc["after"] == 20).all(axis=None)
    nothing = Resampler(sensitive_features="group", strategy={}, sampler=SMOTE())
    rows, _ = nothing.fit_resample(X, y)
    assert_array_equal(rows, X)
    dropped = Resampler(
        sensitive_features="group", strategy={(0, 1): 0}, sampler=RandomUnderSampler()
    )
    dropped.fit_resample(X, y)
    assert dropped.cell_sizes_.loc[("after", 0), 1] == 0


def test_rows_of_samplers_that_do_not_tell_have_no_origin():
    X, y = numeric()
    resampler = Resampler(
        sensitive_features="group",
        strategy="balance",
        method="over",
        sampler=SMOTEENN(smote=SMOTE(k_neighbors=3)),
        random_state=0,
    )
    with pytest.warns(UserWarning, match="SMOTEENN didn't meet the sizes"):
        resampler.fit_resample(X[["group", "x"]], y)
    assert resampler.sample_indices_ is None
    centroids = Resampler(
        sensitive_features="group",
        strategy="balance",
        method="under",
        sampler=ClusterCentroids(),
        random_state=0,
    )
    rows, labels = centroids.fit_resample(X, y)
    assert centroids.sample_indices_ is None
    check_cells(rows, labels, np.array([0, 1, 2])[centroids.groups_.codes])


def test_a_sampler_that_misses_a_size_is_reported():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"g": np.repeat(list("ab"), 40), "x": rng.normal(size=80)})
    y = np.r_[np.zeros(30), np.ones(10), np.zeros(20), np.ones(20)].astype(int)
    model = Resampler(
        KNeighborsClassifier(),
        sensitive_features="g",
        strategy="balance",
        method="over",
        sampler=ADASYN(n_neighbors=3),
        preprocessor=FunctionTransformer(only_x),
        random_state=0,
    )
    with pytest.warns(UserWarning, match="ADASYN didn't meet the sizes of cells of") as found:
        model.fit(X, y)
    after = model.cell_sizes_.loc["after"].astype(int)
    message = str(found[0].message)
    missed = [(g, c) for g in "ab" for c in (0, 1) if after.loc[g, c] != 30]
    assert missed
    for g, c in missed:
        assert f"('{g}', {c}): {after.loc[g, c]} instead of 30" in message
    assert ("('a', 0)" in message) == (("a", 0) in missed)


def only_x(X):
    return X[["x"]]


def test_a_sampler_gets_a_seed_where_it_has_none():
    X, y = numeric()

    def made(state, own=None):
        resampler = Resampler(
            sensitive_features="group",
            strategy="balance",
            method="over",
            sampler=SMOTE(k_neighbors=3, random_state=own),
            random_state=state,
        )
        return resampler.fit_resample(X, y)[0]["x"].to_numpy()

    assert_array_equal(made(1), made(1))
    assert not np.array_equal(made(1), made(2))
    assert_array_equal(made(1, own=5), made(2, own=5))
    sampler = SMOTE()
    Resampler(sensitive_features="group", sampler=sampler, random_state=0).fit_resample(X, y)
    assert sampler.get_params()["sampling_strategy"] == "auto"  # a clone has been at work
    assert sampler.random_state is None


def test_new_labels_keep_type_dtype_and_name():
    X, y = numeric()
    resampler = Resampler(
        sensitive_features="group",
        strategy="balance",
        method="over",
        sampler=SMOTE(k_neighbors=3),
        random_state=0,
    )
    words = np.where(y, "yes", "no")
    series = pd.Series(words, name="hired", index=X.index[::-1], dtype="category")
    rows, labels = resampler.fit_resample(X, series)
    assert (labels.name, labels.dtype) == ("hired", series.dtype)
    assert_array_equal(labels.index, rows.index)
    check_cells(rows, labels == "yes", np.array([0, 1, 2])[resampler.groups_.codes])
    assert isinstance(resampler.fit_resample(X, words.tolist())[1], list)
    rows, labels = resampler.fit_resample(pl.from_pandas(X), pl.Series("hired", words))
    assert (labels.name, labels.dtype) == ("hired", pl.String)
    assert isinstance(rows, pd.DataFrame)
    check_cells(rows, labels.to_numpy() == "yes", np.array([0, 1, 2])[resampler.groups_.codes])
    rows, labels = resampler.set_params(sensitive_features=0).fit_resample(X.to_numpy(), words)
    check_cells(pd.DataFrame(rows, columns=X.columns), labels == "yes", rows[:, 0])


def test_samplers_and_weights_do_not_go_together():
    X, y = numeric()
    model = Resampler(LogisticRegression(), sensitive_features="group", sampler=SMOTE())
    with pytest.raises(ValueError, match="a sampler can't draw by sample_weight"):
        model.fit(X, y, sample_weight=np.ones(len(y)))


def test_without_imblearn_the_extra_is_named(monkeypatch):
    X, y = numeric()
    monkeypatch.setitem(sys.modules, "imblearn", None)
    with pytest.raises(ImportError, match=r"sampler= needs imblearn.*skfair\[sampling\]"):
        Resampler(sensitive_features="group", sampler=SMOTE()).fit_resample(X, y)
    Resampler(sensitive_features="group").fit_resample(X, y)


def test_metadata_with_synthetic_rows_are_refused():
    X, y = numeric()

    class WantsAges(LogisticRegression):
        __metadata_request__fit = {"ages": True}  # noqa: RUF012

        def fit(self, X, y, sample_weight=None, *, ages=None):
            return super().fit(X, y)

    model = Resampler(
        WantsAges(), sensitive_features="group", sampler=SMOTE(k_neighbors=3), random_state=0
    )
    with pytest.raises(ValueError, match="ages has no values for synthetic rows"):
        model.fit(X, y, ages=np.arange(len(y)))
    model.fit(X, y)


class GroupsOfCells(BaseMetaMitigator):
    """Checks that groups that come as metadata are those of the rows."""

    def __init__(self, estimator, *, sensitive_features=None):
        self.estimator = estimator
        self.sensitive_features = sensitive_features

    def _fit(self, X, y, groups, sample_weight, metadata):
        check_cells(X, y, np.array(groups.labels)[groups.codes])
        self._fit_clone(X, y, sample_weight, metadata)


def test_groups_as_metadata_reach_the_estimator_for_synthetic_rows():
    X, y = numeric()
    model = Resampler(
        GroupsOfCells(LogisticRegression()),
        strategy="balance",
        sampler=SMOTE(k_neighbors=3),
        random_state=0,
    )
    model.fit(X, y, sensitive_features=X["group"].to_numpy())
    assert (model.sample_indices_ < 0).any()


# Preprocessing


def adult(n=1500):
    X, y = load_adult(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:n]
    return X.iloc[rows].drop(columns="fnlwgt"), y.iloc[rows]


def encoder(encode):
    """Impute and encode as a data frame; strings come first."""
    strings = make_pipeline(SimpleImputer(strategy="most_frequent"), encode)
    steps = make_column_transformer(
        (strings, make_column_selector(dtype_exclude="number")),
        (SimpleImputer(), make_column_selector(dtype_include="number")),
        verbose_feature_names_out=False,
    )
    return steps.set_output(transform="pandas")


ENCODED = encoder(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1))
DUMMIES = encoder(OneHotEncoder(handle_unknown="ignore", sparse_output=False))
SMOTENC_OF_ADULT = SMOTENC(categorical_features=list(range(8)))


@pytest.mark.parametrize(
    ("preprocessor", "sampler"),
    [(ENCODED, SMOTENC_OF_ADULT), (DUMMIES, SMOTE()), (ENCODED, RandomOverSampler())],
    ids=["SMOTENC", "SMOTE of dummies", "drawn"],
)
def test_adults_missing_values_are_imputed_and_synthetic_rows_have_their_sex(preprocessor, sampler):
    X, y = adult()
    assert X.isna().any(axis=None)
    made = Resampler(
        sensitive_features="sex",
        strategy="balance",
        method="over",
        sampler=sampler,
        preprocessor=preprocessor,
        random_state=0,
    )
    rows, labels = made.fit_resample(X, y)
    assert not rows.isna().any(axis=None)
    sizes = made.cell_sizes_.loc["after"]
    assert len(np.unique(sizes)) == 1
    column = "sex" if "sex" in rows else "sex_Male"
    assert_allclose(rows[column], made.groups_.codes)  # Female is 0, Male is 1
    assert made.groups_.labels == ("Female", "Male")
    assert labels.dtype == y.dtype
    assert labels.name == y.name
    assert_array_equal(
        pd.crosstab(made.groups_.codes, labels.to_numpy()), sizes[[">50K", "<=50K"]].loc[:, ::-1]
    )


def test_around_an_estimator_predictions_are_preprocessed_as_well():
    X, y = adult()
    model = Resampler(
        KNeighborsClassifier(),
        sensitive_features="sex",
        sampler=SMOTENC_OF_ADULT,
        preprocessor=ENCODED,
        random_state=0,
    )
    model.fit(X, y)
    assert model.feature_names_in_.tolist() == X.columns.tolist()
    steps = model.estimator_.named_steps
    assert_array_equal(
        model.predict_proba(X), steps["estimator"].predict_proba(steps["preprocessor"].transform(X))
    )
    assert model.classes_.tolist() == ["<=50K", ">50K"]
    assert not hasattr(ENCODED, "transformers_")  # a clone is fitted
    numbers = X[["age", "education-num"]].rename(columns={"education-num": "years"})
    model.set_params(preprocessor=None, sampler=None, sensitive_features=Bins("age", [40]))
    model.fit(numbers, y)
    assert not hasattr(model, "preprocessor_")
    assert isinstance(model.estimator_, KNeighborsClassifier)


def test_groups_are_read_before_the_preprocessor():
    X, y = numeric()
    X = X.assign(group=X["group"].where(X["x"] < 1.0, np.nan))
    model = Resampler(
        KNeighborsClassifier(),
        sensitive_features="group",
        strategy="size",
        preprocessor=FunctionTransformer(only_x),
        random_state=0,
    ).fit(X, y)
    assert model.cell_sizes_.loc["before"].index.tolist() == [0, 1, 2, "<missing>"]
    assert model.predict(X).shape == y.shape


# Around estimators


def test_estimators_without_weights_are_fitted():
    X, y = make_rows()[:2]
    model = Resampler(RowChecker(), sensitive_features="group", random_state=0).fit(X, y)
    rows = model.estimator_.rows_
    check_groups(pd.DataFrame({"row": rows}), Groups.read(X["group"].iloc[model.sample_indices_]))
    assert_array_equal(rows, row_ids(X)[model.sample_indices_])
    Resampler(KNeighborsClassifier(), sensitive_features="group", random_state=0).fit(X, y)
    Resampler(Perceptron(), sensitive_features="group", random_state=0).fit(
        X, y, sample_weight=np.arange(1, 121)
    )


def biased(n=300, seed=1):
    rng = np.random.default_rng(seed)
    sex = np.where(rng.random(n) < 0.4, "f", "m")
    skill = rng.normal(size=n)
    proxy = rng.normal(size=n) + 1.5 * (sex == "m")
    y = (skill + 2 * (sex == "m") + 0.5 * rng.normal(size=n) > 0.5).astype(int)
    return pd.DataFrame({"sex": sex, "skill": skill, "proxy": proxy}), y


def numbers(X):
    return X[["skill", "proxy"]]


def test_parity_narrows_the_gap_of_selection_rates():
    X, y = biased(2000)
    plain = make_pipeline(FunctionTransformer(numbers), LogisticRegression())
    gaps = []
    for model in (plain, Resampler(plain, sensitive_features="sex", random_state=0)):
        selected = clone(model).fit(X, y).predict(X)
        gaps.append(selected[X["sex"] == "m"].mean() - selected[X["sex"] == "f"].mean())
    assert gaps[0] > 0.2
    assert gaps[1] < gaps[0] - 0.1


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_a_search_over_strategies_and_methods_scores_alike_in_both_forms(make):
    X, y = biased()
    grid = {"strategy": ["parity", "balance"], "method": ["over", "under", "both"]}
    options = {
        "cv": 3,
        "error_score": "raise",
        "refit": select_fair("accuracy", demographic_parity_difference=0.3),
    }
    metrics = ("accuracy", "demographic_parity_difference")
    model = make_pipeline(FunctionTransformer(numbers), KNeighborsClassifier())
    by_column = GridSearchCV(
        Resampler(model, sensitive_features="sex", random_state=0),
        grid,
        scoring=fairness_scoring(*metrics, sensitive_features="sex"),
        **options,
    ).fit(make(X), y)
    with config_context(enable_metadata_routing=True):
        by_metadata = GridSearchCV(
            Resampler(model, random_state=0), grid, scoring=fairness_scoring(*metrics), **options
        ).fit(make(X), y, sensitive_features=make(X)["sex"])
    for name in metrics:
        scores = by_column.cv_results_[f"mean_test_{name}"]
        assert_array_equal(scores, by_metadata.cv_results_[f"mean_test_{name}"])
        assert len(set(scores)) > 3
    assert by_column.best_params_ == by_metadata.best_params_
    assert_array_equal(by_column.predict(make(X)), by_metadata.predict(make(X)))


# What a new user meets


def test_helpers_that_cannot_work_are_refused():
    X, y = rows_of([[30, 10], [20, 40]], seed=0)
    for sampler in (RandomOverSampler, "smote"):
        with pytest.raises(ValueError, match="sampler must be an instance"):
            Resampler(sensitive_features="g", sampler=sampler).fit_resample(X, y)
    with pytest.raises(ValueError, match="the preprocessor gets no metadata"):
        Resampler(preprocessor=CorrelationRemover()).fit_resample(X, y, sensitive_features=X["g"])
    with pytest.raises(ValueError, match=r"continuous. y has \d+ distinct floats"):
        Resampler(sensitive_features="g").fit_resample(X, np.arange(len(y)) * 1.0)


def test_errors_of_a_sampler_name_the_preprocessor_and_the_cells():
    X, y = rows_of([[30, 3], [20, 40]], seed=0)
    with pytest.raises(ValueError, match=r"SMOTE failed on cells.*\): 3.*preprocessor="):
        Resampler(sensitive_features="g", sampler=SMOTE(), method="over").fit_resample(X, y)


def test_smoothed_rows_are_synthetic():
    X = np.c_[np.repeat([0.0, 1], 20), np.arange(40.0)]
    y = np.r_[np.zeros(15), np.ones(5), np.zeros(10), np.ones(10)].astype(int)
    sampler = Resampler(
        sensitive_features=0,
        sampler=RandomOverSampler(shrinkage=1.0),
        strategy="balance",
        method="over",
        random_state=0,
    )
    rows, _ = sampler.fit_resample(X, y)
    assert (sampler.sample_indices_ == -1).sum() == len(rows) - 40
