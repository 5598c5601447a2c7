"""compare_debiasers: all debiasers and what else there is, on one network and the same new rows."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skfair._utils.validation import check_share
from skfair._utils.warning import warn_user
from skfair.base import fit_weighted, read_groups, read_two_classes
from skfair.criteria import Criterion, Rate, read_criteria
from skfair.finetuning._base import Note
from skfair.finetuning._objective import FairObjective
from skfair.finetuning._search import Search
from skfair.finetuning.adversarial import AdversarialFineTuner
from skfair.finetuning.bias_gradient import BiasGradientFineTuner
from skfair.finetuning.comparison import DebiaserComparison, Judge
from skfair.finetuning.last_layer import LastLayerRetrainer
from skfair.finetuning.layerwise import LayerwiseDebiaser
from skfair.finetuning.pruning import PruningDebiaser
from skfair.finetuning.random_perturbation import RandomPerturbationDebiaser
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.tally import Tally

_KINDS = (
    RandomPerturbationDebiaser,
    LayerwiseDebiaser,
    LastLayerRetrainer,
    PruningDebiaser,
    BiasGradientFineTuner,
    AdversarialFineTuner,
)


def compare_debiasers(
    competitors: Any,
    X_val: Any,
    y_val: Any,
    X_test: Any,
    y_test: Any,
    *,
    sensitive_features_val: Any = None,
    sensitive_features_test: Any = None,
    sensitive_features: ColumnSpec | None = None,
    sample_weight_val: Any = None,
    sample_weight_test: Any = None,
    also: Mapping[str, Any] | None = None,
    constraints: str | Criterion | Rate = "average_odds",
    objective: Any = "balanced_accuracy_score",
    tol: float = 0.05,
    pos_label: Any = None,
    missing: Missing = "group",
    confidence_level: float = 0.95,
    time_limit: float | None = None,
    device: str = "auto",
    random_state: Any = None,
    verbose: int = 0,
) -> DebiaserComparison:
    """Run debiasers on one network, and measure all on rows that none of them has seen.

    Parameters
    ----------
    competitors : torch.nn.Module or estimator in FrozenEstimator, or mapping of str to estimator
        A trained network: it is measured with the threshold of the best performance
        (``"original"``) and with its best threshold within the tolerance (``"threshold only"``),
        and all debiasers run on it with their defaults. Or a mapping (or list) of estimators, and
        nothing but these: debiasers with other parameters, rules for scores such as those of
        :mod:`skfair.postprocessing`, any classifier. What is fitted is measured as it is, and a
        clone of what isn't is fitted to the validation rows.
    X_val, y_val, X_test, y_test : array-like
        Validation rows, to which competitors are fitted, and test rows.
    sensitive_features_val, sensitive_features_test : array-like of shape (n,), default=None
        Groups of both. Estimators whose ``predict`` takes ``sensitive_features`` get them there,
        too.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X instead.
    sample_weight_val, sample_weight_test : array-like of shape (n,), default=None
        Sampling weights of both. Competitors that are fitted here get those of the validation rows.
    also : mapping of str to estimator, default=None
        More competitors beside the debiasers.
    constraints : str, Criterion or Rate, default="average_odds"
        What is measured as bias, and what debiasers of a network bound.
    objective : str, Rate or dict, default="balanced_accuracy_score"
        The performance.
    tol : float, default=0.05
        Allowed bias.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    confidence_level : float, default=0.95
        Of the intervals: of the bias by its limits, of the performance by percentiles of the
        bootstrap.
    time_limit : float, default=None
        Seconds of each debiaser that is made here.
    device : str, default="auto"
        Theirs, too.
    random_state : int, RandomState instance or None, default=None
        That of the debiasers that are made here, and of the bootstrap.
    verbose : int, default=0
        1 shows progress bars.

    Returns
    -------
    DebiaserComparison
        With ``table``, ``estimators`` and ``plot()``.

    Raises
    ------
    ValueError
        If groups are given twice or not at all, labels of both parts differ, or two competitors
        have the same name.
    TypeError
        If there are weights, and a competitor that is fitted here can't take any, or ``also`` is no
        mapping.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skfair.finetuning import LastLayerRetrainer, compare_debiasers
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.choice(["f", "m"], 800)
    >>> X = rng.normal(size=(800, 2)) + [1.0, 0.0] * (sex == "m")[:, None]
    >>> y = (X[:, 1] + 0.5 * rng.normal(size=800) > 0).astype(int)
    >>> net = torch.nn.Linear(2, 1)
    >>> _ = net.weight.data.fill_(1.0), net.bias.data.fill_(-0.5)
    >>> found = compare_debiasers(
    ...     {"retrained": LastLayerRetrainer(net, random_state=0)},
    ...     *(X[:400], y[:400], X[400:], y[400:]),
    ...     sensitive_features_val=sex[:400],
    ...     sensitive_features_test=sex[400:],
    ... )
    >>> bool(found.table.loc["retrained", "bias"] < 0.1)
    True
    """
    ((criterion, _),) = read_criteria(constraints, tol)
    check_share("confidence_level", confidence_level, ends=False)
    if also is not None and not isinstance(also, Mapping):
        raise TypeError(f"also must be a mapping of names to estimators, got {also!r}")
    groups = _read_parts(
        (X_val, X_test),
        (sensitive_features_val, sensitive_features_test),
        sensitive_features,
        missing,
    )
    settings = {
        **{"sensitive_features": sensitive_features, "constraints": constraints, "tol": tol},
        **{"objective": objective, "pos_label": pos_label, "missing": missing},
        **{"time_limit": time_limit, "device": device},
        **{"random_state": random_state, "verbose": verbose},
    }
    weights = (sample_weight_val, sample_weight_test)
    labels = _read_labels((y_val, y_test), weights, pos_label)
    judge = Judge(FairObjective(criterion, objective, tol), confidence_level, random_state)
    rows, fitted = {}, {}
    for name, estimator in _entrants(competitors, settings, dict(also or {})):
        with _named(name):
            fitted[name], seconds = _fit(estimator, X_val, y_val, groups[0], sample_weight_val)
        val, test = (
            Tally.from_arrays(
                two.is_positive,
                _predict(fitted[name], X, own) == two.classes[1],
                own,
                sample_weight=two.weights,
            )
            for X, own, two in zip((X_val, X_test), groups, labels, strict=True)
        )
        rows[name] = {
            **judge.measure(test),
            "validation_bias": judge.bias(val),
            "seconds": seconds,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    named = objective if isinstance(objective, str) else getattr(objective, "name", "performance")
    return DebiaserComparison(table, fitted, criterion.name, named, tol)


def _read_parts(
    parts: tuple[Any, Any], values: tuple[Any, Any], columns: Any, missing: Missing
) -> list[Groups]:
    """Read the groups of validation and test rows."""
    if columns is None and any(given is None for given in values):
        raise ValueError(
            "compare_debiasers needs groups of both parts: sensitive_features_val= and "
            "sensitive_features_test=, or names of columns of X as sensitive_features="
        )
    return [
        read_groups(X, given, columns=columns, missing=missing, owner="compare_debiasers")
        for X, given in zip(parts, values, strict=True)
    ]


def _read_labels(ys: tuple[Any, Any], weights: tuple[Any, Any], pos_label: Any) -> list[Any]:
    """Read the labels and weights of validation and test rows, which have the same classes."""
    labels = [
        read_two_classes(y, pos_label, own, owner="compare_debiasers")
        for y, own in zip(ys, weights, strict=True)
    ]
    known = [two.classes.tolist() for two in labels]
    if known[0] != known[1]:
        raise ValueError(f"y_val has the classes {known[0]}, and y_test {known[1]}")
    return labels


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Put the competitor's name before warnings, and beside errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except Exception as error:
            error.add_note(f"(while {name!r} was fitted)")
            raise
    for found in caught:
        if issubclass(found.category, UserWarning):
            warn_user(f"{name}: {found.message}", found.category)
        else:
            warnings.warn_explicit(found.message, found.category, found.filename, found.lineno)


class ThresholdOnly(RandomPerturbationDebiaser):
    """The network as it is, with its best threshold: what a debiaser has to be better than."""

    def _candidates(self, search: Search, rng: np.random.Generator) -> Iterator[Note]:
        yield from ()


def _entrants(
    competitors: Any, settings: dict[str, Any], also: dict[str, Any]
) -> list[tuple[str, Any]]:
    """Name all who compete."""
    if isinstance(competitors, Mapping):
        named = list(competitors.items())
    elif isinstance(competitors, list | tuple):
        named = [(type(estimator).__name__, estimator) for estimator in competitors]
    else:
        free = {**settings, "tol": 1.0, "margin": 0.0}
        named = [
            ("original", ThresholdOnly(competitors, **free)),
            ("threshold only", ThresholdOnly(competitors, **settings)),
            *((kind.__name__, kind(competitors, **settings)) for kind in _KINDS),
        ]
    named += also.items()
    names = [name for name, _ in named]
    if len(set(names)) < len(names):
        raise ValueError(f"competitors need different names, got {names}: give a mapping")
    return named


def _fit(estimator: Any, X: Any, y: Any, groups: Groups, weights: Any) -> tuple[Any, float]:
    """Fit a clone, unless the estimator is fitted; tell the seconds, NaN if it was."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        start = time.perf_counter()
        own = _groups_for(estimator, "fit", groups)
        if weights is None:
            fitted = clone(estimator).fit(X, y, **own)
        elif own:
            fitted = clone(estimator).fit(X, y, **own, sample_weight=weights)
        else:
            fitted = fit_weighted(clone(estimator), X, y, weights)
        return fitted, time.perf_counter() - start
    return estimator, float("nan")


def _predict(estimator: Any, X: Any, groups: Groups) -> NDArray[Any]:
    return np.asarray(estimator.predict(X, **_groups_for(estimator, "predict", groups)))


def _groups_for(estimator: Any, method: str, groups: Groups) -> dict[str, Any]:
    """Give what a method takes of the groups: values, unless it reads columns of X, or nothing.

    Groups of several features keep a column for each.
    """
    takes = "sensitive_features" in signature(getattr(estimator, method)).parameters
    if not takes or getattr(estimator, "sensitive_features", None) is not None:
        return {}
    return {"sensitive_features": groups.to_values()}
