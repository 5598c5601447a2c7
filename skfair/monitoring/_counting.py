"""Counts of rows by window: tallies, and bins of watched columns."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skfair.groups import Groups
from skfair.tally import Tally, count_cells


def tally_windows(
    windows: NDArray[np.int64],
    groups: Groups,
    true: NDArray[np.integer],
    pred: NDArray[np.integer],
    classes: tuple[Hashable, ...],
) -> dict[int, Tally]:
    """Count rows by window: one tally each, from one pass.

    Examples
    --------
    >>> codes = np.array([0, 1, 1])
    >>> found = tally_windows(np.array([7, 7, 9]), Groups.read(list("ffm")), codes, codes, (0, 1))
    >>> {window: tally.labels for window, tally in found.items()}
    {7: ('f',), 9: ('m',)}
    """
    if not len(windows):
        return {}
    places, known = _rank(windows)
    shape = (len(known), groups.n_groups, len(classes), len(classes))
    count = count_cells([places, groups.codes, true, pred], shape)[2]
    return {int(w): _tally(groups, classes, count[i]) for i, w in enumerate(known)}


def _tally(groups: Groups, classes: tuple[Hashable, ...], count: NDArray[np.int64]) -> Tally:
    kept = np.flatnonzero(count.any(axis=(1, 2)))
    weight = count[kept].astype(np.float64)
    labels = tuple(groups.labels[i] for i in kept)
    return Tally(labels, groups.names, classes, weight, weight, count[kept])


def _rank(windows: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Places among the distinct windows, without sorting the rows."""
    low, high = int(windows.min()), int(windows.max())
    if high - low > 1_000_000:
        known, places = np.unique(windows, return_inverse=True)
        return places, known
    present = np.zeros(high - low + 1, dtype=bool)
    present[windows - low] = True
    lookup = np.cumsum(present) - 1
    return lookup[windows - low], np.flatnonzero(present) + low


@dataclass(frozen=True, eq=False)
class BinCounts:
    """Rows of a watched column by crossed group and bin; parts add up.

    Parameters
    ----------
    labels : tuple
        Crossed groups.
    rows : ndarray of int of shape (n_labels, n_bins)

    Examples
    --------
    >>> one = BinCounts(("f",), np.array([[1, 2]]))
    >>> two = BinCounts(("m", "f"), np.array([[1, 0], [0, 1]]))
    >>> (one + two).labels, (one + two).rows.tolist()
    (('f', 'm'), [[1, 3], [1, 0]])
    """

    labels: tuple[Hashable, ...]
    rows: NDArray[np.int64]

    def __add__(self, other: BinCounts) -> BinCounts:
        labels = tuple(dict.fromkeys([*self.labels, *other.labels]))
        place = {label: i for i, label in enumerate(labels)}
        total = np.zeros((len(labels), self.rows.shape[1]), dtype=np.int64)
        for part in (self, other):
            total[[place[label] for label in part.labels]] += part.rows
        return BinCounts(labels, total)


def count_bins(
    windows: NDArray[np.int64], groups: Groups, bins: NDArray[np.intp], n_bins: int
) -> dict[int, BinCounts]:
    """Count rows by window, group and bin."""
    if not len(windows):
        return {}
    places, known = _rank(windows)
    shape = (len(known), groups.n_groups, n_bins)
    count = count_cells([places, groups.codes, bins], shape)[2]
    found = {}
    for i, window in enumerate(known):
        kept = np.flatnonzero(count[i].any(axis=1))
        labels = tuple(groups.labels[j] for j in kept)
        found[int(window)] = BinCounts(labels, count[i][kept])
    return found
