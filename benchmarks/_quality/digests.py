"""Digests of code: of what a class imports of its package, and of all of skfair and this."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import skfair

ROOT = Path(skfair.__file__).parent.parent
HERE = Path(__file__).parent


@cache
def code_digest(source: str) -> str:
    """Digest of a module and what it imports of its package, without docstrings and comments."""
    return _digest(map(_file, sorted(imported(source))))


@cache
def whole_digests() -> dict[str, str]:
    """Digests of all of skfair, and of the benchmark's parts that results hang on."""
    own = [HERE / f"{name}.py" for name in sorted(_run())]
    files = {"skfair": sorted((ROOT / "skfair").rglob("*.py")), "benchmark": own}
    return {name: _digest(found) for name, found in files.items()}


def _run() -> set[str]:
    """The module that computes cells and what it imports from beside it; no tables or plots."""
    found, left = set[str](), ["cells"]
    while left:
        found.add(name := left.pop())
        for node in ast.walk(ast.parse((HERE / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
                left += [node.module] if node.module not in found else []
    return found


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_text(body[0]):
                node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
        digest.update(ast.unparse(tree).encode())
    return digest.hexdigest()[:12]


def _file(module: str) -> Path:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def imported(source: str) -> set[str]:
    """The module and those beside it that it imports, and what these import."""
    package, found, left = source.rpartition(".")[0], set(), [source]
    while left:
        found.add(name := left.pop())
        for node in ast.walk(ast.parse(_file(name).read_text())):
            module = getattr(node, "module", None) or ""
            if module.rpartition(".")[0] == package and module not in found:
                left.append(module)
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
