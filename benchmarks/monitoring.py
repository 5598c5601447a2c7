"""False alarms, delays and speed of the monitor, by simulation.

    python benchmarks/monitoring.py [false-alarms | bounds | delays | speed]

Replicates of a year stand side by side as cells of one test object, so that a look serves all.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import binomtest, norm

from skfair.monitoring import FairnessMonitor
from skfair.monitoring._processes import BoundTests, ChangeTests

ALPHA, DAYS, ROWS_A_DAY = 0.05, 365, 1000
SHARES = np.linspace(0.05, 0.5, 12)  # of the rows that each of 12 slices has
RATES = {
    "selection_rate": (1.0, 0.3),
    "true_positive_rate": (0.3, 0.8),
    "false_positive_rate": (0.7, 0.1),
}
REFERENCES = (500, 2_000, 10_000, 50_000)
N_TESTS = len(SHARES) * len(RATES)


def interval(hits: int, n: int) -> str:
    low, high = binomtest(hits, n).proportion_ci(method="wilson")
    return f"{hits / n:6.1%} [{low:.1%}, {high:.1%}]"


def cells(n_sims: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of the rows in each cell's denominator, and its rate, simulation by simulation."""
    inside = np.array([share * part for share in SHARES for part, _ in RATES.values()])
    rate = np.array([p for _ in SHARES for _, p in RATES.values()])
    return np.tile(inside, n_sims), np.tile(rate, n_sims)


def alarms_in_a_year(n_reference: int, n_sims: int, seed: int, *, known: bool = False) -> int:
    """Simulated years without a change that had an alert."""
    rng = np.random.default_rng([seed, n_reference])
    inside, rate = cells(n_sims)
    n = rng.binomial(n_reference, inside)
    k = rng.binomial(n, rate)
    if known:  # as if the reference's rates were the truth
        k, n = k * 100_000, n * 100_000
    tests = ChangeTests(k, n, [1] * len(inside))
    for day in range(DAYS):
        n = rng.binomial(ROWS_A_DAY, inside)
        tests.look(rng.binomial(n, rate), n, rng.random(len(n)), day)
    found = tests.log_e.reshape(n_sims, N_TESTS).max(axis=1)
    return int((found > np.log(N_TESTS / ALPHA)).sum())


