"""Features of networks: numbers standardised, words as one column a value, images as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair._utils.columns import is_frame, n_rows, select_column
from skfair.base import as_numbers, numeric_matrix

_MOST_VALUES = 100  # of a column of words, or a tenth of the rows


class TableEncoder:
    """Makes one matrix of numbers of a table's columns.

    Columns of numbers are standardised, if asked for; all others become a column for each of their
    values, missing ones included, in which values unseen at fit are 0. A column of words with more
    than 100 values, and more than a tenth of the rows, is refused.

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
        self.fit_transform(X, weights)
        return self

    def fit_transform(self, X: Any, weights: Any = None) -> NDArray[np.float64]:
        """Do what :meth:`fit` and :meth:`transform` do, and read the numbers once.

        Parameters
        ----------
        X : data frame or matrix of shape (n, n_features)
        weights : ndarray of float of shape (n,), default=None
        """
        self._tell_apart(X)
        numbers = numeric_matrix(X, self.numeric_) if self.numeric_ else None
        if numbers is not None and self.standardize:
            alike = weights is None or (weights == weights[0]).all()
            self.scaler_ = StandardScaler().fit(numbers, sample_weight=None if alike else weights)
        texts = self._texts(X) if self.words_ else None
        if texts is not None:
            encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            self.encoder_ = encoder.fit(texts)
            self._refuse_names(X)
        return self._join(numbers, texts)

    def _tell_apart(self, X: Any) -> None:
        if _is_numeric(X):
            self.numeric_ = self.kept
        else:
            self.numeric_ = [j for j in self.kept if as_numbers(select_column(X, j)[1]) is not None]
        numeric = set(self.numeric_)
        self.words_ = [j for j in self.kept if j not in numeric]

    def _refuse_names(self, X: Any) -> None:
        most = max(_MOST_VALUES, n_rows(X) // 10)
        for j, values in zip(self.words_, self.encoder_.categories_, strict=True):
            if len(values) > most:
                name = select_column(X, j)[0]
                raise ValueError(
                    f"column {name!r} isn't of numbers, and has {len(values)} values: as many "
                    "columns would be made of it. Drop it, or encode it in a step before (names, "
                    'dates, or numbers among which there is text such as "n/a"?)'
                )

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Give the matrix of numbers, of shape (n, n_columns)."""
        numbers = numeric_matrix(X, self.numeric_) if self.numeric_ else None
        return self._join(numbers, self._texts(X) if self.words_ else None)

    def _join(
        self, numbers: NDArray[np.float64] | None, texts: NDArray[np.object_] | None
    ) -> NDArray[np.float64]:
        """Scale the numbers, in their place, and put the columns of words beside them."""
        parts = []
        if numbers is not None:
            parts.append(
                self.scaler_.transform(numbers, copy=False) if self.standardize else numbers
            )
        if texts is not None:
            parts.append(self.encoder_.transform(texts))
        return parts[0] if len(parts) == 1 else np.hstack(parts)

    def state(self) -> dict[str, Any]:
        """Give what was learned, as plain values and arrays."""
        scaler, encoder = getattr(self, "scaler_", None), getattr(self, "encoder_", None)
        return {
            "kept": self.kept,
            "standardize": self.standardize,
            "numeric": self.numeric_,
            "words": self.words_,
            "mean": None if scaler is None else scaler.mean_,
            "scale": None if scaler is None else scaler.scale_,
            "values": None if encoder is None else [c.tolist() for c in encoder.categories_],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Make the fitted encoder of what :meth:`state` gave.

        Examples
        --------
        >>> table = pd.DataFrame({"age": [20, 40], "job": ["a", None]})
        >>> fitted = TableEncoder([0, 1]).fit(table)
        >>> TableEncoder.from_state(fitted.state()).transform(table)
        array([[-1.,  1.,  0.],
               [ 1.,  0.,  1.]])
        """
        made = cls(list(state["kept"]), state["standardize"])
        made.numeric_, made.words_ = list(state["numeric"]), list(state["words"])
        if state["mean"] is not None:
            made.scaler_ = StandardScaler()
            made.scaler_.mean_, made.scaler_.scale_ = state["mean"], state["scale"]
            made.scaler_.var_ = state["scale"] ** 2
            made.scaler_.n_features_in_ = len(state["mean"])
        if state["values"] is not None:
            values = [np.array(column, dtype=object) for column in state["values"]]
            encoder = OneHotEncoder(categories=values, handle_unknown="ignore", sparse_output=False)
            made.encoder_ = encoder.fit(np.array([[column[0] for column in values]], dtype=object))
        return made

    def _texts(self, X: Any) -> NDArray[np.object_]:
        columns = [pd.Series(select_column(X, j)[1]).astype(object) for j in self.words_]
        return np.column_stack([c.where(c.notna(), None).map(_as_text).to_numpy() for c in columns])


def _is_numeric(X: Any) -> bool:
    return not is_frame(X) and X.dtype.kind in "biuf"


def _as_text(value: Any) -> str | None:
    """Write a value, and a whole number alike as an integer and as a float."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)
