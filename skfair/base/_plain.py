"""Values as JSON has them, for files that hold no code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from skfair.criteria import CRITERIA, Criterion
from skfair.groups import Bins


def to_plain(value: Any) -> Any:
    """Write a value with what JSON has; tuples, arrays and numbers that are none get a tag.

    Raises
    ------
    TypeError
        If it is made of anything else.

    Examples
    --------
    >>> to_plain(("a", 1.5, None))
    {'tuple': ['a', 1.5, None]}
    >>> to_plain(np.array([1, 2]))
    {'array': [1, 2], 'dtype': '<i8'}
    """
    if isinstance(value, np.ndarray):
        return {"array": [to_plain(v) for v in value.tolist()], "dtype": value.dtype.str}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, tuple):
        return {"tuple": [to_plain(v) for v in value]}
    if isinstance(value, list):
        return [to_plain(v) for v in value]
    if isinstance(value, Bins):
        return {"bins": [value.column, to_plain(list(value.edges))]}
    if isinstance(value, Criterion) and value == CRITERIA.get(value.name):
        return value.name
    raise TypeError(f"{value!r} can't be written to a file")


def from_plain(value: Any) -> Any:
    """Read what :func:`to_plain` wrote.

    Examples
    --------
    >>> from_plain(to_plain([("a", float("inf")), np.array(["x", "y"])]))
    [('a', inf), array(['x', 'y'], dtype='<U1')]
    """
    if isinstance(value, list):
        return [from_plain(v) for v in value]
    if not isinstance(value, Mapping):
        return value
    if "array" in value:
        kind = np.dtype(value["dtype"])
        if kind.kind not in "biufUO":
            raise ValueError(f"the file has an array of the dtype {kind}")
        values = from_plain(value["array"])
        return np.array(values, dtype=None if kind.kind == "U" and values else kind)
    if "bins" in value:
        return Bins(*value["bins"])
    return float(value["float"]) if "float" in value else tuple(map(from_plain, value["tuple"]))


def plain_params(estimator: Any) -> tuple[dict[str, Any], list[str]]:
    """Write an estimator's parameters, and name those that are no plain values.

    Examples
    --------
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> params, left_out = plain_params(FunctionTransformer(len))
    >>> params["validate"], left_out
    (False, ['func'])
    """
    params, left_out = {}, []
    for name, value in estimator.get_params(deep=False).items():
        try:
            params[name] = to_plain(value)
        except TypeError:
            left_out.append(name)
    return params, left_out
