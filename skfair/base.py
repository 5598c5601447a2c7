"""What every estimator stands on: reading groups by one protocol, wrapping estimators, weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Self

from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    MethodMapping,
    get_routing_for_object,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skfair.groups import ColumnSpec, Groups, Missing

_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score")


class SensitiveFeaturesMixin:
    """Reads sensitive features from columns of X or from routed metadata.

    The constructor's ``sensitive_features`` names columns of X (name, position, Bins, a list of
    them, or a callable of X). Where it is None, the groups come as metadata: ``fit(X, y,
    sensitive_features=...)``, which is requested by default, so that with
    ``sklearn.set_config(enable_metadata_routing=True)`` pipelines and searches pass them on.
    """

    # scikit-learn reads such class attributes through the MRO, mangled names included.
    __metadata_request__fit = {"sensitive_features": True, "sample_weight": True}  # noqa: RUF012

    sensitive_features: ColumnSpec | None
    missing: Missing

    def _read_groups(self, X: Any, sensitive_features: Any = None) -> Groups:
        """Read the groups of the rows of X.

        Raises
        ------
        ValueError
            If both the constructor and the call name groups, or neither does.
        """
        return read_groups(
            X,
            sensitive_features,
            columns=self.sensitive_features,
            missing=getattr(self, "missing", "group"),
            owner=type(self).__name__,
        )

    def _own_request(self) -> MetadataRequest:
        """Tell what this object asks for; groups are not asked for where they are columns of X."""
        request = deepcopy(self._get_metadata_request())  # type: ignore[attr-defined]
        return withdraw_request(request, from_columns=self.sensitive_features is not None)

    def get_metadata_routing(self) -> MetadataRequest | MetadataRouter:
        """Tell scikit-learn which metadata this object asks for."""
        return self._own_request()


class GroupsAtPredictMixin(SensitiveFeaturesMixin):
    """Reads sensitive features at fit and again at predict."""

    __metadata_request__predict = {"sensitive_features": True}  # noqa: RUF012
    __metadata_request__predict_proba = {"sensitive_features": True}  # noqa: RUF012
    __metadata_request__decision_function = {"sensitive_features": True}  # noqa: RUF012

    uses_group_at_predict = True


def read_groups(
    X: Any,
    sensitive_features: Any = None,
    *,
    columns: ColumnSpec | None = None,
    missing: Missing = "group",
    owner: str = "sensitive_features",
) -> Groups:
    """Read groups by the protocol: from columns of X, or from values given beside it.

    Parameters
    ----------
    X : data frame or matrix of shape (n, n_features)
    sensitive_features : array-like of shape (n,) or (n, k), default=None
        Values given with the call.
    columns : str, int, Bins, list or callable, default=None
        Columns named in a constructor.
    missing : {"group", "raise"}, default="group"
        What happens to rows without a value.
    owner : str
        Name of the object that asks, for messages.

    Returns
    -------
    Groups

    Raises
    ------
    ValueError
        If both or neither are given, or the number of rows differs.

    Examples
    --------
    >>> read_groups([[1, 2], [3, 4]], ["f", "m"]).labels
    ('f', 'm')
    >>> read_groups([[1, 2], [3, 4]], columns=0).labels
    (1, 3)
    """
    if columns is not None and sensitive_features is not None:
        raise ValueError(
            f"{owner} got sensitive features twice: columns of X ({columns!r}) in its constructor "
            "and values in the call; give one of them"
        )
    if columns is not None:
        return Groups.from_columns(X, columns, missing=missing)
    if sensitive_features is None:
        raise ValueError(
            f'{owner} needs sensitive features: name columns of X (sensitive_features="sex") in '
            "its constructor, or pass sensitive_features= with the call (through a pipeline or a "
            "search: sklearn.set_config(enable_metadata_routing=True))"
        )
    return Groups.read(sensitive_features, missing=missing).check_length(X)


def withdraw_request(request: MetadataRequest, *, from_columns: bool) -> MetadataRequest:
    """Withdraw the request for sensitive features where an object reads columns of X.

    Where it doesn't, a request that the user has set (an alias, say) stays.
    """
    if not from_columns:
        return request
    for method in ("fit", "predict", "predict_proba", "decision_function", "score", "split"):
        of_method = getattr(request, method)
        if "sensitive_features" in of_method.requests:
            of_method.add_request(param="sensitive_features", alias=False)
    return request


def wants(estimator: Any, method: str, param: str = "sensitive_features") -> bool:
    """Tell whether an estimator, or one inside it, asks for metadata in a method.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> wants(LogisticRegression(), "predict")
    False
    """
    try:
        routing = get_routing_for_object(estimator)
    except NotImplementedError:  # some of scikit-learn's meta-estimators route nothing
        return False
    return param in routing.consumes(method, [param])


def fit_weighted(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    sensitive_features: Any = None,
    **fit_params: Any,
) -> Any:
    """Fit any estimator, a nested Pipeline or search included, with weights.

    Weights reach the last step by ``step__step__sample_weight`` with routing switched off, so no
    request has to be set on any step and scalers stay unweighted. Sensitive features reach every
    step that asks for them.

    Parameters
    ----------
    estimator : estimator
        It is fitted in place.
    X, y : array-like
        Training data.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.
    sensitive_features : array-like of shape (n,) or (n, k), default=None
        Groups, for steps that ask for them as metadata.
    **fit_params : dict
        Further metadata, for steps that ask for them, or ``step__param``.

    Returns
    -------
    estimator

    Raises
    ------
    TypeError
        If the estimator takes no sample_weight, or nothing asks for one of the ``fit_params``.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> pipe = make_pipeline(StandardScaler(), LogisticRegression())
    >>> fit_weighted(pipe, [[0], [1], [1]], [0, 1, 0], [1, 5, 1]).predict([[1]])
    array([1])
    """
    metadata = {k: v for k, v in fit_params.items() if "__" not in k}
    explicit = {k: v for k, v in fit_params.items() if "__" in k}
    offered = dict(metadata)
    if sensitive_features is not None:
        offered["sensitive_features"] = sensitive_features
    params, used = _resolve(estimator, sample_weight, offered)
    unused = set(metadata) - used
    if unused:
        raise TypeError(
            f"fit got {sorted(unused)}, which no step of {type(estimator).__name__} asks for"
        )
    with config_context(enable_metadata_routing=False):
        if not _calibrates_pipeline(estimator):
            return estimator.fit(X, y, **params, **explicit)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Since Pipeline does not appear to accept")
            return estimator.fit(X, y, **params, **explicit)


def _resolve(
    estimator: Any, sample_weight: Any, metadata: dict[str, Any]
) -> tuple[dict[str, Any], set[str]]:
    if isinstance(estimator, Pipeline):
        return _resolve_steps(estimator, sample_weight, metadata)
    if isinstance(estimator, BaseSearchCV):
        _refuse_metadata_in_search(estimator)
        return _resolve(estimator.estimator, sample_weight, metadata)
    if _calibrates_pipeline(estimator):
        params, used = _resolve(estimator.estimator, sample_weight, metadata)
        if sample_weight is not None:
            params["sample_weight"] = sample_weight  # of the calibration itself
        return params, used
    params, used = _requested(estimator, metadata)
    if sample_weight is not None:
        _check_takes_weight(estimator)
        params["sample_weight"] = sample_weight
    return params, used


def _requested(estimator: Any, metadata: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Metadata that an estimator asks for in fit, under its parameters' names."""
    used = {name for name in metadata if wants(estimator, "fit", name)}
    routing = get_routing_for_object(estimator) if used else None
    if not isinstance(routing, MetadataRequest):
        return {name: metadata[name] for name in used}, used
    aliases = {a if isinstance(a, str) else p: p for p, a in routing.fit.requests.items() if a}
    return {aliases[name]: metadata[name] for name in used}, used


