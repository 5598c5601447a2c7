"""The section on the data: who is in it, what the labels say, proxies, copies, doubtful labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from skfair._utils.columns import column_positions, is_frame
from skfair.criteria import group_intervals
from skfair.detection import (
    class_imbalance,
    find_duplicates,
    find_proxies,
    js_divergence,
    label_disparate_impact,
    label_disparity,
    suspect_labels,
)
from skfair.reporting._inputs import Audited, Rows
from skfair.reporting._plain import Plain, estimate, group_values, number, table_rows
from skfair.tally import Tally

_MOST_PROXIES = 10


def representation(audited: Audited, level: float) -> list[Plain]:
    """Rows, shares of them and base rates by group."""
    return [
        {"by": [*view.names], "groups": _sizes(view, audited.pos_label, level)}
        for view in audited.views()
    ]


def _sizes(view: Tally, pos_label: Any, level: float) -> list[Plain]:
    base = group_intervals(view, "base_rate", confidence_level=level, pos_label=pos_label)
    if view.n_groups == 1:
        share = pd.DataFrame({"estimate": [1.0], "low": [np.nan], "high": [np.nan]})
    else:  # the imbalance of a share s is 1 - 2 s
        table = (1 - class_imbalance(view, confidence_level=level)) / 2
        share = table.rename(columns={"low": "high", "high": "low"})
    return [
        {
            "group": group_values(label),
            "n": int(view.group_counts[i]),
            "effective_n": number(view.effective_sizes[i]),
            "share": estimate(*share[["estimate", "low", "high"]].iloc[i]),
            "base_rate": estimate(base.rate[i], base.low[i], base.high[i]),
        }
        for i, label in enumerate(view.labels)
    ]


def pretraining(audited: Audited, level: float) -> list[Plain]:
    """Pre-training metrics of the labels, each group against all others."""
    of_positives: dict[str, Callable[..., pd.DataFrame]] = {
        "label_disparity": label_disparity,
        "label_disparate_impact": label_disparate_impact,
    }
    found = []
    for view in audited.views():
        if view.n_groups < 2:
            continue
        tables = {
            name: function(view, pos_label=audited.pos_label, confidence_level=level)
            for name, function in of_positives.items()
        }
        tables["js_divergence"] = js_divergence(view, confidence_level=level)
        groups = [
            {"group": group_values(label)}
            | {name: _line(table, i) for name, table in tables.items()}
            for i, label in enumerate(view.labels)
        ]
        found.append({"by": [*view.names], "groups": groups})
    return found


def _line(table: pd.DataFrame, i: int) -> Plain:
    more = {"pvalue": number(table["pvalue"].iloc[i])} if "pvalue" in table else {}
    return estimate(*table[["estimate", "low", "high"]].iloc[i], **more)


def proxies(audited: Audited, random_state: Any) -> list[Plain]:
    """Columns of X that give a sensitive feature away, the strongest first."""
    rows = _rows(audited)
    kept = _other_columns(rows)
    if not kept:
        return []
    table = find_proxies(
        rows.X,
        sensitive_features=rows.groups,
        columns=kept,
        sample_weight=rows.weight,
        random_state=random_state,
    )
    found = []
    for groups in audited.groupings():
        best = table[(table["sensitive_feature"] == groups.name) & table["auc"].notna()]
        columns = [
            {
                "column": str(line.feature),
                "auc": number(line.auc),
                "normalized_mutual_information": number(line.normalized_mutual_information),
            }
            for line in best.head(_MOST_PROXIES).itertuples()
        ]
        if columns:
            found.append({"by": [*groups.names], "columns": columns})
    return found


def _other_columns(rows: Rows) -> list[int]:
    """Positions of the columns of X that don't bear the name of a sensitive feature."""
    places = column_positions(rows.X)
    names = list(rows.X.columns) if is_frame(rows.X) else places
    return [
        place
        for place, name in zip(places, names, strict=True)
        if str(name) not in rows.groups.names
    ]


def duplicates(audited: Audited, level: float) -> Plain:
    """Rows of X that are copies of each other."""
    rows = _rows(audited)
    found = find_duplicates(rows.X, sensitive_features=rows.groups, confidence_level=level)
    columns = {
        "n": "n",
        "n_duplicates": "n_duplicates",
        "estimate": "share",
        "low": "low",
        "high": "high",
    }
    return {
        "by": [*rows.groups.names],
        "n_duplicates": found.n_duplicates,
        "n_clusters": found.n_clusters,
        "groups": table_rows(found.by_group, rows.groups.labels, columns),
    }


def label_noise(audited: Audited, level: float) -> Plain:
    """Share of labels that the scores contradict."""
    rows = _rows(audited)
    assert rows.score is not None
    found = suspect_labels(
        rows.positive.astype(int),
        np.column_stack([1 - rows.score, rows.score]),
        sensitive_features=rows.groups,
        sample_weight=rows.weight,
        confidence_level=level,
    )
    columns = {
        "n": "n",
        "n_suspect": "n_suspect",
        "estimate": "suspect_share",
        "low": "low",
        "high": "high",
    }
    groups = table_rows(found.table, rows.groups.labels, columns)
    return {"by": [*rows.groups.names], "groups": groups}


def _rows(audited: Audited) -> Rows:
    assert audited.rows is not None
    return audited.rows
