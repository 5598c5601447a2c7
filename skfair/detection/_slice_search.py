"""Search for the slices with the highest scores: exact, from tallies of crossed codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.detection._slice_tallies import SliceRows, Values
from skfair.tally import count_cells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 1 << 20
_SLACK = 1e-8  # more than rounding adds to a score: ties are never pruned


@dataclass(frozen=True)
class SliceScore:
    r"""SliceLine's score, :math:`\alpha (\bar e_S / \bar e - 1) - (1 - \alpha) (W / W_S - 1)`.

    Parameters
    ----------
    alpha : float
        Weight of the error against the size, above 0.5.
    weight, error : float
        Sum of weights W of all rows, and of weighted errors.

    Examples
    --------
    >>> SliceScore(0.75, 100.0, 10.0)(np.array([50.0]), np.array([10.0]))
    array([0.5])
    """

    alpha: float
    weight: float
    error: float

    def __call__(self, weight: Floats, error: Floats) -> Floats:
        """Score slices by their sums of weights and of weighted errors."""
        return self._excess(error) / weight + (1 - 2 * self.alpha)

    def bound(self, least: Floats, error: Floats, largest: Floats) -> Floats:
        """Highest score, where it is positive, of any slice within these bounds.

        At a given error the score falls with the weight, and a slice of weight w has at most the
        error ``largest * w``. So the best slice has all the error in the least weight that holds
        it. Its score is negative only where all others' are.

        Parameters
        ----------
        least : ndarray of float of shape (m,)
            Lower bound of a slice's weight.
        error : ndarray of float of shape (m,)
            Upper bound of its sum of weighted errors.
        largest : ndarray of float of shape (m,)
            Largest error of a single row.
        """
        enough = error / np.where(largest > 0, largest, 1.0)
        return self(np.maximum(enough, least), error)

    def _excess(self, error: Floats) -> Floats:
        return self.alpha * self.weight / self.error * error - (1 - self.alpha) * self.weight


class Found(NamedTuple):
    """A slice: its score, and its features' positions and codes."""

    score: float
    features: tuple[int, ...]
    codes: tuple[int, ...]


def find_slices(
    rows: SliceRows, score: SliceScore, *, min_size: int, max_predicates: int, k: int
) -> tuple[list[Found], int]:
    """Find the k distinct slices of highest positive score, and count those that compete.

    Pairs are tallied in full. A triple's sums are at most the least of its pairs', so only pairs
    are extended of which a triple may beat the k-th best score.

    Parameters
    ----------
    rows : SliceRows
    score : SliceScore
    min_size : int
        Fewest rows of a slice.
    max_predicates : {1, 2, 3}
    k : int

    Returns
    -------
    found : list of Found
        Best first; ties by size, fewer predicates, order of the features and of their values.
    n_tested : int
        Number of slices of one and of two predicates that have ``min_size`` rows, and the upper
        bound that the pairs give of those with three.

    Raises
    ------
    ValueError
        If more than 5000 values of features have ``min_size`` rows.
    """
    values = Values.of(rows, min_size)
    best = _Best(values, score, k)
    ones = np.flatnonzero(values.count)
    best.offer(values.weight[ones], values.error[ones], ones[:, None])
    if max_predicates == 1 or len(ones) == 0:
        return best.ranked(), len(ones)
    pairs = _Pairs.of(values, min_size)
    u, v = pairs.places.T
    best.offer(pairs.weight[u, v], pairs.error[u, v], pairs.places)
    n_triples = pairs.search_triples(best) if max_predicates == 3 else 0
    return best.ranked(), len(ones) + len(pairs.places) + n_triples


