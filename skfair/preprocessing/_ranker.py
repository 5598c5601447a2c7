"""Scores of rows by a classifier that didn't see them, and their nearness to its boundary."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from skfair._utils.columns import take_rows
from skfair.base import fit_weighted, wants
from skfair.groups import Groups

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_FOLDS = 5


def fit_folds(
    model: Any,
    X: Any,
    y: Any,
    strata: NDArray[np.integer],
    n_folds: int,
    *,
    weights: Floats | None = None,
    groups: Groups | None = None,
) -> Iterator[tuple[Rows, Any]]:
    """Fit clones of a model to all folds but one, and give them with the rows of that one.

    Parameters
    ----------
    model : estimator
    X : data frame or matrix of shape (n, n_features)
    y : array-like of shape (n,)
    strata : ndarray of int of shape (n,)
        Every fold gets its share of each.
    n_folds : int
    weights : ndarray of float of shape (n,), default=None
        Rows of weight 0 are in no training set.
    groups : Groups, default=None
        For models that ask for them as metadata.

    Yields
    ------
    rows, fitted
    """
    counted = np.arange(len(strata)) if weights is None else np.flatnonzero(weights)
    rest = np.setdiff1d(np.arange(len(strata)), counted)
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    for train, test in folds.split(counted, strata[counted]):
        rows = counted[train]
        own = None if weights is None else weights[rows]
        values = None if groups is None else groups.take(rows).to_values()
        fitted = fit_weighted(
            clone(model), take_rows(X, rows), take_rows(y, rows), own, sensitive_features=values
        )
        yield np.append(counted[test], rest), fitted
        rest = rest[:0]


def rank_scores(
    ranker: Any,
    X: Any,
    y: Any,
    positive: NDArray[np.bool_],
    label: Hashable,
    *,
    weights: Floats | None = None,
    groups: Groups | None = None,
) -> Floats:
    """Out-of-fold probabilities of the positive class, or decisions towards it.

    Parameters
    ----------
    ranker : estimator
        A classifier with ``predict_proba`` or ``decision_function``.
    X : data frame or matrix of shape (n, n_features)
    y : array-like of shape (n,)
        Labels of two classes, as the ranker gets them.
    positive : ndarray of bool of shape (n,)
    label : label
        The positive class.
    weights : ndarray of float of shape (n,), default=None
        Sampling weights, which the ranker has to take.
    groups : Groups, default=None
        For rankers that ask for them as metadata.

    Returns
    -------
    scores : ndarray of float of shape (n,)

    Raises
    ------
    ValueError
        If the ranker gives no scores, or a class has too few rows for two folds.
    """
    method = next((m for m in ("predict_proba", "decision_function") if hasattr(ranker, m)), None)
    if method is None:
        raise ValueError(f"{type(ranker).__name__} ranks nothing: it has no predict_proba")
    counted = positive if weights is None else positive[weights > 0]
    smallest = min(int(counted.sum()), int((~counted).sum()))
    if smallest < 2:
        raise ValueError("a ranker needs two rows of each class at least")
    scores = np.empty(len(positive))
    n_folds = min(_FOLDS, smallest)
    strata = positive.astype(np.int8)
    for rows, fitted in fit_folds(ranker, X, y, strata, n_folds, weights=weights, groups=groups):
        found = _call(fitted, method, take_rows(X, rows), groups, rows)
        scores[rows] = _of_class(found, list(fitted.classes_).index(label))
    return scores


def _call(fitted: Any, method: str, X: Any, groups: Groups | None, rows: Rows) -> Floats:
    if groups is None or not wants(fitted, method):
        return np.asarray(getattr(fitted, method)(X))
    with config_context(enable_metadata_routing=True):  # only so do steps get metadata at predict
        values = groups.take(rows).to_values()
        return np.asarray(getattr(fitted, method)(X, sensitive_features=values))


def _of_class(found: Floats, place: int) -> Floats:
    if found.ndim == 2:
        return found[:, place]
    return found if place == 1 else -found


def nearness_to_boundary(scores: Floats, positive: NDArray[np.bool_]) -> Floats:
    """Greater for positives of low and for negatives of high score.

    Examples
    --------
    >>> nearness_to_boundary(np.array([0.2, 0.4]), np.array([True, False]))
    array([-0.2,  0.4])
    """
    return np.where(positive, -scores, scores)
