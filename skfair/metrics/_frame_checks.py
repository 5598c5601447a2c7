"""Checks of what a MetricFrame is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skfair._utils.columns import n_rows
from skfair._utils.validation import check_same_length, check_weights
from skfair.metrics._calls import name_of


def named_metrics(metrics: Any) -> tuple[str | None, Mapping[str, Callable[..., Any]]]:
    """Name of the only metric, None where there is a mapping of them, and that mapping."""
    if isinstance(metrics, Mapping):
        return None, metrics
    return name_of(metrics), {name_of(metrics): metrics}


def params_by_metric(
    functions: Mapping[str, Any], sample_params: Any, single: bool
) -> dict[str, dict[str, Any]]:
    """Arguments a row of each metric, by its name."""
    for function in functions.values():
        if not callable(function):
            raise ValueError("Object passed as metric function not callable")
    if sample_params is None:
        return {name: {} for name in functions}
    if not isinstance(sample_params, Mapping):
        raise ValueError("Sample parameters must be a dictionary")
    if single:
        return {name: _given(sample_params) for name in functions}
    if set(sample_params) - set(functions):
        raise ValueError(
            f"Keys in 'sample_params' do not match those in 'metric': {list(sample_params)} are "
            f"not all among {list(functions)}"
        )
    return {name: _given(sample_params.get(name, {})) for name in functions}


def _given(params: Any) -> dict[str, Any]:
    if not isinstance(params, Mapping):
        raise ValueError("Sample parameters must be a dictionary")
    return {name: values for name, values in params.items() if values is not None}


def check_params(params: dict[str, Any], n: int) -> None:
    """Raise ValueError if a metric's arguments have no value for each of n rows."""
    for name, values in params.items():
        if np.ndim(values) == 0 or isinstance(values, str):
            raise ValueError(
                f"sample parameter {name!r} has no value a row: fix it with "
                f"functools.partial(metric, {name}=...)"
            )
        check_same_length(**{"y_true": range(n), name: range(n_rows(values))})
    check_weights(params.get("sample_weight"), n)


def check_bootstrap(n_boot: Any, ci_quantiles: Any) -> None:
    """Raise ValueError unless both say how to draw intervals, or neither."""
    if n_boot is None and ci_quantiles is None:
        return
    if n_boot is None or ci_quantiles is None or not np.size(ci_quantiles):
        raise ValueError("Must specify both n_boot and ci_quantiles")
    if isinstance(n_boot, bool) or not isinstance(n_boot, int | np.integer) or n_boot < 1:
        raise ValueError("Must have n_boot be a positive integer")
    if np.ndim(ci_quantiles) != 1 or not all(
        isinstance(q, float) and 0 < q < 1 for q in ci_quantiles
    ):
        raise ValueError("Must have all ci_quantiles be floats in (0, 1)")
