"""The worst-off group, the worst-off class, and each class against the rest."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.validation import check_same_length, check_weights, refuse_fractions
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import RATES, Method, Rate, cells_of, get_rate, parse_metric, worst
from skfair.groups import Groups, Missing
from skfair.metrics._by_group import gap_of_sums, join_notes
from skfair.metrics._calls import as_rows, call_by_part, name_of, refuse_guess
from skfair.metrics._measure import one_group, tally_rows
from skfair.metrics._rows import rows_by_group
from skfair.tally import Tally, count_cells


def worst_group_score(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    score: str | Rate | Callable[..., float] = "accuracy",
    higher_is_better: bool = True,
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Score of the group that is worst off.

    .. math:: \min_g \text{score}_g

    or the maximum, where lower is better. Unlike a gap it can't be improved by making the better
    groups worse.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_pred : array-like of shape (n,)
        Predicted labels, or whatever a callable score takes, of shape (n, m) too.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    score : str, Rate or callable, default="accuracy"
        The name of a rate, or a function ``score(y_true, y_pred)`` of a group's rows that also
        takes ``sample_weight=`` where weights are given. ``"accuracy"`` and ``"error_rate"`` need
        no positive class and take any number of classes.
    higher_is_better : bool, default=True
        Of a callable; a rate knows it itself.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class of a rate; not needed where labels are {0, 1}, {-1, 1} or booleans. With
        more than two classes that class is measured against the rest.
    min_group_size : int, default=None
        Leave groups with fewer rows out, with a warning that names them.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    score : float
        NaN where no group has a defined score.

    Raises
    ------
    ValueError
        If there is no rate of that name, the positive class can't be told, lengths differ, or
        a rate is asked of probabilities.

    Warns
    -----
    UndefinedMetricWarning
        If a group without a defined score, or a small one, is left out; the message names it.

    References
    ----------
    Sagawa, S., Koh, P. W., Hashimoto, T. B. and Liang, P. (2020). Distributionally robust neural
    networks for group shifts. ICLR. https://doi.org/10.48550/arXiv.1911.08731

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> worst_group_score(y_true, y_pred, sensitive_features=sex, score="true_positive_rate")
    0.5
    """
    groups = Groups.read(sensitive_features, missing=missing)
    if callable(score) and not isinstance(score, Rate):
        name = name_of(score, repr(score))
        values = _call_by_group(score, y_true, y_pred, groups, sample_weight)
    else:
        rate = get_rate(score)
        name, higher_is_better = rate.name, rate.higher_is_better
        tally = tally_rows(y_true, y_pred, groups, sample_weight, missing, rate.needs_labels)
        values = rate(_cells(tally, rate, pos_label))
    weights = check_weights(sample_weight, len(groups))
    small = count_cells([groups.codes], values.shape, weights)[2] < (min_group_size or 0)
    _warn_left_out(name, values, small, groups.labels, min_group_size)
    return float(worst(np.where(small, np.nan, values), higher_is_better=higher_is_better))


