"""Tallies: additive sums per group, from arrays and data frames."""

from __future__ import annotations

from skfair.tally._cells import one_against_rest
from skfair.tally._frame import TooManyValuesError
from skfair.tally._kernel import count_cells, sum_cells
from skfair.tally._levels import split_levels
from skfair.tally._moments import MomentTally
from skfair.tally._numbers import NumberSummary, summarise_numbers
from skfair.tally._scores import ScoreTally
from skfair.tally._slices import tallies_over_time
from skfair.tally._soft import soft_cells
from skfair.tally._tally import Tally
from skfair.tally._values import ValueCounts, check_few_values, column_kinds, count_values

__all__ = [
    "MomentTally",
    "NumberSummary",
    "ScoreTally",
    "Tally",
    "TooManyValuesError",
    "ValueCounts",
    "check_few_values",
    "column_kinds",
    "count_cells",
    "count_values",
    "one_against_rest",
    "soft_cells",
    "split_levels",
    "sum_cells",
    "summarise_numbers",
    "tallies_over_time",
]
