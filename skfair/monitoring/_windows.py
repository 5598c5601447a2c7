"""Windows of time or of rows, and what is kept for each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import to_array
from skfair._utils.validation import check_count, check_same_length
from skfair.tally import Tally


@dataclass
class Clock:
    """Numbers windows, and knows which have ended.

    Time is counted in nanoseconds since 1970 (UTC), rows in their order of arrival.

    Parameters
    ----------
    size : int
        Length of a window.
    patience : int
        How long after its end a window waits for labels.
    of_time : bool
    now : int or None
        The latest time, or the number of rows so far.

    Examples
    --------
    >>> clock = Clock.read(100, None)
    >>> windows, now = clock.windows(150, None)
    >>> windows[[0, 99, 100]].tolist(), clock.closed
    ([0, 0, 1], -1)
    >>> clock.move(now)
    >>> clock.closed, clock.start(1)
    (0, 100)
    """

    size: int
    patience: int
    of_time: bool
    now: int | None = None

    @classmethod
    def read(cls, window: Any, mature_after: Any) -> Clock:
        """Read the parameters ``window`` and ``mature_after`` of a monitor."""
        of_time = not isinstance(window, int | np.integer) or isinstance(window, np.timedelta64)
        if of_time:
            size = _duration("window", window)
            return cls(
                size, 0 if mature_after is None else _duration("mature_after", mature_after), True
            )
        check_count("window", window)
        if mature_after is not None:
            check_count("mature_after", mature_after, least=0)
        return cls(int(window), int(mature_after or 0), False, 0)

    def windows(self, n: int, timestamps: Any) -> tuple[NDArray[np.int64], int]:
        """Window of each of n rows that arrive now, and what time it is after them."""
        if self.of_time:
            times = read_times(timestamps, n)
            return times // self.size, int(times.max())
        if timestamps is not None:
            raise ValueError("timestamps need windows of time: window='1d', say, not a number")
        before = self.now or 0
        return (np.arange(n) + before) // self.size, before + n

    def move(self, to: int | None) -> None:
        """Move on to a time or a number of rows; never back."""
        if to is not None:
            self.now = to if self.now is None else max(self.now, to)

    @property
    def closed(self) -> int | None:
        """The last window that has ended."""
        return None if self.now is None else self.now // self.size - 1

    @property
    def matured(self) -> int | None:
        """The last window whose labels are due."""
        return None if self.now is None else (self.now - self.patience) // self.size - 1

    def due(self, window: int, labels: bool) -> int:
        """When a window has ended, and when its labels are due."""
        return (window + 1) * self.size + self.patience * labels

    @property
    def next_start(self) -> int | None:
        """When the window that is open now will have ended."""
        return None if self.now is None else (self.now // self.size + 1) * self.size

    def start(self, window: int) -> Any:
        """First time or row of a window."""
        return self.moment(int(window) * self.size)

    def moment(self, time: int) -> Any:
        """Put a time or a number of rows as users have it."""
        return pd.Timestamp(time, unit="ns").as_unit("ns") if self.of_time else time


def read_times(timestamps: Any, n: int) -> NDArray[np.int64]:
    """Nanoseconds since 1970 of n timestamps, or of one for all; without a zone they are UTC."""
    if timestamps is None:
        raise ValueError(
            "windows of time need timestamps=, one a row or one for the batch; window=1000 counts "
            "rows instead"
        )
    single = isinstance(timestamps, str) or not hasattr(timestamps, "__len__")
    column = pd.Series([timestamps] * n if single else to_array(timestamps))
    if column.dtype.kind in "biufc":
        raise ValueError(
            "timestamps are numbers: convert them by pandas.to_datetime(..., unit=...)"
        )
    times = _parse_times(column)
    if times.isna().any():
        raise ValueError(f"{int(times.isna().sum())} timestamps are missing")
    check_same_length(batch=range(n), timestamps=times)
    plain = times.dt.tz_localize(None)
    try:
        found: NDArray[np.int64] = plain.dt.as_unit("ns").to_numpy().astype(np.int64)
    except pd.errors.OutOfBoundsDatetime as error:
        far = plain[(plain.dt.year < 1678) | (plain.dt.year > 2261)].iloc[0]
        raise ValueError(
            f"timestamps hold {far}; times lie between 1678 and 2261, so what stands for 'no date' "
            "must be left out"
        ) from error
    return found


def _parse_times(column: pd.Series) -> pd.Series:
    """Read times in UTC of a column of times or of text as ISO 8601 has it."""
    try:
        if column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
            return pd.to_datetime(column, utc=True)
        return pd.to_datetime(column, utc=True, format="ISO8601")
    except pd.errors.OutOfBoundsDatetime as error:
        raise ValueError(f"timestamps lie outside of the years 1678 to 2261: {error}") from error
    except (TypeError, ValueError) as error:
        value = next((x for x in column if not _is_time(x)), column.iloc[0])
        raise ValueError(
            f"timestamps hold {value!r}, which is no time: give times, or text such as "
            "'2026-01-31' or '2026-01-31 12:00+01:00'"
        ) from error


def _is_time(value: Any) -> bool:
    try:
        pd.to_datetime(pd.Series([value]), utc=True, format="ISO8601")
    except (TypeError, ValueError):
        return False
    return True


def _duration(name: str, value: Any) -> int:
    wanted = f"{name} must be a time such as '1d' or '12h', got {value!r}"
    number = isinstance(value, float | int | np.number) and not isinstance(value, np.timedelta64)
    if number or (isinstance(value, str) and re.fullmatch(r"[\s\d.+-]*", value)):
        raise ValueError(f"{wanted}: a number has no unit")
    if isinstance(value, str):
        value = re.sub(r"(?<=\d)\s*d\b", "D", value)  # pandas is giving up the small letter
    try:
        size = pd.Timedelta(value)
    except (TypeError, ValueError) as error:
        raise ValueError(wanted) from error
    if pd.isna(size) or size.value < (name == "window"):
        raise ValueError(f"{name} must be a positive time, got {value!r}")
    return int(size.as_unit("ns").value)


@dataclass
class Store:
    """What adds up, by window, and what came too late for the look at its window.

    Such rows count in their own window's figures, and in the tests at the next look.

    Examples
    --------
    >>> store = Store()
    >>> store.add(0, 5), store.take(0), store.add(0, 1), store.add(1, 7)
    (None, 5, None, None)
    >>> store.windows, store.take(1)
    ({0: 6, 1: 7}, 8)
    """

    windows: dict[int, Any] = field(default_factory=dict)
    backlog: Any = None
    done: int | None = None

    def add(self, window: int, item: Any) -> None:
        """Add to a window."""
        known = self.windows.get(window)
        self.windows[window] = item if known is None else _plus(known, item)
        if self.done is not None and window <= self.done:
            self.backlog = item if self.backlog is None else _plus(self.backlog, item)

    def take(self, window: int) -> Any:
        """Take what is new at the look at a window; None if nothing is."""
        parts = [x for x in (self.backlog, self.windows.get(window)) if x is not None]
        self.backlog, self.done = None, window
        return reduce(_plus, parts) if parts else None


def _plus(one: Any, other: Any) -> Any:
    """Add up; one reader has counted all tallies, whose groups may be of any kind."""
    return one.add_part(other) if isinstance(one, Tally) else one + other


def due(stores: Iterable[Store], last: int | None) -> list[int]:
    """Windows up to the last that have not been looked at, in order.

    Examples
    --------
    >>> due([Store({3: 1, 5: 1}), Store({4: 1})], 4)
    [3, 4]
    """
    if last is None:
        return []
    stores = list(stores)
    done = max((s.done for s in stores if s.done is not None), default=None)
    known = {w for s in stores for w in s.windows if w <= last and (done is None or w > done)}
    return sorted(known)
