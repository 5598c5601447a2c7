from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skfair.nn import (  # noqa: E402
    ImageAugmentation,
    augment_images,
    read_operations,
    training_augmentation,
)

IDENTITY = {
    "rotate": 0,
    "flip_horizontal": 0,
    "flip_vertical": 0,
    "crop": 1,
    "zoom": 0,
    "translate": 0,
    "brightness": 0,
    "contrast": 0,
    "noise": 0,
    "cutout": 0,
}
ALL = {
    "rotate": 20,
    "flip_horizontal": 0.5,
    "flip_vertical": 0.5,
    "crop": 0.8,
    "zoom": 0.2,
    "translate": 0.1,
    "brightness": 0.1,
    "contrast": 0.2,
    "noise": 0.05,
    "cutout": 0.4,
}


def some_images(n=5, c=3, h=7, w=9):
    return torch.from_numpy(np.random.default_rng(0).random((n, c, h, w)).astype(np.float32))


def changed(images, operations, seed=0, **options):
    return augment_images(images, operations, seed=seed, **options).numpy()


@pytest.mark.parametrize("names", [[name] for name in IDENTITY] + [list(IDENTITY)])
def test_operations_without_amount_give_the_same_image(names):
    images = some_images()
    same = changed(images, {name: IDENTITY[name] for name in names})
    np.testing.assert_allclose(same, images, atol=1e-5)


@pytest.mark.parametrize(("name", "axis"), [("flip_horizontal", 3), ("flip_vertical", 2)])
def test_a_flip_is_numpys(name, axis):
    images = some_images()
    np.testing.assert_array_equal(changed(images, {name: 1}), np.flip(images.numpy(), axis))
    resampled = changed(images, {name: 1, "rotate": 0})
    np.testing.assert_allclose(resampled, np.flip(images.numpy(), axis), atol=1e-5)


def test_a_flip_comes_by_its_chance():
    images = some_images(2000, 1, 1, 2)
    turned = changed(images, {"flip_horizontal": 0.3}) != images.numpy()
    assert turned.any(axis=(1, 2, 3)).mean() == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_a_quarter_turn_of_a_square_is_numpys(size, quarters):
    images = some_images(h=size, w=size)
    turned = changed(images, {"rotate": (90 * quarters, 90 * quarters)})
    np.testing.assert_allclose(turned, np.rot90(images, quarters, axes=(2, 3)), atol=1e-5)


def test_half_a_turn_needs_no_square():
    images = some_images(h=5, w=8)
    turned = changed(images, {"rotate": (180, 180)})
    np.testing.assert_allclose(turned, images.numpy()[:, :, ::-1, ::-1], atol=1e-5)


def test_a_rotation_keeps_shapes_where_width_is_not_height():
    y, x = np.mgrid[-10:11, -20:21].astype(np.float32)  # a point 5 to the right of the centre
    image = torch.from_numpy(np.exp(-((x - 5) ** 2 + y**2) / 4))[None, None]
    turned = changed(image, {"rotate": (90, 90)}, padding="black")[0, 0]
    assert np.unravel_index(turned.argmax(), turned.shape) == (10 - 5, 20)
    assert turned.sum() == pytest.approx(image.sum().item(), rel=1e-3)


@pytest.mark.parametrize("padding", ["edge", "reflect", "black"])
def test_a_translation_by_whole_pixels_is_a_shift(padding):
    images = some_images(h=8, w=8)
    moved = changed(images, {"translate": (0.25, 0.25)}, padding=padding)  # to the right and down
    mode = {"edge": "edge", "reflect": "symmetric", "black": "constant"}[padding]
    beside = np.pad(images.numpy(), ((0, 0), (0, 0), (2, 0), (2, 0)), mode=mode)
    np.testing.assert_allclose(moved, beside[:, :, :8, :8], atol=1e-5)


def test_a_flip_comes_before_a_shift():
    images = some_images(h=8, w=8)
    moved = changed(images, {"flip_horizontal": 1, "translate": (0.25, 0.25)})
    np.testing.assert_allclose(moved[:, :, 2:, 2:], images.numpy()[:, :, :6, :1:-1], atol=1e-5)


