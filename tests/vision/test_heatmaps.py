from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
pytest.importorskip("captum")

from networks import SmallCNN, images  # noqa: E402
from skorch import NeuralNetClassifier  # noqa: E402
from torch import nn  # noqa: E402

from skfair.datasets import make_colored_digits  # noqa: E402
from skfair.finetuning import BiasGradientFineTuner  # noqa: E402
from skfair.groups import Groups  # noqa: E402
from skfair.inprocessing import FairNetClassifier, GroupDROClassifier  # noqa: E402
from skfair.vision import ActivationMaximizer, Heatmaps  # noqa: E402
from skfair.vision._map_sums import MapSums  # noqa: E402
from skfair.vision._map_tables import Cells, choose_n_permutations  # noqa: E402
from skfair.vision._map_tests import (  # noqa: E402
    difference_of_means,
    mean_limits,
    permutation_distances,
    sign_flip_pvalue,
)
from skfair.vision._regions import read_regions  # noqa: E402

METHODS = ("integrated_gradients", "occlusion", "grad_cam", "hires_cam")
X, Y, GROUP = images(40)
CORNER = (3, 3, 4, 4)


class Weighted(nn.Module):
    """One score, the sum of pixels by weights: every method has its answer by hand."""

    def __init__(self, weights):
        super().__init__()
        self.pass_on = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.ones_(self.pass_on.weight)
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float32))

    def forward(self, x):
        return (self.pass_on(x) * self.weights).sum(dim=(1, 2, 3))


class Breaking(SmallCNN):
    """Breaks while it works on the batch that holds a certain number of images."""

    def forward(self, x):
        out = super().forward(x)
        if len(x) > 2:
            raise FloatingPointError("broken on purpose")
        return out


def n_hooks(module):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(part, kind)) for part in module.modules() for kind in kinds)


def quick(net, **options):
    return Heatmaps(net, **{"n_permutations": 99, "random_state": 0, **options})


# maps by hand


@pytest.mark.parametrize(
    ("method", "weights", "expected"),
    [
        # the gradient is the weight, the way from 0 is the pixel: |weight * pixel|
        ("integrated_gradients", [[3.0, -1.0], [0.0, 0.0]], [[0.75, 0.25], [0, 0]]),
        # hiding takes weight * pixel away, and what falls below 0 is no attention
        ("occlusion", [[3.0, -1.0], [1.0, 0.0]], [[0.75, 0], [0.25, 0]]),
        # HiResCAM is gradient times map at each place
        ("hires_cam", [[3.0, -1.0], [1.0, 0.0]], [[0.75, 0], [0.25, 0]]),
        # Grad-CAM knows the mean gradient only: the map is as bright as the image
        ("grad_cam", [[3.0, -1.0], [1.0, 0.0]], [[0.25, 0.25], [0.25, 0.25]]),
    ],
)
def test_maps_by_hand(method, weights, expected):
    pixels = np.ones((3, 1, 2, 2), dtype=np.float32)
    maps = quick(Weighted(weights), method=method, baseline=0.0, window=1, classes=["no", "yes"])
    with pytest.warns(UndefinedMetricWarning, match="one group only"):
        maps.fit(pixels, ["yes"] * 3, sensitive_features=["a"] * 3, regions=(0, 0, 1, 2))
    assert_allclose(maps.maps_[0, 0, 0], expected, atol=1e-6)
    assert maps.classes_ == ["yes"]
    assert_allclose(maps.attention_["share"], np.sum(expected[0]), atol=1e-6)
    assert_allclose(maps.attention_["area"], 0.5)
    assert_array_equal(maps.pictures_[0, 0], np.ones((2, 2)))
    assert len(maps.distances_) == 0


def test_of_one_output_the_first_class_is_its_negative():
    pixels = np.ones((2, 1, 2, 2), dtype=np.float32)
    maps = quick(Weighted([[3.0, -1.0], [0.0, 0.0]]), method="occlusion", baseline=0.0, window=1)
    maps.fit(pixels, [0, 1])
    assert_allclose(maps.maps_[0, 0], [[[0, 1], [0, 0]], [[1, 0], [0, 0]]])


def test_occlusion_moves_its_square_by_the_stride():
    pixels = np.ones((2, 1, 4, 4), dtype=np.float32)
    weights = np.arange(16.0).reshape(4, 4)
    maps = quick(Weighted(weights), method="occlusion", baseline=0.0, window=2, stride=2)
    maps.fit(pixels, [1, 1])
    blocks = weights.reshape(2, 2, 2, 2).sum(axis=(1, 3))  # what hiding each square takes away
    assert_allclose(maps.maps_[0, 0, 0], np.kron(blocks, np.ones((2, 2))) / (4 * 120), atol=1e-6)


def test_by_default_a_sixth_of_the_side_is_hidden_and_moved_by_half_of_that():
    pixels = np.random.default_rng(0).random((2, 1, 24, 25)).astype(np.float32)
    net = Weighted(np.random.default_rng(1).random((24, 25)))
    default, told, other = (
        quick(net, method="occlusion", baseline=0.0, **options).fit(pixels, [1, 1]).maps_
        for options in ({}, {"window": 4, "stride": 2}, {"window": 4, "stride": 1})
    )
    assert_array_equal(default, told)
    assert not np.allclose(default, other, rtol=1e-3)


