"""Groups: the one reader of sensitive features.

Whatever the user has becomes integer codes and labels here; nothing else in the package looks at
raw sensitive features.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skfair._utils.columns import as_floats, n_rows, named_columns, select_column
from skfair._utils.encoding import factorize, smallest_codes, sort_labels
from skfair._utils.text import listed

MISSING = "<missing>"
"""Label of the group of rows whose sensitive value is missing."""

MAX_NUMERIC_GROUPS = 30
"""A sensitive feature of numbers or of dates with more distinct values than this is refused."""

Missing = Literal["group", "raise"]


@dataclass(frozen=True)
class Bins:
    """Cut a numeric column into groups at fixed edges.

    Edges are part of the definition, not learnt from a batch, so the groups mean the same at fit
    and at predict. Intervals are closed on the right: ``Bins("age", [25])`` makes ``age<=25`` and
    ``age>25``.

    Parameters
    ----------
    column : str or int
        Name or position of the column in X.
    edges : sequence of float
        Strictly increasing cut points.

    Examples
    --------
    >>> X = pd.DataFrame({"age": [25, 26, 70, None]})
    >>> groups = Groups.from_columns(X, Bins("age", [25, 60]))
    >>> [str(groups.labels[code]) for code in groups.codes]
    ['age<=25', '25<age<=60', 'age>60', '<missing>']
    """

    column: str | int
    edges: Sequence[float]

    def __call__(self, X: Any) -> pd.Series:
        """Read the column of X and return the ordered categorical of its intervals."""
        edges = np.asarray(self.edges, dtype=float)
        increasing = edges.ndim == 1 and edges.size > 0 and (np.diff(edges) > 0).all()
        if not increasing or not np.isfinite(edges).all():
            raise ValueError(f"Bins needs strictly increasing, finite edges, got {self.edges}")
        name, values = select_column(X, self.column)
        if np.iscomplexobj(values):
            raise ValueError(f"Complex data not supported: {name!r}")
        try:
            numbers = as_floats(values)
        except ValueError as error:
            raise ValueError(
                f"Bins needs a numeric column, and {name!r} is none: {error}"
            ) from error
        codes = np.searchsorted(edges, numbers, side="left")
        codes[np.isnan(numbers)] = -1
        labels = self._labels(str(name))
        return pd.Series(pd.Categorical.from_codes(codes, labels, ordered=True), name=name)

    @staticmethod
    def interval(label: Hashable, name: str) -> tuple[float, float] | None:
        """Read the label of a cut column: the ends of its interval, the upper one included.

        Parameters
        ----------
        label : str
            Label of a group.
        name : str
            Name of the column.

        Returns
        -------
        ends : tuple of (float, float) or None
            None if the label is none of a cut column of that name.

        Examples
        --------
        >>> Bins.interval("25<age<=60", "age"), Bins.interval("age>60", "age")
        ((25.0, 60.0), (60.0, inf))
        >>> Bins.interval("young", "age") is None
        True
        """
        if not isinstance(label, str) or name not in label:
            return None
        found = _interval_pattern(name).fullmatch(label)
        if found is None:
            return None
        low, high, above = found.groups()
        try:
            return float(low or above or "-inf"), float(high or "inf")
        except ValueError:
            return None

    def _labels(self, name: str) -> list[str]:
        cuts = [f"{edge:.15g}" for edge in self.edges]
        seen = Counter(cuts)
        cuts = [
            cut if seen[cut] == 1 else f"{edge:.17g}"  # enough to tell all numbers apart
            for cut, edge in zip(cuts, self.edges, strict=True)
        ]
        middle = [f"{a}<{name}<={b}" for a, b in pairwise(cuts)]
        return [f"{name}<={cuts[0]}", *middle, f"{name}>{cuts[-1]}"]


@lru_cache(maxsize=64)
def _interval_pattern(name: str) -> re.Pattern[str]:
    column, number = re.escape(name), r"([-+.\deE]+)"
    return re.compile(f"(?:{number}<)?{column}<={number}|{column}>{number}")


ColumnSpec = str | int | Bins | Sequence["str | int | Bins"] | Callable[[Any], Any]
"""How an estimator names its sensitive features in X."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Group membership of n rows: an integer code a row and a label a code.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        Position of each row's group in ``labels``.
    labels : tuple
        One label a group, sorted; a tuple of values where several features intersect. Rows
        without a value belong to the group ``"<missing>"``, sorted last.
    names : tuple of str
        Names of the sensitive features.

    Examples
    --------
    >>> groups = Groups.read(["f", "m", None, "f"])
    >>> groups.labels
    ('f', 'm', '<missing>')
    >>> groups.codes.tolist()
    [0, 1, 2, 0]
    >>> Groups.read({"sex": ["f", "m"], "race": ["b", "w"]}).labels
    (('f', 'b'), ('m', 'w'))
    """

    codes: NDArray[np.integer]
    labels: tuple[Hashable, ...]
    names: tuple[str, ...]

    @classmethod
    def read(cls, values: Any, *, missing: Missing = "group") -> Groups:
        """Read values of sensitive features.

        Parameters
        ----------
        values : array-like of shape (n,) or (n, k), Series, data frame, dict of columns, or Groups
            Several columns make intersectional groups. pandas, polars and pyarrow are read alike.
        missing : {"group", "raise"}, default="group"
            Missing values (None, NaN, NA, NaT, null) form a group of their own, or are refused.

        Returns
        -------
        Groups

        Raises
        ------
        ValueError
            If there are no values, rows or columns, if values are missing and
            ``missing="raise"``, or if a column of numbers or of dates has more than 30 distinct
            values.
        """
        if isinstance(values, Groups):
            return values._check_missing(missing)
        if values is None:
            raise ValueError("sensitive_features is None: give a value a row")
        pairs = named_columns(values)
        unnamed = (f"sensitive_feature_{i}" for i in range(len(pairs)))
        columns = [
            (str(default if name is None else name), column)
            for default, (name, column) in zip(unnamed, pairs, strict=True)
        ]
        return cls._from_arrays(columns, missing)

    @classmethod
    def from_columns(cls, X: Any, columns: ColumnSpec, *, missing: Missing = "group") -> Groups:
        """Read sensitive features that are columns of X, or that a callable derives from X.

        Parameters
        ----------
        X : data frame or matrix of shape (n, n_features)
        columns : str, int, Bins, callable, or a list of str, int and Bins
            Names, positions or binned columns; a callable gets X and returns what
            :meth:`Groups.read` takes, one value a row.
        missing : {"group", "raise"}, default="group"
            As in :meth:`Groups.read`.

        Returns
        -------
        Groups

        Raises
        ------
        ValueError
            If a column is not there; the message lists the columns that are.
        """
        if callable(columns) and not isinstance(columns, Bins):
            groups = cls.read(columns(X), missing=missing)
            return groups.check_length(X)
        if isinstance(columns, Groups | pd.Series | pd.DataFrame):
            raise ValueError(
                "the constructor's sensitive_features names columns of X; pass values with the "
                "call: fit(X, y, sensitive_features=values)"
            )
        several = (list, tuple, np.ndarray, pd.Index)
        specs: list[Any] = list(columns) if isinstance(columns, several) else [columns]
        if not specs:
            raise ValueError("sensitive_features is an empty list: name at least one column")
        return cls._from_arrays([_read_column(X, column) for column in specs], missing)

    @classmethod
    def _from_arrays(cls, columns: list[tuple[str, Any]], missing: Missing) -> Groups:
        if missing not in ("group", "raise"):
            raise ValueError(f'missing must be "group" or "raise", got {missing!r}')
        if not columns or len(columns[0][1]) == 0:
            raise ValueError("sensitive features are empty: found 0 sample(s) or 0 column(s)")
        encoded = [_encode(name, values, missing) for name, values in columns]
        names = _distinct([name for name, _ in columns])
        if len(encoded) == 1:
            codes, labels = encoded[0]
            return cls(codes, tuple(labels), names)
        flat = np.ravel_multi_index(
            [codes for codes, _ in encoded], [len(labels) for _, labels in encoded]
        )
        codes, present = factorize(flat)
        places = np.unravel_index(np.array(present), [len(labels) for _, labels in encoded])
        crossed = zip(
            *(
                [labels[i] for i in place]
                for place, (_, labels) in zip(places, encoded, strict=True)
            ),
            strict=True,
        )
        labels = list(crossed)
        return cls(smallest_codes(codes, len(labels)), tuple(labels), names)

    @classmethod
    def single(cls, n: int, label: str = "all", name: str = "rows") -> Groups:
        """Put n rows in one group.

        Examples
        --------
        >>> Groups.single(2).labels
        ('all',)
        """
        return cls(np.zeros(n, dtype=np.int8), (label,), (name,))

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.labels)

    @property
    def name(self) -> str:
        """Names of the sensitive features in one string."""
        return " x ".join(self.names)

    def check_length(self, X: Any, name: str = "sensitive_features") -> Groups:
        """Return self, or raise ValueError if X has another number of rows."""
        if n_rows(X) != len(self):
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"{name} has {len(self)}, the data have {n_rows(X)}"
            )
        return self

    def take(self, rows: ArrayLike) -> Groups:
        """Membership of some rows; groups without rows among them are dropped."""
        codes, kept = factorize(self.codes[np.asarray(rows)])
        return Groups(codes, tuple(self.labels[k] for k in kept), self.names)

    def split(self) -> tuple[Groups, ...]:
        """Membership by each of the sensitive features alone.

        Examples
        --------
        >>> groups = Groups.read({"sex": ["f", "m"], "race": ["b", "b"]})
        >>> [alone.labels for alone in groups.split()]
        [('f', 'm'), ('b',)]
        """
        if len(self.names) == 1:
            return (self,)
        parts = []
        for j, name in enumerate(self.names):
            labels = _ordered_values(self.labels, j)
            lookup = np.array([labels.index(label[j]) for label in self.labels])  # type: ignore[index]
            codes = smallest_codes(lookup, len(labels))[self.codes]
            parts.append(Groups(codes, tuple(labels), (name,)))
        return tuple(parts)

    def encode(self, labels: Iterable[Hashable]) -> NDArray[np.integer]:
        """Codes of these rows in the groups of an earlier fit.

        Parameters
        ----------
        labels : iterable of hashable
            The labels known at fit, in their order there.

        Returns
        -------
        codes : ndarray of int of shape (n,)

        Raises
        ------
        ValueError
            If a row belongs to a group that is not among ``labels``; the message names it.

        Examples
        --------
        >>> Groups.read(["m", "m", "f"]).encode(("f", "m", "x")).tolist()
        [1, 1, 0]
        """
        place = {as_label(label): i for i, label in enumerate(labels)}
        unseen = [label for label in self.labels if label not in place]
        if unseen:
            raise ValueError(
                f"groups of {self.name} unseen at fit: {listed(unseen)}; groups seen: "
                f"{listed(place)}"
            )
        lookup = np.array([place[label] for label in self.labels], dtype=np.intp)
        return smallest_codes(lookup, len(place))[self.codes]

    def to_index(self) -> pd.Index:
        """Labels as a pandas index with the features' names (a MultiIndex for intersections)."""
        return labels_index(self.labels, self.names)

    def to_values(self) -> pd.Series | pd.DataFrame:
        """Group labels row by row: a Series of one feature, a data frame of several.

        Examples
        --------
        >>> Groups.read(["f", None]).to_values().tolist()
        ['f', '<missing>']
        """
        frame = self.to_index().to_frame(index=False).take(self.codes).reset_index(drop=True)
        return frame.iloc[:, 0] if len(self.names) == 1 else frame

    def _check_missing(self, missing: Missing) -> Groups:
        if missing == "raise" and any(is_missing_label(label) for label in self.labels):
            raise ValueError(f"sensitive feature {self.name!r} has missing values")
        return self


