"""A model card, by skops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skfair._utils.optional import import_optional
from skfair.reporting._blocks import Block
from skfair.reporting._markdown import escaped, sections

_TITLE = "Fairness"


def write_card(title: str, blocks: Sequence[Block], model: Any) -> Any:
    """Make a card with the report in a section of its own."""
    library = import_optional("skops.card", extra="report", purpose="a model card")
    template = None if model is None else "skops"
    card = library.Card(model, model_diagram=model is not None, template=template)
    for path, text in sections(blocks):
        place = "/".join(part.replace("/", "\\/") for part in (_TITLE, *path))
        card.add(**{place: text if path else f"{escaped(title)}\n\n{text}"})
    return card
