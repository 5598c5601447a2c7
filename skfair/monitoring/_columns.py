"""Columns that are watched without labels: fixed bins, counted by group."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.encoding import factorize
from skfair._utils.validation import check_count
from skfair.base import as_numbers

Floats = NDArray[np.float64]

_MOST_VALUES = 20


@dataclass(frozen=True)
class WatchedColumn:
    """Bins of one column, fixed by the reference; the last two are other and missing values.

    Parameters
    ----------
    name : str
    edges : tuple of float or None
        A bin ends at each edge (``value <= edge``); None: a bin a value.
    values : tuple
        The values that have bins, of a column that is not numeric.

    Examples
    --------
    >>> column = WatchedColumn.learn("job", np.array(["a", "b", "a"], dtype=object))
    >>> column.codes(np.array(["b", None, "z"], dtype=object)).tolist(), column.n_bins
    ([1, 3, 2], 4)
    >>> WatchedColumn.learn("age", np.arange(100.0), n_bins=4).edges
    (24.0, 49.0, 74.0)
    """

    name: str
    edges: tuple[float, ...] | None
    values: tuple[Hashable, ...] = ()

    @classmethod
    def learn(cls, name: str, column: Any, n_bins: int = 10) -> WatchedColumn:
        """Cut numbers at their quantiles; of other values the 20 most frequent have bins."""
        check_count("n_bins", n_bins, least=2, most=100)
        numbers = as_numbers(column)
        if numbers is None:
            codes, found = factorize(column)
            count = np.bincount(codes[codes >= 0], minlength=len(found))
            kept = np.sort(np.argsort(-count, kind="stable")[:_MOST_VALUES])
            return cls(name, None, tuple(found[i] for i in kept))
        present = numbers[np.isfinite(numbers)]
        if not len(present):
            return cls(name, ())
        shares = np.arange(1, n_bins) / n_bins
        edges = np.unique(np.quantile(present, shares, method="inverted_cdf"))
        return cls(name, tuple(edges[edges < present.max()].tolist()))

    @property
    def n_bins(self) -> int:
        """Number of bins, with those of other and of missing values."""
        return (len(self.values) if self.edges is None else len(self.edges)) + 2

    def codes(self, column: Any) -> NDArray[np.intp]:
        """Bin of each row.

        Raises
        ------
        ValueError
            If the column was numeric and isn't any more.
        """
        if self.edges is not None:
            numbers = as_numbers(column)
            if numbers is None:
                raise ValueError(f"{self.name!r} was numeric in the reference and isn't now")
            found = np.searchsorted(self.edges, numbers, side="left")
            return np.where(np.isnan(numbers), self.n_bins - 1, found)
        codes, values = factorize(column)
        place = {value: i for i, value in enumerate(self.values)}
        lookup = [place.get(value, len(self.values)) for value in values]
        return np.array([*lookup, self.n_bins - 1], dtype=np.intp)[codes]

    @property
    def cells(self) -> tuple[str, ...]:
        """What is tested of the bins, in words; last comes the share that is missing."""
        if self.edges is not None:
            parts = [f"{self.name} <= {edge:.6g}" for edge in self.edges]
        else:
            parts = [*(f"{self.name} = {value}" for value in self.values), f"another {self.name}"]
        return (*(parts or [f"{self.name} is known"]), f"{self.name} is missing")

    def read(self, counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows in each cell and rows that could be, from counts of shape (..., n_bins)."""
        known, lacking = counts[..., :-1], counts[..., -1:]
        rows = known.sum(axis=-1, keepdims=True)
        hits = known if self.edges is None else known.cumsum(axis=-1)[..., :-1]
        if hits.shape[-1] == 0:
            hits = rows
        sizes = np.broadcast_to(rows, hits.shape)
        return (
            np.concatenate([hits, lacking], axis=-1),
            np.concatenate([sizes, rows + lacking], axis=-1),
        )


def population_stability(counts: Floats, reference: Floats) -> Floats:
    r"""Compute the population stability index against a reference, over the last axis.

    .. math:: \sum_b (p_b - q_b) \ln \frac{p_b}{q_b}

    with half a row added to each bin. As a rule of thumb above 0.1 is looked into, above 0.25 acted
    on; with few rows a bin it is above that by chance.

    References
    ----------
    Yurdakul, B. and Naranjo, J. (2020). Statistical properties of the population stability index.
    Journal of Risk Model Validation 14(4). https://doi.org/10.21314/JRMV.2020.227

    Examples
    --------
    >>> population_stability(np.array([50.0, 50]), np.array([70.0, 30])).round(2).item()
    0.17
    """
    p, q = ((x + 0.5) / (x + 0.5).sum(axis=-1, keepdims=True) for x in (counts, reference))
    return ((p - q) * np.log(p / q)).sum(axis=-1)


def largest_distance(counts: Floats, reference: Floats) -> Floats:
    """Kolmogorov-Smirnov distance of binned counts, over the last axis; NaN without rows.

    Examples
    --------
    >>> largest_distance(np.array([50.0, 50]), np.array([70.0, 30])).round(2).item()
    0.2
    """
    totals = [x.sum(axis=-1, keepdims=True) for x in (counts, reference)]
    shares = [
        np.cumsum(x, axis=-1) / np.where(total > 0, total, np.nan)
        for x, total in zip((counts, reference), totals, strict=True)
    ]
    return np.abs(shares[0] - shares[1]).max(axis=-1)


def chi_square(counts: Floats, reference: Floats) -> Floats:
    """Pearson's chi-square of two samples of binned counts, over the last axis.

    Examples
    --------
    >>> chi_square(np.array([50.0, 50]), np.array([70.0, 30])).round(2).item()
    8.33
    """
    table = np.stack([counts, reference], axis=-2)
    rows, columns = table.sum(axis=-1, keepdims=True), table.sum(axis=-2, keepdims=True)
    total = np.maximum(rows.sum(axis=-2, keepdims=True), 1.0)
    expected = rows * columns / total
    return ((table - expected) ** 2 / np.where(expected > 0, expected, 1)).sum(axis=(-2, -1))


def describe_drift(counts: Floats, reference: Floats, numeric: bool) -> dict[str, Any]:
    """Distances of one group's bins from the reference, the last bin being missing values."""
    shares = [x[-1] / x.sum() if x.sum() else np.nan for x in (counts, reference)]
    empty = counts[:-1].sum() == 0 or reference[:-1].sum() == 0
    known, base = counts[:-1], reference[:-1]
    return {
        "n": int(counts.sum()),
        "psi": np.nan if empty else float(population_stability(known, base)),
        "ks": float(largest_distance(known, base)) if numeric and not empty else np.nan,
        "chi_square": np.nan if empty else float(chi_square(known, base)),
        "missing": shares[0],
        "missing_reference": shares[1],
    }
