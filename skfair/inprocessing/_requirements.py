"""What a mixture of predictors must meet: linear inequalities in the sums that describe it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Band:
    """Rates of groups that must lie in one band.

    Parameters
    ----------
    rows : ndarray of float of shape (n_groups, n_sums)
        Each group's rate is its row times the sums of a predictor.
    width : float
        Allowed difference, or shortfall of the smallest from the largest, relative to it.
    as_ratio : bool
    shared : int or None
        Bands of the same number here share their width: the mean of their widths is bound.
    name : str
        Of the rate.
    labels : tuple
        Of the groups.
    sizes : ndarray of float of shape (n_groups,) or None
        Weight that each rate is taken over.
    """

    rows: Floats
    width: float
    as_ratio: bool = False
    shared: int | None = None
    name: str = ""
    labels: tuple[Hashable, ...] = ()
    sizes: Floats | None = None

    @property
    def overall(self) -> Floats:
        """The row of the groups' mean by size: of one rate, that of all their rows."""
        return np.average(self.rows, axis=0, weights=self.sizes)


@dataclass(frozen=True, eq=False)
class Requirements:
    r"""Inequalities :math:`A s + Z z - \xi e \le c` with free z, and what z costs.

    s are the sums that describe a predictor, z the upper ends (and widths) of bands, and
    :math:`\xi \ge 0` by how much the tolerances are exceeded.

    Parameters
    ----------
    on_sums : ndarray of float of shape (n_rows, n_sums)
    on_ends : ndarray of float of shape (n_rows, n_ends)
    is_soft : ndarray of float of shape (n_rows,)
        1 where a row may be exceeded, at a price.
    limits : ndarray of float of shape (n_rows,)
    end_costs : ndarray of float of shape (n_ends,)
        Part of what is minimised.
    detours : tuple of ndarray of float of shape (n_rows, n_sums)
        Other prices of the same multipliers, which pull some groups against all that are compared
        instead of against one other group; none where there are but two groups.
    """

    on_sums: Floats
    on_ends: Floats
    is_soft: Floats
    limits: Floats
    end_costs: Floats
    detours: tuple[Floats, ...] = ()


def require_bands(bands: Sequence[Band], n_sums: int) -> Requirements:
    """Write bands as inequalities: every rate below the upper end, none too far below it.

    Examples
    --------
    >>> found = require_bands([Band(np.eye(2), 0.1)], 2)
    >>> found.on_ends.ravel().tolist(), found.limits.tolist()
    ([-1.0, -1.0, 1.0, 1.0], [0.0, 0.0, 0.1, 0.1])
    """
    shares = sorted({band.shared for band in bands if band.shared is not None})
    sharing = [i for i, band in enumerate(bands) if band.shared is not None]
    n_ends = len(bands) + len(sharing)
    parts: list[tuple[Floats, Floats, float, float]] = []
    for i, band in enumerate(bands):
        end = np.zeros(n_ends)
        end[i] = -1.0
        parts += [(row, end, 0.0, 0.0) for row in band.rows]
        low, limit = -end * (1 - band.width if band.as_ratio else 1.0), band.width
        if band.shared is not None:
            low = low.copy()
            low[len(bands) + sharing.index(i)] = -1.0
        limit = 0.0 if band.as_ratio or band.shared is not None else band.width
        soft = float(band.shared is None)
        parts += [(-row, low, soft, limit) for row in band.rows]
    for share in shares:
        members = [i for i in sharing if bands[i].shared == share]
        end = np.zeros(n_ends)
        end[[len(bands) + sharing.index(i) for i in members]] = 1 / len(members)
        parts.append((np.zeros(n_sums), end, 1.0, bands[members[0]].width))
    found = _stack(parts, n_sums, np.zeros(n_ends))
    if all(len(band.rows) < 3 for band in bands):
        return found
    return replace(found, detours=tuple(_detour(bands, found.on_sums, sign) for sign in (1, -1)))


def _detour(bands: Sequence[Band], on_sums: Floats, sign: int) -> Floats:
    """Inequalities with all rows' rate in the place of the upper (1) or lower (-1) groups'."""
    changed, start = on_sums.copy(), 0
    for band in bands:
        n = len(band.rows)
        first = start if sign > 0 else start + n
        changed[first : first + n] = sign * band.overall
        start += 2 * n
    return changed


def require_below(rows: Floats, limit: float | None) -> Requirements:
    """Bound every row times the sums by a limit; without one, the largest is minimised.

    Examples
    --------
    >>> require_below(np.eye(2), None).end_costs
    array([1.])
    """
    n_sums = rows.shape[1]
    if limit is not None:
        return _stack([(row, np.zeros(0), 1.0, limit) for row in rows], n_sums, np.zeros(0))
    return _stack([(row, np.array([-1.0]), 0.0, 0.0) for row in rows], n_sums, np.ones(1))


def _stack(
    parts: Sequence[tuple[Floats, Floats, float, float]], n_sums: int, end_costs: Floats
) -> Requirements:
    n = len(parts)
    return Requirements(
        np.array([p[0] for p in parts]).reshape(n, n_sums),
        np.array([p[1] for p in parts]).reshape(n, len(end_costs)),
        np.array([p[2] for p in parts]),
        np.array([p[3] for p in parts]),
        end_costs,
    )
