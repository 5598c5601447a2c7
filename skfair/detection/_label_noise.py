"""Rows whose labels are suspected to be wrong, and their share within each group."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import cross_val_predict

from skfair._utils.encoding import sort_labels
from skfair._utils.optional import import_optional
from skfair._utils.text import listed
from skfair._utils.validation import check_same_length, check_weights, encode_labels
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import group_intervals
from skfair.groups import Groups, Missing
from skfair.tally import Tally

_FEWEST = 2  # classes among a group's labels: a threshold needs something to be confused with


@dataclass(frozen=True, eq=False)
class SuspectLabels:
    """What :func:`suspect_labels` found.

    Parameters
    ----------
    table : DataFrame of shape (n_groups, 6)
        Columns n, n_suspect, suspect_share, low, high and effective_n, indexed by group.
    ranking : DataFrame of shape (n_suspect, 4)
        The suspected rows, the most suspect first: columns group, label (the one given),
        suggested (the most probable of the group's labels) and score (low: suspect), indexed by
        position of the row.
    is_suspect : ndarray of bool of shape (n,)
        Whether each row is suspected.
    """

    table: pd.DataFrame
    ranking: pd.DataFrame
    is_suspect: NDArray[np.bool_]

    def __repr__(self) -> str:
        head = f"SuspectLabels: {len(self.ranking)} of {len(self.is_suspect)} rows are suspected"
        tables = [self.table.round(3).to_string(), self.ranking.head(10).round(3).to_string()]
        return "\n\n".join([head, *tables])


def suspect_labels(
    y: Any,
    pred_proba: Any = None,
    *,
    estimator: Any = None,
    X: Any = None,
    cv: Any = 5,
    sensitive_features: Any = None,
    classes: Sequence[Hashable] | None = None,
    rank_by: Literal["normalized_margin", "self_confidence"] = "normalized_margin",
    sample_weight: Any = None,
    confidence_level: float = 0.95,
    n_jobs: int | None = None,
    missing: Missing = "group",
) -> SuspectLabels:
    r"""Find rows whose label confident learning suspects, and their share within each group.

    A row of label i is confidently a j if its probability of j reaches that class's threshold, the
    mean probability of j among the rows labelled j. The counts C(i, j) of such rows estimate how
    many labels i are really j, and of the rows labelled i that many with the greatest margin of j
    are suspected (cleanlab's "prune by noise rate"), unless i is the most probable class.
    Thresholds and counts are those within the group, so that one group's noise doesn't move
    another's threshold. A class without labels in a group has no threshold there, and no row of the
    group is suspected of being one.

    The share of suspects is **no evidence that a group's labels are worse**. Where classes overlap,
    a row on the other side looks like a wrong label, and the share is biased upward: 5 % wrong
    labels read 12 % where the Bayes error is 16 %, and 5 % where it is 2 %. A group that the model
    knows less well gets more suspects. Have people look at suspects and at as many rows that
    aren't, blind, before anything is said about labels.

    Parameters
    ----------
    y : array-like of shape (n,)
        Given labels of any type.
    pred_proba : array-like of shape (n, n_classes), default=None
        Out-of-fold probabilities, one column a class. Those of a model that saw the row's label
        hide its errors.
    estimator : classifier, default=None
        Instead of ``pred_proba``: out-of-fold probabilities come from
        ``cross_val_predict(estimator, X, y, cv=cv, method="predict_proba")``.
    X : array-like of shape (n, n_features), default=None
        Features for ``estimator``.
    cv : int, splitter or iterable, default=5
        Folds for ``estimator``.
    sensitive_features : array-like of shape (n,) or (n, k), or dict, default=None
        Groups; without them all rows are the group "all".
    classes : sequence of labels, default=None
        Classes in the order of the columns; by default the sorted labels, as in ``classes_``.
    rank_by : {"normalized_margin", "self_confidence"}, default="normalized_margin"
        Score: the probability p of the given label, or :math:`(p - \max_{j \neq i} p_j + 1) / 2`.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights, for the share and its interval only.
    confidence_level : float, default=0.95
        Level of the intervals.
    n_jobs : int, default=None
        Number of jobs of the cross-validation.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    SuspectLabels
        Its ``table`` has the figure ``suspect_share`` with Wilson's interval, which covers the draw
        of rows and no error of the model.

    Raises
    ------
    ValueError
        Unless either ``pred_proba`` or ``estimator`` with X is given; if lengths or classes don't
        fit, probabilities aren't in [0, 1] or don't sum to 1, or there is only one class.
    ImportError
        If cleanlab isn't installed: ``pip install "skfair[audit]"``.

    Warns
    -----
    UndefinedMetricWarning
        If all labels of a group are the same, so that nothing can be told about them, or if a
        group has no weight: its share is NaN. The message names the group.

    References
    ----------
    Northcutt, C. G., Jiang, L. and Chuang, I. L. (2021). Confident learning: estimating
    uncertainty in dataset labels. Journal of Artificial Intelligence Research 70.
    https://doi.org/10.1613/jair.1.12125

    Examples
    --------
    >>> y = ["no"] * 4 + ["yes"] * 4
    >>> pred_proba = [[0.9, 0.1]] * 4 + [[0.2, 0.8]] * 3 + [[0.95, 0.05]]
    >>> found = suspect_labels(y, pred_proba)  # doctest: +SKIP
    >>> found.ranking  # doctest: +SKIP
      group label suggested  score
    7   all   yes        no   0.05
    """
    if rank_by not in ("normalized_margin", "self_confidence"):
        raise ValueError(
            f'rank_by must be "normalized_margin" or "self_confidence", got {rank_by!r}'
        )
    codes, known = _encode(y, classes)
    weights = check_weights(sample_weight, len(codes))
    groups = Groups.single(len(codes), name="group")
    if sensitive_features is not None:
        groups = Groups.read(sensitive_features, missing=missing)
    check_same_length(y=codes, sensitive_features=groups)
    if (pred_proba is None) == (estimator is None) or (estimator is None) != (X is None):
        raise ValueError("give either pred_proba=, or estimator= and X=")
    if estimator is not None:
        pred_proba = _out_of_fold(estimator, X, codes, known, cv, n_jobs)
    proba = _check_probabilities(pred_proba, len(codes), known)
    suspect, undefined = _find(codes, proba, groups)
    table = _table(suspect, groups, weights, confidence_level, undefined)
    lost = [
        label
        for label, share in zip(groups.labels, table["suspect_share"], strict=True)
        if np.isnan(share)
    ]
    if lost:
        warn_undefined_metric(
            f"suspect_share is undefined and NaN for groups {listed(lost)}: all labels are the "
            "same, or the weights are 0"
        )
    return SuspectLabels(table, _ranking(suspect, codes, proba, groups, known, rank_by), suspect)


def _encode(
    y: Any, classes: Sequence[Hashable] | None
) -> tuple[NDArray[np.intp], tuple[Hashable, ...]]:
    """Codes of the labels, and the classes in the order of the columns."""
    (codes,), found = encode_labels(("y", y))
    known = tuple(sort_labels(found)) if classes is None else tuple(classes)
    place = {label: i for i, label in enumerate(known)}
    if len(place) < len(known) or not set(found) <= set(known):
        raise ValueError(f"classes {listed(known)} don't hold the labels {listed(found)} once each")
    if len(known) < _FEWEST:
        raise ValueError(f"y has one class, {found[0]!r}: there is nothing to confuse it with")
    return np.array([place[label] for label in found], dtype=np.intp)[codes], known


def _out_of_fold(
    estimator: Any,
    X: Any,
    codes: NDArray[np.intp],
    known: tuple[Hashable, ...],
    cv: Any,
    n_jobs: int | None,
) -> NDArray[np.float64]:
    labels = np.asarray(known)[codes]
    found = np.unique(labels)
    proba = cross_val_predict(estimator, X, labels, cv=cv, method="predict_proba", n_jobs=n_jobs)
    columns = np.zeros((len(codes), len(known)))
    columns[:, [known.index(label) for label in found.tolist()]] = proba
    return columns


def _check_probabilities(
    pred_proba: Any, n: int, known: tuple[Hashable, ...]
) -> NDArray[np.float64]:
    proba = np.asarray(pred_proba, dtype=np.float64)
    if proba.ndim != 2 or proba.shape[1] != len(known):
        raise ValueError(
            f"pred_proba has shape {proba.shape}: it needs a column for each of the {len(known)} "
            f"classes {listed(known)}; pass classes= if some don't occur in y"
        )
    check_same_length(y=range(n), pred_proba=proba)
    inside = np.isfinite(proba).all() and (proba >= 0).all() and (proba <= 1).all()
    if not inside or not np.allclose(proba.sum(axis=1), 1, atol=1e-3):
        raise ValueError("pred_proba must be probabilities: in [0, 1], with rows that sum to 1")
    return proba


def _find(
    codes: NDArray[np.intp], proba: NDArray[np.float64], groups: Groups
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Suspects by thresholds within each group, and the groups for which nothing can be told."""
    cleanlab = import_optional("cleanlab.filter", extra="audit", purpose="suspect_labels")
    suspect = np.zeros(len(codes), dtype=bool)
    undefined = np.zeros(groups.n_groups, dtype=bool)
    for code in range(groups.n_groups):
        rows = np.flatnonzero(groups.codes == code)
        present, labels = np.unique(codes[rows], return_inverse=True)
        undefined[code] = len(present) < _FEWEST
        if not undefined[code]:
            suspect[rows] = cleanlab.find_label_issues(
                labels, proba[np.ix_(rows, present)], filter_by="prune_by_noise_rate", n_jobs=1
            )
    return suspect, undefined


def _table(
    suspect: NDArray[np.bool_],
    groups: Groups,
    weights: NDArray[np.float64] | None,
    level: float,
    undefined: NDArray[np.bool_],
) -> pd.DataFrame:
    tally = Tally.from_arrays(suspect, suspect, groups, sample_weight=weights)
    found = group_intervals(tally, "selection_rate", confidence_level=level)
    counted = suspect if weights is None else suspect & (weights > 0)
    n_suspect = np.bincount(groups.codes[counted], minlength=groups.n_groups)
    columns = {
        "n": tally.group_counts,
        "n_suspect": n_suspect,
        "suspect_share": found.rate,
        "low": found.low,
        "high": found.high,
        "effective_n": found.effective_size,
    }
    table = pd.DataFrame(columns, index=groups.to_index())
    table.loc[undefined, ["suspect_share", "low", "high"]] = np.nan
    return table


def _ranking(
    suspect: NDArray[np.bool_],
    codes: NDArray[np.intp],
    proba: NDArray[np.float64],
    groups: Groups,
    known: tuple[Hashable, ...],
    rank_by: str,
) -> pd.DataFrame:
    rank = import_optional("cleanlab.rank", extra="audit", purpose="suspect_labels")
    rows = np.flatnonzero(suspect)
    score = []
    if len(rows):
        score = rank.get_label_quality_scores(codes[rows], proba[rows], method=rank_by)
    names: list[Any] = list(known)
    occurs = np.zeros((groups.n_groups, len(known)), dtype=bool)
    occurs[groups.codes, codes] = True
    likely = np.where(occurs[groups.codes[rows]], proba[rows], -1.0).argmax(axis=1)
    columns = {
        "group": pd.Series([groups.labels[code] for code in groups.codes[rows]], dtype=object),
        "label": [names[code] for code in codes[rows]],
        "suggested": [names[code] for code in likely],
        "score": np.asarray(score, dtype=np.float64),
    }
    table = pd.DataFrame(columns)
    table.index = pd.Index(rows, name="row")
    return table.iloc[np.argsort(table["score"].to_numpy(), kind="stable")]
