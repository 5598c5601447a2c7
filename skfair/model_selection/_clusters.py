"""Splits that keep copies of a row on one side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from sklearn.utils import check_random_state

from skfair._utils.validation import check_count, check_same_length, encode_labels, refuse_fractions
from skfair.groups import Groups, Missing, cross


def cluster_ids(clusters: ArrayLike) -> NDArray[np.int64]:
    """Give each row without a copy a cluster of its own.

    What comes out is what scikit-learn's splitters take as ``groups``: ``GroupKFold``,
    ``StratifiedGroupKFold``, ``GroupShuffleSplit`` and others.

    Parameters
    ----------
    clusters : array-like of int of shape (n,)
        As :func:`skfair.similarity.cluster_pairs` gives them: -1 for a row without a copy.

    Returns
    -------
    ids : ndarray of int of shape (n,)

    Raises
    ------
    ValueError
        If clusters are no integers, or not of one dimension.

    Examples
    --------
    >>> cluster_ids([0, -1, 0, -1, 1, 1]).tolist()
    [0, 2, 0, 3, 1, 1]
    """
    found = np.asarray(clusters)
    if found.ndim != 1 or found.dtype.kind not in "iu" or len(found) == 0:
        raise ValueError(
            "clusters must be one integer a row, -1 for a row without a copy; got an array of "
            f"type {found.dtype} and shape {found.shape}"
        )
    ids = found.astype(np.int64)
    lonely = np.flatnonzero(ids < 0)
    ids[lonely] = ids.max(initial=-1) + 1 + np.arange(len(lonely))
    return ids


def split_without_leakage(
    clusters: ArrayLike,
    y: Any = None,
    *,
    sensitive_features: Any = None,
    n_splits: int = 5,
    shuffle: bool = False,
    random_state: Any = None,
    missing: Missing = "group",
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Part rows into folds, copies of each other always in the same one.

    A copy of a test row among the training rows flatters the evaluation. The folds are those of
    scikit-learn's ``StratifiedGroupKFold``, stratified on label x group as far as clusters allow,
    or of its ``GroupKFold`` where neither is given. They can be passed as ``cv=`` to searches and
    ``cross_validate``.

    Parameters
    ----------
    clusters : array-like of int of shape (n,)
        Cluster of copies of each row, -1 for a row without one: ``clusters_`` of
        :class:`skfair.vision.ImageHealthCheck`, ``clusters`` of
        :func:`skfair.detection.find_duplicates`.
    y : array-like of shape (n,), default=None
        Labels.
    sensitive_features : array-like of shape (n,) or (n, k), default=None
        Groups.
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether clusters are shuffled first.
    random_state : int, RandomState or None, default=None
        Seed of the shuffling.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Returns
    -------
    folds : list of (train, test)
        Rows of each fold, arrays of int.

    Raises
    ------
    ValueError
        If lengths differ, there are fewer clusters or rows of every cell than folds, y is
        continuous, or ``random_state`` is given without ``shuffle``.

    Warns
    -----
    UserWarning
        If a cell of label and group has fewer rows than there are folds.

    Examples
    --------
    >>> folds = split_without_leakage([0, -1, 0, -1, 1, 1], list("aaabbb"), n_splits=2)
    >>> [test.tolist() for _, test in folds]
    [[0, 2, 3], [1, 4, 5]]
    """
    check_count("n_splits", n_splits, least=2)
    ids = cluster_ids(clusters)
    if random_state is not None and not shuffle:
        raise ValueError("random_state has no effect without shuffle=True")
    if y is None and sensitive_features is None:
        if shuffle:  # GroupKFold of scikit-learn 1.6 doesn't, and takes clusters by size first
            ids = check_random_state(random_state).permutation(ids.max() + 1)[ids]
        return list(GroupKFold(n_splits).split(ids, groups=ids))
    groups = Groups.single(len(ids))
    if sensitive_features is not None:
        groups = Groups.read(sensitive_features, missing=missing)
    (codes,), classes = encode_labels(("y", groups.codes if y is None else y))
    refuse_fractions(classes)
    check_same_length(clusters=ids, y=codes, sensitive_features=groups)
    cells = cross(codes, len(classes), groups)
    splitter = StratifiedGroupKFold(n_splits, shuffle=shuffle, random_state=random_state)
    return list(splitter.split(ids, cells, ids))
