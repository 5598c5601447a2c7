"""What people do wrong with a monitor, and what reaches it late, twice or by mistake."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skfair.criteria import get_rate
from skfair.monitoring import FairnessMonitor
from skfair.monitoring._processes import ChangeTests
from skfair.tally import Tally

PRED = [0, 1] * 500
TRUE = [1, 1, 0, 0] * 250
SEX = ["f", "f", "f", "f", "m", "m", "m", "m"] * 125


def fitted(**params):
    options = {"criteria": "true_positive_rate", **params}
    return FairnessMonitor(**options).fit(y_true=TRUE, y_pred=PRED, sensitive_features=SEX)


def batch(n=80, *, labels=True):
    given = {"y_pred": PRED[:n], "sensitive_features": SEX[:n], "keys": np.arange(n)}
    return {**given, "y_true": TRUE[:n]} if labels else given


def counted(monitor, figure="true_positive_rate"):
    return int(monitor.to_frame(figure=figure)["n"].sum())


def times(monitor, name):
    return monitor.alerts_[name].astype(str).str[:10].tolist()


# batches that are sent again


@pytest.mark.parametrize("later", [None, "2026-01-04"])
def test_a_batch_that_is_sent_again_is_left_out(later):
    monitor = fitted().update(**batch(), timestamps="2026-01-01")
    if later:
        monitor.advance(later)  # its window is over
    with pytest.warns(UserWarning, match="80 rows have keys that are known already"):
        monitor.update(**batch(), timestamps="2026-01-01")
    assert counted(monitor) == 40


def test_a_batch_of_many_windows_is_known_when_it_is_sent_again():
    monitor = fitted(window=20).update(**batch())
    with pytest.warns(UserWarning, match="80 rows have keys"):
        monitor.update(**batch())
    assert monitor.to_frame()["window"].max() == 60
    monitor.update(**{**batch(20), "keys": np.arange(100, 120)})
    assert monitor.to_frame()["window"].max() == 80  # rows that are left out take no place


def test_labels_that_came_are_remembered_until_their_window_has_matured(tmp_path):
    monitor = fitted(mature_after="5d").update(**batch(labels=False), timestamps="2026-01-01")
    monitor.update_labels(np.arange(60), TRUE[:60])
    others = {**batch(8, labels=False), "keys": list("abcdefgh")}
    monitor.update(**others, timestamps="2026-01-02")
    monitor.save(tmp_path / "m.json")
    for each in (monitor, FairnessMonitor.load(tmp_path / "m.json")):
        with pytest.warns(UserWarning, match="80 rows have keys that are known already"):
            each.update(**batch(labels=False), timestamps="2026-01-01")
        each.update_labels(np.arange(80), TRUE[:80])
        assert each.n_labels_["matched"] == 80
        assert each.n_labels_["repeated"] == 60
        each.update(**others | {"keys": list("ijklmnop")}, timestamps="2026-01-10")
        each.update_labels([3, 4], [1, 0])
        assert each.n_labels_["unmatched"] == 2  # and then forgotten
        assert counted(each) == 40


def test_a_batch_of_which_parts_are_known_counts_the_rest():
    monitor = fitted().update(**batch(), timestamps="2026-01-01")
    more = {**batch(), "keys": np.arange(40, 120)}
    with pytest.warns(UserWarning, match="40 rows have keys"):
        monitor.update(**more, timestamps="2026-01-01")
    assert counted(monitor) == 60


def test_so_many_labelled_keys_are_remembered():
    monitor = fitted(max_waiting=50).update(**batch(), timestamps="2026-01-01")
    assert len(monitor._watch.books.known.windows) == 50


# labels


def test_labels_are_waited_for_until_their_window_has_matured():
    monitor = fitted(mature_after="5d")
    rows = {"y_pred": [1, 0, 1], "sensitive_features": ["f", "m", "m"], "keys": ["k", "l", "o"]}
    monitor.update(**rows, timestamps="2026-01-01")
    monitor.advance("2026-01-04").update_labels(["k"], [1])
    monitor.advance("2026-01-06 23:59").update_labels(["l"], [1])
    assert monitor.n_labels_["matched"] == 2
    monitor.advance("2026-01-07").update_labels(["o"], [1])
    assert monitor.n_labels_["unmatched"] == 1
    assert counted(monitor) == 2


def test_labels_of_matured_windows_that_come_with_late_rows_are_left_out():
    monitor = fitted(mature_after="1d", criteria=["true_positive_rate", "selection_rate"])
    monitor.update(**batch(), timestamps="2026-01-01").advance("2026-02-01")
    before = monitor.to_frame(figure="true_positive_rate")
    late = {"y_true": [1] * 900, "y_pred": [0] * 900, "sensitive_features": ["f"] * 900}
    monitor.update(**late, timestamps="2026-01-01")
    after = monitor.to_frame(figure="true_positive_rate")
    same = ["group", "value", "low", "high", "n"]
    pd.testing.assert_frame_equal(after[same], before[same])
    assert monitor.n_labels_["late"] == 900
    assert counted(monitor, "selection_rate") == 980  # the predictions count
    more = {key: x for key, x in batch().items() if key != "keys"}
    monitor.update(**more, timestamps="2026-03-01").advance("2026-03-10")
    assert "true_positive_rate" not in set(monitor.alerts_["figure"])
    tally = Tally.from_arrays([1] * 9, [0] * 9, ["f"] * 9)
    tallies = FairnessMonitor(mature_after="1d", criteria="true_positive_rate")
    tallies.fit(Tally.from_arrays(TRUE, PRED, SEX)).advance("2026-02-01")
    assert tallies.update(tally, timestamps="2026-01-01").n_labels_["late"] == 9


def test_labels_that_never_can_come_are_told_once():
    frame = pd.DataFrame({"y": TRUE, "pred": PRED, "sex": SEX})
    monitor = FairnessMonitor(sensitive_features="sex", criteria="equal_opportunity")
    monitor.fit(frame, y_true="y", y_pred="pred")
    with pytest.warns(UserWarning, match=r"no labels \(at fit they were in column 'y'\) and no k"):
        monitor.update(frame[["pred", "sex"]], timestamps="2026-01-01")
    monitor.update(frame[["pred", "sex"]], timestamps="2026-01-02")
    free = FairnessMonitor(sensitive_features="sex").fit(frame, y_pred="pred")
    free.update(frame[["pred", "sex"]], timestamps="2026-01-01")  # no labels are needed


def test_bounds_are_of_what_happened_in_a_window_and_not_of_what_came_late():
    options = {"criteria": "selection_rate", "bounds": {"demographic_parity": 0.1}}
    one, two = (fitted(**options) for _ in range(2))
    for monitor in (one, two):
        monitor.update(**batch(), timestamps="2026-01-01").advance()
    late = {"y_pred": [1] * 200 + [0] * 200, "sensitive_features": ["f"] * 200 + ["m"] * 200}
    one.update(**late, timestamps="2026-01-01")
    for monitor in (one, two):
        monitor.update(**{**batch(), "keys": None}, timestamps="2026-01-02").advance()
    tests = [monitor.tests_.set_index("kind")["log_e_value"] for monitor in (one, two)]
    assert tests[0]["bound"] == tests[1]["bound"]
    assert tests[0]["change"].iloc[0] != tests[1]["change"].iloc[0]
    assert counted(one, "selection_rate") == counted(two, "selection_rate") + 400


# clocks


@pytest.mark.parametrize("time", ["9999-12-31", "1600-01-01", "2500-01-01"])
@pytest.mark.parametrize("form", [list, np.array, lambda x: pl.Series(x).str.to_datetime()])
def test_times_that_nanoseconds_can_t_hold_are_refused(time, form):
    monitor = fitted()
    with pytest.raises(ValueError, match="timestamps"):
        monitor.update(**batch(2), timestamps=form([time, "2026-01-01"]))
    assert monitor.to_frame().empty


@pytest.mark.parametrize("times", [["01/02/2026"] * 2, pd.period_range("2026-01-01", periods=2)])
def test_what_is_no_time_is_named(times):
    with pytest.raises(ValueError, match="which is no time: give times, or text such as"):
        fitted().update(**batch(2), timestamps=times)


def test_a_leap_of_the_clock_is_told():
    monitor = fitted().update(**batch(2), timestamps="2026-01-01")
    with pytest.warns(UserWarning, match="2100-01-01.* over 27026 windows without rows"):
        monitor.update(**{**batch(2), "keys": ["a", "b"]}, timestamps=["2026-01-02", "2100-01-01"])
    with pytest.warns(UserWarning, match="windows without rows"):
        fitted().update(**batch(2), timestamps=["2026-01-02", "2100-01-01"])
    fitted().update(**batch(2), timestamps=["2026-01-02", "2028-01-01"])


# groups and columns


def test_a_new_value_of_one_feature_leaves_the_drift_of_others_to_be_seen():
    rng = np.random.default_rng(0)

    def frame(n, race):
        sex = rng.choice(["f", "m"], n)
        age = rng.normal(0, 1, n) + (sex == "f") * (race != "x")
        races = np.where((sex == "f") & (rng.random(n) < 0.8), race, "x")
        return pd.DataFrame({"sex": sex, "race": races, "age": age, "p": rng.integers(0, 2, n)})

    options = {"sensitive_features": ["sex", "race"], "watch": ["age"], "window": 500}
    monitor = FairnessMonitor(**options, criteria="selection_rate").fit(
        frame(4000, "x"), y_pred="p"
    )
    batches = [frame(500, "z") for _ in range(5)]
    for rows in batches:
        monitor.update(rows)
    found = monitor.alerts_.query("feature == 'sex' and kind == 'drift'")
    assert found["group"].tolist() == ["f"]
    table = monitor.drift().query("feature == 'sex'").set_index("group")["n"]
    assert table.to_dict() == pd.concat(batches)["sex"].value_counts().to_dict()


def test_small_groups_are_named_at_fit():
    frame = pd.DataFrame({"y": TRUE, "pred": PRED, "sex": SEX, "part": ["a", "b"] * 500})
    frame.loc[:28, "sex"] = "c"
    frame.loc[(frame["sex"] == "m") & (frame.index > 100), "y"] = np.nan
    slices = {"b": {"part": "b"}}
    monitor = FairnessMonitor(sensitive_features="sex", criteria="accuracy", slices=slices)
    with pytest.warns(UserWarning, match="fewer than min_group_size=30 rows") as told:
        monitor.fit(frame, y_true="y", y_pred="pred")
    (message,) = [str(item.message) for item in told]
    assert message.endswith(
        "sex 'c' (29 rows), sex 'c' in slice 'b' (14 rows), sex 'm' in slice 'b' (18 labels)"
    )


@pytest.mark.parametrize(
    "values", [pd.cut(range(1000), 4), pd.date_range("2026", periods=20).repeat(50)]
)
def test_groups_that_a_file_can_t_hold_are_refused_at_once(values):
    if isinstance(values, pd.DatetimeIndex):
        values = values.normalize()
    with pytest.raises(ValueError, match="groups must be text, numbers or booleans"):
        FairnessMonitor().fit(y_pred=PRED, sensitive_features=values)


def test_expressions_are_no_slices():
    frame = pl.DataFrame({"pred": PRED, "sex": SEX})
    monitor = FairnessMonitor(
        sensitive_features="sex", slices={"f": lambda X: pl.col("sex") == "f"}
    )
    with pytest.raises(ValueError, match=r"'f' must give a Series or array .* got Expr"):
        monitor.fit(frame, y_pred="pred")


# tables


def test_names_that_are_not_followed_are_refused():
    monitor = fitted(slices={"junior": lambda X: np.ones(len(X), dtype=bool)})
    with pytest.raises(ValueError, match=r"no figure 'tru_positive_rate'.*'true_positive_rate'\?"):
        monitor.to_frame(figure="tru_positive_rate")
    with pytest.raises(ValueError, match=r"no slice 'junor'.*did you mean 'junior'"):
        monitor.to_frame(slice="junor")
    with pytest.raises(ValueError, match="no rows of 'true_positive_rate' have been counted yet"):
        monitor.plot("true_positive_rate")
    with pytest.raises(ValueError, match="no sensitive feature 'race'"):
        monitor.update(**batch(), timestamps="2026-01-01").plot(feature="race")


def test_several_days_are_mature_when_the_last_of_them_is():
    monitor = fitted().update(**batch(), timestamps="2026-01-01")  # a Thursday, as 1970-01-01 was
    for day, mature in (("2026-01-02", False), ("2026-01-07 23:59", False), ("2026-01-08", True)):
        assert set(monitor.advance(day).to_frame(every=7)["mature"]) == {mature}


def test_parameters_that_are_set_later_change_no_figure():
    monitor = fitted()
    rows = {
        "y_true": [1] * 30 + [0] * 10,
        "y_pred": [1] * 40,
        "sensitive_features": ["f", "m"] * 20,
    }
    monitor.update(**rows, timestamps="2026-01-01").advance()
    before = monitor.to_frame()
    assert (before["value"] == 1).all()
    monitor.set_params(pos_label=0, min_group_size=10_000)
    pd.testing.assert_frame_equal(monitor.to_frame(), before)


# alerts


def test_an_alert_shows_what_was_found_when_the_evidence_was_there():
    options = {"criteria": "selection_rate", "window": 1000}
    monitor = FairnessMonitor(**options)
    monitor.fit(y_pred=[0, 1] * 20_000, sensitive_features=np.repeat(["a", "b"], 20_000))
    for day in range(60):
        k = round(500 * (0.528 if day < 10 else 0.5)), 250 if day < 40 else 150
        pred = [x for hits in k for x in [1] * hits + [0] * (500 - hits)]
        monitor.update(y_pred=pred, sensitive_features=np.repeat(["a", "b"], 500))
    one, two = (monitor.alerts_.query(f"group == '{g}'").iloc[0] for g in "ab")
    assert one["first_time"] == two["first_time"] == 40_000  # Holm: with b's alert comes a's
    assert (one["since"], one["n"], one["value"]) == (0, 5000, 0.528)
    assert 0.025 < one["pvalue"] < 0.05
    assert one["high"] - one["low"] < 0.1
    assert one["reference"] == 0.5


def test_alerts_say_when_they_were_raised():
    monitor = fitted(mature_after="10d", criteria=["true_positive_rate", "selection_rate"])
    rows = {"y_true": [1] * 400, "y_pred": [0] * 400, "sensitive_features": ["f"] * 400}
    monitor.update(**rows, timestamps="2026-01-01").advance("2026-01-20")
    assert monitor.alerts_["figure"].tolist() == ["selection_rate", "true_positive_rate"]
    assert times(monitor, "first_time") == ["2026-01-01", "2026-01-01"]
    assert times(monitor, "raised") == ["2026-01-02", "2026-01-12"]
    monitor.update(y_true=[1], y_pred=[1], sensitive_features=["x"], timestamps="2026-01-21")
    assert times(monitor, "raised")[-1] == "2026-01-21"


def test_a_ratio_s_limits_are_the_furthest_that_its_rates_allow():
    monitor = FairnessMonitor(window=1000, bounds={"disparate_impact": 0.8})
    pred = ([0] * 4 + [1]) * 100 + [0, 1] * 250
    groups = np.repeat(["f", "m"], 500)
    order = np.random.default_rng(0).permutation(1000)
    given = {"y_pred": np.array(pred)[order], "sensitive_features": groups[order]}
    monitor.fit(**given).update(**given)
    alert = monitor.alerts_.query("kind == 'bound'").iloc[0]
    found = monitor._watch.families[0].bound[0].finding(0, 0.05)
    assert alert["group"] == ("m", "f")
    assert alert["low"] == found.low[1] / found.high[0]
    assert alert["high"] == found.high[1] / found.low[0] < 1


def test_each_window_has_lots_of_its_own(monkeypatch):
    seen, look = [], ChangeTests.look
    monkeypatch.setattr(
        ChangeTests,
        "look",
        lambda self, k, n, lots, w: (seen.append(lots), look(self, k, n, lots, w)),
    )
    monitor = FairnessMonitor(window=100, criteria=[get_rate("selection_rate"), "accuracy"])
    monitor.fit(y_true=TRUE, y_pred=PRED, sensitive_features=SEX)
    monitor.update(y_true=TRUE[:300], y_pred=PRED[:300], sensitive_features=SEX[:300])
    lots = [tuple(part) for part in seen if len(part)]
    assert len(lots) == len(set(lots)) == 6  # three windows of two families
