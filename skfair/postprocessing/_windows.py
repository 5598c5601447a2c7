"""The best choice of one cut per group whose rates lie within a window: exact branch and bound."""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 32
_BATCH = 64
_SLACK = 1e-12


class Choice(NamedTuple):
    """Positions of the chosen cuts, their value, and the bound that no choice exceeds."""

    places: list[int] | None
    value: float
    bound: float


class RangeMaximum:
    """Maxima of ranges of an array, many at once.

    Whole blocks are read from a sparse table of their maxima, and the ends of a range are looked
    through.

    Parameters
    ----------
    values : ndarray of float of shape (m,)

    Examples
    --------
    >>> find = RangeMaximum(np.array([1.0, 5.0, 2.0, 4.0]))
    >>> find(np.array([0, 2, 3]), np.array([1, 4, 3]))
    array([  1.,   4., -inf])
    """

    def __init__(self, values: Floats) -> None:
        self._n_blocks = -(-len(values) // _BLOCK)
        self._padded = np.full(self._n_blocks * _BLOCK, -np.inf)
        self._padded[: len(values)] = values
        self._table = [self._padded.reshape(self._n_blocks, _BLOCK).max(axis=1)]
        while 2 ** len(self._table) <= self._n_blocks:
            step, level = 2 ** (len(self._table) - 1), self._table[-1]
            self._table.append(np.maximum(level[:-step], level[step:]))

    def __call__(self, start: Integers, stop: Integers) -> Floats:
        """Maximum of each half-open range; -inf of an empty one."""
        first, last = np.minimum(start // _BLOCK, self._n_blocks - 1), (stop - 1) // _BLOCK
        found = np.maximum(self._within(first, start, stop), self._within(last, start, stop))
        inner = np.flatnonzero(last > first + 1)
        level = np.floor(np.log2(last[inner] - first[inner] - 1)).astype(int)
        for k in np.unique(level):
            rows = inner[level == k]
            a, b = first[rows] + 1, last[rows] - 2**k
            whole = np.maximum(self._table[k][a], self._table[k][b])
            found[rows] = np.maximum(found[rows], whole)
        return found

    def _within(self, block: Integers, start: Integers, stop: Integers) -> Floats:
        """Maximum of each range within one block."""
        places = block[:, None] * _BLOCK + np.arange(_BLOCK)
        inside = (places >= start[:, None]) & (places < stop[:, None])
        return np.where(inside, self._padded[places], -np.inf).max(axis=1)


class _Group:
    """What the cuts of one group may pass for on K axes, and what each cut is worth."""

    def __init__(self, lows: Floats, highs: Floats, worth: Floats) -> None:
        self.lows, self.highs = (list(np.ascontiguousarray(x.T)) for x in (lows, highs))
        self.worth = worth
        self.maximum = RangeMaximum(worth)

    def ranges(self, low: Floats, high: Floats) -> tuple[Integers, Integers]:
        """Cuts that may pass for something in [low, high] on all axes, boxes of shape (b, K)."""
        start = np.zeros(len(low), dtype=np.int64)
        stop = np.full(len(low), len(self.worth), dtype=np.int64)
        for k in range(low.shape[1]):
            start = np.maximum(start, np.searchsorted(self.highs[k], low[:, k], side="left"))
            stop = np.minimum(stop, np.searchsorted(self.lows[k], high[:, k], side="right"))
        return start, stop


def best_in_window(
    coordinates: Sequence[Floats],
    worth: Sequence[Floats],
    widths: Floats,
    *,
    slacks: Sequence[Floats] | None = None,
    time_limit: float = np.inf,
    floor: float = -np.inf,
) -> Choice:
    r"""Choose a cut in each group so that all coordinates lie within windows of given widths.

    .. math:: \max_i \sum_g v_g(i_g) \quad \text{s.t.} \quad
        x_{ak}(i_a) - x_{bk}(i_b) \le w_k + s_{ak} + s_{bk} \text{ for all } a, b, k

    Where the windows start, their lower ends o, decides everything: within a window every group
    takes its best cut. Boxes of origins are split, and left out where the best cuts of the box's
    union of windows, which bound it, are worth no more than the best choice known. Origins are
    values of the data, so the search is finite and exact.

    Parameters
    ----------
    coordinates : sequence of ndarray of float of shape (m_g, K)
        Non-decreasing along the cuts.
    worth : sequence of ndarray of float of shape (m_g,)
    widths : ndarray of float of shape (K,)
    slacks : sequence of ndarray of float of shape (m_g, K), default=None
        How far each cut may be off; neither the coordinates less it nor with it may decrease.
    time_limit : float, default=inf
        Seconds after which the best known choice is returned with its bound.
    floor : float, default=-inf
        Only choices worth more are of interest.

    Returns
    -------
    Choice
        ``places`` is None if there is none within the windows.

    Raises
    ------
    ValueError
        If coordinates decrease along the cuts.

    Examples
    --------
    >>> a, b = np.array([[0.0], [0.4], [1.0]]), np.array([[0.0], [0.5], [1.0]])
    >>> best_in_window([a, b], [np.array([0, 3, 1]), np.array([0, 2, 4])], np.array([0.2]))
    Choice(places=[1, 1], value=5.0, bound=5.0)
    """
    slacks = [np.zeros_like(x) for x in coordinates] if slacks is None else slacks
    ends = [(x - s, x + s) if s.any() else (x, x) for x, s in zip(coordinates, slacks, strict=True)]
    if any((x[1:] < x[:-1]).any() for pair in ends for x in pair):
        raise ValueError("coordinates must not decrease along the cuts")
    groups = [
        _Group(low, high, np.asarray(v, dtype=np.float64))
        for (low, high), v in zip(ends, worth, strict=True)
    ]
    widths = np.asarray(widths, dtype=np.float64) * (1 + _SLACK) + _SLACK
    if not len(widths):
        places = [int(np.argmax(group.worth)) for group in groups]
        value = sum(float(g.worth[i]) for g, i in zip(groups, places, strict=True))
        return Choice(places, value, value)
    axes = [_origins([g.highs[k] for g in groups]) for k in range(len(widths))]
    search = _Search(groups, axes, widths, floor)
    search.run(time.monotonic() + time_limit)
    return search.choice()


def _origins(columns: list[Floats]) -> Floats:
    """Find where the window of an axis can start: up to the least of the groups' largest."""
    last = min(column[-1] for column in columns)
    fit = [column[: np.searchsorted(column, last, side="right")] for column in columns]
    merged = np.sort(np.concatenate(fit), kind="stable")  # merges what is sorted already
    return merged[np.append(True, merged[1:] != merged[:-1])[: len(merged)]]


class _Search:
    """Boxes of origins, as ranges of positions on each axis, the most promising first."""

    def __init__(
        self, groups: list[_Group], axes: list[Floats], widths: Floats, floor: float
    ) -> None:
        self.groups, self.axes, self.widths = groups, axes, widths
        self.value, self.origin = floor, None
        self.bound = -np.inf
        self.heap: list[tuple[float, tuple[int, ...], tuple[int, ...]]] = []
        if all(len(axis) for axis in axes):
            first = np.zeros((1, len(axes)), dtype=np.int64)
            self._push(first, np.array([[len(axis) - 1 for axis in axes]]))

    def run(self, deadline: float) -> None:
        while self.heap and -self.heap[0][0] > self.value + self._slack:
            if time.monotonic() > deadline:
                self.bound = -self.heap[0][0]
                return
            boxes: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
            while self.heap and len(boxes) < _BATCH:
                bound, low, high = heapq.heappop(self.heap)
                if -bound > self.value + self._slack:
                    boxes.append((low, high))
            self._split(np.array([b[0] for b in boxes]), np.array([b[1] for b in boxes]))
        self.bound = self.value

    @property
    def _slack(self) -> float:
        return 1e-12 * max(1.0, abs(self.value)) if np.isfinite(self.value) else 0.0

    def _split(self, low: Integers, high: Integers) -> None:
        rows = np.arange(len(low))
        k = np.argmax((high - low) / [len(axis) for axis in self.axes], axis=1)
        middle = (low[rows, k] + high[rows, k]) // 2
        left, right = high.copy(), low.copy()
        left[rows, k], right[rows, k] = middle, middle + 1
        self._push(np.concatenate([low, right]), np.concatenate([left, high]))

    def _push(self, low: Integers, high: Integers) -> None:
        """Bound boxes, try the origin in the middle of each, and keep what may hold better."""
        bound = self._evaluate(self._at(low), self._at(high) + self.widths)
        middle = self._at((low + high) // 2)
        tried = self._evaluate(middle, middle + self.widths)
        best = int(np.argmax(tried))
        if tried[best] > self.value:
            self.value, self.origin = float(tried[best]), middle[best]
        open_ = (bound > self.value + self._slack) & (high > low).any(axis=1)
        for i in np.flatnonzero(open_):
            heapq.heappush(self.heap, (-bound[i], tuple(low[i].tolist()), tuple(high[i].tolist())))

    def _at(self, places: Integers) -> Floats:
        return np.stack([axis[places[:, k]] for k, axis in enumerate(self.axes)], axis=1)

    def _evaluate(self, low: Floats, high: Floats) -> Floats:
        """Sum of the groups' best cuts in each box; -inf where a group has none."""
        total = np.zeros(len(low))
        for group in self.groups:
            total += group.maximum(*group.ranges(low, high))
        return total

    def choice(self) -> Choice:
        if self.origin is None:
            return Choice(None, -np.inf, max(self.bound, -np.inf))
        places = []
        for group in self.groups:
            start, stop = group.ranges(self.origin[None], self.origin[None] + self.widths)
            inside = group.worth[start[0] : stop[0]]
            places.append(int(start[0] + np.argmax(inside)))
        return Choice(places, self.value, max(self.bound, self.value))
