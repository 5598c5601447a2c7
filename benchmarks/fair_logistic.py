"""Fair logistic regressions: skfair, scikit-lego and AIF360 on Adult, in one run.

Every method gets the same standardised columns without the sensitive one, and a grid of its own
parameter. Accuracy at a violation is read off the upper hull of (violation, accuracy) on test rows,
so between two models it is that of tossing a coin between them; the model that always says no, with
violation 0, is open to every method. That picks on test rows, and favours a path that goes beyond
zero (scikit-lego's for equal opportunity does). So there also is the model of the best training
accuracy among those within the violation on training rows: its accuracy and its violation on test
rows. Differences from the peer are in percentage points, paired over splits, with Student's 95 %
intervals.

AIF360's PrejudiceRemover runs its authors' script in a subprocess, as AIF360 itself does; it fits
one model for each group. Its grid is short, since it loops over rows.

    python benchmarks/fair_logistic.py [--splits 5] [--rows 8000] [--only lego aif360 speed]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair.datasets import load_adult
from skfair.inprocessing import FairLogisticRegression, PrejudiceRemover
from skfair.metrics import demographic_parity_difference, equal_opportunity_difference

METRICS = {
    "demographic_parity": demographic_parity_difference,
    "equal_opportunity": equal_opportunity_difference,
}
LEVELS = (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15)
COVARIANCES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.4)
TOLS = (0.0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16)
ETAS = (0.0, 1.0, 5.0, 20.0, 50.0, 100.0)
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Split(NamedTuple):
    train: tuple[np.ndarray, np.ndarray, np.ndarray]  # X, y, whether male
    test: tuple[np.ndarray, np.ndarray, np.ndarray]


def read() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X, y = load_adult(return_X_y=True)
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(
                sparse_output=False, min_frequency=100, handle_unknown="infrequent_if_exist"
            ),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    matrix = encode.fit_transform(X.drop(columns=["fnlwgt", "sex"]))
    return matrix, (y == ">50K").to_numpy().astype(int), (X["sex"] == "Male").to_numpy().astype(int)


def splits(n_splits: int, n_train: int) -> Iterator[Split]:
    arrays = read()
    for seed in range(n_splits):
        both = train_test_split(*arrays, train_size=n_train, random_state=seed)
        yield Split(tuple(both[::2]), tuple(both[1::2]))


def with_lego(split: Split, criterion: str, covariance: float) -> Predict:
    from sklego.linear_model import DemographicParityClassifier, EqualOpportunityClassifier

    X, y, male = split.train
    options: dict[str, Any] = {"sensitive_cols": [X.shape[1]], "covariance_threshold": covariance}
    kind = DemographicParityClassifier
    if criterion == "equal_opportunity":
        kind, options = EqualOpportunityClassifier, options | {"positive_target": 1}
    model = kind(**options).fit(np.column_stack([X, male]), y)
    return lambda X, male: model.predict(np.column_stack([X, male]))


def with_skfair(
    split: Split, criterion: str, value: float, kind: str = "covariance", **options: Any
) -> Predict:
    X, y, male = split.train
    if kind in ("covariance", "equal"):  # the same problem as scikit-lego's, or with L2
        among = male if criterion == "demographic_parity" else male[y == 1]
        value = value / (among.mean() * (1 - among.mean()))
    l1_ratio = 1.0 if kind == "equal" else 0.0
    model: Any = FairLogisticRegression(
        constraints=criterion,
        tol=value,
        method="gap" if kind == "gap" else "covariance",
        l1_ratio=l1_ratio,
        random_state=0,
        **options,
    ).fit(X, y, sensitive_features=male)
    return lambda X, male: model.predict(X)


def with_remover(split: Split, criterion: str, eta: float, separate: bool = False) -> Predict:
    X, y, male = split.train
    model = PrejudiceRemover(eta=eta, separate=separate, random_state=0, n_starts=1)
    model.fit(X, y, sensitive_features=male)
    return lambda X, male: model.predict(X, sensitive_features=male)


def with_aif360(split: Split, criterion: str, eta: float) -> Predict:
    """Run the scripts that AIF360's PrejudiceRemover runs."""
    import aif360

    scripts = Path(aif360.__file__).parent / "algorithms/inprocessing/kamfadm-2012ecmlpkdd"
    folder = Path(tempfile.mkdtemp())
    model = folder / "model"

    def call(script: str, *arguments: Any) -> None:
        command = [sys.executable, "-W", "ignore", scripts / script, *arguments, "--quiet"]
        subprocess.run([str(part) for part in command], check=True)

    def table(X: np.ndarray, male: np.ndarray, y: np.ndarray) -> Path:
        np.savetxt(folder / "rows", np.column_stack([X, male, y]))
        return folder / "rows"

    X, y, male = split.train
    call("train_pr.py", "-e", eta, "-i", table(X, male, y), "-o", model)

    def predict(X: np.ndarray, male: np.ndarray) -> np.ndarray:
        rows, out = table(X, male, np.zeros(len(X))), folder / "predictions"
        call("predict_lr.py", "-i", rows, "-m", model, "-o", out)
        return np.loadtxt(out)[:, 1].astype(int)

    return predict


def hull_at(points: list[tuple[float, float]], levels: tuple[float, ...]) -> np.ndarray:
    """Accuracy at violations: the upper hull of the points, flat after the best one."""
    best: list[tuple[float, float]] = []
    for v, a in sorted(points, key=lambda point: (point[0], -point[1])):
        if best and a <= best[-1][1]:
            continue
        while len(best) > 1 and (a - best[-2][1]) * (best[-1][0] - best[-2][0]) >= (
            best[-1][1] - best[-2][1]
        ) * (v - best[-2][0]):
            best.pop()
        best.append((v, a))
    violation, accuracy = np.array(best).T
    return np.interp(levels, violation, accuracy)


