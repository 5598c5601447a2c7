"""Images that are copied: how they are read, their range, and which of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from skfair._utils.columns import is_frame

Floats = NDArray[np.float64]

_N_CHANNELS = (1, 2, 3, 4)


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
    if is_frame(X):
        raise ValueError("X must be images (n, c, h, w) or (n, h, w), and is a table")
    images: NDArray[Any] = check_array(
        X, dtype="numeric", allow_nd=True, ensure_2d=False, input_name="X", estimator="images"
    )
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise ValueError(
            f"X must be images (n, c, h, w) or (n, h, w), and has the shape {images.shape}"
        )
    if images.dtype.kind not in "uif":
        raise ValueError(f"pixels must be integers or floats, and are {images.dtype}")
    if images.ndim == 4 and images.shape[1] not in _N_CHANNELS and images.shape[3] in _N_CHANNELS:
        raise ValueError(
            f"X has the shape {images.shape}, with channels last: np.moveaxis(X, -1, 1) puts them "
            "where they should be"
        )
    return images


def find_range(
    images: NDArray[Any], value_range: tuple[float, float] | None
) -> tuple[float, float]:
    """Find the values of black and white.

    Raises
    ------
    ValueError
        If pixels lie outside a range that is given.

    Examples
    --------
    >>> find_range(np.array([0, 7], dtype=np.uint8), None), find_range(np.array([0.0, 0.5]), None)
    ((0.0, 255.0), (0.0, 1.0))
    """
    least, greatest = float(images.min()), float(images.max())
    if value_range is None:
        if images.dtype.kind == "u":
            return 0.0, float(np.iinfo(images.dtype).max)
        if images.dtype.kind == "f" and least >= 0 and greatest <= 1:
            return 0.0, 1.0
        return least, greatest if greatest > least else least + 1
    if len(value_range) != 2 or not value_range[0] <= least <= greatest <= value_range[1]:
        raise ValueError(
            f"value_range must be (black, white) around the pixels, which go from {least:g} to "
            f"{greatest:g}; got {value_range!r}"
        )
    return float(value_range[0]), float(value_range[1])


def draw_sources(
    cells: NDArray[np.intp],
    copies: NDArray[np.int64],
    weights: Floats | None,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Draw of which images copies are made: within a cell of each equally often, up to one.

    Examples
    --------
    >>> cells = np.array([0, 1, 0])
    >>> draw_sources(cells, np.array([4, 1]), None, np.random.default_rng(0)).tolist()
    [0, 0, 1, 2, 2]
    """
    counted = np.ones(len(cells), dtype=bool) if weights is None else weights > 0
    drawn = [np.empty(0, dtype=np.intp)]
    for cell in np.flatnonzero(copies):
        members = np.flatnonzero((cells == cell) & counted)
        drawn.append(np.resize(rng.permutation(members), copies[cell]))
    return np.sort(np.concatenate(drawn))


def as_floats(images: NDArray[Any]) -> NDArray[Any]:
    """Make floats of pixels, of the least precision that is enough."""
    kind = np.float64 if images.dtype.kind == "f" and images.dtype.itemsize > 4 else np.float32
    return np.ascontiguousarray(images, dtype=kind)
