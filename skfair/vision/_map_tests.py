"""Means with intervals, permutation tests of distances, and paired comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from skfair.criteria import Limits, wilson_interval

Floats = NDArray[np.floating]

_NUMBERS_AT_ONCE = 1 << 22


class Distance(NamedTuple):
    """Distance of two groups within a class (-1: over the classes), and what chance makes of it."""

    stratum: int
    group_a: int
    group_b: int
    distance: float
    expected: float
    pvalue: float


def permutation_distances(
    values: Floats,
    strata: NDArray[np.integer],
    codes: NDArray[np.integer],
    weights: Floats,
    *,
    n_permutations: int,
    rng: np.random.Generator,
) -> list[Distance]:
    r"""Compare the mean rows of each two groups, in each stratum and over them.

    The distance is half the sum of absolute differences (total variation, where rows sum to 1), and
    of a single column the absolute difference. Over strata it is their mean, weighted by
    :math:`(1 / W_a + 1 / W_b)^{-1}` with sums of weights W. Groups are permuted within strata, and
    :math:`p = (1 + \#\{D_r \ge D\}) / (1 + R)`.

    Parameters
    ----------
    values : ndarray of float of shape (n, d)
    strata, codes : ndarray of int of shape (n,)
    weights : ndarray of float of shape (n,)
    n_permutations : int
    rng : Generator

    Returns
    -------
    list of Distance
        Of pairs that are there.
    """
    n_groups = int(codes.max(initial=-1)) + 1
    pairs = list(combinations(range(n_groups), 2))
    totals = {pair: np.zeros(n_permutations + 1) for pair in pairs}
    shares = dict.fromkeys(pairs, 0.0)
    found: list[Distance] = []
    for stratum in np.unique(strata).tolist():
        inside = np.flatnonzero(strata == stratum)
        sizes = np.bincount(codes[inside], weights[inside], n_groups)
        means = _permuted_means(
            values[inside], codes[inside], weights[inside], n_groups, n_permutations, rng
        )
        for a, b in pairs:
            if sizes[a] and sizes[b]:
                apart = _distance(means[:, a], means[:, b])
                found.append(_summary(stratum, a, b, apart))
                share = sizes[a] * sizes[b] / (sizes[a] + sizes[b])
                totals[a, b] += share * apart
                shares[a, b] += share
    over = [_summary(-1, *pair, totals[pair] / shares[pair]) for pair in pairs if shares[pair]]
    return over + found


def _permuted_means(
    values: Floats,
    codes: NDArray[np.integer],
    weights: Floats,
    n_groups: int,
    n_permutations: int,
    rng: np.random.Generator,
) -> Floats:
    """Mean rows of each group, as they are and permuted, (1 + n_permutations, n_groups, d)."""
    parts = [_means(values, codes[None], weights, n_groups)]
    for size in _blocks(n_permutations, len(codes)):
        drawn = rng.permuted(np.broadcast_to(codes, (size, len(codes))), axis=1)
        parts.append(_means(values, drawn, weights, n_groups))
    return np.concatenate(parts)


def _blocks(n: int, n_rows: int) -> Iterator[int]:
    most = max(1, _NUMBERS_AT_ONCE // max(n_rows, 1))
    for start in range(0, n, most):
        yield min(most, n - start)


def _means(
    values: Floats, codes: NDArray[np.integer], weights: Floats, n_groups: int
) -> NDArray[np.float64]:
    found = np.zeros((len(codes), n_groups, values.shape[1]))
    for group in range(n_groups):
        held = (codes == group) * weights
        total = held.sum(axis=1, keepdims=True)
        np.divide(held @ values, total, out=found[:, group], where=total > 0)
    return found


def _distance(a: Floats, b: Floats) -> Floats:
    apart = np.abs(a - b).sum(axis=-1)
    return apart if a.shape[-1] == 1 else apart / 2


def _summary(stratum: int, a: int, b: int, apart: Floats) -> Distance:
    observed, drawn = float(apart[0]), apart[1:]
    as_large = int((drawn >= observed * (1 - 1e-9)).sum())
    pvalue = (1 + as_large) / (1 + len(drawn))
    return Distance(stratum, a, b, observed, float(drawn.mean()), pvalue)


def mean_limits(values: Floats, weights: Floats, confidence_level: float) -> Limits:
    r"""Mean of shares with Wilson's interval at the number of rows that their spread amounts to.

    With the weighted mean m and Kish's effective number n of rows, the variance
    :math:`s^2` of the rows is drawn towards the most it could be, m (1 - m), as if that were one
    more row's; then :math:`n_\mathrm{eff} = n\, m (1 - m) / s^2`, and the quantile is Student's. So
    an interval never has length 0, and stays within 0 and 1.

    Examples
    --------
    >>> limits = mean_limits(np.array([0.2, 0.3, 0.4]), np.ones(3), 0.95)
    >>> [round(float(x), 3) for x in limits]
    [0.3, 0.033, 0.844]
    """
    if not len(values):
        return Limits(np.nan, np.nan, np.nan)
    shares = weights / weights.sum()
    n = 1 / float((shares**2).sum())
    mean = float(np.clip(shares @ values, 0.0, 1.0))
    if n < 1 + 1e-9:
        return Limits(mean, np.nan, np.nan)
    most = mean * (1 - mean)
    spread = (n * float(shares @ (values - mean) ** 2) + most) / n
    size = n * most / spread if spread > 0 else n
    low, high = wilson_interval(np.array(mean), np.array(size), _quantile(confidence_level, n))
    return Limits(mean, float(low), float(high))


def difference_of_means(
    change: Floats, weights: Floats, confidence_level: float
) -> tuple[float, float, float]:
    """Mean of paired differences with Student's interval; NaN where there is one row."""
    shares = weights / weights.sum()
    n = 1 / float((shares**2).sum())
    mean = float(shares @ change)
    if n < 1 + 1e-9:
        return mean, np.nan, np.nan
    variance = float((shares**2) @ (change - mean) ** 2) * n / (n - 1)
    half = _quantile(confidence_level, n) * np.sqrt(variance)
    return mean, mean - half, mean + half


def _quantile(confidence_level: float, n: float) -> Any:
    return t.ppf((1 + confidence_level) / 2, n - 1)


def sign_flip_pvalue(
    change: Floats, weights: Floats, n_permutations: int, rng: np.random.Generator
) -> float:
    """Test that paired differences are as often up as down, by exchanging before and after."""
    summands = weights * change
    as_large, observed = 0, abs(float(summands.sum()))
    for size in _blocks(n_permutations, len(change)):
        signs = rng.integers(2, size=(size, len(change)), dtype=np.int8) * 2.0 - 1
        as_large += int((np.abs(signs @ summands) >= observed * (1 - 1e-9)).sum())
    return (1 + as_large) / (1 + n_permutations)


def cells_and_margins(
    groups: Sequence[Any], classes: Sequence[Any]
) -> Iterator[tuple[int | None, int | None]]:
    """Cells of group and class, where None stands for all: whole, by group, by class, by both."""
    yield None, None
    if len(groups) > 1:
        yield from ((g, None) for g in range(len(groups)))
    if len(classes) > 1:
        yield from ((None, c) for c in range(len(classes)))
    if len(groups) > 1 and len(classes) > 1:
        yield from ((g, c) for g in range(len(groups)) for c in range(len(classes)))
