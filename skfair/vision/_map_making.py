"""Making heatmaps of all images, batch by batch, and adding them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import joblib
import numpy as np
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.validation import check_count, check_option, is_number
from skfair.groups import Groups
from skfair.vision._attention import METHODS, OF_LAYERS, map_makers
from skfair.vision._explained import ExplainedNetwork, predicted_classes
from skfair.vision._map_layers import choose_layers
from skfair.vision._map_sums import MapSums
from skfair.vision._map_tables import Cells
from skfair.vision._regions import Masks

Floats = NDArray[np.floating]


class MapOptions(NamedTuple):
    """How maps are made, as parameters of ``Heatmaps``."""

    method: str
    layers: str | Sequence[str] | None
    baseline: float | None
    n_steps: int
    window: int | None
    stride: int | None
    grid: int
    batch_size: int

    def check(self) -> None:
        """Raise ValueError if an option is out of its range."""
        check_option("method", self.method, METHODS)
        check_count("n_steps", self.n_steps)
        for name in ("window", "stride"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        check_count("grid", self.grid)
        check_count("batch_size", self.batch_size)
        known = self.baseline is None or (is_number(self.baseline) and np.isfinite(self.baseline))
        if not known:
            raise ValueError(f"baseline must be a finite number or None, got {self.baseline!r}")
        if self.layers is not None and self.method not in OF_LAYERS:
            raise ValueError(f"layers are for {listed(OF_LAYERS)}; method is {self.method!r}")

    def window_of(self, size: tuple[int, int]) -> int:
        """Give the side of the square that occlusion hides."""
        return min(self.window or max(min(size) // 6, 1), *size)

    def stride_of(self, size: tuple[int, int]) -> int:
        """Give how far the square moves: its side at most, so that each pixel is hidden."""
        window = self.window_of(size)
        return min(self.stride or max(window // 2, 1), window)

    def settings(self) -> dict[str, Any]:
        """Give what maps hang on."""
        names = {
            "occlusion": ("baseline", "window", "stride"),
            "integrated_gradients": ("baseline",),
        }
        of_method = names.get(self.method, ())
        return {"method": self.method, **{name: getattr(self, name) for name in of_method}}


def find_cells(
    network: ExplainedNetwork,
    X: Any,
    labels: Any,
    groups: Groups,
    weights: Floats | None,
    *,
    target: str,
    output: str,
    batch_size: int,
) -> tuple[Cells, NDArray[np.intp]]:
    """Find each image's cell, and the class whose score is explained."""
    if labels is None and target == "label":
        raise ValueError('target="label" needs y')
    known = None if labels is None else network.code_labels(labels)
    if known is None or target == "predicted":
        targets = predicted_classes(network, X, batch_size, output)
    else:
        targets = known
    codes = targets if known is None else known
    found, codes = np.unique(codes, return_inverse=True)
    names = np.arange(network.n_classes) if network.classes is None else network.classes
    ones = np.ones(len(X)) if weights is None else weights / weights.mean()
    return Cells(groups, codes, np.asarray(names)[found].tolist(), ones), targets


def sum_maps(
    network: ExplainedNetwork,
    X: Any,
    cells: Cells,
    targets: NDArray[np.intp],
    masks: Masks,
    options: MapOptions,
) -> tuple[MapSums, list[str]]:
    """Make all maps, batch by batch; give their sums and the names of the layers.

    Raises
    ------
    ValueError
        If there is no such layer, or a map is NaN or infinite.
    """
    import torch

    layers = ["input"]
    if options.method in OF_LAYERS:
        layers = choose_layers(network, network.images(X, np.arange(1)), options.layers)
    size = (network.shape[-2], network.shape[-1])
    n_cells = cells.groups.n_groups * len(cells.classes)
    sums = MapSums(len(layers), n_cells, len(X), size, options.grid, masks)
    makers = map_makers(
        options.method,
        network,
        layers,
        baseline=_baseline(network, X, cells.weights, options),
        n_steps=options.n_steps,
        window=options.window_of(size),
        stride=options.stride_of(size),
        batch_size=options.batch_size,
    )
    flat = cells.flat
    for rows, images in network.blocks(X, options.batch_size):
        own = (flat[rows], cells.weights[rows])
        sums.add_pictures(images, *own)
        classes = torch.from_numpy(targets[rows]).to(network.device)
        for i, make in enumerate(makers):
            maps = make(network.place(images), classes)
            if not bool(torch.isfinite(maps).all()):
                raise ValueError(
                    f"the heatmap of an image among rows {rows[0]} to {rows[-1]} is NaN or "
                    "infinite: look at what the network gives there"
                )
            sums.add(i, rows, maps, *own)
    return sums, layers


def _baseline(network: ExplainedNetwork, X: Any, weights: Floats, options: MapOptions) -> Any:
    """Make the image that shows nothing, of shape (1, channels, 1, 1) or (1, 1, 1)."""
    channels = network.shape[:-2]
    if options.baseline is not None or options.method in OF_LAYERS:
        colour = np.full(channels, options.baseline or 0.0)
    else:
        colour = np.zeros(channels)
        for rows, images in network.blocks(X, options.batch_size):
            colour += np.tensordot(weights[rows], images.mean(axis=(-2, -1)), axes=1)
        colour /= weights.sum()
    first = network.images(X, np.arange(1))
    return network.place(np.asarray(colour, dtype=first.dtype).reshape(1, *channels, 1, 1))


def fingerprint(X: Any, batch_size: int = 256) -> str:
    """Tell images apart by a digest; that of doubles is that of single floats.

    Examples
    --------
    >>> X = np.arange(12.0).reshape(3, 2, 2)
    >>> fingerprint(X) == fingerprint(X.astype(np.float32)), fingerprint(X) == fingerprint(X[::-1])
    (True, False)
    """
    if getattr(getattr(X, "dtype", None), "kind", "O") not in "biuf":
        return str(joblib.hash(X))
    blocks = range(0, len(X), batch_size)
    parts = (np.ascontiguousarray(X[i : i + batch_size], dtype=np.float32) for i in blocks)
    return str(joblib.hash([X.shape, *(joblib.hash(part) for part in parts)]))
