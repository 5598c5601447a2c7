"""A table with awkward names, and what a test reads of a page."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pandas as pd

NASTY = (
    '"><script>alert(1)</script>',
    "</style><img src=x onerror=alert(2)>",
    "a|b\nc\td",
    "'single' & \"double\"",
    "&lt;b&gt; &amp;",
    "\U0001f469\u200d\U0001f680 \U0001f1e9\U0001f1ea",
    "\u202egnirts\u202c",
    "x" * 300,
    "{{ 7 * 7 }} ${x} %s {0}",
    "`code` *bold* _it_ [link](javascript:alert(3)) # ~ \\",
    "--> <!-- ]]> \x00\x07",
)
"""Names of groups that a page must show and never obey."""


def make_hard_table(n=2400, seed=0):
    """40 columns, 12 groups of awkward names with missing values, and labels that are text."""
    rng = np.random.default_rng(seed)
    group = rng.choice([*NASTY, None], n, p=[0.3, 0.2, *[0.055] * 9, 0.005])
    names = [f"x{i}" for i in range(36)]
    X = pd.DataFrame(rng.normal(size=(n, 36)).round(1), columns=names)
    X["<b onclick=alert(4)>col|umn</b>"] = rng.choice(["<i>u</i>", "v|w", None], n)
    X["group"] = group
    X["site"] = rng.choice(['"', "<s>"], n)
    X["empty"] = np.nan
    X.loc[rng.random(n) < 0.1, "x0"] = np.nan
    X.index = rng.permutation(n) * 7
    score = 1 / (1 + np.exp(-X["x1"].to_numpy() - (group == NASTY[0])))
    y = np.where(rng.random(n) < score, "<yes>", "no & no")
    return X, y, score


def make_hard_alternatives(score, words):
    """Decisions of models with awkward names, two of them alike and one that never says yes."""
    found = {
        name: words[(score > 0.4 + 0.02 * i).astype(int)] for i, name in enumerate(NASTY, start=1)
    }
    found["never"] = words[np.zeros(len(score), dtype=int)]
    found["\u05e9\u05dc\u05d5\u05dd 12"] = words[(score > 0.5).astype(int)]
    return found | {"\u6f22" * 60: words[(score > 0.7).astype(int)]}


VOID = {"meta", "br"}
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "nav", "footer", "script"),
    *("h1", "h2", "h3", "p", "ul", "li", "a", "bdi", "div", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "button"),
    *("figure", "figcaption", "svg", "g", "text", "line", "circle", "rect", "polyline"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "href", "id", "class", "type"),
    *("scope", "role", "tabindex", "aria-label", "aria-sort", "data-v", "data-n", "viewbox"),
    *("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "width", "height", "points"),
    *("text-anchor", "transform", "stroke-dasharray"),
}


class Page(HTMLParser):
    """Elements, attributes and text of a page; it must be well nested."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.open = [], [], []
        self.raw = {"script": [], "style": []}
        self.text = []
        self.others = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]].append(data)
        else:
            self.text.append(data)

    def handle_comment(self, data):
        self.others.append(data)

    def unknown_decl(self, data):
        self.others.append(data)

    def handle_pi(self, data):
        self.others.append(data)
