"""What is shared, and what is refused, where a monitor is saved, loaded and merged."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from skfair.monitoring import FairnessMonitor

PRED = [0, 1] * 500
TRUE = [1, 1, 0, 0] * 250
SEX = ["f", "f", "f", "f", "m", "m", "m", "m"] * 125


def fitted(**params):
    options = {"criteria": "true_positive_rate", **params}
    return FairnessMonitor(**options).fit(y_true=TRUE, y_pred=PRED, sensitive_features=SEX)


def batch(n=80):
    given = {"y_true": TRUE[:n], "y_pred": PRED[:n], "sensitive_features": SEX[:n]}
    return {**given, "keys": np.arange(n)}


class Pager:
    def __init__(self):
        self.got, self.lock = [], threading.Lock()  # a lock can't be copied

    def send(self, alert):
        self.got.append(alert)


def test_callbacks_are_shared_and_not_copied(tmp_path):
    pager = Pager()
    one, two = (fitted(callbacks=[pager.send]) for _ in range(2))
    one.save(tmp_path / "m.json")
    both = one.merge(two)
    again = FairnessMonitor.load(tmp_path / "m.json", callbacks=[pager.send])
    for n, monitor in enumerate((both, again), start=1):
        monitor.update(y_true=[1], y_pred=[1], sensitive_features=["new"], timestamps="2026-01-01")
        assert len(pager.got) == n


@pytest.mark.parametrize(
    "given",
    [
        {"window": "7d"},
        {"alpha": 0.5},
        {"pos_label": 0},
        {"mature_after": "3d"},
        {"random_state": 7},
        {"sensitive_features": "x"},
        {"criterion": "x"},
        {"slices": None},
    ],
)
def test_what_a_file_holds_can_t_be_given_to_load(tmp_path, given):
    fitted().save(tmp_path / "m.json")
    with pytest.raises(ValueError, match="can't be changed at load"):
        FairnessMonitor.load(tmp_path / "m.json", **given)


def test_slices_are_given_to_load_by_their_names(tmp_path):
    slices = {
        "old": lambda X: np.arange(len(X)) % 2 == 0,
        "new": lambda X: np.arange(len(X)) % 4 == 3,
    }
    monitor = fitted(slices=slices).update(**batch(), timestamps="2026-01-01")
    monitor.save(tmp_path / "m.json")
    with pytest.raises(ValueError, match=r"has slices \['old', 'new'\], .* given \['jun'\]"):
        FairnessMonitor.load(tmp_path / "m.json", slices={"jun": slices["old"]})
    again = FairnessMonitor.load(tmp_path / "m.json", slices=dict(reversed(slices.items())))
    more = {**batch(), "keys": None}
    for each in (monitor, again):
        each.update(**more, timestamps="2026-01-02").advance()
    pd.testing.assert_frame_equal(again.to_frame(), monitor.to_frame())
    assert again.get_params()["slices"] == slices


def test_files_of_an_older_format_are_refused(tmp_path):
    fitted().save(tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text(encoding="utf-8")
    (tmp_path / "m.json").write_text(text.replace('"format": 2', '"format": 1'), encoding="utf-8")
    with pytest.raises(ValueError, match="a format that this version of skfair can't read"):
        FairnessMonitor.load(tmp_path / "m.json")


def test_the_merged_clock_is_the_later_one():
    one, two = fitted(), fitted()
    one.update(**batch(8), timestamps="2026-01-01")
    two.update(**{**batch(8), "keys": list("abcdefgh")}, timestamps="2026-01-03")
    for merged in (one.merge(two), two.merge(one)):
        table = merged.to_frame().set_index("window")["mature"]
        assert table.loc["2026-01-01"].all()
        assert not table.loc["2026-01-03"].any()
        with pytest.warns(UserWarning, match="8 rows have keys"):  # both latest batches are known
            merged.update(**batch(8), timestamps="2026-01-01")


def test_labelled_rows_that_both_saw_are_refused_at_merge():
    one, two = (fitted().update(**batch(), timestamps="2026-01-01") for _ in range(2))
    with pytest.raises(ValueError, match="keys are known to both monitors"):
        one.merge(two)


def test_references_of_watched_columns_must_agree():
    frame = pd.DataFrame({"pred": PRED, "sex": SEX, "job": ["a"] * 500 + ["b"] * 500})
    other = frame.assign(job=["a"] * 400 + ["b"] * 600)
    one, two = (
        FairnessMonitor(sensitive_features="sex", watch=["job"]).fit(rows, y_pred="pred")
        for rows in (frame, other)
    )
    with pytest.raises(ValueError, match=r"differ in .*the reference"):
        one.merge(two)


def test_a_batch_that_is_sent_again_after_a_load_is_known(tmp_path):
    monitor = fitted().update(**batch(), timestamps="2026-01-01").advance("2026-01-09")
    monitor.save(tmp_path / "m.json")
    again = FairnessMonitor.load(tmp_path / "m.json")
    with pytest.warns(UserWarning, match="80 rows have keys"):
        again.update(**batch(), timestamps="2026-01-01")
    pd.testing.assert_frame_equal(again.to_frame(), monitor.to_frame())
