"""One reader of images: arrays of any layout, lists of arrays, files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import is_series, to_array
from skfair._utils.validation import check_count, check_option
from skfair.vision._decoding import MAX_PIXELS, UnreadableImageError, decode, read_file
from skfair.vision._ranges import find_range, refuse_if_beyond, to_unit, type_range

Channels = Literal["auto", "first", "last"]
Pixels = NDArray[np.float32]

_N_CHANNELS = (1, 2, 3, 4)  # grey, grey and alpha, RGB, RGBA


class Picture(NamedTuple):
    """One image: grey (h, w) or RGB (h, w, 3), 0 black and 1 white, and a digest of what it shows.

    Pixels that aren't finite numbers stay so. The digest is the same for grey as for RGB whose
    channels are equal.
    """

    pixels: Pixels
    digest: bytes


@dataclass(frozen=True, eq=False)
class Images:
    """Images that are read one by one, when they are asked for.

    Parameters
    ----------
    items : array of shape (n, ...) or sequence
        Arrays, paths or images of Pillow.
    channels : {"auto", "first", "last"}
        Where the channels of arrays are.
    value_range : tuple of 2 floats or None
        Black and white as they were given, of all arrays; None: by their types.
    found_range : tuple of 2 floats or None, default=None
        Black and white of arrays whose types don't tell, found from their values.
    max_pixels : int or None, default=50_000_000
        Files of more pixels can't be read.
    """

    items: Any
    channels: Channels
    value_range: tuple[float, float] | None
    found_range: tuple[float, float] | None = None
    max_pixels: int | None = MAX_PIXELS

    @classmethod
    def of(
        cls,
        X: Any,
        *,
        channels: Channels = "auto",
        value_range: tuple[float, float] | None = None,
        max_pixels: int | None = MAX_PIXELS,
    ) -> Images:
        """Look at what the user has, without reading files.

        Parameters
        ----------
        X : array of shape (n, h, w), (n, h, w, c) or (n, c, h, w), or sequence of arrays or paths
            Sequences may mix sizes; c is 1 to 4: grey, grey and alpha, RGB, RGBA.
        channels : {"auto", "first", "last"}, default="auto"
            Which axis of arrays holds the channels; "auto": the one that is 1 to 4 long.
        value_range : tuple of 2 floats, default=None
            Values of black and white in all arrays, and in files of floating-point numbers. None:
            those of the type for booleans and unsigned integers of up to 16 bits; of other types
            0 to 1, 0 to 255 and 0 to 65535 if the values of all such arrays are so (the latter two
            for integers), and else the smallest (at most 0) to the largest value. Files of
            floating-point numbers are read from 0 to 1 then, and not at all beyond.
        max_pixels : int or None, default=50_000_000
            Files of more pixels can't be read: before it is decoded, a file of 400 kB can hold an
            image that takes gigabytes. None: Pillow's own limit only.

        Returns
        -------
        Images

        Raises
        ------
        ValueError
            If X is empty, holds no images, looks like a single image, the axis of the channels
            can't be told, or most arrays lie beyond ``value_range``.

        Examples
        --------
        >>> images = Images.of(np.full((2, 3, 8, 8), 255, dtype=np.uint8))
        >>> len(images), images.channels, images.read(0).pixels.shape, images.read(0).pixels.max()
        (2, 'first', (8, 8, 3), np.float32(1.0))
        """
        check_option("channels", channels, ("auto", "first", "last"))
        if max_pixels is not None:
            check_count("max_pixels", max_pixels)
        items = _read_items(X)
        if len(items) == 0:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required")
        shape = getattr(items, "shape", ())
        if len(shape) == 4:
            channels = _find_channels(tuple(shape[1:]), channels)
        found_range = None
        if value_range is None:
            found_range = find_range(items)
        elif not np.isfinite(value_range).all() or not value_range[0] < value_range[1]:
            raise ValueError(f"value_range must be (black, white), got {value_range!r}")
        else:
            refuse_if_beyond(items, value_range)
        return cls(items, channels, value_range, found_range, max_pixels)

    def __len__(self) -> int:
        return len(self.items)

    def is_file(self, row: int) -> bool:
        """Whether an image is given by the path of its file."""
        return isinstance(self.items[row], str | os.PathLike)

    def name(self, row: int) -> str:
        """Path of a file, as text; of an array its position."""
        return os.fspath(self.items[row]) if self.is_file(row) else f"image {row}"

    def read(self, row: int) -> Picture:
        """Read one image.

        Raises
        ------
        UnreadableImageError
            If it is no image, has no pixels, or its file is missing or damaged.
        """
        item = self.items[row]
        if isinstance(item, str | os.PathLike):
            return _picture_of_file(read_file(item, self.max_pixels), self.value_range)
        if item is None or (isinstance(item, float) and np.isnan(item)):
            raise UnreadableImageError("missing")
        if hasattr(item, "getexif"):
            return _picture_of_file(decode(item, self.max_pixels), self.value_range)
        values = np.asarray(item)
        limits = self.value_range or type_range(values.dtype) or self.found_range
        return _picture(values, self.channels, limits)


def _read_items(X: Any) -> Any:
    if isinstance(X, str | os.PathLike):
        raise ValueError(
            f"{os.fspath(X)!r} is one path: give a list of files, as "
            'sorted(Path(folder).rglob("*.png"))'
        )
    if is_series(X):
        return to_array(X)
    shape = getattr(X, "shape", None)
    if shape is None:
        return X if isinstance(X, list | tuple) else list(X)
    if len(shape) == 3 and shape[0] > 0 and shape[-1] in _N_CHANNELS:
        raise ValueError(
            f"an array of shape {tuple(shape)} looks like one image in colour: X[None] makes it a "
            "set of one, and X[..., None] one of narrow grey images"
        )
    if len(shape) in (3, 4) or (len(shape) == 1 and _is_objects(X)):
        return X
    if len(shape) == 2:
        raise ValueError(
            f"expected images of shape (n, h, w), (n, h, w, c) or (n, c, h, w), got an array of "
            f"shape {tuple(shape)}: X.reshape(n, h, w) makes images of rows of pixels"
        )
    raise ValueError(f"an array of shape {tuple(shape)} holds no images")


def _is_objects(X: Any) -> bool:
    return np.asarray(X).dtype.kind in "OUT"


def _find_channels(shape: tuple[int, ...], channels: Channels) -> Channels:
    """Tell which end of the shape of one image holds its channels."""
    fits = {"first": shape[0] in _N_CHANNELS, "last": shape[-1] in _N_CHANNELS}
    if channels != "auto":
        if not fits[channels]:
            raise ValueError(f"an image of shape {shape} has no 1 to 4 channels {channels}")
        return channels
    if all(fits.values()):
        raise ValueError(
            f'images of shape {shape} may have their channels first or last: say channels="last" '
            'or channels="first"'
        )
    if not any(fits.values()):
        raise ValueError(f"an image of shape {shape} has no axis of 1 to 4 channels")
    return "first" if fits["first"] else "last"


def _picture_of_file(values: NDArray[Any], value_range: tuple[float, float] | None) -> Picture:
    """Picture of pixels that Pillow decoded; only floats have no range of their own."""
    if values.dtype.kind != "f":
        return _picture(values, "last", type_range(values.dtype))
    finite = values[np.isfinite(values)]
    if value_range is None and finite.size and not (finite.min() >= 0 and finite.max() <= 1):
        raise UnreadableImageError(
            f"floating-point numbers from {finite.min():.4g} to {finite.max():.4g}: "
            "value_range=(black, white) tells what they mean"
        )
    return _picture(values, "last", value_range)


def _picture(values: NDArray[Any], channels: Channels, limits: Any) -> Picture:
    if values.dtype.kind not in "biuf":
        raise UnreadableImageError(f"an array of type {values.dtype} holds no pixels")
    if values.ndim not in (2, 3):
        raise UnreadableImageError(f"an array of shape {values.shape} is no image")
    if values.size == 0:
        raise UnreadableImageError(f"no pixels: shape {values.shape}")
    if values.ndim == 3:
        try:
            channels = _find_channels(values.shape, channels)
        except ValueError as error:
            raise UnreadableImageError(str(error)) from None
        if channels == "first":
            values = np.moveaxis(values, 0, -1)
        if values.shape[-1] == 1:
            values = values[..., 0]
    pixels = _on_white(to_unit(values, *(limits or (0.0, 1.0))))
    return Picture(pixels, _digest(pixels))


def _digest(pixels: Pixels) -> bytes:
    """Digest of what is seen: neither the format nor the type of numbers changes it."""
    if pixels.ndim == 3 and all(
        np.array_equal(part[..., 0], part[..., c]) for part in (pixels[:1], pixels) for c in (1, 2)
    ):
        pixels = pixels[..., 0]
    digest = blake2b(str(pixels.shape).encode(), digest_size=16)
    levels = np.rint(pixels * np.float32(255))
    is_bytes = np.array_equal(levels / np.float32(255), pixels)  # a quarter to go through
    if is_bytes and levels.min() >= 0 and levels.max() <= 255:
        digest.update(np.ascontiguousarray(levels.astype(np.uint8)).data)
    else:
        digest.update(np.ascontiguousarray(pixels + np.float32(0)).data)  # -0.0 becomes 0.0
    return digest.digest()


def _on_white(pixels: Pixels) -> Pixels:
    """Lay an image with alpha over white."""
    if pixels.ndim == 2 or pixels.shape[-1] == 3:
        return pixels
    alpha = pixels[..., -1:]
    laid = pixels[..., :-1] * alpha + (1 - alpha)
    return laid[..., 0] if laid.shape[-1] == 1 else laid


def refuse_if_unreadable(reasons: Sequence[str | None], images: Images) -> None:
    """Raise ValueError if not one image could be read.

    Parameters
    ----------
    reasons : sequence of str or None
        Why an image can't be read, None where it can.
    images : Images
    """
    if all(reason is not None for reason in reasons):
        where = f" (from the folder {os.getcwd()!r})" if _is_relative(images, 0) else ""
        raise ValueError(
            f"not one of the {len(reasons)} images can be read; the first, {images.name(0)!r}"
            f"{where}: {reasons[0]}"
        )


def _is_relative(images: Images, row: int) -> bool:
    return images.is_file(row) and not os.path.isabs(images.name(row))
