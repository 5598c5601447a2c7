"""Files of images, decoded by Pillow to arrays of a few known kinds."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.optional import import_optional

MAX_PIXELS = 50_000_000
"""Files of more pixels aren't decoded: a small file may hold many."""

# Pillow reads what a file is from its content; of some formats (EPS) it has a program do the rest.
_FORMATS = (
    *("PNG", "JPEG", "TIFF", "BMP", "DIB", "WEBP", "GIF", "PPM", "JPEG2000", "TGA", "ICO", "PCX"),
    *("SGI", "AVIF", "HEIF"),
)


class UnreadableImageError(ValueError):
    """What stands for an image is none; the message says why."""


def read_file(path: str | os.PathLike[str], max_pixels: int | None) -> NDArray[Any]:
    """Read the pixels of a file.

    Raises
    ------
    UnreadableImageError
        If it is missing, damaged or too large; the message doesn't name it.
    """
    library = import_optional("PIL.Image", extra="vision", purpose="reading files of images")
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise UnreadableImageError("no file")
        with library.open(path, formats=_known_formats()) as image:
            return decode(image, max_pixels)
    except UnreadableImageError:
        raise
    except FileNotFoundError:
        raise UnreadableImageError("no such file") from None
    except library.UnidentifiedImageError:
        raise UnreadableImageError("no image of a known format") from None
    except Exception as error:  # decoders of damaged files fail in many ways
        reason = str(error)
        for name in (os.fspath(path), repr(os.fspath(path))[1:-1]):
            reason = reason.replace(name, "file")
        reason = f"{type(error).__name__}: {' '.join(reason.split())}"
        raise UnreadableImageError(reason[:200]) from error


@lru_cache(maxsize=1)
def _known_formats() -> tuple[str, ...]:
    """Those of the formats that this Pillow, with its plugins, can read."""
    library = import_optional("PIL.Image", extra="vision", purpose="reading files of images")
    library.init()
    return tuple(name for name in _FORMATS if name in library.OPEN)


def decode(image: Any, max_pixels: int | None) -> NDArray[Any]:
    """Pixels of an image of Pillow: grey, grey and alpha, RGB or RGBA, the right way up."""
    width, height = image.size
    if max_pixels is not None and width * height > max_pixels:
        raise UnreadableImageError(
            f"too many pixels: {width} x {height} are more than max_pixels={max_pixels}"
        )
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
