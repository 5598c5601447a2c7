"""Monitors in files, and monitors that are merged."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from skfair.monitoring import FairnessMonitor

DAY = pd.Timestamp("2026-03-01")


def rows(n, seed, *, tpr=0.8, day=0):
    rng = np.random.default_rng(seed)
    sex, y = rng.choice(["f", "m"], n), rng.binomial(1, 0.5, n)
    found = rng.binomial(1, np.where(y == 1, np.where(sex == "f", tpr, 0.8), 0.2))
    frame = pd.DataFrame({"sex": sex, "race": rng.choice(["a", None], n), "y": y, "pred": found})
    ids = [f"{seed}-{i}" for i in range(n)]
    return frame.assign(age=rng.normal(40, 9, n), id=ids, at=DAY + pd.Timedelta(hours=24 * day + 1))


def fitted(**params):
    options = {
        "sensitive_features": ["sex", "race"],
        "criteria": ["equalized_odds", "demographic_parity"],
        "bounds": {"equalized_odds": 0.2},
        "slices": {"men": {"sex": "m"}},
        "watch": ["age"],
        "mature_after": "1d",
    }
    return FairnessMonitor(**{**options, **params}).fit(rows(3000, 0), y_true="y", y_pred="pred")


def fed(monitor, days, *, start=0, tpr=0.4):
    for day in range(start, start + days):
        batch = rows(300, day + 1, day=day, tpr=tpr)
        later = batch["y"].where(batch.index % 3 > 0, np.nan)
        monitor.update(batch.assign(y=later), timestamps="at", keys="id")
    return monitor


def same(a, b):
    pd.testing.assert_frame_equal(a.alerts_, b.alerts_)
    pd.testing.assert_frame_equal(a.tests_, b.tests_)
    pd.testing.assert_frame_equal(a.to_frame(), b.to_frame())
    pd.testing.assert_frame_equal(a.drift(), b.drift())
    assert a.n_labels_ == b.n_labels_


def test_a_monitor_goes_on_after_a_file_as_if_nothing_had_been(tmp_path):
    monitor = fed(fitted(), 6)
    batch = rows(40, 99, day=2).replace({"sex": {"m": "x"}})
    monitor.update(batch, timestamps="at").add_feedback(rows(5, 98), timestamps="at")
    monitor.save(tmp_path / "monitor.json")
    again = FairnessMonitor.load(tmp_path / "monitor.json")
    same(again, monitor)
    assert again.get_params() == monitor.get_params()
    known = rows(300, 6, day=5)
    for each in (monitor, again):
        each.update_labels(known["id"], known["y"])
        fed(each, 4, start=6)
    same(again, monitor)
    assert len(monitor.alerts_) > 2
    assert [path.name for path in tmp_path.iterdir()] == ["monitor.json"]


def test_a_loaded_monitor_doesn_t_repeat_its_alerts(tmp_path):
    monitor = fed(fitted(), 8)
    assert len(monitor.alerts_) > 0
    monitor.save(tmp_path / "m.json")
    heard = []
    again = FairnessMonitor.load(tmp_path / "m.json", callbacks=[heard.append])
    n_before = len(again.alerts_)
    again.advance()
    assert len(heard) == len(again.alerts_) - n_before


def test_monitors_of_rows_and_of_time_spans_are_saved(tmp_path):
    for window in (50, pd.Timedelta("12h")):
        monitor = FairnessMonitor(window=window, criteria="selection_rate")
        monitor.fit(y_pred=[0, 1] * 100, sensitive_features=[1, 2] * 100)
        times = None if window == 50 else DAY
        monitor.update(y_pred=[0, 1] * 40, sensitive_features=[1, 2] * 40, timestamps=times)
        monitor.save(tmp_path / "m.json")
        again = FairnessMonitor.load(tmp_path / "m.json")
        pd.testing.assert_frame_equal(again.to_frame(), monitor.to_frame())
        pd.testing.assert_frame_equal(again.tests_, monitor.tests_)


def test_what_a_file_can_t_hold_is_asked_for(tmp_path):
    monitor = fitted(slices={"men": lambda X: X["sex"] == "m"}, callbacks=[print])
    fed(monitor, 2).save(tmp_path / "m.json")
    with pytest.raises(ValueError, match=r"the file can't hold \['slices'\]: give them to load"):
        FairnessMonitor.load(tmp_path / "m.json")
    again = FairnessMonitor.load(tmp_path / "m.json", slices=monitor.slices)
    same(again, monitor)


def test_files_hold_no_rows_and_no_code(tmp_path):
    monitor = fed(fitted(), 1)
    monitor.save(tmp_path / "m.json")
    about = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert set(about) == {
        *("format", "class", "params", "left_out", "reader", "reference", "books", "tests"),
        *("alerts", "alerted"),
    }


def _walk(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from _walk(value[key], (*path, key))
    elif isinstance(value, list):
        for i in range(min(len(value), 3)):
            yield from _walk(value[i], (*path, i))


def _put(about, path, new):
    for step in path[:-1]:
        about = about[step]
    about[path[-1]] = new


@pytest.mark.parametrize("new", [None, "x", -7, [], {}, [[1]]])
def test_damaged_files_are_refused_or_do_no_harm(tmp_path, new):
    fed(fitted(slices=None), 2).save(tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text(encoding="utf-8")
    paths = [path for path in _walk(json.loads(text)) if 0 < len(path) <= 5]
    rng, refused = np.random.default_rng(0), 0
    for i in rng.choice(len(paths), 15, replace=False):
        about = json.loads(text)
        _put(about, paths[i], new)
        (tmp_path / "n.json").write_text(json.dumps(about), encoding="utf-8")
        try:
            FairnessMonitor.load(tmp_path / "n.json")
        except ValueError:
            refused += 1
    assert refused > 4


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', '{"format": 2}', "\xff"])
def test_files_of_something_else_are_refused(tmp_path, text):
    (tmp_path / "m.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"file|format"):
        FairnessMonitor.load(tmp_path / "m.json")


def test_a_file_of_another_class_names_it(tmp_path):
    (tmp_path / "m.json").write_text('{"format": 2, "class": "Tally"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"the file holds Tally: load it by Tally\.load"):
        FairnessMonitor.load(tmp_path / "m.json")


# merging


def test_two_halves_merge_to_the_whole():
    whole, one, two = fitted(), fitted(), fitted()
    for day in range(8):
        batch = rows(300, day + 1, day=day, tpr=0.4)
        whole.update(batch, timestamps="at")
        one.update(batch[::2], timestamps="at")
        two.update(batch[1::2], timestamps="at")
    same(one.merge(two), whole)
    assert len(whole.alerts_) > 0
    assert one.merge(two).get_params() == one.get_params()


def test_waiting_predictions_are_merged():
    one, two = fitted(), fitted()
    batch = rows(100, 1)
    batch.loc[:9, "sex"], batch.loc[90:, "sex"] = "z", "x"  # groups that only one of them knows
    for monitor, part in ((one, batch[:50]), (two, batch[50:])):
        monitor.update(part.drop(columns="y"), timestamps="at", keys="id")
    merged = one.merge(two)
    merged.update_labels(batch["id"], batch["y"])
    assert merged.n_labels_["matched"] == sum(merged.n_labels_.values()) == 100
    table = merged.advance("2026-03-05").to_frame(figure="true_positive_rate", slice="all")
    expected = batch.query("y == 1").groupby("sex").size()
    found = table.query("feature == 'sex'").set_index("group")["n"]
    assert found.to_dict() == expected.to_dict()
    assert {"x", "z"} <= {label[0] for label in merged.alerts_["group"]}


def test_monitors_that_can_t_be_merged():
    monitor = fed(fitted(), 1)
    with pytest.raises(ValueError, match=r"differ in.*alpha"):
        monitor.merge(fitted(alpha=0.01))
    with pytest.raises(ValueError, match=r"differ in.*slices"):
        monitor.merge(fitted(slices=None))
    with pytest.raises(ValueError, match=r"differ in.*bounds"):
        monitor.merge(fitted(bounds=None))
    other = FairnessMonitor(**monitor.get_params())
    other.fit(rows(3000, 5), y_true="y", y_pred="pred")
    with pytest.raises(ValueError, match=r"differ in.*the reference"):
        monitor.merge(other)
    with pytest.raises(ValueError, match="keys are known to both"):
        monitor.merge(monitor)
    by_rows = FairnessMonitor(window=50).fit(y_pred=[0, 1] * 50, sensitive_features=["a", "b"] * 50)
    with pytest.raises(ValueError, match="windows of rows can't be merged"):
        by_rows.merge(by_rows)
