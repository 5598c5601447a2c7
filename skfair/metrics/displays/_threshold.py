"""A criterion's gap over decision thresholds, drawn above accuracy and selection rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skfair._utils.plotting import (
    COLORS,
    LINE_STYLES,
    MUTED,
    as_plain_text,
    closing_on_failure,
    make_panels,
    pyplot,
    readable,
)
from skfair.criteria import Criterion, Gap, Rate, get_criterion
from skfair.groups import Missing
from skfair.metrics._rows import ScoredRows
from skfair.metrics.displays._base import (
    positive_scores,
    read_groups_of,
    read_rates,
)
from skfair.metrics.displays._gap import gap_curve, gap_limits, warn_left_out
from skfair.tally import ScoreTally

DEFAULT_RATES = ("accuracy", "selection_rate")


class CriterionThresholdDisplay:
    """A criterion's gap at every decision threshold, and what else the threshold decides.

    Make one with :meth:`from_estimator`, :meth:`from_predictions` or :meth:`from_tally`; they
    compute the numbers and draw them. One threshold serves all groups; decisions are
    ``score >= threshold``.

    Parameters
    ----------
    table : DataFrame
        A row a threshold: the gap under its metric's name (such as
        ``demographic_parity_difference``), its interval (``_low``, ``_high``), and each rate of all
        rows.
    metric : str
        Name of the column with the gap.
    rates : sequence of str
        Names of the columns with rates.
    confidence_level : float or None, default=0.95
        Of the intervals, each for its own threshold; None: there are none.

    Attributes
    ----------
    ax_ : Axes
        Where it was drawn; the upper panel, if no Axes were given.
    axes_ : list of 2 Axes
        The panels of the gap and of the rates.
    figure_ : Figure
        The figure.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> y_true, y_score = [0, 1, 0, 1, 1, 0], [0.1, 0.8, 0.4, 0.6, 0.9, 0.7]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> display = CriterionThresholdDisplay.from_predictions(
    ...     y_true, y_score, sensitive_features=sex, thresholds=[0.25, 0.5, 0.75], threshold=0.5
    ... )
    >>> display.table[["demographic_parity_difference", "accuracy"]].round(2)
               demographic_parity_difference  accuracy
    threshold
    0.25                                0.33      0.67
    0.50                                0.67      0.83
    0.75                                0.00      0.83
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        table: pd.DataFrame,
        metric: str,
        rates: Sequence[str],
        confidence_level: float | None = 0.95,
    ) -> None:
        self.table = table
        self.metric = metric
        self.rates = tuple(rates)
        self.confidence_level = confidence_level

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
        pos_label, missing, **options
            As in :meth:`from_predictions`.

        Returns
        -------
        display : CriterionThresholdDisplay

        Raises
        ------
        ValueError
            If the estimator has no scores, or the positive class can't be told.
        """
        pyplot(cls.__name__)
        groups, values = read_groups_of(X, sensitive_features, missing=missing, owner=cls.__name__)
        scores = positive_scores(estimator, X, values, pos_label=pos_label)
        return cls.from_predictions(
            y, scores, sensitive_features=groups, pos_label=pos_label, **options
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: Any,
        *,
        sensitive_features: Any,
        criterion: str | Criterion = "demographic_parity",
        gap: Gap | None = None,
        rates: str | Rate | Sequence[str | Rate] = DEFAULT_RATES,
        thresholds: int | ArrayLike = 100,
        confidence_level: float | None = 0.95,
        sample_weight: Any = None,
        pos_label: Any = None,
        min_group_size: int | None = None,
        missing: Missing = "group",
        ax: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Compute and draw.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels.
        y_score : array-like of float of shape (n,)
            Scores, higher for the positive class.
        sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
            Groups; several columns make intersectional groups.
        criterion : str or Criterion, default="demographic_parity"
            A criterion or the name of a rate.
        gap : {"difference", "ratio"}, default=None
            None: the criterion's own.
        rates : str, Rate or sequence of them
            Rates of all rows to draw below; by default accuracy and selection rate.
        thresholds : int or array-like of float, default=100
            Thresholds; a number: they cut [0, 1], or the range of scores that go beyond it, into
            so many parts of equal width.
        confidence_level : float, default=0.95
            Of the gap's interval, at each threshold by itself; None: no interval.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.
        pos_label : label, default=None
            The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
        min_group_size : int, default=None
            Leave groups with fewer rows out of the gap, with a warning that names them.
        missing : {"group", "raise"}, default="group"
            Rows without a sensitive value form the group ``"<missing>"``, or are refused.
        ax : Axes, default=None
            Where to draw; None: in a new figure.
        **plot_options
            For :meth:`plot`.

        Returns
        -------
        display : CriterionThresholdDisplay

        Warns
        -----
        UndefinedMetricWarning
            If a group is left out of the gap.
        """
        pyplot(cls.__name__)
        rows = ScoredRows.read(
            y_true, y_score, sensitive_features, sample_weight, pos_label, missing
        )
        tally = ScoreTally.from_arrays(
            rows.positive,
            rows.score,
            rows.groups,
            edges=_edges(thresholds, rows.score),
            sample_weight=rows.weight,
        )
        return cls.from_tally(
            tally,
            criterion=criterion,
            gap=gap,
            rates=rates,
            confidence_level=confidence_level,
            min_group_size=min_group_size,
            ax=ax,
            **plot_options,
        )

    @classmethod
    def from_tally(
        cls,
        tally: ScoreTally,
        *,
        criterion: str | Criterion = "demographic_parity",
        gap: Gap | None = None,
        rates: str | Rate | Sequence[str | Rate] = DEFAULT_RATES,
        confidence_level: float | None = 0.95,
        min_group_size: int | None = None,
        ax: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Compute from a tally of scores, of data that may not fit in memory, and draw.

        Parameters
        ----------
        tally : ScoreTally
            Its edges are the thresholds.
        criterion, gap, rates, confidence_level, min_group_size, ax, **plot_options
            As in :meth:`from_predictions`.

        Returns
        -------
        display : CriterionThresholdDisplay
        """
        pyplot(cls.__name__)
        criterion = get_criterion(criterion)
        gap = criterion.gap if gap is None else gap
        metric, listed = f"{criterion.name}_{gap}", read_rates(rates)
        cells = tally.cells()[1:-1]
        small = warn_left_out(tally, criterion, cells, min_group_size)
        values = gap_curve(criterion, np.where(small[:, None], 0.0, cells), gap)
        columns = {metric: values}
        if confidence_level is not None:
            low, high = gap_limits(tally, criterion, gap, confidence_level, min_group_size)
            columns[f"{metric}_low"] = np.where(np.isnan(values), np.nan, low)
            columns[f"{metric}_high"] = np.where(np.isnan(values), np.nan, high)
        total = cells.sum(axis=1)
        columns |= {rate.name: rate(total) for rate in listed}
        display = cls(
            table=pd.DataFrame(columns, index=pd.Index(tally.edges, name="threshold")),
            metric=metric,
            rates=[rate.name for rate in listed],
            confidence_level=confidence_level,
        )
        return display.plot(ax, **plot_options)

    def plot(self, ax: Any = None, *, threshold: float | None = None) -> Self:
        """Draw the gap above the rates.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; both panels share its room. None: in a new figure.
        threshold : float, default=None
            Mark this threshold, with the figures at the nearest one that is known.

        Returns
        -------
        self
        """
        plt = pyplot(type(self).__name__)
        with closing_on_failure(plt):
            self.axes_ = self._draw(plt, ax, threshold)
        self.ax_ = self.axes_[0] if ax is None else ax
        self.figure_ = self.ax_.figure
        return self

    def _draw(self, plt: Any, ax: Any, threshold: float | None) -> list[Any]:
        n_panels = 2 if self.rates else 1
        panels = make_panels(plt, ax, n_panels, panel_size=(6.0, 2.7), most=1, share_y=False)
        self._draw_gap(panels[0], threshold)
        if self.rates:
            self._draw_rates(panels[1], threshold)
        for panel in panels:
            panel.grid(color="0.92")
            panel.set_axisbelow(True)
            if threshold is not None:
                panel.axvline(threshold, color=MUTED, linestyle=":", linewidth=1.5)
        panels[-1].set_xlabel("Threshold")
        return panels

    def _draw_gap(self, panel: Any, threshold: float | None) -> None:
        x, values = self.table.index.to_numpy(), self.table[self.metric].to_numpy()
        title = f"{as_plain_text(readable(self.metric))}{self._at(self.metric, threshold)}"
        if self.confidence_level is not None:
            low, high = (self.table[f"{self.metric}_{end}"].to_numpy() for end in ("low", "high"))
            panel.fill_between(x, low, high, color=COLORS[1], alpha=0.2, linewidth=0)
            title += f"\nwith {100 * self.confidence_level:g} % intervals"
        panel.plot(x, values, color=COLORS[1], linewidth=1.8, marker="." if len(x) < 20 else None)
        fair = 1.0 if self.metric.endswith("_ratio") else 0.0
        panel.axhline(fair, color=MUTED, linestyle="--", linewidth=1)
        panel.set_title(title, loc="left", fontsize="medium")
        panel.set_ylabel(f"gap ({fair:g} is fair)")

    def _draw_rates(self, panel: Any, threshold: float | None) -> None:
        x = self.table.index.to_numpy()
        for i, name in enumerate(self.rates):
            style = LINE_STYLES[i % len(LINE_STYLES)]
            color = COLORS[(0, 2, 3, 4, 5, 6)[i % 6]]
            label = f"{as_plain_text(readable(name))}{self._at(name, threshold)}"
            panel.plot(x, self.table[name], color=color, linestyle=style, label=label)
        panel.set_ylabel("rate of all rows")
        drawn = self.table[list(self.rates)].to_numpy()
        beyond = drawn[np.isfinite(drawn)] * 1.02  # a rate of the user's may leave [0, 1]
        panel.set_ylim(min([-0.02, *beyond]), max([1.02, *beyond]))
        panel.legend(fontsize="small")

    def _at(self, name: str, threshold: float | None) -> str:
        if threshold is None:
            return ""
        nearest = int(np.abs(self.table.index.to_numpy() - threshold).argmin())
        return f" = {self.table[name].iloc[nearest]:.3f} at {self.table.index[nearest]:.3g}"


def _edges(thresholds: int | ArrayLike, scores: NDArray[np.float64]) -> Any:
    if not isinstance(thresholds, int | np.integer):
        return thresholds
    if thresholds < 2:
        raise ValueError(
            f"thresholds must be at least 2 (parts of the range), or an array, got {thresholds}"
        )
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 1:
        return thresholds
    if low == high:
        return [low]
    return np.linspace(low, high, int(thresholds) + 1)[1:-1]
