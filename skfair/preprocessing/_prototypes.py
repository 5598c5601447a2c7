"""Prototypes that hide the group: the loss of learned fair representations and its gradient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import softmax

Floats = NDArray[np.float64]

STAGES = (1e-1, 1e-2, 1e-3)
"""Absolute differences are smoothed at these scales in turn."""

_LEAST_RATE = 1e-6  # of positives in a prototype, so that no logarithm is infinite


class Penalties(NamedTuple):
    """Weights of the parts of the loss (A_x, A_y, A_z in the paper; it has no slopes)."""

    reconstruction: float
    label: float
    fairness: float
    slopes: float = 0.0


class Prototypes(NamedTuple):
    """What is learned.

    ``centres`` of shape (n_prototypes, n_features), the ``rates`` of positives of each, and the
    ``relevance`` of each feature in the distance.
    """

    centres: Floats
    rates: Floats
    relevance: Floats

    def flat(self) -> Floats:
        """All parameters in one vector."""
        return np.concatenate([self.centres.ravel(), self.rates, self.relevance])

    @classmethod
    def of(cls, vector: Floats, n_features: int) -> Prototypes:
        """Read the vector that :meth:`flat` makes."""
        k = (len(vector) - n_features) // (n_features + 1)
        centres, rates, relevance = np.split(vector, [k * n_features, k * (n_features + 1)])
        return cls(centres.reshape(k, n_features), rates, relevance)


class Rows(NamedTuple):
    """Training rows: features, labels (0 or 1), weights that add up to 1, and group means.

    ``by_group`` of shape (n_groups, n) averages over the rows of each group.
    """

    X: Floats
    y: Floats
    weights: Floats
    by_group: sparse.csr_matrix

    @classmethod
    def read(
        cls, X: Floats, y: Floats, codes: NDArray[np.integer], weights: Floats | None = None
    ) -> Rows:
        """Make rows of features, labels, group codes and sampling weights.

        Examples
        --------
        >>> rows = Rows.read(np.zeros((3, 1)), np.array([0, 1, 1]), np.array([0, 1, 1]))
        >>> rows.by_group.toarray().tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]
        """
        n = len(X)
        shares = np.ones(n) / n if weights is None else weights / weights.sum()
        sizes = np.bincount(codes, shares)
        means = shares / sizes[codes]
        by_group = sparse.csr_matrix((means, (codes, np.arange(n))), shape=(len(sizes), n))
        return cls(X, y, shares, by_group)


class Loss(NamedTuple):
    """The loss and its parts."""

    total: float
    reconstruction: float
    label: float
    fairness: float
    slopes: float


class Learned(NamedTuple):
    """The outcome of a search: prototypes, their loss, and how the search went."""

    prototypes: Prototypes
    loss: Loss
    n_iter: int
    converged: bool


def memberships(X: Floats, prototypes: Prototypes) -> Floats:
    r"""Share of each row in each prototype: a softmax of negative weighted squared distances.

    .. math:: M_{nk} \propto \exp\Big(-\sum_i \alpha_i (x_{ni} - v_{ki})^2\Big)

    Examples
    --------
    >>> two = Prototypes(np.array([[0.0], [2.0]]), np.array([0.5, 0.5]), np.array([1.0]))
    >>> memberships(np.array([[1.0], [0.0]]), two).round(3).tolist()
    [[0.5, 0.5], [0.982, 0.018]]
    """
    centres, _, relevance = prototypes
    # the square of x is the same for all prototypes, and a softmax doesn't see it
    return softmax(2.0 * X @ (relevance * centres).T - centres**2 @ relevance, axis=1)


def loss_of(rows: Rows, prototypes: Prototypes, penalties: Penalties) -> Loss:
    """Loss as it is published, and the slopes: absolute differences are not smoothed.

    Examples
    --------
    One prototype in the middle of two rows hides everything.

    >>> rows = Rows.read(np.array([[0.0], [2.0]]), np.array([0, 1]), np.array([0, 1]))
    >>> middle = Prototypes(np.array([[1.0]]), np.array([0.5]), np.array([1.0]))
    >>> loss = loss_of(rows, middle, Penalties(1.0, 1.0, 1.0))
    >>> loss.reconstruction, round(loss.label, 4), loss.fairness
    (1.0, 0.6931, 0.0)
    """
    centres, rates, _ = prototypes
    shares = memberships(rows.X, prototypes)
    positive = shares @ rates
    reconstruction = float(rows.weights @ ((shares @ centres - rows.X) ** 2).mean(axis=1))
    entropy = rows.y * np.log(positive) + (1.0 - rows.y) * np.log1p(-positive)
    fairness = float(np.abs(_gaps(rows, shares)).sum())
    slopes = float((_slopes(prototypes) ** 2).sum()) / 2
    parts = (reconstruction, -float(rows.weights @ entropy), fairness, slopes)
    return Loss(float(np.dot(penalties, parts)), *parts)


def _gaps(rows: Rows, shares: Floats) -> Floats:
    """Mean memberships of each group less the overall ones."""
    return rows.by_group @ shares - rows.weights @ shares


def _slopes(prototypes: Prototypes) -> Floats:
    """Slopes of the memberships' logits in the features, but for what all prototypes share."""
    centres, _, relevance = prototypes
    return 2.0 * relevance * (centres - centres.mean(axis=0))


