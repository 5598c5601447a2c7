"""How unsure a classifier is of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, expit, softmax

Floats = NDArray[np.float64]

MEASURES = ("margin", "least_confidence", "entropy")


def chances_of(values: Any, method: str, n_classes: int) -> Floats:
    """Probabilities of the classes, out of what a scoring method has returned.

    A decision function becomes one by the logistic function or by softmax: an order of the rows,
    not calibrated.

    Examples
    --------
    >>> chances_of([0.0, 100.0], "decision_function", 2).round(2).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim not in (1, 2) or not np.isfinite(table).all():
        raise ValueError(
            f"{method} must return a finite number for each row and class, and returned "
            f"an array of shape {table.shape}"
            + (" with NaN or infinity" if not np.isfinite(table).all() else "")
        )
    if table.ndim == 2 and table.shape[1] not in {n_classes, 1 if n_classes == 2 else n_classes}:
        raise ValueError(
            f"{method} must return a column for each of the {n_classes} classes, and returned "
            f"{table.shape[1]}; for an SVC, decision_function_shape='ovr' does"
        )
    if method != "decision_function":
        return table
    if table.ndim == 1 or table.shape[1] == 1:
        upper = expit(table.ravel())
        return np.stack([1 - upper, upper], axis=1)
    return softmax(table, axis=1)


def uncertainty_of(chances: Floats, measure: str) -> Floats:
    r"""Measure how unsure probabilities are, 0 for a certain class and 1 for all alike.

    With the probabilities :math:`p_1 \ge p_2 \ge \dots` of C classes:

    .. math:: 1 - (p_1 - p_2) \;\text{(margin)}, \quad
        \frac{C}{C - 1} (1 - p_1) \;\text{(least confidence)}, \quad
        -\sum_c p_c \log p_c / \log C \;\text{(entropy)}

    Parameters
    ----------
    chances : ndarray of float of shape (n, C)
    measure : {"margin", "least_confidence", "entropy"}

    Returns
    -------
    ndarray of float of shape (n,)

    Examples
    --------
    >>> uncertainty_of(np.array([[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]), "margin")
    array([1. , 0. , 0.5])
    """
    n_classes = chances.shape[1]
    if n_classes < 2:
        return np.zeros(len(chances))
    if measure == "entropy":
        return entr(np.clip(chances, 0.0, 1.0)).sum(axis=1) / np.log(n_classes)
    ordered = np.sort(chances, axis=1)
    if measure == "margin":
        return 1 - (ordered[:, -1] - ordered[:, -2])
    return (1 - ordered[:, -1]) * n_classes / (n_classes - 1)
