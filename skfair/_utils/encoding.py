"""From values to small integer codes: one encoder for groups and for class labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_SMALL_RANGE = 1024


def factorize(values: Any) -> tuple[NDArray[np.integer], list[Any]]:
    """Codes and distinct values, sorted; code -1 marks a missing value (None, NaN, NA, NaT).

    Parameters
    ----------
    values : ndarray, pandas array or Series of shape (n,)

    Returns
    -------
    codes : ndarray of shape (n,)
        Positions in ``uniques``, in the smallest signed integer type that holds them.
    uniques : list
        Distinct values as plain Python objects, sorted (an ordered categorical keeps its own
        order). Values of types that don't compare are sorted by type and text.

    Examples
    --------
    >>> codes, uniques = factorize(np.array(["b", "a", None, "b"], dtype=object))
    >>> codes.tolist(), uniques
    ([1, 0, -1, 1], ['a', 'b'])
    """
    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        return _factorize_categorical(pd.Categorical(values))
    if isinstance(values, np.ndarray) and values.dtype.kind in "biu":
        small = _factorize_small_integers(values)
        if small is not None:
            return small
    codes, found = pd.factorize(values)
    return _sort(codes, [_plain(value) for value in found])


def smallest_codes(codes: NDArray[Any], n: int) -> NDArray[np.integer]:
    """Cast codes below ``n`` (and -1) to the smallest signed integer type that holds them.

    Examples
    --------
    >>> smallest_codes(np.array([0, 1]), 2).dtype
    dtype('int8')
    """
    dtype: type[np.signedinteger] = np.int64
    for candidate in (np.int8, np.int16, np.int32):
        if n <= np.iinfo(candidate).max:
            dtype = candidate
            break
    return codes.astype(dtype, copy=False)


def sort_labels(values: Iterable[Any]) -> list[Any]:
    """Sort labels; those of types that don't compare are sorted by type and text.

    Examples
    --------
    >>> sort_labels({10, 9}), sort_labels(["b", 10, 9])
    ([9, 10], [10, 9, 'b'])
    """
    listed = list(values)
    return [listed[i] for i in _order(listed)]


def _factorize_categorical(values: pd.Categorical) -> tuple[NDArray[np.integer], list[Any]]:
    codes = np.asarray(values.codes)
    present = np.zeros(len(values.categories) + 1, dtype=bool)
    present[codes] = True  # -1 lands on the spare last place
    kept = np.flatnonzero(present[:-1])
    labels = [_plain(values.categories[i]) for i in kept]
    if len(kept) < len(values.categories):
        lookup = np.full(len(present), -1)
        lookup[kept] = np.arange(len(kept))
        codes = lookup[codes]
    if values.ordered:
        return smallest_codes(codes, len(labels)), labels
    return _sort(codes, labels)


def _factorize_small_integers(
    values: NDArray[Any],
) -> tuple[NDArray[np.integer], list[Any]] | None:
    if values.size == 0:
        return values.astype(np.int8), []
    low, high = (0, 1) if values.dtype == bool else (values.min().item(), values.max().item())
    if high - low >= _SMALL_RANGE or high > np.iinfo(np.int64).max:
        return None
    shifted: Any = values.astype(np.int8 if low >= 0 and high <= 127 else np.int64)
    if low != 0:
        shifted -= shifted.dtype.type(low)
    present = np.bincount(shifted, minlength=high - low + 1) > 0
    uniques = (np.flatnonzero(present) + low).astype(values.dtype).tolist()
    if not present.all():
        shifted = smallest_codes(np.cumsum(present) - 1, len(uniques))[shifted]
    return smallest_codes(shifted, len(uniques)), uniques


def _sort(codes: NDArray[Any], values: list[Any]) -> tuple[NDArray[np.integer], list[Any]]:
    order = _order(values)
    if order == list(range(len(values))):
        return smallest_codes(codes, len(values)), values
    lookup = np.full(len(values) + 1, -1)
    lookup[order] = np.arange(len(values))
    return smallest_codes(lookup, len(values))[codes], [values[i] for i in order]


def _order(values: list[Any]) -> list[int]:
    try:
        return sorted(range(len(values)), key=values.__getitem__)
    except TypeError:
        return sorted(range(len(values)), key=lambda i: (type(values[i]).__name__, str(values[i])))


def _plain(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return pd.Timestamp(value)
    return value.item() if isinstance(value, np.generic) else value
