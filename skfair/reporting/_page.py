"""One self-contained HTML page: nothing to load, one script of its own, everything else text."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import count

from skfair._utils.html import Markup, as_utf8, joined, tag
from skfair.reporting._assets import SCRIPT, STYLE
from skfair.reporting._blocks import Block, Cell, Charts, Fold, Heading, Items, Table, Text
from skfair.reporting._svg import draw

_MOST_LINES = 1000


def write_page(title: str, blocks: Sequence[Block]) -> str:
    """Write a page of blocks."""
    headings = [block.text for block in blocks if isinstance(block, Heading) and block.level == 2]
    links = [
        tag("li", tag("a", text, href=f"#section-{i}")) for i, text in enumerate(headings, start=1)
    ]
    body = tag(
        "main",
        tag("h1", tag("bdi", title)),
        tag("nav", tag("ul", *links), aria_label="Sections"),
        joined(_elements(blocks)),
    )
    footer = tag("footer", "Made by skfair. This page loads nothing and sends nothing.")
    page = tag("html", _head(title), tag("body", body, footer, _script()), lang="en")
    return as_utf8(f"<!DOCTYPE html>\n{page}\n")


def write_frame(page: str) -> str:
    """Put a page in a frame of its own, for a notebook."""
    return tag(
        "iframe",
        srcdoc=page,
        sandbox="allow-scripts",
        title="Fairness report",
        style="width: 100%; height: 640px; border: 1px solid #888;",
    )


def _head(title: str) -> Markup:
    digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        Markup(f"<style>{STYLE}</style>"),
    )


def _script() -> Markup:
    return Markup(f"<script>{SCRIPT}</script>")


def _elements(blocks: Sequence[Block]) -> Iterator[Markup]:
    sections = count(1)
    for block in blocks:
        if isinstance(block, Heading):
            place = f"section-{next(sections)}" if block.level == 2 else None
            yield tag(f"h{block.level}", block.text, id=place)
        elif isinstance(block, Text):
            yield tag("p", tag("bdi", block.text))
        elif isinstance(block, Items):
            yield tag("ul", *(tag("li", tag("bdi", item)) for item in block.items))
        elif isinstance(block, Fold):
            inner = joined(_elements(block.blocks))
            yield tag("details", tag("summary", tag("bdi", block.title)), inner)
        elif isinstance(block, Charts):
            yield tag("div", *(_figure(chart) for chart in block.charts), class_="charts")
        else:
            yield _table(block)
        yield Markup("\n")


def _figure(chart: object) -> Markup:
    return tag("figure", tag("figcaption", tag("bdi", chart.title)), draw(chart))  # type: ignore[attr-defined,arg-type]


def _table(table: Table) -> Markup:
    texts = {0, *table.texts}
    head = [
        tag(
            "th",
            tag("button", name, type="button"),
            scope="col",
            aria_sort="none",
            class_="t" if i in texts else None,
            data_n=None if i in texts else "",
        )
        for i, name in enumerate(table.columns)
    ]
    shown = table.lines[:_MOST_LINES]
    lines = [
        tag("tr", *(_cell(cell, i, i in texts) for i, cell in enumerate(line)), "\n")
        for line in shown
    ]
    more = len(table.lines) - len(shown)
    rest = tag("p", f"... and {more} more lines, which are in the JSON.") if more else ""
    inner = tag(
        "table",
        tag("caption", tag("bdi", table.caption)),
        tag("thead", tag("tr", *head)),
        tag("tbody", *lines),
    )
    framed = tag("div", inner, class_="wide", role="region", tabindex=0, aria_label=table.caption)
    return joined([framed, rest])


def _cell(cell: Cell, column: int, is_text: bool) -> Markup:
    if column == 0:
        return tag("th", tag("bdi", cell.text), scope="row")
    if is_text:
        return tag("td", tag("bdi", cell.text), class_="t")
    return tag("td", cell.text, data_v=None if cell.value is None else f"{cell.value:.6g}")
