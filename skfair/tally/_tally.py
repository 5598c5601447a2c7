"""Tally: how many rows of each group lie in each (y_true, y_pred) cell."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.validation import check_same_length, check_weights, encode_labels, positive_class
from skfair.groups import ColumnSpec, Groups, Missing, as_label
from skfair.tally._base import CellTally
from skfair.tally._cells import one_against_rest
from skfair.tally._frame import AggregatedCells, Key, aggregate
from skfair.tally._kernel import count_cells
from skfair.tally._saving import Saved
from skfair.tally._sources import open_table


@dataclass(frozen=True, eq=False, repr=False)
class Tally(CellTally, Saved):
    """For each group, the weighted sum of rows in each (y_true, y_pred) cell.

    Tallies of parts add up (``+``, ``sum``) to the tally of the whole, also where the parts know
    different groups or classes, so the same object serves arrays, data frames and streams.

    Parameters
    ----------
    labels : tuple
        Labels of the G groups.
    names : tuple of str
        Names of the sensitive features.
    classes : tuple
        The C classes, sorted.
    weight, weight2 : ndarray of float of shape (G, C, C)
        Sums of weights and of squared weights, by group, y_true and y_pred.
    count : ndarray of int of shape (G, C, C)
        Numbers of rows. A row of weight 0 makes its group and classes known and counts as none.
    has_labels : bool, default=True
        Without, predictions alone were counted, each as its own label. Selection rates can be
        measured; what needs labels is refused.

    Examples
    --------
    >>> tally = Tally.from_arrays([0, 1, 1, 0], [0, 1, 0, 1], ["f", "f", "m", "m"])
    >>> tally.cells()  # tn, fp, fn, tp
    array([[1., 0., 0., 1.],
           [0., 1., 1., 0.]])
    >>> more = Tally.from_arrays([1], [1], ["x"])
    >>> (tally + more).labels
    ('f', 'm', 'x')
    """

    has_labels: bool = True

    @property
    def _axes(self) -> tuple[tuple[Hashable, ...], ...]:
        return (self.classes, self.classes)

    @classmethod
    def from_arrays(
        cls,
        y_true: Any,
        y_pred: Any,
        sensitive_features: Any,
        *,
        sample_weight: Any = None,
        missing: Missing = "group",
    ) -> Tally:
        """Count arrays.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n,)
            Labels and predicted labels of any type.
        sensitive_features : array-like of shape (n,) or (n, k), or Groups
            What :meth:`skfair.groups.Groups.read` takes.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.
        missing : {"group", "raise"}, default="group"
            What happens to rows without a sensitive value.

        Returns
        -------
        Tally

        Raises
        ------
        ValueError
            If lengths differ, or labels or weights are missing.
        """
        given = {"y_true": y_true, "y_pred": y_pred}
        return cls._count(given, sensitive_features, sample_weight, missing)

    @classmethod
    def from_predictions(
        cls,
        y_pred: Any,
        sensitive_features: Any,
        *,
        sample_weight: Any = None,
        missing: Missing = "group",
    ) -> Tally:
        """Count predictions whose labels aren't known, which give selection rates.

        Parameters
        ----------
        y_pred : array-like of shape (n,)
            Predicted labels of any type.
        sensitive_features, sample_weight, missing
            As in :meth:`from_arrays`.

        Returns
        -------
        Tally
            With ``has_labels`` False, so that what needs labels is refused.

        Examples
        --------
        >>> from skfair.metrics import MetricFrame, selection_rate
        >>> tally = Tally.from_predictions([0, 1, 1, 1], ["f", "f", "m", "m"])
        >>> MetricFrame.from_tally(tally, metrics=selection_rate).by_group.tolist()
        [0.5, 1.0]
        """
        return cls._count({"y_pred": y_pred}, sensitive_features, sample_weight, missing)

    @classmethod
    def _count(
        cls, given: dict[str, Any], sensitive_features: Any, sample_weight: Any, missing: Missing
    ) -> Tally:
        """Count labels and predictions, or predictions alone."""
        groups = Groups.read(sensitive_features, missing=missing)
        codes, classes = encode_labels(*given.items())
        check_same_length(**dict(zip(given, codes, strict=True)), sensitive_features=groups)
        weights = check_weights(sample_weight, len(codes[0]))
        shape = (groups.n_groups, len(classes), len(classes))
        sums = count_cells([groups.codes, codes[0], codes[-1]], shape, weights)
        return cls(groups.labels, groups.names, classes, *sums, has_labels=len(given) == 2)

    @classmethod
    def from_frame(
        cls,
        source: Any,
        *,
        y_true: str | None,
        y_pred: str,
        sensitive_features: ColumnSpec,
        sample_weight: str | None = None,
        missing: Missing = "group",
    ) -> Tally:
        """Count columns of a frame, a relation or Parquet files with one group-by.

        The engine that holds the rows counts them; only the cells come to memory, so the rows
        need not fit. The tally is that of :meth:`from_arrays` of the same rows.

        Parameters
        ----------
        source : frame, relation, path or list of paths
            Any eager or lazy frame or relation that narwhals knows (pandas, polars, pyarrow,
            DuckDB, Dask, PySpark), or the path of a Parquet file, of a folder of such, a pattern
            (``"part-*.parquet"``), or a list of paths. Paths are read by DuckDB, or by polars
            where only that is installed (``pip install "skfair[data]"``).
        y_true, y_pred : str
            Names of the columns of labels and predictions. ``y_true`` None: predictions without
            labels.
        sensitive_features : str, Bins, or list of them
            Names of the columns of sensitive features.
        sample_weight : str, default=None
            Name of the column of sampling weights.
        missing : {"group", "raise"}, default="group"
            What happens to rows without a sensitive value (null or NaN).

        Returns
        -------
        Tally

        Raises
        ------
        ValueError
            If there are no rows, a column is not there, labels or weights are missing, or the
            columns have more than about a million distinct combinations of values.
        TypeError
            If the source is no frame and no path, or a column is not given by name.

        Examples
        --------
        >>> frame = pd.DataFrame({"y": [0, 1], "p": [1, 1], "sex": ["f", "m"]})
        >>> Tally.from_frame(frame, y_true="y", y_pred="p", sensitive_features="sex").cells()
        array([[0., 1., 0., 0.],
               [0., 0., 0., 1.]])
        """
        table = open_table(source)
        named = named_labels(y_true, y_pred)
        table.check_columns(*named)
        values = [Key(name, table.column(name)) for name in named]
        cells = aggregate(table, values, sensitive_features, sample_weight)
        return tally_of_cells(cells, named, sensitive_features, missing)

    def check_labels(self, what: str) -> None:
        """Raise ValueError if predictions alone were counted.

        Parameters
        ----------
        what : str
            What needs them, for the message.
        """
        if not self.has_labels:
            raise ValueError(
                f"{what} can't be had without labels, and the tally holds predictions alone"
            )

    def cells(self, pos_label: Any = None) -> NDArray[np.float64]:
        """Weighted sums of true negatives, false positives, false negatives, true positives.

        Of predictions without labels each counts as right: then only the sums of those that are
        called positive, and of the others, mean something.

        Parameters
        ----------
        pos_label : label, default=None
            The positive class, not needed for {0, 1}, {-1, 1} and booleans. With more than two
            classes that class is measured against the rest.

        Returns
        -------
        cells : ndarray of float of shape (n_groups, 4)
            In the order tn, fp, fn, tp.

        Raises
        ------
        ValueError
            If the positive class can't be told.
        """
        return one_against_rest(self.weight, positive_class(self.classes, pos_label))

    def cells_by_class(self) -> NDArray[np.float64]:
        """Cells of every class against the rest, of shape (n_classes, n_groups, 4)."""
        self.check_labels("cells of every class")
        return np.stack([one_against_rest(self.weight, k) for k in range(len(self.classes))])

    def resampled_cells(
        self, n_replicates: int, *, pos_label: Any = None, random_state: Any = None
    ) -> NDArray[np.float64]:
        """Cells of bootstrap replicates, of shape (n_replicates, n_groups, 4).

        Parameters
        ----------
        n_replicates : int
            Number of replicates.
        pos_label : label, default=None
            As in :meth:`cells`.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the draws.

        Examples
        --------
        >>> from skfair.criteria import RATES, between
        >>> tally = Tally.from_arrays([1] * 200, [0, 1] * 60 + [1] * 80, ["f"] * 120 + ["m"] * 80)
        >>> rates = RATES["selection_rate"](tally.resampled_cells(1000, random_state=0))
        >>> np.quantile(between(rates, 0)[:, 1], [0.025, 0.975]).round(1)
        array([0.4, 0.6])
        """
        weight = self.resample(n_replicates, random_state=random_state)
        return one_against_rest(weight, positive_class(self.classes, pos_label))

    def drop_groups(self, labels: Iterable[Hashable]) -> Tally:
        """Tally without some groups.

        Parameters
        ----------
        labels : list of labels
            The groups to drop.

        Raises
        ------
        ValueError
            If there is no group of that label.
        """
        given = [labels] if isinstance(labels, str) else list(labels)
        labels = [as_label(label) for label in given]
        unknown = [label for label in labels if label not in self.labels]
        if unknown:
            raise ValueError(f"no groups {listed(unknown)}; there are {listed(self.labels)}")
        kept = [i for i, label in enumerate(self.labels) if label not in labels]
        return replace(
            self,
            labels=tuple(self.labels[i] for i in kept),
            weight=self.weight[kept],
            weight2=self.weight2[kept],
            count=self.count[kept],
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a cell: group, y_true (if there are labels), y_pred, weight, weight2, count.

        Raises
        ------
        ValueError
            If a sensitive feature bears one of these names.
        """
        taken = set(self.names) & {"y_true", "y_pred", "weight", "weight2", "count"}
        if taken:
            raise ValueError(f"rename the sensitive features {sorted(taken)}: the table has such")
        groups = self.index.to_frame(index=False)
        places = [axis.ravel() for axis in np.indices(self.count.shape)]
        frame = groups.take(places[0]).reset_index(drop=True)
        classes = np.array(self.classes, dtype=object)
        frame = frame.assign(
            y_true=classes[places[1]],
            y_pred=classes[places[2]],
            weight=self.weight.ravel(),
            weight2=self.weight2.ravel(),
            count=self.count.ravel(),
        )
        if self.has_labels:
            return frame
        return frame[places[1] == places[2]].drop(columns="y_true").reset_index(drop=True)


def named_labels(y_true: str | None, y_pred: str) -> tuple[str, ...]:
    """Name the columns of labels and predictions, or of predictions alone."""
    return (y_pred,) if y_true is None else (y_true, y_pred)


def tally_of_cells(
    cells: AggregatedCells,
    names: tuple[str, ...],
    sensitive_features: ColumnSpec,
    missing: Missing,
) -> Tally:
    """Tally of distinct combinations of values, y_true and y_pred first, that are counted already.

    Parameters
    ----------
    cells : AggregatedCells
    names : tuple of str
        What y_true and y_pred, or y_pred alone, are called.
    sensitive_features, missing
        As in :meth:`Tally.from_frame`.
    """
    groups = cells.groups(sensitive_features, missing)
    codes, classes = encode_labels(*zip(names, cells.values[: len(names)], strict=True))
    shape = (groups.n_groups, len(classes), len(classes))
    sums = cells.add_up([groups.codes, codes[0], codes[-1]], shape)
    return Tally(groups.labels, groups.names, classes, *sums, len(names) == 2)
