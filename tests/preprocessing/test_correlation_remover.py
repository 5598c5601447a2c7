"""No column goes with a group after CorrelationRemover; figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import skfair
from skfair.groups import Bins, Groups
from skfair.preprocessing import CorrelationRemover, remove_correlation

REPRODUCIBLE = settings(max_examples=25)

# group means 3 and 9, overall mean 5
BY_HAND = pd.DataFrame({"x": [1.0, 2.0, 4.0, 5.0, 8.0, 10.0], "sex": list("ffffmm")})


@st.composite
def tables(draw, most_features=3):
    """Numbers, sensitive features of a few groups each, and weights."""
    n = draw(st.integers(1, 30))
    number = st.integers(-1000, 1000).map(lambda i: i / 8)
    values = np.array(draw(st.lists(st.tuples(number, number), min_size=n, max_size=n)))
    features = {
        f"s{j}": draw(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=n, max_size=n))
        for j in range(draw(st.integers(1, most_features)))
    }
    weights = np.array(draw(st.lists(st.floats(0.1, 10), min_size=n, max_size=n)))
    return values, features, weights


def covariances(X, columns, weights):
    """Weighted covariances of columns of X and others."""
    centred = X - np.average(X, axis=0, weights=weights)
    others = columns - np.average(columns, axis=0, weights=weights)
    return (centred * weights[:, None]).T @ others / weights.sum()


def indicators(features):
    return np.column_stack(
        [
            np.eye(groups.n_groups)[groups.codes]
            for groups in (Groups.read(values) for values in features.values())
        ]
    ).astype(float)


# The numbers


def test_groups_get_the_overall_mean_and_keep_their_spread():
    out = CorrelationRemover(sensitive_features="sex").fit_transform(BY_HAND)
    assert_allclose(out["x"], [3, 4, 6, 7, 4, 6])


def test_alpha_takes_a_share():
    out = CorrelationRemover(sensitive_features="sex", alpha=0.25).fit_transform(BY_HAND)
    assert_allclose(out["x"], [1.5, 2.5, 4.5, 5.5, 7, 9])
    untouched = CorrelationRemover(sensitive_features="sex", alpha=0).fit_transform(BY_HAND)
    assert_array_equal(untouched["x"], BY_HAND["x"])


def test_weights_move_the_means():
    weights = [1, 1, 1, 1, 2, 2]  # overall mean 6
    out = CorrelationRemover(sensitive_features="sex").fit(BY_HAND, sample_weight=weights)
    assert_allclose(out.transform(BY_HAND)["x"], [4, 5, 7, 8, 5, 7])
    uneven = [3, 1, 0, 0, 1, 1]  # group means 1.25 and 9, overall 23 / 6
    out = CorrelationRemover(sensitive_features="sex").fit(BY_HAND, sample_weight=uneven)
    shifts = np.repeat([23 / 6 - 1.25, 23 / 6 - 9], [4, 2])
    assert_allclose(out.transform(BY_HAND)["x"], BY_HAND["x"] + shifts)


def test_new_rows_move_by_their_group():
    model = CorrelationRemover(sensitive_features="sex").fit(BY_HAND)
    new = pd.DataFrame({"x": [0.0, 0.0, 100.0], "sex": ["f", "m", "m"]})
    assert_allclose(model.transform(new)["x"], [2, -4, 96])


def test_effects_and_means_are_told_by_name():
    model = CorrelationRemover(sensitive_features="sex").fit(BY_HAND)
    assert model.effects_.index.tolist() == [("sex", "f"), ("sex", "m")]
    assert list(model.effects_) == ["x"]
    assert_allclose(model.effects_["x"].diff().iloc[1], 6)
    assert_allclose(model.sensitive_mean_, [2 / 3, 1 / 3])


@given(table=tables())
@REPRODUCIBLE
def test_no_column_goes_with_any_group(table):
    values, features, weights = table
    out = remove_correlation(values, features, weights)
    assert np.abs(covariances(out, indicators(features), weights)).max() <= 1e-8 * 125
    assert_allclose(
        np.average(out, axis=0, weights=weights),
        np.average(values, axis=0, weights=weights),
        atol=1e-9,
    )


@given(seed=st.integers(0, 1000), n_groups=st.integers(2, 5))
@REPRODUCIBLE
def test_correlations_are_zero(seed, n_groups):
    rng = np.random.default_rng(seed)
    group, weights = rng.integers(0, n_groups, 80), rng.uniform(0.1, 5, 80)
    X = pd.DataFrame(
        rng.normal(size=(80, 3)) * [1, 1e4, 1e-4] + group[:, None], columns=list("abc")
    )
    X["group"] = [f"g{code}" for code in group]
    out = CorrelationRemover(sensitive_features="group").fit(X, sample_weight=weights).transform(X)
    joined = np.column_stack([out, indicators({"group": group})])
    correlations = np.cov(joined.T, aweights=weights)
    spread = np.sqrt(np.diag(correlations))
    assert np.abs((correlations / np.outer(spread, spread))[:3, 3:]).max() < 1e-8


@given(table=tables(most_features=2), repeats=st.data())
@REPRODUCIBLE
def test_weights_are_repeated_rows(table, repeats):
    values, features, _ = table
    n = len(values)
    times = np.array(repeats.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    if not times.any():
        return
    rows = np.repeat(np.arange(n), times)
    frame = pd.DataFrame(features)
    model = CorrelationRemover().fit(values, sensitive_features=frame, sample_weight=times)
    repeated = CorrelationRemover().fit(values[rows], sensitive_features=frame.iloc[rows])
    of_rows = {"sensitive_features": frame.iloc[rows]}
    assert_allclose(
        model.transform(values[rows], **of_rows),
        repeated.transform(values[rows], **of_rows),
        atol=1e-8,
    )


# Several features, and collinear ones


def test_means_are_equal_for_each_feature_but_not_for_intersections():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"sex": rng.choice(["f", "m"], 400), "race": rng.choice(list("bw"), 400)})
    both = (X["sex"] == "f") & (X["race"] == "b")
    X["x"] = rng.normal(size=400) + 3.0 * both
    out = CorrelationRemover(sensitive_features=["sex", "race"]).fit_transform(X)["x"]
    for column in ("sex", "race"):
        means = out.groupby(X[column]).mean()
        assert_allclose(means, means.iloc[0])
    cells = out.groupby([X["sex"], X["race"]]).mean()
    assert cells.max() - cells.min() > 1


def test_a_callable_may_cross_the_features():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"sex": rng.choice([0, 1], 200), "race": rng.choice([0, 1], 200)})
    X["x"] = rng.normal(size=200) + 3.0 * X["sex"] * X["race"]
    cell = X["sex"] + 2 * X["race"]
    out = CorrelationRemover(sensitive_features=lambda X: X["sex"] + 2 * X["race"]).fit_transform(X)
    assert list(out) == ["sex", "race", "x"]
    means = out.groupby(cell).mean()
    assert_allclose(means, np.broadcast_to(means.iloc[0], means.shape), atol=1e-12)


def test_copies_of_a_feature_change_nothing():
    once = CorrelationRemover(sensitive_features="sex").fit_transform(BY_HAND)
    copied = BY_HAND.assign(again=BY_HAND["sex"], other=BY_HAND["sex"].map({"f": 1, "m": 0}))
    names = ["sex", "again", "other"]
    assert_allclose(CorrelationRemover(sensitive_features=names).fit_transform(copied), once)


def test_combinations_unseen_at_fit_are_transformed():
    X = pd.DataFrame({"a": list("ppq"), "b": list("xyx"), "v": [0.0, 1.0, 10.0]})
    model = CorrelationRemover(sensitive_features=["a", "b"]).fit(X)
    effect_of_q, effect_of_y = 10.0, 1.0  # px 0, py 1, qx 10, so qy is 11 by sums; mean 11 / 3
    new = pd.DataFrame({"a": ["q"], "b": ["y"], "v": [effect_of_q + effect_of_y]})
    assert_allclose(model.transform(new)["v"], 11 / 3)


@pytest.mark.parametrize("values", [[1.0, 1.0, 1.0], [0.0, 1.0, 5.0]])
def test_constant_columns_stay_and_one_group_changes_nothing(values):
    X = pd.DataFrame({"v": values, "s": list("aab") if values[1] == values[2] else list("aaa")})
    out = CorrelationRemover(sensitive_features="s").fit_transform(X)
    assert_allclose(out["v"], values)


def test_a_column_that_is_the_group_becomes_constant():
    X = pd.DataFrame({"v": [5.0, 5.0, 7.0], "s": list("aab")})
    out = CorrelationRemover(sensitive_features="s").fit_transform(X)
    assert_allclose(out["v"], 17 / 3)


def test_a_single_row_is_fitted():
    X = pd.DataFrame({"v": [5.0], "s": ["a"]})
    assert CorrelationRemover(sensitive_features="s").fit_transform(X)["v"].tolist() == [5.0]


def test_large_offsets_lose_no_digits():
    X = BY_HAND.assign(x=BY_HAND["x"] + 1e9)
    out = CorrelationRemover(sensitive_features="sex").fit_transform(X)
    assert_allclose(out["x"] - 1e9, [3, 4, 6, 7, 4, 6], atol=1e-6)


# Names of groups, and numbers


@pytest.mark.parametrize("names", [["f", "m"], [0, 1], [1, 0], [False, True], [2.5, -1.0]])
def test_names_of_groups_are_irrelevant(names):
    X = BY_HAND.assign(sex=[names[0]] * 4 + [names[1]] * 2)
    out = CorrelationRemover(sensitive_features="sex").fit_transform(X)
    assert_allclose(out["x"], [3, 4, 6, 7, 4, 6])


def test_missing_groups_get_the_overall_mean_as_well():
    X = BY_HAND.assign(sex=["f", "f", None, np.nan, "m", "m"])
    out = CorrelationRemover(sensitive_features="sex").fit_transform(X)
    assert_allclose(out.groupby(list("ffnnmm")).mean()["x"], 5)


NUMBERS = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "x": [1.0, 2.0, 4.0, 5.0]})


def test_values_of_a_number_are_groups_by_default():
    out = CorrelationRemover(sensitive_features="age").fit_transform(NUMBERS)
    assert_allclose(out["x"], 3)


def test_numbers_may_stand_for_themselves():
    model = CorrelationRemover(sensitive_features="age", numeric="values").fit(NUMBERS)
    assert model.effects_.index.tolist() == [("age", "value")]
    assert_allclose(model.effects_, 0.14)  # 70 / 500
    assert_allclose(model.transform(NUMBERS)["x"], [3.1, 2.7, 3.3, 2.9])
    new = pd.DataFrame({"age": [135.0], "x": [14.0]})  # no group of the fit
    assert_allclose(model.transform(new)["x"], 0, atol=1e-12)


def test_numbers_in_metadata_stand_for_themselves_as_well():
    by_column = CorrelationRemover(sensitive_features="age", numeric="values")
    by_metadata = CorrelationRemover(numeric="values")
    X, age = NUMBERS[["x"]], NUMBERS["age"]
    expected = by_column.fit_transform(NUMBERS)["x"]
    for values in (age, age.to_numpy(), age.tolist(), pl.Series(age), {"age": age}):
        out = by_metadata.fit_transform(X, sensitive_features=values)
        assert_allclose(out["x"], expected)
    unnamed = by_metadata.fit(X, sensitive_features=age.to_numpy())
    assert unnamed.effects_.index.tolist() == [("sensitive_feature_0", "value")]


def test_missing_numbers_have_an_indicator_of_their_own():
    X = pd.DataFrame({"age": [20.0, np.nan, 40, np.nan, 30], "x": [1.0, 9, 5, 5, 3]})
    model = CorrelationRemover(sensitive_features="age", numeric="values").fit(X)
    assert model.effects_.index.tolist() == [("age", "value"), ("age", "<missing>")]
    assert_allclose(model.transform(X)["x"], [4.6, 6.6, 4.6, 2.6, 4.6])
    with pytest.raises(ValueError, match="'age' has 2 missing values"):
        CorrelationRemover(sensitive_features="age", numeric="values", missing="raise").fit(X)
    complete = CorrelationRemover(sensitive_features="age", numeric="values").fit(X.dropna())
    with pytest.raises(ValueError, match=r"groups of age unseen at fit: \['<missing>'\]"):
        complete.transform(X)


def test_numbers_that_are_all_missing_are_one_group():
    X = pd.DataFrame({"age": [np.nan] * 3, "x": [1.0, 9, 5]})
    out = CorrelationRemover(sensitive_features="age", numeric="values").fit_transform(X)
    assert_allclose(out["x"], X["x"])


def test_weights_move_the_filler_of_missing_numbers():
    X = pd.DataFrame({"age": [20.0, 40.0, np.nan], "x": [1.0, 2.0, 3.0]})
    model = CorrelationRemover(sensitive_features="age", numeric="values")
    model.fit(X, sample_weight=[3, 1, 2])
    assert_allclose(model.sensitive_mean_, [25, 1 / 3])  # 25 among those known, 25 for the other


def test_numbers_of_rows_without_weight_do_not_count():
    model = CorrelationRemover(sensitive_features="age", numeric="values")
    few = model.fit(NUMBERS.iloc[[0, 2, 3]]).transform(NUMBERS)
    assert_allclose(model.fit(NUMBERS, sample_weight=[1, 0, 1, 1]).transform(NUMBERS), few)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas, pd.DataFrame.to_numpy])
def test_numbers_groups_and_bins_go_together(make):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"age": rng.uniform(20, 60, 90), "sex": rng.choice(["f", "m"], 90)})
    X["pay"] = rng.exponential(size=90)
    X["x"] = X["age"] + 5.0 * (X["sex"] == "m") + X["pay"] + rng.normal(size=90)
    columns = [0, 1, Bins(2, [1.0])]
    model = CorrelationRemover(sensitive_features=columns, numeric="values")
    out = np.asarray(model.fit_transform(make(X)), dtype=float)
    assert out.shape == (90, 1)
    assert len(model.effects_) == 1 + 2 + 2
    parts = np.column_stack([X["age"], X["sex"] == "f", X["pay"] <= 1]).astype(float)
    assert np.abs(np.corrcoef(out.T, parts.T)[0, 1:]).max() < 1e-8


def test_numbers_from_a_callable():
    model = CorrelationRemover(sensitive_features=lambda X: X["age"], numeric="values")
    out = model.fit_transform(NUMBERS)
    assert_allclose(out["age"], 35)
    assert_allclose(out["x"], [3.1, 2.7, 3.3, 2.9])


def test_groups_that_are_read_already_are_taken():
    groups = Groups.read(BY_HAND["sex"])
    for numeric in ("groups", "values"):
        out = CorrelationRemover(numeric=numeric).fit_transform(
            BY_HAND[["x"]], sensitive_features=groups
        )
        assert_allclose(out["x"], [3, 4, 6, 7, 4, 6])


# Refusals


def test_very_many_numbers_are_refused_with_advice():
    X = pd.DataFrame({"age": np.arange(40.0), "x": np.arange(40.0)})
    with pytest.raises(ValueError, match=r'too many to be groups: .*Bins\("age"'):
        CorrelationRemover(sensitive_features="age").fit(X)
    out = CorrelationRemover(sensitive_features=Bins("age", [9])).fit_transform(X)
    assert_allclose([out["x"].iloc[:10].mean(), out["x"].iloc[10:].mean()], 19.5)


def test_infinite_numbers_are_refused():
    with pytest.raises(ValueError, match="'age' contains infinity"):
        CorrelationRemover(sensitive_features="age", numeric="values").fit(
            NUMBERS.assign(age=[1.0, 2.0, np.inf, 3.0])
        )


@pytest.mark.parametrize("numeric", ["groups", "values"])
def test_groups_twice_not_at_all_or_too_few_are_refused(numeric):
    with pytest.raises(ValueError, match="CorrelationRemover needs sensitive features"):
        CorrelationRemover(numeric=numeric).fit(NUMBERS)
    with pytest.raises(ValueError, match="CorrelationRemover got sensitive features twice"):
        CorrelationRemover(sensitive_features="age", numeric=numeric).fit(
            NUMBERS, sensitive_features=NUMBERS["age"]
        )
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        CorrelationRemover(numeric=numeric).fit(NUMBERS, sensitive_features=[1.0, 2.0])


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match='numeric must be "groups" or "values"'):
        CorrelationRemover(sensitive_features="sex", numeric="as_is").fit(BY_HAND)
    with pytest.raises(ValueError, match="alpha must be between 0 and 1"):
        remove_correlation([[1.0]], ["a"], alpha=2)


# The function


@given(table=tables(), alpha=st.floats(0, 1))
@REPRODUCIBLE
def test_the_function_does_what_the_estimator_does(table, alpha):
    values, features, weights = table
    model = CorrelationRemover(alpha=alpha)
    model.fit(values, sensitive_features=features, sample_weight=weights)
    assert_array_equal(
        remove_correlation(values, features, weights, alpha=alpha),
        model.transform(values, sensitive_features=features),
    )


@pytest.mark.parametrize(
    ("X", "groups", "weights", "message"),
    [
        ([[1.0], [np.nan]], ["a", "b"], None, "NaN"),
        ([[1.0], [2.0]], ["a"], None, "inconsistent numbers of samples"),
        ([[1.0], [2.0]], ["a", "b"], [1], "inconsistent numbers of samples"),
        ([[1.0], [2.0]], ["a", "b"], [0, 0], "weights are zero"),
        ([[1.0], [2.0]], ["a", "b"], [0, 1], r"unseen at fit: \['a'\]"),
        ([[1.0], [2.0]], ["a", None], None, "missing values"),
    ],
)
def test_the_function_refuses_what_it_cannot_use(X, groups, weights, message):
    with pytest.raises(ValueError, match=message):
        remove_correlation(X, groups, weights, missing="raise")


def test_it_is_found_in_its_package_only():
    assert "CorrelationRemover" not in skfair.__all__
    assert not hasattr(skfair, "CorrelationRemover")


def test_features_of_other_names_or_kinds_are_refused():
    X = pd.DataFrame({"x": np.arange(8.0)})
    groups = pd.DataFrame({"p": list("aabb") * 2, "q": list("ab") * 4})
    model = CorrelationRemover().fit(X, sensitive_features=groups)
    with pytest.raises(ValueError, match=r"were \['p', 'q'\] at fit, and are \['q', 'p'\]"):
        model.transform(X, sensitive_features=groups[["q", "p"]])
    age = pd.Series([1.0, 5, 2, 8, 3, 1, 9, 4], name="age")
    model = CorrelationRemover(numeric="values").fit(X, sensitive_features=age)
    by_name = model.transform(X, sensitive_features=age)
    pd.testing.assert_frame_equal(by_name, model.transform(X, sensitive_features=age.to_numpy()))
    with pytest.raises(ValueError, match=r"numbers were \['age'\]|groups were \[\]"):
        model.transform(X, sensitive_features=age.astype(str))
