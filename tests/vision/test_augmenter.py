from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

torch = pytest.importorskip("torch")

from skfair.inprocessing import FairNetClassifier  # noqa: E402
from skfair.nn import ImageAugmentation  # noqa: E402
from skfair.vision import TargetedAugmenter, _copied  # noqa: E402
from skfair.vision._growth import cell_growth, cell_operations  # noqa: E402

GROUPS = np.repeat(["f", "m"], [5, 10])
LABELS = np.repeat(["no", "yes", "no", "yes"], [4, 1, 4, 6])  # f: 4 and 1, m: 4 and 6


def some_images(n=15, shape=(3, 6, 6), dtype=np.float32):
    pixels = np.random.default_rng(0).random((n, *shape))
    return (pixels * 255).astype(dtype) if np.dtype(dtype).kind == "u" else pixels.astype(dtype)


def augment(X=None, y=LABELS, groups=GROUPS, weights=None, **options):
    augmenter = TargetedAugmenter(**{"random_state": 0, "device": "cpu", **options})
    X = some_images(len(y)) if X is None else X
    new = augmenter.fit_resample(X, y, sensitive_features=groups, sample_weight=weights)
    return augmenter, *new


def counts(augmenter):
    return augmenter.cell_sizes_.loc["after"].to_numpy().tolist()


@pytest.mark.parametrize(
    ("strategy", "size", "expected"),
    [
        ("balance", None, [[6, 6], [6, 6]]),
        ("balance", 20, [[5, 5], [4, 6]]),  # three lack most, and come to 4.67
        ("balance", 19, [[5, 4], [4, 6]]),
        ("balance", 40, [[10, 10], [10, 10]]),
        ("balance", 2.0, [[8, 8], [7, 7]]),  # a float is a factor: 30, so 7.5 each
        ("keep", 1.8, [[7, 2], [7, 11]]),
        ("parity", None, [[4, 4], [7, 6]]),  # labels 8 to 7: 4 and 3.5, 6.86 and 6
        ("size", None, [[8, 2], [4, 6]]),
        ({("f", "yes"): 4, ("m", "no"): 1.5}, None, [[4, 4], [6, 6]]),
        ({("f", "no"): 2.0, ("m", "no"): 1.25}, None, [[8, 1], [5, 6]]),
    ],
)
def test_cells_get_what_they_lack(strategy, size, expected):
    augmenter, X, y = augment(strategy=strategy, size=size)
    assert counts(augmenter) == expected
    assert augmenter.cell_sizes_.loc["before"].to_numpy().tolist() == [[4, 1], [4, 6]]
    assert len(X) == len(y) == np.sum(expected) == len(augmenter.groups_)
    found = pd.crosstab(augmenter.groups_.to_values().to_numpy(), y).to_numpy()
    assert found.tolist() == expected


def test_images_come_first_and_copies_tell_where_they_are_from():
    X = some_images()
    before = X.copy()
    augmenter, new, y = augment(X, change="copies")
    rows = augmenter.sample_indices_
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(new[:15], X)
    assert rows[:15].tolist() == list(range(15))
    assert y.tolist() == LABELS[rows].tolist()
    assert augmenter.groups_.to_values().tolist() == GROUPS[rows].tolist()
    copies = np.abs(new[15:] - X[rows[15:]]).max(axis=(1, 2, 3))
    assert (copies > 0).all()
    assert augmenter.sample_weight_ is None
    assert np.bincount(rows)[4] == 6  # the only one of its cell
    assert set(np.bincount(rows)[:4]) == {1, 2}


def test_images_and_copies_change_by_the_share_of_copies_alike():
    """So that a change, its blur or its light, tells nothing of the cell."""
    n = 4000
    groups, y = np.arange(n) % 10 == 0, np.arange(n) // 10 % 4 == 0  # 100, 300, 900 and 2,700
    X = np.tile(np.array([0.0, 0.5]), (n, 1, 1, 1))
    augmenter, new, labels = augment(X, y, groups, operations={"flip_horizontal": 1})
    rows = augmenter.sample_indices_
    assert rows[:n].tolist() == list(range(n))
    changed = (new != X[rows]).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(new[changed], X[rows][changed][..., ::-1])
    share = 1 - n / len(new)
    codes, is_copy = augmenter.groups_.codes, np.arange(len(new)) >= n
    cells = [(codes == group) & (labels == label) for group in (0, 1) for label in (False, True)]
    for own in (*cells, is_copy, ~is_copy):
        spread = np.sqrt(share * (1 - share) / own.sum())
        assert abs(changed[own].mean() - share) < 4 * spread
    assert (augment(X, y, groups, strategy="keep", size=n)[1] == X).all()


