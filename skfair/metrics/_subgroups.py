"""The worst subgroup by linear thresholds: searched on one half, measured on the other."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.validation import (
    as_column,
    check_same_length,
    check_weights,
    encode_labels,
    finite_column,
    generator,
    positive_class,
)
from skfair._utils.warning import warn_undefined_metric
from skfair.base.attributes import AttributeCode, read_attributes
from skfair.criteria import Rate, critical_value
from skfair.criteria.halfspaces import Halfspace, HalfspaceSearch
from skfair.criteria.subgroups import (
    RateTerms,
    SubgroupFigures,
    deviations,
    linear_rate,
    measure_subgroup,
    rate_terms,
    subgroup_limits,
)
from skfair.groups import Missing

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
PredictionKind = Literal["auto", "labels", "chances"]


@dataclass(frozen=True, eq=False, repr=False)
class Subgroup:
    """Rows whose attributes, times coefficients, add up to more than a cut.

    Parameters
    ----------
    coefficients : Series of float
        By column: a category (``"sex=f"``), a standardised number (``"age"``) or a product of such
        columns (``"sex=f & race=b"``).
    cut : float
    code : AttributeCode
        How attributes become these columns.

    Examples
    --------
    >>> sex = np.array(["f", "m"] * 20)
    >>> found = subgroup_violation(
    ...     None, np.where(sex == "f", 0, 1), sensitive_features={"sex": sex}, rate="selection_rate"
    ... )
    >>> found.subgroup({"sex": ["f", "m", "m"]}).sum() in (1, 2)
    True
    """

    coefficients: pd.Series
    cut: float
    code: AttributeCode

    def __call__(self, sensitive_features: Any) -> Mask:
        """Tell which rows belong to it.

        Parameters
        ----------
        sensitive_features : array-like of shape (n,) or (n, k), data frame, dict or Groups
            The same attributes in the same order.

        Returns
        -------
        mask : ndarray of bool of shape (n,)

        Raises
        ------
        ValueError
            If attributes are others, or a category is unseen; the message names it.
        """
        categories = self.code.labels
        distinct, place = read_attributes(
            None, sensitive_features, categories=categories
        ).distinct()
        half = Halfspace(self.coefficients.to_numpy(), self.cut, np.nan)
        return half.members(self.code.matrix(distinct))[place]

    def __repr__(self) -> str:
        used = self.coefficients[self.coefficients.abs() > 0]
        largest = used.reindex(used.abs().sort_values(ascending=False, kind="stable").index)
        terms = [f"{value:+.3g} {name}" for name, value in largest.iloc[:5].items()]
        more = f" ... and {len(used) - 5} more" if len(used) > 5 else ""
        return f"Subgroup({' '.join(terms) or '0'}{more} > {self.cut:.3g})"


@dataclass(frozen=True, eq=False)
class SubgroupViolation:
    """The worst subgroup that was found; ``float()`` gives its violation.

    Parameters
    ----------
    violation : float
        On rows that the search didn't see, in the direction that the search found; 0 where these
        rows go the other way.
    low, high : float
        Ends of its interval. The worst subgroup's violation is at least ``low``, up to chance.
    confidence_level : float
    rate : str
        Name of the rate.
    subgroup : Subgroup
        Call it with attributes to get a mask of rows.
    evaluated : SubgroupFigures
        Violation in either direction, mass, rate and overall rate on the half that it is measured
        on.
    searched : SubgroupFigures
        The same on the half that it was found on, where they are too large.
    """

    violation: float
    low: float
    high: float
    confidence_level: float
    rate: str
    subgroup: Subgroup
    evaluated: SubgroupFigures
    searched: SubgroupFigures

    def __float__(self) -> float:
        return self.violation


def subgroup_violation(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    rate: str | Rate = "false_positive_rate",
    degree: int = 2,
    sample_weight: Any = None,
    pos_label: Any = None,
    confidence_level: float = 0.95,
    missing: Missing = "group",
    y_pred_kind: PredictionKind = "auto",
    random_state: Any = 0,
) -> SubgroupViolation:
    r"""Violation of the worst subgroup that a search over many intersecting subgroups finds.

    .. math:: P(g) \, |r(g) - r|, \quad g(x) = 1[\beta^\top x > c]

    where P(g) is the subgroup's share of the rate's denominator (of the negatives, for false
    positive rates). A classifier may treat every attribute's groups alike and their intersections
    not: the many subgroups of linear thresholds over the attributes hold these, too.

    Finding the worst one exactly is hard. The search, a regression of the rows' deviations on the
    attributes with the best cut of its fitted values, is a heuristic; so the worst subgroup may be
    worse than the one found. The subgroup and the direction, whether its rate is above or below
    that of all rows, are searched on one half of the rows and measured on the other; a figure on
    the half that was searched is too large. In few rows the figure is a little large by chance,
    too, since it is never below 0: ``low`` is the lower bound to rely on. Where the search finds
    little, that shows no fairness.

    P(g) in the papers is the share of all rows that are in the subgroup and in the denominator
    (:math:`P(g, y = 0)` for false positive rates). The figure here is theirs over the share of the
    denominator in all rows, so that it is in the units of the rate.

    A regression on attributes alone sees nothing that is fair in every attribute: with four
    intersections of two attributes, nothing but their products shows it. So products of
    ``degree`` attributes are columns as well. With ``degree=1`` subgroups are linear thresholds
    over the attributes themselves, as in the papers.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels; may be None where the rate needs none.
    y_pred : array-like of shape (n,)
        Predicted labels, or the chance that a randomised classifier says yes.
    sensitive_features : array-like of shape (n,) or (n, k), data frame, dict or Groups
        Attributes. Columns of numbers and booleans are numbers; all others are categories. Numbers
        that are names of groups are to be given as strings or categories.
    rate : str or Rate, default="false_positive_rate"
        A rate that is linear in the decisions: ``"selection_rate"``, ``"true_positive_rate"``,
        ``"false_negative_rate"``, ``"error_rate"`` and others.
    degree : int, default=2
        Largest number of attributes in a product.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    confidence_level : float, default=0.95
        Level of the interval.
    missing : {"group", "raise"}, default="group"
        Missing categories form the group ``"<missing>"`` and missing numbers get an indicator, or
        both are refused.
    y_pred_kind : {"auto", "labels", "chances"}, default="auto"
        What ``y_pred`` holds. By default floats are chances, unless they are labels of ``y_true``.
    random_state : int, RandomState instance or None, default=0
        Deals the rows of each label to the halves; None deals anew each time.

    Returns
    -------
    SubgroupViolation

    Raises
    ------
    ValueError
        If the rate isn't linear, the positive class can't be told, lengths differ, labels are
        missing or none of them is predicted, chances lie outside [0, 1], or floats may be chances
        as well as labels.

    Warns
    -----
    UndefinedMetricWarning
        If the rate is 0/0 in one of the halves; then the violation is NaN.

    References
    ----------
    Kearns, M., Neel, S., Roth, A. and Wu, Z. S. (2018). Preventing fairness gerrymandering:
    auditing and learning for subgroup fairness. ICML. https://doi.org/10.48550/arXiv.1711.05144
    Kearns, M., Neel, S., Roth, A. and Wu, Z. S. (2019). An empirical study of rich subgroup
    fairness for machine learning. FAT*. https://doi.org/10.1145/3287560.3287592

    Examples
    --------
    Either sex and either race is selected alike; yet two of their intersections always are, and
    two never:

    >>> table = pd.DataFrame({"sex": ["f", "f", "m", "m"] * 50, "race": ["b", "w"] * 100})
    >>> y_pred = ((table["sex"] == "f") == (table["race"] == "b")).astype(int)
    >>> found = subgroup_violation(
    ...     None, y_pred, sensitive_features=table, rate="selection_rate", random_state=0
    ... )
    >>> bool(found.low > 0.2)
    True
    """
    found_rate = linear_rate(rate)
    positive, decision = _read_rows(found_rate, y_true, y_pred, pos_label, y_pred_kind)
    attributes = read_attributes(None, sensitive_features, missing=missing)
    check_same_length(y_pred=decision, sensitive_features=attributes)
    weights = check_weights(sample_weight, len(decision))
    critical = critical_value(confidence_level)
    code = AttributeCode.learn(attributes, degree=degree, weights=weights)
    distinct, place = attributes.distinct()
    matrix = code.matrix(distinct)
    terms = rate_terms(found_rate, positive, decision, weights)
    halves = _deal(positive, weights, generator(random_state))
    half = _search(terms, matrix, place, halves[0])
    members = half.members(matrix)[place]
    searched, evaluated = (measure_subgroup(terms.take(r), members[r]) for r in halves)
    sign = -1.0 if searched.rate < searched.overall else 1.0
    low, high = subgroup_limits(terms.take(halves[1]), members[halves[1]], critical, sign)
    agree = not sign * (evaluated.rate - evaluated.overall) < 0
    violation = evaluated.violation if agree else 0.0
    if np.isnan(searched.overall) or np.isnan(evaluated.overall):
        warn_undefined_metric(
            f"subgroup_violation is NaN: {found_rate.name} is undefined (0/0) in one of the halves"
        )
        low = high = violation = np.nan
        evaluated = evaluated._replace(violation=np.nan)
    coefficients = pd.Series(half.coefficients, index=list(code.names), name="coefficient")
    return SubgroupViolation(
        violation,
        low,
        high,
        confidence_level,
        found_rate.name,
        Subgroup(coefficients, half.cut, code),
        evaluated,
        searched,
    )


def _read_rows(
    rate: Rate, y_true: Any, y_pred: Any, pos_label: Any, kind: PredictionKind
) -> tuple[Mask, Floats]:
    """Whether each label is positive, and decisions in [0, 1]."""
    if kind not in ("auto", "labels", "chances"):
        raise ValueError(f'y_pred_kind must be "auto", "labels" or "chances", got {kind!r}')
    column = as_column(y_pred, "y_pred")
    if column.dtype == object:
        column = pd.Series(column).infer_objects().to_numpy()
    soft = kind == "chances" or (kind == "auto" and _is_soft(column, y_true, pos_label))
    if soft:
        decision = finite_column(column, "y_pred")
        if (decision < 0).any() or (decision > 1).any():
            raise ValueError("y_pred has fractions outside [0, 1]: they are no chances of a yes")
    if y_true is None and not rate.needs_labels:
        y_true = np.zeros(len(column), dtype=int) if soft else column
    arrays = [("y_true", y_true)] + ([] if soft else [("y_pred", column)])
    codes, classes = encode_labels(*arrays)
    check_same_length(y_true=codes[0], y_pred=column)
    if not soft and len(classes) > 2 and not np.isin(codes[1], codes[0]).any():
        raise ValueError(
            f"no label of y_pred is one of y_true: together they are {listed(classes)}"
        )
    place = _positive_place(rate, classes, pos_label)
    positive = codes[0] == place
    return positive, decision if soft else (codes[1] == place).astype(np.float64)


def _is_soft(column: Any, y_true: Any, pos_label: Any) -> bool:
    """Tell chances from labels by what labels there are; where both could be meant, refuse."""
    if column.dtype.kind != "f":
        return False
    values = set(np.unique(finite_column(column, "y_pred")).tolist())
    if not values <= {0.0, 1.0}:
        return any(not value.is_integer() for value in values)
    labels = {0, 1} if y_true is None else set(encode_labels(("y_true", y_true))[1])
    if not values <= (labels | {0, 1} if labels <= {0, 1} else labels):
        return True
    if pos_label is not None and pos_label != 1:
        raise ValueError(
            f"y_pred is 0.0 and 1.0, which may be labels as well as chances of pos_label="
            f'{pos_label!r}: say which by y_pred_kind="labels" or "chances"'
        )
    return False  # chances and labels would mean the same


def _positive_place(rate: Rate, classes: tuple[Hashable, ...], pos_label: Any) -> int:
    if pos_label is None and not rate.needs_positive and len(classes) <= 2:
        return len(classes) - 1  # either would do
    place = positive_class(classes, pos_label)
    return -1 if place is None else place


def _deal(
    positive: Mask, weights: Floats | None, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Deal the rows of each label in turn to two halves; rows of weight 0 go to none."""
    rows = rng.permutation(np.arange(len(positive)) if weights is None else np.flatnonzero(weights))
    rows = rows[np.argsort(positive[rows], kind="stable")]
    return np.sort(rows[::2]), np.sort(rows[1::2])


def _search(
    terms: RateTerms, matrix: Floats, place: NDArray[np.intp], rows: NDArray[np.intp]
) -> Halfspace:
    deviation, mass, overall = deviations(terms.take(rows))
    if np.isnan(overall):
        return Halfspace(np.zeros(matrix.shape[1]), 0.0, np.nan)
    return HalfspaceSearch.prepare(matrix, place[rows], mass).worst(deviation)
