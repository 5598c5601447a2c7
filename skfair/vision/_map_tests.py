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
    :math:`(1 / W_a + 1 / W_b)^{-1}` with sums of weights W. Rows of the two groups, with their
    weights, are permuted within strata, and :math:`p = (1 + \#\{D_r \ge D\}) / (1 + R)`; rows of
    other groups take no part. That is exact where weights have nothing to do with the values within
    a stratum, as those by group, and approximate where they have.

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
        Of pairs that are there: first those over the strata.
    """
    n_groups = int(codes.max(initial=-1)) + 1
    over: list[Distance] = []
    found: list[Distance] = []
    held = {
        (stratum, group): np.flatnonzero((strata == stratum) & (codes == group))
        for stratum in np.unique(strata).tolist()
        for group in range(n_groups)
    }
    for a, b in combinations(range(n_groups), 2):
        total, shares = np.zeros(n_permutations + 1), 0.0
        for stratum in np.unique(strata).tolist():
            own, other = held[stratum, a], held[stratum, b]
            masses = weights[own].sum(), weights[other].sum()
            if not all(masses):
                continue
            signed = np.concatenate([weights[own] / masses[0], -weights[other] / masses[1]])
            both = values[np.concatenate([own, other])]
            apart = _permuted_distances(both, signed, n_permutations, rng)
            found.append(_summary(stratum, a, b, apart))
            share = masses[0] * masses[1] / sum(masses)
            total += share * apart
            shares += share
        if shares:
            over.append(_summary(-1, a, b, total / shares))
    return over + sorted(found, key=lambda one: one[:3])


def _permuted_distances(
    values: Floats, signed: Floats, n_permutations: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Distances of two means, as they are and with rows permuted.

    ``signed`` holds each row's share in the mean of the one group, less than 0 of the other.
    """
    parts = [_distance(signed[None] @ values)]
    for size in _blocks(n_permutations, len(signed)):
        drawn = rng.permuted(np.broadcast_to(signed, (size, len(signed))), axis=1)
        parts.append(_distance(drawn @ values))
    return np.concatenate(parts)


def _blocks(n: int, n_rows: int) -> Iterator[int]:
    most = max(1, _NUMBERS_AT_ONCE // max(n_rows, 1))
    for start in range(0, n, most):
        yield min(most, n - start)


def _distance(difference: Floats) -> Floats:
    apart = np.abs(difference).sum(axis=-1)
    return apart if difference.shape[-1] == 1 else apart / 2


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
    an interval never has length 0, and stays within 0 and 1. It errs on the safe side: of few rows
    that are much alike it is up to about twice as long as Student's.

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
