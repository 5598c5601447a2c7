"""Whether parts were counted alike, so that their tallies may be added."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from skfair._utils.text import listed
from skfair.groups import MISSING, Bins


def check_alike(one: Any, other: Any) -> None:
    """Refuse tallies whose sum would mean nothing.

    Parameters
    ----------
    one, other : tally
        With ``names``, ``labels`` and ``classes``.

    Raises
    ------
    ValueError
        If sensitive features differ; if one has labels and the other none; if labels or groups are
        all text in one part and all numbers in the other, or a group is text in one and the number
        so written in the other; or if a column was cut at other edges, so that groups overlap.
    """
    if one.names != other.names:
        raise ValueError(
            f"tallies of {one.names} and of {other.names} can't be added: "
            "their sensitive features differ"
        )
    if getattr(one, "has_labels", True) != getattr(other, "has_labels", True):
        raise ValueError("a tally with labels and one of predictions alone can't be added")
    _check_kinds("the labels", one.classes, other.classes)
    if one.labels == other.labels:
        return
    sides = zip(_by_feature(one), _by_feature(other), strict=True)
    for name, (values, others) in zip(one.names, sides, strict=True):
        if values == others:
            continue
        _check_kinds(f"the groups of {name!r}", values, others)
        _check_spelling(name, values, others)
        _check_edges(name, {*values, *others})


def ends_of(label: Hashable, name: str) -> tuple[float, float] | None:
    """Read the label of a cut column: the ends of its interval; None for any other label.

    Examples
    --------
    >>> ends_of("age<=30", "age"), ends_of("age<=30", "age (2)"), ends_of("young", "age")
    ((-inf, 30.0), (-inf, 30.0), None)
    """
    if isinstance(label, pd.Interval):
        is_number = isinstance(label.left, Number)
        return (float(label.left), float(label.right)) if is_number else None
    found = Bins.interval(label, name)
    if found is None and name.endswith(")"):  # a column that is cut twice is named so
        found = Bins.interval(label, name.rpartition(" (")[0])
    return found


def _by_feature(tally: Any) -> list[list[Hashable]]:
    columns = [tally.labels] if len(tally.names) == 1 else zip(*tally.labels, strict=True)
    return [[v for v in dict.fromkeys(column) if v != MISSING] for column in columns]


def _check_kinds(what: str, values: Sequence[Hashable], others: Sequence[Hashable]) -> None:
    kinds, other_kinds = ({_kind(value) for value in part} for part in (values, others))
    if kinds and other_kinds and kinds.isdisjoint(other_kinds):
        raise ValueError(
            f"tallies of {what} {listed(values, 4)} and {listed(others, 4)} can't be added: "
            f"{_named(kinds)} and {_named(other_kinds)} are no values of one kind, write them "
            "alike first"
        )


def _kind(value: Hashable) -> str:
    if isinstance(value, str):
        return "text"
    return "numbers" if isinstance(value, Number | np.bool_) else type(value).__name__


def _named(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


def _check_spelling(name: str, values: Sequence[Hashable], others: Sequence[Hashable]) -> None:
    for part, other in ((values, others), (others, values)):
        spelt = {str(value) for value in part if not isinstance(value, str)} & {*other}
        if spelt:
            raise ValueError(
                f"tallies can't be added: {name!r} holds {listed(sorted(spelt), 4)} as text in one "
                "part, and not so in the other; write them alike first"
            )


def _check_edges(name: str, labels: set[Hashable]) -> None:
    found = {label: ends_of(label, name) for label in labels}
    cut = sorted((ends, str(label)) for label, ends in found.items() if ends is not None)
    for (one, label), (other, overlapping) in pairwise(cut):
        if other[0] < one[1]:
            raise ValueError(
                f"tallies can't be added: {name!r} is cut at other edges, so that the groups "
                f"{label!r} and {overlapping!r} overlap; count both parts with the same Bins"
            )
