"""What a monitor has counted: tallies by slice and window, and predictions without a label."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair.groups import Groups
from skfair.monitoring._batch import ALL, Batch, count_bins, tally_windows
from skfair.monitoring._columns import WatchedColumn
from skfair.monitoring._waiting import Waiting, once
from skfair.monitoring._windows import Clock, Store
from skfair.tally import Tally

FEEDBACK = "feedback"
"""Name of the slice of cases that people reported."""

Codes = NDArray[np.integer]


@dataclass
class Books:
    """Counts by slice and window.

    Parameters
    ----------
    clock : Clock
    classes : tuple
    names : tuple of str
        Names of the sensitive features.
    slices : tuple of str
        Names of the slices that have tests: all rows, and those that were declared.
    crossed : tuple
        Crossed groups of the reference, as the counts of watched columns have them.
    columns : tuple of WatchedColumn
    waiting : Waiting
    predicted, labelled : dict of str to Store
        Tallies of predictions (each as its own label), and of predictions with labels.
    counts : tuple of Store
        Rows of each watched column by crossed group and bin.
    registry : list
        All crossed groups seen so far, as waiting predictions name them.
    n_labels : dict
    """

    clock: Clock
    classes: tuple[Hashable, ...]
    names: tuple[str, ...]
    slices: tuple[str, ...]
    crossed: tuple[Hashable, ...]
    columns: tuple[WatchedColumn, ...]
    waiting: Waiting
    predicted: dict[str, Store] = field(default_factory=dict)
    labelled: dict[str, Store] = field(default_factory=dict)
    counts: tuple[Store, ...] = ()
    registry: list[Hashable] = field(default_factory=list)
    n_labels: dict[str, int] = field(default_factory=lambda: {"matched": 0, "unmatched": 0})

    def __post_init__(self) -> None:
        for name in (*self.slices, FEEDBACK):
            self.predicted.setdefault(name, Store())
            self.labelled.setdefault(name, Store())
        self.counts = self.counts or tuple(Store() for _ in self.columns)
        self.registry = self.registry or list(self.crossed)

    def count(
        self,
        batch: Batch,
        windows: NDArray[np.int64],
        latest: int,
        keys: NDArray[np.object_] | None = None,
    ) -> None:
        """Count rows, and let those without a label wait if they have a key."""
        self._count_slice(ALL, batch, windows)
        for j, name in enumerate(self.slices[1:]):
            rows = batch.slices[:, j]
            self._count_slice(name, batch.take(rows), windows[rows])
        self._count_columns(batch, windows)
        codes = self._register(batch.groups)
        if keys is not None:
            waits = (batch.true < 0) & (keys != None)  # noqa: E711
            self.waiting.add(
                keys[waits],
                windows[waits],
                codes[batch.groups.codes[waits]],
                batch.pred[waits].astype(np.int64),
                batch.slices[waits],
            )
        self.clock.move(latest)

    def count_tally(self, tally: Tally, window: int, latest: int) -> None:
        """Count a tally of one window."""
        self.labelled[ALL].add(window, tally)
        self.predicted[ALL].add(window, of_predictions(tally))
        self._register(Groups(np.zeros(0, dtype=np.int8), tally.labels, tally.names))
        self.clock.move(latest)

    def report(self, batch: Batch, windows: NDArray[np.int64]) -> None:
        """Count cases that people reported."""
        self._count_slice(FEEDBACK, batch, windows)

    def label(self, keys: NDArray[np.object_], labels: Codes) -> None:
        """Join labels to the predictions that wait for them."""
        first = once(keys, labels)
        keys, labels = keys[first], labels[first]
        place = (
            self.waiting.index.get_indexer(keys) if len(self.waiting) else np.full(len(keys), -1)
        )
        found = place >= 0
        self.n_labels["matched"] += int(found.sum())
        self.n_labels["unmatched"] += int((~found).sum())
        if not found.any():
            return
        rows, labels = place[found], labels[found]
        waiting = self.waiting
        groups = Groups(waiting.groups[rows], tuple(self.registry), self.names)
        batch = Batch(groups, waiting.pred[rows], labels, waiting.slices[rows])
        windows = waiting.windows[rows]
        self._count_labelled(ALL, batch, windows)
        for j, name in enumerate(self.slices[1:]):
            inside = batch.slices[:, j]
            self._count_labelled(name, batch.take(inside), windows[inside])
        left = np.ones(len(waiting), dtype=bool)
        left[rows] = False
        waiting.keep(left)

    def look(self, window: int, *, labels: bool) -> tuple[dict[str, Tally | None], list[Any]]:
        """Take what is new at a window: tallies by slice, and counts of watched columns."""
        stores = self.labelled if labels else self.predicted
        tallies = {name: stores[name].take(window) for name in self.slices}
        return tallies, [] if labels else [store.take(window) for store in self.counts]

    def stores(self, *, labels: bool) -> Iterable[Store]:
        """Give the stores that are looked at together."""
        named = self.labelled if labels else self.predicted
        return [*(named[name] for name in self.slices), *(() if labels else self.counts)]

    def _count_slice(self, name: str, batch: Batch, windows: NDArray[np.int64]) -> None:
        found = tally_windows(windows, batch.groups, batch.pred, batch.pred, self.classes)
        for window, tally in found.items():
            self.predicted[name].add(window, tally)
        known = batch.true >= 0
        if known.all():
            self._count_labelled(name, batch, windows)
        elif known.any():
            self._count_labelled(name, batch.take(known), windows[known])

    def _count_labelled(self, name: str, batch: Batch, windows: NDArray[np.int64]) -> None:
        found = tally_windows(windows, batch.groups, batch.true, batch.pred, self.classes)
        for window, tally in found.items():
            self.labelled[name].add(window, tally)

    def _count_columns(self, batch: Batch, windows: NDArray[np.int64]) -> None:
        if not self.columns:
            return
        place = {label: i for i, label in enumerate(self.crossed)}
        lookup = np.array([place.get(label, -1) for label in batch.groups.labels], dtype=np.intp)
        groups = lookup[batch.groups.codes]
        for column, store, bins in zip(self.columns, self.counts, batch.columns, strict=True):
            found = count_bins(windows, groups, bins, (len(self.crossed), column.n_bins))
            for window, count in found.items():
                store.add(window, count)

    def _register(self, groups: Groups) -> NDArray[np.int64]:
        place = {label: i for i, label in enumerate(self.registry)}
        for label in groups.labels:
            if label not in place:
                place[label] = len(self.registry)
                self.registry.append(label)
        return np.array([place[label] for label in groups.labels], dtype=np.int64)


def of_predictions(tally: Tally) -> Tally:
    """Tally of the same rows, each prediction as its own label."""
    count = tally.count.sum(axis=1)
    diagonal = count[:, :, None] * np.eye(count.shape[1], dtype=np.int64)
    weight = diagonal.astype(np.float64)
    return Tally(tally.labels, tally.names, tally.classes, weight, weight, diagonal)
