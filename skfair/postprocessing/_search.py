"""The best rule for given curves: one cut per group, or a mixture of cuts."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
from numpy.typing import NDArray

from skfair.criteria import Objective
from skfair.criteria.curves import GroupCurve
from skfair.postprocessing._constraints import Constraints, Coordinate
from skfair.postprocessing._hull import hull_places
from skfair.postprocessing._programs import (
    Found,
    OutOfTimeError,
    Relaxation,
    Solver,
    budget_solver,
    mixture_solver,
    relaxation,
)
from skfair.postprocessing._windows import best_in_window

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_ROUNDS = 50
_SLACK = 1e-9
_SAME = 1e-12


def search(
    curves: list[GroupCurve],
    constraints: Constraints,
    objective: Objective,
    *,
    randomized: bool,
    constant: bool,
    time_limit: float,
    steps: list[Floats] | None = None,
) -> Found | None:
    """Find the best rule, or None if none meets the constraints.

    Parameters
    ----------
    curves : list of GroupCurve
    constraints : Constraints
    objective : Objective
        A ratio is maximised by Dinkelbach's method.
    randomized : bool
    constant : bool
        Whether a deterministic rule may select all or none of a group.
    time_limit : float
        Seconds for all rounds of a ratio together.
    steps : list of ndarray of float of shape (n_groups,), default=None
        How far each group's rates may be off, by coordinate.

    Returns
    -------
    Found or None

    Raises
    ------
    ValueError
        If nothing was found within the time limit.
    """
    deadline = time.monotonic() + time_limit
    cells = [curve.cells for curve in curves]
    if randomized:
        corners, at_corners = _corners(curves, cells)
        return maximise(mixture_solver(at_corners, constraints), objective, cells, corners)
    kept = [_allowed(c, constraints, constant) for c in cells]
    if any(len(k) == 0 for k in kept):
        return None
    part = [_take(c, k) for c, k in zip(cells, kept, strict=True)]

    @cache  # few searches ask for it
    def relaxed() -> Relaxation:
        return relaxation(_corners(curves, cells)[1], constraints, steps)

    slacks = _slacks(part, constraints, steps)
    try:
        solve = _cut_solver(part, constraints, deadline, slacks, lambda worth: relaxed()(worth))
        return maximise(solve, objective, cells, kept)
    except OutOfTimeError:
        raise ValueError(
            f"no rule was found within time_limit={time_limit:g} seconds: allow more time, or more "
            "(tol, rate_bounds, budget)"
        ) from None


def _corners(curves: list[GroupCurve], cells: list[Floats]) -> tuple[list[Places], list[Floats]]:
    """Cuts at the corners of the curves' hulls, and their cells."""
    corners = [hull_places(curve) for curve in curves]
    return corners, [c[k] for c, k in zip(cells, corners, strict=True)]


def maximise(
    solve: Solver, objective: Objective, cells: list[Floats], kept: list[Places]
) -> Found | None:
    """Solve for a linear objective once, for a ratio by Dinkelbach's method."""
    total = np.sum([c[0] for c in cells], axis=0)
    if not objective.is_linear:
        return _maximise_ratio(solve, objective, cells, kept)
    found = solve(objective.numerator / (float(total @ objective.denominator) or 1.0))
    return None if found is None else found._replace(places=_within(kept, found.places))


def _maximise_ratio(
    solve: Solver, objective: Objective, cells: list[Floats], kept: list[Places]
) -> Found | None:
    """Dinkelbach's rising sequence of values, from below all of them.

    There, any rule for which the ratio is defined is worth more than one for which it is 0/0.
    """
    total = np.sum([c[0] for c in cells], axis=0)
    scale, least = float(total.sum()), objective.least_denominator(total)
    lowest, highest = objective.limits
    ratio, bound, best = lowest - 1.0, highest, None
    for _ in range(_ROUNDS):
        try:
            found = solve((objective.numerator - ratio * objective.denominator) / scale)
        except OutOfTimeError:
            if best is None:
                raise
            return best._replace(bound=bound, cut_short=True)
        if found is None:
            return best
        places = _within(kept, found.places)
        value = objective(expected_cells(cells, places, found.chances).sum(axis=0))
        if least > 0:  # no rule exceeds the ratio by more than this
            bound = min(bound, ratio + max(found.bound, 0.0) * scale / least)
        if best is not None and not value > ratio + _SAME:
            exact = found.bound <= max(found.value, 0.0) + _SAME
            return best._replace(bound=ratio if exact else bound, cut_short=found.cut_short)
        best = Found(places, found.chances, value, value, found.cut_short)
        if np.isnan(value):
            return best  # 0/0 for all
        ratio = value
    return best if best is None else best._replace(bound=bound)


