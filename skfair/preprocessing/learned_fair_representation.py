"""LearnedFairRepresentation: describe rows by prototypes that tell nothing of the group."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skfair._utils.text import listed
from skfair._utils.validation import (
    check_any_weight,
    check_count,
    check_number,
    check_same_length,
    check_weights,
    encode_labels,
    generator,
)
from skfair._utils.warning import warn_user
from skfair.base import NumericFeaturesMixin, column_names
from skfair.groups import ColumnSpec, Missing
from skfair.preprocessing._prototypes import (
    Penalties,
    Prototypes,
    Rows,
    learn_prototypes,
    memberships,
    starting_prototypes,
)

Floats = NDArray[np.float64]

_WIDE = 100


class LearnedFairRepresentation(
    NumericFeaturesMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClassifierMixin,
    TransformerMixin,
    BaseEstimator,
):
    r"""Describe rows by soft memberships in prototypes that are alike in all groups.

    Prototypes :math:`v_k` are placed so that rows can be rebuilt from their memberships, labels
    predicted from them, and the mean memberships of all groups are the same:

    .. math::

        M_{nk} \propto \exp\Big(-\sum_i \alpha_i (x_{ni} - v_{ki})^2\Big), \quad
        \hat x_n = \sum_k M_{nk} v_k, \quad \hat y_n = \sum_k M_{nk} w_k

    .. math::

        A_x \, \overline{(x_{ni} - \hat x_{ni})^2}
        - A_y \, \overline{y_n \log \hat y_n + (1 - y_n) \log(1 - \hat y_n)}
        + A_z \sum_g \sum_k \big| \overline{M}_{gk} - \overline{M}_k \big|
        + \frac{1}{2 C S} \sum_k \lVert 2 \alpha \circ (v_k - \overline{v}) \rVert^2

    Bars are weighted means over rows (and features), or over prototypes; S is the sum of weights.
    For two groups the third sum is exactly the paper's :math:`\sum_k |M_k^+ - M_k^-|`. The last one
    is none of the paper's. It keeps memberships from turning steeply between rows: they are a
    softmax of these slopes, and C shrinks them as LogisticRegression's does. Without it, small
    tables are learned by heart. It is a transformer, and by its :math:`w` a classifier of two
    classes as well. Groups are needed at fit only, because all groups share one distance.

    Features must be numeric and should have like scales: put a ``StandardScaler`` before. Columns
    that ``sensitive_features`` names are no features. Other columns that tell the group stay, and
    the penalty is what hides it.

    Parameters
    ----------
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.
    n_prototypes : int, default=10
        Number of prototypes.
    reconstruction_weight : float, default=1.0
        :math:`A_x`.
    label_weight : float, default=1.0
        :math:`A_y`.
    fairness_weight : float, default=10.0
        :math:`A_z`. Groups of new rows differ more than those of the training rows, the more so
        with many prototypes and few rows.
    C : float, default=1.0
        Inverse strength of the penalty on slopes; infinity: the paper's loss. Beside it counts the
        sum of weights: those that add up to 1 want a C as large as the number of rows.
    output : {"memberships", "reconstruction"}, default="memberships"
        What ``transform`` gives: :math:`M` or :math:`\hat x`.
    max_iter : int, default=300
        Most iterations of L-BFGS-B from one start, after which it warns.
    solver_tol : float, default=1e-8
        Relative fall of the loss below which the search ends.
    n_init : int, default=1
        Number of random starts, of which the one of least loss is kept.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    random_state : int, RandomState instance or None, default=None
        Draws the starts.

    Attributes
    ----------
    prototypes_ : ndarray of shape (n_prototypes, n_features)
        The prototypes, in the features that aren't sensitive.
    prototype_rates_ : ndarray of shape (n_prototypes,)
        Probability of the second class in each prototype (:math:`w`).
    relevance_ : ndarray of shape (n_features,)
        Weight of each feature in the distance (:math:`\alpha`).
    loss_ : float
        The loss, without smoothing.
    loss_parts_ : dict
        Its parts before weighting: ``"reconstruction"``, ``"label"``, ``"fairness"`` and
        ``"slopes"``.
    n_iter_ : int
        Iterations from the kept start.
    converged_ : bool
        Whether the search ended by ``solver_tol``.
    classes_ : ndarray of shape (2,)
        The classes. Which of them is called positive changes nothing, so nothing has to be told.
    n_features_in_, feature_names_in_
        As seen in fit.

    Raises
    ------
    ValueError
        If features aren't numeric, or there are not two classes.

    Warns
    -----
    UserWarning
        If the standard deviation of a feature is above 100, or 100 times another's (features of two
        values are not among the others).
    ConvergenceWarning
        If the kept search ended by ``max_iter``.

    Notes
    -----
    The paper proposes, as an extension, a distance for each group. Then ``transform`` would need
    the group of new rows; one distance is used here. The absolute values are smoothed, and less so
    as the search goes on: minimised as they are, they stop it early at a poor representation.

    References
    ----------
    Zemel, R., Wu, Y., Swersky, K., Pitassi, T. and Dwork, C. (2013). Learning fair representations.
    ICML, PMLR 28(3), 325-333. https://proceedings.mlr.press/v28/zemel13.html

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> group = np.repeat(["f", "m"], 100)
    >>> X = rng.normal(size=(200, 2)) + [1.0, 0.0] * (group == "m")[:, None]
    >>> y = (X.sum(axis=1) > 0.5).astype(int)
    >>> model = LearnedFairRepresentation(n_prototypes=4, random_state=0)
    >>> model.fit(X, y, sensitive_features=group).transform(X).shape
    (200, 4)
    >>> careless = LearnedFairRepresentation(n_prototypes=4, fairness_weight=0.0, random_state=0)
    >>> gap = careless.fit(X, y, sensitive_features=group).loss_parts_["fairness"]
    >>> gap > 10 * model.loss_parts_["fairness"]
    True
    """

    uses_group_at_predict = False
    infers_group = False

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        n_prototypes: int = 10,
        reconstruction_weight: float = 1.0,
        label_weight: float = 1.0,
        fairness_weight: float = 10.0,
        C: float = 1.0,
        output: Literal["memberships", "reconstruction"] = "memberships",
        max_iter: int = 300,
        solver_tol: float = 1e-8,
        n_init: int = 1,
        missing: Missing = "group",
        random_state: Any = None,
    ) -> None:
        self.sensitive_features = sensitive_features
        self.n_prototypes = n_prototypes
        self.reconstruction_weight = reconstruction_weight
        self.label_weight = label_weight
        self.fairness_weight = fairness_weight
        self.C = C
        self.output = output
        self.max_iter = max_iter
        self.solver_tol = solver_tol
        self.n_init = n_init
        self.missing = missing
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Learn prototypes from X, labels and groups.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
            Numeric, but for the columns that are named as sensitive.
        y : array-like of shape (n,)
            Labels of two classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If groups are given twice or not at all, features aren't numeric, or there are not two
            classes.
        """
        self._check_parameters()
        groups = self._read_groups(X, sensitive_features)
        features = self._read_features(X, reset=True)
        labels = self._read_labels(y, features)
        weights = check_weights(sample_weight, len(features))
        check_any_weight(weights)
        rows = np.arange(len(features)) if weights is None else np.flatnonzero(weights)
        weights = None if weights is None else weights[rows]
        (codes,), classes = encode_labels(("y", labels[rows]))
        if len(classes) != 2:
            kind = "one class" if len(classes) == 1 else "multiclass"
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}: "
                f"{listed(classes)}"
            )
        self.classes_ = np.array(classes)
        kept = groups.take(rows)
        self._warn_of_scales(X, features[rows], weights)
        total = self.C * float(len(rows) if weights is None else weights.sum())
        if total < 1.0 / np.finfo(float).max:
            raise ValueError(f"C={self.C!r} is too small for weights of this sum: raise it")
        penalties = Penalties(
            self.reconstruction_weight, self.label_weight, self.fairness_weight, 1.0 / total
        )
        self._learn(Rows.read(features[rows], codes.astype(float), kept.codes, weights), penalties)
        return self

    def _learn(self, rows: Rows, penalties: Penalties) -> None:
        rng = generator(self.random_state)
        starts = (starting_prototypes(rows, self.n_prototypes, rng) for _ in range(self.n_init))
        searches = (
            learn_prototypes(rows, start, penalties, max_iter=self.max_iter, tol=self.solver_tol)
            for start in starts
        )
        best = min(searches, key=lambda found: found.loss.total)
        self.prototypes_, self.prototype_rates_, self.relevance_ = best.prototypes
        self.loss_parts_ = best.loss._asdict()
        self.loss_ = self.loss_parts_.pop("total")
        self.n_iter_, self.converged_ = best.n_iter, best.converged
        if not best.converged:
            warn_user(
                f"the search for prototypes stopped at max_iter={self.max_iter}, before the loss "
                "ceased to fall: raise max_iter or solver_tol, or put a StandardScaler before",
                ConvergenceWarning,
            )

    def _warn_of_scales(self, X: Any, features: Floats, weights: Floats | None) -> None:
        """Warn where one distance can't serve all features, of which rare 0/1 ones are no sign."""
        mean = np.average(features, axis=0, weights=weights)
        spread = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
        several = [len(np.unique(column)) > 2 for column in features.T]
        least = spread[several & (spread > 0)].min(initial=np.inf)
        wide = (spread > _WIDE) | (spread > _WIDE * least)
        if wide.any():
            names = column_names(X if hasattr(X, "shape") else np.asarray(X, dtype=object))
            found = [names[self._kept[j]] for j in np.flatnonzero(wide)]
            warn_user(
                f"columns {listed(found)} have standard deviations above {_WIDE}, or {_WIDE} times "
                "another's: put a StandardScaler before, since all features share one distance"
            )

    def transform(self, X: Any) -> Any:
        """Give the memberships of rows, or the rows rebuilt from them.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
            As at fit. Groups are not needed.

        Returns
        -------
        ndarray of shape (n, n_prototypes) or (n, n_features)
            Memberships that add up to 1, or reconstructed features without the sensitive columns;
            a frame under ``set_output``.
        """
        shares = self._memberships(X)
        return shares @ self.prototypes_ if self.output == "reconstruction" else shares

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of the two classes.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, 2)
        """
        second = self._memberships(X) @ self.prototype_rates_
        return np.column_stack([1.0 - second, second])

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the more probable class.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n,)
        """
        likely = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likely]

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns that ``transform`` gives."""
        if self.output == "reconstruction":
            check_is_fitted(self)
            return OneToOneFeatureMixin.get_feature_names_out(self, input_features)[self._kept]
        return super().get_feature_names_out(input_features)

    @property
    def _n_features_out(self) -> int:
        return len(self.prototypes_)

    def _memberships(self, X: Any) -> Floats:
        check_is_fitted(self)
        learned = Prototypes(self.prototypes_, self.prototype_rates_, self.relevance_)
        return memberships(self._read_features(X, reset=False), learned)

    def _read_labels(self, y: Any, features: Floats) -> NDArray[Any]:
        if y is None:
            encode_labels(("y", y))
        labels = column_or_1d(y, warn=True)
        check_same_length(X=features, y=labels)
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        return labels

    def _check_parameters(self) -> None:
        for name in ("reconstruction_weight", "label_weight", "fairness_weight", "solver_tol"):
            check_number(name, getattr(self, name))
        strength = self.C
        if strength != np.inf:  # which is no penalty
            check_number("C", strength, above=0)
        for name in ("n_prototypes", "max_iter", "n_init"):
            check_count(name, getattr(self, name))
        if self.output not in ("memberships", "reconstruction"):
            raise ValueError(
                f'output must be "memberships" or "reconstruction", got {self.output!r}'
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.string = True  # in sensitive columns
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
