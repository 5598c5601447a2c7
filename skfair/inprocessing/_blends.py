"""Means of probabilities, with weights such that one cut is as good as a mixture of classifiers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._cuts import SLACK, candidate_cuts
from skfair.inprocessing._merits import Standard, judge
from skfair.inprocessing._problems import DecisionProblem
from skfair.inprocessing._programmes import solve_move
from skfair.tally import sum_cells

Floats = NDArray[np.float64]

_DRAWN, _CLIMBED = 30, 10
_STEP, _LONGEST, _LEAST_STEP = 0.3, 0.5, 0.002
_NEAR_A_STEP, _LEAST_NEAR, _LEAST_ROWS = 1 / 3, 0.01, 30  # shares of the rows, and rows


class Blend(NamedTuple):
    """A cut of a weighted mean of probabilities.

    Parameters
    ----------
    merit : float
    weights : ndarray of float of shape (n_members,)
    cut : float
    sums : ndarray of float
        What describes the decisions at the cut.
    """

    merit: float
    weights: Floats
    cut: float
    sums: Floats


def search_blends(problem: DecisionProblem, table: Floats, standard: Standard) -> Blend:
    """Search the weights of a mean of probabilities whose best cut has the most merit.

    The merit has many local maxima, so a search starts from the best of weights drawn at random,
    by a generator of fixed seed. From each, linear programmes choose the moves, by what the cells
    gain per unit of a weight, judged by the rows near the cut; a move is kept where its best cut
    has more merit in truth, else the next is shorter.

    Parameters
    ----------
    problem : DecisionProblem
    table : ndarray of float of shape (n_members, n)
        Probabilities of the training rows.
    standard : Standard

    Returns
    -------
    Blend
    """
    starts = [cut_best(problem, table, own, standard) for own in draw_weights(len(table))]
    starts = sorted(starts, key=lambda own: -own.merit)[:_CLIMBED]
    return max((climb(problem, table, own, standard) for own in starts), key=lambda b: b.merit)


def draw_weights(n: int) -> Floats:
    """Even weights, and weights of which few are large, of shape (31, n).

    Examples
    --------
    >>> draw_weights(2).shape, draw_weights(2)[0].tolist()
    ((31, 2), [0.5, 0.5])
    """
    drawn = np.random.default_rng(0).dirichlet(np.full(n, max(0.1, 1.5 / n)), _DRAWN)
    return np.vstack([np.full(n, 1 / n), drawn])


def cut_best(problem: DecisionProblem, table: Floats, weights: Floats, standard: Standard) -> Blend:
    """Cut a mean of probabilities where it has the most merit."""
    scores = weights @ table
    cuts = candidate_cuts(scores[problem.weights > 0])
    cuts = cuts if len(cuts) else np.ones(1)
    sums = problem.count_at(scores, cuts - SLACK)
    merits = judge(problem, sums, standard)
    k = int(np.argmax(merits))
    return Blend(float(merits[k]), weights, float(cuts[k]), sums[k])


def climb(problem: DecisionProblem, table: Floats, best: Blend, standard: Standard) -> Blend:
    """Move the weights by ever shorter steps, each time that no move has more merit.

    Parameters
    ----------
    problem : DecisionProblem
    table : ndarray of float of shape (n_members, n)
    best : Blend
        Where it starts.
    standard : Standard

    Returns
    -------
    Blend
    """
    loss, needs = problem.loss / problem.unit, problem.requirements()
    price, step = max(1.0, standard.gain / standard.excess), _STEP
    while step > _LEAST_STEP:
        near = max(step * _NEAR_A_STEP, _LEAST_NEAR)
        slopes = tell_slopes(problem, table, best.weights, best.cut, near)
        bounds = [(max(-step, -own), min(step, 1 - own)) for own in best.weights]
        move = solve_move(slopes, best.sums, loss, needs, price, [*bounds, (-step, step)])
        weights = np.maximum(best.weights + move[:-1], 0.0)
        found = cut_best(problem, table, weights / weights.sum(), standard)
        better = found.merit > best.merit + SLACK
        best, step = (found, min(1.5 * step, _LONGEST)) if better else (best, step / 2)
    return best


def tell_slopes(
    problem: DecisionProblem, table: Floats, weights: Floats, cut: float, near: float
) -> Floats:
    r"""Estimate what the cells gain with each weight, and with the cut.

    Of scores :math:`s_i = \sum_k w_k p_{ik}` and a cut t, the decisions for the positive class in a
    cell grow with :math:`w_k` by :math:`\sum_i v_i p_{ik} \delta(s_i - t)`, and with t by minus
    :math:`\sum_i v_i \delta(s_i - t)`; for :math:`\delta` stands Epanechnikov's kernel, as wide as
    to hold a share of the rows.

    Parameters
    ----------
    problem : DecisionProblem
    table : ndarray of float of shape (n_members, n)
    weights : ndarray of float of shape (n_members,)
    cut : float
    near : float
        Share of the rows; at least 30 rows are used.

    Returns
    -------
    slopes : ndarray of float of shape (n_members + 1, n_sums)
    """
    away = weights @ table - cut
    far = np.where(problem.weights > 0, np.abs(away), np.inf)
    n = int(np.count_nonzero(problem.weights))
    n_near = min(max(int(near * n), _LEAST_ROWS), n) - 1
    width = max(float(np.partition(far, n_near)[n_near]), SLACK)
    rows = far < width
    kernel = 0.75 * (1 - (away[rows] / width) ** 2) / width * problem.weights[rows]
    places = [problem.levels[rows], problem.codes[rows], problem.labels[rows]]
    columns = [*table[:, rows], np.full(int(rows.sum()), -1.0)]
    grown = [sum_cells(places, (*problem.shape, 2), own, kernel) for own in columns]
    change = np.array(grown) / problem.weights.sum()
    return np.stack([-change, change], axis=-1).reshape(len(columns), -1)
