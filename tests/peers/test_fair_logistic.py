"""FairLogisticRegression solves scikit-lego's problem, PrejudiceRemover lowers AIF360's loss."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skfair.datasets import load_adult
from skfair.inprocessing import FairLogisticRegression, PrejudiceRemover

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def adult():
    """Standardised numbers of Adult, labels, and whether male."""
    X, y = load_adult(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:1500]
    table = X.iloc[rows].select_dtypes("number").drop(columns="fnlwgt").to_numpy(dtype=float)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    male = (X["sex"].iloc[rows] == "Male").to_numpy().astype(float)
    return table, (y.iloc[rows] == ">50K").to_numpy().astype(int), male


def fit_lego(name, rows, penalty, covariance, **options):
    X, y, male = rows
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lego = pytest.importorskip("sklego.linear_model")
            model = getattr(lego, name)(
                covariance_threshold=covariance,
                sensitive_cols=[X.shape[1]],
                penalty=penalty,
                **options,
            )
            return model.fit(np.column_stack([X, male]), y).estimators_[0]
    finally:
        logging.disable(logging.NOTSET)


def fit_ours(rows, penalty, **options):
    X, y, male = rows
    net = {"C": 1.0, "l1_ratio": 1.0} if penalty else {"C": np.inf}
    model = FairLogisticRegression(solver_tol=1e-8, **net, **options)
    return model.fit(X, y, sensitive_features=male)


@pytest.mark.parametrize("penalty", ["l1", None])
@pytest.mark.parametrize("covariance", [0.02, 0.05])
def test_the_covariance_form_with_tol_is_scikit_legos(adult, penalty, covariance):
    male = adult[2]
    theirs = fit_lego("DemographicParityClassifier", adult, penalty, covariance)
    tol = covariance / (male.mean() * (1 - male.mean()))
    ours = fit_ours(adult, penalty, tol=tol)
    assert_allclose(ours.coef_, theirs.coef_, atol=2e-3)
    assert_allclose(ours.intercept_, theirs.intercept_, atol=2e-3)


@pytest.mark.parametrize("penalty", ["l1", None])
def test_for_equal_opportunity_the_loss_is_no_higher_at_the_same_gap(adult, penalty):
    X, y, male = adult  # scikit-lego centres the group by all rows, which makes no covariance
    theirs = fit_lego("EqualOpportunityClassifier", adult, penalty, 0.05, positive_target=1)
    decision = X @ theirs.coef_[0] + theirs.intercept_[0]
    means = [decision[(y == 1) & (male == g)].mean() for g in (0, 1)]
    ours = fit_ours(adult, penalty, constraints="equal_opportunity", tol=abs(np.diff(means)[0]))
    margins = np.where(y == 1, 1, -1)

    def loss(coef, intercept):
        size = np.abs(coef).sum() if penalty else 0.0
        return np.logaddexp(0, -margins * (X @ coef[0] + intercept[0])).sum() + size

    assert loss(ours.coef_, ours.intercept_) <= loss(theirs.coef_, theirs.intercept_) + 1e-4
    assert ours.converged_


def test_separate_models_have_no_higher_loss_than_aif360s(adult):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aif360 = pytest.importorskip("aif360")
    scripts = Path(aif360.__file__).parent / "algorithms/inprocessing/kamfadm-2012ecmlpkdd"
    X, y, male = (part[:400] for part in adult)
    sys.path.insert(0, str(scripts))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from fadm.lr.pr import LRwPRType4

            theirs = LRwPRType4(eta=2.0, C=1.0)
            theirs.fit(np.column_stack([X, male]), y, itype=3)
    finally:
        sys.path.remove(str(scripts))
    ours = PrejudiceRemover(eta=2.0, separate=True, random_state=0, n_starts=5)
    ours.fit(X, y, sensitive_features=male)
    codes, design = male.astype(int), np.column_stack([X, np.ones(len(X))])
    vector = np.column_stack([ours.coef_, ours.intercept_]).ravel()
    found = theirs.loss(vector, design, y, codes)
    # theirs shrinks the intercepts, which ours leaves: measure both without
    free = 0.5 * (ours.intercept_**2).sum()
    shrunk = 0.5 * (theirs.coef_.reshape(2, -1)[:, -1] ** 2).sum()
    assert found - free <= theirs.f_loss_ - shrunk + 1e-3
    index = theirs.loss(vector, design, y, codes)
    theirs.eta = 0.0
    assert (index - theirs.loss(vector, design, y, codes)) / 2 / len(X) == pytest.approx(
        ours.prejudice_index_, rel=1e-6
    )
