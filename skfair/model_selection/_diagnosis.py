"""diagnose_fit: which groups a model underfits, overfits, or has too few rows of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.frozen import FrozenEstimator

from skfair._utils.validation import check_count, check_number, check_share, generator
from skfair.base import check_is_estimator, read_either
from skfair.groups import Missing
from skfair.model_selection._fit_display import FitDiagnosisDisplay
from skfair.model_selection._fit_tables import FitTables
from skfair.model_selection._fits import LabelledRows, read_splits
from skfair.model_selection._losses import Loss, Target
from skfair.model_selection._repeated_fits import RepeatedFits
from skfair.model_selection._verdicts import is_weaker, judge

TRAIN_SIZES = (0.125, 0.25, 0.5)


@dataclass(frozen=True, eq=False, repr=False)
class FitDiagnosis:
    """What :func:`diagnose_fit` found.

    Parameters
    ----------
    errors : DataFrame
        By group: rows ``n``; ``train``, ``validation`` and their ``gap``, each with ``_low`` and
        ``_high``.
    decomposition : DataFrame
        By group: ``error`` = ``bias`` + ``variance``, and their intervals. For 0/1 losses also
        ``variance_unbiased``, which adds to the error, and ``variance_biased``, which takes from
        it; the variance is their difference.
    learning_curve : DataFrame
        A row for each group and training size: what was ``thinned`` ("all rows" in proportion, or
        the group's "own rows" among all others), the ``fraction`` of training rows kept, ``rows``
        of the group and ``all_rows`` trained on, ``validation`` error with its interval, and
        ``fitted``, the power law there.
    rows_needed : DataFrame
        By weak group: ``rows`` at hand, the ``target`` (the best group's validation error plus
        ``tol``, at which a group is no longer weak),
        ``gain`` from the largest part of its rows to all of them (with limits), the ``extra`` rows
        by a power law with ``extra_low`` and ``extra_high`` (infinite: no number will do), and the
        ``answer`` in words.
    verdict : DataFrame
        By group: ``verdict`` ("underfits", "overfits", "lacks rows", "can't tell", "fine", "no
        rows") and ``reason``.
    loss : str
    confidence_level : float
    """

    errors: pd.DataFrame
    decomposition: pd.DataFrame
    learning_curve: pd.DataFrame
    rows_needed: pd.DataFrame
    verdict: pd.DataFrame
    loss: str
    confidence_level: float

    def __repr__(self) -> str:
        """Write the verdicts, a line a group."""
        rows = self.verdict.itertuples(name=None)
        return "\n".join(f"{label}: {word}: {reason}" for label, word, reason in rows)

    def plot(self, ax: Any = None) -> FitDiagnosisDisplay:
        """Draw errors, decomposition and learning curves.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        FitDiagnosisDisplay
            With ``axes_`` and ``figure_``.
        """
        return FitDiagnosisDisplay(diagnosis=self).plot(ax)


def diagnose_fit(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sensitive_features: Any,
    loss: Loss = "auto",
    cv: Any = 2,
    n_repeats: int = 10,
    train_sizes: Sequence[float] = TRAIN_SIZES,
    tol: float = 0.02,
    sample_weight: Any = None,
    params: Mapping[str, Any] | None = None,
    pos_label: Any = None,
    confidence_level: float = 0.95,
    n_jobs: int | None = None,
    random_state: Any = None,
    missing: Missing = "group",
) -> FitDiagnosis:
    r"""Tell for each group whether a model underfits, overfits or has too few rows.

    Clones are fitted to parts of the rows again and again, so that each row is predicted by
    several fits that haven't seen it. From these come the errors by group, their bias and variance
    (Domingos, 2000), and, with smaller training sets, learning curves. A group is weak if its
    validation error is above the best group's beyond chance and by more than ``tol``. The best
    group is the one with the lowest upper limit, so a few lucky rows don't make it; beyond chance
    is by intervals for all pairs of groups together (Sidak), so that among equal groups, however
    many, at most 5 % of diagnoses call any one weak. Verdicts:

    * "lacks rows": weak, and still learning: from the largest of the ``train_sizes`` to all of its
      own rows, its error falls beyond chance and by more than ``tol / 2``, and a power law through
      its learning curve may reach the best group's error plus ``tol``;
    * "overfits": more than half of the validation error, and more than ``tol``, arises on rows not
      trained on;
    * "underfits": weak in training as well, or no better than the best constant: not beyond chance,
      nor by ``tol`` or half of the constant's error. Bias and noise of labels can't be told apart
      with one label a row, so it may also be that the group's labels are noisier;
    * "can't tell": none of these, but the rows are too few to clear the group: by the upper limit
      its error may be more than ``5 * tol`` above the best group's, or, of the best group itself,
      above the figure;
    * "fine": none of these; "no rows": nothing to measure.

    Parameters
    ----------
    estimator : estimator
        Classifier or regressor, Pipeline or search; it stays as it is.
    X : data frame or array-like of shape (n, ...)
    y : array-like of shape (n,)
        Classes, or numbers for a regressor.
    sensitive_features : array-like of shape (n,) or (n, k), or columns of X
        Groups, or the name, position, Bins, list of them, or callable that gives them of X. Values
        go along to an estimator that asks for them.
    loss : {"auto", "zero_one", "false_negative_rate", "false_positive_rate", "squared"}
        "auto": "squared" for a regressor, else "zero_one". The rates are errors of the positive and
        of the other rows.
    cv : int, splitter, or iterable of (train, test), default=2
        A number deals folds balanced by label and group, ``n_repeats`` times. For means and other
        estimators that are smooth in the rows, the spread between fits to a share s of the rows
        is (1 - s) / s of that between new samples as large as all rows: with halves it is the
        same, with five folds a quarter. Estimators that follow single rows have less of it with
        halves (in simulations 0.85 for unpruned trees, 0.65 for one nearest neighbour): the rest
        of their variance is counted as bias. Other splits must test each row at least twice
        (``RepeatedStratifiedKFold``, ``ShuffleSplit``).
    n_repeats : int, default=10
        At least 2. No effect where ``cv`` is no number.
    train_sizes : sequence of float, default=(0.125, 0.25, 0.5)
        Shares of each training set for learning curves, beside 1; at least two, or none for no
        curves. They cost a fit each for every training set, and again for every weak group.
    tol : float, default=0.02
        Smallest difference of errors that matters; for squared loss, in variances of y.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights, for fits and errors; a row of weight 0 counts as no row.
    params : mapping, default=None
        Metadata for the estimator's ``fit``, divided as the rows where they are as long.
    pos_label : label, default=None
        The positive class of the two rates, where labels aren't {0, 1}, {-1, 1} or booleans.
    confidence_level : float, default=0.95
        Of the intervals of errors, which are over rows, and of ``extra``, which are percentiles of
        resampled curves: one repeat each (folds that share no row; of splits that overlap, a
        single fit), with its rows drawn again. For each weak group the curves hold 4 bytes for
        each row, repeat and training size.
    n_jobs : int, default=None
        Fits at a time.
    random_state : int, RandomState instance or None, default=None
        Seed of folds, of thinned training sets and of resampling.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Returns
    -------
    FitDiagnosis

    Raises
    ------
    ValueError
        If lengths differ, the estimator is frozen, or rows are tested less than twice.
    TypeError
        If the estimator is none, as a bare torch module.

    Warns
    -----
    UndefinedMetricWarning
        If a group has no row that counts; its figures are NaN.

    References
    ----------
    Domingos, P. (2000). A unified bias-variance decomposition for zero-one and squared loss. AAAI.
    Valentini, G. and Dietterich, T. G. (2004). Bias-variance analysis of support vector machines
    for the development of SVM-based ensemble methods. JMLR 5.
    https://www.jmlr.org/papers/v5/valentini04a.html
    Chen, I., Johansson, F. D. and Sontag, D. (2018). Why is my classifier discriminatory? NeurIPS.
    https://doi.org/10.48550/arXiv.1805.12002

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X, group = rng.normal(size=(600, 2)), np.repeat(["most", "few"], [500, 100])
    >>> y = np.where(group == "most", X[:, 0] > 0, X[:, 0] < 0)
    >>> found = diagnose_fit(
    ...     LogisticRegression(), X, y, sensitive_features=group, n_repeats=4, random_state=0
    ... )
    >>> found.verdict["verdict"].to_dict()
    {'few': 'underfits', 'most': 'fine'}
    >>> found.rows_needed["answer"].to_dict()
    {'few': "more rows of this group won't do"}
    """
    _check_options(estimator, n_repeats, train_sizes, tol, confidence_level)
    groups, values = read_either(X, sensitive_features, missing=missing, owner="diagnose_fit")
    metadata = {**(params or {}), "sensitive_features": values}
    rows = LabelledRows.read(X, y, groups, sample_weight, **metadata)
    target = Target.read(y, loss, pos_label, estimator)
    rng = generator(random_state)
    splits = read_splits(cv, rows, target.strata, n_repeats=n_repeats, seeds=rng)
    fits = RepeatedFits(estimator, rows, target, splits, n_jobs)
    tables = FitTables(rows, target, *fits.run(), confidence_level)
    errors, parts = tables.errors(), tables.decomposition()
    best, limits = tables.compare()
    apart = list(zip(*(end.tolist() for end in limits), strict=True))
    if not target.bounded:
        tol *= tables.variance()
    weak = [g for g in range(groups.n_groups) if is_weaker(apart[g], tol)]
    sizes = sorted(float(size) for size in train_sizes)
    curves = needed = pd.DataFrame()
    if sizes:
        curves, needed = tables.curves(fits, sizes, weak, best, tol, rng)
    constant, gain = tables.constants()
    verdicts = [
        judge(
            errors.iloc[g],
            parts.iloc[g],
            repr(groups.labels[best]),
            apart[g],
            needed.iloc[weak.index(g)] if sizes and g in weak else None,
            constant[g],
            (gain.value[g], gain.low[g]),
            tol,
        )
        for g in range(groups.n_groups)
    ]
    verdict = pd.DataFrame(verdicts, index=errors.index, columns=["verdict", "reason"])
    return FitDiagnosis(errors, parts, curves, needed, verdict, target.loss, confidence_level)


def _check_options(
    estimator: Any, n_repeats: int, train_sizes: Sequence[float], tol: float, level: float
) -> None:
    if isinstance(estimator, FrozenEstimator):
        raise ValueError(
            "a FrozenEstimator can't be fitted again, and the diagnosis is of fits: give the "
            "estimator itself"
        )
    check_is_estimator(estimator, "diagnose_fit")
    check_count("n_repeats", n_repeats, 2)
    check_number("tol", tol)
    check_share("confidence_level", level, ends=False)
    for size in train_sizes:
        check_share("train_sizes", size, ends=False)
    if len(set(train_sizes)) != len(train_sizes) or len(train_sizes) == 1:
        raise ValueError(
            f"train_sizes must be at least two distinct shares, or none, got {list(train_sizes)}"
        )
