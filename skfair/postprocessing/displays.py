"""Displays of decision rules."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skfair._utils.plotting import (
    MUTED,
    closing_on_failure,
    line_style,
    make_panels,
    pyplot,
    short_names,
)
from skfair.postprocessing._curves import ScoreCurves
from skfair.postprocessing._guessed import GuessedThresholdRule
from skfair.postprocessing.rule import ThresholdRule


class ThresholdRuleDisplay:
    """ROC curves of groups, with the point of each group's rule.

    Made by :meth:`skfair.postprocessing.ThresholdOptimizer.plot`.

    Parameters
    ----------
    curves : ScoreCurves
        What the rule was chosen from.
    rule : ThresholdRule
        Crosses mark the cuts that a randomized rule mixes. Points of a rule for guessed groups lie
        where it puts the true groups, mostly below their curves.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    """

    def __init__(self, *, curves: ScoreCurves, rule: ThresholdRule) -> None:
        self.curves = curves
        self.rule = rule

    def plot(self, ax: Any = None) -> Self:
        """Draw.

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
            (self.ax_,) = make_panels(plt, ax, 1, panel_size=(5.2, 5.2))
            self._draw(self.ax_)
        self.figure_ = self.ax_.figure
        return self

    def _draw(self, ax: Any) -> None:
        ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
        place = {label: i for i, label in enumerate(self.rule.labels)}
        names = short_names(self.curves.labels)
        for g, (name, curve) in enumerate(zip(names, self.curves.curves, strict=True)):
            fpr, tpr = (part / max(part[-1], 1e-300) for part in (curve.fp, curve.tp))
            style = line_style(g)
            ax.plot(fpr, tpr, color=style["color"], linestyle=style["linestyle"], label=name)
            i = place.get(self.curves.labels[g])
            if i is None:
                continue
            fp, tp = curve.at(self.rule.cuts[i])
            chances = self.rule.chances[i]
            if isinstance(self.rule, GuessedThresholdRule):  # its cuts aren't those of true groups
                (fp, tp), chances = self.rule.cells[i, [[1], [3]]], np.ones(1)
            points = np.stack([fp / max(curve.fp[-1], 1e-300), tp / max(curve.tp[-1], 1e-300)])
            if len(chances) > 1:
                ax.plot(*points, "x", color=style["color"], markersize=6)
            ax.plot(
                *(points @ chances),
                style["marker"],
                color=style["color"],
                markersize=9,
                mec="black",
            )
        ax.set(
            xlabel="false positive rate",
            ylabel="true positive rate",
            xlim=(-0.01, 1.01),
            ylim=(-0.01, 1.01),
            aspect="equal",
        )
        ax.legend(title=" x ".join(self.curves.names) or None, loc="lower right", fontsize="small")
        ax.spines[["top", "right"]].set_visible(False)
