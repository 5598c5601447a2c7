"""Which multipliers a grid search tries: a coarse grid, then points around its best."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._problems import Problem
from skfair.inprocessing._rules import best_within

Floats = NDArray[np.float64]

_SLACK = 1e-9
_FINEST = 1e-3
_AT_ONCE = 2


class Fits(Protocol):
    """Fits so far: their multipliers, and the sums that describe their predictors."""

    problem: Problem
    moves: Floats
    points: Floats
    sums: list[Floats]

    def add(self, points: Floats) -> None:
        """Fit more points."""


def sweep_line(fits: Fits, size: int, limit: float, *, signed: bool = True) -> None:
    """Try one multiplier: prices that pull the plain predictor's rates together, and near ``tol``.

    Half of the points lie on the side that makes the plain predictor fairer, denser near 0. The
    others divide, again and again, the interval in which the violation falls below ``tol``; where
    it doesn't up to the limit, they go beyond, doubling it.

    Parameters
    ----------
    fits : Fits
        None so far.
    size : int
        Points at most.
    limit : float
        Largest price of the first half.
    signed : bool
        Prices may be negative.
    """
    _check_size(1, size, signed)
    fits.add(np.zeros((1, 1)))
    side = 1.0 if float(fits.moves[0] @ fits.sums[0]) >= 0 else -1.0
    n = max((size - 1) // 2, 1)
    fits.add(side * limit * (np.arange(1, n + 1)[:, None] / n) ** 2)
    while len(fits.points) < size:
        prices = side * fits.points[:, 0]
        order = np.argsort(prices)
        enough = ~np.array([_falls_short(fits, i, side) for i in order])
        first = int(np.argmax(enough))
        n = min(_AT_ONCE, size - len(fits.points))
        if not enough[first]:
            fits.add(side * prices.max() * 2.0 ** np.arange(1, n + 1)[:, None])
            continue
        low, high = prices[order[max(first - 1, 0)]], prices[order[first]]
        if high - low < _FINEST * limit:  # or the plain predictor is fair
            return
        fits.add(side * np.linspace(low, high, n + 2)[1:-1, None])


def _falls_short(fits: Fits, place: int, side: float) -> bool:
    """Tell whether a predictor is unfair still in the direction of the plain one."""
    sums = fits.sums[place]
    ahead = side * float(fits.moves[0] @ sums) > 0
    return ahead and float(fits.problem.excess(sums)) > _SLACK


def sweep_lattice(fits: Fits, size: int, limit: float, *, signed: bool) -> None:
    """Try several multipliers: a lattice, and then smaller and smaller steps around its best.

    Parameters
    ----------
    fits, size, limit, signed
        As in :func:`sweep_line`; here ``limit`` is of the sum of absolute values.
    """
    n = len(fits.moves)
    _check_size(n, size, signed)
    coarse = max(2 * size // 3, _n_points(n, 1, signed))
    tried = lattice(n, coarse, signed=signed)
    fits.add(_spread(tried, limit))
    step = 0.5 * float(np.abs(tried[tried != 0]).min(initial=1.0))
    while n and len(tried) < size and step >= _FINEST:
        best = tried[best_within(fits.problem, np.array(fits.sums))]
        near = best + step * np.concatenate([np.eye(n), -np.eye(n)])
        inside = np.abs(near).sum(axis=1) <= 1 + _SLACK
        if not signed:
            inside &= (near >= -_SLACK).all(axis=1)
        new = ~(np.abs(near[:, None] - tried).max(axis=2) < _SLACK).any(axis=1)
        near = near[inside & new][: size - len(tried)]
        tried = np.concatenate([tried, near])
        fits.add(_spread(near, limit))
        if (best == tried[best_within(fits.problem, np.array(fits.sums))]).all():
            step /= 2


def _spread(points: Floats, limit: float) -> Floats:
    """Multipliers that lie denser near 0, where most solutions are."""
    spread: Floats = points * np.abs(points).sum(axis=1, keepdims=True) * limit
    return spread


def _check_size(n: int, size: int, signed: bool) -> None:
    least = _n_points(n, 1, signed) if n else 1
    if size < least:
        raise ValueError(
            f"a grid of {n} multipliers has at least {least} points, and grid_size={size}: raise "
            "it, give points of your own (grid), or use ExponentiatedGradient"
        )


def lattice(n: int, size: int, *, signed: bool = True) -> Floats:
    """Points of a regular lattice whose absolute values add up to 1 at most.

    Parameters
    ----------
    n : int
        Dimensions.
    size : int
        Points at most.
    signed : bool, default=True
        Whether values may be negative.

    Returns
    -------
    points : ndarray of float of shape (n_points, n)
        The finest lattice that is no larger than ``size``, or the coarsest.

    Examples
    --------
    >>> lattice(1, 5).ravel().tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    >>> lattice(2, 8).tolist()
    [[-1.0, 0.0], [0.0, -1.0], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    if n == 0:
        return np.zeros((1, 0))
    steps = 1
    while _n_points(n, steps + 1, signed) <= size:
        steps += 1
    return np.array(list(_integers(n, steps, signed)), dtype=float) / steps


def _n_points(n: int, steps: int, signed: bool) -> int:
    """Integer points within the L1 ball of that radius."""
    ways = np.zeros(steps + 1)
    ways[0] = 1.0
    one = np.array([1.0] + [2.0 if signed else 1.0] * steps)
    for _ in range(n):
        ways = np.convolve(ways, one)[: steps + 1]
    return int(min(ways.sum(), 1e18))


def _integers(n: int, steps: int, signed: bool) -> Any:
    """Yield integer points within the L1 ball, in lexicographic order."""
    if n == 0:
        yield ()
        return
    for first in range(-steps if signed else 0, steps + 1):
        for rest in _integers(n - 1, steps - abs(first), signed):
            yield (first, *rest)
