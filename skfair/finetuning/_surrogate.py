"""A surrogate of the objective over weights: boosted trees and the expected improvement."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.ensemble import GradientBoostingRegressor

from skfair.finetuning._objective import Floats

_QUANTILES = (0.16, 0.5, 0.84)  # a normal variable's mean, and a deviation to each side


def next_point(
    tried: Floats, values: Floats, proposals: Floats, rng: np.random.Generator
) -> Floats:
    """Choose the proposal with the highest expected improvement.

    Boosted trees of three quantiles tell of mean and deviation at each proposal.

    Parameters
    ----------
    tried : ndarray of float of shape (n_tried, n_dimensions)
    values : ndarray of float of shape (n_tried,)
        Their objective; higher is better.
    proposals : ndarray of float of shape (n_proposals, n_dimensions)
    rng : Generator

    Returns
    -------
    ndarray of float of shape (n_dimensions,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tried = np.linspace(-1, 1, 21)[:, None]
    >>> float(next_point(tried, -np.abs(tried[:, 0] - 0.5), np.array([[-0.9], [0.5]]), rng)[0])
    0.5
    """
    seed = int(rng.integers(np.iinfo(np.int32).max))
    low, middle, high = (_quantile(tried, values, proposals, q, seed) for q in _QUANTILES)
    deviation = np.maximum((high - low) / 2, 1e-9)
    z = (middle - values.max()) / deviation
    improvement = deviation * (z * norm.cdf(z) + norm.pdf(z))
    return proposals[int(improvement.argmax())]


def _quantile(tried: Floats, values: Floats, proposals: Floats, q: float, seed: int) -> Any:
    trees = GradientBoostingRegressor(
        loss="quantile",
        alpha=q,
        n_estimators=30,
        max_features=min(1.0, 64 / tried.shape[1]),
        random_state=seed,
    )
    return trees.fit(tried, values).predict(proposals)


def draw_in_box(center: Floats, radius: float, n: int, rng: np.random.Generator) -> Floats:
    """Draw points of a box; each within its own share of the radius, so that some are near.

    Examples
    --------
    >>> points = draw_in_box(np.ones(3), 0.5, 100, np.random.default_rng(0))
    >>> bool((abs(points - 1) <= 0.5).all())
    True
    """
    reach = radius * rng.random((n, 1))
    return center + reach * rng.uniform(-1, 1, size=(n, len(center)))
