"""Weights and metadata into any estimator, nested pipelines and searches included."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn import config_context
from sklearn.base import MetaEstimatorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from skfair.base._protocol import wants


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
