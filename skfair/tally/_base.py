"""What tallies share: addition, and the resampling of cells."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.encoding import sort_labels
from skfair._utils.text import listed
from skfair._utils.validation import generator, merge_sorted
from skfair.groups import MISSING, Groups, labels_index
from skfair.tally._alike import check_alike, ends_of


@dataclass(frozen=True, eq=False, repr=False)
class AdditiveTally:
    """Sums by group and cell that add up over parts of the data.

    The first axis of ``weight``, ``weight2`` and ``count`` is the group; a subclass says what the
    others are (``_axes``: the name of an attribute that labels the axis).
    """

    labels: tuple[Hashable, ...]
    names: tuple[str, ...]
    classes: tuple[Hashable, ...]
    weight: NDArray[np.float64]
    weight2: NDArray[np.float64]
    count: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.count.dtype.kind not in "iu":
            raise ValueError(f"count must be whole numbers of rows, got {self.count.dtype}")

    @property
    def _axes(self) -> tuple[tuple[Hashable, ...], ...]:
        raise NotImplementedError

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.labels)

    @property
    def n_samples(self) -> int:
        """Number of rows counted; those of weight 0 aren't."""
        return int(self.count.sum())

    @property
    def index(self) -> pd.Index:
        """Group labels as a pandas index."""
        return labels_index(self.labels, self.names)

    @property
    def group_counts(self) -> NDArray[np.int64]:
        """Number of rows of each group that have weight, of shape (n_groups,)."""
        return self.count.reshape(self.n_groups, -1).sum(axis=1)

    @property
    def effective_sizes(self) -> NDArray[np.float64]:
        r"""Kish's effective number of rows of each group, :math:`(\sum w)^2 / \sum w^2`."""
        weight = self.weight.reshape(self.n_groups, -1).sum(axis=1)
        squares = self.weight2.reshape(self.n_groups, -1).sum(axis=1)
        return np.divide(weight**2, squares, out=np.zeros_like(weight), where=squares > 0)

    def __repr__(self) -> str:
        shown = {name: listed(getattr(self, name), 6) for name in ("names", "labels", "classes")}
        weighted = "" if np.array_equal(self.weight, self.count) else ", weighted"
        weighted += "" if getattr(self, "has_labels", True) else ", without labels"
        content = ", ".join(f"{name}={values}" for name, values in shown.items())
        return f"{type(self).__name__}({content}, n_samples={self.n_samples}{weighted})"

    def __add__(self, other: Self) -> Self:
        if not isinstance(other, type(self)):
            return NotImplemented
        check_alike(self, other)
        return self.add_part(other)

    def __radd__(self, other: object) -> Self:
        return self if other == 0 else NotImplemented

    def add_part(self, other: Self) -> Self:
        """Add a tally of other rows that is known to be counted alike: ``+`` without its checks."""
        labels = _merge_groups(self.labels, other.labels, self.names)
        classes = merge_sorted([self.classes, other.classes])
        parts = [part._spread(labels, classes) for part in (self, other)]
        sums = [a + b for a, b in zip(*parts, strict=True)]
        return replace(
            self, labels=labels, classes=classes, weight=sums[0], weight2=sums[1], count=sums[2]
        )

    def _spread(
        self, labels: tuple[Hashable, ...], classes: tuple[Hashable, ...]
    ) -> list[NDArray[Any]]:
        arrays = [self.weight, self.weight2, self.count]
        if (labels, classes) == (self.labels, self.classes):
            return arrays  # only read: the sum is a new array
        wider = replace(self, labels=labels, classes=classes)
        target = (labels, *wider._axes)
        axes = zip((self.labels, *self._axes), target, strict=True)
        places = np.ix_(*(positions(own, axis) for own, axis in axes))
        spread = []
        for array in arrays:
            out = np.zeros([len(axis) for axis in target], dtype=array.dtype)
            out[places] = array
            spread.append(out)
        return spread


