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

from skfair.groups import MISSING
from skfair.tally import ScoreTally, Tally, _parquet, _sources, tallies_over_time

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
    real = _parquet.find_spec
    hidden = {"duckdb", "polars"} - {request.param}
    monkeypatch.setattr(_parquet, "find_spec", lambda name: None if name in hidden else real(name))
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


def of_the_engine(error, engine):
    """Tell whether an error says by which error of the engine it was caused."""
    module = type(error.value.__cause__).__module__
    return module.startswith({"duckdb": "_duckdb", "polars": "narwhals"}[engine])


@pytest.mark.parametrize(
    "other",
    [
        DATA.drop_columns("sex"),
        DATA.set_column(4, "w", pa.array(["heavy"] * N)),
        DATA.rename_columns(["y", "p", "Sex?", "s", "w", "at"]),
    ],
    ids=["lacking", "text", "renamed"],
)
def test_parts_that_differ_in_their_columns(tmp_path, engine, other):
    pq.write_table(DATA[:20], tmp_path / "1.parquet")
    pq.write_table(other, tmp_path / "2.parquet")
    differ = r"differ in their columns or types.*union_by_name|'w' is of different types"
    with pytest.raises(ValueError, match=differ) as e:
        Tally.from_frame(tmp_path, **NAMES)
    assert "'w'" in str(e.value) or of_the_engine(e, engine)


def test_folders_of_two_layouts(tmp_path, engine):
    for folder in ("region=a", "year=2024"):
        (tmp_path / folder).mkdir()
        pq.write_table(DATA, tmp_path / folder / "1.parquet")
    with pytest.raises(ValueError, match=r"folders such as region=north.*hive_partitioning") as e:
        Tally.from_frame(tmp_path, **NAMES)
    assert of_the_engine(e, engine)


def test_a_relation_mends_parts_that_differ(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    pq.write_table(DATA[:20].drop_columns("sex"), tmp_path / "1.parquet")
    pq.write_table(DATA, tmp_path / "2.parquet")
    read = duckdb.connect().read_parquet(str(tmp_path / "*.parquet"), union_by_name=True)
    assert Tally.from_frame(read, **NAMES).labels == (*WHOLE.labels, MISSING)


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


def make_database(path):
    with pytest.importorskip("duckdb").connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS y")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text("y,p,sex,w\n0,1,f,1\n"),
        lambda path: path.write_text(""),
        make_database,
    ],
    ids=["CSV", "empty", "database"],
)
def test_files_that_are_no_parquet(tmp_path, engine, write):
    write(tmp_path / "a")
    message = r"no Parquet: .* polars.scan_csv\(path\) .* connection.table\(name\) \(.+\)"
    with pytest.raises(ValueError, match=message) as e:
        Tally.from_frame(tmp_path / "a", **NAMES)
    assert of_the_engine(e, engine)
    pq.write_table(DATA, tmp_path / "0")
    with pytest.raises(ValueError, match=message) as e:
        Tally.from_frame([tmp_path / "0", tmp_path / "a"], **NAMES)
    assert of_the_engine(e, engine)


def test_a_range_of_scores_is_explained_too(tmp_path, engine):
    pq.write_table(DATA, tmp_path / "0.parquet")
    pq.write_table(
        DATA.rename_columns([{"s": "t"}.get(c, c) for c in DATA.column_names]),
        tmp_path / "1.parquet",
    )
    with pytest.raises(ValueError, match=r"\(.+\)") as e:
        ScoreTally.from_frame(tmp_path, y_true="y", y_score="s", sensitive_features="sex")
    assert of_the_engine(e, engine)


def write_parts(folder, column, values, others):
    plain = pd.DataFrame(
        {"y": [0, 1], "p": [1, 1], "sex": ["f", "m"], "w": [1.0, 1.0], "s": [0.2, 0.8]}
    )
    parts = [plain.assign(**{column: part}) for part in (values, others)]
    paths = [folder / "1.parquet", folder / "2.parquet"]
    for part, path in zip(parts, paths, strict=True):
        part.to_parquet(path)
    return paths


@pytest.mark.parametrize("turn", [1, -1])
def test_whole_and_decimal_numbers_of_two_files_are_read_as_they_are(tmp_path, engine, turn):
    paths = write_parts(tmp_path, "w", [1, 2], [0.25, 0.5])[::turn]
    if engine == "polars":
        with pytest.raises(ValueError, match="differ in their columns or types"):
            Tally.from_frame(paths, **NAMES)
        return
    for source in (paths, tmp_path):
        found = Tally.from_frame(source, **NAMES)
        assert found.weight.sum() == 3.75
        scores = ScoreTally.from_frame(
            source, y_true="y", y_score="w", sensitive_features="sex", edges=[0.3, 0.6]
        )
        assert scores.count.sum(axis=(0, 1)).tolist() == [1, 1, 2]


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(
    ("column", "values", "others"),
    [
        ("y", ["0", "1"], [0, 1]),
        ("p", [True, False], [0, 1]),
        ("sex", ["1", "2"], [1.0, 2.0]),
        ("sex", pd.to_datetime(["2024-01-01"] * 2), ["2024-01-01", "f"]),
    ],
)
def test_columns_of_different_types_are_refused_where_they_are_used(
    tmp_path, engine, turn, column, values, others
):
    paths = write_parts(tmp_path, column, values, others)[::turn]
    with pytest.raises(ValueError, match=r"different types in different|differ in their"):
        Tally.from_frame(paths, **NAMES)
    if engine == "duckdb" and turn == 1 and column == "p":
        names = NAMES | {"y_pred": "y"}
        assert Tally.from_frame(paths, **names).n_samples == 4


