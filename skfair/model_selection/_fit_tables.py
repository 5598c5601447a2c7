"""Tables by group of what repeated fits have found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import Limits
from skfair.model_selection._fits import LabelledRows
from skfair.model_selection._learning_curves import fit_power_law, resample_curves
from skfair.model_selection._losses import Target, mean_limits
from skfair.model_selection._repeated_fits import RepeatedFits, ThinnedFits
from skfair.model_selection._verdicts import rows_in_words
from skfair.tally import count_cells, sum_cells

Floats = NDArray[np.float64]

_N_BOOT = 200
_GAIN = ("gain", "gain_low", "gain_high")


class FitTables:
    """Makes the tables of a diagnosis.

    Parameters
    ----------
    rows : LabelledRows
    target : Target
    predictions : ndarray of float of shape (S, n)
    train_losses : ndarray of float of shape (n,)
    confidence_level : float
    """

    def __init__(
        self,
        rows: LabelledRows,
        target: Target,
        predictions: Floats,
        train_losses: Floats,
        confidence_level: float,
    ) -> None:
        self.groups = rows.groups
        self.target = target
        self.predictions = predictions
        self.train_losses = train_losses
        self.confidence_level = confidence_level
        own = np.ones(len(rows.groups)) if rows.weights is None else rows.weights
        self.at_hand = np.bincount(rows.groups.codes[own > 0], minlength=rows.groups.n_groups)
        self.weights = np.where(target.counted, own, 0.0)
        self.losses = target.losses(predictions)

    def errors(self) -> pd.DataFrame:
        """Errors in training and on other rows, and what lies between them."""
        shape = (self.groups.n_groups,)
        n = count_cells([self.groups.codes], shape, self.weights)[2]
        empty = [label for label, rows in zip(self.groups.labels, n, strict=True) if not rows]
        if empty:
            warn_undefined_metric(
                f"the {self.target.loss} error of groups {listed(empty)} is NaN: no row counts"
            )
        unseen = mean_over_fits(self.losses)
        columns: dict[str, Any] = {"n": n}
        columns |= _with_limits("train", self._loss_limits(self.train_losses))
        columns |= _with_limits("validation", self._loss_limits(unseen))
        columns |= _with_limits("gap", self._limits(unseen - self.train_losses))
        return pd.DataFrame(columns, index=self.groups.to_index())

    def decomposition(self) -> pd.DataFrame:
        """Bias and variance."""
        columns: dict[str, Any] = {}
        for name, values in self.target.decompose(self.predictions).items():
            limits = self._limits(values, bounded=self.target.bounded and name == "bias")
            shown = name in ("bias", "variance")
            columns |= _with_limits(name, limits) if shown else {name: limits.value}
        return pd.DataFrame(columns, index=self.groups.to_index())

    def variance(self) -> float:
        """Variance of the numbers that are predicted."""
        mean = np.average(self.target.true, weights=self.weights)
        return float(np.average((self.target.true - mean) ** 2, weights=self.weights))

    def constant_errors(self) -> Floats:
        """Error of the best constant for each group; NaN where every constant is trivial."""
        codes, shape, w = [self.groups.codes], (self.groups.n_groups,), self.weights
        if self.target.loss == "squared":
            weight, true = count_cells(codes, shape, w)[0], self.target.true
            mean = divide(sum_cells(codes, shape, true, w), weight)
            apart = (true - np.nan_to_num(mean)[self.groups.codes]) ** 2
            return divide(sum_cells(codes, shape, apart, w), weight)
        if self.target.loss != "zero_one":
            return np.full(self.groups.n_groups, np.nan)
        both = [self.groups.codes, self.target.strata]
        table = count_cells(both, (*shape, len(self.target.classes)), w)[0]
        return 1 - divide(table.max(axis=1), table.sum(axis=1))

    def curves(
        self,
        fits: RepeatedFits,
        sizes: list[float],
        weak: list[int],
        best: int,
        rng: np.random.Generator,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Learning curves of all groups, and the rows that weak ones need."""
        found = fits.run_thinned(self.losses, sizes, None, rng)
        curves = [self._curve(found, g, sizes, "all rows") for g in range(self.groups.n_groups)]
        slots = rng.integers(len(self.losses), size=_N_BOOT)
        goals = resample_curves(*self._of_group(self.losses[None], best), slots, rng)[:, 0]
        needed = []
        for g in weak:
            found = fits.run_thinned(self.losses, sizes, g, rng)
            curves.append(self._curve(found, g, sizes, "own rows"))
            needed.append(self._rows_needed(found, g, best, slots, goals, rng))
        columns = ["rows", "target", *_GAIN, "extra", "extra_low", "extra_high", "answer"]
        index = self.groups.to_index()[np.array(weak, dtype=np.intp)]
        return pd.concat(curves, ignore_index=True), pd.DataFrame(needed, index, columns)

    def _curve(self, found: ThinnedFits, g: int, sizes: list[float], thinned: str) -> pd.DataFrame:
        limits = [self._loss_limits(mean_over_fits(at)) for at in found.losses.astype(np.float64)]
        of_group = Limits(*np.array([[end[g] for end in at] for at in limits]).T)
        rows = found.rows[:, g]
        label: Any = pd.Series([self.groups.labels[g]] * len(rows), dtype=object)
        columns = {
            "group": label,
            "thinned": thinned,
            "fraction": [*sizes, 1.0],
            "rows": rows,
            "all_rows": found.rows.sum(axis=1),
            **_with_limits("validation", of_group),
        }
        known = not np.isnan(of_group.value).any()
        law = fit_power_law(np.maximum(rows, 1.0), of_group.value) if known else None
        fitted = np.nan if law is None else law.at(np.maximum(rows, 1.0))
        return pd.DataFrame({**columns, "fitted": fitted})

    def _rows_needed(
        self,
        found: ThinnedFits,
        g: int,
        best: int,
        slots: NDArray[np.integer],
        goals: Floats,
        rng: np.random.Generator,
    ) -> dict[str, Any]:
        """Rows that a weak group needs for the best group's error, and their interval."""
        losses, weights = self._of_group(found.losses, g)
        rows, at_hand = np.maximum(found.rows[:, g], 1.0), int(self.at_hand[g])
        target = float(self._limits(mean_over_fits(self.losses)).value[best])
        means = np.array([np.average(mean_over_fits(at), weights=weights) for at in losses])
        drawn = resample_curves(losses, weights, slots, rng)
        extra, spread = (
            np.maximum(fit_power_law(rows, errors).rows_for(goal) - at_hand, 0.0)
            for errors, goal in ((means, target), (drawn, goals))
        )
        tail = (1 - self.confidence_level) / 2
        low = float(np.quantile(spread, tail, method="lower"))
        high = float(np.quantile(spread, 1 - tail, method="higher"))
        part, whole = (mean_over_fits(at) for at in found.losses[-2:])
        gain = [float(end[g]) for end in self._limits(part - whole)]
        return {
            "rows": at_hand,
            "target": target,
            **dict(zip(_GAIN, gain, strict=True)),
            "extra": float(extra),
            "extra_low": low,
            "extra_high": high,
            "answer": rows_in_words(float(extra), low, high),
        }

    def _of_group(self, losses: NDArray[Any], g: int) -> tuple[NDArray[Any], Floats]:
        mine = np.flatnonzero((self.groups.codes == g) & (self.weights > 0))
        return losses[..., mine], self.weights[mine]

    def _limits(self, values: Floats, *, bounded: bool = False) -> Limits:
        return mean_limits(
            values,
            self.groups,
            self.weights,
            bounded=bounded,
            confidence_level=self.confidence_level,
        )

    def _loss_limits(self, losses: Floats) -> Limits:
        limits = self._limits(losses, bounded=self.target.bounded)
        return limits._replace(low=np.maximum(limits.low, 0.0))


def mean_over_fits(losses: NDArray[np.floating]) -> Floats:
    """Mean loss of each row over the fits that predicted it, NaN where there is none.

    Examples
    --------
    >>> mean_over_fits(np.array([[1.0, np.nan], [0.0, np.nan]]))
    array([0.5, nan])
    """
    there = ~np.isnan(losses)
    return divide(np.where(there, losses, 0.0).sum(axis=0), there.sum(axis=0, dtype=float))


def _with_limits(name: str, limits: Limits) -> dict[str, Floats]:
    return {name: limits.value, f"{name}_low": limits.low, f"{name}_high": limits.high}
