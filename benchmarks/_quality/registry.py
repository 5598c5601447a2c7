"""The table of methods: who they are of, their knobs, and which are the same algorithm."""

from __future__ import annotations

from functools import lru_cache

from .methods import MODELS, Method, nothing
from .our_table import OURS
from .peer_table import PEERS


@lru_cache(maxsize=1)
def methods() -> dict[str, Method]:
    """All methods by name; skfair's before the peers'."""
    plain = Method("nothing", "none", "none", nothing, criteria=("any",), models=tuple(MODELS))
    found = {method.name: method for method in (plain, *OURS, *PEERS)}
    for method in found.values():
        if not set(method.pairs) <= set(found):
            raise ValueError(f"{method.name} is paired with {method.pairs}, which aren't there")
    return found
