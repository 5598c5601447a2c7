"""Shapley values of the features of a table by sampling, for any predictor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import is_frame

Floats = NDArray[np.float64]

_CELLS_AT_ONCE = 1 << 22


def sampled_shapley(
    predict: Callable[[Any], Floats],
    X: Any,
    rows: NDArray[np.intp],
    shares: Floats,
    n_orders: int,
    rng: np.random.Generator,
) -> Floats:
    """Sample the Shapley values of rows against all rows.

    For each row and draw, another row is changed into it feature by feature, in a random order and
    in its reverse; a value is the mean change of the prediction at a feature's turn, so values of a
    row add up to its prediction less the mean of those it started from.

    Parameters
    ----------
    predict : callable
        Gives a number for each row of a table like X.
    X : data frame or array of shape (n, n_features)
    rows : ndarray of int of shape (m,)
        To explain.
    shares : ndarray of float of shape (n,)
        How probable it is to start from each row of X.
    n_orders : int
        Pairs of an order and its reverse a row.
    rng : Generator

    Returns
    -------
    ndarray of shape (m, n_features)
    """
    n_features = X.shape[1]
    values = np.zeros((len(rows), n_features))
    most = max(1, _CELLS_AT_ONCE // (n_features * (n_features + 1)))
    for drawn in _starts(shares, n_orders, len(rows), rng):
        order = rng.permuted(np.tile(np.arange(n_features), (len(rows), 1)), axis=1)
        for turns in (order, order[:, ::-1]):
            for start in range(0, len(rows), most):
                part = slice(start, start + most)
                values[part] += _one_by_one(predict, X, rows[part], drawn[part], turns[part])
    return values / (2 * n_orders)


def add_up(
    values: Sequence[Floats], held: Sequence[Floats], targets: Sequence[Floats], totals: Floats
) -> list[Floats]:
    r"""Share out what sampled values lack of the sums that are known.

    A row's values add up to its prediction less the mean of the rows that were drawn for it, and
    the mean over rows that were drawn from a group isn't that of the group. The feature j gets the
    share :math:`\beta_j = \sum \phi_j s / \sum s^2` of what is lacking, with values and their sums
    s less the means of their group: the slopes of regressions on s, which add up to 1. So a
    feature that the model ignores still has none, and differences are corrected as the regression
    estimator corrects a mean.

    Parameters
    ----------
    values : sequence of arrays of shape (m, n_features)
        One of each group.
    held : sequence of arrays of shape (m,)
        Weights of the rows.
    targets : sequence of arrays of shape (m,)
        What the values of each row are to add up to.
    totals : ndarray of float of shape (n_groups,)
        What the weighted means of each group are to add up to; not looked at where it has no rows.

    Returns
    -------
    list of arrays of shape (m, n_features)

    Examples
    --------
    >>> values = np.array([[2.0, 1.0, 0.0], [4.0, 2.0, 0.0]])
    >>> add_up([values], [np.ones(2)], [np.array([2.7, 6.3])], np.array([4.2]))[0].round(1)
    array([[1.6, 0.8, 0. ],
           [4. , 2. , 0. ]])
    """
    shares = _shares_of_sums(values)
    found = []
    for own, weights, target, total in zip(values, held, targets, totals, strict=True):
        if len(own):
            rows = own + np.outer(target - own.sum(axis=1), shares)
            mean = np.average(rows.sum(axis=1), weights=weights)
            own = rows + (total - mean) * shares
        found.append(own)
    return found


def _shares_of_sums(values: Sequence[Floats]) -> Floats:
    """Slopes of features on the sum of all, within groups; where sums don't vary, from 0."""
    for centred in (True, False):
        parts = [own - own.mean(axis=0) if centred and len(own) else own for own in values]
        rows = np.concatenate(parts)
        sums = rows.sum(axis=1)
        square = float(sums @ sums)
        if square > np.finfo(np.float64).eps ** 2 * float((rows**2).sum()):
            return np.asarray(sums @ rows / square)
    return np.full(values[0].shape[1], 1 / values[0].shape[1])


def _starts(
    shares: Floats, n_orders: int, n_rows: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw where to start from, systematically: each row as often as its share says, within one."""
    n = n_orders * n_rows
    ends = shares.cumsum()
    places = (np.arange(n) + rng.random()) / max(n, 1) * ends[-1]
    drawn = np.minimum(np.searchsorted(ends, places, side="right"), len(shares) - 1)
    return rng.permutation(drawn).reshape(n_orders, n_rows)


def _one_by_one(
    predict: Callable[[Any], Floats],
    X: Any,
    rows: NDArray[np.intp],
    others: NDArray[np.intp],
    turns: NDArray[np.intp],
) -> Floats:
    """Change ``others`` into ``rows``, feature by feature; give each feature's change."""
    n_features = turns.shape[1]
    turn_of = np.argsort(turns, axis=1)  # when each feature's turn is
    steps = np.arange(n_features + 1)[:, None]
    # where[s, i, j]: which row of X gives feature j of row i after s steps
    where = np.where(turn_of[None] < steps[:, :, None], rows[:, None], others[:, None])
    found = predict(assemble(X, where.reshape(-1, n_features))).reshape(n_features + 1, -1)
    change = np.diff(found, axis=0).T  # by row, in the order of turns
    values = np.empty_like(change)
    np.put_along_axis(values, turns, change, axis=1)
    return values


def assemble(X: Any, where: NDArray[np.intp]) -> Any:
    """Make a table whose cell (i, j) is that of column j of X in row ``where[i, j]``.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    >>> assemble(table, np.array([[0, 1], [1, 0]])).values.tolist()
    [[1, 'y'], [2, 'x']]
    """
    if isinstance(X, pd.DataFrame):
        columns = [X.iloc[where[:, j], j].reset_index(drop=True) for j in range(X.shape[1])]
        return pd.concat(columns, axis=1)
    if is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        parts = [frame.select(name)[where[:, j]] for j, name in enumerate(frame.columns)]
        return nw.concat(parts, how="horizontal").to_native()
    return X[where, np.arange(X.shape[1])]
