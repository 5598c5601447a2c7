"""The page in a real browser: it needs playwright and Debian's chromium."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from reporting.pages import NASTY, make_hard_alternatives, make_hard_table

from skfair.reporting import FairnessReport

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    X, y, score = make_hard_table()
    words = np.array(["no & no", "<yes>"])
    before, after = (words[(score > cut).astype(int)] for cut in (0.5, 0.6))
    report = FairnessReport.from_predictions(
        y,
        after,
        y_score=score,
        X=X,
        sensitive_features=["group", "site"],
        pos_label="<yes>",
        baseline=before,
        alternatives=make_hard_alternatives(score, words),
        title=NASTY[0],
        n_resamples=199,
    )
    place = tmp_path_factory.mktemp("page") / "report.html"
    report.to_html(place)
    (place.parent / "frame.html").write_text(
        f"<!DOCTYPE html><body>{report._repr_html_()}</body>", encoding="utf-8"
    )
    return place


@pytest.fixture(params=[(390, 844, "light"), (1280, 900, "dark")], ids=["phone", "desktop"])
def opened(request, browser, page_file):
    width, height, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    page.complaints, page.asked = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto(page_file.as_uri())
    yield page
    context.close()


def test_nothing_is_executed_or_loaded(opened):
    assert opened.complaints == []
    assert len(opened.asked) == 1
    assert opened.locator("script").count() == 1
    assert opened.locator("img").count() == 0


def test_the_page_is_no_wider_than_the_screen(opened):
    opened.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wide = opened.evaluate("document.documentElement.scrollWidth")
    assert wide <= opened.viewport_size["width"]
    assert (
        opened.evaluate("document.querySelectorAll('svg')[0].getBoundingClientRect().width") > 250
    )


def test_the_ground_follows_the_scheme(opened):
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = opened.viewport_size["width"] == 1280
    assert ground == ("rgb(21, 24, 28)" if dark else "rgb(255, 255, 255)")


def test_a_click_sorts_and_another_turns_it_round(opened):
    table = opened.locator("table").first
    button = table.locator("th button").nth(1)
    numbers = "rows => rows.map(row => Number(row.cells[1].dataset.v))"
    for order in (1, -1):
        button.click()
        found = table.locator("tbody tr").evaluate_all(numbers)
        assert found == sorted(found, key=lambda x: order * x)
    assert table.locator("th").nth(1).get_attribute("aria-sort") == "descending"


def test_names_in_the_table_are_the_names(opened):
    shown = opened.locator("table").first.locator("tbody th").all_text_contents()
    assert NASTY[0] in shown
    assert "x" * 300 in shown


def test_charts_of_models_keep_their_words_inside(opened):
    chart = opened.locator("figure", has_text="Equal opportunity by site").first
    assert chart.locator("circle").count() > 15
    outside = """svg => {
        const frame = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")].filter(text => {
            const own = text.getBoundingClientRect();
            return own.left < frame.left - 3 || own.right > frame.right + 1;
        }).map(text => text.textContent);
    }"""
    assert chart.locator("svg").evaluate(outside) == []
    names = opened.locator("table", has_text="Models by site").locator("tbody th").count()
    assert names == 2 + len(NASTY) + 3


def test_a_notebooks_frame_runs_its_own_script_only(browser, page_file):
    page = browser.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto((page_file.parent / "frame.html").as_uri())
    inner = page.frames[1]
    inner.locator("table").first.locator("th button").nth(1).click()
    assert inner.locator("th[aria-sort=ascending]").count() == 1
    assert complaints == []
    page.close()
