"""Rates of groups in which decision values stand for decisions: linear, hence convex to bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skfair.criteria import Criterion, Rate
from skfair.inprocessing._logistic import Floats


class _Part(NamedTuple):
    """One rate by group: slopes in the decisions by row, the rate of no decision, and whether."""

    slopes: Floats
    constants: Floats
    defined: NDArray[np.bool_]


def flip(rate: Rate) -> Rate:
    """Read a rate of the other class in cells of this one.

    Examples
    --------
    >>> from skfair.criteria import RATES
    >>> flip(RATES["true_positive_rate"]).numerator
    (1, 0, 0, 0)
    """
    return Rate(rate.name, rate.numerator[::-1], rate.denominator[::-1], rate.higher_is_better)


def depends_on_positive(criterion: Criterion) -> bool:
    """Tell whether the criterion's difference is another one for the other class.

    Examples
    --------
    >>> from skfair.criteria import CRITERIA
    >>> depends_on_positive(CRITERIA["equalized_odds"])
    False
    >>> depends_on_positive(CRITERIA["equal_opportunity"])
    True
    """

    def signature(rates: tuple[Rate, ...]) -> frozenset[Any]:
        """Tell means of rates apart, but not a mean from that of the rates' complements."""
        own = sorted((rate.numerator, rate.denominator) for rate in rates)
        rest = sorted((_complement(rate), rate.denominator) for rate in rates)
        return frozenset({tuple(own), tuple(rest)})

    own = {signature(rates) for rates in criterion.compared}
    return own != {signature(tuple(map(flip, rates))) for rates in criterion.compared}


def _complement(rate: Rate) -> tuple[float, ...]:
    return tuple(b - a for a, b in zip(rate.numerator, rate.denominator, strict=True))


@dataclass(frozen=True, eq=False)
class GroupRates:
    """Rates by group as functions of decision values, which stand for the decisions themselves.

    Of the selection rate that makes the mean decision value of the group, of the true positive rate
    that among the positives, and so on.

    Parameters
    ----------
    matrix : sparse array of shape (n_rates, n)
        Slopes of each rate in each row's decision; rates that are 0/0 are left out.
    constants : ndarray of shape (n_rates,)
        Rates where no row is selected.
    coordinate : ndarray of int of shape (n_rates,)
        Which of the compared rates each one is.
    group : ndarray of int of shape (n_rates,)
        Which group's it is.
    n_compared : int
        Number of rates that are compared.
    """

    matrix: Any
    constants: Floats
    coordinate: NDArray[np.intp]
    group: NDArray[np.intp]
    n_compared: int

    @classmethod
    def read(
        cls,
        compared: Sequence[tuple[Rate, ...]],
        y: Floats,
        codes: NDArray[np.integer],
        n_groups: int,
        shares: Floats,
    ) -> Self:
        """Make the rates of labels, groups and weights.

        Parameters
        ----------
        compared : sequence of tuple of Rate
            Rates to compare; of several in one tuple the mean.
        y : ndarray of shape (n,)
            Labels 0 and 1.
        codes : ndarray of int of shape (n,)
        n_groups : int
        shares : ndarray of shape (n,)
            Weights.
        """
        tables, constants, places, of_group = [], [], [], []
        for k, rates in enumerate(compared):
            parts = [_part(rate, y, codes, n_groups, shares) for rate in rates]
            kept = np.flatnonzero(np.all([part.defined for part in parts], axis=0))
            slopes = np.mean([part.slopes for part in parts], axis=0)
            table = sparse.csr_matrix((slopes, (codes, np.arange(len(y)))), (n_groups, len(y)))
            tables.append(table[kept])
            constants.append(np.mean([part.constants for part in parts], axis=0)[kept])
            places.append(np.full(len(kept), k, dtype=np.intp))
            of_group.append(kept)
        return cls(
            sparse.vstack(tables, "csr"),
            np.concatenate(constants),
            np.concatenate(places),
            np.concatenate(of_group),
            len(compared),
        )

    def rates(self, decision: Floats) -> Floats:
        """Rates at these decision values."""
        return self.matrix @ decision

    def pull(self, decision: Floats, slopes: Floats) -> Floats:
        """Slopes in the decision values of what has these slopes in the rates."""
        return self.matrix.T @ slopes

    def worst(self, decision: Floats) -> Floats:
        """Largest difference of groups in each compared rate; NaN with fewer than two groups."""
        rates = self.rates(decision)
        found = np.full(self.n_compared, np.nan)
        for k in np.unique(self.coordinate):
            of_groups = rates[self.coordinate == k]
            found[k] = np.ptp(of_groups) if len(of_groups) > 1 else np.nan
        return found

    def pairs(self) -> PairsOfGroups:
        """Differences between all pairs of groups."""
        sides = [
            pair
            for k in np.unique(self.coordinate)
            for pair in combinations(np.flatnonzero(self.coordinate == k).tolist(), 2)
        ]
        first, second = np.array(sides, dtype=np.intp).reshape(-1, 2).T
        return PairsOfGroups(self, first, second)


def _part(
    rate: Rate, y: Floats, codes: NDArray[np.integer], n_groups: int, shares: Floats
) -> _Part:
    positive = y == 1
    (tn, fp, fn, tp), (negatives, _, positives, _) = rate.numerator, rate.denominator
    size = np.bincount(codes, shares * np.where(positive, positives, negatives), n_groups)
    safe = np.where(size > 0, size, 1.0)
    constants = np.bincount(codes, shares * np.where(positive, fn, tn), n_groups) / safe
    slopes = shares * np.where(positive, tp - fn, fp - tn) / safe[codes]
    return _Part(slopes, constants, size > 0)


@dataclass(frozen=True, eq=False)
class PairsOfGroups:
    """Differences of rates between pairs of groups, to be bounded."""

    rates: GroupRates
    first: NDArray[np.intp]
    second: NDArray[np.intp]

    def differences(self, decision: Floats) -> Floats:
        """Give the differences."""
        rates = self.rates.rates(decision)
        return rates[self.first] - rates[self.second]

    def pull_differences(self, decision: Floats, slopes: Floats) -> Floats:
        """Slopes in the decision values of what has these slopes in the differences."""
        n = len(self.rates.coordinate)
        gains, losses = (np.bincount(side, slopes, n) for side in (self.first, self.second))
        return self.rates.pull(decision, np.asarray(gains - losses, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class SquaredSpread:
    r"""The penalty :math:`\lambda \sum_k \sum_g (r_{kg} - \bar r_k)^2`.

    :math:`\bar r_k` is the plain mean over groups; of two groups the sum is half their squared
    difference.
    """

    rates: GroupRates
    strength: float

    def __call__(self, decision: Floats) -> tuple[float, Floats]:
        """Value of the penalty, and its slopes in the decision values."""
        rates, place = self.rates.rates(decision), self.rates.coordinate
        mean = np.bincount(place, rates) / np.maximum(np.bincount(place), 1)
        off = rates - mean[place]
        slopes = self.rates.pull(decision, 2 * self.strength * off)
        return self.strength * float(off @ off), slopes
