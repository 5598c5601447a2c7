"""Calibration maps of scores, by group, shrunk towards the map of all rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from skfair._utils.arrays import divide
from skfair.groups import Groups
from skfair.model_selection import GroupLabelStratifiedKFold
from skfair.tally import count_cells

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
CalibrationMethod = Literal["sigmoid", "isotonic"]

SHRINKAGES = np.array([3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, np.inf])
"""Values of k that "auto" tries."""

_FOLDS = 5
_SURE = 1.645  # the normal quantile of 95%


class Sigmoid(NamedTuple):
    """Platt's map.

    Examples
    --------
    >>> float(Sigmoid(1.0, 0.0)(np.array([0.0]))[0])
    0.5
    """

    slope: float
    intercept: float

    def __call__(self, scores: Floats) -> Floats:
        """Probability of each score."""
        return expit(self.slope * scores + self.intercept)


class Isotonic(NamedTuple):
    """A non-decreasing step map, with straight lines between the steps."""

    regression: IsotonicRegression

    def __call__(self, scores: Floats) -> Floats:
        """Probability of each score."""
        return np.asarray(self.regression.predict(scores), dtype=np.float64)


def fit_sigmoid(scores: Floats, positive: Bools, weights: Floats) -> Sigmoid:
    r"""Fit Platt's map by maximum likelihood to his smoothed targets.

    .. math:: t_+ = \frac{n_+ + 1}{n_+ + 2}, \quad t_- = \frac{1}{n_- + 2}

    with effective numbers of positives and negatives. They keep the map finite where classes are
    separated.

    Examples
    --------
    >>> scores, positive = np.zeros(6), np.array([0, 0, 1, 1, 1, 1], dtype=bool)
    >>> found = fit_sigmoid(scores, positive, np.ones(6))  # (2 * 1/4 + 4 * 5/6) / 6
    >>> round(float(found(np.zeros(1))[0]), 4)
    0.6389
    """
    negative_size, positive_size = effective_sizes(positive.astype(np.int8), 2, weights)
    target = np.where(positive, (positive_size + 1) / (positive_size + 2), 1 / (negative_size + 2))
    center = float(np.average(scores, weights=weights))
    spread = float(np.sqrt(np.average((scores - center) ** 2, weights=weights)))
    if spread <= 1e-12 * max(1.0, abs(center)):
        return Sigmoid(0.0, float(logit(np.average(target, weights=weights))))
    standard = ((scores - center) / spread)[:, None]
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
    model.fit(
        np.concatenate([standard, standard]),
        np.repeat([0, 1], len(scores)),
        np.concatenate([weights * (1 - target), weights * target]) / weights.mean(),
    )
    slope = float(model.coef_[0, 0]) / spread
    return Sigmoid(slope, float(model.intercept_[0]) - slope * center)


def fit_isotonic(scores: Floats, positive: Bools, weights: Floats) -> Isotonic:
    """Fit a non-decreasing map by weighted least squares."""
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    return Isotonic(model.fit(scores, positive.astype(np.float64), weights))


def effective_sizes(codes: NDArray[np.integer], n_codes: int, weights: Floats) -> Floats:
    """Kish's effective number of rows of each code.

    Examples
    --------
    >>> effective_sizes(np.array([0, 0, 1]), 3, np.array([1.0, 3.0, 5.0]))
    array([1.6, 1. , 0. ])
    """
    weight, weight2, _ = count_cells([codes], (n_codes,), weights)
    return np.nan_to_num(divide(weight**2, weight2))


def shares(sizes: Floats, k: Any) -> Floats:
    """Share n / (n + k) of a group's own map; 0 of an empty group and with k = inf.

    Examples
    --------
    >>> shares(np.array([30.0, 0.0]), 10.0), shares(np.array([30.0]), np.inf)
    (array([0.75, 0.  ]), array([0.]))
    """
    total = sizes + k
    return np.where(sizes > 0, sizes / np.where(total > 0, total, 1.0), 0.0)


@dataclass(frozen=True, eq=False)
class GroupCalibration:
    """Maps from score to probability: one a group, one of all rows, and how they are mixed.

    Parameters
    ----------
    method : {"sigmoid", "isotonic"}
    edge : float or None
        Probabilities nearer to 0 or 1 than this are moved there before the logit; None: scores
        are no probabilities.
    pooled : Sigmoid or Isotonic
    own : list of Sigmoid, Isotonic or None
        None of a group without weight.
    """

    method: str
    edge: float | None
    pooled: Any
    own: list[Any]

    @classmethod
    def fit(
        cls,
        scores: Floats,
        positive: Bools,
        groups: Groups,
        weights: Floats,
        *,
        method: str,
        edge: float | None,
    ) -> GroupCalibration:
        """Fit all maps; rows of weight 0 are no rows."""
        fit_map = fit_sigmoid if method == "sigmoid" else fit_isotonic
        kept = np.flatnonzero(weights)
        values = _values(scores, method, edge)[kept]
        labels, own, codes = positive[kept], weights[kept], groups.codes[kept]
        maps = [
            fit_map(values[rows], labels[rows], own[rows]) if len(rows) else None
            for rows in rows_of_groups(codes, groups.n_groups)
        ]
        return cls(method, edge, fit_map(values, labels, own), maps)

    def predict(self, scores: Floats, codes: NDArray[np.integer]) -> tuple[Floats, Floats]:
        """Probabilities by the map of all rows, and by that of each row's own group.

        They are the same where the group has no map: code -1, or no weight.
        """
        values = _values(scores, self.method, self.edge)
        pooled = self.pooled(values)
        own = pooled.copy()
        for rows, calibrate in zip(rows_of_groups(codes, len(self.own)), self.own, strict=True):
            if calibrate is not None and len(rows):
                own[rows] = calibrate(values[rows])
        return pooled, own


def _values(scores: Floats, method: str, edge: float | None) -> Floats:
    if method == "isotonic" or edge is None:
        return scores
    return logit(np.clip(scores, edge, 1 - edge))


def rows_of_groups(codes: NDArray[np.integer], n_groups: int) -> Iterator[NDArray[np.intp]]:
    """Rows of each group, in order; rows of code -1 are in none.

    Examples
    --------
    >>> [rows.tolist() for rows in rows_of_groups(np.array([1, -1, 0, 1]), 3)]
    [[2], [0, 3], []]
    """
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(n_groups + 1))
    return (order[starts[g] : starts[g + 1]] for g in range(n_groups))


class Shrinkage(NamedTuple):
    """The chosen k, and the cross-fitted log loss by k."""

    k: float
    losses: Floats


def choose_shrinkage(
    scores: Floats,
    positive: Bools,
    groups: Groups,
    weights: Floats,
    *,
    method: str,
    edge: float | None,
) -> Shrinkage:
    """Find how far groups need maps of their own, by the log loss on other rows.

    Maps are fitted to four fifths of the rows and judged on the rest, in turn. If one map for all
    isn't worse than the best k (one-sided, 5%), k is infinite. Else it is the largest within one
    standard error of the best. Standard errors are those of differences row by row.
    """
    kept = np.flatnonzero(weights)
    scores, positive, weights, groups = (
        scores[kept],
        positive[kept],
        weights[kept],
        groups.take(kept),
    )
    floor = edge if edge is not None else 0.5 / len(scores)
    losses = np.empty((len(SHRINKAGES), len(scores)))
    for train, test in _folds(positive, groups):
        part = Groups(groups.codes[train], groups.labels, groups.names)
        maps = GroupCalibration.fit(
            scores[train], positive[train], part, weights[train], method=method, edge=edge
        )
        pooled, own = maps.predict(scores[test], groups.codes[test])
        sizes = effective_sizes(part.codes, groups.n_groups, weights[train])
        share = np.array([shares(sizes, k)[groups.codes[test]] for k in SHRINKAGES])
        chance = np.clip(pooled + share * (own - pooled), floor, 1 - floor)
        losses[:, test] = -np.log(np.where(positive[test], chance, 1 - chance))
    means = np.average(losses, axis=1, weights=weights)
    above = losses - losses[np.argmin(means)]
    mean_above = np.average(above, axis=1, weights=weights)
    spread = ((above - mean_above[:, None]) * weights) ** 2
    errors = np.sqrt(spread.sum(axis=1)) / weights.sum()
    if mean_above[-1] <= _SURE * errors[-1]:
        return Shrinkage(np.inf, means)
    allowed = np.flatnonzero(mean_above <= errors)
    return Shrinkage(float(SHRINKAGES[allowed[-1]]), means)


def _folds(positive: Bools, groups: Groups) -> list[tuple[Any, Any]]:
    n_folds = min(_FOLDS, len(positive))
    with warnings.catch_warnings():  # small cells are what the shrinkage is for
        warnings.filterwarnings("ignore", "cells with fewer rows than", UserWarning)
        return list(
            GroupLabelStratifiedKFold(n_folds).split(None, positive, sensitive_features=groups)
        )


@dataclass(frozen=True, eq=False)
class ShrunkenCalibration:
    """Maps by group and the share that each group's own map has."""

    maps: GroupCalibration
    share: Floats
    shrinkage: Shrinkage

    @classmethod
    def fit(
        cls,
        scores: Floats,
        positive: Bools,
        groups: Groups,
        weights: Floats,
        *,
        method: str,
        shrinkage: Any,
        is_probability: bool,
    ) -> ShrunkenCalibration:
        """Fit maps, and choose how far they are shrunk; parameters as of the estimator."""
        edge = 0.5 / np.count_nonzero(weights) if is_probability else None
        maps = GroupCalibration.fit(scores, positive, groups, weights, method=method, edge=edge)
        if shrinkage == "auto":
            chosen = choose_shrinkage(scores, positive, groups, weights, method=method, edge=edge)
        else:
            k = 0.0 if shrinkage is None else float(shrinkage)
            chosen = Shrinkage(k, np.full(len(SHRINKAGES), np.nan))
        sizes = effective_sizes(groups.codes, groups.n_groups, weights)
        return cls(maps, shares(sizes, chosen.k), chosen)

    def __call__(self, scores: Floats, codes: NDArray[np.integer]) -> Floats:
        """Probability of each row; code -1 is a group unseen at fit."""
        pooled, own = self.maps.predict(scores, codes)
        return pooled + np.append(self.share, 0.0)[codes] * (own - pooled)


def check_calibration(method: Any, shrinkage: Any, methods: tuple[Any, ...]) -> None:
    """Raise ValueError for parameters that are none."""
    if method not in methods:
        raise ValueError(f"the calibration method must be among {list(methods)}, got {method!r}")
    if shrinkage is None or (isinstance(shrinkage, str) and shrinkage == "auto"):
        return
    is_number = isinstance(shrinkage, int | float | np.number) and not isinstance(shrinkage, bool)
    if not is_number or not shrinkage >= 0:
        raise ValueError(f'shrinkage must be "auto", None, or at least 0, got {shrinkage!r}')
