"""A small extension of Sphinx: writes the reference's pages, and checks them by `__all__`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import reference
from sphinx.util import logging

log = logging.getLogger(__name__)
FOREIGN = {"sklearn", "torch", "skorch", "builtins", "collections", "abc", "typing"}


class Arguments:
    """What the gallery's scripts are called with: they save no files."""

    def __call__(self, gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
        name = Path(script_vars["src_file"]).name
        return {"adult.py": ["--plot", ""], "displays.py": ["--folder", ""]}.get(name, [])

    def __repr__(self) -> str:
        return "Arguments()"


def skip_foreign(
    app: Any, what: str, name: str, found: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what scikit-learn, torch and Python give every class: their pages have it."""
    home = getattr(found, "__module__", None) or getattr(
        getattr(found, "fget", None), "__module__", ""
    )
    foreign = str(home).split(".")[0] in FOREIGN
    made = name.startswith("set_") and name.endswith("_request")
    return True if foreign or made else None


def check_names(app: Any, env: Any) -> None:
    """Warn of public names that have no page or no entry, and of pages of others."""
    public = {
        f"{package}.{name}"
        for package in reference.packages()
        for name in reference.public_names(importlib.import_module(package))
    }
    entries = set(env.domains["py"].objects)
    folder = "api/generated/"
    pages = {name.removeprefix(folder) for name in env.found_docs if name.startswith(folder)}
    for name in sorted(public - entries):
        log.warning("public, and has no entry in the reference: %s", name)
    for name in sorted(public ^ pages):
        log.warning("public without a page, or a page without being public: %s", name)


def setup(app: Any) -> dict[str, bool]:
    """Write the pages now; check their entries when everything has been read."""
    reference.write_pages(Path(__file__).parent / "api")
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("env-check-consistency", check_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
