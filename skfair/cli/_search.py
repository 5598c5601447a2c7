"""Cross-validated comparison of candidates, and the choice among them."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning

from skfair._utils.optional import import_optional
from skfair.cli._candidates import Candidate, Wanted
from skfair.cli._names import PLAIN
from skfair.cli._problems import NO_MODEL, CommandError, one_line
from skfair.criteria import RATES, Limits, average_limits, evaluate, group_intervals
from skfair.groups import Groups
from skfair.metrics import select_fair
from skfair.tally import Tally

_FEWEST, _MOST = 0.01, 0.99


@dataclass(frozen=True, eq=False)
class Trial:
    """A candidate's decisions on rows that it wasn't fitted to, out of fold.

    Parameters
    ----------
    candidate : Candidate
    wanted : Wanted
    tally : Tally or None
        Out-of-fold decisions by all sensitive features; None where a fit failed.
    seconds : float
        Of all fits.
    error : str
        Why a fit failed, or "".
    min_group_size : int
    """

    candidate: Candidate
    wanted: Wanted
    tally: Tally | None
    seconds: float
    error: str = ""
    min_group_size: int = 30

    @property
    def in_words(self) -> str:
        """What it was chosen for, and whether it kept to it out of fold."""
        wanted = self.wanted
        missed = "" if self.is_within else f", which it misses out of fold ({self.violation:.3f})"
        aim = f"{wanted.criterion.name} within {wanted.bound:g}{missed}"
        return f"{self.candidate.name}, chosen for {aim}"

    @cached_property
    def score(self) -> float:
        """The metric of all rows; NaN without decisions."""
        if self.tally is None:
            return np.nan
        if self.wanted.metric == "balanced_accuracy":
            return balanced_accuracy(self.tally, self.wanted.pos_label).value
        return float(RATES[self.wanted.metric](self._whole[0]))

    @cached_property
    def violation(self) -> float:
        """The criterion between groups; NaN where it is undefined."""
        if self.tally is None:
            return np.nan
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            return evaluate(
                self.wanted.criterion,
                self.tally.cells(self.wanted.pos_label),
                self.tally.labels,
                group_counts=self.tally.group_counts,
                min_group_size=self.min_group_size,
                strict=True,
            ).value

    @property
    def share(self) -> float:
        """Share of rows that are selected."""
        return np.nan if self.tally is None else float(RATES["selection_rate"](self._whole[0]))

    @property
    def is_within(self) -> bool:
        """Whether the criterion is within its bound."""
        if self.wanted.criterion.gap == "ratio":
            return bool(self.violation >= self.wanted.bound)
        return bool(self.violation <= self.wanted.bound)

    @property
    def _whole(self) -> NDArray[np.float64]:
        assert self.tally is not None
        return self.tally.whole().cells(self.wanted.pos_label)

    def why_refused(self) -> str:
        """Say why nobody should use the model, however fair it is; "" if they may."""
        if not _FEWEST <= self.share <= _MOST:
            return f"it selects {100 * self.share:.1f} % of all, so it is nearly constant"
        assert self.tally is not None
        if balanced_accuracy(self.tally, self.wanted.pos_label).low <= 0.5:
            return "its balanced accuracy isn't shown to be above 0.5, that of a constant"
        return ""


def balanced_accuracy(tally: Tally, pos_label: Any) -> Limits:
    """Mean of the true positive and true negative rate of all rows, with its 95 % interval."""
    whole = tally.whole()
    rates = ("true_positive_rate", "true_negative_rate")
    found = [group_intervals(whole, rate, pos_label=pos_label) for rate in rates]
    levels = Limits(
        *(np.array([getattr(x, end) for x in found]) for end in ("rate", "low", "high"))
    )
    return Limits(*(float(x[0]) for x in average_limits(levels, np.ones((2, 1)))))


def try_all(
    candidates: Sequence[Candidate],
    X: Any,
    y: Any,
    splits: Sequence[tuple[Any, Any]],
    wanted: Wanted,
    *,
    jobs: int,
    show: bool,
    min_group_size: int,
) -> list[Trial]:
    """Fit each candidate on each fold's training rows, and decide on its other rows."""
    groups = Groups.from_columns(X, wanted.sensitive_features)
    tasks = [(i, train, test) for i in range(len(candidates)) for train, test in splits]
    work = (
        delayed(fit_and_predict)(candidates[i].model, X.iloc[train], y.iloc[train], X.iloc[test])
        for i, train, test in tasks
    )
    parts: dict[int, list[Any]] = {i: [] for i in range(len(candidates))}
    results = Parallel(n_jobs=jobs, return_as="generator")(work)
    for (i, _, test), result in zip(tasks, with_progress(results, len(tasks), show), strict=True):
        parts[i].append((test, *result))
    return [
        _trial(candidate, wanted, parts[i], y, groups, min_group_size)
        for i, candidate in enumerate(candidates)
    ]


