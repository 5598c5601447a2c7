"""ThresholdOptimizer: an estimator with the best decision rule for its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skfair._utils.lots import lots_move, lots_of
from skfair._utils.validation import positive_class
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.postprocessing._constraints import Constraints, is_share, read_constraints
from skfair.postprocessing._curves import ScoreCurves
from skfair.postprocessing._guessed import GuessedThresholdRule, guessed_thresholds
from skfair.postprocessing._guessed_curves import GuessedCurves
from skfair.postprocessing._missed import tell_coarse, tell_missed
from skfair.postprocessing._reached import reached, upper_end
from skfair.postprocessing._shrinkage import shrink
from skfair.postprocessing._threshold_groups import GroupsOrGuessesMixin
from skfair.postprocessing._threshold_views import ThresholdViewsMixin
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


class ThresholdOptimizer(ThresholdViewsMixin, GroupsOrGuessesMixin):
    r"""Decide by cuts of an estimator's score that are best for an objective, within constraints.

    Cuts are fitted to out-of-fold scores, so that they hold for new people; the estimator is then
    fitted to all rows. Deterministic rules have one cut a group and give the same person the same
    answer every time; randomized ones mix cuts, and reach more where constraints are tight. See
    :func:`optimal_thresholds` for how they are found.

    On few rows, cuts by group chase noise. By default the groups' curves are therefore drawn
    towards the pooled one as far as their differences may be chance (``shrinkage_``); where the
    data can't tell the groups apart at all, everybody gets the same cut.

    Different cuts by group can be unlawful (for hiring tests in the US, for one), and inferring the
    group is sensitive itself: see ``group_at_predict`` and the attributes ``uses_group_at_predict``
    and ``infers_group``.

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
    randomized : bool, "by_row", or list of str or int, default=False
        Mix cuts. ``predict`` then draws with ``random_state``. "by_row": the lot of a row is a
        hash of its values in the columns of fit (fractions to single precision) and of
        ``random_state``. So a row gets the same answer at every call, alone or among others, and
        the rates hold as far as rows differ; whoever changes any value gets another lot. A list:
        of the values in these columns of X only, such as an applicant's number.
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
        single cut, ``rule_.fallback_cut``.
    group_at_predict : bool, default=True
        Whether ``predict`` goes by the group of each row. False: it needs none; a classifier
        guesses the group from X, and there is a cut a guess, while the constraints stay about the
        true groups. They cost more, the worse the guess; where none can be made, only constant
        rules may meet them. Inferring a group from X is sensitive itself and can be unlawful, and
        the guess is wrong for some.
    group_estimator : estimator, default=None
        With ``group_at_predict=False``, a classifier or Pipeline that is fitted to the columns of X
        that ``sensitive_features`` doesn't name (all of them where it is a callable or None) and
        integer codes of groups; None: gradient boosting with groups weighted to the same size.
        A ``FrozenEstimator`` that predicts the groups is used as it is, and should not have seen
        the rows given to fit: its guesses there would be better than those of new people; where
        there are several sensitive features, it predicts a column of each. Name
        the column that a callable reads, or the guesses read it, too.
    cv : int, splitter, iterable, or "prefit", default=5
        Folds of the scores that cuts are fitted to. With "prefit", or around a
        ``FrozenEstimator``, the fitted estimator scores the rows given to fit, which it should
        not have seen.
    time_limit : float, default=10.0
        Seconds for a search; ``margin`` makes up to 14 of them.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    n_jobs : int, default=None
        Folds that are fitted at a time.
    random_state : int, RandomState instance or None, default=None
        Draws decisions of a randomized rule. With ``randomized=True`` an int gives the same draws
        at every call, so rows predicted one at a time would all share one draw: leave it None,
        pass a RandomState, which moves on from call to call, or draw with
        :meth:`decision_probability` yourself. Where lots hang on rows, an int or None; another
        int makes other lots.

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
        row a bound of a rate (``"true_positive_rate >= 0.8"``) with the worst group's value, its
        Wilson interval and what it falls short by, and ``"budget"`` with the share selected.
    effective_tol_ : dict of str to float
        Violation that the search allowed: ``tol``, less the margin, plus the data's resolution
        (for a ratio, what that makes of it at the rates that the search reached).
    gap_ : float
        How much a rule could be better at most.
    shrinkage_ : DataFrame or None
        How much was kept of each group's own base rate, negatives' and positives' scores.
    curves_ : ScoreCurves
        The groups' curves, before shrinkage.
    group_confusion_ : DataFrame
        With ``group_at_predict=False``: the share of each true group (rows) that is guessed, out of
        fold, to be of each group (columns).
    group_accuracy_ : float
        Its diagonal's mean: the balanced accuracy of the guesses; 1 / n_groups is chance.
    group_estimator_ : estimator
        The classifier that guesses the group. It predicts codes, places in
        ``group_confusion_.index``, unless it was frozen; an int where it saw one group only.
    guessed_curves_ : GuessedCurves
        With ``group_at_predict=False``: what cuts by guess do to the true groups.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If shrinkage keeps the constraints from being met on the scores as they are, by more than
        0.02, or bounds of rates and the budget, by however little, if so few rows are in a group
        that the search had to let a gap exceed ``tol`` by more than 0.1, if no cuts keep the
        interval within ``tol`` as ``margin`` asks, if a rule is constant within a group, or if the
        search was cut short, or if a mixture of cuts within ``tol`` would be better by more than
        0.02 (and the data's resolution). With ``group_at_predict=False``, if the columns of X tell
        the group, if all or none of those who are guessed to be in one are selected, or a mixture
        of cuts would be better by more than 0.02.

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

    _takes_infinite = True

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str | Criterion | Sequence[str | Criterion] | None = "demographic_parity",
        objective: Any = "accuracy_score",
        tol: float | Sequence[float] = 0.01,
        randomized: bool | Literal["by_row"] | list[str | int] = False,
        rate_bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
        budget: float | None = None,
        shrinkage: Literal["auto"] | float | None = "auto",
        margin: Literal["confidence"] | None = None,
        confidence_level: float = 0.95,
        fallback: Literal["raise", "pooled"] = "raise",
        group_at_predict: bool = True,
        group_estimator: Any = None,
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
        self.group_at_predict = group_at_predict
        self.group_estimator = group_estimator
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
        if not params.get("group_at_predict", True) or isinstance(rule, GuessedThresholdRule):
            raise ValueError(
                "from_rule makes predictors that go by the group: fit one with "
                "group_at_predict=False, which fits the classifier of groups as well"
            )
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
        if len(classes) != 2:
            raise ValueError(f"a rule is for two classes, and the estimator knows {list(classes)}")
        self.pos_label_ = classes[positive_class(classes, pos_label) or 0]
        if has_cut:
            self.fallback = "pooled"
        self._take_rule(rule)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))
        return self

    def _asked(self) -> Constraints:
        return read_constraints(self.constraints, self.tol, self.rate_bounds, self.budget)

    def _check_parameters(self) -> None:
        asked = self._asked()
        share = self.shrinkage
        if share is not None and share != "auto" and not is_share(share):
            raise ValueError(
                f'shrinkage must be "auto", None, or a number within [0, 1], got {share!r}'
            )
        if not isinstance(self.group_at_predict, bool | np.bool_):
            raise ValueError(
                f"group_at_predict must be True or False, got {self.group_at_predict!r}"
            )
        if self.margin not in ("confidence", None):
            raise ValueError(f'margin must be "confidence" or None, got {self.margin!r}')
        if self.margin and (self.randomized or len(asked.criteria) != 1):
            raise ValueError('margin="confidence" needs one constraint and a deterministic rule')

    def _fit_rule(
        self, scores: Floats, positive: NDArray[np.bool_], groups: Groups, weights: Floats
    ) -> None:
        self.curves_ = ScoreCurves.of_rows(scores, positive, groups, weights)
        asked = self._asked()
        known = without_undefined(self.curves_, asked, self.fallback)
        curves, self.shrinkage_ = known, None
        if self.shrinkage is not None:
            amount = None if self.shrinkage == "auto" else float(self.shrinkage)
            curves, self.shrinkage_ = shrink(known, amount)
        rows = scores, positive, groups, weights
        single = rule = single_threshold(self.curves_, self.objective, self.budget)
        drawn = self._by_guess(rows, known, curves, self.shrinkage_)
        bound = bool(asked.rate_bounds) or asked.budget is not None
        alone = len(curves.labels) < 2  # nothing to shrink towards
        if bound or alone or self.shrinkage_ is None or self.shrinkage_.to_numpy().any():
            rule = self._search(drawn, rows)
            if self.group_at_predict:
                if not self.randomized and single.value - rule.value > _NOTICEABLE:
                    self._tell_lots(rule, curves, asked)
                rule = counted_on(rule, known, self.objective)
        own = single.fallback_cut if self.fallback == "pooled" else None
        self._take_rule(self._for_guesses(replace(rule, fallback_cut=own), single))
        rule, rows_of_rule = self._on_rows(self.rule_, rows)
        self.criteria_ = reached(rule, single, rows_of_rule, asked, self.confidence_level)
        self._warn_if_missed(rows)
        self.__dict__.pop("_guesses", None)  # of no use any more

    def _tell_lots(self, rule: ThresholdRule, curves: ScoreCurves, asked: Constraints) -> None:
        """Warn if a mixture of cuts is better than single ones, by more than few rows make."""
        if self.margin or not asked.criteria:
            return
        best = self._find(curves, self.tol, lots=True).value
        coarse = max(rule.effective_tol[name] - tol for name, tol in asked.tols.items())
        if best - rule.value > _NOTICEABLE + coarse:
            warn_user(
                f"one cut a group has {rule.objective} {rule.value:.3g}, and a mixture of cuts "
                f'within tol {best:.3g}: take randomized="by_row" or True, or a larger tol'
            )

    def _take_rule(self, rule: ThresholdRule) -> None:
        self.rule_ = rule
        self.group_labels_, self._names = rule.labels, rule.names
        self.thresholds_ = rule.to_frame()
        self.effective_tol_, self.gap_ = rule.effective_tol, rule.gap

    def _search(self, curves: ScoreCurves | GuessedCurves, rows: tuple[Any, ...]) -> ThresholdRule:
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

    def _find(
        self,
        curves: ScoreCurves | GuessedCurves,
        tol: float | Sequence[float],
        *,
        lots: bool = False,
    ) -> ThresholdRule:
        options: dict[str, Any] = {
            name: getattr(self, name) for name in ("rate_bounds", "budget", "time_limit")
        }
        options["randomized"] = bool(self.randomized) or lots
        if isinstance(curves, GuessedCurves):
            return guessed_thresholds(curves, self.constraints, self.objective, tol, **options)
        options["fallback"] = self.fallback
        return optimal_thresholds(curves, self.constraints, self.objective, tol, **options)

    def _upper_end(self, rule: ThresholdRule, rows: tuple[Any, ...], criterion: Criterion) -> float:
        return upper_end(*self._on_rows(rule, rows), criterion, self.confidence_level)

    def _warn_if_missed(self, rows: tuple[Any, ...]) -> None:
        asked, is_shrunk = self._asked(), self.shrinkage is not None
        missed = tell_missed(self.criteria_, asked, is_shrunk=is_shrunk)
        for words in (*missed, *tell_coarse(asked, self.effective_tol_)):
            warn_user(words)
        if self.margin is not None:
            ((criterion, tol),) = read_constraints(self.constraints, self.tol).criteria
            end = self._upper_end(self.rule_, rows, criterion)
            if end > tol:
                warn_user(
                    f'margin="confidence" is missed: no cuts were found whose interval of '
                    f"{criterion.name} ends within tol={tol:g}; it ends at {end:.3g}"
                )

    def _select(self, scores: Floats, codes: Codes, X: Any) -> NDArray[np.bool_]:
        if self.rule_.is_deterministic:
            return self.rule_.apply(scores, codes)
        return self.rule_.decide(scores, codes, lots_of(self, X))

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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        mixes = hasattr(self, "rule_") and not self.rule_.is_deterministic
        draws = mixes and self.randomized is False and self.random_state is None
        tags.non_deterministic |= lots_move(self) or draws
        return tags