def _ordered_values(labels: Sequence[Any], j: int) -> list[Hashable]:
    """Values of the j-th feature of crossed labels, in the order that the labels show.

    Labels that agree in all else stand in the order of that feature, be it that of the alphabet, of
    bins or of ordered categories. Values that are never compared follow the alphabet.
    """
    before: dict[Any, set[Any]] = {label[j]: set() for label in labels}
    last: dict[Any, Any] = {}
    for label in labels:
        rest = label[:j] + label[j + 1 :]
        if rest in last:
            before[label[j]].add(last[rest])
        last[rest] = label[j]
    ready: list[Hashable] = sort_labels(set(before) - {MISSING})
    found: list[Hashable] = []
    while ready:
        free = [value for value in ready if not before[value] - set(found)]
        found.append(free[0] if free else ready[0])
        ready.remove(found[-1])
    return [*found, *({MISSING} & set(before))]


def is_a_value_a_row(n_distinct: int, n_present: int) -> bool:
    """Whether so many distinct values in so many rows are names or times, and no groups.

    Examples
    --------
    >>> is_a_value_a_row(60, 100), is_a_value_a_row(40, 100), is_a_value_a_row(20, 20)
    (True, False, False)
    """
    return n_distinct > MAX_NUMERIC_GROUPS and 2 * n_distinct > n_present


