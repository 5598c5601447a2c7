"""Scores of rows from models that haven't seen them, for rules that are fitted to scores."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skfair._utils.columns import n_rows, take_rows
from skfair._utils.validation import as_column, check_same_length, check_weights
from skfair.base import fit_weighted, take_metadata, wants
from skfair.criteria.curves import finite_scores
from skfair.groups import Groups
from skfair.model_selection import GroupLabelStratifiedKFold

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


def out_of_fold_scores(
    estimator: Any,
    X: Any,
    y: Any,
    groups: Groups,
    *,
    positive: Any,
    sample_weight: Any = None,
    metadata: dict[str, Any] | None = None,
    cv: Any = 5,
    n_jobs: int | None = None,
) -> tuple[Floats, Any]:
    """Score each row by a model that hasn't seen it, and fit the model to all rows.

    Parameters
    ----------
    estimator : estimator
        A classifier, Pipeline or search with ``predict_proba`` or ``decision_function``. It stays
        as it is; clones of it are fitted.
    X, y : array-like
        Training data.
    groups : Groups
        Of the rows. Folds are balanced by them, and they are what steps that ask for sensitive
        features get.
    positive : label
        The class whose score is wanted.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights, for every fit.
    metadata : dict, default=None
        For the estimator's ``fit``, as in :func:`skfair.base.fit_weighted`; values of n rows are
        split as the rows are.
    cv : int, splitter, iterable of (train, test), or "prefit", default=5
        A number makes a :class:`GroupLabelStratifiedKFold`, in which rows of weight 0 don't count;
        test sets of other splits must hold each row once. "prefit", or a ``FrozenEstimator``: the
        estimator is fitted already, and scores these rows, which it should not have seen.
    n_jobs : int, default=None
        Folds that are fitted at a time.

    Returns
    -------
    scores : ndarray of float of shape (n,)
        As of :func:`positive_scores`.
    fitted : estimator
        Fitted to all rows, or the fitted one.

    Raises
    ------
    ValueError
        If lengths differ, test sets aren't a partition of the rows, or a training set lacks the
        class.
    NotFittedError
        If a "prefit" estimator isn't fitted.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, sex = np.arange(12.0).reshape(-1, 1), Groups.read(list("fm") * 6)
    >>> y = ["no"] * 5 + ["yes", "no"] + ["yes"] * 5
    >>> scores, model = out_of_fold_scores(
    ...     LogisticRegression(), X, y, sex, positive="yes", cv=2
    ... )
    >>> scores.shape, bool(scores[0] < 0.5 < scores[-1]), model.predict([[0.0], [11.0]]).tolist()
    ((12,), True, ['no', 'yes'])
    """
    labels = as_column(y, "y")
    check_same_length(X=range(n_rows(X)), y=labels, sensitive_features=groups)
    weights = check_weights(sample_weight, len(groups))
    metadata = metadata or {}
    if is_prefit(estimator, cv):
        check_is_fitted(estimator)
        return _score(estimator, X, groups, positive, metadata), estimator
    splits = read_splits(cv, X, labels, groups, weights)
    fitted = fit_weighted(clone(estimator), X, y, weights, **metadata)
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_score)(
            clone(estimator), X, y, groups, positive, weights, metadata, train, test
        )
        for train, test in splits
    )
    scores = np.empty(len(groups))
    for (_, test), part in zip(splits, parts, strict=True):
        scores[test] = part
    return scores, fitted


def is_prefit(estimator: Any, cv: Any) -> bool:
    """Tell whether the estimator is to be used as it is."""
    return (isinstance(cv, str) and cv == "prefit") or isinstance(estimator, FrozenEstimator)


def score_method(estimator: Any) -> str:
    """Name of the method that scores: ``predict_proba``, else ``decision_function``.

    Raises
    ------
    TypeError
        If the estimator has neither.
    """
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            return method
    raise TypeError(
        f"{type(estimator).__name__} has neither predict_proba nor decision_function: there are no "
        "scores to work on"
    )


def positive_scores(estimator: Any, X: Any, positive: Any, **params: Any) -> Floats:
    """Score rows for one class: its probability, else the decision function towards it.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : data frame or array-like of shape (n, n_features)
    positive : label
        One of the estimator's classes.
    **params : dict
        Metadata for the method that scores.

    Returns
    -------
    scores : ndarray of float of shape (n,)

    Raises
    ------
    ValueError
        If the estimator doesn't know the class, or a score isn't a finite number.
    """
    values = getattr(estimator, method := score_method(estimator))(X, **params)
    return scores_of_class(values, estimator.classes_, positive, method)


def scores_of_class(values: Any, classes: Any, positive: Any, method: str) -> Floats:
    """Scores of one class out of what a scoring method has returned; infinite ones become huge.

    Examples
    --------
    >>> scores_of_class([-1.5, 2.0], ["no", "yes"], "no", "decision_function")
    array([ 1.5, -2. ])
    """
    known = list(classes)
    if positive not in known:
        raise ValueError(
            f"the model knows the classes {known} and not {positive!r}: a training set lacks it, "
            "so use fewer folds"
        )
    place, table = known.index(positive), np.asarray(values)
    if table.ndim == 2:
        return finite_scores(as_column(table[:, place], method), method)
    return finite_scores(as_column(table if place == 1 else -table, method), method)


def _fit_and_score(
    estimator: Any,
    X: Any,
    y: Any,
    groups: Groups,
    positive: Any,
    weights: Floats | None,
    metadata: dict[str, Any],
    train: Rows,
    test: Rows,
) -> Floats:
    of_train = take_metadata(metadata, groups, train)
    own = None if weights is None else weights[train]
    fitted = fit_weighted(estimator, take_rows(X, train), take_rows(y, train), own, **of_train)
    of_test = take_metadata(metadata, groups, test)
    return _score(fitted, take_rows(X, test), groups.take(test), positive, of_test)


def _score(fitted: Any, X: Any, groups: Groups, positive: Any, metadata: dict[str, Any]) -> Floats:
    """Score rows; the groups go along where they came as metadata and the model asks for them."""
    asked = "sensitive_features" in metadata and wants(fitted, score_method(fitted))
    params = {"sensitive_features": groups.to_values()} if asked else {}
    return positive_scores(fitted, X, positive, **params)


def read_splits(
    cv: Any, X: Any, labels: Any, groups: Groups, weights: Floats | None
) -> list[tuple[Rows, Rows]]:
    """Rows of training and of test, fold by fold; see :func:`out_of_fold_scores`."""
    if isinstance(cv, int | np.integer) and not isinstance(cv, bool):
        return _deal_folds(int(cv), labels, groups, weights)
    if cv is None or isinstance(cv, str | bool):
        raise ValueError(
            f'cv must be a number of folds, a splitter, splits, or "prefit", got {cv!r}'
        )
    splitter = check_cv(list(cv) if isinstance(cv, Iterable) else cv)
    params = {"sensitive_features": groups} if wants(cv, "split") else {}
    splits = [
        (np.asarray(train), np.asarray(test)) for train, test in splitter.split(X, labels, **params)
    ]
    tested = np.concatenate([test for _, test in splits])
    if not np.array_equal(np.sort(tested), np.arange(len(groups))):
        raise ValueError("the test sets of cv must hold each row once")
    return splits


def _deal_folds(
    n_folds: int, labels: Any, groups: Groups, weights: Floats | None
) -> list[tuple[Rows, Rows]]:
    """Folds balanced by label x group; rows of weight 0 are in no training set."""
    counted = np.arange(len(groups)) if weights is None else np.flatnonzero(weights)
    with warnings.catch_warnings():  # a fold that lacks a cell still gets its scores
        warnings.filterwarnings("ignore", "cells with fewer rows than", UserWarning)
        folds = GroupLabelStratifiedKFold(n_folds).split(
            None, take_rows(labels, counted), sensitive_features=groups.take(counted)
        )
        splits = [(counted[train], counted[test]) for train, test in folds]
    rest = np.setdiff1d(np.arange(len(groups)), counted)
    return [
        (train, np.append(test, rest) if not i else test) for i, (train, test) in enumerate(splits)
    ]
