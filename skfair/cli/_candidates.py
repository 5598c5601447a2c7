"""The models among which ``skfair mitigate`` searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skfair.cli._columns import kind_of_column
from skfair.cli._names import PLAIN, WITH_GROUP
from skfair.criteria import Criterion
from skfair.inprocessing import ExponentiatedGradient
from skfair.postprocessing import RejectOptionClassifier, ThresholdOptimizer
from skfair.preprocessing import LabelMassager, Resampler, Reweighter

_OBJECTIVES = {"accuracy": "accuracy_score", "balanced_accuracy": "balanced_accuracy_score"}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model to try.

    Parameters
    ----------
    name : str
    model : classifier
        Not fitted.
    uses_group : bool
        Whether it uses or infers the group of a row when it predicts.
    """

    name: str
    model: Any
    uses_group: bool = False


@dataclass(frozen=True, eq=False)
class Wanted:
    """What candidates are to reach.

    Parameters
    ----------
    criterion : Criterion
    bound : float
        Largest difference, or smallest ratio.
    metric : str
        What is best within the bound.
    sensitive_features : list of str and Bins
        Columns of X.
    pos_label : label
    random_state : int
    """

    criterion: Criterion
    bound: float
    metric: str
    sensitive_features: list[Any]
    pos_label: Any
    random_state: int

    @property
    def tols(self) -> list[float]:
        """Tolerances to try: the bound, and half of it, since new rows violate it by more."""
        tol = 1 - self.bound if self.criterion.gap == "ratio" else self.bound
        return [tol] if tol == 0 else [tol, tol / 2]

    @property
    def objective(self) -> str:
        """What reductions and thresholds maximise."""
        return _OBJECTIVES.get(self.metric, "accuracy_score")


def plain_model(X: pd.DataFrame, columns: Sequence[str], kind: str, random_state: int) -> Pipeline:
    """Make a pipeline that reads raw columns: numbers and categories, with missing values."""
    known = [name for name in columns if X[name].notna().any()]
    numbers = [name for name in known if kind_of_column(X[name]) == "number"]
    others = [name for name in known if name not in numbers]
    if kind == "logistic":
        number: Any = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            StandardScaler(),
        )
        other: Any = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10)
        last: Any = LogisticRegression(max_iter=1000)
    else:
        number = "passthrough"
        other = OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1
        )
        last = HistGradientBoostingClassifier(max_iter=100, random_state=random_state)
    parts = [("numbers", number, numbers), ("others", other, others)]
    encode = ColumnTransformer([part for part in parts if part[2]])
    return Pipeline([("encode", encode), ("model", last)])


def make_candidates(
    model: Any, wanted: Wanted, methods: Sequence[str], *, plain_uses_group: bool = False
) -> tuple[list[Candidate], list[str]]:
    """List the candidates, the plain model first, and the methods that don't know the criterion."""
    found, left_out = [Candidate(PLAIN, model, plain_uses_group)], []
    for method in methods:
        if method in _NEED_LINEAR and not wanted.criterion.is_linear:
            left_out.append(method)
            continue
        by_group = plain_uses_group or method in WITH_GROUP
        for name, estimator in _MAKERS[method](model, wanted).items():
            found.append(Candidate(name, estimator, by_group))
    return found, left_out


_NEED_LINEAR = ("reductions", "guessed_thresholds")
_Maker = Callable[[Any, Wanted], dict[str, Any]]


def _reweighter(model: Any, wanted: Wanted) -> dict[str, Any]:
    made = Reweighter(clone(model), sensitive_features=wanted.sensitive_features)
    return {"reweighter": made}


def _resampler(model: Any, wanted: Wanted) -> dict[str, Any]:
    groups = wanted.sensitive_features
    options = {"pos_label": wanted.pos_label, "random_state": wanted.random_state}
    return {"resampler": Resampler(clone(model), sensitive_features=groups, **options)}


def _massager(model: Any, wanted: Wanted) -> dict[str, Any]:
    groups = wanted.sensitive_features
    options = {"ranker": clone(model), "pos_label": wanted.pos_label}
    return {"massager": LabelMassager(clone(model), sensitive_features=groups, **options)}


def _reductions(model: Any, wanted: Wanted) -> dict[str, Any]:
    return {
        f"reductions, tol {tol:g}": ExponentiatedGradient(
            clone(model),
            sensitive_features=wanted.sensitive_features,
            constraints=wanted.criterion,
            objective=wanted.objective,
            tol=tol,
            pos_label=wanted.pos_label,
            random_state=wanted.random_state,
        )
        for tol in wanted.tols
    }


def _thresholds(model: Any, wanted: Wanted, *, group_at_predict: bool = True) -> dict[str, Any]:
    name = "thresholds" if group_at_predict else "guessed_thresholds"
    return {
        f"{name}, tol {tol:g}": ThresholdOptimizer(
            clone(model),
            sensitive_features=wanted.sensitive_features,
            constraints=wanted.criterion,
            objective=wanted.objective,
            tol=tol,
            fallback="pooled" if group_at_predict else "raise",
            group_at_predict=group_at_predict,
            pos_label=wanted.pos_label,
            random_state=wanted.random_state,
        )
        for tol in wanted.tols
    }


def _guessed_thresholds(model: Any, wanted: Wanted) -> dict[str, Any]:
    return _thresholds(model, wanted, group_at_predict=False)


def _reject_option(model: Any, wanted: Wanted) -> dict[str, Any]:
    made = RejectOptionClassifier(
        clone(model),
        sensitive_features=wanted.sensitive_features,
        constraints=wanted.criterion,
        objective=wanted.objective,
        tol=wanted.tols[0],
        fallback="pooled",
        pos_label=wanted.pos_label,
    )
    return {"reject_option": made}


_MAKERS: dict[str, _Maker] = {
    "reweighter": _reweighter,
    "resampler": _resampler,
    "massager": _massager,
    "reductions": _reductions,
    "thresholds": _thresholds,
    "guessed_thresholds": _guessed_thresholds,
    "reject_option": _reject_option,
}
