"""Linear programmes of predictors: the best mixture, and the best small move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from skfair.inprocessing._requirements import Requirements

Floats = NDArray[np.float64]
Ends = tuple[float | None, float | None]

_TINY = 1e-9


class Master(NamedTuple):
    """The best mixture of the predictors so far, and the multipliers that price it."""

    chances: Floats
    multipliers: Floats
    value: float
    excess: float


def solve_master(sums: Floats, loss: Floats, requirements: Requirements, most: float) -> Master:
    r"""Find the best mixture of predictors, and its multipliers, by a linear programme.

    .. math:: \min_{q, z, \xi} \; \ell^T S^T q + d^T z + B \xi \quad \text{s.t.} \quad
        A S^T q + Z z - \xi e \le c, \; q \in \Delta, \; \xi \ge 0

    Parameters
    ----------
    sums : ndarray of float of shape (n_members, n_sums)
        S.
    loss : ndarray of float of shape (n_sums,)
        What is minimised.
    requirements : Requirements
    most : float
        B, which the multipliers of what may be exceeded add up to at most.

    Returns
    -------
    Master

    Examples
    --------
    >>> from skfair.inprocessing._requirements import Band, require_bands
    >>> rates = np.array([[0.0, 0.0], [0.5, 0.1]])  # of two groups, by two predictors
    >>> master = solve_master(
    ...     rates, np.array([-1.0, 0.0]), require_bands([Band(np.eye(2), 0.2)], 2), 100.0
    ... )
    >>> master.chances.round(6).tolist()
    [0.5, 0.5]
    """
    n = len(sums)
    found = _solve(sums, loss, requirements, most, [(0, None)] * n, np.ones(n), 1.0)
    if found.status != 0:
        raise RuntimeError(f"the linear programme of the mixture failed: {found.message}")
    chances = np.maximum(found.x[:n], 0.0)
    chances[chances < _TINY] = 0.0
    return Master(
        chances / chances.sum(), -found.ineqlin.marginals, float(found.fun), float(found.x[-1])
    )


def solve_move(
    slopes: Floats,
    sums: Floats,
    loss: Floats,
    requirements: Requirements,
    most: float,
    bounds: Sequence[Ends],
) -> Floats:
    r"""Find the best small move of weights and a cut, by what the sums gain per unit.

    .. math:: \min_{m, z, \xi} \; \ell^T (s + S^T m) + d^T z + B \xi \quad \text{s.t.} \quad
        A (s + S^T m) + Z z - \xi e \le c, \; \sum_{k < n} m_k = 0, \; \xi \ge 0

    Parameters
    ----------
    slopes : ndarray of float of shape (n_weights + 1, n_sums)
        S: what the sums s grow by with each weight, and with the cut.
    sums : ndarray of float of shape (n_sums,)
    loss, requirements, most
        As in :func:`solve_master`.
    bounds : sequence of (float, float)
        Of each move.

    Returns
    -------
    move : ndarray of float of shape (n_weights + 1,)
        The weights' adds up to 0; all 0, where the programme isn't solved.

    Examples
    --------
    >>> from skfair.inprocessing._requirements import Band, require_bands
    >>> needs = require_bands([Band(np.eye(2), 0.1)], 2)
    >>> slopes = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    >>> loss = np.array([1.0, 0.0])
    >>> move = solve_move(slopes, np.array([0.5, 0.5]), loss, needs, 9.0, [(-0.2, 0.2)] * 3)
    >>> move[:2].round(6).tolist()
    [-0.05, 0.05]
    """
    n = len(slopes)
    budget = np.append(np.ones(n - 1), 0.0)
    found = _solve(slopes, loss, requirements, most, bounds, budget, 0.0, sums)
    return found.x[:n] if found.status == 0 else np.zeros(n)


def _solve(
    columns: Floats,
    loss: Floats,
    requirements: Requirements,
    most: float,
    bounds: Sequence[Ends],
    budget: Floats,
    total: float,
    base: Floats | float = 0.0,
) -> Any:
    """Choose how much of each column is added to the base."""
    n_ends = requirements.on_ends.shape[1]
    on_sums, soft = requirements.on_sums, requirements.is_soft
    return linprog(
        np.concatenate([columns @ loss, requirements.end_costs, [most]]),
        A_ub=np.hstack([on_sums @ columns.T, requirements.on_ends, -soft[:, None]]),
        b_ub=requirements.limits - on_sums @ np.broadcast_to(base, len(loss)),
        A_eq=np.concatenate([budget, np.zeros(n_ends + 1)])[None],
        b_eq=[total],
        bounds=[*bounds, *[(None, None)] * n_ends, (0, None)],
        method="highs",
    )
