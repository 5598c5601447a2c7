"""Several models compared by two metrics, a point a model."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import is_frame
from skfair._utils.plotting import (
    closing_on_failure,
    pyplot,
    readable,
    short_names,
)
from skfair._utils.text import listed
from skfair._utils.validation import as_column, check_same_length
from skfair._utils.warning import warn_undefined_metric
from skfair.groups import Groups
from skfair.metrics._calls import name_of

Metric = Callable[..., Any]


def plot_model_comparison(
    *,
    y_preds: Any,
    y_true: Any = None,
    sensitive_features: Any = None,
    x_axis_metric: Metric | None = None,
    y_axis_metric: Metric | None = None,
    ax: Any = None,
    axis_labels: bool | Sequence[str] = True,
    point_labels: bool | Sequence[Any] = False,
    point_labels_position: Sequence[float] = (0, 0),
    legend: bool = False,
    show_plot: bool = False,
    **kwargs: Any,
) -> Any:
    """Compare models by two metrics, usually one of performance and one of fairness.

    fairlearn's function of that name. A metric gets the groups if it takes ``sensitive_features``
    and makes one number of them; a rate that would give one for each group is taken over all rows.

    Parameters
    ----------
    y_preds : array-like of shape (n_models, n) or (n,), or dict of array-like of shape (n,)
        Predictions of each model: a row a model, or a dict.
    y_true : array-like of shape (n,), default=None
        Labels; None, if no metric needs them.
    sensitive_features : array-like of shape (n,) or (n, k), or dict, default=None
        Groups, for metrics of fairness.
    x_axis_metric, y_axis_metric : callable
        ``metric(y_true, y_pred)`` or ``metric(y_true, y_pred, sensitive_features=...)``.
    ax : Axes, default=None
        Where to draw; None: in a new figure.
    axis_labels : bool or sequence of 2 str, default=True
        Labels of the axes; True: the metrics' names.
    point_labels : bool or sequence, default=False
        A label a model; True: the keys of ``y_preds``, or its positions.
    point_labels_position : sequence of 2 floats, default=(0, 0)
        Shift of these labels, in the units of the axes.
    legend : bool, default=False
        Draw a legend; ``label=`` names the points in it.
    show_plot : bool, default=False
        Call ``matplotlib.pyplot.show()``.
    **kwargs
        For ``Axes.scatter``.

    Returns
    -------
    ax : Axes

    Raises
    ------
    ValueError
        If lengths differ, a metric isn't callable or gives no number, or an option is of another
        kind.

    Warns
    -----
    UndefinedMetricWarning
        If a metric is NaN for a model: it has no point.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.metrics import accuracy_score
    >>> from skfair.metrics import demographic_parity_difference
    >>> ax = plot_model_comparison(
    ...     y_preds={"plain": [0, 0, 1, 1], "fair": [0, 1, 0, 1]},
    ...     y_true=[0, 1, 1, 1],
    ...     sensitive_features=["f", "f", "m", "m"],
    ...     x_axis_metric=demographic_parity_difference,
    ...     y_axis_metric=accuracy_score,
    ...     point_labels=True,
    ... )
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('demographic parity difference', ['plain', 'fair'])
    >>> import matplotlib.pyplot as plt
    >>> plt.close(ax.figure)
    """
    plt = pyplot("plot_model_comparison")
    names, predictions = _read_predictions(y_preds)
    _check_options(axis_labels, point_labels_position, legend=legend, show_plot=show_plot)
    labels = _point_labels(point_labels, names)
    true = None if y_true is None else np.asarray(as_column(y_true, "y_true"))
    groups = None if sensitive_features is None else Groups.read(sensitive_features)
    _check_lengths(y_preds, predictions[0], true, groups)
    given = None if groups is None else groups.to_values()
    x = _values(x_axis_metric, "x_axis_metric", true, predictions, given)
    y = _values(y_axis_metric, "y_axis_metric", true, predictions, given)
    defined = np.isfinite(x) & np.isfinite(y)
    _warn_undefined(names, defined)
    with closing_on_failure(plt):
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        _label_axes(ax, axis_labels, (x_axis_metric, y_axis_metric))
        for i, text in enumerate(short_names(labels)):
            if defined[i]:
                ax.text(x[i] + point_labels_position[0], y[i] + point_labels_position[1], text)
        ax.scatter(x, y, **kwargs)
        if legend:
            ax.legend()
    if show_plot:
        plt.show()
    return ax


def _read_predictions(y_preds: Any) -> tuple[list[Any], list[NDArray[Any]]]:
    if isinstance(y_preds, Mapping):
        names, rows = list(y_preds), list(y_preds.values())
    else:
        rows = list(np.asarray(y_preds) if is_frame(y_preds) else y_preds)
        if rows and np.ndim(rows[0]) == 0:  # a single model's
            rows = [y_preds]
        names = list(range(len(rows)))
    if not rows:
        raise ValueError("y_preds is empty: give the predictions of at least one model")
    predictions = [
        np.asarray(as_column(row, f"y_preds[{name!r}]"))
        for name, row in zip(names, rows, strict=True)
    ]
    check_same_length(**{f"y_preds[{n!r}]": p for n, p in zip(names, predictions, strict=True)})
    return names, predictions


def _check_lengths(y_preds: Any, first: NDArray[Any], y_true: Any, groups: Any) -> None:
    try:
        check_same_length(y_preds=first, y_true=y_true, sensitive_features=groups)
    except ValueError as error:
        if isinstance(y_preds, Mapping):
            raise
        hint = "y_preds has one row a model; pass a dict if it has a column a model"
        raise ValueError(f"{error} ({hint})") from None


def _check_options(
    axis_labels: Any, point_labels_position: Any, *, legend: Any, show_plot: Any
) -> None:
    if not isinstance(axis_labels, bool) and not _is_pair(axis_labels, str):
        raise ValueError(f"axis_labels must be a bool or two strings, got {axis_labels!r}")
    if not _is_pair(point_labels_position, numbers.Real):
        raise ValueError(
            f"point_labels_position must be two numbers, got {point_labels_position!r}"
        )
    for name, value in {"legend": legend, "show_plot": show_plot}.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False, got {value!r}")


def _is_pair(values: Any, kind: type) -> bool:
    several = isinstance(values, list | tuple | np.ndarray)
    return several and len(values) == 2 and all(isinstance(value, kind) for value in values)


def _point_labels(point_labels: Any, names: list[Any]) -> list[Any]:
    if isinstance(point_labels, bool):
        return names if point_labels else []
    if not isinstance(point_labels, list | tuple | np.ndarray):
        raise ValueError(f"point_labels must be a bool or a list of labels, got {point_labels!r}")
    if len(point_labels) != len(names):
        raise ValueError(f"{len(point_labels)} point_labels for {len(names)} models")
    return list(point_labels)


def _values(
    metric: Metric | None, name: str, y_true: Any, predictions: list[NDArray[Any]], groups: Any
) -> NDArray[np.float64]:
    if not callable(metric):
        raise ValueError(f"{name} must be a metric(y_true, y_pred), got {metric!r}")
    values = [_value(metric, y_true, y_pred, groups) for y_pred in predictions]
    if any(np.ndim(value) for value in values):
        raise ValueError(f"{name} must give one number for a model, got {values[0]!r}")
    return np.asarray(values, dtype=np.float64)


def _value(metric: Metric, y_true: Any, y_pred: Any, groups: Any) -> Any:
    takes = None if groups is None else _takes_groups(metric)
    if takes is not None:
        try:
            value = metric(y_true, y_pred, sensitive_features=groups)
        except TypeError as error:
            if takes or not _is_about_groups(error):
                raise
        else:
            if np.ndim(value) == 0:
                return value
    return metric(y_true, y_pred)


def _is_about_groups(error: TypeError) -> bool:
    return any(words in str(error) for words in ("sensitive_features", "no keyword arguments"))


def _takes_groups(metric: Metric) -> bool | None:
    """Tell whether a metric takes groups by name (True), perhaps as any keyword (False), or not."""
    try:
        parameters = inspect.signature(metric).parameters
    except (TypeError, ValueError):
        return False
    if "sensitive_features" in parameters:
        return True
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return False if anything else None


def _warn_undefined(names: list[Any], defined: NDArray[np.bool_]) -> None:
    if not defined.all():
        lost = [name for name, known in zip(names, defined, strict=True) if not known]
        warn_undefined_metric(f"models {listed(lost)} have no point: a metric is NaN or infinite")


def _label_axes(ax: Any, axis_labels: Any, metrics: tuple[Any, Any]) -> None:
    if axis_labels is False:
        return
    texts = [_name(metric) for metric in metrics] if axis_labels is True else axis_labels
    ax.set(xlabel=texts[0], ylabel=texts[1])


def _name(metric: Any) -> str:
    return readable(name_of(metric, type(metric).__name__))
