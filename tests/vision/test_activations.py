from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, images  # noqa: E402
from torch import nn  # noqa: E402

from skfair.datasets import make_colored_digits  # noqa: E402
from skfair.inprocessing import FairNetClassifier  # noqa: E402
from skfair.vision import ActivationMaximizer  # noqa: E402

X, Y, GROUP = images(40)
FREE = {"l2": 0, "total_variation": 0, "roughness": None, "jitter": 0, "random_state": 0}


class Weighted(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float32))

    def forward(self, x):
        return (x * self.weights).sum(dim=(1, 2, 3))


def n_hooks(module):
    return sum(len(part._forward_hooks) for part in module.modules())


def test_a_linear_score_is_highest_at_the_corners_of_the_range():
    pixels = np.array([0.2, 0.6], dtype=np.float32).reshape(2, 1, 1, 1) * np.ones((2, 1, 1, 3))
    net = Weighted([[1.0, -1.0, 2.0]])
    found = ActivationMaximizer(net, unit=1, n_restarts=2, max_iter=60, **FREE).fit(pixels)
    assert_allclose(found.images_, np.tile([0.6, 0.2, 0.6], (2, 1, 1, 1)), rtol=1e-6)
    assert_allclose(found.activations_, 1.6, rtol=1e-6)
    assert_allclose(found.data_activations_, [0.4, 1.2], rtol=1e-6)
    assert (found.top_row_, found.value_range_) == (1, (pytest.approx(0.2), pytest.approx(0.6)))
    other = ActivationMaximizer(net, unit=0, value_range=(0, 1), n_restarts=1, **FREE).fit(pixels)
    assert_array_equal(other.best_image_, [[[0, 1, 0]]])
    assert other.best_activation_ == 1


def test_the_pull_to_the_mean_by_hand():
    # a = 2 x has mean 1 and standard deviation 1 on {0, 1}: 2 x - 2 (x - 1/2)^2 is highest at 1,
    # and 2 x - 4 (x - 1/2)^2 at 3/4
    pixels = np.array([0.0, 1.0], dtype=np.float32).reshape(2, 1, 1, 1)
    options = {**FREE, "l2": 4.0, "lr": 0.01}
    found = ActivationMaximizer(Weighted([[2.0]]), unit=1, **options).fit(pixels)
    assert_allclose(found.images_.ravel(), 0.75, atol=0.01)


def test_smoothness_pulls_neighbours_together():
    pixels = np.random.default_rng(0).uniform(size=(9, 1, 4, 4)).astype(np.float32)
    weights = np.where(np.indices((4, 4)).sum(0) % 2, 1.0, -0.8).tolist()

    def roughness(strength):
        options = {**FREE, "total_variation": strength}
        found = ActivationMaximizer(Weighted(weights), unit=1, **options).fit(pixels)
        return np.abs(np.diff(found.best_image_)).mean()

    assert roughness(0) > 0.9
    assert roughness(30.0) < 0.5 * roughness(0)


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbours_are_those_below_and_beside(axis):
    pixels = np.random.default_rng(0).uniform(size=(9, 1, 2, 2)).astype(np.float32)
    weights = np.moveaxis(np.array([[1.0, 1.0], [-1.0, -1.0]]), 0, axis).tolist()
    options = {**FREE, "total_variation": 1e3, "n_restarts": 1}
    found = ActivationMaximizer(Weighted(weights), unit=1, **options).fit(pixels)
    assert np.ptp(found.best_image_) < 0.02  # without the pull: 1, along one of both axes


@pytest.mark.parametrize("pull", ["l2", "total_variation"])
def test_the_unit_of_pixels_does_not_matter(pull):
    pixels = np.random.default_rng(0).uniform(size=(9, 1, 3, 3))
    weights = np.where(np.indices((3, 3)).sum(0) % 2, 1.0, -0.8)
    options = {**FREE, pull: 60.0, "n_restarts": 1, "max_iter": 50}
    small, large = (
        ActivationMaximizer(Weighted((weights / unit).tolist()), unit=1, **options)
        .fit((pixels * unit).astype(np.float32))
        .best_image_
        for unit in (1, 100)
    )
    assert_allclose(large / 100, small, atol=1e-3)
    assert np.ptp(small) < 0.9  # the pull counts


