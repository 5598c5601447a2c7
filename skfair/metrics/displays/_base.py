"""What all displays share: groups and responses of estimators, names, colours, panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import is_frame, n_rows
from skfair._utils.text import listed
from skfair._utils.validation import positive_class
from skfair.base import read_groups, wants
from skfair.criteria import Rate, get_rate
from skfair.groups import Bins, Groups, Missing


def read_rates(rates: str | Rate | Sequence[str | Rate]) -> list[Rate]:
    """Rates by their names, each once.

    Examples
    --------
    >>> [rate.name for rate in read_rates("accuracy")]
    ['accuracy']
    """
    named = [rates] if isinstance(rates, str | Rate) else rates
    return list({rate.name: rate for rate in map(get_rate, named)}.values())


def read_groups_of(
    X: Any, sensitive_features: Any, *, missing: Missing, owner: str
) -> tuple[Groups, Any]:
    """Read groups that are columns of X or values, and what to pass on to an estimator.

    Parameters
    ----------
    X : data frame or matrix of shape (n, n_features)
    sensitive_features : str, int, Bins, callable, list of them, or array-like of shape (n,)
        Columns of X, or values: a list is one of columns if its length isn't that of X or all of
        it are names of columns.
    missing : {"group", "raise"}
    owner : str
        Name of the object that asks, for messages.

    Returns
    -------
    groups : Groups
    values : Series, data frame or what the user gave
        One row a row of X, for estimators that ask for sensitive features.
    """
    if not _names_columns(X, sensitive_features):
        groups = read_groups(X, sensitive_features, missing=missing, owner=owner)
        return groups, sensitive_features
    groups = read_groups(X, columns=sensitive_features, missing=missing, owner=owner)
    return groups, groups.to_values()


def respond(estimator: Any, X: Any, method: str, sensitive_features: Any) -> NDArray[Any]:
    """Call a method of a fitted estimator, with the groups where it asks for them.

    A search passes no metadata to the estimator that it found best, so that one is asked itself.
    """
    best = getattr(estimator, "best_estimator_", None)
    if best is not None and wants(best, method) and not wants(estimator, method):
        estimator = best
    params = {"sensitive_features": sensitive_features} if wants(estimator, method) else {}
    return np.asarray(getattr(estimator, method)(X, **params))


def positive_scores(
    estimator: Any,
    X: Any,
    sensitive_features: Any,
    *,
    pos_label: Any,
    methods: Sequence[str] = ("predict_proba", "decision_function"),
) -> NDArray[np.float64]:
    """Scores of the positive class, by the first of the methods that the estimator has.

    Raises
    ------
    ValueError
        If the estimator has none of them, or the positive class can't be told.
    """
    method = next((name for name in methods if hasattr(estimator, name)), None)
    if method is None or not hasattr(estimator, "classes_"):
        raise ValueError(f"{type(estimator).__name__} is no classifier with {' or '.join(methods)}")
    classes = np.asarray(estimator.classes_).tolist()
    place = positive_class(classes, pos_label)
    if place is None:
        raise ValueError(
            f"the estimator knows no positive class: its classes are {listed(classes)}"
        )
    scores = respond(estimator, X, method, sensitive_features)
    if scores.ndim == 1:  # the decision function of two classes
        return scores if place == 1 else -scores
    return scores[:, place]


def _names_columns(X: Any, sensitive_features: Any) -> bool:
    if isinstance(sensitive_features, str | int | np.integer | Bins):
        return True
    if callable(sensitive_features):
        return True
    if not isinstance(sensitive_features, list | tuple) or not len(sensitive_features):
        return False
    if any(isinstance(item, Bins) for item in sensitive_features):
        return True
    names = [x for x in sensitive_features if isinstance(x, str | int) and not isinstance(x, bool)]
    if len(set(names)) < len(sensitive_features):
        return False  # values of rows repeat, columns don't
    known = set(X.columns) if is_frame(X) else set()
    return len(names) != n_rows(X) or set(names) <= known
