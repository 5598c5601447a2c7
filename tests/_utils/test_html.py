from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from skfair._utils.html import Markup, as_utf8, escaped, joined, tag


class Reader(HTMLParser):
    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.seen, self.text = [], ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, attrs))

    def handle_data(self, data):
        self.text += data


words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)


@settings(max_examples=60)
@given(words, words)
def test_any_text_stays_text(content, attribute):
    read = Reader(tag("td", content, title=attribute))
    assert read.seen == [("td", [("title", attribute)])]
    assert read.text == content


def test_markup_is_escaped_once():
    inner = tag("b", "<")
    assert inner == "<b>&lt;</b>"
    assert escaped(inner) == inner
    assert joined([inner, "<"]) == "<b>&lt;</b>&lt;"
    assert escaped(str(inner)) == "&lt;b&gt;&amp;lt;&lt;/b&gt;"
    assert isinstance(joined([]), Markup)


def test_control_characters_are_replaced_and_line_breaks_stay():
    assert escaped("a\x00b\x1bc\td\ne") == "a\ufffdb\ufffdc\td\ne"


def test_attributes_of_none_are_left_out():
    assert tag("a", "x", href=None, class_="t", data_v=0) == '<a class="t" data-v="0">x</a>'


def test_half_a_surrogate_pair_is_a_reference():
    assert as_utf8(escaped("\ud800")) == "&#55296;"
