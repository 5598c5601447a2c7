"""One reader of images: arrays of any layout, lists of arrays, files."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import is_series, to_array
from skfair._utils.optional import import_optional
from skfair._utils.validation import check_option

Channels = Literal["auto", "first", "last"]
Pixels = NDArray[np.float32]

_N_CHANNELS = (1, 2, 3, 4)  # grey, grey and alpha, RGB, RGBA
_LARGEST = {"b": 1.0, "u1": 255.0, "u2": 65535.0}


class UnreadableImageError(ValueError):
    """What stands for an image is none; the message says why."""


class Picture(NamedTuple):
    """One image: grey (h, w) or RGB (h, w, 3), 0 black and 1 white, and a digest of its content.

    Pixels that aren't finite numbers stay so.
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
        Black and white of arrays; None: by their type.
    """

    items: Any
    channels: Channels
    value_range: tuple[float, float] | None

    @classmethod
    def of(
        cls, X: Any, *, channels: Channels = "auto", value_range: tuple[float, float] | None = None
    ) -> Images:
        """Look at what the user has, without reading files.

        Parameters
        ----------
        X : array of shape (n, h, w), (n, h, w, c) or (n, c, h, w), or sequence of arrays or paths
            Sequences may mix sizes; c is 1 to 4: grey, grey and alpha, RGB, RGBA.
        channels : {"auto", "first", "last"}, default="auto"
            Which axis of arrays holds the channels; "auto": the one that is 1 to 4 long.
        value_range : tuple of 2 floats, default=None
            Values of black and white in arrays. None: those of the type for booleans and unsigned
            integers; of other types 0 to 1, 0 to 255 and 0 to 65535 if the values are such (the
            latter two for integers), and else the smallest (at most 0) to the largest value.

        Returns
        -------
        Images

        Raises
        ------
        ValueError
            If X is empty, holds no images, or the axis of the channels can't be told.

        Examples
        --------
        >>> images = Images.of(np.full((2, 3, 8, 8), 255, dtype=np.uint8))
        >>> len(images), images.channels, images.read(0).pixels.shape, images.read(0).pixels.max()
        (2, 'first', (8, 8, 3), np.float32(1.0))
        """
        check_option("channels", channels, ("auto", "first", "last"))
        items = _read_items(X)
        if len(items) == 0:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required")
        shape = getattr(items, "shape", ())
        if len(shape) == 4:
            channels = _find_channels(tuple(shape[1:]), channels)
        if value_range is None:
            value_range = _find_range(items)
        elif not np.isfinite(value_range).all() or not value_range[0] < value_range[1]:
            raise ValueError(f"value_range must be (black, white), got {value_range!r}")
        return cls(items, channels, value_range)

    def __len__(self) -> int:
        return len(self.items)

    def name(self, row: int) -> str:
        """Path of a file, as text; of an array its position."""
        item = self.items[row]
        return os.fspath(item) if isinstance(item, str | os.PathLike) else f"image {row}"

    def read(self, row: int) -> Picture:
        """Read one image.

        Raises
        ------
        UnreadableImageError
            If it is no image, has no pixels, or its file is missing or damaged.
        """
        item = self.items[row]
        if isinstance(item, str | os.PathLike):
            return _picture(_read_file(item), "last", None)
        if item is None or (isinstance(item, float) and np.isnan(item)):
            raise UnreadableImageError("missing")
        if hasattr(item, "getexif"):
            return _picture(_decode(item), "last", None)
        return _picture(np.asarray(item), self.channels, self.value_range)


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


def _find_range(items: Any) -> tuple[float, float] | None:
    """Find black and white of all arrays together; None where their types tell it."""
    if len(getattr(items, "shape", ())) > 1 and _type_range(np.asarray(items[0]).dtype) is not None:
        return None
    low, high, is_whole, is_needed = np.inf, -np.inf, True, False
    for item in items:
        if item is None or isinstance(item, str | os.PathLike | float) or hasattr(item, "getexif"):
            continue
        values = np.asarray(item)
        if _type_range(values.dtype) is not None:
            continue
        if values.dtype.kind not in "iuf":
            raise ValueError(f"images hold numbers, got an array of type {values.dtype}")
        is_needed, is_whole = True, is_whole and values.dtype.kind != "f"
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if not is_needed or (low >= 0 and high <= 1):
        return (0.0, 1.0) if is_needed else None
    if low >= 0 and is_whole and high <= _LARGEST["u2"]:
        return 0.0, _LARGEST["u1"] if high <= _LARGEST["u1"] else _LARGEST["u2"]
    return min(low, 0.0), max(high, low + 1.0)


def _type_range(dtype: np.dtype[Any]) -> tuple[float, float] | None:
    largest = _LARGEST.get("b" if dtype.kind == "b" else f"{dtype.kind}{dtype.itemsize}")
    return None if largest is None else (0.0, largest)


def _read_file(path: str | os.PathLike[str]) -> NDArray[Any]:
    library = import_optional("PIL.Image", extra="vision", purpose="reading files of images")
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise UnreadableImageError("no file")
        with library.open(path) as image:
            return _decode(image)
    except UnreadableImageError:
        raise
    except FileNotFoundError:
        raise UnreadableImageError("no such file") from None
    except Exception as error:  # decoders of damaged files fail in many ways
        reason = " ".join(str(error).replace(os.fspath(path), "file").split())
        raise UnreadableImageError(f"{type(error).__name__}: {reason}"[:200]) from error


def _decode(image: Any) -> NDArray[Any]:
    """Pixels of an image of Pillow: grey, grey and alpha, RGB or RGBA, the right way up."""
    operations = import_optional("PIL.ImageOps", extra="vision", purpose="reading files of images")
    image = operations.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode == "I":  # 16 bits, as files of grey images have them
        return np.asarray(image).clip(0, 65535).astype(np.uint16)
    if image.mode == "F":
        return np.asarray(image)
    if "transparency" in image.info or image.mode in ("PA", "La", "RGBa"):
        image = image.convert("RGBA")
    elif image.mode not in ("1", "L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")
    return np.asarray(image)


def _picture(values: NDArray[Any], channels: Channels, value_range: Any) -> Picture:
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
    digest = blake2b(f"{values.shape}{values.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(values).data)
    return Picture(_on_white(_to_unit(values, value_range)), digest.digest())


def _to_unit(values: NDArray[Any], value_range: tuple[float, float] | None) -> Pixels:
    low, high = value_range or _type_range(values.dtype) or _find_range([values]) or (0.0, 1.0)
    if low == 0 and high == 1:
        return values.astype(np.float32)
    return ((values.astype(np.float32) - np.float32(low)) / np.float32(high - low)).astype(
        np.float32
    )


def _on_white(pixels: Pixels) -> Pixels:
    """Lay an image with alpha over white."""
    if pixels.ndim == 2 or pixels.shape[-1] == 3:
        return pixels
    alpha = pixels[..., -1:]
    laid = pixels[..., :-1] * alpha + (1 - alpha)
    return laid[..., 0] if laid.shape[-1] == 1 else laid


def refuse_if_unreadable(reasons: Sequence[str | None]) -> None:
    """Raise ValueError if not one image could be read.

    Parameters
    ----------
    reasons : sequence of str or None
        Why an image can't be read, None where it can.
    """
    if all(reason is not None for reason in reasons):
        raise ValueError(
            f"not one of the {len(reasons)} images can be read; the first: {reasons[0]}"
        )
