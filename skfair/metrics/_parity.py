"""Criteria by name: parity of decisions, of precision and of accuracy."""

from __future__ import annotations

from typing import Any

from skfair.criteria import CRITERIA
from skfair.criteria.criterion import Method
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
def demographic_parity_difference(
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
    r"""Largest difference in selection rate between groups.

    .. math:: \max_g P(\hat y = 1 \mid g) - \min_g P(\hat y = 1 \mid g)

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 0 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Dwork, C., Hardt, M., Pitassi, T., Reingold, O. and Zemel, R. (2012). Fairness through
    awareness. ITCS. https://doi.org/10.1145/2090236.2090255

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(demographic_parity_difference(y_true, y_pred, sensitive_features=sex), 3)
    0.667
    """
    return measure_gap(
        CRITERIA["demographic_parity"],
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
def demographic_parity_ratio(
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
    r"""Smallest ratio of selection rates between groups.

    .. math:: \min_g P(\hat y = 1 \mid g) / \max_g P(\hat y = 1 \mid g)

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 1 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Dwork, C., Hardt, M., Pitassi, T., Reingold, O. and Zemel, R. (2012). Fairness through
    awareness. ITCS. https://doi.org/10.1145/2090236.2090255

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(demographic_parity_ratio(y_true, y_pred, sensitive_features=sex), 3)
    0.333
    """
    return measure_gap(
        CRITERIA["demographic_parity"],
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
def disparate_impact(
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
    r"""Smallest ratio of selection rates between groups (the four-fifths rule asks for 0.8).

    .. math:: \min_g P(\hat y = 1 \mid g) / \max_g P(\hat y = 1 \mid g)

    It is :func:`demographic_parity_ratio` under the name that lawyers know. AIF360's
    ``disparate_impact`` divides by a privileged group and can exceed 1; this one can't, so a bound
    on it holds in both directions.

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 1 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Feldman, M., Friedler, S. A., Moeller, J., Scheidegger, C. and Venkatasubramanian, S. (2015).
    Certifying and removing disparate impact. KDD. https://doi.org/10.1145/2783258.2783311

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(disparate_impact(y_true, y_pred, sensitive_features=sex), 3)
    0.333
    """
    return measure_gap(
        CRITERIA["disparate_impact"],
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
def predictive_parity_difference(
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
    r"""Largest difference in positive predictive value (precision) between groups.

    .. math:: \max_g P(y = 1 \mid \hat y = 1, g) - \min_g P(y = 1 \mid \hat y = 1, g)

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
    >>> round(predictive_parity_difference(y_true, y_pred, sensitive_features=sex), 3)
    0.333
    """
    return measure_gap(
        CRITERIA["predictive_parity"],
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
def predictive_parity_ratio(
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
    r"""Smallest ratio of positive predictive values (precision) between groups.

    .. math:: \min_g P(y = 1 \mid \hat y = 1, g) / \max_g P(y = 1 \mid \hat y = 1, g)

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
    >>> round(predictive_parity_ratio(y_true, y_pred, sensitive_features=sex), 3)
    0.667
    """
    return measure_gap(
        CRITERIA["predictive_parity"],
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
def accuracy_parity_difference(
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
    r"""Largest difference in accuracy between groups.

    .. math:: \max_g P(\hat y = y \mid g) - \min_g P(\hat y = y \mid g)

    It needs no positive class and takes any number of classes; ``pos_label`` makes no difference.

    {parameters}

    Returns
    -------
    gap : float
        In [0, 1]; 0 is fair; NaN where fewer than two groups have a defined rate.

    References
    ----------
    Berk, R., Heidari, H., Jabbari, S., Kearns, M. and Roth, A. (2021). Fairness in criminal
    justice risk assessments. Sociological Methods & Research 50(1).
    https://doi.org/10.1177/0049124118782533

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1], ["f", "f", "f", "m", "m", "m"]
    >>> round(accuracy_parity_difference(y_true, y_pred, sensitive_features=sex), 3)
    0.0
    """
    return measure_gap(
        CRITERIA["accuracy_parity"],
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
