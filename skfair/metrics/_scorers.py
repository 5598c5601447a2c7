"""Scorers: fairness in cross-validation and grid search.

The one file that touches scikit-learn's private scorer class: a scorer made by ``make_scorer``
never sees X, so it can't read groups from a column, and multi-metric scoring accepts no other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from inspect import signature
from typing import Any, Self

from sklearn.metrics import get_scorer
from sklearn.metrics._scorer import _BaseScorer, _cached_call
from sklearn.utils.metadata_routing import MetadataRequest

from skfair.base import read_groups, wants, withdraw_request
from skfair.criteria import CRITERIA, parse_metric
from skfair.criteria.criterion import Method
from skfair.groups import ColumnSpec, Missing
from skfair.metrics._measure import measure_gap
from skfair.metrics._selection import gap_of


class _GroupScorer(_BaseScorer):
    """A scorer that reads groups by the package's protocol and asks for them as metadata."""

    sensitive_features: ColumnSpec | None

    def __call__(
        self,
        estimator: Any,
        X: Any,
        y_true: Any,
        *,
        sample_weight: Any = None,
        sensitive_features: Any = None,
    ) -> float:
        """Score a fitted estimator on X and y_true.

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X : array-like or data frame of shape (n, n_features)
            What the estimator predicts for.
        y_true : array-like of shape (n,)
            Labels.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the scorer doesn't name columns of X.

        Returns
        -------
        score : float
            Greater is better.
        """
        given = {"sample_weight": sample_weight, "sensitive_features": sensitive_features}
        params = {name: value for name, value in given.items() if value is not None}
        return self._score(partial(_cached_call, None), estimator, X, y_true, **params)

    def _accept_sample_weight(self) -> bool:
        return True

    def set_score_request(self, **kwargs: Any) -> Self:
        """Change which metadata the scorer asks for; what isn't named keeps its default."""
        super().set_score_request(**kwargs)
        return self

    def _get_metadata_request(self) -> MetadataRequest:
        request = MetadataRequest(owner=repr(self))
        request.score.add_request(param="sensitive_features", alias=True)
        request.score.add_request(param="sample_weight", alias=True)
        if hasattr(self, "_metadata_request"):
            for param, alias in self._metadata_request.score.requests.items():
                request.score.add_request(param=param, alias=alias)
        return withdraw_request(request, from_columns=self.sensitive_features is not None)


class _Forwarding:
    """An estimator whose response methods are called with sensitive features."""

    def __init__(self, estimator: Any, sensitive_features: Any) -> None:
        self._estimator = estimator
        self._sensitive_features = sensitive_features

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._estimator, name)
        responses = ("predict", "predict_proba", "predict_log_proba", "decision_function")
        if name in responses and wants(self._estimator, name):
            forward = partial(attribute, sensitive_features=self._sensitive_features)
            return update_wrapper(forward, attribute)  # scikit-learn reads its __name__
        return attribute


class FairnessScorer(_GroupScorer):
    """Scorer of a fairness metric; made by :func:`fairness_scorer`."""

    def __init__(
        self,
        metric: str,
        sensitive_features: ColumnSpec | None,
        pos_label: Any,
        method: Method,
        min_group_size: int | None,
        missing: Missing,
    ) -> None:
        self._criterion, self._gap = parse_metric(metric)
        if method not in ("between_groups", "to_overall"):
            raise ValueError(f'method must be "between_groups" or "to_overall", got {method!r}')
        if missing not in ("group", "raise"):
            raise ValueError(f'missing must be "group" or "raise", got {missing!r}')
        options = {"pos_label": pos_label, "method": method, "min_group_size": min_group_size}
        super().__init__(measure_gap, -1 if self._gap == "difference" else 1, options)
        self.metric = metric
        self.sensitive_features = sensitive_features
        self.missing = missing

    def __repr__(self) -> str:
        usual = {"pos_label": None, "method": "between_groups", "min_group_size": None}
        own = {k: v for k, v in self._kwargs.items() if v != usual[k]}
        if self.missing != "group":
            own["missing"] = self.missing
        options = "".join(f", {name}={value!r}" for name, value in own.items())
        groups = f"sensitive_features={self.sensitive_features!r}"
        return f"fairness_scorer({self.metric!r}, {groups}{options})"

    def _score(
        self,
        method_caller: Callable[..., Any],
        estimator: Any,
        X: Any,
        y_true: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
    ) -> float:
        groups = read_groups(
            X,
            sensitive_features,
            columns=self.sensitive_features,
            missing=self.missing,
            owner=repr(self),
        )
        if sensitive_features is not None and wants(estimator, "predict"):
            y_pred = estimator.predict(X, sensitive_features=sensitive_features)
        else:
            y_pred = method_caller(estimator, "predict", X)
        return self._sign * measure_gap(
            self._criterion,
            self._gap,
            y_true,
            y_pred,
            sensitive_features=groups,
            sample_weight=sample_weight,
            strict=True,
            **self._kwargs,
        )


