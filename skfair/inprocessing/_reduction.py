"""The base of reductions: constrained training as a sequence of weighted fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import column_or_1d

from skfair._utils.columns import n_rows
from skfair._utils.text import listed
from skfair._utils.validation import (
    check_any_weight,
    check_same_length,
    check_weights,
    finite_column,
)
from skfair._utils.warning import warn_user
from skfair.base import BaseMetaMitigator, ControlFeaturesMixin, read_two_classes
from skfair.criteria import CRITERIA, RATES, Criterion, read_criteria, read_objective
from skfair.groups import Groups
from skfair.inprocessing._oracle import Oracle
from skfair.inprocessing._problems import DecisionProblem, LossProblem, Problem
from skfair.inprocessing.bounded_group_loss import BoundedGroupLoss

Floats = NDArray[np.float64]


class BaseReduction(ControlFeaturesMixin, BaseMetaMitigator):
    """Base of mitigators that fit an estimator under constraints by weighting rows anew.

    A subclass overrides ``_search(problem, oracle)``, which sets what it has found.
    """

    constraints: Any
    objective: Any
    tol: float | Sequence[float]
    control_features: Any
    pos_label: Any
    missing: Any

    def _search(self, problem: Problem, oracle: Oracle) -> None:
        raise NotImplementedError

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        control_features: Any = None,
        sample_weight: Any = None,
        **fit_params: Any,
    ) -> Self:
        """Fit the mixture of predictors.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n, n_features)
            Training data, as the wrapped estimator takes it.
        y : array-like of shape (n,)
            Labels, or numbers.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        control_features : array-like of shape (n,) or (n, k), default=None
            Groups are compared only among rows that share these.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.
        **fit_params : dict
            Metadata for the wrapped estimator.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If groups are given twice or not at all, labels aren't of two classes, or the
            constraints aren't linear in decisions.
        TypeError
            If the estimator takes no ``sample_weight``.
        """
        if control_features is not None:
            fit_params["control_features"] = control_features
        return super().fit(
            X, y, sensitive_features=sensitive_features, sample_weight=sample_weight, **fit_params
        )

    def _fit(
        self, X: Any, y: Any, groups: Groups, sample_weight: Any, metadata: dict[str, Any]
    ) -> None:
        check_same_length(X=range(n_rows(X)), sensitive_features=groups)
        if getattr(y, "ndim", 1) == 2:
            y = column_or_1d(np.asarray(y), warn=True)
        levels = self._read_levels(X, metadata.pop("control_features", None))
        if isinstance(self.constraints, BoundedGroupLoss) and levels.n_groups > 1:
            raise ValueError("BoundedGroupLoss bounds each group by itself: no control_features")
        if groups.n_groups < 2:
            warn_user(
                f"all rows are of one group, {groups.labels[0]!r}: there is nothing to compare"
            )
        problem: Problem
        if isinstance(self.constraints, BoundedGroupLoss):
            problem = self._loss_problem(y, groups, sample_weight)
            oracle = Oracle(self.estimator, X, y, metadata=metadata)
        else:
            problem = self._decision_problem(y, groups, levels, sample_weight)
            oracle = Oracle(self.estimator, X, y, classes=list(problem.classes), metadata=metadata)
            problem.warn_if_undefined()
            if groups.n_groups > 1 and problem.criteria and not problem.bands():
                warn_user("no two groups can be compared in what is constrained: it binds nothing")
        self._warn_of_class_weight()
        self._search(problem, oracle)
        self.n_oracle_calls_, self.oracle_time_ = oracle.n_calls, oracle.seconds

    def _warn_of_class_weight(self) -> None:
        params = self.estimator.get_params()
        set_ = [k for k, v in params.items() if k.split("__")[-1] == "class_weight" and v]
        if set_:
            warn_user(
                f"{set_[0]} changes what the estimator's fits answer, so that they are no longer "
                'best for the objective: give costs instead, objective={"fp": ..., "fn": ...}'
            )

    def _decision_problem(
        self, y: Any, groups: Groups, levels: Groups, sample_weight: Any
    ) -> DecisionProblem:
        if not is_classifier(self.estimator):
            raise TypeError(
                f"{type(self.estimator).__name__} is no classifier: criteria are about decisions; "
                "for regressors give constraints=BoundedGroupLoss(...)"
            )
        read = read_two_classes(y, self.pos_label, sample_weight, owner=type(self).__name__)
        check_same_length(y=read.weights, sensitive_features=groups, control_features=levels)
        totals = np.bincount(read.is_positive, read.weights, minlength=2).astype(float)
        objective = read_objective(self.objective, totals)
        if objective.ignores_prediction:
            raise ValueError(f"no decision changes the objective {objective.name}")
        if not objective.is_linear:
            raise ValueError(
                f"the objective {objective.name} isn't linear in decisions, as reductions need: "
                'take "accuracy_score", "balanced_accuracy_score" or costs {"fp": 1, "fn": 5}'
            )
        return DecisionProblem(
            read.classes,
            read.is_positive.astype(np.int8),
            groups.codes,
            levels.codes,
            (levels.n_groups, groups.n_groups),
            read.weights,
            _linear_criteria(self.constraints, self.tol),
            objective,
            groups.labels,
            levels.labels,
        )

    def _loss_problem(self, y: Any, groups: Groups, sample_weight: Any) -> LossProblem:
        if not is_regressor(self.estimator):
            raise TypeError(
                f"BoundedGroupLoss is for regressors, and {type(self.estimator).__name__} is none"
            )
        targets = finite_column(y, "y")
        check_same_length(y=targets, sensitive_features=groups)
        weights = check_weights(sample_weight, len(targets))
        weights = np.ones(len(targets)) if weights is None else weights
        check_any_weight(weights)
        bound: BoundedGroupLoss = self.constraints
        loss, limit = bound.read(self.objective)
        return LossProblem(
            targets, groups.codes, groups.n_groups, weights, loss, limit, groups.labels
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_class = False
        return tags


def _linear_criteria(
    constraints: Any, tol: float | Sequence[float]
) -> tuple[tuple[Criterion, float], ...]:
    criteria = read_criteria(constraints, tol)
    for criterion, _ in criteria:
        fixed = [rate.name for rate in criterion.rates if rate.ignores_prediction]
        if fixed:
            raise ValueError(f"no decision changes {listed(fixed)}: it can't be constrained")
        if criterion.gap == "ratio" and criterion.combination == "mean":
            raise ValueError(f"{criterion.name}: a mean of ratios isn't linear in decisions")
        if not criterion.is_linear:
            known = [c.name for c in CRITERIA.values() if c.is_linear]
            rates = [r.name for r in RATES.values() if r.is_linear and not r.ignores_prediction]
            raise ValueError(
                f"{criterion.name} isn't linear in decisions, as reductions need; there are "
                f"{listed(known)}, and the rates {listed(rates)}; ThresholdOptimizer takes others"
            )
    return criteria
