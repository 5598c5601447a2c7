"""Empirical Bayes: curves of groups drawn towards the pooled curve as far as they may be noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from skfair._utils.arrays import divide
from skfair.criteria.curves import GroupCurve
from skfair.postprocessing._curves import ScoreCurves

Floats = NDArray[np.float64]

_QUANTILES = np.arange(1, 10) / 10
_LEVEL = 0.95
_MOST_CUTS = 2000
_FULL = 0.995


class Shrunk(NamedTuple):
    """Curves, and how much of each group's own was kept, a row a group."""

    curves: ScoreCurves
    kept: pd.DataFrame


def shrink(curves: ScoreCurves, amount: float | None = None) -> Shrunk:
    r"""Draw each group's base rate and its two score distributions towards those of all rows.

    .. math:: S'_g = \lambda_g S_g + (1 - \lambda_g) S, \quad
        \lambda_g = \frac{n_g \rho}{1 + n_g \rho}, \quad
        \rho = \frac{\max(0, \bar Q - \chi^2_{G - 1, 0.95})}{\sum n - \sum n^2 / \sum n}

    for the share S of a class above a score, and likewise for the base rate. Q is the chi-square
    statistic of the groups' differences, averaged over the deciles of the pooled scores, n the
    effective numbers of rows. So :math:`\rho` is DerSimonian and Laird's variance between groups
    relative to that of one row, but for the quantile in the place of the expectation G - 1: what
    can't be told from noise is 0.

    Parameters
    ----------
    curves : ScoreCurves
    amount : float, default=None
        A share to keep of every group's own, instead of the estimated one.

    Returns
    -------
    Shrunk
        ``kept`` has the columns base_rate, negatives and positives, in [0, 1].

    References
    ----------
    DerSimonian, R. and Laird, N. (1986). Meta-analysis in clinical trials. Controlled Clinical
    Trials 7(3). https://doi.org/10.1016/0197-2456(86)90046-2
    """
    totals, pooled = curves.totals, curves.pooled()
    sizes = divide(totals**2, curves.squares)
    whole = divide(totals.sum(axis=1) ** 2, curves.squares.sum(axis=1))
    kept = np.stack(
        [
            _kept(divide(totals[:, 1], totals.sum(axis=1))[:, None], whole),
            *(_kept(_shares(curves, pooled, k), sizes[:, k]) for k in (0, 1)),
        ],
        axis=1,
    )
    if amount is not None:
        kept = np.full_like(kept, amount)
    table = pd.DataFrame(kept, index=curves.index, columns=["base_rate", "negatives", "positives"])
    if (kept >= _FULL).all():
        return Shrunk(curves, table)
    return Shrunk(_mix(curves, pooled, kept), table)


def _shares(curves: ScoreCurves, pooled: GroupCurve, k: int) -> Floats:
    """Share of each group's class k above the deciles of all its scores, of shape (G, 9)."""
    above = pooled.tp if k else pooled.fp
    if above[-1] <= 0:
        return np.full((curves.n_groups, 1), np.nan)
    cuts = pooled.cuts[np.searchsorted(above, _QUANTILES * above[-1])]
    parts = [curve.at(cuts)[k] for curve in curves.curves]
    return divide(np.stack(parts), curves.totals[:, [k]])


def _kept(shares: Floats, sizes: Floats) -> Floats:
    """How much of each group's own to keep; shares of shape (G, J)."""
    known = ~np.isnan(shares).any(axis=1) & (np.nan_to_num(sizes) > 0)
    lam = np.zeros(len(shares))
    if known.sum() < 2:
        return lam
    own, n = shares[known], sizes[known]
    mean = (n[:, None] * own).sum(axis=0) / n.sum()
    spread = mean * (1 - mean)
    inside = spread > 0
    if not inside.any():
        return lam
    excess = (n[:, None] * (own - mean) ** 2).sum(axis=0)[inside] / spread[inside]
    beyond = max(float(excess.mean()) - float(chi2.ppf(_LEVEL, len(n) - 1)), 0.0)
    rho = beyond / (n.sum() - (n**2).sum() / n.sum())
    lam[known] = n * rho / (1 + n * rho)
    return lam


def _mix(curves: ScoreCurves, pooled: GroupCurve, kept: Floats) -> ScoreCurves:
    scores = pooled.scores
    if len(scores) > _MOST_CUTS:
        scores = scores[np.unique(np.linspace(0, len(scores) - 1, _MOST_CUTS).astype(int))]
    cuts = np.append(np.inf, scores)
    whole = np.stack(pooled.at(cuts))
    share = divide(whole, whole[:, [-1]])
    base = whole[1, -1] / whole[:, -1].sum()
    mixed = []
    for curve, lam in zip(curves.curves, kept, strict=True):
        own = np.stack(curve.at(cuts))
        total = own[:, -1]
        rate = lam[0] * (total[1] / total.sum()) + (1 - lam[0]) * base
        parts = (
            lam[1:, None] * np.nan_to_num(divide(own, total[:, None])) + (1 - lam[1:, None]) * share
        )
        fp, tp = np.nan_to_num(parts) * np.array([[1 - rate], [rate]]) * total.sum()
        mixed.append(GroupCurve(cuts, fp, tp, scores))
    return ScoreCurves(curves.labels, curves.names, mixed, curves.squares)
