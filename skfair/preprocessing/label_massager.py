"""LabelMassager: change the labels nearest a decision boundary until base rates meet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.arrays import divide
from skfair._utils.columns import n_rows
from skfair._utils.text import listed
from skfair._utils.validation import check_count, check_same_length
from skfair.base import BaseResamplingMitigator, Resampled, round_to_total
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.preprocessing._cells import positive_of, read_labels, take_labels
from skfair.preprocessing._ranker import rank_scores
from skfair.tally import count_cells

Floats = NDArray[np.float64]


def labels_to_flip(
    positive: NDArray[np.bool_],
    codes: NDArray[np.integer],
    n_groups: int,
    scores: Floats,
    weights: Floats | None = None,
    max_flips: int | None = None,
) -> NDArray[np.intp]:
    r"""Choose the rows whose labels change so that every group has the overall base rate.

    A group of weight :math:`n_g` and base rate :math:`p_g` has to gain or lose
    :math:`n_g |p - p_g|` of positive weight: negatives of the highest scores are promoted, or
    positives of the lowest scores demoted, up to the number that comes nearest. With fewer flips
    allowed, every group gets its share of them; without weights as many are promoted as demoted, so
    that the overall rate stays.

    Parameters
    ----------
    positive : ndarray of bool of shape (n,)
    codes : ndarray of int of shape (n,)
        Groups.
    n_groups : int
    scores : ndarray of float of shape (n,)
        Greater is more likely positive.
    weights : ndarray of float of shape (n,), default=None
    max_flips : int, default=None
        Most rows to change.

    Returns
    -------
    rows : ndarray of int
        Group by group, the nearest to the boundary first.

    Examples
    --------
    >>> positive = np.array([True, False, False, False, True, True, True, False])
    >>> scores = np.array([0.9, 0.6, 0.2, 0.1, 0.9, 0.4, 0.8, 0.3])
    >>> labels_to_flip(positive, np.repeat([0, 1], 4), 2, scores).tolist()
    [1, 5]
    """
    sums = count_cells([codes, positive.astype(np.int8)], (n_groups, 2), weights)[0]
    size = sums.sum(axis=1)
    due = size * (sums[:, 1].sum() / size.sum()) - sums[:, 1]
    chosen = []
    for group in range(n_groups):
        promoted = due[group] > 0
        rows = np.flatnonzero((codes == group) & (positive != promoted))
        order = rows[np.argsort(-scores[rows] if promoted else scores[rows], kind="stable")]
        order = order if weights is None else order[weights[order] > 0]
        moved = np.cumsum(np.ones(len(order)) if weights is None else weights[order])
        n = int(np.searchsorted(moved, abs(due[group]) * (1 + 1e-12), side="right"))
        over = moved[n] - abs(due[group]) if n < len(moved) else np.inf
        under = abs(due[group]) - (moved[n - 1] if n else 0.0)
        chosen.append(order[: n + (over < under)])
    total = sum(map(len, chosen))
    if max_flips is not None and total > max_flips:
        numbers = np.array([len(rows) for rows in chosen])
        if weights is None:
            shares = _paired_shares(numbers, due > 0, max_flips)
        else:
            shares = (numbers * max_flips / total).astype(np.int64)
        chosen = [rows[:n] for rows, n in zip(chosen, shares, strict=True)]
    return np.concatenate(chosen).astype(np.intp)


def _paired_shares(
    numbers: NDArray[np.integer], promotes: NDArray[np.bool_], most: int
) -> NDArray[np.integer]:
    """Shares of at most so many flips, half of them in groups that promote."""
    shares = np.zeros_like(numbers)
    half = min(most // 2, numbers[promotes].sum(), numbers[~promotes].sum())
    for side in (promotes, ~promotes):
        if half:
            shares[side] = round_to_total(numbers[side] * half / numbers[side].sum(), half)
    return shares


class LabelMassager(BaseResamplingMitigator):
    """Fit an estimator after changing the labels nearest a decision boundary.

    Groups with fewer positives than overall get some more, the others lose some, until all have the
    overall base rate. The changed rows are those that a ranker finds closest to the other class.
    This rewrites what the data say: the list of what was changed is in ``flips_``.

    Parameters
    ----------
    estimator : estimator, default=None
        Any classifier or Pipeline; None: a sampler for ``imblearn.pipeline.Pipeline``.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.
    ranker : estimator, default=None
        A classifier with probabilities, asked out of fold; a clone of the estimator by default. It
        gets the labels and weights as they are, and groups that come as metadata if it asks for
        them.
    max_flips : int, default=None
        Most labels to change; the gap is then narrowed, not closed. Without weights as many are
        promoted as demoted.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,)
        Its classes.
    flips_ : DataFrame
        A row a changed label: row (position), group, old, new, score.
    base_rates_ : DataFrame of shape (n_groups, 2)
        Each group's base rate before and after.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Raises
    ------
    ValueError
        If there are more or fewer than two classes, or the positive one can't be told.

    References
    ----------
    Kamiran, F. and Calders, T. (2012). Data preprocessing techniques for classification without
    discrimination. Knowledge and Information Systems 33. https://doi.org/10.1007/s10115-011-0463-8

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"male": [0, 0, 0, 0, 1, 1, 1, 1], "skill": [1, 2, 3, 4, 1, 2, 3, 4]})
    >>> y = [0, 0, 0, 1, 0, 1, 1, 1]
    >>> model = LabelMassager(LogisticRegression(), sensitive_features="male")
    >>> model.fit(X, y).base_rates_["after"].tolist()
    [0.5, 0.5]
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        sensitive_features: ColumnSpec | None = None,
        ranker: Any = None,
        max_flips: int | None = None,
        pos_label: Any = None,
        missing: Missing = "group",
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.ranker = ranker
        self.max_flips = max_flips
        self.pos_label = pos_label
        self.missing = missing

    def _resample(
        self, X: Any, y: Any, groups: Groups, sample_weight: NDArray[np.float64] | None
    ) -> Resampled:
        codes, classes = read_labels(y)
        check_same_length(X=range(n_rows(X)), y=codes)
        low, high = self._read_classes(codes, classes, sample_weight)
        positive = codes == high
        ranker = self.ranker if self.ranker is not None else self.estimator
        if ranker is None:
            raise ValueError("LabelMassager without an estimator needs a ranker: pass ranker=")
        given = groups if self.sensitive_features is None else None
        scores = rank_scores(
            ranker, X, y, positive, classes[high], weights=sample_weight, groups=given
        )
        flipped = labels_to_flip(
            positive, groups.codes, groups.n_groups, scores, sample_weight, self.max_flips
        )
        new = codes.astype(np.intp)
        new[flipped] = low + high - new[flipped]
        self._remember(groups, codes, new, classes, high, flipped, scores, sample_weight)
        labels = take_labels(y, codes, new)
        if isinstance(labels, pd.Series | pd.DataFrame):
            labels.index = y.index
        return Resampled(X, labels, groups, sample_weight, np.arange(len(new)))

    def _read_classes(
        self, codes: NDArray[np.integer], classes: tuple[Any, ...], weights: Floats | None
    ) -> tuple[int, int]:
        """Codes of the negative and the positive class, of those that have weight."""
        if self.max_flips is not None:
            check_count("max_flips", self.max_flips, least=0)
        there = np.unique(codes if weights is None else codes[weights > 0]).tolist()
        found = [classes[code] for code in there]
        if len(there) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass: "
                f"massaging needs two classes, got {listed(found)}"
            )
        place = positive_of(found, self.pos_label, type(self).__name__) if len(there) == 2 else None
        if place is None:
            raise ValueError(f"massaging needs two classes, got 1 class: {listed(found)}")
        return there[1 - place], there[place]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_class = False
        return tags

    def _remember(
        self,
        groups: Groups,
        old: NDArray[np.integer],
        new: NDArray[np.integer],
        classes: tuple[Any, ...],
        positive: int,
        flipped: NDArray[np.intp],
        scores: Floats,
        weights: Floats | None,
    ) -> None:
        labels = np.array(classes, dtype=object)
        shape = (groups.n_groups, len(classes))
        self.flips_ = pd.DataFrame(
            {
                "row": flipped,
                "group": pd.Series([groups.labels[g] for g in groups.codes[flipped]], dtype=object),
                "old": labels[old[flipped]],
                "new": labels[new[flipped]],
                "score": scores[flipped],
            }
        )
        rates = {}
        for name, codes in (("before", old), ("after", new)):
            sums = count_cells([groups.codes, codes], shape, weights)[0]
            rates[name] = divide(sums[:, positive], sums.sum(axis=1))
        self.base_rates_ = pd.DataFrame(rates, index=groups.to_index())
