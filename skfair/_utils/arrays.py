"""The little that numpy arrays and torch tensors do differently."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def namespace(array: Any) -> Any:
    """Return ``torch`` for a tensor and ``numpy`` for everything else; torch is never imported.

    Examples
    --------
    >>> namespace([1, 2]).__name__
    'numpy'
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return torch
    return np


def as_float(array: Any) -> Any:
    """Return a floating tensor as it is, anything else as a float64 array or a floating tensor."""
    xp = namespace(array)
    if xp is np:
        return np.asarray(array, dtype=np.float64)
    return array if array.is_floating_point() else array.to(xp.float64)


def divide(numerator: Any, denominator: Any) -> Any:
    """Divide elementwise; 0/0 and x/0 are NaN, silently and with finite gradients elsewhere."""
    xp = namespace(denominator)
    defined = denominator != 0
    safe = xp.where(defined, denominator, 1)
    return xp.where(defined, numerator / safe, float("nan"))


def nan_max(array: Any) -> Any:
    """Maximum over the last axis that leaves NaN out (NaN where all are NaN)."""
    xp = namespace(array)
    low = xp.full_like(array, -float("inf"))
    found = xp.amax(xp.where(xp.isnan(array), low, array), axis=-1)
    return xp.where(n_defined(array) == 0, xp.full_like(found, float("nan")), found)


def nan_min(array: Any) -> Any:
    """Minimum over the last axis that leaves NaN out (NaN where all are NaN)."""
    return -nan_max(-array)


def n_defined(array: Any) -> Any:
    """Count the values over the last axis that are not NaN."""
    return (~namespace(array).isnan(array)).sum(-1)
