"""ReductionsGridSearch: one weighted fit for each point of a grid of multipliers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from skfair._utils.validation import check_count, check_number
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._oracle import Oracle
from skfair.inprocessing._price_grid import sweep_lattice, sweep_line
from skfair.inprocessing._problems import DecisionProblem, Problem
from skfair.inprocessing._reduction import BaseReduction
from skfair.inprocessing._rules import best_within
from skfair.inprocessing.bounded_group_loss import BoundedGroupLoss

Floats = NDArray[np.float64]

_SLACK = 1e-6


class ReductionsGridSearch(BaseReduction):
    r"""Train an estimator under several prices of unfairness, and keep the best fair one.

    Each point of a grid holds multipliers :math:`\lambda`, one for each group but the first and
    each constrained rate: what it costs that the group's rate is above that of the first. The
    wrapped estimator is fitted to the rows weighted by it, as in :class:`ExponentiatedGradient`
    (Agarwal et al., 2018). Of the predictors, the one with the best objective among those that meet
    the constraints on the training rows is kept. Where only crude ones do, a compromise is, with a
    warning; it is judged as in :class:`ExponentiatedGradient`.

    With one multiplier (two groups, one rate), half of the points lie on the side that makes the
    plain predictor fairer, and the others narrow down the price at which ``tol`` is just met. With
    several, two thirds are a lattice, and the others lie ever closer around its best point.

    One predictor and no lots; but with more than a few multipliers a grid is coarse, and
    :class:`ExponentiatedGradient` finds better ones with fewer fits.

    Parameters
    ----------
    estimator : estimator
        Any classifier, regressor (with :class:`BoundedGroupLoss`) or Pipeline whose last step takes
        ``sample_weight``. Transformers of a Pipeline are fitted once.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.
    constraints : str, Criterion, list of them or BoundedGroupLoss, default="demographic_parity"
        Criteria or rates that groups should share and that are linear in decisions.
    objective : str, Rate or mapping, default="accuracy_score"
        What the kept predictor is best for.
    tol : float or sequence of float, default=0.01
        Allowed difference between any two groups, or shortfall of a ratio from 1.
    control_features : str, int, Bins, list of them, or callable, default=None
        Columns of X; groups are compared only among rows that share these. Or pass
        ``control_features=`` to fit.
    grid_size : int, default=21
        Points at most: fits of the estimator.
    grid_limit : float, default=0.5
        Largest sum of absolute multipliers, in units of the objective for a rate's rise from 0
        to 1. Points lie denser near 0, where most solutions are. A single multiplier goes beyond
        where nothing up to here meets ``tol``.
    grid : array-like of shape (n_points, n_multipliers), default=None
        Points of one's own, in the order of ``multipliers_``' columns.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    n_jobs : int, default=None
        Fits at a time.

    Attributes
    ----------
    estimator_ : estimator
        The predictor that was kept.
    best_index_ : int
        Its point of the grid.
    predictors_ : list of estimator
        Those of all points.
    multipliers_ : DataFrame of shape (n_points, n_multipliers)
        The points, in the order of their fits.
    results_ : DataFrame
        By point: objective, and violation of each criterion, on the training rows.
    violation_ : dict of str to float
        Violation of the kept predictor, by criterion.
    classes_ : ndarray of shape (2,)
        Classes.
    n_oracle_calls_ : int
        Fits of the estimator.
    oracle_time_ : float
        Seconds they took, summed over parallel ones.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If the predictor that is kept violates a constraint on the training rows, or decides the
        same for all.

    References
    ----------
    Agarwal, A., Beygelzimer, A., Dudik, M., Langford, J. and Wallach, H. (2018). A reductions
    approach to fair classification. ICML. https://arxiv.org/abs/1803.02453

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skfair.datasets import make_biased_classification
    >>> data = make_biased_classification(2000, base_rates={"a": 0.6, "b": 0.3}, random_state=0)
    >>> model = ReductionsGridSearch(LogisticRegression(), tol=0.05)
    >>> model = model.fit(data.data, data.target, sensitive_features=data.sensitive_features)
    >>> len(model.results_) <= 21, bool(model.violation_["demographic_parity"] <= 0.0501)
    (True, True)
    """

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str
        | Criterion
        | Sequence[str | Criterion]
        | BoundedGroupLoss = "demographic_parity",
        objective: str | Mapping[str, float] | Any = "accuracy_score",
        tol: float | Sequence[float] = 0.01,
        control_features: ColumnSpec | None = None,
        grid_size: int = 21,
        grid_limit: float = 0.5,
        grid: Any = None,
        pos_label: Any = None,
        missing: Missing = "group",
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.constraints = constraints
        self.objective = objective
        self.tol = tol
        self.control_features = control_features
        self.grid_size = grid_size
        self.grid_limit = grid_limit
        self.grid = grid
        self.pos_label = pos_label
        self.missing = missing
        self.n_jobs = n_jobs

    def _search(self, problem: Problem, oracle: Oracle) -> None:
        oracle.warm_start = False  # the same answers, whatever the number of jobs
        fits = _Fits(problem, oracle, self.n_jobs)
        n, signed = len(problem.moves()), isinstance(problem, DecisionProblem)
        if self.grid is not None:
            fits.add(self._own_points(n, signed=signed))
        else:
            check_count("grid_size", self.grid_size)
            check_number("grid_limit", self.grid_limit, above=0)
            sweep = sweep_line if signed and n == 1 else sweep_lattice
            sweep(fits, self.grid_size, self.grid_limit, signed=signed)
        self.multipliers_ = pd.DataFrame(fits.points, columns=problem.move_names)
        self._keep(problem, oracle, fits.members, fits.sums)

    def _keep(
        self, problem: Problem, oracle: Oracle, members: list[Any], sums: list[Floats]
    ) -> None:
        values = np.array([problem.value(own) for own in sums])
        excess = np.array([problem.excess(own) for own in sums])
        best = best_within(problem, np.array(sums))
        violations = [problem.violations(own) for own in sums]
        table = pd.DataFrame(violations).rename(columns={"objective": "objective (criterion)"})
        table.insert(0, "objective", values)
        self.results_ = table
        self.best_index_, self.violation_ = best, violations[best]
        self.predictors_ = oracle.mixture(members, np.eye(len(members))[best]).estimators
        self.estimator_ = self.predictors_[best]
        if excess[best] > _SLACK:
            figures = ", ".join(f"{name} {value:.3g}" for name, value in violations[best].items())
            warn_user(
                f"the predictor kept violates the constraints on the training rows ({figures}; "
                f"allowed {problem.allowed}; objective {values[best]:.3g}): no better one is on "
                "the grid. Make it finer or wider (grid_size, grid_limit), allow more (tol), or "
                "use ExponentiatedGradient"
            )
        if isinstance(problem, DecisionProblem) and problem.is_constant(sums[best]):
            warn_user("the predictor kept decides the same for all rows: no other one comes near")

    def _own_points(self, n: int, *, signed: bool) -> Floats:
        points = np.asarray(self.grid, dtype=float)
        if points.ndim != 2 or points.shape[1] != n or not len(points):
            raise ValueError(
                f"grid must have the shape (n_points, {n}), a column a multiplier, got "
                f"{points.shape}"
            )
        if not np.isfinite(points).all() or (not signed and (points < 0).any()):
            allowed = "finite" if signed else "finite and at least 0"
            raise ValueError(f"multipliers of the grid must be {allowed}")
        return points


class _Fits:
    """Fits at points of multipliers; equal reweightings are fitted once."""

    def __init__(self, problem: Problem, oracle: Oracle, n_jobs: int | None) -> None:
        self.problem, self.oracle, self.n_jobs = problem, oracle, n_jobs
        self.moves = problem.moves()
        self.points = np.zeros((0, len(self.moves)))
        self.members: list[Any] = []
        self.sums: list[Floats] = []
        self._found: dict[bytes, tuple[Any, Floats]] = {}

    def add(self, points: Floats) -> None:
        """Fit the points, those of a call in parallel."""
        prices = [self._price(point) for point in points]
        order = {self.problem.key(price): price for price in prices}
        new = {key: price for key, price in order.items() if key not in self._found}
        answers = Parallel(n_jobs=self.n_jobs)(
            delayed(_answer)(self.problem, self.oracle, price) for price in new.values()
        )
        for key, (member, sums, calls, seconds) in zip(new, answers, strict=True):
            self._found[key] = member, sums
            self.oracle.n_calls += calls
            self.oracle.seconds += seconds
        self.points = np.concatenate([self.points, points])
        rows = [self._found[self.problem.key(price)] for price in prices]
        self.members += [member for member, _ in rows]
        self.sums += [sums for _, sums in rows]

    def _price(self, point: Floats) -> Floats:
        loss = self.problem.loss
        base = loss if loss.any() else np.zeros(self.moves.shape[1])
        price: Floats = base + point @ self.moves
        if loss.any() or price.any():
            return price
        return np.ones(len(price))  # the worst group's loss: multipliers alone are the weights


def _answer(problem: Problem, oracle: Oracle, price: Floats) -> tuple[Any, Floats, int, float]:
    own = copy(oracle)  # it counts for itself, in this process or another
    own.n_calls, own.seconds = 0, 0.0
    member = own.fit(*problem.reweigh(price))
    return member, problem.describe(own.predict(member)), own.n_calls, own.seconds
