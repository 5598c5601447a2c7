"""Display of attributions: bars of features by group."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd

from skfair._utils.plotting import COLORS, closing_on_failure, make_panels, pyplot, short_names


class AttributionsDisplay:
    """Means of features by group, and how far each group is from the others, as bars.

    Made by :meth:`skfair.vision.GroupAttributions.plot`.

    Parameters
    ----------
    table, gaps : DataFrame
        As in :class:`skfair.vision.GroupAttributions`.
    method : str
    n_features : int, default=12
        Most features to show, those of the largest means or differences.

    Attributes
    ----------
    axes_ : list of Axes
    figure_ : Figure
    """

    def __init__(
        self, *, table: pd.DataFrame, gaps: pd.DataFrame, method: str, n_features: int = 12
    ) -> None:
        self.table, self.gaps, self.method, self.n_features = table, gaps, method, n_features

    def plot(self) -> Self:
        """Draw the bars in a new figure.

        Returns
        -------
        self
        """
        plt = pyplot(type(self).__name__)
        size = self.gaps["difference"] if len(self.gaps) else self.table["mean"]
        source = self.gaps if len(self.gaps) else self.table
        largest = size.abs().groupby(source["feature"], sort=False).max()
        features = list(largest.sort_values(ascending=False, kind="stable").index)
        features = features[: self.n_features]
        labels = list(dict.fromkeys(self.table["group"]))
        what = "Shapley value" if self.method == "shapley" else "fall of the score"
        panels = [(self.table, "mean", f"mean {what}")]
        if len(self.gaps):
            panels.append((self.gaps, "difference", "difference from all others"))
        height = 1.2 + 0.22 * len(features) * max(len(labels), 2)
        with closing_on_failure(plt):
            self.axes_ = make_panels(
                plt, None, len(panels), panel_size=(3.6, height), margin=1.6, share_x=False
            )
            self.figure_ = self.axes_[0].figure
            for panel, (table, column, title) in zip(self.axes_, panels, strict=True):
                _bars(panel, table, column, features, labels)
                panel.set_title(title, fontsize="medium")
            self.axes_[0].set_yticks(range(len(features)), short_names(features))
            self.axes_[0].invert_yaxis()
            handles, names = self.axes_[0].get_legend_handles_labels()
            self.figure_.legend(handles, names, loc="outside lower center", ncols=4)
        return self


def _bars(
    panel: Any, table: pd.DataFrame, column: str, features: list[Any], labels: list[Any]
) -> None:
    width = 0.8 / len(labels)
    names = short_names(labels)
    for i, label in enumerate(labels):
        own = table[[one == label for one in table["group"]]].set_index("feature").loc[features]
        places = np.arange(len(features)) + (i - (len(labels) - 1) / 2) * width
        values = own[column].to_numpy()
        sides = np.abs(np.array([values - own["low"], own["high"] - values]))
        panel.barh(
            places,
            values,
            height=width,
            xerr=np.nan_to_num(sides),
            color=COLORS[i % len(COLORS)],
            error_kw={"linewidth": 0.8},
            label=names[i],
        )
    panel.axvline(0, color="0.3", linewidth=0.8)
