"""Sizes that strategies ask for in a table of groups by labels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.text import listed
from skfair._utils.validation import is_number

Floats = NDArray[np.float64]


def strategy_shape(sizes: Floats, strategy: str) -> Floats:
    """Sizes that a strategy asks for, up to a factor for each group, or one for all.

    Parameters
    ----------
    sizes : ndarray of float of shape (n_groups, n_classes)
        Present sizes.
    strategy : {"balance", "parity", "size", "keep"}
        Cells alike; the overall label shares in every group; groups alike, with their own label
        shares; shares as they are. Groups and labels without weight stay empty.

    Returns
    -------
    ndarray of float of shape (n_groups, n_classes)
        With the sum of the present sizes.

    Examples
    --------
    >>> strategy_shape(np.array([[30.0, 10.0], [20.0, 40.0]]), "parity")
    array([[20., 20.],
           [30., 30.]])
    """
    of_group, of_class = sizes.sum(axis=1, keepdims=True), sizes.sum(axis=0, keepdims=True)
    if strategy == "keep":
        return sizes
    if strategy == "balance":
        alive = (of_group > 0) & (of_class > 0)
        return alive * (sizes.sum() / alive.sum())
    if strategy == "parity":
        return of_group * of_class / sizes.sum()
    share = np.nan_to_num(divide(sizes, of_group))
    return share * (sizes.sum() / np.count_nonzero(of_group))


def named_sizes(
    sizes: Floats,
    strategy: Mapping[Any, float],
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
) -> Floats:
    """Sizes that a mapping asks for by cell; those that it doesn't name stay.

    Parameters
    ----------
    sizes : ndarray of float of shape (n_groups, n_classes)
    strategy : mapping of (group, label) to number
        A whole number is a size, a fraction a factor of the present size.
    groups, classes : sequence
        Labels of the axes.

    Returns
    -------
    ndarray of float of shape (n_groups, n_classes)

    Raises
    ------
    ValueError
        If a cell is unknown, or its number isn't one from 0 up.

    Examples
    --------
    >>> named_sizes(np.array([[30.0, 10.0]]), {("f", 1): 2.5}, ["f"], [0, 1])
    array([[30., 25.]])
    """
    wanted = sizes.copy()
    known = {(g, c): (i, j) for i, g in enumerate(groups) for j, c in enumerate(classes)}
    unknown = [cell for cell in strategy if cell not in known]
    if unknown:
        raise ValueError(
            f"strategy names cells {listed(unknown)}; cells of (group, label): {listed(known)}"
        )
    for cell, number in strategy.items():
        if not is_number(number):
            raise ValueError(
                f"strategy[{cell!r}] must be a number, a size (whole) or a factor (a fraction), "
                f"got {number!r}"
            )
        if not number >= 0 or not np.isfinite(number):
            raise ValueError(f"strategy[{cell!r}] must be at least 0, got {number!r}")
        whole = float(number).is_integer()
        wanted[known[cell]] = number if whole else number * sizes[known[cell]]
    return wanted


def round_to_total(wanted: Floats, total: int) -> NDArray[np.int64]:
    """Round numbers so that they add up to a total: the largest remainders are rounded up.

    Examples
    --------
    >>> round_to_total(np.array([1.5, 1.5, 2.0]), 5)
    array([2, 1, 2])
    """
    whole = np.floor(wanted + 1e-9).astype(np.int64)
    order = np.argsort((whole - wanted).ravel(), kind="stable")
    whole.flat[order[: max(0, total - int(whole.sum()))]] += 1
    return whole


def name_cells(
    chosen: NDArray[np.bool_], groups: Sequence[Hashable], classes: Sequence[Hashable]
) -> str:
    """List the chosen cells of a table of groups by labels.

    Examples
    --------
    >>> name_cells(np.array([[False, True]]), ["f"], ["no", "yes"])
    "[('f', 'yes')]"
    """
    return listed((groups[i], classes[j]) for i, j in np.argwhere(chosen))
