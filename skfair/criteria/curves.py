"""Cells of each group at every cut of a score: what thresholds are chosen from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HUGE = np.finfo(np.float64).max


@dataclass(frozen=True, eq=False)
class GroupCurve:
    """Weighted false and true positives of one group at every cut, from none to all selected.

    Parameters
    ----------
    cuts : ndarray of float of shape (m,)
        Decreasing; rows with a score of at least the cut are selected. The first, infinity, selects
        none, the last all.
    fp, tp : ndarray of float of shape (m,)
        Weight of the selected negatives and positives.
    scores : ndarray of float of shape (m - 1,)
        Decreasing distinct scores: cut i selects the first i of them.
    """

    cuts: Floats
    fp: Floats
    tp: Floats
    scores: Floats

    @property
    def cells(self) -> Floats:
        """Cells (tn, fp, fn, tp) at each cut, of shape (m, 4)."""
        negative, positive = self.fp[-1], self.tp[-1]
        return np.stack([negative - self.fp, self.fp, positive - self.tp, self.tp], axis=1)

    def at(self, cuts: Floats) -> tuple[Floats, Floats]:
        """Weight of the negatives and positives that any cuts select."""
        places = np.searchsorted(-self.scores, -np.asarray(cuts), side="right")
        return self.fp[places], self.tp[places]


def finite_scores(scores: Any, name: str = "scores") -> Floats:
    """Scores as floats, infinite ones as the largest finite number, so that a cut can pass them.

    Raises
    ------
    ValueError
        If a score is NaN.
    """
    found = np.asarray(scores, dtype=np.float64)
    if np.isnan(found).any():
        raise ValueError(f"Input {name} contains NaN.")
    return np.clip(found, -_HUGE, _HUGE)


def group_curves(
    scores: Any,
    positive: NDArray[np.bool_],
    codes: NDArray[np.integer],
    n_groups: int,
    weights: Floats | None = None,
) -> list[GroupCurve]:
    """Sort each group by score, and add up.

    A cut lies halfway between neighbouring scores, so that new scores near either fall on its side.

    Parameters
    ----------
    scores : array-like of float of shape (n,)
    positive : ndarray of bool of shape (n,)
    codes : ndarray of int of shape (n,)
    n_groups : int
    weights : ndarray of float of shape (n,), default=None

    Returns
    -------
    curves : list of GroupCurve
        Of a group without rows, the one cut that selects none.

    Examples
    --------
    >>> scores, positive = [0.9, 0.5, 0.5, 0.1], np.array([True, False, True, False])
    >>> (curve,) = group_curves(scores, positive, np.zeros(4, dtype=int), 1)
    >>> curve.cuts, curve.fp, curve.tp
    (array([inf, 0.7, 0.3, 0.1]), array([0., 0., 1., 2.]), array([0., 1., 2., 2.]))
    """
    found = finite_scores(scores)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=n_groups))[:-1]
    members: Sequence[NDArray[np.intp]] = np.split(order, ends)
    return [
        _curve(found[rows], positive[rows], None if weights is None else weights[rows])
        for rows in members
    ]


def _curve(scores: Floats, positive: NDArray[np.bool_], weights: Floats | None) -> GroupCurve:
    if len(scores) == 0:
        return GroupCurve(np.array([np.inf]), np.zeros(1), np.zeros(1), np.zeros(0))
    order = np.argsort(scores)[::-1]
    scores, label = scores[order], positive[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # of each run of ties
    if weights is None:
        tp, both = np.cumsum(label)[last].astype(np.float64), last + 1.0
    else:
        weight = weights[order]
        tp, both = np.cumsum(label * weight)[last], np.cumsum(weight)[last]
    upper, lower = scores[last], np.append(scores[last][1:], scores[-1:])
    halfway = lower / 2 + upper / 2  # the difference may overflow
    cuts = np.where(halfway > lower, halfway, upper)
    zero = np.zeros(1)
    return GroupCurve(
        np.concatenate([[np.inf], cuts]),
        np.concatenate([zero, both - tp]),
        np.concatenate([zero, tp]),
        upper,
    )
