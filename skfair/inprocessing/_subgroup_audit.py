"""The auditor of subgroups: the worst of them, and its violation as a function of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.criteria import Rate
from skfair.criteria.halfspaces import Halfspace, HalfspaceSearch
from skfair.criteria.subgroups import deviations, rate_terms

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Finding:
    """The worst subgroup of one rate that an audit found.

    Parameters
    ----------
    rate : int
        Place of the rate among those audited.
    half : Halfspace
    members : ndarray of bool of shape (n,)
    sign : float
        1 where the subgroup's rate is above that of all rows, else -1.
    excess : float
        Violation less what is allowed.
    """

    rate: int
    half: Halfspace
    members: Mask
    sign: float
    excess: float


class Line(NamedTuple):
    """A subgroup's signed violation, which is linear in decisions: ``slope @ p + constant``."""

    slope: Floats
    constant: float


@dataclass(frozen=True, eq=False)
class Auditor:
    """Audits decisions on the training rows, for one rate or several.

    Parameters
    ----------
    rates : tuple of Rate
        Linear in the decisions.
    tols : tuple of float
        Violation that each allows.
    searches : tuple of HalfspaceSearch
        One a rate.
    positive : ndarray of bool of shape (n,)
    weights : ndarray of float of shape (n,)
    """

    rates: tuple[Rate, ...]
    tols: tuple[float, ...]
    searches: tuple[HalfspaceSearch, ...]
    positive: Mask
    weights: Floats

    @classmethod
    def prepare(
        cls,
        rates: Sequence[tuple[Rate, float]],
        matrix: Floats,
        place: NDArray[np.intp],
        positive: Mask,
        weights: Floats,
    ) -> Auditor:
        """Do the work that doesn't depend on decisions.

        Parameters
        ----------
        rates : sequence of (Rate, float)
            Rates and the violation that each allows.
        matrix : ndarray of float of shape (m, k)
            Columns of the distinct rows of attributes.
        place : ndarray of int of shape (n,)
            Which of them each row is.
        positive, weights
            As in the class.

        Returns
        -------
        Auditor

        Raises
        ------
        ValueError
            If a rate has no rows to be about.
        """
        searches, none = [], np.zeros(len(positive))
        for rate, _ in rates:
            mass = deviations(rate_terms(rate, positive, none, weights)).mass
            if np.isnan(mass).any():
                raise ValueError(f"{rate.name} is undefined (0/0): it has no rows of its label")
            searches.append(HalfspaceSearch.prepare(matrix, place, mass))
        names, tols = zip(*rates, strict=True)
        return cls(names, tols, tuple(searches), positive, weights)

    def audits(self, decisions: Floats) -> list[Finding]:
        """Find the worst subgroup of each rate.

        Parameters
        ----------
        decisions : ndarray of float of shape (n,)
            1 for the positive class, or the chance of it.

        Returns
        -------
        list of Finding
        """
        found = []
        for k, (rate, search) in enumerate(zip(self.rates, self.searches, strict=True)):
            terms = rate_terms(rate, self.positive, decisions, self.weights)
            off = deviations(terms).deviation
            half = search.worst(off)
            members = half.members(search.matrix)[search.place]
            sign = -1.0 if off[members].sum() < 0 else 1.0
            found.append(Finding(k, half, members, sign, half.violation - self.tols[k]))
        return found

    def audit(self, decisions: Floats) -> Finding:
        """Find the subgroup that exceeds what its rate allows by most."""
        return max(self.audits(decisions), key=lambda finding: finding.excess)

    def line(self, finding: Finding) -> Line:
        r"""Write a subgroup's signed violation as a linear function of the decisions.

        .. math:: \sum_i \frac{w_i s_i (1[i \in g] - P(g))}{\sum_j w_j b_j} p_i + \text{constant}

        where s is the slope of the rate's numerator and b its denominator.
        """
        none = np.zeros(len(self.positive))
        terms = rate_terms(self.rates[finding.rate], self.positive, none, self.weights)
        at_none = deviations(terms)
        inside = finding.members - at_none.mass[finding.members].sum()
        slope = terms.slope * inside / terms.denominator.sum()
        return Line(slope, float(at_none.deviation[finding.members].sum()))

    def error(self, decisions: Floats) -> float:
        """Weighted share of rows decided wrongly."""
        return float(np.average(np.abs(self.positive - decisions), weights=self.weights))
