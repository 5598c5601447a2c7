"""The best cuts by guessed group: for rules that need no group at predict."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion, Objective, read_objective
from skfair.postprocessing._constraints import Constraints, read_constraints
from skfair.postprocessing._guessed_curves import GuessedCurves
from skfair.postprocessing._guessed_limits import Limits, excess, read_limits
from skfair.postprocessing._guessed_search import Programme
from skfair.postprocessing._programs import OutOfTimeError
from skfair.postprocessing._search import maximise
from skfair.postprocessing.optimal import warn_of
from skfair.postprocessing.rule import ThresholdRule

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Places = NDArray[np.intp]

_SAME = 1e-12
_NOTICEABLE = 0.02


@dataclass(frozen=True, eq=False)
class GuessedThresholdRule(ThresholdRule):
    """Which scores are selected of whom a classifier guesses to be in which group.

    Labels and cuts are those of guesses, ``cells`` those of the true groups, in the same order.
    """


@dataclass(frozen=True, eq=False)
class RuleOfRows(ThresholdRule):
    """A rule on some rows whose cuts are known, whatever their groups: ``row_codes``."""

    row_codes: Any = None

    def codes(self, sensitive_features: Any) -> NDArray[np.integer]:
        """Give the codes of the rows' cuts."""
        return np.asarray(self.row_codes)


def guessed_thresholds(
    curves: GuessedCurves,
    constraints: str | Criterion | Sequence[str | Criterion] | None = "demographic_parity",
    objective: Any = "accuracy_score",
    tol: float | Sequence[float] = 0.01,
    *,
    randomized: bool = False,
    rate_bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    budget: float | None = None,
    time_limit: float = 10.0,
) -> GuessedThresholdRule:
    r"""Find the cuts by guessed group that are best within constraints on the true groups.

    .. math:: \max_{c} u\Big(\sum_{g, h} C_{gh}(c_h)\Big) \quad \text{s.t.} \quad
        \max_g r_k(g) - \min_g r_k(g) \le \epsilon_k, \quad
        r_k(g) = \frac{a_k^T \sum_h C_{gh}(c_h)}{b_k^T \sum_h C_{gh}(c_h)}

    with the cells C of true group g among those who are guessed to be of group h. Rates are linear
    in the chances of cuts. A randomized rule is found by a linear programme with column generation
    over all cuts, exactly. A deterministic one is found exactly by a mixed integer programme where
    cuts are few (300 a guess of two groups, 75 of four), else by a local search, with a bound in
    ``gap``. One cut for all is always a candidate, and taken where nothing is better.

    Parameters
    ----------
    curves : GuessedCurves
    constraints, objective, tol, randomized, rate_bounds, budget, time_limit
        As in :func:`optimal_thresholds`; rates must be linear in the decisions. Deterministic
        rules get the same resolution beside ``tol``, from the sizes of the true groups.

    Returns
    -------
    GuessedThresholdRule

    Raises
    ------
    ValueError
        If no rule meets the constraints, or none was found in time, or a rate isn't linear.

    Warns
    -----
    UserWarning
        If the rule selects all or none of a true group, the search was cut short, or a mixture of
        cuts would be better by more than 0.02.
    """
    asked = read_constraints(constraints, tol, rate_bounds, budget)
    totals = curves.totals
    goal = read_objective(objective, totals.sum(axis=0))
    there = np.array(curves.known, dtype=np.intp)
    allowed = {criterion.name: width for criterion, width in asked.criteria}
    steps = None
    if not randomized:
        steps = [axis.steps(totals, curves.squares) for axis in asked.coordinates]
        allowed = asked.allowed(totals[there], curves.squares[there])
    chosen: _Chosen | None = None
    for least in [None] if randomized else [_smallest(curves), None]:
        limits = read_limits(asked, totals, there, steps=steps, smallest=least)
        chosen = chosen or _choose(curves, asked, goal, limits, randomized, time_limit)
    if chosen is None:
        raise ValueError(
            "no rule by guessed groups was found that meets the constraints: allow more (tol, "
            "rate_bounds, budget), or mix cuts (randomized=True), for which the search is exact"
        )
    cells = curves.cells_of(chosen.cuts, chosen.chances)
    rule = GuessedThresholdRule(
        curves.labels,
        curves.names,
        tuple(chosen.cuts),
        tuple(chosen.chances),
        cells,
        goal.name,
        chosen.value,
        max(chosen.bound - chosen.value, 0.0) if np.isfinite(chosen.value) else np.nan,
        allowed,
    )
    warn_of(rule, randomized, chosen.cut_short)
    if not randomized and not chosen.cut_short and rule.gap > _NOTICEABLE:
        warn_user(
            "few cuts by guessed group meet the constraints: a mixture of cuts (randomized=True) "
            f"may be better by up to {rule.gap:.3g}, and a larger tol helps, too"
        )
    return rule


