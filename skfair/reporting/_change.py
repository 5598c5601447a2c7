"""How sure a change of a figure is, from two models on the same rows or on different ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.criteria import Limits
from skfair.reporting._inputs import Audited
from skfair.tally import Tally, count_cells

Floats = NDArray[np.float64]

N_REPLICATES = 500
_PAIRS = (0, 1, 2, 3)  # twice the decision before plus the decision after


class PairedCells(NamedTuple):
    """Resampled cells of two models, each of shape (n_replicates, n_groups, 4)."""

    before: Floats
    after: Floats


def change_limits(before: Limits, after: Limits, correlation: Any = 0.0) -> Limits:
    r"""Interval of a difference from the intervals of its two figures.

    .. math:: d - \sqrt{(a - l_a)^2 + (u_b - b)^2 - 2 \rho (a - l_a)(u_b - b)}

    is the lower end for the figures b before and a after and their correlation :math:`\rho`, and
    the upper end is its mirror image. For proportions with Wilson's intervals it is Newcombe's
    hybrid, of independent samples where the correlation is 0 and of paired ones otherwise.

    References
    ----------
    Newcombe, R. G. (1998). Improved confidence intervals for the difference between binomial
    proportions based on paired data. Statistics in Medicine 17(22).
    https://doi.org/10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C

    Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures: a
    general approach. Statistics in Medicine 27(10). https://doi.org/10.1002/sim.3095

    Examples
    --------
    >>> found = change_limits(Limits(0.5, 0.4, 0.6), Limits(0.4, 0.3, 0.5))
    >>> [round(float(x), 3) for x in found]
    [-0.1, -0.241, 0.041]
    """
    value = np.asarray(after.value) - before.value
    margins = [
        (after.value - after.low, before.high - before.value),
        (after.high - after.value, before.value - before.low),
    ]
    down, up = (
        np.sqrt(np.maximum(x**2 + y**2 - 2 * correlation * x * y, 0.0))
        for x, y in ((np.asarray(a), np.asarray(b)) for a, b in margins)
    )
    return Limits(value, value - down, value + up)


def paired_cells(before: Audited, after: Audited, random_state: Any) -> list[PairedCells]:
    """Resample the rows that two models have decided on, for each view of their groups.

    The rows are counted by label and by both decisions, and the counts are resampled, so a
    replicate has the same rows for both models.
    """
    rows, others = before.rows, after.rows
    assert rows is not None
    assert others is not None
    pair = 2 * rows.selected.astype(np.int8) + others.selected.astype(np.int8)
    shape = (rows.groups.n_groups, len(_PAIRS), len(_PAIRS))
    codes = [rows.groups.codes, rows.positive.astype(np.int8), pair]
    sums = count_cells(codes, shape, rows.weight)
    joint = Tally(rows.groups.labels, rows.groups.names, _PAIRS, *sums)
    return [_resampled(view, random_state) for view in joint.views()]


def _resampled(view: Tally, random_state: Any) -> PairedCells:
    drawn = view.resample(N_REPLICATES, random_state=random_state)
    decisions = [(drawn[..., [0, 1]], drawn[..., [2, 3]]), (drawn[..., [0, 2]], drawn[..., [1, 3]])]
    sides = []
    for not_selected, selected in decisions:
        (tn, fn), (fp, tp) = (
            (part[..., 0, :].sum(axis=-1), part[..., 1, :].sum(axis=-1))
            for part in (not_selected, selected)
        )
        sides.append(np.stack([tn, fp, fn, tp], axis=-1))
    return PairedCells(*sides)


def correlations(before: Floats, after: Floats) -> Floats:
    """Correlation of two figures over replicates, the first axis; 0 where one doesn't vary.

    Examples
    --------
    >>> correlations(np.array([[1.0, 1], [2, 1], [3, 1]]), np.array([[1.0, 1], [2, 2], [3, 3]]))
    array([1., 0.])
    """
    known = ~(np.isnan(before) | np.isnan(after))
    n = np.maximum(known.sum(axis=0), 1)
    centred = [
        np.where(known, x - np.where(known, x, 0.0).sum(axis=0) / n, 0.0) for x in (before, after)
    ]
    product, *squares = (
        (x * y).sum(axis=0)
        for x, y in (centred, (centred[0], centred[0]), (centred[1], centred[1]))
    )
    scale = np.sqrt(squares[0] * squares[1])
    varies = scale > 1e-12 * n
    return np.clip(np.where(varies, product / np.where(varies, scale, 1.0), 0.0), -1.0, 1.0)
