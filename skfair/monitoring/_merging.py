"""One monitor of what two have seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skfair._utils.text import listed
from skfair.monitoring._books import Books
from skfair.monitoring._setup import Reference
from skfair.monitoring._watch import Watch
from skfair.monitoring._windows import Store
from skfair.tally import Tally

_OPTIONS = ("window", "mature_after", "pos_label", "min_group_size", "alpha", "random_state")


def merge_watches(a: Watch, b: Watch) -> Watch:
    """Add up what two watches counted, and run the tests over it.

    Raises
    ------
    ValueError
        If they were fitted differently, count windows of rows, or wait for the same key.
    """
    _check_alike(a, b)
    merged = Watch(a.reader, a.reference, a.names, a.options)
    merged.books = _merge_books(a.books, b.books, merged.books)
    found = [x for x in (*a.alerts, *b.alerts) if x["kind"] == "new group"]
    noted = set()
    for alert in sorted(found, key=lambda x: x["first_time"]):
        if alert["group"] not in noted:
            noted.add(alert["group"])
            merged.alerts.append(alert)
    merged.look()
    return merged


def _check_alike(a: Watch, b: Watch) -> None:
    if not a.books.clock.of_time:
        raise ValueError(
            "windows of rows can't be merged, as each monitor counted its own: use windows of time"
        )
    differ = [name for name in _OPTIONS if a.options[name] != b.options[name]]
    if (a.names, a.reader.classes) != (b.names, b.reader.classes):
        differ += ["criteria, bounds or classes"]
    if a.books.slices != b.books.slices or a.reader.columns != b.reader.columns:
        differ += ["slices or watched columns"]
    alike = all(
        _same_tallies(*sides)
        for sides in (
            (a.reference.predicted, b.reference.predicted),
            (a.reference.labelled, b.reference.labelled),
        )
    )
    if not (alike and _same_counts(a.reference, b.reference)):
        differ += ["the reference"]
    if differ:
        raise ValueError(f"monitors that differ in {listed(differ)} can't be merged")


def _same_tallies(a: Mapping[str, Tally | None], b: Mapping[str, Tally | None]) -> bool:
    def same(x: Tally | None, y: Tally | None) -> bool:
        if x is None or y is None:
            return x is y
        return x.labels == y.labels and np.array_equal(x.count, y.count)

    return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)


def _same_counts(a: Reference, b: Reference) -> bool:
    """Whether watched columns, too, have the same counts."""
    pairs = zip(a.counts, b.counts, strict=True)
    return a.crossed == b.crossed and all(
        x.labels == y.labels and np.array_equal(x.rows, y.rows) for x, y in pairs
    )


def _merge_books(a: Books, b: Books, blank: Books) -> Books:
    for side in ("predicted", "labelled"):
        for name, store in getattr(blank, side).items():
            _merge_stores(store, getattr(a, side)[name], getattr(b, side)[name])
    for store, one, other in zip(blank.counts, a.counts, b.counts, strict=True):
        _merge_stores(store, one, other)
    blank.registry = list(dict.fromkeys([*a.registry, *b.registry]))
    for part in (a, b):
        place = np.array([blank.registry.index(label) for label in part.registry], dtype=np.int64)
        _add_keys(blank, part, place)
        blank.clock.move(part.clock.now)
    dropped = blank.n_labels["dropped"]
    blank.n_labels = {name: a.n_labels[name] + b.n_labels[name] for name in a.n_labels}
    blank.n_labels["dropped"] += dropped
    return blank


def _merge_stores(into: Store, *parts: Store) -> None:
    for part in parts:
        for window, item in part.windows.items():
            into.add(window, item)


def _add_keys(into: Books, part: Books, place: Any) -> None:
    waiting, known = part.waiting, part.known
    keys = [*dict.fromkeys([*waiting.keys, *known.windows, *known.latest])]
    column = np.array([*keys, None], dtype=object)[:-1]
    both = column[into.waiting.knows(column) | into.known.came(column)]
    if len(both):
        raise ValueError(f"keys are known to both monitors, so rows are in both: {listed(both)}")
    into.known.add(known.windows)
    into.known.latest |= known.latest
    if len(waiting):
        groups = place[waiting.groups]
        rows = waiting.keys, waiting.windows, groups, waiting.pred, waiting.slices
        into.n_labels["dropped"] += into.waiting.add(*rows)