def test_a_column_that_a_file_lacks_is_no_missing_value(tmp_path, engine):
    paths = write_parts(tmp_path, "w", [1, 2], [0.25, 0.5])
    pd.read_parquet(paths[1]).drop(columns="sex").to_parquet(paths[1])
    with pytest.raises(ValueError, match="differ in their columns or types") as e:
        Tally.from_frame(paths, **NAMES)
    assert of_the_engine(e, engine)


def test_times_of_two_units_go_together(tmp_path, engine):
    if engine == "duckdb":
        days = pd.to_datetime(["2024-01-01", "2024-01-02"])
        paths = write_parts(tmp_path, "at", days.as_unit("ns"), days.as_unit("us"))
        assert len(tallies_over_time(paths, time="at", **NAMES)) == 2


def test_a_file_that_holds_no_value_in_a_column_is_no_hindrance(tmp_path, engine):
    paths = write_parts(tmp_path, "sex", ["f", None], [None, None])
    if engine == "duckdb":
        assert Tally.from_frame(paths, **NAMES).labels == ("f", MISSING)


def test_a_connection_is_no_table():
    connection = pytest.importorskip("duckdb").connect()
    with pytest.raises(TypeError, match=r"give one of them, connection.table\(name\)") as e:
        Tally.from_frame(connection, **NAMES)
    assert "Unsupported dataframe type" in str(e.value.__cause__)


def test_other_errors_pass_as_they_are():
    engine_error = type("Error", (Exception,), {"__module__": "_duckdb"})
    for error in (ValueError("No magic bytes"), engine_error("out of memory")):
        with pytest.raises(type(error)) as e, _sources.explained():
            raise error
        assert e.value is error


@pytest.mark.parametrize(
    "paths",
    [
        ["part-1.parquet", "part-1.parquet"],
        ["part-1.parquet", "./part-1.parquet"],
        [".", "part-1.parquet"],
        [Path("deep"), "."],
        ["part-*.parquet", "part-1.parquet"],
        ["part-1.parquet", "*/../part-1.parquet"],
        ["**/*.parquet", "deep/3.parquet"],
        ["part-2.parquet", "latest"],
        "links",
    ],
)
def test_a_file_that_is_named_twice(parts, tmp_path, monkeypatch, paths):
    monkeypatch.chdir(tmp_path)
    Path("latest").symlink_to("part-2.parquet")
    Path("links").mkdir()
    for name in ("a.parquet", "b.parquet"):
        Path("links", name).symlink_to(tmp_path / "part-1.parquet")
    twice = r"'[^']*(part-[12]|3|latest|b)(\.parquet)?' is named twice.* rows would count twice"
    with pytest.raises(ValueError, match=twice):
        Tally.from_frame(paths, **NAMES)


def test_a_file_that_a_pattern_finds_in_two_ways_counts_once(parts, tmp_path):
    assert_whole(str(tmp_path / "**" / "**" / "*.parquet"))


def test_addresses_that_name_a_file_twice(parts, tmp_path, engine):
    address = tmp_path.as_uri()
    with pytest.raises(ValueError, match=r"3\.parquet' is named twice"):
        Tally.from_frame([f"{address}/deep/3.parquet", parts[2]], **NAMES)
    if engine == "duckdb":  # which lists the files of an address
        assert_whole([f"{address}/part-*.parquet", f"{address}/deep/*.parquet"])
        with pytest.raises(ValueError, match=r"part-1\.parquet' is named twice"):
            Tally.from_frame([f"{address}/part-*.parquet", f"{address}/part-1.parquet"], **NAMES)
        with pytest.raises(ValueError, match=r"3\.parquet' is named twice"):
            Tally.from_frame([parts[2], f"{address}/*/*.parquet"], **NAMES)


def test_addresses_are_told_apart_as_they_stand():
    asked = []

    def find(pattern):
        asked.append(pattern)
        return ["s3://bucket/1.parquet", "s3://bucket/2.parquet"]

    web = "https://example.org/1.parquet?version="
    _parquet._check_distinct([f"{web}1", f"{web}2", "s3://bucket/3.parquet"], find)
    _parquet._check_distinct(["s3://bucket/*.parquet"], find)
    assert asked == []
    with pytest.raises(ValueError, match=r"'s3://bucket/2.parquet' is named twice"):
        _parquet._check_distinct(["s3://bucket/2.parquet", "s3://bucket/*.parquet"], find)
    with pytest.raises(ValueError, match=r"'https://example.org/1.parquet\?version=1' is named"):
        _parquet._check_distinct([f"{web}1", f"{web}1"], find)
    assert asked == ["s3://bucket/*.parquet"]


@pytest.mark.parametrize("source", [[], [1], ["a.parquet", 1], 3.5, b"a.parquet"])
def test_what_is_no_path(source):
    with pytest.raises(TypeError):
        Tally.from_frame(source, **NAMES)


def test_without_an_engine_the_extra_is_named(parts, monkeypatch):
    monkeypatch.setattr(_parquet, "find_spec", lambda name: None)
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
