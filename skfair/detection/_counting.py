"""Counts of columns against the label, group-by by group-by, whoever holds the rows."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair.criteria import ClassSums
from skfair.detection._counted import CountedFeature
from skfair.detection._features import (
    DATES,
    Feature,
    as_numbers,
    quantile_edges,
    shortest_between,
    why_too_many,
)
from skfair.detection._shapes import counted_shape, summed_shape
from skfair.groups import MISSING, Bins, Groups, Missing
from skfair.tally import (
    NumberSummary,
    Tally,
    TooManyValuesError,
    ValueCounts,
    check_few_values,
    count_values,
    summarise_numbers,
)

Column = str | Bins
Numbers = ValueCounts | NumberSummary

TOO_MANY = "more distinct values than a group-by may bring to memory are no groups"

_SLACK = 1e-3  # of the distance to the next edge, within which an edge may be rounded


@dataclass(frozen=True)
class Counted:
    """A column that has been counted: how to group by it, and its values' labels."""

    name: str
    by: Column
    labels: tuple[Hashable, ...]
    numbers: Numbers | None
    is_ordered: bool
    tally: Tally

    def feature(self, position: int) -> Feature:
        """Make a feature whose rows are the values, a row each."""
        groups = Groups(np.arange(len(self.labels)), self.labels, (self.name,))
        edges = tuple(self.by.edges) if isinstance(self.by, Bins) else None
        values = np.zeros(0) if self.is_ordered else None  # there are some
        return Feature(self.name, position, groups, values, edges)

    def shape(self, is_weighted: bool) -> dict[str, float]:
        """Skewness, p-value of normality and share of missing values."""
        shape = (np.nan, np.nan)
        if isinstance(self.numbers, NumberSummary):
            shape = summed_shape(self.numbers, is_weighted)
        elif self.numbers is not None:
            values, rows, weight = self.numbers
            shape = counted_shape(
                np.asarray(as_numbers(values)), rows.astype(float), weight if is_weighted else None
            )
        sums = self.tally.weight.sum(axis=(1, 2))
        lacking = np.array([str(label) == MISSING for label in self.labels])
        share = float(sums[lacking].sum() / sums.sum())
        return {"skewness": shape[0], "normality_pvalue": shape[1], "missing_share": share}


@dataclass(frozen=True)
class LabelCounter:
    """Counts columns of a source against its labels.

    Parameters
    ----------
    source : frame, relation, path or list of paths
    target : str
        Column of labels.
    sample_weight : str or None
        Column of weights.
    classes : tuple
        Labels that have rows.
    """

    source: Any
    target: str
    sample_weight: str | None
    classes: tuple[Hashable, ...]

    def tally(self, columns: Column | Sequence[Column], missing: Missing = "group") -> Tally:
        """Tally of the labels, as if they were predicted right, of values and classes with rows."""
        by: Any = [columns] if isinstance(columns, str | Bins) else list(columns)
        tally = Tally.from_frame(
            self.source,
            y_true=self.target,
            y_pred=self.target,
            sensitive_features=by,
            sample_weight=self.sample_weight,
            missing=missing,
        )
        kept = np.flatnonzero(tally.group_counts)
        places = np.array([tally.classes.index(c) for c in self.classes])
        part = np.ix_(kept, places, places)
        return replace(
            tally,
            labels=tuple(tally.labels[i] for i in kept),
            classes=self.classes,
            weight=tally.weight[part],
            weight2=tally.weight2[part],
            count=tally.count[part],
        )

    def read(self, column: Column, kind: str, n_bins: int) -> Counted | str:
        """Count a column, cut at quantiles if it is of many numbers, or say why it's left out."""
        if isinstance(column, Bins):
            return self._counted(str(column.column), column, None, is_ordered=True)
        if kind == "time":
            return DATES
        try:
            check_few_values(self.source, column)
            return self._read_values(column, kind, n_bins)
        except TooManyValuesError:
            return self._read_bins(column, n_bins) if kind == "number" else TOO_MANY

    def _read_values(self, column: str, kind: str, n_bins: int) -> Counted | str:
        found = None
        if kind in ("number", "object"):
            found = count_values(self.source, column, sample_weight=self.sample_weight)
            numbers = as_numbers(found.values)
            if numbers is not None:
                edges = quantile_edges(numbers, column, n_bins, found.rows)
                by = column if edges is None else Bins(column, edges)
                return self._counted(column, by, found, is_ordered=True)
        counted = self._counted(column, column, None, is_ordered=False)
        lacking = np.array([label == MISSING for label in counted.labels])
        reason = why_too_many(
            int((~lacking).sum()), int(counted.tally.group_counts[~lacking].sum())
        )
        return counted if reason is None else reason

    def _read_bins(self, column: str, n_bins: int) -> Counted:
        """Count numbers of any number of distinct values by bins, with readable edges."""
        found = summarise_numbers(
            self.source, column, bins=n_bins, sample_weight=self.sample_weight
        )
        widths = np.diff(found.edges, append=found.edges[-1] + np.ptp(found.edges))
        rounded = (
            shortest_between(low, low + _SLACK * width)
            for low, width in zip(found.edges, widths, strict=True)
        )
        edges = sorted({float(f"{edge:.15g}") for edge in rounded})  # labels show as many digits
        return self._counted(column, Bins(column, edges), found, is_ordered=True)

    def _counted(
        self, name: str, by: Column, numbers: Numbers | None, *, is_ordered: bool
    ) -> Counted:
        tally = self.tally(by)
        return Counted(name, by, tally.labels, numbers, is_ordered, tally)

    def count(self, column: Counted, position: int, control: Sequence[Counted]) -> CountedFeature:
        """Count a column by value and class, within each combination of control columns."""
        if control:
            crossed = self.tally([*(c.by for c in control), column.by])
            sums = levels_of(crossed, [*(c.labels for c in control), column.labels])
            n_levels = math.prod(len(c.labels) for c in control)
            shape = (n_levels, len(column.labels), len(self.classes))
            arrays = [array.reshape(shape) for array in sums]
            known = np.flatnonzero(arrays[2].sum(axis=(1, 2)))
            levels = ClassSums(*(array[known] for array in arrays))
        else:
            levels = ClassSums(*(array[None] for array in _diagonal(column.tally)))
        shape_of_column = column.shape(self.sample_weight is not None)
        return CountedFeature(column.feature(position), levels, shape_of_column)


def levels_of(tally: Tally, axes: Sequence[Sequence[Hashable]]) -> ClassSums:
    """Lay sums by class out on the product of the values of each of a tally's features."""
    places = [{label: i for i, label in enumerate(axis)} for axis in axes]
    cells = np.array(
        [
            [known[value] for known, value in zip(places, _values(label, tally), strict=True)]
            for label in tally.labels
        ],
        dtype=np.intp,
    )
    sums = []
    for array in _diagonal(tally):
        out = np.zeros((*(len(axis) for axis in axes), array.shape[1]))
        out[tuple(cells.T)] = array
        sums.append(out)
    return ClassSums(*sums)


def _values(label: Any, tally: Tally) -> tuple[Any, ...]:
    return label if len(tally.names) > 1 else (label,)


def _diagonal(tally: Tally) -> list[NDArray[np.float64]]:
    """Sum by group and class."""
    parts = (tally.weight, tally.weight2, tally.count)
    return [np.diagonal(part, axis1=1, axis2=2).astype(np.float64) for part in parts]
