from __future__ import annotations

import sys
from pathlib import Path

import pytest

from skfair.cli import main

sys.path.append(str(Path(__file__).parent))

from hiring import people


@pytest.fixture
def frame():
    return people()


@pytest.fixture
def table(tmp_path, frame):
    """Path of a sound CSV file."""
    path = tmp_path / "people.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def run(capsys):
    """Run a command; give its exit code, and what it wrote to both streams."""

    def call(*args):
        code = main([str(arg) for arg in args])
        return (code, *capsys.readouterr())

    return call
