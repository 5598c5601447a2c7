"""Linear and mixed integer programmes: mixtures of cuts, cuts within a budget, and bounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from skfair.postprocessing._constraints import Constraints, Coordinate
from skfair.postprocessing._hull import Bound, best_mixture

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_CANDIDATES = 400
_SLACK = 1e-9
_LEAST_SECONDS = 0.1
_TIME_IS_UP = 1


class Found(NamedTuple):
    """Positions of cuts and their chances, by group; value of the objective, and its bound."""

    places: list[Places]
    chances: list[Floats]
    value: float
    bound: float
    cut_short: bool = False


class OutOfTimeError(Exception):
    """Nothing was found in time, though there may be something."""


Solver = Callable[[Floats], Found | None]
Relaxation = Callable[[Floats], float]


def _spread(places: Places) -> Places:
    """At most some hundred of the places, evenly spread."""
    n = min(len(places), _CANDIDATES)
    return places[np.unique(np.linspace(0, len(places) - 1, n).astype(int))] if n else places


def best_choice(
    values: list[Floats], rules: list[LinearConstraint], least: Floats, deadline: float
) -> Found | None:
    """Choose one place of each part within rules, by a mixed integer programme.

    Parameters
    ----------
    values : list of ndarray of float of shape (m_g,)
        What each place is worth; the sum is maximised.
    rules : list of LinearConstraint
        Of the choices of all places, part by part, and of V further variables.
    least : ndarray of float of shape (V,)
        Bounds the further variables from below.
    deadline : float
        As of ``time.monotonic``.

    Returns
    -------
    Found or None
        None where no choice is within the rules.

    Raises
    ------
    OutOfTimeError
        If nothing was found in time.
    """
    sizes = [len(v) for v in values]
    n, more = sum(sizes), len(least)
    found = milp(
        np.concatenate([*(-v for v in values), np.zeros(more)]),
        constraints=[LinearConstraint(one_of_each(sizes, n + more), 1.0, 1.0), *rules],
        integrality=np.append(np.ones(n), np.zeros(more)),
        bounds=Bounds(np.append(np.zeros(n), least), np.inf),
        options={"mip_rel_gap": 0.0} | time_left(deadline),
    )
    is_cut_short = found.status == _TIME_IS_UP
    if found.x is None:
        if is_cut_short:
            raise OutOfTimeError
        return None
    places = [np.argmax(x, keepdims=True) for x in np.split(found.x[:n], np.cumsum(sizes)[:-1])]
    value = sum(float(v[p[0]]) for v, p in zip(values, places, strict=True))
    bound = max(value, float(-found.mip_dual_bound)) if is_cut_short else value
    return Found(places, [np.ones(1)] * len(places), value, bound, is_cut_short)


def one_of_each(sizes: list[int], width: int) -> Floats:
    """Rows that add up the choices of each part.

    Examples
    --------
    >>> one_of_each([2, 1], 4)
    array([[1., 1., 0., 0.],
           [0., 0., 1., 0.]])
    """
    rows = np.zeros((len(sizes), width))
    rows[np.repeat(np.arange(len(sizes)), sizes), np.arange(sum(sizes))] = 1.0
    return rows


def time_left(deadline: float) -> dict[str, float]:
    """Time that is left, as an option of HiGHS."""
    left = deadline - time.monotonic()
    return {"time_limit": max(left, _LEAST_SECONDS)} if np.isfinite(left) else {}


def budget_solver(
    cells: list[Floats],
    defined: list[Places],
    constraints: Constraints,
    deadline: float,
    slacks: list[Floats],
    relaxed: Relaxation,
) -> Solver:
    """Mixed integer programme over at most some hundred cuts a group, evenly spread.

    Where cuts were left out, the bound is that of the relaxation.
    """
    chosen = [_spread(k) for k in defined]
    if any(len(k) == 0 for k in chosen):
        return lambda _: None
    is_thinned = any(len(k) < len(d) for k, d in zip(chosen, defined, strict=True))
    part = [c[k] for c, k in zip(cells, chosen, strict=True)]
    own = [slack[k] for slack, k in zip(slacks, chosen, strict=True)]
    rules = [_budget_limits(part, constraints, own)]
    free = np.full(len(constraints.coordinates), -np.inf)  # where the windows start

    def solve(worth: Floats) -> Found | None:
        found = best_choice([c @ worth for c in part], rules, free, deadline)
        if found is None:
            return None
        bound = max(found.value, relaxed(worth)) if is_thinned else found.bound
        places = [k[p] for k, p in zip(chosen, found.places, strict=True)]
        return found._replace(places=places, bound=bound)

    return solve


def _budget_limits(
    part: list[Floats], constraints: Constraints, slacks: list[Floats]
) -> LinearConstraint:
    """Coordinates within windows, and the share of selected rows."""
    coordinates = constraints.coordinates
    starts = np.cumsum([0, *map(len, part)])
    n = int(starts[-1])
    rows, low, high = [], [], []

    def add(g: int, values: Floats, axis: int, least: float, most: float) -> None:
        line = np.zeros(n + len(coordinates))
        line[starts[g] : starts[g + 1]] = values
        line[n + axis] = -1.0
        rows.append(line)
        low.append(least)
        high.append(most)

    for g, cells in enumerate(part):
        for j, coordinate in enumerate(coordinates):
            place, slack = coordinate.places(cells), slacks[g][:, j]
            add(g, place + slack, j, 0.0, np.inf)
            add(g, place - slack, j, -np.inf, coordinate.span)
    selected = np.concatenate([c[:, 1] + c[:, 3] for c in part])
    rows.append(np.concatenate([selected, np.zeros(len(coordinates))]))
    rows[-1] /= sum(float(c[0].sum()) for c in part)
    low.append(-np.inf)
    high.append(float(constraints.budget or 1.0) + _SLACK)
    return LinearConstraint(np.array(rows), low, high)


def relaxation(
    cells: list[Floats], constraints: Constraints, steps: list[Floats] | None
) -> Relaxation:
    """Bound what cuts are worth by mixtures of them, within windows that are no narrower.

    Windows of ratios, and of rates that no mixture has, are left out.

    Parameters
    ----------
    cells : list of ndarray of float of shape (m_g, 4)
        At the corners of the groups' curves.
    constraints : Constraints
    steps : list of ndarray of float of shape (n_groups,), or None
        How far each group's rates may be off, by coordinate.
    """
    axes = constraints.coordinates
    steps = [np.zeros(1)] * len(axes) if steps is None else steps
    widths = [a.width + float(np.sort(s)[-2:].sum()) for a, s in zip(axes, steps, strict=True)]
    linear = [_is_difference(a) for a in axes]
    mean = max(widths) if constraints.bounds_a_mean and all(linear) and axes else None
    kept = [k for k, fits in enumerate(linear) if fits]
    rates = [_rates(c, [axes[k] for k in kept]) for c in cells]
    bounds = _linear_bounds(cells, constraints)

    def bound(worth: Floats) -> float:
        widest = [widths[k] for k in kept]
        found = best_mixture(cells, worth, rates, widest, mean_of_gaps=mean, bounds=bounds)
        return np.inf if found.chances is None else found.value

    return bound


def _is_difference(coordinate: Coordinate) -> bool:
    return not coordinate.as_ratio and all(rate.is_linear for rate in coordinate.rates)


def _rates(cells: Floats, coordinates: list[Coordinate]) -> Floats:
    """Values of coordinates, of shape (m, K)."""
    if not coordinates:
        return cells[:, :0]
    return np.stack([c.values(cells) for c in coordinates], axis=1)


def mixture_solver(cells: list[Floats], constraints: Constraints) -> Solver:
    """Linear programme over mixtures of cuts at the corners of the groups' curves."""
    coordinates = constraints.coordinates
    nonlinear = [r.name for c in coordinates for r in c.rates if not r.is_linear]
    if nonlinear:
        raise ValueError(
            f"{nonlinear} aren't linear in the decisions, so no mixture can be found: ask for "
            "randomized=False"
        )
    rates = [_rates(c, coordinates) for c in cells]
    as_ratio = bool(coordinates) and coordinates[0].as_ratio
    if len({c.as_ratio for c in coordinates}) > 1:
        raise ValueError("differences and ratios can't be constrained together")
    mean = coordinates[0].width if constraints.bounds_a_mean and coordinates else None
    bounds = _linear_bounds(cells, constraints)

    def solve(worth: Floats) -> Found | None:
        found = best_mixture(
            cells,
            worth,
            rates,
            [c.width for c in coordinates],
            as_ratio=as_ratio,
            mean_of_gaps=mean,
            bounds=bounds,
        )
        if found.chances is None:
            return None
        places = [np.flatnonzero(p > 1e-9) for p in found.chances]
        chances = [p[k] / p[k].sum() for p, k in zip(found.chances, places, strict=True)]
        return Found(places, chances, found.value, found.value)

    return solve


def _linear_bounds(cells: list[Floats], constraints: Constraints) -> list[Bound]:
    bounds = []
    for rate, low, high in constraints.rate_bounds:
        a, b = np.array(rate.numerator, float), np.array(rate.denominator, float)
        for g in range(len(cells)):
            for limit, sign in ((low, 1.0), (high, -1.0)):
                coefficients = np.zeros((len(cells), 4))
                coefficients[g] = sign * (a - limit * b) / max(float(cells[g][0].sum()), 1e-300)
                bounds.append(Bound(coefficients, -_SLACK, np.inf))
    if constraints.budget is not None:
        total = sum(float(c[0].sum()) for c in cells)
        coefficients = np.tile(np.array([0.0, 1.0, 0.0, 1.0]) / total, (len(cells), 1))
        bounds.append(Bound(coefficients, -np.inf, constraints.budget + _SLACK))
    return bounds
