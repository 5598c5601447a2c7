"""Which values are black and white: by what the user says, by type, or by the values."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGEST = {"b": 1.0, "u1": 255.0, "u2": 65535.0}
_BEYOND = 0.1  # of the pixels of an array, by more than this part of the range
_MOST_LOOKED_AT = 200


def find_range(items: Any) -> tuple[float, float] | None:
    """Find black and white of all arrays together; None where their types tell it."""
    if len(getattr(items, "shape", ())) > 1 and type_range(np.asarray(items[0]).dtype) is not None:
        return None
    low, high, is_whole, is_needed = np.inf, -np.inf, True, False
    for values in _arrays(items):
        if type_range(values.dtype) is not None:
            continue
        if values.dtype.kind not in "iuf":
            raise ValueError(f"images hold numbers, got an array of type {values.dtype}")
        is_needed, is_whole = True, is_whole and values.dtype.kind != "f"
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if not is_needed or (low >= 0 and high <= 1):
        return (0.0, 1.0) if is_needed else None
    if low >= 0 and is_whole and high <= _LARGEST["u2"]:
        return 0.0, _LARGEST["u1"] if high <= _LARGEST["u1"] else _LARGEST["u2"]
    return min(low, 0.0), max(high, low + 1.0)


def refuse_if_beyond(items: Any, value_range: tuple[float, float]) -> None:
    """Refuse a range that most arrays aren't in; a few pixels beyond it count as black or white."""
    black, white = value_range
    margin = _BEYOND * (white - black)
    n_arrays = n_beyond = 0
    least, greatest = np.inf, -np.inf
    rows = np.unique(np.linspace(0, len(items) - 1, _MOST_LOOKED_AT).astype(int)).tolist()
    for values in _arrays(items[row] for row in rows):
        finite = values[np.isfinite(values)] if values.dtype.kind in "biuf" else values[:0]
        if finite.size:
            n_arrays += 1
            beyond = (finite < black - margin) | (finite > white + margin)
            n_beyond += bool(beyond.mean() > _BEYOND)
            least, greatest = min(least, float(finite.min())), max(greatest, float(finite.max()))
    if 2 * n_beyond > n_arrays:
        raise ValueError(
            f"value_range must be (black, white) of the arrays, whose values go from {least:g} to "
            f"{greatest:g}; got {value_range!r}"
        )


def _arrays(items: Any) -> Iterator[NDArray[Any]]:
    """Give the items that are arrays, and no files, images of Pillow or missing ones."""
    for item in items:
        no_array = item is None or isinstance(item, str | os.PathLike | float)
        if not no_array and not hasattr(item, "getexif"):
            yield np.asarray(item)


def type_range(dtype: np.dtype[Any]) -> tuple[float, float] | None:
    """Black and white of a type; None of floats and of signed or large integers."""
    largest = _LARGEST.get("b" if dtype.kind == "b" else f"{dtype.kind}{dtype.itemsize}")
    return None if largest is None else (0.0, largest)


def to_unit(values: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Bring values to black 0 and white 1."""
    if low == 0 and high == 1:
        return values.astype(np.float32)
    exact = values.astype(np.result_type(values.dtype, np.float32))
    return ((exact - exact.dtype.type(low)) / exact.dtype.type(high - low)).astype(np.float32)
