"""Scores of groups as curves: from rows, or from a tally of binned scores."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.validation import (
    check_same_length,
    check_weights,
    encode_labels,
    positive_class,
)
from skfair.criteria.curves import GroupCurve, group_curves
from skfair.groups import Groups, Missing, labels_index
from skfair.tally import ScoreTally

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoreCurves:
    """What a threshold search knows of each group.

    Parameters
    ----------
    labels : tuple
        Labels of the G groups.
    names : tuple of str
        Names of the sensitive features.
    curves : list of GroupCurve
    squares : ndarray of float of shape (G, 2)
        Sums of squared weights of negatives and of positives.
    """

    labels: tuple[Hashable, ...]
    names: tuple[str, ...]
    curves: list[GroupCurve]
    squares: Floats

    @classmethod
    def from_arrays(
        cls,
        y_true: Any,
        y_score: Any,
        sensitive_features: Any,
        *,
        sample_weight: Any = None,
        pos_label: Any = None,
        missing: Missing = "group",
    ) -> ScoreCurves:
        """Sort rows by group and score: every score is a possible cut."""
        groups = Groups.read(sensitive_features, missing=missing)
        (codes,), classes = encode_labels(("y_true", y_true))
        place = positive_class(classes, pos_label)
        positive = np.zeros(len(codes), dtype=bool) if place is None else codes == place
        check_same_length(y_true=codes, y_score=np.asarray(y_score), sensitive_features=groups)
        weights = check_weights(sample_weight, len(codes))
        return cls.of_rows(np.asarray(y_score), positive, groups, weights)

    @classmethod
    def of_rows(
        cls, scores: Any, positive: NDArray[np.bool_], groups: Groups, weights: Floats | None
    ) -> ScoreCurves:
        """Sort rows that have been checked; rows of weight 0 are no rows."""
        codes = groups.codes
        if weights is not None and not weights.all():
            kept = weights > 0
            scores, positive, codes = scores[kept], positive[kept], codes[kept]
            weights = weights[kept]
        squares = np.zeros((groups.n_groups, 2))
        cells = codes.astype(np.intp) * 2 + positive
        squares.ravel()[:] = np.bincount(
            cells, None if weights is None else weights**2, 2 * groups.n_groups
        )
        curves = group_curves(scores, positive, codes, groups.n_groups, weights)
        return cls(groups.labels, groups.names, curves, squares)

    @classmethod
    def from_tally(cls, tally: ScoreTally) -> ScoreCurves:
        """Read a tally: its edges are the possible cuts."""
        cells = tally.cells()[::-1]  # from the highest cut, that selects none
        cuts = tally.thresholds[::-1]
        curves = [
            GroupCurve(cuts, cells[:, g, 1].copy(), cells[:, g, 3].copy(), cuts[1:])
            for g in range(tally.n_groups)
        ]
        return cls(tally.labels, tally.names, curves, tally.weight2.sum(axis=2))

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.labels)

    @property
    def index(self) -> pd.Index:
        """Labels of the groups."""
        return labels_index(self.labels, self.names)

    @property
    def totals(self) -> Floats:
        """Weight of negatives and positives of each group, of shape (G, 2)."""
        return np.array([(curve.fp[-1], curve.tp[-1]) for curve in self.curves])

    def pooled(self) -> GroupCurve:
        """Curve of all groups together, at all their cuts."""
        scores = np.unique(np.concatenate([curve.scores for curve in self.curves]))[::-1]
        cuts = np.append(np.inf, scores)
        fp, tp = (sum(parts) for parts in zip(*(c.at(cuts) for c in self.curves), strict=True))
        return GroupCurve(cuts, fp, tp, scores)
