"""Constraints of a decision rule: windows for the groups' rates, bounds on them, a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.validation import is_number
from skfair.criteria import Criterion, Rate, get_rate, rate_steps, read_criteria

Floats = NDArray[np.float64]

_UP = {"selection_rate", "true_positive_rate", "false_positive_rate"}
_DOWN = {"true_negative_rate", "false_negative_rate"}


@dataclass(frozen=True)
class Coordinate:
    """A rate, or the mean of some, that must lie in one window for all groups.

    Parameters
    ----------
    rates : tuple of Rate
    width : float
        Allowed difference, or shortfall of the ratio from 1.
    as_ratio : bool
    """

    rates: tuple[Rate, ...]
    width: float
    as_ratio: bool

    @property
    def direction(self) -> int:
        """1 where it rises with every row selected, -1 where it falls, 0 where it may do both."""
        names = {rate.name for rate in self.rates}
        return 1 if names <= _UP else -1 if names <= _DOWN else 0

    def values(self, cells: Floats) -> Floats:
        """Value at each cut; NaN where it is 0/0."""
        return np.mean([rate(cells) for rate in self.rates], axis=0)

    def places(self, cells: Floats) -> Floats:
        """Value on an axis on which the window has a width: logarithms where ratios are bound."""
        values = self.values(cells)
        if self.as_ratio:
            with np.errstate(divide="ignore"):
                values = np.log(values)
        return -values if self.direction < 0 else values

    @property
    def span(self) -> float:
        """Width of the window on that axis."""
        if not self.as_ratio:
            return self.width
        return float(-np.log1p(-self.width)) if self.width < 1 else np.inf

    def steps(self, totals: Floats, squares: Floats) -> Floats:
        """Half of one over the effective number of rows in each group's denominator.

        No rate can be asked to be nearer than that to a value, so a group may be off by as much.
        """
        return rate_steps(self.rates, totals, squares)

    def allowed(self, cells: Floats, steps: Floats) -> float:
        """Difference, or shortfall of the ratio, where each group's rate may be off by its step."""
        if not self.as_ratio:
            return self.width + float(np.sort(steps)[-2:].sum())
        values = np.nan_to_num(self.values(cells))
        top = int(np.argmax(values))
        if values[top] <= 0 or len(values) < 2:
            return self.width
        least = (1 - self.width) * (values[top] - steps[top]) - np.delete(steps, top).max()
        return float(1 - least / values[top])

    def slack(self, cells: Floats, step: float) -> Floats:
        """Slack of each cut on the axis of :meth:`places`."""
        if not self.as_ratio or step == 0:
            return np.full(len(cells), step)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log1p(step / self.values(cells))


@dataclass(frozen=True)
class Constraints:
    """All that a rule must meet.

    Parameters
    ----------
    criteria : tuple of (Criterion, float)
        Criteria and the violation that each allows.
    rate_bounds : tuple of (Rate, float, float)
        Lowest and highest value of a rate in every group.
    budget : float or None
        Largest share of all rows to select.
    """

    criteria: tuple[tuple[Criterion, float], ...]
    rate_bounds: tuple[tuple[Rate, float, float], ...] = ()
    budget: float | None = None

    @property
    def coordinates(self) -> list[Coordinate]:
        """What must lie in windows; a ratio that may fall to 0 lies in any."""
        found = [c for criterion, tol in self.criteria for c in coordinates_of(criterion, tol)]
        return [coordinate for coordinate in found if np.isfinite(coordinate.span)]

    @property
    def rates(self) -> list[Rate]:
        """Rates that must lie in windows or within bounds."""
        shared = [rate for coordinate in self.coordinates for rate in coordinate.rates]
        return shared + [rate for rate, _, _ in self.rate_bounds]

    @property
    def one_sided(self) -> list[tuple[Rate, float, int]]:
        """Bounds of rates that bind anything, as (rate, limit, 1 where it is a floor, else -1)."""
        return [
            (rate, limit, sign)
            for rate, low, high in self.rate_bounds
            for limit, sign, free in ((low, 1, 0.0), (high, -1, 1.0))
            if limit != free
        ]

    @property
    def tols(self) -> dict[str, float]:
        """Violation that is asked for, by criterion."""
        return {criterion.name: tol for criterion, tol in self.criteria}

    def allowed(self, totals: Floats, squares: Floats, cells: Floats) -> dict[str, float]:
        """Violation that a deterministic rule with these cells may show, by criterion.

        Differences: of the two smallest groups. Ratios: of the largest rate and any other one.
        """
        found = {}
        for criterion, tol in self.criteria:
            axes = coordinates_of(criterion, tol)
            most = [axis.allowed(cells, axis.steps(totals, squares)) for axis in axes]
            found[criterion.name] = min(max(tol, *most), 1.0)
        return found

    @property
    def bounds_a_mean(self) -> bool:
        """Whether the mean of several gaps is bound, not each gap."""
        return any(criterion.combination == "mean" for criterion, _ in self.criteria)


