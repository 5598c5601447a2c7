"""The game between predictors and multipliers: a linear programme and an oracle, in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._cuts import SLACK, CutClassifier, candidate_cuts
from skfair.inprocessing._mixture import tells_probabilities
from skfair.inprocessing._oracle import Oracle
from skfair.inprocessing._problems import DecisionProblem, Problem
from skfair.inprocessing._programmes import solve_master

Floats = NDArray[np.float64]

_FIRST, _MOST, _GROWTH = 1.0, 100.0, 4.0
_PROBES = (0.5, 0.8, 1.25, 2.0)
_TINY = 1e-9
_LEAST_CUTS, _MOST_CUTS, _SCORES_A_CUT = 10, 200, 40  # finer ones learn small tables by heart


class Round(NamedTuple):
    """State after a round: fits, value of the mixture, excess over the tolerances, duality gap."""

    n_oracle_calls: int
    objective: float
    excess: float
    gap: float


@dataclass(eq=False)
class Solution:
    """Predictors, their sums, the best mixture of them, and how it was found.

    Parameters
    ----------
    members : list of estimator
    sums : list of ndarray of float
        What describes each member on the training rows.
    predicted : list of ndarray of shape (n,)
        What each member predicts for them.
    fits : list of int
        Place of the member that was fitted for each: its own, or that whose probability it cuts.
    probabilities : dict of int to ndarray of float of shape (n,)
        Probability of the positive class, by place of the fitted members that tell it.
    chances : ndarray of float of shape (n_members,)
    gap : float
        Largest improvement that the oracle's answers leave possible, in the problem's units.
    history : list of Round
    """

    members: list[Any] = field(default_factory=list)
    sums: list[Floats] = field(default_factory=list)
    predicted: list[NDArray[Any]] = field(default_factory=list)
    fits: list[int] = field(default_factory=list)
    probabilities: dict[int, Floats] = field(default_factory=dict)
    chances: Floats = field(default_factory=lambda: np.ones(1))
    gap: float = np.inf
    history: list[Round] = field(default_factory=list)

    @property
    def mixed(self) -> Floats:
        """Sums of the mixture."""
        return self.chances @ np.array(self.sums[: len(self.chances)])

    def mean(self) -> Floats:
        """Mean prediction of numbers, of the training rows."""
        parts = zip(self.chances, self.predicted, strict=False)
        return np.sum([p * y for p, y in parts if p > 0], axis=0)

    def probability(self, positive: Any) -> Floats:
        """Mean probability of a class, of the training rows; a constant's is 0 or 1."""
        mixed = np.zeros(len(self.predicted[0]))
        for p, k in zip(self.chances, self.fits, strict=False):
            if p > 0:
                own = self.probabilities.get(k)
                mixed += p * (self.predicted[k] == positive if own is None else own)
        return mixed

    def votes(self, positive: Any) -> Floats:
        """Chance that the mixture decides for a class, of the training rows."""
        parts = zip(self.chances, self.predicted, strict=False)
        return np.sum([p * (y == positive) for p, y in parts if p > 0], axis=0)


class Cuts(NamedTuple):
    """Cuts of a member's probability, what describes the decisions at them, and the classes."""

    values: Floats
    sums: Floats
    classes: NDArray[Any]


