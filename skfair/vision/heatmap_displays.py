"""Displays of what a network looks at: heatmaps, and images that excite a neuron."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skfair._utils.plotting import (
    COLORS,
    MUTED,
    as_plain_text,
    closing_on_failure,
    pyplot,
    short_names,
)

Floats = NDArray[np.floating]


class HeatmapsDisplay:
    """Mean heatmaps over mean pictures: a line a group, a column a class.

    Made by :meth:`skfair.vision.Heatmaps.plot`. Colours tell how many times the attention of a
    pixel is that of even attention, on one scale for all panels. The scale is that of square roots,
    so that one pixel of much attention leaves the others to be told apart.

    Parameters
    ----------
    maps : ndarray of shape (n_groups, n_classes, height, width)
    pictures : ndarray of the same shape
    group_labels, class_labels : list
    counts : ndarray of int of shape (n_groups, n_classes)
        Number of images.
    regions : mapping of str to mask, default=None
        Regions to outline.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_groups, n_classes)
    figure_ : Figure
    """

    def __init__(
        self,
        *,
        maps: Floats,
        pictures: Floats,
        group_labels: list[Hashable],
        class_labels: list[Hashable],
        counts: NDArray[np.integer],
        regions: Mapping[str, NDArray[np.bool_]] | None = None,
    ) -> None:
        self.maps, self.pictures, self.counts = maps, pictures, counts
        self.group_labels, self.class_labels = group_labels, class_labels
        self.regions = dict(regions or {})

    def plot(self) -> Self:
        """Draw the grid in a new figure.

        Returns
        -------
        self
        """
        plt = pyplot(type(self).__name__)
        from matplotlib.colors import PowerNorm

        n_rows, n_columns = self.maps.shape[:2]
        times = self.maps * self.maps[0, 0].size
        top = float(np.nanmax(times)) if np.isfinite(times).any() else 1.0
        with closing_on_failure(plt):
            self.figure_ = plt.figure(
                figsize=(2.6 + 2.0 * n_columns, 0.9 + 2.1 * n_rows), layout="constrained"
            )
            self.axes_ = self.figure_.subplots(n_rows, n_columns, squeeze=False)
            drawn = None
            for place in np.ndindex(n_rows, n_columns):
                found = self._draw(
                    self.axes_[place], times[place], place, PowerNorm(0.5, vmin=0, vmax=top)
                )
                drawn = drawn or found
            names = short_names(self.group_labels, width=16)
            for panel, name in zip(self.axes_[:, 0], names, strict=True):
                panel.set_ylabel(name, rotation=0, ha="right", va="center", labelpad=6)
            if drawn is not None:
                bar = self.figure_.colorbar(drawn, ax=self.axes_, shrink=0.8)
                bar.set_label("attention, times even")
            self._explain_outlines()
        return self

    def _draw(self, panel: Any, times: Floats, place: tuple[int, ...], norm: Any) -> Any:
        panel.set(xticks=[], yticks=[])
        panel.set_box_aspect(times.shape[0] / times.shape[1])
        name = short_names(self.class_labels, width=18)[place[1]]
        panel.set_title(f"class {name}, n = {self.counts[place]}", fontsize="small")
        if np.isnan(times).any():
            panel.text(*(0.5, 0.5, "no map"), ha="center", va="center", transform=panel.transAxes)
            return None
        panel.imshow(self.pictures[place], cmap="gray", interpolation="nearest")
        shown = panel.imshow(times, cmap="inferno", norm=norm, alpha=0.7, interpolation="nearest")
        for i, mask in enumerate(self.regions.values()):
            _outline(panel, mask, _outline_color(i))
        return shown

    def _explain_outlines(self) -> None:
        if not self.regions:
            return
        from matplotlib.lines import Line2D

        lines = [Line2D([], [], color=_outline_color(i)) for i in range(len(self.regions))]
        names = short_names(list(self.regions))
        self.figure_.legend(lines, names, loc="outside lower center", ncols=4, fontsize="small")


def _outline_color(i: int) -> str:
    return COLORS[(i + 5) % len(COLORS)]  # the sky blue first, which shows on dark and light


def _outline(panel: Any, mask: NDArray[np.bool_], color: str) -> None:
    """Draw the border of a mask along the edges of its pixels."""
    inside = np.pad(mask, 1)
    for y, x in np.argwhere(inside[:, 1:] != inside[:, :-1]):
        panel.plot([x - 0.5] * 2, [y - 1.5, y - 0.5], color=color, linewidth=1.5)
    for y, x in np.argwhere(inside[1:] != inside[:-1]):
        panel.plot([x - 1.5, x - 0.5], [y - 0.5] * 2, color=color, linewidth=1.5)


class ActivationsDisplay:
    """Images that excite a neuron, a channel or a class, the strongest first.

    Made by :meth:`skfair.vision.ActivationMaximizer.plot`.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, channels, height, width)
    titles : list of str
    value_range : tuple of 2 floats
        Values of black and white.
    name : str
        What is excited.

    Attributes
    ----------
    axes_ : list of Axes
    figure_ : Figure
    """

    def __init__(
        self, *, images: Floats, titles: list[str], value_range: tuple[float, float], name: str
    ) -> None:
        self.images, self.titles = images, titles
        self.value_range, self.name = value_range, name

    def plot(self) -> Self:
        """Draw the images side by side in a new figure.

        Returns
        -------
        self
        """
        plt = pyplot(type(self).__name__)
        n = len(self.images)
        low, high = self.value_range
        with closing_on_failure(plt):
            self.figure_ = plt.figure(figsize=(1.9 * n, 2.4), layout="constrained")
            self.axes_ = list(self.figure_.subplots(1, n, squeeze=False)[0])
            for panel, image, title in zip(self.axes_, self.images, self.titles, strict=True):
                shown = (np.clip(image, low, high) - low) / ((high - low) or 1.0)
                is_colour = shown.ndim == 3 and len(shown) == 3
                grey = shown.mean(axis=0) if shown.ndim == 3 else shown
                panel.imshow(
                    np.moveaxis(shown, 0, -1) if is_colour else grey,
                    cmap="gray",
                    vmin=0,
                    vmax=1,
                    interpolation="nearest",
                )
                panel.set(xticks=[], yticks=[])
                panel.set_title(as_plain_text(title), fontsize="small", color=MUTED)
            self.figure_.suptitle(as_plain_text(self.name), fontsize="medium")
        return self
