"""Metrics derived from a metric: its difference, ratio, minimum or maximum over groups."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

from skfair.metrics._calls import name_of
from skfair.metrics._metric_frame import MetricFrame

Transform = Literal["difference", "group_min", "group_max", "ratio"]
_TRANSFORMS = ("difference", "group_min", "group_max", "ratio")


class DerivedMetric:
    """A scalar metric over groups; made by :func:`make_derived_metric`."""

    def __init__(
        self,
        metric: Callable[..., Any],
        transform: Transform,
        sample_param_names: Sequence[str],
    ) -> None:
        self.metric = metric
        self.transform = transform
        self.sample_param_names = tuple(sample_param_names)
        base = name_of(metric)
        self.__name__ = f"{base}_{transform}"
        self.__doc__ = f"{_SAYS[transform]} of :func:`{base}` over groups."

    def __repr__(self) -> str:
        return f"<derived metric {self.__name__}>"

    def __call__(
        self, y_true: Any, y_pred: Any, *, sensitive_features: Any, **other_params: Any
    ) -> Any:
        """Compute the metric.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n,)
            Labels and predictions.
        sensitive_features : array-like of shape (n,) or (n, k), Series, data frame or dict
            Groups; several columns make intersections.
        **other_params
            ``method="between_groups"`` or ``"to_overall"`` for differences and ratios,
            ``missing="raise"`` to refuse missing sensitive values, per-row parameters such as
            ``sample_weight``, and any other parameter of the metric.

        Returns
        -------
        value : float
        """
        options = {}
        missing = other_params.pop("missing", "group")
        method = other_params.pop("method", None)
        if method is not None and self.transform in ("difference", "ratio"):
            options["method"] = method
        rows = {k: v for k, v in other_params.items() if k in self.sample_param_names}
        fixed = {k: v for k, v in other_params.items() if k not in self.sample_param_names}
        frame = MetricFrame(
            metrics=functools.partial(self.metric, **fixed) if fixed else self.metric,
            y_true=y_true,
            y_pred=y_pred,
            sensitive_features=sensitive_features,
            sample_params=rows,
            missing=missing,
        )
        return getattr(frame, self.transform)(**options)


_SAYS = {
    "difference": "Largest difference",
    "ratio": "Smallest ratio",
    "group_min": "Smallest value",
    "group_max": "Largest value",
}


def make_derived_metric(
    *,
    metric: Callable[..., float | int],
    transform: Transform,
    sample_param_names: Sequence[str] | None = ("sample_weight",),
) -> DerivedMetric:
    """Make a scalar metric of a metric's values by group.

    A group whose value is undefined is left out, with a warning. In a search that can reward a
    model that never selects a group: :func:`fairness_scorer` makes such a model infeasible.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_pred, **params)``.
    transform : {"difference", "ratio", "group_min", "group_max"}
        The method of :class:`MetricFrame` that makes one number of the values by group.
    sample_param_names : sequence of str, default=("sample_weight",)
        Parameters of the metric with a value a row; None: there are none.

    Returns
    -------
    derived : callable
        ``derived(y_true, y_pred, *, sensitive_features, method=..., **params)``.

    Raises
    ------
    ValueError
        If the metric isn't callable or takes a parameter ``method``, or the transform is unknown.

    Examples
    --------
    >>> from sklearn.metrics import recall_score
    >>> worst_recall = make_derived_metric(metric=recall_score, transform="group_min")
    >>> float(worst_recall([1, 1, 1, 1], [1, 1, 0, 1], sensitive_features=["f", "f", "m", "m"]))
    0.5
    """
    if not callable(metric):
        raise ValueError("Supplied metric object must be callable")
    if transform not in _TRANSFORMS:
        raise ValueError(f"Transform must be one of {list(_TRANSFORMS)}")
    if "method" in inspect.signature(metric).parameters:
        raise ValueError(
            "Callables which accept a 'method' argument may not be passed to "
            "make_derived_metric(). Please use functools.partial()"
        )
    return DerivedMetric(metric, transform, sample_param_names or ())