def test_the_same_seed_gives_the_same_images():
    state = torch.get_rng_state()
    first, again, other = (augment(random_state=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert first.shape == other.shape
    assert (first != other).any()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.float16])
@pytest.mark.parametrize("shape", [(6, 7), (1, 6, 7), (4, 6, 7)])
def test_types_shapes_and_ranges_are_kept(dtype, shape):
    strong = {"rotate": 30, "brightness": 0.9, "contrast": 1, "noise": 0.5, "cutout": 0.5}
    X = some_images(shape=shape, dtype=dtype)
    _, new, _ = augment(X, operations=strong, change="copies")
    assert new.dtype == X.dtype
    assert new.shape == (24, *shape)
    least, greatest = (0, np.iinfo(dtype).max) if np.dtype(dtype).kind == "u" else (0, 1)
    assert new.min() == least
    assert new.max() == greatest


def test_bytes_are_rounded_and_without_operations_nothing_changes():
    X = some_images(dtype=np.uint8)
    for operations in ({}, {"rotate": 0}, {"brightness": 0}, {"noise": 0}):
        augmenter, new, _ = augment(X, operations=operations)
        np.testing.assert_array_equal(new, X[augmenter.sample_indices_])
    augmenter, new, _ = augment(X, operations={"flip_horizontal": 1, "rotate": 0}, change="copies")
    np.testing.assert_array_equal(new[15:], X[augmenter.sample_indices_[15:], :, :, ::-1])


def test_each_block_of_images_is_changed_by_draws_of_its_own(monkeypatch):
    monkeypatch.setattr(_copied, "_NUMBERS_AT_ONCE", 36 * 8)  # eight images of 6 x 6 pixels
    X = np.full((64, 6, 6), 0.5)
    cells = np.zeros(64, dtype=np.intp)
    change = ImageAugmentation([{"brightness": 0.4}])
    new = _copied.make_copies(X, np.arange(64), cells, change, "cpu", 0)
    assert len(np.unique(new[:, 0, 0])) == 64
    again = _copied.make_copies(X, np.arange(64), cells, change, "cpu", 0)
    np.testing.assert_array_equal(new, again)


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.uint64, np.int64])
def test_large_integers_are_kept(dtype):
    ends = np.iinfo(dtype)
    X = (
        np.full((15, 1, 6, 6), ends.max, dtype=dtype)
        - np.arange(15, dtype=dtype)[:, None, None, None]
    )
    X[:, :, 0, 0] = ends.min
    augmenter, new, _ = augment(X, operations={"flip_horizontal": 1})
    rows = augmenter.sample_indices_
    same = (new == X[rows]).all(axis=(1, 2, 3))
    assert 0 < same.sum() < len(new)  # what isn't changed is as it was
    exact = 0 if np.dtype(dtype).itemsize == 4 else 2**11  # floats have 53 bits
    turned = X[rows][..., ::-1]
    apart = np.where(new > turned, new - turned, turned - new)
    assert apart[~same].max() <= exact
    _, light, _ = augment(X, operations={"brightness": (1, 1)}, change="copies")
    assert (light[15:] == ends.max).all()


def test_a_range_of_ones_own():
    X = some_images() * 4 - 2
    _, new, _ = augment(X, operations={"brightness": (1, 1)}, change="copies")
    np.testing.assert_allclose(new[15:], X.max(), atol=1e-6)
    _, new, _ = augment(X, operations={"brightness": (1, 1)}, value_range=(-3, 3), change="copies")
    np.testing.assert_allclose(new[15:], 3)


def test_cells_groups_and_labels_have_their_own_operations():
    X = np.full((15, 1, 2, 2), 0.5)
    light = {
        "f": {"brightness": (0.1, 0.1)},
        ("f", "yes"): {"brightness": (0.2, 0.2)},
        "no": {"brightness": (0.3, 0.3)},
        (None, None): {},
    }
    augmenter, new, y = augment(X, operations=light, size=40, change="copies")
    added = np.round(new[15:, 0, 0, 0] - 0.5, 3)
    members = augmenter.groups_.to_values().to_numpy()[15:]
    for group, label, expected in [
        ("f", "no", 0.1),
        ("f", "yes", 0.2),
        ("m", "no", 0.3),
        ("m", "yes", 0.0),
    ]:
        own = (members == group) & (y[15:] == label)
        assert set(added[own].tolist()) == {expected}


