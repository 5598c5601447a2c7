"""ExponentiatedGradient: constrained training as a game between predictors and multipliers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.optional import import_optional
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._mixture_reduction import BaseMixtureReduction
from skfair.inprocessing._oracle import Oracle
from skfair.inprocessing._problems import DecisionProblem, Problem
from skfair.inprocessing._rules import choose_rule
from skfair.inprocessing._saddle import Game, Round, Solution, solve
from skfair.inprocessing.bounded_group_loss import BoundedGroupLoss

Floats = NDArray[np.float64]

_SLACK = 1e-6


class ExponentiatedGradient(BaseMixtureReduction):
    r"""Train any estimator under fairness constraints, by weighting its rows anew.

    Among mixtures Q of the estimator's predictors, find

    .. math:: \max_{Q} u(Q) \quad \text{s.t.} \quad
        \max_g r_k(Q, g) - \min_g r_k(Q, g) \le \epsilon_k ,

    or :math:`\min_g r_k / \max_g r_k \ge 1 - \epsilon_k` for ratios. With a multiplier for each
    constraint this is a game, whose every move of the predictor is an ordinary weighted fit of the
    wrapped estimator (Agarwal et al., 2018). The multipliers' moves are the solutions of a linear
    programme over the predictors so far, which also gives the best mixture and the duality gap;
    the authors' exponentiated gradient needs two to four times the fits to come as near.

    The guarantee is the mixture's, whose ``predict`` draws lots (``randomized=True``). By default
    the same person gets the same answer every time: of the single members and the cuts of the
    mixture's vote and of its mean probability, the best that meets the constraints on the training
    rows decides, or, with a warning, the one that comes nearest.

    Predictions need no group beyond X. Constraints hold on the training rows; a model that can
    learn these by heart meets them there and not on new data.

    Parameters
    ----------
    estimator : estimator
        Any classifier, regressor (with :class:`BoundedGroupLoss`) or Pipeline whose last step takes
        ``sample_weight``. Transformers of a Pipeline are fitted once.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.
    constraints : str, Criterion, sequence of them, or BoundedGroupLoss, \
