"""Groups have one distribution after DisparateImpactRemover, and ranks stay; figures by hand."""

from __future__ import annotations

from fractions import Fraction
from statistics import median_low

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import skfair
from skfair.groups import Bins
from skfair.preprocessing import DisparateImpactRemover, repair_disparate_impact
from skfair.preprocessing.disparate_impact_remover import SampleDistribution

pytestmark = pytest.mark.filterwarnings("ignore:groups .* effective rows:UserWarning")
REPRODUCIBLE = settings(max_examples=25)


def frame_of(samples, **columns):
    """A column x of these samples by group, one after the other."""
    groups = [group for group, values in samples.items() for _ in values]
    x = [float(value) for values in samples.values() for value in values]
    return pd.DataFrame({"x": x, "group": groups, **columns})


def repaired(samples, level=1.0, new=None, **fit_params):
    """What becomes of the samples, or of new rows, by group."""
    X = frame_of(samples)
    model = DisparateImpactRemover(sensitive_features="group", repair_level=level)
    model.fit(X, **fit_params)
    X = X if new is None else frame_of(new)
    out = model.transform(X)["x"]
    return {group: out[X["group"] == group].tolist() for group in X["group"].unique()}


# A second implementation, row by row, of the definition


def naive_share(value, sample):
    below = sum(v < value for v in sample)
    return (below + Fraction(sum(v == value for v in sample), 2)) / Fraction(len(sample))


def naive_level(value, sample):
    distinct = sorted(set(sample))
    if value <= distinct[0] or value >= distinct[-1]:
        return naive_share(distinct[0] if value <= distinct[0] else distinct[-1], sample)
    low, high = max(v for v in distinct if v <= value), min(v for v in distinct if v > value)
    step = naive_share(high, sample) - naive_share(low, sample)
    return naive_share(low, sample) + step * Fraction(value - low) / Fraction(high - low)


def naive_quantile(level, sample):
    return min(v for v in sample if Fraction(sum(w <= v for w in sample), len(sample)) >= level)


def naive_repair(value, group, samples, level):
    share = naive_level(value, samples[group])
    quantiles = [naive_quantile(share, sample) for sample in samples.values()]
    return (1 - level) * value + level * median_low(quantiles)


values = st.integers(-40, 40).map(lambda i: i / 4)
many_samples = st.dictionaries(
    st.sampled_from("abcd"), st.lists(values, min_size=1, max_size=9), min_size=1
)


@given(samples=many_samples, level=st.sampled_from([0.0, 0.3, 1.0]), data=st.data())
@REPRODUCIBLE
def test_it_does_what_its_definition_says(samples, level, data):
    new = {group: data.draw(st.lists(values, min_size=1, max_size=4)) for group in samples}
    for rows in (samples, new):
        expected = {
            group: [naive_repair(value, group, samples, level) for value in sample]
            for group, sample in rows.items()
        }
        got = repaired(samples, level, rows)
        for group, sample in expected.items():
            assert_allclose(got[group], sample, atol=1e-9)


# The numbers


def test_two_groups_get_the_lower_of_their_values():
    out = repaired({"f": [1, 2, 30], "m": [11, 22, 3]})
    assert out == {"f": [1, 2, 22], "m": [2, 22, 1]}


def test_three_groups_have_the_middle_ones_values():
    samples = {"a": [3, 1], "b": [10, 20], "c": [-5, 15]}
    assert repaired(samples) == {"a": [15, 1], "b": [1, 15], "c": [1, 15]}


def test_the_level_is_the_share_of_the_way():
    samples = {"f": [1, 2], "m": [11, 22]}
    assert repaired(samples, 0.5) == {"f": [1, 2], "m": [6, 12]}
    assert repaired(samples, 0.25) == {"f": [1, 2], "m": [8.5, 17]}
    assert repaired(samples, 0.0) == samples


def test_groups_of_other_sizes_are_compared_at_their_levels():
    # levels: f 1/4, 3/4; m 1/6, 3/6, 5/6
    out = repaired({"f": [0, 10], "m": [-1, 5, 20]})
    assert out == {"f": [-1, 10], "m": [-1, 0, 10]}


