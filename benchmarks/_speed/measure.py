"""Times and peaks: each side once in a process of its own, then all in turn.

The first run is in a forked process, which can be stopped at the limit and whose memory starts at
the data's. Those that are quick enough then take turns in one process, so that what else the
machine does hits all alike, and ratios are taken within a round.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom

from .case import OURS, Side

MB = 1e6
SHORTEST = 0.01  # seconds that a timing should take: shorter work is repeated within it
SLOW = 3.0  # seconds from which one run, the first, has to do


class Timing(NamedTuple):
    """Seconds of one run."""

    wall: float
    cpu: float


class First(NamedTuple):
    """What a side's first run says; without an answer if it was stopped or failed."""

    status: str  # "ok", "limit" or "error"
    timing: Timing | None = None
    peak: float | None = None
    answer: np.ndarray | None = None
    note: str = ""


def cpu_seconds() -> float:
    """Of this process, its threads and the processes that it waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def timed(run: Callable[[], Any], loops: int = 1) -> Timing:
    """Time some runs; give the seconds of one."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    for _ in range(loops):
        run()
    return Timing((time.perf_counter() - wall) / loops, (cpu_seconds() - cpu) / loops)


def memory() -> dict[str, float]:
    """Megabytes by the names that Linux has for them; empty elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    sizes = (line.replace(":", " ").split() for line in lines if line.endswith("kB"))
    return {name: int(size) * 1024 / MB for name, size, _ in sizes}


def give_back_memory() -> None:
    """Return what was freed to the system, lest it hide what a run takes."""
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda size: None)(0)


def peak_since(before: dict[str, float]) -> float | None:
    """Most megabytes beyond those before, without the pages of program files."""
    now = memory()
    if not now:
        return None
    files = now["RssFile"] + now["RssShmem"]
    return max(0.0, now["VmHWM"] - files - before["RssAnon"])


def in_child(function: Callable[[], Any], limit: float | None = None) -> tuple[str, Any]:
    """Run a function in a forked process: ("ok", result), ("limit", None) or ("error", text)."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(function, theirs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(limit) else ("limit", None)
    except EOFError:
        child.join()
        return "error", f"the process ended with code {child.exitcode}"
    finally:
        ours.close()
        child.kill()
        child.join()


def _send(function: Callable[[], Any], out: Connection) -> None:
    try:
        found = "ok", function()
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        found = "error", f"{type(error).__name__}: {text}"
    out.send(found)
    out.close()


def first_run(side: Side, limit: float) -> First:
    """Time, peak memory and answer of a side in a process of its own."""

    def run() -> First:
        give_back_memory()
        before, results = memory(), []
        timing = timed(lambda: results.append(side.run()))
        peak = side.peak() if side.peak is not None else peak_since(before)
        found = side.answer(results[0])
        answer = None if found is None else np.asarray(found, dtype=float)
        return First("ok", timing, peak, answer)

    status, found = in_child(run, limit)
    return found if status == "ok" else First(status, note=found or "")


def in_turn(sides: Sequence[Side], firsts: Sequence[First], budget: float) -> list[list[Timing]]:
    """Time quick sides in rounds, forth and back; an empty list for slow ones."""
    took = [first.timing.wall if first.timing else np.inf for first in firsts]
    quick = [i for i, seconds in enumerate(took) if seconds <= SLOW]
    loops = dict.fromkeys(quick, 1)
    for i in quick:
        if took[i] < 1.0:  # a first run is cold, and no guide to short work
            once = timed(sides[i].run).wall
            loops[i] = max(1, int(np.ceil(SHORTEST / max(once, 1e-6))))
            took[i] = once * loops[i]
    rounds = int(np.clip(budget / max(sum(took[i] for i in quick), 1e-6), 3, 15)) if quick else 0
    found: list[list[Timing]] = [[] for _ in sides]
    for number in range(rounds):
        gc.collect()
        for i in quick if number % 2 == 0 else quick[::-1]:
            found[i].append(timed(sides[i].run, loops[i]))
    return found


class Ratio(NamedTuple):
    """Median of ratios, and an interval of it; NaN limits where there was one run."""

    median: float
    low: float
    high: float
    rounds: int


def median_ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Median of paired ratios with a 95 % interval by their order.

    From the k-th smallest to the k-th largest, for the largest k at which the median of any
    distribution lies between with 95 %. Fewer than six rounds don't reach that: their range.
    Where one side ran once only, all rounds of the other share that run.
    """
    if not above or not below:
        return Ratio(np.nan, np.nan, np.nan, 0)
    paired = len(above) == len(below)
    top = np.asarray(above, float) if paired else np.median(above)
    ratios = np.sort(np.atleast_1d(top / (below if paired else np.median(below))))
    n = len(ratios)
    if n == 1:
        return Ratio(float(ratios[0]), np.nan, np.nan, 1)
    k = max(1, int(binom.ppf(0.025, n, 0.5)))
    return Ratio(float(np.median(ratios)), float(ratios[k - 1]), float(ratios[n - k]), n)


def measure(
    sides: Sequence[Side], limit: float, budget: float, skip: dict[str, str] | None = None
) -> tuple[dict[str, First], dict[str, list[Timing]]]:
    """First runs and rounds of the sides, but for those whose name is in ``skip``."""
    kept = [side for side in sides if side.name not in (skip or {})]
    firsts = {side.name: first_run(side, limit) for side in kept}
    done = [side for side in kept if firsts[side.name].status == "ok"]
    if OURS not in {side.name for side in done}:
        return firsts, {}
    rounds = in_turn(done, [firsts[side.name] for side in done], budget)
    return firsts, dict(zip((side.name for side in done), rounds, strict=True))
