"""FairnessMonitor: a model's rates and gaps by group over time, and alerts that can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skfair._utils.text import listed
from skfair._utils.validation import check_count, check_share
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion, Rate
from skfair.groups import ColumnSpec, Missing
from skfair.monitoring._alerts import alerts_table
from skfair.monitoring._batch import (
    ALL,
    Slice,
    check_unweighted,
    encode,
    find_classes,
    length_of,
    read_column,
    read_moments,
)
from skfair.monitoring._display import MonitorDisplay
from skfair.monitoring._merging import merge_watches
from skfair.monitoring._plan import Names, read_names
from skfair.monitoring._reader import Reader, as_given, blank_reader, check_plain
from skfair.monitoring._saving import read_monitor, write_monitor
from skfair.monitoring._setup import Reference
from skfair.monitoring._tables import drift_table, figures_table, tests_table
from skfair.monitoring._waiting import read_keys
from skfair.monitoring._watch import Watch
from skfair.monitoring._windows import Clock, read_times
from skfair.tally import Tally

Callback = Callable[[dict[str, Any]], Any]


class FairnessMonitor(BaseEstimator):
    r"""Follow a model's rates and gaps by group over time, with alerts that hold at every look.

    Fitted on a reference (a test set, or the first weeks), it counts batches into windows of time
    or of rows and keeps small tallies, not rows. When a window has ended, each test takes its
    counts in and says how much evidence there is for a change, or a gap beyond its bound, by now.

    Three kinds of tests:

    - *change*: a group's rate is not what it was in the reference. The reference is a sample, too:
      a window's count given all rows so far has a hypergeometric law without any unknown, so the
      test is exact whether the reference has 500 rows or 50,000, and whatever the rate is. A change
      may have started at any window. Rows before that serve as reference.
    - *drift* and *missing*: the same test for the bins of watched columns and of the score in each
      group, and for the share of missing values; no labels are needed.
    - *bound*: a criterion's gap is beyond its bound. Below it rates may wander as they like, and
      the reference only says where to begin to look. Windows count that have rows of both groups.

    **False alarms.** Over all windows for ever, all tests, groups, slices and columns together, the
    probability of any false alert is at most ``alpha``: the evidence of each test is an e-process,
    which exceeds :math:`1/p` with probability p at most (Ville's inequality), and Holm's procedure
    takes all tests together under any dependence. It assumes that rows are independent given the
    past, that the numbers of rows in a rate's denominator (the positives of a group in a day, say)
    don't depend on how these rows turn out, and for label-based rates that labels are missing by
    chance: see the column "labelled" of :meth:`to_frame`. Alerts of new groups are certain and
    outside of ``alpha``; :meth:`drift` is a description without such a guarantee. A new fit has an
    ``alpha`` of its own.

    Parameters
    ----------
    sensitive_features : str, int, Bins, callable or list, default=None
        Columns of the batches; None: values are passed with each call. With several features each
        of them and their intersection are followed.
    criteria : str, Rate, Criterion or sequence of them, default=("demographic_parity",)
        Rates to follow, and criteria, whose rates are followed and whose gaps are in the table.
    slices : dict of str to dict or callable, default=None
        Parts of the rows to follow as well: values by column (``{"north": {"region": "n"}}``), or
        a callable that gets the batch (without one, the sensitive features) and gives a boolean a
        row.
    window : str, Timedelta or int, default="1d"
        Length of a window: a time ("1m" is a minute), or a number of rows. Windows of time are
        counted from 1970, UTC.
    alpha : float, default=0.05
        Probability of any false alert, ever.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    bounds : dict of criterion to float, default=None
        Largest difference, or least ratio, that is accepted (``{"demographic_parity": 0.1}``).
    min_group_size : int, default=30
        Groups with fewer rows in the reference are in no test, and groups with fewer rows in a
        window aren't compared in the tables of it.
    mature_after : str, Timedelta or int, default=None
        How long after the end of a window its labels are waited for: a time or a number of rows, as
        the window is. Rates that need labels count windows that are past it only, and labels that
        come later are not counted. None: labels come with the predictions, however late.
    watch : sequence of str or int, default=()
        Columns of the batches to test for drift in each group.
    n_bins : int, default=10
        Number of bins of numeric columns and of the score, cut at quantiles of the reference.
    max_waiting : int, default=1_000_000
        So many predictions wait for labels at most; then the oldest count as unlabelled. So many
        keys of labelled ones are remembered.
    callbacks : sequence of callable, default=()
        Each is called with each new alert, a dict with the columns of ``alerts_``. One that fails
        is a warning, since the batch has been counted.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    random_state : int, default=0
        Seed of the lots that make discrete counts exact scores; the same at all looks of a monitor.

    Attributes
    ----------
    alerts_ : DataFrame
        One row an alert: severity, the window whose look raised it (first_time), the one in which
        the change probably began (since), when it was raised, kind, slice, feature, group (for
        bounds the pair, that with the higher rate first), figure, the value from then until the
        evidence was largest with an interval that holds for all looks together, the value in the
        reference or the bound, rows (n), p-value adjusted for all tests, and what usually helps
        (advice).
    tests_ : DataFrame
        All tests with their largest evidence so far.
    classes_ : tuple
        Labels.
    n_labels_ : dict
        What became of labels: matched, unmatched (their key is unknown, or they came too late),
        repeated (their key has a label), late (they came with rows of windows that have matured),
        and how many predictions were dropped, since more than ``max_waiting`` waited.

    References
    ----------
    Ville, J. (1939). Étude critique de la notion de collectif. Gauthier-Villars.

    Vovk, V. (2021). Testing randomness online. Statistical Science 36(4).
    https://doi.org/10.1214/20-STS817

    Shin, J., Ramdas, A. and Rinaldo, A. (2024). E-detectors: a nonparametric framework for
    sequential change detection. The New England Journal of Statistics in Data Science 2(2).
    https://doi.org/10.51387/23-NEJSDS51

    Turner, R. J. and Grünwald, P. D. (2023). Exact anytime-valid confidence intervals for
    contingency tables and beyond. Statistics & Probability Letters 198.
    https://doi.org/10.1016/j.spl.2023.109835

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.choice(["f", "m"], 4000)
    >>> monitor = FairnessMonitor(window=500)
    >>> monitor = monitor.fit(y_pred=rng.binomial(1, 0.5, 4000), sensitive_features=sex)
    >>> selected = rng.binomial(1, np.where(sex == "f", 0.35, 0.5))
    >>> monitor = monitor.update(y_pred=selected, sensitive_features=sex)
    >>> monitor.alerts_[["severity", "kind", "group", "figure", "first_time"]]
      severity    kind group          figure  first_time
    0     high  change     f  selection_rate           0
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        criteria: str | Rate | Criterion | Sequence[str | Rate | Criterion] = (
            "demographic_parity",
        ),
        slices: Mapping[str, Slice] | None = None,
        window: Any = "1d",
        alpha: float = 0.05,
        pos_label: Any = None,
        bounds: Mapping[Any, float] | None = None,
        min_group_size: int = 30,
        mature_after: Any = None,
        watch: Sequence[str | int] = (),
        n_bins: int = 10,
        max_waiting: int = 1_000_000,
        callbacks: Sequence[Callback] = (),
        missing: Missing = "group",
        random_state: int = 0,
    ) -> None:
        self.sensitive_features = sensitive_features
        self.criteria = criteria
        self.slices = slices
        self.window = window
        self.alpha = alpha
        self.pos_label = pos_label
        self.bounds = bounds
        self.min_group_size = min_group_size
        self.mature_after = mature_after
        self.watch = watch
        self.n_bins = n_bins
        self.max_waiting = max_waiting
        self.callbacks = callbacks
        self.missing = missing
        self.random_state = random_state

    def fit(
        self,
        reference: Any = None,
        *,
        y_true: Any = None,
        y_pred: Any = None,
        sensitive_features: Any = None,
        y_score: Any = None,
    ) -> Self:
        """Learn from a reference: rates by group, classes, and bins of watched columns.

        Parameters
        ----------
        reference : data frame, matrix or Tally, default=None
            Where columns are named, and slices and watched columns are read. A tally brings all.
        y_true, y_pred : str or array-like of shape (n,), default=None
            Labels and predicted labels, or names of columns, which later batches then have too.
            Labels are needed for rates that need them.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor names no columns.
        y_score : str or array-like of float of shape (n,), default=None
            Scores, to be watched for drift in each group.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is out of range, nothing is left to test, labels are missing that rates
            need, or groups are of a type that a file can't hold.

        Warns
        -----
        UserWarning
            If groups have too few rows to be tested.
        """
        names = self._check_params()
        given = as_given(y_true, y_pred, sensitive_features, y_score)
        reader, found = self._learn(reference, given)
        labelled = found.labelled[ALL]
        needed = [rate.name for rate in names.rates if rate.needs_labels]
        if needed and (labelled is None or labelled.n_samples == 0):
            raise ValueError(f"{listed(needed)} need labels: give y_true of the reference")
        self._watch = Watch(reader, found, names, self.get_params(deep=False))
        self.classes_ = reader.classes
        small = found.small_groups(self.min_group_size, labels=bool(needed))
        if small:
            warn_user(
                f"groups with fewer than min_group_size={self.min_group_size} rows in the "
                f"reference are in no test of changes, drift or bounds: {', '.join(small[:10])}"
                + (f" and {len(small) - 10} more" if len(small) > 10 else "")
            )
        return self

    def update(
        self,
        batch: Any = None,
        *,
        y_true: Any = None,
        y_pred: Any = None,
        sensitive_features: Any = None,
        y_score: Any = None,
        timestamps: Any = None,
        keys: Any = None,
    ) -> Self:
        """Count a batch, look at the windows that have ended, and raise alerts.

        A batch without rows changes nothing. One that is refused with an error isn't counted.

        Parameters
        ----------
        batch : data frame, matrix or Tally, default=None
            A tally is counted whole in the window of its one timestamp.
        y_true : str or array-like of shape (n,), default=None
            Labels; missing where they aren't known yet.
        y_pred, sensitive_features, y_score
            As in :meth:`fit`; columns named there are read by themselves.
        timestamps : str, timestamp or array-like of shape (n,), default=None
            When the predictions were made, for windows of time; in any order. Rows of a window
            that has been looked at already count there, and in the tests of changes at the next
            look, but without their labels where ``mature_after`` is over.
        keys : str or array-like of shape (n,), default=None
            Names of the predictions, text or numbers, by which labels find them. Rows without one
            never get a label. A key that is known already is a repeated row, which is left out;
            keys are remembered until their window has matured, and all of a batch until the next.

        Returns
        -------
        self

        Warns
        -----
        UserWarning
            If rows are left out since their keys are known already, predictions no longer wait,
            labels that rates need can't ever come, or the clock leaps over 1,000 windows.
        """
        check_is_fitted(self, "classes_")
        if isinstance(batch, Tally):
            self._watch.count_tally(batch, timestamps)
            return self._look()
        given = as_given(y_true, y_pred, sensitive_features, y_score)
        rows = self._watch.reader.read(batch, given)
        if rows is not None:
            times = read_moments(batch, timestamps)
            self._watch.count(rows, times, read_column(batch, keys, None, "keys"))
        return self._look()

    def update_labels(self, keys: Any, y_true: Any) -> Self:
        """Join labels to predictions that wait for them.

        Labels whose key isn't waiting are counted in ``n_labels_`` and otherwise ignored: they came
        too late, have come before, or their prediction is not known.

        Parameters
        ----------
        keys : array-like of shape (n,)
        y_true : array-like of shape (n,)

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a key comes with two labels, or a key or a label is missing or unheard of.
        """
        check_is_fitted(self, "classes_")
        if length_of(keys) == 0:
            return self
        names = read_keys(keys, length_of(y_true))
        if any(key is None for key in names):
            raise ValueError("keys are missing: a label without a key has no prediction")
        self._watch.books.label(names, encode(y_true, self.classes_, "y_true"))
        return self

    def add_feedback(
        self,
        cases: Any = None,
        *,
        y_true: Any = None,
        y_pred: Any = None,
        sensitive_features: Any = None,
        y_score: Any = None,
        timestamps: Any = None,
    ) -> Self:
        """Count cases that people reported, as the slice "feedback".

        They are in :meth:`to_frame` beside all rows. There are no tests of them: who complains is
        no sample.

        Parameters
        ----------
        cases, y_true, y_pred, sensitive_features, y_score, timestamps
            As in :meth:`update`. Windows of rows: they belong to the window that is open.

        Returns
        -------
        self
        """
        check_is_fitted(self, "classes_")
        watch = self._watch
        rows = watch.reader.read(cases, as_given(y_true, y_pred, sensitive_features, y_score))
        if rows is not None:
            clock = watch.books.clock
            windows, _ = clock.windows(len(rows), read_moments(cases, timestamps))
            if not clock.of_time:
                windows = np.full(len(rows), (clock.now or 0) // clock.size)
            watch.books.report(rows, windows)
        return self

    def advance(self, to: Any = None) -> Self:
        """Move time on, where no more rows come: windows that have ended are looked at.

        Parameters
        ----------
        to : timestamp or int, default=None
            A time, or with windows of rows their number; None: the end of the window that is open.

        Returns
        -------
        self
        """
        check_is_fitted(self, "classes_")
        clock = self._watch.books.clock
        if to is None:
            clock.move(clock.next_start)
        else:
            clock.move(int(read_times(to, 1)[0]) if clock.of_time else int(to))
        return self._look()

    def merge(self, other: FairnessMonitor) -> FairnessMonitor:
        """Make a monitor of the rows that two monitors saw, each a part of them.

        Both must have been fitted alike on the same reference. The tests are run again over all
        windows of the merged counts, so the result's alerts have the guarantee of one monitor;
        reading those of the parts, too, adds up their probabilities of a false alert.

        Parameters
        ----------
        other : FairnessMonitor

        Returns
        -------
        merged : FairnessMonitor
            The alerts that it has found aren't sent to the callbacks.

        Raises
        ------
        ValueError
            If they were fitted differently, windows are numbers of rows, or both know a key.
        """
        check_is_fitted(self, "classes_")
        check_is_fitted(other, "classes_")
        merged = type(self)(**{**self._watch.options, "callbacks": self.callbacks})
        merged._watch = merge_watches(self._watch, other._watch)
        merged.classes_ = self.classes_
        return merged

    @property
    def alerts_(self) -> pd.DataFrame:
        """All alerts so far."""
        check_is_fitted(self, "classes_")
        return alerts_table(self._watch.alerts)

    @property
    def tests_(self) -> pd.DataFrame:
        """All tests, with the largest evidence so far."""
        check_is_fitted(self, "classes_")
        return tests_table(self._watch.subjects, self._watch.log_e)

    @property
    def n_labels_(self) -> dict[str, int]:
        """Numbers of labels by what became of them."""
        check_is_fitted(self, "classes_")
        return dict(self._watch.books.n_labels)

    def to_frame(
        self,
        *,
        figure: str | None = None,
        slice: str | None = None,
        every: int = 1,
        confidence_level: float = 0.95,
    ) -> pd.DataFrame:
        """Rates by group and gaps of each window, with intervals.

        Each interval holds for its window alone: it says how sure that figure is. What may be
        looked at every day is ``alerts_``.

        Parameters
        ----------
        figure : str, default=None
            One rate or criterion; None: all that are followed.
        slice : str, default=None
            One slice, ``"all"``, ``"feedback"`` or a declared one; None: all of them.
        every : int, default=1
            Add up so many windows at a time, counted from 1970: 7 makes weeks of days, from
            Thursday on, and the first and last sum may lack some.
        confidence_level : float, default=0.95

        Returns
        -------
        DataFrame
            Columns slice, feature, figure, window (its start), group (None: a criterion, of all
            groups), value, low, high, n (rows in the rate's denominator), labelled (share of the
            group's predictions that have a label) and mature (False: the window is open, or waits
            for labels; then label-based values are NaN). Undefined figures are NaN.

        Raises
        ------
        ValueError
            If no such figure or slice is followed.
        """
        check_is_fitted(self, "classes_")
        check_count("every", every)
        return figures_table(
            self._watch.books,
            self._watch.names,
            every=every,
            confidence_level=confidence_level,
            pos_label=self._watch.options["pos_label"],
            least=self._watch.options["min_group_size"],
            only={"figure": figure, "slice": slice},
        )

    def drift(self, *, every: int | None = None) -> pd.DataFrame:
        """Distances of the score and the watched columns from the reference, by group.

        They describe, and rise by chance where rows are few; ``alerts_`` has tests.

        Parameters
        ----------
        every : int, default=None
            Add up so many windows at a time; None: all of them.

        Returns
        -------
        DataFrame
            Columns column, window, feature, group, n, psi (population stability index), ks
            (Kolmogorov-Smirnov distance over the bins; NaN of columns that aren't numbers),
            chi_square, missing and missing_reference (shares of missing values).
        """
        check_is_fitted(self, "classes_")
        if every is not None:
            check_count("every", every)
        watch = self._watch
        least = watch.options["min_group_size"]
        return drift_table(watch.books, watch.reference, every=every, least=least)

    def plot(self, figure: str | None = None, **options: Any) -> Any:
        """Draw a rate by group, or a criterion, over time, with the alerts.

        Parameters
        ----------
        figure : str, default=None
            Name of a rate or criterion; the first one by default.
        **options
            As in :meth:`skfair.monitoring.MonitorDisplay.plot`, and ``slice``, ``feature`` and
            ``every``.

        Returns
        -------
        MonitorDisplay
        """
        check_is_fitted(self, "classes_")
        name = figure or self._watch.names.rates[0].name
        return MonitorDisplay.from_monitor(self, name, **options)

    def save(self, path: str | Path) -> None:
        """Write the monitor to a JSON file, which holds counts and no code.

        Slices and sensitive features that are callables, and callbacks, are not in it.

        Parameters
        ----------
        path : str or Path
        """
        check_is_fitted(self, "classes_")
        write_monitor(self, path)

    @classmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read a monitor that :meth:`save` wrote; it goes on as if it had never stopped.

        Parameters
        ----------
        path : str or Path
        **params
            Parameters that the file can't hold, by name, and no others: callbacks, and slices or
            sensitive features that are callables.

        Returns
        -------
        monitor : FairnessMonitor

        Raises
        ------
        ValueError
            If the file is damaged or holds something else, or a parameter is missing or one that
            the file holds.
        """
        return read_monitor(cls, path, params)

    def _check_params(self) -> Names:
        check_share("alpha", self.alpha, ends=False)
        for name, least in (("min_group_size", 1), ("max_waiting", 1), ("random_state", 0)):
            check_count(name, getattr(self, name), least=least)
        Clock.read(self.window, self.mature_after)
        return read_names(self.criteria, self.bounds)

    def _learn(self, reference: Any, given: dict[str, Any]) -> tuple[Reader, Reference]:
        blank = blank_reader(self.get_params(deep=False))
        if isinstance(reference, Tally):
            if blank.slices or blank.watch:
                raise ValueError("a tally has no columns: slices and watch need rows as reference")
            classes = find_classes(None, list(reference.classes), self.pos_label)
            check_plain(reference.labels, "groups")
            reader = replace(blank, names=reference.names, classes=classes)
            return reader, Reference.of_tally(check_unweighted(reference))
        reader, rows = blank.learn(reference, given, self.pos_label, self.n_bins)
        return reader, Reference.of_rows(rows, reader.columns, reader.classes, [*blank.slices])

    def _look(self) -> Self:
        """Look at windows that have ended, then tell the callbacks."""
        for alert in self._watch.look():
            for callback in self.callbacks:
                try:
                    callback(dict(alert))
                except Exception as error:  # the batch is counted: to raise would count it twice
                    warn_user(f"a callback failed on an alert: {error!r}")
        return self
