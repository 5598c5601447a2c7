"""Proxies: which features give a sensitive one away."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import entropy
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from skfair._utils.arrays import divide
from skfair._utils.validation import check_same_length, check_weights, generator
from skfair.detection._features import Feature, read_features
from skfair.groups import Groups, Missing
from skfair.tally import count_cells

Floats = NDArray[np.float64]

_LEAVES = 8
_PRIOR_ROWS = 10.0


def find_proxies(
    X: Any,
    *,
    sensitive_features: Any,
    columns: Sequence[str | int] | None = None,
    n_bins: int = 10,
    cv: int = 5,
    sample_weight: Any = None,
    missing: Missing = "group",
    random_state: Any = 0,
) -> pd.DataFrame:
    r"""Rank features by how well each, alone, tells the groups apart.

    Leaving a sensitive column out of X doesn't help where others stand in for it. Two figures say
    how much a column knows: the normalised mutual information of its values V and the groups S,

    .. math:: \frac{2\, I(V; S)}{H(V) + H(S)},

    in [0, 1], and the AUC, on held-out folds, of a decision tree of at most eight leaves that
    predicts the group from that column (0.5: nothing; several groups: each against the rest,
    averaged by size). Values without an order enter the tree as the groups' shares among their
    training rows, so a column of hundreds of postcodes can be seen through, too. The mutual
    information rises with the number of values even where they know nothing; the AUC doesn't.
    Numeric columns are binned, missing values are a value like others.

    Parameters
    ----------
    X : data frame or matrix of shape (n, n_features)
        Features; of any type.
    sensitive_features : array-like of shape (n,) or (n, k), dict or Groups
        Each of several columns, and their intersection, is looked for by itself.
    columns : sequence of str or int, default=None
        The columns of X to look at; all by default.
    n_bins : int, default=10
        Most bins of a numeric column.
    cv : int, default=5
        Number of folds, each with all groups; groups of fewer rows have no AUC.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    random_state : int, RandomState instance or None, default=0
        Deals the rows to the folds.

    Returns
    -------
    DataFrame
        Columns sensitive_feature, feature, normalized_mutual_information and auc, the greatest
        AUC first within each sensitive feature.

    Raises
    ------
    ValueError
        If lengths differ or a column isn't there.

    Warns
    -----
    UserWarning
        If a column is left out because its values are no groups.

    References
    ----------
    Vinh, N. X., Epps, J. and Bailey, J. (2010). Information theoretic measures for clusterings
    comparison. JMLR 11. https://www.jmlr.org/papers/v11/vinh10a.html

    Examples
    --------
    >>> titles, coins = ["Ms", "Mr"] * 50, ["heads", "heads", "tails", "tails"] * 25
    >>> X = pd.DataFrame({"title": titles, "coin": coins})
    >>> find_proxies(X, sensitive_features={"sex": ["f", "m"] * 50}, cv=2).round(2)
      sensitive_feature feature  normalized_mutual_information  auc
    0               sex   title                            1.0  1.0
    1               sex    coin                            0.0  0.5
    """
    groups = Groups.read(sensitive_features, missing=missing).check_length(X)
    weights = check_weights(sample_weight, len(groups))
    features = read_features(X, columns=columns, n_bins=n_bins)
    return rank_proxies(features, groups, weights, cv=cv, random_state=random_state)


def rank_proxies(
    features: Sequence[Feature],
    groups: Groups,
    weights: Floats | None,
    *,
    cv: int = 5,
    random_state: Any = 0,
) -> pd.DataFrame:
    """Rank features that have been read; see :func:`find_proxies`."""
    alone = groups.split()
    wanted = alone if len(alone) == 1 else (*alone, groups)
    rows = []
    for sensitive in wanted:
        folds = _folds(sensitive, cv, random_state)
        for feature in features:
            check_same_length(X=feature.groups, sensitive_features=sensitive)
            rows.append(
                (sensitive.name, feature.name, *_strength(feature, sensitive, folds, weights))
            )
    return ranked_proxies(rows, [sensitive.name for sensitive in wanted])


def ranked_proxies(
    rows: Sequence[tuple[str, Any, float, float]], sensitive: Sequence[str]
) -> pd.DataFrame:
    """Lay out strengths (sensitive feature, feature, information, AUC), the greatest first."""
    names = ["sensitive_feature", "feature", "normalized_mutual_information", "auc"]
    table = pd.DataFrame(rows, columns=names)
    place = {name: i for i, name in enumerate(sensitive)}
    order = np.lexsort(
        (
            -table["normalized_mutual_information"],
            -table["auc"].fillna(0.0),
            table["sensitive_feature"].map(place),
        )
    )
    return table.iloc[order].reset_index(drop=True)


def _folds(groups: Groups, cv: int, random_state: Any) -> NDArray[np.intp] | None:
    """Fold of each row; -1 for rows of groups too small to be in every fold, None if too few."""
    size = np.bincount(groups.codes, minlength=groups.n_groups)
    kept = np.flatnonzero((size >= cv)[groups.codes])
    if (size >= cv).sum() < 2:
        return None
    folds = np.full(len(groups), -1)
    splitter = StratifiedKFold(cv, shuffle=True, random_state=random_state)
    for i, (_, test) in enumerate(splitter.split(kept, groups.codes[kept])):
        folds[kept[test]] = i
    return folds


def _strength(
    feature: Feature, groups: Groups, folds: NDArray[np.intp] | None, weights: Floats | None
) -> tuple[float, float]:
    n_values, n_groups = feature.groups.n_groups, groups.n_groups
    n_folds = 0 if folds is None else int(folds.max()) + 1
    place = np.zeros(len(groups), dtype=np.intp) if folds is None else folds + 1
    shape = (n_folds + 1, n_values, n_groups)
    table = count_cells([place, feature.groups.codes, groups.codes], shape, weights)[0]
    auc = held_out_auc(table[1:], is_ordered=feature.numbers is not None)
    return normalized_mutual_information(table.sum(axis=0)), auc


def deal(rows: NDArray[np.int64], weight: Floats, cv: int = 5, random_state: Any = 0) -> Floats:
    """Deal the rows of a table of (value, group) to folds without touching a row.

    Each fold gets the same number of a group's rows, give or take one, at random: numbers of rows
    by value are then hypergeometric. Rows of a value and group weigh alike. Groups of fewer rows
    than folds are left out.

    Parameters
    ----------
    rows : ndarray of int of shape (n_values, n_groups)
    weight : ndarray of float of shape (n_values, n_groups)
    cv : int, default=5
    random_state : int, RandomState, Generator or None, default=0

    Returns
    -------
    weight : ndarray of float of shape (cv, n_values, n_groups), or (0, n_values, n_groups)
        Without folds where fewer than two groups have rows enough.

    Examples
    --------
    >>> deal(np.array([[4, 0], [0, 2]]), np.array([[4.0, 0.0], [0.0, 3.0]]), cv=2).tolist()
    [[[2.0, 0.0], [0.0, 1.5]], [[2.0, 0.0], [0.0, 1.5]]]
    """
    kept = np.flatnonzero(rows.sum(axis=0) >= cv)
    if len(kept) < 2:
        return np.zeros((0, *rows.shape))
    rng = generator(random_state)
    dealt = np.zeros((cv, *rows.shape))
    for g in kept:
        left = rows[:, g].astype(np.int64)
        for fold in range(cv):
            size = -(-int(left.sum()) // (cv - fold))
            dealt[fold, :, g] = rng.multivariate_hypergeometric(left, size, method="marginals")
            left = left - dealt[fold, :, g].astype(np.int64)
    return dealt * np.nan_to_num(divide(weight, rows.astype(np.float64)))


def normalized_mutual_information(table: Floats) -> float:
    """Twice the mutual information over the sum of entropies; 0 where there is nothing to know.

    Examples
    --------
    >>> normalized_mutual_information(np.array([[5.0, 0.0], [0.0, 5.0]]))
    1.0
    """
    if table.sum() == 0:
        return float("nan")
    entropies = entropy(table.sum(axis=0)) + entropy(table.sum(axis=1))
    if entropies <= 0:
        return 0.0
    return float(np.clip(2 * (entropies - entropy(table, axis=None)) / entropies, 0, 1))


def held_out_auc(folds: Floats, *, is_ordered: bool) -> float:
    """Average AUC of held-out folds, from sums of shape (n_folds, n_values, n_groups)."""
    total = folds.sum(axis=0)
    kept = np.flatnonzero((folds.sum(axis=1) > 0).all(axis=0))
    if len(folds) == 0 or len(kept) < 2:
        return float("nan")
    scores = np.stack([_predict(total - held, kept, is_ordered) for held in folds])
    areas = [_areas(score, held[:, kept]) for score, held in zip(scores, folds, strict=True)]
    return float(np.average(areas, weights=folds[..., kept].sum(axis=1)))


def _areas(scores: Floats, weights: Floats) -> Floats:
    """AUC of each group against the rest, from the scores and weights of (value, group)."""
    leaves, places = np.unique(scores, axis=0, return_inverse=True)
    inside = np.zeros_like(leaves)
    np.add.at(inside, places.ravel(), weights)
    outside = np.maximum(inside.sum(axis=1, keepdims=True) - inside, 0.0)
    above = (leaves[:, None] > leaves) + 0.5 * (leaves[:, None] == leaves)
    pairs = np.einsum("ug,vg,uvg->g", inside, outside, above)
    return pairs / (inside.sum(axis=0) * outside.sum(axis=0))


def _predict(train: Floats, kept: NDArray[np.intp], is_ordered: bool) -> Floats:
    """Chances of the kept groups for each value, by a tree fitted to sums of (value, group).

    Values without an order are told apart by the groups' shares among their training rows, drawn
    towards those of all rows, so that a leaf can hold many values.
    """
    own = train[:, kept]
    inputs: NDArray[Any] = np.arange(len(own))[:, None]
    if not is_ordered:
        shares = own.sum(axis=0) / own.sum()
        inputs = (own + _PRIOR_ROWS * shares) / (own.sum(axis=1, keepdims=True) + _PRIOR_ROWS)
    values, groups = np.nonzero(own > 0)
    tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, random_state=0)
    with warnings.catch_warnings():  # a row here is many
        warnings.filterwarnings("ignore", "The number of unique classes is greater")
        tree.fit(inputs[values], groups, sample_weight=own[values, groups])
    return np.asarray(tree.predict_proba(inputs))
