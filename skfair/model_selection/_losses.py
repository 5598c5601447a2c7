"""Losses of repeated predictions, and how they divide into bias and variance."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t
from sklearn.base import is_regressor

from skfair._utils.arrays import divide
from skfair._utils.validation import (
    as_column,
    check_option,
    encode_labels,
    finite_column,
    positive_class,
    refuse_fractions,
)
from skfair.criteria import Limits, critical_value, wilson_interval
from skfair.groups import Groups
from skfair.tally import count_cells, sum_cells

Floats = NDArray[np.float64]
Loss = Literal["auto", "zero_one", "false_negative_rate", "false_positive_rate", "squared"]

LOSSES = ("auto", "zero_one", "false_negative_rate", "false_positive_rate", "squared")


@dataclass(frozen=True, eq=False)
class Target:
    """What is predicted, as numbers, and the loss of predictions.

    Predictions are of shape (..., n), NaN where a row has none.

    Parameters
    ----------
    loss : str
    true : ndarray of float of shape (n,)
        Codes of classes, or numbers.
    classes : tuple
        Empty for numbers.
    counted : ndarray of bool of shape (n,)
        Rows that the loss is taken over: the positives, for a false negative rate.
    """

    loss: str
    true: Floats
    classes: tuple[Hashable, ...]
    counted: NDArray[np.bool_]

    @classmethod
    def read(cls, y: Any, loss: str, pos_label: Any, estimator: Any) -> Target:
        """Read labels or numbers, by the loss or, with "auto", by the kind of the estimator.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> Target.read(["no", "yes"], "auto", None, DummyClassifier()).true.tolist()
        [0.0, 1.0]
        """
        check_option("loss", loss, LOSSES)
        if loss == "auto":
            loss = "squared" if is_regressor(estimator) else "zero_one"
        if loss == "squared":
            numbers = finite_column(y, "y")
            return cls(loss, numbers, (), np.ones(len(numbers), dtype=bool))
        (codes,), classes = encode_labels(("y", y))
        refuse_fractions(classes)
        counted = np.ones(len(codes), dtype=bool)
        if loss != "zero_one":
            positive = positive_class(classes, pos_label)
            if positive is None:
                raise ValueError(f"y holds no positive label, so it has no {loss}")
            counted = (codes == positive) == (loss == "false_negative_rate")
            codes = (codes == positive).astype(np.int8)
            classes = (None, classes[positive])  # all others are one class
        return cls(loss, codes.astype(np.float64), classes, counted)

    def take(self, rows: NDArray[np.integer]) -> Target:
        """Target of some rows."""
        return Target(self.loss, self.true[rows], self.classes, self.counted[rows])

    @property
    def strata(self) -> NDArray[np.int64]:
        """Labels that folds balance; numbers are one stratum."""
        return np.zeros(len(self.true), np.int64) if not self.classes else self.true.astype(int)

    @property
    def bounded(self) -> bool:
        """Whether no loss is above 1."""
        return bool(self.classes)

    def encode(self, predictions: Any) -> Floats:
        """Codes of predicted classes (-1: none of them), or predicted numbers."""
        if not self.classes:
            return finite_column(predictions, "predictions")
        labels = as_column(predictions, "predictions")
        if self.loss != "zero_one":
            return np.asarray(labels == self.classes[1], dtype=np.float64)
        known = pd.Index(list(self.classes), tupleize_cols=False)
        return known.get_indexer(pd.Index(labels)).astype(np.float64)

    def losses(self, predictions: Floats) -> Floats:
        """Loss of each prediction."""
        if not self.classes:
            return (predictions - self.true) ** 2
        return np.where(np.isnan(predictions), np.nan, predictions != self.true)

    def decompose(self, predictions: Floats) -> dict[str, Floats]:
        """Divide the mean loss of each row; see :func:`divide_zero_one`, :func:`divide_squared`."""
        if not self.classes:
            return divide_squared(predictions, self.true)
        return divide_zero_one(predictions, self.true, len(self.classes))


def divide_zero_one(predictions: Floats, true: Floats, n_classes: int) -> dict[str, Floats]:
    r"""Divide the 0/1 loss of each row into bias and variance.

    The main prediction is the most frequent one. The bias is 1 where it is wrong, and holds the
    noise of the label, too, since there is one label a row. The variance is the share of other
    predictions: it adds to the error of an unbiased row (:math:`V_u`); on a biased row, the share
    of right predictions takes away from it (:math:`V_b`). So

    .. math:: \text{error} = B + V_u - V_b.

    Where several predictions are the most frequent, each is the main one in equal parts.

    Parameters
    ----------
    predictions : ndarray of float of shape (S, n)
        Codes of classes, -1 for any other; NaN where a row has fewer predictions than S.
    true : ndarray of float of shape (n,)
    n_classes : int

    Returns
    -------
    dict of ndarray of shape (n,)
        ``error``, ``bias``, ``variance`` (:math:`V_u - V_b`), ``variance_unbiased`` and
        ``variance_biased``.

    References
    ----------
    Domingos, P. (2000). A unified bias-variance decomposition for zero-one and squared loss. AAAI.
    Valentini, G. and Dietterich, T. G. (2004). Bias-variance analysis of support vector machines
    for the development of SVM-based ensemble methods. JMLR 5.
    https://www.jmlr.org/papers/v5/valentini04a.html

    Examples
    --------
    >>> found = divide_zero_one(np.array([[0.0], [0.0], [1.0]]), np.array([1.0]), 2)
    >>> {name: round(part.item(), 3) for name, part in found.items()}  # doctest: +ELLIPSIS
    {'error': 0.667, 'bias': 1.0, 'variance': -0.333, 'variance_unbiased': 0.0, ...: 0.333}
    """
    n = len(true)
    votes = np.zeros((n, n_classes + 1))
    for row in predictions:
        there = np.flatnonzero(~np.isnan(row))
        votes[there, row[there].astype(np.intp)] += 1  # the code -1 is the last column
    share = divide(votes, votes.sum(axis=1, keepdims=True))
    largest = share.max(axis=1)
    is_main = share == largest[:, None]
    right = share[np.arange(n), true.astype(np.intp)]
    unbiased = divide(is_main[np.arange(n), true.astype(np.intp)], is_main.sum(axis=1, dtype=float))
    within, against = unbiased * (1 - largest), (1 - unbiased) * right
    return {
        "error": 1 - right,
        "bias": 1 - unbiased,
        "variance": within - against,
        "variance_unbiased": within,
        "variance_biased": against,
    }


def divide_squared(predictions: Floats, true: Floats) -> dict[str, Floats]:
    r"""Divide the squared loss of each row into squared bias (noise included) and variance.

    With S predictions, their mean :math:`\bar p` and their variance :math:`s^2` (of divisor S - 1),

    .. math:: \text{error} = \underbrace{(\bar p - y)^2 - s^2 / S}_{\text{bias}} + s^2,

    where the bias is freed of what the mean of S predictions still varies.

    Parameters
    ----------
    predictions : ndarray of float of shape (S, n)
        NaN where a row has fewer predictions than S, but at least two.
    true : ndarray of float of shape (n,)

    Returns
    -------
    dict of ndarray of shape (n,)
        ``error``, ``bias`` and ``variance``.

    References
    ----------
    Geman, S., Bienenstock, E. and Doursat, R. (1992). Neural networks and the bias/variance
    dilemma. Neural Computation 4(1). https://doi.org/10.1162/neco.1992.4.1.1

    Examples
    --------
    >>> divide_squared(np.array([[1.0], [3.0]]), np.array([0.0]))
    {'error': array([5.]), 'bias': array([3.]), 'variance': array([2.])}
    """
    size = (~np.isnan(predictions)).sum(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows that no fit predicted
        mean = np.nanmean(predictions, axis=0)
        variance = np.nanvar(predictions, axis=0, ddof=1)
    bias = (mean - true) ** 2 - variance / np.maximum(size, 1)
    return {"error": bias + variance, "bias": bias, "variance": variance}


def limits_by_group(
    values: Floats,
    groups: Groups,
    weights: Floats | None,
    *,
    bounded: bool,
    confidence_level: float,
) -> Limits:
    """Means by group with intervals over rows; rows that are NaN or without weight don't count.

    Means of losses from 0 to 1 have Wilson's interval, at the effective size that their spread
    implies but at most Kish's: it is rather too long than too short. Others have Student's.

    Parameters
    ----------
    values : ndarray of float of shape (n,)
    groups : Groups
    weights : ndarray of float of shape (n,) or None
    bounded : bool
        Whether values lie between 0 and 1.
    confidence_level : float

    Returns
    -------
    Limits
        Arrays of shape (n_groups,), NaN without rows.

    Examples
    --------
    >>> found = limits_by_group(
    ...     np.repeat([0.0, 1.0], [40, 10]),
    ...     Groups.single(50),
    ...     None,
    ...     bounded=True,
    ...     confidence_level=0.95,
    ... )
    >>> [x.round(4).item() for x in found]
    [0.2, 0.1124, 0.3304]
    """
    there = ~np.isnan(values)
    own = there.astype(float) if weights is None else np.where(there, weights, 0.0)
    filled, codes, shape = np.where(there, values, 0.0), [groups.codes], (groups.n_groups,)
    weight, weight2, rows = count_cells(codes, shape, own)
    mean = divide(sum_cells(codes, shape, filled, own), weight)
    apart = (filled - mean[groups.codes]) ** 2 * own
    size = divide(weight**2, weight2)
    spread = divide(sum_cells(codes, shape, np.nan_to_num(apart), own), weight**2)
    critical = critical_value(confidence_level)
    if bounded:
        spread = np.where(spread > 1e-15, spread, 0.0)
        worth = np.fmin(size, divide(mean * (1 - mean), spread))
        low, high = wilson_interval(np.clip(mean, 0.0, 1.0), worth, critical)
        return Limits(mean, np.maximum(low, 0.0), high)
    variance = spread * divide(rows, np.maximum(rows - 1.0, 0.0))
    freedom = np.maximum(np.nan_to_num(size) - 1, 1e-3)
    half = t.ppf((1 + confidence_level) / 2, freedom) * np.sqrt(variance)
    return Limits(mean, mean - half, mean + half)
