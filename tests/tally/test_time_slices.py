from __future__ import annotations

import datetime
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from engines import ENGINES, MARKED, QUIET
from numpy.testing import assert_allclose, assert_array_equal

from skfair.groups import MISSING, Bins, Groups
from skfair.tally import Tally, tallies_over_time

pytestmark = QUIET

N = 25
RNG = np.random.default_rng(3)
START = datetime.datetime(2023, 12, 28, 22, 30)
TIMES = [
    None if k % 15 == 7 else START + datetime.timedelta(seconds=int(s))
    for k, s in enumerate(RNG.integers(0, 100 * 24 * 3600, N))
]
TIMES[:4] = [
    datetime.datetime(2024, 2, 29, 23, 59, 59, 999999),
    datetime.datetime(2024, 3, 1),
    datetime.datetime(1969, 12, 31, 23, 59, 59),
    datetime.datetime(2024, 1, 1),
]
DATA = pa.table(
    {
        "at": pa.array(TIMES, pa.timestamp("us")),
        "aware": pa.array(TIMES, pa.timestamp("us", tz="UTC")),
        "day": pa.array([at and at.date() for at in TIMES], pa.date32()),
        "y": RNG.integers(0, 2, N),
        "p": RNG.integers(0, 2, N),
        "sex": RNG.choice(["f", "m"], N).tolist(),
        "age": [None if k % 9 == 0 else int(k) for k in RNG.integers(18, 90, N)],
        "w": RNG.integers(0, 4, N) / 4,
    }
)
NAMES = {
    "y_true": "y",
    "y_pred": "p",
    "sensitive_features": ["sex", Bins("age", [40])],
    "sample_weight": "w",
}
WINDOWS = {
    "1h": "h", "1d": "D", "1m": "min", "1s": "s", "6h": "6h", "15m": "15min", "30s": "30s",
    "1mo": "MS", "1q": "QS", "1y": "YS",
}  # fmt: skip


def start_by_hand(at, every):
    """Start of a time's window, worked out by pandas alone."""
    if at is None or at is pd.NaT:
        return pd.NaT
    at = pd.Timestamp(at)
    if every == "1w":
        return at.normalize() - pd.Timedelta(days=at.weekday())
    if every in ("1mo", "1q", "1y"):
        return at.tz_localize(None).to_period(every[-1].upper().replace("O", "M")).start_time
    return at.floor(WINDOWS[every])


@pytest.fixture(scope="module", params=MARKED)
def frame(request):
    return ENGINES[request.param]()(DATA)


def assert_same(tally, expected):
    assert (tally.labels, tally.names, tally.classes) == (
        expected.labels,
        expected.names,
        expected.classes,
    )
    assert_array_equal(tally.count, expected.count)
    assert_allclose(tally.weight, expected.weight, rtol=1e-12)
    assert_allclose(tally.weight2, expected.weight2, rtol=1e-12)


@pytest.mark.parametrize(
    ("time", "every"),
    [("at", every) for every in ("1h", "1d", "1s", "6h", "1w", "1mo", "1q")]
    + [("aware", every) for every in ("1d", "6h", "1mo")]
    + [("day", every) for every in ("1d", "1w")],
)
def test_windows_are_what_filtering_gives(frame, time, every):
    check_windows(frame, time, every)


@pytest.mark.parametrize("every", [*WINDOWS, "1w"])
def test_every_unit(every):
    check_windows(DATA, "at", every)


def check_windows(frame, time, every):
    found = tallies_over_time(frame, time=time, every=every, **NAMES)
    windows, tallies, n_samples = windows_by_hand(time == "day", every)
    assert list(found)[-1] is pd.NaT
    assert_array_equal(pd.DatetimeIndex(list(found)).tz_localize(None), pd.DatetimeIndex(windows))
    for tally, expected in zip(found.values(), tallies, strict=True):
        assert_same(tally, expected)
    assert sum(tally.n_samples for tally in found.values()) == n_samples


