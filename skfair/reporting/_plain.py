"""From figures to plain values that JSON holds, and from warnings to notes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd

Plain = dict[str, Any]


def number(value: Any) -> float | None:
    """Make a float of six significant digits; None where it is undefined or has no bound.

    Examples
    --------
    >>> number(1 / 3), number(float("nan"))
    (0.333333, None)
    """
    found = float(value)
    return float(f"{found:.6g}") if math.isfinite(found) else None


def estimate(value: Any, low: Any, high: Any, **more: Any) -> Plain:
    """Lay an estimate and its interval out.

    Examples
    --------
    >>> estimate(0.5, 0.25, float("nan"))
    {'estimate': 0.5, 'low': 0.25, 'high': None}
    """
    return {"estimate": number(value), "low": number(low), "high": number(high), **more}


def group_values(label: Hashable) -> list[str]:
    """Values of a group, one for each sensitive feature, as text.

    Examples
    --------
    >>> group_values(("f", 1)), group_values("m")
    (['f', '1'], ['m'])
    """
    return [str(part) for part in label] if isinstance(label, tuple) else [str(label)]


def table_rows(
    table: pd.DataFrame, labels: Iterable[Hashable], columns: Mapping[str, str]
) -> list[Plain]:
    """Lay a table by group out, columns of the table under other names, whole numbers as such."""
    rows = []
    for i, label in enumerate(labels):
        row: Plain = {"group": group_values(label)}
        for new, old in columns.items():
            value = table[old].iloc[i]
            row[new] = int(value) if pd.api.types.is_integer_dtype(table[old]) else number(value)
        rows.append(row)
    return rows


@contextmanager
def noting(part: str, notes: list[Plain]) -> Iterator[None]:
    """Turn warnings to users into notes on a part of the report; others are warned of as ever."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for found in caught:
        if not issubclass(found.category, UserWarning):
            warnings.warn_explicit(found.message, found.category, found.filename, found.lineno)
            continue
        note = {"part": part, "message": str(found.message)}
        if note not in notes:
            notes.append(note)
