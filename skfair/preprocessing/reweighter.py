"""Reweighing: weights that make label and group independent."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.validation import check_same_length, check_weights
from skfair._utils.warning import warn_user
from skfair.base import BaseMetaMitigator, name_cells
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.preprocessing._cells import read_labels
from skfair.tally import count_cells


def reweighing_weights(
    y: Any, sensitive_features: Any, sample_weight: Any = None, *, missing: Missing = "group"
) -> NDArray[np.float64]:
    r"""Weights under which label and group are independent.

    A row of label y and group g gets

    .. math:: w(y, g) = s \cdot \frac{P(y)\,P(g)}{P(y, g)}

    where s is its own ``sample_weight`` and the probabilities are weighted by it. Where every label
    occurs in every group, the total weight, each label's and each group's stay what they were; an
    empty cell's share is lost, because there is no row to carry it.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels of any type, two or more classes.
    sensitive_features : array-like of shape (n,) or (n, k), or Groups
        Groups of the rows.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    missing : {"group", "raise"}, default="group"
        What happens to rows without a sensitive value.

    Returns
    -------
    weights : ndarray of float of shape (n,)

    Raises
    ------
    ValueError
        If lengths differ, or labels or weights are missing.

    References
    ----------
    Kamiran, F. and Calders, T. (2012). Data preprocessing techniques for classification without
    discrimination. Knowledge and Information Systems 33. https://doi.org/10.1007/s10115-011-0463-8

    Examples
    --------
    >>> reweighing_weights(["no", "no", "yes", "yes"], ["f", "f", "f", "m"])
    array([0.75, 0.75, 1.5 , 0.5 ])
    """
    groups = Groups.read(sensitive_features, missing=missing)
    return _reweigh(y, groups, sample_weight)[0]


def _reweigh(
    y: Any, groups: Groups, sample_weight: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[Hashable, ...]]:
    """Weight of each row, factor of each (label, group) cell, and the labels."""
    codes, classes = read_labels(y)
    check_same_length(y=codes, sensitive_features=groups)
    weights = check_weights(sample_weight, len(codes))
    observed = count_cells([codes, groups.codes], (len(classes), groups.n_groups), weights)[0]
    of_label, of_group = observed.sum(axis=1, keepdims=True), observed.sum(axis=0, keepdims=True)
    factors = divide(of_label * of_group, observed * observed.sum())
    by_row = np.nan_to_num(factors, nan=0.0)[codes, groups.codes]
    return (by_row if weights is None else by_row * weights), factors, classes


class Reweighter(BaseMetaMitigator):
    """Fit an estimator with weights under which label and group are independent.

    Wrap the whole pipeline, so that the groups can be read from the raw columns of X. Predictions
    don't use the group beyond X.

    Parameters
    ----------
    estimator : estimator
        Any estimator or Pipeline whose last step takes ``sample_weight``.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,)
        Its classes.
    cell_weights_ : DataFrame of shape (n_classes, n_groups)
        Factor by which rows of each label (index) and group (columns) were weighted: above 1 where
        the cell is rarer than independence would have it; NaN where it is empty.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If a label has no rows in a group, so that the two can't be made independent.

    References
    ----------
    Kamiran, F. and Calders, T. (2012). Data preprocessing techniques for classification without
    discrimination. Knowledge and Information Systems 33. https://doi.org/10.1007/s10115-011-0463-8

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"sex": [0, 0, 0, 1, 1, 1], "skill": [1, 2, 3, 1, 2, 3]})
    >>> y = ["no", "no", "yes", "no", "yes", "yes"]
    >>> model = Reweighter(LogisticRegression(), sensitive_features="sex").fit(X, y)
    >>> model.cell_weights_
    sex     0     1
    no   0.75  1.50
    yes  1.50  0.75
    """

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        missing: Missing = "group",
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.missing = missing

    def _fit(
        self, X: Any, y: Any, groups: Groups, sample_weight: Any, metadata: dict[str, Any]
    ) -> None:
        weights, factors, classes = _reweigh(y, groups, sample_weight)
        lacking = np.asarray(np.isnan(factors).T)
        empty = lacking & ~lacking.all(axis=1, keepdims=True) & ~lacking.all(axis=0)
        if empty.any():
            warn_user(
                f"no rows in cells {name_cells(empty, groups.labels, classes)} of (group, label): "
                "weights can't make label and group independent; merge groups, or drop them"
            )
        self.cell_weights_ = pd.DataFrame(factors, index=list(classes), columns=groups.to_index())
        self._fit_clone(X, y, weights, metadata)
