"""optimal_thresholds: the best rule for given scores, exactly."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric, warn_user
from skfair.criteria import Criterion, Objective, read_objective
from skfair.criteria.curves import GroupCurve
from skfair.postprocessing._constraints import Constraints, read_constraints
from skfair.postprocessing._curves import ScoreCurves
from skfair.postprocessing._infeasible import explain_infeasible
from skfair.postprocessing._search import Found, search
from skfair.postprocessing.rule import ThresholdRule
from skfair.tally import ScoreTally

Floats = NDArray[np.float64]

_SLACK = 1e-9


def optimal_thresholds(
    scores: ScoreTally | ScoreCurves,
    constraints: str | Criterion | Sequence[str | Criterion] | None = "demographic_parity",
    objective: Any = "accuracy_score",
    tol: float | Sequence[float] = 0.01,
    *,
    randomized: bool = False,
    rate_bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    budget: float | None = None,
    fallback: Literal["raise", "pooled"] = "raise",
    time_limit: float = 10.0,
) -> ThresholdRule:
    r"""Find the decision rule that is best for an objective within fairness constraints.

    .. math:: \max_{\text{rule}} u(\text{cells}) \quad \text{s.t.} \quad
        \max_g r_k(g) - \min_g r_k(g) \le \epsilon_k

    A deterministic rule has one cut a group, and is found by branch and bound over the windows that
    the rates may lie in, exactly. A randomized one mixes cuts at the corners of each group's ROC
    curve, and is found by a linear programme.

    A rule that selects all, or none, meets every constraint. Rates of groups of n_1 and n_2 rows
    agree exactly at few cuts, so at a ``tol`` of 0 nothing else might be left. Deterministic cuts
    therefore let the rates of two groups differ by ``tol`` and the data's resolution, half of
    :math:`1 / n_1 + 1 / n_2` with the effective numbers of rows in the rate's denominators
    (``effective_tol`` is that of the two smallest groups; larger ones are held more closely). Of a
    ratio, ``effective_tol`` is what such rates make of it at the largest rate that was reached. A
    rule that is constant within a group is taken only if nothing else lies within, with a warning.

    Two searches are exact only up to a bound, which ``gap`` tells. For a mean of gaps
    (``"average_abs_odds"``) deterministic rules keep each gap within the tolerance, so a rule with
    one wider gap may be better. Within a budget, cuts are thinned out to 400 a group. The bound is
    then the value of the best randomized rule within windows as wide.

    Of a tally only the edges are cuts. With an edge at every score nothing is lost; otherwise let
    s be the largest share that one bin has of a group's rows (of its positives, where those are
    what a constraint is about). Lowered to the next edge, cuts change the decisions on one bin a
    group. So the accuracy that any cuts reach within ``tol``, cuts at edges reach within
    ``tol + s``, but for the share of rows in these bins. Edges at quantiles keep s small.

    Parameters
    ----------
    scores : ScoreTally or ScoreCurves
        Scores by group and label, of bins or of rows.
    constraints : str, Criterion, sequence of them, or None, default="demographic_parity"
        Criteria or rates that groups should share, also under fairlearn's names
        (``"true_positive_rate_parity"``). Of rates that rise and fall along the score (accuracy,
        precision), deterministic rules take one at a time, and randomized ones only those whose
        denominator doesn't depend on decisions.
    objective : str, Rate or mapping, default="accuracy_score"
        ``"balanced_accuracy_score"``, ``"f1_score"``, any rate, or costs ``{"fp": 1, "fn": 5}``.
    tol : float or sequence of float, default=0.01
        Largest difference, or shortfall of a ratio from 1, of all or of each constraint.
    randomized : bool, default=False
    rate_bounds : mapping of rate to (low, high), default=None
        Lowest and highest value of a rate in every group; None is no bound.
    budget : float, default=None
        Largest share of all rows to select. Deterministic rules are then chosen among 400
        cuts a group by a mixed integer programme.
    fallback : {"raise", "pooled"}, default="raise"
        Groups in which a constrained rate is 0/0 are refused, or get the best cut of all
        rows together, as do groups that appear later.
    time_limit : float, default=10.0
        Seconds; a search that is cut short tells how much better a rule could be (``gap``).

    Returns
    -------
    ThresholdRule

    Raises
    ------
    ValueError
        If no rule meets the constraints (the message tells how much each would have to allow), or
        none was found in time, if a group has no rate that is constrained, or if there is a budget
        and ``fallback="pooled"`` would leave such a group out of it.
    TypeError
        If the scores are neither a tally nor curves.

    Warns
    -----
    UserWarning
        If the rule selects all or none of a group, there is one group only, or the search was cut
        short.
    UndefinedMetricWarning
        If the objective is 0/0 under every rule that meets the constraints.

    References
    ----------
    Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning.
    NeurIPS. https://arxiv.org/abs/1610.02413
    Cruz, A. F. and Hardt, M. (2024). Unprocessing seven years of algorithmic fairness. ICLR.
    https://arxiv.org/abs/2306.07261

    Examples
    --------
    >>> from skfair.postprocessing import ScoreCurves, optimal_thresholds
    >>> y, score = [0, 0, 1, 1, 0, 1, 1, 1], [0.1, 0.4, 0.35, 0.8, 0.2, 0.5, 0.6, 0.9]
    >>> curves = ScoreCurves.from_arrays(y, score, {"sex": list("ffffmmmm")})
    >>> optimal_thresholds(curves, "equal_opportunity", tol=0.4).to_frame()
         threshold  probability
    sex
    f         0.60          1.0
    m         0.35          1.0
    """
    curves = ScoreCurves.from_tally(scores) if isinstance(scores, ScoreTally) else scores
    if not isinstance(curves, ScoreCurves):
        raise TypeError(
            f"scores must be a ScoreTally or ScoreCurves, got {type(scores).__name__}: make curves "
            "by ScoreCurves.from_arrays(y_true, y_score, sensitive_features)"
        )
    asked = read_constraints(constraints, tol, rate_bounds, budget)
    if fallback not in ("raise", "pooled"):
        raise ValueError(f'fallback must be "raise" or "pooled", got {fallback!r}')
    known = without_undefined(curves, asked, fallback)
    goal = read_objective(objective, known.totals.sum(axis=0))
    options: dict[str, Any] = {"randomized": randomized, "time_limit": time_limit}
    if not randomized:
        options["steps"] = [c.steps(known.totals, known.squares) for c in asked.coordinates]
    found = search(known.curves, asked, goal, constant=randomized, **options)
    if found is None:
        found = search(known.curves, asked, goal, constant=True, **options)
    if found is None:
        why = explain_infeasible(
            asked, lambda other: _is_feasible(known, other, options), time.monotonic() + time_limit
        )
        raise ValueError(f"no rule meets the constraints together; {why}")
    rule = _rule(known, found, goal, asked.tols)
    if not randomized:
        allowed = asked.allowed(known.totals, known.squares, rule.cells)
        rule = replace(rule, effective_tol=allowed)
    warn_of(rule, asked, rule.labels, randomized, found.cut_short)
    if fallback == "raise":
        return rule
    return replace(rule, fallback_cut=best_single_cut(curves.pooled(), goal, budget))


def _is_feasible(curves: ScoreCurves, asked: Constraints, options: dict[str, Any]) -> bool:
    """Tell whether any rule meets constraints, whatever it is worth."""
    own = dict(options)
    if "steps" in own:
        own["steps"] = [c.steps(curves.totals, curves.squares) for c in asked.coordinates]
    nothing = Objective("nothing", np.zeros(4), np.ones(4))
    try:
        return search(curves.curves, asked, nothing, constant=True, **own) is not None
    except ValueError:
        raise TimeoutError from None


def without_undefined(curves: ScoreCurves, asked: Constraints, fallback: str) -> ScoreCurves:
    """Keep groups in which every constrained rate that hangs on labels is defined.

    Raises
    ------
    ValueError
        If there are others and the fallback is "raise", or a budget would have to count them; the
        message names them.
    """
    totals = curves.totals
    needs = np.zeros(2, dtype=bool)
    for rate in asked.rates:
        tn, fp, fn, tp = rate.denominator
        needs |= rate.is_linear & np.array([fn + tp == 0, tn + fp == 0])
    lacking = ((totals == 0) & needs).any(axis=1) | (totals.sum(axis=1) == 0)
    if not lacking.any():
        return curves
    names = [curves.labels[g] for g in np.flatnonzero(lacking)]
    if fallback == "raise":
        raise ValueError(
            f"groups {listed(names)} have no rows of a class that the constraints are about: "
            'leave them out, merge them, or give them the rule of all rows (fallback="pooled")'
        )
    if asked.budget is not None:
        raise ValueError(
            f"groups {listed(names)} have no rows of a class that the constraints are about, and "
            'what fallback="pooled" would select of them is not in the budget: leave them out, '
            "merge them, or give no budget"
        )
    kept = np.flatnonzero(~lacking)
    if len(kept) == 0:
        raise ValueError("no group has rows of the classes that the constraints are about")
    return ScoreCurves(
        tuple(curves.labels[g] for g in kept),
        curves.names,
        [curves.curves[g] for g in kept],
        curves.squares[kept],
    )


def _rule(
    curves: ScoreCurves, found: Found, goal: Objective, allowed: dict[str, float]
) -> ThresholdRule:
    cells = np.array(
        [
            _cells(curve, float(curve.fp[k] @ p), float(curve.tp[k] @ p))
            for curve, k, p in zip(curves.curves, found.places, found.chances, strict=True)
        ]
    )
    value = goal(cells.sum(axis=0))
    gap = max(float(found.bound - found.value), 0.0) if np.isfinite(found.bound) else np.inf
    return ThresholdRule(
        curves.labels,
        curves.names,
        tuple(c.cuts[k] for c, k in zip(curves.curves, found.places, strict=True)),
        tuple(found.chances),
        cells,
        goal.name,
        value,
        gap if np.isfinite(value) else np.nan,
        allowed,
    )


def _cells(curve: GroupCurve, fp: float, tp: float) -> tuple[float, float, float, float]:
    """Cells (tn, fp, fn, tp) of a group that selects so much of its negatives and positives."""
    return curve.fp[-1] - fp, fp, curve.tp[-1] - tp, tp


def warn_of(
    rule: ThresholdRule,
    asked: Constraints,
    compared: Sequence[Hashable],
    randomized: bool,
    cut_short: bool,
    is_proved: bool = True,
) -> None:
    """Warn of a rule that compares nothing, is constant in a group, undefined, or maybe not best.

    Compared are the groups that the constraints are about. It is proved, or not, that only rules
    that are constant within a group meet these.
    """
    selected = rule.cells[:, 1] + rule.cells[:, 3]
    size = rule.cells.sum(axis=1)
    constant = ((selected <= 0) | (selected >= size)) & (size > 0)
    if not randomized and constant.any():
        names: list[Hashable] = [rule.labels[g] for g in np.flatnonzero(constant)]
        why = "no other cuts meet" if is_proved else "no other cuts were found that meet"
        warn_user(
            f"all or none of the rows of groups {listed(names)} are selected: {why} the constraints"
        )
    if len(compared) < 2 and asked.criteria:
        warn_user(
            f"there is one group only, {listed(compared)}: "
            f"{listed(c.name for c, _ in asked.criteria)} compare groups, so they bind nothing"
        )
    if cut_short:
        warn_user(f"the search was cut short: a rule may be better by up to {rule.gap:.3g}")
    if np.isnan(rule.value):
        warn_undefined_metric(
            f"{rule.objective} is undefined (0/0) under every rule that meets the constraints"
        )


def single_threshold(
    curves: ScoreCurves, objective: Any = "accuracy_score", budget: float | None = None
) -> ThresholdRule:
    """Find the cut that is best for all groups together within a budget, as a rule."""
    goal = read_objective(objective, curves.totals.sum(axis=0))
    cut = best_single_cut(curves.pooled(), goal, budget)
    n = curves.n_groups
    cuts, chances = (np.array([cut]),) * n, (np.ones(1),) * n
    rule = ThresholdRule(
        curves.labels, curves.names, cuts, chances, np.zeros((n, 4)), goal.name, 0.0, 0.0, {}, cut
    )
    return counted_on(rule, curves, objective)


def counted_on(rule: ThresholdRule, curves: ScoreCurves, objective: Any) -> ThresholdRule:
    """Give a rule the cells and the value that it has on other curves of the same groups."""
    goal = read_objective(objective, curves.totals.sum(axis=0))
    cells = []
    for curve, cuts, chances in zip(curves.curves, rule.cuts, rule.chances, strict=True):
        cells.append(_cells(curve, *(float(part @ chances) for part in curve.at(cuts))))
    found = np.array(cells)
    return replace(rule, cells=found, value=goal(found.sum(axis=0)))


def best_single_cut(curve: GroupCurve, goal: Objective, budget: float | None = None) -> float:
    """Find the cut that is best for an objective, among those that select no more than a budget."""
    cells = curve.cells
    values = np.nan_to_num(divide(cells @ goal.numerator, cells @ goal.denominator), nan=-np.inf)
    if budget is not None:
        selected = cells[:, 1] + cells[:, 3]
        values[selected > (budget + _SLACK) * selected[-1]] = -np.inf
    return float(curve.cuts[np.argmax(values)])
