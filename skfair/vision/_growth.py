"""How much cells of group and label should grow, and which operations make their copies."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from skfair._utils.arrays import divide, nan_max
from skfair._utils.text import listed
from skfair._utils.validation import is_number
from skfair._utils.warning import warn_user
from skfair.base import name_cells, named_sizes, strategy_shape
from skfair.groups import is_missing_label

Floats = NDArray[np.float64]
Cell = tuple[Hashable, Hashable]

STRATEGIES = ("balance", "parity", "size", "keep")
_FAR = 20
_KINDS = "an integer is a size, a float a factor"


def cell_growth(
    sizes: Floats,
    strategy: str | Mapping[Any, float],
    total: float | None,
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
    *,
    strict: bool = True,
) -> Floats:
    """Find by which factor each cell of group and label grows.

    Parameters
    ----------
    sizes : ndarray of float of shape (n_groups, n_classes)
        Present sizes.
    strategy : {"balance", "parity", "size", "keep"} or mapping of (group, label) to number
        Cells alike; the overall label shares in every group; groups alike, with their own label
        shares; shares as they are; or integers as sizes and floats as factors.
    total : float or None
        Size of all cells together afterwards; None: the least with which the strategy is met.
    groups, classes : sequence
        Labels of the axes.
    strict : bool, default=True
        Whether an empty cell that should grow is refused, or left empty.

    Returns
    -------
    ndarray of float of shape (n_groups, n_classes)
        At least 1.

    Raises
    ------
    ValueError
        If a cell has to grow from nothing, to shrink, or the strategy is none.

    Examples
    --------
    >>> sizes = np.array([[40.0, 10.0], [20.0, 40.0]])
    >>> (sizes * cell_growth(sizes, "balance", None, "fm", [0, 1])).tolist()
    [[40.0, 40.0], [40.0, 40.0]]
    >>> (sizes * cell_growth(sizes, "balance", 120, "fm", [0, 1])).tolist()
    [[40.0, 20.0], [20.0, 40.0]]
    """
    if isinstance(strategy, Mapping):
        if total is not None:
            raise ValueError("size= goes with a named strategy: a dict tells the sizes of cells")
        wanted = _named(sizes, strategy, groups, classes)
        _refuse_less(sizes, wanted, groups, classes)
    elif strategy in STRATEGIES:
        shape = strategy_shape(sizes, strategy)
        shape = shape if strict else shape * (sizes > 0)
        wanted = _least(sizes, shape, strategy) if total is None else _filled(sizes, shape, total)
    else:
        raise ValueError(f"strategy must be one of {STRATEGIES} or a dict, got {strategy!r}")
    empty = (sizes == 0) & (wanted > 0)
    if empty.any() and strict:
        raise ValueError(
            f"no images to copy in cells {name_cells(empty, groups, classes)} of (group, label): "
            "merge groups, drop them, or choose another strategy"
        )
    return np.where(sizes > 0, np.maximum(np.nan_to_num(divide(wanted, sizes)), 1.0), 1.0)


def _least(sizes: Floats, shape: Floats, strategy: str) -> Floats:
    """Least sizes of this shape at which no cell shrinks; for parity, of each group by itself."""
    if strategy == "keep":
        raise ValueError('strategy="keep" needs size=: how many images there should be afterwards')
    ratio = divide(sizes, shape)
    if strategy == "parity":
        return shape * np.nan_to_num(nan_max(ratio))[:, None]
    return shape * float(np.nanmax(ratio))


def _filled(sizes: Floats, shape: Floats, total: float) -> Floats:
    """Sizes that fill a total: cells that lack most grow first, up to a common level."""
    if total < sizes.sum() * (1 - 1e-12):
        raise ValueError(
            f"size={total:g} is less than the {sizes.sum():g} images that there are: none is "
            f"dropped ({_KINDS})"
        )
    there = shape > 0
    levels = np.sort(divide(sizes, shape)[there])
    order = np.argsort(divide(sizes, shape)[there], kind="stable")
    own, part = sizes[there][order], shape[there][order]
    others = sizes.sum() - np.cumsum(own)  # of cells that lack less
    reached = (total - others) / np.cumsum(part)
    upper = np.append(levels[1:], np.inf)
    level = reached[np.flatnonzero(reached <= upper)[0]]
    return np.maximum(sizes, level * shape)


def _refuse_less(
    sizes: Floats, wanted: Floats, groups: Sequence[Hashable], classes: Sequence[Hashable]
) -> None:
    less = wanted < sizes
    if less.any():
        first = sizes[less][0]
        raise ValueError(
            f"strategy gives cells {name_cells(less, groups, classes)} of (group, label) a size "
            f"less than the {first:g} images that there are: none is dropped ({_KINDS})"
        )


def _named(
    sizes: Floats,
    strategy: Mapping[Any, float],
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
) -> Floats:
    """Sizes that a mapping asks for; floats are factors, whole ones too."""
    wanted = named_sizes(sizes, strategy, groups, classes)
    for (group, label), number in strategy.items():
        if not isinstance(number, Integral):
            cell = list(groups).index(group), list(classes).index(label)
            wanted[cell] = number * sizes[cell]
    return wanted


def read_total(size: Any, n: int, *, strict: bool = True) -> float | None:
    """Read how many images there should be: a number of them, or a float, a factor of n.

    Raises
    ------
    ValueError
        If it is neither, or, where ``strict``, a factor that looks like a number of images.

    Examples
    --------
    >>> read_total(50, 40), read_total(2.0, 40)
    (50.0, 80.0)
    """
    if size is None:
        return None
    if not is_number(size) or not 0 < size < np.inf:
        raise ValueError(f"size must be a number above 0 or None, got {size!r}")
    if isinstance(size, Integral):
        return float(size)
    if strict and size > _FAR and float(size).is_integer():
        raise ValueError(
            f"size={size!r} is a float, so a factor: for a number of images give an integer, "
            f"{int(size)}"
        )
    return float(round(size * n))


def total_by_number(
    sizes: Floats,
    present: Floats,
    strategy: str | Mapping[Any, float],
    n_copies: float,
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
) -> float:
    """Find the sum of sizes at which cells get so many copies, where sizes are sums of weights.

    Parameters
    ----------
    sizes, present : ndarray of float of shape (n_groups, n_classes)
        Sums of weights, and numbers of images.
    strategy, groups, classes
        As in ``cell_growth``.
    n_copies : float

    Examples
    --------
    >>> sizes, present = np.array([[10.0, 30.0]]), np.array([[20.0, 20.0]])
    >>> round(total_by_number(sizes, present, "balance", 20, ["f"], [0, 1]), 6)
    50.0
    """
    least = float(sizes.sum())
    if n_copies <= 0:
        return least + n_copies  # cell_growth refuses less than there are

    def too_many(total: float) -> float:
        growth = cell_growth(sizes, strategy, total, groups, classes)
        return float((present * (growth - 1)).sum() - n_copies)

    most = 2 * least
    while too_many(most) < 0:
        most *= 2
    return float(brentq(too_many, least, most))


def warn_of_copies(
    present: Floats,
    copies: NDArray[np.int64],
    strategy: str | Mapping[Any, float],
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
) -> None:
    """Warn of cells that a mapping lets grow far, and of copies of images of no known group."""
    unknown = np.array([is_missing_label(group) for group in groups])
    if isinstance(strategy, Mapping):
        far = (present > 0) & (present + copies > _FAR * present)
        if far.any():
            warn_user(
                f"strategy makes cells {name_cells(far, groups, classes)} of (group, label) more "
                f"than {_FAR} times as large: {_KINDS}"
            )
    elif strategy != "keep" and copies[unknown].any():
        warn_user(
            f"the {int(present[unknown].sum())} images without a sensitive value are taken for a "
            f"group, and get {int(copies[unknown].sum())} copies: name the cells that should grow, "
            "strategy={(group, label): size}, or leave these images out"
        )


def cell_operations(
    operations: Mapping[Any, Any],
    default: Mapping[str, Any],
    groups: Sequence[Hashable],
    classes: Sequence[Hashable],
) -> list[Mapping[str, Any]]:
    """Find the operations of each cell, group by group.

    Parameters
    ----------
    operations : mapping
        Of operations to amounts, for all cells; or from cells (group, label), groups and labels to
        such mappings. A cell's own go before its group's, and these before its label's.
    default : mapping
        Of cells that nothing names.
    groups, classes : sequence

    Returns
    -------
    list of mappings, of n_groups * n_classes

    Raises
    ------
    ValueError
        If a name is none of a cell, group or label, or that of a group and a label.

    Examples
    --------
    >>> named = {"f": {"rotate": 5}, ("m", 1): {"zoom": 0.2}}
    >>> cell_operations(named, {}, "fm", [0, 1])
    [{'rotate': 5}, {'rotate': 5}, {}, {'zoom': 0.2}]
    """
    if not operations or not all(isinstance(value, Mapping) for value in operations.values()):
        return [operations] * (len(groups) * len(classes))
    groups, classes = tuple(groups), tuple(classes)
    cells = {(g, c) for g in groups for c in classes}
    both = [name for name in operations if name in groups and name in classes]
    if both:
        raise ValueError(
            f"operations name {listed(both)}, each a group and a label: write (group, None) or "
            "(None, label)"
        )
    known = {*cells, *groups, *classes}
    known |= {(g, None) for g in groups} | {(None, c) for c in classes} | {(None, None)}
    unknown = [name for name in operations if name not in known]
    if unknown:
        raise ValueError(
            f"operations name {listed(unknown)}; groups: {listed(groups)}; labels: "
            f"{listed(classes)}; cells are (group, label)"
        )
    return [
        next((operations[name] for name in _from_own_to_all(g, c) if name in operations), default)
        for g in groups
        for c in classes
    ]


def _from_own_to_all(group: Hashable, label: Hashable) -> tuple[Hashable, ...]:
    return ((group, label), (group, None), group, (None, label), label, (None, None))
