"""How sure: intervals of rates and gaps, and a test of "no disparity", from arrays or a tally."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skfair import criteria
from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import (
    Combination,
    Criterion,
    DisparityTest,
    GapInterval,
    GroupIntervals,
    Method,
    Rate,
    get_criterion,
    get_rate,
    parse_metric,
)
from skfair.groups import Groups, Missing, cross, labels_index
from skfair.metrics._measure import check_agg, tally_rows
from skfair.tally import ScoreTally, Tally


def rate_intervals(
    y_true: Any,
    y_pred: Any = None,
    *,
    sensitive_features: Any = None,
    rates: str | Rate | Sequence[str | Rate] = ("selection_rate",),
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Rates of each group with Wilson's intervals.

    .. math:: \frac{r + z^2 / 2n \pm z \sqrt{r (1 - r) / n + z^2 / 4n^2}}{1 + z^2 / n}

    n is the number of rows in the rate's denominator, or with weights their effective number. Each
    interval holds by itself; :func:`pairwise_differences` compares groups.

    Parameters
    ----------
    y_true : array-like of shape (n,), or Tally
        Labels; a tally brings predictions, groups and weights along.
    y_pred : array-like of shape (n,), default=None
        Predicted labels.
    sensitive_features : array-like of shape (n,) or (n, k), dict or Groups, default=None
        Groups; needed with arrays.
    rates : str, Rate or sequence of them, default=("selection_rate",)
        Any rates in :data:`skfair.criteria.RATES`.
    confidence_level : float, default=0.95
        How often the intervals should hold, between 0 and 1.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    DataFrame of shape (n_groups * n_rates, 5)
        Columns rate, low, high, n (rows of positive weight in the denominator) and effective_n,
        indexed by group; a sequence of rates adds the level "rate". Where weights go with the
        outcome, effective_n may be above n.

    Raises
    ------
    ValueError
        If the positive class can't be told, if lengths differ, or if the confidence level isn't
        between 0 and 1.

    Warns
    -----
    UndefinedMetricWarning
        If a group's rate is 0/0; it is NaN.

    References
    ----------
    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16(2). https://doi.org/10.1214/ss/1009213286

    Examples
    --------
    >>> y_pred, sex = [1] * 10 + [0] * 40 + [1, 0] * 25, ["f"] * 50 + ["m"] * 50
    >>> groups = {"sex": sex}
    >>> rate_intervals(None, y_pred, sensitive_features=groups, rates="selection_rate").round(3)
         rate    low   high   n  effective_n
    sex
    f     0.2  0.112  0.330  50         50.0
    m     0.5  0.366  0.634  50         50.0
    """
    named = [rates] if isinstance(rates, str | Rate) else list(rates)
    if not named:
        raise ValueError("rates is empty: name at least one rate")
    known = [get_rate(rate) for rate in named]
    needs_labels = any(rate.needs_labels for rate in known)
    tally = _read(y_true, y_pred, sensitive_features, sample_weight, missing, needs_labels)
    found = [
        criteria.group_intervals(
            tally, rate, confidence_level=confidence_level, pos_label=pos_label
        )
        for rate in known
    ]
    _warn_undefined(tally, known, found)
    columns = ["rate", "low", "high", "n", "effective_n"]
    parts = [pd.DataFrame(dict(zip(columns, part, strict=True))) for part in found]
    if isinstance(rates, str | Rate):
        return parts[0].set_index(tally.index)
    names = [rate.name for rate in known]
    labels = [label if isinstance(label, tuple) else (label,) for label in tally.labels]
    index = labels_index([(*x, name) for name in names for x in labels], (*tally.names, "rate"))
    order = np.arange(len(index)).reshape(len(names), -1).T.ravel()  # by group, then rate
    return pd.concat(parts, ignore_index=True).set_index(index).iloc[order]


