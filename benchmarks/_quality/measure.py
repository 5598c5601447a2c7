"""What is kept of a decision rule: expected cells by group, AUC, and binned scores."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from skfair.criteria import get_criterion
from skfair.tally import sum_cells

from .data import Part

SCORE_BINS = 50
CRITERIA = ("demographic_parity", "equal_opportunity", "equalized_odds", "average_odds")
HEADLINES = ("demographic_parity", "equalized_odds")


class Decision(NamedTuple):
    """Chance of a yes for each row, and the score behind it where there is one."""

    chance: np.ndarray
    score: np.ndarray | None = None


def expected_cells(part: Part, chance: np.ndarray, n_groups: int) -> np.ndarray:
    """Expected (tn, fp, fn, tp) by group of decisions that are drawn with these chances."""
    chance = np.asarray(chance, dtype=float)
    if chance.shape != part.y.shape or not np.isfinite(chance).all():
        raise ValueError(f"chances of shape {chance.shape} with {np.isnan(chance).sum()} NaN")
    codes, shape = [part.codes, part.y], (n_groups, 2)
    cells = [sum_cells(codes, shape, c) for c in (1 - chance, chance)]
    return np.stack(cells, axis=-1).reshape(n_groups, 4)


def auc_of(y: np.ndarray, score: np.ndarray | None) -> float:
    """AUC; NaN without a score or with one class only."""
    if score is None or len(np.unique(y)) < 2:
        return float("nan")
    return float(roc_auc_score(y, score))


def binned(part: Part, score: np.ndarray, n_groups: int) -> list[Any]:
    """Rows by group, label and bin of the score, so that curves of several tests can be pooled."""
    places = np.clip((score * SCORE_BINS).astype(int), 0, SCORE_BINS - 1)
    flat = (part.codes * 2 + part.y) * SCORE_BINS + places
    counts = np.bincount(flat, minlength=n_groups * 2 * SCORE_BINS)
    return counts.reshape(n_groups, 2, SCORE_BINS).tolist()


def measure(part: Part, decision: Decision, n_groups: int, *, curves: bool) -> dict[str, Any]:
    """Plain numbers of one part, ready for JSON."""
    cells = expected_cells(part, decision.chance, n_groups)
    score = decision.score
    found: dict[str, Any] = {"cells": cells.round(4).tolist(), "auc": auc_of(part.y, score)}
    found["auc_by_group"] = [
        auc_of(part.y[rows], None if score is None else score[rows])
        for rows in (part.codes == g for g in range(n_groups))
    ]
    if curves and score is not None and score.min() >= 0 and score.max() <= 1:
        found["binned"] = binned(part, score, n_groups)
    return found


def accuracy(cells: np.ndarray) -> float:
    cells = np.asarray(cells, dtype=float)
    return float(cells[:, [0, 3]].sum() / cells.sum())


def balanced_accuracy(cells: np.ndarray) -> float:
    tn, fp, fn, tp = np.asarray(cells, dtype=float).sum(axis=0)
    return float((tn / (tn + fp) + tp / (tp + fn)) / 2)


def violation(cells: np.ndarray, criterion: str) -> float:
    return float(get_criterion(criterion)(np.asarray(cells, dtype=float)))


def figures(cells: np.ndarray) -> dict[str, float]:
    """Accuracy, balanced accuracy and every criterion's violation."""
    found = {"accuracy": accuracy(cells), "balanced_accuracy": balanced_accuracy(cells)}
    return found | {name: violation(cells, name) for name in CRITERIA}
