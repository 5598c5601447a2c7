"""The results of one place (data, groups and model): candidates, choices, levels to ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .data import LARGE
from .measure import CRITERIA, accuracy, balanced_accuracy, violation
from .registry import methods
from .statistics import (
    Estimate,
    chance_violation,
    choose_no_less_fair,
    choose_within,
    corrected,
    estimated,
    frontier,
    hypervolume,
    leave_out,
)

Key = tuple[str, str, str]
GAINS = {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy}
LEVELS = (0.02, 0.05, 0.10)


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


class Picked(NamedTuple):
    """Tests of the chosen values by repetition, pooled and without each fold (`leave_out`)."""

    tests: dict[int, np.ndarray]
    aucs: dict[int, np.ndarray]
    asked: tuple[int, ...]

    @property
    def reached(self) -> bool:
        return set(self.tests) == set(self.asked) != set()

    def figures(self, figure: Callable[[np.ndarray], float]) -> dict[int, np.ndarray]:
        return {r: each(figure, test) for r, test in self.tests.items()}

    def estimate(self, figure: Callable[[np.ndarray], float]) -> Estimate:
        return estimated(list(self.figures(figure).values()))

    def accuracy(self) -> Estimate:
        return self.estimate(accuracy)

    def violation(self, criterion: str) -> Estimate:
        return self.estimate(lambda cells: violation(cells, criterion))

    def auc(self) -> Estimate:
        return corrected(np.concatenate(list(self.aucs.values())) if self.aucs else [])

    def rates(self) -> np.ndarray:
        """False positive and false negative rates by group, of the mean test."""
        tn, fp, fn, tp = np.mean([test[0] for test in self.tests.values()], axis=0).T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.array([fp / (fp + tn), fn / (fn + tp)])


def each(figure: Callable[[np.ndarray], float], tests: np.ndarray) -> np.ndarray:
    return np.array([figure(cells) for cells in tests])


class Place:
    """What is known of one table, its groups and one model."""

    def __init__(self, key: Key, frame: pd.DataFrame, failed: Iterable[dict[str, Any]] = ()):
        self.key = key
        failed = list(failed)
        self.errors = {row["method"]: row["error"] for row in failed}
        self._failed_in = {(row["method"], row["repetition"]) for row in failed}
        self.folds = 1 + int(frame["fold"].max())
        self.repetitions = _complete(frame, self.folds)
        self.frame = frame[frame["repetition"].isin(self.repetitions)]
        tested = sum(float(cells.sum()) for cells in frame["test"].iloc[:1])
        short = bool((frame["rows"] > 0).any())
        self.large = self.folds == 1 and (short or tested * 5 >= LARGE)
        self.candidates = cache(self._candidates)
        self.noise = cache(self._noise)

    def __str__(self) -> str:
        return ", ".join([Path(self.key[0]).stem, *self.key[1:]])

    @property
    def labels(self) -> list[str]:
        """Names of the groups, as the results tell them."""
        return list(self.frame["labels"].dropna().iloc[0])

    def _candidates(self, criterion: str, gain: str = "accuracy") -> pd.DataFrame:
        """Rules that serve a criterion, by method, value of the knob and repetition.

        Cells are pooled over a repetition's folds; one whose folds aren't all there is left out.
        Violation and gain are those of the validation rows.
        """
        wanted = self.frame[self.frame["criterion"].isin(["any", criterion])]
        keys = ["side", "method", "knob", "repetition"]
        rows = []
        for key, part in wanted.groupby(keys, sort=False):
            if part["fold"].nunique() < self.folds:
                continue
            validation = np.sum(part["validation"].tolist(), axis=0)
            tests, aucs = leave_out(part["test"].tolist()), part["auc"].to_numpy(float)
            chosen_by = violation(validation, criterion), GAINS[gain](validation)
            rows.append([*key, tests, aucs, *chosen_by])
        return pd.DataFrame(rows, columns=[*keys, "tests", "aucs", "violation", "gain"])

    def methods(self, criterion: str) -> list[str]:
        """Methods with rules for a criterion: the plain model, skfair's, then the peers'."""
        there = set(self.candidates(criterion)["method"])
        return [name for name in methods() if name in there]

    def of(self, criterion: str, method: str, gain: str = "accuracy") -> pd.DataFrame:
        found = self.candidates(criterion, gain)
        return found[found["method"] == method]

    def not_run(self, method: str) -> int:
        """Repetitions in which a method has neither a result nor an error."""
        run = set(self.frame.loc[self.frame["method"] == method, "repetition"])
        return sum(r not in run and (method, r) not in self._failed_in for r in self.repetitions)

    def sides(self, criterion: str) -> list[pd.DataFrame]:
        """Rules of skfair, and of all peers together.

        Variants whose lots hang on rows are the same rules a second time, with other noise.
        """
        found = self.candidates(criterion)
        found = found[~found["method"].isin([m.by_row for m in methods().values() if m.by_row])]
        ours = found["side"] == "skfair"
        return [found[ours], found[~ours & (found["side"] != "none")]]

    def _pick(self, found: pd.DataFrame, choose: Callable[..., int | None], level: float) -> Picked:
        tests, aucs = {}, {}
        for repetition, part in found.groupby("repetition"):
            place = choose(part["violation"].to_numpy(), part["gain"].to_numpy(), level)
            if place is not None:
                tests[int(repetition)] = part["tests"].iloc[place]
                aucs[int(repetition)] = part["aucs"].iloc[place]
        return Picked(tests, aucs, self.repetitions)

    def pick_within(self, found: pd.DataFrame, level: float) -> Picked:
        """The most accurate rule within the level on validation rows, if there is one."""
        return self._pick(found, choose_within, level)

    def pick_near(self, found: pd.DataFrame, level: float) -> Picked:
        """The same, and the fairest rule where none is within the level."""
        return self._pick(found, choose_no_less_fair, level)

    def _noise(self, criterion: str) -> float:
        """Violation to be expected of a test of this size where there is none."""
        found = self.candidates(criterion)
        plain = found[found["method"] == "nothing"]
        tests = (plain if len(plain) else found)["tests"]
        return chance_violation(tests.iloc[0][0], criterion) if len(tests) else float("nan")

    def levels(self, criterion: str) -> tuple[float, ...]:
        """Levels that noise alone doesn't exceed."""
        return tuple(level for level in LEVELS if level >= self.noise(criterion))

    def reference(self, criterion: str) -> tuple[float, float] | None:
        """What hypervolumes share: the plain model's violation, the commoner label's share."""
        plain = [tests[0] for tests in self.of(criterion, "nothing")["tests"]]
        if not plain:
            return None
        tn, fp, fn, tp = np.sum([cells.sum(axis=0) for cells in plain], axis=0)
        positives = (fn + tp) / (tn + fp + fn + tp)
        gap = float(np.mean([violation(cells, criterion) for cells in plain]))
        return gap, float(max(positives, 1 - positives))

    def hypervolumes(self, found: pd.DataFrame, criterion: str) -> dict[int, np.ndarray]:
        """By repetition: the volume under the tests of rules on the validation rows' frontier."""
        corner, volumes = self.reference(criterion), {}
        for repetition, part in found.groupby("repetition") if corner else ():
            places = frontier(part["violation"], part["gain"])
            stacks = [part["tests"].iloc[place] for place in places]
            volumes[int(repetition)] = np.array(
                [_volume(tests, criterion, corner) for tests in zip(*stacks, strict=True)]
            )
        return {r: v for r, v in volumes.items() if len(v)}


