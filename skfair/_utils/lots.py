"""Lots of randomized decisions: drawn anew at each call, or fixed by what a row says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from decimal import Decimal
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sparse
from numpy.typing import NDArray

from skfair._utils.columns import as_floats, is_frame, n_rows, select_column, take_rows
from skfair._utils.encoding import factorize
from skfair._utils.text import listed
from skfair._utils.validation import check_option, generator, is_number

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]

_BY_ROW = "by_row"
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MISSING = np.uint64(0x5851F42D4C957F2D)
_MOMENT = np.uint64(0x2545F4914F6CDD1D)
_SEEN = 100  # rows that are tried at fit


def prepare_lots(estimator: Any, X: Any) -> None:
    """Check how an estimator draws, and note the names that its lots go by.

    Raises
    ------
    ValueError
        If ``randomized`` or ``random_state`` is nothing that lots are drawn by, or lots are to
        hang on a column that X lacks, or on values such as lists.
    """
    estimator._lot_names = _names(X)
    _check(estimator.randomized, estimator.random_state)
    if _hangs_on_rows(estimator.randomized):
        lots_of(estimator, take_rows(X, np.arange(min(n_rows(X), _SEEN))))


def lots_of(estimator: Any, X: Any) -> Floats:
    """Draw the lots of rows as a fitted estimator is to."""
    names = getattr(estimator, "_lot_names", None)
    return draw_lots(X, estimator.randomized, estimator.random_state, names)


def lots_move(estimator: Any) -> bool:
    """Tell whether two calls may draw different lots."""
    drawn = estimator.randomized
    return bool(drawn) and not _hangs_on_rows(drawn) and estimator.random_state is None


def draw_lots(
    X: Any, randomized: Any, random_state: Any = None, names: tuple[str, ...] | None = None
) -> Floats:
    """Draw a number in [0, 1) for each row.

    Parameters
    ----------
    X : data frame, array-like or sparse matrix of shape (n, ...)
    randomized : {True, "by_row"} or list of str or int
        True: by ``random_state`` and the place of the row. "by_row": by what the row says, in the
        columns ``names``, or all. A list: by these columns.
    random_state : int, RandomState instance or None, default=None
        Where lots hang on rows an int (None: 0), which makes other lots of the same rows.
    names : tuple of str, default=None
        Names of the columns at fit: a frame's columns are found by name, whatever their order, and
        those of an array are in this order.

    Returns
    -------
    lots : ndarray of float of shape (n,)

    Raises
    ------
    ValueError
        If X lacks a column, or an option is unknown.

    Examples
    --------
    >>> X = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    >>> lots = draw_lots(X, "by_row")
    >>> bool(lots[0] == lots[2] != lots[1]), bool(draw_lots(X[2:], "by_row")[0] == lots[0])
    (True, True)
    """
    _check(randomized, random_state)
    if not _hangs_on_rows(randomized):
        return generator(random_state).random(n_rows(X))
    total = np.zeros(n_rows(X), dtype=np.uint64)
    if sparse.issparse(X) and names is None and not isinstance(randomized, list):
        found = X.tocoo(copy=True)
        found.sum_duplicates()
        keys = _mixed(found.col.astype(np.uint64) + _ODD)
        np.add.at(total, found.row, _keyed(_number_hashes(found.data), keys))
    else:
        for name, key, column in _keyed_columns(X, randomized, names):
            try:
                total += _keyed(_value_hashes(column), key)
            except TypeError as error:
                raise ValueError(
                    f"lots can't hang on column {name!r} ({error}): name columns of numbers, text "
                    'or dates, as in randomized=["number"]'
                ) from error
    seed = _text_hash(f"seed {random_state or 0}")
    return np.ldexp((_mixed(total ^ seed) >> np.uint64(11)).astype(np.float64), -53)


def _hangs_on_rows(randomized: Any) -> bool:
    return isinstance(randomized, list) or randomized == _BY_ROW


def _check(randomized: Any, random_state: Any) -> None:
    if not isinstance(randomized, list):
        check_option("randomized", randomized, (False, True, _BY_ROW))
    elif not randomized:
        raise ValueError("randomized is an empty list: name columns that lots hang on")
    if _hangs_on_rows(randomized) and not isinstance(random_state, Integral | None):
        raise ValueError(
            "random_state must be an int or None where lots hang on rows "
            f"(randomized={randomized!r}), got {random_state!r}"
        )


def _names(X: Any) -> tuple[str, ...] | None:
    if not is_frame(X):
        return None
    names = list(getattr(X, "column_names", None) or X.columns)
    usable = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return tuple(names) if usable else None


def _keyed_columns(
    X: Any, randomized: Any, names: tuple[str, ...] | None
) -> Iterator[tuple[str | int, Hashes, Any]]:
    """Name or place of columns that lots hang on, a hash of it (by fit's names), and values."""
    if not is_frame(X) and not sparse.issparse(X):
        X = X if hasattr(X, "shape") else np.array(X, dtype=object)
        X = X.reshape(X.shape[0], int(np.prod(X.shape[1:])))
    by_name = names is not None and _names(X) is not None
    width = X.shape[1] if names is None else len(names)
    if not by_name and X.shape[1] != width:
        raise ValueError(f"X has {X.shape[1]} columns, and lots hang on those of fit, {width}")
    for column in randomized if isinstance(randomized, list) else range(width):
        place = _place(column, names, width)
        own = names[place] if names is not None and by_name else place
        yield own, _key(place, names), select_column(X, own)[1]


def _place(column: str | int, names: tuple[str, ...] | None, width: int) -> int:
    if names is not None and column in names:
        return names.index(str(column))
    if isinstance(column, Integral) and 0 <= column < width:
        return int(column)
    there = f"columns 0 to {width - 1}" if names is None else listed(names)
    raise ValueError(f"lots are to hang on column {column!r}, and X has at fit {there}")


def _key(place: int, names: tuple[str, ...] | None) -> Hashes:
    if names is None:
        return _mixed(np.array([place], dtype=np.uint64) + _ODD)
    return np.array([_text_hash(names[place])])


def _keyed(hashes: Hashes, key: Hashes) -> Hashes:
    """Mix values with their columns; zeros add nothing, as in sparse matrices."""
    return np.where(hashes == 0, np.uint64(0), _mixed(hashes ^ key))


def _value_hashes(column: Any) -> Hashes:
    kind = getattr(getattr(column, "dtype", None), "kind", "")
    if kind == "O" and isinstance(column, np.ndarray):
        column, kind = _as_numbers(column)
    if kind in ("b", "i", "u", "f") and isinstance(column, np.ndarray):
        return _number_hashes(column)
    if kind == "m":
        return _number_hashes(column / np.timedelta64(1, "s"))
    if kind == "M":
        return _moment_hashes(column)
    codes, found = factorize(column)
    return np.array([*map(_hash, found), _MISSING], dtype=np.uint64)[codes]


def _as_numbers(column: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Objects that are all numbers or missing, as numbers; the others as they are."""
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == "integer" and not pd.isna(column).any():
        numbers = pd.to_numeric(column)
        return numbers, numbers.dtype.kind
    if inferred in ("integer", "integer-na", "floating", "mixed-integer-float", "boolean"):
        return as_floats(column), "f"
    return column, "O"


def _hash(value: Any) -> np.uint64:
    if isinstance(value, Integral):
        if abs(int(value)) >= 2**63:
            return _text_hash(str(value))
        return np.uint64(_number_hashes(np.array([int(value)]))[0])
    if is_number(value) or isinstance(value, Decimal):
        return np.uint64(_number_hashes(np.array([float(value)]))[0])
    if isinstance(value, timedelta):
        return _hash(value.total_seconds())
    if isinstance(value, date):  # a datetime, too
        moment = pd.Timestamp(value)
        moment = moment if moment.tz is None else moment.tz_convert(UTC).tz_localize(None)
        return np.uint64(_moment_hashes(np.array([moment.to_datetime64()]))[0])
    if not isinstance(value, str | bytes):
        raise TypeError(f"a {type(value).__name__}")
    return _text_hash(value if isinstance(value, str) else f"bytes {value!r}")


def _number_hashes(values: NDArray[Any]) -> Hashes:
    """0 for a zero, and one hash for NaN.

    Fractions count to single precision: an encoder or a scaler may give the last digits of a row
    otherwise alone than in a batch. Whole numbers, such as an applicant's, count exactly.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        short = values.astype(np.float32)
        exact = (values if values.dtype.kind in "iu" else values.astype(np.int64)).astype(np.uint64)
        size = np.abs(short)
        whole = values.dtype.kind in "iu" or (values.dtype.kind == "f" and values % 1 == 0)
    bits = short.view(np.uint32).astype(np.uint64)
    bits = np.where((size >= 2.0**24) & (size < 2.0**63) & whole, exact, bits)
    hashes = np.where(np.isnan(short), _MISSING, _mixed(bits + _ODD))
    return np.where(short == 0, np.uint64(0), hashes)


def _moment_hashes(values: Any) -> Hashes:
    """Hashes of naive moments, or of those of UTC, to the microsecond."""
    moments = np.asarray(values).astype("datetime64[us]")
    hashes = _mixed(moments.astype(np.int64).astype(np.uint64) ^ _MOMENT)
    return np.where(np.isnat(moments), _MISSING, hashes)


def _text_hash(text: str) -> np.uint64:
    return np.uint64(
        int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())
    )


def _mixed(hashes: Hashes) -> Hashes:
    """Mix bits as SplitMix64 does (Steele, Lea and Flood 2014), doi:10.1145/2660193.2660195."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
