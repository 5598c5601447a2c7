"""Rows that are equal in every column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.similarity._columns import stack_columns
from skfair.similarity._pairs import RowPairs

_MAX_CODE = 1 << 62


def row_codes(*tables: Any) -> list[NDArray[np.int64]]:
    """Code the rows of one or several tables: rows share a code if and only if they are equal.

    Each column's distinct values are numbered, and the numbers of a row are combined to one
    without collisions, so no two different rows can share a code as with a hash. Missing values
    (None, NaN, NA, NaT) are equal to each other and to nothing else. Numbers are equal by value
    whatever their type: 1, 1.0 and True.

    Parameters
    ----------
    *tables : data frame, matrix, dict of columns or list of rows
        pandas, polars, pyarrow and numpy alike. Columns are matched by name where all tables have
        names, and by position otherwise.

    Returns
    -------
    codes : list of ndarray of int of shape (n_rows,)
        One array a table. Codes count up from 0 in the order in which rows first occur.

    Raises
    ------
    ValueError
        If the tables' columns differ, a table is empty or sparse, or a column holds objects that
        can't be compared, such as lists.

    Examples
    --------
    >>> train = pd.DataFrame({"age": [30, 40, 30], "sex": ["f", None, "f"]})
    >>> test = pd.DataFrame({"sex": ["m", None], "age": [30.0, 40.0]})
    >>> [codes.tolist() for codes in row_codes(train, test)]
    [[0, 1, 0], [2, 1]]
    """
    columns, sizes = stack_columns(tables)
    codes = combine_codes(column.codes() for column in columns)
    return np.split(codes, np.cumsum(sizes)[:-1])


def combine_codes(columns: Iterable[tuple[NDArray[np.int64], int]]) -> NDArray[np.int64]:
    """Give each distinct row of several columns of codes a number, in the order they first occur.

    Parameters
    ----------
    columns : iterable of (ndarray of int of shape (n,), int)
        Codes from 0 and their number; at least one column.

    Returns
    -------
    codes : ndarray of int of shape (n,)

    Examples
    --------
    >>> combine_codes([(np.array([0, 1, 0]), 2), (np.array([2, 2, 2]), 3)]).tolist()
    [0, 1, 0]
    """
    (codes, size), *others = columns
    for more, n_more in others:
        if size * n_more > _MAX_CODE:
            codes, found = pd.factorize(codes)
            size = len(found)  # at most the number of rows
        codes = codes * n_more + more
        size *= n_more
    return pd.factorize(codes)[0].astype(np.int64, copy=False)


def equal_pairs(codes: NDArray[np.integer]) -> RowPairs:
    """Pair each row with the first row of the same code.

    A cluster of k equal rows has k - 1 pairs here, not k (k - 1) / 2: enough to connect it.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        From :func:`row_codes`.

    Returns
    -------
    RowPairs
        With distance 0.

    Examples
    --------
    >>> pairs = equal_pairs(np.array([0, 1, 0, 0]))
    >>> pairs.first.tolist(), pairs.second.tolist()
    ([0, 0], [2, 3])
    """
    numbers, found = pd.factorize(codes)
    first = np.full(len(found), len(codes), dtype=np.intp)
    np.minimum.at(first, numbers, np.arange(len(codes)))
    leader = first[numbers]
    second = np.flatnonzero(leader != np.arange(len(codes)))
    return RowPairs(leader[second], second, np.zeros(len(second))).sort()
