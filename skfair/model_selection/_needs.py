"""How badly groups do, shrunk where few rows tell, and how many labels each is given."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair.groups import Groups
from skfair.tally import count_cells, sum_cells

Floats = NDArray[np.float64]


def group_needs(
    wrong: Floats, groups: Groups, weights: Floats | None, prior_rows: float
) -> pd.DataFrame:
    r"""Measure each group's error, and how high it may well be.

    With n rows (effective number) and the error e of a group, m prior rows and the pooled error
    :math:`\bar e = (E + 1/2) / (N + 1)`, the error of the group has the posterior Beta(n e + m
    \bar e, n (1 - e) + m (1 - \bar e)). The need is its mean plus one standard deviation: a group
    that few rows know is worth a look.

    Parameters
    ----------
    wrong : ndarray of float of shape (n,)
        1 where a model that hasn't seen the row is wrong, else 0.
    groups : Groups
    weights : ndarray of float of shape (n,) or None
    prior_rows : float

    Returns
    -------
    DataFrame
        By group, columns ``n``, ``error``, ``shrunk`` and ``need``; the attribute
        ``attrs["unseen"]`` is the need of a group without any row.

    Examples
    --------
    >>> groups = Groups.read(["f"] * 10 + ["m"] * 10)
    >>> group_needs(np.repeat([0.0, 0.5], 10), groups, None, 10).round(3)
                        n  error  shrunk   need
    sensitive_feature_0
    f                  10    0.0   0.131  0.205
    m                  10    0.5   0.381  0.487
    """
    shape, codes = (groups.n_groups,), [groups.codes]
    weight, weight2, n = count_cells(codes, shape, weights)
    errors = sum_cells(codes, shape, wrong, weights)
    error = divide(errors, weight)
    size = np.nan_to_num(divide(weight**2, weight2))
    scale = size.sum() / max(weight.sum(), 1e-300)  # weighted errors as numbers of rows
    pooled = (errors.sum() * scale + 0.5) / (size.sum() + 1)
    rows = size + prior_rows
    shrunk = divide(size * np.nan_to_num(error) + prior_rows * pooled, rows)
    need = shrunk + np.sqrt(shrunk * (1 - shrunk) / (rows + 1))
    table = pd.DataFrame(
        {"n": n, "error": error, "shrunk": shrunk, "need": need}, index=groups.to_index()
    )
    table.attrs["unseen"] = float(pooled + np.sqrt(pooled * (1 - pooled) / (prior_rows + 1)))
    return table


def allot(n: int, shares: Floats, available: NDArray[np.integer]) -> NDArray[np.intp]:
    """Divide n labels in proportion to shares, as far as there are rows.

    Parameters
    ----------
    n : int
        At most the sum of ``available``.
    shares : ndarray of float of shape (k,)
        Above 0.
    available : ndarray of int of shape (k,)

    Returns
    -------
    ndarray of int of shape (k,)

    Examples
    --------
    >>> allot(10, np.array([3.0, 1.0, 1.0]), np.array([4, 50, 50])).tolist()
    [4, 3, 3]
    >>> allot(4, np.array([1.0, 1.0, 1.0]), np.array([9, 9, 9])).tolist()
    [2, 1, 1]
    """
    is_open = available > 0
    ideal = np.zeros(len(shares))
    while is_open.any():
        rest = n - available[~is_open].sum()
        own = np.where(is_open, shares, 0.0)
        ideal = np.where(is_open, rest * own / own.sum(), available)
        over = is_open & (ideal > available)
        if not over.any():
            break
        is_open &= ~over
    if not is_open.any():
        return available.astype(np.intp)
    ideal = ideal.round(9)
    whole = np.floor(ideal).astype(np.intp)
    by_remainder = np.argsort(whole - ideal, kind="stable")
    whole[by_remainder[: n - whole.sum()]] += 1
    return whole
