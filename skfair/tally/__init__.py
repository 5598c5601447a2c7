"""Tallies: additive sums per group, from arrays and data frames."""

from __future__ import annotations

from skfair.tally._kernel import count_cells, sum_cells
from skfair.tally._levels import split_levels
from skfair.tally._moments import MomentTally
from skfair.tally._scores import ScoreTally
from skfair.tally._soft import soft_cells
from skfair.tally._tally import Tally, one_against_rest

__all__ = [
    "MomentTally",
    "ScoreTally",
    "Tally",
    "count_cells",
    "one_against_rest",
    "soft_cells",
    "split_levels",
    "sum_cells",
]
