"""Alerts: what they say, how severe they are, and what usually helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skfair.monitoring._family import Evidence
from skfair.monitoring._plan import Subject

COLUMNS = (
    *("severity", "first_time", "since", "raised", "kind", "slice", "feature", "group"),
    *("figure", "value", "low", "high", "reference", "n", "pvalue", "advice"),
)

_ADVICE = {
    "new group": "It has no reference: collect labelled rows of it and fit the monitor again.",
    "drift": "See whether the column's source or the people have changed; retrain on recent rows.",
    "missing": "Mend the source of the column, or impute it as in training.",
    "bound": "Mitigate: thresholds by group, reweighting or retraining; check the other criteria.",
    "selection_rate": "Look at score and feature drift in the group; retrain on recent rows.",
    "base_rate": "The outcome itself has changed: recalibrate on recent labels, then retrain.",
    "calibration": "Recalibrate scores on recent labels; retrain where that does not help.",
    "errors": "Collect recent labels of the group, choose the threshold again or retrain.",
}
_OF_PREDICTIONS = ("positive_predictive_value", "negative_predictive_value")
_FALSE_OF_PREDICTIONS = ("false_discovery_rate", "false_omission_rate")


def advice(kind: str, figure: str) -> str:
    """Say what usually helps.

    Examples
    --------
    >>> advice("change", "base_rate")
    'The outcome itself has changed: recalibrate on recent labels, then retrain.'
    """
    if kind != "change":
        return _ADVICE[kind]
    if figure in (*_OF_PREDICTIONS, *_FALSE_OF_PREDICTIONS):
        return _ADVICE["calibration"]
    return _ADVICE.get(figure, _ADVICE["errors"])


def severity(kind: str, value: float, low: float, high: float, reference: float) -> str:
    """Grade how far off a figure is: "high", "medium" or "low".

    High where the whole interval is 0.05 or more away from the reference, medium where the value
    is. A new group is medium: nothing is known of it.

    Examples
    --------
    >>> severity("change", 0.6, 0.5, 0.7, 0.8), severity("change", 0.6, 0.5, 0.79, 0.8)
    ('high', 'medium')
    """
    if kind == "new group":
        return "medium"
    nearest = max(low - reference, reference - high)
    if nearest >= 0.05:
        return "high"
    return "medium" if abs(value - reference) >= 0.05 else "low"


def make_alert(
    subject: Subject,
    evidence: Evidence,
    *,
    raised: Any,
    first_time: Any,
    since: Any,
    pvalue: float,
) -> dict[str, Any]:
    """Put an alert together, as a row of the table."""
    found = evidence.value, evidence.low, evidence.high, evidence.reference
    return {
        "severity": severity(subject.kind, *found),
        "first_time": first_time,
        "since": since,
        "raised": raised,
        "kind": subject.kind,
        "slice": subject.slice,
        "feature": subject.feature,
        "group": evidence.group,
        "figure": evidence.figure,
        **dict(zip(("value", "low", "high", "reference"), found, strict=True)),
        "n": evidence.n,
        "pvalue": pvalue,
        "advice": advice(subject.kind, subject.figure),
    }


def new_group_alert(
    feature: str, group: Any, n: int, *, raised: Any, first_time: Any
) -> dict[str, Any]:
    """Alert of a group that the reference doesn't know; it is certain, and needs no test."""
    subject = Subject("new group", "all", feature, group, "new group")
    nothing = (float("nan"),) * 4
    evidence = Evidence(0, "new group", group, n, *nothing)
    times = {"raised": raised, "first_time": first_time, "since": first_time}
    return make_alert(subject, evidence, **times, pvalue=float("nan"))


def alerts_table(alerts: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """All alerts, in the order in which they were raised."""
    table = pd.DataFrame({name: [alert[name] for alert in alerts] for name in COLUMNS})
    for name in ("value", "low", "high", "reference", "pvalue"):
        table[name] = table[name].astype(np.float64)
    return table
