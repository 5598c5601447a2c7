from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy.stats import fisher_exact
from sklearn.exceptions import UndefinedMetricWarning

from skfair.criteria import Limits, difference_limits, ratio_limits, wilson_interval
from skfair.detection import (
    class_imbalance,
    conditional_demographic_disparity,
    label_disparate_impact,
    label_disparity,
    sample_disparity,
)
from skfair.groups import MISSING, Groups
from skfair.tally import Tally

REPRODUCIBLE = settings(max_examples=20)
Z = 1.959963984540054
OF_LABELS = [label_disparity, label_disparate_impact, conditional_demographic_disparity]
OF_SIZES = [class_imbalance, sample_disparity]
CONTROLLED = [label_disparity, conditional_demographic_disparity]

# 3 groups: a has 2 of 4 positive, b 1 of 5, c 4 of 6
COUNTS = {"a": (2, 2), "b": (4, 1), "c": (2, 4)}
GROUP = np.array([g for g, (n, p) in COUNTS.items() for _ in range(n + p)])
Y = np.array([label for n, p in COUNTS.values() for label in [0] * n + [1] * p])


def every(functions):
    return pytest.mark.parametrize("function", functions, ids=lambda f: f.__name__)


def wilson(k, n):
    return Limits(k / n, *wilson_interval(np.array(k / n), np.array(float(n)), Z))


def floats(values):
    return [float(value) for value in values]


def test_class_imbalance_by_hand():
    table = class_imbalance(GROUP)  # (rest - group) / all
    assert_allclose(table["estimate"], [(11 - 4) / 15, (10 - 5) / 15, (9 - 6) / 15])
    share = wilson(4, 15)
    assert_allclose(
        table.loc["a", ["low", "high"]].astype(float), [1 - 2 * share.high, 1 - 2 * share.low]
    )
    assert table.index.name == "sensitive_feature_0"
    assert table.index.tolist() == ["a", "b", "c"]


def test_sample_disparity_by_hand():
    table = sample_disparity({"g": GROUP})
    assert_allclose(table["estimate"], [4 / 11, 5 / 10, 6 / 9])
    share = wilson(4, 15)
    odds = [share.low / (1 - share.low), share.high / (1 - share.high)]
    assert_allclose(table.loc["a", ["low", "high"]].astype(float), odds)
    assert table.index.name == "g"


def test_sizes_relative_to_a_reference():
    assert_allclose(class_imbalance(GROUP, reference="c")["estimate"], [0.2, 1 / 11, 0])
    assert_allclose(sample_disparity(GROUP, reference="c")["estimate"], [4 / 6, 5 / 6, 1])


def test_sizes_of_a_single_group():
    assert class_imbalance(["a"] * 3).loc["a", "estimate"] == -1
    assert sample_disparity(["a"] * 3).loc["a", ["estimate", "high"]].tolist() == [np.inf, np.inf]


def test_sizes_of_labels():
    assert_allclose(class_imbalance(Y)["estimate"], [-1 / 15, 1 / 15])


def test_label_disparity_by_hand():
    table = label_disparity(Y, sensitive_features=GROUP)  # rest less group
    assert_allclose(table["estimate"], [5 / 11 - 2 / 4, 6 / 10 - 1 / 5, 3 / 9 - 4 / 6])
    expected = difference_limits(wilson(6, 10), wilson(1, 5))
    assert_allclose(table.loc["b", ["estimate", "low", "high"]].astype(float), floats(expected))


def test_p_values_of_label_disparity_are_exact():
    y, group = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15, ["f"] * 50 + ["m"] * 50
    table = label_disparity(y, sensitive_features=group)
    assert_allclose(table["pvalue"], fisher_exact([[20, 30], [35, 15]]).pvalue)


def test_label_disparate_impact_by_hand():
    table = label_disparate_impact(Y, sensitive_features=GROUP)
    assert_allclose(table["estimate"], [(2 / 4) / (5 / 11), (1 / 5) / (6 / 10), (4 / 6) / (3 / 9)])
    expected = ratio_limits(wilson(1, 5), wilson(6, 10))
    assert_allclose(table.loc["b"].astype(float), floats(expected))


