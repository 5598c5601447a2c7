"""Words about constraints that a rule misses, or that the data can't tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from skfair.postprocessing._constraints import Constraints

_NOTICEABLE = 0.02
_SLIGHT = 1e-6
_COARSE = 0.1


def tell_missed(table: pd.DataFrame, asked: Constraints, *, is_shrunk: bool) -> Iterator[str]:
    """Tell which constraints a rule misses on the rows that it was found on, and why.

    Parameters
    ----------
    table : DataFrame
        As :func:`reached` lays it out.
    asked : Constraints
    is_shrunk : bool
        Whether the rule was found on curves drawn together.

    Yields
    ------
    str
        Nothing where none is missed by more than 0.02, and no bound or budget by however little.
    """
    slight = np.where(table.index.isin(list(asked.tols)), _NOTICEABLE, _SLIGHT)
    missed = table[table["violation"] > table["allowed"] + slight]
    if not len(missed):
        return
    figures = [
        f"{name} ({row.violation:.3g}, allowed {row.allowed:.3g})"
        for name, row in missed.iterrows()
    ]
    yield (
        f"the rule doesn't meet {', '.join(figures)} on the out-of-fold scores as they are, see "
        f"criteria_{_why_missed(missed, asked) if is_shrunk else ''}"
    )


def _why_missed(missed: pd.DataFrame, asked: Constraints) -> str:
    ratios = [criterion.name for criterion, _ in asked.criteria if criterion.gap == "ratio"]
    single = missed["single_cut"]
    gaps = single.where(~missed.index.isin(ratios), 1 - single)
    is_met = missed.index.isin(list(asked.tols)).all() and (gaps <= missed["allowed"]).all()
    return (
        ": shrinkage keeps it from following differences that may be chance; "
        "shrinkage=None enforces the constraints on these rows"
        + (", and one cut for all would meet them (single_cut)" if is_met else "")
    )


def tell_coarse(asked: Constraints, effective_tol: Mapping[str, float]) -> Iterator[str]:
    """Tell of tolerances that the search had to exceed by more than 0.1."""
    for name, tol in asked.tols.items():
        if effective_tol.get(name, tol) > tol + _COARSE:
            yield (
                f"tol={tol:g} of {name} is more than the data can tell: a group has too few rows "
                "that its rate is taken over, so that the search let the rule be off by "
                f"{effective_tol[name]:.3g} (effective_tol_); merge small groups"
            )