def smoothed_loss(
    vector: Floats, rows: Rows, penalties: Penalties, scale: float
) -> tuple[float, Floats]:
    r"""Loss with :math:`\sqrt{t^2 + s^2}` for the absolute differences, and its gradient.

    Parameters
    ----------
    vector : ndarray of float
        Flat prototypes.
    rows : Rows
    penalties : Penalties
    scale : float
        The s of the smoothed absolute value; greater than 0.

    Returns
    -------
    loss : float
    gradient : ndarray of float, of the length of ``vector``
    """
    X, y, weights, by_group = rows
    prototypes = Prototypes.of(vector, X.shape[1])
    centres, rates, relevance = prototypes
    shares = memberships(X, prototypes)
    missed, positive, gaps = shares @ centres - X, shares @ rates, _gaps(rows, shares)
    lengths, steep = np.sqrt(gaps**2 + scale**2), _slopes(prototypes)
    entropy = y * np.log(positive) + (1.0 - y) * np.log1p(-positive)
    rebuilt = weights @ (missed**2).mean(axis=1)
    parts = (rebuilt, -weights @ entropy, lengths.sum(), (steep**2).sum() / 2)

    by_missed = (2.0 * penalties.reconstruction / X.shape[1]) * weights[:, None] * missed
    by_positive = penalties.label * weights * (positive - y) / (positive * (1.0 - positive))
    slopes = gaps / lengths
    by_shares = by_missed @ centres.T + np.outer(by_positive, rates)
    by_shares += penalties.fairness * (by_group.T @ slopes - np.outer(weights, slopes.sum(axis=0)))
    by_logits = shares * (by_shares - (shares * by_shares).sum(axis=1, keepdims=True))
    pulled, sums = by_logits.T @ X, by_logits.sum(axis=0)
    by_centres = shares.T @ by_missed + 2.0 * relevance * (pulled - sums[:, None] * centres)
    by_relevance = 2.0 * (pulled * centres).sum(axis=0) - sums @ centres**2
    by_steep = 2.0 * penalties.slopes * steep
    by_centres += relevance * by_steep
    by_relevance += (by_steep * (centres - centres.mean(axis=0))).sum(axis=0)
    gradient = Prototypes(by_centres, shares.T @ by_positive, by_relevance).flat()
    return float(np.dot(penalties, parts)), gradient


def starting_prototypes(rows: Rows, n_prototypes: int, rng: np.random.Generator) -> Prototypes:
    """Draw prototypes around the mean of the rows; the order of the rows plays no part.

    All features start with one relevance, by which rows are 1 away from the mean on average.
    """
    n_features = rows.X.shape[1]
    mean = rows.weights @ rows.X
    variance = rows.weights @ (rows.X - mean) ** 2
    noise = 0.5 * rng.standard_normal((n_prototypes, n_features))
    centres = mean + np.sqrt(variance) * noise
    spread = variance.sum() or 1.0
    relevance = np.full(n_features, 1.0 / spread)
    return Prototypes(centres, rng.uniform(0.3, 0.7, n_prototypes), relevance)


def learn_prototypes(
    rows: Rows, start: Prototypes, penalties: Penalties, *, max_iter: int, tol: float
) -> Learned:
    """Minimise the loss from a start by L-BFGS-B, the absolute differences less and less smoothed.

    At its kinks, where groups are alike, the loss as published stops a quasi-Newton method long
    before a minimum; the stages lead around them.

    Parameters
    ----------
    rows : Rows
    start : Prototypes
    penalties : Penalties
    max_iter : int
        Most iterations, of all stages together.
    tol : float
        A stage ends when the loss falls by less than this share of it.

    Returns
    -------
    Learned
    """
    k, n_features = start.centres.shape
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * (k * n_features)
    bounds += [(_LEAST_RATE, 1.0 - _LEAST_RATE)] * k + [(0.0, None)] * n_features
    vector, n_iter, converged = start.flat(), 0, False
    for i, scale in enumerate(STAGES):
        if n_iter >= max_iter:
            converged = False
            break
        left = max(1, (max_iter - n_iter) // (len(STAGES) - i))
        result = minimize(
            smoothed_loss,
            vector,
            args=(rows, penalties, scale),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": left, "maxfun": 20 * left, "ftol": tol},
        )
        vector, n_iter, converged = result.x, n_iter + result.nit, result.status == 0
    learned = Prototypes.of(vector, n_features)
    return Learned(learned, loss_of(rows, learned, penalties), n_iter, converged)
