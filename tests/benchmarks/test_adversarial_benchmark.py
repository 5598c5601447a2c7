"""The fresh adversary, and what is chosen and kept, of the benchmark of adversarial networks."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("skorch")

from _adversarial.fits import METHODS, RIVALS, Task
from _adversarial.gain import gain_of_a_fresh_adversary, works
from _adversarial.tables import chosen_rows, figures, text_of, trained
from _quality.data import Part, Split
from _quality.statistics import Estimate
from adversarial import blind, identity, measure, read_lines, run

RNG = np.random.default_rng(0)
GROUPS = np.repeat([0, 1], 500)
NOISE = RNG.normal(size=1000)


def test_scores_that_tell_the_group_give_an_auc_of_1():
    gain = gain_of_a_fresh_adversary(NOISE + 20 * GROUPS, GROUPS, None, seed=0)
    assert gain == pytest.approx(0.5, abs=0.01)


def test_noise_gives_nothing():
    assert abs(gain_of_a_fresh_adversary(NOISE, GROUPS, None, seed=0)) < 0.06


def test_what_the_label_tells_is_no_gain():
    y = np.where(RNG.random(1000) < 0.9, GROUPS, 1 - GROUPS)
    scores = 4.0 * y + 0.01 * NOISE
    assert gain_of_a_fresh_adversary(scores, GROUPS, None, seed=0) > 0.3
    assert abs(gain_of_a_fresh_adversary(scores, GROUPS, y, seed=0)) < 0.04


def test_the_adversary_may_bend():
    # The group is told by the distance from 0, which no straight line sees.
    scores = np.where(GROUPS == 1, 3.0, 0.1) * np.sign(NOISE)
    assert gain_of_a_fresh_adversary(scores, GROUPS, None, seed=0) > 0.45


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-0.01, 0.3, True), (0.0, 0.3, True), (0.01, 0.019, True), (0.01, 0.02, False)],
)
def test_debiasing_works_where_the_gain_may_be_none_or_is_negligible(low, high, expected):
    assert works(Estimate(0.01, low, high, 0.01, 10)) is expected


def test_one_split_proves_nothing():
    assert not works(Estimate(0.001, float("nan"), float("nan"), float("nan"), 1))


def one_part(X):
    y, codes = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    return Part(np.asarray(X, dtype=float), y, codes.astype(str), codes, pd.DataFrame(X))


def one_task(part):
    split = Split(part, part, part, np.array([0]), np.array([]), 2)
    return Task(split, "equalized_odds", 3.0, 1, {})


def test_cells_of_hard_decisions():
    part = one_part(np.zeros((4, 1)))
    # Group 0: negative refused, positive refused; group 1: negative accepted, positive accepted.
    assert measure(part, np.array([-1.0, 0.0, 0.1, 9.0])) == [[1, 0, 1, 0], [0, 1, 0, 1]]


def test_logits_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="no numbers"):
        measure(one_part(np.zeros((4, 1))), np.array([0.0, np.nan, 1.0, 2.0]))


def test_a_training_that_breaks_off_is_kept_as_an_error(monkeypatch):
    def explode(task):
        raise RuntimeError("no chance")

    part = one_part(np.zeros((4, 1)))
    task = Task(
        Split(part, part, part, np.array([0]), np.array([]), 2), "equalized_odds", 3.0, 1, {}
    )
    monkeypatch.setitem(METHODS, "gap", METHODS["gap"]._replace(fit=explode))
    found = run("gap", "adult", task)
    assert found["error"] == "RuntimeError: no chance"
    assert identity(found) == ("adult", "equalized_odds", "gap", 3.0, 1)
    assert trained([found, {}]) == [{}]


def test_a_network_is_measured(monkeypatch):
    part = one_part(np.zeros((4, 1)))
    many = part.take(np.tile(np.arange(4), 20))
    task = Task(
        Split(many, many, many, np.array([0]), np.array([]), 2), "equalized_odds", 3.0, 1, {}
    )
    monkeypatch.setitem(METHODS, "gap", METHODS["gap"]._replace(fit=lambda task: lambda X: X[:, 0]))
    found = json.loads(json.dumps(run("gap", "adult", task)))
    assert found["test"] == found["validation"] == [[20, 0, 20, 0], [20, 0, 20, 0]]
    assert found["gain"] == 0.0


def test_sensitive_columns_are_no_features():
    part = one_part(np.arange(12).reshape(4, 3))
    found = blind(Split(part, part, part, np.array([1]), np.array([0]), 2))
    for own in (found.train, found.validation, found.test):
        assert own.X[0].tolist() == [0, 2]
        assert own.y is part.y


def row(method, weight, split, validation, test=((4, 1, 1, 4), (4, 1, 1, 4))):
    return {
        "data": "adult",
        "constraint": "demographic_parity",
        "method": method,
        "weight": weight,
        "split": split,
        "validation": validation,
        "test": test,
    }


FAIR = ((4, 1, 2, 3), (4, 1, 2, 3))  # accuracy 0.7, no gap
UNFAIR = ((5, 0, 3, 2), (3, 2, 0, 5))  # accuracy 0.75, selection rates 0.2 and 0.7


def test_figures_of_a_part():
    right, gap = figures([row("plain", 0.0, 0, FAIR, UNFAIR)], "test", "demographic_parity")
    assert right.tolist() == [0.75]
    assert gap == pytest.approx([0.5])


def test_validation_rows_choose_by_split():
    rows = [
        row("plain", 0.0, 0, UNFAIR),
        row("projection", 1.0, 0, FAIR, UNFAIR),
        row("projection", 1.0, 1, FAIR),
        row("gap", 1.0, 1, UNFAIR),
    ]
    names = RIVALS["projection"][1]
    strict = chosen_rows(rows, names, "demographic_parity", 0.1)
    assert {split: found["method"] for split, found in strict.items()} == {
        0: "projection",
        1: "projection",
    }
    loose = chosen_rows(rows, names, "demographic_parity", 0.5)
    assert [loose[split]["method"] for split in (0, 1)] == ["plain", "projection"]
    assert chosen_rows(rows, ("reversal",), "demographic_parity", 0.5) == {}


def test_a_line_that_was_cut_off_is_done_again(tmp_path):
    file = tmp_path / "rows.jsonl"
    assert read_lines(file) == []
    kept = row("plain", 0.0, 3, FAIR)
    file.write_text(json.dumps(kept) + "\n" + json.dumps(kept)[:-5])
    assert [identity(found) for found in read_lines(file)] == [
        ("adult", "demographic_parity", "plain", 0.0, 3)
    ]


def test_an_estimate_in_words():
    found = Estimate(0.0123, -0.001, 0.0256, 0.01, 10)
    assert text_of(found) == "0.012 [-0.001, 0.026]"
    assert text_of(found, "+") == "+0.012 [-0.001, +0.026]"
