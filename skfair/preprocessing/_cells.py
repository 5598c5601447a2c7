"""Sizes that group x label cells should have, and rows drawn to get there."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import divide, nan_max, nan_min
from skfair._utils.columns import take_rows
from skfair._utils.text import listed

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

STRATEGIES = ("balance", "parity", "size")
METHODS = ("over", "under", "both")


def cell_targets(
    sizes: Floats,
    strategy: str | Mapping[Any, float],
    method: str,
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
) -> Counts:
    r"""Find how many rows each group x label cell should have.

    Parameters
    ----------
    sizes : ndarray of float of shape (n_groups, n_classes)
        Present sizes.
    strategy : {"balance", "parity", "size"} or mapping of (group, label) to number
        Make all cells equal; give every group the overall label shares; make groups equal and keep
        their own shares; or whole numbers as sizes, fractions as factors of the present size.
    method : {"over", "under", "both"}
        No cell gets fewer rows, none gets more, or the number of all rows stays.
    groups, classes : sequence
        Labels of the axes, for messages.

    Returns
    -------
    targets : ndarray of int of shape (n_groups, n_classes)

    Raises
    ------
    ValueError
        If a cell has to grow from nothing, or to move against the method; the message names it.

    Examples
    --------
    >>> sizes = np.array([[30.0, 10.0], [20.0, 40.0]])
    >>> cell_targets(sizes, "parity", "both", "fm", [0, 1]).tolist()
    [[20, 20], [30, 30]]
    >>> cell_targets(sizes, "balance", "under", "fm", [0, 1]).tolist()
    [[10, 10], [10, 10]]
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if isinstance(strategy, Mapping):
        targets = _named_targets(sizes, strategy, groups, classes)
        wanted = targets.astype(float)
        _check_direction(sizes, targets, method, groups, classes)
    elif strategy in STRATEGIES:
        wanted = _shape(sizes, strategy)
        scale = _scale(sizes, wanted, method, strategy == "parity")
        targets = np.rint(wanted * scale).astype(np.int64)
    else:
        raise ValueError(f"strategy must be one of {STRATEGIES} or a dict, got {strategy!r}")
    empty = (sizes == 0) & (wanted > 0)
    if empty.any():
        raise ValueError(
            f"no rows to draw from in cells {_name_cells(empty, groups, classes)} of (group, "
            "label): merge groups, drop them, or choose another strategy"
        )
    return targets


def _shape(sizes: Floats, strategy: str) -> Floats:
    """Sizes that the strategy asks for, up to a factor for each group, or one for all."""
    of_group, of_class = sizes.sum(axis=1, keepdims=True), sizes.sum(axis=0, keepdims=True)
    if strategy == "balance":
        return np.full_like(sizes, sizes.sum() / sizes.size)
    if strategy == "parity":
        return of_group * of_class / sizes.sum()
    share = np.nan_to_num(divide(sizes, of_group), nan=1.0)  # a group without rows can't grow
    return share * (sizes.sum() / len(sizes))


def _scale(sizes: Floats, shape: Floats, method: str, by_group: bool) -> Floats | float:
    """Factors at which no cell shrinks, or none grows: one for each group, or one for all."""
    if method == "both":
        return 1.0
    ratio = divide(sizes, shape)
    pick = nan_max if method == "over" else nan_min
    return np.nan_to_num(pick(ratio))[:, None] if by_group else float(pick(ratio.ravel()))


def _named_targets(
    sizes: Floats,
    strategy: Mapping[Any, float],
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
) -> Counts:
    targets = np.rint(sizes)
    known = {(g, c): (i, j) for i, g in enumerate(groups) for j, c in enumerate(classes)}
    unknown = [cell for cell in strategy if cell not in known]
    if unknown:
        raise ValueError(
            f"strategy names cells {listed(unknown)}; cells of (group, label): {listed(known)}"
        )
    for cell, wanted in strategy.items():
        if not wanted >= 0 or not np.isfinite(wanted):
            raise ValueError(f"strategy[{cell!r}] must be at least 0, got {wanted!r}")
        whole = isinstance(wanted, int | np.integer)
        targets[known[cell]] = wanted if whole else np.rint(wanted * sizes[known[cell]])
    return targets.astype(np.int64)


