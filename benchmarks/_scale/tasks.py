"""What is timed: each function runs in a process of its own and returns a checksum."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from skfair.groups import Bins
from skfair.tally import ScoreTally, Tally

PLAIN = {"y_true": "y", "y_pred": "p", "sensitive_features": ["sex", "race"]}
SCORES = {"y_true": "y", "y_score": "score", "sensitive_features": "race", "pos_label": "granted"}
SUMS = "count(*) AS n"
WEIGHTED_SUMS = (
    "count(*) AS n, sum(w) AS w, sum(w * w) AS w2, count(*) FILTER (w > 0) AS c, "
    "count(*) FILTER (w IS NULL OR isnan(w)) AS missing, min(w) AS least"
)


def files(folder: Path) -> str:
    return str(folder / "*.parquet")


def duckdb_tally(folder: Path, weight: str | None = None, **changed: Any) -> float:
    tally = Tally.from_frame(folder, sample_weight=weight, **(PLAIN | changed))
    return float(tally.weight.sum())


def polars_tally(folder: Path, weight: str | None = None, **changed: Any) -> float:
    import polars as pl

    frame = pl.scan_parquet(files(folder))
    tally = Tally.from_frame(frame, sample_weight=weight, **(PLAIN | changed))
    return float(tally.weight.sum())


def bare_sql(folder: Path, sums: str, column: str, keys: str = "sex, race, y, p") -> float:
    import duckdb

    query = f"SELECT {keys}, {sums} FROM read_parquet(?) GROUP BY {keys}"
    rows = duckdb.connect().execute(query, [files(folder)]).fetchnumpy()
    return float(rows[column].sum())


def duckdb_scores(folder: Path) -> float:
    return float(ScoreTally.from_frame(folder, **SCORES).weight.sum())


def polars_scores(folder: Path) -> float:
    import polars as pl

    tally = ScoreTally.from_frame(pl.scan_parquet(files(folder)), **SCORES)
    return float(tally.weight.sum())


def fairlearn_frame(folder: Path, n_rows: int) -> float:
    import pandas as pd
    from fairlearn.metrics import MetricFrame, selection_rate
    from sklearn.metrics import accuracy_score

    first = sorted(folder.glob("*.parquet"))[0]
    table = pd.read_parquet(first, columns=["sex", "race", "y", "p"]).head(n_rows).fillna("missing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = MetricFrame(
            metrics={
                "accuracy": accuracy_score,
                "selection_rate": lambda y, p: selection_rate(y, p, pos_label="granted"),
            },
            y_true=table["y"],
            y_pred=table["p"],
            sensitive_features=table[["sex", "race"]],
        )
        return float(frame.by_group.shape[0] and len(table))


AGE = {"sensitive_features": ["race", Bins("age", [25, 40, 60])]}
BINNED = (
    "race, y, p, CASE WHEN age > 60 THEN 3 WHEN age > 40 THEN 2 WHEN age > 25 THEN 1 ELSE 0 END"
)

TASKS = {
    "counts": {
        "bare SQL": lambda folder: bare_sql(folder, SUMS, "n"),
        "DuckDB": duckdb_tally,
        "polars": polars_tally,
    },
    "weighted counts": {
        "bare SQL": lambda folder: bare_sql(folder, WEIGHTED_SUMS, "w"),
        "DuckDB": lambda folder: duckdb_tally(folder, "w"),
        "polars": lambda folder: polars_tally(folder, "w"),
    },
    "counts, ages in 4 bins": {
        "bare SQL": lambda folder: bare_sql(folder, SUMS, "n", BINNED),
        "DuckDB": lambda folder: duckdb_tally(folder, **AGE),
        "polars": lambda folder: polars_tally(folder, **AGE),
    },
    "scores in 200 bins": {"DuckDB": duckdb_scores, "polars": polars_scores},
}
"""Tasks by name, and by who does them; the floor, where there is one, comes first."""

PEER_ROWS = 1_000_000
