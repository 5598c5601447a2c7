"""How well scores rank within each group: the area under the ROC curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtrit

from skfair._utils.arrays import divide
from skfair.criteria import Rate
from skfair.groups import Missing
from skfair.metrics._by_group import check_confidence_level, gap_of_sums, warn_undefined
from skfair.metrics._rows import ScoredRows, rows_by_group

# Pairs of a negative and a positive row stand where a confusion rate has rows: in the wrong order
# in the first cell, in the right order in the last.
_ROC_AUC = Rate("roc_auc", (0, 0, 0, 1), (1, 0, 0, 1))


def roc_auc_by_group(
    y_true: Any,
    y_score: Any,
    *,
    sensitive_features: Any,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Area under the ROC curve within each group, with DeLong's interval.

    .. math:: P(s^+ > s^- \mid g) + \tfrac{1}{2} P(s^+ = s^- \mid g)

    for a positive and a negative row of the same group. The interval is DeLong's, with Student's
    quantile for Welch's degrees of freedom, taken on the logit scale so that it stays within
    [0, 1] (Perme and Manevski 2019). Where the variance can't be estimated (perfect separation, a
    single positive or negative row) it is Newcombe's, by his method 5, which needs only the area
    and the sizes. With weights, sizes are Kish's effective ones.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_score : array-like of float of shape (n,)
        Scores, higher for the positive class.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    confidence_level : float, default=0.95
        Of the interval.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. With more than
        two classes that class is measured against the rest.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    table : DataFrame
        By group: ``n_positive``, ``n_negative`` (rows), ``roc_auc``, ``roc_auc_low``,
        ``roc_auc_high``.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, or scores are missing or infinite.

    Warns
    -----
    UndefinedMetricWarning
        If a group has rows of one class only, so that its area is NaN; the message names it.

    References
    ----------
    DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas under two or
    more correlated receiver operating characteristic curves. Biometrics 44(3).
    https://doi.org/10.2307/2531595

    Newcombe, R. G. (2006). Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic. Part 2. Statistics in Medicine 25(4). https://doi.org/10.1002/sim.2324

    Perme, M. P. and Manevski, D. (2019). Confidence intervals for the Mann-Whitney test.
    Statistical Methods in Medical Research 28(12). https://doi.org/10.1177/0962280218814556

    Examples
    --------
    >>> y_true = [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1]
    >>> y_score = [0.1, 0.2, 0.3, 0.6, 0.3, 0.5, 0.7, 0.8, 0.1, 0.2, 0.3, 0.4]
    >>> sex = {"sex": ["f"] * 8 + ["m"] * 4}
    >>> roc_auc_by_group(y_true, y_score, sensitive_features=sex).T.round(2)
    sex               f     m
    n_positive     4.00  2.00
    n_negative     4.00  2.00
    roc_auc        0.84  1.00
    roc_auc_low    0.24  0.39
    roc_auc_high   0.99  1.00
    """
    check_confidence_level(confidence_level)
    rows = ScoredRows.read(y_true, y_score, sensitive_features, sample_weight, pos_label, missing)
    areas = _group_areas(rows)
    low, high = _interval(areas, confidence_level)
    table = pd.DataFrame(
        {
            "n_positive": areas.count[:, 1],
            "n_negative": areas.count[:, 0],
            "roc_auc": areas.area,
            "roc_auc_low": low,
            "roc_auc_high": high,
        },
        index=rows.groups.to_index(),
    )
    warn_undefined(table[["roc_auc"]])
    return table


