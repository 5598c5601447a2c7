"""Predicates: one value or bin of a column, as text and on other rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import is_frame, select_column
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
        """Read a value, or the ends of a bin, which are values of the data."""
        label = feature.groups.labels[code]
        key = feature.name, feature.position, label
        if feature.numbers is None or not isinstance(label, str) or label == MISSING:
            return cls(*key, None, np.inf)
        n_bins = sum(other != MISSING for other in feature.groups.labels)
        upper = [
            feature.numbers[feature.groups.codes == c].max() for c in (code - 1, code) if c >= 0
        ]
        low = -np.inf if code == 0 else float(upper[0])
        return cls(*key, low, np.inf if code == n_bins - 1 else float(upper[-1]))

    def holds(self, X: Any) -> NDArray[np.bool_]:
        """Tell which rows of X it holds for."""
        named = is_frame(X) and isinstance(self.name, str)
        _, values = select_column(X, self.name if named else self.position)
        if self.low is not None:
            series = pd.Series(values)
            numbers = series.where(series.notna(), np.nan).astype(float).to_numpy()
            return (numbers > self.low) & (numbers <= self.high)
        codes, found = factorize(values)
        labels = [*found, MISSING]  # the code of a missing value is -1
        return np.array([label == self.label for label in labels])[codes]
