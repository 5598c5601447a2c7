"""Fairness between individuals: inequality of benefits, and like treatment of like rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from skfair._utils.arrays import divide
from skfair._utils.validation import (
    check_same_length,
    check_weights,
    encode_labels,
    refuse_fractions,
)
from skfair._utils.warning import warn_undefined_metric
from skfair.groups import Groups, Missing
from skfair.metrics._by_group import warn_undefined
from skfair.metrics._measure import one_group
from skfair.tally import Tally, count_cells

# Benefits y_pred - y_true + 1 of tn, fp, fn, tp.
_BENEFITS = np.array([1.0, 2.0, 0.0, 1.0])


def generalized_entropy_index(
    y_true: Any,
    y_pred: Any,
    *,
    alpha: float = 2.0,
    sensitive_features: Any = None,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Inequality between individuals of the benefit that the predictions give them.

    .. math::
        \frac{1}{\alpha (\alpha - 1)} E\left[\left(\frac{b}{E[b]}\right)^\alpha - 1\right],
        \quad b = \hat y - y + 1

    and its limits :math:`E[\frac{b}{E[b]} \ln \frac{b}{E[b]}]` for alpha = 1 (Theil's index) and
    :math:`-E[\ln \frac{b}{E[b]}]` for alpha = 0. A false positive has the benefit 2, a false
    negative 0, a right prediction 1.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_pred : array-like of shape (n,)
        Predicted labels.
    alpha : float, default=2
        Greater values weigh large benefits more. At 0 and below, a false negative makes the index
        infinite.
    sensitive_features : array-like of shape (n,) or (n, k), or dict, default=None
        Give the index within each group; several columns make intersectional groups.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class, the one that benefits; not needed where labels are {0, 1}, {-1, 1} or
        booleans. With more than two classes that class is measured against the rest.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    index : float, or Series of float indexed by group if ``sensitive_features`` is given
        At least 0; 0 where all benefits are equal; NaN where nobody has a benefit.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, labels are missing, or alpha isn't
        finite.

    Warns
    -----
    UndefinedMetricWarning
        If the mean benefit is 0; the message names the group.

    See Also
    --------
    between_group_entropy_index : The part of it that lies between groups.

    References
    ----------
    Speicher, T., Heidari, H., Grgic-Hlaca, N., Gummadi, K. P., Singla, A., Weller, A. and Zafar,
    M. B. (2018). A unified approach to quantifying algorithmic unfairness. KDD.
    https://doi.org/10.1145/3219819.3220046

    Examples
    --------
    >>> round(generalized_entropy_index([0, 0, 1, 1], [0, 1, 0, 1]), 3)
    0.25
    """
    return _entropy_index(
        "generalized_entropy_index",
        alpha,
        y_true,
        y_pred,
        sensitive_features,
        sample_weight,
        pos_label,
        missing,
    )


