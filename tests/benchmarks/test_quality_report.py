"""Choices, comparisons and the report from small results made by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from _quality.analysis import (
    adjusted,
    compare,
    compare_all,
    partners,
    price_of_certainty,
    sides_at,
    sides_volume,
)
from _quality.behind import first_lines
from _quality.findings import Findings
from _quality.registry import methods
from _quality.report import comparisons, write_report
from _quality.store import Store
from _quality.tables import levels_table, measures_table, sides_table, small_p
from quality_results import cells_of, made, place_of, results

PARITY, ODDS = "demographic_parity", "equalized_odds"


def test_choice_within_a_level_and_pooling_of_folds():
    rows = [
        made("CorrelationRemover", k, 0, s, fold=f) for k, s in ((1, 2), (2, 8)) for f in (0, 1)
    ]
    place = place_of(rows)
    found = place.candidates(PARITY)
    chosen = place.pick_within(found, 0.05)
    assert chosen.reached
    assert chosen.violation(PARITY).mean == pytest.approx(0.02)
    assert chosen.tests[0][0].tolist() == [[800, 200, 200, 800], [840, 160, 200, 800]]
    assert chosen.accuracy().mean == pytest.approx(162 / 200)
    assert not place.pick_within(found, 0.01).reached
    assert place_of(rows[1:]).candidates(PARITY)["knob"].tolist() == ["2"]


def test_a_method_that_lacks_a_repetition_does_not_reach():
    rows = results()
    kept = [r for r in rows if r["method"] != "Reweighter" or r["repetition"] < 2]
    place = place_of(kept)
    chosen = place.pick_within(place.of(PARITY, "Reweighter"), 0.05)
    assert (len(chosen.tests), chosen.asked, chosen.reached) == (2, (0, 1, 2), False)
    told = "| Reweighter | in 0 of 3, 1 not run | in 2 of 3, 1 not run | in 2 of 3, 1 not run |"
    assert told in levels_table(place, PARITY)
    failed = [*kept, made("Reweighter", None, 2, 1, error="ValueError: no")]
    assert "| Reweighter | in 0 of 3 | in 2 of 3 |" in levels_table(place_of(failed), PARITY)


def test_repetitions_that_a_run_is_at_do_not_count():
    rows = [made("nothing", None, r, 10, fold=f) for r in (0, 1) for f in (0, 1)]
    assert place_of(rows).repetitions == (0, 1)
    assert place_of(rows[:-1]).repetitions == (0,)


@pytest.mark.parametrize("criterion", [PARITY, ODDS])
@pytest.mark.parametrize("gain", ["accuracy", "balanced_accuracy"])
def test_a_method_against_itself_is_zero(criterion, gain):
    rng = np.random.default_rng(0)
    rows = []
    for repetition in range(3):  # values close to each other, some beaten, other tests
        for knob in range(8):
            row = made("CorrelationRemover", knob, repetition, int(rng.integers(0, 9)))
            row["validation"] = {"cells": rng.integers(50, 60, (2, 4)).tolist()}
            rows.append(row)
    found = compare(place_of(rows), *["CorrelationRemover"] * 2, criterion, gain)
    assert found.gained[:3] == (0, 0, 0)
    assert (found.gap.mean, found.gap.low, found.gap.high) == (0, 0, 0)
    assert found.worst.gained.mean == 0


def test_comparison_at_the_peers_violation():
    place = place_of(results())
    same = compare(place, "CorrelationRemover", "fairlearn CorrelationRemover", PARITY)
    assert (same.gained.mean, same.gap.mean, same.no_less_fair) == (0, 0, "yes")
    # the peer is right on shift more rows: 5, 6, 5 of 200 against 4 of 200
    worse = compare(place, "Reweighter", "aif360 Reweighing", PARITY)
    assert worse.gained.mean == pytest.approx(-(1 + 2 + 1) / 3 / 200)
    assert worse.gap.mean == pytest.approx(-(1 + 2 + 1) / 3 / 100)
    assert compare(place, "Reweighter", "fairlearn GridSearch", PARITY) is None
    assert adjusted([same, worse])[id(worse)] >= worse.gained.pvalue


def test_values_that_are_beaten_are_no_levels():
    # ours at 2 is less fair and less accurate than at 1, so nobody would ask for its violation
    rows = []
    for repetition in range(3):
        rows.append(made("CorrelationRemover", 1, repetition, 2, right=2))
        rows.append(made("CorrelationRemover", 2, repetition, 8, right=-5))
        rows.append(made("fairlearn CorrelationRemover", 1, repetition, 2, right=2))
        rows.append(made("fairlearn CorrelationRemover", 2, repetition, 5, right=4))
    found = compare(place_of(rows), "CorrelationRemover", "fairlearn CorrelationRemover", PARITY)
    # levels are 2 of each side, where both are equal, and 5, where the peer has 70 of 2,000 more
    assert found.gained.mean == pytest.approx(-70 / 2000 / 3)


@pytest.mark.parametrize("criterion", [PARITY, ODDS])
def test_to_swap_the_sides_turns_the_signs(criterion):
    rng = np.random.default_rng(1)
    names = "CorrelationRemover", "fairlearn CorrelationRemover"
    rows = []
    for repetition in range(4):
        for name, knobs in zip(names, (8, 3), strict=True):
            for knob in range(knobs):
                row = made(name, knob, repetition, 0)
                for part in ("validation", "test"):
                    row[part] = row[part] | {"cells": rng.integers(40, 60, (3, 4)).tolist()}
                rows.append(row)
    one, other = (compare(place_of(rows), *pair, criterion) for pair in (names, names[::-1]))
    assert abs(one.gained.mean) > 0.001
    assert one.gained.mean == pytest.approx(-other.gained.mean)
    assert one.gained.low == pytest.approx(-other.gained.high)
    assert one.gap.mean == pytest.approx(-other.gap.mean)


def test_sides_may_be_a_little_beyond_a_level():
    rows = []
    for repetition in range(3):
        for name, shift in (("CorrelationRemover", 2.4), ("fairlearn CorrelationRemover", 2)):
            rows.append(made(name, 1, repetition, shift))  # violations of 0.024 and 0.02
            rows.append(made(name, 2, repetition, 0))
    found = compare(place_of(rows), "CorrelationRemover", "fairlearn CorrelationRemover", PARITY)
    # at 0.024 + 0.005 and 0.02 + 0.005 both take their first, and at 0.005 their second value
    assert found.gap.mean == pytest.approx(0.004 / 2)
    assert found.gained.mean == pytest.approx(4 / 2000 / 2)


def test_undefined_violations_are_no_comparison():
    names = "CorrelationRemover", "fairlearn CorrelationRemover"
    rows = []
    for repetition in range(3):
        defined = made(names[0], 1, repetition, 2)
        nothing = [[50, 50, 0, 0], [50, 50, 0, 0]]  # no positive labels, so no true positive rate
        rows += [defined, made(names[1], 1, repetition, 2) | cells_of(nothing, data="adult")]
    assert compare(place_of(rows), *names, ODDS) is None
    assert compare(place_of(rows), *names[::-1], ODDS) is None
    both = [*rows[2:], made(names[1], 1, 0, 2), rows[0]]
    assert compare(place_of(both), *names, ODDS).n == 1


def test_a_side_without_a_value_at_the_level_takes_its_fairest():
    rows = []
    for repetition in range(3):
        rows.append(made("CorrelationRemover", 1, repetition, 8))
        rows.append(made("fairlearn CorrelationRemover", 1, repetition, 2))
    found = compare(place_of(rows), "CorrelationRemover", "fairlearn CorrelationRemover", PARITY)
    assert found.gap.mean == pytest.approx(0.06)
    assert found.gained.mean == pytest.approx(60 / 2000)


def test_the_worst_value_is_told_beside_the_mean():
    rows = []
    for repetition in range(3):
        for knob, shift in ((1, 2), (2, 8)):
            rows.append(made("fairlearn CorrelationRemover", knob, repetition, shift, right=knob))
        rows.append(made("CorrelationRemover", 1, repetition, 2, right=1))
    found = compare(place_of(rows), "CorrelationRemover", "fairlearn CorrelationRemover", PARITY)
    # at 2 the peer has 6 x 10 / 2 / 1000 and 20 of 2,000 more: 8 points of 200
    lost = (80 * 10 / 10 / 2000) - (20 * 10 / 10 / 2000) + 20 / 2000
    assert found.worst.knob == "2"
    assert found.worst.gained.mean == pytest.approx(-lost)
    assert found.gained.mean == pytest.approx(-lost / 3)  # one level of ours, two of theirs


@pytest.mark.parametrize(
    ("shifts", "answer"), [((3, 3, 3), "yes"), ((9, 9, 9), "no"), ((2, 3, 5), "unclear")]
)
def test_whether_violation_is_no_worse(shifts, answer):
    rows = []
    for repetition, shift in enumerate(shifts):
        rows += [made("Reweighter", None, repetition, shift)]
        rows += [made("aif360 Reweighing", None, repetition, 2)]
    assert compare(place_of(rows), "Reweighter", "aif360 Reweighing", PARITY).no_less_fair == answer
    first = place_of(rows[:2])
    assert compare(first, "Reweighter", "aif360 Reweighing", PARITY).no_less_fair == "-"


def test_peers_that_draw_lots_are_compared_with_both_variants():
    for peer in methods().values():
        both = partners(peer)
        drawn = [name for name in both if methods()[name].without_lots]
        assert {methods()[name].without_lots for name in drawn} <= set(both)
        assert len(set(both)) == len(both)
    peer = replace(methods()["fairlearn ThresholdOptimizer"], pairs=("ThresholdOptimizer, drawn",))
    assert partners(peer) == ["ThresholdOptimizer, drawn", "ThresholdOptimizer"]


def test_pairs_that_maximise_balanced_accuracy_are_judged_by_both():
    name = "RejectOptionClassifier"
    names = name, f"{name}, accuracy", "aif360 RejectOptionClassifierCV"
    rows = [made(name, 0.1, r, 2, criterion=PARITY) for name in names for r in range(3)]
    found, _ = compare_all(place_of(rows))
    assert [(c.ours, c.gain) for c in found] == [
        (name, "accuracy"),
        (name, "balanced_accuracy"),
        (f"{name}, accuracy", "accuracy"),
    ]


def test_pairs_that_skfair_failed_in_are_told():
    rows = [r for r in results() if r["method"] != "Reweighter"]
    failed = made("Reweighter", None, 0, 1, error="ValueError: no")
    _, missing = compare_all(place_of([*rows, failed]))
    told = {(m.ours, m.peer, m.error) for m in missing}
    assert told == {("Reweighter", "aif360 Reweighing", "ValueError: no")}
    _, missing = compare_all(place_of(rows))
    assert {m.error for m in missing} == {""}


def test_the_price_of_certainty_by_hand():
    rows = []
    for name, second in (
        ("ThresholdOptimizer, drawn", [40, 10, 10, 40]),
        ("ThresholdOptimizer", [39, 11, 11, 39]),
        ("ThresholdOptimizer, by row", [41, 9, 9, 41]),
    ):
        row = made(name, 0.1, 0, 0, criterion=PARITY)
        rows.append({**row, **cells_of([[40, 10, 10, 40], second], data="adult")})
    single, by_row = price_of_certainty(place_of(rows))
    assert (single.ours, single.peer) == ("ThresholdOptimizer", "ThresholdOptimizer, drawn")
    assert single.gained.mean == pytest.approx(-0.01)
    assert by_row.ours == "ThresholdOptimizer, by row"
    assert by_row.gained.mean == pytest.approx(0.01)
    ours, _ = place_of(rows).sides(PARITY)
    assert set(ours["method"]) == {"ThresholdOptimizer, drawn", "ThresholdOptimizer"}


def test_volumes_share_the_plain_models_corner_and_are_aligned_by_repetition():
    rows = results()
    place = place_of(rows)
    assert place.reference(PARITY) == (pytest.approx(0.1), pytest.approx(0.5))
    volumes = place.hypervolumes(place.of(PARITY, "Reweighter"), PARITY)
    volume = (0.1 - 0.04) * 0.32 / (0.1 * 0.5)
    assert {r: v.tolist() for r, v in volumes.items()} == {
        r: [pytest.approx(volume)] for r in range(3)
    }
    ours = [r for r in rows if r["repetition"] != 0 or _plain_or_peer(r)]
    assert sides_volume(place_of(ours), PARITY).reached == (2, 3)
    assert sides_volume(place_of(ours), PARITY).gained.n == 2


def _plain_or_peer(row):
    return row["method"] == "nothing" or methods()[row["method"]].side != "skfair"


def test_levels_below_the_noise_are_not_asked_for():
    small = [[20, 5, 5, 20], [20, 5, 5, 20]]
    place = place_of([made("nothing", None, 0, 0) | cells_of(small)], ("heart", "sex", "logistic"))
    assert place.noise(PARITY) == pytest.approx(np.sqrt(0.25 * 2 / 50 * 2 / np.pi), rel=0.1)
    assert place.levels(PARITY) == (0.10,)
    assert place.levels(ODDS) == ()
    assert sides_table(place, ODDS) == "There is no level to ask for.\n"
    assert place_of(results()).levels(PARITY) == (0.02, 0.05, 0.10)


def test_levels_that_only_peers_reach():
    rows = [r for r in results() if _plain_or_peer(r) or r["method"] == "Reweighter"]
    assert sides_at(place_of(rows), PARITY, 0.02).reached == (0, 3)


def test_a_method_without_scores_has_no_auc():
    rows = results()
    for row in rows:
        if row["method"] == "Reweighter":
            row["test"] = {**row["test"], "auc": float("nan")}
    lines = measures_table(place_of(rows), PARITY, 0.05).splitlines()
    (shown,) = [line.split(" | ") for line in lines if line.startswith("| Reweighter")]
    assert shown[3] == "-"
    assert lines[0].split(" | ")[1:4] == ["accuracy", "balanced", "AUC"]


def test_small_p_values_are_not_rounded_to_zero():
    assert (small_p(0.0002), small_p(0.0123), small_p(float("nan"))) == ("< 0.001", "0.012", "-")


def findings(tmp_path, rows):
    store = Store(tmp_path / "results")
    store.add(rows)
    found = Findings(store)
    return "\n".join(first_lines(found)), comparisons(found)


def test_the_report_says_first_where_skfair_is_behind(tmp_path):
    pytest.importorskip("matplotlib")
    store = Store(tmp_path / "results")
    store.add([made("LabelMassager", None, 0, 1, error="ValueError: a|b"), *results()])
    write_report(store, tmp_path / "report.md", ["adult"])
    text = (tmp_path / "report.md").read_text()
    first = text.split("## The same algorithm")[0]
    assert "Reweighter against aif360 Reweighing" in first
    assert "CorrelationRemover against" not in first
    assert "noise alone: 0.02 (adult, sex, logistic, equalized odds)." in first  # noise is 0.024
    assert "ValueError: a/b" in text.split("## What failed")[1]
    assert all((tmp_path / "images" / name).exists() for name in _pictures(text))


def test_first_lines_tell_levels_volumes_and_failures(tmp_path):
    rows = [r for r in results() if _plain_or_peer(r)]
    rows += [made("DisparateImpactRemover", 1.0, r, 9) for r in range(3)]
    rows += [made("Reweighter", None, 0, 1, error="ValueError: no")]
    first, _ = findings(tmp_path, rows)
    own = section(first, "Best of skfair behind the best of the peers")
    where = "- adult, sex, logistic, demographic parity"
    assert f"{where}, at 0.02: skfair keeps to the level in 0 of 3" in own
    assert f"{where}, by hypervolume: -0." in own
    first = section(first, "Not compared")
    assert "skfair failed (ValueError: no): Reweighter against aif360 Reweighing" in first
    assert "not in this run: CorrelationRemover against fairlearn CorrelationRemover" in first


def test_a_larger_violation_is_told(tmp_path):
    rows = [r for r in results() if "Reweigh" not in r["method"]]
    rows += [made("Reweighter", None, r, 9, right=3) for r in range(3)]
    rows += [made("aif360 Reweighing", None, r, 2) for r in range(3)]
    first, text = findings(tmp_path, rows)
    assert "large tables (adult): 4 shown, 0 open, 0 worse." in first
    assert "In 2 of those shown skfair's violation is no worse by 0.02, too." in first
    assert (
        "4 are of methods that know no criterion, whose same fits count for each: 4 shown" in first
    )
    rows = [line for line in first.splitlines() if line.startswith("| ")]
    assert "| Reweighter | aif360 | 2 | 2 | 0 | 0 | 0 |" in rows
    assert "| CorrelationRemover | fairlearn | 2 | 2 | 0 | 0 | 2 |" in rows
    assert "| adult, sex, logistic | equalized odds | 2 | 2 | 0 | 0 |" in rows
    own = section(first, "Within a point, at a larger violation")
    pair = "Reweighter against aif360 Reweighing"
    assert own.splitlines() == [
        f"- adult, sex, logistic, demographic parity: {pair}: violation +0.070 (+0.070 to +0.070).",
        f"- adult, sex, logistic, equalized odds: {pair}: violation +0.080 (+0.080 to +0.080).",
    ]
    assert "| **no** |" in text


def test_small_tables_have_intervals_and_no_verdict(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for repetition in range(2):
        for fold in range(5):
            for name in ("nothing", "Reweighter", "aif360 Reweighing"):
                cells = rng.integers(5, 20, (2, 4)).tolist()
                rows.append(made(name, None, repetition, 0, fold=fold) | cells_of(cells))
    first, text = findings(tmp_path, rows)
    assert first.startswith("Small tables are described and not ranked")
    assert "Nowhere" not in first
    (row,) = [line for line in text.splitlines() if "| Reweighter | aif360" in line][:1]
    assert " to +" in row
    assert "| - | - |" in row


def section(first, title):
    (found,) = [part for part in first.split("### ") if part.startswith(f"{title}\n")]
    return found.removeprefix(title).strip()


def test_headings_part_what_is_worse_from_what_is_not_known(tmp_path):
    rows = [r for r in results() if r["method"] == "nothing"]
    for r in range(3):
        rows += [made("Reweighter", None, r, 2), made("aif360 Reweighing", None, r, 2, right=3)]
        rows += [made("CorrelationRemover", 1.0, r, 2, right=9 * (r == 0))]
        rows += [made("fairlearn CorrelationRemover", 1.0, r, 2, right=4)]
    first, _ = findings(tmp_path, rows)
    own = section(first, "Worse")
    assert "Reweighter against aif360 Reweighing: -3.00 points (lower limit -3.00)" in own
    assert "CorrelationRemover" not in own
    own = section(first, "Behind on average, and not shown to be within a point")
    assert "CorrelationRemover against fairlearn CorrelationRemover: -1.00 points" in own
    assert "Reweighter" not in own
    assert "Ahead on average" not in first
    assert first.index("### Worse") < first.index("### Behind on average")


def test_losses_come_from_the_largest_and_what_is_ahead_is_apart(tmp_path):
    rows = [r for r in results() if r["method"] == "nothing"]
    for r in range(3):
        rows += [made("Reweighter", None, r, 2), made("aif360 Reweighing", None, r, 2, right=3)]
        rows += [made("CorrelationRemover", 1.0, r, 2)]
        rows += [made("fairlearn CorrelationRemover", 1.0, r, 2, right=5)]
        rows += [made("DisparateImpactRemover", 1.0, r, 2, right=9 * (r == 0))]
        rows += [made("aif360 DisparateImpactRemover", 1.0, r, 2, right=1)]
    first, _ = findings(tmp_path, rows)
    own = section(first, "Worse").splitlines()
    assert ["Correlation" in line for line in own] == [True, True, False, False]
    own = section(first, "Ahead on average, or level, but not shown to be within a point")
    assert (
        "DisparateImpactRemover against aif360 DisparateImpactRemover: +2.00, lower limit -" in own
    )


def test_intervals_of_violations_are_told_from_low_to_high(tmp_path):
    rows = [r for r in results(10) if r["method"] == "nothing"]
    for r in range(10):
        rows += [
            made("Reweighter", None, r, 3 + 2 * (r % 2)),
            made("aif360 Reweighing", None, r, 2),
        ]
    first, _ = findings(tmp_path, rows)
    own = section(first, "Within a point, but violation isn't shown to be no worse by 0.02")
    mean, low, high = map(float, re.findall(r"[+-]\d\.\d{3}", own.splitlines()[0]))
    assert low < mean < high


def test_small_tables_that_are_surely_behind_are_told(tmp_path):
    rows = []
    for repetition in range(3):
        for fold in range(5):
            for name, right in (("nothing", 0), ("Reweighter", 0), ("aif360 Reweighing", 6)):
                told = made(name, None, repetition, 2, fold=fold, right=right)
                for part in ("validation", "test"):
                    cells = np.array(told[part]["cells"]) / 10
                    told[part] = {**told[part], "cells": cells.tolist()}
                rows.append(told)
    own = section(findings(tmp_path, rows)[0], "Worse")
    assert "a small table, by itself, one-sided: Reweighter against aif360 Reweighing: -6" in own


def test_nothing_behind_is_said(tmp_path):
    rows = [r for r in results() if r["method"] == "nothing"]
    for r in range(3):
        rows += [made("Reweighter", None, r, 2), made("aif360 Reweighing", None, r, 2)]
    first, _ = findings(tmp_path, rows)
    assert section(first, "Worse") == "- Nowhere in this run."


def _pictures(text):
    return [piece.split(")")[0] for piece in text.split("](images/")[1:]]


def test_rules_without_lots_are_counted_apart_from_the_same_rules(tmp_path):
    rows = [r for r in results() if r["method"] == "nothing"]
    for r in range(3):
        own = {"criterion": "demographic_parity", "right": 3}
        rows += [made("ThresholdOptimizer, drawn", 0.01, r, 2, **own)]
        rows += [made("ThresholdOptimizer", 0.01, r, 2, "demographic_parity")]
        rows += [made("fairlearn ThresholdOptimizer", 0.01, r, 2, "demographic_parity")]
    first, _ = findings(tmp_path, rows)
    assert "2 comparisons of 2 pairs" in first
    assert "In 1 both sides draw lots, or neither does: 1 shown." in first
    other = findings(tmp_path / "other", results())[0]
    assert "both sides draw lots" not in other
    rows = [r for r in rows if r["method"] in ("nothing", "ThresholdOptimizer")]
    rows += [made("fairlearn ThresholdOptimizer", 0.01, r, 2, PARITY, right=3) for r in range(3)]
    first, _ = findings(tmp_path / "worse", rows)
    assert section(first, "Worse") == (
        "- adult, sex, logistic, demographic parity: deciding alike each time against a peer that "
        "draws lots: ThresholdOptimizer against fairlearn ThresholdOptimizer: -3.00, lower limit "
        "-3.00, violation +0.000."
    )
    rows += [made("ExponentiatedGradient", 0.01, r, 2, PARITY) for r in range(3)]
    rows += [made("fairlearn ExponentiatedGradient", 0.01, r, 2, PARITY, right=5) for r in range(3)]
    first, _ = findings(tmp_path / "both", rows)
    assert first.index("-5.00, lower limit") < first.index("-3.00, lower limit")
    assert "In 2 both sides decide the same on every row." in other


def test_what_each_place_shows_is_counted(tmp_path):
    first, _ = findings(tmp_path, results())
    assert "- 4 comparisons of 2 pairs on large tables (adult): 2 shown, 2 open, 0 worse." in first
    (row,) = [
        line for line in first.splitlines() if line.startswith("| adult") and "parity" in line
    ]
    assert row.split("|")[3:7] == [" 2 ", " 1 ", " 1 ", " 0 "]


def test_pairs_of_other_aims_say_so(tmp_path):
    rows = [r for r in results() if r["method"] == "nothing"]
    for r in range(3):
        rows += [made("RejectOptionClassifier, accuracy", 0.1, r, 2, PARITY)]
        rows += [made("aif360 RejectOptionClassifierCV", 0.1, r, 2, PARITY)]
    first, text = findings(tmp_path, rows)
    assert "In 1 skfair maximises accuracy and the peer balanced accuracy." in first
    assert "aif360 RejectOptionClassifierCV (which maximises balanced accuracy)" in text


def test_a_loss_tells_what_it_is_by_what_both_sides_maximise(tmp_path):
    rows = [r for r in results() if r["method"] == "nothing"]
    for r in range(3):
        rows += [made("RejectOptionClassifier", 0.1, r, 2, PARITY)]
        rows += [made("aif360 RejectOptionClassifierCV", 0.1, r, 2, PARITY, right=3)]
    first, _ = findings(tmp_path, rows)
    accuracy, balanced = section(first, "Worse").splitlines()
    assert ": -3.00 points (lower limit -3.00)" in accuracy
    assert accuracy.endswith("; both maximise balanced accuracy, and there it is -3.00.")
    assert "-3.00 points of balanced accuracy" in balanced
    assert "and there" not in balanced
    assert "1 are in points of balanced accuracy, which both sides maximise there." in first
