"""Tallies: additive sums per group, from arrays and data frames."""

from __future__ import annotations

from skfair.tally._scores import ScoreTally
from skfair.tally._soft import soft_cells
from skfair.tally._tally import Tally

__all__ = ["ScoreTally", "Tally", "soft_cells"]
