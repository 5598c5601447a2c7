"""scikit-learn's own checks, on configured instances of every estimator."""

from __future__ import annotations

import pytest
import sklearn
from checks import PIPELINE, IsOdd, IsPositive, parametrize_with_checks
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from skfair import Reweighter
from skfair.base import BaseGroupTransformer, BaseResamplingMitigator
from skfair.detection import BiasDetector
from skfair.groups import Bins
from skfair.preprocessing import (
    CorrelationRemover,
    DisparateImpactRemover,
    GroupBalancer,
    LabelMassager,
    LearnedFairRepresentation,
    OptimizedPreprocessor,
    Resampler,
)

BINS = Bins(0, [0.0])
ESTIMATORS = [
    Reweighter(LogisticRegression(), sensitive_features=BINS),
    Reweighter(LogisticRegression(), sensitive_features=IsPositive(0)),
    Reweighter(RandomForestClassifier(3, random_state=0), sensitive_features=BINS),
    Reweighter(PIPELINE, sensitive_features=BINS),
    Resampler(LogisticRegression(), sensitive_features=IsOdd(0), random_state=0),
    Resampler(KNeighborsClassifier(), sensitive_features=BINS, strategy="size", random_state=0),
    LabelMassager(LogisticRegression(), sensitive_features=BINS, pos_label=1),
    *(
        GroupBalancer(
            LogisticRegression(),
            sensitive_features=IsOdd(0),
            group_estimator=PIPELINE,
            method=method,
            random_state=0,
        )
        for method in ("weight", "resample")
    ),
    BiasDetector(),
    BiasDetector(action="drop"),
    CorrelationRemover(sensitive_features=IsPositive(0)),
    CorrelationRemover(sensitive_features=IsPositive(0), alpha=0.5, numeric="values"),
    CorrelationRemover(sensitive_features=BINS, drop_sensitive=False),
    DisparateImpactRemover(sensitive_features=IsPositive(0)),
    DisparateImpactRemover(sensitive_features=BINS, repair_level=0.5),
    LearnedFairRepresentation(
        sensitive_features=IsPositive(0),
        n_prototypes=4,
        reconstruction_weight=0.01,
        fairness_weight=0.1,
        max_iter=60,
        random_state=0,
    ),
    OptimizedPreprocessor(
        LogisticRegression(),
        sensitive_features=IsOdd(0),
        columns=[0],
        epsilon=100.0,  # nothing changes: the checks' columns are not discrete
        random_state=0,
    ),
]
WHY_WEIGHTS_ARE_NOT_REPETITIONS = {
    Pipeline: "the scaler in the Pipeline is not weighted",
    RandomForestClassifier: "rows are drawn at random: it fails by itself as well",
}
WHICH_LABEL_IS_POSITIVE = "the labels are 1 and 2, and pos_label isn't given"
OF_BIAS_DETECTOR = {
    "check_estimators_dtypes": WHICH_LABEL_IS_POSITIVE,
    "check_sample_weights_pandas_series": WHICH_LABEL_IS_POSITIVE,
    "check_sample_weights_not_an_array": WHICH_LABEL_IS_POSITIVE,
    "check_sample_weights_shape": WHICH_LABEL_IS_POSITIVE,
    "check_sample_weights_not_overwritten": WHICH_LABEL_IS_POSITIVE,
    "check_transformer_data_not_an_array": "a list of rows comes back as a list",
}
if sklearn.__version__.startswith("1.6."):  # there its labels are 0 and 4
    OF_BIAS_DETECTOR["check_dtype_object"] = WHICH_LABEL_IS_POSITIVE
WEIGHTS_ARE_NOT_ROWS = "repeated rows would be evidence, and sampling weights are none"


def expected_failures_of_bias_detector(detector):
    if detector.action == "flag":
        return OF_BIAS_DETECTOR
    check = "check_sample_weight_equivalence_on"
    more = {f"{check}_{kind}_data": WEIGHTS_ARE_NOT_ROWS for kind in ("dense", "sparse")}
    return {**OF_BIAS_DETECTOR, **more}


WEIGHT_CHECKS = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")]
EMPTY_CELLS = "a cell of group and label has no rows to draw from"
OF_RESAMPLER = {
    "check_sample_weights_pandas_series": EMPTY_CELLS,
    "check_sample_weights_not_an_array": EMPTY_CELLS,
    "check_sample_weights_shape": EMPTY_CELLS,
    "check_sample_weights_not_overwritten": EMPTY_CELLS,
    "check_classifiers_classes": EMPTY_CELLS,
}
THREE_CLASSES = dict.fromkeys(
    [
        *WEIGHT_CHECKS,
        "check_dtype_object",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
    ],
    "scikit-learn 1.6 has three classes for binary classifiers as well",
)


def expected_failures_of_resampling(mitigator):
    old = sklearn.__version__.startswith("1.6.")
    if isinstance(mitigator, LabelMassager):
        ternary = THREE_CLASSES if old else {}
        return {
            **dict.fromkeys(WEIGHT_CHECKS, "the ranker's folds deal rows, repeated ones apart"),
            "check_classifiers_classes": "the labels are strings, and pos_label is 1",
            **ternary,
        }
    if isinstance(mitigator, GroupBalancer):
        checks = WEIGHT_CHECKS[:1] if old else WEIGHT_CHECKS  # of sparse data it gives none
        return dict.fromkeys(checks, "cv is a number of folds, and the check gives folds")
    if isinstance(mitigator, OptimizedPreprocessor):
        return {}
    drawn = dict.fromkeys(WEIGHT_CHECKS, "rows are drawn at random")
    return drawn | OF_RESAMPLER if mitigator.strategy == "parity" else drawn


def expected_failures(estimator):
    if isinstance(estimator, BaseResamplingMitigator):
        return expected_failures_of_resampling(estimator)
    if isinstance(estimator, BiasDetector):
        return expected_failures_of_bias_detector(estimator)
    if isinstance(estimator, BaseGroupTransformer):
        reason = "a missing value in the sensitive column is a group"
        return {"check_estimators_nan_inf": reason} if estimator.sensitive_features == BINS else {}
    if isinstance(estimator, LearnedFairRepresentation):
        reason = (
            "scikit-learn 1.6 makes two classes of three by the first row, before and after mixing"
        )
        return {WEIGHT_CHECKS[0]: reason} if sklearn.__version__.startswith("1.6.") else {}
    reason = WHY_WEIGHTS_ARE_NOT_REPETITIONS.get(type(getattr(estimator, "estimator", None)))
    if reason is None:
        return {}
    check = "check_sample_weight_equivalence_on"
    return {f"{check}_dense_data": reason, f"{check}_sparse_data": reason}


# A listed check that passes is an error, because xfail is strict here. The checks' data are small.
@pytest.mark.filterwarnings("ignore:groups .* effective rows:UserWarning")
@pytest.mark.filterwarnings("ignore:no rows in cells:UserWarning")
@pytest.mark.filterwarnings("ignore:the search for prototypes stopped")
@pytest.mark.filterwarnings("ignore:columns .* have standard deviations:UserWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize("i", range(len(ESTIMATORS)))
def test_expected_failures_name_checks_that_run(i):
    checks = estimator_checks_generator(ESTIMATORS[i])
    names = {getattr(check, "func", check).__name__ for _, check in checks}
    assert set(expected_failures(ESTIMATORS[i])) <= names
