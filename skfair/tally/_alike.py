"""Whether parts were counted alike, so that their tallies may be added."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from numbers import Number
from typing import Any

import numpy as np

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
        text in one part and numbers in the other; or if a column was cut at other edges, so that
        groups overlap.
    """
    if one.names != other.names:
        raise ValueError(
            f"tallies of {one.names} and of {other.names} can't be added: "
            "their sensitive features differ"
        )
    if getattr(one, "has_labels", True) != getattr(other, "has_labels", True):
        raise ValueError("a tally with labels and one of predictions alone can't be added")
    _check_kinds("the labels", one.classes, other.classes)
    sides = zip(_by_feature(one), _by_feature(other), strict=True)
    for name, (values, others) in zip(one.names, sides, strict=True):
        if values == others:
            continue
        _check_kinds(f"the groups of {name!r}", values, others)
        _check_edges(name, values, others)


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


def _check_edges(name: str, values: Sequence[Hashable], others: Sequence[Hashable]) -> None:
    cuts, other_cuts = (dict(_intervals(name, part)) for part in (values, others))
    for label, (low, high) in cuts.items():
        for overlapping, (least, most) in other_cuts.items():
            if (low, high) != (least, most) and max(low, least) < min(high, most):
                raise ValueError(
                    f"tallies can't be added: {name!r} is cut at other edges, so that the groups "
                    f"{label!r} and {overlapping!r} overlap; count both parts with the same Bins"
                )


def _intervals(
    name: str, values: Sequence[Hashable]
) -> Iterator[tuple[Hashable, tuple[float, float]]]:
    for value in values:
        found = Bins.interval(value, name)
        if found is not None:
            yield value, found
