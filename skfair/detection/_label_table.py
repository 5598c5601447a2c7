"""Labels by group, and by level of what is controlled for: what pre-training metrics read."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skfair._utils.validation import (
    check_same_length,
    check_weights,
    encode_labels,
    positive_class,
)
from skfair.criteria import ClassSums
from skfair.groups import Groups, Missing, as_label, labels_index
from skfair.tally import Tally, count_cells, split_levels


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Sums by level, group and class.

    Parameters
    ----------
    labels : tuple
        Labels of the G groups.
    names : tuple of str
        Names of the sensitive features.
    classes : tuple
        The C classes, sorted.
    levels : ClassSums
        Arrays of shape (L, G, C); one level where nothing is controlled for.
    """

    labels: tuple[Hashable, ...]
    names: tuple[str, ...]
    classes: tuple[Hashable, ...]
    levels: ClassSums

    @classmethod
    def read(
        cls,
        y: Any,
        sensitive_features: Any,
        *,
        control_features: Any = None,
        sample_weight: Any = None,
        missing: Missing = "group",
        name: str = "y",
    ) -> LabelTable:
        """Count arrays, or read a tally, of which ``control_features`` names features."""
        if isinstance(y, Tally):
            if sensitive_features is not None or sample_weight is not None:
                raise ValueError("a tally brings its groups and weights along: give y alone")
            Groups.read(Groups(np.arange(y.n_groups), y.labels, y.names), missing=missing)
            return cls._of_tally(y, control_features)
        groups = Groups.read(sensitive_features, missing=missing)
        (codes,), classes = encode_labels((name, y))
        check_same_length(**{name: codes}, sensitive_features=groups)
        weights = check_weights(sample_weight, len(codes))
        levels = None
        if control_features is not None:
            levels = Groups.read(control_features, missing=missing)
            check_same_length(**{name: codes}, control_features=levels)
        axes = [groups.codes, codes] if levels is None else [levels.codes, groups.codes, codes]
        n_levels = 1 if levels is None else levels.n_groups
        shape = (n_levels, groups.n_groups, len(classes))
        sums = count_cells(axes, shape[-len(axes) :], weights)
        arrays = (array.reshape(shape).astype(np.float64) for array in sums)
        return cls(groups.labels, groups.names, classes, ClassSums(*arrays))

    @classmethod
    def _of_tally(cls, tally: Tally, control_features: Any) -> LabelTable:
        tally.check_labels("measures of the labels")
        parts = (tally.weight, tally.weight2, tally.count.astype(np.float64))
        sums = ClassSums(*(array.sum(axis=2) for array in parts))
        control = () if control_features is None else control_features
        labels, names, arrays = split_levels(tally, control, sums)
        return cls(labels, names, tally.classes, ClassSums(*arrays))

    @property
    def sums(self) -> ClassSums:
        """Sums over all levels, of shape (G, C)."""
        return self.levels.add_up()

    @property
    def index(self) -> pd.Index:
        """Labels of the groups."""
        return labels_index(self.labels, self.names)

    def place_of(self, reference: Any) -> int | None:
        """Position of the reference group.

        Raises
        ------
        ValueError
            If there is no such group.
        """
        if reference is None:
            return None
        reference = as_label(reference)
        if reference not in self.labels:
            raise ValueError(f"no group {reference!r} to refer to; groups: {list(self.labels)}")
        return self.labels.index(reference)

    def positive(self, pos_label: Any) -> int:
        """Position of the positive class.

        Raises
        ------
        ValueError
            If the positive class can't be told, or the data hold one class only.
        """
        place = positive_class(self.classes, pos_label)
        if place is None or len(self.classes) < 2:
            raise ValueError(
                f"y has one class only, {list(self.classes)}: two are needed to compare groups"
            )
        return place
