"""Images turned, moved, lit and covered at random, in batches, on the CPU or a GPU."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from skfair._utils.validation import check_option
from skfair.nn.operations import DEFAULT_OPERATIONS, OPERATIONS, Operations, read_operations

Floats = NDArray[np.float64]
Padding = Literal["edge", "reflect", "black"]

PADDINGS = {"edge": "border", "reflect": "reflection", "black": "zeros"}  # torch's names
_NOISE = 0x5DEECE66D  # keeps its stream apart from that of amounts
_FLIPS = {"flip_horizontal", "flip_vertical"}
_WARPS = {"rotate", "crop", "zoom", "translate"}
_NOTHING = {"crop": 1.0, "contrast": 1.0}  # amounts that change nothing, where that isn't 0
# What is drawn for each image; all of it always, so that one operation doesn't move another's draws
_COLUMNS = (
    *("changed", "rotate", "flip_horizontal", "flip_vertical", "crop", "crop_x", "crop_y", "zoom"),
    *("translate_x", "translate_y", "brightness", "contrast", "noise"),
    *("cutout", "cutout_x", "cutout_y"),
)


class ImageAugmentation:
    """Operations on batches of images, which may differ from cell to cell.

    Parameters
    ----------
    operations : sequence of mappings of str to float or (float, float)
        Of each cell, as in :func:`augment_images`.
    chances : sequence of float, default=None
        Of each cell, the chance with which an image is changed at all; None: 1.
    value_range : tuple of 2 floats, default=(0.0, 1.0)
        Black and white: the unit of brightness and noise, and where values are cut.
    padding : {"edge", "reflect", "black"}, default="edge"
        What lies beyond the borders.

    Raises
    ------
    ValueError
        If an operation, an amount, the range or the padding is none.

    Examples
    --------
    >>> turned = ImageAugmentation([{}, {"flip_horizontal": 1}])
    >>> images = torch.tensor([0.0, 1.0]).expand(2, 1, 1, 2)
    >>> turned(images, torch.tensor([0, 1]), seed=0).flatten(1)
    tensor([[0., 1.],
            [1., 0.]])
    """

    def __init__(
        self,
        operations: Sequence[Operations],
        *,
        chances: Sequence[float] | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
        padding: Padding = "edge",
    ) -> None:
        check_option("padding", padding, tuple(PADDINGS))
        low, high = (float(end) for end in value_range)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"value_range must be (black, white), got {value_range!r}")
        self.low, self.high, self.padding = low, high, padding
        read = [read_operations(of_cell) for of_cell in operations]
        given = [1.0] * len(read) if chances is None else [float(p) for p in chances]
        changed = [p if of_cell else 0.0 for p, of_cell in zip(given, read, strict=True)]
        table = np.array([_row(p, of_cell) for p, of_cell in zip(changed, read, strict=True)])
        self._low, self._span = table[..., 0], table[..., 1] - table[..., 0]
        self.used = {name for of_cell in read for name in of_cell}
        self._always = min(changed, default=1.0) >= 1
        self._never = max(changed, default=0.0) <= 0 or not self.used

    def __call__(self, images: Any, cells: Any = None, *, seed: int) -> Any:
        """Change images at random.

        The amounts are drawn on the CPU, and so are the same on every device; noise is drawn where
        the images are.

        Parameters
        ----------
        images : tensor of float of shape (n, c, h, w)
            Stays as it is.
        cells : tensor of int of shape (n,), default=None
            Cell of each image; None: all are of the first.
        seed : int

        Returns
        -------
        tensor of shape (n, c, h, w)

        Raises
        ------
        ValueError
            If the images aren't of such a shape and type.
        """
        if images.ndim != 4 or not images.is_floating_point():
            raise ValueError(
                "images must be floats of the shape (n, c, h, w), got "
                f"{images.dtype} of {tuple(images.shape)}"
            )
        if self._never or images.numel() == 0:
            return images
        drawn = self._draw(len(images), cells, seed)
        if self._always:
            return self._change(images, drawn, seed)
        rows = self._rows(drawn)
        if len(rows) == 0:
            return images
        places = torch.from_numpy(rows).to(images.device)
        some = self._change(images.index_select(0, places), drawn[rows], seed)
        return images.index_copy(0, places, some)

    def draw_rows(self, n: int, cells: Any = None, *, seed: int) -> NDArray[np.intp]:
        """Tell which of n images a call with this seed changes; the others stay as they are."""
        if self._never:
            return np.empty(0, dtype=np.intp)
        return self._rows(self._draw(n, cells, seed))

    def _rows(self, drawn: Floats) -> NDArray[np.intp]:
        return np.arange(len(drawn)) if self._always else np.flatnonzero(drawn[:, 0] > 0)

    def _draw(self, n: int, cells: Any, seed: int) -> Floats:
        """Draw amounts for each image, between those of its cell."""
        generator = torch.Generator().manual_seed(seed)
        points = torch.rand(n, len(_COLUMNS), generator=generator, dtype=torch.float64).numpy()
        places: Any = 0 if cells is None else torch.as_tensor(cells).cpu().numpy()
        drawn: Floats = self._low[places] + self._span[places] * points
        return drawn

    def _change(self, images: Any, table: Floats, seed: int) -> Any:
        drawn = dict(zip(_COLUMNS, table.T, strict=True))
        if self.used & _WARPS:
            images = self._warp(images, drawn)
        elif self.used & _FLIPS:
            for name, axis in (("flip_horizontal", -1), ("flip_vertical", -2)):
                images = torch.where(_wide(drawn[name] > 0, images), images.flip(axis), images)
        if not self.used - _WARPS - _FLIPS:
            return images
        if self.used & {"brightness", "contrast"}:
            images = self._light(images, drawn["brightness"], drawn["contrast"])
        if "noise" in self.used:
            deviation = _wide((self.high - self.low) * drawn["noise"], images)
            images = torch.addcmul(images, _noise(images, seed), deviation)
        if "cutout" in self.used:
            covered = box(images.shape[2:], *(drawn[f"cutout{end}"] for end in ("", "_x", "_y")))
            mean = images.mean((2, 3), keepdim=True)
            images = torch.where(torch.from_numpy(covered).to(images.device), mean, images)
        return images.clamp_(self.low, self.high)  # a copy by now

    def _warp(self, images: Any, drawn: dict[str, Floats]) -> Any:
        """Flip, crop, rotate, zoom and move, by one look-up of every pixel's origin."""
        n, _, height, width = images.shape
        places = torch.from_numpy(origins(drawn, height, width)).to(images.device, images.dtype)
        centres = _centres(height, width, images.device, images.dtype)
        grid = (places.view(2 * n, 3) @ centres).view(n, 2, height, width).permute(0, 2, 3, 1)
        black = self.low if self.padding == "black" else 0.0
        found = functional.grid_sample(
            images - black if black else images,
            grid,
            padding_mode=PADDINGS[self.padding],
            align_corners=False,
        )
        return found + black if black else found

    def _light(self, images: Any, brightness: Floats, contrast: Floats) -> Any:
        factor, rest = _wide(contrast, images), _wide(1 - contrast, images)
        added = _wide((self.high - self.low) * brightness, images)
        mean = images.mean((1, 2, 3), keepdim=True)  # about which contrast turns
        return torch.addcmul(torch.addcmul(added, mean, rest), images, factor)