def test_integrated_gradients_take_as_many_steps_as_are_asked_for():
    class Power(Weighted):
        def forward(self, x):
            return super().forward(torch.cat([x[..., :1] ** 4, x[..., 1:]], dim=-1))

    pixels = np.ones((1, 1, 1, 2), dtype=np.float32)
    # the gradient of the first pixel is 4 / 8 halfway, where a single step looks, and 1 on average
    for n_steps, first in ((1, 0.5), (4, 1.0)):
        maps = quick(Power([[1.0, 1.0]]), baseline=0.0, n_steps=n_steps).fit(pixels, [1])
        assert_allclose(maps.maps_[0, 0, 0, 0], [first / (first + 1), 1 / (first + 1)], rtol=1e-5)


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_nothing_is_the_mean_colour_by_weight(method):
    pixels = np.array([[[[1.0, 0.0]]], [[[0.0, 0.0]]], [[[9.0, 9.0]]]], dtype=np.float32)
    net, options = Weighted([[1.0, -1.0]]), {"method": method, "window": 1}
    weights = [1, 3, 0]  # the mean is 1 / 8
    told = quick(net, baseline=0.125, **options).fit(pixels[:2], [1, 1], sample_weight=weights[:2])
    for rows in (slice(0, 2), slice(0, 3)):
        own = pixels[rows]
        maps = quick(net, batch_size=1, **options)
        maps.fit(own, [1] * len(own), sample_weight=weights[rows])
        assert_allclose(maps.maps_, told.maps_, atol=1e-6)
    colour = np.concatenate([np.ones((1, 3, 1, 2)), np.zeros((1, 3, 1, 2))]).astype(np.float32)
    colour[:, 1] = 0.7  # is its own mean, so nothing changes there
    three = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.Flatten(), nn.Linear(2, 2))
    nn.init.constant_(three[0].weight, 0.0)
    three[0].weight.data[0, 1] = 1.0
    with pytest.warns(UndefinedMetricWarning, match="no map"):
        quick(three, **options).fit(colour, [1, 1])


def test_weights_say_how_much_an_image_counts():
    pixels = np.array([[[[1.0, 0.0]]], [[[0.0, 1.0]]], [[[0.0, 1.0]]]], dtype=np.float32)
    maps = quick(Weighted([[1.0, 1.0]]), baseline=0.0)
    maps.fit(pixels, [1, 1, 1], regions=(0, 0, 1, 1), sample_weight=[3, 1, 0])
    assert_allclose(maps.maps_[0, 0, 0], [[0.75, 0.25]])
    assert_allclose(maps.attention_["share"], 0.75)
    assert maps.attention_["n"].tolist() == [2]
    assert_allclose(maps.shares_[("input", "region")], [1, 0, 0])


def test_maps_without_attention_count_in_no_mean_and_are_counted():
    pixels = np.array([[[[1.0, 0.0]]], [[[0.0, 0.0]]], [[[0.0, 0.0]]]], dtype=np.float32)
    maps = quick(Weighted([[1.0, 1.0]]), baseline=0.0)
    with pytest.warns(UndefinedMetricWarning, match=r"no map of .*\('b', 1\)"):
        maps.fit(pixels, [1, 1, 1], sensitive_features=["a", "a", "b"], regions=(0, 0, 1, 1))
    found = maps.attention_.set_index("group")
    assert found["n_undefined"].to_dict() == {"all": 2, "a": 1, "b": 1}
    assert found["share"]["a"] == 1
    assert np.isnan(found["share"]["b"])
    assert np.isnan(maps.maps_[0, 1]).all()


def test_a_region_may_be_one_for_each_image():
    pixels = np.array([[[[1.0, 0.0]]], [[[0.0, 1.0]]]], dtype=np.float32)
    maps = quick(Weighted([[1.0, 1.0]]), baseline=0.0)
    maps.fit(pixels, [1, 1], regions={"own": pixels[:, 0], "left": (0, 0, 1, 1)})
    assert_allclose(maps.shares_.to_numpy(), [[1, 1], [1, 0]])


# statistics by hand


def test_distances_by_hand():
    values = np.array([[1.0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]])
    codes = np.array([0, 0, 1, 1])
    rng = np.random.default_rng(0)
    over, own = permutation_distances(
        values, np.zeros(4, int), codes, np.ones(4), n_permutations=2999, rng=rng
    )
    # means (.5, .5, 0) and (0, .5, .5); of the three splits in pairs two have it, one has 1
    assert over.distance == own.distance == 0.5
    assert_allclose(own.expected, (0.5 + 0.5 + 1) / 3, atol=0.02)
    assert own.pvalue == 1
    assert (over.stratum, own.stratum) == (-1, 0)


def test_distances_over_classes_are_weighted_by_both_groups():
    values = np.array([[0.0], [4.0], [0.0], [1.0], [3.0], [5.0]])
    strata, codes = np.array([0, 0, 1, 1, 1, 1]), np.array([0, 1, 0, 1, 1, 1])
    weights = np.array([1.0, 3, 2, 1, 1, 4])
    rng = np.random.default_rng(0)
    over, first, second = permutation_distances(
        values, strata, codes, weights, n_permutations=9, rng=rng
    )
    assert (first.distance, second.distance) == (4.0, 4.0)  # the latter's mean is (1 + 3 + 20) / 6
    assert over.distance == pytest.approx(4.0)
    values[1] = 8  # 1 * 3 / 4 of 8, and 2 * 6 / 8 of 4
    over = permutation_distances(values, strata, codes, weights, n_permutations=9, rng=rng)[0]
    assert over.distance == pytest.approx((0.75 * 8 + 1.5 * 4) / 2.25)


