"""Distance of the groups' distributions of scores, from a tally of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skfair.criteria import ClassSums, ordered_limits
from skfair.criteria.distributions import distribution_band
from skfair.detection._label_table import LabelTable
from skfair.detection._metric_parts import Floats, limits_table
from skfair.groups import Groups, Missing
from skfair.tally import ScoreTally


def score_distance(
    tally: ScoreTally, reference: Any, confidence_level: float, missing: Missing
) -> pd.DataFrame:
    """Kolmogorov and Smirnov's distance at the edges, and the largest there may be within bins.

    Parameters
    ----------
    tally : ScoreTally
    reference : label or None
    confidence_level : float
    missing : {"group", "raise"}

    Returns
    -------
    DataFrame of shape (n_groups, 4)
        Columns estimate, low, high and most.
    """
    Groups.read(Groups(np.arange(tally.n_groups), tally.labels, tally.names), missing=missing)
    parts = (tally.weight, tally.weight2, tally.count.astype(np.float64))
    levels = ClassSums(*(array.sum(axis=1)[None] for array in parts))
    bins = tuple(range(len(tally.edges) + 1))
    table = LabelTable(tally.labels, tally.names, bins, levels)
    place = table.place_of(reference)
    own, rest = table.sums, table.sums.others(place)
    at_edges = ordered_limits(rest, own, confidence_level=confidence_level)
    most = np.fmax(_most(rest.shares, own.shares), at_edges.value)
    high = np.minimum(most + distribution_band(rest, own, confidence_level), 1.0)
    limits = at_edges.value, at_edges.low, high
    frame = limits_table(limits, table.index, "kolmogorov_smirnov", reference=place)
    if place is not None:
        most[place] = 0.0
    return frame.assign(most=np.where(np.isnan(at_edges.value), np.nan, most))


def _most(p: Floats, q: Floats) -> Floats:
    """Largest distance of any two distributions with these shares of bins.

    Within a bin one function may have risen to its end, and the other not yet.
    """
    p_end, q_end = np.cumsum(p, axis=-1), np.cumsum(q, axis=-1)
    apart = np.maximum(p_end - (q_end - q), q_end - (p_end - p))
    return np.asarray(np.minimum(apart.max(axis=-1), 1.0))
