"""Criteria with the violation that each may show, as users ask for them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.text import did_you_mean, listed
from skfair.criteria.criterion import CRITERIA, Criterion, get_criterion, parse_metric
from skfair.criteria.rates import RATES, Rate

Floats = NDArray[np.float64]

_SCIKIT_LEARN = {"accuracy_score": "accuracy"}


def read_criteria(
    constraints: Any, tol: float | Sequence[float] | np.ndarray
) -> tuple[tuple[Criterion, float], ...]:
    """Read constraints as users give them: one or several, with one tolerance or one each.

    Parameters
    ----------
    constraints : str, Criterion, Rate, sequence of them, or None
        Criteria or rates, also as differences and ratios (``"equalized_odds_ratio"``);
        fairlearn's names (``"true_positive_rate_parity"``) are known, too.
    tol : float or array-like of float
        Violation allowed, for all or for each.

    Returns
    -------
    criteria : tuple of (Criterion, float)

    Raises
    ------
    ValueError
        If a name isn't known or comes twice, or a tolerance isn't a number between 0 and 1, or
        there are more or fewer of them than constraints.

    Examples
    --------
    >>> [(c.name, tol) for c, tol in read_criteria(["equalized_odds", "accuracy"], 0.05)]
    [('equalized_odds', 0.05), ('accuracy', 0.05)]
    """
    several = isinstance(constraints, Sequence) and not isinstance(constraints, str)
    named = [] if constraints is None else list(constraints) if several else [constraints]
    criteria = [_criterion(name) for name in named]
    names = [criterion.name for criterion in criteria]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"constraints have the name {listed(twice)} more than once: give each of them once; "
            "Criterion objects that differ (in their gap, say) need names of their own"
        )
    return tuple(zip(criteria, _tolerances(tol, names), strict=True))


def read_decisive(constraints: Any) -> list[Criterion]:
    """Read criteria without tolerances, and refuse those on which decisions have no bearing.

    Parameters
    ----------
    constraints : str, Criterion, Rate, or sequence of them
        As for :func:`read_criteria`.

    Returns
    -------
    criteria : list of Criterion

    Raises
    ------
    ValueError
        If a name isn't known, there is none, or no model could change a rate.

    Examples
    --------
    >>> [criterion.name for criterion in read_decisive(["equalized_odds", "predictive_parity"])]
    ['equalized_odds', 'predictive_parity']
    """
    criteria = [criterion for criterion, _ in read_criteria(constraints, 0.0)]
    if not criteria:
        raise ValueError("constraints is empty: name at least one criterion")
    for criterion in criteria:
        fixed = [rate.name for rate in criterion.rates if rate.ignores_prediction]
        if fixed:
            raise ValueError(
                f"{listed(fixed)} don't depend on decisions, so no model can equalise them"
            )
    return criteria


def rate_steps(rates: Sequence[Rate], totals: Floats, squares: Floats) -> Floats:
    """Half of one over the effective number of rows in each group's denominator.

    No rate of hard decisions can be asked to be nearer than that to a value.

    Parameters
    ----------
    rates : sequence of Rate
        Linear in decisions; the coarsest counts.
    totals, squares : ndarray of float of shape (n_groups, 2)
        Sums of the weights of negatives and positives, and of their squares.

    Returns
    -------
    steps : ndarray of float of shape (n_groups,)

    Examples
    --------
    >>> rows = np.array([[8.0, 2.0], [5.0, 5.0]])
    >>> rate_steps([RATES["true_positive_rate"]], rows, rows)
    array([0.25, 0.1 ])
    """
    worst = np.zeros(len(totals))
    for rate in rates:
        tn, fp, fn, tp = (float(b != 0) for b in rate.denominator)
        side = np.array([max(tn, fp), max(fn, tp)])
        size = (totals @ side) ** 2 / np.maximum(squares @ side, 1e-300)
        worst = np.maximum(worst, 0.5 / np.maximum(size, 0.5))
    return worst


def _tolerances(tol: Any, names: list[str]) -> list[float]:
    """One tolerance for each of the names."""
    given = np.asarray(tol, dtype=object)
    if given.ndim > 1:
        raise ValueError(f"tol must be a number or a list of numbers, got shape {given.shape}")
    tols = given.tolist() if given.ndim else [given.item()] * len(names)
    for value in tols:
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
            is_percent = not isinstance(value, bool) and value in range(2, 101)
            hint = f"; {value} % is {value / 100:g}" if is_percent else ""
            raise ValueError(f"tol must be a number between 0 and 1, got {value!r}{hint}")
    if len(tols) != len(names):
        raise ValueError(
            f"{len(names)} constraints have {len(tols)} tolerances, {listed(names)} and "
            f"{listed(tols)}: give one tolerance for all, or one for each"
        )
    return [float(value) for value in tols]


def _criterion(name: Any) -> Criterion:
    if isinstance(name, Rate):
        return Criterion(name.name, (name,))
    if not isinstance(name, str | Criterion):
        own = (name if isinstance(name, type) else type(name)).__name__  # fairlearn's, say
        known = did_you_mean(re.sub(r"(?<!^)(?=[A-Z])", "_", own).lower(), [*CRITERIA, *RATES])
        raise ValueError(
            f"constraints are names, Criterion objects, or a list of them, got {name!r}{known}"
        )
    if isinstance(name, str) and name not in CRITERIA and name.endswith("_parity"):
        rate = name.removesuffix("_parity")
        rate = _SCIKIT_LEARN.get(rate, rate)
        if rate in RATES:
            return get_criterion(rate)
    if isinstance(name, str) and _is_metric(name):
        criterion, gap = parse_metric(name)
        return criterion if gap == criterion.gap else replace(criterion, name=name, gap=gap)
    return get_criterion(name)


def _is_metric(name: str) -> bool:
    stem = name.removesuffix("_ratio").removesuffix("_difference")
    return stem != name and stem in {*CRITERIA, *RATES}
