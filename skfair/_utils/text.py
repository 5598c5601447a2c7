"""Lists in messages."""

from __future__ import annotations

from collections.abc import Iterable
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
