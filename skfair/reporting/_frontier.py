"""Models that were weighed against each other: what each gives up and what it gains."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skfair._utils.text import listed
from skfair.criteria import CRITERIA
from skfair.reporting._inputs import Audited, check_alike
from skfair.reporting._model import gap_limits, rates_of_groups
from skfair.reporting._options import Options
from skfair.reporting._plain import Plain, estimate
from skfair.tally import Tally

_DIGITS = 9  # sums of weights differ in the last ones
_SHOWN = ("demographic_parity", "equal_opportunity", "equalized_odds")


def frontier(models: Mapping[str, Audited], options: Options) -> list[Plain]:
    """Accuracy and violation of each model, by feature and criterion, and which nothing beats."""
    _check_models(models)
    accuracies = [_accuracy(model, options.confidence_level) for model in models.values()]
    found = []
    for views in zip(*(model.views() for model in models.values()), strict=True):
        for criterion in _SHOWN:
            lines = [
                {
                    "name": name,
                    "accuracy": accuracy,
                    "violation": estimate(
                        *gap_limits(CRITERIA[criterion], view, models[name].pos_label, options)
                    ),
                }
                for name, accuracy, view in zip(models, accuracies, views, strict=True)
            ]
            unbeaten = is_unbeaten(lines)
            weighed = [x | {"is_unbeaten": free} for x, free in zip(lines, unbeaten, strict=True)]
            found.append({"by": [*views[0].names], "criterion": criterion, "models": weighed})
    return found


def _check_models(models: Mapping[str, Audited]) -> None:
    """Refuse models that can't be compared, and tell of those that were counted on other rows."""
    (own, first), *others = models.items()
    for name, model in others:
        check_alike(first, model, (own, name))
    apart = [name for name, model in models.items() if not _is_alike(model, models["after"])]
    if apart and len(models) > 2:
        warnings.warn(
            "models were weighed that were counted on other rows than 'after', whose labels or "
            f"groups differ: {listed(apart)}; one may beat another by its rows alone",
            UserWarning,
            stacklevel=2,
        )


def _is_alike(one: Audited, other: Audited) -> bool:
    """Tell whether as many rows, of the same weight, have each label in each group."""
    own, others = _labels(one.tally), _labels(other.tally)
    if own.keys() != others.keys():
        return False
    return np.allclose([*own.values()], [others[key] for key in own])


def _labels(tally: Tally) -> dict[Any, tuple[float, int]]:
    """Weight and number of rows by group and label, whatever was decided on them."""
    weight, n = tally.weight.sum(axis=2), tally.count.sum(axis=2)
    return {
        (tally.labels[i], tally.classes[j]): (weight[i, j], n[i, j])
        for i, j in zip(*n.nonzero(), strict=True)
    }


def _accuracy(model: Audited, level: float) -> Plain:
    rates = rates_of_groups(model.tally.whole(), model.pos_label, level, overall=True)
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
    points = np.array(
        [[line[key]["estimate"] for key in ("accuracy", "violation")] for line in lines],
        dtype=np.float64,
    ).round(_DIGITS)
    points[:, 1] *= -1
    no_worse = (points[:, None] >= points).all(axis=-1)
    better = (points[:, None] > points).any(axis=-1)
    is_out = np.logical_or((no_worse & better).any(axis=0), np.isnan(points).any(axis=1))
    return [not out for out in is_out.tolist()]
