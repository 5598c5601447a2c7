"""PrejudiceRemover: logistic regression whose predictions tell little of the group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_is_fitted

from skfair._utils.validation import check_number, generator
from skfair._utils.warning import warn_undefined_metric
from skfair.base import GroupsAtPredictMixin, check_same_features
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._logistic import Floats, Found, LogisticObjective, SearchOptions, perturbed
from skfair.inprocessing._logistic_estimator import (
    BaseFairLogistic,
    TrainingRows,
    log_probabilities,
    probabilities,
)
from skfair.inprocessing._mutual_information import PrejudiceIndex

_PREDICT = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score")


class PrejudiceRemover(GroupsAtPredictMixin, BaseFairLogistic):
    r"""Logistic regression with a penalty on what its predictions tell of the group.

    The prejudice index is the mutual information, in nats, of group and soft prediction. The model
    minimises

    .. math::

        \frac{1}{S} \sum_i s_i \log(1 + e^{-z_i d_i})
        + \frac{1}{C S} \Big(\frac{1 - \rho}{2} \lVert w \rVert_2^2 + \rho \lVert w \rVert_1\Big)
        + \eta \, \frac{1}{S} \sum_i s_i \sum_y P(y | x_i) \log\frac{\hat P(y | g_i)}{\hat P(y)}

    with weights :math:`s_i` of sum :math:`S`, labels :math:`z_i \in \{-1, 1\}` and ``l1_ratio``
    :math:`\rho`; :math:`\hat P(y | g)` and :math:`\hat P(y)` are mean probabilities in the group
    and in all rows. This is the paper's objective over the number of rows, so :math:`\eta` is the
    paper's, and its :math:`\lambda` is 1 / C; but the paper, and AIF360, shrink intercepts as well.
    With ``eta=0`` it is scikit-learn's ``LogisticRegression``. It works against differences of
    selection rates only, and is **not convex**: what is found is the best of ``n_starts`` searches.

    All groups share one model, and groups are needed at fit only. The paper fits one for each group
    instead: ``separate=True``, whose predictions depend on the group (which can be unlawful).

    Parameters
    ----------
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, which then are no features, or a callable of X; None: pass
        ``sensitive_features=`` to fit.
    eta : float, default=1.0
        Weight of the prejudice index.
    separate : bool, default=False
        Fit one model for each group. Groups are then needed at predict.
    C : float, default=1.0
        Inverse of the strength of the elastic net, as in ``LogisticRegression``.
    l1_ratio : float, default=0.0
        Share of the absolute values in the elastic net.
    fit_intercept : bool, default=True
        Whether there is an intercept, which is not shrunk.
    n_starts : int, default=3
        Number of searches: from the solution without the index, from a model that tells nothing,
        and from random places.
    solver_tol : float, default=1e-6
        Largest slope of the objective at which a search ends, in columns that are scaled to like
        curvature.
    max_iter : int, default=1000
        Most iterations of L-BFGS-B from one start.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    random_state : int, RandomState instance or None, default=None
        Draws the starts.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_kept_features) or (n_groups, n_kept_features)
        Coefficients of the columns that aren't sensitive; with ``separate``, one row a group, in
        the order of ``group_labels_``.
    intercept_ : ndarray of shape (1,) or (n_groups,)
    classes_ : ndarray of shape (2,)
        The classes. Which of them is called positive changes nothing.
    group_labels_ : tuple
        Labels of the groups.
    prejudice_index_ : float
        The index on training rows, without ``eta``; 0 where predictions tell nothing.
    n_iter_ : int
        Iterations from the kept start, and of the search without the index that starts are taken
        from.
    converged_ : bool
        Whether the search ended by ``solver_tol``, or where rounding hides smaller slopes.
    n_features_in_, feature_names_in_
        As seen in fit, the sensitive columns included.

    Raises
    ------
    ValueError
        If features aren't numeric, or there are not two classes.

    Warns
    -----
    ConvergenceWarning
        If the kept search didn't converge.
    UndefinedMetricWarning
        If there is one group only.

    References
    ----------
    Kamishima, T., Akaho, S., Asoh, H. and Sakuma, J. (2012). Fairness-aware classifier with
    prejudice remover regularizer. ECML PKDD, LNCS 7524, 35-50.
    https://doi.org/10.1007/978-3-642-33486-3_3

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 200)
    >>> X = rng.normal(size=(400, 2)) + [1.0, 0.0] * (sex == "m")[:, None]
    >>> y = (X.sum(axis=1) + rng.normal(size=400) > 0.5).astype(int)
    >>> for eta in (0.0, 100.0):
    ...     model = PrejudiceRemover(eta=eta, random_state=0).fit(X, y, sensitive_features=sex)
    ...     print(f"{model.prejudice_index_:.4f}")
    0.0310
    0.0001
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        eta: float = 1.0,
        separate: bool = False,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        n_starts: int = 3,
        solver_tol: float = 1e-6,
        max_iter: int = 1000,
        missing: Missing = "group",
        random_state: Any = None,
    ) -> None:
        self.sensitive_features = sensitive_features
        self.eta = eta
        self.separate = separate
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.n_starts = n_starts
        self.solver_tol = solver_tol
        self.max_iter = max_iter
        self.missing = missing
        self.random_state = random_state

    @property
    def uses_group_at_predict(self) -> bool:  # type: ignore[override]
        """Whether predictions depend on the group beyond X."""
        return bool(self.separate)

    def _fit_rows(self, rows: TrainingRows) -> tuple[LogisticObjective, Found]:
        groups = rows.groups
        self.group_labels_, self._names = groups.labels, groups.names
        if groups.n_groups == 1:
            warn_undefined_metric(
                f"there is one group only, {groups.labels[0]!r}: predictions can't tell of it"
            )
        parts, self._is_separate = None, self.separate
        if self.separate:
            parts = tuple(np.flatnonzero(groups.codes == g) for g in range(groups.n_groups))
        objective = self._objective(rows, parts)
        index = PrejudiceIndex.read(groups.codes, groups.n_groups, objective.shares, self.eta)
        found = self._search(objective, index)
        alone = PrejudiceIndex(index.means, index.sizes, 1.0)
        self.prejudice_index_ = max(alone(objective.design.decision(found.theta))[0], 0.0)
        return objective, found

    def _search(self, objective: LogisticObjective, index: PrejudiceIndex) -> Found:
        options: SearchOptions = {"tol": self.solver_tol, "max_iter": self.max_iter}
        free = objective.minimise(objective.start(), **options)
        if self.eta == 0:
            return free
        starts = perturbed(free.theta, self.n_starts, generator(self.random_state))
        searches = [objective.minimise(start, index, **options) for start in starts]
        best = min(searches, key=lambda found: found.value)
        return best._replace(n_iter=best.n_iter + free.n_iter)

    def decision_function(self, X: Any, *, sensitive_features: Any = None) -> Floats:
        """Logarithm of the odds of ``classes_[1]``.

        Parameters
        ----------
        X : data frame, array-like or sparse array of shape (n, n_features)
            As at fit, the sensitive columns included.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, with ``separate`` where the constructor doesn't name columns of X.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        ValueError
            With ``separate``, if groups are lacking, or one was unseen at fit.
        """
        return self._decide(X, sensitive_features)

    def predict_proba(self, X: Any, *, sensitive_features: Any = None) -> Floats:
        """Probabilities of the two classes.

        Parameters
        ----------
        X, sensitive_features
            As in :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n, 2)
        """
        return probabilities(self._decide(X, sensitive_features))

    def predict_log_proba(self, X: Any, *, sensitive_features: Any = None) -> Floats:
        """Logarithms of the probabilities of the two classes.

        Parameters
        ----------
        X, sensitive_features
            As in :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n, 2)
        """
        return log_probabilities(self._decide(X, sensitive_features))

    def predict(self, X: Any, *, sensitive_features: Any = None) -> NDArray[Any]:
        """Predict the more probable class.

        Parameters
        ----------
        X, sensitive_features
            As in :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self._choose(self._decide(X, sensitive_features))

    def score(
        self, X: Any, y: Any, sample_weight: Any = None, *, sensitive_features: Any = None
    ) -> float:
        """Accuracy of ``predict``.

        Parameters
        ----------
        X, sensitive_features
            As in :meth:`decision_function`.
        y : array-like of shape (n,)
            Labels.
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float
        """
        predicted = self.predict(X, sensitive_features=sensitive_features)
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))

    def _decide(self, X: Any, sensitive_features: Any = None) -> Floats:
        check_is_fitted(self)
        if not self._is_separate:
            return super()._decide(X)
        features = self._read_features(X, reset=False)
        groups = self._read_groups(X, sensitive_features)
        check_same_features(groups.names, self._names)
        codes = groups.encode(self.group_labels_)
        decision = np.empty(len(codes))
        for g in np.unique(codes):
            rows = np.flatnonzero(codes == g)
            decision[rows] = features[rows] @ self.coef_[g] + self.intercept_[g]
        return decision

    def _own_request(self) -> MetadataRequest:
        """Ask for groups at predict with ``separate`` only."""
        request = super()._own_request()
        asks = self.separate and self.sensitive_features is None
        for method in _PREDICT:
            of_method = getattr(request, method)
            if not asks:
                of_method.add_request(param="sensitive_features", alias=False)
            elif of_method.requests.get("sensitive_features") is None:
                of_method.add_request(param="sensitive_features", alias=True)
        return request

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("eta", self.eta)
