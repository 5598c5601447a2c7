"""The reference lists what is public and nothing else; names and pages that guides name exist."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import skfair

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SPEC = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
assert SPEC is not None
assert SPEC.loader is not None
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="skfair.nn is torch")
PACKAGES = [
    pytest.param(name, marks=needs_torch) if name == "skfair.nn" else name
    for name in reference.packages()
]
MOVING = ("moving-from-fairlearn", "moving-from-aif360")
NAMED_IN_GUIDES = ("choosing-a-criterion", "which-mitigator", "limits")
WORD = re.compile(r"`([A-Za-z_]\w*(?:\.\w+)*)[`(]")


def entries(page):
    """Names that a page's tables list."""
    tables = re.findall(r"\.\. autosummary::\n((?:   .*\n|\n)+)", page)
    lines = [line.strip() for table in tables for line in table.splitlines()]
    return [line for line in lines if line and not line.startswith(":")]


def everything():
    """Every public name of every package, and the packages' own."""
    names = {"skfair", *reference.packages()}
    for package in reference.packages():
        if package == "skfair.nn" and find_spec("torch") is None:
            continue
        names.update(reference.public_names(importlib.import_module(package)))
    return names


def test_every_public_package_has_one_page():
    there = {
        f"skfair.{found.name}"
        for found in pkgutil.iter_modules(skfair.__path__)
        if not found.name.startswith("_")
    }
    listed = reference.packages()
    assert sorted(listed) == sorted(there - reference.NOT_PYTHON)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_page_lists_the_public_names_and_nothing_else(package):
    module = importlib.import_module(package)
    public = getattr(module, "__all__", None) or ["Bins", "Groups"]  # skfair.groups has none
    found = entries(reference.package_page(package))
    assert sorted(found) == sorted(public)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_page_lists_can_be_read_about(package):
    module = importlib.import_module(package)
    found = [getattr(module, name) for name in entries(reference.package_page(package))]
    kinds = {reference.kind_of(value) for value in found}
    assert kinds <= set(reference.KINDS)
    plain = "Tables, types and constants"
    assert all(value.__doc__ for value in found if reference.kind_of(value) != plain)


def test_a_name_without_a_package_or_a_package_without_a_name_shows():
    page = reference.package_page("skfair.datasets")
    assert entries(page) == [
        *("load_adult", "load_german", "load_heart"),
        *("make_biased_classification", "make_colored_digits"),
    ]
    assert reference.kind_of(skfair.Reweighter) == "Classes"


@needs_torch
def test_pages_are_written_once_and_again_only_when_they_change(tmp_path):
    paths = reference.write_pages(tmp_path / "api")
    assert {path.stem for path in paths} == {"index", *reference.packages()}
    index = tmp_path / "api/index.rst"
    for package in reference.packages():
        assert f"   {package}\n" in index.read_text(encoding="utf-8")
    index.write_text("old", encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in paths}
    reference.write_pages(tmp_path / "api")
    after = {path: path.stat().st_mtime_ns for path in paths}
    assert [path.stem for path in paths if before[path] != after[path]] == ["index"]


@pytest.mark.parametrize("kind", sorted(set(reference.KINDS.values())))
def test_each_kind_has_a_template(kind):
    text = (DOCS / f"_templates/{kind}.rst").read_text(encoding="utf-8")
    assert f".. auto{kind}:: {{{{ objname }}}}" in text


def test_pages_of_values_say_what_they_hold():
    assert reference.say_value("skfair.similarity.MAX_PAIRS").startswith("It is ``")
    assert "``'demographic_parity'``" in reference.say_value("skfair.criteria.CRITERIA")
    assert reference.say_value("skfair.criteria.Gap") == ""
    assert reference.say_value("skfair.metrics.selection_rate_ratio") == ""


@needs_torch
def test_what_is_said_of_values_is_said_of_each_page_of_data():
    said = reference.values()
    assert "skfair.criteria.RATES" in said
    assert "skfair.metrics.selection_rate_ratio" in said
    assert "skfair.metrics.selection_rate" not in said  # a function
    assert all(text == reference.say_value(name) for name, text in said.items())


def ours(guide):
    """Names in the second column of a guide's tables."""
    rows = re.findall(r"^\| .* \|$", (DOCS / f"{guide}.md").read_text(encoding="utf-8"), re.M)
    return [name for row in rows for name in WORD.findall(row.split("|")[2])]


@needs_torch
@pytest.mark.parametrize("guide", MOVING)
def test_names_that_stand_beside_a_peers_exist(guide):
    named = ours(guide)
    assert len(named) > 30
    known = everything() | {"constraints", "objective"}
    assert [name for name in named if name.split(".")[0] not in known] == []
    methods = [name for name in named if "." in name]
    assert all(hasattr(getattr(skfair, n.split(".")[0]), n.split(".")[1]) for n in methods)


@needs_torch
@pytest.mark.parametrize("guide", [*MOVING, *NAMED_IN_GUIDES])
def test_classes_that_a_guide_names_as_ours_exist(guide):
    text = (DOCS / f"{guide}.md").read_text(encoding="utf-8")
    known = everything()
    named = set(WORD.findall(text)) if guide in NAMED_IN_GUIDES else set(ours(guide))
    classes = {name for name in named if re.fullmatch(r"[A-Z][a-z]+(?:[A-Z][a-z]*)+", name)}
    foreign = {"GridSearchCV", "CalibratedClassifierCV"}
    assert classes - known - foreign == set()


def test_every_page_is_in_a_table_of_contents():
    pages = {path.stem for path in DOCS.glob("*.md")}
    trees = [
        block
        for path in DOCS.glob("*.md")
        for block in re.findall(r":::\{toctree\}\n(.*?):::", path.read_text("utf-8"), re.DOTALL)
    ]
    listed = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    assert set(listed) - {"gallery/index", "api/index"} == pages - {"index"}


@pytest.mark.parametrize("path", sorted(DOCS.glob("examples/*.py")), ids=lambda path: path.stem)
def test_examples_are_pages_of_the_gallery(path):
    text = path.read_text(encoding="utf-8")
    title, rule = text.splitlines()[1:3]
    assert rule == "=" * len(title)
    assert "\n# %%\n" in text
