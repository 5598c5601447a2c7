"""What is kept of runs: the newest of equal cells, nothing that couldn't be imported."""

from __future__ import annotations

import pytest
from _quality import store as stores
from _quality.store import Store, other_code
from quality_results import made

MISSING = "ModuleNotFoundError: No module named 'skfair.tally'"


def test_the_newest_wins_whether_error_or_not(tmp_path):
    store = Store(tmp_path)
    row = made("nothing", None, 0, 1, date="2026-01-02")
    store.add([row, {**row, "date": "2026-01-03", "error": "ValueError: late"}])
    assert [kept["date"] for kept in store.latest()] == ["2026-01-03"]
    assert store.done() == {row["key"]}
    assert store.done(retry=True) == set()
    store.add([{**row, "date": "2026-01-04", "seconds": 5.0}])
    assert [kept["seconds"] for kept in store.latest()] == [5.0]
    assert store.done(retry=True) == {row["key"]}


def test_of_other_versions_the_newest_wins_too(tmp_path):
    store = Store(tmp_path)
    row = made("nothing", None, 0, 1, date="2026-01-03")
    store.add([row, {**row, "key": "older", "date": "2026-01-02", "error": "ValueError: no"}])
    assert [kept["key"] for kept in store.latest()] == [row["key"]]
    assert store.done() == {row["key"], "older"}


def test_a_line_that_was_cut_off_is_no_row(tmp_path):
    store = Store(tmp_path)
    store.add([made("nothing", None, 0, 1)])
    with store.file.open("a") as out:
        out.write('{"key": "c"')
    assert len(list(store.rows())) == 1


@pytest.mark.parametrize(
    "error", [MISSING, "ImportError: cannot import name 'x'", "SyntaxError: invalid syntax"]
)
def test_what_could_not_be_imported_is_not_done(tmp_path, error):
    store = Store(tmp_path)
    row = made("Reweighter", None, 0, 1, date="2026-01-03", error=error)
    store.add([row])
    assert store.done() == set()
    assert [kept["error"] for kept in store.latest()] == [error]
    store.add([made("Reweighter", None, 0, 1, date="2026-01-02")])  # older, of another machine
    assert "error" not in store.latest()[0]


def test_a_peer_that_is_not_installed_is_done_with(tmp_path):
    store = Store(tmp_path)
    told = {"versions": {"aif360": "not installed"}, "error": "ImportError: aif360"}
    store.add([made("aif360 Reweighing", None, 0, 1, **told)])
    assert len(store.done()) == 1


def test_results_say_whether_they_are_of_the_present_code(monkeypatch):
    now = {"skfair": "a", "benchmark": "b"}
    monkeypatch.setattr(stores, "whole_digests", lambda: now)
    monkeypatch.setattr(stores, "present_key", lambda row: "now")
    ours = made("Reweighter", None, 0, 1, key="now")
    peer = made("aif360 Reweighing", None, 0, 1, key="now")
    assert other_code({**ours, "tree": now}) == "same"
    assert other_code({**ours, "tree": {**now, "skfair": "x"}}) == "other"
    assert other_code({**ours, "tree": now, "key": "x"}) == "other"
    assert other_code(ours) == other_code(peer) == "untold"
    assert other_code({**peer, "key": "x"}) == "other"
    assert other_code({**peer, "tree": {**now, "skfair": "x"}}) == "same"
    assert other_code({**peer, "tree": {**now, "benchmark": "x"}}) == "other"


def test_published_results_are_read_as_they_were(tmp_path):
    store = Store(tmp_path / "here")
    cells = {"cells": [[1.0, 2.25, 3.0, 0.0]], "auc": 0.123456789, "auc_by_group": [0.5]}
    rows = [
        made("CorrelationRemover", None, 0, 1, date="2026-01-02"),
        made("CorrelationRemover", 0.3, 0, 1, validation=cells, test=cells),
        {k: v for k, v in made("Reweighter", None, 0, 1).items() if k != "test"}
        | {"error": "ValueError: no"},
        made("nothing", None, 1, 2),
    ]
    store.add([{**rows[0], "date": "2026-01-01"}, *rows])
    store.publish(tmp_path / "there")
    found = list(Store(tmp_path / "there").rows())
    rounded = {**cells, "auc": 0.12346}
    rows[1] |= {"validation": rounded, "test": rounded}
    assert sorted(found, key=str) == sorted(rows, key=str)
    assert Store(tmp_path / "there").machines() == store.machines()
    lines = (tmp_path / "there" / stores.PUBLISHED).read_text().splitlines()
    assert '"sensitive"' in lines[0]
    assert not any('"sensitive"' in line for line in lines[1:])


def test_only_what_peers_did_and_what_is_wanted_is_borrowed(tmp_path):
    ours, peer = made("Reweighter", None, 0, 1), made("aif360 Reweighing", None, 0, 2)
    other = made("aif360 Reweighing", None, 1, 2)
    lender = Store(tmp_path / "lender")
    lender.add([ours, peer, other, made("nothing", None, 0, 1)])
    lender.publish(tmp_path / "published")
    store = Store(tmp_path / "mine")
    store.borrow(tmp_path / "published", {ours["key"], peer["key"]})
    assert store.done() == {peer["key"]}
    assert [row["method"] for row in store.latest()] == ["aif360 Reweighing"]
    assert store.machines() == lender.machines()
    store.add([{**peer, "date": "2026-01-03", "seconds": 9.0}])
    assert [row["seconds"] for row in store.latest()] == [9.0]
