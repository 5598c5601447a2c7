"""Rows as points, so that rows that say the same lie close to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import check_array

from skfair._utils.columns import is_frame, n_rows, select_column
from skfair._utils.validation import check_same_length
from skfair.base import as_matrix, as_numbers

_MOST_CATEGORIES = 20

Points = Any  # an array or a sparse matrix of shape (n, k)


class Representation:
    """How rows become points: by the user's function, by columns, or by a model's probabilities.

    Numbers are standardised, missing ones are the median; of the rest the most frequent values
    become indicators. What is no table, as images are, is represented by its probabilities.

    Parameters
    ----------
    embedding : callable, default=None
        Gets X and returns numbers of shape (n, k).

    Examples
    --------
    >>> X = pd.DataFrame({"age": [20.0, None, 60.0], "sex": ["f", "m", "f"]})
    >>> Representation().fit_points(X, np.full((3, 2), 0.5)).round(2)
    array([[-1.22,  1.  ,  0.  ],
           [ 0.  ,  0.  ,  1.  ],
           [ 1.22,  1.  ,  0.  ]])
    """

    def __init__(self, embedding: Callable[[Any], Any] | None = None) -> None:
        self.embedding = embedding
        self._encoder: Any = None
        self._is_number: list[bool] | None = None

    def fit_points(self, X: Any, chances: NDArray[np.float64]) -> Points:
        """Learn scales and categories of the rows and return their points."""
        return self._points(X, chances, learn=True)

    def points(self, X: Any, chances: NDArray[np.float64]) -> Points:
        """Return the points of other rows."""
        return self._points(X, chances, learn=False)

    def _points(self, X: Any, chances: NDArray[np.float64], *, learn: bool) -> Points:
        table = chances if self.embedding is None else self._embed(X)
        if self.embedding is None and _is_table(X):
            table = X if sparse.issparse(X) else _as_frame(X, None if learn else self._is_number)
        if learn:
            self._encoder, self._is_number = _encoder_of(table)
            return self._encoder.fit_transform(table)
        return self._encoder.transform(table)

    def _embed(self, X: Any) -> NDArray[np.float64]:
        if not callable(self.embedding):
            raise ValueError(f"embedding must be a function of X, got {self.embedding!r}")
        points = check_array(self.embedding(X), dtype=np.float64, input_name="embedding(X)")
        check_same_length(X=range(n_rows(X)), embedding=points)
        return points


def _is_table(X: Any) -> bool:
    if is_frame(X) or sparse.issparse(X):
        return True
    return len(X.shape if hasattr(X, "shape") else np.shape(as_matrix(X))) == 2


def _as_frame(X: Any, is_number: list[bool] | None) -> pd.DataFrame:
    """Numbers as floats and everything else as text, by the kinds that are known already."""
    matrix = X if is_frame(X) else as_matrix(X)
    matrix = matrix if hasattr(matrix, "shape") else np.asarray(matrix)
    columns: dict[int, Any] = {}
    for j in range(matrix.shape[1]):
        name, values = select_column(matrix, j)
        numbers = as_numbers(values)
        if is_number is not None and is_number[j] and numbers is None:
            raise ValueError(f"column {name!r} has numbers in the pool and others in fit")
        as_text = numbers is None or (is_number is not None and not is_number[j])
        columns[j] = pd.Series(values).astype(str).to_numpy(object) if as_text else numbers
    return pd.DataFrame(columns)


def _encoder_of(table: Any) -> tuple[Any, list[bool]]:
    if sparse.issparse(table):
        return StandardScaler(with_mean=False), []
    is_number = [dtype.kind == "f" for dtype in pd.DataFrame(table).dtypes]
    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    if all(is_number):
        return numbers, is_number
    words = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=_MOST_CATEGORIES, sparse_output=False
    )
    places = np.arange(len(is_number))
    columns = make_column_transformer(
        (numbers, places[is_number]), (words, places[~np.array(is_number)])
    )
    return columns, is_number
