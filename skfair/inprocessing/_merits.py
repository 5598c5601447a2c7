"""What a rule that draws no lots is worth, beside the best mixture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._cuts import SLACK
from skfair.inprocessing._problems import DecisionProblem, Problem
from skfair.inprocessing._programmes import solve_master

Floats = NDArray[np.float64]

_CRUDE = 0.25  # of what is gained on the best constant
_LEAST_GAIN, _LEAST_EXCESS = 0.01, 0.1
_MOST_MULTIPLIERS = 100.0


class Standard(NamedTuple):
    """What rules are measured by: the best mixture, and the two answers that cost no thought.

    Parameters
    ----------
    value : float
        Objective of the mixture, in the problem's units; of the best predictor, where no mixture
        meets the criteria or only one that gains nothing.
    gain : float
        By how much that is better than the best constant decision.
    excess : float
        By how much the best predictor exceeds the tolerances; at least 0.1.
    chances : ndarray of float of shape (n_members,)
    """

    value: float
    gain: float
    excess: float
    chances: Floats


def set_standard(problem: Problem, sums: Floats) -> Standard:
    """Find the best mixture within the tolerances, what it gains, and what is exceeded without.

    Parameters
    ----------
    problem : DecisionProblem or LossProblem
    sums : ndarray of float of shape (n_members, n_sums)

    Returns
    -------
    Standard
    """
    loss = problem.loss / problem.unit
    master = solve_master(sums, loss, problem.requirements(), _MOST_MULTIPLIERS)
    value = -float(loss @ (master.chances @ sums))
    values, excess = measure(problem, sums)
    constant, least = -1.0, _LEAST_EXCESS
    if isinstance(problem, DecisionProblem):
        n = len(problem.labels)
        constants = np.array([problem.count(np.full(n, k, dtype=np.int8)) for k in (0, 1)])
        constant = float((problem.value(constants) / problem.unit).max())
        least = max(problem.resolution, least)
    most = max(float(excess[np.argmax(values)]), least)
    if master.excess > SLACK or value - constant < _LEAST_GAIN:
        value = float(values.max())
    return Standard(value, max(value - constant, _LEAST_GAIN), most, master.chances)


def judge(problem: Problem, sums: Floats, standard: Standard) -> Floats:
    """Tell the merit of rules: their objective, less a price where they exceed the tolerances.

    Two answers cost no thought: a constant, which gains nothing, and the best predictor, which
    exceeds the tolerances as if there were none. The price is the rate between them: as large a
    share of its excess as is left costs as large a share of what the mixture gains on a constant.
    To exceed the tolerances at all costs a quarter of that gain beside it, so a rule within is kept
    unless it gives up more. What is beyond and better than the mixture is worth no more than that,
    since it only violates more.

    Parameters
    ----------
    problem : DecisionProblem or LossProblem
    sums : ndarray of float of shape (n_rules, n_sums)
    standard : Standard

    Returns
    -------
    merits : ndarray of float of shape (n_rules,)
        In the problem's units.
    """
    values, excess = measure(problem, sums)
    values = np.where(excess > 0, np.minimum(values, standard.value), values)
    price = standard.gain / standard.excess
    return merits_at_price(values, excess, price, surcharge=_CRUDE * standard.gain)


def measure(problem: Problem, sums: Floats) -> tuple[Floats, Floats]:
    """Objective in the problem's units, and excess; a constant decision has at least a row's."""
    if isinstance(problem, DecisionProblem):
        values, excess = problem.value(sums), problem.excess(sums)
        coarse = np.maximum(excess, problem.resolution)
        excess = np.where(problem.is_constant(sums), coarse, excess)
    else:
        values = np.array([problem.value(own) for own in sums])
        excess = np.array([problem.excess(own) for own in sums])
    return values / problem.unit, np.where(excess <= SLACK, 0.0, excess)


def merits_at_price(values: Floats, excess: Floats, price: float, *, surcharge: float) -> Floats:
    """Values less the price of what is violated beyond what is allowed.

    Parameters
    ----------
    values : ndarray of float of shape (n,)
        Higher is better.
    excess : ndarray of float of shape (n,)
        0 within what is allowed.
    price : float
        Of a unit of excess.
    surcharge : float
        For any excess.

    Returns
    -------
    merits : ndarray of float of shape (n,)

    Examples
    --------
    >>> merits_at_price(np.array([0.9, 0.8]), np.array([0.01, 0.0]), 2.0, surcharge=0.02).tolist()
    [0.86, 0.8]
    """
    excess = np.round(excess, 12)
    merits: Floats = values - price * excess - np.where(excess > 0, surcharge, 0.0)
    return np.round(merits, 12)
