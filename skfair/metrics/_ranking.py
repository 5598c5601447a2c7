"""How well scores rank within each group: the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skfair.criteria import Rate
from skfair.groups import Missing
from skfair.metrics._by_group import check_confidence_level, gap_of_sums, warn_undefined
from skfair.metrics._roc_areas import area_interval, areas_of_rows, areas_of_tally
from skfair.metrics._rows import ScoredRows, read_scores
from skfair.tally import ScoreTally

# Pairs of a negative and a positive row stand where a confusion rate has rows: in the wrong order
# in the first cell, in the right order in the last.
_ROC_AUC = Rate("roc_auc", (0, 0, 0, 1), (1, 0, 0, 1))


def roc_auc_by_group(
    y_true: Any,
    y_score: Any = None,
    *,
    sensitive_features: Any = None,
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

    A tally knows no order within a bin of scores. Its rows count as tied, which is the middle of
    what their order may make of the area: ``roc_auc_least`` and ``roc_auc_most`` are the area with
    all pairs within bins in the wrong and in the right order, so the area of the scores themselves
    lies between them. The interval is moved out by as much.

    Parameters
    ----------
    y_true : array-like of shape (n,), or ScoreTally
        Labels; a tally brings scores, groups and weights along.
    y_score : array-like of float of shape (n,), default=None
        Scores, higher for the positive class; needed with arrays.
    sensitive_features : array-like of shape (n,) or (n, k), frame, dict or Groups, default=None
        Groups; several columns make intersectional groups. Needed with arrays.
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
        ``roc_auc_high``; of a tally ``roc_auc_least`` and ``roc_auc_most``, too.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, scores are missing or infinite, or
        other arguments go with a tally.

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

    From a tally of two bins:

    >>> from skfair.tally import ScoreTally
    >>> tally = ScoreTally.from_arrays(y_true, y_score, sex, edges=2)
    >>> roc_auc_by_group(tally).filter(regex="auc$|least|most").T.round(2)
    sex               f    m
    roc_auc        0.75  0.5
    roc_auc_least  0.56  0.0
    roc_auc_most   0.94  1.0
    """
    scores = read_scores(y_true, y_score, sensitive_features, sample_weight, pos_label, missing)
    return area_table(scores, confidence_level)


def area_table(scores: ScoredRows | ScoreTally, confidence_level: float) -> pd.DataFrame:
    """Lay the areas of scores that have been read out; see :func:`roc_auc_by_group`."""
    check_confidence_level(confidence_level)
    areas = areas_of_tally(scores) if isinstance(scores, ScoreTally) else areas_of_rows(scores)
    low, high = area_interval(areas, confidence_level)
    table = pd.DataFrame(
        {
            "n_positive": areas.count[:, 1],
            "n_negative": areas.count[:, 0],
            "roc_auc": areas.area,
            "roc_auc_low": low,
            "roc_auc_high": high,
        },
        index=scores.index,
    )
    if isinstance(scores, ScoreTally):
        table["roc_auc_least"] = (areas.area - areas.hidden).clip(min=0.0)
        table["roc_auc_most"] = (areas.area + areas.hidden).clip(max=1.0)
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
    areas = areas_of_rows(rows)
    return gap_of_sums(
        _ROC_AUC,
        areas.pairs,
        rows.groups.labels,
        areas.count.sum(axis=1),
        min_group_size=min_group_size,
    )
