"""Fits of one estimator to parts of the rows, again and again, and to thinned parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from skfair._utils.arrays import divide
from skfair.groups import cross
from skfair.model_selection._fits import LabelledRows, Rows, Splits
from skfair.model_selection._learning_curves import thin
from skfair.model_selection._losses import Target

Floats = NDArray[np.float64]


class ThinnedFits(NamedTuple):
    """What fits to K sizes of training sets have found, the whole sets last.

    Parameters
    ----------
    rows : ndarray of float of shape (K, G)
        Mean number of training rows of each group.
    losses : ndarray of float of shape (K, S, n)
        By size, repeat and row; NaN where a row has no prediction.
    """

    rows: Floats
    losses: NDArray[np.floating]


class RepeatedFits:
    """Fits of clones of one estimator to the training sets of some splits.

    Parameters
    ----------
    estimator : estimator
    rows : LabelledRows
    target : Target
    splits : list of (train, test)
        Each row that has weight is tested at least twice.
    n_jobs : int or None

    Raises
    ------
    ValueError
        If a row that has weight is tested less than twice.
    """

    def __init__(
        self, estimator: Any, rows: LabelledRows, target: Target, splits: Splits, n_jobs: int | None
    ) -> None:
        self.estimator = estimator
        self.rows = rows
        self.target = target
        self.splits = splits
        self.n_jobs = n_jobs
        tests = [test for _, test in splits]
        self.tested = np.bincount(np.concatenate(tests), minlength=len(rows.groups))
        self.repeats = find_repeats(tests, len(rows.groups))
        if (self.tested[rows.counted] < 2).any():
            raise ValueError(
                "each row must be predicted by at least two fits: give cv as a number with "
                "n_repeats, or splits that test each row at least twice"
            )

    def run(self) -> tuple[Floats, Floats]:
        """Fit to each training set.

        Returns
        -------
        predictions : ndarray of float of shape (S, n)
            Of rows not trained on, by repeat; NaN where a row was not tested in it.
        train_losses : ndarray of float of shape (n,)
            Mean loss of each row over the fits to it.
        """
        found = self._predict([(train, test, train) for train, test in self.splits])
        n = len(self.rows.groups)
        total, times = np.zeros(n), np.zeros(n)
        for (train, _), (_, again) in zip(self.splits, found, strict=True):
            np.add.at(total, train, self.target.take(train).losses(again))
            np.add.at(times, train, 1)
        return self._in_repeats([part for part, _ in found]), divide(total, times)

    def run_thinned(
        self, whole: Floats, sizes: list[float], group: int | None, rng: np.random.Generator
    ) -> ThinnedFits:
        """Fit to parts of each training set: of all rows, or of one group's among all others.

        Parameters
        ----------
        whole : ndarray of float of shape (S, n)
            Losses of fits to the whole sets.
        sizes : list of K - 1 floats
        group : int or None
        rng : numpy Generator

        Returns
        -------
        ThinnedFits
        """
        codes, labels = self.rows.groups.codes, self.target.strata
        cells = cross(labels, int(labels.max()) + 1, self.rows.groups)
        places = []
        for train, _ in self.splits:
            place = thin(np.unique(cells[train], return_inverse=True)[1], labels[train], rng)
            places.append(place if group is None else np.where(codes[train] == group, place, 0.0))
        jobs = [
            (train[place < size], test, train[:0])
            for size in sizes
            for place, (train, test) in zip(places, self.splits, strict=True)
        ]
        found, step = [part for part, _ in self._predict(jobs)], len(self.splits)
        parts = [found[i : i + step] for i in range(0, len(found), step)]
        losses = [self.target.losses(self._in_repeats(part)) for part in parts]
        trained = [job[0] for job in jobs] + [train for train, _ in self.splits]
        n_groups = self.rows.groups.n_groups
        counts = np.array([np.bincount(codes[train], minlength=n_groups) for train in trained])
        rows = counts.reshape(len(sizes) + 1, step, n_groups).mean(axis=1)
        return ThinnedFits(rows, np.stack([*losses, whole]).astype(np.float32))

    def _predict(self, jobs: list[tuple[Rows, Rows, Rows]]) -> list[tuple[Floats, Floats]]:
        return Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_and_predict)(self.rows, self.target, self.estimator, *job) for job in jobs
        )

    def _in_repeats(self, parts: Sequence[Floats]) -> Floats:
        """Predictions of shape (S, n), a row for the fits of each repeat."""
        table = np.full((max(self.repeats) + 1, len(self.tested)), np.nan)
        for repeat, (_, test), part in zip(self.repeats, self.splits, parts, strict=True):
            table[repeat, test] = part
        return table


def find_repeats(tests: Sequence[Rows], n: int) -> list[int]:
    """Find the repeat of each test: the first that holds none of its rows yet.

    So the folds of one division of the rows are one repeat, and random halves, which overlap, are
    one each.

    Parameters
    ----------
    tests : sequence of ndarray of int
        Rows that are tested, by fit.
    n : int

    Returns
    -------
    list of int

    Examples
    --------
    >>> find_repeats([np.array([0, 1]), np.array([2]), np.array([1, 2]), np.array([0])], 3)
    [0, 0, 1, 1]
    """
    taken: list[NDArray[np.bool_]] = []
    found = []
    for test in tests:
        free = (k for k, rows in enumerate(taken) if not rows[test].any())
        repeat = next(free, len(taken))
        if repeat == len(taken):
            taken.append(np.zeros(n, dtype=bool))
        taken[repeat][test] = True
        found.append(repeat)
    return found


def _fit_and_predict(
    rows: LabelledRows, target: Target, estimator: Any, train: Rows, test: Rows, again: Rows
) -> tuple[Floats, Floats]:
    fitted = rows.fit(estimator, train)
    found = target.encode(rows.predict(fitted, test))
    return found, target.encode(rows.predict(fitted, again)) if len(again) else np.empty(0)
