"""Tables of attention: shares in regions by cell, distances of groups, before and after."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.criteria import holm
from skfair.groups import Groups
from skfair.vision._map_sums import MapSums
from skfair.vision._map_tests import (
    cells_and_margins,
    difference_of_means,
    mean_limits,
    permutation_distances,
    sign_flip_pvalue,
)

Floats = NDArray[np.floating]
ALL = "all"


class Cells:
    """The cell of group and class of each image, and its weight."""

    def __init__(
        self,
        groups: Groups,
        codes: NDArray[np.integer],
        classes: Sequence[Hashable],
        weights: Floats,
    ) -> None:
        self.groups, self.codes, self.classes = groups, codes, list(classes)
        self.weights = weights

    @property
    def flat(self) -> NDArray[np.intp]:
        """Group times number of classes plus class."""
        return self.groups.codes.astype(np.intp) * len(self.classes) + self.codes

    def lines(self) -> Iterator[tuple[Any, Any, NDArray[np.bool_]]]:
        """Label of group and of class ("all" for margins), and which images of any weight."""
        labels, counts = self.groups.labels, self.weights > 0
        for g, c in cells_and_margins(labels, self.classes):
            inside = counts.copy()
            if g is not None:
                inside &= self.groups.codes == g
            if c is not None:
                inside &= self.codes == c
            yield ALL if g is None else labels[g], ALL if c is None else self.classes[c], inside


def attention_table(
    sums: MapSums, layers: list[str], cells: Cells, confidence_level: float
) -> pd.DataFrame:
    """Mean share of attention in each region, by group and class and over them."""
    lines = []
    for j, (name, mask) in enumerate(sums.regions.items()):
        area = mask.mean(axis=(-2, -1)) * np.ones(len(cells.weights))
        for i, layer in enumerate(layers):
            shares = sums.shares[i, j]
            for group, label, inside in cells.lines():
                known = inside & ~np.isnan(shares)
                limits = mean_limits(shares[known], cells.weights[known], confidence_level)
                size = np.average(area[inside], weights=cells.weights[inside]) if any(inside) else 0
                n = int(inside.sum())
                missing = n - int(known.sum())
                area_or_nan = size if n else np.nan
                lines.append((layer, name, group, label, n, missing, area_or_nan, *limits))
    columns = ["layer", "region", "group", "class", "n", "n_undefined", "area"]
    return _frame(lines, [*columns, "share", "low", "high"])


def distance_table(
    sums: MapSums,
    layers: list[str],
    cells: Cells,
    n_permutations: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Distances of groups' mean maps and of their shares in regions, with p-values."""
    lines = []
    labels, classes = cells.groups.labels, [*cells.classes, ALL]  # -1 is over all
    for i, layer in enumerate(layers):
        known = ~np.isnan(sums.small[i, :, 0]) & (cells.weights > 0)
        shares = zip(sums.regions, sums.shares[i], strict=True)
        for name, values in (("map", sums.small[i]), *((n, s[:, None]) for n, s in shares)):
            found = permutation_distances(
                values[known].astype(np.float64),
                cells.codes[known],
                cells.groups.codes[known],
                cells.weights[known],
                n_permutations=n_permutations,
                rng=rng,
            )
            adjusted = holm(np.array([one.pvalue for one in found]))
            for (stratum, a, b, *figures), p in zip(found, adjusted, strict=True):
                pair = labels[a], labels[b]
                lines.append((layer, name, classes[stratum], *pair, *figures, float(p)))
    columns = ["layer", "of", "class", "group_a", "group_b", "distance", "expected", "pvalue"]
    return _frame(lines, [*columns, "adjusted_pvalue"])


def comparison_table(
    before: Floats,
    after: Floats,
    layers: list[str],
    regions: Sequence[str],
    cells: Cells,
    *,
    confidence_level: float,
    n_permutations: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare shares of the same images, (n_layers, n_regions, n) before and after."""
    lines = []
    for i, layer in enumerate(layers):
        for j, region in enumerate(regions):
            one, other = before[i, j], after[i, j]
            for group, label, inside in cells.lines():
                known = inside & ~np.isnan(one) & ~np.isnan(other)
                n = int(known.sum())
                if n == 0:
                    lines.append((layer, region, group, label, n, *(np.nan,) * 6))
                    continue
                weights = cells.weights[known]
                change = (other - one)[known]
                figures = difference_of_means(change, weights, confidence_level)
                means = (float(np.average(part[known], weights=weights)) for part in (one, other))
                p = sign_flip_pvalue(change, weights, n_permutations, rng)
                lines.append((layer, region, group, label, n, *means, *figures, p))
    columns = ["layer", "region", "group", "class", "n", "before", "after", "difference"]
    return _frame(lines, [*columns, "low", "high", "pvalue"])


def _frame(lines: list[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    values = list(zip(*lines, strict=True)) if lines else [()] * len(columns)
    words = ("layer", "region", "of", "group", "group_a", "group_b", "class")
    return pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=object if name in words else None)
            for name, column in zip(columns, values, strict=True)
        }
    )
