"""What scores tell by group: ROC curves and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair.metrics import calibration_by_group, roc_auc_by_group, roc_curve_by_group
from skfair.reporting._inputs import Audited
from skfair.reporting._plain import Plain, estimate, group_values
from skfair.tally import ScoreTally

_MOST_POINTS = 60


def roc(audited: Audited, level: float) -> list[Plain]:
    """Area under the ROC curve of each group, and points of the curve."""
    if audited.rows is None:
        assert audited.scores is not None
        views = audited.scores.views()
        return [_roc(view.names, view.labels, level, view, {}) for view in views]
    rows = audited.rows
    found = []
    for groups in audited.groupings():
        options = {
            "y_score": rows.score,
            "sensitive_features": groups,
            "sample_weight": rows.weight,
        }
        found.append(_roc(groups.names, groups.labels, level, rows.positive, options))
    return found


def _roc(names: Any, labels: Any, level: float, y: Any, options: dict[str, Any]) -> Plain:
    areas = roc_auc_by_group(y, confidence_level=level, **options)
    curves = roc_curve_by_group(y, **options)
    codes = areas.index.get_indexer(curves.index)
    groups = []
    for i, label in enumerate(labels):
        own = curves[["fpr", "tpr"]].to_numpy()[codes == i]
        fpr, tpr = own[_spread(own)].T
        line = areas.iloc[i]
        groups.append(
            {
                "group": group_values(label),
                "n_positive": int(line["n_positive"]),
                "n_negative": int(line["n_negative"]),
                **estimate(line["roc_auc"], line["roc_auc_low"], line["roc_auc_high"]),
                "fpr": [round(float(x), 4) for x in fpr],
                "tpr": [round(float(x), 4) for x in tpr],
            }
        )
    return {"by": [*names], "is_binned": isinstance(y, ScoreTally), "groups": groups}


def _spread(curve: NDArray[np.float64]) -> NDArray[np.intp]:
    """Choose points that lie about evenly along a curve, both ends among them."""
    if len(curve) <= _MOST_POINTS:
        return np.arange(len(curve))
    along = curve.sum(axis=1)  # fpr and tpr rise together
    wanted = np.linspace(along[0], along[-1], _MOST_POINTS)
    return np.unique(np.searchsorted(along, wanted))  # the first and the last are found exactly


def calibration(audited: Audited, level: float) -> list[Plain]:
    """Calibration of each group's probabilities."""
    rows = audited.rows
    assert rows is not None
    found = []
    for groups in audited.groupings():
        table = calibration_by_group(
            rows.positive,
            rows.score,
            sensitive_features=groups,
            sample_weight=rows.weight,
            confidence_level=level,
        )
        lines = []
        for i, label in enumerate(groups.labels):
            line = table.iloc[i]
            large, error = (
                estimate(*(line[f"calibration_{kind}{end}"] for end in ("", "_low", "_high")))
                for kind in ("in_the_large", "error")
            )
            lines.append(
                {
                    "group": group_values(label),
                    "n": int(line["n"]),
                    "mean_label": float(round(line["mean_label"], 6)),
                    "mean_probability": float(round(line["mean_probability"], 6)),
                    "in_the_large": large,
                    "error": error,
                }
            )
        found.append({"by": [*groups.names], "groups": lines})
    return found
