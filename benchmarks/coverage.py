"""How often 95 % intervals cover, and how often tests at 5 % reject a true hypothesis.

All through skfair's own functions. Replicates of one group's data stand in one tally as if they
were groups, so that a call serves thousands of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from skfair.criteria import RATES, get_criterion
from skfair.criteria._limits import CellSums, difference_limits, rate_limits
from skfair.criteria._permutation import disparity_test
from skfair.criteria._simultaneous import critical_value
from skfair.criteria.inference import gap_interval, group_intervals
from skfair.tally import Tally

SELECTION = RATES["selection_rate"]
WEIGHTS: dict[str, Callable[[np.random.Generator, Any], np.ndarray]] = {
    "gamma(2)": lambda rng, shape: rng.gamma(2.0, size=shape),
    "gamma(1)": lambda rng, shape: rng.gamma(1.0, size=shape),
    "lognormal(0.5)": lambda rng, shape: rng.lognormal(0.0, 0.5, size=shape),
    "lognormal(1)": lambda rng, shape: rng.lognormal(0.0, 1.0, size=shape),
}
CASES = [
    (n, p)
    for n, p in product((200, 500, 1000, 5000, 20_000), (0.02, 0.05, 0.1, 0.3, 0.5))
    if n * p >= 10
]
SIZES = {2: (500, 500), 4: (500,) * 4, 12: (500,) * 12}
UNEQUAL = {2: (200, 5000), 4: (200, 500, 1000, 10_000), 12: (200,) * 6 + (1000,) * 5 + (20_000,)}


def one_group(
    rng: np.random.Generator, n: int, p: float, n_sims: int, weights: str = "none", link: float = 1
) -> tuple[Tally, float]:
    """Tally whose groups are replicates of n rows selected at rate p, and the weighted true rate.

    The weights of selected rows are multiplied by ``link``.
    """
    if weights == "none":
        chosen = rng.binomial(n, p, n_sims)
        rows = np.stack([n - chosen, chosen], axis=-1).astype(float)
        return _replicates(rows, rows, rows), p
    parts = []
    for start in range(0, n_sims, step := max(1, 1_000_000 // n)):
        shape = (min(step, n_sims - start), n)
        y = rng.random(shape) < p
        w = WEIGHTS[weights](rng, shape)
        w[y] *= link
        sums = [[(v * ~y).sum(axis=1), (v * y).sum(axis=1)] for v in (w, w * w, np.ones(shape))]
        parts.append(np.array(sums))
    rows = np.concatenate(parts, axis=-1).transpose(0, 2, 1)
    return _replicates(*rows), p * link / (p * link + 1 - p)


def _replicates(weight: np.ndarray, weight2: np.ndarray, count: np.ndarray) -> Tally:
    """Tally of rows that are all labelled 1, by prediction; each array has shape (n_sims, 2)."""
    n_sims = len(weight)
    tables = [np.zeros((n_sims, 2, 2)) for _ in range(3)]
    for table, values in zip(tables, (weight, weight2, count), strict=True):
        table[:, 1] = values
    return Tally(tuple(range(n_sims)), ("sim",), (0, 1), *tables[:2], tables[2].astype(np.int64))


def rate_coverage(
    rng: np.random.Generator, n: int, p: float, n_sims: int, **weighted: Any
) -> float:
    tally, truth = one_group(rng, n, p, n_sims, **weighted)
    found = group_intervals(tally, SELECTION)
    return float(((found.low <= truth) & (truth <= found.high)).mean())


def difference_coverage(
    rng: np.random.Generator,
    a: tuple[int, float],
    b: tuple[int, float],
    n_sims: int,
    **weighted: Any,
) -> float:
    limits, truths = [], []
    for n, p in (a, b):
        tally, truth = one_group(rng, n, p, n_sims, **weighted)
        limits.append(rate_limits(SELECTION, CellSums.of(tally, [SELECTION]), critical_value(0.95)))
        truths.append(truth)
    found, truth = difference_limits(*limits), truths[0] - truths[1]
    return float(((found.low <= truth) & (truth <= found.high)).mean())


def many_groups(
    rng: np.random.Generator, sizes: Sequence[int], cells: np.ndarray, n_sims: int
) -> Iterator[Tally]:
    """Tallies of groups of these sizes, whose rows fall into (tn, fp, fn, tp) as ``cells`` says."""
    labels = tuple(range(len(sizes)))
    drawn = np.stack(
        [rng.multinomial(n, p, n_sims) for n, p in zip(sizes, cells, strict=True)], axis=1
    ).reshape(n_sims, len(sizes), 2, 2)
    for count in drawn:
        yield Tally(labels, ("g",), (0, 1), count.astype(float), count.astype(float), count)


def heavy_groups(
    rng: np.random.Generator, sizes: Sequence[int], cells: np.ndarray, n_sims: int, weights: str
) -> Iterator[Tally]:
    """Make the same with weights, which are drawn row by row."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    steps = cells.cumsum(axis=1)[group, :3]
    labels, shape = tuple(range(len(sizes))), (len(sizes), 2, 2)
    for _ in range(n_sims):
        place = group * 4 + (rng.random((len(group), 1)) > steps).sum(axis=1)
        w = WEIGHTS[weights](rng, len(group))
        sums = [np.bincount(place, v, 4 * len(sizes)).reshape(shape) for v in (w, w * w, w * 0 + 1)]
        yield Tally(labels, ("g",), (0, 1), *sums[:2], sums[2].astype(np.int64))


