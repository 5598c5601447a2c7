"""What a monitor tests: which rates, gaps and columns, of which groups, in which slices."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.validation import check_number
from skfair.criteria import RATES, Criterion, Rate, cells_of, get_criterion, get_rate
from skfair.monitoring._columns import WatchedColumn
from skfair.monitoring._counting import BinCounts
from skfair.tally import Tally

Counts = NDArray[np.int64]


class Scope(NamedTuple):
    """Groups of one sensitive feature, or of all crossed (``feature`` None), in one slice."""

    slice: str
    feature: int | None
    name: str
    labels: tuple[Hashable, ...]


class Subject(NamedTuple):
    """What one test is about, in the words of the table of alerts."""

    kind: str
    slice: str
    feature: str
    group: Hashable
    figure: str


class Names(NamedTuple):
    """Rates and criteria that a monitor follows, and the bounds of criteria."""

    rates: tuple[Rate, ...]
    criteria: tuple[Criterion, ...]
    bounds: tuple[tuple[Criterion, float], ...]


def read_names(criteria: Any, bounds: Mapping[Any, float] | None) -> Names:
    """Read the parameters ``criteria`` and ``bounds`` of a monitor.

    Raises
    ------
    ValueError
        If a rate isn't a share of rows, or a bound is out of range or of a mean of gaps.

    Examples
    --------
    >>> names = read_names(["base_rate", "equalized_odds"], {"demographic_parity": 0.1})
    >>> [rate.name for rate in names.rates]
    ['base_rate', 'true_positive_rate', 'false_positive_rate', 'selection_rate']
    >>> [criterion.name for criterion in names.criteria]
    ['equalized_odds', 'demographic_parity']
    """
    given = [criteria] if isinstance(criteria, str | Rate | Criterion) else list(criteria)
    rates: dict[str, Rate] = {}
    found: dict[str, Criterion] = {}
    limits = []
    for item in given:
        if isinstance(item, Rate) or item in RATES:
            rates[get_rate(item).name] = get_rate(item)
        else:
            found[get_criterion(item).name] = get_criterion(item)
    for item, bound in (bounds or {}).items():
        criterion = get_criterion(item)
        _check_bound(criterion, bound)
        limits.append((criterion, float(bound)))
        found.setdefault(criterion.name, criterion)
    for criterion in found.values():
        rates |= {rate.name: rate for rate in criterion.rates if rate.name not in rates}
    if not rates:
        raise ValueError("criteria is empty: name at least one rate or criterion")
    for rate in rates.values():
        _check_share(rate)
    return Names(tuple(rates.values()), tuple(found.values()), tuple(limits))


def _check_share(rate: Rate) -> None:
    a, b = np.array(rate.numerator), np.array(rate.denominator)
    if not np.isin(np.stack([a, b]), (0, 1)).all() or (a > b).any():
        raise ValueError(f"{rate.name} is no share of rows: a monitor has no test of it")


def _check_bound(criterion: Criterion, bound: Any) -> None:
    check_number(f"the bound of {criterion.name}", bound)
    if bound > 1:
        raise ValueError(f"the bound of {criterion.name} must be between 0 and 1, got {bound!r}")
    if criterion.gap == "ratio" and bound == 0:
        raise ValueError(f"the bound of {criterion.name} must be above 0: each ratio is at least 0")
    if criterion.combination == "mean":
        names = [rate.name for rate in criterion.rates]
        raise ValueError(
            f"{criterion.name} is a mean of gaps, of which a monitor has no test: bound "
            f"{listed(names)}, or a criterion that takes the worst of them"
        )


@dataclass(frozen=True)
class RateBlock:
    """Rates of the groups of a scope."""

    scope: Scope
    rates: tuple[Rate, ...]
    pos_label: Any

    def read(self, tally: Tally | None) -> tuple[Counts, Counts]:
        """Successes and rows of each rate and group, of shape (n_rates * n_groups,)."""
        shape = (len(self.rates), len(self.scope.labels))
        k, n = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        if tally is None or tally.n_groups == 0:
            return k.ravel(), n.ravel()
        alone = tally.by(self.scope.feature)
        place = {label: i for i, label in enumerate(alone.labels)}
        pairs = [(i, place[x]) for i, x in enumerate(self.scope.labels) if x in place]
        own, found = (list(side) for side in zip(*pairs, strict=True)) if pairs else ([], [])
        cells = cells_of(alone.weight, alone.classes, self.rates, self.pos_label)[found]
        for r, rate in enumerate(self.rates):
            k[r, own] = np.rint(cells @ np.array(rate.numerator))
            n[r, own] = np.rint(cells @ np.array(rate.denominator))
        return k.ravel(), n.ravel()

    @property
    def subjects(self) -> list[Subject]:
        """One test a rate and group."""
        slice_, _, name, labels = self.scope
        return [
            Subject("change", slice_, name, x, rate.name) for rate in self.rates for x in labels
        ]


@dataclass(frozen=True)
class ColumnBlock:
    """Bins of a watched column in the groups of a scope, and its missing values."""

    scope: Scope
    place: int
    column: WatchedColumn

    def read(self, counts: BinCounts | None) -> tuple[Counts, Counts]:
        """Rows in each cell and rows that could be, by group and cell."""
        k, n = self.column.read(bins_of(self.scope, counts, self.column))
        return k.ravel(), n.ravel()

    @property
    def subjects(self) -> list[Subject]:
        """Two tests a group: of the distribution, and of the share that is missing."""
        slice_, _, name, labels = self.scope
        return [
            Subject(kind, slice_, name, label, self.column.name)
            for label in labels
            for kind in ("drift", "missing")
        ]

    @property
    def sizes(self) -> list[int]:
        """Number of cells of each test."""
        return [len(self.column.cells) - 1, 1] * len(self.scope.labels)


@dataclass(frozen=True)
class BoundBlock:
    """One criterion with a bound, among the groups of a scope."""

    rates: RateBlock
    criterion: Criterion
    bound: float

    @property
    def subjects(self) -> list[Subject]:
        """One test, for all pairs of groups."""
        slice_, _, name, _ = self.rates.scope
        return [Subject("bound", slice_, name, None, self.criterion.name)]

    @property
    def is_ratio(self) -> bool:
        """Whether the bound is a least ratio, not a largest difference."""
        return self.criterion.gap == "ratio"

    @property
    def pairs(self) -> list[tuple[tuple[int, ...], int, int]]:
        """Rates, higher and lower group of each comparison."""
        n_groups = len(self.rates.scope.labels)
        place = {rate.name: i for i, rate in enumerate(self.rates.rates)}
        compared = [tuple(place[r.name] for r in rates) for rates in self.criterion.compared]
        return [(rates, a, b) for rates in compared for a, b in permutations(range(n_groups), 2)]

    def comparisons(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Terms, coefficients and limits for :class:`BoundTests`."""
        n_groups = len(self.rates.scope.labels)
        width = len(self.criterion.compared[0])
        first = self.bound if self.is_ratio else 1.0
        terms = [[r * n_groups + g for g in (a, b) for r in rates] for rates, a, b in self.pairs]
        sides = np.repeat([first / width, -1 / width], width)
        limit = 0.0 if self.is_ratio else self.bound
        return (
            np.array(terms, dtype=np.intp),
            np.tile(sides, (len(terms), 1)),
            np.full(len(terms), limit),
        )


