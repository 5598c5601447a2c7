"""Sensitive attributes as numbers: a table of categories and numbers, coded for linear rules."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import n_rows, named_columns, select_column
from skfair._utils.validation import check_same_length
from skfair.base._features import as_numbers
from skfair.base._protocol import read_groups
from skfair.base._transform import check_same_features
from skfair.groups import MISSING, Bins, ColumnSpec, Groups, Missing

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MAX_COLUMNS = 1000
"""More columns than this, products included, are refused."""


@dataclass(frozen=True, eq=False)
class AttributeTable:
    """Sensitive attributes of n rows: categories as groups, numbers as floats.

    Parameters
    ----------
    columns : dict of str to Groups or ndarray of float
        Missing categories are the group ``"<missing>"``, missing numbers are NaN.

    Examples
    --------
    >>> table = read_attributes(None, {"sex": ["f", "m"], "age": [20, 40]})
    >>> list(table.columns), len(table)
    (['sex', 'age'], 2)
    """

    columns: dict[str, Groups | Floats]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, rows: NDArray[Any]) -> AttributeTable:
        """Give the attributes of some rows; categories without rows keep their place."""
        taken: dict[str, Groups | Floats] = {}
        for name, column in self.columns.items():
            if isinstance(column, Groups):
                taken[name] = Groups(column.codes[rows], column.labels, column.names)
            else:
                taken[name] = column[rows]
        return AttributeTable(taken)

    def distinct(self) -> tuple[AttributeTable, Rows]:
        """Give the distinct rows, and which of them each row is."""
        place = np.zeros(len(self), dtype=np.intp)
        for column in self.columns.values():
            codes = column.codes if isinstance(column, Groups) else pd.factorize(column)[0]
            codes = codes.astype(np.intp) + 1  # NaN is a value
            place = pd.factorize(place * (codes.max() + 1) + codes)[0]
        first = np.unique(place, return_index=True)[1]
        return self.take(first), place


def read_attributes(
    X: Any,
    given: Any = None,
    *,
    columns: ColumnSpec | None = None,
    missing: Missing = "group",
    categories: Collection[str] = (),
    owner: str = "sensitive_features",
) -> AttributeTable:
    """Read attributes by the protocol: from columns of X, or from values given beside it.

    Numeric and boolean columns are numbers, everything else is categories. Numbers that are names
    of groups are to be given as strings or categories.

    Parameters
    ----------
    X : data frame or matrix of shape (n, n_features), or None
        None only where values are given.
    given : array-like of shape (n,) or (n, k), data frame, dict or Groups, default=None
        Values given with the call; an AttributeTable passes.
    columns : str, int, Bins, list or callable, default=None
        Columns named in a constructor.
    missing : {"group", "raise"}, default="group"
        Missing categories form the group ``"<missing>"`` and missing numbers get an indicator, or
        both are refused.
    categories : collection of str, default=()
        Attributes that are known to be categories, for rows in which all values are missing.
    owner : str
        Name of the object that asks, for messages.

    Returns
    -------
    AttributeTable

    Raises
    ------
    ValueError
        If both or neither are given, the number of rows differs, numbers are infinite, or
        ``missing`` is none of the two.
    """
    if missing not in ("group", "raise"):
        raise ValueError(f'missing must be "group" or "raise", got {missing!r}')
    if (columns is None) == (given is None):
        read_groups(X, given, columns=columns, owner=owner)  # which refuses
    if isinstance(given, AttributeTable):
        return given
    if isinstance(given, Groups):
        given = {part.name: part for part in given.split()}
        pairs = list(given.items())
    else:
        pairs = _raw_columns(X, given, columns)
    table: dict[str, Groups | Floats] = {}
    for i, (label, values) in enumerate(pairs):
        if X is not None:
            check_same_length(X=range(n_rows(X)), sensitive_features=values)
        name = f"sensitive_feature_{i}" if label is None else str(label)
        while name in table:  # a column that is cut in two ways
            name += "'"
        table[name] = _read_column(name, values, missing, name in categories)
    if not table or not len(AttributeTable(table)):
        raise ValueError("sensitive features are empty: found 0 sample(s) or 0 column(s)")
    return AttributeTable(table)


def _raw_columns(X: Any, given: Any, columns: Any) -> list[tuple[Any, Any]]:
    if columns is None or (callable(columns) and not isinstance(columns, Bins)):
        return list(named_columns(given if columns is None else columns(X)))
    single = isinstance(columns, str | int | np.integer | Bins)
    found: list[tuple[Any, Any]] = []
    for spec in [columns] if single else list(columns):
        cut = spec(X) if isinstance(spec, Bins) else None
        found.append(select_column(X, spec) if cut is None else (cut.name, cut.array))
    return found


def _read_column(
    name: str, values: Any, missing: Missing, is_category: bool = False
) -> Groups | Floats:
    numbers = None if isinstance(values, Groups) else as_numbers(values)
    if numbers is None or (is_category and np.isnan(numbers).all()):
        named = values if isinstance(values, Groups) else {name: values}
        return Groups.read(named, missing=missing)
    if np.isinf(numbers).any():
        raise ValueError(f"sensitive feature {name!r} contains infinity")
    if missing == "raise" and (count := int(np.isnan(numbers).sum())):
        raise ValueError(f"sensitive feature {name!r} has {count} missing values")
    return numbers


@dataclass(frozen=True, eq=False)
class AttributeCode:
    """How attributes become columns of numbers; learnt once, used for any rows.

    A category is a 0/1 column. A number is standardised; where it is missing it has its mean, and
    a 0/1 column says so. Products of columns of different attributes, up to ``degree`` of them,
    follow: those of categories are intersections. Products that have no variation are left out.

    Parameters
    ----------
    labels : dict of str to tuple
        Labels of each attribute of categories.
    scales : dict of str to (float, float, bool)
        Mean and spread of each number, and whether some are missing.
    order : tuple of str
        Names of the attributes in their order.
    kept : tuple of tuple of int
        Positions of the single columns that each column is a product of.
    names : tuple of str
        Name of each column.

    Examples
    --------
    >>> table = read_attributes(None, {"sex": ["f", "m", "m"], "age": [20, None, 40]})
    >>> code = AttributeCode.learn(table, degree=2)
    >>> code.names[:4]
    ('sex=f', 'sex=m', 'age', 'age=<missing>')
    >>> code.matrix(table)[:, :4].round(3).tolist()
    [[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]]
    """

    labels: dict[str, tuple[Hashable, ...]]
    scales: dict[str, tuple[float, float, bool]]
    order: tuple[str, ...]
    kept: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]

    @classmethod
    def learn(
        cls, attributes: AttributeTable, *, degree: int = 1, weights: Floats | None = None
    ) -> AttributeCode:
        """Learn the labels and scales of attributes, and which products vary.

        Parameters
        ----------
        attributes : AttributeTable
        degree : int, default=1
            Largest number of attributes in a product.
        weights : ndarray of float of shape (n,), default=None
            Sampling weights, for means and spreads.

        Returns
        -------
        AttributeCode

        Raises
        ------
        ValueError
            If ``degree`` is no positive integer, or there are too many columns.
        """
        if not isinstance(degree, int | np.integer) or isinstance(degree, bool) or degree < 1:
            raise ValueError(f"degree must be a positive integer, got {degree!r}")
        labels, scales = {}, {}
        for name, column in attributes.columns.items():
            if isinstance(column, Groups):
                labels[name] = column.labels
            else:
                scales[name] = _scale(column, weights)
        single = cls(labels, scales, tuple(attributes.columns), (), ())
        singles, owners = single._single_names()
        products = _products(owners, int(degree))
        columns = single._single_columns(attributes.distinct()[0])
        kept = tuple(p for p in products if len(p) == 1 or np.ptp(_product(columns, p)) > 0)
        names = tuple(" & ".join(singles[j] for j in p) for p in kept)
        return cls(labels, scales, tuple(attributes.columns), kept, names)

    def matrix(self, attributes: AttributeTable) -> Floats:
        """Give the columns of rows.

        Parameters
        ----------
        attributes : AttributeTable

        Returns
        -------
        matrix : ndarray of float of shape (n, n_columns)

        Raises
        ------
        ValueError
            If attributes are others than those learnt, or a category is unseen.
        """
        columns = self._single_columns(attributes)
        return np.column_stack([_product(columns, p) for p in self.kept])

    def _single_names(self) -> tuple[list[str], list[str]]:
        """Names of the columns of single attributes, and the attribute of each."""
        names, owners = [], []
        for name in self.order:
            found = [f"{name}={label}" for label in self.labels.get(name, ())]
            if name in self.scales:
                found = [name, *([f"{name}={MISSING}"] if self.scales[name][2] else [])]
            names += found
            owners += [name] * len(found)
        return names, owners

    def _single_columns(self, attributes: AttributeTable) -> Floats:
        check_same_features(list(attributes.columns), self.order)
        parts = []
        for name, column in zip(self.order, attributes.columns.values(), strict=True):
            if isinstance(column, Groups) != (name in self.labels):
                raise ValueError(f"{name} is of another kind than it was: category or number")
            if isinstance(column, Groups):
                parts.append(np.eye(len(self.labels[name]))[column.encode(self.labels[name])])
                continue
            mean, spread, with_missing = self.scales[name]
            lacking = np.isnan(column)
            if lacking.any() and not with_missing:
                raise ValueError(f"groups of {name} unseen at fit: [{MISSING!r}]")
            parts.append((np.where(lacking, mean, column)[:, None] - mean) / spread)
            if with_missing:
                parts.append(lacking[:, None].astype(np.float64))
        return np.column_stack(parts)


def _scale(numbers: Floats, weights: Floats | None) -> tuple[float, float, bool]:
    known = ~np.isnan(numbers)
    if not known.any():
        return 0.0, 1.0, True
    of_known = None if weights is None or not weights[known].any() else weights[known]
    mean = float(np.average(numbers[known], weights=of_known))
    spread = float(np.sqrt(np.average((numbers[known] - mean) ** 2, weights=of_known)))
    return mean, spread or 1.0, not known.all()


def _products(owners: list[str], degree: int) -> list[tuple[int, ...]]:
    """List sets of up to ``degree`` columns of different attributes, single ones first."""
    sizes = np.unique(owners, return_counts=True)[1]
    ways = np.array([1.0])  # to choose 0, 1, 2, ... columns of different attributes
    for size in sizes:
        ways = np.convolve(ways, [1.0, size])[: degree + 1]
    if ways[1:].sum() > MAX_COLUMNS:
        raise ValueError(
            f"attributes make more than {MAX_COLUMNS} columns: merge rare categories, or lower "
            "degree"
        )
    columns = [[j for j, o in enumerate(owners) if o == name] for name in dict.fromkeys(owners)]
    return [
        chosen
        for size in range(1, min(degree, len(columns)) + 1)
        for parts in combinations(columns, size)
        for chosen in product(*parts)
    ]


def _product(columns: Floats, chosen: tuple[int, ...]) -> Floats:
    return np.asarray(columns[:, list(chosen)].prod(axis=1))
