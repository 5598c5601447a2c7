"""Tables of a BiasDetector: values, features, groups."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.criteria import holm
from skfair.detection._divergences import (
    js_divergence,
    kl_divergence,
    kolmogorov_smirnov,
    lp_distance,
    total_variation,
)
from skfair.detection._features import Feature
from skfair.detection._pretraining import (
    class_imbalance,
    conditional_demographic_disparity,
    label_disparate_impact,
    label_disparity,
    sample_disparity,
)
from skfair.detection._value_tests import shape_of
from skfair.groups import MISSING, Groups
from skfair.tally import Tally

Floats = NDArray[np.float64]

_OF_LABELS: tuple[Callable[..., pd.DataFrame], ...] = (
    kl_divergence,
    js_divergence,
    lp_distance,
    total_variation,
    kolmogorov_smirnov,
)
_OF_POSITIVES: tuple[Callable[..., pd.DataFrame], ...] = (
    label_disparity,
    label_disparate_impact,
    conditional_demographic_disparity,
)
_OF_SIZES: tuple[Callable[..., pd.DataFrame], ...] = (class_imbalance, sample_disparity)
_TESTS = ["is_significant", "is_disparate", "is_divergent"]


def group_report(y: Any, groups: Groups, weights: Any, pos_label: Any, is_binary: bool) -> Any:
    """Lay out pre-training metrics of each sensitive feature and their intersection, long form."""
    alone = groups.split()
    parts = []
    for sensitive in alone if len(alone) == 1 else (*alone, groups):
        options = {"sensitive_features": sensitive, "sample_weight": weights}
        of_sizes = {f.__name__: f(sensitive, sample_weight=weights) for f in _OF_SIZES}
        found = of_sizes | _of_labels(y, pos_label, is_binary, options)
        parts.append(_long_form(found, sensitive.name, sensitive.labels))
    return pd.concat(parts, ignore_index=True)


def tally_report(tallies: Sequence[Tally], pos_label: Any, is_binary: bool) -> pd.DataFrame:
    """Lay the metrics of :func:`group_report` out, of tallies of the labels."""
    parts = []
    for tally in tallies:
        found = {f.__name__: f(tally) for f in _OF_SIZES}
        found |= _of_labels(tally, pos_label, is_binary, {})
        parts.append(_long_form(found, " x ".join(tally.names), tally.labels))
    return pd.concat(parts, ignore_index=True)


def _of_labels(
    y: Any, pos_label: Any, is_binary: bool, options: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    found = {f.__name__: f(y, **options) for f in _OF_LABELS}
    if is_binary:
        found |= {f.__name__: f(y, pos_label=pos_label, **options) for f in _OF_POSITIVES}
    return found


def _long_form(
    found: Mapping[str, pd.DataFrame], name: str, labels: Sequence[Hashable]
) -> pd.DataFrame:
    parts = []
    for metric, table in found.items():
        part = table[["estimate", "low", "high"]].reset_index(drop=True)
        part.insert(0, "metric", metric)
        part.insert(0, "group", pd.Series(list(labels), dtype=object))
        part.insert(0, "sensitive_feature", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def judge_values(
    report: pd.DataFrame, *, alpha: float, tolerance: float, kl_threshold: float
) -> pd.DataFrame:
    """Add Holm's p-values, the three tests, and the weight.

    The weight is the share of tests that fire where the first does, and 0 elsewhere: what isn't
    significant may be as large as chance makes it.
    """
    adjusted = holm(report["pvalue"].to_numpy())
    tests = {
        "is_significant": adjusted <= alpha,
        "is_disparate": report["label_disparity"].abs() >= tolerance,
        "is_divergent": report["kl_to_all"] >= kl_threshold,
    }
    judged = report.assign(adjusted_pvalue=adjusted, **tests)
    return judged.assign(weight=judged[_TESTS].mean(axis=1) * judged["is_significant"])


def judge_features(
    features: Sequence[Feature], report: pd.DataFrame, shapes: Sequence[Mapping[str, float]]
) -> pd.DataFrame:
    """Sum values up to features, the strongest first, and lay the columns' shapes beside them."""
    rows = []
    for feature, shape in zip(features, shapes, strict=True):
        values = report[report["position"] == feature.position]
        size = values["label_disparity"].abs().fillna(0.0)
        significant = values["is_significant"]
        detected = significant & values["is_disparate"]
        rows.append(
            {
                "feature": feature.name,
                "position": feature.position,
                "weight": values["weight"].max(),
                "effect": size[significant].max() if significant.any() else size.max(),
                "adjusted_pvalue": values["adjusted_pvalue"].min(),
                "is_detected": bool(detected.any()),
                **shape,
            }
        )
    return ranked(pd.DataFrame(rows))


def judge_features_as_printed(
    features: list[Feature], report: pd.DataFrame, weights: Floats | None = None
) -> pd.DataFrame:
    """Take each feature's largest weight; all that share the largest of these are detected."""
    weight = report.groupby("position")["weight"].max()
    table = pd.DataFrame(
        {
            "feature": [feature.name for feature in features],
            "position": [feature.position for feature in features],
            "weight": weight.loc[[feature.position for feature in features]].to_numpy(),
        }
    )
    table["is_detected"] = np.isclose(table["weight"], table["weight"].max())
    shapes = pd.DataFrame([column_shape(feature, weights) for feature in features])
    return ranked(pd.concat([table, shapes], axis=1))


def ranked(features: pd.DataFrame) -> pd.DataFrame:
    """Order features: the detected first, then by weight and effect."""
    by = [column for column in ("is_detected", "weight", "effect") if column in features]
    ordered = features.sort_values(by, ascending=False, kind="stable")
    return ordered.reset_index(drop=True)


def column_shape(feature: Feature, weights: Floats | None = None) -> dict[str, float]:
    """Skewness and normality of a numeric column, share of missing values of any."""
    if feature.numbers is None:
        lacking = np.array([str(label) == MISSING for label in feature.groups.labels])
        share = float(np.average(lacking[feature.groups.codes], weights=weights))
        return {"skewness": np.nan, "normality_pvalue": np.nan, "missing_share": share}
    skewness, normality = shape_of(feature.numbers, weights)
    missing = float(np.average(np.isnan(feature.numbers), weights=weights))
    return {"skewness": skewness, "normality_pvalue": normality, "missing_share": missing}
