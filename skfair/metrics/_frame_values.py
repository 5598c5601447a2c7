"""Values of metrics on every cell of a grid: through one tally where the metric is a rate."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as skm

from skfair._utils.text import listed
from skfair._utils.validation import check_weights, encode_labels, generator, positive_class
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import RATES, cells_of
from skfair.metrics import _rates
from skfair.metrics._base_metrics import count
from skfair.metrics._calls import as_rows, call_by_part, refuse_guess
from skfair.metrics._frame_grid import FrameGrid
from skfair.tally import Tally, count_cells, one_against_rest

Values = tuple[NDArray[Any], NDArray[Any]]
"""A metric by cell, of shape (..., K, S), and on all rows of each control level, (..., K)."""

_OURS: dict[Any, str] = {getattr(_rates, name): name for name in RATES if hasattr(_rates, name)}
_SKLEARN: dict[Any, str] = {
    skm.accuracy_score: "accuracy",
    skm.zero_one_loss: "error_rate",
    skm.recall_score: "true_positive_rate",
    skm.precision_score: "positive_predictive_value",
    skm.f1_score: "f1_score",
}
_MAX_CLASSES = 32


class CellMetrics:
    """Computes metrics on the cells of a grid.

    Metrics that are rates, skfair's own and scikit-learn's, are read from one tally; any other
    callable is called for each cell.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, m)
    grid : FrameGrid
    """

    def __init__(self, y_true: Any, y_pred: Any, grid: FrameGrid) -> None:
        self.y_true = y_true
        self.y_pred = y_pred
        self.grid = grid
        self._tallies: dict[Any, Tally | None] = {}
        self._draws: dict[Any, NDArray[np.float64]] = {}

    def values(self, key: str, function: Callable[..., Any], params: dict[str, Any]) -> Values:
        """Compute a metric; rates that are 0/0 are NaN, with a warning that names key and cells."""
        if function is count and not params:
            return self._counts()
        found = self._rate_of(function, params)
        if found is None:
            refuse_guess(function, *self._rows)
            return self._call(function, params)
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
            return self._call_replicates(function, params, n_boot, seed)
        name, tally, positive = found
        if id(tally) not in self._draws:
            self._draws[id(tally)] = tally.resample(n_boot, random_state=seed)
        return self._ratio(name, self._draws[id(tally)], positive)

    def _rate_of(
        self, function: Any, params: dict[str, Any]
    ) -> tuple[str, Tally, int | None] | None:
        base, pos_label = _unwrap(function)
        name = _OURS.get(base) or _SKLEARN.get(base)
        if name is None or set(params) - {"sample_weight"}:
            return None
        tally = self._tally(name, params.get("sample_weight"))
        if tally is None:
            return None
        if not RATES[name].needs_positive:
            return name, tally, None
        if base in _SKLEARN and not _is_plain_binary(tally.classes, pos_label):
            return None  # scikit-learn's own rules apply, and its own errors
        return name, tally, positive_class(tally.classes, pos_label)

    def _tally(self, name: str, sample_weight: Any) -> Tally | None:
        """Tally for a rate; None where the labels aren't labels, so the metric has to say why."""
        both = self._counted(True, sample_weight)
        if RATES[name].needs_labels or (both is not None and len(both.classes) <= 2):
            return both
        return self._counted(False, sample_weight)  # y_true may be anything

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

    def _call_replicates(
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
