"""CorrelationRemover: take from each column what is linear in the sensitive features."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_array

from skfair._utils.columns import named_columns, select_column
from skfair._utils.text import listed
from skfair._utils.validation import check_same_length, check_share
from skfair.base import BaseGroupTransformer, as_numbers, check_same_features, read_groups
from skfair.groups import MISSING, Bins, ColumnSpec, Groups, Missing

Numeric = Literal["groups", "values"]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Features:
    """Sensitive features of n rows: some as groups, some as numbers (NaN where missing)."""

    groups: tuple[Groups, ...]
    numbers: dict[str, NDArray[np.float64]]

    def take(self, rows: NDArray[np.integer]) -> _Features:
        """Give the features of some rows."""
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        return _Features(tuple(groups.take(rows) for groups in self.groups), numbers)


@dataclass(frozen=True, eq=False)
class _Code:
    """How sensitive features become columns of numbers; learnt at fit."""

    features: tuple[str, ...]
    labels: tuple[tuple[Hashable, ...], ...]
    fillers: dict[str, float]
    with_missing: frozenset[str]

    @classmethod
    def learn(cls, features: _Features, weights: Matrix | None) -> _Code:
        fillers, with_missing = {}, set()
        for name, values in features.numbers.items():
            known = ~np.isnan(values)
            if not known.all():
                with_missing.add(name)
            of_known = None if weights is None else weights[known]
            fillers[name] = float(np.average(values[known], weights=of_known)) if known.any() else 0
        names = tuple(groups.name for groups in features.groups)
        labels = tuple(groups.labels for groups in features.groups)
        return cls(names, labels, fillers, frozenset(with_missing))

    def names(self, features: _Features) -> list[tuple[str, Hashable]]:
        """Name the columns: (feature, group), or (feature, "value") for a number."""
        named: list[tuple[str, Hashable]] = []
        for groups, labels in zip(features.groups, self.labels, strict=True):
            named += [(groups.name, label) for label in labels]
        for name in self.fillers:
            named.append((name, "value"))
            if name in self.with_missing:
                named.append((name, MISSING))
        return named

    def check(self, features: _Features) -> None:
        """Raise ValueError if features have other names or kinds than those learnt."""
        for kind, known, found in (
            ("groups", self.features, [groups.name for groups in features.groups]),
            ("numbers", tuple(self.fillers), list(features.numbers)),
        ):
            if len(known) != len(found):
                raise ValueError(
                    f"sensitive features that are {kind} were {listed(known)} at fit, and are "
                    f"{listed(found)} now"
                )
            check_same_features(found, known)

    def columns(self, features: _Features) -> Matrix:
        """Give a 0/1 column for each group, and numbers with a 0/1 column for missing ones."""
        self.check(features)
        parts = []
        for groups, labels in zip(features.groups, self.labels, strict=True):
            parts.append(np.eye(len(labels))[groups.encode(labels)])
        numbers = features.numbers.values()
        for (name, filler), values in zip(self.fillers.items(), numbers, strict=True):
            lacking = np.isnan(values)
            parts.append(np.where(lacking, filler, values)[:, None])
            if name in self.with_missing:
                parts.append(lacking[:, None].astype(np.float64))
            elif lacking.any():
                raise ValueError(f"groups of {name} unseen at fit: [{MISSING!r}]")
        return np.column_stack(parts)


def _effects(matrix: Matrix, columns: Matrix, weights: Matrix | None) -> tuple[Matrix, Matrix]:
    """Means of the sensitive columns, and least-squares effects of them on each feature."""
    mean = np.average(columns, axis=0, weights=weights)
    centred = columns - mean
    if weights is not None:
        root = np.sqrt(weights / weights.max())[:, None]
        centred, matrix = centred * root, matrix * root
    scale = np.sqrt((centred**2).mean(axis=0))
    scale[scale == 0] = 1  # a constant has no effect
    coefficients, *_ = np.linalg.lstsq(centred / scale, matrix, rcond=None)
    return mean, coefficients / scale[:, None]


def _read(
    X: Any,
    given: Any,
    columns: ColumnSpec | None,
    numeric: Numeric,
    missing: Missing,
    owner: str,
) -> _Features:
    """Read each sensitive feature as groups, or as numbers where ``numeric="values"``."""
    if numeric == "groups" or isinstance(given, Groups) or (columns is None) == (given is None):
        groups = read_groups(X, given, columns=columns, missing=missing, owner=owner)
        return _Features(groups.split(), {})
    raw = {}
    for i, (name, values) in enumerate(_raw_columns(X, given, columns)):
        check_same_length(X=X, sensitive_features=values)
        raw[f"sensitive_feature_{i}" if name is None else str(name)] = values
    numbers = {name: found for name in raw if (found := as_numbers(raw[name])) is not None}
    for name, values in numbers.items():
        if np.isinf(values).any():
            raise ValueError(f"sensitive feature {name!r} contains infinity")
        if missing == "raise" and (count := np.isnan(values).sum()):
            raise ValueError(f"sensitive feature {name!r} has {count} missing values")
    rest = {name: values for name, values in raw.items() if name not in numbers}
    return _Features(Groups.read(rest, missing=missing).split() if rest else (), numbers)


def _raw_columns(X: Any, given: Any, columns: ColumnSpec | None) -> list[tuple[Any, Any]]:
    if columns is None or (callable(columns) and not isinstance(columns, Bins)):
        return named_columns(given if columns is None else columns(X))
    single = isinstance(columns, str | int | np.integer | Bins)
    specs: list[Any] = [columns] if single else list(columns)  # type: ignore[arg-type]
    binned = [spec(X) if isinstance(spec, Bins) else None for spec in specs]
    return [
        select_column(X, spec) if cut is None else (cut.name, cut.array)
        for spec, cut in zip(specs, binned, strict=True)
    ]


def remove_correlation(
    X: Any,
    sensitive_features: Any,
    sample_weight: Any = None,
    *,
    alpha: float = 1.0,
    numeric: Numeric = "groups",
    missing: Missing = "group",
) -> Matrix:
    r"""Take from each column of X what is linear in the sensitive features.

    .. math:: X - \alpha (S - \bar S) W, \quad
        W = \arg\min_W \sum_i s_i \| x_i - (S_i - \bar S) W \|^2

    where S has a 0/1 column for each group of each sensitive feature, s are the sample weights, and
    means are weighted by them.

    Parameters
    ----------
    X : array-like of shape (n, n_features)
        Numbers, without the sensitive columns.
    sensitive_features : array-like of shape (n,) or (n, k), or Groups
        One or several sensitive features.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    alpha : float, default=1.0
        Share of the linear part that is taken, 0 to 1.
    numeric : {"groups", "values"}, default="groups"
        Each value of a numeric sensitive feature is a group, or the numbers stand for themselves.
    missing : {"group", "raise"}, default="group"
        What happens to rows without a sensitive value.

    Returns
    -------
    X : ndarray of float of shape (n, n_features)
        With ``alpha=1`` no column is correlated with any group.

    Raises
    ------
    ValueError
        If lengths differ, X has missing values, or a group has no weight.

    Examples
    --------
    >>> remove_correlation([[1.0], [3.0], [5.0], [7.0]], ["f", "f", "m", "m"])
    array([[3.],
           [5.],
           [3.],
           [5.]])
    """
    matrix = check_array(X, dtype=np.float64)
    remover = CorrelationRemover(alpha=alpha, numeric=numeric, missing=missing)
    given = {"sensitive_features": sensitive_features}
    return np.asarray(
        remover.fit(matrix, sample_weight=sample_weight, **given).transform(matrix, **given)
    )


class CorrelationRemover(BaseGroupTransformer):
    r"""Take from each column what is linear in the sensitive features.

    .. math:: X - \alpha (S - \bar S) W

    where S has a 0/1 column for each group of each sensitive feature and W are the effects of S on
    X by least squares, learnt at fit. With ``alpha=1``, no column of the training data is
    correlated with any group: groups have equal means. This serves linear models. Columns may
    still differ in spread or in how they go together, and **a flexible model may read the group
    from the shift itself**: whole numbers of one group get other fractions than those of another.

    Several sensitive features act side by side: means are equal between the groups of each, but
    may differ between intersections (women of one race, say). A callable that returns one column
    of intersections makes these equal, too.

    Predictions of a model behind it depend on the group: ``uses_group_at_predict`` is True.

    Parameters
    ----------
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit and transform.
    alpha : float, default=1.0
        Share of the linear part that is taken, 0 to 1.
    numeric : {"groups", "values"}, default="groups"
        What a numeric sensitive feature is. ``"groups"``: each value is a group, of which there may
        be 30; cut a longer one by ``Bins``. ``"values"``: the number itself is the column of S, as
        in fairlearn, with a 0/1 column for missing values where there are some.
    drop_sensitive : bool, default=True
        Whether the columns that ``sensitive_features`` names leave the output. They pass unchanged
        otherwise. Columns that a callable reads stay, and are changed like all others.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Attributes
    ----------
    effects_ : DataFrame of shape (n_sensitive_columns, n_changed)
        W: a row for each (feature, group) or (feature, ``"value"``), a column for each column
        changed. Where S has collinear columns, it is one of many solutions.
    sensitive_mean_ : Series of shape (n_sensitive_columns,)
        Weighted mean of each column of S.
    n_features_in_, feature_names_in_
        As of other transformers.
    uses_group_at_predict : bool
        True: ``transform`` reads the group, so that predictions behind it depend on it beyond the
        other columns. Different rules by group can be unlawful.

    Raises
    ------
    ValueError
        If a column that isn't sensitive is not numeric or has missing values, or if a group at
        transform was unseen at fit; the message names them.

    Notes
    -----
    Sparse X is refused: what comes out is dense.

    A column that is itself a function of the groups is constant afterwards, up to rounding.

    References
    ----------
    Weerts, H., Dudik, M., Edgar, R., Jalali, A., Lutz, R. and Madaio, M. (2023). Fairlearn:
    assessing and improving fairness of AI systems. Journal of Machine Learning Research 24(257).
    https://jmlr.org/papers/v24/23-0389.html

    Examples
    --------
    >>> X = pd.DataFrame({"sex": ["f", "f", "m", "m"], "height": [160, 164, 176, 180]})
    >>> CorrelationRemover(sensitive_features="sex").fit_transform(X)
       height
    0   168.0
    1   172.0
    2   168.0
    3   172.0
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        alpha: float = 1.0,
        numeric: Numeric = "groups",
        drop_sensitive: bool = True,
        missing: Missing = "group",
    ) -> None:
        self.sensitive_features = sensitive_features
        self.alpha = alpha
        self.numeric = numeric
        self.drop_sensitive = drop_sensitive
        self.missing = missing

    def _check_parameters(self) -> None:
        check_share("alpha", self.alpha)
        if self.numeric not in ("groups", "values"):
            raise ValueError(f'numeric must be "groups" or "values", got {self.numeric!r}')

    def _read_sensitive(self, X: Any, sensitive_features: Any) -> _Features:
        return _read(
            X,
            sensitive_features,
            self.sensitive_features,
            self.numeric,
            self.missing,
            type(self).__name__,
        )

    def _fit_matrix(self, matrix: Matrix, sensitive: _Features, weights: Matrix | None) -> None:
        self._code = _Code.learn(sensitive, weights)
        mean, effects = _effects(matrix, self._code.columns(sensitive), weights)
        rows = pd.MultiIndex.from_tuples(self._code.names(sensitive), names=["feature", "group"])
        self.effects_ = pd.DataFrame(effects, index=rows, columns=self._changed_names())
        self.sensitive_mean_ = pd.Series(mean, index=rows)

    def _transform_matrix(self, matrix: Matrix, sensitive: _Features) -> Matrix:
        columns = self._code.columns(sensitive) - self.sensitive_mean_.to_numpy()
        return matrix - columns @ (self.alpha * self.effects_.to_numpy())
