"""What a BiasDetector concludes from counts of values and labels, wherever they were counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.validation import positive_class
from skfair.criteria import ClassSums
from skfair.detection._features import Feature
from skfair.detection._report import judge_features, judge_values
from skfair.detection._value_tests import value_table
from skfair.tally import count_cells


class CountedFeature(NamedTuple):
    """A feature, the labels of its values, and the shape of its column.

    Parameters
    ----------
    feature : Feature
        Its groups are the values.
    levels : ClassSums
        Arrays of shape (n_levels, n_values, n_classes).
    shape : mapping of str to float
        Skewness, p-value of normality, share of missing values.
    """

    feature: Feature
    levels: ClassSums
    shape: Mapping[str, float]


def classes_to_test(
    classes: Sequence[Any], pos_label: Any, *, needs_two: bool = False
) -> list[int]:
    """Positions of the classes to compare: the positive one, or without ``pos_label`` all of many.

    Parameters
    ----------
    classes : sequence
    pos_label : label or None
    needs_two : bool, default=False

    Raises
    ------
    ValueError
        If there is one class alone, or the positive one can't be told.
    """
    if len(classes) < 2:
        raise ValueError(f"y has one class only, {list(classes)}: nothing can go with it")
    if len(classes) > 2 and pos_label is None:
        if needs_two:
            raise ValueError('variant="paper" needs two classes, or pos_label')
        return list(range(len(classes)))
    place = positive_class(classes, pos_label)
    assert place is not None
    return [place]


def judge(
    counted: Sequence[CountedFeature],
    classes: NDArray[Any],
    tested: Sequence[int],
    *,
    alpha: float,
    tolerance: float,
    kl_threshold: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test every value of every feature against the label.

    Parameters
    ----------
    counted : sequence of CountedFeature
    classes : ndarray of shape (n_classes,)
    tested : sequence of int
        Positions of the classes to compare with the others.
    alpha, tolerance, kl_threshold : float
        As of :class:`BiasDetector`.

    Returns
    -------
    values, features : DataFrame
        ``report_`` and ``features_`` of a :class:`BiasDetector`.
    """
    tables = [value_table(c.feature, c.levels, tested, 1 - alpha) for c in counted]
    report = pd.concat(tables, ignore_index=True)
    report["class"] = classes[report["class"].to_numpy()]
    report = judge_values(report, alpha=alpha, tolerance=tolerance, kl_threshold=kl_threshold)
    shapes = [c.shape for c in counted]
    return report, judge_features([c.feature for c in counted], report, shapes)


def count_labels(
    feature: Feature,
    codes: NDArray[np.integer],
    n_classes: int,
    strata: NDArray[np.integer] | None,
    weights: NDArray[np.float64] | None,
) -> ClassSums:
    """Count rows by stratum, value and class."""
    axes, shape = [feature.groups.codes, codes], (feature.groups.n_groups, n_classes)
    if strata is None:
        sums = count_cells(axes, shape, weights)
        return ClassSums(*(array[None].astype(np.float64) for array in sums))
    sums = count_cells([strata, *axes], (int(strata.max()) + 1, *shape), weights)
    return ClassSums(*(array.astype(np.float64) for array in sums))


def check_thresholds(**thresholds: float) -> None:
    """Raise ValueError unless every one is a number of at least 0."""
    for name, value in thresholds.items():
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value!r}")
