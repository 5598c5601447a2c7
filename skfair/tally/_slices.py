"""Tallies of windows of time, from one group-by."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd

from skfair.groups import ColumnSpec, Missing
from skfair.tally._frame import Key, aggregate
from skfair.tally._sources import Table, open_table
from skfair.tally._tally import Tally, named_labels, tally_of_cells


class _Unit(NamedTuple):
    """A unit of windows: what every engine can cut by, and what that is in numpy's units."""

    engine: str
    step: str
    steps: int
    origin: int  # steps from the start of the first window to 1970


_UNITS = {
    "s": _Unit("1s", "s", 1, 0),
    "m": _Unit("1m", "s", 60, 0),
    "h": _Unit("1h", "s", 3600, 0),
    "d": _Unit("1d", "D", 1, 0),
    "w": _Unit("1d", "D", 7, 3),
    "mo": _Unit("1d", "M", 1, 1970 * 12),
    "q": _Unit("1d", "M", 3, 1970 * 12),
    "y": _Unit("1d", "M", 12, 1970 * 12),
}


def tallies_over_time(
    source: Any,
    *,
    time: str,
    every: str = "1d",
    y_true: str | None,
    y_pred: str,
    sensitive_features: ColumnSpec,
    sample_weight: str | None = None,
    missing: Missing = "group",
) -> dict[pd.Timestamp, Tally]:
    """Count a frame, a relation or Parquet files by windows of time, with one group-by.

    Each tally is that of the rows of its window alone, with the groups and classes that are there;
    add tallies up for longer windows (``sum(tallies.values())``).

    Parameters
    ----------
    source : frame, relation, path or list of paths
        As in :meth:`Tally.from_frame`.
    time : str
        Name of the column of timestamps or dates. Timestamps with a time zone are cut by the clock
        of that zone (an hour that it shows twice is one window), which is the session's for
        engines that keep none (DuckDB, Spark), and UTC for Parquet files.
    every : str, default="1d"
        Length of the windows: a number and one of s, m, h, d, w, mo, q, y (second, minute, hour,
        day, week, month, quarter, year). Weeks start on Mondays; windows of several units are
        counted from 1970, months and years from year 0.
    y_true, y_pred, sensitive_features, sample_weight, missing
        As in :meth:`Tally.from_frame`.

    Returns
    -------
    tallies : dict of Timestamp to Tally
        Windows that have rows, by their start, in order of time. Rows without a time are counted
        under ``pandas.NaT``, which comes last.

    Raises
    ------
    ValueError
        If ``every`` is no length of time, or as :meth:`Tally.from_frame` does.
    TypeError
        If the time is text or a number.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "at": pd.to_datetime(["2024-01-30 09:00", "2024-01-31 23:59", "2024-02-01 00:00"]),
    ...         "y": [0, 1, 1],
    ...         "p": [0, 1, 0],
    ...         "sex": ["f", "m", "m"],
    ...     }
    ... )
    >>> months = tallies_over_time(
    ...     frame, time="at", every="1mo", y_true="y", y_pred="p", sensitive_features="sex"
    ... )
    >>> {str(start.date()): tally.n_samples for start, tally in months.items()}
    {'2024-01-01': 2, '2024-02-01': 1}
    """
    number, unit = _parse(every)
    table = open_table(source)
    named = named_labels(y_true, y_pred)
    table.check_columns(*named, time)
    table = _with_clocks(table, time)
    values = [Key(name, table.column(name)) for name in named]
    values.append(_window(table, time, unit))
    cells = aggregate(table, values, sensitive_features, sample_weight)
    cells.groups(sensitive_features, missing)  # few enough over all time
    starts = _starts(cells.values[-1], number, unit, getattr(table.dtypes[time], "time_zone", None))
    codes, windows = pd.factorize(starts, sort=True, use_na_sentinel=False)
    return {
        start: tally_of_cells(
            cells.take(np.flatnonzero(codes == k)), named, sensitive_features, missing
        )
        for k, start in enumerate(windows)
    }


def _parse(every: str) -> tuple[int, _Unit]:
    found = re.fullmatch(r"([1-9][0-9]*)(s|m|h|d|w|mo|q|y)", every)
    if found is None:
        raise ValueError(
            f"every must be a number and one of {', '.join(_UNITS)}, such as '1d', got {every!r}"
        )
    return int(found[1]), _UNITS[found[2]]


def _with_clocks(table: Table, time: str) -> Table:
    """Give Arrow's times pandas' own type: pandas before 2.3.2 takes their clocks for UTC's."""
    dtype, engine = table.dtypes[time], table.native.implementation
    is_pandas = engine.is_pandas_like() or engine.is_dask()
    if not is_pandas or dtype != nw.Datetime or not dtype.time_zone:
        return table
    given = table.native.to_native()
    if not isinstance(given.dtypes[time], pd.ArrowDtype):
        return table
    own = pd.DatetimeTZDtype(dtype.time_unit, dtype.time_zone)
    return replace(
        table, frame=nw.from_native(given.assign(**{time: given[time].astype(own)})).lazy()
    )


def _window(table: Table, time: str, unit: _Unit) -> Key:
    dtype = table.dtypes[time]
    if dtype == nw.String or table.is_number(time):
        raise TypeError(f"column {time!r} must hold timestamps or dates, got {dtype}")
    read = table.column(time)
    if dtype != nw.Datetime:
        read = read.cast(nw.Datetime("us"))
    elif dtype.time_zone:
        read = read.dt.replace_time_zone(None)  # a clock on the wall shows no hour that isn't there
    return Key(time, read, lambda at: at.dt.truncate(unit.engine))


def _starts(at: Any, number: int, unit: _Unit, zone: str | None) -> pd.DatetimeIndex:
    """Start of the window of each time on the wall, as a time in the zone."""
    wall = pd.DatetimeIndex(at).tz_localize(None)
    if number > 1 or unit.engine == "1d":
        length = number * unit.steps
        kind = f"datetime64[{unit.step}]"
        steps = wall.to_numpy().astype(kind).astype(np.int64) + unit.origin
        start = (steps // length * length - unit.origin).astype(kind).astype("datetime64[s]")
        wall = pd.DatetimeIndex(np.where(wall.isna(), np.datetime64("NaT"), start))
    if zone is None:
        return wall
    first = np.ones(len(wall), dtype=bool)
    return wall.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
