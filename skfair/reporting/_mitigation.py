"""The section on a change of model: what changed, what it cost, every figure re-checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from skfair.criteria import CRITERIA, RATES, Criterion, Limits, group_intervals
from skfair.reporting import _words
from skfair.reporting._change import PairedCells, change_limits, correlations, paired_cells
from skfair.reporting._frontier import frontier
from skfair.reporting._inputs import Audited, check_alike
from skfair.reporting._model import gap_limits, rates_of_groups
from skfair.reporting._options import Options
from skfair.reporting._plain import Plain, estimate, group_values
from skfair.tally import Tally

_OF_MODELS = [name for name in _words.RATES if not RATES[name].ignores_prediction]


class _Pair(NamedTuple):
    """Two models' counts by the same features, and resampled ones where rows are the same."""

    views: tuple[Tally, Tally]
    labels: tuple[Any, Any]
    cells: PairedCells | None


def mitigation(
    after: Audited, models: Mapping[str, Audited], options: Options, paired: bool | None
) -> Plain:
    """Compare a model with the one before it, and both with others that were weighed."""
    before = models[_words.SIDES[0]]
    is_paired = _check_pairing(before, after, paired)
    views = list(zip(before.views(), after.views(), strict=True))
    cells: list[PairedCells | None] = [None] * len(views)
    if is_paired:
        cells = [*paired_cells(before, after, options.random_state)]
    labels = (before.pos_label, after.pos_label)
    found: Plain = {
        "is_paired": is_paired,
        "n_rows": {"before": before.tally.n_samples, "after": after.tally.n_samples},
        "cost": _cost(before, after, options.confidence_level, cells[-1]),
        "criteria": [],
        "groups": [],
    }
    for same, replicates in zip(views, cells, strict=True):
        by, pair = [*same[1].names], _Pair(same, labels, replicates)
        found["criteria"].append({"by": by, "criteria": _criteria(pair, options)})
        found["groups"].append({"by": by, "rates": _groups(pair, options.confidence_level)})
    own = dict(zip(_words.SIDES, (before, after), strict=True))
    found["frontier"] = frontier(own | dict(models), options)
    return found


def _check_pairing(before: Audited, after: Audited, paired: bool | None) -> bool:
    check_alike(before, after, _words.SIDES)
    same = before.rows is not None and after.rows is not None
    same = same and before.rows.is_of_same_rows(after.rows)  # type: ignore[union-attr,arg-type]
    if paired and not same:
        raise ValueError(
            "paired=True needs two models' decisions on the same rows in the same order: labels, "
            "groups or weights differ, or a side is a tally"
        )
    return same if paired is None else paired


def _cost(before: Audited, after: Audited, level: float, cells: PairedCells | None) -> list[Plain]:
    sides = [
        rates_of_groups(side.tally.whole(), side.pos_label, level, overall=True)
        for side in (before, after)
    ]
    lines = []
    for old, new in zip(*sides, strict=True):
        if old["rate"] not in _OF_MODELS:
            continue
        correlation = 0.0
        if cells is not None:
            values = [RATES[old["rate"]](part.sum(axis=1)) for part in cells]
            correlation = float(correlations(*values))
        limits = [_limits(side) for side in (old, new)]
        lines.append({"rate": old["rate"], **_compared(limits[0], limits[1], correlation)})
    return lines


def _limits(line: Plain) -> Limits:
    return Limits(*(np.nan if line[k] is None else line[k] for k in ("estimate", "low", "high")))


def _compared(before: Limits, after: Limits, correlation: Any) -> Plain:
    change = change_limits(before, after, correlation)
    return {
        "before": estimate(*before),
        "after": estimate(*after),
        "change": estimate(*change),
        "direction": _direction(change),
    }


def _direction(change: Limits) -> str:
    if np.isnan(change.value):
        return "undefined"
    if change.low > 0:
        return "up"
    return "down" if change.high < 0 else "unclear"


def _criteria(pair: _Pair, options: Options) -> list[Plain]:
    lines = []
    for name in _words.CRITERIA:
        criterion = CRITERIA[name]
        limits = [
            gap_limits(criterion, view, pos_label, options)
            for view, pos_label in zip(pair.views, pair.labels, strict=True)
        ]
        correlation = _correlation(criterion, limits, pair, options.min_group_size)
        lines.append(
            {
                "criterion": name,
                "gap": criterion.gap,
                "fair_value": 0 if criterion.gap == "difference" else 1,
                **_compared(limits[0], limits[1], correlation),
            }
        )
    return lines


def _correlation(
    criterion: Criterion, limits: list[Limits], pair: _Pair, min_group_size: int
) -> float:
    if not _is_smooth(criterion, limits, pair.views, min_group_size):
        return -1.0
    if pair.cells is None:
        return 0.0
    kept = pair.views[0].group_counts >= min_group_size
    values = [np.asarray(criterion(part[:, kept])) for part in pair.cells]
    return float(correlations(*values))


def _is_smooth(
    criterion: Criterion, limits: list[Limits], views: tuple[Tally, Tally], min_group_size: int
) -> bool:
    """Tell whether a gap is one difference whose sign is known, and no largest of several.

    A largest one of several, or an absolute value near 0, is biased upwards, which a correlation
    says nothing of: there the ends of the two intervals are taken against each other, as they are
    for a correlation of -1.
    """
    if len(criterion.rates) > 1:
        return False
    if any((view.group_counts >= min_group_size).sum() != 2 for view in views):
        return False
    if criterion.gap == "ratio":
        return all(found.high < 1 for found in limits)
    return all(found.low > 0 for found in limits)


def _groups(pair: _Pair, level: float) -> list[Plain]:
    old, new = pair.views
    known = [*new.labels, *(label for label in old.labels if label not in new.labels)]
    found = []
    for name in _OF_MODELS:
        sides = []
        for view, pos_label in zip(pair.views, pair.labels, strict=True):
            part = group_intervals(view, name, confidence_level=level, pos_label=pos_label)
            sides.append(dict(zip(view.labels, zip(*part[:4], strict=True), strict=True)))
        correlation = np.zeros(len(known))
        if pair.cells is not None:  # the same groups in the same order
            correlation = correlations(*(RATES[name](part) for part in pair.cells))
        groups = []
        for i, label in enumerate(known):
            parts = [side.get(label, (np.nan, np.nan, np.nan, 0)) for side in sides]
            limits = [Limits(*map(float, part[:3])) for part in parts]
            counts = {"n_before": int(parts[0][3]), "n_after": int(parts[1][3])}
            line = _compared(limits[0], limits[1], correlation[i])
            groups.append({"group": group_values(label), **counts, **line})
        found.append({"rate": name, "groups": groups})
    return found
