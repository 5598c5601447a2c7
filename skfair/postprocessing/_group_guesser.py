"""Guesses of the group from the other columns of X, for rules that need no group at predict."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
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
from skfair.base import as_numbers, column_names, fit_weighted, sensitive_positions
from skfair.groups import ColumnSpec, Groups
from skfair.postprocessing._out_of_fold import is_prefit, read_splits

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Rows = NDArray[np.intp]

_MOST_CATEGORIES = 254
_FOLDS = 5
_TREES = 50
_LEAVES = 8
_MOST_NAMED = 5


class GroupBoosting(ClassifierMixin, BaseEstimator):
    """Gradient boosting on columns of any type, in which groups count alike.

    Numbers stay what they are, all else is a category; missing and unseen values are missing.
    Groups are weighted to the same size, or small ones would hardly ever be guessed.

    Parameters
    ----------
    categories : list of bool, default=None
        Whether each column is a category; None: those that hold anything but numbers at fit.
    """

    def __init__(self, categories: list[bool] | None = None) -> None:
        self.categories = categories

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to labels; X is a data frame or matrix of any type."""
        self.positions_ = column_positions(X)
        kinds = categories_of(X) if self.categories is None else self.categories
        self.encoders_ = [
            _encoder(select_column(X, j)[1]) if kinds[j] else None for j in self.positions_
        ]
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
            [_column(*select_column(X, j), e) for j, e in zip(found, self.encoders_, strict=True)]
        )


def categories_of(X: Any) -> list[bool]:
    """Tell which columns hold anything but numbers.

    Examples
    --------
    >>> categories_of(pd.DataFrame({"age": [20, 30], "town": [1, "a"]}))
    [False, True]
    """
    return [as_numbers(select_column(X, j)[1]) is None for j in column_positions(X)]


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


def _column(name: Hashable, values: Any, encoder: OrdinalEncoder | None) -> Floats:
    if encoder is not None:
        return np.asarray(encoder.transform(_texts(values))[:, 0])
    numbers = as_numbers(values)
    if numbers is None:
        raise ValueError(f"column {name!r} of X held numbers at fit, and holds other values now")
    return np.where(np.isinf(numbers), np.nan, numbers)


class GroupGuesser:
    """A classifier of groups, and the columns of X that it reads.

    Parameters
    ----------
    model : estimator
        Fitted to codes of groups, or if frozen, to what is a sensitive feature.
    labels : tuple
        Labels of the groups.
    names : list or None
        Names of all columns at fit, by which columns of a frame are found; None: by position.
    kept : list of int
        Positions at fit of the columns that it gets.
    width : int
        Number of columns at fit.
    """

    def __init__(
        self,
        model: Any,
        labels: tuple[Any, ...],
        names: list[Any] | None,
        kept: list[int],
        width: int,
    ) -> None:
        self.model, self.labels = model, labels
        self.names, self.kept, self.width = names, kept, width

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
        if self.names is not None and is_frame(X):
            return self._by_name(X, self.names)
        if len(self.kept) == self.width or len(column_positions(X)) != self.width:
            return X
        return take_columns(X, self.kept)

    def _by_name(self, X: Any, names: list[Any]) -> Any:
        found, wanted = column_names(X), [names[j] for j in self.kept]
        missing = [name for name in wanted if name not in found]
        if missing:
            unseen = [name for name in found if name not in names]
            raise ValueError(
                f"X has no columns {missing[:_MOST_NAMED]}, from which the group is guessed. "
                "The feature names should match those that were passed during fit.\n"
                + _bullets("Feature names unseen at fit time:", unseen)
                + _bullets("Feature names seen at fit time, yet now missing:", missing)
            )
        return X if found == wanted else take_columns(X, [found.index(name) for name in wanted])


def _bullets(title: str, names: list[Any]) -> str:
    lines = [f"- {name}\n" for name in sorted(names, key=str)[:_MOST_NAMED]]
    more = ["- ...\n"] if len(names) > _MOST_NAMED else []
    return "".join([f"{title}\n", *lines, *more]) if names else ""


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

    Raises
    ------
    ValueError
        If the estimator is no classifier, or there are no columns to guess from.
    """
    _check_classifies(estimator)
    sensitive, width = set(sensitive_positions(X, columns)), len(column_positions(X))
    kept = [j for j in range(width) if j not in sensitive]
    if not kept:
        raise ValueError("X has no columns but the sensitive ones: there is nothing to guess from")
    names = column_names(X) if is_frame(X) else None
    guesser = GroupGuesser(estimator, groups.labels, names, kept, width)
    features = guesser.read(X)
    if estimator is not None and is_prefit(estimator, None):
        check_is_fitted(estimator)
        return guesser.codes(X), guesser
    model = GroupBoosting(categories_of(features)) if estimator is None else estimator
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


def _check_classifies(estimator: Any) -> None:
    if estimator is not None and not is_classifier(estimator):
        raise ValueError(
            "group_estimator= must be a classifier (or a Pipeline that ends in one), got "
            f"{type(estimator).__name__}"
        )


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
    if is_prefit(model, None):
        return Groups.read(found).encode(labels)
    codes = np.ravel(found)
    if len(codes) != n_rows(X) or not np.isin(codes, np.arange(len(labels))).all():
        raise ValueError(
            f"group_estimator= must predict one of the codes 0 to {len(labels) - 1} of the groups "
            f"for each row, as a classifier does that was fitted to them, got {codes[:5].tolist()}"
        )
    return codes.astype(np.intp)


def confusion(groups: Groups, guesses: Codes, weights: Floats) -> pd.DataFrame:
    """Share of each true group (a row) that is guessed to be of each group (a column)."""
    n = groups.n_groups
    cells = np.bincount(groups.codes.astype(np.intp) * n + guesses, weights, n * n).reshape(n, n)
    index = groups.to_index()
    return pd.DataFrame(cells, index=index, columns=index).div(cells.sum(axis=1), axis=0)
