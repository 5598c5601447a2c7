"""What a row of the table of methods is, and the unmitigated model that all are compared to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from .data import Part, Split
from .measure import HEADLINES, Decision

MODELS: dict[str, Any] = {
    "logistic": LogisticRegression(max_iter=1000),
    "boosting": HistGradientBoostingClassifier(
        learning_rate=0.3, max_iter=30, max_leaf_nodes=15, random_state=0
    ),
    "mlp": MLPClassifier((64,), early_stopping=True, random_state=0),
    "network": None,  # of methods that train a network of their own
}
BASES = ("logistic", "boosting", "mlp")
FEW = (0, 2, 5, 7)  # which of eight values of a knob the short run takes
TOLS = (0.005, 0.01, 0.02, 0.04, 0.06, 0.09, 0.12, 0.16)


class Problem(NamedTuple):
    """What a method is fitted to: rows, the model it wraps, the criterion, and a seed."""

    split: Split
    model: Any
    criterion: str
    seed: int

    @property
    def train(self) -> Part:
        return self.split.train


Decide = Callable[[Part], Decision]
Fit = Callable[[Problem, Any], Decide]


@dataclass(frozen=True)
class Method:
    """One row of the table.

    ``fit`` takes a problem and a value of the knob; where ``path``, all values at once, and gives
    as many rules. ``pairs`` are the methods of skfair that are the same algorithm; rules that draw
    lots are paired with such rules, and ``without_lots`` names the variant of skfair's that decides
    alike each time. ``by_row`` names the variant whose lots hang on the rows. ``gain`` is what is
    maximised. ``criteria`` are those that can be asked for; ``("any",)`` where the method knows
    none. ``source`` is the module of skfair's class.
    """

    name: str
    side: str
    family: str
    fit: Callable[..., Any]
    knob: str = ""
    values: tuple[Any, ...] = (None,)
    pairs: tuple[str, ...] = ()
    without_lots: str = ""
    by_row: str = ""
    criteria: tuple[str, ...] = HEADLINES
    models: tuple[str, ...] = BASES
    gain: str = "accuracy"
    path: bool = False
    source: str = ""
    short: bool = True  # whether the short run has it
    revision: int = 0  # raise it where the way it is called changes

    def chosen(self, full: bool) -> tuple[Any, ...]:
        """All values of the knob, or four; a path has all for one price."""
        if full or self.path or len(self.values) <= len(FEW):
            return self.values
        return tuple(self.values[place] for place in FEW)


def probabilities(model: Any) -> Decide:
    """Decisions of a classifier's predict, and the probabilities behind them."""

    def decide(part: Part, **options: Any) -> Decision:
        score = model.predict_proba(part.X, **options)[:, 1]
        return Decision(model.predict(part.X, **options).astype(float), score)

    return decide


def each(fit: Fit) -> Callable[[Problem, tuple[Any, ...]], list[Decide]]:
    """A path of rules whose fits are cheap: one for each value."""
    return lambda problem, values: [fit(problem, value) for value in values]


def best_within(value: np.ndarray, gap: np.ndarray, tols: tuple[float, ...]) -> list[int]:
    """For each tolerance the best whose gap is within it; the least gap, where there is none."""
    return [
        int(np.where(gap <= tol, value, -np.inf).argmax() if (gap <= tol).any() else gap.argmin())
        for tol in tols
    ]


_FITTED: OrderedDict[str, Any] = OrderedDict()
_KEPT = 64  # fitted models a process remembers


def remembered(make: Callable[[], Any], *told: Any) -> Any:
    """What ``make`` returns, made once a process for the same arguments told."""
    key = joblib.hash(told)
    if key not in _FITTED:
        _FITTED[key] = make()
    _FITTED.move_to_end(key)
    while len(_FITTED) > _KEPT:
        _FITTED.popitem(last=False)
    return _FITTED[key]


class Remembered(ClassifierMixin, BaseEstimator):
    """The same model, fitted once a process to the same rows: every tolerance needs those fits."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any) -> Remembered:
        name = repr(self.estimator)
        self.model_ = remembered(lambda: clone(self.estimator).fit(X, y), name, X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X: Any) -> Any:
        return self.model_.predict(X)

    def predict_proba(self, X: Any) -> Any:
        return self.model_.predict_proba(X)


def plain_model(problem: Problem) -> Any:
    """The unmitigated model, fitted to the training rows."""
    return Remembered(problem.model).fit(problem.train.X, problem.train.y)


def nothing(problem: Problem, value: Any) -> Decide:
    """The unmitigated model; of networks, one whose loss has no gap in it."""
    if problem.model is not None:
        return probabilities(plain_model(problem))
    from skfair.inprocessing import FairNetClassifier

    net = FairNetClassifier(strength=0, random_state=problem.seed, device="cpu")
    train = problem.train
    return probabilities(net.fit(train.X, train.y, sensitive_features=train.s))
