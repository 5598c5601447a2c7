"""How images are spread over classes, groups and splits, with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.criteria import ClassSums, critical_value, share_limits
from skfair.groups import Groups
from skfair.tally import count_cells

Weights = NDArray[np.float64] | None

_ALL = "all"


def balance_table(
    classes: Groups | None, groups: Groups | None, weights: Weights, confidence_level: float
) -> pd.DataFrame:
    """Shares of classes, of groups, and of classes within each group, with Wilson's intervals.

    Returns
    -------
    DataFrame
        Columns ``of`` ("class", "group" or "class in group"), ``group``, ``class``, ``n``,
        ``share``, ``low`` and ``high``. No lines without labels and groups.
    """
    parts = []
    if classes is not None:
        everyone = Groups.single(len(classes))
        parts.append(_shares(classes, everyone, weights, confidence_level, "class"))
        if groups is not None:
            found = _shares(classes, groups, weights, confidence_level, "class in group")
            parts.append(found)
    if groups is not None:
        everyone = Groups.single(len(groups))
        found = _shares(groups, everyone, weights, confidence_level, "group")
        found = found.assign(group=found["class"], **{"class": _ALL})
        parts.insert(len(parts) - 1 if len(parts) > 1 else len(parts), found)
    columns = ["of", "group", "class", "n", "share", "low", "high"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.DataFrame({c: [v for part in parts for v in part[c]] for c in columns})


def _shares(
    values: Groups, groups: Groups, weights: Weights, confidence_level: float, of: str
) -> pd.DataFrame:
    """Share of each value within each group."""
    shape = (groups.n_groups, values.n_groups)
    sums = count_cells([groups.codes, values.codes], shape, weights)
    limits = share_limits(
        ClassSums(*(part.astype(float) for part in sums)), critical_value(confidence_level)
    )
    within = [label if of == "class in group" else _ALL for label in groups.labels]
    return pd.DataFrame(
        {
            "of": of,
            "group": pd.Series([w for w in within for _ in values.labels], dtype=object),
            "class": pd.Series(list(values.labels) * len(within), dtype=object),
            "n": sums[2].ravel().astype(np.int64),
            "share": limits.value.ravel(),
            "low": limits.low.ravel(),
            "high": limits.high.ravel(),
        }
    )


def marked_shares(
    marked: NDArray[np.bool_], groups: Groups, weights: Weights, confidence_level: float
) -> pd.DataFrame:
    """By group: rows ``n``, how many are marked, their ``share``, and its limits."""
    values = Groups(marked.astype(np.intp), (False, True), ("marked",))
    cells = _shares(values, groups, weights, confidence_level, "class in group")
    of_marked = cells["class"].to_numpy(dtype=bool)
    table = cells.loc[of_marked, ["group", "share", "low", "high"]].reset_index(drop=True)
    n_marked = cells["n"].to_numpy()[of_marked]
    table.insert(1, "n", n_marked + cells["n"].to_numpy()[~of_marked])
    table.insert(2, "n_marked", n_marked)
    return table


def shares_by_group(
    marks: dict[str, NDArray[np.bool_]], groups: Groups, weights: Weights, confidence_level: float
) -> pd.DataFrame:
    """Share of images with each issue in each group, long form, the issue in front."""
    parts = []
    for issue, marked in marks.items():
        part = marked_shares(marked, groups, weights, confidence_level)
        part.insert(0, "issue", issue)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def copies_across_splits(
    clusters: NDArray[np.int64], splits: Groups, weights: Weights, confidence_level: float
) -> pd.DataFrame:
    """Share of images of each split that have a copy in another.

    Returns
    -------
    DataFrame
        Columns ``split``, ``other``, ``n`` (images of the split), ``n_copied`` (those with a copy
        in the other), ``share``, ``low`` and ``high``.
    """
    n_clusters = int(clusters.max(initial=-1)) + 1
    inside = np.flatnonzero(clusters >= 0)
    held = np.zeros((n_clusters + 1, splits.n_groups), dtype=bool)  # the last is of no cluster
    held[clusters[inside], splits.codes[inside]] = True
    parts = []
    for code, label in enumerate(splits.labels):
        own = marked_shares(held[clusters, code], splits, weights, confidence_level)
        own = own.rename(columns={"group": "split", "n_marked": "n_copied"})
        own.insert(1, "other", label)
        parts.append(own[own["split"] != label])
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["split", "other"], kind="stable", key=_as_text).reset_index(drop=True)


def _as_text(labels: pd.Series) -> pd.Series:
    return labels.astype(str)
