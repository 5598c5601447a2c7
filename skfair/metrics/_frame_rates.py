"""Rates on every cell of a grid, read from one tally."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as skm

from skfair._utils.text import listed
from skfair._utils.validation import positive_class
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import RATES, cells_of
from skfair.metrics import _rates
from skfair.metrics._base_metrics import count
from skfair.metrics._frame_grid import FrameGrid
from skfair.tally import Tally, one_against_rest

Values = tuple[NDArray[Any], NDArray[Any]]
"""A metric by cell, of shape (..., K, S), and on all rows of each control level, (..., K)."""

OUR_RATES: dict[Any, str] = {getattr(_rates, name): name for name in RATES if hasattr(_rates, name)}
SKLEARN_RATES: dict[Any, str] = {
    skm.accuracy_score: "accuracy",
    skm.zero_one_loss: "error_rate",
    skm.recall_score: "true_positive_rate",
    skm.precision_score: "positive_predictive_value",
    skm.f1_score: "f1_score",
}


class RateMetrics(ABC):
    """Reads metrics that are rates from a tally; a subclass says what becomes of others.

    Parameters
    ----------
    grid : FrameGrid
    """

    def __init__(self, grid: FrameGrid) -> None:
        self.grid = grid
        self._draws: dict[Any, NDArray[np.float64]] = {}

    @abstractmethod
    def _counted(self, with_labels: bool, sample_weight: Any) -> Tally | None:
        """Tally on the grid's cells, of predictions alone or with their labels."""

    @abstractmethod
    def _other(self, function: Callable[..., Any], params: dict[str, Any]) -> Values:
        """Values of a metric that isn't read from a tally."""

    @abstractmethod
    def _other_replicates(
        self, function: Callable[..., Any], params: dict[str, Any], n_boot: int, seed: int
    ) -> Values:
        """Replicates of such a metric."""

    def values(self, key: str, function: Callable[..., Any], params: dict[str, Any]) -> Values:
        """Compute a metric; rates that are 0/0 are NaN, with a warning that names key and cells."""
        if function is count and not params:
            return self._counts()
        found = self._rate_of(function, params)
        if found is None:
            return self._other(function, params)
        name, tally, positive = found
        by_cell, overall = self._ratio(name, tally.weight, positive)
        self._warn_undefined(key, by_cell)
        return by_cell, overall

    def replicates(
        self, function: Callable[..., Any], params: dict[str, Any], n_boot: int, seed: int
    ) -> Values:
        """Compute a metric on bootstrap replicates.

        Rates share one set of replicates (of the cells), other metrics another (of the rows).
        """
        found = self._rate_of(function, params)
        if found is None:
            return self._other_replicates(function, params, n_boot, seed)
        name, tally, positive = found
        if id(tally) not in self._draws:
            self._draws[id(tally)] = tally.resample(n_boot, random_state=seed)
        return self._ratio(name, self._draws[id(tally)], positive)

    def _rate_of(
        self, function: Any, params: dict[str, Any]
    ) -> tuple[str, Tally, int | None] | None:
        base, pos_label = _unwrap(function)
        name = OUR_RATES.get(base) or SKLEARN_RATES.get(base)
        if name is None or set(params) - {"sample_weight"}:
            return None
        tally = self._tally(name, params.get("sample_weight"))
        if tally is None:
            return None
        if not RATES[name].needs_positive:
            return name, tally, None
        if base in SKLEARN_RATES and not _is_plain_binary(tally.classes, pos_label):
            return None  # scikit-learn's own rules apply, and its own errors
        return name, tally, positive_class(tally.classes, pos_label)

    def _tally(self, name: str, sample_weight: Any) -> Tally | None:
        """Tally for a rate; None where the labels aren't labels, so the metric has to say why."""
        both = self._counted(True, sample_weight)
        if RATES[name].needs_labels or (both is not None and len(both.classes) <= 2):
            return both
        return self._counted(False, sample_weight)  # y_true may be anything

    def _ratio(self, name: str, weight: NDArray[np.float64], positive: int | None) -> Values:
        rate, n_control = RATES[name], self.grid.shape[0]
        if rate.needs_positive:
            cells = one_against_rest(weight, positive)
        else:
            cells = cells_of(weight, (), [rate])
        cells = cells.reshape(*cells.shape[:-2], n_control, -1, 4)
        return rate(cells), rate(cells.sum(axis=-2))

    def _warn_undefined(self, key: str, by_cell: NDArray[np.float64]) -> None:
        lost = np.isnan(by_cell.ravel()) & (self.grid.counts > 0)
        if lost.any():
            labels = listed(self.grid.index[lost])
            warn_undefined_metric(f"{key} is undefined (0/0) and NaN for groups {labels}")

    def _counts(self) -> Values:
        counts = self.grid.counts.reshape(self.grid.shape)
        by_cell = counts if (counts > 0).all() else np.where(counts > 0, counts, np.nan)
        return by_cell, counts.sum(axis=1)


def _unwrap(function: Any) -> tuple[Any, Any]:
    if isinstance(function, functools.partial) and not function.args:
        if set(function.keywords) <= {"pos_label"}:
            return function.func, function.keywords.get("pos_label")
        return None, None
    try:
        hash(function)
    except TypeError:
        return None, None
    return function, None


def _is_plain_binary(classes: tuple[Any, ...], pos_label: Any) -> bool:
    if pos_label is not None:
        return len(classes) == 2 and pos_label in classes
    return set(classes) <= {0, 1} or set(classes) <= {-1, 1}
