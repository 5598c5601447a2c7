"""Metadata of some rows: values that come row by row, and those that don't."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import n_rows, take_rows
from skfair.groups import Groups


def take_metadata(
    metadata: Mapping[str, Any],
    groups: Groups,
    rows: NDArray[np.intp] | None,
    new_groups: Groups | None = None,
) -> dict[str, Any]:
    """Metadata of some rows.

    Sensitive features stay the values that they were, so that numbers stay numbers; of synthetic
    rows they are the labels of the groups.

    Parameters
    ----------
    metadata : mapping
        Values as long as the groups belong to rows, others to none and stay as they are.
    groups : Groups
        Groups of the old rows.
    rows : ndarray of int or None
        Which old row each new row is, -1 for a synthetic one; None if that isn't known.
    new_groups : Groups, default=None
        Groups of the new rows; needed where some are synthetic or of unknown origin.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If rows are synthetic or of unknown origin, and metadata other than groups belong to rows.

    Examples
    --------
    >>> groups = Groups.read(["f", "m"])
    >>> take_metadata({"ages": [20, 30], "unit": "years"}, groups, np.array([1, 1]))
    {'ages': [30, 30], 'unit': 'years'}
    """
    known = None if rows is None or (rows < 0).any() else rows
    out = {}
    for name, value in metadata.items():
        if name == "sensitive_features":
            out[name] = _take_groups(value, groups, known, new_groups)
        elif not _is_by_row(value, len(groups)):
            out[name] = value
        elif known is None:
            raise ValueError(f"{name} has no values for synthetic rows: leave it out")
        else:
            out[name] = take_rows(value, known)
    return out


def _take_groups(
    value: Any, groups: Groups, rows: NDArray[np.intp] | None, new_groups: Groups | None
) -> Any:
    if rows is None:
        return (groups if new_groups is None else new_groups).to_values()
    if isinstance(value, Groups):
        return value.take(rows)
    if isinstance(value, Mapping):
        return {name: take_rows(column, rows) for name, column in value.items()}
    return take_rows(value, rows)


def _is_by_row(value: Any, n: int) -> bool:
    if isinstance(value, str | dict) or getattr(value, "shape", None) == ():  # a numpy number
        return False
    return (hasattr(value, "shape") or hasattr(value, "__len__")) and n_rows(value) == n
