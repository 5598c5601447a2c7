"""Displays of a table's columns: positive rates by value, distributions by label or group."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import named_columns
from skfair._utils.plotting import (
    COLORS,
    MUTED,
    as_plain_text,
    closing_on_failure,
    line_style,
    make_panels,
    pyplot,
    short_names,
)
from skfair._utils.validation import check_same_length
from skfair.criteria import ClassSums, critical_value, share_limits
from skfair.detection._features import Feature, read_features
from skfair.detection._value_tests import shape_of
from skfair.groups import MISSING, Groups, Missing
from skfair.tally import count_cells

Floats = NDArray[np.float64]

_MOST_VALUES = 25
_HISTOGRAM_BINS = 40


class PositiveRatesDisplay:
    """Positive rate of each value of some features, with intervals.

    Made by :meth:`skfair.detection.BiasDetector.plot`.

    Parameters
    ----------
    report : DataFrame
        Rows of ``report_`` of kind "value".
    overall : float
        Positive rate of all rows.
    confidence_level : float
        Of the intervals.

    Attributes
    ----------
    axes_ : list of Axes
        One a feature.
    figure_ : Figure
    """

    def __init__(self, *, report: pd.DataFrame, overall: float, confidence_level: float) -> None:
        self.report = report
        self.overall = overall
        self.confidence_level = confidence_level

    def plot(self, ax: Any = None) -> Self:
        """Draw a panel a feature: dots with intervals, filled where significant and disparate.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        self
        """
        plt = pyplot(type(self).__name__)
        parts = [part for _, part in self.report.groupby("position", sort=False)]
        tallest = max(min(len(part), _MOST_VALUES) for part in parts)
        with closing_on_failure(plt):
            self.axes_ = make_panels(
                plt,
                ax,
                len(parts),
                panel_size=(4.6, 1.1 + 0.24 * tallest),
                most=2,
                share_x=True,
                share_y=False,
            )
            for panel, part in zip(self.axes_, parts, strict=True):
                self._draw(panel, part)
        self.figure_ = self.axes_[0].figure
        return self

    def _draw(self, panel: Any, part: pd.DataFrame) -> None:
        shown = part
        if len(part) > _MOST_VALUES:
            shown = part.sort_values("n", ascending=False).head(_MOST_VALUES).sort_index()
        places = np.arange(len(shown))
        names = short_names(shown["value"].tolist(), 24)
        ticks = [f"{name} ({n:,})" for name, n in zip(names, shown["n"], strict=True)]
        flagged = (shown["is_significant"] & shown["is_disparate"]).to_numpy()
        value = shown["positive_rate"].to_numpy()
        panel.axvline(self.overall, color=MUTED, linestyle="--", linewidth=1)
        panel.hlines(
            places, shown["positive_rate_low"], shown["positive_rate_high"], color=COLORS[0]
        )
        for chosen, face in ((flagged, COLORS[0]), (~flagged, "white")):
            panel.plot(
                value[chosen], places[chosen], "o", color=COLORS[0], markerfacecolor=face, ms=5
            )
        panel.set_yticks(places, ticks, fontsize="small")
        panel.set_ylim(len(shown) - 0.4, -0.6)
        title = as_plain_text(str(part["feature"].iloc[0]))
        if len(shown) < len(part):
            title += f": {_MOST_VALUES} most frequent of {len(part)} values"
        panel.set_title(title, loc="left")
        share = f"{100 * self.confidence_level:g}"
        text = f"positive rate, {share} % intervals"
        panel.set_xlabel(text, color=MUTED, fontsize="small")
        panel.grid(axis="x", color="0.92")
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)


class FeatureDistributionDisplay:
    """Distribution of a feature within each label or group.

    Make one with :meth:`from_values`. A numeric feature is drawn as histograms of equal area with
    their means and skewness, any other as the share of each value with Wilson's intervals.

    Parameters
    ----------
    feature : Feature
        The column, read.
    groups : Groups
        Who belongs where.
    confidence_level : float
        Of the intervals.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> display = FeatureDistributionDisplay.from_values(
    ...     {"age": [20, 30, 40, 50, 60, 35]}, by={"sex": ["f", "m", "f", "m", "f", "m"]}
    ... )
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['f: n = 3, mean 40, skewness 0', 'm: n = 3, mean 38.3, skewness 0.528']
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, feature: Feature, groups: Groups, confidence_level: float) -> None:
        self.feature = feature
        self.groups = groups
        self.confidence_level = confidence_level

    @classmethod
    def from_values(
        cls,
        values: Any,
        *,
        by: Any = None,
        name: str | None = None,
        n_bins: int = 10,
        confidence_level: float = 0.95,
        missing: Missing = "group",
        ax: Any = None,
    ) -> Self:
        """Compute from a column, and draw.

        Parameters
        ----------
        values : Series, array-like of shape (n,), or dict of one column
            The feature.
        by : array-like of shape (n,) or (n, k), dict or Groups, default=None
            Labels or groups; None: all rows together.
        name : str, default=None
            Name of the feature, where the values have none.
        n_bins : int, default=10
            Most distinct numbers that are drawn as values of their own, 2 to 30.
        confidence_level : float, default=0.95
        missing : {"group", "raise"}, default="group"
            Rows without a value of ``by`` form the group ``"<missing>"``, or are refused.
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        FeatureDistributionDisplay

        Raises
        ------
        ValueError
            If lengths differ, all values are missing, or they are no groups (a text a row).
        """
        ((found, column),) = named_columns(values)
        label = str(name or found or "feature")
        features = read_features(pd.DataFrame({label: column}), n_bins=n_bins)
        if not features:
            raise ValueError(f"{label!r} can't be drawn: its values are no groups")
        if features[0].groups.labels == (MISSING,):
            raise ValueError(f"{label!r} can't be drawn: no value is present")
        groups = Groups.single(len(column), label="all rows", name="")
        if by is not None:
            groups = Groups.read(by, missing=missing)
        check_same_length(values=column, by=groups)
        return cls(feature=features[0], groups=groups, confidence_level=confidence_level).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the distributions.

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
            n_values = min(self.feature.groups.n_groups, _MOST_VALUES)
            is_numeric = self.feature.numbers is not None
            height = (
                3.2 + 0.2 * self.groups.n_groups
                if is_numeric
                else 1.2 + 0.2 * n_values * (1 + 0.4 * self.groups.n_groups)
            )
            (self.ax_,) = make_panels(plt, ax, 1, panel_size=(6.4, min(height, 12.0)))
            draw = self._draw_numbers if is_numeric else self._draw_values
            draw(self.ax_, short_names(self.groups.labels))
            title = f"{self.feature.name} by {self.groups.name}" if self.groups.name else None
            self.ax_.legend(
                title=None if title is None else as_plain_text(title),
                fontsize="small",
                loc="lower left",
                bbox_to_anchor=(0, 1),
                frameon=False,
                alignment="left",
            )
            self.ax_.spines[["top", "right"]].set_visible(False)
        self.figure_ = self.ax_.figure
        return self

    def _draw_numbers(self, ax: Any, names: list[str]) -> None:
        numbers = self.feature.numbers
        assert numbers is not None
        edges = _edges(numbers[~np.isnan(numbers)])
        for i, name in enumerate(names):
            own = numbers[(self.groups.codes == i) & ~np.isnan(numbers)]
            if len(own) == 0:
                continue
            style = line_style(i)
            density = np.histogram(own, edges)[0] / (len(own) * np.diff(edges))
            skew = shape_of(own)[0]
            label = f"{name}: n = {len(own):,}, mean {own.mean():.3g}, skewness {skew:.3g}"
            ax.stairs(
                density, edges, color=style["color"], linestyle=style["linestyle"], label=label
            )
            ax.axvline(own.mean(), color=style["color"], linestyle=":", linewidth=1)
        beyond = int((numbers > edges[-1]).sum() + (numbers < edges[0]).sum())
        note = f"; {beyond:,} rows lie beyond the axis" if beyond else ""
        ax.set(ylabel="density within group", ylim=(0, None))
        ax.set_xlabel(as_plain_text(str(self.feature.name)) + f" (dotted: means{note})")

    def _draw_values(self, ax: Any, names: list[str]) -> None:
        values = self.feature.groups
        shape = (len(names), values.n_groups)
        sums = count_cells([self.groups.codes, values.codes], shape)
        shares = share_limits(
            ClassSums(*(part.astype(float) for part in sums)), critical_value(self.confidence_level)
        )
        kept = np.argsort(-sums[0].sum(axis=0), kind="stable")[:_MOST_VALUES]
        kept.sort()
        width = 0.8 / len(names)
        for i, name in enumerate(names):
            places = np.arange(len(kept)) - 0.4 + (i + 0.5) * width
            value = shares.value[i, kept]
            reach = np.abs(np.stack([shares.low[i, kept], shares.high[i, kept]]) - value)
            label = f"{name}: n = {int(sums[2][i].sum()):,}"
            ax.barh(places, value, width, color=line_style(i)["color"], alpha=0.75, label=label)
            ax.errorbar(value, places, xerr=reach, fmt="none", ecolor="black", elinewidth=0.8)
        ax.set_yticks(np.arange(len(kept)), short_names([values.labels[v] for v in kept], 24))
        ax.set_ylim(len(kept) - 0.4, -0.6)
        ax.set_xlabel(f"share within group, with {100 * self.confidence_level:g} % intervals")
        more = values.n_groups - len(kept)
        if more:
            ax.set_ylabel(f"the {len(kept)} most frequent of {values.n_groups} values")


def _edges(numbers: Floats) -> Floats:
    """Edges of a histogram over the bulk of the numbers: far tails would flatten all else."""
    low, high = np.quantile(numbers, [0.005, 0.995])
    if low == high:
        low, high = numbers.min(), numbers.max()
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    if np.array_equal(numbers, np.rint(numbers)) and high - low < 10 * _HISTOGRAM_BINS:
        width = max(np.ceil((high - low + 1) / _HISTOGRAM_BINS), 1.0)  # as many integers in each
        return np.arange(np.floor(low), np.ceil(high) + width + 1, width) - 0.5
    return np.linspace(low, high, _HISTOGRAM_BINS + 1)
