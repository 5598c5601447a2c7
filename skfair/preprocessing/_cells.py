"""Sizes that group x label cells should have, and rows drawn to get there."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from skfair._utils.arrays import divide, nan_max, nan_min
from skfair._utils.columns import take_rows
from skfair._utils.text import listed
from skfair._utils.validation import encode_labels, positive_class
from skfair._utils.warning import warn_user
from skfair.base import name_cells, named_sizes, round_to_total, strategy_shape

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

STRATEGIES = ("balance", "parity", "size")
METHODS = ("over", "under", "both")
_FAR = 20
_MOST_NUMBERS = 30


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
        Groups and labels without weight stay empty.
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

    Warns
    -----
    UserWarning
        If a mapping makes a cell more than 20 times as large or as small.

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
        targets = np.rint(named_sizes(sizes, strategy, groups, classes)).astype(np.int64)
        wanted = targets.astype(float)
        _check_direction(sizes, targets, method, groups, classes)
        _warn_of_far(sizes, targets, groups, classes)
    elif strategy in STRATEGIES:
        wanted = strategy_shape(sizes, strategy)
        scale = _scale(sizes, wanted, method, strategy == "parity")
        targets = np.rint(wanted * scale).astype(np.int64)
        if method == "both":
            targets = round_to_total(wanted, round(sizes.sum()))
    else:
        raise ValueError(f"strategy must be one of {STRATEGIES} or a dict, got {strategy!r}")
    empty = (sizes == 0) & (wanted > 0)
    if empty.any():
        raise ValueError(
            f"no rows to draw from in cells {name_cells(empty, groups, classes)} of (group, "
            "label): merge groups, drop them, or choose another strategy"
        )
    return targets


def _scale(sizes: Floats, shape: Floats, method: str, by_group: bool) -> Floats | float:
    """Factors at which no cell shrinks, or none grows: one for each group, or one for all."""
    if method == "both":
        return 1.0
    ratio = divide(sizes, shape)
    pick = nan_max if method == "over" else nan_min
    return np.nan_to_num(pick(ratio))[:, None] if by_group else float(pick(ratio.ravel()))


def _warn_of_far(
    sizes: Floats, targets: Counts, groups: Sequence[Hashable], classes: Sequence[Hashable]
) -> None:
    far = (sizes > 0) & (targets > 0)  # to drop a cell is no slip
    far &= (targets > _FAR * sizes) | (_FAR * targets < sizes)
    if far.any():
        notes = [
            f"{(groups[i], classes[j])}: {sizes[i, j]:.4g} to {targets[i, j]}"
            for i, j in np.argwhere(far)
        ]
        warn_user(
            f"strategy makes cells of (group, label) more than {_FAR} times as large or as small: "
            f"{'; '.join(notes)}. Whole numbers are sizes, fractions factors of the present size"
        )


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
            f'method="{method}" can\'t make cells {name_cells(wrong, groups, classes)} {way}: '
            'use method="both"'
        )


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


def read_labels(y: Any) -> tuple[NDArray[np.integer], tuple[Hashable, ...]]:
    """Codes of labels, and the classes.

    Raises
    ------
    ValueError
        If labels are missing or continuous.

    Examples
    --------
    >>> read_labels(["no", "yes", "no"])
    (array([0, 1, 0], dtype=int8), ('no', 'yes'))
    """
    (codes,), classes = encode_labels(("y", y))
    if len(classes) > _MOST_NUMBERS and all(isinstance(label, float) for label in classes):
        raise ValueError(
            f"Unknown label type: continuous. y has {len(classes)} distinct floats: cut "
            "it into classes, or make classes that are numbers integers"
        )
    check_classification_targets(y)
    return codes, classes


def positive_of(classes: Sequence[Hashable], pos_label: Any, owner: str) -> int | None:
    """Position of the positive class, as ``positive_class`` tells it.

    Raises
    ------
    ValueError
        If it isn't known; the message names the estimator that has to be told.

    Examples
    --------
    >>> positive_of(("no", "yes"), "yes", "LabelMassager")
    1
    """
    try:
        return positive_class(classes, pos_label)
    except ValueError as error:
        if pos_label is not None:
            raise
        raise ValueError(
            f"labels are {listed(classes)}, and which is positive isn't known: pass pos_label=... "
            f"to {owner}"
        ) from error


def take_fresh(X: Any, rows: NDArray[np.integer]) -> Any:
    """Rows of a table or column by position; what pandas gives has a fresh index.

    Examples
    --------
    >>> take_fresh(pd.Series(["a", "b"]), np.array([1, 1])).index.tolist()
    [0, 1]
    """
    taken = take_rows(X, rows)
    return taken.reset_index(drop=True) if isinstance(taken, pd.Series | pd.DataFrame) else taken
