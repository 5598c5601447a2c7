"""Displays of images: examples of issues as a grid."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Self

from skfair._utils.plotting import (
    MUTED,
    as_plain_text,
    closing_on_failure,
    pyplot,
    readable,
    short_names,
)
from skfair.vision._thumbnails import Example, shown_of


class ImageIssuesDisplay:
    """Examples of issues as a grid: a line an issue, and of copies a line a cluster.

    Made by :meth:`skfair.vision.ImageHealthCheck.plot`.

    Parameters
    ----------
    examples : list of Example
        In the order of their lines.

    Attributes
    ----------
    axes_ : list of list of Axes
        Lines of the grid.
    figure_ : Figure
    """

    def __init__(self, *, examples: list[Example]) -> None:
        self.examples = examples

    def plot(self) -> Self:
        """Draw the grid in a new figure.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are no examples.
        """
        if not self.examples:
            raise ValueError("no examples to draw: no such issue was found, or n_examples is 0")
        plt = pyplot(type(self).__name__)
        lines = [list(line) for _, line in groupby(self.examples, key=lambda e: e.line)]
        n_columns = max(map(len, lines))
        is_noted = any(example.note for example in self.examples)
        size = (1.6 + 1.25 * n_columns, (1.7 if is_noted else 1.5) * len(lines))
        with closing_on_failure(plt):
            self.figure_ = plt.figure(figsize=size, layout="constrained")
            grid = self.figure_.subplots(len(lines), n_columns, squeeze=False)
            self.axes_ = [
                list(panels[: len(line)]) for panels, line in zip(grid, lines, strict=True)
            ]
            for panels, line in zip(grid, lines, strict=True):
                for panel, example in zip(panels, line, strict=False):
                    _draw(panel, example)
                for spare in panels[len(line) :]:
                    spare.remove()
                name = self._name(line[0])
                panels[0].set_ylabel(name, rotation=0, ha="right", va="center", labelpad=8)
        return self

    def _name(self, first: Example) -> str:
        """Name the line that an example begins."""
        parts = [readable(first.issue).replace(" ", "\n", 1)]
        if first.cluster is not None:
            parts.append(f"cluster {first.cluster}")
        of_issue = [example for example in self.examples if example.issue == first.issue]
        if first is of_issue[0] and (cut := shown_of(of_issue)):
            parts.append(cut)
        return as_plain_text("\n".join(parts))


def _draw(panel: Any, example: Example) -> None:
    panel.set_xticks([])
    panel.set_yticks([])
    title = f"row {example.row}: {example.score:.2g}"
    if example.note:
        title += f"\n{short_names([example.note], 22)[0]}"
    panel.set_title(title, fontsize="x-small", color=MUTED)
    if example.picture is None:
        panel.text(0.5, 0.5, "unreadable", ha="center", va="center", transform=panel.transAxes)
        return
    panel.imshow(example.picture, interpolation="nearest", vmin=0, vmax=255)
