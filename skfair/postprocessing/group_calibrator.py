"""GroupCalibrator: probabilities that mean the same in every group."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.groups import ColumnSpec, Groups, Missing
from skfair.postprocessing._calibration import (
    SHRINKAGES,
    CalibrationMethod,
    ShrunkenCalibration,
    Sigmoid,
    check_calibration,
)
from skfair.postprocessing._out_of_fold import score_method
from skfair.postprocessing._score_rule import BaseProbabilityRule

Floats = NDArray[np.float64]


class GroupCalibrator(BaseProbabilityRule):
    r"""Calibrate a classifier's scores within each group, small groups shrunk towards all rows.

    A map from score to probability is fitted to each group's out-of-fold scores, and one to those
    of all rows. A row of group g gets

    .. math:: p = \lambda_g\, m_g(s) + (1 - \lambda_g)\, m(s), \quad
        \lambda_g = \frac{n_g}{n_g + k}

    with the effective size :math:`n_g` of the group: a few rows are no ground for a map of their
    own. With ``shrinkage="auto"``, k is chosen by the log loss of maps on rows that they weren't
    fitted to: infinity (one map for all) unless that is clearly worse, then the largest k within
    one standard error of the best. So groups differ only as far as the data show.

    For two classes; it doesn't matter which of them is the positive one. Calibration by group uses
    the group at predict: **different rules by group can be unlawful**, in hiring tests in the
    United States, for one.

    Parameters
    ----------
    estimator : estimator
        Any classifier or Pipeline with ``predict_proba`` or ``decision_function``. Wrap the whole
        pipeline, so that the groups can be read from the raw columns of X.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to ``fit`` and to
        ``predict``.
    method : {"sigmoid", "isotonic"}, default="sigmoid"
        Platt's map of the logit of the probability (or of the decision function), or the best
        non-decreasing one, which needs some hundred rows a group.
    shrinkage : "auto", None, or float of at least 0, default="auto"
        k; None doesn't shrink, infinity calibrates all groups alike.
    fallback : {"raise", "pooled"}, default="raise"
        Groups unseen at fit are refused, or get the map of all rows.
    cv : int, splitter, iterable of splits, or "prefit", default=5
        Folds of the out-of-fold scores, balanced by label x group. "prefit", or an estimator in
        :class:`sklearn.frozen.FrozenEstimator`: the estimator is fitted, and the data given to
        ``fit`` are for calibration only.
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
    shrinkage_ : float
        k.
    shrinkage_losses_ : Series
        Log loss on other rows by k; NaN where k was given.
    group_shares_ : Series
        :math:`\lambda_g` by group.
    maps_ : DataFrame of shape (n_groups, 2) or None
        With ``method="sigmoid"``: slope and intercept of each group's own map.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    References
    ----------
    Platt, J. (1999). Probabilistic outputs for support vector machines and comparisons to
    regularized likelihood methods. Advances in Large Margin Classifiers.

    Zadrozny, B. and Elkan, C. (2002). Transforming classifier scores into accurate multiclass
    probability estimates. KDD. https://doi.org/10.1145/775047.775151

    Pleiss, G., Raghavan, M., Wu, F., Kleinberg, J. and Weinberger, K. Q. (2017). On fairness and
    calibration. NeurIPS 30. https://doi.org/10.48550/arXiv.1709.02012

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"skill": rng.normal(size=2000), "sex": ["f", "m"] * 1000})
    >>> chance = 1 / (1 + np.exp(-X["skill"] - 2 * (X["sex"] == "f")))
    >>> y = np.where(rng.random(2000) < chance, "hire", "no")
    >>> skill_only = lambda X: X[["skill"]]
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> pipe = make_pipeline(FunctionTransformer(skill_only), LogisticRegression())
    >>> model = GroupCalibrator(pipe, sensitive_features="sex").fit(X, y)
    >>> person = pd.DataFrame({"skill": [0.0, 0.0], "sex": ["f", "m"]})
    >>> pipe.fit(X, y).predict_proba(person)[:, 0].round(1)
    array([0.7, 0.7])
    >>> model.predict_proba(person)[:, 0].round(1)  # the chances are 0.88 and 0.5
    array([0.9, 0.5])
    """

    _needs_positive = False  # both classes give the same probabilities

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        method: CalibrationMethod = "sigmoid",
        shrinkage: Literal["auto"] | float | None = "auto",
        fallback: Literal["raise", "pooled"] = "raise",
        cv: Any = 5,
        n_jobs: int | None = None,
        missing: Missing = "group",
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.method = method
        self.shrinkage = shrinkage
        self.fallback = fallback
        self.cv = cv
        self.n_jobs = n_jobs
        self.missing = missing

    def _check_parameters(self) -> None:
        check_calibration(self.method, self.shrinkage, ("sigmoid", "isotonic"))

    def _fit_rule(
        self, scores: Floats, positive: NDArray[np.bool_], groups: Groups, weights: Floats
    ) -> None:
        self._calibration = ShrunkenCalibration.fit(
            scores,
            positive,
            groups,
            weights,
            method=self.method,
            shrinkage=self.shrinkage,
            is_probability=score_method(self.estimator_) == "predict_proba",
        )
        self.shrinkage_ = self._calibration.shrinkage.k
        self.shrinkage_losses_ = pd.Series(
            self._calibration.shrinkage.losses, pd.Index(SHRINKAGES, name="k"), name="log_loss"
        )
        self.group_shares_ = self._by_group(self._calibration.share, "share")
        self.maps_ = None
        if self.method == "sigmoid":
            nothing = Sigmoid(np.nan, np.nan)
            own = [nothing if found is None else found for found in self._calibration.maps.own]
            self.maps_ = pd.DataFrame(
                own, index=self.group_shares_.index, columns=["slope", "intercept"]
            )

    def _probability(self, scores: Floats, codes: NDArray[np.integer], X: Any) -> Floats:
        return self._calibration(scores, codes)
