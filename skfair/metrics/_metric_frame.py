"""MetricFrame: metrics by group, in fairlearn's form and at the speed of one tally."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import pandas as pd

from skfair._utils.arrays import nan_max, nan_min
from skfair._utils.columns import n_rows
from skfair._utils.validation import check_same_length, generator
from skfair.criteria import Method, difference, ratio, to_overall
from skfair.groups import Missing
from skfair.metrics._calls import with_pos_label
from skfair.metrics._frame_checks import (
    check_bootstrap,
    check_params,
    named_metrics,
    params_by_metric,
)
from skfair.metrics._frame_grid import FrameGrid
from skfair.metrics._frame_rates import RateMetrics
from skfair.metrics._frame_tables import Errors, FrameTables
from skfair.metrics._frame_tally import TallyMetrics
from skfair.metrics._frame_values import CellMetrics
from skfair.tally import Tally


class MetricFrame(FrameTables):
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
        check_bootstrap(n_boot, ci_quantiles)
        single, functions = named_metrics(metrics)
        params = params_by_metric(functions, sample_params, single is not None)
        for given in params.values():
            check_params(given, n_rows(y_true))
        grid = FrameGrid.read(sensitive_features, control_features, n_rows(y_true), missing=missing)
        cells = CellMetrics(y_true, y_pred, grid)
        self._measure(cells, metrics, params, n_boot, ci_quantiles, random_state)

    @classmethod
    def from_tally(
        cls,
        tally: Tally,
        *,
        metrics: Callable[..., Any] | Mapping[str, Callable[..., Any]],
        control_features: str | Sequence[str] | None = None,
        pos_label: Any = None,
        n_boot: int | None = None,
        ci_quantiles: list[float] | None = None,
        random_state: Any = None,
    ) -> Self:
        """Measure a tally, so that the rows may stay where they are.

        It is what the rows give, with the tally's weights for all metrics. Only the replicates of
        :func:`count` are other draws, and rows of weight 0 aren't counted.

        Parameters
        ----------
        tally : Tally
            Counted by any engine, or the sum of such.
        metrics : callable or dict of str to callable
            Rates of ``skfair.metrics`` and :func:`count`; scikit-learn's ``accuracy_score``,
            ``zero_one_loss``, ``recall_score``, ``precision_score``, ``f1_score``; each as it is,
            or a ``functools.partial`` with ``pos_label``.
        control_features : str or sequence of str, default=None
            Those of the tally's ``names`` that are control features.
        pos_label : label, default=None
            The positive class, of every metric that asks for one and isn't a partial with its own.
        n_boot, ci_quantiles, random_state
            As for rows.

        Returns
        -------
        MetricFrame

        Raises
        ------
        TypeError
            If there is no tally.
        ValueError
            If a metric can't be read from a tally, or a control feature isn't among its names.

        Examples
        --------
        >>> from skfair.metrics import selection_rate
        >>> from skfair.tally import Tally
        >>> tally = Tally.from_arrays([0, 1, 1, 0], [0, 1, 0, 0], {"sex": list("ffmm")})
        >>> MetricFrame.from_tally(tally, metrics=selection_rate).by_group
        sex
        f    0.5
        m    0.0
        Name: selection_rate, dtype: float64
        """
        if not isinstance(tally, Tally):
            raise TypeError(f"tally must be a Tally, got {type(tally).__name__}")
        check_bootstrap(n_boot, ci_quantiles)
        metrics = with_pos_label(metrics, pos_label)
        single, functions = named_metrics(metrics)
        params = params_by_metric(functions, None, single is not None)
        frame = cls.__new__(cls)
        cells = TallyMetrics(tally, FrameGrid.of_tally(tally, control_features or ()))
        frame._measure(cells, metrics, params, n_boot, ci_quantiles, random_state)
        return frame

    def _measure(
        self,
        cells: RateMetrics,
        metrics: Any,
        params: Mapping[str, dict[str, Any]],
        n_boot: int | None,
        ci_quantiles: list[float] | None,
        random_state: Any,
    ) -> None:
        self._single, functions = named_metrics(metrics)
        self._grid = cells.grid
        self.n_boot = n_boot
        self.ci_quantiles = ci_quantiles
        self._values = {k: cells.values(k, f, params[k]) for k, f in functions.items()}
        self._replicates = {}
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


def _gap(method: str, between: Callable[..., Any], *, as_ratio: bool) -> Callable[..., Any]:
    if method == "between_groups":
        return lambda values, _: between(values)
    if method == "to_overall":
        return lambda values, whole: to_overall(values, whole, as_ratio=as_ratio)
    raise ValueError(f"Unrecognised comparison method: {method}")
