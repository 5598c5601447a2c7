from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skfair.groups import MISSING, Groups
from skfair.tally import Tally, one_against_rest

REPRODUCIBLE = settings(max_examples=60)

# y_true, y_pred, group, weight
BINARY = [
    (0, 0, "f", 1.0),
    (0, 1, "f", 2.0),
    (1, 1, "f", 0.5),
    (1, 1, "f", 1.5),
    (1, 0, "m", 3.0),
    (0, 0, "m", 1.0),
    (0, 0, "m", 0.25),
]
ANIMALS = [
    ("cat", "cat", "f", 1.0),
    ("cat", "dog", "f", 2.0),
    ("dog", "emu", "f", 0.5),
    ("emu", "emu", "f", 0.5),
    ("emu", "emu", "f", 1.5),
    ("dog", "dog", "m", 3.0),
    ("emu", "cat", "m", 4.0),
]


def tally_of(rows, weighted=True):
    true, pred, group, weight = zip(*rows, strict=True)
    return Tally.from_arrays(true, pred, group, sample_weight=weight if weighted else None)


def test_a_binary_tally_by_hand():
    tally = tally_of(BINARY)
    assert (tally.labels, tally.classes) == (("f", "m"), (0, 1))
    assert tally.weight.tolist() == [[[1, 2], [0, 2]], [[1.25, 0], [3, 0]]]
    assert tally.weight2.tolist() == [[[1, 4], [0, 2.5]], [[1.0625, 0], [9, 0]]]
    assert tally.count.tolist() == [[[1, 1], [0, 2]], [[2, 0], [1, 0]]]
    assert tally.cells().tolist() == [[1, 2, 0, 2], [1.25, 0, 3, 0]]  # tn, fp, fn, tp
    assert tally.cells(pos_label=0).tolist() == [[2, 0, 2, 1], [0, 3, 0, 1.25]]
    assert tally.n_samples == 7
    assert tally.n_groups == 2
    assert tally.group_counts.tolist() == [4, 3]


def test_without_weights_every_row_weighs_one():
    tally = tally_of(BINARY, weighted=False)
    assert_array_equal(tally.weight, tally.count)
    assert_array_equal(tally.weight2, tally.count)
    assert tally.cells().tolist() == [[1, 1, 0, 2], [2, 0, 1, 0]]


def test_a_tally_of_three_classes_by_hand():
    tally = tally_of(ANIMALS)
    assert tally.classes == ("cat", "dog", "emu")
    assert tally.weight[0].tolist() == [[1, 2, 0], [0, 0, 0.5], [0, 0, 2]]
    assert tally.weight[1].tolist() == [[0, 0, 0], [0, 3, 0], [4, 0, 0]]
    assert tally.weight2[0].tolist() == [[1, 4, 0], [0, 0, 0.25], [0, 0, 2.5]]
    assert tally.count[0].tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 2]]
    by_class = {
        "cat": [[2.5, 0, 2, 1], [3, 4, 0, 0]],
        "dog": [[3, 2, 0.5, 0], [4, 0, 0, 3]],
        "emu": [[3, 0.5, 0, 2], [3, 0, 4, 0]],
    }
    assert tally.cells_by_class().tolist() == list(by_class.values())
    for label, cells in by_class.items():
        assert tally.cells(label).tolist() == cells


def test_one_against_rest_by_hand():
    table = np.array([[5.0, 1, 0], [2, 7, 4], [8, 3, 9]])
    assert one_against_rest(table, 0).tolist() == [7 + 4 + 3 + 9, 2 + 8, 1 + 0, 5]
    assert one_against_rest(table, 1).tolist() == [5 + 0 + 8 + 9, 1 + 3, 2 + 4, 7]
    assert one_against_rest(table, 2).tolist() == [5 + 1 + 2 + 7, 0 + 4, 8 + 3, 9]
    assert one_against_rest(table, None).tolist() == [39, 0, 0, 0]


def test_cells_without_rows_are_exactly_0():
    # the total less the other cells would leave -6e-17 true negatives
    weight = [0.8, 0.6, 0.5, 0.3, 0.3, 0.1]
    tally = Tally.from_arrays(
        [0] * 3 + [1] * 3, [1] * 3 + [0, 1, 1], ["a"] * 6, sample_weight=weight
    )
    assert tally.cells()[0, 0] == 0
    assert_allclose(tally.cells()[0, 1:], [1.9, 0.3, 0.4], rtol=1e-15)


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
@REPRODUCIBLE
def test_folding_several_classes_makes_no_residue(n_classes, seed):
    rng = np.random.default_rng(seed)
    table = rng.lognormal(0, 3, (n_classes, n_classes)) * (rng.random((n_classes, n_classes)) < 0.5)
    for k in range(n_classes):
        other = np.arange(n_classes) != k
        tn, fp, fn, tp = one_against_rest(table, k)
        parts = table[np.ix_(other, other)], table[other, k], table[k, other], table[k, k]
        assert_allclose([tn, fp, fn, tp], [part.sum() for part in parts], rtol=1e-14)
        assert [tn == 0, fp == 0, fn == 0, tp == 0] == [not part.any() for part in parts]


