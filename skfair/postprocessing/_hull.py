"""Randomized rules: mixtures of cuts at the corners of each group's ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog
from sklearn.isotonic import isotonic_regression

from skfair.criteria.curves import GroupCurve

Floats = NDArray[np.float64]

_LEAST_RATE = 1e-4


def hull_places(curve: GroupCurve) -> NDArray[np.intp]:
    """Positions of the cuts at the corners of the convex hull of a ROC curve, in order.

    Above, the share of positives among newly selected rows falls from corner to corner, which is
    an isotonic regression; below, it rises.

    Examples
    --------
    >>> fp, tp = np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 1, 2])
    >>> curve = GroupCurve(np.array([np.inf, 3, 2, 1]), fp, tp, np.array([3.0, 2, 1]))
    >>> hull_places(curve).tolist()
    [0, 1, 2, 3]
    """
    if len(curve.cuts) < 3:
        return np.arange(len(curve.cuts))
    gained = np.diff(curve.tp), np.diff(curve.fp)
    weight = gained[0] + gained[1]
    share = np.divide(gained[0], weight, out=np.zeros_like(weight), where=weight > 0)
    kept = np.zeros(len(curve.cuts), dtype=bool)
    kept[[0, -1]] = True
    for increasing in (False, True):
        level = isotonic_regression(
            share, sample_weight=np.maximum(weight, 1e-300), increasing=increasing
        )
        kept[1:-1] |= np.diff(level) != 0
    return np.flatnonzero(kept)


class Bound(NamedTuple):
    """One linear constraint on the groups' cells: low <= sum of coefficients x cells <= high.

    ``coefficients`` has shape (n_groups, 4).
    """

    coefficients: Floats
    low: float
    high: float


class Mixture(NamedTuple):
    """Chances of the corners of each group, and what they are worth."""

    chances: list[Floats] | None
    value: float


def best_mixture(
    cells: Sequence[Floats],
    worth: Floats,
    rates: Sequence[Floats],
    widths: Sequence[float],
    *,
    as_ratio: bool = False,
    mean_of_gaps: float | None = None,
    bounds: Sequence[Bound] = (),
) -> Mixture:
    r"""Choose chances of each group's corners that are worth most within the windows.

    .. math:: \max_\lambda \sum_{g,v} \lambda_{gv}\, u^T c_{gv} \quad \text{s.t.} \quad
        m_k \le \sum_v \lambda_{gv} r_{gvk} \le m_k + w_k \text{ for all } g, k

    (as a ratio: :math:`\ge (1 - w_k) M_k` with the largest rate :math:`M_k`), solved by HiGHS.

    Parameters
    ----------
    cells : sequence of ndarray of float of shape (m_g, 4)
        Cells at each corner.
    worth : ndarray of float of shape (4,) or (n_groups, 4)
        Worth of a cell.
    rates : sequence of ndarray of float of shape (m_g, K)
        Rates at each corner; NaN in groups that have no such rate.
    widths : sequence of K floats
    as_ratio : bool, default=False
    mean_of_gaps : float, default=None
        Bound the mean of the K gaps by this, instead of each by its width.
    bounds : sequence of Bound
        Further constraints on the groups' cells.

    Returns
    -------
    Mixture
        ``chances`` is None where no mixture meets the constraints.
    """
    sizes = [len(c) for c in cells]
    n, k = sum(sizes), len(widths)
    extra = k if mean_of_gaps is None else 2 * k  # starts of the windows, and their gaps
    worths = np.broadcast_to(worth, (len(cells), 4))
    objective = np.concatenate([*(-(c @ w) for c, w in zip(cells, worths, strict=True))])
    rows, limits = _window_rows(rates, widths, sizes, extra, as_ratio, mean_of_gaps is not None)
    if mean_of_gaps is not None:
        total = np.zeros(n + extra)
        total[n + k :] = 1 / k
        rows.append(total)
        limits.append(mean_of_gaps)
    for bound in bounds:
        parts = [c @ a for c, a in zip(cells, bound.coefficients, strict=True)]
        line = np.concatenate([*parts, np.zeros(extra)])
        for sign, limit in ((1.0, bound.high), (-1.0, -bound.low)):
            if np.isfinite(limit):
                rows.append(sign * line)
                limits.append(limit)
    start = _LEAST_RATE if as_ratio else None  # where all rates are 0, there is no ratio
    once = sparse.block_diag([np.ones((1, size)) for size in sizes])
    found = linprog(
        np.concatenate([objective, np.zeros(extra)]),
        A_ub=sparse.csr_matrix(np.array(rows)) if rows else None,
        b_ub=np.array(limits) if rows else None,
        A_eq=sparse.hstack([once, sparse.csr_matrix((len(sizes), extra))]).tocsr(),
        b_eq=np.ones(len(sizes)),
        bounds=[(0, 1)] * n + [(start, None)] * k + [(0, None)] * (extra - k),
        method="highs",
    )
    if not found.success:
        return Mixture(None, -np.inf)
    chances = np.split(np.clip(found.x[:n], 0, 1), np.cumsum(sizes)[:-1])
    return Mixture([c / c.sum() for c in chances], float(-found.fun))


def _window_rows(
    rates: Sequence[Floats],
    widths: Sequence[float],
    sizes: Sequence[int],
    extra: int,
    as_ratio: bool,
    free_gaps: bool,
) -> tuple[list[Floats], list[float]]:
    starts = np.concatenate([[0], np.cumsum(sizes)])
    n, k = int(starts[-1]), len(widths)
    rows: list[Floats] = []
    limits: list[float] = []
    for j, width in enumerate(widths):
        for g, of_group in enumerate(rates):
            if np.isnan(of_group[:, j]).any():
                continue  # the group has no such rate
            line = np.zeros(n + extra)
            line[starts[g] : starts[g + 1]] = of_group[:, j]
            low, high = -line, line.copy()
            if as_ratio:  # the variable is the largest rate
                low[n + j], high[n + j] = 1 - width, -1.0
                limits += [0.0, 0.0]
            else:  # the variable is the smallest rate
                low[n + j], high[n + j] = 1.0, -1.0
                if free_gaps:
                    high[n + k + j] = -1.0
                limits += [0.0, 0.0 if free_gaps else float(width)]
            rows += [low, high]
    return rows, limits
