"""Predictions that wait for their labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.validation import as_column, check_same_length


@dataclass
class Waiting:
    """Keys, windows and codes of predictions without a label.

    Parameters
    ----------
    most : int
        So many wait at most; then the oldest are given up.
    dropped : int
        How many were.
    """

    most: int
    keys: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, dtype=object))
    windows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    groups: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    pred: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    slices: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
    dropped: int = 0
    _index: pd.Index | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def index(self) -> pd.Index:
        """Keys as an index."""
        if self._index is None:
            self._index = pd.Index(self.keys)
        return self._index

    def knows(self, keys: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Tell which keys wait already."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=bool)
        return self.index.get_indexer(pd.Index(keys)) >= 0

    def add(
        self,
        keys: NDArray[np.object_],
        windows: NDArray[np.int64],
        groups: NDArray[np.int64],
        pred: NDArray[np.int64],
        slices: NDArray[np.bool_],
    ) -> None:
        """Add predictions whose keys don't wait yet."""
        known = self.slices if len(self.keys) else slices[:0]
        parts = {
            "keys": (self.keys, keys),
            "windows": (self.windows, windows),
            "groups": (self.groups, groups),
            "pred": (self.pred, pred),
            "slices": (known, slices),
        }
        for name, (old, new) in parts.items():
            setattr(self, name, np.concatenate([old, new]))
        self._index = None
        if len(self) > self.most:
            self.dropped += len(self) - self.most
            order = np.argsort(self.windows, kind="stable")[len(self) - self.most :]
            self.keep(np.isin(np.arange(len(self)), order))

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Keep some of the rows, by a mask."""
        for name in ("keys", "windows", "groups", "pred", "slices"):
            setattr(self, name, getattr(self, name)[rows])
        self._index = None

    def expire(self, last: int | None) -> None:
        """Give up predictions of windows up to the last whose labels are due."""
        if last is not None and len(self) and (self.windows <= last).any():
            self.keep(self.windows > last)


def read_keys(keys: Any, n: int) -> NDArray[np.object_]:
    """Keys as plain objects, None where missing.

    Examples
    --------
    >>> read_keys(pd.Series(["a", None]), 2).tolist()
    ['a', None]
    """
    column = pd.Series(as_column(keys, "keys"))
    check_same_length(batch=range(n), keys=column)
    found: NDArray[np.object_] = column.to_numpy(dtype=object, copy=True)
    found[column.isna().to_numpy()] = None
    return found


def once(keys: NDArray[np.object_], labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark the first row of each key.

    Raises
    ------
    ValueError
        If a key has two labels.

    Examples
    --------
    >>> once(np.array(["a", "a", "b"], dtype=object), np.array([1, 1, 0]))
    array([ True, False,  True])
    """
    pairs = pd.DataFrame({"key": keys, "label": labels})
    first = ~pairs["key"].duplicated().to_numpy()
    clash = pairs.drop_duplicates()["key"]
    clash = clash[clash.duplicated()]
    if len(clash):
        raise ValueError(f"keys with two labels: {listed(clash.unique())}")
    return first
