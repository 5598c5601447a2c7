"""Criteria by name: parity of errors."""

from __future__ import annotations

from typing import Any

from skfair.criteria import CRITERIA
from skfair.criteria.criterion import Combination, Method
from skfair.groups import Missing
from skfair.metrics._measure import documented, measure_gap


@documented(
    "y_true",
    "y_pred",
    "sensitive_features",
    "method",
    "sample_weight",
    "pos_label",
    "min_group_size",
    "missing",
)
def equal_opportunity_difference(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Largest difference in true positive rate between groups.

    .. math:: \max_g P(\hat y = 1 \mid y = 1, g) - \min_g P(\hat y = 1 \mid y = 1, g)

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 0 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning.
    NeurIPS 29. https://doi.org/10.48550/arXiv.1610.02413

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(equal_opportunity_difference(y_true, y_pred, sensitive_features=sex), 3)
    0.5
    """
    return measure_gap(
        CRITERIA["equal_opportunity"],
        "difference",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        method=method,
        sample_weight=sample_weight,
        pos_label=pos_label,
        min_group_size=min_group_size,
        missing=missing,
    )


@documented(
    "y_true",
    "y_pred",
    "sensitive_features",
    "method",
    "sample_weight",
    "pos_label",
    "min_group_size",
    "missing",
)
def equal_opportunity_ratio(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Smallest ratio of true positive rates between groups.

    .. math:: \min_g P(\hat y = 1 \mid y = 1, g) / \max_g P(\hat y = 1 \mid y = 1, g)

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 1 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning.
    NeurIPS 29. https://doi.org/10.48550/arXiv.1610.02413

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(equal_opportunity_ratio(y_true, y_pred, sensitive_features=sex), 3)
    0.5
    """
    return measure_gap(
        CRITERIA["equal_opportunity"],
        "ratio",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        method=method,
        sample_weight=sample_weight,
        pos_label=pos_label,
        min_group_size=min_group_size,
        missing=missing,
    )


@documented(
    "y_true",
    "y_pred",
    "sensitive_features",
    "method",
    "sample_weight",
    "pos_label",
    "min_group_size",
    "missing",
)
def predictive_equality_difference(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Largest difference in false positive rate between groups.

    .. math:: \max_g P(\hat y = 1 \mid y = 0, g) - \min_g P(\hat y = 1 \mid y = 0, g)

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 0 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Chouldechova, A. (2017). Fair prediction with disparate impact. Big Data 5(2).
    https://doi.org/10.1089/big.2016.0047

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(predictive_equality_difference(y_true, y_pred, sensitive_features=sex), 3)
    1.0
    """
    return measure_gap(
        CRITERIA["predictive_equality"],
        "difference",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        method=method,
        sample_weight=sample_weight,
        pos_label=pos_label,
        min_group_size=min_group_size,
        missing=missing,
    )


@documented(
    "y_true",
    "y_pred",
    "sensitive_features",
    "method",
    "sample_weight",
    "pos_label",
    "min_group_size",
    "missing",
)
def predictive_equality_ratio(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Smallest ratio of false positive rates between groups.

    .. math:: \min_g P(\hat y = 1 \mid y = 0, g) / \max_g P(\hat y = 1 \mid y = 0, g)

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 1 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Chouldechova, A. (2017). Fair prediction with disparate impact. Big Data 5(2).
    https://doi.org/10.1089/big.2016.0047

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(predictive_equality_ratio(y_true, y_pred, sensitive_features=sex), 3)
    0.0
    """
    return measure_gap(
        CRITERIA["predictive_equality"],
        "ratio",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        method=method,
        sample_weight=sample_weight,
        pos_label=pos_label,
        min_group_size=min_group_size,
        missing=missing,
    )


@documented(
    "y_true",
    "y_pred",
    "sensitive_features",
    "method",
    "sample_weight",
    "agg",
    "pos_label",
    "min_group_size",
    "missing",
)
def equalized_odds_difference(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    agg: Combination = "worst_case",
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Worse of the differences in true and in false positive rate between groups.

    .. math:: \max_{k \in \{0, 1\}} (\max_g r_{gk} - \min_g r_{gk})

    with :math:`r_{gk} = P(\hat y = 1 \mid y = k, g)`, the false (k = 0) and true (k = 1)
    positive rate of group g.

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 0 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning.
    NeurIPS 29. https://doi.org/10.48550/arXiv.1610.02413

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(equalized_odds_difference(y_true, y_pred, sensitive_features=sex), 3)
    1.0
    """
    return measure_gap(
        CRITERIA["equalized_odds"],
        "difference",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        method=method,
        combination=agg,
        sample_weight=sample_weight,
        pos_label=pos_label,
        min_group_size=min_group_size,
        missing=missing,
    )


@documented(
    "y_true",
    "y_pred",
    "sensitive_features",
    "method",
    "sample_weight",
    "agg",
    "pos_label",
    "min_group_size",
    "missing",
)
def equalized_odds_ratio(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    agg: Combination = "worst_case",
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Worse of the ratios of true and of false positive rates between groups.

    .. math:: \min_{k \in \{0, 1\}} \min_g r_{gk} / \max_g r_{gk}

    with :math:`r_{gk} = P(\hat y = 1 \mid y = k, g)`, the false (k = 0) and true (k = 1)
    positive rate of group g.

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 1 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning.
    NeurIPS 29. https://doi.org/10.48550/arXiv.1610.02413

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(equalized_odds_ratio(y_true, y_pred, sensitive_features=sex), 3)
    0.0
    """
    return measure_gap(
        CRITERIA["equalized_odds"],
        "ratio",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        method=method,
        combination=agg,
        sample_weight=sample_weight,
        pos_label=pos_label,
        min_group_size=min_group_size,
        missing=missing,
    )


@documented(
    "y_true",
    "y_pred",
    "sensitive_features",
    "method",
    "sample_weight",
    "pos_label",
    "min_group_size",
    "missing",
)
def average_odds_difference(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Largest difference between groups in the mean of true and false positive rate.

    .. math:: \max_g m_g - \min_g m_g, \quad m_g = (TPR_g + FPR_g) / 2

    For two groups this is the magnitude of AIF360's ``average_odds_difference``. Opposite gaps in
    the two rates cancel in it: see :func:`average_abs_odds_difference`.

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 0 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Bellamy, R. K. E. et al. (2018). AI Fairness 360. https://doi.org/10.48550/arXiv.1810.01943

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(average_odds_difference(y_true, y_pred, sensitive_features=sex), 3)
    0.75
    """
    return measure_gap(
        CRITERIA["average_odds"],
        "difference",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        method=method,
        sample_weight=sample_weight,
        pos_label=pos_label,
        min_group_size=min_group_size,
        missing=missing,
    )


@documented(
    "y_true",
    "y_pred",
    "sensitive_features",
    "method",
    "sample_weight",
    "pos_label",
    "min_group_size",
    "missing",
)
def average_abs_odds_difference(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    method: Method = "between_groups",
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Mean of the differences in true and in false positive rate between groups.

    .. math:: \frac{1}{2} \sum_{k \in \{0, 1\}} (\max_g r_{gk} - \min_g r_{gk})

    with :math:`r_{gk} = P(\hat y = 1 \mid y = k, g)`, the false (k = 0) and true (k = 1)
    positive rate of group g.

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 0 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Bellamy, R. K. E. et al. (2018). AI Fairness 360. https://doi.org/10.48550/arXiv.1810.01943

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(average_abs_odds_difference(y_true, y_pred, sensitive_features=sex), 3)
    0.75
    """
    return measure_gap(
        CRITERIA["average_abs_odds"],
        "difference",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        method=method,
        sample_weight=sample_weight,
        pos_label=pos_label,
        min_group_size=min_group_size,
        missing=missing,
    )
