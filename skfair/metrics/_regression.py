"""Errors of numeric predictions by group, and how far they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from skfair.criteria import Method, Rate
from skfair.groups import Missing
from skfair.metrics._by_group import check_confidence_level, gap_of_sums, warn_undefined
from skfair.tally import MomentTally


@dataclass(frozen=True)
class _RootRate(Rate):
    """The square root of a ratio of sums."""

    def __call__(self, cells: Any) -> Any:
        return np.sqrt(super().__call__(cells))


# Ratios of MomentTally.sums, which stand where a confusion rate has its four cells.
MEAN_RESIDUAL = Rate("mean_residual", (0, 1, 0, 0), (1, 0, 0, 0))
_ABSOLUTE = Rate("mean_absolute_error", (0, 0, 1, 0), (1, 0, 0, 0), higher_is_better=False)
_ROOT_SQUARE = _RootRate(
    "root_mean_squared_error", (0, 0, 0, 1), (1, 0, 0, 0), higher_is_better=False
)


def mean_residual_difference(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Largest difference in mean residual between groups.

    .. math:: \max_g E[y - \hat y \mid g] - \min_g E[y - \hat y \mid g]

    Where it isn't 0, the model asks too much of one group or too little of another.

    Parameters
    ----------
    y_true, y_pred : array-like of float of shape (n,)
        Targets and predictions.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    method : {"between_groups", "to_overall"}, default="between_groups"
        Compare the groups with each other, or each with all rows together.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    min_group_size : int, default=None
        Leave groups with fewer rows out of the gap, with a warning that names them.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    gap : float
        At least 0, in the unit of the target; NaN where fewer than two groups remain.

    Raises
    ------
    ValueError
        If lengths differ, or a target or prediction is missing or infinite.

    Warns
    -----
    UndefinedMetricWarning
        If a group without weight is left out; the message names it.

    References
    ----------
    Calders, T., Karim, A., Kamiran, F., Ali, W. and Zhang, X. (2013). Controlling attribute effect
    in linear regression. ICDM. https://doi.org/10.1109/ICDM.2013.114

    Examples
    --------
    >>> y_true, y_pred, sex = [3.0, 5.0, 1.0, 4.0], [2.0, 6.0, 1.0, 1.0], ["f", "f", "m", "m"]
    >>> mean_residual_difference(y_true, y_pred, sensitive_features=sex)
    1.5
    """
    tally = MomentTally.from_arrays(
        y_true, y_pred, sensitive_features, sample_weight=sample_weight, missing=missing
    )
    return gap_of_sums(
        MEAN_RESIDUAL,
        tally.sums,
        tally.labels,
        tally.group_counts,
        method=method,
        min_group_size=min_group_size,
    )


