"""Each group against the rest: difference of a class's share, its interval and an exact test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, norm, t

from skfair._utils.arrays import divide
from skfair.criteria._limits import (
    CellSums,
    Floats,
    Limits,
    average_limits,
    difference_limits,
    effective_size,
    rate_limits,
)
from skfair.criteria._multiple import never_zero
from skfair.criteria._permutation import are_equally_weighted, scores_against_rest
from skfair.criteria._simultaneous import critical_value
from skfair.criteria.distributions import ClassSums
from skfair.criteria.rates import RATES

_LONGEST_EXACT = 4096
_ROUNDING = 1e-6  # of sums of weights that are whole rows
_SHARE = RATES["selection_rate"]


class Contrasts(NamedTuple):
    """Share of a class in each group less that in the rest, arrays of shape (n_groups,)."""

    difference: Floats
    low: Floats
    high: Floats
    pvalue: Floats


def contrasts_to_rest(
    sums: ClassSums, k: int, *, confidence_level: float = 0.95, reference: int | None = None
) -> Contrasts:
    r"""Compare the share of class k in each group with that in all other groups.

    Over several levels of a control feature the differences are averaged as by Mantel and
    Haenszel,

    .. math:: \frac{\sum_l m_l (r_{gl} - r_{\bar g l})}{\sum_l m_l}, \quad
        m_l = \Big(\frac{1}{n_{gl}} + \frac{1}{n_{\bar g l}}\Big)^{-1}.

    The interval joins Newcombe's of the levels. The p-value is that of the permutation of rows
    within levels, by the distance of the group's count from its expectation: exact from the
    hypergeometric distribution (convolved over levels), or its normal approximation with
    continuity correction where over several levels thousands of counts are possible. Rows of
    unequal weight have the larger of two p-values: that of as many whole rows as their effective
    sizes hold, and Student's of the weighted shares, which knows how vague these sizes are. No
    p-value is 0: it is the least number there is.

    Parameters
    ----------
    sums : ClassSums
        Arrays of shape (n_groups, n_classes) or (n_levels, n_groups, n_classes).
    k : int
        Position of the class.
    confidence_level : float, default=0.95
    reference : int, default=None
        Compare with this group instead of all others.

    Returns
    -------
    Contrasts
        NaN where there is nothing to compare.

    References
    ----------
    Mantel, N. and Haenszel, W. (1959). Statistical aspects of the analysis of data from
    retrospective studies of disease. JNCI 22(4). https://doi.org/10.1093/jnci/22.4.719

    Examples
    --------
    >>> count = np.array([[3.0, 1.0], [1.0, 5.0]])
    >>> found = contrasts_to_rest(ClassSums(count, count, count), 1)
    >>> found.difference.round(3), found.pvalue.round(4)
    (array([-0.583,  0.583]), array([0.1905, 0.1905]))
    """
    if reference is None:
        return contrasts(sums, sums.others(), k, confidence_level=confidence_level)
    rest = ClassSums(*(array.copy() for array in sums.others(reference)))
    for array in rest:
        array[..., reference, :] = 0  # nothing to compare the reference with
    return contrasts(sums, rest, k, confidence_level=confidence_level)


def contrasts(
    own: ClassSums, rest: ClassSums, k: int, *, confidence_level: float = 0.95
) -> Contrasts:
    """Compare the share of class k in sets of rows with that in as many other sets.

    Parameters
    ----------
    own, rest : ClassSums
        Arrays of shape (n_sets, n_classes) or (n_levels, n_sets, n_classes).
    k : int
        Position of the class.
    confidence_level : float, default=0.95

    Returns
    -------
    Contrasts
        As of :func:`contrasts_to_rest`.
    """
    cells = [
        ClassSums(*(array if array.ndim == 3 else array[None] for array in side)).against_rest(k)
        for side in (own, rest)
    ]
    return _compare(cells[0], cells[1], confidence_level)


def _compare(own: CellSums, rest: CellSums, confidence_level: float) -> Contrasts:
    difference, low, high = _adjusted_difference(own, rest, confidence_level)
    if are_equally_weighted(own) and are_equally_weighted(rest):
        pvalue = _exact(own.rows, rest.rows)
    else:
        score, freedom = scores_against_rest(_SHARE, own, rest)
        inside = _whole_cells(own, difference > 0), _whole_cells(rest, ~(difference > 0))
        pvalue = np.fmax(np.minimum(2 * t.sf(score, freedom), 1.0), _exact(*inside))
    pvalue = never_zero(np.where(np.isnan(difference), np.nan, pvalue))
    return Contrasts(difference, low, high, pvalue)


def whole_rows(
    shares: Floats, sizes: Floats, down: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count whole rows in and out of a class, for an exact test of weighted ones.

    Sizes are rounded down and counts to the side that shows less of a difference. Over levels they
    are rounded as running sums, so that no more than one row is lost altogether.

    Parameters
    ----------
    shares, sizes : ndarray of float of shape (n_levels, n_sets)
        Weighted share of the class, and effective number of rows; NaN where there is no row.
    down : ndarray of bool of shape (n_sets,)
        Whether counts are rounded down, as they are for a set whose share is the larger.

    Returns
    -------
    inside, outside : ndarray of int of shape (n_levels, n_sets)

    Examples
    --------
    >>> whole_rows(np.array([[0.5, 0.2]]), np.array([[5.5, 8.0]]), np.array([True, False]))
    (array([[2, 2]]), array([[3, 6]]))
    """
    n = _steps(np.floor(np.nan_to_num(sizes).cumsum(axis=0) + _ROUNDING))
    count = (np.nan_to_num(shares) * n).cumsum(axis=0)
    whole = np.where(down, np.floor(count + _ROUNDING), np.ceil(count - _ROUNDING))
    inside = np.clip(_steps(whole), 0, n)
    return inside.astype(np.int64), (n - inside).astype(np.int64)


