"""Lists in messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any


def listed(items: Iterable[Any], most: int = 10) -> str:
    """Write items as a list, of which a long one is cut and its rest counted.

    Examples
    --------
    >>> listed(["f", "m"])
    "['f', 'm']"
    >>> listed(range(2000), most=3)
    '[0, 1, 2, ... and 1997 more]'
    """
    found = list(items)
    shown = ", ".join(repr(item) for item in found[:most])
    rest = f", ... and {len(found) - most} more" if len(found) > most else ""
    return f"[{shown}{rest}]"


def did_you_mean(name: object, known: Sequence[str]) -> str:
    """Suggest the nearest known name, if one is near.

    Examples
    --------
    >>> did_you_mean("equalised_odds", ["equalized_odds", "accuracy"])
    " (did you mean 'equalized_odds'?)"
    >>> did_you_mean("x", ["accuracy"])
    ''
    """
    near = get_close_matches(str(name), known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
