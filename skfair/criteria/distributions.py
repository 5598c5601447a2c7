"""Distances between the class distributions of two sets of rows, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from skfair._utils.arrays import divide
from skfair._utils.validation import check_share
from skfair.criteria._limits import CellSums, Floats, Limits, rate_limits, sum_of_others
from skfair.criteria._simultaneous import critical_value
from skfair.criteria.rates import RATES


class ClassSums(NamedTuple):
    """Sums of weights, of squared weights, and row counts, each of shape (..., n_classes)."""

    weight: Floats
    weight2: Floats
    rows: Floats

    @property
    def shares(self) -> Floats:
        """Share of each class; NaN where there are no rows."""
        return divide(self.weight, self.weight.sum(axis=-1, keepdims=True))

    @property
    def effective_size(self) -> Floats:
        """Kish's effective number of rows."""
        return divide(self.weight.sum(axis=-1) ** 2, self.weight2.sum(axis=-1))

    def add_up(self, axis: int = 0) -> ClassSums:
        """Add up over an axis."""
        return ClassSums(*(array.sum(axis=axis) for array in self))

    def others(self, reference: int | None = None) -> ClassSums:
        """For each group (the last axis but one) all other groups, or one reference group."""
        if reference is None:
            return ClassSums(*(sum_of_others(array) for array in self))
        chosen = (array[..., [reference], :] for array in self)
        return ClassSums(*(np.broadcast_to(c, a.shape) for c, a in zip(chosen, self, strict=True)))

    def against_rest(self, k: int) -> CellSums:
        """Cells (tn, fp, fn, tp) in which class k is a true positive and all others negatives."""
        parts = []
        for array in self:
            one = array[..., k]
            zero = np.zeros_like(one)
            rest = np.delete(array, k, axis=-1).sum(axis=-1)
            parts.append(np.stack([rest, zero, zero, one], axis=-1))
        return CellSums(*parts)


def share_limits(sums: ClassSums, critical: float) -> Limits:
    """Wilson's limits of the share of every class, arrays of shape (..., n_classes)."""
    rate = RATES["selection_rate"]
    each = [rate_limits(rate, sums.against_rest(k), critical) for k in range(sums.rows.shape[-1])]
    return Limits(*(np.stack(part, axis=-1) for part in zip(*each, strict=True)))


@dataclass(frozen=True)
class Divergence:
    """A distance that is a sum over classes, or the largest, of terms of no less than 0.

    Parameters
    ----------
    name : str
    terms : callable
        Maps two arrays of shares to the terms; each is 0 where the shares are equal and grows with
        their distance.
    combine : callable
        Maps terms of shape (..., n_classes) to distances of shape (...).
    largest : float
        The largest value there is.
    """

    name: str
    terms: Callable[[Floats, Floats], Floats]
    combine: Callable[[Floats], Floats]
    largest: float

    def __call__(self, p: Floats, q: Floats) -> Floats:
        """Distance of p from q, shares of shape (..., n_classes)."""
        return self._within(self.combine(self.terms(p, q)))

    def _within(self, values: Floats) -> Floats:
        return np.clip(values, 0.0, self.largest)


def _kl_terms(p: Floats, q: Floats) -> Floats:
    ratio = np.where(q == 0, np.inf, divide(p, q))  # xlogy makes 0 of a class that both lack
    return xlogy(p, ratio) - p + q


def _js_terms(p: Floats, q: Floats) -> Floats:
    middle = (p + q) / 2
    ratio = [np.where(middle == 0, 1.0, divide(x, middle)) for x in (p, q)]
    return (xlogy(p, ratio[0]) + xlogy(q, ratio[1])) / 2


def _sum(terms: Floats) -> Floats:
    return terms.sum(axis=-1)


DIVERGENCES: dict[str, Divergence] = {
    "kl_divergence": Divergence("kl_divergence", _kl_terms, _sum, np.inf),
    "js_divergence": Divergence("js_divergence", _js_terms, _sum, float(np.log(2))),
    "total_variation": Divergence(
        "total_variation", lambda p, q: np.abs(p - q) / 2, _sum, largest=1.0
    ),
    "kolmogorov_smirnov": Divergence(
        "kolmogorov_smirnov", lambda p, q: np.abs(p - q), lambda terms: terms.max(axis=-1), 1.0
    ),
}
"""Distances between distributions over classes without an order."""


def lp_divergence(p: float) -> Divergence:
    r"""Make the distance :math:`(\sum_y |P(y) - Q(y)|^p)^{1/p}`.

    Raises
    ------
    ValueError
        If p is below 1.

    Examples
    --------
    >>> lp_divergence(2)(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).round(3)
    array([1.414])
    """
    if not 1 <= p < np.inf:
        raise ValueError(f"p must be at least 1 and finite, got {p}")
    return Divergence(
        "lp_distance",
        lambda a, b: np.abs(a - b) ** p,
        lambda terms: terms.sum(axis=-1) ** (1 / p),
        float(2 ** (1 / p)),
    )


