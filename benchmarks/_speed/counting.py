"""Work that is counting: metrics by group, the bootstrap, weights, resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from .case import FLOOR, OURS, Side, Size
from .data import People, installed

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")
REPLICATES = 100


def four_rates(library: Any, people: People, groups: Any, **options: Any) -> Any:
    """The frame of four rates by group, with its differences."""
    metrics = {name: getattr(library, name) for name in RATES} | {"accuracy": accuracy_score}
    frame = library.MetricFrame(
        metrics=metrics,
        y_true=people.y,
        y_pred=people.y_pred,
        sensitive_features=groups,
        **options,
    )
    return frame.by_group, frame.difference(), frame


def _table(found: Any) -> np.ndarray:
    return found[0][[*RATES, "accuracy"]].to_numpy(float).ravel()


def rates_of_cells(cells: np.ndarray) -> np.ndarray:
    """The four rates from counts of tn, fp, fn, tp on the last axis."""
    tn, fp, fn, tp = np.moveaxis(cells, -1, 0)
    n = np.maximum(tn + fp + fn + tp, 1)
    parts = ((fp + tp) / n, tp / np.maximum(tp + fn, 1), fp / np.maximum(fp + tn, 1), (tn + tp) / n)
    return np.stack(parts, axis=-1)


def _cells(people: People, codes: np.ndarray) -> np.ndarray:
    cells = codes * 4 + people.y * 2 + people.y_pred
    return np.bincount(cells, minlength=4 * people.size.groups).reshape(-1, 4)


def metrics_of_strings(size: Size) -> list[Side]:
    people = People.with_parts(size, "strings", "y_pred")
    strings = people.strings

    def floor() -> np.ndarray:
        return rates_of_cells(_cells(people, pd.factorize(strings, sort=True)[0]))

    return [*_frames(people, strings), *_aif360_rates(people), Side(FLOOR, floor, np.ravel)]


def metrics_of_categories(size: Size) -> list[Side]:
    people = People.with_parts(size, "categories", "y_pred")
    floor = Side(FLOOR, lambda: rates_of_cells(_cells(people, people.codes)), np.ravel)
    return [*_frames(people, people.categories), floor]


def _frames(people: People, groups: Any) -> list[Side]:
    import skfair.metrics as own

    sides = [Side(OURS, lambda: four_rates(own, people, groups), _table)]
    if installed("fairlearn"):
        import fairlearn.metrics as peer

        sides.append(Side("fairlearn", lambda: four_rates(peer, people, groups), _table))
    return sides


def _aif360_rates(people: People) -> list[Side]:
    if not installed("aif360"):
        return []
    from aif360.sklearn.metrics import intersection, selection_rate
    from aif360.sklearn.metrics.metrics import false_positive_rate_error, sensitivity_score

    y = people.indexed_y
    y_pred = pd.Series(people.y_pred, index=y.index)
    rates = (selection_rate, sensitivity_score, false_positive_rate_error, accuracy_score)

    def run() -> np.ndarray:
        by_group = [intersection(rate, y, y_pred, prot_attr="group") for rate in rates]
        table = np.array(by_group, dtype=float).T
        return np.column_stack([table, np.broadcast_to(np.ptp(table, axis=0), table.shape)])

    return [Side("aif360", run, lambda table: table[:, :4].ravel())]


def one_figure(size: Size) -> list[Side]:
    from skfair.metrics import demographic_parity_difference as own

    people = People(size)
    y, y_pred, strings = people.y, people.y_pred, people.strings

    def floor() -> float:
        codes = pd.factorize(strings)[0]
        counts = np.bincount(codes * 2 + y_pred, minlength=2 * size.groups).reshape(-1, 2)
        return float(np.ptp(counts[:, 1] / counts.sum(axis=1)))

    sides = [Side(OURS, lambda: own(y, y_pred, sensitive_features=strings), np.atleast_1d)]
    if installed("fairlearn"):
        from fairlearn.metrics import demographic_parity_difference as peer

        sides.append(
            Side("fairlearn", lambda: peer(y, y_pred, sensitive_features=strings), np.atleast_1d)
        )
    if installed("aif360"):
        from aif360.sklearn.metrics import statistical_parity_difference

        labels = people.indexed_y
        guesses = pd.Series(y_pred, index=labels.index)
        sides.append(
            Side(
                "aif360",
                lambda: statistical_parity_difference(
                    labels, guesses, prot_attr="group", priv_group=people.names[0]
                ),
                np.atleast_1d,
            )
        )
    return [*sides, Side(FLOOR, floor, np.atleast_1d)]


def count_of_cells(size: Size) -> list[Side]:
    from skfair.tally import count_cells

    people = People(size)
    small: Any = [part.astype(np.int8) for part in (people.codes, people.y, people.y_pred)]
    ready = people.codes * 4 + people.y * 2 + people.y_pred
    return [
        Side(OURS, lambda: count_cells(small, (size.groups, 2, 2)), lambda f: np.ravel(f[0])),
        Side(FLOOR, lambda: np.bincount(ready, minlength=4 * size.groups), np.ravel),
    ]


def bootstrap(size: Size) -> list[Side]:
    import skfair.metrics as own

    people = People.with_parts(size, "strings", "y_pred")
    strings = people.strings
    options = {"n_boot": REPLICATES, "ci_quantiles": [0.025, 0.975], "random_state": 0}

    def limits(frame: Any) -> list[float]:
        low, high = frame.difference_ci()
        return [float(low["selection_rate"]), float(high["selection_rate"])]

    def run(library: Any) -> list[float]:
        return limits(four_rates(library, people, strings, **options)[2])

    def floor() -> np.ndarray:
        cells = _cells(people, pd.factorize(strings, sort=True)[0]).ravel()
        rng = np.random.default_rng(0)
        drawn = rng.multinomial(size.rows, cells / size.rows, size=REPLICATES)
        gaps = np.ptp(rates_of_cells(drawn.reshape(REPLICATES, -1, 4)), axis=1)
        return np.quantile(gaps, [0.025, 0.975], axis=0)[:, 0]

    sides = [Side(OURS, lambda: run(own), list)]
    if installed("fairlearn"):
        import fairlearn.metrics as peer

        sides.append(Side("fairlearn", lambda: run(peer), list))
    return [*sides, Side(FLOOR, floor, list)]


def reweighing_factors(codes: np.ndarray, y: np.ndarray, n_groups: int) -> np.ndarray:
    """Kamiran and Calders' weights of the rows."""
    cells = codes * 2 + y
    counts = np.bincount(cells, minlength=2 * n_groups).reshape(-1, 2).astype(float)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / len(y)
    return (expected / np.maximum(counts, 1)).ravel()[cells]