def cells_of(base_rate: Any, tpr: Any, fpr: Any) -> np.ndarray:
    """Probabilities of (tn, fp, fn, tp), of shape (n_groups, 4)."""
    b, t, f = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (base_rate, tpr, fpr)))
    return np.stack([(1 - b) * (1 - f), (1 - b) * f, b * (1 - t), b * t], axis=-1)


def gap_coverage(
    tallies: Iterator[Tally], criterion: str, cells: np.ndarray, **options: Any
) -> tuple[float, float]:
    """Coverage and mean length."""
    truth = float(get_criterion(criterion)(cells, **options))
    found = [gap_interval(tally, criterion, **options) for tally in tallies]
    covers = np.mean([x.low <= truth + 1e-12 and truth - 1e-12 <= x.high for x in found])
    return float(covers), float(np.mean([x.high - x.low for x in found]))


def percentile_coverage(tallies: Iterator[Tally], criterion: str, cells: np.ndarray) -> float:
    """Do it the customary way: percentiles of the gap over resampled cells."""
    measure = get_criterion(criterion)
    truth, covered = float(measure(cells)), []
    for seed, tally in enumerate(tallies):
        gaps = measure(tally.resampled_cells(400, random_state=seed))
        low, high = np.quantile(gaps, [0.025, 0.975])
        covered.append(low <= truth + 1e-12 and truth - 1e-12 <= high)
    return float(np.mean(covered))


def pvalues(tallies: Iterator[Tally], criterion: str, **options: Any) -> np.ndarray:
    found = [
        disparity_test(tally, criterion, random_state=seed, **options).pvalue
        for seed, tally in enumerate(tallies)
    ]
    return np.array(found)


def rejections(
    tallies: Iterator[Tally], criterion: str, alpha: float = 0.05, **options: Any
) -> float:
    return float((pvalues(tallies, criterion, **options) <= alpha).mean())


def main() -> None:
    rng = np.random.default_rng(0)
    for part in (show_rates, show_differences, show_gaps, show_tests):
        start = time.perf_counter()
        part(rng)
        print(f"({time.perf_counter() - start:.0f} s)\n")


def _weightings() -> list[dict[str, Any]]:
    linked = [{"weights": w, "link": x} for w, x in product(WEIGHTS, (1, 3, 1 / 3))]
    return [{"weights": "none"}, *linked]


def _name(weighted: dict[str, Any]) -> str:
    return f"{weighted['weights']:15s} x {weighted.get('link', 1):.2f}"


def show_rates(rng: np.random.Generator) -> None:
    print("95 % intervals of a rate: coverage by weights (x factor of the selected) and n, rate")
    print(f"{'':22s}" + "".join(f"{n:>7d}" for n, _ in CASES))
    print(f"{'':22s}" + "".join(f"{p:>7.2f}" for _, p in CASES))
    for weighted in _weightings():
        row = [rate_coverage(rng, n, p, 4000 if n < 5000 else 1500, **weighted) for n, p in CASES]
        print(f"{_name(weighted):22s}" + "".join(f"{x:7.3f}" for x in row))


def show_differences(rng: np.random.Generator) -> None:
    pairs = [
        ((200, 0.05), (200, 0.05)),
        ((200, 0.05), (200, 0.5)),
        ((200, 0.3), (20_000, 0.02)),
        ((500, 0.02), (500, 0.02)),
        ((500, 0.02), (500, 0.5)),
        ((1000, 0.02), (5000, 0.1)),
        ((1000, 0.5), (1000, 0.3)),
        ((20_000, 0.02), (20_000, 0.02)),
    ]
    print("95 % intervals of a difference of two groups' rates: coverage")
    for k in range(4):
        ends = [f"{pair[k // 2][k % 2]:>7g}" for pair in pairs]
        print(f"{('n', 'rate', 'n', 'rate')[k]:>22s}" + "".join(ends))
    for weighted in _weightings():
        row = [
            difference_coverage(rng, a, b, 4000 if a[0] + b[0] < 5000 else 1000, **weighted)
            for a, b in pairs
        ]
        print(f"{_name(weighted):22s}" + "".join(f"{x:7.3f}" for x in row))


def _spread_out(low: float, high: float, n_groups: int) -> np.ndarray:
    return np.linspace(low, high, n_groups)