def test_images_move_both_ways_along_both_axes_until_the_last_steps(monkeypatch):
    shifts, roll = [], torch.roll
    monkeypatch.setattr(
        torch, "roll", lambda x, by, dims: (shifts.append(by), roll(x, by, dims))[1]
    )
    options = {**FREE, "jitter": 2, "max_iter": 80, "n_restarts": 1}
    ActivationMaximizer(Weighted([[1.0, -1.0], [0.5, 0.0]]), unit=1, **options).fit(
        np.random.default_rng(0).uniform(size=(5, 1, 2, 2)).astype(np.float32)
    )
    early, late = np.array(shifts[:60]), np.array(shifts[60:])
    assert (late == 0).all()
    for axis in (0, 1):
        assert set(early[:, axis].tolist()) == {-2, -1, 0, 1, 2}
    assert (early != 0).any(axis=1).mean() > 0.8


def board(n):
    return (np.indices((n, n)).sum(axis=0) % 2).astype(np.float32)


def roughness_of(images):
    return sum(np.square(np.diff(images, axis=axis)).sum() for axis in (-1, -2)) / images.size


def test_images_are_no_rougher_than_those_given_however_little_a_unit_varies():
    # smooth images, and a unit that likes bright ones a little and chequered ones a lot
    ramp = np.linspace(0, 1, 8, dtype=np.float32)
    shades = np.linspace(0.2, 1, 9, dtype=np.float32)[:, None, None, None]
    pixels = shades * np.broadcast_to(ramp[:, None], (9, 1, 8, 8))
    net = Weighted((1e-3 * (board(8) - 0.4)).tolist())
    options = {"unit": 1, "random_state": 0}
    speckled = ActivationMaximizer(net, roughness=None, **options).fit(pixels)
    most = roughness_of(pixels)
    assert roughness_of(speckled.images_) > 20 * most
    for times in (1.0, 0.5):
        found = ActivationMaximizer(net, roughness=times, **options).fit(pixels)
        assert roughness_of(found.images_) < 1.5 * most
        assert found.activations_.min() > found.data_activations_.max()
    default = ActivationMaximizer(net, **options).fit(pixels)
    assert_array_equal(default.images_, found.images_)


def test_smoothness_ends_where_no_image_would_excite_more_than_those_given():
    # one of the images is a faint chequered one, and nothing else excites
    pixels = np.full((40, 1, 6, 6), 0.5, dtype=np.float32)
    pixels[3, 0] += 0.3 * (board(6) - 0.5)
    net = Weighted((board(6) - 0.5).tolist())
    found = ActivationMaximizer(net, unit=1, value_range=(0, 1), random_state=0).fit(pixels)
    assert found.top_row_ == 3
    assert found.best_activation_ > found.data_activations_.max()
    assert roughness_of(found.best_image_) > roughness_of(pixels)


@pytest.mark.parametrize("unit", [2, (2, 0, 1), 0])
def test_a_layer_is_excited_above_any_image(unit):
    net = SmallCNN(2)
    found = ActivationMaximizer(net, layer="conv", unit=unit, random_state=0).fit(X)
    with torch.no_grad():
        maps = net.conv(torch.from_numpy(X)).numpy()
        own = net.conv(torch.from_numpy(found.images_)).numpy()
    place = unit if isinstance(unit, tuple) else (unit,)
    expected, best = (
        part[(slice(None), *place)].reshape(len(part), -1).mean(1) for part in (maps, own)
    )
    assert_allclose(found.data_activations_, expected, rtol=1e-5)
    assert_allclose(found.activations_, best, rtol=1e-5)
    assert (np.diff(found.activations_) <= 0).all()
    assert found.best_activation_ > expected.max()
    assert X.min() <= found.images_.min()
    assert found.images_.max() <= X.max()