def weights(size: Size) -> list[Side]:
    from skfair.preprocessing import reweighing_weights

    people = People(size)
    y, strings = people.y, people.strings

    def floor() -> np.ndarray:
        return reweighing_factors(pd.factorize(strings)[0], y, size.groups)

    sides = [Side(OURS, lambda: reweighing_weights(y, strings), np.asarray)]
    if installed("aif360"):
        from aif360.sklearn.preprocessing import Reweighing

        labels = people.indexed_y
        X = pd.DataFrame({"x": np.zeros(size.rows)}, index=labels.index)
        sides.append(
            Side("aif360", lambda: Reweighing("group").fit_transform(X, labels)[1], np.asarray)
        )
    return [*sides, Side(FLOOR, floor, np.asarray)]


def resampling(size: Size) -> list[Side]:
    """All cells as large as the largest: features, labels and groups."""
    from skfair.preprocessing import Resampler

    people = People(size)
    X, y, strings = people.features, people.y, people.strings

    def sizes(labels: np.ndarray) -> np.ndarray:
        return np.sort(np.bincount(np.asarray(labels, int)))

    def own() -> np.ndarray:
        sampler = Resampler(strategy="balance", method="over", random_state=0)
        return sampler.fit_resample(X, y, sensitive_features=strings)[1]

    def floor() -> np.ndarray:
        cells = pd.factorize(strings)[0] * 2 + y
        counts = np.bincount(cells)
        order, rng = np.argsort(cells, kind="stable"), np.random.default_rng(0)
        starts = np.cumsum(counts) - counts
        drawn = [
            start + rng.integers(0, n, counts.max() - n)
            for start, n in zip(starts, counts, strict=True)
        ]
        rows = np.concatenate([np.arange(len(y)), order[np.concatenate(drawn)]])
        X[rows]
        return y[rows]

    sides = [Side(OURS, own, sizes)]
    if installed("imblearn"):
        from imblearn.over_sampling import RandomOverSampler

        def peer() -> np.ndarray:
            cells = pd.factorize(strings)[0] * 2 + y
            return RandomOverSampler(random_state=0).fit_resample(X, cells)[1] % 2

        sides.append(Side("imbalanced-learn", peer, sizes))
    return [*sides, Side(FLOOR, floor, sizes)]
