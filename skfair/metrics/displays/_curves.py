"""A curve for each group: over each other while they are few, a panel each when they are many."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from skfair._utils.plotting import (
    COLORS,
    MUTED,
    closing_on_failure,
    label_panels,
    line_style,
    make_panels,
    pyplot,
    short_names,
)
from skfair.groups import Missing
from skfair.metrics.displays._base import (
    positive_scores,
    read_groups_of,
)

Layout = Literal["auto", "overlay", "panels"]
_MOST_IN_LEGEND, _WIDEST_IN_LEGEND = 10, 46
_CHARACTER, _SMALL = 0.075, 1.5  # inches: a character in small print, a panel without notes


class CurvesByGroup:
    """Draws a curve a group; a subclass knows the numbers, the axes and the words."""

    labels: tuple[Hashable, ...]
    from_predictions: ClassVar[Callable[..., Any]]
    _methods: ClassVar[tuple[str, ...]] = ("predict_proba", "decision_function")
    _axis_labels: ClassVar[tuple[str, str]]

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any,
        pos_label: Any = None,
        missing: Missing = "group",
        **options: Any,
    ) -> Self:
        """Score, compute and draw.

        Parameters
        ----------
        estimator : classifier
            Fitted. Groups are passed to its ``predict_proba`` (or ``decision_function``) if it
            asks for them.
        X : data frame or array-like of shape (n, n_features)
        y : array-like of shape (n,)
            Labels.
        sensitive_features : str, int, Bins, callable or list of them, or array-like of shape (n,)
            Columns of X, or values.
        pos_label : label, default=None
            The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
        missing : {"group", "raise"}, default="group"
            Rows without a sensitive value form the group ``"<missing>"``, or are refused.
        **options
            As in ``from_predictions``.

        Returns
        -------
        display

        Raises
        ------
        ValueError
            If the estimator has no scores, or the positive class can't be told.
        """
        pyplot(cls.__name__)
        groups, values = read_groups_of(X, sensitive_features, missing=missing, owner=cls.__name__)
        scores = positive_scores(estimator, X, values, pos_label=pos_label, methods=cls._methods)
        display: Self = cls.from_predictions(
            y, scores, sensitive_features=groups, pos_label=pos_label, **options
        )
        return display

    def _plot(self, ax: Any, layout: Layout, name_width: int) -> Self:
        if layout not in ("auto", "overlay", "panels"):
            raise ValueError(f'layout must be "auto", "overlay" or "panels", got {layout!r}')
        plt, n_groups = pyplot(type(self).__name__), len(self.labels)
        if layout == "auto":
            layout = "panels" if ax is None and n_groups > len(COLORS) else "overlay"
        with closing_on_failure(plt):
            self._draw(plt, ax, layout, name_width)
        self.ax_ = self.axes_[0] if ax is None else ax
        self.figure_ = self.ax_.figure
        return self

    def _draw(self, plt: Any, ax: Any, layout: Layout, name_width: int) -> None:
        if layout == "overlay":
            self.axes_ = make_panels(plt, ax, 1, panel_size=(5.4, 5.4))
            lines_below = self._draw_overlay(self.axes_[0], short_names(self.labels, name_width))
            if ax is None and lines_below:
                self.axes_[0].figure.set_figheight(5.6 + 0.18 * lines_below)
                self.axes_[0].set_anchor("N")
        else:
            self.axes_ = make_panels(plt, ax, len(self.labels), panel_size=(2.5, 2.6))
            self._draw_panels(self.axes_, name_width)
            label_panels(ax, self.axes_, *self._axis_labels)

    def _draw_overlay(self, ax: Any, names: list[str]) -> int:
        """Draw; return how many lines of the legend are below the Axes."""
        self._draw_background(ax)
        for i, name in enumerate(names):
            self._draw_group(ax, i, label=f"{name} ({self._note(i)})", **line_style(i))
        self._set_axes(ax)
        x_label, y_label = self._axis_labels
        ax.set(xlabel=x_label, ylabel=y_label)
        return _place_legend(ax, self._empty_corner)

    def _draw_panels(self, panels: list[Any], name_width: int) -> None:
        width = panels[0].get_window_extent().width / panels[0].figure.dpi
        is_small = width < _SMALL
        names = short_names(self.labels, min(name_width, max(int(width / _CHARACTER), 8)))
        for i, (panel, name) in enumerate(zip(panels, names, strict=True)):
            self._draw_background(panel)
            others = [k for k in range(len(names)) if k != i]
            for k in others:
                label = "other groups" if k == others[0] else None
                panel.plot(*self._line(k), color="0.8", linewidth=0.8, zorder=1, label=label)
            self._draw_group(panel, i, label="this group", **line_style(0))
            self._set_axes(panel)
            panel.locator_params(nbins=1 if is_small else 3)
            panel.tick_params(labelsize="small")
            title = name if is_small else f"{name}\n{self._note(i)}"
            panel.set_title(title, loc="left", fontsize="small")
        if not is_small:
            panels[0].legend(fontsize="xx-small", loc=self._empty_corner)

    @property
    def _empty_corner(self) -> str:
        return "lower right"

    def _line(self, i: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Horizontal and vertical coordinates of a group's curve; empty where it has none."""
        raise NotImplementedError

    def _note(self, i: int) -> str:
        """Say a group's figure in a few words."""
        raise NotImplementedError

    def _draw_group(self, ax: Any, i: int, **style: Any) -> None:
        raise NotImplementedError

    def _draw_background(self, ax: Any) -> None:
        raise NotImplementedError

    def _set_axes(self, ax: Any) -> None:
        raise NotImplementedError


def draw_diagonal(ax: Any, label: str | None = None) -> None:
    """Draw the line from (0, 0) to (1, 1) that curves are compared with."""
    ax.plot([0, 1], [0, 1], linestyle="--", color=MUTED, linewidth=1, label=label, zorder=0)


def _place_legend(ax: Any, empty_corner: str) -> int:
    """Put the legend below the Axes where it would hide the curves; count its lines there."""
    handles, labels = ax.get_legend_handles_labels()
    few = len(labels) <= _MOST_IN_LEGEND and max(map(len, labels)) <= _WIDEST_IN_LEGEND
    place: dict[str, Any] = {"loc": empty_corner}
    if not few:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 5}
    ax.legend(handles, labels, fontsize="small", **place)
    return 0 if few else len(labels)
