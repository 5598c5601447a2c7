"""How a mixture of classifiers decides without drawing lots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._blends import Blend, search_blends
from skfair.inprocessing._cuts import SLACK, candidate_cuts
from skfair.inprocessing._merits import Standard, judge, set_standard
from skfair.inprocessing._problems import DecisionProblem, Problem

Floats = NDArray[np.float64]
Score = Literal["vote", "probability"]
Scores = Mapping[tuple[Score, int | None], Floats]

_CLOSE = 0.02  # of what the mixture gains


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
    weights : tuple of float or None
        Weights of the members in the mean of all; None: their chances.
    """

    member: int | None = None
    score: Score | None = None
    cut: float = 0.5
    weights: tuple[float, ...] | None = None

    def decides(self, scores: Floats) -> NDArray[np.bool_]:
        """Whether scores reach the cut."""
        return scores >= self.cut - SLACK


def choose_rule(
    problem: DecisionProblem, sums: Sequence[Floats], scores: Scores
) -> tuple[MixtureRule, Floats]:
    """Choose the member or cut that is best within the criteria, or the best compromise.

    Cutting the vote at one half has none of the mixture's guarantees. Where no member and no cut
    comes near the mixture, the members' probabilities are averaged with other weights, too: as
    the criteria bind several rates, a cut alone seldom meets them.

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
    standard = set_standard(problem, np.array(sums))
    rules: list[MixtureRule] = [MixtureRule(member=i) for i in range(len(sums))]
    rule, cells, merit = _best_of(problem, rules, np.array(sums), standard)
    for (name, member), values in scores.items():
        cuts = candidate_cuts(values[problem.weights > 0])
        rules = [MixtureRule(member, name, float(cut)) for cut in cuts]
        found = _best_of(problem, rules, problem.count_at(values, cuts - SLACK), standard)
        if found[2] > merit:
            rule, cells, merit = found
    if merit < standard.value - _CLOSE * standard.gain:
        blend = _blend(problem, len(sums), scores, standard)
        if blend is not None and blend.merit > merit:
            weights = tuple(map(float, blend.weights))
            return MixtureRule(None, "probability", blend.cut, weights), blend.sums
    return rule, cells


def _best_of(
    problem: DecisionProblem, rules: Sequence[MixtureRule], cells: Floats, standard: Standard
) -> tuple[MixtureRule, Floats, float]:
    """Rule of the most merit, the first of equals, with what describes it."""
    if not rules:
        return MixtureRule(), cells, -np.inf
    merits = judge(problem, cells, standard)
    best = int(np.argmax(merits))
    return rules[best], cells[best], float(merits[best])


def _blend(
    problem: DecisionProblem, n_members: int, scores: Scores, standard: Standard
) -> Blend | None:
    """Best mean of members' probabilities, with weights of all members."""
    own = [k for name, k in scores if name == "probability" and k is not None]
    if len(own) < 2:
        return None
    table = np.array([scores["probability", k] for k in own])
    found = search_blends(problem, table, standard)
    weights = np.zeros(n_members)
    weights[own] = found.weights
    return found._replace(weights=weights)


def best_within(problem: Problem, sums: Floats) -> int:
    """Place of the best objective within the tolerances, or of the best compromise.

    Parameters
    ----------
    problem : DecisionProblem or LossProblem
    sums : ndarray of float of shape (n_rules, n_sums)

    Returns
    -------
    place : int
    """
    return int(np.argmax(judge(problem, sums, set_standard(problem, sums))))