def test_names_that_are_groups_and_labels_at_once():
    message = r"operations name \[1\], each a group and a label: write \(group, None\)"
    with pytest.raises(ValueError, match=message):
        cell_operations({1: {}}, {}, [0, 1], [1, 2])
    found = cell_operations({(1, None): {"zoom": 1}, (None, 1): {"rotate": 1}}, {}, [0, 1], [1, 2])
    assert found == [{"rotate": 1}, {}, {"zoom": 1}, {"zoom": 1}]


def test_a_group_of_several_features_is_a_tuple():
    both = pd.DataFrame({"sex": GROUPS, "race": np.where(np.arange(15) % 2, "b", "w")})
    strategy = {(("f", "b"), "no"): 9}
    augmenter, _, _ = augment(groups=both, strategy=strategy, operations={("f", "b"): {}})
    assert augmenter.cell_sizes_.loc["after"].loc[("f", "b"), "no"] == 9
    assert augmenter.cell_sizes_.loc["after"].to_numpy().sum() == 15 + 7


def test_weights_measure_cells_and_travel_along():
    weights = np.ones(15)
    weights[:4] = [0, 2, 1, 1]  # f and no: a sum of 4 from three rows that count
    weights[5:9] = 3  # m and no: 12
    augmenter, _, _ = augment(weights=weights)
    rows, found = augmenter.sample_indices_, augmenter.sample_weight_
    np.testing.assert_array_equal(found, weights[rows])
    copied = np.bincount(rows[15:], minlength=15)
    assert copied[0] == 0
    assert copied[1:4].sum() == 6  # from 4 to 12: two copies of each that counts
    assert copied[4] == 11
    assert copied[5:9].sum() == 0
    assert copied[9:].sum() == 6
    masses = pd.Series(found).groupby([augmenter.groups_.codes, LABELS[rows]]).sum()
    assert masses.tolist() == [12.0] * 4


@pytest.mark.parametrize("strategy", ["balance", "parity", "size", "keep"])
@pytest.mark.parametrize("zeros", [[], [9, 10, 11, 12, 13], [0]])
def test_with_weights_there_are_as_many_images_as_asked_for(strategy, zeros):
    weights = np.ones(15)
    weights[5:9] = 3
    weights[zeros] = 0
    for size, n in ((30, 30), (2.0, 30), (15, 15)):
        augmenter, X, _ = augment(weights=weights, size=size, strategy=strategy)
        assert len(X) == n
        assert not np.isin(augmenter.sample_indices_[15:], zeros).any()
    with pytest.raises(ValueError, match="size=14 is less than the 15"):
        augment(weights=weights, size=14, strategy=strategy)


def test_with_weights_cells_come_to_a_common_sum_of_weights():
    weights = np.repeat([1.0, 3.0], [5, 10])  # f: 4 and 1, m: 12 and 18
    augmenter, _, _ = augment(weights=weights, size=30)
    # 6 copies of (f, no) and 9 of (f, yes) bring both to 10, which is below 12
    assert counts(augmenter) == [[10, 10], [4, 6]]


def test_images_without_a_group_are_copied_with_a_warning():
    groups = np.array([*GROUPS[:-1], None], dtype=object)
    strategy = {("f", "yes"): 4}
    y = np.where(np.arange(15) % 2, "yes", "no")
    y[-2:] = "yes", "no"
    with pytest.raises(ValueError, match="no images to copy in cells"):
        augment(y=y, groups=groups)
    groups[-2] = None
    with pytest.warns(UserWarning, match=r"the 2 images without a sensitive value .* 6 copies"):
        augment(y=y, groups=groups)
    augment(y=y, groups=groups, strategy=strategy)
    augment(y=y, groups=groups, strategy="keep", size=20)


def test_rare_cells_by_weight_get_no_copies_of_rows_without_weight():
    with pytest.raises(ValueError, match=r"no images to copy in cells \[\('f', 'yes'\)\]"):
        augment(weights=np.arange(15) != 4)


