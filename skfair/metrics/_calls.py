"""Metrics that are any callables: their names, the rows they are called with, what they guess."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as skm

from skfair._utils.columns import to_array
from skfair._utils.validation import encode_labels

_GUESSING = (skm.roc_auc_score, skm.log_loss, skm.d2_log_loss_score, skm.hinge_loss)


def base_of(metric: Any) -> Any:
    """Take the function out of a partial.

    Examples
    --------
    >>> base_of(functools.partial(max, default=0)) is max
    True
    """
    while isinstance(metric, functools.partial):
        metric = metric.func
    return metric


def name_of(metric: Any, default: str = "metric") -> str:
    """Name of a metric, of the function inside a partial too; ``default`` where it has none.

    Examples
    --------
    >>> name_of(functools.partial(skm.recall_score, pos_label="yes"))
    'recall_score'
    """
    if not callable(metric):
        raise ValueError("Object passed as metric function not callable")
    named = metric if hasattr(metric, "__name__") else base_of(metric)
    return str(getattr(named, "__name__", default))


def with_pos_label(metrics: Any, pos_label: Any) -> Any:
    """Fix the positive class of a metric, or of each in a dict, that asks for it and has none.

    Examples
    --------
    >>> fixed = with_pos_label({"r": skm.recall_score, "a": skm.accuracy_score}, "yes")
    >>> fixed["r"].keywords, fixed["a"] is skm.accuracy_score
    ({'pos_label': 'yes'}, True)
    """
    if pos_label is None:
        return metrics
    if isinstance(metrics, Mapping):
        return {name: with_pos_label(metric, pos_label) for name, metric in metrics.items()}
    has_one = isinstance(metrics, functools.partial) and "pos_label" in metrics.keywords
    if has_one or not callable(metrics):
        return metrics
    try:
        asks = "pos_label" in inspect.signature(base_of(metrics)).parameters
    except ValueError:  # some functions written in C tell no signature
        asks = False
    if not asks:
        return metrics
    return functools.partial(metrics, pos_label=pos_label)


def as_rows(values: Any, name: str) -> NDArray[Any]:
    """Numpy array with an entry a row; a single column loses its second axis.

    Examples
    --------
    >>> as_rows([[0], [1]], "y_true"), as_rows([[0, 1], [1, 0]], "y_pred").shape
    (array([0, 1]), (2, 2))
    """
    if isinstance(values, list | tuple) and any(isinstance(v, list | tuple) for v in values[:1]):
        values = np.asarray(values)
    array = np.asarray(to_array(values))
    if array.ndim == 0:
        raise ValueError(f"{name} has no value a row")
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def refuse_guess(metric: Any, y_true: NDArray[Any], y_pred: NDArray[Any]) -> None:
    """Raise ValueError if a metric of scores would guess which of two words is positive.

    Parameters
    ----------
    metric : callable
    y_true : ndarray of shape (n,)
    y_pred : ndarray of shape (n,) or (n, m)
        With a column a class there is nothing to guess.
    """
    base = base_of(metric)
    if base not in _GUESSING or y_pred.ndim != 1:
        return
    if not set(encode_labels(("y_true", y_true))[1]) <= {-1, 0, 1}:
        raise ValueError(
            f"{name_of(base)} would take the last of the labels as the positive one: make y_true "
            "0 and 1 (y_true == positive)"
        )


def call_by_part(
    metric: Callable[..., Any],
    y_true: NDArray[Any],
    y_pred: NDArray[Any],
    params: Mapping[str, NDArray[Any]],
    parts: Iterable[tuple[int, NDArray[np.intp]]],
) -> dict[int, Any]:
    """Call a metric on the rows of each part, by the part's number."""
    return {
        part: metric(y_true[rows], y_pred[rows], **{k: v[rows] for k, v in params.items()})
        for part, rows in parts
    }
