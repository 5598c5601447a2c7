"""The picture: time against rows and against groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .case import FLOOR, OURS
from .report import took
from .store import Store
from .tasks import CASES

SHOWN = ("group metrics", "bootstrap", "threshold fit, parity", "Reweighter, weights", "Resampler")
STYLES = {OURS: "-", FLOOR: ":"}  # peers are dashed


def curve(store: Store, name: str, side: str, axis: str) -> tuple[list[int], list[float]]:
    """Counts and seconds of the sizes that a side was measured at."""
    case, found = CASES[name], []
    start, values = case.grows[axis]
    for value in values:
        cell = store.find(case, start._replace(**{axis: value}))
        row = cell["sides"].get(side, {}) if cell else {}
        if row.get("status") == "ok":
            found.append((value, took(row)))
    return [value for value, _ in found], [seconds for _, seconds in found]


def growth_plot(store: Store, file: Path) -> str:
    """Two panels, a colour a case; skfair solid, its first peer dashed, the floor dotted."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
    for panel, axis in zip(axes, ("rows", "groups"), strict=True):
        for number, name in enumerate(SHOWN):
            _lines(panel, store, name, axis, f"C{number}")
        panel.set(xlabel=axis, **({"xscale": "log", "yscale": "log"} if panel.lines else {}))
        panel.grid(alpha=0.3)
    axes[0].set_ylabel("seconds")
    axes[0].plot([], [], "k-", label="skfair")
    axes[0].plot([], [], "k--", label="first peer")
    axes[0].plot([], [], "k:", label="floor")
    axes[0].legend(fontsize=7)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=80)
    plt.close(figure)
    return file.name


def _lines(panel: Any, store: Store, name: str, axis: str, colour: str) -> None:
    case = CASES[name]
    peers = [peer for peer in case.peers if not peer.startswith(OURS)]
    for side in (OURS, *peers[:1], FLOOR):
        x, y = curve(store, name, side, axis)
        label = name if side == OURS else None
        if x:
            panel.plot(x, y, STYLES.get(side, "--"), color=colour, marker=".", lw=1, label=label)
