"""From a table of y_true x y_pred to the four cells that rates read."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.validation import positive_class, refuse_fractions
from skfair.criteria.rates import Rate
from skfair.tally import one_against_rest


def cells_of(
    table: NDArray[np.float64],
    classes: Sequence[Hashable],
    rates: Sequence[Rate],
    pos_label: Any = None,
) -> NDArray[np.float64]:
    """Fold C x C tables into the cells (tn, fp, fn, tp) that some rates need.

    Rates that treat both classes alike (accuracy, error rate) need no positive class and take any
    number of classes: right rows are counted as true negatives, wrong ones as false positives.

    Parameters
    ----------
    table : ndarray of shape (..., C, C)
        Sums of weights by y_true and y_pred.
    classes : sequence of C labels
    rates : sequence of Rate
        The rates that will be computed.
    pos_label : label, default=None
        The positive class, where a rate needs one.

    Returns
    -------
    cells : ndarray of shape (..., 4)

    Raises
    ------
    ValueError
        If labels are fractions, or a positive class is needed and can't be told.

    Examples
    --------
    >>> from skfair.criteria import RATES
    >>> table = np.array([[3.0, 1, 0], [0, 2, 0], [0, 0, 4]])
    >>> cells_of(table, ("a", "b", "c"), [RATES["accuracy"]])
    array([9., 1., 0., 0.])
    """
    if any(rate.needs_positive for rate in rates):
        return one_against_rest(table, positive_class(classes, pos_label))
    refuse_fractions(classes)
    right = np.trace(table, axis1=-2, axis2=-1)
    wrong = np.where(np.eye(table.shape[-1], dtype=bool), 0, table).sum(axis=(-2, -1))
    zero = np.zeros_like(right)
    return np.stack([right, wrong, zero, zero], axis=-1)
