"""Fitted estimators without pandas' tables, which skops doesn't write, and with them again."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

_TAG = "skfair.pandas"
_Change = Callable[[Any], Any]


def pack(value: Any) -> Any:
    """Copy an estimator, with records in place of its tables.

    Examples
    --------
    >>> pack([pd.Series([1, 2], name="n")])[0]["skfair.pandas"]
    'series'
    """
    return _changed(value, _pack_table, {})


def unpack(value: Any) -> Any:
    """Put tables in place of their records.

    Examples
    --------
    >>> unpack(pack(pd.DataFrame({"n": [1, 2]}, index=["a", "b"])))
       n
    a  1
    b  2
    """
    return _changed(value, _unpack_table, {})


def _changed(value: Any, change: _Change, seen: dict[int, Any]) -> Any:
    """Copy lists, dicts, estimators and objects of skfair, changing tables inside them."""
    if id(value) in seen:
        return seen[id(value)][1]
    found = change(value)
    if found is value:
        found = _copy_inside(value, lambda inner: _changed(inner, change, seen))
    seen[id(value)] = value, found  # the value is kept, so that its id stays its own
    return found


def _copy_inside(value: Any, deeper: _Change) -> Any:
    if type(value) is dict:
        return {key: deeper(inner) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(deeper(inner) for inner in value)
    if isinstance(value, type) or not _is_opened(value):
        return value
    found = copy(value)
    found.__dict__.update({name: deeper(inner) for name, inner in vars(value).items()})
    return found


def _is_opened(value: Any) -> bool:
    own = type(value).__module__.split(".")[0] == "skfair"
    return (own or isinstance(value, BaseEstimator)) and hasattr(value, "__dict__")


def _pack_table(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        columns = [_values_of(value.iloc[:, i]) for i in range(value.shape[1])]
        axes = {"columns": _pack_table(value.columns), "index": _pack_table(value.index)}
        return {_TAG: "frame", "values": columns, **axes}
    if isinstance(value, pd.Series):
        index = _pack_table(value.index)
        return {_TAG: "series", "values": _values_of(value), "index": index, "name": value.name}
    if isinstance(value, pd.MultiIndex):
        tuples = [list(label) for label in value]
        return {_TAG: "multi", "values": _plain(tuples), "names": _plain(list(value.names))}
    if isinstance(value, pd.Index):
        return {_TAG: "index", "values": _values_of(value), "names": [value.name]}
    return value


def _unpack_table(value: Any) -> Any:
    kind = value.get(_TAG) if type(value) is dict else None
    if kind == "frame":
        index, columns = _unpack_table(value["index"]), _unpack_table(value["columns"])
        parts = {i: _as_values(part) for i, part in enumerate(value["values"])}
        return pd.DataFrame(parts, index=index).set_axis(columns, axis=1)
    if kind == "series":
        index = _unpack_table(value["index"])
        return pd.Series(_as_values(value["values"]), index=index, name=value["name"])
    if kind == "multi":
        labels = [tuple(label) for label in value["values"]]
        return pd.MultiIndex.from_tuples(labels, names=value["names"])
    if kind == "index":
        return pd.Index(_as_values(value["values"]), name=value["names"][0], tupleize_cols=False)
    return value


def _values_of(column: Any) -> dict[str, Any]:
    return {"list": _plain(column.tolist()), "dtype": _dtype_of(column.dtype)}


def _dtype_of(dtype: Any) -> str:
    """Name a type that can be made again of its name; objects and categories become objects."""
    return str(dtype) if isinstance(dtype, np.dtype) or str(dtype) == "str" else "object"


def _as_values(part: dict[str, Any]) -> Any:
    if part["dtype"] != "object":
        return (
            pd.array(part["list"], dtype=part["dtype"])
            if part["dtype"] == "str"
            else np.array(part["list"], dtype=part["dtype"])
        )
    found = np.empty(len(part["list"]), dtype=object)
    found[:] = part["list"]
    return found


def _plain(value: Any) -> Any:
    """Make numbers of numpy and pandas' sign for what is missing plain."""
    if isinstance(value, list | tuple):
        return type(value)(_plain(inner) for inner in value)
    if isinstance(value, np.generic):
        return value.item()
    return None if value is pd.NA or value is pd.NaT else value
