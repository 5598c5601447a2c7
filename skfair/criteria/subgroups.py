"""Violation of a given subgroup: its mass times how far its rate is off, with an interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair.criteria._limits import Limits, difference_limits, wilson_interval
from skfair.criteria.rates import Rate, get_rate

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class RateTerms(NamedTuple):
    """What each row adds to a rate's numerator and denominator.

    ``slope`` is how the numerator moves with the row's decision. All are multiplied by the row's
    weight.
    """

    numerator: Floats
    denominator: Floats
    slope: Floats

    def take(self, rows: Any) -> RateTerms:
        """Give the terms of some rows."""
        return RateTerms(*(part[rows] for part in self))


def linear_rate(rate: str | Rate) -> Rate:
    """Look up a rate that is linear in the decisions.

    Raises
    ------
    ValueError
        If there is no such rate, its denominator depends on the decisions, or it isn't bound to
        [0, 1].

    Examples
    --------
    >>> linear_rate("false_positive_rate").name
    'false_positive_rate'
    """
    found = get_rate(rate)
    if not found.is_linear:
        raise ValueError(
            f"{found.name} isn't linear in the decisions: its denominator depends on them; choose "
            "a rate such as selection_rate, false_positive_rate, true_positive_rate or error_rate"
        )
    if any(not 0 <= a <= b for a, b in zip(found.numerator, found.denominator, strict=True)):
        raise ValueError(f"{found.name} isn't bound to [0, 1]")
    return found


def rate_terms(
    rate: Rate, positive: Mask, decision: Floats, weights: Floats | None = None
) -> RateTerms:
    """Split a linear rate into what each row adds to it.

    Parameters
    ----------
    rate : Rate
        Linear in the decisions.
    positive : ndarray of bool of shape (n,)
        Whether the label is the positive class.
    decision : ndarray of float of shape (n,)
        Decisions 0 and 1, or the chance of 1 under a randomised classifier.
    weights : ndarray of float of shape (n,), default=None

    Returns
    -------
    RateTerms

    Examples
    --------
    >>> from skfair.criteria import RATES
    >>> y, p = np.array([False, False, True]), np.array([0.25, 1.0, 1.0])
    >>> rate_terms(RATES["false_positive_rate"], y, p).numerator
    array([0.25, 1.  , 0.  ])
    """
    tn, fp, fn, tp = (float(a) for a in rate.numerator)
    b_tn, _, b_fn, _ = (float(b) for b in rate.denominator)
    at_no, at_yes = np.where(positive, fn, tn), np.where(positive, tp, fp)
    slope = at_yes - at_no
    once = np.ones(len(positive)) if weights is None else weights
    denominator = np.where(positive, b_fn, b_tn)
    return RateTerms((at_no + slope * decision) * once, denominator * once, slope * once)


class Deviations(NamedTuple):
    r"""What each row adds to the violation of the subgroups that it is in.

    ``deviation`` adds up to 0 over all rows and, over a subgroup, to
    :math:`P(g) (r(g) - r)`; ``mass`` is the row's share of the denominator; ``overall`` is r.
    """

    deviation: Floats
    mass: Floats
    overall: float


def deviations(terms: RateTerms) -> Deviations:
    r"""Spread the mass-weighted violation of any subgroup over its rows.

    .. math:: d_i = \frac{a_i - r b_i}{\sum_j b_j}, \quad r = \frac{\sum_j a_j}{\sum_j b_j}, \quad
        \sum_{i \in g} d_i = P(g) (r(g) - r)

    Parameters
    ----------
    terms : RateTerms

    Returns
    -------
    Deviations
        All NaN where the rate is 0/0.

    Examples
    --------
    >>> found = deviations(RateTerms(np.array([1.0, 0.0]), np.ones(2), np.ones(2)))
    >>> found.deviation.tolist(), found.overall
    ([0.25, -0.25], 0.5)
    """
    total = np.asarray(terms.denominator.sum())
    overall = float(divide(np.asarray(terms.numerator.sum()), total))
    sums = np.broadcast_to(total, terms.numerator.shape)
    deviation = divide(terms.numerator - overall * terms.denominator, sums)
    return Deviations(deviation, divide(terms.denominator, sums), overall)


class SubgroupFigures(NamedTuple):
    """A subgroup in some rows.

    ``violation`` is mass x |rate - overall|; ``mass`` is the subgroup's share of the rate's
    denominator.
    """

    violation: float
    mass: float
    rate: float
    overall: float


def measure_subgroup(terms: RateTerms, members: Mask) -> SubgroupFigures:
    """Measure a given subgroup.

    Parameters
    ----------
    terms : RateTerms
    members : ndarray of bool of shape (n,)

    Returns
    -------
    SubgroupFigures
        The violation is NaN where the overall rate is 0/0, and 0 of a subgroup without rows.

    Examples
    --------
    >>> terms = RateTerms(np.array([1.0, 0.0, 0.0, 0.0]), np.ones(4), np.ones(4))
    >>> measure_subgroup(terms, np.array([True, True, False, False]))
    SubgroupFigures(violation=0.125, mass=0.5, rate=0.5, overall=0.25)
    """
    deviation, mass, overall = deviations(terms)
    of = np.asarray(terms.denominator[members].sum())
    rate = divide(terms.numerator[members].sum(), of)
    off = abs(deviation[members].sum()) if not np.isnan(overall) else np.nan
    return SubgroupFigures(float(off), float(mass[members].sum()), float(rate), overall)


def subgroup_limits(
    terms: RateTerms, members: Mask, critical: float, sign: float | None = None
) -> tuple[float, float]:
    r"""Limits of the violation of a subgroup that these rows had no part in finding.

    With the mass m, the violation is :math:`m (1 - m) |r(g) - r(\text{rest})|`: Newcombe's
    interval of the difference, joined with Wilson's of the mass by the squares of their arms.

    Parameters
    ----------
    terms : RateTerms
    members : ndarray of bool of shape (n,)
    critical : float
        Normal quantile.
    sign : {1, -1}, default=None
        Limits of the violation in this direction, 1 where the subgroup's rate is above that of all
        rows; 0 where it goes the other way. None: in either direction.

    Returns
    -------
    low, high : float
        NaN where the overall rate is 0/0.
    """
    counted = terms.denominator
    mass = _rate_limits(counted * members, counted, critical)
    if np.isnan(mass.value):
        return np.nan, np.nan
    if not 0 < mass.value < 1:
        return 0.0, float(min(mass.high, 1 - mass.low))
    a, b = (
        _rate_limits(terms.numerator[side], counted[side], critical) for side in (members, ~members)
    )
    signed = _product_limits(_spread(mass), difference_limits(a, b))
    if sign is None:
        return _magnitude(signed)
    low, high = sorted((sign * float(signed.low), sign * float(signed.high)))
    return max(low, 0.0), max(high, 0.0)


def _rate_limits(numerator: Floats, denominator: Floats, critical: float) -> Limits:
    """Wilson's interval at the effective size of the linearised ratio."""
    total = np.asarray(denominator.sum())
    value = divide(np.asarray(numerator.sum()), total)
    if np.isnan(value):
        return Limits(value, value, value)
    variance = (((numerator - value * denominator) / total) ** 2).sum()
    kish = total**2 / (denominator**2).sum()
    size = value * (1 - value) / variance if variance > 0 else kish
    return Limits(value, *wilson_interval(value, size, critical))


def _spread(mass: Limits) -> Limits:
    """Limits of m (1 - m)."""
    value, low, high = (m * (1 - m) for m in mass)
    most = 0.25 if mass.low <= 0.5 <= mass.high else max(low, high)
    return Limits(value, min(low, high), most)


def _product_limits(spread: Limits, gap: Limits) -> Limits:
    value = spread.value * gap.value
    arms = [
        abs(gap.value) * (spread.value - spread.low),
        abs(gap.value) * (spread.high - spread.value),
    ]
    below, above = arms if gap.value > 0 else arms[::-1]
    low = value - np.hypot(spread.value * (gap.value - gap.low), below)
    return Limits(value, low, value + np.hypot(spread.value * (gap.high - gap.value), above))


def _magnitude(signed: Limits) -> tuple[float, float]:
    ends = sorted((abs(float(signed.low)), abs(float(signed.high))))
    return (0.0 if signed.low <= 0 <= signed.high else ends[0]), ends[1]
