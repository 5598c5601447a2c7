from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skfair.datasets import make_colored_digits

BLUE, ORANGE, GREEN = (
    np.array(rgb) / 255 for rgb in ([31, 119, 180], [255, 127, 14], [44, 160, 44])
)


@pytest.fixture(scope="module")
def source():
    return load_digits()


@pytest.fixture(scope="module")
def train():
    return make_colored_digits(random_state=0)


def counts(bunch):
    table = np.zeros((len(bunch.target_names), len(bunch.group_names)), dtype=int)
    np.add.at(table, (bunch.target, [bunch.group_names.index(g) for g in bunch.groups]), 1)
    return table.tolist()


def test_entries(train):
    assert set(train) == {
        *("images", "data", "target", "true_target", "groups", "papers", "aligned", "digits"),
        *("indices", "cue_mask", "target_names", "group_names", "paper_names", "DESCR"),
    }
    assert train.images.shape == (1198, 3, 12, 12)
    assert train.images.dtype == np.float32
    assert train.images.min() == 0
    assert train.images.max() == 1
    assert_array_equal(train.data, train.images.reshape(1198, 432))
    assert (train.cue_mask.shape, train.cue_mask.dtype) == ((1198, 12, 12), bool)
    assert (train.target.dtype, train.indices.dtype) == (np.int64, np.int64)
    assert train.target_names == ["0,1,2,3,4", "5,6,7,8,9"]
    assert train.group_names == ["blue", "orange"]
    assert train.paper_names == ["dark", "light"]
    assert set(train.papers) == {"dark"}


def test_description_tells_the_settings():
    text = make_colored_digits(20, subset="test", bias=0.75, label_noise=0.1, cue="patch").DESCR
    assert "20 of 12 x 12" in text
    assert 'part "test"' in text
    assert "is 0.75" in text
    assert ":Cue: patch (blue, orange)" in text
    assert "1 (digits 5,6,7,8,9)" in text
    assert ":Label noise: 0.1" in text


def test_return_X_y():
    bunch = make_colored_digits(50, random_state=3)
    images, target = make_colored_digits(50, random_state=3, return_X_y=True)
    assert_array_equal(images, bunch.images)
    assert_array_equal(target, bunch.target)


def test_labels_are_those_of_the_digits(train, source):
    assert_array_equal(train.digits, source.target[train.indices])
    assert_array_equal(train.target, train.digits >= 5)
    assert_array_equal(train.true_target, train.target)


def test_subsets_split_the_originals(train):
    test = make_colored_digits(subset="test", random_state=1)
    every = make_colored_digits(subset="all", random_state=2)
    assert sorted(train.indices) == list(range(1198))
    assert sorted(test.indices) == list(range(1198, 1797))
    assert sorted(every.indices) == list(range(1797))


def test_fewer_images_are_drawn_without_and_more_with_repeats():
    few = make_colored_digits(500, subset="test", random_state=0)
    many = make_colored_digits(1300, subset="test", random_state=0)
    assert len(set(few.indices)) == 500
    assert sorted(set(np.bincount(many.indices)[1198:])) == [2, 3]
    same = np.flatnonzero(many.indices == many.indices[0])
    assert np.abs(many.images[same[0]] - many.images[same[1]]).max() > 0


def test_share_of_the_bias_is_exact():
    bunch = make_colored_digits(1000, bias=0.95, random_state=0)
    (a, b), (c, d) = counts(bunch)
    assert (a + b, c + d) == tuple(np.bincount(bunch.target))
    assert b == round((a + b) * 0.05)
    assert c == round((c + d) * 0.05)
    assert_array_equal(bunch.aligned, (bunch.groups == "orange") == bunch.target)


def test_shares_by_hand():
    # class 0: digit 0, 119 in train; class 1: digit 1, 120 in train
    bunch = make_colored_digits(classes=[[0], [1]], bias=0.9, random_state=0)
    assert counts(bunch) == [[107, 12], [12, 108]]


@pytest.mark.parametrize(("bias", "table"), [(1, [[119, 0], [0, 120]]), (0, [[0, 119], [120, 0]])])
def test_rule_without_exception_and_reversed(bias, table):
    assert counts(make_colored_digits(classes=[[0], [1]], bias=bias, random_state=0)) == table


def test_colours_against_the_rule_are_shared_out_evenly():
    # train holds 119 zeros, 120 ones, 117 twos; 0.4 of them keep: 47.6, 48, 46.8
    bunch = make_colored_digits(classes=[[0], [1], [2]], bias=0.4, random_state=0)
    assert bunch.group_names == ["blue", "orange", "green"]
    assert [row[i] for i, row in enumerate(counts(bunch))] == [48, 48, 47]
    rest = [np.delete(row, i) for i, row in enumerate(counts(bunch))]
    assert [sorted(row) for row in rest] == [[35, 36], [36, 36], [35, 35]]


