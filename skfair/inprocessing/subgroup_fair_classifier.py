"""SubgroupFairClassifier: training that is fair to many intersecting subgroups at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import column_or_1d
from sklearn.utils.metadata_routing import MetadataRequest

from skfair._utils.columns import n_rows
from skfair._utils.validation import check_count, check_same_length
from skfair._utils.warning import warn_undefined_metric, warn_user
from skfair.base import read_two_classes
from skfair.base.attributes import AttributeCode, AttributeTable, read_attributes
from skfair.criteria import Criterion, Rate, read_criteria
from skfair.criteria.subgroups import linear_rate
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._fictitious_play import Play, play
from skfair.inprocessing._mixture_reduction import BaseMixtureReduction
from skfair.inprocessing._oracle import Oracle
from skfair.inprocessing._subgroup_audit import Auditor, Finding
from skfair.inprocessing._subgroup_rules import choose_rule
from skfair.metrics import Subgroup

_SLACK = 1e-6


class SubgroupFairClassifier(BaseMixtureReduction):
    r"""Train any classifier so that no subgroup by a linear threshold is treated far from the rest.

    .. math:: \min_Q \text{error}(Q) \quad \text{s.t.} \quad
        P(g) \, |r(Q, g) - r(Q)| \le \epsilon \quad \text{for all } g(x) = 1[\beta^\top x > c]

    where r is a rate, P(g) the subgroup's share of the rate's denominator, and x are the sensitive
    attributes and their products. A classifier that treats every attribute's groups alike can
    still be unfair to their intersections; these subgroups hold them, too.

    An auditor looks for the worst subgroup of the classifiers so far, and a learner, the wrapped
    estimator on other labels and weights, answers the subgroups so far: fictitious play (Kearns et
    al., 2018). The authors mix the learner's answers uniformly; here a linear programme over the
    subgroups found mixes them at best, and the learner's price of unfairness is raised until that
    mixture is fair enough.

    The auditor is a heuristic, as finding the worst subgroup is hard: what it doesn't find isn't
    bound. Subgroups count by their mass, so a subgroup of 1 % of the rows is never bound by a
    ``tol`` of 0.01. What is reached holds on the training rows; measure other rows by
    :func:`skfair.metrics.subgroup_violation`. Predictions need no attributes beyond X.

    By default the same person gets the same answer every time: a cut of the mixture's vote or mean
    probability, or a single member, is chosen with the subgroups in view. It warns where that
    violates more than ``tol``; the mixture itself, ``randomized=True``, gets nearer.

    P(g) in the papers is the share of all rows that are in the subgroup and in the denominator
    (:math:`P(g, y = 0)` for false positive rates). Here it is that over the share of the
    denominator in all rows, so that ``tol`` is in the units of the rate: theirs times
    :math:`1 / P(y = 0)`. Mixtures are made to violate 0.95 ``tol`` at most, as the programme knows
    only the subgroups found so far.

    Parameters
    ----------
    estimator : estimator
        A classifier, or a Pipeline, whose last step takes ``sample_weight``. Transformers of a
        Pipeline are fitted once.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit. Columns of
        numbers and booleans are numbers; all others are categories.
    constraints : str, Rate, Criterion or sequence of them, default="false_positive_rate"
        Rates, or criteria that compare rates by their difference, that are linear in decisions.
    tol : float or sequence of float, default=0.01
        Allowed violation, of all or of each constraint.
    degree : int, default=2
        Largest number of attributes in a product; with 1, intersections are bound only as far as a
        line through the attributes tells them.
    randomized : bool, "by_row", or list of str or int, default=False
        Let ``predict`` draw a member for each row, with ``random_state``. "by_row", or columns of
        X: the member hangs on the row's values, in all columns or in these.
    max_iter : int, default=50
        Fits of the estimator at most.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Missing categories form a group, and missing numbers get an indicator, or both are refused.
    random_state : int, RandomState instance or None, default=None
        Draws members of a randomized prediction; an int gives the same ones at every call. Where
        lots hang on rows, an int or None.

    Attributes
    ----------
    estimator_ : PredictorMixture
        The mixture.
    predictors_ : list of estimator
        Its members, fitted.
    weights_ : ndarray of float of shape (n_predictors,)
        Their chances.
    rule_ : MixtureRule
        The member, or the cut of the vote, that decides.
    classes_ : ndarray of shape (2,)
        Classes.
    violation_ : dict of str to float
        Violation of the worst subgroup of ``predict`` that the auditor finds on the training rows,
        by rate; with ``randomized``, of the mixture's expectation rather than of one draw.
    subgroups_ : dict of str to Subgroup
        These subgroups.
    criteria_ : DataFrame
        By rate: what was allowed, what the mixture reaches on the training rows, and what the
        deterministic rule does.
    n_oracle_calls_ : int
        Fits of the estimator.
    oracle_time_ : float
        Seconds they took.
    n_iter_ : int
        Rounds of the play.
    history_ : DataFrame
        By round: error of the best mixture so far, and by how much it exceeds what is allowed.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If the predictions, on the training rows, violate a constraint by more than ``tol``, or the
        deterministic rule decides the same for every row.
    UndefinedMetricWarning
        If all rows have the same attributes.

    See Also
    --------
    ExponentiatedGradient : Binds given groups, however small they are.
    skfair.metrics.subgroup_violation : The auditor, on rows that it didn't see.

    References
    ----------
    Kearns, M., Neel, S., Roth, A. and Wu, Z. S. (2018). Preventing fairness gerrymandering:
    auditing and learning for subgroup fairness. ICML. https://doi.org/10.48550/arXiv.1711.05144
    Kearns, M., Neel, S., Roth, A. and Wu, Z. S. (2019). An empirical study of rich subgroup
    fairness for machine learning. FAT*. https://doi.org/10.1145/3287560.3287592

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.normal(size=(1000, 3)), columns=["skill", "luck", "tie"])
    >>> sex, race = rng.choice(["f", "m"], 1000), rng.choice(["b", "w"], 1000)
    >>> X["tie"] = np.where((sex == "f") == (race == "b"), 1.0, -1.0)
    >>> y = (X["skill"] + X["tie"] + rng.normal(size=1000) > 0).astype(int)
    >>> model = SubgroupFairClassifier(
    ...     LogisticRegression(), constraints="selection_rate", tol=0.03, randomized=True
    ... )
    >>> model = model.fit(X, y, sensitive_features={"sex": sex, "race": race})
    >>> bool(model.violation_["selection_rate"] <= 0.0301)
    True
    """

    control_features = None

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str | Rate | Criterion | Sequence[Any] = "false_positive_rate",
        tol: float | Sequence[float] = 0.01,
        degree: int = 2,
        randomized: bool | Literal["by_row"] | list[str | int] = False,
        max_iter: int = 50,
        pos_label: Any = None,
        missing: Missing = "group",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.constraints = constraints
        self.tol = tol
        self.degree = degree
        self.randomized = randomized
        self.max_iter = max_iter
        self.pos_label = pos_label
        self.missing = missing
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        **fit_params: Any,
    ) -> Self:
        """Fit the mixture of classifiers.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n, n_features)
            Training data, as the wrapped estimator takes it.
        y : array-like of shape (n,)
            Labels of two classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Attributes, where the constructor doesn't name columns of X.
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
            If attributes are given twice or not at all, labels aren't of two classes, or the
            constraints aren't linear in decisions or not differences.
        TypeError
            If the estimator takes no ``sample_weight``, or is no classifier.
        """
        return super().fit(
            X, y, sensitive_features=sensitive_features, sample_weight=sample_weight, **fit_params
        )

    def _read_groups(self, X: Any, sensitive_features: Any = None) -> Any:
        return read_attributes(
            X,
            sensitive_features,
            columns=self.sensitive_features,
            missing=self.missing,
            owner=type(self).__name__,
        )

    def _fit(
        self, X: Any, y: Any, groups: Any, sample_weight: Any, metadata: dict[str, Any]
    ) -> None:
        self._check_parameters()
        attributes: AttributeTable = groups
        rates = _read_rates(self.constraints, self.tol)
        if getattr(y, "ndim", 1) == 2:
            y = column_or_1d(y, warn=True)
        read = read_two_classes(y, self.pos_label, sample_weight, owner=type(self).__name__)
        check_same_length(X=range(n_rows(X)), y=read.weights, sensitive_features=attributes)
        code = AttributeCode.learn(attributes, degree=self.degree, weights=read.weights)
        distinct, place = attributes.distinct()
        if len(distinct) == 1:
            warn_undefined_metric("all rows have the same attributes: no subgroups can be compared")
        auditor = Auditor.prepare(
            rates, code.matrix(distinct), place, read.is_positive, read.weights
        )
        oracle = Oracle(self.estimator, X, y, classes=list(read.classes), metadata=metadata)

        def answer(labels: Any, weights: Any) -> tuple[Any, Any]:
            member = oracle.fit(read.classes[labels.astype(np.int8)], weights)
            return member, (oracle.predict(member) == read.classes[1]).astype(np.float64)

        found = play(auditor, answer, max_iter=self.max_iter)
        self.pos_label_ = read.classes[1]
        self.estimator_ = oracle.mixture(found.members, found.chances)
        self.predictors_, self.weights_ = self.estimator_.estimators, found.chances
        self.n_oracle_calls_, self.oracle_time_ = oracle.n_calls, oracle.seconds
        self.n_iter_ = len(found.history)
        self.history_ = pd.DataFrame(found.history, columns=["error", "excess"])
        scores = {"vote": found.votes}
        if hasattr(self.estimator, "predict_proba"):
            scores["probability"] = sum(
                chance * oracle.probability(member, self.pos_label_)
                for member, chance in zip(found.members, found.chances, strict=True)
                if chance > 0
            )
        self._choose(auditor, found, code, scores)

    def _check_parameters(self) -> None:
        if not is_classifier(self.estimator):
            raise TypeError(
                f"{type(self.estimator).__name__} is no classifier: subgroup fairness is about "
                "decisions"
            )
        check_count("max_iter", self.max_iter)

    def _choose(
        self, auditor: Auditor, found: Play, code: AttributeCode, scores: dict[str, Any]
    ) -> None:
        """Choose the deterministic rule, and tell what it and the mixture reach."""
        self.rule_, decisions = choose_rule(auditor, found, scores)
        if not self.randomized and np.ptp(decisions) == 0 < np.ptp(found.votes):
            warn_user(
                "the deterministic rule decides the same for every row, since no other comes as "
                "near to what is allowed: randomized=True draws from the mixture, or loosen tol"
            )
        names = [rate.name for rate in auditor.rates]
        audits = {"mixture": auditor.audits(found.votes), "rule": auditor.audits(decisions)}
        columns = {
            kind: [finding.half.violation for finding in findings]
            for kind, findings in audits.items()
        }
        self.criteria_ = pd.DataFrame({"allowed": auditor.tols} | columns, index=names)
        own = audits["mixture" if self.randomized else "rule"]
        self.violation_ = {n: finding.half.violation for n, finding in zip(names, own, strict=True)}
        self.subgroups_ = {
            n: _subgroup(finding, code) for n, finding in zip(names, own, strict=True)
        }
        worst = max(own, key=lambda finding: finding.excess)
        if worst.excess > _SLACK:
            reaches = found.finding is not None and found.finding.excess <= _SLACK
            cause = (
                "the mixture doesn't, and randomized=True draws from it; a looser tol may help"
                if reaches and not self.randomized
                else f"no mixture within max_iter={self.max_iter} fits was found that doesn't"
            )
            warn_user(
                f"a subgroup's {names[worst.rate]} violates {worst.half.violation:.3g} on the "
                f"training rows, and {auditor.tols[worst.rate]:g} is allowed: {cause}"
            )

    def _own_request(self) -> MetadataRequest:
        request = super()._own_request()
        request.fit.add_request(param="control_features", alias=False)
        return request


def _subgroup(finding: Finding, code: AttributeCode) -> Subgroup:
    named = pd.Series(finding.half.coefficients, index=list(code.names), name="coefficient")
    return Subgroup(named, finding.half.cut, code)


def _read_rates(constraints: Any, tol: Any) -> list[tuple[Rate, float]]:
    """Rates that no subgroup may be far off in, each with the least violation allowed."""
    several = isinstance(constraints, Sequence) and not isinstance(constraints, str)
    given = [
        Criterion(c.name, (c,)) if isinstance(c, Rate) else c
        for c in (constraints if several else [constraints])
    ]
    found: dict[str, tuple[Rate, float]] = {}
    for criterion, allowed in read_criteria(given, tol):
        if criterion.gap != "difference" or criterion.combination != "worst_case":
            raise ValueError(
                f"{criterion.name} is no difference of single rates: name rates, such as "
                "false_positive_rate, or criteria such as equalized_odds"
            )
        for rate in criterion.rates:
            least = min(allowed, found.get(rate.name, (rate, np.inf))[1])
            found[rate.name] = (linear_rate(rate), least)
    fixed = [rate.name for rate, _ in found.values() if rate.ignores_prediction]
    if fixed or not found:
        raise ValueError(f"constraints={constraints!r} bind no decision")
    return list(found.values())
