"""skfair's mitigators, each as a function of a problem and a value of its knob."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skfair import inprocessing as inside
from skfair import preprocessing as before

from .data import Part, make_encoder
from .measure import Decision
from .methods import (
    Decide,
    Fit,
    Problem,
    best_within,
    plain_model,
    probabilities,
)


def fitted(model: Any, problem: Problem) -> Any:
    return model.fit(problem.train.X, problem.train.y, sensitive_features=problem.train.s)


def wrapping(make: Any) -> Fit:
    """Fit a mitigator that trains a model and predicts without the group."""

    def fit(problem: Problem, value: Any) -> Decide:
        return probabilities(fitted(make(problem, value), problem))

    return fit


def by_group(make: Any, *, decided: bool = False) -> Fit:
    """The same, where decisions use the group; the scores are those of the plain model.

    Those that draw lots count by their chances, unless it is to be what they have ``decided``.
    """

    def fit(problem: Problem, value: Any) -> Decide:
        model = fitted(make(problem, value), problem)
        plain = plain_model(problem)

        def decide(part: Part) -> Decision:
            if not decided and hasattr(model, "decision_probability"):
                chance = model.decision_probability(part.X, sensitive_features=part.s)
            else:
                chance = model.predict(part.X, sensitive_features=part.s)
            return Decision(np.asarray(chance, float), plain.predict_proba(part.X)[:, 1])

        return decide

    return fit


def drawn(make: Any) -> Fit:
    """A fitted mixture of models without the group: the chance of a yes is also the score."""

    def fit(problem: Problem, value: Any) -> Decide:
        model = make(problem, value)

        def decide(part: Part) -> Decision:
            chance = np.asarray(model.decision_probability(part.X), float)
            return Decision(chance, chance)

        return decide

    return fit


def decided(make: Any) -> Fit:
    """Decisions of a fitted model, without scores."""

    def fit(problem: Problem, value: Any) -> Decide:
        model = make(problem, value)
        return lambda part: Decision(model.predict(part.X).astype(float))

    return fit


def transforming(make: Any, columns: str = "all") -> Fit:
    """Fit the model to transformed columns: all, or those that aren't the sensitive ones.

    With ``"numbers"`` only numeric ones of the latter are transformed.
    """

    def fit(problem: Problem, value: Any) -> Decide:
        split, train, step = problem.split, problem.train, make(problem, value)
        left = np.arange(train.X.shape[1])
        if columns != "all":
            left = np.setdiff1d(left, split.own_columns)
        changed = np.intersect1d(left, split.numbers) if columns == "numbers" else left
        kept = np.setdiff1d(left, changed)
        step.fit(train.X[:, changed], train.y, sensitive_features=train.s)

        def prepare(part: Part) -> np.ndarray:
            options = {"sensitive_features": part.s} if step.uses_group_at_predict else {}
            new = np.asarray(step.transform(part.X[:, changed], **options))
            return np.hstack([new, part.X[:, kept]])

        model = clone(problem.model).fit(prepare(train), train.y)

        def decide(part: Part) -> Decision:
            score = model.predict_proba(prepare(part))[:, 1]
            return Decision((score > 0.5).astype(float), score)

        return decide

    return fit


def grid_path(problem: Problem, tols: tuple[float, ...]) -> list[Decide]:
    """One grid of fits, and from it the most accurate predictor within each tolerance."""
    model = inside.ReductionsGridSearch(
        clone(problem.model),
        constraints=problem.criterion,
        tol=tols[len(tols) // 2],
        grid_size=grid_size(problem),
    )
    table = fitted(model, problem).results_
    value, gap = table["objective"].to_numpy(), table[problem.criterion].to_numpy()
    return [probabilities(model.predictors_[place]) for place in best_within(value, gap, tols)]


def grid_size(problem: Problem) -> int:
    """Points of a grid over multipliers, of which many groups have many."""
    return 21 if problem.split.n_groups == 2 else 101


def optimized(problem: Problem, value: float) -> Decide:
    """Discrete columns are changed before they are encoded."""
    train = problem.train
    model = before.OptimizedPreprocessor(
        make_pipeline(make_encoder(), clone(problem.model)),
        columns=discrete_columns(train),
        epsilon=value,
        random_state=problem.seed,
    )
    model.fit(train.raw, train.y, sensitive_features=train.s)

    def decide(part: Part) -> Decision:
        score = model.predict_proba(part.raw)[:, 1]
        return Decision((score > 0.5).astype(float), score)

    return decide


def discrete_columns(part: Part) -> list[str]:
    """Text columns of few values: those known to tell of the label, else the first."""
    text = part.raw.select_dtypes(exclude="number")
    small = [c for c in text if 2 < text[c].nunique() <= 16]
    known = [c for c in ("education", "employment_since", "savings", "cp", "thal") if c in small]
    return known or small[:1]


def network(make: Any) -> Fit:
    def fit(problem: Problem, value: Any) -> Decide:
        model = make(problem, value).set_params(random_state=problem.seed, device="cpu")
        return probabilities(fitted(model, problem))

    return fit
