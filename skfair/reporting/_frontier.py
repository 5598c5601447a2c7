"""Models that were weighed against each other: what each gives up and what it gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skfair.criteria import gap_interval
from skfair.reporting._inputs import Audited, check_alike
from skfair.reporting._model import rates_of_groups, whole
from skfair.reporting._plain import Plain, estimate

CRITERIA = ("demographic_parity", "equal_opportunity", "equalized_odds")


def frontier(models: Mapping[str, Audited], level: float, min_group_size: int) -> list[Plain]:
    """Accuracy and violation of each model, by feature and criterion, and which nothing beats."""
    names = list(models)
    for name in names[1:]:
        check_alike(models[names[0]], models[name], (names[0], name))
    accuracies = [_accuracy(model, level) for model in models.values()]
    views = [model.views() for model in models.values()]
    labels = [model.pos_label for model in models.values()]
    found = []
    for same in zip(*views, strict=True):
        for criterion in CRITERIA:
            gaps = [
                gap_interval(
                    view,
                    criterion,
                    confidence_level=level,
                    pos_label=pos_label,
                    min_group_size=min_group_size,
                )
                for view, pos_label in zip(same, labels, strict=True)
            ]
            violations = [estimate(gap.estimate, gap.low, gap.high) for gap in gaps]
            lines = [
                {"name": name, "accuracy": accuracy, "violation": violation}
                for name, accuracy, violation in zip(names, accuracies, violations, strict=True)
            ]
            unbeaten = is_unbeaten(lines)
            models_ = [
                line | {"is_unbeaten": free} for line, free in zip(lines, unbeaten, strict=True)
            ]
            found.append({"by": [*same[0].names], "criterion": criterion, "models": models_})
    return found


def _accuracy(model: Audited, level: float) -> Plain:
    rates = rates_of_groups(whole(model.tally), model.pos_label, level, overall=True)
    line = next(line for line in rates if line["rate"] == "accuracy")
    return {end: line[end] for end in ("estimate", "low", "high")}


def is_unbeaten(lines: Sequence[Plain]) -> list[bool]:
    """Tell of each model whether no other is as accurate and as fair, and better in one.

    Examples
    --------
    >>> figures = [(0.9, 0.2), (0.8, 0.1), (0.7, 0.15), (0.9, None)]
    >>> is_unbeaten(
    ...     [{"accuracy": {"estimate": a}, "violation": {"estimate": v}} for a, v in figures]
    ... )
    [True, True, False, False]
    """
    points = [(line["accuracy"]["estimate"], line["violation"]["estimate"]) for line in lines]
    known = [point for point in points if None not in point]
    return [
        None not in (accuracy, gap)
        and not any(a >= accuracy and g <= gap and (a, g) != (accuracy, gap) for a, g in known)
        for accuracy, gap in points
    ]
