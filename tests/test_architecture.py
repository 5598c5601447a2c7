"""Imports go only downward; optional libraries and private names stay where they belong."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import skfair

ROOT = Path(skfair.__file__).parent
FILES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in ROOT.rglob("*.py")}
FLOORS = [
    {"_utils"},
    {"groups"},
    {"tally"},
    {"criteria"},
    {"base"},
    {"metrics", "model_selection", "datasets", "similarity", "nn"},
    {"detection", "preprocessing", "inprocessing", "postprocessing", "finetuning", "vision"},
    {"monitoring", "reporting"},
    {"cli"},
    {"__main__"},
]
FLOOR = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
OPTIONAL = {
    *("torch", "torchvision", "skorch", "matplotlib", "polars", "pyarrow", "duckdb", "dask"),
    *("pyspark", "cvxpy", "imblearn", "cleanlab", "captum", "PIL", "imagehash", "skops"),
    *("safetensors", "jinja2", "tqdm", "fairlearn", "aif360"),
}


def package_of(file):
    return file.split("/")[0].removesuffix(".py")


def is_type_checking(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def walk(node, *, enter=lambda _: True):
    yield node
    for child in ast.iter_child_nodes(node):
        if enter(child):
            yield from walk(child, enter=enter)


def imported(nodes, file):
    """Full dotted names that the nodes import; relative imports are resolved."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = ["skfair", *file.split("/")[:-1]]
            base = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


class Facts(NamedTuple):
    """What a file imports anywhere, less what is for types only, and when it is imported."""

    imports: tuple[str, ...]
    untyped: tuple[str, ...]
    at_once: tuple[str, ...]
    stored: tuple[str, ...]


@cache
def facts_of(file, source):
    """Read a file once and keep no trees, which the garbage collector would walk over and over."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    lazy = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    untyped = walk(tree, enter=lambda n: not is_type_checking(n))
    at_once = walk(tree, enter=lambda n: not isinstance(n, lazy) and not is_type_checking(n))
    names = [node for node in nodes if isinstance(getattr(node, "ctx", None), ast.Store)]
    stored = [getattr(node, "id", None) or getattr(node, "attr", "") for node in names]
    return Facts(
        *(tuple(imported(part, file)) for part in (nodes, untyped, at_once)), tuple(stored)
    )


def upward_imports(file, source):
    """Imports of skfair that don't go down, wherever in the file they are."""
    facts = facts_of(file, source)
    lazy_exports = file == "__init__.py"
    own, found = package_of(file), []
    for name in facts.untyped if lazy_exports else facts.imports:
        top, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if top != "skfair" or target in ("_version", own):
            continue
        if FLOOR.get(target, len(FLOORS)) >= FLOOR.get(own, -1):
            found.append(name)
    return found


def optional_imports(file, source):
    """Optional libraries that importing the file would import."""
    return sorted(OPTIONAL & {name.split(".")[0] for name in facts_of(file, source).at_once})


def private_names(file, source):
    """What the file takes of scikit-learn's private parts."""
    facts = facts_of(file, source)
    for name in facts.imports:
        if name.startswith("sklearn.") and any(part.startswith("_") for part in name.split(".")):
            yield name
    if any(name.startswith("__metadata_request__") for name in facts.stored):
        yield "__metadata_request__"


def private_parts_of_others(file, source):
    """Private modules and names of other packages of skfair that the file imports."""
    own = package_of(file)
    for name in facts_of(file, source).imports:
        top, *parts = name.split(".")
        if top == "skfair" and parts[0] not in (own, "_utils", "_version"):
            yield from (name for part in parts if part.startswith("_"))


@pytest.mark.parametrize("file", FILES)
def test_packages_use_only_what_others_show(file):
    assert list(private_parts_of_others(file, FILES[file])) == []


def test_the_rule_sees_private_parts():
    seen = private_parts_of_others
    assert list(seen("base.py", "from skfair.tally._kernel import count_cells"))
    assert list(seen("base.py", "def f():\n    from skfair.groups import _encode"))
    assert not list(seen("tally/_base.py", "from skfair.tally._kernel import count_cells"))
    assert not list(seen("base.py", "from skfair._utils.arrays import divide"))


