"""Tables, their sensitive features, and splits of 60/20/20."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair.datasets import load_adult, load_german, load_heart
from skfair.groups import Bins, Groups
from skfair.model_selection import GroupLabelStratifiedKFold

FOLDS = 5
LARGE = 5_000  # rows from which one split a repetition is enough, and methods are ranked


@dataclass(frozen=True)
class Table:
    """A table of people: features, labels, groups, and the columns that groups come from."""

    name: str
    X: pd.DataFrame
    y: np.ndarray
    groups: Groups
    columns: tuple[str, ...]

    @property
    def is_large(self) -> bool:
        return len(self.y) >= LARGE

    @property
    def folds(self) -> range:
        """Splits of a repetition: one of a large table, else five whose tests are all rows."""
        return range(1 if self.is_large else FOLDS)


class Part(NamedTuple):
    """Rows for training, choosing or testing."""

    X: np.ndarray
    y: np.ndarray
    s: np.ndarray  # labels of the groups
    codes: np.ndarray
    raw: pd.DataFrame

    def take(self, rows: np.ndarray) -> Part:
        return Part(self.X[rows], self.y[rows], self.s[rows], self.codes[rows], self.raw.iloc[rows])


class Split(NamedTuple):
    train: Part
    validation: Part
    test: Part
    own_columns: np.ndarray  # places in X that come from the sensitive columns
    numbers: np.ndarray  # places in X of numeric columns
    labels: tuple[str, ...]  # of the groups

    @property
    def n_groups(self) -> int:
        return len(self.labels)


SENSITIVE: dict[str, dict[str, Any]] = {
    "adult": {
        "sex": "sex",
        "race": "race",
        "race x sex": ["race", "sex"],
        "age": Bins("age", [25, 60]),
    },
    "german": {"age": Bins("age", [25])},
    "heart": {"sex": "sex"},
}
LOADERS = {
    "adult": (load_adult, ">50K"),
    "german": (load_german, "good"),
    "heart": (load_heart, "presence"),
}


@lru_cache(maxsize=4)
def load_table(name: str, sensitive: str, target: str = "", positive: str = "") -> Table:
    """Read a bundled table by its name, or a file of the user's (CSV or Parquet)."""
    if name in LOADERS:
        loader, label = LOADERS[name]
        X, y = loader(return_X_y=True)
        spec = SENSITIVE[name][sensitive]
    else:
        X = pd.read_parquet(name) if name.endswith(".parquet") else pd.read_csv(name)
        y, label, spec = X.pop(target).astype(str), positive, sensitive.split("+")
    columns = [spec.column] if isinstance(spec, Bins) else np.atleast_1d(spec).tolist()
    groups = Groups.read(spec(X) if isinstance(spec, Bins) else X[columns])
    y = (y == label).to_numpy().astype(int)
    if not 0 < y.mean() < 1:
        raise ValueError(f"{name}: every label, or none, is {label!r}")
    X = X.drop(columns="fnlwgt", errors="ignore")
    return Table(Path(name).stem, X, y, groups, tuple(map(str, columns)))


def group_names(groups: Groups) -> tuple[str, ...]:
    return tuple(", ".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in groups.labels)


def make_encoder() -> Any:
    """Numbers scaled, words one-hot; values that fewer than 1 in 500 rows have are one column."""
    words = OneHotEncoder(
        min_frequency=0.002, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    return make_column_transformer(
        (
            make_pipeline(SimpleImputer(), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (words, make_column_selector(dtype_exclude="number")),
    )


def three_ways(table: Table, repetition: int, fold: int) -> tuple[np.ndarray, ...]:
    """Places of 60, 20 and 20 % of the rows: three fifths, the next one, and this one."""
    splitter = GroupLabelStratifiedKFold(FOLDS, shuffle=True, random_state=repetition)
    s = np.array(group_names(table.groups), dtype=object)[table.groups.codes]
    fifths = [test for _, test in splitter.split(table.X, table.y, sensitive_features=s)]
    test, chosen = fifths[fold], fifths[(fold + 1) % FOLDS]
    train = np.setdiff1d(np.arange(len(table.y)), np.concatenate([test, chosen]))
    return train, chosen, test


@lru_cache(maxsize=2)
def load_split(
    name: str, sensitive: str, repetition: int, fold: int, rows: int = 0, *options: str
) -> Split:
    """One split, encoded; ``rows`` keeps the first so many rows of each part only (0: all)."""
    table = load_table(name, sensitive, *options)
    places = three_ways(table, repetition, fold)
    encoder = make_encoder().fit(table.X.iloc[places[0]])
    matrix = np.ascontiguousarray(encoder.transform(table.X))
    names = encoder.get_feature_names_out()
    names_of_groups = group_names(table.groups)
    labels = np.array(names_of_groups, dtype=object)
    codes = table.groups.codes.astype(np.intp)
    whole = Part(matrix, table.y, labels[codes].astype(str), codes, table.X)
    rng = np.random.default_rng(repetition)
    parts = [whole.take(rng.permutation(p)[: rows or None]) for p in places]
    plain = [text.split("__", 1)[1] for text in names]
    own = [
        i
        for i, text in enumerate(plain)
        if any(text == c or text.startswith(f"{c}_") for c in table.columns)
    ]
    numbers = [i for i, text in enumerate(names) if text.startswith("pipeline__")]
    return Split(*parts, np.array(own, int), np.array(numbers, int), names_of_groups)
