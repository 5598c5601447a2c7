"""From rows of results to figures: choice of knobs, comparisons with peers, frontiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skfair.criteria import holm

from .measure import accuracy, balanced_accuracy, figures, violation
from .registry import methods
from .statistics import (
    Estimate,
    NonInferiority,
    choose_no_less_fair,
    choose_within,
    corrected,
    frontier,
    hypervolume,
    non_inferiority,
    pool,
)

GAINS = {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy}
LEVELS = (0.02, 0.05, 0.10)
MARGIN = 0.01  # of accuracy, within which skfair is no worse
SLACK = 0.005  # of violation, within which it is no less fair


def read_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Results without an error, a row each, with the cells as arrays."""
    kept = [row for row in rows if "error" not in row and row["method"] in methods()]
    frame = pd.DataFrame(
        [
            {
                **{k: v for k, v in row.items() if k not in ("validation", "test", "versions")},
                "side": methods()[row["method"]].side,
                "validation": np.array(row["validation"]["cells"]),
                "test": np.array(row["test"]["cells"]),
                "auc": row["test"]["auc"],
                "auc_by_group": row["test"]["auc_by_group"],
            }
            for row in kept
        ]
    )
    if len(frame):
        frame["knob"] = frame["knob"].map(str)
    return frame


def candidates(frame: pd.DataFrame, criterion: str, gain: str = "accuracy") -> pd.DataFrame:
    """Rows that serve a criterion, by method, knob and repetition.

    Cells are pooled over a repetition's folds; one whose folds aren't all there is left out.
    Violation and gain are those of the validation rows.
    """
    wanted = frame[frame["criterion"].isin(["any", criterion])]
    folds = 1 + int(wanted["fold"].max()) if len(wanted) else 1
    keys = ["side", "method", "knob", "repetition"]
    rows = []
    for key, part in wanted.groupby(keys, sort=False):
        if part["fold"].nunique() < folds:
            continue
        cells = {name: pool(part[name].tolist()) for name in ("validation", "test")}
        figures_ = violation(cells["validation"], criterion), GAINS[gain](cells["validation"])
        rows.append([*key, *cells.values(), *figures_])
    return pd.DataFrame(rows, columns=[*keys, "validation", "test", "violation", "gain"])


class Picked(NamedTuple):
    """Test cells of the chosen values, by repetition."""

    cells: dict[int, np.ndarray]
    asked: int

    @property
    def reached(self) -> bool:
        return len(self.cells) == self.asked > 0

    def gains(self, gain: str = "accuracy") -> np.ndarray:
        return np.array([GAINS[gain](cells) for cells in self.cells.values()])

    def violations(self, criterion: str) -> np.ndarray:
        return np.array([violation(cells, criterion) for cells in self.cells.values()])

    def means(self) -> dict[str, float]:
        table = pd.DataFrame([figures(cells) for cells in self.cells.values()])
        return {str(name): float(value) for name, value in table.mean().items()}


Choose = Callable[[np.ndarray, np.ndarray], int | None]


def pick(found: pd.DataFrame, choose: Choose) -> Picked:
    """Apply a choice of validation figures to the candidates of each repetition."""
    cells = {}
    repetitions = found.groupby("repetition", sort=True)
    for repetition, part in repetitions:
        place = choose(part["violation"].to_numpy(), part["gain"].to_numpy())
        if place is not None:
            cells[int(repetition)] = part["test"].iloc[place]
    return Picked(cells, repetitions.ngroups)


def pick_within(found: pd.DataFrame, level: float) -> Picked:
    return pick(found, lambda violations, gains: choose_within(violations, gains, level))


def paired(ours: Picked, theirs: Picked) -> np.ndarray:
    """Differences in accuracy of the repetitions that both have."""
    both = sorted(set(ours.cells) & set(theirs.cells))
    return np.array([accuracy(ours.cells[r]) - accuracy(theirs.cells[r]) for r in both])


class Comparison(NamedTuple):
    """Skfair's method less a peer's at the peer's violation."""

    ours: str
    peer: str
    gained: NonInferiority
    gap: Estimate  # violation on test, ours less theirs
    n: int


