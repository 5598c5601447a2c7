"""CalibratedEqualizedOdds: one error rate equalised by withholding information at random."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.lots import lots_move, lots_of
from skfair._utils.text import listed
from skfair._utils.warning import warn_undefined_metric
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.postprocessing._calibration import (
    CalibrationMethod,
    ShrunkenCalibration,
    check_calibration,
)
from skfair.postprocessing._out_of_fold import score_method
from skfair.postprocessing._score_rule import BaseProbabilityRule
from skfair.tally import count_cells, sum_cells

Floats = NDArray[np.float64]
Cost = Literal["fnr", "fpr", "weighted"]

_NAMES = {
    "fnr": "generalised false negative rate",
    "fpr": "generalised false positive rate",
    "weighted": "weighted cost",
}


def mixing_table(
    probabilities: Floats,
    positive: NDArray[np.bool_],
    groups: Groups,
    weights: Floats | None = None,
    *,
    cost: Cost = "fnr",
) -> pd.DataFrame:
    r"""Chance with which each group's probabilities must give way to its base rate.

    The generalised costs of group g with probabilities p are

    .. math:: \mathrm{fnr}_g = E[1 - p \mid y = 1, g], \quad
        \mathrm{fpr}_g = E[p \mid y = 0, g], \quad
        \mathrm{weighted}_g = \tfrac12 \big(\mu_g\, \mathrm{fnr}_g +
        (1 - \mu_g)\, \mathrm{fpr}_g\big)

    with the base rate :math:`\mu_g`. Replacing p by :math:`\mu_g` with chance :math:`\alpha_g`
    moves a cost :math:`c_g` linearly towards that of the base rate, :math:`b_g`, so that

    .. math:: \alpha_g = \frac{\max_h c_h - c_g}{b_g - c_g}

    brings every group to the largest cost. Where that isn't in reach, it is 1 (the base rate costs
    more than the group's probabilities, but not enough) or 0 (it costs less).

    Parameters
    ----------
    probabilities : ndarray of float of shape (n,)
        Of the positive class; calibrated within groups.
    positive : ndarray of bool of shape (n,)
    groups : Groups
    weights : ndarray of float of shape (n,), default=None
        Sampling weights.
    cost : {"fnr", "fpr", "weighted"}, default="fnr"

    Returns
    -------
    table : DataFrame
        By group: ``base_rate``, ``generalized_fnr``, ``generalized_fpr``, ``cost``,
        ``base_rate_cost``, ``mixing_rate`` and ``mixed_cost``. Undefined costs are NaN, and their
        groups' mixing rate 0.

    Examples
    --------
    >>> table = mixing_table(
    ...     np.array([0.5, 0.5, 0.8, 0.2]),
    ...     np.array([True, False, True, False]),
    ...     Groups.read({"sex": ["f", "f", "m", "m"]}),
    ... )
    >>> table[["cost", "base_rate_cost", "mixing_rate", "mixed_cost"]]
         cost  base_rate_cost  mixing_rate  mixed_cost
    sex
    f     0.5             0.5          0.0         0.5
    m     0.2             0.5          1.0         0.5
    """
    shape, codes = (groups.n_groups, 2), [groups.codes, positive.astype(np.int8)]
    weight = count_cells(codes, shape, weights)[0]
    chance = sum_cells(codes, shape, probabilities, weights)
    base_rate = divide(weight[:, 1], weight.sum(axis=1))
    fnr, fpr = 1 - divide(chance[:, 1], weight[:, 1]), divide(chance[:, 0], weight[:, 0])
    errors = weight[:, 1] - chance[:, 1] + chance[:, 0]
    costs, trivial = {
        "fnr": (fnr, np.where(np.isnan(fnr), np.nan, 1 - base_rate)),
        "fpr": (fpr, np.where(np.isnan(fpr), np.nan, base_rate)),
        "weighted": (divide(errors, 2 * weight.sum(axis=1)), base_rate * (1 - base_rate)),
    }[cost]
    rates = _mixing_rates(costs, trivial)
    columns = {
        "base_rate": base_rate,
        "generalized_fnr": fnr,
        "generalized_fpr": fpr,
        "cost": costs,
        "base_rate_cost": trivial,
        "mixing_rate": rates,
        "mixed_cost": costs + rates * (trivial - costs),
    }
    return pd.DataFrame(columns, index=groups.to_index())


def _mixing_rates(costs: Floats, trivial: Floats) -> Floats:
    highest = np.nanmax(costs, initial=-np.inf)
    gap, room = np.nan_to_num(highest - costs), np.nan_to_num(trivial - costs)
    useful = (gap > 0) & (room > 0)
    return np.where(useful, np.minimum(gap / np.where(useful, room, 1.0), 1.0), 0.0)


class CalibratedEqualizedOdds(BaseProbabilityRule):
    r"""Equalise one generalised error rate between groups that are calibrated.

    Calibrated probabilities with equal false positive *and* false negative rates don't exist, but
    for special cases (Pleiss et al. 2017). One of them, or their weighted sum, can be equalised:
    groups that are better off have their probability replaced by the group's base rate with the
    chance :math:`\alpha_g` of :func:`mixing_table`, which brings them to the cost of the group
    that is worst off. **Nobody gets better predictions by this**: with more than two groups,
    too, all move towards the largest cost, and be it that of a few rows by bad luck. Look at
    ``costs_`` before use.

    By default ``predict_proba`` is deterministic, the expectation :math:`(1 - \alpha_g) p +
    \alpha_g \mu_g`, which has exactly the same generalised costs; it isn't calibrated any more
    where :math:`0 < \alpha_g < 1`, but drawn towards the base rate. With ``randomized=True`` each
    row's probability is kept or replaced at random, as in the paper; these are calibrated.

    For two classes and any number of groups. The group is used at predict: **different rules by
    group can be unlawful**, in hiring tests in the United States, for one.

    Parameters
    ----------
    estimator : estimator
        Any classifier or Pipeline with ``predict_proba`` or ``decision_function``. Wrap the whole
        pipeline, so that the groups can be read from the raw columns of X.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to ``fit`` and to
        ``predict``.
    cost : {"fnr", "fpr", "weighted"}, default="fnr"
        What is equalised.
    calibration : {"sigmoid", "isotonic"} or None, default="sigmoid"
        Calibrate within groups first, as :class:`GroupCalibrator` does, shrinkage included; None:
        the estimator's probabilities are calibrated already.
    randomized : bool, "by_row", or list of str or int, default=False
        Replace probabilities at random instead of by the expectation. "by_row", or columns of X:
        the lot of a row hangs on its values, in all columns or in these, as in
        :class:`ThresholdOptimizer`.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    fallback : {"raise", "pooled"}, default="raise"
        Groups unseen at fit are refused, or get the calibration of all rows and no mixing.
    cv : int, splitter, iterable of splits, or "prefit", default=5
        Folds of the out-of-fold scores, balanced by label x group. "prefit", or an estimator in
        :class:`sklearn.frozen.FrozenEstimator`: the estimator is fitted already.
    n_jobs : int, default=None
        Folds that are fitted at a time.
    random_state : int, RandomState instance or None, default=None
        Draws with ``randomized=True``, anew in each call; an int gives rows at the same place of
        an X of the same length the same draw. Where lots hang on rows, an int or None.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Attributes
    ----------
    estimator_ : estimator
        The wrapped estimator, fitted to all rows.
    classes_ : ndarray of shape (2,)
    group_labels_ : tuple
        Groups known at fit.
    mixing_rates_ : Series
        :math:`\alpha_g` by group.
    base_rates_ : Series
        :math:`\mu_g` by group.
    costs_ : DataFrame
        :func:`mixing_table` of the calibrated out-of-fold probabilities.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If a group can't be brought to the largest cost.
    UndefinedMetricWarning
        If a group has no positives (or no negatives), so no cost.

    References
    ----------
    Pleiss, G., Raghavan, M., Wu, F., Kleinberg, J. and Weinberger, K. Q. (2017). On fairness and
    calibration. NeurIPS 30. https://doi.org/10.48550/arXiv.1709.02012

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> sex, skill = np.repeat(["f", "m"], 1000), rng.normal(size=2000)
    >>> y = rng.random(2000) < 1 / (1 + np.exp(np.where(sex == "f", -0.5, -3) * skill))
    >>> X = pd.DataFrame({"skill": skill, "sex": sex})
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.pipeline import make_pipeline
    >>> pipe = make_pipeline(
    ...     make_column_transformer(("passthrough", ["skill"])), LogisticRegression()
    ... )
    >>> model = CalibratedEqualizedOdds(pipe, sensitive_features="sex").fit(X, y)
    >>> model.costs_[["generalized_fnr", "mixing_rate", "mixed_cost"]].round(1)
         generalized_fnr  mixing_rate  mixed_cost
    sex
    f                0.5          0.0         0.5
    m                0.2          0.9         0.5
    """

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        cost: Cost = "fnr",
        calibration: CalibrationMethod | None = "sigmoid",
        randomized: bool | Literal["by_row"] | list[str | int] = False,
        pos_label: Any = None,
        fallback: Literal["raise", "pooled"] = "raise",
        cv: Any = 5,
        n_jobs: int | None = None,
        random_state: Any = None,
        missing: Missing = "group",
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.cost = cost
        self.calibration = calibration
        self.randomized = randomized
        self.pos_label = pos_label
        self.fallback = fallback
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.missing = missing

    def _check_parameters(self) -> None:
        check_calibration(self.calibration, None, ("sigmoid", "isotonic", None))
        if self.cost not in _NAMES:
            raise ValueError(f"cost must be among {list(_NAMES)}, got {self.cost!r}")

    def _fit_rule(
        self, scores: Floats, positive: NDArray[np.bool_], groups: Groups, weights: Floats
    ) -> None:
        is_probability = score_method(self.estimator_) == "predict_proba"
        self._calibration = None
        if self.calibration is not None:
            self._calibration = ShrunkenCalibration.fit(
                scores,
                positive,
                groups,
                weights,
                method=self.calibration,
                shrinkage="auto",
                is_probability=is_probability,
            )
        elif not is_probability:
            raise ValueError(
                "calibration=None needs an estimator with predict_proba, and "
                f"{type(self.estimator_).__name__} has none"
            )
        chances = self._calibrate(scores, groups.codes)
        self.costs_ = mixing_table(chances, positive, groups, weights, cost=self.cost)
        self.mixing_rates_, self.base_rates_ = self.costs_["mixing_rate"], self.costs_["base_rate"]
        self._warn_unequal(groups)

    def _warn_unequal(self, groups: Groups) -> None:
        """Tell which groups have no cost, and which can't be brought to the largest."""
        cost, mixed = self.costs_["cost"].to_numpy(), self.costs_["mixed_cost"].to_numpy()
        undefined = [groups.labels[g] for g in np.flatnonzero(np.isnan(cost))]
        if undefined:
            warn_undefined_metric(
                f"the {_NAMES[self.cost]} of groups {listed(undefined)} is undefined (0/0): "
                "their probabilities are not mixed"
            )
        highest = np.nanmax(cost, initial=-np.inf)
        short = [groups.labels[g] for g in np.flatnonzero(mixed < highest - 1e-9)]
        if short:
            warnings.warn(
                f"the {_NAMES[self.cost]} can't be equalised: that of groups {listed(short)} stays "
                f"below {highest:.3g}, the largest, even at their base rates",
                UserWarning,
                stacklevel=2,
            )

    def _calibrate(self, scores: Floats, codes: NDArray[np.integer]) -> Floats:
        return scores if self._calibration is None else self._calibration(scores, codes)

    def _rates_of(self, codes: NDArray[np.integer]) -> tuple[Floats, Floats]:
        """Mixing rate and base rate of each row; groups unseen at fit aren't mixed."""
        rates = np.append(self.mixing_rates_.to_numpy(), 0.0)
        return rates[codes], np.append(self.base_rates_.fillna(0.0).to_numpy(), 0.0)[codes]

    def _probability(self, scores: Floats, codes: NDArray[np.integer], X: Any) -> Floats:
        chances = self._calibrate(scores, codes)
        rate, base = self._rates_of(codes)
        if self.randomized:
            rate = (lots_of(self, X) < rate).astype(np.float64)
        return chances + rate * (base - chances)

    def decision_probability(
        self, X: Any, *, sensitive_features: Any = None, **params: Any
    ) -> Floats:
        r"""Chance that the randomized rule decides for the positive class.

        It is :math:`(1 - \alpha_g) 1[p > 1/2] + \alpha_g 1[\mu_g > 1/2]`, whatever ``randomized``
        says.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        **params : dict
            Metadata for the wrapped estimator.

        Returns
        -------
        chance : ndarray of float of shape (n,)
        """
        scores, codes = self._score_rows(X, sensitive_features, params)
        rate, base = self._rates_of(codes)
        return (1 - rate) * (self._calibrate(scores, codes) > 0.5) + rate * (base > 0.5)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic |= lots_move(self)
        return tags
