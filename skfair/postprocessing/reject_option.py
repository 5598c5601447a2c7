"""RejectOptionClassifier: near the boundary, the deprived get the favourable decision."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skfair._utils.arrays import divide
from skfair._utils.text import listed
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion, Rate, gap_interval, read_criteria, read_objective
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.postprocessing._bands import SLACK, Grid, band_cells, choose_band
from skfair.postprocessing._out_of_fold import score_method
from skfair.postprocessing._score_rule import BaseScoreRule
from skfair.tally import Tally

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class RejectOptionClassifier(BaseScoreRule):
    r"""Decide for the deprived and against the favoured where the classifier is unsure.

    With the score s, a threshold t and a margin m, a row of a deprived group gets the positive
    class where :math:`s > t - m`, a row of a favoured group where :math:`s > t + m`: within the
    band from t - m to t + m the group decides, outside it the score. The band is the one with the
    best objective among those whose criterion is within ``tol``, on out-of-fold scores. Bands are
    candidates on a grid; their cells come from one tally of the scores.

    The positive class is the favourable one. For two classes and any number of groups, each of
    them deprived or favoured. The group is used at predict, and openly so: **different rules by
    group can be unlawful**, in hiring tests in the United States, for one.

    Parameters
    ----------
    estimator : estimator
        Any classifier or Pipeline with ``predict_proba`` or ``decision_function``. Wrap the whole
        pipeline, so that the groups can be read from the raw columns of X.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to ``fit`` and to
        ``predict``.
    constraints : str, Criterion or Rate, default="demographic_parity"
        What is bounded: any criterion of :mod:`skfair.criteria`, or the name of a rate.
    objective : str, Rate or dict, default="balanced_accuracy_score"
        What is maximised: ``"balanced_accuracy_score"``, ``"accuracy_score"``, a rate, or costs
        ``{"fp": 1, "fn": 5}``.
    tol : float, default=0.05
        Allowed difference between groups; of a ratio, its shortfall from 1.
    deprived : label, list of labels or None, default=None
        Groups that the band favours. None: those whose selection rate at the usual boundary is
        below that of all rows.
    thresholds : int or array-like of float, default=99
        Candidate thresholds; a number: evenly spaced in (0, 1), or at as many quantiles of a
        decision function.
    margins : int or array-like of float, default=51
        Candidate margins; a number: evenly spaced from 0 to half the range of scores.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    fallback : {"raise", "pooled"}, default="raise"
        Groups unseen at fit are refused, or decided at the threshold without a band.
    cv : int, splitter, iterable of splits, or "prefit", default=5
        Folds of the out-of-fold scores, balanced by label x group. "prefit", or an estimator in
        :class:`sklearn.frozen.FrozenEstimator`: the estimator is fitted already.
    n_jobs : int, default=None
        Folds that are fitted at a time.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Attributes
    ----------
    estimator_ : estimator
        The wrapped estimator, fitted to all rows.
    classes_ : ndarray of shape (2,)
    group_labels_ : tuple
        Groups known at fit.
    threshold_, margin_ : float
        Middle of the band and half its width.
    deprived_ : tuple
        Groups that the band favours.
    cuts_ : Series
        Score above which a row gets the positive class, by group.
    criteria_ : DataFrame
        The criterion on the out-of-fold scores: ``estimate`` with its 95% interval (``low``,
        ``high``), ``violation``, ``allowed``, and ``plain``, what it is at the usual boundary
        without a band. The band was chosen on the same scores, so expect a little more on new
        data.
    objective_value_ : float
        The objective on the out-of-fold scores.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If no band is within ``tol``; the least violating one is taken then.

    References
    ----------
    Kamiran, F., Karim, A. and Zhang, X. (2012). Decision theory for discrimination-aware
    classification. ICDM. https://doi.org/10.1109/ICDM.2012.45

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skfair.datasets import make_biased_classification
    >>> data = make_biased_classification(2000, proxy_correlation=0.5, random_state=0)
    >>> model = RejectOptionClassifier(LogisticRegression())
    >>> _ = model.fit(data.data, data.target, sensitive_features=data.sensitive_features)
    >>> bool(model.criteria_.loc["demographic_parity", "violation"] <= 0.05)
    True
    """

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str | Criterion | Rate = "demographic_parity",
        objective: Any = "balanced_accuracy_score",
        tol: float = 0.05,
        deprived: Any = None,
        thresholds: int | ArrayLike = 99,
        margins: int | ArrayLike = 51,
        pos_label: Any = None,
        fallback: Literal["raise", "pooled"] = "raise",
        cv: Any = 5,
        n_jobs: int | None = None,
        missing: Missing = "group",
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.constraints = constraints
        self.objective = objective
        self.tol = tol
        self.deprived = deprived
        self.thresholds = thresholds
        self.margins = margins
        self.pos_label = pos_label
        self.fallback = fallback
        self.cv = cv
        self.n_jobs = n_jobs
        self.missing = missing

    def _check_parameters(self) -> None:
        self._read_constraint()
        read_objective(self.objective, np.ones(2))

    def _read_constraint(self) -> tuple[Criterion, float]:
        if not isinstance(self.constraints, str | Criterion | Rate):
            raise ValueError(
                f"RejectOptionClassifier takes one criterion, got constraints={self.constraints!r}:"
                " give a name or a Criterion; ThresholdOptimizer takes several"
            )
        return read_criteria(self.constraints, self.tol)[0]

    def _fit_rule(self, scores: Floats, positive: Bools, groups: Groups, weights: Floats) -> None:
        if np.count_nonzero(np.bincount(groups.codes, weights)) < 2:
            raise ValueError(f"there are rows of one group only: {listed(groups.labels)}")
        is_probability = score_method(self.estimator_) == "predict_proba"
        kept = weights > 0
        grid = Grid.make(self.thresholds, self.margins, None if is_probability else scores[kept])
        plain = scores > (0.5 if is_probability else 0.0)
        deprived = self._find_deprived(plain, groups, weights)
        criterion, tol = self._read_constraint()
        totals = np.array([weights[~positive].sum(), weights[positive].sum()])
        band = choose_band(
            band_cells(scores, positive, groups, weights, deprived, grid),
            grid,
            criterion,
            read_objective(self.objective, totals),
            tol,
        )
        self.threshold_, self.margin_ = band.threshold, band.margin
        self.objective_value_ = band.value
        self.cuts_ = self._by_group(np.where(deprived, band.lower, band.upper), "cut")
        self.deprived_ = tuple(groups.labels[g] for g in np.flatnonzero(deprived))
        selected = self._decide(scores, groups.codes)
        self.criteria_ = _reached(criterion, tol, positive, selected, plain, groups, weights)
        if band.violation > tol + SLACK:
            without = float(self.criteria_["plain"].iloc[0])
            warn_user(
                f"no band has {criterion.name} within tol={tol:g}: the one with the least "
                f"violation, {band.violation:.3g}, is taken; without a band {criterion.name} is "
                f"{without:.3g}"
            )

    def _find_deprived(self, plain: Bools, groups: Groups, weights: Floats) -> Bools:
        """Tell which groups are deprived: those named, or those selected less than all rows."""
        if self.deprived is None:
            selected = np.bincount(groups.codes, weights * plain, groups.n_groups)
            rates = divide(selected, np.bincount(groups.codes, weights, groups.n_groups))
            return np.nan_to_num(rates, nan=np.inf) < selected.sum() / weights.sum() - SLACK
        several = isinstance(self.deprived, list | set | frozenset | np.ndarray | pd.Index)
        named = list(self.deprived) if several else [self.deprived]
        unknown = [label for label in named if label not in groups.labels]
        if unknown:
            raise ValueError(
                f"deprived groups {listed(unknown)} are not among {listed(groups.labels)}"
            )
        found = np.array([label in named for label in groups.labels])
        if found.all() or not found.any():
            raise ValueError("deprived must name some of the groups, and not all")
        return found

    def _select(self, scores: Floats, codes: NDArray[np.integer], X: Any) -> Bools:
        return self._decide(scores, codes)

    def _decide(self, scores: Floats, codes: NDArray[np.integer]) -> Bools:
        return scores > np.append(self.cuts_.to_numpy(), self.threshold_)[codes]


def _reached(
    criterion: Criterion,
    tol: float,
    positive: Bools,
    selected: Bools,
    plain: Bools,
    groups: Groups,
    weights: Floats,
) -> pd.DataFrame:
    """Lay out the estimate, its interval, what was allowed, and the estimate without a band."""

    def tally(decisions: Bools) -> Tally:
        return Tally.from_arrays(positive, decisions, groups, sample_weight=weights)

    estimate, low, high = gap_interval(tally(selected), criterion)[:3]
    table = {
        "estimate": estimate,
        "low": low,
        "high": high,
        "violation": 1 - estimate if criterion.gap == "ratio" else estimate,
        "allowed": tol,
        "plain": float(criterion(tally(plain).cells())),
    }
    return pd.DataFrame([table], index=[criterion.name])