def shares_of_level(make, n=150, n_permutations=59):
    """Share of p-values of the first two groups of at most .05."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(n):
        values, codes, weights = make(rng)
        strata = np.zeros(len(codes), int)
        found = permutation_distances(
            values, strata, codes, weights, n_permutations=n_permutations, rng=rng
        )
        hits += next(o.pvalue for o in found if (o.group_a, o.group_b) == (0, 1)) <= 0.05
    return hits / n


def test_a_third_group_has_no_say_in_the_distance_of_two():
    def even(rng):  # the first two are alike, the third is frequent and elsewhere
        values = np.concatenate([rng.dirichlet(np.ones(4) / 2, 20), [[0.7, 0.1, 0.1, 0.1]] * 200])
        return values, np.repeat([0, 1, 2], [10, 10, 200]), np.ones(220)

    def noisy(rng):  # the first two differ, the third is spread widely
        parts = rng.normal(0.5, 0.05, 30), rng.normal(0.6, 0.05, 30), rng.choice([0.0, 5.0], 200)
        return np.concatenate(parts)[:, None], np.repeat([0, 1, 2], [30, 30, 200]), np.ones(260)

    assert 0.005 < shares_of_level(even) < 0.11
    assert shares_of_level(noisy, n=20) == 1


def test_pvalues_hold_their_level_where_weights_go_with_groups():
    def make(rng):
        weights = np.concatenate([rng.exponential(size=20) ** 4 + 1e-3, np.ones(200)])
        return rng.dirichlet(np.ones(4), 220), np.repeat([0, 1], [20, 200]), weights

    assert 0.005 < shares_of_level(make) < 0.09


def test_pvalues_are_adjusted_over_classes_and_by_class_apart():
    rng = np.random.default_rng(0)
    many = np.tile(X, (3, 1, 1, 1))
    group = rng.choice(list("abc"), len(many))
    y = rng.integers(2, size=len(many))
    many[group == "a", :, :2] += 0.1
    found = quick(SmallCNN(2), n_permutations=499).fit(many, y, sensitive_features=group)
    table = found.distances_
    assert table["class"].tolist() == ["all"] * 3 + [0] * 3 + [1] * 3
    for family in (table[table["class"] == "all"], table[table["class"] != "all"]):
        pvalues = np.sort(family["pvalue"])
        steps = np.maximum.accumulate(pvalues * np.arange(len(pvalues), 0, -1)).clip(max=1)
        assert_allclose(np.sort(family["adjusted_pvalue"]), steps)
    assert (table["adjusted_pvalue"] > table["pvalue"]).any()


def test_there_are_so_many_permutations_that_pvalues_survive():
    n = 240
    cells = Cells(Groups.read(np.arange(n) % 4), np.arange(n) // 4 % 10, range(10), np.ones(n))
    assert choose_n_permutations(None, cells, 0.05) == 50 * 60 - 1
    assert choose_n_permutations(1999, cells, 0.05) == 1999
    with pytest.warns(UserWarning, match=r"are 60 distances .* 999 permutations .* below 0.06:"):
        choose_n_permutations(999, cells, 0.05)
    few = Cells(Groups.read(np.arange(n) % 2), np.arange(n) // 2 % 10, range(10), np.ones(n))
    assert choose_n_permutations(None, few, 0.05) == 999
    weights = np.where(np.arange(n) % 4 == 3, 0.0, 1.0)
    three = Cells(cells.groups, cells.codes, range(10), weights)  # 3 pairs in 10 classes
    assert choose_n_permutations(None, three, 0.05) == 50 * 30 - 1


def test_groups_are_permuted_within_classes_only():
    # a class makes all the difference, and groups differ in classes
    strata = np.repeat([0, 1], [40, 40])
    codes = np.concatenate([np.arange(40) % 10 == 0, np.arange(40) % 10 > 0]).astype(int)
    values = strata[:, None] + 0.1 * np.random.default_rng(0).normal(size=(80, 1))
    rng = np.random.default_rng(1)
    found = permutation_distances(values, strata, codes, np.ones(80), n_permutations=199, rng=rng)
    assert found[0].distance < 0.1
    assert found[0].pvalue > 0.05


def test_pvalues_hold_their_level_under_no_difference():
    rng = np.random.default_rng(0)
    pvalues = []
    for _ in range(200):
        values = rng.dirichlet(np.ones(4), 30)
        codes = rng.permutation(np.arange(30) % 3 == 0).astype(int)
        strata = rng.integers(2, size=30)
        found = permutation_distances(
            values, strata, codes, rng.exponential(size=30), n_permutations=59, rng=rng
        )
        pvalues.append(found[0].pvalue)
    assert 0.01 < np.mean(np.array(pvalues) <= 0.05) < 0.1
    assert 0.4 < np.mean(pvalues) < 0.6


def test_intervals_of_shares_cover_their_mean():
    rng = np.random.default_rng(0)
    hits, n = 0, 400
    for _ in range(n):
        limits = mean_limits(rng.beta(0.3, 3, size=25), np.ones(25), 0.95)
        hits += limits.low <= 0.3 / 3.3 <= limits.high
    assert hits / n >= 0.93
    assert_array_equal(np.isnan(mean_limits(np.ones(1), np.ones(1), 0.95)), [False, True, True])
    none = mean_limits(np.zeros(9), np.ones(9), 0.95)
    assert none.low == 0 < none.high


def test_paired_changes_by_hand():
    mean, low, high = difference_of_means(np.array([1.0, 2.0, 3.0]), np.ones(3), 0.95)
    assert (mean, round(high - mean, 3)) == (2.0, 2.484)  # 4.303 / sqrt(3)
    assert_allclose(mean - low, high - mean)
    p = sign_flip_pvalue(np.ones(8), np.ones(8), 9999, np.random.default_rng(0))
    assert_allclose(p, 2 / 2**8, atol=0.004)
    light = np.repeat([1.0, 1e-6], [6, 2])  # the two that fall hardly count
    p = sign_flip_pvalue(np.repeat([1.0, -1.0], [6, 2]), light, 9999, np.random.default_rng(0))
    assert_allclose(p, 2 / 2**6, atol=0.02)


def test_small_maps_keep_as_much_attention_as_pixels_hold():
    def distance(*places):
        maps = torch.zeros(2, 12, 12)
        for image, (row, column) in zip((0, 0, 1, 1), places, strict=True):
            maps[image, row, column] += 0.5
        sums = MapSums(1, 1, 2, (12, 12), 8, {})
        sums.add(0, np.arange(2), maps, np.zeros(2, int), np.ones(2))
        return np.abs(sums.small[0, 0] - sums.small[0, 1]).sum() / 2

    # cells are 1.5 pixels wide, and half of the attention moves far away
    for moved in [((0, 0), (1, 1), (0, 0), (6, 6)), ((4, 4), (1, 0), (4, 4), (10, 7))]:
        assert distance(*moved) == pytest.approx(0.5)


def test_maps_leave_their_device_before_they_are_doubled():
    class OnMps:
        def __init__(self, maps):
            self.maps = maps

        def detach(self):
            return self

        def cpu(self):
            return self.maps

        def double(self):
            raise TypeError("MPS has no float64")

    sums = MapSums(1, 1, 2, (3, 3), 8, {})
    sums.add(0, np.arange(2), OnMps(torch.ones(2, 3, 3)), np.zeros(2, int), np.ones(2))
    assert_allclose(sums.means()[0], 1 / 9)


def test_batches_make_no_difference():
    sums = []
    maps = torch.rand(7, 6, 5)
    cells = np.array([0, 1, 1, 0, 2, 2, 1])
    regions = read_regions((0, 0, 2, 2), 7, (6, 5))
    for parts in ([np.arange(7)], [np.arange(3), np.arange(3, 7)]):
        sums.append(MapSums(1, 3, 7, (6, 5), 4, regions))
        for rows in parts:
            sums[-1].add(0, rows, maps[rows], cells[rows], np.ones(len(rows)))
    assert_allclose(sums[0].means()[0], sums[1].means()[0])
    assert_allclose(sums[0].means()[0].sum(axis=(-2, -1)), 1)
    assert_allclose(sums[0].small.sum(axis=-1), 1, rtol=1e-6)
    assert_array_equal(sums[0].small, sums[1].small)


# whatever the network is


@pytest.mark.parametrize("method", METHODS)
def test_batch_size_and_an_odd_index_change_nothing(method):
    torch.manual_seed(0)
    net = SmallCNN(2)
    index = np.random.default_rng(0).permutation(len(X))
    whole = quick(net, method=method).fit(X, Y, sensitive_features=GROUP, regions=CORNER)
    parts = quick(net, method=method, batch_size=7).fit(
        X,
        pd.Series(Y, index=index),
        sensitive_features=pl.Series("g", GROUP),
        regions={"region": CORNER},
    )
    assert_allclose(whole.maps_, parts.maps_, atol=1e-7)
    assert_allclose(whole.shares_, parts.shares_, atol=1e-6)
    assert_allclose(whole.distances_["distance"], parts.distances_["distance"], atol=1e-5)
    assert whole.maps_.shape == (1, 2, 2, 4, 4)
    again = quick(net, method=method).fit(X, Y, sensitive_features=GROUP, regions=CORNER)
    pd.testing.assert_frame_equal(whole.distances_, again.distances_)
    pd.testing.assert_frame_equal(whole.attention_, again.attention_)


def test_nets_of_all_kinds_give_the_same_maps():
    fair = FairNetClassifier(
        module=SmallCNN, strength=0, max_epochs=1, random_state=0, device="cpu"
    )
    fair.fit(X, Y, sensitive_features=GROUP)
    module = fair.net_.module_
    net = NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, verbose=0).initialize()
    net.module_.load_state_dict(module.state_dict())
    expected = quick(module).fit(X, Y).maps_
    for kind in (fair, FrozenEstimator(fair), net):
        assert_allclose(quick(kind).fit(X, Y).maps_, expected, atol=1e-7)
    assert_allclose(quick(module, device="cpu").fit(X.astype(np.float64), Y).maps_, expected)


def test_labels_follow_the_network():
    net = FairNetClassifier(module=SmallCNN, strength=0, max_epochs=1, random_state=0, device="cpu")
    words = np.where(Y == 1, "cat", "dog")  # the other way round than codes
    net.fit(X, words, sensitive_features=GROUP)
    maps = quick(net).fit(X, words)
    codes = quick(net.net_.module_).fit(X, 1 - Y)
    assert maps.classes_ == ["cat", "dog"]
    assert_allclose(maps.maps_, codes.maps_)
    with pytest.raises(ValueError, match=r"'bird'\], which the network doesn't know"):
        quick(net).fit(X, ["bird"] * len(X))
    one = quick(net).fit(X[:5], ["dog"] * 5)
    assert one.classes_ == ["dog"]


def test_without_labels_cells_are_of_predicted_classes():
    net = SmallCNN(3)
    with torch.no_grad():
        predicted = net(torch.from_numpy(X)).argmax(1).numpy()
    maps = quick(net).fit(X)
    assert maps.classes_ == np.unique(predicted).tolist()
    assert_allclose(maps.maps_, quick(net).fit(X, predicted).maps_)
    told = quick(net, target="predicted").fit(X, np.zeros(len(X), int))
    assert told.classes_ == [0]
    assert not np.allclose(told.maps_, quick(net).fit(X, np.zeros(len(X), int)).maps_)


def test_one_output_is_cut_where_its_kind_says():
    pixels = np.array([-1.0, 0.25, 0.75, 2.0], dtype=np.float32).reshape(-1, 1, 1, 1)
    options = {"baseline": -9.0}
    logits = quick(Weighted([[1.0]]), **options).fit(pixels)
    assert logits._record.cells.codes.tolist() == [0, 1, 1, 1]
    told = quick(Weighted([[1.0]]), output="probabilities", **options).fit(pixels)
    assert told._record.cells.codes.tolist() == [0, 0, 1, 1]
    squashed = quick(nn.Sequential(Weighted([[1.0]]), nn.Sigmoid()), **options).fit(pixels)
    assert squashed._record.cells.codes.tolist() == [0, 1, 1, 1]


def test_several_layers_and_the_default_one():
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 3, 2), nn.ReLU(inplace=True), nn.Conv2d(3, 3, 2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(3, 4, 2), nn.Flatten(), nn.Linear(4, 2)),
    )
    default = quick(net, method="hires_cam").fit(X, Y)
    assert default.layer_names_ == ["2"]  # the last convolution's map is one pixel
    both = quick(net, method="hires_cam", layers=["0", "2"]).fit(X, Y, regions=CORNER)
    assert_allclose(both.maps_[1], default.maps_[0])
    assert both.attention_["layer"].unique().tolist() == ["0", "2"]
    assert both.shares_.columns.names == ["layer", "region"]


def test_single_channel_images_and_linear_networks():
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    flat = quick(net).fit(X[:, 0], Y)
    assert_allclose(flat.maps_, quick(net).fit(X, Y).maps_, atol=1e-7)
    assert quick(net, method="occlusion").fit(X[:, 0], Y).maps_.shape == (1, 1, 2, 4, 4)


# the network is as it was


@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_left_as_it_was(method):
    net = SmallCNN(2)
    net.out.eval()
    net.conv.weight.requires_grad_(False)
    net.conv.register_forward_hook(lambda *_: None)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    drawn = torch.random.get_rng_state()
    quick(net, method=method).fit(X, Y, sensitive_features=GROUP)
    assert n_hooks(net) == 1
    assert (net.training, net.conv.training, net.out.training) == (True, True, False)
    assert all(p.grad is None for p in net.parameters())
    assert not net.conv.weight.requires_grad
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), drawn)


@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_left_as_it_was_when_it_breaks(method):
    net = Breaking(2)
    net.out.eval()
    with pytest.raises(FloatingPointError, match="on purpose"):
        quick(net, method=method).fit(X, Y, sensitive_features=GROUP)
    assert n_hooks(net) == 0
    assert (net.training, net.conv.training, net.out.training) == (True, True, False)


@pytest.mark.parametrize("method", METHODS)
def test_networks_are_explained_as_they_predict(method):
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(), SmallCNN(2))
    state = {name: value.clone() for name, value in net.state_dict().items()}
    one, two = (quick(net, method=method).fit(X, Y).maps_ for _ in range(2))
    assert_array_equal(one, two)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert_array_equal(quick(net.eval(), method=method).fit(X, Y).maps_, one)


def test_networks_in_no_grad_and_frozen_ones_are_explained():
    net = SmallCNN(2).requires_grad_(False)
    expected = quick(net, method="grad_cam").fit(X, Y).maps_
    with torch.no_grad():
        assert_allclose(quick(net, method="grad_cam").fit(X, Y).maps_, expected)


class Below(nn.Module):
    """Works in place on what it is given, or doesn't."""

    def __init__(self, in_place):
        super().__init__()
        self.net, self.in_place = SmallCNN(2), in_place

    def forward(self, x):
        return self.net(x.sub_(0.5) if self.in_place else x - 0.5)


