"""The commands of the guide run, in order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from skfair.cli import main

GUIDE = Path(__file__).parents[2] / "docs" / "command-line.md"
BLOCK = re.compile(r"```(sh|python)\n(.*?)```", re.DOTALL)


def blocks():
    return BLOCK.findall(GUIDE.read_text(encoding="utf-8"))


def commands(block):
    joined = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in joined if line.startswith("skfair ")]


def test_the_guide_has_commands():
    found = [args for kind, text in blocks() if kind == "sh" for args in commands(text)]
    assert [args[0] for args in found] == ["audit", "mitigate", "audit", "audit"]


@pytest.mark.slow
def test_the_guide_runs_in_order(tmp_path, monkeypatch, capsys):
    pytest.importorskip("skops")
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    for kind, text in blocks():
        if kind == "python":
            exec(compile(text, "command-line.md", "exec"), scope)
        else:
            assert [main(args) for args in commands(text)] == [0] * len(commands(text))
    assert scope["card"].sensitive_features == ["age:25"]
    assert (tmp_path / "after.html").exists()
    assert "--fail-if 'accuracy < 0.6': passes" in capsys.readouterr().out
