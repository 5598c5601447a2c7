"""What an adversary that was not in the game still finds."""

from __future__ import annotations

import numpy as np
from _quality.statistics import Estimate
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

NEGLIGIBLE = 0.02  # gain of an AUC


def gain_of_a_fresh_adversary(
    scores: np.ndarray, groups: np.ndarray, y: np.ndarray | None, seed: int
) -> float:
    """AUC of a held-out adversary less its baseline: of nothing, or of the labels where given."""
    if y is None:
        return held_out_auc(scores[:, None], groups, seed) - 0.5
    known = y[:, None].astype(float)
    both = np.column_stack([scores, known])
    return held_out_auc(both, groups, seed) - held_out_auc(known, groups, seed)


def held_out_auc(features: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """Mean AUC of two adversaries, each of which learns on one half and is scored on the other."""
    halves = StratifiedKFold(2, shuffle=True, random_state=seed)
    found = []
    for learn, score in halves.split(features, groups):
        adversary = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_leaf_nodes=8,
            early_stopping=True,
            validation_fraction=0.2,
            random_state=seed,
        ).fit(features[learn], groups[learn])
        found.append(roc_auc_score(groups[score], adversary.predict_proba(features[score])[:, 1]))
    return float(np.mean(found))


def works(gain: Estimate) -> bool:
    """Whether the gain's interval contains 0 or lies below what is negligible."""
    return gain.low <= 0 or gain.high < NEGLIGIBLE