@pytest.mark.parametrize("method", METHODS)
def test_networks_that_work_in_place_are_explained_and_images_stay(method):
    maps, pictures = [], []
    before = X.copy()
    for in_place in (True, False):
        torch.manual_seed(0)
        layers = "net.conv" if method in METHODS[2:] else None
        found = quick(Below(in_place), method=method, layers=layers).fit(X, Y)
        maps.append(found.maps_)
        pictures.append(found.pictures_)
    assert_array_equal(X, before)
    assert_allclose(*maps, atol=1e-6)
    assert_array_equal(*pictures)


@pytest.mark.parametrize("where", [{"unit": 1}, {"layer": "net.conv", "unit": 2}])
def test_what_excites_networks_that_work_in_place(where):
    found = []
    for in_place in (True, False):
        torch.manual_seed(0)
        options = {"max_iter": 5, "n_restarts": 2, "random_state": 0, **where}
        found.append(ActivationMaximizer(Below(in_place), **options).fit(X))
    assert found[0].value_range_ == found[1].value_range_ == (X.min(), X.max())
    assert_allclose(found[0].images_, found[1].images_, atol=1e-5)
    assert_allclose(found[0].data_activations_, found[1].data_activations_, atol=1e-5)


def test_a_pipeline_may_make_the_images():
    net = FairNetClassifier(module=SmallCNN, strength=0, max_epochs=1, random_state=0, device="cpu")
    net.fit(X, Y, sensitive_features=GROUP)
    make = FunctionTransformer(lambda rows: np.asarray(rows, np.float32).reshape(-1, 1, 4, 4))
    rows, expected = X.reshape(len(X), -1), quick(net).fit(X, Y).maps_
    steps = make_pipeline(make.fit(rows), net)
    for kind in (rows, pd.DataFrame(rows), pl.DataFrame(rows)):
        assert_allclose(quick(FrozenEstimator(steps)).fit(kind, Y).maps_, expected, atol=1e-7)
    same = quick(steps).fit(pd.DataFrame(rows), Y, regions=CORNER)
    assert (same.compare(same)["difference"] == 0).all()
    with pytest.raises(ValueError, match="same images"):
        same.compare(quick(steps).fit(pd.DataFrame(rows[::-1]), Y, regions=CORNER))
    with pytest.raises(ValueError, match="must be images of shape"):
        quick(make_pipeline(FunctionTransformer().fit(rows), net.net_.module_)).fit(rows, Y)


