"""Engines that hold data frames: how each is started, and makes its frame of an Arrow table."""

from __future__ import annotations

import functools
import os
import shutil
import sys

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest


def pandas_of_arrow(table):
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def in_chunks(table):
    return pa.concat_tables([table.slice(0, 7), table.slice(7, 0), table.slice(7)])


def start_duckdb():
    session = pytest.importorskip("duckdb").connect()
    session.execute("SET TimeZone = 'UTC'")
    return session.from_arrow


def start_dask():
    dask = pytest.importorskip("dask.dataframe")

    def make(table):
        frame = pandas_of_arrow(table)
        if len(frame) < 4:
            return dask.from_pandas(frame, npartitions=1)
        parts = [frame.iloc[:5], frame.iloc[5:5], frame.iloc[5:]]  # one without rows
        divided = [dask.from_pandas(part, npartitions=1, sort=False) for part in parts]
        return dask.concat(divided)

    return make


def start_spark():
    session = spark_session()
    return lambda table: session.createDataFrame(known_to_spark(table))


@functools.cache
def spark_session():
    """One session for all tests, with this interpreter in its workers."""
    sql = pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("there is no Java")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.log.level": "OFF",
    }
    return sql.SparkSession.builder.master("local[2]").config(map=options).getOrCreate()


def known_to_spark(table):
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_unsigned_integer(column.type):
            column = column.cast(pa.int64())
        columns[name] = column.combine_chunks()
    return pa.table(columns)


ENGINES = {
    "pandas": lambda: pa.Table.to_pandas,
    "pandas of Arrow": lambda: pandas_of_arrow,
    "polars": lambda: pl.from_arrow,
    "polars lazy": lambda: lambda table: pl.from_arrow(table).lazy(),
    "pyarrow": lambda: lambda table: table,
    "pyarrow in chunks": lambda: in_chunks,
    "DuckDB": start_duckdb,
    "Dask": start_dask,
    "Spark": start_spark,
}

CLUSTERS = (pytest.mark.engines,)

MARKED = [
    pytest.param(name, marks=CLUSTERS if name in ("Dask", "Spark") else ()) for name in ENGINES
]
"""Engines to parametrise with."""

QUIET = pytest.mark.filterwarnings("ignore:Dask support is moving:FutureWarning")
"""Narwhals' own warning of what it will do with Dask."""
