"""Rows of a table that are copies of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import column_positions, is_frame, select_column
from skfair.criteria import group_intervals
from skfair.groups import Groups, Missing
from skfair.similarity import (
    NEAR_TOL,
    RowPairs,
    cluster_pairs,
    equal_pairs,
    near_pairs,
    row_codes,
)
from skfair.tally import Tally


@dataclass(frozen=True, eq=False, repr=False)
class Duplicates:
    """Rows of one table that are copies of each other.

    Parameters
    ----------
    clusters : ndarray of int of shape (n,)
        Cluster of each row, counted from 0 in the order of their first rows; -1 for a row without
        a copy.
    pairs : DataFrame
        What connects the clusters: positions ``row_a`` < ``row_b`` and ``distance``, 0 where rows
        are equal. An equal row is paired with the first of its kind, and only first rows take
        part in near pairs.
    by_group : DataFrame
        By group: ``n`` rows, ``n_duplicates`` beyond the first of their cluster, their ``share``,
        and Wilson's interval ``low`` to ``high``. Without groups, one line for all rows.
    near : bool
        Whether near copies count.
    tol : float
        Largest distance of near copies.
    """

    clusters: NDArray[np.int64]
    pairs: pd.DataFrame
    by_group: pd.DataFrame
    near: bool
    tol: float

    @property
    def duplicated(self) -> NDArray[np.bool_]:
        """Rows beyond the first of their cluster; ``X[~duplicated]`` has each cluster once."""
        return _beyond_first(self.clusters)

    @property
    def n_duplicates(self) -> int:
        """Number of rows beyond the first of their cluster."""
        return int(self.duplicated.sum())

    @property
    def n_clusters(self) -> int:
        """Number of clusters of two or more rows."""
        return int(self.clusters.max(initial=-1)) + 1

    def __repr__(self) -> str:
        head = (
            f"Duplicates({self.n_duplicates} of {len(self.clusters)} rows, n_clusters="
            f"{self.n_clusters}, {kind(self.near, self.tol)})"
        )
        return f"{head}\n{self.by_group.to_string(float_format='{:.4f}'.format)}"


def find_duplicates(
    X: Any,
    *,
    near: bool = False,
    tol: float = NEAR_TOL,
    max_different: int = 0,
    sensitive_features: Any = None,
    columns: Sequence[str | int] | None = None,
    missing: Missing = "group",
    confidence_level: float = 0.95,
    n_jobs: int | None = None,
) -> Duplicates:
    """Find rows that are copies of each other, and which groups they belong to.

    A row that occurs twice counts twice. Where one group has more copies than others, its copied
    members outweigh the rest of it: the model learns them by heart, the group looks larger and
    more uniform than it is, and intervals of its rates are too narrow.

    Rows are compared by value, missing values being equal to each other. Near copies are connected
    to clusters over other rows, so the ends of a chain may be further apart than ``tol``. A copy
    isn't an error as such: where columns are few or coarse, different people have the same values.

    Parameters
    ----------
    X : data frame, matrix, dict of columns or list of rows, of shape (n, n_features)
        pandas, polars, pyarrow and numpy alike.
    near : bool, default=False
        Whether near copies count, as :func:`skfair.similarity.near_pairs` finds them: numbers
        within ``tol`` standard deviations (root mean square), all else equal.
    tol : float, default=0.02
        Largest distance of near copies; it finds copies with noise of 1 % of each column's
        standard deviation. Where numeric columns are few or rows many, rows are near by chance,
        too: ``pairs["distance"]`` lets you look closer.
    max_different : int, default=0
        In how many of the columns that aren't numeric near copies may differ.
    sensitive_features : array-like of shape (n,) or (n, k), or dict, default=None
        Groups; several columns make intersectional groups.
    columns : sequence of str or int, default=None
        Columns that are compared; all by default. Leave out identifiers and time stamps, which
        make copies different.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    confidence_level : float, default=0.95
        Level of the intervals.
    n_jobs : int, default=None
        Number of threads of the near search; -1 takes all processors.

    Returns
    -------
    Duplicates
        With ``clusters``, ``pairs``, ``by_group``, ``duplicated``, ``n_duplicates``. All rows are
        given by position: ``X.iloc[found.pairs["row_a"]]``.

    Raises
    ------
    ValueError
        If X is empty or sparse, has no such column, or holds what can't be compared; if lengths
        differ; if ``tol`` is out of range or so large that more than ten million pairs are near.

    References
    ----------
    Barz, B. and Denzler, J. (2020). Do we train on test data? Purging CIFAR of near-duplicates.
    Journal of Imaging 6(6). https://doi.org/10.3390/jimaging6060041

    Examples
    --------
    >>> X = pd.DataFrame({"age": [30, 40, 30, 30, 50], "score": [1.5, 2.0, 1.5, 1.5, 1.0]})
    >>> found = find_duplicates(X, sensitive_features={"sex": ["f", "m", "f", "f", "m"]})
    >>> found
    Duplicates(2 of 5 rows, n_clusters=1, exact)
         n  n_duplicates  share    low   high
    sex
    f    3             2 0.6667 0.2077 0.9385
    m    2             0 0.0000 0.0000 0.6576
    >>> found.clusters.tolist()
    [0, -1, 0, 0, -1]
    >>> X[~found.duplicated].index.tolist()
    [0, 1, 4]
    """
    (codes,), near_links = compare_rows([X], columns, near, tol, max_different, n_jobs)
    links = equal_pairs(codes).join(near_links)
    clusters = cluster_pairs(len(codes), links.first, links.second)
    groups = Groups.single(len(codes))
    if sensitive_features is not None:
        groups = Groups.read(sensitive_features, missing=missing).check_length(codes)
    shares = share_table(_beyond_first(clusters), groups, "n_duplicates", confidence_level)
    pairs = pd.DataFrame({"row_a": links.first, "row_b": links.second, "distance": links.distance})
    return Duplicates(clusters, pairs, shares, bool(near), float(tol))


def compare_rows(
    tables: Sequence[Any],
    columns: Sequence[str | int] | None,
    near: bool,
    tol: float,
    max_different: int,
    n_jobs: int | None,
) -> tuple[list[NDArray[np.int64]], RowPairs]:
    """Code the rows of each table, and pair those that are near among all rows stacked."""
    chosen = [_select(table, columns) for table in tables]
    codes = row_codes(*chosen)
    if not near:
        return codes, RowPairs.empty()
    return codes, near_pairs(*chosen, tol=tol, max_different=max_different, n_jobs=n_jobs)


def share_table(
    marked: NDArray[np.bool_], groups: Groups, name: str, confidence_level: float
) -> pd.DataFrame:
    """By group: ``n`` rows, how many are marked (column ``name``), share, low and high."""
    tally = Tally.from_arrays(marked, marked, groups)
    found = group_intervals(
        tally, "selection_rate", confidence_level=confidence_level, pos_label=True
    )
    count = tally.cells(True)[:, 3].astype(np.int64)
    table = {"n": found.n, name: count, "share": found.rate, "low": found.low, "high": found.high}
    return pd.DataFrame(table, index=tally.index)


def kind(near: bool, tol: float) -> str:
    """Say what counts as a copy."""
    return f"near, tol={tol:g}" if near else "exact"


def _select(X: Any, columns: Sequence[str | int] | None) -> Any:
    """Take the columns under the names or numbers that the user gave them."""
    if columns is None:
        return X
    if isinstance(columns, str | int):
        columns = [columns]
    if isinstance(X, Mapping):
        places = column_positions(pd.DataFrame(columns=list(X)), columns)
        values = list(X.values())
        parts = [values[place] for place in places]
    elif is_frame(X):  # as series, which know large integers beside missing ones
        frame = nw.from_native(X, eager_only=True)
        parts = [frame[:, place].to_native() for place in column_positions(X, columns)]
    else:
        parts = [select_column(X, place)[1] for place in column_positions(X, columns)]
    return dict(zip(columns, parts, strict=True))


def _beyond_first(clusters: NDArray[np.int64]) -> NDArray[np.bool_]:
    return pd.Series(clusters).duplicated().to_numpy() & (clusters >= 0)