# labels


def test_words_need_the_order_of_a_bare_networks_outputs():
    words = np.where(Y == 1, "cat", "dog")
    net = SmallCNN(2)
    for labels in (words, words.astype(object), pd.Series(words)):
        with pytest.raises(ValueError, match=r"\['cat', 'dog'\]: name all in the order of the out"):
            quick(net).fit(X, labels)
    told = quick(net, classes=["dog", "cat"]).fit(X, words)
    assert told.classes_ == ["dog", "cat"]
    assert_allclose(told.maps_, quick(net).fit(X, Y).maps_)
    one = nn.Sequential(net, nn.Linear(2, 1))
    with pytest.raises(ValueError, match="name all in the order"):
        quick(one).fit(X, words)


def test_numbers_are_positions_or_in_order():
    net = SmallCNN(2)
    expected = quick(net).fit(X, Y).maps_
    for labels in (Y.astype(bool), Y.astype(float), 2 * Y - 1, Y + 1):
        assert_allclose(quick(net).fit(X, labels).maps_, expected)
    three = SmallCNN(3)
    with pytest.warns(UserWarning, match=r"\[1, 2\], which are taken for the outputs at these pos"):
        found = quick(three).fit(X, Y + 1)
    told = quick(three, classes=[0, 1, 2]).fit(X, Y + 1)
    assert_allclose(found.maps_, told.maps_)
    quick(three).fit(X, Y)
    quick(three).fit(X[:4], [2] * 4)


