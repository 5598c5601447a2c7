"""The networks that are trained: skfair's and fairlearn's, by name and weight."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from _quality.data import Split
from scipy.special import logit

from skfair.inprocessing import AdversarialDebiasedClassifier, FairNetClassifier

WIDTHS, NARROW, ADVERSARY = (64, 64), (64, 4), 32
PREDICTOR = tuple(part for width in WIDTHS for part in (width, "relu"))


class Task(NamedTuple):
    """One network to train."""

    split: Split
    constraint: str
    weight: float
    seed: int
    training: dict[str, Any]


Logits = Callable[[np.ndarray], np.ndarray]


class Method(NamedTuple):
    """How a network is trained, and the weights to try."""

    title: str
    fit: Callable[[Task], Logits]
    weights: tuple[float, ...]


def fit_ours(estimator: Any, task: Task) -> Logits:
    train = task.split.train
    estimator.set_params(random_state=task.seed, device="cpu", **task.training)
    return estimator.fit(train.X, train.y, sensitive_features=train.s).decision_function


def fit_plain(task: Task) -> Logits:
    return fit_ours(FairNetClassifier(strength=0, hidden_sizes=WIDTHS), task)


def fit_gap(task: Task) -> Logits:
    options = {"constraints": task.constraint, "strength": task.weight}
    return fit_ours(FairNetClassifier(hidden_sizes=WIDTHS, **options), task)


def fit_projection(task: Task) -> Logits:
    options = {"constraints": task.constraint, "adversary_weight": task.weight}
    return fit_ours(AdversarialDebiasedClassifier(hidden_sizes=WIDTHS, **options), task)


def fit_reversal(task: Task) -> Logits:
    options = {"constraints": task.constraint, "adversary_weight": task.weight}
    layer = {"method": "reversal", "representation": "active_2", "hidden_sizes": NARROW}
    return fit_ours(AdversarialDebiasedClassifier(**layer, **options), task)


def fit_fairlearn(
    task: Task, adversary: Sequence[Any], predictor: Sequence[Any] = PREDICTOR, **options: Any
) -> Logits:
    from fairlearn.adversarial import AdversarialFairnessClassifier

    model = AdversarialFairnessClassifier(
        backend="torch",
        predictor_model=list(predictor),
        adversary_model=list(adversary),
        constraints=task.constraint,
        epochs=task.training["max_epochs"],
        batch_size=task.training["batch_size"],
        shuffle=True,
        random_state=task.seed,
        **options,
    )
    train = task.split.train
    model.fit(train.X, train.y, sensitive_features=train.s)
    # Its decisions are chances of at least a half; its network ends in a sigmoid.
    return lambda X: logit(np.clip(model._raw_predict(X)[:, 0].astype(float), 1e-7, 1 - 1e-7))


def fit_fairlearn_constant(task: Task) -> Logits:
    return fit_fairlearn(task, [ADVERSARY, "relu"], alpha=task.weight)


def fit_fairlearn_rising(task: Task) -> Logits:
    schedules = []

    def optimizer(model: Any) -> Any:
        made = torch.optim.Adam(model.parameters(), lr=0.01)
        schedules.append(torch.optim.lr_scheduler.ExponentialLR(made, gamma=0.995))
        return made

    def after_step(model: Any, step: int, **_: Any) -> None:
        model.alpha = task.weight * math.sqrt(step)
        for schedule in schedules:
            schedule.step()

    options = {"predictor_optimizer": optimizer, "adversary_optimizer": optimizer}
    return fit_fairlearn(task, [3, "leaky_relu"], callbacks=after_step, **options)


def fit_fairlearn_basic(task: Task) -> Logits:
    """As its first example does: one epoch of a small network against a smaller adversary."""
    training = {"batch_size": 256, "max_epochs": 1}
    short = task._replace(training=training)
    return fit_fairlearn(short, [3, "leaky_relu"], [50, "leaky_relu"], alpha=task.weight)


METHODS = {
    "plain": Method("plain training", fit_plain, (0.0,)),
    "projection": Method("skfair, projection", fit_projection, (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)),
    "reversal": Method("skfair, reversal", fit_reversal, (1.0, 3.0, 10.0)),
    "gap": Method("skfair, soft gap", fit_gap, (0.1, 0.3, 1.0, 3.0)),
    "fairlearn": Method("fairlearn", fit_fairlearn_constant, (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)),
    "basic": Method("fairlearn, its first example", fit_fairlearn_basic, (1.0,)),
    "rising": Method("fairlearn, its schedule", fit_fairlearn_rising, (0.03, 0.1, 0.3, 1.0)),
}
RIVALS = {  # what is compared at a level: title, and the methods that it may choose from
    "projection": ("skfair, projection", ("plain", "projection")),
    "reversal": ("skfair, reversal", ("plain", "reversal")),
    "gap": ("skfair, soft gap", ("plain", "gap")),
    "fairlearn": ("fairlearn, all ways", ("plain", "fairlearn", "basic", "rising")),
}
