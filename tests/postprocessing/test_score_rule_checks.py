"""scikit-learn's own checks on cuts, calibrators, mixtures and bands by group."""

from __future__ import annotations

import pytest
import sklearn
from checks import PIPELINE, IsOdd, parametrize_with_checks
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.fixes import parse_version

from skfair.postprocessing import (
    CalibratedEqualizedOdds,
    GroupCalibrator,
    RejectOptionClassifier,
    ThresholdOptimizer,
)

GROUPS = {"sensitive_features": IsOdd(0)}
ESTIMATORS = [
    GroupCalibrator(PIPELINE, **GROUPS),
    CalibratedEqualizedOdds(
        LogisticRegression(), pos_label=1, randomized=True, random_state=3, **GROUPS
    ),
    RejectOptionClassifier(RidgeClassifier(), pos_label=1, fallback="pooled", **GROUPS),
    ThresholdOptimizer(LogisticRegression(), pos_label=1, fallback="pooled", **GROUPS),
]
SLOW = [
    ThresholdOptimizer(RidgeClassifier(), pos_label=1, tol=0.2, shrinkage=None, **GROUPS),
    ThresholdOptimizer(
        LogisticRegression(), pos_label=1, fallback="pooled", group_at_predict=False, **GROUPS
    ),
    CalibratedEqualizedOdds(LogisticRegression(), pos_label=1, cost="weighted", **GROUPS),
    ThresholdOptimizer(
        LogisticRegression(),
        pos_label=1,
        fallback="pooled",
        group_at_predict=False,
        group_estimator=PIPELINE,
        **GROUPS,
    ),
]
EFFECTIVE_SIZES = "targets and shrinkage go by effective sizes, and weights are no repeated rows"
OF_WEIGHTS = {
    f"check_sample_weight_equivalence_on_{kind}_data": EFFECTIVE_SIZES
    for kind in ("dense", "sparse")
}
OF_POS_LABEL = {"check_classifiers_classes": "the labels are strings, and pos_label is 1"}
OF_CUTS = {"check_classifiers_train": "cuts are not where predict_proba is one half"}
OF_DRAWS = {"check_methods_sample_order_invariance": "draws go by the place of a row"}
OF_FOLDS = {}
if parse_version(sklearn.__version__) < parse_version("1.7"):
    for check in ("dtype_object", "estimator_sparse_array", "estimator_sparse_matrix"):
        OF_POS_LABEL[f"check_{check}"] = "the labels are 2 and 3, and pos_label is 1"
    OF_FOLDS = dict.fromkeys(OF_WEIGHTS, "repeated rows make other folds")
else:
    OF_DRAWS["check_methods_subset_invariance"] = "draws go by the place of a row"


def expected_failures(estimator):
    if isinstance(estimator, GroupCalibrator):
        return OF_WEIGHTS
    if isinstance(estimator, ThresholdOptimizer):
        found = OF_POS_LABEL | OF_FOLDS | (OF_CUTS if estimator.shrinkage == "auto" else {})
        if estimator.infers_group and estimator.group_estimator is None:  # takes nothing sparse
            found.pop("check_sample_weight_equivalence_on_sparse_data", None)
        return found
    if isinstance(estimator, RejectOptionClassifier):
        return OF_POS_LABEL | OF_FOLDS
    return OF_WEIGHTS | OF_POS_LABEL | (OF_DRAWS if estimator.randomized else {})


# A listed check that passes is an error, because xfail is strict here.
known_warnings = pytest.mark.filterwarnings(
    "ignore:the .* can't be equalised",
    "ignore:.*undefined",
    "ignore:no band",
    "ignore:the rule doesn't meet",
    "ignore:all or none",
    "ignore:the group is guessed right",
    "ignore:tol=.* is more than the data",
    "ignore:(nobody|everybody) who is guessed",
)


@known_warnings
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


@pytest.mark.slow
@known_warnings
@parametrize_with_checks(SLOW, expected_failed_checks=expected_failures)
def test_slow_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize("i", range(len(ESTIMATORS + SLOW)))
def test_expected_failures_name_checks_that_run(i):
    estimator = [*ESTIMATORS, *SLOW][i]
    names = {
        getattr(check, "func", check).__name__ for _, check in estimator_checks_generator(estimator)
    }
    assert set(expected_failures(estimator)) <= names
