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
        self.small_size = (min(grid, size[0]), min(grid, size[1]))
        n_small = self.small_size[0] * self.small_size[1]
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
        from torch.nn.functional import adaptive_avg_pool2d

        maps = maps.double()
        total = maps.sum(dim=(1, 2), keepdim=True)
        known = (total > 0).flatten().cpu().numpy()
        maps = maps / total.where(total > 0, total.new_ones(()))
        small = adaptive_avg_pool2d(maps[:, None], self.small_size).flatten(1)
        small = small / small.sum(dim=1, keepdim=True).clamp(min=1e-300)
        self.small[layer, rows[known]] = small.cpu().numpy()[known]
        even = maps.cpu().numpy()
        for j, mask in enumerate(self.regions.values()):
            inside = mask[rows] if mask.ndim == 3 else mask
            found = (even * inside).sum(axis=(1, 2))
            self.shares[layer, j, rows] = np.where(known, np.clip(found, 0.0, 1.0), np.nan)
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


def _add_by_cell(
    sums: Floats, totals: Floats, values: Floats, cells: NDArray[np.intp], weights: Floats
) -> None:
    held = (cells == np.arange(len(totals))[:, None]) * weights
    sums += (held @ values.reshape(len(values), -1)).reshape(sums.shape)
    totals += held.sum(axis=1)
