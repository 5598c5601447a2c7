"""Errors of verification (are these two the same person?) by group, at one global threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skfair.criteria import RATES
from skfair.groups import Missing
from skfair.metrics._by_group import warn_undefined
from skfair.metrics._rows import ScoredRows
from skfair.tally import Tally


def verification_rates(
    y_true: Any,
    y_score: Any,
    *,
    sensitive_features: Any,
    threshold: float | None = None,
    target_fmr: float | None = None,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Measure false match rate and false non-match rate of each group at one global threshold.

    .. math::
        FMR_g(t) = P(s \ge t \mid \text{impostors}, g), \quad
        FNMR_g(t) = P(s < t \mid \text{genuine}, g)

    A row is a pair of samples, an impostor pair (two persons) or a genuine one (one person), and
    its group is the pair's. One threshold is set for everybody, as systems in the field do, so a
    group's false matches are what it meets there.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels of the pairs: positive where they are genuine.
    y_score : array-like of float of shape (n,)
        Similarity of the pair; it is a match at ``score >= threshold``.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    threshold : float, default=None
        The threshold.
    target_fmr : float, default=None
        Instead of a threshold: take the smallest score of any pair at which the false match rate
        of all groups together is at most this, exactly, by sorting the impostors' scores. If there
        is none, the threshold lies just above the largest score.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The label of genuine pairs; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    table : DataFrame
        By group: ``n_impostor``, ``n_genuine`` (pairs), ``threshold`` (the same in every row),
        ``false_match_rate``, ``false_non_match_rate``.

    Raises
    ------
    ValueError
        If both or neither of ``threshold`` and ``target_fmr`` are given, the target isn't in
        [0, 1] or there are no impostors to set it by, the positive class can't be told, lengths
        differ, or scores are missing or infinite.

    Warns
    -----
    UndefinedMetricWarning
        If a group has no impostor or no genuine pairs; the message names group and rate.

    References
    ----------
    ISO/IEC 19795-1:2021. Biometric performance testing and reporting, part 1.

    Grother, P., Ngan, M. and Hanaoka, K. (2019). Face recognition vendor test, part 3:
    demographic effects. NISTIR 8280. https://doi.org/10.6028/NIST.IR.8280

    Examples
    --------
    >>> y_true, y_score = [0, 0, 1, 1, 0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9, 0.3, 0.7, 0.5, 0.8]
    >>> race = {"race": ["b", "b", "b", "b", "w", "w", "w", "w"]}
    >>> verification_rates(y_true, y_score, sensitive_features=race, target_fmr=0.25).T
    race                    b    w
    n_impostor            2.0  2.0
    n_genuine             2.0  2.0
    threshold             0.5  0.5
    false_match_rate      0.0  0.5
    false_non_match_rate  0.0  0.0
    """
    rows = ScoredRows.read(y_true, y_score, sensitive_features, sample_weight, pos_label, missing)
    level = _choose_threshold(rows, threshold, target_fmr)
    tally = Tally.from_arrays(
        rows.positive, rows.score >= level, rows.groups, sample_weight=rows.weight
    )
    cells, pairs = tally.cells(), rows.by_label()[2]
    table = pd.DataFrame(
        {
            "n_impostor": pairs[:, 0],
            "n_genuine": pairs[:, 1],
            "threshold": level,
            "false_match_rate": RATES["false_positive_rate"](cells),
            "false_non_match_rate": RATES["false_negative_rate"](cells),
        },
        index=tally.index,
    )
    warn_undefined(table)
    return table


def _choose_threshold(rows: ScoredRows, threshold: float | None, target_fmr: float | None) -> float:
    if target_fmr is None:
        if threshold is None or np.isnan(threshold):
            raise ValueError(f"give a threshold or target_fmr, got threshold={threshold}")
        return float(threshold)
    if threshold is not None:
        raise ValueError("give either threshold or target_fmr, not both")
    if not 0 <= target_fmr <= 1:
        raise ValueError(f"target_fmr must be in [0, 1], got {target_fmr}")
    return _threshold_at(rows, target_fmr)


def _threshold_at(rows: ScoredRows, target_fmr: float) -> float:
    """Smallest score at which at most that share of all impostors' weight is matched."""
    weight = np.ones(len(rows.score)) if rows.weight is None else rows.weight
    order = np.argsort(rows.score)
    score, impostor = rows.score[order], np.where(rows.positive, 0.0, weight)[order]
    if not impostor.any():
        raise ValueError("there are no impostor pairs to set the threshold by: give threshold")
    first = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    matched = np.cumsum(np.add.reduceat(impostor, first)[::-1])[::-1]  # at each distinct score
    low_enough = np.flatnonzero(matched <= target_fmr * matched[0] * (1 + 1e-12))
    if not len(low_enough):
        return float(np.nextafter(score[-1], np.inf))
    return float(score[first[low_enough[0]]])
