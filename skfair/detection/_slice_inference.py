"""A slice's errors against those of all other rows: difference, interval and test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit
from scipy.stats import fisher_exact

from skfair.criteria import group_intervals, pair_intervals, whole_rows
from skfair.tally import MomentTally, Tally, count_cells

Floats = NDArray[np.float64]


class Comparison(NamedTuple):
    """Mean errors of a slice and of the rest, their difference, and a one-sided p-value."""

    mean_error: float
    rest_error: float
    difference: float
    low: float
    high: float
    pvalue: float


def has_two_values(errors: Floats) -> bool:
    """Tell whether no error lies between the smallest and the largest.

    Examples
    --------
    >>> has_two_values(np.array([0.0, 1.0, 0.0])), has_two_values(np.array([0.0, 0.5, 1.0]))
    (True, False)
    """
    return bool(((errors == errors.min()) | (errors == errors.max())).all())


def compare_two_values(
    errors: Floats, weights: Floats | None, inside: NDArray[np.bool_], confidence_level: float
) -> Comparison:
    """Compare errors that take two values: Newcombe's interval and Fisher's exact test.

    With weights, the test has each side's share of high errors in its effective number of rows,
    rounded to whole rows in favour of no difference.

    Examples
    --------
    >>> inside = np.arange(8) < 4
    >>> found = compare_two_values(np.array([1.0, 1, 1, 0, 0, 0, 0, 1]), None, inside, 0.95)
    >>> found.difference, round(found.pvalue, 4)  # (16 + 1) / 70
    (0.5, 0.2429)
    """
    low, high = float(errors.min()), float(errors.max())
    codes = [(~inside).astype(np.int8), (errors == high).astype(np.int8)]
    sums = count_cells(codes, (2, 2), weights)
    of_cells: Any = (np.stack([part, np.zeros_like(part)], axis=1) for part in sums)
    tally = Tally(("slice", "rest"), ("rows",), (0, 1), *of_cells)
    single = group_intervals(tally, "selection_rate", confidence_level=confidence_level)
    pair = pair_intervals(
        tally, "selection_rate", confidence_level=confidence_level, simultaneous=False
    )
    difference, lower, upper = (
        (high - low) * part.item() for part in (pair.difference, pair.low, pair.high)
    )
    means = low + (high - low) * single.rate
    pvalue = _fisher(single.rate, np.minimum(single.effective_size, single.n))
    return Comparison(means[0].item(), means[1].item(), difference, lower, upper, pvalue)


def compare_means(
    errors: Floats, weights: Floats | None, inside: NDArray[np.bool_], confidence_level: float
) -> Comparison:
    """Compare errors of any size: Welch's interval and test, with effective numbers of rows.

    Examples
    --------
    >>> inside = np.arange(6) < 3
    >>> found = compare_means(np.array([2.0, 3, 4, 0, 1, 2]), None, inside, 0.95)
    >>> found.difference, round(found.pvalue, 4)  # t = 2.449 with 4 degrees of freedom
    (2.0, 0.0352)
    """
    tally = MomentTally.from_arrays(errors, errors, ~inside, sample_weight=weights)
    means = tally.means["y_true"].to_numpy()
    size = tally.effective_sizes
    parts = tally.variances["y_true"].to_numpy() / size
    variance = parts.sum()
    freedom = variance**2 / (parts**2 / np.where(size > 1, size - 1, np.nan)).sum()
    error, difference = np.sqrt(variance), float(means[0] - means[1])
    margin = float(stdtrit(freedom, (1 + confidence_level) / 2) * error)
    pvalue = float(stdtr(freedom, -difference / error))
    return Comparison(
        float(means[0]),
        float(means[1]),
        difference,
        difference - margin,
        difference + margin,
        pvalue,
    )


def _fisher(rate: Floats, size: Floats) -> float:
    table = np.stack(whole_rows(rate[None], size[None], np.array([True, False])), axis=-1)[0]
    return float(fisher_exact(table, alternative="greater").pvalue)