def report_false_alarms(n_sims: int = 400) -> None:
    print(f"Years with any false alert: {DAYS} daily looks, {len(SHARES)} slices, {N_TESTS} tests")
    print(f"({n_sims} simulated years, {ROWS_A_DAY} rows a day, Wilson's 95 % interval)")
    print("rows of reference   monitor                  reference taken as known")
    for n_reference in REFERENCES:
        own = sum(alarms_in_a_year(n_reference, 25, seed) for seed in range(n_sims // 25))
        seeds = range(1000, 1000 + n_sims // 100)
        naive = sum(alarms_in_a_year(n_reference, 25, seed, known=True) for seed in seeds)
        row = f"{n_reference:>17,}   {interval(own, n_sims):24} {interval(naive, n_sims // 4)}"
        print(row, flush=True)


def report_bounds(n_sims: int = 300) -> None:
    """Gaps that lie on their bound all year, while the rates wander."""
    rng = np.random.default_rng(3)
    n_cells = n_sims * len(SHARES)
    terms = np.arange(2 * n_cells).reshape(n_cells, 2)
    terms = np.concatenate([terms, terms[:, ::-1]])
    sides = np.tile([1.0, -1.0], (2 * n_cells, 1))
    size = np.repeat(np.tile(SHARES, n_sims), 2) * np.tile([0.3, 0.7], n_cells)
    gap = np.tile([0.1, 0.0], n_cells)
    for name, swing in (("constant rates", 0.0), ("rates that wander by 0.2", 0.2)):
        n = rng.binomial(2000, size)
        tests = BoundTests(rng.binomial(n, 0.4 + gap), n, terms, sides, np.full(2 * n_cells, 0.1))
        worst = np.full(n_cells, -np.inf)
        for day in range(DAYS):
            level = 0.4 + swing * np.sin(day / 20)
            n = rng.binomial(ROWS_A_DAY, size)
            tests.look(rng.binomial(n, level + gap), n, day)
            both = logsumexp(tests._evidence(), axis=0).reshape(2, n_cells)
            worst = np.maximum(worst, np.logaddexp(*both) - np.log(2))
        found = worst.reshape(n_sims, len(SHARES)).max(axis=1)
        hits = int((found > np.log(len(SHARES) / ALPHA)).sum())
        print(f"gap on its bound, {name}: {interval(hits, n_sims)}", flush=True)


def z_test(k: Any, n: Any, k0: Any, n0: Any) -> np.ndarray:
    """P-value of two proportions, pooled."""
    p = (k + k0) / (n + n0)
    spread = np.sqrt(np.maximum(p * (1 - p) * (1 / np.maximum(n, 1) + 1 / n0), 1e-12))
    return 2 * norm.sf(np.abs(k / np.maximum(n, 1) - k0 / n0) / spread)


def drop(rng: np.random.Generator, at: int, n_sims: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Days of a group with 10 % of the traffic, 40 % of it positive; TPR falls from 0.8 to 0.7."""
    for day in range(DAYS):
        n = rng.binomial(ROWS_A_DAY, 0.04, n_sims)
        yield rng.binomial(n, 0.8 if day < at else 0.7), n


def delays(at: int, n_reference: int, n_sims: int) -> dict[str, np.ndarray]:
    """Day of the first alert, or infinity, by method."""
    rng = np.random.default_rng([4, at, n_reference])
    n0 = rng.binomial(n_reference, 0.04, n_sims)
    k0 = rng.binomial(n0, 0.8)
    tests = ChangeTests(k0, n0, [1] * n_sims)
    first = {
        name: np.full(n_sims, np.inf) for name in ("monitor", "z, 1 day", "z, 7 days", "z, 30 days")
    }
    sums = {length: np.zeros((2, n_sims)) for length in (1, 7, 30)}
    for day, (k, n) in enumerate(drop(rng, at, n_sims)):
        tests.look(k, n, rng.random(n_sims), day)
        alerted = tests.log_e > np.log(N_TESTS / ALPHA)
        first["monitor"][alerted & np.isinf(first["monitor"])] = day
        for length, total in sums.items():
            total += [k, n]
            if (day + 1) % length == 0:
                looks = DAYS // length
                hit = z_test(*total, k0, n0) < ALPHA / (N_TESTS * looks)
                name = f"z, {length} day{'s' if length > 1 else ''}"
                first[name][hit & np.isinf(first[name])] = day
                total[:] = 0
    return first


def report_delays(n_sims: int = 500) -> None:
    print(
        f"TPR from 0.8 to 0.7 in a group of 10 % of {ROWS_A_DAY} rows a day ({n_sims} simulations)"
    )
    print(
        "reference  change on day  method       median days  90 % within  found in 180  too early"
    )
    for n_reference in (2_000, 10_000, 50_000):
        for at in (0, 100):
            for name, day in delays(at, n_reference, n_sims).items():
                wait = np.where(day < at, np.inf, day - at + 1)
                early, late = (day < at).mean(), (wait <= 180).mean()
                middle, long = np.quantile(wait, [0.5, 0.9], method="higher")
                print(
                    f"{n_reference:>9,}  {at:>13}  {name:11}  {middle:>11}  {long:>11}"
                    f"  {late:>12.0%}  {early:>9.1%}",
                    flush=True,
                )


def report_speed(n: int = 2_000_000) -> None:
    rng = np.random.default_rng(5)
    sex, race = rng.integers(0, 2, n), rng.integers(0, 5, n)
    y, decided = rng.binomial(1, 0.4, n), rng.binomial(1, 0.5, n)
    seconds = np.sort(rng.integers(0, 7 * 86400, n)).astype("timedelta64[s]")
    times = np.datetime64("2026-01-01", "ns") + seconds
    words = np.array(["f", "m"], dtype=object)[sex]
    groups = {"integers": sex, "strings": words, "two features": {"sex": sex, "race": race}}
    for name, given in groups.items():
        monitor = FairnessMonitor(criteria=["demographic_parity", "equalized_odds"])
        columns = given if isinstance(given, dict) else {"sex": given}
        monitor.fit(
            y_true=y[:10_000],
            y_pred=decided[:10_000],
            sensitive_features={key: x[:10_000] for key, x in columns.items()},
        )
        best = np.inf
        for week in range(5):  # each brings new windows, and the looks at those before
            now = times + np.timedelta64(7 * week, "D")
            start = time.perf_counter()
            monitor.update(y_true=y, y_pred=decided, sensitive_features=columns, timestamps=now)
            best = min(best, time.perf_counter() - start)
        print(f"update from arrays, {name}: {n / best / 1e6:.1f} million rows a second", flush=True)


REPORTS = {
    "false-alarms": report_false_alarms,
    "bounds": report_bounds,
    "delays": report_delays,
    "speed": report_speed,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or REPORTS:
        REPORTS[chosen]()
