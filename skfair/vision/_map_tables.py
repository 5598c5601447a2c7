"""Tables of attention: shares in regions by cell, distances of groups, before and after."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric, warn_user
from skfair.criteria import holm
from skfair.groups import Groups
from skfair.vision._map_sums import MapSums
from skfair.vision._map_tests import (
    Distance,
    cells_and_margins,
    mean_limits,
    permutation_distances,
)

Floats = NDArray[np.floating]
ALL = "all"

_LEAST, _PER_LINE, _MOST = 999, 50, 19_999  # permutations


class Cells:
    """The cell of group and class of each image, and its weight.

    Raises
    ------
    ValueError
        If a class, or one of several groups, is named "all", as margins are.
    """

    def __init__(
        self,
        groups: Groups,
        codes: NDArray[np.integer],
        classes: Sequence[Hashable],
        weights: Floats,
    ) -> None:
        self.groups, self.codes, self.classes = groups, codes, list(classes)
        self.weights = weights
        for kind, labels in (
            ("group", groups.labels if groups.n_groups > 1 else ()),
            ("class", self.classes),
        ):
            if ALL in labels:
                raise ValueError(f'a {kind} can\'t be named "all", which stands for all of them')

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
    return line_frame(lines, [*columns, "share", "low", "high"])


def choose_n_permutations(n_permutations: int | None, cells: Cells, alpha: float) -> int:
    """Choose how many permutations there are: so many that p-values can survive the adjustment.

    Warns
    -----
    UserWarning
        If they are too few for that.
    """
    there = np.unique(cells.flat[cells.weights > 0]) % len(cells.classes)
    n_groups = np.bincount(there)
    n_lines = int((n_groups * (n_groups - 1) // 2).sum())
    n = n_permutations or min(max(_LEAST, _PER_LINE * n_lines - 1), _MOST)
    if n_lines > alpha * (n + 1):
        warn_user(
            f"there are {n_lines} distances of groups by class, so after {n} permutations no "
            f"adjusted p-value of them can be below {min(n_lines / (n + 1), 1):.2g}: take more "
            "n_permutations, merge groups or classes, or look at those over all classes"
        )
    return n


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
            for (stratum, a, b, *figures), p in zip(found, _adjusted(found), strict=True):
                pair = labels[a], labels[b]
                lines.append((layer, name, classes[stratum], *pair, *figures, p))
    columns = ["layer", "of", "class", "group_a", "group_b", "distance", "expected", "pvalue"]
    return line_frame(lines, [*columns, "adjusted_pvalue"])


def _adjusted(found: list[Distance]) -> list[float]:
    """Adjust p-values by Holm's method: those over all classes, and by themselves those by class.

    Examples
    --------
    >>> lines = [Distance(stratum, 0, 1, 0.5, 0.1, 0.02) for stratum in (-1, 0, 1)]
    >>> _adjusted(lines)
    [0.02, 0.04, 0.04]
    """
    pvalues = np.array([one.pvalue for one in found])
    is_over = np.array([one.stratum < 0 for one in found], dtype=bool)
    adjusted = np.zeros(len(found))
    for family in (is_over, ~is_over):
        adjusted[family] = holm(pvalues[family])
    return [float(p) for p in adjusted]


def warn_of_gaps(maps: Floats, cells: Cells, has_groups: bool) -> None:
    """Warn of cells without a map, and of a single group."""
    labels = cells.groups.labels
    empty = np.isnan(maps[:, :, :, 0, 0]).any(axis=0)
    notes = []
    if empty.any():
        named = [(labels[g], cells.classes[c]) for g, c in np.argwhere(empty).tolist()]
        notes.append(f"no map of (group, class) {listed(named)}: no images, or maps that are 0")
    if has_groups and len(labels) == 1:
        notes.append(f"there is one group only, {labels[0]!r}, so no distance")
    if notes:
        warn_undefined_metric("; ".join(notes))


def line_frame(lines: list[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    """Make a table of lines; names keep their types."""
    values = list(zip(*lines, strict=True)) if lines else [()] * len(columns)
    words = ("layer", "region", "of", "group", "group_a", "group_b", "class")
    return pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=object if name in words else None)
            for name, column in zip(columns, values, strict=True)
        }
    )
