from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfair.vision import Images, UnreadableImageError

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def colour():
    """An image of 6 x 5 pixels whose channels and corners differ."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)


def only(X, **options):
    return Images.of(X, **options).read(0).pixels


def saved(image, path, **options):
    image.save(path, **options)
    return Images.of([path]).read(0).pixels


# arrays


def test_channels_may_come_last_or_first(colour):
    last = np.stack([colour, colour])
    first = np.moveaxis(last, -1, 1)
    assert_allclose(only(last), colour / 255, rtol=1e-6)
    assert_array_equal(only(first), only(last))
    assert_array_equal(only(first, channels="first"), only(last))
    assert_array_equal(only([first[0]]), only(last))  # in a list each image tells by itself


def test_grey_images_have_two_axes(colour):
    grey = colour[..., 0]
    for X in (grey[None], grey[None, ..., None], grey[None, None], [grey]):
        assert_allclose(only(X), grey / 255, rtol=1e-6)


def test_channels_that_may_be_either_must_be_said():
    X = np.zeros((2, 3, 7, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="first or last"):
        Images.of(X)
    assert only(X, channels="last").shape == (3, 7, 3)
    assert only(X, channels="first").shape == (7, 3, 3)


def test_alpha_is_laid_over_white():
    pixel = np.array([[[[100, 0, 50, 0], [100, 0, 50, 255], [100, 0, 50, 51]]]], dtype=np.uint8)
    found = only(pixel, channels="last") * 255
    assert_allclose(found[0], [[255, 255, 255], [100, 0, 50], [224, 204, 214]], atol=1e-3)
    grey = np.array([[[[100, 0], [100, 255], [0, 255]]]], dtype=np.uint8)
    assert_allclose(only(grey, channels="last")[0] * 255, [255, 100, 0], atol=1e-3)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0, 255], np.uint8, [0, 1]),
        ([0, 65535], np.uint16, [0, 1]),
        ([0, 255], np.uint16, [0, 255 / 65535]),
        ([False, True], bool, [0, 1]),
        ([0.25, 0.5], np.float32, [0.25, 0.5]),
        ([0, 16], np.float64, [0, 1]),
        ([8, 16], np.float64, [0.5, 1]),
        ([-1, 1], np.float64, [0, 1]),
        ([0, 51], np.int64, [0, 0.2]),
        ([0, 13107], np.int32, [0, 0.2]),
    ],
)
def test_black_and_white_follow_type_and_values(values, dtype, expected):
    assert_allclose(only([np.array([values], dtype=dtype)])[0], expected, rtol=1e-6)


def test_values_tell_the_range_only_of_types_that_dont():
    bytes_, floats = np.array([[0, 51]], dtype=np.uint8), np.array([[0.2, 1.0]])
    for images in ([bytes_, floats], [floats, bytes_], [floats, 20 * floats, bytes_]):
        found = Images.of(images)
        for row, image in enumerate(images):
            if image is bytes_:
                assert_allclose(found.read(row).pixels, [[0, 0.2]])
    assert_allclose(only([bytes_, floats], value_range=(0, 510)), [[0, 0.1]])
    assert_allclose(Images.of([bytes_, 20 * floats]).read(1).pixels, [[0.2, 1]])


def test_black_and_white_are_those_of_all_arrays_together():
    images = [np.array([[0.0, 8.0]]), np.array([[np.nan, 16.0], [np.inf, 0.0]])]
    assert_allclose(only(images), [[0, 0.5]])
    assert_allclose(only(images, value_range=(-8, 8)), [[0.5, 1]])


def test_pixels_that_are_no_numbers_stay_so():
    found = only([np.array([[0.5, np.nan, np.inf]])])
    assert_array_equal(found, np.array([[0.5, np.nan, np.inf]], dtype=np.float32))


def test_equal_pixels_have_equal_digests(colour):
    images = Images.of([colour, colour.copy(order="F"), colour[::-1], colour.reshape(5, 6, 3)])
    digests = [images.read(row).digest for row in range(4)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_digests_are_of_what_is_seen():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (16, 17), dtype=np.uint8)
    grey[0, 0] = 255
    same = [
        grey,
        grey[..., None],
        np.repeat(grey[..., None], 3, axis=2),
        np.dstack([grey, np.full_like(grey, 255)]),
        np.dstack([grey, grey, grey, np.full_like(grey, 255)]),
        grey.astype(np.uint16) * 257,
    ]
    images = Images.of(same)
    digests = [images.read(row).digest for row in range(len(same))]
    digests += [Images.of([grey / 255]).read(0).digest]
    digests += [Images.of([grey.astype(kind)]).read(0).digest for kind in (np.int64, np.float64)]
    assert len(set(digests)) == 1
    slightly = grey.astype(np.uint16) * 257
    slightly[3, 3] += 1 if slightly[3, 3] < 65535 else -1
    tinted = same[2].copy()
    tinted[5, 5, 2] ^= 1
    others = [slightly, tinted, grey.reshape(17, 16), np.dstack([grey, grey])]
    images = Images.of(others)
    assert not {images.read(row).digest for row in range(len(others))} & set(digests)


def test_digests_tell_large_numbers_apart():
    one = 1e9 + np.arange(4.0).reshape(2, 2)
    images = Images.of([one, one[::-1]], value_range=(1e9, 1e9 + 4))
    assert images.read(0).digest != images.read(1).digest
    assert_allclose(images.read(0).pixels, [[0, 0.25], [0.5, 0.75]])


def test_digests_tell_values_beyond_black_and_white_apart():
    levels = [0, 44, 300, 556, -212, np.inf, -np.inf, np.nan]  # 256 apart, some of them
    images = Images.of([np.array([[0.0, level]]) for level in levels], value_range=(0, 255))
    assert len({images.read(row).digest for row in range(len(levels))}) == len(levels)


def test_hidden_colours_and_signs_of_zero_dont_count():
    clear = np.zeros((2, 4, 4, 4), dtype=np.uint8)
    clear[1, ..., :3] = 9
    images = Images.of(clear, channels="last")
    assert images.read(0).digest == images.read(1).digest
    image = np.array([[0.0, 0.123], [0.5, 0.777]])
    zeros = Images.of([image, np.where(image == 0, -image, image)])
    assert zeros.read(0).digest == zeros.read(1).digest


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (np.zeros((0, 4)), "no pixels"),
        (np.zeros(4), "is no image"),
        (np.zeros((5, 6, 7)), "no axis of 1 to 4 channels"),
        (None, "missing"),
        (np.nan, "missing"),
    ],
)
def test_single_items_that_are_no_images_say_why(item, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        Images.of([np.zeros((4, 4)), item]).read(1)


@pytest.mark.parametrize(
    ("X", "reason"),
    [
        ([], "0 sample"),
        (np.zeros((0, 4, 4)), "0 sample"),
        (np.zeros((4, 64)), "reshape"),
        (np.zeros(4), "holds no images"),
        (np.zeros((1, 2, 2, 2, 2)), "holds no images"),
        (np.zeros((2, 5, 6, 7)), "no axis of 1 to 4 channels"),
        (np.zeros((64, 50, 3)), "looks like one image in colour"),
        (np.zeros((64, 50, 1)), "looks like one image"),
        ("folder", "is one path"),
        (Path("folder"), "is one path"),
        ([np.zeros((2, 2), dtype=complex)], "numbers"),
    ],
)
def test_what_holds_no_images_is_refused(X, reason):
    with pytest.raises(ValueError, match=reason):
        Images.of(X)


def test_wrong_options_are_refused():
    X = np.zeros((2, 7, 5, 3))
    for options, reason in [
        ({"channels": "middle"}, "channels must be one of"),
        ({"channels": "first"}, "no 1 to 4 channels first"),
        ({"value_range": (1, 1)}, "value_range"),
        ({"value_range": (0, np.nan)}, "value_range"),
        ({"max_pixels": 0}, "max_pixels"),
    ]:
        with pytest.raises(ValueError, match=reason):
            Images.of(X, **options)


# files


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_files_without_loss_hold_the_pixels(colour, tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    found = saved(Image.fromarray(colour), tmp_path / f"a.{suffix}", **options)
    assert_allclose(found, colour / 255, rtol=1e-6)


def test_files_of_other_formats_with_the_same_pixels_have_one_digest(colour, tmp_path):
    for suffix in ("png", "bmp"):
        Image.fromarray(colour).save(tmp_path / f"a.{suffix}")
    images = Images.of([str(tmp_path / "a.png"), tmp_path / "a.bmp", colour])
    assert len({images.read(row).digest for row in range(3)}) == 1
    assert images.name(0).endswith("a.png")
    assert images.name(2) == "image 2"


@pytest.mark.parametrize("frame", [pd.Series, pl.Series, np.array, tuple])
def test_paths_come_in_any_column(colour, tmp_path, frame):
    Image.fromarray(colour).save(tmp_path / "a.png")
    images = Images.of(frame([str(tmp_path / "a.png")]))
    assert len(images) == 1
    assert images.read(0).pixels.shape == (6, 5, 3)


def test_orientation_of_cameras_is_applied(colour, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    found = saved(Image.fromarray(colour), tmp_path / "a.png", exif=exif)
    assert_allclose(found, np.rot90(colour, -1) / 255, rtol=1e-6)


def test_sixteen_bits_are_read_whole(tmp_path):
    values = np.array([[0, 13107], [32768, 65535]], dtype=np.uint16)
    for suffix in ("png", "tiff"):
        found = saved(Image.fromarray(values), tmp_path / f"a.{suffix}")
        assert_allclose(found, values / 65535, rtol=1e-6)


def test_whole_numbers_of_32_bits_hold_16(tmp_path):
    found = saved(Image.new("I", (4, 4), 13000), tmp_path / "a.tiff")
    assert_allclose(found, np.full((4, 4), 13000 / 65535), rtol=1e-6)


def test_modes_of_files_are_turned_to_grey_or_colour(tmp_path):
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    for mode, name in [("CMYK", "a.tiff"), ("P", "a.gif"), ("P", "a.png")]:
        found = saved(red.convert(mode), tmp_path / name)
        assert_allclose(found[0, 0], [1, 0, 0], atol=0.02)
    assert_array_equal(saved(Image.new("1", (4, 4), 1), tmp_path / "b.png"), np.ones((4, 4)))
    assert_array_equal(
        saved(Image.new("F", (4, 4), 0.5), tmp_path / "f.tiff"), np.full((4, 4), 0.5)
    )


def test_transparent_files_are_laid_over_white(tmp_path):
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert_array_equal(saved(clear, tmp_path / "a.png"), np.ones((4, 4, 3)))
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([255, 0, 0])
    assert_array_equal(saved(palette, tmp_path / "b.png", transparency=0), np.ones((4, 4, 3)))


def test_damaged_files_say_why(colour, tmp_path):
    whole = tmp_path / "whole.jpg"
    Image.fromarray(colour.repeat(20, axis=0).repeat(20, axis=1)).save(whole)
    for name, content in [
        ("cut.jpg", whole.read_bytes()[:-400]),
        ("text.png", b"no image"),
        ("empty.png", b""),
    ]:
        (tmp_path / name).write_bytes(content)
    images = Images.of([tmp_path / name for name in ("cut.jpg", "text.png", "empty.png", "x", ".")])
    reasons = []
    for row in range(5):
        with pytest.raises(UnreadableImageError) as caught:
            images.read(row)
        reasons.append(str(caught.value))
    assert "truncated" in reasons[0]
    assert reasons[1] == "no image of a known format"
    assert str(tmp_path) not in reasons[1]
    assert reasons[3:] == ["no such file", "no file"]


def test_images_of_pillow_are_images(colour):
    assert_allclose(only([Image.fromarray(colour)]), colour / 255, rtol=1e-6)


# what others send


def test_no_program_is_run_by_what_a_file_holds(tmp_path, monkeypatch):
    called = tmp_path / "called"
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\necho yes > {called}\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    eps = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    (tmp_path / "photo.png").write_text(eps)
    with pytest.raises(UnreadableImageError, match="no image of a known format"):
        Images.of([tmp_path / "photo.png"]).read(0)
    assert not called.exists()


def header_of_png(width, height):
    """Start of a PNG that says how large it is, and then ends."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    length, checksum = struct.pack(">I", 13), struct.pack(">I", zlib.crc32(chunk))
    pixels = struct.pack(">I", 1000) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + length + chunk + checksum + pixels


