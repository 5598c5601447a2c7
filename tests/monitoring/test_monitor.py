from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skfair.criteria import Criterion, get_rate
from skfair.groups import Bins
from skfair.monitoring import FairnessMonitor
from skfair.tally import Tally, tallies_over_time

DAY = pd.Timestamp("2026-03-01")


def rows(n, seed, *, tpr=None, share=0.4, labels=("no", "yes"), day=0):
    """Rows of one day; ``tpr`` of women and of men."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n, p=[share, 1 - share])
    y = rng.binomial(1, 0.5, n)
    found = rng.binomial(1, np.where(y == 1, np.where(sex == "f", *(tpr or (0.8, 0.8))), 0.2))
    named = np.array(labels, dtype=object)
    at = DAY + pd.Timedelta(hours=24 * day + 1)
    return pd.DataFrame(
        {
            "sex": sex,
            "y": named[y],
            "pred": named[found],
            "at": at,
            "id": seed * 100_000 + np.arange(n),
        }
    )


def a_monitor(**params):
    options = {"sensitive_features": "sex", "criteria": ["equalized_odds"], "pos_label": "yes"}
    return FairnessMonitor(**{**options, **params})


def fitted(**params):
    return a_monitor(**params).fit(rows(4000, 0), y_true="y", y_pred="pred")


# alerts


def test_a_change_is_found_with_its_day_group_and_rate():
    heard = []
    monitor = fitted(callbacks=[heard.append])
    for day in range(30):
        tpr = (0.8, 0.8) if day < 12 else (0.55, 0.8)
        monitor.update(rows(400, day + 1, tpr=tpr, day=day), timestamps="at")
    alert = monitor.alerts_.iloc[0]
    assert (alert["kind"], alert["group"], alert["figure"]) == ("change", "f", "true_positive_rate")
    assert DAY + pd.Timedelta(days=12) <= alert["first_time"] < DAY + pd.Timedelta(days=20)
    assert abs((alert["since"] - DAY).days - 12) <= 2
    assert alert["low"] < 0.55 < alert["high"] < alert["reference"]
    assert alert["severity"] in ("medium", "high")
    assert alert["pvalue"] <= 0.05
    assert "threshold" in alert["advice"]
    assert (monitor.alerts_["group"] == "f").all()
    assert pd.DataFrame(heard)["figure"].tolist() == monitor.alerts_["figure"].tolist()


def test_nothing_is_said_where_nothing_changes():
    monitor = fitted(bounds={"equalized_odds": 0.1})
    for day in range(40):
        monitor.update(rows(200, day + 1, day=day), timestamps="at")
    assert monitor.alerts_.empty
    assert monitor.alerts_["pvalue"].dtype == float
    assert len(monitor.tests_) == 5
    assert set(monitor.tests_["kind"]) == {"change", "bound"}


def test_a_gap_that_was_in_the_reference_is_no_change_but_is_beyond_a_bound():
    biased = rows(4000, 0, tpr=(0.5, 0.9))
    monitor = a_monitor(bounds={"equal_opportunity": 0.1})
    monitor.fit(biased, y_true="y", y_pred="pred")
    for day in range(15):
        monitor.update(rows(400, day + 1, tpr=(0.5, 0.9), day=day), timestamps="at")
    assert monitor.alerts_["kind"].tolist() == ["bound"]
    alert = monitor.alerts_.iloc[0]
    assert alert["group"] == ("m", "f")
    assert alert["low"] < 0.4 < alert["high"]
    assert alert["reference"] == 0.1 < alert["value"]
    assert alert["figure"] == "equal_opportunity"


def test_a_ratio_below_its_bound_is_found():
    monitor = FairnessMonitor(window=500, bounds={"disparate_impact": 0.8})
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], 6000)
    decided = rng.binomial(1, np.where(sex == "f", 0.2, 0.5))
    monitor.fit(y_pred=decided, sensitive_features=sex)
    monitor.update(y_pred=decided, sensitive_features=sex)
    alert = monitor.alerts_.iloc[0]
    assert (alert["kind"], alert["group"]) == ("bound", ("m", "f"))
    assert 0 < alert["low"] < alert["value"] < alert["high"] < 0.8
    assert alert["value"] == pytest.approx(0.4, abs=0.1)


def test_the_mean_of_rates_can_be_bounded():
    monitor = a_monitor(criteria="average_odds", bounds={"average_odds": 0.1})
    monitor.fit(rows(4000, 0), y_true="y", y_pred="pred")
    for day in range(12):
        monitor.update(rows(600, day + 1, tpr=(0.2, 0.9), day=day), timestamps="at")
    bound = monitor.alerts_.query("kind == 'bound'").iloc[0]
    assert bound["value"] == pytest.approx(0.35, abs=0.1)


def test_a_test_raises_one_alert():
    monitor = FairnessMonitor(window=200).fit(y_pred=[0, 1] * 1000, sensitive_features=["a"] * 2000)
    for _ in range(3):
        monitor.update(y_pred=[1] * 400, sensitive_features=["a"] * 400)
    assert len(monitor.alerts_) == 1


@pytest.mark.parametrize(("n_more", "n_alerts"), [(20, 0), (22, 1)])
def test_the_tests_are_taken_together(n_more, n_alerts):
    groups = np.repeat([f"g{i:02}" for i in range(20)], 200)
    pred = np.tile([0, 1], 2000)
    monitor = FairnessMonitor(window=4000, criteria="selection_rate")
    monitor.fit(y_pred=pred, sensitive_features=groups)
    pred[: 4 * n_more : 2] = 1  # of the first group
    tests = monitor.update(y_pred=pred, sensitive_features=groups).tests_
    assert tests["pvalue"].min() < 0.05
    assert tests["adjusted_pvalue"].min() == pytest.approx(20 * tests["pvalue"].min())
    assert len(monitor.alerts_) == n_alerts


def test_a_failing_callback_is_a_warning_and_others_are_called():
    def fail(alert):
        raise RuntimeError("no network")

    heard = []
    monitor = FairnessMonitor(window=200, callbacks=[fail, heard.append])
    monitor.fit(y_pred=[0, 1] * 1000, sensitive_features=["a"] * 2000)
    with pytest.warns(UserWarning, match="a callback failed on an alert: RuntimeError.*no network"):
        monitor.update(y_pred=[1] * 400, sensitive_features=["a"] * 400)
    assert len(heard) == 1


def test_new_groups_are_named_once():
    heard = []
    monitor = fitted(criteria="demographic_parity", callbacks=[heard.append])
    batch = rows(100, 1)
    batch.loc[3:5, "sex"] = "x"
    batch.loc[7, "sex"] = None
    monitor.update(batch, timestamps="at").update(batch.assign(id=-1), timestamps="at")
    found = monitor.alerts_
    assert found["group"].tolist() == ["x", "<missing>"]
    assert found["n"].tolist() == [3, 1]
    assert set(found["kind"]) == {"new group"}
    assert found["severity"].tolist() == ["medium", "medium"]
    assert len(heard) == 2


def test_drift_and_missing_values_are_found_without_labels():
    rng = np.random.default_rng(0)

    def batch(n, shift, lacking):
        age = rng.normal(40 + shift, 10, n)
        age[rng.random(n) < lacking] = np.nan
        return pd.DataFrame(
            {"sex": rng.choice(["f", "m"], n), "age": age, "p": rng.integers(0, 2, n)}
        )

    monitor = FairnessMonitor(sensitive_features="sex", window=500, watch=["age"])
    monitor.fit(batch(4000, 0, 0.01), y_pred="p", y_score=rng.random(4000))
    for _ in range(6):
        frame = batch(500, 5, 0.1)
        monitor.update(frame, y_score=np.where(frame["sex"] == "f", 0.99, rng.random(500)))
    found = monitor.alerts_
    assert set(found["kind"]) == {"drift", "missing"}
    drift = found.query("kind == 'drift'")
    assert drift["figure"].str.startswith("age <= ").sum() == 2
    assert drift["group"][drift["figure"].str.startswith("score")].tolist() == ["f"]
    assert (found.query("kind == 'missing'")["figure"] == "age is missing").all()
    table = monitor.drift().set_index(["column", "group"])
    assert table.loc[("score", "f"), "psi"] > 1 > 0.1 > table.loc[("score", "m"), "psi"]
    assert table.loc[("age", "f"), "missing"] == pytest.approx(0.1, abs=0.03)
    assert len(monitor.drift(every=2)) == 3 * len(table)


# labels that come later


def test_labels_join_by_key_and_count_when_their_window_is_mature():
    monitor = fitted(mature_after="2d")
    first, later = rows(100, 1), rows(50, 2, day=3)
    monitor.update(first.drop(columns="y"), timestamps="at", keys="id")
    half = first.sample(60, random_state=0)
    monitor.update_labels(half["id"], half["y"])
    tpr = monitor.to_frame(figure="true_positive_rate")
    assert not tpr["mature"].any()
    assert tpr["value"].isna().all()
    monitor.update(later.drop(columns="y"), timestamps="at", keys="id")
    tpr = monitor.to_frame(figure="true_positive_rate").set_index("group")
    assert tpr["mature"].all()
    known = half.query("y == 'yes'").groupby("sex")["pred"].agg(lambda p: (p == "yes").mean())
    np.testing.assert_allclose(tpr.loc[["f", "m"], "value"], known.loc[["f", "m"]])
    shares = half.groupby("sex").size() / first.groupby("sex").size()
    np.testing.assert_allclose(tpr.loc[["f", "m"], "labelled"], shares)
    rest = first.drop(half.index)
    monitor.update_labels(rest["id"], rest["y"])  # too late
    assert monitor.n_labels_["matched"] == 60
    assert monitor.n_labels_["unmatched"] == 40


def test_labels_at_once_and_labels_later_give_the_same():
    at_once, joined = fitted(mature_after="1d"), fitted(mature_after="1d")
    for day in range(6):
        batch = rows(300, day + 1, day=day, tpr=(0.4, 0.8))
        at_once.update(batch, timestamps="at")
        partly = batch.assign(y=batch["y"].where(batch.index % 2 == 0, None))
        joined.update(partly, timestamps="at", keys="id")
        odd = batch[batch.index % 2 == 1]
        joined.update_labels(odd["id"][::-1], odd["y"][::-1])
    pd.testing.assert_frame_equal(at_once.to_frame(), joined.to_frame())
    pd.testing.assert_frame_equal(at_once.tests_, joined.tests_)
    assert len(at_once.alerts_) > 0


def test_slices_of_waiting_predictions_are_kept():
    monitor = fitted(slices={"early": lambda X: X["id"] % 2 == 0}, mature_after="1d")
    batch = rows(200, 1)
    monitor.update(batch.drop(columns="y"), timestamps="at", keys="id")
    monitor.update_labels(batch["id"], batch["y"]).advance(DAY + pd.Timedelta(days=3))
    table = monitor.to_frame(figure="true_positive_rate", slice="early")
    assert table["n"].sum() == ((batch["id"] % 2 == 0) & (batch["y"] == "yes")).sum()


def test_repeated_rows_are_left_out_by_their_keys():
    monitor = fitted()
    batch = rows(100, 1).drop(columns="y")
    monitor.update(batch, timestamps="at", keys="id")
    with pytest.warns(UserWarning, match="30 rows have keys that are known already"):
        monitor.update(batch.tail(30), timestamps="at", keys="id")
    twice = rows(10, 2).drop(columns="y").assign(id=["a"] * 4 + ["b"] * 2 + [None] * 4)
    with pytest.warns(UserWarning, match="4 rows have keys"):
        monitor.update(twice, timestamps="at", keys="id")
    assert monitor.to_frame(figure="equalized_odds").empty  # no labels yet
    monitor.update_labels(["a", "a"], ["yes", "yes"])
    assert monitor.n_labels_["matched"] == sum(monitor.n_labels_.values()) == 1


@pytest.mark.parametrize(
    ("keys", "labels", "said"),
    [
        (["a", "a"], ["yes", "no"], r"keys with two labels: \['a'\]"),
        (["a", None], ["yes", "no"], "keys are missing"),
        (["a"], ["maybe"], "labels unseen at fit"),
        (["a"], [None], "contains NaN"),
        (["a", "b"], ["yes"], "inconsistent"),
    ],
)
def test_labels_that_can_t_be_joined(keys, labels, said):
    with pytest.raises(ValueError, match=said):
        fitted().update_labels(keys, labels)


def test_what_waits_is_bounded():
    monitor = fitted(max_waiting=50)
    batch = rows(80, 1).drop(columns="y")
    with pytest.warns(UserWarning, match="30 predictions no longer wait.*max_waiting=50"):
        monitor.update(batch, timestamps="at", keys="id")
    monitor.update_labels(batch["id"], ["yes"] * 80)
    fates = {"matched": 50, "unmatched": 30, "repeated": 0, "late": 0, "dropped": 30}
    assert monitor.n_labels_ == fates


# batches of all kinds


def test_all_kinds_of_batches_are_counted_alike():
    batch = rows(300, 1)
    by_names = fitted().update(batch, timestamps="at").advance()
    shuffled = batch.set_index(np.zeros(300, dtype=int))
    polars = pl.from_pandas(batch)
    others = [
        fitted().update(polars, timestamps="at"),
        fitted().update(shuffled, timestamps=batch["at"].tolist()),
        fitted().update(batch.drop(columns="y"), y_true=batch["y"].tolist(), timestamps=str(DAY)),
    ]
    values = a_monitor(sensitive_features=None)
    reference = rows(4000, 0)
    values.fit(
        y_true=reference["y"], y_pred=reference["pred"], sensitive_features=reference[["sex"]]
    )
    others.append(
        values.update(
            y_true=batch["y"].to_numpy(),
            y_pred=batch["pred"].tolist(),
            sensitive_features={"sex": batch["sex"].tolist()},
            timestamps=DAY,
        )
    )
    parts = fitted()
    for part in (batch[:120], batch[120:120], batch[120:]):
        parts.update(part, timestamps="at")
    others.append(parts)
    for monitor in others:
        pd.testing.assert_frame_equal(monitor.advance().to_frame(), by_names.to_frame())
        pd.testing.assert_frame_equal(monitor.tests_, by_names.tests_)


def test_tallies_are_counted_like_rows():
    reference, batch = rows(4000, 0), rows(300, 1)
    monitor = a_monitor(sensitive_features=None, criteria=["equalized_odds", "demographic_parity"])
    names = {"y_true": "y", "y_pred": "pred", "sensitive_features": "sex"}
    monitor.fit(Tally.from_frame(reference, **names))
    for start, tally in tallies_over_time(batch, time="at", **names).items():
        monitor.update(tally, timestamps=start)
    by_rows = fitted(criteria=["equalized_odds", "demographic_parity"]).update(
        batch, timestamps="at"
    )
    pd.testing.assert_frame_equal(monitor.advance().to_frame(), by_rows.advance().to_frame())
    pd.testing.assert_frame_equal(monitor.tests_, by_rows.tests_)


def test_weights_and_other_tallies_are_refused():
    y, sex = [0, 1] * 50, ["f", "m"] * 50
    weighted = Tally.from_arrays(y, y, {"sex": sex}, sample_weight=np.linspace(1, 2, 100))
    with pytest.raises(ValueError, match="the tally is weighted"):
        a_monitor(pos_label=None).fit(weighted)
    monitor = FairnessMonitor(window=50, min_group_size=5)
    monitor.fit(Tally.from_arrays(y, y, {"sex": sex}))
    with pytest.raises(ValueError, match="the tally is weighted"):
        monitor.update(weighted)
    with pytest.raises(ValueError, match="the tally is of"):
        monitor.update(Tally.from_arrays(y, y, {"race": sex}))
    with pytest.raises(ValueError, match="a tally has no columns"):
        fitted(slices={"x": {"sex": "f"}}).update(Tally.from_arrays(y, y, {"sex": sex}))


def test_windows_in_any_order_and_late_rows():
    batches = [rows(200, day + 1, day=day) for day in range(5)]
    in_order, mixed = fitted(), fitted()
    for batch in batches:
        in_order.update(batch, timestamps="at")
    mixed.update(pd.concat(batches).sample(frac=1, random_state=0), timestamps="at")
    pd.testing.assert_frame_equal(in_order.to_frame(), mixed.to_frame())
    pd.testing.assert_frame_equal(in_order.tests_, mixed.tests_)
    late = fitted()
    for i in (0, 2, 1, 4, 3):
        late.update(batches[i], timestamps="at")
    pd.testing.assert_frame_equal(
        late.advance().to_frame(), in_order.advance().to_frame(), check_like=True
    )


def test_several_features_and_slices_have_their_scopes():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], 2000),
            "age": rng.integers(18, 80, 2000),
            "region": rng.choice(["n", "s"], 2000),
            "p": rng.integers(0, 2, 2000),
        }
    )
    monitor = FairnessMonitor(
        sensitive_features=["sex", Bins("age", [40])], slices={"north": {"region": "n"}}, window=100
    )
    monitor.fit(frame, y_pred="p").update(frame[:150])
    tests = monitor.tests_
    assert tests.groupby(["slice", "feature"]).size().to_dict() == {
        (slice_, feature): n
        for slice_ in ("all", "north")
        for feature, n in (("sex", 2), ("age", 2), ("sex x age", 4))
    }
    table = monitor.to_frame(figure="selection_rate", slice="north")
    row = table.query("feature == 'sex' and group == 'f'").iloc[0]
    first = frame[:100].query("region == 'n' and sex == 'f'")
    assert row["n"] == len(first)
    assert row["value"] == first["p"].mean()


def test_reported_cases_are_a_slice_without_tests():
    monitor = fitted(criteria="demographic_parity")
    monitor.update(rows(200, 1), timestamps="at").add_feedback(rows(20, 2), timestamps="at")
    monitor.advance()
    table = monitor.to_frame(figure="selection_rate")
    assert table.groupby("slice")["n"].sum().to_dict() == {"all": 200, "feedback": 20}
    assert set(monitor.tests_["slice"]) == {"all"}
    by_rows = FairnessMonitor(window=50).fit(y_pred=[0, 1] * 50, sensitive_features=["a", "b"] * 50)
    by_rows.update(y_pred=[1] * 60, sensitive_features=["a"] * 60)
    by_rows.add_feedback(y_pred=[1], sensitive_features=["a"])
    assert by_rows.to_frame(slice="feedback")["window"].tolist() == [50, 50]


def test_small_groups_are_not_tested():
    frame = rows(2000, 0)
    frame.loc[:19, "sex"] = "x"
    monitor = a_monitor(bounds={"equalized_odds": 0.2})
    with pytest.warns(UserWarning, match=r"min_group_size=30 rows .* sex 'x' \(20 rows\)"):
        monitor.fit(frame, y_true="y", y_pred="pred")
    assert set(monitor.tests_["group"].dropna()) == {"f", "m"}
    with pytest.raises(ValueError, match="no group of the reference has min_group_size=5000 rows"):
        a_monitor(min_group_size=5000).fit(frame, y_true="y", y_pred="pred")


def test_windows_of_rows():
    monitor = FairnessMonitor(window=100).fit(
        y_pred=[0, 1] * 200, sensitive_features=["a", "b"] * 200
    )
    monitor.update(y_pred=[1] * 250, sensitive_features=["a"] * 250)
    table = monitor.to_frame(figure="selection_rate")
    assert table["window"].tolist() == [0, 100, 200]
    assert table["n"].tolist() == [100, 100, 50]
    assert table["mature"].tolist() == [True, True, False]
    assert monitor.to_frame(figure="selection_rate", every=2)["n"].tolist() == [200, 50]
    assert monitor.advance().to_frame(figure="selection_rate")["mature"].all()
    with pytest.raises(ValueError, match="timestamps need windows of time"):
        monitor.update(y_pred=[1], sensitive_features=["a"], timestamps=[DAY])


def test_lots_come_from_the_seed_alone():
    runs = [fitted(random_state=seed) for seed in (0, 0, 1)]
    for monitor in runs:
        for day in range(4):
            monitor.update(rows(300, day + 1, day=day), timestamps="at")
    evidence = [monitor.tests_["log_e_value"].tolist() for monitor in runs]
    assert evidence[0] == evidence[1] != evidence[2]


# what is refused


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"window": "soon"}, "window must be a time"),
        ({"mature_after": -1}, "mature_after must be"),
        ({"min_group_size": 0}, "min_group_size must be"),
        ({"max_waiting": 0}, "max_waiting must be"),
        ({"random_state": None}, "random_state must be"),
        ({"criteria": []}, "criteria is empty"),
        ({"criteria": ["equalised_odds"]}, "did you mean 'equalized_odds'"),
        ({"criteria": ["f1_score"]}, "f1_score is no share of rows"),
        ({"bounds": {"average_abs_odds": 0.1}}, "a mean of gaps"),
        ({"bounds": {"demographic_parity": 2}}, "between 0 and 1"),
        ({"bounds": {"demographic_parity": "x"}}, "must be a number"),
        ({"slices": {"all": {"sex": "f"}}}, "slices need names other than"),
        ({"slices": {"x": {"nowhere": 1}}}, "no column 'nowhere'"),
        ({"watch": ["nowhere"]}, "no column 'nowhere'"),
        ({"watch": ["id"], "n_bins": 1}, "n_bins must be"),
        ({"pos_label": None}, "pos_label"),
        ({"pos_label": 1}, "pos_label=1 is not a valid label"),
        ({"pos_label": "Yes"}, "pos_label='Yes' is not a valid label"),
        ({"bounds": {"disparate_impact": 0}}, "must be above 0"),
        ({"window": 1.5}, "a number has no unit"),
        ({"mature_after": 30}, "a number has no unit"),
        ({"mature_after": "30"}, "a number has no unit"),
    ],
)
def test_parameters_that_are_refused(params, said):
    with pytest.raises(ValueError, match=said):
        fitted(**params)


def test_criteria_and_rates_of_one_s_own_are_taken():
    own = Criterion("my_odds", (get_rate("true_negative_rate"),))
    monitor = fitted(criteria=[own, get_rate("accuracy")])
    assert set(monitor.tests_["figure"]) == {"accuracy", "true_negative_rate"}


def test_a_reference_without_what_is_needed_is_refused():
    frame = rows(200, 0)
    with pytest.raises(ValueError, match="y_pred is missing"):
        a_monitor().fit(frame, y_true="y")
    with pytest.raises(ValueError, match="need labels: give y_true of the reference"):
        a_monitor().fit(frame, y_pred="pred")
    with pytest.raises(ValueError, match="names a column: pass a data frame"):
        a_monitor().fit(y_pred="pred")
    y = [0, 1] * 50
    with pytest.raises(ValueError, match="a tally has no columns"):
        a_monitor(watch=["x"]).fit(Tally.from_arrays(y, y, {"sex": y}))


def test_a_batch_that_is_refused_changes_nothing():
    monitor = fitted(watch=["id"])
    before = monitor.to_frame(), monitor.tests_
    batch = rows(50, 1)
    bad = [
        ({"batch": batch}, "need timestamps"),
        ({"batch": batch, "timestamps": [DAY]}, "inconsistent"),
        ({"batch": batch.drop(columns="sex"), "timestamps": DAY}, "no column 'sex'"),
        ({"batch": batch.drop(columns="pred"), "timestamps": DAY}, r"at fit it was column 'pred'"),
        ({"batch": batch, "timestamps": "When"}, r"no time and no column .*\['sex', 'y'"),
        ({"batch": batch, "timestamps": "att"}, "did you mean 'at'"),
        ({"batch": batch, "timestamps": DAY, "keys": [1.5, True] * 25}, r"got \['bool'\]"),
        ({"batch": batch, "timestamps": DAY, "keys": [DAY] * 50}, r"got \['Timestamp'\]"),
        ({"batch": batch.assign(sex=DAY), "timestamps": DAY}, "groups must be text"),
        ({"batch": batch.drop(columns="id"), "timestamps": DAY}, "no column 'id'"),
        ({"batch": batch.assign(pred="maybe"), "timestamps": DAY}, "y_pred has labels unseen"),
        ({"batch": batch.assign(y="maybe"), "timestamps": DAY}, "y_true has labels unseen"),
        ({"batch": batch, "timestamps": DAY, "keys": ["a"]}, "inconsistent"),
        (
            {"timestamps": DAY, "y_pred": ["yes"], "sensitive_features": ["f"]},
            "twice|named|columns",
        ),
    ]
    for arguments, said in bad:
        with pytest.raises(ValueError, match=said):
            monitor.update(**arguments)
    pd.testing.assert_frame_equal(monitor.to_frame(), before[0])
    pd.testing.assert_frame_equal(monitor.tests_, before[1])


def test_names_of_features_must_stay():
    monitor = FairnessMonitor(window=10, min_group_size=5)
    monitor.fit(y_pred=[0, 1] * 10, sensitive_features={"sex": ["f", "m"] * 10})
    monitor.update(y_pred=[0, 1], sensitive_features=["f", "m"])  # no name: taken as it stands
    with pytest.raises(ValueError, match=r"\['race'\], and were \['sex'\] at fit"):
        monitor.update(y_pred=[0, 1], sensitive_features={"race": ["f", "m"]})


def test_the_score_of_the_reference_is_asked_for_later():
    monitor = FairnessMonitor(window=10, min_group_size=5)
    monitor.fit(y_pred=[0, 1] * 10, sensitive_features=["f", "m"] * 10, y_score=np.arange(20))
    with pytest.raises(ValueError, match=r"lacks what the reference had: \['score'\]"):
        monitor.update(y_pred=[0, 1], sensitive_features=["f", "m"])


def test_it_must_be_fitted_and_can_be_cloned():
    monitor = a_monitor()
    for act in (monitor.update, monitor.to_frame, monitor.advance, monitor.drift):
        with pytest.raises(NotFittedError):
            act()
    with pytest.raises(NotFittedError):
        _ = monitor.alerts_
    assert clone(fitted(alpha=0.01)).get_params()["alpha"] == 0.01
    again = fitted().update(rows(100, 1), timestamps="at")
    again.fit(rows(4000, 0), y_true="y", y_pred="pred")
    assert again.to_frame().empty


# plots


def test_plots_show_groups_alerts_and_the_bound():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    monitor = fitted(bounds={"equalized_odds": 0.1})
    for day in range(15):
        monitor.update(rows(400, day + 1, tpr=(0.4, 0.8), day=day), timestamps="at")
    display = monitor.plot("true_positive_rate")
    lines = [line.get_label() for line in display.axes_[0].lines]
    assert lines[:2] == ["f", "m"]
    assert len(lines) == 3  # and the alert
    _, axes = plt.subplots()
    display = monitor.plot("equalized_odds", ax=axes, every=5)
    assert display.axes_ == [axes]
    assert len(display.table) == 4  # windows of 5 days are counted from 1970
    assert any(list(line.get_ydata()) == [0.1, 0.1] for line in axes.lines)
    with pytest.raises(ValueError, match="no figure 'accuracy' is followed"):
        monitor.plot("accuracy")
    plt.close("all")


def test_a_group_of_another_kind_is_a_new_group_and_no_error():
    def update(sex):
        monitor.update(
            y_pred=[0, 1] * (len(sex) // 2), sensitive_features=pd.Series(sex, dtype=object)
        )

    reference = pd.Series([1, 2] * 500, dtype=object)
    monitor = FairnessMonitor(window=500)
    monitor.fit(y_pred=[0, 1, 1, 0] * 250, sensitive_features=reference)
    for sex in ([1, 2], ["new", "new"], [2, "1"], [1, 2] * 250):
        update(sex)
    assert {"new", "1"} <= set(monitor.alerts_["group"])
