"""One run in a process of its own: seconds, a checksum, and the most memory it ever held."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[1] / "scale.py"


def in_child(task: str, side: str, folder: Path) -> dict[str, Any]:
    """Run a task in a new interpreter; imports are no part of the time."""
    command = [sys.executable, str(SCRIPT), "--child", task, side, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1:]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run_here(task: str, side: str, folder: Path) -> None:
    """Print what a run took; called in the new interpreter."""
    from .tasks import PEER_ROWS, TASKS, fairlearn_frame

    import_engines(side)
    before = peak()
    start = time.perf_counter()
    if side == "fairlearn":
        checksum = fairlearn_frame(folder, PEER_ROWS)
    else:
        checksum = TASKS[task][side](folder)
    seconds = time.perf_counter() - start
    found = {"seconds": seconds, "checksum": checksum, "peak_mb": peak(), "imports_mb": before}
    print(json.dumps(found))


def import_engines(side: str) -> None:
    import importlib

    names = {"polars": ["polars"], "fairlearn": ["fairlearn.metrics"]}
    for name in names.get(side, ["duckdb", "pyarrow"]):
        importlib.import_module(name)


def peak() -> float:
    """Most memory the process has held, in MB.

    Linux's rusage starts at what the parent held, so the process's own status is read there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        held = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(held.split()[1]) / 1e3
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)
