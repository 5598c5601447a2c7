"""What an ImageHealthCheck found, in plain text."""

from __future__ import annotations

from typing import Any

import pandas as pd

_TABLES = ("balance_", "by_group_", "by_class_", "across_splits_")
_MOST_REASONS = 10


def write_text(check: Any) -> str:
    """Write the report of a fitted ImageHealthCheck."""
    found = check.summary_[check.summary_["n"] > 0]
    lines = [f"{check.n_images_} images, {len(found)} kinds of issues{weighing(check)}"]
    if len(found):
        lines.append(found.round(4).to_string())
    for name in _TABLES:
        table = only_found(getattr(check, name), check.summary_)
        if table is not None and len(table):
            title = name.strip("_").replace("_", " ") + ", weighted" * check.is_weighted_
            lines += ["", title, table.round(4).to_string(index=False)]
    if len(check.label_conflicts_):
        lines += ["", f"{len(check.label_conflicts_)} clusters of copies have different labels"]
    if len(check.reasons_):
        lines += ["", "not readable"]
        lines += [f"row {row}: {why}" for row, why in check.reasons_.head(_MOST_REASONS).items()]
        more = len(check.reasons_) - _MOST_REASONS
        lines += [f"... and {more} more"] if more > 0 else []
    return "\n".join(lines)


def weighing(check: Any) -> str:
    """Say whether shares are weighted, as the end of a sentence."""
    return "; shares are weighted, numbers of images aren't" if check.is_weighted_ else ""


def only_found(table: pd.DataFrame | None, summary: pd.DataFrame) -> pd.DataFrame | None:
    """Leave the lines of issues out that no image has."""
    if table is None or "issue" not in table:
        return table
    return table[table["issue"].isin(summary.index[summary["n"] > 0])]
