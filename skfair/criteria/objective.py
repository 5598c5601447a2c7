"""What a decision rule is chosen for: a linear sum over cells, or a ratio of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.text import did_you_mean, listed
from skfair.criteria.rates import RATES, Rate

Floats = NDArray[np.float64]

_BALANCED = "balanced_accuracy_score"
_SCORES = {
    _BALANCED: _BALANCED,
    "balanced_accuracy": _BALANCED,
    "accuracy_score": "accuracy",
    "f1": "f1_score",
    "precision": "positive_predictive_value",
    "precision_score": "positive_predictive_value",
    "recall": "true_positive_rate",
    "recall_score": "true_positive_rate",
}


@dataclass(frozen=True)
class Objective:
    """A ratio of two linear functions of all rows' cells (tn, fp, fn, tp), to be maximised.

    Parameters
    ----------
    name : str
    numerator, denominator : ndarray of float of shape (4,)
        Where the denominator doesn't hang on decisions, the ratio is linear in them.

    Examples
    --------
    >>> cost = read_objective({"fp": 1, "fn": 5}, np.array([30.0, 10.0]))
    >>> cost.is_linear, cost.ignores_prediction
    (True, False)
    >>> read_objective("base_rate", np.array([30.0, 10.0])).ignores_prediction
    True
    """

    name: str
    numerator: Floats
    denominator: Floats

    def __call__(self, cells: Floats) -> float:
        """Value of cells of shape (4,)."""
        below = float(cells @ self.denominator)
        return float(cells @ self.numerator) / below if below > 0 else float("nan")

    @property
    def is_linear(self) -> bool:
        """Whether the denominator is the same for all decisions."""
        return self._as_rate().is_linear

    @property
    def ignores_prediction(self) -> bool:
        """Whether no decision changes it."""
        return self._as_rate().ignores_prediction

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest value that any cells can have."""
        counts = self.denominator > 0
        shares = self.numerator[counts] / self.denominator[counts]
        return float(shares.min()), float(shares.max())

    def least_denominator(self, total: Floats) -> float:
        """Find what no decisions fall short of, given the cells of any decisions."""
        tn, fp, fn, tp = self.denominator
        return float(min(tn, fp) * total[:2].sum() + min(fn, tp) * total[2:].sum())

    def _as_rate(self) -> Rate:
        rows: Any = [tuple(row.tolist()) for row in (self.numerator, self.denominator)]
        return Rate(self.name, *rows)


def read_objective(objective: Any, totals: Floats) -> Objective:
    """Find what is to be maximised.

    Parameters
    ----------
    objective : str, Rate, or mapping
        A rate, ``"balanced_accuracy_score"``, scikit-learn's name of a score or scorer that is
        one of them (``"accuracy_score"``, ``"f1"``), or costs of a false positive and a false
        negative ``{"fp": 1, "fn": 5}``.
    totals : ndarray of float of shape (2,)
        Weight of all negatives and positives.

    Returns
    -------
    Objective

    Raises
    ------
    ValueError
        If there is none of that name, or costs are negative or no numbers.

    Examples
    --------
    >>> read_objective("accuracy_score", np.array([30.0, 10.0]))(np.array([20.0, 10, 5, 5]))
    0.625
    >>> read_objective({"fp": 1, "fn": 5}, np.array([30.0, 10.0]))(np.array([20.0, 10, 5, 5]))
    -0.875
    """
    if isinstance(objective, Mapping):
        if not set(objective) <= {"fp", "fn"} or not objective:
            raise ValueError(f'costs are named "fp" and "fn", got {listed(objective)}')
        costs = [float(objective.get(name, 0.0)) for name in ("fp", "fn")]
        if not np.isfinite(costs).all() or min(costs) < 0 or max(costs) == 0:
            raise ValueError(f"costs must be at least 0 and not all 0, got {dict(objective)}")
        return Objective("cost", np.array([0.0, -costs[0], -costs[1], 0.0]), np.ones(4))
    name = _SCORES.get(objective, objective) if isinstance(objective, str) else None
    if name == _BALANCED:
        negative, positive = np.where(totals > 0, totals, np.inf)
        weights = np.array([0.5 / negative, 0.0, 0.0, 0.5 / positive])
        return Objective(_BALANCED, weights * totals.sum(), np.ones(4))
    rate = objective if isinstance(objective, Rate) else RATES.get(name)  # type: ignore[arg-type]
    if rate is None:
        known = [*_SCORES, *RATES]
        raise ValueError(
            f"no objective is named {objective!r}; there are {known}, and costs "
            f'{{"fp": 1, "fn": 5}}{did_you_mean(objective, known)}'
        )
    sign = 1.0 if rate.higher_is_better else -1.0
    return Objective(
        rate.name, sign * np.array(rate.numerator, float), np.array(rate.denominator, float)
    )
