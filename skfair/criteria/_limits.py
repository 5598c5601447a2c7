"""Limits of one rate, and of differences and ratios of rates, from sums over cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from skfair._utils.arrays import divide
from skfair.criteria.cells import cells_of
from skfair.criteria.rates import Rate
from skfair.tally import Tally

Floats = NDArray[np.float64]

_PRIOR_ROWS = 20.0


class CellSums(NamedTuple):
    """Sums of weights, of squared weights, and row counts, each of shape (..., 4).

    The last axis is (tn, fp, fn, tp).
    """

    weight: Floats
    weight2: Floats
    rows: Floats

    @classmethod
    def of(cls, tally: Tally, rates: Sequence[Rate], pos_label: object = None) -> CellSums:
        """Read what some rates need of a tally; each array has shape (n_groups, 4)."""
        if any(rate.needs_labels for rate in rates):
            tally.check_labels(f"{', '.join(rate.name for rate in rates if rate.needs_labels)}")
        tables = (tally.weight, tally.weight2, tally.count.astype(np.float64))
        return cls(*(cells_of(table, tally.classes, rates, pos_label) for table in tables))

    def others(self) -> CellSums:
        """Add up all other groups, for each group (the last axis but one)."""
        return CellSums(*(sum_of_others(array) for array in self))


def sum_of_others(array: Floats) -> Floats:
    """Sum of all other entries along the last axis but one, for each entry.

    The sum before it plus the sum after it: the total less the entry would lose the others where
    the entry is far larger.

    Examples
    --------
    >>> sum_of_others(np.array([[1e20], [1.0], [2.0]])).ravel().tolist()
    [3.0, 1e+20, 1e+20]
    """
    others = np.zeros_like(array)
    others[..., 1:, :] += array[..., :-1, :].cumsum(axis=-2)
    others[..., :-1, :] += array[..., :0:-1, :].cumsum(axis=-2)[..., ::-1, :]
    return others


class Limits(NamedTuple):
    """Estimates with the lower and upper limits of their intervals, arrays of one shape."""

    value: Any
    low: Any
    high: Any


def wilson_interval(p: Floats, n: Floats, critical: Floats | float) -> tuple[Floats, Floats]:
    r"""Wilson's score interval of a proportion.

    .. math:: \frac{p + z^2 / 2n \pm z \sqrt{p (1 - p) / n + z^2 / 4n^2}}{1 + z^2 / n}

    Parameters
    ----------
    p : ndarray of float of shape (...)
        Proportions.
    n : ndarray of float of shape (...)
        Numbers of rows, or effective numbers.
    critical : float or ndarray of shape (...)
        The quantile z.

    Returns
    -------
    low, high : ndarray of float of shape (...)
        NaN where p is NaN.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    JASA 22(158). https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> [x.round(4).item() for x in wilson_interval(np.array(0.2), np.array(50.0), 1.96)]
    [0.1124, 0.3304]
    """
    share = critical**2 / n
    half = np.sqrt(critical**2 * p * (1 - p) / n + share**2 / 4)
    low, high = ((p + share / 2 + sign * half) / (1 + share) for sign in (-1, 1))
    return low, np.where(p == 1, 1.0, high)  # rounding spoils the 1, never the 0


def effective_size(rate: Rate, sums: CellSums) -> tuple[Floats, Floats]:
    r"""Count the equally weighted rows that would know a rate as well as these rows do.

    The rate's variance follows by linearisation from the cells' sums of squared weights; then

    .. math:: v = \frac{\sum_k s_k (a_k - r b_k)^2}{(\sum_k b_k w_k)^2}, \quad
        n_\mathrm{eff} = \frac{r (1 - r)}{v}.

    Without weights, the n_eff of a proportion is the number of rows in its denominator. Where no
    row contradicts a rate of 0 or 1, n_eff is its limit as one cell fills up: Kish's
    :math:`(\sum w)^2 / \sum w^2` for a proportion.

    Ten rows tell little about the spread of weights behind them, and a sum of squares without the
    heavy weight that might have been there gives intervals that are too short: 89 % coverage for
    95 %, with 10 positives and log-normal weights. So the squared coefficient of variation of a
    cell's weights is unbiased by m / (m - 1) and raised towards that of the whole denominator,
    which counts like 20 rows, and the degrees of freedom that remain are Satterthwaite's.

    Where weights go with the outcome, n_eff may well be above the number of rows: with half of the
    rows positive and a hundred times heavier, the weighted rate is 0.99, and known as well as from
    25 times as many rows of equal weight. One row a cell can't tell such weights from heavy-tailed
    ones, so there n_eff is at most the number of rows.

    Parameters
    ----------
    rate : Rate
    sums : CellSums
        Arrays of shape (..., 4).

    Returns
    -------
    size : ndarray of float of shape (...)
        NaN where the rate is 0/0.
    freedom : ndarray of float of shape (...)
        Degrees of freedom; infinite where weights don't vary within any cell, so without weights
        and with one row a cell.

    Raises
    ------
    ValueError
        If the rate isn't bound to [0, 1].

    References
    ----------
    Kish, L. (1965). Survey Sampling. Wiley.
    Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
    Biometrics Bulletin 2(6). https://doi.org/10.2307/3002019

    Examples
    --------
    >>> from skfair.criteria import RATES
    >>> cells = np.array([[3.0, 1.0, 2.0, 4.0]])
    >>> effective_size(RATES["selection_rate"], CellSums(cells, cells, cells))[0].round(9)
    array([10.])
    """
    a, b = np.array(rate.numerator, dtype=float), np.array(rate.denominator, dtype=float)
    if (a < 0).any() or (a > b).any():
        raise ValueError(f"{rate.name} isn't bound to [0, 1]: it has no interval")
    inside = np.where(b > 0, 1.0, 0.0)
    value = rate(sums.weight)
    influence = divide(a - value[..., None] * b, (sums.weight @ b)[..., None])
    variation = _variation(sums, inside)
    once = divide(sums.weight**2, sums.rows) * influence**2
    once = np.where(sums.rows > 0, once, 0.0)
    variance = np.where(np.isnan(value), np.nan, (once * (1 + variation)).sum(axis=-1))
    size = divide(value * (1 - value), variance)
    alone = (sums.rows * inside <= 1).all(axis=-1)
    size = np.where(alone, np.minimum(size, sums.rows @ inside), size)
    typical = divide(sums.weight2 @ inside, sums.weight @ inside)
    limit = divide(np.ones_like(typical), typical * np.abs(influence).max(axis=-1))
    noise = (once * variation) ** 2 / np.maximum(sums.rows - 1, 1)
    freedom = divide(variance**2, noise.sum(axis=-1))
    exact = np.isnan(freedom) | (freedom > 1e9)
    return np.where(variance > 0, size, limit), np.where(exact, np.inf, np.maximum(freedom, 1.0))


def _variation(sums: CellSums, inside: Floats) -> Floats:
    """Squared coefficient of variation of the weights in each cell, raised towards the pool's."""
    less = np.maximum(sums.rows - 1, 0.0)
    ratio = np.where(sums.weight > 0, divide(sums.rows * sums.weight2, sums.weight**2), 1.0)
    squares = sums.rows * np.maximum(ratio - 1, 0.0) * (less > 0)  # (m - 1) x unbiased
    own = squares / np.maximum(less, 1.0)
    pooled = (squares @ inside) / np.maximum(less @ inside, 1.0)
    weight = sums.rows / (sums.rows + _PRIOR_ROWS)
    return np.maximum(own, weight * own + (1 - weight) * pooled[..., None])


