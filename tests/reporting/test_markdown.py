from __future__ import annotations

import re

import pytest
from reporting.pages import NASTY

from skfair.reporting import FairnessReport
from skfair.reporting._blocks import Cell, Fold, Heading, Items, Table, Text
from skfair.reporting._markdown import escaped, sections, write_markdown


def report_of_names(names):
    n = len(names)
    return FairnessReport.from_predictions(
        [0, 1] * (20 * n),
        [0, 1, 1, 1] * (10 * n),
        sensitive_features={"gr|oup": [name for name in names for _ in range(40)]},
        title="a\n# b",
    )


def test_cells_hold_names_of_any_kind():
    text = report_of_names(NASTY).to_markdown()
    tables = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    assert tables
    for table in tables:
        rows = table.strip().split("\n")
        n = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(n) == 1
        assert re.fullmatch(r"[|: -]+", rows[1])
    assert "<" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert text.startswith("# a \\# b\n")


@pytest.mark.parametrize("name", NASTY)
def test_names_are_in_one_line_and_can_be_read_back(name):
    line = escaped(name)
    assert "\n" not in line
    back = re.sub(r"\\(.)", r"\1", line)
    back = back.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert back == " ".join(re.sub("[\x00-\x08]", "\ufffd", name).split())


def test_half_a_surrogate_pair_can_be_written(tmp_path):
    report = FairnessReport.from_predictions(
        [0, 1] * 40, [0, 1] * 40, sensitive_features=["f", "m"] * 40, title="a\ud800|"
    )
    report.to_markdown(tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("# a&#55296;\\|\n")


@pytest.mark.parametrize(
    ("text", "written"),
    [("- a", r"\- a"), ("1. a", r"1\. a"), ("12) a", r"12\) a"), ("a - 1.5 (b)", "a - 1.5 (b)")],
)
def test_no_text_begins_a_list(text, written):
    assert escaped(text) == written


def test_blocks_are_written_in_order():
    table = Table("t", ["name", "x"], [[Cell("a"), Cell("1", 1.0)]])
    blocks = [Text("p"), Heading(2, "H"), Items(["i"]), Heading(3, "K"), Fold("f", [table])]
    assert write_markdown("T", blocks) == (
        "# T\n\np\n\n## H\n\n- i\n\n### K\n\n**t**\n\n| name | x |\n| --- | ---: |\n| a | 1 |\n"
    )
    found = sections([*blocks, Heading(2, "L")])
    assert [path for path, _ in found] == [(), ("H",), ("H", "K"), ("L",)]
    assert found[0][1] == "p"


def test_markdown_goes_to_a_file(tmp_path):
    report = report_of_names(["a", "b"])
    text = report.to_markdown(tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == text


def test_a_model_card_holds_the_report(tmp_path):
    pytest.importorskip("skops")
    from sklearn.dummy import DummyClassifier

    report = report_of_names(["a/b", "<b>c</b>"])
    card = report.to_model_card()
    text = card.render()
    assert "# Fairness" in text
    assert "## Model" in text
    assert "What this report can't tell" in text
    assert "a/b" in text
    assert "<b>" not in text
    of_model = report.to_model_card(DummyClassifier())
    assert "Hyperparameters" in of_model.render()
    of_model.save(tmp_path / "card.md")
    assert (tmp_path / "card.md").stat().st_size > 1000


def test_a_model_card_is_read_back(tmp_path):
    pytest.importorskip("skops")
    import shutil

    if shutil.which("pandoc") is None:
        pytest.skip("skops reads cards by pandoc")
    from skops.card import parse_modelcard

    card = report_of_names(["a", "b"]).to_model_card()
    card.save(tmp_path / "card.md")
    again = parse_modelcard(tmp_path / "card.md")
    assert again.select("Fairness/Model").title == "Model"


def test_without_skops_one_line_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "skops.card", None)
    with pytest.raises(ImportError, match=r"skfair\[report\]"):
        report_of_names(["a", "b"]).to_model_card()