class PerformanceScorer(_GroupScorer):
    """Scorer of scikit-learn's that forwards groups; made by :func:`performance_scorer`."""

    groups_are_optional = True

    def __init__(self, scoring: str | Callable[..., Any], pos_label: Any) -> None:
        self._scorer = _with_pos_label(_known_scorer(scoring), pos_label)
        super().__init__(
            self._scorer._score_func,
            self._scorer._sign,
            self._scorer._kwargs,
            self._scorer._response_method,
        )
        self.sensitive_features = None

    def _accept_sample_weight(self) -> bool:
        return "sample_weight" in signature(self._score_func).parameters

    def __repr__(self) -> str:
        return f"performance_scorer({self._scorer!r})"

    def _score(
        self,
        method_caller: Callable[..., Any],
        estimator: Any,
        X: Any,
        y_true: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
    ) -> float:
        params = {}
        if sample_weight is not None and self._accept_sample_weight():
            params["sample_weight"] = sample_weight
        forwards = sensitive_features is not None and _wants_anywhere(estimator)
        if forwards:
            estimator = _Forwarding(estimator, sensitive_features)
        if forwards or "pos_label" in self._kwargs:  # scikit-learn's cache knows neither
            method_caller = partial(_cached_call, None)
        return self._scorer._score(method_caller, estimator, X, y_true, **params)


def _wants_anywhere(estimator: Any) -> bool:
    methods = ("predict", "predict_proba", "decision_function")
    return any(hasattr(estimator, m) and wants(estimator, m) for m in methods)


def _known_scorer(scoring: str | Callable[..., Any]) -> Any:
    try:
        return get_scorer(scoring)
    except ValueError as error:
        raise ValueError(
            f"{scoring!r} is neither a scorer of scikit-learn's (sklearn.metrics.get_scorer_names) "
            "nor a fairness metric: those are disparate_impact, and <criterion>_difference or "
            f"<criterion>_ratio with a criterion among {[*CRITERIA]} or a rate"
        ) from error


def _with_pos_label(scorer: Any, pos_label: Any) -> Any:
    if not isinstance(scorer, _BaseScorer):
        raise ValueError(f"{scorer!r} is no scorer of scikit-learn's: name one or use make_scorer")
    takes = "pos_label" in signature(scorer._score_func).parameters
    if pos_label is None or not takes or scorer._kwargs.get("average", "binary") != "binary":
        return scorer  # an average over the classes has no positive one
    kwargs = {**scorer._kwargs, "pos_label": pos_label}
    return type(scorer)(scorer._score_func, scorer._sign, kwargs, scorer._response_method)


