"""One group-by through narwhals, the same for every data frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import to_array
from skfair._utils.validation import check_scale
from skfair.groups import Bins, ColumnSpec
from skfair.tally._kernel import Sums

_VALUE, _WEIGHT, _WEIGHT2, _POSITIVE, _LEAST, _SMALLEST, _KNOWN, _COUNT, _ROWS = (
    f"__skfair_{name}"
    for name in ("value", "w", "w2", "positive", "least", "smallest", "known", "count", "rows")
)


@dataclass(frozen=True)
class AggregatedCells:
    """What a group-by brought: a row a distinct combination of keys and values."""

    keys: pd.DataFrame
    values: list[Any]
    sums: tuple[NDArray[Any], ...]

    def add_up(self, codes: Sequence[NDArray[np.integer]], shape: tuple[int, ...]) -> Sums:
        """Sum the combinations into a table; several may fall in one cell (bins, missing)."""
        places = tuple(np.asarray(c, dtype=np.intp) for c in codes)
        tables: list[Any] = [np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64)]
        for table, values in zip(tables, self.sums, strict=True):
            np.add.at(table, places, values)
        return tables[0], tables[1], tables[2]


def aggregate(
    frame: Any, values: list[str], sensitive_features: ColumnSpec, sample_weight: str | None
) -> AggregatedCells:
    """Group by sensitive features and values; sum rows, weights and squared weights.

    Rows of weight 0 make their groups and classes known, but aren't counted.

    Raises
    ------
    ValueError
        If a column is not there, or a weight is missing, infinite, negative or out of scale.
    TypeError
        If the frame is lazy or no frame at all, or the sensitive features aren't columns.
    """
    names = [*values, *([] if sample_weight is None else [sample_weight])]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("y_true, y_pred and sample_weight are names of columns of the frame")
    data = nw.from_native(frame, eager_only=True)
    keys = _key_columns(sensitive_features)
    lacking = [c for c in (*keys, *values, sample_weight) if c and c not in data.columns]
    if lacking:
        raise ValueError(f"the frame has no column {lacking}; its columns are {data.columns}")
    if len(data) == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required")
    weight = nw.lit(1.0) if sample_weight is None else nw.col(sample_weight).cast(nw.Float64)
    names = [f"{_VALUE}{i}" for i in range(len(values))]
    sums = (
        data.select(
            *[nw.col(key) for key in keys],
            *[nw.col(v).alias(n) for v, n in zip(values, names, strict=True)],
            weight.alias(_WEIGHT),
        )
        .with_columns(
            (nw.col(_WEIGHT) * nw.col(_WEIGHT)).alias(_WEIGHT2),
            (~nw.col(_WEIGHT).is_null()).cast(nw.Int64).alias(_KNOWN),
            (nw.col(_WEIGHT) > 0).cast(nw.Int64).alias(_COUNT),
            nw.when(nw.col(_WEIGHT) > 0).then(nw.col(_WEIGHT)).otherwise(np.inf).alias(_POSITIVE),
        )
        .group_by([*keys, *names])
        .agg(
            nw.len().alias(_ROWS),
            nw.col(_WEIGHT).sum(),
            nw.col(_WEIGHT2).sum(),
            nw.col(_WEIGHT).min().alias(_LEAST),
            nw.col(_POSITIVE).min().alias(_SMALLEST),
            nw.col(_KNOWN).sum(),
            nw.col(_COUNT).sum(),
        )
    )
    column = {name: to_array(sums[name].to_native()) for name in sums.columns}
    _check_weight_sums(column)
    return AggregatedCells(
        keys=pd.DataFrame({key: column[key] for key in keys}),
        values=[column[name] for name in names],
        sums=(column[_WEIGHT], column[_WEIGHT2], column[_COUNT]),
    )


def _key_columns(sensitive_features: ColumnSpec) -> list[str]:
    if isinstance(sensitive_features, str | Bins):
        sensitive_features = [sensitive_features]
    if not isinstance(sensitive_features, list | tuple):
        raise TypeError(
            "sensitive features of a frame are column names, Bins, or a list of them, got "
            f"{sensitive_features!r}"
        )
    keys = [item.column if isinstance(item, Bins) else item for item in sensitive_features]
    if not all(isinstance(key, str) for key in keys):
        raise TypeError(f"name the columns of sensitive features, got {keys}")
    return list(dict.fromkeys(str(key) for key in keys))


def _check_weight_sums(column: dict[str, Any]) -> None:
    if (column[_KNOWN] != column[_ROWS]).any() or not np.isfinite(column[_WEIGHT]).all():
        raise ValueError("Input sample_weight contains NaN or infinity.")
    if (column[_LEAST] < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`")
    check_scale(column[_SMALLEST].min(), column[_WEIGHT])
