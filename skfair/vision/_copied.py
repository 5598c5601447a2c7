"""Copies of images: of which, their range and types, and how they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NUMBERS_AT_ONCE = 1 << 22


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
    """Make floats of pixels, of the least precision that is enough.

    Examples
    --------
    >>> as_floats(np.array([7], dtype=np.uint16)).dtype, as_floats(np.array([7])).dtype
    (dtype('float32'), dtype('float64'))
    """
    is_fine = images.dtype.itemsize > (4 if images.dtype.kind == "f" else 2)
    return np.ascontiguousarray(images, dtype=np.float64 if is_fine else np.float32)


def as_pixels(found: NDArray[np.floating], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Make pixels of floats: of integers the nearest that the type has.

    Examples
    --------
    >>> as_pixels(np.array([2.6, 2.0**32]), np.dtype(np.uint32))
    array([         3, 4294967295], dtype=uint32)
    """
    if dtype.kind == "f":
        return found.astype(dtype)
    ends = np.iinfo(dtype)
    low, high = (np.array(end, dtype=found.dtype) for end in (ends.min, ends.max))
    made = np.clip(found, low, np.nextafter(high, 0)).round().astype(dtype)
    return np.where(found >= high, dtype.type(ends.max), made)


def make_copies(
    images: NDArray[Any],
    sources: NDArray[np.intp],
    cells: NDArray[np.intp],
    change: Any,
    device: str,
    seed: int,
) -> NDArray[Any]:
    """Copy images, by blocks, in their type; those that the draw hits are changed.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, c, h, w)
    sources : ndarray of int
        Which images.
    cells : ndarray of int of shape (n,)
    change : ImageAugmentation
    device : str
    seed : int

    Returns
    -------
    ndarray
    """
    import torch

    from skfair.nn import device_of

    place = device_of(device)
    made = images[sources]
    step = max(1, _NUMBERS_AT_ONCE // max(1, images[0].size))
    for start in range(0, len(sources), step):
        rows = sources[start : start + step]
        own = int(np.random.SeedSequence([seed, start]).generate_state(1)[0])
        codes = torch.from_numpy(cells[rows])
        drawn = change.draw_rows(len(rows), codes, seed=own)
        if len(drawn) == 0:
            continue
        block = torch.from_numpy(as_floats(images[rows]))
        is_known = place.type != "mps" or block.dtype != torch.float64  # mps has no such numbers
        block = block.to(place if is_known else "cpu")
        found = change(block if block.ndim == 4 else block[:, None], codes, seed=own)
        found = found.reshape(block.shape)[drawn].cpu().numpy()
        made[start + drawn] = as_pixels(found, images.dtype)
    return made
