"""Tables by group of what repeated fits have found."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import Limits, difference_limits
from skfair.model_selection._fits import LabelledRows
from skfair.model_selection._learning_curves import fit_power_law, resample_curves
from skfair.model_selection._losses import Target, limits_by_group
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

    def constants(self) -> tuple[Floats, Limits]:
        """Error of the best constant for each group, and how far the validation error is below.

        Both are NaN where every constant is trivial.
        """
        losses = self._constant_losses()
        return self._limits(losses).value, self._limits(losses - mean_over_fits(self.losses))

    def _constant_losses(self) -> Floats:
        codes, true, w = self.groups.codes, self.target.true, self.weights
        shape = (self.groups.n_groups,)
        if self.target.loss == "squared":
            mean = divide(sum_cells([codes], shape, true, w), count_cells([codes], shape, w)[0])
            return (true - np.nan_to_num(mean)[codes]) ** 2
        if self.target.loss != "zero_one":
            return np.full(len(codes), np.nan)
        table = count_cells([codes, self.target.strata], (*shape, len(self.target.classes)), w)[0]
        return (true != table.argmax(axis=1)[codes]).astype(np.float64)

    def compare(self) -> tuple[int, Limits]:
        """Find the best group, and how far each group's validation error is above its.

        The limits are those of all pairs of groups together, at Sidak's level, so that they hold
        whichever group is called the best. It is the one with the lowest upper limit: few lucky
        rows make no group the best.
        """
        unseen = mean_over_fits(self.losses)
        n_groups = int((~np.isnan(self._limits(unseen).value)).sum())
        if not n_groups:
            raise ValueError("no row with weight counts for this loss")
        level = self.confidence_level ** (1 / max(comb(n_groups, 2), 1))
        limits = self._limits(unseen, bounded=self.target.bounded, level=level)
        high = np.where(np.isnan(limits.high), np.finfo(np.float64).max, limits.high)
        best = int(np.where(np.isnan(limits.value), np.inf, high).argmin())
        apart = difference_limits(limits, Limits(*(end[best] for end in limits)))
        for end in apart:
            end[best] = 0.0
        return best, apart

    def curves(
        self,
        fits: RepeatedFits,
        sizes: list[float],
        weak: list[int],
        best: int,
        tol: float,
        rng: np.random.Generator,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Learning curves of all groups, and the rows that weak ones need to be so no longer."""
        found = fits.run_thinned(self.losses, sizes, None, rng)
        curves = [self._curve(found, g, sizes, "all rows") for g in range(self.groups.n_groups)]
        slots = rng.integers(len(self.losses), size=_N_BOOT)
        goals = tol + resample_curves(*self._of_group(self.losses[None], best), slots, rng)[:, 0]
        target = tol + float(self._limits(mean_over_fits(self.losses)).value[best])
        needed = []
        for g in weak:
            found = fits.run_thinned(self.losses, sizes, g, rng)
            curves.append(self._curve(found, g, sizes, "own rows"))
            needed.append(self._rows_needed(found, g, target, slots, goals, rng))
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
        target: float,
        slots: NDArray[np.integer],
        goals: Floats,
        rng: np.random.Generator,
    ) -> dict[str, Any]:
        """Rows that a weak group needs for the target, and their interval."""
        losses, weights = self._of_group(found.losses, g)
        rows, at_hand = np.maximum(found.rows[:, g], 1.0), int(self.at_hand[g])
        means = np.array([np.average(mean_over_fits(at), weights=weights) for at in losses])
        drawn = resample_curves(losses, weights, slots, rng)
        known = ~np.isnan(drawn).any(axis=1) & ~np.isnan(goals)
        extra, spread = (
            np.maximum(fit_power_law(rows, errors).rows_for(goal) - at_hand, 0.0)
            for errors, goal in ((means, target), (drawn[known], goals[known]))
        )
        low, high = self._percentiles(spread) if known.any() else (0.0, np.inf)
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

    def _percentiles(self, spread: Floats) -> tuple[float, float]:
        tail = (1 - self.confidence_level) / 2
        low = float(np.quantile(spread, tail, method="lower"))
        return low, float(np.quantile(spread, 1 - tail, method="higher"))

    def _of_group(self, losses: NDArray[Any], g: int) -> tuple[NDArray[Any], Floats]:
        mine = np.flatnonzero((self.groups.codes == g) & (self.weights > 0))
        return losses[..., mine], self.weights[mine]

    def _limits(
        self, values: Floats, *, bounded: bool = False, level: float | None = None
    ) -> Limits:
        return limits_by_group(
            values,
            self.groups,
            self.weights,
            bounded=bounded,
            confidence_level=self.confidence_level if level is None else level,
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
