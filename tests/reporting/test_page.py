from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import numpy as np
import pytest
from reporting.pages import (
    ATTRIBUTES,
    ELEMENTS,
    NASTY,
    Page,
    make_hard_alternatives,
    make_hard_table,
)

from skfair.reporting import FairnessReport
from skfair.reporting._assets import DARK, DARK_GROUND, LIGHT, LIGHT_GROUND, SCRIPT, STYLE
from skfair.reporting._blocks import Curves, Figure, Intervals, Table
from skfair.reporting._page import write_page
from skfair.reporting._svg import draw, ticks
from skfair.reporting._words import group_name


@pytest.fixture(scope="module")
def report():
    X, y, score = make_hard_table()
    words = np.array(["no & no", "<yes>"])
    before = words[(score > 0.5).astype(int)]
    return FairnessReport.from_predictions(
        y,
        words[(score > 0.6).astype(int)],
        y_score=score,
        X=X,
        sensitive_features=["group", "site"],
        pos_label="<yes>",
        baseline=before,
        alternatives=make_hard_alternatives(score, words),
        title=NASTY[0],
        n_resamples=199,
    )


@pytest.fixture(scope="module")
def source(report):
    return report.to_html()


def test_every_element_and_attribute_is_of_our_own_making(source):
    page = Page(source)
    assert set(page.elements) <= ELEMENTS
    assert {name for _, name, _ in page.attributes} <= ATTRIBUTES
    assert page.others == []
    assert page.raw["script"] == [SCRIPT]
    assert page.raw["style"] == [STYLE]
    links = [value for tag, name, value in page.attributes if name == "href"]
    assert links
    assert all(re.fullmatch(r"#section-\d", value) for value in links)


def test_names_are_shown_whole_and_as_text(source):
    text = " ".join("".join(Page(source).text).split())
    for name in NASTY:
        shown = re.sub("[\x00-\x08]", "\ufffd", name)
        assert " ".join(shown.split()) in text
    assert "alert(4)>col|umn</b>" in text
    assert source.count("<script") == 1
    assert source.count("<img") == 0


def test_the_page_allows_its_own_script_only(source):
    digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    page = Page(source)
    policy = next(v for t, n, v in page.attributes if n == "content" and "default-src" in v)
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe-inline'; script" in policy  # of styles alone
    for words in ("http://", "@import", "url("):
        assert words not in STYLE + SCRIPT


def test_the_page_is_small_and_fit_for_phones(source):
    assert len(source.encode()) < 2_000_000
    assert 'name="viewport"' in source
    assert "prefers-color-scheme: dark" in source


def test_links_lead_to_sections_and_charts_have_words(source):
    page = Page(source)
    places = [value for _, name, value in page.attributes if name == "id"]
    links = [value[1:] for _, name, value in page.attributes if name == "href"]
    assert links == places == list(dict.fromkeys(places))
    roles = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "role")]
    words = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert roles == ["img"] * len(words)
    assert all(len(word) > 20 for word in words)
    heads = [name for tag, name, _ in page.attributes if tag == "th"]
    assert heads.count("scope") == page.elements.count("th")


def test_numbers_can_be_sorted(source):
    page = Page(source)
    values = [float(v) for tag, name, v in page.attributes if (tag, name) == ("td", "data-v")]
    assert len(values) > 500
    assert np.isfinite(values).all()


def test_a_notebook_gets_a_frame_that_can_do_nothing_else(report, source):
    frame = report._repr_html_()
    assert frame.count("<") == 2
    assert 'sandbox="allow-scripts"' in frame
    assert "allow-same-origin" not in frame


def luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize(("colours", "ground"), [(LIGHT, LIGHT_GROUND), (DARK, DARK_GROUND)])
def test_colours_stand_out_from_the_ground(colours, ground):
    for colour in colours:
        bright, dim = sorted([luminance(colour), luminance(ground)], reverse=True)
        assert (bright + 0.05) / (dim + 0.05) > 4.5


def test_charts_draw_what_they_are_given():
    lines = [("a <b>", [Figure(0.5, 0.25, 1.0)]), ("c", [Figure(None, None, None)])]
    svg = draw(Intervals("t", "alt <i>", lines))
    assert 'aria-label="alt &lt;i&gt;"' in svg
    assert "a &lt;b&gt;" in svg
    assert "undefined" in svg
    ends = re.search(r'x1="([\d.]+)" class="s0"|class="s0" x1="([\d.]+)"', svg)
    assert ends
    x1, x2 = (float(re.search(rf'class="s0"[^>]* {k}="([\d.]+)"', svg)[1]) for k in ("x1", "x2"))
    cx = float(re.search(r'cx="([\d.]+)"', svg)[1])
    assert (cx - x1) / (x2 - x1) == pytest.approx(1 / 3, abs=0.01)


def test_curves_rise_from_the_lower_left():
    svg = draw(Curves("t", "alt", "x", "y", [("a", [0, 0.1, 1], [0, 0.8, 1])]))
    points = re.search(r'points="([^"]+)"', svg)[1].split()
    places = [tuple(map(float, point.split(","))) for point in points]
    assert places == [(44, 308), (74, 68), (344, 8)]


@pytest.mark.parametrize("name", ["\u202egnirts", "\u05e9\u05dc\u05d5\u05dd", "\u2069\u202e1"])
def test_names_that_turn_round_leave_the_figures_beside_them(name):
    found = group_name([name])
    assert (found[0], found[-1]) == ("\u2068", "\u2069")
    assert not set(found[1:-1]) & {"\u2066", "\u2067", "\u2068", "\u2069"}
    assert name.strip("\u2069") in found
    assert group_name(["plain", "na\u00efve \u6f22"]) == "plain, na\u00efve \u6f22"


def test_wide_characters_take_the_room_of_two():
    assert group_name(["\u6f22" * 50], width=9) == "\u6f22\u6f22\u2026\u6f22\u6f22"
    assert group_name(["\u6f22" * 4], width=9) == "\u6f22" * 4
    assert group_name(["\u6f22" * 6], width=9) == group_name(["\u6f22" * 50], width=9)


def test_series_differ_in_more_than_colour():
    pair = [Figure(0.2, 0.1, 0.3), Figure(0.1, 0.0, 0.2)]
    svg = draw(Intervals("t", "alt", [("a", pair)], ("before", "after")))
    assert "before" in svg
    assert "<rect" in svg
    assert svg.count("<circle") == 2  # with the legend's
    many = draw(Curves("t", "alt", "x", "y", [(str(i), [0, 1], [0, 1]) for i in range(8)]))
    assert "stroke-dasharray" in many


@pytest.mark.parametrize(
    "ends", [(0, 1), (0, 1e-6), (-0.3, 0.2), (0.8, 0.81), (0, 1234), (0, 1e-16)]
)
def test_ticks_enclose_what_they_measure(ends):
    found = ticks(*ends)
    assert found[0] <= ends[0] + 1e-9
    assert found[-1] >= ends[1] - 1e-9
    assert 2 <= len(found) <= 8
    assert found[-1] > found[0]


def test_long_tables_are_cut_with_a_word():
    from skfair.reporting._blocks import Cell

    table = Table("t", ["a", "b"], [[Cell(str(i)), Cell("1", 1.0)] for i in range(1003)])
    source = write_page("t", [table])
    assert "and 3 more lines" in source
    assert Page(source).elements.count("tr") == 1001
