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


def critical_value(
    confidence_level: float, *, n_groups: int = 2, n_families: int = 1, contrasts: int | None = None
) -> float:
    r"""Find the normal quantile for several two-sided intervals at once.

    All pairs of k groups: the studentised range's quantile over :math:`\sqrt 2` (Tukey and
    Kramer), exact for equal standard errors and larger than needed for others (Hayter). Several
    families of pairs, or other contrasts, get Sidak's level, which for normal estimates is safe
    under any dependence.

    Parameters
    ----------
    confidence_level : float
    n_groups : int, default=2
        Number k of groups that are compared pair by pair; 2 is a single interval.
    n_families : int, default=1
        Number of rates.
    contrasts : int, default=None
        Number of contrasts of any kind in a family, instead of pairs.

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
    Sidak, Z. (1967). Rectangular confidence regions for the means of multivariate normal
    distributions. JASA 62(318). https://doi.org/10.1080/01621459.1967.10482935

    Examples
    --------
    >>> round(critical_value(0.95), 3), round(critical_value(0.95, n_groups=4), 3)
    (1.96, 2.569)
    """
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level must be between 0 and 1, got {confidence_level!r}")
    level = confidence_level ** (1 / (n_families * (contrasts or 1)))
    return _quantile(level, 2 if contrasts is not None else n_groups)


@lru_cache(maxsize=256)
def _quantile(level: float, n_groups: int) -> float:
    if n_groups <= 2:
        return float(norm.isf((1 - level) / 2))
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
    is_mean = criterion.combination == "mean_rate"
    parts = []
    defined = n_defined(criterion.group_rates(sums.weight))
    for rate, k in zip(criterion.rates, np.resize(defined, len(criterion.rates)), strict=True):
        critical = critical_value(
            confidence_level,
            n_groups=int(k) if all_pairs else 2,
            n_families=len(defined) if all_rates else 1,
        )
        parts.append(rate_limits(rate, sums, critical))
    return [_mean(parts, criterion)] if is_mean else parts


def _mean(parts: list[Limits], criterion: Criterion) -> Limits:
    return mean_limits(parts, independent=have_own_rows(criterion.rates))


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
    is_mean = criterion.combination == "mean_rate"
    mirrored = (sums.rows.sum(axis=-1) > 0).sum() == 2  # two groups are as far on either side
    critical = critical_value(
        confidence_level,
        n_families=len(criterion.rates) if all_rates and not is_mean else 1,
        contrasts=len(kept) if all_groups and len(kept) and not mirrored else 1,
    )
    parts = [_distances(rate, sums, kept, critical) for rate in criterion.rates]
    return [_mean(parts, criterion)] if is_mean else parts


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
    return Limits(value, low, value + np.hypot((1 - share) * (apart.high - apart.value), noise))
