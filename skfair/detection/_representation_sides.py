"""Cells of training data and of what they are compared with: rows, or known shares."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.encoding import sort_labels
from skfair._utils.text import listed
from skfair._utils.validation import check_weights
from skfair.groups import MISSING, Groups, Missing, as_label
from skfair.tally import count_cells

Floats = NDArray[np.float64]
Cells = Mapping[Hashable, Floats]
"""Sum of weights, sum of squared weights and number of rows of each cell."""

_TOLERANCE = 1e-3


class Side(NamedTuple):
    """Cells of one side and the names of the features."""

    names: tuple[str, ...]
    cells: Cells

    @property
    def n_rows(self) -> int:
        """Count the rows."""
        return int(sum(sums[2] for sums in self.cells.values()))

    def table_names(self) -> list[str]:
        """Name the tables: one a feature, and their intersection."""
        joint = " x ".join(self.names)
        return [*self.names, joint] if len(self.names) > 1 else [joint]

    def levels(self, name: str) -> tuple[str, ...]:
        """Names of the features that a table is about."""
        return (name,) if name in self.names else self.names

    def table(self, name: str) -> Cells:
        """Cells of one feature, or of the intersection."""
        if name not in self.names or len(self.names) == 1:
            return self.cells
        place = self.names.index(name)
        found: dict[Hashable, Floats] = {}
        for label, sums in self.cells.items():
            value = label[place]  # type: ignore[index]
            found[value] = found.get(value, 0.0) + sums
        return found

    def in_order_of(self, names: tuple[str, ...]) -> Side:
        """Give the same cells with the features in another order."""
        if len(names) != len(self.names):
            raise ValueError(
                f"the reference has the sensitive features {list(self.names)}, the training data "
                f"{list(names)}"
            )
        given = [n for n in (*names, *self.names) if not n.startswith("sensitive_feature_")]
        if len(names) == 1 or names == self.names or len(given) < 2 * len(names):
            return Side(names, self.cells)
        if set(names) != set(self.names):
            raise ValueError(
                f"sensitive features differ: the training data have {list(names)}, the reference "
                f"{list(self.names)}"
            )
        order = [self.names.index(name) for name in names]
        cells: dict[Hashable, Floats] = {
            tuple(label[i] for i in order): sums  # type: ignore[index]
            for label, sums in self.cells.items()
        }
        return Side(names, {label: cells[label] for label in sort_labels(cells)})


def read_side(values: Any, sample_weight: Any, missing: Missing, name: str) -> Side:
    """Count the rows of every cell."""
    groups = Groups.read(values, missing=missing)
    if len(set(groups.names)) < len(groups.names):
        raise ValueError(f"sensitive features share a name: {list(groups.names)}")
    weights = check_weights(sample_weight, len(groups))
    if weights is not None and not weights.any():
        raise ValueError(f"all of {name} are 0")
    sums = np.stack(count_cells([groups.codes], (groups.n_groups,), weights), axis=1)
    return Side(groups.names, dict(zip(groups.labels, sums.astype(np.float64), strict=True)))


def read_shares(shares: Any, train: Side) -> dict[str, dict[Hashable, float]]:
    """Read known shares into those of each table that they make possible, by its name."""
    if not isinstance(shares, Mapping | pd.Series) or len(shares) == 0:
        raise ValueError(f"shares must be a dict or Series of shares by label, got {shares!r}")
    names = train.names
    if isinstance(shares, Mapping) and isinstance(next(iter(shares.values())), Mapping | pd.Series):
        if not set(shares) <= set(names):
            raise ValueError(f"shares of {list(shares)}, but the features are {list(names)}")
        return {name: _distribution(shares[name], 1) for name in names if name in shares}
    if isinstance(shares, pd.Series) and set(shares.index.names) == set(names) and len(names) > 1:
        shares = shares.reorder_levels(list(names))
    joint = _distribution(shares, len(names))
    side = Side(names, {label: np.array([share, 0.0, 0.0]) for label, share in joint.items()})
    return {
        name: {label: float(sums[0]) for label, sums in side.table(name).items()}
        for name in side.table_names()
    }


def _distribution(shares: Any, n_features: int) -> dict[Hashable, float]:
    """Shares by label, checked and scaled to the sum 1."""
    pairs = [(_clean(label, n_features), float(share)) for label, share in shares.items()]
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"shares name a group twice: {listed(label for label, _ in pairs)}")
    values = np.array(list(found.values()))
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"shares must be finite and at least 0, got {listed(values.tolist())}")
    if abs(values.sum() - 1) > _TOLERANCE:
        raise ValueError(
            f"shares sum to {values.sum():g}, not to 1: divide percentages by 100 and counts by "
            "their sum, and give the groups that are left out"
        )
    return dict(zip(found, (values / values.sum()).tolist(), strict=True))


def _clean(label: Any, n_features: int) -> Hashable:
    """Check that a label fits the features; missing values become the group of missing values."""
    if n_features == 1:
        return MISSING if pd.api.types.is_scalar(label) and pd.isna(label) else as_label(label)
    if not isinstance(label, tuple) or len(label) != n_features:
        raise ValueError(
            f"shares of {n_features} features need tuples of {n_features} labels, got {label!r}; "
            "or give a dict of shares by feature"
        )
    return tuple(_clean(value, 1) for value in label)