def scopes_of(slice_: str, tally: Tally, least: int) -> list[Scope]:
    """Scopes of a slice: each sensitive feature, and all of them crossed, with large enough groups.

    Examples
    --------
    >>> tally = Tally.from_arrays([1] * 3, [1] * 3, {"a": [0, 0, 1], "b": [0, 1, 1]})
    >>> [(scope.name, scope.labels) for scope in scopes_of("all", tally, 2)]
    [('a', (0,)), ('b', (1,)), ('a x b', ())]
    """
    features: Sequence[int | None] = [None]
    if len(tally.names) > 1:
        features = [*range(len(tally.names)), None]
    found = []
    for feature in features:
        alone = tally.by(feature)
        kept = np.flatnonzero(alone.group_counts >= least)
        labels = tuple(alone.labels[i] for i in kept)
        found.append(Scope(slice_, feature, " x ".join(alone.names), labels))
    return found


def bins_of(scope: Scope, counts: BinCounts | None, column: WatchedColumn) -> Counts:
    """Rows of each group of a scope by bin, from those of crossed groups.

    Examples
    --------
    >>> counts = BinCounts((("f", "x"), ("f", "z"), ("m", "x")), np.array([[1, 2], [3, 4], [5, 6]]))
    >>> bins_of(Scope("all", 0, "sex", ("m", "f")), counts, WatchedColumn("age", ())).tolist()
    [[5, 6], [4, 6]]
    """
    found = np.zeros((len(scope.labels), column.n_bins), dtype=np.int64)
    if counts is not None:
        place = {label: i for i, label in enumerate(scope.labels)}
        own: list[Any] = list(counts.labels)
        if scope.feature is not None:
            own = [label[scope.feature] for label in own]
        kept = [j for j, label in enumerate(own) if label in place]
        places = np.array([place[own[j]] for j in kept], dtype=np.intp)
        np.add.at(found, places, counts.rows[kept])
    return found
