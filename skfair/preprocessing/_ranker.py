"""Scores of rows by a classifier that didn't see them, and their nearness to its boundary."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, cross_val_predict

_FOLDS = 5


def rank_scores(ranker: Any, X: Any, positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Out-of-fold probabilities of the positive class.

    Parameters
    ----------
    ranker : estimator
        A classifier with ``predict_proba`` or ``decision_function``.
    X : data frame or matrix of shape (n, n_features)
    positive : ndarray of bool of shape (n,)

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
    smallest = min(int(positive.sum()), int((~positive).sum()))
    if smallest < 2:
        raise ValueError("a ranker needs two rows of each class at least")
    folds = StratifiedKFold(min(_FOLDS, smallest))  # in order, so that nothing is drawn
    found = cross_val_predict(
        ranker,
        X,
        positive.astype(int),
        cv=folds,
        method=method,
        params={},  # None fails in scikit-learn 1.6 under metadata routing
    )
    return np.asarray(found[:, 1] if found.ndim == 2 else found, dtype=float)


def nearness_to_boundary(ranker: Any, X: Any, positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Greater for positives of low and for negatives of high score."""
    scores = rank_scores(ranker, X, positive)
    return np.where(positive, -scores, scores)