def test_beyond_the_borders_lies_black_of_the_range():
    images = some_images(h=8, w=8) * 2 - 1
    moved = changed(images, {"translate": (-0.5, -0.5)}, padding="black", value_range=(-1, 1))
    np.testing.assert_allclose(moved[:, :, :4, :4], images[:, :, 4:, 4:], atol=1e-5)
    np.testing.assert_allclose(moved[:, :, 4:], -1, atol=1e-5)


def test_a_zoom_by_two_shows_the_middle_and_one_by_half_all_of_it():
    ramp = torch.arange(8.0).expand(1, 1, 8, 8) / 8
    larger = changed(ramp, {"zoom": (2, 2)})[0, 0, 4]
    expected = np.clip((np.arange(8) - 3.5) / 2 + 3.5, 0, 7) / 8
    np.testing.assert_allclose(larger, expected, atol=1e-5)
    smaller = changed(ramp, {"zoom": (0.5, 0.5)})[0, 0, 4]
    np.testing.assert_allclose(
        smaller, np.clip((np.arange(8) - 3.5) * 2 + 3.5, 0, 7) / 8, atol=1e-5
    )


def test_a_crop_is_a_part_of_the_image():
    ramp = (torch.arange(16.0).expand(500, 1, 16, 16) / 16).contiguous()
    parts = changed(ramp, {"crop": (0.5, 0.5)}, padding="black")[:, 0, 8]
    np.testing.assert_allclose(np.diff(parts)[:, 1:-1], 0.5 / 16, atol=1e-5)
    centres = parts.mean(axis=1) * 16  # of parts that touch no border
    assert centres.min() < 4.2
    assert centres.max() > 10.8
    assert (parts >= -1e-6).all()
    assert (parts[:, 1:-1] > 0).all()  # nothing from beyond


def test_parts_lie_anywhere_across_and_down():
    ramps = torch.arange(16.0).expand(400, 16, 16) / 16
    images = torch.stack([ramps, ramps.transpose(1, 2)], dim=1).contiguous()
    parts = changed(images, {"crop": (0.5, 0.5)}, padding="black")[:, :, 4:12, 4:12]
    across, down = parts.mean(axis=(2, 3)).T * 16
    for centres in (across, down):
        assert centres.min() < 4.2
        assert centres.max() > 10.8
    assert abs(np.corrcoef(across, down)[0, 1]) < 0.2


def test_zooms_are_drawn_evenly_in_their_logarithm():
    ramp = (torch.arange(16.0).expand(400, 1, 16, 16) / 16).contiguous()
    found = changed(ramp, {"zoom": (0.5, 2)})
    steps = np.diff(found[:, 0, 8, 6:10], axis=1).mean(axis=1) * 16  # 1 / zoom
    logs = np.sort(-np.log2(steps))
    np.testing.assert_allclose(logs, np.linspace(-1, 1, 400), atol=0.12)


def test_crop_then_rotate_then_move_is_one_after_the_other():
    ramp = torch.from_numpy(np.add.outer(np.arange(32.0), 2 * np.arange(32.0)) / 100)[None, None]
    amounts = {"rotate": (30, 30), "zoom": (1.5, 1.5), "translate": (0.0625, 0.0625)}
    at_once = changed(ramp, amounts, value_range=(0, 2))
    by_steps = ramp
    for name, amount in amounts.items():
        by_steps = augment_images(by_steps, {name: amount}, seed=0, value_range=(0, 2))
    middle = np.s_[0, 0, 12:20, 12:20]
    np.testing.assert_allclose(at_once[middle], by_steps.numpy()[middle], atol=1e-4)


def test_light_and_contrast_by_hand():
    image = torch.tensor([[[[0.2, 0.4]]]])
    np.testing.assert_allclose(
        changed(image, {"brightness": (0.25, 0.25)}), [[[[0.45, 0.65]]]], atol=1e-6
    )
    np.testing.assert_allclose(
        changed(image, {"contrast": (0.5, 0.5)}), [[[[0.25, 0.35]]]], atol=1e-6
    )
    both = changed(image, {"brightness": (-0.1, -0.1), "contrast": (2, 2)})
    np.testing.assert_allclose(both, [[[[0.0, 0.4]]]], atol=1e-6)
    colours = torch.tensor([[[[0.2, 0.4]], [[0.8, 0.6]]]])  # contrast turns about the mean, 0.5
    found = changed(colours, {"contrast": (0.5, 0.5)})
    np.testing.assert_allclose(found, [[[[0.35, 0.45]], [[0.65, 0.55]]]], atol=1e-6)
    wide = changed(image, {"brightness": (0.25, 0.25)}, value_range=(0, 2))
    np.testing.assert_allclose(wide, [[[[0.7, 0.9]]]], atol=1e-6)


