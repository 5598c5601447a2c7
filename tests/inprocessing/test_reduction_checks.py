"""scikit-learn's own checks on reductions."""

from __future__ import annotations

import pytest
import sklearn
from checks import IsOdd, parametrize_with_checks
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.fixes import parse_version

from skfair.inprocessing import BoundedGroupLoss, ExponentiatedGradient, ReductionsGridSearch

GROUPS = {"sensitive_features": IsOdd(0)}
ESTIMATORS = [
    ExponentiatedGradient(LogisticRegression(), pos_label=1, tol=0.1, **GROUPS),
    ExponentiatedGradient(
        LogisticRegression(), pos_label=1, tol=0.1, randomized=True, random_state=0, **GROUPS
    ),
    ExponentiatedGradient(LinearRegression(), constraints=BoundedGroupLoss(), **GROUPS),
    ReductionsGridSearch(
        LogisticRegression(tol=1e-10, max_iter=1000), pos_label=1, tol=0.1, grid_size=5, **GROUPS
    ),
]


OF_POS_LABEL = {"check_classifiers_classes": "the labels are strings, and pos_label is 1"}
OF_DRAWS = {}
if parse_version(sklearn.__version__) < parse_version("1.7"):
    for check in (
        "dtype_object",
        "estimator_sparse_array",
        "estimator_sparse_matrix",
        "sample_weight_equivalence_on_dense_data",
        "sample_weight_equivalence_on_sparse_data",
    ):
        OF_POS_LABEL[f"check_{check}"] = "the labels are not 0 and 1, and pos_label is 1"
    OF_DRAWS["check_methods_subset_invariance"] = "draws go by the place of a row"


def expected_failures(estimator):
    if isinstance(estimator.constraints, BoundedGroupLoss):
        return {}
    return OF_POS_LABEL | (OF_DRAWS if getattr(estimator, "randomized", False) else {})


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:the predictions violate",
    "ignore:the predictor kept",
    "ignore:without lots",
    "ignore:all rows are of one group",
    "ignore:undefined",
)
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize("i", range(len(ESTIMATORS)))
def test_expected_failures_name_checks_that_run(i):
    checks = estimator_checks_generator(ESTIMATORS[i])
    names = {getattr(check, "func", check).__name__ for _, check in checks}
    assert set(expected_failures(ESTIMATORS[i])) <= names
