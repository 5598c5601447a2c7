"""Mitigation inside training, around any estimator that takes weights."""

from __future__ import annotations

from skfair.inprocessing.adversarial import AdversarialDebiasedClassifier
from skfair.inprocessing.adversarial_regressor import AdversarialDebiasedRegressor
from skfair.inprocessing.bounded_group_loss import BoundedGroupLoss
from skfair.inprocessing.exponentiated_gradient import ExponentiatedGradient
from skfair.inprocessing.fair_logistic_regression import FairLogisticRegression
from skfair.inprocessing.fair_net import FairNetClassifier
from skfair.inprocessing.group_dro import GroupDROClassifier
from skfair.inprocessing.prejudice_remover import PrejudiceRemover
from skfair.inprocessing.reductions_grid_search import ReductionsGridSearch
from skfair.inprocessing.subgroup_fair_classifier import SubgroupFairClassifier

__all__ = [
    "AdversarialDebiasedClassifier",
    "AdversarialDebiasedRegressor",
    "BoundedGroupLoss",
    "ExponentiatedGradient",
    "FairLogisticRegression",
    "FairNetClassifier",
    "GroupDROClassifier",
    "PrejudiceRemover",
    "ReductionsGridSearch",
    "SubgroupFairClassifier",
]