def test_noise_has_its_deviation_and_differs_from_image_to_image():
    images = torch.full((20, 1, 40, 40), 0.5)
    noisy = changed(images, {"noise": (0.1, 0.1)})
    assert noisy.std() == pytest.approx(0.1, rel=0.02)
    assert np.abs(np.corrcoef(noisy.reshape(20, -1))[0, 1:]).max() < 0.1
    assert (noisy != changed(images, {"noise": (0.1, 0.1)}, seed=1)).any(axis=(1, 2, 3)).all()
    spread = changed(images, {"noise": 0.1}).std(axis=(1, 2, 3))
    assert spread.min() < 0.03 < 0.07 < spread.max() < 0.11


def test_a_covered_part_is_a_square_of_the_mean():
    images = some_images(300, 2, 10, 10)
    covered = changed(images, {"cutout": (0.4, 0.4)})
    mean = images.mean((2, 3), keepdim=True).numpy()
    hidden = np.isclose(covered, mean, atol=1e-6).all(axis=1)
    assert set(hidden.sum(axis=(1, 2)).tolist()) == {16}
    np.testing.assert_array_equal(
        covered[~np.repeat(hidden[:, None], 2, 1)],
        images.numpy()[~np.repeat(hidden[:, None], 2, 1)],
    )
    rows, columns = hidden.any(axis=2), hidden.any(axis=1)
    assert (rows.sum(axis=1) == 4).all()
    assert (columns.sum(axis=1) == 4).all()
    assert rows.any(axis=0).all()  # it may lie anywhere
    assert columns.any(axis=0).all()


def test_values_stay_in_the_range():
    images = some_images(50) * 4 - 2
    strong = {**ALL, "brightness": 1, "noise": 1, "contrast": 1}
    found = changed(images, strong, value_range=(-2, 2))
    assert found.min() >= -2
    assert found.max() <= 2


def test_the_same_seed_gives_the_same_images_and_the_input_stays():
    images = some_images(40)
    before, state = images.clone(), torch.get_rng_state()
    first, again = changed(images, ALL), changed(images, ALL)
    np.testing.assert_array_equal(first, again)
    assert (first != changed(images, ALL, seed=1)).any()
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_one_operation_does_not_move_the_draws_of_another():
    images = some_images(6, h=8, w=8)
    flips = changed(images, {"flip_horizontal": 0.5})
    light = changed(images, {"flip_horizontal": 0.5, "zoom": 0})
    np.testing.assert_allclose(flips, light, atol=1e-5)


def test_cells_have_their_own_operations_and_chances():
    images, cells = some_images(3000, 1, 1, 2), torch.arange(3000) % 3
    change = ImageAugmentation(
        [{}, {"flip_horizontal": 1}, {"flip_horizontal": 1}], chances=[1, 0.25, 1]
    )
    turned = (change(images, cells, seed=0) != images).flatten(1).any(1)
    assert not turned[0::3].any()
    assert turned[1::3].float().mean() == pytest.approx(0.25, abs=0.04)
    assert turned[2::3].all()


def test_it_tells_which_images_a_call_changes():
    images, cells = some_images(300, 1, 1, 2), torch.arange(300) % 3
    change = ImageAugmentation(
        [{}, {"flip_horizontal": 1}, {"brightness": (0.1, 0.1)}], chances=[1, 0.5, 1]
    )
    found = (change(images, cells, seed=0) != images).flatten(1).any(1).nonzero().ravel()
    assert change.draw_rows(300, cells, seed=0).tolist() == found.tolist()
    assert not (found % 3 == 0).any()  # no operations, no change
    assert ImageAugmentation([{}]).draw_rows(5, seed=0).tolist() == []
    assert ImageAugmentation([{"rotate": 5}]).draw_rows(2, seed=0).tolist() == [0, 1]


