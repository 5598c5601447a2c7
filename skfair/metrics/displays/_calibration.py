"""Reliability curves by group, drawn."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.plotting import (
    NAME_WIDTH,
    pyplot,
)
from skfair.criteria import group_intervals
from skfair.groups import Groups, Missing, cross
from skfair.metrics._calibration import calibration_by_group
from skfair.metrics._rows import ScoredRows, Strategy, assign_bins
from skfair.metrics.displays._curves import CurvesByGroup, Layout, draw_diagonal
from skfair.tally import MomentTally, Tally


class CalibrationByGroupDisplay(CurvesByGroup):
    """A reliability curve for each group: what happened, by what was predicted.

    Make one with :meth:`from_estimator` or :meth:`from_predictions`; they compute the numbers and
    draw them. A calibrated group's curve runs along the diagonal; a curve above it means that
    the group's risk is underestimated.

    Parameters
    ----------
    bins : sequence of DataFrame
        For each group a row a bin: mean_probability, mean_label, low and high (its interval), n.
    table : DataFrame
        What :func:`skfair.metrics.calibration_by_group` gives.
    labels : sequence
        Labels of the groups.

    Attributes
    ----------
    ax_ : Axes
        Where it was drawn; the first panel, if no Axes were given.
    axes_ : list of Axes
        The panels; one, where curves lie over each other.
    figure_ : Figure
        The figure.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> y_true, y_prob = [0, 1, 0, 1, 1, 1], [0.2, 0.2, 0.4, 0.8, 0.6, 0.6]
    >>> sex = ["f", "f", "m", "m", "m", "m"]
    >>> display = CalibrationByGroupDisplay.from_predictions(
    ...     y_true, y_prob, sensitive_features=sex, n_bins=2, strategy="uniform"
    ... )
    >>> display.bins[1].round(2)  # of group m
       mean_probability  mean_label   low  high  n
    0              0.40         0.0  0.00  0.79  1
    1              0.67         1.0  0.44  1.00  3
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    _methods = ("predict_proba",)
    _axis_labels = ("Mean predicted probability", "Share of positives")

    def __init__(
        self, *, bins: Sequence[pd.DataFrame], table: pd.DataFrame, labels: Sequence[Hashable]
    ) -> None:
        self.bins = list(bins)
        self.table = table
        self.labels = tuple(labels)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        sensitive_features: Any,
        n_bins: int = 5,
        strategy: Strategy = "quantile",
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
            Labels.
        y_prob : array-like of float of shape (n,)
            Probabilities of the positive class.
        sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
            Groups; several columns make intersectional groups.
        n_bins : int, default=5
            Number of bins.
        strategy : {"quantile", "uniform"}, default="quantile"
            Bins with the same number of rows within each group (rows without weight aren't
            counted), or bins of the same width, the same for all groups.
        confidence_level : float, default=0.95
            Of Wilson's intervals of the share of positives in a bin.
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
        display : CalibrationByGroupDisplay
        """
        pyplot(cls.__name__)
        rows = ScoredRows.read_probabilities(
            y_true, y_prob, sensitive_features, sample_weight, pos_label, missing
        )
        table = calibration_by_group(
            rows.positive,
            rows.score,
            sensitive_features=rows.groups,
            n_bins=n_bins,
            strategy=strategy,
            confidence_level=confidence_level,
            sample_weight=rows.weight,
        )
        bins = _by_group(rows, assign_bins(rows, n_bins, strategy), confidence_level)
        return cls(bins=bins, table=table, labels=rows.groups.labels).plot(ax, **plot_options)

    def plot(
        self, ax: Any = None, *, layout: Layout = "auto", name_width: int = NAME_WIDTH
    ) -> Self:
        """Draw a curve a group, with the mean of label less probability beside its name.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.
        layout : {"auto", "overlay", "panels"}, default="auto"
            All curves over each other, or a panel a group with the other curves in grey behind.
            "auto": panels for more than 7 groups, unless ``ax`` is given.
        name_width : int, default=32
            Longer names of groups lose their middle; ``labels`` has them in full.

        Returns
        -------
        self
        """
        return self._plot(ax, layout, name_width)

    def _line(self, i: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        part = self.bins[i]
        return part["mean_probability"].to_numpy(), part["mean_label"].to_numpy()

    def _note(self, i: int) -> str:
        error = round(self.table["calibration_in_the_large"].iloc[i], 3) + 0.0  # no -0
        if np.isnan(error):
            return "no rows with weight"
        return f"observed - predicted: {error:+.3f}".replace("-", "\N{MINUS SIGN}")

    def _draw_group(self, ax: Any, i: int, **style: Any) -> None:
        x, y = self._line(i)
        low, high = (self.bins[i][end].to_numpy() for end in ("low", "high"))
        ax.vlines(x, low, high, color=style["color"], linewidth=1, alpha=0.5, zorder=2)
        ax.plot(x, y, linewidth=1.5, markersize=5, zorder=3, **style)

    @property
    def _empty_corner(self) -> str:
        above = sum((part["mean_label"] - part["mean_probability"]).sum() for part in self.bins)
        return "lower right" if above >= 0 else "upper left"

    def _draw_background(self, ax: Any) -> None:
        draw_diagonal(ax, "Calibrated")

    def _set_axes(self, ax: Any) -> None:
        ends = [part[["mean_probability", "high"]].max(axis=None) for part in self.bins]
        largest = np.fmax.reduce(ends)  # groups without weight have no bins
        limits = (-0.02, min(1.05 * largest, 1.02) if largest > 0 else 1.02)
        ax.set(xlim=limits, ylim=limits, aspect="equal")


def _by_group(
    rows: ScoredRows, bins: NDArray[np.intp], confidence_level: float
) -> list[pd.DataFrame]:
    """Bins of each group as groups of their own: one tally for labels, one for probabilities."""
    n_groups = rows.groups.n_groups
    present, codes = np.unique(cross(bins, int(bins.max()) + 1, rows.groups), return_inverse=True)
    cells = Groups(codes, tuple(present.tolist()), ("bin",))
    tally = Tally.from_arrays(rows.positive, rows.positive, cells, sample_weight=rows.weight)
    moments = MomentTally.from_arrays(rows.positive, rows.score, cells, sample_weight=rows.weight)
    found = group_intervals(tally, "base_rate", confidence_level=confidence_level, pos_label=True)
    table = pd.DataFrame(
        {
            "mean_probability": moments.means["y_pred"].to_numpy(),
            "mean_label": found.rate,
            "low": found.low,
            "high": found.high,
            "n": tally.group_counts,
        }
    )
    parts = [table[present % n_groups == group] for group in range(n_groups)]
    return [part.dropna().reset_index(drop=True) for part in parts]  # bins without weight go
