"""Strata of rows that are alike in what may legitimately matter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

from skfair.detection._features import Feature

Floats = NDArray[np.float64]

MAX_STRATA = 50
_FOLDS = 5
_FEWEST_ROWS = 20


def stratify(
    features: list[Feature],
    positive: NDArray[np.bool_],
    n_strata: int,
    weights: Floats | None = None,
) -> NDArray[np.integer]:
    """Code of each row's stratum.

    Few combinations of values are strata by themselves. Otherwise rows are cut into parts of equal
    weight by their chance of a positive label given the features, from a logistic regression with
    splines on other folds: Hansen's prognostic score.

    Parameters
    ----------
    features : list of Feature
    positive : ndarray of bool of shape (n,)
    n_strata : int
    weights : ndarray of float of shape (n,) or None
        Above 0.

    Returns
    -------
    codes : ndarray of int of shape (n,)

    References
    ----------
    Hansen, B. B. (2008). The prognostic analogue of the propensity score. Biometrika 95(2).
    https://doi.org/10.1093/biomet/asn004
    """
    n_cells = np.prod([float(feature.groups.n_groups) for feature in features])
    whole = all(feature.edges is None for feature in features)
    if whole and n_cells <= n_strata:
        shape = [feature.groups.n_groups for feature in features]
        cells = np.ravel_multi_index([feature.groups.codes for feature in features], shape)
    else:
        score = prognostic_score(features, positive, weights)
        edges = np.unique(_quantiles(score, np.arange(1, n_strata) / n_strata, weights))
        cells = np.searchsorted(edges, score, side="right")
    return np.unique(cells, return_inverse=True)[1].ravel()


def _quantiles(values: Floats, shares: Floats, weights: Floats | None) -> Floats:
    """Quantiles as numpy interpolates them, of weighted values (numpy 1.26 knows no weights)."""
    if weights is None:
        return np.quantile(values, shares)
    order = np.argsort(values, kind="stable")
    own = weights[order]
    places = np.cumsum(own) - own / 2
    return np.interp(shares, (places - places[0]) / (places[-1] - places[0]), values[order])


def prognostic_score(
    features: list[Feature], positive: NDArray[np.bool_], weights: Floats | None = None
) -> Floats:
    """Out-of-fold log-odds of a positive label given the features; 0 where nothing tells it."""
    blocks: list[NDArray[Any]] = []
    for feature in features:
        if feature.numbers is None or feature.edges is None:
            encoder = OneHotEncoder(drop="first", sparse_output=False, min_frequency=_FEWEST_ROWS)
            blocks.append(encoder.fit_transform(feature.groups.codes[:, None]))
        else:
            lacking = np.isnan(feature.numbers)
            filled = np.where(lacking, np.nanmedian(feature.numbers), feature.numbers)
            splines = SplineTransformer(
                n_knots=6, knots="quantile", extrapolation="linear", include_bias=False
            )
            blocks += [splines.fit_transform(filled[:, None])]
            if lacking.any():
                blocks.append(lacking[:, None].astype(float))
    matrix = np.hstack(blocks)
    n_folds = min(_FOLDS, int(np.bincount(positive, minlength=2).min()))
    if n_folds < 2 or matrix.shape[1] == 0:
        return np.zeros(len(positive))
    importance = np.ones(len(positive)) if weights is None else weights / weights.mean()
    score = np.zeros(len(positive))
    for train, test in StratifiedKFold(n_folds).split(matrix, positive):
        scaler = StandardScaler().fit(matrix[train])
        model = LogisticRegression(solver="newton-cholesky")
        model.fit(scaler.transform(matrix[train]), positive[train], importance[train])
        score[test] = model.decision_function(scaler.transform(matrix[test]))
    return score
