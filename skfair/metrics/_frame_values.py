"""Values of metrics on every cell of a grid: through one tally where the metric is a rate."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.validation import check_weights, encode_labels, generator
from skfair.metrics._calls import as_rows, call_by_part, refuse_guess
from skfair.metrics._frame_grid import FrameGrid
from skfair.metrics._frame_rates import RateMetrics, Values
from skfair.tally import Tally, count_cells

_MAX_CLASSES = 32


class CellMetrics(RateMetrics):
    """Computes metrics on the cells of a grid.

    Metrics that are rates, skfair's own and scikit-learn's, are read from one tally; any other
    callable is called for each cell.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, m)
    grid : FrameGrid
    """

    def __init__(self, y_true: Any, y_pred: Any, grid: FrameGrid) -> None:
        super().__init__(grid)
        self.y_true = y_true
        self.y_pred = y_pred
        self._tallies: dict[Any, Tally | None] = {}

    def _other(self, function: Callable[..., Any], params: dict[str, Any]) -> Values:
        refuse_guess(function, *self._rows)
        return self._call(function, params)

    def _counted(self, with_labels: bool, sample_weight: Any) -> Tally | None:
        key = (with_labels, None if sample_weight is None else id(sample_weight))
        if key not in self._tallies:
            self._tallies[key] = self._count(with_labels, sample_weight)
        return self._tallies[key]

    def _count(self, with_labels: bool, sample_weight: Any) -> Tally | None:
        try:
            (true, pred), classes = self._label_codes if with_labels else self._prediction_codes
        except ValueError:
            return None
        if len(classes) > _MAX_CLASSES or any(
            isinstance(label, float) and not label.is_integer() for label in classes
        ):
            return None
        groups = self.grid.as_groups()
        weights = check_weights(sample_weight, len(pred))
        shape = (groups.n_groups, len(classes), len(classes))
        sums = count_cells([groups.codes, true, pred], shape, weights)
        return Tally(groups.labels, groups.names, classes, *sums)

    @functools.cached_property
    def _rows(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return as_rows(self.y_true, "y_true"), as_rows(self.y_pred, "y_pred")

    @functools.cached_property
    def _prediction_codes(self) -> Any:
        (codes,), classes = encode_labels(("y_pred", self.y_pred))
        return (codes, codes), classes

    @functools.cached_property
    def _label_codes(self) -> Any:
        return encode_labels(("y_true", self.y_true), ("y_pred", self.y_pred))

    def _call(self, function: Callable[..., Any], params: dict[str, Any]) -> Values:
        n_control, n_sensitive = self.grid.shape
        arrays = {name: as_rows(values, name) for name, values in params.items()}
        by_cell = self._apply(function, arrays, self.grid.rows_by_cell(), n_control * n_sensitive)
        overall = self._apply(function, arrays, self.grid.rows_by_control(), n_control)
        return by_cell.reshape(n_control, n_sensitive), overall

    def _apply(
        self,
        function: Callable[..., Any],
        params: dict[str, Any],
        parts: Iterator[tuple[int, NDArray[np.intp]]],
        size: int,
    ) -> NDArray[Any]:
        return _collect(call_by_part(function, *self._rows, params, parts), size)

    def _other_replicates(
        self, function: Callable[..., Any], params: dict[str, Any], n_boot: int, seed: int
    ) -> Values:
        rng = generator(seed)
        n = len(self.grid.codes)
        true, pred = self._rows
        arrays = {name: as_rows(values, name) for name, values in params.items()}
        drawn = []
        for _ in range(n_boot):
            rows = rng.integers(n, size=n)
            grid = FrameGrid(self.grid.codes[rows], self.grid.control, self.grid.sensitive)
            part = CellMetrics(true[rows], pred[rows], grid)
            drawn.append(part._call(function, {k: v[rows] for k, v in arrays.items()}))
        return np.stack([d[0] for d in drawn]), np.stack([d[1] for d in drawn])


def _is_scalar(value: Any) -> bool:
    if value is None or np.isscalar(value):
        return not isinstance(value, str | bytes)
    return getattr(value, "ndim", None) == 0  # an array without axes


def _collect(found: dict[int, Any], size: int) -> NDArray[Any]:
    values = list(found.values())
    if not all(map(_is_scalar, values)):
        out: NDArray[Any] = np.full(size, np.nan, dtype=object)
        for code, value in found.items():
            out[code] = value
        return out
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf" or len(found) < size:
        numbers = numbers.astype(float)
    out = np.full(size, np.nan) if len(found) < size else np.empty(size, dtype=numbers.dtype)
    out[list(found)] = numbers
    return out
