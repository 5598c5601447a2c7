"""How a mixture of classifiers decides without drawing lots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._problems import DecisionProblem, Problem

Floats = NDArray[np.float64]
Score = Literal["vote", "probability"]

_MOST_CUTS = 1000
_SLACK = 1e-9  # of sums of floating-point numbers
_PRICE, _CRUDE = 10.0, 0.02


@dataclass(frozen=True)
class MixtureRule:
    """Decide as one member does, or for the positive class where a score reaches a cut.

    Parameters
    ----------
    member : int or None
        Place of the member that decides alone; None: all of them.
    score : {"vote", "probability"} or None
        What is cut: the chance that the mixture decides for the positive class, or the probability
        of it, the member's or the mean of all. None: the member's own decisions.
    cut : float
        Least score for the positive class.
    """

    member: int | None = None
    score: Score | None = None
    cut: float = 0.5

    def decides(self, scores: Floats) -> NDArray[np.bool_]:
        """Whether scores reach the cut."""
        return scores >= self.cut - _SLACK


def choose_rule(
    problem: DecisionProblem,
    sums: Sequence[Floats],
    scores: Mapping[tuple[Score, int | None], Floats],
) -> tuple[MixtureRule, Floats]:
    """Choose the member or cut that is best within the criteria, or for little beyond them.

    Cutting the vote at one half has none of the mixture's guarantees. To decide the same for all
    meets every difference, and often the only rules within a tight tolerance are nearly as crude:
    hence the price of :func:`best_at_price`.

    Parameters
    ----------
    problem : DecisionProblem
    sums : sequence of ndarray of float
        What describes each member.
    scores : mapping of (score, member) to ndarray of float of shape (n,)
        Scores of the training rows, as in :class:`MixtureRule`.

    Returns
    -------
    rule : MixtureRule
    sums : ndarray of float
        What describes it.
    """
    rules = [MixtureRule(member=i) for i in range(len(sums))]
    parts = [np.array(sums)]
    for (name, member), values in scores.items():
        cuts = candidate_cuts(values[problem.weights > 0])
        parts.append(problem.count_at(values, cuts - _SLACK))
        rules += [MixtureRule(member, name, float(cut)) for cut in cuts]
    cells = np.concatenate(parts)
    best = best_within(problem, cells)
    return rules[best], cells[best]


def best_within(problem: Problem, sums: Floats) -> int:
    """Place of the best objective within the tolerances, or for its price beyond them.

    Parameters
    ----------
    problem : DecisionProblem or LossProblem
    sums : ndarray of float of shape (n_rules, n_sums)

    Returns
    -------
    place : int
    """
    if isinstance(problem, DecisionProblem):
        values, excess = problem.value(sums), problem.excess(sums)
        coarse = np.maximum(excess, problem.resolution)
        excess = np.where(problem.is_constant(sums), coarse, excess)
    else:
        values = np.array([problem.value(own) for own in sums])
        excess = np.array([problem.excess(own) for own in sums])
    return best_at_price(values / problem.unit, np.where(excess <= _SLACK, 0.0, excess))


def best_at_price(values: Floats, excess: Floats) -> int:
    """Place of the best value within what is allowed, or for its price beyond.

    Where the best within costs more than 0.02, what is violated beyond has a price instead: a
    hundredth of it, a tenth of the value.

    Parameters
    ----------
    values : ndarray of float of shape (n,)
        Higher is better.
    excess : ndarray of float of shape (n,)
        0 within what is allowed.

    Returns
    -------
    place : int

    Examples
    --------
    >>> best_at_price(np.array([0.90, 0.89, 0.80]), np.array([0.1, 0.0, 0.0]))
    1
    >>> best_at_price(np.array([0.90, 0.80]), np.array([0.001, 0.0]))
    0
    """
    excess = np.round(excess, 12)
    worth = np.round(values - _PRICE * excess, 12)
    within = np.where(excess == 0, worth, -np.inf)
    best = int(np.argmax(worth))
    return int(np.argmax(within)) if within.max() >= worth[best] - _CRUDE else best


def candidate_cuts(scores: Floats) -> Floats:
    """Scores that occur, above 0; of very many, quantiles."""
    found = np.unique(np.round(scores, 9))
    found = found[found > _SLACK]
    if len(found) <= _MOST_CUTS:
        return found
    return np.unique(np.quantile(found, np.linspace(0, 1, _MOST_CUTS), method="nearest"))