class Game:
    """The oracle's answers so far; a reweighting that was answered isn't fitted again.

    A member that tells probabilities answers by cuts of them, too, which cost no fit. Only the
    first price, which asks for the objective alone, is answered by the estimator as it is: where
    that meets the requirements, nothing is changed.

    Parameters
    ----------
    problem : DecisionProblem or LossProblem
    oracle : Oracle

    Attributes
    ----------
    found : Solution
    """

    def __init__(self, problem: Problem, oracle: Oracle) -> None:
        self.problem, self.oracle, self.found = problem, oracle, Solution()
        self._seen: list[bytes] = []
        self._cuts: dict[int, Cuts] = {}

    def answer(self, price: Floats) -> float:
        """Let the oracle answer a price, and tell the least price of any predictor so far."""
        key = self.problem.key(price)
        if key not in self._seen:
            self._seen.append(key)
            member = self.oracle.fit(*self.problem.reweigh(price))
            predicted = self.oracle.predict(member)
            place = len(self.found.members)
            self._add(member, predicted, self.problem.describe(predicted), place)
            self._read_cuts(member, place)
        if key != self._seen[0]:
            self._cut(price)
        return self.least(price)

    def least(self, price: Floats) -> float:
        """Least price of any predictor so far."""
        return float(np.min(np.array(self.found.sums) @ price))

    def _cut(self, price: Floats) -> None:
        """Add the cuts that are cheaper than every predictor so far."""
        least = self.least(price)
        for place, cuts in self._cuts.items():
            costs = cuts.sums @ price
            best = int(np.argmin(costs))
            if costs[best] < least - _TINY:
                least, fitted = float(costs[best]), self.found.members[place]
                member = CutClassifier(fitted, float(cuts.values[best]), cuts.classes[1])
                decided = member.reaches(self.found.probabilities[place])
                predicted = cuts.classes[decided.astype(np.int8)]
                self._add(member, predicted, cuts.sums[best], place)

    def _add(self, member: Any, predicted: NDArray[Any], sums: Floats, fit: int) -> None:
        self.found.members.append(member)
        self.found.predicted.append(predicted)
        self.found.sums.append(sums)
        self.found.fits.append(fit)

    def _read_cuts(self, member: Any, place: int) -> None:
        """Describe the cuts of a fitted member that tells probabilities and isn't a constant."""
        if not isinstance(self.problem, DecisionProblem) or not tells_probabilities(member):
            return
        scores = self.oracle.probability(member, self.problem.classes[1])
        counted = scores[self.problem.weights > 0]
        finest = len(np.unique(counted)) // _SCORES_A_CUT
        cuts = candidate_cuts(counted, min(max(finest, _LEAST_CUTS), _MOST_CUTS))
        self.found.probabilities[place] = scores
        sums = self.problem.count_at(scores, cuts - SLACK)
        self._cuts[place] = Cuts(cuts, sums, self.problem.classes)


def solve(
    game: Game,
    *,
    max_iter: int,
    solver_tol: float,
    report: Callable[[Round], None] = lambda _: None,
) -> Solution:
    """Find the mixture of the oracle's answers that is best within the requirements.

    Each round, the linear programme over the predictors so far gives the best mixture and the
    multipliers that price its requirements; the oracle answers their reweighting. If its answer
    improves the programme by ``solver_tol`` of the largest loss at most, so should any predictor,
    as far as the oracle is exact. Since it seldom is, cuts of the answers' probabilities compete
    with them in every round, and smaller and larger multipliers are tried before the end, with
    those that pull groups against all rows: a logistic regression, say, may answer that better,
    though no exact oracle would need any of it.
    """
    problem = game.problem
    requirements, loss = problem.requirements(), problem.loss
    game.answer(loss if loss.any() else np.ones(len(loss)))
    scale = float(np.abs(loss).max()) or 1.0
    loss = loss / scale
    most, found = _FIRST, game.found
    for _ in range(max_iter):
        master = solve_master(np.array(found.sums), loss, requirements, most)
        price = loss + requirements.on_sums.T @ master.multipliers
        found.chances = master.chances
        constant = float(requirements.limits @ master.multipliers)
        low = min(master.value, game.answer(price) - constant)
        if master.value - low <= solver_tol:
            for factor in _PROBES:
                game.answer(loss + factor * (price - loss))
            for detour in requirements.detours:
                game.answer(loss + detour.T @ master.multipliers)
            low = min(low, game.least(price) - constant)
        found.gap = master.value - low
        found.history.append(_state(game))
        report(found.history[-1])
        if found.gap <= solver_tol:
            if master.excess <= _TINY or most >= _MOST:
                break
            most *= _GROWTH
    master = solve_master(np.array(found.sums), loss, requirements, most)
    found.chances = master.chances
    found.history[-1] = _state(game)
    return found


def _state(game: Game) -> Round:
    mixed, problem = game.found.mixed, game.problem
    gap = game.found.gap * problem.unit
    figures = float(problem.value(mixed)), float(problem.excess(mixed)), gap
    return Round(game.oracle.n_calls, *figures)
