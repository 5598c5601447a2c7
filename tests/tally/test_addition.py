from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skfair.groups import MISSING, Bins, Groups
from skfair.tally import MomentTally, ScoreTally, Tally

REPRODUCIBLE = settings(max_examples=40)

GROUPS = st.sampled_from(["a", "b", "c", None])
NUMBERS = st.sampled_from([1, 9, 10, 11, None])
CLASSES = st.sampled_from(["no", "perhaps", "yes"])
QUARTERS = st.integers(0, 8).map(lambda k: k / 4)  # their sums are exact


def assert_equal_tallies(tally, other):
    assert tally.labels == other.labels
    assert tally.names == other.names
    assert tally.classes == other.classes
    for sums in ("weight", "weight2", "count"):
        assert_array_equal(getattr(tally, sums), getattr(other, sums))
        assert getattr(tally, sums).dtype == getattr(other, sums).dtype


def split(rows, parts):
    """Rows by part, the parts in order of first use."""
    kept = {part: [] for part in parts}
    for row, part in zip(rows, parts, strict=True):
        kept[part].append(row)
    return list(kept.values())


def single(rows):
    _, true, pred, group, _, weight = zip(*rows, strict=True)
    return Tally.from_arrays(true, pred, {"g": list(group)}, sample_weight=weight)


def numbered(rows):
    _, true, pred, _, number, weight = zip(*rows, strict=True)
    return Tally.from_arrays(true, pred, {"h": list(number)}, sample_weight=weight)


def crossed(rows):
    _, true, pred, group, number, weight = zip(*rows, strict=True)
    pairs = {"g": list(group), "h": list(number)}
    return Tally.from_arrays(true, pred, pairs, sample_weight=weight)


def scored(rows):
    score, true, _, group, _, weight = zip(*rows, strict=True)
    return ScoreTally.from_arrays(
        true, score, {"g": list(group)}, edges=[0, 0.5, 1], sample_weight=weight, pos_label="yes"
    )


@pytest.mark.parametrize("tally_of", [single, numbered, crossed])
@REPRODUCIBLE
@given(st.data())
def test_tallies_of_parts_add_up_to_the_tally_of_the_whole(tally_of, data):
    row = st.tuples(st.just(0.0), CLASSES, CLASSES, GROUPS, NUMBERS, QUARTERS)
    rows = data.draw(st.lists(row, min_size=1, max_size=25))
    parts = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    assert_equal_tallies(sum(map(tally_of, split(rows, parts))), tally_of(rows))


@REPRODUCIBLE
@given(st.data())
def test_score_tallies_of_parts_add_up_to_the_tally_of_the_whole(data):
    labels = st.sampled_from(["no", "yes"])
    row = st.tuples(QUARTERS, labels, labels, GROUPS, NUMBERS, QUARTERS)
    rows = data.draw(st.lists(row, min_size=1, max_size=25))
    parts = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    total, whole = sum(map(scored, split(rows, parts))), scored(rows)
    assert_equal_tallies(total, whole)
    assert_array_equal(total.edges, whole.edges)


def test_addition_changes_neither_part():
    a = Tally.from_arrays([0], [0], ["x"])
    b = Tally.from_arrays([1], [0], ["y"])
    assert (a + b).cells().tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]
    assert (a.labels, a.classes, a.weight.tolist()) == (("x",), (0,), [[[1.0]]])
    assert (b.labels, b.classes) == (("y",), (0, 1))


def test_a_sum_shares_no_array_with_its_parts():
    a = Tally.from_arrays([0, 1], [1, 0], ["x", "y"])
    total = a + a
    for sums in ("weight", "weight2", "count"):
        assert not np.shares_memory(getattr(total, sums), getattr(a, sums))
    total.weight[...] = 9.0
    assert a.weight.tolist() == [[[0, 1], [0, 0]], [[0, 0], [1, 0]]]


