"""skfair's rows of the table of methods."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

from sklearn.base import clone

from skfair import inprocessing as inside
from skfair import postprocessing as after
from skfair import preprocessing as before

from .methods import TOLS, Fit, Method, Problem, Remembered, each, remembered
from .ours import (
    by_group,
    decided,
    drawn,
    fitted,
    grid_path,
    network,
    optimized,
    transforming,
    wrapping,
)

LEVELS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
WEIGHTS = (0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 50.0, 100.0)
ETAS = (0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 50.0, 100.0)
ANY, LOGISTIC, NETWORK = ("any",), ("logistic",), ("network",)
_B, _I, _P = before, inside, after
FAMILIES = {_B: "before", _I: "during", _P: "after"}


def _row(name: str, package: Any, fit: Any, *args: Any, **options: Any) -> Method:
    source = getattr(package, name.split(",")[0]).__module__
    return Method(name, "skfair", FAMILIES[package], fit, *args, source=source, **options)


def _reduction(problem: Problem, tol: float, randomized: bool = False) -> Any:
    """The reduction, fitted once for both ways to decide."""
    train = problem.train
    model = inside.ExponentiatedGradient(
        clone(problem.model),
        constraints=problem.criterion,
        tol=tol,
        random_state=problem.seed,
    )
    told = repr(model), train.X, train.y, train.s
    return copy(remembered(lambda: fitted(model, problem), *told)).set_params(randomized=randomized)


def _threshold(problem: Problem, tol: float, **options: Any) -> Any:
    return after.ThresholdOptimizer(
        Remembered(problem.model),
        constraints=problem.criterion,
        tol=tol,
        random_state=problem.seed,
        **options,
    )


def _reject_option(problem: Problem, tol: float, **options: Any) -> Any:
    return after.RejectOptionClassifier(
        Remembered(problem.model), constraints=problem.criterion, tol=tol, **options
    )


def _pre(name: str, **options: Any) -> Fit:
    return wrapping(lambda p, v: getattr(before, name)(clone(p.model), **options))


OURS = (
    _row("Reweighter", _B, _pre("Reweighter"), criteria=ANY),
    _row(
        "Resampler",
        _B,
        wrapping(lambda p, v: before.Resampler(clone(p.model), strategy=v, random_state=p.seed)),
        "strategy",
        ("parity", "balance", "size"),
        criteria=ANY,
    ),
    _row(
        "LabelMassager",
        _B,
        wrapping(lambda p, v: before.LabelMassager(clone(p.model), ranker=clone(p.model))),
        criteria=ANY,
    ),
    _row(
        "GroupBalancer",
        _B,
        wrapping(
            lambda p, v: before.GroupBalancer(clone(p.model), strategy=v, random_state=p.seed)
        ),
        "strategy",
        ("parity", "keep"),
        criteria=ANY,
    ),
    _row(
        "CorrelationRemover",
        _B,
        transforming(lambda p, v: before.CorrelationRemover(alpha=v), "rest"),
        "alpha",
        LEVELS,
        criteria=ANY,
        revision=1,
    ),
    _row(
        "DisparateImpactRemover",
        _B,
        transforming(lambda p, v: before.DisparateImpactRemover(repair_level=v), "numbers"),
        "repair_level",
        LEVELS,
        criteria=ANY,
    ),
    _row(
        "LearnedFairRepresentation",
        _B,
        transforming(
            lambda p, v: before.LearnedFairRepresentation(fairness_weight=v, random_state=p.seed)
        ),
        "fairness_weight",
        WEIGHTS,
        criteria=ANY,
    ),
    _row("OptimizedPreprocessor", _B, optimized, "epsilon", (0.02, 0.1, 0.3), criteria=ANY),
    _row("ExponentiatedGradient", _I, decided(_reduction), "tol", TOLS),
    _row(
        "ExponentiatedGradient, drawn",
        _I,
        drawn(lambda p, v: _reduction(p, v, randomized=True)),
        "tol",
        TOLS,
        without_lots="ExponentiatedGradient",
    ),
    _row(
        "ReductionsGridSearch",
        _I,
        grid_path,
        "tol",
        TOLS,
        path=True,
    ),
    _row(
        "SubgroupFairClassifier",
        _I,
        decided(
            lambda p, v: fitted(
                inside.SubgroupFairClassifier(
                    clone(p.model), constraints="selection_rate", tol=v, random_state=p.seed
                ),
                p,
            )
        ),
        "tol",
        TOLS,
        criteria=ANY,
        short=False,
    ),
    _row(
        "FairLogisticRegression",
        _I,
        wrapping(
            lambda p, v: inside.FairLogisticRegression(
                constraints=p.criterion, tol=v, random_state=p.seed
            )
        ),
        "tol",
        (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2),
        criteria=("demographic_parity", "equalized_odds"),
        models=LOGISTIC,
    ),
    _row(
        "FairLogisticRegression, gap",
        _I,
        wrapping(
            lambda p, v: inside.FairLogisticRegression(
                constraints=p.criterion, tol=v, method="gap", n_starts=1, random_state=p.seed
            )
        ),
        "tol",
        TOLS,
        models=LOGISTIC,
    ),
    _row(
        "PrejudiceRemover",
        _I,
        wrapping(lambda p, v: inside.PrejudiceRemover(eta=v, n_starts=1, random_state=p.seed)),
        "eta",
        ETAS,
        criteria=ANY,
        models=LOGISTIC,
    ),
    _row(
        "FairNetClassifier",
        _I,
        network(lambda p, v: inside.FairNetClassifier(constraints=p.criterion, strength=v)),
        "strength",
        (0.0, 0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 20.0),
        models=NETWORK,
    ),
    _row(
        "AdversarialDebiasedClassifier",
        _I,
        network(
            lambda p, v: inside.AdversarialDebiasedClassifier(
                constraints=p.criterion, adversary_weight=v
            )
        ),
        "adversary_weight",
        (0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
        models=NETWORK,
    ),
    _row(
        "GroupDROClassifier",
        _I,
        network(lambda p, v: inside.GroupDROClassifier(worst_over=v)),
        "worst_over",
        ("group_label", "group"),
        criteria=ANY,
        models=NETWORK,
    ),
    _row("ThresholdOptimizer", _P, by_group(_threshold), "tol", TOLS),
    _row(
        "ThresholdOptimizer, drawn",
        _P,
        by_group(lambda p, v: _threshold(p, v, randomized=True)),
        "tol",
        TOLS,
        without_lots="ThresholdOptimizer",
        by_row="ThresholdOptimizer, by row",
    ),
    _row(
        "ThresholdOptimizer, by row",
        _P,
        by_group(partial(_threshold, randomized="by_row"), decided=True),
        "tol",
        TOLS,
        short=False,
    ),
    _row(
        "RejectOptionClassifier",
        _P,
        each(by_group(_reject_option)),
        "tol",
        TOLS,
        path=True,
        gain="balanced_accuracy",
    ),
    _row(
        "RejectOptionClassifier, accuracy",
        _P,
        each(by_group(partial(_reject_option, objective="accuracy_score"))),
        "tol",
        TOLS,
        path=True,
    ),
    _row(
        "CalibratedEqualizedOdds",
        _P,
        by_group(
            lambda p, v: after.CalibratedEqualizedOdds(
                Remembered(p.model), cost=v, random_state=p.seed
            )
        ),
        "cost",
        ("fnr", "fpr", "weighted"),
        criteria=ANY,
    ),
    _row(
        "GroupCalibrator",
        _P,
        by_group(lambda p, v: after.GroupCalibrator(Remembered(p.model))),
        criteria=ANY,
    ),
)
