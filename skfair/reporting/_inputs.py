"""What a report is made of: a tally of decisions, and the rows behind it if there are any."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skfair._utils.columns import n_rows
from skfair._utils.validation import (
    as_column,
    check_any_weight,
    check_same_length,
    check_weights,
    encode_labels,
    finite_column,
    positive_class,
)
from skfair.base import read_either, wants
from skfair.groups import Bins, Groups, Missing
from skfair.tally import ScoreTally, Tally, split_levels

Floats = NDArray[np.float64]
AnyTally = TypeVar("AnyTally", Tally, ScoreTally)


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
        return views_of(self.tally)

    def groupings(self) -> list[Groups]:
        """Membership of the rows, in the order of :meth:`views`."""
        assert self.rows is not None
        alone = self.rows.groups.split()
        return [*alone] if len(alone) == 1 else [*alone, self.rows.groups]


def count_others(
    baseline: Any, alternatives: Mapping[str, Any] | None, count: Callable[[Any], Audited]
) -> tuple[Audited | None, dict[str, Audited]]:
    """Count the models beside the one that is reported on."""
    if not isinstance(alternatives, Mapping | None):
        raise TypeError(f"alternatives is a dict of names, not a {type(alternatives).__name__}")
    if alternatives and baseline is None:
        raise ValueError("alternatives are compared with a baseline: give baseline, too")
    names = {str(name): model for name, model in (alternatives or {}).items()}
    for name in ("before", "after"):
        if name in names:
            raise ValueError(f"no alternative can be named {name!r}, which is the report's own")
    before = None if baseline is None else count(baseline)
    return before, {name: count(model) for name, model in names.items()}


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


def views_of(tally: AnyTally) -> list[AnyTally]:
    """Tally by each sensitive feature alone, and by all of them together.

    Examples
    --------
    >>> groups = {"sex": ["f", "m", "m"], "site": ["x", "x", "y"]}
    >>> [view.labels for view in views_of(Tally.from_arrays([1, 0, 1], [1, 1, 0], groups))]
    [('f', 'm'), ('x', 'y'), (('f', 'x'), ('m', 'x'), ('m', 'y'))]
    """
    if len(tally.names) == 1:
        return [tally]
    found: list[AnyTally] = []
    for name in tally.names:
        others = [other for other in tally.names if other != name]
        sums = [tally.weight, tally.weight2, tally.count.astype(np.float64)]
        labels, names, parts = split_levels(tally, others, sums)  # type: ignore[arg-type]
        weight, weight2, count = (part.sum(axis=0) for part in parts)
        found.append(
            replace(
                tally,
                labels=labels,
                names=names,
                weight=weight,
                weight2=weight2,
                count=count.astype(np.int64),
            )
        )
    found.append(tally)
    return found


def audit_predictions(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    y_score: Any = None,
    X: Any = None,
    estimator: Any = None,
    sample_weight: Any = None,
    pos_label: Any = None,
    missing: Missing = "group",
) -> Audited:
    """Count predictions; parameters as in :meth:`FairnessReport.from_predictions`."""
    groups = _read_groups(X, sensitive_features, missing)
    true, pred = as_column(y_true, "y_true"), as_column(y_pred, "y_pred")
    (true_codes, pred_codes), classes = encode_labels(("y_true", true), ("y_pred", pred))
    place = positive_class(classes, pos_label)
    score = None if y_score is None else _positive_scores(y_score, classes, place)
    check_same_length(
        y_true=true, y_pred=pred, sensitive_features=groups.codes, y_score=score, X=_range(X)
    )
    weights = check_weights(sample_weight, len(true))
    check_any_weight(weights)
    tally = Tally.from_arrays(true, pred, groups, sample_weight=weights)
    none = np.zeros(len(true), dtype=bool)
    rows = Rows(
        groups,
        true,
        pred,
        positive=none if place is None else true_codes == place,
        selected=none if place is None else pred_codes == place,
        wrong=true_codes != pred_codes,
        weight=weights,
        score=score,
        X=X,
        estimator=estimator,
    )
    return Audited(tally, pos_label, rows=rows)


def audit_estimator(
    estimator: Any, X: Any, y: Any, *, sensitive_features: Any, **options: Any
) -> Audited:
    """Predict and count; parameters as in :class:`FairnessReport`."""
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"FairnessReport needs a fitted classifier, got {type(estimator).__name__}: "
            "predictions go to FairnessReport.from_predictions, and a tally to "
            "FairnessReport.from_tally"
        )
    check_is_fitted(estimator)
    if sensitive_features is None:
        raise ValueError(
            "sensitive_features is needed: names of columns of X, or a value for each row"
        )
    _, values = read_either(X, sensitive_features, owner="FairnessReport")
    y_pred = _call(estimator, "predict", X, values)
    return audit_predictions(
        y,
        y_pred,
        sensitive_features=sensitive_features,
        y_score=_scores(estimator, X, values, options.get("pos_label")),
        X=X,
        estimator=estimator,
        **options,
    )


def audit_tally(tally: Any, *, scores: Any = None, pos_label: Any = None) -> Audited:
    """Check tallies; parameters as in :meth:`FairnessReport.from_tally`."""
    if not isinstance(tally, Tally):
        hint = " (a ScoreTally's decisions are score_tally.at(threshold))"
        raise TypeError(f"from_tally needs a Tally, got {type(tally).__name__}{hint}")
    if tally.n_samples == 0:
        raise ValueError("the tally is empty: there is nothing to report")
    if scores is not None and not isinstance(scores, ScoreTally):
        raise TypeError(f"scores must be a ScoreTally, got {type(scores).__name__}")
    if scores is not None and (scores.names, scores.labels) != (tally.names, tally.labels):
        raise ValueError("scores must be a tally of the same groups as the decisions")
    positive_class(tally.classes, pos_label)  # refuses what can't be told
    return Audited(tally, pos_label, scores=scores)


def _read_groups(X: Any, sensitive_features: Any, missing: Missing) -> Groups:
    if sensitive_features is None:
        raise ValueError("sensitive_features is needed: give a value for each row")
    if X is not None:
        return read_either(X, sensitive_features, missing=missing, owner="FairnessReport")[0]
    if isinstance(sensitive_features, str | Bins) or callable(sensitive_features):
        raise ValueError(
            f"sensitive_features={sensitive_features!r} names a column: give X, or the values"
        )
    return Groups.read(sensitive_features, missing=missing)


def _range(X: Any) -> range | None:
    return None if X is None else range(n_rows(X))


def _positive_scores(y_score: Any, classes: Sequence[Hashable], place: int | None) -> Floats:
    """Scores of the positive class; of a matrix of probabilities its column."""
    shape: tuple[int, ...] = getattr(y_score, "shape", ())
    if len(shape) == 2 and shape[1] > 1:
        if place is None or shape[1] != len(classes):
            raise ValueError(
                f"y_score has {shape[1]} columns, and the labels have {len(classes)} classes: give "
                "the scores of the positive class"
            )
        return finite_column(np.asarray(y_score)[:, place], "y_score")
    return finite_column(y_score, "y_score")


def _call(estimator: Any, method: str, X: Any, values: Any) -> Any:
    if values is not None and wants(estimator, method):
        return getattr(estimator, method)(X, sensitive_features=values)
    return getattr(estimator, method)(X)


def _scores(estimator: Any, X: Any, values: Any, pos_label: Any) -> Floats | None:
    """Scores of the positive class, where the model has any."""
    known = np.asarray(getattr(estimator, "classes_", [])).tolist()
    if not known:
        return None
    place = positive_class(known, pos_label)
    if place is None:
        return None
    if hasattr(estimator, "predict_proba"):
        proba = np.asarray(_call(estimator, "predict_proba", X, values), dtype=np.float64)
        return proba[:, place] if proba.shape[1] == len(known) else None
    if hasattr(estimator, "decision_function") and len(known) == 2:
        found = np.asarray(_call(estimator, "decision_function", X, values), dtype=np.float64)
        return found if place == 1 else -found
    return None