def test_types_are_kept():
    for dtype in (torch.float32, torch.float64):
        assert augment_images(some_images().to(dtype), ALL, seed=0).dtype == dtype
    assert augment_images(some_images()[:0], ALL, seed=0).shape == (0, 3, 7, 9)


def test_the_same_amounts_in_another_precision():
    images = some_images(h=12, w=12)
    without = {name: amount for name, amount in ALL.items() if name != "noise"}
    exact = augment_images(images.double(), without, seed=3)
    np.testing.assert_allclose(changed(images, without, seed=3), exact, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_the_same_images():
    images = some_images(30)
    without = {name: amount for name, amount in ALL.items() if name != "noise"}
    on_gpu = augment_images(images.cuda(), without, seed=3).cpu()
    np.testing.assert_allclose(on_gpu, changed(images, without, seed=3), atol=1e-4)
    noise = [augment_images(images.cuda(), ALL, seed=3).cpu() for _ in range(2)]
    assert torch.equal(*noise)


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ({"turn": 10}, r"operations \['turn'\] are unknown; known: .*'rotate'"),
        ({"rotate": "10"}, "rotate must be a finite number"),
        ({"rotate": -10}, "at least 0, or a pair"),
        ({"rotate": True}, "rotate must be"),
        ({"rotate": float("nan")}, "rotate must be"),
        ({"rotate": (1, 2, 3)}, "rotate must be"),
        ({"rotate": (10, -10)}, "the lesser first"),
        ({"flip_vertical": (0, 1)}, r"at least 0; got \(0, 1\)"),
        ({"flip_vertical": 1.5}, r"lie in \[0, 1\]"),
        ({"crop": 0}, r"amounts of crop must lie in \(0, 1\]"),
        ({"zoom": (0, 1)}, r"amounts of zoom must lie in \(0, inf\]"),
        ({"zoom": -0.5}, "zoom"),
        ({"contrast": 1.5}, "contrast"),
        ({"cutout": 2}, "cutout"),
        (["rotate"], "must be a mapping"),
    ],
)
def test_what_is_no_operation_is_refused(operations, message):
    with pytest.raises(ValueError, match=message):
        read_operations(operations)


def test_what_are_no_images_is_refused():
    with pytest.raises(ValueError, match=r"floats of the shape \(n, c, h, w\)"):
        augment_images(torch.zeros(2, 3, 4), seed=0)
    with pytest.raises(ValueError, match=r"torch.uint8"):
        augment_images(torch.zeros(2, 1, 3, 4, dtype=torch.uint8), seed=0)
    with pytest.raises(ValueError, match="value_range must be"):
        augment_images(some_images(), seed=0, value_range=(1, 1))
    with pytest.raises(ValueError, match="padding"):
        augment_images(some_images(), seed=0, padding="wrap")


def rows():
    return some_images(4), np.arange(4) % 2, np.arange(4) // 2, np.ones(4)


def bind(augment, seed=0):
    return training_augmentation(augment, rows(), groups=["f", "m"], classes=[0, 1], seed=seed)


def test_a_callable_draws_by_the_place_of_its_batch_alone():
    change, images = bind(lambda images: images + torch.rand(len(images), 1, 1, 1)), some_images()
    target, state = (torch.zeros(5).long(), torch.zeros(5).long()), torch.get_rng_state()
    first = [change(images, target, epoch, batch) for epoch in (1, 2) for batch in (1, 2)]
    assert len({float(found.sum()) for found in first}) == 4
    assert torch.equal(change(images, target, 2, 1), first[2])
    assert torch.equal(torch.get_rng_state(), state)
    other = bind(lambda images: images + torch.rand(len(images), 1, 1, 1), seed=1)
    assert not torch.equal(other(images, target, 2, 1), first[2])


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (lambda images: images[:, :1], r"shape \(5, 3, 7, 9\), and gave \(5, 1, 7, 9\)"),
        (lambda images: None, "gave NoneType"),
    ],
)
def test_a_callable_has_to_give_such_a_batch(augment, message):
    target = (torch.zeros(5).long(), torch.zeros(5).long())
    with pytest.raises(ValueError, match=message):
        bind(augment)(some_images(), target, 1, 1)
