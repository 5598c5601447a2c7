"""Rows and images that are equal or nearly equal, and the clusters that they make."""

from __future__ import annotations

from skfair.similarity._exact import combine_codes, equal_pairs, row_codes
from skfair.similarity._hamming import hamming_distances, hamming_pairs
from skfair.similarity._hashes import HashMethod, perceptual_hashes, shrink
from skfair.similarity._neighbours import MAX_PAIRS, NEAR_TOL, near_pairs, radius_pairs
from skfair.similarity._pairs import RowPairs, cluster_pairs

__all__ = [
    "MAX_PAIRS",
    "NEAR_TOL",
    "HashMethod",
    "RowPairs",
    "cluster_pairs",
    "combine_codes",
    "equal_pairs",
    "hamming_distances",
    "hamming_pairs",
    "near_pairs",
    "perceptual_hashes",
    "radius_pairs",
    "row_codes",
    "shrink",
]
