"""Pre-training metrics of whole distributions of labels or numbers."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.columns import is_series
from skfair._utils.encoding import factorize, sort_labels
from skfair._utils.validation import as_column, check_same_length, check_weights, finite_column
from skfair.criteria import (
    DIVERGENCES,
    ClassSums,
    Divergence,
    critical_value,
    divergence_limits,
    lp_divergence,
    ordered_limits,
)
from skfair.detection._metric_parts import documented_metric, limits_table, read_labels
from skfair.detection._score_distance import score_distance
from skfair.groups import Groups, Missing
from skfair.tally import ScoreTally, Tally, sum_cells

Floats = NDArray[np.float64]

_ROUNDING = 4 * np.finfo(float).eps  # a spread below this part of the mean is none


@documented_metric("reference")
def kl_divergence(
    y: Any,
    *,
    sensitive_features: Any = None,
    reference: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Kullback-Leibler divergence of the rest's labels from each group's.

    .. math:: KL(P_a \,\|\, P_g) = \sum_y P_a(y) \ln \frac{P_a(y)}{P_g(y)}

    in nats; 0 where the label distributions are equal, infinite where a group lacks a class that
    the rest has. SageMaker Clarify leaves such classes out, and so can report less than 0.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. Limits carry Newcombe's interval of each
        class's difference over; with more than two classes they are wide.

    References
    ----------
    Das, S. et al. (2021). Fairness measures for machine learning in finance. Journal of Financial
    Data Science 3(4). https://doi.org/10.3905/jfds.2021.1.075

    Examples
    --------
    >>> y, sex = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15, {"sex": ["f"] * 50 + ["m"] * 50}
    >>> kl_divergence(y, sensitive_features=sex).round(3)
         estimate    low   high
    sex
    f       0.184  0.022  0.458
    m       0.192  0.023  0.487
    """
    return _diverge(
        DIVERGENCES["kl_divergence"],
        y,
        sensitive_features,
        reference,
        confidence_level,
        sample_weight,
        missing,
    )


