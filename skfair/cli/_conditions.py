"""``--fail-if``: conditions on figures, for use in continuous integration."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skfair._utils.text import did_you_mean, listed
from skfair.cli._problems import CommandError
from skfair.criteria import (
    CRITERIA,
    RATES,
    Criterion,
    Rate,
    evaluate,
    gap_interval,
    group_intervals,
    read_criteria,
)
from skfair.tally import Tally

Side = Literal["estimate", "shown", "possible"]
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_PATTERN = re.compile(
    r"\s*([A-Za-z][\w\s-]*?)(?:\s+by\s+(.+?))?\s*(>=|<=|>|<)\s*([-+.\deE]+)\s*(%?)\s*"
)


@dataclass(frozen=True)
class Condition:
    """A figure, a sign and a number.

    Parameters
    ----------
    figure : Criterion or Rate
        A gap between groups, or a rate of all rows together.
    by : str or None
        The sensitive feature; None: every one, and their intersections.
    sign : {">", ">=", "<", "<="}
    bound : float
    text : str
        As it was written.
    """

    figure: Criterion | Rate
    by: str | None
    sign: str
    bound: float
    text: str

    def holds(self, value: float) -> bool:
        """Compare a value with the bound."""
        return _COMPARE[self.sign](value, self.bound)


@dataclass(frozen=True)
class Outcome:
    """A condition on one tally.

    Parameters
    ----------
    condition : Condition
    by : str
        Sensitive features, or "" where groups don't matter.
    estimate, low, high : float
        The figure; NaN where it is undefined.
    fails : bool
        Whether the condition holds, or can't be told.
    left_out : tuple of str
        Groups with too few rows, about which nothing is said.
    """

    condition: Condition
    by: str
    estimate: float
    low: float
    high: float
    fails: bool
    left_out: tuple[str, ...] = ()

    @property
    def is_undefined(self) -> bool:
        """Whether there is no figure to compare."""
        return bool(np.isnan(self.estimate))

    @property
    def is_clear(self) -> bool:
        """Whether both ends of the interval lie on one side of the bound."""
        return self.condition.holds(self.low) == self.condition.holds(self.high)


def read_condition(text: str) -> Condition:
    """Read a condition.

    Examples
    --------
    >>> found = read_condition("Equalized odds difference by sex > 10 %")
    >>> found.figure.name, found.by, found.sign, found.bound
    ('equalized_odds', 'sex', '>', 0.1)
    >>> read_condition("accuracy < 0.8").figure.name
    'accuracy'
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise CommandError(
            f"--fail-if {text!r} can't be read: write a figure, a sign and a number in quotes, "
            'such as "equalized_odds > 0.1" or "disparate_impact by sex < 0.8"'
        )
    name, by, sign, number, percent = match.groups()
    try:
        bound = float(number) / (100 if percent else 1)
    except ValueError as error:
        raise CommandError(f"--fail-if {text!r}: {number!r} is no number") from error
    figure = read_figure(name, "--fail-if")
    if by is not None and isinstance(figure, Rate):
        raise CommandError(
            f"--fail-if {text!r}: {figure.name} is that of all rows; groups are compared by "
            f"{figure.name}_difference by {by}"
        )
    if not 0 <= bound <= 1:
        raise CommandError(
            f"--fail-if {text!r}: {figure.name} lies between 0 and 1, so {bound:g} can't be right"
        )
    is_ratio = isinstance(figure, Criterion) and figure.gap == "ratio"
    if isinstance(figure, Criterion) and (sign in ("<", "<=")) != is_ratio:
        fair = "1 is fair" if is_ratio else "0 is fair"
        raise CommandError(
            f"--fail-if {text!r} would fail what is fair ({fair} for {figure.name}): turn the sign "
            "round"
        )
    return Condition(figure, by, sign, bound, text.strip())


