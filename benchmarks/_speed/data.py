"""People to count and to learn from, of any number of rows, groups and columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np
import pandas as pd

from .case import Size


def installed(library: str) -> bool:
    return find_spec(library) is not None


@dataclass(frozen=True)
class People:
    """Rows whose labels, predictions and scores hang on the group.

    Made when first asked for: name what a run needs, lest making it be timed.
    """

    size: Size

    @classmethod
    def with_parts(cls, size: Size, *names: str) -> People:
        people = cls(size)
        for name in names:
            getattr(people, name)
        return people

    @cached_property
    def codes(self) -> np.ndarray:
        return np.random.default_rng(1).integers(0, self.size.groups, self.size.rows)

    @cached_property
    def names(self) -> np.ndarray:
        return np.array([f"group {i:04d}" for i in range(self.size.groups)], dtype=object)

    @cached_property
    def strings(self) -> np.ndarray:
        return self.names[self.codes]

    @cached_property
    def categories(self) -> pd.Series:
        return pd.Series(pd.Categorical.from_codes(self.codes, self.names))

    @cached_property
    def y(self) -> np.ndarray:
        """More positives in later groups."""
        chance = 0.3 + 0.4 * self.codes / self.size.groups
        return (np.random.default_rng(2).random(self.size.rows) < chance).astype(np.int64)

    @cached_property
    def score(self) -> np.ndarray:
        """Chances, a little better told in later groups."""
        noise = np.random.default_rng(3).normal(size=self.size.rows)
        return 1 / (1 + np.exp(-(noise + self.y * (1 + self.codes / self.size.groups) - 0.7)))

    @cached_property
    def y_pred(self) -> np.ndarray:
        return (self.score > 0.5).astype(np.int64)

    @cached_property
    def features(self) -> np.ndarray:
        """Ten columns that tell label and group, the rest noise."""
        X = np.random.default_rng(4).normal(size=(self.size.rows, self.size.columns))
        told = min(10, self.size.columns)
        signal = self.y + self.codes / self.size.groups
        X[:, :told] += 0.4 * signal[:, None]
        return X

    @cached_property
    def indexed_y(self) -> pd.Series:
        """Labels as AIF360 wants them: groups in the index."""
        return pd.Series(self.y, index=pd.Index(self.strings, name="group"))


def by_group(codes: np.ndarray, n_groups: int, values: np.ndarray) -> np.ndarray:
    """Mean of values in each group."""
    sizes = np.bincount(codes, minlength=n_groups)
    return np.bincount(codes, values, minlength=n_groups) / np.maximum(sizes, 1)


def accuracy_and_parity(people: People, chance: np.ndarray) -> tuple[float, float]:
    """Expected accuracy of decisions by chance, and the difference in selection rates."""
    rates = by_group(people.codes, people.size.groups, chance)
    return float(np.where(people.y == 1, chance, 1 - chance).mean()), float(np.ptp(rates))
