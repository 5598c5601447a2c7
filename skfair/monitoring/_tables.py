"""Tables of a monitor: figures by window, tests, and drift."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from skfair._utils.text import did_you_mean, listed
from skfair.criteria import Criterion, Rate, gap_interval, group_intervals, holm
from skfair.monitoring._books import Books
from skfair.monitoring._columns import describe_drift
from skfair.monitoring._plan import Names, Subject, bins_of, scopes_of
from skfair.monitoring._setup import Reference
from skfair.monitoring._windows import Store
from skfair.tally import Tally

FIGURES = ("slice", "feature", "figure", "window", "group")
_VALUES = ("value", "low", "high", "n", "labelled", "mature")


def figures_table(
    books: Books,
    names: Names,
    *,
    every: int,
    confidence_level: float,
    pos_label: Any,
    least: int,
    only: Mapping[str, str | None],
) -> pd.DataFrame:
    """Rates by group and gaps, with intervals, of every so many windows.

    ``only`` names the slice and the figure that are wanted; None: all.
    """
    wanted: list[Rate | Criterion] = [*names.rates, *names.criteria]
    _check_known("figure", only["figure"], [figure.name for figure in wanted])
    _check_known("slice", only["slice"], [*books.predicted])
    if only["figure"] is not None:
        wanted = [figure for figure in wanted if figure.name == only["figure"]]
    parts = [
        part
        for name in books.predicted
        if only["slice"] in (None, name)
        for part in _figures_of_slice(
            books, wanted, name, every, confidence_level, pos_label, least
        )
    ]
    if not parts:
        return pd.DataFrame(columns=[*FIGURES, *_VALUES])
    return pd.concat(parts, ignore_index=True)


def _check_known(kind: str, name: str | None, known: Sequence[str]) -> None:
    """Raise ValueError if there is no figure, or no slice, of a name."""
    if name is not None and name not in known:
        near = did_you_mean(name, known)
        raise ValueError(f"no {kind} {name!r} is followed{near}; there are {listed(known)}")


def _figures_of_slice(
    books: Books,
    figures: Sequence[Rate | Criterion],
    name: str,
    every: int,
    level: float,
    pos_label: Any,
    least: int,
) -> Iterator[pd.DataFrame]:
    predicted = merge_windows(books.predicted[name], every)
    labelled = merge_windows(books.labelled[name], every)
    features: list[int | None] = [None]
    if len(books.names) > 1:
        features = [*range(len(books.names)), None]
    for feature in features:
        seen = {w: tally.by(feature) for w, tally in predicted.items()}
        known = {w: tally.by(feature) for w, tally in labelled.items()}
        title = " x ".join(books.names) if feature is None else books.names[feature]
        for figure in figures:
            tallies = known if figure.needs_labels else seen
            last = books.clock.matured if figure.needs_labels else books.clock.closed
            if isinstance(figure, Rate):
                table = _rates(tallies, figure, level, pos_label)
            else:
                table = _gaps(tallies, figure, level, pos_label, least)
            if len(table):
                table["labelled"] = _labelled_shares(table, seen, known)
                ended = -np.inf if last is None else last
                table["mature"] = table["window"] + every - 1 <= ended
                _blank_immature(table, figure.needs_labels)
                table["window"] = [books.clock.start(w) for w in table["window"]]
                yield table.assign(slice=name, feature=title, figure=figure.name)[
                    [*FIGURES, *_VALUES]
                ]


def _blank_immature(table: pd.DataFrame, needs_labels: bool) -> None:
    if needs_labels:
        table.loc[~table["mature"], ["value", "low", "high"]] = np.nan


def merge_windows(store: Store, every: int) -> dict[int, Any]:
    """Add up every so many windows; each sum is named by its first window.

    Examples
    --------
    >>> merge_windows(Store({0: 1, 1: 2, 2: 4}), 2)
    {0: 3, 2: 4}
    """
    found: dict[int, Any] = {}
    for window in sorted(store.windows):
        first, item = window // every * every, store.windows[window]
        found[first] = found[first] + item if first in found else item
    return found


def _rates(tallies: Mapping[int, Tally], rate: Rate, level: float, pos_label: Any) -> pd.DataFrame:
    """Rates of all windows from one call: their groups stand in one tally."""
    if not tallies:
        return pd.DataFrame()
    labels = [(window, label) for window, tally in tallies.items() for label in tally.labels]
    sums = [
        np.concatenate([getattr(tally, name) for tally in tallies.values()])
        for name in ("weight", "weight2", "count")
    ]
    classes = next(iter(tallies.values())).classes
    stacked = Tally(tuple(labels), ("window", "group"), classes, sums[0], sums[1], sums[2])
    found = group_intervals(stacked, rate, confidence_level=level, pos_label=pos_label)
    return pd.DataFrame(
        {
            "window": [window for window, _ in labels],
            "group": pd.Series([label for _, label in labels], dtype=object),
            "value": found.rate,
            "low": found.low,
            "high": found.high,
            "n": found.n,
        }
    )


def _gaps(
    tallies: Mapping[int, Tally], criterion: Criterion, level: float, pos_label: Any, least: int
) -> pd.DataFrame:
    rows = []
    for window, tally in tallies.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)  # windows are often empty
            found = gap_interval(
                tally,
                criterion,
                confidence_level=level,
                pos_label=pos_label,
                min_group_size=least,
            )
        rows.append((window, None, *found[:3], tally.n_samples))
    return pd.DataFrame(rows, columns=["window", "group", "value", "low", "high", "n"])


def _labelled_shares(
    table: pd.DataFrame, seen: Mapping[int, Tally], known: Mapping[int, Tally]
) -> list[float]:
    """Share of each row's predictions that have a label."""
    sizes = [
        {
            (w, g): n
            for w, tally in tallies.items()
            for g, n in [
                *zip(tally.labels, tally.group_counts, strict=True),
                (None, tally.n_samples),
            ]
        }
        for tallies in (known, seen)
    ]
    keys = list(zip(table["window"], table["group"], strict=True))
    return [sizes[0].get(key, 0) / sizes[1][key] if sizes[1].get(key) else np.nan for key in keys]


