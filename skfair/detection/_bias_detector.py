"""BiasDetector: which features, and which of their values, go with the label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skfair._utils.columns import column_positions, is_frame, n_rows, take_columns, take_rows
from skfair._utils.validation import (
    as_column,
    check_count,
    check_same_length,
    check_share,
    check_weights,
    encode_labels,
)
from skfair.base import SensitiveFeaturesMixin, sensitive_positions
from skfair.detection._counted import (
    CountedFeature,
    check_thresholds,
    classes_to_test,
    count_labels,
    judge,
)
from skfair.detection._features import Feature, read_features
from skfair.detection._proxies import rank_proxies
from skfair.detection._report import (
    column_shape,
    group_report,
    judge_features_as_printed,
)
from skfair.detection._strata import MAX_STRATA, stratify
from skfair.detection._value_tests import printed_table
from skfair.detection.displays import PositiveRatesDisplay
from skfair.groups import ColumnSpec, Groups, Missing

_DRAWN = 4


class BiasDetector(SensitiveFeaturesMixin, TransformerMixin, BaseEstimator):
    r"""Find the features, and values of them, whose rows have other labels than the rest.

    Every value of a feature (numeric ones are binned) is compared with all other rows. Three tests
    may fire:

    - *significant*: the exact (hypergeometric) permutation test of the value's 2 x 2 table with the
      label, its p-value adjusted by Holm for all values of all features, is at most ``alpha``;
    - *disparate*: the positive rates differ by at least ``tolerance``;
    - *divergent*: the smoothed :math:`KL(P(y \mid f = i) \,\|\, P(y))` is at least
      ``kl_threshold``; it is that of all rows together, with ``control_features``, too.

    The weight W[f, i] of a significant value is the share of them that fire, of any other 0, since
    chance makes rare values disparate and divergent. F[f] is the largest over the values, and a
    feature is detected if some value of it is both significant and disparate: possibly none,
    possibly many.

    A detected feature is associated with the label. Whether that is bias or merit can't be read
    off the data: hours worked go with income, and so does sex. ``candidates`` restricts the search
    to features that shouldn't matter; ``control_features`` names those that legitimately do, and
    the comparison is then made among rows that are alike in them.

    Parameters
    ----------
    candidates : str, int or sequence of them, default=None
        Columns of X to search; all by default.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X, or pass ``sensitive_features=`` to fit. With them, the
        pre-training metrics of the groups and the proxies are reported, too. Not needed.
    control_features : str, int or sequence of them, default=None
        Columns of X that may legitimately matter; they are not searched. Few combinations of
        values are compared within each; otherwise rows are compared within strata of their chance
        of a positive label given these columns.
    variant : {"corrected", "paper"}, default="corrected"
        The sound method above, or the nearest executable reading of the paper's, see Notes.
    alpha : float, default=0.05
        Chance to flag anything where no feature goes with the label.
    tolerance : float, default=0.05
        Smallest difference in positive rates that counts.
    kl_threshold : float, default=0.005
        Smallest divergence, in nats, that counts.
    skewness_threshold : float, default=1.0
        Largest absolute skewness that isn't called skewed.
    n_bins : int, default=10
        Most bins of a numeric column, 2 to 30.
    n_strata : int, default=20
        Most strata of control features, 2 to 50.
    action : {"flag", "drop"}, default="flag"
        ``transform`` passes X through, or drops the detected features.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. Without it, of
        more than two classes each is tested against the rest.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.

    Attributes
    ----------
    report_ : DataFrame
        A row a feature and value: n, share, positive rate with Wilson's interval, label disparity
        (rest less value) with Newcombe's, the other pre-training metrics, p-values, tests, weight.
    features_ : DataFrame
        A row a feature, detected ones first, then by weight and effect: weight, effect (the
        largest label disparity of a significant value, or of any if none is), adjusted p-value,
        skewness, p-value of normality (D'Agostino's K2),
        share of missing values, and whether it was detected.
    weights_ : Series
        F of each feature.
    biased_features_ : list
        The detected features, strongest first.
    groups_ : DataFrame or None
        Pre-training metrics of each sensitive feature and their intersection, long form.
    proxies_ : DataFrame or None
        As :func:`find_proxies` ranks them.
    positive_rate_ : float or None
        Of all rows; None where several classes are tested.
    strata_ : ndarray of int of shape (n,) or None
        Stratum of each row, where there are control features; -1 of rows of weight 0.
    classes_ : ndarray
        Labels.
    n_features_in_, feature_names_in_
        As of other transformers.

    Raises
    ------
    ValueError
        If y has one class, is continuous, or needs ``pos_label``; if a column isn't there.

    Warns
    -----
    UserWarning
        If a column is left out because its values are no groups (a text or a date a row).

    Notes
    -----
    ``variant="paper"`` label-encodes and normalises every column and gives each value 0.1 for each
    of: absolute skewness above its threshold; not normal (the test isn't named: D'Agostino's); KS;
    sample disparity; KL. The features with the largest F are detected, ties included. The corrected
    variant differs, because the printed text

    - lost the absolute value of KS and has "/" for "x" under the root of its critical value, which
      is then above 1 and never reached;
    - asks of sample disparity :math:`F_A > F_B` without a tolerance or a test, which some value of
      nearly every feature meets;
    - asks for KL < 0, which never holds;
    - compares a value with all rows, itself included;
    - counts KS, disparity and KL as three, which for a binary label test the same 2 x 2 table: here
      they share one exact test;
    - lets skewness and non-normality weigh, which say nothing of bias and give numeric columns a
      head start: here they are reported in ``features_`` and weigh nothing;
    - always detects the largest F, whatever it is.

    References
    ----------
    Mandhala, V. N., Bhattacharyya, D., Midhunchakkaravarthy, D. and Kim, H. (2022). Detecting and
    mitigating bias in data using machine learning with pre-training metrics. Ingenierie des
    Systemes d'Information 27(1). https://doi.org/10.18280/isi.270114

    Examples
    --------
    >>> from skfair.datasets import load_german
    >>> bunch = load_german()
    >>> detector = BiasDetector(candidates=["age", "job"], pos_label="good")
    >>> detector.fit(bunch.data, bunch.target).biased_features_
    ['age']
    """

    def __init__(
        self,
        *,
        candidates: str | int | Sequence[str | int] | None = None,
        sensitive_features: ColumnSpec | None = None,
        control_features: str | int | Sequence[str | int] | None = None,
        variant: Literal["corrected", "paper"] = "corrected",
        alpha: float = 0.05,
        tolerance: float = 0.05,
        kl_threshold: float = 0.005,
        skewness_threshold: float = 1.0,
        n_bins: int = 10,
        n_strata: int = 20,
        action: Literal["flag", "drop"] = "flag",
        pos_label: Any = None,
        missing: Missing = "group",
    ) -> None:
        self.candidates = candidates
        self.sensitive_features = sensitive_features
        self.control_features = control_features
        self.variant = variant
        self.alpha = alpha
        self.tolerance = tolerance
        self.kl_threshold = kl_threshold
        self.skewness_threshold = skewness_threshold
        self.n_bins = n_bins
        self.n_strata = n_strata
        self.action = action
        self.pos_label = pos_label
        self.missing = missing

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> BiasDetector:
        """Test every value of the candidates.

        Parameters
        ----------
        X : data frame or matrix of shape (n, n_features)
            Of any types, missing values included.
        y : array-like of shape (n,)
            Labels.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor names no columns.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights; tests then count whole rows at the effective sizes. Rows of weight 0
            are left out.

        Returns
        -------
        BiasDetector
            Itself.
        """
        self._check_parameters()
        X = self._check_table(X, reset=True)
        codes, tested = self._read_labels(X, y)
        weights = check_weights(sample_weight, len(codes))
        if weights is not None and not weights.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        groups = self._given_groups(X, sensitive_features)
        kept = np.arange(len(codes)) if weights is None else np.flatnonzero(weights)
        if len(kept) < len(codes):  # rows without weight are none
            X, y, weights = take_rows(X, kept), as_column(y, "y")[kept], take_rows(weights, kept)
            groups = None if groups is None else groups.take(kept)
        n, (codes, tested) = len(codes), self._read_labels(X, y)
        searched, control = self._columns(X)
        features = self._read_features(X, searched, "candidate")
        strata = self._fit_strata(X, control, codes, tested, weights)
        if self.variant == "paper":
            self._detect_as_printed(features, codes == tested[0], weights)
        else:
            classes = len(self.classes_)
            counted = [
                CountedFeature(
                    f, count_labels(f, codes, classes, strata, weights), column_shape(f, weights)
                )
                for f in features
            ]
            self.report_, self.features_ = judge(
                counted,
                self.classes_,
                tested,
                alpha=self.alpha,
                tolerance=self.tolerance,
                kl_threshold=self.kl_threshold,
            )
        self.strata_ = None if strata is None else _spread(strata, kept, n)
        self.positive_rate_ = None
        if len(tested) == 1:
            self.positive_rate_ = float(np.average(codes == tested[0], weights=weights))
        table = self.features_
        self.weights_ = pd.Series(table["weight"].to_numpy(), index=list(table["feature"]))
        self.biased_features_ = table.loc[table["is_detected"], "feature"].tolist()
        self._report_groups(X, y, features, groups, weights)
        return self

    def transform(self, X: Any) -> Any:
        """Pass X through, or drop the detected features.

        Parameters
        ----------
        X : data frame or matrix of shape (n, n_features)

        Returns
        -------
        X
            Of the type it came in, dtypes kept; sparse formats without access to columns as CSR.
        """
        check_is_fitted(self)
        X = self._check_table(X, reset=False)
        kept = self.get_support(indices=True)
        return X if len(kept) == self.n_features_in_ else take_columns(X, kept)

    def get_support(self, indices: bool = False) -> NDArray[Any]:
        """Tell which columns ``transform`` keeps.

        Parameters
        ----------
        indices : bool, default=False
            Give positions instead of a mask.

        Returns
        -------
        support : ndarray of bool of shape (n_features,), or of int of shape (n_kept,)
        """
        check_is_fitted(self)
        support = np.ones(self.n_features_in_, dtype=bool)
        if self.action == "drop":
            detected = self.features_.loc[self.features_["is_detected"], "position"]
            support[detected.to_numpy()] = False
        return np.flatnonzero(support) if indices else support

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns that ``transform`` keeps."""
        check_is_fitted(self)
        known = getattr(self, "feature_names_in_", None)
        if input_features is None:
            default = [f"x{j}" for j in range(self.n_features_in_)]
            names = np.asarray(default if known is None else known, dtype=object)
        else:
            names = np.asarray(input_features, dtype=object)
            if len(names) != self.n_features_in_:
                raise ValueError("input_features should have length equal to number of features")
            if known is not None and not np.array_equal(names, known):
                raise ValueError("input_features is not equal to feature_names_in_")
        return names[self.get_support()]

    def plot(
        self, features: str | int | Sequence[str | int] | None = None, *, ax: Any = None
    ) -> PositiveRatesDisplay:
        """Draw the positive rate of each value of some features, filled where it was detected.

        Distributions within labels or groups: :class:`FeatureDistributionDisplay`.

        Parameters
        ----------
        features : str, int or sequence of them, default=None
            Names in ``features_``; the four strongest by default.
        ax : Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        PositiveRatesDisplay

        Raises
        ------
        ValueError
            If a feature wasn't searched, the variant isn't "corrected", or there are several
            classes and no ``pos_label``.
        """
        check_is_fitted(self)
        if "positive_rate" not in self.report_:
            raise ValueError('variant="paper" has no positive rates to draw')
        if self.positive_rate_ is None:
            raise ValueError(
                f"rates of {len(self.classes_)} classes can't be drawn together: pass pos_label, "
                "and that class is measured against the rest"
            )
        known = self.features_["feature"].tolist()
        wanted = [features] if isinstance(features, str | int) else features
        wanted = known[:_DRAWN] if wanted is None else list(wanted)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ValueError(f"features {unknown} weren't searched: {known}")
        values = self.report_[self.report_["kind"] == "value"]
        parts = [values[values["feature"] == name] for name in wanted]
        return PositiveRatesDisplay(
            report=pd.concat(parts), overall=self.positive_rate_, confidence_level=1 - self.alpha
        ).plot(ax)

    def _check_parameters(self) -> None:
        choices = {"variant": ("corrected", "paper"), "action": ("flag", "drop")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        check_share("alpha", self.alpha, ends=False)
        names = ("tolerance", "kl_threshold", "skewness_threshold")
        check_thresholds(**{name: getattr(self, name) for name in names})
        check_count("n_strata", self.n_strata, least=2, most=MAX_STRATA)
        if self.variant == "paper" and self.control_features is not None:
            raise ValueError('variant="paper" knows no control_features')

    def _check_table(self, X: Any, *, reset: bool) -> Any:
        """Check what isn't a frame or list; of sparse formats, keep those that have columns."""
        if not is_frame(X) and not isinstance(X, list | tuple):
            formats = ["csr", "csc", "lil"]
            X = check_array(X, accept_sparse=formats, dtype=None, ensure_all_finite=False)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _read_labels(self, X: Any, y: Any) -> tuple[NDArray[np.integer], list[int]]:
        """Codes of the labels, and the classes to test: the positive one, or all."""
        (codes,), classes = encode_labels(("y", y))
        check_same_length(X=range(n_rows(X)), y=codes)
        check_classification_targets(y)
        tested = classes_to_test(classes, self.pos_label, needs_two=self.variant == "paper")
        self.classes_ = np.array(classes)
        return codes, tested

    def _columns(self, X: Any) -> tuple[list[int], list[int]]:
        control = self.control_features
        held = [] if control is None else column_positions(X, control)
        searched = column_positions(X, self.candidates)
        both = sorted(set(searched) & set(held))
        if self.candidates is not None and both:
            raise ValueError(f"columns {both} are both candidates and control_features")
        searched = [j for j in searched if j not in held]
        if not searched:
            raise ValueError("no candidates are left to search")
        return searched, held

    def _read_features(self, X: Any, columns: list[int], kind: str) -> list[Feature]:
        features = read_features(X, columns=columns, n_bins=self.n_bins)
        if not features:
            raise ValueError(f"no {kind} has values that are groups")
        return features

    def _fit_strata(
        self,
        X: Any,
        control: list[int],
        codes: NDArray[np.integer],
        tested: list[int],
        weights: NDArray[np.float64] | None,
    ) -> NDArray[np.integer] | None:
        if not control:
            return None
        if len(tested) > 1:
            raise ValueError("control_features need two classes, or pos_label")
        features = self._read_features(X, control, "control feature")
        return stratify(features, codes == tested[0], self.n_strata, weights)

    def _detect_as_printed(
        self, features: list[Feature], positive: NDArray[np.bool_], weights: Any
    ) -> None:
        options = {"skewness_threshold": self.skewness_threshold, "alpha": self.alpha}
        tables = [printed_table(feature, positive, weights, **options) for feature in features]
        self.report_ = pd.concat(tables, ignore_index=True)
        self.features_ = judge_features_as_printed(features, self.report_, weights)

    def _given_groups(self, X: Any, sensitive_features: Any) -> Groups | None:
        if self.sensitive_features is None and sensitive_features is None:
            return None
        return self._read_groups(X, sensitive_features)

    def _report_groups(
        self, X: Any, y: Any, features: list[Feature], groups: Groups | None, weights: Any
    ) -> None:
        self.groups_ = self.proxies_ = None
        if groups is None:
            return
        is_binary = len(self.classes_) == 2 or self.pos_label is not None
        self.groups_ = group_report(y, groups, weights, self.pos_label, is_binary)
        own = sensitive_positions(X, self.sensitive_features)
        others = [feature for feature in features if feature.position not in own]
        self.proxies_ = rank_proxies(others, groups, weights)

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn what X and y may be."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        return tags


def _spread(strata: NDArray[np.integer], kept: NDArray[np.intp], n: int) -> NDArray[np.integer]:
    """Strata of all n rows, -1 of those that weren't kept."""
    whole = np.full(n, -1)
    whole[kept] = strata
    return whole
