"""Running means of maps by cell, and what is kept of each image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair.vision._regions import Masks

Floats = NDArray[np.floating]


class MapSums:
    """Sums of maps by layer and cell, and of each image its shares of attention and a small map.

    A map is divided by its sum, so that each image counts alike; one that is 0 all over has no
    shares (NaN) and counts in no mean.

    Parameters
    ----------
    n_layers, n_cells, n : int
        ``n`` is the number of images.
    size : tuple of 2 ints
        Height and width of maps.
    grid : int
        Most pixels along a side of the small maps.
    regions : dict of str to mask
    """

    def __init__(
        self,
        n_layers: int,
        n_cells: int,
        n: int,
        size: tuple[int, int],
        grid: int,
        regions: Masks,
    ) -> None:
        self.sums = np.zeros((n_layers, n_cells, *size))
        self.weight = np.zeros((n_layers, n_cells))
        self.pictures = np.zeros((n_cells, *size))
        self.picture_weight = np.zeros(n_cells)
        self.regions = regions
        self.shares = np.full((n_layers, len(regions), n), np.nan)
        self._down, self._across = (area_shares(side, min(grid, side)) for side in size)
        n_small = len(self._down) * len(self._across)
        self.small = np.full((n_layers, n, n_small), np.nan, dtype=np.float32)

    def add(
        self,
        layer: int,
        rows: NDArray[np.intp],
        maps: Any,
        cells: NDArray[np.intp],
        weights: Floats,
    ) -> None:
        """Add maps of some images, a tensor of shape (n, h, w)."""
        found = maps.detach().cpu().double().numpy()
        total = found.sum(axis=(1, 2), keepdims=True)
        known = total.ravel() > 0
        even = found / np.where(total > 0, total, 1)
        small = self._down @ even @ self._across.T
        self.small[layer, rows[known]] = small.reshape(len(rows), -1)[known]
        for j, mask in enumerate(self.regions.values()):
            inside = mask[rows] if mask.ndim == 3 else mask
            share = (even * inside).sum(axis=(1, 2))
            self.shares[layer, j, rows] = np.where(known, np.clip(share, 0.0, 1.0), np.nan)
        _add_by_cell(self.sums[layer], self.weight[layer], even, cells, weights * known)

    def add_pictures(self, images: Floats, cells: NDArray[np.intp], weights: Floats) -> None:
        """Add the brightness of some images, of shape (n, h, w) or (n, channels, h, w)."""
        grey = images.mean(axis=1) if images.ndim == 4 else images
        _add_by_cell(self.pictures, self.picture_weight, grey, cells, weights)

    def means(self) -> tuple[Floats, Floats]:
        """Mean maps by layer and cell, and mean pictures by cell; NaN where there are none."""
        maps = divide(self.sums, np.broadcast_to(self.weight[..., None, None], self.sums.shape))
        weight = np.broadcast_to(self.picture_weight[:, None, None], self.pictures.shape)
        return maps, divide(self.pictures, weight)


def area_shares(side: int, n_cells: int) -> Floats:
    """Share of each pixel of a side that lies in each of so many cells of equal length.

    Examples
    --------
    >>> area_shares(3, 2)
    array([[1. , 0.5, 0. ],
           [0. , 0.5, 1. ]])
    """
    edges, pixels = np.linspace(0, side, n_cells + 1), np.arange(side)
    first, last = np.maximum.outer(edges[:-1], pixels), np.minimum.outer(edges[1:], pixels + 1)
    found: Floats = np.maximum(last - first, 0.0)
    return found


def _add_by_cell(
    sums: Floats, totals: Floats, values: Floats, cells: NDArray[np.intp], weights: Floats
) -> None:
    held = (cells == np.arange(len(totals))[:, None]) * weights
    sums += (held @ values.reshape(len(values), -1)).reshape(sums.shape)
    totals += held.sum(axis=1)
