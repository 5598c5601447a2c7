"""MetricFrame: metrics by group, in fairlearn's form and at the speed of one tally."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import nan_max, nan_min
from skfair._utils.columns import n_rows
from skfair._utils.text import listed
from skfair._utils.validation import check_same_length, check_weights, generator
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import Method, difference, ratio, to_overall
from skfair.groups import Missing
from skfair.metrics._calls import name_of
from skfair.metrics._frame_grid import FrameGrid
from skfair.metrics._frame_values import CellMetrics, Values

Errors = Literal["raise", "coerce"]
_NON_SCALAR = (
    "Metric frame contains non-scalar cells. Please remove non-scalar columns from your metric "
    "frame or use parameter errors='coerce'."
)
_NO_QUANTILES = (
    "Metric frame contains non-scalar cells, and those have no quantiles. Please remove non-scalar "
    "columns from your metric frame."
)


class MetricFrame:
    """Metrics by group, overall, and the gaps between groups.

    It takes what fairlearn's ``MetricFrame`` (0.15) takes and gives what it gives, so changing the
    import is enough. Metrics that are rates (skfair's own; scikit-learn's ``accuracy_score``,
    ``zero_one_loss``, ``recall_score``, ``precision_score``, ``f1_score``) are read from one tally
    of all rows; any other callable is called for each group.

    Where it differs from fairlearn: rows without a sensitive value form the group ``"<missing>"``
    (fairlearn raises); a rate that is 0/0 is NaN with a warning that names the groups (fairlearn
    and scikit-learn say 0), and is left out of gaps; a gap with fewer than two groups is NaN
    (fairlearn: 0); ``pos_label`` is needed for string labels
    (``functools.partial(selection_rate, pos_label="yes")`` keeps the fast path).

    Parameters
    ----------
    metrics : callable or dict of str to callable
        ``metric(y_true, y_pred, **sample_params)``; what it returns may be no scalar.
    y_true, y_pred : array-like of shape (n,)
        Labels and predictions.
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame or dict
        Groups; several columns make intersections.
    control_features : like ``sensitive_features``, default=None
        Gaps are taken within each combination of their values.
    sample_params : dict, default=None
        Per-row arguments of the metric, ``{"sample_weight": w}``; with a dict of metrics, such a
        dict for each name.
    n_boot : int, default=None
        Number of bootstrap replicates for the ``_ci`` members.
    ci_quantiles : list of float, default=None
        Quantiles that they give.
    random_state : int, RandomState or None, default=None
        Seed of the bootstrap.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive or control value form the group ``"<missing>"``, or are refused.

    Attributes
    ----------
    overall : scalar, Series or DataFrame
        The metrics on all rows (by control level, if there are any).
    by_group : Series or DataFrame
        The metrics by control and sensitive level.
    control_levels, sensitive_levels : list of str
        Names of the features; ``control_levels`` is None without any.

    Raises
    ------
    ValueError
        If lengths differ, a feature's name is no string or occurs twice, a metric isn't callable,
        or ``sample_params`` don't match the metrics.

    Notes
    -----
    ``by_group_ci``, ``overall_ci``, ``difference_ci`` and the like are percentile intervals, as
    fairlearn's. Those of ``difference`` and ``ratio`` do not cover: the largest difference between
    groups is biased upward in every replicate, so that a true gap of 0 is hardly ever inside
    (``benchmarks/coverage.py``). Use :func:`skfair.metrics.gap_interval`.

    References
    ----------
    Weerts, H. et al. (2023). Fairlearn: assessing and improving fairness of AI systems. JMLR 24.
    https://jmlr.org/papers/v24/23-0389.html

    Examples
    --------
    >>> from sklearn.metrics import accuracy_score
    >>> from skfair.metrics import selection_rate
    >>> frame = MetricFrame(
    ...     metrics={"accuracy": accuracy_score, "selected": selection_rate},
    ...     y_true=[0, 1, 1, 0],
    ...     y_pred=[0, 1, 0, 0],
    ...     sensitive_features=pd.Series(["f", "f", "m", "m"], name="sex"),
    ... )
    >>> frame.by_group
         accuracy  selected
    sex
    f         1.0       0.5
    m         0.5       0.0
    >>> frame.difference()
    accuracy    0.5
    selected    0.5
    dtype: float64
    """

    def __init__(
        self,
        *,
        metrics: Callable[..., Any] | Mapping[str, Callable[..., Any]],
        y_true: Any,
        y_pred: Any,
        sensitive_features: Any,
        control_features: Any = None,
        sample_params: Mapping[str, Any] | None = None,
        n_boot: int | None = None,
        ci_quantiles: list[float] | None = None,
        random_state: Any = None,
        missing: Missing = "group",
    ) -> None:
        check_same_length(y_true=range(n_rows(y_true)), y_pred=range(n_rows(y_pred)))
        _check_bootstrap(n_boot, ci_quantiles)
        self._single = None if isinstance(metrics, Mapping) else name_of(metrics)
        functions = metrics if isinstance(metrics, Mapping) else {name_of(metrics): metrics}
        params = _params_by_metric(functions, sample_params, self._single is not None)
        for given in params.values():
            _check_params(given, n_rows(y_true))
        self._grid = FrameGrid.read(
            sensitive_features, control_features, n_rows(y_true), missing=missing
        )
        self.n_boot = n_boot
        self.ci_quantiles = ci_quantiles
        cells = CellMetrics(y_true, y_pred, self._grid)
        self._values = {k: cells.values(k, f, params[k]) for k, f in functions.items()}
        self._replicates: dict[str, Values] = {}
        if n_boot is not None:
            seed = int(generator(random_state).integers(2**32))
            self._replicates = {
                k: cells.replicates(f, params[k], n_boot, seed) for k, f in functions.items()
            }

    @property
    def control_levels(self) -> list[str] | None:
        """Names of the control features, or None."""
        return [feature.name for feature in self._grid.control] or None

    @property
    def sensitive_levels(self) -> list[str]:
        """Names of the sensitive features."""
        return [feature.name for feature in self._grid.sensitive]

    @property
    def overall(self) -> Any:
        """The metrics on all rows, or on all rows of each control level."""
        return self._over_control({name: whole for name, (_, whole) in self._values.items()})

    @property
    def by_group(self) -> pd.Series | pd.DataFrame:
        """The metrics by control and sensitive level."""
        return self._over_cells({name: values for name, (values, _) in self._values.items()})

    def group_min(self, errors: Errors = "raise") -> Any:
        """Smallest value over the groups.

        Parameters
        ----------
        errors : {"raise", "coerce"}, default="raise"
            Refuse a metric that is no scalar, or give NaN for it.

        Returns
        -------
        scalar, Series or DataFrame
            In the form of ``overall``.
        """
        return self._aggregate(lambda values, _: nan_min(values), errors)

    def group_max(self, errors: Errors = "raise") -> Any:
        """Largest value over the groups; as :meth:`group_min`."""
        return self._aggregate(lambda values, _: nan_max(values), errors)

    def difference(self, method: Method = "between_groups", errors: Errors = "coerce") -> Any:
        """Largest absolute difference between groups, or of a group to the overall value.

        Parameters
        ----------
        method : {"between_groups", "to_overall"}, default="between_groups"
            What groups are compared with.
        errors : {"raise", "coerce"}, default="coerce"
            Refuse a metric that is no scalar, or give NaN for it.

        Returns
        -------
        scalar, Series or DataFrame
            In the form of ``overall``.
        """
        return self._aggregate(_gap(method, difference, as_ratio=False), errors)

    def ratio(self, method: Method = "between_groups", errors: Errors = "coerce") -> Any:
        """Smallest ratio between groups, or of a group and the overall value; at most 1.

        Parameters are those of :meth:`difference`.
        """
        return self._aggregate(_gap(method, ratio, as_ratio=True), errors, keep_integers=False)

    @property
    def overall_ci(self) -> list[Any]:
        """Bootstrap quantiles of ``overall``, one result a quantile."""
        return self._quantiles(self._over_control, lambda _, whole: whole)

    @property
    def by_group_ci(self) -> list[Any]:
        """Bootstrap quantiles of ``by_group``, one result a quantile."""
        return self._quantiles(self._over_cells, lambda values, _: values)

    def group_min_ci(self) -> list[Any]:
        """Bootstrap quantiles of ``group_min``, one result a quantile."""
        return self._quantiles(self._over_control, lambda values, _: nan_min(values))

    def group_max_ci(self) -> list[Any]:
        """Bootstrap quantiles of ``group_max``, one result a quantile."""
        return self._quantiles(self._over_control, lambda values, _: nan_max(values))

    def difference_ci(self, method: Method = "between_groups") -> list[Any]:
        """Bootstrap quantiles of ``difference``; they do not cover the true gap (see Notes)."""
        return self._quantiles(self._over_control, _gap(method, difference, as_ratio=False))

    def ratio_ci(self, method: Method = "between_groups") -> list[Any]:
        """Bootstrap quantiles of ``ratio``; they do not cover the true ratio (see Notes)."""
        return self._quantiles(self._over_control, _gap(method, ratio, as_ratio=True))

    def _aggregate(
        self, aggregate: Callable[..., Any], errors: str, *, keep_integers: bool = True
    ) -> Any:
        if errors not in ("raise", "coerce"):
            raise ValueError("Invalid error value specified. Valid values are ['raise', 'coerce']")
        found = {}
        for name, (values, whole) in self._values.items():
            if values.dtype == object or whole.dtype == object:
                if errors == "raise":
                    raise ValueError(_NON_SCALAR)
                found[name] = np.full(len(whole), np.nan)
            else:
                gaps = np.asarray(aggregate(values.astype(float), whole.astype(float)))
                whole_number = keep_integers and {values.dtype.kind, whole.dtype.kind} <= set("iu")
                whole_number = whole_number and bool(np.isfinite(gaps).all())
                found[name] = gaps.astype(values.dtype) if whole_number else gaps
        self._warn_undefined(found)
        return self._over_control(found)

    def _warn_undefined(self, found: dict[str, NDArray[Any]]) -> None:
        scalar = [name for name, (values, _) in self._values.items() if values.dtype != object]
        lost = [name for name in scalar if np.isnan(found[name]).any()]
        if lost:
            warn_undefined_metric(
                f"{listed(lost)} can't be compared: fewer than two groups have a value, or their "
                "ratio is 0/0; the result is NaN"
            )

    def _quantiles(self, shape: Callable[..., Any], pick: Callable[..., Any]) -> list[Any]:
        if self.ci_quantiles is None:
            raise ValueError(
                "Could not compute confidence intervals: Bootstrapping parameters n_boot and "
                "ci_quantiles were not specified in the MetricFrame constructor."
            )
        if any(part.dtype == object for values in self._replicates.values() for part in values):
            raise ValueError(_NO_QUANTILES)
        drawn = {name: pick(*values) for name, values in self._replicates.items()}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN slice")  # undefined in every replicate
            return [
                shape({k: _quantile(v, q) for k, v in drawn.items()}) for q in self.ci_quantiles
            ]

    def _over_cells(self, values: dict[str, NDArray[Any]]) -> pd.Series | pd.DataFrame:
        columns = {name: v.reshape(-1) for name, v in values.items()}
        return self._single_or_all(columns, self._grid.index)

    def _over_control(self, values: dict[str, NDArray[Any]]) -> Any:
        if self._grid.control:
            return self._single_or_all(values, self._grid.control_index)
        if self._single is not None:
            return values[self._single][0]
        return pd.Series({name: v[0] for name, v in values.items()})

    def _single_or_all(
        self, columns: dict[str, NDArray[Any]], index: pd.Index
    ) -> pd.Series | pd.DataFrame:
        if self._single is not None:
            return pd.Series(columns[self._single], index=index, name=self._single)
        kinds = {v.dtype.kind for v in columns.values()}
        if kinds <= set("iuf") and "f" in kinds:
            columns = {name: v.astype(float) for name, v in columns.items()}
        return pd.DataFrame(columns, index=index)


def _gap(method: str, between: Callable[..., Any], *, as_ratio: bool) -> Callable[..., Any]:
    if method == "between_groups":
        return lambda values, _: between(values)
    if method == "to_overall":
        return lambda values, whole: to_overall(values, whole, as_ratio=as_ratio)
    raise ValueError(f"Unrecognised comparison method: {method}")


def _quantile(drawn: NDArray[Any], q: float) -> Any:
    with np.errstate(invalid="ignore"):
        found = np.nanquantile(drawn, q, axis=0)
    if not np.isinf(drawn).any():
        return found
    below = np.nanquantile(drawn, q, axis=0, method="lower")  # numpy can't step to infinity
    return np.where(np.isnan(found), below, found)


def _params_by_metric(
    functions: Mapping[str, Any], sample_params: Any, single: bool
) -> dict[str, dict[str, Any]]:
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


def _check_params(params: dict[str, Any], n: int) -> None:
    for name, values in params.items():
        if np.ndim(values) == 0 or isinstance(values, str):
            raise ValueError(
                f"sample parameter {name!r} has no value a row: fix it with "
                f"functools.partial(metric, {name}=...)"
            )
        check_same_length(**{"y_true": range(n), name: range(n_rows(values))})
    check_weights(params.get("sample_weight"), n)


def _check_bootstrap(n_boot: Any, ci_quantiles: Any) -> None:
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
