"""Predicates: one value or bin of a column, as text and on other rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import as_floats, is_frame, select_column
from skfair._utils.encoding import factorize
from skfair.detection._features import Feature
from skfair.groups import MISSING


class Predicate(NamedTuple):
    """One condition: a value, or numbers above ``low`` and up to ``high`` where it is a bin."""

    name: Any
    position: int
    label: Any
    low: float | None
    high: float

    def __str__(self) -> str:
        if self.low is not None:
            return str(self.label)
        if isinstance(self.label, str) and self.label == MISSING:
            return f"{self.name} is missing"
        return f"{self.name} = {self.label!r}"

    @classmethod
    def of(cls, feature: Feature, code: int) -> Predicate:
        """Read a value, or the edges of a bin."""
        label = feature.groups.labels[code]
        key = feature.name, feature.position, label
        if feature.edges is None or label == MISSING:
            return cls(*key, None, np.inf)
        edges = [-np.inf, *feature.edges, np.inf]
        return cls(*key, edges[code], edges[code + 1])

    def holds(self, X: Any) -> NDArray[np.bool_]:
        """Tell which rows of X it holds for."""
        named = is_frame(X) and isinstance(self.name, str)
        _, values = select_column(X, self.name if named else self.position)
        if self.low is not None:
            numbers = as_floats(values)
            return (numbers > self.low) & (numbers <= self.high)
        codes, found = factorize(values)
        labels = [*found, MISSING]  # the code of a missing value is -1
        return np.array([label == self.label for label in labels])[codes]
