"""Weak slices: the conjunctions of feature values where a model does worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_regressor

from skfair._utils.columns import n_rows, take_rows
from skfair._utils.text import listed
from skfair._utils.validation import (
    check_count,
    check_same_length,
    check_share,
    check_weights,
    encode_labels,
    finite_column,
)
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import never_zero
from skfair.detection._features import Feature, read_features
from skfair.detection._slice_inference import (
    compare_means,
    compare_two_values,
    has_two_values,
)
from skfair.detection._slice_predicate import Predicate
from skfair.detection._slice_search import Found, SliceScore, find_slices
from skfair.detection._slice_tallies import SliceRows

_COLUMNS = [
    *("slice", "predicates", "n", "share", "weight", "score", "mean_error", "rest_error"),
    *("difference", "low", "high", "pvalue", "adjusted_pvalue", "is_significant"),
]
_DTYPES = dict.fromkeys(_COLUMNS[3:-1], "float64") | {"n": "int64", "is_significant": bool}
_SHOWN = ["slice", "n", "share", "mean_error", "rest_error", "adjusted_pvalue", "is_significant"]
_LEAST_ROWS = 32


@dataclass(frozen=True, eq=False, repr=False)
class WeakSlices:
    """Slices of the data where errors are largest, best score first.

    Parameters
    ----------
    slices : DataFrame
        One row a slice; see :func:`find_weak_slices`.
    mean_error : float
        Mean error of all rows.
    n_rows : int
        Number of rows with a weight above 0.
    n_tested : int
        Number of slices that p-values are corrected for.
    confidence_level : float
        Level of the intervals; ``is_significant`` means ``adjusted_pvalue <= 1 -
        confidence_level``.
    """

    slices: pd.DataFrame
    mean_error: float
    n_rows: int
    n_tested: int
    confidence_level: float
    _masks: NDArray[np.bool_]
    _predicates: tuple[tuple[Predicate, ...], ...]

    def __len__(self) -> int:
        return len(self.slices)

    def __repr__(self) -> str:
        head = (
            f"{len(self)} weak slices in {self.n_rows} rows with mean error {self.mean_error:.3g} "
            f"(p-values corrected for {self.n_tested} slices)"
        )
        if len(self) == 0:
            return head
        with pd.option_context("display.max_colwidth", None):
            return f"{head}\n{self.slices[_SHOWN].to_string(float_format='{:.3g}'.format)}"

    def mask(self, i: int, X: Any = None) -> NDArray[np.bool_]:
        """Tell which rows lie in the i-th slice.

        Parameters
        ----------
        i : int
            Position in ``slices``.
        X : data frame or matrix of shape (m, n_features), default=None
            Other rows with the same columns; the rows that were searched by default.

        Returns
        -------
        mask : ndarray of bool of shape (n,) or (m,)

        Examples
        --------
        >>> X = pd.DataFrame({"sex": ["f"] * 40 + ["m"] * 40})
        >>> found = find_weak_slices(X, errors=[1, 0] * 20 + [0] * 40)
        >>> int(found.mask(0).sum()), found.mask(0, pd.DataFrame({"sex": ["m", "f"]}))
        (40, array([False,  True]))
        """
        if X is None:
            return self._masks[i].copy()
        return _holds(self._predicates[i], X)


def find_weak_slices(
    X: Any,
    y: Any = None,
    *,
    estimator: Any = None,
    errors: Any = None,
    columns: Sequence[str | int] | None = None,
    n_bins: int = 10,
    max_predicates: int = 3,
    min_size: int | None = None,
    alpha: float = 0.98,
    k: int = 10,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
) -> WeakSlices:
    r"""Find the conjunctions of up to three feature values where a model does worst.

    A slice is a set of rows such as ``sex = 'Female' and 25<age<=30``. Slices are ranked by
    SliceLine's score, which trades the mean error of a slice S against its weight
    :math:`W_S` out of W:

    .. math:: \alpha \left(\frac{\bar e_S}{\bar e} - 1\right)
        - (1 - \alpha) \left(\frac{W}{W_S} - 1\right)

    All rows together score 0, and only slices above 0 are reported. The search is exact: slices
    are passed over only where the sums of larger slices show that they can't be among the k best.
    Of slices with the same rows the one with fewest predicates is reported, the first in the order
    of columns among those; equal scores are ordered by size, then likewise.

    Errors must be out of sample: from held-out rows, or from out-of-fold predictions
    (:func:`sklearn.model_selection.cross_val_predict`). On the rows that it learnt from, a model
    hides where it is weak.

    Parameters
    ----------
    X : data frame or matrix of shape (n, n_features)
        Columns that may describe a slice; they need not be features of the model. Missing values
        are a value of their own.
    y : array-like of shape (n,), default=None
        True labels or targets, with ``estimator``.
    estimator : estimator, default=None
        Fitted classifier (its errors are the misclassified rows) or regressor (squared errors)
        that predicts from X. X must not be its training data.
    errors : array-like of float of shape (n,), default=None
        Error of each row, at least 0, in place of ``estimator``: wrong or not, an absolute or
        squared error, a log loss.
    columns : sequence of str or int, default=None
        Names or positions of the columns to search; all by default.
    n_bins : int, default=10
        A numeric column with more values is cut into at most so many bins at its quantiles.
    max_predicates : {1, 2, 3}, default=3
        Most predicates of a slice.
    min_size : int, default=None
        Fewest rows of a slice, at least 2; 1 % of the rows, but at least 32, by default.
    alpha : float, default=0.98
        Weight of error against size, above 0.5 and at most 1. A slice with r times the mean error
        has a positive score above the share :math:`1 / (1 + (r - 1) \alpha / (1 - \alpha))` of the
        data: 2 % for twice the error at 0.98, but 5 % at SliceLine's own default of 0.95. At 1 size
        doesn't count.
    k : int, default=10
        Most slices to report.
    confidence_level : float, default=0.95
        Level of the intervals, and 1 less the level of the tests.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights. Rows without weight are left out.

    Returns
    -------
    found : WeakSlices
        Its ``slices`` have the columns

        slice, predicates : text, and a list of pairs of a column and a value or bin
        n, share, weight : number of rows, share of the weight of all rows, and sum of weights
        score : SliceLine's score
        mean_error, rest_error : mean error of the slice and of all other rows
        difference, low, high : of these means, with an interval for this slice by itself
        pvalue : one-sided, of no more error in the slice than in the rest
        adjusted_pvalue, is_significant : Bonferroni's correction, and whether it holds at the level

    Raises
    ------
    ValueError
        If not one of ``errors`` and ``estimator`` (with y) is given, errors are negative, missing
        or infinite, lengths differ, or another parameter is out of range.

    Warns
    -----
    UserWarning
        If a column has no groups to form; the message names it.
    UndefinedMetricWarning
        If all errors are 0, so that no slice is worse, or a slice can't be tested.

    Notes
    -----
    Where errors take two values, the test is Fisher's exact one and the interval Newcombe's; for
    other errors both are Welch's. Weights count by effective numbers of rows.

    The search picks the largest differences out of thousands, so their size is flattered, and the
    intervals don't mend that: measure a slice again on fresh data (:meth:`WeakSlices.mask`). The
    correction does hold for the search. p-values are multiplied by ``n_tested``, the number of all
    slices of enough rows, of which the number with three predicates is bounded from above by what
    their pairs leave room for; it depends on X alone.

    References
    ----------
    Sagadeeva, S. and Boehm, M. (2021). SliceLine: fast, linear-algebra-based slice finding for ML
    model debugging. SIGMOD. https://doi.org/10.1145/3448016.3457323

    Examples
    --------
    >>> X = pd.DataFrame({"sex": ["f", "m"] * 200, "job": ["a"] * 100 + ["b"] * 300})
    >>> errors = ((X["sex"] == "f") & (X["job"] == "a")) | (np.arange(400) % 10 == 9)
    >>> found = find_weak_slices(X, errors=errors)
    >>> found.slices[["slice", "n", "mean_error", "rest_error", "is_significant"]].head(1)
                         slice   n  mean_error  rest_error  is_significant
    0  sex = 'f' and job = 'a'  50         1.0    0.114286            True
    """
    _check_options(max_predicates, min_size, alpha, k, confidence_level)
    error = _read_errors(X, y, estimator, errors)
    kept, error, weights = _drop_weightless(X, error, check_weights(sample_weight, len(error)))
    features = read_features(kept, columns=columns, n_bins=n_bins)
    codes = [feature.groups.codes for feature in features]
    sizes = [feature.groups.n_groups for feature in features]
    rows = SliceRows(codes, sizes, error, weights)
    total = float(rows.weighted_errors.sum())
    found: list[Found] = []
    n_tested = 0
    if total > 0 and features:
        found, n_tested = find_slices(
            rows,
            SliceScore(alpha, rows.weight, total),
            min_size=max(_LEAST_ROWS, -(-len(rows) // 100)) if min_size is None else min_size,
            max_predicates=max_predicates,
            k=k,
        )
    predicates = tuple(_predicates(features, slice_) for slice_ in found)
    table = _describe(found, predicates, rows, confidence_level, n_tested)
    _warn_undefined(total, table)
    masks = np.zeros((len(found), n_rows(X)), dtype=bool)
    for mask, conditions in zip(masks, predicates, strict=True):
        mask[:] = _holds(conditions, X)
    mean = total / rows.weight
    return WeakSlices(table, mean, len(rows), n_tested, confidence_level, masks, predicates)


def _check_options(
    max_predicates: int, min_size: int | None, alpha: float, k: int, confidence_level: float
) -> None:
    if max_predicates not in (1, 2, 3):
        raise ValueError(f"max_predicates must be 1, 2 or 3, got {max_predicates!r}")
    for name, value, least in (("min_size", min_size, 2), ("k", k, 1)):
        if value is not None:
            check_count(name, value, least)
    if not 0.5 < alpha <= 1:
        raise ValueError(
            f"alpha must be above 0.5, where no slice scores above 0, and at most 1; got {alpha!r}"
        )
    check_share("confidence_level", confidence_level, ends=False)


def _read_errors(X: Any, y: Any, estimator: Any, errors: Any) -> NDArray[np.float64]:
    if (errors is None) == (estimator is None):
        raise ValueError("give either errors=, one a row, or y and estimator=, a fitted model")
    if errors is None:
        error = _errors_of(estimator, X, y)
    elif y is not None:
        raise ValueError("errors= needs no y: pass y with estimator= only")
    else:
        error = finite_column(errors, "errors")
    if (error < 0).any():
        raise ValueError("errors must be at least 0: pass their absolute values or squares")
    check_same_length(X=range(n_rows(X)), errors=error)
    return error


def _errors_of(estimator: Any, X: Any, y: Any) -> NDArray[np.float64]:
    if y is None:
        raise ValueError("estimator= needs y, the true labels or targets")
    if is_classifier(estimator):
        (codes, predicted), _ = encode_labels(("y", y), ("predictions", estimator.predict(X)))
        check_same_length(y=codes, predictions=predicted)
        return (codes != predicted).astype(np.float64)
    if is_regressor(estimator):
        true = finite_column(y, "y")
        pred = finite_column(estimator.predict(X), "predictions")
        check_same_length(y=true, predictions=pred)
        return (true - pred) ** 2
    raise ValueError(
        f"{type(estimator).__name__} is neither a classifier nor a regressor: pass errors="
    )


def _drop_weightless(
    X: Any, error: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> tuple[Any, NDArray[np.float64], NDArray[np.float64] | None]:
    if weights is None or (weights > 0).all():
        return X, error, weights
    kept = np.flatnonzero(weights)
    if len(kept) == 0:
        raise ValueError("no row has a sample_weight above 0")
    return take_rows(X, kept), error[kept], weights[kept]


def _holds(conditions: tuple[Predicate, ...], X: Any) -> NDArray[np.bool_]:
    return np.logical_and.reduce([predicate.holds(X) for predicate in conditions])


def _predicates(features: list[Feature], found: Found) -> tuple[Predicate, ...]:
    pairs = zip(found.features, found.codes, strict=True)
    return tuple(Predicate.of(features[feature], code) for feature, code in pairs)


def _inside(codes: list[NDArray[np.integer]], found: Found) -> NDArray[np.bool_]:
    pairs = zip(found.features, found.codes, strict=True)
    return np.logical_and.reduce([codes[feature] == code for feature, code in pairs])


def _describe(
    found: list[Found],
    predicates: tuple[tuple[Predicate, ...], ...],
    rows: SliceRows,
    confidence_level: float,
    n_tested: int,
) -> pd.DataFrame:
    compare = compare_two_values if has_two_values(rows.errors) else compare_means
    records = []
    for slice_, conditions in zip(found, predicates, strict=True):
        inside = _inside(rows.codes, slice_)
        n = int(inside.sum())
        weight = float(n if rows.weights is None else rows.weights[inside].sum())
        compared = compare(rows.errors, rows.weights, inside, confidence_level)
        compared = compared._replace(pvalue=float(never_zero(np.array(compared.pvalue))))
        adjusted = float(np.minimum(1.0, compared.pvalue * n_tested))
        text = " and ".join(map(str, conditions))
        pairs = [(condition.name, condition.label) for condition in conditions]
        share = weight / rows.weight
        significant = adjusted <= 1 - confidence_level
        records.append(
            (text, pairs, n, share, weight, slice_.score, *compared, adjusted, significant)
        )
    table = pd.DataFrame(records, columns=_COLUMNS)
    return table if records else table.astype(_DTYPES)


def _warn_undefined(total: float, table: pd.DataFrame) -> None:
    message = "every error is 0: no slice is weak" if total == 0 else None
    untested = table.loc[table["pvalue"].isna(), "slice"].tolist()
    if untested:
        message = f"interval and pvalue are undefined and NaN, too few rows: {listed(untested)}"
    if message:
        warn_undefined_metric(message)
