"""The best cuts by guessed group: for rules that need no group at predict."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.text import listed
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion, Objective, read_objective
from skfair.postprocessing._constraints import Constraints, read_constraints
from skfair.postprocessing._guessed_curves import GuessedCurves
from skfair.postprocessing._guessed_limits import Limits, excess, read_limits
from skfair.postprocessing._guessed_search import NothingFoundError, Programme
from skfair.postprocessing._infeasible import explain_infeasible
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
        If no rule meets the constraints (the message tells how much each would have to allow, as
        far as that is known), or none was found in time, or a rate isn't linear.

    Warns
    -----
    UserWarning
        If the rule selects all or none of a true group, or of those guessed to be in one, there is
        one group only, the search was cut short, or a mixture of cuts would be better by more than
        0.02.
    """
    asked = read_constraints(constraints, tol, rate_bounds, budget)
    goal = read_objective(objective, curves.totals.sum(axis=0))
    try:
        chosen, is_proved = _choose_any(curves, asked, goal, randomized, time_limit)
    except OutOfTimeError:
        raise ValueError(
            f"no rule was found within time_limit={time_limit:g} seconds: allow more time, or "
            "more (tol, rate_bounds, budget)"
        ) from None
    if chosen is None:
        why = _why_none(curves, asked, randomized, time.monotonic() + time_limit)
        raise ValueError(f"no rule by guessed groups was found that meets the constraints{why}")
    rule = _rule(curves, chosen, goal, asked, randomized)
    compared = [curves.labels[g] for g in curves.known if curves.totals[g].sum() > 0]
    warn_of(rule, asked, compared, randomized, chosen.cut_short, is_proved)
    _warn_of_guesses(rule, curves)
    if not randomized and not chosen.cut_short and rule.gap > _NOTICEABLE:
        warn_user(
            "few cuts by guessed group meet the constraints: a mixture of cuts (randomized=True) "
            f"may be better by up to {rule.gap:.3g}, and a larger tol helps, too"
        )
    return rule


def _rule(
    curves: GuessedCurves, chosen: _Chosen, goal: Objective, asked: Constraints, randomized: bool
) -> GuessedThresholdRule:
    cells = curves.cells_of(chosen.cuts, chosen.chances)
    there = np.array(curves.known, dtype=np.intp)
    allowed = asked.tols
    if not randomized:
        allowed = asked.allowed(curves.totals[there], curves.squares[there], cells[there])
    return GuessedThresholdRule(
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


def _warn_of_guesses(rule: ThresholdRule, curves: GuessedCurves) -> None:
    """Warn of guesses that decide alone, unless all have one cut."""
    single = all(len(cuts) == 1 and cuts[0] == rule.cuts[0][0] for cuts in rule.cuts)
    decided: dict[str, list[Hashable]] = {"nobody": [], "everybody": []}
    for label, curve, cuts, p in zip(
        rule.labels, curves.curves, rule.cuts, rule.chances, strict=True
    ):
        share = float(p @ curve.places(cuts)) / max(len(curve.scores), 1)
        if not single and len(curve.scores) and share in (0.0, 1.0):
            decided["everybody" if share else "nobody"].append(label)
    for who, labels in decided.items():
        if labels:
            warn_user(
                f"{who} who is guessed to be of groups {listed(labels)} is selected, whatever the "
                "score: the constraints are about the true groups; a larger tol may help"
            )


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


def _limits(
    curves: GuessedCurves, asked: Constraints, exact: bool, smallest: Floats | None = None
) -> Limits:
    """Constraints as linear limits, within the data's resolution or exactly."""
    totals = curves.totals
    steps = [] if exact else [axis.steps(totals, curves.squares) for axis in asked.coordinates]
    known = np.array(curves.known, dtype=np.intp)
    return read_limits(asked, totals, known, steps=None if exact else steps, smallest=smallest)


def _why_none(curves: GuessedCurves, asked: Constraints, randomized: bool, deadline: float) -> str:
    """Tell whether a mixture of cuts would meet the constraints, or what these had to allow."""
    cells = [c.cells for c in curves.curves]

    def is_feasible(other: Constraints) -> bool:
        programme = Programme(cells, other, _limits(curves, other, exact=True), [], deadline)
        try:
            return programme.is_feasible()
        except OutOfTimeError:
            raise TimeoutError from None

    try:
        if not randomized and is_feasible(asked):
            return (
                ": allow more (tol, rate_bounds, budget), or mix cuts (randomized=True), which can "
                "meet them"
            )
    except TimeoutError:
        return ": allow more (tol, rate_bounds, budget)"
    why = explain_infeasible(asked, is_feasible, deadline)
    return f", and no mixture of cuts does; {why}" if not randomized else f"; {why}"


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


def _choose_any(
    curves: GuessedCurves,
    asked: Constraints,
    goal: Objective,
    randomized: bool,
    time_limit: float,
) -> tuple[_Chosen | None, bool]:
    """Find the best rule, a deterministic one that is constant in a group only where it has to be.

    Also tells whether it is proved that it has to be.
    """
    deadline = time.monotonic() + time_limit
    is_proved = True
    for least in [None] if randomized else [_smallest(curves), None]:
        limits = _limits(curves, asked, randomized, least)
        try:
            chosen = _choose(curves, asked, goal, limits, randomized, deadline)
        except NothingFoundError:
            is_proved = False
            continue
        if chosen is not None:
            return chosen, is_proved
    return None, is_proved


def _choose(
    curves: GuessedCurves,
    asked: Constraints,
    goal: Objective,
    limits: Limits,
    randomized: bool,
    deadline: float,
) -> _Chosen | None:
    """Find the best rule within limits; one cut for all where that is as good, or all there is."""
    singles, places = curves.single_cuts()
    one = _best_single(curves, places, asked, goal, limits)
    near = [p[:0] if one is None else p[[one]] for p in places]
    programme = Programme([c.cells for c in curves.curves], asked, limits, near, deadline)
    solve = programme.mix if randomized else programme.choose
    options: list[_Chosen] = []
    bound, cut_short = -np.inf, False
    try:
        every = [np.arange(len(c)) for c in programme.totals]
        found = maximise(solve, goal, programme.totals, every)
        if found is not None:
            bound, cut_short = found.bound, found.cut_short
            cuts = [c.cuts[p] for c, p in zip(curves.curves, found.places, strict=True)]
            options = [_Chosen(cuts, found.chances, found.value, bound, cut_short)]
    except OutOfTimeError:
        if one is None:
            raise
        bound = programme.bound if goal.is_linear else goal.limits[1]
        cut_short = True
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
