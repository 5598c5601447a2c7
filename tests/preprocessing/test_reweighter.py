from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair import Reweighter
from skfair.datasets import load_adult
from skfair.groups import Bins, Groups
from skfair.metrics import fairness_scoring
from skfair.model_selection import GroupLabelStratifiedKFold
from skfair.preprocessing import reweighing_weights

REPRODUCIBLE = settings(max_examples=60)

# Labels x, y, z by groups a, b, c: 24 rows, 6, 6 and 12 by label, 9, 6 and 9 by group.
COUNTS = [[4, 1, 1], [2, 2, 2], [3, 3, 6]]
UNDER_INDEPENDENCE = [[2.25, 1.5, 2.25], [2.25, 1.5, 2.25], [4.5, 3.0, 4.5]]
FACTORS = [[0.5625, 1.5, 2.25], [1.125, 0.75, 1.125], [1.5, 1.0, 0.75]]


def cells():
    """The label and the group of each cell of COUNTS, row by row."""
    return np.repeat(list("xyz"), 3), np.tile(list("abc"), 3)


def rows_of(counts):
    labels, groups = cells()
    times = np.ravel(counts)
    return np.repeat(labels, times), np.repeat(groups, times)


def weighted_table(labels, groups, weights):
    frame = pd.DataFrame({"y": labels, "g": groups, "w": weights})
    return frame.pivot_table(index="y", columns="g", values="w", aggfunc="sum", fill_value=0)


# The weights


def test_two_labels_and_two_groups_by_hand():
    labels, groups = [0, 0, 0, 1, 0, 1, 1, 1], list("aaaabbbb")
    expected = [2 / 3, 2 / 3, 2 / 3, 2, 2, 2 / 3, 2 / 3, 2 / 3]
    assert_allclose(reweighing_weights(labels, groups), expected)


def test_unequal_margins_by_hand():
    # P(y=1) = 1/4, P(f) = 3/4; no woman but one in three is 1, the man is not
    assert_allclose(reweighing_weights([0, 0, 1, 0], list("fffm")), [9 / 8, 9 / 8, 3 / 4, 3 / 4])


def test_three_labels_and_three_groups_by_hand():
    labels, groups = rows_of(COUNTS)
    weights = reweighing_weights(labels, groups)
    assert_allclose(weights, np.repeat(np.ravel(FACTORS), np.ravel(COUNTS)))
    assert_allclose(weighted_table(labels, groups, weights), UNDER_INDEPENDENCE)


def test_sample_weights_by_hand():
    labels, groups = cells()
    weights = reweighing_weights(labels, groups, np.ravel(COUNTS))
    assert_allclose(weights, np.ravel(UNDER_INDEPENDENCE))


def test_sample_weights_within_a_cell_keep_their_proportions():
    labels, groups = [0, 0, 1, 0, 1], list("aaabb")
    weights = reweighing_weights(labels, groups, [1, 3, 2, 2, 4])
    assert_allclose(weights, [6 * 6 / 12 / 4, 3 * 6 * 6 / 12 / 4, 3, 3, 3])


def test_independent_data_keep_their_weights():
    labels, groups = rows_of([[2, 4, 6], [1, 2, 3], [3, 6, 9]])
    assert_allclose(reweighing_weights(labels, groups), np.ones(36))


occupied = st.lists(st.integers(1, 6), min_size=9, max_size=9)
random_rows = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.floats(0.1, 10)), min_size=1, max_size=40
)


@REPRODUCIBLE
@given(occupied, st.randoms(use_true_random=False))
def test_label_and_group_are_independent_and_margins_are_kept(counts, random):
    labels, groups = rows_of(counts)
    given_weights = np.array([random.uniform(0.1, 10) for _ in labels])
    weights = reweighing_weights(labels, groups, given_weights)
    before = weighted_table(labels, groups, given_weights)
    after = weighted_table(labels, groups, weights)
    assert_allclose(after.sum(axis=0), before.sum(axis=0))
    assert_allclose(after.sum(axis=1), before.sum(axis=1))
    shares = np.outer(after.sum(axis=1), after.sum(axis=0)) / after.to_numpy().sum()
    assert_allclose(after, shares)


