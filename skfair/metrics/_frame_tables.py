"""Figures of metrics laid out as tables: by cell, over control levels, as quantiles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric
from skfair.metrics._frame_grid import FrameGrid
from skfair.metrics._frame_rates import Values

Errors = Literal["raise", "coerce"]
_NON_SCALAR = (
    "Metric frame contains non-scalar cells. Please remove non-scalar columns from your metric "
    "frame or use parameter errors='coerce'."
)
_NO_QUANTILES = (
    "Metric frame contains non-scalar cells, and those have no quantiles. Please remove non-scalar "
    "columns from your metric frame."
)


class FrameTables:
    """Lays the values of metrics out, in the forms that fairlearn's MetricFrame gives them."""

    _single: str | None
    _grid: FrameGrid
    _values: dict[str, Values]
    _replicates: dict[str, Values]
    ci_quantiles: list[float] | None

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


def _quantile(drawn: NDArray[Any], q: float) -> Any:
    with np.errstate(invalid="ignore"):
        found = np.nanquantile(drawn, q, axis=0)
    if not np.isinf(drawn).any():
        return found
    below = np.nanquantile(drawn, q, axis=0, method="lower")  # numpy can't step to infinity
    return np.where(np.isnan(found), below, found)
