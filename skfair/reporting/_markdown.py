"""Markdown, in which nothing of the data is markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from skfair._utils.html import as_utf8, printable
from skfair.reporting._blocks import Block, Charts, Fold, Heading, Items, Table, Text

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$^]|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)])")


def escaped(text: object) -> str:
    r"""Make text that Markdown shows as it is, in one line.

    Examples
    --------
    >>> print(escaped("a|b\n<i> *c*"))
    a\|b &lt;i&gt; \*c\*
    """
    line = " ".join(printable(str(text)).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return as_utf8(_SPECIAL.sub(r"\\\1", line))


def write_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Write a document of blocks; charts are left out, since tables hold their figures."""
    return "\n\n".join([f"# {escaped(title)}", *_parts(blocks)]) + "\n"


def sections(blocks: Sequence[Block]) -> list[tuple[tuple[str, ...], str]]:
    """Give each section's path of titles and its own Markdown; what comes first has no title."""
    found: list[tuple[tuple[str, ...], list[Block]]] = [((), [])]
    for block in blocks:
        if isinstance(block, Heading):
            parent = found[-1][0][: block.level - 2]
            found.append(((*parent, block.text), []))
        else:
            found[-1][1].append(block)
    return [(path, "\n\n".join(_parts(own))) for path, own in found]


def _parts(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Heading):
            yield f"{'#' * block.level} {escaped(block.text)}"
        elif isinstance(block, Text):
            yield escaped(block.text)
        elif isinstance(block, Items):
            yield "\n".join(f"- {escaped(item)}" for item in block.items)
        elif isinstance(block, Fold):
            yield from _parts(block.blocks)
        elif isinstance(block, Table):
            yield _table(block)
        else:
            assert isinstance(block, Charts)


def _table(table: Table) -> str:
    texts = {0, *table.texts}
    rule = ["---" if i in texts else "---:" for i in range(len(table.columns))]
    lines = [[escaped(cell.text) for cell in line] for line in table.lines]
    rows = [[escaped(name) for name in table.columns], rule, *lines]
    shown = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"**{escaped(table.caption)}**\n\n{shown}"