def theil_index(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any = None,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> Any:
    r"""Theil's index of the benefit: the generalized entropy index with alpha = 1.

    .. math:: E\left[\frac{b}{E[b]} \ln \frac{b}{E[b]}\right], \quad b = \hat y - y + 1

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_pred : array-like of shape (n,)
        Predicted labels.
    sensitive_features : array-like of shape (n,) or (n, k), or dict, default=None
        Give the index within each group; several columns make intersectional groups.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class, the one that benefits; not needed where labels are {0, 1}, {-1, 1} or
        booleans. With more than two classes that class is measured against the rest.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    index : float, or Series of float indexed by group if ``sensitive_features`` is given
        At least 0; 0 where all benefits are equal; NaN where nobody has a benefit.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, or labels are missing.

    Warns
    -----
    UndefinedMetricWarning
        If the mean benefit is 0; the message names the group.

    References
    ----------
    Speicher, T., Heidari, H., Grgic-Hlaca, N., Gummadi, K. P., Singla, A., Weller, A. and Zafar,
    M. B. (2018). A unified approach to quantifying algorithmic unfairness. KDD.
    https://doi.org/10.1145/3219819.3220046

    Examples
    --------
    >>> round(theil_index([0, 0, 1, 1], [0, 1, 0, 1]), 3)
    0.347
    """
    return _entropy_index(
        "theil_index", 1.0, y_true, y_pred, sensitive_features, sample_weight, pos_label, missing
    )


def between_group_entropy_index(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    alpha: float = 2.0,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> float:
    r"""Part of the generalized entropy index that lies between groups.

    It is the index where everybody has the mean benefit of their group. The whole index is this
    plus the part within the groups,

    .. math:: \sum_g P(g) \left(\frac{E[b \mid g]}{E[b]}\right)^\alpha GE_\alpha(g).

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_pred : array-like of shape (n,)
        Predicted labels.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    alpha : float, default=2
        As in :func:`generalized_entropy_index`.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class, the one that benefits; not needed where labels are {0, 1}, {-1, 1} or
        booleans. With more than two classes that class is measured against the rest.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    index : float
        At least 0; 0 where the groups' mean benefits are equal; NaN where nobody has a benefit.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, labels are missing, or alpha isn't
        finite.

    Warns
    -----
    UndefinedMetricWarning
        If the mean benefit of all rows is 0.

    References
    ----------
    Speicher, T., Heidari, H., Grgic-Hlaca, N., Gummadi, K. P., Singla, A., Weller, A. and Zafar,
    M. B. (2018). A unified approach to quantifying algorithmic unfairness. KDD.
    https://doi.org/10.1145/3219819.3220046

    Examples
    --------
    >>> y_true, y_pred, sex = [0, 0, 1, 1], [0, 1, 0, 1], ["f", "m", "f", "m"]
    >>> between_group_entropy_index(y_true, y_pred, sensitive_features=sex)
    0.125
    """
    cells, _ = _cells(y_true, y_pred, sensitive_features, sample_weight, pos_label, missing)
    weight = cells.sum(axis=1)
    benefit = np.nan_to_num(divide(cells @ _BENEFITS, weight))
    value = float(_entropy(weight, benefit, alpha))
    if np.isnan(value):
        warn_undefined_metric(
            "between_group_entropy_index is undefined and NaN: the mean benefit is 0"
        )
    return value


def consistency_score(
    X: Any,
    y_pred: Any,
    *,
    n_neighbors: int = 5,
    sensitive_features: Any = None,
    sample_weight: Any = None,
    missing: Missing = "group",
    n_jobs: int | None = None,
) -> Any:
    r"""Share of a row's nearest neighbours that get the same prediction as the row.

    .. math::
        1 - \frac{1}{n} \sum_i \Big|\hat y_i - \frac{1}{k} \sum_{j \in kNN(i)} \hat y_j\Big|

    for binary predictions; it is the share that agree for any number of classes. A row is no
    neighbour of itself. Neighbours are Euclidean, so scale X first, and leave out of it what
    shouldn't make two people different. Where several rows are as far away as the k-th neighbour,
    which of them count depends on the order of the rows.

    Parameters
    ----------
    X : array-like, sparse matrix or data frame of shape (n, n_features)
        Numeric features that say who is like whom.
    y_pred : array-like of shape (n,)
        Predicted labels of any type.
    n_neighbors : int, default=5
        Number of neighbours k.
    sensitive_features : array-like of shape (n,) or (n, k), or dict, default=None
        Give the mean over the rows of each group; their neighbours are of any group.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights of the rows; neighbours count alike.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    n_jobs : int, default=None
        Number of jobs of the neighbours search.

    Returns
    -------
    score : float, or Series of float indexed by group if ``sensitive_features`` is given
        In [0, 1]; 1 is consistent.

    Raises
    ------
    ValueError
        If there aren't more rows than neighbours, X isn't numeric or has missing values, lengths
        differ, or predictions are missing.

    Warns
    -----
    UndefinedMetricWarning
        If a group has no weight; the message names it.

    References
    ----------
    Zemel, R., Wu, Y., Swersky, K., Pitassi, T. and Dwork, C. (2013). Learning fair
    representations. ICML. https://proceedings.mlr.press/v28/zemel13.html

    Examples
    --------
    >>> consistency_score([[1.0], [2.0], [4.0], [9.0]], [0, 0, 1, 0], n_neighbors=1)
    0.5
    """
    (codes,), classes = encode_labels(("y_pred", y_pred))
    refuse_fractions(classes)
    by_group = sensitive_features is not None
    groups = Groups.read(sensitive_features if by_group else one_group(codes), missing=missing)
    check_same_length(y_pred=codes, sensitive_features=groups)
    weights = check_weights(sample_weight, len(codes))
    from sklearn.neighbors import NearestNeighbors  # takes long to import

    found = NearestNeighbors(n_neighbors=n_neighbors, n_jobs=n_jobs).fit(X)
    check_same_length(X=range(found.n_samples_fit_), y_pred=codes)
    neighbours = found.kneighbors(return_distance=False)
    agree = (codes[neighbours] == codes[:, None]).mean(axis=1)
    scaled = agree if weights is None else agree * weights
    total, size = (
        count_cells([groups.codes], (groups.n_groups,), values)[0] for values in (scaled, weights)
    )
    series = pd.Series(divide(total, size), index=groups.to_index(), name="consistency_score")
    warn_undefined(series.to_frame(), by_group=by_group)
    return series if by_group else float(series.iloc[0])


def _entropy_index(
    name: str,
    alpha: float,
    y_true: Any,
    y_pred: Any,
    sensitive_features: Any,
    sample_weight: Any,
    pos_label: Any,
    missing: Missing,
) -> Any:
    by_group = sensitive_features is not None
    cells, index = _cells(y_true, y_pred, sensitive_features, sample_weight, pos_label, missing)
    values = _entropy(cells, np.broadcast_to(_BENEFITS, cells.shape), alpha)
    series = pd.Series(values, index=index, name=name)
    warn_undefined(series.to_frame(), by_group=by_group)
    return series if by_group else float(values[0])


def _cells(
    y_true: Any,
    y_pred: Any,
    sensitive_features: Any,
    sample_weight: Any,
    pos_label: Any,
    missing: Missing,
) -> tuple[NDArray[np.float64], pd.Index]:
    if sensitive_features is None:
        sensitive_features = one_group(y_pred)
    tally = Tally.from_arrays(
        y_true, y_pred, sensitive_features, sample_weight=sample_weight, missing=missing
    )
    return tally.cells(pos_label), tally.index


def _entropy(
    weight: NDArray[np.float64], benefit: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """Generalized entropy over the last axis; NaN where the mean benefit is 0."""
    if not np.isfinite(alpha):
        raise ValueError(f"alpha must be a finite number, got {alpha!r}")
    share = divide(weight, weight.sum(axis=-1, keepdims=True))
    mean = (share * benefit).sum(axis=-1, keepdims=True)
    relative = divide(benefit, np.broadcast_to(mean, benefit.shape))
    with np.errstate(divide="ignore", invalid="ignore"):  # log(0) and 0**alpha: inf, if anybody
        if alpha == 1:
            term = xlogy(relative, relative)
        elif alpha == 0:
            term = -np.log(relative)
        else:
            term = (relative**alpha - 1) / (alpha * (alpha - 1))
        return np.where(share == 0, 0.0, share * term).sum(axis=-1)
