"""How well probabilities are calibrated within each group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from skfair._utils.arrays import divide
from skfair.groups import Missing
from skfair.metrics._by_group import check_confidence_level, gap_of_sums, warn_undefined
from skfair.metrics._regression import MEAN_RESIDUAL, standard_errors
from skfair.metrics._rows import ScoredRows, Strategy, assign_bins
from skfair.tally import MomentTally, count_cells

_IN_THE_LARGE = replace(MEAN_RESIDUAL, name="calibration_in_the_large")


def calibration_by_group(
    y_true: Any,
    y_prob: Any,
    *,
    sensitive_features: Any,
    n_bins: int = 10,
    strategy: Strategy = "quantile",
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Calibration of each group: in the large, and by bins of the probability.

    Calibration in the large is the mean label less the mean probability,

    .. math:: E[y - p \mid g],

    positive where the group's risk is underestimated. The calibration error is the root mean
    square over bins b of the same difference,

    .. math:: \sqrt{\textstyle\sum_b P(b \mid g) \, E[y - p \mid g, b]^2},

    in the unit of a probability. The plain plug-in of it, like the usual expected calibration
    error, mostly measures the sample: a perfect model of 200 rows has an ECE of about 0.07. Here
    the variance of a bin's mean is taken off its square, as Kumar, Liang and Ma (2019) do; without
    weights that leaves the mean of :math:`r_i r_j` over pairs of different rows with r = y - p,
    which has no bias (Lee et al. 2023). The mean square of a calibrated group is thus 0 on
    average, and below 0 about every other time; its root is then given with a minus sign: **read
    an error below 0 as 0**. Bins of a single row have no variance and are left out.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_prob : array-like of float of shape (n,)
        Probabilities of the positive class.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    n_bins : int, default=10
        Number of bins of the calibration error.
    strategy : {"quantile", "uniform"}, default="quantile"
        Bins with the same number of rows within each group (fewer where probabilities are tied;
        weights don't move the edges, rows without weight aren't counted), or bins of the same
        width, the same for all groups.
    confidence_level : float, default=0.95
        Of both intervals.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. With more than
        two classes that class is measured against the rest.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    table : DataFrame
        By group: ``n`` (rows), ``mean_label``, ``mean_probability``,
        ``calibration_in_the_large`` and ``calibration_error``, these two with ``_low`` and
        ``_high``.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, or probabilities are missing or
        outside [0, 1].

    Warns
    -----
    UndefinedMetricWarning
        If a group has no weight, or no bin with two rows; the message names group and figures.

    Notes
    -----
    The interval in the large joins the normal interval from the residuals' variance with a score
    interval, which becomes Wilson's where all probabilities are the same: so it stays honest where
    labels are rare and a sample without a positive has no variance. The interval of the error is
    normal for the mean square, with the variance of a weighted sum of squared normals, each at
    least as noisy as right probabilities would make it, and its ends are rooted like the estimate.

    References
    ----------
    Kumar, A., Liang, P. and Ma, T. (2019). Verified uncertainty calibration. NeurIPS 32.
    https://doi.org/10.48550/arXiv.1909.10155

    Lee, D., Huang, X., Hassani, H. and Dobriban, E. (2023). T-Cal: an optimal test for the
    calibration of predictive models. JMLR 24. https://doi.org/10.48550/arXiv.2203.01850

    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    JASA 22(158). https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y_prob, sex = rng.random(2000), np.repeat(["f", "m"], 1000)
    >>> y_true = rng.random(2000) < np.where(sex == "f", y_prob, y_prob**2)
    >>> table = calibration_by_group(y_true, y_prob, sensitive_features={"sex": sex})
    >>> table.filter(like="calibration").T.round(2)
    sex                               f     m
    calibration_in_the_large       0.00 -0.17
    calibration_in_the_large_low  -0.02 -0.19
    calibration_in_the_large_high  0.03 -0.15
    calibration_error             -0.01  0.19
    calibration_error_low         -0.05  0.16
    calibration_error_high         0.05  0.22
    """
    check_confidence_level(confidence_level)
    z = float(ndtri((1 + confidence_level) / 2))
    rows = ScoredRows.read_probabilities(
        y_true, y_prob, sensitive_features, sample_weight, pos_label, missing
    )
    tally = _moments(rows)
    low, high = _in_the_large_interval(tally, z)
    bins = _bin_means(rows, assign_bins(rows, n_bins, strategy))
    error, error_low, error_high = _error(bins, tally.effective_sizes, z)
    means = tally.means
    table = pd.DataFrame(
        {
            "n": tally.group_counts,
            "mean_label": means["y_true"],
            "mean_probability": means["y_pred"],
            "calibration_in_the_large": means["residual"],
            "calibration_in_the_large_low": low,
            "calibration_in_the_large_high": high,
            "calibration_error": error,
            "calibration_error_low": error_low,
            "calibration_error_high": error_high,
        },
        index=tally.index,
    )
    warn_undefined(table)
    return table