def counted_on_guesses(
    rule: ThresholdRule, curves: GuessedCurves, objective: Any
) -> GuessedThresholdRule:
    """Give a rule the cells and the value that it has on curves, and the type for guesses."""
    goal = read_objective(objective, curves.totals.sum(axis=0))
    cells = curves.cells_of(list(rule.cuts), list(rule.chances))
    values = {field.name: getattr(rule, field.name) for field in fields(ThresholdRule)}
    values |= {"cells": cells, "value": goal(cells.sum(axis=0))}
    return GuessedThresholdRule(**values)


def on_rows(rule: ThresholdRule, labels: tuple[Hashable, ...], guesses: Codes) -> RuleOfRows:
    """Tie a rule for guesses to rows of true groups, so that it can be applied to these."""
    values = {field.name: getattr(rule, field.name) for field in fields(ThresholdRule)}
    return RuleOfRows(**(values | {"labels": labels}), row_codes=guesses)


def _smallest(curves: GuessedCurves) -> Floats:
    """Half the least weight that a cut selects, or leaves out, of each true group."""
    parts = [c.cells.reshape(len(c.cuts), -1, 2, 2).sum(axis=2) for c in curves.curves]
    weights = np.concatenate(parts)
    return np.where(weights > 0, weights, np.inf).min(axis=(0, 2)) / 2


class _Chosen(NamedTuple):
    """Cuts and chances by guess, the value of the objective, and its bound."""

    cuts: list[Floats]
    chances: list[Floats]
    value: float
    bound: float
    cut_short: bool


def _choose(
    curves: GuessedCurves,
    asked: Constraints,
    goal: Objective,
    limits: Limits,
    randomized: bool,
    time_limit: float,
) -> _Chosen | None:
    """Find the best rule within limits; one cut for all where that is as good."""
    singles, places = curves.single_cuts()
    one = _best_single(curves, places, asked, goal, limits)
    near = [p[:0] if one is None else p[[one]] for p in places]
    deadline = time.monotonic() + time_limit
    programme = Programme([c.cells for c in curves.curves], asked, limits, near, deadline)
    solve = programme.mix if randomized else programme.choose
    options: list[_Chosen] = []
    bound, cut_short = np.inf, True
    try:
        every = [np.arange(len(c)) for c in programme.totals]
        found = maximise(solve, goal, programme.totals, every)
        if found is not None:
            bound, cut_short = found.bound, found.cut_short
            cuts = [c.cuts[p] for c, p in zip(curves.curves, found.places, strict=True)]
            options = [_Chosen(cuts, found.chances, found.value, bound, cut_short)]
    except OutOfTimeError:
        bound = programme.bound if goal.is_linear else goal.limits[1]
    if one is not None:
        n = len(curves.curves)
        cuts, chances = [singles[[one]]] * n, [np.ones(1)] * n
        value = goal(curves.cells_of(cuts, chances).sum(axis=0))
        if not options or not options[0].value > value + _SAME:
            return _Chosen(cuts, chances, value, max(bound, value), cut_short)
    return options[0] if options else None


def _best_single(
    curves: GuessedCurves,
    places: list[Places],
    asked: Constraints,
    goal: Objective,
    limits: Limits,
) -> int | None:
    """Position of the best cut for all that meets the limits, if one does."""
    cells = np.sum([c.cells[p] for c, p in zip(curves.curves, places, strict=True)], axis=0)
    whole = cells.sum(axis=1)
    values = np.nan_to_num(divide(whole @ goal.numerator, whole @ goal.denominator), nan=-np.inf)
    loads = np.tensordot(cells, limits.of_cells, axes=([1, 2], [1, 2]))
    values[excess(loads, asked, limits) > 0] = -np.inf
    best = int(np.argmax(values))
    return best if np.isfinite(values[best]) else None
