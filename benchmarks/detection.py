"""Planted bias: how often the detector's first three features are the three biased ones.

The generator is fixed. True labels hang on four legitimate scores alone. Recorded labels lose a
true positive with a probability that each of three biased attributes raises. Six clean features
are noisy copies of legitimate scores: they go with the true label, and only through them. Eleven
nuisances (skewed, heavy-tailed, of many values) have nothing to do with anything. So there are 20
candidates, and four legitimate columns beside them, which the user knows to be legitimate.

    python benchmarks/detection.py [--seeds 50]
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from sklearn.feature_selection import mutual_info_classif

from skfair.datasets import make_biased_classification
from skfair.detection import BiasDetector

BIASED = ["region", "status", "age"]
N_ROWS = 5000


def plant(seed: int, flips: float = 0.25, n: int = N_ROWS) -> tuple[pd.DataFrame, np.ndarray]:
    """Candidates, legitimate columns (``legitimate_0`` to ``legitimate_3``), and labels."""
    rng = np.random.default_rng(seed)
    bunch = make_biased_classification(
        n, n_features=5, flip_positives=0.0, proxy_correlation=0.0, random_state=seed
    )
    legitimate = bunch.data.drop(columns="proxy").reset_index(drop=True)
    age = rng.gamma(6, 7, n) + 15
    columns = {
        "region": rng.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
        "status": rng.choice(["a", "b"], n, p=[0.7, 0.3]),
        "age": age,
    }
    harmed = [columns["region"] == "west", columns["status"] == "b", age < 40]
    chance = flips * np.sum(harmed, axis=0)
    y = bunch.true_target.to_numpy() & ~(rng.random(n) < chance)
    noise = rng.normal(size=(6, n))
    for j in range(6):
        score = legitimate.iloc[:, j % 4].to_numpy() + noise[j]
        columns[f"clean_{j}"] = score if j < 4 else pd.cut(score, 5, labels=list("vwxyz"))
    columns |= {
        "lognormal_0": rng.lognormal(0, 1.5, n),
        "lognormal_1": rng.lognormal(0, 2.5, n),
        "exponential": rng.exponential(1, n),
        "mostly_zero": rng.exponential(1000, n) * (rng.random(n) < 0.08),
        "cauchy_0": rng.standard_cauchy(n),
        "cauchy_1": rng.standard_t(2, n),
        "count": rng.poisson(0.3, n),
        "zipf": np.minimum(rng.zipf(1.5, n), 10**6),
        "city": rng.integers(0, 200, n).astype(str),
        "code": rng.integers(0, 60, n).astype(str),
        "noise": rng.normal(size=n),
    }
    X = pd.concat([pd.DataFrame(columns), legitimate], axis=1)
    return X, y.astype(int)


def precision_at_3(ranked: list[str]) -> float:
    return len(set(ranked[:3]) & set(BIASED)) / 3


def rankings(X: pd.DataFrame, y: np.ndarray, seed: int) -> dict[str, list[str]]:
    legitimate = [name for name in X if name.startswith("legitimate")]
    candidates = [name for name in X if name not in legitimate]
    found = {
        "corrected, control_features": BiasDetector(
            candidates=candidates, control_features=legitimate
        ),
        "corrected, marginal": BiasDetector(candidates=candidates),
        "paper": BiasDetector(candidates=candidates, variant="paper"),
    }
    lists = {name: d.fit(X, y).features_["feature"].tolist() for name, d in found.items()}
    codes = X[candidates].apply(lambda c: c if c.dtype.kind in "if" else pd.factorize(c)[0])
    discrete = [X[name].dtype.kind not in "f" for name in candidates]
    score = mutual_info_classif(codes, y, discrete_features=discrete, random_state=seed)
    lists["mutual_info_classif"] = [candidates[i] for i in np.argsort(-score)]
    return lists


def flags_anything(seed: int) -> tuple[bool, bool]:
    """Whether anything is flagged where no candidate goes with y: by the two ways to compare."""
    X, y = plant(seed)
    shuffled = np.random.default_rng(seed).permutation(y)
    candidates = [name for name in X if not name.startswith("legitimate")]
    control = [name for name in X if name.startswith("legitimate")]
    marginal = BiasDetector(candidates=candidates).fit(X, shuffled)
    X0, y0 = plant(seed, flips=0.0)
    nuisances = [name for name in candidates if not name.startswith("clean")]
    held = BiasDetector(candidates=nuisances, control_features=control).fit(X0, y0)
    return bool(marginal.biased_features_), bool(held.biased_features_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    n_seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    results: dict[str, list[float]] = {}
    for seed in range(n_seeds):
        for name, ranked in rankings(*plant(seed), seed).items():
            results.setdefault(name, []).append(precision_at_3(ranked))
    print(f"precision at 3, mean over {n_seeds} seeds (standard error)")
    for name, values in results.items():
        error = np.std(values, ddof=1) / np.sqrt(n_seeds)
        print(f"  {name:30s} {np.mean(values):.3f} ({error:.3f})")
    flagged = np.array([flags_anything(1000 + seed) for seed in range(4 * n_seeds)])
    for name, share in zip(
        ("labels permuted", "no flips, controlled"), flagged.mean(0), strict=True
    ):
        print(f"data sets with any flag, {name}: {share:.3f} of {len(flagged)}")


if __name__ == "__main__":
    main()
