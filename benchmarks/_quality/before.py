"""Before training: pre-training metrics; and the errors and ROC curves before and after."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from skfair import detection

from .data import SENSITIVE, group_names, load_table
from .measure import SCORE_BINS
from .tables import table

SHOWN = ("nothing", "Reweighter", "Resampler")


def pretraining_table(data: list[str]) -> str:
    """The metrics of Mandhala et al.'s table 1, of each group against all other rows."""
    rows = []
    for name in data:
        for sensitive in SENSITIVE.get(name, {}):
            rows += [[name, sensitive, *row] for row in _group_rows(name, sensitive)]
    header = ["data", "feature", "group", "rows", "CI", "disparity", "DPL", "KS", "KL", "skewness"]
    return table(header, rows)


def _group_rows(name: str, sensitive: str) -> list[list[str]]:
    found = load_table(name, sensitive)
    s, y = found.groups, found.y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = [
            detection.class_imbalance(s),
            detection.sample_disparity(s),
            detection.label_disparity(y, sensitive_features=s),
            detection.kolmogorov_smirnov(y, sensitive_features=s),
            detection.kl_divergence(y, sensitive_features=s),
        ]
    counts = np.bincount(s.codes, minlength=s.n_groups)
    rows = []
    for place, label in enumerate(group_names(s)):
        values = [f"{column['estimate'].iloc[place]:.3f}" for column in columns]
        skew = _skewness(s.codes == place)
        rows.append([label, f"{counts[place]:,}", *values, f"{skew:.2f}"])
    return rows


def _skewness(inside: np.ndarray) -> float:
    """Skewness of the group's 0/1 column: 0 for one half, large for a rare group."""
    return float(pd.Series(inside.astype(float)).skew())


def errors_before_after(frame: pd.DataFrame) -> str:
    """Table 2: false positives, false negatives and AUC on test, before and after mitigation."""
    rows = []
    first = frame[frame["method"].isin(SHOWN)].copy()
    first = first[(first["method"] != "Resampler") | (first["knob"] == "balance")]
    for key, part in first.groupby(["data", "sensitive", "model", "method"], sort=False):
        cells = np.sum(part["test"].tolist(), axis=0).sum(axis=0)
        tn, fp, fn, tp = cells / cells.sum()
        rates = [f"{1000 * fp:.0f}", f"{1000 * fn:.0f}", f"{fp / (fp + tn):.3f}"]
        rows.append([*map(str, key), *rates, f"{fn / (fn + tp):.3f}", f"{part['auc'].mean():.3f}"])
    header = ["data", "groups", "model", "", "FP of 1,000", "FN of 1,000", "FPR", "FNR", "AUC"]
    return table(header, rows)


def auc_before_after(frame: pd.DataFrame) -> str:
    """AUC of each group, before and after."""
    rows = []
    first = frame[frame["method"].isin(SHOWN)]
    first = first[(first["method"] != "Resampler") | (first["knob"] == "balance")]
    for (data, sensitive, model), part in first.groupby(["data", "sensitive", "model"], sort=False):
        labels = part["labels"].dropna().iloc[0]
        by_method = {
            str(method): np.nanmean(np.array(own["auc_by_group"].tolist(), float), axis=0)
            for method, own in part.groupby("method", sort=False)
        }
        for place, label in enumerate(labels):
            values = [f"{by_method[m][place]:.3f}" if m in by_method else "-" for m in SHOWN]
            rows.append([str(data), sensitive, model, label, *values])
    return table(["data", "groups", "model", "group", *SHOWN], rows)


def pooled_bins(rows: list[dict], method: str, knob: object = None) -> np.ndarray | None:
    """Counts by group, label and bin of the score, over all tests that kept them."""
    found = [
        row["test"]["binned"]
        for row in rows
        if row["method"] == method and "binned" in row.get("test", {}) and row["knob"] == knob
    ]
    if not found:
        return None
    counts = np.sum(found, axis=0)
    assert counts.shape[2] == SCORE_BINS
    return counts