def show_gaps(rng: np.random.Generator, n_sims: int = 1000) -> None:
    print("95 % intervals of gaps: coverage; 'percentile' is the bootstrap of the gap itself")
    print(
        f"{'criterion':24s}{'groups':>7s}{'sizes':>9s}{'true gap':>9s}"
        f"{'covers':>8s}{'length':>8s}{'percentile':>11s}"
    )
    for name, n_groups, gap in product(
        ("demographic_parity", "equal_opportunity", "equalized_odds", "average_odds"),
        (2, 4, 12),
        (0.0, 0.1, 0.3),
    ):
        for kind, sizes in (("equal", SIZES[n_groups]), ("unequal", UNEQUAL[n_groups])):
            cells = cells_of(0.4, _spread_out(0.5, 0.5 + gap, n_groups), 0.2)
            if name == "demographic_parity":
                rate = _spread_out(0.2, 0.2 + gap, n_groups)
                cells = cells_of(0.4, rate, rate)
            covers, length = gap_coverage(many_groups(rng, sizes, cells, n_sims), name, cells)
            naive = percentile_coverage(many_groups(rng, sizes, cells, 300), name, cells)
            truth = float(get_criterion(name)(cells))
            print(
                f"{name:24s}{n_groups:7d}{kind:>9s}{truth:9.2f}{covers:8.3f}{length:8.3f}{naive:11.3f}"
            )
    print("\nother gaps, and weights")
    for n_groups, gap in product((2, 4, 12), (0.0, 0.2)):
        rate = _spread_out(0.2, 0.2 + gap, n_groups)
        cells = cells_of(0.4, rate, rate)
        sizes = UNEQUAL[n_groups]
        found = {
            "ratio": gap_coverage(
                many_groups(rng, sizes, cells, n_sims), "disparate_impact", cells, gap="ratio"
            )[0],
            "to overall": overall_coverage(rng, sizes, cells, n_sims),
        }
        if n_groups < 12:
            for weights in ("gamma(1)", "lognormal(1)"):
                tallies = heavy_groups(rng, sizes, cells, n_sims // 2, weights)
                found[weights] = gap_coverage(tallies, "demographic_parity", cells)[0]
        text = "  ".join(f"{key} {value:.3f}" for key, value in found.items())
        print(f"{n_groups:2d} groups, unequal sizes, rates {rate[0]:.1f} to {rate[-1]:.1f}: {text}")


def overall_coverage(
    rng: np.random.Generator, sizes: Sequence[int], cells: np.ndarray, n_sims: int
) -> float:
    """Let the groups' sizes be random too: the share of a group in the whole is estimated."""
    share = np.array(sizes) / sum(sizes)
    joint = (share[:, None] * cells).ravel()
    drawn = rng.multinomial(sum(sizes), joint, n_sims).reshape(n_sims, -1, 2, 2)
    labels = tuple(range(len(sizes)))
    tallies = (Tally(labels, ("g",), (0, 1), c.astype(float), c.astype(float), c) for c in drawn)
    expected = cells * np.array(sizes)[:, None]
    return gap_coverage(tallies, "demographic_parity", expected, method="to_overall")[0]


def show_tests(rng: np.random.Generator, n_sims: int = 2000) -> None:
    print("tests of no disparity at 5 %, base rates 0.2 to 0.7 by group: share of rejections;")
    print("in brackets where the true positive rate of the first group differs by 0.15")
    names = ("equal_opportunity", "equalized_odds", "demographic_parity", "predictive_parity")
    print(f"{'':27s}" + "".join(f"{name:>20s}" for name in names))
    for n_groups, (kind, table) in product((2, 4, 12), (("equal", SIZES), ("unequal", UNEQUAL))):
        sizes = table[n_groups]
        row = [f"{n_groups:2d} groups, {kind:>7s} sizes:  "]
        for name in names:
            tallies = many_groups(rng, sizes, no_disparity(name, n_groups), n_sims)
            row.append(f"{rejections(tallies, name, n_resamples=199):13.3f}")
            tpr = np.where(np.arange(n_groups) == 0, 0.45, 0.6)
            other = cells_of(_spread_out(0.2, 0.7, n_groups), tpr, 0.2)
            tallies = many_groups(rng, sizes, other, 300)
            power = rejections(tallies, name, n_resamples=199) if name in names[:2] else None
            row.append(" " * 7 if power is None else f" ({power:.2f})")
        print("".join(row))
    print("\nthe same with weights, approximately")
    for n_groups, weights in product((2, 4), ("gamma(1)", "lognormal(1)")):
        row = [f"{n_groups:2d} groups, {weights:15s}"]
        for name in names:
            cells = no_disparity(name, n_groups)
            tallies = heavy_groups(rng, UNEQUAL[n_groups], cells, n_sims // 2, weights)
            row.append(f"{rejections(tallies, name):13.3f}       ")
        print("".join(row))


def no_disparity(criterion: str, n_groups: int) -> np.ndarray:
    """Cells of groups that differ in their base rates (0.2 to 0.7) but not by the criterion."""
    base = _spread_out(0.2, 0.7, n_groups)
    if criterion == "demographic_parity":
        return cells_of(base, 0.3, 0.3)
    if criterion != "predictive_parity":
        return cells_of(base, 0.6, 0.2)
    chosen = base / 2  # at a precision of 0.6
    return np.stack([(1 - chosen) * 0.7, chosen * 0.4, (1 - chosen) * 0.3, chosen * 0.6], axis=-1)


if __name__ == "__main__":
    main()
