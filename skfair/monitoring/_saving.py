"""Monitors in JSON files, which hold counts and names and never code."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skfair.base import (
    check_description,
    from_plain,
    known_params,
    plain_params,
    telling_damage,
    to_plain,
)
from skfair.monitoring._alerts import COLUMNS
from skfair.monitoring._batch import ALL
from skfair.monitoring._columns import WatchedColumn
from skfair.monitoring._counting import BinCounts
from skfair.monitoring._reader import Reader, blank_reader
from skfair.monitoring._setup import Reference
from skfair.monitoring._watch import Watch
from skfair.monitoring._windows import Store
from skfair.tally import Tally

_FORMAT = 2
_WAITING = ("keys", "windows", "groups", "pred", "slices")
_KINDS = {"keys": "O", "windows": "i", "groups": "i", "pred": "i", "slices": "b"}
_TIMES = ("first_time", "since", "raised")


def write_monitor(monitor: Any, path: str | Path) -> None:
    """Write a fitted monitor; a file that is there is replaced at once or not at all."""
    watch = monitor._watch
    spans = {k: str(v) for k, v in watch.options.items() if isinstance(v, pd.Timedelta)}
    params, left_out = plain_params(type(monitor)(**{**watch.options, **spans}))
    about = {
        "format": _FORMAT,
        "class": type(monitor).__name__,
        "params": params,
        "left_out": left_out,
        "reader": _reader_to_plain(watch.reader),
        "reference": _reference_to_plain(watch.reference),
        "books": _books_to_plain(watch.books),
        "tests": [to_plain(tests.state()) for tests in _tests(watch)],
        "alerts": [_alert_to_plain(alert) for alert in watch.alerts],
        "alerted": sorted(watch.alerted),
    }
    place = Path(path)
    draft = place.with_name(f"{place.name}.part")
    draft.write_text(json.dumps(about, allow_nan=False), encoding="utf-8")
    draft.replace(place)


def read_monitor(kind: Any, path: str | Path, given: Mapping[str, Any]) -> Any:
    """Read a monitor."""
    text = Path(path).read_bytes()
    try:
        about = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is no file of a {kind.__name__}: {error}") from error
    with telling_damage(path):
        check_description(about, _FORMAT, "class", kind.__name__)
        monitor = kind(**known_params(kind, about, _check_given(about, given)))
        names, params = monitor._check_params(), monitor.get_params(deep=False)
        reader = _read_reader(params, about["reader"])
        reference = _read_reference(about["reference"], reader)
        watch = Watch(reader, reference, names, params)
        _fill_books(watch, about["books"])
        states = [from_plain(state) for state in about["tests"]]
        for tests, state in zip(_tests(watch), states, strict=True):
            tests.restore(state)
        watch.alerts = [_read_alert(alert) for alert in about["alerts"]]
        watch.n_told = len(watch.alerts)
        watch.alerted = {int(test) for test in about["alerted"]}
    monitor._watch, monitor.classes_ = watch, reader.classes
    return monitor


def _check_given(about: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check parameters that are given to load: what the counts were made with stays as it was."""
    left_out = set(about["left_out"])
    lacking = left_out - {"callbacks"} - set(given)
    if lacking:
        raise ValueError(f"the file can't hold {sorted(lacking)}: give them to load")
    others = set(given) - left_out - {"callbacks"}
    if others:
        raise ValueError(
            f"{sorted(others)} can't be changed at load, since the counts in the file were made "
            "with what it holds: fit a new monitor"
        )
    if "slices" not in given:
        return dict(given)
    slices, known = dict(given["slices"] or {}), [*about["reference"]["predicted"]]
    known.remove(ALL)
    if set(slices) != set(known):
        raise ValueError(f"the file has slices {known}, and load was given {[*slices]}")
    return {**given, "slices": {name: slices[name] for name in known}}


def _tests(watch: Watch) -> list[Any]:
    return [tests for family in watch.families for tests in (family.change, *family.bound)]


def _reader_to_plain(reader: Reader) -> dict[str, Any]:
    columns = [[c.name, to_plain(c.edges), to_plain(c.values)] for c in reader.columns]
    return {
        "named": dict(reader.named),
        "names": list(reader.names),
        "classes": to_plain(reader.classes),
        "columns": columns,
    }


def _read_reader(params: Mapping[str, Any], about: Mapping[str, Any]) -> Reader:
    columns = [
        WatchedColumn(name, from_plain(edges), from_plain(values))
        for name, edges, values in about["columns"]
    ]
    return replace(
        blank_reader(params),
        named=dict(about["named"]),
        names=tuple(about["names"]),
        classes=from_plain(about["classes"]),
        columns=tuple(columns),
    )


def _reference_to_plain(reference: Reference) -> dict[str, Any]:
    sides = {"predicted": reference.predicted, "labelled": reference.labelled}
    return {
        **{
            side: {name: _tally_to_plain(tally) for name, tally in tallies.items()}
            for side, tallies in sides.items()
        },
        "counts": [_bins_to_plain(count) for count in reference.counts],
        "crossed": to_plain(reference.crossed),
    }


