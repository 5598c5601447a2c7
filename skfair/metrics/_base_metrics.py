"""Metrics that are no rates, for use in a MetricFrame."""

from __future__ import annotations

from typing import Any

import numpy as np

from skfair._utils.columns import n_rows, to_array
from skfair._utils.validation import check_same_length, check_weights


def count(y_true: Any, y_pred: Any) -> int:
    """Count the rows.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Counted.
    y_pred : array-like of shape (n,)
        Only its length is looked at.

    Returns
    -------
    count : int

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> count([0, 1, 1], [1, 1, 1])
    3
    """
    check_same_length(y_true=range(n_rows(y_true)), y_pred=range(n_rows(y_pred)))
    return n_rows(y_true)


def mean_prediction(y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
    """Weighted mean of the predictions.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Ignored; there so that all metrics are called alike.
    y_pred : array-like of float of shape (n,)
        Predictions.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.

    Returns
    -------
    mean : float

    Raises
    ------
    ValueError
        If the number of weights differs, or one is negative or missing.

    Examples
    --------
    >>> mean_prediction(None, [1.0, 2.0], sample_weight=[3, 1])
    1.25
    """
    values = np.asarray(to_array(y_pred), dtype=float)
    weights = check_weights(sample_weight, len(values))
    return float(np.average(values, weights=weights))
