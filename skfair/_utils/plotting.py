"""What displays share: names, colours, panels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from skfair._utils.optional import import_optional

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind people can tell apart, without the pale yellow."""


LINE_STYLES = ("-", "--", "-.", ":")


MARKERS = ("o", "s", "^", "D", "v", "P", "X")


MUTED = "0.45"


NAME_WIDTH = 32


def pyplot(purpose: str) -> Any:
    """Import matplotlib's pyplot, or say in one line which extra brings it."""
    return import_optional("matplotlib.pyplot", extra="plot", purpose=purpose)


@contextmanager
def closing_on_failure(plt: Any) -> Iterator[None]:
    """Close the figure that was made for a drawing that failed; those there before stay."""
    before = set(plt.get_fignums())
    try:
        yield
    except BaseException:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
        raise


def short_names(labels: Sequence[Hashable], width: int = NAME_WIDTH) -> list[str]:
    """One line for each label, of at most ``width`` characters, and no two alike.

    Longer names lose their middle; where that makes two of them alike, a number tells them apart.

    Examples
    --------
    >>> short_names([("Female", "Black"), "a" * 50 + "b" * 50], width=15)
    ['Female, Black', 'aaaaaaa…bbbbbbb']
    >>> short_names(["a" * 50, "a" * 60], width=10)
    ['aa…aaa (1)', 'aa…aaa (2)']
    """
    texts = [_text(label) for label in labels]
    names = [_cut(text, width) for text in texts]
    seen, alike = Counter[str](), Counter(names)
    for i, text in enumerate(texts):
        if alike[names[i]] > 1:
            seen[names[i]] += 1
            number = f" ({seen[names[i]]})"
            names[i] = _cut(text, width - len(number)) + number
    return [as_plain_text(name) for name in names]


def as_plain_text(text: str) -> str:
    """Keep matplotlib from reading formulas between dollar signs and hiding names like _other."""
    text = text.replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text


def readable(name: str) -> str:
    """Say a metric's name in words."""
    return name.replace("_", " ")


def line_style(i: int) -> dict[str, Any]:
    """Colour, line and marker of the i-th group; colour first, so that few groups stay solid."""
    turn = i // len(COLORS)
    return {
        "color": COLORS[i % len(COLORS)],
        "linestyle": LINE_STYLES[turn % len(LINE_STYLES)],
        "marker": MARKERS[i % len(MARKERS)],
    }


def grid_shape(n: int, most: int = 4) -> tuple[int, int]:
    """Rows and columns of a grid of n panels, as even as can be.

    Examples
    --------
    >>> grid_shape(3), grid_shape(5), grid_shape(12)
    ((1, 3), (2, 3), (3, 4))
    """
    n_rows = -(-n // most)
    return n_rows, -(-n // n_rows)


def make_panels(
    plt: Any,
    ax: Any,
    n: int,
    *,
    panel_size: tuple[float, float],
    margin: float = 0.0,
    most: int = 4,
    share_x: bool = True,
    share_y: bool = True,
) -> list[Any]:
    """Make n Axes: those of a new figure, ``ax`` itself, or parts of it.

    Parameters
    ----------
    plt : module
        matplotlib.pyplot.
    ax : Axes or None
        Where to draw; None: in a new figure.
    n : int
        Number of panels.
    panel_size : tuple of 2 floats
        Width and height of a panel in inches, for a new figure.
    margin : float, default=0.0
        Width in inches that the names on the left add to a new figure.
    most : int, default=4
        Largest number of panels side by side.
    share_x, share_y : bool, default=True
        Whether the panels have the same horizontal and vertical axis.

    Returns
    -------
    panels : list of n Axes
    """
    rows, columns = grid_shape(n, most)
    if ax is not None:
        return [ax] if n == 1 else _inset_panels(ax, n, (rows, columns), share_x, share_y)
    size = (margin + panel_size[0] * columns, panel_size[1] * rows)
    figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=share_x, sharey=share_y)
    for spare in grid.ravel()[n:]:
        spare.remove()
    for j in range(columns):  # the lowest panel of each column shows the ticks
        lowest = grid[(n - 1 - j) // columns, j]
        lowest.tick_params(labelbottom=True)
    return list(grid.ravel()[:n])


def label_panels(ax: Any, panels: list[Any], x_label: str, y_label: str) -> None:
    """Label the axes that all panels share, once."""
    if ax is None:
        panels[0].figure.supxlabel(x_label, fontsize="medium")
        panels[0].figure.supylabel(y_label, fontsize="medium")
    elif len(panels) == 1:
        ax.set(xlabel=x_label, ylabel=y_label)
    else:
        whole, first, last = (a.transAxes for a in (ax, panels[0], panels[-1]))
        below: dict[str, Any] = {"xycoords": (whole, last), "ha": "center", "va": "top"}
        left: dict[str, Any] = {"xycoords": (first, whole), "ha": "right", "va": "center"}
        ax.annotate(x_label, (0.5, 0), (0, -22), textcoords="offset points", **below)
        ax.annotate(y_label, (0, 0.5), (-28, 0), textcoords="offset points", rotation=90, **left)


def _inset_panels(
    ax: Any, n: int, shape: tuple[int, int], share_x: bool, share_y: bool
) -> list[Any]:
    ax.set_axis_off()
    (rows, columns), room, inch = shape, ax.get_window_extent(), ax.figure.dpi
    spaces = (0.25 if share_y else 0.6) * inch, (0.5 if share_x else 1.1) * inch
    width = max((1 - spaces[0] / room.width * (columns - 1)) / columns, 0.5 / columns)
    height = max((1 - spaces[1] / room.height * (rows - 1)) / rows, 0.5 / rows)
    gap_x = (1 - width * columns) / max(columns - 1, 1)
    gap_y = (1 - height * rows) / max(rows - 1, 1)
    panels: list[Any] = []
    for i in range(n):
        row, column = divmod(i, columns)
        place = (column * (width + gap_x), 1 - height - row * (height + gap_y), width, height)
        first = panels[0] if panels else None
        shared = {"sharex": first if share_x else None, "sharey": first if share_y else None}
        panels.append(ax.inset_axes(place, **shared))
        panels[-1].tick_params(
            labelleft=not share_y or column == 0, labelbottom=not share_x or i + columns >= n
        )
    return panels


def _text(label: Hashable) -> str:
    parts = label if isinstance(label, tuple) else (label,)
    return ", ".join(" ".join(str(part).split()) for part in parts)


def _cut(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    head = max((width - 1) // 2, 1)
    tail = max(width - 1 - head, 1)
    return f"{text[:head]}…{text[-tail:]}"
