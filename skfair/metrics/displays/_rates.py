"""Rates by group, drawn: a dot a group with its interval, a panel a rate."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.plotting import (
    COLORS,
    MUTED,
    NAME_WIDTH,
    as_plain_text,
    closing_on_failure,
    make_panels,
    pyplot,
    readable,
    short_names,
)
from skfair.criteria import Rate, cells_of, difference
from skfair.groups import Missing
from skfair.metrics._measure import tally_rows
from skfair.metrics._uncertainty import rate_intervals
from skfair.metrics.displays._base import (
    read_groups_of,
    read_rates,
    respond,
)
from skfair.tally import Tally

DEFAULT_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")
_TALLEST = 100.0  # inches
_SMALLEST_PRINT = 6.0  # points


class RatesByGroupDisplay:
    """Rates of each group with their intervals, a panel a rate.

    Make one with :meth:`from_estimator`, :meth:`from_predictions` or :meth:`from_tally`; they
    compute the numbers and draw them.

    Parameters
    ----------
    intervals : DataFrame
        What :func:`skfair.metrics.rate_intervals` gives: columns rate, low, high, n and
        effective_n, a row a group and rate.
    overall : Series of float
        Each rate of all rows together, by the rate's name.
    labels : sequence
        Labels of the groups.
    counts : ndarray of int of shape (n_groups,)
        Rows of each group.
    confidence_level : float, default=0.95
        Of the intervals.

    Attributes
    ----------
    ax_ : Axes
        Where it was drawn; the first panel, if no Axes were given.
    axes_ : list of Axes
        A panel a rate.
    figure_ : Figure
        The figure.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> y_true, y_pred = [0, 1, 0, 1, 1, 0], [0, 1, 1, 1, 0, 0]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> display = RatesByGroupDisplay.from_predictions(y_true, y_pred, sensitive_features=sex)
    >>> display.intervals.loc["f", "rate"].round(2).to_dict()
    {'selection_rate': 0.67, 'true_positive_rate': 1.0, 'false_positive_rate': 0.5}
    >>> [ax.get_title(loc="left") for ax in display.axes_]
    ['selection rate', 'true positive rate', 'false positive rate']
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        intervals: pd.DataFrame,
        overall: pd.Series,
        labels: Sequence[Hashable],
        counts: NDArray[np.int64],
        confidence_level: float = 0.95,
    ) -> None:
        self.intervals = intervals
        self.overall = overall
        self.labels = tuple(labels)
        self.counts = counts
        self.confidence_level = confidence_level

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any,
        rates: str | Rate | Sequence[str | Rate] = DEFAULT_RATES,
        confidence_level: float = 0.95,
        sample_weight: Any = None,
        pos_label: Any = None,
        missing: Missing = "group",
        ax: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Predict, compute and draw.

        Parameters
        ----------
        estimator : estimator
            Fitted. Groups are passed to its ``predict`` if it asks for them.
        X : data frame or array-like of shape (n, n_features)
        y : array-like of shape (n,)
            Labels.
        sensitive_features : str, int, Bins, callable or list of them, or array-like of shape (n,)
            Columns of X, or values.
        rates, confidence_level, sample_weight, pos_label, missing, ax, **plot_options
            As in :meth:`from_predictions`.

        Returns
        -------
        display : RatesByGroupDisplay
        """
        pyplot(cls.__name__)
        groups, values = read_groups_of(X, sensitive_features, missing=missing, owner=cls.__name__)
        return cls.from_predictions(
            y,
            respond(estimator, X, "predict", values),
            sensitive_features=groups,
            rates=rates,
            confidence_level=confidence_level,
            sample_weight=sample_weight,
            pos_label=pos_label,
            ax=ax,
            **plot_options,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        sensitive_features: Any,
        rates: str | Rate | Sequence[str | Rate] = DEFAULT_RATES,
        confidence_level: float = 0.95,
        sample_weight: Any = None,
        pos_label: Any = None,
        missing: Missing = "group",
        ax: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Compute and draw.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels; None, if no rate needs them.
        y_pred : array-like of shape (n,)
            Predicted labels.
        sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
            Groups; several columns make intersectional groups.
        rates : str, Rate or sequence of them
            Any rates in :data:`skfair.criteria.RATES`; by default the selection rate, the true and
            the false positive rate.
        confidence_level : float, default=0.95
            Of Wilson's intervals.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.
        pos_label : label, default=None
            The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
        missing : {"group", "raise"}, default="group"
            Rows without a sensitive value form the group ``"<missing>"``, or are refused.
        ax : Axes, default=None
            Where to draw; None: in a new figure.
        **plot_options
            For :meth:`plot`.

        Returns
        -------
        display : RatesByGroupDisplay

        Warns
        -----
        UndefinedMetricWarning
            If a group's rate is 0/0; its place in the panel says so.
        """
        pyplot(cls.__name__)
        needs_labels = any(rate.needs_labels for rate in _rates(rates))
        tally = tally_rows(y_true, y_pred, sensitive_features, sample_weight, missing, needs_labels)
        return cls.from_tally(
            tally,
            rates=rates,
            confidence_level=confidence_level,
            pos_label=pos_label,
            ax=ax,
            **plot_options,
        )

    @classmethod
    def from_tally(
        cls,
        tally: Tally,
        *,
        rates: str | Rate | Sequence[str | Rate] = DEFAULT_RATES,
        confidence_level: float = 0.95,
        pos_label: Any = None,
        ax: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Compute from a tally, of data that may not fit in memory, and draw.

        Parameters
        ----------
        tally : Tally
        rates, confidence_level, pos_label, ax, **plot_options
            As in :meth:`from_predictions`.

        Returns
        -------
        display : RatesByGroupDisplay
        """
        pyplot(cls.__name__)
        listed = _rates(rates)
        display = cls(
            intervals=rate_intervals(
                tally, rates=listed, confidence_level=confidence_level, pos_label=pos_label
            ),
            overall=pd.Series({rate.name: _overall(tally, rate, pos_label) for rate in listed}),
            labels=tally.labels,
            counts=tally.group_counts,
            confidence_level=confidence_level,
        )
        return display.plot(ax, **plot_options)

    def plot(self, ax: Any = None, *, color: str = COLORS[0], name_width: int = NAME_WIDTH) -> Self:
        """Draw a panel a rate: a dot and an interval a group, a dashed line for all rows.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; several rates share its room. None: in a new figure.
        color : color, default="#0072B2"
            Of dots and intervals.
        name_width : int, default=32
            Longer names of groups lose their middle; ``labels`` has them in full.

        Returns
        -------
        self
        """
        plt = pyplot(type(self).__name__)
        with closing_on_failure(plt):
            self.axes_ = self._draw_all(plt, ax, color, name_width)
        self.ax_ = self.axes_[0] if ax is None else ax
        self.figure_ = self.ax_.figure
        return self

    def _draw_all(self, plt: Any, ax: Any, color: str, name_width: int) -> list[Any]:
        n_groups = len(self.labels)
        names = short_names(self.labels, name_width)
        ticks = [f"{name} (n = {n:,})" for name, n in zip(names, self.counts, strict=True)]
        panels = make_panels(
            plt,
            ax,
            len(self.overall),
            panel_size=(2.8 if len(self.overall) > 1 else 4.0, min(1.4 + 0.3 * n_groups, _TALLEST)),
            margin=0.085 * max(map(len, ticks)),
            share_x=False,
        )
        for panel, name in zip(panels, self.overall.index, strict=True):
            self._draw(panel, name, color, is_cramped=ax is not None)
        panels[0].set_yticks(range(n_groups), ticks)
        panels[0].set_ylim(n_groups - 0.4, -0.6)  # the first group on top
        return panels

    def _draw(self, panel: Any, name: str, color: str, *, is_cramped: bool) -> None:
        part = self.intervals[self.intervals.index.get_level_values(-1) == name]
        value, low, high = (part[column].to_numpy() for column in ("rate", "low", "high"))
        places = np.arange(len(part))
        known = ~np.isnan(value)
        panel.axvline(self.overall[name], color=MUTED, linestyle="--", linewidth=1, zorder=1)
        panel.hlines(places[known], low[known], high[known], color=color, linewidth=1.5, zorder=2)
        panel.plot(value[known], places[known], "o", color=color, markersize=5, zorder=3)
        panel.set_xlim(*_limits([*low, *high, self.overall[name]]))
        for place in places[~known]:
            panel.annotate(
                "undefined (0/0)",
                (0.5, place),
                xycoords=("axes fraction", "data"),
                ha="center",
                va="center",
                color=MUTED,
                fontsize="small",
            )
        self._say(panel, name, float(difference(value)), is_cramped)
        panel.grid(axis="x", color="0.92")
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)

    def _say(self, panel: Any, name: str, gap: float, is_cramped: bool) -> None:
        title = panel.set_title(as_plain_text(readable(name)), loc="left", pad=18)
        all_rows = f"all rows {self.overall[name]:.3f}"
        note = panel.annotate(
            f"{all_rows} (dashed), gap {gap:.3f}",
            (0, 1),
            (0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            color=MUTED,
            fontsize="small",
        )
        if is_cramped:
            shorter = [f"{all_rows} (dashed),\ngap {gap:.3f}", f"{all_rows},\ngap {gap:.3f}"]
            _fit(panel, title, note, shorter)
        share = f"{100 * self.confidence_level:g}"
        panel.set_xlabel(f"with {share} % intervals", color=MUTED, fontsize="small")


def _rates(rates: str | Rate | Sequence[str | Rate]) -> list[Rate]:
    listed = read_rates(rates)
    if not listed:
        raise ValueError("rates is empty: name at least one")
    return listed


def _overall(tally: Tally, rate: Rate, pos_label: Any) -> float:
    return float(rate(cells_of(tally.weight, tally.classes, [rate], pos_label).sum(axis=0)))


def _fit(panel: Any, title: Any, note: Any, shorter: Sequence[str]) -> None:
    """Keep the words above a narrow panel from lying over those of the next."""
    room = panel.get_window_extent().width
    for text in shorter:
        if note.get_window_extent().width > room:
            note.set_text(text)
    if "\n" in note.get_text():
        panel.set_title(title.get_text(), loc="left", pad=28)
    excess = title.get_window_extent().width / room
    title.set_fontsize(max(title.get_fontsize() / max(excess, 1), _SMALLEST_PRINT))


def _limits(values: list[float]) -> tuple[float, float]:
    """Both ends of a rate's axis: with room around what is drawn, within [0, 1] or nearly."""
    known = [value for value in values if np.isfinite(value)] or [0.0, 1.0]
    room = max(0.05 * (max(known) - min(known)), 0.01)
    return max(min(known) - room, -0.02), min(max(known) + room, 1.02)
