"""Rates by name, of all rows or of each group."""

from __future__ import annotations

from typing import Any

from skfair.groups import Missing
from skfair.metrics._measure import documented, measure_rate


@documented("y_true", "y_pred", "pos_label", "sample_weight", "by_group", "missing")
def selection_rate(
    y_true: Any,
    y_pred: Any,
    *,
    pos_label: Any = None,
    sample_weight: Any = None,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of rows that are predicted positive.

    .. math:: P(\hat y = 1)

    ``y_true`` may be None: the rate doesn't depend on it.

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(selection_rate([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.4
    """
    return measure_rate(
        "selection_rate",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )


@documented("y_true", "y_pred", "sample_weight", "pos_label", "by_group", "missing")
def true_positive_rate(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    *,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of positives that are predicted positive (recall, sensitivity).

    .. math:: P(\hat y = 1 \mid y = 1) = tp / (tp + fn)

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(true_positive_rate([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.5
    """
    return measure_rate(
        "true_positive_rate",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )


@documented("y_true", "y_pred", "sample_weight", "pos_label", "by_group", "missing")
def true_negative_rate(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    *,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of negatives that are predicted negative (specificity).

    .. math:: P(\hat y = 0 \mid y = 0) = tn / (tn + fp)

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(true_negative_rate([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.667
    """
    return measure_rate(
        "true_negative_rate",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )


@documented("y_true", "y_pred", "sample_weight", "pos_label", "by_group", "missing")
def false_positive_rate(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    *,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of negatives that are predicted positive.

    .. math:: P(\hat y = 1 \mid y = 0) = fp / (tn + fp)

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(false_positive_rate([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.333
    """
    return measure_rate(
        "false_positive_rate",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )


@documented("y_true", "y_pred", "sample_weight", "pos_label", "by_group", "missing")
def false_negative_rate(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    *,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of positives that are predicted negative.

    .. math:: P(\hat y = 0 \mid y = 1) = fn / (tp + fn)

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(false_negative_rate([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.5
    """
    return measure_rate(
        "false_negative_rate",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )


@documented("y_true", "y_pred", "sample_weight", "pos_label", "by_group", "missing")
def positive_predictive_value(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    *,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of predicted positives that are positive (precision).

    .. math:: P(y = 1 \mid \hat y = 1) = tp / (tp + fp)

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(positive_predictive_value([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.5
    """
    return measure_rate(
        "positive_predictive_value",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )


@documented("y_true", "y_pred", "sample_weight", "pos_label", "by_group", "missing")
def negative_predictive_value(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    *,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of predicted negatives that are negative.

    .. math:: P(y = 0 \mid \hat y = 0) = tn / (tn + fn)

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(negative_predictive_value([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.667
    """
    return measure_rate(
        "negative_predictive_value",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )


@documented("y_true", "y_pred", "sample_weight", "pos_label", "by_group", "missing")
def false_discovery_rate(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    *,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of predicted positives that are negative.

    .. math:: P(y = 0 \mid \hat y = 1) = fp / (tp + fp)

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(false_discovery_rate([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.5
    """
    return measure_rate(
        "false_discovery_rate",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )


@documented("y_true", "y_pred", "sample_weight", "pos_label", "by_group", "missing")
def false_omission_rate(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    *,
    sensitive_features: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Share of predicted negatives that are positive.

    .. math:: P(y = 1 \mid \hat y = 0) = fn / (tn + fn)

    {parameters}

    Returns
    -------
    rate : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; NaN where the denominator is 0.

    Examples
    --------
    >>> round(false_omission_rate([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), 3)
    0.333
    """
    return measure_rate(
        "false_omission_rate",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        sample_weight=sample_weight,
        pos_label=pos_label,
        missing=missing,
    )
