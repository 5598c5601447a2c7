"""ROC curves by group, drawn."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.plotting import (
    MUTED,
    NAME_WIDTH,
    pyplot,
)
from skfair.groups import Missing
from skfair.metrics._ranking import area_table
from skfair.metrics._roc_curves import RocCurve, curves_by_group, overall_curve
from skfair.metrics._rows import read_scores
from skfair.metrics.displays._curves import CurvesByGroup, Layout, draw_diagonal


class RocCurveByGroupDisplay(CurvesByGroup):
    """A ROC curve for each group, with the area under it.

    Make one with :meth:`from_estimator` or :meth:`from_predictions`; they compute the numbers and
    draw them.

    Parameters
    ----------
    curves : sequence of RocCurve
        The curve of each group: fpr, tpr, thresholds, roc_auc.
    overall : RocCurve
        The curve of all rows.
    table : DataFrame
        What :func:`skfair.metrics.roc_auc_by_group` gives.
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
    >>> y_true, y_score = [0, 1, 0, 1, 0, 1], [0.1, 0.8, 0.4, 0.3, 0.5, 0.5]
    >>> sex = ["f", "f", "f", "f", "m", "m"]
    >>> display = RocCurveByGroupDisplay.from_predictions(y_true, y_score, sensitive_features=sex)
    >>> display.table["roc_auc"].to_dict()
    {'f': 0.75, 'm': 0.5}
    >>> for line in display.ax_.lines:  # with the interval of the area
    ...     print(line.get_label().split(",")[0])
    Chance level (AUC = 0.50)
    Overall (AUC = 0.72)
    f (AUC = 0.75
    m (AUC = 0.50
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    _axis_labels = ("False positive rate", "True positive rate")

    def __init__(
        self,
        *,
        curves: Sequence[RocCurve],
        overall: RocCurve,
        table: pd.DataFrame,
        labels: Sequence[Hashable],
    ) -> None:
        self.curves = list(curves)
        self.overall = overall
        self.table = table
        self.labels = tuple(labels)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: Any = None,
        *,
        sensitive_features: Any = None,
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
        y_true : array-like of shape (n,), or ScoreTally
            Labels; a tally brings scores, groups and weights along. Its curves have a point an
            edge of its bins, and their areas the middle of what the order within bins may make.
        y_score : array-like of float of shape (n,), default=None
            Scores, higher for the positive class; needed with arrays.
        sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or \
                Groups, default=None
            Groups; several columns make intersectional groups. Needed with arrays.
        confidence_level : float, default=0.95
            Of DeLong's intervals of the areas.
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
        display : RocCurveByGroupDisplay

        Warns
        -----
        UndefinedMetricWarning
            If a group has rows of one class only: it has no curve, and the legend says so.
        """
        pyplot(cls.__name__)
        scores = read_scores(y_true, y_score, sensitive_features, sample_weight, pos_label, missing)
        table = area_table(scores, confidence_level)
        display = cls(
            curves=curves_by_group(scores),
            overall=overall_curve(scores),
            table=table,
            labels=scores.labels,
        )
        return display.plot(ax, **plot_options)

    def plot(
        self,
        ax: Any = None,
        *,
        layout: Layout = "auto",
        plot_overall: bool = True,
        plot_chance_level: bool = True,
        name_width: int = NAME_WIDTH,
    ) -> Self:
        """Draw a curve a group.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.
        layout : {"auto", "overlay", "panels"}, default="auto"
            All curves over each other, or a panel a group with the other curves in grey behind.
            "auto": panels for more than 7 groups, unless ``ax`` is given.
        plot_overall : bool, default=True
            Draw the curve of all rows together.
        plot_chance_level : bool, default=True
            Draw the diagonal, where scores that know nothing lie.
        name_width : int, default=32
            Longer names of groups lose their middle; ``labels`` has them in full.

        Returns
        -------
        self
        """
        self._shown = (plot_chance_level, plot_overall)
        return self._plot(ax, layout, name_width)

    def _line(self, i: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.curves[i].fpr, self.curves[i].tpr

    def _note(self, i: int) -> str:
        row = self.table.iloc[i]
        if np.isnan(row["roc_auc"]):
            lacking = "positives" if row["n_positive"] == 0 else "negatives"
            return f"no AUC: no {lacking}"
        low, high = row["roc_auc_low"], row["roc_auc_high"]
        return f"AUC = {row['roc_auc']:.2f}, {low:.2f} to {high:.2f}"

    def _draw_group(self, ax: Any, i: int, **style: Any) -> None:
        del style["marker"]  # a curve has a point for every score
        ax.plot(*self._line(i), linewidth=1.5, **style)

    def _draw_background(self, ax: Any) -> None:
        chance_level, overall = self._shown
        if chance_level:
            draw_diagonal(ax, "Chance level (AUC = 0.50)")
        if overall:
            area = self.overall.roc_auc
            known = f"AUC = {area:.2f}" if np.isfinite(area) else "no AUC: one class only"
            label = f"Overall ({known})"
            style = {"color": MUTED, "linewidth": 2.5, "alpha": 0.6}
            ax.plot(self.overall.fpr, self.overall.tpr, label=label, **style)

    def _set_axes(self, ax: Any) -> None:
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")


def plot_roc_curve_by_group(
    y_true: Any,
    y_score: Any,
    *,
    sensitive_features: Any,
    ax: Any = None,
    plot_overall: bool = True,
    plot_chance_level: bool = True,
    pos_label: Any = None,
    title: str | None = None,
) -> Any:
    """Draw the ROC curve of each group over each other.

    fairlearn's function of that name; :class:`RocCurveByGroupDisplay` takes weights, keeps the
    numbers and gives many groups a panel each. Rows without a sensitive value are drawn as the
    group ``"<missing>"``, where fairlearn leaves them out.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_score : array-like of float of shape (n,)
        Scores, higher for the positive class.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    ax : Axes, default=None
        Where to draw; None: in a new figure.
    plot_overall : bool, default=True
        Draw the curve of all rows together.
    plot_chance_level : bool, default=True
        Draw the diagonal, where scores that know nothing lie.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    title : str, default=None
        Title of the Axes.

    Returns
    -------
    ax : Axes

    Warns
    -----
    UndefinedMetricWarning
        If a group has rows of one class only: it has no curve, and the legend says so.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> y_true, y_score, sex = [0, 1, 0, 1], [0.1, 0.8, 0.4, 0.3], ["f", "f", "m", "m"]
    >>> ax = plot_roc_curve_by_group(y_true, y_score, sensitive_features=sex, title="A model")
    >>> ax.get_title(), len(ax.lines)
    ('A model', 4)
    >>> import matplotlib.pyplot as plt
    >>> plt.close(ax.figure)
    """
    display = RocCurveByGroupDisplay.from_predictions(
        y_true,
        y_score,
        sensitive_features=sensitive_features,
        pos_label=pos_label,
        ax=ax,
        layout="overlay",
        plot_overall=plot_overall,
        plot_chance_level=plot_chance_level,
    )
    if title is not None:
        display.ax_.set_title(title)
    return display.ax_
