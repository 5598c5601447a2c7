"""Threshold rules: skfair, fairlearn and error-parity, in one run.

Adult, German and Heart, logistic regression and gradient boosting, repeated splits. Every
method gets the same fitted model and the training rows; accuracy and violation are measured on
test rows, for tolerances from 0.01 to 0.15 (fairlearn knows none). Times are in ``speed.py``.

    python benchmarks/thresholds.py [--splits 10] [--data adult german heart]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair.criteria import get_criterion
from skfair.datasets import load_adult, load_german, load_heart
from skfair.groups import Bins
from skfair.postprocessing import ThresholdOptimizer
from skfair.tally import Tally

TOLS = (0.01, 0.05, 0.1, 0.15)
TEST_SHARE = 0.3
CRITERIA = ("demographic_parity", "equalized_odds")


def data_sets() -> dict[str, tuple[pd.DataFrame, np.ndarray, np.ndarray]]:
    X, y = load_adult(return_X_y=True)
    found = {"adult": (X.drop(columns="fnlwgt"), (y == ">50K").to_numpy(), X["sex"].to_numpy())}
    X, y = load_german(return_X_y=True)
    age = np.asarray(Bins("age", [25])(X).astype(str))
    found["german"] = (X, (y == "good").to_numpy(), age)
    X, y = load_heart(return_X_y=True)
    found["heart"] = (X, (y == "presence").to_numpy(), X["sex"].astype(str).to_numpy())
    return found


def models() -> dict[str, Any]:
    encode = make_column_transformer(
        (
            make_pipeline(SimpleImputer(), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    return {
        "logistic": make_pipeline(encode, LogisticRegression(max_iter=1000)),
        "boosting": make_pipeline(encode, HistGradientBoostingClassifier(random_state=0)),
    }


class Given(ClassifierMixin, BaseEstimator):
    """A fitted model of scores that are given: X is the score."""

    def fit(self, X: Any, y: Any) -> Given:
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X: Any) -> np.ndarray:
        return (np.asarray(X)[:, 0] >= 0.5).astype(int)

    def predict_proba(self, X: Any) -> np.ndarray:
        score = np.asarray(X)[:, 0]
        return np.column_stack([1 - score, score])


def of_fairlearn(score: np.ndarray, y: np.ndarray, group: np.ndarray, criterion: str) -> Callable:
    from fairlearn.postprocessing import ThresholdOptimizer as Peer

    model = Peer(
        estimator=Given().fit(None, None),
        constraints=criterion,
        prefit=True,
        predict_method="predict_proba",
    )
    model.fit(score[:, None], y, sensitive_features=group)
    return lambda s, g: model.predict(s[:, None], sensitive_features=g, random_state=0)


def of_error_parity(
    score: np.ndarray, y: np.ndarray, group: np.ndarray, criterion: str, tol: float
) -> Callable:
    from error_parity import RelaxedThresholdOptimizer

    names, codes = np.unique(group, return_inverse=True)
    model = RelaxedThresholdOptimizer(
        predictor=lambda X: X[:, 0], constraint=criterion, tolerance=tol, seed=0
    )
    model.fit(X=score[:, None], y=y.astype(int), group=codes)
    return lambda s, g: model.predict(s[:, None], group=np.searchsorted(names, g))


def rules(model: Any, X: pd.DataFrame, y: np.ndarray, group: np.ndarray, criterion: str) -> dict:
    """Decisions of each method, as functions of (X, score, group)."""
    score = model.predict_proba(X)[:, 1]
    found: dict[tuple[str, float], Callable] = {
        ("nothing", 0.0): lambda X, s, g: s >= 0.5,
    }
    peer = of_fairlearn(score, y, group, criterion)
    found["fairlearn", 0.0] = lambda X, s, g: peer(s, g)
    for tol in TOLS:
        other = of_error_parity(score, y, group, criterion, tol)
        found["error-parity", tol] = lambda X, s, g, other=other: other(s, g)
    fitted = ThresholdOptimizer(model, constraints=criterion, tol=TOLS[0], random_state=0)
    fitted.fit(X, y, sensitive_features=group)
    for name, options in (
        ("skfair", {}),
        ("skfair, shrinkage=None", {"shrinkage": None}),
        ("skfair, randomized", {"randomized": True, "shrinkage": None}),
    ):
        for tol in TOLS:
            again = refit(fitted, {"tol": tol, **options})
            found[name, tol] = lambda X, s, g, again=again: again.predict(X, sensitive_features=g)
    return found


def refit(fitted: ThresholdOptimizer, options: dict[str, Any]) -> ThresholdOptimizer:
    """The same out-of-fold scores under other options."""
    from copy import copy

    again = copy(fitted).set_params(**options)
    again._fit_rule(*fitted.rows_)
    return again


def quality(n_splits: int, names: list[str]) -> None:
    original = ThresholdOptimizer._fit_rule

    def keeping(self: Any, *rows: Any) -> None:
        self.rows_ = rows
        original(self, *rows)

    ThresholdOptimizer._fit_rule = keeping  # type: ignore[method-assign]
    for name in names:
        X, y, group = data_sets()[name]
        for model_name, model in models().items():
            for criterion in CRITERIA:
                results: dict[tuple[str, float], list[tuple[float, float]]] = {}
                split = ShuffleSplit(n_splits, test_size=TEST_SHARE, random_state=0)
                for train, test in split.split(X):
                    fitted = model.fit(X.iloc[train], y[train])
                    score = fitted.predict_proba(X.iloc[test])[:, 1]
                    made = rules(fitted, X.iloc[train], y[train], group[train], criterion)
                    for key, rule in made.items():
                        chosen = np.asarray(rule(X.iloc[test], score, group[test])).astype(int)
                        tally = Tally.from_arrays(y[test].astype(int), chosen, group[test])
                        gap = float(get_criterion(criterion)(tally.cells()))
                        right = float((chosen == y[test]).mean())
                        results.setdefault(key, []).append((right, gap))
                show(f"{name}, {model_name}, {criterion}", results, n_splits)


def show(title: str, results: dict, n: int) -> None:
    print(f"\n{title}: accuracy and violation on test, mean ± 95 % half-width of {n} splits")
    scale = np.sqrt(1 / n + TEST_SHARE / (1 - TEST_SHARE)) * (t.ppf(0.975, n - 1) if n > 1 else 0)
    for (name, tol), values in results.items():
        table = np.array(values)
        half = table.std(axis=0, ddof=1) * scale if n > 1 else np.zeros(2)
        mean = table.mean(axis=0)
        shown = " | ".join(f"{m:.3f} ± {h:.3f}" for m, h in zip(mean, half, strict=True))
        print(f"| {name} | {tol:.2f} | {shown} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--data", nargs="+", default=["adult", "german", "heart"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    quality(options.splits, options.data)


if __name__ == "__main__":
    main()
