"""ExponentiatedGradient: constrained training as a game between predictors and multipliers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.optional import import_optional
from skfair._utils.validation import check_count
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._mixture_reduction import BaseMixtureReduction
from skfair.inprocessing._oracle import Oracle
from skfair.inprocessing._problems import DecisionProblem, LossProblem, Problem
from skfair.inprocessing._rules import MixtureRule, Score, choose_rule
from skfair.inprocessing._saddle import Game, Round, Solution, solve
from skfair.inprocessing.bounded_group_loss import BoundedGroupLoss

Floats = NDArray[np.float64]

_SLACK = 1e-6
_NOTICEABLE = 0.02


class ExponentiatedGradient(BaseMixtureReduction):
    r"""Train any estimator under fairness constraints, by weighting its rows anew.

    Among mixtures Q of the estimator's predictors, find

    .. math:: \max_{Q} u(Q) \quad \text{s.t.} \quad
        \max_g r_k(Q, g) - \min_g r_k(Q, g) \le \epsilon_k ,

    or :math:`\min_g r_k / \max_g r_k \ge 1 - \epsilon_k` for ratios. With a multiplier for each
    constraint this is a game, whose every move of the predictor is an ordinary weighted fit of the
    wrapped estimator (Agarwal et al., 2018). The multipliers' moves are the solutions of a linear
    programme over the predictors so far, which also gives the best mixture and the duality gap;
    the authors' exponentiated gradient needs two to four times the fits to come as near. Where the
    fits tell probabilities, cuts of these other than at one half compete as predictors, too, at no
    fit: what a weighted fit answers is seldom the best answer, and a cut of it often is a better
    one. Small tables are cut less finely (a cut for 40 scores, 10 to 200 of them). An estimator
    that meets the constraints by itself is left as it is.

    The guarantee is the mixture's, whose ``predict`` draws lots (``randomized=True``). By default
    the same person gets the same answer every time: of the single members and the cuts of votes and
    probabilities, the one decides that is best within the constraints on the training rows. Where
    none of them comes near the mixture, means of the members' probabilities with other weights are
    cut, too.

    Where only crude rules are within the constraints (nobody but a few selected, say), a compromise
    is taken, with a warning that tells violation and objective. It is judged by the share that it
    loses of what the mixture gains on the best constant decision, plus its excess over ``tol`` as
    a share of the unconstrained predictor's; being beyond at all counts as another quarter. With
    more than a few groups and equalized odds, expect that.

    Predictions need no group beyond X. Constraints hold on the training rows; a model that can
    learn these by heart meets them there and not on new data.

    Parameters
    ----------
    estimator : estimator
        Any classifier, regressor (with :class:`BoundedGroupLoss`) or Pipeline whose last step takes
        ``sample_weight``. Transformers of a Pipeline are fitted once.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.
    constraints : str, Criterion, list of them or BoundedGroupLoss, default="demographic_parity"
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
    randomized : bool, "by_row", or list of str or int, default=False
        Let ``predict`` draw a member for each row, with ``random_state``. "by_row", or columns of
        X: the member hangs on the row's values, in all columns or in these, so that a row gets
        the same answer at every call, as in :class:`~skfair.postprocessing.ThresholdOptimizer`.
    max_iter : int, default=50
        Rounds at most.
    solver_tol : float, default=1e-4
        Duality gap at which the search ends, as a share of the largest loss of a decision (1 for
        accuracy), or of the loss of predicting the mean.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    random_state : int, RandomState instance or None, default=None
        Draws members of a randomized prediction; an int gives the same ones at every call, row
        by row in their order, so people who are scored one at a time would all share one draw.
        Where lots hang on rows, an int or None.
    verbose : int, default=0
        1 shows a progress bar with gap and violation (needs tqdm: ``skfair[progress]``).

    Attributes
    ----------
    estimator_ : PredictorMixture
        The mixture.
    predictors_ : list of estimator
        Its members, fitted, with what ``rule_`` needs; a ``CutClassifier`` decides by a ``cut`` of
        the probability of its fitted ``estimator``.
    weights_ : ndarray of float of shape (n_predictors,)
        Their chances.
    rule_ : MixtureRule
        What decides: a member, or a ``cut`` of a ``score`` (``"vote"``, ``"probability"``), the
        member's or of all (``member`` None), by ``weights`` or else their chances. Regressors
        predict the members' mean instead.
    classes_ : ndarray of shape (2,)
        Classes.
    gap_ : float
        By how much a mixture could be better at most, if each fit were the best answer to its
        weights. Fits minimise other losses than the objective (log loss; ``class_weight`` removes
        them further), so 0 says that the search is done, not that nothing better exists.
    n_iter_ : int
        Rounds.
    n_oracle_calls_ : int
        Fits of the estimator.
    oracle_time_ : float
        Seconds they took.
    violation_ : dict of str to float
        What ``predict`` reaches on the training rows, by criterion; with ``randomized=True``, on
        average. Of :class:`BoundedGroupLoss`, the worst group's mean loss.
    criteria_ : DataFrame
        By criterion: what was allowed, and what mixture and rule reach on the training rows.
    objective_ : Series
        Objective of mixture and rule on the training rows; of losses, their negative.
    group_losses_ : Series
        For regressors, mean loss of the predictions by group.
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
        randomized: bool | Literal["by_row"] | list[str | int] = False,
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
        check_count("max_iter", self.max_iter)
        if isinstance(self.solver_tol, str | bool) or not 0 <= self.solver_tol < np.inf:
            raise ValueError(f"solver_tol must be finite and at least 0, got {self.solver_tol!r}")
        game = Game(problem, oracle)
        with _progress(self.verbose, self.max_iter) as report:
            found = solve(game, max_iter=self.max_iter, solver_tol=self.solver_tol, report=report)
        self._choose(game)
        self.predictors_, self.weights_ = self.estimator_.estimators, self.estimator_.chances
        self.gap_, self.n_iter_ = found.gap * problem.unit, len(found.history)
        self.history_ = pd.DataFrame(found.history)
        self._warn(problem, found)

    def _choose(self, game: Game) -> None:
        """Choose what decides, and tell what it reaches beside the mixture."""
        problem, found = game.problem, game.found
        for name in ("rule_", "pos_label_", "group_losses_"):
            self.__dict__.pop(name, None)
        if isinstance(problem, DecisionProblem):
            self.pos_label_ = problem.classes[1]
            self.rule_, decided = self._choose_rule(game, problem)
        else:
            decided = problem.describe(found.mean())
        reached = {"mixture": found.mixed, "rule": decided}
        own = reached["mixture" if self.randomized else "rule"]
        if isinstance(problem, LossProblem):
            losses = problem.group_losses(own)
            self.group_losses_ = pd.Series(losses, problem.group_labels, name="loss")
        self.violation_ = problem.violations(own)
        figures = {name: problem.violations(sums) for name, sums in reached.items()}
        self.criteria_ = pd.DataFrame({"allowed": problem.allowed} | figures)
        values = {name: float(problem.value(sums)) for name, sums in reached.items()}
        self.objective_ = pd.Series(values, name="objective")
        self._excess = float(problem.excess(own))
        self._keep(game)

    def _choose_rule(self, game: Game, problem: DecisionProblem) -> tuple[MixtureRule, Floats]:
        found = game.found
        active = np.flatnonzero(found.chances)
        if len(active) == 1 and problem.excess(found.mixed) <= _SLACK:
            return MixtureRule(member=int(active[0])), found.mixed
        scores: dict[tuple[Score, int | None], Floats] = {
            ("vote", None): found.votes(self.pos_label_)
        }
        if found.probabilities:
            scores |= {("probability", k): own for k, own in found.probabilities.items()}
            scores["probability", None] = found.probability(self.pos_label_)
        return choose_rule(problem, found.sums, scores)

    def _keep(self, game: Game) -> None:
        """Keep the members that decide."""
        found = game.found
        chances = np.pad(found.chances, (0, len(found.members) - len(found.chances)))
        needed = chances > 0
        rule = self.__dict__.get("rule_")
        if rule is not None and rule.member is not None:
            needed[rule.member] = True
            place = int(np.count_nonzero(needed[: rule.member]))
            self.rule_ = replace(rule, member=place)
        elif rule is not None and rule.weights is not None:
            needed |= np.array(rule.weights) > 0
            self.rule_ = replace(rule, weights=tuple(np.array(rule.weights)[needed].tolist()))
        members = [member for member, own in zip(found.members, needed, strict=True) if own]
        self.estimator_ = game.oracle.mixture(members, chances[needed])

    def _warn(self, problem: Problem, found: Solution) -> None:
        if self._excess > _SLACK:
            cause = (
                "no mixture of the predictors found meets them"
                if problem.excess(found.mixed) > _SLACK
                else 'the mixture does, and randomized="by_row" or True draws from it; a looser '
                "tol may help"
            )
            figures = ", ".join(f"{name} {value:.3g}" for name, value in self.violation_.items())
            values = ", ".join(f"{name} {value:.3g}" for name, value in self.objective_.items())
            warn_user(
                f"the predictions violate the constraints on the training rows ({figures}; "
                f"allowed {problem.allowed}; objective: {values}): {cause}"
            )
        lost = (self.objective_["mixture"] - self.objective_["rule"]) / problem.unit
        if not self.randomized and lost > _NOTICEABLE:
            warn_user(
                f"without lots, the objective is {self.objective_['rule']:.3g}, and with them "
                f"{self.objective_['mixture']:.3g}: no single member or cut comes near the mixture "
                'within tol. Take a looser tol, randomized="by_row" or True, or ThresholdOptimizer'
            )
        if found.gap > self.solver_tol:
            warn_user(
                f"the search ended after max_iter={self.max_iter} rounds with a gap of "
                f"{self.gap_:.3g}: a mixture may be better by as much"
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