def worst_class_recall(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any = None,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Smallest recall of any class.

    .. math:: \min_c P(\hat y = c \mid y = c)

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels of any number of classes.
    y_pred : array-like of shape (n,)
        Predicted labels.
    sensitive_features : array-like of shape (n,) or (n, k), or dict, default=None
        Give the smallest recall of each group; several columns make intersectional groups.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    recall : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN for a group without weight.

    Raises
    ------
    ValueError
        If lengths differ, or labels are missing.

    Warns
    -----
    UndefinedMetricWarning
        If a class that has no rows (of a group) is left out; the message names class and group.

    Examples
    --------
    >>> worst_class_recall(["a", "a", "b", "b", "c"], ["a", "b", "b", "b", "c"])
    0.5
    """
    by_group = sensitive_features is not None
    groups = sensitive_features if by_group else one_group(y_pred)
    tally = Tally.from_arrays(y_true, y_pred, groups, sample_weight=sample_weight, missing=missing)
    refuse_fractions(tally.classes)
    recalls = RATES["true_positive_rate"](tally.cells_by_class()).T  # (n_groups, n_classes)
    lost = [
        f"class {tally.classes[c]!r}" + (f" of group {tally.labels[g]!r}" if by_group else "")
        for g, c in np.argwhere(np.isnan(recalls)).tolist()
    ]
    if lost:
        warn_undefined_metric(
            f"worst_class_recall: recall is undefined (0/0) and left out: {join_notes(lost)}"
        )
    values = worst(recalls)
    return (
        pd.Series(values, tally.index, name="worst_class_recall") if by_group else float(values[0])
    )


def one_vs_rest_gaps(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    metric: str | Sequence[str] = "equalized_odds_difference",
    method: Method = "between_groups",
    sample_weight: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    """Fairness metrics of each class against the rest.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels of any number of classes.
    y_pred : array-like of shape (n,)
        Predicted labels.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    metric : str or sequence of str, default="equalized_odds_difference"
        ``"<criterion>_difference"``, ``"<criterion>_ratio"`` or ``"disparate_impact"``, where the
        name of a rate stands for its equality; a column of the table for each.
    method : {"between_groups", "to_overall"}, default="between_groups"
        Compare the groups with each other, or each with all rows together.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    min_group_size : int, default=None
        Leave groups with fewer rows out of the gaps, with a warning that names them.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    table : DataFrame
        A row a class, a column a metric; NaN where fewer than two groups have a defined rate.

    Raises
    ------
    ValueError
        If no metric is of that name, lengths differ, or labels are missing.

    Warns
    -----
    UndefinedMetricWarning
        If a group's rate is 0/0; the message names class, group and rate.

    Examples
    --------
    >>> y_true = ["cat", "dog", "cow", "cat", "dog", "cow"]
    >>> y_pred = ["cat", "dog", "cow", "dog", "dog", "cow"]
    >>> one_vs_rest_gaps(
    ...     y_true, y_pred, sensitive_features=["day"] * 3 + ["night"] * 3,
    ...     metric=["equal_opportunity_difference", "predictive_equality_difference"],
    ... )
           equal_opportunity_difference  predictive_equality_difference
    class
    cat                             1.0                             0.0
    cow                             0.0                             0.0
    dog                             0.0                             0.5
    """
    names = [metric] if isinstance(metric, str) else list(metric)
    parsed = [parse_metric(name) for name in names]
    tally = Tally.from_arrays(
        y_true, y_pred, sensitive_features, sample_weight=sample_weight, missing=missing
    )
    refuse_fractions(tally.classes)
    cells = tally.cells_by_class()
    gaps = np.empty((len(cells), len(names)))
    for c, label in enumerate(tally.classes):
        for k, (criterion, gap) in enumerate(parsed):
            of_class = replace(criterion, name=f"{criterion.name} of class {label!r}")
            gaps[c, k] = gap_of_sums(
                of_class,
                cells[c],
                tally.labels,
                tally.group_counts,
                gap=gap,
                method=method,
                min_group_size=min_group_size,
            )
    return pd.DataFrame(gaps, index=pd.Index(tally.classes, name="class"), columns=names)


def _cells(tally: Tally, rate: Rate, pos_label: Any) -> NDArray[np.float64]:
    """Cells of a rate: of all classes where it treats them alike and none is named."""
    if pos_label is not None:
        return tally.cells(pos_label)
    return cells_of(tally.weight, tally.classes, [rate])


def _call_by_group(
    score: Callable[..., float], y_true: Any, y_pred: Any, groups: Groups, sample_weight: Any
) -> NDArray[np.float64]:
    true, pred = as_rows(y_true, "y_true"), as_rows(y_pred, "y_pred")
    check_same_length(y_true=true, y_pred=pred, sensitive_features=groups)
    weights = check_weights(sample_weight, len(true))
    refuse_guess(score, true, pred)
    params = {} if weights is None else {"sample_weight": weights}
    counted = np.ones(len(true)) if weights is None else weights
    parts = [(g, rows) for g, rows in enumerate(rows_by_group(groups)) if counted[rows].any()]
    values = np.full(groups.n_groups, np.nan)
    for g, value in call_by_part(score, true, pred, params, parts).items():
        values[g] = value
    return values


def _warn_left_out(
    name: str,
    values: NDArray[np.float64],
    small: NDArray[np.bool_],
    labels: Sequence[Hashable],
    min_group_size: int | None,
) -> None:
    notes = []
    if small.any():
        names = listed(label for label, is_small in zip(labels, small, strict=True) if is_small)
        notes.append(f"groups with fewer than {min_group_size} rows are left out: {names}")
    undefined = np.isnan(values) & ~small
    if undefined.any():
        names = listed(label for label, is_lost in zip(labels, undefined, strict=True) if is_lost)
        notes.append(f"{name} is undefined and left out for groups {names}")
    if (small | undefined).all():
        notes.append("the result is NaN")
    if notes:
        warn_undefined_metric(f"worst_group_score: {'; '.join(notes)}")
