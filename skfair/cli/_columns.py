"""Columns and labels as they are named at the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skfair._utils.text import did_you_mean, listed
from skfair._utils.validation import is_number
from skfair.cli._problems import CommandError
from skfair.groups import Bins, is_a_value_a_row

Feature = str | Bins


def check_column(name: str, option: str, known: Sequence[str]) -> str:
    """Return a column's name, or say which is near."""
    if name not in known:
        raise CommandError(
            f"{option}: there is no column {name!r}{did_you_mean(name, known)}; "
            f"there are {listed(known)}"
        )
    return name


def read_sensitive(given: Iterable[str], known: Sequence[str]) -> list[Feature]:
    """Read sensitive features: ``sex``, or a number that is cut, ``age:25,60``.

    Examples
    --------
    >>> read_sensitive(["sex", "age:25,60"], ["age", "sex"])
    ['sex', Bins(column='age', edges=[25.0, 60.0])]
    """
    found: list[Feature] = []
    for text in given:
        column, colon, edges = text.rpartition(":")
        if text in known or not colon:
            found.append(check_column(text, "--sensitive", known))
        else:
            name = check_column(column, "--sensitive", known)
            found.append(Bins(name, _edges(text, edges)))
    names = [column_of(feature) for feature in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise CommandError(f"--sensitive names the column {twice[0]!r} twice")
    return found


def column_of(feature: Feature) -> str:
    """Name of a sensitive feature's column."""
    return str(feature.column) if isinstance(feature, Bins) else feature


def check_roles(roles: dict[str, Iterable[str | None]]) -> None:
    """Refuse a column that has two roles, such as target and sensitive feature."""
    taken: dict[str, str] = {}
    for option, names in roles.items():
        for name in names:
            if name is not None and taken.setdefault(name, option) != option:
                raise CommandError(f"the column {name!r} is given to {taken[name]} and to {option}")


def read_positive(values: Any, target: str, positive: str | None) -> Any:
    """Find the positive class among the distinct values of the target.

    Raises
    ------
    CommandError
        If values are missing, there are not two of them, or the positive one can't be told.
    """
    labels = _distinct(values, repr(target))
    if len(labels) != 2:
        hint = "" if len(labels) > 2 else ", so there is nothing to compare"
        what = "make a column with two, such as one value against all others"
        raise CommandError(
            f"--target: {target!r} has {len(labels)} distinct value"
            f"{'' if len(labels) == 1 else 's'} {listed(labels, 5)}{hint}; two are needed"
            + (f": {what}" if len(labels) > 2 else "")
        )
    if positive is None:
        if set(labels) == {0, 1} or set(labels) == {-1, 1}:
            return max(labels)
        raise CommandError(
            f"--positive is needed: say which value of {target!r} is the favourable outcome, "
            f"{labels[0]!r} or {labels[1]!r}"
        )
    found = [label for label in labels if _is_written(label, positive)]
    if not found:
        near = did_you_mean(positive, [str(label) for label in labels])
        raise CommandError(
            f"--positive: {target!r} is never {positive!r}{near}; its values are {listed(labels)}"
        )
    return found[0]


def check_predictions(values: Any, source: str, labels: Any, target: str) -> None:
    """Refuse predictions with values that the target never has; the source is named."""
    known = _distinct(labels, repr(target))
    found = _distinct(values, source)
    strange = [value for value in found if value not in known]
    if not strange:
        return
    advice = "predictions must be written as the labels are"
    if all(is_number(value) for value in found) and len(found) > 2:
        advice = "they look like scores: give decisions, and the scores with --score"
    raise CommandError(
        f"{source} gives {listed(strange, 3)}, which the target {target!r} never has "
        f"({listed(known)}); {advice}"
    )


def is_of_single_rows(column: pd.Series) -> bool:
    """Tell whether text, such as names or times, has a value of its own in most rows."""
    if pd.api.types.is_numeric_dtype(column):
        return False
    values = column.dropna()
    return is_a_value_a_row(int(values.nunique()), len(values))


def kind_of_column(column: pd.Series) -> str:
    """Tell numbers from everything else."""
    number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return "number" if number else "other"


def _edges(text: str, edges: str) -> list[float]:
    try:
        found = [float(edge) for edge in edges.split(",")]
    except ValueError as error:
        raise CommandError(
            f"--sensitive {text}: after the colon stand the numbers at which the column is cut, "
            "such as age:25,60"
        ) from error
    if not np.isfinite(found).all() or not (np.diff(found) > 0).all():
        raise CommandError(f"--sensitive {text}: the numbers must rise, such as age:25,60")
    return found


def _distinct(values: Any, name: str) -> list[Any]:
    column = pd.Series(values)
    if column.isna().any():
        raise CommandError(f"{name} has rows without a value: fill them, or leave them out")
    found = [v.item() if isinstance(v, np.generic) else v for v in column.unique().tolist()]
    return sorted(found, key=lambda v: (str(type(v)), v))


def _is_written(label: Any, text: str) -> bool:
    if str(label) == text:
        return True
    if isinstance(label, bool):
        return text.lower() == str(label).lower() or text == str(int(label))
    if is_number(label):
        try:
            return float(text) == float(label)
        except ValueError:
            return False
    return False
