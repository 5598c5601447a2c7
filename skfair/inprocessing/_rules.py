"""How a mixture of classifiers decides without drawing lots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._problems import DecisionProblem

Floats = NDArray[np.float64]

_MOST_CUTS = 1000
_SLACK = 1e-9  # of sums of floating-point numbers


@dataclass(frozen=True)
class MixtureRule:
    """Decide as one member does, or for the positive class where a score reaches a cut.

    Parameters
    ----------
    member : int or None
        Place of the member that decides.
    score : {"vote", "probability"} or None
        What is cut, where no member decides alone: the chance that the mixture decides for the
        positive class, or the mean of its members' probabilities.
    cut : float
        Least score for the positive class.
    """

    member: int | None = None
    score: Literal["vote", "probability"] | None = None
    cut: float = 0.5

    def decides(self, scores: Floats) -> NDArray[np.bool_]:
        """Whether scores reach the cut."""
        return scores >= self.cut - _SLACK


def choose_rule(
    problem: DecisionProblem, sums: Sequence[Floats], scores: Mapping[str, Floats]
) -> tuple[MixtureRule, Floats]:
    """Choose the best member or cut that meets the criteria, or the one that comes nearest.

    Cutting the vote at one half has none of the mixture's guarantees. To decide the same for all
    meets every difference; it is taken only where nothing else comes within the data's resolution.

    Parameters
    ----------
    problem : DecisionProblem
    sums : sequence of ndarray of float
        What describes each member.
    scores : mapping of str to ndarray of float of shape (n,)
        ``"vote"`` and ``"probability"`` of the training rows.

    Returns
    -------
    rule : MixtureRule
    sums : ndarray of float
        What describes it.
    """
    rules = [MixtureRule(member=i) for i in range(len(sums))]
    parts = [np.array(sums)]
    for name, values in scores.items():
        cuts = candidate_cuts(values[problem.weights > 0])
        parts.append(problem.count_at(values, cuts - _SLACK))
        rules += [MixtureRule(score=name, cut=float(cut)) for cut in cuts]  # type: ignore[arg-type]
    cells = np.concatenate(parts)
    excess = problem.excess(cells)
    coarse = np.maximum(excess, problem.resolution)
    excess = np.where(problem.is_constant(cells), coarse, excess)
    best = best_within(excess, problem.value(cells))
    return rules[best], cells[best]


def best_within(excess: Floats, values: Floats) -> int:
    """Place of the best value without excess, or of the least excess.

    Examples
    --------
    >>> best_within(np.array([0.1, -0.2, 0.0]), np.array([0.9, 0.7, 0.8]))
    2
    """
    over = np.round(np.where(excess <= _SLACK, 0.0, excess), 12)
    return int(np.lexsort((-np.round(values, 12), over))[0])


def candidate_cuts(scores: Floats) -> Floats:
    """Scores that occur, above 0; of very many, quantiles."""
    found = np.unique(np.round(scores, 9))
    found = found[found > _SLACK]
    if len(found) <= _MOST_CUTS:
        return found
    return np.unique(np.quantile(found, np.linspace(0, 1, _MOST_CUTS), method="nearest"))
