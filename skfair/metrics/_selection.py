"""Selection of a model among the candidates of a search, within bounds on fairness."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.validation import is_number
from skfair.criteria import parse_metric


class SelectFair:
    """Rule for ``refit=``; made by :func:`select_fair`."""

    def __init__(self, objective: str, bounds: dict[str, float]) -> None:
        self.objective = objective
        self.bounds = bounds

    # scikit-learn's ``search.score`` looks its scorer up by ``refit``: it finds the objective's.
    def __hash__(self) -> int:
        return hash(self.objective)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SelectFair):
            return (self.objective, self.bounds) == (other.objective, other.bounds)
        return self.objective == other

    def __repr__(self) -> str:
        bounds = "".join(f", {name}={bound}" for name, bound in self.bounds.items())
        return f"select_fair({self.objective!r}{bounds})"

    def __call__(self, cv_results: Mapping[str, Any]) -> int:
        """Choose a candidate.

        Parameters
        ----------
        cv_results : mapping
            ``cv_results_`` of a search with several metrics.

        Returns
        -------
        index : int
            Position of the chosen candidate.

        Raises
        ------
        ValueError
            If a metric isn't among the results, or no candidate has a defined objective.
        """
        objective = _mean_scores(cv_results, self.objective)
        if np.isnan(objective).all():
            raise ValueError(
                f"{self.objective} is NaN for every candidate, so none can be chosen: see the "
                'warnings above, or set error_score="raise"'
            )
        excess = self._excess(cv_results)
        eligible = (excess <= 0) & ~np.isnan(objective)
        if eligible.any():
            candidates = np.flatnonzero(eligible)
            return int(candidates[np.argmax(objective[candidates])])
        excess = np.where(np.isnan(objective) | np.isnan(excess), np.inf, excess)
        if np.isinf(excess).all():
            raise ValueError(
                f"no candidate has defined values of {[*self.bounds, self.objective]}: see the "
                'warnings above, or set error_score="raise"'
            )
        nearest = int(np.lexsort((-np.nan_to_num(objective, nan=-np.inf), excess))[0])
        self._warn_infeasible(cv_results, nearest)
        return nearest

    def _excess(self, cv_results: Mapping[str, Any]) -> NDArray[np.float64]:
        """By how much a candidate misses its worst bound; NaN (undefined) counts as infeasible."""
        misses = [
            _miss(name, _mean_scores(cv_results, name), bound)
            for name, bound in self.bounds.items()
        ]
        excess = np.max(np.stack(misses), axis=0)
        return np.where(excess <= 1e-12, 0.0, excess)  # np.max keeps NaN

    def _warn_infeasible(self, cv_results: Mapping[str, Any], nearest: int) -> None:
        reached = {
            name: round(float(abs(_mean_scores(cv_results, name)[nearest])), 4)
            for name in self.bounds
        }
        params = cv_results.get("params", ["unknown parameters"] * (nearest + 1))
        warnings.warn(
            f"no candidate is within {self.bounds}; the nearest, candidate {nearest} "
            f"({params[nearest]}), reaches {reached} and is chosen",
            UserWarning,
            stacklevel=3,
        )


def select_fair(objective: str, **bounds: float) -> SelectFair:
    """Choose the best model among those within bounds, for ``refit=`` of a search.

    Bounds hold for the mean over the folds. A candidate with an undefined (NaN) metric is never
    within bounds. If no candidate is, the one that misses its worst bound by the least is chosen,
    with a warning that names it.

    Parameters
    ----------
    objective : str
        Name of the metric to maximise, as in the ``scoring`` dict.
    **bounds : float
        By name in the ``scoring`` dict: ``<criterion>_difference`` is at most the bound,
        ``<criterion>_ratio``, ``disparate_impact`` and any other score at least.

    Returns
    -------
    rule : callable
        ``rule(cv_results_) -> index``; it can be pickled and cloned.

    Raises
    ------
    ValueError
        If there is no bound, or a bound on a fairness metric lies outside [0, 1].

    Notes
    -----
    scikit-learn sets no ``best_score_`` with a callable ``refit``: read
    ``cv_results_["mean_test_<metric>"][best_index_]``. ``search.score`` gives the
    objective. The chosen model's own scores are optimistic, as always: report on data that the
    search has not seen.

    Examples
    --------
    >>> rule = select_fair("accuracy", equalized_odds_difference=0.05)
    >>> rule({
    ...     "mean_test_accuracy": [0.85, 0.84, 0.80],
    ...     "mean_test_equalized_odds_difference": [-0.10, -0.04, -0.01],
    ... })
    1
    """
    if not bounds:
        raise ValueError("select_fair needs a bound, such as equalized_odds_difference=0.05")
    for name, bound in bounds.items():
        if not is_number(bound):
            raise ValueError(f"the bound {name}={bound!r} is no number")
        if gap_of(name) is not None and not 0 <= bound <= 1:
            raise ValueError(f"the bound {name}={bound} lies outside [0, 1]")
        if np.isnan(float(bound)):
            raise ValueError(f"the bound {name}={bound!r} is no number")
    return SelectFair(objective, dict(bounds))


def gap_of(name: str) -> str | None:
    """Gap of a fairness metric, or None where the name is that of another score."""
    try:
        return parse_metric(name)[1]
    except ValueError:
        return None


def _miss(name: str, scores: NDArray[np.float64], bound: float) -> NDArray[np.float64]:
    if gap_of(name) == "difference":
        return abs(scores) - bound
    if gap_of(name) is None and bound > 0 and (scores <= 0).any() and not (scores > 0).any():
        raise ValueError(
            f"scores of {name!r} are never above 0, so none can be at least {bound}: a difference "
            "is bounded above if it bears its metric's name (equalized_odds_difference)"
        )
    return bound - scores


def _mean_scores(cv_results: Mapping[str, Any], name: str) -> NDArray[np.float64]:
    key = f"mean_test_{name}"
    if key not in cv_results:
        known = [k.removeprefix("mean_test_") for k in cv_results if k.startswith("mean_test_")]
        raise ValueError(f"the search has no metric {name!r}; its scoring has {known}")
    return np.asarray(cv_results[key], dtype=float)
