"""ThresholdRule: cuts of a score by group, and their application."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.criteria.curves import finite_scores
from skfair.groups import Groups, labels_index

Floats = NDArray[np.float64]


def known_codes(groups: Groups, labels: Sequence[Hashable]) -> NDArray[np.integer]:
    """Code rows in the groups of fit; the error for others tells what would decide for them."""
    try:
        return groups.encode(labels)
    except ValueError as error:
        raise ValueError(
            f'{error}; fit with fallback="pooled" to treat them by what all rows together show'
        ) from None


@dataclass(frozen=True, eq=False)
class ThresholdRule:
    """Which scores are selected in which group.

    Parameters
    ----------
    labels : tuple
        Labels of the groups.
    names : tuple of str
        Names of the sensitive features.
    cuts : tuple of ndarray of float
        Cuts of each group: a row is selected if its score is at least the cut. One a group, or of a
        randomized rule several.
    chances : tuple of ndarray of float
        Chance of each cut, adding up to 1 in each group.
    cells : ndarray of float of shape (n_groups, 4)
        Expected cells (tn, fp, fn, tp) on the data that the rule was found on.
    objective : str
        What it was chosen for.
    value : float
        Its value on these data.
    gap : float
        How much a rule could be better at most: 0 if this one is optimal.
    effective_tol : dict of str to float
        Violation that the search allowed, by criterion: ``tol``, and for deterministic rules the
        resolution of the two smallest groups, or what it makes of a ratio at the rates reached.
    fallback_cut : float or None
        Cut of all rows together, for groups without a cut of their own.

    Examples
    --------
    >>> rule = ThresholdRule(
    ...     ("f", "m"), ("sex",), (np.array([0.4]), np.array([0.6])), (np.ones(1), np.ones(1)),
    ...     np.zeros((2, 4)), "accuracy", 0.9, 0.0, {},
    ... )
    >>> rule.select([0.5, 0.5], ["f", "m"]).tolist()
    [True, False]
    """

    labels: tuple[Hashable, ...]
    names: tuple[str, ...]
    cuts: tuple[Floats, ...]
    chances: tuple[Floats, ...]
    cells: Floats
    objective: str
    value: float
    gap: float
    effective_tol: dict[str, float]
    fallback_cut: float | None = None

    @property
    def is_deterministic(self) -> bool:
        """Whether every group has one cut."""
        return all(len(cuts) == 1 for cuts in self.cuts)

    def codes(self, sensitive_features: Any) -> NDArray[np.integer]:
        """Code of each row's group; groups without a cut get the last code, if there is a fallback.

        Raises
        ------
        ValueError
            If a group has no cut and there is no fallback; the message names it.
        """
        groups = Groups.read(sensitive_features)
        if self.fallback_cut is None:
            return known_codes(groups, self.labels)
        place = {label: i for i, label in enumerate(self.labels)}
        lookup = np.array([place.get(label, len(place)) for label in groups.labels])
        return lookup[groups.codes]

    def probability(self, scores: Any, codes: NDArray[np.integer]) -> Floats:
        """Chance that each row is selected, of shape (n,).

        Parameters
        ----------
        scores : array-like of float of shape (n,)
        codes : ndarray of int of shape (n,)
            As of :meth:`codes`.
        """
        found = finite_scores(scores)
        cuts, chances = self._table()
        chosen = np.zeros(len(found))
        for column in range(cuts.shape[1]):
            chosen += chances[codes, column] * (found >= cuts[codes, column])
        return chosen

    def select(self, scores: Any, sensitive_features: Any) -> NDArray[np.bool_]:
        """Decide by a deterministic rule.

        Raises
        ------
        ValueError
            If the rule is randomized: use :meth:`draw`.
        """
        return self.apply(scores, self.codes(sensitive_features))

    def apply(self, scores: Any, codes: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Decide by a deterministic rule, given codes: ``scores >= cuts[codes]``.

        Raises
        ------
        ValueError
            If the rule is randomized.
        """
        if not self.is_deterministic:
            raise ValueError("the rule is randomized: draw from it, or ask for its probability")
        return np.asarray(finite_scores(scores) >= self._table()[0][:, 0][codes])

    def draw(
        self, scores: Any, codes: NDArray[np.integer], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Decide at random with the rule's chances."""
        return self.decide(scores, codes, rng.random(len(codes)))

    def decide(self, scores: Any, codes: NDArray[np.integer], lots: Floats) -> NDArray[np.bool_]:
        """Decide by lots in [0, 1): for the positive class where its chance is above the lot."""
        return np.asarray(lots < self.probability(scores, codes))

    def to_frame(self) -> pd.DataFrame:
        """One row a cut: threshold and probability, indexed by group."""
        sizes = [len(cuts) for cuts in self.cuts]
        index = labels_index(self.labels, self.names).repeat(sizes)
        columns = {
            "threshold": np.concatenate(self.cuts),
            "probability": np.concatenate(self.chances),
        }
        return pd.DataFrame(columns, index=index)

    def __repr__(self) -> str:
        kind = "deterministic" if self.is_deterministic else "randomized"
        reached = f"{self.objective} {self.value:.4f}, within {self.gap:.2g} of the best possible"
        head = f"ThresholdRule ({kind}): {reached}"
        return f"{head}\n{self.to_frame().round(4).to_string()}"

    def _table(self) -> tuple[Floats, Floats]:
        """Lay out cuts and chances, of shape (n_groups + 1, most), the fallback last."""
        most = max(len(cuts) for cuts in self.cuts)
        cuts = np.full((len(self.cuts) + 1, most), np.inf)
        chances = np.zeros((len(self.cuts) + 1, most))
        for i, (own, chance) in enumerate(zip(self.cuts, self.chances, strict=True)):
            cuts[i, : len(own)], chances[i, : len(own)] = own, chance
        if self.fallback_cut is not None:
            cuts[-1, 0], chances[-1, 0] = self.fallback_cut, 1.0
        return cuts, chances
