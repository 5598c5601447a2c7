"""Do intervals cover and tests hold their level? Sums over all outcomes, and simulation."""

from __future__ import annotations

import importlib.util
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from skfair.criteria._limits import Limits, difference_limits, wilson_interval
from skfair.criteria._simultaneous import critical_value

PATH = Path(__file__).parents[2] / "benchmarks" / "coverage.py"
SPEC = importlib.util.spec_from_file_location("coverage_simulation", PATH)
simulation = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(simulation)

Z = critical_value(0.95)
LINKS = (1, 3, 1 / 3)


def error(p, n_sims, times=3):
    return times * np.sqrt(p * (1 - p) / n_sims)


def wilson_of_all_counts(n):
    p = np.arange(n + 1) / n
    return Limits(p, *wilson_interval(p, np.full(n + 1, float(n)), Z))


@pytest.mark.parametrize("n", [200, 500, 1000, 5000, 20_000])
def test_a_rates_interval_covers_exactly(n):
    limits = wilson_of_all_counts(n)
    for p in np.linspace(max(10 / n, 0.02), 0.5, 60):
        inside = (limits.low <= p) & (p <= limits.high)
        assert 0.93 <= binom.pmf(np.flatnonzero(inside), n, p).sum() <= 0.98


@pytest.mark.parametrize(("n", "m"), [(200, 200), (200, 1000)])
def test_a_differences_interval_covers_exactly(n, m):
    a, b = wilson_of_all_counts(n), wilson_of_all_counts(m)
    pairs = difference_limits(Limits(*(x[:, None] for x in a)), Limits(*(x[None, :] for x in b)))
    for p, q in product((0.05, 0.1, 0.3, 0.5), repeat=2):
        inside = (pairs.low <= p - q) & (p - q <= pairs.high)
        chance = binom.pmf(np.arange(n + 1), n, p)[:, None] * binom.pmf(np.arange(m + 1), m, q)
        assert 0.93 <= chance[inside].sum() <= 0.98


# ---------------------------------------------------------------- quick looks


def test_weighted_intervals_cover():
    rng = np.random.default_rng(0)
    for weights, link in (("gamma(1)", 3), ("lognormal(1)", 1)):
        for n, p in ((200, 0.05), (500, 0.3)):
            covers = simulation.rate_coverage(rng, n, p, 2000, weights=weights, link=link)
            assert 0.93 - error(0.93, 2000) <= covers <= 0.98


@pytest.mark.slow
def test_a_gap_of_zero_is_covered():
    rng = np.random.default_rng(0)
    for n_groups in (2, 4):
        cells = simulation.cells_of(0.4, np.full(n_groups, 0.5), 0.2)
        tallies = simulation.many_groups(rng, [500] * n_groups, cells, 300)
        covers, _ = simulation.gap_coverage(tallies, "equalized_odds", cells)
        assert covers >= 0.95 - error(0.95, 300)


def test_no_disparity_is_rarely_rejected():
    rng = np.random.default_rng(0)
    cells = simulation.no_disparity("equalized_odds", 4)
    tallies = simulation.many_groups(rng, simulation.UNEQUAL[4], cells, 400)
    found = simulation.rejections(tallies, "equalized_odds", alpha=0.1, n_resamples=99)
    assert 0.1 - error(0.1, 400) <= found <= 0.1 + error(0.1, 400)


# ---------------------------------------------------------------- the grid


