"""What is measured of each image: a small row, so that the image needn't be kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from skfair.similarity import HashMethod, perceptual_hashes, shrink
from skfair.vision._images import Images, Picture, Pixels, UnreadableImageError

THUMBNAIL = 16
"""Side of the grey thumbnails by which near copies are confirmed."""

_LEVELS = 256
_BATCH = 16
_LAG = 4
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_LEAST_STRUCTURE = 1 / 255  # of a thumbnail's deviation, in which rounding and noise drown

MEASURES = (
    *("height", "width", "not_finite", "p05", "p99", "spread", "entropy"),
    *("smoothness", "colour"),
)
"""Columns of the table of measures."""


class Measured(NamedTuple):
    """Rows of measures of n images, in their order.

    Parameters
    ----------
    table : DataFrame
        Columns ``MEASURES``; NaN where an image can't be read or a measure isn't defined.
    reasons : list of str or None
        Why an image can't be read.
    content : ndarray of int of shape (n,)
        Code of the pixels: equal where all pixels are; -1 where an image can't be read.
    hashes, mirrored : ndarray of uint64 of shape (n,)
        Perceptual hashes of the images and of their mirror images.
    thumbnails : ndarray of float16 of shape (n, 16 * 16)
        Grey thumbnails of mean 0 and norm 1.
    is_structured : ndarray of bool of shape (n,)
        Whether there is enough to see for the hash to mean something.
    embeddings : ndarray of float of shape (n, k) or None
    """

    table: pd.DataFrame
    reasons: list[str | None]
    content: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    mirrored: NDArray[np.uint64]
    thumbnails: NDArray[np.float16]
    is_structured: NDArray[np.bool_]
    embeddings: NDArray[np.float64] | None


class _Row(NamedTuple):
    reason: str | None
    numbers: tuple[float, ...]
    digest: bytes | None
    hashes: NDArray[np.uint64]
    thumbnail: NDArray[np.float16]
    is_structured: bool
    embedding: NDArray[np.float64] | None


def measure_images(
    images: Images,
    *,
    method: HashMethod = "phash",
    embedding: Callable[[Pixels], Any] | None = None,
    n_jobs: int | None = None,
) -> Measured:
    """Read all images, a few at a time in threads, and measure them.

    Parameters
    ----------
    images : Images
    method : {"phash", "dhash", "ahash"}, default="phash"
    embedding : callable, default=None
        Maps the pixels of an image to a vector.
    n_jobs : int, default=None
        Number of threads; -1 takes all processors.

    Returns
    -------
    Measured
    """

    def work(rows: slice) -> list[_Row]:
        return [_measure_row(images, row, method, embedding) for row in range(len(images))[rows]]

    batches = gen_batches(len(images), _BATCH)
    done = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(work)(rows) for rows in batches)
    rows = [row for batch in done for row in batch]
    both = np.stack([row.hashes for row in rows])
    return Measured(
        pd.DataFrame([row.numbers for row in rows], columns=list(MEASURES)),
        [row.reason for row in rows],
        pd.factorize(np.array([row.digest for row in rows], dtype=object))[0].astype(np.int64),
        both[:, 0],
        both[:, 1],
        np.stack([row.thumbnail for row in rows]),
        np.array([row.is_structured for row in rows]),
        _stack_embeddings([row.embedding for row in rows]),
    )


def _measure_row(images: Images, row: int, method: HashMethod, embedding: Any) -> _Row:
    try:
        picture = images.read(row)
    except UnreadableImageError as error:
        unknown = (np.nan,) * len(MEASURES)
        nothing = np.zeros(THUMBNAIL**2, dtype=np.float16)
        return _Row(str(error), unknown, None, np.zeros(2, np.uint64), nothing, False, None)
    return _measure_picture(picture, method, embedding)


def _measure_picture(picture: Picture, method: HashMethod, embedding: Any) -> _Row:
    finite = np.isfinite(picture.pixels)
    lacking = 1 - float(finite.mean())
    pixels = picture.pixels
    if lacking:
        pixels = np.where(finite, pixels, pixels[finite].mean() if finite.any() else 0)
    pixels = np.clip(pixels, 0, 1).astype(np.float32, copy=False)
    grey = to_grey(pixels)
    counts = np.bincount(_levels(grey), minlength=_LEVELS)
    numbers = (
        *(float(side) for side in grey.shape),
        lacking,
        *_percentiles(counts),
        _entropy(counts),
        smoothness(grey),
        _colour(pixels),
    )
    thumbnail, deviation = _thumbnail(grey)
    hashes = perceptual_hashes([grey, grey[:, ::-1]], method=method)
    vector = None if embedding is None else np.asarray(embedding(pixels), dtype=float).ravel()
    is_structured = deviation >= _LEAST_STRUCTURE
    return _Row(None, numbers, picture.digest, hashes, thumbnail, is_structured, vector)


def to_grey(pixels: Pixels) -> Pixels:
    """Luminance of an image."""
    return pixels if pixels.ndim == 2 else pixels @ _LUMA


def smoothness(grey: Pixels, lag: int = _LAG) -> float:
    r"""How smooth an image is at the scale of its pixels.

    From the mean squared differences :math:`D(h)` of pixels that are h apart, in both directions,

    .. math:: \frac{\log D(4) - \log D(1)}{2 \log 4},

    the exponent by which differences grow with distance. Of noise it is 0, of sharp edges 1/2,
    and of a surface without any detail 1; contrast and brightness leave it unchanged.

    Parameters
    ----------
    grey : ndarray of float of shape (h, w)
    lag : int, default=4
        The longer distance; half of the smaller side at most.

    Returns
    -------
    float
        At most 1; NaN where the image is smaller than 4 pixels or differences drown in rounding.

    Examples
    --------
    >>> columns = np.arange(64)
    >>> edge, ramp = (np.tile(row, (64, 1)) for row in (columns >= 32, columns / 63))
    >>> [round(smoothness(image.astype(float)), 2) for image in (edge, ramp)]
    [0.52, 1.0]
    """
    lag = min(lag, min(grey.shape) // 2)
    if lag < 2:
        return np.nan
    near, far = (_squared_differences(grey, h) for h in (1, lag))
    if far < (1 / 255) ** 2 or near <= 0:
        return np.nan
    return float(np.log(far / near) / (2 * np.log(lag)))


def _squared_differences(grey: Pixels, lag: int) -> float:
    parts = (grey[lag:] - grey[:-lag]).ravel(), (grey[:, lag:] - grey[:, :-lag]).ravel()
    return sum(float(np.dot(part, part)) / part.size for part in parts)


def _levels(values: Pixels) -> NDArray[np.uint8]:
    return np.rint(values * (_LEVELS - 1)).astype(np.uint8).ravel()


def _percentiles(counts: NDArray[np.intp]) -> tuple[float, float, float]:
    """Find the 5th and 99th percentile of brightness, and the range of all but 1 % of pixels."""
    share = np.cumsum(counts) / counts.sum()
    at = [int(np.searchsorted(share, q)) / (_LEVELS - 1) for q in (0.005, 0.05, 0.99, 0.995)]
    return at[1], at[2], at[3] - at[0]


def _entropy(counts: NDArray[np.intp]) -> float:
    """Entropy of the levels of grey, as a share of the most that so many pixels can have."""
    shares = counts[counts > 0] / counts.sum()
    most = np.log(min(_LEVELS, counts.sum()))
    return float(-(shares * np.log(shares)).sum() / most) if most else 0.0


def _colour(pixels: Pixels) -> float:
    """99th percentile of the difference between the strongest and the weakest channel."""
    if pixels.ndim == 2:
        return 0.0
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]  # max over an axis is slow
    strongest = np.maximum(np.maximum(red, green), blue)
    differences = _levels(strongest - np.minimum(np.minimum(red, green), blue))
    counts = np.bincount(differences, minlength=_LEVELS)
    return int(np.searchsorted(np.cumsum(counts) / counts.sum(), 0.99)) / (_LEVELS - 1)


def _thumbnail(grey: Pixels) -> tuple[NDArray[np.float16], float]:
    small = shrink(grey, THUMBNAIL, THUMBNAIL).ravel().astype(np.float64)
    small -= small.mean()
    norm = float(np.linalg.norm(small))
    deviation = norm / THUMBNAIL
    return (small / norm if norm else small).astype(np.float16), deviation


def _stack_embeddings(
    vectors: list[NDArray[np.float64] | None],
) -> NDArray[np.float64] | None:
    sizes = {len(vector) for vector in vectors if vector is not None}
    if not sizes:
        return None
    if len(sizes) > 1:
        raise ValueError(f"embedding gave vectors of different lengths: {sorted(sizes)}")
    unknown = np.full(sizes.pop(), np.nan)
    return np.stack([unknown if vector is None else vector for vector in vectors])
