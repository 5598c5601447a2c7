"""Gaps, checks and warnings that the tables by group share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.validation import check_share
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import Criterion, Gap, Method, Rate, evaluate


def gap_of_sums(
    criterion: Criterion | Rate,
    sums: NDArray[np.float64],
    labels: Sequence[Hashable],
    group_counts: NDArray[np.int64],
    *,
    gap: Gap = "difference",
    method: Method = "between_groups",
    min_group_size: int | None = None,
) -> float:
    """Gap between groups of ratios of sums, under the policies of :func:`evaluate`.

    A warning shows on the line of the caller's caller.

    Parameters
    ----------
    criterion : Criterion or Rate
        A rate stands for its equality.
    sums : ndarray of float of shape (n_groups, 4)
        Cells, or whatever stands in their place.
    labels : sequence
        Labels of the groups.
    group_counts : ndarray of int of shape (n_groups,)
        Numbers of rows.
    gap, method, min_group_size
        As in :func:`skfair.criteria.evaluate`.

    Returns
    -------
    gap : float
    """
    if isinstance(criterion, Rate):
        criterion = Criterion(criterion.name, (criterion,))
    evaluation = evaluate(
        criterion,
        sums,
        labels,
        gap=gap,
        method=method,
        group_counts=group_counts,
        min_group_size=min_group_size,
    )
    return evaluation.value


def check_confidence_level(confidence_level: float) -> None:
    """Raise ValueError if a confidence level isn't between 0 and 1."""
    check_share("confidence_level", confidence_level, ends=False)


def warn_undefined(table: pd.DataFrame, *, by_group: bool = True) -> None:
    """Warn of the figures of a table that are NaN.

    Parameters
    ----------
    table : DataFrame
        A row a group.
    by_group : bool, default=True
        Name the groups; not where one row stands for all rows.
    """
    lost = table.isna().to_numpy()
    if not lost.any():
        return
    notes = []
    for label, row in zip(table.index.tolist(), lost, strict=True):
        if row.any():
            figures = ", ".join(table.columns[row].tolist())
            notes.append(f"{figures} of group {label!r}" if by_group else figures)
    warn_undefined_metric(f"undefined (0/0) and NaN: {join_notes(notes, '; ')}")


def join_notes(notes: Sequence[str], separator: str = ", ", most: int = 10) -> str:
    """Join notes, of which a long list is cut and its rest counted.

    Examples
    --------
    >>> join_notes(["recall of group 'f'", "recall of group 'm'"])
    "recall of group 'f', recall of group 'm'"
    >>> join_notes(["a", "b", "c", "d"], "; ", most=2)
    'a; b; ... and 2 more'
    """
    rest = [f"... and {len(notes) - most} more"] if len(notes) > most else []
    return separator.join([*notes[:most], *rest])
