"""The speed table: cases on small data, how they are timed, what is kept and what is told."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from _speed import measure, report, store
from _speed.case import FLOOR, OURS, Case, Side, Size
from _speed.tasks import CASES
from _speed.worker import Limits, run_cell
from speed import plan

pytestmark = pytest.mark.slow

LIMITS = Limits(run=60.0, rounds=0.01)
SMALL = Size(400, 4, 5)


def small(case):
    shrunk = (min(one, other) for one, other in zip(case.base, SMALL, strict=True))
    return Size(*shrunk)


@pytest.mark.parametrize("name", [name for name in CASES if name != "import"])
@pytest.mark.filterwarnings("ignore")
def test_every_case_runs_on_small_data_and_sides_agree(name, monkeypatch):
    if name == "adversarial epoch":
        pytest.importorskip("skorch")
    case = CASES[name]
    sides, seeds, make_rng = case.make(small(case)), [], np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda s=None: (seeds.append(s), make_rng(s))[1])
    answers = {side.name: side.solve() for side in sides}
    data = [seed for seed in seeds if isinstance(seed, int) and 0 < seed < 10]
    assert not data, "data are made while the time runs"
    assert {OURS, FLOOR} <= set(answers) <= {OURS, FLOOR, *case.peers}
    for answer in answers.values():
        if case.atol is not None:
            assert case.agreement(answers[OURS], answer) == "same"
        elif answer is not None:
            assert np.isfinite(answer).all()


def test_a_cell_is_plain_data():
    case = replace(CASES["one figure"], peers=("nobody",))
    cell = run_cell(case, Size(400, 2), LIMITS, {"floor": "why"})
    assert json.loads(json.dumps(cell)) == cell
    assert cell["sides"]["nobody"] == {"status": "not installed"}
    assert cell["sides"][FLOOR] == {"status": "not tried", "note": "why"}
    own = cell["sides"][OURS]
    assert own["status"] == "ok"
    assert own["rounds"] == len(own["wall"]) == len(own["cpu"]) >= 3


def test_a_case_that_fails_is_told():
    def explode(size):
        raise ValueError("no\nway")

    case = Case("x", "", "", explode, Size(10))
    assert run_cell(case, case.base, LIMITS, {})["error"] == "ValueError: no way"


def test_imports_are_timed_in_fresh_interpreters(monkeypatch):
    from _speed import imports

    made = imports.import_time(Size())
    assert {OURS, FLOOR} <= {side.name for side in made}
    tiny = imports._side("json", "import json")
    first = measure.first_run(tiny, 60.0)
    assert first.status == "ok"
    assert first.timing.cpu > 0
    assert sys.platform != "linux" or 1 < first.peak < 100


def test_a_case_grows_along_each_axis_from_its_base():
    case = Case(
        "x",
        "",
        "",
        lambda size: [],
        Size(100, 4),
        {"rows": (Size(100, 4), (10, 100, 1000)), "groups": (Size(50, 4), (2, 4))},
    )
    expected = [Size(100, 4), Size(10, 4), Size(50, 2), Size(50, 4), Size(1000, 4)]
    assert case.sizes() == expected
    assert case.sizes(quick=True) == [Size(100, 4)]
    assert CASES["group metrics"].sizes(quick=True) == [Size(5000, 10)]


def test_bases_come_first():
    cases = plan(["reweighter"], quick=False)
    assert [case.name for case, _ in cases[:2]] == ["Reweighter, weights", "Reweighter"]
    assert all(size == case.base for case, size in cases[:2])
    assert all(size != case.base for case, size in cases[2:])


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([1.0, 2.0], "same"),
        ([1.0, 2.05], "same"),
        ([1.0, 2.5], "DIFFERS by up to 0.5"),
        ([1.0, np.nan], "DIFFERS by up to nan"),
        ([1.0], "DIFFERS: 1 numbers for 2"),
        (None, ""),
    ],
)
def test_agreement_within_a_tolerance(other, expected):
    case = Case("x", "", "", lambda size: [], Size(), atol=0.1)
    other = None if other is None else np.array(other)
    assert case.agreement(np.array([1.0, 2.0]), other) == expected


def test_both_answers_are_told_where_they_may_differ():
    case = Case("x", "", "", lambda size: [], Size(), figures=("low", "high"))
    assert case.agreement(np.array([1, 2.0]), np.array([3, 4.0])) == "low 3 (1); high 4 (2)"


def test_the_interval_of_a_median_by_hand():
    # of 6 ratios all lie within [1, 6] but with chance 2 / 64
    assert measure.median_ratio([2, 4, 6, 8, 10, 12], [2] * 6) == (3.5, 1.0, 6.0, 6)
    # of 15, P(3 or fewer of 15 below the median) = .0176, P(4 or fewer) = .059
    assert measure.median_ratio(range(1, 16), [1] * 15) == (8.0, 4.0, 12.0, 15)


def test_ratios_are_taken_within_rounds():
    # medians are 2 and 2, every round says 1/2 or 4
    assert measure.median_ratio([1, 2, 8], [2, 4, 2]).median == 0.5


def test_one_run_has_no_interval():
    found = measure.median_ratio([6.0], [1.0, 2.0, 3.0])
    assert found.median == 3.0
    assert np.isnan(found.low)
    assert measure.median_ratio([], [1.0]).rounds == 0


def test_a_child_answers_fails_ends_or_is_stopped():
    assert measure.in_child(lambda: 7) == ("ok", 7)
    assert measure.in_child(lambda: 1 / 0) == ("error", "ZeroDivisionError: division by zero")
    assert measure.in_child(lambda: sys.exit(3)) == ("error", "the process ended with code 3")
    assert measure.in_child(threading.Event().wait, 0.05) == ("limit", None)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_is_what_a_run_takes_beyond_the_data():
    data = np.ones(5_000_000)  # 40 MB

    def run():
        return float((data + 1)[0])

    first = measure.first_run(Side("x", run, np.atleast_1d), 60.0)
    assert first.answer.tolist() == [2.0]
    assert first.peak == pytest.approx(40, abs=8)


@pytest.mark.slow
def test_sides_take_turns_forth_and_back():
    log = []
    sides = [Side("a", lambda: log.append("a")), Side("b", lambda: log.append("b"))]
    slow = Side("slow", lambda: log.append("slow"))
    firsts = [measure.First("ok", measure.Timing(s, s)) for s in (2.0, 2.0, 100.0)]
    found = measure.in_turn([*sides, slow], firsts, budget=1.0)
    assert log == ["a", "b", "b", "a", "a", "b"]
    assert [len(timings) for timings in found] == [3, 3, 0]


def cell_of(name, size, **sides):
    rows = {
        side: {"status": "ok", "note": "", "rounds": 3, "wall": [w] * 3, "cpu": [w] * 3, "peak": 9}
        for side, w in sides.items()
    }
    return {"case": name, **size._asdict(), "date": "2026-01-01", "limit": 20.0, "sides": rows}


@pytest.fixture
def results(tmp_path):
    return store.Store(tmp_path / "build" / "speed.json")


CASE = CASES["group metrics"]


def test_a_run_goes_on_where_it_was(results):
    cell = cell_of(CASE.name, CASE.base, skfair=0.5, floor=0.25)
    results.add(cell)
    results.add({**cell, "date": "2026-01-02"})
    again = store.Store(results.file)
    assert again.find(CASE, CASE.base)["date"] == "2026-01-02"
    assert len(again.cells) == 1
    assert again.find(CASE, Size(7)) is None
    assert again.find(CASES["bootstrap"], CASE.base) is None


def test_other_code_starts_anew_but_can_be_reported(results, monkeypatch, capsys):
    results.add(cell_of(CASE.name, CASE.base, skfair=0.5, floor=0.25))
    monkeypatch.setattr(store, "code", lambda: "other")
    kept = store.Store(results.file, keep=True)
    assert len(kept.cells) == 1
    assert kept.about["code"] == results.about["code"]
    assert store.Store(results.file).cells == []
    assert "speed.old.json" in capsys.readouterr().out
    assert len(json.loads(results.file.with_suffix(".old.json").read_text())["cells"]) == 1


def test_what_was_slow_is_not_tried_on_more(results):
    cell = cell_of(CASE.name, Size(1000, 10), skfair=0.1, fairlearn=6.0, floor=0.1, aif360=4.0)
    cell["sides"]["aif360"] = {"status": "limit"}
    results.add(cell)
    found = results.skips(CASE, Size(10_000, 10), 20.0)
    assert found["fairlearn"] == "6 s at 1,000 rows, 10 groups"
    assert found["aif360"] == "> 20 s at 1,000 rows, 10 groups"
    assert results.skips(CASE, Size(100, 10), 20.0) == {}
    assert results.skips(CASE, Size(10_000, 2), 20.0) == {}
    assert results.skips(CASE, CASE.base, 20.0) == {}
    assert set(results.skips(CASE, Size(10_000, 10), 40.0)) == {"aif360"}


def test_the_report_says_first_where_skfair_is_slower(results):
    cell = cell_of(CASE.name, CASE.base, skfair=0.5, fairlearn=0.25, aif360=1.0, floor=0.25)
    cell["sides"]["aif360"]["agreement"] = "DIFFERS by up to 1"
    results.add(cell)
    lines = report.behind(results)
    assert lines == [
        "- group metrics, 100,000 rows, 10 groups: skfair takes 2.00 times as long as fairlearn.",
        "- group metrics, 100,000 rows, 10 groups: the answer of aif360 DIFFERS by up to 1.",
    ]
    assert report.tables(results).index(lines[0]) < report.tables(results).index("| work |")


def test_what_has_no_ratio_is_said(results):
    cell = cell_of(CASE.name, CASE.base, skfair=0.5, floor=0.25)
    cell["sides"] |= {"fairlearn": {"status": "limit"}, "aif360": {"status": "not installed"}}
    results.add(cell)
    text = report.headline(results)
    assert "| 500 ms | x 2 [2, 2], CPU 2 |" in text
    assert "fairlearn: > 20 s, over x 40<br>aif360: not installed |" in text
    cell["sides"][OURS] = {"status": "error", "note": "ValueError: a|b"}
    results.add(cell)
    assert "skfair error: ValueError: a/b." in report.behind(results)[0]


@pytest.mark.slow
def test_growth_and_the_picture(results, tmp_path):
    pytest.importorskip("matplotlib")
    for rows, seconds in ((10_000, 0.01), (100_000, 0.1)):
        cell = cell_of(CASE.name, Size(rows, 10), skfair=seconds, floor=seconds / 2)
        cell["sides"]["fairlearn"] = {"status": "not tried", "note": "why"}
        results.add(cell)
    text = report.growth(results, "rows")
    assert "| group metrics, 10 groups | skfair | 10 ms, 9 MB | 100 ms, 9 MB |" in text
    assert "| group metrics, 10 groups | fairlearn | not tried | not tried |" in text
    report.write_report(results, tmp_path / "speed.md")
    assert "images/speed.png" in (tmp_path / "speed.md").read_text()
    assert 0 < (tmp_path / "images" / "speed.png").stat().st_size < 100_000
