"""What the errors of a group mean, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def rows_in_words(extra: float, low: float, high: float) -> str:
    """Say how many more rows a group needs, as far as that is known.

    Examples
    --------
    >>> rows_in_words(120.0, 60.0, 400.0)
    'about 120 more rows of this group (60 to 400)'
    >>> rows_in_words(120.0, 60.0, np.inf)
    'about 120 more rows of this group (60 to no number that will do)'
    >>> rows_in_words(np.inf, np.inf, np.inf)
    "more rows of this group won't do"
    """
    if np.isnan(extra) or (np.isinf(extra) and low < 1):
        return "the rows that this group needs can't be told from those at hand"
    if np.isinf(low):
        return "more rows of this group won't do"
    if np.isinf(extra):
        return f"perhaps no number of rows of this group will do; at least {low:,.0f} more"
    if np.isinf(high):
        return f"about {extra:,.0f} more rows of this group ({low:,.0f} to no number that will do)"
    return f"about {extra:,.0f} more rows of this group ({low:,.0f} to {high:,.0f})"


def judge(
    errors: pd.Series,
    parts: pd.Series,
    best: str,
    apart: tuple[float, float, float],
    rows_needed: pd.Series | None,
    constant: float,
    tol: float,
) -> tuple[str, str]:
    """Give a group's verdict and the reason for it.

    Parameters
    ----------
    errors, parts : Series
        The group's rows of ``FitDiagnosis.errors`` and ``decomposition``.
    best : str
        The group with the lowest validation error.
    apart : tuple of 3 floats
        How far its validation error is above the best group's, with limits.
    rows_needed : Series or None
        Row of ``FitDiagnosis.rows_needed``.
    constant : float
        Error of the best constant prediction for the group.
    tol : float
        Smallest difference of errors that matters.

    Returns
    -------
    verdict, reason : str
    """
    if np.isnan(errors["validation"]):
        return "no rows", "no row with weight counts for this error"
    figures = (
        f"validation error {errors['validation']:.3g} ({errors['validation_low']:.3g} to "
        f"{errors['validation_high']:.3g}), training error {errors['train']:.3g}"
    )
    is_weak = is_weaker(apart, tol)
    if is_weak:
        figures += f"; {apart[0]:.3g} above group {best}"
    if is_weak and rows_needed is not None and _still_learns(rows_needed, tol):
        return "lacks rows", f"{figures}; to close that: {rows_needed['answer']}"
    if errors["gap_low"] > 0 and errors["gap"] > tol and errors["gap"] > errors["train"]:
        return "overfits", f"{figures}: most of the error arises on rows not trained on"
    share = f"bias and noise make up {parts['bias']:.3g}, variance {parts['variance']:.3g}"
    if is_weak:
        return "underfits", f"{figures}; {share}: it does badly on training rows as well"
    if errors["validation"] > constant - tol:
        return "underfits", f"{figures}; {share}: no better than a constant ({constant:.3g})"
    return "fine", figures


def is_weaker(apart: tuple[float, float, float], tol: float) -> bool:
    """Tell whether a group is worse than the best one, beyond chance and beyond what matters."""
    return bool(apart[1] > 0 and apart[0] > tol)


def _still_learns(rows_needed: Any, tol: float) -> bool:
    falls = rows_needed["gain_low"] > 0 and rows_needed["gain"] > tol / 2
    return bool(falls and np.isfinite(rows_needed["extra_low"]))
