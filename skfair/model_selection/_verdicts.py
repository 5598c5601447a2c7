"""What the errors of a group mean, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

_CLEARED = 5  # times the smallest difference that matters: a group that may be worse isn't fine


def rows_in_words(extra: float, low: float, high: float) -> str:
    """Say how many more rows a group needs, as far as that is known: to two digits.

    Examples
    --------
    >>> rows_in_words(120.0, 60.0, 400.0)
    'about 120 more rows of this group (60 to 400)'
    >>> rows_in_words(120.0, 60.0, np.inf)
    'about 120 more rows of this group (at least 60; perhaps no number will do)'
    >>> rows_in_words(np.inf, np.inf, np.inf)
    "more rows of this group won't do"
    """
    if np.isnan(extra) or (np.isinf(extra) and low < 1):
        return "the rows that this group needs can't be told from those at hand"
    if np.isinf(low):
        return "more rows of this group won't do"
    if np.isinf(extra):
        return f"perhaps no number of rows of this group will do; at least {_round(low)} more"
    if np.isinf(high):
        ends = f"(at least {_round(low)}; perhaps no number will do)"
        return f"about {_round(extra)} more rows of this group {ends}"
    return f"about {_round(extra)} more rows of this group ({_round(low)} to {_round(high)})"


def _round(rows: float) -> str:
    """Write a number of rows to two digits, as rough as it is known."""
    return f"{float(f'{rows:.2g}'):,.0f}"


def judge(
    errors: pd.Series,
    parts: pd.Series,
    best: str,
    apart: tuple[float, float, float],
    rows_needed: pd.Series | None,
    constant: float,
    gain: tuple[float, float],
    tol: float,
) -> tuple[str, str]:
    """Give a group's verdict and the reason for it.

    Parameters
    ----------
    errors, parts : Series
        The group's rows of ``FitDiagnosis.errors`` and ``decomposition``.
    best : str
        The group that it is compared with.
    apart : tuple of 3 floats
        How far its validation error is above the best group's, with limits that hold for all pairs
        of groups together.
    rows_needed : Series or None
        Row of ``FitDiagnosis.rows_needed``.
    constant : float
        Error of the best constant prediction for the group.
    gain : tuple of 2 floats
        How far the validation error is below that, and the lower limit of it.
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
    if is_no_better(constant, gain, tol):
        return "underfits", f"{figures}; {share}: no better than a constant ({constant:.3g})"
    if not (reach := _reach(errors, apart)) <= _CLEARED * tol:
        above = f"above group {best}" if any(apart) else "higher"
        return "can't tell", f"{figures}; by chance alone it may be {reach:.2g} {above}: few rows"
    return "fine", figures


def _reach(errors: pd.Series, apart: tuple[float, float, float]) -> float:
    """How far a group's error may be above the best group's, or the best group's above itself."""
    return float(apart[2] if any(apart) else errors["validation_high"] - errors["validation"])


def is_weaker(apart: tuple[float, float, float], tol: float) -> bool:
    """Tell whether a group is worse than the best one, beyond chance and beyond what matters."""
    return bool(apart[1] > 0 and apart[0] > tol)


def is_no_better(constant: float, gain: tuple[float, float], tol: float) -> bool:
    """Tell whether a model is no better than a constant, as far as anyone can see.

    It isn't better beyond chance, nor by ``tol``, nor by half of the constant's error: where one
    label is rare, errors are below ``tol`` and yet may be far apart.

    Examples
    --------
    >>> is_no_better(0.3, (0.01, -0.02), 0.02), is_no_better(0.01, (0.01, -0.001), 0.02)
    (True, False)
    """
    return bool(constant > 0 and gain[1] <= 0 and gain[0] <= tol and gain[0] < constant / 2)


def _still_learns(rows_needed: Any, tol: float) -> bool:
    falls = rows_needed["gain_low"] > 0 and rows_needed["gain"] > tol / 2
    return bool(falls and np.isfinite(rows_needed["extra_low"]))