@REPRODUCIBLE
@given(random_rows)
def test_each_cell_weighs_what_independence_would_give_it(rows):
    labels, groups, given_weights = (np.array(column) for column in zip(*rows, strict=True))
    weights = reweighing_weights(labels, groups, given_weights)
    assert (weights > 0).all()
    total = given_weights.sum()
    for label, group in set(zip(labels.tolist(), groups.tolist(), strict=True)):
        of_label, of_group = labels == label, groups == group
        expected = given_weights[of_label].sum() * given_weights[of_group].sum() / total
        assert_allclose(weights[of_label & of_group].sum(), expected)


@REPRODUCIBLE
@given(random_rows, st.floats(1e-3, 1e3))
def test_scaled_sample_weights_scale_the_weights(rows, scale):
    labels, groups, given_weights = (np.array(column) for column in zip(*rows, strict=True))
    weights = reweighing_weights(labels, groups, given_weights)
    assert_allclose(reweighing_weights(labels, groups, scale * given_weights), scale * weights)
    assert_allclose(
        reweighing_weights(labels, groups, np.full(len(rows), scale)),
        scale * reweighing_weights(labels, groups),
    )


@REPRODUCIBLE
@given(random_rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    labels, groups, given_weights = (np.array(column) for column in zip(*rows, strict=True))
    assert_allclose(
        reweighing_weights(labels[order], groups[order], given_weights[order]),
        reweighing_weights(labels, groups, given_weights)[order],
    )


def test_whole_sample_weights_are_repeated_rows():
    labels, groups = np.array([0, 1, 1, 0, 1]), np.array(list("aabbb"))
    times = np.array([3, 1, 2, 5, 4])
    weights = reweighing_weights(labels, groups, times)
    repeated = reweighing_weights(np.repeat(labels, times), np.repeat(groups, times))
    assert_allclose(weights, [part.sum() for part in np.split(repeated, np.cumsum(times)[:-1])])


def test_an_empty_cell_gets_nothing_and_gives_nothing():
    labels, groups = [0, 0, 1, 1, 0, 0], list("aaaabb")  # no 1 in b
    weights = reweighing_weights(labels, groups)
    assert_allclose(weights, [4 / 3, 4 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3])
    assert weights.sum() == pytest.approx(6 - 6 * (2 / 6) * (2 / 6))  # the empty cell's share


def test_rows_without_weight_stay_without_and_count_for_nothing():
    labels, groups = [0, 0, 1, 0, 1, 1], list("aaabbb")
    weights = reweighing_weights(labels, groups, [1, 1, 1, 1, 1, 0])
    assert weights[-1] == 0
    assert_allclose(weights[:-1], reweighing_weights(labels[:-1], groups[:-1]))
    no_one = reweighing_weights(labels, groups, [1, 1, 1, 1, 0, 0])  # a cell without weight
    assert np.isfinite(no_one).all()
    assert_allclose(no_one[:4], reweighing_weights(labels[:4], groups[:4]))


def test_one_group_or_one_label_changes_nothing():
    assert_allclose(reweighing_weights([0, 1, 1], list("aaa")), np.ones(3))
    assert_allclose(reweighing_weights([1, 1, 1], list("aab")), np.ones(3))


def test_rows_without_a_group_are_a_group_or_refused():
    labels, groups = [0, 1, 0, 1, 1], ["a", "a", None, None, None]
    as_group = reweighing_weights(labels, groups)
    assert_allclose(as_group, reweighing_weights(labels, list("aabbb")))
    with pytest.raises(ValueError, match="3 missing values"):
        reweighing_weights(labels, groups, missing="raise")


@pytest.mark.parametrize(
    "given_labels",
    [
        lambda y: np.where(y == 1, "yes", "no"),
        lambda y: y.astype(bool),
        lambda y: 2 * y - 1,
        lambda y: pd.Series(y, index=y[::-1]).astype("category"),
        lambda y: pl.Series(y).cast(pl.String),
        lambda y: y.tolist(),
        lambda y: y[:, None],
    ],
    ids=["strings", "booleans", "signs", "categories", "polars", "list", "one column"],
)
def test_labels_of_any_type_give_the_same_weights(given_labels):
    rng = np.random.default_rng(0)
    y, groups = rng.integers(0, 2, 50), rng.integers(0, 3, 50)
    assert_array_equal(reweighing_weights(given_labels(y), groups), reweighing_weights(y, groups))


def test_several_sensitive_features_intersect():
    rng = np.random.default_rng(0)
    y, sex, race = rng.integers(0, 2, 60), rng.choice(["f", "m"], 60), rng.integers(0, 3, 60)
    crossed = [f"{a} {b}" for a, b in zip(sex, race, strict=True)]
    expected = reweighing_weights(y, crossed)
    for groups in (
        {"sex": sex, "race": race},
        pd.DataFrame({"sex": sex, "race": race}),
        pl.DataFrame({"sex": sex, "race": race}),
        Groups.read({"sex": sex, "race": race}),
    ):
        assert_array_equal(reweighing_weights(y, groups), expected)
    assert not np.allclose(expected, reweighing_weights(y, sex))


@pytest.mark.parametrize(
    ("labels", "groups", "weights", "message"),
    [
        ([0, 1, 1], ["a", "b"], None, "inconsistent numbers of samples.*3.*2"),
        ([0, 1], ["a", "b"], [1], "inconsistent numbers of samples"),
        ([0, None], ["a", "b"], None, "y contains NaN"),
        ([0, np.nan], ["a", "b"], None, "y contains NaN"),
        ([0, 1], ["a", "b"], [1, -1], "Negative values"),
        ([0, 1], ["a", "b"], [1, np.nan], "NaN or infinity"),
        ([], [], None, "0 sample"),
        ([[0, 1], [1, 0]], ["a", "b"], None, "1d array"),
    ],
)
def test_what_makes_no_sense_is_refused(labels, groups, weights, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        reweighing_weights(labels, groups, weights)


# The estimator


def biased_rows(n=240, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n, p=[0.4, 0.6])
    race = rng.choice(["b", "w", "x"], n)
    skill = rng.normal(size=n)
    y = np.where(skill + (sex == "m") + rng.normal(size=n) > 0.7, "hire", "reject")
    X = pd.DataFrame(
        {"skill": skill, "proxy": (sex == "m") + rng.normal(size=n), "sex": sex, "race": race}
    )
    return X, y, rng.exponential(size=n)


def features(last):
    return make_pipeline(make_column_transformer((StandardScaler(), ["skill", "proxy"])), last)


@pytest.mark.parametrize(
    "last", [LogisticRegression(), RandomForestClassifier(10, max_depth=3, random_state=0)]
)
@pytest.mark.parametrize("columns", ["sex", ["sex", "race"], ["sex", Bins("skill", [0.0])]])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_estimator_fitted_with_the_weights(last, columns, weighted):
    X, y, sample_weight = biased_rows()
    sample_weight = sample_weight if weighted else None
    model = Reweighter(features(last), sensitive_features=columns)
    model.fit(X, y, sample_weight=sample_weight)
    weights = reweighing_weights(y, Groups.from_columns(X, columns), sample_weight)
    scaled = features("passthrough").fit(X).transform(X)
    by_hand = type(last)(**last.get_params()).fit(scaled, y, weights)
    assert_allclose(model.predict_proba(X), by_hand.predict_proba(scaled))
    assert_array_equal(model.predict(X), by_hand.predict(scaled))
    unweighted = type(last)(**last.get_params()).fit(scaled, y, sample_weight)
    assert abs(unweighted.predict_proba(scaled) - model.predict_proba(X)).max() > 0.02


def test_groups_from_a_column_and_as_metadata_give_the_same_model():
    X, y, sample_weight = biased_rows()
    by_column = Reweighter(features(LogisticRegression()), sensitive_features=["sex", "race"])
    by_column.fit(X, y, sample_weight=sample_weight)
    for groups in (
        X[["sex", "race"]],
        pl.from_pandas(X[["sex", "race"]]),
        X[["sex", "race"]].values,
    ):
        model = Reweighter(features(LogisticRegression()))
        model.fit(X, y, sensitive_features=groups, sample_weight=sample_weight)
        assert_array_equal(model.predict_proba(X), by_column.predict_proba(X))


def test_polars_and_pandas_give_the_same_model():
    X, y, sample_weight = biased_rows()
    model = Reweighter(features(LogisticRegression()), sensitive_features=["sex", "race"])
    frame = pl.from_pandas(X)
    from_pandas = model.fit(X, y, sample_weight=sample_weight).predict_proba(X)
    model.fit(frame, pl.Series(y), sample_weight=pl.Series(sample_weight))
    assert_array_equal(model.predict_proba(frame), from_pandas)
    assert_array_equal(model.feature_names_in_, X.columns)


def test_cell_weights_show_the_factor_of_each_label_and_group():
    labels, groups = rows_of(COUNTS)
    X = pd.DataFrame({"team": groups, "x": np.arange(len(labels), dtype=float)})
    inner = make_pipeline(make_column_transformer((StandardScaler(), ["x"])), LogisticRegression())
    model = Reweighter(inner, sensitive_features="team").fit(X, labels)
    expected = pd.DataFrame(FACTORS, list("xyz"), pd.Index(list("abc"), name="team"))
    pd.testing.assert_frame_equal(model.cell_weights_, expected)


def test_cell_weights_do_not_hold_the_sample_weights():
    labels, groups = cells()
    X = np.arange(9.0)[:, None]
    model = Reweighter(LogisticRegression())
    model.fit(X, labels, sensitive_features=groups, sample_weight=np.ravel(COUNTS))
    assert_allclose(model.cell_weights_, FACTORS)


def test_cell_weights_of_empty_cells_are_nan_and_of_intersections_have_two_levels():
    X = pd.DataFrame({"sex": list("ffmmm"), "race": list("bwbww"), "x": [1.0, 2, 3, 4, 5]})
    inner = make_pipeline(make_column_transformer((StandardScaler(), ["x"])), LogisticRegression())
    model = Reweighter(inner, sensitive_features=["sex", "race"])
    with pytest.warns(UserWarning, match=r"no rows in cells \[\(\('f', 'b'\), 1\)"):
        model.fit(X, [0, 1, 0, 1, 0])
    assert model.cell_weights_.columns.names == ["sex", "race"]
    assert model.cell_weights_.loc[0, ("f", "b")] == pytest.approx(3 / 5)
    assert model.cell_weights_.loc[1, ("m", "w")] == pytest.approx(2 * 2 / 5)
    assert np.isnan(model.cell_weights_.loc[1, ("f", "b")])
    assert model.cell_weights_.isna().to_numpy().sum() == 3


def test_rows_without_a_group_can_be_refused():
    X, y, _ = biased_rows()
    X.loc[X.index[:3], "sex"] = None
    model = Reweighter(features(LogisticRegression()), sensitive_features="sex").fit(X, y)
    assert list(model.cell_weights_.columns) == ["f", "m", "<missing>"]
    with pytest.raises(ValueError, match="'sex' has 3 missing values"):
        model.set_params(missing="raise").fit(X, y)


def test_continuous_labels_are_refused():
    X, _, _ = biased_rows()
    model = Reweighter(features(LogisticRegression()), sensitive_features="sex")
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        model.fit(X, X["skill"])


def test_the_label_is_found_independent_of_the_group_alone():
    X, y, _ = biased_rows()
    group = (X[["sex"]] == "m").astype(float)
    model = Reweighter(LogisticRegression(C=1e6), sensitive_features=0).fit(group, y)
    assert model.predict_proba(group)[:, 1] == pytest.approx(np.mean(y == "reject"), abs=1e-3)


# Real data


@pytest.fixture(scope="module")
def adult_scores():
    """Scores of four folds of 8,000 people, without and with the weights."""
    X, y = load_adult(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:8000]
    X, y = X.iloc[rows].drop(columns="fnlwgt"), y.iloc[rows]
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="ignore", min_frequency=20),
            make_column_selector(dtype_include="category"),
        ),
    )
    plain = make_pipeline(columns, LogisticRegression(max_iter=300))
    scoring = fairness_scoring(
        "accuracy", "demographic_parity_difference", sensitive_features="sex", pos_label=">50K"
    )
    folds = GroupLabelStratifiedKFold(4, sensitive_features="sex")
    return [
        cross_validate(model, X, y, cv=folds, scoring=scoring, error_score="raise")
        for model in (plain, Reweighter(plain, sensitive_features="sex"))
    ]


def test_on_adult_the_selection_gap_of_the_sexes_shrinks_in_each_fold(adult_scores):
    plain, fair = (-scores["test_demographic_parity_difference"] for scores in adult_scores)
    assert (plain > 0.13).all()  # 0.15 to 0.18
    assert (fair < 0.12).all()  # 0.05 to 0.11
    assert (plain - fair > 0.05).all()
    assert (plain - fair).mean() > 0.07  # 0.09


def test_on_adult_the_accuracy_stays_within_two_points(adult_scores):
    plain, fair = (scores["test_accuracy"] for scores in adult_scores)
    assert (plain > 0.83).all()
    assert (plain - fair < 0.02).all()
    assert (plain - fair).mean() < 0.01  # 0.846 and 0.840


def test_a_continuous_y_has_no_weights():
    with pytest.raises(ValueError, match="Unknown label type"):
        reweighing_weights(np.linspace(0.1, 0.9, 6), list("ffffmm"))
