"""Reductions: skfair and fairlearn around the same estimators, in one run.

Each split, fairlearn's mixture is fitted with a bound, and skfair's with the violation that
fairlearn's mixture has on the training rows as its tolerance. On test rows: expected accuracy and
violation of both mixtures, and of skfair's deterministic rule. Beside it fits, seconds within and
beyond them, and the duality gap.

    python benchmarks/reductions.py [--splits 10] [--data adult german heart] [--models logistic]
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.reductions import DemographicParity, EqualizedOdds
from fairlearn.reductions import ExponentiatedGradient as Peer
from scipy.stats import t
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from thresholds import data_sets, models

from skfair.criteria import get_criterion
from skfair.groups import Groups
from skfair.inprocessing import ExponentiatedGradient
from skfair.tally import sum_cells

MOMENTS = {"demographic_parity": DemographicParity, "equalized_odds": EqualizedOdds}
BOUNDS = (0.01, 0.05)
TEST_SHARE = 0.3


def measure(y: np.ndarray, groups: Groups, chance: np.ndarray, name: str) -> tuple[float, float]:
    """Expected accuracy and violation of decisions by chance."""
    labels = y.astype(np.int8)
    shape = (groups.n_groups, 2)
    yes = sum_cells([groups.codes, labels], shape, chance)
    cells = np.stack([sum_cells([groups.codes, labels], shape, 1 - chance), yes], axis=-1)
    cells = cells.reshape(groups.n_groups, 4)
    accuracy = cells[:, [0, 3]].sum() / cells.sum()
    return float(accuracy), float(get_criterion(name)(cells))


def run(X: Any, y: Any, s: Any, model: Any, name: str, bound: float, seed: int) -> list[dict]:
    """One split: fairlearn, then skfair at the violation that fairlearn came to."""
    train, test = train_test_split(
        np.arange(len(y)), test_size=TEST_SHARE, random_state=seed, stratify=y
    )
    prepared = clone(model[:-1]).fit(X.iloc[train], y[train])
    parts = [np.asarray(prepared.transform(X.iloc[rows])) for rows in (train, test)]
    groups = [Groups.read(s[rows]) for rows in (train, test)]
    labels = [y[train].astype(int), y[test].astype(int)]
    found = []

    start = time.perf_counter()
    peer = Peer(clone(model[-1]), MOMENTS[name](difference_bound=bound)).fit(
        parts[0], labels[0], sensitive_features=s[train]
    )
    seconds = time.perf_counter() - start
    mixed = [peer._pmf_predict(part)[:, 1] for part in parts]
    tol = measure(labels[0], groups[0], mixed[0], name)[1]
    accuracy, violation = measure(labels[1], groups[1], mixed[1], name)
    fits = float(sum(peer.oracle_execution_times_))
    found.append(
        {"who": "fairlearn", "accuracy": accuracy, "violation": violation, "seconds": seconds}
        | {"in fits": fits, "fits": peer.n_oracle_calls_, "gap": peer.best_gap_}
        | {"train": measure(labels[0], groups[0], mixed[0], name)[0], "allowed": tol}
    )

    start = time.perf_counter()
    own = ExponentiatedGradient(clone(model[-1]), constraints=name, tol=tol).fit(
        parts[0], labels[0], sensitive_features=s[train]
    )
    seconds = time.perf_counter() - start
    cost = {"seconds": seconds, "in fits": own.oracle_time_, "fits": own.n_oracle_calls_}
    chances = {
        "skfair, drawn": [own.decision_probability(part) for part in parts],
        "skfair, decided": [own.predict(part).astype(float) for part in parts],
    }
    for who, chance in chances.items():
        accuracy, violation = measure(labels[1], groups[1], chance[1], name)
        of_train = measure(labels[0], groups[0], chance[0], name)
        found.append(
            {"who": who, "accuracy": accuracy, "violation": violation, "gap": own.gap_}
            | cost
            | {"train": of_train[0], "allowed": of_train[1]}
        )
    return [row | {"constraint": name, "bound": bound, "split": seed} for row in found]


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Means, and the paired difference of test accuracy and violation to fairlearn."""
    rows = {}
    for key, part in table.groupby(["data", "model", "constraint", "bound"], sort=False):
        peer = part[part["who"] == "fairlearn"].set_index("split")
        for who, own in part.groupby("who", sort=False):
            means = own.drop(columns=["data", "model", "constraint", "who", "split", "bound"])
            row = means.mean()
            for column in ("accuracy", "violation"):
                gained = own.set_index("split")[column] - peer[column]
                n, share = len(gained), TEST_SHARE / (1 - TEST_SHARE)
                error = gained.std(ddof=1) * np.sqrt(1 / n + share)  # Nadeau and Bengio
                row[f"d {column}"] = gained.mean()
                row[f"+- {column}"] = t.ppf(0.975, n - 1) * error
            rows[(*key, who)] = row
    out = pd.DataFrame(rows).T
    out.index.names = ["data", "model", "constraint", "bound", "who"]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--data", nargs="*", default=["german", "heart", "adult"])
    parser.add_argument("--models", nargs="*", default=["logistic", "boosting"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sets, known = data_sets(), models()
    found = []
    for data in options.data:
        X, y, s = sets[data]
        for model in options.models:
            for name in MOMENTS:
                for bound in BOUNDS:
                    for seed in range(options.splits):
                        rows = run(X, y, s, known[model], name, bound, seed)
                        found += [row | {"data": data, "model": model} for row in rows]
            table = summarise(pd.DataFrame(found))
            print(table.loc[(data, model)].round(4).to_string(), flush=True)


if __name__ == "__main__":
    main()
