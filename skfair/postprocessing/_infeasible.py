"""Which constraint keeps every rule out, and what it would have to allow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from skfair.criteria import Criterion
from skfair.postprocessing._constraints import Constraints, bound_name

_STEPS = 12
_ROUNDED = 0.0005  # what is told has three digits, and should be enough

Feasible = Callable[[Constraints], bool]
Relax = Callable[[float], Constraints]


def explain_infeasible(asked: Constraints, is_feasible: Feasible, deadline: float) -> str:
    """Say which of the constraints, each relaxed alone, would let a rule through, and from where.

    Parameters
    ----------
    asked : Constraints
        That no rule meets.
    is_feasible : callable
        Whether a rule meets other ones.
    deadline : float
        Time (``time.monotonic``) from which on nothing more is tried.

    Returns
    -------
    text : str
    """
    found = []
    for relax, name, given, free in _parts(asked):
        try:
            nearest = _nearest(relax, given, free, is_feasible, deadline)
        except TimeoutError:
            break
        if nearest is not None:
            found.append(f"{name.format(nearest)} instead of {given:g}")
    if not found:
        return "allow more (tol, rate_bounds, budget)"
    return f"one would with {', or with '.join(found)}"


def _parts(asked: Constraints) -> list[tuple[Relax, str, float, float]]:
    """List how to change each limit, its name, its value, and the one that binds nothing."""
    parts: list[tuple[Relax, str, float, float]] = []
    several = len(asked.criteria) > 1
    for i, (criterion, tol) in enumerate(asked.criteria):
        name = f"tol={{:.3g}} of {criterion.name}" if several else "tol={:.3g}"
        parts.append((_with_tol(asked, i, criterion), name, tol, 1.0))
    for rate, limit, sign in asked.one_sided:
        name = bound_name(rate, 0.0, sign).removesuffix("0") + "{:.3g}"
        free = 0.0 if sign > 0 else 1.0
        parts.append((_with_bound(asked, (rate.name, sign)), name, limit, free))
    if asked.budget is not None:
        parts.append((_with_budget(asked), "budget={:.3g}", asked.budget, 1.0))
    return parts


def _with_tol(asked: Constraints, i: int, criterion: Criterion) -> Relax:
    before, after = asked.criteria[:i], asked.criteria[i + 1 :]
    return lambda x: replace(asked, criteria=(*before, (criterion, x), *after))


def _with_bound(asked: Constraints, which: tuple[str, int]) -> Relax:
    def relax(x: float) -> Constraints:
        bounds = tuple(
            (
                rate,
                x if (rate.name, 1) == which else low,
                x if (rate.name, -1) == which else high,
            )
            for rate, low, high in asked.rate_bounds
        )
        return replace(asked, rate_bounds=bounds)

    return relax


def _with_budget(asked: Constraints) -> Relax:
    return lambda x: replace(asked, budget=x if x < 1 else None)


def _nearest(
    relax: Relax, given: float, free: float, is_feasible: Feasible, deadline: float
) -> float | None:
    """Value nearest to the given one at which there is a rule; None if there is none anywhere."""

    def fits(value: float) -> bool:
        if time.monotonic() > deadline:
            raise TimeoutError
        return is_feasible(relax(value))

    if not fits(free):
        return None
    low, high = given, free
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return min(max(high + (_ROUNDED if free > given else -_ROUNDED), 0.0), 1.0)
