"""Criteria by name: rates x gap x combination, and their evaluation under the policies."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import as_float, namespace
from skfair._utils.text import did_you_mean, listed
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria.gaps import difference, ratio, to_overall
from skfair.criteria.rates import RATES, Rate, get_rate

Gap = Literal["difference", "ratio"]
Method = Literal["between_groups", "to_overall"]
Combination = Literal["worst_case", "mean", "mean_rate"]


@dataclass(frozen=True)
class Criterion:
    """A fairness criterion: which rates, how groups are compared, how gaps are combined.

    Called with cells, it gives one number of at least 0: a difference (0 is fair) or a ratio
    (1 is fair). It has no sign, so a bound on it bounds the bias in either direction.

    Parameters
    ----------
    name : str
        The field's name for it.
    rates : tuple of Rate
        Rates that should be equal between groups.
    gap : {"difference", "ratio"}, default="difference"
        How groups are compared where the caller doesn't say.
    combination : {"worst_case", "mean", "mean_rate"}, default="worst_case"
        Several rates: the worst of their gaps, the mean of their gaps, or the gap of their mean.

    Examples
    --------
    >>> cells = [[40, 10, 10, 40], [45, 5, 20, 30]]  # tn, fp, fn, tp of two groups
    >>> round(float(CRITERIA["equalized_odds"](cells)), 3)
    0.2
    >>> round(float(CRITERIA["disparate_impact"](cells)), 3)
    0.7
    """

    name: str
    rates: tuple[Rate, ...]
    gap: Gap = "difference"
    combination: Combination = "worst_case"

    @property
    def is_linear(self) -> bool:
        """Whether all rates are linear in the prediction, as reductions and thresholds need."""
        return all(rate.is_linear for rate in self.rates)

    @property
    def needs_labels(self) -> bool:
        """Whether y_true matters."""
        return any(rate.needs_labels for rate in self.rates)

    @property
    def compared(self) -> tuple[tuple[Rate, ...], ...]:
        """What must agree between groups: rates one by one, or the mean of all of them.

        Examples
        --------
        >>> [len(rates) for rates in CRITERIA["equalized_odds"].compared]
        [1, 1]
        >>> [len(rates) for rates in CRITERIA["average_odds"].compared]
        [2]
        """
        if self.combination == "mean_rate":
            return (self.rates,)
        return tuple((rate,) for rate in self.rates)

    def group_rates(self, cells: Any) -> Any:
        """Rates by group.

        Parameters
        ----------
        cells : array-like or tensor of shape (..., n_groups, 4)
            In the order tn, fp, fn, tp.

        Returns
        -------
        rates : ndarray or tensor of shape (..., n_rates, n_groups)
            One "rate", their mean, where the combination is ``"mean_rate"``.
        """
        cells = as_float(cells)
        values = [rate(cells) for rate in self.rates]
        if self.combination == "mean_rate":
            values = [sum(values[1:], start=values[0]) / len(values)]
        return namespace(cells).stack(values, -2)

    def __call__(
        self,
        cells: Any,
        *,
        gap: Gap | None = None,
        method: Method = "between_groups",
        combination: Combination | None = None,
        overall_cells: Any = None,
    ) -> Any:
        """Compute the gap; groups without a defined rate are left out.

        Parameters
        ----------
        cells : array-like or tensor of shape (..., n_groups, 4)
            In the order tn, fp, fn, tp; leading axes are replicates or thresholds.
        gap : {"difference", "ratio"}, default=None
            None: the criterion's own.
        method : {"between_groups", "to_overall"}, default="between_groups"
            Compare groups with each other, or each with all rows together.
        combination : {"worst_case", "mean"}, default=None
            How gaps of several rates are combined; None: the criterion's own.
        overall_cells : array-like or tensor of shape (..., 4), default=None
            Cells of all rows; None: the sum over groups.

        Returns
        -------
        gap : ndarray or tensor of shape (...)
            NaN where fewer than two groups have a defined rate.

        Raises
        ------
        ValueError
            If an option has another value.
        """
        if combination not in (None, "worst_case", "mean"):
            raise ValueError(f'combination must be "worst_case" or "mean", got {combination!r}')
        cells = as_float(cells)
        gap = self.gap if gap is None else gap
        rates = self.group_rates(cells)
        whole = None
        if method == "to_overall":
            total = cells.sum(-2) if overall_cells is None else as_float(overall_cells)
            whole = self.group_rates(total[..., None, :])[..., 0]
        gaps = _gap_of(rates, gap, method, whole)
        return _combine(gaps, gap, combination or self.combination)


def _gap_of(rates: Any, gap: str, method: str, whole: Any) -> Any:
    if gap not in ("difference", "ratio"):
        raise ValueError(f'gap must be "difference" or "ratio", got {gap!r}')
    if method == "between_groups":
        return difference(rates) if gap == "difference" else ratio(rates)
    if method == "to_overall":
        return to_overall(rates, whole, as_ratio=gap == "ratio")
    raise ValueError(f'method must be "between_groups" or "to_overall", got {method!r}')


def _combine(gaps: Any, gap: str, combination: str) -> Any:
    if combination == "mean":
        return gaps.mean(-1)
    xp = namespace(gaps)
    undefined = xp.isnan(gaps)
    known = xp.where(undefined, xp.zeros_like(gaps), gaps)  # torch's gradient would be NaN, too
    worst = xp.amax(known, axis=-1) if gap == "difference" else xp.amin(known, axis=-1)
    return xp.where(undefined.any(-1), xp.full_like(worst, float("nan")), worst)


_TPR, _FPR = RATES["true_positive_rate"], RATES["false_positive_rate"]
_TABLE = (
    Criterion("demographic_parity", (RATES["selection_rate"],)),
    Criterion("disparate_impact", (RATES["selection_rate"],), gap="ratio"),
    Criterion("equal_opportunity", (_TPR,)),
    Criterion("predictive_equality", (_FPR,)),
    Criterion("equalized_odds", (_TPR, _FPR)),
    Criterion("average_odds", (_TPR, _FPR), combination="mean_rate"),
    Criterion("average_abs_odds", (_TPR, _FPR), combination="mean"),
    Criterion("predictive_parity", (RATES["positive_predictive_value"],)),
    Criterion("accuracy_parity", (RATES["accuracy"],)),
)

CRITERIA: dict[str, Criterion] = {criterion.name: criterion for criterion in _TABLE}
"""Every criterion by name."""


def get_criterion(criterion: str | Criterion) -> Criterion:
    """Look a criterion up by name; the name of a rate stands for its equality.

    Raises
    ------
    ValueError
        If there is none of that name; the message lists those that there are.

    Examples
    --------
    >>> [rate.name for rate in get_criterion("equalized_odds").rates]
    ['true_positive_rate', 'false_positive_rate']
    >>> get_criterion("false_negative_rate").is_linear
    True
    """
    if isinstance(criterion, Criterion):
        return criterion
    if criterion in CRITERIA:
        return CRITERIA[criterion]
    if criterion in RATES:
        return Criterion(criterion, (get_rate(criterion),))
    raise ValueError(
        f"no criterion is named {criterion!r}{did_you_mean(criterion, [*CRITERIA, *RATES])}; "
        f"there are {[*CRITERIA]} and the rates {[*RATES]}"
    )


def parse_metric(name: str | Criterion) -> tuple[Criterion, Gap]:
    """Split a metric's name into criterion and gap.

    Parameters
    ----------
    name : str or Criterion
        ``"<criterion>_difference"``, ``"<criterion>_ratio"``, or ``"disparate_impact"``. A
        Criterion passes with its own gap.

    Returns
    -------
    criterion : Criterion
    gap : {"difference", "ratio"}

    Raises
    ------
    ValueError
        If the name is none of these.

    Examples
    --------
    >>> criterion, gap = parse_metric("equal_opportunity_ratio")
    >>> criterion.name, gap
    ('equal_opportunity', 'ratio')
    """
    if isinstance(name, Criterion):
        return name, name.gap
    if name == "disparate_impact":
        return CRITERIA[name], "ratio"
    gaps: tuple[Gap, Gap] = ("difference", "ratio")
    for gap in gaps:
        if name.endswith(f"_{gap}"):
            return get_criterion(name.removesuffix(f"_{gap}")), gap
    known = [f"{stem}_{gap}" for stem in [*CRITERIA, *RATES] for gap in gaps]
    known = [f"{name}_difference"] if name in {*CRITERIA, *RATES} else known
    raise ValueError(
        f"no fairness metric is named {name!r}: it is disparate_impact, or <criterion>_difference "
        f"or <criterion>_ratio, with a criterion among {[*CRITERIA]} or a rate among {[*RATES]}"
        + did_you_mean(name, known)
    )


@dataclass(frozen=True)
class Evaluation:
    """A criterion's value and what was left out of it.

    Parameters
    ----------
    value : float
        The gap; NaN where it is undefined.
    undefined : tuple of (label, str)
        Group and name of each rate whose denominator is 0.
    small : tuple of labels
        Groups with fewer rows than ``min_group_size``.
    """

    value: float
    undefined: tuple[tuple[Hashable, str], ...]
    small: tuple[Hashable, ...]

    def kept(self, labels: Sequence[Hashable]) -> NDArray[np.intp]:
        """Positions of the groups that are not too small."""
        return np.flatnonzero([label not in self.small for label in labels])


def evaluate(
    criterion: Criterion,
    cells: NDArray[np.float64],
    labels: Sequence[Hashable],
    *,
    gap: Gap | None = None,
    method: Method = "between_groups",
    combination: Combination | None = None,
    group_counts: NDArray[np.int64] | None = None,
    min_group_size: int | None = None,
    strict: bool = False,
) -> Evaluation:
    """Compute a criterion on one tally's cells, under the package's policies.

    A group whose rate is 0/0 is left out, with a warning that names group and rate; so are, on
    request, groups too small to judge.

    Parameters
    ----------
    criterion : Criterion
    cells : ndarray of shape (n_groups, 4)
        In the order tn, fp, fn, tp.
    labels : sequence
        Labels of the groups.
    gap, method, combination
        As in calling the criterion.
    group_counts : ndarray of int of shape (n_groups,), default=None
        Numbers of rows, for ``min_group_size``.
    min_group_size : int, default=None
        Leave out groups with fewer rows.
    strict : bool, default=False
        A group that is undefined because of the predictions (never selected, so without a
        precision) makes the value NaN: what scorers, bounds, constraints and alerts need, since
        otherwise a model could win by never selecting a group.

    Returns
    -------
    Evaluation

    Warns
    -----
    UndefinedMetricWarning
        If anything was left out.

    Examples
    --------
    >>> evaluate(CRITERIA["equal_opportunity"], np.array([[1.0, 0, 1, 1], [2, 0, 0, 2]]), "ab")
    Evaluation(value=0.5, undefined=(), small=())
    """
    left = find_left_out(criterion, cells, group_counts, min_group_size)
    kept = np.where(left.small[:, None], 0.0, cells)
    whole = cells.sum(axis=0)
    value = float(
        criterion(kept, gap=gap, method=method, combination=combination, overall_cells=whole)
    )
    if strict and any(kept[i].sum() > 0 and not rate.is_linear for i, rate in left.undefined):
        value = float("nan")
    evaluation = Evaluation(
        value,
        tuple((labels[i], rate.name) for i, rate in left.undefined),
        tuple(labels[i] for i in np.flatnonzero(left.small).tolist()),
    )
    notes = left.notes(labels, min_group_size)
    if np.isnan(value):
        notes.append(_why_nan(left))
    if notes:
        warn_undefined_metric(f"{criterion.name}: {'; '.join(notes)}")
    return evaluation


class LeftOut(NamedTuple):
    """What can't be compared: which groups are too small, and group and rate where it is 0/0."""

    small: NDArray[np.bool_]
    undefined: list[tuple[int, Rate]]

    def notes(self, labels: Sequence[Hashable], min_group_size: int | None) -> list[str]:
        """Say it in words."""
        notes = []
        if self.small.any():
            groups = listed(labels[i] for i in np.flatnonzero(self.small).tolist())
            notes.append(f"groups with fewer than {min_group_size} rows are left out: {groups}")
        if self.undefined:
            shown = [f"{rate.name} of group {labels[i]!r}" for i, rate in self.undefined[:10]]
            rest = len(self.undefined) - len(shown)
            more = f", ... and {rest} more" if rest else ""
            notes.append(f"undefined (0/0) and left out: {', '.join(shown)}{more}")
        return notes


def find_left_out(
    criterion: Criterion,
    cells: NDArray[np.float64],
    group_counts: NDArray[np.int64] | None,
    min_group_size: int | None,
) -> LeftOut:
    """Find what a comparison of groups leaves out; parameters as in :func:`evaluate`."""
    small = np.zeros(len(cells), dtype=bool)
    if min_group_size is not None:
        if group_counts is None:
            raise ValueError("min_group_size needs group_counts")
        small = group_counts < min_group_size
    undefined = [
        (i, rate)
        for rate in criterion.rates
        for i in np.flatnonzero(np.isnan(rate(cells)) & ~small).tolist()
    ]
    return LeftOut(small, undefined)


def _why_nan(left: LeftOut) -> str:
    if (~left.small).sum() < 2:
        return "the result is NaN: fewer than two groups remain"
    if not left.undefined:
        return "the result is NaN: a rate is 0 in every group, and 0/0 has no value"
    return "the result is NaN"