def _complete(frame: pd.DataFrame, folds: int) -> tuple[int, ...]:
    """Repetitions that have every fold of the plain model (of any method, where there is none).

    So those that a run is at don't count, and a method that failed in one doesn't hide it.
    """
    plain = frame[frame["method"] == "nothing"]
    counts = (plain if len(plain) else frame).groupby("repetition")["fold"].nunique()
    found = counts[counts == folds] if (counts == folds).any() else counts
    return tuple(sorted(map(int, found.index)))


def _volume(tests: tuple[np.ndarray, ...], criterion: str, corner: Any) -> float:
    gaps = [violation(cells, criterion) for cells in tests]
    return hypervolume(gaps, [accuracy(cells) for cells in tests], corner)


def differences(ours: dict[int, np.ndarray], theirs: dict[int, np.ndarray]) -> list[np.ndarray]:
    """Ours less theirs in the repetitions that both have."""
    return [ours[r] - theirs[r] for r in sorted(set(ours) & set(theirs))]


def all_measures() -> Iterator[tuple[str, Callable[[np.ndarray], float]]]:
    """Names and functions of cells: accuracy, balanced accuracy, every criterion."""
    yield "accuracy", accuracy
    yield "balanced", balanced_accuracy
    for name in CRITERIA:
        yield name.replace("_", " "), _violation_of(name)


def _violation_of(name: str) -> Callable[[np.ndarray], float]:
    return lambda cells: violation(cells, name)
