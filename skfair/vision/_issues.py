"""Issues of single images: a score for each, and a threshold that makes it an issue."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from skfair._utils.text import did_you_mean
from skfair._utils.validation import is_number
from skfair.vision._measures import Measured

THRESHOLDS: dict[str, float | None] = {
    "unreadable": 0.0,
    "not_finite": 0.0,
    "blank": 0.95,
    "dark": 0.8,
    "bright": 0.75,
    "low_information": 0.6,
    "blurry": 0.88,
    "odd_size": None,
    "odd_aspect_ratio": None,
    "grayscale": 0.95,
}
"""An image has an issue where its score is above this; None: found from the data."""

COPIES = ("exact_duplicate", "near_duplicate")
"""Issues of pairs of images."""

CONFLICT = "label_conflict"
"""Name under which clusters of copies with different labels are shown."""

MEANING = {
    "unreadable": "the file is missing or damaged, or there are no pixels",
    "not_finite": "share of pixels that are NaN or infinite",
    "blank": "1 less the range of brightness",
    "dark": "1 less the 99th percentile of brightness",
    "bright": "5th percentile of brightness",
    "low_information": "1 less the entropy of brightness, as a share of the most there can be",
    "blurry": "growth of differences with distance in pixels: 0 noise, 0.5 edges, 1 no detail",
    "odd_size": "1 less the ratio of its size to the median size, or of the median to it",
    "odd_aspect_ratio": "the same of width / height",
    "grayscale": "1 less its colourfulness, where most images are in colour",
    "exact_duplicate": "the same pixels as another image",
    "near_duplicate": "nearly the same picture as another image",
}
"""What the scores say, in words."""

_LEAST_ODD = 0.5
_FAR_OUT = 3 * 1.4826  # times the median absolute deviation: three standard deviations of a normal


def check_thresholds(given: Mapping[str, float | None] | None) -> dict[str, float | None]:
    """Replace the defaults by what is given, and check it.

    Raises
    ------
    ValueError
        If a threshold's name is none of an issue, or it is no number or NaN.
    """
    thresholds = THRESHOLDS | dict(given or {})
    for name, value in thresholds.items():
        if name not in THRESHOLDS:
            raise ValueError(
                f"thresholds name no issue {name!r}{did_you_mean(name, list(THRESHOLDS))}; issues "
                f"are {list(THRESHOLDS)}"
            )
        if value is not None and (not is_number(value) or np.isnan(value)):
            raise ValueError(f"the threshold of {name!r} must be a number or None, got {value!r}")
    return thresholds


def find_issues(
    measured: Measured, given: Mapping[str, float | None] | None
) -> tuple[pd.DataFrame, pd.Series]:
    """Score every image for every issue that is looked for.

    Parameters
    ----------
    measured : Measured
    given : mapping of str to float or None, or None
        Thresholds that replace the defaults; None leaves an issue out.

    Returns
    -------
    scores : DataFrame of shape (n, n_issues)
        Higher is worse; NaN where an issue doesn't apply.
    thresholds : Series
    """
    thresholds = check_thresholds(given)
    table = measured.table
    is_colour = table["colour"] > 1 - (thresholds["grayscale"] or 0.95)
    mostly_colour = is_colour.sum() > table["colour"].notna().sum() / 2
    sizes = np.sqrt(table["height"] * table["width"])
    scores = pd.DataFrame(
        {
            "unreadable": [float(reason is not None) for reason in measured.reasons],
            "not_finite": table["not_finite"],
            "blank": 1 - table["spread"],
            "dark": 1 - table["p99"],
            "bright": table["p05"],
            "low_information": 1 - table["entropy"],
            "blurry": table["smoothness"],
            "odd_size": _oddness(sizes),
            "odd_aspect_ratio": _oddness(table["width"] / table["height"]),
            "grayscale": 1 - table["colour"] if mostly_colour else np.nan,
        }
    )
    for name, values in (
        ("odd_size", sizes),
        ("odd_aspect_ratio", table["width"] / table["height"]),
    ):
        if name not in (given or {}):
            thresholds[name] = _odd_threshold(values)
    chosen = [name for name in THRESHOLDS if thresholds[name] is not None]
    limits = pd.Series({name: float(thresholds[name]) for name in chosen})  # type: ignore[arg-type]
    return scores[chosen], limits


def _oddness(values: pd.Series) -> pd.Series:
    """1 less the ratio of each value to the median, or of the median to it."""
    return 1 - np.exp(-np.abs(_from_median(values)))


def _odd_threshold(values: pd.Series) -> float:
    """Twice or half the median, or further out where values spread anyway."""
    spread = _FAR_OUT * np.abs(_from_median(values)).median()
    return max(_LEAST_ODD, float(1 - np.exp(-spread)))


def _from_median(values: pd.Series) -> pd.Series:
    logarithms = np.log(values)
    return logarithms - logarithms.median()


def list_issues(scores: pd.DataFrame, thresholds: pd.Series) -> pd.DataFrame:
    """One line for each image and issue that it has, the worst of an issue first."""
    parts = []
    for name in thresholds.index:
        rows = np.flatnonzero(scores[name].to_numpy() > thresholds[name])
        score = scores[name].to_numpy()[rows]
        order = np.argsort(-score, kind="stable")
        parts.append(
            pd.DataFrame({"row": rows[order], "issue": name, "score": score[order]}).assign(
                threshold=thresholds[name]
            )
        )
    return pd.concat(parts, ignore_index=True)
