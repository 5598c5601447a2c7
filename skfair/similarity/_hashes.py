"""Perceptual hashes: 64 bits that copies of an image share, though their bytes differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from skfair._utils.validation import check_option

HashMethod = Literal["phash", "dhash", "ahash"]

_SIDE = 32  # of the thumbnail that is transformed
_BITS = 8  # bits a row and a column
# below these, numbers of symmetric and even images differ by rounding
_LEAST_WAVE = 3e-3  # of the strongest wave
_LEAST_STEP = 1e-3  # of the range of the pixels


def shrink(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Bring an image to another size; each new pixel is the mean of the area that it covers.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, n_channels)
        Numbers that aren't of a floating type become float64.
    height, width : int
        The new size. A side that grows repeats its pixels.

    Returns
    -------
    ndarray of float of shape (height, width) or (height, width, n_channels)

    Examples
    --------
    >>> shrink(np.array([[0.0, 2.0, 4.0], [2.0, 4.0, 6.0]]), 1, 3).tolist()
    [[1.0, 3.0, 5.0]]
    """
    if image.dtype.kind != "f":
        image = image.astype(np.float64)
    rows = _area_weights(image.shape[0], height).astype(image.dtype)
    columns = _area_weights(image.shape[1], width).astype(image.dtype)
    shrunk = np.tensordot(rows, image, axes=(1, 0))
    if image.ndim == 2:
        return shrunk @ columns.T
    return np.moveaxis(np.tensordot(columns, shrunk, axes=(1, 1)), 0, 1)


def perceptual_hashes(
    images: Iterable[NDArray[Any]], *, method: HashMethod = "phash"
) -> NDArray[np.uint64]:
    r"""Hash grey images, so that near copies differ in few of 64 bits.

    An image is brought to a small size, and a bit says whether a number is above another:

    - ``"phash"``: each of the 8 x 8 lowest coefficients of the cosine transform of 32 x 32 pixels
      against their median;
    - ``"dhash"``: each of 8 x 8 pixels against the pixel to its left;
    - ``"ahash"``: each of 8 x 8 pixels against their mean.

    Above means by more than 0.001 of the range of those pixels, and of coefficients by more than
    0.003 of the largest such difference: in an image that is symmetric, or even along an axis, many
    numbers are equal but for rounding. None of the hashes changes with brightness or contrast as
    long as nothing is clipped or rounded. The first holds best against noise and compression. An
    image without structure has an arbitrary hash.

    Parameters
    ----------
    images : iterable of ndarray of float of shape (h, w)
        Of any size; an array of shape (n, h, w) does.
    method : {"phash", "dhash", "ahash"}, default="phash"

    Returns
    -------
    hashes : ndarray of uint64 of shape (n,)
        The first bit is the highest.

    Raises
    ------
    ValueError
        If the method isn't known, or an image isn't of two dimensions or has no pixels.

    References
    ----------
    Zauner, C. (2010). Implementation and benchmarking of perceptual image hash functions. Thesis,
    Upper Austria University of Applied Sciences, Hagenberg.

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    >>> one, brighter = perceptual_hashes([ramp, 0.2 + 0.5 * ramp], method="dhash")
    >>> bool(one == brighter), hex(one)
    (True, '0xffffffffffffffff')
    """
    check_option("method", method, list(_BITS_OF))
    found = [_BITS_OF[method](_check_grey(image)).ravel() for image in images]
    if not found:
        return np.zeros(0, dtype=np.uint64)
    packed = np.packbits(np.stack(found), axis=1)
    return packed.view(">u8").ravel().astype(np.uint64)


def _check_grey(image: Any) -> NDArray[np.floating]:
    grey = np.asarray(image)
    if grey.dtype.kind != "f":
        grey = grey.astype(np.float64)
    if grey.ndim != 2 or 0 in grey.shape:
        raise ValueError(f"a grey image has two sides, got an array of shape {grey.shape}")
    return grey


@lru_cache(maxsize=16)
def _area_weights(n: int, m: int) -> NDArray[np.float64]:
    """Matrix (m, n) that takes n pixels to m by the share of each that a new pixel covers."""
    edges = np.linspace(0, n, m + 1)
    pixels = np.arange(n)
    low, high = edges[:-1, None], edges[1:, None]
    covered = np.minimum(high, pixels + 1) - np.maximum(low, pixels)
    return np.clip(covered, 0, None) * (m / n)


@lru_cache(maxsize=1)
def _low_frequencies() -> NDArray[np.float64]:
    return dct(np.eye(_SIDE), axis=0)[:_BITS]


def _phash(grey: NDArray[np.floating]) -> NDArray[np.bool_]:
    lowest = _low_frequencies()
    coefficients = lowest @ shrink(grey, _SIDE, _SIDE).astype(np.float64) @ lowest.T
    differences = coefficients - np.median(coefficients)
    waves = differences.ravel()[1:]  # the first is the brightness
    return differences > _LEAST_WAVE * np.abs(waves).max()


def _dhash(grey: NDArray[np.floating]) -> NDArray[np.bool_]:
    small = shrink(grey, _BITS, _BITS + 1)
    return np.diff(small, axis=1) > _LEAST_STEP * np.ptp(small)


def _ahash(grey: NDArray[np.floating]) -> NDArray[np.bool_]:
    small = shrink(grey, _BITS, _BITS)
    return small - small.mean() > _LEAST_STEP * np.ptp(small)


_BITS_OF: dict[str, Callable[[NDArray[np.floating]], NDArray[np.bool_]]] = {
    "phash": _phash,
    "dhash": _dhash,
    "ahash": _ahash,
}
