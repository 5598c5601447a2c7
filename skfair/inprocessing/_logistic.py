"""Logistic regression with a penalty on its decision values: objective, gradient and search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from sklearn.utils.sparsefuncs import mean_variance_axis

Floats = NDArray[np.float64]

Penalty = Callable[[Floats], tuple[float, Floats]]
"""What is added to the loss: decision values to a number and its slopes in them."""


class SearchOptions(TypedDict):
    """When a search ends."""

    tol: float
    max_iter: int


_EPS = float(np.finfo(np.float64).eps)
_HIDDEN = 1e-5  # no larger slope is put down to rounding
_RESTARTS = 3


@dataclass(frozen=True, eq=False)
class Design:
    """Features of rows, and how parameters make decision values of them.

    Parameters are held in standardised coordinates, which changes no objective but lets searches
    end sooner; a sparse X stays sparse, since its columns are centred in the intercept only. There
    is one model for all rows, or one for each of several sets of rows.

    Parameters
    ----------
    X : tuple of ndarray or sparse array of shape (n_part, n_features)
        Features of the rows of each part.
    parts : tuple of ndarray of int or slice
        Places of these rows.
    centre, scale : ndarray of shape (n_features,)
        What is subtracted from columns and what they are divided by.
    fit_intercept : bool
    """

    X: tuple[Any, ...]
    parts: tuple[Any, ...]
    n: int
    centre: Floats
    scale: Floats
    fit_intercept: bool

    @classmethod
    def read(
        cls,
        X: Any,
        weights: Floats | None = None,
        *,
        fit_intercept: bool = True,
        parts: tuple[NDArray[np.integer], ...] | None = None,
    ) -> Design:
        """Measure the columns of X, and deal its rows to models.

        Examples
        --------
        >>> design = Design.read(np.array([[1.0], [3.0]]))
        >>> design.decision(np.array([2.0, 0.5]))
        array([-1.5,  2.5])
        >>> design.model(np.array([2.0, 0.5]))
        (array([[2.]]), array([-3.5]))
        """
        centre, scale = _measure(X, np.ones(X.shape[0]) if weights is None else weights)
        if not fit_intercept:
            scale = np.hypot(scale, centre)
            centre = np.zeros_like(centre)
        scale = np.where(scale > 0, scale, 1.0)
        if parts is None:
            return cls((X,), (slice(None),), X.shape[0], centre, scale, fit_intercept)
        dealt = tuple(X[rows] for rows in parts)
        return cls(dealt, parts, X.shape[0], centre, scale, fit_intercept)

    def shrunk(self, l2: float) -> Design:
        """Scale columns for the curvature that an l2 penalty adds to that of the loss."""
        return replace(self, scale=np.sqrt(self.scale**2 + 4 * l2))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of models, and of parameters of each."""
        return len(self.parts), len(self.scale) + self.fit_intercept

    def model(self, theta: Floats) -> tuple[Floats, Floats]:
        """Coefficients and intercepts, one row a model, in the units of X."""
        p = len(self.scale)
        table = theta.reshape(self.shape)
        coef = table[:, :p] / self.scale
        if not self.fit_intercept:
            return coef, np.zeros(len(coef))
        return coef, table[:, p] - coef @ self.centre

    def decision(self, theta: Floats) -> Floats:
        """Decision value of each row."""
        out = np.empty(self.n)
        for X, rows, coef, intercept in zip(self.X, self.parts, *self.model(theta), strict=True):
            out[rows] = X @ coef + intercept
        return out

    def pull(self, slopes: Floats) -> Floats:
        """Gradient in the parameters of what has these slopes in the decision values."""
        p = len(self.scale)
        out = np.empty(self.shape)
        for k, (X, rows) in enumerate(zip(self.X, self.parts, strict=True)):
            total = slopes[rows].sum()
            out[k, :p] = (X.T @ slopes[rows] - total * self.centre) / self.scale
            out[k, p:] = total
        return out.ravel()


