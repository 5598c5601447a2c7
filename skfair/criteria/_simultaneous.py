"""Several comparisons at once: critical values, and the ends of a gap's interval."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, studentized_range

from skfair._utils.arrays import divide, n_defined, nan_min
from skfair.criteria._limits import (
    CellSums,
    Floats,
    Limits,
    difference_limits,
    have_own_rows,
    mean_limits,
    rate_limits,
    ratio_limits,
)
from skfair.criteria.criterion import Combination, Criterion, Gap
from skfair.criteria.rates import Rate


def critical_value(confidence_level: float, *, contrasts: int = 1) -> float:
    """Find the normal quantile for several two-sided intervals of any kind at once.

    They get Sidak's level, which for normal estimates is safe under any dependence.

    Parameters
    ----------
    confidence_level : float
    contrasts : int, default=1
        Number of intervals.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the level isn't between 0 and 1.

    References
    ----------
    Sidak, Z. (1967). Rectangular confidence regions for the means of multivariate normal
    distributions. JASA 62(318). https://doi.org/10.1080/01621459.1967.10482935

    Examples
    --------
    >>> round(critical_value(0.95), 3), round(critical_value(0.95, contrasts=6), 3)
    (1.96, 2.631)
    """
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level must be between 0 and 1, got {confidence_level!r}")
    return float(norm.isf((1 - confidence_level ** (1 / contrasts)) / 2))


@lru_cache(maxsize=256)
def pairs_critical_value(confidence_level: float, n_groups: int, *, n_families: int = 1) -> float:
    r"""Find the normal quantile for the differences of all pairs of groups at once.

    The studentised range's quantile over :math:`\sqrt 2` (Tukey and Kramer), exact for equal
    standard errors and larger than needed for others (Hayter). Several families of pairs get
    Sidak's level.

    Parameters
    ----------
    confidence_level : float
    n_groups : int
        Number of groups that are compared pair by pair; 2 is a single interval.
    n_families : int, default=1
        Number of rates.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the level isn't between 0 and 1.

    References
    ----------
    Hayter, A. J. (1984). A proof of the conjecture that the Tukey-Kramer multiple comparisons
    procedure is conservative. Annals of Statistics 12(1). https://doi.org/10.1214/aos/1176346392

    Examples
    --------
    >>> round(pairs_critical_value(0.95, 2), 3), round(pairs_critical_value(0.95, 4), 3)
    (1.96, 2.569)
    """
    single = critical_value(confidence_level, contrasts=n_families)
    if n_groups <= 2:
        return single
    level = confidence_level ** (1 / n_families)
    return float(studentized_range.ppf(level, n_groups, np.inf) / np.sqrt(2))


def take(sums: CellSums, groups: NDArray[np.intp]) -> CellSums:
    """Select some groups."""
    return CellSums(*(array[..., groups, :] for array in sums))


def pick(limits: Limits, groups: NDArray[np.intp]) -> Limits:
    """Limits of some groups, in this order and as often as they are named."""
    return Limits(*(array[..., groups] for array in limits))


def group_limits(
    criterion: Criterion,
    sums: CellSums,
    confidence_level: float,
    *,
    all_pairs: bool,
    all_rates: bool,
) -> list[Limits]:
    """Limits of every group at the critical value of its pairs: by rate, or of the rates' mean.

    Parameters
    ----------
    criterion : Criterion
    sums : CellSums
        Arrays of shape (n_groups, 4).
    confidence_level : float
    all_pairs, all_rates : bool
        Whether the level is that of all pairs of groups, and of all rates, together.

    Returns
    -------
    list of Limits
        Arrays of shape (n_groups,), one entry a compared rate.
    """
    counts, n_families = _count_families(criterion, sums)
    parts = []
    for rate, k in zip(criterion.rates, counts, strict=True):
        critical = pairs_critical_value(
            confidence_level, k if all_pairs else 2, n_families=n_families if all_rates else 1
        )
        parts.append(rate_limits(rate, sums, critical))
    return _combine_means(parts, criterion)


def _count_families(criterion: Criterion, sums: CellSums) -> tuple[list[int], int]:
    """Count the groups to compare, by rate, and the rates, or means of them, to compare."""
    defined = n_defined(criterion.group_rates(sums.weight))
    by_rate = np.broadcast_to(defined, len(criterion.rates)).tolist()
    return by_rate, max(int((defined >= 2).sum()), 1)


def _combine_means(parts: list[Limits], criterion: Criterion) -> list[Limits]:
    if criterion.combination != "mean_rate":
        return parts
    return [mean_limits(parts, independent=have_own_rows(criterion.rates))]


def pair_limits(family: Limits, gap: Gap) -> Limits:
    """Limits of the differences or ratios of all pairs of groups.

    Parameters
    ----------
    family : Limits
        Every group's, of shape (n_groups,).
    gap : {"difference", "ratio"}

    Returns
    -------
    Limits
        Arrays of shape (n_pairs,).
    """
    first, second = np.triu_indices(len(family.value), 1)
    a, b = pick(family, first), pick(family, second)
    return difference_limits(a, b) if gap == "difference" else ratio_limits(a, b)


def fairest(contrasts: Limits, gap: Gap) -> float:
    """Find the fairest gap that the limits allow: the worst over contrasts of each one's best."""
    low, high = contrasts.low, contrasts.high
    if gap == "difference":
        return -_least(-np.maximum(np.maximum(low, -high), 0.0))
    return _least(np.minimum(np.minimum(high, _reciprocal(low)), 1.0))