def _within(kept: list[Places], places: list[Places]) -> list[Places]:
    """Positions among all cuts of positions among those kept."""
    return [k[p] for k, p in zip(kept, places, strict=True)]


def _take(cells: Floats, places: Places) -> Floats:
    """Rows of a table, without a copy where they follow on each other."""
    n = len(places)
    if n and places[-1] - places[0] == n - 1 and (np.diff(places) == 1).all():
        return cells[places[0] : places[0] + n]
    return cells[places]


def expected_cells(cells: list[Floats], places: list[Places], chances: list[Floats]) -> Floats:
    """Cells that a rule leads to, of shape (n_groups, 4)."""
    return np.stack([p @ c[k] for c, k, p in zip(cells, places, chances, strict=True)])


def _allowed(cells: Floats, constraints: Constraints, constant: bool) -> Places:
    """Cuts that meet the bounds of their own group."""
    selected = cells[:, 1] + cells[:, 3]
    fits = np.ones(len(cells), dtype=bool)
    if not constant:
        fits = (selected > 0) & (selected < selected[-1])
    for rate, low, high in constraints.rate_bounds:
        value = rate(cells)
        fits &= (value >= low - _SLACK) & (value <= high + _SLACK)
    return np.flatnonzero(fits)


def _slacks(
    cells: list[Floats], constraints: Constraints, steps: list[Floats] | None
) -> list[Floats]:
    """Slack of each cut on each axis, arrays of shape (m_g, K)."""
    axes = constraints.coordinates
    if steps is None or not axes:
        return [np.zeros((len(c), len(axes))) for c in cells]
    return [
        np.stack([a.slack(c, float(step[g])) for a, step in zip(axes, steps, strict=True)], axis=1)
        for g, c in enumerate(cells)
    ]


def _cut_solver(
    cells: list[Floats],
    constraints: Constraints,
    deadline: float,
    slacks: list[Floats],
    relaxed: Relaxation,
) -> Solver:
    coordinates = constraints.coordinates
    if constraints.budget is not None:
        defined = [_defined(c, coordinates) for c in cells]
        return budget_solver(cells, defined, constraints, deadline, slacks, relaxed)
    orders, places = _ordered(cells, coordinates)
    if places is None:
        return lambda _: None
    sums = [_take(c, k) for c, k in zip(cells, orders, strict=True)]
    widths = np.array([coordinate.span for coordinate in coordinates])
    slacks = [_take(slack, k) for slack, k in zip(slacks, orders, strict=True)]
    narrower = constraints.bounds_a_mean and len(coordinates) > 1  # each gap, not their mean

    def solve(worth: Floats) -> Found | None:
        values = [c @ worth for c in sums]
        left = deadline - time.monotonic()
        choice = best_in_window(places, values, widths, slacks=slacks, time_limit=left)
        if choice.places is None:
            if np.isfinite(choice.bound):
                raise OutOfTimeError
            return None
        chosen = [k[[i]] for k, i in zip(orders, choice.places, strict=True)]
        bound = max(choice.value, relaxed(worth)) if narrower else choice.bound
        cut_short = choice.bound > choice.value + _SLACK
        return Found(chosen, [np.ones(1)] * len(chosen), choice.value, bound, cut_short)

    return solve


def _ordered(
    cells: list[Floats], coordinates: list[Coordinate]
) -> tuple[list[Places], list[Floats] | None]:
    """Cuts of each group in an order in which no coordinate falls, and their coordinates."""
    if not coordinates:
        return [np.arange(len(c)) for c in cells], [np.zeros((len(c), 0)) for c in cells]
    if len(coordinates) > 1 and any(c.direction == 0 for c in coordinates):
        names = [rate.name for c in coordinates for rate in c.rates if c.direction == 0]
        raise ValueError(
            f"{names} rise and fall along the score, so that cuts can be searched for one of them "
            "alone: give it as the only constraint, or ask for randomized=True"
        )
    orders, places = [], []
    for c in cells:
        found = np.stack([coordinate.places(c) for coordinate in coordinates], axis=1)
        order = np.flatnonzero(np.isfinite(found).all(axis=1))
        if coordinates[0].direction == 0:
            order = order[np.argsort(found[order, 0], kind="stable")]
        orders.append(order)
        place = _take(found, order)
        falls = bool((place[1:] < place[:-1]).any())  # by an ulp, from rounding
        places.append(np.maximum.accumulate(place, axis=0) if falls else place)
    return orders, places if all(len(order) for order in orders) else None


def _defined(cells: Floats, coordinates: list[Coordinate]) -> Places:
    """Cuts at which all coordinates are finite."""
    found = [np.isfinite(coordinate.places(cells)) for coordinate in coordinates]
    return np.flatnonzero(np.logical_and.reduce(found)) if found else np.arange(len(cells))
