"""What a monitor has counted: tallies by slice and window, and predictions without a label."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.groups import Groups
from skfair.monitoring._batch import ALL, FEEDBACK, Batch
from skfair.monitoring._columns import WatchedColumn
from skfair.monitoring._counting import BinCounts, count_bins, tally_windows
from skfair.monitoring._waiting import Known, Waiting, once
from skfair.monitoring._windows import Clock, Store
from skfair.tally import Tally

Codes = NDArray[np.integer]

FATES = ("matched", "unmatched", "repeated", "late", "dropped")
"""What becomes of labels, and of predictions that wait in vain."""


class News(NamedTuple):
    """What is new at the look at a window.

    ``tallies`` by slice and ``counts`` of watched columns hold rows of earlier windows, too, that
    came late; ``own`` are tallies of the window itself.
    """

    tallies: Mapping[str, Tally | None]
    own: Mapping[str, Tally | None]
    counts: Sequence[BinCounts | None]


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
    columns : tuple of WatchedColumn
    waiting : Waiting
    known : Known
    registry : list
        All crossed groups seen so far, as waiting predictions name them.
    predicted, labelled : dict of str to Store
        Tallies of predictions (each as its own label), and of predictions with labels.
    counts : tuple of Store
        Rows of each watched column by crossed group and bin.
    n_labels : dict
    """

    clock: Clock
    classes: tuple[Hashable, ...]
    names: tuple[str, ...]
    slices: tuple[str, ...]
    columns: tuple[WatchedColumn, ...]
    waiting: Waiting
    known: Known
    registry: list[Hashable]
    predicted: dict[str, Store] = field(default_factory=dict)
    labelled: dict[str, Store] = field(default_factory=dict)
    counts: tuple[Store, ...] = ()
    n_labels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))

    def __post_init__(self) -> None:
        for name in (*self.slices, FEEDBACK):
            self.predicted.setdefault(name, Store())
            self.labelled.setdefault(name, Store())
        self.counts = self.counts or tuple(Store() for _ in self.columns)

    def count(
        self,
        batch: Batch,
        windows: NDArray[np.int64],
        latest: int,
        keys: NDArray[np.object_] | None = None,
    ) -> int:
        """Count rows, and let those without a label wait if they have a key.

        Gives how many predictions were given up, since too many wait.
        """
        late = self._is_late(windows) & (batch.true >= 0)
        if late.any():
            self.n_labels["late"] += int(late.sum())
            batch = replace(batch, true=np.where(late, -1, batch.true))
        self._count_slice(ALL, batch, windows)
        for j, name in enumerate(self.slices[1:]):
            rows = batch.slices[:, j]
            self._count_slice(name, batch.take(rows), windows[rows])
        self._count_columns(batch, windows)
        codes = self._register(batch.groups)
        dropped = 0 if keys is None else self._remember(batch, windows, codes, keys)
        self.clock.move(latest)
        return dropped

    def count_tally(self, tally: Tally, window: int, latest: int) -> None:
        """Count a tally of one window."""
        if tally.has_labels and self._is_late(np.array([window]))[0]:
            self.n_labels["late"] += tally.n_samples
        elif tally.has_labels:
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
        again = self.known.has(keys[~found])
        for fate, rows in (("matched", found), ("repeated", again), ("unmatched", ~again)):
            self.n_labels[fate] += int(rows.sum())
        if not found.any():
            return
        rows, labels = place[found], labels[found]
        waiting = self.waiting
        self.known.add(dict(zip(keys[found], waiting.windows[rows].tolist(), strict=True)))
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

    def look(self, window: int, *, labels: bool) -> News:
        """Take what is new at a window."""
        stores = self.labelled if labels else self.predicted
        own = {name: stores[name].windows.get(window) for name in self.slices}
        tallies = {name: stores[name].take(window) for name in self.slices}
        return News(tallies, own, [] if labels else [store.take(window) for store in self.counts])

    def expire(self) -> None:
        """Forget keys whose labels are due."""
        self.waiting.expire(self.clock.matured)
        self.known.expire(self.clock.matured)

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
        for column, store, bins in zip(self.columns, self.counts, batch.columns, strict=True):
            found = count_bins(windows, batch.groups, bins, column.n_bins)
            for window, count in found.items():
                store.add(window, count)

    def _is_late(self, windows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the time for labels is over, where such a time was set."""
        last = self.clock.matured if self.clock.patience else None
        return np.zeros(len(windows), dtype=bool) if last is None else windows <= last

    def _remember(
        self,
        batch: Batch,
        windows: NDArray[np.int64],
        codes: NDArray[np.int64],
        keys: NDArray[np.object_],
    ) -> int:
        """Keep keys, and what joins labels to them; gives how many predictions were given up."""
        has_key, waits = keys != None, batch.true < 0  # noqa: E711
        labelled = has_key & ~waits
        self.known.add(dict(zip(keys[labelled], windows[labelled].tolist(), strict=True)))
        waits &= has_key
        dropped = self.waiting.add(
            keys[waits],
            windows[waits],
            codes[batch.groups.codes[waits]],
            batch.pred[waits].astype(np.int64),
            batch.slices[waits],
        )
        self.n_labels["dropped"] += dropped
        return dropped

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
