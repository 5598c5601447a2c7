"""Rows of a fit: those that a network is tuned on, and those that it is judged on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.finetuning._objective import Bools, Floats


class TuningRows(NamedTuple):
    """Rows that a network is trained on: its input, which rows are positive, groups, weights."""

    X: NDArray[np.floating]
    positive: Bools
    codes: NDArray[np.integer]
    n_groups: int
    weights: Floats

    def take(self, rows: NDArray[np.integer]) -> TuningRows:
        """Give some of the rows."""
        X, positive, codes, n_groups, weights = self
        return TuningRows(X[rows], positive[rows], codes[rows], n_groups, weights[rows])

    def cells(self) -> NDArray[np.intp]:
        """Give the cell of group and label of each row."""
        return 2 * self.codes.astype(np.intp) + self.positive


def held_out(
    cells: NDArray[np.integer], fraction: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split rows in two, with the same share of every cell in each part.

    A cell of two rows or more is in both parts; a single row is in the second one. With the
    fraction 0, all rows are in both parts.

    Parameters
    ----------
    cells : ndarray of int of shape (n,)
    fraction : float
        Share of the second part.
    rng : Generator

    Returns
    -------
    first, second : ndarray of int
        Rows in their order.

    Examples
    --------
    >>> cells = np.array([0, 0, 0, 0, 1, 1, 2])
    >>> first, second = held_out(cells, 0.25, np.random.default_rng(0))
    >>> cells[first].tolist(), cells[second].tolist()
    ([0, 0, 0, 1], [0, 1, 2])
    """
    rows = np.arange(len(cells))
    if fraction == 0:
        return rows, rows
    second = np.zeros(len(cells), dtype=bool)
    for cell in np.unique(cells):
        own = rng.permutation(np.flatnonzero(cells == cell))
        size = np.clip(round(fraction * len(own)), 1, max(1, len(own) - 1))
        second[own[:size]] = True
    return rows[~second], rows[second]
