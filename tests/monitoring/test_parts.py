"""Windows, waiting predictions, watched columns and batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skfair.groups import Groups
from skfair.monitoring._batch import encode, find_classes, read_slices
from skfair.monitoring._columns import (
    WatchedColumn,
    chi_square,
    describe_drift,
    largest_distance,
    population_stability,
)
from skfair.monitoring._counting import tally_windows
from skfair.monitoring._waiting import Waiting
from skfair.monitoring._windows import Clock, Store, read_times
from skfair.tally import Tally

# windows


def test_days_begin_at_midnight_utc():
    clock = Clock.read("1d", None)
    times = ["2026-01-02 00:00", "2026-01-01 23:59:59", "2026-01-03 12:00"]
    windows, latest = clock.windows(3, times)
    assert (windows - windows[1]).tolist() == [1, 0, 2]
    clock.move(latest)
    assert clock.start(clock.closed) == pd.Timestamp("2026-01-02")


def test_time_zones_and_units_are_one_moment():
    moment = pd.Timestamp("2026-01-01 23:30", tz="America/New_York")
    forms = [moment, str(moment), np.datetime64("2026-01-02T04:30:00"), [moment.isoformat()]]
    assert len({int(read_times(form, 1)[0]) for form in forms}) == 1


def test_labels_are_due_after_their_time():
    clock = Clock.read("1d", "2d")
    clock.move(int(pd.Timestamp("2026-01-05 01:00").value))
    assert clock.start(clock.closed) == pd.Timestamp("2026-01-04")
    assert clock.start(clock.matured) == pd.Timestamp("2026-01-02")


def test_time_never_moves_back():
    clock = Clock.read(10, 5)
    clock.move(30)
    clock.move(20)
    assert (clock.now, clock.closed, clock.matured) == (30, 2, 1)


@pytest.mark.parametrize("window", ["x", "-1d", 0, -5, None, pd.NaT, True])
def test_windows_that_are_none(window):
    with pytest.raises(ValueError, match="window must be"):
        Clock.read(window, None)


@pytest.mark.parametrize(
    ("times", "said"),
    [(None, "need timestamps"), ([1, 2], "numbers"), (["2026-01-01", None], "1 timestamps are")],
)
def test_timestamps_that_are_none(times, said):
    with pytest.raises(ValueError, match=said):
        Clock.read("1d", None).windows(2, times)


def test_numbers_of_timestamps_must_fit():
    with pytest.raises(ValueError, match="inconsistent"):
        Clock.read("1d", None).windows(3, ["2026-01-01", "2026-01-02"])


def test_what_comes_late_counts_at_the_next_look():
    store = Store()
    store.add(1, 10)
    assert store.take(1) == 10
    store.add(0, 1)
    store.add(1, 2)
    store.add(2, 5)
    assert store.windows == {1: 12, 0: 1, 2: 5}
    assert store.take(2) == 8
    assert store.take(3) is None


# waiting


def _add(waiting, keys, windows):
    keys = np.array(keys, dtype=object)
    zeros = np.zeros(len(keys), dtype=np.int64)
    return waiting.add(keys, np.array(windows), zeros, zeros, np.zeros((len(keys), 1), dtype=bool))


def test_the_oldest_are_given_up_first():
    waiting = Waiting(3)
    _add(waiting, ["a", "b"], [5, 1])
    assert _add(waiting, ["c", "d"], [1, 2]) == 1
    assert waiting.keys.tolist() == ["a", "c", "d"]


def test_predictions_expire_with_their_window():
    waiting = Waiting(10)
    _add(waiting, ["a", "b", "c"], [0, 2, 1])
    waiting.expire(1)
    assert waiting.keys.tolist() == ["b"]
    assert waiting.knows(np.array(["a", "b"], dtype=object)).tolist() == [False, True]


# watched columns


def test_cells_of_numbers_are_cuts():
    column = WatchedColumn("age", (10.0, 20.0))
    codes = column.codes(np.array([5, 10, 15, 25, np.nan, 1e9]))
    assert codes.tolist() == [0, 0, 1, 2, 3, 2]
    hits, rows = column.read(np.array([2, 1, 2, 1]))
    assert hits.tolist() == [2, 3, 1]
    assert rows.tolist() == [5, 5, 6]
    assert column.cells == ("age <= 10", "age <= 20", "age is missing")


def test_cells_of_values_are_one_a_value():
    column = WatchedColumn.learn("job", np.array(["b", "a", "b", None], dtype=object))
    assert column.cells == ("job = a", "job = b", "another job", "job is missing")
    hits, rows = column.read(np.array([1, 2, 4, 3]))
    assert hits.tolist() == [1, 2, 4, 3]
    assert rows.tolist() == [7, 7, 7, 10]


def test_only_the_most_frequent_values_have_bins():
    values = np.repeat([f"v{i:02}" for i in range(30)], np.arange(1, 31))
    column = WatchedColumn.learn("x", values)
    assert len(column.values) == 20
    assert column.values[0] == "v10"
    assert column.codes(np.array(["v00"])).tolist() == [20]


def test_a_column_that_was_numeric_must_stay_so():
    column = WatchedColumn.learn("age", np.arange(50.0))
    with pytest.raises(ValueError, match="'age' was numeric"):
        column.codes(np.array(["a"], dtype=object))


def test_columns_without_a_value_or_with_one():
    for values in (np.full(5, np.nan), np.full(5, 3.0)):
        column = WatchedColumn.learn("x", values)
        assert column.cells == ("x is known", "x is missing")
        counts = np.bincount(column.codes(values), minlength=column.n_bins)
        hits, rows = column.read(counts)
        assert (hits[0], rows[0]) == (counts[:-1].sum(),) * 2
        assert rows[1] == 5


def test_distances_by_hand():
    now, before = np.array([30.0, 70.0]), np.array([50.0, 50.0])
    p, q = np.array([30.5, 70.5]) / 101, np.array([0.5, 0.5])
    np.testing.assert_allclose(population_stability(now, before), ((p - q) * np.log(p / q)).sum())
    np.testing.assert_allclose(largest_distance(now, before), 0.2)
    np.testing.assert_allclose(chi_square(now, before), 4 * 10**2 / 40 * 0.5 + 2 * 10**2 / 60)
    found = describe_drift(np.array([30.0, 70, 25]), np.array([50.0, 50, 0]), numeric=True)
    assert found["missing"] == 0.2
    assert found["n"] == 125
    empty = describe_drift(np.zeros(3), np.array([50.0, 50, 0]), numeric=True)
    assert np.isnan([empty["psi"], empty["ks"], empty["missing"]]).all()


# batches


def test_classes_are_those_of_labels_predictions_and_the_positive_one():
    assert find_classes([0, 0], [0, 0], None) == (0, 1)
    assert find_classes(None, ["no"], "yes") == ("no", "yes")
    assert find_classes([1, None], [2, 3], None) == (1, 2, 3)
    with pytest.raises(ValueError, match="mix strings and numbers"):
        find_classes(["a"], [1], None)
    with pytest.raises(ValueError, match="pos_label='Hire' is not a valid label"):
        find_classes(["hire"], ["reject"], "Hire")


def test_labels_unseen_at_fit_are_refused():
    with pytest.raises(ValueError, match=r"y_pred has labels unseen at fit: \[2\]"):
        encode([0, 2], (0, 1), "y_pred")
    with pytest.raises(ValueError, match="y_pred contains NaN"):
        encode([0, None], (0, 1), "y_pred")
    assert encode(np.array([1.0, np.nan]), (0, 1), "y_true", missing=True).tolist() == [1, -1]


def test_slices_by_values_and_by_callables():
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "y"]}, index=[9, 9, 7])
    rules = {"two": {"a": [2, 3], "b": "y"}, "small": lambda X: X["a"] < 2}
    assert read_slices(rules, frame, None, 3).tolist() == [[0, 1], [1, 0], [1, 0]]
    by_groups = read_slices({"x": {"b": "x"}}, None, {"b": ["x", "y", "y"]}, 3)
    assert by_groups.ravel().tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"must give a Series or array .* got Series of int64"):
        read_slices({"bad": lambda X: X["a"]}, frame, None, 3)
    with pytest.raises(ValueError, match="needs columns"):
        read_slices({"bad": {"a": 1}}, None, None, 3)


def test_tallies_of_windows_add_up_to_that_of_all_rows():
    rng = np.random.default_rng(0)
    y, pred = rng.integers(0, 2, (2, 500))
    groups = Groups.read({"sex": rng.integers(0, 2, 500), "race": rng.integers(0, 3, 500)})
    windows = rng.integers(-3, 5, 500) * 10_000_000  # far apart, and before 1970
    found = tally_windows(windows, groups, y, pred, (0, 1))
    whole = Tally.from_arrays(y, pred, groups)
    assert (sum(found.values()).count == whole.count).all()
    alone = whole.by(1)
    assert alone.names == ("race",)
    assert (alone.count == Tally.from_arrays(y, pred, groups.split()[1]).count).all()
    weight = rng.random(500)
    alone = Tally.from_arrays(y, pred, groups, sample_weight=weight).by(0)
    own = Tally.from_arrays(y, pred, groups.split()[0], sample_weight=weight)
    for name in ("weight", "weight2", "count"):
        np.testing.assert_allclose(getattr(alone, name), getattr(own, name))
