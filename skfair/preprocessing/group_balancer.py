"""GroupBalancer: weight or draw rows so that the group can't be told from X and y."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from skfair._utils.arrays import divide
from skfair._utils.columns import column_positions, n_rows, select_column
from skfair._utils.encoding import factorize
from skfair._utils.text import listed
from skfair._utils.validation import check_same_length, generator
from skfair._utils.warning import warn_user
from skfair.base import BaseResamplingMitigator, Resampled, name_cells, sensitive_positions
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.preprocessing._cells import draw_rows, read_labels, take_fresh
from skfair.preprocessing._ranker import fit_folds
from skfair.tally import count_cells

Floats = NDArray[np.float64]

_MOST_CATEGORIES = 255
_SURE = 0.99
_MOST_KNOWN = 0.5


def balancing_weights(
    chance: Floats,
    groups: NDArray[np.integer],
    labels: NDArray[np.integer],
    shape: tuple[int, int],
    *,
    strategy: str = "keep",
    clip: float = 10.0,
    weights: Floats | None = None,
) -> tuple[Floats, float]:
    r"""Weights under which the group is independent of X within each label.

    .. math:: w_i = \frac{T(g_i, y_i)}{P(y_i)\, p(g_i \mid x_i, y_i)}

    where T is the wanted share of each group x label cell: "keep" the present one, "parity" the
    product of the margins, "balance" the same for all cells. In every cell, weights above ``clip``
    times their mean before any cut are cut to that, and then all are scaled to the cell's share.

    Parameters
    ----------
    chance : ndarray of float of shape (n,)
        Estimated chance of each row's own group given its features and label.
    groups, labels : ndarray of int of shape (n,)
    shape : tuple of 2 ints
        Numbers of groups and of labels.
    strategy : {"keep", "parity", "balance"}
    clip : float
    weights : ndarray of float of shape (n,), default=None
        Sampling weights.

    Returns
    -------
    weights : ndarray of float of shape (n,)
        Adding up to n.
    clipped : float
        Share of the rows whose weight was cut.

    Raises
    ------
    ValueError
        If a cell is empty that should not be, or the strategy or ``clip`` is none.
    """
    if not clip >= 1:
        raise ValueError(f"clip must be at least 1, got {clip!r}")
    observed = count_cells([groups, labels], shape, weights)[0]
    target = cell_shares(observed, strategy, range(shape[0]), range(shape[1]))
    own = np.ones(len(groups)) if weights is None else weights
    raw = 1 / np.maximum(chance, 1e-12)
    cells = [groups, labels]
    mean = divide(count_cells(cells, shape, raw * own)[0], count_cells(cells, shape, own)[0])
    limit = clip * np.nan_to_num(mean)[groups, labels]
    cut = np.minimum(raw, limit) * own
    total = count_cells(cells, shape, cut)[0]
    factor = np.nan_to_num(divide(target, total)) * len(groups)
    return cut * factor[groups, labels], float((raw > limit).mean())


def cell_shares(
    observed: Floats, strategy: str, groups: Sequence[Hashable], classes: Sequence[Hashable]
) -> Floats:
    """Wanted share of each group x label cell.

    Parameters
    ----------
    observed : ndarray of float of shape (n_groups, n_classes)
        Sums of weights. Groups and labels without any get no share.
    strategy : {"keep", "parity", "balance"}
    groups, classes : sequence
        Labels of the axes, for messages.

    Returns
    -------
    shares : ndarray of float of shape (n_groups, n_classes)

    Raises
    ------
    ValueError
        If a cell is empty that should not be, or the strategy is none.

    Examples
    --------
    >>> cell_shares(np.array([[1.0, 3.0], [2.0, 2.0]]), "parity", "fm", [0, 1])
    array([[0.1875, 0.3125],
           [0.1875, 0.3125]])
    """
    if strategy not in ("keep", "parity", "balance"):
        raise ValueError(f'strategy must be "keep", "parity" or "balance", got {strategy!r}')
    share = observed / observed.sum()
    expected = share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)
    alive = expected > 0
    target = {"keep": share, "parity": expected, "balance": alive / alive.sum()}[strategy]
    empty = (share == 0) & (target > 0)
    if empty.any():
        raise ValueError(
            f"strategy={strategy!r} needs rows in every group x label cell, and there are none in "
            f"cells {name_cells(empty, groups, classes)} of (group, label): merge groups, drop "
            "them, or choose another strategy"
        )
    return np.asarray(target)


class GroupBalancer(BaseResamplingMitigator):
    r"""Fit an estimator on rows weighted so that the group can't be told from X within a label.

    The chance of each row's group given its features and its label is estimated on other folds, and
    rows are weighted, or drawn, by its inverse. Then the group is independent of X given y, while
    the distribution of X within each label, over all groups, stays. With "parity" or "balance" the
    labels don't depend on the group either. It is a reading of Mandhala et al.'s equation (5), who
    estimate the protected information from X and y to augment the data by it.

    No row changes: it doesn't make counterfactuals, and doesn't know what anybody of another group
    would have been like. Where features all but give the group away, few rows carry large weights:
    watch ``effective_sample_size_``. Where they give it away, no rows of another group are like
    them, so no weights can help, and the effective size doesn't show it: leave such columns out.

    Parameters
    ----------
    estimator : estimator, default=None
        Any estimator or Pipeline; with ``method="weight"`` its last step takes ``sample_weight``.
        None: a sampler for ``imblearn.pipeline.Pipeline``.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, which the group isn't estimated from; a callable of X; or None: pass
        ``sensitive_features=`` to fit.
    strategy : {"keep", "parity", "balance"}, default="keep"
        Shares of the group x label cells: as they are, product of the margins, all equal.
    method : {"weight", "resample"}, default="weight"
        Weigh rows, or draw as many in proportion to the weights.
    group_estimator : estimator, default=None
        A classifier with probabilities for the group, given numbers (other columns as codes) and
        the label; by default gradient boosting. With sampling weights it has to take them.
    columns : sequence of str or int, default=None
        Columns that the group is estimated from; all but the sensitive ones by default.
    clip : float, default=10.0
        Largest weight in a cell, in multiples of the cell's mean before cutting.
    cv : int, default=5
        Number of folds; fewer where a group has fewer rows.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    random_state : int, RandomState instance or None, default=None
        Draws rows, with ``method="resample"``.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,)
        Its classes.
    weights_ : ndarray of float of shape (n,)
        Weight of each row, adding up to n.
    effective_sample_size_ : float
        Kish's :math:`(\sum w)^2 / \sum w^2`.
    clipped_share_ : float
        Share of the rows whose weight was cut.
    sample_indices_ : ndarray of int
        Which row each row was.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Warns
    -----
    UserWarning
        If the features give the group of most rows away with near certainty.

    References
    ----------
    Mandhala, V. N., Bhattacharyya, D., Midhunchakkaravarthy, D. and Kim, H. (2022). Detecting and
    mitigating bias in data using machine learning with pre-training metrics. Ingenierie des
    Systemes d'Information 27(1). https://doi.org/10.18280/isi.270114
    Li, F., Morgan, K. L. and Zaslavsky, A. M. (2018). Balancing covariates via propensity score
    weighting. JASA 113(521). https://doi.org/10.1080/01621459.2016.1260466

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skfair.datasets import make_biased_classification
    >>> data = make_biased_classification(2000, proxy_correlation=0.5, random_state=0)
    >>> model = GroupBalancer(LogisticRegression())
    >>> model.fit(data.data, data.target, sensitive_features=data.sensitive_features)
    GroupBalancer(estimator=LogisticRegression())
    >>> bool(1000 < model.effective_sample_size_ < 2000)
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        sensitive_features: ColumnSpec | None = None,
        strategy: Literal["keep", "parity", "balance"] = "keep",
        method: Literal["weight", "resample"] = "weight",
        group_estimator: Any = None,
        columns: Any = None,
        clip: float = 10.0,
        cv: int = 5,
        missing: Missing = "group",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.strategy = strategy
        self.method = method
        self.group_estimator = group_estimator
        self.columns = columns
        self.clip = clip
        self.cv = cv
        self.missing = missing
        self.random_state = random_state

    def _resample(
        self, X: Any, y: Any, groups: Groups, sample_weight: NDArray[np.float64] | None
    ) -> Resampled:
        if self.method not in ("weight", "resample"):
            raise ValueError(f'method must be "weight" or "resample", got {self.method!r}')
        labels, classes = read_labels(y)
        check_same_length(X=range(n_rows(X)), y=labels)
        shape = (groups.n_groups, len(classes))
        observed = count_cells([groups.codes, labels], shape, sample_weight)[0]
        cell_shares(observed, self.strategy, groups.labels, classes)  # refused before anything runs
        chances = self._chances(X, labels, groups, sample_weight)
        _warn_if_known(chances, sample_weight)
        self.weights_, self.clipped_share_ = balancing_weights(
            chances,
            groups.codes,
            labels,
            shape,
            strategy=self.strategy,
            clip=self.clip,
            weights=sample_weight,
        )
        self.effective_sample_size_ = float(self.weights_.sum() ** 2 / (self.weights_**2).sum())
        if self.method == "weight":
            return Resampled(X, y, groups, self.weights_, np.arange(len(labels)))
        rows = draw_rows(
            np.zeros(len(labels), dtype=np.int8),
            np.array([len(labels)]),
            weights=self.weights_,
            rng=generator(self.random_state),
        )
        drawn = Groups(groups.codes[rows], groups.labels, groups.names)
        return Resampled(take_fresh(X, rows), take_fresh(y, rows), drawn, None, rows)

    def _chances(
        self, X: Any, labels: NDArray[np.integer], groups: Groups, weights: Floats | None
    ) -> Floats:
        """Out-of-fold chance of each row's own group."""
        counted = groups.codes if weights is None else groups.codes[weights > 0]
        sizes = np.bincount(counted, minlength=groups.n_groups)
        if (sizes == 1).any():
            rare = [groups.labels[g] for g in np.flatnonzero(sizes == 1)]
            raise ValueError(f"groups {listed(rare)} have 1 sample: too few to estimate from")
        there = np.flatnonzero(sizes)
        if len(there) < 2:
            raise ValueError(f"there is one group only, {listed(groups.labels[g] for g in there)}")
        own = sensitive_positions(X, self.sensitive_features)
        used = [j for j in column_positions(X, self.columns) if j not in own]
        matrix, is_category = as_matrix(X, used)
        model = self.group_estimator
        if model is None:
            model = HistGradientBoostingClassifier(
                categorical_features=[*is_category, False],
                max_iter=50,
                max_leaf_nodes=8,
                min_samples_leaf=40,
                random_state=0,
            )
        features = np.column_stack([matrix, labels])
        n_folds = min(self.cv, int(sizes[there].min()))
        column = np.searchsorted(there, groups.codes)
        chances = np.ones(len(labels))  # of groups without weight
        for test, fitted in fit_folds(
            model, features, groups.codes, groups.codes, n_folds, weights=weights
        ):
            rows = test[sizes[groups.codes[test]] > 0]
            chances[rows] = fitted.predict_proba(features[rows])[np.arange(len(rows)), column[rows]]
        return chances


def _warn_if_known(chances: Floats, weights: Floats | None) -> None:
    known = float(np.average(chances > _SURE, weights=weights))
    if known > _MOST_KNOWN:
        warn_user(
            f"the features give the group of {known:.0%} of the rows away with near certainty: for "
            "these there is nothing to balance with; leave columns out (columns=) that tell it"
        )


def as_matrix(X: Any, positions: list[int]) -> tuple[Floats, list[bool]]:
    """Columns of X as numbers, others as codes, NaN where missing; and which are categories."""
    columns, is_category = [], []
    for position in positions:
        _, values = select_column(X, position)
        series = pd.Series(values).infer_objects()
        if pd.api.types.is_numeric_dtype(series.dtype) and series.dtype.kind != "b":
            columns.append(series.astype(float).to_numpy())
            is_category.append(False)
        else:
            codes, found = factorize(values)
            columns.append(np.where(codes < 0, np.nan, codes.astype(float)))
            is_category.append(len(found) <= _MOST_CATEGORIES)
    n = n_rows(X)
    return (np.column_stack(columns) if columns else np.empty((n, 0))), is_category