class Curve(NamedTuple):
    hull: np.ndarray  # test accuracy by level
    picked: np.ndarray  # test accuracy and test violation by level, picked on training rows
    seconds: float


def frontier(
    split: Split, criterion: str, fit: Callable[..., Predict], grid: tuple[float, ...]
) -> Curve:
    begin = time.perf_counter()
    rules = [fit(split, criterion, value) for value in grid]
    seconds = (time.perf_counter() - begin) / len(grid)
    rules.append(lambda X, male: np.zeros(len(X), dtype=int))

    def points(part: tuple[np.ndarray, ...]) -> np.ndarray:
        X, y, male = part
        found = []
        for rule in rules:
            predicted = rule(X, male)
            gap = METRICS[criterion](y, predicted, sensitive_features=male)
            found.append((gap, float((predicted == y).mean())))
        return np.array(found)

    train, test = points(split.train), points(split.test)
    best = [np.where(train[:, 0] <= v + 1e-12, train[:, 1], -1).argmax() for v in LEVELS]
    return Curve(hull_at([tuple(p) for p in test], LEVELS), test[best].T[::-1], seconds)


def paired(difference: np.ndarray) -> str:
    n = len(difference)
    half = t.ppf(0.975, n - 1) * difference.std(axis=0, ddof=1) / np.sqrt(n)
    return "".join(
        f"{m:+8.2f}±{h:<5.2f}" for m, h in zip(difference.mean(axis=0), half, strict=True)
    )


def compare(name: str, peer: Any, ours: dict[str, Any], data: list[Split], criterion: str) -> None:
    def over(method: tuple[Any, tuple[float, ...]]) -> list[Curve]:
        return [frontier(split, criterion, *method) for split in data]

    print(f"\n{criterion}: {name}, {len(data)} splits of {len(data[0].train[0]):,} rows")
    print(f"{'violation':40}" + "".join(f"{level:>14}" for level in LEVELS))
    theirs = over(peer)
    hulls = np.array([curve.hull for curve in theirs])
    picked = np.array([curve.picked for curve in theirs])
    rows = {"hull of test rows": hulls, "picked: accuracy": picked[:, 0]}
    for title, values in (rows | {"picked: violation": picked[:, 1]}).items():
        show = "".join(f"{100 * value:14.2f}" for value in values.mean(axis=0))
        print(f"{f'{name}, {title}':40}{show}")
    for label, method in ours.items():
        found = over(method)
        faster = np.mean([a.seconds / b.seconds for a, b in zip(theirs, found, strict=True)])
        print(f"{label}: peer's seconds over ours {faster:.1f}")
        gains = np.array([curve.picked for curve in found]) - picked
        print(
            f"{'  hull of test rows':40}{paired(100 * (np.array([c.hull for c in found]) - hulls))}"
        )
        print(f"{'  picked: accuracy':40}{paired(100 * gains[:, 0])}")
        print(f"{'  picked: violation':40}{paired(100 * gains[:, 1])}", flush=True)


def lego(data: list[Split]) -> None:
    for criterion in METRICS:
        ours = {
            "skfair covariance, L1 as the peer": (
                lambda *a: with_skfair(*a, kind="equal"),
                COVARIANCES,
            ),
            "skfair covariance, L2": (with_skfair, COVARIANCES),
            "skfair gap, L2": (lambda *a: with_skfair(*a, kind="gap", n_starts=1), TOLS),
        }
        compare("scikit-lego", (with_lego, COVARIANCES), ours, data, criterion)


def aif(data: list[Split]) -> None:
    criterion = "demographic_parity"
    ours = {
        "skfair separate": (lambda *a: with_remover(*a, separate=True), ETAS),
        "skfair shared": (with_remover, ETAS),
        "skfair gap, L2": (lambda *a: with_skfair(*a, kind="gap", n_starts=1), TOLS),
    }
    compare("AIF360", (with_aif360, ETAS), ours, data, criterion)


def speed(repeats: int = 5) -> None:
    """Time at strength 0, over LogisticRegression's with its defaults, on all rows."""
    X, y, male = read()

    def least(fit: Callable[[], Any]) -> tuple[float, Any]:
        times = []
        for _ in range(repeats):
            begin = time.perf_counter()
            model = fit()
            times.append(time.perf_counter() - begin)
        return min(times), model

    exact = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(X, y)
    reference, plain = least(lambda: LogisticRegression(max_iter=1000).fit(X, y))
    print(f"\nAdult, {len(X):,} rows, {X.shape[1]} columns, strength 0")
    print(f"  LogisticRegression: off by {np.abs(plain.coef_ - exact.coef_).max():.1e}")
    for tol in (1e-4, 1e-5, 1e-6, 1e-9):
        model = FairLogisticRegression(strength=0, solver_tol=tol)
        taken, model = least(lambda m=model: m.fit(X, y, sensitive_features=male))
        off = np.abs(model.coef_ - exact.coef_).max()
        print(f"  solver_tol={tol:g}: off by {off:.1e}, {taken / reference:.2f} times the seconds")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--rows", type=int, default=8000, help="training rows of a split")
    parser.add_argument("--only", nargs="+", default=["lego", "aif360", "speed"])
    options = parser.parse_args()
    if "lego" in options.only:
        lego(list(splits(options.splits, options.rows)))
    if "aif360" in options.only:  # 20 times slower
        aif(list(splits(options.splits, options.rows // 4)))
    if "speed" in options.only:
        speed()
