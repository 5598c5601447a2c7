"""Transformers that need the group of each row at fit and again at transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_is_fitted

from skfair._utils.columns import is_frame, select_column, take_columns
from skfair._utils.text import listed
from skfair._utils.validation import check_any_weight, check_weights
from skfair.base._features import numeric_matrix, read_table
from skfair.base._protocol import SensitiveFeaturesMixin, sensitive_positions


class GroupsAtTransformMixin(SensitiveFeaturesMixin, OneToOneFeatureMixin, TransformerMixin):
    """Reads sensitive features at fit and again at transform.

    Where the constructor names no columns of X, groups are requested as metadata for ``fit``,
    ``transform`` and ``fit_transform``, so that pipelines pass them on in ``predict`` as well.
    An alias set by ``set_fit_request`` holds for ``transform``, unless it has a request of its own.

    Attributes
    ----------
    uses_group_at_predict : bool
        Whether what a model behind the transformer predicts depends on the group beyond X.
    infers_group : bool
        Whether the group is guessed from X.
    """

    uses_group_at_predict = True
    infers_group = False

    def fit_transform(
        self, X: Any, y: Any = None, *, sensitive_features: Any = None, **fit_params: Any
    ) -> Any:
        """Fit to X and transform it.

        Parameters
        ----------
        X : data frame or matrix of shape (n, n_features)
        y : array-like of shape (n,), default=None
            Labels, as ``fit`` takes them.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        **fit_params : dict
            Further metadata for ``fit``.

        Returns
        -------
        X
            As ``transform`` returns it.
        """
        fitted = self.fit(X, y, sensitive_features=sensitive_features, **fit_params)
        return fitted.transform(X, sensitive_features=sensitive_features)

    def _own_request(self) -> MetadataRequest:
        request = super()._own_request()
        at_fit = request.fit.requests.get("sensitive_features", True)
        if self.sensitive_features is not None:
            request.transform.add_request(param="sensitive_features", alias=False)
        elif request.transform.requests.get("sensitive_features") is None:
            request.transform.add_request(param="sensitive_features", alias=at_fit)
        return request


class Sensitive(Protocol):
    """What a transformer reads of its rows' groups: most often ``Groups``."""

    def take(self, rows: NDArray[np.integer]) -> Any:
        """Give the groups of some rows."""


