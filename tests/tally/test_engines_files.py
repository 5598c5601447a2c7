"""Parquet files by their paths, read by DuckDB or, where only that is installed, by polars."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from skfair.tally import ScoreTally, Tally, _sources, tallies_over_time

RNG = np.random.default_rng(7)
N = 60
DATA = pa.table(
    {
        "y": RNG.choice(["no", "yes"], N).tolist(),
        "p": RNG.choice(["no", "yes"], N).tolist(),
        "sex": RNG.choice(["f", "m", ""], N).tolist(),
        "s": RNG.random(N),
        "w": RNG.random(N),
        "at": pa.array(
            [datetime.datetime(2024, 3, 1, k % 24) for k in range(N)],
            pa.timestamp("us", tz="Europe/Berlin"),
        ),
    }
)
NAMES = {"y_true": "y", "y_pred": "p", "sensitive_features": "sex", "sample_weight": "w"}
WHOLE = Tally.from_frame(DATA, **NAMES)


@pytest.fixture(params=["duckdb", "polars"], autouse=True)
def engine(request, monkeypatch):
    pytest.importorskip(request.param)
    real = _sources.find_spec
    hidden = {"duckdb", "polars"} - {request.param}
    monkeypatch.setattr(_sources, "find_spec", lambda name: None if name in hidden else real(name))
    return request.param


def assert_whole(source):
    tally = Tally.from_frame(source, **NAMES)
    assert (tally.labels, tally.classes) == (WHOLE.labels, WHOLE.classes)
    assert_array_equal(tally.count, WHOLE.count)
    assert tally.weight == pytest.approx(WHOLE.weight, rel=1e-12)


@pytest.fixture
def parts(tmp_path):
    """A folder of three files, one of them deeper and one without rows."""
    (tmp_path / "deep").mkdir()
    paths = [tmp_path / "part-1.parquet", tmp_path / "part-2.parquet", tmp_path / "deep/3.parquet"]
    for path, rows in zip(paths, [DATA[:20], DATA[20:20], DATA[20:]], strict=True):
        pq.write_table(rows, path, row_group_size=7)
    (tmp_path / "notes.txt").write_text("no data")
    return paths


def test_paths_of_all_kinds(parts, tmp_path, monkeypatch):
    assert_whole(parts)
    assert_whole(tuple(map(str, parts)))
    assert_whole([str(parts[0]), tmp_path / "deep"])
    assert_whole(tmp_path)
    assert_whole(str(tmp_path / "**" / "*.parquet"))
    assert_whole([str(tmp_path / "part-*.parquet"), parts[2]])
    monkeypatch.chdir(tmp_path)
    assert_whole(["part-[12].parquet", Path("deep")])
    assert_whole("**/*.parquet")


@pytest.mark.parametrize(
    "name",
    [
        "a'b.parquet",
        'a"b',
        "[ab]*?.parquet",
        "[a].parquet",
        "a;b --.parquet",
        "\u00fc {x} $1 %.parquet",
    ],
)
def test_names_of_files_are_data(tmp_path, name):
    pq.write_table(DATA[:9], tmp_path / "a.parquet")
    pq.write_table(DATA, tmp_path / name)
    assert_whole(tmp_path / name)


def test_columns_are_matched_by_name(tmp_path):
    pq.write_table(DATA[:20], tmp_path / "1.parquet")
    pq.write_table(DATA[20:].select(DATA.column_names[::-1]), tmp_path / "2.parquet")
    assert_whole(tmp_path)


def test_a_column_that_one_file_lacks_is_an_error(tmp_path):
    pq.write_table(DATA[:20], tmp_path / "1.parquet")
    pq.write_table(DATA[20:].drop_columns("sex"), tmp_path / "2.parquet")
    with pytest.raises(Exception, match="sex"):
        Tally.from_frame(tmp_path, **NAMES)


def test_scores_and_windows(parts):
    tally = ScoreTally.from_frame(
        parts, y_true="y", y_score="s", sensitive_features="sex", pos_label="yes", bins=5
    )
    assert tally.count.shape == (3, 2, 5)
    expected = ScoreTally.from_arrays(
        DATA["y"], DATA["s"].to_numpy(), DATA["sex"], pos_label="yes", edges=tally.edges
    )
    assert_array_equal(tally.count, expected.count)
    days = tallies_over_time(parts, time="at", every="6h", **NAMES)
    assert [str(start) for start in days] == [
        f"2024-{day} {hour}:00:00+00:00"
        for day, hour in [("03-01", "00"), ("03-01", "06"), ("03-01", "12"), ("03-01", "18")]
    ]


@pytest.mark.parametrize("path", ["none.parquet", "*.parquet", Path("none"), ["a.parquet"]])
def test_paths_without_files(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no Parquet file"):
        Tally.from_frame(path, **NAMES)


def test_files_that_are_no_parquet(tmp_path):
    (tmp_path / "t.parquet").write_text("no data")
    with pytest.raises(Exception, match=r"(?i)parquet"):
        Tally.from_frame(tmp_path / "t.parquet", **NAMES)


@pytest.mark.parametrize("source", [[], [1], ["a.parquet", 1], 3.5, b"a.parquet"])
def test_what_is_no_path(source):
    with pytest.raises(TypeError):
        Tally.from_frame(source, **NAMES)


def test_without_an_engine_the_extra_is_named(parts, monkeypatch):
    monkeypatch.setattr(_sources, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    message = r'reading Parquet files needs duckdb: pip install "skfair\[data\]"'
    with pytest.raises(ImportError, match=message):
        Tally.from_frame(parts, **NAMES)


def test_partitions_named_by_folders(tmp_path):
    for value, rows in (("a", DATA[:20]), ("b", DATA[20:])):
        (tmp_path / f"region={value}").mkdir()
        pq.write_table(rows, tmp_path / f"region={value}" / "1.parquet")
    tally = Tally.from_frame(tmp_path, y_true="y", y_pred="p", sensitive_features="region")
    assert tally.labels == ("a", "b")
    assert tally.group_counts.tolist() == [20, 40]


def test_pandas_index_in_a_file_is_no_column(tmp_path):
    pd.DataFrame(DATA.to_pandas(), index=range(N)).set_index("at").to_parquet(
        tmp_path / "t.parquet"
    )
    assert_whole(tmp_path / "t.parquet")
