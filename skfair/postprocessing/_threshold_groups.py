"""Where a threshold rule's groups come from at predict: from the user, or from a guess."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.metadata_routing import MetadataRequest

from skfair._utils.text import listed
from skfair._utils.warning import warn_user
from skfair.base import sensitive_positions, wants
from skfair.groups import ColumnSpec, Groups
from skfair.postprocessing._curves import ScoreCurves
from skfair.postprocessing._group_guesser import GroupGuesser, confusion, guess_groups
from skfair.postprocessing._guessed import counted_on_guesses, on_rows
from skfair.postprocessing._guessed_curves import GuessedCurves
from skfair.postprocessing._out_of_fold import score_method
from skfair.postprocessing._reached import Rows
from skfair.postprocessing._score_rule import BaseScoreRule
from skfair.postprocessing._shrinkage import Shrunk
from skfair.postprocessing.rule import ThresholdRule

Codes = NDArray[np.integer]

_SURE = 0.99
_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score")


class GroupsOrGuessesMixin(BaseScoreRule):
    """Reads groups at predict, or with ``group_at_predict=False`` guesses them from X."""

    group_at_predict: bool
    group_estimator: Any
    sensitive_features: ColumnSpec | None
    group_confusion_: pd.DataFrame
    group_accuracy_: float
    guessed_curves_: GuessedCurves
    objective: Any
    rule_: ThresholdRule
    _guesser: GroupGuesser
    _guesses: Codes

    @property
    def uses_group_at_predict(self) -> bool:  # type: ignore[override]
        """Whether predictions depend on the group beyond X."""
        return bool(self.group_at_predict)

    @property
    def infers_group(self) -> bool:  # type: ignore[override]
        """Whether the group is guessed from X at predict."""
        return not self.group_at_predict

    @property
    def group_estimator_(self) -> Any:
        """The fitted classifier that guesses the group."""
        return self._guesser.model

    def _see_rows(self, X: Any, labels: Any, groups: Groups, weights: Any) -> None:
        if self.group_at_predict:
            for name in (
                "_guesser",
                "_guesses",
                "group_confusion_",
                "group_accuracy_",
                "guessed_curves_",
            ):
                self.__dict__.pop(name, None)  # of an earlier fit
            return
        if issparse(X) and self.group_estimator is None:
            raise TypeError(
                "the group can't be guessed from a sparse matrix by default: give a "
                'group_estimator= that takes one, LogisticRegression(class_weight="balanced"), say'
            )
        self._guesses, self._guesser = guess_groups(
            self.group_estimator,
            X,
            labels,
            groups,
            weights,
            columns=self.sensitive_features,
            cv=self.cv,
            n_jobs=self.n_jobs,
        )
        self.group_confusion_ = confusion(groups, self._guesses, weights)
        right = np.diag(self.group_confusion_)
        self.group_accuracy_ = float(np.nanmean(right))
        if np.isfinite(right).sum() > 1 and self.group_accuracy_ > _SURE:
            warn_user(
                f"the group is guessed right for {self.group_accuracy_:.1%} of the rows, averaged "
                "over groups: a column of X tells it, so that the rule goes by the group itself; "
                "leave that column out if this may not be"
            )

    def _by_guess(
        self, rows: Rows, known: ScoreCurves, shrunk: ScoreCurves, kept: pd.DataFrame | None
    ) -> ScoreCurves | GuessedCurves:
        """Curves to search: those that were shrunk, or of guesses, shrunk alike."""
        if self.group_at_predict:
            return shrunk
        scores, positive, groups, weights = rows
        places = tuple(groups.labels.index(label) for label in known.labels)
        curves = GuessedCurves.of_rows(scores, positive, groups, self._guesses, weights)
        self.guessed_curves_ = curves.about(places)
        if kept is None or shrunk is known:
            return self.guessed_curves_
        return self.guessed_curves_.drawn_together(Shrunk(shrunk, kept))

    def _for_guesses(self, rule: ThresholdRule, single: ThresholdRule) -> ThresholdRule:
        """Count a rule on the rows, and give guesses that no row had the cut of all."""
        if self.group_at_predict:
            return rule
        spare = single.cuts[0]
        cuts, chances = list(rule.cuts), list(rule.chances)
        for h, curve in enumerate(self.guessed_curves_.curves):
            if not len(curve.scores):
                cuts[h], chances[h] = spare, np.ones(1)
        rule = replace(rule, cuts=tuple(cuts), chances=tuple(chances))
        return counted_on_guesses(rule, self.guessed_curves_, self.objective)

    def _on_rows(self, rule: ThresholdRule, rows: Rows) -> tuple[ThresholdRule, Rows]:
        """Tie a rule for guesses to the rows of the groups that constraints are about."""
        if self.group_at_predict:
            return rule, rows
        scores, positive, groups, weights = rows
        known = [groups.labels[g] for g in self.guessed_curves_.known]
        kept = np.flatnonzero(np.isin(groups.codes, self.guessed_curves_.known))
        tied = on_rows(rule, tuple(known), self._guesses[kept])
        return tied, (scores[kept], positive[kept], groups.take(kept), weights[kept])

    def _read_codes(self, X: Any, sensitive_features: Any) -> Codes:
        if not self.group_at_predict:
            if sensitive_features is not None and not wants(
                self.estimator_, score_method(self.estimator_)
            ):
                raise ValueError(
                    "group_at_predict=False: the group is guessed from X, so predict takes no "
                    "sensitive_features; leave them out"
                )
            return self._guesser.codes(X)
        self._check_has_groups(X, sensitive_features)
        codes = super()._read_codes(X, sensitive_features)
        if self.rule_.fallback_cut is None and (codes < 0).any():
            groups = self._read_groups(X, sensitive_features)
            unseen = [label for label in groups.labels if label not in self.group_labels_]
            raise ValueError(
                f"groups {listed(unseen)} were unseen at fit, and the rule has no cut for them: "
                'fit with fallback="pooled"'
            )
        return codes

    def _check_has_groups(self, X: Any, sensitive_features: Any) -> None:
        """Point to the way without groups where there are none."""
        try:
            if self.sensitive_features is None and sensitive_features is None:
                self._read_groups(X, None)
            sensitive_positions(X, self.sensitive_features)
        except ValueError as error:
            raise ValueError(
                f"{error}. The rule goes by the group of each row; fit with "
                "group_at_predict=False for one that needs none at predict, and guesses it from X"
            ) from None

    def _own_request(self) -> MetadataRequest:
        request = super()._own_request()
        if not self.group_at_predict:
            for method in _METHODS:
                of_method = getattr(request, method)
                of_method.add_request(param="sensitive_features", alias=False)
        return request

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if not self.group_at_predict and self.group_estimator is None:
            tags.input_tags.sparse = False
        return tags
