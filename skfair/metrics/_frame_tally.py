"""Values of metrics on every cell of a grid, from a tally that was counted elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from skfair._utils.text import listed
from skfair._utils.validation import generator
from skfair.criteria import RATES
from skfair.metrics._base_metrics import count
from skfair.metrics._calls import base_of, name_of
from skfair.metrics._frame_grid import FrameGrid
from skfair.metrics._frame_rates import OUR_RATES, SKLEARN_RATES, RateMetrics, Values
from skfair.tally import Tally


class TallyMetrics(RateMetrics):
    """Computes rates and counts from a tally; other metrics need rows, and are refused.

    Parameters
    ----------
    tally : Tally
    grid : FrameGrid
        As :meth:`FrameGrid.of_tally` makes it.
    """

    def __init__(self, tally: Tally, grid: FrameGrid) -> None:
        super().__init__(grid)
        self._both = _on_grid(tally, grid)
        self._predictions = _without_labels(self._both)

    def _counted(self, with_labels: bool, sample_weight: Any) -> Tally:
        return self._both if with_labels else self._predictions

    def _tally(self, name: str, sample_weight: Any) -> Tally | None:
        if RATES[name].needs_labels:
            self._both.check_labels(name)
        return super()._tally(name, sample_weight)

    def _other(self, function: Callable[..., Any], params: dict[str, Any]) -> Values:
        name, ours = name_of(function), SKLEARN_RATES.get(base_of(function))
        if ours is not None:
            other = f"; skfair.metrics.{ours} measures one of several classes against the rest"
            raise ValueError(
                f"{name} needs rows here: a tally is read for two classes, with no other argument "
                f"than pos_label, and this one has {listed(self._both.classes)}"
                f"{other if ours in OUR_RATES.values() else ''}"
            )
        known = sorted({name_of(f) for f in (count, *OUR_RATES)})
        theirs = sorted(name_of(f) for f in SKLEARN_RATES)
        raise ValueError(
            f"{name} can't be read from a tally, which holds no rows: of skfair.metrics it can be "
            f"{known}, of sklearn.metrics {theirs}, and functools.partial of these with pos_label"
        )

    def _other_replicates(
        self, function: Callable[..., Any], params: dict[str, Any], n_boot: int, seed: int
    ) -> Values:
        """Replicates of the one metric left, the count; groups that no row was drawn of are NaN."""
        counts = self.grid.counts
        drawn = generator(seed).multinomial(counts.sum(), counts / counts.sum(), size=n_boot)
        by_cell = drawn.reshape(n_boot, *self.grid.shape).astype(float)
        return np.where(by_cell > 0, by_cell, np.nan), by_cell.sum(axis=-1)


def _on_grid(tally: Tally, grid: FrameGrid) -> Tally:
    """Spread the groups of a tally over the cells of a grid, of which many may hold no rows."""
    cells = grid.as_groups()
    arrays: dict[str, Any] = {}
    for name in ("weight", "weight2", "count"):
        own = getattr(tally, name)
        arrays[name] = np.zeros((cells.n_groups, *own.shape[1:]), dtype=own.dtype)
        arrays[name][cells.codes] = own
    return replace(tally, labels=cells.labels, names=cells.names, **arrays)


def _without_labels(tally: Tally) -> Tally:
    """Tally of the predictions alone, as if they were right, and of the classes they take."""
    places = np.flatnonzero(tally.count.sum(axis=(0, 1)))
    arrays: dict[str, Any] = {}
    for name in ("weight", "weight2", "count"):
        own = getattr(tally, name).sum(axis=1)[:, places]
        arrays[name] = np.zeros((*own.shape, len(places)), dtype=own.dtype)
        diagonal = np.arange(len(places))
        arrays[name][:, diagonal, diagonal] = own
    return replace(tally, classes=tuple(tally.classes[i] for i in places), **arrays)