def fit_and_predict(model: Any, X: Any, y: Any, new: Any) -> tuple[Any, str, float]:
    """Fit a copy and predict; instead of decisions, tell in words what failed."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = np.asarray(clone(model).fit(X, y).predict(new))
        except Exception as error:  # one method that fails is no reason to end a search
            return None, f"{type(error).__name__}: {one_line(error)}", 0.0
    return found, "", time.perf_counter() - start


def with_progress(items: Iterable[Any], total: int, show: bool) -> Iterator[Any]:
    """Show a bar on a terminal, where tqdm is installed."""
    if not show or find_spec("tqdm") is None or not sys.stderr.isatty():
        yield from items
        return
    library = import_optional("tqdm", extra="progress", purpose="a progress bar")
    yield from library.tqdm(items, total=total, desc="skfair mitigate", unit="fit", leave=False)


def _trial(
    candidate: Candidate, wanted: Wanted, parts: list[Any], y: Any, groups: Groups, least: int
) -> Trial:
    seconds = sum(part[3] for part in parts)
    errors = [part[2] for part in parts if part[2]]
    if errors:
        return Trial(candidate, wanted, None, seconds, errors[0], least)
    rows = np.concatenate([part[0] for part in parts])
    found = np.concatenate([part[1] for part in parts])
    tally = Tally.from_arrays(y.iloc[rows], found, groups.take(rows))
    return Trial(candidate, wanted, tally, seconds, "", least)


def choose(trials: Sequence[Trial]) -> tuple[Trial, list[tuple[Trial, str]]]:
    """Choose the best trial within the bound, else the one that misses it by the least.

    Returns
    -------
    trial : Trial
    refused : list of (Trial, str)
        Winners that nobody should use, and why.

    Raises
    ------
    CommandError
        If no candidate is left.
    """
    left = [t for t in trials if not np.isnan(t.score) and not np.isnan(t.violation)]
    refused: list[tuple[Trial, str]] = []
    while left:
        best = left[_best(left)]
        why = best.why_refused()
        if not why:
            return best, refused
        refused.append((best, why))
        left.remove(best)
    raise CommandError(_why_none(trials, refused), code=NO_MODEL)


def _best(trials: Sequence[Trial]) -> int:
    wanted = trials[0].wanted
    name = metric_name(wanted)
    results = {
        "params": [trial.candidate.name for trial in trials],
        f"mean_test_{wanted.metric}": [trial.score for trial in trials],
        f"mean_test_{name}": [trial.violation for trial in trials],
    }
    with warnings.catch_warnings():  # that no candidate is within the bound is said elsewhere
        warnings.filterwarnings("ignore", "no candidate is within", UserWarning)
        return select_fair(wanted.metric, **{name: wanted.bound})(results)


def metric_name(wanted: Wanted) -> str:
    """Name of the criterion's metric, as scorers have it."""
    name = wanted.criterion.name
    return f"{name}_difference" if wanted.criterion.gap == "difference" else name


def _why_none(trials: Sequence[Trial], refused: Sequence[tuple[Trial, str]]) -> str:
    if refused:
        trial, why = next((r for r in refused if r[0].candidate.name == PLAIN), refused[0])
        return (
            f"no model is worth writing: all {len(refused)} that could be judged are refused; of "
            f"{trial.candidate.name}: {why}. Give more rows or better features"
        )
    failed = next((trial for trial in trials if trial.error), None)
    if failed is not None:
        return f"no model could be fitted; {failed.candidate.name}: {failed.error}"
    return (
        f"{trials[0].wanted.criterion.name} is undefined for every model: fewer than two groups "
        "have enough rows of each label; see --min-group-size"
    )