def test_equal_labels_in_another_order_are_matched():
    ordered = pd.Categorical(["l", "s", "l"], categories=["s", "l"], ordered=True)
    a = Tally.from_arrays([0, 1, 1], [1, 1, 1], ordered)
    b = Tally.from_arrays([0, 0, 1], [0, 0, 1], ["l", "l", "s"])
    assert (a.labels, b.labels, (a + b).labels) == (("s", "l"), ("l", "s"), ("s", "l"))
    assert (a + b).cells().tolist() == [[0, 0, 0, 2], [2, 1, 0, 1]]


@pytest.mark.parametrize("make", [Tally.from_arrays, MomentTally.from_arrays])
def test_many_new_crossed_groups_are_looked_up_a_bounded_number_of_times(make):
    class Label(str):
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other):
            Label.compared += 1
            return str.__eq__(self, other)

    def part(k):
        labels = [(Label(f"{k}-{i // 20}"), Label(f"{i % 20}")) for i in range(400)]
        tally = make(np.arange(400) % 2, np.ones(400), {"a": np.arange(400) % 20, "b": [0] * 400})
        assert tally.n_groups == 20
        grown = [np.repeat(array, 20, axis=0) for array in (tally.weight, tally.weight2)]
        fields = {"count": np.repeat(tally.count, 20, axis=0)}
        for name in ("total", "spread", "absolute"):
            if hasattr(tally, name):
                fields[name] = np.repeat(getattr(tally, name), 20, axis=0)
        return replace(tally, labels=tuple(labels), weight=grown[0], weight2=grown[1], **fields)

    parts = [part(k) for k in range(3)]
    Label.compared = 0
    total = sum(parts)
    assert total.n_groups == 1200
    assert total.weight.sum() == 3 * 20 * 400
    assert Label.compared < 100 * 1200  # a search along the labels takes over a million


def test_missing_groups_stay_last_and_numbers_stay_numbers():
    a = Tally.from_arrays([0] * 3, [0] * 3, [1, 10, None])
    b = Tally.from_arrays([0], [0], [2])
    assert (a + b).labels == (b + a).labels == (1, 2, 10, MISSING)


def test_sum_of_one_tally_is_that_tally():
    tally = Tally.from_arrays([0], [0], ["x"])
    assert sum([tally]) is tally


def test_tallies_of_different_features_are_not_added():
    sex = Tally.from_arrays([0], [0], {"sex": ["f"]})
    race = Tally.from_arrays([0], [0], {"race": ["b"]})
    with pytest.raises(ValueError, match=r"\('sex',\) and of \('race',\) can't be added"):
        sex + race


def test_score_tallies_with_different_edges_are_not_added():
    a = ScoreTally.from_arrays([0, 1], [0.1, 0.2], ["x", "x"], edges=[0.5])
    b = ScoreTally.from_arrays([0, 1], [0.1, 0.2], ["x", "x"], edges=[0.25])
    with pytest.raises(ValueError, match="different edges"):
        a + b


@pytest.mark.parametrize("other", [1, None, "tally", np.ones(3, dtype=object)])
def test_a_tally_is_added_to_tallies_only(other):
    tally = Tally.from_arrays([0], [0], ["x"])
    with pytest.raises(TypeError):
        tally + other
    with pytest.raises(TypeError):
        other + tally


def test_a_tally_and_a_score_tally_are_not_added():
    tally = Tally.from_arrays([0, 1], [0, 1], ["x", "x"])
    scores = ScoreTally.from_arrays([0, 1], [0.1, 0.2], ["x", "x"])
    with pytest.raises(TypeError):
        tally + scores


def test_labels_of_two_kinds_are_not_added():
    words = Tally.from_arrays(["no", "yes"], ["no", "no"], ["a", "b"])
    numbers = Tally.from_arrays([0, 1], [0, 0], ["a", "b"])
    with pytest.raises(ValueError, match="text and numbers"):
        words + numbers
    assert (words + words).n_samples == 4


