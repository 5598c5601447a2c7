"""Labels needed to reach a worst-group accuracy: ActiveSampler beside what is simpler.

The others are plain uncertainty, rows at random, as many random rows of each group ("equal
random"), and the sampler without its need, as many of the uncertain rows of each group
("focus=0"). So the steps from random to equal random, to focus=0 and to weak_groups show what
equal shares, uncertainty within groups and the need add.

Each run starts from the same random labels, then labels batches that a strategy chooses from the
pool, and measures every group's accuracy on rows that are never labelled. The labels needed are
those at the first of two successive batches at which the worst group is at the target, which is
the worst group's accuracy of a model of the whole pool less a slack (0.04; 0.02 where labels are
noisy, 0.01 on Adult, whose learning curve is flat). A run that doesn't get there counts with the
budget, and is counted. Intervals are Student's, of the logarithm of the paired ratio over seeds.

    OMP_NUM_THREADS=1 python benchmarks/active_sampling.py
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from skfair.datasets import load_adult
from skfair.model_selection import ActiveSampler

EQUAL = "equal random"
STRATEGIES: dict[str, dict[str, Any]] = {
    "weak_groups": {"strategy": "weak_groups"},
    "focus=0": {"strategy": "weak_groups", "focus": 0.0},
    EQUAL: {"strategy": "random"},
    "uncertainty": {"strategy": "uncertainty", "candidates": 1},
    "random": {"strategy": "random"},
}

AT = 300


class Case(NamedTuple):
    """Pool and test rows, their groups, a model, and how many labels a run has."""

    X: np.ndarray
    y: np.ndarray
    group: np.ndarray
    n_pool: int
    model: Any
    start: int
    batch: int
    budget: int
    slack: float


def planted(seed: int, *, noise: float = 0.0, own_rule: bool = True) -> Case:
    """A group of 5 % with a rule of its own, or with the common rule and noisy labels."""
    rng = np.random.default_rng(seed)
    n_pool, n = 4000, 24_000
    x, rare = rng.normal(size=(n, 8)), rng.random(n) < 0.05
    score = x[:, 0] + x[:, 1]
    if own_rule:
        score = np.where(rare, x[:, 2] - x[:, 0], score)
    y = score + 0.3 * rng.normal(size=n) > 0
    y = np.where(rare & (rng.random(n) < noise), ~y, y)
    X = np.column_stack([x, rare])
    pairs = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    model = make_pipeline(pairs, StandardScaler(), LogisticRegression())
    return Case(
        X, y, np.where(rare, "rare", "most"), n_pool, model, 100, 20, 1500, 0.02 if noise else 0.04
    )


def adult(seed: int) -> Case:
    """Adult's race: the worst group is one of 3 % of the rows."""
    X, y = load_adult(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(X))
    X, y = X.iloc[rows], y.iloc[rows]
    words = make_column_selector(dtype_exclude="number")
    encoder = OneHotEncoder(sparse_output=False, min_frequency=200, handle_unknown="ignore")
    columns = make_column_transformer(
        (encoder, words), (StandardScaler(), make_column_selector(dtype_include="number"))
    )
    matrix = columns.fit_transform(X.drop(columns="fnlwgt"))
    group = X["race"].astype(str).to_numpy()
    target = (y == ">50K").to_numpy()
    return Case(
        matrix, target, group, 15_000, LogisticRegression(C=0.1, max_iter=300), 100, 50, 1500, 0.01
    )


CASES = {
    "own rule": planted,
    "common rule": lambda seed: planted(seed, own_rule=False),
    "noisy labels": lambda seed: planted(seed, noise=0.25, own_rule=False),
    "Adult by race": adult,
}


def accuracies(model: Any, case: Case) -> tuple[float, float]:
    """Accuracy of the worst group, and of all rows."""
    X, y, group = (part[case.n_pool :] for part in (case.X, case.y, case.group))
    right = model.predict(X) == y
    return min(right[group == g].mean() for g in np.unique(group)), right.mean()


def equal_shares(group: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Rows of each group in turn, by lot within the group and among groups of one turn."""
    order = np.random.default_rng(seed).permutation(len(group))
    turn = pd.Series(group[order]).groupby(group[order]).cumcount().to_numpy()
    return order[np.argsort(turn, kind="stable")[:n]]


def run(case: Case, strategy: str, seed: int, target: float) -> tuple[float, float]:
    """Label batches until the target is met twice.

    The number of labels, infinite if it isn't, and the accuracy of all rows at ``AT`` labels.
    """
    labelled = np.random.default_rng(seed).permutation(case.n_pool)[: case.start]
    met, is_met, at = np.inf, False, np.nan
    while True:
        sampler = ActiveSampler(case.model, random_state=seed, **STRATEGIES[strategy])
        own = case.group[labelled]
        sampler.fit(case.X[labelled], case.y[labelled], sensitive_features=own)
        worst, overall = accuracies(sampler.estimator_, case)
        at = overall if len(labelled) == AT else at
        if not is_met:
            is_met = worst >= target and np.isfinite(met)
            met = min(met, len(labelled)) if worst >= target else np.inf
        if len(labelled) >= (AT if is_met else case.budget):
            return met, at
        pool = np.setdiff1d(np.arange(case.n_pool), labelled)
        of_pool = case.group[pool]
        if strategy == EQUAL:
            chosen = equal_shares(of_pool, case.batch, seed + len(labelled))
        else:
            chosen = sampler.query(case.X[pool], case.batch, sensitive_features=of_pool)
        labelled = np.append(labelled, pool[chosen])


def compare(name: str, n_seeds: int) -> None:
    """Print the labels that each strategy needs, and how many fewer ours needs."""
    print(f"\n{name}")
    needed: dict[str, list[float]] = {strategy: [] for strategy in STRATEGIES}
    overall: dict[str, list[float]] = {strategy: [] for strategy in STRATEGIES}
    targets, started = [], time.process_time()
    for seed in range(n_seeds):
        case = CASES[name](seed)
        whole = case.model.fit(case.X[: case.n_pool], case.y[: case.n_pool])
        targets.append(accuracies(whole, case)[0] - case.slack)
        for strategy in STRATEGIES:
            labels, accuracy = run(case, strategy, seed, targets[-1])
            needed[strategy].append(labels)
            overall[strategy].append(accuracy)
    ours = np.minimum(needed["weak_groups"], case.budget)
    for strategy, found in needed.items():
        labels = np.minimum(found, case.budget)
        logs = np.log(ours / labels)
        half = t.ppf(0.975, n_seeds - 1) * logs.std(ddof=1) / np.sqrt(n_seeds)
        low, high = (1 - np.exp(logs.mean() + sign * half) for sign in (1, -1))
        print(
            f"  {strategy:12} {labels.mean():7.0f} labels, {int(np.isinf(found).sum()):2d} of "
            f"{n_seeds} never; weak_groups needs {1 - np.exp(logs.mean()):6.1%} fewer "
            f"({low:.1%} to {high:.1%}); {np.mean(overall[strategy]):.3f} of all right at {AT}"
        )
    seconds = time.process_time() - started
    print(f"  target {np.mean(targets):.3f}; {seconds:.0f} s of CPU", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--focus", type=float)
    parser.add_argument("--candidates", type=int)
    args = parser.parse_args()
    warnings.filterwarnings("ignore", "groups of the pool that fit hasn't seen")  # on Adult
    for name in ("focus", "candidates"):
        if getattr(args, name) is not None:
            STRATEGIES["weak_groups"][name] = getattr(args, name)
    for name in args.cases:
        compare(name, args.seeds)


if __name__ == "__main__":
    main()
