"""Rows that are equal or nearly equal, and the clusters that they make."""

from __future__ import annotations

from skfair.similarity._exact import combine_codes, equal_pairs, row_codes
from skfair.similarity._neighbours import MAX_PAIRS, NEAR_TOL, near_pairs, radius_pairs
from skfair.similarity._pairs import RowPairs, cluster_pairs

__all__ = [
    "MAX_PAIRS",
    "NEAR_TOL",
    "RowPairs",
    "cluster_pairs",
    "combine_codes",
    "equal_pairs",
    "near_pairs",
    "radius_pairs",
    "row_codes",
]
