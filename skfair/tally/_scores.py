"""ScoreTally: rows of each group and label by score, for curves and thresholds."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skfair._utils.validation import (
    as_column,
    check_same_length,
    check_weights,
    encode_labels,
    positive_class,
)
from skfair.groups import Groups, Missing
from skfair.tally._base import CellTally
from skfair.tally._kernel import count_cells
from skfair.tally._tally import Tally


@dataclass(frozen=True, eq=False)
class ScoreTally(CellTally):
    """For each group, the weighted sum of rows by label (negative, positive) and bin of the score.

    Cells at a threshold that is an edge are exact, and every rate, ROC curve and threshold search
    reads them, so data need not fit in memory.

    Parameters
    ----------
    labels, names, classes
        As in :class:`Tally`; ``classes`` is (False, True), for negative and positive.
    weight, weight2, count : ndarray of shape (G, 2, B + 1)
        By group, label and bin; bin 0 lies below ``edges[0]``, bin k holds
        ``edges[k - 1] <= score < edges[k]``, bin B starts at ``edges[-1]``.
    edges : ndarray of float of shape (B,)
        Increasing edges of the bins: the thresholds whose cells are known.

    Examples
    --------
    >>> tally = ScoreTally.from_arrays([0, 1, 1], [0.2, 0.6, 0.9], ["a", "a", "a"], edges=[0.5])
    >>> tally.thresholds, tally.cells()[:, 0]
    (array([-inf,  0.5,  inf]), array([[0., 1., 0., 2.],
           [1., 0., 0., 2.],
           [1., 0., 2., 0.]]))
    """

    edges: NDArray[np.float64]

    @property
    def _axes(self) -> tuple[tuple[Hashable, ...], ...]:
        return (self.classes, tuple(range(len(self.edges) + 1)))

    @classmethod
    def from_arrays(
        cls,
        y_true: Any,
        y_score: Any,
        sensitive_features: Any,
        *,
        edges: int | ArrayLike = 200,
        sample_weight: Any = None,
        pos_label: Any = None,
        missing: Missing = "group",
    ) -> ScoreTally:
        """Count arrays.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels.
        y_score : array-like of float of shape (n,)
            Scores, higher for the positive class.
        sensitive_features : array-like of shape (n,) or (n, k), or Groups
            What :meth:`skfair.groups.Groups.read` takes.
        edges : int or array-like of float, default=200
            Edges of the bins; a number: so many bins of equal width over [0, 1].
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.
        pos_label : label, default=None
            The positive class.
        missing : {"group", "raise"}, default="group"
            What happens to rows without a sensitive value.

        Returns
        -------
        ScoreTally

        Raises
        ------
        ValueError
            If scores are NaN, or lie outside [0, 1] while ``edges`` is a number.
        """
        groups = Groups.read(sensitive_features, missing=missing)
        (true,), classes = encode_labels(("y_true", y_true))
        positive = positive_class(classes, pos_label)
        label = (true == (-1 if positive is None else positive)).astype(np.int8)
        scores = np.asarray(as_column(y_score, "y_score"), dtype=np.float64)
        check_same_length(y_true=label, y_score=scores, sensitive_features=groups)
        weights = check_weights(sample_weight, len(label))
        cuts = _make_edges(edges, scores)
        codes = [groups.codes, label, np.searchsorted(cuts, scores, side="right")]
        sums = count_cells(codes, (groups.n_groups, 2, len(cuts) + 1), weights)
        return cls(groups.labels, groups.names, (False, True), *sums, edges=cuts)

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """Thresholds whose cells are known: -inf (all selected), the edges, inf (none selected)."""
        return np.concatenate([[-np.inf], self.edges, [np.inf]])

    def cells(self) -> NDArray[np.float64]:
        """Weighted tn, fp, fn, tp by threshold and group, ``score >= threshold`` being positive.

        Returns
        -------
        cells : ndarray of float of shape (n_thresholds, n_groups, 4)
        """
        return self._cells_of(self.weight)

    def at(self, threshold: float) -> Tally:
        """Tally of the decisions ``score >= threshold``.

        Raises
        ------
        ValueError
            If the threshold is not an edge, so that a bin would be torn.
        """
        places = np.flatnonzero(self.thresholds == threshold)
        if not len(places):
            raise ValueError(f"threshold {threshold} is not an edge of this tally's bins")
        tables = [
            self._cells_of(sums)[places[0]].reshape(-1, 2, 2)
            for sums in (self.weight, self.weight2, self.count)
        ]
        return Tally(
            self.labels, self.names, self.classes, tables[0], tables[1], tables[2].astype(np.int64)
        )

    def _cells_of(self, sums: NDArray[Any]) -> NDArray[Any]:
        below = np.cumsum(sums, axis=-1)
        below = np.concatenate([np.zeros_like(below[..., :1]), below], axis=-1)
        negative, positive = (below[:, k].T for k in (0, 1))  # (n_thresholds, n_groups)
        return np.stack(
            [negative, negative[-1] - negative, positive, positive[-1] - positive], axis=-1
        )

    def _add(self, other: Self) -> Self:
        if not np.array_equal(self.edges, other.edges):
            raise ValueError("tallies with different edges can't be added")
        return replace(super()._add(other), edges=self.edges)


def _make_edges(edges: int | ArrayLike, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isnan(scores).any():
        raise ValueError("Input y_score contains NaN.")
    if isinstance(edges, int | np.integer):
        if edges < 2:
            raise ValueError(f"edges must be at least 2 bins, got {edges}")
        if scores.min() < 0 or scores.max() > 1:
            raise ValueError("scores lie outside [0, 1]: give the edges of their bins yourself")
        return np.arange(1, edges) / edges
    cuts = np.asarray(edges, dtype=np.float64)
    increasing = cuts.ndim == 1 and cuts.size > 0 and (np.diff(cuts) > 0).all()
    if not increasing or not np.isfinite(cuts).all():
        raise ValueError("edges must be strictly increasing and finite")
    return cuts