def _row(changed: float, operations: dict[str, tuple[float, float]]) -> list[tuple[float, float]]:
    """Least and greatest value of what is drawn for an image of a cell.

    A chance p is drawn as p - u, with u in [0, 1), and comes true above 0.
    """
    found = {name: operations.get(name, (_NOTHING.get(name, 0.0),) * 2) for name in OPERATIONS}
    if "zoom" in operations:
        found["zoom"] = (math.log(operations["zoom"][0]), math.log(operations["zoom"][1]))
    for name in ("changed", *_FLIPS):
        chance = changed if name == "changed" else found[name][0]
        found[name] = (chance, chance - 1)
    found["translate_x"] = found["translate_y"] = found["translate"]
    return [found.get(name, (-1.0, 1.0)) for name in _COLUMNS]


def origins(drawn: Mapping[str, Any], height: int, width: int) -> Any:
    r"""Find where the pixels of flipped, cropped, rotated, zoomed and moved images are from.

    A pixel at p of the new image, measured from the centre, was at

    .. math:: F \left(\frac{s}{z} R^{-1} (p - t) + o\right)

    of the old one, with flips F, the crop's side s and centre o, the rotation R, the zoom z and the
    translation t.

    Parameters
    ----------
    drawn : mapping of str to ndarray of shape (n,)
        Amounts of each image; of ``zoom`` the logarithm, and flips are those above 0.
    height, width : int

    Returns
    -------
    ndarray of shape (n, 2, 3)
        Of each image the map of (x, y, 1), where borders are at -1 and 1.

    Examples
    --------
    >>> drawn = dict.fromkeys(["flip_horizontal", "flip_vertical", "zoom", "crop_x", "crop_y"], 0)
    >>> drawn |= {"crop": 1, "rotate": 90, "translate_x": 0, "translate_y": 0}
    >>> origins({name: np.array([amount]) for name, amount in drawn.items()}, 8, 8).round(3) + 0
    array([[[ 0., -1.,  0.],
            [ 1.,  0.,  0.]]])
    """
    angle, side = np.deg2rad(drawn["rotate"]), drawn["crop"]
    scale = side * np.exp(-drawn["zoom"])
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    across, down = sin * (height / width), sin * (width / height)
    x, y = 2 * drawn["translate_x"], 2 * drawn["translate_y"]  # from border to border is 2
    moved_x = (1 - side) * drawn["crop_x"] - cos * x + across * y
    moved_y = (1 - side) * drawn["crop_y"] - down * x - cos * y
    mapped = np.array([[cos, -across, moved_x], [down, cos, moved_y]])
    turned = np.array([drawn["flip_horizontal"] > 0, drawn["flip_vertical"] > 0])
    mapped *= np.where(turned, -1, 1)[:, None]
    return np.ascontiguousarray(mapped.transpose(2, 0, 1))


