"""PredictorMixture: fitted predictors, each with a chance, that decide together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from skfair.inprocessing._cuts import CutClassifier

Floats = NDArray[np.float64]


@dataclass(eq=False)
class PredictorMixture:
    """Fitted predictors, each with a chance.

    Parameters
    ----------
    members : sequence of estimator
        Fitted on the same rows, with the same classes.
    chances : ndarray of float of shape (n_members,)
        At least 0, adding up to 1.
    prefix : Pipeline, default=None
        Fitted transformers that all members share: X goes through them once.
    last_step : str, default=""
        Name of the members' step after them.

    Examples
    --------
    >>> yes = DummyClassifier(strategy="constant", constant=1).fit([[0], [0]], [0, 1])
    >>> no = DummyClassifier(strategy="constant", constant=0).fit([[0], [0]], [0, 1])
    >>> mixture = PredictorMixture([yes, no], np.array([0.75, 0.25]))
    >>> mixture.votes([[0], [0]], 1)
    array([0.75, 0.75])
    """

    members: Sequence[Any]
    chances: Floats
    prefix: Any = None
    last_step: str = ""

    def __getattr__(self, name: str) -> Any:
        """``classes_`` and names of features are those of the members."""
        if name.startswith("__") or name not in ("classes_", "n_features_in_", "feature_names_in_"):
            raise AttributeError(f"PredictorMixture has no attribute {name!r}")
        if self.prefix is not None and name != "classes_":
            return getattr(self.prefix, name)
        for member in self.members:
            if hasattr(member, name) and not (name != "classes_" and is_constant(member)):
                return getattr(member, name)
        raise AttributeError(f"no member has {name!r}")

    @property
    def estimators(self) -> list[Any]:
        """Members that take X as the users give it."""
        if self.prefix is None:
            return list(self.members)
        options = self.prefix.get_params(deep=False)
        steps = self.prefix.steps
        return [
            Pipeline(**options | {"steps": [*steps, (self.last_step, m)]}) for m in self.members
        ]

    def alone(self, member: int) -> PredictorMixture:
        """One member with all chance."""
        return PredictorMixture([self.members[member]], np.ones(1), self.prefix, self.last_step)

    def reweighted(self, weights: Sequence[float]) -> PredictorMixture:
        """Give the same members other chances."""
        return PredictorMixture(self.members, np.asarray(weights), self.prefix, self.last_step)

    def predictions(self, X: Any, **params: Any) -> Iterator[tuple[float, Any]]:
        """Chance and predictions of each member that has a chance."""
        return self._each("predict", X, params)

    def votes(self, X: Any, positive: Any, **params: Any) -> Floats:
        """Chance that the mixture decides for a class, of shape (n,)."""
        return _total(p * (np.asarray(y) == positive) for p, y in self.predictions(X, **params))

    def mean(self, X: Any, **params: Any) -> Floats:
        """Mean prediction of numbers, of shape (n,)."""
        return _total(p * np.asarray(y, dtype=float) for p, y in self.predictions(X, **params))

    def predict_proba(self, X: Any, **params: Any) -> Floats:
        """Mean of the members' probabilities, of shape (n, n_classes)."""
        return _total(p * np.asarray(y) for p, y in self._each("predict_proba", X, params))

    def draw(self, X: Any, lots: Floats, **params: Any) -> Any:
        """Let each row be decided by the member that its lot, in [0, 1), falls to."""
        found = [np.asarray(y) for _, y in self.predictions(X, **params)]
        ends = np.cumsum(self.chances[self.chances > 0])
        drawn = np.searchsorted(ends / ends[-1], lots, side="right")
        return np.stack(found)[drawn, np.arange(len(drawn))]

    def _each(self, method: str, X: Any, params: dict[str, Any]) -> Iterator[tuple[float, Any]]:
        if self.prefix is not None:
            X = self.prefix.transform(X)
        tables: dict[int, Any] = {}
        for member, chance in zip(self.members, self.chances, strict=True):
            if chance > 0 and isinstance(member, CutClassifier):
                yield float(chance), _answer_by_cut(member, method, X, params, tables)
            elif chance > 0:
                own = {} if is_constant(member) else params
                yield float(chance), call(member, method, X, own)


def _answer_by_cut(
    member: CutClassifier, method: str, X: Any, params: dict[str, Any], tables: dict[int, Any]
) -> Any:
    """Answer by a cut; what it cuts is asked once, though several members may cut the same."""
    fitted = member.estimator
    if id(fitted) not in tables:
        tables[id(fitted)] = call(fitted, "predict_proba", X, params)
    table = tables[id(fitted)]
    return member.decide(table) if method == "predict" else table


def _total(parts: Iterable[Floats]) -> Floats:
    return reduce(np.add, parts)


def call(member: Any, method: str, X: Any, params: dict[str, Any]) -> Any:
    """Call a member's method; metadata reach the steps that ask for them, routing on or off."""
    with config_context(enable_metadata_routing=bool(params)):
        return getattr(member, method)(X, **params)


def is_constant(member: Any) -> bool:
    """Tell whether a member stands in for a fit that had one class only."""
    return isinstance(member, DummyClassifier) and member.strategy == "constant"


def tells_probabilities(member: Any) -> bool:
    """Tell whether cuts of a member's probability decide anything else than it does."""
    return hasattr(member, "predict_proba") and not is_constant(member)


def constant_classifier(classes: Sequence[Any], label: Any) -> DummyClassifier:
    """Make a classifier that knows several classes and always answers the same.

    Examples
    --------
    >>> constant_classifier(["no", "yes"], "yes").predict_proba([[1.0]]).tolist()
    [[0.0, 1.0]]
    """
    rows = np.zeros((len(classes), 1))
    return DummyClassifier(strategy="constant", constant=label).fit(rows, np.asarray(classes))
