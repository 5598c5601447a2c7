"""ROC curves by group, as tables, from rows or from a tally of binned scores."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric
from skfair.groups import Missing
from skfair.metrics._roc_areas import area_of_ties
from skfair.metrics._rows import ScoredRows, read_scores, rows_by_group
from skfair.tally import ScoreTally

Floats = NDArray[np.float64]


class RocCurve(NamedTuple):
    """One ROC curve and the area under it; empty and NaN where the rows are of one class."""

    fpr: Floats
    tpr: Floats
    thresholds: Floats
    roc_auc: float


def roc_curve_by_group(
    y_true: Any,
    y_score: Any = None,
    *,
    sensitive_features: Any = None,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    """Points of the ROC curve of each group.

    A tally's points, at the edges of its bins, are exact. Between two of them the curve of the
    scores themselves rises somehow from the one to the other: it lies within the rectangle of
    which they are corners.

    Parameters
    ----------
    y_true : array-like of shape (n,), or ScoreTally
        Labels; a tally brings scores, groups and weights along.
    y_score : array-like of float of shape (n,), default=None
        Scores, higher for the positive class; needed with arrays.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups, \
            default=None
        Groups; several columns make intersectional groups. Needed with arrays.
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
        A row a point, indexed by group: ``threshold``, from infinity downwards, ``fpr`` and
        ``tpr`` of the rows whose score is no less. A group with rows of one class only has none.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, scores are missing or infinite, or
        other arguments go with a tally.

    Warns
    -----
    UndefinedMetricWarning
        If a group has rows of one class only; the message names it.

    See Also
    --------
    roc_auc_by_group : The areas under them.
    RocCurveByGroupDisplay : The curves, drawn.

    Examples
    --------
    >>> y_true, y_score = [0, 1, 0, 1, 0, 1], [0.1, 0.8, 0.4, 0.3, 0.9, 0.6]
    >>> roc_curve_by_group(y_true, y_score, sensitive_features={"sex": list("ffffmm")})
         threshold  fpr  tpr
    sex
    f          inf  0.0  0.0
    f          0.8  0.0  0.5
    f          0.4  0.5  0.5
    f          0.3  0.5  1.0
    f          0.1  1.0  1.0
    m          inf  0.0  0.0
    m          0.9  1.0  0.0
    m          0.6  1.0  1.0
    """
    scores = read_scores(y_true, y_score, sensitive_features, sample_weight, pos_label, missing)
    curves = curves_by_group(scores)
    index = scores.index
    lost = [label for label, curve in zip(index, curves, strict=True) if not len(curve.fpr)]
    if lost:
        warn_undefined_metric(
            f"roc_curve of groups {listed(lost)} is undefined: they have rows of one class only"
        )
    lengths = [len(curve.fpr) for curve in curves]
    columns = {"threshold": "thresholds", "fpr": "fpr", "tpr": "tpr"}
    return pd.DataFrame(
        {new: np.concatenate([getattr(c, old) for c in curves]) for new, old in columns.items()},
        index=index.repeat(lengths),
    )


def curves_by_group(scores: ScoredRows | ScoreTally) -> list[RocCurve]:
    """Curve of each group."""
    if isinstance(scores, ScoredRows):
        return [_of_rows(scores, members) for members in rows_by_group(scores.groups)]
    return [_of_bins(own, scores.thresholds) for own in scores.weight]


def overall_curve(scores: ScoredRows | ScoreTally) -> RocCurve:
    """Curve of all rows together."""
    if isinstance(scores, ScoredRows):
        return _of_rows(scores, np.arange(len(scores.score)))
    return _of_bins(scores.weight.sum(axis=0), scores.thresholds)


def _of_rows(rows: ScoredRows, members: NDArray[np.intp]) -> RocCurve:
    positive, score = rows.positive[members], rows.score[members]
    weight = None if rows.weight is None else rows.weight[members]
    counted = positive if weight is None else positive[weight > 0]
    if counted.all() or not counted.any():
        return _no_curve()
    fpr, tpr, thresholds = roc_curve(positive, score, sample_weight=weight)
    area = float(roc_auc_score(positive, score, sample_weight=weight))
    return RocCurve(fpr, tpr, thresholds, area)


def _of_bins(weight: Floats, thresholds: Floats) -> RocCurve:
    """Curve from the weight of negatives and positives by bin, of shape (2, B + 1)."""
    if not weight.any(axis=1).all():
        return _no_curve()
    selected = np.cumsum(weight[:, ::-1], axis=1)
    rates = np.concatenate([np.zeros((2, 1)), selected / selected[:, -1:]], axis=1)
    return RocCurve(rates[0], rates[1], thresholds[::-1], area_of_ties(weight)[0])


def _no_curve() -> RocCurve:
    nothing = np.empty(0)
    return RocCurve(nothing, nothing, nothing, float("nan"))