def test_ties_have_their_middle_level():
    # levels: f 0 at 0.4, 1 at 0.9; m 0 at 0.1, 1 at 0.6
    out = repaired({"f": [0, 0, 0, 0, 1], "m": [0, 1, 1, 1, 1]})
    assert out == {"f": [0, 0, 0, 0, 1], "m": [0, 0, 0, 0, 0]}


def test_a_value_that_most_rows_have_stays_in_all_groups():
    out = repaired({"f": [0] * 9 + [5], "m": [0] * 8 + [7, 8], "x": [0] * 6 + [1, 2, 3]})
    assert [set(values[:6]) for values in out.values()] == [{0}] * 3


def test_new_values_are_ranked_between_those_of_the_fit_and_end_with_them():
    samples = {"f": [0, 10], "m": [100, 200]}
    out = repaired(samples, new={"f": [-50, 4, 6, 999], "m": [149, 151]})
    assert out == {"f": [0, 0, 10, 10], "m": [0, 10]}


def test_a_group_of_one_row_has_its_value_at_every_level():
    assert repaired({"f": [4], "m": [0, 10, 20]}) == {"f": [4], "m": [0, 4, 4]}


def test_weights_move_the_levels():
    # levels: f 0 at 3/8, 8 at 7/8; m 0 at 1/8, 8 at 5/8; f reaches 8 above 3/4
    samples = {"f": [0, 8], "m": [0, 8]}
    assert repaired(samples, sample_weight=[3, 1, 1, 3]) == {"f": [0, 8], "m": [0, 0]}
    assert repaired(samples) == samples


def test_the_scale_of_weights_is_irrelevant():
    samples = {"f": [0, 2.5], "m": [0.3, 2, 3.7, 5.4, 7.1]}  # levels of m are shares of f
    expected = repaired(samples)
    for scale in (0.1, 1 / 3, 1e-9):
        assert repaired(samples, sample_weight=np.full(7, scale)) == expected


def test_constants_stay_where_groups_agree_and_meet_where_they_do_not():
    assert repaired({"f": [3, 3], "m": [3]}) == {"f": [3, 3], "m": [3]}
    assert repaired({"f": [3, 3], "m": [5]}) == {"f": [3, 3], "m": [3]}


def test_several_features_intersect():
    X = pd.DataFrame({"a": list("ppqq"), "b": list("xyxy"), "v": [1.0, 2.0, 4.0, 8.0]})
    model = DisparateImpactRemover(sensitive_features=["a", "b"]).fit(X)
    assert model.groups_ == (("p", "x"), ("p", "y"), ("q", "x"), ("q", "y"))
    assert model.transform(X)["v"].tolist() == [2, 2, 2, 2]


def test_missing_groups_are_a_group():
    samples = {"f": [1, 2], "m": [3, 5]}
    X = frame_of(samples).assign(group=["f", "f", None, None])
    out = DisparateImpactRemover(sensitive_features="group").fit_transform(X)
    assert out["x"].tolist() == [1, 2, 1, 2]


# What holds for all data


@given(samples=many_samples, level=st.floats(0, 1))
@REPRODUCIBLE
def test_ranks_and_ties_of_a_group_stay(samples, level):
    for group, out in repaired(samples, level).items():
        before, after = np.array(samples[group]), np.array(out)
        order = np.argsort(before, kind="stable")
        assert (np.diff(after[order]) >= -1e-9).all()
        for value in set(samples[group]):
            assert len(set(after[before == value])) == 1


@given(seed=st.integers(0, 1000), n_groups=st.integers(1, 5), size=st.integers(1, 20))
@REPRODUCIBLE
def test_groups_of_equal_size_get_one_distribution(seed, n_groups, size):
    drawn = (
        np.random.default_rng(seed).normal(size=(n_groups, size)) * np.arange(1, 6)[:n_groups, None]
    )
    out = repaired({f"g{i}": list(sample) for i, sample in enumerate(drawn)})
    sorted_by_group = np.sort(list(out.values()), axis=1)
    middle = np.quantile(np.sort(drawn, axis=1), 0.5, axis=0, method="lower")
    assert_allclose(sorted_by_group, np.broadcast_to(middle, drawn.shape), atol=1e-12)