def test_nothing_is_named_all():
    words = np.where(Y == 1, "all", "no")
    with pytest.raises(ValueError, match='a class can\'t be named "all"'):
        quick(SmallCNN(2), classes=["all", "no"]).fit(X, words)
    with pytest.raises(ValueError, match='a group can\'t be named "all"'):
        quick(SmallCNN(2)).fit(X, Y, sensitive_features=words)


def test_whole_numbers_are_taken_with_a_warning():
    whole = np.rint(255 * (X - X.min()) / np.ptp(X)).astype(np.uint8)
    with pytest.warns(UserWarning, match="whole numbers up to 255, which the network gets"):
        quick(SmallCNN(2)).fit(whole, Y)
    quick(SmallCNN(2)).fit((whole > 99).astype(np.uint8), Y)


# refused


def test_the_layer_that_cannot_be_taken_is_told_with_those_that_can():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(ValueError, match='no layer gives maps: take method="integrated'):
        quick(flat, method="grad_cam").fit(X, Y)
    odd = nn.Sequential(nn.Upsample(scale_factor=2), nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(ValueError, match=r"set layers; layers that give maps are \['0'\]"):
        quick(odd, method="grad_cam").fit(X, Y)
    assert quick(odd, method="grad_cam", layers="0").fit(X, Y).layer_names_ == ["0"]
    with pytest.raises(ValueError, match=r"no layer 'body': it has \['conv', 'out'\]"):
        quick(SmallCNN(2), method="grad_cam", layers="body").fit(X, Y)
    with pytest.raises(ValueError, match=r"'out' gives no maps .* are \['conv'\]"):
        quick(SmallCNN(2), method="grad_cam", layers=["out"]).fit(X, Y)
    with pytest.raises(ValueError, match=r"different names, got \['conv', 'conv'\]"):
        quick(SmallCNN(2), method="grad_cam", layers=["conv", "conv"]).fit(X, Y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "saliency"}, "method must be one of"),
        ({"target": "best"}, "target must be one of"),
        ({"layers": "conv"}, "layers are for"),
        ({"grid": 0}, "grid must be an integer"),
        ({"n_permutations": 0}, "n_permutations must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"window": 1.5}, "window must be"),
        ({"baseline": np.nan}, "baseline must be"),
        ({"baseline": "black"}, "baseline must be a finite number or None, got 'black'"),
        ({"baseline": (0, 0, 0)}, "baseline must be a finite number"),
        ({"confidence_level": 1}, "confidence_level must be"),
        ({"missing": "drop"}, "missing must be"),
        ({"classes": [1, 2, 3]}, "scores of 2 classes, and there are 3"),
        ({"device": "nowhere"}, "device must be"),
    ],
)
def test_parameters_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Heatmaps(SmallCNN(2), **options).fit(X, Y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": X[:, 0, 0]}, "must be images of shape"),
        ({"X": pd.DataFrame(X[:, 0, 0])}, "X is a table"),
        ({"X": X[:0]}, "must be images of shape"),
        ({"X": np.zeros((40, 8, 9, 3))}, r"channels last: np.moveaxis\(X, -1, 1\)"),
        ({"X": [f"{i}.png" for i in range(40)]}, "names files, read them first"),
        ({"X": np.zeros((3, 4, 4)), "y": [1]}, r"y has one label, .* X\[None\] makes it a set"),
        ({"X": np.concatenate([X, X], axis=1)}, r"can't take images of the shape \(2, 4, 4\)"),
        ({"X": np.where(np.arange(len(X))[:, None, None, None] == 30, np.nan, X)}, "contains NaN"),
        ({"X": [np.zeros((1, 4, 4)), np.zeros((1, 4, 5))]}, "one shape"),
        ({"y": Y[:-1]}, "inconsistent numbers of samples"),
        ({"y": np.where(Y == 1, np.nan, 0)}, "contains NaN"),
        ({"y": np.arange(len(Y)) % 3}, r"2 classes, and y has 3, \[0, 1, 2\]: name all"),
        ({"y": ["yes"] * len(Y)}, "name all in the order of the outputs"),
        ({"sensitive_features": GROUP[:-1]}, "inconsistent numbers of samples"),
        ({"sample_weight": -np.ones(len(X))}, "Negative values"),
        ({"sample_weight": np.zeros(len(X))}, "all sample weights are zero"),
        ({"regions": (0, 0, 5, 1)}, "within 4 x 4 pixels"),
        ({"regions": (2, 0, 2, 1)}, "within 4 x 4 pixels"),
        ({"regions": (0, 0, 1)}, "must be .top, left"),
        ({"regions": np.ones((3, 4))}, r"must have the shape \(4, 4\) or \(40, 4, 4\)"),
        ({"regions": {"eye": np.full((4, 4), 0.5)}}, "mask of 'eye' must hold true and false"),
        ({"regions": np.zeros((4, 4))}, "has no pixel"),
        ({"regions": {"map": (0, 0, 1, 1)}}, "can't be named"),
    ],
)
def test_what_cannot_be_read_is_refused(change, message):
    data = {"X": X, "y": Y, "sensitive_features": GROUP, **change}
    net = SmallCNN(2)
    with pytest.raises(ValueError, match=message):
        quick(net).fit(data.pop("X"), **data)
    assert n_hooks(net) == 0


