"""Small pictures: frontiers with intervals, and ROC curves by group before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .measure import SCORE_BINS, accuracy, violation
from .place import Place

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
    """Each method and knob: mean test violation and accuracy."""
    points = found[["side", "method", "knob"]].copy()
    points["x"] = [violation(tests[0], criterion) for tests in found["tests"]]
    points["y"] = [100 * accuracy(tests[0]) for tests in found["tests"]]
    return points.groupby(["side", "method", "knob"], sort=False, as_index=False).mean()


def side_curve(place: Place, found: pd.DataFrame, criterion: str, levels: np.ndarray) -> np.ndarray:
    """Rows of violation, accuracy and their half-widths, by level that every split reached."""
    rows = []
    for level in levels:
        chosen = place.pick_within(found, level)
        if chosen.reached:
            x, y = chosen.violation(criterion), chosen.accuracy()
            rows.append([x.mean, y.mean, x.high - x.mean, y.high - y.mean])
    return np.nan_to_num(np.array(rows, dtype=float).reshape(-1, 4))


def frontier_plot(panels: dict[str, tuple[Place, str]], file: Path) -> str:
    """One panel a criterion: each library's best by level, and every method's values faintly."""
    figure, axes = _figure(len(panels))
    for axis, (title, (place, criterion)) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        _frontiers(axis, place, criterion)
        axis.set(title=title, xlabel="violation on test")
    first = np.atleast_1d(axes)[0]
    first.set_ylabel("accuracy on test, %")
    first.legend(fontsize=7, loc="lower right")
    return _save(figure, file)


def _frontiers(axis: Any, place: Place, criterion: str) -> None:
    found, styles = place.candidates(criterion), STYLES | OTHERS
    points = mean_points(found, criterion)
    plain = points[points["side"] == "none"]
    right = 1.4 * float(plain["x"].max() if len(plain) else 0.2)
    lowest = best = float(points["y"].max())
    for order, side in enumerate(reversed(styles)):  # skfair last, so on top
        part = points[points["side"] == side]
        if part.empty:
            continue
        colour, marker = styles[side]
        label, alpha, size = ("no mitigation", 1.0, 60) if side == "none" else (None, 0.3, 6)
        faint = {"marker": marker, "alpha": alpha, "label": label, "linewidths": 0}
        axis.scatter(part["x"], part["y"], s=size, color=colour, **faint)
        if side == "none":
            continue
        levels = np.linspace(right / 20, right, 14)
        x, y, wide, high = side_curve(place, found[found["side"] == side], criterion, levels).T
        bars = {"xerr": wide, "yerr": 100 * high, "fmt": "none", "ecolor": colour}
        axis.errorbar(x, 100 * y, elinewidth=0.7, alpha=0.25, zorder=2, **bars)
        line = {"color": colour, "marker": marker, "ms": 4, "lw": 1.6, "label": side}
        axis.plot(x, 100 * y, zorder=3 + order, **line)
        lowest = min(lowest, 100 * min(y, default=1.0))
    axis.set_xlim(0, right)
    axis.set_ylim(max(min(best - 4, lowest - 0.5), best - 8), best + 1)
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