default="demographic_parity"
        Criteria or rates that groups should share and that are linear in decisions; fairlearn's
        names are known.
    objective : str, Rate or mapping, default="accuracy_score"
        What is maximised: ``"balanced_accuracy_score"``, any linear rate, or costs
        ``{"fp": 1, "fn": 5}``.
    tol : float or sequence of float, default=0.01
        Allowed difference between any two groups, or shortfall of a ratio from 1, of all or of
        each constraint. (fairlearn's ``difference_bound`` is to the mean of all rows.)
    control_features : str, int, Bins, list of them, or callable, default=None
        Columns of X; groups are compared only among rows that share these. Or pass
        ``control_features=`` to fit.
    randomized : bool, default=False
        Let ``predict`` draw a member for each row, with ``random_state``.
    max_iter : int, default=50
        Rounds at most.
    solver_tol : float, default=1e-4
        Duality gap, in units of the objective, at which the search ends.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    random_state : int, RandomState instance or None, default=None
        Draws members of a randomized prediction; an int gives the same ones at every call.
    verbose : int, default=0
        1 shows a progress bar with gap and violation (needs tqdm: ``skfair[progress]``).

    Attributes
    ----------
    estimator_ : PredictorMixture
        The mixture.
    predictors_ : list of estimator
        Its members, fitted.
    weights_ : ndarray of float of shape (n_predictors,)
        Their chances.
    rule_ : MixtureRule
        The member, or the cut of the vote or the probability, that decides; not for regressors.
    classes_ : ndarray of shape (2,)
        Classes.
    gap_ : float
        By how much a mixture could be better at most, as far as the oracle's answers are best.
    n_iter_ : int
        Rounds.
    n_oracle_calls_ : int
        Fits of the estimator.
    oracle_time_ : float
        Seconds they took.
    violation_ : dict of str to float
        What ``predict`` reaches on the training rows, by criterion.
    criteria_ : DataFrame
        By criterion: what was allowed, what the mixture reaches on the training rows, and what the
        deterministic rule does.
    history_ : DataFrame
        By round: fits, objective, excess over the tolerances, gap.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If the predictions, on the training rows, violate a constraint by more than ``tol``, or the
        search ended before the gap was closed.
    UndefinedMetricWarning
        If a group has no rows of a class that a constraint is about; it binds the others.

    References
    ----------
    Agarwal, A., Beygelzimer, A., Dudik, M., Langford, J. and Wallach, H. (2018). A reductions
    approach to fair classification. ICML. https://arxiv.org/abs/1803.02453

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skfair.datasets import make_biased_classification
    >>> data = make_biased_classification(2000, base_rates={"a": 0.6, "b": 0.3}, random_state=0)
    >>> model = ExponentiatedGradient(LogisticRegression(), tol=0.02, randomized=True)
    >>> model = model.fit(data.data, data.target, sensitive_features=data.sensitive_features)
    >>> bool(model.violation_["demographic_parity"] <= 0.0201)
    True
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
        randomized: bool = False,
        max_iter: int = 50,
        solver_tol: float = 1e-4,
        pos_label: Any = None,
        missing: Missing = "group",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.constraints = constraints
        self.objective = objective
        self.tol = tol
        self.control_features = control_features
        self.randomized = randomized
        self.max_iter = max_iter
        self.solver_tol = solver_tol
        self.pos_label = pos_label
        self.missing = missing
        self.random_state = random_state
        self.verbose = verbose

    def _search(self, problem: Problem, oracle: Oracle) -> None:
        if not (isinstance(self.max_iter, int) and self.max_iter >= 1):
            raise ValueError(f"max_iter must be an integer of at least 1, got {self.max_iter!r}")
        if not self.solver_tol >= 0:
            raise ValueError(f"solver_tol must be at least 0, got {self.solver_tol!r}")
        game = Game(problem, oracle)
        with _progress(self.verbose, self.max_iter) as report:
            found = solve(game, max_iter=self.max_iter, solver_tol=self.solver_tol, report=report)
        self._choose(game)
        self.estimator_ = oracle.mixture(found.members, found.chances)
        self.predictors_, self.weights_ = self.estimator_.estimators, found.chances
        self.gap_ = found.gap
        self.history_ = pd.DataFrame(found.history)
        self.n_iter_ = len(found.history)
        self._warn(problem, found)

    def _choose(self, game: Game) -> None:
        problem, oracle, found = game.problem, game.oracle, game.found
        reached = {"mixture": problem.violations(found.mixed)}
        decided = found.mixed
        if hasattr(self, "rule_"):
            del self.rule_
        if isinstance(problem, DecisionProblem):
            self.pos_label_ = problem.classes[1]
            scores = {"vote": found.votes(self.pos_label_)}
            if hasattr(oracle.estimator, "predict_proba"):
                members = found.members[: len(found.chances)]
                scores["probability"] = oracle.probabilities(
                    members, found.chances, self.pos_label_
                )
            self.rule_, decided = choose_rule(problem, found.sums, scores)
            reached["rule"] = problem.violations(decided)
        self._excess = problem.excess(found.mixed if self.randomized else decided)
        self.violation_ = reached["mixture" if self.randomized else [*reached][-1]]
        self.criteria_ = pd.DataFrame({"allowed": problem.allowed} | reached)

    def _warn(self, problem: Problem, found: Solution) -> None:
        if self._excess > _SLACK:
            cause = (
                "no mixture of the predictors found meets them"
                if problem.excess(found.mixed) > _SLACK
                else "the mixture does, and randomized=True draws from it; a looser tol may help"
            )
            figures = ", ".join(f"{name} {value:.3g}" for name, value in self.violation_.items())
            warn_user(
                f"the predictions violate the constraints on the training rows ({figures}; "
                f"allowed {problem.allowed}): {cause}"
            )
        if found.gap > self.solver_tol:
            warn_user(
                f"the search ended after max_iter={self.max_iter} rounds with a gap of "
                f"{found.gap:.3g}: a mixture may be better by as much"
            )


@contextmanager
def _progress(verbose: int, total: int) -> Iterator[Callable[[Round], None]]:
    """Show rounds in a progress bar, where that is asked for."""
    if not verbose:
        yield lambda _: None
        return
    tqdm = import_optional("tqdm", extra="progress", purpose="verbose=1")
    with tqdm.tqdm(total=total, desc="ExponentiatedGradient", unit="round") as bar:

        def report(state: Round) -> None:
            bar.set_postfix(gap=f"{state.gap:.2g}", excess=f"{max(state.excess, 0):.2g}")
            bar.update()

        yield report