def test_networks_that_give_no_scores_are_refused():
    class Pair(SmallCNN):
        def forward(self, x):
            return super().forward(x), x

    with pytest.raises(ValueError, match="it gave tuple"):
        quick(Pair(2)).fit(X, Y)
    with pytest.raises(ValueError, match=r"it gave \(2, 1, 4, 4\)"):
        quick(nn.Conv2d(1, 1, 1)).fit(X, Y)
    net = SmallCNN(2)
    nn.init.constant_(net.out.bias, np.nan)
    with pytest.raises(ValueError, match="NaN or infinite"):
        quick(net).fit(X, Y)
    with pytest.raises(NotFittedError, match="fit it first"):
        quick(NeuralNetClassifier(SmallCNN)).fit(X, Y)
    with pytest.raises(NotFittedError):
        quick(GroupDROClassifier()).fit(X, Y)
    with pytest.raises(NotFittedError):
        quick(BiasGradientFineTuner(SmallCNN(2))).fit(X, Y)


def test_outputs_that_break_down_on_some_images_are_told_with_their_rows():
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x):
            z = (self.weight * x.mean(dim=(1, 2, 3))).sqrt()
            return torch.stack([z, -z], dim=1)

    pixels = np.ones((6, 1, 2, 2), dtype=np.float32)
    pixels[4] = -1
    with pytest.raises(ValueError, match="rows 4 to 5 is NaN"):
        quick(Root(), batch_size=2, baseline=1.0).fit(pixels, [0] * 6)
    with pytest.raises(ValueError, match="outputs that are NaN"):
        quick(Root(), batch_size=2).fit(pixels)


def test_missing_groups_are_a_group_or_refused():
    some = np.where(GROUP == 1, "a", None)
    maps = quick(SmallCNN(2)).fit(X, Y, sensitive_features=some)
    assert maps.group_labels_ == ("a", "<missing>")
    with pytest.raises(ValueError, match="missing"):
        quick(SmallCNN(2), missing="raise").fit(X, Y, sensitive_features=some)
    assert quick(SmallCNN(2)).fit(X, Y).group_labels_ == ("all",)
    by_light = quick(SmallCNN(2), sensitive_features=lambda rows: rows[:, 0, 3, 3] > 0.5)
    assert by_light.fit(X, Y).group_labels_ == (False, True)


def test_it_can_be_cloned():
    maps = quick(SmallCNN(2), grid=3)
    copy = clone(maps)
    assert copy.get_params(deep=False).keys() == maps.get_params(deep=False).keys()
    assert copy.grid == 3
    with pytest.raises(NotFittedError):
        copy.plot()


# what it is for


