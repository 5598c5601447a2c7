"""Criteria with the violation that each may show, as users ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skfair.criteria.criterion import CRITERIA, Criterion, get_criterion
from skfair.criteria.rates import RATES

_SCIKIT_LEARN = {"accuracy_score": "accuracy"}


def read_criteria(
    constraints: Any, tol: float | Sequence[float]
) -> tuple[tuple[Criterion, float], ...]:
    """Read constraints as users give them: one or several, with one tolerance or one each.

    Parameters
    ----------
    constraints : str, Criterion, sequence of them, or None
        Criteria or rates; fairlearn's names (``"true_positive_rate_parity"``) are known, too.
    tol : float or sequence of float
        Violation allowed, for all or for each.

    Returns
    -------
    criteria : tuple of (Criterion, float)

    Raises
    ------
    ValueError
        If a name isn't known, or a tolerance isn't between 0 and 1.

    Examples
    --------
    >>> [(c.name, tol) for c, tol in read_criteria(["equalized_odds", "accuracy"], 0.05)]
    [('equalized_odds', 0.05), ('accuracy', 0.05)]
    """
    several = isinstance(constraints, Sequence) and not isinstance(constraints, str)
    named = [] if constraints is None else list(constraints) if several else [constraints]
    tols = list(tol) if isinstance(tol, Sequence) else [tol] * len(named)
    if len(tols) != len(named):
        raise ValueError(f"{len(named)} constraints have {len(tols)} tolerances")
    for value in tols:
        if not 0 <= value <= 1:
            raise ValueError(f"tol must be between 0 and 1, got {value!r}")
    return tuple((_criterion(name), float(t)) for name, t in zip(named, tols, strict=True))


def _criterion(name: str | Criterion) -> Criterion:
    if isinstance(name, str) and name not in CRITERIA and name.endswith("_parity"):
        rate = name.removesuffix("_parity")
        rate = _SCIKIT_LEARN.get(rate, rate)
        if rate in RATES:
            return get_criterion(rate)
    return get_criterion(name)
