"""Weak slices of Adult's 48,842 rows: skfair's search beside a group-by of every combination.

The group-by works on the same binned columns, as pandas categoricals and as plain text, and scores
the slices of each table; binning and ranking are not timed. By default it is measured on one in
four triples and scaled; ``--full`` runs all of them and checks that both find the same slices.
Errors are of an out-of-fold decision tree.

Run it with ``python benchmarks/slices.py [--full]``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from skfair.datasets import load_adult
from skfair.detection import find_weak_slices
from skfair.detection._features import read_features
from skfair.detection._slice_search import SliceScore, find_slices
from skfair.detection._slice_tallies import SliceRows

ALPHA, K, TRIPLES_SHOWN = 0.98, 10, 4


def read_adult() -> tuple[pd.DataFrame, pd.DataFrame, SliceRows]:
    X, y = load_adult(return_X_y=True)
    groups = [feature.groups for feature in read_features(X)]
    matrix = np.stack([g.codes for g in groups], axis=1)
    model = DecisionTreeClassifier(max_depth=6, random_state=0)
    errors = (cross_val_predict(model, matrix, y, cv=5) != y).to_numpy().astype(float)
    binned = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(g.codes, range(g.n_groups))
            for name, g in zip(X.columns, groups, strict=True)
        }
    )
    rows = SliceRows([g.codes for g in groups], [g.n_groups for g in groups], errors, None)
    return X, binned.assign(error=errors), rows


def group_by(binned: pd.DataFrame, columns: tuple[str, ...], min_size: int) -> pd.Series:
    """Positive scores of the slices of some columns."""
    n = len(binned)
    table = binned.groupby(list(columns), observed=True)["error"].agg(["size", "sum"])
    kept = table[(table["size"] >= min_size) & (table["size"] < n)]
    score = ALPHA * (kept["sum"] / kept["size"] / binned["error"].mean() - 1)
    score -= (1 - ALPHA) * (n / kept["size"] - 1)
    return score[score > 0]


def time_group_by(
    binned: pd.DataFrame, min_size: int, step: int
) -> tuple[float, dict[tuple[str, ...], Any]]:
    """Seconds of all group-bys, those of every ``step``-th triple scaled, and the scores."""
    names, seconds, tables = list(binned.columns[:-1]), 0.0, {}
    for size in (1, 2, 3):
        chosen = list(combinations(names, size))
        part = chosen[:: step if size == 3 else 1]
        start = time.perf_counter()
        tables.update({columns: group_by(binned, columns, min_size) for columns in part})
        seconds += (time.perf_counter() - start) * len(chosen) / len(part)
    return seconds, tables


def best_of(tables: dict[tuple[str, ...], Any], binned: pd.DataFrame) -> list[float]:
    """Scores of the K best distinct slices."""
    ranked = [(s, columns, key) for columns, table in tables.items() for key, s in table.items()]
    ranked.sort(key=lambda entry: (-entry[0], len(entry[1])))
    best: dict[bytes, float] = {}
    for score, columns, key in ranked:
        keys = key if isinstance(key, tuple) else (key,)
        inside = np.logical_and.reduce(
            [binned[c].to_numpy() == value for c, value in zip(columns, keys, strict=True)]
        )
        best.setdefault(inside.tobytes(), score)
        if len(best) == K:
            break
    return list(best.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    full = parser.parse_args().full
    X, binned, rows = read_adult()
    min_size = -(-len(X) // 100)
    score = SliceScore(ALPHA, rows.weight, float(rows.errors.sum()))
    whole, search = [], []
    for _ in range(7):
        start = time.perf_counter()
        result = find_weak_slices(X, errors=rows.errors, alpha=ALPHA, k=K)
        whole.append(time.perf_counter() - start)
        fresh = SliceRows(rows.codes, rows.sizes, rows.errors, None)
        start = time.perf_counter()
        found, _ = find_slices(fresh, score, min_size=min_size, max_predicates=3, k=K)
        search.append(time.perf_counter() - start)
    step = 1 if full else TRIPLES_SHOWN
    slow, tables = time_group_by(binned, min_size, step)
    fast, bare = statistics.median(whole), statistics.median(search)
    scaled = "" if full else f" (one in {step} triples measured, scaled)"
    print(f"{len(X):,} rows, {X.shape[1]} columns, up to 3 predicates, min_size {min_size}")
    print(f"  find_weak_slices, reading and tests included {fast:8.3f} s")
    print(f"  its search alone, on the binned columns      {bare:8.3f} s")
    print(f"  group-by of all combinations{scaled} {slow:8.3f} s")
    text = binned.assign(**{name: binned[name].astype(str) for name in X.columns})
    slow_text, _ = time_group_by(text, min_size, step)
    print(f"  the same on text                             {slow_text:8.3f} s")
    for name, time_ in (("categoricals", slow), ("text", slow_text)):
        print(f"  {name}: {time_ / bare:.0f} x the search, {time_ / fast:.0f} x the whole call")
    if full:
        same = np.allclose([f.score for f in found], best_of(tables, binned))
        print(f"  the same {K} best scores: {same}")
    print(result)


if __name__ == "__main__":
    main()
