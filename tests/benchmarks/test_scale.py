"""The benchmark of large tables: every way to count comes to the same sums."""

from __future__ import annotations

import importlib.util
import json

import pytest
import scale

pytestmark = pytest.mark.slow


def test_all_sides_of_a_task_count_the_same(tmp_path, capsys):
    pytest.importorskip("duckdb")
    pytest.importorskip("polars")
    results = tmp_path / "scale.json"
    folder = ["--folder", str(tmp_path / "rows"), "--results", str(results)]
    scale.main(["--rows", "20000", "--rounds", "1", *folder])
    found = json.loads(results.read_text())["results"]
    counted = [row for row in found if row["task"] != "peer"]
    assert all(row["rows_per_second"] > 0 and row["peak_mb"] > 0 for row in counted)
    sums = {}
    for row in counted:
        sums.setdefault(row["task"], []).append(row["checksum"])
    assert len(sums) >= 3
    for values in sums.values():
        assert values == pytest.approx([values[0]] * len(values), rel=1e-12)
    floors = [row["ratio"] for row in counted if row["side"] == "bare SQL"]
    assert floors == [1.0] * len(floors)
    if importlib.util.find_spec("fairlearn") is None:
        assert "error" in found[-1]
        assert "fairlearn" in capsys.readouterr().out
    else:
        assert found[-1]["timed_rows"] == 20000