def test_one_class_only_is_all_negative_or_all_positive():
    assert Tally.from_arrays([0, 0], [0, 0], ["a", "a"]).cells().tolist() == [[2, 0, 0, 0]]
    assert Tally.from_arrays([1, 1], [1, 1], ["a", "a"]).cells().tolist() == [[0, 0, 0, 2]]
    tally = Tally.from_arrays(["no"], ["no"], ["a"])
    assert tally.cells("yes").tolist() == [[1, 0, 0, 0]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["no", "yes"], "pos_label is not specified"), ([0, 1, 2], "3 classes in a binary metric")],
)
def test_cells_of_labels_without_a_positive_are_refused(labels, message):
    tally = Tally.from_arrays(labels, labels, labels)
    with pytest.raises(ValueError, match=message):
        tally.cells()


@st.composite
def rows(draw):
    kind = draw(st.sampled_from([(0, 1), (-1, 1), ("no", "yes"), ("a", "b", "c")]))
    label = st.sampled_from(kind)
    row = st.tuples(label, label, st.sampled_from(["x", "y", "z", None]), st.integers(0, 8))
    return [(t, p, g, w / 4) for t, p, g, w in draw(st.lists(row, min_size=1, max_size=30))]


@REPRODUCIBLE
@given(rows(), st.booleans())
def test_a_tally_equals_a_loop_over_rows(drawn, weighted):
    expected: dict = {}
    for true, pred, group, weight in drawn:
        w = weight if weighted else 1.0
        cell = expected.setdefault((MISSING if group is None else group, true, pred), [0.0, 0.0, 0])
        cell[0], cell[1], cell[2] = cell[0] + w, cell[1] + w * w, cell[2] + (w > 0)
    tally = tally_of(drawn, weighted)
    assert set(tally.labels) == {group for group, _, _ in expected}
    assert set(tally.classes) == {label for _, true, pred in expected for label in (true, pred)}
    for i, group in enumerate(tally.labels):
        for j, true in enumerate(tally.classes):
            for k, pred in enumerate(tally.classes):
                found = [sums[i, j, k] for sums in (tally.weight, tally.weight2, tally.count)]
                assert found == expected.get((group, true, pred), [0.0, 0.0, 0])


def test_groups_may_come_as_columns_or_read_already():
    sex, race = ["f", "f", "m"], ["b", None, "b"]
    tally = Tally.from_arrays([0, 1, 1], [1, 1, 0], {"sex": sex, "race": race})
    assert tally.labels == (("f", "b"), ("f", MISSING), ("m", "b"))
    assert tally.names == ("sex", "race")
    again = Tally.from_arrays([0, 1, 1], [1, 1, 0], Groups.read({"sex": sex, "race": race}))
    assert_array_equal(again.weight, tally.weight)
    assert tally.index.names == ["sex", "race"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_pred": [0]}, "inconsistent numbers of samples"),
        ({"sensitive_features": ["a"]}, "inconsistent numbers of samples"),
        ({"sample_weight": [1.0]}, "inconsistent numbers of samples"),
        ({"sample_weight": [1.0, -1.0]}, "Negative values"),
        ({"sample_weight": [1.0, np.nan]}, "NaN or infinity"),
        ({"sample_weight": [1.0, 1e-158]}, "1e-158 as the smallest that isn't 0"),
        ({"sample_weight": [1e153, 1.0]}, r"the sum 1e\+153"),
        ({"sample_weight": [9e139, 9e139]}, r"must lie between 1e-140 and 1e\+140"),
        ({"sample_weight": [1e308, 1e308]}, "the sum inf"),
        ({"y_true": [0, None]}, "Input y_true contains NaN"),
        ({"y_pred": [0, np.nan]}, "Input y_pred contains NaN"),
        ({"y_pred": ["0", "1"]}, "mix strings and numbers"),
        ({"y_pred": [[0, 1], [1, 0]]}, "should be a 1d array"),
        ({"sensitive_features": ["a", None], "missing": "raise"}, "has 1 missing"),
        ({"y_true": [], "y_pred": []}, "0 sample"),
        ({"sensitive_features": []}, "sensitive features are empty"),
    ],
)
def test_bad_arrays_are_refused(changed, message):
    good = {"y_true": [0, 1], "y_pred": [0, 1], "sensitive_features": ["a", "b"]}
    with pytest.raises(ValueError, match=message):
        Tally.from_arrays(**{**good, **changed})


