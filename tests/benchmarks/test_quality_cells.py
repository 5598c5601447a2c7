"""Cells: expected decisions, splits, keys, and what a result hangs on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from _quality import cells, data, digests, measure
from _quality.methods import Problem
from _quality.registry import methods
from sklearn.linear_model import LogisticRegression

TASK = cells.Task("heart", "sex", "logistic", "nothing", "any", (None,), 0, 0)


def part_of(y, codes):
    y, codes = np.array(y), np.array(codes)
    return data.Part(np.zeros((len(y), 1)), y, codes.astype(str), codes, None)


def test_expected_cells_by_hand():
    part = part_of([0, 1, 1, 0], [0, 0, 1, 1])
    found = measure.expected_cells(part, np.array([0.25, 1.0, 0.5, 0.0]), 2)
    assert found.tolist() == [[0.75, 0.25, 0, 1], [1, 0, 0.5, 0.5]]


def test_chances_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="1 NaN"):
        measure.expected_cells(part_of([0, 1], [0, 1]), np.array([0.5, np.nan]), 2)


def test_figures_by_hand():
    found = measure.figures([[40, 10, 10, 40], [45, 5, 20, 30]])
    assert found["accuracy"] == pytest.approx(155 / 200)
    assert found["balanced_accuracy"] == pytest.approx((0.85 + 0.7) / 2)
    assert found["demographic_parity"] == pytest.approx(0.15)
    assert found["equalized_odds"] == pytest.approx(0.2)
    assert found["equal_opportunity"] == pytest.approx(0.2)
    assert found["average_odds"] == pytest.approx(0.15)


def test_auc_needs_a_score_and_two_classes():
    assert np.isnan(measure.auc_of(np.array([0, 1]), None))
    assert np.isnan(measure.auc_of(np.array([1, 1]), np.array([0.1, 0.2])))
    assert measure.auc_of(np.array([0, 1]), np.array([0.1, 0.2])) == 1.0


def test_scores_are_counted_by_group_label_and_bin():
    part = part_of([0, 1, 1], [0, 0, 1])
    found = np.array(measure.binned(part, np.array([0.0, 1.0, 0.5]), 2))
    assert found.shape == (2, 2, measure.SCORE_BINS)
    assert np.argwhere(found).tolist() == [[0, 0, 0], [0, 1, 49], [1, 1, 25]]


def test_splits_are_sixty_twenty_twenty_and_every_row_is_tested_once():
    table = data.load_table("heart", "sex")
    tested = []
    for fold in table.folds:
        train, chosen, test = data.three_ways(table, 0, fold)
        assert sorted(np.concatenate([train, chosen, test])) == list(range(len(table.y)))
        assert len(test) == pytest.approx(len(table.y) / 5, abs=1)
        assert len(chosen) == pytest.approx(len(table.y) / 5, abs=1)
        tested.append(test)
    assert sorted(np.concatenate(tested)) == list(range(len(table.y)))


def test_a_split_knows_which_columns_tell_the_group():
    split = data.load_split("heart", "sex", 0, 0)
    assert len(split.own_columns) == 2  # female and male
    columns = split.train.X[:, split.own_columns]
    assert np.array_equal(columns.argmax(axis=1), split.train.codes)
    assert len(split.numbers) == 6


def test_tables_of_the_users(tmp_path):
    text = "age,sex,race,hired\n30,f,a,yes\n40,m,b,no\n50,f,b,no\n20,m,a,yes\n"
    (tmp_path / "people.csv").write_text(text)
    table = data.load_table(str(tmp_path / "people.csv"), "race+sex", "hired", "yes")
    assert table.groups.n_groups == 4
    assert table.y.tolist() == [1, 0, 0, 1]
    with pytest.raises(ValueError, match="every label, or none"):
        data.load_table(str(tmp_path / "people.csv"), "sex", "hired", "Yes")


def test_every_peer_is_paired_and_all_names_differ():
    peers = [m for m in methods().values() if m.side not in ("skfair", "none")]
    assert all(m.pairs for m in peers)
    assert all(len(m.values) in (1, 2, 3, 8) for m in methods().values())


def test_keys_are_those_of_settings_and_versions(monkeypatch):
    key = TASK.keys()[0]
    assert replace(TASK).keys() == [key]
    assert replace(TASK, repetition=1).keys() != [key]
    monkeypatch.setattr(cells, "installed", lambda library: "other")
    assert TASK.keys() != [key]


@pytest.mark.parametrize("name", ["nothing", "Reweighter", "ReductionsGridSearch"])
def test_a_stored_row_knows_its_present_key(monkeypatch, name):
    method = methods()[name]
    task = replace(TASK, method=name, values=method.values if method.path else (0.1,))
    for key, cell in zip(task.keys(), task.cells(), strict=True):
        row = {**cell, "key": key, "versions": cells.stamp(method)}
        assert cells.present_key(row) == key
    changed = {name: replace(method, revision=method.revision + 1)}
    monkeypatch.setattr(cells, "methods", lambda: changed)
    assert cells.present_key(row) != key


@pytest.mark.slow
def test_an_error_is_a_result(monkeypatch):
    def fail(*_):
        raise ValueError("no\nway")

    failing = replace(methods()["nothing"], fit=fail)
    monkeypatch.setattr(cells, "methods", lambda: {"nothing": failing})
    (row,) = cells.run_task(TASK)
    assert row["error"] == "ValueError: no way"
    assert row["key"] == TASK.keys()[0]
    assert row["tree"] == digests.whole_digests()


def test_one_cell_for_real():
    (row,) = cells.run_task(TASK)
    found = np.array(row["test"]["cells"])
    assert found.shape == (2, 4)
    assert found.sum() == pytest.approx(303 / 5, abs=1)
    assert 0.7 < row["test"]["auc"] <= 1
    assert row["labels"] == ("female", "male")
    assert json.loads(json.dumps(row))["test"] == row["test"]


def test_variants_are_what_their_names_say():
    """Decisions by row are whole, drawn ones are chances, and each is fitted for its own aim."""
    found = {}
    for name in ("ThresholdOptimizer, drawn", "ThresholdOptimizer, by row"):
        own = replace(TASK, method=name, criterion="demographic_parity", values=(0.02,))
        (row,) = cells.run_task(own)
        found[name] = np.array(row["test"]["cells"])
    drawn, by_row = found.values()
    assert (by_row % 1 == 0).all()
    assert (drawn % 1 != 0).any()
    method = methods()["RejectOptionClassifier, accuracy"]
    split = data.load_split("german", "age", 0, 0)
    problem = Problem(split, LogisticRegression(max_iter=1000), "demographic_parity", 0)
    rules = [m.fit(problem, (0.16,))[0] for m in (method, methods()["RejectOptionClassifier"])]
    right = [(rule(split.train).chance == split.train.y).mean() for rule in rules]
    assert right[0] > right[1]


def test_results_hang_on_the_code_that_a_class_imports_of_its_package():
    own = digests.imported("skfair.inprocessing.exponentiated_gradient")
    assert "skfair.inprocessing._saddle" in own
    assert not any("_net" in name for name in own)
    for method in methods().values():
        assert (method.side == "skfair") == bool(method.source)


def test_rules_that_draw_lots_are_paired_with_such_rules():
    by_name = methods()
    drawn = {m.without_lots: m.name for m in by_name.values() if m.without_lots}
    assert set(drawn) == {"ExponentiatedGradient", "ThresholdOptimizer"}


def test_digests_are_of_skfair_and_of_what_makes_results():
    found = digests.whole_digests()
    assert set(found) == {"skfair", "benchmark"}
    assert {"cells", "peers", "ours", "data", "measure", "methods"} <= digests._run()
    assert not {"report", "tables", "plots", "analysis"} & digests._run()


def test_digests_see_code_but_no_comments(tmp_path):
    file = tmp_path / "one.py"
    told = []
    for text in ('"""A."""\nx = 1\n', '"""B."""\nx = 1  # more\n', '"""A."""\nx = 2\n'):
        file.write_text(text)
        told.append(digests._digest([file]))
    assert told[0] == told[1] != told[2]