class BaseGroupTransformer(GroupsAtTransformMixin, BaseEstimator):
    """Base of transformers that change numeric columns by group.

    A subclass overrides ``_fit_matrix(matrix, groups, weights)`` and
    ``_transform_matrix(matrix, groups)``, which get the columns to change as floats; if it likes,
    ``_check_parameters``, ``_choose_columns`` and ``_read_sensitive`` as well. Rows of weight 0 are
    as good as absent at fit. The table comes back in the type that it had, and columns that aren't
    changed as they were. Columns that the constructor names as sensitive are never changed, and
    leave the output unless ``drop_sensitive`` is False.
    """

    drop_sensitive: bool

    def fit(
        self, X: Any, y: Any = None, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Learn from X and the groups of its rows.

        Parameters
        ----------
        X : data frame or matrix of shape (n, n_features)
            Columns to change are numeric and have no missing values.
        y : ignored
            Here because pipelines pass it.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If groups are given twice or not at all, or columns to change aren't numeric or have
            missing values; the message names them.
        """
        self._check_parameters()
        X = read_table(self, X, reset=True)
        named = sensitive_positions(X, self.sensitive_features)
        self._changed = self._choose_columns(X, named)
        dropped = set(named) if self.drop_sensitive else set()
        self._kept = [j for j in range(X.shape[1]) if j not in dropped]
        matrix = numeric_matrix(X, self._changed)
        sensitive = self._read_sensitive(X, sensitive_features)
        weights = check_weights(sample_weight, len(matrix))
        if weights is not None:
            check_any_weight(weights)
            rows = np.flatnonzero(weights)
            matrix, sensitive, weights = matrix[rows], sensitive.take(rows), weights[rows]
        self._fit_matrix(matrix, sensitive, weights)
        return self

    def transform(self, X: Any, *, sensitive_features: Any = None) -> Any:
        """Change the columns of X by the groups of its rows.

        Parameters
        ----------
        X : data frame or matrix of shape (n, n_features)
            As at fit.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.

        Returns
        -------
        X : data frame or ndarray of shape (n, n_features_out)
            A frame comes back as a frame of its kind, anything else as an array. Changed columns
            are floats; the others keep their types.

        Raises
        ------
        ValueError
            If a group was unseen at fit; the message names it.
        """
        check_is_fitted(self)
        X = read_table(self, X, reset=False)
        matrix = numeric_matrix(X, self._changed)
        sensitive = self._read_sensitive(X, sensitive_features)
        changed = self._transform_matrix(matrix, sensitive)
        return _replace_columns(X, self._kept, self._changed, changed)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns that ``transform`` returns."""
        return super().get_feature_names_out(input_features)[self._kept]

    def _choose_columns(self, X: Any, sensitive: list[int]) -> list[int]:
        """Positions of the columns to change: all that aren't sensitive."""
        chosen = [j for j in range(X.shape[1]) if j not in set(sensitive)]
        if not chosen:
            raise ValueError(
                f"X has n_features={X.shape[1]}, all of them sensitive: {type(self).__name__} has "
                "nothing to transform"
            )
        return chosen

    def _changed_names(self) -> list[Any]:
        names = OneToOneFeatureMixin.get_feature_names_out(self)
        return [names[j] for j in self._changed]

    def _check_parameters(self) -> None:
        """Raise ValueError for a parameter out of its range."""

    def _read_sensitive(self, X: Any, sensitive_features: Any) -> Sensitive:
        return self._read_groups(X, sensitive_features)

    def _fit_matrix(
        self, matrix: NDArray[np.float64], sensitive: Any, weights: NDArray[np.float64] | None
    ) -> None:
        raise NotImplementedError

    def _transform_matrix(self, matrix: NDArray[np.float64], sensitive: Any) -> NDArray[np.float64]:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True  # in sensitive columns
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def check_same_features(found: Sequence[str], known: Sequence[str]) -> None:
    """Raise ValueError if sensitive features are others than at fit, or in another order.

    Features without names, which are called ``sensitive_feature_0`` and so on, are told by place.

    Examples
    --------
    >>> check_same_features(["sensitive_feature_0"], ["sex"])
    """
    same = len(found) == len(known) and all(
        a == b or any(name.startswith("sensitive_feature_") for name in (a, b))
        for a, b in zip(found, known, strict=True)
    )
    if not same:
        raise ValueError(
            f"sensitive features were {listed(known)} at fit, and are {listed(found)} now: give "
            "the same ones in the same order"
        )


def _replace_columns(
    X: Any, kept: list[int], changed: list[int], matrix: NDArray[np.float64]
) -> Any:
    """Give the columns ``kept`` of X, of which those ``changed`` come from the matrix."""
    places = {j: i for i, j in enumerate(kept)}
    if not is_frame(X):
        if changed == kept:
            return matrix.astype(_floats(X), copy=False)
        passing = [j for j in kept if j not in set(changed)]
        out = np.empty((len(X), len(kept)), object if passing and X.dtype == object else _floats(X))
        out[:, [places[j] for j in passing]] = X[:, passing]
        out[:, [places[j] for j in changed]] = matrix
        return out
    columns = {
        j: matrix[:, i].astype(_floats(select_column(X, j)[1])) for i, j in enumerate(changed)
    }
    out = take_columns(X, kept)
    if isinstance(X, pd.DataFrame):
        out = out.copy()
        for j, values in columns.items():
            out.isetitem(places[j], values)
        return out
    frame, rows = nw.from_native(out, eager_only=True), np.arange(len(matrix))
    types = {np.float32: nw.Float32, np.float64: nw.Float64}
    series = [
        frame[:, places[j]].cast(types[values.dtype.type]).scatter(rows, values)
        for j, values in columns.items()
    ]
    return frame.with_columns(*series).to_native()


def _floats(values: Any) -> type[np.floating]:
    return np.float32 if getattr(values, "dtype", None) == np.float32 else np.float64
