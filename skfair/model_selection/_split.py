"""A K-fold whose folds have the same share of every label x group cell."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRequest

from skfair._utils.validation import check_same_length, encode_labels
from skfair.base import read_groups, withdraw_request
from skfair.groups import ColumnSpec, Missing, cross


class GroupLabelStratifiedKFold(BaseCrossValidator):
    """K folds, stratified on label x group.

    Each fold's test set has the same number of rows of each (label, group) cell, give or take one,
    so that no fold lacks the positives of a small group by bad luck. Labels alone, and the folds'
    sizes, are balanced to within one row too.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X. None: pass ``sensitive_features=`` to ``split``; with metadata routing on,
        searches and ``cross_validate`` do, since the splitter asks for them.
    shuffle : bool, default=False
        Whether rows are shuffled within their cells before they are dealt out.
    random_state : int, RandomState or None, default=None
        Seed of the shuffling.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.zeros((8, 1)), [0, 0, 1, 1, 0, 0, 1, 1]
    >>> sex = list("ffffmmmm")
    >>> folds = GroupLabelStratifiedKFold(2).split(X, y, sensitive_features=sex)
    >>> [test.tolist() for train, test in folds]
    [[0, 2, 4, 6], [1, 3, 5, 7]]
    """

    __metadata_request__split = {"sensitive_features": True}  # noqa: RUF012

    def __init__(
        self,
        n_splits: int = 5,
        *,
        sensitive_features: ColumnSpec | None = None,
        shuffle: bool = False,
        random_state: Any = None,
        missing: Missing = "group",
    ) -> None:
        self.n_splits = n_splits
        self.sensitive_features = sensitive_features
        self.shuffle = shuffle
        self.random_state = random_state
        self.missing = missing

    def get_n_splits(
        self, X: Any = None, y: Any = None, groups: Any = None, *, sensitive_features: Any = None
    ) -> int:
        """Return the number of folds; the arguments are there for scikit-learn's sake."""
        return self.n_splits

    def split(
        self, X: Any, y: Any, groups: Any = None, *, sensitive_features: Any = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the rows of training and test set of each fold.

        Parameters
        ----------
        X : array-like or data frame of shape (n, n_features)
            Only read where the constructor names columns; None elsewhere is fine.
        y : array-like of shape (n,)
            Labels.
        groups : object
            Ignored; there for scikit-learn's sake.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.

        Yields
        ------
        train, test : ndarray of int

        Raises
        ------
        ValueError
            If groups are given twice or not at all, or there are fewer rows than folds.

        Warns
        -----
        UserWarning
            If a cell has fewer rows than there are folds; the message names it.
        """
        fold = self._assign_folds(X, y, sensitive_features)
        rows = np.arange(len(fold))
        for k in range(self.n_splits):
            yield rows[fold != k], rows[fold == k]

    def _assign_folds(self, X: Any, y: Any, sensitive_features: Any) -> NDArray[np.intp]:
        if not isinstance(self.n_splits, int | np.integer) or self.n_splits < 2:
            raise ValueError(f"n_splits must be an integer of at least 2, got {self.n_splits!r}")
        if self.random_state is not None and not self.shuffle:
            raise ValueError("random_state has no effect without shuffle=True")
        sensitive = read_groups(
            y if X is None and self.sensitive_features is None else X,
            sensitive_features,
            columns=self.sensitive_features,
            missing=self.missing,
            owner=type(self).__name__,
        )
        (codes,), classes = encode_labels(("y", y))
        if any(isinstance(label, float) and not label.is_integer() for label in classes):
            raise ValueError("y is continuous, and only classes can be stratified: cut it first")
        check_same_length(y=codes, sensitive_features=sensitive)
        if len(codes) < self.n_splits:
            raise ValueError(
                f"Cannot have number of splits n_splits={self.n_splits} greater than the number "
                f"of samples: n_samples={len(codes)}"
            )
        cells = cross(codes, len(classes), sensitive)
        self._warn_small_cells(
            np.bincount(cells, minlength=len(classes) * sensitive.n_groups),
            classes,
            sensitive.labels,
        )
        return _deal(
            cells, self.n_splits, self.random_state if self.shuffle else None, self.shuffle
        )

    def _warn_small_cells(
        self, counts: NDArray[np.intp], classes: Sequence[Any], groups: Sequence[Any]
    ) -> None:
        small = np.flatnonzero(counts < self.n_splits).tolist()
        if small:
            named = [
                f"label {classes[cell // len(groups)]!r} of group {groups[cell % len(groups)]!r}: "
                f"{counts[cell]}"
                for cell in small[:10]
            ]
            more = f"; ... and {len(small) - 10} more" if len(small) > 10 else ""
            warnings.warn(
                f"cells with fewer rows than the {self.n_splits} folds, so some folds lack them: "
                + "; ".join(named)
                + more,
                UserWarning,
                stacklevel=4,
            )

    def get_metadata_routing(self) -> MetadataRequest:
        """Tell scikit-learn whether the splitter asks for sensitive features."""
        request = self._get_metadata_request()
        return withdraw_request(request, from_columns=self.sensitive_features is not None)


def _deal(
    cells: NDArray[np.integer], n_splits: int, random_state: Any, shuffle: bool
) -> NDArray[np.intp]:
    """Deal the rows, cell by cell, to the folds in turn, as one deals cards."""
    order = np.arange(len(cells))
    if shuffle:
        order = check_random_state(random_state).permutation(len(cells))
    order = order[np.argsort(cells[order], kind="stable")]
    fold = np.empty(len(cells), dtype=np.intp)
    fold[order] = np.arange(len(cells)) % n_splits
    return fold
