"""Guesses of the group from the other columns of X, for rules that need no group at predict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skfair._utils.columns import (
    column_positions,
    is_frame,
    n_rows,
    select_column,
    take_columns,
    take_rows,
)
from skfair.base import as_numbers, fit_weighted, sensitive_positions
from skfair.groups import ColumnSpec, Groups
from skfair.postprocessing._out_of_fold import is_prefit, read_splits

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Rows = NDArray[np.intp]

_MOST_CATEGORIES = 254
_FOLDS = 5
_TREES = 50
_LEAVES = 8


class GroupBoosting(ClassifierMixin, BaseEstimator):
    """Gradient boosting on columns of any type, in which groups count alike.

    Numbers stay what they are, all else is a category; missing and unseen values are missing.
    Groups are weighted to the same size, or small ones would hardly ever be guessed.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to labels; X is a data frame or matrix of any type."""
        self.positions_ = column_positions(X)
        columns = [select_column(X, j)[1] for j in self.positions_]
        self.encoders_ = [None if as_numbers(c) is not None else _encoder(c) for c in columns]
        self.model_ = HistGradientBoostingClassifier(
            categorical_features=[encoder is not None for encoder in self.encoders_],
            class_weight="balanced",
            max_iter=_TREES,
            max_leaf_nodes=_LEAVES,
            random_state=0,
        )
        self.model_.fit(self._matrix(X), y, sample_weight)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X: Any) -> Any:
        """Guess labels."""
        check_is_fitted(self)
        return self.model_.predict(self._matrix(X))

    def _matrix(self, X: Any) -> Floats:
        if not is_frame(X) and len(getattr(X, "shape", (0, 0))) == 1:
            raise ValueError(
                "Expected 2D array, got 1D array instead. Reshape your data: a row each"
            )
        found = column_positions(X)
        if found != self.positions_:
            raise ValueError(
                f"X has {len(found)} features, but {type(self).__name__} is expecting "
                f"{len(self.positions_)} features as input"
            )
        return np.column_stack(
            [_column(select_column(X, j)[1], e) for j, e in zip(found, self.encoders_, strict=True)]
        )


def _texts(values: Any) -> Any:
    column = pd.Series(values).astype(object)
    return column.map(str).where(column.notna(), None).to_numpy(dtype=object)[:, None]


def _encoder(values: Any) -> OrdinalEncoder:
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=_MOST_CATEGORIES,
    ).fit(_texts(values))


def _column(values: Any, encoder: OrdinalEncoder | None) -> Floats:
    if encoder is not None:
        return np.asarray(encoder.transform(_texts(values))[:, 0])
    numbers = as_numbers(values)
    if numbers is None:
        raise ValueError("a column of X that held numbers at fit holds other values now")
    return np.where(np.isinf(numbers), np.nan, numbers)


class GroupGuesser:
    """A classifier of groups, and the columns of X that it reads.

    Parameters
    ----------
    model : estimator
        Fitted to codes of groups, or if frozen, to what is a sensitive feature.
    labels : tuple
        Labels of the groups.
    kept : list or None
        Names or positions of the columns that it gets; None for all.
    width : int
        Number of columns at fit.
    """

    def __init__(self, model: Any, labels: tuple[Any, ...], kept: Any, width: int) -> None:
        self.model, self.labels, self.kept, self.width = model, labels, kept, width

    def codes(self, X: Any) -> Codes:
        """Guess codes of rows.

        Raises
        ------
        ValueError
            If a column isn't there, or a frozen classifier guesses a group that fit hasn't seen.
        """
        return _guess(self.model, self.read(X), self.labels)

    def read(self, X: Any) -> Any:
        """Columns that the classifier gets; X may come with or without those that are sensitive."""
        if self.kept is None:
            return X
        if not is_frame(X) and len(column_positions(X)) != self.width:
            return X
        return take_columns(X, column_positions(X, self.kept))


def guess_groups(
    estimator: Any,
    X: Any,
    labels: Any,
    groups: Groups,
    weights: Floats,
    *,
    columns: ColumnSpec | None,
    cv: Any,
    n_jobs: int | None,
) -> tuple[Codes, GroupGuesser]:
    """Guess each row's group by a classifier that hasn't seen it, and fit one to all rows.

    Parameters
    ----------
    estimator : estimator or None
        A classifier or Pipeline; clones of it are fitted to codes of groups. None:
        :class:`GroupBoosting`. A ``FrozenEstimator`` is used as it is.
    X : data frame or matrix of shape (n, n_features)
    labels : ndarray of shape (n,)
        Class labels, by which folds are balanced.
    groups : Groups
        True groups.
    weights : ndarray of float of shape (n,)
    columns : str, int, Bins, list or callable, or None
        How the groups were read: columns that are named are left out.
    cv : int, splitter or iterable
        Folds as in :func:`out_of_fold_scores`; five where it is "prefit" or is used up.
    n_jobs : int or None

    Returns
    -------
    codes : ndarray of int of shape (n,)
    guesser : GroupGuesser
    """
    sensitive, width = set(sensitive_positions(X, columns)), len(column_positions(X))
    kept: Any = [j for j in range(width) if j not in sensitive] if sensitive else None
    if kept == []:
        raise ValueError("X has no columns but the sensitive ones: there is nothing to guess from")
    if kept is not None and is_frame(X):
        names = list(nw.from_native(X, eager_only=True).columns)
        kept = [names[j] for j in kept]
    guesser = GroupGuesser(estimator, groups.labels, kept, width)
    features = guesser.read(X)
    if estimator is not None and is_prefit(estimator, None):
        check_is_fitted(estimator)
        return guesser.codes(X), guesser
    model = GroupBoosting() if estimator is None else estimator
    counted = np.flatnonzero(weights)
    guesser.model = _fit(model, features, groups.codes, weights, counted)
    folds = _FOLDS if isinstance(cv, str | Iterator) else cv
    splits = read_splits(folds, X, labels, groups, weights)
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_guess)(model, features, groups, weights, train, test)
        for train, test in splits
    )
    codes = np.empty(len(groups), dtype=np.intp)
    for (_, test), part in zip(splits, parts, strict=True):
        codes[test] = part
    return codes, guesser


def _fit(model: Any, X: Any, codes: Codes, weights: Floats, rows: Rows) -> Any:
    """Fit to some rows; where they are of one group, that is the guess."""
    own = codes[rows]
    if len(np.unique(own)) < 2:
        return int(own[0])
    even = bool((weights[rows] == weights[rows[0]]).all())
    return fit_weighted(clone(model), take_rows(X, rows), own, None if even else weights[rows])


def _fit_and_guess(
    model: Any, X: Any, groups: Groups, weights: Floats, train: Rows, test: Rows
) -> Codes:
    rows = train[weights[train] > 0]
    fitted = _fit(model, X, groups.codes, weights, rows)
    return _guess(fitted, take_rows(X, test), groups.labels)


def _guess(model: Any, X: Any, labels: tuple[Any, ...]) -> Codes:
    if isinstance(model, int):
        return np.full(n_rows(X), model, dtype=np.intp)
    found = model.predict(X)
    if not is_prefit(model, None):
        return np.asarray(found).astype(np.intp)
    return Groups.read(found).encode(labels)


def confusion(groups: Groups, guesses: Codes, weights: Floats) -> pd.DataFrame:
    """Share of each true group (a row) that is guessed to be of each group (a column)."""
    n = groups.n_groups
    cells = np.bincount(groups.codes.astype(np.intp) * n + guesses, weights, n * n).reshape(n, n)
    index = groups.to_index()
    return pd.DataFrame(cells, index=index, columns=index).div(cells.sum(axis=1), axis=0)
