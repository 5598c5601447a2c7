"""Bands around a threshold: candidates, their cells from one tally, and the best of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skfair._utils.arrays import divide
from skfair.criteria import Criterion, Objective
from skfair.groups import Groups
from skfair.tally import ScoreTally

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SLACK = 1e-12


class Band(NamedTuple):
    """A band of scores, the violation it leaves and what it is worth."""

    threshold: float
    margin: float
    lower: float
    upper: float
    violation: float
    value: float


class Grid(NamedTuple):
    """Candidate bands: thresholds and margins, and the cuts they mean, of shape (n_bands,)."""

    threshold: Floats
    margin: Floats
    lower: Floats
    upper: Floats

    @classmethod
    def make(
        cls, thresholds: int | ArrayLike, margins: int | ArrayLike, scores: Floats | None
    ) -> Grid:
        """All pairs whose band lies within the range of the scores, [0, 1] where they are None."""
        if scores is None:
            low, high = 0.0, 1.0
        else:
            low, high = float(scores.min()), float(scores.max())
        count = _count("thresholds", thresholds, 1)
        if count is None:
            centers = _numbers("thresholds", thresholds)
        else:
            steps = np.arange(1, count + 1) / (count + 1)
            centers = steps if scores is None else np.append(np.quantile(scores, steps), 0.0)
        count = _count("margins", margins, 2)
        if count is None:
            widths = _numbers("margins", margins)
        else:
            widths = np.linspace(0.0, (high - low) / 2, count)
        if (widths < 0).any():
            raise ValueError(f"margins must be at least 0, got {float(widths.min())}")
        threshold, margin = (a.ravel() for a in np.meshgrid(centers, widths, indexing="ij"))
        lower, upper = threshold - margin, threshold + margin
        if scores is None:  # so that equal cuts are equal
            lower, upper = np.round(lower, 12), np.round(upper, 12)
        inside = (margin == 0) | ((lower >= low) & (upper <= high))
        if not inside.any():
            raise ValueError(f"no band lies within the scores' range, {low:g} to {high:g}")
        return cls(threshold[inside], margin[inside], lower[inside], upper[inside])


def _count(name: str, value: Any, least: int) -> int | None:
    """Return a number of steps, or None for values that are given."""
    if np.ndim(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(
            f"{name} must be an integer of at least {least} or an array, got {value!r}"
        )
    return int(value)


def _numbers(name: str, values: Any) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
        raise ValueError(f"{name} must be a number of steps, or a list of finite numbers")
    return np.unique(numbers)


def band_cells(
    scores: Floats,
    positive: Bools,
    groups: Groups,
    weights: Floats | None,
    deprived: Bools,
    grid: Grid,
) -> Floats:
    """Weighted tn, fp, fn, tp of every group under every band, from one tally of the scores.

    Parameters
    ----------
    scores : ndarray of float of shape (n,)
    positive : ndarray of bool of shape (n,)
    groups : Groups
    weights : ndarray of float of shape (n,) or None
    deprived : ndarray of bool of shape (n_groups,)
    grid : Grid

    Returns
    -------
    cells : ndarray of float of shape (n_bands, n_groups, 4)

    Examples
    --------
    >>> grid = Grid.make([0.5], [0.0, 0.2], None)
    >>> band_cells(
    ...     np.array([0.4, 0.6]),
    ...     np.array([False, True]),
    ...     Groups.read(["f", "m"]),
    ...     None,
    ...     np.array([True, False]),
    ...     grid,
    ... ).tolist()
    [[[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]]
    """
    cuts = np.unique(np.concatenate([grid.lower, grid.upper]))
    edges = np.nextafter(cuts, np.inf)  # a score is selected above the cut
    tally = ScoreTally.from_arrays(positive, scores, groups, edges=edges, sample_weight=weights)
    cells = tally.cells()[1:-1]
    of_deprived = cells[np.searchsorted(cuts, grid.lower)]
    of_favoured = cells[np.searchsorted(cuts, grid.upper)]
    return np.where(deprived[None, :, None], of_deprived, of_favoured)


def violations(criterion: Criterion, cells: Floats) -> Floats:
    """How far each band is from the criterion's ideal; infinity where it is undefined.

    A group that exists but is never selected has no precision: such a band isn't fair, but no
    candidate.
    """
    gaps = criterion(cells)
    found = 1 - gaps if criterion.gap == "ratio" else gaps
    exists = cells.sum(axis=-1) > 0
    for rate in criterion.rates:
        if not rate.is_linear:
            found = np.where((np.isnan(rate(cells)) & exists).any(axis=-1), np.nan, found)
    return np.where(np.isnan(found), np.inf, found)


def choose_band(
    cells: Floats, grid: Grid, criterion: Criterion, objective: Objective, tol: float
) -> Band:
    """Choose the most valuable band among those within ``tol``, else among the least violating.

    Of equally good ones the narrowest is taken, then the one nearest to the middle of the grid.

    Raises
    ------
    ValueError
        If the criterion is undefined under every band.
    """
    found = violations(criterion, cells)
    least = float(found.min())
    if not np.isfinite(least):
        raise ValueError(
            f"{criterion.name} is undefined (0/0) under every band: fewer than two groups have it"
        )
    whole = cells.sum(axis=1)
    worth = divide(whole @ objective.numerator, whole @ objective.denominator)
    worth = np.round(np.nan_to_num(worth, nan=-np.inf), 12)
    allowed = found <= max(tol, least) + SLACK
    off_center = np.abs(grid.threshold - np.median(grid.threshold))
    order = np.lexsort((off_center, grid.margin, -worth, ~allowed))
    i = int(order[0])
    threshold, margin, lower, upper = (float(axis[i]) for axis in grid)
    return Band(threshold, margin, lower, upper, float(found[i]), float(worth[i]))