@pytest.fixture(scope="module")
def shortcut():
    """A network that learnt a patch in the corner, one that learnt less of it, and new images."""
    torch.set_num_threads(1)
    train = make_colored_digits(600, cue="patch", bias=0.95, random_state=0)
    test = make_colored_digits(200, subset="test", cue="patch", bias=0.5, random_state=0)

    class Net(nn.Sequential):
        def __init__(self, n_outputs):
            super().__init__(
                *(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
                *(nn.Linear(200, 16), nn.ReLU(), nn.Linear(16, n_outputs)),
            )

    options = {"lr": 0.01, "max_epochs": 12, "device": "cpu", "random_state": 0}
    plain = FairNetClassifier(module=Net, strength=0, **options)
    fair = GroupDROClassifier(
        module=Net, step_size=0.1, batch_sampling="group_label", weight_decay=1.0, **options
    )
    for net in (plain, fair):
        net.fit(train.images, train.target, sensitive_features=train.groups)
    return plain, fair, test


def test_a_planted_patch_is_seen_and_less_so_after_debiasing(shortcut):
    plain, fair, test = shortcut
    before, after = (
        quick(net, n_steps=12).fit(
            test.images,
            test.target,
            sensitive_features=test.groups,
            regions={"patch": (0, 0, 2, 2), "cue": test.cue_mask},
        )
        for net in (plain, fair)
    )
    distance = before.distances_.query("`class` == 'all'").set_index("of")
    assert distance.loc["map", "adjusted_pvalue"] <= 0.03
    assert (distance["pvalue"] == 0.01).all()
    patch = before.attention_.query("region == 'patch' and group == 'all' and `class` == 'all'")
    assert patch["low"].item() > 1.5 * patch["area"].item()
    assert_allclose(before.shares_[("input", "patch")], before.shares_[("input", "cue")])
    change = before.compare(after).iloc[0]
    assert (change["region"], change["group"], change["class"]) == ("patch", "all", "all")
    assert change["high"] < 0
    assert change["pvalue"] == 0.01
    assert_allclose(change["after"] - change["before"], change["difference"])
    assert_allclose(change["before"], patch["share"])
    back = after.compare(before).iloc[0]
    assert_allclose([back["low"], back["high"]], [-change["high"], -change["low"]])


def test_only_the_same_images_are_compared(shortcut):
    plain, _, test = shortcut
    X, y = test.images[:20], test.target[:20]

    def fitted(X=X, y=y, regions=(0, 0, 2, 2), **options):
        return quick(plain, **{"n_steps": 2, **options}).fit(X, y, regions=regions)

    other = {
        "same images": [fitted(y=1 - y), fitted(X=X[::-1].copy()), fitted(X=X + 1e-3)],
        "same regions": [fitted(regions=(0, 0, 2, 1))],
        "same method: there are 'integ.* and 'occ": [fitted(method="occlusion")],
        "same target: there are 'label' and 'pred": [fitted(target="predicted")],
        "same baseline: there are None and 0.0": [fitted(baseline=0.0)],
    }
    for message, unlike in other.items():
        for maps in unlike:
            with pytest.raises(ValueError, match=message):
                fitted().compare(maps)
    with pytest.raises(ValueError, match="no region"):
        fitted(regions=None).compare(fitted())
    cams = [fitted(method="hires_cam", layers=names) for names in ("0", ["0", "2"])]
    with pytest.raises(ValueError, match="by position"):
        cams[0].compare(cams[1])
    hidden = [fitted(method="occlusion", window=side) for side in (2, 3)]
    with pytest.raises(ValueError, match="same window: there are 2 and 3"):
        hidden[0].compare(hidden[1])
    same = fitted().compare(fitted(X=X.astype(np.float64), n_steps=3))
    assert (same["n"] > 0).any()


def test_a_debiased_network_is_read(shortcut):
    plain, _, test = shortcut
    tuner = BiasGradientFineTuner(
        FrozenEstimator(plain), max_epochs=1, n_steps=2, n_resamples=2, tol=1.0, random_state=0
    )
    tuner.fit(test.images, test.target, sensitive_features=test.groups)
    found = quick(tuner, n_steps=2).fit(test.images[:20], test.target[:20])
    module = quick(tuner.module_, n_steps=2).fit(test.images[:20], test.target[:20])
    assert_allclose(found.maps_, module.maps_)


def test_the_grid_is_drawn(shortcut):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    plain, _, test = shortcut
    maps = quick(plain, n_steps=2).fit(
        test.images[:40],
        test.target[:40],
        sensitive_features=test.groups[:40],
        regions={"$patch": (0, 0, 2, 2)},
    )
    display = maps.plot()
    assert display.axes_.shape == (2, 2)
    assert [panel.get_ylabel() for panel in display.axes_[:, 0]] == ["blue", "orange"]
    assert "class 0, n = " in display.axes_[0, 0].get_title()
    shown = display.axes_[1, 0].images[1].get_array()
    assert_allclose(shown, 144 * maps.maps_[0, 1, 0])
    norm = display.axes_[1, 0].images[1].norm
    assert norm(0) == 0
    assert_allclose(norm(norm.vmax / 16), 0.25)  # what is even shows beside a peak
    assert norm.vmax == pytest.approx(144 * np.nanmax(maps.maps_))
    assert display.axes_[0, 0].get_box_aspect() == 1
    plt.close("all")
    with pytest.raises(ValueError, match="layer must be one of"):
        maps.plot("body")
