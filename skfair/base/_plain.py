"""Values as JSON has them, for files that hold no code."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np

from skfair._utils.text import listed
from skfair.criteria import CRITERIA, RATES, Criterion, Rate
from skfair.groups import Bins


def to_plain(value: Any) -> Any:
    """Write a value with what JSON has; what JSON lacks gets a tag.

    That is tuples, arrays, mappings, numbers that are none, Bins, and the criteria and rates that
    skfair knows by name. Numbers of numpy become Python's.

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
    >>> to_plain(CRITERIA["equalized_odds"])
    {'criterion': 'equalized_odds'}
    """
    if isinstance(value, np.ndarray):
        return {"array": to_plain(value.tolist()), "dtype": value.dtype.str}
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
    if isinstance(value, Mapping):
        return {"mapping": [[to_plain(k), to_plain(v)] for k, v in value.items()]}
    if isinstance(value, Bins):
        return {"bins": [to_plain(value.column), to_plain(value.edges)]}
    for tag, kind, known in _NAMED:
        if isinstance(value, kind) and value == known.get(value.name):
            return {tag: value.name}
    raise TypeError(f"{value!r} can't be written to a file")


def from_plain(value: Any) -> Any:
    """Read what :func:`to_plain` wrote.

    Raises
    ------
    ValueError
        If it isn't what ``to_plain`` writes.

    Examples
    --------
    >>> from_plain(to_plain([("a", float("inf")), np.array(["x", "y"])]))
    [('a', inf), array(['x', 'y'], dtype='<U1')]
    """
    if isinstance(value, list):
        return [from_plain(v) for v in value]
    if not isinstance(value, Mapping):
        return value
    tag = "array" if set(value) == {"array", "dtype"} else next(iter(value), None)
    if tag not in _READERS or len(value) > 1 + (tag == "array"):
        raise ValueError(f"the file has a value that skfair doesn't write: {listed(value)}")
    try:
        return _READERS[tag](value)
    except (KeyError, OverflowError, TypeError) as error:
        raise ValueError(f"the file has a damaged {tag}: {error!r:.200}") from error


def _array(value: Mapping[str, Any]) -> Any:
    kind = np.dtype(value["dtype"])
    if kind.kind not in "biufUO":
        raise ValueError(f"the file has an array of the dtype {kind}")
    values = from_plain(_a_list(value["array"]))
    if kind.kind == "U":  # as long as its words are: the file may ask for any length
        return np.array(values, dtype=str)
    return np.array(values, dtype=kind)


def _float(value: Mapping[str, Any]) -> float:
    if value["float"] not in ("inf", "-inf", "nan"):
        raise TypeError(f"{value['float']!r} is none of inf, -inf and nan")
    return float(value["float"])


def _a_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


_NAMED: tuple[tuple[str, Any, Mapping[str, Any]], ...] = (
    ("criterion", Criterion, CRITERIA),
    ("rate", Rate, RATES),
)
_READERS: dict[Any, Callable[[Mapping[str, Any]], Any]] = {
    "array": _array,
    "float": _float,
    "tuple": lambda value: tuple(from_plain(v) for v in _a_list(value["tuple"])),
    "mapping": lambda value: dict(from_plain(_a_list(value["mapping"]))),
    "bins": lambda value: Bins(*from_plain(_a_list(value["bins"]))),
    "criterion": lambda value: CRITERIA[value["criterion"]],
    "rate": lambda value: RATES[value["rate"]],
}


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


def check_description(about: Any, version: int, key: str, name: str) -> None:
    """Raise ValueError if a file's description is of another format or class, or has no parameters.

    Parameters
    ----------
    about : object
        What JSON gave.
    version : int
        Of the format.
    key, name : str
        Where the description tells the class, and which one it should be.
    """
    if not isinstance(about, dict) or about.get("format") != version:
        raise ValueError("the file has a format that this version of skfair can't read")
    found = about.get(key)
    if found != name:
        raise ValueError(f"the file holds {found}: load it by {found}.load")
    if not isinstance(about.get("params"), dict) or not isinstance(about.get("left_out"), list):
        raise ValueError("the file's description is damaged: it has no parameters")


def known_params(kind: type, about: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Read the parameters of a description, with those that are given instead.

    Raises
    ------
    ValueError
        If the class has no such parameters.
    """
    params = {name: from_plain(value) for name, value in about["params"].items()} | dict(given)
    unknown = set(params) - set(signature(kind).parameters)
    if unknown:
        raise ValueError(f"{kind.__name__} has no parameters {listed(sorted(unknown))}")
    return params


@contextmanager
def telling_damage(path: Any) -> Iterator[None]:
    """Raise as ValueError what else goes wrong while a file is read.

    Examples
    --------
    >>> with telling_damage("model"):
    ...     {}["words"]
    Traceback (most recent call last):
    ValueError: the description in model is damaged: KeyError('words')
    """
    wrong = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError)
    try:
        yield
    except wrong as error:
        raise ValueError(f"the description in {path} is damaged: {error!r}") from error
