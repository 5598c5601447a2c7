"""What a fitted threshold rule shows: the trade-off, and the groups' curves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skfair.postprocessing._constraints import read_constraints
from skfair.postprocessing._curves import ScoreCurves
from skfair.postprocessing.rule import ThresholdRule


class ThresholdViewsMixin:
    """The trade-off curve and the plot of an estimator that searches for cuts."""

    curves_: ScoreCurves
    rule_: ThresholdRule
    constraints: Any
    tol: Any

    def _find(self, curves: Any, tol: float | Sequence[float]) -> ThresholdRule:
        raise NotImplementedError

    def frontier(self, tols: Sequence[float] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)) -> pd.DataFrame:
        """Trade-off on the out-of-fold scores: objective and violation at several tolerances.

        It is that of the groups' own curves, without shrinkage and margin.

        Parameters
        ----------
        tols : sequence of float

        Returns
        -------
        DataFrame
            Columns objective and, of each constraint, its violation, indexed by tol; NaN where no
            rule was found.

        Raises
        ------
        AttributeError
            If the rule was found elsewhere.
        ValueError
            If a tolerance is out of range, or no rule was found at any.
        """
        self._check_has_curves()
        rows: dict[float, dict[str, float]] = {}
        failed: ValueError | None = None
        for tol in tols:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                read_constraints(self.constraints, tol)
                try:
                    rule = self._find(getattr(self, "guessed_curves_", self.curves_), tol)
                except ValueError as error:
                    rows[tol], failed = {"objective": float("nan")}, error
                    continue
            named = read_constraints(self.constraints, self.tol).criteria
            gaps = {c.name: float(c(rule.cells)) for c, _ in named}
            short = {c.name: 1 - gaps[c.name] for c, _ in named if c.gap == "ratio"}
            rows[tol] = {"objective": rule.value} | gaps | short
        if failed is not None and all(len(row) < 2 for row in rows.values()):
            raise failed
        table = pd.DataFrame.from_dict(rows, orient="index")
        table.index.name = "tol"
        return table

    def plot(self, ax: Any = None) -> Any:
        """Draw the groups' ROC curves with the chosen points.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        ThresholdRuleDisplay
        """
        from skfair.postprocessing.displays import ThresholdRuleDisplay

        self._check_has_curves()
        return ThresholdRuleDisplay(curves=self.curves_, rule=self.rule_).plot(ax)

    def _check_has_curves(self) -> None:
        check_is_fitted(self)
        if not hasattr(self, "curves_"):
            raise AttributeError(
                "there are no curves: the rule was found elsewhere (from_rule), and this estimator "
                "has seen no scores"
            )
