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
from skfair.monitoring._reader import Reader, check_plain, known_keys
from skfair.monitoring._setup import Reference
from skfair.monitoring._waiting import Known, Waiting, read_keys
from skfair.monitoring._windows import Clock, due
from skfair.tally import Tally

_LEAP = 1000


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
    warned : bool
        Whether it was told that labels are missing.
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
    warned: bool = False

    def __post_init__(self) -> None:
        reader, options = self.reader, self.options
        self.books = Books(
            Clock.read(options["window"], options["mature_after"]),
            reader.classes,
            reader.names,
            (ALL, *reader.slices),
            reader.columns,
            Waiting(options["max_waiting"]),
            Known(options["max_waiting"]),
            list(self.reference.crossed),
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
        unknown = self._unknown(rows.groups.labels)
        sent = set() if names is None else set(names.tolist()) - {None}
        if names is not None:
            new = ~known_keys(names, books.waiting.knows(names) | books.known.came(names))
            if not new.all():
                rows, names, windows = rows.take(new), names[new], windows[new]
                if not books.clock.of_time:
                    windows, latest = books.clock.windows(len(rows), None)
                warn_user(
                    f"{int((~new).sum())} rows have keys that are known already and are left out "
                    "(labels of known keys go to update_labels)"
                )
        self._warn_of_leap(windows, latest)
        self._warn_of_lost_labels(rows, names)
        for code in unknown:
            mine = rows.groups.codes == code
            if mine.any():
                label, first = rows.groups.labels[code], int(windows[mine].min())
                self._note(rows.groups.name, label, int(mine.sum()), first)
        dropped = books.count(rows, windows, latest, names)
        books.known.latest = sent or books.known.latest
        if dropped:
            warn_user(
                f"{dropped} predictions no longer wait for labels and count as unlabelled: at most "
                f"max_waiting={self.options['max_waiting']} wait"
            )

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
        if not tally.has_labels:
            self._warn_of_no_labels("")
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
        for time, labels, window in sorted(waiting):
            news = self.books.look(window, labels=labels)
            seed = [self.options["random_state"], int(labels), abs(window), int(window < 0)]
            self.families[labels].look(window, news, np.random.default_rng(seed))
            self._judge(time)
        self.books.expire()
        before, self.n_told = self.n_told, len(self.alerts)
        return self.alerts[before:]

    def _judge(self, time: int) -> None:
        """Raise an alert for each test that Holm's procedure rejects at a time."""
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
            stores = self.books.stores(labels=test >= n_first)
            looked = max(store.done for store in stores if store.done is not None)
            self.alerts.append(
                make_alert(
                    subjects[test],
                    found,
                    raised=clock.moment(time),
                    first_time=clock.start(looked),
                    since=clock.start(found.window),
                    pvalue=float(pvalues[test]),
                )
            )

    def _unknown(self, labels: tuple[Hashable, ...]) -> list[int]:
        known = set(self.books.registry)
        found = [code for code, label in enumerate(labels) if label not in known]
        check_plain([labels[code] for code in found], "groups")
        return found

    def _note(self, feature: str, group: Hashable, n: int, window: int) -> None:
        clock = self.books.clock
        now = window if clock.now is None else max(window, clock.now // clock.size)
        times = {"raised": clock.start(now), "first_time": clock.start(window)}
        self.alerts.append(new_group_alert(feature, group, n, **times))

    def _warn_of_leap(self, windows: NDArray[np.int64], latest: int) -> None:
        """Warn where the clock moves over very many windows that have no rows."""
        clock = self.books.clock
        if not clock.of_time or not len(windows):
            return
        start = int(windows.min()) if clock.now is None else clock.now // clock.size
        if latest // clock.size - start <= _LEAP:
            return
        seen = np.unique(np.append(windows[windows > start], start))
        widest = int(np.diff(seen).max(initial=0))
        if widest > _LEAP:
            warn_user(
                f"the clock moves on to {clock.moment(latest)}, over {widest - 1} "
                "windows without rows: all windows until then end now, and rows that belong to "
                "them will be late. Is a timestamp wrong?"
            )

    def _warn_of_lost_labels(self, rows: Batch, keys: NDArray[np.object_] | None) -> None:
        """Warn once of rows that have no label and can't get one."""
        if keys is None and not (rows.true >= 0).any():
            name = self.reader.named.get("y_true")
            self._warn_of_no_labels(
                "" if name is None else f" (at fit they were in column {name!r})"
            )

    def _warn_of_no_labels(self, place: str) -> None:
        if self.warned or not any(rate.needs_labels for rate in self.names.rates):
            return
        self.warned = True
        warn_user(
            f"the batch has no labels{place} and no keys by which they could come later: rates "
            "that need labels will not count its rows"
        )
