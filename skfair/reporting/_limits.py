"""What a report can't tell, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from skfair.reporting._plain import Plain
from skfair.reporting._words import SIDES, count, group_name, percent_of_level

_MOST_NAMES = 10


def limits_in_words(report: Plain) -> list[str]:
    """Sentences on what the figures of a report don't say."""
    found = [
        "No figure here says that a model is fair, or that it is not. The figures say how groups "
        "differ on these rows and how sure that is; whether a difference is acceptable is a "
        "question of what the decision does to people, of the law, and of judgement.",
        "The labels are taken as the truth in everything but selection rates. Where labels are "
        "decisions of people (who was hired, arrested, treated) or were only seen for those who "
        "were selected, their bias is in the base rates, and a model with equal error rates "
        "repeats it.",
        "The figures hold for rows like these. On rows that the model was trained on they are too "
        "good; the report can't tell whether it was.",
        *_small_groups(report),
        *_comparisons(report),
        "All decisions were made at one threshold. Where somebody chose it on these rows, rates "
        "look better than they will be; another threshold gives other gaps.",
        *_special(report),
    ]
    return found


def _small_groups(report: Plain) -> Iterator[str]:
    least = report["about"]["min_group_size"]
    parts = report["data"].get("representation", [])
    names = [
        f"{group_name(line['group'], 40)} ({count(line['n'])})"
        for part in parts
        for line in part["groups"]
        if line["n"] < least
    ]
    if names:
        more = len(names) - _MOST_NAMES
        rest = f" and {more} more" if more > 0 else ""
        yield (
            f"Groups with fewer than {least} rows are shown, and left out of the gaps: "
            f"{', '.join(names[:_MOST_NAMES])}{rest}. Of small groups little is known: look at "
            "the width of their intervals before their rates."
        )
    else:
        yield (
            f"Groups with fewer than {least} rows would be left out of the gaps. Of small groups "
            "little is known: look at the width of the intervals."
        )


def _comparisons(report: Plain) -> Iterator[str]:
    level = report["about"]["confidence_level"]
    n = _n_distinct(report)
    missing = n * (1 - level)
    misses = "fewer than one" if missing < 1 else f"about {count(round(missing))}"
    yield (
        f"There are {count(n)} intervals here. Each should hold the true figure in "
        f"{percent_of_level(level)} of samples, so {misses} of them will miss it by chance. "
        "P-values of criteria are adjusted (Holm) for all criteria and features; a large p-value "
        "doesn't say that there is no gap."
    )


def _n_distinct(report: Plain) -> int:
    """Count the intervals, those that the part on models that were weighed shows again once."""
    mitigation = report["mitigation"] or {}
    weighed = [
        line
        for part in mitigation.get("frontier", [])
        for line in part["models"]
        if line["name"] not in SIDES
    ]
    accuracies = {line["name"]: line["accuracy"] for line in weighed}
    rest = {name: part for name, part in mitigation.items() if name != "frontier"}
    violations = [line["violation"] for line in weighed]
    return n_intervals([report | {"mitigation": rest}, violations, [*accuracies.values()]])


def n_intervals(part: Any) -> int:
    """Count the estimates with an interval.

    Examples
    --------
    >>> n_intervals([{"estimate": 1.0, "low": 0.5, "high": 2.0}, {"n": 1}])
    1
    """
    if isinstance(part, dict):
        own = all(part.get(key) is not None for key in ("estimate", "low", "high"))
        return own + sum(n_intervals(value) for value in part.values())
    return sum(n_intervals(value) for value in part) if isinstance(part, list) else 0


def _special(report: Plain) -> Iterator[str]:
    about = report["about"]
    if about["is_weighted"]:
        yield (
            "Rows have sampling weights. Rates are weighted; numbers of rows aren't, and "
            "intervals are as wide as the weights' effective number of rows makes them. Copies "
            "are counted without weights."
        )
    if about["source"] == "tally":
        yield (
            "The report was made from counts, without the rows: it can't look for proxies, "
            "copies, weak slices or what the model leans on."
        )
    if "weak_slices" in report["model"] or "attribution" in report["model"]:
        yield (
            "Weak slices and the features that a model leans on show where to look, and not why: "
            "a feature that carries a gap may stand for another one."
        )
    if "label_noise" in report["data"]:
        yield (
            "A larger share of doubtful labels in a group is no evidence that its labels are "
            "worse: its classes may only be harder to tell apart."
        )
    if report["mitigation"] is not None:
        yield _of_change(report["mitigation"])


def _of_change(mitigation: Plain) -> str:
    if mitigation["is_paired"]:
        return (
            "Both models decided on the same rows, and the intervals of changes take that into "
            "account, by an approximation. A change may be of another size on new rows, above all "
            "if the mitigation was chosen on these."
        )
    return (
        "The two models are compared as if they had decided on different rows. If they were the "
        "same, the intervals of changes are wider than they need be."
    )