def as_label(value: Any) -> Any:
    """Label that the group of a value has: dates are timestamps, whatever held the rows.

    Examples
    --------
    >>> as_label((date(2024, 1, 31), "f"))
    (Timestamp('2024-01-31 00:00:00'), 'f')
    """
    if isinstance(value, tuple):
        return tuple(as_label(part) for part in value)
    return pd.Timestamp(value) if isinstance(value, date) else value


def is_missing_label(label: Hashable) -> bool:
    """Tell whether a group's label says that a sensitive value is missing."""
    return label == MISSING or (isinstance(label, tuple) and MISSING in label)


def labels_index(labels: Sequence[Hashable], names: Sequence[str]) -> pd.Index:
    """Make a pandas index of group labels.

    Examples
    --------
    >>> labels_index([("f", "b"), ("m", "w")], ["sex", "race"]).names
    FrozenList(['sex', 'race'])
    """
    if len(names) > 1:
        return pd.MultiIndex.from_tuples(list(labels), names=list(names))
    return pd.Index(list(labels), name=names[0], tupleize_cols=False)


def cross(codes: NDArray[np.integer], n_codes: int, groups: Groups) -> NDArray[np.integer]:
    """Code of each row's (code, group) cell, code-major: ``code * n_groups + group``.

    Examples
    --------
    >>> cross(np.array([0, 1, 1]), 2, Groups.read(["f", "f", "m"])).tolist()
    [0, 2, 3]
    """
    cells = codes.astype(np.intp) * groups.n_groups + groups.codes
    return smallest_codes(cells, n_codes * groups.n_groups)


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Add numbers to names that occur again, as those of a column that is cut in two ways."""
    found: list[str] = []
    for name in names:
        nth = 2
        unique = name
        while unique in found:
            unique, nth = f"{name} ({nth})", nth + 1
        found.append(unique)
    return tuple(found)


def _read_column(X: Any, column: str | int | Bins) -> tuple[str, Any]:
    if isinstance(column, Bins):
        binned = column(X)
        return str(binned.name), binned.array
    if isinstance(column, bool) or not isinstance(column, str | int | np.integer):
        raise ValueError(
            f"{column!r} names no column: sensitive_features takes names, positions, Bins, a list "
            "of them, or a callable"
        )
    name, values = select_column(X, column)
    return str(name), values


def _encode(name: str, values: Any, missing: Missing) -> tuple[NDArray[np.integer], list[Any]]:
    codes, labels = _dates_as_timestamps(*factorize(values))
    _refuse_many_values(name, values, labels)
    lacking = codes < 0
    if MISSING in labels[:-1]:
        order = sorted(range(len(labels)), key=lambda i: labels[i] == MISSING)
        codes = np.where(lacking, codes, np.argsort(order)[codes])
        labels = [labels[i] for i in order]
    if not lacking.any():
        return smallest_codes(codes, len(labels)), labels
    if missing == "raise":
        raise ValueError(f"sensitive feature {name!r} has {int(lacking.sum())} missing values")
    if MISSING in labels:
        return smallest_codes(np.where(lacking, len(labels) - 1, codes), len(labels)), labels
    if all(isinstance(label, float) and label.is_integer() for label in labels):
        labels = [int(label) for label in labels]  # integers, if not for the missing ones
    labels = [*labels, MISSING]
    return smallest_codes(np.where(lacking, len(labels) - 1, codes), len(labels)), labels


def _dates_as_timestamps(
    codes: NDArray[np.integer], labels: list[Any]
) -> tuple[NDArray[np.integer], list[Any]]:
    """Write dates as timestamps, so that labels are equal whatever held the rows."""
    kinds = {isinstance(label, datetime) for label in labels if isinstance(label, date)}
    if not kinds:
        return codes, labels
    plain = [as_label(label) for label in labels]
    if len(kinds) == 1:
        return codes, plain
    merged, labels = factorize(np.array(plain, dtype=object))
    return np.where(codes < 0, -1, merged[codes]), labels


def _refuse_many_values(name: str, values: Any, labels: list[Any]) -> None:
    if len(labels) <= MAX_NUMERIC_GROUPS or isinstance(
        getattr(values, "dtype", None), pd.CategoricalDtype
    ):
        return
    if all(isinstance(label, int | float) for label in labels):
        edge = f"{float(np.median(labels)):g}"
        raise ValueError(
            f"sensitive feature {name!r} is numeric with {len(labels)} distinct values, too many "
            f'to be groups: cut it (a column of X: Bins("{name}", [{edge}]); values: '
            f"pd.cut(values, [-np.inf, {edge}, np.inf])), or convert it to strings if its values "
            "are names of groups"
        )
    if all(isinstance(label, date | time | timedelta) for label in labels):
        raise ValueError(
            f"sensitive feature {name!r} has {len(labels)} distinct dates or times, too many to be "
            "groups: derive an age, a year or a season"
        )
