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
from skfair._utils.text import listed
from skfair._utils.validation import as_column, check_same_length
from skfair.base import column_names
from skfair.groups import Groups
from skfair.tally import Tally, count_cells

ALL = "all"
"""Name of the slice of all rows."""

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
    """Distinct labels of a reference, with the positive one.

    Raises
    ------
    ValueError
        If strings and numbers are mixed.

    Examples
    --------
    >>> find_classes(["no", None], ["yes", "no"], None)
    ('no', 'yes')
    """
    found = set(factorize(as_column(y_pred, "y_pred"))[1])
    if y_true is not None:
        found |= set(factorize(as_column(y_true, "y_true"))[1])
    found |= set() if pos_label is None else {pos_label}
    if len({isinstance(value, str) for value in found}) > 1:
        raise ValueError(f"labels mix strings and numbers: {listed(sort_labels(found))}")
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
    """Timestamps, where a text names a column of a frame or else is one moment for all rows."""
    if isinstance(timestamps, str) and is_frame(batch) and timestamps in column_names(batch):
        return select_column(batch, timestamps)[1]
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
            mask = np.asarray(rule(table))
            if mask.shape != (n,) or mask.dtype != bool:
                raise ValueError(
                    f"slice {name!r} must give one boolean a row, got {mask.dtype} {mask.shape}"
                )
        else:
            mask = np.ones(n, dtype=bool)
            for column, values in rule.items():
                wanted = values if isinstance(values, list | tuple | set) else [values]
                found = pd.Series(select_column(_as_table(table), column)[1])
                mask &= found.isin(list(wanted)).to_numpy(dtype=bool)
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


def tally_windows(
    windows: NDArray[np.int64],
    groups: Groups,
    true: NDArray[np.integer],
    pred: NDArray[np.integer],
    classes: tuple[Hashable, ...],
) -> dict[int, Tally]:
    """Count rows by window: one tally each, from one pass.

    Examples
    --------
    >>> codes = np.array([0, 1, 1])
    >>> found = tally_windows(np.array([7, 7, 9]), Groups.read(list("ffm")), codes, codes, (0, 1))
    >>> {window: tally.labels for window, tally in found.items()}
    {7: ('f',), 9: ('m',)}
    """
    if not len(windows):
        return {}
    places, known = _rank(windows)
    shape = (len(known), groups.n_groups, len(classes), len(classes))
    count = count_cells([places, groups.codes, true, pred], shape)[2]
    return {int(w): _tally(groups, classes, count[i]) for i, w in enumerate(known)}


def _tally(groups: Groups, classes: tuple[Hashable, ...], count: NDArray[np.int64]) -> Tally:
    kept = np.flatnonzero(count.any(axis=(1, 2)))
    weight = count[kept].astype(np.float64)
    labels = tuple(groups.labels[i] for i in kept)
    return Tally(labels, groups.names, classes, weight, weight, count[kept])


def _rank(windows: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Places among the distinct windows, without sorting the rows."""
    low, high = int(windows.min()), int(windows.max())
    if high - low > 1_000_000:
        known, places = np.unique(windows, return_inverse=True)
        return places, known
    present = np.zeros(high - low + 1, dtype=bool)
    present[windows - low] = True
    lookup = np.cumsum(present) - 1
    return lookup[windows - low], np.flatnonzero(present) + low


def count_bins(
    windows: NDArray[np.int64],
    groups: NDArray[np.integer],
    bins: NDArray[np.intp],
    shape: tuple[int, int],
) -> dict[int, NDArray[np.int64]]:
    """Count rows by window, group and bin; rows of group -1 are left out."""
    kept = groups >= 0
    if not kept.any():
        return {}
    places, known = _rank(windows[kept])
    count = count_cells([places, groups[kept], bins[kept]], (len(known), *shape))[2]
    return {int(w): count[i] for i, w in enumerate(known)}


def by_feature(tally: Tally, feature: int | None) -> Tally:
    """Tally by one of its sensitive features alone; None: by all of them.

    Examples
    --------
    >>> groups = {"sex": ["f", "m", "f"], "site": ["x", "x", "y"]}
    >>> by_feature(Tally.from_arrays([1, 0, 1], [1, 1, 0], groups), 0).group_counts.tolist()
    [2, 1]
    """
    if feature is None or len(tally.names) == 1 or tally.n_groups == 0:
        return tally
    alone = Groups(np.arange(tally.n_groups), tally.labels, tally.names).split()[feature]
    sums = [np.zeros((alone.n_groups, *x.shape[1:]), x.dtype) for x in (tally.weight, tally.count)]
    for total, part in zip(sums, (tally.weight, tally.count), strict=True):
        np.add.at(total, alone.codes, part)
    return Tally(alone.labels, alone.names, tally.classes, sums[0], sums[0], sums[1])


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