class _Best:
    """The k best distinct slices so far."""

    def __init__(self, values: Values, score: SliceScore, k: int) -> None:
        self.values, self.score, self.k = values, score, k
        self.floor = -_SLACK
        self._ranks: dict[bytes, tuple] = {}

    def offer(self, weight: Floats, error: Floats, places: NDArray[np.intp]) -> None:
        """Take in the slices, one a row of ``places``, that are among the best."""
        scores = self.score(weight, error)
        good = np.flatnonzero(scores >= self.floor)
        for i in good[np.argsort(-scores[good], kind="stable")]:
            if scores[i] < self.floor:
                break
            self._add(places[i])

    def ranked(self) -> list[Found]:
        """Best first."""
        return [Found(-rank[0], *rank[3:]) for rank in sorted(self._ranks.values())]

    def _add(self, places: NDArray[np.intp]) -> None:
        values, rows = self.values, self.values.rows
        inside = values.select(places, values.ids)
        n = len(inside)
        weight: Any = np.float64(n) if rows.weights is None else rows.weights[inside].sum()
        score = round(float(self.score(weight, rows.weighted_errors[inside].sum())), 10)
        if score <= 0:
            return
        features, codes = (tuple(key[places].tolist()) for key in (values.feature, values.code))
        rank = (-score, -n, len(places), features, codes)
        same = inside.tobytes()  # the rows themselves: nothing less tells slices apart
        self._ranks[same] = min(rank, self._ranks.get(same, rank))
        if len(self._ranks) > self.k:
            del self._ranks[max(self._ranks, key=self._ranks.__getitem__)]
        if len(self._ranks) == self.k:
            worst = -max(self._ranks.values())[0]
            self.floor = worst - _SLACK * max(1.0, worst)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Sums of all pairs of values, of shape (V, V), and the places of those that are slices.

    A pair is none if it has too few rows, or the same rows as one of its values.
    """

    values: Values
    min_size: int
    count: Integers
    weight: Floats
    error: Floats
    proper: NDArray[np.bool_]
    places: NDArray[np.intp]

    @classmethod
    def of(cls, values: Values, min_size: int) -> _Pairs:
        size = len(values.count)
        tables = np.zeros((size, size), np.int64), np.zeros((size, size)), np.zeros((size, size))
        for (u, v), sums in values.cross():
            for table, part in zip(tables, sums, strict=True):
                table[u, v] = part
                table[v, u] = part.T
        count = tables[0]
        proper = (count >= min_size) & (count < values.count) & (count < values.count[:, None])
        twins = (count == values.count) & (count == values.count[:, None]) & (count > 0)
        later = np.triu(twins).any(axis=0)
        proper &= ~(later | later[:, None])
        return cls(values, min_size, *tables, proper, np.argwhere(np.triu(proper)))

    @cached_property
    def least(self) -> float:
        """Least weight of a slice."""
        return self.values.rows.least_weight(self.min_size)

    def search_triples(self, best: _Best) -> int:
        """Offer the triples that may be among the best; return a bound of the number of all."""
        n_triples, kept = 0, []
        for pair, feature, bound, count in self._extensions(best.score):
            n_triples += int(count.sum())
            high = bound >= best.floor
            kept.append((pair[high], feature[high], bound[high]))
        if kept:
            pair, feature, bound = (np.concatenate(part) for part in zip(*kept, strict=True))
            self._extend_all(pair, feature, bound, best)
        return n_triples

    def _extensions(
        self, score: SliceScore
    ) -> Iterator[tuple[Integers, Integers, Floats, Integers]]:
        """For each pair and third feature: highest score, and most slices, by blocks of pairs."""
        feature = self.values.feature
        step = max(1, _BLOCK // len(feature))
        for start in range(0, len(self.places), step):
            u, v = self.places[start : start + step].T
            third = self.proper[u] & self.proper[v] & (feature > feature[v][:, None])
            pair, w = np.nonzero(third)
            if len(pair) == 0:
                continue
            bound = self._bound(score, u[pair], v[pair], w)
            first = np.flatnonzero(np.diff(pair * len(self.values.ids) + feature[w], prepend=-1))
            room = self.count[u, v][pair[first]] // self.min_size
            found = np.minimum(np.diff(first, append=len(pair)), room)
            yield start + pair[first], feature[w[first]], np.maximum.reduceat(bound, first), found

    def _bound(
        self, score: SliceScore, u: Any, v: Any, w: Integers, error: Floats | None = None
    ) -> Floats:
        """Highest score that triples can have, of any error or of this one."""
        uv, uw, vw = (self.weight[a, b] for a, b in ((u, v), (u, w), (v, w)))
        if error is None:
            error = np.minimum(np.minimum(self.error[u, v], self.error[u, w]), self.error[v, w])
        own, most = self.values.weight, self.values.largest
        # within u, the rows of v and those of w overlap by at least their sum less u
        overlap = np.maximum(np.maximum(uv + uw - own[u], uv + vw - own[v]), uw + vw - own[w])
        largest = np.minimum(np.minimum(most[u], most[v]), most[w])
        return score.bound(np.maximum(overlap, self.least), error, largest)

    def _extend_all(self, pair: Integers, feature: Integers, bound: Floats, best: _Best) -> None:
        """Extend pairs by third features, the most promising pairs first."""
        first = np.flatnonzero(np.diff(pair, prepend=-1))
        if len(first) == 0:
            return
        last = np.append(first[1:], len(pair))
        highest = np.maximum.reduceat(bound, first)
        for i in np.argsort(-highest, kind="stable"):
            if highest[i] < best.floor:
                return
            own = slice(first[i], last[i])
            self._extend(self.places[pair[first[i]]], feature[own][bound[own] >= best.floor], best)

    def _extend(self, places: NDArray[np.intp], features: Integers, best: _Best) -> None:
        """Tally the values of the features within a pair: errors first, then rows if need be."""
        values, rows, (u, v) = self.values, self.values.rows, places
        size = len(values.count)
        inside = values.select(places, values.failed)
        errors = np.tile(rows.failed_errors[inside], len(features))
        error: Any = np.bincount(values.failed[np.ix_(features, inside)].ravel(), errors, size)
        asked = np.zeros(len(values.ids), dtype=bool)
        asked[features] = True
        w = np.flatnonzero(asked[values.feature] & self.proper[u] & self.proper[v])
        w = w[self._bound(best.score, u, v, w, error[w]) >= best.floor]
        if len(w) == 0:
            return
        features = np.unique(values.feature[w])
        inside = values.select(places, values.ids)
        weights = None if rows.weights is None else np.tile(rows.weights[inside], len(features))
        ids = values.ids[np.ix_(features, inside)].ravel()
        weight, _, count = count_cells([ids], (size,), weights)
        w = w[count[w] >= self.min_size]
        pairs = np.broadcast_to(places, (len(w), 2))
        best.offer(weight[w], error[w], np.column_stack([pairs, w]))
