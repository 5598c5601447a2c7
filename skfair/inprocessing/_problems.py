"""What reductions solve: how predictors are described, and which reweighting a price asks for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import Criterion, Objective, Rate, rate_steps
from skfair.inprocessing._requirements import Band, Requirements, require_bands, require_below
from skfair.tally import count_cells, sum_cells

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

Criteria = tuple[tuple[Criterion, float], ...]
_NOTHING = 1e-12

LOSSES: dict[str, Callable[[Floats], Floats]] = {
    "squared_error": lambda error: error**2,
    "absolute_error": np.abs,
}


@dataclass(frozen=True, eq=False)
class DecisionProblem:
    r"""Decide between two classes: best for a linear objective, within criteria between groups.

    A predictor is described by its cells, the share of all weight that each (level, group) has in
    (tn, fp, fn, tp). Objective and rates are linear in them. At a price p of the cells, the best
    answer for a row of label y in group g is the positive class where
    :math:`p_{g,y,1} < p_{g,y,0}`, and the difference is what the row weighs.

    Parameters
    ----------
    classes : ndarray of shape (2,)
        The negative and the positive class.
    labels : ndarray of int of shape (n,)
        1 for the positive class.
    codes : ndarray of int of shape (n,)
        Group of each row.
    levels : ndarray of int of shape (n,)
        Level of the control features.
    shape : tuple of (int, int)
        Numbers of levels and groups.
    weights : ndarray of float of shape (n,)
    criteria : tuple of (Criterion, float)
        Criteria with the violation that each allows.
    objective : Objective
        Linear in decisions.
    group_labels, level_labels : sequence
        For messages.
    """

    classes: NDArray[Any]
    labels: Codes
    codes: Codes
    levels: Codes
    shape: tuple[int, int]
    weights: Floats
    criteria: Criteria
    objective: Objective
    group_labels: Sequence[Hashable] = ()
    level_labels: Sequence[Hashable] = ()

    def describe(self, predicted: NDArray[Any]) -> Floats:
        """Cells of predicted classes, as shares of all weight."""
        return self.count((predicted == self.classes[1]).astype(np.int8))

    def count(self, decisions: NDArray[Any]) -> Floats:
        """Cells of decisions, as shares of all weight.

        Parameters
        ----------
        decisions : ndarray of shape (n,)
            1 for the positive class, or the chance of it.

        Returns
        -------
        cells : ndarray of float of shape (n_levels * n_groups * 4,)
        """
        places, shape = [self.levels, self.codes, self.labels], (*self.shape, 2)
        total = self.weights.sum()
        if decisions.dtype.kind == "i":
            return count_cells([*places, decisions], (*shape, 2), self.weights)[0].ravel() / total
        chosen = sum_cells(places, shape, decisions, self.weights)
        rest = sum_cells(places, shape, 1 - decisions, self.weights)
        return np.stack([rest, chosen], axis=-1).ravel() / total

    def count_at(self, scores: Floats, cuts: Floats) -> Floats:
        """Cells of deciding for the positive class from each of rising cuts on.

        Returns
        -------
        cells : ndarray of float of shape (n_cuts, n_levels * n_groups * 4)
        """
        places = [self.levels, self.codes, self.labels]
        reached = np.searchsorted(cuts, scores, side="right")
        shape = (*self.shape, 2, len(cuts) + 1)
        counts = count_cells([*places, reached], shape, self.weights)[0]
        below = counts.cumsum(axis=-1)[..., :-1]
        both = np.stack([below, counts.sum(axis=-1, keepdims=True) - below], axis=-2)
        n_sums = counts[..., 0].size * 2
        return np.moveaxis(both, -1, 0).reshape(len(cuts), n_sums) / self.weights.sum()

    def cells(self, sums: Floats) -> Floats:
        """Cells of shape (..., n_levels, n_groups, 4)."""
        return sums.reshape(*sums.shape[:-1], *self.shape, 4)

    @property
    def loss(self) -> Floats:
        """Price of the cells that is the objective's loss."""
        totals = self._totals().sum(axis=(0, 1))
        below = self.objective.denominator[[0, 2]] @ totals
        return np.tile(-self.objective.numerator / below, self.shape[0] * self.shape[1])

    @property
    def unit(self) -> float:
        """Largest loss of a decision: 1 for accuracy."""
        return float(np.abs(self.loss).max()) or 1.0

    def reweigh(self, price: Floats) -> tuple[NDArray[Any], Floats]:
        """Class that each row should get, and what the row weighs; the sum stays what it was."""
        gain = self._gains(price)[self.levels, self.codes, self.labels]
        weights = self.weights * np.abs(gain)
        factor = self.weights.sum() / max(weights.sum(), 1e-300)
        return self.classes[(gain < 0).astype(np.int8)], weights * factor

    def key(self, price: Floats) -> bytes:
        """Tell reweightings apart: prices that differ by a factor are the same."""
        gains = self._gains(price)
        scale = np.abs(gains).max()
        return np.round(gains / (scale or 1.0), 9).tobytes()

    def _gains(self, price: Floats) -> Floats:
        cells = price.reshape(*self.shape, 2, 2)
        return cells[..., 1] - cells[..., 0]

    def _totals(self) -> Floats:
        """Share of all weight, of shape (n_levels, n_groups, 2)."""
        counted = count_cells(
            [self.levels, self.codes, self.labels], (*self.shape, 2), self.weights
        )[0]
        return counted / counted.sum()

    def bands(self) -> list[Band]:
        """Rates that must lie in bands: of each criterion, rate and level."""
        found, totals = [], self._totals()
        for number, (criterion, tol) in enumerate(self.criteria):
            shares = criterion.combination == "mean"
            for rates in criterion.compared:
                for level in range(self.shape[0]):
                    rows, labels, sizes = self._rate_rows(rates, level, totals)
                    if len(rows) > 1:
                        shared = number * self.shape[0] + level if shares else None
                        name = " and ".join(rate.name for rate in rates)
                        name = f"{name} at {self._level(level)}" if self.shape[0] > 1 else name
                        as_ratio = criterion.gap == "ratio"
                        told = tol, as_ratio, shared, name, tuple(labels), sizes
                        found.append(Band(rows, *told))
        return found

    @property
    def move_names(self) -> list[str]:
        """Names of the moves: rate and group."""
        return [f"{band.name}: {label}" for band in self.bands() for label in band.labels[1:]]

    def moves(self) -> Floats:
        """Prices that pull groups apart: each group but the first of a band, against the first.

        Returns
        -------
        moves : ndarray of float of shape (n_moves, n_sums)
        """
        found = [row - band.rows[0] for band in self.bands() for row in band.rows[1:]]
        return np.array(found).reshape(len(found), self.shape[0] * self.shape[1] * 4)

    def requirements(self) -> Requirements:
        """Inequalities of all bands."""
        return require_bands(self.bands(), self.shape[0] * self.shape[1] * 4)

    @property
    def allowed(self) -> dict[str, float]:
        """Violation that each criterion allows."""
        return {criterion.name: tol for criterion, tol in self.criteria}

    @property
    def resolution(self) -> float:
        """What the rates of two groups may differ by, only since rows can't be split."""
        totals, squares, _ = count_cells(
            [self.levels, self.codes, self.labels], (*self.shape, 2), self.weights
        )
        steps = [
            np.sort(rate_steps(rates, of_level[rows > 0], squared[rows > 0]))[-2:].sum()
            for criterion, _ in self.criteria
            for rates in criterion.compared
            for of_level, squared in zip(totals, squares, strict=True)
            if np.count_nonzero(rows := _rows_of(rates, of_level)) > 1
        ]
        return float(max(steps, default=0.0))

    def is_constant(self, sums: Floats) -> Any:
        """Whether decisions are the same for all rows, by sums of shape (..., n_sums)."""
        tn, fp, fn, tp = np.moveaxis(self.cells(sums).sum(axis=(-3, -2)), -1, 0)
        return (fp + tp <= _NOTHING) | (tn + fn <= _NOTHING)

    def violations(self, sums: Floats) -> dict[str, Any]:
        """Largest violation over the levels, by criterion: a difference, or 1 less a ratio.

        Parameters
        ----------
        sums : ndarray of float of shape (..., n_sums)

        Returns
        -------
        violations : dict of str to float or ndarray of shape (...)
            0 where no two groups can be compared.
        """
        cells = self.cells(sums)
        found = {c.name: self._violation(c, cells).max(axis=-1) for c, _ in self.criteria}
        return {k: v if v.ndim else float(v) for k, v in found.items()}

    def _violation(self, criterion: Criterion, cells: Floats) -> Floats:
        """Violation by level; rates that can't be compared are left out, as from the bands."""
        parts = [replace(criterion, rates=rates)(cells) for rates in criterion.compared]
        gaps = np.stack(parts, axis=-1)
        gaps = 1 - gaps if criterion.gap == "ratio" else gaps
        known = ~np.isnan(gaps)
        gaps = np.where(known, gaps, 0.0)
        if criterion.combination == "mean":
            return gaps.sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
        return gaps.max(axis=-1)

    def excess(self, sums: Floats) -> Any:
        """By how much the worst criterion exceeds its tolerance."""
        found = self.violations(sums)
        if not found:
            return np.zeros(sums.shape[:-1])
        return np.max([found[name] - tol for name, tol in self.allowed.items()], axis=0)

    def value(self, sums: Floats) -> Any:
        """Objective."""
        return -(sums @ self.loss)

    def warn_if_undefined(self) -> None:
        """Name the groups that a criterion can't bind, since they have no rows that it is about."""
        totals = self._totals()
        notes = {
            f"{rate.name} of group {self.group_labels[g]!r}"
            + (f" at {self._level(level)}" if self.shape[0] > 1 else "")
            for criterion, _ in self.criteria
            for rate in criterion.rates
            for level, g in zip(*np.nonzero(totals.sum(axis=2)), strict=True)
            if _denominator(rate, totals[level, g]) == 0
        }
        if notes:
            warn_undefined_metric(
                f"undefined (0/0), so not constrained: {', '.join(sorted(notes)[:10])}"
            )

    def _level(self, level: int) -> str:
        return repr(self.level_labels[level]) if self.level_labels else f"level {level}"

    def _rate_rows(
        self, rates: Sequence[Rate], level: int, totals: Floats
    ) -> tuple[Floats, list[Hashable], Floats]:
        rows, kept, sizes = [], [], []
        for group in range(self.shape[1]):
            below = [_denominator(rate, totals[level, group]) for rate in rates]
            if min(below) > 0:
                row = np.zeros((*self.shape, 4))
                parts = [np.array(r.numerator) / b for r, b in zip(rates, below, strict=True)]
                row[level, group] = np.mean(parts, axis=0)
                rows.append(row.ravel())
                sizes.append(np.mean(below))
                kept.append(self.group_labels[group] if self.group_labels else group)
        return np.array(rows).reshape(len(rows), -1), kept, np.array(sizes)


