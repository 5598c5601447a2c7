"""What a debiased network is chosen for, and the best threshold of its scores, over all cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skfair._utils.arrays import divide
from skfair.criteria import Criterion, between, read_objective

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Form = Literal["constrained", "penalized", "smooth"]

FORMS = ("constrained", "penalized", "smooth")
SLACK = 1e-9  # what rounding may add to a gap of weighted rates
_BLOCK = 1 << 17  # groups times cuts whose cells are looked at together


@dataclass(frozen=True)
class FairObjective:
    r"""How good decisions are, of which performance p and bias b are known.

    ===================  =============================================================
    form                 value
    ===================  =============================================================
    ``"constrained"``    p where :math:`b \le \epsilon`, else 0
    ``"penalized"``      :math:`-\lambda b - (1 - \lambda)(1 - p)`
    ``"smooth"``         :math:`p \,/\, (1 + \exp(500 (b - \epsilon)))`
    ===================  =============================================================

    Parameters
    ----------
    criterion : Criterion
        b is its difference, or what its ratio lacks to 1.
    performance : str, Rate or mapping, default="balanced_accuracy_score"
        p: what :func:`skfair.criteria.read_objective` takes. Errors and costs, which are below 0
        there, are counted from the worst possible value up.
    tol : float, default=0.05
        :math:`\epsilon`.
    form : {"constrained", "penalized", "smooth"}, default="constrained"
    bias_weight : float, default=0.75
        :math:`\lambda`.

    References
    ----------
    Savani, Y., White, C. and Govindarajulu, N. S. (2020). Intra-processing methods for debiasing
    neural networks. NeurIPS 33. https://arxiv.org/abs/2006.08564

    Examples
    --------
    >>> from skfair.criteria import CRITERIA
    >>> objective = FairObjective(CRITERIA["average_odds"])
    >>> objective.combine(np.array([0.8, 0.7]), np.array([0.1, 0.02]))
    array([0. , 0.7])
    """

    criterion: Criterion
    performance: Any = "balanced_accuracy_score"
    tol: float = 0.05
    form: Form = "constrained"
    bias_weight: float = 0.75

    def __call__(self, cells: Floats, margin: float = 0.0) -> Floats:
        """Give the value of cells (tn, fp, fn, tp) of shape (..., n_groups, 4)."""
        return self.combine(self.performance_of(cells), self.bias_of(cells), margin)

    def combine(self, performance: Floats, bias: Floats, margin: float = 0.0) -> Floats:
        """Give the value of a performance and a bias; the tolerance is smaller by the margin.

        An undefined bias counts as the worst, which is 1.
        """
        bias = np.where(np.isnan(bias), 1.0, bias)
        if self.form == "penalized":
            return -self.bias_weight * bias - (1 - self.bias_weight) * (1 - performance)
        above = bias - (self.tol - margin)
        if self.form == "smooth":
            return performance * expit(-500 * above)
        return np.where(above <= SLACK, performance, 0.0)

    def performance_of(self, cells: Floats) -> Floats:
        """Give the performance of cells of shape (..., n_groups, 4), all of the same rows.

        An undefined one counts as the worst: nobody selected, so no false discovery rate.
        """
        whole = cells.sum(axis=-2)
        first = whole.reshape(-1, 4)[0]
        sought = read_objective(self.performance, np.array([first[:2].sum(), first[2:].sum()]))
        lowest = sought.limits[0]
        found = divide(whole @ sought.numerator, whole @ sought.denominator)
        found = np.where(np.isnan(found), lowest, found)
        return 1 - found / lowest if lowest < 0 else found

    def bias_of(self, cells: Floats) -> Floats:
        """Give the bias of cells of shape (..., n_groups, 4), of at least 0.

        NaN where fewer than two groups have a rate, or where decisions leave a group without one:
        nobody selected, so no precision.
        """
        gap = self.criterion(cells)
        bias = 1 - gap if self.criterion.gap == "ratio" else gap
        there = cells.sum(axis=-1) > 0
        for rate in self.criterion.rates:
            if not rate.is_linear:
                bias = np.where((np.isnan(rate(cells)) & there).any(axis=-1), np.nan, bias)
        return bias


def signed_bias(criterion: Criterion, cells: Floats) -> float:
    """Bias of the first group against the second; without sign where it can't have one.

    Two groups' difference has a sign: below 0, the first group's rate is the lower one. More
    groups, ratios, and means of several differences have none.

    Examples
    --------
    >>> from skfair.criteria import CRITERIA
    >>> signed_bias(CRITERIA["demographic_parity"], np.array([[3.0, 1, 0, 0], [2, 2, 0, 0]]))
    -0.25
    """
    gap = float(criterion(cells))
    if criterion.gap == "ratio":
        return 1 - gap
    if len(cells) != 2 or criterion.combination == "mean" or np.isnan(gap):
        return gap
    differences = between(criterion.group_rates(cells), 1)[:, 0]
    return float(differences[np.nanargmax(np.abs(differences))])


class JudgedRows(NamedTuple):
    """Rows on which decisions are judged.

    Parameters
    ----------
    positive : ndarray of bool of shape (n,)
    codes : ndarray of int of shape (n,)
        Group of each row.
    n_groups : int
    weights : ndarray of float of shape (n,)
    resamples : ndarray of float of shape (n_resamples, n)
        Weights of the rows in bootstrap samples: the mean over them is what counts. Without any,
        the rows themselves do.
    """

    positive: Bools
    codes: NDArray[np.integer]
    n_groups: int
    weights: Floats
    resamples: Floats

    @classmethod
    def draw(
        cls,
        positive: Bools,
        codes: NDArray[np.integer],
        n_groups: int,
        weights: Floats,
        n_resamples: int,
        rng: np.random.Generator,
    ) -> JudgedRows:
        """Draw the bootstrap samples, which are the same for whatever is judged."""
        n = len(weights)
        counts = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples)
        return cls(positive, codes, n_groups, weights, counts * weights)

    def take(self, rows: NDArray[np.integer]) -> JudgedRows:
        """Give some of the rows."""
        parts = (self.positive[rows], self.codes[rows], self.n_groups, self.weights[rows])
        return JudgedRows(*parts, self.resamples[:, rows])


class ThresholdChoice(NamedTuple):
    """A threshold, and what it does to the judged rows.

    ``value`` is the mean objective over the resamples; ``performance`` and ``bias`` (without sign)
    are those of the rows themselves, and ``cells`` their (tn, fp, fn, tp) by group.
    """

    value: float
    threshold: float
    performance: float
    bias: float
    cells: Floats


def choose_threshold(
    scores: Floats, rows: JudgedRows, objective: FairObjective, margin: float = 0.0
) -> ThresholdChoice:
    """Find the threshold with the best mean objective, ``score >= threshold`` being positive.

    All cuts between different scores are looked at, and those beyond the lowest and the highest.
    Under ``"constrained"``, a cut that is beyond the tolerance on the rows themselves has the value
    0, however good it is on resamples. Of equally good ones the one with the least bias is taken.

    Parameters
    ----------
    scores : ndarray of float of shape (n,)
        Finite; higher for the positive class.
    rows : JudgedRows
    objective : FairObjective
    margin : float, default=0.0
        By which the tolerance is made smaller, so that it holds on new rows as well.

    Returns
    -------
    ThresholdChoice

    Examples
    --------
    >>> from skfair.criteria import CRITERIA
    >>> y, codes = np.array([False, True, False, True]), np.array([0, 0, 1, 1])
    >>> rows = JudgedRows(y, codes, 2, np.ones(4), np.empty((0, 4)))
    >>> objective = FairObjective(CRITERIA["average_odds"])
    >>> choice = choose_threshold(np.array([0.1, 0.5, 0.3, 0.9]), rows, objective)
    >>> choice.threshold, choice.performance, choice.bias
    (0.4, 1.0, 0.0)
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    below = np.concatenate([[0], np.flatnonzero(np.diff(ordered) > 0) + 1, [len(ordered)]])
    columns = (2 * rows.codes.astype(np.intp) + rows.positive)[order]
    size = max(1, _BLOCK // rows.n_groups)
    blocks = [below[start : start + size] for start in range(0, len(below), size)]

    own = _sums_below(columns, rows.weights[order], rows.n_groups)
    within = np.ones(len(below), dtype=bool)
    if objective.form == "constrained":
        within = np.concatenate([objective(_cells(own, at)) for at in blocks]) > 0
    at = below[within]
    found = np.zeros(len(at))
    samples = rows.resamples if len(rows.resamples) else rows.weights[None]
    for weights in samples:
        sums = _sums_below(columns, weights[order], rows.n_groups)
        for start in range(0, len(at), size):
            block = slice(start, start + size)
            found[block] += objective(_cells(sums, at[block]), margin)
    values = np.zeros(len(below))
    values[within] = found / len(samples)
    ties = np.flatnonzero(values >= values.max() - 1e-12)
    biases = objective.bias_of(_cells(own, below[ties]))
    best = ties[np.argmin(np.where(np.isnan(biases), np.inf, biases))]
    cells = _cells(own, below[best : best + 1])
    return ThresholdChoice(
        float(values[best]),
        _cut(ordered, int(below[best])),
        float(objective.performance_of(cells)[0]),
        float(objective.bias_of(cells)[0]),
        cells[0],
    )


def _sums_below(columns: NDArray[np.intp], weights: Floats, n_groups: int) -> Floats:
    """Weight of the first k rows, k from 0 to n, by column: group, then label."""
    sums = np.zeros((len(columns) + 1, 2 * n_groups))
    sums[np.arange(1, len(sums)), columns] = weights
    return np.cumsum(sums, axis=0, out=sums)


def _cells(sums: Floats, below: NDArray[np.intp]) -> Floats:
    """Cells by cut and group, of which so many rows are below."""
    negative, positive = sums[below][:, ::2], sums[below][:, 1::2]
    right = sums[-1, ::2] - negative, sums[-1, 1::2] - positive
    return np.stack([negative, right[0], positive, right[1]], axis=-1)


def _cut(ordered: Floats, below: int) -> float:
    if below == 0:
        return -np.inf
    if below == len(ordered):
        return np.inf
    low, high = ordered[below - 1], ordered[below]
    middle = low + (high - low) / 2
    return float(middle if middle > low else high)
