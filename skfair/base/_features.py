"""Features: what estimators read of a table, and its columns as numbers."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, get_tags
from sklearn.utils.validation import validate_data

from skfair._utils.columns import is_frame, select_column
from skfair._utils.text import listed
from skfair.base._protocol import SensitiveFeaturesMixin, sensitive_positions


class NumericFeaturesMixin(SensitiveFeaturesMixin):
    """Reads the columns of X that aren't sensitive as one matrix of numbers."""

    def _read_features(self, X: Any, reset: bool) -> Any:
        """Columns of X that aren't sensitive, as floats; of a sparse X sparse."""
        X = read_table(self, X, reset=reset)
        if reset:
            self._kept = feature_positions(X, self.sensitive_features)
        matrix = X[:, self._kept] if sparse.issparse(X) else numeric_matrix(X, self._kept)
        return check_array(
            matrix,
            accept_sparse="csr",
            dtype=np.float64,
            input_name="X",
            estimator=type(self).__name__,
        )


def read_table(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """Check what needs no look into the columns; a frame stays a frame, all else becomes an array.

    Parameters
    ----------
    estimator : estimator
        Learns the number and names of features, or compares them. Its tags say whether it takes a
        sparse X.
    X : data frame, array-like or sparse matrix of shape (n, n_features)
    reset : bool
        True at fit.

    Returns
    -------
    X : data frame, ndarray, or csr matrix of float
    """
    if not is_frame(X):
        X = check_array(
            as_matrix(X),
            accept_sparse="csr" if get_tags(estimator).input_tags.sparse else False,
            dtype=np.float64 if sparse.issparse(X) else None,
            ensure_all_finite=False,
            estimator=type(estimator).__name__,
        )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X


def feature_positions(X: Any, sensitive_features: Any) -> list[int]:
    """Positions of the columns of X that aren't named as sensitive.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> feature_positions(np.zeros((1, 3)), 1)
    [0, 2]
    """
    named = set(sensitive_positions(X, sensitive_features))
    kept = [j for j in range(X.shape[1]) if j not in named]
    if not kept:
        raise ValueError(f"all n_features={X.shape[1]} columns are sensitive features")
    return kept


def as_matrix(X: Any) -> Any:
    """Make an array of lists, in which numbers beside text stay numbers.

    Examples
    --------
    >>> as_matrix([["f", 1], ["m", 2]])[:, 1].tolist()
    [1, 2]
    """
    if not isinstance(X, list | tuple):
        return X
    array = np.asarray(X)
    return np.asarray(X, dtype=object) if array.dtype.kind in "US" else array


def column_names(X: Any) -> list[Any]:
    """Names of the columns of a frame, else ``x0``, ``x1``, and so on.

    Examples
    --------
    >>> column_names(np.zeros((1, 2)))
    ['x0', 'x1']
    """
    if is_frame(X):
        return list(nw.from_native(X, eager_only=True).columns)
    return [f"x{j}" for j in range(X.shape[1])]


def as_numbers(values: Any) -> NDArray[np.float64] | None:
    """Values of a numeric or boolean column as floats, NaN where missing; None for any other.

    Examples
    --------
    >>> as_numbers(np.array([1, None, 3], dtype=object))
    array([ 1., nan,  3.])
    >>> as_numbers(np.array(["1"])) is None
    True
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    column = pd.Series(values)
    present = column.notna().to_numpy()
    dtype = column[present].infer_objects().dtype
    if present.any() and (not pd.api.types.is_numeric_dtype(dtype) or dtype.kind == "c"):
        return None
    numbers = np.full(len(column), np.nan)
    numbers[present] = column[present].astype(np.float64)
    return numbers


def numeric_matrix(X: Any, positions: list[int]) -> NDArray[np.float64]:
    """Columns of a frame or array as floats.

    Raises
    ------
    ValueError
        If columns aren't numeric, or have missing or infinite values; the message names them.
    """
    names = column_names(X)
    matrix = _stack_columns(X, positions, names)
    for problem, found in (("NaN", np.isnan(matrix)), ("infinity", np.isinf(matrix))):
        if found.any():
            affected = [names[positions[i]] for i in np.flatnonzero(found.any(axis=0))]
            advice = ": impute missing values in a step before" if problem == "NaN" else ""
            raise ValueError(f"Input X contains {problem} in columns {listed(affected)}{advice}")
    return matrix


def _stack_columns(X: Any, positions: list[int], names: list[Any]) -> NDArray[np.float64]:
    if not is_frame(X) and X.dtype.kind in "biuf":
        return np.take(X, positions, axis=1).astype(np.float64, copy=False)
    columns = {j: as_numbers(select_column(X, j)[1]) for j in positions}
    words = [names[j] for j, numbers in columns.items() if numbers is None]
    if words:
        raise ValueError(
            f"columns {listed(words)} are not numeric: encode them in a step before (a "
            "OneHotEncoder in a ColumnTransformer, say), or leave them out"
        )
    return np.column_stack([numbers for numbers in columns.values() if numbers is not None])