def _steps(running: Floats) -> Floats:
    return np.diff(running, axis=0, prepend=0.0)


def _whole_cells(sums: CellSums, down: NDArray[np.bool_]) -> Floats:
    sizes = np.minimum(effective_size(_SHARE, sums)[0], sums.rows.sum(axis=-1))
    inside, outside = whole_rows(_SHARE(sums.weight), sizes, down)
    none = np.zeros_like(inside)
    return np.stack([outside, none, none, inside], axis=-1).astype(np.float64)


def _adjusted_difference(own: CellSums, rest: CellSums, confidence_level: float) -> Limits:
    critical = critical_value(confidence_level)
    sides = [rate_limits(_SHARE, side, critical) for side in (own, rest)]
    limits = difference_limits(sides[0], sides[1])
    sizes = own.weight.sum(axis=-1), rest.weight.sum(axis=-1)
    weight = np.nan_to_num(divide(sizes[0] * sizes[1], sizes[0] + sizes[1]))
    return average_limits(limits, weight)


def _exact(own: Floats, rest: Floats) -> Floats:
    """Two-sided permutation p-value of each group's number of successes, shape (n_groups,)."""
    drawn, success = own.sum(axis=-1), own[..., 3]
    total = drawn + rest.sum(axis=-1)
    good = success + rest[..., 3]
    if len(drawn) == 1:
        return _one_level(*(x[0].astype(np.int64) for x in (success, total, good, drawn)))
    each = [
        _over_levels(*(x[:, g].astype(np.int64) for x in (success, total, good, drawn)))
        for g in range(drawn.shape[1])
    ]
    return np.array(each)


def _one_level(
    success: NDArray[np.int64],
    total: NDArray[np.int64],
    good: NDArray[np.int64],
    drawn: NDArray[np.int64],
) -> Floats:
    expected = divide(drawn * good, total.astype(float))
    distance = np.abs(success - expected) * (1 - 1e-9)
    below = hypergeom.cdf(np.floor(expected - distance), total, good, drawn)
    above = hypergeom.sf(np.ceil(expected + distance) - 1, total, good, drawn)
    return np.minimum(np.where(distance == 0, 1.0, below + above), 1.0)


def _over_levels(
    success: NDArray[np.int64],
    total: NDArray[np.int64],
    good: NDArray[np.int64],
    drawn: NDArray[np.int64],
) -> float:
    share = good / np.maximum(total, 1)
    expected = (drawn * share).sum()
    distance = abs(success.sum() - expected)
    low, high = np.maximum(0, drawn + good - total), np.minimum(good, drawn)
    if (high - low).sum() > _LONGEST_EXACT:
        spread = drawn * share * (1 - share) * (total - drawn) / np.maximum(total - 1, 1)
        score = max(distance - 0.5, 0.0) / np.sqrt(spread.sum()) if spread.any() else 0.0
        return float(2 * norm.sf(score))
    chance = np.ones(1)
    for n, k, m, least, most in zip(total, good, drawn, low, high, strict=True):
        if n > 0:
            chance = np.convolve(chance, hypergeom.pmf(np.arange(least, most + 1), n, k, m))
    far = np.abs(np.arange(len(chance)) + low.sum() - expected) >= distance * (1 - 1e-9)
    return float(min(chance[far].sum(), 1.0))