def ages(edges, values):
    X = pd.DataFrame({"age": values, "sex": ["f"] * len(values)})
    groups = Groups.from_columns(X, [Bins("age", edges), "sex"])
    return Tally.from_arrays([0] * len(values), [0] * len(values), groups)


@pytest.mark.parametrize("edges", [[40], [20], [29.5, 60], [30, 60]])
def test_a_column_cut_at_other_edges_is_not_added(edges):
    with pytest.raises(ValueError, match=r"'age' is cut at other edges.*overlap"):
        ages([30], [18, 50]) + ages(edges, [18, 50, 70])


def test_parts_of_one_cut_add_up_though_each_lacks_groups():
    young, old = ages([30, 60], [18, 20]), ages([30, 60], [70, 50, None])
    ordered = ("age<=30", "30<age<=60", "age>60", MISSING)
    total = old.by(0) + young.by(0)
    assert total.labels == ordered
    assert total.group_counts.tolist() == [2, 1, 1, 1]
    assert (young + old).labels == tuple((label, "f") for label in ordered)


@pytest.mark.parametrize(
    ("values", "others"),
    [
        ([1, 2], ["1", "2"]),
        ([True, None], ["True", "False"]),
        ([1.5, 2.5], ["1.5", None]),
        ([pd.Timestamp("2024-01-01")], ["2024-01-01"]),
    ],
)
def test_groups_of_two_kinds_are_not_added(values, others):
    def tally(column):
        return Tally.from_arrays([0] * len(column), [0] * len(column), {"g": column})

    with pytest.raises(ValueError, match=r"the groups of 'g'.*write them alike"):
        tally(values) + tally(others)
    with pytest.raises(ValueError, match="text"):
        tally(others) + tally(values)


def test_numbers_of_two_types_and_groups_without_values_add_up():
    whole, decimal = (Tally.from_arrays([0] * 2, [0] * 2, g) for g in ([1, 2], [1.0, 3.0]))
    nothing = Tally.from_arrays([0], [0], pd.Series([None], dtype=object))
    assert (whole + decimal).labels == (1, 2, 3.0)
    assert (whole + nothing).labels == (1, 2, MISSING)


def test_score_tallies_of_opposite_positive_classes_are_not_added(tmp_path):
    def tally(labels, pos_label):
        return ScoreTally.from_arrays(
            labels, [0.1, 0.9], ["a", "a"], edges=[0.5], pos_label=pos_label
        )

    paid, late = tally(["paid", "late"], "paid"), tally(["paid", "late"], "late")
    assert (paid.positive, late.positive) == ("paid", "late")
    with pytest.raises(ValueError, match="positive classes are 'paid' and 'late'"):
        paid + late
    paid.save(tmp_path / "paid.json")
    with pytest.raises(ValueError, match="pos_label"):
        late + ScoreTally.load(tmp_path / "paid.json")
    without = tally(["late", "late"], "paid")
    assert (without + paid).positive == (paid + without).positive == "paid"
    with pytest.raises(ValueError, match="positive classes"):
        without + late


def test_score_tallies_of_numbers_add_up_though_one_has_no_positives():
    zeros, both = (
        ScoreTally.from_arrays(labels, [0.1, 0.9], ["a", "a"], edges=[0.5])
        for labels in ([0, 0], [0, 1])
    )
    assert zeros.positive is None
    assert (zeros + both).positive == (both + zeros).positive == 1


def test_all_groups_together():
    tally = Tally.from_arrays([0, 1, 1], [0, 1, 0], list("aab"), sample_weight=[1, 2, 3])
    whole = tally.whole()
    assert (whole.labels, whole.names, whole.classes) == (("all",), ("rows",), (0, 1))
    assert whole.cells().tolist() == [[1.0, 0.0, 3.0, 2.0]]
    assert whole.weight2.sum() == 14
    assert whole.count.tolist() == [[[1, 0], [1, 1]]]
    scores = ScoreTally.from_arrays([0, 1, 1], [0.1, 0.2, 0.9], list("aab"), edges=[0.5])
    assert scores.whole().cells()[1].tolist() == [[1.0, 0.0, 1.0, 1.0]]


