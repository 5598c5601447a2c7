"""The grid of control and sensitive levels that a MetricFrame's results are laid out on."""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Iterator, Sequence
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
from skfair.tally import Tally, split_levels


@dataclass(frozen=True)
class FrameGrid:
    """All combinations of levels: K combinations of control x S of sensitive features.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        Cell of each row, control-major, in ``range(K * S)``.
    control, sensitive : tuple of Groups
        One a feature.
    sizes : ndarray of int of shape (n,), default=None
        Number of rows that each code stands for; None: one.
    """

    codes: NDArray[np.integer]
    control: tuple[Groups, ...]
    sensitive: tuple[Groups, ...]
    sizes: NDArray[np.int64] | None = None

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
        names = [feature.name for feature in (*control, *sensitive)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"Detected duplicate feature name: '{name}'")
        return cls(_cross(n, (*control, *sensitive)), control, sensitive)

    @classmethod
    def of_tally(cls, tally: Tally, control_features: str | Sequence[str] = ()) -> FrameGrid:
        """Lay the groups of a tally out, each a code, as the rows' features would be.

        Raises
        ------
        ValueError
            If a control feature isn't among the tally's names, or no other name is left.
        """
        _, rest, _ = split_levels(tally, control_features, ())
        features = _split(Groups(np.arange(tally.n_groups), tally.labels, tally.names))
        held = [control_features] if isinstance(control_features, str) else control_features
        by_name = {feature.name: feature for feature in features}
        control, sensitive = (tuple(by_name[name] for name in names) for names in (held, rest))
        codes = _cross(tally.n_groups, (*control, *sensitive))
        return cls(codes, control, sensitive, tally.group_counts)

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
        counts = np.bincount(self.codes, self.sizes, math.prod(self.shape))
        return counts.astype(np.int64)

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


def _cross(n: int, features: tuple[Groups, ...]) -> NDArray[np.integer]:
    """Code of each row in the product of features, the last of them running fastest."""
    codes = np.zeros(n, dtype=np.intp)
    for feature in features:
        codes *= feature.n_groups
        codes += feature.codes
    return smallest_codes(codes, _size(features))


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