def bound_name(rate: Rate, limit: float, sign: int) -> str:
    """Name a bound of a rate.

    Examples
    --------
    >>> bound_name(get_rate("selection_rate"), 0.1, 1)
    'selection_rate >= 0.1'
    """
    return f"{rate.name} {'>=' if sign > 0 else '<='} {limit:g}"


def coordinates_of(criterion: Criterion, tol: float) -> list[Coordinate]:
    """List what a criterion keeps in windows of this width."""
    as_ratio = criterion.gap == "ratio"
    return [Coordinate(rates, tol, as_ratio) for rates in criterion.compared]


def read_constraints(
    constraints: Any,
    tol: float | Sequence[float],
    rate_bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    budget: float | None = None,
) -> Constraints:
    """Read what the user asks for.

    Parameters
    ----------
    constraints : str, Criterion, sequence of them, or None
        Criteria or rates; fairlearn's names (``"true_positive_rate_parity"``) are known, too.
    tol : float or sequence of float
        Violation allowed, for all or for each.
    rate_bounds : mapping of rate to (low, high), default=None
        None on either side is no bound.
    budget : float, default=None

    Returns
    -------
    Constraints

    Raises
    ------
    ValueError
        If a name isn't known or a number is out of range.

    Examples
    --------
    >>> found = read_constraints("equalized_odds", 0.05, {"selection_rate": (0.1, None)})
    >>> [coordinate.rates[0].name for coordinate in found.coordinates]
    ['true_positive_rate', 'false_positive_rate']
    """
    criteria = read_criteria(constraints, tol)
    if len(criteria) > 1 and any(c.combination == "mean" for c, _ in criteria):
        raise ValueError("a mean of gaps can't be combined with other constraints")
    if budget is not None and not (is_share(budget) and budget > 0):
        raise ValueError(f"budget must be a number above 0 and at most 1, got {budget!r}")
    bounds = _rate_bounds({} if rate_bounds is None else rate_bounds)
    return Constraints(criteria, bounds, None if budget is None else float(budget))


def is_share(value: Any) -> bool:
    """Tell whether a value is a number within [0, 1]; a boolean is none.

    Examples
    --------
    >>> is_share(0.2), is_share("0.2"), is_share(True)
    (True, False, False)
    """
    return is_number(value) and 0 <= value <= 1


def _rate_bounds(given: Any) -> tuple[tuple[Rate, float, float], ...]:
    if not isinstance(given, Mapping):
        raise ValueError(
            'rate_bounds must be a mapping of rates to pairs, {"true_positive_rate": (0.6, None)}, '
            f"got {given!r}"
        )
    found = []
    for name, pair in given.items():
        if not isinstance(pair, Sequence | np.ndarray) or isinstance(pair, str) or len(pair) != 2:
            raise ValueError(f"rate_bounds[{name!r}] must be a pair (low, high), got {pair!r}")
        low, high = (0.0 if pair[0] is None else pair[0]), (1.0 if pair[1] is None else pair[1])
        if not (is_share(low) and is_share(high) and low <= high):
            raise ValueError(
                f"rate_bounds[{name!r}] must be numbers that rise within [0, 1], or None, got "
                f"{pair!r}"
            )
        found.append((get_rate(name), float(low), float(high)))
    return tuple(found)
