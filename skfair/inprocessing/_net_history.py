"""The history of training as a table and a drawing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skfair._utils.plotting import COLORS, closing_on_failure, pyplot

_DRAWN = {"train_loss": "training rows", "valid_loss": "validation rows"}


def history_frame(history: Any) -> pd.DataFrame:
    """Losses and seconds of each epoch.

    Examples
    --------
    >>> history_frame([{"epoch": 1, "train_loss": 0.5, "dur": 0.1, "batches": []}])
           train_loss  dur
    epoch
    1             0.5  0.1
    """
    left_out = ("batches", "event", "_batch_count", "_best")
    rows = [{k: v for k, v in row.items() if not k.endswith(left_out)} for row in history]
    table = pd.DataFrame(rows, columns=None if rows else ["epoch", "dur"]).set_index("epoch")
    return table[
        [*table.columns.drop("dur", errors="ignore"), *table.columns.intersection(["dur"])]
    ]


def plot_losses(history: pd.DataFrame, *, title: str = "", ax: Any = None) -> Any:
    """Draw the losses by epoch, on new axes or those given."""
    plt = pyplot("plot_history")
    with closing_on_failure(plt):
        axes = plt.subplots(layout="constrained")[1] if ax is None else ax
        for color, (name, what) in zip(COLORS, _DRAWN.items(), strict=False):
            if name in history:
                axes.plot(history.index, history[name], color=color, label=what)
        axes.set(xlabel="epoch", ylabel="loss", title=title)
        axes.legend(frameon=False)
    return axes
