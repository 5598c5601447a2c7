"""Scores by guessed group: what cuts by guess do to the true groups."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair.criteria.curves import group_curves
from skfair.groups import Groups
from skfair.postprocessing._shrinkage import Shrunk

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Places = NDArray[np.intp]


class GuessCurve(NamedTuple):
    """Rows that are guessed to be of one group, at every cut, from none to all selected.

    ``cuts`` of shape (m,) and ``scores`` of shape (m - 1,) fall; ``cells`` has shape (m, G, 4),
    with the cells (tn, fp, fn, tp) of the rows of each true group.
    """

    cuts: Floats
    scores: Floats
    cells: Floats

    def places(self, cuts: Floats) -> Places:
        """Positions of cuts that select what any cuts do."""
        return np.searchsorted(-self.scores, -cuts, side="right")


@dataclass(frozen=True, eq=False)
class GuessedCurves:
    """What a search for cuts by guessed group knows.

    Parameters
    ----------
    labels : tuple
        Labels of the G groups, true or guessed.
    names : tuple of str
        Names of the sensitive features.
    curves : list of GuessCurve
        One a guess.
    squares : ndarray of float of shape (G, 2)
        Sums of squared weights of each true group's negatives and positives.
    known : tuple of int
        The true groups that constraints are about.
    """

    labels: tuple[Hashable, ...]
    names: tuple[str, ...]
    curves: list[GuessCurve]
    squares: Floats
    known: tuple[int, ...]

    @classmethod
    def of_rows(
        cls,
        scores: Floats,
        positive: NDArray[np.bool_],
        groups: Groups,
        guesses: Codes,
        weights: Floats,
    ) -> GuessedCurves:
        """Sort the rows of each guess; rows of weight 0 are no rows.

        Examples
        --------
        >>> groups, y = Groups.read(list("ffmm")), np.array([True, False, True, False])
        >>> found = GuessedCurves.of_rows(
        ...     np.array([0.9, 0.2, 0.6, 0.4]), y, groups, np.array([0, 0, 0, 1]), np.ones(4)
        ... )
        >>> found.curves[0].cells[1].tolist()  # who is guessed "f", down to a score of 0.9
        [[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]]
        """
        kept = np.flatnonzero(weights > 0)
        scores, positive, weights = scores[kept], positive[kept], weights[kept]
        true, guessed = (codes[kept].astype(np.intp) for codes in (groups.codes, guesses))
        n = groups.n_groups
        squares = np.bincount(true * 2 + positive, weights**2, 2 * n)
        sides = squares.astype(np.float64).reshape(n, 2)
        both = group_curves(scores, positive, guessed * n + true, n * n, weights)
        curves = []
        for h, own in enumerate(group_curves(scores, positive, guessed, n, weights)):
            parts = []
            for curve in both[h * n : (h + 1) * n]:
                fp, tp = curve.at(own.cuts)
                parts.append(np.stack([curve.fp[-1] - fp, fp, curve.tp[-1] - tp, tp], axis=1))
            curves.append(GuessCurve(own.cuts, own.scores, np.stack(parts, axis=1)))
        return cls(groups.labels, groups.names, curves, sides, tuple(range(n)))

    @property
    def totals(self) -> Floats:
        """Weight of negatives and positives of each true group, of shape (G, 2)."""
        cells = sum(curve.cells[0] for curve in self.curves)
        return np.asarray(cells).reshape(-1, 2, 2).sum(axis=2)

    def about(self, known: tuple[int, ...]) -> GuessedCurves:
        """Leave out of the constraints all groups but these."""
        return replace(self, known=known)

    def single_cuts(self) -> tuple[Floats, list[Places]]:
        """Cuts that all guesses may share, and their positions on each curve.

        They lie halfway between neighbouring scores.
        """
        scores = np.unique(np.concatenate([curve.scores for curve in self.curves]))[::-1]
        lower = np.append(scores[1:], scores[-1:])
        halfway = lower / 2 + scores / 2
        cuts = np.append(np.inf, np.where(halfway > lower, halfway, scores))
        return cuts, [curve.places(cuts) for curve in self.curves]

    def drawn_together(self, shrunk: Shrunk) -> GuessedCurves:
        """Draw the true groups' rates under every rule towards the pooled rate, as their curves.

        A rate of a group becomes its own by the share that was kept, else the rate of all rows.
        """
        known = [self.labels.index(label) for label in shrunk.curves.labels]
        wanted, totals, pooled = shrunk.curves.totals, self.totals, self.totals[known].sum(axis=0)
        kept = shrunk.kept.to_numpy()[:, 1:]
        curves = []
        for curve in self.curves:
            cells, whole = curve.cells.copy(), curve.cells[:, known].sum(axis=1)
            for g, share, total in zip(known, kept, wanted, strict=True):
                of_own = np.repeat(total * share * _inverse(totals[g]), 2)
                of_all = np.repeat(total * (1 - share) * _inverse(pooled), 2)
                cells[:, g] = of_own * curve.cells[:, g] + of_all * whole
            curves.append(curve._replace(cells=cells))
        return replace(self, curves=curves)

    def cells_of(self, cuts: list[Floats], chances: list[Floats]) -> Floats:
        """Cells of the true groups that a rule leads to, of shape (G, 4)."""
        parts = [
            np.tensordot(chance, curve.cells[curve.places(own)], axes=1)
            for curve, own, chance in zip(self.curves, cuts, chances, strict=True)
        ]
        return np.asarray(sum(parts))


def _inverse(totals: Floats) -> Floats:
    return np.nan_to_num(divide(np.ones_like(totals), totals))