def rate_limits(rate: Rate, sums: CellSums, critical: float) -> Limits:
    """Wilson's interval at the effective size.

    Parameters
    ----------
    rate : Rate
    sums : CellSums
        Arrays of shape (..., 4).
    critical : float
        Normal quantile; Student's of the same probability takes its place where weights leave
        finite degrees of freedom.

    Returns
    -------
    Limits
        Arrays of shape (...); NaN where the rate is 0/0.
    """
    value = rate(sums.weight)
    size, freedom = effective_size(rate, sums)
    quantile = np.full_like(value, critical)
    finite = np.isfinite(freedom)
    if finite.any():
        quantile[finite] = t.isf(norm.sf(critical), freedom[finite])
    return Limits(value, *wilson_interval(value, size, quantile))


def mean_limits(parts: list[Limits], *, independent: bool) -> Limits:
    """Limits of the mean of several estimates; dependent ones get the bound that always holds."""
    value = sum(part.value for part in parts) / len(parts)
    combine = _root_of_squares if independent else sum
    down = combine([part.value - part.low for part in parts]) / len(parts)
    up = combine([part.high - part.value for part in parts]) / len(parts)
    return Limits(value, value - down, value + up)


def average_limits(levels: Limits, weight: Floats) -> Limits:
    """Limits of the weighted average of independent estimates over the first axis.

    Parameters
    ----------
    levels : Limits
        Arrays of shape (n_levels, ...); what is undefined has no weight.
    weight : ndarray of float of shape (n_levels, ...)

    Returns
    -------
    Limits
        Arrays of shape (...); NaN where there is no weight.

    Examples
    --------
    >>> levels = Limits(*np.array([[[0.2], [0.4]], [[0.1], [0.3]], [[0.3], [0.5]]]))
    >>> [x.round(3).item() for x in average_limits(levels, np.ones((2, 1)))]
    [0.3, 0.229, 0.371]
    """
    weight = np.where(np.isnan(levels.value), 0.0, weight)
    share = divide(weight, np.broadcast_to(weight.sum(axis=0), weight.shape))
    sides = levels.value, levels.value - levels.low, levels.high - levels.value
    value, down, up = (np.where(weight > 0, side, 0.0) * share for side in sides)
    middle = value.sum(axis=0)
    reach = [np.sqrt((side**2).sum(axis=0)) for side in (down, up)]
    return Limits(middle, middle - reach[0], middle + reach[1])


