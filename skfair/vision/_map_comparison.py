"""Two networks' attention to the same images: whether it can be compared, and the comparison."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair.vision._map_tables import Cells, line_frame
from skfair.vision._map_tests import difference_of_means, sign_flip_pvalue
from skfair.vision._regions import Masks

Floats = NDArray[np.floating]


class MapRecord(NamedTuple):
    """What maps are of: images (a digest), cells, regions, layers, settings; and their shares.

    ``shares`` has the shape (n_layers, n_regions, n).
    """

    images: str
    cells: Cells
    regions: Masks
    layers: list[str]
    settings: dict[str, Any]
    shares: Floats


def shares_frame(record: MapRecord) -> pd.DataFrame:
    """Lay out shares of attention, a line an image, a column a layer and region."""
    names = [record.layers, list(record.regions)]
    columns = pd.MultiIndex.from_product(names, names=["layer", "region"])
    n = record.shares.shape[-1]
    return pd.DataFrame(record.shares.reshape(len(columns), n).T, columns=columns)


def refuse_unlike(before: MapRecord, after: MapRecord) -> None:
    """Raise ValueError if two networks' maps aren't of the same images, made in the same way."""
    one, other = before.cells, after.cells
    same = (
        before.images == after.images
        and np.array_equal(one.flat, other.flat)
        and one.groups.labels == other.groups.labels
        and one.classes == other.classes
        and np.array_equal(one.weights, other.weights)
    )
    if not same:
        raise ValueError(
            "both must be fitted to the same images, with the same groups, weights and labels "
            "(give y, since predicted classes differ)"
        )
    for name in before.settings:
        if before.settings[name] != after.settings.get(name):
            raise ValueError(
                f"both must be fitted with the same {name}: there are {before.settings[name]!r} "
                f"and {after.settings.get(name)!r}"
            )
    if not before.regions:
        raise ValueError("there is no region to compare: fit both with regions=")
    if before.regions.keys() != after.regions.keys() or not all(
        np.array_equal(mask, after.regions[name]) for name, mask in before.regions.items()
    ):
        raise ValueError("both must be fitted with the same regions")
    if len(before.layers) != len(after.layers):
        raise ValueError(
            f"layers are compared by position, and there are {listed(before.layers)} and "
            f"{listed(after.layers)}"
        )


def comparison_table(
    before: MapRecord,
    after: MapRecord,
    *,
    confidence_level: float,
    n_permutations: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare shares of the same images before and after."""
    lines = []
    cells = before.cells
    for i, layer in enumerate(before.layers):
        for j, region in enumerate(before.regions):
            one, other = before.shares[i, j], after.shares[i, j]
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
    return line_frame(lines, [*columns, "low", "high", "pvalue"])
