"""The state of sequential tests: what they have seen, and what it was at each possible start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from skfair.monitoring._sequences import (
    bound_factors,
    change_evidence,
    on_boundary,
    rate_sequence,
    score_steps,
    start_weights,
    window_scores,
)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LEAST_ROWS = 20
"""A look waits for so many rows, or lots would tell more than counts do."""

_MOST_STARTS = 128


class Finding(NamedTuple):
    """What a test had found when its evidence was largest, since the most likely start of a change.

    ``window`` is the first one of it, ``cell`` the place of the rate or comparison that says most;
    the others, one for each rate in it, are its rows, value and limits since then.
    """

    window: int
    cell: int
    n: Counts
    value: Floats
    low: Floats
    high: Floats


class SequentialTests:
    """Tests whose evidence is a weighted sum over starts and a mean over the cells of each test.

    Parameters
    ----------
    sizes : sequence of int
        Number of cells of each test; cells lie in the order of the tests.
    n_terms : int, default=1
        Number of rates in each cell.
    """

    total: Counts
    rows: Counts
    _arrays: tuple[str, ...] = ()
    _at: tuple[str, ...] = ()

    def __init__(self, sizes: Iterable[int], n_terms: int = 1) -> None:
        self.sizes = np.array(list(sizes), dtype=np.int64)
        self.starts = np.zeros(0, dtype=np.int64)
        self.windows = np.zeros(0, dtype=np.int64)
        self.n_looks = 0
        self.log_e = np.full(len(self.sizes), -np.inf)
        self.peak = np.zeros((len(self.sizes), 3 + 2 * n_terms), dtype=np.int64)
        self.history: dict[str, NDArray[Any]] = {}

    @property
    def n_tests(self) -> int:
        """Number of tests."""
        return len(self.sizes)

    def _open(self, window: int) -> None:
        """Remember the state before a look as a start; old starts thin out by halves."""
        kept = np.arange(len(self.starts))
        if len(kept) >= _MOST_STARTS:
            half = len(kept) // 2
            kept = np.concatenate([kept[:half:2], kept[half:]])
        for name in self._at:
            state = getattr(self, name)[None]
            old = self.history[name][kept] if name in self.history else state[:0]
            self.history[name] = np.concatenate([old, state])
        self.starts = np.append(self.starts[kept], self.n_looks)
        self.windows = np.append(self.windows[kept], window)
        self.n_looks += 1

    def _close(self) -> Floats:
        """Evidence now of each test; the largest so far stays in ``log_e``."""
        if not self.n_tests:
            return self.log_e
        evidence = self._evidence()
        cells = logsumexp(evidence, axis=0)
        first = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        found = np.logaddexp.reduceat(cells, first) - np.log(self.sizes)
        for test in np.flatnonzero((found > self.log_e) & (found > 0)).tolist():
            self.peak[test] = self._describe(evidence, first[test], self.sizes[test])
        self.log_e = np.maximum(self.log_e, found)
        return found

    def _evidence(self) -> Floats:
        """Log evidence of each start and cell."""
        raise NotImplementedError

    def _describe(self, evidence: Floats, first: int, size: int) -> Counts:
        """Start and cell of a test with most evidence: number, window, cell, rows and successes."""
        own = evidence[:, first : first + size]
        start, cell = np.unravel_index(np.argmax(own), own.shape)
        cell += first
        since = [
            np.atleast_1d(getattr(self, name)[cell] - self.history[name][start, cell])
            for name in ("rows", "total")
        ]
        return np.concatenate([[self.starts[start], self.windows[start], cell], *since])

    def finding(self, test: int, alpha: float) -> Finding:
        """Rates from the most likely start until the evidence was largest.

        The intervals hold for all starts, and all rates of a cell, together.
        """
        number, window, cell = self.peak[test, :3]
        n, k = self.peak[test, 3:].reshape(2, -1)
        level = -np.log(alpha / len(n) * start_weights(np.array([number])))
        value = k / np.where(n > 0, n, np.nan)
        limits = rate_sequence(k.astype(np.float64), n.astype(np.float64), level)
        return Finding(int(window), int(cell), n, value, *limits)

    def state(self) -> dict[str, Any]:
        """All there is to know, for a file."""
        plain = {name: getattr(self, name) for name in (*_COMMON, *self._arrays)}
        return {**plain, "n_looks": self.n_looks, "history": dict(self.history)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a state over from a file.

        Raises
        ------
        ValueError
            If it doesn't fit the tests.
        """
        for name in (*_COMMON, *self._arrays):
            found, own = state[name], getattr(self, name)
            free = name in ("starts", "windows")
            if not isinstance(found, np.ndarray) or found.dtype != own.dtype:
                raise ValueError(f"the file is damaged: {name} of its tests is no such array")
            if found.size == own.size == 0:
                found = found.reshape(own.shape)  # lists that are empty have no second axis
            if found.ndim != own.ndim or (not free and found.shape != own.shape):
                raise ValueError(f"the file is damaged: {name} of its tests has another shape")
            setattr(self, name, found)
        self.n_looks = int(state["n_looks"])
        self.history = {name: state["history"][name] for name in self._at if self.n_looks}
        if not np.isin(self.peak[:, 2], np.arange(self.sizes.sum())).all():
            raise ValueError("the file is damaged: findings of its tests are of unknown cells")
        lengths = {len(x) for x in (self.starts, self.windows, *self.history.values())}
        if len(lengths) > 1:
            raise ValueError("the file is damaged: starts of its tests differ in number")


