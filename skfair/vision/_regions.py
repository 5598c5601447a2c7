"""Regions of images: boxes and masks."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

Masks = dict[str, NDArray[np.bool_]]


def read_regions(regions: Any, n: int, size: tuple[int, int]) -> Masks:
    """Read regions as masks by name: of all images, (h, w), or of each, (n, h, w).

    Parameters
    ----------
    regions : None, box, mask, or mapping of str to these
        A box is (top, left, bottom, right) in pixels, the last two not included.
    n : int
        Number of images.
    size : tuple of 2 ints
        Their height and width.

    Raises
    ------
    ValueError
        If a box doesn't lie in the image, or a mask has another shape, other values than true and
        false, or no pixel at all.

    Examples
    --------
    >>> read_regions((0, 0, 1, 2), 9, (2, 2))
    {'region': array([[ True,  True],
           [False, False]])}
    """
    if regions is None:
        return {}
    if not isinstance(regions, Mapping):
        regions = {"region": regions}
    if "map" in regions:
        raise ValueError('a region can\'t be named "map"')
    return {str(name): _read(str(name), region, n, size) for name, region in regions.items()}


def _read(name: str, region: Any, n: int, size: tuple[int, int]) -> NDArray[np.bool_]:
    if isinstance(region, tuple | list) and all(isinstance(v, Integral) for v in region):
        return _box(name, [int(v) for v in region], size)
    mask = np.asarray(region)
    if mask.shape not in (size, (n, *size)):
        raise ValueError(
            f"the mask of {name!r} must have the shape {size} or {(n, *size)}, as the images; got "
            f"{mask.shape} (a box is four whole numbers: top, left, bottom, right)"
        )
    if mask.dtype != bool:
        if not np.isin(mask, (0, 1)).all():
            raise ValueError(f"the mask of {name!r} must hold true and false, or 0 and 1, only")
        mask = mask.astype(bool)
    if not mask.any():
        raise ValueError(f"the mask of {name!r} has no pixel")
    return mask


def _box(name: str, box: list[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    height, width = size
    if len(box) != 4 or not (0 <= box[0] < box[2] <= height and 0 <= box[1] < box[3] <= width):
        raise ValueError(
            f"the box of {name!r} must be (top, left, bottom, right) within {height} x {width} "
            f"pixels, got {tuple(box)}"
        )
    mask = np.zeros(size, dtype=bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return mask
