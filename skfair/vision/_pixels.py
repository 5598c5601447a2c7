"""Arrays of images: what shapes and types they may have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite

from skfair._utils.columns import is_frame, is_series

_N_CHANNELS = (1, 2, 3, 4)
_FOR_TABLES = " (for tables there is group_attributions)"


def as_images(X: Any, hint: str = _FOR_TABLES) -> Any:
    """Read images as an array; what is an array already stays as it is.

    Raises
    ------
    ValueError
        If X is a table, names of files, has no rows, images of different shapes, or channels last.

    Examples
    --------
    >>> as_images([[[0, 1]], [[1, 0]]]).shape
    (2, 1, 2)
    """
    if is_frame(X):
        raise ValueError(f"X is a table: give images, an array (n, channels, height, width){hint}")
    try:
        images = X if hasattr(X, "shape") and not is_series(X) else np.asarray(X)
    except ValueError as error:
        raise ValueError(f"images must have one shape: {error}") from error
    if _are_names(images):
        raise ValueError(
            "X holds text, not pixels: if it names files, read them first, "
            "np.stack([np.asarray(PIL.Image.open(path)) for path in X])"
        )
    check_image_shape(tuple(images.shape), hint)
    return images


def _are_names(images: Any) -> bool:
    kind = getattr(getattr(images, "dtype", None), "kind", "f")
    first = images.flat[0] if kind == "O" and images.size else None
    return kind in "US" or isinstance(first, str | os.PathLike)


def check_image_shape(shape: Sequence[int], hint: str = "") -> None:
    """Raise ValueError if an array of this shape holds no images, or has its channels last.

    Examples
    --------
    >>> check_image_shape((5, 8, 8, 3))
    Traceback (most recent call last):
    ValueError: X has the shape (5, 8, 8, 3), with channels last: np.moveaxis(X, -1, 1) puts them \
where they should be
    """
    if len(shape) not in (3, 4) or 0 in shape:
        raise ValueError(
            "X must be images of shape (n, channels, height, width) or (n, height, width), got "
            f"shape {tuple(shape)}{hint}"
        )
    if len(shape) == 4 and shape[3] in _N_CHANNELS and not {*shape[1:3]} & {*_N_CHANNELS}:
        raise ValueError(
            f"X has the shape {tuple(shape)}, with channels last: np.moveaxis(X, -1, 1) puts them "
            "where they should be"
        )


def read_images(X: Any) -> NDArray[Any]:
    """Read images of one size and any type of numbers.

    Raises
    ------
    ValueError
        If X is no array (n, h, w) or (n, c, h, w), its channels are last, or pixels are missing.

    Examples
    --------
    >>> read_images(np.zeros((5, 3, 8, 8), dtype=np.uint8)).dtype
    dtype('uint8')
    """
    images = np.asarray(as_images(X, hint=""))
    if images.dtype.kind == "O":
        images = images.astype(np.float64)
    if images.dtype.kind not in "uif":
        raise ValueError(f"pixels must be integers or floats, and are {images.dtype}")
    assert_all_finite(images, input_name="X")
    return images
