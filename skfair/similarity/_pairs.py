"""Pairs of rows, and the clusters that they connect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


class RowPairs(NamedTuple):
    """Pairs of rows by position, arrays of shape (n_pairs,); ``first`` lies before ``second``."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    distance: NDArray[np.float64]

    def sort(self) -> RowPairs:
        """Order the pairs by first row, then second."""
        order = np.lexsort((self.second, self.first))
        return RowPairs(self.first[order], self.second[order], self.distance[order])

    def join(self, other: RowPairs) -> RowPairs:
        """Put the pairs of both in one sorted list."""
        first, second = np.r_[self.first, other.first], np.r_[self.second, other.second]
        return RowPairs(first, second, np.r_[self.distance, other.distance]).sort()

    @classmethod
    def empty(cls) -> RowPairs:
        """Make a list without a pair."""
        return cls(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0))


def cluster_pairs(
    n: int, first: NDArray[np.integer], second: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Find the clusters that pairs connect, directly or over other rows.

    Parameters
    ----------
    n : int
        Number of rows.
    first, second : ndarray of int of shape (n_pairs,)
        Positions of the rows of each pair.

    Returns
    -------
    clusters : ndarray of int of shape (n,)
        Cluster of each row, counted from 0 in the order of their first rows; -1 for a row that is
        in no pair.

    Examples
    --------
    >>> cluster_pairs(5, np.array([1, 4]), np.array([4, 2])).tolist()
    [-1, 0, 0, -1, 0]
    """
    edges = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(n, n))
    labels = connected_components(edges, directed=False)[1]
    lonely = np.bincount(labels)[labels] == 1
    return pd.factorize(np.where(lonely, np.nan, labels))[0].astype(np.int64, copy=False)
