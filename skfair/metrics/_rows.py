"""Rows with scores, as the metrics of scores read, group and bin them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.validation import (
    check_count,
    check_same_length,
    check_weights,
    encode_labels,
    finite_column,
    positive_class,
)
from skfair.groups import Groups, Missing
from skfair.tally import ScoreTally, count_cells

Strategy = Literal["quantile", "uniform"]


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Binary labels and scores of rows in groups, checked.

    Parameters
    ----------
    groups : Groups
    positive : ndarray of bool of shape (n,)
        Whether the row's label is the positive class.
    score : ndarray of float of shape (n,)
    weight : ndarray of float of shape (n,) or None
    """

    groups: Groups
    positive: NDArray[np.bool_]
    score: NDArray[np.float64]
    weight: NDArray[np.float64] | None

    @classmethod
    def read(
        cls,
        y_true: Any,
        y_score: Any,
        sensitive_features: Any,
        sample_weight: Any,
        pos_label: Any,
        missing: Missing,
        *,
        name: str = "y_score",
    ) -> ScoredRows:
        """Read what the user gave; ``name`` is what the scores are called in messages."""
        groups = Groups.read(sensitive_features, missing=missing)
        (codes,), classes = encode_labels(("y_true", y_true))
        place = positive_class(classes, pos_label)
        positive = np.zeros(len(codes), dtype=bool) if place is None else codes == place
        score = finite_column(y_score, name)
        check_same_length(y_true=codes, **{name: score}, sensitive_features=groups)
        return cls(groups, positive, score, check_weights(sample_weight, len(score)))

    @classmethod
    def read_probabilities(
        cls,
        y_true: Any,
        y_prob: Any,
        sensitive_features: Any,
        sample_weight: Any,
        pos_label: Any,
        missing: Missing,
    ) -> ScoredRows:
        """Read scores that must be in [0, 1]."""
        rows = cls.read(
            y_true, y_prob, sensitive_features, sample_weight, pos_label, missing, name="y_prob"
        )
        if rows.score.min() < 0 or rows.score.max() > 1:
            raise ValueError("y_prob has values outside [0, 1].")
        return rows

    @property
    def labels(self) -> tuple[Hashable, ...]:
        """Labels of the groups."""
        return self.groups.labels

    @property
    def index(self) -> pd.Index:
        """Labels of the groups as a pandas index."""
        return self.groups.to_index()

    def by_label(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Sum weights, squared weights and rows by group and (negative, positive)."""
        codes = [self.groups.codes, self.positive.astype(np.int8)]
        return count_cells(codes, (self.groups.n_groups, 2), self.weight)


def read_scores(
    y_true: Any,
    y_score: Any,
    sensitive_features: Any,
    sample_weight: Any,
    pos_label: Any,
    missing: Missing,
) -> ScoredRows | ScoreTally:
    """Read rows, or a tally of scores in the place of their labels, which stands alone.

    Raises
    ------
    ValueError
        If something goes with a tally, or is lacking without one.
    """
    beside = {
        "y_score": y_score,
        "sensitive_features": sensitive_features,
        "sample_weight": sample_weight,
        "pos_label": pos_label,
    }
    if not isinstance(y_true, ScoreTally):
        for name in ("y_score", "sensitive_features"):
            if beside[name] is None:
                raise ValueError(f"{name} is needed, unless y_true is a ScoreTally")
        return ScoredRows.read(
            y_true, y_score, sensitive_features, sample_weight, pos_label, missing
        )
    given = [name for name, value in beside.items() if value is not None]
    if given:
        raise ValueError(
            f"a tally brings scores, groups, weights and classes along: leave out {given}"
        )
    Groups.read(Groups(np.arange(y_true.n_groups), y_true.labels, y_true.names), missing=missing)
    return y_true


def rows_by_code(codes: NDArray[np.integer], n_codes: int) -> list[NDArray[np.intp]]:
    """Positions of the rows of each code, in order; empty where it has none.

    Examples
    --------
    >>> [rows.tolist() for rows in rows_by_code(np.array([2, 0, 2]), 3)]
    [[1], [], [0, 2]]
    """
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=n_codes))
    return np.split(order, ends[:-1])


def rows_by_group(groups: Groups) -> list[NDArray[np.intp]]:
    """Positions of the rows of each group."""
    return rows_by_code(groups.codes, groups.n_groups)


def assign_bins(rows: ScoredRows, n_bins: int, strategy: str) -> NDArray[np.intp]:
    """Bin of each row's score, a probability.

    Parameters
    ----------
    rows : ScoredRows
    n_bins : int
    strategy : {"quantile", "uniform"}
        Bins with the same number of rows within each group, or bins of the same width. Weights
        don't move the edges, and rows without weight have no part in them.

    Returns
    -------
    bins : ndarray of int of shape (n,)
        In ``range(n_bins)``.

    Raises
    ------
    ValueError
        If there is no bin, or no strategy of that name.
    """
    check_count("n_bins", n_bins)
    shares = np.arange(1, n_bins) / n_bins
    if strategy == "uniform":
        return np.searchsorted(shares, rows.score, side="right")
    if strategy != "quantile":
        raise ValueError(f'strategy must be "quantile" or "uniform", got {strategy!r}')
    counted = np.ones(len(rows.score), dtype=bool) if rows.weight is None else rows.weight > 0
    bins = np.zeros(len(rows.score), dtype=np.intp)
    for members in rows_by_group(rows.groups):
        if counted[members].any():
            score = rows.score[members]
            edges = np.quantile(score[counted[members]], shares)
            bins[members] = np.searchsorted(edges, score, side="right")
    return bins