def pairwise_differences(
    criterion: str | Rate | Criterion,
    y_true: Any,
    y_pred: Any = None,
    *,
    sensitive_features: Any = None,
    simultaneous: bool = True,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Signed differences :math:`r_g - r_h` of any two groups' rates, with intervals.

    Newcombe's hybrid of the two Wilson intervals: in simulations (``benchmarks/coverage.py``) it
    keeps its level with few positives, where percentiles of resampled cells don't.

    Parameters
    ----------
    criterion : str, Rate or Criterion
        A rate, or a criterion whose rates are all compared.
    y_true, y_pred, sensitive_features, sample_weight, pos_label, missing
        As in :func:`rate_intervals`.
    simultaneous : bool, default=True
        Whether the confidence level is that of all intervals together (all pairs, all rates), or
        of each by itself.
    confidence_level : float, default=0.95
        How often the intervals should hold, between 0 and 1.
    min_group_size : int, default=None
        Leave out groups with fewer rows, with a warning that names them.

    Returns
    -------
    DataFrame of shape (n_pairs * n_rates, 3)
        Columns difference, low and high, indexed by group and reference; several rates add the
        level "rate". Pairs with a group that is left out or undefined aren't listed.

    Raises
    ------
    ValueError
        As :func:`rate_intervals`.

    Warns
    -----
    UndefinedMetricWarning
        If a group is left out because its rate is 0/0 or it is too small.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions. Statistics in Medicine 17(8).
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Examples
    --------
    >>> y_pred, sex = [1] * 10 + [0] * 40 + [1, 0] * 25, ["f"] * 50 + ["m"] * 50
    >>> pairwise_differences("selection_rate", None, y_pred, sensitive_features=sex).round(3)
                     difference   low   high
    group reference
    f     m                -0.3 -0.46 -0.113
    """
    criterion = _criterion(criterion)
    tally = _read(
        y_true, y_pred, sensitive_features, sample_weight, missing, criterion.needs_labels
    )
    found = criteria.pair_intervals(
        tally,
        criterion,
        confidence_level=confidence_level,
        simultaneous=simultaneous,
        pos_label=pos_label,
        min_group_size=min_group_size,
    )
    n_rates, n_pairs = found.difference.shape
    columns = {
        name: getattr(found, name).T.ravel() for name in ("difference", "low", "high")
    }  # by pair, then rate
    levels = {
        "group": _repeat([tally.labels[i] for i in found.group], n_rates),
        "reference": _repeat([tally.labels[i] for i in found.reference], n_rates),
        "rate": pd.Index(list(found.rates) * n_pairs, dtype=object),
    }
    if n_rates == 1:
        del levels["rate"]
    index = pd.MultiIndex.from_arrays(list(levels.values()), names=list(levels))
    return pd.DataFrame(columns, index=index).dropna()


def gap_interval(
    metric: str | Criterion,
    y_true: Any,
    y_pred: Any = None,
    *,
    sensitive_features: Any = None,
    method: Method = "between_groups",
    agg: Combination | None = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> GapInterval:
    r"""Interval of a metric that compares all groups.

    The intervals of the differences of all pairs p of groups are mapped to

    .. math:: \big[\max_p \min_{l_p \le d \le u_p} |d|, \;
        \max_p \max_{l'_p \le d \le u'_p} |d|\big],

    where :math:`[l_p, u_p]` hold for all pairs and rates at once and :math:`[l'_p, u'_p]` each by
    itself. That covers a true gap of 0 between many groups as often as the level says, which
    bootstrap percentiles of a maximum hardly ever do.

    Parameters
    ----------
    metric : str or Criterion
        ``"<criterion>_difference"``, ``"<criterion>_ratio"`` or ``"disparate_impact"``, such as
        ``"equalized_odds_difference"``; a Criterion is measured by its own gap.
    y_true, y_pred, sensitive_features, sample_weight, pos_label, missing
        As in :func:`rate_intervals`.
    method : {"between_groups", "to_overall"}, default="between_groups"
        Compare the groups with each other, or each with all rows (differences only).
    agg : {"worst_case", "mean"}, default=None
        How gaps of several rates are combined; None: the criterion's own.
    confidence_level : float, default=0.95
        How often the intervals should hold, between 0 and 1.
    min_group_size : int, default=None
        Leave out groups with fewer rows, with a warning that names them.

    Returns
    -------
    GapInterval
        estimate, low, high, confidence_level, method.

    Raises
    ------
    ValueError
        As :func:`rate_intervals`, if there is no such metric, or for a ratio to overall.

    Warns
    -----
    UndefinedMetricWarning
        If a group is left out because its rate is 0/0 or it is too small.

    References
    ----------
    Hayter, A. J. (1984). A proof of the conjecture that the Tukey-Kramer multiple comparisons
    procedure is conservative. Annals of Statistics 12(1). https://doi.org/10.1214/aos/1176346392

    Examples
    --------
    >>> y_pred, sex = [1] * 10 + [0] * 40 + [1, 0] * 25, ["f"] * 50 + ["m"] * 50
    >>> found = gap_interval("demographic_parity_difference", None, y_pred, sensitive_features=sex)
    >>> round(found.estimate, 3), round(found.low, 3), round(found.high, 3)
    (0.3, 0.113, 0.46)
    """
    criterion, gap = parse_metric(metric)
    check_agg(agg)
    tally = _read(
        y_true, y_pred, sensitive_features, sample_weight, missing, criterion.needs_labels
    )
    return criteria.gap_interval(
        tally,
        criterion,
        gap=gap,
        method=method,
        combination=agg,
        confidence_level=confidence_level,
        pos_label=pos_label,
        min_group_size=min_group_size,
    )


def disparity_test(
    criterion: str | Rate | Criterion,
    y_true: Any,
    y_pred: Any = None,
    *,
    sensitive_features: Any = None,
    control_features: Any = None,
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
    n_resamples: int = 9999,
    random_state: Any = 0,
) -> DisparityTest:
    r"""Test that every rate of a criterion is the same in all groups.

    Groups are permuted among the rows that a rate is about (y = 1 for the true positive rate), and
    within each level of the control features:

    .. math:: p = \frac{1 + \#\{T_r \ge T\}}{1 + R}

    with T the largest studentised distance of a group's rate to that of the others. The level holds
    exactly for groups of any size and any base rates. Where rows can't be permuted (they have
    weights, the rate is no proportion of rows, as F1, or several rates share rows) the p-value is
    approximate and says so, see :func:`skfair.criteria.disparity_test`.

    Parameters
    ----------
    criterion : str, Rate or Criterion
        A rate, or a criterion whose rates should all be equal.
    y_true, y_pred, sensitive_features, sample_weight, pos_label, missing
        As in :func:`rate_intervals`.
    control_features : array-like of shape (n,) or (n, k), dict or Groups, default=None
        Groups within which the rates should be equal, such as departments. With a tally: the names
        of those of its features that are control features.
    min_group_size : int, default=None
        Leave out groups with fewer rows, with a warning that names them.
    n_resamples : int, default=9999
        Number R of permutations.
    random_state : int, RandomState, Generator or None, default=0
        Seed of the permutations; None draws a new one at every call.

    Returns
    -------
    DisparityTest
        statistic, pvalue, approximate.

    Raises
    ------
    ValueError
        As :func:`rate_intervals`.

    Warns
    -----
    UndefinedMetricWarning
        If a group is left out because its rate is 0/0 or it is too small.

    References
    ----------
    Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical
    Applications in Genetics and Molecular Biology 9(1). https://doi.org/10.2202/1544-6115.1585

    Examples
    --------
    >>> y_pred, sex = [1] * 10 + [0] * 40 + [1, 0] * 25, ["f"] * 50 + ["m"] * 50
    >>> found = disparity_test("demographic_parity", None, y_pred, sensitive_features=sex)
    >>> round(found.statistic, 2), found.pvalue < 0.01
    (3.14, True)
    """
    criterion = _criterion(criterion)
    groups, names = sensitive_features, () if control_features is None else control_features
    if control_features is not None and not isinstance(y_true, Tally):
        groups, names = _within(sensitive_features, control_features, missing)
    tally = _read(y_true, y_pred, groups, sample_weight, missing, criterion.needs_labels)
    return criteria.disparity_test(
        tally,
        criterion,
        control_features=names,
        pos_label=pos_label,
        min_group_size=min_group_size,
        n_resamples=n_resamples,
        random_state=random_state,
    )


def _criterion(criterion: str | Rate | Criterion) -> Criterion:
    if isinstance(criterion, Rate):
        return Criterion(criterion.name, (criterion,))
    return get_criterion(criterion)


def _read(
    y_true: Any,
    y_pred: Any,
    sensitive_features: Any,
    sample_weight: Any,
    missing: Missing,
    needs_labels: bool,
) -> Tally:
    if isinstance(y_true, Tally):
        if any(x is not None for x in (y_pred, sensitive_features, sample_weight)):
            raise ValueError(
                "a tally holds predictions, groups and weights: pass no arrays with it"
            )
        return y_true
    if isinstance(y_true, ScoreTally):
        raise ValueError("a ScoreTally holds no decisions: give score_tally.at(threshold)")
    if isinstance(y_true, str | Path):
        raise ValueError(f"y_true is the path {str(y_true)!r}: give Tally.load of it")
    if sensitive_features is None:
        raise ValueError("sensitive_features is needed, unless y_true is a Tally")
    return tally_rows(y_true, y_pred, sensitive_features, sample_weight, missing, needs_labels)


def _within(groups: Any, control: Any, missing: Missing) -> tuple[Groups, tuple[str, ...]]:
    """Cross groups with control features, whose names come after the groups'."""
    own, held = Groups.read(groups, missing=missing), Groups.read(control, missing=missing)
    held.check_length(own.codes)
    free = (name for i in count() if (name := f"control_{i}") not in own.names)
    names = tuple(islice(free, len(held.names)))
    parts = [
        [label if isinstance(label, tuple) else (label,) for label in side.labels]
        for side in (own, held)
    ]
    labels = tuple((*a, *b) for a in parts[0] for b in parts[1])
    return Groups(cross(own.codes, own.n_groups, held), labels, (*own.names, *names)), names


def _repeat(labels: Sequence[Hashable], times: int) -> pd.Index:
    return pd.Index(list(labels), tupleize_cols=False).repeat(times)


def _warn_undefined(tally: Tally, rates: Sequence[Rate], found: Sequence[GroupIntervals]) -> None:
    undefined = {
        rate.name: [tally.labels[i] for i in np.flatnonzero(np.isnan(part.rate))]
        for rate, part in zip(rates, found, strict=True)
    }
    notes = [f"{name} of groups {listed(groups)}" for name, groups in undefined.items() if groups]
    if notes:
        warn_undefined_metric(f"undefined (0/0) and NaN: {'; '.join(notes)}")
