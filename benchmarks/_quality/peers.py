"""The peers' mitigators, called as their documentation does.

Libraries are imported inside the functions, so that one that is missing is an error of its own
cells only. Where decisions are drawn at random, the chance of a yes is taken.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from .data import Part
from .measure import Decision, accuracy, expected_cells, violation
from .methods import Decide, Problem, best_within, plain_model, probabilities
from .ours import grid_size
from .statistics import choose_no_less_fair

DRAWS = 20  # of decisions whose chances a peer doesn't tell


def _moment(criterion: str, **options: Any) -> Any:
    from fairlearn import reductions

    names = {"demographic_parity": "DemographicParity", "equalized_odds": "EqualizedOdds"}
    return getattr(reductions, names[criterion])(**options)


def fairlearn_reduction(problem: Problem, bound: float) -> Decide:
    from fairlearn.reductions import ExponentiatedGradient

    moment = _moment(problem.criterion, difference_bound=bound)
    model = ExponentiatedGradient(clone(problem.model), moment)
    train = problem.train
    model.fit(train.X, train.y, sensitive_features=train.s)

    def decide(part: Part) -> Decision:
        chance = np.asarray(model._pmf_predict(part.X))[:, 1]
        return Decision(chance, chance)

    return decide


def fairlearn_grid(problem: Problem, tols: tuple[float, ...]) -> list[Decide]:
    """One grid of fits, and from it the most accurate predictor within each tolerance."""
    from fairlearn.reductions import GridSearch

    train, size = problem.train, grid_size(problem)
    model = GridSearch(clone(problem.model), _moment(problem.criterion), grid_size=size)
    model.fit(train.X, train.y, sensitive_features=train.s)
    decided = [np.asarray(own.predict(train.X), float) for own in model.predictors_]
    cells = [expected_cells(train, found, problem.split.n_groups) for found in decided]
    value = np.array([accuracy(own) for own in cells])
    gap = np.array([violation(own, problem.criterion) for own in cells])
    return [probabilities(model.predictors_[place]) for place in best_within(value, gap, tols)]


def fairlearn_thresholds(problem: Problem, tol: float) -> Decide:
    from fairlearn.postprocessing import ThresholdOptimizer

    plain, train = plain_model(problem), problem.train
    relaxed = {} if problem.criterion == "equalized_odds" else {"tol": tol}
    model = ThresholdOptimizer(
        estimator=plain,
        constraints=problem.criterion,
        prefit=True,
        predict_method="predict_proba",
        **relaxed,
    )
    model.fit(train.X, train.y, sensitive_features=train.s)

    def decide(part: Part) -> Decision:
        chance = np.asarray(model._pmf_predict(part.X, sensitive_features=part.s))[:, 1]
        return Decision(chance, plain.predict_proba(part.X)[:, 1])

    return decide


def fairlearn_correlation(problem: Problem, alpha: float) -> Decide:
    """What is removed is the correlation with the groups, as skfair does it: a column a group."""
    from fairlearn.preprocessing import CorrelationRemover

    split = problem.split
    rest = np.setdiff1d(np.arange(split.train.X.shape[1]), split.own_columns)

    def table(part: Part) -> np.ndarray:
        return np.column_stack([part.X[:, rest], np.eye(split.n_groups)[part.codes]])

    own = np.arange(split.n_groups) + len(rest)
    step = CorrelationRemover(sensitive_feature_ids=own.tolist(), alpha=alpha)
    model = clone(problem.model).fit(step.fit_transform(table(split.train)), split.train.y)

    def decide(part: Part) -> Decision:
        score = model.predict_proba(step.transform(table(part)))[:, 1]
        return Decision((score > 0.5).astype(float), score)

    return decide


def fairlearn_adversary(problem: Problem, alpha: float) -> Decide:
    from fairlearn.adversarial import AdversarialFairnessClassifier

    model = AdversarialFairnessClassifier(
        backend="torch",
        predictor_model=[64, "leaky_relu", 64, "leaky_relu"],
        adversary_model=[32, "leaky_relu"],
        constraints=problem.criterion,
        alpha=alpha,
        epochs=20,
        batch_size=256,
        shuffle=True,
        random_state=problem.seed,
    )
    train = problem.train
    model.fit(train.X, train.y, sensitive_features=train.s)

    def decide(part: Part) -> Decision:
        score = np.asarray(model._raw_predict(part.X), float).ravel()
        return Decision((score >= 0.5).astype(float), score)

    return decide


def error_parity_thresholds(problem: Problem, tol: float) -> Decide:
    from error_parity import RelaxedThresholdOptimizer

    plain, train = plain_model(problem), problem.train
    model = RelaxedThresholdOptimizer(
        predictor=lambda X: plain.predict_proba(X)[:, 1],
        constraint=problem.criterion,
        tolerance=tol,
        seed=problem.seed,
    )
    model.fit(X=train.X, y=train.y, group=train.codes)

    def decide(part: Part) -> Decision:
        draws = [np.asarray(model.predict(part.X, group=part.codes)) for _ in range(DRAWS)]
        return Decision(np.mean(draws, axis=0, dtype=float), plain.predict_proba(part.X)[:, 1])

    return decide


def lego(problem: Problem, covariance: float) -> Decide:
    from sklego.linear_model import DemographicParityClassifier

    split = problem.split
    if split.n_groups > 2:
        raise ValueError("the sensitive column is one number: two groups only")
    rest = np.setdiff1d(np.arange(split.train.X.shape[1]), split.own_columns)

    def table(part: Part) -> np.ndarray:
        return np.column_stack([part.X[:, rest], part.codes])

    model = DemographicParityClassifier(
        sensitive_cols=[len(rest)], covariance_threshold=covariance, train_sensitive_cols=True
    )
    model.fit(table(split.train), split.train.y)

    def decide(part: Part) -> Decision:
        score = model.predict_proba(table(part))[:, 1]
        return Decision(np.asarray(model.predict(table(part)), float), score)

    return decide


def _indexed(part: Part, values: Any) -> pd.DataFrame:
    """AIF360 reads groups from the index."""
    return pd.DataFrame(values, index=pd.Index(part.codes, name="group"))


def _labels(part: Part) -> pd.Series:
    return pd.Series(part.y, index=pd.Index(part.codes, name="group"))


def _privileged(part: Part) -> int:
    """The group with the largest share of positive labels."""
    means = [part.y[part.codes == g].mean() for g in range(part.codes.max() + 1)]
    return int(np.nanargmax(means))


def aif360_reweighing(problem: Problem, value: None) -> Decide:
    from aif360.sklearn.preprocessing import Reweighing

    train = problem.train
    X, y = _indexed(train, train.X), _labels(train)
    _, weights = Reweighing("group").fit_transform(X, y)
    return probabilities(clone(problem.model).fit(train.X, train.y, sample_weight=weights))


def aif360_representation(problem: Problem, weight: float) -> Decide:
    from aif360.sklearn.preprocessing import LearnedFairRepresentations

    train = problem.train
    model = LearnedFairRepresentations(
        "group", n_prototypes=10, fairness_weight=weight, random_state=problem.seed
    )
    model.fit(_indexed(train, train.X), _labels(train), priv_group=_privileged(train))

    def decide(part: Part) -> Decision:
        score = model.predict_proba(_indexed(part, part.X))[:, 1]
        return Decision((score > 0.5).astype(float), score)

    return decide


def aif360_impact(problem: Problem, level: float) -> Decide:
    """Each part is repaired by itself, since AIF360's remover has no transform."""
    from aif360.algorithms.preprocessing import DisparateImpactRemover
    from aif360.datasets import BinaryLabelDataset

    split = problem.split
    left = np.setdiff1d(np.arange(split.train.X.shape[1]), split.own_columns)
    numbers = np.intersect1d(left, split.numbers)
    others = np.setdiff1d(left, numbers)

    def repaired(part: Part) -> np.ndarray:
        frame = pd.DataFrame(part.X[:, numbers]).add_prefix("x")
        frame = frame.assign(group=part.codes.astype(float), label=part.y.astype(float))
        data = BinaryLabelDataset(
            df=frame, label_names=["label"], protected_attribute_names=["group"]
        )
        new = DisparateImpactRemover(level, "group").fit_transform(data)
        return np.hstack([new.features[:, : len(numbers)], part.X[:, others]])

    model = clone(problem.model).fit(repaired(split.train), split.train.y)

    def decide(part: Part) -> Decision:
        score = model.predict_proba(repaired(part))[:, 1]
        return Decision((score > 0.5).astype(float), score)

    return decide