def roc_auc_gap(
    y_true: Any,
    y_score: Any,
    *,
    sensitive_features: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Largest difference between groups in the area under the ROC curve within the group.

    .. math:: \max_g AUC_g - \min_g AUC_g

    Equal areas don't make one threshold fair: scores may rank well within each group and still
    be shifted between them.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_score : array-like of float of shape (n,)
        Scores, higher for the positive class.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. With more than
        two classes that class is measured against the rest.
    min_group_size : int, default=None
        Leave groups with fewer rows out of the gap, with a warning that names them.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    gap : float
        In [0, 1]; 0 is fair; NaN where fewer than two groups have a defined area.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, or scores are missing or infinite.

    Warns
    -----
    UndefinedMetricWarning
        If a group with rows of one class only is left out; the message names it.

    References
    ----------
    Borkan, D., Dixon, L., Sorensen, J., Thain, N. and Vasserman, L. (2019). Nuanced metrics for
    measuring unintended bias with real data for text classification. WWW companion.
    https://doi.org/10.1145/3308560.3317593

    Examples
    --------
    >>> y_true, y_score = [0, 1, 0, 1, 0, 1], [0.1, 0.8, 0.4, 0.3, 0.5, 0.5]
    >>> roc_auc_gap(y_true, y_score, sensitive_features=["f", "f", "f", "f", "m", "m"])
    0.25
    """
    rows = ScoredRows.read(y_true, y_score, sensitive_features, sample_weight, pos_label, missing)
    areas = _group_areas(rows)
    return gap_of_sums(
        _ROC_AUC,
        areas.pairs,
        rows.groups.labels,
        areas.count.sum(axis=1),
        min_group_size=min_group_size,
    )


@dataclass(frozen=True, eq=False)
class _Areas:
    """AUC by group; DeLong's variances and sizes by (group, negative or positive)."""

    area: NDArray[np.float64]
    variance: NDArray[np.float64]
    weight: NDArray[np.float64]
    effective: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def pairs(self) -> NDArray[np.float64]:
        """Weight of pairs in the wrong and in the right order, where cells tn and tp stand."""
        pairs = self.weight.prod(axis=1)
        right = np.nan_to_num(self.area) * pairs
        zero = np.zeros_like(pairs)
        return np.stack([pairs - right, zero, zero, right], axis=1)


def _group_areas(rows: ScoredRows) -> _Areas:
    weight, weight2, count = rows.by_label()
    effective = np.nan_to_num(divide(weight**2, weight2))
    found = [
        _area(
            rows.score[members],
            rows.positive[members],
            None if rows.weight is None else rows.weight[members],
        )
        for members in rows_by_group(rows.groups)
    ]
    area = np.array([area for area, _ in found])
    unbiased = divide(np.ones_like(effective), np.where(effective > 1 + 1e-9, effective - 1, 0.0))
    variance = np.array([spread for _, spread in found]) * unbiased
    return _Areas(area, variance, weight, effective, count)


def _area(
    score: NDArray[np.float64],
    positive: NDArray[np.bool_],
    weight: NDArray[np.float64] | None,
) -> tuple[float, tuple[float, float]]:
    """AUC of one group, and the weighted variances of its negative and positive placements."""
    order = np.argsort(score)
    score, positive = score[order], positive[order]
    first = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])  # of each run of equal scores
    lengths = np.diff(np.r_[first, len(score)])
    weight = np.ones(len(score)) if weight is None else weight[order]
    w = np.where(positive, [[0.0], [1.0]], [[1.0], [0.0]]) * weight
    total = w.sum(axis=1)
    if not total.all():
        return np.nan, (np.nan, np.nan)
    tied = np.add.reduceat(w, first, axis=1)
    below = (np.cumsum(tied, axis=1) - tied / 2) / total[:, None]
    placement = np.repeat(np.stack([1 - below[1], below[0]]), lengths, axis=1)
    area = min(float((w[1] * placement[1]).sum() / total[1]), 1.0)
    spread = (w * (placement - area) ** 2).sum(axis=1) / total
    return area, (float(spread[0]), float(spread[1]))


def _interval(areas: _Areas, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    variance = areas.variance.sum(axis=1)
    inner = (variance > 1e-28) & (areas.area > 0) & (areas.area < 1)  # more than rounding error
    area, variance = np.where(inner, areas.area, 0.5), np.where(inner, variance, 0.0)
    freedom = divide(
        variance**2, (areas.variance**2 / np.maximum(areas.effective - 1, 1e-9)).sum(axis=1)
    )
    t = stdtrit(np.where(inner, freedom, 1.0), (1 + level) / 2)
    step = t * np.sqrt(variance) / (area * (1 - area))
    low, high = _newcombe(areas.area, areas.effective, ndtri((1 + level) / 2))
    return (
        np.where(inner, expit(logit(area) - step), low),
        np.where(inner, expit(logit(area) + step), high),
    )


def _newcombe(
    area: NDArray[np.float64], sizes: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas t at which abs(area - t) is z of t's own standard errors, by bisection."""
    pairs = np.maximum(sizes.prod(axis=1), 1e-300)
    extra = np.maximum(sizes.sum(axis=1) / 2 - 1, 0.0)

    def too_far(t: NDArray[np.float64]) -> NDArray[np.bool_]:
        factor = 1 + extra * ((1 - t) / (2 - t) + t / (1 + t))
        return (area - t) ** 2 > z**2 * t * (1 - t) * factor / pairs

    ends = []
    for far in (np.zeros_like(area), np.ones_like(area)):
        outer, inner = far, area
        for _ in range(60):
            middle = (outer + inner) / 2
            beyond = too_far(middle)
            outer, inner = np.where(beyond, middle, outer), np.where(beyond, inner, middle)
        ends.append(np.where(area == far, far, (outer + inner) / 2))
    return ends[0], ends[1]