def test_demographic_disparity_by_hand():
    # 8 rejected: 2, 4, 2 of the groups; 7 accepted: 2, 1, 4
    table = conditional_demographic_disparity(Y, sensitive_features=GROUP)
    assert_allclose(table["estimate"], [2 / 8 - 2 / 7, 4 / 8 - 1 / 7, 2 / 8 - 4 / 7])
    expected = difference_limits(wilson(4, 8), wilson(1, 7))
    assert_allclose(table.loc["b"].astype(float), floats(expected))


# Berkeley in small: f applies where few are taken; within each faculty nobody is favoured
FACULTY = ["hard"] * 20 + ["easy"] * 20
SEX = ["f"] * 15 + ["m"] * 5 + ["f"] * 5 + ["m"] * 15
TAKEN = ([1] * 3 + [0] * 12) + ([1] + [0] * 4) + ([1] * 4 + [0]) + ([1] * 12 + [0] * 3)


def test_a_disparity_that_control_features_explain():
    plain = label_disparity(TAKEN, sensitive_features=SEX)
    assert_allclose(plain.loc["f", "estimate"], 13 / 20 - 7 / 20)
    held = label_disparity(TAKEN, sensitive_features=SEX, control_features=FACULTY)
    assert_allclose(held["estimate"], 0, atol=1e-12)
    assert_allclose(held["pvalue"], 1)
    plain = conditional_demographic_disparity(TAKEN, sensitive_features=SEX)
    assert_allclose(plain.loc["f", "estimate"], 13 / 20 - 7 / 20)
    held = conditional_demographic_disparity(
        TAKEN, sensitive_features=SEX, control_features=FACULTY
    )
    # hard: 12 of 16 rejected are f, 3 of 4 accepted; easy: 1 of 4, 4 of 16
    assert_allclose(held["estimate"], 0, atol=1e-12)


def test_conditional_disparity_by_hand():
    y = [1, 0, 0, 0, 1, 1, 1, 1, 0, 0]
    sex = ["f", "f", "f", "m", "m", "m", "f", "m", "f", "m"]
    level = [0] * 6 + [1] * 4
    found = conditional_demographic_disparity(y, sensitive_features=sex, control_features=level)
    # level 0: f is 2 of 3 rejected and 1 of 3 accepted; level 1: 1 of 2 and 1 of 2
    assert_allclose(found["estimate"], [0.6 / 3 + 0.4 * 0, -0.6 / 3])
    found = label_disparity(y, sensitive_features=sex, control_features=level)
    # level 0: 2/3 - 1/3 with weight 1.5; level 1: 0 with weight 1
    assert_allclose(found["estimate"], [0.5 / 2.5, -0.5 / 2.5])


@pytest.mark.parametrize("label", [0, 1])
def test_levels_of_one_class_are_left_out_of_conditional_disparity(label):
    y = [1, 0, 0, 0, 1, 1, label, label]
    sex = ["f", "f", "f", "m", "m", "m", "f", "f"]
    with pytest.warns(UndefinedMetricWarning, match="1 of 2 levels of the control features"):
        found = conditional_demographic_disparity(
            y, sensitive_features=sex, control_features=[0] * 6 + [1] * 2
        )
    assert_allclose(found["estimate"], [1 / 3, -1 / 3])


def test_a_level_of_one_group_has_no_label_disparity():
    y = [1, 0, 0, 0, 1, 1, 1, 1]
    sex = ["f", "f", "f", "m", "m", "m", "f", "f"]
    found = label_disparity(y, sensitive_features=sex, control_features=[0] * 6 + [1] * 2)
    assert_allclose(found["estimate"], [1 / 3, -1 / 3])


