"""What is timed: a case at a size, and its sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

OURS, FLOOR = "skfair", "floor"


class Size(NamedTuple):
    """What a case's time may grow with; 0 where it has no such thing."""

    rows: int = 0
    groups: int = 0
    columns: int = 0

    @property
    def cells(self) -> int:
        return self.rows * max(self.columns, 1)

    @property
    def text(self) -> str:
        parts = [f"{count:,} {name}" for name, count in self._asdict().items() if count]
        return ", ".join(parts) or "no data"


class Side(NamedTuple):
    """One way to do a case's work.

    ``run`` is what is timed; ``answer`` makes of its result the few numbers that are compared.
    ``peak`` measures the memory where it isn't this process's own.
    """

    name: str
    run: Callable[[], Any]
    answer: Callable[[Any], Any] = lambda result: None
    peak: Callable[[], float] | None = None

    def solve(self) -> np.ndarray | None:
        found = self.answer(self.run())
        return None if found is None else np.asarray(found, dtype=float)


Make = Callable[[Size], list[Side]]


@dataclass(frozen=True)
class Case:
    """One kind of work.

    Parameters
    ----------
    name, work, floor : str
        Its name, what is done, and what the floor does.
    make : callable of Size to list of Side
        Makes data of a size, and the sides that are installed.
    base : Size
        Of the headline table.
    grows : mapping of str to (Size, tuple of int), default={}
        For "rows", "groups" and "columns": the size and the values that replace its count.
    peers : tuple of str, default=()
        Sides that are listed even where they are not installed.
    atol : float or None, default=None
        Largest difference at which answers are the same; None where they can't be.
    figures : tuple of str, default=()
        Names of the answers' numbers, which are shown where they can't be the same.
    patience : float, default=1.0
        How many times as long as usual a first run may take.
    """

    name: str
    work: str
    floor: str
    make: Make
    base: Size
    grows: Mapping[str, tuple[Size, tuple[int, ...]]] = field(default_factory=dict)
    peers: tuple[str, ...] = ()
    atol: float | None = None
    figures: tuple[str, ...] = ()
    patience: float = 1.0

    def sizes(self, *, quick: bool = False) -> list[Size]:
        """The base size, then all that it grows to, small ones first."""
        if quick:
            return [self.base._replace(rows=min(self.base.rows, 5_000))]
        found = {
            start._replace(**{axis: value})
            for axis, (start, values) in self.grows.items()
            for value in values
        }
        rest = sorted(found - {self.base}, key=lambda size: (size.cells, size))
        return [self.base, *rest]

    def agreement(self, own: np.ndarray | None, other: np.ndarray | None) -> str:
        """In words: whether a side came to skfair's answer, or both answers."""
        if own is None or other is None:
            return ""
        if self.atol is None:
            pairs = zip(self.figures, own, other, strict=True)
            return "; ".join(f"{name} {b:.3g} ({a:.3g})" for name, a, b in pairs)
        if own.shape != other.shape:
            return f"DIFFERS: {other.size} numbers for {own.size}"
        if not own.size or np.array_equal(own, other, equal_nan=True):
            return "same"
        far = float(np.abs(own - other).max())
        return "same" if far <= self.atol else f"DIFFERS by up to {far:.2g}"