def aif360_reject(problem: Problem, bounds: tuple[float, ...]) -> list[Decide]:
    """One search of thresholds and margins, and from it the best within each bound."""
    from aif360.sklearn.postprocessing import RejectOptionClassifier, RejectOptionClassifierCV

    plain, train = plain_model(problem), problem.train
    names = {"demographic_parity": "statistical_parity", "equalized_odds": "average_odds"}
    name, privileged = names[problem.criterion], _privileged(train)
    search = RejectOptionClassifierCV("group", scoring=name, step=0.05, refit=False, cv=2)
    scores, labels = _indexed(train, plain.predict_proba(train.X)), _labels(train)
    search.fit(scores, labels, priv_group=privileged)
    results = search.cv_results_
    gap, gain = -np.asarray(results[f"mean_test_{name}"]), np.asarray(results["mean_test_bal_acc"])

    def rule(bound: float) -> Decide:
        model = RejectOptionClassifier(**results["params"][choose_no_less_fair(gap, gain, bound)])
        model.fit(scores, labels, priv_group=privileged)

        def decide(part: Part) -> Decision:
            score = plain.predict_proba(part.X)
            return Decision(np.asarray(model.predict(_indexed(part, score)), float), score[:, 1])

        return decide

    return [rule(bound) for bound in bounds]


