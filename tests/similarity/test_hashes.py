from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter

from skfair.similarity import hamming_distances, perceptual_hashes, shrink

METHODS = ("phash", "dhash", "ahash")


@pytest.fixture
def photo():
    """Smooth, with structure at many scales."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(90, 120)).cumsum(axis=0).cumsum(axis=1)
    return (image - image.min()) / np.ptp(image)


def bits(hashes):
    """Bits of one hash, the highest first."""
    return np.array([int(b) for b in f"{int(hashes[0]):064b}"])


def test_shrinking_takes_means_of_areas():
    image = np.array([[0.0, 3.0, 6.0], [9.0, 12.0, 15.0]])
    assert_allclose(shrink(image, 1, 1), [[7.5]])
    assert_allclose(shrink(image, 2, 2), [[1.0, 5.0], [10.0, 14.0]])  # 2/3 and 1/3 of pixels
    assert_allclose(shrink(image, 2, 6), np.repeat(image, 2, axis=1))


def test_shrinking_treats_channels_alike(photo):
    colour = np.stack([photo, 1 - photo, photo**2], axis=-1)
    each = [shrink(colour[..., c], 7, 9) for c in range(3)]
    assert_allclose(shrink(colour, 7, 9), np.stack(each, axis=-1))


def test_shrinking_keeps_the_type_and_the_mean(photo):
    small = shrink(photo.astype(np.float32), 30, 40)
    assert small.dtype == np.float32
    assert_allclose(small.mean(), photo.mean(), rtol=1e-5)


def test_shrinking_whole_numbers_takes_means():
    image = np.array([[200, 100], [0, 101]], dtype=np.uint8)
    assert_allclose(shrink(image, 1, 1), [[100.25]])
    assert_allclose(shrink(image > 150, 1, 1), [[0.25]])


def test_difference_hash_by_hand():
    image = np.zeros((8, 9))
    image[0] = [0, 1, 0, 1, 1, 0, 2, 3, 3]
    expected = np.zeros((8, 8), dtype=int)
    expected[0] = [1, 0, 1, 0, 0, 1, 1, 0]
    assert_array_equal(bits(perceptual_hashes([image], method="dhash")), expected.ravel())


def test_average_hash_by_hand():
    image = np.zeros((8, 8))
    image[2, 3] = image[7, 7] = 1
    assert int(perceptual_hashes([image], method="ahash")[0]) == (1 << (63 - 19)) + 1


def test_cosine_hash_by_hand():
    # one wave along each axis: all coefficients but that one and the mean are 0
    wave = np.cos(np.pi * (np.arange(32) + 0.5) * 2 / 32)
    expected = np.zeros((8, 8), dtype=int)
    expected[0, 0] = expected[2, 2] = 1
    for dtype in (np.float32, np.float64):
        image = (wave[:, None] * wave[None] + 5e-1).astype(dtype)
        assert_array_equal(bits(perceptual_hashes([image])), expected.ravel())


def test_cosine_hash_leaves_out_what_is_near_the_median():
    waves = [np.cos(np.pi * (np.arange(32) + 0.5) * k / 32) for k in range(8)]
    image = waves[1][:, None] * waves[1] + sum(
        share * waves[k][:, None] * waves[k] for k, share in ((3, 0.002), (5, 0.004))
    )
    found = bits(perceptual_hashes([image])).reshape(8, 8)
    assert np.flatnonzero(np.diag(found)).tolist() == [1, 5]


@pytest.mark.parametrize("method", METHODS)
def test_brightness_and_contrast_leave_hashes_as_they_are(photo, method):
    one, other = perceptual_hashes([photo, 0.3 + 0.4 * photo], method=method)
    assert one == other


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["mirrored", "mirrored twice", "even along rows"])
def test_symmetric_images_keep_their_hash_where_brightness_changes(method, kind):
    rng = np.random.default_rng(0)
    levels, darker = [], []
    for _ in range(10):
        image = gaussian_filter(rng.normal(size=(100, 131)), 6)  # no multiples of 8, 9 and 32
        if kind == "even along rows":
            image = np.tile(image[:, :1], (1, 131))
        else:
            image = image + image[:, ::-1]
            image = image + image[::-1] if kind == "mirrored twice" else image
        image = np.rint(30 + 180 * (image - image.min()) / np.ptp(image))
        levels.append((image / 255).astype(np.float32))
        darker.append((np.rint(image * 0.8) / 255).astype(np.float32))
    one, other = (perceptual_hashes(images, method=method) for images in (levels, darker))
    assert hamming_distances(one, other).max() <= 2  # of rounding to levels


@pytest.mark.parametrize("method", METHODS)
def test_size_hardly_matters(photo, method):
    hashes = perceptual_hashes([photo, shrink(photo, 45, 60)], method=method)
    assert hamming_distances(hashes[0], hashes[1]) <= 2


@pytest.mark.parametrize("method", METHODS)
def test_negatives_are_far(photo, method):
    hashes = perceptual_hashes([photo, 1 - photo], method=method)
    assert hamming_distances(hashes[0], hashes[1]) >= 55


def test_methods_differ_and_images_of_one_array_are_rows(photo):
    stack = np.stack([photo, photo.T[:90].repeat(2, axis=1)[:, :120]])
    by_method = {method: perceptual_hashes(stack, method=method) for method in METHODS}
    assert all(h.dtype == np.uint64 and h.shape == (2,) for h in by_method.values())
    assert len({h[0].item() for h in by_method.values()}) == 3


def test_no_images_have_no_hashes():
    assert perceptual_hashes([]).shape == (0,)


def test_what_is_no_image_is_refused(photo):
    with pytest.raises(ValueError, match="method must be one of"):
        perceptual_hashes([photo], method="md5")
    for image in (photo[0], np.zeros((0, 3)), np.zeros((2, 2, 3))):
        with pytest.raises(ValueError, match="two sides"):
            perceptual_hashes([image])


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_distances_count_bits(a, b):
    found = hamming_distances(np.array([a], dtype=np.uint64), np.array([b], dtype=np.uint64))
    assert found.tolist() == [(a ^ b).bit_count()]