def _refuse_metadata_in_search(search: Any) -> None:
    """Scorers and splitters inside a mitigator can't be reached by metadata: say so."""
    scoring = getattr(search, "scoring", None)
    scorers = scoring.values() if isinstance(scoring, dict) else [scoring]
    needs = [s for s in scorers if callable(s) and not getattr(s, "groups_are_optional", False)]
    if any(wants(scorer, "score") for scorer in needs) or wants(search.cv, "split"):
        raise TypeError(
            f"the scoring or cv of {type(search).__name__} inside a mitigator asks for sensitive "
            "features as metadata, which can't reach it there: name columns of X instead, or put "
            "the mitigator inside the search"
        )


def _resolve_steps(
    pipeline: Pipeline, sample_weight: Any, metadata: dict[str, Any]
) -> tuple[dict[str, Any], set[str]]:
    params: dict[str, Any] = {}
    used: set[str] = set()
    last = len(pipeline.steps) - 1
    for i, (name, step) in enumerate(pipeline.steps):
        if step is None or step == "passthrough":
            if i == last and sample_weight is not None:
                raise TypeError(f"the last step {name!r} of the Pipeline is {step!r}: no estimator")
            continue
        of_step, used_here = _resolve(step, sample_weight if i == last else None, metadata)
        params |= {f"{name}__{param}": value for param, value in of_step.items()}
        used |= used_here
    return params, used