def _read_reference(about: Mapping[str, Any], reader: Reader) -> Reference:
    crossed = _labels(about["crossed"])
    predicted, labelled = (
        {name: _read_tally(tally, reader) for name, tally in about[side].items()}
        for side in ("predicted", "labelled")
    )
    counts = [_read_bins(x, c) for x, c in zip(about["counts"], reader.columns, strict=True)]
    return Reference(predicted, labelled, counts, crossed, reader.columns)


def _tally_to_plain(tally: Tally | None) -> Any:
    if tally is None:
        return None
    return {"labels": to_plain(tally.labels), "count": to_plain(tally.count)}


def _read_tally(about: Any, reader: Reader) -> Tally | None:
    if about is None:
        return None
    labels, n_classes = _labels(about["labels"]), len(reader.classes)
    count = _whole(about["count"], (len(labels), n_classes, n_classes))
    weight = count.astype(np.float64)
    return Tally(labels, reader.names, reader.classes, weight, weight, count)


def _bins_to_plain(counts: BinCounts) -> dict[str, Any]:
    return {"labels": to_plain(counts.labels), "rows": to_plain(counts.rows)}


def _read_bins(about: Mapping[str, Any], column: WatchedColumn) -> BinCounts:
    labels = _labels(about["labels"])
    return BinCounts(labels, _whole(about["rows"], (len(labels), column.n_bins)))


def _books_to_plain(books: Any) -> dict[str, Any]:
    waiting = {name: to_plain(getattr(books.waiting, name)) for name in _WAITING}
    return {
        "now": books.clock.now,
        "registry": to_plain(list(books.registry)),
        "n_labels": dict(books.n_labels),
        "waiting": waiting,
        "known": {
            "keys": to_plain(list(books.known.windows)),
            "windows": to_plain(list(books.known.windows.values())),
            "latest": to_plain(list(books.known.latest)),
        },
        **{
            side: {name: _store_to_plain(x, _tally_to_plain) for name, x in stores.items()}
            for side, stores in (("predicted", books.predicted), ("labelled", books.labelled))
        },
        "counts": [_store_to_plain(store, _bins_to_plain) for store in books.counts],
    }


def _fill_books(watch: Watch, about: Mapping[str, Any]) -> None:
    books, reader = watch.books, watch.reader
    books.clock.now = None if about["now"] is None else int(about["now"])
    books.registry = list(from_plain(about["registry"]))
    books.n_labels = {name: int(about["n_labels"][name]) for name in books.n_labels}
    for side, stores in (("predicted", books.predicted), ("labelled", books.labelled)):
        for name in stores:
            stores[name] = _read_store(about[side][name], lambda x: _read_tally(x, reader))
    books.counts = tuple(
        _read_store(part, lambda x, column=column: _read_bins(x, column))
        for part, column in zip(about["counts"], books.columns, strict=True)
    )
    known = about["known"]
    pairs = zip(known["keys"], known["windows"], strict=True)
    books.known.add({from_plain(key): int(window) for key, window in pairs})
    books.known.latest = set(from_plain(known["latest"]))
    found = {name: from_plain(about["waiting"][name]) for name in _WAITING}
    sizes = {len(array) for array in found.values()}
    kinds = {name for name, array in found.items() if array.dtype.kind != _KINDS[name]}
    if len(sizes) > 1 or (kinds and sizes != {0}):
        raise ValueError("the file is damaged: waiting predictions differ in length or type")
    for name, array in found.items():
        setattr(books.waiting, name, array if len(array) else getattr(books.waiting, name))
    if len(books.waiting) and books.waiting.groups.max() >= len(books.registry):
        raise ValueError("the file is damaged: waiting predictions are of unknown groups")


def _store_to_plain(store: Store, to: Any) -> dict[str, Any]:
    return {
        "windows": [[window, to(item)] for window, item in store.windows.items()],
        "backlog": None if store.backlog is None else to(store.backlog),
        "done": store.done,
    }


def _read_store(about: Mapping[str, Any], read: Any) -> Store:
    windows = {int(window): read(item) for window, item in about["windows"]}
    backlog = None if about["backlog"] is None else read(about["backlog"])
    return Store(windows, backlog, None if about["done"] is None else int(about["done"]))


def _labels(value: Any) -> tuple[Hashable, ...]:
    found = from_plain(value)
    if not isinstance(found, tuple):
        raise ValueError("the file is damaged: labels of groups are no tuple")
    return found


def _whole(value: Any, shape: tuple[int, ...]) -> Any:
    """Read counts of rows."""
    found = from_plain(value)
    if not isinstance(found, np.ndarray) or found.dtype.kind != "i" or (found < 0).any():
        raise ValueError("the file is damaged: counts are no numbers of rows")
    if 0 in shape and found.size == 0:
        return found.reshape(shape)
    if found.shape != shape:
        raise ValueError("the file is damaged: counts don't fit their labels")
    return found


def _alert_to_plain(alert: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: alert[name] for name in _TIMES}
    plain = {name: to_plain(value) for name, value in alert.items() if name not in _TIMES}
    spelled = {n: t.isoformat() if isinstance(t, pd.Timestamp) else t for n, t in times.items()}
    return {**plain, **spelled}


def _read_alert(about: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: from_plain(about[name]) for name in COLUMNS}
    for name in _TIMES:
        if isinstance(found[name], str):
            found[name] = pd.Timestamp(found[name]).as_unit("ns")
    return found