@pytest.mark.slow
@pytest.mark.parametrize("weights", [*simulation.WEIGHTS])
def test_intervals_of_weighted_rates_cover(weights):
    rng = np.random.default_rng(1)
    cases = [(200, 0.05), (200, 0.3), (500, 0.02), (1000, 0.02), (1000, 0.5), (5000, 0.02)]
    for link, (n, p) in product(LINKS, cases):
        n_sims = 4000 if n < 5000 else 1500
        covers = simulation.rate_coverage(rng, n, p, n_sims, weights=weights, link=link)
        assert 0.93 - error(0.93, n_sims, 2) <= covers <= 0.98, (link, n, p)


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["none", *simulation.WEIGHTS])
def test_intervals_of_differences_cover(weights):
    rng = np.random.default_rng(2)
    cases = [
        ((200, 0.05), (200, 0.05)),
        ((200, 0.05), (200, 0.5)),
        ((500, 0.02), (1000, 0.1)),
        ((1000, 0.02), (5000, 0.02)),
    ]
    for link, (a, b) in product(LINKS[: 1 if weights == "none" else 3], cases):
        covers = simulation.difference_coverage(rng, a, b, 2000, weights=weights, link=link)
        assert 0.93 - error(0.93, 2000, 2) <= covers <= 0.98, (link, a, b)


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [2, 4, 12])
@pytest.mark.parametrize(
    "name", ["demographic_parity", "equal_opportunity", "equalized_odds", "average_odds"]
)
def test_intervals_of_gaps_cover(name, n_groups):
    rng = np.random.default_rng(3)
    for gap, table in product((0.0, 0.05, 0.3), (simulation.SIZES, simulation.UNEQUAL)):
        tpr = np.linspace(0.4, 0.4 + gap, n_groups)
        cells = simulation.cells_of(0.4, tpr, tpr if name == "demographic_parity" else 0.2)
        tallies = simulation.many_groups(rng, table[n_groups], cells, 800)
        covers, _ = simulation.gap_coverage(tallies, name, cells)
        assert covers >= 0.95 - error(0.95, 800), (gap, table[n_groups])


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"gap": "ratio"}, {"method": "to_overall"}])
@pytest.mark.parametrize("n_groups", [2, 4])
def test_intervals_of_other_gaps_cover(n_groups, options):
    rng = np.random.default_rng(4)
    for gap in (0.0, 0.2):
        rate = np.linspace(0.2, 0.2 + gap, n_groups)
        cells = simulation.cells_of(0.4, rate, rate)
        sizes = simulation.UNEQUAL[n_groups]
        if "method" in options:
            covers = simulation.overall_coverage(rng, sizes, cells, 1000)
        else:
            tallies = simulation.many_groups(rng, sizes, cells, 1000)
            covers, _ = simulation.gap_coverage(tallies, "demographic_parity", cells, **options)
        assert covers >= 0.95 - error(0.95, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["gamma(1)", "lognormal(1)"])
def test_intervals_of_weighted_gaps_cover(weights):
    rng = np.random.default_rng(5)
    for n_groups, gap in product((2, 4), (0.0, 0.2)):
        rate = np.linspace(0.2, 0.2 + gap, n_groups)
        cells = simulation.cells_of(0.4, rate, rate)
        sizes = (200, 500, 1000, 2000)[:n_groups]
        tallies = simulation.heavy_groups(rng, sizes, cells, 600, weights)
        covers, _ = simulation.gap_coverage(tallies, "demographic_parity", cells)
        assert covers >= 0.93 - error(0.93, 600, 2)


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [2, 4, 12])
@pytest.mark.parametrize(
    "name", ["equal_opportunity", "predictive_parity", "equalized_odds", "demographic_parity"]
)
def test_tests_hold_their_level(name, n_groups):
    """Groups of unequal sizes and base rates: P(p <= alpha) <= alpha, and not far below."""
    rng = np.random.default_rng(6)
    cells = simulation.no_disparity(name, n_groups)
    tallies = simulation.many_groups(rng, simulation.UNEQUAL[n_groups], cells, 2000)
    pvalues = simulation.pvalues(tallies, name, n_resamples=199)
    for alpha in (0.01, 0.05, 0.1, 0.2):
        share = (pvalues <= alpha).mean()
        assert 0.5 * alpha <= share <= alpha + error(alpha, 2000)


@pytest.mark.slow
def test_tests_of_weighted_data_hold_their_level_approximately():
    rng = np.random.default_rng(7)
    for weights in ("gamma(1)", "lognormal(0.5)"):
        cells = simulation.no_disparity("demographic_parity", 3)
        tallies = simulation.heavy_groups(rng, (300, 600, 1200), cells, 1000, weights)
        found = simulation.rejections(tallies, "demographic_parity")
        assert 0.02 <= found <= 0.05 + error(0.05, 1000)
