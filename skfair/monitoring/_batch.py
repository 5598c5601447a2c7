"""What a user gives a monitor, as codes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import is_frame, n_rows, select_column
from skfair._utils.encoding import factorize, sort_labels
from skfair._utils.text import did_you_mean, listed
from skfair._utils.validation import as_column, check_same_length, positive_class
from skfair.base import column_names
from skfair.groups import Groups
from skfair.monitoring._windows import read_times
from skfair.tally import Tally

ALL = "all"
"""Name of the slice of all rows."""

FEEDBACK = "feedback"
"""Name of the slice of cases that people reported."""

Slice = Callable[[Any], Any] | Mapping[Any, Any]


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows as codes.

    Parameters
    ----------
    groups : Groups
    pred, true : ndarray of int of shape (n,)
        Places of predictions and labels among the classes; -1 where there is no label yet.
    slices : ndarray of bool of shape (n, n_slices)
    columns : tuple of ndarray of int of shape (n,)
        Bins of the watched columns.
    """

    groups: Groups
    pred: NDArray[np.integer]
    true: NDArray[np.integer]
    slices: NDArray[np.bool_]
    columns: tuple[NDArray[np.intp], ...] = ()

    def __len__(self) -> int:
        return len(self.pred)

    def take(self, rows: NDArray[np.bool_]) -> Batch:
        """Take some of the rows, by a mask."""
        groups = Groups(self.groups.codes[rows], self.groups.labels, self.groups.names)
        columns = tuple(column[rows] for column in self.columns)
        return Batch(groups, self.pred[rows], self.true[rows], self.slices[rows], columns)


def find_classes(y_true: Any, y_pred: Any, pos_label: Any) -> tuple[Hashable, ...]:
    """Distinct labels of a reference, with the positive one where it has a single label.

    Raises
    ------
    ValueError
        If strings and numbers are mixed, or the positive label is none of two or more.

    Examples
    --------
    >>> find_classes(["no", None], ["yes", "no"], None)
    ('no', 'yes')
    """
    found = set(factorize(as_column(y_pred, "y_pred"))[1])
    if y_true is not None:
        found |= set(factorize(as_column(y_true, "y_true"))[1])
    if len({isinstance(value, str) for value in found}) > 1:
        raise ValueError(f"labels mix strings and numbers: {listed(sort_labels(found))}")
    if pos_label is not None and positive_class(sort_labels(found), pos_label) is None:
        found |= {pos_label}
    if found <= {0, 1} or found <= {-1, 1}:
        found |= {1}
    return tuple(sort_labels(found))


def encode(
    values: Any, classes: Sequence[Hashable], name: str, *, missing: bool = False
) -> NDArray[np.integer]:
    """Places of labels among known classes; missing ones are -1 where they are allowed.

    Raises
    ------
    ValueError
        If a label is not among the classes, or missing.

    Examples
    --------
    >>> encode(["yes", None], ("no", "yes"), "y_true", missing=True).tolist()
    [1, -1]
    """
    codes, found = factorize(as_column(values, name))
    place = {label: i for i, label in enumerate(classes)}
    unseen = [value for value in found if value not in place]
    if unseen:
        raise ValueError(
            f"{name} has labels unseen at fit: {listed(unseen)}; seen: {listed(classes)}"
        )
    lookup = np.array(
        [*(place[value] for value in found), -1], dtype=np.int8 if len(place) < 128 else np.int64
    )
    if not missing and len(codes) and codes.min() < 0:
        raise ValueError(f"Input {name} contains NaN.")
    if (lookup[:-1] == np.arange(len(found))).all():
        return codes
    return lookup[codes]


def read_column(batch: Any, value: Any, remembered: str | None, name: str) -> Any:
    """Read a column that is given, or named, or was named at fit and is there.

    Raises
    ------
    ValueError
        If it is named, and there is no frame or no such column in it.
    """
    if value is None and remembered is not None and is_frame(batch):
        return select_column(batch, remembered)[1] if remembered in column_names(batch) else None
    if not isinstance(value, str):
        return value
    if not is_frame(batch):
        raise ValueError(
            f"{name}={value!r} names a column: pass a data frame as the first argument"
        )
    return select_column(batch, value)[1]