def test_effective_sizes_by_hand():
    tally = Tally.from_arrays(
        [0, 0, 1, 0, 0], [0, 1, 1, 0, 0], list("aaabc"), sample_weight=[1, 1, 2, 5, 0]
    )
    assert tally.effective_sizes.tolist() == [16 / 6, 1.0, 0.0]
    equal = Tally.from_arrays([0, 0, 1], [0, 1, 1], list("aaa"), sample_weight=[3, 3, 3])
    assert_allclose(equal.effective_sizes, [3.0], rtol=1e-15)


def test_drop_groups_leaves_the_others_untouched():
    tally = tally_of([*BINARY, (1, 1, "x", 7.0)])
    rest = tally.drop_groups(["m"])
    assert rest.labels == ("f", "x")
    assert rest.cells().tolist() == [[1, 2, 0, 2], [0, 0, 0, 7]]
    assert rest.weight2[1].sum() == 49
    assert rest.group_counts.tolist() == [4, 1]
    assert tally.labels == ("f", "m", "x")


def test_to_frame_has_a_row_a_cell():
    frame = tally_of(BINARY).to_frame()
    assert list(frame.columns) == [
        "sensitive_feature_0",
        "y_true",
        "y_pred",
        "weight",
        "weight2",
        "count",
    ]
    assert frame.to_numpy().tolist() == [
        ["f", 0, 0, 1.0, 1.0, 1],
        ["f", 0, 1, 2.0, 4.0, 1],
        ["f", 1, 0, 0.0, 0.0, 0],
        ["f", 1, 1, 2.0, 2.5, 2],
        ["m", 0, 0, 1.25, 1.0625, 2],
        ["m", 0, 1, 0.0, 0.0, 0],
        ["m", 1, 0, 3.0, 9.0, 1],
        ["m", 1, 1, 0.0, 0.0, 0],
    ]


def test_to_frame_of_an_intersection_has_a_column_a_feature():
    frame = Tally.from_arrays([1], [True], pd.DataFrame({"sex": ["f"], "race": ["b"]})).to_frame()
    assert list(frame.columns[:2]) == ["sex", "race"]
    assert frame.loc[0, ["sex", "race"]].tolist() == ["f", "b"]


def test_dropping_a_group_drops_no_other_and_unknown_ones_are_refused():
    tally = Tally.from_arrays([0, 1, 1], [0, 1, 1], ["female", "male", "other"])
    assert tally.drop_groups("female").labels == ("male", "other")
    with pytest.raises(ValueError, match="no groups"):
        tally.drop_groups(["Female"])


def test_a_table_with_a_feature_named_as_one_of_its_columns_is_refused():
    tally = Tally.from_arrays([0, 1], [0, 1], {"count": ["a", "b"]})
    with pytest.raises(ValueError, match="rename"):
        tally.to_frame()


def test_rows_of_weight_0_are_no_rows():
    true, pred, group = [1] * 5 + [0], [1, 0, 1, 0, 0, 2], list("aaaaab")
    tally = Tally.from_arrays(true, pred, group, sample_weight=[1, 1, 1, 0, 0, 0])
    alone = Tally.from_arrays(true[:3], pred[:3], group[:3])
    assert (tally.labels, tally.classes) == (("a", "b"), (0, 1, 2))  # they are known, though
    assert tally.group_counts.tolist() == [3, 0]
    assert_array_equal(tally.count[0, :2, :2], alone.count[0])
    assert_array_equal(tally.weight2[0, :2, :2], alone.weight2[0])
    assert tally.n_samples == 3


@pytest.mark.parametrize("dtype", [float, bool, object])
def test_fractions_of_rows_are_refused(dtype):
    cells = np.array([[[0.0, 0.0], [2.9, 7.9]]])
    with pytest.raises(ValueError, match="count must be whole numbers of rows"):
        Tally(("a",), ("g",), (0, 1), cells, cells, cells.astype(dtype))


@pytest.mark.parametrize("scale", [1e-138, 1.0, 1e135])
def test_weights_of_any_scale_that_is_taken_are_summed(scale):
    weight = np.arange(1, 201) * scale
    tally = Tally.from_arrays([1] * 200, [0, 1] * 100, ["a", "b"] * 100, sample_weight=weight)
    assert_allclose(tally.effective_sizes, [10000**2 / 1333300, 10100**2 / 1353400], rtol=1e-12)
