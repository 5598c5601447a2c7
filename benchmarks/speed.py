"""How long measuring takes: skfair, fairlearn and the floor (a bare bincount), in one run.

Figures are medians of several runs, printed with their ratios; absolute times depend on the
machine, ratios less so. Run it with ``make bench``; ``--quick`` makes fairlearn's cases smaller.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import fairlearn.metrics as peer
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

import skfair.metrics as ours
from skfair.datasets import load_adult
from skfair.detection import BiasDetector
from skfair.tally._kernel import count_cells

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


def seconds(function: Callable[[], Any], runs: int = 5) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def make_data(n: int, n_groups: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_groups, n)
    names = np.array([f"group {i:04d}" for i in range(n_groups)], dtype=object)
    return {
        "y_true": rng.integers(0, 2, n),
        "y_pred": rng.integers(0, 2, n),
        "codes": codes,
        "strings": names[codes],
        "categories": pd.Series(pd.Categorical.from_codes(codes, names)),
    }


def four_rates(library: Any, data: dict[str, Any], groups: str, **options: Any) -> None:
    metrics = {name: getattr(library, name) for name in RATES} | {"accuracy": accuracy_score}
    frame = library.MetricFrame(
        metrics=metrics,
        y_true=data["y_true"],
        y_pred=data["y_pred"],
        sensitive_features=data[groups],
        **options,
    )
    assert len(frame.by_group)
    frame.difference()
    if options:
        frame.difference_ci()


def floor(data: dict[str, Any], n_groups: int) -> np.ndarray:
    """The least that any program does: codes to cells, cells to counts."""
    cells = data["codes"] * 4 + data["y_true"] * 2 + data["y_pred"]
    return np.bincount(cells, minlength=4 * n_groups)


def against_peer(n: int, n_groups: int) -> None:
    data = make_data(n, n_groups)
    bare = seconds(lambda: floor(data, n_groups))
    slow = seconds(lambda: four_rates(peer, data, "strings"), runs=1)
    print(f"\nfour rates by {n_groups} groups, {n:,} rows")
    print(f"  fairlearn MetricFrame, strings    {slow:9.4f} s")
    print(f"  bare bincount over int64 codes    {bare:9.4f} s")
    for groups in ("strings", "categories"):
        fast = seconds(partial(four_rates, ours, data, groups))
        print(
            f"  skfair MetricFrame, {groups:12s}  {fast:9.4f} s   {slow / fast:7.0f} x faster "
            f"than fairlearn, {fast / bare:5.1f} x the bare bincount"
        )
    small = [np.asarray(data[k], dtype=np.int8) for k in ("codes", "y_true", "y_pred")]
    ready = data["codes"] * 4 + data["y_true"] * 2 + data["y_pred"]
    kernel = seconds(lambda: count_cells(small, (n_groups, 2, 2)))
    counted = seconds(lambda: np.bincount(ready, minlength=4 * n_groups))
    print(
        f"  skfair's kernel over codes        {kernel:9.4f} s   {kernel / counted:5.1f} x one "
        f"bincount of ready cells ({counted:.4f} s)"
    )


def bootstrap(n: int, n_groups: int, n_boot: int, peer_boot: int) -> None:
    data = make_data(n, n_groups)
    options = {"ci_quantiles": [0.025, 0.975], "random_state": 0}
    fast = seconds(lambda: four_rates(ours, data, "strings", n_boot=n_boot, **options))
    slow = seconds(lambda: four_rates(peer, data, "strings", n_boot=peer_boot, **options), runs=1)
    slow *= n_boot / peer_boot
    scaled = f" (measured with {peer_boot}, scaled)" if peer_boot != n_boot else ""
    print(f"\n{n_boot} bootstrap replicates of four rates, {n:,} rows, {n_groups} groups")
    print(f"  fairlearn{scaled}  {slow:9.2f} s")
    print(f"  skfair     {fast:9.4f} s   {slow / fast:,.0f} x faster")


def growth() -> None:
    print("\nskfair MetricFrame, categories: seconds by rows and groups")
    sizes, groups = (10_000, 100_000, 1_000_000, 10_000_000), (2, 40, 2000)
    table = pd.DataFrame(index=[f"{n:,}" for n in sizes])
    for g in groups:
        data = [make_data(n, g) for n in sizes]
        table[f"{g} groups"] = [
            seconds(partial(four_rates, ours, part, "categories"), runs=3) for part in data
        ]
    print(table.round(4).to_string())


def detection() -> None:
    """CPU seconds of looking at all 14 columns of Adult."""
    X, y = load_adult(return_X_y=True)
    cases = {
        "BiasDetector": BiasDetector(pos_label=">50K"),
        "with groups and proxies": BiasDetector(
            pos_label=">50K", sensitive_features=["sex", "race"]
        ),
        "with control features": BiasDetector(
            pos_label=">50K", control_features=["education-num", "hours-per-week", "occupation"]
        ),
    }
    print(f"\nBiasDetector on Adult, {len(X):,} rows, {X.shape[1]} columns: seconds of CPU")
    for name, detector in cases.items():
        times = []
        for _ in range(5):
            start = time.process_time()
            detector.fit(X, y)
            times.append(time.process_time() - start)
        print(f"  {name:30s} {statistics.median(times):8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    against_peer(100_000 if quick else 1_000_000, 40)
    bootstrap(100_000, 10, 100, 2 if quick else 20)
    growth()
    detection()


if __name__ == "__main__":
    main()