def fairness_scorer(
    metric: str,
    *,
    sensitive_features: ColumnSpec | None = None,
    pos_label: Any = None,
    method: Method = "between_groups",
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> FairnessScorer:
    """Make a scorer of a fairness metric, for ``scoring=`` in cross-validation and searches.

    Greater is better: differences are negated (0 is fair), ratios are not (1 is fair). Both are
    magnitudes, so no model wins by being biased the other way. A group whose rate is undefined
    because of the predictions (never selected, so without a precision) makes the score NaN.

    Parameters
    ----------
    metric : str
        ``"<criterion>_difference"``, ``"<criterion>_ratio"`` or ``"disparate_impact"``, with a
        criterion of :data:`skfair.criteria.CRITERIA` or a rate of :data:`skfair.criteria.RATES`.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X. None: the groups come as metadata, which the scorer asks for by default
        (``sklearn.set_config(enable_metadata_routing=True)``, then
        ``cross_validate(..., params={"sensitive_features": s})``); they are passed on to
        ``predict`` where the estimator asks for them.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    method : {"between_groups", "to_overall"}, default="between_groups"
        Compare the groups with each other, or each with all rows together.
    min_group_size : int, default=None
        Leave groups with fewer rows out, with a warning that names them.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``; metadata form: ``scorer(estimator, X, y,
        sensitive_features=s)``.

    Raises
    ------
    ValueError
        If no metric has that name, or an option has another value.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> X, y = [["f"], ["f"], ["m"], ["m"]], [0, 1, 0, 1]
    >>> model = DummyClassifier(strategy="prior").fit(X, y)
    >>> score = fairness_scorer("demographic_parity_difference", sensitive_features=0)
    >>> abs(score(model, X, y))
    0.0
    """
    return FairnessScorer(metric, sensitive_features, pos_label, method, min_group_size, missing)


def performance_scorer(
    scoring: str | Callable[..., Any], *, pos_label: Any = None
) -> PerformanceScorer:
    """Make one of scikit-learn's scorers pass groups on to estimators that predict by group.

    scikit-learn's own scorers never pass metadata to ``predict``, so an estimator that needs the
    groups there can't be scored by them (scikit-learn issue 27977).

    Parameters
    ----------
    scoring : str or scorer
        A name that :func:`sklearn.metrics.get_scorer` knows, or a scorer of ``make_scorer``.
    pos_label : label, default=None
        The positive class, for metrics that have one.

    Returns
    -------
    scorer : callable

    Raises
    ------
    ValueError
        If ``scoring`` is neither.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> model = DummyClassifier().fit([[0], [1]], ["no", "no"])
    >>> performance_scorer("accuracy")(model, [[0], [1]], ["no", "yes"])
    0.5
    """
    return PerformanceScorer(scoring, pos_label)


def fairness_scoring(
    *metrics: str,
    sensitive_features: ColumnSpec | None = None,
    pos_label: Any = None,
    method: Method = "between_groups",
    min_group_size: int | None = None,
    missing: Missing = "group",
) -> dict[str, FairnessScorer | PerformanceScorer]:
    """Make the ``scoring=`` dict of several metrics, fairness and performance alike.

    Parameters
    ----------
    *metrics : str
        Names for :func:`fairness_scorer` or for :func:`sklearn.metrics.get_scorer`.
    sensitive_features, pos_label, method, min_group_size, missing
        As in :func:`fairness_scorer`; ``pos_label`` also goes to performance metrics that take it.

    Returns
    -------
    scoring : dict of str to scorer

    Raises
    ------
    ValueError
        If a name is neither.

    Examples
    --------
    >>> scoring = fairness_scoring("accuracy", "disparate_impact", sensitive_features="sex")
    >>> list(scoring)
    ['accuracy', 'disparate_impact']
    """
    return {
        name: fairness_scorer(
            name,
            sensitive_features=sensitive_features,
            pos_label=pos_label,
            method=method,
            min_group_size=min_group_size,
            missing=missing,
        )
        if is_fairness_metric(name)
        else performance_scorer(name, pos_label=pos_label)
        for name in metrics
    }


def is_fairness_metric(name: str) -> bool:
    """Tell whether a name is one of a fairness metric.

    Examples
    --------
    >>> is_fairness_metric("equalized_odds_difference"), is_fairness_metric("accuracy")
    (True, False)
    """
    return gap_of(name) is not None
