"""The grid of control and sensitive levels that a MetricFrame's results are laid out on."""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import named_columns
from skfair._utils.encoding import smallest_codes
from skfair._utils.validation import merge_sorted
from skfair.groups import MISSING, Groups, Missing, labels_index
from skfair.metrics._rows import rows_by_code


@dataclass(frozen=True)
class FrameGrid:
    """All combinations of levels: K combinations of control x S of sensitive features.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        Cell of each row, control-major, in ``range(K * S)``.
    control, sensitive : tuple of Groups
        One a feature.
    """

    codes: NDArray[np.integer]
    control: tuple[Groups, ...]
    sensitive: tuple[Groups, ...]

    @classmethod
    def read(
        cls, sensitive_features: Any, control_features: Any, n: int, *, missing: Missing = "group"
    ) -> FrameGrid:
        """Read features; names are checked as fairlearn's MetricFrame does.

        Raises
        ------
        ValueError
            If a name is no string or occurs twice, or a feature has another number of rows.
        """
        sensitive = _read_features(sensitive_features, "sensitive_feature_", n, missing)
        control = _read_features(control_features, "control_feature_", n, missing)
        features = (*control, *sensitive)
        names = [feature.name for feature in features]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"Detected duplicate feature name: '{name}'")
        sizes = [feature.n_groups for feature in features]
        codes = np.zeros(n, dtype=np.intp)
        for feature, size in zip(features, sizes, strict=True):
            codes *= size
            codes += feature.codes
        return cls(smallest_codes(codes, math.prod(sizes)), control, sensitive)

    @property
    def shape(self) -> tuple[int, int]:
        """K and S."""
        return _size(self.control), _size(self.sensitive)

    @property
    def control_index(self) -> pd.Index:
        """Index of the K combinations of control levels."""
        return _product(self.control)

    @property
    def index(self) -> pd.Index:
        """Index of all K * S combinations."""
        return _product((*self.control, *self.sensitive))

    @functools.cached_property
    def counts(self) -> NDArray[np.int64]:
        """Numbers of rows, of shape (K * S,)."""
        return np.bincount(self.codes, minlength=math.prod(self.shape))

    def as_groups(self) -> Groups:
        """Cells as groups, for a Tally."""
        labels: tuple[Hashable, ...] = tuple(range(math.prod(self.shape)))
        return Groups(self.codes, labels, ("cell",))

    def rows_by_cell(self) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield each cell that has rows, with their positions in order."""
        yield from _parts_with_rows(self.codes, math.prod(self.shape))

    def rows_by_control(self) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield each combination of control levels that has rows, with their positions."""
        n_control, n_sensitive = self.shape
        yield from _parts_with_rows(self.codes.astype(np.intp) // n_sensitive, n_control)


def _read_features(values: Any, default: str, n: int, missing: Missing) -> tuple[Groups, ...]:
    if values is None:
        return ()
    whole = f"{default.removesuffix('_')}s"  # the argument, for messages
    if isinstance(values, Groups):
        return _split(Groups.read(values, missing=missing).check_length(range(n), whole))
    features = []
    for i, (given, column) in enumerate(named_columns(values)):
        name = f"{default}{i}" if given is None else given
        if not isinstance(name, str):
            raise ValueError(f"Feature names must be strings. '{name}' was of type {type(name)}")
        features.append(Groups.read({name: column}, missing=missing).check_length(range(n), whole))
    if not features:
        raise ValueError("no feature is given")
    return tuple(features)


def _split(groups: Groups) -> tuple[Groups, ...]:
    """Each feature of intersectional groups, as if their columns had been given."""
    if len(groups.names) == 1:
        return (groups,)
    return tuple(_feature(groups, i) for i in range(len(groups.names)))


def _feature(groups: Groups, i: int) -> Groups:
    labels: list[Any] = list(groups.labels)
    beside: dict[Any, dict[Any, None]] = {}  # levels beside the same levels are in their order
    for label in labels:
        beside.setdefault((*label[:i], *label[i + 1 :]), {})[label[i]] = None
    known = [[level for level in found if level != MISSING] for found in beside.values()]
    levels = merge_sorted(known) + (MISSING,) * any(MISSING in found for found in beside.values())
    place = {level: code for code, level in enumerate(levels)}
    lookup = smallest_codes(np.array([place[label[i]] for label in labels]), len(levels))
    return Groups(lookup[groups.codes], levels, (groups.names[i],))


def _size(features: tuple[Groups, ...]) -> int:
    return math.prod(feature.n_groups for feature in features)


def _product(features: tuple[Groups, ...]) -> pd.Index:
    if len(features) == 1:
        return labels_index(features[0].labels, features[0].names)
    return pd.MultiIndex.from_product(
        [feature.labels for feature in features], names=[feature.name for feature in features]
    )


def _parts_with_rows(codes: NDArray[np.integer], n: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
    return ((code, rows) for code, rows in enumerate(rows_by_code(codes, n)) if len(rows))
