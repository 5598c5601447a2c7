"""The test of "no disparity": permutation of groups within the rows that a rate is about."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t

from skfair._utils.arrays import divide
from skfair._utils.text import listed
from skfair._utils.validation import generator
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria._limits import CellSums, Floats, effective_size, have_own_rows
from skfair.criteria.criterion import Criterion, evaluate, get_criterion
from skfair.criteria.rates import Rate
from skfair.tally import Tally, split_levels

_MOST_ROWS = 10**9  # numpy's hypergeometric draws go no further


class DisparityTest(NamedTuple):
    """Result of a test of "no disparity".

    ``statistic`` is the largest studentised distance of a group's rate to that of the others,
    ``approximate`` tells that the p-value is no permutation's but Student's, at Sidak's level.
    """

    statistic: float
    pvalue: float
    approximate: bool


def disparity_test(
    tally: Tally,
    criterion: str | Criterion,
    *,
    control_features: str | Sequence[str] = (),
    pos_label: Any = None,
    min_group_size: int | None = None,
    n_resamples: int = 9999,
    random_state: Any = 0,
) -> DisparityTest:
    r"""Test the hypothesis that every rate of a criterion is the same in all groups.

    Among the rows in a rate's denominator (y = 1 for the true positive rate, predicted 1 for
    precision, all rows for the selection rate) the hypothesis says that groups are exchangeable. So
    they are permuted there, within each level of the control features, by drawing the groups'
    counts from the multivariate hypergeometric distribution: what permuted rows would give, and
    the p-value :math:`(1 + \#\{T_r \ge T\}) / (1 + R)` holds its level for groups of any size and
    with any base rates.

    The statistic compares each group with all others over the levels l as Mantel and Haenszel do,

    .. math:: T = \max_{rate, g} \frac{|\sum_l m_{gl} (r_{gl} - r_{\bar g l})|}
        {\sqrt{\sum_l m_{gl} p_l (1 - p_l)}}, \quad
        m_{gl} = \Big(\frac{1}{n_{gl}} + \frac{1}{n_{\bar g l}}\Big)^{-1},

    since the noise of the smallest group would drown the plain gap. For two groups without control
    both order the tables alike.

    Weights, rates that are no proportions (F1) and rates that share rows can't be permuted. There T
    with effective sizes n is compared with Student's distribution at Sidak's level, and the result
    says ``approximate``. Such a p-value is never 0 either, but the smallest number there is.

    Parameters
    ----------
    tally : Tally
    criterion : str or Criterion
        A criterion or, by name, a rate. Its gap and combination don't matter.
    control_features : str or sequence of str, default=()
        Those of the tally's ``names`` that are control features.
    pos_label : label, default=None
        As in :meth:`skfair.tally.Tally.cells`.
    min_group_size : int, default=None
        Leave out groups with fewer rows.
    n_resamples : int, default=9999
        Number R of permutations.
    random_state : int, RandomState, Generator or None, default=0
        Seed of the permutations; None draws a new one at every call.

    Returns
    -------
    DisparityTest
        NaN where fewer than two groups have a defined rate.

    Raises
    ------
    ValueError
        If a control feature isn't among the tally's names, or no other name is left.

    Warns
    -----
    UndefinedMetricWarning
        If a group is left out.

    References
    ----------
    Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical
    Applications in Genetics and Molecular Biology 9(1). https://doi.org/10.2202/1544-6115.1585
    Mantel, N. and Haenszel, W. (1959). Statistical aspects of the analysis of data from
    retrospective studies of disease. JNCI 22(4). https://doi.org/10.1093/jnci/22.4.719

    Examples
    --------
    >>> group = ["f"] * 100 + ["m"] * 100
    >>> tally = Tally.from_arrays([1] * 200, [0, 1] * 70 + [1] * 60, group)
    >>> disparity_test(tally, "equal_opportunity").pvalue
    0.0001
    """
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}")
    criterion = get_criterion(criterion)
    labels, levels = _by_level(tally, control_features, criterion.rates, pos_label)
    whole = CellSums(*(array.sum(axis=0) for array in levels))
    found = evaluate(
        replace(criterion, combination="worst_case"),  # every rate by itself
        whole.weight,
        labels,
        gap="difference",
        group_counts=whole.rows.sum(axis=-1),
        min_group_size=min_group_size,
    )
    if np.isnan(found.value):
        return DisparityTest(np.nan, np.nan, False)
    kept = found.kept(labels)
    levels = CellSums(*(array[:, kept] for array in levels))
    if not _are_comparable(criterion, levels, [labels[i] for i in kept]):
        return DisparityTest(np.nan, np.nan, False)
    if _can_permute(criterion, levels):
        return _permute(criterion, levels.rows, n_resamples, generator(random_state))
    return _approximate(criterion, levels)


def _by_level(
    tally: Tally, control_features: str | Sequence[str], rates: Sequence[Rate], pos_label: Any
) -> tuple[list[Hashable], CellSums]:
    """List groups without their control features, and sums of shape (n_levels, n_groups, 4)."""
    labels, _, levels = split_levels(tally, control_features, CellSums.of(tally, rates, pos_label))
    return list(labels), CellSums(*levels)


def _are_comparable(criterion: Criterion, levels: CellSums, labels: list[Hashable]) -> bool:
    """Tell whether each rate can be compared within some level; warn of groups that never are."""
    notes, comparable = [], True
    for rate in criterion.rates:
        defined = ~np.isnan(rate(levels.weight))  # by level and group
        compared = (defined & (defined.sum(axis=1, keepdims=True) >= 2)).any(axis=0)
        alone = np.flatnonzero(defined.any(axis=0) & ~compared).tolist()
        comparable &= bool(compared.any())
        if alone:
            notes.append(f"{rate.name} of groups {listed(labels[i] for i in alone)}")
    if notes:
        warn_undefined_metric(
            f"no control level holds another group to compare with: {'; '.join(notes)}"
            + ("" if comparable else "; the result is NaN")
        )
    return comparable


def are_equally_weighted(sums: CellSums) -> bool:
    """Tell whether all rows have the same weight, so that counting them says it all."""
    factor = sums.weight.sum() / max(sums.rows.sum(), 1.0)
    return np.allclose(sums.weight, factor * sums.rows, rtol=1e-9, atol=0) and np.allclose(
        sums.weight2, factor**2 * sums.rows, rtol=1e-9, atol=0
    )


def _can_permute(criterion: Criterion, sums: CellSums) -> bool:
    equal = are_equally_weighted(sums)
    proportions = all(_is_proportion(rate) for rate in criterion.rates)
    countable = have_own_rows(criterion.rates) and sums.rows.sum() < _MOST_ROWS
    return equal and proportions and countable


def _is_proportion(rate: Rate) -> bool:
    pairs = zip(rate.numerator, rate.denominator, strict=True)
    return all((a, b) in ((0, 0), (0, 1), (1, 1)) for a, b in pairs)


def _permute(
    criterion: Criterion, count: Floats, n_resamples: int, rng: np.random.Generator
) -> DisparityTest:
    observed = 0.0
    drawn = np.zeros(n_resamples)
    for rate in criterion.rates:
        success, size = count @ np.array(rate.numerator), count @ np.array(rate.denominator)
        excess = np.zeros(count.shape[1])
        excesses = np.zeros((n_resamples, count.shape[1]))
        for k, n in zip(success.astype(np.int64), size.astype(np.int64), strict=True):
            expected = n * (k.sum() / max(n.sum(), 1))
            excess += k - expected
            excesses += rng.multivariate_hypergeometric(n, k.sum(), n_resamples) - expected
        spread = _spread(size, success)
        observed = max(observed, _largest(excess, spread).item())
        drawn = np.maximum(drawn, _largest(excesses, spread))
    as_large = int((drawn >= observed * (1 - 1e-9)).sum())
    return DisparityTest(observed, (1 + as_large) / (1 + n_resamples), False)


def _spread(size: Floats, success: Floats) -> Floats:
    """Compute the standard deviation of each group's excess of successes under the hypothesis."""
    total = np.maximum(size.sum(axis=-1, keepdims=True), 1.0)
    p = success.sum(axis=-1, keepdims=True) / total
    return np.sqrt((size * (total - size) / total * p * (1 - p)).sum(axis=0))