@cache
def windows_by_hand(by_day, every):
    """Starts of the windows, the tally of the rows of each, and how many rows have a weight."""
    memory = DATA.select(["y", "p", "sex", "age", "w"]).to_pandas()
    groups = Groups.from_columns(memory, NAMES["sensitive_features"])
    true, pred, weight = (memory[name].to_numpy() for name in ("y", "p", "w"))
    times = [at and datetime.datetime(*at.timetuple()[:3]) for at in TIMES]
    times = times if by_day else TIMES
    starts = pd.Series([start_by_hand(at, every) for at in times], dtype="datetime64[us]")
    windows = [*np.sort(starts.dropna().unique()), np.datetime64("NaT")]
    tallies = []
    for start in windows:
        rows = (starts.isna() if np.isnat(start) else starts == start).to_numpy()
        group = groups.take(np.flatnonzero(rows))
        tallies.append(Tally.from_arrays(true[rows], pred[rows], group, sample_weight=weight[rows]))
    return windows, tallies, (weight > 0).sum()


def test_the_sum_is_the_tally_of_all(frame):
    found = tallies_over_time(frame, time="at", every="1w", **NAMES)
    assert_same(sum(found.values()), Tally.from_frame(frame, **NAMES))


def by_hand(times, every, **more):
    data = pd.DataFrame({"t": times, "y": range(len(times)), "g": "a"})
    found = tallies_over_time(
        data, time="t", every=every, y_true="y", y_pred="y", sensitive_features="g", **more
    )
    return {str(start): list(tally.classes) for start, tally in found.items()}


def test_windows_of_several_units():
    times = pd.to_datetime(
        ["1969-12-28", "1969-12-29", "1970-01-11", "1970-01-12", "1970-01-04", None]
    )
    assert by_hand(times, "2w") == {
        "1969-12-15 00:00:00": [0],
        "1969-12-29 00:00:00": [1, 2, 4],
        "1970-01-12 00:00:00": [3],
        "NaT": [5],
    }
    assert by_hand(times, "3d") == {
        "1969-12-26 00:00:00": [0],
        "1969-12-29 00:00:00": [1],
        "1970-01-04 00:00:00": [4],
        "1970-01-10 00:00:00": [2, 3],
        "NaT": [5],
    }
    assert by_hand(times, "6mo") == {
        "1969-07-01 00:00:00": [0, 1],
        "1970-01-01 00:00:00": [2, 3, 4],
        "NaT": [5],
    }
    assert by_hand(times, "10y") == {
        "1960-01-01 00:00:00": [0, 1],
        "1970-01-01 00:00:00": [2, 3, 4],
        "NaT": [5],
    }


def test_zones_cut_days_by_their_own_clock():
    utc = pd.to_datetime(["2024-03-30 22:30", "2024-03-30 23:30", "2024-03-31 21:59"], utc=True)
    assert by_hand(utc, "1d") == {
        "2024-03-30 00:00:00+00:00": [0, 1],
        "2024-03-31 00:00:00+00:00": [2],
    }
    assert by_hand(utc.tz_convert("Europe/Berlin"), "1d") == {
        "2024-03-30 00:00:00+01:00": [0],
        "2024-03-31 00:00:00+01:00": [1, 2],
    }
    assert by_hand(utc.tz_convert("Europe/Berlin"), "1mo") == {
        "2024-03-01 00:00:00+01:00": [0, 1, 2]
    }
    india = utc.tz_convert("Asia/Kolkata")
    assert by_hand(india, "1h") == {
        "2024-03-31 04:00:00+05:30": [0],
        "2024-03-31 05:00:00+05:30": [1],
        "2024-04-01 03:00:00+05:30": [2],
    }


ZONES = {
    "America/New_York": "-04:00",
    "America/Sao_Paulo": "-03:00",
    "America/Port-au-Prince": "-04:00",
    "Asia/Ho_Chi_Minh": "+07:00",
    "Asia/Kolkata": "+05:30",
    "Etc/GMT+5": "-05:00",
    "Etc/GMT-14": "+14:00",
    "EST5EDT": "-04:00",
    "UTC": "+00:00",
}
"""Zones, names of all kinds, and what their clocks showed on 1 and 2 July 2024."""


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("zone", ZONES)
def test_zones_of_any_name(name, zone):
    if name in ("DuckDB", "Spark"):
        pytest.skip("it keeps no zones")
    walls = ["2024-07-01 00:00", "2024-07-01 23:59", "2024-07-02 00:00"]
    at = [datetime.datetime.fromisoformat(wall + ZONES[zone]) for wall in walls]
    times = pa.array([*at, None], pa.timestamp("us", zone))
    data = pa.table({"t": times, "y": range(4), "g": ["a"] * 4})
    found = tallies_over_time(
        ENGINES[name]()(data), time="t", y_true="y", y_pred="y", sensitive_features="g"
    )
    assert {str(start): list(tally.classes) for start, tally in found.items()} == {
        f"2024-07-01 00:00:00{ZONES[zone]}": [0, 1],
        f"2024-07-02 00:00:00{ZONES[zone]}": [2],
        "NaT": [3],
    }


