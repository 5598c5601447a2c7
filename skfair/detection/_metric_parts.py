"""What the pre-training metrics share: docstrings and tables of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.docstrings import documented
from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric
from skfair.detection._label_table import LabelTable
from skfair.groups import Missing

Floats = NDArray[np.float64]
F = TypeVar("F", bound=Callable[..., Any])

_PARAMETERS = {
    "y": """\
    y : array-like of shape (n,), or Tally
        Labels of any type; a tally brings groups and weights along.""",
    "sensitive_features": """\
    sensitive_features : array-like of shape (n,) or (n, k), dict or Groups, default=None
        Groups; several columns make intersectional groups. Needed with arrays.""",
    "control_features": """\
    control_features : array-like of shape (n,) or (n, k), dict or Groups, default=None
        Compare within the levels of these; with a tally, names of its features.""",
    "p": """\
    p : float, default=2.0
        Order of the distance, at least 1.""",
    "ordered": """\
    ordered : bool, default=False
        Compare distribution functions, of labels in their order or of numbers.""",
    "reference": """\
    reference : label, default=None
        Compare each group with this one; None: with all other rows. The group itself is then at
        parity, without an interval.""",
    "pos_label": """\
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. With more than
        two classes that class is measured against the rest.""",
    "confidence_level": """\
    confidence_level : float, default=0.95
        How often each interval should hold, between 0 and 1.""",
    "sample_weight": """\
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.""",
    "missing": """\
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.""",
}
_AFTER = """\
    Raises
    ------
    ValueError
        If lengths differ, labels are missing, the reference isn't a group, or the positive class
        can't be told where one is needed.

    Warns
    -----
    UndefinedMetricWarning
        If a figure of a group is undefined and NaN; the message names both."""


def documented_metric(*more: str) -> Callable[[F], F]:
    """Write the sections that docstrings of pre-training metrics share."""
    last = ("confidence_level", "sample_weight", "missing")
    return documented(("y", "sensitive_features", *more, *last), _PARAMETERS, _AFTER)


def read_labels(
    y: Any, sensitive_features: Any, sample_weight: Any, missing: Missing
) -> LabelTable:
    """Count labels by group from arrays or a tally."""
    return LabelTable.read(y, sensitive_features, sample_weight=sample_weight, missing=missing)


def limits_table(
    limits: Iterable[Floats],
    index: pd.Index,
    name: str,
    *,
    reference: int | None = None,
    parity: float = 0.0,
) -> pd.DataFrame:
    """Lay out limits by group, and warn of what is NaN; the reference is at parity with itself."""
    columns = dict(zip(("estimate", "low", "high"), limits, strict=True))
    table = pd.DataFrame(columns, index=index)
    if reference is not None:
        table.iloc[reference] = parity
    lost = index[table["estimate"].isna()]
    if len(lost):
        warn_undefined_metric(f"{name} of groups {listed(lost)} is undefined and NaN")
    return table
