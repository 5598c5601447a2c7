"""The best cuts by guessed group, where constraints are about the true groups."""

from __future__ import annotations

import math
import time
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, linprog

from skfair.postprocessing._constraints import Constraints
from skfair.postprocessing._guessed_limits import Limits, excess
from skfair.postprocessing._programs import (
    Found,
    OutOfTimeError,
    best_choice,
    one_of_each,
    time_left,
)

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_SLACK = 1e-9
_ALL = 1200
_COARSE = 150
_NEAR = 40
_IMPROVEMENTS = 20
_STARTS = 30
_FEW_STARTS = 8
_KICK = 0.05
_PENALTY = 10.0
_FINE = 0.01
_START = 20
_BLOCKS = 8
_ROUNDS = 200
_TIME_IS_UP = 1


class NothingFoundError(OutOfTimeError):
    """Nothing was found in as many tries as are made, though there may be something."""


class Programme:
    """Mixtures of cuts, or one cut a guess, within linear limits.

    Parameters
    ----------
    cells : list of ndarray of float of shape (m_h, G, 4)
        Cells of the true groups at each cut of each guess.
    constraints : Constraints
    limits : Limits
        The same as linear limits.
    near : list of ndarray of int
        Positions that are candidates in any case: one a guess, or none.
    deadline : float
        As of ``time.monotonic``.
    """

    def __init__(
        self,
        cells: list[Floats],
        constraints: Constraints,
        limits: Limits,
        near: list[Places],
        deadline: float,
    ) -> None:
        self.totals = [c.sum(axis=1) for c in cells]
        rows = limits.of_cells.reshape(len(limits.most), math.prod(limits.of_cells.shape[1:]))
        self.loads = [c.reshape(len(c), -1) @ rows.T for c in cells]
        self.limits, self.near, self.deadline = limits, near, deadline
        self.constraints, self.bound = constraints, np.inf

    def mix(self, worth: Floats) -> Found | None:
        """Find the best mixture of all cuts, by column generation.

        A linear programme over some cuts gives prices of the limits; at these, every guess names
        the cuts that would pay, until none would.
        """
        values = [t @ worth for t in self.totals]
        columns = [
            np.union1d(_spread(len(v), _START), near)
            for v, near in zip(values, self.near, strict=True)
        ]
        columns, found, _ = self._feasible(columns)
        if found.fun > _SLACK * 10:
            return None
        columns, found, missing = self._generate(values, columns, elastic=False)
        if not found.success:
            return None
        parts = np.split(found.x[: sum(map(len, columns))], np.cumsum([*map(len, columns)])[:-1])
        kept = [np.flatnonzero(p > _SLACK) for p in parts]
        places = [c[k] for c, k in zip(columns, kept, strict=True)]
        chances = [p[k] / p[k].sum() for p, k in zip(parts, kept, strict=True)]
        value = -float(found.fun)
        return Found(places, chances, value, value + missing, missing > 0)

    def is_feasible(self) -> bool:
        """Tell whether any mixture of cuts meets the limits."""
        columns = [_spread(len(t), _START) for t in self.totals]
        return bool(self._feasible(columns)[1].fun <= _SLACK * 10)

    def _feasible(self, columns: list[Places]) -> tuple[list[Places], Any, float]:
        return self._generate([np.zeros(len(t)) for t in self.totals], columns, elastic=True)

    def _generate(
        self, values: list[Floats], columns: list[Places], *, elastic: bool
    ) -> tuple[list[Places], Any, float]:
        """Add cuts until none would pay, and tell how much more they could bring at most.

        Elastic: the violation of the limits is minimised, and has to be when time is up.
        """
        found, missing, solved = None, 0.0, columns
        for _ in range(_ROUNDS):
            before, found = found, self._solve(values, columns, elastic)
            if found.status == _TIME_IS_UP:
                if elastic or before is None:
                    raise OutOfTimeError
                return solved, before, missing
            if not found.success or (elastic and found.fun <= _SLACK):
                return columns, found, 0.0
            solved = columns
            more, costs = self._priced(values, columns, found)
            missing = float(sum(max(-cost, 0.0) for cost in costs))
            if not any(len(a) > len(b) for a, b in zip(more, columns, strict=True)):
                return columns, found, 0.0
            columns = more
        return solved, found, missing

    def _priced(
        self, values: list[Floats], columns: list[Places], found: Any
    ) -> tuple[list[Places], list[float]]:
        """Columns, more of them that would pay, and the least reduced cost of each guess."""
        prices, tops = found.ineqlin.marginals, found.eqlin.marginals
        more, costs = [], []
        for value, load, top, own in zip(values, self.loads, tops, columns, strict=True):
            cost = -value - load @ prices - top
            blocks = np.array_split(np.arange(len(cost)), min(_BLOCKS, len(cost)))
            best = np.array([block[np.argmin(cost[block])] for block in blocks])
            more.append(np.union1d(own, best[cost[best] < -_SLACK]))
            costs.append(float(cost.min()))
        return more, costs

    def _solve(self, values: list[Floats], columns: list[Places], elastic: bool) -> Any:
        sizes, limits = [len(c) for c in columns], self.limits
        load = np.concatenate([a[c] for a, c in zip(self.loads, columns, strict=True)])
        table = np.hstack([load.T, limits.of_variables])
        costs = [-v[c] for v, c in zip(values, columns, strict=True)]
        extra = [np.zeros(len(limits.least))]
        bounds = [(0.0, None)] * sum(sizes) + [(low, None) for low in limits.least]
        if elastic:
            table = np.hstack([table, -np.ones((len(table), 1))])
            extra, bounds = [*extra, np.ones(1)], [*bounds, (0.0, None)]
        return linprog(
            np.concatenate([*costs, *extra]),
            A_ub=table,
            b_ub=limits.most,
            A_eq=one_of_each(sizes, table.shape[1]),
            b_eq=np.ones(len(sizes)),
            bounds=bounds,
            method="highs",
            options=time_left(self.deadline),
        )

    def choose(self, worth: Floats) -> Found | None:
        """Find the best cut of each guess: exactly over few cuts, else by local search.

        The search starts from cuts that select as many as the best mixture, and again from places
        near the best that was found. The value of the best mixture is the bound.
        """
        mixed = self.mix(worth)
        if mixed is None:
            return None
        values = [t @ worth for t in self.totals]
        if all(len(v) <= _ALL // len(values) ** 2 for v in values):
            return self._choose_exactly(values)
        self.bound = mixed.bound
        starts = [self._between(mixed)]
        if all(len(place) for place in self.near):
            starts.append(np.concatenate(self.near))
        best, centre, rng = None, starts[0], np.random.default_rng(0)
        most, is_late = np.array([len(v) - 1 for v in values]), False
        for k in range(_STARTS):
            is_late = is_late or self._is_late()
            if (k >= _FEW_STARTS and best is not None) or is_late:
                break
            kicked = centre + np.rint(rng.normal(size=len(most)) * most * _KICK).astype(np.intp)
            start = starts[k] if k < len(starts) else np.clip(kicked, 0, most)
            found = self._improve(start, values)
            if found is not None and (best is None or found.value > best.value):
                best, centre = found, np.concatenate(found.places)
        if best is None:
            raise OutOfTimeError if is_late else NothingFoundError
        return best._replace(bound=max(mixed.bound, best.value), cut_short=is_late)

    def _is_late(self) -> bool:
        return time.monotonic() > self.deadline

    def _improve(self, start: Places, values: list[Floats]) -> Found | None:
        """Change the cuts of two guesses at a time, as long as that gets better.

        What misses the limits is worth less, so that the search may pass through it.
        """
        best, reached, n = start.copy(), -np.inf, len(values)
        pairs = list(combinations(range(n), 2)) or [(0, 0)]
        for _ in range(_IMPROVEMENTS):
            before = reached
            for pair in pairs:
                best, reached = self._improve_pair(best, pair, values)
            if not reached > before + _SLACK or self._is_late():
                break
        load = sum(a[p] for a, p in zip(self.loads, best, strict=True))
        if excess(np.asarray(load), self.constraints, self.limits) > 0:
            return None
        value = sum(float(v[p]) for v, p in zip(values, best, strict=True))
        return Found([best[[h]] for h in range(n)], [np.ones(1)] * n, value, np.inf)

    def _improve_pair(
        self, best: Places, pair: tuple[int, int], values: list[Floats]
    ) -> tuple[Places, float]:
        """Take the best of all pairs of candidates for two guesses, the others held."""
        a, b = pair
        own = [_candidates(len(values[h]), int(best[h]), len(values)) for h in pair]
        if a == b:
            own[1] = best[[a]]
        others = [h for h in range(len(values)) if h not in pair]
        rest = sum((self.loads[h][best[h]] for h in others), np.zeros(len(self.limits.most)))
        load = rest + self.loads[a][own[0]][:, None]
        worth = sum(float(values[h][best[h]]) for h in others) + values[a][own[0]][:, None]
        if a != b:
            load, worth = load + self.loads[b][own[1]], worth + values[b][own[1]]
        missed = excess(load, self.constraints, self.limits)
        worth = worth - np.where(missed > 0, _FINE + _PENALTY * missed, 0.0)
        i, k = np.unravel_index(np.argmax(worth), worth.shape)
        found = best.copy()
        found[a] = own[0][i]
        if a != b:
            found[b] = own[1][k]
        return found, float(worth[i, k])

    def _between(self, mixed: Found) -> Places:
        """Cuts that select as many as a mixture of cuts does."""
        found = []
        for total, places, chances in zip(self.totals, mixed.places, mixed.chances, strict=True):
            selected = total[:, 1] + total[:, 3]
            place = int(np.searchsorted(selected, chances @ selected[places]))
            found.append(min(place, len(selected) - 1))
        return np.array(found)

    def _choose_exactly(self, values: list[Floats]) -> Found | None:
        """Mixed integer programme over all cuts."""
        limits = self.limits
        table = np.hstack([np.concatenate(self.loads).T, limits.of_variables])
        rules = [LinearConstraint(table, -np.inf, limits.most)] if len(table) else []
        return best_choice(values, rules, limits.least, self.deadline)


def _spread(m: int, n: int) -> Places:
    """At most n of m places, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, m - 1, min(m, n)).astype(np.intp))


def _candidates(m: int, place: int, n_guesses: int) -> Places:
    """Evenly spread cuts and those around a place, denser near it."""
    steps = np.unique(np.geomspace(1, max(m, 2), _NEAR).astype(np.intp))
    around = place + np.concatenate([-steps, [0], steps])
    coarse = _spread(m, _COARSE if n_guesses < 3 else _COARSE // 2)
    return np.union1d(coarse, around[(around >= 0) & (around < m)])