@dataclass(frozen=True, eq=False, repr=False)
class CellTally(AdditiveTally):
    """A tally whose cells say all there is to know of their rows, so that it can be resampled."""

    def by(self, feature: int | None) -> Self:
        """Tally by one of its sensitive features alone.

        Parameters
        ----------
        feature : int or None
            Place of the feature among ``names``; None: all of them crossed, as they are.

        Returns
        -------
        tally

        Examples
        --------
        >>> from skfair.tally import Tally
        >>> groups = {"sex": ["f", "m", "f"], "site": ["x", "x", "y"]}
        >>> tally = Tally.from_arrays([1, 0, 1], [1, 1, 0], groups)
        >>> tally.by(0).labels, tally.by(0).group_counts.tolist()
        (('f', 'm'), [2, 1])
        """
        if feature is None or len(self.names) == 1:
            return self
        return self._merge(
            Groups(np.arange(self.n_groups), self.labels, self.names).split()[feature]
        )

    def views(self) -> list[Self]:
        """Tally by each sensitive feature alone, and by all of them crossed.

        Examples
        --------
        >>> from skfair.tally import Tally
        >>> groups = {"sex": ["f", "m", "m"], "site": ["x", "x", "y"]}
        >>> [view.labels for view in Tally.from_arrays([1, 0, 1], [1, 1, 0], groups).views()]
        [('f', 'm'), ('x', 'y'), (('f', 'x'), ('m', 'x'), ('m', 'y'))]
        """
        if len(self.names) == 1:
            return [self]
        return [*(self.by(j) for j in range(len(self.names))), self]

    def whole(self) -> Self:
        """Tally of all rows together, as one group.

        Examples
        --------
        >>> from skfair.tally import Tally
        >>> tally = Tally.from_arrays([1, 0, 1], [1, 1, 0], ["f", "m", "f"])
        >>> tally.whole().labels, tally.whole().group_counts.tolist()
        (('all',), [3])
        """
        return self._merge(Groups.single(self.n_groups))

    def _merge(self, groups: Groups) -> Self:
        """Add up groups, of which ``groups`` says where each belongs."""
        sums = []
        for part in (self.weight, self.weight2, self.count):
            total = np.zeros((groups.n_groups, *part.shape[1:]), dtype=part.dtype)
            np.add.at(total, groups.codes, part)
            sums.append(total)
        return replace(
            self,
            labels=groups.labels,
            names=groups.names,
            weight=sums[0],
            weight2=sums[1],
            count=sums[2],
        )

    def resample(self, n_replicates: int, *, random_state: Any = None) -> NDArray[np.float64]:
        r"""Bootstrap the rows without touching a row.

        Drawing n rows with replacement makes the cells' row counts multinomial, so drawing the
        counts is the same, exactly. With weights, a cell that got m rows has a sum of m draws from
        the weights in it: it is drawn from the gamma distribution with the mean and the variance
        of that sum, which follow from the cell's count, sum and sum of squares (Efron 1979 for the
        bootstrap; the gamma step is an approximation with exact first and second moments).

        Parameters
        ----------
        n_replicates : int
            Number of replicates.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the draws.

        Returns
        -------
        weight : ndarray of float of shape (n_replicates, ...)
            Resampled sums of weights.

        References
        ----------
        Efron, B. (1979). Bootstrap methods: another look at the jackknife. Annals of Statistics
        7(1). https://doi.org/10.1214/aos/1176344552

        Examples
        --------
        >>> from skfair.tally import Tally
        >>> tally = Tally.from_arrays([0, 1, 1], [0, 1, 0], ["a", "a", "b"])
        >>> tally.resample(100, random_state=0).sum(axis=(1, 2, 3)).max().item()
        3.0
        """
        rng = generator(random_state)
        count = self.count.ravel()
        if count.sum() == 0:
            raise ValueError("the tally is empty: there is nothing to resample")
        drawn = rng.multinomial(count.sum(), count / count.sum(), size=n_replicates)
        weights = _draw_weights(drawn, count, self.weight.ravel(), self.weight2.ravel(), rng)
        return weights.reshape(n_replicates, *self.weight.shape)


def positions(values: Sequence[Hashable], axis: Sequence[Hashable]) -> NDArray[np.intp]:
    """Place of each value on an axis of distinct values, in linear time.

    Examples
    --------
    >>> positions(["b", "a"], ["a", "b", "c"]).tolist()
    [1, 0]
    """
    places = {value: i for i, value in enumerate(axis)}
    return np.array([places[value] for value in values], dtype=np.intp)


def _draw_weights(
    drawn: NDArray[np.int64],
    count: NDArray[np.int64],
    weight: NDArray[np.float64],
    weight2: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    n = np.maximum(count, 1)
    mean = weight / n
    variance = np.maximum(weight2 / n - mean**2, 0.0)
    spread = variance > 1e-12 * mean**2  # rounding error is no spread
    sums = drawn * mean
    if spread.any():
        shape = drawn[:, spread] * (mean[spread] ** 2 / variance[spread])
        sums[:, spread] = rng.gamma(shape, variance[spread] / mean[spread])
    return sums


def _merge_groups(
    a: tuple[Hashable, ...], b: tuple[Hashable, ...], names: tuple[str, ...]
) -> tuple[Hashable, ...]:
    for part, other in ((a, b), (b, a)):
        if set(part) >= set(other):
            return part
    if len(names) == 1:
        return _sort_values([*a, *b], names[0])
    crossed: list[Any] = list({*a, *b})
    ranks = [
        {value: rank for rank, value in enumerate(_sort_values(values, name))}
        for name, values in zip(names, zip(*crossed, strict=True), strict=True)
    ]
    return tuple(
        sorted(crossed, key=lambda label: [r[v] for r, v in zip(ranks, label, strict=True)])
    )


def _sort_values(values: Sequence[Hashable], name: str) -> tuple[Hashable, ...]:
    known = set(values) - {MISSING}
    ends = {value: ends_of(value, name) for value in known}
    cut = {value: found for value, found in ends.items() if found is not None}
    ordered = sorted(cut, key=lambda value: cut[value]) if len(cut) == len(known) else None
    return (*(ordered or sort_labels(known)), *({MISSING} & set(values)))