_COMMON = ("starts", "windows", "log_e", "peak")


class ChangeTests(SequentialTests):
    """Tests that Bernoulli rates are still those of the reference, whatever those are.

    Parameters
    ----------
    k, n : ndarray of int of shape (n_cells,)
        Successes and rows of the reference.
    sizes : sequence of int
        Number of cells of each test.

    Examples
    --------
    >>> tests = ChangeTests(np.array([400]), np.array([500]), [1])
    >>> for window in range(30):
    ...     log_e = tests.look(np.array([60]), np.array([100]), np.array([0.5]), window)
    >>> bool(log_e[0] > np.log(1000)), tests.finding(0, 0.05).value
    (True, array([0.6]))
    """

    _arrays = ("total", "rows", "drift", "waiting")
    _at = ("total", "rows", "drift")

    def __init__(self, k: Counts, n: Counts, sizes: Iterable[int]) -> None:
        super().__init__(sizes)
        self.total, self.rows = k.astype(np.int64), n.astype(np.int64)
        self.drift = np.zeros(len(k))
        self.waiting = np.zeros((2, len(k)), dtype=np.int64)

    def look(self, k: Counts, n: Counts, lots: Floats, window: int) -> Floats:
        """Add a window; gives the log evidence of each test now.

        Parameters
        ----------
        k, n : ndarray of int of shape (n_cells,)
        lots : ndarray of float of shape (n_cells,)
            Uniform on (0, 1).
        window : int
            Its number, by which findings name it.
        """
        self._open(window)
        self.waiting = self.waiting + np.stack([k, n]).astype(np.int64)
        ready = self.waiting[1] >= LEAST_ROWS
        k, n = self.waiting * ready
        self.waiting = self.waiting * ~ready
        self.total, self.rows = self.total + k, self.rows + n
        if ready.any():
            scores = np.zeros(len(ready))
            scores[ready] = window_scores(
                k[ready], n[ready], self.total[ready], self.rows[ready], lots[ready]
            )
            self.drift = self.drift + score_steps(n, self.rows) * scores
        return self._close()

    def _evidence(self) -> Floats:
        drift, rows = self.history["drift"], self.history["rows"].astype(np.float64)
        weights = start_weights(self.starts)
        return change_evidence(drift, rows, self.drift, self.rows.astype(np.float64), weights)


class BoundTests(SequentialTests):
    r"""One test of :math:`\sum_i a_i p_i \le c` in every window, for several comparisons at once.

    A comparison bets on windows in which all of its rates have rows, and leaves the rows of others
    out: pooled over windows, rates that wander together would look like a gap.

    Parameters
    ----------
    k, n : ndarray of int of shape (n_rates,)
        What the reference says of the rates: the first guess of where to bet.
    terms : ndarray of int of shape (n_cells, n_terms)
        The rates of each comparison.
    coefficients : ndarray of float of shape (n_cells, n_terms)
    limit : ndarray of float of shape (n_cells,)

    Examples
    --------
    >>> tests = BoundTests(
    ...     np.array([5, 5]),
    ...     np.array([10, 10]),
    ...     np.array([[0, 1], [1, 0]]),
    ...     np.array([[1.0, -1.0], [1.0, -1.0]]),
    ...     np.array([0.1, 0.1]),
    ... )
    >>> for window in range(20):
    ...     log_e = tests.look(np.array([60, 35]), np.array([100, 100]), window)
    >>> bool(log_e[0] > np.log(1000)), tests.finding(0, 0.05).value
    (True, array([0.6 , 0.35]))
    """

    _arrays = ("total", "rows", "won")
    _at = ("total", "rows", "won")

    def __init__(
        self,
        k: Counts,
        n: Counts,
        terms: NDArray[np.intp],
        coefficients: Floats,
        limit: Floats,
    ) -> None:
        super().__init__([len(terms)], terms.shape[1])
        self.terms, self.coefficients, self.limit = terms, coefficients, limit
        self.total, self.rows = (x.astype(np.int64)[terms] for x in (k, n))
        self.won = np.zeros((len(terms), 5))

    def look(self, k: Counts, n: Counts, window: int) -> Floats:
        """Add a window; gives the log evidence of each test now."""
        self._open(window)
        guess = (self.total + 0.5) / (self.rows + 1.0)
        ready = (n[self.terms] >= 1).all(axis=1)
        if ready.any():
            hits, rows = (x.astype(np.int64)[self.terms[ready]] for x in (k, n))
            sides, limit = self.coefficients[ready], self.limit[ready]
            anchor = on_boundary(guess[ready], rows, sides, limit)
            self.won, self.total, self.rows = self.won.copy(), self.total.copy(), self.rows.copy()
            self.won[ready] += bound_factors(hits, rows, sides, limit, anchor)
            self.total[ready] += hits
            self.rows[ready] += rows
        return self._close()

    def _evidence(self) -> Floats:
        gain = self.won - self.history["won"]
        each = logsumexp(gain, axis=-1) - np.log(gain.shape[-1])
        return each + np.log(start_weights(self.starts))[:, None]
