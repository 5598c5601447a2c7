"""scikit-learn's own checks on classifiers made of a network."""

from __future__ import annotations

import pytest
import sklearn
from checks import IsOdd, parametrize_with_checks
from sklearn.utils.fixes import parse_version

pytest.importorskip("torch")
pytest.importorskip("skorch")

from skfair.inprocessing import (
    AdversarialDebiasedClassifier,
    AdversarialDebiasedRegressor,
    FairNetClassifier,
    GroupDROClassifier,
)

# Whole batches, whose weighted rows are repeated rows; long floats, since batches of other lengths
# round short ones otherwise than the checks' 1e-7.
OPTIONS = {
    "sensitive_features": IsOdd(0),
    "hidden_sizes": (8,),
    "lr": 0.1,
    "max_epochs": 10,
    "batch_size": 1000,
    "batch_sampling": None,
    "dtype": "float64",
    "random_state": 0,
}
ESTIMATORS = [
    FairNetClassifier(strength=0.1, **OPTIONS),
    GroupDROClassifier(**OPTIONS),
    AdversarialDebiasedClassifier(adversary_weight=0.1, **OPTIONS),
]
SLOW = [
    AdversarialDebiasedClassifier(
        method="reversal",
        representation="active_1",
        adversary_weight=0.1,
        **OPTIONS,
    ),
    AdversarialDebiasedRegressor(adversary_weight=0.1, **{**OPTIONS, "max_epochs": 100}),
]


EXPECTED = {}
if parse_version(sklearn.__version__) < parse_version("1.7"):
    EXPECTED = {
        f"check_sample_weight_equivalence_on_{kind}_data": (
            "scikit-learn 1.6 makes two classes of three by the first row, before and after mixing"
        )
        for kind in ("dense", "sparse")
    }


def expected_failures(estimator):
    return EXPECTED


@pytest.mark.filterwarnings("ignore:.*(undefined|one group only)")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*(undefined|one group only)")
@parametrize_with_checks(SLOW, expected_failed_checks=expected_failures)
def test_slow_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)
