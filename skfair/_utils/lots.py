"""Lots of randomized decisions: drawn anew at each call, or fixed by what a row says."""

from __future__ import annotations

import hashlib
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from skfair._utils.columns import n_rows, named_columns
from skfair._utils.encoding import factorize
from skfair._utils.validation import check_option, generator, is_number

Hashes = NDArray[np.uint64]

_BY_ROW = "by_row"
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MISSING = np.uint64(0x5851F42D4C957F2D)


def check_lots(randomized: Any, random_state: Any) -> None:
    """Raise ValueError for a ``randomized`` or a ``random_state`` that no lots are drawn by."""
    check_option("randomized", randomized, (False, True, _BY_ROW))
    if randomized == _BY_ROW and not isinstance(random_state, Integral | None):
        raise ValueError(
            'random_state must be an int or None with randomized="by_row", which moves nothing on, '
            f"got {random_state!r}"
        )


def lots_move(randomized: Any, random_state: Any) -> bool:
    """Tell whether two calls may draw different lots."""
    return bool(randomized) and randomized != _BY_ROW and random_state is None


def draw_lots(X: Any, randomized: Any, random_state: Any = None) -> NDArray[np.float64]:
    """Draw a number in [0, 1) for each row.

    Parameters
    ----------
    X : data frame, array-like or sparse matrix of shape (n, ...)
    randomized : {True, "by_row"}
        True: by ``random_state`` and the place of the row. "by_row": by what the row says.
    random_state : int, RandomState instance or None, default=None
        With "by_row" an int (None: 0), which makes other lots of the same rows.

    Returns
    -------
    lots : ndarray of float of shape (n,)

    Examples
    --------
    >>> X = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    >>> lots = draw_lots(X, "by_row")
    >>> bool(lots[0] == lots[2] != lots[1]), bool(draw_lots(X[2:], "by_row")[0] == lots[0])
    (True, True)
    """
    if randomized != _BY_ROW:
        return generator(random_state).random(n_rows(X))
    key = _text_hash(f"seed {random_state or 0}")
    return np.ldexp((_mixed(_row_hashes(X) ^ key) >> np.uint64(11)).astype(np.float64), -53)


def _row_hashes(X: Any) -> Hashes:
    """Add hashes of a row's values at their places; zeros add nothing, as in sparse matrices."""
    if sparse.issparse(X):
        found = X.tocoo()
        found.sum_duplicates()
        total = np.zeros(found.shape[0], dtype=np.uint64)
        np.add.at(total, found.row, _placed(_number_hashes(found.data), found.col))
        return total
    if isinstance(X, np.ndarray) and X.ndim > 2:
        X = X.reshape(len(X), -1)
    total = np.zeros(n_rows(X), dtype=np.uint64)
    for place, (_, column) in enumerate(named_columns(X)):
        total += _placed(_value_hashes(column), place)
    return total


def _value_hashes(column: Any) -> Hashes:
    if isinstance(column, np.ndarray) and column.dtype.kind in "biuf":
        return _number_hashes(column)
    codes, found = factorize(column)
    numbers = [is_number(value) or isinstance(value, bool) for value in found]
    hashes = [
        _number_hashes(np.array([value]))[0] if number else _text_hash(str(value))
        for value, number in zip(found, numbers, strict=True)
    ]
    return np.array([*hashes, _MISSING], dtype=np.uint64)[codes]


def _number_hashes(values: Any) -> Hashes:
    """0 for a zero, and one hash for NaN.

    Numbers count to single precision: an encoder or a scaler may give the last digits of a row
    otherwise alone than in a batch.
    """
    with np.errstate(over="ignore"):
        short = np.asarray(values, dtype=np.float64).astype(np.float32)
    hashes = _mixed(short.view(np.uint32).astype(np.uint64) + _ODD)
    return np.where(np.isnan(short), _MISSING, np.where(short == 0, np.uint64(0), hashes))


def _placed(hashes: Hashes, place: Any) -> Hashes:
    moved = _mixed(hashes ^ _mixed(np.atleast_1d(place).astype(np.uint64) + _ODD))
    return np.where(hashes == 0, np.uint64(0), moved)


def _text_hash(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()))


def _mixed(hashes: Hashes) -> Hashes:
    """Mix bits as SplitMix64 does (Steele, Lea and Flood 2014), doi:10.1145/2660193.2660195."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
