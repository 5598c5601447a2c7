"""Results of a run, cut into places and compared."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .analysis import Comparison, Missing, adjusted, compare_all
from .place import Key, Place, read_frame
from .store import Store, other_code


class Findings:
    """Results of a run, cut by data, groups and model, and compared."""

    def __init__(self, store: Store, data: Sequence[str] = ()) -> None:
        kept = [row for row in store.latest() if not data or row["data"] in data]
        self.rows = [row for row in kept if not row["rows"]] or kept
        self.machines = store.machines()
        self.frame = read_frame(self.rows)
        parts = self.frame.groupby(["data", "sensitive", "model"], sort=False)
        self.places = [self._place(tuple(map(str, key)), part) for key, part in parts]  # type: ignore[arg-type]
        self.compared: list[tuple[Place, Comparison]] = []
        self.missing: list[tuple[Place, Missing]] = []
        for place in self.places:
            found, missing = compare_all(place)
            self.compared += [(place, c) for c in found]
            self.missing += [(place, m) for m in missing]
        self._pvalues = adjusted([c for place, c in self.compared if place.large])

    def _place(self, key: Key, part: pd.DataFrame) -> Place:
        names = ("data", "sensitive", "model")
        failed = [r for r in self.rows if "error" in r and tuple(r[n] for n in names) == key]
        return Place(key, part, failed)

    def pvalue(self, comparison: Comparison) -> float:
        """By Holm over the comparisons on large tables; NaN where it isn't one."""
        return self._pvalues.get(id(comparison), float("nan"))

    def codes(self) -> pd.DataFrame:
        """Results by method and whether they come from the present code."""
        names = set(self.frame["method"])
        kept = [row for row in self.rows if row["method"] in names and "error" not in row]
        told = pd.DataFrame([(row["method"], other_code(row)) for row in kept])
        counts = told.value_counts().unstack(fill_value=0)
        return counts.reindex(columns=["same", "other", "untold"], fill_value=0)
