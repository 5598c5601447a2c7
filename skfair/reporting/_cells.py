"""Cells and figures of a report's plain values."""

from __future__ import annotations

from collections.abc import Sequence

from skfair.reporting._blocks import Cell, Figure
from skfair.reporting._plain import Plain
from skfair.reporting._words import count, group_name, percent, plain, points, pvalue

SHORT = 40


def name_cell(group: list[str]) -> Cell:
    """Write the full name of a group."""
    return Cell(group_name(group))


def count_cell(n: int) -> Cell:
    """Write a number of rows."""
    return Cell(count(n), n)


def share_cell(line: Plain) -> Cell:
    """Share with its interval.

    Examples
    --------
    >>> share_cell({"estimate": 0.5, "low": 0.4, "high": 0.6}).text
    '50.0 % (40.0 to 60.0)'
    """
    return _cell(line, lambda x: f"{100 * x:.1f}", " %")


def points_cell(line: Plain) -> Cell:
    """Difference of shares in percentage points, with its interval.

    Examples
    --------
    >>> points_cell({"estimate": -0.05, "low": -0.1, "high": 0.01}).text
    '-5.0 (-10.0 to +1.0)'
    """
    return _cell(line, points, "")


def plain_cell(line: Plain, digits: int = 2) -> Cell:
    """Write a number with its interval."""
    return _cell(line, lambda x: plain(x, digits), "")


def gap_cell(line: Plain, gap: str) -> Cell:
    """Gap in percentage points, or a ratio, with its interval."""
    return plain_cell(line) if gap == "ratio" else _cell(line, lambda x: f"{100 * x:.1f}", "")


def pvalue_cell(value: float | None) -> Cell:
    """Write a p-value."""
    return Cell(pvalue(value), value)


def number_cell(value: float | None, digits: int = 2) -> Cell:
    """Write a number without an interval."""
    return Cell(plain(value, digits), value)


def percent_cell(value: float | None) -> Cell:
    """Write a share without an interval."""
    return Cell(percent(value), value)


def figure_of(line: Plain) -> Figure:
    """Take the estimate and its interval out of a plain value."""
    return Figure(line["estimate"], line["low"], line["high"])


def described(
    title: str, lines: Sequence[tuple[str, Figure]], *, is_share: bool = True, most: int = 12
) -> str:
    """Say in words what a chart of intervals shows."""
    parts = []
    for name, figure in lines[:most]:
        line = figure._asdict()
        cell = share_cell(line) if is_share else plain_cell(line)
        parts.append(f"{name} {cell.text}")
    more = len(lines) - most
    rest = f"; and {more} more" if more > 0 else ""
    return f"{title}: {'; '.join(parts)}{rest}."


def _cell(line: Plain, write, unit: str) -> Cell:  # type: ignore[no-untyped-def]
    if line["estimate"] is None:
        return Cell("undefined")
    text = f"{write(line['estimate'])}{unit}"
    if line["low"] is None and line["high"] is None:
        return Cell(text, line["estimate"])
    low, high = (
        edge if line[end] is None else write(line[end])
        for end, edge in (("low", "no bound"), ("high", "no bound"))
    )
    return Cell(f"{text} ({low} to {high})", line["estimate"])