def read_moments(batch: Any, timestamps: Any) -> Any:
    """Timestamps, where a text names a column of a frame or else is one moment for all rows.

    Raises
    ------
    ValueError
        If a text is neither.
    """
    if not isinstance(timestamps, str) or not is_frame(batch):
        return timestamps
    names = column_names(batch)
    if timestamps in names:
        return select_column(batch, timestamps)[1]
    try:
        read_times(timestamps, 1)
    except ValueError as error:
        near = did_you_mean(timestamps, [name for name in names if isinstance(name, str)])
        raise ValueError(
            f"timestamps={timestamps!r} is no time and no column of the batch{near}; it has "
            f"{listed(names)}"
        ) from error
    return timestamps


def read_slices(
    slices: Mapping[str, Slice], batch: Any, sensitive_features: Any, n: int
) -> NDArray[np.bool_]:
    """Which rows lie in which slice.

    Raises
    ------
    ValueError
        If a slice gives no boolean a row.

    Examples
    --------
    >>> frame = pd.DataFrame({"region": ["n", "s"], "age": [20, 60]})
    >>> read_slices({"north": {"region": "n"}, "old": lambda X: X["age"] > 50}, frame, None, 2)
    array([[ True, False],
           [False,  True]])
    """
    table = batch if batch is not None else sensitive_features
    masks = np.zeros((n, len(slices)), dtype=bool)
    for j, (name, rule) in enumerate(slices.items()):
        if table is None:
            raise ValueError(
                f"slice {name!r} needs columns: pass a data frame as the first argument"
            )
        if callable(rule):
            found = rule(table)
            mask = np.asarray(found)
            if mask.shape != (n,) or mask.dtype != bool:
                raise ValueError(
                    f"slice {name!r} must give a Series or array with one boolean a row, got "
                    f"{type(found).__name__} of {mask.dtype} {mask.shape}"
                )
        else:
            mask = np.ones(n, dtype=bool)
            for column, values in rule.items():
                wanted = values if isinstance(values, list | tuple | set) else [values]
                series = pd.Series(select_column(_as_table(table), column)[1])
                mask &= series.isin(list(wanted)).to_numpy(dtype=bool)
        masks[:, j] = mask
    return masks


def _as_table(table: Any) -> Any:
    return pd.DataFrame(dict(table)) if isinstance(table, Mapping) else table


def read_batch(
    groups: Groups,
    y_true: Any,
    y_pred: Any,
    *,
    classes: Sequence[Hashable],
    slices: NDArray[np.bool_],
    columns: Sequence[NDArray[np.intp]] = (),
) -> Batch:
    """Encode labels and check lengths."""
    if y_pred is None:
        raise ValueError("y_pred is missing: give values, or the name of a column of the batch")
    pred = encode(y_pred, classes, "y_pred")
    true = np.full(len(pred), -1, dtype=np.int8)
    if y_true is not None:
        true = encode(y_true, classes, "y_true", missing=True)  # type: ignore[assignment]
    check_same_length(y_true=true, y_pred=pred, sensitive_features=groups, slices=slices)
    for column in columns:
        check_same_length(y_pred=pred, column=column)
    return Batch(groups, pred, true, slices, tuple(columns))


def check_unweighted(tally: Tally) -> Tally:
    """Refuse weights: the tests draw rows, and know no exact law of weighted ones."""
    if not (
        np.array_equal(tally.weight, tally.count) and np.array_equal(tally.weight2, tally.count)
    ):
        raise ValueError(
            "the tally is weighted: a monitor's tests count rows, and with sampling weights their "
            "false-alarm probability would not hold; give rows without weights"
        )
    return tally


def length_of(*columns: Any) -> int:
    """Rows of the first thing that is there."""
    return next((n_rows(column) for column in columns if column is not None), 0)
