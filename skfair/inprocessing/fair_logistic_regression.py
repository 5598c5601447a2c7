"""FairLogisticRegression: logistic regression whose groups are treated alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from skfair._utils.text import listed
from skfair._utils.validation import check_number, generator, positive_class
from skfair.criteria import Criterion, evaluate, read_decisive
from skfair.groups import ColumnSpec, Missing, labels_index
from skfair.inprocessing._covariance import (
    GroupRates,
    SquaredSpread,
    depends_on_positive,
    flip,
)
from skfair.inprocessing._gap_penalty import SoftRates
from skfair.inprocessing._logistic import Floats, Found, LogisticObjective, SearchOptions, perturbed
from skfair.inprocessing._logistic_bounds import minimise_within
from skfair.inprocessing._logistic_estimator import (
    BaseFairLogistic,
    TrainingRows,
)
from skfair.tally import soft_cells


class FairLogisticRegression(BaseFairLogistic):
    r"""Logistic regression whose scores give groups nearly equal rates.

    The rates :math:`r_{kg}` that ``constraints`` compares (selection rates, say) are functions of
    decisions. Decisions have no slopes, so something smooth stands for them:

    - ``method="covariance"``: the decision value :math:`d_i = w^\top x_i + b`. Then
      :math:`r_{kg}` is the mean decision value of the group, for equal opportunity among the
      positives, for equalized odds among positives and among negatives. This is **convex**. Of two
      groups, the difference is the covariance of group and decision value, over the product of the
      groups' shares.
    - ``method="gap"``: the probability of a positive decision. Then :math:`r_{kg}` is the rate that
      would be expected if decisions were drawn by their probabilities, so ``tol`` is in the units
      of the rate. This is **not convex**: what is found is the best of ``n_starts`` searches, and
      there may be better.

    With ``tol=None`` the model minimises

    .. math::

        \frac{1}{S} \sum_i s_i \log(1 + e^{-z_i d_i})
        + \frac{1}{C S} \Big(\frac{1 - \rho}{2} \lVert w \rVert_2^2 + \rho \lVert w \rVert_1\Big)
        + \lambda \sum_k \sum_g (r_{kg} - \bar r_k)^2

    with weights :math:`s_i` of sum :math:`S`, labels :math:`z_i \in \{-1, 1\}`, ``l1_ratio``
    :math:`\rho`, ``strength`` :math:`\lambda`, and :math:`\bar r_k` the plain mean over groups.
    With ``strength=0`` it is scikit-learn's ``LogisticRegression``. With a ``tol``, it minimises
    the first two parts subject to

    .. math:: |r_{kg} - r_{kh}| \le \text{tol} \quad \text{for all } k, g, h

    Features must be numeric. Columns that ``sensitive_features`` names are no features, so that
    predictions don't use them; groups that come as metadata or from a callable leave all columns
    features.

    Parameters
    ----------
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.
    constraints : str, Criterion or list of them, default="demographic_parity"
        Criteria whose rates are linear in the decision: ``"demographic_parity"``,
        ``"equal_opportunity"``, ``"equalized_odds"``, ``"accuracy_parity"``, a rate's name, ...
    tol : float or sequence of float, default=None
        Largest difference between groups, for all constraints or for each, on training rows: of
        mean decision values (log odds) with ``"covariance"``, of expected rates with ``"gap"``.
        None: a penalty of ``strength``.
    strength : float, default=1.0
        Weight of the penalty where ``tol`` is None; otherwise it isn't used.
    method : {"covariance", "gap"}, default="covariance"
        What stands for decisions.
    C : float, default=1.0
        Inverse of the strength of the elastic net, as in ``LogisticRegression``.
    l1_ratio : float, default=0.0
        Share of the absolute values in the elastic net.
    fit_intercept : bool, default=True
        Whether there is an intercept, which is not shrunk.
    n_starts : int, default=3
        Number of searches with ``method="gap"``: from the solution without constraints, from a
        model that tells nothing, and from random places.
    solver_tol : float, default=1e-6
        Largest slope of the objective at which a search ends, in columns that are scaled to like
        curvature.
    max_iter : int, default=1000
        Most iterations of L-BFGS-B; with ``tol``, of each round of the augmented Lagrangian.
    pos_label : label, default=None
        The positive class, where it matters (equal opportunity) and labels aren't {0, 1}, {-1, 1}
        or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    random_state : int, RandomState instance or None, default=None
        Draws the starts.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_kept_features)
        Coefficients of the columns that aren't sensitive, in their order.
    intercept_ : ndarray of shape (1,)
    classes_ : ndarray of shape (2,)
    group_rates_ : DataFrame of shape (n_rates, n_groups)
        What stands for the rates on training rows: mean decision values or expected rates; NaN
        where there are no rows.
    violation_ : DataFrame of shape (n_constraints, 2)
        By criterion, the largest difference of groups on training rows: of what stands for the
        rates (``"surrogate"``), and of the rates themselves (``"predictions"``). A rate that fewer
        than two groups have rows for is left out of ``"surrogate"``.
    n_iter_ : int
        Iterations of all rounds from the kept start, and of the search without constraints that
        starts are taken from.
    converged_ : bool
        Whether the search ended by ``solver_tol``, or where rounding hides smaller slopes, and with
        ``tol`` within the bounds.
    n_features_in_, feature_names_in_
        As seen in fit, the sensitive columns included.

    Raises
    ------
    ValueError
        If features aren't numeric, there are not two classes, or a criterion isn't a difference of
        rates that are linear in the decision.

    Warns
    -----
    ConvergenceWarning
        If the kept search didn't converge.
    UndefinedMetricWarning
        If a group has no rows for a rate, or there is one group only.

    Notes
    -----
    The covariance is blind to the shape of the distributions: equal mean decision values need not
    make equal selection rates. With ``method="gap"``, ``tol`` binds expected rates: those of
    ``predict``, which takes the more probable class, may differ by more, and no warning comes.
    ``violation_["predictions"]`` tells of either.

    References
    ----------
    Zafar, M. B., Valera, I., Gomez Rodriguez, M. and Gummadi, K. P. (2017). Fairness constraints:
    mechanisms for fair classification. AISTATS, PMLR 54, 962-970.
    https://proceedings.mlr.press/v54/zafar17a.html

    Donini, M., Oneto, L., Ben-David, S., Shawe-Taylor, J. and Pontil, M. (2018). Empirical risk
    minimization under fairness constraints. NeurIPS 31.
    https://proceedings.neurips.cc/paper/2018/hash/83cdcec08fbf90370fcf53bdd56604ff-Abstract.html

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 200)
    >>> X = rng.normal(size=(400, 2)) + [1.0, 0.0] * (sex == "m")[:, None]
    >>> y = (X.sum(axis=1) + rng.normal(size=400) > 0.5).astype(int)
    >>> for strength in (0.0, 1.0):
    ...     model = FairLogisticRegression(strength=strength).fit(X, y, sensitive_features=sex)
    ...     print(model.violation_.round(2).to_string())
                        surrogate  predictions
    demographic_parity       1.94         0.31
                        surrogate  predictions
    demographic_parity       0.22         0.11
    >>> model = FairLogisticRegression(tol=0.05, method="gap", random_state=0)
    >>> model.fit(X, y, sensitive_features=sex).violation_["surrogate"].round(3).tolist()
    [0.05]
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str | Criterion | Sequence[str | Criterion] = "demographic_parity",
        tol: float | Sequence[float] | None = None,
        strength: float = 1.0,
        method: Literal["covariance", "gap"] = "covariance",
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        n_starts: int = 3,
        solver_tol: float = 1e-6,
        max_iter: int = 1000,
        pos_label: Any = None,
        missing: Missing = "group",
        random_state: Any = None,
    ) -> None:
        self.sensitive_features = sensitive_features
        self.constraints = constraints
        self.tol = tol
        self.strength = strength
        self.method = method
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.n_starts = n_starts
        self.solver_tol = solver_tol
        self.max_iter = max_iter
        self.pos_label = pos_label
        self.missing = missing
        self.random_state = random_state

    def _fit_rows(self, rows: TrainingRows) -> tuple[LogisticObjective, Found]:
        criteria = read_linear(self.constraints)
        flipped = self._first_is_positive(criteria)
        compared = [rates for criterion in criteria for rates in criterion.compared]
        if flipped:
            compared = [tuple(flip(rate) for rate in rates) for rates in compared]
        objective, groups = self._objective(rows), rows.groups
        kind = GroupRates if self.method == "covariance" else SoftRates
        rates = kind.read(compared, rows.y, groups.codes, groups.n_groups, objective.shares)
        found = self._search(objective, rates, self._widths(criteria))
        self._report(criteria, rows, rates, objective.design.decision(found.theta), flipped)
        return objective, found

    def _search(
        self, objective: LogisticObjective, rates: GroupRates, widths: Floats | None
    ) -> Found:
        """Minimise from one start where the problem is convex, else from several."""
        options: SearchOptions = {"tol": self.solver_tol, "max_iter": self.max_iter}
        penalty = SquaredSpread(rates, self.strength)
        if widths is None and self.method == "covariance":
            return objective.minimise(objective.start(), penalty, **options)
        free = objective.minimise(objective.start(), **options)
        starts = [free.theta]
        if self.method == "gap":
            starts = perturbed(free.theta, self.n_starts, generator(self.random_state))
        if widths is None:
            searches = [objective.minimise(start, penalty, **options) for start in starts]
            best = min(searches, key=lambda found: found.value)
        else:
            pairs = rates.pairs()
            bounds = widths[rates.coordinate[pairs.first]]
            bounded = [minimise_within(objective, s, pairs, bounds, **options) for s in starts]
            best = min(bounded, key=lambda b: (b.excess, b.found.value)).found
        return best._replace(n_iter=best.n_iter + free.n_iter)

    def _widths(self, criteria: list[Criterion]) -> Floats | None:
        """Largest difference allowed in each of the compared rates."""
        if self.tol is None:
            return None
        several = np.ndim(self.tol) > 0
        tols: Any = list(self.tol) if several else [self.tol] * len(criteria)  # type: ignore[arg-type]
        if len(tols) != len(criteria):
            raise ValueError(f"{len(criteria)} constraints have {len(tols)} tolerances")
        for tol in tols:
            check_number("tol", tol)
            if self.method == "gap" and tol > 1:
                raise ValueError(f'tol is of rates with method="gap", between 0 and 1: got {tol!r}')
        numbers = [len(criterion.compared) for criterion in criteria]
        return np.repeat(np.array(tols, dtype=np.float64), numbers)

    def _first_is_positive(self, criteria: list[Criterion]) -> bool:
        """Tell whether ``classes_[0]`` is positive; where it doesn't matter, the second is."""
        if self.pos_label is None and not any(depends_on_positive(c) for c in criteria):
            return False
        return positive_class(self.classes_.tolist(), self.pos_label) == 0

    def _report(
        self,
        criteria: list[Criterion],
        rows: TrainingRows,
        rates: GroupRates,
        decision: Floats,
        flipped: bool,
    ) -> None:
        groups, hard = rows.groups, (decision > 0).astype(np.float64)
        cells = soft_cells(rows.y, hard, groups.codes, groups.n_groups, rows.weights)
        cells = cells[:, ::-1] if flipped else cells
        found, gaps = [], iter(rates.worst(decision))
        for criterion in criteria:
            own = np.array([next(gaps) for _ in criterion.compared])
            surrogate = np.nan if np.isnan(own).all() else np.nanmax(own)
            found.append((surrogate, evaluate(criterion, cells, groups.labels).value))
        names = [criterion.name for criterion in criteria]
        columns = ["surrogate", "predictions"]
        self.violation_ = pd.DataFrame(found, index=names, columns=columns)
        self.group_rates_ = self._rate_table(criteria, rows, rates, decision)

    def _rate_table(
        self,
        criteria: list[Criterion],
        rows: TrainingRows,
        rates: GroupRates,
        decision: Floats,
    ) -> pd.DataFrame:
        names = [
            " and ".join(rate.name for rate in compared)
            for criterion in criteria
            for compared in criterion.compared
        ]
        table = np.full((len(names), rows.groups.n_groups), np.nan)
        table[rates.coordinate, rates.group] = rates.rates(decision)
        columns = labels_index(rows.groups.labels, rows.groups.names)
        return pd.DataFrame(table, index=names, columns=columns)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("strength", self.strength)
        if self.method not in ("covariance", "gap"):
            raise ValueError(f'method must be "covariance" or "gap", got {self.method!r}')
        self._widths(read_linear(self.constraints))


def read_linear(constraints: Any) -> list[Criterion]:
    """Read criteria, and refuse those that aren't differences of rates linear in the decision.

    Raises
    ------
    ValueError
        If a name isn't known, there is none, or one of them can't be a constraint; the message says
        why.

    Examples
    --------
    >>> [criterion.name for criterion in read_linear(["equalized_odds", "accuracy"])]
    ['equalized_odds', 'accuracy']
    """
    criteria = read_decisive(constraints)
    for criterion in criteria:
        if not criterion.is_linear:
            curved = [rate.name for rate in criterion.rates if not rate.is_linear]
            raise ValueError(
                f"{criterion.name} can't be a constraint here: {listed(curved)} are not linear in "
                "the decision, since their denominators depend on it"
            )
        if criterion.gap == "ratio":
            names = [rate.name for rate in criterion.rates]
            raise ValueError(
                f"{criterion.name} is a ratio, and here differences are bounded: name the rates "
                f"themselves, {listed(names)}"
            )
    return criteria
