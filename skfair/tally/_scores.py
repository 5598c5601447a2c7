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
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.tally._base import CellTally
from skfair.tally._frame import Key, aggregate, bin_index, key_columns
from skfair.tally._kernel import count_cells
from skfair.tally._quantiles import NumberRange, number_range, quantile_edges
from skfair.tally._saving import Saved
from skfair.tally._sources import Table, open_table
from skfair.tally._tally import Tally


@dataclass(frozen=True, eq=False, repr=False)
class ScoreTally(CellTally, Saved):
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
    positive : label or None, default=None
        Which of the rows' labels is the positive one; None: none of them, or it isn't known.

    Examples
    --------
    >>> tally = ScoreTally.from_arrays([0, 1, 1], [0.2, 0.6, 0.9], ["a", "a", "a"], edges=[0.5])
    >>> tally.thresholds, tally.cells()[:, 0]
    (array([-inf,  0.5,  inf]), array([[0., 1., 0., 2.],
           [1., 0., 0., 2.],
           [1., 0., 2., 0.]]))
    """

    edges: NDArray[np.float64]
    positive: Hashable | None = None

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
        label, positive = _positives(true, classes, pos_label)
        scores = np.asarray(as_column(y_score, "y_score"), dtype=np.float64)
        check_same_length(y_true=label, y_score=scores, sensitive_features=groups)
        weights = check_weights(sample_weight, len(label))
        cuts = _make_edges(edges, scores)
        codes = [groups.codes, label, np.searchsorted(cuts, scores, side="right")]
        sums = count_cells(codes, (groups.n_groups, 2, len(cuts) + 1), weights)
        return cls(groups.labels, groups.names, (False, True), *sums, cuts, positive)

    @classmethod
    def from_frame(
        cls,
        source: Any,
        *,
        y_true: str,
        y_score: str,
        sensitive_features: ColumnSpec,
        bins: int = 200,
        edges: ArrayLike | None = None,
        sample_weight: str | None = None,
        pos_label: Any = None,
        missing: Missing = "group",
    ) -> ScoreTally:
        """Count columns of a frame, a relation or Parquet files with one group-by.

        Without ``edges`` the bins hold about as many rows each. Their edges are quantiles of the
        scores, exact where the rows are in memory; of a lazy frame, a relation or a file they are
        the closest of about 65,000 evenly spaced points (after two passes over the scores, for
        their range and for a histogram). The counts between edges are exact in either case. Edges
        that were taken from the data differ from part to part: give ``edges`` to tallies that
        will be added.

        Parameters
        ----------
        source : frame, relation, path or list of paths
            As in :meth:`Tally.from_frame`.
        y_true, y_score : str
            Names of the columns of labels and scores.
        sensitive_features : str, Bins, or list of them
            Names of the columns of sensitive features.
        bins : int, default=200
            Number of bins, at least 2; fewer where many scores are equal.
        edges : array-like of float, default=None
            Increasing edges of the bins, instead of quantiles.
        sample_weight : str, default=None
            Name of the column of sampling weights; rows of weight 0 don't move the quantiles.
        pos_label : label, default=None
            The positive class.
        missing : {"group", "raise"}, default="group"
            What happens to rows without a sensitive value (null or NaN).

        Returns
        -------
        ScoreTally

        Raises
        ------
        ValueError
            If scores are missing, or infinite and without ``edges``; or as
            :meth:`Tally.from_frame` does.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"y": [0, 1, 1], "s": [0.1, 0.2, 0.9], "sex": ["f", "f", "m"]})
        >>> tally = ScoreTally.from_frame(
        ...     frame, y_true="y", y_score="s", sensitive_features="sex", bins=2
        ... )
        >>> tally.edges.tolist(), tally.count.tolist()
        ([0.2], [[[1, 0], [0, 1]], [[0, 0], [0, 1]]])
        """
        table = open_table(source)
        keys = key_columns(sensitive_features)
        names = [y_true, y_score, *keys, *([] if sample_weight is None else [sample_weight])]
        table.check_columns(*names)
        if edges is None:
            found = _range_of_scores(table, y_score)
            edges = quantile_edges(table, y_score, bins, sample_weight, found)
        if table.is_eager:
            column = {name: table.native[name].to_native() for name in names}
            return cls.from_arrays(
                column[y_true],
                column[y_score],
                Groups.from_columns(table.native.to_native(), sensitive_features, missing=missing),
                edges=np.asarray(edges),
                sample_weight=None if sample_weight is None else column[sample_weight],
                pos_label=pos_label,
            )
        cuts = _check_edges(edges)
        binned = Key(y_score, table.number(y_score), bin_index(cuts.tolist(), closed="left"))
        values = [Key(y_true, table.column(y_true)), binned]
        cells = aggregate(table, values, sensitive_features, sample_weight)
        groups = cells.groups(sensitive_features, missing)
        (true,), classes = encode_labels((y_true, cells.values[0]))
        if (cells.values[1] < 0).any():
            raise ValueError("Input y_score contains NaN.")
        label, positive = _positives(true, classes, pos_label)
        codes = [groups.codes, label, cells.values[1]]
        sums = cells.add_up(codes, (groups.n_groups, 2, len(cuts) + 1))
        return cls(groups.labels, groups.names, (False, True), *sums, cuts, positive)

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

    def add_part(self, other: Self) -> Self:
        """Add a tally of other rows with the same edges and the same positive class."""
        if not np.array_equal(self.edges, other.edges):
            raise ValueError("tallies with different edges can't be added")
        if None not in (self.positive, other.positive) and self.positive != other.positive:
            raise ValueError(
                f"tallies whose positive classes are {self.positive!r} and {other.positive!r} "
                "can't be added: write the labels alike, and give both the same pos_label"
            )
        positive = other.positive if self.positive is None else self.positive
        return replace(super().add_part(other), positive=positive)


def _positives(
    codes: NDArray[np.integer], classes: tuple[Hashable, ...], pos_label: Any
) -> tuple[NDArray[np.int8], Hashable | None]:
    """Rows of the positive class, and the class itself."""
    place = positive_class(classes, pos_label)
    if place is None:
        return np.zeros(len(codes), dtype=np.int8), pos_label
    return (codes == place).astype(np.int8), classes[place]


def _range_of_scores(table: Table, y_score: str) -> NumberRange:
    found = number_range(table, y_score)
    if found.known < found.rows:
        raise ValueError("Input y_score contains NaN.")
    if not found.is_finite:
        raise ValueError("Input y_score contains infinity: give the edges of the bins yourself.")
    return found


def _make_edges(edges: int | ArrayLike, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isnan(scores).any():
        raise ValueError("Input y_score contains NaN.")
    if isinstance(edges, int | np.integer):
        if edges < 2:
            raise ValueError(f"edges must be at least 2 bins, got {edges}")
        if scores.min() < 0 or scores.max() > 1:
            raise ValueError("scores lie outside [0, 1]: give the edges of their bins yourself")
        return np.arange(1, edges) / edges
    return _check_edges(edges)


def _check_edges(edges: ArrayLike) -> NDArray[np.float64]:
    cuts = np.asarray(edges, dtype=np.float64)
    increasing = cuts.ndim == 1 and cuts.size > 0 and (np.diff(cuts) > 0).all()
    if not increasing or not np.isfinite(cuts).all():
        raise ValueError("edges must be strictly increasing and finite")
    return cuts
