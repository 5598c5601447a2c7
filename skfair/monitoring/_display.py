"""A figure over time, with its alerts."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd

from skfair._utils.optional import import_optional
from skfair._utils.plotting import (
    MUTED,
    closing_on_failure,
    line_style,
    make_panels,
    pyplot,
    readable,
    short_names,
)
from skfair._utils.text import listed


class MonitorDisplay:
    """A rate by group, or a criterion's gap, over time.

    Made by :meth:`skfair.monitoring.FairnessMonitor.plot`.

    Parameters
    ----------
    table : DataFrame
        Rows of :meth:`FairnessMonitor.to_frame` of one slice, feature and figure.
    alerts : DataFrame
        Those of ``alerts_`` that belong to it.
    figure : str
        Name of the rate or criterion.
    bound : float, default=None
        Drawn as a line.

    Attributes
    ----------
    axes_ : list of one Axes
    figure_ : Figure
    """

    def __init__(
        self, *, table: pd.DataFrame, alerts: pd.DataFrame, figure: str, bound: float | None = None
    ) -> None:
        self.table = table
        self.alerts = alerts
        self.figure = figure
        self.bound = bound

    @classmethod
    def from_monitor(
        cls,
        monitor: Any,
        figure: str,
        *,
        slice: str = "all",
        feature: str | None = None,
        every: int = 1,
        ax: Any = None,
    ) -> Self:
        """Draw a figure of a monitor.

        Parameters
        ----------
        monitor : FairnessMonitor
        figure : str
            A rate or criterion that it follows.
        slice : str, default="all"
        feature : str, default=None
            As in the table; None: the first.
        every : int, default=1
            Add up so many windows at a time.
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        MonitorDisplay

        Raises
        ------
        ValueError
            If nothing in the table is of this figure, slice and feature.
        """
        table = monitor.to_frame(figure=figure, slice=slice, every=every)
        if table.empty:
            raise ValueError(f"no rows of {figure!r} have been counted yet in slice {slice!r}")
        known = table["feature"].unique().tolist()
        feature = known[0] if feature is None else feature
        table = table[table["feature"] == feature]
        if table.empty:
            raise ValueError(f"no sensitive feature {feature!r} to draw; there are {listed(known)}")
        alerts = monitor.alerts_
        named = alerts["figure"].str.split(" (", regex=False).str[0] == figure
        of_slice = (alerts["slice"] == slice) & (alerts["feature"] == table["feature"].iloc[0])
        bounds = {criterion.name: bound for criterion, bound in monitor._watch.names.bounds}
        display = cls(
            table=table,
            alerts=alerts[named & of_slice],
            figure=figure,
            bound=bounds.get(figure),
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw a line and a band of intervals for each group, and a mark at each alert.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        self
        """
        plt = pyplot(type(self).__name__)
        with closing_on_failure(plt):
            self.axes_ = make_panels(plt, ax, 1, panel_size=(7.0, 3.6))
            panel = self.axes_[0]
            labels = list(dict.fromkeys(self.table["group"]))
            names = short_names(labels) if labels != [None] else [readable(self.figure)]
            for i, (label, name) in enumerate(zip(labels, names, strict=True)):
                whole = (
                    self.table["group"].isna() if label is None else self.table["group"] == label
                )
                self._draw(panel, self.table[whole], name, line_style(i))
            if self.bound is not None:
                panel.axhline(self.bound, color=MUTED, linestyle="--", linewidth=1)
            for time in self.alerts["first_time"].unique():
                panel.axvline(time, color="#D55E00", linewidth=1, linestyle=":")
            if np.issubdtype(self.table["window"].dtype, np.datetime64):
                dates = import_optional(
                    "matplotlib.dates", extra="plot", purpose=type(self).__name__
                )
                locator = dates.AutoDateLocator()
                panel.xaxis.set_major_locator(locator)
                panel.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
            else:
                panel.set_xlabel("row")
            panel.set_ylabel(readable(self.figure))
            panel.legend(frameon=False, fontsize="small")
            panel.grid(axis="y", color="0.92")
            panel.set_axisbelow(True)
            panel.spines[["top", "right"]].set_visible(False)
        self.figure_ = panel.figure
        return self

    def _draw(self, panel: Any, part: pd.DataFrame, name: str, style: dict[str, Any]) -> None:
        x = part["window"].to_numpy()
        value, low, high = (part[n].to_numpy(dtype=np.float64) for n in ("value", "low", "high"))
        panel.plot(x, value, label=name, markersize=3, **style)
        panel.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)
