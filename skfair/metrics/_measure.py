"""What stands behind every named metric: one tally, one rate or criterion, the policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from skfair._utils import docstrings, text
from skfair._utils.validation import as_column, check_same_length
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import Combination, Criterion, Gap, Method, cells_of, evaluate, get_rate
from skfair.groups import Groups, Missing
from skfair.tally import Tally

_PARAMETERS = {
    "y_true": """\
    y_true : array-like of shape (n,)
        Labels.""",
    "y_pred": """\
    y_pred : array-like of shape (n,)
        Predicted labels.""",
    "sensitive_features": """\
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.""",
    "by_group": """\
    sensitive_features : array-like of shape (n,) or (n, k), or dict, default=None
        Give the rate of each group; several columns make intersectional groups.""",
    "method": """\
    method : {"between_groups", "to_overall"}, default="between_groups"
        Compare the groups with each other, or each with all rows together.""",
    "sample_weight": """\
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.""",
    "agg": """\
    agg : {"worst_case", "mean"}, default="worst_case"
        Combine the gaps of the true and false positive rate by the worse or by the mean.""",
    "pos_label": """\
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. With more than
        two classes that class is measured against the rest.""",
    "min_group_size": """\
    min_group_size : int, default=None
        Leave groups with fewer rows out of the gap, with a warning that names them.""",
    "missing": """\
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.""",
}
_RAISES = """\
    Raises
    ------
    ValueError
        If the positive class can't be told (string labels without ``pos_label``, more than two
        classes), if lengths differ, or if labels are missing."""
_WARNS = """\
    Warns
    -----
    UndefinedMetricWarning
        If a group's rate is 0/0; the message names group and rate."""

_F = TypeVar("_F", bound=Callable[..., Any])


def documented(*parameters: str) -> Callable[[_F], _F]:
    """Write a docstring's shared sections: Parameters in place, Raises and Warns after Returns."""
    return docstrings.documented(parameters, _PARAMETERS, f"{_RAISES}\n\n{_WARNS}")


def measure_gap(
    criterion: Criterion,
    gap: Gap,
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    combination: Combination | None = None,
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
    strict: bool = False,
) -> float:
    """Gap of a criterion from arrays; ``strict`` as in :func:`skfair.criteria.evaluate`."""
    check_agg(combination)
    tally = tally_rows(
        y_true, y_pred, sensitive_features, sample_weight, missing, criterion.needs_labels
    )
    return evaluate(
        criterion,
        cells_of(tally.weight, tally.classes, criterion.rates, pos_label),
        tally.labels,
        gap=gap,
        method=method,
        combination=combination,
        group_counts=tally.group_counts,
        min_group_size=min_group_size,
        strict=strict,
    ).value


def check_agg(agg: object) -> None:
    """Refuse another way of combining gaps than there is."""
    if agg not in (None, "worst_case", "mean"):
        raise ValueError(f'agg must be "worst_case" or "mean", got {agg!r}')


def measure_rate(
    name: str,
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any = None,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> Any:
    """Rate of all rows as a float, or of each group as a Series."""
    rate = get_rate(name)
    by_group = sensitive_features is not None
    groups = sensitive_features if by_group else one_group(y_pred)
    tally = tally_rows(y_true, y_pred, groups, sample_weight, missing, rate.needs_labels)
    values = rate(cells_of(tally.weight, tally.classes, [rate], pos_label))
    undefined = [label for label, v in zip(tally.labels, values, strict=True) if np.isnan(v)]
    if undefined:
        of_groups = f" of groups {text.listed(undefined)}" if by_group else ""
        warn_undefined_metric(f"{name}{of_groups} is undefined (0/0) and NaN")
    return pd.Series(values, index=tally.index, name=name) if by_group else float(values[0])


def _are_scores(y: Any) -> bool:
    values = as_column(y, "y_true")
    if values.dtype.kind != "f":
        return False
    return bool((np.isnan(values) | (values != np.rint(values))).any())


def one_group(y: Any) -> Groups:
    """All rows as one group."""
    return Groups.single(len(as_column(y, "y_pred")))


def tally_rows(
    y_true: Any,
    y_pred: Any,
    sensitive_features: Any,
    sample_weight: Any,
    missing: Missing,
    needs_labels: bool,
) -> Tally:
    """Tally of rows; labels that no rate needs may be None or scores."""
    if not needs_labels and (y_true is None or _are_scores(y_true)):
        if y_true is not None:
            check_same_length(
                y_true=as_column(y_true, "y_true"), y_pred=as_column(y_pred, "y_pred")
            )
        y_true = y_pred
    return Tally.from_arrays(
        y_true, y_pred, sensitive_features, sample_weight=sample_weight, missing=missing
    )
