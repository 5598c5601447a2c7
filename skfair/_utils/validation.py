"""Checks of labels, weights and random states, in scikit-learn's words where it has some."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite

from skfair._utils.columns import to_array
from skfair._utils.encoding import factorize, smallest_codes, sort_labels

_LARGEST_WEIGHT = 1e140  # its square times a number of rows is still a number


def as_column(values: Any, name: str) -> Any:
    """One-dimensional array of labels or scores; a single column is flattened.

    Raises
    ------
    ValueError
        If it is empty, None, or has several columns.
    """
    if values is None:
        raise ValueError(f"requires {name} to be passed, but the target {name} is None")
    if isinstance(values, list | tuple) and any(isinstance(v, list | tuple) for v in values[:1]):
        values = np.asarray(values)  # rows
    column = to_array(values)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise ValueError(f"{name} should be a 1d array, got an array of shape {column.shape}")
    if len(column) == 0:
        raise ValueError(f"Found array with 0 sample(s) in {name} while a minimum of 1 is required")
    return column


def finite_column(values: Any, name: str) -> NDArray[np.float64]:
    """One-dimensional array of finite numbers.

    Raises
    ------
    ValueError
        In scikit-learn's words, if a number is missing or infinite.

    Examples
    --------
    >>> finite_column([1, 2], "y_pred")
    array([1., 2.])
    """
    column = as_column(values, name)
    if not isinstance(column, np.ndarray) or column.dtype == object:
        series = pd.Series(column)
        column = series.where(series.notna(), np.nan)  # pd.NA is no float
    numbers = np.asarray(column, dtype=np.float64)
    assert_all_finite(numbers, input_name=name)
    return numbers


def check_same_length(**arrays: Any) -> None:
    """Raise ValueError, in scikit-learn's words, if the arrays differ in length."""
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {lengths}")


def check_weights(sample_weight: Any, n: int) -> NDArray[np.float64] | None:
    """Return sampling weights as floats, or None.

    Raises
    ------
    ValueError
        If a weight is negative, infinite or NaN, or their number isn't ``n``, or their scale is so
        small or large that squares of them would not be numbers.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(as_column(sample_weight, "sample_weight"), dtype=np.float64)
    check_same_length(data=range(n), sample_weight=weights)
    if not np.isfinite(weights).all():
        raise ValueError("Input sample_weight contains NaN or infinity.")
    if (weights < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`")
    check_scale(weights.min(initial=np.inf, where=weights > 0), weights)
    return weights


def check_scale(least: float, weights: NDArray[np.float64]) -> None:
    """Refuse weights whose squares, or sums of squares, floating point can't tell from 0 or inf.

    Parameters
    ----------
    least : float
        The smallest positive weight.
    weights : ndarray of float
        Weights of at least 0, or sums of them.

    Raises
    ------
    ValueError
        If the smallest weight or the sum lies outside 1e-140 to 1e140.
    """
    with np.errstate(over="ignore"):
        total = weights.sum()
    if least < 1 / _LARGEST_WEIGHT or total > _LARGEST_WEIGHT:
        raise ValueError(
            f"weights must lie between {1 / _LARGEST_WEIGHT:.0e} and {_LARGEST_WEIGHT:.0e}, and so "
            f"must their sum; got {least:g} as the smallest that isn't 0, and the sum {total:g}: "
            "divide them by their mean, and set to 0 what is too small to count"
        )


def check_any_weight(weights: NDArray[np.float64] | None) -> None:
    """Raise ValueError if there are weights, and all of them are zero.

    Examples
    --------
    >>> check_any_weight(None)
    >>> check_any_weight(np.array([0.0, 0.5]))
    """
    if weights is not None and not weights.any():
        raise ValueError("all sample weights are zero: there are no rows to learn from")


def encode_labels(
    *arrays: tuple[str, Any],
) -> tuple[list[NDArray[np.integer]], tuple[Hashable, ...]]:
    """Codes of several label arrays in their common, sorted classes.

    Parameters
    ----------
    *arrays : tuple of (str, array-like)
        Name and values, the name for messages.

    Returns
    -------
    codes : list of ndarray of int
    classes : tuple

    Raises
    ------
    ValueError
        If labels are missing, or are strings in one array and numbers in another.

    Examples
    --------
    >>> codes, classes = encode_labels(("y_true", ["no", "yes"]), ("y_pred", ["yes", "yes"]))
    >>> classes, [c.tolist() for c in codes]
    (('no', 'yes'), [[0, 1], [1, 1]])
    """
    encoded = [(name, *factorize(as_column(values, name))) for name, values in arrays]
    for name, codes, found in encoded:
        if codes.min() < 0:
            raise ValueError(f"Input {name} contains NaN.")
        if any(isinstance(value, float) and math.isinf(value) for value in found):
            raise ValueError(f"Input {name} contains infinity.")
    uniques = [found for _, _, found in encoded]
    if len({isinstance(v, str) for found in uniques for v in found}) > 1:
        kinds = {name: found[:5] for name, _, found in encoded}
        raise ValueError(f"labels mix strings and numbers: {kinds}")
    classes = merge_sorted(uniques)
    place = {label: i for i, label in enumerate(classes)}
    aligned = []
    for _, codes, found in encoded:
        lookup = np.array([place[label] for label in found], dtype=np.intp)
        same = np.array_equal(lookup, np.arange(len(found)))
        aligned.append(
            smallest_codes(codes if same else smallest_codes(lookup, len(place))[codes], len(place))
        )
    return aligned, classes


def merge_sorted(parts: Sequence[Sequence[Hashable]]) -> tuple[Hashable, ...]:
    """Union of labels; the order of a part that holds all of them is kept, else it is sorted.

    Examples
    --------
    >>> merge_sorted([["small", "large"], ["large"]])
    ('small', 'large')
    >>> merge_sorted([["a"], ["c", "b"]])
    ('a', 'b', 'c')
    """
    union = set().union(*parts)
    for part in parts:
        if len(part) == len(union):
            return tuple(part)
    return tuple(sort_labels(union))


def positive_class(classes: Sequence[Hashable], pos_label: Any = None) -> int | None:
    """Position of the positive class, or None if the data hold no positive at all.

    Without ``pos_label``, labels {0, 1}, {-1, 1} and booleans have the positive class 1; all else
    is refused, because the answer would hang on the alphabet.

    Parameters
    ----------
    classes : sequence
        Distinct labels.
    pos_label : label, default=None
        The positive class; with more than two classes it is measured against the rest.

    Returns
    -------
    int or None

    Raises
    ------
    ValueError
        If labels are fractions, or the positive class is not known, or is not among two or more
        classes.

    Examples
    --------
    >>> positive_class((0, 1)), positive_class(("no", "yes"), "yes"), positive_class((0,))
    (1, 1, None)
    """
    known: list[Any] = list(classes)
    if isinstance(pos_label, np.generic):
        pos_label = pos_label.item()
    refuse_fractions(known)
    if pos_label is None:
        if not (set(known) <= {0, 1} or set(known) <= {-1, 1}):
            _refuse_unknown_positive(known)
        return known.index(1) if 1 in known else None
    if pos_label in known:
        return known.index(pos_label)
    if len(known) > 1 or any(isinstance(pos_label, str) != isinstance(v, str) for v in known):
        raise ValueError(f"pos_label={pos_label!r} is not a valid label: {known[:20]}")
    return None


def refuse_fractions(classes: Sequence[Any]) -> None:
    """Raise ValueError if labels are fractions, so that they are scores and no decisions."""
    if any(isinstance(label, float) and not label.is_integer() for label in classes):
        raise ValueError(
            "labels are continuous: a rate needs decisions, so threshold the scores first "
            "(y_score >= 0.5)"
        )


def _refuse_unknown_positive(known: list[Any]) -> None:
    if len(known) > 2:
        raise ValueError(
            f"{len(known)} classes in a binary metric: {known[:20]}; pass pos_label=<class> to "
            "measure that class against the rest"
        )
    raise ValueError(
        f"y_true and y_pred take values in {known} and pos_label is not specified: either make "
        "y_true and y_pred take values in {0, 1} or {-1, 1}, or pass pos_label explicitly"
    )


def check_count(name: str, value: Any, least: int = 1, most: int | None = None) -> None:
    """Raise ValueError if a parameter isn't an integer within limits.

    Examples
    --------
    >>> check_count("max_iter", 50)
    >>> check_count("n_bins", 1, least=2, most=30)
    Traceback (most recent call last):
    ValueError: n_bins must be an integer from 2 to 30, got 1
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer {limits}, got {value!r}")


