"""GroupBalancer: weight or draw rows so that the group can't be told from X and y."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.multiclass import check_classification_targets

from skfair._utils.arrays import divide
from skfair._utils.columns import column_positions, n_rows, select_column, take_rows
from skfair._utils.encoding import factorize
from skfair._utils.text import listed
from skfair._utils.validation import check_same_length, encode_labels, generator
from skfair.base import BaseResamplingMitigator, Resampled, fit_weighted, sensitive_positions
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.preprocessing._cells import draw_rows
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
    times their mean are cut to that, and then all are scaled to the cell's share.

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
    if strategy not in ("keep", "parity", "balance"):
        raise ValueError(f'strategy must be "keep", "parity" or "balance", got {strategy!r}')
    if not clip >= 1:
        raise ValueError(f"clip must be at least 1, got {clip!r}")
    observed = count_cells([groups, labels], shape, weights)[0]
    observed = observed / observed.sum()
    target = {
        "keep": observed,
        "parity": observed.sum(axis=1, keepdims=True) * observed.sum(axis=0, keepdims=True),
        "balance": np.full(shape, 1 / observed.size),
    }[strategy]
    if (target[observed == 0] > 0).any():
        raise ValueError(f"strategy={strategy!r} needs rows in every group x label cell")
    own = np.ones(len(groups)) if weights is None else weights
    raw = 1 / np.maximum(chance, 1e-12)
    cells = [groups, labels]
    mean = divide(count_cells(cells, shape, raw * own)[0], count_cells(cells, shape, own)[0])
    limit = clip * np.nan_to_num(mean)[groups, labels]
    cut = np.minimum(raw, limit) * own
    total = count_cells(cells, shape, cut)[0]
    factor = np.nan_to_num(divide(target, total)) * len(groups)
    return cut * factor[groups, labels], float((raw > limit).mean())


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
        Largest weight in a cell, in multiples of the cell's mean.
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
        (labels,), classes = encode_labels(("y", y))
        check_classification_targets(y)
        check_same_length(X=range(n_rows(X)), y=labels)
        chances = self._chances(X, labels, groups, sample_weight)
        _warn_if_known(chances)
        self.weights_, self.clipped_share_ = balancing_weights(
            chances,
            groups.codes,
            labels,
            (groups.n_groups, len(classes)),
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
        return Resampled(take_rows(X, rows), take_rows(y, rows), drawn, None, rows)

    def _chances(
        self, X: Any, labels: NDArray[np.integer], groups: Groups, weights: Floats | None
    ) -> Floats:
        """Out-of-fold chance of each row's own group."""
        sizes = np.bincount(groups.codes)
        if sizes.min() < 2:
            rare = [groups.labels[g] for g in np.flatnonzero(sizes < 2)]
            raise ValueError(f"groups {listed(rare)} have 1 sample: too few to estimate from")
        if groups.n_groups < 2:
            raise ValueError(f"there is one group only, {listed(groups.labels)}")
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
        folds = StratifiedKFold(min(self.cv, int(sizes.min())), shuffle=True, random_state=0)
        features = np.column_stack([matrix, labels])
        chances = np.empty(len(labels))
        for train, test in folds.split(features, groups.codes):
            own_weights = None if weights is None else weights[train]
            fitted = fit_weighted(clone(model), features[train], groups.codes[train], own_weights)
            found = fitted.predict_proba(features[test])
            chances[test] = found[np.arange(len(test)), groups.codes[test]]
        return chances


def _warn_if_known(chances: Floats) -> None:
    known = float((chances > _SURE).mean())
    if known > _MOST_KNOWN:
        warnings.warn(
            f"the features give the group of {known:.0%} of the rows away with near certainty: for "
            "these there is nothing to balance with; leave columns out (columns=) that tell it",
            UserWarning,
            stacklevel=6,
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