def _calibrates_pipeline(estimator: Any) -> bool:
    """Tell whether a Pipeline is calibrated: by itself that would weight the calibration alone."""
    last = estimator
    while isinstance(last, Pipeline | BaseSearchCV):
        last = last.steps[-1][1] if isinstance(last, Pipeline) else last.estimator
    return isinstance(last, CalibratedClassifierCV) and isinstance(last.estimator, Pipeline)


def _check_takes_weight(estimator: Any) -> None:
    weighted = estimator
    if isinstance(estimator, CalibratedClassifierCV):  # it would weight the calibration alone
        weighted = estimator.estimator
    if weighted is None or has_fit_parameter(weighted, "sample_weight"):
        return
    if isinstance(weighted, VotingClassifier | StackingClassifier):  # they take it as **fit_params
        return
    if isinstance(weighted, MetaEstimatorMixin):
        name = type(weighted).__name__
        raise TypeError(
            f"{name} passes sample_weight on by metadata routing only: turn the two round, "
            f"{name}(mitigator(estimator)) instead of mitigator({name}(estimator))"
        )
    raise TypeError(
        f"{type(weighted).__name__} takes no sample_weight in fit, so it can't be fitted with "
        "weights: use skfair.preprocessing.Resampler, which repeats and drops rows instead, or "
        "another estimator"
    )


def _estimator_has(method: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


class BaseMetaMitigator(SensitiveFeaturesMixin, MetaEstimatorMixin, BaseEstimator):
    """Base of mitigators that wrap an estimator, often a whole Pipeline.

    A subclass overrides one method, ``_fit(X, y, groups, sample_weight, fit_params)``, which sets
    ``estimator_``. All that the wrapped estimator can do after fit, this one can do as well, and
    metadata are routed to it.

    Attributes
    ----------
    uses_group_at_predict : bool
        Whether predictions depend on the group beyond X: different rules by group can be unlawful.
    infers_group : bool
        Whether the group is guessed from X at predict.
    """

    uses_group_at_predict = False
    infers_group = False

    estimator: Any
    estimator_: Any

    def _fit(
        self, X: Any, y: Any, groups: Groups, sample_weight: Any, metadata: dict[str, Any]
    ) -> None:
        raise NotImplementedError

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        **fit_params: Any,
    ) -> Self:
        """Fit the wrapped estimator under the mitigation.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
            Training data.
        y : array-like of shape (n,)
            Labels.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
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
            If groups are given twice or not at all.
        """
        groups = self._read_groups(X, sensitive_features)
        metadata = dict(fit_params)
        if sensitive_features is not None:
            metadata["sensitive_features"] = sensitive_features
        self._fit(X, y, groups, sample_weight, metadata)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
            elif hasattr(self, name):  # of an earlier fit
                delattr(self, name)
        return self

    def _fit_clone(self, X: Any, y: Any, sample_weight: Any, metadata: dict[str, Any]) -> None:
        self.estimator_ = fit_weighted(clone(self.estimator), X, y, sample_weight, **metadata)

    def _call(self, method: str, *args: Any, **params: Any) -> Any:
        check_is_fitted(self)
        if params and get_config()["enable_metadata_routing"]:
            params = process_routing(self, method, **params).estimator[method]
        return getattr(self.estimator_, method)(*args, **params)

    @property
    def classes_(self) -> Any:
        """Classes of the wrapped estimator."""
        return self.estimator_.classes_

    @available_if(_estimator_has("predict"))
    def predict(self, X: Any, **params: Any) -> Any:
        """Predict with the wrapped estimator; ``params`` are metadata for it."""
        return self._call("predict", X, **params)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> Any:
        """Probabilities from the wrapped estimator, of shape (n, n_classes)."""
        return self._call("predict_proba", X, **params)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Any, **params: Any) -> Any:
        """Log probabilities from the wrapped estimator, of shape (n, n_classes)."""
        return self._call("predict_log_proba", X, **params)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> Any:
        """Decision scores from the wrapped estimator."""
        return self._call("decision_function", X, **params)

    @available_if(_estimator_has("score"))
    def score(self, X: Any, y: Any, **params: Any) -> Any:
        """Score of the wrapped estimator."""
        return self._call("score", X, y, **params)

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn what this object asks for and what goes to the wrapped estimator."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        for method in _METHODS:
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=type(self).__name__)
        router.add_self_request(self._own_request())
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = deepcopy(get_tags(self.estimator))
        for name in ("estimator_type", "classifier_tags", "regressor_tags", "target_tags"):
            setattr(tags, name, getattr(inner, name))
        tags.input_tags = inner.input_tags
        tags.non_deterministic = inner.non_deterministic
        tags.target_tags.multi_output = False  # a group has the rates of one label
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags
