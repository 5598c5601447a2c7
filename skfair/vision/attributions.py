"""Which features of a table a model leans on, by group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t
from sklearn.base import is_regressor
from sklearn.inspection import permutation_importance
from sklearn.utils.validation import check_is_fitted

from skfair._utils.arrays import divide
from skfair._utils.columns import is_frame, take_rows
from skfair._utils.text import listed
from skfair._utils.validation import (
    as_column,
    check_any_weight,
    check_count,
    check_option,
    check_same_length,
    check_share,
    check_weights,
    generator,
)
from skfair._utils.warning import warn_undefined_metric
from skfair.base import column_names, read_either
from skfair.groups import Groups, Missing
from skfair.vision._map_tests import difference_of_means
from skfair.vision._shapley import add_up, sampled_shapley
from skfair.vision.attribution_display import AttributionsDisplay

Floats = NDArray[np.float64]


class GroupAttributions(NamedTuple):
    """What features do to a model's predictions in each group.

    Attributes
    ----------
    table : DataFrame
        By ``feature`` and ``group``: ``n`` rows, the ``mean``, its interval ``low`` to ``high``.
    gaps : DataFrame
        By ``feature`` and ``group``: the ``difference`` of the group's mean from that of all
        others, with ``low`` and ``high``.
    method : str
    """

    table: pd.DataFrame
    gaps: pd.DataFrame
    method: str

    def plot(self, *, n_features: int = 12) -> AttributionsDisplay:
        """Draw the features that matter most, a bar a group, with intervals.

        Parameters
        ----------
        n_features : int, default=12
            Most features to show.

        Returns
        -------
        AttributionsDisplay
        """
        return AttributionsDisplay(
            table=self.table, gaps=self.gaps, method=self.method, n_features=n_features
        ).plot()


def group_attributions(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    sensitive_features: Any,
    method: Literal["shapley", "permutation"] = "shapley",
    pos_label: Any = None,
    scoring: Any = None,
    n_repeats: int = 10,
    max_rows: int = 500,
    sample_weight: Any = None,
    confidence_level: float = 0.95,
    missing: Missing = "group",
    n_jobs: int | None = None,
    random_state: Any = None,
) -> GroupAttributions:
    r"""Find which features a fitted model leans on in each group.

    *Shapley values*, by sampling, share a row's prediction less the mean prediction out among the
    features. With rows of all groups as the background, the mean value :math:`\bar\phi_{gj}` of
    feature j in group g tells how it moves the group, and the differences add up to the gap of the
    mean predictions,

    .. math:: E[f \mid g] - E[f \mid \bar g] = \sum_j (\bar\phi_{gj} - \bar\phi_{\bar g j}),

    so a proxy is a feature that carries much of the gap. They add up exactly: what the sample lacks
    of the mean predictions of all rows is shared out by regression. The values are of what the
    model does (interventional), so a feature that it ignores has none, however correlated it is.

    *Permutation importance* is scikit-learn's, computed on the rows of one group: by how much the
    score falls when a feature is shuffled within the group. It tells what the predictions' quality
    hangs on in each group, and not what moves one group from another.

    Parameters
    ----------
    estimator : fitted classifier or regressor
    X : data frame or array of shape (n, n_features)
    y : array-like of shape (n,), default=None
        Labels or numbers, for ``method="permutation"``.
    sensitive_features : array-like of shape (n,) or (n, k), or columns of X
        Groups, or the name, position, Bins, list of them, or callable that gives them of X.
    method : {"shapley", "permutation"}, default="shapley"
    pos_label : label, default=None
        Class whose probability is explained; None: the second of two. A classifier without
        probabilities is explained by its decision function.
    scoring : str or callable, default=None
        Score whose fall is measured, for ``method="permutation"``; None: the estimator's.
    n_repeats : int, default=10
        Shuffles of each feature, or pairs of orders of features for each row.
    max_rows : int, default=500
        Most rows of a group whose Shapley values are sampled, in proportion to their weights. All
        rows are predicted once.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    confidence_level : float, default=0.95
        Of Student's intervals: over rows (Shapley values), or over shuffles (permutation), which
        know nothing of the luck of the rows.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    n_jobs : int, default=None
        Number of jobs, for ``method="permutation"``.
    random_state : int, RandomState, Generator or None, default=None

    Returns
    -------
    GroupAttributions
        With ``table``, ``gaps`` and ``plot()``. For Shapley values, the table has ``mean_abs``, the
        mean absolute value, too.

    Raises
    ------
    NotFittedError
        If the estimator isn't fitted.
    ValueError
        If X is no table, lengths differ, y is missing for the permutations, the class isn't known,
        or predictions aren't numbers.
    TypeError
        If the estimator can't predict, as a bare torch module.

    Warns
    -----
    UndefinedMetricWarning
        If there is one group only, so that there are no gaps, or a group has no weight.

    References
    ----------
    Štrumbelj, E. and Kononenko, I. (2014). Explaining prediction models and individual predictions
    with feature contributions. Knowledge and Information Systems 41.
    https://doi.org/10.1007/s10115-013-0679-x
    Breiman, L. (2001). Random forests. Machine Learning 45.
    https://doi.org/10.1023/A:1010933404324

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 100)
    >>> X = pd.DataFrame({"skill": rng.normal(size=200), "proxy": 1.0 * (sex == "m")})
    >>> model = LinearRegression().fit(X, X["skill"] + 2 * X["proxy"])
    >>> found = group_attributions(model, X, sensitive_features=sex, random_state=0)
    >>> found.gaps.set_index(["feature", "group"])["difference"]["proxy"].round(1).to_dict()
    {'f': -2.0, 'm': 2.0}
    """
    check_option("method", method, ("shapley", "permutation"))
    check_count("n_repeats", n_repeats)
    check_count("max_rows", max_rows)
    check_share("confidence_level", confidence_level, ends=False)
    X = _as_table(X)
    groups, _ = read_either(X, sensitive_features, missing=missing, owner="group_attributions")
    weights = check_weights(sample_weight, len(X))
    check_any_weight(weights)
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"group_attributions needs a classifier or regressor, got {type(estimator).__name__}"
        )
    rng = generator(random_state)
    names = column_names(X)
    if method == "permutation":
        if y is None:
            raise ValueError('method="permutation" needs y')
        y = as_column(y, "y")
        check_same_length(X=X, y=y)
        parts = _shuffled(estimator, X, y, groups, weights, scoring, n_repeats, n_jobs, rng)
    else:
        predict = _predictor(estimator, pos_label)
        parts = _shared_out(predict, X, groups, weights, n_repeats, max_rows, rng)
    without = [
        label for label, (_, held) in zip(groups.labels, parts, strict=True) if not len(held)
    ]
    if without:
        warn_undefined_metric(f"groups {listed(without)} have no weight: their figures are NaN")
    if groups.n_groups == 1:
        warn_undefined_metric(f"there is one group only, {groups.labels[0]!r}, so no gaps")
    return GroupAttributions(
        _table(parts, names, groups, weights, confidence_level, method),
        _gaps(parts, names, groups, weights, confidence_level),
        method,
    )


def _as_table(X: Any) -> Any:
    if is_frame(X):
        return X
    table = X if hasattr(X, "shape") else np.asarray(X)
    if hasattr(table, "toarray"):
        raise ValueError("X is sparse: give a dense array, X.toarray()")
    if len(table.shape) != 2 or 0 in table.shape:
        raise ValueError(
            f"X must be a table of shape (n, n_features), got shape {tuple(table.shape)} (for "
            "images there is Heatmaps)"
        )
    return table


def _predictor(estimator: Any, pos_label: Any) -> Callable[[Any], Floats]:
    """Make what predicts one number a row."""
    if is_regressor(estimator):
        return lambda X: np.asarray(estimator.predict(X), dtype=np.float64).ravel()
    if not hasattr(estimator, "classes_"):
        check_is_fitted(estimator)
    known = np.asarray(getattr(estimator, "classes_", [])).tolist()
    if pos_label is None and len(known) != 2:
        raise ValueError(
            f"pos_label must name the class to explain; the estimator's classes are {listed(known)}"
        )
    if pos_label is not None and pos_label not in known:
        raise ValueError(f"pos_label={pos_label!r} is none of the classes {listed(known)}")
    column = 1 if pos_label is None else known.index(pos_label)
    if hasattr(estimator, "predict_proba"):
        return lambda X: np.asarray(estimator.predict_proba(X), dtype=np.float64)[:, column]

    def decide(X: Any) -> Floats:
        found = np.asarray(estimator.decision_function(X), dtype=np.float64)
        return found[:, column] if found.ndim == 2 else (2 * column - 1) * found

    return decide


Parts = list[tuple[Floats, Floats]]
"""Of each group, values of shape (m, n_features) to average, and their weights."""


def _shared_out(
    predict: Callable[[Any], Floats],
    X: Any,
    groups: Groups,
    weights: Floats | None,
    n_repeats: int,
    max_rows: int,
    rng: np.random.Generator,
) -> Parts:
    """Sample values, and let them add up to what the predictions of all rows tell."""
    shares = np.ones(len(groups)) if weights is None else weights
    shares = shares / shares.sum()
    above, totals = _above_mean(predict, X, groups, shares)
    values, held, targets = [], [], []
    for code in range(groups.n_groups):
        rows = np.flatnonzero((groups.codes == code) & (shares > 0))
        own = shares[rows]
        if len(rows) > max_rows:
            rows = rng.choice(rows, max_rows, p=own / own.sum())
            own = np.ones(max_rows)
        values.append(sampled_shapley(predict, X, rows, shares, n_repeats, rng))
        held.append(own)
        targets.append(above[rows])
    return list(zip(add_up(values, held, targets, totals), held, strict=True))


def _above_mean(
    predict: Callable[[Any], Floats], X: Any, groups: Groups, shares: Floats
) -> tuple[Floats, Floats]:
    """Predictions less their mean, 0 for rows without weight, and the means of the groups."""
    rows = np.flatnonzero(shares)
    above = np.zeros(len(shares))
    found = predict(X if len(rows) == len(shares) else take_rows(X, rows))
    if not np.isfinite(found).all():
        raise ValueError("the estimator's predictions are NaN or infinite")
    above[rows] = found - shares[rows] @ found
    means = np.bincount(groups.codes, shares * above, groups.n_groups)
    return above, divide(means, np.bincount(groups.codes, shares, groups.n_groups))


def _shuffled(
    estimator: Any,
    X: Any,
    y: Any,
    groups: Groups,
    weights: Floats | None,
    scoring: Any,
    n_repeats: int,
    n_jobs: int | None,
    rng: np.random.Generator,
) -> Parts:
    parts: Parts = []
    for code in range(groups.n_groups):
        rows = np.flatnonzero(groups.codes == code)
        if weights is not None and not weights[rows].any():
            parts.append((np.empty((0, len(column_names(X)))), np.empty(0)))
            continue
        found = permutation_importance(
            estimator,
            take_rows(X, rows),
            take_rows(y, rows),
            scoring=scoring,
            n_repeats=n_repeats,
            n_jobs=n_jobs,
            random_state=int(rng.integers(np.iinfo(np.int32).max)),
            sample_weight=None if weights is None else weights[rows],
        )
        parts.append((found.importances.T, np.ones(n_repeats)))
    return parts


def _table(
    parts: Parts,
    names: list[Any],
    groups: Groups,
    weights: Floats | None,
    confidence_level: float,
    method: str,
) -> pd.DataFrame:
    lines = []
    for j, name in enumerate(names):
        for code, (values, held) in enumerate(parts):
            if not len(held):
                limits, absolute = (np.nan,) * 3, np.nan
            else:
                limits = difference_of_means(values[:, j], held, confidence_level)
                absolute = float(np.average(np.abs(values[:, j]), weights=held))
            n = int((groups.codes == code).sum())
            lines.append((name, groups.labels[code], n, *limits, absolute))
    columns = ["feature", "group", "n", "mean", "low", "high", "mean_abs"]
    table = _frame(lines, columns)
    return table if method == "shapley" else table.drop(columns="mean_abs")


def _gaps(
    parts: Parts,
    names: list[Any],
    groups: Groups,
    weights: Floats | None,
    confidence_level: float,
) -> pd.DataFrame:
    """Compare each group's mean with that of all others, weighted by their sizes."""
    sizes = np.bincount(groups.codes, weights, groups.n_groups).astype(np.float64)
    lines = []
    for j, name in enumerate(names):
        moments = [_moments(values[:, j], held) for values, held in parts]
        means, variances, rows = (np.array(m) for m in zip(*moments, strict=True))
        for code in range(groups.n_groups if groups.n_groups > 1 else 0):
            signed = np.where(np.arange(groups.n_groups) == code, 0.0, -sizes)
            signed /= -signed.sum() or np.nan
            signed[code] = 1.0
            used = signed != 0
            difference = float(signed[used] @ means[used])
            terms = signed[used] ** 2 * variances[used]
            with np.errstate(divide="ignore", invalid="ignore"):  # groups of one row
                freedom = terms.sum() ** 2 / max((terms**2 / (rows[used] - 1)).sum(), 1e-300)
            half = t.ppf((1 + confidence_level) / 2, max(freedom, 1.0)) * np.sqrt(terms.sum())
            lines.append(
                (name, groups.labels[code], difference, difference - half, difference + half)
            )
    return _frame(lines, ["feature", "group", "difference", "low", "high"])


def _moments(values: Floats, held: Floats) -> tuple[float, float, float]:
    """Mean, its variance, and the effective number of values."""
    if not len(held):
        return np.nan, np.nan, np.nan
    shares = held / held.sum()
    n = 1 / float((shares**2).sum())
    mean = float(shares @ values)
    variance = float(shares**2 @ (values - mean) ** 2) * n / (n - 1) if n > 1 + 1e-9 else np.nan
    return mean, variance, n


def _frame(lines: list[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    values = list(zip(*lines, strict=True)) if lines else [()] * len(columns)
    return pd.DataFrame(
        {
            name: pd.Series(list(part), dtype=object if name in ("feature", "group") else None)
            for name, part in zip(columns, values, strict=True)
        }
    )
