"""Keys of predictions: those that wait for their labels, and those that have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.validation import as_column, check_same_length

_KEYS = (str, int, float, np.integer, np.floating)


@dataclass
class Known:
    """Keys that have a label, until their window has matured, and those of the latest batch.

    Parameters
    ----------
    most : int
        So many are remembered at most; then the oldest are forgotten.
    windows : dict
        Window of each key that has a label.
    latest : set
        Keys of the latest batch: one that is sent again is known by them, however old it is.
    oldest : int or None
        The first window in ``windows``, or one before it.

    Examples
    --------
    >>> known = Known(10)
    >>> known.add({"a": 0, "b": 1})
    >>> known.expire(0)
    >>> known.has(np.array(["a", "b"], dtype=object))
    array([False,  True])
    """

    most: int
    windows: dict[Any, int] = field(default_factory=dict)
    latest: set[Any] = field(default_factory=set)
    oldest: int | None = None

    def has(self, keys: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Tell which keys have a label."""
        return np.array([key in self.windows for key in keys], dtype=bool)

    def came(self, keys: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Tell which keys have a label or were in the latest batch."""
        return self.has(keys) | np.array([key in self.latest for key in keys], dtype=bool)

    def add(self, windows: Mapping[Any, int]) -> None:
        """Add keys with their windows."""
        self.windows.update(windows)
        if windows:
            first = min(windows.values())
            self.oldest = first if self.oldest is None else min(self.oldest, first)
        if len(self.windows) > self.most:
            pairs = sorted(self.windows.items(), key=lambda pair: pair[1])
            self.windows = dict(pairs[-self.most :])

    def expire(self, last: int | None) -> None:
        """Forget keys of windows up to the last that has matured."""
        if last is not None and self.oldest is not None and self.oldest <= last:
            self.windows = {key: w for key, w in self.windows.items() if w > last}
            self.oldest = min(self.windows.values(), default=None)


@dataclass
class Waiting:
    """Keys, windows and codes of predictions without a label.

    Parameters
    ----------
    most : int
        So many wait at most; then the oldest are given up.
    """

    most: int
    keys: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, dtype=object))
    windows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    groups: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    pred: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    slices: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
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
    ) -> int:
        """Add predictions whose keys don't wait yet; gives how many were given up for them."""
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
        beyond = max(len(self) - self.most, 0)
        if beyond:
            order = np.argsort(self.windows, kind="stable")[beyond:]
            self.keep(np.isin(np.arange(len(self)), order))
        return beyond

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

    Raises
    ------
    ValueError
        If keys are neither text nor numbers.

    Examples
    --------
    >>> read_keys(pd.Series(["a", None]), 2).tolist()
    ['a', None]
    """
    column = pd.Series(as_column(keys, "keys"))
    check_same_length(batch=range(n), keys=column)
    found: NDArray[np.object_] = column.to_numpy(dtype=object, copy=True)
    found[column.isna().to_numpy()] = None
    kinds = {type(key) for key in found} - {type(None)}
    others = [kind for kind in kinds if not issubclass(kind, _KEYS) or issubclass(kind, bool)]
    if others:
        names = sorted(kind.__name__ for kind in others)
        raise ValueError(
            f"keys must be text or numbers, which a file can hold, got {listed(names)}: convert "
            "them by str, say"
        )
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
