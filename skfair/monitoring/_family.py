"""Tests that are looked at together: those that need labels, and those that don't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.monitoring._books import News
from skfair.monitoring._counting import BinCounts
from skfair.monitoring._plan import BoundBlock, ColumnBlock, RateBlock, Subject
from skfair.monitoring._processes import BoundTests, ChangeTests
from skfair.tally import Tally

Counts = NDArray[np.int64]


class Evidence(NamedTuple):
    """What an alert says of a test: since which window, how much, and against what."""

    window: int
    figure: str
    group: Any
    n: int
    value: float
    low: float
    high: float
    reference: float


class Family:
    """Tests of some blocks, from the tallies of a window.

    Parameters
    ----------
    rates, columns, bounds : sequences of RateBlock, ColumnBlock and BoundBlock
    tallies : dict of str to Tally
        The reference by slice.
    counts : list of BinCounts
        The reference of each watched column.
    """

    def __init__(
        self,
        rates: Sequence[RateBlock],
        columns: Sequence[ColumnBlock],
        bounds: Sequence[BoundBlock],
        tallies: Mapping[str, Tally | None],
        counts: Sequence[BinCounts | None],
    ) -> None:
        self.rates, self.columns, self.bounds = list(rates), list(columns), list(bounds)
        self.reference = self._read(tallies, counts)
        sizes = [1] * sum(len(block.subjects) for block in self.rates)
        sizes += [size for block in self.columns for size in block.sizes]
        self.change = ChangeTests(*self.reference, sizes)
        self.bound = []
        for block in self.bounds:
            k, n = block.rates.read(tallies.get(block.rates.scope.slice))
            self.bound.append(BoundTests(k, n, *block.comparisons()))

    @property
    def subjects(self) -> list[Subject]:
        """What each test is about: changes first, then bounds."""
        blocks: list[Any] = [*self.rates, *self.columns, *self.bounds]
        return [subject for block in blocks for subject in block.subjects]

    @property
    def log_e(self) -> NDArray[np.float64]:
        """Largest log evidence so far of each test."""
        return np.concatenate([self.change.log_e, *(tests.log_e for tests in self.bound)])

    def look(
        self,
        window: int,
        new: News,
        rng: np.random.Generator,
    ) -> None:
        """Add what is new at a window; bounds are of what happened in it alone."""
        k, n = self._read(new.tallies, new.counts)
        self.change.look(k, n, rng.random(len(k)), window)
        for block, tests in zip(self.bounds, self.bound, strict=True):
            tests.look(*block.rates.read(new.own.get(block.rates.scope.slice)), window)

    def explain(self, test: int, alpha: float) -> Evidence:
        """Say what a test has found since the most likely start of a change."""
        if test >= self.change.n_tests:
            return self._explain_bound(test - self.change.n_tests, alpha)
        found = self.change.finding(test, alpha)
        k, n = (x[found.cell] for x in self.reference)
        subject = self.subjects[test]
        figure = subject.figure
        if subject.kind != "change":
            figure = self._cell_names()[found.cell]
        value, low, high = (float(x[0]) for x in found[3:])
        reference = k / n if n else np.nan
        return Evidence(
            found.window, figure, subject.group, int(found.n[0]), value, low, high, reference
        )

    def _explain_bound(self, test: int, alpha: float) -> Evidence:
        found, block = self.bound[test].finding(0, alpha), self.bounds[test]
        rates, a, b = block.pairs[found.cell]
        labels = block.rates.scope.labels
        above, below = (
            [x[half].mean() for x in found[3:]]
            for half in (slice(len(rates)), slice(len(rates), None))
        )
        if block.is_ratio:
            value = below[0] / above[0] if above[0] else np.nan
            low, high = below[1] / above[2], min(below[2] / max(above[1], 1e-300), 1.0)
        else:
            value, low, high = above[0] - below[0], above[1] - below[2], above[2] - below[1]
        names = " and ".join(block.rates.rates[r].name for r in rates)
        figure = block.criterion.name
        figure = figure if len(block.criterion.compared) == 1 else f"{figure} ({names})"
        pair = (labels[a], labels[b])
        n, numbers = int(found.n.sum()), (float(value), float(low), float(high))
        return Evidence(found.window, figure, pair, n, *numbers, block.bound)

    def _cell_names(self) -> list[str]:
        names = [subject.figure for block in self.rates for subject in block.subjects]
        for block in self.columns:
            names += [*block.column.cells] * len(block.scope.labels)
        return names

    def _read(
        self, tallies: Mapping[str, Tally | None], counts: Sequence[BinCounts | None]
    ) -> tuple[Counts, Counts]:
        parts = [block.read(tallies.get(block.scope.slice)) for block in self.rates]
        parts += [block.read(counts[block.place]) for block in self.columns]
        return _join(parts)


def _join(parts: list[tuple[Counts, Counts]]) -> tuple[Counts, Counts]:
    empty = np.zeros(0, dtype=np.int64)
    return (
        np.concatenate([empty, *(k for k, _ in parts)]),
        np.concatenate([empty, *(n for _, n in parts)]),
    )
