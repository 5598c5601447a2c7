"""Rates of groups in which probabilities stand for decisions: true to the rates, not convex."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import expit

from skfair.inprocessing._covariance import GroupRates
from skfair.inprocessing._logistic import Floats


@dataclass(frozen=True, eq=False)
class SoftRates(GroupRates):
    """Rates that would be expected if each row were selected with its probability.

    Examples
    --------
    >>> import numpy as np
    >>> from skfair.criteria import RATES
    >>> y, codes = np.array([1.0, 0.0, 1.0]), np.array([0, 0, 1])
    >>> recall = [(RATES["true_positive_rate"],)]
    >>> found = SoftRates.read(recall, y, codes, 2, np.ones(3) / 3)
    >>> found.rates(np.log([4.0, 1.0, 1.0]))
    array([0.8, 0.5])
    """

    def rates(self, decision: Floats) -> Floats:
        """Rates at these decision values."""
        return self.constants + self.matrix @ expit(decision)

    def pull(self, decision: Floats, slopes: Floats) -> Floats:
        """Slopes in the decision values of what has these slopes in the rates."""
        return (self.matrix.T @ slopes) * expit(decision) * expit(-decision)
