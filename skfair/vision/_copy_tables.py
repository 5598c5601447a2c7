"""What is told of copies: their scores, their table, and where their labels differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.groups import Groups
from skfair.vision._copies import Copies

Clusters = NDArray[np.int64]


def copy_scores(copies: Copies) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score images by the largest similarity to another: 1 for exact copies, and as near copies.

    Exact copies have the similarity of the one of them that was compared.

    Returns
    -------
    exact, near : ndarray of float of shape (n,)
    """
    exact = (copies.exact >= 0).astype(float)
    near = np.zeros(len(exact))
    pairs = copies.pairs[copies.pairs["kind"] != "exact"]
    closeness = pairs["similarity"].fillna(1 - pairs["distance"]).to_numpy()
    for column in ("row_a", "row_b"):
        np.maximum.at(near, pairs[column].to_numpy(), closeness)
    copied = np.flatnonzero(copies.exact >= 0)
    largest = np.zeros(copies.exact.max(initial=-1) + 1)
    np.maximum.at(largest, copies.exact[copied], near[copied])
    near[copied] = largest[copies.exact[copied]]
    return exact, near


def near_clusters(copies: Copies) -> Clusters:
    """Clusters that near copies connect; -1 for other images."""
    pairs = copies.pairs[copies.pairs["kind"] != "exact"]
    connected = np.isin(copies.clusters, copies.clusters[pairs["row_a"].to_numpy()])
    return np.where(connected, copies.clusters, -1)


def copies_table(
    copies: Copies, splits: Groups | None, groups: Groups | None, labels: Any
) -> pd.DataFrame:
    """List the images that have a copy, cluster by cluster.

    Returns
    -------
    DataFrame
        Columns ``cluster``, ``row``, ``is_exact``, and ``split``, ``group`` and ``label`` as far as
        they are given.
    """
    rows = np.flatnonzero(copies.clusters >= 0)
    rows = rows[np.argsort(copies.clusters[rows], kind="stable")]
    table = pd.DataFrame({"cluster": copies.clusters[rows], "row": rows})
    table["is_exact"] = copies.exact[rows] >= 0
    for name, values in (("split", splits), ("group", groups)):
        if values is not None:
            named = [values.labels[code] for code in values.codes[rows]]
            table[name] = pd.Series(named, dtype=object)
    if labels is not None:
        table["label"] = np.asarray(labels, dtype=object)[rows]
    return table


def conflicting(table: pd.DataFrame, clusters: Clusters) -> Clusters:
    """Find the clusters whose images have different labels.

    Parameters
    ----------
    table : DataFrame
        As :func:`copies_table` makes it; without labels there are none.
    clusters : ndarray of int of shape (n,)
        -1 for an image of no cluster.

    Examples
    --------
    >>> table = pd.DataFrame({"row": [0, 1, 2], "label": ["a", "b", "a"]})
    >>> conflicting(table, np.array([0, 0, 0])), conflicting(table, np.array([1, -1, 1]))
    (array([0]), array([], dtype=int64))
    """
    if "label" not in table:
        return np.zeros(0, dtype=np.int64)
    of = clusters[table["row"].to_numpy()]
    n_labels = table["label"].groupby(of).nunique(dropna=False)
    found = n_labels.index[n_labels > 1].to_numpy(dtype=np.int64)
    return found[found >= 0]