def test_groups_of_other_sizes_get_nearly_one_distribution():
    rng = np.random.default_rng(0)
    samples = {
        "a": rng.normal(size=2000),
        "b": rng.exponential(size=1500),
        "c": rng.normal(3, 2, 700),
    }
    out = repaired(samples)
    shares = np.linspace(0.02, 0.98, 49)
    quantiles = np.array([np.quantile(values, shares) for values in out.values()])
    assert np.ptp(quantiles, axis=0).max() < 0.02
    before = np.array([np.quantile(values, shares) for values in samples.values()])
    assert np.ptp(before, axis=0).min() > 0.3


@given(samples=many_samples)
@REPRODUCIBLE
def test_full_repair_gives_values_that_there_are(samples):
    known = {value for sample in samples.values() for value in sample}
    assert {value for out in repaired(samples).values() for value in out} <= known


@given(samples=many_samples, data=st.data())
@REPRODUCIBLE
def test_weights_are_repeated_rows(samples, data):
    X = frame_of(samples)
    times = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(X), max_size=len(X))))
    rows = X.index.repeat(times)
    weighted = DisparateImpactRemover(sensitive_features="group").fit(X, sample_weight=times)
    repeated = DisparateImpactRemover(sensitive_features="group").fit(X.loc[rows])
    assert_allclose(weighted.transform(X), repeated.transform(X), atol=1e-9)


@given(samples=many_samples)
@REPRODUCIBLE
def test_names_of_groups_are_irrelevant(samples):
    renamed = {"dcba".index(group): sample for group, sample in samples.items()}
    expected = repaired(samples)
    for group, out in repaired(renamed).items():
        assert_allclose(out, expected["dcba"[group]], atol=1e-12)


# The distribution functions


@given(sample=st.lists(st.floats(-5, 5), min_size=1, max_size=30, unique=True), u=st.floats(0, 1))
@REPRODUCIBLE
def test_quantiles_without_ties_are_numpys_inverse_of_the_distribution(sample, u):
    expected = np.quantile(sample, u, method="inverted_cdf")
    got = SampleDistribution.of(np.array(sample)).quantile(np.array([u]))
    assert_allclose(got, expected, atol=1e-9)


@given(sample=st.lists(values, min_size=1, max_size=30))
@REPRODUCIBLE
def test_quantiles_undo_levels(sample):
    learnt = SampleDistribution.of(np.array(sample))
    assert_array_equal(learnt.quantile(learnt.level(np.array(sample))), sample)


# Columns


TABLE = pd.DataFrame(
    {
        "job": ["x", "y", "x", "y"],
        "a": [1.0, 2.0, 11.0, 22.0],
        "sex": list("ffmm"),
        "b": [1, 2, 3, 5],
        "gap": [1.0, np.nan, 2.0, 3.0],
    },
    index=[4, 4, 1, 0],
)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas, pd.DataFrame.to_numpy])
@pytest.mark.parametrize("columns", ["a", ["a"], 1, [1], ("a",)])
def test_columns_that_are_not_named_pass_untouched(make, columns):
    X = make(TABLE)
    if isinstance(X, np.ndarray):
        columns = 1
    out = DisparateImpactRemover(sensitive_features=2, columns=columns).fit_transform(X)
    table = pd.DataFrame(
        out if isinstance(out, np.ndarray) else {c: list(out[c]) for c in out.columns}
    )
    assert table.shape == (4, 4)
    assert table.iloc[:, 1].tolist() == [1, 2, 1, 2]
    assert table.iloc[:, 0].tolist() == ["x", "y", "x", "y"]
    assert table.iloc[:, 2].tolist() == [1, 2, 3, 5]
    assert np.isnan(float(table.iloc[1, 3] if table.iloc[1, 3] is not None else np.nan))
    if isinstance(X, pd.DataFrame):
        assert out["b"].dtype == TABLE["b"].dtype
        assert_array_equal(out.index, TABLE.index)


def test_the_order_of_named_columns_does_not_matter():
    X = TABLE[["a", "sex", "b"]]
    outs = [
        DisparateImpactRemover(sensitive_features="sex", columns=columns).fit_transform(X)
        for columns in (None, ["a", "b"], ["b", "a"], ["b", "a", "b"])
    ]
    for out in outs:
        pd.testing.assert_frame_equal(out, outs[0])
    assert outs[0]["b"].tolist() == [1, 2, 1, 2]


