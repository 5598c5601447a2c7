"""Logistic regression within bounds on differences, by an augmented Lagrangian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from skfair.inprocessing._logistic import Floats, Found, LogisticObjective

_MOST_ROUNDS = 60
_RELATIVE, _ABSOLUTE = 1e-6, 1e-8  # of a bound, by which it may be missed


class Differences(Protocol):
    """Numbers that must be near 0, as functions of decision values."""

    def differences(self, decision: Floats) -> Floats:
        """Give the numbers."""

    def pull_differences(self, decision: Floats, slopes: Floats) -> Floats:
        """Slopes in the decision values of what has these slopes in the numbers."""


class Bounded(NamedTuple):
    """Where the search ended, the multipliers of the bounds, and by how much one is missed."""

    found: Found
    upper: Floats
    lower: Floats
    excess: float


@dataclass(frozen=True, eq=False)
class _Augmented:
    """The penalty of one round."""

    gaps: Differences
    widths: Floats
    upper: Floats
    lower: Floats
    rho: float

    def multipliers(self, values: Floats) -> tuple[Floats, Floats]:
        above = np.maximum(0.0, self.upper + self.rho * (values - self.widths))
        below = np.maximum(0.0, self.lower - self.rho * (values + self.widths))
        return above, below

    def __call__(self, decision: Floats) -> tuple[float, Floats]:
        above, below = self.multipliers(self.gaps.differences(decision))
        value = float((above**2).sum() + (below**2).sum()) / (2 * self.rho)
        return value, self.gaps.pull_differences(decision, above - below)


def minimise_within(
    objective: LogisticObjective,
    start: Floats,
    gaps: Differences,
    widths: Floats,
    *,
    tol: float,
    max_iter: int,
) -> Bounded:
    r"""Minimise the objective subject to :math:`|c_k(d)| \le` ``widths[k]``.

    Each round minimises the augmented Lagrangian

    .. math::

        F + \frac{1}{2\rho} \sum_k \max(0, \lambda_k^+ + \rho (c_k - t_k))^2
        + \max(0, \lambda_k^- - \rho (c_k + t_k))^2

    by L-BFGS-B, and takes the maxima as the next multipliers. It ends where the conditions of
    Karush, Kuhn and Tucker hold: slopes of the Lagrangian up to ``tol``, bounds and complementary
    slackness up to a millionth of the bound.

    Parameters
    ----------
    objective : LogisticObjective
    start : ndarray
        First parameters.
    gaps : Differences
    widths : ndarray of shape (n_differences,)
    tol : float
        As in :meth:`LogisticObjective.minimise`.
    max_iter : int
        Most iterations of each round.

    Returns
    -------
    Bounded
    """
    state = _begin(objective, start, gaps, widths)
    allowed = np.maximum(_RELATIVE * widths, _ABSOLUTE)
    theta, before, n_iter, rough = start, np.inf, 0, 1e-2
    for _ in range(_MOST_ROUNDS):
        rough = max(tol, rough / 10)
        found = objective.minimise(theta, state, tol=rough, max_iter=max_iter)
        theta, n_iter = found.theta, n_iter + found.n_iter
        values = gaps.differences(objective.design.decision(theta))
        upper, lower = state.multipliers(values)
        error = np.maximum(
            np.abs(np.minimum(upper, widths - values)), np.abs(np.minimum(lower, widths + values))
        )
        worst = float((error / allowed).max(initial=0.0))
        held = worst <= 1
        if held and rough <= tol:
            break
        slow = not held and worst > 0.25 * before  # a larger rho costs digits of the slopes
        rho = min(10 * state.rho, 1e10) if slow else state.rho
        state, before = _Augmented(gaps, widths, upper, lower, rho), worst
    found = Found(theta, objective.value(theta), n_iter, found.converged and held)
    excess = np.abs(values) - widths
    excess[excess <= allowed] = 0.0
    return Bounded(found, upper, lower, float(excess.max(initial=0.0)))


def _begin(
    objective: LogisticObjective, start: Floats, gaps: Differences, widths: Floats
) -> _Augmented:
    """No multipliers, and a penalty that weighs about what the objective does."""
    values = gaps.differences(objective.design.decision(start))
    excess = np.maximum(np.abs(values) - widths, 0.0)
    size = max(float((excess**2).sum()), 1e-12)
    rho = float(np.clip(2 * abs(objective.value(start)) / size, 1.0, 1e4))
    none = np.zeros(len(widths))
    return _Augmented(gaps, widths, none, none, rho)
