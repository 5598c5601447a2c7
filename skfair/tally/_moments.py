"""MomentTally: means and spreads of numeric targets, predictions and residuals by group."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.validation import check_same_length, check_weights, finite_column
from skfair.groups import Groups, Missing
from skfair.tally._base import AdditiveTally, positions
from skfair.tally._kernel import count_cells, sum_cells

VARIABLES = ("y_true", "y_pred", "residual")
"""What the moments are of; the residual is y_true - y_pred."""


@dataclass(frozen=True, eq=False, repr=False)
class MomentTally(AdditiveTally):
    r"""For each group, sums of y_true, y_pred and the residual r = y_true - y_pred.

    Tallies of parts add up (``+``, ``sum``) to the tally of the whole. Squares are kept about the
    group's own mean and moved to the common mean when tallies are added, so that a large mean
    costs no digits of a small spread.

    Parameters
    ----------
    labels, names
        As in :class:`Tally`; ``classes`` is empty.
    weight, weight2, count : ndarray of shape (G,)
        Sums of weights, of squared weights, and row counts.
    total : ndarray of float of shape (G, 3)
        :math:`\sum w v` for v = y_true, y_pred, r.
    spread : ndarray of float of shape (G, 3)
        :math:`\sum w (v - \bar v)^2` about the group's weighted mean.
    absolute : ndarray of float of shape (G,)
        :math:`\sum w |r|`.

    References
    ----------
    Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983). Algorithms for computing the sample
    variance: analysis and recommendations. The American Statistician 37(3).
    https://doi.org/10.1080/00031305.1983.10483115

    Examples
    --------
    >>> tally = MomentTally.from_arrays([3.0, 5.0, 1.0], [2.0, 6.0, 1.0], ["f", "f", "m"])
    >>> tally.sums.tolist()  # w, w r, w |r|, w r^2
    [[2.0, 0.0, 2.0, 2.0], [1.0, 0.0, 0.0, 0.0]]
    >>> more = MomentTally.from_arrays([4.0], [1.0], ["m"])
    >>> (tally + more).means["residual"].to_dict()
    {'f': 0.0, 'm': 1.5}
    """

    total: NDArray[np.float64]
    spread: NDArray[np.float64]
    absolute: NDArray[np.float64]

    @property
    def _axes(self) -> tuple[tuple[Hashable, ...], ...]:
        return ()

    @classmethod
    def from_arrays(
        cls,
        y_true: Any,
        y_pred: Any,
        sensitive_features: Any,
        *,
        sample_weight: Any = None,
        missing: Missing = "group",
    ) -> MomentTally:
        """Sum arrays.

        Parameters
        ----------
        y_true, y_pred : array-like of float of shape (n,)
            Targets and predictions.
        sensitive_features : array-like of shape (n,) or (n, k), or Groups
            What :meth:`skfair.groups.Groups.read` takes.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.
        missing : {"group", "raise"}, default="group"
            What happens to rows without a sensitive value.

        Returns
        -------
        MomentTally

        Raises
        ------
        ValueError
            If lengths differ, or targets, predictions or weights are missing or infinite.
        """
        groups = Groups.read(sensitive_features, missing=missing)
        true, pred = finite_column(y_true, "y_true"), finite_column(y_pred, "y_pred")
        check_same_length(y_true=true, y_pred=pred, sensitive_features=groups)
        weights = check_weights(sample_weight, len(true))
        sums = count_cells([groups.codes], (groups.n_groups,), weights)

        def add_up(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return sum_cells([groups.codes], (groups.n_groups,), values, weights)

        residual = true - pred
        variables = (true, pred, residual)
        total = np.stack([add_up(values) for values in variables], axis=1)
        means = _means(total, sums[0])
        spread = np.stack(
            [add_up((v - means[:, k].take(groups.codes)) ** 2) for k, v in enumerate(variables)],
            axis=1,
        )
        absolute = add_up(np.abs(residual))
        return cls(groups.labels, groups.names, (), *sums, total, spread, absolute)

    @property
    def means(self) -> pd.DataFrame:
        """Weighted mean of y_true, y_pred and the residual by group; NaN without weight."""
        return self._table(divide(self.total, self.weight[:, None]))

    @property
    def variances(self) -> pd.DataFrame:
        r"""Variance of y_true, y_pred and the residual by group; NaN for a single row.

        :math:`\frac{n}{n - 1} \sum w (v - \bar v)^2 / \sum w` with Kish's effective number n of
        rows.
        """
        size = self.effective_sizes
        correction = divide(size, np.where(size > 1 + 1e-9, size - 1, 0.0))
        return self._table(divide(self.spread, self.weight[:, None]) * correction[:, None])

    @property
    def sums(self) -> NDArray[np.float64]:
        """Sums w, w r, w abs(r), w r^2 of the residuals, of shape (G, 4): they add up plainly."""
        total = self.total[:, 2]
        squares = self.spread[:, 2] + total * _means(self.total, self.weight)[:, 2]
        return np.stack([self.weight, total, self.absolute, squares], axis=1)

    def _table(self, values: NDArray[np.float64]) -> pd.DataFrame:
        return pd.DataFrame(values, index=self.index, columns=list(VARIABLES))

    def add_part(self, other: Self) -> Self:
        """Add a tally of other rows with the same features."""
        merged = super().add_part(other)
        (w, total, spread, absolute), (w2, total2, spread2, absolute2) = (
            part._align(merged.labels) for part in (self, other)
        )
        apart = np.where((w * w2 > 0)[:, None], _means(total, w) - _means(total2, w2), 0.0)
        shared = np.nan_to_num(divide(w * w2, w + w2))[:, None]
        return replace(
            merged,
            total=total + total2,
            spread=spread + spread2 + shared * apart**2,
            absolute=absolute + absolute2,
        )

    def _align(self, labels: tuple[Hashable, ...]) -> list[NDArray[np.float64]]:
        arrays = [self.weight, self.total, self.spread, self.absolute]
        if labels == self.labels:
            return arrays  # only read
        places = positions(self.labels, labels)
        aligned = []
        for array in arrays:
            out = np.zeros((len(labels), *array.shape[1:]))
            out[places] = array
            aligned.append(out)
        return aligned


def _means(total: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return total / np.where(weight > 0, weight, 1.0)[:, None]
