"""Features of networks: numbers standardised, words as one column a value, images as they are."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair._utils.columns import is_frame, select_column
from skfair.base import as_numbers, numeric_matrix


class TableEncoder:
    """Makes one matrix of numbers of a table's columns.

    Columns of numbers are standardised, if asked for; all others become a column for each of their
    values, missing ones included, in which values unseen at fit are 0.

    Parameters
    ----------
    kept : list of int
        Positions of the columns that are features.
    standardize : bool, default=True

    Examples
    --------
    >>> table = pd.DataFrame({"age": [20, 40], "job": ["a", "b"]})
    >>> TableEncoder([0, 1]).fit(table).transform(table)
    array([[-1.,  1.,  0.],
           [ 1.,  0.,  1.]])
    """

    def __init__(self, kept: list[int], standardize: bool = True) -> None:
        self.kept = kept
        self.standardize = standardize

    def fit(self, X: Any, weights: Any = None) -> Self:
        """Learn which columns are numbers, their scales, and the values of the others.

        Parameters
        ----------
        X : data frame or matrix of shape (n, n_features)
        weights : ndarray of float of shape (n,), default=None
            Of the rows' means and deviations.
        """
        if _is_numeric(X):
            self.numeric_ = self.kept
        else:
            self.numeric_ = [j for j in self.kept if as_numbers(select_column(X, j)[1]) is not None]
        numeric = set(self.numeric_)
        self.words_ = [j for j in self.kept if j not in numeric]
        if self.numeric_ and self.standardize:
            self.scaler_ = StandardScaler().fit(self._numbers(X), sample_weight=weights)
        if self.words_:
            encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            self.encoder_ = encoder.fit(self._texts(X))
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Give the matrix of numbers, of shape (n, n_columns)."""
        parts = []
        if self.numeric_:
            numbers = self._numbers(X)
            parts.append(self.scaler_.transform(numbers) if self.standardize else numbers)
        if self.words_:
            parts.append(self.encoder_.transform(self._texts(X)))
        return np.hstack(parts)

    def _numbers(self, X: Any) -> NDArray[np.float64]:
        if _is_numeric(X) and np.isfinite(X).all():
            return X[:, self.numeric_].astype(np.float64, copy=False)
        return numeric_matrix(X, self.numeric_)

    def _texts(self, X: Any) -> NDArray[np.object_]:
        columns = [pd.Series(select_column(X, j)[1]).astype(object) for j in self.words_]
        return np.column_stack([c.where(c.notna(), None).map(_as_text).to_numpy() for c in columns])


def _is_numeric(X: Any) -> bool:
    return not is_frame(X) and X.dtype.kind in "biuf"


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)