def _measure(X: Any, weights: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of columns; exactly 0 of those that rounding alone moves."""
    if sparse.issparse(X):
        mean, variance = mean_variance_axis(X, axis=0, weights=weights)
    else:
        mean = np.average(X, axis=0, weights=weights)
        variance = np.average((X - mean) ** 2, axis=0, weights=weights)
    spread = np.sqrt(np.maximum(variance, 0.0))
    return mean, np.where(spread > 100 * _EPS * np.abs(mean), spread, 0.0)


class Found(NamedTuple):
    """Where a search ended: parameters, objective, iterations, and whether it was by tolerance."""

    theta: Floats
    value: float
    n_iter: int
    converged: bool


@dataclass(frozen=True, eq=False)
class LogisticObjective:
    r"""Mean log loss with an elastic net, to which a penalty is added.

    .. math::

        \sum_i s_i \log(1 + e^{-z_i d_i}) + \sum_j \Big(\frac{l_2}{2} w_j^2 + l_1 |w_j|\Big) + p(d)

    Parameters
    ----------
    design : Design
    signs : ndarray of shape (n,)
        Labels as 1 and -1.
    shares : ndarray of shape (n,)
        Weights that add up to 1.
    l2, l1 : float
        Strengths of the elastic net.
    """

    design: Design
    signs: Floats
    shares: Floats
    l2: float
    l1: float = 0.0

    def smooth(self, theta: Floats, penalty: Penalty | None = None) -> tuple[float, Floats]:
        """Value and gradient without the absolute values."""
        decision = self.design.decision(theta)
        margins = self.signs * decision
        value = -float(self.shares @ log_expit(margins))
        slopes = -self.shares * self.signs * expit(-margins)
        if penalty is not None:
            more, steeper = penalty(decision)
            value, slopes = value + more, slopes + steeper
        gradient = self.design.pull(slopes).reshape(self.design.shape)
        coef = self.design.model(theta)[0]
        gradient[:, : coef.shape[1]] += self.l2 * coef / self.design.scale
        return value + self.l2 / 2 * float((coef**2).sum()), gradient.ravel()

    def value(self, theta: Floats, penalty: Penalty | None = None) -> float:
        """Give the whole objective."""
        size = np.abs(self.design.model(theta)[0]).sum()
        return self.smooth(theta, penalty)[0] + self.l1 * float(size)

    def start(self) -> Floats:
        """Give parameters that are all 0."""
        return np.zeros(int(np.prod(self.design.shape)))

    def minimise(
        self, start: Floats, penalty: Penalty | None = None, *, tol: float, max_iter: int
    ) -> Found:
        """Search by L-BFGS-B; with absolute values, coefficients are split in two of one sign.

        Parameters
        ----------
        start : ndarray
            First parameters.
        penalty : callable, default=None
            Smooth.
        tol : float
            Largest slope, in standardised columns, at which the search ends.
        max_iter : int
            Most iterations.

        Returns
        -------
        Found
        """
        if self.l1 == 0:
            return _search(lambda theta: self.smooth(theta, penalty), start, None, tol, max_iter)
        found = _search(
            lambda split: self._split_value(split, penalty),
            self._split(start),
            self._split_bounds(),
            tol,
            max_iter,
        )
        theta = self._join(found.theta)
        return found._replace(theta=theta, value=self.value(theta, penalty))

    def _is_coef(self) -> NDArray[np.bool_]:
        flags = np.ones(self.design.shape, dtype=bool)
        flags[:, len(self.design.scale) :] = False
        return flags.ravel()

    def _split(self, theta: Floats) -> Floats:
        coef = self._is_coef()
        return np.r_[np.where(coef, np.maximum(theta, 0), theta), np.maximum(-theta[coef], 0)]

    def _join(self, split: Floats) -> Floats:
        coef = self._is_coef()
        theta = split[: len(coef)].copy()
        theta[coef] -= split[len(coef) :]
        return theta

    def _split_bounds(self) -> Floats:
        coef = self._is_coef()
        low = np.r_[np.where(coef, 0.0, -np.inf), np.zeros(coef.sum())]
        return np.column_stack([low, np.full(len(low), np.inf)])

    def _split_value(self, split: Floats, penalty: Penalty | None) -> tuple[float, Floats]:
        coef = self._is_coef()
        cost = np.tile(self.l1 / self.design.scale, self.design.shape[0])
        value, gradient = self.smooth(self._join(split), penalty)
        sizes = split[: len(coef)][coef] + split[len(coef) :]
        up, down = gradient.copy(), cost - gradient[coef]
        up[coef] += cost
        return value + float(cost @ sizes), np.r_[up, down]


def _search(
    function: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    bounds: Floats | None,
    tol: float,
    max_iter: int,
) -> Found:
    """Search, and once more from where a search stalls: its memory of slopes may mislead it."""
    low = -np.inf if bounds is None else bounds[:, 0]
    theta, value, n_iter = start, np.inf, 0
    for _ in range(1 + _RESTARTS):
        result = _descend(function, theta, bounds, tol, max_iter - n_iter)
        slopes = result.x - np.maximum(result.x - result.jac, low)
        theta, n_iter = result.x, n_iter + int(result.nit)
        stalls = result.fun >= value or n_iter >= max_iter
        value = float(result.fun)
        arrived = float(np.abs(slopes).max(initial=0.0)) <= tol
        if arrived or stalls:
            break
    if not arrived and n_iter < max_iter:
        arrived = _is_hidden(function, theta, value, result.jac, slopes)
    return Found(theta, value, n_iter, arrived)


def _is_hidden(
    function: Callable[[Floats], tuple[float, Floats]],
    theta: Floats,
    value: float,
    gradient: Floats,
    slopes: Floats,
) -> bool:
    """Tell whether going down these slopes lowers the value by no more than rounding does."""
    size = float(np.linalg.norm(slopes))
    step = _EPS**0.5 * max(float(np.linalg.norm(theta)), 1.0)
    ahead = function(theta - step * slopes / size)[1]
    curvature = max(float((gradient - ahead) @ slopes) / (step * size), 0.0)
    rounding = 100 * _EPS * max(abs(value), 1.0)
    return size <= min(max(np.sqrt(2 * curvature * rounding), _EPS**0.5), _HIDDEN)


def _descend(
    function: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    bounds: Floats | None,
    tol: float,
    max_iter: int,
) -> Any:
    return minimize(
        function,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={
            "maxiter": max_iter,
            "maxfun": 20 * max_iter,
            "gtol": tol,
            "ftol": _EPS,
            "maxls": 50,
            "maxcor": 20,
        },
    )


def perturbed(start: Floats, n_starts: int, rng: np.random.Generator) -> list[Floats]:
    """Give the start itself, 0, and random places about as far from the start as 0 is.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [len(theta) for theta in perturbed(np.array([1.0, 2.0]), 3, rng)]
    [2, 2, 2]
    """
    size = max(float(np.sqrt(np.mean(start**2))), 0.1)
    moved = (start + size * rng.normal(size=len(start)) for _ in range(n_starts - 2))
    return [start, np.zeros_like(start), *moved][:n_starts]
