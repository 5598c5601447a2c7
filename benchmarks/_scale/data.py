"""Rows on disk: written once, in chunks, so that no more than a chunk is ever in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 2_000_000
GROUPS = ["asian", "black", "latino", "other", "white"]
LABELS = ["denied", "granted"]


def write_rows(folder: Path, n_rows: int) -> Path:
    """Write files of 2 million rows, those that aren't there yet; return their folder."""
    place = folder / f"{n_rows}"
    place.mkdir(parents=True, exist_ok=True)
    for k, start in enumerate(range(0, n_rows, CHUNK)):
        path = place / f"part-{k:04d}.parquet"
        if not path.exists():
            partial = path.with_suffix(".partial")
            pq.write_table(
                make_chunk(k, min(CHUNK, n_rows - start)), partial, row_group_size=500_000
            )
            partial.rename(path)
    return place


def make_chunk(seed: int, n: int) -> pa.Table:
    """Draw labels and groups as text, a score, and weights."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 3, n)
    return pa.table(
        {
            "sex": texts(["f", "m", None], rng.choice(3, n, p=[0.48, 0.5, 0.02])),
            "race": texts(GROUPS, rng.integers(len(GROUPS), size=n)),
            "age": rng.integers(18, 90, n).astype(np.int16),
            "y": texts(LABELS, rng.random(n) < score),
            "p": texts(LABELS, score + rng.normal(0, 0.1, n) > 0.5),
            "score": score,
            "w": rng.gamma(2.0, 0.5, n),
        }
    )


def texts(values: list[str | None], codes: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int8), values).cast(pa.string())
