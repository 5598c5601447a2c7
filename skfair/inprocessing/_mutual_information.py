"""Mutual information between soft predictions and groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from skfair.inprocessing._logistic import Floats

_LEAST = 1e-300  # so that no logarithm is infinite


@dataclass(frozen=True, eq=False)
class PrejudiceIndex:
    r"""The penalty :math:`\eta` times the prejudice index.

    .. math::

        \sum_i s_i \sum_y P(y|x_i) \log\frac{\hat P(y|g_i)}{\hat P(y)}
        = \sum_g \pi_g \sum_y \hat P(y|g) \log\frac{\hat P(y|g)}{\hat P(y)}

    where :math:`\hat P` are means of probabilities over rows, and :math:`\pi_g` shares of groups.

    Parameters
    ----------
    means : sparse array of shape (n_groups, n)
        What averages over the rows of each group.
    sizes : ndarray of shape (n_groups,)
        Shares of the groups.
    eta : float

    Examples
    --------
    >>> codes, shares = np.array([0, 0, 1]), np.array([0.25, 0.25, 0.5])
    >>> index = PrejudiceIndex.read(codes, 2, shares, 1.0)
    >>> print(round(index(np.array([50.0, 50.0, -50.0]))[0], 3))  # log 2
    0.693
    """

    means: sparse.csr_matrix
    sizes: Floats
    eta: float

    @classmethod
    def read(cls, codes: NDArray[np.integer], n_groups: int, shares: Floats, eta: float) -> Self:
        """Make it of groups and weights that add up to 1."""
        sizes = np.bincount(codes, shares, n_groups).astype(np.float64)
        entries = (shares / sizes[codes], (codes, np.arange(len(codes))))
        return cls(sparse.csr_matrix(entries, (n_groups, len(codes))), sizes, eta)

    def __call__(self, decision: Floats) -> tuple[float, Floats]:
        """Value of the penalty, and its slopes in the decision values."""
        yes, no = expit(decision), expit(-decision)
        of_groups = np.stack([self.means @ yes, self.means @ no])
        of_all = of_groups @ self.sizes
        logs = np.log(np.maximum(of_groups, _LEAST)) - np.log(np.maximum(of_all, _LEAST))[:, None]
        value = float((of_groups * logs).sum(axis=0) @ self.sizes)
        slopes = self.means.T @ (self.sizes * (logs[0] - logs[1])) * yes * no
        return self.eta * value, self.eta * slopes
