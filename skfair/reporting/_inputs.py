"""What a report is made of: a tally of decisions, and the rows behind it if there are any."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.validation import positive_class
from skfair.groups import Groups
from skfair.reporting._words import SIDES
from skfair.tally import ScoreTally, Tally

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows behind a tally.

    Parameters
    ----------
    groups : Groups
        Of all sensitive features together.
    y_true, y_pred : ndarray of shape (n,)
        Labels and predictions as given.
    positive, selected, wrong : ndarray of bool of shape (n,)
        Whether the label, and the prediction, is the positive class, and whether they differ.
    weight, score : ndarray of float of shape (n,) or None
    X : data frame or matrix or None
    estimator : fitted classifier or None
    """

    groups: Groups
    y_true: Any
    y_pred: Any
    positive: NDArray[np.bool_]
    selected: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    weight: Floats | None
    score: Floats | None = None
    X: Any = None
    estimator: Any = None

    @property
    def has_probabilities(self) -> bool:
        """Whether the scores can be probabilities."""
        if self.score is None:
            return False
        return bool(self.score.min() >= 0 and self.score.max() <= 1)

    def is_of_same_rows(self, other: Rows) -> bool:
        """Tell whether labels, groups and weights are the same row by row."""
        if self.groups.labels != other.groups.labels or len(self.groups) != len(other.groups):
            return False
        own, others = (
            np.ones(len(rows.groups)) if rows.weight is None else rows.weight
            for rows in (self, other)
        )
        return (
            np.array_equal(self.groups.codes, other.groups.codes)
            and np.array_equal(self.positive, other.positive)
            and np.array_equal(own, others)
        )


@dataclass(frozen=True, eq=False)
class Audited:
    """Everything that is known of a model's decisions.

    Parameters
    ----------
    tally : Tally
        Of all sensitive features together.
    pos_label : label or None
        As given.
    scores : ScoreTally or None
        Counted scores, where there are no rows.
    rows : Rows or None
    """

    tally: Tally
    pos_label: Any = None
    scores: ScoreTally | None = None
    rows: Rows | None = None

    @property
    def positive(self) -> Hashable | None:
        """The positive class; None where no label or prediction is of it."""
        place = positive_class(self.tally.classes, self.pos_label)
        return None if place is None else self.tally.classes[place]

    @property
    def is_weighted(self) -> bool:
        """Whether any row counts for more or less than one."""
        return not np.array_equal(self.tally.weight, self.tally.count)

    @property
    def has_two_labels(self) -> bool:
        """Whether the labels are of two or more classes."""
        return int((self.tally.count.sum(axis=(0, 2)) > 0).sum()) > 1

    def views(self) -> list[Tally]:
        """Tally by each sensitive feature alone, and by all of them together."""
        return self.tally.views()

    def groupings(self) -> list[Groups]:
        """Membership of the rows, in the order of :meth:`views`."""
        assert self.rows is not None
        alone = self.rows.groups.split()
        return [*alone] if len(alone) == 1 else [*alone, self.rows.groups]


def name_models(baseline: Any, alternatives: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Name the models beside the one that is reported on; the baseline, if any, is the first.

    Raises
    ------
    TypeError
        If the alternatives are no dict.
    ValueError
        If there are some and no baseline, or two models have one name, or one has none.
    """
    if not isinstance(alternatives, Mapping | None):
        raise TypeError(f"alternatives is a dict of names, not a {type(alternatives).__name__}")
    if alternatives and baseline is None:
        raise ValueError("alternatives are compared with a baseline: give baseline, too")
    models = {} if baseline is None else {SIDES[0]: baseline}
    for name, model in (alternatives or {}).items():
        shown = " ".join(str(name).split())
        if shown in SIDES:
            raise ValueError(f"no alternative can be named {shown!r}, which is the report's own")
        if not shown or shown in models:
            why = "two alternatives are" if shown else "no alternative can be"
            raise ValueError(f"{why} named {shown!r}: give each a name of its own")
        models[shown] = model
    return models


def check_alike(one: Audited, other: Audited, names: tuple[str, str]) -> None:
    """Raise ValueError if two models were counted by other features or another positive class."""
    if one.tally.names != other.tally.names:
        raise ValueError(
            f"{' and '.join(names)} differ in their sensitive features, {list(one.tally.names)} "
            f"and {list(other.tally.names)}"
        )
    positives = {one.positive, other.positive} - {None}
    if len(positives) > 1:
        raise ValueError(
            f"{' and '.join(names)} differ in the positive class: {sorted(map(str, positives))}"
        )


def audit_tally(tally: Any, *, scores: Any = None, pos_label: Any = None) -> Audited:
    """Check tallies; parameters as in :meth:`FairnessReport.from_tally`."""
    if not isinstance(tally, Tally):
        hints = {
            ScoreTally: " (its decisions are score_tally.at(threshold))",
            dict: " (the tally of all slices is sum(slices.values()))",
            str: " (Tally.load reads a file)",
        }
        hint = next((text for kind, text in hints.items() if isinstance(tally, kind)), "")
        raise TypeError(f"from_tally needs a Tally, got {type(tally).__name__}{hint}")
    tally.check_labels("reports")
    if tally.n_samples == 0:
        raise ValueError("the tally is empty: there is nothing to report")
    if scores is not None and not isinstance(scores, ScoreTally):
        raise TypeError(f"scores must be a ScoreTally, got {type(scores).__name__}")
    if scores is not None and (scores.names, scores.labels) != (tally.names, tally.labels):
        raise ValueError("scores must be a tally of the same groups as the decisions")
    place = positive_class(tally.classes, pos_label)  # refuses what can't be told
    if scores is not None:
        _check_scores(scores, tally, None if place is None else tally.classes[place])
    return Audited(tally, pos_label, scores=scores)


def _check_scores(scores: ScoreTally, tally: Tally, positive: Hashable | None) -> None:
    """Refuse scores of other rows, or of the other class."""
    if None not in (scores.positive, positive) and scores.positive != positive:
        raise ValueError(
            f"the scores are for {scores.positive!r} and the decisions for {positive!r}: count "
            "both with the same pos_label"
        )
    if not np.array_equal(scores.group_counts, tally.group_counts):
        raise ValueError("scores must be a tally of the same rows as the decisions")
    sums = [part.weight.reshape(part.n_groups, -1).sum(axis=1) for part in (scores, tally)]
    if not np.allclose(*sums):
        raise ValueError("scores must be counted with the same weights as the decisions")