def aif360_calibrated(problem: Problem, cost: str) -> Decide:
    from aif360.sklearn.postprocessing import CalibratedEqualizedOdds

    plain, train = plain_model(problem), problem.train
    rng = np.random.RandomState(problem.seed)  # an integer would give every draw the same lots
    model = CalibratedEqualizedOdds("group", cost_constraint=cost, random_state=rng)
    model.fit(plain.predict_proba(train.X), _labels(train))

    def decide(part: Part) -> Decision:
        scores = plain.predict_proba(part.X)
        draws = [model.predict(_indexed(part, scores)) for _ in range(DRAWS)]
        return Decision(np.mean(draws, axis=0, dtype=float), scores[:, 1])

    return decide


def aif360_prejudice(problem: Problem, eta: float) -> Decide:
    """The scripts that AIF360's PrejudiceRemover runs, as it runs them."""
    import aif360

    if problem.split.n_groups > 2:
        raise ValueError("the sensitive column is 0 or 1: two groups only")
    scripts = Path(aif360.__file__).parent / "algorithms/inprocessing/kamfadm-2012ecmlpkdd"
    folder = tempfile.TemporaryDirectory()
    rows, out, file = (Path(folder.name) / name for name in ("rows", "predictions", "model"))

    def call(script: str, *arguments: Any) -> None:
        command = [sys.executable, "-W", "ignore", scripts / script, *arguments, "--quiet"]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])

    def write(part: Part) -> None:
        np.savetxt(rows, np.column_stack([part.X, part.codes, part.y]))

    write(problem.train)
    call("train_pr.py", "-e", eta, "-i", rows, "-o", file)

    def decide(part: Part, keep: Any = folder) -> Decision:
        write(part)
        call("predict_lr.py", "-i", rows, "-m", file, "-o", out)
        table = np.loadtxt(out)
        return Decision(table[:, 1], table[:, -1])

    return decide
