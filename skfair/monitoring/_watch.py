"""What goes on behind a monitor: counting, looking, raising alerts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.warning import warn_user
from skfair.criteria import holm
from skfair.monitoring._alerts import make_alert, new_group_alert
from skfair.monitoring._batch import ALL, Batch, check_unweighted
from skfair.monitoring._books import Books
from skfair.monitoring._family import Family
from skfair.monitoring._plan import Names, Subject
from skfair.monitoring._reader import Reader, known_keys
from skfair.monitoring._setup import Reference
from skfair.monitoring._waiting import Waiting, read_keys
from skfair.monitoring._windows import Clock, due
from skfair.tally import Tally


@dataclass
class Watch:
    """A reference, the tests that it makes, and what was counted since.

    Parameters
    ----------
    reader : Reader
    reference : Reference
    names : Names
    options : dict
        Parameters of the monitor: window, mature_after, max_waiting, pos_label, min_group_size,
        alpha, random_state.
    books : Books
    families : tuple of Family
        Tests without labels, and with labels.
    alerts : list of dict
    alerted : set of int
        Tests that have raised theirs.
    n_told : int
        Alerts that the callbacks know.
    """

    reader: Reader
    reference: Reference
    names: Names
    options: Mapping[str, Any]
    books: Books = field(init=False)
    families: tuple[Family, Family] = field(init=False)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    alerted: set[int] = field(default_factory=set)
    n_told: int = 0

    def __post_init__(self) -> None:
        reader, options = self.reader, self.options
        self.books = Books(
            Clock.read(options["window"], options["mature_after"]),
            reader.classes,
            reader.names,
            (ALL, *reader.slices),
            self.reference.crossed,
            reader.columns,
            Waiting(options["max_waiting"]),
        )
        least = options["min_group_size"]
        self.families = self.reference.families(self.names, options["pos_label"], least)
        if not len(self.log_e):
            raise ValueError(f"no group of the reference has min_group_size={least} rows")

    @property
    def subjects(self) -> list[Subject]:
        """What each test is about."""
        return [subject for family in self.families for subject in family.subjects]

    @property
    def log_e(self) -> NDArray[np.float64]:
        """Largest log evidence so far of each test."""
        return np.concatenate([family.log_e for family in self.families])

    def count(self, rows: Batch, timestamps: Any, keys: Any) -> None:
        """Count rows, without looking."""
        books = self.books
        names = None if keys is None else read_keys(keys, len(rows))
        windows, latest = books.clock.windows(len(rows), timestamps)
        if names is not None:
            known = known_keys(names, books.waiting.knows(names))
            if known.any():
                warn_user(
                    f"{int(known.sum())} rows have keys that are known already and are left out "
                    "(labels of known keys go to update_labels)"
                )
                rows, names, windows = rows.take(~known), names[~known], windows[~known]
        for code in self._unknown(rows.groups.labels):
            mine = rows.groups.codes == code
            if mine.any():
                label, first = rows.groups.labels[code], int(windows[mine].min())
                self._note(rows.groups.name, label, int(mine.sum()), first)
        books.count(rows, windows, latest, names)

    def count_tally(self, tally: Tally, timestamps: Any) -> None:
        """Count a tally, without looking."""
        books = self.books
        check_unweighted(tally)
        if len(books.slices) > 1 or books.columns:
            raise ValueError("a tally has no columns: slices and watched columns need rows")
        if tally.names != books.names or not set(tally.classes) <= set(books.classes):
            raise ValueError(
                f"the tally is of {tally.names} and {tally.classes}, the reference of "
                f"{books.names} and {books.classes}"
            )
        if tally.n_samples == 0:
            return
        windows, latest = books.clock.windows(1, timestamps)
        if not books.clock.of_time:
            latest += tally.n_samples - 1
        sizes = tally.group_counts
        for code in self._unknown(tally.labels):
            self._note(" x ".join(tally.names), tally.labels[code], int(sizes[code]), windows[0])
        books.count_tally(tally, int(windows[0]), latest)

    def look(self) -> list[dict[str, Any]]:
        """Look at the windows that have ended; gives the alerts that are new."""
        clock, waiting = self.books.clock, []
        for labels, last in ((False, clock.closed), (True, clock.matured)):
            stores = self.books.stores(labels=labels)
            waiting += [(clock.due(w, labels), labels, w) for w in due(stores, last)]
        for _, labels, window in sorted(waiting):
            tallies, counts = self.books.look(window, labels=labels)
            seed = [self.options["random_state"], int(labels), abs(window), int(window < 0)]
            rng = np.random.default_rng(seed)
            self.families[labels].look(window, tallies, counts, rng)
            self._judge(window)
        self.books.waiting.expire(clock.matured)
        before, self.n_told = self.n_told, len(self.alerts)
        return self.alerts[before:]

    def _judge(self, window: int) -> None:
        """Raise an alert for each test that Holm's procedure rejects now."""
        pvalues = holm(np.exp(-np.maximum(self.log_e, 0.0)))
        clock, alpha = self.books.clock, self.options["alpha"]
        subjects = self.subjects
        for test in np.flatnonzero(pvalues <= alpha).tolist():
            if test in self.alerted:
                continue
            self.alerted.add(test)
            n_first = len(self.families[0].log_e)
            family, own = (self.families[0], test)
            if test >= n_first:
                family, own = self.families[1], test - n_first
            found = family.explain(own, alpha)
            self.alerts.append(
                make_alert(
                    subjects[test],
                    found,
                    first_time=clock.start(window),
                    since=clock.start(found.window),
                    pvalue=float(pvalues[test]),
                )
            )

    def _unknown(self, labels: tuple[Hashable, ...]) -> list[int]:
        known = set(self.books.registry)
        return [code for code, label in enumerate(labels) if label not in known]

    def _note(self, feature: str, group: Hashable, n: int, window: int) -> None:
        first = self.books.clock.start(window)
        self.alerts.append(new_group_alert(feature, group, n, first_time=first))
