"""Which rows of a pool are chosen: shares of its parts, and what is not alike within each."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors

from skfair.groups import Groups
from skfair.model_selection._needs import allot
from skfair.model_selection._representation import Points

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_NEIGHBOURS = 10


class PoolPart(NamedTuple):
    """Rows of the pool that compete for the same labels: their positions, scores and share."""

    rows: Rows
    score: Floats
    share: float


def choose_rows(
    parts: Sequence[PoolPart], n: int, points: Points, candidates: int, rng: np.random.Generator
) -> Rows:
    """Choose n rows: so many of each part as its share says, the best ones that aren't alike.

    Parameters
    ----------
    parts : sequence of PoolPart
    n : int
        At most the number of their rows.
    points : array or sparse matrix of shape (n_pool, k), or None
        Whose distances tell how much rows have in common; not needed for ``candidates=1``.
    candidates : int
        How many of the best rows are clustered for each row that is chosen.
    rng : numpy Generator
        Of ties and of the clustering.

    Returns
    -------
    ndarray of int of shape (n,)
        Each start of it is divided among the parts as the whole.

    Examples
    --------
    >>> parts = [
    ...     PoolPart(np.array([0, 1]), np.array([0.2, 0.9]), 1.0),
    ...     PoolPart(np.array([2, 3, 4]), np.array([0.1, 0.3, 0.2]), 2.0),
    ... ]
    >>> choose_rows(parts, 3, None, 1, np.random.default_rng(0)).tolist()
    [3, 1, 4]
    """
    shares = np.array([part.share for part in parts])
    numbers = allot(n, shares, np.array([len(part.rows) for part in parts]))
    chosen = [
        _choose(part, k, points, candidates, rng)
        for part, k in zip(parts, numbers.tolist(), strict=True)
    ]
    place = [(np.arange(len(rows)) + 0.5) / max(len(rows), 1) for rows in chosen]
    order = np.argsort(np.concatenate(place), kind="stable")
    return np.concatenate(chosen)[order].astype(np.intp)


def _choose(
    part: PoolPart, n: int, points: Points, candidates: int, rng: np.random.Generator
) -> Rows:
    """Choose n rows of a part, the best one first; ties by lot."""
    order = np.lexsort((rng.permutation(len(part.rows)), -part.score))
    if n in (0, len(order)) or candidates == 1:
        return part.rows[order[:n]]
    order = order[: candidates * n]
    score = part.score[order]
    clusters = KMeans(n, n_init=1, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        clusters.fit(points[part.rows[order]], sample_weight=score if score.any() else None)
    first = np.unique(clusters.labels_, return_index=True)[1]
    rest = np.setdiff1d(np.arange(len(order)), first)
    return part.rows[order[np.sort(np.append(first, rest[: n - len(first)]))]]


def neighbours_shares(groups: Groups, known: Points, points: Points) -> Floats:
    """Share of each group among the 10 nearest known points, or among all if there are fewer.

    Parameters
    ----------
    groups : Groups
        Of the known points.
    known, points : arrays or sparse matrices of shape (n_known, k) and (n, k)

    Returns
    -------
    ndarray of float of shape (n, n_groups)

    Examples
    --------
    >>> known, groups = np.array([[0.0], [9.0]]).repeat(10, axis=0), Groups.read(["f", "m"] * 10)
    >>> neighbours_shares(groups.take(np.arange(20) // 10), known, np.array([[1.0], [8.0]]))
    array([[1., 0.],
           [0., 1.]])
    """
    near = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(groups))).fit(known)
    codes = groups.codes[near.kneighbors(points, return_distance=False)]
    return np.stack([(codes == g).mean(axis=1) for g in range(groups.n_groups)], axis=1)