def calibration_gap(
    y_true: Any,
    y_prob: Any,
    *,
    sensitive_features: Any,
    sample_weight: Any = None,
    pos_label: Any = None,
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> float:
    r"""Largest difference between groups of calibration in the large.

    .. math:: \max_g E[y - p \mid g] - \min_g E[y - p \mid g]

    Where it isn't 0, the same probability stands for a lower risk in one group than in another.
    It has no bins, so a perfect model's gap goes to 0 with the rows and nothing else; what
    cancels within a group is seen by :func:`calibration_by_group`.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_prob : array-like of float of shape (n,)
        Probabilities of the positive class.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups; several columns make intersectional groups.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. With more than
        two classes that class is measured against the rest.
    min_group_size : int, default=None
        Leave groups with fewer rows out of the gap, with a warning that names them.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    gap : float
        In [0, 2]; 0 is fair; NaN where fewer than two groups remain.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, or probabilities are missing or
        outside [0, 1].

    Warns
    -----
    UndefinedMetricWarning
        If a group without weight is left out; the message names it.

    References
    ----------
    Kleinberg, J., Mullainathan, S. and Raghavan, M. (2017). Inherent trade-offs in the fair
    determination of risk scores. ITCS. https://doi.org/10.4230/LIPIcs.ITCS.2017.43

    Examples
    --------
    >>> y_true, y_prob, sex = [0, 1, 1, 0], [0.25, 0.75, 0.75, 0.75], ["f", "f", "m", "m"]
    >>> calibration_gap(y_true, y_prob, sensitive_features=sex)
    0.25
    """
    rows = ScoredRows.read_probabilities(
        y_true, y_prob, sensitive_features, sample_weight, pos_label, missing
    )
    tally = _moments(rows)
    return gap_of_sums(
        _IN_THE_LARGE,
        tally.sums,
        tally.labels,
        tally.group_counts,
        min_group_size=min_group_size,
    )


def _moments(rows: ScoredRows) -> MomentTally:
    return MomentTally.from_arrays(
        rows.positive, rows.score, rows.groups, sample_weight=rows.weight
    )


def _in_the_large_interval(
    tally: MomentTally, z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Join the normal interval of the mean residual with the score interval.

    If the mean residual were d, the residuals' variance would be about E[(p + d)(1 - p - d)] =
    m + c d - d^2 with m = E[p(1 - p)] and c = 1 - 2 E[p]; the ends solve (r - d)^2 = k (...).
    """
    residual = tally.means["residual"].to_numpy()
    probability = tally.means["y_pred"].to_numpy()
    variance = divide(tally.spread[:, 1], tally.weight)
    m, c = probability * (1 - probability) - variance, 1 - 2 * probability
    k = divide(np.full_like(m, z**2), tally.effective_sizes)
    middle = (residual + k * c / 2) / (1 + k)
    under_root = middle**2 - (residual**2 - k * m) / (1 + k)
    half = np.sqrt(np.where(under_root >= 0, under_root, np.nan))
    margin = z * standard_errors(tally)
    low = np.fmin(residual - margin, middle - half)
    high = np.fmax(residual + margin, middle + half)
    return np.maximum(low, -probability), np.minimum(high, 1 - probability)


def _error(
    bins: _BinMeans, sizes: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Signed root of each group's debiased mean square over bins, with its interval."""
    kept = np.where(np.isnan(bins.variance), 0.0, bins.weight)
    share = divide(kept, kept.sum(axis=1, keepdims=True))
    square = bins.mean**2 - np.nan_to_num(bins.variance)
    value = (share * square).sum(axis=1)
    noise = np.fmax(bins.variance, bins.calibrated)  # labels that are all alike are no certainty
    of_bins = 2 * noise**2 + 4 * np.maximum(square, 0.0) * noise
    of_shares = (share * (square - value[:, None]) ** 2).sum(axis=1)
    margin = z * np.sqrt((share**2 * of_bins).sum(axis=1) + divide(of_shares, sizes))
    return _signed_root(value), _signed_root(value - margin), _signed_root(value + margin)


@dataclass(frozen=True, eq=False)
class _BinMeans:
    """Weight and mean residual by group and bin, with two variances of that mean.

    ``variance`` is estimated from the residuals, NaN for a single row; ``calibrated`` is what it
    would be if the probabilities were right.
    """

    weight: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    calibrated: NDArray[np.float64]


def _bin_means(rows: ScoredRows, bins: NDArray[np.intp]) -> _BinMeans:
    codes, shape = [rows.groups.codes, bins], (rows.groups.n_groups, int(bins.max()) + 1)
    weight, weight2, _ = count_cells(codes, shape, rows.weight)
    scale = np.ones(len(bins)) if rows.weight is None else rows.weight
    residual = rows.positive - rows.score
    mean = np.nan_to_num(divide(count_cells(codes, shape, scale * residual)[0], weight))
    centred = scale * (residual - mean[rows.groups.codes, bins])
    spread = count_cells(codes, shape, centred)[1]  # the sum of squares
    room = weight**2 - weight2  # over weight**2 it is 1 - 1 / n without weights
    variance = divide(spread, np.where(room > 1e-9 * weight**2, room, 0.0))
    modelled = count_cells(codes, shape, scale * np.sqrt(rows.score * (1 - rows.score)))[1]
    return _BinMeans(weight, mean, variance, np.nan_to_num(divide(modelled, weight**2)))


def _signed_root(square: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sign(square) * np.sqrt(np.abs(square)))
