"""What a document is made of, whichever way it is written out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Heading(NamedTuple):
    """A heading; level 2 opens a section, level 3 a part of it."""

    level: int
    text: str


class Text(NamedTuple):
    """A paragraph."""

    text: str


class Items(NamedTuple):
    """A list of sentences."""

    items: Sequence[str]


class Cell(NamedTuple):
    """A cell of a table: what it shows, and the number that it is sorted by."""

    text: str
    value: float | None = None


class Table(NamedTuple):
    """A table; the first column holds names, of the others ``texts`` are no numbers."""

    caption: str
    columns: Sequence[str]
    lines: Sequence[Sequence[Cell]]
    texts: Sequence[int] = ()


class Figure(NamedTuple):
    """An estimate with the ends of its interval; None where it is undefined."""

    estimate: float | None
    low: float | None
    high: float | None


class Intervals(NamedTuple):
    """A chart of intervals: a line a name, and on it a figure of each series."""

    title: str
    alt: str
    lines: Sequence[tuple[str, Sequence[Figure]]]
    series: Sequence[str] = ("",)
    is_share: bool = True


class Curves(NamedTuple):
    """A chart of curves in the unit square."""

    title: str
    alt: str
    x: str
    y: str
    lines: Sequence[tuple[str, Sequence[float], Sequence[float]]]


class Point(NamedTuple):
    """A point of a chart: filled if it stands out, with its intervals if it is named."""

    name: str
    x: Figure
    y: Figure
    stands_out: bool
    is_named: bool = True

    @property
    def is_defined(self) -> bool:
        """Whether it has a place."""
        return self.x.estimate is not None and self.y.estimate is not None


class Points(NamedTuple):
    """A chart of numbered points, both axes shares, each cut to what is there."""

    title: str
    alt: str
    x: str
    y: str
    points: Sequence[Point]


Chart = Intervals | Curves | Points


class Charts(NamedTuple):
    """Charts beside each other."""

    charts: Sequence[Chart]


class Fold(NamedTuple):
    """Blocks that are shown on request; ``title`` says what they are."""

    title: str
    blocks: Sequence[Heading | Text | Items | Table | Charts]


Block = Heading | Text | Items | Table | Charts | Fold


def folded(by: Sequence[str], blocks: Iterable[Heading | Text | Items | Table | Charts]) -> Fold:
    """Fold what is about the intersections of several features."""
    return Fold(f"By {' and '.join(by)} together", [*blocks])