UTC = pd.to_datetime(["2024-03-30 22:30", "2024-03-30 23:30"], utc=True)


@pytest.mark.skipif(pd.__version__ < "3", reason="pandas itself can't read such zones")
def test_zones_that_are_files():
    assert by_hand(UTC.tz_convert("dateutil/Europe/Berlin"), "1d") == {
        "2024-03-30 00:00:00+01:00": [0],
        "2024-03-31 00:00:00+01:00": [1],
    }


def test_zones_that_are_fixed():
    fixed = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
    assert by_hand(UTC.tz_convert(fixed), "1h") == {
        "2024-03-30 19:00:00-03:30": [0],
        "2024-03-30 20:00:00-03:30": [1],
    }


def test_hours_that_the_clock_shows_twice_in_a_zone_of_unusual_name():
    times = pd.to_datetime(["2024-11-03 05:10", "2024-11-03 06:10", "2024-11-03 07:10"], utc=True)
    assert by_hand(times.tz_convert("America/New_York"), "1h") == {
        "2024-11-03 01:00:00-04:00": [0, 1],
        "2024-11-03 02:00:00-05:00": [2],
    }


def test_groups_may_be_few_in_each_window_and_too_many_in_all():
    data = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=31), "y": 0})
    numbered = data.assign(g=range(31), d=data["t"].dt.date)
    for groups in ("t", "d", "g"):
        names = {"y_true": "y", "y_pred": "y", "sensitive_features": groups}
        assert len(tallies_over_time(numbered[:30], time="t", **names)) == 30
        with pytest.raises(ValueError, match="31 distinct"):
            tallies_over_time(numbered, time="t", **names)


def test_hours_that_the_clock_shows_twice_are_one_window():
    times = pd.to_datetime(["2024-10-27 00:10", "2024-10-27 01:10", "2024-10-27 02:10"], utc=True)
    assert by_hand(times.tz_convert("Europe/Berlin"), "1h") == {
        "2024-10-27 02:00:00+02:00": [0, 1],
        "2024-10-27 03:00:00+01:00": [2],
    }


def test_days_that_start_at_an_hour_that_is_not_there():
    times = pd.to_datetime(["2024-03-10 04:30", "2024-03-10 05:30"], utc=True)
    assert by_hand(times.tz_convert("America/Havana"), "1d") == {
        "2024-03-09 00:00:00-05:00": [0],
        "2024-03-10 01:00:00-04:00": [1],
    }


def test_times_that_are_all_missing():
    assert by_hand(pd.to_datetime([None, None]), "1mo") == {"NaT": [0, 1]}


def test_groups_and_classes_are_those_of_the_window():
    data = pl.DataFrame(
        {"t": [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)], "y": [0, 1], "g": ["a", None]}
    )
    found = tallies_over_time(data.lazy(), time="t", y_true="y", y_pred="y", sensitive_features="g")
    first, second = found.values()
    assert (first.labels, first.classes) == (("a",), (0,))
    assert (second.labels, second.classes) == ((MISSING,), (1,))
    with pytest.raises(ValueError, match="missing values"):
        tallies_over_time(
            data, time="t", y_true="y", y_pred="y", sensitive_features="g", missing="raise"
        )


@pytest.mark.parametrize("every", ["", "d", "0d", "-1d", "1", "1 d", "1.5h", "1ms", "1M", "day"])
def test_lengths_of_time_that_are_none(every):
    with pytest.raises(ValueError, match="every must be a number and one of s, m, h, d, w"):
        by_hand(pd.to_datetime(["2024-01-01"]), every)


@pytest.mark.parametrize("times", [["2024-01-01"], [3], [2.5], [True]])
def test_times_that_are_none(times):
    with pytest.raises(TypeError, match="column 't' must hold timestamps or dates"):
        by_hand(times, "1d")


def test_unknown_columns():
    with pytest.raises(ValueError, match=r"no column \['z'\]"):
        tallies_over_time(DATA, time="z", **NAMES)
