"""DebiaserComparison: the table of what competitors reached on new rows, and its plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skfair._utils.plotting import (
    MUTED,
    closing_on_failure,
    line_style,
    make_panels,
    pyplot,
    readable,
    short_names,
)
from skfair.criteria import gap_interval
from skfair.finetuning._objective import SLACK, FairObjective
from skfair.tally import Tally

_REPLICATES = 999


@dataclass(frozen=True)
class DebiaserComparison:
    """What competitors reached on the same new rows.

    Attributes
    ----------
    table : DataFrame
        A row for each competitor. ``objective`` is the performance where the bias is within the
        tolerance, else 0. ``performance`` and ``bias`` (without a sign) have 95% intervals
        (``performance_low``, ..., ``bias_high``); ``selection_rate`` tells of rules that decide
        alike for all rows, ``validation_bias`` of what fitted itself to the validation rows, and
        ``seconds`` of the time that fitting took, NaN where a competitor came fitted.
    estimators : dict of str to estimator
        The fitted competitors.
    criterion : str
        Name of the bias.
    performance : str
        Name of the performance.
    tol : float
        Allowed bias.
    """

    table: pd.DataFrame
    estimators: dict[str, Any]
    criterion: str
    performance: str
    tol: float

    def plot(self, ax: Any = None) -> Any:
        """Draw performance against bias, with intervals; a line shows the tolerance.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        Axes

        Raises
        ------
        ImportError
            If matplotlib is missing: ``pip install "skfair[plot]"``.
        """
        plt = pyplot("DebiaserComparison.plot")
        with closing_on_failure(plt):
            (ax,) = make_panels(plt, ax, 1, panel_size=(6.0, 4.5))
            for i, name in enumerate(short_names(self.table.index.tolist())):
                self._draw_point(ax, self.table.iloc[i], line_style(i), name)
            ax.axvline(self.tol, color=MUTED, linewidth=0.8, linestyle=":")
            ax.set(xlabel=readable(self.criterion), ylabel=readable(self.performance))
            ax.legend(fontsize="small")
            ax.spines[["top", "right"]].set_visible(False)
        return ax

    def _draw_point(self, ax: Any, row: pd.Series, style: dict[str, Any], name: str) -> None:
        reach = {
            which: [[row[which] - row[f"{which}_low"]], [row[f"{which}_high"] - row[which]]]
            for which in ("bias", "performance")
        }
        ax.errorbar(
            row["bias"],
            row["performance"],
            xerr=reach["bias"],
            yerr=reach["performance"],
            fmt=style["marker"],
            color=style["color"],
            linewidth=0.8,
            label=name,
        )


class Judge:
    """Measures decisions, with intervals.

    Parameters
    ----------
    objective : FairObjective
    confidence_level : float
    random_state : int, RandomState instance or None
        Draws the bootstrap of the performance.
    """

    def __init__(
        self, objective: FairObjective, confidence_level: float, random_state: Any
    ) -> None:
        self.objective, self.confidence_level = objective, confidence_level
        self.random_state = random_state

    def measure(self, tally: Tally) -> dict[str, float]:
        """Give the figures of a row of the table."""
        cells = tally.cells(pos_label=True)
        performance = float(self.objective.performance_of(cells[None])[0])
        level = self.confidence_level
        drawn = tally.resampled_cells(_REPLICATES, random_state=self.random_state, pos_label=True)
        each = [float(self.objective.performance_of(one[None])[0]) for one in drawn]
        bias = self.bias(tally)
        gap = gap_interval(tally, self.objective.criterion, confidence_level=level, pos_label=True)
        ends = [gap.low, gap.high]
        if self.objective.criterion.gap == "ratio":
            ends = [1 - gap.high, 1 - gap.low]
        low, high = np.quantile(each, [(1 - level) / 2, (1 + level) / 2])
        return {
            "objective": performance if bias <= self.objective.tol + SLACK else 0.0,
            "performance": performance,
            "performance_low": float(low),
            "performance_high": float(high),
            "bias": bias,
            "bias_low": ends[0],
            "bias_high": ends[1],
            "selection_rate": float(cells[:, 1::2].sum() / cells.sum()),
        }

    def bias(self, tally: Tally) -> float:
        """Give the bias of decisions."""
        return float(self.objective.bias_of(tally.cells(pos_label=True)))
