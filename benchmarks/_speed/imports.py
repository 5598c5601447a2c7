"""What importing costs: fresh interpreters."""

from __future__ import annotations

import subprocess
import sys

from .case import FLOOR, OURS, Side, Size
from .data import installed

PEAK = """
import pathlib
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def peak_of(statement: str) -> float:
    """Megabytes of a whole interpreter at its peak."""
    return int(_python(statement + PEAK).split()[-1]) * 1024 / 1e6


def _side(name: str, statement: str) -> Side:
    linux = sys.platform == "linux"
    peak = (lambda: peak_of(statement)) if linux else (lambda: float("nan"))
    return Side(name, lambda: _python(statement), peak=peak)


def import_time(size: Size) -> list[Side]:
    sides = [
        _side(OURS, "import skfair.metrics"),
        _side("skfair, bare package", "import skfair"),
    ]
    peers = {"fairlearn": "import fairlearn.metrics", "aif360": "import aif360.sklearn.metrics"}
    sides += [_side(name, statement) for name, statement in peers.items() if installed(name)]
    return [*sides, _side(FLOOR, "import sklearn.metrics")]