def _check_direction(
    sizes: Floats,
    targets: Counts,
    method: str,
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
) -> None:
    wrong = {"over": targets < np.rint(sizes), "under": targets > np.rint(sizes)}.get(method)
    if wrong is not None and wrong.any():
        way = "shrink" if method == "over" else "grow"
        raise ValueError(
            f'method="{method}" can\'t make cells {_name_cells(wrong, groups, classes)} {way}: '
            'use method="both"'
        )


def _name_cells(
    chosen: NDArray[np.bool_], groups: Sequence[Hashable], classes: Sequence[Hashable]
) -> str:
    return listed((groups[i], classes[j]) for i, j in np.argwhere(chosen))


def draw_rows(
    cells: NDArray[np.integer],
    targets: Counts,
    *,
    weights: Floats | None = None,
    nearness: Floats | None = None,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    r"""Draw as many rows of each cell as it should have.

    Row i of a cell of target T is repeated :math:`T w_i / \sum w` times, rounded up or down so that
    the number is met: at random (systematic sampling of a random order), or the rows nearest a
    decision boundary first. Without weights all rows are repeated equally often, up to one.

    Parameters
    ----------
    cells : ndarray of int of shape (n,)
        Cell of each row.
    targets : ndarray of int of shape (n_cells,)
    weights : ndarray of float of shape (n,), default=None
        Sampling weights: the drawn rows weigh alike.
    nearness : ndarray of float of shape (n,), default=None
        Rows of the greatest nearness are repeated first, and dropped first.
    rng : Generator

    Returns
    -------
    rows : ndarray of int of shape (targets.sum(),)
        In ascending order.

    Examples
    --------
    >>> rows = draw_rows(np.array([0, 0, 1]), np.array([4, 1]), rng=np.random.default_rng(0))
    >>> rows.tolist()
    [0, 0, 1, 1, 2]
    """
    times = np.zeros(len(cells), dtype=np.int64)
    order = np.argsort(cells, kind="stable")
    ends = np.cumsum(np.bincount(cells, minlength=len(targets)))[:-1]
    for members, target in zip(np.split(order, ends), targets, strict=True):
        if target:
            share = None if weights is None else weights[members]
            near = None if nearness is None else nearness[members]
            times[members] = _repetitions(len(members), int(target), share, near, rng)
    return np.repeat(np.arange(len(cells)), times)


def _repetitions(
    n: int, target: int, weights: Floats | None, nearness: Floats | None, rng: np.random.Generator
) -> Counts:
    expected = np.full(n, target / n) if weights is None else target * weights / weights.sum()
    whole = np.floor(expected + 1e-9).astype(np.int64)
    rest = np.maximum(expected - whole, 0.0)
    missing = target - int(whole.sum())
    if nearness is not None:  # the nearest are doubled first, or dropped first
        grows = target >= n
        ranked = np.lexsort((np.arange(n), -nearness if grows else nearness, -np.ceil(rest)))
        chosen = ranked[:missing]
    else:
        chosen = _systematic(rest, missing, rng)
    whole[chosen] += 1
    return whole


def _systematic(chances: Floats, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Positions of n draws without repetition with the given chances, which add up to n."""
    order = rng.permutation(len(chances))
    ladder = np.cumsum(chances[order])
    if n == 0 or ladder[-1] <= 0:
        return order[:0]
    steps = (rng.random() + np.arange(n)) * (ladder[-1] / n)
    return order[np.minimum(np.searchsorted(ladder, steps, side="right"), len(order) - 1)]


def take_labels(y: Any, codes: NDArray[np.integer], new: NDArray[np.integer]) -> Any:
    """Labels of other codes, in the type and dtype of y.

    Parameters
    ----------
    y : array-like of shape (n,)
    codes : ndarray of int of shape (n,)
        Class of each label; every class has a row.
    new : ndarray of int of shape (m,)
        Classes of the wanted labels.

    Returns
    -------
    labels : array-like of shape (m,)

    Examples
    --------
    >>> take_labels(["no", "yes", "no"], np.array([0, 1, 0]), np.array([1, 1]))
    ['yes', 'yes']
    """
    return take_rows(y, np.unique(codes, return_index=True)[1][new])