def test_the_sensitive_column_leaves_or_stays():
    X = TABLE[["a", "sex"]]
    assert list(DisparateImpactRemover(sensitive_features="sex").fit_transform(X)) == ["a"]
    kept = DisparateImpactRemover(sensitive_features="sex", drop_sensitive=False).fit_transform(X)
    assert kept["sex"].tolist() == list("ffmm")
    assert kept["a"].tolist() == [1, 2, 1, 2]


def test_a_binned_column_passes_untouched():
    X = TABLE[["a", "b"]]
    model = DisparateImpactRemover(sensitive_features=Bins("b", [2]), drop_sensitive=False)
    out = model.fit_transform(X)
    assert out["b"].tolist() == [1, 2, 3, 5]
    assert out["a"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (None, r"columns \['job'\] are not numeric: encode .* or leave them out"),
        (["job", "a"], r"columns \['job'\] are not numeric"),
        (["gap"], r"NaN in columns \['gap'\]"),
        (["a", "sex"], r"columns \['sex'\] are sensitive"),
        ([], "columns is empty"),
        (["height"], r"X has no columns \['height'\]"),
    ],
)
def test_columns_that_cannot_be_repaired_are_named(columns, message):
    model = DisparateImpactRemover(sensitive_features="sex", columns=columns)
    with pytest.raises(ValueError, match=message):
        model.fit(TABLE)


def test_what_was_learnt_can_be_looked_at():
    model = DisparateImpactRemover(sensitive_features="sex", columns="a").fit(TABLE)
    assert model.groups_ == ("f", "m")
    assert list(model.distributions_) == ["a"]
    assert model.distributions_["a"]["m"].values.tolist() == [11, 22]
    assert model.distributions_["a"]["m"].levels.tolist() == [0.25, 0.75]


# The function


@given(samples=many_samples, level=st.floats(0, 1), data=st.data())
@REPRODUCIBLE
def test_the_function_does_what_the_estimator_does(samples, level, data):
    X = frame_of(samples)
    weights = np.array(data.draw(st.lists(st.floats(0.1, 9), min_size=len(X), max_size=len(X))))
    model = DisparateImpactRemover(sensitive_features="group", repair_level=level)
    expected = model.fit(X, sample_weight=weights).transform(X)
    got = repair_disparate_impact(X[["x"]], X["group"], weights, repair_level=level)
    assert_array_equal(got, expected)


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
        repair_disparate_impact(X, groups, weights, missing="raise")


def test_it_is_found_in_its_package_only():
    assert "DisparateImpactRemover" not in skfair.__all__
    assert not hasattr(skfair, "DisparateImpactRemover")


# Small groups


@pytest.mark.filterwarnings("error")
def test_small_groups_warn_and_have_their_weight_in_the_overall_distribution():
    X = frame_of({"a": np.arange(40), "b": np.arange(40) + 10, "c": [1000]})
    model = DisparateImpactRemover(sensitive_features="group")
    with pytest.warns(UserWarning, match=r"groups \['c'\] have fewer than 30 effective rows"):
        model.fit(X)
    with pytest.warns(UserWarning, match=r"groups \['a', 'b', 'c'\]"):
        model.fit(X, sample_weight=np.where(X["x"] == 15, 1e3, 1.0))
    out = model.set_params(target="overall").fit(X).transform(X)["x"]
    assert out.iloc[20] == out.iloc[60] == 25  # the middle of all 81 values
    assert_array_equal(repair_disparate_impact(X[["x"]], X["group"], target="overall").ravel(), out)
    with pytest.raises(ValueError, match='target must be "median" or "overall"'):
        model.set_params(target="mean").fit(X)


def test_features_of_other_names_or_order_are_refused():
    X = pd.DataFrame({"x": np.arange(8.0)})
    groups = pd.DataFrame({"p": list("aabb") * 2, "q": list("ab") * 4})
    model = DisparateImpactRemover().fit(X, sensitive_features=groups)
    with pytest.raises(ValueError, match=r"were \['p', 'q'\] at fit, and are \['q', 'p'\]"):
        model.transform(X, sensitive_features=groups[["q", "p"]])
    model.transform(X, sensitive_features=groups.to_numpy())  # by place
