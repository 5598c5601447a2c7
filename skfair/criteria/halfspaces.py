"""Search for the linear threshold subgroup with the largest violation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from skfair._utils.arrays import divide
from skfair.tally import sum_cells

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_PRIOR_ROWS = 20.0
_NEAR = 1e-9


class Halfspace(NamedTuple):
    """Rows whose ``matrix @ coefficients`` is above ``cut``, and their violation."""

    coefficients: Floats
    cut: float
    violation: float

    def members(self, matrix: Floats) -> NDArray[np.bool_]:
        """Tell which rows are in it."""
        return np.asarray(matrix @ self.coefficients > self.cut)


@dataclass(frozen=True, eq=False)
class HalfspaceSearch:
    r"""Looks for the linear threshold subgroup with the largest violation.

    The exact search is as hard as agnostic learning of halfspaces, so this is a heuristic, and what
    it finds is a lower bound. The rows' deviations per mass are regressed on the columns by least
    squares, with a ridge penalty worth some 20 rows, so that a category of a few rows can't lead
    the search by chance; and the rows are cut at the fitted value that gives the largest violation.
    Zero, where the papers cut, is one of these cuts; and as deviations add up to 0, the rows below
    a cut violate as much as those above, so that both directions are searched. The single column
    that goes most with the deviations is cut, too: hence no 0/1 column has a larger violation.

    Parameters
    ----------
    matrix : ndarray of float of shape (m, k)
        Columns of the distinct rows of attributes.
    place : ndarray of int of shape (n,)
        Which of them each row is.
    mass : ndarray of float of shape (m,)
        Share of the denominator.
    factor : tuple
        Cholesky factor of the regression's normal equations.
    """

    matrix: Floats
    place: Rows
    mass: Floats
    factor: Any

    @classmethod
    def prepare(
        cls, matrix: Floats, place: Rows, mass: Floats, *, ridge: float | None = None
    ) -> HalfspaceSearch:
        """Do the work that doesn't depend on the decisions.

        Parameters
        ----------
        matrix, place
            As in the class.
        mass : ndarray of float of shape (n,)
            Each row's share of the denominator.
        ridge : float, default=None
            Penalty for a total mass of 1; None: 20 over Kish's effective number of rows.

        Returns
        -------
        HalfspaceSearch

        Examples
        --------
        >>> search = HalfspaceSearch.prepare(np.eye(2), np.array([0, 1, 1]), np.ones(3) / 3)
        >>> found = search.worst(np.array([0.2, -0.1, -0.1]))
        >>> round(found.violation, 9), found.members(np.eye(2)).tolist()
        (0.2, [True, False])
        """
        total = sum_cells([place], (len(matrix),), mass)
        centred = matrix - total @ matrix
        gram = (centred * total[:, None]).T @ centred
        penalty = _PRIOR_ROWS * float(mass @ mass) if ridge is None else ridge
        return cls(matrix, place, total, cho_factor(gram + penalty * np.eye(len(gram))))

    def worst(self, deviation: Floats) -> Halfspace:
        """Find a subgroup with a large violation.

        Parameters
        ----------
        deviation : ndarray of float of shape (n,)
            They add up to 0.

        Returns
        -------
        Halfspace
            The smaller side of the cut; empty, with the violation 0, where no column varies.
        """
        sums = sum_cells([self.place], (len(self.matrix),), deviation)
        together = self.matrix.T @ sums
        width = np.ptp(self.matrix, axis=0)
        alone = np.zeros(len(together))
        alone[np.argmax(np.abs(np.nan_to_num(divide(together, width))))] = 1.0
        found = [self._cut(direction, sums) for direction in (self._regress(together), alone)]
        return max(found, key=lambda half: half.violation)

    def _regress(self, together: Floats) -> Floats:
        direction = cho_solve(self.factor, together)
        size = np.abs(direction).max()
        return direction / size if size > 0 else direction

    def _cut(self, direction: Floats, sums: Floats) -> Halfspace:
        score = self.matrix @ direction
        order = np.argsort(score, kind="stable")
        ranked, below = score[order], np.cumsum(sums[order])
        apart = np.flatnonzero(np.diff(ranked) > _NEAR * max(np.abs(ranked).max(), 1.0))
        if not len(apart):
            return Halfspace(np.zeros_like(direction), 0.0, 0.0)
        at = apart[np.argmax(np.abs(below[apart]))]
        cut = float(ranked[at] + ranked[at + 1]) / 2
        sign = -1.0 if self.mass[score > cut].sum() > 0.5 else 1.0
        return Halfspace(sign * direction, sign * cut, float(abs(below[at])))
