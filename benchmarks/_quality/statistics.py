"""Choice on validation rows, intervals over splits that share rows, and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

SHARE = 1 / 3  # rows that test over rows that train, 20 % over 60 %


class Estimate(NamedTuple):
    mean: float
    low: float
    high: float
    error: float
    n: int


def corrected(values: ArrayLike, share: float = SHARE, level: float = 0.95) -> Estimate:
    """Mean with Nadeau and Bengio's interval: the variance factor is 1/J + n_test/n_train.

    Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52.
    """
    found = np.asarray(values, dtype=float)
    n = len(found)
    if n == 0:
        return Estimate(*[float("nan")] * 4, 0)
    mean = float(found.mean())
    if n == 1:
        return Estimate(mean, float("nan"), float("nan"), float("nan"), 1)
    error = float(found.std(ddof=1) * np.sqrt(1 / n + share))
    half = float(student.ppf((1 + level) / 2, n - 1)) * error
    return Estimate(mean, mean - half, mean + half, error, n)


class NonInferiority(NamedTuple):
    mean: float
    low: float  # one-sided
    high: float  # one-sided
    pvalue: float  # of being worse by the margin or more


def non_inferiority(
    differences: ArrayLike, margin: float = 0.01, share: float = SHARE, level: float = 0.95
) -> NonInferiority:
    """One-sided corrected t-test of whether ours minus theirs is above -margin."""
    found = corrected(differences, share)
    if found.n < 2:
        return NonInferiority(found.mean, float("nan"), float("nan"), float("nan"))
    if found.error == 0:
        return NonInferiority(found.mean, found.mean, found.mean, float(found.mean <= -margin))
    half = float(student.ppf(level, found.n - 1)) * found.error
    pvalue = float(student.sf((found.mean + margin) / found.error, found.n - 1))
    return NonInferiority(found.mean, found.mean - half, found.mean + half, pvalue)


def pool(cells: Sequence[ArrayLike]) -> np.ndarray:
    """Sum of cells by group, of the tests of several folds."""
    return np.sum([np.asarray(part, dtype=float) for part in cells], axis=0)


def choose_within(violation: ArrayLike, gain: ArrayLike, level: float) -> int | None:
    """Place of the largest gain among those within the level; None if there is none."""
    violation, gain = np.asarray(violation, float), np.asarray(gain, float)
    allowed = violation <= level + 1e-12
    if not allowed.any():
        return None
    return int(np.argmax(np.where(allowed, gain, -np.inf)))


def choose_no_less_fair(violation: ArrayLike, gain: ArrayLike, level: float) -> int:
    """The same, and the least violation where nothing is within the level."""
    found = choose_within(violation, gain, level)
    if found is not None:
        return found
    violation, gain = np.asarray(violation, float), np.asarray(gain, float)
    filled = np.where(np.isnan(violation), np.inf, violation)
    least = filled == filled.min()
    return int(np.argmax(np.where(least, gain, -np.inf)))


def frontier(violation: ArrayLike, gain: ArrayLike) -> np.ndarray:
    """Places that nothing else beats in both respects, by rising violation."""
    violation, gain = np.asarray(violation, float), np.asarray(gain, float)
    kept: list[int] = []
    best = -np.inf
    for place in np.lexsort((-gain, violation)):
        if gain[place] > best and not np.isnan(violation[place]):
            kept.append(int(place))
            best = gain[place]
    return np.array(kept, dtype=int)


def hypervolume(violation: ArrayLike, gain: ArrayLike, reference: tuple[float, float]) -> float:
    """Share of the box between (0, 1) and the reference that the points' steps dominate.

    No point is made by interpolation; points beyond the reference count for nothing.
    """
    worst, least = reference
    violation, gain = np.asarray(violation, float), np.asarray(gain, float)
    within = (violation < worst) & (gain > least)
    violation, gain = violation[within], gain[within]
    places = frontier(violation, gain)
    edges = np.append(violation[places], worst)
    area = float(np.sum(np.diff(edges) * (gain[places] - least)))
    return area / (worst * (1 - least))
