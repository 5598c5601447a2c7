"""Labelled rows, and models fitted to some of them that predict others."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed

from skfair._utils.columns import n_rows, take_rows
from skfair._utils.validation import (
    as_column,
    check_any_weight,
    check_count,
    check_same_length,
    check_weights,
)
from skfair.base import fit_weighted, take_metadata, wants
from skfair.groups import Groups
from skfair.model_selection._split import GroupLabelStratifiedKFold

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Splits = list[tuple[Rows, Rows]]


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows that models are fitted to and measured on.

    Parameters
    ----------
    X : array-like
        Features, of any number of dimensions.
    y : array-like of shape (n,)
    groups : Groups
    weights : ndarray of float of shape (n,) or None
        Sampling weights, for every fit.
    metadata : mapping
        Of the estimator's ``fit``, ``sensitive_features`` among them where they came as values.
        What is as long as the rows is divided as they are.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> rows = LabelledRows.read([[0], [1], [2]], ["a", "a", "b"], Groups.read(["f", "m", "m"]))
    >>> model = rows.fit(DummyClassifier(), np.array([0, 1]))
    >>> rows.predict(model, np.array([2])).tolist()
    ['a']
    """

    X: Any
    y: Any
    groups: Groups
    weights: Floats | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(
        cls, X: Any, y: Any, groups: Groups, sample_weight: Any = None, **metadata: Any
    ) -> LabelledRows:
        """Check lengths and weights; metadata that are None are left out."""
        if y is None:
            as_column(y, "y")
        check_same_length(X=range(n_rows(X)), y=range(n_rows(y)), sensitive_features=groups)
        weights = check_weights(sample_weight, len(groups))
        check_any_weight(weights)
        given = {name: value for name, value in metadata.items() if value is not None}
        return cls(X, y, groups, weights, given)

    @property
    def counted(self) -> Rows:
        """Positions of the rows that have weight."""
        return np.arange(len(self.groups)) if self.weights is None else np.flatnonzero(self.weights)

    def fit(self, estimator: Any, rows: Rows) -> Any:
        """Fit a clone of the estimator to some rows."""
        weights = None if self.weights is None else self.weights[rows]
        metadata = take_metadata(self.metadata, self.groups, rows)
        X, y = take_rows(self.X, rows), take_rows(self.y, rows)
        return fit_weighted(clone(estimator), X, y, weights, **metadata)

    def predict(self, fitted: Any, rows: Rows, method: str = "predict") -> Any:
        """Predict rows; groups that came as values go along where the model asks for them."""
        asked = "sensitive_features" in self.metadata and wants(fitted, method)
        own = {k: v for k, v in self.metadata.items() if asked and k == "sensitive_features"}
        params = take_metadata(own, self.groups, rows)
        return getattr(fitted, method)(take_rows(self.X, rows), **params)


def read_splits(
    cv: Any, rows: LabelledRows, strata: Any, *, n_repeats: int = 1, seeds: Any = None
) -> Splits:
    """Rows of training and of test, for every fit.

    Parameters
    ----------
    cv : int, splitter, or iterable of (train, test)
        A number deals shuffled folds that are balanced by stratum and group, ``n_repeats`` times;
        rows of weight 0 are in none. Anything else divides the rows as it does.
    rows : LabelledRows
    strata : array-like of shape (n,)
        Labels to balance.
    n_repeats : int, default=1
    seeds : numpy Generator, default=None
        Of the shuffling; None: rows are dealt as they come.

    Returns
    -------
    list of (train, test)

    Raises
    ------
    ValueError
        If ``cv`` is none of these.

    Examples
    --------
    >>> rows = LabelledRows.read([[0], [1]] * 2, [0, 0, 1, 1], Groups.single(4))
    >>> [test.tolist() for _, test in read_splits(2, rows, rows.y)]
    [[0, 2], [1, 3]]
    """
    if isinstance(cv, int | np.integer) and not isinstance(cv, bool):
        check_count("cv", cv, 2)
        return [
            fold for _ in range(n_repeats) for fold in _deal_folds(int(cv), rows, strata, seeds)
        ]
    if cv is None or isinstance(cv, str | bool):
        raise ValueError(f"cv must be a number of folds, a splitter or splits, got {cv!r}")
    splitter = check_cv(list(cv) if isinstance(cv, Iterable) else cv)
    params = {"sensitive_features": rows.groups} if wants(cv, "split") else {}
    counted = np.zeros(len(rows.groups), dtype=bool)
    counted[rows.counted] = True
    found = []
    for part in splitter.split(rows.X, rows.y, **params):
        train, test = (np.arange(len(counted))[np.asarray(side)] for side in part)
        found.append((train[counted[train]], test[counted[test]]))
    return found


def _deal_folds(n_folds: int, rows: LabelledRows, strata: Any, seeds: Any) -> Splits:
    """Deal the rows that have weight to folds; folds that lack a cell are as good as can be."""
    counted = rows.counted
    seed = None if seeds is None else int(seeds.integers(2**31))
    splitter = GroupLabelStratifiedKFold(n_folds, shuffle=seed is not None, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "cells with fewer rows than", UserWarning)
        folds = splitter.split(
            None, take_rows(strata, counted), sensitive_features=rows.groups.take(counted)
        )
        return [(counted[train], counted[test]) for train, test in folds]


def predict_out_of_fold(
    rows: LabelledRows,
    estimator: Any,
    splits: Splits,
    codes: NDArray[np.integer],
    n_jobs: int | None = None,
) -> NDArray[Any]:
    """Predict each row by a classifier that was fitted to others.

    Parameters
    ----------
    rows : LabelledRows
    estimator : classifier
    splits : list of (train, test)
    codes : ndarray of int of shape (n,)
        Of the classes.
    n_jobs : int, default=None

    Returns
    -------
    ndarray of shape (n,)
        Of rows without weight that no split tests, the labels.

    Raises
    ------
    ValueError
        If a row that counts is in no test set, or a training set has one class only.
    """
    tested = np.concatenate([test for _, test in splits])
    if not np.isin(rows.counted, tested).all():
        raise ValueError("the test sets of cv must hold each row")
    for train, _ in splits:
        if codes.any() and len(np.unique(codes[train])) < 2:
            raise ValueError(
                "a training set of cv has rows of one class only: label more rows of the others, "
                "or use another cv"
            )
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(rows, estimator, train, test) for train, test in splits
    )
    found = np.array(as_column(rows.y, "y"), dtype=object)
    for (_, test), part in zip(splits, parts, strict=True):
        found[test] = part
    return found


def _fit_and_predict(rows: LabelledRows, estimator: Any, train: Rows, test: Rows) -> NDArray[Any]:
    return as_column(rows.predict(rows.fit(estimator, train), test), "predictions")
