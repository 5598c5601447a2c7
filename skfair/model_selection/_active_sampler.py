"""ActiveSampler: which rows of a pool to label next, so that the weakest groups gain most."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skfair._utils.arrays import divide
from skfair._utils.columns import n_rows
from skfair._utils.text import listed
from skfair._utils.validation import (
    as_column,
    check_count,
    check_number,
    check_option,
    encode_labels,
    generator,
    refuse_fractions,
)
from skfair.base import SensitiveFeaturesMixin, wants
from skfair.groups import ColumnSpec, Groups, Missing, is_missing_label
from skfair.model_selection._fits import LabelledRows, Rows, read_splits
from skfair.model_selection._needs import group_needs
from skfair.model_selection._pool_choice import PoolPart, choose_rows, neighbours_shares
from skfair.model_selection._representation import Points, Representation
from skfair.model_selection._uncertainty import MEASURES, chances_of, uncertainty_of

Floats = NDArray[np.float64]
Strategy = Literal["weak_groups", "uncertainty", "random"]
Uncertainty = Literal["margin", "least_confidence", "entropy"]

_UNKNOWN = -1
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
        Rows without a sensitive value form a group of their own, or are refused.

    Attributes
    ----------
    estimator_ : estimator
        Fitted to all labelled rows.
    classes_ : ndarray
        Of the estimator.
    group_errors_ : DataFrame
        By group: ``n`` rows, out-of-fold ``error``, ``shrunk`` error and ``need``. Only with
        ``strategy="weak_groups"``.

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
        """
        self._check_parameters()
        groups = self._labelled_groups(X, sensitive_features)
        codes, n_classes = _read_classes(y)
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
                found = self._predict_out_of_fold(rows, codes, n_classes)
            (codes, found), _ = encode_labels(("y", y), ("predictions", found))
            wrong = (codes != found).astype(np.float64)
            self.group_errors_ = group_needs(wrong, groups, rows.weights, self.prior_rows)
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
            the uncertainty of no row. The group of a row is unknown if it is missing, and there was
            no such row in ``fit``, or if no groups are given: then the groups of its 10 nearest
            labelled rows are expected, in their proportion, and unknown rows get as much of each
            group's labels as they are expected to have of its rows in the pool.

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
        wants_points = (self.candidates > 1 and n < len(score)) or self._asks_neighbours(groups)
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

    def _predict_out_of_fold(
        self, rows: LabelledRows, codes: NDArray[np.integer], n_classes: int
    ) -> NDArray[Any]:
        splits = read_splits(self.cv, rows, codes)
        _check_tested(splits, rows.counted)
        for train, _ in splits:
            if n_classes > 1 and len(np.unique(codes[train])) < 2:
                raise ValueError(
                    "a training set of cv has rows of one class only: label more rows of the "
                    "others, or use another cv"
                )
        parts = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_and_predict)(rows, self.estimator, train, test) for train, test in splits
        )
        found = np.array(as_column(rows.y, "y"), dtype=object)  # rows without weight count as right
        for (_, test), part in zip(splits, parts, strict=True):
            found[test] = part
        return found

    def _chances(self, X: Any, sensitive_features: Any) -> Floats:
        for method in ("predict_proba", "decision_function"):
            if hasattr(self.estimator_, method):
                break
        else:
            raise TypeError(
                f"{type(self.estimator_).__name__} has neither predict_proba nor "
                "decision_function: there is no uncertainty to go by"
            )
        asked = sensitive_features is not None and wants(self.estimator_, method)
        params = {"sensitive_features": sensitive_features} if asked else {}
        return chances_of(getattr(self.estimator_, method)(X, **params), method, len(self.classes_))

    def _asks_neighbours(self, groups: Groups | None) -> bool:
        if self.strategy != "weak_groups":
            return False
        return groups is None or any(self._is_unknown(label) for label in groups.labels)

    def _is_unknown(self, label: Any) -> bool:
        return is_missing_label(label) and label not in self._labelled.groups.labels

    def _parts(
        self, score: Floats, groups: Groups | None, space: Representation, points: Points
    ) -> list[PoolPart]:
        """Divide the pool into groups; rows of unknown group, and of unseen ones, are one part.

        A group's share is divided between its rows and the unknown ones that it may well have.
        """
        if self.strategy != "weak_groups":
            return [PoolPart(np.arange(len(score)), score, 1.0)]
        labels, seen = self._labelled.groups.labels, self.group_errors_["need"].to_numpy()
        codes = self._codes_of(groups, len(score))
        unknown = np.flatnonzero(codes == _UNKNOWN)
        needs = np.append(seen, self.group_errors_.attrs["unseen"])
        own = np.bincount(codes[codes != _UNKNOWN], minlength=len(needs))
        expected = np.zeros((0, len(labels)))
        if len(unknown):
            expected = self._expected_groups(space, points[unknown])
        rows = own + np.append(expected.sum(axis=0), 0.0)
        shares = _focused(np.where(rows > 0, needs, 0.0), self.focus) * (rows > 0)
        of_rows = divide(shares, rows)
        parts = [
            PoolPart(np.flatnonzero(codes == g), score[codes == g], own[g] * of_rows[g])
            for g in np.flatnonzero(own)
        ]
        if len(unknown):
            weighted = score[unknown] * _focused(expected @ seen, self.focus)
            share = float((expected.sum(axis=0) * np.nan_to_num(of_rows[:-1])).sum())
            parts.append(PoolPart(unknown, weighted, share))
        return parts

    def _codes_of(self, groups: Groups | None, n: int) -> NDArray[np.intp]:
        """Find each row's group in ``fit``: one more than there are if unseen, or unknown."""
        if groups is None:
            return np.full(n, _UNKNOWN)
        place = {label: k for k, label in enumerate(self._labelled.groups.labels)}
        unseen = [g for g in groups.labels if g not in place and not self._is_unknown(g)]
        if unseen:
            said = f"groups of the pool that fit hasn't seen: {listed(unseen)}"
            if not any(label in place for label in groups.labels):
                raise ValueError(f"{said}, and no other; groups seen: {listed(place)}")
            warnings.warn(
                f"{said}; they are taken as one group with the pooled error", UserWarning, 4
            )
        place |= dict.fromkeys(unseen, len(place))
        return np.array([place.get(g, _UNKNOWN) for g in groups.labels], np.intp)[groups.codes]

    def _expected_groups(self, space: Representation, points: Points) -> Floats:
        """Shares of the groups among the nearest labelled rows."""
        labelled = self._labelled
        all_rows = np.arange(len(labelled.groups))
        method = (
            "predict_proba" if hasattr(self.estimator_, "predict_proba") else "decision_function"
        )
        values = labelled.predict(self.estimator_, all_rows, method)
        chances = chances_of(values, method, len(self.classes_))
        return neighbours_shares(labelled.groups, space.points(labelled.X, chances), points)


def _focused(needs: Floats, focus: float) -> Floats:
    """Needs to a power, with 1 for the largest, so that no power makes all of them 0."""
    return np.maximum((needs / needs.max()) ** focus, np.finfo(np.float64).tiny)


def _read_classes(y: Any) -> tuple[NDArray[np.integer], int]:
    (codes,), classes = encode_labels(("y", y))
    refuse_fractions(classes)
    return codes, len(classes)


def _check_tested(splits: list[tuple[Rows, Rows]], counted: Rows) -> None:
    tested = np.concatenate([test for _, test in splits])
    if not np.isin(counted, tested).all():
        raise ValueError("the test sets of cv must hold each row")


def _fit_and_predict(rows: LabelledRows, estimator: Any, train: Rows, test: Rows) -> NDArray[Any]:
    return as_column(rows.predict(rows.fit(estimator, train), test), "predictions")
