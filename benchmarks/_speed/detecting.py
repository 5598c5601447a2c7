"""Work of the detector: every value of every column against the rest."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from .case import FLOOR, OURS, Side, Size
from .data import installed


def _words(size: Size) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    names = np.array([f"value {i}" for i in range(8)], dtype=object)
    values = {f"c{j}": names[rng.integers(0, 2 + j % 7, size.rows)] for j in range(size.columns)}
    return pd.DataFrame(values, dtype=object)


def detector_of_words(size: Size) -> list[Side]:
    """Every value of columns of words against the rest."""
    from skfair.detection import BiasDetector

    X = _words(size)
    chance = 0.3 + 0.1 * (X["c0"] == "value 0")
    y = (np.random.default_rng(6).random(size.rows) < chance).astype(int).to_numpy()

    def own() -> np.ndarray:
        report = BiasDetector().fit(X, y).report_
        return report.sort_values(["feature", "value"])["label_disparity"].to_numpy(float)

    def floor() -> np.ndarray:
        found = []
        for name in sorted(X):
            codes, values = pd.factorize(X[name], sort=True)
            cells = np.bincount(codes * 2 + y, minlength=2 * len(values)).reshape(-1, 2)
            rest = cells.sum(axis=0) - cells
            found.append(rest[:, 1] / rest.sum(axis=1) - cells[:, 1] / cells.sum(axis=1))
        return np.concatenate(found)

    sides = [Side(OURS, own, np.asarray)]
    if installed("smclarify"):
        sides.append(Side("smclarify", lambda: _clarify(X, y), np.asarray))
    return [*sides, Side(FLOOR, floor, np.asarray)]


def _clarify(X: pd.DataFrame, y: np.ndarray) -> list[float]:
    """Clarify's seven pre-training metrics of every value; the difference in rates is kept."""
    from smclarify.bias.report import FacetColumn, LabelColumn, StageType, bias_report

    table, found = X.assign(y=y), {}
    label = LabelColumn("y", table["y"], [1])
    metrics = ["CI", "DPL", "KL", "JS", "LP", "TVD", "KS"]
    for name in sorted(X):
        facets = bias_report(
            table, FacetColumn(name), label, StageType.PRE_TRAINING, metrics=metrics
        )
        for facet in facets:
            kept = {m["name"]: m["value"] for m in facet["metrics"]}
            found[name, facet["value_or_threshold"]] = kept["DPL"]
    return [found[key] for key in sorted(found)]


def detector_of_numbers(size: Size) -> list[Side]:
    """Columns of numbers, binned; no peer looks at those without being given thresholds."""
    from skfair.detection import BiasDetector

    X = np.random.default_rng(7).normal(size=(size.rows, size.columns))
    y = (X[:, 0] + np.random.default_rng(8).normal(size=size.rows) > 0).astype(int)

    columns = pd.DataFrame(X)

    def floor() -> list[np.ndarray]:
        return [_counts(columns[name], y) for name in columns]

    return [Side(OURS, lambda: BiasDetector().fit(X, y)), Side(FLOOR, floor)]


def detector_of_adult(size: Size) -> list[Side]:
    """All columns of Adult, words and numbers: alone, with groups and proxies, with controls."""
    from skfair.datasets import load_adult
    from skfair.detection import BiasDetector

    X, y = load_adult(return_X_y=True)
    X, y = X.head(size.rows), y.head(size.rows)
    kinds = {
        OURS: {},
        "skfair, groups and proxies": {"sensitive_features": ["sex", "race"]},
        "skfair, controlled": {
            "control_features": ["education-num", "hours-per-week", "occupation"]
        },
    }
    sides = [
        Side(name, partial(BiasDetector(pos_label=">50K", **options).fit, X, y))
        for name, options in kinds.items()
    ]
    label = (y == ">50K").to_numpy().astype(int)

    def floor() -> list[np.ndarray]:
        return [_counts(X[name], label) for name in X]

    return [*sides, Side(FLOOR, floor)]


def _counts(column: pd.Series, label: np.ndarray) -> np.ndarray:
    """Rows by value, or by tenth, and label."""
    if column.dtype.kind in "if":
        edges = np.quantile(column, np.linspace(0, 1, 11)[1:-1])
        codes, n_codes = np.searchsorted(edges, column), 10
    else:
        codes, values = pd.factorize(column, use_na_sentinel=False)
        n_codes = len(values)
    return np.bincount(codes * 2 + label, minlength=2 * n_codes)
