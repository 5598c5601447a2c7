"""A criterion's gap over decision thresholds, from a tally of scores."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import Criterion, Gap, gap_interval
from skfair.tally import ScoreTally


def gap_curve(criterion: Criterion, cells: NDArray[np.float64], gap: Gap) -> NDArray[np.float64]:
    """Gap at each threshold; NaN where a group's rate is undefined because of the decisions.

    A group that nobody is selected from has no precision: that is no reason to leave it out, since
    the gap would seem to close just there. Groups without positives are left out at all thresholds.

    Parameters
    ----------
    criterion : Criterion
    cells : ndarray of float of shape (n_thresholds, n_groups, 4)
        In the order tn, fp, fn, tp.
    gap : {"difference", "ratio"}

    Returns
    -------
    values : ndarray of float of shape (n_thresholds,)

    Examples
    --------
    >>> from skfair.criteria import get_criterion
    >>> cells = np.array([[[1.0, 1, 1, 1], [0, 2, 0, 2]], [[2, 0, 2, 0], [1, 1, 1, 1]]])
    >>> gap_curve(get_criterion("demographic_parity"), cells, "difference")
    array([0.5, 0.5])
    >>> gap_curve(get_criterion("predictive_parity"), cells, "difference")
    array([ 0., nan])
    """
    values = np.asarray(criterion(cells, gap=gap))
    occupied = cells.sum(axis=-1) > 0
    for rate in criterion.rates:
        if not rate.is_linear:
            values = np.where((np.isnan(rate(cells)) & occupied).any(axis=1), np.nan, values)
    return values


def gap_limits(
    tally: ScoreTally,
    criterion: Criterion,
    gap: Gap,
    confidence_level: float,
    min_group_size: int | None,
) -> NDArray[np.float64]:
    """Low and high limit of the gap at each threshold, of shape (2, n_thresholds)."""
    options: dict[str, Any] = {"gap": gap, "min_group_size": min_group_size}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # given once, for all thresholds
        found = [
            gap_interval(tally.at(t), criterion, confidence_level=confidence_level, **options)
            for t in tally.edges
        ]
    return np.array([(interval.low, interval.high) for interval in found]).T


def warn_left_out(
    tally: ScoreTally,
    criterion: Criterion,
    cells: NDArray[np.float64],
    min_group_size: int | None,
) -> NDArray[np.bool_]:
    """Warn of groups that are in the gap at no threshold; return which are too small."""
    small = tally.group_counts < (min_group_size or 0)
    undefined = {
        rate.name: np.isnan(rate(cells[0])) & ~small for rate in criterion.rates if rate.is_linear
    }
    notes = [
        f"{name} of groups {listed(tally.labels[i] for i in np.flatnonzero(lost))} is undefined "
        "(0/0)"
        for name, lost in undefined.items()
        if lost.any()
    ]
    if small.any():
        names = listed(tally.labels[i] for i in np.flatnonzero(small))
        notes.append(f"groups with fewer than {min_group_size} rows: {names}")
    if notes:
        warn_undefined_metric(f"left out of {criterion.name}: {'; '.join(notes)}")
    return small
