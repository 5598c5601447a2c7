"""The cells of a run: which there are, what identifies them, and how one is computed."""

from __future__ import annotations

import hashlib
import json
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sklearn.base import clone
from threadpoolctl import threadpool_limits

import skfair

from .data import load_split
from .digests import code_digest, whole_digests
from .measure import measure
from .methods import MODELS, Method, Problem
from .registry import methods

HARNESS = 2  # raise it where results of older runs no longer compare


@dataclass(frozen=True)
class Task:
    """One fit, or one path of fits; a cell is one of its values of the knob."""

    data: str
    sensitive: str
    model: str
    method: str
    criterion: str
    values: tuple[Any, ...]
    repetition: int
    fold: int
    rows: int = 0
    target: str = ""
    positive: str = ""

    def cells(self) -> list[dict[str, Any]]:
        """What identifies each result, in the order of the values."""
        own = {k: v for k, v in asdict(self).items() if k != "values"}
        return [own | {"knob": value} for value in self.values]

    def keys(self) -> list[str]:
        method = methods()[self.method]
        used = stamp(method)
        return [key_of(method, used, cell, self.values) for cell in self.cells()]


def key_of(
    method: Method, used: dict[str, str], cell: dict[str, Any], values: tuple[Any, ...]
) -> str:
    path = [list(values)] if method.path else []
    about = [HARNESS, used, *([method.revision] if method.revision else [])]
    return _digest([*about, cell, *path])


def present_key(row: dict[str, Any]) -> str:
    """Key that a stored row would have now, at the versions of its time."""
    method, names = methods()[row["method"]], [f.name for f in fields(Task) if f.name != "values"]
    cell = {name: row[name] for name in names} | {"knob": row["knob"]}
    code = {"code": code_digest(method.source)} if method.side == "skfair" else {}
    return key_of(method, row["versions"] | code, cell, method.values)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def installed(library: str) -> str:
    if library == "skfair":  # it may be on the path only
        return skfair.__version__
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def stamp(method: Method) -> dict[str, str]:
    """Versions that a method's results hang on."""
    used = {"scikit-learn": installed("scikit-learn")}
    if method.side == "skfair":
        return used | {"skfair": skfair.__version__, "code": code_digest(method.source)}
    if method.side == "none":
        return used
    return used | {method.side: installed(method.side)}


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError once so many seconds have passed (where the system has alarms)."""
    if not seconds or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: Any) -> None:
        raise TimeoutError(f"stopped after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_task(task: Task, limit: float = 0.0) -> list[dict[str, Any]]:
    """Rows of results, one a cell; an error is a result, too."""
    method, stamped = methods()[task.method], stamp(methods()[task.method])
    start = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with limited(limit):
                found = _outcomes(task, method)
        except Exception as error:
            message = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            found = [{"error": message} for _ in task.values]
    seconds = round((time.perf_counter() - start) / len(task.values), 3)
    told = {"seconds": seconds, "versions": stamped, "tree": whole_digests()}
    told["date"] = datetime.now(UTC).isoformat()[:19]
    return [
        {"key": key, **cell, **told, **outcome}
        for key, cell, outcome in zip(task.keys(), task.cells(), found, strict=True)
    ]


def _outcomes(task: Task, method: Method) -> list[dict[str, Any]]:
    split = load_split(
        task.data,
        task.sensitive,
        task.repetition,
        task.fold,
        task.rows,
        *([task.target, task.positive] if task.target else []),
    )
    model = None if MODELS[task.model] is None else clone(MODELS[task.model])
    problem = Problem(split, model, task.criterion, task.repetition)
    if method.path:
        rules = method.fit(problem, task.values)
    else:
        rules = [method.fit(problem, value) for value in task.values]
    curves = task.repetition == 0 and method.name in ("nothing", "Reweighter", "Resampler")
    return [
        {
            "labels": split.labels,
            "validation": measure(
                split.validation, rule(split.validation), split.n_groups, curves=False
            ),
            "test": measure(split.test, rule(split.test), split.n_groups, curves=curves),
        }
        for rule in rules
    ]


def plan(
    places: list[tuple[str, str, range]],
    models: list[str],
    names: list[str],
    repetitions: int,
    *,
    full: bool = False,
    all_values: bool = False,
    **options: Any,
) -> list[Task]:
    """All tasks, those of a split beside each other; a path is one task, else each value is."""
    found = []
    for data, sensitive, folds in places:
        for repetition in range(repetitions):
            for fold in folds:
                for model in models:
                    for method in (methods()[name] for name in names):
                        if model not in method.models or not (full or method.short):
                            continue
                        values = method.chosen(all_values)
                        parts = [values] if method.path else [(v,) for v in values]
                        found += [
                            Task(
                                data,
                                sensitive,
                                model,
                                method.name,
                                criterion,
                                part,
                                repetition,
                                fold,
                                **options,
                            )
                            for criterion in method.criteria
                            for part in parts
                        ]
    return found
