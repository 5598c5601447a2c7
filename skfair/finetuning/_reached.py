"""What a debiased network reaches, in a table."""

from __future__ import annotations

import pandas as pd

from skfair.criteria import Criterion, gap_interval
from skfair.finetuning._objective import Bools, JudgedRows
from skfair.groups import Groups
from skfair.tally import Tally


def reached(
    criterion: Criterion,
    tol: float,
    decided: list[Bools],
    rows: JudgedRows,
    groups: Groups,
) -> pd.DataFrame:
    """Lay out the estimate, its interval, what was allowed, and the original's estimate."""
    tallies = [
        Tally.from_arrays(rows.positive, selected, groups, sample_weight=rows.weights)
        for selected in decided
    ]
    estimate, low, high = gap_interval(tallies[0], criterion)[:3]
    table = {
        "estimate": estimate,
        "low": low,
        "high": high,
        "violation": 1 - estimate if criterion.gap == "ratio" else estimate,
        "allowed": tol,
        "plain": float(criterion(tallies[1].cells())),
    }
    return pd.DataFrame([table], index=[criterion.name])