def test_a_tally_is_shown_in_a_line():
    tally = Tally.from_arrays([0, 1], [0, 1], {"sex": ["f", "m"]}, sample_weight=[1, 2])
    assert repr(tally) == (
        "Tally(names=['sex'], labels=['f', 'm'], classes=[0, 1], n_samples=2, weighted)"
    )
    many = ScoreTally.from_arrays([0, 1] * 20, [0.5] * 40, [f"g{i:02}" for i in range(40)])
    assert "'g05', ... and 34 more], classes=[False, True], n_samples=40)" in repr(many)


def by_group(labels, name="g"):
    return Tally.from_arrays([0] * len(labels), [0] * len(labels), {name: labels})


def test_a_number_that_is_text_in_a_mixed_part_is_refused():
    with pytest.raises(ValueError, match=r"'g' holds \['1'\] as text"):
        by_group([1, 2, "other"]) + by_group(["1", "other"])
    with pytest.raises(ValueError, match="as text in one part"):
        by_group(["1", "other"]) + by_group([1, "other"])
    assert (by_group([1, "other"]) + by_group([2, "more"])).n_groups == 4


def test_booleans_of_numpy_are_numbers():
    flags = replace(by_group([0, 1]), labels=(np.False_, np.True_))
    assert (flags + by_group([0, 1])).n_groups == 2


def test_groups_beside_those_of_a_cut_column_are_kept_and_sorted():
    parts = [by_group(labels, "age") for labels in (["age<=30"], ["unknown"], ["age>30"])]
    assert set(sum(parts).labels) == {"age<=30", "unknown", "age>30"}


@pytest.mark.parametrize("name", ["a.b", "(age", "a<=1", "age|x", "$", "x (2)", "1e5"])
def test_edges_of_columns_of_any_name(name):
    def cut(edges):
        X = pd.DataFrame({name: [1.0, 50.0, 99.0]})
        return Tally.from_arrays([0] * 3, [0] * 3, Groups.from_columns(X, Bins(name, edges)))

    assert (cut([10, 60]) + cut([10, 60])).count.sum() == 6
    with pytest.raises(ValueError, match="overlap"):
        cut([10, 60]) + cut([10, 70])


def test_a_name_is_no_pattern():
    assert Bins.interval("axb<=3", "a.b") is None
    assert Bins.interval("e<x<=5", "x") is None
    assert Bins.interval("+-1<x<=5", "x") is None


def test_a_column_that_is_cut_twice_and_intervals_of_pandas_are_compared_too():
    X = pd.DataFrame({"age": [20, 40, 60]})

    def twice(edge):
        groups = Groups.from_columns(X, [Bins("age", [30]), Bins("age", [edge])])
        return Tally.from_arrays([0] * 3, [0] * 3, groups)

    assert (twice(50) + twice(50)).n_samples == 6
    with pytest.raises(ValueError, match=r"'age \(2\)' is cut at other edges"):
        twice(50) + twice(45)
    old, new = (by_group(pd.cut([1, 40], [0, edge, 99])) for edge in (30, 35))
    assert (old + old).n_groups == 2
    with pytest.raises(ValueError, match="overlap"):
        old + new


def test_thousands_of_bins_interleave():
    labels = [f"{k}<x<={k + 1}" for k in range(3000)]
    total = by_group(labels[::2], "x") + by_group(labels[1::2], "x")
    assert total.labels == tuple(labels)


def test_a_part_is_added_without_questions():
    total = by_group([1, 2]).add_part(by_group(["new"]))
    assert set(total.labels) == {1, 2, "new"}
