"""What rates and criteria are called, and what they mean, in words that need no book."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple
from unicodedata import bidirectional, east_asian_width


class Words(NamedTuple):
    """Name of a figure and what it means, in one sentence."""

    title: str
    meaning: str


SIDES = ("before", "after")
"""What the two models of a comparison are called."""

RATES = {
    "base_rate": Words("Base rate", "The share of rows whose label is positive."),
    "selection_rate": Words(
        "Selection rate", "The share of rows that the model predicts as positive."
    ),
    "true_positive_rate": Words(
        "True positive rate", "Of rows whose label is positive, the share that the model finds."
    ),
    "false_positive_rate": Words(
        "False positive rate",
        "Of rows whose label is negative, the share that the model calls positive.",
    ),
    "positive_predictive_value": Words(
        "Precision", "Of rows that the model calls positive, the share whose label is positive."
    ),
    "accuracy": Words(
        "Accuracy", "The share of rows that the model predicts as they are labelled."
    ),
}
"""The rates that a report shows."""

CRITERIA = {
    "demographic_parity": Words(
        "Demographic parity", "It asks that every group be selected as often as any other."
    ),
    "disparate_impact": Words(
        "Disparate impact",
        "The lowest selection rate over the highest, a ratio: 1 is parity. Below 0.8 is what the "
        "four-fifths rule of US employment guidelines takes as a sign of adverse impact.",
    ),
    "equal_opportunity": Words(
        "Equal opportunity",
        "It asks that the model find positive rows equally often in every group.",
    ),
    "predictive_equality": Words(
        "Predictive equality",
        "It asks that negative rows be called positive equally often in every group.",
    ),
    "equalized_odds": Words(
        "Equalized odds",
        "It asks for equal opportunity and predictive equality at once; its gap is the worse one.",
    ),
    "predictive_parity": Words(
        "Predictive parity", "It asks that a positive prediction mean the same in every group."
    ),
    "accuracy_parity": Words(
        "Accuracy parity", "It asks that the model be right equally often in every group."
    ),
}
"""The criteria that a report shows."""

CONFLICT = (
    "These criteria can't all be met. Where base rates differ between groups, a model that isn't "
    "perfect can't have both equal true and false positive rates and predictions that mean the "
    "same in every group (Kleinberg, Mullainathan and Raghavan 2017, "
    "https://doi.org/10.4230/LIPIcs.ITCS.2017.43; Chouldechova 2017, "
    "https://doi.org/10.1089/big.2016.0047), and equal selection rates need unequal error rates. "
    "Mending one gap may so widen another. Which one matters depends on what a decision does to "
    "people, on how the labels came about, and on the law."
)


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share in per cent.

    Examples
    --------
    >>> percent(0.1234), percent(None)
    ('12.3 %', 'undefined')
    """
    return "undefined" if value is None else f"{100 * value:.{digits}f} %"


def percent_of_level(level: float) -> str:
    """Write a confidence level in per cent, with all of its digits.

    Examples
    --------
    >>> percent_of_level(0.95), percent_of_level(0.999)
    ('95 %', '99.9 %')
    """
    return f"{100 * level:.10g} %"


def points(value: float | None) -> str:
    """Write a difference of shares in percentage points, with its sign.

    Examples
    --------
    >>> points(-0.1234), points(0.0)
    ('-12.3', '0.0')
    """
    if value is None:
        return "undefined"
    shown = f"{100 * value:+.1f}"
    return "0.0" if float(shown) == 0 else shown


def plain(value: float | None, digits: int = 2) -> str:
    """Write a number.

    Examples
    --------
    >>> plain(0.8149), plain(None)
    ('0.81', 'undefined')
    """
    return "undefined" if value is None else f"{value:.{digits}f}"


def pvalue(value: float | None) -> str:
    """Write a p-value.

    Examples
    --------
    >>> pvalue(0.00001), pvalue(0.0213)
    ('< 0.001', '0.021')
    """
    if value is None:
        return "undefined"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: int) -> str:
    """Write a number of rows.

    Examples
    --------
    >>> count(16281)
    '16,281'
    """
    return f"{value:,}"


def group_name(values: list[str], width: int | None = None) -> str:
    """Write a group's name in one line; a long one loses its middle.

    A name that is written from right to left is set apart, so that it can't turn the figures beside
    it round.

    Examples
    --------
    >>> group_name(["Female", "Black"]), group_name(["a" * 50], width=9)
    ('Female, Black', 'aaaa…aaaa')
    """
    text = " ".join(", ".join(values).split())
    if width is not None and _n_columns(text) > width:
        half = (width - 1) // 2
        text = f"{_start(text, width - 1 - half)}…{_start(text[::-1], half)[::-1]}"
    if all(bidirectional(character) not in _TURNING for character in text):
        return text
    first, last = _ISOLATE
    return first + text.translate(dict.fromkeys(_ISOLATES)) + last


def _width(character: str) -> int:
    return 2 if east_asian_width(character) in "WF" else 1


def _n_columns(text: str) -> int:
    """Columns that a text takes up, of which Chinese characters and the like need two."""
    return sum(map(_width, text))


def _start(text: str, width: int) -> str:
    ends = accumulate(map(_width, text))
    return text[: sum(end <= width for end in ends)]


_TURNING = {"R", "AL", "AN", "RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
_ISOLATE = ("\u2068", "\u2069")
_ISOLATES = range(0x2066, 0x206A)