def difference_limits(a: Limits, b: Limits) -> Limits:
    r"""Limits of a - b from the limits of two independent estimates.

    .. math::
        \hat a - \hat b - \sqrt{(\hat a - l_a)^2 + (u_b - \hat b)^2}, \quad
        \hat a - \hat b + \sqrt{(u_a - \hat a)^2 + (\hat b - l_b)^2}

    With Wilson's limits it is Newcombe's tenth method. The limits inherit what Wilson's know about
    small counts, skewness and rates of 0 and 1, which percentiles of resampled cells don't: the
    simulation in ``benchmarks/coverage.py`` shows both.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions. Statistics in Medicine 17(8).
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Examples
    --------
    >>> a, b = Limits(0.7, 0.6, 0.8), Limits(0.5, 0.4, 0.6)
    >>> [round(float(x), 3) for x in difference_limits(a, b)]
    [0.2, 0.059, 0.341]
    """
    value = a.value - b.value
    low = value - np.hypot(a.value - a.low, b.high - b.value)
    return Limits(value, low, value + np.hypot(a.high - a.value, b.value - b.low))


def ratio_limits(a: Limits, b: Limits) -> Limits:
    r"""Limits of a / b: all ratios t for which 0 lies in the interval of a - t b.

    .. math:: L = \frac{l_a (2 \hat a - l_a)}{\hat a \hat b + \sqrt{\hat a^2 \hat b^2 -
        l_a (2 \hat a - l_a) u_b (2 \hat b - u_b)}}

    and the upper limit is the reciprocal of the lower limit of b / a. Zero counts need no constant
    added: then the limit is 0 or infinite.

    References
    ----------
    Donner, A. and Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal
    mean and standard deviation. Statistical Methods in Medical Research 21(4).
    https://doi.org/10.1177/0962280210383082

    Examples
    --------
    >>> a, b = Limits(0.7, 0.6, 0.8), Limits(0.5, 0.4, 0.6)
    >>> [round(float(x), 3) for x in ratio_limits(a, b)]
    [1.4, 1.102, 1.814]
    """
    with np.errstate(divide="ignore"):
        high = 1 / _lowest_ratio(b, a)
    return Limits(divide(np.asarray(a.value), np.asarray(b.value)), _lowest_ratio(a, b), high)


def _lowest_ratio(a: Limits, b: Limits) -> Floats:
    above = np.asarray(a.low * (2 * a.value - a.low))
    product = a.value * b.value
    root = np.sqrt(np.maximum(product**2 - above * b.high * (2 * b.value - b.high), 0.0))
    defined = np.isnan(product) | (above > 0)
    return np.where(defined, divide(above, product + root), 0.0)


def have_own_rows(rates: Sequence[Rate]) -> bool:
    """Tell whether no cell is in the denominators of two of the rates, so they are independent."""
    used = np.array([rate.denominator for rate in rates]) != 0
    return bool((used.sum(axis=0) <= 1).all())


def _root_of_squares(parts: list[Floats]) -> Floats:
    return np.sqrt(sum(part**2 for part in parts))
