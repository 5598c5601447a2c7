"""Choice on validation rows, intervals over splits that share rows, and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm as normal
from scipy.stats import t as student

from skfair.criteria import get_criterion

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


def non_inferiority(found: Estimate, margin: float = 0.01, level: float = 0.95) -> NonInferiority:
    """One-sided corrected t-test of whether ours minus theirs is above -margin."""
    if found.n < 2:
        return NonInferiority(found.mean, float("nan"), float("nan"), float("nan"))
    if found.error == 0:
        return NonInferiority(found.mean, found.mean, found.mean, float(found.mean <= -margin))
    half = float(student.ppf(level, found.n - 1)) * found.error
    pvalue = float(student.sf((found.mean + margin) / found.error, found.n - 1))
    return NonInferiority(found.mean, found.mean - half, found.mean + half, pvalue)


def pvalue_in_the_limit(
    found: NonInferiority, n: int, margin: float = 0.01, share: float = SHARE, level: float = 0.95
) -> float:
    """P-value of being worse by the margin if splits went on for ever, of this mean and spread.

    Splits share rows, so the variance factor falls from 1/n + share to share, and not to 0.
    """
    if found.mean == found.low:
        return float(found.mean <= -margin)
    error = (found.mean - found.low) / student.ppf(level, n - 1)
    return float(normal.sf((found.mean + margin) / (error * np.sqrt(share / (1 / n + share)))))


def leave_out(folds: Sequence[ArrayLike]) -> np.ndarray:
    """Cells of a repetition: pooled over its folds, then without each of them in turn.

    A single fold has nothing to be left out.
    """
    cells = np.asarray(folds, dtype=float)
    whole = cells.sum(axis=0, keepdims=True)
    return whole if len(cells) == 1 else np.concatenate([whole, whole - cells])


def estimated(figures: Sequence[np.ndarray]) -> Estimate:
    """Mean of a figure over repetitions, each given as by `leave_out`: pooled, then without a fold.

    Pooled cells of several repetitions are of the same rows, so they differ too little: errors come
    from the folds, by the jackknife's pseudo-values (of accuracy, the folds' own), with Nadeau and
    Bengio's factor over all folds. In a simulation of least squares on 300 and 1,000 rows, five
    folds and three repetitions, 95 % intervals of accuracy, violations and their differences held
    the mean over new samples in 90 to 100 %; those over repetitions in 46 to 83 %, those of a
    bootstrap of the pooled cells in 78 to 100 %.
    """
    parts = []
    for figure in figures:
        folds = len(figure) - 1
        parts.append(folds * figure[0] - (folds - 1) * figure[1:] if folds else figure)
    found = corrected(np.concatenate(parts) if parts else [])
    mean = float(np.mean([figure[0] for figure in figures])) if parts else float("nan")
    shift = mean - found.mean
    return found._replace(mean=mean, low=found.low + shift, high=found.high + shift)


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
    """Share of the box between (0, 1) and the reference that lies under the points' steps.

    Steps go from point to point in the order given, that of validation rows: a point that falls
    behind the one before it takes its share back, so nothing is chosen on test rows. Points in
    order give the hypervolume. None is made by interpolation; those beyond the reference count for
    nothing.
    """
    worst, least = reference
    violation, gain = np.asarray(violation, float), np.asarray(gain, float)
    known = ~np.isnan(violation)
    edges = np.append(np.minimum(violation[known], worst), worst)
    area = float(np.sum(np.diff(edges) * np.maximum(gain[known] - least, 0)))
    return area / (worst * (1 - least))


def chance_violation(cells: ArrayLike, criterion: str, draws: int = 2000, seed: int = 0) -> float:
    """Mean violation on tests of these sizes if the criterion held: the least there is to be seen.

    Labels stay as they are. Decisions are drawn at the rates of all rows: one selection rate for
    demographic parity, else one for each label.
    """
    rng = np.random.default_rng(seed)
    tn, fp, fn, tp = np.asarray(cells, dtype=float).T
    sizes = np.stack([tn + fp, fn + tp], axis=-1)
    chosen = np.stack([fp, tp], axis=-1)
    by_label = chosen.sum(axis=0) / sizes.sum(axis=0)
    same = np.full(2, chosen.sum() / sizes.sum())
    rates = same if criterion == "demographic_parity" else by_label
    counts = sizes.round().astype(int)
    yes = rng.binomial(counts, np.nan_to_num(rates), size=(draws, *counts.shape))
    no = counts - yes
    drawn = np.stack([no[..., 0], yes[..., 0], no[..., 1], yes[..., 1]], axis=-1)
    return float(np.nanmean(get_criterion(criterion)(drawn.astype(float))))
