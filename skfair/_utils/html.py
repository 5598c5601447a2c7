"""HTML that is escaped by construction: what isn't markup already becomes text."""

from __future__ import annotations

import re
from html import escape

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_VOID = {"br", "hr", "img", "meta", "link", "input"}


class Markup(str):
    """Text that is HTML already, and isn't escaped again."""

    __slots__ = ()


def printable(text: str) -> str:
    r"""Put the replacement character in the place of control characters, which no page may hold.

    Tabs and line breaks stay.

    Examples
    --------
    >>> printable("a\x00b") == "a\ufffdb", printable("a\tb") == "a\tb"
    (True, True)
    """
    return _UNFIT.sub("\ufffd", text)


def escaped(value: object) -> Markup:
    """Turn a value into the HTML of its printable text; markup stays as it is.

    Examples
    --------
    >>> escaped('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    >>> escaped(tag("b", "x"))
    '<b>x</b>'
    """
    if isinstance(value, Markup):
        return value
    return Markup(escape(printable(str(value))))


def tag(name: str, /, *content: object, **attributes: object) -> Markup:
    """Make an element of escaped content and attributes.

    Parameters
    ----------
    name : str
        Of the element; never of data.
    *content : object
        Markup, or values that are escaped.
    **attributes : object
        Underscores in names stand for hyphens, one at the end for nothing; None leaves an
        attribute out.

    Examples
    --------
    >>> tag("td", "a < b", class_="text", data_v=1)
    '<td class="text" data-v="1">a &lt; b</td>'
    >>> tag("br"), tag("p", id=None)
    ('<br>', '<p></p>')
    """
    shown = "".join(
        f' {key.removesuffix("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{joined(content)}</{name}>")


def joined(parts: object) -> Markup:
    """Join values, each escaped unless it is markup.

    Examples
    --------
    >>> joined(["<", tag("br")])
    '&lt;<br>'
    """
    return Markup("".join(escaped(part) for part in parts))  # type: ignore[attr-defined]


def as_utf8(page: str) -> str:
    r"""Replace what UTF-8 can't hold (names of files are any bytes) by character references.

    Examples
    --------
    >>> as_utf8("a\udcff")
    'a&#56575;'
    """
    return page.encode("utf-8", "xmlcharrefreplace").decode("utf-8")
