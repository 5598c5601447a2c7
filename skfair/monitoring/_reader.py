"""Reads what a monitor is given, in the same way at fit and later."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import select_column
from skfair._utils.validation import as_column
from skfair.base import read_groups, to_plain
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.monitoring._batch import (
    ALL,
    FEEDBACK,
    Batch,
    Slice,
    find_classes,
    length_of,
    read_batch,
    read_column,
    read_slices,
)
from skfair.monitoring._columns import WatchedColumn

SCORE = "score"
"""Name of the watched column of scores."""


@dataclass(frozen=True)
class Reader:
    """How batches are read.

    Parameters
    ----------
    sensitive_features, missing, slices, watch
        Parameters of the monitor.
    named : dict of str to str
        Columns that were named at fit.
    names : tuple of str
        Names of the sensitive features, once they are known.
    classes : tuple
    columns : tuple of WatchedColumn
        Those of ``watch``, then the score, if it was given at fit.
    """

    sensitive_features: ColumnSpec | None
    missing: Missing
    slices: Mapping[str, Slice]
    watch: tuple[str | int, ...]
    named: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    classes: tuple[Hashable, ...] = ()
    columns: tuple[WatchedColumn, ...] = ()

    def learn(
        self, batch: Any, given: Mapping[str, Any], pos_label: Any, n_bins: int
    ) -> tuple[Reader, Batch]:
        """Read the reference, and fix classes, names and bins by it."""
        named = {name: value for name, value in given.items() if isinstance(value, str)}
        y_true, y_pred, y_score = (
            read_column(batch, given[name], None, name) for name in ("y_true", "y_pred", "y_score")
        )
        if y_pred is None:
            raise ValueError("y_pred is missing: give values, or the name of a column")
        groups = self._groups(batch, given["sensitive_features"], y_pred)
        values = self._watched(batch, y_score)
        columns = tuple(WatchedColumn.learn(name, x, n_bins) for name, x in values.items())
        classes = find_classes(y_true, y_pred, pos_label)
        for column in columns:
            check_plain(column.values, f"values of {column.name!r}")
        check_plain(groups.labels, "groups")
        check_plain(classes, "labels")
        reader = replace(self, named=named, names=groups.names, classes=classes, columns=columns)
        return reader, reader._batch(batch, given, groups, y_true, y_pred, values)

    def read(self, batch: Any, given: Mapping[str, Any]) -> Batch | None:
        """Read a batch; None if it has no rows."""
        y_true, y_pred, y_score = (
            read_column(batch, given[name], self.named.get(name), name)
            for name in ("y_true", "y_pred", "y_score")
        )
        known = [x for x in (batch, y_pred) if x is not None]
        if known and length_of(*known) == 0:
            return None
        if y_pred is None:
            name = self.named.get("y_pred")
            sought = "" if name is None else f" (at fit it was column {name!r})"
            raise ValueError(
                f"y_pred is missing{sought}: give values, or the name of a column of the batch"
            )
        groups = self._groups(batch, given["sensitive_features"], y_pred)
        groups = Groups(groups.codes, groups.labels, self._check_names(groups.names))
        values = self._watched(batch, y_score)
        return self._batch(batch, given, groups, y_true, y_pred, values)

    def _batch(
        self,
        batch: Any,
        given: Mapping[str, Any],
        groups: Groups,
        y_true: Any,
        y_pred: Any,
        values: Mapping[str, Any],
    ) -> Batch:
        lacking = [column.name for column in self.columns if column.name not in values]
        if lacking:
            raise ValueError(f"the batch lacks what the reference had: {lacking}")
        slices = read_slices(self.slices, batch, given["sensitive_features"], len(groups))
        codes = [column.codes(values[column.name]) for column in self.columns]
        return read_batch(
            groups, y_true, y_pred, classes=self.classes, slices=slices, columns=codes
        )

    def _groups(self, batch: Any, sensitive_features: Any, y_pred: Any) -> Groups:
        rows = batch if batch is not None else as_column(y_pred, "y_pred")
        return read_groups(
            rows,
            sensitive_features,
            columns=self.sensitive_features,
            missing=self.missing,
            owner="FairnessMonitor",
        )

    def _check_names(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Names as at fit; values without a name are taken in the order that they had there."""
        if names == self.names:
            return names
        unnamed = tuple(f"sensitive_feature_{i}" for i in range(len(names)))
        if len(names) == len(self.names) and unnamed in (names, self.names):
            return self.names
        raise ValueError(
            f"sensitive features are {list(names)}, and were {list(self.names)} at fit"
        )

    def _watched(self, batch: Any, y_score: Any) -> dict[str, Any]:
        if self.watch and batch is None:
            raise ValueError("watch= names columns: pass the batch as the first argument")
        pairs = [select_column(batch, column) for column in self.watch]
        found = {str(name): _plain(values) for name, values in pairs}
        if y_score is not None:
            found[SCORE] = as_column(y_score, "y_score")
        return found


def _plain(values: Any) -> Any:
    return values if isinstance(values, np.ndarray) else np.asarray(values)


def known_keys(keys: NDArray[np.object_], waiting: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark rows whose key waits already or came before in the batch; None is no key.

    Examples
    --------
    >>> keys = np.array(["a", "b", "a", None, None], dtype=object)
    >>> known_keys(keys, np.array([False, True, False, False, False]))
    array([False,  True,  True, False, False])
    """
    repeated = pd.Series(keys).duplicated().to_numpy()
    lacking = np.array([key is None for key in keys], dtype=bool)
    return (repeated | waiting) & ~lacking


def as_given(
    y_true: Any = None, y_pred: Any = None, sensitive_features: Any = None, y_score: Any = None
) -> dict[str, Any]:
    """Collect arguments under their names."""
    return {
        "y_true": y_true,
        "y_pred": y_pred,
        "sensitive_features": sensitive_features,
        "y_score": y_score,
    }


def check_plain(values: Iterable[Any], name: str) -> None:
    """Refuse what a saved monitor couldn't hold.

    Raises
    ------
    ValueError
        If a value is neither text nor a number nor a boolean.

    Examples
    --------
    >>> check_plain(["f", 1, ("m", True)], "groups")
    """
    try:
        for value in values:
            to_plain(value)
    except TypeError as error:
        raise ValueError(
            f"{name} must be text, numbers or booleans, which a file can hold: {error}; convert "
            "them by astype(str), say"
        ) from error


def blank_reader(params: Mapping[str, Any]) -> Reader:
    """Make a reader of a monitor's parameters that has seen no reference yet.

    Raises
    ------
    ValueError
        If a slice has a name that is taken.
    """
    slices, watch = dict(params["slices"] or {}), params["watch"]
    taken = [name for name in slices if name in (ALL, FEEDBACK) or not isinstance(name, str)]
    if taken:
        raise ValueError(f"slices need names other than {[ALL, FEEDBACK]}, got {taken}")
    watch = (watch,) if isinstance(watch, str | int) else tuple(watch)
    return Reader(params["sensitive_features"], params["missing"], slices, watch)