def mean_absolute_error_difference(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Largest difference in mean absolute error between groups.

    .. math:: \max_g E[|y - \hat y| \mid g] - \min_g E[|y - \hat y| \mid g]

    Parameters
    ----------
    y_true, y_pred : array-like of float of shape (n,)
        Targets and predictions.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    method : {"between_groups", "to_overall"}, default="between_groups"
        Compare the groups with each other, or each with all rows together.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    min_group_size : int, default=None
        Leave groups with fewer rows out of the gap, with a warning that names them.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    gap : float
        At least 0, in the unit of the target; NaN where fewer than two groups remain.

    Raises
    ------
    ValueError
        If lengths differ, or a target or prediction is missing or infinite.

    Warns
    -----
    UndefinedMetricWarning
        If a group without weight is left out; the message names it.

    References
    ----------
    Agarwal, A., Dudik, M. and Wu, Z. S. (2019). Fair regression: quantitative definitions and
    reduction-based algorithms. ICML. https://doi.org/10.48550/arXiv.1905.12843

    Examples
    --------
    >>> y_true, y_pred, sex = [3.0, 5.0, 1.0, 4.0], [2.0, 6.0, 1.0, 1.0], ["f", "f", "m", "m"]
    >>> mean_absolute_error_difference(y_true, y_pred, sensitive_features=sex)
    0.5
    """
    tally = MomentTally.from_arrays(
        y_true, y_pred, sensitive_features, sample_weight=sample_weight, missing=missing
    )
    return gap_of_sums(
        _ABSOLUTE,
        tally.sums,
        tally.labels,
        tally.group_counts,
        method=method,
        min_group_size=min_group_size,
    )


def root_mean_squared_error_difference(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Largest difference in root mean squared error between groups.

    .. math:: \max_g \sqrt{E[(y - \hat y)^2 \mid g]} - \min_g \sqrt{E[(y - \hat y)^2 \mid g]}

    Parameters
    ----------
    y_true, y_pred : array-like of float of shape (n,)
        Targets and predictions.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    method : {"between_groups", "to_overall"}, default="between_groups"
        Compare the groups with each other, or each with all rows together.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    min_group_size : int, default=None
        Leave groups with fewer rows out of the gap, with a warning that names them.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    gap : float
        At least 0, in the unit of the target; NaN where fewer than two groups remain.

    Raises
    ------
    ValueError
        If lengths differ, or a target or prediction is missing or infinite.

    Warns
    -----
    UndefinedMetricWarning
        If a group without weight is left out; the message names it.

    References
    ----------
    Agarwal, A., Dudik, M. and Wu, Z. S. (2019). Fair regression: quantitative definitions and
    reduction-based algorithms. ICML. https://doi.org/10.48550/arXiv.1905.12843

    Examples
    --------
    >>> y_true, y_pred, sex = [3.0, 5.0, 1.0, 4.0], [2.0, 6.0, 1.0, 1.0], ["f", "f", "m", "m"]
    >>> gap = root_mean_squared_error_difference(y_true, y_pred, sensitive_features=sex)
    >>> round(gap, 3)
    1.121
    """
    tally = MomentTally.from_arrays(
        y_true, y_pred, sensitive_features, sample_weight=sample_weight, missing=missing
    )
    return gap_of_sums(
        _ROOT_SQUARE,
        tally.sums,
        tally.labels,
        tally.group_counts,
        method=method,
        min_group_size=min_group_size,
    )


def residuals_by_group(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Means, residuals and errors of each group.

    The residual is :math:`y - \hat y`: positive where the model predicts too little. The interval
    of its mean is Student's, :math:`\bar r \pm t_{n-1} s / \sqrt n`, with Kish's effective number
    n of rows where rows have weights.

    Parameters
    ----------
    y_true, y_pred : array-like of float of shape (n,)
        Targets and predictions.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    confidence_level : float, default=0.95
        Of the interval of the mean residual.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    table : DataFrame
        By group: ``n`` (rows), ``mean_true``, ``mean_pred``, ``mean_residual`` with ``_low`` and
        ``_high``, ``mean_absolute_error``, ``root_mean_squared_error``.

    Raises
    ------
    ValueError
        If lengths differ, or a target or prediction is missing or infinite.

    Warns
    -----
    UndefinedMetricWarning
        If a group has no weight, or a single row and so no interval; the message names group and
        figures.

    Examples
    --------
    >>> y_true, y_pred = [3.0, 5.0, 1.0, 4.0], [2.0, 6.0, 1.0, 1.0]
    >>> table = residuals_by_group(
    ...     y_true, y_pred, sensitive_features={"sex": ["f", "f", "m", "m"]}
    ... )
    >>> table.T.round(2)
    sex                         f      m
    n                        2.00   2.00
    mean_true                4.00   2.50
    mean_pred                4.00   1.00
    mean_residual            0.00   1.50
    mean_residual_low    -12.71 -17.56
    mean_residual_high     12.71  20.56
    mean_absolute_error      1.00   1.50
    root_mean_squared_error  1.00   2.12
    """
    check_confidence_level(confidence_level)
    tally = MomentTally.from_arrays(
        y_true, y_pred, sensitive_features, sample_weight=sample_weight, missing=missing
    )
    means = tally.means
    df = tally.effective_sizes - 1
    t = np.where(df > 1e-9, stdtrit(np.maximum(df, 1e-9), (1 + confidence_level) / 2), np.nan)
    margin = t * standard_errors(tally)
    table = pd.DataFrame(
        {
            "n": tally.group_counts,
            "mean_true": means["y_true"],
            "mean_pred": means["y_pred"],
            "mean_residual": means["residual"],
            "mean_residual_low": means["residual"] - margin,
            "mean_residual_high": means["residual"] + margin,
            "mean_absolute_error": _ABSOLUTE(tally.sums),
            "root_mean_squared_error": _ROOT_SQUARE(tally.sums),
        },
        index=tally.index,
    )
    warn_undefined(table)
    return table


def standard_errors(tally: MomentTally) -> NDArray[np.float64]:
    """Compute the standard error of each group's mean residual; NaN for a single row."""
    size = np.maximum(tally.effective_sizes, 1.0)
    return np.asarray(np.sqrt(tally.variances["residual"].to_numpy() / size))
