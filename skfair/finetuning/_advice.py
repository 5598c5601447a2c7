"""Warnings of what a fit has found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

from skfair._utils.text import listed
from skfair._utils.warning import warn_user
from skfair.finetuning._objective import SLACK, Floats, JudgedRows, ThresholdChoice


def warn_of_ranks(scores: Floats, rows: JudgedRows, classes: list[Any]) -> None:
    """Warn of a network that ranks the wrong way, where chance doesn't explain it."""
    auc = roc_auc_score(rows.positive, scores, sample_weight=rows.weights)
    n, n_positive = len(scores), int(rows.positive.sum())
    by_chance = np.sqrt((n + 1) / (12 * n_positive * (n - n_positive)))  # of Mann-Whitney's AUC
    if auc < min(0.4, 0.5 - 3 * by_chance):
        warn_user(
            f"the network ranks positive rows below negative ones (AUC {auc:.2f}): its one "
            "output is to be that of the last class in sorted order, its two those of the "
            f"sorted classes {listed(classes)}"
        )


def warn_of_result(best: ThresholdChoice, possible: float, tol: float, scarce: str) -> None:
    """Warn of a result that is beyond the tolerance, or within it by deciding nearly alike.

    That is: of the advantage that was possible, less than half is left. ``scarce`` says which rows
    are the fewest.
    """
    advice = f"Take a looser tol, more trials or epochs, another debiaser, or more rows ({scarce})"
    left, total = advantage(best.cells), best.cells.sum()
    constant = best.cells[:, 1::2].sum() in (0, total)
    if not best.bias <= tol + SLACK:
        warn_user(
            f"no network and threshold has its bias within tol={tol:g}: that of the one "
            f"that is kept is {best.bias:.3g}. {advice}"
        )
    elif constant or left < possible / 2:
        alike = "alike for all rows" if constant else "nearly alike for all rows"
        warn_user(
            f"within tol={tol:g} the best network and threshold decide {alike}: their "
            f"balanced accuracy is {(1 + left) / 2:.3f}, and the original network's was up to "
            f"{(1 + possible) / 2:.3f}. {advice}"
        )


def fewest_rows(rows: JudgedRows, labels: Sequence[Any]) -> str:
    """Say which group has the fewest rows of a class to judge by.

    Examples
    --------
    >>> positive, codes = np.array([True, True, False, True]), np.array([0, 0, 1, 1])
    >>> rows = JudgedRows(positive, codes, 2, np.ones(4), np.ones((0, 4)))
    >>> fewest_rows(rows, ["f", "m"])
    "the fewest are the 0 rows of 'f' that aren't positive"
    """
    counts = np.bincount(2 * rows.codes + rows.positive, minlength=2 * len(labels))
    group, is_positive = divmod(int(counts.argmin()), 2)
    which = "that are positive" if is_positive else "that aren't positive"
    return f"the fewest are the {counts.min()} rows of {labels[group]!r} {which}"


def advantage(cells: Floats) -> float:
    """Youden's J of all rows: how far balanced accuracy is above 1/2, times 2.

    It is 0 for whoever decides alike for all rows, or at random.

    Examples
    --------
    >>> advantage(np.array([[3.0, 1, 0, 4]])), advantage(np.array([[0.0, 4, 0, 4]]))
    (0.75, 0.0)
    """
    tn, fp, fn, tp = cells.sum(axis=0)
    return float(tp / (fn + tp) - fp / (tn + fp))


def best_advantage(scores: Floats, rows: JudgedRows) -> float:
    """Youden's J at the threshold where it is highest."""
    fpr, tpr, _ = roc_curve(rows.positive, scores, sample_weight=rows.weights)
    return float((tpr - fpr).max())
