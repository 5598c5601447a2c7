"""P-values: of many tests at once, and never 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def never_zero(pvalues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raise p-values that floating point rounds to 0 to the least number there is.

    Parameters
    ----------
    pvalues : ndarray of float of shape (...)
        NaN stays NaN.

    Returns
    -------
    pvalues : ndarray of float of shape (...)

    Examples
    --------
    >>> never_zero(np.array([0.0, 0.5])) > 0
    array([ True,  True])
    """
    return np.maximum(pvalues, np.finfo(np.float64).tiny)


def holm(pvalues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values for the number of tests by Holm's step-down procedure.

    An adjusted value of at most alpha means that the chance of any false rejection is at most
    alpha, under any dependence.

    Parameters
    ----------
    pvalues : ndarray of float of shape (n,)
        NaN is no test, and stays NaN.

    Returns
    -------
    adjusted : ndarray of float of shape (n,)

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal
    of Statistics 6(2). https://www.jstor.org/stable/4615733

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(2)
    array([0.03, 0.06, 0.06])
    """
    adjusted = np.full(len(pvalues), np.nan)
    places = np.flatnonzero(~np.isnan(pvalues))
    order = places[np.argsort(pvalues[places], kind="stable")]
    steps = pvalues[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return adjusted
