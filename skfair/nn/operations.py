"""Names of operations on images, and their amounts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from skfair._utils.text import listed
from skfair._utils.validation import is_number

Amount = float | tuple[float, float]
Operations = Mapping[str, Amount]


DEFAULT_OPERATIONS: Operations = {
    "rotate": 10,
    "translate": 0.1,
    "zoom": 0.1,
    "brightness": 0.1,
    "contrast": 0.1,
}
# Of each operation: what a single number means, and the least and the greatest amount.
OPERATIONS: dict[str, tuple[str, float, float]] = {
    "rotate": ("around 0", -math.inf, math.inf),
    "flip_horizontal": ("chance", 0, 1),
    "flip_vertical": ("chance", 0, 1),
    "crop": ("from", 0, 1),
    "zoom": ("factor", 0, math.inf),
    "translate": ("around 0", -1, 1),
    "brightness": ("around 0", -1, 1),
    "contrast": ("around 1", 0, math.inf),
    "noise": ("up to", 0, math.inf),
    "cutout": ("up to", 0, 1),
}


def read_operations(operations: Operations) -> dict[str, tuple[float, float]]:
    """Read operations on images: the least and the greatest amount of each.

    Parameters
    ----------
    operations : mapping of str to float or (float, float)
        As in :func:`augment_images`.

    Returns
    -------
    dict of str to (float, float)
        Of flips, the chance twice.

    Raises
    ------
    ValueError
        If an operation is unknown, or its amount none.

    Examples
    --------
    >>> read_operations({"rotate": 10, "crop": 0.8, "zoom": (1, 1.5), "flip_vertical": 0.5})
    {'rotate': (-10.0, 10.0), 'crop': (0.8, 1.0), 'zoom': (1.0, 1.5), 'flip_vertical': (0.5, 0.5)}
    """
    if not isinstance(operations, Mapping):
        raise ValueError(f"operations must be a mapping of names to amounts, got {operations!r}")
    unknown = [name for name in operations if name not in OPERATIONS]
    if unknown:
        raise ValueError(f"operations {listed(unknown)} are unknown; known: {listed(OPERATIONS)}")
    return {name: _amounts(name, amount) for name, amount in operations.items()}


def _amounts(name: str, amount: Any) -> tuple[float, float]:
    kind, least, greatest = OPERATIONS[name]
    if is_number(amount) and math.isfinite(amount) and (amount >= 0 or kind == "factor"):
        a = float(amount)
        low, high = {
            "around 0": (-a, a),
            "around 1": (1 - a, 1 + a),
            "chance": (a, a),
            "from": (a, 1.0),
            "up to": (0.0, a),
            "factor": (1 / (1 + a), 1 + a) if a >= 0 else (-1.0, -1.0),
        }[kind]
    elif (
        isinstance(amount, Sequence)
        and len(amount) == 2
        and kind != "chance"
        and all(is_number(end) and math.isfinite(end) for end in amount)
    ):
        low, high = (float(end) for end in amount)
    else:
        pair = "" if kind == "chance" else ", or a pair (low, high)"
        raise ValueError(f"{name} must be a finite number of at least 0{pair}; got {amount!r}")
    above = name in ("crop", "zoom")  # a side or factor of 0 leaves nothing
    if not least <= low <= high <= greatest or (above and low == 0):
        ends = f"{'(' if above else '['}{least:g}, {greatest:g}]"
        raise ValueError(f"amounts of {name} must lie in {ends}, the lesser first, got {amount!r}")
    return low, high