def test_a_planted_patch_is_what_excites_a_class():
    torch.set_num_threads(1)
    digits = make_colored_digits(400, cue="patch", bias=1.0, random_state=0)

    class Net(nn.Sequential):
        def __init__(self, n_outputs):
            super().__init__(
                *(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
                nn.Linear(200, n_outputs),
            )

    net = FairNetClassifier(
        module=Net, strength=0, lr=0.01, max_epochs=6, device="cpu", random_state=0
    ).fit(digits.images, digits.target, sensitive_features=digits.groups)
    for label, digit_colour in enumerate(["blue", "orange"]):
        found = ActivationMaximizer(net, unit=label, max_iter=100, random_state=0)
        found.fit(digits.images)
        assert found.best_activation_ > found.data_activations_.max()
        red, _, blue = found.best_image_[:, :2, :2].mean(axis=(1, 2))
        assert (blue > red) == (digit_colour == "blue")


def test_the_same_seed_gives_the_same_images_and_leaves_the_network_as_it_was():
    net = SmallCNN(2)
    net.out.eval()
    drawn = torch.random.get_rng_state()
    options = {"layer": "conv", "unit": 1, "max_iter": 9, "random_state": 3}
    one = ActivationMaximizer(net, **options).fit(X)
    assert_array_equal(one.images_, ActivationMaximizer(net, **options).fit(X).images_)
    other = ActivationMaximizer(net, **{**options, "random_state": 4}).fit(X)
    assert not np.array_equal(one.images_, other.images_)
    assert n_hooks(net) == 0
    assert (net.training, net.conv.training, net.out.training) == (True, True, False)
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    with torch.no_grad():
        assert_array_equal(one.images_, ActivationMaximizer(net, **options).fit(X).images_)


def test_dropout_rests():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(), SmallCNN(2))
    options = {"unit": 1, "max_iter": 5, "random_state": 0}
    one = ActivationMaximizer(net, **options).fit(X)
    assert net[0].num_batches_tracked == 0
    assert net[1].training
    two = ActivationMaximizer(net.eval(), **options).fit(X)
    assert_array_equal(one.images_, two.images_)
    assert_array_equal(one.data_activations_, two.data_activations_)


def test_a_network_that_breaks_is_left_as_it_was():
    class Breaking(SmallCNN):
        def forward(self, x):
            out = super().forward(x)
            if len(x) > 2:
                raise FloatingPointError("on purpose")
            return out

    net = Breaking(2)
    with pytest.raises(FloatingPointError):
        ActivationMaximizer(net, layer="conv", unit=1).fit(X)
    assert n_hooks(net) == 0
    assert net.training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": 4}, r"outputs of the shape \(4, 2, 2\): unit must be a channel"),
        ({"unit": (0, 2, 0)}, "unit must be a channel"),
        ({"unit": (0, 1)}, "unit must be a channel"),
        ({"unit": "eye"}, "unit must be a channel"),
        ({"unit": True}, "unit must be a channel"),
        ({"layer": "out", "unit": 2}, "unit must be the position of one"),
        ({"layer": "body", "unit": 0}, "no layer 'body': it has"),
        (
            {"layer": None, "unit": "cat"},
            "unit='cat' is no class, and .* doesn't tell its 2 classes",
        ),
        ({"layer": None, "unit": 7}, "unit=7 is no class, .* or name them .* classes="),
        ({"layer": None, "unit": (0, 1)}, r"unit=\(0, 1\) is no class"),
        (
            {"layer": None, "unit": "cat", "classes": ["a", "b"]},
            r"classes are \['a', 'b'\] \(a unit of a layer needs layer=\)",
        ),
        ({"unit": 0, "roughness": 0}, "roughness must be"),
        ({"unit": 0, "max_iter": 0}, "max_iter must be"),
        ({"unit": 0, "lr": 0}, "lr must be"),
        ({"unit": 0, "l2": -1}, "l2 must be"),
        ({"unit": 0, "jitter": -1}, "jitter must be"),
        ({"unit": 0, "value_range": (1, 0)}, "the smaller first"),
        ({"unit": 0, "value_range": (1,)}, "the smaller first"),
    ],
)
def test_what_cannot_be_excited_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ActivationMaximizer(SmallCNN(2), **{"layer": "conv", **options}).fit(X)


def test_images_that_cannot_be_read_are_refused():
    with pytest.raises(ValueError, match="contains NaN"):
        ActivationMaximizer(SmallCNN(2), unit=0).fit(np.full_like(X, np.nan))
    with pytest.raises(ValueError, match="can't take images"):
        ActivationMaximizer(SmallCNN(2), unit=0).fit(X[:, :, :2])
    with pytest.raises(NotFittedError):
        clone(ActivationMaximizer(SmallCNN(2), unit=0)).plot()


def test_images_are_drawn_beside_the_one_that_excites_most():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    found = ActivationMaximizer(SmallCNN(2), layer="conv", unit=1, max_iter=3, n_restarts=2)
    display = found.fit(X).plot()
    titles = [panel.get_title() for panel in display.axes_]
    assert len(titles) == 3
    assert titles[-1].startswith(f"row {found.top_row_}: ")
    low, high = found.value_range_
    shown = display.axes_[-1].images[0].get_array()
    assert_allclose(shown, (X[found.top_row_, 0] - low) / (high - low), atol=1e-6)
    plt.close("all")