def read_figure(name: str, option: str) -> Criterion | Rate:
    """Look a figure up: a criterion, a rate's gap, or a rate of all rows together.

    Examples
    --------
    >>> read_figure("selection-rate difference", "--fail-if").rates[0].name
    'selection_rate'
    """
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    if plain in RATES:
        return RATES[plain]
    stem = plain.removesuffix("_difference")
    if stem in CRITERIA and plain != stem and CRITERIA[stem].gap == "difference":
        plain = stem
    try:
        return read_criteria(plain, 0.0)[0][0]
    except ValueError as error:
        known = [*CRITERIA, *RATES]
        raise CommandError(
            f"{option}: no figure is named {name!r}{did_you_mean(plain, known)}; there are "
            f"{', '.join(CRITERIA)}, and rates such as {', '.join([*RATES][:4])}"
        ) from error


def check_features(conditions: Sequence[Condition], names: Sequence[str]) -> None:
    """Refuse conditions on features that are none of the sensitive ones."""
    for condition in conditions:
        if condition.by is not None and condition.by not in names:
            raise CommandError(
                f"--fail-if: {condition.by!r} is none of the sensitive features "
                f"{listed(names)}{did_you_mean(condition.by, names)}"
            )


def judge(
    conditions: Sequence[Condition], views: Sequence[Tally], side: Side, **options: Any
) -> Iterator[Outcome]:
    """Compare each condition's figure with its bound, on every tally that it is about.

    Parameters
    ----------
    conditions : sequence of Condition
    views : sequence of Tally
        By each sensitive feature, and by all of them.
    side : {"estimate", "shown", "possible"}
        Compare the estimate; the end of the interval nearer to what is fine, so that the condition
        holds only where it is shown; or the other end, so that it holds unless it is ruled out.
    **options
        ``pos_label``, ``confidence_level``, ``min_group_size``.

    Yields
    ------
    Outcome
        An undefined figure fails.
    """
    for condition in conditions:
        for view in _views_of(condition, views):
            value, low, high = _measure(condition.figure, view, **options)
            upward = condition.sign in (">", ">=")
            ends = {
                "estimate": value,
                "shown": low if upward else high,
                "possible": high if upward else low,
            }
            compared = ends[side]
            fails = bool(np.isnan(compared)) or condition.holds(compared)
            if isinstance(condition.figure, Rate):
                yield Outcome(condition, "", value, low, high, fails)
                continue
            small = tuple(_small_groups(view, options["min_group_size"]))
            yield Outcome(condition, " x ".join(view.names), value, low, high, fails, small)


def _views_of(condition: Condition, views: Sequence[Tally]) -> list[Tally]:
    if isinstance(condition.figure, Rate):
        return [views[-1]]
    if condition.by is None:
        return [*views]
    return [view for view in views if view.names == (condition.by,)]


def _small_groups(view: Tally, least: int) -> Iterator[str]:
    for label, n in zip(view.labels, view.group_counts, strict=True):
        if 0 < n < least:
            yield ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _measure(
    figure: Criterion | Rate,
    view: Tally,
    *,
    pos_label: Any,
    confidence_level: float,
    min_group_size: int,
) -> tuple[float, float, float]:
    """Estimate and ends; NaN where a group's rate is undefined because it was never selected."""
    if isinstance(figure, Rate):
        found = group_intervals(
            view.whole(), figure, confidence_level=confidence_level, pos_label=pos_label
        )
        return float(found.rate[0]), float(found.low[0]), float(found.high[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        cells = view.cells(pos_label)
        checked = evaluate(
            figure,
            cells,
            view.labels,
            group_counts=view.group_counts,
            min_group_size=min_group_size,
            strict=True,
        )
        if np.isnan(checked.value):
            return np.nan, np.nan, np.nan
        gap = gap_interval(
            view,
            figure,
            confidence_level=confidence_level,
            pos_label=pos_label,
            min_group_size=min_group_size,
        )
    return gap.estimate, gap.low, gap.high
