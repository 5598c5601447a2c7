"""Rows of one split of the data that have a copy in another."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair.detection._duplicates import compare_rows, kind, share_table
from skfair.groups import Groups, Missing
from skfair.similarity import NEAR_TOL, RowPairs

Copies = dict[tuple[Hashable, Hashable], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False, repr=False)
class Leakage:
    """Rows of one split that have a copy in another.

    Parameters
    ----------
    copies : dict of (split, split) to ndarray of bool of shape (n,)
        ``copies["test", "train"]`` marks the rows of the test split that have a copy in training.
    pairs : DataFrame
        ``split_a``, ``row_a``, ``split_b``, ``row_b``, ``distance``: positions within each split,
        the earlier split first. Each row with a copy occurs, linked to the first of the rows
        there that are equal to each other.
    summary : DataFrame
        By split and the split it was ``found_in``: ``n`` rows, ``n_copies``, their ``share``, and
        Wilson's interval ``low`` to ``high``.
    by_group : DataFrame or None
        The same by group of the first split, where its groups are given.
    near : bool
        Whether near copies count.
    tol : float
        Largest distance of near copies.
    """

    copies: Copies
    pairs: pd.DataFrame
    summary: pd.DataFrame
    by_group: pd.DataFrame | None
    near: bool
    tol: float

    def rows(self, split: Hashable, found_in: Hashable) -> NDArray[np.intp]:
        """Positions of the rows of a split that have a copy in another.

        Raises
        ------
        ValueError
            If there is no such pair of splits.
        """
        if (split, found_in) not in self.copies:
            raise ValueError(f"no such splits; the pairs are {listed(self.copies)}")
        return np.flatnonzero(self.copies[split, found_in])

    def __repr__(self) -> str:
        table = self.summary if self.by_group is None else self.by_group
        head = f"Leakage({kind(self.near, self.tol)})"
        return f"{head}\n{table.to_string(float_format='{:.4f}'.format)}"


def find_leakage(
    *tables: Any,
    near: bool = False,
    tol: float = NEAR_TOL,
    max_different: int = 0,
    sensitive_features: Mapping[Hashable, Any] | None = None,
    columns: Sequence[str | int] | None = None,
    missing: Missing = "group",
    confidence_level: float = 0.95,
    n_jobs: int | None = None,
) -> Leakage:
    """Find rows of one split that have a copy in another.

    A model has seen the answer of a test row that has a copy in training, so the copies flatter
    the evaluation. Where groups differ in their share of copies, they differ in flattery: a gap
    between groups may be due to the copies alone, or be hidden by them.

    Parameters
    ----------
    *tables : data frame, matrix, dict of columns or list of rows
        Two or more splits, named 0, 1, ... in their order, or one mapping of names to splits:
        ``{"train": X_train, "test": X_test}``. Give them without the target to find rows whose
        copies carry another label as well.
    near : bool, default=False
        Whether near copies count, as in :func:`find_duplicates`. The first split gives the
        standard deviations.
    tol : float, default=0.02
        Largest distance of near copies.
    max_different : int, default=0
        In how many of the columns that aren't numeric near copies may differ.
    sensitive_features : mapping of split to array-like, default=None
        Groups of the rows of some or all splits.
    columns : sequence of str or int, default=None
        Columns that are compared; all by default.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    confidence_level : float, default=0.95
        Level of the intervals.
    n_jobs : int, default=None
        Number of threads of the near search; -1 takes all processors.

    Returns
    -------
    Leakage
        With ``pairs``, ``summary``, ``by_group``, ``copies`` and ``rows(split, found_in)``. All
        rows are given by position within their split.

    Raises
    ------
    ValueError
        If there are fewer than two splits, ``sensitive_features`` names another split, or as in
        :func:`find_duplicates`.

    References
    ----------
    Kapoor, S. and Narayanan, A. (2023). Leakage and the reproducibility crisis in
    machine-learning-based science. Patterns 4(9). https://doi.org/10.1016/j.patter.2023.100804

    Examples
    --------
    >>> train = pd.DataFrame({"age": [30, 40, 50], "sex": ["f", "m", "m"]})
    >>> test = pd.DataFrame({"age": [40, 60], "sex": ["m", "f"]})
    >>> found = find_leakage({"train": train, "test": test})
    >>> found
    Leakage(exact)
                    n  n_copies  share    low   high
    split found_in
    train test      3         1 0.3333 0.0615 0.7923
    test  train     2         1 0.5000 0.0945 0.9055
    >>> found.rows("test", "train").tolist()
    [0]
    >>> found.pairs
      split_a  row_a split_b  row_b  distance
    0   train      1    test      0       0.0
    """
    splits = _read_splits(tables)
    codes, near_links = compare_rows(
        list(splits.values()), columns, near, tol, max_different, n_jobs
    )
    parts = dict(zip(splits, codes, strict=True))
    links = _link_codes(np.concatenate(codes), near_links)
    copies = {
        pair: _has_copy(parts[pair[0]], parts[pair[1]], links) for pair in permutations(parts, 2)
    }
    groups = _read_groups(parts, sensitive_features, missing)
    everyone = {name: Groups.single(len(part)) for name, part in parts.items()}
    return Leakage(
        copies,
        _link_rows(parts, links),
        _copies_table(copies, everyone, confidence_level).droplevel("rows"),
        _copies_table(copies, groups, confidence_level) if groups else None,
        bool(near),
        float(tol),
    )


def _read_splits(tables: tuple[Any, ...]) -> dict[Hashable, Any]:
    mapped = len(tables) == 1 and isinstance(tables[0], Mapping)
    splits = dict(tables[0]) if mapped else dict(enumerate(tables))
    if len(splits) < 2:
        raise ValueError(
            f"find_leakage compares two or more splits, got {len(splits)}: give them one by one or "
            'as {"train": X_train, "test": X_test}'
        )
    return splits


def _read_groups(
    parts: dict[Hashable, NDArray[np.int64]], given: Mapping[Hashable, Any] | None, missing: Missing
) -> dict[Hashable, Groups]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not set(given) <= set(parts):
        raise ValueError(
            f"sensitive_features must be a mapping of splits to values; the splits are "
            f"{listed(parts)}, got {listed(given) if isinstance(given, Mapping) else type(given)}"
        )
    groups = {
        name: Groups.read(values, missing=missing).check_length(
            parts[name], f"sensitive_features[{name!r}]"
        )
        for name, values in given.items()
        if values is not None
    }
    if len({len(found.names) for found in groups.values()}) > 1:
        raise ValueError(
            "sensitive_features have another number of columns in each split: "
            f"{ {name: len(found.names) for name, found in groups.items()} }"
        )
    return groups


def _link_codes(codes: NDArray[np.int64], near: RowPairs) -> pd.DataFrame:
    """Link the code of each distinct row to itself and to those near it, in both directions."""
    own = np.arange(codes.max() + 1)
    first, second = codes[near.first], codes[near.second]
    return pd.DataFrame(
        {
            "code_a": np.concatenate([own, first, second]),
            "code_b": np.concatenate([own, second, first]),
            "distance": np.concatenate([np.zeros(len(own)), near.distance, near.distance]),
        }
    )


def _has_copy(
    split: NDArray[np.int64], other: NDArray[np.int64], links: pd.DataFrame
) -> NDArray[np.bool_]:
    code_a, code_b = links["code_a"].to_numpy(), links["code_b"].to_numpy()
    size = code_a.max() + 1
    present, copied = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    present[other] = True
    copied[code_a[present[code_b]]] = True
    return copied[split]


def _link_rows(parts: dict[Hashable, NDArray[np.int64]], links: pd.DataFrame) -> pd.DataFrame:
    """Pair rows of linked codes: all of one split with the first of the other, both ways.

    Pairing all with all would take a product of counts where many rows are equal.
    """
    tables = []
    for a, b in combinations(parts, 2):
        left, right = (
            pd.DataFrame({f"row_{side}": np.arange(len(parts[name])), f"code_{side}": parts[name]})
            for side, name in (("a", a), ("b", b))
        )
        first_left, first_right = left.drop_duplicates("code_a"), right.drop_duplicates("code_b")
        found = pd.concat(
            [
                first_left.merge(links, on="code_a").merge(right, on="code_b"),
                left.merge(links, on="code_a").merge(first_right, on="code_b"),
            ]
        ).drop_duplicates(["row_a", "row_b"])
        tables.append(found.sort_values(["row_a", "row_b"]).assign(split_a=a, split_b=b))
    pairs = pd.concat(tables, ignore_index=True)
    return pairs[["split_a", "row_a", "split_b", "row_b", "distance"]]


def _copies_table(
    copies: Copies, groups: Mapping[Hashable, Groups], confidence_level: float
) -> pd.DataFrame:
    """Shares of copies by split, the split they are found in, and group."""
    tables = {
        pair: share_table(marked, groups[pair[0]], "n_copies", confidence_level)
        for pair, marked in copies.items()
        if pair[0] in groups
    }
    return pd.concat(tables, names=["split", "found_in"])
