"""Names and types of columns that engines read in ways of their own."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from engines import ENGINES, MARKED, QUIET, spark_session

from skfair.detection import detect_bias
from skfair.groups import MISSING, Bins
from skfair.tally import Tally, _frame, tallies_over_time

pytestmark = QUIET

Y = [0, 1, 1, 0]
NAMES = {"y_true": "y", "y_pred": "y"}


@pytest.fixture(scope="module", params=MARKED)
def engine(request):
    return ENGINES[request.param]()


def count(frame, groups="g", **more):
    return Tally.from_frame(frame, sensitive_features=groups, **NAMES, **more)


def test_a_column_called_star_is_one_column(engine):
    frame = engine(pa.table({"y": Y, "*": list("aabb"), "z": list("cccc")}))
    assert count(frame, "*").labels == ("a", "b")
    assert count(frame, ["z", "*"]).labels == (("c", "a"), ("c", "b"))


def relation(query):
    return pytest.importorskip("duckdb").connect().sql(query)


def test_names_that_differ_in_case_alone():
    frame = relation("SELECT 1 AS y, 'a' AS g, 'b' AS \"G\"")
    assert count(frame, "g").labels == ("a",)
    assert count(frame, "G").labels == ("b",)
    frame = pl.LazyFrame({"y": [1], "g": ["a"], "G": ["b"]})
    assert count(frame, "G").labels == ("b",)


def duplicated_dask():
    dask = pytest.importorskip("dask.dataframe")
    return dask.from_pandas(pd.DataFrame([[1, 2, 3]], columns=["y", "g", "g"]), npartitions=1)


def duplicated_spark():
    return spark_session().sql("SELECT 1 AS y, 2 AS g, 3 AS g")


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.DataFrame([[1, 2, 3]], columns=["y", "g", "g"]),
        lambda: pa.Table.from_arrays([pa.array([k]) for k in range(3)], ["y", "g", "g"]),
        lambda: relation("SELECT 1 AS y, 2 AS g, 3 AS g"),
        pytest.param(duplicated_dask, marks=pytest.mark.engines),
        pytest.param(duplicated_spark, marks=pytest.mark.engines),
    ],
    ids=["pandas", "pyarrow", "DuckDB", "Dask", "Spark"],
)
def test_two_columns_of_one_name_are_refused(make):
    with pytest.raises(ValueError, match=r"one name|unique column names"):
        count(make(), "y")


def test_large_whole_numbers(engine):
    large = 2**62 + 1
    frame = engine(pa.table({"y": Y, "g": [large, None, -large, 0], "w": [large] * 4}))
    tally = count(frame, Bins("g", [0]), sample_weight="w")
    assert tally.labels == ("g<=0", "g>0", MISSING)
    assert tally.weight.sum(axis=(1, 2)).tolist() == [2.0**63, 2.0**62, 2.0**62]


def test_zeros_with_a_sign_are_zeros(engine):
    frame = engine(pa.table({"y": [0.0, -0.0, 1.0, -0.0], "g": [-0.0, 0.0, -0.0, 1.0]}))
    tally = count(frame)
    assert (tally.labels, tally.classes) == ((0.0, 1.0), (0.0, 1.0))
    assert tally.group_counts.tolist() == [3, 1]
    assert count(frame, Bins("g", [0])).labels == ("g<=0", "g>0")


def test_infinite_numbers(engine):
    frame = engine(pa.table({"y": Y, "g": [float("inf"), float("-inf"), float("nan"), 1.0]}))
    assert count(frame).labels == (float("-inf"), 1.0, float("inf"), MISSING)
    assert count(frame, Bins("g", [1])).group_counts.tolist() == [2, 1, 1]


def test_a_column_without_values(engine):
    frame = engine(pa.table({"y": Y, "g": pa.array([None] * 4, pa.string())}))
    assert count(frame).labels == (MISSING,)


@pytest.mark.parametrize(
    "values", [pa.array([[1], [2], None, [1]]), pa.array([{"a": 1}, {"a": 2}, None, {"a": 1}])]
)
def test_nested_values_are_refused(values):
    for name in ("pandas of Arrow", "polars lazy", "pyarrow", "DuckDB"):
        frame = ENGINES[name]()(pa.table({"y": Y, "g": values}))
        with pytest.raises(TypeError, match=r"'g' must hold single values, got (List|Struct)"):
            count(frame)


def test_timestamps_with_a_zone_are_groups(engine):
    at = [datetime.datetime(2024, month, 1, tzinfo=datetime.UTC) for month in (1, 1, 7)]
    frame = engine(pa.table({"y": Y, "g": pa.array([*at, None], pa.timestamp("us", "UTC"))}))
    tally = count(frame)
    assert tally.labels == (pd.Timestamp(at[0]), pd.Timestamp(at[2]), MISSING)
    assert tally.group_counts.tolist() == [2, 1, 1]


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")])
def test_dates_bear_the_labels_that_they_bear_in_memory(engine, kind):
    at = [datetime.datetime(2024, 7, 1), None, datetime.datetime(1965, 1, 1)]
    values = pa.array([value and value.date() for value in [at[0], *at]]).cast(kind)
    table = pa.table({"y": Y, "g": values})
    tally = count(engine(table))
    if pa.types.is_timestamp(kind) and isinstance(tally.labels[0], pd.Timestamp):
        tally = replace(tally, labels=tuple(map(naive, tally.labels)))  # Spark's bear a zone
    memory = Tally.from_arrays(Y, Y, {"g": table["g"].to_pandas()})
    assert tally.labels == (pd.Timestamp("1965-01-01"), pd.Timestamp("2024-07-01"), MISSING)
    assert [type(label) for label in tally.labels] == [pd.Timestamp, pd.Timestamp, str]
    assert (tally + memory).labels == memory.labels == tally.labels
    assert (tally + memory).group_counts.tolist() == [2, 4, 2]


def naive(label):
    return label.tz_localize(None) if isinstance(label, pd.Timestamp) else label


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")])
def test_many_dates_are_no_groups(engine, kind):
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(k) for k in range(31)]
    values = pa.array([None, None, *days]).cast(pa.timestamp("us")).cast(kind)
    table = pa.table({"y": [0] * 33, "g": values, "h": ["a"] * 33})
    assert count(engine(table[:32])).n_groups == 31
    for groups in ("g", ["h", "g"]):
        with pytest.raises(ValueError, match=r"'g' has 31 distinct dates.* derive an age, a year"):
            count(engine(table), groups)


def test_what_to_do_with_more_dates_than_come_to_memory(engine, monkeypatch):
    monkeypatch.setattr(_frame, "MAX_COMBINATIONS", 2)
    at = [datetime.datetime(2024, 1, k + 1) for k in range(4)]
    with pytest.raises(_frame.TooManyValuesError, match="derive years or seasons of dates"):
        count(engine(pa.table({"y": Y, "g": at})))


def test_enums_keep_their_values():
    enum = pl.Enum(["z", "a"])
    frame = pl.DataFrame({"y": Y, "g": ["a", "z", None, "a"]}, schema_overrides={"g": enum})
    for tally in (count(frame), count(frame.lazy())):
        assert tally.labels == ("a", "z", MISSING)
    query = "SELECT unnest([0, 1]) AS y, unnest(['a', 'z'])::ENUM('z', 'a') AS g"
    assert count(relation(query)).labels == ("a", "z")


def test_errors_of_lazy_frames_are_the_engines(tmp_path):
    wrong = pl.LazyFrame({"y": Y, "g": list("aabb")}).with_columns(pl.col("g").cast(pl.Int64))
    with pytest.raises(Exception, match="conversion from `str` to `i64` failed in column 'g'"):
        count(wrong)
    with pytest.raises(FileNotFoundError):
        count(pl.scan_parquet(tmp_path / "none.parquet"))


HOSTILE = "x'); DROP TABLE y; --"


def test_hostile_names_of_all_that_reads_frames(engine):
    at = [datetime.datetime(2024, 1, k + 1) for k in range(4)]
    texts = [HOSTILE, '"; --', HOSTILE, '"; --']
    frame = engine(pa.table({HOSTILE: Y, '"g"; --': texts, "`at`.x": at}))
    windows = tallies_over_time(
        frame,
        time="`at`.x",
        every="1mo",
        y_true=HOSTILE,
        y_pred=HOSTILE,
        sensitive_features='"g"; --',
    )
    assert [tally.labels for tally in windows.values()] == [('"; --', HOSTILE)]
    found = detect_bias(frame, target=HOSTILE, candidates='"g"; --')
    assert found.values["value"].tolist() == ['"; --', HOSTILE]