@every([label_disparity, label_disparate_impact, *OF_SIZES])
def test_a_reference_is_the_only_other_group(function):
    """Against a reference, each group is as if the two were alone; the reference is at parity."""
    arguments = (GROUP,) if function in OF_SIZES else (Y, GROUP)
    table = call(function, *arguments, reference="c")
    for group in ("a", "b"):
        kept = np.isin(GROUP, [group, "c"])
        alone = call(function, *(x[kept] for x in arguments))
        assert_allclose(table.loc[group].astype(float), alone.loc[group].astype(float))
    parity = 1 if function in (label_disparate_impact, sample_disparity) else 0
    assert table.loc["c", ["estimate", "low", "high"]].tolist() == [parity] * 3
    if function is label_disparity:
        assert np.isnan(table.loc["c", "pvalue"])


def call(function, *arguments, **options):
    if function in OF_SIZES:
        return function(*arguments, **options)
    y, group = arguments
    return function(y, sensitive_features=group, **options)


@every([label_disparity, label_disparate_impact, *OF_SIZES])
def test_a_reference_that_is_no_group(function):
    arguments = (GROUP,) if function in OF_SIZES else (Y, GROUP)
    with pytest.raises(ValueError, match=r"no group 'z' to refer to; groups: \['a', 'b', 'c'\]"):
        call(function, *arguments, reference="z")


@every(OF_LABELS + OF_SIZES)
def test_integer_weights_are_repeated_rows_for_estimates(function):
    weights = np.resize([1, 3, 2, 5], len(Y))
    arguments = (GROUP,) if function in OF_SIZES else (Y, GROUP)
    weighted = call(function, *arguments, sample_weight=weights)
    repeated = call(function, *(np.repeat(x, weights) for x in arguments))
    assert_allclose(weighted["estimate"], repeated["estimate"])
    assert (weighted["high"] - weighted["low"] > repeated["high"] - repeated["low"]).all()


@every(CONTROLLED)
def test_integer_weights_are_repeated_rows_within_levels(function):
    weights = np.resize([1, 3, 2], len(TAKEN))
    arrays = [np.array(x) for x in (TAKEN, SEX, FACULTY)]
    y, sex, faculty = (np.repeat(x, weights) for x in arrays)
    weighted = function(
        arrays[0], sensitive_features=arrays[1], control_features=arrays[2], sample_weight=weights
    )
    repeated = function(y, sensitive_features=sex, control_features=faculty)
    assert_allclose(weighted["estimate"], repeated["estimate"])


@every(OF_LABELS)
def test_string_labels_need_the_positive_one(function):
    y = np.where(Y == 1, "yes", "no")
    plain = function(Y, sensitive_features=GROUP)
    assert_frame_equal(function(y, sensitive_features=GROUP, pos_label="yes"), plain)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        function(y, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="pos_label='maybe' is not a valid label"):
        function(y, sensitive_features=GROUP, pos_label="maybe")


@every(OF_LABELS)
def test_a_class_of_several_is_compared_with_the_rest(function):
    y = np.where(Y == 1, "yes", np.resize(["no", "perhaps"], len(Y)))
    found = function(y, sensitive_features=GROUP, pos_label="yes")
    assert_frame_equal(found, function(Y, sensitive_features=GROUP))
    with pytest.raises(ValueError, match="classes in a binary metric"):
        function(np.resize([0, 1, 2], len(Y)), sensitive_features=GROUP)


@every(OF_LABELS)
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_nothing_to_compare(function, label):
    with pytest.raises(ValueError, match="y has one class only"):
        function([label] * 4, sensitive_features=list("aabb"))
    with pytest.raises(ValueError, match="y has one class only"):
        function(["no"] * 4, sensitive_features=list("aabb"), pos_label="no")


@every(OF_LABELS)
def test_groups_without_rows_of_a_class(function):
    y, group = [1, 1, 0, 1, 0], list("aabbb")
    found = function(y, sensitive_features=group)
    expected = {
        label_disparity: 1 / 3 - 1,
        label_disparate_impact: 3,
        conditional_demographic_disparity: 0 - 2 / 3,
    }
    assert_allclose(found.loc["a", "estimate"], expected[function])
    assert np.isfinite(found.loc["a", ["low", "high"]].astype(float)).all()


