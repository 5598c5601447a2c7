"""Tallies of predictions without labels: selection rates, and no other."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from skfair.criteria import group_intervals
from skfair.detection import class_imbalance
from skfair.metrics import (
    MetricFrame,
    disparity_test,
    gap_interval,
    rate_intervals,
    selection_rate,
    true_positive_rate,
)
from skfair.monitoring import FairnessMonitor
from skfair.reporting import FairnessReport
from skfair.tally import Tally, tallies_over_time

FRAME = pd.DataFrame(
    {
        "given": ["yes", "no", "yes", "yes", "no", None],
        "sex": ["f", "f", "m", "m", "m", "m"],
        "w": [1.0, 2.0, 1.0, 1.0, 2.0, 1.0],
        "at": pd.to_datetime(["2024-01-01"] * 3 + ["2024-02-01"] * 3),
    }
)[:5]
NAMES = {"y_pred": "given", "sensitive_features": "sex"}


@pytest.fixture
def tally():
    return Tally.from_predictions(FRAME["given"], FRAME["sex"], sample_weight=FRAME["w"])


def test_selection_rates_by_hand(tally):
    assert not tally.has_labels
    found = rate_intervals(tally, rates="selection_rate", pos_label="yes")
    assert found["rate"].tolist() == [1 / 3, 0.5]
    gap = gap_interval("demographic_parity_difference", tally, pos_label="yes")
    assert gap.estimate == pytest.approx(1 / 6)
    by_group = MetricFrame.from_tally(tally, metrics=selection_rate, pos_label="yes").by_group
    assert by_group.tolist() == [1 / 3, 0.5]
    assert disparity_test("demographic_parity", tally, pos_label="yes").pvalue > 0.1


@pytest.mark.parametrize(
    "measure",
    [
        lambda t: rate_intervals(
            t, rates=["selection_rate", "true_positive_rate"], pos_label="yes"
        ),
        lambda t: rate_intervals(t, rates="accuracy", pos_label="yes"),
        lambda t: gap_interval("equalized_odds_difference", t, pos_label="yes"),
        lambda t: disparity_test("equal_opportunity", t, pos_label="yes"),
        lambda t: group_intervals(t, "base_rate", pos_label="yes"),
        lambda t: MetricFrame.from_tally(t, metrics=true_positive_rate, pos_label="yes"),
        lambda t: MetricFrame.from_tally(t, metrics=accuracy_score),
        lambda t: FairnessReport.from_tally(t, pos_label="yes"),
        class_imbalance,
        lambda t: t.cells_by_class(),
        lambda t: FairnessReport.from_tally(t, pos_label="yes", sections=["representation"]),
    ],
)
def test_what_needs_labels_is_refused(tally, measure):
    with pytest.raises(ValueError, match="can't be had without labels"):
        measure(tally)


def test_columns_give_the_same_tally(tally):
    found = Tally.from_frame(FRAME, y_true=None, sample_weight="w", **NAMES)
    assert not found.has_labels
    assert (found.weight == tally.weight).all()
    assert (found.labels, found.classes) == (tally.labels, tally.classes)
    months = tallies_over_time(FRAME, time="at", every="1mo", y_true=None, **NAMES)
    assert [part.has_labels for part in months.values()] == [False, False]
    assert sum(months.values()).count.sum(axis=(1, 2)).tolist() == [2, 3]


def test_it_is_kept_in_parts_views_and_files(tally, tmp_path):
    assert not (tally + tally).has_labels
    assert not tally.whole().has_labels
    assert not tally.drop_groups(["m"]).has_labels
    tally.save(tmp_path / "t.json")
    assert not Tally.load(tmp_path / "t.json").has_labels
    assert repr(tally).endswith("n_samples=5, weighted, without labels)")


def test_labels_and_none_are_not_added(tally):
    labelled = Tally.from_arrays(FRAME["given"], FRAME["given"], FRAME["sex"])
    with pytest.raises(ValueError, match="one of predictions alone"):
        labelled + tally


def test_labels_by_oversight_are_none():
    with pytest.raises(ValueError, match="y_true"):
        Tally.from_arrays(None, [0, 1], ["f", "m"])


def test_a_monitor_of_selection_rates_takes_them():
    def counted(selected, n=400):
        return Tally.from_predictions([1] * selected + [0] * (n - selected), ["f"] * n)

    monitor = FairnessMonitor(criteria="demographic_parity").fit(counted(200))
    for day in range(10):
        monitor.update(counted(200 if day < 5 else 320), timestamps=f"2024-01-{day + 1:02}")
    monitor.advance("2024-01-11")
    assert set(monitor.alerts_["figure"]) == {"selection_rate"}
    with pytest.raises(ValueError, match="need labels"):
        FairnessMonitor(criteria="equal_opportunity").fit(counted(200))


def test_the_table_has_no_labels(tally):
    table = tally.to_frame()
    assert "y_true" not in table
    assert table[["y_pred", "count"]].to_numpy().tolist() == [
        ["no", 1],
        ["yes", 1],
        ["no", 1],
        ["yes", 2],
    ]


@pytest.mark.parametrize(
    ("y_pred", "groups"), [([0.0, float("nan")], ["a", "b"]), ([1], ["a", "b"])]
)
def test_messages_speak_of_predictions(y_pred, groups):
    with pytest.raises(ValueError, match="y_pred"):
        Tally.from_predictions(y_pred, groups)


def test_a_monitor_of_errors_says_that_labels_are_lacking_and_counts_none():
    labelled = Tally.from_arrays([0, 1] * 200, [0, 1] * 200, ["f"] * 400)
    monitor = FairnessMonitor(criteria="equal_opportunity", window=400).fit(labelled)
    with pytest.warns(UserWarning, match="no labels"):
        monitor.update(Tally.from_predictions([0, 1] * 200, ["f"] * 400))
    assert monitor.to_frame(figure="true_positive_rate")["n"].sum() == 0
