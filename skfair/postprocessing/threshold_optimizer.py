"""ThresholdOptimizer: an estimator with the best decision rule for its scores."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skfair._utils.text import listed
from skfair._utils.validation import generator
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.postprocessing._constraints import read_constraints
from skfair.postprocessing._curves import ScoreCurves
from skfair.postprocessing._reached import reached, upper_end
from skfair.postprocessing._score_rule import BaseScoreRule
from skfair.postprocessing._shrinkage import shrink
from skfair.postprocessing.optimal import (
    counted_on,
    optimal_thresholds,
    single_threshold,
    without_undefined,
)
from skfair.postprocessing.rule import ThresholdRule

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

_STEPS = 12
_NOTICEABLE = 0.02


def _has_proba(self: Any) -> bool:
    getattr(getattr(self, "estimator_", self.estimator), "predict_proba")  # noqa: B009
    return True


class ThresholdOptimizer(BaseScoreRule):
    r"""Decide by cuts of an estimator's score that are best for an objective, within constraints.

    Cuts are fitted to out-of-fold scores, so that they hold for new people; the estimator is then
    fitted to all rows. Deterministic rules have one cut a group and give the same person the same
    answer every time; randomized ones mix cuts, and reach more where constraints are tight. See
    :func:`optimal_thresholds` for how they are found.

    On few rows, cuts by group chase noise. By default the groups' curves are therefore drawn
    towards the pooled one as far as their differences may be chance (``shrinkage_``); where the
    data can't tell the groups apart at all, everybody gets the same cut.

    Different cuts by group can be unlawful (for hiring tests in the US, for one), and inferring the
    group is sensitive itself: see the tags ``uses_group_at_predict`` and ``infers_group``.

    Parameters
    ----------
    estimator : estimator
        Any classifier of two classes, or Pipeline, with ``predict_proba`` or
        ``decision_function``.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit and predict.
    constraints : str, Criterion, sequence of them, or None, default="demographic_parity"
        Criteria or rates that groups should share; fairlearn's names are known.
    objective : str, Rate or mapping, default="accuracy_score"
        What is maximised: ``"balanced_accuracy_score"``, ``"f1_score"``, any rate, or costs
        ``{"fp": 1, "fn": 5}``.
    tol : float or sequence of float, default=0.01
        Allowed difference, or shortfall of a ratio from 1.
    randomized : bool, default=False
        Mix cuts. ``predict`` then draws with ``random_state``.
    rate_bounds : mapping of rate to (low, high), default=None
        Lowest and highest value of a rate in every group.
    budget : float, default=None
        Largest share of all rows to select.
    shrinkage : {"auto"}, float or None, default="auto"
        Draw the groups' curves towards the pooled one: by empirical Bayes, keep this share of
        their own, or not at all.
    margin : {"confidence"} or None, default=None
        Tighten ``tol`` until the upper end of the gap's interval lies within it.
    confidence_level : float, default=0.95
        Of the margin and of the intervals in ``criteria_``.
    fallback : {"raise", "pooled"}, default="raise"
        Groups without a constrained rate, and groups unseen at fit, are refused, or get the best
        single cut.
    cv : int, splitter, iterable, or "prefit", default=5
        Folds of the scores that cuts are fitted to. With "prefit", or around a
        ``FrozenEstimator``, the fitted estimator scores the rows given to fit, which it should
        not have seen.
    time_limit : float, default=10.0
        Seconds for a search.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    n_jobs : int, default=None
        Folds that are fitted at a time.
    random_state : int, RandomState instance or None, default=None
        Draws decisions of a randomized rule; an int gives the same ones at every call.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (2,)
        Its classes.
    rule_ : ThresholdRule
        The rule.
    thresholds_ : DataFrame
        Threshold and probability of each cut, by group.
    criteria_ : DataFrame
        A row a constraint: what the rule reaches on the out-of-fold scores, with the interval
        (of deterministic rules), what was allowed, and what one cut for all would reach. Then a
        row a bound of a rate (``"true_positive_rate >= 0.8"``) with the worst group's value and
        what it falls short by, and ``"budget"`` with the share selected; those without intervals.
    effective_tol_ : dict of str to float
        Violation that the search allowed: ``tol``, less the margin, plus the data's resolution.
    gap_ : float
        How much a rule could be better at most.
    shrinkage_ : DataFrame or None
        How much was kept of each group's own base rate, negatives' and positives' scores.
    curves_ : ScoreCurves
        The groups' curves, before shrinkage.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If shrinkage keeps the constraints from being met on the scores as they are, by more than
        0.02, if no cuts keep the interval within ``tol`` as ``margin`` asks, if a rule is constant
        within a group, or if the search was cut short.

    References
    ----------
    Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning.
    NeurIPS. https://arxiv.org/abs/1610.02413
    Cruz, A. F. and Hardt, M. (2024). Unprocessing seven years of algorithmic fairness. ICLR.
    https://arxiv.org/abs/2306.07261

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skfair.datasets import make_biased_classification
    >>> data = make_biased_classification(2000, base_rates={"a": 0.6, "b": 0.3}, random_state=0)
    >>> model = ThresholdOptimizer(LogisticRegression(), tol=0.02, shrinkage=None)
    >>> model = model.fit(data.data, data.target, sensitive_features=data.sensitive_features)
    >>> bool(model.criteria_.loc["demographic_parity", "estimate"] <= 0.022)
    True
    """

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str | Criterion | Sequence[str | Criterion] | None = "demographic_parity",
        objective: Any = "accuracy_score",
        tol: float | Sequence[float] = 0.01,
        randomized: bool = False,
        rate_bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
        budget: float | None = None,
        shrinkage: Literal["auto"] | float | None = "auto",
        margin: Literal["confidence"] | None = None,
        confidence_level: float = 0.95,
        fallback: Literal["raise", "pooled"] = "raise",
        cv: Any = 5,
        time_limit: float = 10.0,
        pos_label: Any = None,
        missing: Missing = "group",
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.constraints = constraints
        self.objective = objective
        self.tol = tol
        self.randomized = randomized
        self.rate_bounds = rate_bounds
        self.budget = budget
        self.shrinkage = shrinkage
        self.margin = margin
        self.confidence_level = confidence_level
        self.fallback = fallback
        self.cv = cv
        self.time_limit = time_limit
        self.pos_label = pos_label
        self.missing = missing
        self.n_jobs = n_jobs
        self.random_state = random_state

    @classmethod
    def from_rule(
        cls, estimator: Any, rule: ThresholdRule, *, pos_label: Any = None, **params: Any
    ) -> ThresholdOptimizer:
        """Make a predictor of a fitted estimator and a rule that was found elsewhere.

        Parameters
        ----------
        estimator : estimator
            Fitted; also a ``FrozenEstimator``.
        rule : ThresholdRule
            As :func:`optimal_thresholds` finds it, in a tally of any engine, say.
        pos_label : label, default=None
            The positive class; not needed where the estimator's are {0, 1}, {-1, 1} or booleans.
        **params : dict
            Parameters of the estimator: ``sensitive_features``, ``random_state``, ...

        Returns
        -------
        ThresholdOptimizer
            Fitted.

        Raises
        ------
        ValueError
            If ``fallback`` is given, and the rule has a cut for other groups where it is "raise",
            or none where it is "pooled".
        """
        has_cut = rule.fallback_cut is not None
        if params.get("fallback", "pooled" if has_cut else "raise") != (
            "pooled" if has_cut else "raise"
        ):
            raise ValueError(
                f"fallback={params['fallback']!r}, but the rule has {'a' if has_cut else 'no'} cut "
                "for groups without a cut of their own: leave fallback out, or find the rule with "
                "that fallback"
            )
        self = cls(estimator, cv="prefit", pos_label=pos_label, **params)
        self.estimator_ = estimator
        check_is_fitted(estimator)
        classes = tuple(np.asarray(estimator.classes_).tolist())
        self.pos_label_ = classes[self._positive_place(classes)]
        if has_cut:
            self.fallback = "pooled"
        self._take_rule(rule)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))
        return self

    def _check_parameters(self) -> None:
        asked = read_constraints(self.constraints, self.tol, self.rate_bounds, self.budget)
        share = self.shrinkage
        if share not in ("auto", None) and not (isinstance(share, int | float) and 0 <= share <= 1):
            raise ValueError(f'shrinkage must be "auto", None or within [0, 1], got {share!r}')
        if self.margin not in ("confidence", None):
            raise ValueError(f'margin must be "confidence" or None, got {self.margin!r}')
        if self.margin and (self.randomized or len(asked.criteria) != 1):
            raise ValueError('margin="confidence" needs one constraint and a deterministic rule')

    def _fit_rule(
        self, scores: Floats, positive: NDArray[np.bool_], groups: Groups, weights: Floats
    ) -> None:
        self.curves_ = ScoreCurves.of_rows(scores, positive, groups, weights)
        asked = read_constraints(self.constraints, self.tol, self.rate_bounds, self.budget)
        curves, self.shrinkage_ = without_undefined(self.curves_, asked, self.fallback), None
        if self.shrinkage is not None:
            amount = None if self.shrinkage == "auto" else float(self.shrinkage)
            curves, self.shrinkage_ = shrink(curves, amount)
        rows = scores, positive, groups, weights
        single = rule = single_threshold(self.curves_, self.objective, self.budget)
        bound = bool(asked.rate_bounds) or asked.budget is not None
        if bound or self.shrinkage_ is None or self.shrinkage_.to_numpy().any():
            known = without_undefined(self.curves_, asked, self.fallback)
            rule = counted_on(self._search(curves, rows), known, self.objective)
        own = single.fallback_cut if self.fallback == "pooled" else None
        self._take_rule(replace(rule, fallback_cut=own))
        self.criteria_ = reached(rule, single, rows, asked, self.confidence_level)
        self._warn_if_missed(rows)

    def _take_rule(self, rule: ThresholdRule) -> None:
        self.rule_ = rule
        self.group_labels_, self._names = rule.labels, rule.names
        self.thresholds_ = rule.to_frame()
        self.effective_tol_, self.gap_ = rule.effective_tol, rule.gap

    def _search(self, curves: ScoreCurves, rows: tuple[Any, ...]) -> ThresholdRule:
        """Find the rule, at a smaller tolerance if the interval has to lie within it."""
        rule = self._find(curves, self.tol)
        if self.margin is None:
            return rule
        ((criterion, tol),) = read_constraints(self.constraints, self.tol).criteria
        if self._upper_end(rule, rows, criterion) <= tol:
            return rule
        low, high, best = 0.0, tol, None
        for _ in range(_STEPS):
            middle = (low + high) / 2
            rule = self._find(curves, middle)
            if self._upper_end(rule, rows, criterion) <= tol:
                low, best = middle, rule
            else:
                high = middle
        return self._find(curves, 0.0) if best is None else best

    def _find(self, curves: ScoreCurves, tol: float | Sequence[float]) -> ThresholdRule:
        return optimal_thresholds(
            curves,
            self.constraints,
            self.objective,
            tol,
            randomized=self.randomized,
            rate_bounds=self.rate_bounds,
            budget=self.budget,
            fallback=self.fallback,  # type: ignore[arg-type]
            time_limit=self.time_limit,
        )

    def _upper_end(self, rule: ThresholdRule, rows: tuple[Any, ...], criterion: Criterion) -> float:
        return upper_end(rule, rows, criterion, self.confidence_level)

    def _warn_if_missed(self, rows: tuple[Any, ...]) -> None:
        table = self.criteria_
        missed = table[table["violation"] > table["allowed"] + _NOTICEABLE]
        if len(missed):
            figures = [
                f"{name} ({row.violation:.3g}, allowed {row.allowed:.3g})"
                for name, row in missed.iterrows()
            ]
            cause = (
                ""
                if self.shrinkage is None
                else (
                    ": shrinkage keeps it from following differences that may be chance; "
                    "shrinkage=None enforces the constraints on these rows"
                )
            )
            warn_user(
                f"the rule doesn't meet {', '.join(figures)} on the out-of-fold scores as they "
                f"are, see criteria_{cause}"
            )
        if self.margin is not None:
            ((criterion, tol),) = read_constraints(self.constraints, self.tol).criteria
            end = self._upper_end(self.rule_, rows, criterion)
            if end > tol:
                warn_user(
                    f'margin="confidence" is missed: no cuts were found whose interval of '
                    f"{criterion.name} ends within tol={tol:g}; it ends at {end:.3g}"
                )

    def _read_codes(self, X: Any, sensitive_features: Any) -> Codes:
        codes = super()._read_codes(X, sensitive_features)
        if self.rule_.fallback_cut is None and (codes < 0).any():
            groups = self._read_groups(X, sensitive_features)
            unseen = [label for label in groups.labels if label not in self.group_labels_]
            raise ValueError(
                f"groups {listed(unseen)} were unseen at fit, and the rule has no cut for them: "
                'fit with fallback="pooled"'
            )
        return codes

    def _select(self, scores: Floats, codes: Codes) -> NDArray[np.bool_]:
        if self.rule_.is_deterministic:
            return self.rule_.apply(scores, codes)
        return self.rule_.draw(scores, codes, generator(self.random_state))

    def decision_probability(
        self, X: Any, *, sensitive_features: Any = None, **params: Any
    ) -> Floats:
        """Chance of the positive class under the rule: 0 or 1, unless it is randomized.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        **params : dict
            Metadata for the wrapped estimator.

        Returns
        -------
        probability : ndarray of float of shape (n,)
        """
        return self.rule_.probability(*self._score_rows(X, sensitive_features, params))

    @available_if(_has_proba)
    def predict_proba(self, X: Any, *, sensitive_features: Any = None, **params: Any) -> Floats:
        """Probabilities of the wrapped estimator, which ``predict`` doesn't cut at one half."""
        positive, _ = self._score_rows(X, sensitive_features, params)
        columns = (1 - positive, positive) if self._positive_column() else (positive, 1 - positive)
        return np.column_stack(columns)

    def frontier(self, tols: Sequence[float] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)) -> pd.DataFrame:
        """Trade-off on the out-of-fold scores: objective and violation at several tolerances.

        It is that of the groups' own curves, without shrinkage and margin.

        Parameters
        ----------
        tols : sequence of float

        Returns
        -------
        DataFrame
            Columns objective and, of each constraint, its violation, indexed by tol.

        Raises
        ------
        AttributeError
            If the rule was found elsewhere.
        """
        self._check_has_curves()
        rows: dict[float, dict[str, float]] = {}
        for tol in tols:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                rule = self._find(self.curves_, tol)
            named = read_constraints(self.constraints, self.tol).criteria
            gaps = {c.name: float(c(rule.cells)) for c, _ in named}
            short = {c.name: 1 - gaps[c.name] for c, _ in named if c.gap == "ratio"}
            rows[tol] = {"objective": rule.value} | gaps | short
        table = pd.DataFrame.from_dict(rows, orient="index")
        table.index.name = "tol"
        return table

    def plot(self, ax: Any = None) -> Any:
        """Draw the groups' ROC curves with the chosen points.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        ThresholdRuleDisplay
        """
        from skfair.postprocessing.displays import ThresholdRuleDisplay

        self._check_has_curves()
        return ThresholdRuleDisplay(curves=self.curves_, rule=self.rule_).plot(ax)

    def _check_has_curves(self) -> None:
        check_is_fitted(self)
        if not hasattr(self, "curves_"):
            raise AttributeError(
                "there are no curves: the rule was found elsewhere (from_rule), and this estimator "
                "has seen no scores"
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic |= self.randomized and self.random_state is None
        return tags
