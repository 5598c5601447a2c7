from __future__ import annotations

import os
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skfair.vision import ImageHealthCheck

Image = pytest.importorskip("PIL.Image")


class Page(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.sources = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def check():
    """A set with a dark, a blank, an unreadable and two copied images."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(6)]
    images += [images[0] // 8, np.zeros((40, 60), dtype=np.uint8), None, images[2]]
    groups = ["<script>alert(1)</script>"] * 5 + ["m"] * 5
    return ImageHealthCheck().fit(
        images, list("ababababab"), sensitive_features=groups, splits=["a"] * 9 + ["b"]
    )


def test_text_tells_what_was_found(check):
    text = check.report()
    assert check.label_conflicts_.size == 1  # row 2 is a, its copy b
    assert text.startswith("10 images, ")
    for part in ("exact_duplicate", "dark", "balance", "by group", "across splits"):
        assert part in text
    assert "1 clusters of copies have different labels" in text


def test_text_names_what_cannot_be_read(check, tmp_path):
    assert "row 8: missing" in check.report()
    Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / "a.png")
    gone = [tmp_path / f"gone{i}.png" for i in range(12)]
    many = ImageHealthCheck().fit([tmp_path / "a.png", *gone])
    assert "row 10: gone9.png: no such file\n... and 2 more" in many.report()
    assert "gone11.png: no such file" in many.to_html()
    assert "gone9" not in ImageHealthCheck().fit([tmp_path / "a.png", *gone[:9]]).report()


def test_issues_that_no_image_has_are_left_out(check):
    for page in (check.report(), check.to_html()):
        assert "odd_size" not in page.split("by group")[1].split("across splits")[0]
    assert "odd_size" in set(check.by_group_["issue"])


def test_page_shows_copies_with_different_labels_and_what_is_cut():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(5)]
    labels = [*"aabbc", *"aabbc", "x", "x", "x", "d"]
    images = [*images, *images, *[images[4]] * 4]
    splits = ["train"] * 5 + ["test"] * 9
    check = ImageHealthCheck(n_examples=3).fit(images, labels, splits=splits)
    assert check.label_conflicts_.tolist() == [4]
    conflict = [e for e in check.examples_ if e.issue == "label_conflict"]
    # one of each label first, and of 6 images 3 are shown
    assert [(e.row, e.note) for e in conflict] == [
        (4, "train, c"),
        (10, "test, x"),
        (13, "test, d"),
    ]
    assert {(e.cluster, e.total, e.hidden) for e in conflict} == {(4, 1, 3)}
    assert all(e.picture is not None for e in conflict)
    seen = Page(check.to_html())
    texts = [text.strip() for text in seen.texts]
    start = texts.index("Copies with different labels")
    part = texts[start : texts.index("exact_duplicate", start)]
    assert {"cluster 4", "test, x", "train, c", "... and 3 more images"} <= set(part)
    assert "3 of 5 clusters shown (n_examples)" in texts
    agreeing = ImageHealthCheck().fit(images[:10], labels[:10])
    assert "shown" not in agreeing.to_html()


def test_grid_names_clusters_splits_and_labels():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(4)]
    check = ImageHealthCheck(n_examples=2)
    check.fit(images * 2, [*"abcd", "$b", *"bcd"], splits=["train"] * 4 + ["test"] * 4)
    lines = check.plot("exact_duplicate").axes_
    assert [line[0].get_ylabel() for line in lines] == [
        "exact\nduplicate\ncluster 0\n2 of 4 clusters",
        "exact\nduplicate\ncluster 1",
    ]
    assert lines[0][1].get_title() == "row 4: 1\ntest, \\$b"
    conflict = check.plot("label_conflict").axes_
    assert len(conflict) == 1
    assert conflict[0][0].get_ylabel() == "label\nconflict\ncluster 0"
    conflict[0][0].figure.canvas.draw()
    plt.close("all")


def test_text_is_silent_about_labels_that_agree():
    images = np.random.default_rng(0).random((3, 9, 9))
    images[2] = images[0]
    agreeing = ImageHealthCheck().fit(images, list("aba"))
    assert agreeing.pairs_["row_b"].tolist() == [2]
    assert "different labels" not in agreeing.report()
    assert "different labels" not in agreeing.to_html()


def test_page_holds_tables_and_pictures_and_nothing_that_runs(check, tmp_path):
    page = check.to_html(tmp_path / "health.html")
    assert (tmp_path / "health.html").read_text("utf-8") == page
    seen = Page(page)
    assert "script" not in seen.tags
    assert any("<script>alert(1)</script>" in text for text in seen.texts)
    assert "default-src 'none'" in page
    pictures = [source for source in seen.sources if source]
    assert len(pictures) >= 4
    assert all(source.startswith("data:image/png;base64,") for source in pictures)
    for title in ("Issues", "Issues by group", "Copies across splits", "dark", "unreadable"):
        assert title in seen.texts


def test_paths_are_escaped(tmp_path):
    name = '"><img src=x onerror=alert(1)>&.png'
    Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / name)
    paths = [str(tmp_path / name), str(tmp_path / "<b>gone</b>.png")]
    seen = Page(ImageHealthCheck().fit(paths).to_html())
    assert "b" not in seen.tags
    assert all(source.startswith("data:") for source in seen.sources)
    assert any(name in text for text in seen.texts)


def test_names_of_files_may_be_any_bytes(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff<b>.png")
    try:
        with open(path, "wb") as file:
            Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(file, "PNG")
    except OSError:
        pytest.skip("names of files are UTF-8 here")
    page = ImageHealthCheck().fit([path]).to_html(tmp_path / "health.html")
    assert (tmp_path / "health.html").read_text("utf-8") == page
    assert "&#56575;&lt;b&gt;.png" in page


def test_names_are_those_below_the_common_folder(tmp_path):
    paths = [tmp_path / "set" / name for name in ("a/1.png", "a/2.png", "b/1.png")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(path)

    def names(X):
        check = ImageHealthCheck().fit(X)
        assert str(tmp_path) not in check.to_html()
        return [example.name for example in check.examples_ if example.issue == "blank"]

    assert names(paths) == [
        os.path.join(*parts) for parts in (("a", "1.png"), ("a", "2.png"), ("b", "1.png"))
    ]
    assert names(paths[:2]) == ["1.png", "2.png"]
    assert names([*paths[:1], np.zeros((9, 9)), str(paths[2])]) == [
        os.path.join("a", "1.png"),
        "image 1",
        os.path.join("b", "1.png"),
    ]
    mixed = [paths[0], os.path.join("gone", "1.png")]
    gone = ImageHealthCheck().fit(mixed).examples_
    assert {example.name for example in gone} == {"1.png", mixed[1]}


def test_page_does_without_pillow(check, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    page = check.to_html()
    assert "<img" not in page
    assert "row 6" in page


def test_long_tables_are_cut():
    images = np.random.default_rng(0).random((230, 5, 5))
    check = ImageHealthCheck(near=False).fit(images, np.arange(230) % 230)
    assert "... and 30 more lines" in check.to_html()


def test_examples_are_the_worst_and_small(check):
    by_issue = {example.issue: example for example in reversed(check.examples_)}
    assert by_issue["blank"].row == 7
    assert by_issue["unreadable"].picture is None
    assert by_issue["dark"].picture.shape == (40, 60, 3)
    rows = [example.row for example in check.examples_ if example.issue == "exact_duplicate"]
    assert rows == [2, 9]
    big = ImageHealthCheck(thresholds={"blurry": -1}).fit(
        [np.random.default_rng(0).random((300, 150))]
    )
    assert big.examples_[0].picture.shape == (96, 48, 3)


def test_grid_shows_a_line_an_issue(check):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    display = check.plot()
    lines = {example.line for example in check.examples_}
    assert len(display.axes_) == len(lines)
    dark = check.plot("dark")
    assert len(dark.axes_) == 1
    titles = [panel.get_title() for panel in dark.axes_[0]]
    assert titles[0].startswith("row 7: 1")
    assert dark.axes_[0][0].get_ylabel() == "dark"
    unread = check.plot(["unreadable"]).axes_[0][0]
    assert unread.texts[0].get_text() == "unreadable"
    for shown in (display, dark):
        shown.figure_.canvas.draw()
    plt.close("all")


def test_grid_refuses_what_was_not_looked_for_or_found(check):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    with pytest.raises(ValueError, match="issues must be one of"):
        check.plot("noisy")
    with pytest.raises(ValueError, match="no examples to draw"):
        check.plot("odd_size")
    assert plt.get_fignums() == []


def test_reports_need_a_fit():
    for method in ("report", "to_html", "plot", "drop_duplicates"):
        with pytest.raises(NotFittedError):
            getattr(ImageHealthCheck(), method)()


def test_report_is_the_same_each_time(check):
    assert check.report() == check.report()
    assert not re.search(r"0x[0-9a-f]{6}", check.to_html())
