"""Constraints on true groups as linear limits on the cells of any rule."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.postprocessing._constraints import Constraints, Coordinate

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_SLACK = 1e-9
_LEAST_RATE = 1e-4


class Limits(NamedTuple):
    """Linear limits: ``cells . of_cells + variables . of_variables <= most``.

    ``of_cells`` has shape (R, G, 4), for the cells of the true groups; ``of_variables`` shape
    (R, V): starts of windows, then gaps. ``least`` of shape (V,) bounds those from below.
    """

    of_cells: Floats
    of_variables: Floats
    most: Floats
    least: Floats


def read_limits(
    constraints: Constraints,
    totals: Floats,
    known: Places,
    *,
    steps: list[Floats] | None = None,
    smallest: Floats | None = None,
) -> Limits:
    """Write the constraints on the true groups as linear limits.

    Parameters
    ----------
    constraints : Constraints
    totals : ndarray of float of shape (G, 2)
        Weight of negatives and positives.
    known : ndarray of int
        Groups that the constraints are about.
    steps : list of ndarray of float of shape (G,), default=None
        How far each group's rates may be off, by coordinate.
    smallest : ndarray of float of shape (G,), default=None
        Weight of the group that is selected at least, and left out at least.

    Raises
    ------
    ValueError
        If a rate isn't linear in the decisions, or differences and ratios are mixed.
    """
    axes = constraints.coordinates
    _check_linear(axes)
    n, k = len(totals), len(axes)
    is_mean = constraints.bounds_a_mean and k > 0
    least = np.full(2 * k if is_mean else k, -np.inf)
    least[k:] = 0.0
    least[:k][[axis.as_ratio for axis in axes]] = _LEAST_RATE
    rows: list[tuple[Floats, Floats, float]] = []

    def add(of_cells: Floats, most: float, variables: dict[int, float] | None = None) -> None:
        line = np.zeros(len(least))
        for place, value in (variables or {}).items():
            line[place] = value
        rows.append((of_cells, line, most + _SLACK))

    for j, axis in enumerate(axes):
        step = np.zeros(n) if steps is None else steps[j]
        for g in known:
            rate = _rate_row(axis, totals, int(g))
            if axis.as_ratio:  # the variable is the largest rate
                add(-rate, step[g], {j: 1 - axis.width})
                add(rate, step[g], {j: -1.0})
            else:  # the variable is the smallest rate
                add(-rate, step[g], {j: 1.0})
                gap = {k + j: -1.0} if is_mean else {}
                add(rate, step[g] + (0.0 if is_mean else axis.width), {j: -1.0} | gap)
    if is_mean:
        add(np.zeros((n, 4)), axes[0].width, {k + j: 1 / k for j in range(k)})
    for bound in _bound_rows(constraints, totals, known, smallest):
        add(*bound)
    if not rows:
        return Limits(np.zeros((0, n, 4)), np.zeros((0, len(least))), np.zeros(0), least)
    cells, variables, most = zip(*rows, strict=True)
    return Limits(np.stack(cells), np.stack(variables), np.array(most), least)


def _check_linear(axes: list[Coordinate]) -> None:
    nonlinear = [rate.name for axis in axes for rate in axis.rates if not rate.is_linear]
    if nonlinear:
        raise ValueError(
            f"{nonlinear} aren't linear in the decisions, so that no rule without the group "
            "(group_at_predict=False) can be found for them: constrain other rates, or give the "
            "group at predict"
        )
    if len({axis.as_ratio for axis in axes}) > 1:
        raise ValueError("differences and ratios can't be constrained together")


def _rate_row(axis: Coordinate, totals: Floats, g: int) -> Floats:
    """Coefficients of one group's rate, of shape (G, 4)."""
    row = np.zeros((len(totals), 4))
    sides = np.repeat(totals[g], 2) / 2
    for rate in axis.rates:
        below = float(np.array(rate.denominator, float) @ sides)
        row[g] += np.array(rate.numerator, float) / max(below, 1e-300) / len(axis.rates)
    return row


def _bound_rows(
    constraints: Constraints, totals: Floats, known: Places, smallest: Floats | None
) -> list[tuple[Floats, float]]:
    """Bounds of rates, the budget, and that no group is selected whole or not at all."""
    rows, sizes, selects = [], totals.sum(axis=1), np.array([0.0, 1.0, 0.0, 1.0])

    def of_group(g: int, coefficients: Floats) -> Floats:
        row = np.zeros((len(totals), 4))
        row[g] = coefficients / sizes[g]
        return row

    for g in known:
        for rate, low, high in constraints.rate_bounds:
            a, b = np.array(rate.numerator, float), np.array(rate.denominator, float)
            rows += [(of_group(g, low * b - a), 0.0), (of_group(g, a - high * b), 0.0)]
        if smallest is not None:
            share = smallest[g] / sizes[g]
            rows += [(of_group(g, -selects), -share), (of_group(g, selects), 1 - share)]
    if constraints.budget is not None:
        whole = np.tile(selects / sizes.sum(), (len(totals), 1))
        rows.append((whole, constraints.budget))
    return rows


def excess(loads: Floats, constraints: Constraints, limits: Limits) -> Floats:
    """By how much loads of shape (..., R) miss the limits, for the best values of the variables.

    A load is the sum of the cells times ``of_cells``; 0 or less where all limits are met.
    """
    room, axes = limits.most - loads, constraints.coordinates
    plain = ~limits.of_variables.any(axis=1)
    worst = np.full(loads.shape[:-1], -np.inf)
    if plain.any():
        worst = -room[..., plain].min(axis=-1)
    gaps = np.zeros(loads.shape[:-1])
    for j in range(len(axes)):
        up, down = limits.of_variables[:, j] > 0, limits.of_variables[:, j] < 0
        highest = (room[..., up] / limits.of_variables[up, j]).min(axis=-1)  # of the variable
        lowest = np.maximum(-room[..., down].min(axis=-1), limits.least[j])
        if not constraints.bounds_a_mean:
            worst = np.maximum(worst, lowest - highest)
        gaps += np.maximum(lowest - highest, 0.0) / len(axes)
    if constraints.bounds_a_mean and axes:
        worst = np.maximum(worst, gaps - axes[0].width - _SLACK)
    return worst