def test_missing_groups_one_group_and_several_classes():
    groups = np.array([None, "a", "a", None, "a", "a"], dtype=object)
    y = np.array([0, 1, 2, 1, 1, 2])
    with pytest.raises(ValueError, match=r"cells \[\('a', 0\), \('<missing>', 2\)\]"):
        augment(y=y, groups=groups)
    augmenter, _, labels = augment(y=y, groups=groups, strategy={("<missing>", 0): 3})
    assert augmenter.cell_sizes_.loc["after"].index.tolist() == ["a", "<missing>"]
    assert np.bincount(labels).tolist() == [3, 3, 2]
    with pytest.raises(ValueError, match="missing"):
        augment(y=y, groups=groups, missing="raise")
    augmenter, _, labels = augment(y=y, groups=["all"] * 6)
    assert np.bincount(labels).tolist() == [3, 3, 3]
    assert counts(augment(y=np.zeros(15, dtype=int))[0]) == [[10], [10]]


def test_labels_keep_their_type():
    odd = pd.Series(LABELS, index=np.arange(15) * 7)
    _, _, y = augment(y=odd)
    assert isinstance(y, pd.Series)
    assert y.index.tolist() == list(range(24))
    _, _, same = augment(y=pl.Series(LABELS), groups=pl.Series(GROUPS))
    assert isinstance(same, pl.Series)
    assert same.to_list() == y.tolist()
    _, _, listed = augment(y=LABELS.tolist(), groups=GROUPS.tolist())
    assert list(listed) == y.tolist()
    _, of_lists, _ = augment(some_images().tolist())
    np.testing.assert_allclose(of_lists, augment(some_images().astype(float))[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "equal"}, "strategy must be one of"),
        ({"strategy": "keep"}, 'strategy="keep" needs size='),
        ({"strategy": {("g", "no"): 3}}, r"names cells \[\('g', 'no'\)\]; cells of .*'f', 'no'"),
        ({"strategy": {("f", "no"): 3}}, "less than the 4 images"),
        ({"strategy": {("f", "no"): "3"}}, "a size .whole. or a factor"),
        ({"strategy": {("f", "no"): 5}, "size": 30}, "size= goes with a named strategy"),
        ({"size": 14}, "size=14 is less than the 15 images"),
        ({"size": -1}, "size must be"),
        ({"size": 2}, r"size=2 is less .* none is dropped \(an integer is a size, a float a"),
        ({"size": 0.5}, "size=8 is less than the 15 images"),
        ({"size": 30.0}, "is a float, so a factor: for a number .* an integer, 30"),
        ({"size": "20"}, "size must be"),
        ({"operations": ["rotate"]}, "operations must be a mapping"),
        ({"operations": {"turn": 1}}, r"\['turn'\] are unknown"),
        ({"operations": {"x": {"rotate": 1}}}, r"operations name \['x'\]; groups: .*'f'"),
        ({"operations": {"f": {"rotate": -1}}}, "rotate must be"),
        ({"value_range": (0, 0.5)}, "around the pixels"),
        ({"value_range": (1, 0)}, "around the pixels"),
        ({"padding": "wrap"}, "padding"),
        ({"change": "some"}, "change must be one of"),
        ({"device": "none"}, "device"),
        ({"groups": GROUPS[:-1]}, "inconsistent|rows|length"),
        ({"y": LABELS[:-1], "X": some_images()}, "inconsistent"),
        ({"y": np.linspace(0, 1, 15)}, "continuous"),
        ({"X": some_images().reshape(15, -1)}, "must be images"),
        ({"X": pd.DataFrame(some_images().reshape(15, -1))}, "is a table"),
        ({"X": some_images(shape=(8, 8, 3))}, "channels last: np.moveaxis"),
        ({"X": np.full((15, 4, 4), np.nan)}, "X contains NaN.$"),
        ({"X": np.full((15, 4, 4), "a")}, "holds text, not pixels"),
        ({"X": [f"{i}.png" for i in range(15)]}, "names files, read them first"),
        ({"X": pd.Series([Path(f"{i}.png") for i in range(15)])}, "names files, read them first"),
        ({"X": [np.zeros((4, 4))] * 14 + [np.zeros((4, 5))]}, "must have one shape"),
        ({"X": some_images() > 0.5}, "pixels must be integers or floats"),
        ({"X": np.empty((15, 0, 4))}, "shape"),
        ({"sensitive_features": "sex"}, "twice"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        augment(**options)


def test_a_far_goal_warns():
    with pytest.warns(UserWarning, match=r"\[\('f', 'yes'\)\] of .* more than 20 times"):
        augment(strategy={("f", "yes"): 25.0})


def test_totals_are_met_whatever_cells_are_like():
    rng = np.random.default_rng(0)
    for _ in range(50):
        sizes = rng.integers(1, 40, size=(3, 2)).astype(float)
        total = sizes.sum() * rng.uniform(1, 4)
        for strategy in ("balance", "parity", "size", "keep"):
            growth = cell_growth(sizes, strategy, total, "abc", "xy")
            assert growth.min() >= 1
            assert (growth * sizes).sum() == pytest.approx(total)
        grown = sizes * cell_growth(sizes, "balance", total, "abc", "xy")
        level = grown[grown > sizes * (1 + 1e-9)]
        np.testing.assert_allclose(level, grown.min())  # who lacks most grows first


def test_around_an_estimator_it_augments_in_fit():
    net = FairNetClassifier(strength=0, hidden_sizes=[4], max_epochs=2, device="cpu")
    model = TargetedAugmenter(net, random_state=0, device="cpu")
    model.fit(some_images(), LABELS, sensitive_features=GROUPS)
    assert counts(model) == [[6, 6], [6, 6]]
    assert set(model.predict(some_images())) <= {"no", "yes"}
    assert not hasattr(model, "fit_resample")


def test_it_is_cloned_and_pickled():
    augmenter = TargetedAugmenter(operations={"rotate": 5}, strategy={("f", "yes"): 3})
    for same in (clone(augmenter), pickle.loads(pickle.dumps(augmenter))):
        assert same.get_params() == augmenter.get_params()
    assert TargetedAugmenter().set_params(size=3).size == 3


def bound(strategy="balance", **options):
    rows = (some_images(), (LABELS == "yes").astype(int), (GROUPS == "m").astype(int))
    augmenter = TargetedAugmenter(strategy=strategy, operations={"flip_horizontal": 1}, **options)
    return augmenter.for_batches(*rows, groups=["f", "m"], classes=["no", "yes"])


def test_in_batches_all_cells_change_by_the_share_of_copies_alike():
    change, n = bound(), 8000
    images = torch.arange(2.0).expand(n, 1, 1, 2) / 2
    codes = torch.arange(n) % 2
    y = torch.arange(n) // 2 % 2
    turned = (change(images, y, codes, 0) != images).flatten(1).any(1).double()
    shares = [[float(turned[(codes == g) & (y == c)].mean()) for c in (0, 1)] for g in (0, 1)]
    np.testing.assert_allclose(shares, 90 / 240, atol=0.04)


def test_in_batches_empty_cells_are_no_trouble_and_balance_leaves_nothing_to_change():
    rows = (some_images(3), np.array([0, 1, 1]), np.array([0, 0, 1]))
    names = {"groups": ["f", "m"], "classes": [0, 1]}
    tensors = [torch.from_numpy(part) for part in rows]
    with pytest.warns(UserWarning, match=r"no cell lacks images, .* size=1.5 makes it a third"):
        change = TargetedAugmenter().for_batches(*rows, **names)
    assert torch.equal(change(*tensors, 0), tensors[0])
    change = TargetedAugmenter(size=2.0).for_batches(*rows, **names)
    some = torch.from_numpy(np.random.default_rng(0).random((3000, 3, 6, 6)))
    zeros = torch.zeros(3000, dtype=int)
    turned = (change(some, zeros, zeros, 0) != some).flatten(1).any(1).double()
    assert turned.mean() == pytest.approx(0.5, abs=0.04)


def test_in_batches_the_network_has_estimator_and_groups():
    with pytest.raises(ValueError, match="no estimator of its own"):
        bound(estimator=FairNetClassifier())
    with pytest.raises(ValueError, match="no sensitive_features of its own: give them to the net"):
        bound(sensitive_features=lambda X: X[:, 0, 0, 0] > 0.5)
    rows = (some_images(4), np.arange(4) % 2, np.arange(4) // 2)
    names = {"groups": ["f", "<missing>"], "classes": [0, 1]}
    with pytest.raises(ValueError, match='missing="raise"'):
        TargetedAugmenter(missing="raise", size=2.0).for_batches(*rows, **names)
    for size in (2.0, 30.0):  # no copies are made, so any factor will do
        TargetedAugmenter(size=size).for_batches(*rows, **names)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_copies_of_a_gpu_are_those_of_the_cpu():
    _, X, _ = augment(device="cpu")
    _, same, _ = augment(device="cuda")
    np.testing.assert_allclose(X, same, atol=1e-4)
