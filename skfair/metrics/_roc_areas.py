"""Areas under the ROC curve by group with DeLong's variances, from rows or bins of scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtrit

from skfair._utils.arrays import divide
from skfair.metrics._rows import ScoredRows, rows_by_group
from skfair.tally import ScoreTally

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Areas:
    """AUC by group; DeLong's variances and sizes by (group, negative or positive).

    ``hidden`` is how far the area of scores may be from that of their bins: half the share of
    pairs that lie in one bin.
    """

    area: Floats
    variance: Floats
    weight: Floats
    effective: Floats
    count: NDArray[np.int64]
    hidden: Floats

    @property
    def pairs(self) -> Floats:
        """Weight of pairs in the wrong and in the right order, where cells tn and tp stand."""
        pairs = self.weight.prod(axis=1)
        right = np.nan_to_num(self.area) * pairs
        zero = np.zeros_like(pairs)
        return np.stack([pairs - right, zero, zero, right], axis=1)


def areas_of_rows(rows: ScoredRows) -> Areas:
    """Areas from rows, whose equal scores are ties."""
    tied = [
        _tied(
            rows.score[members],
            rows.positive[members],
            None if rows.weight is None else rows.weight[members],
        )
        for members in rows_by_group(rows.groups)
    ]
    hidden = np.zeros(rows.groups.n_groups)
    return _areas([area_of_ties(own) for own in tied], *rows.by_label(), hidden)


def areas_of_tally(tally: ScoreTally) -> Areas:
    """Areas from bins, whose rows count as ties."""
    weight = tally.weight.sum(axis=2)
    hidden = divide(tally.weight.prod(axis=1).sum(axis=1), weight.prod(axis=1)) / 2
    found = [area_of_ties(own) for own in tally.weight]
    return _areas(found, weight, tally.weight2.sum(axis=2), tally.count.sum(axis=2), hidden)


def _areas(
    found: list[tuple[float, tuple[float, float]]],
    weight: Floats,
    weight2: Floats,
    count: NDArray[np.int64],
    hidden: Floats,
) -> Areas:
    effective = np.nan_to_num(divide(weight**2, weight2))
    area = np.array([area for area, _ in found])
    unbiased = divide(np.ones_like(effective), np.where(effective > 1 + 1e-9, effective - 1, 0.0))
    variance = np.array([spread for _, spread in found]) * unbiased
    return Areas(area, variance, weight, effective, count, hidden)


def _tied(score: Floats, positive: NDArray[np.bool_], weight: Floats | None) -> Floats:
    """Weight of negatives and positives at each distinct score, which rises, of shape (2, m)."""
    order = np.argsort(score)
    score, positive = score[order], positive[order]
    if not len(score):
        return np.zeros((2, 0))
    first = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])  # of each run of equal scores
    weight = np.ones(len(score)) if weight is None else weight[order]
    w = np.where(positive, [[0.0], [1.0]], [[1.0], [0.0]]) * weight
    return np.asarray(np.add.reduceat(w, first, axis=1))


def area_of_ties(tied: Floats) -> tuple[float, tuple[float, float]]:
    """AUC of one group, and the weighted variances of its negative and positive placements.

    Parameters
    ----------
    tied : ndarray of float of shape (2, m)
        Weight of negatives and positives that share a score, or a bin; scores rise.

    Examples
    --------
    >>> area_of_ties(np.array([[1.0, 1.0], [0.0, 1.0]]))[0]
    0.75
    """
    total = tied.sum(axis=1)
    if not total.all():
        return np.nan, (np.nan, np.nan)
    below = (np.cumsum(tied, axis=1) - tied / 2) / total[:, None]
    placement = np.stack([1 - below[1], below[0]])
    area = min(float((tied[1] * placement[1]).sum() / total[1]), 1.0)
    spread = (tied * (placement - area) ** 2).sum(axis=1) / total
    return area, (float(spread[0]), float(spread[1]))


def area_interval(areas: Areas, level: float) -> tuple[Floats, Floats]:
    """Find the ends of DeLong's interval, moved out by what bins may hide."""
    variance = areas.variance.sum(axis=1)
    inner = (variance > 1e-28) & (areas.area > 0) & (areas.area < 1)  # more than rounding error
    area, variance = np.where(inner, areas.area, 0.5), np.where(inner, variance, 0.0)
    freedom = divide(
        variance**2, (areas.variance**2 / np.maximum(areas.effective - 1, 1e-9)).sum(axis=1)
    )
    t = stdtrit(np.where(inner, freedom, 1.0), (1 + level) / 2)
    step = t * np.sqrt(variance) / (area * (1 - area))
    low, high = _newcombe(areas.area, areas.effective, ndtri((1 + level) / 2))
    low = np.where(inner, expit(logit(area) - step), low)
    high = np.where(inner, expit(logit(area) + step), high)
    return np.maximum(low - areas.hidden, 0.0), np.minimum(high + areas.hidden, 1.0)


def _newcombe(area: Floats, sizes: Floats, z: float) -> tuple[Floats, Floats]:
    """Areas t at which abs(area - t) is z of t's own standard errors, by bisection."""
    pairs = np.maximum(sizes.prod(axis=1), 1e-300)
    extra = np.maximum(sizes.sum(axis=1) / 2 - 1, 0.0)

    def too_far(t: Floats) -> NDArray[np.bool_]:
        factor = 1 + extra * ((1 - t) / (2 - t) + t / (1 + t))
        return (area - t) ** 2 > z**2 * t * (1 - t) * factor / pairs

    ends = []
    for far in (np.zeros_like(area), np.ones_like(area)):
        outer, inner = far, area
        for _ in range(60):
            middle = (outer + inner) / 2
            beyond = too_far(middle)
            outer, inner = np.where(beyond, middle, outer), np.where(beyond, inner, middle)
        ends.append(np.where(area == far, far, (outer + inner) / 2))
    return ends[0], ends[1]