def unfairest(contrasts: Limits, gap: Gap) -> float:
    """Find the least fair gap that the limits allow: the worst over contrasts of their worst."""
    low, high = contrasts.low, contrasts.high
    if gap == "difference":
        return -_least(-np.maximum(np.abs(low), np.abs(high)))
    return _least(np.minimum(low, _reciprocal(high)))


def _reciprocal(values: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return 1 / values


def _least(values: Floats) -> float:
    return float(nan_min(values)) if len(values) else np.nan


def combine_ends(ends: Sequence[float], gap: Gap, combination: Combination) -> float:
    """Combine the ends of several rates' intervals as the criterion combines their gaps."""
    if combination == "mean":
        return float(np.mean(ends))
    return float(np.max(ends) if gap == "difference" else np.min(ends))


def overall_limits(
    criterion: Criterion,
    sums: CellSums,
    kept: NDArray[np.intp],
    confidence_level: float,
    *,
    all_groups: bool,
    all_rates: bool,
) -> list[Limits]:
    """Limits of the signed distances of groups to all rows, by rate or of the rates' mean.

    Parameters
    ----------
    criterion : Criterion
    sums : CellSums
        Of all groups, arrays of shape (n_groups, 4).
    kept : ndarray of int of shape (n_kept,)
        Positions of the groups to compare.
    confidence_level : float
    all_groups, all_rates : bool
        Whether the level is that of all groups, and of all rates, together.

    Returns
    -------
    list of Limits
        Arrays of shape (n_kept,).
    """
    counts, n_families = _count_families(criterion, take(sums, kept))
    whole = [int(n_defined(rate(sums.weight))) for rate in criterion.rates]
    if criterion.combination == "mean_rate":
        whole = [max(whole)] * len(whole)
    parts = []
    for rate, k, n_groups in zip(criterion.rates, counts, whole, strict=True):
        # the distances of two groups are -s d and (1 - s) d: they hold together or not at all
        contrasts = max(k, 1) if all_groups and n_groups > 2 else 1
        critical = critical_value(
            confidence_level, contrasts=contrasts * (n_families if all_rates else 1)
        )
        parts.append(_distances(rate, sums, kept, critical))
    return _combine_means(parts, criterion)


def _distances(rate: Rate, sums: CellSums, kept: NDArray[np.intp], critical: float) -> Limits:
    """Limits of r_g - r, which is the share of the others times r_g - r_others."""
    b = np.array(rate.denominator, dtype=float)
    others = take(sums.others(), kept)
    own = take(sums, kept)
    size = (own.weight + others.weight) @ b
    share = divide(own.weight @ b, size)
    squares = (1 - share) ** 2 * (own.weight2 @ b**2) + share**2 * (others.weight2 @ b**2)
    apart = difference_limits(rate_limits(rate, own, critical), rate_limits(rate, others, critical))
    noise = critical * np.abs(apart.value) * np.sqrt(divide(squares, size**2))
    value = (1 - share) * apart.value
    low = value - np.hypot((1 - share) * (apart.value - apart.low), noise)
    high = value + np.hypot((1 - share) * (apart.high - apart.value), noise)
    return Limits(value, np.maximum(low, -1.0), np.minimum(high, 1.0))
