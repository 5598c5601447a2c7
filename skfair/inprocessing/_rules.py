"""How a mixture of classifiers decides without drawing lots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._cuts import SLACK, candidate_cuts
from skfair.inprocessing._problems import DecisionProblem, Problem
from skfair.inprocessing._saddle import solve_master

Floats = NDArray[np.float64]
Score = Literal["vote", "probability"]
Scores = Mapping[tuple[Score, int | None], Floats]

_CRUDE = 0.25  # of what is gained on the best constant
_LEAST_GAIN, _LEAST_EXCESS = 0.01, 0.1
_MOST_MULTIPLIERS = 100.0
_BLENDS, _MOST_BLENDS, _FINEST, _CLOSE = 120, 300, 0.01, 0.02


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


def choose_rule(
    problem: DecisionProblem, sums: Sequence[Floats], scores: Scores, fits: Sequence[int]
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
    fits : sequence of int
        Places of the members that were fitted; others cut the probability of one of these.

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
        tables = {
            k: own for (name, k), own in scores.items() if name == "probability" and k is not None
        }
        blends = blend_fits(problem, np.array(sums), tables, standard, fits)
        blend = max(blends, key=lambda own: own.merit, default=None)
        if blend is not None and blend.merit > merit:
            own = tuple(map(float, blend.weights))
            return MixtureRule(None, "probability", blend.cut, own), blend.sums
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


class Blend(NamedTuple):
    """A cut of a weighted mean of probabilities."""

    merit: float
    weights: Floats
    cut: float
    sums: Floats


def blend_fits(
    problem: DecisionProblem,
    sums: Floats,
    tables: Mapping[int, Floats],
    standard: Standard,
    fits: Sequence[int],
) -> Iterator[Blend]:
    """Search means of the fits that mix best without their cuts, and then of all fits."""
    start = mix_fits(problem, sums, fits)
    for members in ([k for k in tables if start[k] > 0], list(tables)):
        if len(members) > 1:
            table = np.array([tables[k] for k in members])
            own = start[members] if start[members].any() else np.ones(len(members))
            found = search_blends(problem, table, standard, own / own.sum())
            weights = np.zeros(len(sums))
            weights[members] = found.weights
            yield found._replace(weights=weights)


def mix_fits(problem: Problem, sums: Floats, fits: Sequence[int]) -> Floats:
    """Chances of the best mixture of fitted members alone, of shape (n_members,)."""
    loss, chances = problem.loss / problem.unit, np.zeros(len(sums))
    own = np.unique(fits)
    found = solve_master(sums[own], loss, problem.requirements(), _MOST_MULTIPLIERS)
    chances[own] = found.chances
    return chances


def search_blends(
    problem: DecisionProblem, table: Floats, standard: Standard, start: Floats
) -> Blend:
    """Search the weights of a mean of probabilities whose best cut has the most merit.

    A lattice of weights comes first; the best of them is then moved towards and away from single
    members, by ever smaller steps.

    Parameters
    ----------
    problem : DecisionProblem
    table : ndarray of float of shape (n_members, n)
        Probabilities of the training rows.
    standard : Standard
    start : ndarray of float of shape (n_members,)
        Weights to try beside the lattice.

    Returns
    -------
    Blend
    """

    def cut(weights: Floats) -> Blend:
        values = weights @ table
        cuts = candidate_cuts(values[problem.weights > 0])
        cuts = cuts if len(cuts) else np.ones(1)
        cells = problem.count_at(values, cuts - SLACK)
        merits = judge(problem, cells, standard)
        k = int(np.argmax(merits))
        return Blend(float(merits[k]), weights, float(cuts[k]), cells[k])

    n = len(table)
    points, step = simplex(n, _BLENDS)
    best = max(map(cut, [start, *points]), key=lambda blend: blend.merit)
    for _ in range((_MOST_BLENDS - len(points)) // (2 * n)):
        if step < _FINEST:
            break
        moves = np.concatenate([np.eye(n) - best.weights, best.weights - np.eye(n)])
        near = np.maximum(best.weights + step * moves, 0.0)
        near = near / near.sum(axis=1, keepdims=True)
        found = max(map(cut, near), key=lambda blend: blend.merit)
        best, step = (found, step) if found.merit > best.merit + SLACK else (best, step / 2)
    return best


def simplex(n: int, size: int) -> tuple[Floats, float]:
    """Weights on a lattice that is as fine as a size allows, and half the distance of them.

    Examples
    --------
    >>> points, step = simplex(2, 3)
    >>> points.tolist(), step
    ([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], 0.25)
    """
    steps = 1
    while comb(n + steps, n - 1) <= size and n > 1:
        steps += 1
    places = combinations_with_replacement(range(n), steps)
    points = np.array([np.bincount(own, minlength=n) for own in places]) / steps
    return points, 0.5 / steps


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
