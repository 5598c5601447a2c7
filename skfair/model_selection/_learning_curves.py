"""Learning curves by group: smaller training sets, a power law, and the rows that are missing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_EXPONENTS = np.linspace(0.1, 2.0, 39)
_FARTHEST = 1000


class PowerLaw(NamedTuple):
    r"""Errors :math:`a + b (n / m)^{-c}` of n rows, arrays of one shape; m is the largest n."""

    floor: Floats
    scale: Floats
    exponent: Floats
    largest: Floats | float

    def at(self, rows: Floats) -> Floats:
        """Error at a number of rows."""
        return self.floor + self.scale * (rows / self.largest) ** -self.exponent

    def rows_for(self, error: Floats | float) -> Floats:
        """Count the rows at which the error is reached; infinite above 1000 times the largest n.

        Examples
        --------
        >>> law = PowerLaw(np.array(0.1), np.array(0.2), np.array(1.0), 100.0)
        >>> float(law.rows_for(0.2).round(6)), float(law.rows_for(0.05))
        (200.0, inf)
        """
        below = np.asarray(error - self.floor)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            times = np.where(below > 0, (self.scale / below) ** (1 / self.exponent), np.inf)
        times = np.where((below >= 0) & (self.scale == 0), 0.0, times)
        return np.where(times > _FARTHEST, np.inf, times * self.largest)


def fit_power_law(rows: Floats, errors: Floats) -> PowerLaw:
    r"""Fit :math:`a + b n^{-c}` with a and b of at least 0 by least squares, many at once.

    Parameters
    ----------
    rows : ndarray of float of shape (K,)
        Above 0.
    errors : ndarray of float of shape (..., K)

    Returns
    -------
    PowerLaw
        Arrays of shape (...). The exponent is the best of 39 from 0.1 to 2.

    References
    ----------
    Figueroa, R. L. et al. (2012). Predicting sample size required for classification performance.
    BMC Medical Informatics and Decision Making 12(8). https://doi.org/10.1186/1472-6947-12-8
    Viering, T. and Loog, M. (2023). The shape of learning curves: a review. IEEE TPAMI 45(6).
    https://doi.org/10.1109/TPAMI.2022.3220744

    Examples
    --------
    >>> rows = np.array([10.0, 20.0, 40.0, 80.0])
    >>> law = fit_power_law(rows, 0.1 + 2 / rows)
    >>> law.floor.round(6).item(), law.exponent.round(6).item()
    (0.1, 1.0)
    """
    x = (rows / rows.max()) ** -_EXPONENTS[:, None]
    centred = x - x.mean(axis=1, keepdims=True)
    mean = errors.mean(axis=-1, keepdims=True)
    scale = (errors - mean) @ centred.T / np.maximum((centred**2).sum(axis=1), 1e-300)
    scale = np.maximum(scale, 0.0)
    floor = mean - scale * x.mean(axis=1)
    through_zero = np.maximum(errors @ x.T / (x**2).sum(axis=1), 0.0)
    scale = np.where(floor < 0, through_zero, scale)
    floor = np.maximum(floor, 0.0)
    misses = errors[..., None, :] - floor[..., None] - scale[..., None] * x
    best = (misses**2).sum(axis=-1).argmin(axis=-1)

    def pick(array: Floats) -> Floats:
        return np.take_along_axis(array, best[..., None], axis=-1)[..., 0]

    return PowerLaw(pick(floor), pick(scale), _EXPONENTS[best], float(rows.max()))


def thin(
    cells: NDArray[np.integer], labels: NDArray[np.integer], rng: np.random.Generator
) -> Floats:
    """Give each row a number, so that the rows below f are a share f of each cell, and nested.

    The first row of each label has 0, since no model learns without all of them.

    Parameters
    ----------
    cells, labels : ndarray of int of shape (n,)
    rng : numpy Generator

    Returns
    -------
    ndarray of float of shape (n,)

    Examples
    --------
    >>> labels = np.repeat([0, 1], [8, 4])
    >>> places = thin(labels, labels, np.random.default_rng(0))
    >>> [int((places < f).sum()) for f in (0.25, 0.5, 1.0)]
    [3, 6, 12]
    """
    n, counts = len(cells), np.bincount(cells)
    order = rng.permutation(n)
    order = order[np.argsort(cells[order], kind="stable")]
    starts = np.concatenate([[0], counts.cumsum()])[:-1]
    offset = rng.random(len(counts))
    places = np.empty(n)
    sorted_cells = cells[order]
    places[order] = (np.arange(n) - starts[sorted_cells] + offset[sorted_cells]) / counts[
        sorted_cells
    ]
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        places[mine[places[mine].argmin()]] = 0.0
    return places


def resample_curves(
    losses: NDArray[np.floating],
    weights: Floats,
    slots: NDArray[np.integer],
    rng: np.random.Generator,
) -> Floats:
    """Draw curves of one group: each from one repeat, whose rows are drawn with replacement.

    One repeat and not their mean, since the spread between repeats stands for that between
    training sets. Where a repeat has predicted some rows only, it tells how far its losses of these
    are from the mean of all repeats, which is taken over all rows. Draws are made one by one, so
    that memory grows with the rows alone.

    Parameters
    ----------
    losses : ndarray of float of shape (K, S, n)
        By training size, repeat and row, at least 0; NaN where a row has no prediction in a repeat,
        for all sizes alike.
    weights : ndarray of float of shape (n,)
        Above 0.
    slots : ndarray of int of shape (B,)
        The repeat of each draw.
    rng : numpy Generator

    Returns
    -------
    ndarray of float of shape (B, K)
        NaN where none of the rows drawn has a prediction in the repeat.

    Examples
    --------
    >>> losses = np.array([[[0.5], [0.7]], [[0.2], [0.4]]])
    >>> rng = np.random.default_rng(0)
    >>> resample_curves(losses, np.ones(1), np.array([1, 0]), rng).tolist()
    [[0.7, 0.4], [0.5, 0.2]]
    """
    drawn = np.full((len(slots), len(losses)), np.nan)
    seen = np.flatnonzero(~np.isnan(losses[0]).all(axis=0))
    means: Floats = np.asarray(np.nanmean(losses[..., seen], axis=1, dtype=np.float64))
    for i, slot in enumerate(slots):
        rows = rng.integers(len(seen), size=len(seen))
        own, weight = losses[:, slot, seen[rows]] - means[:, rows], weights[seen[rows]]
        there = ~np.isnan(own[0])
        if there.any():
            drawn[i] = np.average(means[:, rows], axis=1, weights=weight)
            drawn[i] += np.average(own[:, there], axis=1, weights=weight[there])
    return np.maximum(drawn, 0.0)
