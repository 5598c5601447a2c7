"""Skewness and normality of numbers that are given with the rows that have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from skfair.detection._value_tests import ROUNDING
from skfair.tally import NumberSummary

Floats = NDArray[np.float64]


def counted_shape(numbers: Floats, rows: Floats, weight: Floats | None) -> tuple[float, float]:
    """Skewness of numbers, and the p-value of D'Agostino and Pearson's test of normality.

    As :func:`shape_of` of the rows; the test knows no weights.

    Parameters
    ----------
    numbers : ndarray of float of shape (n,)
        NaN where missing.
    rows : ndarray of float of shape (n,)
        Rows that have each.
    weight : ndarray of float of shape (n,) or None
        Their weight.

    Examples
    --------
    >>> counted_shape(np.array([0.0, 1.0]), np.array([1.0, 1.0]), None)
    (0.0, nan)
    """
    known = ~np.isnan(numbers)
    present, n = numbers[known], rows[known]
    if len(present) == 0:
        return np.nan, np.nan
    if np.ptp(present) <= ROUNDING * np.abs(present).max():
        return 0.0, np.nan
    present = np.ldexp(present, -np.frexp(np.abs(present).max())[1])  # powers stay numbers
    skewness, kurtosis = _standardised(present, n)
    normality = _normality(skewness, kurtosis, float(n.sum())) if n.sum() >= 20 else np.nan
    if weight is not None:
        skewness = _standardised(present, weight[known])[0]
    return skewness, normality


def summed_shape(found: NumberSummary, is_weighted: bool) -> tuple[float, float]:
    """Skewness of numbers, and the p-value of the test of normality, from their moments.

    Parameters
    ----------
    found : NumberSummary
    is_weighted : bool
        Whether the skewness is that of the weights' distribution.
    """
    normality = np.nan
    if found.rows >= 20:
        normality = _normality(found.skewness, found.kurtosis, float(found.rows))
    return found.weighted_skewness if is_weighted else found.skewness, normality


def _standardised(values: Floats, weight: Floats) -> tuple[float, float]:
    """Third and fourth standardised moment."""
    centred = values - np.average(values, weights=weight)
    second, third, fourth = (np.average(centred**k, weights=weight) for k in (2, 3, 4))
    return float(third / second**1.5), float(fourth / second**2)


def _normality(skewness: float, kurtosis: float, n: float) -> float:
    """P-value of :func:`scipy.stats.normaltest`, which knows no counts, from moments."""
    return float(chi2.sf(_skew_score(skewness, n) ** 2 + _kurtosis_score(kurtosis, n) ** 2, 2))


def _skew_score(skewness: float, n: float) -> float:
    y = skewness * np.sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    beta = 3 * (n**2 + 27 * n - 70) * (n + 1) * (n + 3)
    beta /= (n - 2) * (n + 5) * (n + 7) * (n + 9)
    w2 = np.sqrt(2 * (beta - 1)) - 1
    return float(np.arcsinh(y / np.sqrt(2 / (w2 - 1))) / np.sqrt(np.log(w2) / 2))


def _kurtosis_score(kurtosis: float, n: float) -> float:
    expected = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (kurtosis - expected) / np.sqrt(variance)
    beta = 6 * (n**2 - 5 * n + 2) / ((n + 7) * (n + 9))
    beta *= np.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    a = 6 + 8 / beta * (2 / beta + np.sqrt(1 + 4 / beta**2))
    root = np.cbrt((1 - 2 / a) / (1 + x * np.sqrt(2 / (a - 4))))
    return float((1 - 2 / (9 * a) - root) / np.sqrt(2 / (9 * a)))