def divergence_limits(
    divergence: Divergence, p: ClassSums, q: ClassSums, confidence_level: float = 0.95
) -> Limits:
    r"""Distance of two independent samples' class distributions, with its interval.

    Percentiles of a resampled distance don't hold a distance of 0, since resampling only adds to
    it. Here each class's two shares are moved to the ends of Newcombe's interval of their
    difference; the term is between 0, if the interval holds 0, or the lesser of the two ends'
    terms, and the greater. Limits of terms are combined as the terms are. For two classes the
    limits are those of the difference of one share, carried over; for more classes the shares'
    intervals hold together (Sidak), so the distance's is wide.

    Parameters
    ----------
    divergence : Divergence
    p, q : ClassSums
        Arrays of shape (..., n_classes).
    confidence_level : float, default=0.95

    Returns
    -------
    Limits
        Arrays of shape (...); NaN where a sample has no rows.

    Examples
    --------
    >>> sums = [ClassSums(x, x, x) for x in np.array([[60.0, 40], [80, 20]])]
    >>> found = divergence_limits(DIVERGENCES["total_variation"], *sums)
    >>> [round(float(x), 3) for x in found]
    [0.2, 0.073, 0.319]
    """
    value = divergence(p.shares, q.shares)
    n_classes = p.rows.shape[-1]
    critical = critical_value(confidence_level, contrasts=n_classes if n_classes > 2 else 1)
    (p_low, q_low), (p_high, q_high) = _ends(share_limits(p, critical), share_limits(q, critical))
    at_ends = divergence.terms(p_low, q_low), divergence.terms(p_high, q_high)
    holds_zero = (p_low <= q_low) & (p_high >= q_high)
    least = np.where(holds_zero, 0 * at_ends[0], np.minimum(*at_ends))
    low, high = (divergence._within(divergence.combine(x)) for x in (least, np.maximum(*at_ends)))
    return Limits(value, np.minimum(low, value), np.maximum(high, value))


def _ends(a: Limits, b: Limits) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Shares at the two ends of Newcombe's interval of a - b: the least and greatest difference."""
    ends = []
    for own, other, sign in ((a.low, b.high, -1.0), (a.high, b.low, 1.0)):
        toward, away = np.abs(a.value - own), np.abs(other - b.value)
        reach = np.hypot(toward, away)
        ends.append(
            (
                np.clip(a.value + sign * _square_over(toward, reach), 0, 1),
                np.clip(b.value - sign * _square_over(away, reach), 0, 1),
            )
        )
    return ends[0], ends[1]


def _square_over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part**2, whole, out=0 * part, where=whole > 0)


def distribution_band(p: ClassSums, q: ClassSums, confidence_level: float = 0.95) -> Floats:
    r"""Half-width of the band that holds the difference of two distribution functions everywhere.

    .. math:: c(\alpha) \sqrt{\frac{1}{n_1} + \frac{1}{n_2}}, \quad
        c(\alpha) = \sqrt{-\ln(\alpha / 2) / 2}

    with effective sizes n: the critical value of Kolmogorov and Smirnov's two-sample test.

    Examples
    --------
    >>> ones = np.ones(50)
    >>> sums = ClassSums(ones, ones, ones)
    >>> round(float(distribution_band(sums, sums)), 3)
    0.272
    """
    check_share("confidence_level", confidence_level, ends=False)
    c = np.sqrt(-np.log((1 - confidence_level) / 2) / 2)
    return c * np.sqrt(1 / p.effective_size + 1 / q.effective_size)


def ordered_limits(
    p: ClassSums, q: ClassSums, steps: Floats | None = None, confidence_level: float = 0.95
) -> Limits:
    r"""Distance of two distributions over ordered classes, with its interval.

    Without ``steps`` Kolmogorov and Smirnov's :math:`D = \max_v |F_p(v) - F_q(v)|`, with the
    distances between neighbouring values the earth mover's
    :math:`\int |F_p(v) - F_q(v)|\, dv`. The limits move the difference of the distribution
    functions by :func:`distribution_band` everywhere, towards 0 and away from it.

    Parameters
    ----------
    p, q : ClassSums
        Arrays of shape (..., n_classes), classes in their order.
    steps : ndarray of float of shape (n_classes - 1,), default=None
    confidence_level : float, default=0.95

    Returns
    -------
    Limits
        Arrays of shape (...).
    """
    gap = np.abs(np.cumsum(p.shares - q.shares, axis=-1))[..., :-1]
    band = distribution_band(p, q, confidence_level)[..., None]
    sides = gap, np.maximum(gap - band, 0.0), np.minimum(gap + band, 1.0)
    if steps is None:
        return Limits(*(side.max(axis=-1, initial=0.0) + 0 * band[..., 0] for side in sides))
    return Limits(*((side * steps).sum(axis=-1) + 0 * band[..., 0] for side in sides))
