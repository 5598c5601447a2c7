"""Tests of every value of every feature against the label: corrected, and as printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import normaltest, skew

from skfair._utils.arrays import divide
from skfair._utils.encoding import factorize
from skfair.criteria import (
    DIVERGENCES,
    ClassSums,
    contrasts,
    critical_value,
    share_limits,
)
from skfair.detection._features import Feature
from skfair.groups import MISSING
from skfair.tally import count_cells

Floats = NDArray[np.float64]

_SMOOTHING = 0.5
ROUNDING = 1e-13  # of values that differ by less, as parts of the largest, moments are noise
_TEST_WEIGHT = 0.1


@dataclass(frozen=True, eq=False)
class Contrast:
    """Sets of rows to compare with other rows: values of a feature, and cuts of a numeric one.

    Parameters
    ----------
    labels : list
    kind : {"value", "cut"}
    own, rest : ClassSums
        Arrays of shape (n_levels, n_sets, n_classes).
    """

    labels: list[Any]
    kind: str
    own: ClassSums
    rest: ClassSums


def contrasts_of(feature: Feature, levels: ClassSums) -> list[Contrast]:
    """Each value against all others, and of numbers the rows up to each inner cut against the rest.

    A bin by itself has few rows; what a label does along an ordered feature shows in the cuts.
    """
    labels = list(feature.groups.labels)
    found = [Contrast(labels, "value", levels, levels.others())]
    n_present = len(labels) - (labels[-1] == MISSING)
    if feature.numbers is None or n_present < 4:
        return found
    inner = slice(1, n_present - 2)
    upto = ClassSums(*(array[:, :n_present].cumsum(axis=1)[:, inner] for array in levels))
    above = ClassSums(
        *(
            array[:, :n_present].sum(axis=1, keepdims=True) - below
            for array, below in zip(levels, upto, strict=True)
        )
    )
    edges = [_upper_edge(label) for label in labels[inner]]
    return [*found, Contrast([f"{feature.name}<={edge}" for edge in edges], "cut", upto, above)]


def _upper_edge(label: Any) -> str:
    return label.rpartition("<=")[2] if isinstance(label, str) else f"{label:.15g}"


def value_table(
    feature: Feature, levels: ClassSums, tested: Sequence[int], confidence_level: float
) -> pd.DataFrame:
    """Every value and cut of a feature against the other rows.

    Parameters
    ----------
    feature : Feature
    levels : ClassSums
        Sums by level, value and class.
    tested : sequence of int
        Positions of the classes to compare: the positive one, or all.
    confidence_level : float

    Returns
    -------
    DataFrame
        Of several classes, the figures of the one with the smallest p-value, which is then
        Bonferroni's for all of them.
    """
    tables = [_contrast_table(c, tested, confidence_level) for c in contrasts_of(feature, levels)]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "position", feature.position)
    table.insert(0, "feature", pd.Series([feature.name] * len(table), dtype=object))
    return table


def _contrast_table(
    contrast: Contrast, tested: Sequence[int], confidence_level: float
) -> pd.DataFrame:
    own, rest = contrast.own.add_up(), contrast.rest.add_up()
    found = [
        contrasts(contrast.own, contrast.rest, k, confidence_level=confidence_level) for k in tested
    ]
    pvalues = np.stack([np.nan_to_num(c.pvalue, nan=1.0) for c in found])
    sets = np.arange(pvalues.shape[1]), pvalues.argmin(axis=0)
    at = (sets[1], sets[0])
    k = np.array(tested)[sets[1]]
    difference, low, high = (
        np.stack([getattr(c, name) for c in found])[at] for name in ("difference", "low", "high")
    )
    share = share_limits(own, critical_value(confidence_level))
    size = own.weight.sum(axis=1), rest.weight.sum(axis=1)
    return pd.DataFrame(
        {
            "value": pd.Series(contrast.labels, dtype=object),
            "kind": contrast.kind,
            "n": own.rows.sum(axis=1).astype(int),
            "share": divide(size[0], size[0] + size[1]),
            "class": k,
            "positive_rate": share.value[sets[0], k],
            "positive_rate_low": share.low[sets[0], k],
            "positive_rate_high": share.high[sets[0], k],
            "label_disparity": -difference,
            "label_disparity_low": -high,
            "label_disparity_high": -low,
            "demographic_disparity": _demographic_disparity(own, rest)[sets[0], k],
            "class_imbalance": divide(size[1] - size[0], size[0] + size[1]),
            "sample_disparity": divide(size[0], size[1]),
            **{name: d(rest.shares, own.shares) for name, d in DIVERGENCES.items()},
            "kl_to_all": divergence_from_all(own, rest),
            "pvalue": np.minimum(len(tested) * pvalues[at], 1.0),
        }
    )


def _demographic_disparity(own: ClassSums, rest: ClassSums) -> Floats:
    """Share of each set among rows of other classes less that among rows of the class."""
    shares = []
    for inverted in (True, False):
        inside, outside = (
            side.weight.sum(axis=1, keepdims=True) - side.weight if inverted else side.weight
            for side in (own, rest)
        )
        shares.append(divide(inside, inside + outside))
    return shares[0] - shares[1]


def divergence_from_all(own: ClassSums, rest: ClassSums) -> Floats:
    r"""Kullback-Leibler divergence of each set's labels from all, half a row added to each cell.

    .. math:: KL(P(y \mid f = i) \,\|\, P(y))
    """
    parts = []
    for weight, rows in ((own.weight, own.rows), (own.weight + rest.weight, own.rows + rest.rows)):
        scale = divide(rows.sum(axis=1, keepdims=True), weight.sum(axis=1, keepdims=True))
        counts = weight * np.nan_to_num(scale) + _SMOOTHING
        parts.append(counts / counts.sum(axis=1, keepdims=True))
    return xlogy(parts[0], parts[0] / parts[1]).sum(axis=1)


def shape_of(column: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """Skewness of a column, and the p-value of D'Agostino and Pearson's test of normality.

    The test knows no weights: every row counts alike.
    """
    present = column[~np.isnan(column)]
    if len(present) == 0:
        return np.nan, np.nan
    if np.ptp(present) <= ROUNDING * np.abs(present).max():
        return 0.0, np.nan
    present = np.ldexp(present, -np.frexp(np.abs(present).max())[1])  # cubes stay numbers
    normality = float(normaltest(present).pvalue) if len(present) >= 20 else np.nan
    if weights is None:
        return float(skew(present)), normality
    own = weights[~np.isnan(column)]
    centred = present - np.average(present, weights=own)
    second, third = (np.average(centred**power, weights=own) for power in (2, 3))
    return float(third / second**1.5), normality


def printed_weights(
    counts: Floats, skewness: float, normality: float, *, skewness_threshold: float, alpha: float
) -> pd.DataFrame:
    r"""Test and weigh every value as the paper prints it.

    Parameters
    ----------
    counts : ndarray of float of shape (n_values, 2)
        Weight of rows of class b and of class a, the positive one.
    skewness, normality : float
        Of the label-encoded, normalised column.
    skewness_threshold, alpha : float

    Returns
    -------
    DataFrame
        Columns skewed, not_normal, kolmogorov_smirnov, sample_disparity, kl_divergence (bool) and
        weight, 0.1 a test.
    """
    of_class = counts.sum(axis=0)
    whole, own = of_class / of_class.sum(), divide(counts, counts.sum(axis=1, keepdims=True))
    in_class = divide(counts, np.broadcast_to(of_class, counts.shape))
    b, a = of_class
    tests = pd.DataFrame(
        {
            "skewed": np.full(len(counts), abs(skewness) > skewness_threshold),
            "not_normal": np.full(len(counts), normality < alpha),
            "kolmogorov_smirnov": (whole - own).max(axis=1) > np.sqrt((a + b) / (a / b)),
            "sample_disparity": in_class[:, 1] > in_class[:, 0],
            "kl_divergence": (xlogy(whole, divide(whole + 0 * own, own))).sum(axis=1) < 0,
        }
    )
    return tests.assign(weight=_TEST_WEIGHT * tests.sum(axis=1))


def printed_table(
    feature: Feature,
    positive: NDArray[np.bool_],
    weights: Floats | None,
    *,
    skewness_threshold: float,
    alpha: float,
) -> pd.DataFrame:
    """Every value of a feature as the paper tests it: numbers as they are, all else encoded.

    Parameters
    ----------
    feature : Feature
    positive : ndarray of bool of shape (n,)
        Rows of class a.
    weights : ndarray of float of shape (n,) or None
    skewness_threshold, alpha : float
    """
    numbers = feature.numbers
    if numbers is None:
        codes, labels = feature.groups.codes, list(feature.groups.labels)
        numbers = codes.astype(float)
    else:
        codes, found = factorize(numbers)
        lacking = codes < 0
        labels = [*found, *([MISSING] if lacking.any() else [])]
        codes = np.where(lacking, len(found), codes)
    counts, _, rows = count_cells([codes, positive.astype(np.int8)], (len(labels), 2), weights)
    tests = printed_weights(
        counts, *shape_of(numbers), skewness_threshold=skewness_threshold, alpha=alpha
    )
    tests.insert(0, "n", rows.sum(axis=1))
    tests.insert(0, "value", pd.Series(labels, dtype=object))
    tests.insert(0, "position", feature.position)
    tests.insert(0, "feature", pd.Series([feature.name] * len(tests), dtype=object))
    return tests