def test_files_of_too_many_pixels_are_not_decoded(tmp_path, colour):
    (tmp_path / "bomb.png").write_bytes(header_of_png(8000, 6251))
    Image.fromarray(colour).save(tmp_path / "a.png")
    paths = [tmp_path / "bomb.png", tmp_path / "a.png", Image.fromarray(colour)]
    with pytest.raises(UnreadableImageError, match="too many pixels: 8000 x 6251"):
        Images.of(paths).read(0)
    with pytest.raises(UnreadableImageError, match="truncated"):
        Images.of(paths, max_pixels=None).read(0)  # is decoded, and ends
    for row in (1, 2):
        assert Images.of(paths, max_pixels=30).read(row).pixels.shape == (6, 5, 3)
        with pytest.raises(UnreadableImageError, match="more than max_pixels=29"):
            Images.of(paths, max_pixels=29).read(row)


def test_floats_of_files_need_a_range_beyond_0_to_1(tmp_path):
    paths = []
    for name, level in (("a", 128.0), ("b", 2.56)):
        values = np.linspace(0, level, 16, dtype=np.float32).reshape(4, 4)
        Image.fromarray(values).save(tmp_path / f"{name}.tiff")
        paths.append(tmp_path / f"{name}.tiff")
    for row in (0, 1):
        with pytest.raises(UnreadableImageError, match=r"value_range=\(black, white\)"):
            Images.of(paths).read(row)
    images = Images.of(paths, value_range=(0, 256))
    tops = [images.read(row).pixels.max() for row in (0, 1)]
    assert_allclose(tops, [0.5, 0.01], rtol=1e-6)


def test_the_range_of_arrays_leaves_files_alone(tmp_path, colour):
    Image.fromarray(colour).save(tmp_path / "a.png")
    images = Images.of([tmp_path / "a.png", np.full((4, 4), 8.0)], value_range=(0, 16))
    assert_allclose(images.read(0).pixels, colour / 255, rtol=1e-6)
    assert_allclose(images.read(1).pixels, np.full((4, 4), 0.5))


def test_reasons_dont_tell_the_folder_of_a_file_with_an_odd_name(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")
    try:
        Path(path).write_bytes(b"no image")
    except OSError:
        pytest.skip("names of files are UTF-8 here")
    with pytest.raises(UnreadableImageError) as caught:
        Images.of([path]).read(0)
    assert str(tmp_path) not in str(caught.value)