@lru_cache(maxsize=8)
def _centres(height: int, width: int, device: Any, dtype: Any) -> Any:
    """Centres of pixels (x, y, 1), of shape (3, height * width)."""
    x, y = ((2 * np.arange(n) + 1) / n - 1 for n in (width, height))
    points = [np.tile(x, height), np.repeat(y, width), np.ones(height * width)]
    return torch.from_numpy(np.array(points)).to(device, dtype)


def box(shape: Sequence[int], side: Floats, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Find which pixels lie in parts of images.

    Parameters
    ----------
    shape : (int, int)
        Height and width.
    side : ndarray of shape (n,)
        Of the parts, as a share of the image's.
    x, y : ndarray of shape (n,)
        Where they lie, from -1 (left, top) to 1; no part sticks out.

    Returns
    -------
    ndarray of bool of shape (n, 1, height, width)

    Examples
    --------
    >>> box((1, 4), np.array([0.5]), np.array([-1.0]), np.array([0.0])).astype(int)
    array([[[[1, 1, 0, 0]]]])
    """
    rows, columns = (
        np.abs((np.arange(n) + 0.5) / n - 0.5 - ((1 - side) / 2 * place)[:, None])
        < side[:, None] / 2
        for n, place in zip(shape, (y, x), strict=True)
    )
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _noise(images: Any, seed: int) -> Any:
    generator = torch.Generator(images.device).manual_seed(seed ^ _NOISE)
    return torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)


def _wide(values: NDArray[Any], images: Any) -> Any:
    """Lay values out beside images, in their type unless they are booleans."""
    tensor = torch.from_numpy(values)[:, None, None, None]
    return tensor.to(images.device, tensor.dtype if values.dtype == bool else images.dtype)


def augment_images(
    images: Any,
    operations: Operations = DEFAULT_OPERATIONS,
    *,
    seed: int,
    value_range: tuple[float, float] = (0.0, 1.0),
    padding: Padding = "edge",
) -> Any:
    """Change images at random: turn, flip, crop, zoom, move, light, disturb and cover them.

    All that moves pixels (the first six) is done by one bilinear resampling.

    Parameters
    ----------
    images : tensor of float of shape (n, c, h, w)
        Stays as it is.
    operations : mapping of str to float or (float, float)
        Amounts are drawn evenly between the two ends; what a single number a stands for is said
        behind each:

        - ``"rotate"``: degrees, counter-clockwise; -a to a.
        - ``"flip_horizontal"``, ``"flip_vertical"``: the chance a.
        - ``"crop"``: side of a random part that is blown up, as a share of the image's; a to 1.
        - ``"zoom"``: factor, about the centre, drawn evenly in its logarithm; 1 / (1 + a) to 1 + a.
        - ``"translate"``: shares of width and of height; -a to a, each.
        - ``"brightness"``: what is added, as a share of the range; -a to a.
        - ``"contrast"``: factor of the differences from the image's mean; 1 - a to 1 + a.
        - ``"noise"``: standard deviation, as a share of the range, of normal noise; 0 to a.
        - ``"cutout"``: side, as a share, of a random part that gets the image's mean; 0 to a.
    seed : int
    value_range : tuple of 2 floats, default=(0.0, 1.0)
        Black and white.
    padding : {"edge", "reflect", "black"}, default="edge"
        What lies beyond the borders.

    Returns
    -------
    tensor of shape (n, c, h, w)

    Raises
    ------
    ValueError
        If an operation is unknown, an amount out of range, or the images aren't of such a shape.

    References
    ----------
    Shorten, C. and Khoshgoftaar, T. M. (2019). A survey on image data augmentation for deep
    learning. Journal of Big Data 6, 60. https://doi.org/10.1186/s40537-019-0197-0

    Examples
    --------
    >>> image = torch.tensor([[[[0.0, 0.5], [0.5, 1.0]]]])
    >>> augment_images(image, {"flip_horizontal": 1}, seed=0)
    tensor([[[[0.5000, 0.0000],
              [1.0000, 0.5000]]]])
    """
    change = ImageAugmentation([operations], value_range=value_range, padding=padding)
    return change(images, seed=seed)
