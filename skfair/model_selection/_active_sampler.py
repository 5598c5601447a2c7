"""ActiveSampler: which rows of a pool to label next, so that the weakest groups gain most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from skfair._utils.columns import n_rows, take_rows
from skfair._utils.validation import (
    check_count,
    check_number,
    check_option,
    encode_labels,
    generator,
    refuse_fractions,
)
from skfair.base import SensitiveFeaturesMixin, check_is_estimator, wants
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.model_selection._fits import LabelledRows, Rows, predict_out_of_fold, read_splits
from skfair.model_selection._needs import group_needs
from skfair.model_selection._pool_choice import PoolPart, choose_rows, neighbours_shares
from skfair.model_selection._pool_groups import (
    UNKNOWN,
    divide_pool,
    has_unknown,
    known_codes,
    pool_codes,
)
from skfair.model_selection._representation import Points, Representation
from skfair.model_selection._uncertainty import MEASURES, chances_of, uncertainty_of

Floats = NDArray[np.float64]
Strategy = Literal["weak_groups", "uncertainty", "random"]
Uncertainty = Literal["margin", "least_confidence", "entropy"]

_STRATEGIES = ("weak_groups", "uncertainty", "random")


class ActiveSampler(SensitiveFeaturesMixin, MetaEstimatorMixin, BaseEstimator):
    r"""Choose the rows of a pool that are most worth labelling.

    ``fit`` learns from the labelled rows how badly each group does; ``query`` chooses rows of a
    pool without labels. The n labels are divided among the groups of the pool,

    .. math:: n_g \propto \text{need}_g^{\text{focus}},

    where the need is the error of models that haven't seen the row, shrunk towards the pooled
    error and raised by one standard deviation of its posterior. Within a group, the rows that the
    model is least sure of are clustered by k-means, weighted by how unsure it is, and the most
    uncertain row of each cluster is chosen. So a group whose rows the model is confidently wrong
    on still gets its share, and the rows of a batch differ as far as the pool allows.

    A group that is weak because its labels are noise stays weak, and goes on getting labels:
    :func:`diagnose_fit` tells whether more rows of a group can do anything.

    Parameters
    ----------
    estimator : estimator
        A classifier, Pipeline or search with ``predict_proba`` or ``decision_function``, of any
        number of classes. A ``FrozenEstimator`` is used as it is: then the labelled rows should be
        rows that it wasn't fitted to.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X. None: pass ``sensitive_features=`` to ``fit`` and ``query``.
    strategy : {"weak_groups", "uncertainty", "random"}, default="weak_groups"
        "uncertainty" and "random" don't look at groups, and need none: they are what to compare
        with.
    uncertainty : {"margin", "least_confidence", "entropy"}, default="margin"
        One less the difference of the two largest probabilities, one less the largest, or the
        entropy.
    focus : float, default=1.0
        How much weaker groups are preferred; 0 gives all groups of the pool the same number, and
        very large numbers give the weakest group all.
    prior_rows : float, default=10.0
        With how many rows the pooled error counts in that of a group.
    candidates : int, default=5
        Uncertain rows that are clustered, for each row that is chosen; 1 chooses the most
        uncertain ones without regard to what they have in common.
    embedding : callable, default=None
        Gets X and returns the numbers, of shape (n, k), whose distances tell how much rows have in
        common. By default tables are standardised and their categories coded as indicators; of
        anything else (images) the probabilities are taken.
    cv : int, splitter, or iterable of (train, test), default=5
        Folds for the errors by group; a number makes folds balanced by label and group.
    n_jobs : int, default=None
        Folds that are fitted at a time.
    random_state : int, RandomState instance or None, default=None
        Seed of the clustering, of random choices and of the order of ties.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value are of unknown group (see ``query``), or are refused. A value
        such as "declined" is a group like any other.

    Attributes
    ----------
    estimator_ : estimator
        Fitted to all labelled rows.
    classes_ : ndarray
        Of the estimator.
    group_errors_ : DataFrame
        By group: ``n`` rows, out-of-fold ``error``, ``shrunk`` error and ``need``, which is NaN
        for rows of unknown group unless all are. Only with ``strategy="weak_groups"``.

    References
    ----------
    Settles, B. (2012). Active Learning. Morgan & Claypool.
    https://doi.org/10.2200/S00429ED1V01Y201207AIM018
    Abernethy, J. et al. (2022). Active sampling for min-max fairness. ICML.
    https://doi.org/10.48550/arXiv.2006.06879
    Zhdanov, F. (2019). Diverse mini-batch active learning.
    https://doi.org/10.48550/arXiv.1901.05954

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X, group = rng.normal(size=(400, 2)), np.repeat(["most", "few"], [360, 40])
    >>> y = np.where(group == "most", X[:, 0] > 0, X[:, 0] < 0)
    >>> start = np.r_[:90, 360:370]
    >>> sampler = ActiveSampler(LogisticRegression(), random_state=0)
    >>> sampler = sampler.fit(X[start], y[start], sensitive_features=group[start])
    >>> sampler.group_errors_["error"].round(2).to_dict()
    {'few': 1.0, 'most': 0.08}
    >>> pool = np.setdiff1d(np.arange(400), start)
    >>> chosen = sampler.query(X[pool], 20, sensitive_features=group[pool])
    >>> int((group[pool][chosen] == "few").sum())
    17
    """

    def __init__(
        self,
        estimator: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        strategy: Strategy = "weak_groups",
        uncertainty: Uncertainty = "margin",
        focus: float = 1.0,
        prior_rows: float = 10.0,
        candidates: int = 5,
        embedding: Callable[[Any], Any] | None = None,
        cv: Any = 5,
        n_jobs: int | None = None,
        random_state: Any = None,
        missing: Missing = "group",
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.strategy = strategy
        self.uncertainty = uncertainty
        self.focus = focus
        self.prior_rows = prior_rows
        self.candidates = candidates
        self.embedding = embedding
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.missing = missing

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        **fit_params: Any,
    ) -> Self:
        """Fit the estimator to the labelled rows, and measure how badly each group does.

        Parameters
        ----------
        X : data frame or array-like of shape (n, ...)
            Labelled rows; images are fine.
        y : array-like of shape (n,)
            Their classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights, for the fits and the errors.
        **fit_params : dict
            Metadata for the estimator; what is as long as the rows is divided as they are.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If groups are given twice or not at all, or there are too few rows or classes.
        TypeError
            If the estimator is no classifier.
        """
        self._check_parameters()
        self._check_estimator()
        groups = self._labelled_groups(X, sensitive_features)
        codes = _read_classes(y)
        metadata = {**fit_params, "sensitive_features": sensitive_features}
        rows = LabelledRows.read(X, y, groups, sample_weight, **metadata)
        frozen = isinstance(self.estimator, FrozenEstimator)
        self.estimator_ = self.estimator if frozen else rows.fit(self.estimator, rows.counted)
        self.classes_ = self.estimator_.classes_
        for name in ("group_errors_", "_labelled"):
            if hasattr(self, name):  # of an earlier fit
                delattr(self, name)
        if self.strategy == "weak_groups":
            found = rows.predict(self.estimator_, np.arange(len(codes))) if frozen else None
            if found is None:
                splits = read_splits(self.cv, rows, codes)
                found = predict_out_of_fold(rows, self.estimator, splits, codes, self.n_jobs)
            (codes, found), _ = encode_labels(("y", y), ("predictions", found))
            wrong = (codes != found).astype(np.float64)
            self.group_errors_ = group_needs(wrong, groups, rows.weights, self.prior_rows)
            unknown = np.setdiff1d(np.arange(groups.n_groups), known_codes(groups.labels))
            self.group_errors_.iloc[unknown, -1] = np.nan
            self._labelled = rows
        return self

    def query(self, X: Any, n: int, *, sensitive_features: Any = None) -> Rows:
        """Choose n rows of a pool.

        Parameters
        ----------
        X : data frame or array-like of shape (n_pool, ...)
            Rows without labels.
        n : int
            How many to choose; all of them, in order, if the pool has no more.
        sensitive_features : array-like of shape (n_pool,) or (n_pool, k), default=None
            Their groups. All groups that ``fit`` hasn't seen count as one with the pooled error and
            the uncertainty of no row. Where a value is missing, and if no groups are given, a row's
            group is unknown: then the groups of its 10 nearest labelled rows of known group are
            expected, in their proportion, and unknown rows get as much of each group's labels as
            they are expected to have of its rows in the pool.

        Returns
        -------
        ndarray of int of shape (min(n, n_pool),)
            Positions in the pool; groups alternate in proportion to their shares, so that the
            first k rows are divided as all of them are.

        Raises
        ------
        ValueError
            If the pool is empty, groups are given twice, ``fit`` has seen none of them, or the
            estimator scores other things than its classes (one-vs-one).

        Warns
        -----
        UserWarning
            If some groups of the pool are unseen at fit; it names them.
        """
        check_is_fitted(self, "estimator_")
        check_count("n", n)
        if n_rows(X) == 0:
            raise ValueError("Found array with 0 sample(s) in the pool: there is nothing to choose")
        rng = generator(self.random_state)
        groups = self._pool_groups(X, sensitive_features)
        n = min(int(n), n_rows(X))
        if self.strategy == "random":
            return rng.permutation(n_rows(X))[:n].astype(np.intp)
        chances = self._chances(X, sensitive_features)
        score = uncertainty_of(chances, self.uncertainty)
        asks_neighbours = self.strategy == "weak_groups" and has_unknown(groups, self._known_labels)
        wants_points = (self.candidates > 1 and n < len(score)) or asks_neighbours
        space = Representation(self.embedding)
        points = space.fit_points(X, chances) if wants_points else None
        parts = self._parts(score, groups, space, points)
        return choose_rows(parts, n, points, self.candidates, rng)

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn what this object asks for and what goes to the estimator."""
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self._own_request())
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def _check_parameters(self) -> None:
        check_option("strategy", self.strategy, _STRATEGIES)
        check_option("uncertainty", self.uncertainty, MEASURES)
        check_number("focus", self.focus)
        check_number("prior_rows", self.prior_rows, above=0)
        check_count("candidates", self.candidates)

    def _check_estimator(self) -> None:
        check_is_estimator(self.estimator, type(self).__name__)
        if is_regressor(self.estimator):
            raise TypeError(
                f"ActiveSampler needs a classifier, got the regressor "
                f"{type(self.estimator).__name__}"
            )

    def _labelled_groups(self, X: Any, sensitive_features: Any) -> Groups:
        nowhere = self.sensitive_features is None and sensitive_features is None
        if nowhere and self.strategy != "weak_groups":
            return Groups.single(n_rows(X))
        return self._read_groups(X, sensitive_features)

    def _pool_groups(self, X: Any, sensitive_features: Any) -> Groups | None:
        """Read groups of the pool; None where they are unknown, or don't matter."""
        if self.sensitive_features is None and sensitive_features is None:
            return None
        groups = self._read_groups(X, sensitive_features)
        return groups if self.strategy == "weak_groups" else None

    def _chances(self, X: Any, sensitive_features: Any) -> Floats:
        method = _scoring_method(self.estimator_)
        asked = sensitive_features is not None and wants(self.estimator_, method)
        params = {"sensitive_features": sensitive_features} if asked else {}
        return chances_of(getattr(self.estimator_, method)(X, **params), method, len(self.classes_))

    def _parts(
        self, score: Floats, groups: Groups | None, space: Representation, points: Points
    ) -> list[PoolPart]:
        """Divide the pool among the groups, by what they need."""
        if self.strategy != "weak_groups":
            return [PoolPart(np.arange(len(score)), score, 1.0)]
        codes = pool_codes(groups, len(score), self._known_labels)
        needs = self.group_errors_["need"].to_numpy()[known_codes(self._labelled.groups.labels)]
        unknown = np.flatnonzero(codes == UNKNOWN)
        expected = np.zeros((0, len(needs)))
        if len(unknown):
            expected = self._expected_groups(space, points[unknown])
        needs = np.append(needs, self.group_errors_.attrs["unseen"])
        return divide_pool(score, codes, needs, expected, self.focus)

    @property
    def _known_labels(self) -> list[Any]:
        labels = self._labelled.groups.labels
        return [labels[k] for k in known_codes(labels)]

    def _expected_groups(self, space: Representation, points: Points) -> Floats:
        """Shares of the known groups among the nearest labelled rows that are of one."""
        labelled = self._labelled
        known = known_codes(labelled.groups.labels)
        rows = np.flatnonzero(np.isin(labelled.groups.codes, known))
        method = _scoring_method(self.estimator_)
        values = labelled.predict(self.estimator_, rows, method)
        chances = chances_of(values, method, len(self.classes_))
        near = space.points(take_rows(labelled.X, rows), chances)
        return neighbours_shares(labelled.groups.take(rows), near, points)


def _scoring_method(estimator: Any) -> str:
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            return method
    raise TypeError(
        f"{type(estimator).__name__} has neither predict_proba nor decision_function: there is no "
        "uncertainty to go by"
    )


def _read_classes(y: Any) -> NDArray[np.integer]:
    (codes,), classes = encode_labels(("y", y))
    refuse_fractions(classes)
    return codes
