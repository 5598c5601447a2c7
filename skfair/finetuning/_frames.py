"""Frames as numbers and words, for files that hold no code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def frame_parts(frame: pd.DataFrame) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
    """Take a frame apart: its columns of numbers, and in plain words the rest.

    Examples
    --------
    >>> frame = pd.DataFrame({"step": ["original", None], "value": [0.5, np.inf]})
    >>> numbers, words = frame_parts(frame)
    >>> numbers
    {'value': array([0.5, inf])}
    >>> frame_of(numbers, words).equals(frame)
    True
    """
    numeric = frame.select_dtypes(["number", "bool"])
    words = frame.drop(columns=numeric.columns).astype(object)
    about = {
        "columns": frame.columns.tolist(),
        "index": frame.index.tolist(),
        "dtypes": {name: numeric[name].dtype.str for name in numeric},
        "words": {name: words[name].where(words[name].notna(), None).tolist() for name in words},
    }
    return {name: numeric[name].to_numpy(np.float64, copy=True) for name in numeric}, about


def frame_of(numbers: Mapping[str, NDArray[np.float64]], about: Mapping[str, Any]) -> pd.DataFrame:
    """Put a frame together again.

    Raises
    ------
    ValueError
        If parts are missing, or don't fit each other.
    """
    kinds = {name: np.dtype(kind) for name, kind in about["dtypes"].items()}
    if any(kind.kind not in "biuf" for kind in kinds.values()):
        raise ValueError(f"a table of the file has columns of the types {kinds}")
    columns = {
        name: numbers[name].astype(kinds[name]) if name in kinds else about["words"][name]
        for name in about["columns"]
    }
    return pd.DataFrame(columns, index=about["index"])