def _largest(excess: Floats, spread: Floats) -> Floats:
    return np.divide(np.abs(excess), spread, out=np.zeros_like(excess), where=spread > 0).max(-1)


def _approximate(criterion: Criterion, levels: CellSums) -> DisparityTest:
    largest, singles = 0.0, []
    for rate in criterion.rates:
        score, freedom = scores_against_rest(rate, levels, levels.others())
        defined = ~np.isnan(score)
        score, freedom = score[defined], freedom[defined]
        largest = max(largest, score.max(initial=0.0))
        pvalues = 2 * t.sf(score, freedom)
        singles += list(pvalues[:1] if len(score) == 2 else pvalues)  # two groups: one contrast
    smallest = min(singles, default=1.0)
    pvalue = -np.expm1(len(singles) * np.log1p(-smallest)) if smallest < 1 else 1.0
    return DisparityTest(float(largest), float(max(pvalue, np.finfo(float).tiny)), True)


def scores_against_rest(rate: Rate, own: CellSums, rest: CellSums) -> tuple[Floats, Floats]:
    """Studentised distance of each group to its rest, with its degrees of freedom.

    Parameters
    ----------
    rate : Rate
    own, rest : CellSums
        Arrays of shape (n_levels, n_groups, 4).

    Returns
    -------
    score, freedom : ndarray of float of shape (n_groups,)
        The score is NaN where no level holds both a group and its rest.
    """
    sides = own, rest
    sizes, freedoms = zip(*(effective_size(rate, side) for side in sides), strict=True)
    pair_size = np.nan_to_num(divide(sizes[0] * sizes[1], sizes[0] + sizes[1]))
    pooled = np.nan_to_num(rate(own.weight + rest.weight))
    distance = np.nan_to_num(rate(own.weight) - rate(rest.weight))
    variance = pair_size * pooled * (1 - pooled)
    total = variance.sum(axis=0)
    excess = np.abs((pair_size * distance).sum(axis=0))
    score = np.divide(excess, np.sqrt(total), out=np.zeros_like(total), where=total > 0)
    noise = sum(
        (np.nan_to_num(variance * pair_size / size) ** 2 / freedom).sum(axis=0)
        for size, freedom in zip(sizes, freedoms, strict=True)
    )
    freedom = divide(total**2, noise)
    score[pair_size.sum(axis=0) == 0] = np.nan
    return score, np.where(np.isnan(freedom), np.inf, freedom)