@pytest.mark.parametrize("file", FILES)
def test_imports_go_only_downward(file):
    assert file == "__init__.py" or package_of(file) in {*FLOOR, "_version"}
    assert upward_imports(file, FILES[file]) == []


@pytest.mark.parametrize("file", [file for file in FILES if package_of(file) != "nn"])
def test_optional_libraries_are_imported_in_functions_only(file):
    assert optional_imports(file, FILES[file]) == []


def test_private_parts_of_scikit_learn_are_touched_in_one_file_each():
    users = defaultdict(set)
    for file, source in FILES.items():
        for name in private_names(file, source):
            users[name].add(file)
    requests = users.pop("__metadata_request__")
    assert requests <= {"base/_protocol.py", "model_selection/_split.py"}
    assert {name: files for name, files in users.items() if len(files) > 1} == {}


# the rules themselves can fail


@pytest.mark.parametrize(
    ("file", "source", "found"),
    [
        ("tally/_tally.py", "from skfair.groups import Groups", []),
        ("tally/_tally.py", "from skfair.tally._base import X\nimport skfair._version", []),
        ("tally/_tally.py", "import numpy, skfairer", []),
        ("tally/_tally.py", "import skfair.criteria", ["skfair.criteria"]),
        ("tally/_tally.py", "from skfair import base", ["skfair.base"]),
        ("tally/_tally.py", "from ..criteria.gaps import ratio", ["skfair.criteria.gaps.ratio"]),
        ("tally/_tally.py", "from . import _base\nfrom ..groups import Groups", []),
        ("base.py", "def f():\n  from skfair.metrics import x", ["skfair.metrics.x"]),
        ("base.py", "if TYPE_CHECKING:\n  import skfair.nn", ["skfair.nn"]),
        ("base.py", "from . import cli", ["skfair.cli"]),
        ("metrics/a.py", "from skfair.datasets import load", ["skfair.datasets.load"]),
        ("vision/a.py", "import skfair.detection.x, skfair.nn", ["skfair.detection.x"]),
        ("cli.py", "import skfair.reporting, skfair.metrics", []),
        ("metrics/a.py", "import skfair.unheard_of", ["skfair.unheard_of"]),
        ("unheard_of.py", "import skfair._utils", ["skfair._utils"]),
        ("__init__.py", "if TYPE_CHECKING:\n  from skfair.cli import main", []),
        ("__init__.py", "from skfair.metrics import x", ["skfair.metrics.x"]),
    ],
)
def test_the_rule_of_floors_finds_what_goes_up(file, source, found):
    assert upward_imports(file, source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch.nn as nn", ["torch"]),
        ("try:\n  from polars import col\nexcept ImportError: pass", ["polars"]),
        ("class A:\n  import PIL.Image", ["PIL"]),
        ("def f():\n  import torch", []),
        ("class A:\n  def f(self):\n    import matplotlib.pyplot", []),
        ("if TYPE_CHECKING:\n  import torch", []),
        ("import numpy, sklearn, narwhals", []),
    ],
)
def test_the_rule_of_optional_libraries_finds_them(source, found):
    assert optional_imports("metrics/a.py", source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (
            "from sklearn.metrics._scorer import _BaseScorer",
            ["sklearn.metrics._scorer._BaseScorer"],
        ),
        ("from sklearn.base import BaseEstimator, _fit_context", ["sklearn.base._fit_context"]),
        ("from sklearn.base import clone", []),
        ("class A:\n  __metadata_request__fit = {}", ["__metadata_request__"]),
        ("A.__metadata_request__fit = {}", ["__metadata_request__"]),
        ("class A:\n  x: dict = {}\n  y = [A.__metadata_request__fit]", []),
    ],
)
def test_the_rule_of_private_parts_finds_them(source, found):
    assert list(private_names("a.py", source)) == found
