"""Cells, tables and the report from small results made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from _quality import cells, data, measure
from _quality.analysis import (
    adjusted,
    candidates,
    compare,
    hypervolumes,
    noise,
    pick_within,
    price_of_certainty,
    read_frame,
    reference,
)
from _quality.registry import methods
from _quality.report import write_report
from _quality.store import Store

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


def test_an_error_is_a_result(monkeypatch):
    def fail(*_):
        raise ValueError("no\nway")

    failing = replace(methods()["nothing"], fit=fail)
    monkeypatch.setattr(cells, "methods", lambda: {"nothing": failing})
    (row,) = cells.run_task(TASK)
    assert row["error"] == "ValueError: no way"
    assert row["key"] == TASK.keys()[0]


def test_one_cell_for_real():
    (row,) = cells.run_task(TASK)
    found = np.array(row["test"]["cells"])
    assert found.shape == (2, 4)
    assert found.sum() == pytest.approx(303 / 5, abs=1)
    assert 0.7 < row["test"]["auc"] <= 1
    assert row["labels"] == ("female", "male")
    assert json.loads(json.dumps(row))["test"] == row["test"]


def test_a_store_prefers_results_to_errors_and_survives_a_cut_line(tmp_path):
    store = Store(tmp_path)
    row = {"key": "a", **TASK.cells()[0], "date": "2026-01-02", "test": {}}
    store.add([row, {**row, "key": "b", "date": "2026-01-03", "error": "late"}])
    with store.file.open("a") as out:
        out.write('{"key": "c"')
    assert store.done() == {"a", "b"}
    assert store.done(retry=True) == {"a"}
    (kept,) = store.latest()
    assert kept["key"] == "a"


def made(method, knob, repetition, shift, criterion="any", fold=0):
    """A result of 1,000 rows a group, of the second of which 10 x shift fewer are selected."""
    cells = [[400, 100, 100, 400], [400 + 10 * shift, 100 - 10 * shift, 100, 400]]
    part = {"cells": cells, "auc": 0.8, "auc_by_group": [0.8, 0.8]}
    identity = {"data": "adult", "sensitive": "sex", "model": "logistic", "method": method}
    identity |= {"criterion": criterion, "knob": knob, "repetition": repetition, "fold": fold}
    told = {
        "labels": ["Female", "Male"],
        "key": f"{identity}",
        "date": "2026-01-01",
        "versions": {},
        "seconds": 1.0,
    }
    return {**identity, "rows": 0, "target": "", "positive": "", **told} | {
        "validation": part,
        "test": part,
    }


def results():
    rows = []
    for repetition in range(3):
        rows += [made("nothing", None, repetition, 10), made("Reweighter", None, repetition, 4)]
        rows += [made("aif360 Reweighing", None, repetition, 5 + repetition % 2)]
        for knob, shift in ((0.3, 8), (1.0, 2)):
            rows.append(made("CorrelationRemover", knob, repetition, shift))
            rows.append(made("fairlearn CorrelationRemover", knob, repetition, shift))
    return rows


def test_choice_within_a_level_and_pooling_of_folds():
    rows = [
        made("CorrelationRemover", k, 0, s, fold=f) for k, s in ((1, 2), (2, 8)) for f in (0, 1)
    ]
    found = candidates(read_frame(rows), "demographic_parity")
    chosen = pick_within(found, 0.05)
    assert chosen.reached
    assert chosen.violations("demographic_parity").tolist() == [pytest.approx(0.02)]
    assert chosen.cells[0].tolist() == [[800, 200, 200, 800], [840, 160, 200, 800]]
    assert chosen.gains().tolist() == [pytest.approx(162 / 200)]
    assert not pick_within(found, 0.01).reached
    assert candidates(read_frame(rows[1:]), "demographic_parity")["knob"].tolist() == ["2"]


def test_comparison_at_the_peers_violation():
    frame = read_frame(results())
    same = compare(
        frame, "CorrelationRemover", "fairlearn CorrelationRemover", "demographic_parity"
    )
    assert same.gained.mean == 0
    assert same.gap.mean == 0
    # the peer is right on shift more rows: 5, 6, 5 of 200 against 4 of 200
    worse = compare(frame, "Reweighter", "aif360 Reweighing", "demographic_parity")
    assert worse.gained.mean == pytest.approx(-(1 + 2 + 1) / 3 / 200)
    assert worse.gap.mean == pytest.approx(-(1 + 2 + 1) / 3 / 100)
    assert compare(frame, "Reweighter", "fairlearn GridSearch", "demographic_parity") is None
    assert adjusted([same, worse])[1] >= worse.gained.pvalue


def test_volumes_share_the_plain_models_corner():
    frame = read_frame(results())
    corner = reference(frame, "demographic_parity")
    assert corner == (pytest.approx(0.1), pytest.approx(0.5))
    points = candidates(frame[frame["method"] == "Reweighter"], "demographic_parity")
    volumes = hypervolumes(points, "demographic_parity", corner)
    assert volumes.tolist() == [pytest.approx((0.1 - 0.04) * 0.32 / (0.1 * 0.5))] * 3


def test_noise_shrinks_with_rows():
    cells = np.array([[20, 5, 5, 10], [20, 5, 5, 10]])
    assert noise(cells, "demographic_parity") > 2.5 * noise(cells * 10, "demographic_parity") > 0


def test_the_report_says_first_where_skfair_is_behind(tmp_path):
    pytest.importorskip("matplotlib")
    store = Store(tmp_path / "results")
    failed = {**made("LabelMassager", None, 0, 1), "error": "ValueError: a|b"}
    store.add([failed, *results()])
    write_report(store, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    first = text.split("## How it was run")[0]
    assert "Reweighter against aif360 Reweighing" in first
    assert "CorrelationRemover against" not in first
    assert "ValueError: a/b" in text.split("## What failed")[1]
    assert all((tmp_path / "images" / name).exists() for name in _pictures(text))


def _pictures(text):
    return [piece.split(")")[0] for piece in text.split("](images/")[1:]]


def test_results_hang_on_the_code_that_a_class_imports_of_its_package():
    own = cells._imported("skfair.inprocessing.exponentiated_gradient")
    assert "skfair.inprocessing._saddle" in own
    assert not any("_net" in name for name in own)
    for method in methods().values():
        assert (method.side == "skfair") == bool(method.source)


def test_rules_that_draw_lots_are_paired_with_such_rules():
    by_name = methods()
    drawn = {m.without_lots: m.name for m in by_name.values() if m.without_lots}
    assert set(drawn) == {"ExponentiatedGradient", "ThresholdOptimizer"}
    for peer in by_name.values():
        assert not set(peer.pairs) & set(drawn)


def test_the_price_of_certainty_by_hand():
    by_lots = {"criterion": "demographic_parity", "knob": "0.1", "repetition": 0, "fold": 0}
    cells_ = {"drawn": [[40, 10, 10, 40], [40, 10, 10, 40]]}
    cells_["alike"] = [[40, 10, 10, 40], [39, 11, 11, 39]]
    frame = pd.DataFrame(
        [
            {
                **by_lots,
                "side": "skfair",
                "method": method,
                "validation": np.array(found),
                "test": np.array(found),
            }
            for method, found in (
                ("ThresholdOptimizer, drawn", cells_["drawn"]),
                ("ThresholdOptimizer", cells_["alike"]),
            )
        ]
    )
    (found,) = price_of_certainty(frame, "demographic_parity")
    assert (found.ours, found.peer) == ("ThresholdOptimizer", "ThresholdOptimizer, drawn")
    assert found.gained.mean == pytest.approx(-0.01)