def compare(frame: pd.DataFrame, ours: str, peer: str, criterion: str) -> Comparison | None:
    """For each value of the peer's knob, ours that is no less unfair on validation rows.

    Differences are averaged over the peer's values, so a repetition is one observation.
    """
    score = GAINS[methods()[peer].gain]
    found = candidates(frame, criterion, methods()[peer].gain)
    gained, wider = [], []
    for _, part in found.groupby("repetition"):
        mine, theirs = part[part["method"] == ours], part[part["method"] == peer]
        if mine.empty or theirs.empty:
            continue
        values = mine["violation"].to_numpy(), mine["gain"].to_numpy()
        allowed = theirs["violation"] + SLACK
        chosen = [mine["test"].iloc[choose_no_less_fair(*values, level)] for level in allowed]
        pairs = list(zip(chosen, theirs["test"], strict=True))
        gained.append(np.mean([score(a) - score(b) for a, b in pairs]))
        gaps = [violation(a, criterion) - violation(b, criterion) for a, b in pairs]
        wider.append(float(np.mean(gaps)))
    if not gained:
        return None
    return Comparison(ours, peer, non_inferiority(gained, MARGIN), corrected(wider), len(gained))


def compare_all(frame: pd.DataFrame, criterion: str) -> list[Comparison]:
    """Every peer that is there against skfair's methods of the same algorithm."""
    there = set(frame["method"])
    found = [
        compare(frame[frame["method"].isin([ours, peer.name])], ours, peer.name, criterion)
        for peer in methods().values()
        if peer.name in there and criterion in peer.paired_criteria
        for ours in peer.pairs
        if ours in there
    ]
    return [comparison for comparison in found if comparison is not None]


def price_of_certainty(frame: pd.DataFrame, criterion: str) -> list[Comparison]:
    """Skfair's rules that decide alike each time against its own that draw lots."""
    there = set(frame["method"])
    drawn = [m for m in methods().values() if m.without_lots and m.name in there]
    found = [
        compare(
            frame[frame["method"].isin([m.name, m.without_lots])],
            m.without_lots,
            m.name,
            criterion,
        )
        for m in drawn
        if m.without_lots in there
    ]
    return [comparison for comparison in found if comparison is not None]


def adjusted(comparisons: list[Comparison]) -> np.ndarray:
    """Holm's p-values of being worse by the margin, over all comparisons of the report."""
    return holm(np.array([c.gained.pvalue for c in comparisons], dtype=float))


def reference(frame: pd.DataFrame, criterion: str) -> tuple[float, float]:
    """What hypervolumes share: the plain model's violation, the commoner label's share."""
    plain = candidates(frame[frame["method"] == "nothing"], criterion)
    gaps = [violation(cells, criterion) for cells in plain["test"]]
    tn, fp, fn, tp = np.sum([cells.sum(axis=0) for cells in plain["test"]], axis=0)
    positives = (fn + tp) / (tn + fp + fn + tp)
    return float(np.mean(gaps)), float(max(positives, 1 - positives))


def hypervolumes(found: pd.DataFrame, criterion: str, corner: tuple[float, float]) -> np.ndarray:
    """By repetition: the volume of test points that are on the frontier of validation rows."""
    volumes = []
    for _, part in found.groupby("repetition"):
        chosen = frontier(part["violation"], [accuracy(cells) for cells in part["validation"]])
        tests = [part["test"].iloc[place] for place in chosen]
        gaps = [violation(cells, criterion) for cells in tests]
        volumes.append(hypervolume(gaps, [accuracy(cells) for cells in tests], corner))
    return np.array(volumes)


def noise(cells: np.ndarray, criterion: str, draws: int = 2000) -> float:
    """Mean violation of tests of these sizes if groups were alike."""
    rng = np.random.default_rng(0)
    cells = np.asarray(cells, dtype=float)
    shares, sizes = cells.sum(axis=0) / cells.sum(), cells.sum(axis=1).round().astype(int)
    drawn = np.stack([rng.multinomial(n, shares, size=draws) for n in sizes], axis=1)
    return float(np.mean([violation(one, criterion) for one in drawn]))