@dataclass(frozen=True, eq=False)
class LossProblem:
    """Predict numbers: least mean loss, where no group's mean loss exceeds a bound.

    A predictor is described by the share of all loss that each group has, in units of the loss of
    the mean, so that the scale of the targets doesn't matter. A price is a factor for each group's
    weights.

    Parameters
    ----------
    y : ndarray of float of shape (n,)
    codes : ndarray of int of shape (n,)
    n_groups : int
    weights : ndarray of float of shape (n,)
    loss_name : {"squared_error", "absolute_error"}
    bound : float or None
        Largest mean loss of a group; None: as small as it can be.
    group_labels : sequence
        For messages.
    """

    y: Floats
    codes: Codes
    n_groups: int
    weights: Floats
    loss_name: str
    bound: float | None
    group_labels: Sequence[Hashable] = ()

    @cached_property
    def unit(self) -> float:
        """Mean loss of predicting the mean."""
        mean = np.average(self.y, weights=self.weights)
        losses = LOSSES[self.loss_name](self.y - mean)
        return float(np.average(losses, weights=self.weights)) or 1.0

    def describe(self, predicted: Floats) -> Floats:
        """Loss of each group as a share of all weight, of shape (n_groups,)."""
        losses = LOSSES[self.loss_name](self.y - predicted) / self.unit
        found = sum_cells([self.codes], (self.n_groups,), losses, self.weights)
        return found / self.weights.sum()

    @property
    def loss(self) -> Floats:
        """Price of the groups' losses: the mean loss, unless the worst group's is minimised."""
        return np.full(self.n_groups, float(self.bound is not None))

    def reweigh(self, price: Floats) -> tuple[Floats, Floats]:
        """Targets, and what each row weighs."""
        weights = self.weights * np.maximum(price, 0.0)[self.codes]
        return self.y, weights * (self.weights.sum() / weights.sum())

    def key(self, price: Floats) -> bytes:
        """Tell reweightings apart."""
        return np.round(price / price.max(), 9).tobytes()

    def group_losses(self, sums: Floats) -> Floats:
        """Mean loss of each group; NaN where all weights are 0."""
        shares = self._shares()
        return self.unit * np.where(shares > 0, sums / np.where(shares > 0, shares, 1.0), np.nan)

    @property
    def move_names(self) -> list[str]:
        """Names of the moves: the groups."""
        return [str(label) for label in np.array(self.group_labels)[self._shares() > 0]]

    def moves(self) -> Floats:
        """Prices of the groups' mean losses, of shape (n_groups, n_groups)."""
        shares = self._shares()
        return np.diag(1 / np.where(shares > 0, shares, 1.0))[shares > 0]

    def requirements(self) -> Requirements:
        """Bound each group's mean loss."""
        return require_below(self.moves(), None if self.bound is None else self.bound / self.unit)

    @property
    def allowed(self) -> dict[str, float]:
        """The bound; infinite where there is none."""
        return {"bounded_group_loss": np.inf if self.bound is None else self.bound}

    def violations(self, sums: Floats) -> dict[str, float]:
        """Mean loss of the worst group, which the bound is compared with."""
        return {"bounded_group_loss": float(np.nanmax(self.group_losses(sums)))}

    def excess(self, sums: Floats) -> float:
        """By how many units the worst group's loss exceeds the bound; without one, by none."""
        worst = self.violations(sums)["bounded_group_loss"]
        return 0.0 if self.bound is None else (worst - self.bound) / self.unit

    def value(self, sums: Floats) -> float:
        """Minus the mean loss, or minus the worst group's where there is no bound."""
        worst = float(np.nanmax(self.group_losses(sums)))
        return -worst if self.bound is None else -float(sums.sum()) * self.unit

    def warn_if_undefined(self) -> None:
        """Every group has a mean loss."""

    def _shares(self) -> Floats:
        found = sum_cells([self.codes], (self.n_groups,), np.ones(len(self.y)), self.weights)
        return found / found.sum()


Problem = DecisionProblem | LossProblem


def _rows_of(rates: Sequence[Rate], totals: Floats) -> Floats:
    """Least denominator of several rates in each group, of totals of shape (n_groups, 2)."""
    return np.array([min(_denominator(rate, of_group) for rate in rates) for of_group in totals])


def _denominator(rate: Rate, totals: Floats) -> float:
    """Sum that a linear rate is divided by, of the weights of negatives and positives."""
    return float(rate.denominator[0] * totals[0] + rate.denominator[2] * totals[1])
