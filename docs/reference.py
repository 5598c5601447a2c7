"""What the API reference lists: every public package of skfair, and every name in its `__all__`.

Pages are written when the site is built (`docs/conf.py`); `tests/test_reference.py` reads them.
Nothing here needs Sphinx.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import skfair
from skfair.metrics import selection_rate_difference

PACKAGES = {
    "Find": ("skfair.detection", "skfair.vision"),
    "Measure": ("skfair.metrics", "skfair.model_selection"),
    "Mitigate": (
        *("skfair.preprocessing", "skfair.inprocessing", "skfair.postprocessing"),
        "skfair.finetuning",
    ),
    "Tell and watch": ("skfair.reporting", "skfair.monitoring"),
    "Data": ("skfair.datasets", "skfair.similarity"),
    "The parts that all of it is made of": (
        *("skfair.groups", "skfair.tally", "skfair.criteria", "skfair.base", "skfair.nn"),
    ),
}
KINDS = {
    "Classes": "class",
    "Functions": "function",
    "Metrics made of other metrics": "data",
    "Tables, types and constants": "data",
}
NOT_PYTHON = {"skfair.cli"}  # a guide has the commands


def packages() -> list[str]:
    """Names of the packages that have a page."""
    return [package for part in PACKAGES.values() for package in part]


def public_names(module: ModuleType) -> list[str]:
    """Names in `__all__`; of a module without it, the public classes that it defines."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__, key=str.casefold)
    classes = inspect.getmembers(module, inspect.isclass)
    return [
        n for n, found in classes if found.__module__ == module.__name__ and not n.startswith("_")
    ]


def kind_of(value: object) -> str:
    """The section in which a name stands."""
    if inspect.isclass(value):
        return "Classes"
    if inspect.isfunction(value):
        return "Functions"
    derived = isinstance(value, type(selection_rate_difference))
    return "Metrics made of other metrics" if derived else "Tables, types and constants"


def say_value(full_name: str) -> str:
    """What a mapping or a constant holds, for its page; nothing of what has a docstring."""
    package, _, name = full_name.rpartition(".")
    value = getattr(importlib.import_module(package), name)
    if isinstance(value, Mapping):
        return "It has " + ", ".join(f"``{key!r}``" for key in value) + "."
    return f"It is ``{value!r}``." if isinstance(value, int | float | str) else ""


def values() -> dict[str, str]:
    """What `say_value` says of each name that has a page as data."""
    named = [f"{package}.{name}" for package in packages() for name in _data_names(package)]
    return {name: say_value(name) for name in named}


def _data_names(package: str) -> list[str]:
    module = importlib.import_module(package)
    return [n for n in public_names(module) if KINDS[kind_of(getattr(module, n))] == "data"]


def package_page(name: str) -> str:
    """The page of a package: what it is for, and a table of its names by kind."""
    module = importlib.import_module(name)
    sections: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for public in public_names(module):
        sections[kind_of(getattr(module, public))].append(public)
    lines = [
        name,
        "=" * len(name),
        "",
        inspect.getdoc(module) or "",
        "",
        f".. currentmodule:: {name}",
    ]
    for kind, names in sections.items():
        if not names:
            continue
        lines += ["", kind, "-" * len(kind), "", ".. autosummary::", "   :toctree: generated"]
        lines += [f"   :template: {KINDS[kind]}.rst", "", *(f"   {public}" for public in names)]
    return "\n".join([*lines, ""])


def index_page() -> str:
    """The first page: packages by what they are for, with their first sentences."""
    top = ", ".join(f"``{name}``" for name in skfair.__all__ if not name.startswith("_"))
    lines = ["Reference", "=========", "", "Every public name. " + top]
    lines[-1] += " can also be imported from ``skfair`` itself. Guides tell which one to take."
    for part, names in PACKAGES.items():
        lines += ["", part, "-" * len(part), "", ".. list-table::", "   :widths: 30 70", ""]
        for name in names:
            first = (inspect.getdoc(importlib.import_module(name)) or "").split("\n\n")[0]
            lines += [f"   * - :doc:`{name} <{name}>`", f"     - {' '.join(first.split())}"]
        lines += ["", ".. toctree::", "   :hidden:", "", *(f"   {name}" for name in names)]
    return "\n".join([*lines, ""])


def write_pages(folder: Path) -> list[Path]:
    """Write the pages that have changed, so that a second build is quick; give them all."""
    pages = {"index": index_page(), **{name: package_page(name) for name in packages()}}
    paths = []
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
