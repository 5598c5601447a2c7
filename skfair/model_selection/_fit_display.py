"""Display of a diagnosis: errors, bias and variance, and learning curves by group."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skfair._utils.plotting import (
    COLORS,
    MUTED,
    closing_on_failure,
    line_style,
    make_panels,
    pyplot,
    readable,
    short_names,
)


class FitDiagnosisDisplay:
    """Errors in training and validation, bias and variance, and learning curves by group.

    Made by :meth:`skfair.model_selection.FitDiagnosis.plot`.

    Parameters
    ----------
    diagnosis : FitDiagnosis

    Attributes
    ----------
    axes_ : list of Axes
    figure_ : Figure
    """

    def __init__(self, *, diagnosis: Any) -> None:
        self.diagnosis = diagnosis

    def plot(self, ax: Any = None) -> Self:
        """Draw the panels; without learning curves there are two.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        self
        """
        plt = pyplot(type(self).__name__)
        labels = self.diagnosis.errors.index.tolist()
        draw = [self._draw_errors, self._draw_parts]
        if len(self.diagnosis.learning_curve):
            draw.append(self._draw_curves)
        size = (4.4, max(3.0, 1.4 + 0.35 * len(labels)))
        with closing_on_failure(plt):
            self.axes_ = make_panels(
                plt, ax, len(draw), panel_size=size, share_x=False, share_y=False
            )
            for panel, fill in zip(self.axes_, draw, strict=True):
                fill(panel, labels)
                panel.spines[["top", "right"]].set_visible(False)
                panel.set_axisbelow(True)
        self.figure_ = self.axes_[0].figure
        return self

    def _draw_errors(self, panel: Any, labels: list[Any]) -> None:
        errors, places = self.diagnosis.errors, np.arange(len(labels))
        for i, name in enumerate(("train", "validation")):
            at = places + 0.24 * (i - 0.5)
            low, value, high = (errors[f"{name}{end}"] for end in ("_low", "", "_high"))
            panel.hlines(at, low, high, color=COLORS[i])
            panel.plot(value, at, "o", color=COLORS[i], ms=5, label=name)
        words = self.diagnosis.verdict["verdict"]
        names = [f"{a}\n{b}" for a, b in zip(short_names(labels, 20), words, strict=True)]
        self._finish(panel, names, "error", f"{readable(self.diagnosis.loss)} loss")

    def _draw_parts(self, panel: Any, labels: list[Any]) -> None:
        parts, places = self.diagnosis.decomposition, np.arange(len(labels))
        bias, variance = parts["bias"].to_numpy(), parts["variance"].to_numpy()
        panel.barh(places, bias, 0.5, color=COLORS[0], label="bias and noise")
        panel.barh(places, variance, 0.5, left=bias, color=COLORS[4], alpha=0.8, label="variance")
        self._finish(panel, short_names(labels, 20), "error", "bias and variance")

    def _finish(self, panel: Any, names: list[str], x_label: str, title: str) -> None:
        panel.set_yticks(np.arange(len(names)), names, fontsize="small")
        panel.set_ylim(len(names) - 0.4, -0.6)
        panel.set_xlim(left=0)
        panel.set_xlabel(x_label, color=MUTED, fontsize="small")
        panel.set_title(title, loc="left")
        panel.grid(axis="x", color="0.92")
        panel.legend(fontsize="small", frameon=False)

    def _draw_curves(self, panel: Any, labels: list[Any]) -> None:
        table = self.diagnosis.learning_curve
        names = short_names(labels, 20)
        for i, label in enumerate(labels):
            mine = [group == label for group in table["group"]]
            for kind, part in table[mine].groupby("thinned", sort=False):
                alone = kind == "own rows"
                style = line_style(i) | {"linestyle": "--" if alone else "-"}
                name = f"{names[i]}, own rows only" if alone else names[i]
                panel.plot(part["rows"], part["validation"], ms=4, label=name, **style)
                if not alone:
                    low, high = part["validation_low"], part["validation_high"]
                    panel.fill_between(part["rows"], low, high, color=style["color"], alpha=0.12)
        panel.set_xscale("log")
        panel.set_xlabel("rows of the group trained on", color=MUTED, fontsize="small")
        panel.set_title("validation error", loc="left")
        panel.grid(color="0.92")
        panel.legend(fontsize="small", frameon=False)
