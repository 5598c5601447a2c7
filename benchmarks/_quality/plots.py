"""Small pictures: frontiers with intervals, and ROC curves by group before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .analysis import pick_within
from .measure import SCORE_BINS, accuracy, violation
from .statistics import corrected

STYLES = {"skfair": ("C0", "o"), "fairlearn": ("C1", "s"), "aif360": ("C2", "^")}
OTHERS = {"error-parity": ("C3", "D"), "scikit-lego": ("C4", "v"), "none": ("black", "*")}


def _figure(columns: int, width: float = 4.8) -> tuple:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(1, columns, figsize=(width * columns, 3.8), layout="constrained")


def _save(figure: object, file: Path) -> str:
    import matplotlib.pyplot as plt

    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=80)  # type: ignore[attr-defined]
    plt.close(figure)  # type: ignore[arg-type]
    return file.name


def mean_points(found: pd.DataFrame, criterion: str) -> pd.DataFrame:
    """Each method and knob: mean test violation and accuracy with their intervals."""
    points = found.copy()
    points["x"] = [violation(cells, criterion) for cells in points["test"]]
    points["y"] = [accuracy(cells) for cells in points["test"]]
    rows = []
    for (side, method, knob), part in points.groupby(["side", "method", "knob"], sort=False):
        x, y = corrected(part["x"]), corrected(part["y"])
        rows.append({"side": side, "method": method, "knob": knob, "x": x, "y": y})
    return pd.DataFrame(rows)


def side_curve(found: pd.DataFrame, criterion: str, levels: np.ndarray) -> np.ndarray:
    """Rows of violation, accuracy and their half-widths, by level that every split reached."""
    rows = []
    for level in levels:
        chosen = pick_within(found, level)
        if chosen.reached:
            x, y = corrected(chosen.violations(criterion)), corrected(chosen.gains())
            rows.append([x.mean, y.mean, x.high - x.mean, y.high - y.mean])
    return np.nan_to_num(np.array(rows, dtype=float).reshape(-1, 4))


def frontier_plot(panels: dict[str, tuple[pd.DataFrame, str]], file: Path) -> str:
    """One panel a criterion: each library's best by level, and every method's values faintly."""
    figure, axes = _figure(len(panels))
    for axis, (title, (found, criterion)) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        _frontiers(axis, found, criterion)
        axis.set(title=title, xlabel="violation on test")
    first = np.atleast_1d(axes)[0]
    first.set_ylabel("accuracy on test, %")
    first.legend(fontsize=7, loc="lower right")
    return _save(figure, file)


def _frontiers(axis: Any, found: pd.DataFrame, criterion: str) -> None:
    points, styles = mean_points(found, criterion), STYLES | OTHERS
    plain = points[points["side"] == "none"]
    right = 1.4 * max([e.mean for e in plain["x"]], default=0.2)
    best = 100 * max(e.mean for e in points["y"])
    for place, side in enumerate(reversed(styles)):  # skfair last, so on top
        part = points[points["side"] == side]
        if part.empty:
            continue
        colour, marker = styles[side]
        x, y = ([e.mean for e in part[c]] for c in ("x", "y"))
        name, size = ("no mitigation", 60) if side == "none" else ("", 6)
        faint = {"color": colour, "marker": marker, "alpha": 0.3 if name == "" else 1.0}
        faint |= {"label": name or None, "linewidths": 0}
        axis.scatter(x, 100 * np.array(y), s=size, **faint)
        if side == "none":
            continue
        levels = np.linspace(right / 20, right, 14)
        curve = side_curve(found[found["side"] == side], criterion, levels)
        x, y, wide, high = curve.T
        bars = {"xerr": wide, "yerr": 100 * high, "fmt": "none", "ecolor": colour}
        axis.errorbar(x, 100 * y, elinewidth=0.7, alpha=0.25, zorder=2, **bars)
        line = {"color": colour, "marker": marker, "ms": 4, "lw": 1.6, "label": side}
        axis.plot(x, 100 * y, zorder=3 + place, **line)
    axis.set_xlim(0, right)
    axis.set_ylim(best - 4, best + 1)
    axis.grid(alpha=0.3)


def roc_points(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rate at every edge of the bins, from counts by label and bin."""
    tails = np.cumsum(np.asarray(counts, float)[:, ::-1], axis=1)
    rates = np.hstack([np.zeros((2, 1)), tails / tails[:, -1:]])
    return rates[0], rates[1]


def roc_plot(counts: dict[str, np.ndarray], labels: list[str], file: Path) -> str:
    """One panel a method: a curve for each group."""
    figure, axes = _figure(len(counts), 3.2)
    for axis, (title, table) in zip(np.atleast_1d(axes), counts.items(), strict=True):
        assert table.shape[2] == SCORE_BINS
        for label, group in zip(labels, table, strict=True):
            axis.plot(*roc_points(group), label=label)
        axis.plot([0, 1], [0, 1], color="grey", lw=0.5)
        axis.set(title=title, xlabel="false positive rate")
    first = np.atleast_1d(axes)[0]
    first.set_ylabel("true positive rate")
    first.legend(fontsize=7, loc="lower right")
    return _save(figure, file)