@documented_metric("reference")
def js_divergence(
    y: Any,
    *,
    sensitive_features: Any = None,
    reference: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Jensen-Shannon divergence of the labels of each group and the rest.

    .. math:: \tfrac12 KL(P_a \,\|\, M) + \tfrac12 KL(P_g \,\|\, M), \quad
        M = \tfrac12 (P_a + P_g)

    in nats, in [0, ln 2]; defined where a group lacks a class, too.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. Limits carry Newcombe's interval of each
        class's difference over; with more than two classes they are wide.

    References
    ----------
    Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Transactions on
    Information Theory 37(1). https://doi.org/10.1109/18.61115

    Examples
    --------
    >>> y, sex = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15, {"sex": ["f"] * 50 + ["m"] * 50}
    >>> js_divergence(y, sensitive_features=sex).round(3)
         estimate    low   high
    sex
    f       0.046  0.006  0.113
    m       0.046  0.006  0.113
    """
    return _diverge(
        DIVERGENCES["js_divergence"],
        y,
        sensitive_features,
        reference,
        confidence_level,
        sample_weight,
        missing,
    )


@documented_metric("p", "reference")
def lp_distance(
    y: Any,
    *,
    sensitive_features: Any = None,
    p: float = 2.0,
    reference: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Distance of order p of the label distributions of each group and the rest.

    .. math:: \Big(\sum_y |P_a(y) - P_g(y)|^p\Big)^{1/p}

    in [0, :math:`2^{1/p}`].

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. Limits carry Newcombe's interval of each
        class's difference over; with more than two classes they are wide.

    References
    ----------
    Das, S. et al. (2021). Fairness measures for machine learning in finance. Journal of Financial
    Data Science 3(4). https://doi.org/10.3905/jfds.2021.1.075

    Examples
    --------
    >>> y, sex = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15, {"sex": ["f"] * 50 + ["m"] * 50}
    >>> lp_distance(y, sensitive_features=sex).round(3)
         estimate    low   high
    sex
    f       0.424  0.149  0.658
    m       0.424  0.149  0.658
    """
    return _diverge(
        lp_divergence(p), y, sensitive_features, reference, confidence_level, sample_weight, missing
    )


@documented_metric("reference")
def total_variation(
    y: Any,
    *,
    sensitive_features: Any = None,
    reference: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Total variation distance of the label distributions of each group and the rest.

    .. math:: \tfrac12 \sum_y |P_a(y) - P_g(y)|

    in [0, 1]: the share of the group's labels that would have to change.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. Limits carry Newcombe's interval of each
        class's difference over; with more than two classes they are wide.

    References
    ----------
    Das, S. et al. (2021). Fairness measures for machine learning in finance. Journal of Financial
    Data Science 3(4). https://doi.org/10.3905/jfds.2021.1.075

    Examples
    --------
    >>> y, sex = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15, {"sex": ["f"] * 50 + ["m"] * 50}
    >>> total_variation(y, sensitive_features=sex).round(3)
         estimate    low   high
    sex
    f         0.3  0.105  0.465
    m         0.3  0.105  0.465
    """
    return _diverge(
        DIVERGENCES["total_variation"],
        y,
        sensitive_features,
        reference,
        confidence_level,
        sample_weight,
        missing,
    )


@documented_metric("ordered", "reference")
def kolmogorov_smirnov(
    y: Any,
    *,
    sensitive_features: Any = None,
    ordered: bool = False,
    reference: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Kolmogorov-Smirnov distance of the labels, or numbers, of each group and the rest.

    .. math:: \max_y |P_a(y) - P_g(y)| \quad \text{or, ordered,} \quad
        \max_y |F_a(y) - F_g(y)|

    The first is the pre-training metric for labels without an order; with ``ordered=True`` it is
    the classical distance of the distribution functions, for ordered labels and for numeric
    features. For two classes they agree. Strings need an order: an ordered categorical's, or that
    of a polars Enum.

    With ``ordered=True`` ``y`` may be a :class:`~skfair.tally.ScoreTally`, too, of which the scores
    are compared, all labels together. It knows the distribution functions at its edges; within
    bins their distance is at most ``most``.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. Unordered, limits carry Newcombe's
        interval of each class's difference over; ordered, they are the estimate less and plus the
        critical distance :math:`\sqrt{-\ln(\alpha / 2) / 2} \sqrt{1 / n_a + 1 / n_g}`. Of a
        tally of scores also ``most``: the distance of the scores themselves lies between estimate
        and most, and ``high`` is that much higher.

    References
    ----------
    Smirnov, N. (1948). Table for estimating the goodness of fit of empirical distributions. Annals
    of Mathematical Statistics 19(2). https://doi.org/10.1214/aoms/1177730256

    Examples
    --------
    >>> age, sex = [20, 30, 40, 50, 25, 35, 45, 55], {"sex": ["f"] * 4 + ["m"] * 4}
    >>> kolmogorov_smirnov(age, sensitive_features=sex, ordered=True).round(2)
         estimate  low  high
    sex
    f        0.25  0.0   1.0
    m        0.25  0.0   1.0
    """
    if isinstance(y, ScoreTally):
        if sensitive_features is not None or sample_weight is not None:
            raise ValueError("a tally brings its groups and weights along: give y alone")
        if not ordered:
            raise ValueError("scores have an order: pass ordered=True")
        return score_distance(y, reference, confidence_level, missing)
    if not ordered:
        return _diverge(
            DIVERGENCES["kolmogorov_smirnov"],
            y,
            sensitive_features,
            reference,
            confidence_level,
            sample_weight,
            missing,
        )
    y = _with_order(y)
    table = read_labels(y, sensitive_features, sample_weight, missing)
    place = table.place_of(reference)
    rest = table.sums.others(place)
    limits = ordered_limits(rest, table.sums, confidence_level=confidence_level)
    return limits_table(limits, table.index, "kolmogorov_smirnov", reference=place)


@documented_metric("reference")
def earth_movers_distance(
    y: Any,
    *,
    sensitive_features: Any = None,
    reference: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Earth mover's distance of a numeric feature between each group and the rest.

    .. math:: \int |F_a(v) - F_g(v)|\, dv

    in the feature's units: how far its values would have to be moved, on average over rows, for
    the group to look like the rest. ``y`` may be any numeric column; it is also named the
    Wasserstein distance of order 1.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. The limits move the difference of the
        distribution functions by Kolmogorov and Smirnov's critical distance everywhere between
        the smallest and the largest value: they are wide.

    References
    ----------
    Ramdas, A., Garcia Trillos, N. and Cuturi, M. (2017). On Wasserstein two-sample testing and
    related families of nonparametric tests. Entropy 19(2). https://doi.org/10.3390/e19020047

    Examples
    --------
    >>> age, sex = [20, 30, 40, 50, 25, 35, 45, 65], ["f", "f", "f", "f", "m", "m", "m", "m"]
    >>> earth_movers_distance(age, sensitive_features=sex).estimate.to_dict()
    {'f': 7.5, 'm': 7.5}
    """
    table = read_labels(y, sensitive_features, sample_weight, missing)
    try:
        values = np.array(table.classes, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError("the earth mover's distance needs numbers") from error
    order = np.argsort(values)
    sums = ClassSums(*(array[..., order] for array in table.sums))
    place = table.place_of(reference)
    limits = ordered_limits(sums.others(place), sums, np.diff(values[order]), confidence_level)
    return limits_table(limits, table.index, "earth_movers_distance", reference=place)


@documented_metric()
def skewness(
    y: Any,
    *,
    sensitive_features: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Skewness of a numeric column within each group.

    .. math:: E[z^3], \quad z = (v - \mu) / \sigma

    with the group's own mean and standard deviation. ``y`` is any numeric column, no tally. Skew
    says how a column is spread, not that it is biased.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. The interval is normal, its variance that
        of the influence :math:`z^3 - 3 z - \gamma - \tfrac32 \gamma (z^2 - 1)` of a row; with
        heavy tails or few rows it is too short.

    References
    ----------
    Joanes, D. N. and Gill, C. A. (1998). Comparing measures of sample skewness and kurtosis.
    The Statistician 47(1). https://doi.org/10.1111/1467-9884.00122

    Examples
    --------
    >>> income, sex = [1, 2, 3, 1, 2, 12, 13, 14], ["f", "f", "f", "m", "m", "m", "m", "m"]
    >>> skewness(income, sensitive_features=sex).estimate.round(3).to_dict()
    {'f': -0.0, 'm': -0.38}
    """
    groups = Groups.read(sensitive_features, missing=missing)
    values = finite_column(y, "y")
    check_same_length(y=values, sensitive_features=groups)
    weights = check_weights(sample_weight, len(values))
    limits = _skewness_limits(values, groups, weights, critical_value(confidence_level))
    return limits_table(limits, groups.to_index(), "skewness")


def _skewness_limits(
    values: Floats, groups: Groups, weights: Floats | None, critical: float
) -> list[Floats]:
    ones = np.ones(len(values)) if weights is None else weights

    def mean(x: Floats, w: Floats = ones) -> Floats:
        return sum_cells([groups.codes], (groups.n_groups,), x, w)

    largest = np.zeros(groups.n_groups)
    np.maximum.at(largest, groups.codes, np.abs(values))
    values = np.ldexp(values, -np.frexp(largest)[1][groups.codes])  # cubes stay numbers
    total = mean(np.ones(len(values)))
    middle = divide(mean(values), total)
    centred = values - middle[groups.codes]
    spread = np.sqrt(divide(mean(centred**2), total))
    spread = np.where(spread <= _ROUNDING * np.abs(middle), 0.0, spread)
    z = divide(centred, spread[groups.codes])
    skew = divide(mean(np.nan_to_num(z) ** 3), total) + 0 * divide(spread, spread)
    g = skew[groups.codes]
    influence = np.nan_to_num(z**3 - 3 * z - g - 1.5 * g * (z**2 - 1))
    half = critical * np.sqrt(divide(mean(influence**2, ones**2), total**2))
    return [skew, skew - half, skew + half]


def _with_order(y: Any) -> Any:
    """Labels in an order: numbers as they are, strings as ordered categories say.

    Raises
    ------
    ValueError
        If strings have no order but the alphabet's.
    """
    if isinstance(y, Tally):  # it keeps the order of categories
        labels = list(y.classes)
        is_ordered = labels != sort_labels(labels)
    elif is_series(y) and isinstance(nw.from_native(y, series_only=True).dtype, nw.Enum):
        series = nw.from_native(y, series_only=True)
        order = list(series.to_native().dtype.categories)
        return pd.Categorical(series.to_list(), order, ordered=True)
    else:
        values = as_column(y, "y")
        labels = factorize(values)[1]
        is_ordered = getattr(getattr(values, "dtype", None), "ordered", False)
    if not is_ordered and any(isinstance(label, str) for label in labels):
        raise ValueError(
            "ordered=True needs the order of the labels, and that of strings would be the "
            "alphabet's: pass an ordered pandas Categorical or a polars Enum, or numbers"
        )
    return y


def _diverge(
    divergence: Divergence,
    y: Any,
    sensitive_features: Any,
    reference: Any,
    confidence_level: float,
    sample_weight: Any,
    missing: Missing,
) -> pd.DataFrame:
    table = read_labels(y, sensitive_features, sample_weight, missing)
    place = table.place_of(reference)
    limits = divergence_limits(divergence, table.sums.others(place), table.sums, confidence_level)
    return limits_table(limits, table.index, divergence.name, reference=place)