def test_a_ratio_to_no_positives_is_undefined():
    with pytest.warns(UndefinedMetricWarning, match=r"label_disparate_impact of groups \['a'\]"):
        found = label_disparate_impact([1, 1, 0, 0], sensitive_features=list("aabb"))
    assert np.isnan(found.loc["a", "estimate"])
    assert found.loc["b", "estimate"] == 0


def test_a_group_of_one_row():
    found = label_disparity([1, 0, 0, 1], sensitive_features=list("abbb"))
    assert_allclose(found.loc["a", "estimate"], 1 / 3 - 1)
    assert found.loc["a", "pvalue"] == 1  # 1 of 1 is no rarer than 2 of 4
    assert -1 <= found.loc["a", "low"] < found.loc["a", "high"] <= 1


@every([label_disparity, label_disparate_impact])
def test_a_single_group_has_nothing_to_compare_with(function):
    with pytest.warns(UndefinedMetricWarning, match=rf"{function.__name__} of groups \['a'\]"):
        found = function([0, 1], sensitive_features=["a", "a"])
    assert found.isna().to_numpy().all()


def test_warnings_point_at_the_line_of_the_call():
    with pytest.warns(UndefinedMetricWarning) as caught:
        label_disparity([0, 1], sensitive_features=["a", "a"])
    assert caught[0].filename == __file__


@every(OF_LABELS)
def test_groups_of_weight_0_are_undefined(function):
    with pytest.warns(UndefinedMetricWarning) if function is not OF_LABELS[2] else nullcontext():
        found = function(Y, sensitive_features=GROUP, sample_weight=(GROUP != "b").astype(float))
    alone = function(Y[GROUP != "b"], sensitive_features=GROUP[GROUP != "b"])
    assert_allclose(found.loc[["a", "c"]], alone)
    assert found.loc["b", "estimate"] == 0 or np.isnan(found.loc["b", "estimate"])


RACE = np.resize(["x", "y"], len(Y))


@every(OF_LABELS)
def test_several_features_intersect(function):
    found = function(Y, sensitive_features={"g": GROUP, "race": RACE})
    assert found.index.names == ["g", "race"]
    joined = function(Y, sensitive_features=np.char.add(GROUP, RACE))
    assert_allclose(found.to_numpy(), joined.to_numpy())
    assert found.index.tolist() == [tuple(label) for label in joined.index]


@every(OF_LABELS)
def test_missing_groups(function):
    group = np.where(GROUP == "b", None, GROUP)
    found, plain = (function(Y, sensitive_features=g) for g in (group, GROUP))
    assert found.index.tolist() == ["a", "c", MISSING]
    assert_allclose(found.loc[MISSING].astype(float), plain.loc["b"].astype(float))
    with pytest.raises(ValueError, match="missing values"):
        function(Y, sensitive_features=group, missing="raise")


@every(OF_SIZES)
def test_missing_sizes(function):
    group = np.where(GROUP == "b", None, GROUP)
    assert function(group).index.tolist() == ["a", "c", MISSING]
    with pytest.raises(ValueError, match="missing values"):
        function(group, missing="raise")


@every(OF_LABELS)
def test_tables_of_all_kinds_and_odd_indices(function):
    plain = function(Y, sensitive_features={"g": GROUP})
    odd = np.arange(len(Y))[::-1]
    others = [
        function(pd.Series(Y, index=odd), sensitive_features=pd.DataFrame({"g": GROUP})),
        function(pl.Series(Y), sensitive_features=pl.DataFrame({"g": GROUP})),
        function(Y.tolist(), sensitive_features={"g": GROUP.tolist()}),
        function(Y.astype(bool), sensitive_features=Groups.read({"g": GROUP})),
        function(2 * Y - 1, sensitive_features=pd.Series(GROUP, name="g", index=odd)),
    ]
    for other in others:
        assert_frame_equal(other, plain)


@every(OF_LABELS)
def test_a_tally_is_as_good_as_arrays(function):
    weights = np.resize([1.0, 2.5], len(Y))
    tally = Tally.from_arrays(Y, Y, {"g": GROUP}, sample_weight=weights)
    arrays = function(Y, sensitive_features={"g": GROUP}, sample_weight=weights)
    assert_frame_equal(function(tally), arrays)


