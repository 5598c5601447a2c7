"""Where the errors are, and what the model leans on: weak slices, attributions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skfair.detection import find_weak_slices
from skfair.reporting._inputs import Audited
from skfair.reporting._plain import Plain, estimate, group_values, number
from skfair.vision import group_attributions

_MOST_SLICES = 10
_MOST_FEATURES = 10
_ROWS = 100
_REPEATS = 2


def weak_slices(audited: Audited, level: float) -> Plain:
    """Find conjunctions of values of X where errors concentrate."""
    rows = audited.rows
    assert rows is not None
    found = find_weak_slices(
        rows.X,
        errors=rows.wrong.astype(float),
        max_predicates=2,
        k=_MOST_SLICES,
        confidence_level=level,
        sample_weight=rows.weight,
    )
    slices = [
        {
            "slice": str(line["slice"]),
            "n": int(line["n"]),
            "share": number(line["share"]),
            "mean_error": number(line["mean_error"]),
            "rest_error": number(line["rest_error"]),
            **estimate(line["difference"], line["low"], line["high"]),
            "adjusted_pvalue": number(line["adjusted_pvalue"]),
        }
        for line in found.slices.to_dict("records")
    ]
    return {"mean_error": number(found.mean_error), "n_tested": found.n_tested, "slices": slices}


def attribution(audited: Audited, level: float, random_state: Any) -> list[Plain]:
    """Find what moves a group's mean prediction away from that of all others, by feature."""
    rows = audited.rows
    assert rows is not None
    found = []
    for groups in rows.groups.split():
        if groups.n_groups < 2:
            continue
        result = group_attributions(
            rows.estimator,
            rows.X,
            sensitive_features=groups,
            pos_label=audited.positive,
            n_repeats=_REPEATS,
            max_rows=_ROWS,
            sample_weight=rows.weight,
            confidence_level=level,
            random_state=random_state,
        )
        found.append({"by": [*groups.names], "gaps": _strongest(result.gaps.reset_index())})
    return found


def _strongest(table: pd.DataFrame) -> list[Plain]:
    size = table.groupby("feature", sort=False)["difference"].apply(lambda x: x.abs().max())
    features = size.sort_values(ascending=False, kind="stable").index[:_MOST_FEATURES]
    return [
        {
            "feature": str(feature),
            "group": group_values(line["group"]),
            **estimate(line["difference"], line["low"], line["high"]),
        }
        for feature in features
        for line in table[table["feature"] == feature].to_dict("records")
    ]
