"""From a reference to the tests of a monitor."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair.monitoring._batch import ALL, Batch
from skfair.monitoring._books import of_predictions
from skfair.monitoring._columns import WatchedColumn
from skfair.monitoring._counting import BinCounts, count_bins, tally_windows
from skfair.monitoring._family import Family
from skfair.monitoring._plan import (
    BoundBlock,
    ColumnBlock,
    Names,
    RateBlock,
    scopes_of,
)
from skfair.tally import Tally


@dataclass(frozen=True)
class Reference:
    """Counts of the reference: tallies by slice, and the watched columns of all rows."""

    predicted: Mapping[str, Tally | None]
    labelled: Mapping[str, Tally | None]
    counts: Sequence[BinCounts]
    crossed: tuple[Hashable, ...]
    columns: tuple[WatchedColumn, ...]

    @classmethod
    def of_tally(cls, tally: Tally) -> Reference:
        """Take a tally of predictions, with labels or without."""
        labelled = {ALL: tally if tally.has_labels else None}
        return cls({ALL: of_predictions(tally)}, labelled, [], tally.labels, ())

    @classmethod
    def of_rows(
        cls,
        rows: Batch,
        columns: tuple[WatchedColumn, ...],
        classes: tuple[Hashable, ...],
        slices: Sequence[str],
    ) -> Reference:
        """Count rows."""
        predicted: dict[str, Tally | None] = {}
        labelled: dict[str, Tally | None] = {}
        for j, name in enumerate([ALL, *slices]):
            part = rows if j == 0 else rows.take(rows.slices[:, j - 1])
            known = part.take(part.true >= 0)
            predicted[name] = _count(part, part.pred, classes)
            labelled[name] = _count(known, known.true, classes)
        nothing, counts = np.zeros(len(rows), dtype=np.int64), []
        for column, bins in zip(columns, rows.columns, strict=True):
            counts.append(count_bins(nothing, rows.groups, bins, column.n_bins)[0])
        return cls(predicted, labelled, counts, rows.groups.labels, columns)

    def small_groups(self, least: int, *, labels: bool) -> list[str]:
        """Describe groups with too few rows for tests or, with ``labels``, with too few labels."""
        found = []
        for name, tally in self.predicted.items():
            known = self.labelled[name]
            where = "" if name == ALL else f" in slice {name!r}"
            for j, view in enumerate([] if tally is None else tally.views()):
                side = None if known is None else known.views()[j]
                has = {} if side is None else dict(zip(side.labels, side.group_counts, strict=True))
                title = " x ".join(view.names)
                for label, n in zip(view.labels, view.group_counts.tolist(), strict=True):
                    if n < least:
                        found.append(f"{title} {label!r}{where} ({n} rows)")
                    elif labels and has.get(label, 0) < least:
                        found.append(f"{title} {label!r}{where} ({has.get(label, 0)} labels)")
        return found

    def families(self, names: Names, pos_label: Any, least: int) -> tuple[Family, Family]:
        """Make the tests without labels, and those with labels."""
        return (
            self._family(names, pos_label, least, labels=False),
            self._family(names, pos_label, least, labels=True),
        )

    def _family(self, names: Names, pos_label: Any, least: int, *, labels: bool) -> Family:
        tallies = self.labelled if labels else self.predicted
        rates = tuple(rate for rate in names.rates if rate.needs_labels == labels)
        bounds = [pair for pair in names.bounds if pair[0].needs_labels == labels]
        scopes = [
            scope
            for name, tally in tallies.items()
            if tally is not None
            for scope in scopes_of(name, tally, least)
            if scope.labels
        ]
        blocks = [RateBlock(scope, rates, pos_label) for scope in scopes if rates]
        bounded = [
            BoundBlock(RateBlock(scope, criterion.rates, pos_label), criterion, bound)
            for scope in scopes
            for criterion, bound in bounds
            if len(scope.labels) > 1
        ]
        watched = [
            ColumnBlock(scope, i, column)
            for scope in scopes
            if scope.slice == ALL and not labels
            for i, column in enumerate(self.columns)
        ]
        return Family(blocks, watched, bounded, tallies, self.counts)


def _count(rows: Batch, true: NDArray[np.integer], classes: tuple[Hashable, ...]) -> Tally | None:
    nothing = np.zeros(len(rows), dtype=np.int64)
    return tally_windows(nothing, rows.groups, true, rows.pred, classes).get(0)