def tests_table(subjects: Sequence[Subject], log_e: NDArray[np.float64]) -> pd.DataFrame:
    """Tests with their largest e-values so far and p-values, also adjusted for all of them."""
    table = pd.DataFrame(subjects, columns=list(Subject._fields))
    pvalues = np.exp(-np.maximum(log_e, 0.0))
    table["log_e_value"] = log_e
    table["pvalue"] = pvalues
    table["adjusted_pvalue"] = holm(pvalues)
    return table


def drift_table(
    books: Books, reference: Reference, *, every: int | None, least: int
) -> pd.DataFrame:
    """Distances of watched columns from the reference, by group and window."""
    rows = []
    alone = reference.predicted["all"]
    scopes = [] if alone is None else scopes_of("all", alone, least)
    for i, (column, store) in enumerate(zip(books.columns, books.counts, strict=True)):
        windows = merge_windows(store, every) if every else _merge_all(store)
        for window, count in windows.items():
            for scope in scopes:
                now, before = (
                    bins_of(scope, part, column) for part in (count, reference.counts[i])
                )
                for g, label in enumerate(scope.labels):
                    numbers = describe_drift(
                        now[g].astype(float), before[g].astype(float), column.edges is not None
                    )
                    first = books.clock.start(window)
                    place = {"column": column.name, "window": first, "feature": scope.name}
                    rows.append({**place, "group": label, **numbers})
    names = ["column", "window", "feature", "group", "n", "psi", "ks", "chi_square"]
    return pd.DataFrame(rows, columns=[*names, "missing", "missing_reference"])


def _merge_all(store: Store) -> dict[int, Any]:
    if not store.windows:
        return {}
    items = list(store.windows.values())
    return {min(store.windows): sum(items[1:], start=items[0])}
