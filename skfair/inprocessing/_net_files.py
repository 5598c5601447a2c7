"""What of a fitted network estimator goes into a file, and how it comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from skfair._utils.text import listed
from skfair._version import __version__
from skfair.base import check_description, from_plain, known_params, plain_params, to_plain

_FORMAT = 1
_FREE = ("device", "verbose", "callbacks", "random_state")  # what the learned doesn't depend on


def describe(estimator: Any, fitted: Mapping[str, Any], history: pd.DataFrame) -> dict[str, Any]:
    """Describe a fitted estimator: its class, parameters, what it has learned, and its history.

    Parameters that are no plain values (modules, callables, callbacks) are listed by name.

    Raises
    ------
    ValueError
        If something learned, such as the label of a group, is no plain value.
    """
    params, left_out = plain_params(estimator)
    try:
        learned = {name: to_plain(value) for name, value in fitted.items()}
    except TypeError as error:
        raise ValueError(f"this {type(estimator).__name__} can't be saved: {error}") from error
    epochs = history.reset_index().to_dict(orient="list")
    return {
        "format": _FORMAT,
        "version": __version__,
        "estimator": type(estimator).__name__,
        "params": params,
        "left_out": left_out,
        "fitted": learned,
        "history": {name: to_plain(column) for name, column in epochs.items()},
    }


def read_description(
    about: Any, kind: type, given: Mapping[str, Any]
) -> tuple[Any, dict[str, Any], list[dict[str, Any]]]:
    """Make an unfitted estimator of a description, and read what the fitted one had learned.

    Returns
    -------
    estimator, fitted, history

    Raises
    ------
    ValueError
        If the description is of another class or format, or needs a module that isn't given.
    """
    check_description(about, _FORMAT, "estimator", kind.__name__)
    for name in ("module", "constraints"):
        if name in about["left_out"] and given.get(name) is None:
            raise ValueError(
                f"the file holds what was learned with {name} of your own: pass "
                f"load(path, {name}=...), the same as before"
            )
    others = set(given) - {*about["left_out"], *_FREE}
    if others:
        raise ValueError(f"set {listed(sorted(others))} by set_params after loading")
    params = known_params(kind, about, given)
    fitted = {name: from_plain(value) for name, value in about["fitted"].items()}
    columns = {name: from_plain(column) for name, column in about["history"].items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return kind(**params), fitted, [{**row, "batches": []} for row in rows]