def test_ten_classes():
    bunch = make_colored_digits(classes=[[d] for d in range(10)], bias=0.1, random_state=0)
    assert_array_equal(bunch.target, bunch.digits)
    table = np.array(counts(bunch))
    assert table.shape == (10, 10)
    assert table.min() >= 11
    assert table.max() <= 13


def test_digits_in_no_class_are_left_out():
    bunch = make_colored_digits(classes=[[8], [3]], random_state=0)
    assert set(bunch.digits) == {3, 8}
    assert_array_equal(bunch.target, bunch.digits == 3)
    assert bunch.target_names == ["8", "3"]


def test_bias_of_each_paper():
    bunch = make_colored_digits(
        1000, bias={"dark": 0.5, "light": 0.9}, light_share=0.2, random_state=0
    )
    for paper, share, rows in (("dark", 0.5, 800), ("light", 0.9, 200)):
        found = bunch.papers == paper
        assert abs(found.sum() - rows) <= 1
        assert abs(bunch.aligned[found].mean() - share) <= 1 / rows * 2
    light = bunch.papers == "light"
    for label in (0, 1):
        assert abs(light[bunch.target == label].mean() - 0.2) < 0.002


def test_label_noise_changes_its_share_and_the_colour_follows():
    bunch = make_colored_digits(classes=[[0], [1]], bias=1, label_noise=0.25, random_state=0)
    flipped = bunch.target != bunch.true_target
    # 119 * 0.75 = 89.25 and 120 * 0.75 = 90 stay
    assert [flipped[bunch.true_target == label].sum() for label in (0, 1)] == [30, 30]
    assert bunch.aligned.all()
    assert_array_equal(bunch.groups == "orange", bunch.target == 1)
    assert_array_equal(bunch.true_target, bunch.digits)


def test_ink_has_the_colour(source):
    bunch = make_colored_digits(30, bias=0.5, noise=0, random_state=0)
    for i, (index, name) in enumerate(zip(bunch.indices, bunch.groups, strict=True)):
        color = BLUE if name == "blue" else ORANGE
        expected = color[:, None, None] * source.images[index] / 16
        assert_allclose(bunch.images[i, :, 2:10, 2:10], expected, atol=1e-6)
        assert_array_equal(bunch.cue_mask[i, 2:10, 2:10], source.images[index] > 0)
    assert not bunch.images[:, :, :2].any()
    assert not bunch.images[:, :, :, 10:].any()
    assert not bunch.cue_mask[:, :2].any()


def test_patch_lies_in_the_corner_and_the_digit_is_white(source):
    bunch = make_colored_digits(30, cue="patch", bias=0.5, noise=0, random_state=0)
    mask = np.zeros((12, 12), dtype=bool)
    mask[:2, :2] = True
    assert_array_equal(bunch.cue_mask, np.broadcast_to(mask, (30, 12, 12)))
    for i, (index, name) in enumerate(zip(bunch.indices, bunch.groups, strict=True)):
        color = BLUE if name == "blue" else ORANGE
        assert_allclose(bunch.images[i][:, mask], np.tile(color[:, None], 4), atol=1e-6)
        for channel in bunch.images[i]:
            assert_allclose(channel[2:10, 2:10], source.images[index] / 16, atol=1e-6)


def test_background_has_half_the_colour():
    bunch = make_colored_digits(30, cue="background", bias=0.5, noise=0, random_state=0)
    for image, mask, name in zip(bunch.images, bunch.cue_mask, bunch.groups, strict=True):
        color = BLUE if name == "blue" else ORANGE
        assert_allclose(image[:, 0, 0], color / 2, atol=1e-6)
        assert mask[0, 0]
        assert_allclose(image[:, ~mask], 1, atol=1e-6)


