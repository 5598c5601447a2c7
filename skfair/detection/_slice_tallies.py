"""Tallies of the values of features and of their pairs, for the search of slices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.encoding import smallest_codes
from skfair.tally import count_cells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MAX_VALUES = 5000
_SMALL_TABLE = 1 << 14


@dataclass(frozen=True, eq=False)
class SliceRows:
    """Rows as the search sees them.

    Parameters
    ----------
    codes : list of F ndarrays of int of shape (n,)
        Each row's value of each feature.
    sizes : list of F ints
        Number of values of each feature.
    errors : ndarray of float of shape (n,)
        Errors, at least 0 and not all 0.
    weights : ndarray of float of shape (n,) or None
        Positive weights.
    """

    codes: list[NDArray[np.integer]]
    sizes: list[int]
    errors: Floats
    weights: Floats | None

    def __len__(self) -> int:
        return len(self.errors)

    @cached_property
    def weighted_errors(self) -> Floats:
        """Errors times weights."""
        return self.errors if self.weights is None else self.errors * self.weights

    @cached_property
    def weight(self) -> float:
        """Sum of all weights."""
        return float(len(self) if self.weights is None else self.weights.sum())

    @cached_property
    def failing(self) -> NDArray[np.intp]:
        """Rows that have an error at all."""
        return np.flatnonzero(self.errors)

    def least_weight(self, n: int) -> float:
        """Least weight that n rows can have."""
        return float(n if self.weights is None else np.partition(self.weights, n - 1)[:n].sum())

    @cached_property
    def failed_errors(self) -> Floats:
        """Weighted errors of these rows."""
        return self.weighted_errors[self.failing]

    def sums(
        self,
        codes: list[NDArray[np.integer]],
        failed: list[NDArray[np.integer]],
        shape: tuple[int, ...],
    ) -> tuple[Integers, Floats, Floats]:
        """Count rows, and sum weights and weighted errors, in a table of codes.

        ``failed`` are the codes of the failing rows, the only ones with errors to sum.
        """
        weight, _, count = count_cells(codes, shape, self.weights)
        cells = np.ravel_multi_index(failed, shape)
        error: Any = np.bincount(cells, self.failed_errors, count.size)
        return count, weight, error.reshape(shape)


@dataclass(frozen=True, eq=False)
class Values:
    """All values of all features that have enough rows, one after the other.

    Each feature has a last place, without sums, for its other values. ``ids`` is the place of each
    row's value, of shape (F, n), and ``failed`` those of the failing rows; ``largest`` is the
    largest error of a row.
    """

    rows: SliceRows
    feature: Integers
    code: Integers
    count: Integers
    weight: Floats
    error: Floats
    largest: Floats
    ids: NDArray[np.integer]
    failed: NDArray[np.integer]

    @classmethod
    def of(cls, rows: SliceRows, min_size: int) -> Values:
        parts, ids, start = [], [], 0
        for feature, (codes, size) in enumerate(zip(rows.codes, rows.sizes, strict=True)):
            failed = codes[rows.failing]
            count, weight, error = rows.sums([codes], [failed], (size,))
            most = np.zeros(size)
            np.maximum.at(most, failed, rows.errors[rows.failing])
            kept = np.flatnonzero((count >= min_size) & (count < len(rows)))
            own = [np.full(len(kept), feature), kept]
            own += [array[kept] for array in (count, weight, error, most)]
            parts.append([np.append(array, 0) for array in own])
            parts[-1][0][-1] = feature
            lookup = np.full(size, start + len(kept))
            lookup[kept] = start + np.arange(len(kept))
            ids.append(smallest_codes(lookup, MAX_VALUES)[codes])
            start += len(kept) + 1
        if start > MAX_VALUES:
            raise ValueError(
                f"{start} values of columns have {min_size} rows, more than {MAX_VALUES}: raise "
                "min_size, or name fewer columns"
            )
        arrays: list[Any] = [np.concatenate(part) for part in zip(*parts, strict=True)]
        places = np.stack(ids)
        return cls(rows, *[*arrays, places, places[:, rows.failing]])

    def cross(self) -> Iterator[tuple[tuple[slice, slice], list[NDArray[Any]]]]:
        """Tally all pairs of features: the places of both, then rows, weights and errors.

        Up to four features are tallied at once where their table is small: pairs are its margins.
        """
        ends = np.cumsum(np.bincount(self.feature))
        spans = [slice(*ends_) for ends_ in pairwise([0, *ends.tolist()])]
        local = [codes - span.start for codes, span in zip(self.ids, spans, strict=True)]
        failed = [codes - span.start for codes, span in zip(self.failed, spans, strict=True)]
        for features, wanted in _batches([span.stop - span.start for span in spans]):
            shape = tuple(spans[f].stop - spans[f].start for f in features)
            own, of_failing = ([codes[f] for f in features] for codes in (local, failed))
            sums = self.rows.sums(own, of_failing, shape)
            for pair in wanted:
                others = tuple(i for i, f in enumerate(features) if f not in pair)
                yield (spans[pair[0]], spans[pair[1]]), [table.sum(axis=others) for table in sums]

    def select(self, places: NDArray[np.intp], ids: NDArray[np.integer]) -> NDArray[np.intp]:
        """Find the rows, of ``ids`` or ``failed``, that have all these values."""
        inside = np.ones(ids.shape[1], dtype=bool)
        for place in places.tolist():
            inside &= ids[self.feature[place]] == place
        return np.flatnonzero(inside)


def _batches(
    sizes: list[int],
) -> Iterator[tuple[tuple[int, ...], list[tuple[int, int]]]]:
    """Features to tally together, and the pairs of them that no other batch has."""
    blocks = [tuple(range(i, min(i + 2, len(sizes)))) for i in range(0, len(sizes), 2)]
    for block in blocks:
        if len(block) == 2:
            yield block, [block]
    for first, second in combinations(blocks, 2):
        pairs = list(product(first, second))
        if math.prod(sizes[f] for f in first + second) <= _SMALL_TABLE:
            yield first + second, pairs
        else:
            yield from ((pair, [pair]) for pair in pairs)