@every(OF_SIZES)
def test_sizes_of_a_tally(function):
    weights = np.resize([1.0, 2.5], len(Y))
    tally = Tally.from_arrays(Y, Y, {"g": GROUP}, sample_weight=weights)
    assert_frame_equal(function(tally), function({"g": GROUP}, sample_weight=weights))
    assert_frame_equal(
        function(tally, reference="a"), function({"g": GROUP}, sample_weight=weights, reference="a")
    )


@every(CONTROLLED)
@pytest.mark.parametrize(
    "names", ["race", ["race"], ["race", "odd"], ["g", "odd"], ["odd", "race"]]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_tally_brings_its_control_features_along(function, names):
    features = {"race": RACE, "g": GROUP, "odd": np.resize([None, "u", "v", "w", "u"], len(Y))}
    tally = Tally.from_arrays(Y, Y, features)
    control = [names] if isinstance(names, str) else names
    found = function(tally, control_features=names)
    arrays = function(
        Y,
        sensitive_features={k: v for k, v in features.items() if k not in control},
        control_features={k: features[k] for k in control},
    )
    assert_frame_equal(found, arrays)


@every(CONTROLLED)
def test_control_features_that_a_tally_hasnt_got(function):
    tally = Tally.from_arrays(Y, Y, {"g": GROUP, "race": RACE})
    with pytest.raises(ValueError, match=r"no sensitive feature of the tally is named \['age'\]"):
        function(tally, control_features="age")
    with pytest.raises(ValueError, match="all features of the tally are control features"):
        function(tally, control_features=["g", "race"])


@every(OF_LABELS)
def test_a_tally_comes_alone(function):
    tally = Tally.from_arrays(Y, Y, GROUP)
    with pytest.raises(ValueError, match="a tally brings its groups and weights along"):
        function(tally, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="a tally brings its groups and weights along"):
        function(tally, sample_weight=np.ones(len(Y)))


@every(OF_LABELS + OF_SIZES)
def test_a_tally_with_missing_groups_can_be_refused(function):
    tally = Tally.from_arrays([0, 1, 1, 0], [0, 1, 1, 0], ["a", None, "a", None])
    assert function(tally).index.tolist() == ["a", MISSING]
    with pytest.raises(ValueError, match="missing values"):
        function(tally, missing="raise")


@every(OF_LABELS)
def test_bad_input(function):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(Y[1:], sensitive_features=GROUP)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(Y, sensitive_features=GROUP, sample_weight=[1.0])
    with pytest.raises(ValueError, match="Negative values"):
        function(Y, sensitive_features=GROUP, sample_weight=-np.ones(len(Y)))
    with pytest.raises(ValueError, match="contains NaN"):
        function([0, np.nan], sensitive_features=["a", "b"])
    with pytest.raises(ValueError, match="sensitive_features is None"):
        function(Y)
    with pytest.raises(ValueError, match="confidence_level must be between 0 and 1"):
        function(Y, sensitive_features=GROUP, confidence_level=95)


@every(CONTROLLED)
def test_control_features_of_another_length(function):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(Y, sensitive_features=GROUP, control_features=["u"])


@every(OF_SIZES)
def test_bad_sizes(function):
    with pytest.raises(ValueError, match="sensitive features are empty"):
        function([])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(GROUP, sample_weight=[1.0])
    with pytest.raises(ValueError, match="confidence_level must be between 0 and 1"):
        function(GROUP, confidence_level=0)
    with pytest.raises(ValueError, match="a tally brings its groups and weights along"):
        function(Tally.from_arrays(Y, Y, GROUP), sample_weight=np.ones(len(Y)))


@every(OF_LABELS + OF_SIZES)
def test_more_confidence_is_a_wider_interval(function):
    arguments = (GROUP,) if function in OF_SIZES else (Y, GROUP)
    wide, narrow = (call(function, *arguments, confidence_level=c) for c in (0.99, 0.8))
    assert (wide["low"] < narrow["low"]).all()
    assert (wide["high"] > narrow["high"]).all()


@REPRODUCIBLE
@given(
    rows=st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abc")), min_size=6, max_size=30),
    seed=st.integers(0, 99),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_invariances(rows, seed):
    y, group = (np.array(x) for x in zip(*rows, strict=True))
    if len(set(y)) < 2:
        return
    order = np.random.default_rng(seed).permutation(len(y))
    for function in OF_LABELS:
        found = function(y, sensitive_features=group)
        assert_frame_equal(function(y[order], sensitive_features=group[order]), found)
        scaled = function(y, sensitive_features=group, sample_weight=np.full(len(y), 0.3))
        assert_allclose(scaled, found, atol=1e-9)
        defined = found.dropna()
        assert (defined["low"] <= defined["estimate"]).all()
        assert (defined["estimate"] <= defined["high"]).all()
    turned = label_disparity(1 - y, sensitive_features=group)
    assert_allclose(turned["estimate"], -label_disparity(y, sensitive_features=group)["estimate"])


@every(OF_LABELS + OF_SIZES)
def test_parameters_are_those_described(function):
    described = function.__doc__.split("Parameters\n")[1].split("Returns\n")[0]
    names = [line.split(" : ")[0] for line in described.splitlines() if " : " in line[:40]]
    assert [n.strip() for n in names] == list(function.__annotations__)[: len(names)]
    assert len(names) == len(function.__annotations__) - 1  # less the return


def disparity_of(rng, shares, n):
    group, y = np.repeat(["a", "b"], n), np.zeros(2 * n, dtype=bool)
    while not y.any():  # of one class there is nothing to compare
        y = rng.random(2 * n) < np.repeat(shares, n)
    return label_disparity(y, sensitive_features=group)


def held(tables, true):
    return np.mean([table["low"].iloc[0] <= true <= table["high"].iloc[0] for table in tables])


@pytest.mark.slow
@pytest.mark.parametrize("shares", [(0.4, 0.4), (0.2, 0.5)])
def test_intervals_hold_the_true_disparity(shares):
    rng = np.random.default_rng(0)
    tables = [disparity_of(rng, shares, 60) for _ in range(200)]
    assert held(tables, shares[1] - shares[0]) >= 0.9


def test_intervals_hold_the_true_imbalance():
    rng = np.random.default_rng(0)
    tables = [class_imbalance(rng.random(80) < 0.3) for _ in range(200)]
    assert held(tables, 1 - 2 * 0.7) >= 0.9  # of the group False


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 300])
@pytest.mark.parametrize("shares", [(0.4, 0.4), (0.05, 0.05), (0.2, 0.5), (0.02, 0.1)])
def test_intervals_hold_the_true_disparity_in_large_simulations(shares, n):
    rng = np.random.default_rng(0)
    tables = [disparity_of(rng, shares, n) for _ in range(2000)]
    assert held(tables, shares[1] - shares[0]) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_intervals_hold_the_true_imbalance_in_large_simulations(share):
    rng = np.random.default_rng(0)
    tables = [class_imbalance(rng.random(200) < share) for _ in range(2000)]
    assert 0.935 <= held(tables, 1 - 2 * (1 - share)) <= 0.975


def test_labels_are_read_once_by_groups_and_levels():
    """An unordered reading of the levels would mix them up."""
    order = np.random.default_rng(0).permutation(len(TAKEN))
    arrays = [np.array(x)[order] for x in (TAKEN, SEX, FACULTY)]
    found = label_disparity(arrays[0], sensitive_features=arrays[1], control_features=arrays[2])
    assert_allclose(found["estimate"], 0, atol=1e-12)
    assert_array_equal(found.index, ["f", "m"])


def test_a_group_of_one_row_is_as_uncertain_with_weights():
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.05).astype(int)
    group = np.where(np.arange(2000) == y.argmax(), "one", "rest")
    plain = label_disparity(y, sensitive_features=group)["pvalue"]
    weighted = label_disparity(
        y, sensitive_features=group, sample_weight=rng.uniform(0.5, 1.5, 2000)
    )
    assert_allclose(weighted["pvalue"], plain, rtol=0.1)