@pytest.mark.parametrize(
    ("cue", "corner"),
    [("color", [1, 1, 1]), ("patch", [1, 1, 1]), ("background", (1 + BLUE) / 2)],
)
def test_light_paper(cue, corner):
    bunch = make_colored_digits(
        20, classes=[[0], [1]], cue=cue, bias=1, light_share=1, noise=0, random_state=0
    )
    assert set(bunch.papers) == {"light"}
    image = bunch.images[bunch.target == 0][0]
    assert_allclose(image[:, 11, 11], corner, atol=1e-6)
    darkest = image[:, 2:10, 2:10].reshape(3, -1).min(axis=1)
    assert_allclose(darkest, BLUE if cue == "color" else [0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("cue", ["color", "patch", "background"])
@pytest.mark.parametrize("light_share", [0.0, 0.5])
def test_mask_is_where_another_colour_shows(cue, light_share):
    options = {"cue": cue, "light_share": light_share, "noise": 0, "scale": 2, "random_state": 0}
    rule = make_colored_digits(40, bias=1, **options)
    against = make_colored_digits(40, bias=0, **options)
    assert_array_equal((rule.images != against.images).any(axis=1), rule.cue_mask)
    assert_array_equal(rule.cue_mask, against.cue_mask)


def test_scale_repeats_pixels():
    options = {"noise": 0, "light_share": 0.5, "random_state": 0}
    small, large = (make_colored_digits(10, scale=scale, **options) for scale in (1, 3))
    assert large.images.shape == (10, 3, 36, 36)
    assert large.cue_mask.shape == (10, 36, 36)
    for row in range(3):
        for column in range(3):
            assert_array_equal(large.images[:, :, row::3, column::3], small.images)
            assert_array_equal(large.cue_mask[:, row::3, column::3], small.cue_mask)


def test_noise_has_its_deviation():
    clean, noisy = (
        make_colored_digits(200, cue="background", noise=noise, random_state=0)
        for noise in (0, 0.02)
    )
    inner = (clean.images > 0.1) & (clean.images < 0.9)  # five deviations from where it is cut
    difference = (noisy.images - clean.images)[inner]
    assert abs(difference.std() / 0.02 - 1) < 4.5 / math.sqrt(2 * inner.sum())
    assert noisy.images.min() >= 0
    assert noisy.images.max() <= 1


def test_random_state():
    first = make_colored_digits(100, random_state=5)
    again = make_colored_digits(100, random_state=np.random.RandomState(5))
    other = make_colored_digits(100, random_state=6)
    for key in ("images", "target", "groups", "indices", "cue_mask"):
        assert_array_equal(first[key], again[key])
    assert (first.indices != other.indices).any()
    assert (first.images != other.images).any()


@settings(max_examples=15)
@given(
    low=st.floats(0, 1),
    high=st.floats(0, 1),
    light_share=st.floats(0, 1),
    label_noise=st.floats(0, 0.5),
    k=st.integers(2, 5),
)
def test_a_stronger_bias_only_aligns_more_images(low, high, light_share, label_noise, k):
    low, high = sorted((low, high))
    options = {"classes": [[d] for d in range(k)], "light_share": light_share, "random_state": 1}
    weak, strong = (
        make_colored_digits(150, bias=bias, label_noise=label_noise, **options)
        for bias in (low, high)
    )
    for key in ("indices", "target", "papers"):
        assert_array_equal(weak[key], strong[key])
    assert (strong.aligned >= weak.aligned).all()
    still = strong.aligned == weak.aligned
    assert_array_equal(weak.groups[still], strong.groups[still])


def test_another_cue_keeps_digits_labels_and_colours():
    color, patch = (make_colored_digits(80, cue=cue, random_state=0) for cue in ("color", "patch"))
    for key in ("indices", "target", "groups"):
        assert_array_equal(color[key], patch[key])


def test_a_classifier_reads_the_colour():
    train = make_colored_digits(bias=0.99, random_state=0)
    test = make_colored_digits(subset="test", bias=0.5, random_state=1)
    model = LogisticRegression(max_iter=2000).fit(train.data, train.target)
    right = model.predict(test.data) == test.target
    assert right[test.aligned].mean() > 0.95
    assert right[~test.aligned].mean() < 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples must be an integer of at least 1"),
        ({"n_samples": 10.5}, "n_samples must be an integer"),
        ({"subset": "valid"}, r"subset must be one of \['train', 'test', 'all'\], got 'valid'"),
        ({"classes": [[0, 1]]}, "two or more lists of digits"),
        ({"classes": [[0], []]}, "two or more lists of digits"),
        ({"classes": [[0, 1], [1, 2]]}, "no digit in two of them"),
        ({"classes": [[0, 0], [1]]}, "no digit in two of them"),
        ({"classes": [[0], [10]]}, "digits from 0 to 9"),
        ({"cue": "colour"}, r"cue must be one of \['color', 'patch', 'background'\]"),
        ({"bias": 1.1}, r"bias must lie in \[0, 1\], got 1.1"),
        ({"bias": math.nan}, "bias must lie in"),
        ({"bias": {"dark": 0.5}}, r"bias must name the papers \['dark', 'light'\]"),
        ({"bias": {"dark": 0.5, "light": -0.1}}, "bias must lie in"),
        ({"light_share": 2}, r"light_share must lie in \[0, 1\]"),
        ({"label_noise": -0.1}, r"label_noise must lie in \[0, 1\]"),
        ({"noise": -1}, "noise must lie in"),
        ({"noise": math.inf}, "noise must lie in"),
        ({"scale": 0}, "scale must be an integer of at least 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_colored_digits(**arguments)
