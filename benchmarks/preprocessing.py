"""What mitigation of the data buys and costs: Adult and German, before and after each method.

Ten random splits, 70 % to train. Nothing is tuned: every method runs at its defaults, the model is
a logistic regression. Figures are means over the splits with 95 % intervals that allow for the
splits sharing rows (Nadeau and Bengio's corrected resampled t).

    python benchmarks/preprocessing.py [--splits 10] [--data adult german]
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair.datasets import load_adult, load_german
from skfair.groups import Bins
from skfair.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equal_opportunity_difference,
    false_negative_rate,
    false_positive_rate,
)
from skfair.preprocessing import (
    CorrelationRemover,
    DisparateImpactRemover,
    GroupBalancer,
    LabelMassager,
    LearnedFairRepresentation,
    OptimizedPreprocessor,
    Resampler,
    Reweighter,
)

TEST_SHARE = 0.3


def data_sets() -> dict[str, tuple[pd.DataFrame, np.ndarray, str, list[str]]]:
    """Features with the group as a column, labels, that column's name, and discrete columns."""
    X, y = load_adult(return_X_y=True)
    rich = (y == ">50K").to_numpy().astype(int)
    adult = X.drop(columns="fnlwgt"), rich, "sex", ["education"]
    X, y = load_german(return_X_y=True)
    X = X.assign(age_group=Bins("age", [25])(X).astype(str).to_numpy()).drop(columns="age")
    good = (y == "good").to_numpy().astype(int)
    return {"adult": adult, "german": (X, good, "age_group", ["employment_since", "savings"])}


def encoder(group: str | None = None):
    """One-hot and scaled; the group, if named, stays a column by itself under its own name."""
    steps = [
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(pattern=f"^(?!{group}$)", dtype_exclude="number"),
        ),
    ]
    if group is not None:
        steps.append(("passthrough", [group]))
    made = make_column_transformer(*steps, verbose_feature_names_out=False)
    return made.set_output(transform="pandas")


def methods(group: str, discrete: list[str]) -> dict[str, object]:
    model = LogisticRegression(max_iter=2000)
    plain = make_pipeline(encoder(), model)
    named = {"sensitive_features": group}
    seed = {**named, "random_state": 0}
    return {
        "nothing": plain,
        "Reweighter": Reweighter(plain, **named),
        "Resampler, parity": Resampler(plain, **seed),
        "Resampler, parity, preferential": Resampler(plain, ranker=plain, **seed),
        "Resampler, balance": Resampler(plain, strategy="balance", **seed),
        "Resampler, balance, over, SMOTE": Resampler(
            model,
            preprocessor=encoder(),
            strategy="balance",
            method="over",
            sampler=smote(),
            **seed,
        ),
        "LabelMassager": LabelMassager(plain, **named),
        "GroupBalancer": GroupBalancer(plain, **named),
        "GroupBalancer, balance": GroupBalancer(plain, strategy="balance", **named),
        "CorrelationRemover": make_pipeline(encoder(group), CorrelationRemover(**named), model),
        "DisparateImpactRemover": make_pipeline(
            encoder(group), DisparateImpactRemover(**named), model
        ),
        "LearnedFairRepresentation": make_pipeline(
            encoder(group), LearnedFairRepresentation(random_state=0, **named), model
        ),
        "OptimizedPreprocessor": OptimizedPreprocessor(plain, columns=discrete, **seed),
    }


def smote():
    from imblearn.over_sampling import SMOTE

    return SMOTE()


def measure(model, X: pd.DataFrame, y: np.ndarray, group: pd.Series) -> dict[str, float]:
    y_pred, score = model.predict(X), model.predict_proba(X)[:, 1]
    rates = {"FPR": false_positive_rate, "FNR": false_negative_rate}
    frame = MetricFrame(metrics=rates, y_true=y, y_pred=y_pred, sensitive_features=group)
    by_group = {
        f"{name} {label}": value
        for name, column in frame.by_group.items()
        for label, value in column.items()
    }
    return {
        "accuracy": accuracy_score(y, y_pred),
        "AUC": roc_auc_score(y, score),
        "parity gap": demographic_parity_difference(y, y_pred, sensitive_features=group),
        "TPR gap": equal_opportunity_difference(y, y_pred, sensitive_features=group),
        **by_group,
    }


def interval(values: np.ndarray) -> str:
    """Mean and half-width over splits that share rows."""
    n = len(values)
    spread = values.std(ddof=1) * np.sqrt(1 / n + TEST_SHARE / (1 - TEST_SHARE))
    return f"{values.mean():.3f} ± {t.ppf(0.975, n - 1) * spread:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--data", nargs="+", default=["adult", "german"])
    parser.add_argument("--only", nargs="+", help="parts of names of methods")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.data:
        X, y, group, discrete = data_sets()[name]
        rows = {}
        for method, model in methods(group, discrete).items():
            if options.only and not any(part in method for part in options.only):
                continue
            start = time.perf_counter()
            found = []
            split = ShuffleSplit(options.splits, test_size=TEST_SHARE, random_state=0)
            for train, test in split.split(X):
                fitted = clone(model).fit(X.iloc[train], y[train])
                found.append(measure(fitted, X.iloc[test], y[test], X[group].iloc[test]))
            seconds = (time.perf_counter() - start) / options.splits
            table = pd.DataFrame(found)
            rows[method] = {c: interval(table[c].to_numpy()) for c in table} | {
                "seconds": f"{seconds:.1f}"
            }
            print(name, method, rows[method], flush=True)
        frame = pd.DataFrame(rows).T
        print(f"\n| {name} | {' | '.join(frame.columns)} |")
        print("|---" * (len(frame.columns) + 1) + "|")
        for method, row in frame.iterrows():
            print(f"| {method} | {' | '.join(row)} |")
        print()


if __name__ == "__main__":
    main()