def check_number(name: str, value: Any, above: float | None = None) -> None:
    """Raise ValueError if a parameter isn't a finite number of at least 0, or above a number.

    Examples
    --------
    >>> check_number("strength", 0.0)
    >>> check_number("lr", 0.0, above=0)
    Traceback (most recent call last):
    ValueError: lr must be a number above 0, got 0.0
    """
    allowed = is_number(value) and (value >= 0 if above is None else value > above)
    if not allowed or math.isinf(value):
        limit = "of at least 0" if above is None else f"above {above}"
        raise ValueError(f"{name} must be a number {limit}, got {value!r}")


def check_share(name: str, value: Any, *, ends: bool = True) -> None:
    """Raise ValueError if a parameter isn't a number from 0 to 1, with or without these ends.

    Examples
    --------
    >>> check_share("alpha", 1)
    >>> check_share("confidence_level", 1, ends=False)
    Traceback (most recent call last):
    ValueError: confidence_level must be between 0 and 1, got 1
    """
    if not is_number(value) or not (0 <= value <= 1 if ends else 0 < value < 1):
        raise ValueError(f"{name} must be between 0 and 1, got {value!r}")


def check_option(name: str, value: Any, known: Sequence[Any]) -> None:
    """Raise ValueError if a parameter is none of the known values.

    Examples
    --------
    >>> check_option("gap", "difference", ("difference", "ratio"))
    >>> check_option("gap", "sum", ("difference", "ratio"))
    Traceback (most recent call last):
    ValueError: gap must be one of ['difference', 'ratio'], got 'sum'
    """
    if value not in known:
        raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")


def is_number(value: Any) -> bool:
    """Tell whether a value is a real number; a boolean is none.

    Examples
    --------
    >>> is_number(np.float32(0.5)), is_number("0.5"), is_number(True)
    (True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def generator(random_state: Any) -> np.random.Generator:
    """Make a numpy Generator of scikit-learn's ``random_state`` (None, int, RandomState)."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
    return np.random.default_rng(random_state)
