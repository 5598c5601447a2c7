"""Intervals of rates and gaps, all from the tally and without a random number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import n_defined
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria._limits import CellSums, Floats, Limits, effective_size, rate_limits
from skfair.criteria._simultaneous import (
    combine_ends,
    critical_value,
    fairest,
    group_limits,
    overall_limits,
    pair_limits,
    take,
    unfairest,
)
from skfair.criteria.criterion import (
    Combination,
    Criterion,
    Gap,
    Method,
    evaluate,
    find_left_out,
    get_criterion,
)
from skfair.criteria.rates import Rate, get_rate
from skfair.tally import Tally


class GroupIntervals(NamedTuple):
    """Intervals of one rate, arrays of shape (n_groups,).

    ``n`` is the number of rows in the rate's denominator and ``effective_size`` what they are
    worth; groups without such rows have NaN.
    """

    rate: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]
    effective_size: Floats


class PairIntervals(NamedTuple):
    """Intervals of the differences between pairs of groups.

    ``rates`` names the R compared rates (one name for their mean); ``group`` and ``reference`` are
    positions of shape (n_pairs,); ``difference``, ``low`` and ``high`` have shape (R, n_pairs),
    and are NaN where a rate is 0/0.
    """

    rates: tuple[str, ...]
    group: NDArray[np.intp]
    reference: NDArray[np.intp]
    difference: Floats
    low: Floats
    high: Floats


class GapInterval(NamedTuple):
    """A gap and its interval.

    ``method`` says how the limits were found. They are NaN where the gap is.
    """

    estimate: float
    low: float
    high: float
    confidence_level: float
    method: str


def group_intervals(
    tally: Tally, rate: str | Rate, *, confidence_level: float = 0.95, pos_label: object = None
) -> GroupIntervals:
    """Wilson's interval of each group's rate, with weights at the effective size.

    Parameters
    ----------
    tally : Tally
    rate : str or Rate
        Any ratio bound to [0, 1]. One that is no proportion of rows (F1) has the effective size
        that its variance by linearisation has.
    confidence_level : float, default=0.95
    pos_label : label, default=None
        As in :meth:`skfair.tally.Tally.cells`.

    Returns
    -------
    GroupIntervals

    Raises
    ------
    ValueError
        If the confidence level isn't between 0 and 1, or the rate isn't bound to [0, 1].

    References
    ----------
    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16(2). https://doi.org/10.1214/ss/1009213286

    Examples
    --------
    >>> tally = Tally.from_arrays([0] * 50, [1] * 10 + [0] * 40, ["f"] * 50)
    >>> found = group_intervals(tally, "selection_rate")
    >>> found.low.round(4).item(), found.high.round(4).item()
    (0.1124, 0.3304)
    """
    rate = get_rate(rate)
    sums = CellSums.of(tally, [rate], pos_label)
    limits = rate_limits(rate, sums, critical_value(confidence_level))
    inside = np.array(rate.denominator) > 0
    count = sums.rows[:, inside].sum(axis=-1).astype(np.int64)
    return GroupIntervals(*limits, count, effective_size(rate, sums)[0])


def pair_intervals(
    tally: Tally,
    criterion: str | Criterion,
    *,
    confidence_level: float = 0.95,
    simultaneous: bool = True,
    pos_label: object = None,
    min_group_size: int | None = None,
) -> PairIntervals:
    """Intervals of the signed differences between any two groups.

    Newcombe's hybrid of the two groups' Wilson intervals. Simultaneous intervals hold for all pairs
    and all rates of the criterion at once.

    Parameters
    ----------
    tally : Tally
    criterion : str or Criterion
        A criterion or, by name, a rate.
    confidence_level : float, default=0.95
    simultaneous : bool, default=True
        Whether the level is that of all intervals together or of each by itself.
    pos_label : label, default=None
        As in :meth:`skfair.tally.Tally.cells`.
    min_group_size : int, default=None
        Leave out groups with fewer rows.

    Returns
    -------
    PairIntervals

    Warns
    -----
    UndefinedMetricWarning
        If a group is left out, or a rate has no pair of groups.

    Examples
    --------
    >>> group = ["f"] * 100 + ["m"] * 100
    >>> tally = Tally.from_arrays([1] * 200, [0, 1] * 50 + [1] * 100, group)
    >>> found = pair_intervals(tally, "true_positive_rate")
    >>> [x.round(3).item() for x in (found.difference, found.low, found.high)]
    [-0.5, -0.596, -0.397]
    """
    criterion = get_criterion(criterion)
    sums = CellSums.of(tally, criterion.rates, pos_label)
    left = find_left_out(criterion, sums.weight, tally.group_counts, min_group_size)
    kept = np.flatnonzero(~left.small)
    _warn_without_pairs(criterion, sums.weight[kept], left.notes(tally.labels, min_group_size))
    first, second = np.triu_indices(len(kept), 1)
    families = group_limits(
        criterion,
        take(sums, kept),
        confidence_level,
        all_pairs=simultaneous,
        all_rates=simultaneous,
    )
    pairs = [pair_limits(family, "difference") for family in families]
    names = tuple(rate.name for rate in criterion.rates)
    if criterion.combination == "mean_rate":
        names = (f"mean of {' and '.join(names)}",)
    return PairIntervals(
        names, kept[first], kept[second], *(np.stack(part) for part in zip(*pairs, strict=True))
    )


def gap_interval(
    tally: Tally,
    criterion: str | Criterion,
    *,
    gap: Gap | None = None,
    method: Method = "between_groups",
    combination: Combination | None = None,
    confidence_level: float = 0.95,
    pos_label: object = None,
    min_group_size: int | None = None,
) -> GapInterval:
    r"""Interval of a criterion's gap.

    A largest difference is biased upwards, and its bootstrap percentiles miss a small true gap
    more often than not. Here the intervals of the differences of all pairs p are mapped to

    .. math:: \big[\max_p \min_{l_p \le d \le u_p} |d|, \;
        \max_p \max_{l'_p \le d \le u'_p} |d|\big].

    The end towards "no gap" is wrong if any one of the pairs misleads, so :math:`[l_p, u_p]` are
    simultaneous intervals over all pairs and rates. The far end is wrong only if the interval of
    the truly most different pair is, so :math:`[l'_p, u'_p]` are single intervals. For two groups
    both are the interval of their difference. A ratio takes the intervals of all pairs' ratios,
    ``method="to_overall"`` those of each group's difference to all rows; several rates are
    combined as their gaps are.

    Parameters
    ----------
    tally : Tally
    criterion : str or Criterion
        A criterion or, by name, a rate.
    gap, method, combination
        As in calling a criterion.
    confidence_level : float, default=0.95
    pos_label : label, default=None
        As in :meth:`skfair.tally.Tally.cells`.
    min_group_size : int, default=None
        Leave out groups with fewer rows.

    Returns
    -------
    GapInterval

    Raises
    ------
    ValueError
        If a ratio to overall is asked for: it has no interval here.

    Warns
    -----
    UndefinedMetricWarning
        If a group is left out.

    Examples
    --------
    >>> group = ["f"] * 100 + ["m"] * 100
    >>> tally = Tally.from_arrays([1] * 200, [0, 1] * 50 + [1] * 100, group)
    >>> found = gap_interval(tally, "equal_opportunity")
    >>> [round(x, 3) for x in found[:3]]
    [0.5, 0.397, 0.596]
    """
    criterion = get_criterion(criterion)
    gap = criterion.gap if gap is None else gap
    if gap == "ratio" and method == "to_overall":
        raise ValueError("the interval of a ratio to overall isn't offered: compare the groups")
    sums = CellSums.of(tally, criterion.rates, pos_label)
    found = evaluate(
        criterion,
        sums.weight,
        tally.labels,
        gap=gap,
        method=method,
        combination=combination,
        group_counts=tally.group_counts,
        min_group_size=min_group_size,
    )
    kept = found.kept(tally.labels)
    combination = combination or criterion.combination
    near, far = (
        _contrasts(criterion, sums, kept, confidence_level, gap, method, **which)
        for which in (
            {"together": True, "all_rates": True},
            {"together": False, "all_rates": combination == "mean"},
        )
    )
    ends = [
        combine_ends([end(contrasts, gap) for contrasts in side], gap, combination)
        for end, side in ((fairest, near), (unfairest, far))
    ]
    low, high = (np.nan, np.nan) if np.isnan(found.value) else sorted(ends)
    described = _describe(gap, method, combination, len(near))
    return GapInterval(found.value, low, high, confidence_level, described)


def _contrasts(
    criterion: Criterion,
    sums: CellSums,
    kept: NDArray[np.intp],
    confidence_level: float,
    gap: Gap,
    method: Method,
    *,
    together: bool,
    all_rates: bool,
) -> list[Limits]:
    if method == "to_overall":
        return overall_limits(
            criterion, sums, kept, confidence_level, all_groups=together, all_rates=all_rates
        )
    families = group_limits(
        criterion, take(sums, kept), confidence_level, all_pairs=together, all_rates=all_rates
    )
    return [pair_limits(family, gap) for family in families]


def _describe(gap: Gap, method: Method, combination: Combination, n_rates: int) -> str:
    limits = "Newcombe" if gap == "difference" else "Donner and Zou"
    over = "pairs" if method == "between_groups" else "groups"
    rates = " and rates" if n_rates > 1 else ""
    text = f"{limits}, towards no gap simultaneous over {over}{rates}"
    return f"{text}, away from it over rates" if rates and combination == "mean" else text


def _warn_without_pairs(criterion: Criterion, cells: Floats, notes: list[str]) -> None:
    few = [rate.name for rate in criterion.rates if n_defined(rate(cells)) < 2]
    if few:
        notes.append(f"no differences of {', '.join(few)}: fewer than two groups have it")
    if notes:
        warn_undefined_metric(f"{criterion.name}: {'; '.join(notes)}")
